//! What a run measures, for Prometheus: `GET /metrics` on an address of its own.
//!
//! In: finished frames and commands, from the log thread; modes and clocks from a drive. Out: text in the exposition format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4). Never: a wait for a reader. The log thread holds the lock for
//! some additions; a reader holds it for a copy and makes the text without it.
#![allow(clippy::disallowed_methods)] // this is an edge to the network: it has threads and waits

mod buckets;
mod counts;
mod exposition;
mod server;

use crate::runtime::Frame;
use crate::runtime::frame::Spans;
use crate::runtime::log::Tally;
use control::safety::Mode;
use counts::Counts;
pub use server::MetricsServer;
use std::sync::{Mutex, MutexGuard, PoisonError};
use types::Command;

/// The counts of a run. One for each process that is watched.
#[derive(Debug, Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
}

impl Metrics {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame has reached the log; `tally` has counted it.
    pub fn frame(&self, frame: &Frame, tally: &Tally) {
        self.lock().frame(frame, tally);
    }

    /// A command was made.
    pub fn command(&self, command: &Command) {
        self.lock().command(command);
    }

    /// Where a frame's time went.
    pub fn times(&self, spans: &Spans) {
        self.lock().times(spans);
    }

    /// What the log left out (sensors, others), and whether it has ended.
    pub fn log(&self, lost: (u64, u64), ended: bool) {
        let mut counts = self.lock();
        counts.log_lost = lost;
        counts.log_ended = ended;
    }

    /// Who drives.
    pub fn mode(&self, mode: Mode) {
        self.lock().mode = Some(mode);
    }

    /// How far a sensor's clock is from the computer's, s: what is added to its time.
    pub fn clock_offset(&self, sensor: &str, seconds: f64) {
        self.lock().clock_offsets_s.insert(sensor.to_string(), seconds);
    }

    /// Viewers of the live view, and messages that did not reach one.
    pub fn viewers(&self, connected: usize, lost: u64) {
        self.lock().viewers = Some((connected, lost));
    }

    /// All of it as Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let counts = self.lock().clone();
        exposition::text(&counts)
    }
}
