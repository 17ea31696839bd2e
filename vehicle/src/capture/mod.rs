//! Recordings of a network: `.pcap` and `.pcapng` files to datagrams.
//!
//! In: the bytes of a file. Out: each UDP datagram with the time when it was recorded. What is not UDP over IPv4 is counted and left out; a
//! fragment, a frame that was cut by the recorder and a wrong length are errors that name the frame, for a datagram would be lost.

mod frame;

pub use frame::FrameError;

use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use std::io::Read;
use thiserror::Error;
use types::ReceiveTime;

/// Largest block of a file that is read, bytes.
const LARGEST_BLOCK: usize = 1 << 20;
/// Interfaces of a file at most.
const INTERFACES: usize = 1024;

/// A datagram of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// When it was recorded.
    pub received: ReceiveTime,
    /// Address and port it came from.
    pub from: ([u8; 4], u16),
    /// Address and port it went to.
    pub to: ([u8; 4], u16),
    /// What it carries.
    pub payload: &'a [u8],
}

/// What a recording held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Frames.
    pub frames: u64,
    /// Datagrams among them.
    pub datagrams: u64,
}

/// Why a recording cannot be read on. The frames before were handed over.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CaptureError {
    /// Neither pcap nor pcapng.
    #[error("the file is neither pcap nor pcapng")]
    Format,
    /// The file ends within a frame, or a block of it is broken.
    #[error("the file is cut off or broken behind frame {frame}: {reason}")]
    Broken {
        /// The last good frame, from 1.
        frame: u64,
        /// What the reader says.
        reason: String,
    },
    /// A frame cannot be used.
    #[error("frame {frame}: {error}")]
    Frame {
        /// The frame, from 1.
        frame: u64,
        /// Why.
        error: FrameError,
    },
}

/// An interface of the file: its link and how its times count.
struct Interface {
    link: Linktype,
    ticks_per_second: u64,
    offset_s: i64,
}

/// Hands each UDP datagram of a file to `take`, in the file's order.
///
/// # Errors
/// The file is none or broken, or a frame would be lost; what came before was handed over.
pub fn read(input: impl Read + Send, mut take: impl FnMut(Datagram<'_>)) -> Result<Summary, CaptureError> {
    let mut reader = create_reader(LARGEST_BLOCK, input).map_err(|_| CaptureError::Format)?;
    let mut summary = Summary::default();
    let mut interfaces: Vec<Interface> = Vec::new();
    loop {
        let broken = |summary: &Summary, reason: String| CaptureError::Broken { frame: summary.frames, reason };
        match reader.next() {
            Ok((length, block)) => {
                let taken = take_block(&block, &mut interfaces, &mut summary, &mut take);
                drop(block);
                reader.consume(length);
                taken?;
            }
            Err(PcapError::Eof) => return Ok(summary),
            Err(PcapError::Incomplete(_)) => {
                let ended = reader.reader_exhausted();
                reader.refill().map_err(|error| broken(&summary, format!("{error:?}")))?;
                if ended {
                    return Err(broken(&summary, "it ends within a block".to_owned()));
                }
            }
            Err(error) => {
                let reason = match error {
                    PcapError::UnexpectedEof => "it ends within a block".to_owned(),
                    PcapError::BufferTooSmall => format!("a block of more than {LARGEST_BLOCK} bytes"),
                    PcapError::NomError(_, kind) | PcapError::OwnedNomError(_, kind) => format!("bad block ({kind:?})"),
                    other => format!("{other:?}"),
                };
                return Err(broken(&summary, reason));
            }
        }
    }
}

fn take_block(
    block: &PcapBlockOwned<'_>,
    interfaces: &mut Vec<Interface>,
    summary: &mut Summary,
    take: &mut impl FnMut(Datagram<'_>),
) -> Result<(), CaptureError> {
    let (link, received, data, whole_length) = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let ticks_per_second = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            interfaces.push(Interface { link: header.network, ticks_per_second, offset_s: 0 });
            return Ok(());
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            return Ok(());
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
            if interfaces.len() == INTERFACES {
                let reason = format!("more than {INTERFACES} interfaces");
                return Err(CaptureError::Broken { frame: summary.frames, reason });
            }
            let ticks_per_second = block.ts_resolution().filter(|&ticks| ticks > 0).unwrap_or(1_000_000);
            interfaces.push(Interface { link: block.linktype, ticks_per_second, offset_s: block.ts_offset() });
            return Ok(());
        }
        PcapBlockOwned::Legacy(block) => {
            let Some(interface) = interfaces.first() else { return Ok(()) };
            let ticks = i128::from(block.ts_sec) * i128::from(interface.ticks_per_second) + i128::from(block.ts_usec);
            (interface.link, interface.nanos(ticks), block.data, block.origlen)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
            let Some(interface) = interfaces.get(block.if_id as usize) else {
                let reason = format!("a frame of interface {}, of which nothing is said", block.if_id);
                return Err(CaptureError::Broken { frame: summary.frames, reason });
            };
            let ticks = i128::from(block.ts_high) << 32 | i128::from(block.ts_low);
            let data = block.data.get(..block.caplen as usize).unwrap_or(block.data);
            (interface.link, interface.nanos(ticks), data, block.origlen)
        }
        // A frame without a time is no measurement.
        PcapBlockOwned::NG(Block::SimplePacket(_)) => {
            summary.frames += 1;
            return Err(CaptureError::Frame { frame: summary.frames, error: FrameError::Time });
        }
        PcapBlockOwned::NG(_) => return Ok(()),
    };
    summary.frames += 1;
    let named = |error| CaptureError::Frame { frame: summary.frames, error };
    if let Some(udp) = frame::udp(link, data, whole_length as usize).map_err(named)? {
        summary.datagrams += 1;
        take(Datagram { received: ReceiveTime::from_nanos(received), ..udp });
    }
    Ok(())
}

impl Interface {
    fn nanos(&self, ticks: i128) -> i64 {
        let nanos =
            ticks * 1_000_000_000 / i128::from(self.ticks_per_second) + i128::from(self.offset_s) * 1_000_000_000;
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) fn ethernet(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00, 0x45, 0]);
        frame.extend((28 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 7, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend(1000_u16.to_be_bytes());
        frame.extend(2368_u16.to_be_bytes());
        frame.extend((8 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        frame
    }

    fn legacy(frames: &[(u32, u32, Vec<u8>)]) -> Vec<u8> {
        let mut file = Vec::new();
        for number in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            file.extend(number.to_le_bytes());
        }
        for (seconds, micros, frame) in frames {
            for number in [*seconds, *micros, frame.len() as u32, frame.len() as u32] {
                file.extend(number.to_le_bytes());
            }
            file.extend(frame);
        }
        file
    }

    fn block(kind: u32, mut body: Vec<u8>) -> Vec<u8> {
        body.resize(body.len().next_multiple_of(4), 0);
        let length = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, &body, &length].concat()
    }

    /// Time in nanoseconds (option 9), as `dumpcap` writes it.
    fn ng(nanos: u64, frame: &[u8]) -> Vec<u8> {
        let header = [&0x1A2B_3C4D_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xFF; 8]].concat();
        let interface = [1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0].to_vec();
        let mut packet =
            [&0_u32.to_le_bytes()[..], &((nanos >> 32) as u32).to_le_bytes(), &(nanos as u32).to_le_bytes()].concat();
        packet.extend((frame.len() as u32).to_le_bytes());
        packet.extend((frame.len() as u32).to_le_bytes());
        packet.extend(frame);
        [block(0x0A0D_0D0A, header), block(1, interface), block(6, packet)].concat()
    }

    /// Time, port and payload of each datagram.
    type Found = Vec<(i64, u16, Vec<u8>)>;

    fn all(file: &[u8]) -> (Result<Summary, CaptureError>, Found) {
        let mut found = Vec::new();
        let result = read(file, |datagram| {
            found.push((datagram.received.nanos(), datagram.to.1, datagram.payload.to_vec()));
        });
        (result, found)
    }

    #[test]
    fn both_formats_are_read() {
        let (result, found) = all(&legacy(&[(5, 6, ethernet(b"abc")), (5, 7, ethernet(b""))]));
        assert_eq!(result, Ok(Summary { frames: 2, datagrams: 2 }));
        assert_eq!(found, [(5_000_006_000, 2368, b"abc".to_vec()), (5_000_007_000, 2368, Vec::new())]);
        let (result, found) = all(&ng(1_700_000_000_123_456_789, &ethernet(b"xyz")));
        assert_eq!(result, Ok(Summary { frames: 1, datagrams: 1 }));
        assert_eq!(found, [(1_700_000_000_123_456_789, 2368, b"xyz".to_vec())]);
    }

    #[test]
    fn what_would_be_lost_is_named() {
        let mut fragment = ethernet(b"abc");
        fragment[20] = 0x20;
        let (result, found) = all(&legacy(&[(0, 0, ethernet(b"1")), (0, 0, fragment), (0, 0, ethernet(b"2"))]));
        let error = FrameError::Fragment { id: 7, offset: 0 };
        assert_eq!(result, Err(CaptureError::Frame { frame: 2, error }));
        assert_eq!(found.len(), 1);
        let file = legacy(&[(0, 0, ethernet(b"1")), (0, 0, ethernet(b"2"))]);
        let (result, found) = all(&file[..file.len() - 1]);
        assert!(matches!(result, Err(CaptureError::Broken { frame: 1, .. })), "{result:?}");
        assert_eq!(found.len(), 1);
        assert_eq!(all(b"PK\x03\x04 no recording at all, but long enough").0, Err(CaptureError::Format));
    }

    proptest! {
        #[test]
        fn any_file_is_answered(noise in prop::collection::vec(any::<u8>(), 0..300), places in prop::collection::vec((any::<usize>(), any::<u8>()), 1..12), which in 0..2) {
            let _ = all(&noise);
            let frames = [(1, 2, ethernet(b"abc")), (3, 4, ethernet(&[9; 40]))];
            let mut file = if which == 0 { legacy(&frames) } else { ng(5, &ethernet(b"abc")) };
            let length = file.len();
            for (at, value) in places {
                file[at % length] = value;
            }
            let _ = all(&file);
        }
    }
}
