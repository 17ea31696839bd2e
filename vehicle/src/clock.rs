//! How far a sensor's clock is from the computer's: measured, shown, bounded.
//!
//! In: pairs of sensor time and receive time. Out: the stamp of a sensor time on the drive's clock, and a status. A message needs time
//! to come; how much differs, but some need hardly any. So the offset is the *lower envelope* of receive time minus sensor time: the
//! smallest difference in each second, and a line under them whose slope is the drift. Delays never pull it up.

use std::collections::VecDeque;
use std::fmt;
use types::{ReceiveTime, SensorTime, Stamp};

/// Seconds that the envelope looks back.
const SECONDS: usize = 30;
/// A crystal is good to 100 ppm; two of them, with a margin.
const LARGEST_DRIFT: f64 = 300e-6;
/// No message can come before it was sent: more than so much below the envelope the clock has jumped, ns.
const EARLY_NS: i64 = 50_000_000;
/// Above the envelope a message is late, ns.
const LATE_NS: i64 = 50_000_000;
/// No network holds a message so long, ns.
const IMPOSSIBLE_NS: i64 = 60_000_000_000;
/// So many readings that agree make a jump.
const AGREEING: usize = 3;
/// Readings that are late for so long without one in time are a jump, too, ns.
const LATE_FOR_NS: i64 = 1_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// How a sensor's clock is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Whether PTP or GPS sets it to the computer's time. If so, its reading is the stamp while the offset is within the bound.
    pub synchronised: bool,
    /// Largest offset of a synchronised clock, s.
    pub bound_s: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { synchronised: false, bound_s: 0.005 }
    }
}

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Taken,
    /// It came late; its stamp holds.
    Late,
    /// The clocks cannot be as this reading says: do not use what it stamps.
    Refused,
    /// The sensor's clock has jumped; the envelope begins anew.
    Jumped {
        /// By how much the sensor's clock is ahead of what it was, ns.
        by_ns: i64,
    },
}

/// What is known of a sensor's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Status {
    /// Sensor time minus computer time, s: positive if the sensor's clock is ahead. The shortest way of a message counts as none.
    pub offset_s: f64,
    /// How fast the offset grows, ppm.
    pub drift_ppm: f64,
    /// How much longer than the shortest the way of the last message was, s.
    pub delay_s: f64,
    /// Jumps so far.
    pub jumps: u64,
    /// Readings refused so far.
    pub refused: u64,
    /// Late readings so far.
    pub late: u64,
    /// Whether the clock should be set and the offset is beyond the bound.
    pub out_of_bound: bool,
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset_s, drift_ppm, delay_s, jumps, refused, late, out_of_bound } = self;
        write!(out, "offset {:+.6} s, drift {drift_ppm:+.1} ppm, last delay {:.3} ms", offset_s, delay_s * 1e3)?;
        write!(out, ", {jumps} jumps, {refused} refused, {late} late")?;
        if !out_of_bound {
            return Ok(());
        }
        match offset_s.round() as i64 {
            37 => write!(out, "; beyond the bound: the sensor is set to TAI, 37 s ahead of UTC"),
            18 => write!(out, "; beyond the bound: the sensor is set to GPS time, 18 s ahead of UTC"),
            _ => write!(out, "; beyond the bound"),
        }
    }
}

/// Measures the offset of one sensor's clock.
#[derive(Clone, Debug)]
pub struct ClockOffset {
    config: Config,
    /// Receive time and receive time minus sensor time where it was smallest, of each second; the newest is last.
    seconds: VecDeque<(i64, i64)>,
    /// The envelope: its value at an instant, ns, and its slope.
    at: (i64, i64),
    slope: f64,
    /// Readings that cannot be, in a row.
    strange: Vec<(i64, i64)>,
    /// Since when and how many readings are late, and the earliest of them.
    late_since: Option<(i64, usize, (i64, i64))>,
    status: Status,
}

impl ClockOffset {
    /// A clock of which nothing is known yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            seconds: VecDeque::with_capacity(SECONDS + 1),
            at: (0, 0),
            slope: 0.0,
            strange: Vec::with_capacity(AGREEING),
            late_since: None,
            status: Status::default(),
        }
    }

    /// What is known.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Takes a reading: the sensor's time of a message's end, and when it came.
    pub fn observe(&mut self, sensor: SensorTime, received: ReceiveTime) -> Verdict {
        let reading = (received.nanos(), received.nanos().saturating_sub(sensor.nanos()));
        if self.seconds.is_empty() {
            self.restart(reading);
            return Verdict::Taken;
        }
        let above_ns = reading.1.saturating_sub(self.envelope(reading.0));
        if !(-EARLY_NS..=IMPOSSIBLE_NS).contains(&above_ns) {
            return self.take_strange(reading);
        }
        self.strange.clear();
        self.status.delay_s = above_ns.max(0) as f64 * 1e-9;
        if above_ns > LATE_NS {
            return self.take_late(reading);
        }
        self.late_since = None;
        self.take(reading);
        Verdict::Taken
    }

    /// The stamp of a sensor time; none before the first reading.
    #[must_use]
    pub fn stamp(&self, sensor: SensorTime) -> Option<Stamp> {
        let &(newest, _) = self.seconds.back()?;
        if self.config.synchronised && !self.status.out_of_bound {
            return Some(Stamp::from_nanos(sensor.nanos()));
        }
        Some(Stamp::from_nanos(sensor.nanos().saturating_add(self.envelope(newest))))
    }

    /// The envelope at a receive time, ns.
    fn envelope(&self, received_ns: i64) -> i64 {
        self.at.1.saturating_add((self.slope * received_ns.saturating_sub(self.at.0) as f64) as i64)
    }

    fn take(&mut self, reading: (i64, i64)) {
        match self.seconds.back_mut() {
            Some(newest)
                if (0..SECOND_NS).contains(&reading.0.saturating_sub(newest.0 - newest.0.rem_euclid(SECOND_NS))) =>
            {
                if reading.1 < newest.1 {
                    *newest = reading;
                }
            }
            _ => {
                self.seconds.push_back(reading);
                if self.seconds.len() > SECONDS {
                    self.seconds.pop_front();
                }
                self.fit();
            }
        }
        // Below the line: the line goes down.
        let below_ns = reading.1.saturating_sub(self.envelope(reading.0));
        if below_ns < 0 {
            self.at.1 = self.at.1.saturating_add(below_ns);
        }
        self.show(reading.0);
    }

    /// The line under the seconds: the median of all slopes (Theil 1950, Sen 1968), as high as no second lies below it.
    fn fit(&mut self) {
        let mut slopes = Vec::new();
        for (index, early) in self.seconds.iter().enumerate() {
            for late in self.seconds.iter().skip(index + 1) {
                let passed = late.0.saturating_sub(early.0) as f64;
                if passed >= 0.5e9 {
                    slopes.push(late.1.saturating_sub(early.1) as f64 / passed);
                }
            }
        }
        slopes.sort_by(f64::total_cmp);
        // Few seconds say more of the delays than of the drift.
        let median = if self.seconds.len() < 8 { 0.0 } else { slopes.get(slopes.len() / 2).copied().unwrap_or(0.0) };
        self.slope = median.clamp(-LARGEST_DRIFT, LARGEST_DRIFT);
        let Some(&(now, _)) = self.seconds.back() else { return };
        let here = |(at, difference): &(i64, i64)| difference + (self.slope * (now - at) as f64) as i64;
        self.at = (now, self.seconds.iter().map(here).min().unwrap_or(0));
    }

    /// Before it was sent, or later than any network: one reading may be broken, three that agree are a jump.
    fn take_strange(&mut self, reading: (i64, i64)) -> Verdict {
        let agrees = |other: &(i64, i64)| reading.1.abs_diff(other.1) < EARLY_NS.unsigned_abs();
        if !self.strange.iter().all(agrees) {
            self.strange.clear();
        }
        self.strange.push(reading);
        if self.strange.len() < AGREEING {
            self.status.refused += 1;
            return Verdict::Refused;
        }
        let earliest = self.strange.iter().copied().min_by_key(|reading| reading.1).unwrap_or(reading);
        self.jump(earliest)
    }

    /// A network that was stuck catches up within a second; a clock that was set back does not.
    fn take_late(&mut self, reading: (i64, i64)) -> Verdict {
        self.status.late += 1;
        let (since, count, earliest) = self.late_since.unwrap_or((reading.0, 0, reading));
        let earliest = if reading.1 < earliest.1 { reading } else { earliest };
        self.late_since = Some((since, count + 1, earliest));
        if reading.0.saturating_sub(since) > LATE_FOR_NS && count >= AGREEING {
            return self.jump(earliest);
        }
        Verdict::Late
    }

    fn jump(&mut self, reading: (i64, i64)) -> Verdict {
        let by_ns = self.envelope(reading.0).saturating_sub(reading.1);
        self.status.jumps += 1;
        self.restart(reading);
        Verdict::Jumped { by_ns }
    }

    fn restart(&mut self, reading: (i64, i64)) {
        self.seconds.clear();
        self.seconds.push_back(reading);
        (self.at, self.slope, self.late_since) = (reading, 0.0, None);
        self.strange.clear();
        self.show(reading.0);
    }

    fn show(&mut self, now_ns: i64) {
        self.status.offset_s = -self.envelope(now_ns) as f64 * 1e-9;
        self.status.drift_ppm = 0.0 - self.slope * 1e6;
        self.status.out_of_bound = self.config.synchronised && self.status.offset_s.abs() > self.config.bound_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_700_000_000_000_000_000;

    /// Delays of 0.1 to about 5 ms, seldom short: a fixed sequence of a congruential generator.
    fn delay_ns(index: i64) -> i64 {
        let noise =
            (index.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33) & 0x3FF;
        100_000 + noise * noise * 5
    }

    /// Feeds a reading every 10 ms; `ahead` tells how far the sensor's clock is ahead at a time in s.
    fn feed(clock: &mut ClockOffset, from_s: f64, to_s: f64, ahead_s: impl Fn(f64) -> f64) -> Vec<Verdict> {
        ((from_s * 100.0) as i64..(to_s * 100.0) as i64)
            .map(|tick| {
                let sent = START + tick * 10_000_000;
                let sensor = sent + (ahead_s(tick as f64 * 0.01) * 1e9) as i64;
                clock.observe(SensorTime::from_nanos(sensor), ReceiveTime::from_nanos(sent + delay_ns(tick)))
            })
            .collect()
    }

    fn free() -> ClockOffset {
        ClockOffset::new(Config::default())
    }

    #[test]
    fn delays_do_not_pull_the_offset() {
        let mut clock = free();
        assert!(feed(&mut clock, 0.0, 20.0, |_| -1000.25).iter().all(|verdict| *verdict == Verdict::Taken));
        let status = clock.status();
        // The shortest way, 0.1 ms, cannot be told from the offset.
        assert!((status.offset_s + 1000.2501).abs() < 3e-5, "{status}");
        assert!(status.drift_ppm.abs() < 3.0 && status.jumps == 0, "{status}");
        let stamp = clock.stamp(SensorTime::from_nanos(START + 19_000_000_000 - 1_000_250_000_000)).unwrap();
        assert!((stamp.nanos() - START - 19_000_000_000).abs() < 200_000, "{stamp:?}");
    }

    #[test]
    fn a_drifting_clock_is_followed() {
        for ppm in [-100.0, -20.0, 50.0, 200.0] {
            let mut clock = free();
            feed(&mut clock, 0.0, 60.0, |t| 3.0 + ppm * 1e-6 * t);
            let status = clock.status();
            assert!((status.drift_ppm - ppm).abs() < 5.0, "{ppm}: {status}");
            assert!((status.offset_s - (3.0 + ppm * 6e-5)).abs() < 3e-4, "{ppm}: {status}");
            assert_eq!(status.jumps, 0);
        }
    }

    #[test]
    fn a_jump_of_an_hour_is_found_at_once() {
        for jump_s in [3600.0, -3600.0, 0.2] {
            let mut clock = free();
            feed(&mut clock, 0.0, 10.0, |_| 5.0);
            let verdicts = feed(&mut clock, 10.0, 12.0, |_| 5.0 + jump_s);
            let at = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Jumped { .. })).unwrap();
            assert_eq!(at, 2, "{jump_s}");
            assert!(verdicts[..2].iter().all(|verdict| *verdict == Verdict::Refused));
            let Verdict::Jumped { by_ns } = verdicts[2] else { unreachable!() };
            assert!((by_ns as f64 * 1e-9 - jump_s).abs() < 0.01, "{by_ns}");
            assert_eq!((clock.status().jumps, clock.status().refused), (1, 2));
            assert!((clock.status().offset_s - 5.0 - jump_s).abs() < 1e-3);
        }
    }

    #[test]
    fn a_clock_set_back_a_little_is_found_within_a_second() {
        let mut clock = free();
        feed(&mut clock, 0.0, 10.0, |_| 5.0);
        let verdicts = feed(&mut clock, 10.0, 13.0, |_| 4.0);
        let at = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Jumped { .. })).unwrap();
        assert!((100..=103).contains(&at), "{at}");
        assert!((clock.status().offset_s - 4.0).abs() < 1e-3);
    }

    #[test]
    fn a_stuck_network_is_no_jump() {
        let mut clock = free();
        feed(&mut clock, 0.0, 10.0, |_| 5.0);
        // Nothing comes for two seconds, then all of it in 20 ms.
        for tick in 1000..1200 {
            let sent = START + tick * 10_000_000;
            let received = START + 12_000_000_000 + (tick - 1000) * 100_000;
            let verdict =
                clock.observe(SensorTime::from_nanos(sent + 5_000_000_000), ReceiveTime::from_nanos(received));
            assert!(matches!(verdict, Verdict::Late | Verdict::Taken), "{tick}: {verdict:?}");
        }
        feed(&mut clock, 12.1, 14.0, |_| 5.0);
        assert_eq!(clock.status().jumps, 0);
        assert!((clock.status().offset_s - 5.0).abs() < 1e-3 && clock.status().late > 150);
    }

    #[test]
    fn one_broken_reading_changes_nothing() {
        let mut clock = free();
        feed(&mut clock, 0.0, 5.0, |_| 0.0);
        let before = clock.status();
        for broken in [i64::MIN, i64::MAX, 0] {
            let received = ReceiveTime::from_nanos(START + 5_000_000_000);
            assert_eq!(clock.observe(SensorTime::from_nanos(broken), received), Verdict::Refused);
            feed(&mut clock, 5.0, 5.1, |_| 0.0);
        }
        assert_eq!((clock.status().jumps, clock.status().refused), (0, 3));
        assert!((clock.status().offset_s - before.offset_s).abs() < 1e-4);
    }

    #[test]
    fn a_set_clock_is_bounded_and_says_why() {
        let mut clock = ClockOffset::new(Config { synchronised: true, bound_s: 0.005 });
        feed(&mut clock, 0.0, 2.0, |_| 0.0);
        assert!(!clock.status().out_of_bound);
        assert_eq!(clock.stamp(SensorTime::from_nanos(42)), Some(Stamp::from_nanos(42)));
        let mut wrong = ClockOffset::new(Config { synchronised: true, bound_s: 0.005 });
        feed(&mut wrong, 0.0, 2.0, |_| 37.0);
        assert!(wrong.status().out_of_bound && wrong.status().to_string().contains("TAI"), "{}", wrong.status());
        let stamp = wrong.stamp(SensorTime::from_nanos(START + 37_000_000_000)).unwrap();
        assert!((stamp.nanos() - START).abs() < 1_000_000, "the stamp is corrected: {stamp:?}");
    }

    proptest! {
        #[test]
        fn any_readings_are_survived(readings in prop::collection::vec((any::<i64>(), any::<i64>(), any::<bool>()), 0..60)) {
            let mut clock = free();
            for (sensor, received, near) in readings {
                let received = if near { START.saturating_add(received % 5_000_000_000) } else { received };
                let sensor = if near { received.saturating_sub(sensor % 200_000_000) } else { sensor };
                clock.observe(SensorTime::from_nanos(sensor), ReceiveTime::from_nanos(received));
                prop_assert!(clock.status().offset_s.is_finite() && clock.stamp(SensorTime::from_nanos(sensor)).is_some());
            }
        }
    }
}
