//! Checksums of CAN messages: the families that carmakers use.

use serde::Deserialize;

/// How a message's checksum is made. The byte that holds it does not count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Checksum {
    /// CRC-8 SAE J1850 (polynomial 0x1D, start and end 0xFF) over the identifying bytes and the data: AUTOSAR E2E profile 1 with
    /// `data_id` low byte first.
    Crc8J1850 {
        /// Bytes before the data.
        #[serde(default)]
        data_id: Vec<u8>,
    },
    /// CRC-8 of polynomial 0x2F (start and end 0xFF) over the data and the counter's byte of a list: AUTOSAR E2E profile 2.
    #[serde(rename = "crc8_2f")]
    Crc8H2f {
        /// A byte behind the data for each value of the counter; or one for all.
        data_ids: Vec<u8>,
    },
    /// All bytes joined by exclusive or.
    Xor {
        /// What it begins with.
        #[serde(default)]
        start: u8,
    },
    /// Sum of all bytes, its low byte.
    Sum {
        /// What it begins with.
        #[serde(default)]
        start: u8,
        /// Whether the bytes of the identifier count.
        #[serde(default)]
        with_id: bool,
    },
    /// What makes the sum of all bytes and the checksum zero.
    SumComplement {
        /// What it begins with.
        #[serde(default)]
        start: u8,
        /// Whether the bytes of the identifier count.
        #[serde(default)]
        with_id: bool,
    },
}

impl Checksum {
    /// The checksum of a message's bytes; `at` is the byte that holds it, `counter` the message's counter.
    #[must_use]
    pub fn of(&self, data: &[u8], at: usize, id: u32, counter: u64) -> u8 {
        let covered = || data.iter().enumerate().filter(move |(index, _)| *index != at).map(|(_, byte)| *byte);
        let sum = |start: u8, with_id: bool| {
            let of_id = id.to_le_bytes().into_iter().filter(|_| with_id).fold(start, u8::wrapping_add);
            covered().fold(of_id, u8::wrapping_add)
        };
        match self {
            Self::Crc8J1850 { data_id } => crc8(0x1D, data_id.iter().copied().chain(covered())),
            Self::Crc8H2f { data_ids } => {
                let place = if data_ids.is_empty() { 0 } else { counter as usize % data_ids.len() };
                crc8(0x2F, covered().chain(data_ids.get(place).copied()))
            }
            Self::Xor { start } => covered().fold(*start, |sum, byte| sum ^ byte),
            Self::Sum { start, with_id } => sum(*start, *with_id),
            Self::SumComplement { start, with_id } => sum(*start, *with_id).wrapping_neg(),
        }
    }
}

/// CRC of 8 bits, the highest bit first, start and end 0xFF.
fn crc8(polynomial: u8, bytes: impl Iterator<Item = u8>) -> u8 {
    let step =
        |crc: u8, byte: u8| (0..8).fold(crc ^ byte, |crc, _| crc << 1 ^ if crc & 0x80 == 0 { 0 } else { polynomial });
    bytes.fold(0xFF, step) ^ 0xFF
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: usize = usize::MAX;

    #[test]
    fn check_values_of_the_catalogues() {
        // "123456789": CRC-8/SAE-J1850 and CRC-8/AUTOSAR of the CRC catalogue.
        assert_eq!(Checksum::Crc8J1850 { data_id: vec![] }.of(b"123456789", NOWHERE, 0, 0), 0x4B);
        assert_eq!(Checksum::Crc8H2f { data_ids: vec![] }.of(b"123456789", NOWHERE, 0, 0), 0xDF);
        // AUTOSAR, specification of CRC routines, tables of examples.
        assert_eq!(Checksum::Crc8J1850 { data_id: vec![] }.of(&[0xF2, 0x01, 0x83], NOWHERE, 0, 0), 0x37);
        assert_eq!(Checksum::Crc8H2f { data_ids: vec![] }.of(&[0xF2, 0x01, 0x83], NOWHERE, 0, 0), 0xC2);
        assert_eq!(Checksum::Crc8H2f { data_ids: vec![] }.of(&[0; 4], NOWHERE, 0, 0), 0x12);
    }

    #[test]
    fn sums_by_hand() {
        let data = [0x11, 0xEE, 0x22, 0xFF];
        assert_eq!(Checksum::Xor { start: 0 }.of(&data, 3, 0, 0), 0x11 ^ 0xEE ^ 0x22);
        assert_eq!(Checksum::Sum { start: 1, with_id: true }.of(&data, 3, 0x488, 0), 0x1 + 0x88 + 0x04 + 0x21);
        assert_eq!(Checksum::SumComplement { start: 0, with_id: false }.of(&data, 3, 0, 0), 0xDF);
        let listed = Checksum::Crc8H2f { data_ids: vec![0x83, 0x00] };
        assert_eq!(listed.of(&[9, 0xF2, 0x01], 0, 0, 2), 0xC2);
        assert_ne!(listed.of(&[9, 0xF2, 0x01], 0, 0, 3), 0xC2);
    }
}
