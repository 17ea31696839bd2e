//! `chauffeur simulate scatter`: frames for training, each of a new place.

use super::Options;
use crate::simulation::create;
use crate::stack::file_name;
use anyhow::{Context, ensure};
use recordings::{Message, RunRecord};
use sim::scatter::{Scatter, ScatterOptions};
use std::process::ExitCode;

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    ensure!((1..=1_000_000).contains(&options.frames), "--frames {} is outside 1 to 1000000", options.frames);
    let output = options.output.as_deref().context("scatter: name the drive to write with --output")?;
    let scatter = Scatter::new(options.seed, ScatterOptions { camera: options.camera, lidar: None });
    let record = RunRecord {
        version: env!("CARGO_PKG_VERSION").to_string(),
        mode: "simulate".to_string(),
        source: format!("scatter, seed {}, lidar {}", options.seed, scatter.lidar().name()),
        ..RunRecord::default()
    };
    let mut writer = create(output, &record, options.compression.into())?;
    writer.write(&Message::Calibration(scatter.calibration()))?;
    for index in 0..options.frames {
        let frame = scatter.frame(index)?;
        writer.write(&Message::Ins(frame.ins))?;
        frame.picture.map_or(Ok(()), |picture| writer.write(&Message::Camera(picture)))?;
        writer.write(&Message::Lidar(frame.sweep))?;
        writer.write(&Message::Truth(frame.truth))?;
    }
    let written = writer.finish()?;
    println!("{}: {} frames, {} bytes", file_name(output), options.frames, written.bytes);
    Ok(ExitCode::SUCCESS)
}
