//! `chauffeur bench drive`: a long drive of a simulated car in real time, from engaging to the log's faithful replay.
//!
//! The car is in this process, `chauffeur drive` in another; each figure is beside the bound that it has to keep.

use super::super::NetworkOptions;
use super::driver_process;
use super::tracking_error::{errors, own_path};
use crate::simulation::as_car::describe::Ports;
use crate::simulation::as_car::driver::SafetyDriver;
use crate::simulation::as_car::fault::Faults;
use crate::simulation::as_car::outcome::{Outcome, quantile};
use crate::simulation::as_car::{AsCar, Signs};
use anyhow::{Context, ensure};
use clap::Args;
use sim::Scenario;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What to drive.
#[derive(Debug, Args)]
pub struct Options {
    /// The family of scenarios.
    #[arg(default_value = "urban", value_name = "SCENARIO")]
    scenario: String,
    /// Which of its kind.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// How long the computer drives, s.
    #[arg(long, default_value_t = 600.0, value_name = "SECONDS")]
    duration: f64,
    /// The first port of the car.
    #[arg(long, default_value_t = 27_500, value_name = "PORT")]
    ports: u16,
    /// Where description, log and report go, which are kept. Default: nowhere.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Without the camera.
    #[arg(long)]
    no_camera: bool,
    /// Change one key of the car's configuration, for the drive and its replay.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    networks: NetworkOptions,
    /// What `chauffeur drive` gets besides, such as `--live 8765`.
    #[arg(last = true, value_name = "OPTIONS")]
    drive: Vec<OsString>,
}

impl Options {
    /// What drives in the same way: the drive's and its replay's.
    fn same(&self) -> Vec<OsString> {
        let set = self.set.iter().flat_map(|change| ["--set".into(), change.into()]);
        set.chain(self.networks.arguments()).collect()
    }
}

/// Bounds of a drive: lateral error by the car's own position, m, and true speed error, m/s, that 95 % keep; lateral jerk, m/s3.
const LATERAL_M: f64 = 0.15;
const SPEED_MPS: f64 = 0.3;
const LATERAL_JERK_MPS3: f64 = 5.0;
/// The computer gets so long to be ready, s.
const PATIENCE_S: f64 = 120.0;

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    ensure!((1.0..=3600.0).contains(&options.duration), "--duration {} is outside 1 to 3600", options.duration);
    let scenario = Scenario::family(&options.scenario)?;
    let scratch = tempfile::tempdir()?;
    let folder = options.output.clone().unwrap_or_else(|| scratch.path().join("car"));
    let log = folder.join("drive.mcap");
    let car = AsCar {
        scenario,
        seed: options.seed,
        folder: folder.clone(),
        ports: Ports::from(options.ports),
        duration_s: Some(options.duration),
        patience_s: PATIENCE_S,
        camera: !options.no_camera,
        driver: SafetyDriver::default(),
        faults: Faults::default(),
    };
    let prepared = car.prepare()?;
    println!("{}, seed {}: {} s in real time", options.scenario, options.seed, options.duration);
    let words = [options.same(), options.drive.clone()].concat();
    let mut child = driver_process::start(&folder, &log, &words)?;
    let signs = Arc::new(Signs::default());
    let asked = Arc::clone(&signs);
    let _ = ctrlc::set_handler(move || asked.stop.store(true, Ordering::Relaxed));
    let outcome = prepared.run(&signs);
    let ended = driver_process::end(&mut child)?;
    let outcome = outcome?;
    std::fs::write(folder.join("report.json"), format!("{:#}\n", outcome.to_json()))?;
    // What the computer itself has to say: latencies, drops, punctuality.
    print!("{}", std::fs::read_to_string(folder.join("drive.out"))?);
    let words = std::fs::read_to_string(folder.join("drive.err"))?;
    ensure!(
        outcome.report.is_some(),
        "the computer never drove ({}): {}",
        driver_process::how(ended),
        words.lines().last().unwrap_or("it said nothing")
    );
    println!();
    let mut good = judged(&outcome, &log)?;
    println!("{:<22}{}", "drive ended", driver_process::how(ended));
    good &= ended.is_some_and(|status| status.success());
    good &= replayed(&folder, &log, &options.same())?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Prints how the car drove; whether every bound was kept.
fn judged(outcome: &Outcome, log: &Path) -> anyhow::Result<bool> {
    let report = outcome.report.as_ref().context("nobody drove")?;
    let (errors, true_errors) = (errors(log, &own_path(log)?)?, errors(log, &outcome.path)?);
    let mut good = true;
    let mut row = |name: &str, value: String, bound: Option<(bool, String)>| {
        let verdict = bound.map_or(String::new(), |(kept, bound)| {
            good &= kept;
            format!(" ({bound}{})", if kept { "" } else { ": NOT KEPT" })
        });
        println!("{name:<22}{value}{verdict}");
    };
    let goal = report.goal_s.map_or(String::new(), |goal_s| format!(", at its goal after {goal_s:.1} s"));
    row("driven", format!("{:.1} s, {:.0} m{goal}", outcome.driven_s, report.travelled_m), None);
    let failures = report.failures();
    row("failures", failures.len().to_string(), Some((failures.is_empty(), "none".to_string())));
    failures.iter().for_each(|failure| println!("  {failure}"));
    let own = report.collisions.iter().filter(|hit| hit.own_fault).count();
    row("own-fault collisions", format!("{own} of {}", report.collisions.len()), Some((own == 0, "none".to_string())));
    for (name, values, bound, unit) in [
        ("lateral error", &errors.lateral_m, Some(LATERAL_M), "m"),
        ("  with unit's drift", &true_errors.lateral_m, None, "m"),
        ("speed error", &true_errors.speed_mps, Some(SPEED_MPS), "m/s"),
    ] {
        let [half, most, worst] = [0.5, 0.95, 1.0].map(|share| quantile(values, share));
        let tell = |value: Option<f64>| value.map_or("-".to_string(), |value| format!("{value:.3}"));
        row(
            name,
            format!("{} median, {} p95, {} most, {unit}", tell(half), tell(most), tell(worst)),
            bound.map(|bound| (most.is_some_and(|most| most <= bound), format!("p95 <= {bound}"))),
        );
    }
    let jerk = &report.lateral_jerk;
    row(
        "lateral jerk",
        format!("{:.2} most, {:.2} root mean square, m/s3", jerk.most, jerk.rms()),
        Some((jerk.most <= LATERAL_JERK_MPS3, format!("most <= {LATERAL_JERK_MPS3}"))),
    );
    let changes = outcome.ear.changes();
    let stops = changes.windows(2).filter(|pair| pair[0].1.mode == Some(2) && pair[1].1.mode == Some(4)).count();
    row("minimum-risk stops", stops.to_string(), Some((stops == 0, "none".to_string())));
    let pace = &outcome.pace;
    row(
        "world",
        format!("{} of {} steps late, {} images left out", pace.late_steps, pace.steps, pace.images_dropped),
        None,
    );
    Ok(good)
}

/// Replays the log as it was recorded; whether every bit came again.
fn replayed(folder: &Path, log: &Path, same: &[OsString]) -> anyhow::Result<bool> {
    let again = folder.join("again.mcap");
    // The networks that drove are those that drive again, and the car's configuration.
    let output = Command::new(std::env::current_exe()?)
        .args(["replay", "--mode", "faithful", "--compare", "--output"])
        .arg(&again)
        .arg("--config")
        .arg(folder.join("car.toml"))
        .args(same)
        .arg(log)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let word = said.lines().last().unwrap_or("nothing").to_string();
    println!("{:<22}{word}", "faithful replay");
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let _ = std::fs::remove_file(again);
    Ok(output.status.success())
}
