//! What to stop behind or follow: the nearest objects in the ego's corridor or on their way into it, the first that will
//! cross it, and the halt of the rules.

use crate::config::Config;
use crate::effort::Effort;
use crate::offsets;
use crate::predict::motion::braked;
use crate::predict::{Obstacles, PREDICTION_STEP_S};
use crate::reference::Road;
use crate::rules::Halt;
use types::Vehicle;

/// Objects in the corridor that are looked at.
const LEADS: usize = 2;
/// Crossing objects count if they enter the corridor within this time, s.
const CROSSING_S: f64 = 6.0;
/// Leads that leave the corridor within this time do, s.
const LEAVES_S: f64 = 6.0;
/// Ways are looked at in every so many steps.
const CROSSING_STRIDE: usize = 2;
/// A neighbour that changes into the corridor within this time counts as in it, s.
const CUT_IN_S: f64 = 2.4;
/// Behind what stands and may be passed one keeps room for getting out, m.
const PASS_GAP_M: f64 = 7.0;
/// And behind what only might be passed later, m.
const ROOM_GAP_M: f64 = 6.0;
/// Slower targets stand, m/s.
pub const MOVING_MPS: f64 = 0.5;
/// The safe gap behind a vehicle that brakes at once (responsibility-sensitive safety, Shalev-Shwartz, Shammah and
/// Shashua, 2017): response time, s, and decelerations of the ego and of the vehicle ahead, m/s2.
const RESPONSE_S: f64 = 0.6;
const OWN_BRAKING_MPS2: f64 = 5.0;
const THEIR_BRAKING_MPS2: f64 = 6.0;

/// Stopping within sight: response time until the brakes bite, s, and deceleration, m/s2.
const SIGHT_RESPONSE_S: f64 = 0.7;
const SIGHT_BRAKING_MPS2: f64 = 6.0;

/// Something to stay behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Index into [`Obstacles::objects`]; none for the halt.
    pub object: Option<usize>,
    /// Arc length of its near end when the plan takes effect (or when it crosses), m.
    pub rear_s_m: f64,
    /// Its speed along the line, m/s, not negative.
    pub speed_mps: f64,
    /// Its deceleration, m/s2, not negative.
    pub deceleration_mps2: f64,
    /// It will cross; it is not in the corridor now.
    pub crosses: bool,
    /// Gap wanted behind it at its speed, m.
    pub gap_m: f64,
    /// It stands for good and leaves room beside it.
    pub passable: bool,
    /// When it will have left the corridor, s.
    pub leaves_s: f64,
}

impl Target {
    /// Who will cross the corridor there.
    fn standing(object: usize, rear_s_m: f64, gap_m: f64, leaves_s: f64) -> Self {
        Self {
            object: Some(object),
            rear_s_m,
            speed_mps: 0.0,
            deceleration_mps2: 0.0,
            crosses: true,
            gap_m,
            passable: false,
            leaves_s,
        }
    }

    /// How far its near end has moved after `time_s`, m.
    #[must_use]
    pub fn travelled(&self, time_s: f64) -> f64 {
        braked(self.speed_mps, self.deceleration_mps2, time_s)[0]
    }

    /// Its speed after `time_s`, m/s.
    #[must_use]
    pub fn speed_after(&self, time_s: f64) -> f64 {
        braked(self.speed_mps, self.deceleration_mps2, time_s)[1]
    }
}

/// When the way of an object will have left the corridor for good, s; infinite if it does not.
fn leaves(obstacles: &Obstacles, object: usize, road: &Road<'_>, corridor: [f64; 2]) -> f64 {
    let (o, path) = (&obstacles.objects[object], obstacles.path(object));
    // A heading that is measured a little off leads out of any corridor: only a way that is known may.
    if o.speed_mps < MOVING_MPS || !(o.guided || obstacles.known) {
        return f64::INFINITY;
    }
    let until = (LEAVES_S / PREDICTION_STEP_S) as usize;
    let mut hint_s_m = o.s_m;
    let mut left = None;
    for (step, pose) in path.iter().enumerate().take(until).step_by(CROSSING_STRIDE) {
        let (s_m, d_m) = road.line.project_near([pose.x, pose.y], hint_s_m, 30.0);
        hint_s_m = s_m;
        let line = road.line.at(s_m);
        let (sin, cos) = (pose.heading_rad - line.heading_rad).sin_cos();
        // A body that turns reaches more or less far across.
        let half_d_m = sin.abs() * o.half_length_m + cos.abs() * o.half_width_m;
        let free = d_m + half_d_m <= corridor[0] || d_m - half_d_m >= corridor[1];
        left = if free { left.or(Some(step as f64 * PREDICTION_STEP_S)) } else { None };
    }
    left.unwrap_or(f64::INFINITY)
}

/// Arc length of the near end of an object when its way first comes into the corridor, m.
fn enters(obstacles: &Obstacles, object: usize, road: &Road<'_>, within: &impl Fn(f64) -> bool) -> Option<f64> {
    let (o, path) = (&obstacles.objects[object], obstacles.path(object));
    let until = ((CROSSING_S / PREDICTION_STEP_S) as usize).min(path.len());
    let mut hint_s_m = o.s_m;
    path[..until].iter().step_by(CROSSING_STRIDE).find_map(|pose| {
        let (s_m, d_m) = road.line.project_near([pose.x, pose.y], hint_s_m, 30.0);
        hint_s_m = s_m;
        let line = road.line.at(s_m);
        let (sin, cos) = (pose.heading_rad - line.heading_rad).sin_cos();
        let half_s_m = cos.abs() * o.half_length_m + sin.abs() * o.half_width_m;
        within(d_m).then_some(s_m - half_s_m)
    })
}

/// The gap that suffices even if the one ahead brakes hard at once, m.
#[must_use]
pub fn safe_gap_m(own_mps: f64, their_mps: f64) -> f64 {
    let braking = own_mps * own_mps / (2.0 * OWN_BRAKING_MPS2) - their_mps * their_mps / (2.0 * THEIR_BRAKING_MPS2);
    (own_mps * RESPONSE_S + braking).max(0.0)
}

/// The speed at which the ego can stop before what it cannot see yet, m/s. Traffic ahead that is seen to move vouches for
/// its own braking distance.
#[must_use]
pub fn sight_mps(targets: &[Target], road: &Road<'_>, config: &Config, vehicle: &Vehicle) -> f64 {
    let front = vehicle.front_offset_m();
    let sight = (config.sight_m - front - config.standstill_gap_m).max(1.0);
    let lead = targets.iter().filter(|target| target.object.is_some() && !target.crosses).map(|target| {
        let gap = target.rear_s_m - road.s_m - front - config.standstill_gap_m;
        gap + target.speed_mps * target.speed_mps / (2.0 * THEIR_BRAKING_MPS2)
    });
    let reach = lead.fold(sight, f64::max);
    let (a, t) = (SIGHT_BRAKING_MPS2, SIGHT_RESPONSE_S);
    a * ((t * t + 2.0 * reach / a).sqrt() - t)
}

/// Gap wanted behind something that moves at a speed when the ego is as fast, m.
#[must_use]
pub fn wanted_gap_m(speed_mps: f64, config: &Config) -> f64 {
    config.standstill_gap_m + (config.headway_s * speed_mps).max(safe_gap_m(speed_mps, speed_mps))
}

/// Up to two leads, one crossing object and the halt, nearest first in each kind.
#[must_use]
pub fn targets(
    obstacles: &Obstacles,
    road: &Road<'_>,
    halt: Option<&Halt>,
    effort: &Effort,
    config: &Config,
    vehicle: &Vehicle,
) -> Vec<Target> {
    let half_width = 0.5 * vehicle.width_m + effort.margin_m(road.ego.s_dot_mps);
    let corridor = [road.ego.d_m.min(0.0) - half_width, road.ego.d_m.max(0.0) + half_width];
    let center_s = road.s_m + vehicle.center_offset_m();
    let (mut leads, mut crossing): (Vec<Target>, Vec<Target>) = (Vec::new(), Vec::new());
    for (object, o) in obstacles.objects.iter().enumerate().filter(|(_, o)| !o.outside && !o.behind) {
        let beside = |d: f64| [corridor[0] - (d + o.half_d_m), (d - o.half_d_m) - corridor[1]];
        let within = |d: f64| beside(d).iter().all(|gap| *gap < 0.0);
        let speed_mps = o.s_dot_mps.max(0.0);
        let turns = o.guided || o.d_dot_mps != 0.0;
        let cuts_in = o.in_lane && turns && !o.second && o.s_dot_mps > MOVING_MPS && {
            let pose = &obstacles.path(object)[(CUT_IN_S / PREDICTION_STEP_S) as usize];
            within(road.line.project_near([pose.x, pose.y], o.s_m + CUT_IN_S * o.s_dot_mps, 30.0).1)
        };
        if within(o.d_m) || cuts_in {
            if o.s_m > center_s && !o.second {
                let passable = offsets::may_pass(o, road, effort, config, vehicle);
                let moving = if speed_mps < MOVING_MPS { 0.0 } else { speed_mps };
                leads.push(Target {
                    object: Some(object),
                    rear_s_m: o.s_m - o.half_s_m,
                    speed_mps: moving,
                    deceleration_mps2: o.deceleration_mps2,
                    crosses: false,
                    passable,
                    leaves_s: leaves(obstacles, object, road, corridor),
                    gap_m: if passable {
                        PASS_GAP_M.max(config.standstill_gap_m)
                    } else if offsets::leaves_room(o, road, effort, config, vehicle) {
                        ROOM_GAP_M.max(config.standstill_gap_m)
                    } else {
                        wanted_gap_m(moving, config)
                    },
                });
            }
            continue;
        }
        if o.guided {
            // Where and when its way first comes into the corridor.
            if let Some(rear_s_m) = enters(obstacles, object, road, &within).filter(|rear_s_m| *rear_s_m > center_s) {
                let leaves_s = leaves(obstacles, object, road, corridor);
                crossing.push(Target::standing(object, rear_s_m, config.standstill_gap_m, leaves_s));
            }
            continue;
        }
        let [right, left] = beside(o.d_m);
        let (gap, closing) = if right > 0.0 { (right, o.d_dot_mps) } else { (left, -o.d_dot_mps) };
        if o.in_lane || closing < 0.3 || gap / closing > CROSSING_S {
            continue;
        }
        let enters_s = gap / closing;
        let leaves_s = enters_s + (corridor[1] - corridor[0] + 2.0 * o.half_d_m) / closing;
        let rear_s_m = o.s_m - o.half_s_m + (o.s_dot_mps * enters_s).min(o.s_dot_mps * leaves_s);
        if rear_s_m > center_s {
            crossing.push(Target::standing(object, rear_s_m, config.standstill_gap_m, leaves_s));
        }
    }
    let nearest = |a: &Target, b: &Target| a.rear_s_m.total_cmp(&b.rear_s_m).then(a.object.cmp(&b.object));
    leads.sort_by(nearest);
    crossing.sort_by(nearest);
    leads.truncate(LEADS);
    crossing.truncate(1);
    leads.extend(crossing);
    leads.extend(halt.map(|halt| Target {
        object: None,
        rear_s_m: halt.aim_s_m,
        speed_mps: 0.0,
        deceleration_mps2: 0.0,
        crosses: false,
        gap_m: 0.0,
        passable: false,
        leaves_s: f64::INFINITY,
    }));
    leads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::Beliefs;
    use crate::fixture::{line, scene, start, track};
    use crate::predict::intentions::Intentions;
    use crate::predict::predict;
    use crate::task::{Future, Futures};
    use types::{Stamp, Tracks};

    #[test]
    fn leads_are_nearest_first_and_neighbours_are_none() {
        let objects = vec![
            track(1, 60.0, 0.3, [3.0, 0.0]),
            track(2, 30.0, -0.4, [0.0, 0.0]),
            track(3, 20.0, 3.6, [0.0, 0.0]),
            track(4, 90.0, 0.0, [5.0, 0.0]),
        ];
        let found = scene(&start(0.0, 0.0, 10.0), &line(), objects).targets;
        assert_eq!(found.iter().map(|t| t.object).collect::<Vec<_>>(), [Some(1), Some(0)]);
        assert!((found[0].rear_s_m - 28.0).abs() < 1e-9 && found[0].speed_mps == 0.0);
        assert!((found[1].speed_mps - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_lead_whose_heading_is_measured_a_little_off_stays_one() {
        let found = scene(&start(0.0, 0.0, 2.0), &line(), vec![track(1, 10.0, 0.1, [1.6, 0.5])]).targets;
        assert!(found.len() == 1 && found[0].leaves_s == f64::INFINITY, "{found:?}");
    }

    #[test]
    fn a_neighbour_that_comes_over_is_a_lead() {
        let found = scene(&start(0.0, 0.0, 20.0), &line(), vec![track(1, 30.0, 3.5, [18.0, -1.0])]).targets;
        assert!(found.len() == 1 && !found[0].crosses && (found[0].speed_mps - 18.0).abs() < 1e-9, "{found:?}");
        let stays = scene(&start(0.0, 0.0, 20.0), &line(), vec![track(1, 30.0, 3.5, [18.0, 0.2])]).targets;
        assert!(stays.is_empty());
    }

    #[test]
    fn crossing_objects_count_before_they_are_there() {
        let found = scene(&start(0.0, 0.0, 10.0), &line(), vec![track(7, 40.0, -8.0, [0.0, 2.0])]).targets;
        assert!(found.len() == 1 && found[0].crosses && (found[0].rear_s_m - 38.0).abs() < 1e-9);
        let leaving = scene(&start(0.0, 0.0, 10.0), &line(), vec![track(7, 40.0, -8.0, [0.0, -2.0])]).targets;
        assert!(leaving.is_empty());
    }

    #[test]
    fn who_crosses_and_drives_off_in_the_lane_beside_has_left() {
        // A long car across the ego's lane; it turns into the lane to the left and comes towards the ego there.
        let mut car = track(1, 16.0, -2.0, [0.0, 4.0]);
        (car.bbox.length, car.bbox.yaw) = (5.4, std::f64::consts::FRAC_PI_2);
        let pose = |step: i32| {
            let way_m = 0.8 * f64::from(step);
            let across = way_m <= 5.5;
            Some(if across { [16.0, way_m - 2.0, car.bbox.yaw] } else { [21.5 - way_m, 3.5, std::f64::consts::PI] })
        };
        let future = Future { track: 1, poses: (0..60).map(pose).collect() };
        let futures = Futures { step_s: PREDICTION_STEP_S, tracks: vec![future] };
        let begin = start(0.0, 0.0, 5.0);
        let mut s = scene(&begin, &line(), vec![car]);
        let (stamp, mut beliefs) = (Stamp::default(), Beliefs::default());
        beliefs.update(&Tracks { frame: 0, stamp, objects: vec![car] }, stamp);
        let nobody = Intentions::default();
        predict(&beliefs, Some(&futures), &nobody, &s.road, &begin, &s.config, &s.vehicle, &mut s.obstacles);
        let found = targets(&s.obstacles, &s.road, None, &s.effort, &s.config, &s.vehicle);
        assert!(found.len() == 1 && !found[0].crosses && (1.2..1.8).contains(&found[0].leaves_s), "{found:?}");
    }

    #[test]
    fn one_drives_as_fast_as_one_sees_and_faster_behind_traffic() {
        let speed = |objects| {
            let s = scene(&start(0.0, 0.0, 20.0), &line(), objects);
            sight_mps(&s.targets, &s.road, &s.config, &s.vehicle)
        };
        let alone = speed(vec![]);
        assert!((alone * 0.7 + alone * alone / 12.0 - (42.0 - 3.67 - 2.2)).abs() < 1e-9, "{alone}");
        assert!(speed(vec![track(1, 35.0, 0.0, [25.0, 0.0])]) > 25.0);
        assert!(speed(vec![track(1, 35.0, 0.0, [2.0, 0.0])]) == alone);
    }

    #[test]
    fn the_safe_gap_grows_with_speed_and_shrinks_with_theirs() {
        assert!(safe_gap_m(30.0, 30.0) > 30.0 && safe_gap_m(30.0, 30.0) < 40.0);
        assert!(safe_gap_m(10.0, 20.0) == 0.0 && safe_gap_m(20.0, 0.0) > 40.0);
    }
}
