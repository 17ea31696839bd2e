//! Data packets of Velodyne's VLP-16, VLP-32C and VLS-128 (manuals 63-9243, 63-9325, 63-9483: data packet format, timing).
//!
//! A packet holds 12 blocks of an azimuth and 32 channels. A VLP-16 block is two firings of 16 channels, a VLP-32C block is one
//! firing, and four VLS-128 blocks are one firing of 128. In dual mode blocks come in pairs: the last return, then the strongest
//! (or the second strongest if the last one is the strongest) of the same firing; a VLS-128 then leaves the last four blocks empty.

use super::beams::{Beam, VLP16, VLP32C, VLS128};
use super::{Clock, Head, PacketError, Return, TURN_CDEG, rings, u16_at, u32_at};

/// Bytes of a data packet.
pub const PACKET_LENGTH: usize = 1206;
const BLOCKS: usize = 12;
const BLOCK_LENGTH: usize = 100;
/// Flags of the four banks of 32 channels; sensors with fewer channels only have the first.
const BANK_FLAGS: [u16; 4] = [0xEEFF, 0xDDFF, 0xCCFF, 0xBBFF];
/// Faster than any head turns (1200 rpm with a margin), hundredths of a degree in a nanosecond: beyond it a sector was skipped.
const FASTEST: f64 = 9.05e-4;
const HOUR_NS: i64 = 3_600_000_000_000;

/// Which sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// VLP-16 (Puck).
    Vlp16,
    /// VLP-32C (Ultra Puck).
    Vlp32c,
    /// VLS-128 (Alpha Prime).
    Vls128,
}

/// What differs from sensor to sensor.
struct Layout {
    product: u8,
    distance_m: f64,
    /// From firing to firing, ns.
    cycle_ns: f64,
    /// From the packet's clock to its first firing, ns.
    lead_ns: f64,
    firings_per_block: usize,
    blocks_per_firing: usize,
    /// From the axis to the lenses, m. Distances count from the axis: a beam that looks down begins above the origin.
    lens_m: f64,
}

impl Model {
    fn layout(self) -> Layout {
        let base = Layout {
            product: 0x22,
            distance_m: 0.002,
            cycle_ns: 55_296.0,
            lead_ns: 0.0,
            firings_per_block: 2,
            blocks_per_firing: 1,
            lens_m: 0.041_91,
        };
        match self {
            Self::Vlp16 => base,
            Self::Vlp32c => Layout { product: 0x28, distance_m: 0.004, firings_per_block: 1, lens_m: 0.042_4, ..base },
            Self::Vls128 => Layout {
                product: 0xA1,
                distance_m: 0.004,
                cycle_ns: 53_300.0,
                lead_ns: -8_700.0,
                firings_per_block: 1,
                blocks_per_firing: 4,
                lens_m: 0.058_63,
            },
        }
    }

    fn beams(self) -> &'static [Beam] {
        match self {
            Self::Vlp16 => &VLP16,
            Self::Vlp32c => &VLP32C,
            Self::Vls128 => &VLS128,
        }
    }

    /// From the firing's start to a channel's pulse, ns: one by one, in pairs, in groups of eight with a rest in the middle.
    fn pulse_ns(self, channel: usize) -> f64 {
        match self {
            Self::Vlp16 => 2_304.0 * channel as f64,
            Self::Vlp32c => 2_304.0 * (channel / 2) as f64,
            Self::Vls128 => 2_665.0 * (channel / 8 + channel / 64) as f64,
        }
    }
}

/// Where and when a channel looks.
#[derive(Clone, Copy, Debug)]
struct Aim {
    cos: f64,
    sin: f64,
    azimuth_cdeg: f64,
    height_m: f64,
    ring: u16,
    pulse_ns: f64,
}

/// Decodes the packets of one sensor.
#[derive(Clone, Debug)]
pub struct Velodyne {
    model: Model,
    aims: Vec<Aim>,
    /// How fast the head turned last, hundredths of a degree in a nanosecond.
    rate: f64,
    /// Clock and azimuth of the packet before, ns and hundredths of a degree.
    before: Option<(i64, f64)>,
}

impl Velodyne {
    /// The decoder of a sensor.
    #[must_use]
    pub fn new(model: Model) -> Self {
        let elevations: Vec<f64> = model.beams().iter().map(|beam| beam.0).collect();
        let aim = |(channel, (&(elevation_deg, azimuth_deg), ring)): (usize, (&Beam, u16))| {
            let (sin, cos) = elevation_deg.to_radians().sin_cos();
            let (azimuth_cdeg, height_m) = (100.0 * azimuth_deg, height_m(model, elevation_deg));
            Aim { cos, sin, azimuth_cdeg, height_m, ring, pulse_ns: model.pulse_ns(channel) }
        };
        let aims = model.beams().iter().zip(rings(&elevations)).enumerate().map(aim).collect();
        Self { model, aims, rate: 0.0, before: None }
    }

    /// Adds the returns of a packet, see [`Decoder::decode`](super::Decoder::decode).
    ///
    /// # Errors
    /// The bytes are no data packet of this sensor.
    pub fn decode(&mut self, bytes: &[u8], returns: &mut Vec<Return>) -> Result<Head, PacketError> {
        let layout = self.model.layout();
        let copies = check(bytes, &layout)?;
        let blocks = if copies == 2 && layout.blocks_per_firing == 4 { 8 } else { BLOCKS };
        let slots = blocks / copies;
        let clock_ns = i64::from(u32_at(bytes, 1200)) * 1000;
        let azimuth = |slot: usize| f64::from(u16_at(bytes, slot * copies * BLOCK_LENGTH + 2));
        self.take_rate_between_packets(clock_ns, azimuth(0));
        for slot in 0..slots {
            let first = slot - slot % layout.blocks_per_firing;
            if first + layout.blocks_per_firing < slots {
                let passed_ns = layout.firings_per_block as f64 * layout.cycle_ns;
                self.take_rate(azimuth(first + layout.blocks_per_firing) - azimuth(first), passed_ns);
            }
            // The banks of a firing may carry its azimuth or each its own.
            let bank = 32 * (slot - first);
            let shown_ns = if azimuth(slot) == azimuth(first) { 0.0 } else { self.model.pulse_ns(bank) };
            for firing in 0..layout.firings_per_block {
                let cycle = slot / layout.blocks_per_firing * layout.firings_per_block + firing;
                let start = Start {
                    at_ns: layout.lead_ns + cycle as f64 * layout.cycle_ns,
                    azimuth_cdeg: azimuth(slot) + self.rate * (firing as f64 * layout.cycle_ns - shown_ns),
                    turned_cdeg: (azimuth(first) + self.rate * firing as f64 * layout.cycle_ns).rem_euclid(TURN_CDEG),
                };
                let per_firing = 32 / layout.firings_per_block;
                for copy in 0..copies {
                    let at = (slot * copies + copy) * BLOCK_LENGTH + 4 + 3 * firing * per_firing;
                    let twin = (copy == 1).then(|| at - BLOCK_LENGTH);
                    let aims = &self.aims[bank..bank + per_firing];
                    read_firing(bytes, (at, twin), aims, &start, (layout.distance_m, self.rate), returns);
                }
            }
        }
        let cycles = slots / layout.blocks_per_firing * layout.firings_per_block;
        Ok(Head {
            clock: Clock::OfHour(clock_ns),
            first_ns: layout.lead_ns as i32,
            span_ns: (cycles as f64 * layout.cycle_ns) as u32,
            sequence: None,
            frame: None,
        })
    }

    /// A VLS-128 in dual mode sends one firing a packet: how fast it turns shows from packet to packet only.
    fn take_rate_between_packets(&mut self, clock_ns: i64, azimuth_cdeg: f64) {
        if let Some((clock_before, azimuth_before)) = self.before.replace((clock_ns, azimuth_cdeg)) {
            let passed_ns = (clock_ns - clock_before).rem_euclid(HOUR_NS) as f64;
            if (10_000.0..5e6).contains(&passed_ns) {
                self.take_rate(azimuth_cdeg - azimuth_before, passed_ns);
            }
        }
    }

    fn take_rate(&mut self, turned_cdeg: f64, passed_ns: f64) {
        let rate = turned_cdeg.rem_euclid(TURN_CDEG) / passed_ns;
        if rate <= FASTEST {
            self.rate = rate;
        }
    }
}

/// Beginning of a firing.
struct Start {
    at_ns: f64,
    azimuth_cdeg: f64,
    turned_cdeg: f64,
}

/// One firing of a block. The head turns on while the channels fire, so each has its own azimuth.
fn read_firing(
    bytes: &[u8],
    (at, twin): (usize, Option<usize>),
    aims: &[Aim],
    start: &Start,
    (distance_m, rate): (f64, f64),
    returns: &mut Vec<Return>,
) {
    for (channel, aim) in aims.iter().enumerate() {
        let raw = u16_at(bytes, at + 3 * channel);
        let repeats_first = twin.is_some_and(|twin| u16_at(bytes, twin + 3 * channel) == raw);
        if raw == 0 || repeats_first {
            continue;
        }
        let azimuth_cdeg = start.azimuth_cdeg + rate * aim.pulse_ns + aim.azimuth_cdeg;
        let (sin, cos) = (azimuth_cdeg / 100.0).to_radians().sin_cos();
        let distance = f64::from(raw) * distance_m;
        let across = distance * aim.cos;
        let point = [across * cos, -across * sin, distance * aim.sin + aim.height_m];
        returns.push(Return {
            point: point.map(|v| v as f32),
            intensity: f32::from(bytes[at + 3 * channel + 2]) / 255.0,
            ring: aim.ring,
            time_ns: (start.at_ns + aim.pulse_ns).round() as i32,
            turned_cdeg: start.turned_cdeg as f32,
        });
    }
}

/// Checks a packet's size, flags, azimuths, product and mode: how many echoes a pulse has.
fn check(bytes: &[u8], layout: &Layout) -> Result<usize, PacketError> {
    if bytes.len() != PACKET_LENGTH {
        return Err(PacketError::Length { found: bytes.len(), needed: PACKET_LENGTH });
    }
    if bytes[1205] != layout.product {
        return Err(PacketError::Product { found: bytes[1205], needed: layout.product });
    }
    let copies = match bytes[1204] {
        0x37 | 0x38 => 1,
        0x39 => 2,
        found => return Err(PacketError::ReturnMode { found }),
    };
    let used = if copies == 2 && layout.blocks_per_firing == 4 { 8 } else { BLOCKS };
    for block in 0..used {
        let needed = BANK_FLAGS[block / copies % layout.blocks_per_firing];
        let (found, azimuth) = (u16_at(bytes, block * BLOCK_LENGTH), u16_at(bytes, block * BLOCK_LENGTH + 2));
        if found != needed {
            return Err(PacketError::Flag { block, found, needed });
        }
        if f64::from(azimuth) >= TURN_CDEG {
            return Err(PacketError::Azimuth { block, found: azimuth, turn: TURN_CDEG as u16 });
        }
    }
    Ok(copies)
}

/// Height at which a beam leaves the sensor's axis, above the origin, m. The manuals tell it as the vertical correction.
fn height_m(model: Model, elevation_deg: f64) -> f64 {
    -model.layout().lens_m * elevation_deg.to_radians().tan()
}

/// Height at which a beam leaves the sensor's axis, above the origin, m; zero for a beam that does not exist.
#[must_use]
pub fn optical_center_m(model: Model, beam: u16) -> f64 {
    let mut elevations: Vec<f64> = model.beams().iter().map(|beam| beam.0).collect();
    elevations.sort_by(f64::total_cmp);
    elevations.get(usize::from(beam)).map_or(0.0, |elevation| height_m(model, *elevation))
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
            bytes[at..at + 2].copy_from_slice(&BANK_FLAGS[0].to_le_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&azimuth.to_le_bytes());
            for pulse in 0..32 {
                bytes[at + 4 + 3 * pulse..at + 6 + 3 * pulse].copy_from_slice(&5000_u16.to_le_bytes());
                bytes[at + 6 + 3 * pulse] = 51;
            }
        }
        bytes[1200..1204].copy_from_slice(&timestamp_us.to_le_bytes());
        (bytes[1204], bytes[1205]) = (mode, 0x22);
        bytes
    }

    fn decoded(bytes: &[u8]) -> Vec<Return> {
        let mut returns = Vec::new();
        Velodyne::new(Model::Vlp16).decode(bytes, &mut returns).unwrap();
        returns
    }

    fn azimuth_deg(echo: &Return) -> f64 {
        f64::from(-echo.point[1]).atan2(f64::from(echo.point[0])).to_degrees().rem_euclid(360.0)
    }

    /// A packet of a sensor with blocks of 32 channels: azimuths of the blocks, every pulse answered from 10 m.
    fn wide_packet(product: u8, azimuths: [u16; 12], flags: &[u16], mode: u8) -> Vec<u8> {
        let mut bytes = packet(0, 0, mode, 7_000);
        for (block, azimuth) in azimuths.into_iter().enumerate() {
            let flag = flags[block / if mode == 0x39 { 2 } else { 1 } % flags.len()];
            let at = block * BLOCK_LENGTH;
            bytes[at..at + 2].copy_from_slice(&flag.to_le_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&azimuth.to_le_bytes());
            for pulse in 0..32 {
                bytes[at + 4 + 3 * pulse..at + 6 + 3 * pulse].copy_from_slice(&2500_u16.to_le_bytes());
            }
        }
        bytes[1205] = product;
        bytes
    }

    #[test]
    fn one_firing_by_hand() {
        let bytes = packet(9000, 40, 0x37, 123_456_789);
        let head = Velodyne::new(Model::Vlp16).decode(&bytes, &mut Vec::new()).unwrap();
        assert_eq!((head.clock, head.first_ns, head.span_ns), (Clock::OfHour(123_456_789_000), 0, 1_327_104));
        let returns = decoded(&bytes);
        assert_eq!(returns.len(), 384);
        // Azimuth 90 degrees is to the right; channel 0 looks 15 degrees down.
        let first = returns[0];
        assert!(first.point[0].abs() < 1e-5 && (first.point[1] + 9.659_258).abs() < 1e-5, "{first:?}");
        assert!((f64::from(first.point[2]) - (-2.588_190 + 0.011_229_8)).abs() < 1e-5);
        assert_eq!((first.ring, first.time_ns, first.intensity), (0, 0, 0.2));
        // The second firing of the second block, channel 15: 0.4 + 0.2 + 0.4 * 15 * 2.304 / 110.592 degrees on.
        let last = returns[63];
        assert_eq!((last.ring, last.time_ns), (15, 110_592 + 55_296 + 34_560));
        assert!((azimuth_deg(&last) - 90.725).abs() < 1e-4, "{last:?}");
        assert!((last.turned_cdeg - 9060.0).abs() < 1e-3);
    }

    #[test]
    fn one_firing_of_a_vlp32c_by_hand() {
        let azimuths = std::array::from_fn(|block| 9000 + 20 * block as u16);
        let (bytes, mut returns) = (wide_packet(0x28, azimuths, &[0xEEFF], 0x37), Vec::new());
        let head = Velodyne::new(Model::Vlp32c).decode(&bytes, &mut returns).unwrap();
        assert_eq!((returns.len(), head.span_ns), (384, 663_552));
        // Channel 3 of the second block fires in the second pair; it looks 15.639 degrees down and 1.4 to the left of the head.
        let echo = returns[35];
        assert_eq!((echo.time_ns, echo.ring), (55_296 + 2_304, 1));
        assert!((azimuth_deg(&echo) - (90.2 + 0.2 * 2_304.0 / 55_296.0 - 1.4)).abs() < 1e-4, "{echo:?}");
        let down = 15.639_f64.to_radians();
        assert!((f64::from(echo.point[2]) + 10.0 * down.sin() - 0.0424 * down.tan()).abs() < 1e-5);
    }

    #[test]
    fn one_firing_of_a_vls128_by_hand() {
        // Four banks with one azimuth, or each with the one at which it began: channel 64 waits for 9 pulses, 96 for 13.
        let cdeg_per_ns = 200.0 / 53_300.0;
        let shared = std::array::from_fn(|block| 9000 + 200 * (block / 4) as u16);
        let own = std::array::from_fn(|block| {
            let pulses = [0.0, 4.0, 9.0, 13.0][block % 4];
            (f64::from(shared[block] as u16) + cdeg_per_ns * 2_665.0 * pulses).round() as u16
        });
        for (azimuths, tolerance_deg) in [(shared, 1e-4), (own, 0.006)] {
            let (bytes, mut returns) = (wide_packet(0xA1, azimuths, &BANK_FLAGS, 0x38), Vec::new());
            // This head turns ten times faster than it can.
            let error = Velodyne { rate: cdeg_per_ns, ..Velodyne::new(Model::Vls128) }.decode(&bytes, &mut returns);
            let head = error.unwrap();
            assert_eq!((returns.len(), head.first_ns, head.span_ns), (384, -8_700, 159_900));
            let echo = returns[128 + 127];
            assert_eq!(echo.time_ns, (53_300.0 - 8_700.0 + 16.0 * 2_665.0_f64).round() as i32);
            let turned = 92.0 + cdeg_per_ns / 100.0 * 16.0 * 2_665.0;
            assert!((azimuth_deg(&echo) - (turned - 6.354)).abs() < tolerance_deg, "{echo:?}");
            let up = 0.43_f64.to_radians();
            assert!((f64::from(echo.point[2]) - 10.0 * up.sin() + 0.058_63 * up.tan()).abs() < 1e-5);
        }
    }

    #[test]
    fn a_dual_vls128_learns_its_rate_from_packet_to_packet() {
        let mut sensor = Velodyne::new(Model::Vls128);
        for (index, late_us) in [0_u32, 53, 107].into_iter().enumerate() {
            let mut bytes = wide_packet(0xA1, [9000 + 19 * index as u16; 12], &BANK_FLAGS, 0x39);
            bytes[8 * BLOCK_LENGTH..1200].fill(0);
            bytes[1200..1204].copy_from_slice(&(7_000 + late_us).to_le_bytes());
            let mut returns = Vec::new();
            let head = sensor.decode(&bytes, &mut returns).unwrap();
            assert_eq!((returns.len(), head.span_ns), (128, 53_300), "equal echoes are sent once");
            let turned = if index == 0 { 0.0 } else { 0.19 * 16.0 * 2_665.0 / 53_300.0 };
            let expected = 90.0 + 0.19 * index as f64 + turned - 6.354;
            assert!((azimuth_deg(&returns[127]) - expected).abs() < 2e-3, "{index}: {:?}", returns[127]);
        }
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
            Velodyne::new(Model::Vlp16).decode(&bytes, &mut Vec::new()).unwrap_err()
        };
        let short = Velodyne::new(Model::Vlp16).decode(&good[..512], &mut Vec::new()).unwrap_err();
        assert_eq!(short, PacketError::Length { found: 512, needed: 1206 });
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
            let azimuth = azimuth_deg(&echo);
            assert!((9.9..15.0).contains(&azimuth) || (202.0..206.0).contains(&azimuth), "{azimuth}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_decoded(mut bytes in prop::collection::vec(any::<u8>(), PACKET_LENGTH), length in 0..1300_usize, mode in 0x36..0x3A_u8, which in 0..3_usize) {
            let model = [Model::Vlp16, Model::Vlp32c, Model::Vls128][which];
            let _ = Velodyne::new(model).decode(&bytes[..length.min(PACKET_LENGTH)], &mut Vec::new());
            let banks = model.layout().blocks_per_firing;
            for block in 0..BLOCKS {
                let flag = BANK_FLAGS[block / if mode == 0x39 { 2 } else { 1 } % banks];
                bytes[block * BLOCK_LENGTH..block * BLOCK_LENGTH + 2].copy_from_slice(&flag.to_le_bytes());
                bytes[block * BLOCK_LENGTH + 3] %= 0x8C;
            }
            (bytes[1204], bytes[1205]) = (mode, model.layout().product);
            let mut returns = Vec::new();
            if let Ok(head) = Velodyne::new(model).decode(&bytes, &mut returns) {
                prop_assert!(returns.len() <= 384);
                for echo in returns {
                    let range = echo.point.iter().map(|v| v * v).sum::<f32>().sqrt();
                    prop_assert!(range < 262.3 && usize::from(echo.ring) < model.beams().len());
                    prop_assert!((head.first_ns..head.first_ns + head.span_ns as i32).contains(&echo.time_ns));
                    prop_assert!((0.0..=36_000.0).contains(&echo.turned_cdeg));
                }
            } else {
                prop_assert!(returns.is_empty());
            }
        }
    }
}
