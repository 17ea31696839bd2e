//! One frame on its way through the corridor: what was admitted, what the stages made of it, and when.

use super::pool::Leased;
use models::PointLabels;
use recordings::Message;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{
    Admission, CameraFrame, Command, Detection2, Detections, EgoState, Image, InsFix, Latency, LidarSweep, Plan,
    PointCloud, Signals, Span, Stamp, Tracks, Truth, WheelSpeed,
};

/// A message of a sensor, as it came.
#[derive(Clone, Debug)]
pub enum Input {
    /// A camera frame.
    Camera(Arc<CameraFrame>),
    /// A lidar sweep.
    Lidar(Arc<LidarSweep>),
    /// A GPS/INS output.
    Ins(InsFix),
    /// What the signals show.
    Signals(Arc<Signals>),
    /// An output of the wheel speed sensors.
    WheelSpeed(WheelSpeed),
    /// What is really there. No stage sees it; it is logged beside the others.
    Truth(Arc<Truth>),
}

impl Input {
    /// Sensor time of the message.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        match self {
            Self::Camera(frame) => frame.stamp,
            Self::Lidar(sweep) => sweep.stamp,
            Self::Ins(fix) => fix.state.stamp,
            Self::Signals(signals) => signals.stamp,
            Self::WheelSpeed(wheel) => wheel.stamp,
            Self::Truth(truth) => truth.stamp,
        }
    }

    /// As it is written to a drive.
    #[must_use]
    pub fn into_message(self) -> Message {
        match self {
            Self::Camera(frame) => Message::Camera(Arc::unwrap_or_clone(frame)),
            Self::Lidar(sweep) => Message::Lidar(Arc::unwrap_or_clone(sweep)),
            Self::Ins(fix) => Message::Ins(fix),
            Self::Signals(signals) => Message::Signals(Arc::unwrap_or_clone(signals)),
            Self::WheelSpeed(wheel) => Message::WheelSpeed(wheel),
            Self::Truth(truth) => Message::Truth(Arc::unwrap_or_clone(truth)),
        }
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Camera(frame) => frame.data.len(),
            Self::Lidar(sweep) => sweep.data.len(),
            Self::Ins(_) => size_of::<InsFix>(),
            Self::Signals(_) | Self::WheelSpeed(_) => size_of::<WheelSpeed>(),
            Self::Truth(truth) => truth.objects.len() * size_of::<types::TruthObject>(),
        }
    }
}

/// Sensor messages that belong together.
#[derive(Clone, Debug, Default)]
pub struct SensorSet {
    /// The set's stamp: that of its sweep, or of its image if there is no lidar.
    pub stamp: Stamp,
    /// The image.
    pub camera: Option<Arc<CameraFrame>>,
    /// The sweep.
    pub lidar: Option<Arc<LidarSweep>>,
    /// The GPS/INS output.
    pub ins: Option<InsFix>,
    /// What the signals showed last; the message itself is among `unmatched` of the set that saw it first.
    pub signals: Option<Arc<Signals>>,
    /// The last wheel speed, in the same way.
    pub wheel_speed: Option<WheelSpeed>,
    /// Messages since the last set that belong to no single set; they are logged beside it.
    pub unmatched: Vec<Input>,
}

impl SensorSet {
    /// The stamps of image, sweep and GPS/INS output.
    #[must_use]
    pub fn stamps(&self) -> [Option<Stamp>; 3] {
        let [camera, lidar] =
            [self.camera.as_ref().map(|frame| frame.stamp), self.lidar.as_ref().map(|sweep| sweep.stamp)];
        [camera, lidar, self.ins.as_ref().map(|fix| fix.state.stamp)]
    }

    /// What is really there at the set's stamp, if anybody told.
    #[must_use]
    pub fn truth(&self) -> Option<&Truth> {
        self.unmatched.iter().find_map(|input| match input {
            Input::Truth(truth) if truth.stamp == self.stamp => Some(&**truth),
            _ => None,
        })
    }

    /// All messages, those that belong to no single set first.
    #[must_use]
    pub fn into_inputs(self) -> Vec<Input> {
        let own = [self.camera.map(Input::Camera), self.lidar.map(Input::Lidar), self.ins.map(Input::Ins)];
        self.unmatched.into_iter().chain(own.into_iter().flatten()).collect()
    }
}

/// What a recorded drive says about a frame, for the replays that obey it.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The door's choice.
    pub admission: Admission,
    /// The localizer's answer, for a replay that begins behind it.
    pub ego: Option<EgoState>,
    /// The detectors' answer, in the same way.
    pub detections: Option<Detections>,
    /// The tracker's answer.
    pub tracks: Option<Tracks>,
    /// The planner's answer.
    pub plan: Option<Arc<Plan>>,
}

/// What a source of frames gives to the door, in order.
#[derive(Clone, Debug)]
pub enum SourceItem {
    /// A set of sensor messages to admit, with what is recorded of it if a drive is obeyed.
    Set(Box<SensorSet>, Option<Box<Recorded>>),
    /// A recorded command to make again.
    Command(Command),
    /// The end: messages that belong to no set, and how many came late or found no partner.
    Rest(Vec<Input>, (u64, u64)),
}

/// A source of frames that is never paced and never drops.
pub type Source = Box<dyn Iterator<Item = anyhow::Result<SourceItem>> + Send>;

/// The large buffers of a frame, leased from a pool at the door.
#[derive(Debug, Default)]
pub struct Buffers {
    /// The decoded image.
    pub image: Image,
    /// The decoded sweep.
    pub points: PointCloud,
    /// The network's labels of the points.
    pub labels: PointLabels,
}

/// A frame that a stage could not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The stage.
    pub stage: &'static str,
    /// Why.
    pub reason: String,
}

/// Measured times of one frame: parts that follow each other without gap, so that they add up exactly.
#[derive(Clone, Debug)]
pub struct Spans {
    begin: Instant,
    end: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Spans {
    /// Starts when the frame's first sensor message arrives.
    #[must_use]
    pub fn starting(begin: Instant) -> Self {
        Self { begin, end: begin, laps: Vec::with_capacity(32) }
    }

    /// Ends the current part now and gives it its name.
    pub fn lap(&mut self, name: &'static str) {
        let now = Instant::now().max(self.end);
        self.laps.push((name, now - self.end));
        self.end = now;
    }

    /// The parts in order.
    #[must_use]
    pub fn laps(&self) -> &[(&'static str, Duration)] {
        &self.laps
    }

    /// When the frame's first sensor message arrived.
    #[must_use]
    pub fn begin(&self) -> Instant {
        self.begin
    }

    /// From the first sensor message to the end of the last part: the sum of all parts.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.end - self.begin
    }

    /// As a message for the log.
    #[must_use]
    pub fn to_latency(&self, frame: u64, stamp: Stamp) -> Latency {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let mut start = Duration::ZERO;
        let spans = self.laps.iter().map(|(name, duration)| {
            let span = Span { name: (*name).to_string(), start_ns: nanos(start), duration_ns: nanos(*duration) };
            start += *duration;
            span
        });
        Latency { frame, stamp, spans: spans.collect() }
    }
}

/// One frame in the corridor. Stages fill it from top to bottom.
#[derive(Debug)]
pub struct Frame {
    /// What the door let in.
    pub admission: Admission,
    /// The sensors' messages.
    pub sensors: SensorSet,
    /// The large buffers; given back after detection.
    pub buffers: Option<Leased<Buffers>>,
    /// Digest of the decoded pixels and points, which are not logged.
    pub decoded: Option<u64>,
    /// Made by localize.
    pub ego: Option<EgoState>,
    /// Seen in the image, where that is a stage of its own.
    pub boxes: Option<Vec<Detection2>>,
    /// Made by detect.
    pub detections: Option<Detections>,
    /// Made by track.
    pub tracks: Option<Tracks>,
    /// Made by plan.
    pub plan: Option<Arc<Plan>>,
    /// Points dropped by decode since a coordinate was not finite.
    pub rejected_points: u64,
    /// What a stage found odd about the sensors: a short name for counting, and the whole line.
    pub findings: Vec<(&'static str, String)>,
    /// Why the later stages left it alone.
    pub skipped: Option<Skipped>,
    /// Recorded commands to make again, read before this frame; empty unless a drive is obeyed.
    pub recorded_commands: Vec<Command>,
    /// Where its time went.
    pub spans: Spans,
}

impl Frame {
    /// A frame as the door lets it in.
    #[must_use]
    pub fn admitted(admission: Admission, sensors: SensorSet, spans: Spans) -> Self {
        Self {
            admission,
            sensors,
            buffers: None,
            decoded: None,
            ego: None,
            boxes: None,
            detections: None,
            tracks: None,
            plan: None,
            rejected_points: 0,
            findings: Vec::new(),
            skipped: None,
            recorded_commands: Vec::new(),
            spans,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole() {
        let mut spans = Spans::starting(Instant::now());
        for name in ["sensor wait", "decode", "detect"] {
            spans.lap(name);
        }
        let sum: Duration = spans.laps().iter().map(|lap| lap.1).sum();
        assert_eq!(sum, spans.total());
        let latency = spans.to_latency(7, Stamp::from_nanos(1));
        let end = latency.spans.last().map(|s| s.start_ns + s.duration_ns);
        assert_eq!(end, u64::try_from(spans.total().as_nanos()).ok());
    }
}
