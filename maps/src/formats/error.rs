//! What is wrong with a file of a map.

use crate::network::NetworkError;
use std::fmt;
use thiserror::Error;

/// Why a file gives no map. Every message names the file, and the element and the number if there is one.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum MapError {
    /// The file is larger than any map that is read.
    #[error("{file}: {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: usize,
        /// The largest that is read.
        limit: usize,
    },
    /// The bytes are not what the format is written in.
    #[error("{file}: {problem}")]
    Syntax {
        /// The file.
        file: String,
        /// What the parser says, with its place.
        problem: String,
    },
    /// The file is none of the known formats.
    #[error("{file}: {found}, expected one of: {expected}")]
    Foreign {
        /// The file.
        file: String,
        /// What it is instead.
        found: String,
        /// The known formats.
        expected: &'static str,
    },
    /// An element lacks something or holds what cannot be.
    #[error("{file}: {element}: {problem}")]
    Element {
        /// The file.
        file: String,
        /// The element and its line.
        element: String,
        /// What is wrong.
        problem: String,
    },
    /// The lanes do not make a network.
    #[error("{file}: {source}")]
    Network {
        /// The file.
        file: String,
        /// Why.
        source: NetworkError,
    },
}

/// Something in a file that was readable, but does not fit the rest: it was left out or mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The element.
    pub element: String,
    /// What is wrong and what was done about it.
    pub problem: String,
}

impl Finding {
    pub(crate) fn new(element: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { element: element.into(), problem: problem.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.element, self.problem)
    }
}
