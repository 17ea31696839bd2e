//! Data packets of the Velodyne VLP-16 (user manual 63-9243, chapter 9: data packet format, timing, optics).
//!
//! A packet holds 12 blocks of one azimuth and two firings of 16 channels each. In dual mode the blocks come in pairs: the last
//! return, then the strongest (or the second strongest if the last one is the strongest) of the same two firings.

use thiserror::Error;

/// Bytes of a data packet.
pub const PACKET_LENGTH: usize = 1206;
/// Time from the first firing of a packet to the first of the next, ns: 24 firings, or 12 in dual mode.
const FIRING_NS: f64 = 55_296.0;
const CHANNEL_NS: f64 = 2_304.0;
const BLOCKS: usize = 12;
const BLOCK_LENGTH: usize = 100;
const BLOCK_FLAG: u16 = 0xEEFF;
const FIRINGS: usize = 2;
const CHANNELS: usize = 16;
const PRODUCT_VLP16: u8 = 0x22;
const DISTANCE_M: f64 = 0.002;
const TURN_CDEG: u16 = 36_000;
/// Azimuth passed from block to block beyond which the sensor skips a sector instead of turning: 1200 rpm passes 0.80 degrees.
const LARGEST_GAP_CDEG: u16 = 100;

/// Elevation of each channel, degrees, and height of its optical centre above the origin, mm.
const BEAMS: [(f64, f64); CHANNELS] = [
    (-15.0, 11.2),
    (1.0, -0.7),
    (-13.0, 9.7),
    (3.0, -2.2),
    (-11.0, 8.1),
    (5.0, -3.7),
    (-9.0, 6.6),
    (7.0, -5.1),
    (-7.0, 5.1),
    (9.0, -6.6),
    (-5.0, 3.7),
    (11.0, -8.1),
    (-3.0, 2.2),
    (13.0, -9.7),
    (-1.0, 0.7),
    (15.0, -11.2),
];

/// Why bytes are no VLP-16 data packet.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PacketError {
    /// Wrong size.
    #[error("the packet has {found} bytes, a data packet has {needed}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes of a data packet.
        needed: usize,
    },
    /// A block does not begin as it must.
    #[error("block {block} begins with {found:#06x} instead of {needed:#06x}")]
    Flag {
        /// Which block.
        block: usize,
        /// Flag found.
        found: u16,
        /// Flag of a block.
        needed: u16,
    },
    /// An azimuth is not an angle.
    #[error("block {block} has azimuth {found}, a turn has {turn} hundredths of a degree")]
    Azimuth {
        /// Which block.
        block: usize,
        /// Azimuth found, hundredths of a degree.
        found: u16,
        /// Hundredths of a degree in a turn.
        turn: u16,
    },
    /// The factory byte names no known return mode.
    #[error("return mode {found:#04x} is none of 0x37 (strongest), 0x38 (last), 0x39 (dual)")]
    ReturnMode {
        /// Byte found.
        found: u8,
    },
    /// The factory byte names another sensor.
    #[error("product {found:#04x} is not the VLP-16 ({needed:#04x})")]
    Product {
        /// Byte found.
        found: u8,
        /// Byte of the VLP-16.
        needed: u8,
    },
}

/// Which echoes of a pulse are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnMode {
    /// The strongest.
    Strongest,
    /// The last.
    Last,
    /// Two.
    Dual,
}

/// One echo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Return {
    /// x forward (azimuth 0), y left, z up, m.
    pub point: [f32; 3],
    /// Calibrated reflectivity: 0..100/255 diffuse, above that a retroreflector.
    pub intensity: f32,
    /// Beam, 0 is the lowest.
    pub ring: u16,
    /// After the first firing of the packet, ns.
    pub time_ns: u32,
    /// Azimuth at which the firing began, hundredths of a degree clockwise from x, below 36000.
    pub firing_azimuth_cdeg: f64,
}

/// A checked packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    mode: ReturnMode,
}

impl<'a> Packet<'a> {
    /// Checks the bytes of a datagram.
    ///
    /// # Errors
    /// Names the first thing that a VLP-16 would not have sent.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        if bytes.len() != PACKET_LENGTH {
            return Err(PacketError::Length { found: bytes.len(), needed: PACKET_LENGTH });
        }
        let mode = match bytes[1204] {
            0x37 => ReturnMode::Strongest,
            0x38 => ReturnMode::Last,
            0x39 => ReturnMode::Dual,
            found => return Err(PacketError::ReturnMode { found }),
        };
        if bytes[1205] != PRODUCT_VLP16 {
            return Err(PacketError::Product { found: bytes[1205], needed: PRODUCT_VLP16 });
        }
        let packet = Self { bytes, mode };
        for block in 0..BLOCKS {
            let (flag, azimuth) = (packet.u16(block * BLOCK_LENGTH), packet.azimuth_cdeg(block));
            if flag != BLOCK_FLAG {
                return Err(PacketError::Flag { block, found: flag, needed: BLOCK_FLAG });
            }
            if azimuth >= TURN_CDEG {
                return Err(PacketError::Azimuth { block, found: azimuth, turn: TURN_CDEG });
            }
        }
        Ok(packet)
    }

    /// Which echoes it holds.
    #[must_use]
    pub fn mode(&self) -> ReturnMode {
        self.mode
    }

    /// The sensor's clock at the first firing: microseconds after the full hour (or after start-up, without GPS).
    #[must_use]
    pub fn timestamp_us(&self) -> u32 {
        u32::from(self.u16(1200)) | u32::from(self.u16(1202)) << 16
    }

    /// Time from the first firing to that of the next packet, ns.
    #[must_use]
    pub fn duration_ns(&self) -> f64 {
        (BLOCKS / self.blocks_per_azimuth() * FIRINGS) as f64 * FIRING_NS
    }

    /// Adds the packet's echoes in the order of their firings. Pulses without an echo are left out, and so is the second echo of
    /// dual mode where it equals the first.
    pub fn decode(&self, returns: &mut Vec<Return>) {
        let group = self.blocks_per_azimuth();
        let mut gap = 0.0;
        for first in (0..BLOCKS).step_by(group) {
            gap = self.gap_cdeg(first, group).unwrap_or(gap);
            for firing in 0..FIRINGS {
                for block in first..first + group {
                    self.decode_firing(block, (first / group) * FIRINGS + firing, firing, gap, returns);
                }
            }
        }
    }

    /// One firing of a block. The head turns on while the channels fire, so each has its own azimuth.
    fn decode_firing(&self, block: usize, cycle: usize, firing: usize, gap_cdeg: f64, returns: &mut Vec<Return>) {
        let turned = |after_ns: f64| {
            let azimuth = f64::from(self.azimuth_cdeg(block)) + gap_cdeg * after_ns / (FIRINGS as f64 * FIRING_NS);
            azimuth.rem_euclid(f64::from(TURN_CDEG))
        };
        let firing_azimuth_cdeg = turned(firing as f64 * FIRING_NS);
        for (channel, (elevation_deg, height_mm)) in BEAMS.iter().enumerate() {
            let place = |block: usize| block * BLOCK_LENGTH + 4 + (firing * CHANNELS + channel) * 3;
            let raw = self.u16(place(block));
            let repeats_first = self.mode == ReturnMode::Dual && block % 2 == 1 && raw == self.u16(place(block - 1));
            if raw == 0 || repeats_first {
                continue;
            }
            let after_ns = channel as f64 * CHANNEL_NS;
            let azimuth_rad = (turned(firing as f64 * FIRING_NS + after_ns) / 100.0).to_radians();
            let (distance, elevation_rad) = (f64::from(raw) * DISTANCE_M, elevation_deg.to_radians());
            let across = distance * elevation_rad.cos();
            let point = [
                across * azimuth_rad.cos(),
                -across * azimuth_rad.sin(),
                distance * elevation_rad.sin() + height_mm / 1e3,
            ];
            returns.push(Return {
                point: point.map(|v| v as f32),
                intensity: f32::from(self.bytes[place(block) + 2]) / 255.0,
                ring: ring(channel),
                time_ns: (cycle as f64 * FIRING_NS + after_ns).round() as u32,
                firing_azimuth_cdeg,
            });
        }
    }

    /// Azimuth passed until the next group of blocks; for the last one, and where a sector is skipped, `None`.
    fn gap_cdeg(&self, block: usize, group: usize) -> Option<f64> {
        if block + group >= BLOCKS {
            return None;
        }
        let gap = (TURN_CDEG + self.azimuth_cdeg(block + group) - self.azimuth_cdeg(block)) % TURN_CDEG;
        (gap <= LARGEST_GAP_CDEG).then_some(f64::from(gap))
    }

    fn blocks_per_azimuth(&self) -> usize {
        if self.mode == ReturnMode::Dual { 2 } else { 1 }
    }

    fn azimuth_cdeg(&self, block: usize) -> u16 {
        self.u16(block * BLOCK_LENGTH + 2)
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }
}

/// Beam of a channel, counted from the lowest: even channels look down, odd ones up.
fn ring(channel: usize) -> u16 {
    (channel / 2 + if channel % 2 == 1 { CHANNELS / 2 } else { 0 }) as u16
}

/// Height of a beam's optical centre above the sensor's origin, m; zero for a beam that does not exist.
#[must_use]
pub fn optical_center_m(beam: u16) -> f64 {
    (0..CHANNELS).find(|&channel| ring(channel) == beam).map_or(0.0, |channel| BEAMS[channel].1 / 1e3)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet whose blocks begin at `start` and advance by `gap`, every pulse answered from 10 m with reflectivity 51.
    pub(crate) fn packet(start: u16, gap: u16, mode: u8, timestamp_us: u32) -> Vec<u8> {
        let mut bytes = vec![0; PACKET_LENGTH];
        for block in 0..BLOCKS {
            let steps = if mode == 0x39 { block / 2 } else { block } as u32;
            let azimuth = ((u32::from(start) + steps * u32::from(gap)) % 36_000) as u16;
            let at = block * BLOCK_LENGTH;
            bytes[at..at + 2].copy_from_slice(&BLOCK_FLAG.to_le_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&azimuth.to_le_bytes());
            for pulse in 0..FIRINGS * CHANNELS {
                bytes[at + 4 + 3 * pulse..at + 6 + 3 * pulse].copy_from_slice(&5000_u16.to_le_bytes());
                bytes[at + 6 + 3 * pulse] = 51;
            }
        }
        bytes[1200..1204].copy_from_slice(&timestamp_us.to_le_bytes());
        (bytes[1204], bytes[1205]) = (mode, PRODUCT_VLP16);
        bytes
    }

    fn decoded(bytes: &[u8]) -> Vec<Return> {
        let mut returns = Vec::new();
        Packet::parse(bytes).unwrap().decode(&mut returns);
        returns
    }

    #[test]
    fn one_firing_by_hand() {
        let bytes = packet(9000, 40, 0x37, 123_456_789);
        let parsed = Packet::parse(&bytes).unwrap();
        assert_eq!(
            (parsed.timestamp_us(), parsed.mode(), parsed.duration_ns()),
            (123_456_789, ReturnMode::Strongest, 1_327_104.0)
        );
        let returns = decoded(&bytes);
        assert_eq!(returns.len(), 384);
        // Azimuth 90 degrees is to the right; channel 0 looks 15 degrees down.
        let first = returns[0];
        assert!(first.point[0].abs() < 1e-5 && (first.point[1] + 9.659_258).abs() < 1e-5, "{first:?}");
        assert!((f64::from(first.point[2]) - (-2.588_190 + 0.0112)).abs() < 1e-5);
        assert_eq!((first.ring, first.time_ns, first.intensity), (0, 0, 0.2));
        // The second firing of the second block, channel 15: 0.4 + 0.2 + 0.4 * 15 * 2.304 / 110.592 degrees on.
        let last = returns[63];
        assert_eq!((last.ring, last.time_ns), (15, 110_592 + 55_296 + 34_560));
        let azimuth = f64::from(-last.point[1]).atan2(f64::from(last.point[0])).to_degrees();
        assert!((azimuth - 90.725).abs() < 1e-4, "{azimuth}");
        assert!((last.firing_azimuth_cdeg - 9060.0).abs() < 1e-9);
    }

    #[test]
    fn dual_mode_keeps_two_different_echoes() {
        let mut bytes = packet(100, 40, 0x39, 0);
        assert_eq!(decoded(&bytes).len(), 6 * 32);
        bytes[BLOCK_LENGTH + 4..BLOCK_LENGTH + 6].copy_from_slice(&6000_u16.to_le_bytes());
        let returns = decoded(&bytes);
        assert_eq!(returns.len(), 6 * 32 + 1);
        let (first, second) = (returns[0], returns[16]);
        assert_eq!((first.ring, first.time_ns), (second.ring, second.time_ns));
        assert!((f64::from(second.point[0] / first.point[0]) - 1.2).abs() < 1e-6);
    }

    #[test]
    fn errors_carry_the_numbers() {
        let good = packet(0, 40, 0x38, 0);
        let broken = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            Packet::parse(&bytes).unwrap_err()
        };
        assert_eq!(Packet::parse(&good[..512]).unwrap_err(), PacketError::Length { found: 512, needed: 1206 });
        assert_eq!(broken(1204, 0), PacketError::ReturnMode { found: 0 });
        assert_eq!(broken(1205, 0x21), PacketError::Product { found: 0x21, needed: 0x22 });
        assert_eq!(broken(301, 0xDD), PacketError::Flag { block: 3, found: 0xDDFF, needed: 0xEEFF });
        assert_eq!(broken(3, 0xFF), PacketError::Azimuth { block: 0, found: 0xFF00, turn: 36_000 });
    }

    #[test]
    fn a_skipped_sector_does_not_bend_the_firings() {
        let mut bytes = packet(1000, 40, 0x37, 0);
        for block in 6..BLOCKS {
            let azimuth = 20_000 + 40 * block as u16;
            bytes[block * BLOCK_LENGTH + 2..block * BLOCK_LENGTH + 4].copy_from_slice(&azimuth.to_le_bytes());
        }
        for echo in decoded(&bytes) {
            let azimuth = f64::from(-echo.point[1]).atan2(f64::from(echo.point[0])).to_degrees().rem_euclid(360.0);
            assert!((9.9..15.0).contains(&azimuth) || (202.0..206.0).contains(&azimuth), "{azimuth}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_decoded(mut bytes in prop::collection::vec(any::<u8>(), PACKET_LENGTH), length in 0..1300_usize, mode in 0x36..0x3A_u8) {
            let _ = Packet::parse(&bytes[..length.min(PACKET_LENGTH)]);
            for block in 0..BLOCKS {
                bytes[block * BLOCK_LENGTH..block * BLOCK_LENGTH + 2].copy_from_slice(&BLOCK_FLAG.to_le_bytes());
                bytes[block * BLOCK_LENGTH + 3] %= 0x8C;
            }
            (bytes[1204], bytes[1205]) = (mode, PRODUCT_VLP16);
            if let Ok(packet) = Packet::parse(&bytes) {
                let mut returns = Vec::new();
                packet.decode(&mut returns);
                prop_assert!(returns.len() <= 384);
                for echo in returns {
                    let range = echo.point.iter().map(|v| v * v).sum::<f32>().sqrt();
                    prop_assert!(range < 131.2 && echo.ring < 16 && f64::from(echo.time_ns) < packet.duration_ns());
                    prop_assert!((0.0..36_000.0).contains(&echo.firing_azimuth_cdeg));
                }
            }
        }
    }
}
