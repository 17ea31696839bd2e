//! Control's place in the corridor: behind the plan, in virtual time or in real time.

use super::clock::WallClock;
use super::courier::Outbox;
use super::door::Rest;
use super::fault::FaultCell;
use super::frame::Frame;
use super::log::{LogItem, LogSender};
use super::seat::{Moment, Seat};
use super::ticker::Ticker;
use super::watchdog::Heartbeat;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::{Duration, Instant};
use types::{Command, Stamp, StopReason};

/// How long control keeps commanding a stop after a fault before the run ends.
pub const STOP_TIME: Duration = Duration::from_secs(1);

/// What says when control ticks, where time is virtual.
pub enum Ticks {
    /// The stamps of the frames.
    Stamps,
    /// The recorded commands, which are made again.
    Recorded,
    /// The stamps, and a world waits for the commands: all until its next frame is complete.
    ClosedLoop(Link),
}

impl Ticks {
    /// What the first part of a frame's time is spent on.
    #[must_use]
    pub const fn first_part(&self) -> &'static str {
        match self {
            Self::Stamps | Self::Recorded => "read",
            Self::ClosedLoop(_) => "simulate",
        }
    }
}

/// The way from control to a world that the commands drive.
pub struct Link {
    /// One batch of commands for each frame, in order.
    pub commands: Sender<Vec<Command>>,
    /// From a frame's stamp to the instant before which the world needs the commands, s.
    pub ahead_s: f64,
}

/// Control's part of a frame when time is virtual: the ticks before it, then the frame itself.
pub fn take_frame(ticker: &mut Ticker, frame: &mut Frame, ticks: &Ticks, fault: &FaultCell) -> Vec<Command> {
    let mut commands = Vec::new();
    match ticks {
        Ticks::Stamps => ticker.take(frame, &mut commands),
        Ticks::Recorded => {
            ticker.remember(frame);
            if let Err(reason) = ticker.obey(&mut frame.recorded_commands, false, &mut commands) {
                fault.report("control", reason);
            }
        }
        Ticks::ClosedLoop(link) => {
            ticker.take(frame, &mut commands);
            ticker.tick_until(frame.admission.stamp.offset(link.ahead_s), &mut commands);
            // A world that has ended needs no more commands.
            let _ = link.commands.send(commands.clone());
        }
    }
    commands
}

/// The last commands of a run in virtual time: what is still recorded, or a stop.
pub fn last_commands(ticker: &mut Ticker, mut rest: Vec<Command>, ticks: &Ticks, fault: &FaultCell) -> Vec<Command> {
    let mut commands = Vec::new();
    if matches!(ticks, Ticks::Recorded) {
        if let Err(reason) = ticker.obey(&mut rest, true, &mut commands) {
            fault.report("control", reason);
        }
    } else {
        let stop = if fault.is_set() { StopReason::Fault } else { StopReason::Shutdown };
        commands.extend(ticker.tick(Some(stop)));
    }
    commands
}

/// Control of a replay: takes frames in order and makes the ticks that are due by their stamps.
pub fn in_virtual_time(
    frames: &Receiver<Box<Frame>>,
    log: &LogSender,
    mut ticker: Ticker,
    ticks: Ticks,
    rest: &Receiver<Rest>,
    fault: &FaultCell,
) {
    while let Ok(mut frame) = frames.recv() {
        frame.spans.lap("queue");
        frame.buffers = None;
        let commands = take_frame(&mut ticker, &mut frame, &ticks, fault);
        frame.spans.lap("control");
        if !(log.send(LogItem::Frame(frame)) && log.send(LogItem::Commands(commands))) {
            return;
        }
    }
    // A source that ended by a fault leaves nothing.
    let rest = rest.recv_timeout(STOP_TIME).unwrap_or_default();
    for input in rest.inputs {
        let _ = log.send(LogItem::Input(input));
    }
    let commands = last_commands(&mut ticker, rest.commands, &ticks, fault);
    let _ = log.send(LogItem::Commands(commands));
}

/// Control of a drive: ticks by the wall clock with whatever frame is newest.
pub fn in_real_time(
    frames: &Receiver<Box<Frame>>,
    log: &LogSender,
    mut ticker: Ticker,
    clock: &WallClock,
    origin: Stamp,
    fault: &FaultCell,
) {
    ticker.start_at(origin);
    let mut stopping_since: Option<Instant> = None;
    let mut taken: Vec<Box<Frame>> = Vec::new();
    loop {
        let Some(stamp) = ticker.next_stamp() else { return };
        let shut = adopt_until(clock.instant_of(stamp), frames, &mut ticker, &mut taken);
        let stop = match (fault.is_set(), shut) {
            (true, _) => Some(StopReason::Fault),
            (false, true) => Some(StopReason::Shutdown),
            (false, false) => None,
        };
        for frame in &mut taken {
            frame.spans.lap("control wait");
        }
        let command = ticker.tick(stop);
        for mut frame in taken.drain(..) {
            frame.spans.lap("control");
            let _ = log.send(LogItem::Frame(frame));
        }
        let _ = log.send(LogItem::Commands(command.into_iter().collect()));
        let stopped_for = stopping_since.map(|since| since.elapsed());
        if stop.is_some() {
            stopping_since.get_or_insert_with(Instant::now);
        }
        // A fault: command the stop for a while, since the stages may never close. The end of a drive: one stop command.
        if (shut && !fault.is_set()) || stopped_for.is_some_and(|time| time > STOP_TIME) {
            return;
        }
    }
}

/// Takes up the frames that come before an instant. Says whether there will be no more.
#[allow(clippy::vec_box)] // frames travel in their boxes
fn adopt_until(due: Instant, frames: &Receiver<Box<Frame>>, ticker: &mut Ticker, taken: &mut Vec<Box<Frame>>) -> bool {
    loop {
        match frames.recv_deadline(due) {
            Ok(frame) => taken.push(adopted(frame, ticker)),
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                return true;
            }
        }
    }
}

/// Takes up the frames that are there. Says whether there will be no more.
#[allow(clippy::vec_box)] // frames travel in their boxes
fn adopt_all(frames: &Receiver<Box<Frame>>, ticker: &mut Ticker, taken: &mut Vec<Box<Frame>>) -> bool {
    loop {
        match frames.try_recv() {
            Ok(frame) => taken.push(adopted(frame, ticker)),
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => return true,
        }
    }
}

fn adopted(mut frame: Box<Frame>, ticker: &mut Ticker) -> Box<Frame> {
    frame.spans.lap("queue");
    frame.buffers = None;
    ticker.adopt(&frame);
    frame
}

/// Control of a real car: as [`in_real_time`], but the seat decides what control may do, hands the commands to the car, and says
/// when the drive is over. A fault does not end it: the car is brought to rest first. Ticks that are missed are left out. It sleeps until a
/// tick is due and waits for nobody: a thread that is woken by others waits for a lock of theirs.
#[allow(clippy::too_many_arguments)] // the ends of a thread
pub fn in_a_car(
    frames: &Receiver<Box<Frame>>,
    log: &Outbox,
    mut ticker: Ticker,
    clock: &WallClock,
    origin: Stamp,
    fault: &FaultCell,
    mut seat: Box<dyn Seat>,
    heartbeat: &Heartbeat,
) {
    ticker.start_at(origin);
    let mut taken: Vec<Box<Frame>> = Vec::new();
    while !seat.is_over() {
        let missed = ticker.skip_until(clock.now());
        let Some(stamp) = ticker.next_stamp() else { return };
        let due = clock.instant_of(stamp);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let shut = adopt_all(frames, &mut ticker, &mut taken);
        heartbeat.begin();
        let has_failed = fault.is_set() || shut;
        let stop = has_failed.then_some(StopReason::Fault);
        let now = Moment { stamp, due, plan: ticker.plan(), has_failed, missed };
        let grant = seat.grant(&now);
        for frame in &mut taken {
            frame.spans.lap("control wait");
        }
        let command = ticker.tick_with(stop, Some(grant));
        if let Some(command) = &command {
            seat.obey(command);
        }
        for mut frame in taken.drain(..) {
            frame.spans.lap("control");
            log.put(LogItem::Frame(frame));
        }
        log.put(LogItem::Commands(command.into_iter().collect()));
        for (level, name, text) in seat.remarks() {
            log.put(LogItem::Text(stamp, level, name, text));
        }
        heartbeat.end();
    }
    fault.interrupt();
}
