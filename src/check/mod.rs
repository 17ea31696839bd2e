//! One drive as a regression test: replayed, compared with its reference, judged by criteria.
//!
//! In: a drive, a folder of references, criteria. Out: a [`DriveResult`], the run's log and its numbers as Parquet; with `update` a new
//! reference. One drive is one call that knows of no other, so that any engine can spread drives over processes and machines.

pub mod junit;
pub mod merge;
pub mod outputs;
pub mod page;
pub mod parquet;
pub mod result;
pub mod spread;
pub mod store;

use crate::evaluate::criteria::{Cost, Criteria};
use crate::evaluate::frames::Frames;
use crate::evaluate::reference::{self, Comparison, Line, Maker};
use crate::evaluate::{FrameMetrics, Metrics, Summary, Tolerance};
use crate::replay::{Drive, Mode, Prepared, Replay, Start};
use crate::runtime::statistics::peak_memory_mb;
use crate::runtime::{FaultCell, Outcome, Progress};
use anyhow::{Context, bail};
use recordings::{DriveReader, Message};
pub use result::{DriveResult, Status};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use store::{Reference, References};

/// What to do with one drive.
pub struct Job {
    /// The drive and how it is run; `mode` and `output` are set by the check.
    pub replay: Replay,
    /// Name of the drive among others.
    pub name: String,
    /// Where references lie.
    pub references: PathBuf,
    /// Write the reference anew.
    pub update: bool,
    /// What the drive must be like.
    pub criteria: Criteria,
    /// Where the log and the numbers go.
    pub output: PathBuf,
}

/// The kinds of reference of a drive: whoever has the same networks on the same hardware compares the whole, others what lies behind them.
const LOSSLESS: Mode = Mode::Lossless;
const FROM_DETECTIONS: Mode = Mode::From(Start::Track);
/// Of a drive that was given its tracks, as `simulate --truth` gives them.
const FROM_TRACKS: Mode = Mode::From(Start::Plan);

/// Checks one drive. What is wrong with it is in the result.
#[must_use]
pub fn check(job: &Job) -> DriveResult {
    let mut result = DriveResult::new(&job.name, &job.replay.drive);
    if let Err(error) = try_check(job, &mut result) {
        result.status = Status::BadInput;
        result.error = Some(format!("{error:#}"));
    }
    result
}

fn try_check(job: &Job, result: &mut DriveResult) -> anyhow::Result<()> {
    let has = |topic: &str, drive: &Drive| drive.info.channels.iter().any(|c| c.topic == topic && c.messages > 0);
    let drive = Drive::open(&job.replay.drive)?;
    let detections = has("/detections", &drive);
    let recorded = has("/tick", &drive) && has("/ego/state", &drive) && (detections || has("/tracks", &drive));
    let late = if detections { FROM_DETECTIONS } else { FROM_TRACKS };
    let sensors = drive.sensors.camera || drive.sensors.lidar;
    drop(drive);
    let references = References::new(&job.references, &job.name);
    if job.update {
        // A drive with recorded results has two references, one of them for machines with other hardware.
        let kinds = [(LOSSLESS, sensors), (late, recorded)];
        for (mode, _) in kinds.into_iter().filter(|(_, there)| *there) {
            let run = run(job, mode, prepare(job, mode)?, result)?;
            update(&run, mode, &references, result)?;
            if result.error.is_some() {
                return Ok(());
            }
        }
        return Ok(());
    }
    let lossless = if sensors { references.read(LOSSLESS)? } else { None };
    let behind = if recorded { references.read(late)? } else { None };
    let (mode, prepared, reference) = match (lossless, behind) {
        (None, None) => bail!("there is no reference in {}: make it with --update", references.describe()),
        (Some(whole), behind) => {
            let prepared = prepare(job, LOSSLESS)?;
            match behind {
                // Other hardware: what lies behind the networks is still held to every bit.
                Some(behind) if prepared.record.engine != whole.maker.engine => {
                    drop(prepared);
                    (late, prepare(job, late)?, behind)
                }
                _ => (LOSSLESS, prepared, whole),
            }
        }
        (None, Some(behind)) => (late, prepare(job, late)?, behind),
    };
    let run = run(job, mode, prepared, result)?;
    compare(&run, &reference, result);
    Ok(())
}

/// The log of the job's run.
fn log(job: &Job) -> PathBuf {
    job.output.join("logs").join(format!("{}.mcap", job.name))
}

fn prepare(job: &Job, mode: Mode) -> anyhow::Result<Prepared> {
    let replay = Replay { mode, output: Some(log(job)), ..job.replay.clone() };
    replay.prepare()
}

/// A run in numbers.
struct Run {
    maker: Maker,
    lines: Vec<Line>,
}

/// Replays the drive, leaves log and Parquet, judges it.
fn run(job: &Job, mode: Mode, prepared: Prepared, result: &mut DriveResult) -> anyhow::Result<Run> {
    let log = log(job);
    let maker = Maker::from(&prepared.record);
    let outcome = prepared.run(&Arc::new(FaultCell::default()), &Arc::new(Progress::default()))?;
    let cost = cost(&outcome);
    result.mode = mode.name().to_string();
    result.seconds += outcome.elapsed.as_secs_f64();
    (result.latency_p99_ms, result.peak_memory_mb) = (cost.latency_p99_ms, cost.peak_memory_mb);
    result.log = Some(log.clone());
    result.made = Some(maker.clone());
    if let Some(error) = outcome.error {
        return Err(error);
    }
    if let Some(fault) = outcome.fault {
        result.fail(format!("fault in {}: {}", fault.stage, fault.reason));
    }
    let (rows, lines) = numbers(&log, job.replay.config.vehicle)?;
    let mut summary = Summary::default();
    rows.iter().for_each(|row| summary.add(row));
    if let Some(what) = summary.silence() {
        result.fail(format!("silent drive: no {what} in {} frames", summary.frames));
    }
    result.criteria = job.criteria.judge(&job.name, &rows, &summary, &cost);
    result.judge();
    result.summary = Some(summary);
    let table = job.output.join("frames").join(format!("{}.parquet", job.name));
    parquet::write(&table, &job.name, &rows)?;
    result.frames = Some(table);
    Ok(Run { maker, lines })
}

fn cost(outcome: &Outcome) -> Cost {
    let total = outcome.statistics.rows().pop().filter(|row| row.frames > 0);
    Cost { latency_p99_ms: total.map(|row| row.p99_ms), peak_memory_mb: peak_memory_mb() }
}

/// Reads a log once: the numbers of each frame, and what a reference keeps of them.
fn numbers(log: &Path, vehicle: types::Vehicle) -> anyhow::Result<(Vec<FrameMetrics>, Vec<Line>)> {
    let mut metrics = Metrics::new(vehicle);
    // Frames are grouped and measured in one pass: the grouping pulls, the metrics look on.
    let rows = Rc::new(RefCell::new(Vec::new()));
    let messages = DriveReader::open(log)?.inspect({
        let rows = Rc::clone(&rows);
        let metrics = &mut metrics;
        move |message: &Result<Message, _>| {
            if let Ok(message) = message {
                rows.borrow_mut().extend(metrics.take(message));
            }
        }
    });
    let mut digests = BTreeMap::new();
    for record in Frames::new(messages) {
        let record = record?;
        digests.insert(record.frame, reference::digests(&record));
    }
    let mut rows = rows.take();
    rows.extend(metrics.finish());
    let line = |row: &FrameMetrics| Line::new(digests.remove(&row.frame).unwrap_or_default(), row);
    let lines = rows.iter().map(line).collect();
    Ok((rows, lines))
}

fn compare(run: &Run, reference: &Reference, result: &mut DriveResult) {
    let same_engine = run.maker.engine == reference.maker.engine;
    let tolerance = if same_engine { Tolerance::Exact } else { Tolerance::Networks };
    let comparison = reference::compare(&reference.lines, &run.lines, tolerance);
    if !comparison.passed {
        result.fail(told(&comparison));
    }
    result.changed = differences_in_making(&reference.maker, &run.maker);
    result.comparison = Some(comparison);
}

/// A difference in one line.
fn told(comparison: &Comparison) -> String {
    let Some(first) = &comparison.first else { return "differs from its reference".to_string() };
    let fields = first.fields.iter().filter(|(name, ..)| name != "reason" || first.fields.len() == 1).take(3);
    let fields: Vec<String> = fields.map(|(name, old, new)| format!("{name} {old} -> {new}")).collect();
    let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
    format!(
        "differs from its reference ({}) first in frame {} at {:.1} s, stage {}, and in {} of {} frames{fields}",
        comparison.tolerance, first.frame, first.time_s, first.stage, comparison.differ, comparison.frames
    )
}

/// What made a run and what made its reference, where it is not the same.
fn differences_in_making(old: &Maker, new: &Maker) -> Vec<String> {
    let mut all = Vec::new();
    for (what, a, b) in [
        ("version", &old.version, &new.version),
        ("configuration", &old.config_sha256, &new.config_sha256),
        ("engine", &old.engine, &new.engine),
    ] {
        if a != b {
            // Of a digest the begin is enough to tell it from another one.
            let short =
                |text: &String| if what == "configuration" { text.chars().take(12).collect() } else { text.clone() };
            all.push(format!("{what} {} -> {}", short(a), short(b)));
        }
    }
    let names: std::collections::BTreeSet<&String> = old.models.keys().chain(new.models.keys()).collect();
    for name in names {
        let digest = |maker: &Maker| maker.models.get(name).map_or_else(|| "none".to_string(), String::clone);
        let (a, b) = (digest(old), digest(new));
        if a != b {
            all.push(format!("network {name} {a} -> {b}"));
        }
    }
    all
}

/// Writes a reference and says what it changes.
fn update(run: &Run, mode: Mode, references: &References, result: &mut DriveResult) -> anyhow::Result<()> {
    if result.error.is_some() {
        return Ok(()); // a silent or broken run is no reference
    }
    let said = match references.read(mode) {
        Ok(Some(old)) => {
            let mut said = differences_in_making(&old.maker, &run.maker);
            let comparison = reference::compare(&old.lines, &run.lines, Tolerance::Exact);
            said.extend((!comparison.passed).then(|| told(&comparison)));
            if said.is_empty() { vec!["unchanged".to_string()] } else { said }
        }
        Ok(None) => vec![format!("new, {} frames", run.lines.len())],
        Err(error) => vec![format!("replaces one that cannot be read ({error:#})")],
    };
    references.write(mode, &run.maker, &run.lines).context("the reference")?;
    result.changed.extend(said.into_iter().map(|said| format!("{}: {said}", mode.name())));
    Ok(())
}
