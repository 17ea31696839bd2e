//! `chauffeur bench throughput`: how near a replay comes to what its networks alone could do.

use crate::command_line::{NetworkOptions, embedded_drive, replay};
use crate::config::Config;
use crate::replay::Replay;
use crate::runtime::clock::{ProcessWatch, Stopwatch};
use crate::stack::{LidarNetwork, Networks};
use anyhow::{Context, bail};
use clap::Args;
use models::{CameraDetector, LidarDetector};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

/// How to measure throughput.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive. Default: the small one in the repository.
    drive: Option<PathBuf>,
    /// Rounds of all measurements in turn; the best of each counts.
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    networks: NetworkOptions,
}

/// What so many frames took.
#[derive(Clone, Copy)]
struct Took {
    frames: u64,
    seconds: f64,
    processor_s: f64,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    anyhow::ensure!((1..=100).contains(&options.rounds), "--rounds {}: outside 1 to 100", options.rounds);
    let folder = tempfile::tempdir()?;
    let whole = Replay {
        output: Some(folder.path().join("bench.mcap")),
        ..Replay::lossless(
            options.drive.clone().unwrap_or_else(embedded_drive),
            Config::read(options.config.as_deref())?,
            options.networks.choice(),
        )
    };
    let drive = crate::replay::Drive::open(&whole.drive)?;
    let loaded = Networks::load(&whole.networks, drive.sensors.camera, drive.sensors.lidar)?;
    println!("{}, {}", whole.drive.display(), loaded.describe());
    let Networks { mut camera, lidar, .. } = loaded;
    let mut lidar = match lidar {
        Some(LidarNetwork::Detector(network)) => Some(network),
        Some(LidarNetwork::Segmenter(_)) => {
            bail!("the network for the sweep labels points: only networks of boxes run alone")
        }
        None => None,
    };
    anyhow::ensure!(camera.is_some() || lidar.is_some(), "there is no network for this drive");
    let (mut in_turn, mut at_once, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let prepared = whole.prepare()?;
        let (clock, processor) = (Stopwatch::start(), ProcessWatch::start());
        let outcome = replay::watched(prepared)?;
        let frames = outcome.tally.frames;
        all.push(Took {
            frames,
            seconds: clock.elapsed().as_secs_f64(),
            processor_s: processor.elapsed().as_secs_f64(),
        });
        if outcome.fault.is_some() || outcome.error.is_some() {
            return replay::verdict(outcome);
        }
        in_turn.push(measure(frames, || one_after_the_other(frames, &mut camera, &mut lidar))?);
        at_once.push(measure(frames, || both_at_once(frames, &mut camera, &mut lidar))?);
    }
    print(best(&in_turn)?, best(&at_once)?, best(&all)?);
    Ok(ExitCode::SUCCESS)
}

fn measure(frames: u64, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Took> {
    let (clock, processor) = (Stopwatch::start(), ProcessWatch::start());
    work()?;
    Ok(Took { frames, seconds: clock.elapsed().as_secs_f64(), processor_s: processor.elapsed().as_secs_f64() })
}

fn one_after_the_other(
    frames: u64,
    camera: &mut Option<CameraDetector>,
    lidar: &mut Option<LidarDetector>,
) -> anyhow::Result<()> {
    for _ in 0..frames {
        camera.as_mut().map(|network| network.network().run_alone()).transpose()?;
        lidar.as_mut().map(|network| network.network().run_alone()).transpose()?;
    }
    Ok(())
}

/// Each network on a thread of its own, as the replay has them.
fn both_at_once(
    frames: u64,
    camera: &mut Option<CameraDetector>,
    lidar: &mut Option<LidarDetector>,
) -> anyhow::Result<()> {
    let alone = |network: &mut models::Network| (0..frames).try_for_each(|_| network.run_alone().map(|_| ()));
    let (seen, swept) = thread::scope(|scope| {
        let camera = scope.spawn(|| camera.as_mut().map(|network| alone(network.network())).transpose());
        let swept = lidar.as_mut().map(|network| alone(network.network())).transpose();
        (camera.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), swept)
    });
    seen.and(swept)?;
    Ok(())
}

fn best(all: &[Took]) -> anyhow::Result<Took> {
    let best = all.iter().copied().min_by(|a, b| a.seconds.total_cmp(&b.seconds));
    best.filter(|took| took.frames > 0).context("the drive has no frame")
}

impl Took {
    fn frames_per_s(&self) -> f64 {
        self.frames as f64 / self.seconds.max(1e-9)
    }

    fn processor_ms(&self) -> f64 {
        1e3 * self.processor_s / self.frames as f64
    }
}

fn print(in_turn: Took, at_once: Took, all: Took) {
    let bare = in_turn.frames_per_s().max(at_once.frames_per_s());
    println!(
        "{:<40}{:>12}{:>20}{:>22}{:>16}",
        "", "frames/s", "of the bare ones", "processor ms a frame", "cores in use"
    );
    for (name, took) in [
        ("bare networks, one after the other", in_turn),
        ("bare networks, both at once", at_once),
        ("the whole replay, frames in flight", all),
    ] {
        let share = 100.0 * took.frames_per_s() / bare;
        let cores = took.processor_s / took.seconds.max(1e-9);
        println!("{name:<40}{:>12.1}{share:>18.1} %{:>22.1}{cores:>16.2}", took.frames_per_s(), took.processor_ms());
    }
    let cores = thread::available_parallelism().map_or(1, usize::from) as f64;
    let limit = 1e3 * cores / all.processor_ms();
    println!(
        "all but the networks takes {:.1} ms of a frame's processor time; {cores:.0} cores have time for {limit:.1} frames/s, of which the replay makes {:.1} %",
        all.processor_ms() - at_once.processor_ms().min(in_turn.processor_ms()),
        100.0 * all.frames_per_s() / limit
    );
}
