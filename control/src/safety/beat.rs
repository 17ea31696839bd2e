//! A heartbeat: who lives, how far it has come, and what the supervisor needs to stop the car without it.
//!
//! Forty-eight bytes of fixed layout, so that a pipe, a socket or a page of shared memory can carry it to another process:
//! a write of so few bytes into a pipe is never split (POSIX asks for 512).

use types::Authority;

/// Who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A stage of the pipeline, by its place.
    Stage(u8),
    /// A sensor, by its place.
    Sensor(u8),
    /// Planning: the sequence is that of the plan.
    Plan,
    /// Control: the sequence is that of the command.
    Command,
}

/// One heartbeat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beat {
    /// Who.
    pub source: Source,
    /// Rises with each piece of work that is done. A beat that repeats one is none.
    pub sequence: u64,
    /// Of a plan: its age when it was sent, s. Of others: 0.
    pub age_s: f64,
    /// Of a command: angle of the front wheels, rad, acceleration, m/s2, and measured speed, m/s. Of others: 0.
    pub command: [f64; 3],
    /// Of a command: what it was allowed. Of others: none.
    pub authority: Authority,
}

/// Bytes of a beat.
pub const BYTES: usize = 48;

impl Beat {
    /// The beat of a stage or sensor.
    #[must_use]
    pub fn of(source: Source, sequence: u64) -> Self {
        Self { source, sequence, age_s: 0.0, command: [0.0; 3], authority: Authority::None }
    }

    /// As bytes: kind, place, authority, a zero, checksum, sequence, age, command; little endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let (kind, place) = match self.source {
            Source::Stage(place) => (1, place),
            Source::Sensor(place) => (2, place),
            Source::Plan => (3, 0),
            Source::Command => (4, 0),
        };
        (bytes[0], bytes[1]) = (kind, place);
        bytes[2] = Authority::ALL.iter().position(|authority| *authority == self.authority).unwrap_or(0) as u8;
        bytes[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        let numbers = [self.age_s, self.command[0], self.command[1], self.command[2]];
        for (number, place) in numbers.into_iter().zip(bytes[16..].chunks_exact_mut(8)) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let sum = checksum(&bytes);
        bytes[4..8].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The beat of some bytes; nothing if they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; BYTES]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 8).and_then(|b| <[u8; 8]>::try_from(b).ok());
        let sum = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if sum != checksum(bytes) || bytes[3] != 0 {
            return None;
        }
        let source = match (bytes[0], bytes[1]) {
            (1, place) => Source::Stage(place),
            (2, place) => Source::Sensor(place),
            (3, 0) => Source::Plan,
            (4, 0) => Source::Command,
            _ => return None,
        };
        let number = |at: usize| word(at).map(f64::from_le_bytes);
        Some(Self {
            source,
            sequence: word(8).map(u64::from_le_bytes)?,
            age_s: number(16)?,
            command: [number(24)?, number(32)?, number(40)?],
            authority: *Authority::ALL.get(usize::from(bytes[2]))?,
        })
    }
}

/// FNV-1a over all but the checksum itself.
fn checksum(bytes: &[u8; BYTES]) -> u32 {
    let rest = bytes.iter().enumerate().filter(|(i, _)| !(4..8).contains(i));
    rest.fold(0x811c_9dc5, |sum, (_, byte)| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn source() -> impl Strategy<Value = Source> {
        prop_oneof![
            any::<u8>().prop_map(Source::Stage),
            any::<u8>().prop_map(Source::Sensor),
            Just(Source::Plan),
            Just(Source::Command)
        ]
    }

    proptest! {
        #[test]
        fn bytes_come_back_and_a_changed_byte_is_found(
            source in source(), authority in 0..5usize, sequence in any::<u64>(), age_s in -1e9..1e9f64, command in any::<[i32; 3]>(),
            place in 0..BYTES, flip in 1u8..=255
        ) {
            let authority = Authority::ALL[authority];
            let beat = Beat { source, sequence, age_s, command: command.map(f64::from), authority };
            let mut bytes = beat.to_bytes();
            prop_assert_eq!(Beat::from_bytes(&bytes), Some(beat));
            bytes[place] ^= flip;
            prop_assert_eq!(Beat::from_bytes(&bytes), None);
        }

        #[test]
        fn noise_is_no_beat(noise in prop::collection::vec(any::<u8>(), BYTES)) {
            let mut bytes = [0; BYTES];
            bytes.copy_from_slice(&noise);
            if let Some(beat) = Beat::from_bytes(&bytes) {
                prop_assert_eq!(beat.to_bytes(), bytes);
            }
        }
    }
}
