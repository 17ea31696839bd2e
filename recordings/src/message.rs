//! What a drive is made of.

use crate::topics::Topic;
use types::{
    Admission, Calibration, CameraFrame, Command, Detections, Digests, EgoState, InsFix, Latency, LidarSweep, Plan,
    Route, Signals, Stamp, Tracks, Truth, WheelSpeed,
};

/// How much a line of text matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For developers.
    Debug,
    /// Good to know.
    Info,
    /// Something is wrong, the drive goes on.
    Warning,
    /// Something failed.
    Error,
    /// The drive cannot go on.
    Fatal,
}

/// One message of a drive.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Where the sensors sit. Has no stamp: it takes that of the message before it, or of the first one.
    Calibration(Calibration),
    /// The way to follow, in `odom`. Has no stamp, as the calibration.
    Route(Route),
    /// What the signals show.
    Signals(Signals),
    /// An output of the wheel speed sensors.
    WheelSpeed(WheelSpeed),
    /// What is really there.
    Truth(Truth),
    /// A camera frame.
    Camera(CameraFrame),
    /// A lidar sweep.
    Lidar(LidarSweep),
    /// An output of the GPS/INS unit.
    Ins(InsFix),
    /// A frame was admitted.
    Admission(Admission),
    /// The estimated state of the own vehicle.
    Ego {
        /// The frame it was made from.
        frame: u64,
        /// The state.
        state: EgoState,
    },
    /// The objects of a frame.
    Detections(Detections),
    /// The tracks of a frame.
    Tracks(Tracks),
    /// The plan of a frame.
    Plan(Plan),
    /// A command to the actuators.
    Command(Command),
    /// Where the time of a frame went.
    Latency(Latency),
    /// What the stages made of a frame, as digests.
    Digests(Digests),
    /// A line for people.
    Text {
        /// When.
        stamp: Stamp,
        /// How much it matters.
        level: LogLevel,
        /// Who says it.
        name: String,
        /// The line.
        text: String,
    },
}

impl Message {
    /// About how many bytes it takes in a drive, views included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const SMALL: usize = 64 << 10;
        match self {
            Self::Camera(frame) => SMALL + frame.data.len(),
            Self::Lidar(sweep) => SMALL + sweep.data.len(),
            Self::Plan(plan) => SMALL + 512 * (plan.candidates.len() + plan.predictions.len()),
            Self::Truth(truth) => SMALL + 2048 * truth.objects.len(),
            Self::Tracks(tracks) => SMALL + 2048 * tracks.objects.len(),
            Self::Detections(found) => SMALL + 2048 * (found.lidar.len() + found.camera.len()),
            Self::Route(route) => SMALL + 512 * route.points.len(),
            _ => SMALL,
        }
    }

    /// The message's stamp, `None` for calibration and route.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        Some(match self {
            Self::Calibration(_) | Self::Route(_) => return None,
            Self::Signals(signals) => signals.stamp,
            Self::WheelSpeed(wheel) => wheel.stamp,
            Self::Truth(truth) => truth.stamp,
            Self::Camera(frame) => frame.stamp,
            Self::Lidar(sweep) => sweep.stamp,
            Self::Ins(fix) => fix.state.stamp,
            Self::Admission(admission) => admission.stamp,
            Self::Ego { state, .. } => state.stamp,
            Self::Detections(detections) => detections.stamp,
            Self::Tracks(tracks) => tracks.stamp,
            Self::Plan(plan) => plan.stamp,
            Self::Command(command) => command.stamp,
            Self::Latency(latency) => latency.stamp,
            Self::Digests(digests) => digests.stamp,
            Self::Text { stamp, .. } => *stamp,
        })
    }

    /// The counter that orders messages of one topic and one stamp; zero if they have none.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Calibration(_) | Self::Route(_) | Self::Text { .. } => 0,
            Self::Signals(signals) => signals.seq,
            Self::WheelSpeed(wheel) => wheel.seq,
            Self::Truth(truth) => truth.seq,
            Self::Camera(frame) => frame.seq,
            Self::Lidar(sweep) => sweep.seq,
            Self::Ins(fix) => fix.seq,
            Self::Admission(admission) => admission.frame,
            Self::Ego { frame, .. } => *frame,
            Self::Detections(detections) => detections.frame,
            Self::Tracks(tracks) => tracks.frame,
            Self::Plan(plan) => plan.frame,
            Self::Command(command) => command.tick,
            Self::Latency(latency) => latency.frame,
            Self::Digests(digests) => digests.frame,
        }
    }

    /// Name of the topic that holds the message.
    #[must_use]
    pub fn topic(&self) -> &'static str {
        self.place().row().name
    }

    /// Appends the message's bytes as they lie in a file under this stamp: the same message, the same bytes.
    pub fn append_to(&self, stamp: Stamp, out: &mut Vec<u8>) {
        crate::schema::encode::message(self, stamp, out);
    }

    pub(crate) const fn place(&self) -> Topic {
        match self {
            Self::Calibration(_) => Topic::Calibration,
            Self::Route(_) => Topic::RoutePoses,
            Self::Signals(_) => Topic::Signals,
            Self::WheelSpeed(_) => Topic::WheelSpeed,
            Self::Truth(_) => Topic::Truth,
            Self::Camera(_) => Topic::CameraImage,
            Self::Lidar(_) => Topic::LidarPoints,
            Self::Ins(_) => Topic::InsState,
            Self::Admission(_) => Topic::Tick,
            Self::Ego { .. } => Topic::EgoState,
            Self::Detections(_) => Topic::Detections,
            Self::Tracks(_) => Topic::Tracks,
            Self::Plan(_) => Topic::Plan,
            Self::Command(_) => Topic::Command,
            Self::Latency(_) => Topic::Latency,
            Self::Digests(_) => Topic::Digests,
            Self::Text { .. } => Topic::Log,
        }
    }
}
