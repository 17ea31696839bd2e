//! The car's CAN bus, described by a DBC file and typed bindings.
//!
//! In: the text of a DBC file, bindings (which signal is the speed of which wheel, which one steers), frames. Out: the car's state, and
//! frames that command it, with their counters and checksums. Never: a socket, a clock; a value that does not fit its signal.

pub mod bindings;
pub mod bits;
pub mod cannelloni;
pub mod checksum;
pub mod database;
pub mod reader;
pub mod speaker;
pub mod writer;

pub use bindings::BindError;
pub use database::{Database, DatabaseError};

/// Identifier of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// 11 bits.
    Standard(u16),
    /// 29 bits.
    Extended(u32),
}

impl Id {
    /// The number alone.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Standard(id) => id as u32,
            Self::Extended(id) => id,
        }
    }
}

/// Bytes of the longest frame (CAN FD).
pub const LONGEST: usize = 64;

/// A data frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which message.
    pub id: Id,
    length: u8,
    data: [u8; LONGEST],
}

impl Frame {
    /// A frame with these bytes; `None` if they are more than a frame holds.
    #[must_use]
    pub fn new(id: Id, bytes: &[u8]) -> Option<Self> {
        let mut data = [0; LONGEST];
        data.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { id, length: bytes.len() as u8, data })
    }

    /// Its bytes.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data[..usize::from(self.length)]
    }
}
