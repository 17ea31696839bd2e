//! Who sits between control and a real car.

use super::watchdog::Heartbeat;
use recordings::LogLevel;
use std::sync::Arc;
use std::time::Instant;
use types::{Command, Grant, Plan, Stamp};

/// What the runtime knows before a tick of control.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Stamp of the tick.
    pub stamp: Stamp,
    /// When it was due.
    pub due: Instant,
    /// The newest plan.
    pub plan: Option<&'a Plan>,
    /// A stage or a thread has failed, or the stages have ended.
    pub has_failed: bool,
    /// Ticks that were left out since the last: control was not on time.
    pub missed: u64,
}

/// A line for the log.
pub type Remark = (LogLevel, String, String);

/// Decides before each tick what control may do, and takes the command to the car behind it. Nothing in here may block.
pub trait Seat: Send {
    /// The stages' signs of life, once, before the first tick.
    fn watch(&mut self, heartbeats: &[Arc<Heartbeat>]);

    /// What control may do in this tick, and what the car tells.
    fn grant(&mut self, now: &Moment<'_>) -> Grant;

    /// Takes the command to the car.
    fn obey(&mut self, command: &Command);

    /// What is to be logged since it was asked last.
    fn remarks(&mut self) -> Vec<Remark>;

    /// Whether the drive is over: the car stands or the driver drives, and somebody asked for the end.
    fn is_over(&self) -> bool;
}
