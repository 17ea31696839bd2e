//! `chauffeur report`.

use crate::config::Config;
use crate::report;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which drives to show.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive; one that the stack has run shows what it made of it.
    drive: PathBuf,
    /// Another drive beside it, with the first divergence marked.
    #[arg(long, value_name = "OTHER.mcap")]
    against: Option<PathBuf>,
    /// The page to write: one file for any browser, without a network.
    #[arg(long, value_name = "FILE.html")]
    output: PathBuf,
    /// The vehicle's configuration (TOML), for its size.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let config = Config::read(options.config.as_deref())?;
    let drives: Vec<_> = std::iter::once(&options.drive).chain(&options.against).map(PathBuf::as_path).collect();
    let bytes = report::write(&drives, config.vehicle, &options.output)?;
    println!("{}: {:.2} MB", options.output.display(), bytes as f64 * 1e-6);
    Ok(ExitCode::SUCCESS)
}
