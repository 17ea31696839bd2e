//! UBX messages made of their contents: the way back of [`ubx::parse`](super::ubx::parse), for a simulated receiver.

use super::ubx::{NavAtt, NavPvt, Ubx};
use crate::calendar::date_of;

/// From 1970 to the first GPS week, and leap seconds since then, s.
const GPS_EPOCH_S: i64 = 315_964_800;
const LEAP_SECONDS: i64 = 18;
const WEEK_MS: i64 = 604_800_000;
const SECOND_NS: i64 = 1_000_000_000;

/// GPS time of week of an instant, ms: what binds the messages of one instant together.
#[must_use]
pub fn week_ms(unix_ns: i64) -> u32 {
    let gps_ms = unix_ns.div_euclid(1_000_000) + (LEAP_SECONDS - GPS_EPOCH_S) * 1000;
    gps_ms.rem_euclid(WEEK_MS) as u32
}

/// A message with its frame: sync characters, class, number, length, contents, checksum. Numbers are rounded to what the message holds
/// (1e-7 degrees of the place, 1 mm, 1 mm/s, 1e-5 degrees of angles) and kept within it.
#[must_use]
pub fn encode(message: &Ubx) -> Vec<u8> {
    let (id, payload) = match message {
        Ubx::NavPvt(pvt) => (0x07, nav_pvt(pvt)),
        Ubx::NavAtt(attitude) => (0x05, nav_att(attitude)),
    };
    let mut bytes = vec![0xB5, 0x62, 0x01, id];
    bytes.extend((payload.len() as u16).to_le_bytes());
    bytes.extend(payload);
    // Fletcher's checksum over all but the sync characters.
    let (mut a, mut b) = (0_u8, 0_u8);
    for byte in &bytes[2..] {
        a = a.wrapping_add(*byte);
        b = b.wrapping_add(a);
    }
    bytes.extend([a, b]);
    bytes
}

struct Payload(Vec<u8>);

impl Payload {
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.0[at..at + N].copy_from_slice(&bytes);
    }

    fn unsigned(&mut self, at: usize, value: f64, scale: f64) {
        self.put(at, ((value / scale).round() as u32).to_le_bytes());
    }

    fn signed(&mut self, at: usize, value: f64, scale: f64) {
        self.put(at, ((value / scale).round() as i32).to_le_bytes());
    }
}

fn nav_pvt(pvt: &NavPvt) -> Vec<u8> {
    let mut out = Payload(vec![0; 92]);
    out.put(0, pvt.week_ms.to_le_bytes());
    if let Some(unix_ns) = pvt.unix_ns {
        let (seconds, nanos) = (unix_ns.div_euclid(SECOND_NS), unix_ns.rem_euclid(SECOND_NS));
        let (year, month, day) = date_of(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        out.put(4, (year as u16).to_le_bytes());
        out.put(6, [month, day, (of_day / 3600) as u8, (of_day / 60 % 60) as u8, (of_day % 60) as u8]);
        // Date valid, time valid, fully resolved.
        out.put(11, [0b111]);
        out.put(16, (nanos as i32).to_le_bytes());
    }
    let flags = u8::from(pvt.valid) | u8::from(pvt.heading_deg.is_some()) << 5 | pvt.carrier << 6;
    out.put(20, [pvt.fix, flags]);
    out.put(23, [pvt.satellites]);
    out.signed(24, pvt.place.longitude_deg, 1e-7);
    out.signed(28, pvt.place.latitude_deg, 1e-7);
    out.signed(32, pvt.place.height_m, 1e-3);
    out.unsigned(40, pvt.accuracy_m.0, 1e-3);
    out.unsigned(44, pvt.accuracy_m.1, 1e-3);
    let [east, north, up] = pvt.velocity_mps;
    out.signed(48, north, 1e-3);
    out.signed(52, east, 1e-3);
    out.signed(56, -up, 1e-3);
    out.signed(60, east.hypot(north), 1e-3);
    out.signed(64, pvt.course_deg, 1e-5);
    out.unsigned(68, pvt.speed_accuracy_mps, 1e-3);
    out.signed(84, pvt.heading_deg.unwrap_or(0.0), 1e-5);
    out.0
}

fn nav_att(attitude: &NavAtt) -> Vec<u8> {
    let mut out = Payload(vec![0; 32]);
    out.put(0, attitude.week_ms.to_le_bytes());
    out.signed(8, attitude.roll_deg, 1e-5);
    out.signed(12, attitude.pitch_deg, 1e-5);
    out.signed(16, attitude.heading_deg, 1e-5);
    for (place, accuracy) in [20, 24, 28].into_iter().zip(attitude.accuracy_deg) {
        out.unsigned(place, accuracy, 1e-5);
    }
    out.0
}

#[cfg(test)]
mod tests {
    use super::super::{Geodetic, Message, Stream};
    use super::*;
    use proptest::prelude::*;

    fn back(message: &Ubx) -> Ubx {
        let (mut stream, mut found) = (Stream::default(), None);
        stream.push(&encode(message), |message| found = Some(message));
        let Some(Message::Ubx(found)) = found else { panic!("{found:?}") };
        found
    }

    #[test]
    fn the_week_begins_on_sunday() {
        // Sunday, 6 January 1980, 00:00 GPS is the first; 29 November 2026 is a Sunday.
        assert_eq!(week_ms(GPS_EPOCH_S * SECOND_NS - LEAP_SECONDS * SECOND_NS), 0);
        assert_eq!(week_ms(1_795_910_400 * SECOND_NS + 250_999_999), 18_250);
    }

    proptest! {
        #[test]
        fn messages_come_back(
            unix_ns in prop::option::of(1_000_000_000_000_000_000..4_000_000_000_000_000_000_i64),
            (latitude_deg, longitude_deg, height_m) in (-90.0..90.0_f64, -180.0..180.0_f64, -400.0..9000.0_f64),
            velocity_mps in prop::array::uniform3(-80.0..80.0_f64),
            angles in prop::array::uniform3(0.0..360.0_f64),
            heading_deg in prop::option::of(0.0..360.0_f64),
            (fix, valid, carrier, satellites) in (0..6_u8, any::<bool>(), 0..3_u8, any::<u8>()),
        ) {
            let pvt = NavPvt {
                week_ms: week_ms(unix_ns.unwrap_or(0)), unix_ns, fix, valid, carrier, satellites,
                place: Geodetic { latitude_deg, longitude_deg, height_m },
                accuracy_m: (0.014, 0.02), velocity_mps, speed_accuracy_mps: 0.05, course_deg: angles[0], heading_deg,
            };
            let Ubx::NavPvt(found) = back(&Ubx::NavPvt(pvt)) else { panic!() };
            prop_assert_eq!((found.week_ms, found.unix_ns, found.fix, found.valid), (pvt.week_ms, unix_ns, fix, valid));
            prop_assert_eq!((found.carrier, found.satellites, found.heading_deg.is_some()), (carrier, satellites, heading_deg.is_some()));
            let near = |a: f64, b: f64, most: f64| (a - b).abs() <= most;
            prop_assert!(near(found.place.latitude_deg, latitude_deg, 0.51e-7) && near(found.place.longitude_deg, longitude_deg, 0.51e-7));
            prop_assert!(near(found.place.height_m, height_m, 0.51e-3) && near(found.course_deg, angles[0], 0.51e-5));
            prop_assert!((0..3).all(|i| near(found.velocity_mps[i], velocity_mps[i], 0.51e-3)));
            prop_assert!(near(found.accuracy_m.0, 0.014, 1e-9) && near(found.speed_accuracy_mps, 0.05, 1e-9));
            let attitude = NavAtt { week_ms: 7, roll_deg: angles[0] - 180.0, pitch_deg: angles[1] / 4.0 - 45.0, heading_deg: angles[2], accuracy_deg: [0.1, 0.2, 0.3] };
            let Ubx::NavAtt(found) = back(&Ubx::NavAtt(attitude)) else { panic!() };
            prop_assert!(near(found.roll_deg, attitude.roll_deg, 0.51e-5) && near(found.pitch_deg, attitude.pitch_deg, 0.51e-5));
            prop_assert!(near(found.heading_deg, attitude.heading_deg, 0.51e-5) && found.week_ms == 7);
        }
    }
}
