//! One vehicle's configuration: a typed TOML file, unknown keys refused, every key with a default.

use crate::drive::Car;
use anyhow::{Context, anyhow, bail};
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
    /// Sensors and buses of a real car; only `chauffeur drive` asks for them.
    pub car: Option<Car>,
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
        Self::read_with(path, &[])
    }

    /// Reads a configuration and changes single keys of it: `planning.headway_s=2`. The value is written as in the file.
    ///
    /// # Errors
    /// Names the file, or the change, and the key or the value that is wrong.
    pub fn read_with(path: Option<&Path>, changes: &[String]) -> anyhow::Result<Self> {
        let mut config = Self::default();
        let mut table = toml::Table::new();
        if let Some(path) = path {
            let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
            config = toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
            config.check().with_context(|| format!("{}", path.display()))?;
            table = toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
        }
        for change in changes {
            let said = || format!("--set {change}");
            set(&mut table, change).with_context(said)?;
            let changed = table.clone().try_into();
            config = changed
                .map_err(|error| anyhow!("{}", error.to_string().trim().replace('\n', " ")))
                .with_context(said)?;
            config.check().with_context(said)?;
        }
        if let (Some(car), Some(path)) = (&mut config.car, path) {
            car.resolve(path.parent().unwrap_or_else(|| Path::new("")));
        }
        Ok(config)
    }

    /// Whether every value can be true.
    fn check(&self) -> anyhow::Result<()> {
        let rooms = [
            self.vehicle.implausible(),
            self.decode.implausible(),
            self.planning.implausible(),
            self.control.implausible(),
        ];
        if let Some((field, value)) = rooms.into_iter().flatten().next() {
            bail!("{field} = {value} cannot be true of a road vehicle");
        }
        let runtime = &self.runtime;
        for (key, value, low, high) in [
            ("control_period_s", runtime.control_period_s, 0.001, 1.0),
            ("latency_s", runtime.latency_s, 0.0, 1.0),
            ("join_tolerance_s", runtime.join_tolerance_s, 0.0, 1.0),
            ("step_budget_s", runtime.step_budget_s, 0.01, 3600.0),
        ] {
            if !(low..=high).contains(&value) {
                bail!("runtime.{key} = {value} is outside {low} to {high}");
            }
        }
        self.car.as_ref().map_or(Ok(()), Car::check)
    }

    /// SHA-256 over every value, given or default, in hex: two runs with equal digests were configured alike. Where a car's sensors are
    /// reached is not part of it: a replay of the car's drive needs none of that.
    #[must_use]
    pub fn digest(&self) -> String {
        let Self { vehicle, runtime, decode, geometric, segments, localize, track, planning, control, car: _ } = self;
        let all = format!(
            "Config {{ vehicle: {vehicle:?}, runtime: {runtime:?}, decode: {decode:?}, geometric: {geometric:?}, segments: {segments:?}, \
             localize: {localize:?}, track: {track:?}, planning: {planning:?}, control: {control:?} }}"
        );
        hex(&Sha256::digest(all))
    }
}

/// Puts `key.key=value` into a table.
fn set(table: &mut toml::Table, change: &str) -> anyhow::Result<()> {
    let (key, value) = change.split_once('=').context("is not KEY=VALUE")?;
    // A line of its own, so that quotes, lists and numbers mean what they mean in the file.
    let line = format!("value = {value}");
    let value = toml::from_str::<toml::Table>(&line).ok().and_then(|mut line| line.remove("value"));
    let value = value.context("the value is not TOML: text needs quotes")?;
    let mut keys: Vec<&str> = key.trim().split('.').map(str::trim).collect();
    let last = keys.pop().filter(|last| !last.is_empty()).context("the key is empty")?;
    let mut table = table;
    for key in keys {
        let inner = table.entry(key.to_string()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        table = inner.as_table_mut().with_context(|| format!("{key} is no section"))?;
    }
    table.insert(last.to_string(), value);
    Ok(())
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
    fn single_keys_are_changed_and_unknown_ones_refused() {
        let set = |changes: &[&str]| {
            let changes: Vec<String> = changes.iter().map(|change| (*change).to_string()).collect();
            Config::read_with(None, &changes)
        };
        let config =
            set(&["planning.headway_s=2.5", "vehicle.limits.jerk_mps3 = 4.0", "localize.held_frames=7"]).unwrap();
        assert_eq!(
            (config.planning.headway_s, config.vehicle.limits.jerk_mps3, config.localize.held_frames),
            (2.5, 4.0, 7)
        );
        assert_eq!(config.planning.margin_m, Config::default().planning.margin_m);
        for (change, named) in [
            ("planning.horse_power=90", "horse_power"),
            ("planing.headway_s=2", "planing"),
            ("planning.headway_s", "KEY=VALUE"),
            ("planning.headway_s=soon", "text needs quotes"),
            ("planning.headway_s=-1.0", "planning.headway_s = -1"),
            ("planning=3", "planning"),
            (".=3", "empty"),
        ] {
            let said = format!("{:#}", set(&[change]).unwrap_err());
            assert!(said.starts_with(&format!("--set {change}: ")) && said.contains(named), "{said}");
        }
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
