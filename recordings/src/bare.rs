//! The reader of the `mcap` crate and nothing else: what reading a drive is measured against.

use crate::RecordingError;
use std::fs;
use std::path::Path;

/// Reads every message of a file with the bare reader, the whole file in memory, and gives their number and bytes.
///
/// # Errors
/// What the operating system or the bare reader says.
pub fn read_bare(path: &Path) -> Result<(u64, u64), RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    let wrong = |error: mcap::McapError| RecordingError::source(path, None, error.to_string());
    let (mut messages, mut bytes) = (0, 0);
    for message in mcap::MessageStream::new(&data).map_err(wrong)? {
        messages += 1;
        bytes += message.map_err(wrong)?.data.len() as u64;
    }
    Ok((messages, bytes))
}
