//! In the car: the edges to sensors and buses, who may drive, and the stop when anything goes quiet.
//!
//! In: `[car]` of the configuration, sockets, devices. Out: sensor messages to the door, frames on the CAN bus, the drive's
//! log. Never: an algorithm; decoding is the room `vehicle`'s, who may drive is decided by `control::safety`.
//!
//! ```text
//! edges (a thread a port) -> door -> the corridor -> control -> seat -> pen -> CAN
//!    \-> board (what came, clocks, the car's state) ------------/   \-> beats -> supervisor -> CAN, if it must
//! ```
#![allow(clippy::disallowed_methods)] // it owns the threads and clocks at the car's ports

pub mod address;
pub mod board;
pub mod bus;
pub mod calibration;
pub mod camera_port;
pub mod car;
pub mod concatenate;
pub mod driver;
pub mod edges;
pub mod hold;
pub mod launch;
pub mod lidar_port;
pub mod link;
pub mod pen;
pub mod quiet;
pub mod route;
pub mod run;
pub mod sabotage;
pub mod seat;
pub mod serial;
pub mod status;
pub mod supervise;
pub mod video_port;

pub use car::Car;
pub use run::{Drive, Ending, Prepared};

use anyhow::Context;
use std::time::Duration;
use vehicle::can::Database;

/// Reads the car's DBC file.
///
/// # Errors
/// Names the file and what is wrong in it.
pub fn read_database(car: &Car) -> anyhow::Result<Database> {
    let said = || format!("{}", car.can.dbc.display());
    Database::parse(&std::fs::read(&car.can.dbc).with_context(said)?).with_context(said)
}

/// Every sensor of a car in the order of its places, and how long it may be silent.
#[must_use]
pub fn sensor_budgets(car: &Car) -> Vec<(String, Option<Duration>)> {
    let budget = |seconds: f64| Some(Duration::from_secs_f64(seconds));
    let lidars = car.lidar.iter().map(|lidar| (format!("lidar {}", lidar.name), budget(car.budgets.sensor_s)));
    let camera = car.camera.iter().map(|_| ("camera".to_string(), budget(car.budgets.sensor_s)));
    // What signals show is old soon enough for the planner: their silence is no reason to stop anywhere.
    let signals = car.signals.iter().map(|_| ("signals".to_string(), None));
    lidars.chain(camera).chain([("ins".to_string(), budget(car.budgets.ins_s))]).chain(signals).collect()
}
