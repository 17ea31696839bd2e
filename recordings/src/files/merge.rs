//! Several files as one, in the order of time.

use super::copy::Copy;
use super::{LATCHED, check_output};
use crate::container::Container;
use crate::container::ordered::Ordered;
use crate::info::{ChannelInfo, DriveInfo};
use crate::{Compression, RecordingError, Written};
use mcap::records::{MessageHeader, op};
use std::path::{Path, PathBuf};

/// Merges files into `output`: parts of one recording, or recordings of different topics. Channels that are equal become one.
///
/// # Errors
/// As for a slice; two different runs (a drive holds one); one topic with two schemas, or in two files at the same time, since
/// nobody could tell whose message is whose.
pub fn merge(inputs: &[PathBuf], output: &Path, compression: Compression) -> Result<Written, RecordingError> {
    check_output(&inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>(), output)?;
    let mut files = inputs.iter().map(|path| Container::open_whole(path)).collect::<Result<Vec<_>, _>>()?;
    let infos = files.iter_mut().map(DriveInfo::of).collect::<Result<Vec<_>, _>>()?;
    for (place, other) in infos.iter().enumerate() {
        for info in &infos[..place] {
            check_runs(info, other)?;
            check_topics(info, other)?;
        }
    }
    for (place, other) in files.iter().enumerate() {
        files[..place].iter().try_for_each(|file| check_schemas(file, other))?;
    }
    let profile = files.first().map_or_else(String::new, |file| file.profile.clone());
    let profile = if files.iter().all(|file| file.profile == profile) { profile } else { String::new() };
    let mut copy = Copy::create(output, &profile, compression)?;
    let mut streams = Vec::new();
    let mut asides: Vec<Vec<u8>> = Vec::new();
    for mut file in files {
        file.each_aside(|opcode, data| {
            // Parts of one recording repeat their metadata.
            let known = opcode == op::METADATA && asides.iter().any(|other| other == data);
            if opcode == op::METADATA && !known {
                asides.push(data.to_vec());
            }
            if known { Ok(()) } else { copy.record(opcode, data) }
        })?;
        let ids = copy.know(&file)?;
        let mut stream = Ordered::new(file);
        let next = stream.next().transpose()?;
        streams.push((stream, ids, next));
    }
    // The file whose next message is the oldest; the first one of equals.
    while let Some((stream, ids, next)) = streams
        .iter_mut()
        .filter(|(_, _, next)| next.is_some())
        .min_by_key(|(_, _, next)| next.as_ref().map_or(u64::MAX, |(header, _)| header.log_time))
    {
        if let Some((header, data)) = next.take() {
            let channel_id = ids.get(&header.channel_id).copied().unwrap_or(0);
            copy.put(&MessageHeader { channel_id, ..header }, &data)?;
        }
        *next = stream.next().transpose()?;
    }
    copy.finish()
}

fn check_runs(one: &DriveInfo, other: &DriveInfo) -> Result<(), RecordingError> {
    let (Some(run), Some(their)) = (&one.run, &other.run) else { return Ok(()) };
    if run == their {
        return Ok(());
    }
    let words = |run: &crate::RunRecord| format!("{} of \"{}\"", run.mode, run.source);
    let reason =
        format!("another run ({}) than {} ({}): a drive holds one", words(their), one.path.display(), words(run));
    Err(RecordingError::source(&other.path, None, reason))
}

/// One topic must not be in both at the same time.
fn check_topics(one: &DriveInfo, other: &DriveInfo) -> Result<(), RecordingError> {
    let shared = |channel: &&ChannelInfo| !LATCHED.contains(&channel.topic.as_str());
    for channel in one.channels.iter().filter(shared) {
        let Some(their) = other.channels.iter().find(|other| other.topic == channel.topic) else { continue };
        if let (Some((begin, end)), Some((their_begin, their_end))) = (channel.span_ns, their.span_ns)
            && begin <= their_end
            && their_begin <= end
        {
            let reason = format!(
                "{} from {their_begin} to {their_end} ns, {} has it from {begin} to {end} ns: whose is whose?",
                channel.topic,
                one.path.display()
            );
            return Err(RecordingError::source(&other.path, None, reason));
        }
    }
    Ok(())
}

fn check_schemas(one: &Container, other: &Container) -> Result<(), RecordingError> {
    for channel in one.channels.values() {
        let Some(their) = other.channels.values().find(|other| other.topic == channel.topic) else { continue };
        let key = |channel: &crate::container::Channel| {
            let encodings = (channel.message_encoding.clone(), channel.schema_encoding.clone());
            (channel.schema.clone(), encodings, channel.schema_data.clone())
        };
        if key(channel) != key(their) {
            let (path, topic) = (other.path.clone(), channel.topic.clone());
            let (found, expected) = (crate::reader::described(their), crate::reader::described(channel));
            let expected = format!("the same schema as in {}: {expected}", one.path.display());
            return Err(RecordingError::Schema { path, topic, found, expected });
        }
    }
    Ok(())
}
