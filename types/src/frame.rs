//! What the runtime decided about a frame and how long its stages took.

use crate::Stamp;

/// The door let one set of sensor messages in: a frame. With these choices a drive can be replayed faithfully.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Counter of frames; every later message of the frame carries it.
    pub frame: u64,
    /// The frame's stamp: that of its sweep, or of its image if there is no lidar.
    pub stamp: Stamp,
    /// `seq` of the admitted image.
    pub camera: Option<u64>,
    /// `seq` of the admitted sweep.
    pub lidar: Option<u64>,
    /// `seq` of the admitted GPS/INS output.
    pub ins: Option<u64>,
    /// `seq` of the newest message of the signals at or before the stamp.
    pub signals: Option<u64>,
    /// `seq` of the newest wheel speed at or before the stamp.
    pub wheel_speed: Option<u64>,
    /// Complete sets that the door has dropped in this drive so far, since a newer one came first.
    pub dropped: u64,
}

/// Time spent on one part of a frame's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Name of the part, e.g. `queue` or `infer camera`.
    pub name: String,
    /// Nanoseconds from the frame's first sensor message to the begin of the part.
    pub start_ns: u64,
    /// How long it took, ns.
    pub duration_ns: u64,
}

/// Where the time of one frame went: the spans follow each other without gap or overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// The frame.
    pub frame: u64,
    /// The frame's stamp.
    pub stamp: Stamp,
    /// The parts in order.
    pub spans: Vec<Span>,
}

/// What one stage made of a frame, as one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageDigest {
    /// Name of the stage, e.g. `track`.
    pub stage: String,
    /// Equal bits have equal digests; other bits have another one but for one case in 2^64.
    pub digest: u64,
}

/// Digests of what the stages made of one frame: two runs are compared without their data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// The frame.
    pub frame: u64,
    /// The frame's stamp.
    pub stamp: Stamp,
    /// In the order of the corridor.
    pub stages: Vec<StageDigest>,
}
