//! What a page says of a drive as a whole: what made it, what it holds, what was odd, and its numbers over time.

use super::drive::Base;
use super::judged::Judged;
use super::scene::Origin;
use super::series::Series;
use crate::evaluate::{FrameMetrics, Summary};
use crate::stack::file_name;
use recordings::{DriveInfo, LogLevel, RunRecord};
use serde::Serialize;
use std::path::Path;
use types::{Calibration, EgoState, Route, Stamp, StopKind, Vehicle};

/// Log lines that the page shows; the others are counted.
const MOST_LINES: usize = 500;
/// How much a remark matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// As it should be.
    Good,
    /// Good to know.
    Plain,
    /// Worth a look.
    Warning,
    /// Wrong.
    Alarm,
}

/// A line across the route.
#[derive(Debug, Serialize)]
struct Stop {
    ends: [i64; 4],
    kind: &'static str,
    signal: Option<u32>,
}

/// A line of the drive's log.
#[derive(Debug, Serialize)]
struct LogLine {
    time_s: f64,
    tone: Tone,
    name: String,
    text: String,
}

/// The facts of a drive.
#[derive(Debug, Serialize)]
pub struct Facts {
    name: String,
    made_by: Vec<(&'static str, String)>,
    holds: Vec<(String, String)>,
    result: Vec<(Tone, String)>,
    notes: Vec<(Tone, String)>,
    duration_s: f64,
    /// From the start of the first drive of the page to the start of this one, s.
    offset_s: f64,
    /// Length, width, rear axle to rear bumper, cm.
    vehicle: [i64; 3],
    /// Columns and rows of the original images.
    image: Option<[usize; 2]>,
    /// x and y of the middle, the left and the right edge, cm.
    route: [Vec<[i64; 2]>; 3],
    stops: Vec<Stop>,
    /// Time and place in the store.
    pictures: Vec<(f64, usize)>,
    series: Series,
    log: Vec<LogLine>,
    #[serde(skip)]
    span: (Stamp, Stamp),
    #[serde(skip)]
    origin: Option<Origin>,
    #[serde(skip)]
    way: Route,
    #[serde(skip)]
    summary: Summary,
    #[serde(skip)]
    judged: Judged,
}

impl Facts {
    /// What is known before the first message.
    #[must_use]
    pub fn new(
        path: &Path,
        info: &DriveInfo,
        base: Base,
        vehicle: Vehicle,
        calibration: Option<&Calibration>,
        route: Option<&Route>,
    ) -> Self {
        let stamp = |ns: u64| Stamp::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX));
        let span = info.span_ns.map_or_else(Default::default, |(first, last)| (stamp(first), stamp(last)));
        let camera = calibration.and_then(|calibration| calibration.camera.as_ref());
        let cm = |meters: f64| (100.0 * meters).round() as i64;
        let mut facts = Self {
            name: file_name(path),
            made_by: made_by(info),
            holds: holds(info),
            result: Vec::new(),
            notes: Vec::new(),
            duration_s: info.duration_s(),
            offset_s: 0.0,
            vehicle: [vehicle.length_m, vehicle.width_m, vehicle.rear_overhang_m].map(cm),
            image: camera.map(|camera| [camera.width, camera.height]),
            route: Default::default(),
            stops: Vec::new(),
            pictures: Vec::new(),
            series: Series::default(),
            log: Vec::new(),
            span,
            origin: None,
            way: route.cloned().unwrap_or_default(),
            summary: Summary::default(),
            judged: Judged::default(),
        };
        facts.remark_on_gaps(info, base, calibration);
        facts
    }

    fn remark_on_gaps(&mut self, info: &DriveInfo, base: Base, calibration: Option<&Calibration>) {
        let has = |topic: &str| info.channels.iter().any(|channel| channel.topic == topic && channel.messages > 0);
        let mut note = |tone, text: &str| self.notes.push((tone, text.to_string()));
        if info.cut {
            note(Tone::Alarm, "The end of the file is missing: the page shows what can be read.");
        }
        let never_run = match base {
            Base::Ticks => None,
            Base::Sweeps => Some("a sweep"),
            Base::Images => Some("an image"),
            Base::Fixes => Some("a position of GPS/INS"),
        };
        if let Some(what) = never_run {
            let text = format!("The stack was never run on this drive: a frame is {what}, the ego is that of GPS/INS.");
            note(Tone::Warning, &text);
        }
        if !has("/camera/front/image") {
            note(Tone::Plain, "No camera in this drive.");
        }
        if !has("/lidar/top/points") {
            note(Tone::Plain, "No lidar in this drive.");
        } else if calibration.is_none() {
            note(Tone::Warning, "No calibration: the lidar's points cannot be placed and are left out.");
        }
        if self.way.points.is_empty() {
            note(Tone::Plain, "No route in this drive.");
        }
        if base == Base::Ticks && !has("/latency") {
            note(
                Tone::Plain,
                "No measured times in this drive: only a run by the wall clock (replay --mode realtime, drive) logs them.",
            );
        }
    }

    /// Since the start of the drive, s.
    #[must_use]
    pub fn seconds(&self, stamp: Stamp) -> f64 {
        (1e4 * stamp.seconds_since(self.span.0)).round() / 1e4
    }

    /// Places the drive on the time of the other one, if both are of the same time; else both begin at zero.
    pub fn align_to(&mut self, other: &Self) -> bool {
        let same = self.span.0 <= other.span.1 && other.span.0 <= self.span.1;
        self.offset_s = if same { self.span.0.seconds_since(other.span.0) } else { 0.0 };
        same
    }

    /// Where places count from; the first answer holds for the whole drive.
    pub fn origin(&mut self) -> Origin {
        *self.origin.get_or_insert_default()
    }

    /// The same, and the first usable state is the origin.
    pub fn origin_at(&mut self, state: &EgoState) -> Origin {
        let pose = state.pose();
        match state.is_finite() {
            true => *self.origin.get_or_insert(Origin { place: [pose.x, pose.y] }),
            false => self.origin(),
        }
    }

    /// Frames with numbers.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.series.frames()
    }

    /// A picture of this stamp lies in the store.
    pub fn picture(&mut self, stamp: Stamp, place: usize) {
        self.pictures.push((self.seconds(stamp), place));
    }

    /// A part of the file that cannot be read.
    pub fn unreadable(&mut self, why: &str) {
        self.judged.unreadable += 1;
        self.judged.complain(why.to_string());
    }

    /// A message that cannot be drawn.
    pub fn undrawn(&mut self, why: String) {
        self.judged.undrawn += 1;
        self.judged.complain(why);
    }

    /// A line of the drive's log.
    pub fn text(&mut self, stamp: Stamp, level: LogLevel, name: String, text: String) {
        self.judged.lines += 1;
        if self.log.len() < MOST_LINES {
            let tone = match level {
                LogLevel::Debug | LogLevel::Info => Tone::Plain,
                LogLevel::Warning => Tone::Warning,
                LogLevel::Error | LogLevel::Fatal => Tone::Alarm,
            };
            self.log.push(LogLine { time_s: self.seconds(stamp), tone, name, text });
        }
    }

    /// The numbers of the next frame.
    pub fn row(&mut self, row: &FrameMetrics) {
        let time_s = self.seconds(row.stamp);
        self.summary.add(row);
        self.judged.look_at(row, time_s);
        self.series.add(row, time_s);
    }

    /// The drive is over. Every so many frames were drawn.
    pub fn conclude(&mut self, every: u64) {
        let origin = self.origin();
        let beside = |offset: fn(&types::RoutePoint) -> f64| {
            let points = self.way.points.iter().map(|point| point.pose.transform(0.0, offset(point)));
            points.filter(|place| place.iter().all(|v| v.is_finite())).map(|place| origin.place(place)).collect()
        };
        self.route = [beside(|_| 0.0), beside(|point| point.left_m), beside(|point| -point.right_m)];
        self.stops = self
            .way
            .stops
            .iter()
            .filter_map(|stop| {
                let at = self.way.at(stop.s_m)?;
                let [[ax, ay], [bx, by]] =
                    [at.left_m, -at.right_m].map(|side| origin.place(at.pose.transform(0.0, side)));
                let (kind, signal) = match stop.kind {
                    StopKind::Signal(id) => ("signal", Some(id)),
                    StopKind::GiveWay => ("give way", None),
                    StopKind::Stop => ("stop", None),
                    StopKind::Crossing => ("crossing", None),
                    StopKind::Goal => ("goal", None),
                };
                Some(Stop { ends: [ax, ay, bx, by], kind, signal })
            })
            .collect();
        self.judged.complain_in(&mut self.notes);
        if every > 1 {
            self.notes.push((
                Tone::Plain,
                format!("A long drive: the bird's-eye view shows one frame in {every}; the plots show all of them."),
            ));
        }
        let hidden = self.judged.lines.saturating_sub(self.log.len() as u64);
        if hidden > 0 {
            self.notes.push((Tone::Plain, format!("The log has {hidden} more lines than the page shows.")));
        }
        let Summary { frames, plans, tracks, dropped, .. } = &self.summary;
        for (name, value) in
            [("frames", frames), ("plans", plans), ("states of tracks", tracks), ("dropped at the door", dropped)]
        {
            self.holds.push((name.to_string(), value.to_string()));
        }
        if let Some(recall) = self.summary.tracking_recall() {
            self.holds.push(("objects tracked that are there".to_string(), format!("{:.1} %", 100.0 * recall)));
        }
        self.result = self.judged.result(&self.summary);
    }
}

fn made_by(info: &DriveInfo) -> Vec<(&'static str, String)> {
    let Some(RunRecord { version, mode, config_sha256, models, engine, provider, network_threads, source }) = &info.run
    else {
        return vec![("written by", info.library.clone())];
    };
    let networks =
        models.iter().map(|(name, digest)| format!("{name} {}", short(digest))).collect::<Vec<_>>().join(", ");
    let threads = if *network_threads > 0 { format!(", {network_threads} threads") } else { String::new() };
    let rows = [
        ("Chauffeur", version.clone()),
        ("mode", mode.clone()),
        ("from", source.clone()),
        ("configuration", short(config_sha256)),
        ("networks", networks),
        ("engine", engine.clone()),
        ("provider", if provider.is_empty() { String::new() } else { format!("{provider}{threads}") }),
    ];
    rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// The begin of a digest.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn holds(info: &DriveInfo) -> Vec<(String, String)> {
    let count = |topic: &str| info.channels.iter().filter(|c| c.topic == topic).map(|c| c.messages).sum::<u64>();
    let mut rows = vec![
        ("length".to_string(), format!("{:.1} s", info.duration_s())),
        ("file".to_string(), format!("{:.1} MB", info.bytes as f64 * 1e-6)),
    ];
    for (name, topic) in [("images", "/camera/front/image"), ("sweeps", "/lidar/top/points"), ("commands", "/command")]
    {
        rows.push((name.to_string(), count(topic).to_string()));
    }
    rows
}
