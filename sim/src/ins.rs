//! A GPS/INS unit: noise on every output, and a position that drifts slowly. And the speed of the wheels.

use crate::plant::EgoMotion;
use crate::random::Random;
use nalgebra::{Isometry3, Vector3};
use types::{EgoState, InsFix, Pose2, PoseSource, Stamp, WheelSpeed};

/// The position's error goes back to zero with this time, s, so that it stays within half a metre.
const DRIFT_TIME_S: f64 = 60.0;
/// Its usual size, m.
const DRIFT_M: f64 = 0.12;

/// The sensor: its drift and its noise.
#[derive(Clone, Debug)]
pub struct Ins {
    random: Random,
    seq: u64,
    drift: [f64; 2],
    yaw_bias: f64,
    last: Option<Stamp>,
}

impl Ins {
    /// A unit whose heading is off by a fixed small angle.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 50);
        let yaw_bias = 0.0015 * random.normal();
        Self { random, seq: 0, drift: [0.0; 2], yaw_bias, last: None }
    }

    /// The unit's output for a true motion. The position drifts as an Ornstein-Uhlenbeck process.
    pub fn measure(&mut self, stamp: Stamp, truth: &EgoMotion) -> InsFix {
        let passed = self.last.map_or(0.0, |last| stamp.seconds_since(last).max(0.0));
        self.last = Some(stamp);
        let kept = (-passed / DRIFT_TIME_S).exp();
        for axis in &mut self.drift {
            *axis = kept * *axis + DRIFT_M * (1.0 - kept * kept).sqrt() * self.random.normal();
        }
        let mut noisy = |value: f64, sigma: f64| value + sigma * self.random.normal();
        let pose = Pose2 {
            x: noisy(truth.pose.x + self.drift[0], 0.01),
            y: noisy(truth.pose.y + self.drift[1], 0.01),
            yaw: noisy(truth.pose.yaw + self.yaw_bias, 0.0008),
        };
        let state = EgoState {
            stamp,
            odom_from_base: isometry(&pose),
            speed_mps: noisy(truth.speed_mps, 0.02),
            acceleration_mps2: noisy(truth.acceleration_mps2, 0.05),
            yaw_rate_radps: noisy(truth.yaw_rate_radps, 0.001),
            source: PoseSource::Ins,
        };
        let seq = self.seq;
        self.seq += 1;
        InsFix { seq, state }
    }
}

/// The sensor of the rear wheels: their radius is not quite known.
#[derive(Clone, Debug)]
pub struct Odometer {
    random: Random,
    seq: u64,
    scale: f64,
}

impl Odometer {
    /// Wheels of a radius that is off by about one percent.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 51);
        let scale = 1.0 + 0.008 * random.normal();
        Self { random, seq: 0, scale }
    }

    /// Mean speed of the rear wheels; a wheel that turns slowly gives nothing.
    pub fn measure(&mut self, stamp: Stamp, truth: &EgoMotion) -> WheelSpeed {
        let noise = 0.01 * self.random.normal();
        let speed_mps = if truth.speed_mps < 0.1 { 0.0 } else { truth.speed_mps * self.scale + noise };
        let seq = self.seq;
        self.seq += 1;
        WheelSpeed { seq, stamp, speed_mps }
    }
}

/// A planar pose on the ground as a pose in space.
pub fn isometry(pose: &Pose2) -> Isometry3<f64> {
    Isometry3::new(Vector3::new(pose.x, pose.y, 0.0), Vector3::z() * pose.yaw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_stated_size() {
        let mut ins = Ins::new(1);
        let truth = EgoMotion {
            pose: Pose2 { x: 5.0, y: 1.0, yaw: 0.2 },
            speed_mps: 8.0,
            lateral_mps: 0.0,
            acceleration_mps2: 0.5,
            yaw_rate_radps: 0.08,
        };
        let fixes: Vec<InsFix> = (0..100).map(|i| ins.measure(Stamp::from_nanos(i * 100_000_000), &truth)).collect();
        for (i, fix) in fixes.iter().enumerate() {
            let pose = fix.state.pose();
            assert_eq!(fix.seq, i as u64);
            assert!(
                (pose.x - 5.0).abs() < 0.5 && (pose.yaw - 0.2).abs() < 0.01 && (fix.state.speed_mps - 8.0).abs() < 0.1
            );
        }
        assert!(fixes.iter().any(|fix| (fix.state.pose().x - 5.0).abs() > 0.005));
        let mut odometer = Odometer::new(1);
        let speeds: Vec<f64> = (0..100).map(|i| odometer.measure(Stamp::from_nanos(i), &truth).speed_mps).collect();
        let mean = speeds.iter().sum::<f64>() / 100.0;
        assert!((mean / 8.0 - odometer.scale).abs() < 1e-3 && (odometer.scale - 1.0).abs() > 1e-4);
        let standing = EgoMotion { speed_mps: 0.0, ..truth };
        assert_eq!(odometer.measure(Stamp::from_nanos(0), &standing).speed_mps, 0.0);
    }
}
