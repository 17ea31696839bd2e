//! The walk over all records: finds what is whole in a file whose summary is missing.

use super::{Chunk, Container, RECORD_HEAD, damaged};
use crate::error::RecordingError;
use mcap::records::{Record, op};
use mcap::{MAGIC, parse_record};
use std::collections::BTreeMap;
use std::io::Read;

impl Container {
    /// Finds the whole records of a file without a summary. Only chunks that introduce a channel, and the last one,
    /// are decompressed.
    pub(super) fn walk(&mut self) -> Result<(), RecordingError> {
        (self.chunks, self.counts) = (Vec::new(), BTreeMap::new());
        let mut offset = MAGIC.len() as u64;
        while let Ok((head, length)) = self.record_head(offset) {
            match head[0] {
                op::CHUNK => {
                    let chunk = self.chunk_at(offset, length)?;
                    self.chunks.push(chunk);
                }
                op::MESSAGE_INDEX => {
                    let data = self.record_body(offset, length)?;
                    if let (Ok(Record::MessageIndex(index)), Some(chunk)) =
                        (parse_record(op::MESSAGE_INDEX, &data), self.chunks.last_mut())
                    {
                        chunk.channels.push(index.channel_id);
                        chunk.index_bytes += RECORD_HEAD + length;
                        *self.counts.entry(index.channel_id).or_default() += index.records.len() as u64;
                    }
                }
                op::SCHEMA | op::CHANNEL | op::METADATA => {
                    let data = self.record_body(offset, length)?;
                    self.note(head[0], &data).map_err(|reason| damaged(&self.path, offset, reason))?;
                }
                op::MESSAGE => self.loose_messages += 1,
                op::DATA_END => break,
                _ => {}
            }
            offset += RECORD_HEAD + length;
        }
        for place in 0..self.chunks.len() {
            let chunk = self.chunks[place].clone();
            let introduces =
                chunk.channels.is_empty() || chunk.channels.iter().any(|id| !self.channels.contains_key(id));
            if introduces || place + 1 == self.chunks.len() {
                self.learn_channels(place, &chunk);
            }
        }
        Ok(())
    }

    /// Takes schemas, channels and counts from the chunk itself. A damaged chunk teaches nothing; reading it will tell.
    fn learn_channels(&mut self, place: usize, chunk: &Chunk) {
        let mut records = Vec::new();
        let mut messages = BTreeMap::<u16, u64>::new();
        let outcome = self.read_chunk(chunk, |opcode, data| {
            match (opcode, &**data) {
                (op::SCHEMA | op::CHANNEL, _) => records.push((opcode, data.to_vec())),
                (op::MESSAGE, &[low, high, ..]) => *messages.entry(u16::from_le_bytes([low, high])).or_default() += 1,
                _ => {}
            }
            Ok(())
        });
        if outcome.is_err() || records.iter().any(|(opcode, data)| self.note(*opcode, data).is_err()) {
            return;
        }
        let indexed = self.chunks[place].channels.len();
        if indexed < messages.len() {
            // The file was cut within this chunk's indexes, or has none.
            for (channel, count) in &messages {
                if !self.chunks[place].channels.contains(channel) {
                    *self.counts.entry(*channel).or_default() += count;
                }
            }
            self.chunks[place].channels = messages.into_keys().collect();
            self.chunks[place].index_bytes = 0;
        }
    }

    /// The chunk that the record at this place holds, by its own header.
    pub(super) fn chunk_at(&mut self, offset: u64, length: u64) -> Result<Chunk, RecordingError> {
        let mut fixed = [0; 32];
        self.seek(offset + RECORD_HEAD)?;
        self.file.read_exact(&mut fixed).map_err(RecordingError::io(&self.path, "read"))?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| fixed[at + i]));
        let name_bytes = u64::from(u32::from_le_bytes(std::array::from_fn(|i| fixed[28 + i])));
        if name_bytes > 64 || 40 + name_bytes > length {
            return Err(self.damaged(offset, format!("a chunk whose compression has a name of {name_bytes} bytes")));
        }
        let mut rest = vec![0; name_bytes as usize + 8];
        self.file.read_exact(&mut rest).map_err(RecordingError::io(&self.path, "read"))?;
        let (name, size) = rest.split_at(name_bytes as usize);
        Ok(Chunk {
            offset,
            length: RECORD_HEAD + length,
            start_ns: number(0),
            end_ns: number(8),
            compression: String::from_utf8_lossy(name).into_owned(),
            compressed_bytes: u64::from_le_bytes(std::array::from_fn(|i| size[i])),
            uncompressed_bytes: number(16),
            index_bytes: 0,
            channels: Vec::new(),
        })
    }
}
