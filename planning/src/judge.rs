//! Checks every candidate against the limits, the road and the objects, and prices the free ones.

use crate::collision::{Rectangle, separation};
use crate::config::Config;
use crate::cost::{Price, weight};
use crate::lattice::{Lateral, Lattice};
use crate::longitudinal::{HORIZON_S, SAMPLE_STEP_S, SAMPLES};
use crate::predict::{Obstacles, PREDICTION_STEP_S};
use crate::reference::Road;
use crate::rollout::{State, state_at};
use crate::start::Memory;
use crate::targets::Target;
use types::{TrajectoryPoint, Vehicle, Verdict};

/// Overshoot beside the lane on the way back into it, m.
const OVERSHOOT_M: f64 = 0.3;
/// And what the present motion across the lane covers in this time, s.
const DRIFT_S: f64 = 2.0;
/// Clearance below this costs, m.
const CLEARANCE_M: f64 = 0.6;
/// Braking behind a slower object takes this deceleration at most, m/s2.
const FIRM_MPS2: f64 = 2.5;
/// Collisions are looked at in every second sample.
const STRIDE: usize = (PREDICTION_STEP_S / SAMPLE_STEP_S) as usize;
/// Times at which a candidate is compared with the last plan, in samples.
const COMPARED: [usize; 3] = [10, 20, 30];

/// What judging needs to know besides the candidate.
struct Court<'a> {
    obstacles: &'a Obstacles,
    targets: &'a [Target],
    config: &'a Config,
    vehicle: &'a Vehicle,
    road: &'a Road<'a>,
    memory: &'a Memory,
    sharpest: f64,
    room: f64,
    relevant: Vec<usize>,
    last_plan: [Option<TrajectoryPoint>; COMPARED.len()],
}

/// Judges all candidates of a lattice.
pub fn judge(
    lattice: &mut Lattice,
    obstacles: &Obstacles,
    road: &Road<'_>,
    targets: &[Target],
    memory: &Memory,
    config: &Config,
    vehicle: &Vehicle,
) {
    let court = Court {
        obstacles,
        targets,
        config,
        vehicle,
        road,
        memory,
        sharpest: vehicle.max_steering_rad.tan() / vehicle.wheelbase_m,
        room: (0.5 * (config.lane_width_m - vehicle.width_m)).max(0.05),
        relevant: relevant(lattice, obstacles, vehicle),
        last_plan: COMPARED.map(|i| memory.kept.and(memory.trajectory.at(memory.since_s + i as f64 * SAMPLE_STEP_S))),
    };
    for index in 0..lattice.candidates.len() {
        let (verdict, cost, hit) = court.judge(lattice, index);
        let candidate = &mut lattice.candidates[index];
        (candidate.verdict, candidate.cost, candidate.hit) = (verdict, cost, hit);
    }
}

/// Objects whose way comes near the ego's: boxes around both, in the ego's frame.
fn relevant(lattice: &Lattice, obstacles: &Obstacles, vehicle: &Vehicle) -> Vec<usize> {
    let origin = lattice.row(0.0);
    let local = |p: [f64; 2]| {
        let delta = [p[0] - origin.position[0], p[1] - origin.position[1]];
        let [cos, sin] = origin.direction;
        [cos * delta[0] + sin * delta[1], cos * delta[1] - sin * delta[0]]
    };
    let farthest = lattice.samples.chunks(SAMPLES).map(|s| s[SAMPLES - 1][0]).fold(0.0, f64::max);
    let mut reach = [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY];
    let widen = |bounds: &mut [f64; 4], [x, y]: [f64; 2], by: f64| {
        bounds[0] = bounds[0].min(x - by);
        bounds[1] = bounds[1].max(x + by);
        bounds[2] = bounds[2].min(y - by);
        bounds[3] = bounds[3].max(y + by);
    };
    let steps = 50;
    for i in 0..=steps {
        let row = lattice.row(farthest * f64::from(i) / f64::from(steps));
        widen(&mut reach, local(row.position), vehicle.length_m + 4.0 + farthest / f64::from(steps));
    }
    let near = |object: &usize| {
        let o = &obstacles.objects[*object];
        let mut bounds = [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY];
        for step in (0..o.steps).step_by(2) {
            let pose = &obstacles.at(step)[*object];
            widen(&mut bounds, local([pose.x, pose.y]), o.half_length_m.hypot(o.half_width_m) + 0.2 * o.speed_mps);
        }
        bounds[0] <= reach[1] && bounds[1] >= reach[0] && bounds[2] <= reach[3] && bounds[3] >= reach[2]
    };
    (0..obstacles.objects.len()).filter(near).collect()
}

impl Court<'_> {
    fn judge(&self, lattice: &Lattice, index: usize) -> (Verdict, f64, Option<(usize, f64)>) {
        let candidate = &lattice.candidates[index];
        if let Some(flaw) = lattice.flaws[candidate.profile] {
            return (flaw, 0.0, None);
        }
        let (profile, lateral) = (&lattice.profiles[candidate.profile], &lattice.laterals[candidate.lateral]);
        if lateral.end_m.abs() > self.room + 1e-9 {
            return (Verdict::OffRoad, 0.0, None);
        }
        let samples = lattice.samples_of(candidate.profile);
        let horizon = profile.horizon_sample();
        let limits = &self.vehicle.limits;
        let ego = &self.road.ego;
        // The present motion across the lane takes its way to end; the cost of the offset keeps it short.
        let drift = ego.s_dot_mps * ego.d_prime;
        let widest = self.room.max(ego.d_m.abs()) + OVERSHOOT_M + DRIFT_S * drift.abs();
        let mut states = [State::default(); SAMPLES];
        let mut price = Price::default();
        let mut lateral_before = 0.0;
        for (i, sample) in samples[..=horizon].iter().enumerate() {
            let row = lattice.row(sample[0]);
            let offset = lateral.at(sample[0]);
            let Some(state) = state_at(&row, offset, sample) else { return (Verdict::Curvature, 0.0, None) };
            let lateral_acceleration = state.curvature * state.speed * state.speed;
            let lateral_jerk = if i == 0 { 0.0 } else { (lateral_acceleration - lateral_before) / SAMPLE_STEP_S };
            lateral_before = lateral_acceleration;
            let verdict = if offset[0].abs() > widest {
                Verdict::OffRoad
            } else if state.curvature.is_nan() || state.curvature.abs() > self.sharpest {
                Verdict::Curvature
            } else if lateral_acceleration.abs() > limits.lateral_acceleration_mps2 {
                Verdict::LateralAcceleration
            } else if lateral_jerk.abs() > limits.lateral_jerk_mps3 {
                Verdict::Jerk
            } else if state.speed > limits.speed_mps.max(self.road.ego.s_dot_mps) + 0.5 {
                Verdict::Speed
            } else if state.acceleration < -limits.deceleration_mps2 - 0.2
                || state.acceleration > limits.acceleration_mps2 + 0.2
            {
                Verdict::Acceleration
            } else {
                Verdict::Free
            };
            if verdict != Verdict::Free {
                return (verdict, 0.0, None);
            }
            states[i] = state;
            if i as f64 * SAMPLE_STEP_S <= HORIZON_S {
                price.add(&row, offset[0], &state, sample[3], lateral_jerk);
                price.gap += self.gap_deficit(sample, i, offset[0]);
            }
        }
        for i in (horizon + 1..SAMPLES).filter(|i| i % STRIDE == 0) {
            states[i] = self.tail_state(lattice, lateral, &samples[i], &states[horizon]);
        }
        match self.clearance(&states, samples) {
            Err((object, time_s)) => (Verdict::Collision, 0.0, Some((object, time_s))),
            Ok(missing) => {
                let mut cost = price.total() + weight::CLEARANCE * missing;
                if profile.stops() {
                    // Where it comes to rest counts as much as the way there.
                    cost += weight::GAP * self.gap_deficit(&samples[SAMPLES - 1], SAMPLES - 1, lateral.end_m);
                }
                cost += self.change(lattice, index, &states);
                (Verdict::Free, cost, None)
            }
        }
    }

    /// In the tail only the place matters.
    fn tail_state(&self, lattice: &Lattice, lateral: &Lateral, sample: &[f64; 4], last: &State) -> State {
        state_at(&lattice.row(sample[0]), lateral.at(sample[0]), sample).unwrap_or(*last)
    }

    /// Mean squared missing clearance, or the first hit.
    fn clearance(&self, states: &[State; SAMPLES], samples: &[[f64; 4]]) -> Result<f64, (usize, f64)> {
        let (half_length, half_width) = (0.5 * self.vehicle.length_m, 0.5 * self.vehicle.width_m);
        let own_radius = half_length.hypot(half_width);
        let middle = self.vehicle.center_offset_m();
        let stood = self.road.ego.s_dot_mps < 0.3;
        let mut missing = 0.0;
        for step in 0..=(SAMPLES - 1) / STRIDE {
            let i = step * STRIDE;
            // A car that stands and stays is hit by others, it does not hit.
            if stood && samples[i][0] < 0.1 {
                continue;
            }
            let state = &states[i];
            let center =
                [state.position[0] + middle * state.direction[0], state.position[1] + middle * state.direction[1]];
            let ego = Rectangle { center, direction: state.direction, half_length, half_width };
            let poses = self.obstacles.at(step);
            let mut nearest = CLEARANCE_M;
            for &object in &self.relevant {
                let (o, pose) = (&self.obstacles.objects[object], &poses[object]);
                let delta = [pose.x - center[0], pose.y - center[1]];
                let reach = own_radius + o.half_length_m + o.half_width_m + pose.margin_m + CLEARANCE_M;
                if step >= o.steps || delta[0] * delta[0] + delta[1] * delta[1] > reach * reach {
                    continue;
                }
                let body = Rectangle {
                    center: [pose.x, pose.y],
                    direction: pose.direction,
                    half_length: o.half_length_m,
                    half_width: o.half_width_m,
                };
                let free = separation(&ego, &body) - pose.margin_m;
                if free <= 0.0 {
                    return Err((object, i as f64 * SAMPLE_STEP_S));
                }
                nearest = nearest.min(free);
            }
            // Standing near something costs nothing.
            let short = CLEARANCE_M - nearest;
            missing += short * short * (state.speed / 3.0).min(1.0);
        }
        Ok(missing * STRIDE as f64 / SAMPLES as f64)
    }

    /// The squared missing share of the gap to the targets in the way.
    fn gap_deficit(&self, sample: &[f64; 4], i: usize, offset: f64) -> f64 {
        let t = i as f64 * SAMPLE_STEP_S;
        let front = self.road.s_m + sample[0] + self.vehicle.front_offset_m();
        let mut worst = 0.0f64;
        for target in self.targets.iter().filter(|target| !target.crosses) {
            let o = &self.obstacles.objects[target.object];
            if (o.d_m - offset).abs() > o.half_d_m + 0.5 * self.vehicle.width_m {
                continue;
            }
            // Headway at the target's speed, and the way that it takes to brake down to that speed.
            let (speed, slower) = (sample[1], target.speed_mps.min(sample[1]));
            let braking = (speed * speed - slower * slower) / (2.0 * FIRM_MPS2);
            let wanted = self.config.standstill_gap_m + self.config.headway_s * slower + braking;
            let gap = target.rear_s_m + target.speed_mps * t - front;
            worst = worst.max((wanted - gap) / wanted);
        }
        worst.min(2.0).powi(2)
    }

    /// The price of another plan than the last one.
    fn change(&self, lattice: &Lattice, index: usize, states: &[State; SAMPLES]) -> f64 {
        let Some(kept) = &self.memory.kept else { return 0.0 };
        let candidate = &lattice.candidates[index];
        let (profile, lateral) = (&lattice.profiles[candidate.profile], &lattice.laterals[candidate.lateral]);
        let side = |d: f64| if d.abs() < 0.2 { 0.0 } else { d.signum() };
        // Back to the middle is no change of mind.
        let other_side = side(lateral.end_m) != 0.0 && side(lateral.end_m) != side(kept.end_m);
        let switches = usize::from(profile.stops() != kept.stops) + usize::from(other_side);
        let distance = COMPARED.iter().zip(&self.last_plan).filter_map(|(i, last)| {
            let (position, last) = (states[*i].position, last.as_ref()?);
            Some(((position[0] - last.x).powi(2) + (position[1] - last.y).powi(2)).min(4.0))
        });
        weight::SWITCH * switches as f64 + weight::CHANGE * distance.sum::<f64>() / COMPARED.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scene, line, scene, start, track};

    fn judged(y: f64, objects: Vec<types::Track>) -> Scene {
        let mut s = scene(&start(0.0, y, 10.0), &line(), objects);
        judge(&mut s.lattice, &s.obstacles, &s.road, &s.targets, &s.memory, &s.config, &s.vehicle);
        s
    }

    fn count(scene: &Scene, verdict: Verdict) -> usize {
        scene.lattice.candidates.iter().filter(|c| c.verdict == verdict).count()
    }

    #[test]
    fn every_candidate_gets_its_verdict() {
        let free = judged(0.0, vec![]);
        assert_eq!(count(&free, Verdict::Collision), 0);
        assert!(count(&free, Verdict::Free) > 100 && count(&free, Verdict::OffRoad) > 10);
        let wall = judged(0.0, vec![track(1, 12.0, 0.0, [0.0, 0.0])]);
        assert_eq!(count(&wall, Verdict::Free), 0);
        assert!(wall.lattice.candidates.iter().all(|c| (c.verdict == Verdict::Collision) == c.hit.is_some()));
    }

    #[test]
    fn the_middle_of_the_lane_is_cheapest() {
        let mut s = judged(0.0, vec![]);
        let best = crate::choose::choose(&mut s.lattice).unwrap();
        assert_eq!(s.lattice.laterals[s.lattice.candidates[best].lateral].end_m, 0.0);
    }
}
