//! `chauffeur bench`.

mod alone;
mod detection;
mod drive;
mod driver_process;
mod faults;
mod frame;
mod log;
mod odometry;
mod overrides;
mod planning;
mod rows;
mod throughput;
mod trace;
mod tracking;
mod tracking_error;

use clap::Subcommand;
use std::process::ExitCode;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Time per frame: each part, end to end, one frame at a time in one thread.
    Frame(frame::Options),
    /// Write the lidar objects of a drive as KITTI tracking rows, for a judge.
    Detection(detection::Options),
    /// Drive a simulated car for ten minutes in real time through the edges of a car: how well, and whether the log repeats.
    Drive(drive::Options),
    /// Break a simulated car in every way while `chauffeur drive` drives it: what happens, and in how long.
    Faults(faults::Options),
    /// The log: writing, reading, and whether control feels it.
    Log(log::Options),
    /// Lidar odometry beside GPS/INS and beside given poses.
    Odometry(odometry::Options),
    /// The planner in closed loop on CommonRoad scenarios: result rows for a judge, and its speed.
    Planning(planning::Options),
    /// Frames a second of a whole replay beside those of its networks alone.
    Throughput(throughput::Options),
    /// The tracker over recorded detections of KITTI sequences: result rows for a judge, and its speed.
    Tracking(tracking::Options),
}

pub fn run(what: &What) -> anyhow::Result<ExitCode> {
    match what {
        What::Frame(options) => frame::run(options),
        What::Detection(options) => detection::run(options),
        What::Drive(options) => drive::run(options),
        What::Faults(options) => faults::run(options),
        What::Log(options) => log::run(options),
        What::Odometry(options) => odometry::run(options),
        What::Planning(options) => planning::run(options),
        What::Throughput(options) => throughput::run(options),
        What::Tracking(options) => tracking::run(options),
    }
}
