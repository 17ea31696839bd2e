//! Sweeps of several lidars as one: those that began at about the same time, in the frame of the first. Pure: the caller tells the time.

use nalgebra::{Isometry3, Point3};
use std::collections::VecDeque;
use std::time::Duration;
use types::{LidarSweep, SpinningPoint, Stamp};

/// Sweeps of one lidar that wait; older ones give way.
const CAPACITY: usize = 4;
/// Beams of the lidars before come first: their numbers do not overlap.
const BEAMS: u16 = 256;

/// What came of the sweeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sweeps that were given on.
    pub whole: u64,
    /// Sweeps that were given on without one of the lidars.
    pub partial: u64,
    /// Sweeps of other lidars that found no partner.
    pub alone: u64,
}

/// Gathers sweeps.
#[derive(Debug)]
pub struct Concatenator {
    first_from_lidar: Vec<Isometry3<f64>>,
    timeout: Duration,
    tolerance_s: f64,
    waiting: Vec<VecDeque<(LidarSweep, Duration)>>,
    counts: Counts,
}

impl Concatenator {
    /// For lidars at these places; the first leads.
    #[must_use]
    pub fn new(first_from_lidar: Vec<Isometry3<f64>>, timeout: Duration, tolerance_s: f64) -> Self {
        let waiting = first_from_lidar.iter().map(|_| VecDeque::new()).collect();
        Self { first_from_lidar, timeout, tolerance_s, waiting, counts: Counts::default() }
    }

    /// What came of the sweeps so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a sweep that came now, a time since the start.
    pub fn push(&mut self, lidar: usize, sweep: LidarSweep, now: Duration) {
        let Some(queue) = self.waiting.get_mut(lidar) else { return };
        queue.push_back((sweep, now));
        if queue.len() > CAPACITY {
            queue.pop_front();
            self.counts.alone += 1;
        }
    }

    /// The next sweep of all lidars, as soon as all are there or the first has waited for long enough.
    pub fn pop(&mut self, now: Duration) -> Option<LidarSweep> {
        let (first, came) = self.waiting.first()?.front()?;
        let (stamp, overdue) = (first.stamp, now.saturating_sub(*came) >= self.timeout);
        let tolerance_s = self.tolerance_s;
        for queue in &mut self.waiting[1..] {
            // What is too old for this sweep is too old for every later one.
            while queue.front().is_some_and(|(sweep, _)| sweep.stamp.seconds_since(stamp) < -tolerance_s) {
                queue.pop_front();
                self.counts.alone += 1;
            }
        }
        let has_partner = |queue: &VecDeque<(LidarSweep, Duration)>| {
            queue.front().is_some_and(|(sweep, _)| sweep.stamp.seconds_since(stamp).abs() <= tolerance_s)
        };
        // A later sweep of the same lidar says that the partner was lost.
        let settled = |queue: &VecDeque<(LidarSweep, Duration)>| !queue.is_empty();
        if !overdue && !self.waiting[1..].iter().all(settled) {
            return None;
        }
        let partners: Vec<bool> = self.waiting[1..].iter().map(has_partner).collect();
        let (first, _) = self.waiting[0].pop_front()?;
        let mut parts = vec![(0, first)];
        for (place, _) in partners.iter().enumerate().filter(|(_, there)| **there) {
            parts.extend(self.waiting[place + 1].pop_front().map(|(sweep, _)| (place + 1, sweep)));
        }
        *(if parts.len() == self.waiting.len() { &mut self.counts.whole } else { &mut self.counts.partial }) += 1;
        Some(self.join(parts))
    }

    /// Points of all parts in the frame of the first lidar, times from the earliest start.
    fn join(&self, parts: Vec<(usize, LidarSweep)>) -> LidarSweep {
        let stamp = parts.iter().map(|(_, sweep)| sweep.stamp).min().unwrap_or_default();
        let seq = parts.first().map_or(0, |(_, sweep)| sweep.seq);
        let bytes = parts.iter().map(|(_, sweep)| sweep.data.len()).sum();
        let mut data = Vec::with_capacity(bytes);
        for (lidar, sweep) in &parts {
            let later_ns = u32::try_from(nanos_between(stamp, sweep.stamp)).unwrap_or(0);
            let pose = self.first_from_lidar[*lidar];
            for point in sweep.data.chunks_exact(SpinningPoint::STRIDE) {
                let float = |at: usize| f32::from_le_bytes([point[at], point[at + 1], point[at + 2], point[at + 3]]);
                let whole = |at: usize| u32::from_le_bytes([point[at], point[at + 1], point[at + 2], point[at + 3]]);
                let mut position = [float(0), float(4), float(8)];
                if *lidar > 0 {
                    let moved = pose * Point3::from(position.map(f64::from));
                    position = [moved.x as f32, moved.y as f32, moved.z as f32];
                }
                let ring = (whole(16) as u16).wrapping_add(BEAMS.wrapping_mul(*lidar as u16));
                let time_ns = whole(20).saturating_add(later_ns);
                SpinningPoint { position, intensity: float(12), ring, time_ns }.pack(&mut data);
            }
        }
        LidarSweep { seq, stamp, stride: SpinningPoint::STRIDE, fields: SpinningPoint::fields(), data: data.into() }
    }
}

fn nanos_between(earlier: Stamp, later: Stamp) -> i64 {
    later.nanos().saturating_sub(earlier.nanos()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    fn sweep(seq: u64, millis: i64) -> LidarSweep {
        let mut data = Vec::new();
        SpinningPoint { position: [1.0, 2.0, 3.0], intensity: 0.5, ring: 7, time_ns: 1000 }.pack(&mut data);
        let stamp = Stamp::from_nanos(millis * 1_000_000);
        LidarSweep { seq, stamp, stride: SpinningPoint::STRIDE, fields: SpinningPoint::fields(), data: data.into() }
    }

    fn two() -> Concatenator {
        let left = Isometry3::new(Vector3::new(0.0, 1.0, -1.0), Vector3::z() * std::f64::consts::FRAC_PI_2);
        Concatenator::new(vec![Isometry3::identity(), left], Duration::from_millis(30), 0.05)
    }

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn both_are_one_in_the_frame_of_the_first() {
        let mut both = two();
        both.push(0, sweep(4, 100), millis(200));
        assert_eq!(both.pop(millis(210)), None, "it waits");
        both.push(1, sweep(9, 80), millis(211));
        let joined = both.pop(millis(211)).unwrap();
        assert_eq!((joined.seq, joined.stamp.nanos(), joined.data.len()), (4, 80_000_000, 48));
        let float = |at: usize| f32::from_le_bytes(joined.data[at..at + 4].try_into().unwrap());
        assert!((float(24) + 2.0).abs() < 1e-6 && (float(28) - 2.0).abs() < 1e-6 && (float(32) - 2.0).abs() < 1e-6);
        let whole = |at: usize| u32::from_le_bytes(joined.data[at..at + 4].try_into().unwrap());
        // The first lidar's point is 20 ms later after the common start; beams have numbers of their own.
        assert_eq!((whole(20), whole(44), whole(16), whole(40)), (20_001_000, 1000, 7, 263));
    }

    #[test]
    fn a_silent_lidar_holds_the_others_for_the_timeout_only() {
        let mut both = two();
        both.push(0, sweep(0, 100), millis(200));
        assert_eq!(both.pop(millis(229)), None);
        assert_eq!(both.pop(millis(230)).unwrap().data.len(), 24);
        // What comes too late finds no partner.
        both.push(1, sweep(0, 100), millis(240));
        both.push(0, sweep(1, 200), millis(300));
        both.push(1, sweep(1, 210), millis(301));
        assert_eq!(both.pop(millis(301)).unwrap().data.len(), 48);
        assert_eq!(both.counts(), Counts { whole: 1, partial: 1, alone: 1 });
        // The other lidar alone gives nothing, and does not grow.
        for i in 0..100 {
            both.push(1, sweep(i, 400), millis(400));
            assert_eq!(both.pop(millis(9999)), None);
        }
        assert!(both.waiting[1].len() <= CAPACITY);
    }
}
