//! Frames out of a recorded drive: all of them, or as the drive's own choices say.

use super::frame::{Input, Recorded, SensorSet, Source, SourceItem};
use super::join::{Join, Sensors};
use anyhow::{anyhow, bail};
use recordings::{Message, RecordingError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use types::{Admission, EgoState, Signals, Stamp, WheelSpeed};

/// Messages of a drive in (log time, channel, sequence) order.
pub type Messages = Box<dyn Iterator<Item = Result<Message, RecordingError>> + Send>;

/// The sensor messages of a drive.
#[must_use]
pub fn inputs(messages: Messages) -> Box<dyn Iterator<Item = anyhow::Result<Input>> + Send> {
    Box::new(messages.filter_map(|message| match message {
        Ok(message) => to_input(message).map(Ok),
        Err(error) => Some(Err(error.into())),
    }))
}

fn to_input(message: Message) -> Option<Input> {
    match message {
        Message::Camera(frame) => Some(Input::Camera(Arc::new(frame))),
        Message::Lidar(sweep) => Some(Input::Lidar(Arc::new(sweep))),
        Message::Ins(fix) => Some(Input::Ins(fix)),
        Message::Signals(signals) => Some(Input::Signals(Arc::new(signals))),
        Message::WheelSpeed(wheel) => Some(Input::WheelSpeed(wheel)),
        Message::Truth(truth) => Some(Input::Truth(Arc::new(truth))),
        _ => None,
    }
}

/// Every frame of a drive, joined by stamp.
#[must_use]
pub fn lossless(messages: Messages, sensors: Sensors, tolerance_s: f64) -> Source {
    let mut inputs = inputs(messages);
    let mut join = Join::new(sensors, tolerance_s);
    let (mut ended, mut rest_given) = (false, false);
    Box::new(std::iter::from_fn(move || {
        loop {
            if let Some(set) = join.pop(ended) {
                return Some(Ok(SourceItem::Set(Box::new(set), None)));
            }
            if ended {
                let first = !std::mem::replace(&mut rest_given, true);
                return first.then(|| {
                    let inputs = join.rest();
                    Ok(SourceItem::Rest(inputs, (join.late(), join.alone())))
                });
            }
            match inputs.next() {
                Some(Ok(input)) => join.push(input),
                Some(Err(error)) => return Some(Err(error)),
                None => ended = true,
            }
        }
    }))
}

/// Frames and commands as the drive's own choices say, sensors included; `with_ego`: with the recorded ego states, too.
#[must_use]
pub fn faithful(messages: Messages, tolerance_s: f64, with_ego: bool) -> Source {
    let waiting = Waiting { egos: with_ego.then(BTreeMap::new), ..Waiting::default() };
    Box::new(Faithful { messages, waiting, ready: VecDeque::new(), tolerance_s, ended: false })
}

/// Sensor messages and admissions that are not yet joined again.
#[derive(Default)]
struct Waiting {
    camera: BTreeMap<u64, Input>,
    lidar: BTreeMap<u64, Input>,
    ins: BTreeMap<u64, Input>,
    signals: BTreeMap<u64, Arc<Signals>>,
    wheel_speeds: BTreeMap<u64, WheelSpeed>,
    /// Messages that belong to no single set.
    others: Vec<Input>,
    admissions: VecDeque<Admission>,
    newest: Option<Stamp>,
    /// Recorded ego states, if they are wanted.
    egos: Option<BTreeMap<u64, EgoState>>,
    /// Of the last message.
    now: Option<Stamp>,
}

impl Waiting {
    /// The frame's recorded ego state, if it is wanted; `Err` while it may still come.
    fn ego(&mut self, admission: &Admission, ended: bool) -> Result<Option<EgoState>, ()> {
        let Some(egos) = &mut self.egos else { return Ok(None) };
        match egos.remove(&admission.frame) {
            Some(ego) => Ok(Some(ego)),
            // All messages of a frame share its stamp: a later one says that the frame never had an ego state.
            None if ended || self.now.is_some_and(|now| now > admission.stamp) => Ok(None),
            None => Err(()),
        }
    }
}

struct Faithful {
    messages: Messages,
    waiting: Waiting,
    ready: VecDeque<SourceItem>,
    tolerance_s: f64,
    ended: bool,
}

impl Faithful {
    /// Joins the oldest waiting admission if all its messages are there.
    fn join(&mut self) -> anyhow::Result<()> {
        while let Some(admission) = self.waiting.admissions.front().copied() {
            let waiting = &mut self.waiting;
            let lacks = |queue: &BTreeMap<u64, Input>, seq: Option<u64>| seq.filter(|seq| !queue.contains_key(seq));
            let missing = [
                ("image", lacks(&waiting.camera, admission.camera)),
                ("sweep", lacks(&waiting.lidar, admission.lidar)),
                ("GPS/INS output", lacks(&waiting.ins, admission.ins)),
                ("signals", admission.signals.filter(|seq| !waiting.signals.contains_key(seq))),
                ("wheel speed", admission.wheel_speed.filter(|seq| !waiting.wheel_speeds.contains_key(seq))),
            ];
            if let Some((what, Some(seq))) = missing.into_iter().find(|(_, seq)| seq.is_some()) {
                let overdue = |newest: Stamp| newest.seconds_since(admission.stamp) > 2.0 * self.tolerance_s;
                if self.ended || waiting.newest.is_some_and(overdue) {
                    bail!("frame {} was made of {what} {seq}, which the drive does not hold", admission.frame);
                }
                return Ok(());
            }
            let Ok(ego) = waiting.ego(&admission, self.ended) else { return Ok(()) };
            let mut set = SensorSet { stamp: admission.stamp, ..SensorSet::default() };
            take(&mut waiting.camera, admission.camera, &mut set);
            take(&mut waiting.lidar, admission.lidar, &mut set);
            take(&mut waiting.ins, admission.ins, &mut set);
            set.signals = state(&mut waiting.signals, admission.signals);
            set.wheel_speed = state(&mut waiting.wheel_speeds, admission.wheel_speed);
            set.unmatched.append(&mut waiting.others);
            waiting.admissions.pop_front();
            self.ready.push_back(SourceItem::Set(
                Box::new(set),
                Some(Box::new(Recorded { admission, ego, ..Recorded::default() })),
            ));
        }
        Ok(())
    }
}

/// Moves the message `seq` into the set, and all older ones beside it.
fn take(queue: &mut BTreeMap<u64, Input>, seq: Option<u64>, set: &mut SensorSet) {
    let Some(seq) = seq else { return };
    let newer = queue.split_off(&(seq + 1));
    let older = std::mem::replace(queue, newer);
    for (own, input) in older {
        match input {
            Input::Camera(frame) if own == seq => set.camera = Some(frame),
            Input::Lidar(sweep) if own == seq => set.lidar = Some(sweep),
            Input::Ins(fix) if own == seq => set.ins = Some(fix),
            other => set.unmatched.push(other),
        }
    }
}

/// The message `seq` of a sensor that tells a state; it stays for the next sets, older ones go.
fn state<T: Clone>(queue: &mut BTreeMap<u64, T>, seq: Option<u64>) -> Option<T> {
    let seq = seq?;
    *queue = queue.split_off(&seq);
    queue.get(&seq).cloned()
}

impl Iterator for Faithful {
    type Item = anyhow::Result<SourceItem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            if self.ended {
                return None;
            }
            match self.messages.next() {
                Some(Err(error)) => return Some(Err(error.into())),
                Some(Ok(message)) => {
                    self.waiting.now = message.stamp().or(self.waiting.now);
                    match message {
                        Message::Admission(admission) => self.waiting.admissions.push_back(admission),
                        Message::Ego { frame, state } => {
                            let Some(egos) = &mut self.waiting.egos else { continue };
                            egos.insert(frame, state);
                        }
                        Message::Command(command) => self.ready.push_back(SourceItem::Command(command)),
                        Message::Camera(frame) => {
                            self.waiting.camera.insert(frame.seq, Input::Camera(Arc::new(frame)));
                        }
                        Message::Lidar(sweep) => {
                            self.waiting.newest = self.waiting.newest.max(Some(sweep.stamp));
                            self.waiting.lidar.insert(sweep.seq, Input::Lidar(Arc::new(sweep)));
                        }
                        Message::Ins(fix) => {
                            self.waiting.ins.insert(fix.seq, Input::Ins(fix));
                        }
                        Message::Signals(signals) => {
                            let signals = Arc::new(signals);
                            self.waiting.signals.insert(signals.seq, Arc::clone(&signals));
                            self.waiting.others.push(Input::Signals(signals));
                        }
                        Message::WheelSpeed(wheel) => {
                            self.waiting.wheel_speeds.insert(wheel.seq, wheel);
                            self.waiting.others.push(Input::WheelSpeed(wheel));
                        }
                        Message::Truth(truth) => self.waiting.others.push(Input::Truth(Arc::new(truth))),
                        _ => continue,
                    }
                    if let Err(error) = self.join() {
                        return Some(Err(error));
                    }
                }
                None => {
                    self.ended = true;
                    if let Err(error) = self.join() {
                        return Some(Err(error));
                    }
                    let Waiting { camera, lidar, ins, others, .. } = std::mem::take(&mut self.waiting);
                    let rest = camera.into_values().chain(lidar.into_values()).chain(ins.into_values()).chain(others);
                    self.ready.push_back(SourceItem::Rest(rest.collect(), (0, 0)));
                }
            }
        }
    }
}

/// Frames with what the drive recorded of them, whatever the reader lets through: ego states, detections, tracks, plans. Of the sensors
/// only the signals are read; the truth is passed on to the log.
#[must_use]
pub fn recorded(mut messages: Messages) -> Source {
    let mut pending: BTreeMap<u64, Recorded> = BTreeMap::new();
    let mut ready: VecDeque<SourceItem> = VecDeque::new();
    let mut signals: BTreeMap<u64, Arc<Signals>> = BTreeMap::new();
    let mut unmatched: Vec<Input> = Vec::new();
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        loop {
            if let Some(item) = ready.pop_front() {
                return Some(Ok(item));
            }
            if ended {
                return None;
            }
            let message = match messages.next() {
                Some(Err(error)) => return Some(Err(error.into())),
                Some(Ok(message)) => Some(message),
                None => None,
            };
            // All messages of a frame share its stamp: a later one says that the frame is complete.
            let now = message.as_ref().and_then(Message::stamp);
            ended = message.is_none();
            while let Some(first) = pending.first_entry() {
                if !(ended || now.is_some_and(|now| now > first.get().admission.stamp)) {
                    break;
                }
                let recorded = first.remove();
                let Admission { frame, stamp, signals: seq, .. } = recorded.admission;
                let shown = state(&mut signals, seq);
                if let (Some(seq), None) = (seq, &shown) {
                    return Some(Err(anyhow!(
                        "frame {frame} was made of signals {seq}, which the drive does not hold"
                    )));
                }
                let unmatched = std::mem::take(&mut unmatched);
                let set = SensorSet { stamp, signals: shown, unmatched, ..SensorSet::default() };
                ready.push_back(SourceItem::Set(Box::new(set), Some(Box::new(recorded))));
            }
            match message {
                Some(Message::Admission(admission)) => {
                    pending.entry(admission.frame).or_default().admission = admission
                }
                Some(Message::Ego { frame, state }) => {
                    let own = pending.entry(frame).or_default();
                    (own.ego, own.admission.stamp) = (Some(state), state.stamp);
                }
                Some(Message::Detections(detections)) => {
                    let own = pending.entry(detections.frame).or_default();
                    own.admission.stamp = detections.stamp;
                    own.detections = Some(detections);
                }
                Some(Message::Tracks(tracks)) => {
                    let own = pending.entry(tracks.frame).or_default();
                    own.admission.stamp = tracks.stamp;
                    own.tracks = Some(tracks);
                }
                Some(Message::Plan(plan)) => {
                    let own = pending.entry(plan.frame).or_default();
                    own.admission.stamp = plan.stamp;
                    own.plan = Some(Arc::new(plan));
                }
                Some(Message::Truth(truth)) => unmatched.push(Input::Truth(Arc::new(truth))),
                Some(Message::Command(command)) => ready.push_back(SourceItem::Command(command)),
                Some(Message::Signals(shown)) => {
                    let shown = Arc::new(shown);
                    signals.insert(shown.seq, Arc::clone(&shown));
                    unmatched.push(Input::Signals(shown));
                }
                _ => {}
            }
        }
    }))
}
