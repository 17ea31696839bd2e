//! All messages of a file in its own order, in chunks or not: for who imports or copies it.

use super::{Chunk, Container, RECORD_HEAD};
use crate::error::RecordingError;
use mcap::records::{MessageHeader, Record, op};
use mcap::{MAGIC, parse_record};

impl Container {
    /// Hands over every message in the order of the file. The first error, of `take` or of the file, ends the walk; `take` may
    /// end it without an error by `Ok(false)`.
    pub(crate) fn each_message(
        &mut self,
        mut take: impl FnMut(&MessageHeader, &[u8]) -> Result<bool, RecordingError>,
    ) -> Result<(), RecordingError> {
        let mut chunks = self.chunks.clone();
        chunks.sort_by_key(|chunk| chunk.offset);
        let known = self.known();
        let mut offset = MAGIC.len() as u64;
        let mut goes_on = true;
        while goes_on && let Ok((head, length)) = self.record_head(offset) {
            let place = offset;
            offset += RECORD_HEAD + length;
            match head[0] {
                op::CHUNK => {
                    let Ok(index) = chunks.binary_search_by_key(&place, |chunk| chunk.offset) else {
                        return Err(self.damaged(place, "a chunk that the summary does not name"));
                    };
                    goes_on = self.messages_of(&chunks[index], &mut take)?;
                }
                op::MESSAGE => {
                    let data = self.record_body(place, length)?;
                    let (header, data) = parsed(&data, &known).map_err(|reason| self.damaged(place, reason))?;
                    goes_on = take(&header, data)?;
                }
                op::DATA_END => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Hands over the messages of one chunk. Says whether to go on.
    pub(crate) fn messages_of(
        &mut self,
        chunk: &Chunk,
        take: &mut impl FnMut(&MessageHeader, &[u8]) -> Result<bool, RecordingError>,
    ) -> Result<bool, RecordingError> {
        let known = self.known();
        let (mut said, mut goes_on) = (None, true);
        let outcome = self.read_chunk(chunk, |opcode, data| {
            if opcode != op::MESSAGE || !goes_on {
                return Ok(());
            }
            let (header, data) = parsed(data, &known)?;
            match take(&header, data) {
                Ok(more) => goes_on = more,
                Err(error) => {
                    said = Some(error);
                    return Err(String::new());
                }
            }
            Ok(())
        });
        said.map_or(outcome, Err).map(|()| goes_on)
    }

    /// The channels, rising.
    fn known(&self) -> Vec<u16> {
        self.channels.keys().copied().collect()
    }
}

/// Header and payload of a message record. `known`: the channels, rising.
fn parsed<'a>(data: &'a [u8], known: &[u16]) -> Result<(MessageHeader, &'a [u8]), String> {
    match parse_record(op::MESSAGE, data) {
        Ok(Record::Message { header, data: std::borrow::Cow::Borrowed(data) }) => {
            if known.binary_search(&header.channel_id).is_err() {
                return Err(format!("a message of channel {}, which is unknown", header.channel_id));
            }
            Ok((header, data))
        }
        _ => Err("a message without a header".into()),
    }
}
