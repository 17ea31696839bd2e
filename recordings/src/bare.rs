//! The reader of the `mcap` crate and nothing else: what reading a drive is measured against.

use crate::RecordingError;
use mcap::records::op;
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads every message of a file with the bare reader, from the file piece by piece, checksums of the chunks included, without
/// decoding any. Gives the number of messages and their bytes.
///
/// # Errors
/// What the operating system or the bare reader says.
pub fn read_bare(path: &Path) -> Result<(u64, u64), RecordingError> {
    let mut file = File::open(path).map_err(RecordingError::io(path, "open"))?;
    let mut reader = LinearReader::new_with_options(LinearReaderOptions::default().with_validate_chunk_crcs(true));
    let (mut messages, mut bytes) = (0, 0);
    while let Some(event) = reader.next_event() {
        match event.map_err(|error| RecordingError::source(path, None, error.to_string()))? {
            LinearReadEvent::ReadRequest(wanted) => {
                let read = file.read(reader.insert(wanted)).map_err(RecordingError::io(path, "read"))?;
                reader.notify_read(read);
            }
            LinearReadEvent::Record { opcode: op::MESSAGE, data } => {
                messages += 1;
                bytes += data.len() as u64;
            }
            LinearReadEvent::Record { .. } => {}
        }
    }
    Ok((messages, bytes))
}
