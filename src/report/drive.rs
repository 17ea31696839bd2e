//! A drive on its way into the page: read once, from the first message to the last, a few seconds of it in memory.

use super::facts::Facts;
use super::page::Page;
use super::picture;
use super::scene::{self, Scene};
use super::store::Store;
use super::sweep;
use crate::evaluate::Metrics;
use anyhow::{Context, ensure};
use recordings::{DriveInfo, DriveReader, Message};
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::path::Path;
use types::{Admission, CameraFrame, Command, EgoState, Image, LidarSweep, PointCloud, Signals, Stamp, Truth, Vehicle};

/// A frame's messages have come when the drive is so much further, s.
const FRAME_S: f64 = 1.0;
/// Sweeps kept for the frame that names one of them.
const RECENT_SWEEPS: usize = 4;
/// Frames in one block of the page.
const BLOCK_SCENES: usize = 50;
/// Long drives are drawn with fewer frames and pictures a second: at most so many.
const MOST_SCENES: u64 = 1500;
const MOST_PICTURES: f64 = 750.0;

/// What both drives of a page share.
pub struct Shared {
    /// Pictures, JPEG.
    pub pictures: Store,
    /// Sweeps, packed.
    pub sweeps: Store,
    image: Image,
    points: PointCloud,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            pictures: Store::new("pictures", false),
            sweeps: Store::new("sweeps", true),
            image: Image::default(),
            points: PointCloud::default(),
        }
    }
}

/// What the frames of a drive are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The frames that the stack made.
    Ticks,
    /// The drive was never run: one frame for each sweep.
    Sweeps,
    /// The same without lidar.
    Images,
    /// Only the way is known.
    Fixes,
}

impl Base {
    fn of(info: &DriveInfo) -> Option<(Self, u64)> {
        let count = |topic: &str| info.channels.iter().filter(|c| c.topic == topic).map(|c| c.messages).sum::<u64>();
        let bases = [
            (Self::Ticks, "/tick"),
            (Self::Sweeps, "/lidar/top/points"),
            (Self::Images, "/camera/front/image"),
            (Self::Fixes, "/ins/state"),
        ];
        bases.into_iter().map(|(base, topic)| (base, count(topic))).find(|(_, count)| *count > 0)
    }
}

/// Puts a drive into the page; gives what the page says of it as a whole.
///
/// # Errors
/// Not a drive, nothing to show, a page that cannot be written: names the file.
pub fn read<W: Write>(
    path: &Path,
    vehicle: Vehicle,
    place: usize,
    shared: &mut Shared,
    page: &mut Page<W>,
) -> anyhow::Result<Facts> {
    let mut reader = DriveReader::open_cut(path)?;
    let info = reader.info()?;
    let (base, frames) = Base::of(&info)
        .with_context(|| format!("{}: nothing to show: no frames, sweeps, images or positions", path.display()))?;
    let mut facts = Facts::new(path, &info, base, vehicle, reader.calibration(), reader.route());
    let picture_interval_s = picture::INTERVAL_S.max(info.duration_s() / MOST_PICTURES);
    let mut reading = Reading {
        base,
        place,
        shared,
        page,
        base_from_lidar: reader.calibration().map(|calibration| calibration.base_from_lidar),
        metrics: Metrics::new(vehicle),
        every: frames.div_ceil(MOST_SCENES).max(1),
        frames: 0,
        picture_interval_s,
        last_picture: None,
        sweeps: VecDeque::new(),
        open: BTreeMap::new(),
        block: Vec::new(),
        ins: None,
        signals: None,
        truth: None,
        command: None,
        facts: &mut facts,
    };
    for message in reader {
        match message {
            Ok(message) => reading.take(message)?,
            Err(error) => reading.facts.unreadable(&error.to_string()),
        }
    }
    let every = reading.every;
    reading.finish()?;
    ensure!(facts.frames() > 0, "{}: nothing to show: no frame can be read", path.display());
    facts.conclude(every);
    Ok(facts)
}

struct Reading<'a, W: Write> {
    base: Base,
    place: usize,
    shared: &'a mut Shared,
    page: &'a mut Page<W>,
    facts: &'a mut Facts,
    base_from_lidar: Option<nalgebra::Isometry3<f64>>,
    metrics: Metrics,
    /// Every so many frames are drawn.
    every: u64,
    frames: u64,
    picture_interval_s: f64,
    last_picture: Option<Stamp>,
    sweeps: VecDeque<LidarSweep>,
    /// Frames whose messages may still come.
    open: BTreeMap<u64, (Stamp, Scene)>,
    block: Vec<Scene>,
    ins: Option<EgoState>,
    signals: Option<Signals>,
    truth: Option<Truth>,
    command: Option<Command>,
}

impl<W: Write> Reading<'_, W> {
    fn take(&mut self, message: Message) -> anyhow::Result<()> {
        let stamp = message.stamp();
        if let Some(admission) = self.stands_for_a_frame(&message) {
            // A drive that was never run has no frames of its own: GPS/INS tells of the ego.
            let state = self.ins.map(|state| Message::Ego { frame: admission.frame, state });
            self.count(&Message::Admission(admission));
            state.into_iter().for_each(|state| self.count(&state));
            self.begin(admission);
        }
        self.count(&message);
        match message {
            Message::Camera(frame) => self.picture(&frame)?,
            Message::Lidar(sweep) => {
                if self.base == Base::Sweeps {
                    self.sweep(sweep.seq, &sweep)?;
                } else {
                    self.sweeps.push_back(sweep);
                    if self.sweeps.len() > RECENT_SWEEPS {
                        self.sweeps.pop_front();
                    }
                }
            }
            Message::Ins(fix) => {
                self.ins = Some(fix.state);
                if self.base != Base::Ticks
                    && let Some((_, scene)) = self.open.values_mut().next_back()
                {
                    scene.ego = self.facts.origin_at(&fix.state).ego(&fix.state);
                }
            }
            Message::Signals(signals) => self.signals = Some(signals),
            Message::Truth(truth) => self.truth = Some(truth),
            Message::Command(command) => self.command = Some(command),
            Message::Admission(admission) => {
                self.begin(admission);
                let named = self.sweeps.iter().position(|sweep| Some(sweep.seq) == admission.lidar);
                if let Some(sweep) = named.and_then(|place| self.sweeps.remove(place)) {
                    self.sweep(admission.frame, &sweep)?;
                }
            }
            Message::Ego { frame, state } => {
                let origin = self.facts.origin_at(&state);
                self.on(frame, |scene| scene.ego = origin.ego(&state));
            }
            Message::Detections(found) => self.on(found.frame, |scene| {
                let (lidar, camera) = scene::detections(&found);
                (scene.detections, scene.boxes) = (Some(lidar), camera);
            }),
            Message::Tracks(tracks) => {
                let origin = self.facts.origin();
                self.on(tracks.frame, |scene| scene.tracks = Some(origin.tracks(&tracks, scene.ego)));
            }
            Message::Plan(plan) => {
                let origin = self.facts.origin();
                self.on(plan.frame, |scene| {
                    scene.plan = Some(origin.plan(&plan));
                    scene.predictions = plan.predictions.iter().map(|path| origin.prediction(path)).collect();
                    scene.predictions_hz = plan.predictions.first().map_or(0.0, scene::prediction_hz);
                });
            }
            Message::Text { stamp, level, name, text } => self.facts.text(stamp, level, name, text),
            _ => {}
        }
        if let Some(stamp) = stamp {
            self.close(Some(stamp))?;
        }
        Ok(())
    }

    /// The frame that this message stands for in a drive that was never run.
    fn stands_for_a_frame(&self, message: &Message) -> Option<Admission> {
        let (frame, stamp) = match (self.base, message) {
            (Base::Sweeps, Message::Lidar(sweep)) => (sweep.seq, sweep.stamp),
            (Base::Images, Message::Camera(frame)) => (frame.seq, frame.stamp),
            (Base::Fixes, Message::Ins(fix)) => (fix.seq, fix.state.stamp),
            _ => return None,
        };
        Some(Admission { frame, stamp, ..Admission::default() })
    }

    fn count(&mut self, message: &Message) {
        for row in self.metrics.take(message) {
            self.facts.row(&row);
        }
    }

    /// Changes a frame that is drawn.
    fn on(&mut self, frame: u64, change: impl FnOnce(&mut Scene)) {
        if let Some((_, scene)) = self.open.get_mut(&frame) {
            change(scene);
        }
    }

    fn begin(&mut self, admission: Admission) {
        self.frames += 1;
        if !(self.frames - 1).is_multiple_of(self.every) {
            return;
        }
        let Admission { frame, stamp, .. } = admission;
        let ego = self.ins.filter(|state| self.base != Base::Ticks || state.stamp == stamp);
        let ego = ego.and_then(|state| self.facts.origin_at(&state).ego(&state));
        let origin = self.facts.origin();
        let truth = self.truth.take().filter(|truth| truth.stamp == stamp);
        let scene = Scene {
            time_s: self.facts.seconds(stamp),
            frame,
            ego,
            truth: truth.map(|truth| origin.truth(&truth, ego)),
            signals: self.signals.as_ref().map(scene::signals).unwrap_or_default(),
            command: self.command.as_ref().map(scene::command),
            ..Scene::default()
        };
        self.open.insert(frame, (stamp, scene));
    }

    fn sweep(&mut self, frame: u64, sweep: &LidarSweep) -> anyhow::Result<()> {
        let (Some(base_from_lidar), Some((_, scene))) = (&self.base_from_lidar, self.open.get_mut(&frame)) else {
            return Ok(());
        };
        match perception::decode::points(sweep, &mut self.shared.points) {
            Ok(()) => {
                let packed = sweep::pack(&self.shared.points, base_from_lidar);
                scene.sweep = Some(self.shared.sweeps.put(&packed, self.page)?);
            }
            Err(error) => self.facts.undrawn(format!("frame {frame}: {error}")),
        }
        Ok(())
    }

    fn picture(&mut self, frame: &CameraFrame) -> anyhow::Result<()> {
        // Stamps jitter: a little early is in time.
        let due = |last: Stamp| frame.stamp.seconds_since(last) >= self.picture_interval_s - 0.02;
        if !self.last_picture.is_none_or(due) {
            return Ok(());
        }
        self.last_picture = Some(frame.stamp);
        match picture::shrink(frame, &mut self.shared.image) {
            Ok(bytes) => {
                let place = self.shared.pictures.put(&bytes, self.page)?;
                self.facts.picture(frame.stamp, place);
            }
            Err(error) => self.facts.undrawn(format!("image {}: {error:#}", frame.seq)),
        }
        Ok(())
    }

    /// Closes the frames to which nothing more can belong.
    fn close(&mut self, now: Option<Stamp>) -> anyhow::Result<()> {
        while let Some(entry) = self.open.first_entry() {
            if now.is_some_and(|now| now.seconds_since(entry.get().0) < FRAME_S) {
                break;
            }
            self.block.push(entry.remove().1);
        }
        if self.block.len() >= BLOCK_SCENES || now.is_none() {
            self.page.block(&format!("scenes {}", self.place), true, &serde_json::to_vec(&self.block)?)?;
            self.block.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        for row in self.metrics.finish() {
            self.facts.row(&row);
        }
        self.close(None)
    }
}
