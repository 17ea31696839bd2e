//! Which ends the candidates may have along the line: speeds, places behind targets, goals, standstill.

use crate::View;
use crate::effort::Effort;
use crate::goal::Aimed;
use crate::judge::CREEP_MPS;
use crate::lattice::Kept;
use crate::longitudinal::{Aim, Profile};
use crate::reference::Road;
use crate::table::Table;
use crate::targets::Target;
use std::ops::RangeInclusive;
use types::{Limits, Vehicle};

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
/// Decelerations with which a standing target is approached, m/s2.
const HALT_MPS2: [f64; 4] = [1.0, 1.5, 2.1, 2.9];
/// Decelerations in an emergency, as shares of the hardest.
const EMERGENCY_SHARES: [f64; 4] = [0.45, 0.6, 0.8, 1.0];
/// A standing car stays where it is while the target ahead is slower than this (m/s) and the gap at most this much
/// wider than wanted (m): a tracker's noise is no reason to creep.
const LEAVE_MPS: f64 = 1.0;
const STAY_M: f64 = 1.5;
/// And at a line it stays where it is this near to where it should stop, m.
const STAY_AT_LINE_M: f64 = 0.5;
/// Who leaves the corridor within this time is let go rolling, s, with this room to it, m, at least this fast, m/s.
const LEAVES_S: RangeInclusive<f64> = 0.5..=6.0;
const AFTER_M: f64 = 1.0;
const ROLLING_MPS: f64 = 0.8;
/// A car slower than this stands, m/s.
const STANDING_MPS: f64 = 0.2;

/// Speed and acceleration along the line at the start, within the limits.
fn begin(road: &Road<'_>, limits: &Limits) -> [f64; 2] {
    let (hardest, most) = (0.95 * limits.deceleration_mps2, 0.95 * limits.acceleration_mps2);
    [road.ego.s_dot_mps, road.ego.s_ddot_mps2.clamp(-hardest, most)]
}

/// Fills `profiles` for what a cycle knows.
pub(crate) fn sample(profiles: &mut Vec<Profile>, table: &Table, view: &View<'_>, effort: &Effort) {
    let &View { obstacles, targets, road, kept, vehicle, .. } = view;
    let limits = &effort.limits;
    profiles.clear();
    let mut aims = Aims { profiles, table, road, kept, limits, start: begin(road, limits) };
    if effort.emergency {
        aims.brake(&EMERGENCY_SHARES.map(|share| share * limits.deceleration_mps2));
        if obstacles.known {
            // Who comes from behind and does not react is not escaped by braking.
            aims.keep(0.0);
        }
        return;
    }
    let stays = |target: &Target| {
        let gap = target.rear_s_m - vehicle.front_offset_m() - road.s_m;
        let stay = if target.object.is_none() { STAY_AT_LINE_M } else { target.gap_m + STAY_M };
        !target.crosses && target.speed_mps < LEAVE_MPS && gap < stay
    };
    let slowest = if road.ego.s_dot_mps < STANDING_MPS && targets.iter().any(stays) { LEAVE_MPS } else { 0.0 };
    aims.keep(slowest);
    if effort.stuck > 0.0 && slowest == 0.0 {
        aims.creep();
    }
    for (index, target) in targets.iter().enumerate().filter(|(_, target)| target.speed_mps >= slowest) {
        aims.behind(index, target, vehicle);
    }
    for (index, target) in targets.iter().enumerate() {
        aims.after(index, target, vehicle);
    }
    aims.reach(view.goals);
}

/// The profiles that are found, and what they start from.
struct Aims<'a> {
    profiles: &'a mut Vec<Profile>,
    table: &'a Table,
    road: &'a Road<'a>,
    kept: Option<&'a Kept>,
    limits: &'a Limits,
    start: [f64; 2],
}

impl Aims<'_> {
    /// Speeds below `slowest` are left to braking.
    fn keep(&mut self, slowest: f64) {
        let (speed, start, limits) = (self.road.ego.s_dot_mps, self.start, self.limits);
        for end_s in KEEP_S {
            let wanted = self.table.row(speed * end_s).wanted_mps;
            for share in SPEED_SHARES {
                self.profiles.push(Profile::keep(start, share * wanted, end_s, limits));
            }
            self.profiles.push(Profile::keep(start, speed.min(limits.speed_mps), end_s, limits));
        }
        if let Some(Kept { aim: Aim::Keep(wanted), end_s, .. }) = self.kept
            && *end_s > 0.5
        {
            self.profiles.push(Profile::keep(start, *wanted, *end_s, limits));
        }
        self.profiles.retain(|profile| profile.end_speed_mps >= slowest);
        self.brake(&[GENTLE_MPS2[0], GENTLE_MPS2[1], limits.deceleration_mps2]);
    }

    fn brake(&mut self, decelerations: &[f64]) {
        for deceleration in decelerations {
            let deceleration = deceleration.min(self.limits.deceleration_mps2);
            self.profiles.push(Profile::brake(self.start, deceleration, self.limits));
        }
    }

    /// Out of where the car is stuck.
    fn creep(&mut self) {
        let creep = |end_s| Profile::keep(self.start, 0.8 * CREEP_MPS, end_s, self.limits);
        self.profiles.extend(CREEP_S.map(creep));
    }

    /// Behind a target, at its speed when the profile gets there.
    fn behind(&mut self, index: usize, target: &Target, vehicle: &Vehicle) {
        let stands = target.speed_mps == 0.0 || target.deceleration_mps2 > 0.0;
        for share in GAP_SHARES {
            let room = target.rear_s_m - vehicle.front_offset_m() - share * target.gap_m - self.road.s_m;
            let final_room = room + target.travelled(60.0);
            if stands && final_room >= 0.05 {
                self.stop(index, final_room);
            }
            if target.speed_mps == 0.0 && room < 0.05 {
                continue;
            }
            self.fall_in(index, target, room, stands.then_some(final_room));
            // The line has no gap that could be shared.
            if target.object.is_none() {
                break;
            }
        }
    }

    /// To rest after a length, by even braking and by late braking.
    fn stop(&mut self, index: usize, room_m: f64) {
        let (start, limits) = (self.start, self.limits);
        self.profiles.extend(Profile::even(index, start, room_m, limits));
        let wanted = self.table.row(0.5 * room_m).wanted_mps.max(1.0);
        for cruise in [wanted, self.road.ego.s_dot_mps] {
            let approach = |deceleration| Profile::approach(index, start, room_m, cruise, deceleration, limits);
            self.profiles.extend(HALT_MPS2.into_iter().filter_map(approach));
        }
    }

    /// To the place behind a target after several times; smoothly, if it comes to rest after `rest_m`.
    fn fall_in(&mut self, index: usize, target: &Target, room_m: f64, rest_m: Option<f64>) {
        let speed = self.road.ego.s_dot_mps;
        let smooth = STOP_SHARES.map(|share| rest_m.map_or(0.0, |rest| share * rest / speed.max(0.1)));
        let again = self.kept.filter(|k| matches!(k.aim, Aim::Behind(_))).map_or(0.0, |k| k.end_s);
        for end_s in BEHIND_S.into_iter().chain(smooth).chain([again]) {
            let travel = room_m + target.travelled(end_s);
            if (0.5..=10.0).contains(&end_s) && travel > 0.05 {
                let then = target.speed_after(end_s);
                self.profiles.push(Profile::behind(index, self.start, travel, then, end_s, self.limits));
            }
        }
    }

    /// To the place behind a target when it leaves the corridor, still rolling: who slows down in time need not stop for it.
    fn after(&mut self, index: usize, target: &Target, vehicle: &Vehicle) {
        if !LEAVES_S.contains(&target.leaves_s) {
            return;
        }
        let (speed, time_s) = (self.start[0], target.leaves_s);
        let travel = target.rear_s_m + target.travelled(time_s) - vehicle.front_offset_m() - AFTER_M - self.road.s_m;
        let mean = travel / time_s;
        if mean < ROLLING_MPS || mean > speed {
            return;
        }
        let wanted = self.table.row(travel).wanted_mps;
        for end_mps in [2.0 * mean - speed, mean, 0.5 * (mean + speed)] {
            let end_mps = end_mps.clamp(ROLLING_MPS, wanted.max(ROLLING_MPS));
            self.profiles.push(Profile::behind(index, self.start, travel, end_mps, time_s, self.limits));
        }
    }

    /// Into a goal, at a time and speed that it allows.
    fn reach(&mut self, goals: &[Aimed]) {
        let (start, limits) = (self.start, self.limits);
        for goal in goals {
            let ends = goal.ends(start[0], self.table.row(goal.way_m[0].max(0.0)).wanted_mps);
            self.profiles.extend(
                ends.filter(|[way_m, ..]| *way_m > 0.05)
                    .map(|[way_m, speed_mps, time_s]| Profile::goal(start, way_m, speed_mps, time_s, limits)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::{line, scene, start, track};
    use crate::longitudinal::Aim;

    #[test]
    fn who_leaves_the_road_in_time_is_let_go_rolling() {
        let crossing = |aside: f64| scene(&start(0.0, 0.0, 10.0), &line(), vec![track(7, 40.0, aside, [0.0, 2.0])]);
        let rolls = |aside: f64| {
            let seen = crossing(aside);
            let leaves_s = seen.targets[0].leaves_s;
            let arrives = |p: &crate::longitudinal::Profile| {
                p.aim == Aim::Behind(0) && (p.end_s - leaves_s).abs() < 1e-9 && p.end_speed_mps >= super::ROLLING_MPS
            };
            (leaves_s, seen.lattice.profiles.iter().any(arrives))
        };
        let (leaves_s, rolling) = rolls(-6.0);
        assert!((3.0..6.0).contains(&leaves_s) && rolling, "{leaves_s}");
        let (leaves_s, rolling) = rolls(-12.0);
        assert!(leaves_s > 6.0 && !rolling, "{leaves_s}: so long nobody rolls");
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
