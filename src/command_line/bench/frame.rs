//! `chauffeur bench frame`.

use super::{alone, trace};
use crate::command_line::{NetworkOptions, embedded_drive, replay, table};
use crate::config::Config;
use crate::replay::Replay;
use crate::runtime::frame::Spans;
use crate::stack::Work;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How to measure frames.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive. Default: the small one in the repository.
    drive: Option<PathBuf>,
    /// Frames at the start that are run but not counted.
    #[arg(long, default_value_t = 3, value_name = "N")]
    warm_up: u64,
    /// Write the table as JSON, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the times of the frames as a trace for Perfetto or Chrome.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    networks: NetworkOptions,
}

/// Frames in a trace.
const TRACED: usize = 2000;
/// Parts that are the networks' own time.
const NETWORK: [&str; 2] = ["infer camera", "infer lidar"];
/// Parts that a bench of the stack should not count: reading the recorded drive stands for the sensors.
const SOURCE: &str = "read";
/// The log is written when the commands are out.
const LOG: &str = "log";
/// Localization; lidar odometry in a drive without GPS/INS.
const ODOMETRY: &str = "localize";

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    // The log is written for real, to a file that is thrown away.
    let folder = tempfile::tempdir()?;
    let bench = Replay {
        output: Some(folder.path().join("bench.mcap")),
        serial: true,
        work: Work::InTurn,
        warm_up: options.warm_up,
        kept_frames: TRACED,
        ..Replay::lossless(
            options.drive.clone().unwrap_or_else(embedded_drive),
            Config::read(options.config.as_deref())?,
            options.networks.choice(),
        )
    };
    let prepared = bench.prepare()?;
    let detectors = prepared.detectors.clone();
    println!("{}, {detectors}", bench.drive.display());
    let outcome = replay::watched(prepared)?;
    let (skipped, longest) = outcome.statistics.warm_up();
    println!("warm-up: {skipped} frames left out, the longest {:.1} ms", longest.as_secs_f64() * 1e3);
    let rows = outcome.statistics.rows();
    table::print_latency(&rows);
    let sum = |wanted: &dyn Fn(&str) -> bool| rows.iter().filter(|r| wanted(r.part)).map(|r| r.sum_ns).sum::<u128>();
    let whole = sum(&|part| part == "end to end");
    let parts = sum(&|part| part != "end to end");
    let network = sum(&|part| NETWORK.contains(&part));
    let source = sum(&|part| part == SOURCE);
    let own = whole - network - source;
    println!("sum of the parts {parts} ns, end to end {whole} ns, difference {} ns", whole.abs_diff(parts));
    if network > 0 {
        let frames = outcome.statistics.frames();
        let odometry = sum(&|part| part == ODOMETRY);
        let line = |name: &str, ns: u128| {
            let share = 100.0 * ns as f64 / network as f64;
            println!("{name:<50}{:>10.2} ms a frame, {share:>5.1} % of the networks", ms_per_frame(ns, frames));
        };
        line("networks", network);
        line("all else without reading and odometry", own - odometry);
        line("all else without reading", own);
    }
    if let Some(path) = &options.trace {
        trace::write(path, outcome.statistics.kept(), skipped)?;
    }
    let beside = replay::watched(Replay { work: Work::Beside, ..bench.clone() }.prepare()?)?;
    let beside_rows = beside.statistics.rows();
    println!(
        "localization, image and sweep beside each other, on three threads: how long a frame waits for each part:"
    );
    table::print_latency(&beside_rows);
    let waits = [SOURCE, LOG].map(|part| format!("{part:?}")).join(" and ");
    let command = to_command(beside.statistics.kept());
    println!("from the sensors' messages to the commands, without {waits}, of {} frames:", command.len());
    table::print_times([("side by side".to_string(), alone::quantiles(&command))].into_iter());
    let mut alone = match network {
        0 => None,
        _ => Some(alone::measure(&bench.drive, &bench.networks)?),
    };
    if let Some(alone) = &mut alone {
        alone.print();
    }
    if let Some(path) = &options.json {
        let report = serde_json::json!({
            "drive": bench.drive.display().to_string(),
            "frames": outcome.statistics.frames(),
            "detectors": detectors,
            "detectors_alone": alone.as_mut().map(alone::Alone::report),
            "warm_up_frames": skipped,
            "side_by_side": beside_rows,
            "sensors_to_command_ms": alone::quantiles(&command),
            "network_ns": network.to_string(),
            "other_ns": own.to_string(),
            "parts": rows.iter().map(|row| serde_json::json!({
                "part": row.part, "frames": row.frames, "p50_ms": row.p50_ms, "p90_ms": row.p90_ms,
                "p99_ms": row.p99_ms, "max_ms": row.max_ms, "sum_ns": row.sum_ns.to_string(),
            })).collect::<Vec<_>>(),
        });
        std::fs::write(path, format!("{report:#}\n"))?;
    }
    replay::verdict(outcome)
}

/// For each frame the time without reading before it and the log behind it, ms, rising.
fn to_command(frames: &[Spans]) -> Vec<f64> {
    let counts = |part: &str| part != SOURCE && part != LOG;
    let of =
        |frame: &Spans| frame.laps().iter().filter(|(part, _)| counts(part)).map(|(_, time)| *time).sum::<Duration>();
    let mut all: Vec<f64> = frames.iter().map(|frame| of(frame).as_secs_f64() * 1e3).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn ms_per_frame(ns: u128, frames: u64) -> f64 {
    ns as f64 * 1e-6 / frames.max(1) as f64
}
