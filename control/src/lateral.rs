//! Steering: feed-forward of the path's curvature and feedback of offset and heading of the rear axle.
//!
//! In metres of path instead of seconds the offset e obeys e'' = curvature - path curvature, so
//! `curvature = path curvature - e / L^2 - 2 damping / L * angle` closes the loop with the same shape at every speed
//! (Samson, "Control of chained systems", 1995; linearised). L grows with the speed, as in pure pursuit.

use crate::path::Goal;
use types::{EgoState, Vehicle};

/// Length over which an error decays, at least, m ...
const SHORTEST_M: f64 = 3.0;
/// ... and in seconds of the present speed: three to four times the delays in the loop.
const SECONDS: f64 = 0.7;
/// Damping ratio.
const DAMPING: f64 = 1.0;
/// Farther off the path the feedback does not grow, m and rad.
const MOST_OFFSET_M: f64 = 1.5;
const MOST_ANGLE_RAD: f64 = 0.6;
/// Slower cars keep their steering: turning the wheels of a standing car tells nothing about the path, m/s.
const STANDING_MPS: f64 = 0.1;

/// The angle of the front wheels, rad, for the vehicle where it will be when the command acts.
#[must_use]
pub fn steering(goal: &Goal, then: &EgoState, last_rad: f64, vehicle: &Vehicle) -> f64 {
    if then.speed_mps.abs() < STANDING_MPS && goal.timed.speed_mps < STANDING_MPS {
        return last_rad;
    }
    let length = (SECONDS * then.speed_mps.abs()).max(SHORTEST_M);
    let offset = goal.offset_m.clamp(-MOST_OFFSET_M, MOST_OFFSET_M);
    let angle = goal.angle_rad.clamp(-MOST_ANGLE_RAD, MOST_ANGLE_RAD);
    let curvature = goal.curvature_1pm - offset / (length * length) - 2.0 * DAMPING / length * angle;
    (curvature * vehicle.wheelbase_m).atan()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Isometry3;
    use types::{PoseSource, Stamp};

    fn at(speed_mps: f64) -> EgoState {
        EgoState {
            stamp: Stamp::default(),
            odom_from_base: Isometry3::identity(),
            speed_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            source: PoseSource::Ins,
        }
    }

    #[test]
    fn it_steers_back_to_the_path_and_holds_curves() {
        let vehicle = Vehicle::default();
        let left = Goal { offset_m: 0.5, ..Default::default() };
        assert!(steering(&left, &at(8.0), 0.0, &vehicle) < 0.0);
        let turned = Goal { angle_rad: -0.1, ..Default::default() };
        assert!(steering(&turned, &at(8.0), 0.0, &vehicle) > 0.0);
        let held = steering(&Goal { curvature_1pm: 1.0 / 30.0, ..Default::default() }, &at(8.0), 0.0, &vehicle);
        assert!((held - (2.71f64 / 30.0).atan()).abs() < 1e-12);
        assert_eq!(steering(&left, &at(0.0), 0.123, &vehicle), 0.123);
    }
}
