//! `chauffeur export`.

use super::CompressionName;
use clap::Subcommand;
use recordings::ros2;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to make of a drive.
#[derive(Debug, Subcommand)]
pub enum Format {
    /// A ROS 2 bag: MCAP with CDR messages, for `ros2 bag play`, RViz and Python readers.
    Ros2 {
        /// The drive.
        drive: PathBuf,
        /// The bag to write.
        #[arg(long, value_name = "FILE.mcap")]
        output: PathBuf,
        /// Its compression.
        #[arg(long, value_enum, default_value_t = CompressionName::Lz4)]
        compression: CompressionName,
    },
}

pub fn run(format: &Format) -> anyhow::Result<ExitCode> {
    let Format::Ros2 { drive, output, compression } = format;
    let written = ros2::export(drive, output, (*compression).into())?;
    let megabytes = written.bytes as f64 * 1e-6;
    println!("{}: {} messages in {} chunks, {megabytes:.2} MB", output.display(), written.messages, written.chunks);
    Ok(ExitCode::SUCCESS)
}
