//! Drives into files.

use crate::error::RecordingError;
use crate::run_record::{METADATA_NAME, RunRecord};
use crate::schema::encode;
use crate::sink::{self, Shelf, Sink};
use crate::topics::{ENCODING, TABLE, Topic};
use crate::{Message, viewer};
use mcap::records::{MessageHeader, Metadata};
use mcap::{McapError, WriteOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use types::{Route, Stamp};

/// A chunk is closed when it is larger than this: a tenth of a second of camera and lidar.
pub(crate) const CHUNK_BYTES: u64 = 2 << 20;
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
    /// Zstandard at level 19: smallest, a hundred times slower. For drives that are kept.
    Archive,
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

/// How every file of ours is written.
pub(crate) fn options(compression: Compression) -> WriteOptions {
    let options = WriteOptions::new().library(LIBRARY).chunk_size(Some(CHUNK_BYTES)).compression_threads(0);
    match compression {
        Compression::None => options.compression(None),
        Compression::Lz4 => options.compression(Some(mcap::Compression::Lz4)),
        Compression::Zstd => options.compression(Some(mcap::Compression::Zstd)).compression_level(1),
        Compression::Archive => options.compression(Some(mcap::Compression::Zstd)).compression_level(19),
    }
}

/// Writes a drive. The same messages make the same bytes.
pub struct DriveWriter {
    path: PathBuf,
    sink: Sink,
    /// The message in work, as it lies in the file.
    buffer: Vec<u8>,
    /// Whether views are written.
    pub with_views: bool,
    /// Messages without a stamp that wait for the first one that has a stamp.
    waiting: Vec<Message>,
    newest: Option<Stamp>,
    /// The last route written: views of signals need to know where they stand.
    route: Route,
}

impl DriveWriter {
    /// Makes the file, in place of one that may be there, and writes the run record.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create(path: &Path, run: &RunRecord, compression: Compression) -> Result<Self, RecordingError> {
        let mut sink = Sink::create(path, options(compression), announce)?;
        let metadata = Metadata { name: METADATA_NAME.into(), metadata: run.to_metadata() };
        sink.writer.write_metadata(&metadata).map_err(|error| RecordingError::written(path, error))?;
        Ok(Self {
            path: path.into(),
            sink,
            buffer: Vec::new(),
            with_views: true,
            waiting: Vec::new(),
            newest: None,
            route: Route::default(),
        })
    }

    /// Writes a message and the views of it. Calibration and route take the stamp of the message written before
    /// them; if there is none they wait for the first one and take its stamp.
    ///
    /// # Errors
    /// [`RecordingError::DiskFull`] before the last room on the disk is used up: the drive can be finished, and opens like any other. A
    /// stamp or counter that the format cannot hold: the message is left out. After any other error of the operating
    /// system nothing more can be written.
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
        self.sink.make_room(message.bytes())?;
        let log_time = self.in_range(topic, "stamp in ns", stamp.nanos().into(), i64::MAX as u64)?;
        let sequence = self.in_range(topic, "sequence", message.sequence().into(), u32::MAX.into())? as u32;
        if let Message::Lidar(sweep) = message {
            let largest = sweep.fields.iter().map(|field| field.offset).max().unwrap_or(0).max(sweep.stride);
            self.in_range(topic, "stride or offset", largest as i128, u32::MAX.into())?;
        }
        self.buffer.clear();
        encode::message(message, stamp, &mut self.buffer);
        put(&mut self.sink, &self.path, topic, (log_time, sequence), &self.buffer)?;
        if let Message::Route(route) = message {
            self.route.clone_from(route);
        }
        if !self.with_views {
            return Ok(());
        }
        let Self { sink, path, route, .. } = self;
        viewer::views(message, stamp, route, &mut |topic, view: &dyn viewer::View| {
            let header = MessageHeader { channel_id: topic.channel_id(), sequence, log_time, publish_time: log_time };
            let held = sink.hold(Shelf::Views, &header, |bytes| view.append(bytes));
            held.map_err(|error| RecordingError::written(path, error))
        })
    }

    /// The bytes of the message that was written last, as they lie in the file.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.buffer
    }

    fn in_range(&self, topic: Topic, field: &'static str, value: i128, high: u64) -> Result<u64, RecordingError> {
        let topic = topic.row().name;
        match u64::try_from(value) {
            Ok(number) if number <= high => Ok(number),
            _ => Err(RecordingError::Unwritable { path: self.path.clone(), topic, field, value, high }),
        }
    }

    /// Closes the chunks and hands them to the operating system: what was written until now survives a kill of the process.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        self.sink.flush()
    }

    /// Writes the summary and puts the file on the disk. A writer that is dropped instead does so too, but hides errors.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn finish(mut self) -> Result<Written, RecordingError> {
        for early in std::mem::take(&mut self.waiting) {
            self.write_at(&early, Stamp::default())?;
        }
        self.sink.finish()
    }
}

fn put(
    sink: &mut Sink,
    path: &Path,
    topic: Topic,
    (log_time, sequence): (u64, u32),
    bytes: &[u8],
) -> Result<(), RecordingError> {
    let header = MessageHeader { channel_id: topic.channel_id(), sequence, log_time, publish_time: log_time };
    sink.put(topic.shelf(), &header, bytes).map_err(|error| RecordingError::written(path, error))
}

/// Channels are written when they are first used, under ids that never change.
fn announce(writer: &mut sink::Writer, channel: u16) -> Result<(), McapError> {
    let Some(topic) = TABLE.get(usize::from(channel).wrapping_sub(1)).map(|row| row.topic) else {
        return Err(McapError::UnknownChannel(0, channel));
    };
    let (row, schema) = (topic.row(), topic.schema_id());
    writer.add_schema_with_id(schema, row.schema, ENCODING, &topic.descriptors())?;
    writer.add_channel_with_id(channel, schema, row.name, ENCODING, &BTreeMap::new())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DriveReader, samples};
    use std::fs;

    fn write(path: &Path, compression: Compression) -> Written {
        let mut writer = DriveWriter::create(path, &RunRecord::default(), compression).unwrap();
        for (n, message) in
            samples::every_message()[..2].iter().cloned().chain((0..20).flat_map(samples::frame)).enumerate()
        {
            writer.write(&message).unwrap();
            if n % 50 == 0 {
                writer.flush().unwrap();
            }
        }
        writer.finish().unwrap()
    }

    #[test]
    fn the_same_messages_make_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let paths = ["a.mcap", "b.mcap"].map(|name| folder.path().join(name));
            let written = paths.each_ref().map(|path| write(path, compression));
            assert_eq!(written[0], written[1]);
            let [a, b] = paths.each_ref().map(|path| fs::read(path).unwrap());
            assert!(a == b, "{compression:?}");
            assert_eq!(a.len() as u64, written[0].bytes);
        }
    }

    #[test]
    fn what_was_flushed_survives_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("killed.mcap");
        let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::Lz4).unwrap();
        for message in (0..5).flat_map(samples::frame) {
            writer.write(&message).unwrap();
        }
        writer.flush().unwrap();
        writer.write(&samples::frame(5)[0]).unwrap();
        std::mem::forget(writer);
        let items = DriveReader::open_cut(&path).unwrap().collect::<Vec<_>>();
        assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 5 * 15);
        assert!(matches!(items.last(), Some(Err(RecordingError::Truncated { messages: 120, chunks: 3, .. }))));
    }

    #[test]
    fn a_full_disk_is_named() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            eprintln!("skipped: /dev/full is absent");
            return;
        }
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let mut writer = DriveWriter::create(full, &RunRecord::default(), compression).unwrap();
            let outcome = (0..80).flat_map(samples::frame).try_for_each(|message| writer.write(&message));
            let error = outcome.unwrap_err().to_string();
            assert_eq!(error, "/dev/full: cannot write: No space left on device (os error 28)");
            assert!(writer.write(&samples::frame(0)[0]).is_err() && writer.finish().is_err());
            // What fits in the buffers fails at the end, not in silence.
            let mut writer = DriveWriter::create(full, &RunRecord::default(), compression).unwrap();
            writer.write(&samples::frame(0)[0]).unwrap();
            assert!(writer.finish().unwrap_err().to_string().contains("No space left"));
        }
        let error = DriveWriter::create(Path::new("/no/such/folder/a.mcap"), &RunRecord::default(), Compression::None);
        assert!(error.err().unwrap().to_string().contains("/no/such/folder/a.mcap: cannot create: No such file"));
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drive.mcap");
        let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::None).unwrap();
        let early = Message::Lidar(samples::sweep(0, Stamp::from_nanos(-1), Vec::new()));
        let error = writer.write(&early).unwrap_err().to_string();
        assert!(error.contains("/lidar/top/points: stamp in ns is -1, outside 0 to 9223372036854775807"), "{error}");
        let many = Message::Lidar(samples::sweep(1 << 32, Stamp::default(), Vec::new()));
        assert!(
            writer.write(&many).unwrap_err().to_string().contains("sequence is 4294967296, outside 0 to 4294967295")
        );
        writer
            .write(&Message::Lidar(samples::sweep(u32::MAX.into(), Stamp::from_nanos(i64::MAX), Vec::new())))
            .unwrap();
        writer.finish().unwrap();
        assert_eq!(DriveReader::open(&path).unwrap().map(Result::unwrap).count(), 1);
    }
}
