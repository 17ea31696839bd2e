//! Whether this computer, and the car if one is described, may drive: checks, each with a verdict.
//!
//! In: the configuration, the choice of networks, the folder of the drives. Out: a list of checks. Never: a change to anything; what is
//! written to measure the disk is taken away again. A car must not arm while a check fails; a warning is for a person to weigh.
#![allow(clippy::disallowed_methods)] // it measures the disk and listens at sockets, each in a thread

mod car;
mod computer;
mod listen;
mod networks;

use crate::config::Config;
use crate::stack::NetworkChoice;
use control::safety::{Health, HealthItem};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Worse than it could be; a person decides.
    Warn,
    /// The car must not drive.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What must be well before a car arms and to which this belongs.
    #[serde(serialize_with = "as_name")]
    pub item: HealthItem,
    /// What was looked at.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, in one line with the numbers.
    pub finding: String,
    /// More of it, a line each.
    pub notes: Vec<String>,
}

fn as_name<S: serde::Serializer>(item: &HealthItem, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(item.name())
}

impl Check {
    fn new(item: HealthItem, name: impl Into<String>, verdict: Verdict, finding: impl Into<String>) -> Self {
        Self { item, name: name.into(), verdict, finding: finding.into(), notes: Vec::new() }
    }

    fn fail(item: HealthItem, name: impl Into<String>, error: &anyhow::Error) -> Self {
        Self::new(item, name, Verdict::Fail, format!("{error:#}").replace('\n', " "))
    }
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The car's configuration, if there is one.
    pub config: Option<PathBuf>,
    /// Changes of its keys, as words `KEY=VALUE`.
    pub changes: Vec<String>,
    /// Which networks.
    pub networks: NetworkChoice,
    /// Where drives are written.
    pub folder: PathBuf,
    /// Whether to listen to sensors and buses; not while a drive has them.
    pub listen: bool,
}

/// Makes all checks.
#[must_use]
pub fn examine(subject: &Subject) -> Vec<Check> {
    let mut checks = vec![computer::clock(), computer::processor(), computer::scheduling(), computer::memory()];
    checks.extend(computer::disk(&subject.folder));
    checks.extend(networks::check(&subject.networks));
    if let Some(path) = &subject.config {
        checks.extend(configuration(path, &subject.changes, subject.listen));
    }
    checks
}

fn configuration(path: &Path, changes: &[String], listen: bool) -> Vec<Check> {
    let config = match Config::read_with(Some(path), changes) {
        Ok(config) => config,
        Err(error) => return vec![Check::fail(HealthItem::Config, "car.toml", &error)],
    };
    let mut checks = vec![Check::new(HealthItem::Config, "car.toml", Verdict::Pass, format!("{}", path.display()))];
    match &config.car {
        None => {
            checks.push(Check::new(
                HealthItem::Config,
                "car",
                Verdict::Warn,
                "no [car]: sensors and buses are not looked at",
            ));
        }
        Some(car) => {
            checks.extend(car::files(car));
            if listen {
                checks.extend(listen::to_all(car));
            }
        }
    }
    checks
}

/// The worst verdict.
#[must_use]
pub fn worst(checks: &[Check]) -> Verdict {
    checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Pass)
}

/// What the checks say of each item that they have looked at: well while none of its checks fails.
#[must_use]
pub fn health(checks: &[Check], before: Health) -> Health {
    HealthItem::ALL.into_iter().fold(before, |health, item| {
        let mut of_item = checks.iter().filter(|check| check.item == item).peekable();
        if of_item.peek().is_none() {
            return health;
        }
        health.with(item, of_item.all(|check| check.verdict < Verdict::Fail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failing_check_makes_its_item_unwell() {
        let check = |item, verdict| Check::new(item, "x", verdict, "y");
        let checks = [
            check(HealthItem::Clocks, Verdict::Warn),
            check(HealthItem::Sensors, Verdict::Pass),
            check(HealthItem::Sensors, Verdict::Fail),
        ];
        assert_eq!(worst(&checks), Verdict::Fail);
        let health = health(&checks, Health::all_well());
        assert_eq!(health.failing(), Some(HealthItem::Sensors));
        let nothing_known = super::health(&checks[..1], Health::default());
        assert_eq!(nothing_known.failing(), Some(HealthItem::Calibration));
    }

    #[test]
    fn a_bad_configuration_is_a_failing_check_that_names_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("car.toml");
        std::fs::write(&path, "[vehicle]\nwheels = 3\n").unwrap();
        let checks = configuration(&path, &[], true);
        assert!(checks[0].verdict == Verdict::Fail && checks[0].finding.contains("wheels"), "{checks:?}");
        let json = serde_json::to_value(&checks).unwrap();
        assert_eq!((&json[0]["item"], &json[0]["verdict"]), (&"configuration".into(), &"fail".into()));
        // What a drive is started with counts, too.
        std::fs::write(&path, "").unwrap();
        let whole = configuration(&path, &[], true);
        assert!(whole.iter().all(|check| check.verdict != Verdict::Fail), "a file without a car");
        let changed = configuration(&path, &["planning.headway_s=-1".to_string()], true);
        assert_eq!(changed[0].verdict, Verdict::Fail);
    }
}
