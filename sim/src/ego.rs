//! The ego car's motion: a rear axle that follows arcs, driven by whoever gives acceleration and curvature.

use crate::street::Street;
use types::Pose2;

/// What drives the ego: wanted acceleration and curvature of the rear axle's path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EgoInput {
    /// Wanted acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Wanted curvature, 1/m, positive to the left.
    pub curvature: f64,
}

/// Motion of the rear axle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EgoMotion {
    /// Pose in `odom`.
    pub pose: Pose2,
    /// Speed, m/s, never negative.
    pub speed_mps: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Curvature of the path, 1/m.
    pub curvature: f64,
}

const JERK_MPS3: f64 = 8.0;
const CURVATURE_RATE: f64 = 0.1;

impl EgoMotion {
    /// The motion `dt` seconds later: the inputs are reached at a limited rate, and the path is an arc.
    #[must_use]
    pub fn step(&self, input: EgoInput, dt: f64) -> Self {
        let approach = |from: f64, to: f64, rate: f64| from + (to - from).clamp(-rate * dt, rate * dt);
        let wanted = approach(self.acceleration_mps2, input.acceleration_mps2, JERK_MPS3);
        let curvature = approach(self.curvature, input.curvature, CURVATURE_RATE);
        let speed_mps = (self.speed_mps + wanted * dt).max(0.0);
        let acceleration_mps2 = if speed_mps > 0.0 { wanted } else { 0.0 };
        let way = 0.5 * (self.speed_mps + speed_mps) * dt;
        let half_turn = 0.5 * curvature * way;
        let chord = if half_turn.abs() < 1e-9 { way } else { way * half_turn.sin() / half_turn };
        let [x, y] = self.pose.transform(chord * half_turn.cos(), chord * half_turn.sin());
        let yaw = types::wrap_angle(self.pose.yaw + 2.0 * half_turn);
        Self { pose: Pose2 { x, y, yaw }, speed_mps, acceleration_mps2, curvature }
    }

    /// Rate of the heading, rad/s.
    pub fn yaw_rate_radps(&self) -> f64 {
        self.speed_mps * self.curvature
    }

    /// The curvature that leads to the lane's centre ahead (pure pursuit; Coulter, 1992).
    pub fn curvature_to_lane(&self) -> f64 {
        let look_ahead = 4.0 + 0.6 * self.speed_mps;
        let (s, _) = Street::locate(self.pose.x, self.pose.y);
        let target = Street::pose(s + look_ahead, 0.0);
        let [x, y] = self.pose.inverse_transform(target.x, target.y);
        2.0 * y / (x * x + y * y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_lane_through_the_curve() {
        let mut ego = EgoMotion { pose: Pose2::default(), speed_mps: 10.0, acceleration_mps2: 0.0, curvature: 0.0 };
        for _ in 0..2000 {
            let input = EgoInput { acceleration_mps2: 0.0, curvature: ego.curvature_to_lane() };
            ego = ego.step(input, 0.01);
            let (_, d) = Street::locate(ego.pose.x, ego.pose.y);
            assert!(d.abs() < 0.25, "{d} at {:?}", ego.pose);
        }
        assert!(ego.pose.x > 180.0);
    }

    #[test]
    fn brakes_to_a_standstill_and_stays() {
        let mut ego = EgoMotion { pose: Pose2::default(), speed_mps: 5.0, acceleration_mps2: 0.0, curvature: 0.0 };
        for _ in 0..500 {
            ego = ego.step(EgoInput { acceleration_mps2: -3.0, curvature: 0.0 }, 0.01);
        }
        assert_eq!((ego.speed_mps, ego.acceleration_mps2), (0.0, 0.0));
        assert!((ego.pose.x - 25.0 / 6.0).abs() < 1.5, "{:?}", ego.pose);
    }
}
