//! What can go wrong with a drive on disk. Each error is one line that names the file and the numbers.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use types::CalibrationError;

/// Why a drive cannot be written, read or imported.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The operating system refuses.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The disk is nearly full. What was kept free is enough to close the file.
    #[error("{}: the disk is full: {source}; the file ends here, whole", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file has no byte.
    #[error("{}: the file is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file does not begin as an MCAP does.
    #[error("{}: not an MCAP file: it begins with {found:02x?}", path.display())]
    NotMcap {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// The end of the file is missing.
    #[error(
        "{}: the file was cut at byte {bytes}: {chunks} whole chunks with {messages} messages can be read, the summary is missing: use recover",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// Whole chunks in it.
        chunks: usize,
        /// Messages in these chunks, views included.
        messages: u64,
    },
    /// An MCAP file that holds no topic of a drive.
    #[error("{}: not a drive: profile \"{profile}\", library \"{library}\", channels: {channels}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its profile.
        profile: String,
        /// What wrote it.
        library: String,
        /// Its channels, each with message encoding, schema and schema encoding.
        channels: String,
    },
    /// A known topic with messages of another kind.
    #[error("{}: {topic} holds {found}, expected {expected}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The topic.
        topic: String,
        /// Schema and encodings found.
        found: String,
        /// Schema and encodings needed.
        expected: String,
    },
    /// A message cannot be understood.
    #[error("{}: {topic} at {log_time_ns} ns: {reason}", path.display())]
    Message {
        /// The file.
        path: PathBuf,
        /// The topic.
        topic: String,
        /// The message's log time.
        log_time_ns: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A calibration cannot be used.
    #[error("{}: {source}", path.display())]
    Calibration {
        /// The file.
        path: PathBuf,
        /// The field and its value.
        source: CalibrationError,
    },
    /// The file contradicts itself.
    #[error("{}: damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A drive whose messages are not in chunks cannot be read in order.
    #[error("{}: {messages} messages lie outside of chunks and cannot be read in order: recover puts them into chunks", path.display())]
    NotChunked {
        /// The file.
        path: PathBuf,
        /// How many messages.
        messages: u64,
    },
    /// A message that the format cannot hold.
    #[error("{}: cannot write to {topic}: {field} is {value}, outside 0 to {high}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The topic.
        topic: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        value: i128,
        /// The largest value that can be written.
        high: u64,
    },
    /// A source file of an import is not as its format demands.
    #[error("{}{}: {reason}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Source {
        /// The file or folder.
        path: PathBuf,
        /// The line, from one.
        line: Option<usize>,
        /// What is wrong.
        reason: String,
    },
}

impl RecordingError {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.into(), action, source }
    }

    pub(crate) fn source(path: &Path, line: Option<usize>, reason: impl Into<String>) -> Self {
        Self::Source { path: path.into(), line, reason: reason.into() }
    }

    /// An error of the MCAP writer.
    pub(crate) fn written(path: &Path, error: mcap::McapError) -> Self {
        let source = match error {
            mcap::McapError::Io(source) => source,
            other => io::Error::other(other.to_string()),
        };
        Self::Io { path: path.into(), action: "write", source }
    }
}
