//! `chauffeur simulate --as-car`.

use super::super::table;
use crate::simulation::as_car::describe::Ports;
use crate::simulation::as_car::driver::SafetyDriver;
use crate::simulation::as_car::fault::{Fault, Faults};
use crate::simulation::as_car::outcome::{Outcome, mode_name, quantile};
use crate::simulation::as_car::{AsCar, Prepared, Signs};
use anyhow::{Context, ensure};
use clap::Args;
use sim::Scenario;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What only a car on loopback has.
#[derive(Debug, Args)]
pub struct Options {
    /// What the safety driver does (TOML). Default: arms when the computer is ready, then engages.
    #[arg(long, value_name = "SCRIPT", requires = "as_car")]
    driver: Option<PathBuf>,
    /// A fault of the car, as `lidar-silent@5:2`: from 5 s after the computer was engaged, for 2 s. `@start`: from the start; without a
    /// duration it stays.
    #[arg(long = "fault", value_name = "KIND@SECONDS[:DURATION]", requires = "as_car")]
    faults: Vec<Fault>,
    /// The first of six ports: lidar, INS, signals, CAN to the computer, CAN to the car, camera.
    #[arg(long, value_name = "PORT", default_value_t = 27_500, requires = "as_car")]
    ports: u16,
    /// How long to wait for a computer that drives, s.
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, requires = "as_car")]
    patience: f64,
    /// The report as JSON.
    #[arg(long, value_name = "FILE", requires = "as_car")]
    json: Option<PathBuf>,
}

pub fn run(options: &super::Options, scenario: Scenario, folder: &Path) -> anyhow::Result<ExitCode> {
    let own = &options.car;
    ensure!((0.1..=36_000.0).contains(&own.patience), "--patience {} is outside 0.1 to 36000", own.patience);
    ensure!((1024..=65_530).contains(&own.ports), "--ports {} is outside 1024 to 65530", own.ports);
    let name = scenario.name.clone();
    let car = AsCar {
        scenario,
        seed: options.seed,
        folder: folder.to_path_buf(),
        ports: Ports::from(own.ports),
        duration_s: options.duration,
        patience_s: own.patience,
        camera: !options.no_camera,
        driver: own.driver.as_deref().map(SafetyDriver::read).transpose()?.unwrap_or_default(),
        faults: Faults::new(own.faults.clone()),
    };
    let prepared: Prepared = car.prepare()?;
    println!("{name}, seed {}, a car on loopback: chauffeur drive {}", options.seed, folder.join("car.toml").display());
    let signs = Arc::new(Signs::default());
    let asked = Arc::clone(&signs);
    // A second handler of one process is refused: then Ctrl-C ends the process at once.
    let _ = ctrlc::set_handler(move || asked.stop.store(true, Ordering::Relaxed));
    let before_s = table::cpu_seconds();
    let outcome = prepared.run(&signs)?;
    let spent_s = before_s.zip(table::cpu_seconds()).map(|(before, after)| after - before);
    print(&outcome, spent_s);
    if let Some(path) = &own.json {
        let mut json = outcome.to_json();
        json["cpu_s"] = spent_s.into();
        std::fs::write(path, format!("{json:#}\n")).with_context(|| format!("{}", path.display()))?;
    }
    let failures = match &outcome.report {
        Some(report) => report.failures(),
        None => vec![format!("no computer drove within {} s", own.patience)],
    };
    for failure in &failures {
        eprintln!("failed: {failure}");
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print(outcome: &Outcome, spent_s: Option<f64>) {
    let row = |name: &str, value: String| println!("{name:<20}{value}");
    if let Some(report) = &outcome.report {
        table::print_judgement(report);
    }
    if let Some(engaged_s) = outcome.engaged_s {
        row("computer", format!("engaged {engaged_s:.1} s after the start, drove {:.1} s", outcome.driven_s));
    }
    let line = &outcome.beside_the_line_m;
    if let Some((half, most)) = quantile(line, 0.5).zip(quantile(line, 0.95)) {
        row("beside the line", format!("{half:.3} m (median), 95 % within {most:.3} m of the route's own"));
    }
    let start = outcome.start_unix_ns;
    let modes = outcome.ear.changes().iter().map(|(at, told)| (at, mode_name(told.mode)));
    let mut told: Vec<String> = Vec::new();
    let mut last = "";
    for (at, mode) in modes {
        if mode != last {
            told.push(format!("{mode} {:.2}", (at - start) as f64 * 1e-9));
            last = mode;
        }
    }
    row("modes, s", if told.is_empty() { "none told".to_string() } else { told.join(", ") });
    let (frames, refused, lost) = outcome.ear.counts();
    let refused: Vec<String> = refused.iter().map(|(why, count)| format!("{count} {why}")).collect();
    let refused = if refused.is_empty() { "none refused".to_string() } else { refused.join(", ") };
    row("commands", format!("{frames} frames, {refused}, {lost} lost"));
    if let Some((p99, most)) = outcome.ear.jitter_ms() {
        row("command jitter", format!("99 % within {p99:.2} ms of their period, at most {most:.1} ms off"));
    }
    let pace = &outcome.pace;
    row(
        "real time",
        format!(
            "{:.4} x ({:.1} s in {:.1} s), latest step {:.1} ms, {} of {} steps more than 10 ms late",
            pace.simulated_s / pace.passed_s.max(1e-9),
            pace.simulated_s,
            pace.passed_s,
            pace.worst_lag_ms,
            pace.late_steps,
            pace.steps
        ),
    );
    row("images", format!("{} taken, {} left out since the machine was too slow", pace.images, pace.images_dropped));
    for (line, sent) in &outcome.sent {
        let megabytes = sent.bytes as f64 * 1e-6;
        let refused = if sent.refused > 0 { format!(", {} not taken", sent.refused) } else { String::new() };
        row(line.name(), format!("{} sent, {megabytes:.1} MB, latest {:.1} ms{refused}", sent.count, sent.latest_ms));
    }
    if let Some(spent_s) = spent_s {
        row("processor", format!("{:.3} s for each second", spent_s / pace.simulated_s.max(1e-9)));
    }
    for effect in &outcome.effects {
        let safe = match effect.safe_ms {
            _ if !effect.was_driving => "the computer did not drive when it began".to_string(),
            None => "drove on".to_string(),
            Some(ms) => format!("safe after {ms:.0} ms"),
        };
        row(&effect.fault.kind.to_string(), format!("{safe}, at the end {}", mode_name(effect.mode_after)));
    }
}
