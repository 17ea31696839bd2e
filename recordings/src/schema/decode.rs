//! From bytes to the rooms' types. Whatever is missing, unknown or of the wrong size is named with its number.

use super::{
    Box3, Calibration, Command, CompressedImage, Detection2, Detection3, Detections, Ego, Latency, Plan, PointCloud,
    Pose, Prediction, Route, Tick, Track, Tracks,
};
use crate::topics::Topic;
use crate::{LogLevel, Message};
use foxglove::messages::{Log, log, packed_element_field::NumericType};
use nalgebra::{Isometry3, Matrix3, Quaternion, Translation3, UnitQuaternion};
use prost::Message as _;
use types::{
    CameraModel, Candidate, Decision, DecisionKind, EgoState, ImageFormat, InsFix, ObjectClass, PointField, PointKind,
    Pose2, PoseSource, PredictedPath, Stamp, StopReason, Trajectory, TrajectoryPoint, Verdict,
};

type Decoded<T> = Result<T, String>;

/// The message of a topic that replays read; the reason if there is none.
pub(crate) fn message(topic: Topic, stamp: Stamp, sequence: u64, data: &[u8]) -> Decoded<Message> {
    Ok(match topic {
        Topic::Calibration => Message::Calibration(calibration(&read(data)?)?),
        Topic::RoutePoses => Message::Route(route(&read(data)?)?),
        Topic::CameraImage => Message::Camera(image(read(data)?, stamp, sequence)?),
        Topic::LidarPoints => Message::Lidar(points(read(data)?, stamp, sequence)?),
        Topic::InsState => {
            let ego: Ego = read(data)?;
            Message::Ins(InsFix { seq: ego.frame, state: ego_state(&ego, stamp)? })
        }
        Topic::EgoState => {
            let ego: Ego = read(data)?;
            Message::Ego { frame: ego.frame, state: ego_state(&ego, stamp)? }
        }
        Topic::Tick => {
            let Tick { frame, camera, lidar, ins, dropped, .. } = read(data)?;
            Message::Admission(types::Admission { frame, stamp, camera, lidar, ins, dropped })
        }
        Topic::Detections => {
            let Detections { frame, camera, lidar, .. } = read(data)?;
            let camera = camera.iter().map(detection2).collect::<Decoded<_>>()?;
            let lidar = lidar.iter().map(detection3).collect::<Decoded<_>>()?;
            Message::Detections(types::Detections { frame, stamp, camera, lidar })
        }
        Topic::Tracks => {
            let Tracks { frame, objects, .. } = read(data)?;
            let objects = objects.iter().map(track).collect::<Decoded<_>>()?;
            Message::Tracks(types::Tracks { frame, stamp, objects })
        }
        Topic::Plan => Message::Plan(plan(read(data)?, stamp)?),
        Topic::Command => {
            let Command { tick, steering_rad, acceleration_mps2, plan, ego, stop, limits, .. } = read(data)?;
            let stop = match stop.as_str() {
                "" => None,
                name => Some(known("stop", name, StopReason::from_name(name))?),
            };
            Message::Command(types::Command { tick, stamp, steering_rad, acceleration_mps2, plan, ego, stop, limits })
        }
        Topic::Latency => {
            let Latency { frame, spans, .. } = read(data)?;
            let span = |span: super::Span| types::Span {
                name: span.name,
                start_ns: span.start_ns,
                duration_ns: span.duration_ns,
            };
            Message::Latency(types::Latency { frame, stamp, spans: spans.into_iter().map(span).collect() })
        }
        Topic::Log => {
            let Log { level, message: text, name, .. } = read(data)?;
            Message::Text { stamp, level: log_level(level)?, name, text }
        }
        view => return Err(format!("{} is a view, not for reading", view.row().name)),
    })
}

fn read<M: prost::Message + Default>(data: &[u8]) -> Decoded<M> {
    M::decode(data).map_err(|error| error.to_string())
}

fn present<T>(field: &str, value: Option<T>) -> Decoded<T> {
    value.ok_or_else(|| format!("{field} is missing"))
}

fn known<T>(field: &str, name: &str, value: Option<T>) -> Decoded<T> {
    value.ok_or_else(|| format!("{field} is \"{name}\", which is unknown"))
}

fn sized(field: &str, found: usize, expected: usize) -> Decoded<()> {
    if found == expected { Ok(()) } else { Err(format!("{field} has {found} numbers, expected {expected}")) }
}

fn size(field: &str, value: u64) -> Decoded<usize> {
    usize::try_from(value).map_err(|_| format!("{field} is {value}, too large"))
}

fn class(name: &str) -> Decoded<ObjectClass> {
    known("class", name, ObjectClass::from_name(name))
}

fn pose(field: &str, pose: Option<&Pose>) -> Decoded<Isometry3<f64>> {
    let p = present(field, pose)?;
    // Not normalised: the numbers are those that were written.
    let rotation = UnitQuaternion::new_unchecked(Quaternion::new(p.qw, p.qx, p.qy, p.qz));
    Ok(Isometry3::from_parts(Translation3::new(p.x, p.y, p.z), rotation))
}

fn calibration(found: &Calibration) -> Decoded<types::Calibration> {
    let base_from_lidar = pose("base_from_lidar", found.base_from_lidar.as_ref())?;
    let Some(camera) = &found.camera else { return Ok(types::Calibration { base_from_lidar, camera: None }) };
    sized("camera.k", camera.k.len(), 9)?;
    let camera = CameraModel {
        width: size("camera.width", camera.width)?,
        height: size("camera.height", camera.height)?,
        k: Matrix3::from_row_slice(&camera.k),
        camera_from_lidar: pose("camera.camera_from_lidar", camera.camera_from_lidar.as_ref())?,
    };
    Ok(types::Calibration { base_from_lidar, camera: Some(camera) })
}

fn route(route: &Route) -> Decoded<Vec<Pose2>> {
    sized("y", route.y.len(), route.x.len())?;
    sized("yaw", route.yaw.len(), route.x.len())?;
    let columns = route.x.iter().zip(&route.y).zip(&route.yaw);
    Ok(columns.map(|((&x, &y), &yaw)| Pose2 { x, y, yaw }).collect())
}

fn image(image: CompressedImage, stamp: Stamp, seq: u64) -> Decoded<types::CameraFrame> {
    let format = match image.format.as_str() {
        "jpeg" => ImageFormat::Jpeg,
        "png" => ImageFormat::Png,
        other => return Err(format!("image format is \"{other}\", expected \"jpeg\" or \"png\"")),
    };
    Ok(types::CameraFrame { seq, stamp, format, data: image.data })
}

fn points(cloud: PointCloud, stamp: Stamp, seq: u64) -> Decoded<types::LidarSweep> {
    let (stride, bytes) = (cloud.point_stride as usize, cloud.data.len());
    if stride == 0 || bytes % stride != 0 {
        return Err(format!("{bytes} bytes of points are not a multiple of the stride of {stride} bytes"));
    }
    let mut fields = Vec::with_capacity(cloud.fields.len());
    for field in cloud.fields {
        let kind = point_kind(field.r#type)
            .ok_or_else(|| format!("field \"{}\" has the unknown type {}", field.name, field.r#type))?;
        let offset = field.offset as usize;
        if offset + kind.size() > stride {
            let (name, end) = (field.name, offset + kind.size());
            return Err(format!("field \"{name}\" ends at byte {end}, outside the stride of {stride} bytes"));
        }
        fields.push(PointField { name: field.name, offset, kind });
    }
    Ok(types::LidarSweep { seq, stamp, stride, fields, data: cloud.data })
}

fn point_kind(found: i32) -> Option<PointKind> {
    Some(match NumericType::try_from(found).ok()? {
        NumericType::Unknown => return None,
        NumericType::Uint8 => PointKind::U8,
        NumericType::Uint16 => PointKind::U16,
        NumericType::Uint32 => PointKind::U32,
        NumericType::Int8 => PointKind::I8,
        NumericType::Int16 => PointKind::I16,
        NumericType::Int32 => PointKind::I32,
        NumericType::Float32 => PointKind::F32,
        NumericType::Float64 => PointKind::F64,
    })
}

fn log_level(found: i32) -> Decoded<LogLevel> {
    Ok(match log::Level::try_from(found) {
        Ok(log::Level::Debug) => LogLevel::Debug,
        Ok(log::Level::Info) => LogLevel::Info,
        Ok(log::Level::Warning) => LogLevel::Warning,
        Ok(log::Level::Error) => LogLevel::Error,
        Ok(log::Level::Fatal) => LogLevel::Fatal,
        Ok(log::Level::Unknown) | Err(_) => return Err(format!("level is {found}, which is unknown")),
    })
}

fn ego_state(ego: &Ego, stamp: Stamp) -> Decoded<EgoState> {
    let source = match ego.source.as_str() {
        "ins" => Some(PoseSource::Ins),
        "lidar odometry" => Some(PoseSource::LidarOdometry),
        _ => None,
    };
    Ok(EgoState {
        stamp,
        odom_from_base: pose("odom_from_base", ego.odom_from_base.as_ref())?,
        speed_mps: ego.speed_mps,
        acceleration_mps2: ego.acceleration_mps2,
        yaw_rate_radps: ego.yaw_rate_radps,
        source: known("source", &ego.source, source)?,
    })
}

fn box3(found: Option<&Box3>) -> Decoded<types::Box3> {
    let &Box3 { x, y, z, length, width, height, yaw } = present("box", found)?;
    Ok(types::Box3 { center: [x, y, z], length, width, height, yaw })
}

fn detection2(found: &Detection2) -> Decoded<types::Detection2> {
    let &Detection2 { x_min, y_min, x_max, y_max, score, .. } = found;
    Ok(types::Detection2 { bbox: types::Box2 { x_min, y_min, x_max, y_max }, class: class(&found.class)?, score })
}

fn detection3(found: &Detection3) -> Decoded<types::Detection3> {
    Ok(types::Detection3 {
        bbox: box3(found.r#box.as_ref())?,
        class: class(&found.class)?,
        score: found.score,
        point_count: found.point_count,
        camera: found.camera,
    })
}

fn track(track: &Track) -> Decoded<types::Track> {
    sized("covariance", track.covariance.len(), 16)?;
    Ok(types::Track {
        id: track.id,
        class: class(&track.class)?,
        existence: track.existence,
        bbox: box3(track.r#box.as_ref())?,
        velocity_mps: [track.vx_mps, track.vy_mps],
        yaw_rate_radps: track.yaw_rate_radps,
        covariance: std::array::from_fn(|row| std::array::from_fn(|column| track.covariance[4 * row + column])),
        hits: track.hits,
        misses: track.misses,
    })
}

fn plan(plan: Plan, stamp: Stamp) -> Decoded<types::Plan> {
    let candidates = candidates(&plan)?;
    let point = |point: &super::TrajectoryPoint| {
        let super::TrajectoryPoint { time_s, x, y, heading_rad, curvature_1pm, speed_mps, acceleration_mps2 } = *point;
        TrajectoryPoint { time_s, x, y, heading_rad, curvature_1pm, speed_mps, acceleration_mps2 }
    };
    let points = plan.trajectory.iter().map(point).collect();
    let kind = known("decision", &plan.decision, DecisionKind::from_name(&plan.decision))?;
    Ok(types::Plan {
        frame: plan.frame,
        stamp,
        trajectory: Trajectory { points, tail_start: size("tail_start", plan.tail_start)? },
        decision: Decision { kind, track: plan.track, reason: plan.reason },
        cost: plan.cost,
        candidates,
        predictions: plan.predictions.iter().map(prediction).collect::<Decoded<_>>()?,
    })
}

fn candidates(plan: &Plan) -> Decoded<Vec<Candidate>> {
    let count = plan.candidate_verdict.len();
    sized("candidate_cost", plan.candidate_cost.len(), count)?;
    sized("candidate_path", plan.candidate_path.len(), 16 * count)?;
    let rows = plan.candidate_verdict.iter().zip(&plan.candidate_cost).zip(plan.candidate_path.chunks_exact(16));
    rows.map(|((&found, &cost), path)| {
        let verdict = usize::try_from(found).ok().and_then(|place| Verdict::ALL.get(place)).copied();
        let verdict = verdict.ok_or_else(|| format!("candidate_verdict is {found}, which is unknown"))?;
        Ok(Candidate { verdict, cost, path: std::array::from_fn(|i| [path[2 * i], path[2 * i + 1]]) })
    })
    .collect()
}

fn prediction(path: &Prediction) -> Decoded<PredictedPath> {
    sized("y", path.y.len(), path.x.len())?;
    sized("heading_rad", path.heading_rad.len(), path.x.len())?;
    let columns = path.x.iter().zip(&path.y).zip(&path.heading_rad);
    let poses = columns.map(|((&x, &y), &heading)| [x, y, heading]).collect();
    Ok(PredictedPath { track: path.track, poses, step_s: path.step_s })
}
