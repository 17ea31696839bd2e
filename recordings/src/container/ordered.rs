//! The messages of one file as they are, in the order of their log times and, within one time, of the file.

use super::{Chunk, Container};
use crate::error::RecordingError;
use mcap::records::MessageHeader;
use std::collections::BTreeMap;

/// A message with its own bytes.
pub(crate) type Raw = (MessageHeader, Vec<u8>);

/// An iterator that holds the chunks that overlap in time, and no more.
pub(crate) struct Ordered {
    container: Container,
    /// By start time.
    chunks: Vec<Chunk>,
    next_chunk: usize,
    /// Log time, then the place in the file.
    pending: BTreeMap<(u64, u64, u32), Raw>,
}

impl Ordered {
    pub(crate) fn new(container: Container) -> Self {
        let mut chunks = container.chunks.clone();
        chunks.sort_by_key(|chunk| (chunk.start_ns, chunk.offset));
        Self { container, chunks, next_chunk: 0, pending: BTreeMap::new() }
    }

    fn load(&mut self) -> Result<(), RecordingError> {
        let chunk = &self.chunks[self.next_chunk];
        self.next_chunk += 1;
        let (pending, mut number) = (&mut self.pending, 0);
        let taken = self.container.messages_of(chunk, &mut |header, data| {
            pending.insert((header.log_time, chunk.offset, number), (*header, data.to_vec()));
            number += 1;
            Ok(true)
        });
        taken.map(|_| ())
    }
}

impl Iterator for Ordered {
    type Item = Result<Raw, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let due = self.pending.first_key_value().map(|(place, _)| place.0);
            match (due, self.chunks.get(self.next_chunk)) {
                (due, Some(chunk)) if due.is_none_or(|time| chunk.start_ns <= time) => {
                    if let Err(error) = self.load() {
                        return Some(Err(error));
                    }
                }
                _ => return self.pending.pop_first().map(|(_, raw)| Ok(raw)),
            }
        }
    }
}
