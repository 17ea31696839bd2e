//! `chauffeur info`.

use clap::Args;
use recordings::DriveInfo;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to look at.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive, or any MCAP file.
    drive: PathBuf,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let info = DriveInfo::read(&options.drive)?;
    print(&info);
    anyhow::ensure!(
        !info.cut,
        "{}: the end of the file is missing: what is shown is what can be read",
        info.path.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn print(info: &DriveInfo) {
    let megabytes = |bytes: u64| bytes as f64 * 1e-6;
    println!(
        "{}: {:.2} MB, {:.3} s, {} messages",
        info.path.display(),
        megabytes(info.bytes),
        info.duration_s(),
        info.messages
    );
    println!("written by \"{}\", profile \"{}\"", info.library, info.profile);
    if let Some(run) = &info.run {
        println!("run: version {}, {}, from \"{}\"", run.version, run.mode, run.source);
        if !run.config_sha256.is_empty() {
            println!("     configuration {}", run.config_sha256);
        }
        if !run.engine.is_empty() {
            println!("     networks on {} ({}, {} threads)", run.engine, run.provider, run.network_threads);
        }
        for (name, digest) in &run.models {
            println!("     {name} {digest}");
        }
    }
    let kinds: Vec<String> = info
        .compression
        .iter()
        .map(|(kind, count)| format!("{count} {}", if kind.is_empty() { "uncompressed" } else { kind }))
        .collect();
    println!(
        "{} chunks ({}), {:.2} of {:.2} MB",
        info.chunks,
        kinds.join(", "),
        megabytes(info.compressed_bytes),
        megabytes(info.uncompressed_bytes)
    );
    println!("{:<28}{:<28}{:>9}{:>10}{:>12}  use", "topic", "schema", "messages", "Hz", "MB");
    for channel in &info.channels {
        let used = match (channel.read, channel.schema.starts_with("foxglove.")) {
            (true, _) => "replay",
            (false, true) => "view",
            (false, false) => "-",
        };
        println!(
            "{:<28}{:<28}{:>9}{:>10.2}{:>12.3}  {used}",
            channel.topic,
            channel.schema,
            channel.messages,
            channel.rate_hz,
            megabytes(channel.bytes)
        );
    }
}
