//! What is missing of the gap to the targets ahead, and what staying behind them costs.

use crate::View;
use crate::effort::Effort;
use crate::lanes::Lanes;
use crate::lateral::Lateral;
use crate::longitudinal::SAMPLE_STEP_S;
use crate::predict::{Obstacle, Obstacles};
use crate::reference::Road;
use crate::targets::{Target, wanted_gap_m};
use types::Vehicle;

/// Braking behind a slower object takes this deceleration at most, m/s2.
const FIRM_MPS2: f64 = 2.5;
/// A gap to a moving object that is too short is asked to grow this fast, from this length on, m/s and m.
const GROWS_MPS: f64 = 1.5;
const LEAST_GAP_M: f64 = 1.0;
/// More than this share of a gap is never missing.
const MOST_SHARE: f64 = 2.0;

/// The targets and what is wanted behind them.
pub(crate) struct Gaps<'a> {
    targets: &'a [Target],
    obstacles: &'a Obstacles,
    road: &'a Road<'a>,
    vehicle: &'a Vehicle,
    effort: &'a Effort,
    standstill_gap_m: f64,
    /// The price of staying behind what could be passed.
    behind: f64,
}

impl<'a> Gaps<'a> {
    pub fn new(view: &View<'a>, effort: &'a Effort) -> Self {
        let &View { targets, obstacles, road, vehicle, config, .. } = view;
        let (standstill_gap_m, behind) = (wanted_gap_m(0.0, config), config.weights.behind);
        Self { targets, obstacles, road, vehicle, effort, standstill_gap_m, behind }
    }

    /// Those on the line with a gap to keep, each with its object.
    fn leads(&self) -> impl Iterator<Item = (&Target, &Obstacle)> {
        let object = |target: &Target| target.object.map(|object| &self.obstacles.objects[object]);
        self.targets.iter().filter(|target| !target.crosses).filter_map(move |target| Some((target, object(target)?)))
    }

    /// The squared missing share of the gap to each lead, for who is on its line, at a sample.
    pub fn squares(&self, sample: &[f64; 4], i: usize) -> impl Iterator<Item = f64> {
        let front = self.road.s_m + sample[0] + self.vehicle.front_offset_m();
        let (t, speed) = (i as f64 * SAMPLE_STEP_S, sample[1]);
        self.leads().map(move |(target, _)| {
            // Headway at the target's speed, and the way that it takes to brake down to that speed.
            let then = target.speed_after(t);
            let slower = then.min(speed);
            let braking = (speed * speed - slower * slower) / (2.0 * FIRM_MPS2);
            let share = if target.speed_mps > 0.1 { slower / target.speed_mps } else { 0.0 };
            if t > target.leaves_s {
                return 0.0;
            }
            let wanted = self.wanted_m(target, share, t) + braking;
            let gap = target.rear_s_m + target.travelled(t) - front;
            ((wanted - gap) / wanted).clamp(0.0, MOST_SHARE).powi(2)
        })
    }

    /// How many numbers [`Gaps::squares`] gives.
    pub fn count(&self) -> usize {
        self.leads().count()
    }

    /// The largest of the squares of those who are in the way at an offset. Who passes one, to `end_m`, comes nearer than who
    /// stays behind it.
    pub fn worst(&self, squares: impl Iterator<Item = f64>, offset_m: f64, end_m: f64) -> f64 {
        let mut worst = 0.0f64;
        for ((target, o), square) in self.leads().zip(squares) {
            let reach = self.reach_m(o);
            let passes = target.passable && (o.d_m - end_m).abs() > reach + self.effort.margin_m(2.0);
            if !passes && (o.d_m - offset_m).abs() <= reach {
                worst = worst.max(square);
            }
        }
        worst
    }

    /// The same side by side.
    #[inline]
    pub fn worst_of(&self, squares: &[f64], offsets_m: Lanes, ends_m: Lanes) -> Lanes {
        let mut worst = Lanes::default();
        for ((target, o), square) in self.leads().zip(squares) {
            if *square > 0.0 {
                let reach = self.reach_m(o);
                let mut beside = (offsets_m - o.d_m).abs().above(reach);
                if target.passable {
                    beside = beside + (ends_m - o.d_m).abs().above(reach + self.effort.margin_m(2.0));
                }
                worst = worst.or_if_zero(beside, *square);
            }
        }
        worst
    }

    fn reach_m(&self, o: &Obstacle) -> f64 {
        o.half_d_m + 0.5 * self.vehicle.width_m
    }

    /// The gap wanted at a share of the target's present speed, after `t`. One that is too short grows slowly: who cuts in before the
    /// ego is no reason to brake hard.
    fn wanted_m(&self, target: &Target, share: f64, t: f64) -> f64 {
        if target.speed_mps == 0.0 {
            return target.gap_m.max(0.5);
        }
        let still = self.standstill_gap_m;
        let now = target.rear_s_m - self.road.s_m - self.vehicle.front_offset_m();
        (still + share.min(1.0) * (target.gap_m - still).max(0.0)).min(now.max(LEAST_GAP_M) + GROWS_MPS * t)
    }

    /// The object on the line that is first, if it could be passed.
    fn in_the_way(&self) -> Option<(&Target, &Obstacle)> {
        let target = self.targets.iter().find(|target| !target.crosses).filter(|target| target.passable)?;
        Some((target, &self.obstacles.objects[target.object?]))
    }

    /// Whether a path to this offset leads past the object in the way.
    pub fn passes(&self, end_m: f64) -> bool {
        self.in_the_way().is_some_and(|(_, o)| self.is_beside(o, end_m))
    }

    fn is_beside(&self, o: &Obstacle, end_m: f64) -> bool {
        (o.d_m - end_m).abs() - self.reach_m(o) > self.effort.margin_m(2.0)
    }

    /// The price of staying behind what could be passed.
    pub fn staying(&self, lateral: &Lateral, last: &[f64; 4]) -> f64 {
        let Some((target, o)) = self.in_the_way() else { return 0.0 };
        let reaches = self.road.s_m + last[0] + self.vehicle.front_offset_m() > target.rear_s_m;
        if reaches && self.is_beside(o, lateral.end_m) { 0.0 } else { self.behind * (1.0 + 2.0 * self.effort.stuck) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{line, scene, start, track};

    #[test]
    fn a_gap_that_is_too_short_grows_slowly() {
        // A car as fast as the ego has cut in 3 m before it.
        let bumper = Vehicle::default().front_offset_m();
        let s = scene(&start(0.0, 0.0, 10.0), &line(), vec![track(1, bumper + 3.0 + 2.0, 0.0, [10.0, 0.0])]);
        let (view, effort) = (s.view(), s.effort);
        let gaps = Gaps::new(&view, &effort);
        let missing = |t: f64, opened_m: f64| {
            let sample = [10.0 * t - opened_m, 10.0, 0.0, 0.0];
            gaps.squares(&sample, (t / SAMPLE_STEP_S) as usize).fold(0.0, f64::max)
        };
        assert_eq!(missing(0.0, 0.0), 0.0);
        assert!(missing(2.0, 0.0) > 0.2 && missing(2.0, 3.1) == 0.0);
        assert!(missing(2.0, -2.0) > missing(2.0, 0.0));
    }

    #[test]
    fn staying_behind_who_could_be_passed_and_giving_it_up_have_a_price() {
        let mut s = scene(&start(0.0, 0.0, 5.0), &line(), vec![track(1, 30.0, -1.0, [0.0, 0.0])]);
        s.targets.retain(|target| target.object.is_some() && !target.crosses);
        s.targets[0].passable = true;
        let mut lattice = std::mem::take(&mut s.lattice);
        lattice.sample(&s.view(), &s.effort);
        s.lattice = lattice;
        let path = |aside: bool| *s.lattice.laterals.iter().find(|path| (path.end_m == 0.0) != aside).unwrap();
        let (middle, mut aside) = (path(false), path(true));
        aside.end_m = 1.6;
        let (view, effort) = (s.view(), s.effort);
        let gaps = Gaps::new(&view, &effort);
        assert!(gaps.passes(1.6) && !gaps.passes(0.0));
        let far = [60.0, 5.0, 0.0, 0.0];
        assert!(gaps.staying(&aside, &far) == 0.0 && gaps.staying(&middle, &far) > 1.0);
        let stopping = s.lattice.profiles.iter().find(|profile| profile.stops()).unwrap();
        let index = s.lattice.candidates.iter().position(|c| s.lattice.profiles[c.profile].stops()).unwrap();
        let kept = crate::lattice::Kept { end_m: 1.6, ..s.lattice.keep(index, &s.road) };
        let memory = crate::start::Memory { kept: Some(kept), ..Default::default() };
        let last = crate::change::LastPlan::new(&View { memory: &memory, kept: Some(&kept), ..s.view() });
        assert_eq!(last.switching(&gaps, stopping, &aside), 0.0);
        assert_eq!(last.switching(&gaps, stopping, &middle), s.config.weights.switch);
    }

    #[test]
    fn nothing_is_wanted_behind_who_has_left() {
        let mut s = scene(&start(0.0, 0.0, 10.0), &line(), vec![track(1, 25.0, 0.0, [6.0, 0.0])]);
        let worst = |s: &crate::fixture::Scene| {
            let effort = s.effort;
            Gaps::new(&s.view(), &effort).squares(&[30.0, 10.0, 0.0, 0.0], 30).fold(0.0, f64::max)
        };
        assert!(worst(&s) > 0.3);
        s.targets[0].leaves_s = 2.0;
        assert_eq!(worst(&s), 0.0);
    }
}
