//! Drives out of files, in order, a chunk at a time.

use crate::container::{Channel, Chunk, Container};
use crate::error::RecordingError;
use crate::info::DriveInfo;
use crate::run_record::RunRecord;
use crate::schema::decode;
use crate::topics::{ENCODING, Topic};
use crate::Message;
use mcap::records::{Record, op};
use mcap::{MAGIC, parse_record};
use std::collections::BTreeMap;
use std::path::Path;
use types::{Calibration, Pose2, Stamp};

/// Log time, topic's rank, sequence, then the place in the file: a total order.
type Place = (u64, Topic, u32, u64, u32);

/// Reads a drive: an iterator over its messages in the order of log time, topic and sequence.
///
/// Memory holds the chunks that overlap in time, two or three in a drive that was written as it went on.
/// An error is one item; the iterator goes on with what can still be read.
pub struct DriveReader {
    container: Container,
    topics: BTreeMap<u16, Topic>,
    /// By start time.
    chunks: Vec<Chunk>,
    next_chunk: usize,
    pending: BTreeMap<Place, Result<Message, RecordingError>>,
    calibration: Option<Calibration>,
    route: Option<Vec<Pose2>>,
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
        match reader.last_word.take() {
            Some(cut) => Err(cut),
            None => Ok(reader),
        }
    }

    /// Opens a drive even if its end is missing. The iterator gives the messages of the whole chunks and then the error.
    ///
    /// # Errors
    /// As [`DriveReader::open`], except for a cut file.
    pub fn open_cut(path: &Path) -> Result<Self, RecordingError> {
        Self::prepare(path)
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
    pub fn route(&self) -> Option<&[Pose2]> {
        self.route.as_deref()
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
        let last_word = container.cut.then(|| RecordingError::Truncated {
            path: path.into(),
            bytes: container.bytes,
            chunks: container.chunks.len(),
            messages: container.message_count(),
        });
        let topics = known_topics(&container)?;
        if container.loose_messages > 0 {
            return Err(RecordingError::NotChunked { path: path.into(), messages: container.loose_messages });
        }
        let mut chunks = container.chunks.clone();
        chunks.sort_by_key(|chunk| (chunk.start_ns, chunk.offset));
        let mut reader = Self {
            container,
            topics,
            chunks,
            next_chunk: 0,
            pending: BTreeMap::new(),
            calibration: None,
            route: None,
            last_word,
            skipped: 0,
        };
        reader.find_calibration_and_route()?;
        Ok(reader)
    }

    /// Both are in the first chunk of every drive we write, which stays loaded; else the chunk that has them is read.
    fn find_calibration_and_route(&mut self) -> Result<(), RecordingError> {
        if !self.chunks.is_empty() {
            self.load_next_chunk();
        }
        for wanted in [Topic::Calibration, Topic::RoutePoses] {
            let loaded = self.pending.iter().find(|(place, _)| place.1 == wanted).map(|(place, _)| *place);
            let found = match loaded {
                Some(place) if matches!(self.pending[&place], Err(_)) => self.pending.remove(&place),
                Some(place) => self.pending[&place].as_ref().ok().cloned().map(Ok),
                None => self.first_of(wanted),
            };
            match found.transpose()? {
                Some(Message::Calibration(calibration)) => self.calibration = Some(calibration),
                Some(Message::Route(route)) => self.route = Some(route),
                _ => {}
            }
        }
        Ok(())
    }

    /// The first message of a topic, without loading the chunk for the iterator.
    fn first_of(&mut self, wanted: Topic) -> Option<Result<Message, RecordingError>> {
        let id = *self.topics.iter().find(|(_, topic)| **topic == wanted)?.0;
        let chunk = self.chunks.iter().position(|chunk| chunk.channels.contains(&id))?;
        let mut found = BTreeMap::new();
        let only = BTreeMap::from([(id, wanted)]);
        if let Err(error) = load(&mut self.container, &self.chunks[chunk], &only, &mut found, &mut 0) {
            return Some(Err(error));
        }
        found.pop_first().map(|(_, message)| message)
    }

    fn load_next_chunk(&mut self) {
        let chunk = &self.chunks[self.next_chunk];
        self.next_chunk += 1;
        let outcome = load(&mut self.container, chunk, &self.topics, &mut self.pending, &mut self.skipped);
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

/// Channels that replays read.
fn known_topics(container: &Container) -> Result<BTreeMap<u16, Topic>, RecordingError> {
    let mut topics = BTreeMap::new();
    for (&id, channel) in &container.channels {
        let Some(topic) = Topic::from_name(&channel.topic).filter(|topic| topic.row().read) else { continue };
        let found = [&channel.schema, &channel.schema_encoding, &channel.message_encoding];
        if found != [topic.row().schema, ENCODING, ENCODING] {
            return Err(RecordingError::Schema {
                path: container.path.clone(),
                topic: channel.topic.clone(),
                found: described(channel),
                expected: format!("{ENCODING} messages of {} ({ENCODING})", topic.row().schema),
            });
        }
        topics.insert(id, topic);
    }
    if topics.is_empty() && container.run.is_none() && !container.channels.is_empty() {
        let (path, profile, library) = (container.path.clone(), container.profile.clone(), container.library.clone());
        let mut names = container.channels.values().map(|c| format!("{} has {}", c.topic, described(c)));
        let mut channels = names.by_ref().take(12).collect::<Vec<_>>().join(", ");
        let more = names.count();
        if more > 0 {
            channels += &format!(" and {more} more");
        }
        return Err(RecordingError::Foreign { path, profile, library, channels });
    }
    Ok(topics)
}

fn described(channel: &Channel) -> String {
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
    topics: &BTreeMap<u16, Topic>,
    pending: &mut BTreeMap<Place, Result<Message, RecordingError>>,
    skipped: &mut u64,
) -> Result<(), RecordingError> {
    let (path, known) = (container.path.clone(), container.channels.clone());
    let mut number = 0;
    container.read_chunk(chunk, |opcode, data| {
        if opcode != op::MESSAGE {
            return Ok(());
        }
        let Ok(Record::Message { header, data }) = parse_record(opcode, data) else {
            return Err("a message without a header".into());
        };
        number += 1;
        let (id, time) = (header.channel_id, header.log_time);
        let Some(&topic) = topics.get(&id) else {
            match known.get(&id) {
                None => return Err(format!("a message of channel {id}, which is unknown")),
                Some(channel) if Topic::from_name(&channel.topic).is_none() => *skipped += 1,
                Some(_) => {}
            }
            return Ok(());
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
