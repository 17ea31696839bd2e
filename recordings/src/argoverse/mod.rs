//! Imports a log of the Argoverse 2 sensor data set (Wilson et al., NeurIPS Datasets 2021).
//!
//! Layout of a log: `city_SE3_egovehicle`, `annotations`, `calibration/egovehicle_SE3_sensor`, `calibration/intrinsics` and
//! `sensors/lidar/STAMP` as `.feather` (or the same columns as `.csv`), and `sensors/cameras/ring_front_center/STAMP.jpg`. Only the
//! poses must be there.
//!
//! What is converted: their ego frame lies at the axle, ours on the ground under it. Sweeps of both lidars are given in the ego frame at
//! the sweep's stamp, already compensated for motion, so points carry no time; they are moved to the place of the upper lidar, with the
//! vehicle's axes. Speeds come from the poses.

mod labels;
mod rig;

use crate::intake::{ImportSummary, Intake, Later, ready};
use crate::labelled::{Moment, odom_from_world, pose_at, truths};
use crate::points::{Point, Told, pack};
use crate::table::Table;
use crate::{Compression, Message, RecordingError, motion};
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use types::{CameraFrame, ImageFormat, InsFix, LidarSweep, Stamp};

/// From the ground up to the rear axle, where their ego frame lies.
const AXLE_HEIGHT_M: f64 = 0.33;
const CAMERA: &str = "ring_front_center";

/// Imports a log (a folder) into a new drive.
///
/// # Errors
/// Names the file, and the column, row or frame where it is not as the data set's format demands.
pub fn import(log: &Path, output: &Path, compression: Compression) -> Result<ImportSummary, RecordingError> {
    let city_from_base = poses(log)?;
    let Some((_, first)) = city_from_base.first() else {
        return Err(RecordingError::source(log, None, "no pose in city_SE3_egovehicle"));
    };
    let odom_from_city = odom_from_world(first);
    let path = city_from_base.iter().map(|(stamp, pose)| (*stamp, odom_from_city * pose)).collect::<Vec<_>>();
    let sweeps = frames(&log.join("sensors").join("lidar"), &["feather", "csv"])?;
    let images = frames(&log.join("sensors").join("cameras").join(CAMERA), &["jpg"])?;
    let rig = rig::read(log, !sweeps.is_empty(), !images.is_empty())?;

    let title = log.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut intake = Intake::create(output, format!("Argoverse 2 log {title}"), compression)?;
    rig.findings.iter().for_each(|finding| intake.remark(finding.clone()));
    let labels = labels::read(log)?;
    // One counter for sweeps and labels of one stamp.
    let stamps = sweeps.keys().chain(labels.keys()).copied();
    let counters = stamps.collect::<std::collections::BTreeSet<_>>().into_iter().zip(0..).collect::<BTreeMap<_, _>>();
    let mut moments = Vec::new();
    for (stamp, objects) in labels {
        let Some(odom_from_base) = pose_at(&path, stamp) else {
            return Err(RecordingError::source(
                log,
                None,
                format!("annotations at {} ns: no pose near", stamp.nanos()),
            ));
        };
        let odom_from_ego = odom_from_base * base_from_ego();
        let objects = objects.into_iter().map(|mut object| {
            object.bbox = object.bbox.transformed(&odom_from_ego);
            object
        });
        moments.push(Moment { seq: counters[&stamp], stamp, odom_from_base, objects: objects.collect() });
    }
    let camera = rig.calibration.camera.as_ref().map(|camera| (camera, &rig.calibration.base_from_lidar));
    let mut messages: Vec<(Stamp, Later)> = truths(&moments, camera).into_iter().map(ready).collect();
    let states = motion::states(&path).into_iter().zip(0..);
    messages.extend(states.map(|(state, seq)| ready(Message::Ins(InsFix { seq, state }))));
    for ((&stamp, path), seq) in images.iter().zip(0..) {
        messages.push((stamp, Box::new(move || image(path, seq, stamp))));
    }
    let lidar_from_ego = rig.calibration.base_from_lidar.inverse() * base_from_ego();
    for (&stamp, path) in &sweeps {
        let seq = counters[&stamp];
        messages.push((stamp, Box::new(move || sweep(path, seq, stamp, &lidar_from_ego).map(Message::Lidar))));
    }
    intake.put(&Message::Calibration(rig.calibration.clone()))?;
    intake.put_all(messages)?;
    intake.finish()
}

/// Their ego frame seen from `base_link`.
fn base_from_ego() -> Isometry3<f64> {
    Isometry3::translation(0.0, 0.0, AXLE_HEIGHT_M)
}

/// Poses of `base_link` in the city's frame, by rising stamp.
fn poses(log: &Path) -> Result<Vec<(Stamp, Isometry3<f64>)>, RecordingError> {
    let Some(path) = Table::find(log, "city_SE3_egovehicle") else {
        return Err(RecordingError::source(log, None, "no city_SE3_egovehicle.feather (or .csv) here"));
    };
    let table = Table::read(&path)?;
    let stamps = table.integers("timestamp_ns")?.iter().map(|&ns| Stamp::from_nanos(ns));
    let ego_from_base = base_from_ego().inverse();
    let mut poses =
        stamps.zip(transforms(&table)?).map(|(stamp, pose)| (stamp, pose * ego_from_base)).collect::<Vec<_>>();
    poses.sort_by_key(|(stamp, _)| *stamp);
    // Some poses are there twice, a nanosecond or two apart.
    poses.dedup_by(|next, last| next.0.nanos() - last.0.nanos() < 1_000);
    Ok(poses)
}

/// The rows of a table as poses.
fn transforms(table: &Table) -> Result<Vec<Isometry3<f64>>, RecordingError> {
    let column = |name| table.floats(name);
    let [w, x, y, z] = [column("qw")?, column("qx")?, column("qy")?, column("qz")?];
    let [tx, ty, tz] = [column("tx_m")?, column("ty_m")?, column("tz_m")?];
    let pose = |row: usize| {
        let quaternion = Quaternion::new(w[row], x[row], y[row], z[row]);
        let norm = quaternion.norm();
        let place = Translation3::new(tx[row], ty[row], tz[row]);
        if !(0.99..=1.01).contains(&norm) || !place.vector.iter().all(|value| value.is_finite()) {
            return Err(table.wrong(format!("row {}: no pose: norm of the rotation {norm}", row + 1)));
        }
        Ok(Isometry3::from_parts(place, UnitQuaternion::from_quaternion(quaternion)))
    };
    (0..table.rows()).map(pose).collect()
}

/// Files named by their stamps; none if there is no such folder.
fn frames(folder: &Path, ends: &[&str]) -> Result<BTreeMap<Stamp, PathBuf>, RecordingError> {
    let mut frames = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(frames);
    }
    for entry in fs::read_dir(folder).map_err(RecordingError::io(folder, "list"))? {
        let path = entry.map_err(RecordingError::io(folder, "list"))?.path();
        let stamp = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        let ends_well = path.extension().and_then(|end| end.to_str()).is_some_and(|end| ends.contains(&end));
        if let (Some(nanos), true) = (stamp, ends_well) {
            frames.insert(Stamp::from_nanos(nanos), path);
        }
    }
    Ok(frames)
}

fn image(path: &Path, seq: u64, stamp: Stamp) -> Result<Message, RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    Ok(Message::Camera(CameraFrame { seq, stamp, format: ImageFormat::Jpeg, data: data.into() }))
}

fn sweep(path: &Path, seq: u64, stamp: Stamp, lidar_from_ego: &Isometry3<f64>) -> Result<LidarSweep, RecordingError> {
    let table = Table::read(path)?;
    let [x, y, z] = [table.floats("x")?, table.floats("y")?, table.floats("z")?];
    let intensity = table.floats("intensity")?;
    let ring = if table.has("laser_number") { Some(table.integers("laser_number")?) } else { None };
    let offset = lidar_from_ego.translation.vector;
    let point = |row: usize| Point {
        position: [x[row] + offset.x, y[row] + offset.y, z[row] + offset.z].map(|value| value as f32),
        intensity: (intensity[row] / 255.0) as f32,
        ring: ring.map_or(0, |ring| ring[row] as u16),
        time_ns: 0,
    };
    let told = Told { ring: ring.is_some(), time: false };
    Ok(pack(seq, stamp, told, (0..table.rows()).map(point)))
}

#[cfg(test)]
mod tests;
