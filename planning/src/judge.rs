//! Judges every candidate against the limits, the road and the objects, and prices the free ones.
//!
//! Branch and bound: candidates are rolled out a few at a time (`sweep.rs`), what promises to be cheap comes first, and who is
//! dearer than the best that is free is not looked at further. The choice is the same as if all were. Only the undisturbed
//! drives are judged in any case, since they tell what is in the way. Rules do not count against a collision.

use crate::View;
use crate::blocks::{Block, Blocks, Place};
use crate::bound::Bounds;
use crate::change::LastPlan;
use crate::clearance::{Among, Clearance, MOST_CLEARANCE_M};
use crate::cost::Weights;
use crate::effort::Effort;
use crate::gaps::Gaps;
use crate::goal::Aimed;
use crate::lanes::WIDTH;
use crate::lattice::{Combination, Lattice};
use crate::limits::Feasible;
use crate::longitudinal::{Aim, SAMPLES};
use crate::near::{Near, own_reach_m};
use crate::rules::Halt;
use crate::sweep::{Course, sweep};
use types::{Vehicle, Verdict};

/// A car that is stuck creeps at most this fast, m/s.
pub(crate) const CREEP_MPS: f64 = 1.2;

/// What judging fills anew in each cycle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    near: Near,
    courses: Vec<Course>,
    bounds: Bounds,
    blocks: Blocks,
}

/// What judging needs to know besides the candidate and the objects.
pub(crate) struct Court<'a> {
    pub lattice: &'a Lattice,
    pub gaps: Gaps<'a>,
    pub feasible: Feasible<'a>,
    pub last: LastPlan<'a>,
    pub goals: &'a [Aimed],
    pub best_mps: f64,
    pub weights: &'a Weights,
    pub vehicle: &'a Vehicle,
}

/// Judges all candidates of a lattice. Who costs more than `bound` is of no use.
pub(crate) fn judge(lattice: &mut Lattice, view: &View<'_>, effort: &Effort, bound: f64) {
    let mut buffers = std::mem::take(&mut lattice.buffers);
    let mut candidates = std::mem::take(&mut lattice.candidates);
    let court = Court {
        lattice,
        gaps: Gaps::new(view, effort),
        feasible: Feasible::new(view, effort),
        last: LastPlan::new(view),
        goals: if effort.emergency { &[] } else { view.goals },
        best_mps: lattice.table.best_mps(),
        weights: &view.config.weights,
        vehicle: view.vehicle,
    };
    let Buffers { near, courses, bounds, blocks } = &mut buffers;
    bounds.fill(&court);
    let around_m = bounds.most_aside_m() + own_reach_m(view.vehicle) + MOST_CLEARANCE_M + effort.margin_m(f64::MAX);
    near.fill(lattice, view.obstacles, around_m);
    court.sort_out(view, effort, bounds, blocks, &mut candidates);
    courses.iter_mut().for_each(Course::clear);
    if courses.len() < lattice.profiles.len() {
        courses.resize_with(lattice.profiles.len(), Course::default);
    }
    let clearance = Clearance::new(view, effort, near);
    let mut best = bound;
    for block in blocks.all() {
        let candidates = &mut candidates[lattice.firsts[block.profile]..];
        court.judge_block(block, &mut courses[block.profile], bounds, &clearance, &mut best, candidates);
    }
    lattice.buffers = buffers;
    lattice.candidates = candidates;
}

impl Court<'_> {
    /// Gives the candidates of flawed profiles their verdict, and makes blocks of the others.
    fn sort_out(
        &self,
        view: &View<'_>,
        effort: &Effort,
        bounds: &Bounds,
        blocks: &mut Blocks,
        candidates: &mut [Combination],
    ) {
        let halt = view.rules.halt.as_ref().filter(|_| !effort.emergency);
        let passes = |profile| halt.is_some_and(|halt| passes(halt, self.lattice.samples_of(profile), view, effort));
        blocks.clear();
        for (profile, range) in self.lattice.firsts.windows(2).enumerate() {
            let flaw = self.lattice.flaws[profile].or_else(|| passes(profile).then_some(Verdict::Speed));
            match flaw {
                Some(flaw) => candidates[range[0]..range[1]].iter_mut().for_each(|c| c.verdict = flaw),
                None => blocks.add(self, bounds, profile, range[1] - range[0]),
            }
        }
        blocks.promising_first();
    }

    /// Judges the candidates of a block and lowers `best` to the cheapest of them that is free.
    fn judge_block(
        &self,
        block: &Block,
        course: &mut Course,
        bounds: &Bounds,
        clearance: &Clearance<'_>,
        best: &mut f64,
        candidates: &mut [Combination],
    ) {
        let keeps = matches!(self.lattice.profiles[block.profile].aim, Aim::Keep(_));
        let bound = |place: &Place, best: f64| if place.lateral == 0 && keeps { f64::INFINITY } else { best };
        let mut places = [(Place::default(), 0.0); WIDTH];
        let mut count = 0;
        for place in block.places() {
            if place.lower > bound(place, *best) {
                candidates[place.lateral].verdict = Verdict::Dearer;
            } else {
                places[count] = (*place, bound(place, *best));
                count += 1;
            }
        }
        if count == 0 {
            return;
        }
        course.lay(self, block.profile);
        let outcomes = sweep(self, course, bounds, block.profile, &places[..count]);
        for ((place, _), (verdict, cost)) in places[..count].iter().zip(outcomes) {
            let candidate = &mut candidates[place.lateral];
            (candidate.verdict, candidate.cost) = (verdict, cost);
            if verdict != Verdict::Free {
                continue;
            }
            let path = &self.lattice.laterals[place.lateral];
            match clearance.price(self.lattice, block.profile, path, bound(place, *best) - cost) {
                Among::Free(price) => {
                    candidate.cost = cost + price;
                    *best = best.min(candidate.cost);
                }
                Among::Hit(object, time_s) => {
                    (candidate.verdict, candidate.cost, candidate.hit) =
                        (Verdict::Collision, 0.0, Some((object, time_s)));
                }
                Among::Dearer => (candidate.verdict, candidate.cost) = (Verdict::Dearer, 0.0),
            }
        }
    }
}

/// Whether the bumper passes the halt, on the way or while braking after it.
fn passes(halt: &Halt, samples: &[[f64; 4]], view: &View<'_>, effort: &Effort) -> bool {
    let [travelled, speed, ..] = samples[SAMPLES - 1];
    let rest = travelled + 0.5 * speed * speed / effort.limits.deceleration_mps2;
    view.road.s_m + rest + view.vehicle.front_offset_m() > halt.limit_s_m
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scene, line, scene, start, track};

    fn judged(y: f64, objects: Vec<types::Track>) -> Scene {
        let mut s = scene(&start(0.0, y, 10.0), &line(), objects);
        let mut lattice = std::mem::take(&mut s.lattice);
        judge(&mut lattice, &s.view(), &s.effort, f64::INFINITY);
        s.lattice = lattice;
        s
    }

    fn count(scene: &Scene, verdict: Verdict) -> usize {
        scene.lattice.candidates.iter().filter(|c| c.verdict == verdict).count()
    }

    #[test]
    fn every_candidate_gets_its_verdict() {
        let free = judged(0.0, vec![]);
        assert_eq!(count(&free, Verdict::Collision), 0);
        assert!(count(&free, Verdict::Free) > 0 && count(&free, Verdict::Dearer) > 100);
        let wall = judged(0.0, vec![track(1, 12.0, 0.0, [0.0, 0.0])]);
        assert_eq!(count(&wall, Verdict::Free) + count(&wall, Verdict::Dearer), 0);
        assert!(count(&wall, Verdict::OffRoad) > 10);
        assert!(wall.lattice.candidates.iter().all(|c| (c.verdict == Verdict::Collision) == c.hit.is_some()));
    }

    #[test]
    fn the_choice_is_that_of_judging_each_alone() {
        let lead = track(1, 30.0, 0.2, [6.0, 0.0]);
        let parked = track(2, 25.0, -1.2, [0.0, 0.0]);
        let crossing = track(3, 40.0, -8.0, [0.0, 2.0]);
        for objects in [vec![], vec![lead], vec![parked], vec![parked, crossing], vec![lead, crossing]] {
            let s = judged(0.3, objects);
            let alone = |c: &Combination| {
                let mut single = Lattice {
                    profiles: vec![s.lattice.profiles[c.profile]],
                    flaws: vec![s.lattice.flaws[c.profile]],
                    samples: s.lattice.samples_of(c.profile).to_vec(),
                    laterals: vec![s.lattice.laterals[c.lateral]],
                    candidates: vec![Combination {
                        profile: 0,
                        lateral: 0,
                        verdict: Verdict::Free,
                        cost: 0.0,
                        hit: None,
                    }],
                    firsts: vec![0, 1],
                    table: s.lattice.table.clone(),
                    ..Lattice::default()
                };
                judge(&mut single, &s.view(), &s.effort, f64::INFINITY);
                single.candidates[0]
            };
            let mut least = f64::INFINITY;
            for c in &s.lattice.candidates {
                let single = alone(c);
                if single.verdict == Verdict::Free {
                    least = least.min(single.cost);
                }
                if c.verdict != Verdict::Dearer {
                    assert_eq!((c.verdict, c.cost, c.hit), (single.verdict, single.cost, single.hit));
                }
            }
            let free = s.lattice.candidates.iter().filter(|c| c.verdict == Verdict::Free);
            assert_eq!(free.map(|c| c.cost).fold(f64::INFINITY, f64::min), least);
        }
    }

    #[test]
    fn a_stuck_car_may_creep_past_what_has_stood_for_long() {
        // A person stands 0.35 m beside the front of a standing car; the way to the line comes up to 0.14 m nearer.
        let mut person = track(1, 4.5, -1.42, [0.0, 0.0]);
        (person.class, person.bbox.length, person.bbox.width) = (types::ObjectClass::Pedestrian, 0.6, 0.6);
        let free = |stuck_s: f64, stood_s: f64| {
            let mut s = scene(&start(0.0, 0.14, 0.0), &line(), vec![person]);
            s.obstacles.objects[0].stood_s = stood_s;
            s.effort = Effort::normal(s.config.margin_m, stuck_s, &s.vehicle);
            let mut lattice = std::mem::take(&mut s.lattice);
            lattice.sample(&s.view(), &s.effort);
            judge(&mut lattice, &s.view(), &s.effort, f64::INFINITY);
            let moves = |c: &crate::lattice::Combination| lattice.samples_of(c.profile)[40][0] > 1.0;
            let to_line = |c: &crate::lattice::Combination| lattice.laterals[c.lateral].end_m == 0.0;
            let free = lattice.candidates.iter().filter(|c| c.verdict == Verdict::Free && moves(c) && to_line(c));
            free.map(|c| lattice.samples_of(c.profile).iter().map(|s| s[1]).fold(0.0, f64::max)).collect::<Vec<_>>()
        };
        assert!(free(0.0, 20.0).is_empty() && free(20.0, 0.0).is_empty());
        let creeping = free(20.0, 20.0);
        assert!(!creeping.is_empty() && creeping.iter().any(|speed| *speed < CREEP_MPS), "{creeping:?}");
    }

    #[test]
    fn the_middle_of_the_lane_is_cheapest() {
        let mut s = judged(0.0, vec![]);
        let best = crate::choose::choose(&mut s.lattice).unwrap();
        assert_eq!(s.lattice.laterals[s.lattice.candidates[best].lateral].end_m, 0.0);
    }
}
