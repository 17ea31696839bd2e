//! How hard a cycle tries: within comfort first, then with all that the brakes give.

use types::{Limits, Vehicle};

/// Jerk when a collision threatens, m/s3.
pub const EMERGENCY_JERK_MPS3: f64 = 30.0;
/// Free space kept in any case, m, and the speed up to which less than the wanted margin will do, m/s.
const LEAST_MARGIN_M: f64 = 0.15;
const SLOW_MPS: f64 = 1.0;
const BRISK_MPS: f64 = 5.0;
/// Margins shrink for a car that is stuck: from this time to that, s.
const STUCK_S: [f64; 2] = [3.0, 8.0];

/// Limits and margins of one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Limits on motion; braking as hard as this attempt allows.
    pub limits: Limits,
    /// The attempt against a collision.
    pub emergency: bool,
    /// Margin at walking speed and when driving, m.
    margins_m: [f64; 2],
    /// How stuck the car is, 0..1: then gaps and margins shrink.
    pub stuck: f64,
}

impl Effort {
    /// Comfortable driving; `stuck_s` is for how long the car has stood for no good reason.
    #[must_use]
    pub fn normal(margin_m: f64, stuck_s: f64, vehicle: &Vehicle) -> Self {
        let stuck = ((stuck_s - STUCK_S[0]) / (STUCK_S[1] - STUCK_S[0])).clamp(0.0, 1.0);
        let slow = (0.5 * margin_m).max(LEAST_MARGIN_M).min(margin_m);
        let brisk = margin_m + stuck * (slow - margin_m);
        Self { limits: vehicle.limits, emergency: false, margins_m: [slow, brisk], stuck }
    }

    /// Against a collision.
    #[must_use]
    pub fn emergency(vehicle: &Vehicle) -> Self {
        let limits = Limits {
            deceleration_mps2: vehicle.limits.emergency_deceleration_mps2.max(vehicle.limits.deceleration_mps2),
            jerk_mps3: EMERGENCY_JERK_MPS3.max(vehicle.limits.jerk_mps3),
            ..vehicle.limits
        };
        Self { limits, emergency: true, margins_m: [0.1, LEAST_MARGIN_M], stuck: 0.0 }
    }

    /// Free space wanted beside objects at a speed, m.
    #[must_use]
    pub fn margin_m(&self, speed_mps: f64) -> f64 {
        let share = ((speed_mps - SLOW_MPS) / (BRISK_MPS - SLOW_MPS)).clamp(0.0, 1.0);
        self.margins_m[0] + share * (self.margins_m[1] - self.margins_m[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_shrink_with_speed_and_patience() {
        let vehicle = Vehicle::default();
        let fresh = Effort::normal(0.3, 0.0, &vehicle);
        assert_eq!((fresh.margin_m(0.5), fresh.margin_m(9.0)), (0.15, 0.3));
        assert!(Effort::normal(0.3, 60.0, &vehicle).margin_m(9.0) < 0.16);
        assert_eq!(Effort::emergency(&vehicle).limits.deceleration_mps2, 7.0);
    }
}
