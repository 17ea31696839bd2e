//! Narrow phase: how near a candidate comes to the objects, its braking tail included, or which it hits first.

use crate::View;
use crate::collision::{Rectangle, separation};
use crate::effort::Effort;
use crate::judge::CREEP_MPS;
use crate::lateral::Lateral;
use crate::lattice::Lattice;
use crate::longitudinal::{Profile, SAMPLE_STEP_S, SAMPLES};
use crate::near::{Body, Near, STEPS, STRIDE};
use crate::offsets::IN_LANE_M;
use crate::predict::{Obstacle, Obstacles, PredictedPose};
use crate::reference::Road;
use crate::rollout::{State, state_at};
use types::Vehicle;

/// Clearance below this costs, m, and for each m/s this more, s, up to the highest.
const CLEARANCE_M: f64 = 0.4;
const CLEARANCE_S: f64 = 0.04;
pub(crate) const MOST_CLEARANCE_M: f64 = 1.0;
/// Respect and doubt count in it up to this, m.
const MOST_RESPECT_M: f64 = 0.6;
/// A car slower than this has come to rest, m/s; standing where somebody will come counts as this much clearance that
/// is missing, m2.
const RESTS_MPS: f64 = 0.05;
const RUN_INTO_M2: f64 = 1.0;
/// A car slower than this stands, m/s, and stays where it is if it travels less than this, m.
const STOOD_MPS: f64 = 0.3;
const STAYS_M: f64 = 0.1;
/// A car that is stuck creeps past what has stood for this long, s, and keeps at least this free: from things and vehicles, and from
/// people, m.
const STOOD_LONG_S: f64 = 6.0;
const CREEP_M: [f64; 2] = [0.1, 0.2];

/// What a candidate is among the objects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Among {
    /// It comes this near: the price.
    Free(f64),
    /// It hits this object at this time, s.
    Hit(usize, f64),
    /// It comes nearer than it may cost.
    Dearer,
}

/// The objects, and how much room they want.
pub(crate) struct Clearance<'a> {
    obstacles: &'a Obstacles,
    near: &'a Near,
    road: &'a Road<'a>,
    effort: &'a Effort,
    weight: f64,
    vehicle: &'a Vehicle,
    /// The ego is on another line and was not yet on its way to this one.
    begins_change: bool,
}

/// What looking at one step of a candidate says.
struct Look {
    nearest_m: f64,
    hit: Option<usize>,
    run_into: bool,
}

impl<'a> Clearance<'a> {
    pub fn new(view: &View<'a>, effort: &'a Effort, near: &'a Near) -> Self {
        let &View { obstacles, road, vehicle, kept, config, .. } = view;
        let begins_change = kept.is_none() && road.ego.d_m.abs() > IN_LANE_M;
        Self { obstacles, near, road, effort, weight: config.weights.clearance, vehicle, begins_change }
    }

    /// The price of missing clearance (a mean of squares) up to a budget, or the first hit.
    pub fn price(&self, lattice: &Lattice, profile: usize, lateral: &Lateral, budget: f64) -> Among {
        let (of, samples) = (&lattice.profiles[profile], lattice.samples_of(profile));
        let stood = self.road.ego.s_dot_mps < STOOD_MPS && !self.obstacles.known;
        let (mut missing, mut run_into) = (0.0, false);
        let mut state = State::default();
        let price = |missing: f64, run_into: bool| {
            self.weight * (missing * STRIDE as f64 / SAMPLES as f64 + if run_into { RUN_INTO_M2 } else { 0.0 })
        };
        for step in (0..STEPS).filter(|step| !self.near.is_empty(*step)) {
            let i = step * STRIDE;
            let sample = &samples[i];
            // A car that stands and stays is hit by others, it does not hit.
            if stood && sample[0] < STAYS_M {
                continue;
            }
            // In the tail only the place matters.
            state = state_at(&lattice.row(sample[0]), lateral.at(sample[0]), sample).unwrap_or(state);
            let wanted = (CLEARANCE_M + CLEARANCE_S * state.speed).min(MOST_CLEARANCE_M);
            let look = self.look(step, &state, of, lateral, wanted);
            if let Some(object) = look.hit {
                return Among::Hit(object, i as f64 * SAMPLE_STEP_S);
            }
            run_into |= look.run_into;
            // Standing near something costs nothing.
            let short = wanted - look.nearest_m;
            missing += short * short * (state.speed / 3.0).min(1.0);
            if price(missing, run_into) > budget {
                return Among::Dearer;
            }
        }
        Among::Free(price(missing, run_into))
    }

    fn look(&self, step: usize, state: &State, profile: &Profile, lateral: &Lateral, wanted_m: f64) -> Look {
        let (half_length, half_width) = (0.5 * self.vehicle.length_m, 0.5 * self.vehicle.width_m);
        let middle = self.vehicle.center_offset_m();
        let center = [state.position[0] + middle * state.direction[0], state.position[1] + middle * state.direction[1]];
        let ego = Rectangle { center, direction: state.direction, half_length, half_width };
        let margin = self.effort.margin_m(state.speed);
        let own = half_length.hypot(half_width) + margin + wanted_m;
        // Who comes from behind counts where the ego leaves its lane, and before it begins to change to another line.
        let leaves_lane = lateral.end_m.abs() > IN_LANE_M || self.begins_change;
        let in_tail = step * STRIDE > profile.horizon_sample();
        let poses = self.obstacles.at(step);
        let mut look = Look { nearest_m: wanted_m, hit: None, run_into: false };
        for &Body { object, rectangle: ref body, reach_m, .. } in self.near.around(step, center, own) {
            let delta = [body.center[0] - center[0], body.center[1] - center[1]];
            let reach = own + reach_m;
            if delta[0] * delta[0] + delta[1] * delta[1] > reach * reach {
                continue;
            }
            let (o, pose) = (&self.obstacles.objects[object], &poses[object]);
            // Nobody is asked to foresee a braking tail: who comes from behind then has time to react.
            let behind = delta[0] * state.direction[0] + delta[1] * state.direction[1] < 0.0;
            if (o.behind && !leaves_lane) || (self.obstacles.known && in_tail && behind) {
                continue;
            }
            let apart = separation(&ego, body);
            let free = apart - self.kept_free(o, pose, margin, state.speed);
            if free <= 0.0 {
                // Who drives into a car that has come to rest hits it; where one would better not stand costs.
                if o.speed_mps > 0.0 && state.speed < RESTS_MPS && step > 0 && !self.obstacles.known {
                    look.run_into = true;
                } else {
                    look.hit = Some(look.hit.map_or(object, |known| known.min(object)));
                }
                continue;
            }
            // What is too near now may stay as near, at a price.
            look.nearest_m = look.nearest_m.min(apart - margin - pose.margin_m.min(MOST_RESPECT_M));
        }
        look
    }

    /// How much must be free beside an object: the margin, but never more than there is now. A car that is stuck comes nearer to
    /// what has stood for long, as long as it creeps: else noise of a few centimetres holds it for ever.
    fn kept_free(&self, o: &Obstacle, pose: &PredictedPose, margin_m: f64, speed_mps: f64) -> f64 {
        let kept = (pose.margin_m + margin_m).min(pose.least_m);
        let creeps = self.effort.stuck >= 1.0 && speed_mps < CREEP_MPS;
        if creeps && o.speed_mps == 0.0 && o.stood_s > STOOD_LONG_S {
            return kept.min(CREEP_M[usize::from(o.class.is_vulnerable())]);
        }
        kept
    }
}
