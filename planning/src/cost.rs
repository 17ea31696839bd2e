//! What a trajectory costs: discomfort, time, distance from the middle, nearness, and changing one's mind.

use crate::lattice::Row;
use crate::rollout::State;

/// Weights of the costs. A cost is a mean over the horizon, so that all are comparable.
pub mod weight {
    /// Longitudinal jerk squared, per (m/s3)^2.
    pub const JERK: f64 = 0.15;
    /// Longitudinal acceleration squared, per (m/s2)^2.
    pub const ACCELERATION: f64 = 0.25;
    /// Lateral jerk squared, per (m/s3)^2.
    pub const LATERAL_JERK: f64 = 0.15;
    /// Below the highest speed wanted anywhere in reach, per m/s: the same for all, so that nobody gains by dawdling on a
    /// slow stretch.
    pub const SLOW: f64 = 0.6;
    /// Above the wanted speed, per m/s.
    pub const FAST: f64 = 2.0;
    /// Offset squared, per m^2.
    pub const OFFSET: f64 = 1.5;
    /// Missing clearance squared, per m^2.
    pub const CLEARANCE: f64 = 8.0;
    /// Missing share of the gap to a target, squared.
    pub const GAP: f64 = 40.0;
    /// Staying behind what stands for good and could be passed; the more, the longer one is stuck.
    pub const BEHIND: f64 = 5.0;
    /// Distance from the last plan squared, per m^2.
    pub const CHANGE: f64 = 0.1;
    /// Another side, or stopping instead of going and the other way round.
    pub const SWITCH: f64 = 1.0;
}

/// Sums over the samples up to the horizon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Price {
    count: f64,
    comfort: f64,
    speed: f64,
    offset: f64,
    /// Squared missing shares of the gap to targets.
    pub gap: f64,
}

impl Price {
    /// Adds a sample: the line there, the highest speed wanted anywhere, the offset, the state, longitudinal and lateral jerk.
    pub fn add(&mut self, row: &Row, best_mps: f64, offset: f64, state: &State, jerk: f64, lateral_jerk: f64) {
        self.count += 1.0;
        self.comfort += weight::JERK * jerk * jerk
            + weight::ACCELERATION * state.acceleration * state.acceleration
            + weight::LATERAL_JERK * lateral_jerk * lateral_jerk;
        let off = state.speed - row.wanted_mps;
        self.speed += weight::FAST * off.max(0.0) + weight::SLOW * (best_mps - state.speed.min(row.wanted_mps));
        self.offset += offset * offset;
    }

    /// No less than the mean over `count` samples, however dear the missing ones are.
    #[must_use]
    #[inline]
    pub fn at_least(&self, count: f64) -> f64 {
        (self.comfort + self.speed + weight::OFFSET * self.offset + weight::GAP * self.gap) / count
    }

    /// The mean over the samples.
    #[must_use]
    pub fn total(&self) -> f64 {
        (self.comfort + self.speed + weight::OFFSET * self.offset + weight::GAP * self.gap) / self.count.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_does_not_depend_on_the_number_of_samples() {
        let row = Row { wanted_mps: 10.0, ..Row::default() };
        let state = State { speed: 9.0, acceleration: 1.0, ..State::default() };
        let price = |count: usize| {
            let mut price = Price::default();
            (0..count).for_each(|_| price.add(&row, 10.0, 0.5, &state, 0.0, 0.0));
            price.total()
        };
        let expected = weight::SLOW + weight::ACCELERATION + 0.25 * weight::OFFSET;
        assert!((price(7) - expected).abs() < 1e-12 && (price(61) - expected).abs() < 1e-12);
        assert_eq!(Price::default().total(), 0.0);
    }
}
