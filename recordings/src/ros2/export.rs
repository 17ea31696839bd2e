//! A drive as a ROS 2 bag: the sensors, where they sit, and what the stack made of them.

use super::definitions::definition;
use super::messages::{
    AckermannDrive, AckermannDriveStamped, CameraInfo, Color, CompressedImage, Duration, Field, Header, Marker,
    MarkerArray, Odometry, Path as PlannedPath, PointCloud2, Pose, PoseStamped, Quaternion, TfMessage, Transform,
    TransformStamped, Vector3,
};
use super::select::{CLOUD, COMPRESSED, INFO, ODOMETRY, TRANSFORMS};
use crate::cdr::{Cdr, Octets, encode};
use crate::sink::Sink;
use crate::writer::options;
use crate::{Compression, DriveReader, Message, RecordingError, Written};
use mcap::records::MessageHeader;
use nalgebra::{Isometry3, UnitQuaternion, Vector3 as Vector};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use types::{Box3, Calibration, CameraFrame, EgoState, ImageFormat, LidarSweep, ObjectClass, Plan, PointKind, Stamp};

const MARKERS: &str = "visualization_msgs/msg/MarkerArray";
const PATH: &str = "nav_msgs/msg/Path";
const DRIVE: &str = "ackermann_msgs/msg/AckermannDriveStamped";
/// Quality of service with which a bag's player must offer a latched topic: reliable, transient local.
const LATCHED: &str = "- history: 1\n  depth: 1\n  reliability: 1\n  durability: 1\n  deadline:\n    sec: 9223372036\n    nsec: 854775807\n  \
    lifespan:\n    sec: 9223372036\n    nsec: 854775807\n  liveliness: 1\n  liveliness_lease_duration:\n    sec: 9223372036\n    \
    nsec: 854775807\n  avoid_ros_namespace_conventions: false";

/// Exports a drive into a new bag (MCAP, `cdr`, `ros2msg`).
///
/// | topic | type | what |
/// |---|---|---|
/// | `/tf_static` | tf2_msgs/TFMessage | `base_link` to `lidar` and to `camera` |
/// | `/tf` | tf2_msgs/TFMessage | `odom` to `base_link`, as the stack estimated it, else as measured |
/// | `/lidar/top/points` | sensor_msgs/PointCloud2 | x, y, z, intensity 0..1, ring, `time_stamp` in ns after the stamp, as recorded |
/// | `/camera/front/image_rect/compressed`, `/camera/front/camera_info` | CompressedImage, CameraInfo | the camera's own bytes |
/// | `/ins/odometry`, `/ego/odometry` | nav_msgs/Odometry | measured, estimated |
/// | `/tracks`, `/truth` | visualization_msgs/MarkerArray | boxes in `odom` |
/// | `/plan` | nav_msgs/Path | in `odom`, stamped with the times at which it is to be there |
/// | `/command` | ackermann_msgs/AckermannDriveStamped | angle of the front wheels, acceleration |
///
/// # Errors
/// What is wrong with the drive, or what the operating system says of the bag.
pub fn export(drive: &Path, output: &Path, compression: Compression) -> Result<Written, RecordingError> {
    let reader = DriveReader::open(drive)?;
    if let (Ok(input), Ok(output)) = (drive.canonicalize(), output.canonicalize())
        && input == output
    {
        return Err(RecordingError::source(&output, None, "the output would overwrite the drive"));
    }
    let calibration = reader.calibration().cloned();
    let has_ego = reader.has_messages("/ego/state");
    let sink = Sink::create(output, options(compression).profile("ros2"), |_, _| Ok(()))?;
    let mut bag =
        Bag { path: output.into(), sink, channels: BTreeMap::new(), counts: BTreeMap::new(), buffer: Vec::new() };
    let mut calibrated = false;
    for message in reader {
        let message = message?;
        if let (Some(calibration), Some(stamp), false) = (&calibration, message.stamp(), calibrated) {
            bag.put("/tf_static", TRANSFORMS, stamp, &places(calibration, stamp))?;
            calibrated = true;
        }
        bag.take(&message, calibration.as_ref(), has_ego)?;
    }
    bag.sink.finish()
}

/// The bag in work.
struct Bag {
    path: PathBuf,
    sink: Sink,
    channels: BTreeMap<&'static str, u16>,
    counts: BTreeMap<u16, u32>,
    buffer: Vec<u8>,
}

impl Bag {
    fn take(
        &mut self,
        message: &Message,
        calibration: Option<&Calibration>,
        has_ego: bool,
    ) -> Result<(), RecordingError> {
        match message {
            Message::Lidar(sweep) => self.put("/lidar/top/points", CLOUD, sweep.stamp, &cloud(sweep)),
            Message::Camera(frame) => {
                if let Some(info) = calibration.and_then(|calibration| info(calibration, frame.stamp)) {
                    self.put("/camera/front/camera_info", INFO, frame.stamp, &info)?;
                }
                self.put("/camera/front/image_rect/compressed", COMPRESSED, frame.stamp, &image(frame))
            }
            Message::Ins(fix) => {
                self.put("/ins/odometry", ODOMETRY, fix.state.stamp, &odometry(&fix.state))?;
                if has_ego { Ok(()) } else { self.place(&fix.state) }
            }
            Message::Ego { state, .. } => {
                self.put("/ego/odometry", ODOMETRY, state.stamp, &odometry(state))?;
                self.place(state)
            }
            Message::Tracks(tracks) => {
                let boxes = tracks.objects.iter().map(|track| (track.id, track.class, &track.bbox));
                self.put("/tracks", MARKERS, tracks.stamp, &markers(boxes, tracks.stamp, 0.9))
            }
            Message::Truth(truth) => {
                let boxes = truth.objects.iter().map(|object| (object.id, object.class, &object.bbox));
                self.put("/truth", MARKERS, truth.stamp, &markers(boxes, truth.stamp, 0.35))
            }
            Message::Plan(plan) => self.put("/plan", PATH, plan.stamp, &path(plan)),
            Message::Command(command) => {
                let drive = AckermannDrive {
                    steering_angle: command.steering_rad as f32,
                    acceleration: command.acceleration_mps2 as f32,
                    ..AckermannDrive::default()
                };
                let header = Header::new(command.stamp, "base_link");
                self.put("/command", DRIVE, command.stamp, &AckermannDriveStamped { header, drive })
            }
            _ => Ok(()),
        }
    }

    fn place(&mut self, state: &EgoState) -> Result<(), RecordingError> {
        let transforms = vec![edge(state.stamp, "odom", "base_link", &state.odom_from_base)];
        self.put("/tf", TRANSFORMS, state.stamp, &TfMessage { transforms })
    }

    fn put(
        &mut self,
        topic: &'static str,
        schema: &str,
        stamp: Stamp,
        message: &impl Cdr,
    ) -> Result<(), RecordingError> {
        encode(message, &mut self.buffer);
        self.sink.make_room(self.buffer.len())?;
        let log_time = u64::try_from(stamp.nanos()).unwrap_or(0);
        let failed = |error| RecordingError::written(&self.path, error);
        let channel_id = match self.channels.get(topic) {
            Some(&id) => id,
            None => {
                let writer = &mut self.sink.writer;
                let schema = writer.add_schema(schema, "ros2msg", definition(schema).as_bytes()).map_err(failed)?;
                let latched = ("offered_qos_profiles".to_owned(), LATCHED.to_owned());
                let metadata = (topic == "/tf_static").then_some(latched).into_iter().collect();
                let id = writer.add_channel(schema, topic, "cdr", &metadata).map_err(failed)?;
                self.channels.insert(topic, id);
                id
            }
        };
        let count = self.counts.entry(channel_id).or_default();
        let header = MessageHeader { channel_id, sequence: *count, log_time, publish_time: log_time };
        *count += 1;
        self.sink.writer.write_to_known_channel(&header, &self.buffer).map_err(failed)
    }
}

fn places(calibration: &Calibration, stamp: Stamp) -> TfMessage {
    let mut transforms = vec![edge(stamp, "base_link", "lidar", &calibration.base_from_lidar)];
    if let Some(camera) = &calibration.camera {
        let base_from_camera = calibration.base_from_lidar * camera.camera_from_lidar.inverse();
        transforms.push(edge(stamp, "base_link", "camera", &base_from_camera));
    }
    TfMessage { transforms }
}

fn edge(stamp: Stamp, parent: &str, child: &str, pose: &Isometry3<f64>) -> TransformStamped {
    let transform = Transform { translation: vector(&pose.translation.vector), rotation: quaternion(&pose.rotation) };
    TransformStamped { header: Header::new(stamp, parent), child_frame_id: child.into(), transform }
}

fn cloud(sweep: &LidarSweep) -> PointCloud2 {
    let field = |field: &types::PointField| {
        // Floats would be taken for seconds, whole numbers are nanoseconds: under the name that Autoware gives them.
        let name = if field.name == "time" { "time_stamp" } else { &field.name };
        let datatype = match field.kind {
            PointKind::I8 => 1,
            PointKind::U8 => 2,
            PointKind::I16 => 3,
            PointKind::U16 => 4,
            PointKind::I32 => 5,
            PointKind::U32 => 6,
            PointKind::F32 => 7,
            PointKind::F64 => 8,
        };
        Field { name: name.into(), offset: field.offset as u32, datatype, count: 1 }
    };
    PointCloud2 {
        header: Header::new(sweep.stamp, "lidar"),
        height: 1,
        width: (sweep.data.len() / sweep.stride.max(1)) as u32,
        fields: sweep.fields.iter().map(field).collect(),
        is_bigendian: false,
        point_step: sweep.stride as u32,
        row_step: sweep.data.len() as u32,
        data: Octets(sweep.data.to_vec()),
        is_dense: false,
    }
}

fn image(frame: &CameraFrame) -> CompressedImage {
    let format = match frame.format {
        ImageFormat::Jpeg => "jpeg",
        ImageFormat::Png => "png",
    };
    let header = Header::new(frame.stamp, "camera");
    CompressedImage { header, format: format.into(), data: Octets(frame.data.to_vec()) }
}

/// The camera of rectified images: no distortion, P as K.
fn info(calibration: &Calibration, stamp: Stamp) -> Option<CameraInfo> {
    let camera = calibration.camera.as_ref()?;
    let k = camera.k.transpose();
    let k: [f64; 9] = std::array::from_fn(|i| k[i]);
    let [a, b, c, d, e, f, g, h, i] = k;
    Some(CameraInfo {
        header: Header::new(stamp, "camera"),
        height: camera.height as u32,
        width: camera.width as u32,
        distortion_model: "plumb_bob".into(),
        d: vec![0.0; 5],
        k,
        r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: [a, b, c, 0.0, d, e, f, 0.0, g, h, i, 0.0],
        ..CameraInfo::default()
    })
}

fn odometry(state: &EgoState) -> Odometry {
    let mut odometry = Odometry {
        header: Header::new(state.stamp, "odom"),
        child_frame_id: "base_link".into(),
        ..Odometry::default()
    };
    odometry.pose.pose = pose(&state.odom_from_base);
    odometry.twist.twist.linear.x = state.speed_mps;
    odometry.twist.twist.angular.z = state.yaw_rate_radps;
    odometry
}

fn markers<'a>(boxes: impl Iterator<Item = (u64, ObjectClass, &'a Box3)>, stamp: Stamp, opacity: f32) -> MarkerArray {
    let marker = |(id, class, bbox): (u64, ObjectClass, &Box3)| Marker {
        header: Header::new(stamp, "odom"),
        ns: class.name().into(),
        id: (id % (1 << 31)) as i32,
        kind: 1,
        pose: pose(&bbox.pose()),
        scale: Vector3 { x: bbox.length, y: bbox.width, z: bbox.height },
        color: color(class, opacity),
        // Until the next frame comes; nobody has to delete them.
        lifetime: Duration { sec: 0, nanosec: 200_000_000 },
        text: format!("{} {id}", class.name()),
        ..Marker::default()
    };
    MarkerArray { markers: boxes.map(marker).collect() }
}

fn color(class: ObjectClass, a: f32) -> Color {
    let [r, g, b] = match class {
        class if class.is_vehicle() => [0.2, 0.6, 1.0],
        class if class.is_vulnerable() => [1.0, 0.5, 0.1],
        _ => [0.7, 0.7, 0.7],
    };
    Color { r, g, b, a }
}

fn path(plan: &Plan) -> PlannedPath {
    let point = |point: &types::TrajectoryPoint| {
        let rotation = UnitQuaternion::from_axis_angle(&Vector::z_axis(), point.heading_rad);
        let at = Isometry3::from_parts(Vector::new(point.x, point.y, 0.0).into(), rotation);
        PoseStamped { header: Header::new(plan.stamp.offset(point.time_s), "odom"), pose: pose(&at) }
    };
    PlannedPath { header: Header::new(plan.stamp, "odom"), poses: plan.trajectory.points.iter().map(point).collect() }
}

fn pose(pose: &Isometry3<f64>) -> Pose {
    Pose { position: vector(&pose.translation.vector), orientation: quaternion(&pose.rotation) }
}

fn vector(of: &Vector<f64>) -> Vector3 {
    Vector3 { x: of.x, y: of.y, z: of.z }
}

fn quaternion(of: &UnitQuaternion<f64>) -> Quaternion {
    Quaternion { x: of.i, y: of.j, z: of.k, w: of.w }
}
