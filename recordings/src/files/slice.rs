//! A part of a drive, by time.

use super::copy::Copy;
use super::{LATCHED, check_output};
use crate::container::Container;
use crate::sink::Shelf;
use crate::topics::Topic;
use crate::{Compression, RecordingError, Written};
use mcap::records::MessageHeader;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Copies the messages from `from_s` up to (not at) `to_s`, seconds after the first message of the file, into `output`. The newest
/// calibration, static transforms, route and map before it come along, at the time of the slice's begin. Without an
/// end all of it is copied: with another compression that makes an archive. A `thin` one is without images, sweeps and views: what a replay from
/// the detections needs.
///
/// # Errors
/// Not an MCAP file, a cut one, messages outside of chunks, no message in that time, an output that cannot be written.
pub fn slice(
    input: &Path,
    from_s: f64,
    to_s: Option<f64>,
    thin: bool,
    output: &Path,
    compression: Compression,
) -> Result<Written, RecordingError> {
    check_output(&[input], output)?;
    let mut container = Container::open_whole(input)?;
    let filled = || container.chunks.iter().filter(|chunk| chunk.has_messages());
    let (first, last) = (filled().map(|chunk| chunk.start_ns).min(), filled().map(|chunk| chunk.end_ns).max());
    let (Some(first), Some(last)) = (first, last) else {
        return Err(RecordingError::source(input, None, "the file holds no message"));
    };
    let at = |seconds: f64| first.saturating_add((seconds * 1e9).round().max(0.0) as u64);
    let (from, to) = (at(from_s), to_s.map_or(u64::MAX, at));
    if from > last || from >= to {
        let length_s = (last - first) as f64 * 1e-9;
        let to = to_s.map_or_else(|| "the end".into(), |to| format!("{to}"));
        let reason = format!("no message from {from_s} to {to} s: it lasts from 0 to {length_s:.3} s");
        return Err(RecordingError::source(input, None, reason));
    }
    let mut copy = Copy::create(output, &container.profile, compression)?;
    container.each_aside(|opcode, data| copy.record(opcode, data))?;
    let source = input.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let note = [("source", source), ("from_ns", from.to_string()), ("to_ns", to.min(last).to_string())];
    copy.metadata("chauffeur.slice", note.map(|(key, value)| (key.into(), value)).into())?;
    let left_out = if thin { sensors_and_views(&container) } else { BTreeSet::new() };
    copy.know_without(&container, &left_out)?;
    for (header, data) in latched(&mut container, from)? {
        if left_out.contains(&header.channel_id) {
            continue;
        }
        copy.message(&MessageHeader { log_time: from, ..header }, &data)?;
    }
    let chunks = container.chunks.clone();
    let holds = |chunk: &&crate::container::Chunk| !chunk.channels.iter().all(|id| left_out.contains(id));
    for chunk in chunks.iter().filter(|chunk| chunk.start_ns < to && chunk.end_ns >= from).filter(holds) {
        container.messages_of(chunk, &mut |header, data| {
            if (from..to).contains(&header.log_time) && !left_out.contains(&header.channel_id) {
                copy.message(header, data)?;
            }
            Ok(true)
        })?;
    }
    copy.finish()
}

/// Channels of a drive of ours that are images, sweeps, or views for people.
fn sensors_and_views(container: &Container) -> BTreeSet<u16> {
    let own = container.channels.iter().filter_map(|(&id, channel)| {
        let topic = Topic::from_name(&channel.topic).filter(|topic| topic.row().schema == channel.schema)?;
        Some((id, topic.shelf()))
    });
    own.filter(|(_, shelf)| *shelf != Shelf::Replay).map(|(id, _)| id).collect()
}

/// The newest message before a time of each latched channel, by channel.
fn latched(container: &mut Container, before: u64) -> Result<Vec<(MessageHeader, Vec<u8>)>, RecordingError> {
    let is_latched =
        |id: &u16| container.channels.get(id).is_some_and(|channel| LATCHED.contains(&channel.topic.as_str()));
    let ids = container.channels.keys().copied().filter(is_latched).collect::<Vec<_>>();
    let chunks = container.chunks.clone();
    let mut newest = BTreeMap::<u16, (MessageHeader, Vec<u8>)>::new();
    let holds = |chunk: &&crate::container::Chunk| chunk.channels.iter().any(|id| ids.contains(id));
    for chunk in chunks.iter().filter(|chunk| chunk.start_ns < before).filter(holds) {
        container.messages_of(chunk, &mut |header, data| {
            if header.log_time < before
                && ids.contains(&header.channel_id)
                && newest.get(&header.channel_id).is_none_or(|(last, _)| last.log_time <= header.log_time)
            {
                newest.insert(header.channel_id, (*header, data.to_vec()));
            }
            Ok(true)
        })?;
    }
    Ok(newest.into_values().collect())
}
