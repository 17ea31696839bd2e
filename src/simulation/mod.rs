//! The stack in a simulated world: its commands drive the car whose sensors it sees.
//!
//! In: a scenario and a seed. Out: a drive like any other, and a report of what became of the car. Never: a second stack.
//!
//! Time is virtual. Frame k has stamp t and is complete when the lidar has turned, at t + 0.1 s; its plan counts
//! `runtime.latency_s` later. So the world can make frame k + 1 only after the plan of frame k, whatever the machine
//! does meanwhile: the same seed makes the same bytes on any number of threads.
#![allow(clippy::disallowed_methods)] // runs have threads of their own

pub mod as_car;
pub mod campaign;
mod closed_loop;
pub mod judge;
mod motion;
mod sensing;
mod truth;

use crate::config::Config;
use crate::runtime::control_loop::{Link, Ticks};
use crate::runtime::log::Recorder;
use crate::runtime::ticker::TURN_S;
use crate::runtime::{Corridor, FaultCell, Feed, Outcome, Progress, Settings, Stage, run};
use crate::stack::{self, NetworkChoice, Networks, Work};
use crate::watch::Watch;
use anyhow::Context;
use closed_loop::ClosedLoop;
use crossbeam_channel::{Receiver, bounded};
use judge::{Judge, Report};
use recordings::{Compression, DriveWriter, Message, RunRecord};
use sensing::Sensing;
use sim::{Scenario, World};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What a run without perception is called.
const TRUTH: &str = "no sensors, no perception: the planner is given the true objects";

/// Time between frames, s.
pub const PERIOD_S: f64 = 0.1;

/// A closed-loop run to be made.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// What kind of world.
    pub scenario: Scenario,
    /// Which of its kind.
    pub seed: u64,
    /// How long; without it until the goal, at most [`Simulation::limit_s`].
    pub duration_s: Option<f64>,
    /// Whether the car has its camera.
    pub camera: bool,
    /// No sensors and no perception: the planner is given the true objects.
    pub truth: bool,
    /// Where the drive goes; nowhere if there is no path.
    pub output: Option<PathBuf>,
    /// Compression of the drive.
    pub compression: Compression,
    /// The vehicle's configuration.
    pub config: Config,
    /// Which networks.
    pub networks: NetworkChoice,
    /// Everything in one thread.
    pub serial: bool,
    /// Who watches.
    pub watch: Watch,
}

/// A simulation that is ready to run.
pub struct Prepared {
    feed: Feed,
    corridor: Corridor,
    settings: Settings,
    report: Receiver<Report>,
    /// Frames, if the run is as long as it may be.
    pub most_frames: u64,
    /// What detects, in words.
    pub detectors: String,
}

/// How a simulation ended.
pub struct Finished {
    /// What the stack did.
    pub outcome: Outcome,
    /// What became of the car.
    pub report: Report,
}

impl Simulation {
    /// The longest run, s: as long as was asked for, or three times the scenario's usual time.
    #[must_use]
    pub fn limit_s(&self) -> f64 {
        self.duration_s.unwrap_or(3.0 * self.scenario.duration_s)
    }

    /// Builds the world, loads the networks and creates the drive.
    ///
    /// # Errors
    /// A scenario that cannot be built, networks or configuration that cannot be used, an output that cannot be written.
    pub fn prepare(&self) -> anyhow::Result<Prepared> {
        let world = World::new(&self.scenario, self.seed)?;
        let (mut calibration, route) = (world.calibration(), world.route());
        if !self.camera || self.truth {
            calibration.camera = None;
        }
        let networks =
            if self.truth { Networks::default() } else { Networks::load(&self.networks, self.camera, true)? };
        let record = RunRecord {
            models: networks.digests.clone(),
            engine: networks.engine.split(',').next().unwrap_or_default().to_string(),
            provider: if networks.digests.is_empty() { String::new() } else { self.networks.provider.to_string() },
            ..record(
                &self.scenario,
                self.seed,
                if self.truth { "closed loop, truth" } else { "closed loop" },
                &self.config,
            )
        };
        let writer = match &self.output {
            None => None,
            Some(output) => {
                let mut writer = create(output, &record, self.compression)?;
                writer.write(&Message::Calibration(calibration.clone()))?;
                writer.write(&Message::Route(route.clone()))?;
                Some(writer)
            }
        };
        let mut recorder = Recorder::new(writer, true, false, 0);
        recorder.watch = self.watch.clone();
        recorder.watch.begin(&calibration, &route);
        let detectors = if self.truth { TRUTH.to_string() } else { networks.describe() };
        let work = if self.serial { Work::InTurn } else { Work::Beside };
        let stages = if self.truth {
            let mut all: Vec<Box<dyn Stage>> = vec![Box::new(truth::Knowledge::default())];
            all.push(Box::new(stack::planning(&self.config, &route)?));
            all
        } else {
            stack::stages(&self.config, &calibration, &route, networks, work)?
        };
        let (commands, batches) = bounded(1);
        let (sender, report) = bounded(1);
        let judge = Judge::new(&route, world.stamp(), self.duration_s.is_none());
        let most_frames = ((self.limit_s() / PERIOD_S).round() as u64).max(1);
        let sensing =
            if self.truth { Sensing::of_truth(world) } else { Sensing::new(world, self.camera, !self.serial)? };
        let source = ClosedLoop::new(sensing, batches, judge, most_frames, sender);
        let link = Link { commands, ahead_s: PERIOD_S + TURN_S };
        Ok(Prepared {
            feed: Feed::Virtual(Box::new(source), Ticks::ClosedLoop(link)),
            corridor: Corridor { stages, ticker: stack::ticker(&self.config), recorder },
            settings: Settings {
                serial: self.serial,
                step_budget: Duration::from_secs_f64(self.config.runtime.step_budget_s),
                log_limit_bytes: self.config.runtime.log_limit_bytes,
            },
            report,
            most_frames,
            detectors,
        })
    }
}

impl Prepared {
    /// Runs to the goal, the end of the time, a collision, a fault or an interrupt.
    ///
    /// # Errors
    /// If the threads cannot be had. What goes wrong in the run is in the outcome.
    pub fn run(self, fault: &Arc<FaultCell>, progress: &Arc<Progress>) -> anyhow::Result<Finished> {
        let outcome = run(self.feed, self.corridor, &self.settings, fault, progress)?;
        let report = self.report.recv_timeout(Duration::from_secs(1)).context("the world did not end")?;
        Ok(Finished { outcome, report })
    }
}

/// Makes a drive in the world without the stack: the scripted driver drives.
///
/// # Errors
/// A scenario that cannot be built, an output that cannot be written.
pub fn open_loop(
    scenario: &Scenario,
    seed: u64,
    duration_s: f64,
    camera: bool,
    writer: Option<(&Path, Compression)>,
) -> anyhow::Result<u64> {
    let world = World::new(scenario, seed)?;
    let mut calibration = world.calibration();
    if !camera {
        calibration.camera = None;
    }
    let mut writer = match writer {
        None => None,
        Some((output, compression)) => {
            let mut writer = create(output, &record(scenario, seed, "open loop", &Config::default()), compression)?;
            writer.write(&Message::Calibration(calibration))?;
            writer.write(&Message::Route(world.route()))?;
            Some(writer)
        }
    };
    let mut sensing = Sensing::new(world, camera, true)?;
    let most_frames = ((duration_s / PERIOD_S).round() as u64).max(1);
    let mut frames = 0;
    while frames < most_frames {
        let set = if frames == 0 { sensing.look()? } else { sensing.pass(&[])? };
        if let Some(writer) = &mut writer {
            for input in set.into_inputs() {
                writer.write(&input.into_message())?;
            }
        }
        frames += 1;
    }
    writer.map(DriveWriter::finish).transpose()?;
    Ok(frames)
}

/// The record of a simulated drive. Without the number of threads, which changes no bit of it.
fn record(scenario: &Scenario, seed: u64, how: &str, config: &Config) -> RunRecord {
    RunRecord {
        version: env!("CARGO_PKG_VERSION").to_string(),
        mode: "simulate".to_string(),
        config_sha256: config.digest(),
        source: format!("{}, seed {seed}, {how}", scenario.name),
        ..RunRecord::default()
    }
}

/// Makes the file of a drive, and its folder.
///
/// # Errors
/// What the operating system says.
pub fn create(output: &Path, record: &RunRecord, compression: Compression) -> anyhow::Result<DriveWriter> {
    if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    Ok(DriveWriter::create(output, record, compression)?)
}
