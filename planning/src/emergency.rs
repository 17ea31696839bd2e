//! What is left when no candidate is free: braking along the path; and without an ego state: standing.

use crate::PlanInput;
use crate::effort::Effort;
use crate::lattice::Lattice;
use crate::predict::Obstacles;
use crate::reference::Road;
use crate::start::{Memory, Start};
use crate::tail::{Braking, POINT_STEP_S};
use types::{Decision, DecisionKind, Plan, Pose2, Trajectory, TrajectoryPoint, Vehicle, Verdict, wrap_angle};

/// Slower cars stand: there is nothing to brake, m/s.
pub const STANDING_MPS: f64 = 0.1;

/// What makes an emergency: the verdicts on all candidates, and the object that is hit at the latest.
#[derive(Clone, Debug, PartialEq)]
pub struct Threat {
    /// How many candidates have which verdict.
    pub counts: [(Verdict, usize); Verdict::ALL.len()],
    /// The object that the longest free candidate hits, and when, s.
    pub hit: Option<(usize, f64)>,
    /// It is certain enough for the hardest braking.
    pub sure: bool,
}

/// Reads the threat off a judged lattice of which nothing is free.
#[must_use]
pub fn threat(lattice: &Lattice, obstacles: &Obstacles) -> Threat {
    let count = |verdict| (verdict, lattice.candidates.iter().filter(|c| c.verdict == verdict).count());
    let hit = lattice.candidates.iter().filter_map(|c| c.hit).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    Threat { counts: Verdict::ALL.map(count), hit, sure: hit.is_some_and(|(object, _)| obstacles.objects[object].sure) }
}

/// How hard to try against a threat: with all that the brakes give if it is certain, else as in a minimum-risk stop, and no jerkier than
/// always: a new object may be as fast as the ego, one more look tells.
#[must_use]
pub fn effort(threat: &Threat, vehicle: &Vehicle) -> Effort {
    let mut effort = Effort::emergency(vehicle);
    if !threat.sure {
        effort.limits.deceleration_mps2 = vehicle.limits.stop_deceleration_mps2;
        effort.limits.jerk_mps3 = vehicle.limits.jerk_mps3;
    }
    effort
}

/// The way back to the line is a critically damped motion over this length, s of the present speed and m at least; the line's bend
/// is taken this far ahead, s.
const RETURN_S: f64 = 0.5;
const RETURN_M: f64 = 3.0;
const AHEAD_S: f64 = 0.2;
/// The foot point moves on by at most this between two points, m.
const REACH_M: f64 = 15.0;

/// Braking with the deceleration of a minimum-risk stop on the way back to the line that the front wheels can follow: a single-track
/// model that turns its wheels within their angle, their rate and the grip that braking leaves, by the bend of the line and by its offset and
/// heading off it. So whatever state it starts from, it can be driven.
#[must_use]
pub fn stop(road: &Road<'_>, start: &Start, vehicle: &Vehicle) -> Trajectory {
    let (limits, wheelbase) = (&vehicle.limits, vehicle.wheelbase_m);
    let mut last = TrajectoryPoint {
        time_s: 0.0,
        x: start.state.x,
        y: start.state.y,
        heading_rad: start.state.heading_rad,
        curvature_1pm: start.state.curvature_1pm,
        speed_mps: start.state.speed_mps,
        acceleration_mps2: start.state.acceleration_mps2,
    };
    let braking = Braking::new(last.speed_mps, last.acceleration_mps2, limits.stop_deceleration_mps2, limits.jerk_mps3);
    let mut trajectory = Trajectory { points: vec![last], tail_start: 0 };
    let mut s_m = road.s_m;
    let mut steering_rad = (last.curvature_1pm * wheelbase).atan();
    let most_rad = vehicle.max_steering_rate_radps * POINT_STEP_S;
    let mut before_m = 0.0;
    for i in 1..=(braking.duration_s() / POINT_STEP_S).ceil() as usize {
        let [along_m, speed_mps, acceleration_mps2, _] = braking.at(i as f64 * POINT_STEP_S);
        let pose = Pose2 { x: last.x, y: last.y, yaw: last.heading_rad };
        let (s_foot_m, d_m) = road.line.project_near([last.x, last.y], s_m, REACH_M);
        s_m = s_foot_m;
        let (foot, bend) = (road.line.at(s_m), road.line.at(s_m + AHEAD_S * last.speed_mps).curvature_1pm);
        let (askew, length_m) =
            (wrap_angle(last.heading_rad - foot.heading_rad), (RETURN_S * last.speed_mps).max(RETURN_M));
        // What the tyres have left beside the braking.
        let most = limits.emergency_deceleration_mps2;
        let left_mps2 = (most * most - acceleration_mps2 * acceleration_mps2).max(0.0).sqrt();
        let grip = left_mps2.max(limits.lateral_acceleration_mps2) / (last.speed_mps * last.speed_mps).max(0.1);
        let wanted = (bend - 2.0 * askew.sin() / length_m - d_m / (length_m * length_m)).clamp(-grip, grip);
        let wanted_rad = (wanted * wheelbase).atan().clamp(-vehicle.max_steering_rad, vehicle.max_steering_rad);
        steering_rad += (wanted_rad - steering_rad).clamp(-most_rad, most_rad);
        let curvature_1pm = steering_rad.tan() / wheelbase;
        let step_m = along_m - before_m;
        let half_rad = 0.25 * (last.curvature_1pm + curvature_1pm) * step_m;
        let [x, y] = pose.transform(step_m * half_rad.cos(), step_m * half_rad.sin());
        let (time_s, heading_rad) = (i as f64 * POINT_STEP_S, wrap_angle(last.heading_rad + 2.0 * half_rad));
        last = TrajectoryPoint { time_s, x, y, heading_rad, curvature_1pm, speed_mps, acceleration_mps2 };
        trajectory.points.push(last);
        before_m = along_m;
    }
    if let Some(end) = trajectory.points.last_mut() {
        (end.speed_mps, end.acceleration_mps2) = (0.0, 0.0);
    }
    hold(trajectory)
}

/// A plan that stands where the ego was last seen.
#[must_use]
pub fn without_ego(input: &PlanInput<'_>, memory: &Memory) -> Plan {
    let place = memory.trajectory.at(memory.since_s).unwrap_or_default();
    let point = TrajectoryPoint { time_s: 0.0, speed_mps: 0.0, acceleration_mps2: 0.0, ..place };
    let speed = input.ego.speed_mps;
    Plan {
        frame: input.frame,
        stamp: input.stamp,
        trajectory: hold(Trajectory { points: vec![point], tail_start: 0 }),
        decision: Decision {
            kind: DecisionKind::EmergencyStop,
            track: None,
            reason: format!("stops: the ego state is not usable (speed {speed} m/s)"),
        },
        ..Default::default()
    }
}

/// Stands for one more point at the end, so that there are always two.
fn hold(mut trajectory: Trajectory) -> Trajectory {
    if let Some(last) = trajectory.points.last().copied() {
        let time_s = last.time_s + POINT_STEP_S;
        trajectory.points.push(TrajectoryPoint { time_s, speed_mps: 0.0, acceleration_mps2: 0.0, ..last });
    }
    trajectory
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{line, scene, start};

    #[test]
    fn what_was_seen_twice_is_no_reason_to_jerk() {
        let (vehicle, counts) = (Vehicle::default(), Verdict::ALL.map(|verdict| (verdict, 0)));
        let limits = |sure: bool| effort(&Threat { counts, hit: Some((0, 1.0)), sure }, &vehicle).limits;
        assert_eq!((limits(false).deceleration_mps2, limits(false).jerk_mps3), (4.0, vehicle.limits.jerk_mps3));
        assert!(limits(true).deceleration_mps2 > 6.0 && limits(true).jerk_mps3 > vehicle.limits.jerk_mps3);
    }

    #[test]
    fn it_brakes_in_the_lane_as_hard_as_it_may() {
        let begin = start(10.0, 0.5, 15.0);
        let trajectory = stop(&scene(&begin, &line(), vec![]).road, &begin, &Vehicle::default());
        let (first, last) = (trajectory.points[0], trajectory.points[trajectory.points.len() - 1]);
        assert_eq!((first.x, first.y, first.speed_mps, last.speed_mps), (10.0, 0.5, 15.0, 0.0));
        // v^2 / 2a, and what taking up and releasing the brakes costs.
        assert!((28.1..32.0).contains(&(last.x - 10.0)), "{last:?}");
        assert!(last.y.abs() < 0.5 && trajectory.points.iter().all(|p| p.acceleration_mps2 >= -4.0 - 1e-9));
    }

    #[test]
    fn it_never_turns_the_wheels_faster_than_they_turn() {
        // From a straight line at 14 m/s into a bend of 12 m radius, as after a change of lines.
        let points: Vec<[f64; 2]> =
            (0..30).map(|i| 0.05 * f64::from(i)).map(|a| [12.0 * a.sin(), 12.0 - 12.0 * a.cos()]).collect();
        let bend = maps::ReferenceLine::new(&points).unwrap();
        let vehicle = Vehicle::default();
        let begin = start(0.0, 0.6, 14.0);
        let trajectory = stop(&scene(&begin, &bend, vec![]).road, &begin, &vehicle);
        for pair in trajectory.points.windows(2) {
            let steering = pair[1].curvature_1pm * vehicle.wheelbase_m;
            let turned = (steering.atan() - (pair[0].curvature_1pm * vehicle.wheelbase_m).atan()).abs();
            assert!(turned <= vehicle.max_steering_rate_radps * POINT_STEP_S + 1e-9, "{pair:?}");
            let lateral = pair[1].curvature_1pm * pair[0].speed_mps * pair[0].speed_mps;
            let grip = lateral.hypot(pair[1].acceleration_mps2);
            assert!(grip <= vehicle.limits.emergency_deceleration_mps2 + 1e-6, "{pair:?}");
            let (way, heading) = ((pair[1].x - pair[0].x, pair[1].y - pair[0].y), pair[0].heading_rad);
            assert!(way.0.hypot(way.1) < 0.1 || wrap_angle(way.1.atan2(way.0) - heading).abs() < 0.1, "{pair:?}");
        }
        assert!(trajectory.points.last().unwrap().speed_mps == 0.0);
    }
}
