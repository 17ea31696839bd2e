//! A recorded frame to its UDP datagram.

use super::Datagram;
use pcap_parser::Linktype;
use thiserror::Error;
use types::ReceiveTime;

/// Why a frame cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// Part of a datagram.
    #[error(
        "fragment of IPv4 packet {id} at byte {offset}: fragments are not joined, record after the kernel has joined them"
    )]
    Fragment {
        /// Identification of the packet.
        id: u16,
        /// Bytes before it.
        offset: usize,
    },
    /// The recorder left bytes out.
    #[error("{recorded} of {whole} bytes were recorded")]
    Cut {
        /// Bytes there are.
        recorded: usize,
        /// Bytes there were.
        whole: usize,
    },
    /// A header tells of more bytes than there are.
    #[error("the {layer} header tells of {told} bytes, there are {found}")]
    Length {
        /// Which header.
        layer: &'static str,
        /// Bytes it tells of.
        told: usize,
        /// Bytes there are.
        found: usize,
    },
    /// A frame without a time.
    #[error("the frame has no time (a simple packet block)")]
    Time,
    /// A link that is not read.
    #[error("link type {link} is none of Ethernet, Linux cooked, raw IP and loopback")]
    Link {
        /// Its number.
        link: i32,
    },
}

/// The UDP datagram of a frame, its time left at zero; `None` if it holds something else.
pub(super) fn udp(link: Linktype, data: &[u8], whole: usize) -> Result<Option<Datagram<'_>>, FrameError> {
    let Some(packet) = ipv4(link, data)? else { return Ok(None) };
    if packet.get(9) != Some(&17) || packet[0] >> 4 != 4 {
        return Ok(None);
    }
    if data.len() < whole {
        return Err(FrameError::Cut { recorded: data.len(), whole });
    }
    let be = |at: usize| packet.get(at..at + 2).map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (header, length) = (usize::from(packet[0] & 15) * 4, usize::from(be(2)));
    if header < 20 || length < header || packet.len() < length {
        return Err(FrameError::Length { layer: "IPv4", told: length.max(header), found: packet.len() });
    }
    let (more, offset) = (be(6) & 0x2000 != 0, usize::from(be(6) & 0x1FFF) * 8);
    if more || offset > 0 {
        return Err(FrameError::Fragment { id: be(4), offset });
    }
    let body = &packet[header..length];
    let told = usize::from(be(header + 4));
    if body.len() < 8 || told < 8 || body.len() < told {
        return Err(FrameError::Length { layer: "UDP", told, found: body.len() });
    }
    let address = |at: usize| [packet[at], packet[at + 1], packet[at + 2], packet[at + 3]];
    let (from, to) = ((address(12), be(header)), (address(16), be(header + 2)));
    Ok(Some(Datagram { received: ReceiveTime::default(), from, to, payload: &body[8..told] }))
}

/// The IPv4 packet of a frame; `None` if it holds another protocol.
fn ipv4(link: Linktype, data: &[u8]) -> Result<Option<&[u8]>, FrameError> {
    let be = |at: usize| data.get(at..at + 2).map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]));
    let start = match link {
        Linktype::ETHERNET => {
            let mut at = 12;
            // Tags of virtual networks.
            while matches!(be(at), 0x8100 | 0x88A8) {
                at += 4;
            }
            (be(at) == 0x0800).then_some(at + 2)
        }
        Linktype::LINUX_SLL => (be(14) == 0x0800).then_some(16),
        Linktype::RAW | Linktype::IPV4 => Some(0),
        Linktype::NULL => (data.len() >= 4 && (data[0] == 2 || data[3] == 2)).then_some(4),
        Linktype(link) => return Err(FrameError::Link { link }),
    };
    Ok(start.and_then(|start| data.get(start..)).filter(|packet| packet.len() >= 20))
}

#[cfg(test)]
mod tests {
    use super::super::tests::ethernet;
    use super::*;

    #[test]
    fn tags_and_other_links() {
        let plain = ethernet(b"abc");
        let tagged = [&plain[..12], &[0x81, 0, 0, 5], &plain[12..]].concat();
        let cooked = [&[0; 14], &plain[12..]].concat();
        for (link, frame) in [
            (Linktype::ETHERNET, &plain[..]),
            (Linktype::ETHERNET, &tagged),
            (Linktype::RAW, &plain[14..]),
            (Linktype::LINUX_SLL, &cooked),
            (Linktype::NULL, &[&[2, 0, 0, 0], &plain[14..]].concat()),
        ] {
            let datagram = udp(link, frame, frame.len()).unwrap().unwrap();
            assert_eq!((datagram.payload, datagram.from), (&b"abc"[..], ([10, 0, 0, 1], 1000)), "{link:?}");
        }
        assert_eq!(udp(Linktype(147), &plain, plain.len()), Err(FrameError::Link { link: 147 }));
    }

    #[test]
    fn other_protocols_are_left_out_and_wrong_lengths_refused() {
        let mut tcp = ethernet(b"abc");
        tcp[23] = 6;
        assert_eq!(udp(Linktype::ETHERNET, &tcp, 99), Ok(None));
        let frame = ethernet(b"abc");
        assert_eq!(udp(Linktype::ETHERNET, &frame, 99), Err(FrameError::Cut { recorded: frame.len(), whole: 99 }));
        let mut long = frame.clone();
        long[39] = 99;
        assert_eq!(udp(Linktype::ETHERNET, &long, 0), Err(FrameError::Length { layer: "UDP", told: 99, found: 11 }));
        for length in 0..frame.len() {
            let _ = udp(Linktype::ETHERNET, &frame[..length], 0);
        }
    }
}
