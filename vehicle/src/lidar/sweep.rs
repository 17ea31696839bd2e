//! Cuts the stream of packets into sweeps: where the beam passes a fixed azimuth, or where the sensor begins a new turn.
//!
//! What goes wrong on the way is counted and told with the sweep. A packet that is lost leaves a hole; one that comes late still joins
//! its sweep if that is open; one that comes twice, too late, or with an impossible time is left out; when the sensor's clock jumps or its
//! numbers begin anew, the open sweep is given up.

use super::arrivals::{Arrivals, Order};
use super::{Clock, Decoder, Head, PacketError, Return, TURN_CDEG};
use crate::clock::{self, ClockOffset, Verdict};
use types::{LidarSweep, ReceiveTime, SensorTime, SpinningPoint, Stamp};

const HOUR_NS: i64 = 3_600_000_000_000;
/// Longest turn of a sensor (300 rpm) with a margin, ns: a sweep that lasts longer has lost its end.
const LONGEST_SWEEP_NS: i64 = 250_000_000;
/// The head only turns forward: seen so far back, it has passed the cut, hundredths of a degree.
const BACK_CDEG: f64 = 1000.0;

/// How sweeps are cut and stamped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Azimuth of the cut, degrees clockwise from x (forward). A moving scene is torn there. Ouster cuts by itself.
    pub cut_deg: f64,
    /// How the sensor's clock is set.
    pub clock: clock::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self { cut_deg: 180.0, clock: clock::Config::default() }
    }
}

/// What came so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams.
    pub packets: u64,
    /// Datagrams that are no packet of the sensor.
    pub refused: u64,
    /// Packets that did not come, or not in time for their sweep.
    pub lost: u64,
    /// Packets that came after a newer one.
    pub late: u64,
    /// Late packets whose sweep was gone, in whole or in part.
    pub too_late: u64,
    /// Packets that came again.
    pub duplicate: u64,
    /// Packets whose time cannot be.
    pub untimely: u64,
    /// Times that clock or numbers began anew.
    pub restarts: u64,
    /// Whole turns.
    pub sweeps: u64,
    /// Whole turns with holes.
    pub with_holes: u64,
}

/// A sweep and how it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The points.
    pub sweep: LidarSweep,
    /// Its start by the sensor's clock.
    pub start: SensorTime,
    /// When its last packet came.
    pub received: ReceiveTime,
    /// Packets that are missing in it or at its ends: it has holes.
    pub missing_packets: u32,
    /// Packets that came late and are in it.
    pub late_packets: u32,
}

/// Makes sweeps of packets.
#[derive(Clone, Debug)]
pub struct SweepAssembler {
    decoder: Decoder,
    config: Config,
    clock: ClockOffset,
    arrivals: Arrivals,
    counts: Counts,
    seq: u64,
    /// The sweep being gathered: its start by the sensor's clock, ns, and its stamp.
    start: Option<(i64, Stamp)>,
    /// Whether its beginning was seen.
    complete: bool,
    missing: u32,
    late: u32,
    /// Azimuth after the cut of the newest firing, hundredths of a degree; and the turn by the sensor's count.
    passed_cdeg: f64,
    frame: Option<u16>,
    /// The sensor's clock without its hours beginning anew, ns, and when it showed that.
    before: Option<(i64, i64)>,
    received: ReceiveTime,
    data: Vec<u8>,
    returns: Vec<Return>,
}

impl SweepAssembler {
    /// An assembler that waits for the first cut.
    #[must_use]
    pub fn new(decoder: Decoder, config: Config) -> Self {
        Self {
            decoder,
            config,
            clock: ClockOffset::new(config.clock),
            arrivals: Arrivals::default(),
            counts: Counts::default(),
            seq: 0,
            start: None,
            complete: false,
            missing: 0,
            late: 0,
            passed_cdeg: 0.0,
            frame: None,
            before: None,
            received: ReceiveTime::default(),
            data: Vec::new(),
            returns: Vec::new(),
        }
    }

    /// What came so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The sensor's clock against the computer's.
    #[must_use]
    pub fn clock(&self) -> clock::Status {
        self.clock.status()
    }

    /// Takes one datagram. Gives a sweep when it ends one; what comes before the first cut is left out.
    ///
    /// # Errors
    /// The bytes are no packet of the sensor; the sweep being gathered goes on without it.
    pub fn push(&mut self, bytes: &[u8], received: ReceiveTime) -> Result<Option<Turn>, PacketError> {
        self.counts.packets += 1;
        let mut returns = std::mem::take(&mut self.returns);
        returns.clear();
        let decoded = self.decoder.decode(bytes, &mut returns);
        let finished = match decoded {
            Ok(head) => Ok(self.take_packet(&head, &returns, received)),
            Err(error) => {
                self.counts.refused += 1;
                Err(error)
            }
        };
        self.returns = returns;
        finished
    }

    /// The sweep being gathered, as far as it came: at the end of a stream.
    #[must_use]
    pub fn finish(mut self) -> Option<Turn> {
        self.take()
    }

    fn take_packet(&mut self, head: &Head, returns: &[Return], received: ReceiveTime) -> Option<Turn> {
        let clock_ns = self.unfold(head.clock, received);
        let end = clock_ns.saturating_add(i64::from(head.first_ns) + i64::from(head.span_ns));
        match self.clock.observe(SensorTime::from_nanos(end), received) {
            Verdict::Refused => {
                self.counts.untimely += 1;
                return None;
            }
            Verdict::Jumped { .. } => self.restart(),
            Verdict::Taken | Verdict::Late => {}
        }
        self.before = Some((clock_ns, received.nanos()));
        match self.arrivals.take(head.sequence, clock_ns, head.span_ns) {
            Order::Duplicate => {
                self.counts.duplicate += 1;
                None
            }
            Order::Late => {
                self.add_late(head, returns, clock_ns);
                None
            }
            Order::Restart => {
                self.restart();
                self.add(head, returns, clock_ns, 0, received)
            }
            Order::Next { missing } => {
                self.counts.lost += u64::from(missing);
                self.add(head, returns, clock_ns, missing, received)
            }
        }
    }

    /// The packet that follows. It may end a sweep and begin another.
    fn add(
        &mut self,
        head: &Head,
        returns: &[Return],
        clock_ns: i64,
        missing: u32,
        received: ReceiveTime,
    ) -> Option<Turn> {
        self.missing = self.missing.saturating_add(missing);
        let mut finished = None;
        for (index, echo) in returns.iter().enumerate() {
            let passed_cdeg = (f64::from(echo.turned_cdeg) - 100.0 * self.config.cut_deg).rem_euclid(TURN_CDEG);
            let wrapped = match head.frame {
                Some(frame) => self.frame.is_some_and(|before| before != frame),
                None => self.passed_cdeg - passed_cdeg > BACK_CDEG,
            };
            let time_ns = clock_ns.saturating_add(i64::from(echo.time_ns));
            let overdue = self.start.is_some_and(|(start, _)| time_ns.saturating_sub(start) > LONGEST_SWEEP_NS);
            if wrapped || overdue || self.start.is_none() {
                let whole = self.complete.then(|| self.take()).flatten();
                finished = finished.or(whole);
                self.begin(time_ns);
                // A sweep whose start was lost is not whole; a hole at the cut is one of both sweeps.
                self.complete = wrapped && !overdue;
                self.missing = if index == 0 { missing } else { 0 };
            }
            (self.passed_cdeg, self.frame) = (passed_cdeg, head.frame);
            self.put(echo, time_ns);
        }
        self.received = received;
        finished
    }

    /// A packet that was overtaken: what belongs to the open sweep joins it.
    fn add_late(&mut self, head: &Head, returns: &[Return], clock_ns: i64) {
        self.counts.late += 1;
        let start = self.start.map_or(i64::MAX, |start| start.0);
        let time_ns = |echo: &Return| clock_ns.saturating_add(i64::from(echo.time_ns));
        let fits = |echo: &&Return| time_ns(echo) >= start && head.frame == self.frame;
        let fitting = returns.iter().filter(fits).count();
        if fitting < returns.len() {
            self.counts.too_late += 1;
        } else {
            // It was counted as lost when the one after it came.
            self.counts.lost = self.counts.lost.saturating_sub(1);
            self.missing = self.missing.saturating_sub(1);
        }
        if fitting > 0 {
            self.late += 1;
            returns
                .iter()
                .filter(fits)
                .copied()
                .collect::<Vec<_>>()
                .iter()
                .for_each(|echo| self.put(echo, time_ns(echo)));
        }
    }

    fn put(&mut self, echo: &Return, time_ns: i64) {
        let Some((start, _)) = self.start else { return };
        let time_ns = time_ns.saturating_sub(start).clamp(0, i64::from(u32::MAX)) as u32;
        let Return { point: position, intensity, ring, .. } = *echo;
        SpinningPoint { position, intensity, ring, time_ns }.pack(&mut self.data);
    }

    fn begin(&mut self, time_ns: i64) {
        self.data.clear();
        let stamp = self.clock.stamp(SensorTime::from_nanos(time_ns)).unwrap_or_default();
        self.start = Some((time_ns, stamp));
        (self.missing, self.late) = (0, 0);
    }

    fn take(&mut self) -> Option<Turn> {
        let (start, stamp) = self.start.filter(|_| !self.data.is_empty())?;
        let seq = self.seq;
        self.seq += 1;
        self.counts.sweeps += 1;
        self.counts.with_holes += u64::from(self.missing > 0);
        // The next sweep will be about as long as this one.
        let room = Vec::with_capacity(self.data.len() + self.data.len() / 16);
        let (stride, fields) = (SpinningPoint::STRIDE, SpinningPoint::fields());
        let data = std::mem::replace(&mut self.data, room);
        Some(Turn {
            sweep: LidarSweep { seq, stamp, stride, fields, data: data.into() },
            start: SensorTime::from_nanos(start),
            received: self.received,
            missing_packets: self.missing,
            late_packets: self.late,
        })
    }

    /// What was gathered belongs to a time that is no more.
    fn restart(&mut self) {
        self.counts.restarts += 1;
        self.arrivals.clear();
        self.data.clear();
        (self.start, self.complete, self.frame, self.passed_cdeg) = (None, false, None, 0.0);
    }

    /// The sensor's clock, ns. One that begins anew each hour goes on: the arrival tells which hour, to half an hour.
    fn unfold(&self, clock: Clock, received: ReceiveTime) -> i64 {
        match clock {
            Clock::Absolute(time) => time.nanos(),
            Clock::OfHour(of_hour_ns) => {
                let expected = match self.before {
                    Some((shown, then)) => shown.saturating_add(received.nanos().saturating_sub(then)),
                    None => received.nanos(),
                };
                let off_ns =
                    (of_hour_ns - expected.rem_euclid(HOUR_NS) + HOUR_NS / 2).rem_euclid(HOUR_NS) - HOUR_NS / 2;
                expected.saturating_add(off_ns)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lidar::velodyne::tests::packet;
    use crate::lidar::velodyne::{Model, Velodyne};
    use crate::lidar::{hesai, ouster};
    use proptest::prelude::*;

    const HOUR_US: u64 = HOUR_NS as u64 / 1000;
    const ARRIVAL: i64 = 1_700_000_000_000_000_000;

    type Packet = (Vec<u8>, ReceiveTime);

    fn vlp16(config: Config) -> SweepAssembler {
        SweepAssembler::new(Decoder::Velodyne(Velodyne::new(Model::Vlp16)), config)
    }

    /// 10 Hz: a block passes 0.4 degrees (rounded), a packet 4.8.
    fn stream(packets: u32, first_us: u64) -> Vec<Packet> {
        let packet = |i: u32| {
            let clock_us = (first_us + u64::from(i) * 1327) % HOUR_US;
            let bytes = packet(((i * 480) % 36_000) as u16, 40, 0x37, clock_us as u32);
            (bytes, ReceiveTime::from_nanos(ARRIVAL + i64::from(i) * 1_327_000))
        };
        (0..packets).map(packet).collect()
    }

    /// Each packet comes after its last firing and in its turn, whatever it is.
    fn feed(assembler: &mut SweepAssembler, packets: &[Packet]) -> Vec<Turn> {
        packets.iter().filter_map(|(bytes, received)| assembler.push(bytes, *received).unwrap()).collect()
    }

    fn times(turn: &Turn) -> Vec<u32> {
        let time = |point: &[u8]| u32::from_le_bytes(point[20..24].try_into().unwrap());
        turn.sweep.data.chunks_exact(SpinningPoint::STRIDE).map(time).collect()
    }

    #[test]
    fn a_turn_is_a_sweep() {
        // The last case passes the full hour within a sweep.
        for first_us in [0, 5_000_000, HOUR_US - 150_000] {
            let found = feed(&mut vlp16(Config::default()), &stream(300, first_us));
            assert_eq!(found.iter().map(|turn| turn.sweep.seq).collect::<Vec<_>>(), [0, 1, 2]);
            for turn in &found {
                assert_eq!(turn.sweep.data.len() / SpinningPoint::STRIDE, 75 * 384, "75 packets make a turn");
                let times = times(turn);
                assert!(
                    times.is_sorted() && times[0] == 0 && (99_000_000..100_000_000).contains(times.last().unwrap())
                );
                assert_eq!((turn.missing_packets, turn.late_packets), (0, 0));
            }
            let passed_ns = found[1].sweep.stamp.nanos() - found[0].sweep.stamp.nanos();
            assert!((passed_ns - 75 * 1_327_000).abs() < 2000, "{passed_ns}");
        }
    }

    #[test]
    fn lost_packets_leave_holes_that_are_told() {
        // Cuts are at packets 37.5 + 75 n: packet 50 is in the first whole sweep, 112 and 113 surround the cut to the second.
        let mut assembler = vlp16(Config::default());
        let mut packets = stream(300, 0);
        for lost in [113, 112, 50] {
            packets.remove(lost);
        }
        let found = feed(&mut assembler, &packets);
        assert_eq!(found.iter().map(|turn| turn.missing_packets).collect::<Vec<_>>(), [3, 2, 0]);
        assert_eq!((assembler.counts().lost, assembler.counts().with_holes, assembler.counts().sweeps), (3, 2, 3));
    }

    #[test]
    fn packets_of_a_bad_network() {
        // Twice, swapped, and too late for its sweep.
        let mut assembler = vlp16(Config::default());
        let mut packets = stream(300, 0);
        packets.insert(60, packets[59].clone());
        packets.swap(71, 72);
        let very_late = packets.remove(110);
        packets.insert(125, very_late);
        let whole = feed(&mut vlp16(Config::default()), &stream(300, 0));
        let found = feed(&mut assembler, &packets);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].missing_packets, found[0].late_packets), (1, 1));
        assert_eq!(found[0].sweep.data.len(), whole[0].sweep.data.len() - 384 * SpinningPoint::STRIDE);
        assert_eq!(found[1].sweep.data, whole[1].sweep.data);
        let counts = assembler.counts();
        assert_eq!((counts.duplicate, counts.late, counts.too_late, counts.lost), (1, 2, 1, 1), "{counts:?}");
    }

    #[test]
    fn half_of_the_packets_still_make_sweeps() {
        let packets =
            stream(750, 0).into_iter().enumerate().filter(|(i, _)| (i * 7919) % 10 < 5).map(|(_, packet)| packet);
        let mut assembler = vlp16(Config::default());
        let found = feed(&mut assembler, &packets.collect::<Vec<_>>());
        assert!(found.len() >= 8 && found.iter().all(|turn| turn.missing_packets > 30), "{}", found.len());
    }

    #[test]
    fn a_long_silence_ends_a_sweep() {
        let mut assembler = vlp16(Config::default());
        let mut packets = stream(600, 0);
        packets.drain(150..450);
        // Before it: one whole sweep and a part; after it a part and one whole sweep.
        assert_eq!(feed(&mut assembler, &packets).len(), 3);
        assert_eq!(assembler.counts().lost, 300);
        assert!(assembler.finish().is_some());
    }

    #[test]
    fn a_synchronised_clock_gives_the_stamp() {
        let clock = clock::Config { synchronised: true, bound_s: 0.005 };
        let us_of_hour = (ARRIVAL / 1000) as u64 % HOUR_US;
        let mut assembler = vlp16(Config { clock, cut_deg: 0.0 });
        let bytes = packet(0, 40, 0x37, (us_of_hour - 2000) as u32);
        assembler.push(&bytes, ReceiveTime::from_nanos(ARRIVAL)).unwrap();
        assert!(!assembler.clock().out_of_bound);
        assert_eq!(assembler.finish().unwrap().sweep.stamp.nanos(), ARRIVAL - 2_000_000);
    }

    #[test]
    fn a_clock_that_jumps_gives_the_sweep_up_and_stamps_go_on() {
        for jump_us in [600_000_000, HOUR_US - 600_000_000, 0] {
            let mut assembler = vlp16(Config::default());
            let mut packets = stream(750, 0);
            for (i, (bytes, _)) in packets.iter_mut().enumerate().skip(300) {
                let clock_us = (i as u64 * 1327 + jump_us) % HOUR_US;
                bytes[1200..1204].copy_from_slice(&(clock_us as u32).to_le_bytes());
            }
            let found = feed(&mut assembler, &packets);
            let stamps: Vec<i64> = found.iter().map(|turn| turn.sweep.stamp.nanos() - ARRIVAL).collect();
            let (turns, jumps) = if jump_us == 0 { (9, 0) } else { (8, 1) };
            assert_eq!((found.len(), assembler.clock().jumps, assembler.counts().untimely), (turns, jumps, 2 * jumps));
            let apart: Vec<i64> = stamps.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000_000).collect();
            assert!(apart.iter().all(|ms| [99, 198, 199].contains(ms)), "{apart:?}");
        }
    }

    #[test]
    fn a_bad_packet_changes_nothing() {
        let mut assembler = vlp16(Config::default());
        assert!(assembler.push(&[0; 40], ReceiveTime::default()).is_err());
        assert_eq!(assembler.counts().refused, 1);
        assert!(assembler.finish().is_none());
    }

    #[test]
    fn sensors_that_count_are_cut_and_counted_too() {
        // XT32: 360 packets of 0.1 degrees a block make a turn; the numbers begin anew on the way.
        let model = hesai::Model::Xt32;
        let mut assembler = SweepAssembler::new(Decoder::Hesai(hesai::tests::sensor(model)), Config::default());
        let packets = (0..1500_u32).filter(|i| *i != 600).map(|i| {
            let bytes = hesai::tests::packet(model, (i * 80 % 36_000) as u16, 10, 0x37, i * 400, i.wrapping_sub(500));
            (bytes, ReceiveTime::from_nanos(ARRIVAL + i64::from(i) * 400_000))
        });
        let found = feed(&mut assembler, &packets.collect::<Vec<_>>());
        assert_eq!(found.iter().map(|turn| turn.missing_packets).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(found[1].sweep.data.len() / SpinningPoint::STRIDE, 450 * 256);

        let sensor = ouster::tests::sensor("RNG15_RFL8_NIR8");
        let packet = |i: u64| {
            let bytes = ouster::tests::packet(&sensor, (65_534 + i / 4) as u16, (i % 4 * 16) as u16, i * 25_000_000);
            (bytes, ReceiveTime::from_nanos(ARRIVAL + i as i64 * 25_000_000))
        };
        let packets: Vec<Packet> = (0..20).filter(|i| *i != 8).map(packet).collect();
        let mut assembler = SweepAssembler::new(Decoder::Ouster(Box::new(sensor.clone())), Config::default());
        let found = feed(&mut assembler, &packets);
        // The packet that is missing is the first of its turn: at the cut.
        assert_eq!(found.iter().map(|turn| turn.missing_packets).collect::<Vec<_>>(), [1, 1, 0]);
    }

    proptest! {
        #[test]
        fn any_order_of_packets_is_survived(packets in prop::collection::vec((0..36_000_u16, 0..300_u16, 0x37..0x3A_u8, any::<u32>(), any::<i64>()), 0..20), cut_deg in -1e4..1e4f64, synchronised in any::<bool>()) {
            let mut assembler = vlp16(Config { cut_deg, clock: clock::Config { synchronised, bound_s: 0.01 } });
            for (azimuth, gap, mode, clock, received) in packets {
                if let Some(turn) = assembler.push(&packet(azimuth, gap, mode, clock), ReceiveTime::from_nanos(received)).unwrap() {
                    prop_assert!(turn.sweep.data.len() % SpinningPoint::STRIDE == 0 && !turn.sweep.data.is_empty());
                }
            }
        }
    }
}
