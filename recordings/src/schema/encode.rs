//! From the rooms' types to bytes.

use super::{
    Box2, Box3, Calibration, Camera, Command, CompressedImage, Detection2, Detection3, Detections, Digests, Ego, Grant,
    Latency, Plan, PointCloud, Pose, Prediction, Route, Signal, Signals, Span, StageDigest, StopLine, Tick, Timestamp,
    Track, Tracks, TrajectoryPoint, Truth, TruthObject, WheelSpeed,
};
use bytes::Bytes;
use foxglove::messages::{Log, PackedElementField, Quaternion, log, packed_element_field::NumericType};
use nalgebra::Isometry3;
use prost::encoding::{WireType, encode_key, encode_varint};
use types::{EgoState, ImageFormat, PointKind, PoseSource, Stamp, StopKind};

use crate::{LogLevel, Message};

/// Appends the message's bytes. `stamp` is the log time, which calibration and route do not have of their own.
pub(crate) fn message(message: &Message, stamp: Stamp, out: &mut Vec<u8>) {
    let timestamp = Some(Timestamp::from(stamp));
    match message {
        Message::Calibration(calibration) => append(&self::calibration(calibration, timestamp), out),
        Message::Route(route) => append(&self::route(route, timestamp), out),
        Message::Signals(signals) => {
            let signal = |(id, phase): &(u32, types::Phase)| Signal { id: *id, phase: phase.name().into() };
            let shown = signals.phases.iter().map(signal).collect();
            append(&Signals { timestamp, seq: signals.seq, signals: shown }, out);
        }
        Message::WheelSpeed(wheel) => {
            append(&WheelSpeed { timestamp, seq: wheel.seq, speed_mps: wheel.speed_mps }, out);
        }
        Message::Truth(truth) => {
            let objects = truth.objects.iter().map(truth_object).collect();
            append(
                &Truth { timestamp, seq: truth.seq, odom_from_base: Some(pose(&truth.odom_from_base)), objects },
                out,
            );
        }
        Message::Camera(frame) => image(frame, timestamp, out),
        Message::Lidar(sweep) => points(sweep, timestamp, out),
        Message::Ins(fix) => append(&ego(fix.seq, &fix.state, timestamp), out),
        Message::Ego { frame, state } => append(&ego(*frame, state, timestamp), out),
        Message::Admission(admission) => {
            let types::Admission { frame, camera, lidar, ins, signals, wheel_speed, dropped, .. } = *admission;
            append(&Tick { timestamp, frame, camera, lidar, ins, dropped, signals, wheel_speed }, out);
        }
        Message::Detections(detections) => append(&self::detections(detections, timestamp), out),
        Message::Tracks(tracks) => {
            let objects = tracks.objects.iter().map(track).collect();
            append(&Tracks { timestamp, frame: tracks.frame, objects }, out);
        }
        Message::Plan(plan) => self::plan(plan, timestamp, out),
        Message::Command(command) => {
            let types::Command { tick, steering_rad, acceleration_mps2, plan, ego, limits, .. } = *command;
            let stop = command.stop.map(|reason| reason.name().to_string()).unwrap_or_default();
            let fallback = command.fallback.map(|reason| reason.name().to_string()).unwrap_or_default();
            let grant = command.grant.map(|types::Grant { authority, steering_rad, speed_mps }| Grant {
                authority: authority.name().to_string(),
                steering_rad,
                speed_mps,
            });
            append(
                &Command { timestamp, tick, steering_rad, acceleration_mps2, plan, ego, stop, limits, fallback, grant },
                out,
            );
        }
        Message::Latency(latency) => {
            let span = |span: &types::Span| Span {
                name: span.name.clone(),
                start_ns: span.start_ns,
                duration_ns: span.duration_ns,
            };
            let spans = latency.spans.iter().map(span).collect();
            append(&Latency { timestamp, frame: latency.frame, spans }, out);
        }
        Message::Digests(digests) => {
            let stage = |one: &types::StageDigest| StageDigest { stage: one.stage.clone(), digest: one.digest };
            let stages = digests.stages.iter().map(stage).collect();
            append(&Digests { timestamp, frame: digests.frame, stages }, out);
        }
        Message::Text { level, name, text, .. } => {
            let (message, name) = (text.clone(), name.clone());
            let level = log_level(*level).into();
            append(&Log { timestamp: view_timestamp(stamp), level, message, name, ..Log::default() }, out);
        }
    }
}

/// The stamp as viewers know it: `None` before 1970 and after 2106.
pub(crate) fn view_timestamp(stamp: Stamp) -> Option<foxglove::messages::Timestamp> {
    let seconds = u32::try_from(stamp.nanos().div_euclid(1_000_000_000)).ok()?;
    foxglove::messages::Timestamp::new_checked(seconds, stamp.nanos().rem_euclid(1_000_000_000) as u32)
}

impl From<Stamp> for Timestamp {
    fn from(stamp: Stamp) -> Self {
        let nanos = stamp.nanos();
        Self { seconds: nanos.div_euclid(1_000_000_000), nanos: nanos.rem_euclid(1_000_000_000) as i32 }
    }
}

fn append(message: &impl prost::Message, out: &mut Vec<u8>) {
    out.reserve(message.encoded_len());
    message.encode_raw(out);
}

/// Appends a field of bytes straight from where they are: the payload is copied once.
fn append_bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 16);
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn image(frame: &types::CameraFrame, timestamp: Option<Timestamp>, out: &mut Vec<u8>) {
    let format = match frame.format {
        ImageFormat::Jpeg => "jpeg",
        ImageFormat::Png => "png",
    };
    append(&CompressedImage { timestamp, data: Bytes::new(), format: format.into(), frame_id: "camera".into() }, out);
    append_bytes(2, &frame.data, out);
}

fn points(sweep: &types::LidarSweep, timestamp: Option<Timestamp>, out: &mut Vec<u8>) {
    let field = |field: &types::PointField| PackedElementField {
        name: field.name.clone(),
        offset: field.offset as u32,
        r#type: numeric_type(field.kind).into(),
    };
    let identity = Quaternion { w: 1.0, ..Quaternion::default() };
    let header = PointCloud {
        timestamp,
        frame_id: "lidar".into(),
        pose: Some(foxglove::messages::Pose { position: None, orientation: Some(identity) }),
        point_stride: sweep.stride as u32,
        fields: sweep.fields.iter().map(field).collect(),
        data: Bytes::new(),
    };
    append(&header, out);
    append_bytes(6, &sweep.data, out);
}

const fn numeric_type(kind: PointKind) -> NumericType {
    match kind {
        PointKind::U8 => NumericType::Uint8,
        PointKind::U16 => NumericType::Uint16,
        PointKind::U32 => NumericType::Uint32,
        PointKind::I8 => NumericType::Int8,
        PointKind::I16 => NumericType::Int16,
        PointKind::I32 => NumericType::Int32,
        PointKind::F32 => NumericType::Float32,
        PointKind::F64 => NumericType::Float64,
    }
}

const fn log_level(level: LogLevel) -> log::Level {
    match level {
        LogLevel::Debug => log::Level::Debug,
        LogLevel::Info => log::Level::Info,
        LogLevel::Warning => log::Level::Warning,
        LogLevel::Error => log::Level::Error,
        LogLevel::Fatal => log::Level::Fatal,
    }
}

fn calibration(calibration: &types::Calibration, timestamp: Option<Timestamp>) -> Calibration {
    let camera = calibration.camera.as_ref().map(|camera| Camera {
        width: camera.width as u64,
        height: camera.height as u64,
        k: camera.k.transpose().iter().copied().collect(),
        camera_from_lidar: Some(pose(&camera.camera_from_lidar)),
    });
    Calibration { timestamp, base_from_lidar: Some(pose(&calibration.base_from_lidar)), camera }
}

fn pose(pose: &Isometry3<f64>) -> Pose {
    let (t, q) = (&pose.translation, &pose.rotation.coords);
    Pose { x: t.x, y: t.y, z: t.z, qx: q.x, qy: q.y, qz: q.z, qw: q.w }
}

/// Name of a pose's source as it stands in files.
pub(crate) const fn source_name(source: PoseSource) -> &'static str {
    match source {
        PoseSource::Ins => "ins",
        PoseSource::LidarOdometry => "lidar odometry",
        PoseSource::Fused => "fused",
    }
}

fn route(route: &types::Route, timestamp: Option<Timestamp>) -> Route {
    let column = |pick: fn(&types::RoutePoint) -> f64| route.points.iter().map(pick).collect();
    let stop = |stop: &types::StopLine| {
        let (kind, signal) = match stop.kind {
            StopKind::Signal(id) => ("signal", Some(id)),
            StopKind::GiveWay => ("give way", None),
            StopKind::Stop => ("stop", None),
            StopKind::Crossing => ("crossing", None),
            StopKind::Goal => ("goal", None),
        };
        StopLine { s_m: stop.s_m, area_m: stop.area_m, kind: kind.into(), signal }
    };
    Route {
        timestamp,
        x: column(|p| p.pose.x),
        y: column(|p| p.pose.y),
        yaw: column(|p| p.pose.yaw),
        left_m: column(|p| p.left_m),
        right_m: column(|p| p.right_m),
        speed_limit_mps: column(|p| p.speed_limit_mps),
        stops: route.stops.iter().map(stop).collect(),
    }
}

fn truth_object(object: &types::TruthObject) -> TruthObject {
    let image = |&types::Box2 { x_min, y_min, x_max, y_max }: &types::Box2| Box2 { x_min, y_min, x_max, y_max };
    TruthObject {
        id: object.id,
        class: object.class.name().into(),
        r#box: box3(&object.bbox),
        vx_mps: object.velocity_mps[0],
        vy_mps: object.velocity_mps[1],
        points: object.points,
        image: object.image.as_ref().map(image),
        visible: object.visible,
    }
}

fn ego(frame: u64, state: &EgoState, timestamp: Option<Timestamp>) -> Ego {
    Ego {
        timestamp,
        frame,
        odom_from_base: Some(pose(&state.odom_from_base)),
        speed_mps: state.speed_mps,
        acceleration_mps2: state.acceleration_mps2,
        yaw_rate_radps: state.yaw_rate_radps,
        source: source_name(state.source).into(),
    }
}

fn box3(bbox: &types::Box3) -> Option<Box3> {
    let types::Box3 { center: [x, y, z], length, width, height, yaw } = *bbox;
    Some(Box3 { x, y, z, length, width, height, yaw })
}

fn detections(detections: &types::Detections, timestamp: Option<Timestamp>) -> Detections {
    let detection2 = |found: &types::Detection2| {
        let types::Box2 { x_min, y_min, x_max, y_max } = found.bbox;
        Detection2 { x_min, y_min, x_max, y_max, class: found.class.name().into(), score: found.score }
    };
    let detection3 = |found: &types::Detection3| Detection3 {
        r#box: box3(&found.bbox),
        class: found.class.name().into(),
        score: found.score,
        point_count: found.point_count,
        camera: found.camera,
        seen_after_s: found.seen_after_s,
    };
    Detections {
        timestamp,
        frame: detections.frame,
        camera: detections.camera.iter().map(detection2).collect(),
        lidar: detections.lidar.iter().map(detection3).collect(),
    }
}

fn track(track: &types::Track) -> Track {
    Track {
        id: track.id,
        class: track.class.name().into(),
        existence: track.existence,
        r#box: box3(&track.bbox),
        vx_mps: track.velocity_mps[0],
        vy_mps: track.velocity_mps[1],
        yaw_rate_radps: track.yaw_rate_radps,
        covariance: track.covariance.as_flattened().to_vec(),
        heading_covariance: track.heading_covariance.as_flattened().to_vec(),
        hits: track.hits,
        misses: track.misses,
    }
}

/// The candidates are most of a plan: they go into the bytes as they are.
fn plan(plan: &types::Plan, timestamp: Option<Timestamp>, out: &mut Vec<u8>) {
    let point = |point: &types::TrajectoryPoint| {
        let types::TrajectoryPoint { time_s, x, y, heading_rad, curvature_1pm, speed_mps, acceleration_mps2 } = *point;
        TrajectoryPoint { time_s, x, y, heading_rad, curvature_1pm, speed_mps, acceleration_mps2 }
    };
    let prediction = |path: &types::PredictedPath| {
        let column = |i: usize| path.poses.iter().map(|pose| pose[i]).collect();
        Prediction { track: path.track, x: column(0), y: column(1), heading_rad: column(2), step_s: path.step_s }
    };
    let before = Plan {
        timestamp,
        frame: plan.frame,
        trajectory: plan.trajectory.points.iter().map(point).collect(),
        tail_start: plan.trajectory.tail_start as u64,
        decision: plan.decision.kind.name().into(),
        track: plan.decision.track,
        reason: plan.decision.reason.clone(),
        cost: plan.cost,
        ..Plan::default()
    };
    append(&before, out);
    let candidates = &plan.candidates;
    if !candidates.is_empty() {
        packed(9, candidates.len(), out);
        out.extend(candidates.iter().map(|candidate| candidate.verdict as u8));
        packed(10, 8 * candidates.len(), out);
        candidates.iter().for_each(|candidate| out.extend_from_slice(&candidate.cost.to_le_bytes()));
        packed(11, 4 * candidates.iter().map(|candidate| candidate.path.as_flattened().len()).sum::<usize>(), out);
        for value in candidates.iter().flat_map(|candidate| candidate.path.as_flattened()) {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
    plan.predictions.iter().for_each(|path| prost::encoding::message::encode(12, &prediction(path), out));
}

/// Begins a field of numbers that take so many bytes.
fn packed(tag: u32, bytes: usize, out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes as u64, out);
    out.reserve(bytes);
}
