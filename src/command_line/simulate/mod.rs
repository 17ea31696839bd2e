//! `chauffeur simulate`.

mod as_car;
mod many;
mod scatter;
mod summary;

use super::{CompressionName, NetworkOptions, WatchOptions, replay, table};
use crate::config::Config;
use crate::runtime::clock::Stopwatch;
use crate::simulation::{self, Simulation};
use crate::stack::file_name;
use crate::watch::Watch;
use anyhow::{Context, bail, ensure};
use clap::Args;
use sim::Scenario;
use std::path::PathBuf;
use std::process::ExitCode;

/// Drive in a simulated world.
///
/// The whole stack drives in closed loop. Exit code 0 without a collision of its own fault, leaving the road, running a
/// red light or a timeout.
#[derive(Debug, Args)]
pub struct Options {
    /// A family of scenarios, a scenario file (TOML), `all` families (with --seeds), or `scatter`: frames for training,
    /// each of a new place.
    #[arg(value_name = "SCENARIO", default_value = "urban")]
    scenario: String,
    /// Which of its kind.
    #[arg(long, default_value_t = 1, value_name = "N", allow_negative_numbers = true)]
    seed: u64,
    /// Many runs: seeds from A up to but without B. Seed N of `all` is of family N modulo their number.
    #[arg(long, value_name = "A..B", conflicts_with_all = ["seed", "open_loop", "live", "metrics"])]
    seeds: Option<String>,
    /// Runs at a time, each in one thread, its networks included. With one, each run uses a thread per stage.
    #[arg(long, default_value_t = 1, value_name = "N", requires = "seeds")]
    jobs: usize,
    /// How long, s. Default: until the goal.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    duration: Option<f64>,
    /// The drive to write; with --seeds the folder of the drives, `FAMILY-SEED.mcap`. Without it nothing is written.
    #[arg(long, value_name = "DRIVE.mcap")]
    output: Option<PathBuf>,
    /// The scripted driver drives: sensors and truth only, without the stack.
    #[arg(long, conflicts_with_all = ["live", "metrics"])]
    open_loop: bool,
    /// Without the camera.
    #[arg(long)]
    no_camera: bool,
    /// Without sensors and perception: the planner is given the true objects. Judges planning and control alone, fast.
    #[arg(long, conflicts_with_all = ["open_loop", "no_camera"])]
    truth: bool,
    /// Be a car on loopback, in real time: writes its description to DIR and waits for `chauffeur drive DIR/car.toml`.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["seeds", "output", "open_loop", "truth", "serial", "config"])]
    as_car: Option<PathBuf>,
    #[command(flatten)]
    car: as_car::Options,
    /// Frames of `scatter`.
    #[arg(long, default_value_t = 20)]
    frames: u64,
    /// Take pictures in `scatter`, too.
    #[arg(long)]
    camera: bool,
    /// Compression of the drive.
    #[arg(long, value_enum, default_value_t = CompressionName::Zstd)]
    compression: CompressionName,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Everything in one thread.
    #[arg(long)]
    serial: bool,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    networks: NetworkOptions,
}

/// The longest drive, s.
const LONGEST_S: f64 = 3600.0;

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.scenario == "scatter" {
        return scatter::run(options);
    }
    if let Some(duration) = options.duration {
        ensure!((0.1..=LONGEST_S).contains(&duration), "--duration {duration} is outside 0.1 to {LONGEST_S}");
    }
    if let Some(seeds) = &options.seeds {
        return many::run(options, seeds);
    }
    let scenario = scenario(&options.scenario)?;
    if let Some(folder) = &options.as_car {
        return as_car::run(options, scenario, folder);
    }
    if options.open_loop {
        return open_loop(options, &scenario);
    }
    let watchers = options.watch.open()?;
    closed_loop(&Simulation { watch: watchers.watch(), ..options.simulation(scenario)? })
}

/// The scenario of a family's name or of a file.
fn scenario(name: &str) -> anyhow::Result<Scenario> {
    if name == "all" {
        bail!("all families: say which seeds with --seeds A..B");
    }
    let path = PathBuf::from(name);
    let is_file = path.extension().is_some_and(|extension| extension == "toml") || path.is_file();
    Ok(if is_file { Scenario::read(&path)? } else { Scenario::family(name)? })
}

impl Options {
    fn simulation(&self, scenario: Scenario) -> anyhow::Result<Simulation> {
        Ok(Simulation {
            scenario,
            seed: self.seed,
            duration_s: self.duration,
            camera: !self.no_camera,
            truth: self.truth,
            output: self.output.clone(),
            compression: self.compression.into(),
            config: Config::read(self.config.as_deref())?,
            networks: self.networks.choice(),
            serial: self.serial,
            watch: Watch::default(),
        })
    }
}

fn closed_loop(simulation: &Simulation) -> anyhow::Result<ExitCode> {
    let prepared = simulation.prepare()?;
    println!("{}, seed {}, closed loop, {}", simulation.scenario.name, simulation.seed, prepared.detectors);
    let most_frames = prepared.most_frames;
    let finished = replay::with_progress(most_frames, |fault, progress| prepared.run(fault, progress))?;
    table::print_latency(&finished.outcome.statistics.rows());
    table::print_outcome(&finished.outcome);
    table::print_report(&finished.report, &finished.outcome.tally);
    if let Some(output) = &simulation.output {
        println!("drive: {}", output.display());
    }
    let failures = finished.report.failures();
    let code = replay::verdict_of_run(finished.outcome)?;
    for failure in &failures {
        eprintln!("failed: {failure}");
    }
    Ok(if failures.is_empty() { code } else { ExitCode::from(1) })
}

/// Processor time for each simulated second, in words; nothing where the system does not tell.
fn processor(simulated_s: f64) -> String {
    let share = |cpu_s: f64| format!(", {:.2} s of processor time for each", cpu_s / simulated_s.max(1e-9));
    table::cpu_seconds().map_or(String::new(), share)
}

fn open_loop(options: &Options, scenario: &Scenario) -> anyhow::Result<ExitCode> {
    let duration_s = options.duration.unwrap_or(scenario.duration_s);
    let writer = options.output.as_deref().map(|output| (output, options.compression.into()));
    let watch = Stopwatch::start();
    let frames = simulation::open_loop(scenario, options.seed, duration_s, !options.no_camera, writer)?;
    let (seconds, length_s) = (watch.elapsed().as_secs_f64().max(1e-9), frames as f64 * simulation::PERIOD_S);
    println!(
        "{}, seed {}, open loop: {frames} frames of {length_s:.1} s in {seconds:.2} s, {:.2} x real time{}",
        scenario.name,
        options.seed,
        length_s / seconds,
        processor(length_s)
    );
    if let Some(output) = &options.output {
        let bytes = std::fs::metadata(output).with_context(|| format!("{}", output.display()))?.len();
        println!("{}: {bytes} bytes", file_name(output));
    }
    Ok(ExitCode::SUCCESS)
}
