//! Access to a file whose records cannot be trusted: place by place, without its summary.

use super::{Chunk, Container, FOOTER_AND_MAGIC, LARGEST_RECORD, RECORD_HEAD};
use crate::error::RecordingError;
use mcap::MAGIC;
use mcap::records::op;
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use std::io::Read;
use std::path::Path;

/// Bytes that are looked through at once for the next chunk.
const WINDOW: usize = 1 << 20;
/// Fixed bytes of a chunk's own header, without the name of its compression.
const CHUNK_HEAD: u64 = 40;

impl Container {
    /// Opens a file for its records alone: neither its summary nor its chunks are looked at.
    pub(crate) fn open_records(path: &Path) -> Result<Self, RecordingError> {
        let mut container = Self::open_file(path)?;
        container.check_magic()?;
        Ok(container)
    }

    /// Opens a file that must be whole, with all of its messages in chunks.
    pub(crate) fn open_whole(path: &Path) -> Result<Self, RecordingError> {
        let container = Self::open(path)?;
        if container.cut {
            return Err(container.truncated());
        }
        if container.loose_messages > 0 {
            let messages = container.loose_messages;
            return Err(RecordingError::NotChunked { path: path.into(), messages });
        }
        Ok(container)
    }

    pub(crate) const fn first_record(&self) -> u64 {
        MAGIC.len() as u64
    }

    /// Bytes from a place to the end of the file.
    pub(crate) const fn rest(&self, offset: u64) -> u64 {
        self.bytes.saturating_sub(offset)
    }

    /// Whether there is nothing but the magic from here on.
    pub(crate) fn ends_at(&mut self, offset: u64) -> bool {
        let mut tail = [0; MAGIC.len()];
        self.rest(offset) == MAGIC.len() as u64
            && self.seek(offset).is_ok()
            && self.file.read_exact(&mut tail).is_ok()
            && tail == MAGIC
    }

    /// Opcode and whole length of the record at a place; an error if it does not lie within the file or cannot be a record.
    pub(crate) fn record_at(&mut self, offset: u64) -> Result<(u8, u64), RecordingError> {
        let (head, length) = self.record_head(offset)?;
        let plausible = (op::HEADER..=op::DATA_END).contains(&head[0]) || head[0] >= 0x80;
        if !plausible || (head[0] == op::CHUNK && self.chunk_from(offset).is_err()) {
            return Err(self.damaged(offset, "no record"));
        }
        Ok((head[0], RECORD_HEAD + length))
    }

    pub(crate) fn body_at(&mut self, offset: u64) -> Result<Vec<u8>, RecordingError> {
        let (_, length) = self.record_head(offset)?;
        self.record_body(offset, length)
    }

    /// The chunk at a place, if its header agrees with its length.
    pub(crate) fn chunk_from(&mut self, offset: u64) -> Result<Chunk, RecordingError> {
        let (head, length) = self.record_head(offset)?;
        if head[0] != op::CHUNK || length < CHUNK_HEAD {
            return Err(self.damaged(offset, "no chunk"));
        }
        let chunk = self.chunk_at(offset, length)?;
        let known = matches!(chunk.compression.as_str(), "" | "lz4" | "zstd");
        let agrees = CHUNK_HEAD + chunk.compression.len() as u64 + chunk.compressed_bytes == length;
        if !known || !agrees || chunk.start_ns > chunk.end_ns || chunk.uncompressed_bytes > LARGEST_RECORD as u64 {
            return Err(self.damaged(offset, "no chunk"));
        }
        Ok(chunk)
    }

    /// Place of the next whole chunk behind a place.
    pub(crate) fn next_chunk_after(&mut self, offset: u64) -> Result<Option<u64>, RecordingError> {
        let mut window = vec![0; WINDOW];
        let mut place = offset + 1;
        while self.rest(place) > FOOTER_AND_MAGIC {
            let size = WINDOW.min(usize::try_from(self.rest(place)).unwrap_or(WINDOW));
            self.seek(place)?;
            self.file.read_exact(&mut window[..size]).map_err(RecordingError::io(&self.path, "read"))?;
            let candidates = window[..size].iter().zip(place..).filter(|(byte, _)| **byte == op::CHUNK);
            for candidate in candidates.map(|(_, at)| at).collect::<Vec<_>>() {
                if self.chunk_from(candidate).is_ok() {
                    return Ok(Some(candidate));
                }
            }
            place += size as u64;
        }
        Ok(None)
    }

    /// Hands over the records of a chunk whose end is missing, up to where it was cut. `take` may end it.
    pub(crate) fn read_cut_chunk(&mut self, offset: u64, mut take: impl FnMut(u8, &[u8]) -> bool) {
        let mut head = [0; 1];
        if self.seek(offset).is_err() || self.file.read_exact(&mut head).is_err() || head[0] != op::CHUNK {
            return;
        }
        let options = LinearReaderOptions::default()
            .with_skip_start_magic(true)
            .with_skip_end_magic(true)
            .with_validate_chunk_crcs(false)
            .with_record_length_limit(LARGEST_RECORD);
        let mut reader = LinearReader::new_with_options(options);
        let mut left = usize::try_from(self.rest(offset)).unwrap_or(0);
        if self.seek(offset).is_err() {
            return;
        }
        while let Some(Ok(event)) = reader.next_event() {
            match event {
                LinearReadEvent::ReadRequest(wanted) => {
                    let wanted = wanted.min(left);
                    if wanted == 0 || self.file.read_exact(reader.insert(wanted)).is_err() {
                        return;
                    }
                    reader.notify_read(wanted);
                    left -= wanted;
                }
                LinearReadEvent::Record { opcode, data } => {
                    if !take(opcode, data) {
                        return;
                    }
                }
            }
        }
    }

    /// Hands over metadata and attachments, whose records are few, without a look into the chunks.
    pub(crate) fn each_aside(
        &mut self,
        mut take: impl FnMut(u8, &[u8]) -> Result<(), RecordingError>,
    ) -> Result<(), RecordingError> {
        let mut offset = self.first_record();
        while let Ok((head, length)) = self.record_head(offset) {
            match head[0] {
                op::METADATA | op::ATTACHMENT => take(head[0], &self.record_body(offset, length)?)?,
                op::DATA_END => break,
                _ => {}
            }
            offset += RECORD_HEAD + length;
        }
        Ok(())
    }
}
