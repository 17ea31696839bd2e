//! `chauffeur replay`.

use super::{CompressionName, NetworkOptions, WatchOptions, diff, embedded_drive, table};
use crate::config::Config;
use crate::evaluate::Tolerance;
use crate::replay::{Mode, Prepared, Replay, Start};
use crate::runtime::{FaultCell, Outcome, Progress};
use crate::stack::Work;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What to replay, and how.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive. Default: the small one in the repository.
    drive: Option<PathBuf>,
    /// What the replay obeys.
    #[arg(long, value_enum, default_value_t = ModeName::Lossless)]
    mode: ModeName,
    /// Run again only from this stage on; what lies before comes from the drive, which must hold it.
    #[arg(long, value_enum, value_name = "STAGE", conflicts_with = "mode")]
    from: Option<StartName>,
    /// Change one key of the configuration, such as `planning.headway_s=2`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Speed of `--mode realtime`, 1 is life.
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// The log to write. Default: `drives/NAME.replay.mcap`.
    #[arg(long, value_name = "DRIVE.mcap")]
    output: Option<PathBuf>,
    /// Compression of the log.
    #[arg(long, value_enum, default_value_t = CompressionName::None)]
    compression: CompressionName,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// All stages in one thread.
    #[arg(long)]
    serial: bool,
    /// Compare with what the drive recorded of an earlier run, and exit with 1 if it differs: every bit, or within the tolerance of
    /// networks where these ran elsewhere.
    #[arg(long)]
    compare: bool,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    networks: NetworkOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    /// Every frame, in virtual time.
    Lossless,
    /// As recorded: frames, drops, and the plan of each command.
    Faithful,
    /// As faithful, with the recorded detections: no network, no sensor.
    FromDetections,
    /// Paced by the wall clock; the door drops what comes too fast.
    Realtime,
}

/// A stage to begin with.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum StartName {
    Decode,
    Localize,
    Detect,
    Track,
    Plan,
    Control,
}

impl From<StartName> for Start {
    fn from(name: StartName) -> Self {
        match name {
            StartName::Decode => Self::Decode,
            StartName::Localize => Self::Localize,
            StartName::Detect => Self::Detect,
            StartName::Track => Self::Track,
            StartName::Plan => Self::Plan,
            StartName::Control => Self::Control,
        }
    }
}

/// A key of a room that does not run changes nothing: better said than passed over.
fn refuse_what_has_no_effect(start: Start, changes: &[String]) -> anyhow::Result<()> {
    for change in changes {
        let room = change.split(['.', '=']).next().unwrap_or_default().trim();
        let stage = match room {
            "geometric" | "segments" => "detect",
            "planning" => "plan",
            other => other,
        };
        anyhow::ensure!(start.runs(stage), "--set {change}: {stage} does not run again in this replay");
    }
    Ok(())
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let drive = options.drive.clone().unwrap_or_else(embedded_drive);
    let output = options.output.clone().unwrap_or_else(|| default_output(&drive));
    let mode = match (options.from, options.mode) {
        (Some(start), _) => Mode::From(start.into()),
        (None, ModeName::Lossless) => Mode::Lossless,
        (None, ModeName::Faithful) => Mode::Faithful,
        (None, ModeName::FromDetections) => Mode::From(Start::Track),
        (None, ModeName::Realtime) => Mode::RealTime { rate: options.rate },
    };
    if let Mode::From(start) = mode {
        refuse_what_has_no_effect(start, &options.set)?;
    }
    let watchers = options.watch.open()?;
    let replay = Replay {
        watch: watchers.watch(),
        mode,
        compression: options.compression.into(),
        output: Some(output.clone()),
        config: Config::read_with(options.config.as_deref(), &options.set)?,
        networks: options.networks.choice(),
        serial: options.serial,
        work: match mode {
            _ if options.serial => Work::InTurn,
            Mode::RealTime { .. } => Work::Beside,
            _ => Work::InFlight,
        },
        without_sensors: false,
        warm_up: 0,
        kept_frames: 0,
        drive,
    };
    if options.compare {
        anyhow::ensure!(!matches!(mode, Mode::RealTime { .. }), "--compare: a run by the clock equals no other");
        diff::open(&replay.drive)?;
    }
    let prepared = replay.prepare()?;
    let prepared_engine = prepared.record.engine.clone();
    println!("{} ({}), {}", replay.drive.display(), replay.mode.name(), prepared.detectors);
    let outcome = watched(prepared)?;
    table::print_latency(&outcome.statistics.rows());
    table::print_outcome(&outcome);
    println!("log: {}", output.display());
    let complete = outcome.fault.is_none() && outcome.error.is_none();
    let code = verdict(outcome)?;
    if options.compare && complete {
        let same = beside_the_record(&replay.drive, &output, !prepared_engine.is_empty())?;
        return Ok(if same { code } else { ExitCode::from(1) });
    }
    Ok(code)
}

/// Compares a run with the one that the drive recorded, and says how: networks of another device or library are given their tolerance.
fn beside_the_record(drive: &Path, log: &Path, networks_ran: bool) -> anyhow::Result<bool> {
    let made = |path: &Path| Ok::<_, anyhow::Error>(diff::open(path)?.1);
    let (then, now) = (made(drive)?, made(log)?);
    let elsewhere = networks_ran && then.engine != now.engine;
    let tolerance = if elsewhere { Tolerance::Networks } else { Tolerance::Exact };
    let (difference, _) = diff::compare(drive, log, tolerance)?;
    if elsewhere {
        println!(
            "the drive's networks ran on {}",
            if then.engine.is_empty() { "nothing" } else { then.engine.as_str() }
        );
    }
    match &difference.first {
        None => println!("the same as recorded in {} frames ({})", difference.frames, tolerance.describe()),
        Some(first) => {
            let field = first
                .fields
                .first()
                .map_or(String::new(), |pair| format!(", {}: {} then, {} now", pair.field, pair.a, pair.b));
            println!(
                "differs from what is recorded first in frame {} at {:.1} s, stage {}{field} ({})",
                first.frame,
                first.time_s,
                first.stage,
                tolerance.describe()
            );
        }
    }
    Ok(difference.is_equal())
}

fn default_output(drive: &Path) -> PathBuf {
    let stem = drive.file_stem().map_or_else(|| "drive".into(), |stem| stem.to_string_lossy().into_owned());
    Path::new("drives").join(format!("{}.replay.mcap", stem.trim_end_matches(".replay")))
}

/// Runs with a progress bar; Ctrl-C closes the door.
pub fn watched(prepared: Prepared) -> anyhow::Result<Outcome> {
    with_progress(prepared.expected_frames, |fault, progress| prepared.run(fault, progress))
}

/// The same for any run that takes so many frames.
pub fn with_progress<T>(
    expected_frames: u64,
    run: impl FnOnce(&Arc<FaultCell>, &Arc<Progress>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let (fault, progress) = (Arc::new(FaultCell::default()), Arc::new(Progress::default()));
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} frames {per_sec} eta {eta}")?;
    let bar = ProgressBar::new(expected_frames).with_style(style);
    let interrupted = Arc::clone(&fault);
    // A second run in one process keeps the first one's handler: then Ctrl-C ends the process at once.
    let _ = ctrlc::set_handler(move || interrupted.interrupt());
    let ticking = crate::runtime::crew::periodically(Duration::from_millis(100), {
        let (bar, progress) = (bar.clone(), Arc::clone(&progress));
        let mut told = false;
        move || {
            bar.set_position(progress.frames.load(Ordering::Relaxed));
            if let (false, Some(reason)) = (told, progress.log_ended.get()) {
                bar.suspend(|| eprintln!("the log has ended, the drive goes on: {reason}"));
                told = true;
            }
        }
    });
    let outcome = run(&fault, &progress);
    drop(ticking);
    bar.finish_and_clear();
    outcome
}

/// The exit code of a replay: 2 bad input or output, 1 a fault or a silent drive, 0 else.
pub fn verdict(outcome: Outcome) -> anyhow::Result<ExitCode> {
    let tally = &outcome.tally;
    let counts =
        [("frames", tally.frames), ("tracks", tally.tracks), ("plans", tally.plans), ("commands", tally.commands)];
    let silent = counts.into_iter().find(|(_, count)| *count == 0).map(|(what, _)| (what, tally.frames));
    let code = verdict_of_run(outcome)?;
    if let (Some((what, frames)), true) = (silent, code == ExitCode::SUCCESS) {
        eprintln!("silent drive: no {what} in {frames} frames");
        return Ok(ExitCode::from(1));
    }
    Ok(code)
}

/// The exit code of any run: 2 bad input or output, 1 a fault or a log that ended early, 0 else.
pub fn verdict_of_run(outcome: Outcome) -> anyhow::Result<ExitCode> {
    if let Some(fault) = outcome.fault {
        eprintln!("fault in {}: {}", fault.stage, fault.reason);
        if outcome.error.is_none() {
            return Ok(ExitCode::from(1));
        }
    }
    if let Some(error) = outcome.error {
        return Err(error);
    }
    if let Some(reason) = outcome.tally.log_ended {
        eprintln!("the log ended before the drive: {reason}");
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}
