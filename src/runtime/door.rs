//! The door's second half: which sets come in. The only place where a frame is dropped.

use super::clock::WallClock;
use super::fault::FaultCell;
use super::frame::{Buffers, Frame, Input, SensorSet, Source, SourceItem, Spans};
use super::join::Join;
use super::log::{LogItem, LogSender};
use super::pool::{Leased, Pool};
use crossbeam_channel::{Receiver, Select, Sender};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use types::{Admission, Command, Stamp};

/// Arrival times that the door remembers: more than its join can hold.
const ARRIVALS: usize = 256;

/// Turns sets into frames: counts them and lends them their buffers.
#[derive(Debug)]
pub struct Admitter {
    pool: Pool<Buffers>,
    next_frame: u64,
    dropped: u64,
}

impl Admitter {
    /// An admitter with `buffers` sets of buffers, which bounds the frames in the corridor.
    #[must_use]
    pub fn new(buffers: usize) -> Self {
        Self { pool: Pool::new(buffers, Buffers::default), next_frame: 0, dropped: 0 }
    }

    /// Lends buffers, if there are any.
    pub fn lease(&self) -> Option<Leased<Buffers>> {
        self.pool.lease()
    }

    /// A set was dropped.
    pub fn count_drop(&mut self) {
        self.dropped += 1;
    }

    /// Makes a frame of a set; a recorded admission is obeyed.
    pub fn admit(
        &mut self,
        sensors: SensorSet,
        recorded: Option<Admission>,
        buffers: Leased<Buffers>,
        spans: Spans,
    ) -> Frame {
        let admission = recorded.unwrap_or_else(|| Admission {
            frame: self.next_frame,
            stamp: sensors.stamp,
            camera: sensors.camera.as_ref().map(|c| c.seq),
            lidar: sensors.lidar.as_ref().map(|l| l.seq),
            ins: sensors.ins.map(|i| i.seq),
            signals: sensors.signals.as_ref().map(|s| s.seq),
            wheel_speed: sensors.wheel_speed.map(|w| w.seq),
            dropped: self.dropped,
        });
        self.next_frame = admission.frame + 1;
        let mut frame = Frame::admitted(admission, sensors, spans);
        frame.buffers = Some(buffers);
        frame
    }
}

/// What is left when a source has ended.
#[derive(Debug, Default)]
pub struct Rest {
    /// Sensor messages that belong to no frame.
    pub inputs: Vec<Input>,
    /// Messages that came late, and that found no partner.
    pub late_and_alone: (u64, u64),
    /// Recorded commands after the last frame.
    pub commands: Vec<Command>,
    /// Why the source ended early.
    pub error: Option<anyhow::Error>,
}

/// Reads the next frame from a source that is neither paced nor dropped from; `None` at its end,
/// which `rest` describes, or when the door is closed while it waits for buffers. `part` names the time that this takes.
pub fn next_frame(
    source: &mut Source,
    admitter: &mut Admitter,
    rest: &mut Rest,
    part: &'static str,
    fault: &FaultCell,
) -> Option<Frame> {
    let begin = Instant::now();
    loop {
        match source.next() {
            None => return None,
            Some(Ok(SourceItem::Command(command))) => rest.commands.push(command),
            Some(Ok(SourceItem::Rest(inputs, late_and_alone))) => {
                rest.inputs.extend(inputs);
                rest.late_and_alone = late_and_alone;
            }
            Some(Err(error)) => {
                rest.error = Some(error);
                return None;
            }
            Some(Ok(SourceItem::Set(sensors, recorded))) => {
                let buffers = loop {
                    match admitter.lease() {
                        Some(buffers) => break buffers,
                        None if fault.door_closed() => return None,
                        None => std::thread::sleep(Duration::from_micros(200)),
                    }
                };
                let admission = recorded.as_ref().map(|r| r.admission);
                let mut frame = admitter.admit(*sensors, admission, buffers, Spans::starting(begin));
                if let Some(recorded) = recorded {
                    (frame.ego, frame.detections) = (recorded.ego, recorded.detections);
                    (frame.tracks, frame.plan) = (recorded.tracks, recorded.plan);
                }
                frame.recorded_commands = std::mem::take(&mut rest.commands);
                frame.spans.lap(part);
                return Some(frame);
            }
        }
    }
}

/// Plays inputs at their time: sleeps until each is due on the wall clock and hands it to the door.
pub fn pace(
    inputs: impl Iterator<Item = anyhow::Result<Input>>,
    clock: &WallClock,
    door: &Sender<Input>,
    fault: &FaultCell,
) -> anyhow::Result<()> {
    for input in inputs {
        let input = input?;
        let due = clock.instant_of(input.stamp());
        loop {
            if fault.door_closed() {
                return Ok(());
            }
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
            std::thread::sleep(wait.min(Duration::from_millis(50)));
        }
        if door.send(input).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The door of a drive in real time. Logs every input, joins them, and holds at most one complete set until the
/// corridor has room and buffers: a newer one takes its place and the loser is counted.
pub fn newest_wins(
    inputs: &Receiver<Input>,
    corridor: &Sender<Box<Frame>>,
    log: &LogSender,
    mut join: Join,
    admitter: &mut Admitter,
    fault: &FaultCell,
) -> Join {
    let mut arrivals: VecDeque<(Stamp, Instant)> = VecDeque::new();
    let mut waiting: Option<(SensorSet, Spans)> = None;
    let mut buffers: Option<Leased<Buffers>> = None;
    let mut open = true;
    while (open || waiting.is_some()) && !fault.door_closed() {
        if waiting.is_some() && buffers.is_none() {
            buffers = admitter.lease();
        }
        let lacks_buffers = waiting.is_some() && buffers.is_none();
        let mut select = Select::new_biased();
        let send = (waiting.is_some() && !lacks_buffers).then(|| select.send(corridor));
        if open {
            select.recv(inputs);
        }
        // Buffers come back without a word: look again soon.
        let patience = Duration::from_millis(if lacks_buffers { 1 } else { 50 });
        let Ok(ready) = select.select_timeout(patience) else { continue };
        if Some(ready.index()) == send {
            let (Some((set, mut spans)), Some(buffers)) = (waiting.take(), buffers.take()) else { continue };
            spans.lap("queue");
            if ready.send(corridor, Box::new(admitter.admit(set, None, buffers, spans))).is_err() {
                break;
            }
            continue;
        }
        match ready.recv(inputs) {
            Err(_) => open = false,
            Ok(input) => {
                arrivals.push_back((input.stamp(), Instant::now()));
                if arrivals.len() > ARRIVALS {
                    arrivals.pop_front();
                }
                if !log.send(LogItem::Input(input.clone())) {
                    break;
                }
                join.push(input);
            }
        }
        while let Some(mut set) = join.pop(!open) {
            set.unmatched.clear(); // logged above
            let own = set.stamps();
            let begin = arrivals.iter().filter(|(stamp, _)| own.contains(&Some(*stamp))).map(|(_, at)| *at).min();
            let mut spans = Spans::starting(begin.unwrap_or_else(Instant::now));
            spans.lap("sensor wait");
            if waiting.replace((set, spans)).is_some() {
                admitter.count_drop();
            }
        }
    }
    join
}
