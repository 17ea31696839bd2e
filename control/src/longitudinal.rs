//! Acceleration: feed-forward from the plan, proportional and integral feedback of the speed, and holding at rest.

use types::{EgoState, TrajectoryPoint, Vehicle};

/// Proportional gain, 1/s.
const PROPORTIONAL: f64 = 0.9;
/// Integral gain, 1/s2.
const INTEGRAL: f64 = 0.25;
/// The integral gives at most this, m/s2.
const MOST_INTEGRAL_MPS2: f64 = 0.8;
/// A planned speed below this is rest, m/s.
const REST_MPS: f64 = 0.05;
/// A car slower than this is held when the plan rests, m/s.
const HELD_MPS: f64 = 0.3;
/// What holds a standing car, m/s2: brakes, never reverse.
pub const HOLD_MPS2: f64 = -1.0;

/// The feedback's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Longitudinal {
    integral_mps2: f64,
}

impl Longitudinal {
    /// Forgets the past.
    pub fn reset(&mut self) {
        self.integral_mps2 = 0.0;
    }

    /// The acceleration that follows the plan, m/s2. `planned` is the plan's point at which the command acts,
    /// `error_mps` how much slower the measured speed is than the speed planned for the instant it was measured at
    /// (so the delay does not enter), `seconds` the time since the last tick.
    pub fn follow(
        &mut self,
        planned: &TrajectoryPoint,
        ego: &EgoState,
        error_mps: f64,
        seconds: f64,
        vehicle: &Vehicle,
    ) -> f64 {
        if rests(planned, ego) {
            self.reset();
            return HOLD_MPS2;
        }
        let error = error_mps;
        let wanted = planned.acceleration_mps2 + PROPORTIONAL * error + self.integral_mps2;
        // No winding up: the integral rests where the command is at a limit that it would push further.
        let limits = &vehicle.limits;
        let pushes =
            (wanted >= limits.acceleration_mps2 && error > 0.0) || (wanted <= -limits.deceleration_mps2 && error < 0.0);
        if !pushes && error.is_finite() {
            let next = self.integral_mps2 + INTEGRAL * error * seconds;
            self.integral_mps2 = next.clamp(-MOST_INTEGRAL_MPS2, MOST_INTEGRAL_MPS2);
        }
        wanted
    }
}

/// Whether the plan rests and the vehicle is so slow that it is held.
#[must_use]
pub fn rests(planned: &TrajectoryPoint, ego: &EgoState) -> bool {
    planned.speed_mps < REST_MPS && planned.acceleration_mps2 < REST_MPS && ego.speed_mps < HELD_MPS
}

/// Braking without a plan or without knowing the own state, m/s2: hard, until the car is known to stand.
#[must_use]
pub fn blind_stop(speed_mps: Option<f64>, vehicle: &Vehicle) -> f64 {
    match speed_mps {
        Some(speed) if speed < HELD_MPS => HOLD_MPS2,
        _ => -vehicle.limits.deceleration_mps2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Isometry3;
    use types::{PoseSource, Stamp, TrajectoryPoint};

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

    fn planned(speed_mps: f64, acceleration_mps2: f64) -> TrajectoryPoint {
        TrajectoryPoint { speed_mps, acceleration_mps2, ..Default::default() }
    }

    #[test]
    fn the_integral_does_not_wind_up() {
        let (vehicle, mut control) = (Vehicle::default(), Longitudinal::default());
        for _ in 0..10_000 {
            control.follow(&planned(30.0, 0.0), &at(5.0), 25.0, 0.01, &vehicle);
        }
        assert_eq!(control.integral_mps2, 0.0);
        for _ in 0..10_000 {
            control.follow(&planned(10.5, 0.0), &at(10.0), 0.5, 0.01, &vehicle);
        }
        assert!((control.integral_mps2 - MOST_INTEGRAL_MPS2).abs() < 1e-9);
    }

    #[test]
    fn rest_is_held_and_left() {
        let (vehicle, mut control) = (Vehicle::default(), Longitudinal::default());
        assert_eq!(control.follow(&planned(0.0, 0.0), &at(0.05), -0.05, 0.01, &vehicle), HOLD_MPS2);
        assert!(control.follow(&planned(0.3, 0.8), &at(0.0), 0.1, 0.01, &vehicle) > 0.8);
    }
}
