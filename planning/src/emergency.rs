//! What is left when no candidate is free: braking along the path; and without an ego state: standing.

use crate::PlanInput;
use crate::effort::Effort;
use crate::lattice::{Lateral, Lattice};
use crate::predict::Obstacles;
use crate::reference::Road;
use crate::start::{Memory, Start};
use crate::tail::{POINT_STEP_S, brake};
use maps::ReferenceLine;
use std::borrow::Cow;
use types::{Decision, DecisionKind, Plan, Trajectory, TrajectoryPoint, Vehicle, Verdict};

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

/// How hard to try against a threat: with all that the brakes give if it is certain, else as in a minimum-risk stop.
#[must_use]
pub fn effort(threat: &Threat, vehicle: &Vehicle) -> Effort {
    let mut effort = Effort::emergency(vehicle);
    if !threat.sure {
        effort.limits.deceleration_mps2 = vehicle.limits.stop_deceleration_mps2;
    }
    effort
}

/// Lengths over which the emergency path returns to the line, in seconds of the present speed.
const RETURN_S: [f64; 3] = [2.5, 4.0, 7.0];

/// Braking with the deceleration of a minimum-risk stop on the gentlest way to the line that the steering can follow.
#[must_use]
pub fn stop(road: &Road<'_>, start: &Start, vehicle: &Vehicle) -> Trajectory {
    let state = &start.state;
    let sharpest = vehicle.max_steering_rad.tan() / vehicle.wheelbase_m;
    let paths = RETURN_S.map(|seconds| Lateral::new(road, 0.0, (seconds * state.speed_mps).max(10.0)));
    let drivable = paths.into_iter().find(|path| {
        let pieces = path.length_m.ceil().min(500.0);
        (0..=pieces as usize).all(|i| {
            let along = path.length_m * i as f64 / pieces;
            let [d, slope, bend] = path.at(along);
            let line = road.line.at(road.s_m + along);
            let steep = (1.0 + slope * slope).powf(1.5);
            line.curvature_1pm * d < 0.5 && (bend / steep).abs() + line.curvature_1pm.abs() <= sharpest
        })
    });
    // Straight on where even that is too sharp.
    let straight = || Road {
        line: Cow::Owned(ReferenceLine::straight(&start.pose(), 50.0)),
        s_m: 0.0,
        ego: maps::FrenetState { s_dot_mps: state.speed_mps, ..Default::default() },
        way: None,
        no_route: None,
    };
    let first = TrajectoryPoint {
        time_s: 0.0,
        x: state.x,
        y: state.y,
        heading_rad: state.heading_rad,
        curvature_1pm: state.curvature_1pm,
        speed_mps: state.speed_mps,
        acceleration_mps2: state.acceleration_mps2,
    };
    let mut trajectory = Trajectory { points: vec![first], tail_start: 0 };
    let (deceleration, jerk) = (vehicle.limits.stop_deceleration_mps2, vehicle.limits.jerk_mps3);
    match drivable {
        Some(path) => brake(&mut trajectory, road, &path, 0.0, deceleration, jerk),
        None => {
            let ahead = straight();
            let path = Lateral::new(&ahead, 0.0, 10.0);
            brake(&mut trajectory, &ahead, &path, 0.0, deceleration, jerk);
        }
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
    fn it_brakes_in_the_lane_as_hard_as_it_may() {
        let begin = start(10.0, 0.5, 15.0);
        let trajectory = stop(&scene(&begin, &line(), vec![]).road, &begin, &Vehicle::default());
        let (first, last) = (trajectory.points[0], trajectory.points[trajectory.points.len() - 1]);
        assert_eq!((first.x, first.y, first.speed_mps, last.speed_mps), (10.0, 0.5, 15.0, 0.0));
        // v^2 / 2a, and what taking up and releasing the brakes costs.
        assert!((28.1..32.0).contains(&(last.x - 10.0)), "{last:?}");
        assert!(last.y.abs() < 0.5 && trajectory.points.iter().all(|p| p.acceleration_mps2 >= -4.0 - 1e-9));
    }
}
