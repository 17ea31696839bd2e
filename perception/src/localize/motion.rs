//! Speed and acceleration from a series of positions along a line, or rates from a series of angles.

use nalgebra::{Matrix3, Vector3};

/// A Kalman filter over position, rate and acceleration; the acceleration is a random walk.
///
/// It has no lag in steady motion or steady acceleration. The position is kept relative to the last measured one.
#[derive(Clone, Debug)]
pub(super) struct RateFilter {
    state: Vector3<f64>,
    covariance: Matrix3<f64>,
    noise: f64,
    jerk: f64,
}

impl RateFilter {
    /// `noise`: standard deviation of one position; `jerk`: how much the acceleration wanders within a second;
    /// `rate_spread`, `acceleration_spread`: standard deviations before anything was seen.
    pub(super) fn new(noise: f64, jerk: f64, rate_spread: f64, acceleration_spread: f64) -> Self {
        let spread = Vector3::new(noise, rate_spread, acceleration_spread);
        Self {
            state: Vector3::zeros(),
            covariance: Matrix3::from_diagonal(&spread.component_mul(&spread)),
            noise,
            jerk,
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.state[1]
    }

    pub(super) fn acceleration(&self) -> f64 {
        self.state[2]
    }

    /// Takes the rates from elsewhere and keeps the certainty of a settled filter.
    pub(super) fn set(&mut self, rate: f64, acceleration: f64) {
        self.state = Vector3::new(0.0, rate, acceleration);
        let spread = Vector3::new(self.noise, 5.0 * self.noise, 0.3 * self.jerk);
        self.covariance = Matrix3::from_diagonal(&spread.component_mul(&spread));
    }

    /// Moves on by `dt_s`; `increment` is how far the measured position moved since the last one.
    pub(super) fn step(&mut self, increment: f64, dt_s: f64) {
        self.predict(dt_s);
        let innovation = increment - self.state[0];
        let gain = self.covariance.column(0) / (self.covariance[(0, 0)] + self.noise * self.noise);
        self.state += gain * innovation;
        self.state[0] -= increment;
        let reduced = self.covariance - gain * self.covariance.row(0);
        self.covariance = 0.5 * (reduced + reduced.transpose());
    }

    fn predict(&mut self, dt_s: f64) {
        let half = 0.5 * dt_s * dt_s;
        let transition = Matrix3::new(1.0, dt_s, half, 0.0, 1.0, dt_s, 0.0, 0.0, 1.0);
        self.state = transition * self.state;
        let wander = Vector3::new(dt_s * half / 3.0, half, dt_s) * self.jerk / dt_s.sqrt();
        self.covariance = transition * self.covariance * transition.transpose() + wander * wander.transpose();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_a_braking_car_without_lag_and_smooths_noise() {
        let mut filter = RateFilter::new(0.02, 3.0, 15.0, 2.0);
        let position = |t: f64| 12.0 * t - 0.5 * 2.0 * t * t;
        for i in 1..50 {
            let t = 0.1 * f64::from(i);
            let noise = |i: i32| 0.015 * (f64::from(i) * 2.3).sin();
            filter.step(position(t) - position(t - 0.1) + noise(i) - noise(i - 1), 0.1);
            if i > 10 {
                assert!((filter.rate() - (12.0 - 2.0 * t)).abs() < 0.25, "{i}: {}", filter.rate());
                assert!((filter.acceleration() + 2.0).abs() < 1.0, "{i}: {}", filter.acceleration());
            }
        }
    }
}
