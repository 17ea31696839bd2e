//! Data packets of Ouster's OS-0, OS-1 and OS-2, whose layout the metadata tells (firmware manual, lidar data format and coordinate
//! frames).
//!
//! A packet holds columns of one encoder position, a column one pixel for each row. The sensor numbers its turns itself. Points are
//! in the sensor frame: x away from the connector, z up.

use super::ouster_metadata::{Metadata, Profile};
use super::{Clock, Head, PacketError, Return, TURN_CDEG, le, rings, u16_at, u32_at};
use types::SensorTime;

/// Where the parts of a packet are, bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub header: usize,
    pub column_header: usize,
    pub pixel: usize,
    pub column: usize,
    pub packet: usize,
}

impl Layout {
    fn new(metadata: &Metadata) -> Self {
        let is_legacy = metadata.profile == Profile::Legacy;
        let pixel = match metadata.profile {
            Profile::Legacy | Profile::Single => 12,
            Profile::Dual => 16,
            Profile::Low => 4,
            Profile::Safe => 8,
        };
        let (header, column_header, column_footer) = if is_legacy { (0, 16, 4) } else { (32, 12, 0) };
        let column = column_header + metadata.altitude_deg.len() * pixel + column_footer;
        Self { header, column_header, pixel, column, packet: 2 * header + metadata.columns_per_packet * column }
    }
}

/// Direction of a row at encoder zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Forward, left, up.
    pub direction: [f64; 3],
    pub ring: u16,
}

/// Decodes the packets of one sensor.
#[derive(Clone, Debug)]
pub struct Ouster {
    metadata: Metadata,
    pub(super) layout: Layout,
    pub(super) rows: Vec<Row>,
    /// Cosine and sine of the encoder's angle in each column.
    pub(super) encoder: Vec<(f64, f64)>,
}

impl Ouster {
    /// The decoder of the sensor that the metadata describes.
    #[must_use]
    pub fn new(metadata: Metadata) -> Self {
        let row = |((altitude, azimuth), ring): ((&f64, &f64), u16)| {
            let (up, level) = altitude.to_radians().sin_cos();
            let (sin, cos) = (-azimuth).to_radians().sin_cos();
            Row { direction: [level * cos, level * sin, up], ring }
        };
        let angles = metadata.altitude_deg.iter().zip(&metadata.azimuth_deg);
        let rows = angles.zip(rings(&metadata.altitude_deg)).map(row).collect();
        let angle = |column| std::f64::consts::TAU * (1.0 - column as f64 / metadata.columns as f64);
        let encoder = (0..metadata.columns).map(|column| (angle(column).cos(), angle(column).sin())).collect();
        Self { layout: Layout::new(&metadata), metadata, rows, encoder }
    }

    /// What the sensor says of itself.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Bytes of a data packet.
    #[must_use]
    pub fn packet_length(&self) -> usize {
        self.layout.packet
    }

    /// Adds the returns of a packet, see [`Decoder::decode`](super::Decoder::decode).
    ///
    /// # Errors
    /// The bytes are no data packet of this sensor, or no column of it is valid.
    pub fn decode(&mut self, bytes: &[u8], returns: &mut Vec<Return>) -> Result<Head, PacketError> {
        let (layout, columns) = (self.layout, self.metadata.columns_per_packet);
        if bytes.len() != layout.packet {
            return Err(PacketError::Length { found: bytes.len(), needed: layout.packet });
        }
        let profile = self.metadata.profile;
        let kind = if profile == Profile::Safe { u16::from(bytes[0]) } else { u16_at(bytes, 0) };
        if profile != Profile::Legacy && kind != 1 {
            return Err(PacketError::Flag { block: 0, found: kind, needed: 1 });
        }
        let valid = |column: &usize| {
            let at = layout.header + column * layout.column;
            if profile == Profile::Legacy {
                u32_at(bytes, at + layout.column - 4) == u32::MAX
            } else {
                bytes[at + 10] & 1 == 1
            }
        };
        let number = |column: usize| u16_at(bytes, layout.header + column * layout.column + 8);
        if let Some(found) = (0..columns).filter(valid).map(number).find(|&n| usize::from(n) >= self.metadata.columns) {
            return Err(PacketError::Column { found, columns: self.metadata.columns as u16 });
        }
        let first = (0..columns).find(|column| valid(column)).ok_or(PacketError::NoColumn)?;
        let clock = |column: usize| u64::from_le_bytes(le(bytes, layout.header + column * layout.column)).cast_signed();
        let frame = match profile {
            Profile::Legacy => u16_at(bytes, first * layout.column + 10),
            Profile::Safe => u16_at(bytes, 4),
            _ => u16_at(bytes, 2),
        };
        for column in (0..columns).filter(valid) {
            let time_ns = clock(column).saturating_sub(clock(first)).clamp(-1_000_000_000, 1_000_000_000) as i32;
            self.read_column(bytes, column, usize::from(number(column)), time_ns, returns);
        }
        let column_ns = 1e9 / self.metadata.turns_hz / self.metadata.columns as f64;
        Ok(Head {
            clock: Clock::Absolute(SensorTime::from_nanos(clock(first))),
            first_ns: 0,
            span_ns: (column_ns * columns as f64) as u32,
            sequence: Some(self.sequence(frame, usize::from(number(first)))),
            frame: Some(frame),
        })
    }

    /// Number of a packet among those of the window in all turns.
    fn sequence(&self, frame: u16, column: usize) -> (u64, u64) {
        let per_packet = self.metadata.columns_per_packet;
        let packets = self.metadata.columns / per_packet;
        let (first, last) = (self.metadata.window.0 / per_packet, self.metadata.window.1 / per_packet);
        // A window that ends in the packet where it begins goes once around.
        let around = first == last && self.metadata.window.0 > self.metadata.window.1;
        let sent = if around { packets } else { (last + packets - first) % packets + 1 };
        let place = (column / per_packet + packets - first) % packets;
        let (sent, place) = (sent as u64, place.min(sent - 1) as u64);
        (u64::from(frame) * sent + place, (1 << 16) * sent)
    }

    fn read_column(&self, bytes: &[u8], column: usize, number: usize, time_ns: i32, returns: &mut Vec<Return>) {
        let pixels = self.layout.header + column * self.layout.column + self.layout.column_header;
        let (cos, sin) = self.encoder[number];
        let (forward, up) = self.metadata.beam_origin_m;
        let behind = forward.hypot(up);
        let turned_cdeg = (number as f64 * TURN_CDEG / self.metadata.columns as f64) as f32;
        for (row, Row { direction: [x, y, z], ring }) in self.rows.iter().enumerate() {
            let direction = [x * cos - y * sin, x * sin + y * cos, *z];
            let (first, second) = self.pixel(&bytes[pixels + row * self.layout.pixel..]);
            let second = second.filter(|echo| echo.0 != first.0);
            for (range_mm, reflectivity) in [Some(first), second].into_iter().flatten().filter(|echo| echo.0 > 0) {
                let along = f64::from(range_mm) / 1e3 - behind;
                let lidar = [
                    along * direction[0] + forward * cos,
                    along * direction[1] + forward * sin,
                    along * direction[2] + up,
                ];
                let point = self
                    .metadata
                    .sensor_from_lidar
                    .map(|[a, b, c, d]| (a * lidar[0] + b * lidar[1] + c * lidar[2] + d) as f32);
                let intensity = f32::from(reflectivity.min(255)) / 255.0;
                returns.push(Return { point, intensity, ring: *ring, time_ns, turned_cdeg });
            }
        }
    }

    /// Range in mm and reflectivity of a pixel's returns.
    fn pixel(&self, bytes: &[u8]) -> ((u32, u16), Option<(u32, u16)>) {
        let word = |at: usize, mask: u32| u32_at(bytes, at) & mask;
        let byte = |at: usize| u16::from(bytes[at]);
        match self.metadata.profile {
            Profile::Legacy => ((word(0, 0xF_FFFF), u16_at(bytes, 4)), None),
            Profile::Single => ((word(0, 0x7_FFFF), byte(4)), None),
            Profile::Dual => ((word(0, 0x7_FFFF), byte(3)), Some((word(4, 0x7_FFFF), byte(7)))),
            Profile::Low => ((word(0, 0x7FFF) << 3, byte(2)), None),
            Profile::Safe => ((word(0, 0x7FFF) << 3, byte(2)), Some((word(4, 0x7FFF) << 3, byte(6)))),
        }
    }
}

/// Moves each row of a staggered picture (rows from the top, `columns` pixels each) so that a column looks one way.
#[must_use]
pub fn destagger<T: Copy>(picture: &[T], columns: usize, pixel_shift: &[i32]) -> Vec<T> {
    let mut out = Vec::with_capacity(picture.len());
    for (row, shift) in picture.chunks_exact(columns.max(1)).zip(pixel_shift) {
        let cut = (-i64::from(*shift)).rem_euclid(row.len() as i64) as usize;
        out.extend_from_slice(&row[cut..]);
        out.extend_from_slice(&row[..cut]);
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::ouster_metadata::tests::metadata;
    use super::*;
    use proptest::prelude::*;

    pub(crate) const PROFILES: [&str; 5] = [
        "LEGACY",
        "RNG19_RFL8_SIG16_NIR16",
        "RNG19_RFL8_SIG16_NIR16_DUAL",
        "RNG15_RFL8_NIR8",
        "FUSA_RNG15_RFL8_NIR8_DUAL",
    ];

    pub(crate) fn sensor(profile: &str) -> Ouster {
        Ouster::new(Metadata::parse(&metadata(profile)).unwrap())
    }

    /// The packet of a frame that begins with `column`: first returns from 8 m, second ones from 16 m, reflectivity 51.
    pub(crate) fn packet(sensor: &Ouster, frame: u16, column: u16, clock_ns: u64) -> Vec<u8> {
        let (layout, profile) = (sensor.layout, sensor.metadata.profile);
        let mut bytes = vec![0; layout.packet];
        if profile != Profile::Legacy {
            bytes[0] = 1;
            let at = if profile == Profile::Safe { 4 } else { 2 };
            bytes[at..at + 2].copy_from_slice(&frame.to_le_bytes());
        }
        for index in 0..16 {
            let at = layout.header + usize::from(index) * layout.column;
            bytes[at..at + 8].copy_from_slice(&(clock_ns + u64::from(index) * 1_562_500).to_le_bytes());
            bytes[at + 8..at + 10].copy_from_slice(&(column + index).to_le_bytes());
            if profile == Profile::Legacy {
                bytes[at + 10..at + 12].copy_from_slice(&frame.to_le_bytes());
                bytes[at + layout.column - 4..at + layout.column].fill(0xFF);
            } else {
                bytes[at + 10] = 1;
            }
            for row in 0..16 {
                let at = at + layout.column_header + row * layout.pixel;
                let mut write = |place: usize, raw: u32, reflectivity: usize| {
                    let old = bytes[at + place + 3];
                    bytes[at + place..at + place + 4].copy_from_slice(&raw.to_le_bytes());
                    bytes[at + place + 3] |= old;
                    bytes[at + reflectivity] = 51;
                };
                match profile {
                    Profile::Legacy | Profile::Single => write(0, 8000, 4),
                    Profile::Low => write(0, 1000, 2),
                    Profile::Dual => {
                        write(0, 8000, 3);
                        write(4, 16_000, 7);
                    }
                    Profile::Safe => {
                        write(0, 1000, 2);
                        write(4, 2000, 6);
                    }
                }
            }
        }
        bytes
    }

    #[test]
    fn one_column_by_hand_in_every_profile() {
        for profile in PROFILES {
            let (mut sensor, mut returns) = (sensor(profile), Vec::new());
            let bytes = packet(&sensor, 300, 16, 1_000_000_000_000);
            let head = sensor.decode(&bytes, &mut returns).unwrap();
            let per_pixel = if profile.ends_with("DUAL") { 2 } else { 1 };
            assert_eq!(returns.len(), 16 * 16 * per_pixel, "{profile}");
            assert_eq!((head.frame, head.sequence), (Some(300), Some((300 * 4 + 1, 4 << 16))));
            assert_eq!(head.clock, Clock::Absolute(SensorTime::from_nanos(1_000_000_000_000)));
            // Column 16 of 64: the encoder at -90 degrees; row 0 is 3 degrees on and looks 15 degrees up. The sensor frame is turned by 180.
            let (along, angle): (f64, f64) = (8.0 - 0.015_806, (-93.0_f64).to_radians());
            let level = along * 15_f64.to_radians().cos();
            let expected = [
                -level * angle.cos(),
                -(level * angle.sin() - 0.015_806),
                along * 15_f64.to_radians().sin() + 0.036_18,
            ];
            for (found, expected) in returns[0].point.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-6, "{profile}: {:?} {expected}", returns[0]);
            }
            assert_eq!((returns[0].ring, returns[0].intensity, returns[0].time_ns), (15, 0.2, 0));
            assert_eq!(returns.last().unwrap().time_ns, 15 * 1_562_500);
        }
    }

    #[test]
    fn columns_that_are_not_valid_are_left_out() {
        let (mut sensor, mut returns) = (sensor("RNG15_RFL8_NIR8"), Vec::new());
        let mut bytes = packet(&sensor, 1, 0, 0);
        let layout = sensor.layout;
        bytes[layout.header + 10] = 0;
        let head = sensor.decode(&bytes, &mut returns).unwrap();
        assert_eq!((returns.len(), head.clock), (15 * 16, Clock::Absolute(SensorTime::from_nanos(1_562_500))));
        bytes[layout.header + layout.column + 8] = 64;
        assert_eq!(sensor.decode(&bytes, &mut returns), Err(PacketError::Column { found: 64, columns: 64 }));
        for column in 0..16 {
            bytes[layout.header + column * layout.column + 10] = 0;
        }
        assert_eq!(sensor.decode(&bytes, &mut returns), Err(PacketError::NoColumn));
        assert_eq!(returns.len(), 15 * 16);
    }

    #[test]
    fn packets_of_a_window_are_numbered_without_gaps() {
        let mut metadata = Metadata::parse(&metadata("LEGACY")).unwrap();
        metadata.window = (40, 20);
        let sensor = Ouster::new(metadata);
        let numbers =
            [(7, 32), (7, 48), (7, 0), (7, 16), (8, 32)].map(|(frame, column)| sensor.sequence(frame, column).0);
        assert_eq!(numbers, [28, 29, 30, 31, 32]);
    }

    #[test]
    fn a_staggered_picture_is_put_straight() {
        assert_eq!(destagger(&[1, 2, 3, 4, 5, 6, 7, 8], 4, &[1, -1]), [4, 1, 2, 3, 6, 7, 8, 5]);
        assert!(destagger::<u8>(&[], 0, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_decoded(noise in prop::collection::vec(any::<u8>(), 0..400), which in 0..5_usize, places in prop::collection::vec((any::<usize>(), any::<u8>()), 0..60)) {
            let mut sensor = sensor(PROFILES[which]);
            let _ = sensor.decode(&noise, &mut Vec::new());
            let mut bytes = packet(&sensor, 0, 0, 0);
            let length = bytes.len();
            for (at, value) in places {
                bytes[at % length] = value;
            }
            let mut returns = Vec::new();
            if let Ok(head) = sensor.decode(&bytes, &mut returns) {
                let (number, modulus) = head.sequence.unwrap();
                prop_assert!(number < modulus);
                prop_assert!(returns.iter().all(|echo| echo.point.iter().all(|v| v.is_finite()) && echo.ring < 16));
            } else {
                prop_assert!(returns.is_empty());
            }
        }
    }
}
