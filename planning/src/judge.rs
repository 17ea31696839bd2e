//! Checks every candidate against the limits, the road and the objects, and prices the free ones.

use crate::View;
use crate::collision::{Rectangle, separation};
use crate::config::Config;
use crate::cost::{Price, weight};
use crate::effort::Effort;
use crate::goal::Aimed;
use crate::lattice::{Kept, Lateral, Lattice, Row};
use crate::longitudinal::{Aim, HORIZON_S, SAMPLE_STEP_S, SAMPLES};
use crate::offsets::IN_LANE_M;
use crate::predict::{Obstacle, Obstacles, PREDICTION_STEP_S, PredictedPose};
use crate::reference::Road;
use crate::rollout::{State, state_at};
use crate::rules::Halt;
use crate::start::Memory;
use crate::targets::{Target, wanted_gap_m};
use types::{TrajectoryPoint, Vehicle, Verdict};

/// How far over the edge of the road a corner may be, m: what the map and the own place are worth.
const EDGE_M: f64 = 0.05;
/// And what the present motion across the road covers in this time, s.
const DRIFT_S: f64 = 2.0;
/// Clearance below this costs, m, and for each m/s this more, s, up to the highest.
const CLEARANCE_M: f64 = 0.4;
const CLEARANCE_S: f64 = 0.04;
const MOST_CLEARANCE_M: f64 = 1.0;
/// And at most this much of the respect for people and of the doubt, m.
const MOST_RESPECT_M: f64 = 0.6;
/// A car slower than this has come to rest, m/s; standing where somebody will come counts as this much clearance that
/// is missing, m2.
const RESTS_MPS: f64 = 0.05;
const RUN_INTO_M2: f64 = 1.0;
/// A gap to a moving object that is too short is asked to grow this fast from this length on, m/s and m.
const GROWS_MPS: f64 = 1.5;
const LEAST_GAP_M: f64 = 1.0;
/// Braking behind a slower object takes this deceleration at most, m/s2.
const FIRM_MPS2: f64 = 2.5;
/// A car that is stuck creeps past what has stood for this long, at most this fast, s and m/s, and keeps at least this free:
/// from things and vehicles, and from people, m.
const STOOD_LONG_S: f64 = 6.0;
pub(crate) const CREEP_MPS: f64 = 1.2;
const CREEP_M: [f64; 2] = [0.1, 0.2];
/// Collisions are looked at in every second sample.
const STRIDE: usize = (PREDICTION_STEP_S / SAMPLE_STEP_S) as usize;
/// Samples that are priced.
const LOOKS: f64 = HORIZON_S / SAMPLE_STEP_S + 1.0;
/// See `settles`: 0.2 s.
const SETTLES: usize = (0.2 / SAMPLE_STEP_S) as usize;
/// Times at which a candidate is compared with the last plan, in samples.
const COMPARED: [usize; 3] = [10, 20, 30];

/// What judging needs to know besides the candidate.
struct Court<'a> {
    obstacles: &'a Obstacles,
    targets: &'a [Target],
    halt: Option<&'a Halt>,
    effort: &'a Effort,
    vehicle: &'a Vehicle,
    road: &'a Road<'a>,
    memory: &'a Memory,
    kept: Option<&'a Kept>,
    goals: &'a [Aimed],
    sharpest: f64,
    standstill_gap_m: f64,
    best_mps: f64,
    /// How far beyond the left and right edge the ego may be.
    beyond: [f64; 2],
    /// Samples in which the front wheels may turn at any rate: a measured turn rate is noise for a good part, and a car must not brake
    /// because by it the wheels would have to turn back too quickly.
    settles: usize,
    near: Near,
    last_plan: [Option<TrajectoryPoint>; COMPARED.len()],
}

/// Judges all candidates of a lattice. Rules do not count against a collision.
///
/// Branch and bound: what seems cheap comes first, and who is dearer than the best that is free is not looked at further. The
/// choice is the same as if all were. Only the undisturbed drives are judged in any case, since they tell what is in the way.
pub(crate) fn judge(lattice: &mut Lattice, view: &View<'_>, effort: &Effort) {
    let &View { obstacles, targets, road, memory, config, vehicle, .. } = view;
    let court = Court {
        obstacles,
        targets,
        halt: view.rules.halt.as_ref().filter(|_| !effort.emergency),
        effort,
        vehicle,
        road,
        memory,
        kept: view.kept,
        goals: if effort.emergency { &[] } else { view.goals },
        sharpest: vehicle.max_steering_rad.tan() / vehicle.wheelbase_m,
        standstill_gap_m: wanted_gap_m(0.0, config),
        best_mps: lattice.best_mps(),
        beyond: beyond_edges(road, config, vehicle),
        settles: if view.is_measured { SETTLES } else { 0 },
        near: Near::new(lattice, obstacles, vehicle),
        last_plan: COMPARED
            .map(|i| memory.kept.and(memory.trajectory.at(memory.since_s + view.lead_s + i as f64 * SAMPLE_STEP_S))),
    };
    let mut order = std::mem::take(&mut lattice.order);
    court.promising_first(lattice, &mut order);
    let mut best = f64::INFINITY;
    for &(_, index) in &order {
        let candidate = &lattice.candidates[index];
        let undisturbed = candidate.lateral == 0 && matches!(lattice.profiles[candidate.profile].aim, Aim::Keep(_));
        let bound = if undisturbed { f64::INFINITY } else { best };
        let (mut verdict, mut cost) = court.alone(lattice, index, bound);
        let mut hit = None;
        if verdict == Verdict::Free {
            match court.among_objects(lattice, index) {
                Ok(missing) => {
                    cost += weight::CLEARANCE * missing;
                    best = best.min(cost);
                }
                Err(met) => (verdict, cost, hit) = (Verdict::Collision, 0.0, Some(met)),
            }
        }
        let candidate = &mut lattice.candidates[index];
        (candidate.verdict, candidate.cost, candidate.hit) = (verdict, cost, hit);
    }
    lattice.order = order;
}

/// How far over the edges the ego is, or will be before its present motion across the road ends.
fn beyond_edges(road: &Road<'_>, config: &Config, vehicle: &Vehicle) -> [f64; 2] {
    let (ego, half) = (&road.ego, 0.5 * vehicle.width_m);
    let drift = DRIFT_S * ego.s_dot_mps * ego.d_prime;
    let station = road.station(road.s_m, config, &vehicle.limits);
    let front = ego.d_m + vehicle.front_offset_m() * ego.d_prime.clamp(-1.0, 1.0);
    let over = |side: f64, edge: f64| (side * ego.d_m).max(side * front) + half - edge;
    let allowed = |side: f64, edge: f64| over(side, edge).max(0.0) + (side * drift).max(0.0) + EDGE_M;
    [allowed(1.0, station.left_m), allowed(-1.0, station.right_m)]
}

/// An object at one step, as the inner loop wants it.
#[derive(Clone, Copy, Debug)]
struct Body {
    object: usize,
    rectangle: Rectangle,
    /// Half of its length and width and its margin, m.
    reach_m: f64,
}

/// The objects that a candidate could be near to, step by step: broad phase.
struct Near {
    bodies: Vec<Body>,
    /// Where the bodies of each step begin.
    begins: Vec<usize>,
}

impl Near {
    /// Around all places where the ego can be at a step lies a circle; who is farther from it than both reach is not near.
    fn new(lattice: &Lattice, obstacles: &Obstacles, vehicle: &Vehicle) -> Self {
        let steps = (SAMPLES - 1) / STRIDE + 1;
        let mut near = Self { bodies: Vec::with_capacity(8 * steps), begins: Vec::with_capacity(steps + 1) };
        let aside = lattice.laterals.iter().map(|lateral| lateral.end_m.abs()).fold(lattice.start_d_m.abs(), f64::max);
        let own = 0.5 * vehicle.length_m.hypot(vehicle.width_m) + vehicle.center_offset_m().abs();
        // Paths swing beyond their ends a little.
        let around = 1.2 * aside + own + MOST_CLEARANCE_M + 1.0;
        for step in 0..steps {
            near.begins.push(near.bodies.len());
            let sound = lattice.samples.chunks(SAMPLES).zip(&lattice.flaws).filter(|(_, flaw)| flaw.is_none());
            let (low, high) = sound.fold((f64::INFINITY, 0.0f64), |(low, high), (samples, _)| {
                (low.min(samples[step * STRIDE][0]), high.max(samples[step * STRIDE][0]))
            });
            let middle = lattice.row(0.5 * (low.min(high) + high)).position;
            let radius = 0.5 * (high - low.min(high)) + around;
            for (object, (o, pose)) in obstacles.objects.iter().zip(obstacles.at(step)).enumerate() {
                let reach_m = o.half_length_m + o.half_width_m + pose.margin_m;
                let delta = [pose.x - middle[0], pose.y - middle[1]];
                let far = radius + reach_m;
                // What stands beside the road is no obstacle to a car that stays on it.
                if o.outside || step >= o.steps || delta[0] * delta[0] + delta[1] * delta[1] > far * far {
                    continue;
                }
                let rectangle = Rectangle {
                    center: [pose.x, pose.y],
                    direction: pose.direction,
                    half_length: o.half_length_m,
                    half_width: o.half_width_m,
                };
                near.bodies.push(Body { object, rectangle, reach_m });
            }
        }
        near.begins.push(near.bodies.len());
        near
    }

    fn at(&self, step: usize) -> &[Body] {
        &self.bodies[self.begins[step]..self.begins[step + 1]]
    }
}

impl Court<'_> {
    /// All candidates by what their profile and their offset alone would cost.
    fn promising_first(&self, lattice: &Lattice, order: &mut Vec<(f64, usize)>) {
        const EVERY: usize = 6;
        let along = |samples: &[[f64; 4]]| {
            let looks = samples.iter().step_by(EVERY).take((HORIZON_S / SAMPLE_STEP_S) as usize / EVERY);
            looks.fold((0.0, 0.0), |(sum, count), [travelled, speed, acceleration, jerk]| {
                let wanted = lattice.row(*travelled).wanted_mps;
                let slow = weight::SLOW * (self.best_mps - speed.min(wanted));
                let comfort = weight::JERK * jerk * jerk + weight::ACCELERATION * acceleration * acceleration;
                (sum + comfort + slow + weight::FAST * (speed - wanted).max(0.0), count + 1.0)
            })
        };
        let profiles: Vec<f64> =
            lattice.samples.chunks(SAMPLES).map(along).map(|(sum, count): (f64, f64)| sum / count.max(1.0)).collect();
        order.clear();
        order.extend(lattice.candidates.iter().enumerate().map(|(index, candidate)| {
            let end_m = lattice.laterals[candidate.lateral].end_m;
            (profiles[candidate.profile] + weight::OFFSET * end_m * end_m, index)
        }));
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }

    /// What a candidate is by itself: its verdict, and its cost if nobody is near it; dearer if that is above the bound.
    fn alone(&self, lattice: &Lattice, index: usize, bound: f64) -> (Verdict, f64) {
        let candidate = &lattice.candidates[index];
        if let Some(flaw) = lattice.flaws[candidate.profile] {
            return (flaw, 0.0);
        }
        let (profile, lateral) = (&lattice.profiles[candidate.profile], &lattice.laterals[candidate.lateral]);
        let samples = lattice.samples_of(candidate.profile);
        let horizon = profile.horizon_sample();
        if self.halt.is_some_and(|halt| self.passes(halt, samples)) {
            return (Verdict::Speed, 0.0);
        }
        let mut states = [State::default(); SAMPLES];
        let mut offsets = [0.0; SAMPLES];
        let mut price = Price::default();
        let mut lateral_before = 0.0;
        let end_m = lateral.end_m;
        for (i, sample) in samples[..=horizon].iter().enumerate() {
            let row = lattice.row(sample[0]);
            let offset = lateral.at(sample[0]);
            let Some(state) = state_at(&row, offset, sample) else { return (Verdict::Curvature, 0.0) };
            let lateral_acceleration = state.curvature * state.speed * state.speed;
            let lateral_jerk = if i == 0 { 0.0 } else { (lateral_acceleration - lateral_before) / SAMPLE_STEP_S };
            lateral_before = lateral_acceleration;
            let before = (i > self.settles).then(|| states[i - 1].curvature);
            let verdict = self.limits(&row, &offset, &state, before, lateral_acceleration, lateral_jerk);
            if verdict != Verdict::Free {
                return (verdict, 0.0);
            }
            states[i] = state;
            // Of the vehicle's middle.
            offsets[i] = offset[0] + self.vehicle.center_offset_m() * offset[1];
            if i as f64 * SAMPLE_STEP_S <= HORIZON_S {
                price.add(&row, self.best_mps, offset[0], &state, sample[3], lateral_jerk);
                price.gap += self.gap_deficit(sample, i, [offset[0], if profile.stops() { offset[0] } else { end_m }]);
                if price.at_least(LOOKS) > bound {
                    return (Verdict::Dearer, 0.0);
                }
            }
        }
        let mut cost = price.total();
        if profile.stops() {
            // Where it comes to rest counts as much as the way there.
            cost += weight::GAP * self.gap_deficit(&samples[SAMPLES - 1], SAMPLES - 1, [end_m; 2]);
        }
        cost += lattice.rear_prices[candidate.profile];
        cost += self.staying(lateral, &samples[SAMPLES - 1]) + self.change(lattice, index, &states);
        if !self.goals.is_empty() {
            let price = |goal: &Aimed| goal.price(&samples[..=horizon], &offsets, &states[..=horizon], SAMPLE_STEP_S);
            cost += self.goals.iter().map(price).fold(f64::INFINITY, f64::min);
        }
        if cost > bound {
            return (Verdict::Dearer, 0.0);
        }
        (Verdict::Free, cost)
    }

    /// Whether a state is on the road and within the limits.
    fn limits(
        &self,
        row: &Row,
        offset: &[f64; 3],
        state: &State,
        before_1pm: Option<f64>,
        lateral_acceleration: f64,
        lateral_jerk: f64,
    ) -> Verdict {
        let limits = &self.effort.limits;
        if self.leaves_road(row, offset) {
            Verdict::OffRoad
        } else if state.curvature.is_nan()
            || state.curvature.abs() > self.sharpest
            || before_1pm.is_some_and(|before| {
                self.steering_rate(before, state.curvature) > self.vehicle.max_steering_rate_radps
            })
        {
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
        }
    }

    /// Mean squared missing clearance of a candidate, its braking tail included, or its first hit.
    fn among_objects(&self, lattice: &Lattice, index: usize) -> Result<f64, (usize, f64)> {
        let candidate = &lattice.candidates[index];
        let (profile, lateral) = (&lattice.profiles[candidate.profile], &lattice.laterals[candidate.lateral]);
        let samples = lattice.samples_of(candidate.profile);
        let horizon = profile.horizon_sample();
        // Who comes from behind counts where the ego leaves its lane, and before it begins to change to another line.
        let begins_change = self.kept.is_none() && lattice.start_d_m.abs() > IN_LANE_M;
        let leaves_lane = lateral.end_m.abs() > IN_LANE_M || begins_change;
        let mut last = State::default();
        let mut state = |i: usize| {
            let sample = &samples[i];
            // In the tail only the place matters.
            last = state_at(&lattice.row(sample[0]), lateral.at(sample[0]), sample).unwrap_or(last);
            last
        };
        self.clearance(&mut state, samples, horizon, leaves_lane)
    }

    /// Whether the bumper passes the halt, on the way or while braking after it.
    fn passes(&self, halt: &Halt, samples: &[[f64; 4]]) -> bool {
        let [travelled, speed, ..] = samples[SAMPLES - 1];
        let rest = travelled + 0.5 * speed * speed / self.effort.limits.deceleration_mps2;
        self.road.s_m + rest + self.vehicle.front_offset_m() > halt.limit_s_m
    }

    /// Whether a corner is over the edge: at the rear axle, or at the bumper, which swings out in bends.
    fn leaves_road(&self, row: &Row, [d, slope, _]: &[f64; 3]) -> bool {
        let (front, half) = (self.vehicle.front_offset_m(), 0.5 * self.vehicle.width_m);
        let edges = row.front_edges_m;
        let on_line = -0.5 * front * front * row.curvature_1pm;
        let swing = d + front * slope + on_line;
        let over = |side: f64, i: usize| {
            // In tight turns the bumper leaves the lane even on its middle: that much is the road's.
            let line_over = side * on_line + half - edges[i] + EDGE_M;
            (side * d + half - row.edges_m[i] > self.beyond[i])
                || (side * swing + half - edges[i] > self.beyond[i].max(line_over))
        };
        over(1.0, 0) || over(-1.0, 1)
    }

    /// How fast the front wheels turn between two samples, rad/s.
    fn steering_rate(&self, before_1pm: f64, now_1pm: f64) -> f64 {
        let wheelbase = self.vehicle.wheelbase_m;
        let steepness = (wheelbase * 0.5 * (before_1pm + now_1pm)).powi(2);
        (now_1pm - before_1pm).abs() * wheelbase / ((1.0 + steepness) * SAMPLE_STEP_S)
    }

    /// Mean squared missing clearance, or the first hit.
    fn clearance(
        &self,
        state_of: &mut impl FnMut(usize) -> State,
        samples: &[[f64; 4]],
        horizon: usize,
        leaves_lane: bool,
    ) -> Result<f64, (usize, f64)> {
        let (half_length, half_width) = (0.5 * self.vehicle.length_m, 0.5 * self.vehicle.width_m);
        let own_radius = half_length.hypot(half_width);
        let middle = self.vehicle.center_offset_m();
        let stood = self.road.ego.s_dot_mps < 0.3;
        let (mut missing, mut run_into) = (0.0, false);
        for step in 0..=(SAMPLES - 1) / STRIDE {
            let i = step * STRIDE;
            // A car that stands and stays is hit by others, it does not hit.
            if stood && samples[i][0] < 0.1 && !self.obstacles.known {
                continue;
            }
            let bodies = self.near.at(step);
            if bodies.is_empty() {
                continue;
            }
            let state = &state_of(i);
            let center =
                [state.position[0] + middle * state.direction[0], state.position[1] + middle * state.direction[1]];
            let ego = Rectangle { center, direction: state.direction, half_length, half_width };
            let poses = self.obstacles.at(step);
            let wanted = (CLEARANCE_M + CLEARANCE_S * state.speed).min(MOST_CLEARANCE_M);
            let margin = self.effort.margin_m(state.speed);
            let mut nearest = wanted;
            for &Body { object, rectangle: ref body, reach_m } in bodies {
                let delta = [body.center[0] - center[0], body.center[1] - center[1]];
                let reach = own_radius + reach_m + margin + wanted;
                if delta[0] * delta[0] + delta[1] * delta[1] > reach * reach {
                    continue;
                }
                let (o, pose) = (&self.obstacles.objects[object], &poses[object]);
                // Nobody is asked to foresee a braking tail: who comes from behind then has time to react.
                let behind = delta[0] * state.direction[0] + delta[1] * state.direction[1] < 0.0;
                if (o.behind && !leaves_lane) || (self.obstacles.known && i > horizon && behind) {
                    continue;
                }
                let apart = separation(&ego, body);
                let free = apart - self.kept_free(o, pose, margin, state.speed);
                if free <= 0.0 {
                    // Who drives into a car that has come to rest hits it; where one would better not stand costs.
                    if o.speed_mps > 0.0 && state.speed < RESTS_MPS && i > 0 && !self.obstacles.known {
                        run_into = true;
                        continue;
                    }
                    return Err((object, i as f64 * SAMPLE_STEP_S));
                }
                // What is too near now may stay as near, at a price.
                nearest = nearest.min(apart - (pose.margin_m + margin).min(margin + MOST_RESPECT_M));
            }
            // Standing near something costs nothing.
            let short = wanted - nearest;
            missing += short * short * (state.speed / 3.0).min(1.0);
        }
        Ok(missing * STRIDE as f64 / SAMPLES as f64 + if run_into { RUN_INTO_M2 } else { 0.0 })
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

    /// The squared missing share of the gap to the targets in the way.
    fn gap_deficit(&self, sample: &[f64; 4], i: usize, [offset, end_m]: [f64; 2]) -> f64 {
        let t = i as f64 * SAMPLE_STEP_S;
        let front = self.road.s_m + sample[0] + self.vehicle.front_offset_m();
        let mut worst = 0.0f64;
        for target in self.targets.iter().filter(|target| !target.crosses) {
            let Some(o) = target.object.map(|object| &self.obstacles.objects[object]) else { continue };
            let reach = o.half_d_m + 0.5 * self.vehicle.width_m;
            // Who passes it comes nearer than who stays behind it.
            let passes = target.passable && (o.d_m - end_m).abs() > reach + self.effort.margin_m(2.0);
            if passes || (o.d_m - offset).abs() > reach {
                continue;
            }
            // Headway at the target's speed, and the way that it takes to brake down to that speed.
            let then = target.speed_after(t);
            let (speed, slower) = (sample[1], then.min(sample[1]));
            let braking = (speed * speed - slower * slower) / (2.0 * FIRM_MPS2);
            let share = if target.speed_mps > 0.1 { slower / target.speed_mps } else { 0.0 };
            // A gap that is too short grows slowly: who cuts in before the ego is no reason to brake hard.
            let now = target.rear_s_m - self.road.s_m - self.vehicle.front_offset_m();
            let grown = now.max(LEAST_GAP_M) + GROWS_MPS * t;
            let asked = self.effort_gap(target, share);
            let wanted = if target.speed_mps > 0.1 { asked.min(grown) } else { asked } + braking;
            if t > target.leaves_s {
                continue;
            }
            let gap = target.rear_s_m + target.travelled(t) - front;
            worst = worst.max((wanted - gap) / wanted);
        }
        worst.min(2.0).powi(2)
    }

    /// The gap wanted at a share of the target's present speed.
    fn effort_gap(&self, target: &Target, share: f64) -> f64 {
        if target.speed_mps == 0.0 {
            return target.gap_m.max(0.5);
        }
        let still = self.standstill_gap_m;
        still + share.min(1.0) * (target.gap_m - still).max(0.0)
    }

    /// The price of staying behind what could be passed.
    fn staying(&self, lateral: &Lateral, last: &[f64; 4]) -> f64 {
        let Some(target) = self.targets.iter().find(|target| !target.crosses).filter(|target| target.passable) else {
            return 0.0;
        };
        let clears = target.object.is_some_and(|object| {
            let o = &self.obstacles.objects[object];
            let beside = (o.d_m - lateral.end_m).abs() - o.half_d_m - 0.5 * self.vehicle.width_m;
            let reaches = self.road.s_m + last[0] + self.vehicle.front_offset_m() > target.rear_s_m;
            reaches && beside > self.effort.margin_m(2.0)
        });
        if clears { 0.0 } else { weight::BEHIND * (1.0 + 2.0 * self.effort.stuck) }
    }

    /// The price of another plan than the last one.
    fn change(&self, lattice: &Lattice, index: usize, states: &[State; SAMPLES]) -> f64 {
        if self.memory.kept.is_none() {
            return 0.0;
        }
        let candidate = &lattice.candidates[index];
        let (profile, lateral) = (&lattice.profiles[candidate.profile], &lattice.laterals[candidate.lateral]);
        let side = |d: f64| if d.abs() < 0.2 { 0.0 } else { d.signum() };
        // Back to the middle is no change of mind.
        let switches = self.kept.map_or(0, |kept| {
            let other_side = side(lateral.end_m) != 0.0 && side(lateral.end_m) != side(kept.end_m);
            usize::from(profile.stops() != kept.stops) + usize::from(other_side)
        });
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
        let mut lattice = std::mem::take(&mut s.lattice);
        judge(&mut lattice, &s.view(), &s.effort);
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
        assert!(
            count(&free, Verdict::Free) + count(&free, Verdict::Dearer) > 100 && count(&free, Verdict::OffRoad) > 10
        );
        let wall = judged(0.0, vec![track(1, 12.0, 0.0, [0.0, 0.0])]);
        assert_eq!(count(&wall, Verdict::Free), 0);
        assert!(wall.lattice.candidates.iter().all(|c| (c.verdict == Verdict::Collision) == c.hit.is_some()));
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
            judge(&mut lattice, &s.view(), &s.effort);
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
