//! Kalman filters: position and velocity in the plane, heading and its rate, height above ground.

use super::group::Motion;
use nalgebra::{Matrix2, Matrix2x4, Matrix4, Vector2, Vector4};
use types::wrap_angle;

/// Position and velocity in the plane, driven by white acceleration: constant velocity, or constant speed along a turn whose rate
/// is known (the coordinated turn of Bar-Shalom, Li and Kirubarajan, 2001). The state is (x, y, vx, vy).
#[derive(Clone, Debug)]
pub(super) struct PlanarFilter {
    state: Vector4<f64>,
    covariance: Matrix4<f64>,
}

impl PlanarFilter {
    /// At a position that was measured `after_s` after the state, with a speed of this size in any direction.
    pub(super) fn new(position: [f64; 2], after_s: f64, noise_m: f64, speed_mps: f64) -> Self {
        let (noise, speed) = (noise_m * noise_m, speed_mps * speed_mps);
        let state = Vector4::new(position[0], position[1], 0.0, 0.0);
        let mut covariance = Matrix4::from_diagonal(&Vector4::new(noise, noise, speed, speed));
        for axis in 0..2 {
            // Whither it has gone meanwhile is where it has come from.
            covariance[(axis, axis)] += after_s * after_s * speed;
            covariance[(axis, axis + 2)] = -after_s * speed;
            covariance[(axis + 2, axis)] = -after_s * speed;
        }
        Self { state, covariance }
    }

    pub(super) fn position(&self) -> [f64; 2] {
        [self.state[0], self.state[1]]
    }

    pub(super) fn velocity(&self) -> [f64; 2] {
        [self.state[2], self.state[3]]
    }

    pub(super) fn covariance(&self) -> [[f64; 4]; 4] {
        std::array::from_fn(|row| std::array::from_fn(|column| self.covariance[(row, column)]))
    }

    /// Largest standard deviation of the velocity along any direction, m/s.
    pub(super) fn velocity_spread(&self) -> f64 {
        let (a, b, c) = (self.covariance[(2, 2)], self.covariance[(3, 3)], self.covariance[(2, 3)]);
        (0.5 * (a + b) + (0.25 * (a - b).powi(2) + c * c).sqrt()).max(0.0).sqrt()
    }

    /// `turn_radps`: how fast the velocity turns; zero for a straight line.
    pub(super) fn predict(&mut self, dt_s: f64, acceleration_mps2: f64, turn_radps: f64) {
        let turn = turn_radps * dt_s;
        let (sin, cos) = turn.sin_cos();
        // How far a unit velocity along x gets in x and in y.
        let (ahead, aside) =
            if turn.abs() < 1e-6 { (dt_s, 0.5 * turn * dt_s) } else { (sin / turn_radps, (1.0 - cos) / turn_radps) };
        #[rustfmt::skip]
        let transition = Matrix4::new(
            1.0, 0.0, ahead, -aside,
            0.0, 1.0, aside, ahead,
            0.0, 0.0, cos, -sin,
            0.0, 0.0, sin, cos,
        );
        self.state = transition * self.state;
        self.covariance = transition * self.covariance * transition.transpose();
        let variance = acceleration_mps2 * acceleration_mps2;
        let (near, cross, far) = (0.25 * dt_s.powi(4), 0.5 * dt_s.powi(3), dt_s * dt_s);
        for axis in 0..2 {
            self.covariance[(axis, axis)] += near * variance;
            self.covariance[(axis, axis + 2)] += cross * variance;
            self.covariance[(axis + 2, axis)] += cross * variance;
            self.covariance[(axis + 2, axis + 2)] += far * variance;
        }
    }

    /// Squared Mahalanobis distance of a position that was measured `after_s` after the state.
    pub(super) fn distance_squared(&self, position: [f64; 2], after_s: f64, noise_m: f64) -> f64 {
        let observe = observed(after_s);
        let innovation = Vector2::from(position) - observe * self.state;
        let spread = observe * self.covariance * observe.transpose() + Matrix2::identity() * (noise_m * noise_m);
        spread.try_inverse().map_or(f64::INFINITY, |inverse| (innovation.transpose() * inverse * innovation)[0])
    }

    /// A position that was measured `after_s` after the state: a sweep meets its objects one after the other.
    pub(super) fn update(&mut self, position: [f64; 2], after_s: f64, noise_m: f64) {
        let observe = observed(after_s);
        let innovation = Vector2::from(position) - observe * self.state;
        let noise = Matrix2::identity() * (noise_m * noise_m);
        let spread = observe * self.covariance * observe.transpose() + noise;
        let Some(inverse) = spread.try_inverse() else { return };
        let gain = self.covariance * observe.transpose() * inverse;
        self.state += gain * innovation;
        self.covariance = symmetric(self.covariance - gain * observe * self.covariance);
    }

    /// Keeps a part of the velocity.
    pub(super) fn slow(&mut self, part: f64) {
        self.state[2] *= part;
        self.state[3] *= part;
    }

    /// Moves the position without any motion: another point of the same object is meant.
    pub(super) fn shift(&mut self, by: [f64; 2]) {
        self.state[0] += by[0];
        self.state[1] += by[1];
    }

    pub(super) fn is_finite(&self) -> bool {
        self.state.iter().chain(self.covariance.iter()).all(|v| v.is_finite())
    }
}

/// How a position `after_s` later depends on the state.
fn observed(after_s: f64) -> Matrix2x4<f64> {
    Matrix2x4::new(1.0, 0.0, after_s, 0.0, 0.0, 1.0, 0.0, after_s)
}

fn symmetric(matrix: Matrix4<f64>) -> Matrix4<f64> {
    0.5 * (matrix + matrix.transpose())
}

/// An angle and its rate.
#[derive(Clone, Debug)]
pub(super) struct HeadingFilter {
    yaw: f64,
    rate: f64,
    /// Variances of yaw and rate, and their covariance.
    variance: [f64; 3],
}

impl HeadingFilter {
    pub(super) fn new(yaw: f64, motion: &Motion) -> Self {
        Self { yaw: wrap_angle(yaw), rate: 0.0, variance: [motion.heading_noise_rad.powi(2), 0.04, 0.0] }
    }

    pub(super) fn yaw(&self) -> f64 {
        self.yaw
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Of yaw and rate.
    pub(super) fn covariance(&self) -> [[f64; 2]; 2] {
        let [yaw, rate, cross] = self.variance;
        [[yaw, cross], [cross, rate]]
    }

    /// `turn_radps2`: standard deviation of the angular acceleration. The rate fades within seconds unless it is measured.
    pub(super) fn predict(&mut self, dt_s: f64, turn_radps2: f64) {
        let keep = (-dt_s / 2.0).exp();
        self.yaw = wrap_angle(self.yaw + self.rate * dt_s);
        self.rate *= keep;
        let [yaw, rate, cross] = self.variance;
        let noise = (turn_radps2 * dt_s).powi(2);
        self.variance = [
            yaw + 2.0 * dt_s * cross + dt_s * dt_s * (rate + 0.25 * noise),
            keep * keep * rate + noise,
            keep * (cross + dt_s * rate) + 0.5 * dt_s * noise,
        ];
    }

    pub(super) fn update(&mut self, yaw: f64, noise_rad: f64) {
        let innovation = wrap_angle(yaw - self.yaw);
        let [own, rate, cross] = self.variance;
        let spread = own + noise_rad * noise_rad;
        let (gain, rate_gain) = (own / spread, cross / spread);
        self.yaw = wrap_angle(self.yaw + gain * innovation);
        self.rate += rate_gain * innovation;
        self.variance = [own * (1.0 - gain), rate - rate_gain * cross, cross * (1.0 - gain)];
    }

    /// Turns the angle without any motion.
    pub(super) fn turn(&mut self, by_rad: f64) {
        self.yaw = wrap_angle(self.yaw + by_rad);
    }
}

/// A slowly changing number, like the height of an object's centre in `odom`.
#[derive(Clone, Debug)]
pub(super) struct LevelFilter {
    value: f64,
    variance: f64,
}

impl LevelFilter {
    pub(super) fn new(value: f64, noise: f64) -> Self {
        Self { value, variance: noise * noise }
    }

    pub(super) fn value(&self) -> f64 {
        self.value
    }

    pub(super) fn predict(&mut self, dt_s: f64, rate: f64) {
        self.variance += (rate * dt_s).powi(2);
    }

    pub(super) fn update(&mut self, value: f64, noise: f64) {
        let gain = self.variance / (self.variance + noise * noise);
        self.value += gain * (value - self.value);
        self.variance *= 1.0 - gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::group::Group;

    #[test]
    fn velocity_is_found_and_standing_is_seen() {
        let mut filter = PlanarFilter::new([0.0, 0.0], 0.0, 0.2, 8.0);
        for i in 1..30 {
            filter.predict(0.1, 3.0, 0.0);
            // Seen at different instants of each sweep.
            let after_s = 0.02 * f64::from(i % 5);
            filter.update([1.2 * f64::from(i) + 12.0 * after_s, 0.0], after_s, 0.2);
        }
        let [vx, vy] = filter.velocity();
        assert!((vx - 12.0).abs() < 0.05 && vy.abs() < 1e-9, "{vx} {vy}");
        assert!(filter.velocity_spread() < 1.0 && filter.is_finite());
        assert!(filter.distance_squared([34.8 + 0.6, 0.0], 0.05, 0.2) < 0.1);
    }

    #[test]
    fn a_known_turn_keeps_the_speed_and_closes_the_circle() {
        let mut filter = PlanarFilter::new([10.0, 0.0], 0.0, 0.1, 1.0);
        filter.state[3] = 10.0; // a circle of 10 m around the origin, 1 rad/s
        for _ in 0..20 {
            filter.predict(std::f64::consts::PI / 20.0, 3.0, 1.0);
        }
        let ([x, y], [vx, vy]) = (filter.position(), filter.velocity());
        assert!((x + 10.0).abs() < 1e-9 && y.abs() < 1e-9 && vx.abs() < 1e-9 && (vy + 10.0).abs() < 1e-9);
        let mut straight = filter.clone();
        straight.predict(0.1, 3.0, 0.0);
        filter.predict(0.1, 3.0, 1e-9);
        assert!((straight.state - filter.state).norm() < 1e-8 && filter.is_finite());
    }

    #[test]
    fn heading_follows_across_the_wrap() {
        let motion = Group::Vehicle.motion();
        let mut heading = HeadingFilter::new(3.0, &motion);
        for i in 1..50 {
            heading.predict(0.1, 0.5);
            heading.update(wrap_angle(3.0 + 0.03 * f64::from(i)), motion.heading_noise_rad);
        }
        assert!(wrap_angle(heading.yaw() - 4.47).abs() < 0.05, "{}", heading.yaw());
        assert!((heading.rate() - 0.3).abs() < 0.1, "{}", heading.rate());
    }
}
