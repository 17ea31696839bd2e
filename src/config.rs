//! One vehicle's configuration: a typed TOML file, unknown keys refused, every key with a default.

use anyhow::{Context, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::Path;
use types::Vehicle;

/// Everything that may differ between two vehicles.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Size and limits.
    pub vehicle: Vehicle,
    /// The corridor.
    pub runtime: Runtime,
    /// What the lidar sees of its own vehicle.
    pub decode: perception::decode::Config,
    /// Detection without a network.
    pub geometric: perception::detect::GeometricConfig,
    /// Objects from labelled points.
    pub segments: perception::detect::SegmentConfig,
    /// Ego state.
    pub localize: perception::localize::Config,
    /// Objects over time.
    pub track: perception::track::Config,
    /// The planner.
    pub planning: planning::Config,
    /// The controller.
    pub control: control::Config,
}

/// Times of the corridor.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Runtime {
    /// Control ticks, s.
    pub control_period_s: f64,
    /// In virtual time (replay, simulation) a frame's plan counts so long after its sweep is complete, s. It stands for the
    /// work of the stages, so that what a simulated car does follows from its seed and not from the machine.
    pub latency_s: f64,
    /// Largest distance of the stamps of messages that belong together, s.
    pub join_tolerance_s: f64,
    /// The longest one step of one stage may take before it counts as hung, s.
    pub step_budget_s: f64,
    /// Bytes that wait for the log at most while driving.
    pub log_limit_bytes: usize,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            control_period_s: 0.01,
            latency_s: 0.05,
            join_tolerance_s: 0.05,
            step_budget_s: 30.0,
            log_limit_bytes: 256 << 20,
        }
    }
}

impl Config {
    /// Reads a configuration; without a path all is default.
    ///
    /// # Errors
    /// Names the file and the key or the value that is wrong.
    pub fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let config: Self = toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
        let rooms = [
            config.vehicle.implausible(),
            config.decode.implausible(),
            config.planning.implausible(),
            config.control.implausible(),
        ];
        if let Some((field, value)) = rooms.into_iter().flatten().next() {
            bail!("{}: {field} = {value} cannot be true of a road vehicle", path.display());
        }
        let runtime = &config.runtime;
        for (key, value, low, high) in [
            ("control_period_s", runtime.control_period_s, 0.001, 1.0),
            ("latency_s", runtime.latency_s, 0.0, 1.0),
            ("join_tolerance_s", runtime.join_tolerance_s, 0.0, 1.0),
            ("step_budget_s", runtime.step_budget_s, 0.01, 3600.0),
        ] {
            if !(low..=high).contains(&value) {
                bail!("{}: runtime.{key} = {value} is outside {low} to {high}", path.display());
            }
        }
        Ok(config)
    }

    /// SHA-256 over every value, given or default, in hex: two runs with equal digests were configured alike.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(format!("{self:?}")))
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Config> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        Config::read(Some(file.path()))
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_named() {
        assert!(read("[vehicle]\nwheelbase_m = 2.9\n").is_ok());
        let unknown = format!("{:#}", read("[vehicle]\nwheels = 4\n").unwrap_err());
        assert!(unknown.contains("wheels"), "{unknown}");
        let impossible = format!("{:#}", read("[vehicle]\nwidth_m = -1.0\n").unwrap_err());
        assert!(impossible.contains("vehicle.width_m = -1"), "{impossible}");
        let period = format!("{:#}", read("[runtime]\ncontrol_period_s = 0.0\n").unwrap_err());
        assert!(period.contains("control_period_s"), "{period}");
    }

    #[test]
    fn the_digest_sees_every_value() {
        let mut config = Config::default();
        let before = config.digest();
        config.vehicle.limits.jerk_mps3 += 1e-9;
        assert_ne!(before, config.digest());
        assert_eq!(before.len(), 64);
    }
}
