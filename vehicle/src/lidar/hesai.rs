//! Data packets of Hesai's XT32, Pandar40P, Pandar128 and OT128 (user manuals, chapter on the point cloud data packet).
//!
//! A packet is a header (not of the 40P), blocks of one azimuth with a unit for each channel, and a tail with mode and time. In dual
//! mode blocks come in pairs. A beam's azimuth is its block's plus the one of the angle correction file, as Hesai computes it.

use super::angles::Angles;
use super::hesai_firing::{OT128, PANDAR40P};
use super::{Clock, Head, PacketError, Return, TURN_CDEG, rings, u16_at, u32_at};
use crate::calendar::days_since_1970;
use types::SensorTime;

/// Which sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// XT32.
    Xt32,
    /// Pandar40P (and Pandar40M).
    Pandar40p,
    /// Pandar128 and OT128.
    Pandar128,
}

/// Where the parts of a packet are.
struct Layout {
    channels: usize,
    blocks: usize,
    /// The first block, the length of a block, the first unit within a block, the length of a unit.
    body: (usize, usize, usize, usize),
    distance_m: f64,
    mode_at: usize,
    date_at: usize,
    micros_at: usize,
    sequence_at: Option<usize>,
}

impl Model {
    /// Channels of the sensor.
    #[must_use]
    pub const fn channels(self) -> usize {
        match self {
            Self::Xt32 => 32,
            Self::Pandar40p => 40,
            Self::Pandar128 => 128,
        }
    }

    /// From the packet's time to a block and, beyond the block, to a channel; and from block to block, ns.
    fn block_ns(self, block: usize, copies: usize) -> i32 {
        let behind = |blocks: usize| ((blocks - block - 1) / copies) as i32;
        match self {
            Self::Xt32 => 5_632 - 50_000 * behind(8),
            Self::Pandar40p => -28_580 - 55_560 * behind(10),
            Self::Pandar128 => 43_346 - 55_556 * behind(2),
        }
    }

    fn channel_ns(self, channel: usize) -> i32 {
        match self {
            Self::Xt32 => 368 + 1_512 * channel as i32,
            Self::Pandar40p => PANDAR40P[channel],
            Self::Pandar128 => OT128[channel],
        }
    }

    const fn cycle_ns(self) -> usize {
        match self {
            Self::Xt32 => 50_000,
            Self::Pandar40p => 55_560,
            Self::Pandar128 => 55_556,
        }
    }

    /// The layout of a packet, whose size and shape are checked.
    fn layout(self, bytes: &[u8]) -> Result<Layout, PacketError> {
        let sized = |needed: usize| {
            if bytes.len() == needed { Ok(()) } else { Err(PacketError::Length { found: bytes.len(), needed }) }
        };
        let layout = match self {
            Self::Xt32 => {
                sized(1080)?;
                Layout {
                    channels: 32,
                    blocks: 8,
                    body: (12, 130, 2, 4),
                    distance_m: f64::from(bytes[9]) / 1e3,
                    mode_at: 1062,
                    date_at: 1065,
                    micros_at: 1071,
                    sequence_at: Some(1076),
                }
            }
            Self::Pandar40p => {
                let has_sequence = bytes.len() == 1266;
                sized(if has_sequence { 1266 } else { 1262 })?;
                Layout {
                    channels: 40,
                    blocks: 10,
                    body: (0, 124, 4, 3),
                    distance_m: 0.004,
                    mode_at: 1254,
                    date_at: 1256,
                    micros_at: 1250,
                    sequence_at: has_sequence.then_some(1262),
                }
            }
            Self::Pandar128 => {
                if bytes.len() < 12 {
                    return Err(PacketError::Length { found: bytes.len(), needed: 12 });
                }
                let has = |bit: u8| bytes[11] >> bit & 1 == 1;
                let unit = if has(4) { 4 } else { 3 };
                let tail = 12 + 2 * (2 + 128 * unit) + 4 + if has(2) { 17 } else { 0 };
                let options =
                    [(0, 4), (1, 22), (3, 32)].iter().filter(|option| has(option.0)).map(|o| o.1).sum::<usize>();
                sized(tail + 26 + options + 4)?;
                Layout {
                    channels: 128,
                    blocks: 2,
                    body: (12, 2 + 128 * unit, 2, unit),
                    distance_m: f64::from(bytes[9]) / 1e3,
                    mode_at: tail + 12,
                    date_at: tail + 15,
                    micros_at: tail + 21,
                    sequence_at: has(0).then_some(tail + 26),
                }
            }
        };
        if self != Self::Pandar40p {
            let found = u16::from_be_bytes([bytes[0], bytes[1]]);
            if found != 0xEEFF {
                return Err(PacketError::Flag { block: 0, found, needed: 0xEEFF });
            }
            let (lasers, blocks) = (bytes[6], bytes[7]);
            let (needed_lasers, needed_blocks) = (layout.channels as u8, layout.blocks as u8);
            if (lasers, blocks) != (needed_lasers, needed_blocks) {
                return Err(PacketError::Shape { lasers, blocks, needed_lasers, needed_blocks });
            }
        }
        Ok(layout)
    }
}

/// Where a channel looks.
#[derive(Clone, Copy, Debug)]
struct Aim {
    cos: f64,
    sin: f64,
    azimuth_deg: f64,
    ring: u16,
    after_ns: i32,
}

/// Decodes the packets of one sensor.
#[derive(Clone, Debug)]
pub struct Hesai {
    model: Model,
    aims: Vec<Aim>,
}

impl Hesai {
    /// The decoder of a sensor with its angle correction file.
    #[must_use]
    pub fn new(model: Model, angles: &Angles) -> Self {
        let aim = |(channel, ((elevation, azimuth), ring)): (usize, ((&f64, &f64), u16))| {
            let (sin, cos) = elevation.to_radians().sin_cos();
            Aim { cos, sin, azimuth_deg: *azimuth, ring, after_ns: model.channel_ns(channel) }
        };
        let both = angles.elevation_deg.iter().zip(&angles.azimuth_deg);
        let aims = both.zip(rings(&angles.elevation_deg)).take(model.channels()).enumerate().map(aim).collect();
        Self { model, aims }
    }

    /// Adds the returns of a packet, see [`Decoder::decode`](super::Decoder::decode).
    ///
    /// # Errors
    /// The bytes are no data packet of this sensor.
    pub fn decode(&mut self, bytes: &[u8], returns: &mut Vec<Return>) -> Result<Head, PacketError> {
        let layout = self.model.layout(bytes)?;
        let copies = match bytes[layout.mode_at] {
            0x33..=0x38 => 1,
            0x39..=0x3C => 2,
            found => return Err(PacketError::ReturnMode { found }),
        };
        self.check_blocks(bytes, &layout)?;
        let seconds = utc_seconds(&bytes[layout.date_at..layout.date_at + 6])?;
        let micros = i64::from(u32_at(bytes, layout.micros_at));
        let clock = SensorTime::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(micros * 1000));
        for block in 0..layout.blocks {
            self.read_block(bytes, &layout, block, copies, returns);
        }
        Ok(Head {
            clock: Clock::Absolute(clock),
            first_ns: self.model.block_ns(0, copies),
            span_ns: (layout.blocks / copies * self.model.cycle_ns()) as u32,
            sequence: layout.sequence_at.map(|at| (u64::from(u32_at(bytes, at)), 1 << 32)),
            frame: None,
        })
    }

    fn check_blocks(&self, bytes: &[u8], layout: &Layout) -> Result<(), PacketError> {
        let (start, length, units, _) = layout.body;
        for block in 0..layout.blocks {
            let at = start + block * length;
            if self.model == Model::Pandar40p {
                let (found, needed) = (u16::from_be_bytes([bytes[at], bytes[at + 1]]), 0xFFEE);
                if found != needed {
                    return Err(PacketError::Flag { block, found, needed });
                }
            }
            let found = u16_at(bytes, at + units - 2);
            if f64::from(found) >= TURN_CDEG {
                return Err(PacketError::Azimuth { block, found, turn: TURN_CDEG as u16 });
            }
        }
        Ok(())
    }

    fn read_block(&self, bytes: &[u8], layout: &Layout, block: usize, copies: usize, returns: &mut Vec<Return>) {
        let (start, length, first, unit) = layout.body;
        let units = start + block * length + first;
        let azimuth_cdeg = f64::from(u16_at(bytes, units - 2));
        let block_ns = self.model.block_ns(block, copies);
        for (channel, aim) in self.aims.iter().enumerate() {
            let at = units + channel * unit;
            let raw = u16_at(bytes, at);
            let is_repeated = block % copies == 1 && bytes[at..at + 3] == bytes[at - length..at - length + 3];
            if raw == 0 || is_repeated {
                continue;
            }
            let (sin, cos) = (azimuth_cdeg / 100.0 + aim.azimuth_deg).to_radians().sin_cos();
            let distance = f64::from(raw) * layout.distance_m;
            let across = distance * aim.cos;
            returns.push(Return {
                point: [across * cos, -across * sin, distance * aim.sin].map(|v| v as f32),
                intensity: f32::from(bytes[at + 2]) / 255.0,
                ring: aim.ring,
                time_ns: block_ns + aim.after_ns,
                turned_cdeg: azimuth_cdeg as f32,
            });
        }
    }
}

/// Seconds since 1970 of a tail's date: year (since 1900 or 2000), month, day, hour, minute, second; or, if the first byte is zero,
/// seconds as a number of five bytes, the highest first.
fn utc_seconds(date: &[u8]) -> Result<i64, PacketError> {
    let &[year, month, day, hour, minute, second] = date else { return Ok(0) };
    if year == 0 {
        return Ok(date[1..].iter().fold(0, |sum, &byte| sum << 8 | i64::from(byte)));
    }
    let full = 1900 + i64::from(year) + if year < 100 { 100 } else { 0 };
    let is_there = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !is_there {
        return Err(PacketError::Date { year: full as u16, month, day, hour, minute, second });
    }
    let days = days_since_1970(full, month, day);
    Ok(days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet in which every pulse is answered from `raw` units of 4 mm with reflectivity 51, the blocks `gap` apart.
    pub(crate) fn packet(model: Model, start: u16, gap: u16, mode: u8, micros: u32, sequence: u32) -> Vec<u8> {
        let (channels, blocks) = (model.channels(), [8, 10, 2][model as usize]);
        let copies = if mode >= 0x39 { 2 } else { 1 };
        let mut bytes = Vec::new();
        if model != Model::Pandar40p {
            bytes.extend([0xEE, 0xFF, 1, 4, 0, 0, channels as u8, blocks as u8, 0, 4, copies as u8, 0b111]);
        }
        for block in 0..blocks {
            if model == Model::Pandar40p {
                bytes.extend([0xFF, 0xEE]);
            }
            bytes.extend(
                (((u32::from(start) + (block / copies) as u32 * u32::from(gap)) % 36_000) as u16).to_le_bytes(),
            );
            for _ in 0..channels {
                bytes.extend((2500 + 100 * (block % copies) as u16).to_le_bytes());
                bytes.extend(if model == Model::Xt32 { &[51, 0][..] } else { &[51] });
            }
        }
        let date = [123, 1, 11, 1, 31, 18];
        match model {
            Model::Xt32 => {
                bytes.extend([0; 10]);
                bytes.extend([mode, 0, 0]);
                bytes.extend(date);
                bytes.extend(micros.to_le_bytes());
                bytes.push(0x42);
                bytes.extend(sequence.to_le_bytes());
            }
            Model::Pandar40p => {
                bytes.extend([0; 10]);
                bytes.extend(micros.to_le_bytes());
                bytes.extend([mode, 0x42]);
                bytes.extend([23, 1, 11, 1, 31, 18]);
                bytes.extend(sequence.to_le_bytes());
            }
            Model::Pandar128 => {
                bytes.extend([0; 4 + 17 + 9 + 3]);
                bytes.extend([mode, 0, 0]);
                bytes.extend(date);
                bytes.extend(micros.to_le_bytes());
                bytes.push(0x42);
                bytes.extend(sequence.to_le_bytes());
                bytes.extend([0; 22 + 4]);
            }
        }
        bytes
    }

    pub(crate) fn sensor(model: Model) -> Hesai {
        let channels = model.channels();
        let elevation_deg = (0..channels).map(|channel| 15.0 - channel as f64).map(|e| e.max(-80.0)).collect();
        Hesai::new(model, &Angles { elevation_deg, azimuth_deg: vec![1.5; channels] })
    }

    #[test]
    fn sizes_are_those_of_the_manuals() {
        let sizes = [Model::Xt32, Model::Pandar40p, Model::Pandar128].map(|m| packet(m, 0, 20, 0x37, 0, 0).len());
        assert_eq!(sizes, [1080, 1266, 861]);
    }

    #[test]
    fn one_block_by_hand() {
        for model in [Model::Xt32, Model::Pandar40p, Model::Pandar128] {
            let (blocks, mut returns) = ([8, 10, 2][model as usize], Vec::new());
            let head = sensor(model).decode(&packet(model, 8850, 20, 0x37, 250_000, 77), &mut returns).unwrap();
            assert_eq!(returns.len(), blocks * model.channels(), "{model:?}");
            // 2023-01-11T01:31:18.25Z
            assert_eq!(head.clock, Clock::Absolute(SensorTime::from_nanos(1_673_400_678_250_000_000)));
            assert_eq!(head.sequence, Some((77, 1 << 32)));
            // Azimuth 88.5 + 1.5: to the right; channel 0 looks 15 degrees up and is the highest.
            let first = returns[0];
            assert!(first.point[0].abs() < 1e-5 && (first.point[1] + 9.659_258).abs() < 1e-5, "{first:?}");
            assert!((first.point[2] - 2.588_19).abs() < 1e-5);
            assert_eq!((usize::from(first.ring), first.intensity), (model.channels() - 1, 0.2));
            assert_eq!(first.turned_cdeg, 8850.0);
            let spans = [400_000, 555_600, 111_112];
            assert_eq!(head.span_ns, spans[model as usize]);
            let next = returns[model.channels()].time_ns - first.time_ns;
            assert_eq!(next, (head.span_ns / blocks as u32) as i32);
        }
    }

    #[test]
    fn dual_mode_keeps_two_different_echoes() {
        for model in [Model::Xt32, Model::Pandar40p, Model::Pandar128] {
            let (mut returns, bytes) = (Vec::new(), packet(model, 0, 20, 0x3B, 0, 0));
            let head = sensor(model).decode(&bytes, &mut returns).unwrap();
            let blocks = [8, 10, 2][model as usize];
            assert_eq!(returns.len(), blocks * model.channels());
            assert_eq!(head.span_ns as usize, blocks / 2 * model.cycle_ns());
            let (first, second) = (returns[0], returns[model.channels()]);
            assert_eq!((first.time_ns, first.ring), (second.time_ns, second.ring));
            assert!((second.point[2] / first.point[2] - 1.04).abs() < 1e-6);
        }
        let mut same = packet(Model::Xt32, 0, 20, 0x39, 0, 0);
        let (first, second) = same.split_at_mut(12 + 130);
        second[..130].copy_from_slice(&first[12..142]);
        let mut returns = Vec::new();
        sensor(Model::Xt32).decode(&same, &mut returns).unwrap();
        assert_eq!(returns.len(), 7 * 32);
    }

    #[test]
    fn dates_of_both_kinds() {
        let new_year_2000 = 946_684_800;
        assert_eq!(utc_seconds(&[100, 1, 1, 0, 0, 0]), Ok(new_year_2000));
        assert_eq!(utc_seconds(&[124, 2, 29, 12, 0, 1]), Ok(1_709_208_001));
        assert_eq!(utc_seconds(&[0, 0, 0x38, 0x6D, 0x43, 0x80]), Ok(new_year_2000));
        assert!(matches!(utc_seconds(&[124, 13, 1, 0, 0, 0]), Err(PacketError::Date { month: 13, .. })));
    }

    #[test]
    fn errors_carry_the_numbers() {
        let mut xt32 = sensor(Model::Xt32);
        let good = packet(Model::Xt32, 0, 20, 0x37, 0, 0);
        let mut broken = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            xt32.decode(&bytes, &mut Vec::new()).unwrap_err()
        };
        assert_eq!(broken(0, 0), PacketError::Flag { block: 0, found: 0x00FF, needed: 0xEEFF });
        let shape = PacketError::Shape { lasers: 64, blocks: 8, needed_lasers: 32, needed_blocks: 8 };
        assert_eq!(broken(6, 64), shape);
        assert_eq!(broken(1062, 0x55), PacketError::ReturnMode { found: 0x55 });
        assert_eq!(broken(13, 0xFF), PacketError::Azimuth { block: 0, found: 0xFF00, turn: 36_000 });
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_decoded(noise in prop::collection::vec(any::<u8>(), 0..1400), which in 0..3_usize, mode in 0x30..0x40_u8, places in prop::collection::vec((any::<usize>(), any::<u8>()), 0..40)) {
            let model = [Model::Xt32, Model::Pandar40p, Model::Pandar128][which];
            let _ = sensor(model).decode(&noise, &mut Vec::new());
            let mut bytes = packet(model, 0, 20, mode, 0, 0);
            let length = bytes.len();
            for (at, value) in places {
                bytes[at % length] = value;
            }
            let mut returns = Vec::new();
            if sensor(model).decode(&bytes, &mut returns).is_ok() {
                prop_assert!(returns.iter().all(|echo| echo.point.iter().all(|v| v.is_finite()) && usize::from(echo.ring) < model.channels()));
            } else {
                prop_assert!(returns.is_empty());
            }
        }
    }
}
