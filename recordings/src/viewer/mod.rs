//! Views: what a person sees in an MCAP viewer, made from the messages that a replay reads.

mod lines;
mod road;
mod scene;
mod sensors;

use crate::Message;
use crate::schema::encode::view_timestamp;
use crate::topics::Topic;
use foxglove::messages::{Color, Pose, Quaternion, Vector3};
use nalgebra::Isometry3;
use types::{ObjectClass, Route, Stamp};

/// A message that can be appended to a buffer.
pub(crate) trait View {
    fn append(&self, out: &mut Vec<u8>);
}

impl<M: prost::Message> View for M {
    fn append(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        self.encode_raw(out);
    }
}

/// Hands every view of a message to `put`, in a fixed order. `route` is the drive's, where its signals stand.
pub(crate) fn views<E>(
    message: &Message,
    stamp: Stamp,
    route: &Route,
    put: &mut impl FnMut(Topic, &dyn View) -> Result<(), E>,
) -> Result<(), E> {
    let time = view_timestamp(stamp);
    match message {
        Message::Calibration(calibration) => {
            if let Some(camera) = &calibration.camera {
                put(Topic::CameraCalibration, &sensors::camera_calibration(camera, time))?;
            }
            put(Topic::Transforms, &sensors::sensor_transforms(calibration, time))
        }
        Message::Route(route) => {
            put(Topic::Route, &sensors::route(route, time))?;
            put(Topic::RouteScene, &road::route(route, time))
        }
        Message::Signals(signals) => put(Topic::SignalsScene, &road::signals(signals, route, time)),
        Message::Truth(truth) => put(Topic::TruthScene, &scene::truth(truth, time)),
        Message::Ins(fix) => put(Topic::Ins, &sensors::odometry(&fix.state, "ins", time)),
        Message::Ego { state, .. } => {
            put(Topic::Ego, &sensors::odometry(state, "base_link", time))?;
            put(Topic::Transforms, &sensors::ego_transform(state, time))
        }
        Message::Detections(detections) => {
            put(Topic::CameraBoxes, &sensors::camera_boxes(detections, time))?;
            put(Topic::DetectionsScene, &scene::detections(detections, time))
        }
        Message::Tracks(tracks) => put(Topic::TracksScene, &scene::tracks(tracks, time)),
        Message::Plan(plan) => put(Topic::PlanScene, &scene::plan(plan, time)),
        Message::Camera(_)
        | Message::Lidar(_)
        | Message::WheelSpeed(_)
        | Message::Admission(_)
        | Message::Command(_)
        | Message::Latency(_)
        | Message::Digests(_)
        | Message::Text { .. } => Ok(()),
    }
}

fn pose(pose: &Isometry3<f64>) -> Pose {
    let (t, q) = (&pose.translation, &pose.rotation.coords);
    Pose {
        position: Some(Vector3 { x: t.x, y: t.y, z: t.z }),
        orientation: Some(Quaternion { x: q.x, y: q.y, z: q.z, w: q.w }),
    }
}

fn planar_pose(x: f64, y: f64, z: f64, heading_rad: f64) -> Pose {
    let (sin, cos) = (0.5 * heading_rad).sin_cos();
    Pose { position: Some(Vector3 { x, y, z }), orientation: Some(Quaternion { x: 0.0, y: 0.0, z: sin, w: cos }) }
}

const fn color(r: f64, g: f64, b: f64, a: f64) -> Color {
    Color { r, g, b, a }
}

const fn class_color(class: ObjectClass, a: f64) -> Color {
    match class {
        ObjectClass::Unknown => color(0.6, 0.6, 0.6, a),
        ObjectClass::Car => color(0.12, 0.56, 1.0, a),
        ObjectClass::Truck => color(0.0, 0.35, 0.75, a),
        ObjectClass::Bus => color(0.0, 0.7, 0.7, a),
        ObjectClass::Motorcycle => color(1.0, 0.4, 0.7, a),
        ObjectClass::Cyclist => color(1.0, 0.55, 0.0, a),
        ObjectClass::Pedestrian => color(1.0, 0.85, 0.0, a),
        ObjectClass::TrafficLight => color(0.3, 0.9, 0.3, a),
        ObjectClass::StopSign => color(0.9, 0.1, 0.1, a),
    }
}
