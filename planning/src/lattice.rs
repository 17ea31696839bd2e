//! The lattice: which ends the trajectories may have, in speed and in offset.

use crate::View;
use crate::config::Config;
use crate::effort::Effort;
use crate::goal::Aimed;
use crate::judge::CREEP_MPS;
use crate::longitudinal::{Aim, HORIZON_S, Profile, SAMPLE_STEP_S, SAMPLES};
use crate::offsets;
use crate::polynomial::Polynomial;
use crate::reference::Road;
use crate::rules::{Cap, Rules};
use crate::targets::{Target, sight_mps};
use types::{Candidate, Limits, Vehicle, Verdict};

/// Durations of keeping a speed, s.
const KEEP_S: [f64; 5] = [1.5, 3.0, 4.5, 6.0, 9.0];
/// End speeds as shares of the wanted speed.
const SPEED_SHARES: [f64; 5] = [1.0, 0.8, 0.6, 0.3, 0.0];
/// Durations of getting behind a target, s.
const BEHIND_S: [f64; 5] = [2.0, 3.0, 4.5, 6.0, 8.0];
/// And for standing targets: durations in units of distance / speed. 2 is the smoothest stop.
const STOP_SHARES: [f64; 4] = [1.6, 1.85, 2.1, 2.4];
/// And of creeping out of where the car is stuck, s.
const CREEP_S: [f64; 2] = [1.5, 3.0];
/// Shares of the standstill gap that are tried.
const GAP_SHARES: [f64; 2] = [1.0, 0.6];
/// Comfortable braking, m/s2.
const GENTLE_MPS2: [f64; 2] = [1.0, 2.2];
/// Lateral acceleration wanted at most in curves, m/s2.
const CURVE_MPS2: f64 = 1.8;
/// Deceleration before curves and lower limits, m/s2.
const BEFORE_CURVE_MPS2: f64 = 1.2;
/// And before a halt.
const BEFORE_HALT_MPS2: f64 = 1.7;
/// Decelerations with which a standing target is approached, m/s2.
const HALT_MPS2: [f64; 4] = [1.0, 1.5, 2.1, 2.9];
/// Decelerations in an emergency, as shares of the hardest.
const EMERGENCY_SHARES: [f64; 4] = [0.45, 0.6, 0.8, 1.0];
/// Share of the speed limit that is wanted: what is left is for the controller.
const LIMIT_SHARE: f64 = 0.98;
/// A standing car stays where it is while the target ahead is slower than this (m/s) and the gap at most this much
/// wider than wanted (m): a tracker's noise is no reason to creep.
const LEAVE_MPS: f64 = 1.0;
const STAY_M: f64 = 1.5;
/// And at a line it stays where it is this near to where it should stop, m.
const STAY_AT_LINE_M: f64 = 0.5;
/// A goal's speed is wanted from this far before it on, m; the pace is this much above what just suffices.
const GOAL_SPEED_M: f64 = 5.0;
const PACE_SHARE: f64 = 1.05;
/// A car slower than this stands, m/s.
const STANDING_MPS: f64 = 0.2;
/// Most rows of the table of the line.
const MOST_ROWS: f64 = 1000.0;

/// Speed and acceleration along the line at the start, within the limits.
fn begin(road: &Road<'_>, limits: &Limits) -> [f64; 2] {
    let (hardest, most) = (0.95 * limits.deceleration_mps2, 0.95 * limits.acceleration_mps2);
    [road.ego.s_dot_mps, road.ego.s_ddot_mps2.clamp(-hardest, most)]
}

/// A path beside the line: an offset that changes with the travelled length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lateral {
    quintic: Polynomial,
    /// Length of the change, m.
    pub length_m: f64,
    /// Offset at its end, m.
    pub end_m: f64,
    /// Where the way back to the line begins, its polynomial and its length, m.
    back: Option<(f64, Polynomial, f64)>,
}

impl Lateral {
    /// From the ego's offset to another one over a length.
    #[must_use]
    pub fn new(road: &Road<'_>, end_m: f64, length_m: f64) -> Self {
        let ego = &road.ego;
        let start = [ego.d_m, ego.d_prime, ego.d_second_1pm];
        Self { quintic: Polynomial::quintic(start, [end_m, 0.0, 0.0], length_m), length_m, end_m, back: None }
    }

    /// The same path that returns to the line after a travelled length, over another length.
    #[must_use]
    pub fn and_back(self, from_m: f64, length_m: f64) -> Self {
        let back = Polynomial::quintic([self.end_m, 0.0, 0.0], [0.0; 3], length_m);
        Self { back: Some((from_m.max(self.length_m), back, length_m)), ..self }
    }

    /// Whether it returns to the line.
    #[must_use]
    pub fn returns(&self) -> bool {
        self.back.is_some()
    }

    /// Offset and its first two derivatives after a travelled length.
    #[must_use]
    pub fn at(&self, travelled_m: f64) -> [f64; 3] {
        if let Some((from_m, back, length_m)) = &self.back
            && travelled_m > *from_m
        {
            if travelled_m >= from_m + length_m {
                return [0.0; 3];
            }
            let [d, first, second, _] = back.at(travelled_m - from_m);
            return [d, first, second];
        }
        if travelled_m >= self.length_m {
            return [self.end_m, 0.0, 0.0];
        }
        let [d, first, second, _] = self.quintic.at(travelled_m);
        [d, first, second]
    }
}

/// The line at one place, for the inner loop.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Position, m.
    pub position: [f64; 2],
    /// Cosine and sine of the heading.
    pub direction: [f64; 2],
    /// Curvature, 1/m.
    pub curvature_1pm: f64,
    /// Its change, 1/m2.
    pub curvature_rate_1pm2: f64,
    /// Speed wanted there, m/s.
    pub wanted_mps: f64,
    /// From the line to the left and right edge of the road, m: there, and where the front bumper is then.
    pub edges_m: [f64; 2],
    /// See `edges_m`.
    pub front_edges_m: [f64; 2],
}

/// What the last cycle chose, for the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// The chosen profile.
    pub aim: Aim,
    /// Seconds after the plan's stamp at which it ends.
    pub end_s: f64,
    /// Whether it stops.
    pub stops: bool,
    /// Offset at the end, m.
    pub end_m: f64,
    /// Arc length of the line where the offset is reached, m.
    pub end_s_m: f64,
    /// Arc length where the way back to the line begins, if it does.
    pub back_s_m: Option<f64>,
}

/// One combination of a profile and a lateral path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Combination {
    /// Index of the profile.
    pub profile: usize,
    /// Index of the lateral path.
    pub lateral: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// Its cost, zero if it was rejected.
    pub cost: f64,
    /// The object it hits: index and time in s.
    pub hit: Option<(usize, f64)>,
}

/// All combinations of one cycle, with the buffers of the planner.
#[derive(Clone, Debug, Default)]
pub struct Lattice {
    /// Motions along the line.
    pub profiles: Vec<Profile>,
    /// What is wrong with each, if something is.
    pub flaws: Vec<Option<Verdict>>,
    /// Samples of all profiles, [`SAMPLES`] each.
    pub samples: Vec<[f64; 4]>,
    /// Paths beside the line.
    pub laterals: Vec<Lateral>,
    /// The combinations.
    pub candidates: Vec<Combination>,
    /// What each profile costs for who comes from behind.
    pub(crate) rear_prices: Vec<f64>,
    rows: Vec<Row>,
    /// Buffer of the judge: costs and indices.
    pub(crate) order: Vec<(f64, usize)>,
    /// The ego's offset at the start, m.
    pub(crate) start_d_m: f64,
    row_step_m: f64,
    /// The stretch that limits the speed most within the next seconds.
    pub cap: Option<Cap>,
}

impl Lattice {
    /// Fills the lattice for what a cycle knows.
    pub(crate) fn sample(&mut self, view: &View<'_>, effort: &Effort) {
        let &View { obstacles, targets, rules, road, kept, config, vehicle, .. } = view;
        let limits = &effort.limits;
        let seen_mps = sight_mps(targets, road, config, vehicle);
        self.start_d_m = road.ego.d_m;
        self.tabulate(road, rules, view.goals, seen_mps, config, vehicle);
        let stays = |target: &Target| {
            let gap = target.rear_s_m - vehicle.front_offset_m() - road.s_m;
            let stay = if target.object.is_none() { STAY_AT_LINE_M } else { target.gap_m + STAY_M };
            !target.crosses && target.speed_mps < LEAVE_MPS && gap < stay
        };
        let slowest = if road.ego.s_dot_mps < STANDING_MPS && targets.iter().any(stays) { LEAVE_MPS } else { 0.0 };
        self.profiles.clear();
        if effort.emergency {
            self.sample_braking(road, &EMERGENCY_SHARES.map(|share| share * limits.deceleration_mps2), limits);
            if obstacles.known {
                // Who comes from behind and does not react is not escaped by braking.
                self.sample_speeds(road, kept, 0.0, limits);
            }
        } else {
            self.sample_speeds(road, kept, slowest, limits);
            if effort.stuck > 0.0 && slowest == 0.0 {
                let start = begin(road, limits);
                self.profiles.extend(CREEP_S.map(|end_s| Profile::keep(start, 0.8 * CREEP_MPS, end_s, limits)));
            }
            self.sample_targets(road, targets, kept, slowest, limits, vehicle);
            self.sample_goals(road, view.goals, limits);
        }
        let ways = offsets::sample(&mut self.laterals, road, obstacles, view.goals, kept, effort, config, vehicle);
        self.samples.resize(self.profiles.len() * SAMPLES, [0.0; 4]);
        self.flaws.clear();
        for (profile, samples) in self.profiles.iter().zip(self.samples.chunks_mut(SAMPLES)) {
            self.flaws.push(profile.sample(samples, limits));
        }
        let mut prices = std::mem::take(&mut self.rear_prices);
        crate::rear::prices(self, view, &mut prices);
        self.rear_prices = prices;
        self.candidates.clear();
        for (profile, p) in self.profiles.iter().enumerate() {
            // Stopping is tried on the first few paths only: a swerve to stop in is no help, unless in an emergency.
            // And swerves are for the line that the ego is on.
            let every = effort.emergency || (matches!(p.aim, Aim::Keep(_)) && view.home);
            let paths = if every { self.laterals.len() } else { ways };
            self.candidates.extend((0..paths).map(|lateral| Combination {
                profile,
                lateral,
                verdict: Verdict::Free,
                cost: 0.0,
                hit: None,
            }));
        }
    }

    /// Speeds below `slowest` are left to braking.
    fn sample_speeds(&mut self, road: &Road<'_>, kept: Option<&Kept>, slowest: f64, limits: &Limits) {
        let speed = road.ego.s_dot_mps;
        let start = begin(road, limits);
        for end_s in KEEP_S {
            let wanted = self.row(speed * end_s).wanted_mps;
            for share in SPEED_SHARES {
                self.profiles.push(Profile::keep(start, share * wanted, end_s, limits));
            }
            self.profiles.push(Profile::keep(start, speed.min(limits.speed_mps), end_s, limits));
        }
        if let Some(Kept { aim: Aim::Keep(wanted), end_s, .. }) = kept
            && *end_s > 0.5
        {
            self.profiles.push(Profile::keep(start, *wanted, *end_s, limits));
        }
        self.profiles.retain(|profile| profile.end_speed_mps >= slowest);
        self.sample_braking(road, &[GENTLE_MPS2[0], GENTLE_MPS2[1], limits.deceleration_mps2], limits);
    }

    fn sample_braking(&mut self, road: &Road<'_>, decelerations: &[f64], limits: &Limits) {
        let start = begin(road, limits);
        for deceleration in decelerations {
            self.profiles.push(Profile::brake(start, deceleration.min(limits.deceleration_mps2), limits));
        }
    }

    fn sample_targets(
        &mut self,
        road: &Road<'_>,
        targets: &[Target],
        kept: Option<&Kept>,
        slowest: f64,
        limits: &Limits,
        vehicle: &Vehicle,
    ) {
        let speed = road.ego.s_dot_mps;
        let start = begin(road, limits);
        for (index, target) in targets.iter().enumerate().filter(|(_, target)| target.speed_mps >= slowest) {
            for share in GAP_SHARES {
                let room = target.rear_s_m - vehicle.front_offset_m() - share * target.gap_m - road.s_m;
                let stands = target.speed_mps == 0.0 || target.deceleration_mps2 > 0.0;
                let final_room = room + target.travelled(60.0);
                if stands && final_room >= 0.05 {
                    self.profiles.extend(Profile::even(index, start, final_room, limits));
                    let wanted = self.row(0.5 * final_room).wanted_mps.max(1.0);
                    for cruise in [wanted, speed] {
                        for deceleration in HALT_MPS2 {
                            self.profiles.extend(Profile::approach(
                                index,
                                start,
                                final_room,
                                cruise,
                                deceleration,
                                limits,
                            ));
                        }
                    }
                }
                if target.speed_mps == 0.0 && room < 0.05 {
                    continue;
                }
                let smooth = STOP_SHARES.map(|share| if stands { share * final_room / speed.max(0.1) } else { 0.0 });
                let again = kept.filter(|k| matches!(k.aim, Aim::Behind(_))).map_or(0.0, |k| k.end_s);
                for end_s in BEHIND_S.into_iter().chain(smooth).chain([again]) {
                    let travel = room + target.travelled(end_s);
                    if (0.5..=10.0).contains(&end_s) && travel > 0.05 {
                        let then = target.speed_after(end_s);
                        self.profiles.push(Profile::behind(index, start, travel, then, end_s, limits));
                    }
                }
                // The line has no gap that could be shared.
                if target.object.is_none() {
                    break;
                }
            }
        }
    }

    /// Ends in a goal, at a time and speed that it allows.
    fn sample_goals(&mut self, road: &Road<'_>, goals: &[Aimed], limits: &Limits) {
        let start = begin(road, limits);
        for goal in goals {
            let ends = goal.ends(start[0], self.row(goal.way_m[0].max(0.0)).wanted_mps);
            self.profiles.extend(
                ends.filter(|[way_m, ..]| *way_m > 0.05)
                    .map(|[way_m, speed_mps, time_s]| Profile::goal(start, way_m, speed_mps, time_s, limits)),
            );
        }
    }

    /// Tabulates the line as far as any profile can get, with the speed wanted at each place.
    fn tabulate(
        &mut self,
        road: &Road<'_>,
        rules: &Rules,
        goals: &[Aimed],
        seen_mps: f64,
        config: &Config,
        vehicle: &Vehicle,
    ) {
        let limits = &vehicle.limits;
        let seconds = SAMPLE_STEP_S * (SAMPLES - 1) as f64;
        let limit = |s_m: f64| road.station(s_m, config, limits).limit_mps;
        // A goal may ask for a pace of its own, and for a speed where it lies.
        let pace = goals.first().map(Aimed::pace_mps);
        let [slowest, quickest] = pace.map_or([0.0, f64::INFINITY], |[low, high]| [low.min(limits.speed_mps), high]);
        let paced = |s_m: f64, allowed: f64| {
            let at_goal = goals.first().filter(|goal| {
                let way = s_m - road.s_m;
                (goal.way_m[0] - GOAL_SPEED_M..=goal.way_m[1]).contains(&way)
            });
            let asked = at_goal.map_or([0.0, f64::INFINITY], |goal| goal.speed_mps);
            let allowed = allowed.max(PACE_SHARE * slowest).min(quickest.max(1.0));
            allowed.max(asked[0].min(limits.speed_mps)).min(asked[1].max(0.5))
        };
        let fastest = road.ego.s_dot_mps.max(limit(road.s_m)).max(limit(road.s_m + 100.0)).max(slowest)
            + limits.acceleration_mps2;
        let reach = fastest * seconds + 20.0;
        self.row_step_m = (reach / MOST_ROWS).max(0.5);
        let count = (reach / self.row_step_m).ceil() as usize + 1;
        let in_curves = CURVE_MPS2.min(0.67 * limits.lateral_acceleration_mps2);
        self.rows.clear();
        self.rows.extend((0..count).map(|i| {
            let s_m = road.s_m + i as f64 * self.row_step_m;
            let (line, station) = (road.line.at(s_m), road.station(s_m, config, limits));
            let ahead = road.station(s_m + vehicle.front_offset_m(), config, limits);
            let (sin, cos) = line.heading_rad.sin_cos();
            let allowed = paced(s_m, (LIMIT_SHARE * station.limit_mps).min(seen_mps));
            Row {
                position: [line.x, line.y],
                direction: [cos, sin],
                curvature_1pm: line.curvature_1pm,
                curvature_rate_1pm2: line.curvature_rate_1pm2,
                wanted_mps: allowed.min((in_curves / line.curvature_1pm.abs().max(1e-6)).sqrt()),
                edges_m: [station.left_m, station.right_m],
                front_edges_m: [ahead.left_m, ahead.right_m],
            }
        }));
        self.lower_for_rules(road, rules, vehicle);
        for i in (0..count - 1).rev() {
            let next = self.rows[i + 1].wanted_mps;
            let reachable = (next * next + 2.0 * BEFORE_CURVE_MPS2 * self.row_step_m).sqrt();
            self.rows[i].wanted_mps = self.rows[i].wanted_mps.min(reachable);
        }
        if let Some(halt) = &rules.halt {
            for (i, row) in self.rows.iter_mut().enumerate() {
                let left = halt.aim_s_m - vehicle.front_offset_m() - road.s_m - i as f64 * self.row_step_m;
                row.wanted_mps = row.wanted_mps.min((2.0 * BEFORE_HALT_MPS2 * left.max(0.0)).sqrt());
            }
        }
    }

    /// Lowers the wanted speed where the rules or caution want it, and remembers which stretch lowers it most, soon.
    fn lower_for_rules(&mut self, road: &Road<'_>, rules: &Rules, vehicle: &Vehicle) {
        self.cap = None;
        let soon = (4.0 * road.ego.s_dot_mps).max(10.0);
        for cap in &rules.caps {
            let place = |s_m: f64| (s_m - vehicle.front_offset_m() - road.s_m) / self.row_step_m;
            let (from, to) =
                (place(cap.from_s_m).ceil().max(0.0), place(cap.to_s_m + vehicle.front_offset_m()).floor());
            if to < 0.0 || from as usize >= self.rows.len() {
                continue;
            }
            let to = (to as usize).min(self.rows.len() - 1);
            let stretch = (from as usize).min(to)..=to;
            let lowers = self.rows[stretch.clone()].iter().any(|row| row.wanted_mps > cap.speed_mps);
            self.rows[stretch].iter_mut().for_each(|row| row.wanted_mps = row.wanted_mps.min(cap.speed_mps));
            let nearer = from * self.row_step_m < soon;
            if lowers && nearer && self.cap.is_none_or(|known| cap.speed_mps < known.speed_mps) {
                self.cap = Some(*cap);
            }
        }
    }

    /// The line after a travelled length, linear between the rows of the table (under 1 mm off on any road).
    #[must_use]
    #[inline]
    pub fn row(&self, travelled_m: f64) -> Row {
        let place = (travelled_m / self.row_step_m).clamp(0.0, (self.rows.len() - 1) as f64 - 1e-9);
        let index = place as usize;
        let (a, b, share) = (&self.rows[index], &self.rows[index + 1], place - index as f64);
        let mix = |a: f64, b: f64| a + share * (b - a);
        Row {
            position: [mix(a.position[0], b.position[0]), mix(a.position[1], b.position[1])],
            direction: [mix(a.direction[0], b.direction[0]), mix(a.direction[1], b.direction[1])],
            curvature_1pm: mix(a.curvature_1pm, b.curvature_1pm),
            curvature_rate_1pm2: mix(a.curvature_rate_1pm2, b.curvature_rate_1pm2),
            wanted_mps: mix(a.wanted_mps, b.wanted_mps),
            edges_m: [mix(a.edges_m[0], b.edges_m[0]), mix(a.edges_m[1], b.edges_m[1])],
            front_edges_m: [mix(a.front_edges_m[0], b.front_edges_m[0]), mix(a.front_edges_m[1], b.front_edges_m[1])],
        }
    }

    /// The highest speed wanted anywhere in the table, m/s.
    #[must_use]
    pub fn best_mps(&self) -> f64 {
        self.rows.iter().map(|row| row.wanted_mps).fold(0.0, f64::max)
    }

    /// The samples of a profile.
    #[must_use]
    pub fn samples_of(&self, profile: usize) -> &[[f64; 4]] {
        &self.samples[profile * SAMPLES..(profile + 1) * SAMPLES]
    }

    /// What the next cycle needs to know of the choice.
    #[must_use]
    pub fn keep(&self, index: usize, road: &Road<'_>) -> Kept {
        let candidate = &self.candidates[index];
        let (profile, lateral) = (&self.profiles[candidate.profile], &self.laterals[candidate.lateral]);
        Kept {
            aim: profile.aim,
            end_s: profile.end_s,
            stops: profile.stops(),
            end_m: lateral.end_m,
            end_s_m: road.s_m + lateral.length_m,
            back_s_m: lateral.back.map(|(from_m, ..)| road.s_m + from_m),
        }
    }

    /// The combinations for people and files: eight positions at equal times up to the horizon.
    #[must_use]
    pub fn report(&self) -> Vec<Candidate> {
        let last = HORIZON_S / SAMPLE_STEP_S;
        let path = |candidate: &Combination| {
            let samples = self.samples_of(candidate.profile);
            std::array::from_fn(|i| {
                let travelled = samples[(i as f64 * last / 7.0).round() as usize][0];
                let (row, [d, ..]) = (self.row(travelled), self.laterals[candidate.lateral].at(travelled));
                [(row.position[0] - row.direction[1] * d) as f32, (row.position[1] + row.direction[0] * d) as f32]
            })
        };
        self.candidates.iter().map(|c| Candidate { verdict: c.verdict, cost: c.cost, path: path(c) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{line, scene, start, track};

    #[test]
    fn the_table_agrees_with_the_line() {
        let points: Vec<[f64; 2]> =
            (0..40).map(|i| 0.05 * f64::from(i)).map(|a| [60.0 * a.sin(), 60.0 - 60.0 * a.cos()]).collect();
        let curve = maps::ReferenceLine::new(&points).unwrap();
        let scene = scene(&start(0.0, 0.0, 8.0), &curve, vec![]);
        for i in 0..200 {
            let travelled = 0.37 * f64::from(i);
            let (row, exact) = (scene.lattice.row(travelled), curve.at(scene.road.s_m + travelled));
            assert!((row.position[0] - exact.x).hypot(row.position[1] - exact.y) < 2e-3);
            assert!((row.direction[0] - exact.heading_rad.cos()).abs() < 1e-3);
            assert!((row.curvature_1pm - exact.curvature_1pm).abs() < 3e-3);
            assert!(row.wanted_mps <= 13.9);
        }
    }

    #[test]
    fn curves_lower_the_wanted_speed_in_time() {
        let mut points: Vec<[f64; 2]> = (0..20).map(|i| [5.0 * f64::from(i), 0.0]).collect();
        points.extend((1..16).map(|i| 0.1 * f64::from(i)).map(|a| [95.0 + 20.0 * a.sin(), 20.0 - 20.0 * a.cos()]));
        let scene = scene(&start(0.0, 0.0, 12.0), &maps::ReferenceLine::new(&points).unwrap(), vec![]);
        let (before, within) = (scene.lattice.row(80.0).wanted_mps, scene.lattice.row(110.0).wanted_mps);
        assert!((within - 36f64.sqrt()).abs() < 0.4, "{within}");
        assert!(before > within && before < 10.0 && scene.lattice.row(5.0).wanted_mps > 13.6, "{before}");
    }

    #[test]
    fn a_car_that_stands_behind_another_is_not_tempted_to_creep() {
        let creeping = |ahead: f64, speed: f64| {
            let objects = vec![track(1, 3.67 + ahead + 2.0, 0.0, [speed, 0.0])];
            let lattice = scene(&start(0.0, 0.0, 0.0), &line(), objects).lattice;
            lattice.profiles.iter().any(|p| (0.01..1.0).contains(&p.end_speed_mps) || matches!(p.aim, Aim::Behind(_)))
        };
        assert!(!creeping(3.0, 0.0) && !creeping(3.0, 0.8));
        assert!(creeping(3.0, 2.0) && creeping(6.0, 0.0));
    }
}
