//! Drives out of files, in order, a chunk at a time.

use crate::Message;
use crate::container::{Channel, Chunk, Container};
use crate::error::RecordingError;
use crate::info::DriveInfo;
use crate::run_record::RunRecord;
use crate::schema::decode;
use crate::topics::{ENCODING, Topic};
use mcap::parse_record;
use mcap::records::{Record, op};
use std::collections::BTreeMap;
use std::path::Path;
use types::{Calibration, Route, Stamp};

/// What to do with the messages of a channel.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Read(Topic),
    /// A view, or a topic that was not asked for.
    Pass,
    /// No part of a drive.
    Stranger,
}

/// Channel, sequence, log time and publish time before every message.
const MESSAGE_HEAD: usize = 22;

/// Log time, topic's rank, sequence, then the place in the file: a total order.
type Place = (u64, Topic, u32, u64, u32);

/// Reads a drive: an iterator over its messages in the order of log time, topic and sequence.
///
/// Memory holds the chunks that overlap in time, two or three in a drive that was written as it went on.
/// An error is one item; the iterator goes on with what can still be read.
pub struct DriveReader {
    container: Container,
    channels: BTreeMap<u16, Use>,
    /// By start time.
    chunks: Vec<Chunk>,
    next_chunk: usize,
    pending: BTreeMap<Place, Result<Message, RecordingError>>,
    calibration: Option<Calibration>,
    route: Option<Route>,
    /// The file was cut: said after its last message.
    last_word: Option<RecordingError>,
    skipped: u64,
}

impl DriveReader {
    /// Opens a drive, checks its topics and finds its calibration and route.
    ///
    /// # Errors
    /// One line that names the file and what is wrong: not there, empty, not an MCAP, cut, without any topic of a
    /// drive, a topic of another schema, an unusable calibration.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let mut reader = Self::prepare(path)?;
        if let Some(cut) = reader.last_word.take() {
            return Err(cut);
        }
        reader.find_calibration_and_route()?;
        Ok(reader)
    }

    /// Opens a drive even if its end is missing or a part is damaged. The iterator gives what can be read, an error in
    /// the place of each damaged chunk or message, and at the end the error that the file was cut.
    ///
    /// # Errors
    /// As [`DriveReader::open`], except for a cut file and for an unusable calibration.
    pub fn open_cut(path: &Path) -> Result<Self, RecordingError> {
        let mut reader = Self::prepare(path)?;
        // The iterator will come to the same error.
        let _ = reader.find_calibration_and_route();
        Ok(reader)
    }

    /// What made the drive, if the file tells.
    #[must_use]
    pub fn run_record(&self) -> Option<&RunRecord> {
        self.container.run.as_ref()
    }

    /// The drive's first calibration.
    #[must_use]
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// The drive's first route, in `odom`.
    #[must_use]
    pub fn route(&self) -> Option<&Route> {
        self.route.as_ref()
    }

    /// Whether a topic has any message.
    #[must_use]
    pub fn has_messages(&self, topic: &str) -> bool {
        let ids = self.container.channels.iter().filter(|(_, channel)| channel.topic == topic).map(|(id, _)| id);
        ids.filter_map(|id| self.container.counts.get(id)).any(|&count| count > 0)
    }

    /// Leaves out every topic but these: their messages are not even decoded. An error is never left out.
    pub fn only(&mut self, topics: &[&str]) {
        let wanted = |topic: Topic| topics.contains(&topic.row().name);
        for entry in self.channels.values_mut() {
            if matches!(*entry, Use::Read(topic) if !wanted(topic)) {
                *entry = Use::Pass;
            }
        }
        self.pending.retain(|place, message| wanted(place.1) || message.is_err());
    }

    /// Messages of topics that are no part of a drive, passed over so far. Views do not count.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Size, times, channels and origin of the drive.
    ///
    /// # Errors
    /// What the operating system says, or a damaged index.
    pub fn info(&mut self) -> Result<DriveInfo, RecordingError> {
        DriveInfo::of(&mut self.container)
    }

    fn prepare(path: &Path) -> Result<Self, RecordingError> {
        let container = Container::open(path)?;
        let channels = known_channels(&container)?;
        if container.loose_messages > 0 {
            return Err(RecordingError::NotChunked { path: path.into(), messages: container.loose_messages });
        }
        let last_word = container.cut.then(|| container.truncated());
        let mut chunks = container.chunks.clone();
        chunks.sort_by_key(|chunk| (chunk.start_ns, chunk.offset));
        Ok(Self {
            container,
            channels,
            chunks,
            next_chunk: 0,
            pending: BTreeMap::new(),
            calibration: None,
            route: None,
            last_word,
            skipped: 0,
        })
    }

    fn find_calibration_and_route(&mut self) -> Result<(), RecordingError> {
        for wanted in [Topic::Calibration, Topic::RoutePoses] {
            match self.first_of(wanted)? {
                Some(Message::Calibration(calibration)) => self.calibration = Some(calibration),
                Some(Message::Route(route)) => self.route = Some(route),
                _ => {}
            }
        }
        Ok(())
    }

    /// The first message of a topic, without any effect on the iterator.
    fn first_of(&mut self, wanted: Topic) -> Result<Option<Message>, RecordingError> {
        let Some((&id, _)) = self.channels.iter().find(|(_, entry)| **entry == Use::Read(wanted)) else {
            return Ok(None);
        };
        let Some(chunk) = self.chunks.iter().find(|chunk| chunk.channels.contains(&id)) else { return Ok(None) };
        let others = self.channels.keys().map(|&other| (other, Use::Pass));
        let channels = others.chain([(id, Use::Read(wanted))]).collect();
        let mut found = BTreeMap::new();
        load(&mut self.container, chunk, &channels, &mut found, &mut 0)?;
        found.pop_first().map(|(_, message)| message).transpose()
    }

    fn load_next_chunk(&mut self) {
        let chunk = &self.chunks[self.next_chunk];
        self.next_chunk += 1;
        let passed = |channel| self.channels.get(channel) == Some(&Use::Pass);
        if !chunk.channels.is_empty() && chunk.channels.iter().all(passed) {
            return; // nothing to read: it is neither unpacked nor checked
        }
        let outcome = load(&mut self.container, chunk, &self.channels, &mut self.pending, &mut self.skipped);
        if let Err(error) = outcome {
            let place = (chunk.start_ns, Topic::Calibration, 0, chunk.offset, 0);
            self.pending.insert(place, Err(error));
        }
    }
}

impl Iterator for DriveReader {
    type Item = Result<Message, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let due = self.pending.first_key_value().map(|(place, _)| place.0);
            match (due, self.chunks.get(self.next_chunk)) {
                // A chunk that begins at the same time may hold a message that comes first.
                (due, Some(chunk)) if due.is_none_or(|time| chunk.start_ns <= time) => self.load_next_chunk(),
                (Some(_), _) => return self.pending.pop_first().map(|(_, message)| message),
                (None, _) => return self.last_word.take().map(Err),
            }
        }
    }
}

/// The use of every channel. A topic that replays read must have its own schema, and there must be one.
fn known_channels(container: &Container) -> Result<BTreeMap<u16, Use>, RecordingError> {
    let mut channels = BTreeMap::new();
    let mut readable = 0;
    for (&id, channel) in &container.channels {
        let topic = match Topic::from_name(&channel.topic) {
            Some(topic) if topic.row().read => topic,
            other => {
                channels.insert(id, if other.is_some() { Use::Pass } else { Use::Stranger });
                continue;
            }
        };
        channels.insert(id, Use::Read(topic));
        readable += 1;
        let found = [&channel.schema, &channel.schema_encoding, &channel.message_encoding];
        if found != [topic.row().schema, ENCODING, ENCODING] {
            return Err(RecordingError::Schema {
                path: container.path.clone(),
                topic: channel.topic.clone(),
                found: described(channel),
                expected: format!("{ENCODING} messages of {} ({ENCODING})", topic.row().schema),
            });
        }
    }
    if readable == 0 && container.run.is_none() && !(container.cut && container.channels.is_empty()) {
        let (path, profile, library) = (container.path.clone(), container.profile.clone(), container.library.clone());
        let mut names = container.channels.values().map(|c| format!("{} has {}", c.topic, described(c)));
        let first = names.by_ref().take(12).collect::<Vec<_>>().join(", ");
        let channels = match names.count() {
            _ if first.is_empty() => "none".into(),
            0 => first,
            more => format!("{first} and {more} more"),
        };
        return Err(RecordingError::Foreign { path, profile, library, channels });
    }
    Ok(channels)
}

pub(crate) fn described(channel: &Channel) -> String {
    match (channel.schema.as_str(), channel.schema_encoding.as_str()) {
        ("", _) => format!("{} messages without a schema", channel.message_encoding),
        (schema, "") => format!("{} messages of {schema} (schema missing)", channel.message_encoding),
        (schema, encoding) => format!("{} messages of {schema} ({encoding})", channel.message_encoding),
    }
}

/// Decodes the messages of a chunk into `pending`. A message that does not decode becomes an error in its place.
fn load(
    container: &mut Container,
    chunk: &Chunk,
    channels: &BTreeMap<u16, Use>,
    pending: &mut BTreeMap<Place, Result<Message, RecordingError>>,
    skipped: &mut u64,
) -> Result<(), RecordingError> {
    let path = container.path.clone();
    let mut number = 0;
    container.read_chunk(chunk, |opcode, data| {
        if opcode != op::MESSAGE {
            return Ok(());
        }
        let Ok(Record::Message { header, .. }) = parse_record(opcode, data) else {
            return Err("a message without a header".into());
        };
        let data = data.slice(MESSAGE_HEAD..);
        number += 1;
        let (id, time) = (header.channel_id, header.log_time);
        let topic = match channels.get(&id) {
            Some(Use::Read(topic)) => *topic,
            Some(Use::Pass) => return Ok(()),
            Some(Use::Stranger) => {
                *skipped += 1;
                return Ok(());
            }
            None => return Err(format!("a message of channel {id}, which is unknown")),
        };
        if !(chunk.start_ns..=chunk.end_ns).contains(&time) {
            let (start, end) = (chunk.start_ns, chunk.end_ns);
            return Err(format!("a message at {time} ns in a chunk from {start} to {end} ns"));
        }
        let message = match i64::try_from(time) {
            Ok(nanos) => decode::message(topic, Stamp::from_nanos(nanos), header.sequence.into(), &data),
            Err(_) => Err("the log time is too large".into()),
        };
        let message = match message {
            Ok(Message::Calibration(calibration)) => match calibration.validate() {
                Ok(()) => Ok(Message::Calibration(calibration)),
                Err(source) => Err(RecordingError::Calibration { path: path.clone(), source }),
            },
            Ok(message) => Ok(message),
            Err(reason) => {
                let topic = topic.row().name.to_string();
                Err(RecordingError::Message { path: path.clone(), topic, log_time_ns: time, reason })
            }
        };
        pending.insert((time, topic, header.sequence, chunk.offset, number), message);
        Ok(())
    })
}

#[cfg(test)]
mod tests;
