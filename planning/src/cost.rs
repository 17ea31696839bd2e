//! What a trajectory costs: discomfort, time, distance from the middle, nearness, and changing one's mind.

use crate::lanes::Lanes;
use crate::table::Row;

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
    pub const SWITCH: f64 = 0.3;
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
    /// Adds a sample: the line there, the highest speed wanted anywhere, offset, speed and acceleration, longitudinal and lateral jerk.
    #[inline]
    pub fn add(
        &mut self,
        row: &Row,
        best_mps: f64,
        offset: Lanes,
        [speed, acceleration]: [Lanes; 2],
        jerk: f64,
        lateral_jerk: Lanes,
    ) {
        self.count += 1.0;
        self.comfort = self.comfort
            + (acceleration * weight::ACCELERATION * acceleration
                + weight::JERK * jerk * jerk
                + lateral_jerk * weight::LATERAL_JERK * lateral_jerk);
        let fast = (speed - row.wanted_mps).at_least(0.0) * weight::FAST;
        let slow = (speed.at_most(row.wanted_mps) * -1.0 + best_mps) * weight::SLOW;
        self.speed = self.speed + (fast + slow);
        self.offset = self.offset + offset * offset;
    }

    /// The sums over the samples so far.
    #[inline]
    #[must_use]
    pub fn sum(&self) -> Lanes {
        self.comfort + self.speed + self.offset * weight::OFFSET + self.gap * weight::GAP
    }

    /// The means over the samples.
    #[must_use]
    pub fn total(&self) -> Lanes {
        self.sum().per(self.count.max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_does_not_depend_on_the_number_of_samples() {
        let row = Row { wanted_mps: 10.0, ..Row::default() };
        let (speed, acceleration, still) = (Lanes::all(9.0), Lanes::all(1.0), Lanes::default());
        let price = |count: usize| {
            let mut prices = Prices::default();
            (0..count).for_each(|_| prices.add(&row, 10.0, Lanes::all(0.5), [speed, acceleration], 0.0, still));
            prices.total().0[2]
        };
        let expected = weight::SLOW + weight::ACCELERATION + 0.25 * weight::OFFSET;
        assert!((price(7) - expected).abs() < 1e-12 && (price(61) - expected).abs() < 1e-12);
        assert_eq!(Prices::default().total(), Lanes::default());
    }
}
