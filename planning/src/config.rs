//! What two vehicles or two roads may want different.

use crate::cost::Weights;
use serde::{Deserialize, Serialize};

/// Settings of the planner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Speed on a free, straight road without a known limit, m/s.
    pub cruise_speed_mps: f64,
    /// Width of the lane where no route says it, m.
    pub lane_width_m: f64,
    /// Time gap to a moving object ahead, s.
    pub headway_s: f64,
    /// Gap to a standing object ahead, bumper to bumper, m.
    pub standstill_gap_m: f64,
    /// Free space wanted around the vehicle from 5 m/s on, m; slower it shrinks to half of it.
    pub margin_m: f64,
    /// How far from the rear axle objects are found for certain, m: what is not followed is driven so that one can stop
    /// within it.
    pub sight_m: f64,
    /// From the stamp of the data to the instant when control takes up their plan, s.
    pub latency_s: f64,
    /// What counts how much in the choice.
    pub weights: Weights,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cruise_speed_mps: 13.9,
            lane_width_m: 3.5,
            headway_s: 1.5,
            standstill_gap_m: 2.2,
            margin_m: 0.3,
            sight_m: 42.0,
            latency_s: 0.15,
            weights: Weights::default(),
        }
    }
}

impl Config {
    /// The field that cannot be true and its value, if there is one.
    #[must_use]
    pub fn implausible(&self) -> Option<(&'static str, f64)> {
        [
            ("planning.cruise_speed_mps", self.cruise_speed_mps, 0.0..=70.0),
            ("planning.lane_width_m", self.lane_width_m, 1.0..=20.0),
            ("planning.headway_s", self.headway_s, 0.2..=5.0),
            ("planning.standstill_gap_m", self.standstill_gap_m, 0.5..=20.0),
            ("planning.margin_m", self.margin_m, 0.0..=2.0),
            ("planning.sight_m", self.sight_m, 10.0..=1000.0),
            ("planning.latency_s", self.latency_s, 0.0..=0.5),
        ]
        .into_iter()
        .chain(self.weights.named().map(|(name, value)| (name, value, 0.0..=1e3)))
        .find(|(_, value, range)| !range.contains(value))
        .map(|(name, value, _)| (name, value))
    }

    /// The same if it is plausible, else the defaults.
    #[must_use]
    pub fn repaired(self) -> Self {
        if self.implausible().is_some() { Self::default() } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_plausible_and_nan_is_named() {
        assert_eq!(Config::default().implausible(), None);
        let bad = Config { headway_s: f64::NAN, ..Config::default() };
        assert_eq!(bad.implausible().map(|(name, _)| name), Some("planning.headway_s"));
        assert_eq!(bad.repaired(), Config::default());
        // A price below zero would be a bound that is none.
        let bad = Config { weights: Weights { slow: -0.1, ..Weights::default() }, ..Config::default() };
        assert_eq!(bad.implausible(), Some(("planning.weights.slow", -0.1)));
    }
}
