//! Cuts the stream of packets into sweeps where the beam passes a fixed azimuth.

use crate::velodyne::{Packet, PacketError, Return};
use types::{LidarSweep, SpinningPoint, Stamp};

const HOUR_NS: i64 = 3_600_000_000_000;
/// Longest turn of the sensor (300 rpm) with a margin, ns: a sweep that lasts longer has lost its end.
const LONGEST_SWEEP_NS: i64 = 250_000_000;

/// How sweeps are cut and stamped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Azimuth of the cut, degrees clockwise from x (forward). A moving scene is torn there.
    pub cut_deg: f64,
    /// Whether the sensor's clock is set by GPS or PTP. If not, sweeps are stamped by the arrival of their first packet.
    pub synchronised: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { cut_deg: 180.0, synchronised: false }
    }
}

/// Makes sweeps of packets.
#[derive(Clone, Debug)]
pub struct SweepAssembler {
    config: Config,
    seq: u64,
    /// Start of the sweep being gathered: its stamp and the sensor's clock, ns.
    start: Option<(Stamp, i64)>,
    /// Whether its beginning was seen.
    complete: bool,
    /// Azimuth after the cut of the newest firing, hundredths of a degree.
    passed_cdeg: f64,
    data: Vec<u8>,
    returns: Vec<Return>,
}

impl SweepAssembler {
    /// An assembler that waits for the first cut.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, seq: 0, start: None, complete: false, passed_cdeg: 0.0, data: Vec::new(), returns: Vec::new() }
    }

    /// Takes one packet, which arrived at `received`. Gives a sweep when the packet ends one; what comes before the first cut is
    /// left out.
    ///
    /// # Errors
    /// The bytes are no VLP-16 packet; the sweep being gathered goes on without it.
    pub fn push(&mut self, bytes: &[u8], received: Stamp) -> Result<Option<LidarSweep>, PacketError> {
        let packet = Packet::parse(bytes)?;
        let clock_ns = i64::from(packet.timestamp_us()) * 1000;
        let stamp = self.stamp(&packet, received);
        let mut returns = std::mem::take(&mut self.returns);
        returns.clear();
        packet.decode(&mut returns);
        let mut finished = None;
        for echo in &returns {
            let passed = (echo.firing_azimuth_cdeg - 100.0 * self.config.cut_deg).rem_euclid(36_000.0);
            let wrapped = self.passed_cdeg - passed > 18_000.0;
            let overdue = self.start.is_some_and(|start| to_half_hour(clock_ns - start.1) > LONGEST_SWEEP_NS);
            if wrapped || overdue || self.start.is_none() {
                let whole = self.complete.then(|| self.take()).flatten();
                finished = finished.or(whole);
                self.data.clear();
                // A sweep whose start was lost is not whole.
                self.complete = wrapped && !overdue;
                self.start = Some((stamp.offset(f64::from(echo.time_ns) * 1e-9), clock_ns + i64::from(echo.time_ns)));
            }
            self.passed_cdeg = passed;
            self.add(echo, clock_ns);
        }
        self.returns = returns;
        Ok(finished)
    }

    /// The sweep being gathered, as far as it came: at the end of a stream.
    #[must_use]
    pub fn finish(mut self) -> Option<LidarSweep> {
        self.take()
    }

    fn add(&mut self, echo: &Return, clock_ns: i64) {
        let Some((_, start_ns)) = self.start else { return };
        let time_ns = to_half_hour(clock_ns + i64::from(echo.time_ns) - start_ns).clamp(0, i64::from(u32::MAX)) as u32;
        let Return { point: position, intensity, ring, .. } = *echo;
        SpinningPoint { position, intensity, ring, time_ns }.pack(&mut self.data);
    }

    fn take(&mut self) -> Option<LidarSweep> {
        let (stamp, _) = self.start?;
        let seq = self.seq;
        self.seq += 1;
        let (stride, fields) = (SpinningPoint::STRIDE, SpinningPoint::fields());
        Some(LidarSweep { seq, stamp, stride, fields, data: std::mem::take(&mut self.data) })
    }

    /// Stamp of a packet's first firing.
    fn stamp(&self, packet: &Packet, received: Stamp) -> Stamp {
        if !self.config.synchronised {
            return received.offset(-packet.duration_ns() * 1e-9);
        }
        // The sensor tells the time after the full hour; the arrival tells which hour.
        let off_ns = to_half_hour(i64::from(packet.timestamp_us()) * 1000 - received.nanos().rem_euclid(HOUR_NS));
        Stamp::from_nanos(received.nanos().saturating_add(off_ns))
    }
}

/// A difference of readings of the sensor's clock, which starts anew each hour: the one within half an hour.
fn to_half_hour(difference_ns: i64) -> i64 {
    (difference_ns + HOUR_NS / 2).rem_euclid(HOUR_NS) - HOUR_NS / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::velodyne::tests::packet;
    use proptest::prelude::*;

    const HOUR_US: u64 = HOUR_NS as u64 / 1000;

    /// 10 Hz: a block passes 0.4 degrees (rounded), a packet 4.8.
    fn stream(packets: u32, first_us: u64) -> impl Iterator<Item = (Vec<u8>, Stamp)> {
        (0..packets).map(move |i| {
            let clock_us = (first_us + u64::from(i) * 1327) % HOUR_US;
            let bytes = packet(((i * 480) % 36_000) as u16, 40, 0x37, clock_us as u32);
            (bytes, Stamp::from_nanos(1_700_000_000_000_000_000 + i64::from(i) * 1_327_000))
        })
    }

    fn sweeps(config: Config, packets: u32, first_us: u64) -> Vec<LidarSweep> {
        let mut assembler = SweepAssembler::new(config);
        stream(packets, first_us).filter_map(|(bytes, received)| assembler.push(&bytes, received).unwrap()).collect()
    }

    fn times(sweep: &LidarSweep) -> Vec<u32> {
        sweep
            .data
            .chunks_exact(SpinningPoint::STRIDE)
            .map(|point| u32::from_le_bytes(point[20..24].try_into().unwrap()))
            .collect()
    }

    #[test]
    fn a_turn_is_a_sweep() {
        // The last case passes the full hour within a sweep.
        for first_us in [0, 5_000_000, HOUR_US - 150_000] {
            let found = sweeps(Config::default(), 300, first_us);
            assert_eq!(found.iter().map(|s| s.seq).collect::<Vec<_>>(), [0, 1, 2]);
            for sweep in &found {
                assert_eq!(sweep.data.len() / SpinningPoint::STRIDE, 75 * 384, "75 packets make a turn");
                let times = times(sweep);
                assert!(
                    times.is_sorted() && times[0] == 0 && (99_000_000..100_000_000).contains(times.last().unwrap())
                );
            }
            assert_eq!(found[1].stamp.nanos() - found[0].stamp.nanos(), 75 * 1_327_000);
        }
    }

    #[test]
    fn lost_packets_end_a_sweep_that_lasts_too_long() {
        let mut assembler = SweepAssembler::new(Config::default());
        let mut count = 0;
        for (i, (bytes, received)) in stream(600, 0).enumerate() {
            if !(150..450).contains(&i) {
                count += usize::from(assembler.push(&bytes, received).unwrap().is_some());
            }
        }
        // Cuts at packets 37.5 + 75 n. Before the loss: one whole sweep and a part; after it a part and one whole sweep.
        assert_eq!(count, 3);
        assert!(assembler.finish().is_some());
    }

    #[test]
    fn a_synchronised_clock_gives_the_stamp() {
        let config = Config { synchronised: true, cut_deg: 0.0 };
        let arrival = Stamp::from_nanos(1_700_000_000_000_000_000);
        let us_of_hour = (arrival.nanos() / 1000) as u64 % HOUR_US;
        let mut assembler = SweepAssembler::new(config);
        assembler.push(&packet(0, 40, 0x37, (us_of_hour - 2000) as u32), arrival).unwrap();
        assert_eq!(assembler.finish().unwrap().stamp.nanos(), arrival.nanos() - 2_000_000);
        assert_eq!(to_half_hour(HOUR_NS - 5), -5);
    }

    #[test]
    fn a_bad_packet_changes_nothing() {
        let mut assembler = SweepAssembler::new(Config::default());
        assert!(assembler.push(&[0; 40], Stamp::default()).is_err());
        assert!(assembler.finish().is_none());
    }

    proptest! {
        #[test]
        fn any_order_of_packets_is_survived(packets in prop::collection::vec((0..36_000_u16, 0..300_u16, 0x37..0x3A_u8, any::<u32>(), any::<i64>()), 0..20), cut_deg in -1e4..1e4f64, synchronised in any::<bool>()) {
            let mut assembler = SweepAssembler::new(Config { cut_deg, synchronised });
            for (azimuth, gap, mode, clock, received) in packets {
                if let Some(sweep) = assembler.push(&packet(azimuth, gap, mode, clock), Stamp::from_nanos(received)).unwrap() {
                    prop_assert!(sweep.data.len() % SpinningPoint::STRIDE == 0 && !sweep.data.is_empty());
                }
            }
        }
    }
}
