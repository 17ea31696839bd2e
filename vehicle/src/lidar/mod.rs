//! Spinning lidars: packets to returns, returns to sweeps.
//!
//! A packet of any sensor becomes a [`Head`] (its clock, its place in the stream) and [`Return`]s. [`SweepAssembler`] cuts the
//! stream into sweeps, whatever the sensor.

pub mod angles;
pub mod arrivals;
mod beams;
pub mod error;
pub mod hesai;
mod hesai_firing;
pub mod ouster;
pub mod ouster_encoder;
pub mod ouster_metadata;
pub mod setup;
pub mod sweep;
pub mod velodyne;

pub use error::PacketError;
pub use sweep::{Config, SweepAssembler, Turn};

use types::SensorTime;

/// One echo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Return {
    /// x forward, y left, z up, m. Forward is azimuth zero of Velodyne and Hesai, and the sensor frame's x of Ouster.
    pub point: [f32; 3],
    /// Reflectivity 0..1, as the sensor calibrates it.
    pub intensity: f32,
    /// Beam, 0 is the lowest.
    pub ring: u16,
    /// After the packet's clock, ns.
    pub time_ns: i32,
    /// Azimuth of the head when the firing began, hundredths of a degree clockwise: it grows with time.
    pub turned_cdeg: f32,
}

/// What a sensor's clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Time after the full hour (Velodyne), ns.
    OfHour(i64),
    /// Time since the sensor's epoch.
    Absolute(SensorTime),
}

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The instant that the returns' times count from.
    pub clock: Clock,
    /// From the clock to the first firing, ns.
    pub first_ns: i32,
    /// From the first firing to that of the next packet, ns.
    pub span_ns: u32,
    /// Number of the packet and how many numbers there are before they begin anew; none if the sensor does not count.
    pub sequence: Option<(u64, u64)>,
    /// Number of the turn, for sensors that cut by themselves.
    pub frame: Option<u16>,
}

/// A sensor's decoder.
#[derive(Clone, Debug)]
pub enum Decoder {
    /// VLP-16, VLP-32C, VLS-128.
    Velodyne(velodyne::Velodyne),
    /// XT32, Pandar40P, Pandar128 and OT128.
    Hesai(hesai::Hesai),
    /// OS-0, OS-1, OS-2.
    Ouster(Box<ouster::Ouster>),
}

impl Decoder {
    /// Adds the packet's returns in the order of their firings. Pulses without an echo are left out, and so is a second echo that
    /// equals the first.
    ///
    /// # Errors
    /// The bytes are no packet of this sensor; nothing is added.
    pub fn decode(&mut self, bytes: &[u8], returns: &mut Vec<Return>) -> Result<Head, PacketError> {
        match self {
            Self::Velodyne(sensor) => sensor.decode(bytes, returns),
            Self::Hesai(sensor) => sensor.decode(bytes, returns),
            Self::Ouster(sensor) => sensor.decode(bytes, returns),
        }
    }
}

/// Hundredths of a degree in a turn.
pub(crate) const TURN_CDEG: f64 = 36_000.0;

/// A little-endian number. The caller has checked the length; beyond it, zero.
pub(crate) fn le<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(le(bytes, at))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(le(bytes, at))
}

/// Beam numbers from the lowest up, of beams in any order.
pub(crate) fn rings(elevations_deg: &[f64]) -> Vec<u16> {
    let mut order: Vec<usize> = (0..elevations_deg.len()).collect();
    order.sort_by(|&a, &b| elevations_deg[a].total_cmp(&elevations_deg[b]).then(a.cmp(&b)));
    let mut rings = vec![0; order.len()];
    for (ring, beam) in order.into_iter().enumerate() {
        rings[beam] = ring as u16;
    }
    rings
}
