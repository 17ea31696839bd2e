//! The command line: what a person types, what is printed, and the exit code.
//!
//! Exit codes: 0 done, 1 the run failed a gate or a stage failed, 2 bad input or set-up.
#![allow(clippy::print_stdout, clippy::print_stderr)] // this is the room that talks to a person

mod bench;
mod calibrate;
mod check;
mod diff;
mod doctor;
mod drive;
mod export;
mod files;
mod import;
mod info;
mod render;
mod replay;
mod report;
mod simulate;
mod table;
mod warmup;

use crate::stack::{CatalogueChoice, NetworkChoice};
use crate::watch::Watchers;
use clap::{Args, Parser, Subcommand, ValueEnum};
use recordings::Compression;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// An autonomous-driving perception and planning stack whose every drive replays bit for bit.
#[derive(Debug, Parser)]
#[command(name = "chauffeur", version, about)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a recorded drive through the whole stack and log it.
    Replay(replay::Options),
    /// Hold drives against their references and criteria.
    Check(check::Options),
    /// One drive of `check`: its result as a line of JSON.
    #[command(hide = true)]
    CheckDrive(check::OneOptions),
    /// Merge the results of parts of a check, as one run would have written them.
    CheckMerge(check::MergeOptions),
    /// Say where two runs of a drive part: first frame, stage and field, then all of it in counts and sizes.
    Diff(diff::Options),
    /// Show what a drive holds.
    Info(info::Options),
    /// Make a drive out of a data set.
    #[command(subcommand)]
    Import(import::Source),
    /// Make a clean file out of a cut or damaged one.
    Recover(files::RecoverOptions),
    /// Copy a part of a file, by time; without times all of it, with another compression.
    Slice(files::SliceOptions),
    /// Merge files in the order of time.
    Merge(files::MergeOptions),
    /// Make somebody else's format out of a drive.
    #[command(subcommand)]
    Export(export::Format),
    /// Draw one moment of a drive (bird's-eye view and camera), or a map.
    Render(render::Options),
    /// One page for a browser: bird's-eye view, camera, plots, decisions of a drive, or of two.
    Report(report::Options),
    /// Drive in a simulated world, in closed loop.
    Simulate(simulate::Options),
    /// Measure how far the camera of a drive is turned away from its calibration.
    Calibrate(calibrate::Options),
    /// Measure.
    #[command(subcommand)]
    Bench(bench::What),
    /// Drive a car: live sensors, its CAN bus, and a driver who may take over at any time.
    Drive(drive::Options),
    /// Stops the car when the pipeline of `drive` cannot.
    #[command(hide = true)]
    Supervise(drive::SuperviseOptions),
    /// Say whether this computer, and a car, may drive: clocks, disk, networks, GPU, sensors, CAN.
    Doctor(doctor::Options),
    /// Prepare the networks for this machine.
    #[command(subcommand)]
    Models(warmup::What),
}

/// Which networks to run.
#[derive(Clone, Debug, Args)]
pub struct NetworkOptions {
    /// Catalogue of networks (TOML); `none` for the geometric lidar detector alone. Default: our own networks, which are part of the
    /// program.
    #[arg(long, value_name = "FILE")]
    models: Option<PathBuf>,
    /// Folder of the ONNX files, if it is not the catalogue's.
    #[arg(long, value_name = "DIR", requires = "models")]
    model_dir: Option<PathBuf>,
    /// The ONNX Runtime library; `off` for the embedded engine. Default: `ORT_DYLIB_PATH`, the active Python, the system.
    #[arg(long, value_name = "PATH")]
    onnxruntime: Option<PathBuf>,
    /// Where the networks run.
    #[arg(long, value_enum, default_value_t = ProviderName::Cpu)]
    provider: ProviderName,
    /// Threads of a network.
    #[arg(long, default_value_t = 2, value_name = "N")]
    threads: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProviderName {
    Cpu,
    Cuda,
    Tensorrt,
}

/// Who may watch.
#[derive(Clone, Copy, Debug, Args)]
pub struct WatchOptions {
    /// Show the run in Foxglove or Lichtblick as it happens: a port of this computer, or ADDRESS:PORT for others, too.
    #[arg(long, value_name = "PORT", value_parser = crate::watch::address)]
    live: Option<SocketAddr>,
    /// Numbers of the run for Prometheus at `/metrics`, in the same way.
    #[arg(long, value_name = "PORT", value_parser = crate::watch::address)]
    metrics: Option<SocketAddr>,
}

impl WatchOptions {
    /// Opens the sockets and says where.
    fn open(self) -> anyhow::Result<Watchers> {
        let watchers = Watchers::open(self.live, self.metrics)?;
        watchers.lines().iter().for_each(|line| println!("{line}"));
        Ok(watchers)
    }
}

/// How a log is compressed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum CompressionName {
    /// Not at all: three times as fast as LZ4, which makes images and sweeps a fifth smaller.
    None,
    Lz4,
    /// Level 1.
    Zstd,
    /// Zstandard, level 19: for drives that are kept.
    Archive,
}

impl From<CompressionName> for Compression {
    fn from(name: CompressionName) -> Self {
        match name {
            CompressionName::None => Self::None,
            CompressionName::Lz4 => Self::Lz4,
            CompressionName::Zstd => Self::Zstd,
            CompressionName::Archive => Self::Archive,
        }
    }
}

impl NetworkOptions {
    /// The options as they are typed; nothing for what is at its default.
    fn again(&self) -> String {
        let path = |name: &str, path: &Option<PathBuf>| {
            path.as_ref().map_or(String::new(), |path| format!(" --{name} {}", path.display()))
        };
        path("models", &self.models) + &path("model-dir", &self.model_dir) + &path("onnxruntime", &self.onnxruntime)
    }

    /// All options as arguments of another process.
    fn arguments(&self) -> Vec<OsString> {
        let paths =
            [("--models", &self.models), ("--model-dir", &self.model_dir), ("--onnxruntime", &self.onnxruntime)];
        let mut all: Vec<OsString> = Vec::new();
        for (name, path) in paths {
            all.extend(path.iter().flat_map(|path| [name.into(), path.clone().into()]));
        }
        let provider = self.provider.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
        all.extend(["--provider".into(), provider.into(), "--threads".into(), self.threads.to_string().into()]);
        all
    }

    fn choice(&self) -> NetworkChoice {
        NetworkChoice {
            catalogue: match &self.models {
                None => CatalogueChoice::Own,
                Some(path) if path.as_os_str() == "none" => CatalogueChoice::Nothing,
                Some(path) => CatalogueChoice::File(path.clone()),
            },
            model_dir: self.model_dir.clone(),
            onnxruntime: self.onnxruntime.clone(),
            provider: match self.provider {
                ProviderName::Cpu => models::Provider::Cpu,
                ProviderName::Cuda => models::Provider::Cuda,
                ProviderName::Tensorrt => models::Provider::TensorRt,
            },
            threads: self.threads,
            builds: true,
        }
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    leave_when_nobody_listens();
    let outcome = match Program::parse().command {
        Command::Replay(options) => replay::run(&options),
        Command::Check(options) => check::run(&options),
        Command::CheckDrive(options) => check::run_one(&options),
        Command::CheckMerge(options) => check::run_merge(&options),
        Command::Diff(options) => diff::run(&options),
        Command::Info(options) => info::run(&options),
        Command::Import(source) => import::run(&source),
        Command::Export(format) => export::run(&format),
        Command::Recover(options) => files::recover(&options),
        Command::Slice(options) => files::slice(&options),
        Command::Merge(options) => files::merge(&options),
        Command::Render(options) => render::run(&options),
        Command::Report(options) => report::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Calibrate(options) => calibrate::run(&options),
        Command::Bench(what) => bench::run(&what),
        Command::Drive(options) => drive::run(&options),
        Command::Supervise(options) => drive::supervise(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Models(what) => warmup::run(&what),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {}", in_one_line(&error));
        ExitCode::from(2)
    })
}

/// An error and its causes, each once: many an error says its cause itself.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

/// Ends the program without a word when the reader of its output has gone, as in `chauffeur info DRIVE | head`. The code is that of
/// a program which the signal has ended, so that a gate in a pipe does not pass by accident.
fn leave_when_nobody_listens() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        if text.starts_with("failed printing to std") && text.contains("Broken pipe") {
            std::process::exit(128 + 13);
        }
        usual(panic);
    }));
}

/// The drive in the repository, for who names none.
fn embedded_drive() -> PathBuf {
    let inside = std::path::Path::new("recordings/drives/street.mcap");
    if inside.is_file() { inside.to_path_buf() } else { std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(inside) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = recordings::DriveReader::open(std::path::Path::new("/nowhere.mcap")).err().unwrap();
        let line = in_one_line(&anyhow::Error::from(error).context("the drive"));
        assert_eq!(line.matches("No such file").count(), 1, "{line}");
        assert!(line.starts_with("the drive: /nowhere.mcap: cannot open"), "{line}");
    }
}
