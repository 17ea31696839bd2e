//! The detectors over a KITTI drive (`velodyne/SEQUENCE`, `calib/SEQUENCE.txt` below TRAINING).
//!
//! `cargo run --release -p perception --example kitti_objects -- TRAINING SEQUENCE OUTPUT [CATALOGUE MODEL_DIR LIBRARY]`:
//! writes KITTI tracking result rows to `OUTPUT`, all objects in `base_link` beside it (`.base`), and prints the time
//! of each step. With a catalogue of networks and an ONNX Runtime library it runs the segmenter and the `SegmentDetector`,
//! without them the `GeometricDetector`.
#![allow(clippy::disallowed_methods, reason = "a measuring tool outside the runtime")]

use models::{Catalogue, Engine, LidarSegmenter, PointLabels, Provider, Role};
use nalgebra::{Isometry3, Matrix3, Matrix3x4, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};
use perception::decode;
use perception::detect::{GeometricConfig, GeometricDetector, SegmentConfig, SegmentDetector};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use types::{Calibration, Detection3, LidarSweep, ObjectClass, PointCloud, PointField, PointKind, Stamp};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (places, network) = match arguments.len() {
        3 | 6 => arguments.split_at(3),
        _ => return Err("usage: kitti_objects TRAINING SEQUENCE OUTPUT [CATALOGUE MODEL_DIR LIBRARY]".into()),
    };
    let (training, sequence, output) = (Path::new(&places[0]), &places[1], Path::new(&places[2]));
    let calibration = Calibration { base_from_lidar: Isometry3::translation(0.76, 0.0, 1.73), camera: None };
    let camera_from_lidar = read_camera(&training.join("calib").join(format!("{sequence}.txt")))?;
    let camera_from_base = camera_from_lidar * calibration.base_from_lidar.inverse();
    let mut segmenter = if network.is_empty() { None } else { Some(load(network)?) };
    let mut by_segments = SegmentDetector::new(SegmentConfig::default());
    let mut by_geometry = GeometricDetector::new(GeometricConfig::default());
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(training.join("velodyne").join(sequence))?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let (mut cloud, mut labels) = (PointCloud::default(), PointLabels::default());
    let (mut rows, mut objects) = (String::new(), String::new());
    let [mut decoding, mut detecting] = [Vec::new(), Vec::new()];
    for (frame, file) in (0u64..).zip(&files) {
        let sweep = read_sweep(frame, file)?;
        let start = Instant::now();
        decode::points(&sweep, &mut cloud)?;
        decoding.push(start.elapsed());
        if let Some(segmenter) = &mut segmenter {
            segmenter.project(&cloud)?;
            segmenter.infer()?;
            segmenter.label(&cloud, &mut labels)?;
        }
        let start = Instant::now();
        let found = match segmenter {
            Some(_) => by_segments.step(&cloud, &labels, &calibration),
            None => by_geometry.step(&cloud, &calibration),
        };
        detecting.push(start.elapsed());
        for object in &found {
            write_row(frame, object, &camera_from_base, &mut rows)?;
            let b = object.bbox;
            let [x, y, z] = b.center;
            let Detection3 { class, score, point_count, .. } = object;
            writeln!(
                objects,
                "{frame} {} {x:.3} {y:.3} {z:.3} {:.3} {:.3} {:.3} {:.4} {score:.4} {point_count}",
                class.name().replace(' ', "-"),
                b.length,
                b.width,
                b.height,
                b.yaw
            )?;
        }
    }
    std::fs::write(output, rows)?;
    std::fs::write(output.with_extension("base"), objects)?;
    for (what, times) in [("decode", &mut decoding), ("detect", &mut detecting)] {
        times.sort();
        let at =
            |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied().unwrap_or_default();
        println!("{what}: p0 {:?} p50 {:?} p90 {:?} p100 {:?}", at(0), at(50), at(90), at(100));
    }
    Ok(())
}

fn load(network: &[String]) -> Result<LidarSegmenter, Failure> {
    let engine = Engine::open(Some(Path::new(&network[2])), Provider::Cpu, 2)?;
    let catalogue = Catalogue::read(Path::new(&network[0]), Some(Path::new(&network[1])))?;
    let spec = catalogue.networks.iter().find(|spec| spec.role == Role::LidarSegmenter);
    Ok(LidarSegmenter::load(&engine, spec.ok_or("the catalogue holds no lidar segmenter")?)?)
}

fn read_sweep(seq: u64, file: &Path) -> Result<LidarSweep, Failure> {
    let place =
        |(index, name): (usize, &str)| PointField { name: name.into(), offset: 4 * index, kind: PointKind::F32 };
    let fields = ["x", "y", "z", "intensity"].into_iter().enumerate().map(place).collect();
    Ok(LidarSweep { seq, stamp: Stamp::default(), stride: 16, fields, data: std::fs::read(file)? })
}

/// Pose of the lidar seen from the rectified camera.
fn read_camera(file: &Path) -> Result<Isometry3<f64>, Failure> {
    let text = std::fs::read_to_string(file)?;
    let row = |key: &str| -> Result<Vec<f64>, Failure> {
        let line = text.lines().find(|line| line.starts_with(key)).ok_or("a row of the calibration is missing")?;
        Ok(line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?)
    };
    let (from_lidar, rectify) = (row("Tr_velo_to_cam")?, row("R0_rect")?);
    if from_lidar.len() != 12 || rectify.len() != 9 {
        return Err("a row of the calibration has another length".into());
    }
    let (pose, rectify) = (Matrix3x4::from_row_slice(&from_lidar), Matrix3::from_row_slice(&rectify));
    let rotation = Rotation3::from_matrix(&(rectify * pose.fixed_view::<3, 3>(0, 0)));
    let offset: Vector3<f64> = rectify * pose.column(3);
    Ok(Isometry3::from_parts(Translation3::from(offset), UnitQuaternion::from_rotation_matrix(&rotation)))
}

/// One row of a KITTI tracking result: the rectified camera frame, centre of the bottom, height, width, length.
fn write_row(
    frame: u64,
    object: &Detection3,
    camera_from_base: &Isometry3<f64>,
    rows: &mut String,
) -> Result<(), Failure> {
    let name = match object.class {
        ObjectClass::Car | ObjectClass::Bus => "Car",
        ObjectClass::Truck => "Truck",
        ObjectClass::Pedestrian => "Pedestrian",
        ObjectClass::Cyclist => "Cyclist",
        _ => return Ok(()),
    };
    let b = object.bbox;
    let bottom = camera_from_base * Point3::new(b.center[0], b.center[1], b.center[2] - 0.5 * b.height);
    let heading = camera_from_base * Vector3::new(b.yaw.cos(), b.yaw.sin(), 0.0);
    writeln!(
        rows,
        "{frame} -1 {name} -1 -1 -10 -1 -1 -1 -1 {:.4} {:.4} {:.4} {:.4} {:.4} {:.4} {:.4} {:.5}",
        b.height,
        b.width,
        b.length,
        bottom.x,
        bottom.y,
        bottom.z,
        (-heading.z).atan2(heading.x),
        object.score
    )?;
    Ok(())
}
