//! The MCAP file itself: its parts, found by the summary or, where that is missing, by a walk over the records.
//!
//! Never holds more than one chunk. Checks every CRC it meets: of the summary, and of each chunk before a record of it is used.

pub(crate) mod ordered;
mod records;
mod salvage;
mod unpack;
mod walk;

use crate::error::RecordingError;
use crate::run_record::{METADATA_NAME, RunRecord};
use mcap::records::{Record, op};
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use mcap::{MAGIC, parse_record};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use unpack::Unpacker;

/// Opcode and length before every record.
const RECORD_HEAD: u64 = 9;
const FOOTER_AND_MAGIC: u64 = RECORD_HEAD + 20 + MAGIC.len() as u64;
const DATA_END_RECORD: u64 = RECORD_HEAD + 4;
/// A record or chunk beyond this size is taken for damage.
const LARGEST_RECORD: usize = 1 << 30;

/// A chunk's place and content, as far as known without reading it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) compression: String,
    pub(crate) compressed_bytes: u64,
    pub(crate) uncompressed_bytes: u64,
    /// Bytes of message indexes that follow the chunk.
    pub(crate) index_bytes: u64,
    /// Channels that have messages in it; empty if the file does not tell.
    pub(crate) channels: Vec<u16>,
}

impl Chunk {
    /// Whether there is a message in it: channels and schemas may lie in a chunk of their own, whose times are zero.
    pub(crate) fn has_messages(&self) -> bool {
        !self.channels.is_empty() || (self.start_ns, self.end_ns) != (0, 0)
    }
}

/// A channel and its schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Channel {
    pub(crate) topic: String,
    pub(crate) message_encoding: String,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Zero is none.
    pub(crate) schema_id: u16,
    pub(crate) schema: String,
    pub(crate) schema_encoding: String,
    pub(crate) schema_data: Arc<[u8]>,
}

/// Name, encoding and data.
type Schema = (String, String, Arc<[u8]>);

/// An open MCAP file.
pub(crate) struct Container {
    pub(crate) path: PathBuf,
    file: File,
    pub(crate) bytes: u64,
    pub(crate) profile: String,
    pub(crate) library: String,
    pub(crate) channels: BTreeMap<u16, Channel>,
    /// In the order of the file.
    pub(crate) chunks: Vec<Chunk>,
    /// Messages of each channel.
    pub(crate) counts: BTreeMap<u16, u64>,
    /// Messages outside of chunks.
    pub(crate) loose_messages: u64,
    pub(crate) run: Option<RunRecord>,
    /// The end of the file is missing.
    pub(crate) cut: bool,
    schemas: BTreeMap<u16, Schema>,
    unpacker: Unpacker,
}

impl Container {
    fn open_file(path: &Path) -> Result<Self, RecordingError> {
        let file = File::open(path).map_err(RecordingError::io(path, "open"))?;
        let bytes = file.metadata().map_err(RecordingError::io(path, "open"))?.len();
        Ok(Self {
            path: path.into(),
            file,
            bytes,
            profile: String::new(),
            library: String::new(),
            channels: BTreeMap::new(),
            chunks: Vec::new(),
            counts: BTreeMap::new(),
            loose_messages: 0,
            run: None,
            cut: false,
            schemas: BTreeMap::new(),
            unpacker: Unpacker::default(),
        })
    }

    /// Opens any MCAP file. A cut one is no error here: `cut` tells.
    pub(crate) fn open(path: &Path) -> Result<Self, RecordingError> {
        let mut container = Self::open_file(path)?;
        container.check_magic()?;
        match container.summary_start()? {
            Some(0) => container.walk()?,
            Some(start) => {
                container.read_summary(start)?;
                if container.chunks.is_empty() || container.channels.is_empty() {
                    // A summary may leave out what we need, and lists no message outside of chunks.
                    container.walk()?;
                }
            }
            None => {
                container.cut = true;
                container.walk()?;
            }
        }
        Ok(container)
    }

    /// Messages in the file, views included.
    pub(crate) fn message_count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The error that the end of the file is missing.
    pub(crate) fn truncated(&self) -> RecordingError {
        let (path, bytes, chunks) = (self.path.clone(), self.bytes, self.chunks.len());
        RecordingError::Truncated { path, bytes, chunks, messages: self.message_count() }
    }

    /// Reads the message indexes behind a chunk: for each channel the log times and offsets of its messages.
    pub(crate) fn read_message_index(
        &mut self,
        chunk: &Chunk,
    ) -> Result<BTreeMap<u16, Vec<(u64, u64)>>, RecordingError> {
        let (mut offset, mut index) = (chunk.offset + chunk.length, BTreeMap::new());
        let end = offset.saturating_add(chunk.index_bytes);
        while offset < end {
            let (head, length) = self.record_head(offset)?;
            if head[0] != op::MESSAGE_INDEX {
                return Err(self.damaged(offset, "expected a message index"));
            }
            let data = self.record_body(offset, length)?;
            if let Ok(Record::MessageIndex(found)) = parse_record(op::MESSAGE_INDEX, &data) {
                let entries = found.records.iter().map(|entry| (entry.log_time, entry.offset)).collect();
                index.insert(found.channel_id, entries);
            }
            offset += RECORD_HEAD + length;
        }
        Ok(index)
    }

    /// The magic and the header, which every MCAP file begins with.
    fn check_magic(&mut self) -> Result<(), RecordingError> {
        if self.bytes == 0 {
            return Err(RecordingError::Empty { path: self.path.clone() });
        }
        let mut found = vec![0; MAGIC.len().min(self.bytes as usize)];
        self.file.read_exact(&mut found).map_err(RecordingError::io(&self.path, "read"))?;
        if !MAGIC.starts_with(&found) {
            return Err(RecordingError::NotMcap { path: self.path.clone(), found });
        }
        if let Ok((head, length)) = self.record_head(MAGIC.len() as u64)
            && head[0] == op::HEADER
            && let Ok(data) = self.record_body(MAGIC.len() as u64, length)
            && let Ok(Record::Header(header)) = parse_record(op::HEADER, &data)
        {
            (self.profile, self.library) = (header.profile, header.library);
        }
        Ok(())
    }

    /// Where the summary begins: zero if the file was finished without one, `None` if the end of the file is missing.
    fn summary_start(&mut self) -> Result<Option<u64>, RecordingError> {
        let Some(offset) = self.bytes.checked_sub(FOOTER_AND_MAGIC).filter(|&offset| offset >= MAGIC.len() as u64)
        else {
            return Ok(None);
        };
        let mut tail = [0; FOOTER_AND_MAGIC as usize];
        self.seek(offset)?;
        self.file.read_exact(&mut tail).map_err(RecordingError::io(&self.path, "read"))?;
        let (footer, magic) = tail.split_at(tail.len() - MAGIC.len());
        if magic != MAGIC || footer[0] != op::FOOTER {
            return Ok(None);
        }
        let Ok(Record::Footer(footer)) = parse_record(op::FOOTER, &footer[RECORD_HEAD as usize..]) else {
            return Ok(None);
        };
        if footer.summary_start > offset {
            return Err(self.damaged(offset, format!("the summary is said to begin at byte {}", footer.summary_start)));
        }
        Ok(Some(footer.summary_start))
    }

    fn read_summary(&mut self, start: u64) -> Result<(), RecordingError> {
        // The reader checks the summary's CRC from the end of the data on.
        let data_end = start.saturating_sub(DATA_END_RECORD);
        let with_data_end =
            self.record_head(data_end).is_ok_and(|(head, length)| head[0] == op::DATA_END && length == 4);
        let start = if with_data_end { data_end } else { start };
        let options = LinearReaderOptions::default()
            .with_skip_start_magic(true)
            .with_validate_summary_section_crc(true)
            .with_record_length_limit(LARGEST_RECORD);
        let mut reader = LinearReader::new_with_options(options);
        self.seek(start)?;
        let mut left = self.bytes - start;
        let mut run_record_at = None;
        while let Some(event) = reader.next_event() {
            match event {
                Ok(LinearReadEvent::ReadRequest(wanted)) => {
                    let wanted = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
                    if wanted == 0 {
                        return Err(self.damaged(start, "the summary ends within a record"));
                    }
                    self.file.read_exact(reader.insert(wanted)).map_err(RecordingError::io(&self.path, "read"))?;
                    reader.notify_read(wanted);
                    left -= wanted as u64;
                }
                Ok(LinearReadEvent::Record { opcode, data }) => {
                    if let Some(at) = self.note(opcode, data).map_err(|reason| damaged(&self.path, start, reason))? {
                        run_record_at = Some(at);
                    }
                }
                Err(error) => return Err(self.damaged(start, format!("summary: {error}"))),
            }
        }
        if let Some(offset) = run_record_at {
            let (head, length) = self.record_head(offset)?;
            let data = self.record_body(offset, length)?;
            self.note(head[0], &data).map_err(|reason| damaged(&self.path, offset, reason))?;
        }
        Ok(())
    }

    /// Takes down what a record says about the file. Returns the place of the run record if this is its index.
    fn note(&mut self, opcode: u8, data: &[u8]) -> Result<Option<u64>, String> {
        if !matches!(
            opcode,
            op::SCHEMA | op::CHANNEL | op::CHUNK_INDEX | op::STATISTICS | op::METADATA | op::METADATA_INDEX
        ) {
            return Ok(None);
        }
        match parse_record(opcode, data).map_err(|error| error.to_string())? {
            Record::Schema { header, data } => {
                self.schemas.insert(header.id, (header.name, header.encoding, data.into()));
            }
            Record::Channel(mcap::records::Channel { id, schema_id, topic, message_encoding, metadata }) => {
                let (schema, schema_encoding, schema_data) = self.schemas.get(&schema_id).cloned().unwrap_or_default();
                let channel =
                    Channel { topic, message_encoding, metadata, schema_id, schema, schema_encoding, schema_data };
                self.channels.insert(id, channel);
            }
            Record::ChunkIndex(index) => self.chunks.push(Chunk {
                offset: index.chunk_start_offset,
                length: index.chunk_length,
                start_ns: index.message_start_time,
                end_ns: index.message_end_time,
                compression: index.compression,
                compressed_bytes: index.compressed_size,
                uncompressed_bytes: index.uncompressed_size,
                index_bytes: index.message_index_length,
                channels: index.message_index_offsets.into_keys().collect(),
            }),
            Record::Statistics(statistics) => self.counts = statistics.channel_message_counts,
            Record::MetadataIndex(index) if index.name == METADATA_NAME => return Ok(Some(index.offset)),
            Record::Metadata(metadata) if metadata.name == METADATA_NAME => {
                self.run = Some(RunRecord::from_metadata(metadata.metadata)?);
            }
            _ => {}
        }
        Ok(None)
    }

    /// Opcode and length of the record at this place, if all of it lies within the file.
    fn record_head(&mut self, offset: u64) -> Result<([u8; RECORD_HEAD as usize], u64), RecordingError> {
        let mut head = [0; RECORD_HEAD as usize];
        let body = offset.checked_add(RECORD_HEAD).filter(|&body| body <= self.bytes);
        let Some(body) = body else { return Err(self.damaged(offset, "a record is expected here")) };
        self.seek(offset)?;
        self.file.read_exact(&mut head).map_err(RecordingError::io(&self.path, "read"))?;
        let length = length_of(&head);
        if length > self.bytes - body {
            return Err(self.damaged(offset, format!("a record of {length} bytes reaches beyond the end of the file")));
        }
        Ok((head, length))
    }

    fn record_body(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, RecordingError> {
        let size = usize::try_from(length).ok().filter(|&size| size <= LARGEST_RECORD);
        let Some(size) = size else { return Err(self.damaged(offset, format!("a record of {length} bytes"))) };
        let mut data = vec![0; size];
        self.seek(offset + RECORD_HEAD)?;
        self.file.read_exact(&mut data).map_err(RecordingError::io(&self.path, "read"))?;
        Ok(data)
    }

    fn seek(&mut self, offset: u64) -> Result<(), RecordingError> {
        self.file.seek(SeekFrom::Start(offset)).map_err(RecordingError::io(&self.path, "read"))?;
        Ok(())
    }

    pub(crate) fn damaged(&self, offset: u64, reason: impl Into<String>) -> RecordingError {
        damaged(&self.path, offset, reason)
    }
}

fn damaged(path: &Path, offset: u64, reason: impl Into<String>) -> RecordingError {
    RecordingError::Damaged { path: path.into(), offset, reason: reason.into() }
}

fn length_of(head: &[u8; RECORD_HEAD as usize]) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| head[1 + i]))
}
