//! `chauffeur recover`, `slice` and `merge`: work on whole files.

use super::CompressionName;
use anyhow::ensure;
use clap::Args;
use recordings::{Written, files};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to recover.
#[derive(Debug, Args)]
pub struct RecoverOptions {
    /// The cut or damaged file: a drive, or any MCAP file.
    input: PathBuf,
    /// The clean file to write.
    #[arg(long, value_name = "FILE.mcap")]
    output: PathBuf,
    /// Its compression.
    #[arg(long, value_enum, default_value_t = CompressionName::Lz4)]
    compression: CompressionName,
}

/// What to take out of a file.
#[derive(Debug, Args)]
pub struct SliceOptions {
    /// A drive, or any MCAP file.
    input: PathBuf,
    /// Seconds after the first message.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    from: f64,
    /// Seconds after the first message; default: all of the rest.
    #[arg(long, value_name = "SECONDS")]
    to: Option<f64>,
    /// Without images, sweeps and views: what `replay --mode from-detections` needs, in a thirtieth of the space.
    #[arg(long)]
    thin: bool,
    /// The file to write.
    #[arg(long, value_name = "FILE.mcap")]
    output: PathBuf,
    /// Its compression.
    #[arg(long, value_enum, default_value_t = CompressionName::Lz4)]
    compression: CompressionName,
}

/// What to merge.
#[derive(Debug, Args)]
pub struct MergeOptions {
    /// Parts of one recording, or recordings of different topics.
    #[arg(required = true, num_args = 2..)]
    inputs: Vec<PathBuf>,
    /// The file to write.
    #[arg(long, value_name = "FILE.mcap")]
    output: PathBuf,
    /// Its compression.
    #[arg(long, value_enum, default_value_t = CompressionName::Lz4)]
    compression: CompressionName,
}

pub fn recover(options: &RecoverOptions) -> anyhow::Result<ExitCode> {
    let recovered = files::recover(&options.input, &options.output, options.compression.into())?;
    let megabytes = recovered.bytes as f64 * 1e-6;
    println!("{}: {} messages, {megabytes:.2} MB", options.output.display(), recovered.messages);
    if recovered.from_cut_chunk > 0 {
        println!("{} of them lay in a chunk that was cut", recovered.from_cut_chunk);
    }
    for line in &recovered.lost {
        println!("lost: {line}");
    }
    Ok(ExitCode::SUCCESS)
}

pub fn slice(options: &SliceOptions) -> anyhow::Result<ExitCode> {
    let times = [Some(options.from), options.to];
    for seconds in times.into_iter().flatten() {
        ensure!((0.0..1e9).contains(&seconds), "{seconds} s: outside 0 to 1e9");
    }
    let (input, output) = (&options.input, &options.output);
    print(output, files::slice(input, options.from, options.to, options.thin, output, options.compression.into())?);
    Ok(ExitCode::SUCCESS)
}

pub fn merge(options: &MergeOptions) -> anyhow::Result<ExitCode> {
    print(&options.output, files::merge(&options.inputs, &options.output, options.compression.into())?);
    Ok(ExitCode::SUCCESS)
}

fn print(output: &Path, written: Written) {
    let megabytes = written.bytes as f64 * 1e-6;
    println!("{}: {} messages in {} chunks, {megabytes:.2} MB", output.display(), written.messages, written.chunks);
}
