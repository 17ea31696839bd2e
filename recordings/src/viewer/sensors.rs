//! Calibration, transforms, odometry, route and image boxes.

use super::{class_color, color, planar_pose, pose};
use foxglove::messages::{
    CameraCalibration, FrameTransform, FrameTransforms, ImageAnnotations, Odometry, Point2, PointsAnnotation,
    PosesInFrame, Quaternion, TextAnnotation, Timestamp, Vector3, points_annotation,
};
use nalgebra::Isometry3;
use types::{Calibration, CameraModel, Detections, EgoState, Route};

pub(super) fn camera_calibration(camera: &CameraModel, timestamp: Option<Timestamp>) -> CameraCalibration {
    let rows = |columns: usize| move |i: usize| (i / columns, i % columns);
    let projection = |(row, column)| if column < 3 { camera.k[(row, column)] } else { 0.0 };
    CameraCalibration {
        timestamp,
        frame_id: "camera".into(),
        width: u32::try_from(camera.width).unwrap_or(u32::MAX),
        height: u32::try_from(camera.height).unwrap_or(u32::MAX),
        distortion_model: "plumb_bob".into(),
        d: vec![0.0; 5],
        k: (0..9).map(rows(3)).map(|place| camera.k[place]).collect(),
        r: (0..9).map(rows(3)).map(|(row, column)| f64::from(u8::from(row == column))).collect(),
        p: (0..12).map(rows(4)).map(projection).collect(),
    }
}

pub(super) fn sensor_transforms(calibration: &Calibration, timestamp: Option<Timestamp>) -> FrameTransforms {
    let mut transforms = vec![transform("base_link", "lidar", &calibration.base_from_lidar, timestamp)];
    if let Some(camera) = &calibration.camera {
        transforms.push(transform("lidar", "camera", &camera.camera_from_lidar.inverse(), timestamp));
    }
    FrameTransforms { transforms }
}

pub(super) fn ego_transform(state: &EgoState, timestamp: Option<Timestamp>) -> FrameTransforms {
    FrameTransforms { transforms: vec![transform("odom", "base_link", &state.odom_from_base, timestamp)] }
}

fn transform(
    parent: &str,
    child: &str,
    parent_from_child: &Isometry3<f64>,
    timestamp: Option<Timestamp>,
) -> FrameTransform {
    let (t, q) = (&parent_from_child.translation, &parent_from_child.rotation.coords);
    FrameTransform {
        timestamp,
        parent_frame_id: parent.into(),
        child_frame_id: child.into(),
        translation: Some(Vector3 { x: t.x, y: t.y, z: t.z }),
        rotation: Some(Quaternion { x: q.x, y: q.y, z: q.z, w: q.w }),
    }
}

pub(super) fn odometry(state: &EgoState, body: &str, timestamp: Option<Timestamp>) -> Odometry {
    Odometry {
        timestamp,
        frame_id: "odom".into(),
        body_frame_id: body.into(),
        pose: Some(pose(&state.odom_from_base)),
        linear_velocity: Some(Vector3 { x: state.speed_mps, y: 0.0, z: 0.0 }),
        angular_velocity: Some(Vector3 { x: 0.0, y: 0.0, z: state.yaw_rate_radps }),
        ..Odometry::default()
    }
}

pub(super) fn route(route: &Route, timestamp: Option<Timestamp>) -> PosesInFrame {
    let poses = route.points.iter().map(|p| planar_pose(p.pose.x, p.pose.y, 0.0, p.pose.yaw)).collect();
    PosesInFrame { timestamp, frame_id: "odom".into(), poses }
}

pub(super) fn camera_boxes(detections: &Detections, timestamp: Option<Timestamp>) -> ImageAnnotations {
    let mut view = ImageAnnotations { timestamp, ..ImageAnnotations::default() };
    for found in &detections.camera {
        let (b, tint) = (found.bbox, class_color(found.class, 1.0));
        let corners = [(b.x_min, b.y_min), (b.x_max, b.y_min), (b.x_max, b.y_max), (b.x_min, b.y_max)];
        view.points.push(PointsAnnotation {
            timestamp,
            r#type: points_annotation::Type::LineLoop.into(),
            points: corners.into_iter().map(|(x, y)| Point2 { x, y }).collect(),
            outline_color: Some(tint),
            thickness: 2.0,
            ..PointsAnnotation::default()
        });
        view.texts.push(TextAnnotation {
            timestamp,
            position: Some(Point2 { x: b.x_min, y: b.y_min }),
            text: format!("{} {:.2}", found.class.name(), found.score),
            font_size: 12.0,
            text_color: Some(tint),
            background_color: Some(color(0.0, 0.0, 0.0, 0.5)),
            ..TextAnnotation::default()
        });
    }
    view
}
