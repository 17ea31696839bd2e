//! A run with one thread per stage, joined by bounded queues.

use super::clock::WallClock;
use super::control_loop::{self, STOP_TIME};
use super::courier;
use super::crew::Crew;
use super::door::{self, Admitter, Rest};
use super::fault::FaultCell;
use super::frame::Frame;
use super::log::{LogAccount, LogItem, LogSender, Recorder};
use super::run::{Corridor, Feed, Outcome, Progress, Settings, finish};
use super::stage::{Stage, guarded_step};
use super::watchdog::Heartbeat;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Sets of buffers in a replay: as many frames as the corridor can hold.
const BUFFERS: usize = 12;
/// Sets of buffers in real time. Frames hold them from the door to the end of detection, so a slow network makes the door
/// drop instead of queueing old frames in front of itself: one is in work, one ready, one on its way.
const BUFFERS_IN_REAL_TIME: usize = 3;

/// One tick of control in a car takes less than a millisecond; after so long it will not come back.
const CONTROL_BUDGET: Duration = Duration::from_secs(2);

/// Runs a feed with one thread for each stage, the door, control and the log.
///
/// # Errors
/// If a thread cannot be started or the log thread is lost.
pub fn run(
    feed: Feed,
    corridor: Corridor,
    settings: &Settings,
    fault: &Arc<FaultCell>,
    progress: &Arc<Progress>,
) -> anyhow::Result<Outcome> {
    let Corridor { stages, ticker, recorder } = corridor;
    let begin = Instant::now();
    let mut crew = Crew::new(fault);
    let mut heartbeats = Vec::new();
    let real_time = matches!(feed, Feed::RealTime { .. } | Feed::Live { .. });
    let mut control_beat = None;

    // The log, last in the corridor and first to be there. While driving its bytes bound it: the queue has room for minutes of ticks.
    let (log_queue, log_items) = bounded(if real_time { 1 << 16 } else { 2 });
    let log = LogSender::new(log_queue, settings.log_limit_bytes, !real_time);
    let (result_sender, result) = bounded(1);
    {
        let (account, fault, progress) = (log.account(), Arc::clone(fault), Arc::clone(progress));
        crew.start("log", move || {
            let _ = result_sender.try_send(log_thread(&log_items, recorder, &account, &fault, &progress));
        })?;
    }

    // The stages. A rendezvous at the door, one frame of slack behind it.
    let (entrance, mut corridor) = bounded::<Box<Frame>>(0);
    for stage in stages {
        let (next_sender, next) = bounded(1);
        let heartbeat = Heartbeat::new(stage.name(), settings.step_budget);
        heartbeats.push(Arc::clone(&heartbeat));
        let (name, fault, frames) = (stage.name(), Arc::clone(fault), corridor);
        crew.start(name, move || stage_thread(stage, &frames, &next_sender, &heartbeat, &fault))?;
        corridor = next;
    }

    let (rest_sender, rest) = bounded::<Rest>(1);
    let (error_sender, errors) = bounded::<anyhow::Error>(1);
    let (counts_sender, counts) = bounded::<(u64, u64)>(1);
    let fault_of_thread = Arc::clone(fault);
    match feed {
        Feed::Virtual(mut source, ticks) => {
            let (log_of_control, part) = (log.clone(), ticks.first_part());
            let control_fault = Arc::clone(fault);
            crew.start("control", move || {
                control_loop::in_virtual_time(&corridor, &log_of_control, ticker, ticks, &rest, &control_fault);
            })?;
            crew.start("door", move || {
                let mut admitter = Admitter::new(BUFFERS);
                let mut rest = Rest::default();
                while !fault_of_thread.door_closed() {
                    let frame = door::next_frame(&mut source, &mut admitter, &mut rest, part, &fault_of_thread);
                    let Some(frame) = frame else {
                        break;
                    };
                    if entrance.send(Box::new(frame)).is_err() {
                        break;
                    }
                }
                rest.error.take().map(|error| error_sender.try_send(error));
                let _ = counts_sender.try_send(rest.late_and_alone);
                // Before the entrance closes, so that control finds it there.
                let _ = rest_sender.try_send(rest);
                drop(entrance);
            })?;
        }
        Feed::RealTime { inputs, join, origin, rate } => {
            let clock = WallClock::starting_at(origin, rate);
            let (input_sender, input_queue) = bounded(64);
            let (log_of_control, control_fault) = (log.clone(), Arc::clone(fault));
            crew.start("control", move || {
                control_loop::in_real_time(&corridor, &log_of_control, ticker, &clock, origin, &control_fault);
            })?;
            let (log_of_door, door_fault) = (log.clone(), Arc::clone(fault));
            crew.start("door", move || {
                let mut admitter = Admitter::new(BUFFERS_IN_REAL_TIME);
                let join = door::newest_wins(&input_queue, &entrance, &log_of_door, *join, &mut admitter, &door_fault);
                let _ = counts_sender.try_send((join.late(), join.alone()));
            })?;
            crew.start("source", move || {
                let paced = door::pace(inputs, &clock, &input_sender, &fault_of_thread);
                paced.err().map(|error| error_sender.try_send(error));
            })?;
        }
        Feed::Live { inputs, join, origin, mut seat } => {
            let clock = WallClock::starting_at(origin, 1.0);
            let heartbeat = Heartbeat::new("control", CONTROL_BUDGET);
            control_beat = Some(Arc::clone(&heartbeat));
            seat.watch(&heartbeats);
            let (outbox, courier) = courier::outbox(&log);
            crew.start("courier", move || courier.carry())?;
            let control_fault = Arc::clone(fault);
            crew.start("control", move || {
                // Where it may not, doctor has said so, and control is an ordinary thread.
                let _ = crate::system::realtime::make_thread_fifo(crate::system::realtime::CONTROL_PRIORITY);
                control_loop::in_a_car(&corridor, &outbox, ticker, &clock, origin, &control_fault, seat, &heartbeat);
            })?;
            let log_of_door = log.clone();
            crew.start("door", move || {
                let mut admitter = Admitter::new(BUFFERS_IN_REAL_TIME);
                let door_fault = fault_of_thread;
                let join = door::newest_wins(&inputs, &entrance, &log_of_door, *join, &mut admitter, &door_fault);
                let _ = counts_sender.try_send((join.late(), join.alone()));
            })?;
        }
    }
    let account = log.account();
    drop(log);
    if let Some(control) = control_beat {
        // A fault does not end the drive: control brings the car to rest first.
        crew.wait_for("control", &control, &heartbeats);
    }
    crew.wait(&heartbeats, 2 * STOP_TIME + settings.step_budget.min(Duration::from_secs(5)));
    let counts = counts.try_recv().unwrap_or_default();
    conclude(&crew, begin, fault, &result, errors.try_recv().ok(), counts, account.lost())
}

/// Collects what the threads left behind.
fn conclude(
    crew: &Crew,
    begin: Instant,
    fault: &FaultCell,
    result: &Receiver<(Recorder, Option<anyhow::Error>)>,
    source_error: Option<anyhow::Error>,
    late_and_alone: (u64, u64),
    lost: (u64, u64),
) -> anyhow::Result<Outcome> {
    let mut first = fault.first();
    if !crew.out().is_empty()
        && let Some(fault) = &mut first
    {
        fault.reason = format!("{}; threads that did not end: {}", fault.reason, crew.out().join(", "));
    }
    match result.recv_timeout(Duration::from_millis(100)) {
        Ok((mut recorder, log_error)) => {
            recorder.tally.lost = lost;
            Ok(finish(recorder, begin, first, source_error.or(log_error), late_and_alone))
        }
        Err(_) => anyhow::bail!("the log did not close: {:?}", first.map_or_else(String::new, |f| f.reason)),
    }
}

/// Writes what comes, until the last sender is gone.
pub(super) fn log_thread(
    items: &Receiver<LogItem>,
    mut recorder: Recorder,
    account: &LogAccount,
    fault: &FaultCell,
    progress: &Progress,
) -> (Recorder, Option<anyhow::Error>) {
    let mut error: Option<anyhow::Error> = None;
    loop {
        let item = match items.recv_timeout(Duration::from_millis(100)) {
            Ok(item) => item,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return (recorder, error),
        };
        account.taken(&item);
        let is_frame = matches!(item, LogItem::Frame(_));
        // After an error the queue is still emptied: nobody may block on it.
        if error.is_none()
            && let Err(first) = recorder.write(item)
        {
            error = Some(first.into());
            fault.interrupt();
        }
        if let Some(reason) = &recorder.tally.log_ended
            && progress.log_ended.get().is_none()
        {
            let _ = progress.log_ended.set(reason.clone());
        }
        progress.frames.fetch_add(u64::from(is_frame), Ordering::Relaxed);
        recorder.watch.log(account.lost(), recorder.tally.log_ended.is_some());
    }
}

fn stage_thread(
    mut stage: Box<dyn Stage>,
    frames: &Receiver<Box<Frame>>,
    next: &Sender<Box<Frame>>,
    heartbeat: &Heartbeat,
    fault: &FaultCell,
) {
    while let Ok(mut frame) = frames.recv() {
        frame.spans.lap("queue");
        heartbeat.begin();
        let goes_on = guarded_step(stage.as_mut(), &mut frame, fault);
        heartbeat.end();
        if next.send(frame).is_err() || !goes_on {
            return;
        }
    }
}
