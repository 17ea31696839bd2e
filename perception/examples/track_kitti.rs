//! The tracker over recorded detections in the layout of AB3DMOT (`detection/pointrcnn_CLASS/SEQUENCE.txt`, `calib`, `oxts`).
//!
//! `cargo run --release -p perception --example track_kitti -- FOLDER OUTPUT`: writes one KITTI tracking result a sequence
//! to `OUTPUT` and prints how fast the tracker was. Boxes of KITTI lie in the rectified camera frame; the tracker gets
//! them in `base_link`, and its answers are taken back.
#![allow(clippy::disallowed_methods, reason = "a measuring tool outside the runtime")]

use nalgebra::{Isometry3, Matrix3, Matrix3x4, Rotation3, Translation3, UnitQuaternion, Vector3, Vector4};
use perception::track::{Config, Tracker};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use types::{Box3, Detection3, Detections, EgoState, ObjectClass, PoseSource, Stamp, Track, wrap_angle};

type Failure = Box<dyn std::error::Error>;

const CLASSES: [(ObjectClass, &str); 3] =
    [(ObjectClass::Car, "Car"), (ObjectClass::Pedestrian, "Pedestrian"), (ObjectClass::Cyclist, "Cyclist")];
const IMAGE: [f64; 2] = [1242.0, 375.0];

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).map(PathBuf::from).collect();
    let [folder, output] = arguments.as_slice() else { return Err("usage: track_kitti FOLDER OUTPUT".into()) };
    std::fs::create_dir_all(output)?;
    let mut sequences: Vec<_> =
        std::fs::read_dir(folder.join("calib"))?.flatten().map(|entry| entry.file_name()).collect();
    sequences.sort();
    let (mut frames, mut spent) = (0, Duration::ZERO);
    for name in sequences {
        let calibration = Sensors::read(&folder.join("calib").join(&name))?;
        let egos = read_egos(&folder.join("oxts").join(&name), &calibration)?;
        let detections = read_detections(folder, Path::new(&name), &calibration)?;
        let mut tracker = Tracker::new(Config::default());
        let mut text = String::new();
        for (frame, ego) in (0u64..).zip(&egos) {
            let lidar = detections.get(&frame).cloned().unwrap_or_default();
            let seen = Detections { frame, stamp: ego.stamp, camera: Vec::new(), lidar };
            let start = Instant::now();
            let tracks = tracker.step(&seen, ego);
            spent += start.elapsed();
            frames += 1;
            for track in &tracks.objects {
                calibration.write(frame, track, ego, &mut text)?;
            }
        }
        std::fs::write(output.join(&name), text)?;
    }
    println!("{frames} frames in {spent:?}: {:.0} a second", f64::from(frames) / spent.as_secs_f64());
    Ok(())
}

/// The frames of one KITTI car.
struct Sensors {
    camera_from_base: Isometry3<f64>,
    imu_from_base: Isometry3<f64>,
    projection: Matrix3x4<f64>,
}

impl Sensors {
    fn read(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file)?;
        let numbers = |name: &str| -> Result<Vec<f64>, Failure> {
            let line = text.lines().find(|line| line.trim_start().starts_with(name)).ok_or("missing line")?;
            Ok(line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?)
        };
        let camera_from_lidar = rigid(&numbers("Tr_velo")?);
        let lidar_from_imu = rigid(&numbers("Tr_imu")?);
        let rectify = Matrix3::from_row_slice(&numbers("R0_rect").or_else(|_| numbers("R_rect"))?);
        let rectify = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix(&rectify));
        let lidar_from_base = Isometry3::translation(-0.76, 0.0, -1.73);
        Ok(Self {
            camera_from_base: rectify * camera_from_lidar * lidar_from_base,
            imu_from_base: lidar_from_imu.inverse() * lidar_from_base,
            projection: Matrix3x4::from_row_slice(&numbers("P2")?),
        })
    }

    /// From h w l x y z ry in the camera's frame to `base_link`.
    fn to_base(&self, [height, width, length, x, y, z, turn]: [f64; 7]) -> Box3 {
        let base_from_camera = self.camera_from_base.inverse();
        let center = base_from_camera * nalgebra::Point3::new(x, y - 0.5 * height, z);
        let forward = base_from_camera * Vector3::new(turn.cos(), 0.0, -turn.sin());
        Box3 { center: center.coords.into(), length, width, height, yaw: forward.y.atan2(forward.x) }
    }

    fn write(&self, frame: u64, track: &Track, ego: &EgoState, text: &mut String) -> Result<(), Failure> {
        let bbox = track.bbox.transformed(&ego.odom_from_base.inverse());
        let center = self.camera_from_base * nalgebra::Point3::from(bbox.center);
        let forward = self.camera_from_base * Vector3::new(bbox.yaw.cos(), bbox.yaw.sin(), 0.0);
        let turn = (-forward.z).atan2(forward.x);
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for corner in bbox.corners() {
            let corner = self.camera_from_base * nalgebra::Point3::from(corner);
            let pixel = self.projection * Vector4::new(corner.x, corner.y, corner.z.max(0.1), 1.0);
            for axis in 0..2 {
                let value = (pixel[axis] / pixel.z).clamp(0.0, IMAGE[axis] - 1.0);
                (low[axis], high[axis]) = (low[axis].min(value), high[axis].max(value));
            }
        }
        if center.z < 0.0 || low[0] >= high[0] || low[1] >= high[1] {
            return Ok(());
        }
        let Some((_, class)) = CLASSES.iter().find(|(class, _)| *class == track.class) else { return Ok(()) };
        let score = (track.existence / (1.0 - track.existence)).ln();
        writeln!(
            text,
            "{frame} {} {class} 0 0 {:.4} {:.2} {:.2} {:.2} {:.2} {:.4} {:.4} {:.4} {:.4} {:.4} {:.4} {:.4} {score:.4}",
            track.id,
            wrap_angle(turn - center.x.atan2(center.z)),
            low[0],
            low[1],
            high[0],
            high[1],
            bbox.height,
            bbox.width,
            bbox.length,
            center.x,
            center.y + 0.5 * bbox.height,
            center.z,
            turn,
        )?;
        Ok(())
    }
}

fn rigid(rows: &[f64]) -> Isometry3<f64> {
    let matrix = Matrix3x4::from_row_slice(rows);
    let rotation = Rotation3::from_matrix(&matrix.fixed_view::<3, 3>(0, 0).into_owned());
    Isometry3::from_parts(
        Translation3::from(matrix.column(3).into_owned()),
        UnitQuaternion::from_rotation_matrix(&rotation),
    )
}

fn read_detections(folder: &Path, name: &Path, sensors: &Sensors) -> Result<BTreeMap<u64, Vec<Detection3>>, Failure> {
    let mut frames = BTreeMap::<u64, Vec<_>>::new();
    for (class, label) in CLASSES {
        let file = folder.join("detection").join(format!("pointrcnn_{label}")).join(name);
        for line in std::fs::read_to_string(file)?.lines() {
            let v = line.split(',').map(|word| word.trim().parse()).collect::<Result<Vec<f64>, _>>()?;
            let bbox = sensors.to_base([v[7], v[8], v[9], v[10], v[11], v[12], v[13]]);
            let score = 1.0 / (1.0 + (-v[6]).exp());
            let detection = Detection3 { bbox, class, score, point_count: 0, camera: None };
            frames.entry(v[0] as u64).or_default().push(detection);
        }
    }
    Ok(frames)
}

/// KITTI's GPS/INS rows, 0.1 s apart, in a Mercator plane that touches the first one.
fn read_egos(file: &Path, sensors: &Sensors) -> Result<Vec<EgoState>, Failure> {
    const EARTH_M: f64 = 6_378_137.0;
    let mut scale = None;
    let mut first = None;
    let mut egos = Vec::new();
    for (frame, line) in (0i64..).zip(std::fs::read_to_string(file)?.lines()) {
        let v = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let scale = *scale.get_or_insert(v[0].to_radians().cos());
        let x = scale * EARTH_M * v[1].to_radians();
        let y = scale * EARTH_M * (std::f64::consts::FRAC_PI_4 + 0.5 * v[0].to_radians()).tan().ln();
        let rotation = UnitQuaternion::from_euler_angles(v[3], v[4], v[5]);
        let base = Isometry3::from_parts(Translation3::new(x, y, v[2]), rotation) * sensors.imu_from_base;
        let first = *first.get_or_insert(base);
        egos.push(EgoState {
            stamp: Stamp::from_nanos(100_000_000 * frame),
            odom_from_base: first.inv_mul(&base),
            speed_mps: v[8],
            acceleration_mps2: v[14],
            yaw_rate_radps: v[22],
            source: PoseSource::Ins,
        });
    }
    Ok(egos)
}
