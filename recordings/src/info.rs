//! What is in an MCAP file, for a person.

use crate::container::Container;
use crate::error::RecordingError;
use crate::run_record::RunRecord;
use crate::topics::Topic;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelInfo {
    /// The topic.
    pub topic: String,
    /// Name of the schema, empty if there is none.
    pub schema: String,
    /// How messages are encoded, and how the schema is: `protobuf` in our drives, `cdr` and `ros2msg` or `ros2idl` in ROS 2 bags.
    pub encodings: [String; 2],
    /// Whether a replay reads it; otherwise it is a view or none of ours.
    pub read: bool,
    /// Messages.
    pub messages: u64,
    /// Log times of the first and the last message, ns; `None` without messages or index.
    pub span_ns: Option<(u64, u64)>,
    /// Messages a second between the first and the last one; zero if there are fewer than two.
    pub rate_hz: f64,
    /// Uncompressed size of its messages. A schema that lies between two messages counts with the one before it.
    pub bytes: u64,
}

/// An MCAP file, whoever wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct DriveInfo {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its profile.
    pub profile: String,
    /// What wrote it.
    pub library: String,
    /// What made the drive, if it is one of ours.
    pub run: Option<RunRecord>,
    /// Log times of the first and the last message, ns; `None` without messages.
    pub span_ns: Option<(u64, u64)>,
    /// Messages, views included.
    pub messages: u64,
    /// Chunks.
    pub chunks: usize,
    /// Compression of the chunks, each with its number of chunks; `""` is none.
    pub compression: BTreeMap<String, usize>,
    /// Size of all chunks as they lie in the file.
    pub compressed_bytes: u64,
    /// Size of all chunks after decompression.
    pub uncompressed_bytes: u64,
    /// The end of the file is missing.
    pub cut: bool,
    /// The channels by topic.
    pub channels: Vec<ChannelInfo>,
}

impl DriveInfo {
    /// Describes any MCAP file, cut or foreign ones too. Reads the indexes, not the messages.
    ///
    /// # Errors
    /// Not there, empty, not an MCAP file, or a damaged index.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        Self::of(&mut Container::open(path)?)
    }

    /// Seconds from the first to the last message.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.span_ns.map_or(0.0, |(first, last)| seconds(first, last))
    }

    pub(crate) fn of(container: &mut Container) -> Result<Self, RecordingError> {
        let chunks = container.chunks.clone();
        let (mut spans, mut sizes) = (BTreeMap::<u16, (u64, u64)>::new(), BTreeMap::<u16, u64>::new());
        for chunk in &chunks {
            let mut places = Vec::new();
            for (channel, entries) in container.read_message_index(chunk)? {
                for (time, offset) in entries {
                    let span = spans.entry(channel).or_insert((time, time));
                    *span = (span.0.min(time), span.1.max(time));
                    places.push((offset, channel));
                }
            }
            places.sort_unstable();
            let ends = places.iter().skip(1).map(|place| place.0).chain([chunk.uncompressed_bytes]);
            for (&(offset, channel), end) in places.iter().zip(ends) {
                *sizes.entry(channel).or_default() += end.saturating_sub(offset);
            }
        }
        let channel_info = |(id, channel): (&u16, &crate::container::Channel)| {
            let messages = container.counts.get(id).copied().unwrap_or(0);
            let span_ns = spans.get(id).copied();
            let duration_s = span_ns.map_or(0.0, |(first, last)| seconds(first, last));
            ChannelInfo {
                topic: channel.topic.clone(),
                schema: channel.schema.clone(),
                encodings: [channel.message_encoding.clone(), channel.schema_encoding.clone()],
                read: Topic::from_name(&channel.topic).is_some_and(|topic| topic.row().read),
                messages,
                span_ns,
                rate_hz: if duration_s > 0.0 { messages.saturating_sub(1) as f64 / duration_s } else { 0.0 },
                bytes: sizes.get(id).copied().unwrap_or(0),
            }
        };
        let mut channels = container.channels.iter().map(channel_info).collect::<Vec<_>>();
        channels.sort_by(|a, b| a.topic.cmp(&b.topic));
        let mut compression = BTreeMap::new();
        for chunk in &chunks {
            *compression.entry(chunk.compression.clone()).or_default() += 1;
        }
        let filled = || chunks.iter().filter(|chunk| chunk.has_messages());
        let first = filled().map(|chunk| chunk.start_ns).min();
        let last = filled().map(|chunk| chunk.end_ns).max();
        Ok(Self {
            path: container.path.clone(),
            bytes: container.bytes,
            profile: container.profile.clone(),
            library: container.library.clone(),
            run: container.run.clone(),
            span_ns: first.zip(last),
            messages: container.message_count(),
            chunks: chunks.len(),
            compression,
            compressed_bytes: chunks.iter().map(|chunk| chunk.compressed_bytes).sum(),
            uncompressed_bytes: chunks.iter().map(|chunk| chunk.uncompressed_bytes).sum(),
            cut: container.cut,
            channels,
        })
    }
}

fn seconds(first_ns: u64, last_ns: u64) -> f64 {
    last_ns.saturating_sub(first_ns) as f64 * 1e-9
}
