//! Cuts a stream of bytes into sentences and messages, which may come mixed and in pieces.

use super::nmea::{self, Sentence, SentenceError};
use super::ubx::{self, Ubx, UbxError};

/// Longest sentence: the standard has 82 characters, some units send more.
const LONGEST_SENTENCE: usize = 160;
/// Longest payload that is waited for: the messages that are read have 92 bytes, others of a receiver up to this.
const LONGEST_PAYLOAD: usize = 2048;
const SYNC: [u8; 2] = [0xB5, 0x62];

/// What a unit said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message {
    /// A sentence of NMEA 0183.
    Nmea(Sentence),
    /// A message of UBX.
    Ubx(Ubx),
}

/// What came so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sentences and messages that were read.
    pub read: u64,
    /// Sound ones of other kinds.
    pub other: u64,
    /// Wrong checksums.
    pub checksum: u64,
    /// Sentences and messages that are broken.
    pub broken: u64,
    /// Bytes between them.
    pub skipped: u64,
}

/// Puts the pieces together.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    waiting: Vec<u8>,
    counts: Counts,
}

/// What the bytes begin with.
enum Step {
    /// So many bytes that are of no use.
    Skip(usize),
    /// So many bytes of a sentence.
    Sentence(usize),
    /// So many bytes of a message.
    Ubx(usize),
    /// More must come.
    Wait,
}

impl Stream {
    /// What came so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a piece and hands over what it completes.
    pub fn push(&mut self, piece: &[u8], mut take: impl FnMut(Message)) {
        self.waiting.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let rest = &self.waiting[at..];
            at += match next(rest, &mut self.counts) {
                Step::Wait => break,
                Step::Skip(length) => {
                    // Ends of lines are no garbage.
                    let garbage = rest[..length].iter().filter(|byte| !b"\r\n".contains(byte)).count();
                    self.counts.skipped += garbage as u64;
                    length
                }
                Step::Sentence(length) => {
                    let line = String::from_utf8_lossy(&rest[..length]);
                    let parsed = nmea::parse(&line);
                    match parsed {
                        Ok(sentence) => {
                            self.counts.read += 1;
                            take(Message::Nmea(sentence));
                        }
                        Err(SentenceError::Other { .. }) => self.counts.other += 1,
                        Err(SentenceError::Checksum { .. }) => self.counts.checksum += 1,
                        Err(SentenceError::Frame { .. } | SentenceError::Field { .. }) => self.counts.broken += 1,
                    }
                    length
                }
                Step::Ubx(length) => {
                    let parsed = ubx::parse(rest[2], rest[3], &rest[6..length - 2]);
                    match parsed {
                        Ok(message) => {
                            self.counts.read += 1;
                            take(Message::Ubx(message));
                        }
                        Err(UbxError::Other { .. }) => self.counts.other += 1,
                        Err(UbxError::Length { .. }) => self.counts.broken += 1,
                    }
                    length
                }
            };
        }
        self.waiting.drain(..at);
    }
}

fn next(rest: &[u8], counts: &mut Counts) -> Step {
    let Some(start) = rest.iter().position(|byte| *byte == b'$' || *byte == SYNC[0]) else {
        return if rest.is_empty() { Step::Wait } else { Step::Skip(rest.len()) };
    };
    if start > 0 {
        return Step::Skip(start);
    }
    if rest[0] == b'$' { next_sentence(rest, counts) } else { next_ubx(rest, counts) }
}

fn next_sentence(rest: &[u8], counts: &mut Counts) -> Step {
    let text = &rest[..rest.len().min(LONGEST_SENTENCE)];
    match text[1..].iter().position(|byte| !(b' '..=b'~').contains(byte) || *byte == b'$') {
        Some(end) if matches!(text[1 + end], b'\n' | b'\r') => Step::Sentence(end + 2),
        // Cut off: something else begins here.
        Some(end) => {
            counts.broken += 1;
            Step::Skip(end + 1)
        }
        None if text.len() == LONGEST_SENTENCE => {
            counts.broken += 1;
            Step::Skip(LONGEST_SENTENCE)
        }
        None => Step::Wait,
    }
}

fn next_ubx(rest: &[u8], counts: &mut Counts) -> Step {
    match rest.get(1) {
        None => return Step::Wait,
        Some(&second) if second != SYNC[1] => return Step::Skip(1),
        Some(_) => {}
    }
    let Some(&[low, high]) = rest.get(4..6) else { return Step::Wait };
    let payload = usize::from(u16::from_le_bytes([low, high]));
    if payload > LONGEST_PAYLOAD {
        counts.broken += 1;
        return Step::Skip(2);
    }
    let Some(frame) = rest.get(..payload + 8) else { return Step::Wait };
    let sums = frame[2..payload + 6].iter().fold([0_u8, 0_u8], |[a, b], byte| {
        let a = a.wrapping_add(*byte);
        [a, b.wrapping_add(a)]
    });
    if frame[payload + 6..] == sums {
        return Step::Ubx(payload + 8);
    }
    // The length may be what is wrong: look on behind the two bytes.
    counts.checksum += 1;
    Step::Skip(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made with pyubx2 1.4: NAV-PVT and NAV-ATT.
    const PVT: &str = "b56201075c0000ca5b07ea070b1b0a11240719000000b2b9faff03010011012e0405327c361db3c10100330601000e00000014000000d2040000c9fdffff590000004e050000dba8ff01320000004fc30000780000000000000000000000000000000eda";
    const ATT: &str = "b5620105200000ca5b0700000000f04902001991fcff98b39d0110270000204e00002f75000064e1";
    const HDT: &[u8] = b"$GNHDT,271.123,T*2F\r\n";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn all(pieces: &[&[u8]]) -> (Vec<Message>, Counts) {
        let (mut stream, mut found) = (Stream::default(), Vec::new());
        for piece in pieces {
            stream.push(piece, |message| found.push(message));
            assert!(stream.waiting.len() <= LONGEST_PAYLOAD + 8);
        }
        (found, stream.counts())
    }

    #[test]
    fn messages_by_another_encoder() {
        let (found, counts) = all(&[&bytes(PVT), &bytes(ATT)]);
        assert_eq!((counts.read, counts.skipped, counts.checksum), (2, 0, 0));
        let Message::Ubx(Ubx::NavPvt(pvt)) = found[0] else { panic!("{found:?}") };
        assert_eq!(pvt.unix_ns, Some(1_795_774_656_000_000_000 - 345_678));
        assert!(
            (pvt.place.latitude_deg - 49.011_000_2).abs() < 1e-12
                && (pvt.place.longitude_deg - 8.416_000_1).abs() < 1e-12
        );
        assert!((pvt.place.height_m - 115.123).abs() < 1e-9 && (pvt.course_deg - 335.321_23).abs() < 1e-9);
        assert_eq!((pvt.fix, pvt.valid, pvt.carrier, pvt.satellites, pvt.heading_deg), (3, true, 0, 17, None));
        let velocity = [-0.567, 1.234, -0.089];
        assert!(pvt.velocity_mps.iter().zip(velocity).all(|(a, b)| (a - b).abs() < 1e-12), "{pvt:?}");
        assert!((pvt.accuracy_m.0 - 0.014).abs() < 1e-12 && (pvt.speed_accuracy_mps - 0.05).abs() < 1e-12);
        let Message::Ubx(Ubx::NavAtt(att)) = found[1] else { panic!("{found:?}") };
        // The encoder cuts the last digit off.
        let angles = [(att.roll_deg, 1.5), (att.pitch_deg, -2.25), (att.heading_deg, 271.123_45)];
        assert!(angles.iter().all(|(found, given)| (found - given).abs() < 1.1e-5), "{att:?}");
        assert_eq!(att.week_ms, 123_456_000);
    }

    #[test]
    fn whatever_lies_between_is_skipped() {
        let mixed = [
            b"noise\xB5",
            HDT,
            &bytes(PVT),
            b"$GNHD",
            HDT,
            b"\xB5\x62\x01\x07\xFF\xFF",
            &bytes(ATT),
            b"$GPGSV,1*47\r\n",
        ]
        .concat();
        let (found, counts) = all(&[&mixed]);
        assert_eq!((found.len(), counts.read, counts.broken), (4, 4, 2), "{counts:?}");
        let mut wrong = bytes(PVT);
        wrong[50] ^= 1;
        let (found, counts) = all(&[&wrong, HDT, b"$GNHDT,271.124,T*2F\n"]);
        assert_eq!((found.len(), counts.checksum), (1, 2));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same(cuts in prop::collection::vec(0..260_usize, 0..20)) {
            let whole = [HDT, &bytes(PVT)[..], b"xx", &bytes(ATT)[..], HDT].concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).chain([0, whole.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &whole[pair[0]..pair[1]]).collect();
            prop_assert_eq!(all(&pieces).0, all(&[&whole]).0);
            prop_assert_eq!(all(&pieces).0.len(), 4);
        }

        #[test]
        fn noise_is_survived(noise in prop::collection::vec(prop_oneof![Just(0xB5_u8), Just(0x62), Just(b'$'), Just(b'\n'), any::<u8>()], 0..600)) {
            all(&[&noise, HDT]);
        }
    }
}
