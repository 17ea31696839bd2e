//! The state of the own vehicle.

use crate::{Pose2, Stamp};
use nalgebra::{Isometry3, Vector3};

/// Where a pose comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoseSource {
    /// A GPS/INS unit.
    Ins,
    /// Lidar odometry.
    LidarOdometry,
    /// Both, and the wheels where there is their speed.
    Fused,
}

/// Pose and motion of `base_link` at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EgoState {
    /// When.
    pub stamp: Stamp,
    /// Pose of `base_link` in `odom`.
    pub odom_from_base: Isometry3<f64>,
    /// Speed along the vehicle's x axis, m/s; negative in reverse.
    pub speed_mps: f64,
    /// Acceleration along the vehicle's x axis, m/s2.
    pub acceleration_mps2: f64,
    /// Rate of the heading, rad/s, counter-clockwise.
    pub yaw_rate_radps: f64,
    /// Where the pose comes from.
    pub source: PoseSource,
}

impl EgoState {
    /// The pose in the plane.
    #[must_use]
    pub fn pose(&self) -> Pose2 {
        Pose2::from_isometry(&self.odom_from_base)
    }

    /// The state at another stamp if speed and yaw rate stay as they are (constant turn rate and velocity).
    #[must_use]
    pub fn extrapolated(&self, stamp: Stamp) -> Self {
        let dt = stamp.seconds_since(self.stamp);
        let turn = self.yaw_rate_radps * dt;
        // Chord of the arc: exact for a constant turn rate, and 1 in the limit of a straight line.
        let half = 0.5 * turn;
        let sinc = if half.abs() < 1e-9 { 1.0 } else { half.sin() / half };
        let chord = self.speed_mps * dt * sinc;
        let motion = Isometry3::new(Vector3::new(chord * half.cos(), chord * half.sin(), 0.0), Vector3::z() * turn);
        Self { stamp, odom_from_base: self.odom_from_base * motion, ..*self }
    }

    /// Whether every number is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        let pose = &self.odom_from_base;
        pose.translation.vector.iter().chain(pose.rotation.coords.iter()).all(|v| v.is_finite())
            && [self.speed_mps, self.acceleration_mps2, self.yaw_rate_radps].iter().all(|v| v.is_finite())
    }
}

/// One output of a GPS/INS unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InsFix {
    /// Counter of this unit's outputs in this drive.
    pub seq: u64,
    /// The measured state; `source` is [`PoseSource::Ins`].
    pub state: EgoState,
}

/// One output of the wheel speed sensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WheelSpeed {
    /// Counter of these outputs in this drive.
    pub seq: u64,
    /// When.
    pub stamp: Stamp,
    /// Mean speed of the rear wheels, m/s; negative in reverse.
    pub speed_mps: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn half_a_circle() {
        let state = EgoState {
            stamp: Stamp::from_nanos(0),
            odom_from_base: Isometry3::identity(),
            speed_mps: 10.0 * PI,
            acceleration_mps2: 0.0,
            yaw_rate_radps: PI,
            source: PoseSource::Ins,
        };
        let later = state.extrapolated(Stamp::from_nanos(1_000_000_000));
        let pose = later.pose();
        assert!(pose.x.abs() < 1e-9 && (pose.y - 20.0).abs() < 1e-9, "{pose:?}");
        assert!((pose.yaw.abs() - PI).abs() < 1e-9);
        assert!(later.is_finite());
    }
}
