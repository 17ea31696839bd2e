//! One run: frames from a source through the stages to control and the log. In one thread or in one per stage.

use super::control_loop::{self, Ticks};
use super::door::{self, Admitter, Rest};
use super::fault::{Fault, FaultCell};
use super::frame::{Input, Source};
use super::join::Join;
use super::log::{LogItem, Recorder, Tally};
use super::seat::Seat;
use super::stage::{Stage, guarded_step};
use super::statistics::Statistics;
use super::threads;
use super::ticker::Ticker;
use crossbeam_channel::Receiver;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use types::Stamp;

/// Where frames come from and what time means.
pub enum Feed {
    /// Virtual time: every frame that the source gives, as fast as the stages can.
    Virtual(Source, Ticks),
    /// Inputs at their time on the wall clock; the door drops.
    RealTime {
        /// The sensors' messages in order.
        inputs: Box<dyn Iterator<Item = anyhow::Result<Input>> + Send>,
        /// How they are joined.
        join: Box<Join>,
        /// Stamp of the first message.
        origin: Stamp,
        /// How many times faster than life.
        rate: f64,
    },
    /// Inputs as they come, and a car that obeys; the door drops.
    Live {
        /// The sensors' messages.
        inputs: Receiver<Input>,
        /// How they are joined.
        join: Box<Join>,
        /// Stamp of the first tick, which is due at once.
        origin: Stamp,
        /// Who decides what control may do.
        seat: Box<dyn Seat>,
    },
}

/// What a frame goes through.
pub struct Corridor {
    /// The stages in order.
    pub stages: Vec<Box<dyn Stage>>,
    /// Control behind them.
    pub ticker: Ticker,
    /// The log behind control.
    pub recorder: Recorder,
}

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// All stages in one thread, for tests and benches. Not for real time.
    pub serial: bool,
    /// The longest a step may take before the stage counts as hung.
    pub step_budget: Duration,
    /// Bytes that wait for the log at most, in real time.
    pub log_limit_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { serial: false, step_budget: Duration::from_secs(30), log_limit_bytes: 256 << 20 }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What was logged.
    pub tally: Tally,
    /// Where the time went.
    pub statistics: Statistics,
    /// Messages of the sensors that came late, and that found no partner.
    pub late_and_alone: (u64, u64),
    /// Wall time of the run.
    pub elapsed: Duration,
    /// What went wrong in the stack.
    pub fault: Option<Fault>,
    /// What was wrong with the source or the log.
    pub error: Option<anyhow::Error>,
}

/// Progress of a run, for whoever watches: frames done.
#[derive(Debug, Default)]
pub struct Progress {
    /// Frames that have reached the log.
    pub frames: AtomicU64,
    /// Why the log ended while the drive goes on; set at once.
    pub log_ended: OnceLock<String>,
}

/// Runs a feed through the stages.
///
/// # Errors
/// Only if a thread cannot be started. What goes wrong later is in the outcome.
pub fn run(
    feed: Feed,
    corridor: Corridor,
    settings: &Settings,
    fault: &Arc<FaultCell>,
    progress: &Arc<Progress>,
) -> anyhow::Result<Outcome> {
    match feed {
        Feed::Virtual(source, ticks) if settings.serial => Ok(serial(source, &ticks, corridor, fault, progress)),
        feed => threads::run(feed, corridor, settings, fault, progress),
    }
}

fn serial(mut source: Source, ticks: &Ticks, corridor: Corridor, fault: &FaultCell, progress: &Progress) -> Outcome {
    let Corridor { mut stages, mut ticker, mut recorder } = corridor;
    let begin = Instant::now();
    let mut admitter = Admitter::new(1);
    let mut rest = Rest::default();
    let mut log_error = None;
    let mut write = |recorder: &mut Recorder, item| {
        if log_error.is_none()
            && let Err(error) = recorder.write(item)
        {
            log_error = Some(error);
            fault.interrupt();
        }
    };
    while !fault.door_closed() {
        let Some(mut frame) = door::next_frame(&mut source, &mut admitter, &mut rest, ticks.first_part(), fault) else {
            break;
        };
        for stage in &mut stages {
            guarded_step(stage.as_mut(), &mut frame, fault);
        }
        frame.buffers = None;
        let commands = control_loop::take_frame(&mut ticker, &mut frame, ticks, fault);
        frame.spans.lap("control");
        write(&mut recorder, LogItem::Frame(Box::new(frame)));
        write(&mut recorder, LogItem::Commands(commands));
        progress.frames.fetch_add(1, Ordering::Relaxed);
    }
    for input in std::mem::take(&mut rest.inputs) {
        write(&mut recorder, LogItem::Input(input));
    }
    let commands = control_loop::last_commands(&mut ticker, std::mem::take(&mut rest.commands), ticks, fault);
    write(&mut recorder, LogItem::Commands(commands));
    let error = rest.error.take().or_else(|| log_error.map(Into::into));
    finish(recorder, begin, fault.first(), error, rest.late_and_alone)
}

pub(super) fn finish(
    recorder: Recorder,
    begin: Instant,
    fault: Option<Fault>,
    error: Option<anyhow::Error>,
    late_and_alone: (u64, u64),
) -> Outcome {
    let (tally, statistics, error) = match recorder.finish() {
        Ok((tally, statistics)) => (tally, statistics, error),
        Err(closing) => (Tally::default(), Statistics::default(), error.or(Some(closing.into()))),
    };
    Outcome { tally, statistics, late_and_alone, elapsed: begin.elapsed(), fault, error }
}
