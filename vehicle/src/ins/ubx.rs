//! Messages of u-blox's UBX protocol: NAV-PVT and NAV-ATT (interface description of the F9 high precision receivers).

use super::Geodetic;
use crate::calendar::days_since_1970;
use thiserror::Error;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ubx {
    /// Place, velocity, time.
    NavPvt(NavPvt),
    /// Attitude.
    NavAtt(NavAtt),
}

/// NAV-PVT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NavPvt {
    /// GPS time of week, ms.
    pub week_ms: u32,
    /// Nanoseconds since 1970, UTC; `None` while date or time are not resolved.
    pub unix_ns: Option<i64>,
    /// 0 none, 1 dead reckoning, 2 flat, 3 full, 4 with dead reckoning, 5 time only.
    pub fix: u8,
    /// Whether the fix is within the receiver's limits.
    pub valid: bool,
    /// RTK: 0 none, 1 float, 2 fixed.
    pub carrier: u8,
    /// Satellites.
    pub satellites: u8,
    /// Where.
    pub place: Geodetic,
    /// Standard deviation of the place in the plane and of its height, m.
    pub accuracy_m: (f64, f64),
    /// East, north, up, m/s.
    pub velocity_mps: [f64; 3],
    /// Standard deviation of the speed, m/s.
    pub speed_accuracy_mps: f64,
    /// Direction of motion, degrees clockwise from true north.
    pub course_deg: f64,
    /// Direction of the vehicle, degrees clockwise from true north, if the receiver knows it.
    pub heading_deg: Option<f64>,
}

/// NAV-ATT: the vehicle's axes are x forward, y right, z down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NavAtt {
    /// GPS time of week, ms.
    pub week_ms: u32,
    /// Right side down, degrees.
    pub roll_deg: f64,
    /// Nose up, degrees.
    pub pitch_deg: f64,
    /// Degrees clockwise from true north.
    pub heading_deg: f64,
    /// Standard deviations of roll, pitch and heading, degrees.
    pub accuracy_deg: [f64; 3],
}

/// Why a message is not read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UbxError {
    /// Another message.
    #[error("message {class:#04x} {id:#04x} is not read")]
    Other {
        /// Class.
        class: u8,
        /// Number within the class.
        id: u8,
    },
    /// A wrong length.
    #[error("message {class:#04x} {id:#04x} has {found} bytes instead of {needed}")]
    Length {
        /// Class.
        class: u8,
        /// Number within the class.
        id: u8,
        /// Bytes found.
        found: usize,
        /// Bytes needed.
        needed: usize,
    },
}

/// Reads the payload of a message whose checksum is right.
///
/// # Errors
/// A message that is not read, or of another length.
pub fn parse(class: u8, id: u8, payload: &[u8]) -> Result<Ubx, UbxError> {
    let needed = match (class, id) {
        (0x01, 0x07) => 92,
        (0x01, 0x05) => 32,
        _ => return Err(UbxError::Other { class, id }),
    };
    if payload.len() != needed {
        return Err(UbxError::Length { class, id, found: payload.len(), needed });
    }
    let read = Payload(payload);
    Ok(if id == 0x07 { Ubx::NavPvt(nav_pvt(&read)) } else { Ubx::NavAtt(nav_att(&read)) })
}

struct Payload<'a>(&'a [u8]);

impl Payload<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes::<1>(at)[0]
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }

    fn unsigned(&self, at: usize, scale: f64) -> f64 {
        f64::from(self.u32(at)) * scale
    }

    fn signed(&self, at: usize, scale: f64) -> f64 {
        f64::from(i32::from_le_bytes(self.bytes(at))) * scale
    }
}

fn nav_pvt(read: &Payload<'_>) -> NavPvt {
    let flags = read.byte(21);
    let seconds = i64::from(read.byte(8)) * 3600 + i64::from(read.byte(9)) * 60 + i64::from(read.byte(10));
    let year = i64::from(u16::from_le_bytes(read.bytes(4)));
    let month_is_there = (1..=12).contains(&read.byte(6));
    // Date valid, time valid, fully resolved.
    let resolved = read.byte(11) & 0b111 == 0b111 && month_is_there;
    let unix_ns = || {
        let days = days_since_1970(year, read.byte(6), read.byte(7));
        (days * 86_400 + seconds).saturating_mul(1_000_000_000) + i64::from(i32::from_le_bytes(read.bytes(16)))
    };
    NavPvt {
        week_ms: read.u32(0),
        unix_ns: resolved.then(unix_ns),
        fix: read.byte(20),
        valid: flags & 1 == 1,
        carrier: flags >> 6,
        satellites: read.byte(23),
        place: Geodetic {
            latitude_deg: read.signed(28, 1e-7),
            longitude_deg: read.signed(24, 1e-7),
            height_m: read.signed(32, 1e-3),
        },
        accuracy_m: (read.unsigned(40, 1e-3), read.unsigned(44, 1e-3)),
        velocity_mps: [read.signed(52, 1e-3), read.signed(48, 1e-3), -read.signed(56, 1e-3)],
        speed_accuracy_mps: read.unsigned(68, 1e-3),
        course_deg: read.signed(64, 1e-5),
        heading_deg: (flags >> 5 & 1 == 1).then(|| read.signed(84, 1e-5)),
    }
}

fn nav_att(read: &Payload<'_>) -> NavAtt {
    NavAtt {
        week_ms: read.u32(0),
        roll_deg: read.signed(8, 1e-5),
        pitch_deg: read.signed(12, 1e-5),
        heading_deg: read.signed(16, 1e-5),
        accuracy_deg: [20, 24, 28].map(|at| read.unsigned(at, 1e-5)),
    }
}
