//! `chauffeur bench log`.

use crate::runtime::clock::CpuWatch;
use crate::runtime::load::{Felt, Load, put};
use anyhow::Context;
use clap::Args;
use recordings::{Compression, DriveReader, DriveWriter, RunRecord, read_bare};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How to measure the log.
#[derive(Debug, Args)]
pub struct Options {
    /// Sensor data each second.
    #[arg(long, value_name = "MB", default_value_t = 400.0)]
    rate: f64,
    /// Seconds of each load.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    duration: f64,
    /// Folder for the files that are written and removed again; the disk that is measured. Default: the system's for temporary files.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A drive to read instead of what was written.
    #[arg(long, value_name = "DRIVE")]
    read: Option<PathBuf>,
}

/// Times that a file is read by each reader, in turn; the least counts.
const ROUNDS: usize = 5;

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    anyhow::ensure!((1.0..=10_000.0).contains(&options.rate), "--rate {}: outside 1 to 10000 MB/s", options.rate);
    anyhow::ensure!((0.5..=600.0).contains(&options.duration), "--duration {}: outside 0.5 to 600 s", options.duration);
    let folder = options.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(&folder).with_context(|| format!("{}", folder.display()))?;
    let duration = Duration::from_secs_f64(options.duration);
    let load = |rate_mb: f64| Load { bytes_per_s: rate_mb * 1e6, duration, limit_bytes: 256 << 20 };
    println!(
        "a tick each 10 ms for {:.0} s beside {:.0} MB/s of sensors, through the drive's queue and thread",
        options.duration, options.rate
    );
    println!(
        "{:<20}{:>8}{:>16}{:>12}{:>18}{:>14}{:>24}",
        "", "MB/s", "MB/s of a core", "left out", "late p50/p99", "late most", "handing over p99/most"
    );
    row("no log", &put(&load(options.rate), None)?, 0);
    for (name, compression) in [
        ("log, uncompressed", Compression::None),
        ("log, LZ4", Compression::Lz4),
        ("log, Zstandard 1", Compression::Zstd),
    ] {
        let path = folder.path().join("log.mcap");
        let writer = DriveWriter::create(&path, &RunRecord::default(), compression)?;
        let felt = put(&load(options.rate), Some(writer))?;
        row(name, &felt, std::fs::metadata(&path)?.len());
        if options.read.is_none() {
            reading(&path)?;
        }
        std::fs::remove_file(&path)?;
    }
    options.read.as_deref().map_or(Ok(()), reading)?;
    Ok(ExitCode::SUCCESS)
}

fn row(name: &str, felt: &Felt, written_bytes: u64) {
    let at = |sorted: &[u64], share: f64| {
        let last = sorted.len().saturating_sub(1);
        sorted.get((share * last as f64) as usize).copied().unwrap_or(0) as f64 * 1e-3
    };
    let (late, handing) = (&felt.lateness_ns, &felt.handing_ns);
    let written = written_bytes as f64 * 1e-6;
    println!(
        "{name:<20}{:>8.0}{:>16.0}{:>12}{:>18}{:>11.0} us{:>24}",
        written / felt.elapsed_s.max(1e-9),
        written / felt.log_cpu_s.max(1e-9),
        format!("{} + {}", felt.lost.0, felt.lost.1),
        format!("{:.0}/{:.0} us", at(late, 0.5), at(late, 0.99)),
        at(late, 1.0),
        format!("{:.1}/{:.1} us", at(handing, 0.99), at(handing, 1.0))
    );
}

/// Our reader, with its decoding and its order, beside the bare one on the same file.
fn reading(path: &Path) -> anyhow::Result<()> {
    let (mut bare, mut ours, mut bytes) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..ROUNDS {
        let watch = CpuWatch::start();
        bytes = read_bare(path)?.1;
        bare = bare.min(watch.elapsed().as_secs_f64());
        let watch = CpuWatch::start();
        for message in DriveReader::open(path)? {
            message?;
        }
        ours = ours.min(watch.elapsed().as_secs_f64());
    }
    let megabytes = bytes as f64 * 1e-6;
    println!(
        "  read again: {:.0} MB/s of a core, the bare MCAP reader {:.0} MB/s: {:.2} x its time",
        megabytes / ours,
        megabytes / bare,
        ours / bare
    );
    Ok(())
}
