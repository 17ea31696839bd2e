//! `chauffeur bench faults`: a table of what happens when something fails in the car.
//!
//! Each row is a drive of its own: a simulated car in this process, `chauffeur drive` in another, one fault after it was engaged.
#![allow(clippy::disallowed_methods)] // a process is watched from a thread

use super::driver_process;
use super::overrides::{Comes, Override};
use crate::drive::sabotage::WORDS;
use crate::simulation::as_car::describe::Ports;
use crate::simulation::as_car::driver::SafetyDriver;
use crate::simulation::as_car::ear::Told;
use crate::simulation::as_car::fault::{Fault, Faults, Kind};
use crate::simulation::as_car::outcome::{Outcome, drove_at, mode_name, safe_ms};
use crate::simulation::as_car::{AsCar, Signs};
use anyhow::{Context, ensure};
use clap::Args;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use sim::Scenario;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What to break.
#[derive(Debug, Args)]
pub struct Options {
    /// The family of scenarios.
    #[arg(long, default_value = "yard", value_name = "SCENARIO")]
    scenario: String,
    /// Which of its kind.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Only faults whose name has this in it.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// From engaging to the fault, s.
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    after: f64,
    /// How long the fault lasts, s.
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    lasts: f64,
    /// The first port of the car; each drive has its own ten.
    #[arg(long, default_value_t = 28_000, value_name = "PORT")]
    ports: u16,
    /// Where each row's description, drive and report go, which are kept. Default: nowhere.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// What `chauffeur drive` gets besides.
    #[arg(last = true, value_name = "OPTIONS")]
    drive: Vec<String>,
}

/// The longest time from a fault to a safe command, ms.
const LONGEST_MS: f64 = 200.0;
/// After the fault the car is watched for so long, s.
const WATCHED_S: f64 = 2.0;
/// A stopping car, and the driver who takes over from it, get so long besides, s.
const TAKEN_OVER_S: f64 = 3.0;
/// The computer gets so long to be ready, s.
const PATIENCE_S: f64 = 60.0;

/// A row is driven so often at most until the computer drives when the fault begins.
const MOST_TRIES: usize = 3;

/// What is broken in a row.
#[derive(Clone, Copy, Debug)]
enum Broken {
    /// Something of the car.
    Car(Kind),
    /// The process that drives gets a signal.
    Process(&'static str, Signal),
    /// A stage of the pipeline fails.
    Stage(&'static str),
    /// The system gives the process no more of something.
    Limit(&'static str, Resource),
    /// Nothing: the driver takes over.
    Driver(Override),
}

impl Broken {
    fn all() -> Vec<Self> {
        let car = Kind::all().into_iter().map(Self::Car);
        let process = [("drive-term", Signal::TERM), ("drive-kill", Signal::KILL), ("drive-stopped", Signal::STOP)];
        let stages = ["detect-panics", "detect-hangs", "detect-slow", "plan-panics", "plan-hangs"].map(Self::Stage);
        let limits = [Self::Limit("disk-full", Resource::Fsize), Self::Limit("memory-full", Resource::As)];
        car.chain(process.map(|(name, signal)| Self::Process(name, signal)))
            .chain(stages)
            .chain(limits)
            .chain(Override::ALL.map(Self::Driver))
            .collect()
    }

    fn name(self) -> String {
        match self {
            Self::Car(kind) => kind.to_string(),
            Self::Process(name, _) | Self::Stage(name) | Self::Limit(name, _) => name.to_string(),
            Self::Driver(way) => way.name.to_string(),
        }
    }

    fn must_stop(self) -> bool {
        match self {
            Self::Car(kind) => kind.must_stop(),
            Self::Process(..) | Self::Driver(_) => true,
            // What is slow may be quick enough; memory that is there already may be enough.
            Self::Stage(name) => !name.ends_with("slow"),
            Self::Limit(_, resource) => resource == Resource::Fsize,
        }
    }
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    for (key, value) in [("--after", options.after), ("--lasts", options.lasts)] {
        ensure!((0.1..=60.0).contains(&value), "{key} {value} is outside 0.1 to 60");
    }
    let scenario = Scenario::family(&options.scenario)?;
    let only = options.only.as_deref().unwrap_or_default();
    let rows: Vec<Broken> = Broken::all().into_iter().filter(|broken| broken.name().contains(only)).collect();
    ensure!(!rows.is_empty(), "--only {only}: no fault has this in its name");
    let kept = options.output.clone();
    let scratch = tempfile::tempdir()?;
    let folder = kept.as_deref().unwrap_or(scratch.path());
    println!(
        "{}, seed {}: a fault {:.1} s after engaging, for {:.1} s; safe is another mode than engaged, or a car that does not obey any more",
        options.scenario, options.seed, options.after, options.lasts
    );
    println!(
        "{:<22}{:<12}{:>10}  {:<20}{:<18}verdict",
        "fault", "may go on", "safe ms", "mode at the end", "drive ended"
    );
    let mut bad = 0;
    let mut drives = 0;
    for broken in &rows {
        let path = folder.join(broken.name());
        let mut tries = 1;
        let (outcome, ended) = loop {
            // The supervisor of the drive before may still hold its bus.
            let ports = options.ports.saturating_add(10 * (drives % 100));
            drives += 1;
            let (outcome, ended) = drive(options, &scenario, *broken, &path, ports).with_context(|| broken.name())?;
            // On a busy machine a car stops before anything is broken: that says nothing of the fault.
            if was_driving(options, &outcome, told_ns(&path)) || tries == MOST_TRIES {
                break (outcome, ended);
            }
            tries += 1;
        };
        bad += usize::from(!tell(options, *broken, (&outcome, told_ns(&path)), ended, tries));
    }
    println!("{} of {} as they must be", rows.len() - bad, rows.len());
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// When the fault began, time of day, ns: a stage tells itself.
fn begin_ns(options: &Options, outcome: &Outcome, told: Option<i64>) -> Option<i64> {
    told.or_else(|| outcome.engaged_unix_ns.map(|engaged| engaged + (1e9 * options.after) as i64))
}

/// When a stage failed, by its own words.
fn told_ns(folder: &Path) -> Option<i64> {
    let said = ["drive.err", "drive.out"].map(|name| std::fs::read_to_string(folder.join(name)).unwrap_or_default());
    said.iter().flat_map(|text| text.lines()).find_map(|line| line.split_once(WORDS)?.1.trim().parse().ok())
}

fn was_driving(options: &Options, outcome: &Outcome, told: Option<i64>) -> bool {
    begin_ns(options, outcome, told).is_some_and(|begin| drove_at(outcome.ear.changes(), begin))
}

/// Whether the computer drove again after the safe command, with nobody who engaged it.
fn came_back(outcome: &Outcome, begin: Option<i64>, safe_ms: f64) -> bool {
    let safe = begin.map(|begin| begin + (1e6 * safe_ms) as i64);
    let drives = |told: &Told| told.enabled && told.mode == Some(2);
    safe.is_some_and(|safe| outcome.ear.changes().iter().any(|(at, told)| *at > safe && drives(told)))
}

/// Prints a row; whether it is as it must be.
fn tell(
    options: &Options,
    broken: Broken,
    (outcome, told): (&Outcome, Option<i64>),
    ended: Option<ExitStatus>,
    tries: usize,
) -> bool {
    let begin = begin_ns(options, outcome, told).filter(|_| was_driving(options, outcome, told));
    let safe = begin.and_then(|begin| safe_ms(outcome.ear.changes(), &outcome.silences, begin));
    // What comes after the watch is the end of the run, where the driver takes over.
    let safe = safe.filter(|ms| *ms < 1e3 * (options.lasts + WATCHED_S) - 50.0);
    let (safe, taken_over) = match broken {
        Broken::Driver(_) => Override::verdict(outcome),
        _ => (safe, ""),
    };
    let verdict = match (&outcome.report, safe) {
        (None, _) => "was never engaged".to_string(),
        (Some(report), _) if report.collisions.iter().any(|hit| hit.own_fault) => "COLLISION".to_string(),
        (Some(_), _) if begin.is_none() => "stopped before the fault".to_string(),
        (Some(_), _) if !taken_over.is_empty() => taken_over.to_string(),
        (Some(_), None) if broken.must_stop() => "DROVE ON".to_string(),
        (Some(_), Some(ms)) if came_back(outcome, begin, ms) => "CAME BACK".to_string(),
        (Some(_), Some(ms)) if broken.must_stop() && ms > LONGEST_MS => "LATE".to_string(),
        _ => "good".to_string(),
    };
    let ended = driver_process::how(ended);
    println!(
        "{:<22}{:<12}{:>10}  {:<20}{:<18}{verdict}{}",
        broken.name(),
        if broken.must_stop() { "no" } else { "yes" },
        safe.map_or("-".to_string(), |ms| format!("{ms:.0}")),
        mode_name(outcome.ear.changes().last().and_then(|(_, told)| told.mode)),
        ended,
        if tries > 1 { format!(", {tries} tries") } else { String::new() },
    );
    verdict == "good" && ended != "HUNG"
}

/// Gives a process no more than it has: no larger file than its log, no more memory.
fn limit(pid: Pid, resource: Resource, log: &Path) {
    let now = match resource {
        Resource::Fsize => std::fs::metadata(log).map(|log| log.len()).ok(),
        _ => std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok().and_then(|text| {
            let size = text.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
            size.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| 1024 * kilobytes)
        }),
    };
    // A process that has ended is told by its exit code.
    let _ = prlimit(Some(pid), resource, Rlimit { current: now, maximum: None });
}

/// One drive with one fault: what became of it, and how the process that drove ended.
fn drive(
    options: &Options,
    scenario: &Scenario,
    broken: Broken,
    folder: &Path,
    ports: u16,
) -> anyhow::Result<(Outcome, Option<ExitStatus>)> {
    let fault = match broken {
        Broken::Car(kind) => vec![Fault { kind, from_s: Some(options.after), for_s: options.lasts }],
        Broken::Process(..) | Broken::Stage(_) | Broken::Limit(..) | Broken::Driver(_) => Vec::new(),
    };
    let driver = match broken {
        Broken::Driver(way) => SafetyDriver::usual_and(&way.script(options.after))?,
        _ => SafetyDriver::default(),
    };
    // A driver that waits for the car to stand takes longer.
    let more_s = if matches!(broken, Broken::Driver(_)) { TAKEN_OVER_S } else { 0.0 };
    let car = AsCar {
        scenario: scenario.clone(),
        seed: options.seed,
        folder: folder.to_path_buf(),
        ports: Ports::from(ports),
        duration_s: Some(options.after + options.lasts + WATCHED_S + more_s),
        patience_s: PATIENCE_S,
        camera: true,
        driver,
        faults: Faults::new(fault),
    };
    let prepared = car.prepare()?;
    let (log, mut words) = (folder.join("drive.mcap"), options.drive.clone());
    if let Broken::Stage(name) = broken {
        words.extend(["--break-stage".to_string(), format!("{name}@{}", options.after)]);
    }
    let mut child = driver_process::start(folder, &log, &words)?;
    let (signs, pid) = (Signs::default(), Pid::from_child(&child));
    let outcome = std::thread::scope(|scope| {
        let signs = &signs;
        let signal = match broken {
            Broken::Process(_, signal) => Some(signal),
            Broken::Driver(way) if way.comes == Comes::Supervisor => Some(Signal::KILL),
            _ => None,
        };
        if signal.is_some() || matches!(broken, Broken::Limit(..)) {
            let log = &log;
            scope.spawn(move || {
                while !signs.engaged.load(Ordering::Relaxed) && !signs.stop.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                std::thread::sleep(Duration::from_secs_f64(options.after));
                // A process that has ended is told by its exit code.
                if let Broken::Limit(_, resource) = broken {
                    limit(pid, resource, log);
                }
                let Some(signal) = signal else { return };
                let _ = kill_process(pid, signal);
                if signal == Signal::STOP {
                    // It wakes up again, and must find that the car is no longer its own.
                    std::thread::sleep(Duration::from_secs_f64(options.lasts));
                    let _ = kill_process(pid, Signal::CONT);
                }
            });
        }
        let outcome = prepared.run(signs);
        signs.stop.store(true, Ordering::Relaxed);
        outcome
    });
    let ended = driver_process::end(&mut child);
    let outcome = outcome?;
    std::fs::write(folder.join("report.json"), format!("{:#}\n", outcome.to_json()))?;
    Ok((outcome, ended?))
}
