//! From bytes to the rooms' types. Whatever is missing, unknown or of the wrong size is named with its number.

use super::{
    Box3, Calibration, Command, CompressedImage, Detection2, Detection3, Detections, Ego, Latency, Plan, PointCloud,
    Pose, Prediction, Route, Signals, StopLine, Tick, Track, Tracks, Truth, TruthObject, WheelSpeed,
};
use crate::topics::Topic;
use crate::{LogLevel, Message};
use foxglove::messages::{Log, log, packed_element_field::NumericType};
use nalgebra::{Isometry3, Matrix3, Quaternion, Translation3, UnitQuaternion};
use types::{
    CameraModel, Candidate, Decision, DecisionKind, EgoState, ImageFormat, InsFix, ObjectClass, Phase, PointField,
    PointKind, Pose2, PoseSource, PredictedPath, RoutePoint, Stamp, StopKind, StopReason, Trajectory, TrajectoryPoint,
    Verdict,
};

type Decoded<T> = Result<T, String>;

/// The message of a topic that replays read; the reason if there is none.
pub(crate) fn message(topic: Topic, stamp: Stamp, sequence: u64, data: &[u8]) -> Decoded<Message> {
    Ok(match topic {
        Topic::Calibration => Message::Calibration(calibration(&read(data)?)?),
        Topic::RoutePoses => Message::Route(route(&read(data)?)?),
        Topic::Signals => {
            let Signals { seq, signals, .. } = read(data)?;
            let shown = |signal: &super::Signal| {
                let phase = known("phase", &signal.phase, Phase::from_name(&signal.phase))?;
                Ok((signal.id, phase))
            };
            let phases = signals.iter().map(shown).collect::<Decoded<_>>()?;
            Message::Signals(types::Signals { seq, stamp, phases })
        }
        Topic::WheelSpeed => {
            let WheelSpeed { seq, speed_mps, .. } = read(data)?;
            Message::WheelSpeed(types::WheelSpeed { seq, stamp, speed_mps })
        }
        Topic::Truth => {
            let Truth { seq, odom_from_base, objects, .. } = read(data)?;
            let odom_from_base = pose("odom_from_base", odom_from_base.as_ref())?;
            let objects = objects.iter().map(truth_object).collect::<Decoded<_>>()?;
            Message::Truth(types::Truth { seq, stamp, odom_from_base, objects })
        }
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
            let Tick { frame, camera, lidar, ins, dropped, signals, wheel_speed, .. } = read(data)?;
            let admission = types::Admission { frame, stamp, camera, lidar, ins, signals, wheel_speed, dropped };
            Message::Admission(admission)
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

fn route(route: &Route) -> Decoded<types::Route> {
    let count = route.x.len();
    sized("y", route.y.len(), count)?;
    sized("yaw", route.yaw.len(), count)?;
    let columns = route.x.iter().zip(&route.y).zip(&route.yaw);
    let mut all = types::Route::of_poses(columns.map(|((&x, &y), &yaw)| Pose2 { x, y, yaw }));
    let mut fill = |field, column: &[f64], place: fn(&mut RoutePoint) -> &mut f64| -> Decoded<()> {
        if !column.is_empty() {
            sized(field, column.len(), count)?;
        }
        all.points.iter_mut().zip(column).for_each(|(point, value)| *place(point) = *value);
        Ok(())
    };
    fill("left_m", &route.left_m, |point| &mut point.left_m)?;
    fill("right_m", &route.right_m, |point| &mut point.right_m)?;
    fill("speed_limit_mps", &route.speed_limit_mps, |point| &mut point.speed_limit_mps)?;
    all.stops = route.stops.iter().map(stop_line).collect::<Decoded<_>>()?;
    Ok(all)
}

fn stop_line(found: &StopLine) -> Decoded<types::StopLine> {
    let kind = match found.kind.as_str() {
        "signal" => Some(StopKind::Signal(present("signal", found.signal)?)),
        "give way" => Some(StopKind::GiveWay),
        "stop" => Some(StopKind::Stop),
        "crossing" => Some(StopKind::Crossing),
        "goal" => Some(StopKind::Goal),
        _ => None,
    };
    Ok(types::StopLine { s_m: found.s_m, area_m: found.area_m, kind: known("kind", &found.kind, kind)? })
}

fn truth_object(found: &TruthObject) -> Decoded<types::TruthObject> {
    let image = |b: super::Box2| types::Box2 { x_min: b.x_min, y_min: b.y_min, x_max: b.x_max, y_max: b.y_max };
    Ok(types::TruthObject {
        id: found.id,
        class: class(&found.class)?,
        bbox: box3(found.r#box.as_ref())?,
        velocity_mps: [found.vx_mps, found.vy_mps],
        points: found.points,
        image: found.image.map(image),
        visible: found.visible,
    })
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
        "fused" => Some(PoseSource::Fused),
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
        seen_after_s: found.seen_after_s,
    })
}

fn track(track: &Track) -> Decoded<types::Track> {
    sized("covariance", track.covariance.len(), 16)?;
    // Drives before version 0.2 have none.
    let turning = &track.heading_covariance;
    if !turning.is_empty() {
        sized("heading_covariance", turning.len(), 4)?;
    }
    let turning = |i: usize| turning.get(i).copied().unwrap_or(0.0);
    Ok(types::Track {
        id: track.id,
        class: class(&track.class)?,
        existence: track.existence,
        bbox: box3(track.r#box.as_ref())?,
        velocity_mps: [track.vx_mps, track.vy_mps],
        yaw_rate_radps: track.yaw_rate_radps,
        covariance: std::array::from_fn(|row| std::array::from_fn(|column| track.covariance[4 * row + column])),
        heading_covariance: [[turning(0), turning(1)], [turning(2), turning(3)]],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use crate::schema::encode;
    use proptest::prelude::*;
    use prost::Message as _;

    fn round_trip(message: &Message) -> Message {
        let stamp = message.stamp().unwrap_or_default();
        let mut data = Vec::new();
        encode::message(message, stamp, &mut data);
        super::message(message.place(), stamp, message.sequence(), &data).unwrap()
    }

    /// `{:?}` tells -0.0 from 0.0 and prints every finite number so that no two look the same.
    fn assert_same(message: &Message) {
        assert_eq!(format!("{:?}", round_trip(message)), format!("{message:?}"));
    }

    #[test]
    fn every_kind_comes_back_exactly() {
        samples::every_message().iter().for_each(assert_same);
        assert_same(&Message::Route(types::Route::default()));
        assert_same(&Message::Plan(types::Plan::default()));
        assert_same(&Message::Calibration(types::Calibration { camera: None, ..samples::calibration() }));
    }

    proptest! {
        /// Any bits, NaN and its payload included.
        #[test]
        fn every_bit_of_every_number_comes_back(bits in proptest::array::uniform16(any::<u64>()), id: u64, hits: u32) {
            let n = bits.map(f64::from_bits);
            let track = types::Track {
                id,
                class: ObjectClass::ALL[(id % 9) as usize],
                existence: n[0],
                bbox: types::Box3 { center: [n[1], n[2], n[3]], length: n[4], width: n[5], height: n[6], yaw: n[7] },
                velocity_mps: [n[8], n[9]],
                yaw_rate_radps: n[10],
                covariance: [[n[0], n[1], n[2], n[3]], [n[4], n[5], n[6], n[7]], [n[8], n[9], n[10], n[11]], [n[12], n[13], n[14], n[15]]],
                heading_covariance: [[n[11], n[10]], [n[9], n[8]]],
                hits,
                misses: !hits,
            };
            let Message::Tracks(back) = round_trip(&Message::Tracks(types::Tracks { frame: id, stamp: Stamp::default(), objects: vec![track] })) else {
                panic!("another kind");
            };
            let numbers = |t: &types::Track| {
                let mut all = t.covariance.as_flattened().to_vec();
                all.extend(t.heading_covariance.as_flattened());
                all.extend([t.existence, t.bbox.length, t.bbox.width, t.bbox.height, t.bbox.yaw, t.yaw_rate_radps]);
                all.extend(t.bbox.center.iter().chain(&t.velocity_mps));
                all.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            };
            prop_assert_eq!(numbers(&back.objects[0]), numbers(&track));
            prop_assert_eq!((back.objects[0].id, back.objects[0].hits, back.objects[0].misses), (id, hits, !hits));
        }

        #[test]
        fn candidates_come_back_exactly(rows in proptest::collection::vec((0usize..9, any::<u64>(), proptest::array::uniform16(any::<u32>())), 0..20)) {
            let candidates = rows.iter().map(|(verdict, cost, path)| Candidate {
                verdict: Verdict::ALL[*verdict],
                cost: f64::from_bits(*cost),
                path: std::array::from_fn(|i| [f32::from_bits(path[2 * i]), f32::from_bits(path[2 * i + 1])]),
            });
            let plan = types::Plan { candidates: candidates.collect(), ..types::Plan::default() };
            let Message::Plan(back) = round_trip(&Message::Plan(plan)) else { panic!("another kind") };
            let found = back.candidates.iter().map(|c| (c.verdict as usize, c.cost.to_bits(), c.path.as_flattened().iter().map(|v| v.to_bits()).collect::<Vec<_>>()));
            let expected = rows.iter().map(|(verdict, cost, path)| (*verdict, *cost, path.to_vec()));
            prop_assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_cause_a_panic(data in proptest::collection::vec(any::<u8>(), 0..200), topic in 0usize..28) {
            let _ = super::message(crate::topics::TABLE[topic].topic, Stamp::default(), 0, &data);
        }
    }

    fn refused(topic: Topic, message: &impl prost::Message) -> String {
        super::message(topic, Stamp::default(), 0, &message.encode_to_vec()).unwrap_err()
    }

    #[test]
    fn bad_sensor_messages_are_named() {
        let image = CompressedImage { format: "webp".into(), ..CompressedImage::default() };
        assert!(refused(Topic::CameraImage, &image).contains("\"webp\""));
        let odd = PointCloud { point_stride: 16, data: vec![0; 20], ..PointCloud::default() };
        assert!(
            refused(Topic::LidarPoints, &odd).contains("20 bytes of points are not a multiple of the stride of 16")
        );
        let no_stride = PointCloud { data: vec![0; 20], ..PointCloud::default() };
        assert!(refused(Topic::LidarPoints, &no_stride).contains("stride of 0"));
        let field = |offset, kind: NumericType| PointCloud {
            point_stride: 16,
            fields: vec![foxglove::messages::PackedElementField { name: "ring".into(), offset, r#type: kind.into() }],
            ..PointCloud::default()
        };
        assert!(refused(Topic::LidarPoints, &field(14, NumericType::Float32)).contains("\"ring\" ends at byte 18"));
        assert!(refused(Topic::LidarPoints, &field(0, NumericType::Unknown)).contains("unknown type 0"));
        assert!(
            super::message(Topic::LidarPoints, Stamp::default(), 0, &field(12, NumericType::Float32).encode_to_vec())
                .is_ok()
        );
    }

    #[test]
    fn a_route_of_an_older_drive_has_places_only() {
        let old = Route { x: vec![1.0, 3.0], y: vec![0.0, 0.5], yaw: vec![0.0, 0.1], ..Route::default() };
        let data = old.encode_to_vec();
        let Message::Route(route) = super::message(Topic::RoutePoses, Stamp::default(), 0, &data).unwrap() else {
            panic!("another kind");
        };
        let poses = [Pose2 { x: 1.0, y: 0.0, yaw: 0.0 }, Pose2 { x: 3.0, y: 0.5, yaw: 0.1 }];
        assert_eq!(route, types::Route::of_poses(poses));
    }

    #[test]
    fn missing_and_unknown_parts_are_named() {
        assert!(refused(Topic::Calibration, &Calibration::default()).contains("base_from_lidar is missing"));
        let route = Route { x: vec![1.0], ..Route::default() };
        assert!(refused(Topic::RoutePoses, &route).contains("y has 0 numbers, expected 1"));
        let route = Route { x: vec![1.0], y: vec![1.0], yaw: vec![1.0], right_m: vec![1.0; 2], ..Route::default() };
        assert!(refused(Topic::RoutePoses, &route).contains("right_m has 2 numbers, expected 1"));
        let stop = |kind: &str| Route {
            stops: vec![StopLine { kind: kind.into(), ..StopLine::default() }],
            ..Route::default()
        };
        assert!(refused(Topic::RoutePoses, &stop("toll")).contains("kind is \"toll\""));
        assert!(refused(Topic::RoutePoses, &stop("signal")).contains("signal is missing"));
        let signals =
            Signals { signals: vec![super::super::Signal { id: 3, phase: "blue".into() }], ..Signals::default() };
        assert!(refused(Topic::Signals, &signals).contains("phase is \"blue\""));
        assert!(refused(Topic::Truth, &Truth::default()).contains("odom_from_base is missing"));
        let command = Command { stop: "tea break".into(), ..Command::default() };
        assert!(refused(Topic::Command, &command).contains("\"tea break\""));
        let plan = Plan {
            decision: "cruise".into(),
            candidate_verdict: vec![77],
            candidate_cost: vec![0.0],
            ..Plan::default()
        };
        assert!(refused(Topic::Plan, &plan).contains("candidate_path has 0 numbers, expected 16"));
        let plan = Plan { candidate_path: vec![0.0; 16], ..plan };
        assert!(refused(Topic::Plan, &plan).contains("candidate_verdict is 77"));
    }
}
