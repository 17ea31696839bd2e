//! `chauffeur info`.

use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to look at.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive.
    drive: PathBuf,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let info = recordings::info(&options.drive)?;
    println!("{info}");
    Ok(ExitCode::SUCCESS)
}
