//! What a trajectory costs: discomfort, time, distance from the middle, nearness, and changing one's mind.

use crate::lanes::Lanes;
use crate::table::Row;
use serde::{Deserialize, Serialize};

/// Weights of the costs. A cost is a mean over the horizon, so that all are comparable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Longitudinal jerk squared, per (m/s3)^2.
    pub jerk: f64,
    /// Longitudinal acceleration squared, per (m/s2)^2.
    pub acceleration: f64,
    /// Lateral jerk squared, per (m/s3)^2.
    pub lateral_jerk: f64,
    /// Below the highest speed wanted anywhere in reach, per m/s: the same for all, so that nobody gains by dawdling on a
    /// slow stretch.
    pub slow: f64,
    /// Above the wanted speed, per m/s.
    pub fast: f64,
    /// Offset squared, per m^2.
    pub offset: f64,
    /// Missing clearance squared, per m^2.
    pub clearance: f64,
    /// Missing share of the gap to a target, squared.
    pub gap: f64,
    /// Staying behind what stands for good and could be passed; the more, the longer one is stuck.
    pub behind: f64,
    /// Distance from the last plan squared, per m^2.
    pub change: f64,
    /// Another side, or stopping instead of going and the other way round.
    pub switch: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            jerk: 0.15,
            acceleration: 0.25,
            lateral_jerk: 0.15,
            slow: 0.6,
            fast: 2.0,
            offset: 1.5,
            clearance: 8.0,
            gap: 40.0,
            behind: 5.0,
            change: 0.1,
            switch: 0.3,
        }
    }
}

impl Weights {
    /// Their names in a configuration, and their values.
    #[must_use]
    pub fn named(&self) -> [(&'static str, f64); 11] {
        [
            ("planning.weights.jerk", self.jerk),
            ("planning.weights.acceleration", self.acceleration),
            ("planning.weights.lateral_jerk", self.lateral_jerk),
            ("planning.weights.slow", self.slow),
            ("planning.weights.fast", self.fast),
            ("planning.weights.offset", self.offset),
            ("planning.weights.clearance", self.clearance),
            ("planning.weights.gap", self.gap),
            ("planning.weights.behind", self.behind),
            ("planning.weights.change", self.change),
            ("planning.weights.switch", self.switch),
        ]
    }
}

/// Sums over the samples up to the horizon, of several candidates side by side.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prices {
    count: f64,
    comfort: Lanes,
    speed: Lanes,
    offset: Lanes,
    /// Squared missing shares of the gap to targets.
    pub gap: Lanes,
}

impl Prices {
    /// Adds a sample: the weights, the line there, the highest speed wanted anywhere, offset, speed and acceleration, longitudinal and lateral jerk.
    #[inline]
    pub fn add(
        &mut self,
        weights: &Weights,
        row: &Row,
        best_mps: f64,
        offset: Lanes,
        [speed, acceleration]: [Lanes; 2],
        jerk: f64,
        lateral_jerk: Lanes,
    ) {
        self.count += 1.0;
        self.comfort = self.comfort
            + (acceleration * weights.acceleration * acceleration
                + weights.jerk * jerk * jerk
                + lateral_jerk * weights.lateral_jerk * lateral_jerk);
        let fast = (speed - row.wanted_mps).at_least(0.0) * weights.fast;
        let slow = (speed.at_most(row.wanted_mps) * -1.0 + best_mps) * weights.slow;
        self.speed = self.speed + (fast + slow);
        self.offset = self.offset + offset * offset;
    }

    /// The sums over the samples so far.
    #[inline]
    #[must_use]
    pub fn sum(&self, weights: &Weights) -> Lanes {
        self.comfort + self.speed + self.offset * weights.offset + self.gap * weights.gap
    }

    /// The means over the samples.
    #[must_use]
    pub fn total(&self, weights: &Weights) -> Lanes {
        self.sum(weights).per(self.count.max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_does_not_depend_on_the_number_of_samples() {
        let (row, weights) = (Row { wanted_mps: 10.0, ..Row::default() }, Weights::default());
        let (speed, acceleration, still) = (Lanes::all(9.0), Lanes::all(1.0), Lanes::default());
        let price = |count: usize| {
            let mut prices = Prices::default();
            (0..count)
                .for_each(|_| prices.add(&weights, &row, 10.0, Lanes::all(0.5), [speed, acceleration], 0.0, still));
            prices.total(&weights).0[2]
        };
        let expected = weights.slow + weights.acceleration + 0.25 * weights.offset;
        assert!((price(7) - expected).abs() < 1e-12 && (price(61) - expected).abs() < 1e-12);
        assert_eq!(Prices::default().total(&weights), Lanes::default());
    }
}
