//! When the controller no longer trusts what it follows.

use serde::{Deserialize, Serialize};

/// Who follows the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Model-predictive control, and the simple controller where it finds no answer.
    #[default]
    Predictive,
    /// The simple controller alone: feed-forward, and feedback of offset, angle and speed.
    Pursuit,
}

/// Settings of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A plan older than this is stale, s.
    pub max_plan_age_s: f64,
    /// An ego state older than this is none, s.
    pub max_ego_age_s: f64,
    /// Who follows the plan.
    pub kind: Kind,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_plan_age_s: 0.3, max_ego_age_s: 0.5, kind: Kind::default() }
    }
}

impl Config {
    /// The field that cannot be true and its value, if there is one.
    #[must_use]
    pub fn implausible(&self) -> Option<(&'static str, f64)> {
        [("control.max_plan_age_s", self.max_plan_age_s), ("control.max_ego_age_s", self.max_ego_age_s)]
            .into_iter()
            .find(|(_, value)| !(0.01..=10.0).contains(value))
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
    fn the_default_is_plausible_and_zero_is_named() {
        assert_eq!(Config::default().implausible(), None);
        let bad = Config { max_plan_age_s: 0.0, ..Config::default() };
        assert_eq!(bad.implausible(), Some(("control.max_plan_age_s", 0.0)));
    }
}
