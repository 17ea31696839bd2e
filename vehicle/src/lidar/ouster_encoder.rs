//! Ouster's data packets made of echoes: the way back of [`Ouster::decode`], for a simulated sensor.
//!
//! In: echoes of the columns of one packet, in the sensor frame. Out: the packet, first returns only. A range is rounded to what
//! the profile holds (1 mm, or 8 mm); the direction is the row's, so a point that lies beside its beam comes back on it.

use super::ouster::Ouster;
use super::ouster_metadata::{Metadata, Profile};

/// One echo to be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Echo {
    /// Column of the turn.
    pub column: usize,
    /// Beam, 0 is the lowest.
    pub ring: u16,
    /// In the sensor frame, m.
    pub point: [f32; 3],
    /// Reflectivity 0..1.
    pub intensity: f32,
}

/// Makes the packets of one sensor.
#[derive(Clone, Debug)]
pub struct Encoder {
    sensor: Ouster,
    /// Row from the top of each ring.
    rows: Vec<usize>,
}

impl Encoder {
    /// The encoder of the sensor that the metadata describes.
    #[must_use]
    pub fn new(metadata: Metadata) -> Self {
        let sensor = Ouster::new(metadata);
        let mut rows = vec![0; sensor.rows.len()];
        for (row, beam) in sensor.rows.iter().enumerate() {
            rows[usize::from(beam.ring)] = row;
        }
        Self { sensor, rows }
    }

    /// What the sensor says of itself.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        self.sensor.metadata()
    }

    /// Makes the packet whose first column is `first`. `clock_ns` gives the time of a column of the turn by the sensor's clock. Echoes of
    /// other columns or of rings that the sensor lacks are left out, and so is what is too near or too far for the profile.
    pub fn encode(
        &self,
        frame: u16,
        first: usize,
        clock_ns: impl Fn(usize) -> u64,
        echoes: &[Echo],
        packet: &mut Vec<u8>,
    ) {
        let (layout, metadata) = (self.sensor.layout, self.metadata());
        let profile = metadata.profile;
        packet.clear();
        packet.resize(layout.packet, 0);
        let frame_bytes = frame.to_le_bytes();
        match profile {
            Profile::Legacy => {}
            Profile::Safe => {
                packet[0] = 1;
                packet[4..6].copy_from_slice(&frame_bytes);
            }
            Profile::Single | Profile::Dual | Profile::Low => {
                packet[0] = 1;
                packet[2..4].copy_from_slice(&frame_bytes);
            }
        }
        for column in 0..metadata.columns_per_packet {
            let (at, number) = (layout.header + column * layout.column, first + column);
            packet[at..at + 8].copy_from_slice(&clock_ns(number).to_le_bytes());
            packet[at + 8..at + 10].copy_from_slice(&(number as u16).to_le_bytes());
            if profile == Profile::Legacy {
                packet[at + 10..at + 12].copy_from_slice(&frame_bytes);
                packet[at + layout.column - 4..at + layout.column].fill(0xFF);
            } else {
                packet[at + 10] = 1;
            }
        }
        for echo in echoes {
            let Some(column) = echo.column.checked_sub(first).filter(|c| *c < metadata.columns_per_packet) else {
                continue;
            };
            let (Some(&row), true) = (self.rows.get(usize::from(echo.ring)), echo.column < metadata.columns) else {
                continue;
            };
            let at = layout.header + column * layout.column + layout.column_header + row * layout.pixel;
            put(profile, self.range_m(echo, row), echo.intensity, &mut packet[at..at + layout.pixel]);
        }
    }

    /// How far along its beam a point is, as the sensor counts it, m.
    fn range_m(&self, echo: &Echo, row: usize) -> f64 {
        let metadata = self.metadata();
        let turn = &metadata.sensor_from_lidar;
        let from = |axis: usize| f64::from(echo.point[axis]) - turn[axis][3];
        // Back into the lidar frame, by the transposed rotation.
        let lidar: [f64; 3] = std::array::from_fn(|axis| (0..3).map(|i| turn[i][axis] * from(i)).sum());
        let (cos, sin) = self.sensor.encoder[echo.column];
        let (forward, up) = metadata.beam_origin_m;
        let [x, y, z] = self.sensor.rows[row].direction;
        let direction = [x * cos - y * sin, x * sin + y * cos, z];
        let beam = [lidar[0] - forward * cos, lidar[1] - forward * sin, lidar[2] - up];
        let along: f64 = beam.iter().zip(direction).map(|(a, b)| a * b).sum();
        along + forward.hypot(up)
    }
}

/// Writes a pixel's first return; what does not fit is none.
fn put(profile: Profile, range_m: f64, intensity: f32, pixel: &mut [u8]) {
    let (step_mm, most) = match profile {
        Profile::Legacy => (1.0, 0xF_FFFF),
        Profile::Single | Profile::Dual => (1.0, 0x7_FFFF),
        Profile::Low | Profile::Safe => (8.0, 0x7FFF),
    };
    let steps = (range_m * 1e3 / step_mm).round();
    if !(1.0..=f64::from(most)).contains(&steps) {
        return;
    }
    let reflectivity = (intensity.clamp(0.0, 1.0) * 255.0).round() as u8;
    let bytes = (steps as u32).to_le_bytes();
    match profile {
        Profile::Legacy | Profile::Single => {
            pixel[..4].copy_from_slice(&bytes);
            pixel[4] = reflectivity;
        }
        Profile::Dual => {
            pixel[..3].copy_from_slice(&bytes[..3]);
            pixel[3] = reflectivity;
        }
        Profile::Low | Profile::Safe => {
            pixel[..2].copy_from_slice(&bytes[..2]);
            pixel[2] = reflectivity;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ouster::tests::PROFILES;
    use super::super::ouster_metadata::tests::metadata;
    use super::*;
    use proptest::prelude::*;

    fn encoder(profile: &str) -> Encoder {
        Encoder::new(Metadata::parse(&metadata(profile)).unwrap())
    }

    proptest! {
        /// What a sensor sent comes back, whatever its profile, as it was decoded: the same bytes of ranges give the same points.
        #[test]
        fn echoes_come_back(
            which in 0..5_usize,
            frame in any::<u16>(),
            first in 0..4_usize,
            clock in 0..1_u64 << 62,
            pixels in prop::collection::btree_map((0..16_usize, 0..16_u16), (0.3..250.0_f64, 0..=255_u8), 0..60),
        ) {
            let (encoder, first) = (encoder(PROFILES[which]), 16 * first);
            let sensor = &encoder.sensor;
            // Points on the beams, as far as the profile can tell apart.
            let step_m = if PROFILES[which].contains("RNG15") { 0.008 } else { 0.001 };
            let origin = sensor.metadata().beam_origin_m.0;
            let echoes: Vec<Echo> = pixels.iter().map(|((column, ring), (range_m, reflectivity))| {
                let column = first + column;
                let ([x, y, z], (cos, sin)) = (sensor.rows[encoder.rows[usize::from(*ring)]].direction, sensor.encoder[column]);
                let along = (range_m / step_m).round() * step_m - origin;
                let lidar = [along * (x * cos - y * sin) + origin * cos, along * (x * sin + y * cos) + origin * sin, along * z];
                let place = |[a, b, c, d]: [f64; 4]| (a * lidar[0] + b * lidar[1] + c * lidar[2] + d) as f32;
                let point = sensor.metadata().sensor_from_lidar.map(place);
                Echo { column, ring: *ring, point, intensity: f32::from(*reflectivity) / 255.0 }
            }).collect();
            let mut packet = Vec::new();
            encoder.encode(frame, first, |column| clock + column as u64 * 97_000, &echoes, &mut packet);
            let mut found = Vec::new();
            let head = sensor.clone().decode(&packet, &mut found).unwrap();
            prop_assert_eq!(head.frame, Some(frame));
            prop_assert_eq!(head.clock, super::super::Clock::Absolute(types::SensorTime::from_nanos((clock + first as u64 * 97_000) as i64)));
            prop_assert_eq!(found.len(), echoes.len());
            for echo in &echoes {
                let time_ns = (echo.column - first) as i32 * 97_000;
                let back = found.iter().find(|back| back.ring == echo.ring && back.time_ns == time_ns).unwrap();
                prop_assert_eq!(back.intensity, echo.intensity);
                for axis in 0..3 {
                    prop_assert!((back.point[axis] - echo.point[axis]).abs() < 1e-4, "{:?} {:?}", back, echo);
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let encoder = encoder("RNG15_RFL8_NIR8");
        let echo = |column, ring, x: f32| Echo { column, ring, point: [x, 0.0, 0.0], intensity: f32::NAN };
        let echoes = [echo(15, 3, -9.0), echo(32, 3, 9.0), echo(17, 16, 9.0), echo(18, 4, f32::NAN)];
        let mut packet = Vec::new();
        encoder.encode(1, 16, |_| 0, &echoes, &mut packet);
        let mut found = Vec::new();
        encoder.sensor.clone().decode(&packet, &mut found).unwrap();
        assert_eq!(found, []);
    }
}
