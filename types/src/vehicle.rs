//! The own vehicle: its size and what it may do.

use crate::{Box3, Pose2};
use serde::{Deserialize, Serialize};

/// Limits on motion, inspired by ISO 11270, ISO 15622 and UN R157.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Highest speed, m/s.
    pub speed_mps: f64,
    /// Strongest acceleration in normal driving, m/s2.
    pub acceleration_mps2: f64,
    /// Strongest braking in normal driving, m/s2, positive.
    pub deceleration_mps2: f64,
    /// Strongest braking in a minimum-risk stop, m/s2, positive.
    pub stop_deceleration_mps2: f64,
    /// Strongest braking against a collision, m/s2, positive. UN R152 asks for 5 at least.
    pub emergency_deceleration_mps2: f64,
    /// Longitudinal jerk, m/s3.
    pub jerk_mps3: f64,
    /// Lateral acceleration, m/s2.
    pub lateral_acceleration_mps2: f64,
    /// Lateral jerk, m/s3.
    pub lateral_jerk_mps3: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            speed_mps: 36.0,
            acceleration_mps2: 2.0,
            deceleration_mps2: 3.5,
            stop_deceleration_mps2: 4.0,
            emergency_deceleration_mps2: 7.0,
            jerk_mps3: 10.0,
            lateral_acceleration_mps2: 3.0,
            lateral_jerk_mps3: 5.0,
        }
    }
}

/// Size, wheelbase and limits. The default is a mid-size estate car.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vehicle {
    /// Bumper to bumper, m.
    pub length_m: f64,
    /// Without mirrors, m.
    pub width_m: f64,
    /// Ground to roof, m.
    pub height_m: f64,
    /// Rear axle to front axle, m.
    pub wheelbase_m: f64,
    /// Rear axle to rear bumper, m.
    pub rear_overhang_m: f64,
    /// Largest angle of the front wheels, rad.
    pub max_steering_rad: f64,
    /// How fast the front wheels turn at most, rad/s.
    pub max_steering_rate_radps: f64,
    /// Time from a command to its effect, s.
    pub actuator_delay_s: f64,
    /// Limits on motion.
    pub limits: Limits,
}

impl Default for Vehicle {
    fn default() -> Self {
        Self {
            length_m: 4.77,
            width_m: 1.82,
            height_m: 1.52,
            wheelbase_m: 2.71,
            rear_overhang_m: 1.1,
            max_steering_rad: 0.55,
            max_steering_rate_radps: 1.0,
            actuator_delay_s: 0.2,
            limits: Limits::default(),
        }
    }
}

impl Vehicle {
    /// Rear axle to the middle of the vehicle, m.
    #[must_use]
    pub fn center_offset_m(&self) -> f64 {
        0.5 * self.length_m - self.rear_overhang_m
    }

    /// Rear axle to the front bumper, m.
    #[must_use]
    pub fn front_offset_m(&self) -> f64 {
        self.length_m - self.rear_overhang_m
    }

    /// The vehicle's box when its rear axle is at `pose`, standing on z = 0.
    #[must_use]
    pub fn footprint(&self, pose: &Pose2) -> Box3 {
        let [x, y] = pose.transform(self.center_offset_m(), 0.0);
        Box3 {
            center: [x, y, 0.5 * self.height_m],
            length: self.length_m,
            width: self.width_m,
            height: self.height_m,
            yaw: pose.yaw,
        }
    }

    /// The field that cannot be true and its value, if there is one.
    #[must_use]
    pub fn implausible(&self) -> Option<(&'static str, f64)> {
        let positive = [
            ("vehicle.length_m", self.length_m),
            ("vehicle.width_m", self.width_m),
            ("vehicle.height_m", self.height_m),
            ("vehicle.wheelbase_m", self.wheelbase_m),
            ("vehicle.max_steering_rad", self.max_steering_rad),
            ("vehicle.max_steering_rate_radps", self.max_steering_rate_radps),
            ("vehicle.limits.speed_mps", self.limits.speed_mps),
            ("vehicle.limits.acceleration_mps2", self.limits.acceleration_mps2),
            ("vehicle.limits.deceleration_mps2", self.limits.deceleration_mps2),
            ("vehicle.limits.stop_deceleration_mps2", self.limits.stop_deceleration_mps2),
            ("vehicle.limits.emergency_deceleration_mps2", self.limits.emergency_deceleration_mps2),
            ("vehicle.limits.jerk_mps3", self.limits.jerk_mps3),
            ("vehicle.limits.lateral_acceleration_mps2", self.limits.lateral_acceleration_mps2),
            ("vehicle.limits.lateral_jerk_mps3", self.limits.lateral_jerk_mps3),
        ];
        let bad = positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0));
        bad.or_else(|| (self.wheelbase_m >= self.length_m).then_some(("vehicle.wheelbase_m", self.wheelbase_m)))
            .or_else(|| (self.max_steering_rad > 1.2).then_some(("vehicle.max_steering_rad", self.max_steering_rad)))
            .or_else(|| {
                let delay = self.actuator_delay_s;
                (!(0.0..=2.0).contains(&delay)).then_some(("vehicle.actuator_delay_s", delay))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_plausible_and_a_zero_is_named() {
        assert_eq!(Vehicle::default().implausible(), None);
        let flat = Vehicle { height_m: 0.0, ..Vehicle::default() };
        assert_eq!(flat.implausible(), Some(("vehicle.height_m", 0.0)));
    }

    #[test]
    fn the_footprint_surrounds_the_rear_axle() {
        let corners = Vehicle::default().footprint(&Pose2::default()).corners_bev();
        assert!((corners[0][0] - 3.67).abs() < 1e-9 && (corners[1][0] + 1.1).abs() < 1e-9);
    }
}
