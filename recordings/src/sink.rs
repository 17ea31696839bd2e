//! An MCAP file in work: what is read together lies together, and there is always room on the disk for what closing it takes.
//!
//! Images and sweeps are most of a drive's bytes, views most of what is left. Each has chunks of its own, so a replay neither reads nor unpacks what it
//! does not ask for. What is not of the sensors waits in memory until its chunk is large enough, or until a flush.

use crate::error::RecordingError;
use crate::reserve::Reserve;
use crate::writer::{CHUNK_BYTES, Written};
use mcap::records::MessageHeader;
use mcap::write::NoSeek;
use mcap::{McapError, WriteOptions};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// What waits is made a chunk when it is larger than this.
const HELD_BYTES: usize = 1 << 20;

pub(crate) type Writer = mcap::Writer<NoSeek<BufWriter<File>>>;

/// Whose chunks a message lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// Images, sweeps, and what we know nothing of.
    Bulk,
    /// All else that a replay reads.
    Replay,
    /// What only people look at.
    Views,
}

/// Messages that wait for their chunk.
#[derive(Default)]
struct Held {
    /// Each with the end of its bytes.
    messages: Vec<(MessageHeader, usize)>,
    bytes: Vec<u8>,
}

/// Describes a channel in the file before its first message.
type Announce = fn(&mut Writer, u16) -> Result<(), McapError>;

pub(crate) struct Sink {
    path: PathBuf,
    pub(crate) writer: Writer,
    reserve: Reserve,
    announce: Announce,
    announced: BTreeSet<u16>,
    replay: Held,
    views: Held,
    /// Something could not be written: nothing more can be.
    failed: bool,
}

impl Sink {
    /// `announce` is called in the chunk of a channel's first message, so that a file that is cut behind it can be read.
    pub(crate) fn create(path: &Path, options: WriteOptions, announce: Announce) -> Result<Self, RecordingError> {
        let file = File::create(path).map_err(RecordingError::io(path, "create"))?;
        let reserve = Reserve::of(&file).map_err(RecordingError::io(path, "create"))?;
        // Without seeking, a chunk reaches the file whole or, in a crash, as its last and only cut record.
        let sink = NoSeek::new(BufWriter::new(file));
        let writer = options.disable_seeking(true).create(sink);
        let writer = writer.map_err(|error| RecordingError::written(path, error))?;
        let (path, announced, replay, views) = (path.into(), BTreeSet::new(), Held::default(), Held::default());
        Ok(Self { path, writer, reserve, announce, announced, replay, views, failed: false })
    }

    /// Sees to it that a message of so many bytes can be written and the file can still be closed after it.
    ///
    /// # Errors
    /// [`RecordingError::DiskFull`]: the file can be closed, but nothing more can be written to it.
    pub(crate) fn make_room(&mut self, message_bytes: usize) -> Result<(), RecordingError> {
        // The open chunk, what waits, the message with its views, and their place in the indexes.
        let waiting = self.replay.bytes.len() + self.views.bytes.len();
        let ahead = CHUNK_BYTES + (waiting + 2 * message_bytes) as u64 + self.reserve.summary_bytes();
        match self.reserve.ensure(ahead) {
            Ok(()) => Ok(()),
            Err(source) => Err(RecordingError::DiskFull { path: self.path.clone(), source }),
        }
    }

    /// Takes a message.
    pub(crate) fn put(&mut self, shelf: Shelf, header: &MessageHeader, data: &[u8]) -> Result<(), McapError> {
        if self.failed {
            return Err(McapError::AttemptedWriteAfterFailure);
        }
        if shelf != Shelf::Bulk {
            return self.hold(shelf, header, |bytes| bytes.extend_from_slice(data));
        }
        let outcome = self.write(header, data);
        self.failed = outcome.is_err();
        outcome
    }

    /// Takes a message of the shelves that wait, which `append` appends to what waits.
    pub(crate) fn hold(
        &mut self,
        shelf: Shelf,
        header: &MessageHeader,
        append: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), McapError> {
        if self.failed {
            return Err(McapError::AttemptedWriteAfterFailure);
        }
        let held = if shelf == Shelf::Views { &mut self.views } else { &mut self.replay };
        append(&mut held.bytes);
        held.messages.push((*header, held.bytes.len()));
        let outcome = if held.bytes.len() > HELD_BYTES { self.shelve(shelf) } else { Ok(()) };
        self.failed = outcome.is_err();
        outcome
    }

    fn write(&mut self, header: &MessageHeader, data: &[u8]) -> Result<(), McapError> {
        if self.announced.insert(header.channel_id) {
            (self.announce)(&mut self.writer, header.channel_id)?;
        }
        self.writer.write_to_known_channel(header, data)
    }

    /// Makes a chunk of what waits on a shelf.
    fn shelve(&mut self, shelf: Shelf) -> Result<(), McapError> {
        let views = shelf == Shelf::Views;
        let mut held = std::mem::take(if views { &mut self.views } else { &mut self.replay });
        if held.messages.is_empty() {
            return Ok(());
        }
        self.close_chunk()?;
        let mut begin = 0;
        for (header, end) in &held.messages {
            self.write(header, &held.bytes[begin..*end])?;
            begin = *end;
        }
        self.close_chunk()?;
        // The room is kept for what comes next.
        held.messages.clear();
        held.bytes.clear();
        *(if views { &mut self.views } else { &mut self.replay }) = held;
        Ok(())
    }

    fn close_chunk(&mut self) -> Result<(), McapError> {
        self.reserve.chunk_closed();
        self.writer.flush()
    }

    /// Closes all chunks and hands them to the operating system.
    pub(crate) fn flush(&mut self) -> Result<(), RecordingError> {
        let outcome = self.shelve(Shelf::Replay).and_then(|()| self.shelve(Shelf::Views));
        outcome.and_then(|()| self.close_chunk()).map_err(|error| RecordingError::written(&self.path, error))
    }

    /// Writes the summary and puts the file on the disk.
    pub(crate) fn finish(mut self) -> Result<Written, RecordingError> {
        self.flush()?;
        let summary = self.writer.finish().map_err(|error| RecordingError::written(&self.path, error))?;
        let mut sink = self.writer.into_inner().into_inner();
        let write = |error| RecordingError::io(&self.path, "write")(error);
        sink.flush().map_err(write)?;
        let file = sink.into_inner().map_err(|error| write(error.into_error()))?;
        self.reserve.give_back();
        file.sync_all().map_err(write)?;
        let bytes = file.metadata().map_err(write)?.len();
        let statistics = summary.stats.unwrap_or_default();
        Ok(Written { messages: statistics.message_count, chunks: statistics.chunk_count.into(), bytes })
    }
}
