//! Messages for tests: one of every kind, with every field in use.

use crate::{LogLevel, Message};
use nalgebra::{Isometry3, Matrix3, Vector3};
use types::{
    Admission, Box2, Box3, Calibration, CameraFrame, CameraModel, Candidate, Command, Decision, DecisionKind,
    Detection2, Detection3, Detections, Digests, EgoState, ImageFormat, InsFix, Latency, LidarSweep, ObjectClass,
    Phase, Plan, PointField, PointKind, Pose2, PoseSource, PredictedPath, Route, RoutePoint, Signals, Span,
    StageDigest, Stamp, StopKind, StopLine, StopReason, Track, Tracks, Trajectory, TrajectoryPoint, Truth, TruthObject,
    Verdict, WheelSpeed,
};

/// First stamp of the samples.
pub(crate) const START_NS: i64 = 1_317_042_145_000_000_000;

pub(crate) fn calibration() -> Calibration {
    let k = Matrix3::new(721.5, -0.0, 609.6, 0.0, 721.5, 172.9, 0.0, 0.0, 1.0);
    let camera_from_lidar = Isometry3::new(Vector3::new(0.06, -0.076, -0.33), Vector3::new(1.2, -1.21, 1.2));
    let base_from_lidar = Isometry3::new(Vector3::new(0.76, -0.0, 1.73), Vector3::new(0.01, 0.02, 0.03));
    Calibration { base_from_lidar, camera: Some(CameraModel { width: 1242, height: 375, k, camera_from_lidar }) }
}

pub(crate) fn sweep(seq: u64, stamp: Stamp, data: Vec<u8>) -> LidarSweep {
    let names = ["x", "y", "z", "intensity"].into_iter().enumerate();
    let fields = names.map(|(i, name)| PointField { name: name.into(), offset: 4 * i, kind: PointKind::F32 }).collect();
    LidarSweep { seq, stamp, stride: 16, fields, data: data.into() }
}

fn ego(stamp: Stamp, x: f64) -> EgoState {
    EgoState {
        stamp,
        odom_from_base: Isometry3::new(Vector3::new(x, -0.0, 0.1), Vector3::new(0.1, -0.2, 3.0)),
        speed_mps: x / 3.0,
        acceleration_mps2: -0.0,
        yaw_rate_radps: 0.1,
        source: PoseSource::LidarOdometry,
    }
}

/// All messages of one frame.
pub(crate) fn frame(frame: u64) -> Vec<Message> {
    let stamp = Stamp::from_nanos(START_NS + 100_000_000 * frame as i64);
    let x = 0.1 + frame as f64;
    let bbox = Box3 { center: [x, -0.0, 0.75], length: 4.2, width: 1.8, height: 1.5, yaw: -0.0 };
    let image = Box2 { x_min: x, y_min: -0.0, x_max: 100.0 / 3.0, y_max: 50.0 };
    let bytes = |salt: u64, count: u64| (0..count).map(|i| (i * i + salt * 31 + frame) as u8).collect::<Vec<_>>();
    let point = TrajectoryPoint {
        time_s: 0.1,
        x,
        y: -0.0,
        heading_rad: 0.1,
        curvature_1pm: 0.01,
        speed_mps: 5.0,
        acceleration_mps2: -1.0,
    };
    let track = Track {
        id: frame + 7,
        class: ObjectClass::Cyclist,
        existence: 0.9,
        bbox,
        velocity_mps: [x, -0.0],
        yaw_rate_radps: 1e-300,
        covariance: [[1.0, 0.1, -0.0, 1e-9], [0.1, 1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, x]],
        heading_covariance: [[0.02, -0.0], [1e-9, 0.1]],
        hits: 3,
        misses: 1,
    };
    let candidate = Candidate { verdict: Verdict::OffRoad, cost: x / 7.0, path: [[x as f32, -0.0]; 8] };
    let fix = EgoState { source: PoseSource::Ins, ..ego(stamp, x) };
    let object = TruthObject {
        id: frame + 2,
        class: ObjectClass::Truck,
        bbox,
        velocity_mps: [-0.0, x],
        points: 17,
        image: Some(image),
        visible: 0.3,
    };
    vec![
        Message::Signals(Signals { seq: frame, stamp, phases: vec![(3, Phase::Amber), (4, Phase::Red)] }),
        Message::WheelSpeed(WheelSpeed { seq: frame, stamp, speed_mps: -0.0 }),
        Message::Truth(Truth {
            seq: frame,
            stamp,
            odom_from_base: ego(stamp, x).odom_from_base,
            objects: vec![object],
        }),
        Message::Ins(InsFix { seq: frame, state: fix }),
        Message::Camera(CameraFrame { seq: frame, stamp, format: ImageFormat::Png, data: bytes(1, 40_000).into() }),
        Message::Lidar(sweep(frame, stamp, bytes(2, 160_000))),
        Message::Admission(Admission {
            frame,
            stamp,
            camera: Some(frame),
            lidar: Some(0),
            ins: Some(2),
            signals: Some(0),
            wheel_speed: Some(3),
            dropped: 5,
        }),
        Message::Ego { frame, state: ego(stamp, x) },
        Message::Detections(Detections {
            frame,
            stamp,
            camera: vec![Detection2 { bbox: image, class: ObjectClass::TrafficLight, score: 0.7 }],
            lidar: vec![Detection3 {
                bbox,
                class: ObjectClass::Car,
                score: 0.1,
                point_count: 35,
                camera: Some(0),
                seen_after_s: 0.05,
            }],
        }),
        Message::Tracks(Tracks { frame, stamp, objects: vec![track] }),
        Message::Plan(Plan {
            frame,
            stamp,
            trajectory: Trajectory { points: vec![point, TrajectoryPoint::default()], tail_start: 1 },
            decision: Decision { kind: DecisionKind::Follow, track: Some(0), reason: "12.5 m behind #7".into() },
            cost: -0.0,
            candidates: vec![candidate, Candidate { verdict: Verdict::Chosen, ..candidate }],
            predictions: vec![PredictedPath { track: 7, poses: vec![[x, -0.0, 0.1], [x, 1.0, 0.2]], step_s: 0.2 }],
        }),
        Message::Command(Command {
            tick: frame,
            stamp,
            steering_rad: -0.0,
            acceleration_mps2: -1.5,
            plan: Some(0),
            ego: Some(frame),
            stop: Some(StopReason::StalePlan),
            limits: 8,
            fallback: Some(types::Fallback::NotConverged),
            grant: Some(types::Grant {
                authority: types::Authority::Stop(types::Grade::Emergency),
                steering_rad: Some(-0.0),
                speed_mps: Some(x),
            }),
        }),
        Message::Latency(Latency {
            frame,
            stamp,
            spans: vec![Span { name: "infer camera".into(), start_ns: 5, duration_ns: 7 + frame }],
        }),
        Message::Text { stamp, level: LogLevel::Warning, name: "door".into(), text: format!("frame {frame}") },
        Message::Digests(Digests {
            frame,
            stamp,
            stages: vec![StageDigest { stage: "track".into(), digest: u64::MAX - frame }],
        }),
    ]
}

fn route() -> Route {
    let point = |x, y, yaw, width: f64| RoutePoint {
        pose: Pose2 { x, y, yaw },
        left_m: width / 3.0,
        right_m: -0.0,
        speed_limit_mps: 1.0 / width,
    };
    let kinds = [StopKind::GiveWay, StopKind::Stop, StopKind::Crossing, StopKind::Goal, StopKind::Signal(3)];
    let stops = kinds.into_iter().zip(0..).map(|(kind, n)| StopLine { s_m: 0.4 * f64::from(n), area_m: 0.1, kind });
    Route { points: vec![point(1.0 / 3.0, -0.0, 3.0, 1.5), point(2.0, 0.5, -0.1, 7.0)], stops: stops.collect() }
}

/// One message of every kind, no field at its default.
pub(crate) fn every_message() -> Vec<Message> {
    [Message::Calibration(calibration()), Message::Route(route())].into_iter().chain(frame(3)).collect()
}
