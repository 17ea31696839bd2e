//! Whether GPS/INS and lidar odometry measure the same way over the last metres, and if not, which of them is to be doubted.
//!
//! Both are compared as they are, in frames of their own, so what the filter believes has no part in it.

use super::finding::Disagreement;
use nalgebra::Isometry3;
use std::collections::VecDeque;
use types::Stamp;

/// Instants that are remembered.
const MEMORY: usize = 128;
/// The way that is compared, m.
const WAY_M: f64 = 10.0;
/// How far the ends may be apart: a fixed part, m, and a part of the way. The position of a good GPS/INS unit wanders by about a
/// decimetre in these seconds, lidar odometry by half a percent.
const USUAL_M: f64 = 0.15;
const USUAL_PART: f64 = 0.015;
/// Frames in a row that make or end a disagreement.
const SURE_AFTER: u32 = 3;
const OVER_AFTER: u32 = 20;
/// The wheels contradict the lidar if they measure another way by this part and this much, m, and GPS/INS takes their side.
const WHEEL_PART: f64 = 0.01;
const WHEEL_M: f64 = 0.1;
/// Doubt scales what a frame is assumed to wander; it fades with this time, s.
const DOUBT: f64 = 5.0;
const LARGEST_DOUBT: f64 = 30.0;
const FADE_S: f64 = 30.0;

/// What one instant looked like.
#[derive(Clone, Copy, Debug)]
struct Instant {
    stamp: Stamp,
    ins: Isometry3<f64>,
    lidar: Isometry3<f64>,
    /// Ways so far, m: by GPS/INS, lidar, wheels; and that by lidar, each metre as often as the map drifts faster there.
    ways: [f64; 4],
}

/// Who is doubted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Ins(Disagreement),
    Lidar(Disagreement),
}

/// The two ways, side by side.
#[derive(Clone, Debug, Default)]
pub(super) struct Agreement {
    instants: VecDeque<Instant>,
    /// Whether the wheels were heard at each of them.
    has_wheels: bool,
    beyond: u32,
    within: u32,
    disagrees: bool,
    /// How much more than usual the frames of GPS/INS and lidar are assumed to wander, minus one.
    doubts: [f64; 2],
}

impl Agreement {
    /// Factors on the wander of GPS/INS and lidar.
    pub(super) fn doubts(&self) -> [f64; 2] {
        self.doubts.map(|doubt| 1.0 + doubt)
    }

    /// One of the two has a new frame: nothing before can be compared with what comes.
    pub(super) fn forget(&mut self) {
        self.instants.clear();
        (self.beyond, self.within) = (0, 0);
    }

    /// Both poses of an instant, each in its own frame, and the speed of the wheels. A verdict while they disagree.
    pub(super) fn compare(
        &mut self,
        stamp: Stamp,
        ins: &Isometry3<f64>,
        lidar: &Isometry3<f64>,
        weakness: f64,
        wheels_mps: Option<f64>,
    ) -> Option<Verdict> {
        let now = self.next(stamp, ins, lidar, weakness, wheels_mps);
        self.instants.push_back(now);
        if self.instants.len() > MEMORY {
            self.instants.pop_front();
        }
        let is_enough = |then: &&Instant| (0..2).any(|i| now.ways[i] - then.ways[i] >= WAY_M);
        let then = self.instants.iter().rev().find(is_enough)?;
        let found = difference(then, &now, self.has_wheels);
        let ratio = found.apart_m / found.usual_m;
        (self.beyond, self.within) = if ratio > 1.0 { (self.beyond + 1, 0) } else { (0, self.within + 1) };
        self.disagrees = if self.disagrees { self.within < OVER_AFTER } else { self.beyond >= SURE_AFTER };
        if !(self.disagrees && ratio > 1.0) {
            return None;
        }
        let lidar_is_odd = is_contradicted(&found);
        let doubt = &mut self.doubts[usize::from(lidar_is_odd)];
        *doubt = doubt.max((DOUBT * ratio).min(LARGEST_DOUBT));
        Some(if lidar_is_odd { Verdict::Lidar(found) } else { Verdict::Ins(found) })
    }

    fn next(
        &mut self,
        stamp: Stamp,
        ins: &Isometry3<f64>,
        lidar: &Isometry3<f64>,
        weakness: f64,
        wheels_mps: Option<f64>,
    ) -> Instant {
        self.has_wheels = wheels_mps.is_some() && (self.has_wheels || self.instants.is_empty());
        let Some(last) = self.instants.back() else {
            return Instant { stamp, ins: *ins, lidar: *lidar, ways: [0.0; 4] };
        };
        let seconds = stamp.seconds_since(last.stamp);
        let fade = (-seconds / FADE_S).exp();
        self.doubts = self.doubts.map(|doubt| fade * doubt);
        let way = |from: &Isometry3<f64>, to: &Isometry3<f64>| from.inv_mul(to).translation.vector.xy().norm();
        let by_lidar = way(&last.lidar, lidar);
        let by_wheels = wheels_mps.unwrap_or(0.0).abs() * seconds;
        let steps = [way(&last.ins, ins), by_lidar, by_wheels, weakness * by_lidar];
        Instant { stamp, ins: *ins, lidar: *lidar, ways: std::array::from_fn(|i| last.ways[i] + steps[i]) }
    }
}

fn difference(then: &Instant, now: &Instant, has_wheels: bool) -> Disagreement {
    let way = |from: &Isometry3<f64>, to: &Isometry3<f64>| from.inv_mul(to).translation.vector.xy();
    let (by_ins, by_lidar) = (way(&then.ins, &now.ins), way(&then.lidar, &now.lidar));
    let [ins_m, lidar_m, wheels_m, weak_m]: [f64; 4] = std::array::from_fn(|i| now.ways[i] - then.ways[i]);
    Disagreement {
        seconds: now.stamp.seconds_since(then.stamp),
        lidar_m,
        ins_m,
        wheels_m: has_wheels.then_some(wheels_m),
        apart_m: (by_ins - by_lidar).norm(),
        usual_m: USUAL_M + USUAL_PART * weak_m.max(ins_m),
    }
}

/// Whether the wheels take the side of GPS/INS.
fn is_contradicted(found: &Disagreement) -> bool {
    let Some(wheels_m) = found.wheels_m else { return false };
    let (lidar, ins) = ((found.lidar_m - wheels_m).abs(), (found.ins_m - wheels_m).abs());
    lidar > WHEEL_PART * wheels_m + WHEEL_M && ins < 0.5 * lidar
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both drive along x; each measures its share of the true way of `speed` m/s.
    fn last_verdict(shares: [f64; 3], frames: i64) -> (Option<Verdict>, [f64; 2]) {
        let mut agreement = Agreement::default();
        let mut last = None;
        for frame in 0..frames {
            let pose = |share: f64| Isometry3::translation(share * 0.5 * frame as f64, 0.0, 0.0);
            let stamp = Stamp::from_nanos(frame * 100_000_000);
            last = agreement.compare(stamp, &pose(shares[0]), &pose(shares[1]), 1.0, Some(5.0 * shares[2]));
        }
        (last, agreement.doubts())
    }

    #[test]
    fn who_is_alone_is_doubted() {
        assert_eq!(last_verdict([1.0, 1.005, 1.01], 100), (None, [1.0, 1.0]));
        let (verdict, [ins, lidar]) = last_verdict([0.95, 1.0, 1.0], 100);
        assert!(matches!(verdict, Some(Verdict::Ins(_))) && ins > 4.0 && lidar == 1.0, "{verdict:?}");
        let (verdict, [ins, lidar]) = last_verdict([1.0, 1.04, 1.0], 100);
        assert!(matches!(verdict, Some(Verdict::Lidar(_))) && ins == 1.0 && lidar > 4.0, "{verdict:?}");
        assert_eq!(last_verdict([0.5, 1.0, 1.0], 15).0, None, "too short a way to judge");
    }
}
