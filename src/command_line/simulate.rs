//! `chauffeur simulate`.

use super::CompressionName;
use crate::stack::file_name;
use anyhow::ensure;
use clap::Args;
use recordings::{DriveWriter, Message, RunRecord};
use sim::scatter::{Scatter, ScatterOptions};
use sim::{Scenario, World};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The drive to make. The ego follows its lane by itself; the stack is run on the drive by `replay`.
#[derive(Debug, Args)]
pub struct Options {
    /// A family (highway, urban, yard, cut-in, red-light, stop-and-go), a scenario file, or "scatter": frames for training, each
    /// of a new place.
    #[arg(value_name = "SCENARIO", default_value = "urban")]
    scenario: String,
    /// Frames of "scatter".
    #[arg(long, default_value_t = 20)]
    frames: u64,
    /// Take pictures in "scatter", too.
    #[arg(long)]
    camera: bool,
    /// Seed of the roads and the traffic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of the drive, s.
    #[arg(long, default_value_t = 6.0)]
    duration: f64,
    /// Seconds of the world to skip before the first frame.
    #[arg(long, default_value_t = 0.0)]
    skip: f64,
    /// Compression of the drive.
    #[arg(long, value_enum, default_value_t = CompressionName::Zstd)]
    compression: CompressionName,
    /// The drive to write.
    #[arg(long, value_name = "DRIVE.mcap")]
    output: PathBuf,
}

/// Time between sweeps, s.
const PERIOD_S: f64 = 0.1;

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.scenario == "scatter" {
        return scatter(options);
    }
    for (name, value, high) in [("--duration", options.duration, 3600.0), ("--skip", options.skip, 3600.0)] {
        ensure!((0.0..=high).contains(&value), "{name} {value} is outside 0 to {high}");
    }
    let is_file = options.scenario.ends_with(".toml");
    let scenario =
        if is_file { Scenario::read(Path::new(&options.scenario))? } else { Scenario::family(&options.scenario)? };
    let mut world = World::new(&scenario, options.seed)?;
    let record = RunRecord {
        version: env!("CARGO_PKG_VERSION").to_string(),
        mode: "simulate".to_string(),
        source: format!("{}, seed {}, from second {}", options.scenario, options.seed, options.skip),
        ..RunRecord::default()
    };
    for _ in 0..(options.skip / PERIOD_S).round() as u64 {
        world.advance(PERIOD_S);
    }
    let mut writer = DriveWriter::create(&options.output, &record, options.compression.into())?;
    writer.write(&Message::Calibration(world.calibration()))?;
    writer.write(&Message::Route(world.route()))?;
    let frames = (options.duration / PERIOD_S).round() as u64;
    for _ in 0..frames {
        writer.write(&Message::Ins(world.ins_fix()))?;
        writer.write(&Message::Camera(world.camera_frame()?))?;
        writer.write(&Message::Lidar(world.lidar_sweep()))?;
        writer.write(&Message::Signals(world.signals()))?;
        writer.write(&Message::WheelSpeed(world.wheel_speed()))?;
        writer.write(&Message::Truth(world.truth()))?;
        world.advance(PERIOD_S);
    }
    writer.finish()?;
    println!("{}: {frames} frames, {} bytes", file_name(&options.output), std::fs::metadata(&options.output)?.len());
    Ok(ExitCode::SUCCESS)
}

fn scatter(options: &Options) -> anyhow::Result<ExitCode> {
    ensure!((1..=1_000_000).contains(&options.frames), "--frames {} is outside 1 to 1000000", options.frames);
    let scatter = Scatter::new(options.seed, ScatterOptions { camera: options.camera, lidar: None });
    let record = RunRecord {
        version: env!("CARGO_PKG_VERSION").to_string(),
        mode: "simulate".to_string(),
        source: format!("scatter, seed {}, lidar {}", options.seed, scatter.lidar().name()),
        ..RunRecord::default()
    };
    let mut writer = DriveWriter::create(&options.output, &record, options.compression.into())?;
    writer.write(&Message::Calibration(scatter.calibration()))?;
    for index in 0..options.frames {
        let frame = scatter.frame(index)?;
        writer.write(&Message::Ins(frame.ins))?;
        frame.picture.map_or(Ok(()), |picture| writer.write(&Message::Camera(picture)))?;
        writer.write(&Message::Lidar(frame.sweep))?;
        writer.write(&Message::Truth(frame.truth))?;
    }
    let written = writer.finish()?;
    println!("{}: {} frames, {} bytes", file_name(&options.output), options.frames, written.bytes);
    Ok(ExitCode::SUCCESS)
}
