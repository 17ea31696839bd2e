//! CAN frames in UDP datagrams, as cannelloni sends them (github.com/mguentner/cannelloni, `doc/udp_format.md`, version 2): how a bus
//! reaches a computer that has none.
//!
//! A header of version, operation, sequence number and count of frames; each frame is an identifier as in `<linux/can.h>`, a
//! length, for CAN FD (highest bit of the length) a byte of flags, and the data. All numbers are big-endian.

use super::{Frame, Id, LONGEST};
use thiserror::Error;

const VERSION: u8 = 2;
/// Operation of datagrams that carry frames.
const DATA: u8 = 0;
const HEADER: usize = 5;
/// Bytes of an identifier and a length.
const FRAME_HEADER: usize = 5;
/// Bits of an identifier: 29 bits long, no data but a request for it, an error of the controller.
const EXTENDED: u32 = 1 << 31;
const REMOTE: u32 = 1 << 30;
const ERROR: u32 = 1 << 29;
const FLEXIBLE: u8 = 0x80;
/// Data of a frame that is not CAN FD.
const CLASSIC: usize = 8;
/// Longest datagram that Ethernet does not cut into pieces.
pub const LONGEST_DATAGRAM: usize = 1472;

/// What a datagram says of itself, and what was in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Counts the datagrams of a sender.
    pub sequence: u8,
    /// Data frames.
    pub frames: usize,
    /// Requests for data (remote frames), which carry none and are left out.
    pub remote: usize,
    /// Errors that the sender's controller tells (bus off, no acknowledgement, ...), left out.
    pub errors: usize,
}

/// Why a datagram is none of cannelloni's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CannelloniError {
    /// It ends too early.
    #[error("a cannelloni datagram of {found} bytes ends within frame {frame} of {count}")]
    Short {
        /// Bytes found.
        found: usize,
        /// The frame that is not whole, from 1 on; 0 is the header.
        frame: usize,
        /// Frames that it should hold.
        count: usize,
    },
    /// Another version or operation.
    #[error("version {version} and operation {operation} instead of {VERSION} and {DATA}: no frames of cannelloni")]
    Kind {
        /// Version.
        version: u8,
        /// Operation.
        operation: u8,
    },
    /// A length that no frame has.
    #[error("frame {frame} has {length} bytes of data, more than a frame holds")]
    Length {
        /// Which one, from 1 on.
        frame: usize,
        /// Its length.
        length: usize,
    },
    /// Bytes after the last frame.
    #[error("{extra} bytes follow the {count} frames")]
    Extra {
        /// How many.
        extra: usize,
        /// Frames before them.
        count: usize,
    },
}

/// Adds the data frames of a datagram.
///
/// # Errors
/// The bytes are no datagram with frames; none is added.
pub fn decode(bytes: &[u8], frames: &mut Vec<Frame>) -> Result<Head, CannelloniError> {
    let before = frames.len();
    let result = decode_frames(bytes, frames);
    if result.is_err() {
        frames.truncate(before);
    }
    result
}

fn decode_frames(bytes: &[u8], frames: &mut Vec<Frame>) -> Result<Head, CannelloniError> {
    let found = bytes.len();
    let Some((&[version, operation, sequence, high, low], mut rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(CannelloniError::Short { found, frame: 0, count: 0 });
    };
    if (version, operation) != (VERSION, DATA) {
        return Err(CannelloniError::Kind { version, operation });
    }
    let count = usize::from(u16::from_be_bytes([high, low]));
    let mut head = Head { sequence, ..Head::default() };
    for frame in 1..=count {
        let short = CannelloniError::Short { found, frame, count };
        let (&[a, b, c, d, length], after) = rest.split_first_chunk::<FRAME_HEADER>().ok_or(short)?;
        let (number, is_flexible) = (u32::from_be_bytes([a, b, c, d]), length & FLEXIBLE != 0);
        let length = usize::from(length & !FLEXIBLE);
        if length > if is_flexible { LONGEST } else { CLASSIC } {
            return Err(CannelloniError::Length { frame, length });
        }
        let after = after.get(usize::from(is_flexible)..).ok_or(short)?;
        // A request tells the length of what it asks for and holds nothing.
        let length = if number & REMOTE == 0 { length } else { 0 };
        let (data, after) = after.split_at_checked(length).ok_or(short)?;
        rest = after;
        let id = if number & EXTENDED == 0 {
            Id::Standard((number & 0x7FF) as u16)
        } else {
            Id::Extended(number & 0x1FFF_FFFF)
        };
        match Frame::new(id, data) {
            _ if number & ERROR != 0 => head.errors += 1,
            _ if number & REMOTE != 0 => head.remote += 1,
            Some(frame) => {
                frames.push(frame);
                head.frames += 1;
            }
            None => return Err(CannelloniError::Length { frame, length }),
        }
    }
    if rest.is_empty() { Ok(head) } else { Err(CannelloniError::Extra { extra: rest.len(), count }) }
}

/// Makes one datagram of as many frames as [`LONGEST_DATAGRAM`] holds, in their order; gives back how many they are. Frames of more than
/// eight bytes are CAN FD.
pub fn encode(sequence: u8, frames: &[Frame], datagram: &mut Vec<u8>) -> usize {
    datagram.clear();
    datagram.extend_from_slice(&[VERSION, DATA, sequence, 0, 0]);
    let mut count: u16 = 0;
    for frame in frames {
        let (data, is_flexible) = (frame.data(), frame.data().len() > CLASSIC);
        if datagram.len() + FRAME_HEADER + usize::from(is_flexible) + data.len() > LONGEST_DATAGRAM {
            break;
        }
        let number = match frame.id {
            Id::Standard(id) => u32::from(id) & 0x7FF,
            Id::Extended(id) => id & 0x1FFF_FFFF | EXTENDED,
        };
        datagram.extend_from_slice(&number.to_be_bytes());
        if is_flexible {
            datagram.extend_from_slice(&[data.len() as u8 | FLEXIBLE, 0]);
        } else {
            datagram.push(data.len() as u8);
        }
        datagram.extend_from_slice(data);
        count += 1;
    }
    datagram[3..HEADER].copy_from_slice(&count.to_be_bytes());
    usize::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(id: Id, data: &[u8]) -> Frame {
        Frame::new(id, data).unwrap()
    }

    #[test]
    fn a_datagram_by_hand() {
        let frames = [
            frame(Id::Standard(0x123), &[1, 2, 3]),
            frame(Id::Extended(0x18FF_0010), &[0xA5; 12]),
            frame(Id::Standard(7), &[]),
        ];
        let mut bytes = vec![99];
        assert_eq!(encode(200, &frames, &mut bytes), 3);
        let mut expected = vec![2, 0, 200, 0, 3];
        expected.extend([0, 0, 1, 0x23, 3, 1, 2, 3]);
        expected.extend([0x98, 0xFF, 0, 0x10, 0x8C, 0]);
        expected.extend([0xA5; 12]);
        expected.extend([0, 0, 0, 7, 0]);
        assert_eq!(bytes, expected);
        let mut found = Vec::new();
        let head = Head { sequence: 200, frames: 3, remote: 0, errors: 0 };
        assert_eq!((decode(&bytes, &mut found), &found[..]), (Ok(head), &frames[..]));
    }

    #[test]
    fn what_is_no_data_is_counted() {
        let mut bytes = vec![2, 0, 9, 0, 3];
        bytes.extend([0x40, 0, 0, 5, 8]); // a request for eight bytes
        bytes.extend([0x20, 0, 0, 0x40, 8, 0, 0, 0, 0, 0, 0, 0, 0]); // bus off
        bytes.extend([0, 0, 0, 6, 1, 77]);
        let mut found = Vec::new();
        assert_eq!(decode(&bytes, &mut found), Ok(Head { sequence: 9, frames: 1, remote: 1, errors: 1 }));
        assert_eq!(found, [frame(Id::Standard(6), &[77])]);
    }

    #[test]
    fn what_is_wrong_is_told_and_leaves_nothing() {
        let mut good = Vec::new();
        encode(1, &[frame(Id::Standard(1), &[1, 2]), frame(Id::Standard(2), &[3])], &mut good);
        let mut found = Vec::new();
        let mut error = |bytes: &[u8]| decode(bytes, &mut found).unwrap_err();
        assert_eq!(error(&good[..3]), CannelloniError::Short { found: 3, frame: 0, count: 0 });
        assert_eq!(error(&good[..17]), CannelloniError::Short { found: 17, frame: 2, count: 2 });
        assert_eq!(error(&[1, 0, 0, 0, 0]), CannelloniError::Kind { version: 1, operation: 0 });
        assert_eq!(error(&[2, 1, 0, 0, 0]), CannelloniError::Kind { version: 2, operation: 1 });
        assert_eq!(error(&[2, 0, 0, 0, 1, 0, 0, 0, 1, 9]), CannelloniError::Length { frame: 1, length: 9 });
        assert_eq!(error(&[&good[..], &[0]].concat()), CannelloniError::Extra { extra: 1, count: 2 });
        assert!(found.is_empty());
    }

    proptest! {
        #[test]
        fn any_frames_come_back(all in prop::collection::vec((any::<bool>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..=64)), 0..80), sequence in any::<u8>()) {
            let id = |extended: bool, number: u32| if extended { Id::Extended(number & 0x1FFF_FFFF) } else { Id::Standard((number & 0x7FF) as u16) };
            let frames: Vec<Frame> = all.iter().map(|(extended, number, data)| frame(id(*extended, *number), data)).collect();
            let (mut rest, mut found, mut bytes) = (&frames[..], Vec::new(), Vec::new());
            while !rest.is_empty() {
                let taken = encode(sequence, rest, &mut bytes);
                prop_assert!(taken > 0 && bytes.len() <= LONGEST_DATAGRAM);
                prop_assert_eq!(decode(&bytes, &mut found).unwrap().frames, taken);
                rest = &rest[taken..];
            }
            prop_assert_eq!(found, frames);
        }

        #[test]
        fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..200), as_data in any::<bool>()) {
            if as_data && bytes.len() > 4 {
                bytes[..4].copy_from_slice(&[2, 0, 0, 0]);
            }
            let mut frames = Vec::new();
            match decode(&bytes, &mut frames) {
                Ok(head) => prop_assert_eq!(head.frames, frames.len()),
                Err(_) => prop_assert!(frames.is_empty()),
            }
        }
    }
}
