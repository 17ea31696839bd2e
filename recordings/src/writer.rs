//! Drives into files.

use crate::error::RecordingError;
use crate::run_record::{METADATA_NAME, RunRecord};
use crate::schema::encode;
use crate::topics::{ENCODING, TABLE, Topic};
use crate::{Message, viewer};
use mcap::records::{MessageHeader, Metadata};
use mcap::write::NoSeek;
use mcap::{McapError, WriteOptions};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use types::Stamp;

/// A chunk is closed when it is larger than this: a tenth of a second of camera and lidar.
const CHUNK_BYTES: u64 = 2 << 20;
const LIBRARY: &str = concat!("chauffeur ", env!("CARGO_PKG_VERSION"));

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: fastest.
    None,
    /// LZ4: fast, some tenths smaller.
    #[default]
    Lz4,
    /// Zstandard at level 1: smaller, slower.
    Zstd,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Messages, views included.
    pub messages: u64,
    /// Chunks.
    pub chunks: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// Writes a drive. The same messages make the same bytes.
pub struct DriveWriter {
    path: PathBuf,
    writer: mcap::Writer<NoSeek<BufWriter<File>>>,
    registered: [bool; TABLE.len()],
    /// The message in work.
    buffer: Vec<u8>,
    /// Messages without a stamp that wait for the first one that has a stamp.
    waiting: Vec<Message>,
    newest: Option<Stamp>,
}

impl DriveWriter {
    /// Makes the file, in place of one that may be there, and writes the run record.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create(path: &Path, run: &RunRecord, compression: Compression) -> Result<Self, RecordingError> {
        let file = File::create(path).map_err(RecordingError::io(path, "create"))?;
        let options = WriteOptions::new().library(LIBRARY).chunk_size(Some(CHUNK_BYTES)).compression_threads(0);
        let options = match compression {
            Compression::None => options.compression(None),
            Compression::Lz4 => options.compression(Some(mcap::Compression::Lz4)),
            Compression::Zstd => options.compression(Some(mcap::Compression::Zstd)).compression_level(1),
        };
        // Without seeking, a chunk reaches the file whole or, in a crash, as its last and only cut record.
        let sink = NoSeek::new(BufWriter::new(file));
        let failed = |error| RecordingError::written(path, error);
        let mut writer = options.disable_seeking(true).create(sink).map_err(failed)?;
        let metadata = Metadata { name: METADATA_NAME.into(), metadata: run.to_metadata() };
        writer.write_metadata(&metadata).map_err(failed)?;
        Ok(Self {
            path: path.into(),
            writer,
            registered: [false; TABLE.len()],
            buffer: Vec::new(),
            waiting: Vec::new(),
            newest: None,
        })
    }

    /// Writes a message and the views of it. Calibration and route take the stamp of the message written before
    /// them; if there is none they wait for the first one and take its stamp.
    ///
    /// # Errors
    /// What the operating system says (disk full), or a stamp or counter that the format cannot hold. After an error
    /// of the operating system nothing more can be written.
    pub fn write(&mut self, message: &Message) -> Result<(), RecordingError> {
        let Some(stamp) = message.stamp().or(self.newest) else {
            self.waiting.push(message.clone());
            return Ok(());
        };
        for early in std::mem::take(&mut self.waiting) {
            self.write_at(&early, stamp)?;
        }
        self.newest = Some(stamp);
        self.write_at(message, stamp)
    }

    fn write_at(&mut self, message: &Message, stamp: Stamp) -> Result<(), RecordingError> {
        let topic = message.place();
        let log_time = self.in_range(topic, "stamp in ns", stamp.nanos().into(), i64::MAX as u64)?;
        let sequence = self.in_range(topic, "sequence", message.sequence().into(), u32::MAX.into())? as u32;
        if let Message::Lidar(sweep) = message {
            let largest = sweep.fields.iter().map(|field| field.offset).max().unwrap_or(0).max(sweep.stride);
            self.in_range(topic, "stride or offset", largest as i128, u32::MAX.into())?;
        }
        self.put(topic, log_time, sequence, |out| encode::message(message, stamp, out))?;
        viewer::views(message, stamp, &mut |topic, view| {
            self.put(topic, log_time, sequence, |out| view.append(out))
        })
    }

    fn in_range(&self, topic: Topic, field: &'static str, value: i128, high: u64) -> Result<u64, RecordingError> {
        let topic = topic.row().name;
        match u64::try_from(value) {
            Ok(number) if number <= high => Ok(number),
            _ => Err(RecordingError::Unwritable { path: self.path.clone(), topic, field, value, high }),
        }
    }

    fn put(
        &mut self,
        topic: Topic,
        log_time: u64,
        sequence: u32,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), RecordingError> {
        self.register(topic).map_err(|error| RecordingError::written(&self.path, error))?;
        self.buffer.clear();
        encode(&mut self.buffer);
        let header = MessageHeader { channel_id: topic.channel_id(), sequence, log_time, publish_time: log_time };
        let outcome = self.writer.write_to_known_channel(&header, &self.buffer);
        outcome.map_err(|error| RecordingError::written(&self.path, error))
    }

    /// Channels are written when they are first used, under ids that never change.
    fn register(&mut self, topic: Topic) -> Result<(), McapError> {
        if std::mem::replace(&mut self.registered[topic as usize], true) {
            return Ok(());
        }
        let (row, schema) = (topic.row(), topic.schema_id());
        self.writer.add_schema_with_id(schema, row.schema, ENCODING, &topic.descriptors())?;
        self.writer.add_channel_with_id(topic.channel_id(), schema, row.name, ENCODING, &BTreeMap::new())?;
        Ok(())
    }

    /// Closes the chunk and hands it to the operating system: what was written until now survives a kill of the process.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        self.writer.flush().map_err(|error| RecordingError::written(&self.path, error))
    }

    /// Writes the summary and puts the file on the disk. A writer that is dropped instead does so too, but hides errors.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn finish(mut self) -> Result<Written, RecordingError> {
        for early in std::mem::take(&mut self.waiting) {
            self.write_at(&early, Stamp::default())?;
        }
        let summary = self.writer.finish().map_err(|error| RecordingError::written(&self.path, error))?;
        let mut sink = self.writer.into_inner().into_inner();
        let write = |error| RecordingError::io(&self.path, "write")(error);
        sink.flush().map_err(write)?;
        let file = sink.into_inner().map_err(|error| write(error.into_error()))?;
        file.sync_all().map_err(write)?;
        let bytes = file.metadata().map_err(write)?.len();
        let statistics = summary.stats.unwrap_or_default();
        Ok(Written { messages: statistics.message_count, chunks: statistics.chunk_count.into(), bytes })
    }
}
