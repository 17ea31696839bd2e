//! The log: what is written of a frame, in which order, and the queue in front of the writing thread.

use super::digest::Digester;
use super::following::Following;
use super::frame::{Frame, Input};
use super::recall::Recall;
use super::statistics::Statistics;
use crate::watch::Watch;
use crossbeam_channel::{Sender, TrySendError};
use recordings::{DriveWriter, LogLevel, Message, RecordingError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use types::{Command, Stamp};

/// Something to be written.
#[derive(Debug)]
pub enum LogItem {
    /// A sensor message, as the door saw it.
    Input(Input),
    /// A finished frame.
    Frame(Box<Frame>),
    /// Commands, in order.
    Commands(Vec<Command>),
    /// A remark of the runtime: when, how grave, who, what.
    Text(Stamp, LogLevel, String, String),
}

impl LogItem {
    fn bytes(&self) -> usize {
        match self {
            Self::Input(input) => input.bytes(),
            Self::Frame(frame) => {
                let sensors = &frame.sensors;
                let camera = sensors.camera.as_ref().map_or(0, |c| c.data.len());
                let lidar = sensors.lidar.as_ref().map_or(0, |l| l.data.len());
                65_536 + camera + lidar + sensors.unmatched.iter().map(Input::bytes).sum::<usize>()
            }
            Self::Commands(_) | Self::Text(..) => 256,
        }
    }
}

/// What a run left in its log, and what it did not.
#[derive(Debug, Default)]
pub struct Tally {
    /// Frames that went through the corridor.
    pub frames: u64,
    /// Frames that a stage could not use: how many per stage, and the first reason.
    pub skipped: BTreeMap<&'static str, (u64, String)>,
    /// What was odd about the sensors: in how many frames, and the first line about it.
    pub findings: BTreeMap<&'static str, (u64, String)>,
    /// Complete sets that the door dropped.
    pub dropped: u64,
    /// Points dropped since a coordinate was not finite.
    pub rejected_points: u64,
    /// Objects detected, over all frames.
    pub detections: u64,
    /// Track states, over all frames.
    pub tracks: u64,
    /// Identities of the tracks.
    pub identities: BTreeSet<u64>,
    /// Plans.
    pub plans: u64,
    /// Commands.
    pub commands: u64,
    /// Messages that the log had to leave out: sensors, then others.
    pub lost: (u64, u64),
    /// Why the log ended before the drive did, if it did: a disk that is full, most of all.
    pub log_ended: Option<String>,
    /// Objects detected of those that are there, where the drive knows the truth.
    pub recall: Recall,
    /// How well the car follows its plans.
    pub following: Following,
    /// Commands that the simple controller had to make: how many for each reason.
    pub fallbacks: BTreeMap<&'static str, u64>,
    /// Stamps of the first and the last frame.
    pub span: Option<(Stamp, Stamp)>,
}

/// A killed process loses what came after the last flush: one is made so often, in sensor time.
const FLUSH_S: f64 = 0.25;

/// Writes items to a drive (or to nowhere) and keeps the tally and the times.
pub struct Recorder {
    writer: Option<DriveWriter>,
    with_inputs: bool,
    in_real_time: bool,
    newest: Option<Stamp>,
    last_flush: Option<Stamp>,
    digester: Digester,
    /// Leave images and sweeps out of the drive, and the views for people.
    pub without_sensors: bool,
    /// Who watches.
    pub watch: Watch,
    /// The tally so far.
    pub tally: Tally,
    /// The times so far.
    pub statistics: Statistics,
}

impl Recorder {
    /// A recorder. `with_inputs`: a frame brings its sensor messages along (else the door has logged them already).
    /// `in_real_time`: measured times are written too, so two runs differ; and the drive goes on when its log cannot.
    #[must_use]
    pub fn new(writer: Option<DriveWriter>, with_inputs: bool, in_real_time: bool, warm_up: u64) -> Self {
        let statistics = Statistics::skipping(warm_up);
        let (tally, digester) = (Tally::default(), Digester::default());
        Self {
            writer,
            with_inputs,
            in_real_time,
            newest: None,
            last_flush: None,
            digester,
            without_sensors: false,
            watch: Watch::default(),
            tally,
            statistics,
        }
    }

    /// Writes one item.
    ///
    /// # Errors
    /// The writer's error, such as a full disk. In real time there is none: the log is closed, [`Tally::log_ended`] says why, and the
    /// items that follow are counted and left out.
    pub fn write(&mut self, item: LogItem) -> Result<(), RecordingError> {
        match self.write_item(item).and_then(|()| self.flush_when_due()) {
            Err(error) if self.in_real_time => {
                self.end_log(&error);
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Closes the log before the end of the drive. After a full disk there is room for that.
    fn end_log(&mut self, error: &RecordingError) {
        let closed = self.writer.take().map(DriveWriter::finish);
        let end = if matches!(closed, Some(Err(_))) { "; its end is missing: use recover" } else { "" };
        self.tally.log_ended.get_or_insert_with(|| format!("{error}{end}"));
    }

    fn flush_when_due(&mut self) -> Result<(), RecordingError> {
        let (Some(writer), Some(newest)) = (&mut self.writer, self.newest) else { return Ok(()) };
        if self.last_flush.is_none_or(|last| newest.seconds_since(last) >= FLUSH_S) {
            writer.flush()?;
            self.last_flush = Some(newest);
        }
        Ok(())
    }

    fn write_item(&mut self, item: LogItem) -> Result<(), RecordingError> {
        match item {
            LogItem::Input(input) => self.input(input),
            LogItem::Frame(frame) => self.frame(*frame),
            LogItem::Text(stamp, level, name, text) => self.put(Message::Text { stamp, level, name, text }),
            LogItem::Commands(commands) => commands.into_iter().try_for_each(|command| {
                self.tally.commands += 1;
                if let Some(reason) = command.fallback {
                    *self.tally.fallbacks.entry(reason.name()).or_default() += 1;
                }
                self.watch.command(&command);
                self.put(Message::Command(command))
            }),
        }
    }

    /// Closes the drive.
    ///
    /// # Errors
    /// The writer's error.
    pub fn finish(mut self) -> Result<(Tally, Statistics), RecordingError> {
        match self.writer.take().map(DriveWriter::finish) {
            Some(Err(error)) if self.in_real_time => self.end_log(&error),
            Some(Err(error)) => return Err(error),
            _ => {}
        }
        Ok((self.tally, self.statistics))
    }

    fn put(&mut self, message: Message) -> Result<(), RecordingError> {
        self.write_message(&message)?;
        self.watch.message(message);
        Ok(())
    }

    fn write_message(&mut self, message: &Message) -> Result<(), RecordingError> {
        self.newest = self.newest.max(message.stamp());
        self.writer.as_mut().map_or(Ok(()), |writer| writer.write(message))
    }

    /// Writes what a stage made; its digest is that of the bytes written.
    fn put_digested(&mut self, message: Message) -> Result<(), RecordingError> {
        self.write_message(&message)?;
        if let Some(writer) = &self.writer {
            self.digester.take(&message, writer.written());
        }
        self.watch.message(message);
        Ok(())
    }

    fn input(&mut self, input: Input) -> Result<(), RecordingError> {
        if self.without_sensors && matches!(input, Input::Camera(_) | Input::Lidar(_)) {
            return Ok(());
        }
        self.put(input.into_message())
    }

    fn frame(&mut self, mut frame: Frame) -> Result<(), RecordingError> {
        let Frame { admission, .. } = frame;
        self.count(&frame);
        self.digester.begin(frame.decoded);
        self.watch.frame(&frame, &self.tally);
        if self.with_inputs {
            let inputs = std::mem::take(&mut frame.sensors).into_inputs();
            inputs.into_iter().try_for_each(|input| self.input(input))?;
        }
        self.put_digested(Message::Admission(admission))?;
        if let Some(state) = frame.ego {
            self.put_digested(Message::Ego { frame: admission.frame, state })?;
        }
        if let Some(detections) = frame.detections {
            self.put_digested(Message::Detections(detections))?;
        }
        if let Some(tracks) = frame.tracks {
            self.put_digested(Message::Tracks(tracks))?;
        }
        if let Some(plan) = frame.plan {
            self.put_digested(Message::Plan(Arc::unwrap_or_clone(plan)))?;
        }
        for (_, text) in std::mem::take(&mut frame.findings) {
            let (stamp, text) = (admission.stamp, format!("frame {}: {text}", admission.frame));
            self.put(Message::Text { stamp, level: LogLevel::Warning, name: "localize".to_string(), text })?;
        }
        if let Some(skipped) = frame.skipped {
            let text = format!("frame {} skipped: {}", admission.frame, skipped.reason);
            let (stamp, name) = (admission.stamp, skipped.stage.to_string());
            self.put(Message::Text { stamp, level: LogLevel::Warning, name, text })?;
        }
        let digests = self.digester.end(admission.frame, admission.stamp);
        self.put(Message::Digests(digests))?;
        if self.in_real_time {
            self.put(Message::Latency(frame.spans.to_latency(admission.frame, admission.stamp)))?;
        }
        frame.spans.lap("log");
        self.watch.times(&frame.spans);
        self.statistics.record(&frame.spans);
        Ok(())
    }

    fn count(&mut self, frame: &Frame) {
        let tally = &mut self.tally;
        let stamp = frame.admission.stamp;
        tally.frames += 1;
        tally.dropped = frame.admission.dropped;
        tally.span = Some((tally.span.map_or(stamp, |span| span.0), stamp));
        tally.detections += frame.detections.as_ref().map_or(0, |d| d.lidar.len() + d.camera.len()) as u64;
        tally.tracks += frame.tracks.as_ref().map_or(0, |t| t.objects.len()) as u64;
        tally.identities.extend(frame.tracks.iter().flat_map(|t| &t.objects).map(|t| t.id));
        tally.recall.count(frame);
        tally.following.count(frame);
        tally.plans += u64::from(frame.plan.is_some());
        tally.rejected_points += frame.rejected_points;
        for (kind, text) in &frame.findings {
            let first = || (0, format!("frame {}: {text}", frame.admission.frame));
            tally.findings.entry(kind).or_insert_with(first).0 += 1;
        }
        if let Some(skipped) = &frame.skipped {
            tally.skipped.entry(skipped.stage).or_insert_with(|| (0, skipped.reason.clone())).0 += 1;
        }
    }
}

/// Bytes that wait for the log thread, and items that never got there.
#[derive(Debug, Default)]
pub struct LogAccount {
    queued_bytes: AtomicUsize,
    lost: [AtomicU64; 2],
}

impl LogAccount {
    /// Called by the log thread for each item it takes off.
    pub fn taken(&self, item: &LogItem) {
        self.queued_bytes.fetch_sub(item.bytes(), Ordering::Relaxed);
    }

    /// Sensor messages and other items that were left out.
    #[must_use]
    pub fn lost(&self) -> (u64, u64) {
        (self.lost[0].load(Ordering::Relaxed), self.lost[1].load(Ordering::Relaxed))
    }
}

/// The queue in front of the log thread, bounded by bytes.
///
/// Blocking in a replay: nothing is lost. While driving it never blocks: over its limit it leaves out images and
/// sweeps, over twice its limit anything, and counts both.
#[derive(Clone, Debug)]
pub struct LogSender {
    queue: Sender<LogItem>,
    account: Arc<LogAccount>,
    limit_bytes: usize,
    blocking: bool,
}

impl LogSender {
    /// A sender in front of `queue`.
    #[must_use]
    pub fn new(queue: Sender<LogItem>, limit_bytes: usize, blocking: bool) -> Self {
        Self { queue, account: Arc::default(), limit_bytes, blocking }
    }

    /// The account of this queue. It does not keep the queue open.
    #[must_use]
    pub fn account(&self) -> Arc<LogAccount> {
        Arc::clone(&self.account)
    }

    /// Counts an item, no sensor's message, that its sender had to leave out.
    pub fn leave_out(&self) {
        self.account.lost[1].fetch_add(1, Ordering::Relaxed);
    }

    /// Hands an item to the log thread; says no if that thread is gone.
    #[must_use]
    pub fn send(&self, item: LogItem) -> bool {
        let account = &*self.account;
        let bytes = item.bytes();
        let waiting = account.queued_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if self.blocking {
            return self.queue.send(item).is_ok();
        }
        let is_input = matches!(item, LogItem::Input(_));
        let limit = if is_input { self.limit_bytes } else { 2 * self.limit_bytes };
        let sent = if waiting > limit { Err(TrySendError::Full(item)) } else { self.queue.try_send(item) };
        match sent {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                account.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                account.lost[usize::from(!is_input)].fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{CameraFrame, ImageFormat};

    #[test]
    fn a_full_log_leaves_out_images_first_and_never_blocks() {
        let (queue, items) = crossbeam_channel::bounded(64);
        let sender = LogSender::new(queue, 1000, false);
        let image = |seq| {
            let frame =
                CameraFrame { seq, stamp: Stamp::default(), format: ImageFormat::Jpeg, data: vec![0; 600].into() };
            LogItem::Input(Input::Camera(Arc::new(frame)))
        };
        assert!(sender.send(image(0)) && sender.send(image(1)) && sender.send(LogItem::Commands(Vec::new())));
        assert_eq!(sender.account().lost(), (1, 0));
        let item = items.try_recv().unwrap();
        sender.account().taken(&item);
        assert!(sender.send(image(2)));
        assert_eq!(sender.account().lost(), (1, 0));
        drop(items);
        assert!(!sender.send(LogItem::Commands(Vec::new())));
    }
}
