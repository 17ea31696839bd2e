//! The messages of `schemas/chauffeur.proto` and the two sensor messages, as they lie in the file.
//!
//! Every `double` is declared `required`: on the wire that is the same as the plain field of the
//! schema, but a plain field leaves out what equals zero, and so would lose the sign of -0.0.

pub(crate) mod decode;
pub(crate) mod encode;

use bytes::Bytes;
use foxglove::messages::{PackedElementField, Pose as ViewPose};
use prost::Message;

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Pose {
    #[prost(double, required, tag = "1")]
    pub x: f64,
    #[prost(double, required, tag = "2")]
    pub y: f64,
    #[prost(double, required, tag = "3")]
    pub z: f64,
    #[prost(double, required, tag = "4")]
    pub qx: f64,
    #[prost(double, required, tag = "5")]
    pub qy: f64,
    #[prost(double, required, tag = "6")]
    pub qz: f64,
    #[prost(double, required, tag = "7")]
    pub qw: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Calibration {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub base_from_lidar: Option<Pose>,
    #[prost(message, optional, tag = "3")]
    pub camera: Option<Camera>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Camera {
    #[prost(uint64, tag = "1")]
    pub width: u64,
    #[prost(uint64, tag = "2")]
    pub height: u64,
    #[prost(double, repeated, tag = "3")]
    pub k: Vec<f64>,
    #[prost(message, optional, tag = "4")]
    pub camera_from_lidar: Option<Pose>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Route {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(double, repeated, tag = "2")]
    pub x: Vec<f64>,
    #[prost(double, repeated, tag = "3")]
    pub y: Vec<f64>,
    #[prost(double, repeated, tag = "4")]
    pub yaw: Vec<f64>,
    #[prost(double, repeated, tag = "5")]
    pub left_m: Vec<f64>,
    #[prost(double, repeated, tag = "6")]
    pub right_m: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    pub speed_limit_mps: Vec<f64>,
    #[prost(message, repeated, tag = "8")]
    pub stops: Vec<StopLine>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StopLine {
    #[prost(double, required, tag = "1")]
    pub s_m: f64,
    #[prost(double, required, tag = "2")]
    pub area_m: f64,
    #[prost(string, tag = "3")]
    pub kind: String,
    #[prost(uint32, optional, tag = "4")]
    pub signal: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Signals {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    #[prost(message, repeated, tag = "3")]
    pub signals: Vec<Signal>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Signal {
    #[prost(uint32, tag = "1")]
    pub id: u32,
    #[prost(string, tag = "2")]
    pub phase: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WheelSpeed {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    #[prost(double, required, tag = "3")]
    pub speed_mps: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Truth {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    #[prost(message, optional, tag = "3")]
    pub odom_from_base: Option<Pose>,
    #[prost(message, repeated, tag = "4")]
    pub objects: Vec<TruthObject>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TruthObject {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(string, tag = "2")]
    pub class: String,
    #[prost(message, optional, tag = "3")]
    pub r#box: Option<Box3>,
    #[prost(double, required, tag = "4")]
    pub vx_mps: f64,
    #[prost(double, required, tag = "5")]
    pub vy_mps: f64,
    #[prost(uint32, tag = "6")]
    pub points: u32,
    #[prost(message, optional, tag = "7")]
    pub image: Option<Box2>,
    #[prost(double, required, tag = "8")]
    pub visible: f64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Box2 {
    #[prost(double, required, tag = "1")]
    pub x_min: f64,
    #[prost(double, required, tag = "2")]
    pub y_min: f64,
    #[prost(double, required, tag = "3")]
    pub x_max: f64,
    #[prost(double, required, tag = "4")]
    pub y_max: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Ego {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub frame: u64,
    #[prost(message, optional, tag = "3")]
    pub odom_from_base: Option<Pose>,
    #[prost(double, required, tag = "4")]
    pub speed_mps: f64,
    #[prost(double, required, tag = "5")]
    pub acceleration_mps2: f64,
    #[prost(double, required, tag = "6")]
    pub yaw_rate_radps: f64,
    #[prost(string, tag = "7")]
    pub source: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Tick {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub frame: u64,
    #[prost(uint64, optional, tag = "3")]
    pub camera: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    pub lidar: Option<u64>,
    #[prost(uint64, optional, tag = "5")]
    pub ins: Option<u64>,
    #[prost(uint64, tag = "6")]
    pub dropped: u64,
    #[prost(uint64, optional, tag = "7")]
    pub signals: Option<u64>,
    #[prost(uint64, optional, tag = "8")]
    pub wheel_speed: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Detections {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub frame: u64,
    #[prost(message, repeated, tag = "3")]
    pub camera: Vec<Detection2>,
    #[prost(message, repeated, tag = "4")]
    pub lidar: Vec<Detection3>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Detection2 {
    #[prost(double, required, tag = "1")]
    pub x_min: f64,
    #[prost(double, required, tag = "2")]
    pub y_min: f64,
    #[prost(double, required, tag = "3")]
    pub x_max: f64,
    #[prost(double, required, tag = "4")]
    pub y_max: f64,
    #[prost(string, tag = "5")]
    pub class: String,
    #[prost(double, required, tag = "6")]
    pub score: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Detection3 {
    #[prost(message, optional, tag = "1")]
    pub r#box: Option<Box3>,
    #[prost(string, tag = "2")]
    pub class: String,
    #[prost(double, required, tag = "3")]
    pub score: f64,
    #[prost(uint32, tag = "4")]
    pub point_count: u32,
    #[prost(uint32, optional, tag = "5")]
    pub camera: Option<u32>,
    #[prost(double, required, tag = "6")]
    pub seen_after_s: f64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Box3 {
    #[prost(double, required, tag = "1")]
    pub x: f64,
    #[prost(double, required, tag = "2")]
    pub y: f64,
    #[prost(double, required, tag = "3")]
    pub z: f64,
    #[prost(double, required, tag = "4")]
    pub length: f64,
    #[prost(double, required, tag = "5")]
    pub width: f64,
    #[prost(double, required, tag = "6")]
    pub height: f64,
    #[prost(double, required, tag = "7")]
    pub yaw: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tracks {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub frame: u64,
    #[prost(message, repeated, tag = "3")]
    pub objects: Vec<Track>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Track {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(string, tag = "2")]
    pub class: String,
    #[prost(double, required, tag = "3")]
    pub existence: f64,
    #[prost(message, optional, tag = "4")]
    pub r#box: Option<Box3>,
    #[prost(double, required, tag = "5")]
    pub vx_mps: f64,
    #[prost(double, required, tag = "6")]
    pub vy_mps: f64,
    #[prost(double, required, tag = "7")]
    pub yaw_rate_radps: f64,
    #[prost(double, repeated, tag = "8")]
    pub covariance: Vec<f64>,
    #[prost(uint32, tag = "9")]
    pub hits: u32,
    #[prost(uint32, tag = "10")]
    pub misses: u32,
    #[prost(double, repeated, tag = "11")]
    pub heading_covariance: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Plan {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub frame: u64,
    #[prost(message, repeated, tag = "3")]
    pub trajectory: Vec<TrajectoryPoint>,
    #[prost(uint64, tag = "4")]
    pub tail_start: u64,
    #[prost(string, tag = "5")]
    pub decision: String,
    #[prost(uint64, optional, tag = "6")]
    pub track: Option<u64>,
    #[prost(string, tag = "7")]
    pub reason: String,
    #[prost(double, required, tag = "8")]
    pub cost: f64,
    /// Places in `types::Verdict::ALL`.
    #[prost(int32, repeated, tag = "9")]
    pub candidate_verdict: Vec<i32>,
    #[prost(double, repeated, tag = "10")]
    pub candidate_cost: Vec<f64>,
    #[prost(float, repeated, tag = "11")]
    pub candidate_path: Vec<f32>,
    #[prost(message, repeated, tag = "12")]
    pub predictions: Vec<Prediction>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct TrajectoryPoint {
    #[prost(double, required, tag = "1")]
    pub time_s: f64,
    #[prost(double, required, tag = "2")]
    pub x: f64,
    #[prost(double, required, tag = "3")]
    pub y: f64,
    #[prost(double, required, tag = "4")]
    pub heading_rad: f64,
    #[prost(double, required, tag = "5")]
    pub curvature_1pm: f64,
    #[prost(double, required, tag = "6")]
    pub speed_mps: f64,
    #[prost(double, required, tag = "7")]
    pub acceleration_mps2: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Prediction {
    #[prost(uint64, tag = "1")]
    pub track: u64,
    #[prost(double, repeated, tag = "2")]
    pub x: Vec<f64>,
    #[prost(double, repeated, tag = "3")]
    pub y: Vec<f64>,
    #[prost(double, repeated, tag = "4")]
    pub heading_rad: Vec<f64>,
    #[prost(double, required, tag = "5")]
    pub step_s: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Command {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub tick: u64,
    #[prost(double, required, tag = "3")]
    pub steering_rad: f64,
    #[prost(double, required, tag = "4")]
    pub acceleration_mps2: f64,
    #[prost(uint64, optional, tag = "5")]
    pub plan: Option<u64>,
    #[prost(uint64, optional, tag = "6")]
    pub ego: Option<u64>,
    #[prost(string, tag = "7")]
    pub stop: String,
    #[prost(uint32, tag = "8")]
    pub limits: u32,
    #[prost(string, tag = "9")]
    pub fallback: String,
    #[prost(message, optional, tag = "10")]
    pub grant: Option<Grant>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Grant {
    #[prost(string, tag = "1")]
    pub authority: String,
    #[prost(double, optional, tag = "2")]
    pub steering_rad: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub speed_mps: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Latency {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub frame: u64,
    #[prost(message, repeated, tag = "3")]
    pub spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Span {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint64, tag = "2")]
    pub start_ns: u64,
    #[prost(uint64, tag = "3")]
    pub duration_ns: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Digests {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(uint64, tag = "2")]
    pub frame: u64,
    #[prost(message, repeated, tag = "3")]
    pub stages: Vec<StageDigest>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StageDigest {
    #[prost(string, tag = "1")]
    pub stage: String,
    #[prost(uint64, tag = "2")]
    pub digest: u64,
}

/// `foxglove.CompressedImage` with data that needs no second copy.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CompressedImage {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(bytes = "bytes", tag = "2")]
    pub data: Bytes,
    #[prost(string, tag = "3")]
    pub format: String,
    #[prost(string, tag = "4")]
    pub frame_id: String,
}

/// `foxglove.PointCloud` with data that needs no second copy.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PointCloud {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    pub frame_id: String,
    #[prost(message, optional, tag = "3")]
    pub pose: Option<ViewPose>,
    #[prost(fixed32, tag = "4")]
    pub point_stride: u32,
    #[prost(message, repeated, tag = "5")]
    pub fields: Vec<PackedElementField>,
    #[prost(bytes = "bytes", tag = "6")]
    pub data: Bytes,
}

#[cfg(test)]
mod tests;
