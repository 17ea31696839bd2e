//! `chauffeur info`.

use clap::Args;
use recordings::{ChannelInfo, DriveInfo};
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
    print_channels(info);
    if info.run.is_none() && info.channels.iter().any(|channel| channel.encodings[0] == "cdr") {
        println!("a ROS 2 bag: chauffeur import ros2 makes a drive of its sensors");
    }
}

fn print_channels(info: &DriveInfo) {
    let width = |texts: &dyn Fn(&ChannelInfo) -> &str, least: usize| {
        info.channels.iter().map(|channel| texts(channel).len() + 2).max().unwrap_or(0).max(least)
    };
    let (topics, schemas) = (width(&|channel| &channel.topic, 28), width(&|channel| &channel.schema, 28));
    println!(
        "{:<topics$}{:<schemas$}{:<24}{:>9}{:>10}{:>12}  use",
        "topic", "schema", "encoding", "messages", "Hz", "MB"
    );
    for channel in &info.channels {
        let used = match (channel.read, channel.schema.starts_with("foxglove.")) {
            (true, _) => "replay",
            (false, true) => "view",
            (false, false) => "-",
        };
        let encoding = match &channel.encodings {
            [message, schema] if message == schema || schema.is_empty() => message.clone(),
            [message, schema] => format!("{message} ({schema})"),
        };
        // Messages of less than a millisecond have no rate to speak of.
        let rate = match channel.span_ns {
            Some((first, last)) if last.saturating_sub(first) > 1_000_000 => format!("{:.2}", channel.rate_hz),
            _ => "-".into(),
        };
        println!(
            "{:<topics$}{:<schemas$}{:<24}{:>9}{rate:>10}{:>12.3}  {used}",
            channel.topic,
            channel.schema,
            encoding,
            channel.messages,
            channel.bytes as f64 * 1e-6
        );
    }
}
