//! Imports a scene of nuScenes (Caesar et al., CVPR 2020): the tables of `v1.0-*` and the files that they name.
//!
//! Taken are `LIDAR_TOP`, `CAM_FRONT`, the ego's poses and the labelled boxes. What is converted: their lidar's x axis points to the
//! right and is turned by a quarter; boxes are width, length, height on the map, ours length, width, height in `odom`; intensity comes to
//! 0..1; speeds come from the poses. Their ego frame is `base_link`: rear axle, on the ground. Sweeps are not compensated for
//! motion and tell no time of their points.

mod scene;
mod tables;

use crate::axes::Axes;
use crate::intake::{ImportSummary, Intake, Later, ready};
use crate::labelled::{Labelled, Moment, odom_from_world, truths};
use crate::points::{Point, Told, pack};
use crate::{Compression, Message, RecordingError, motion};
use nalgebra::{Isometry3, Matrix3, Quaternion, Translation3, UnitQuaternion, Vector3};
use scene::{Record, Scene};
use std::fs;
use std::path::{Path, PathBuf};
use tables::{Annotation, CalibratedSensor, EgoPose};
use types::{Box3, Calibration, CameraFrame, CameraModel, ImageFormat, InsFix, LidarSweep, ObjectClass, Stamp};

/// x, y, z, intensity, ring as f32.
const POINT_BYTES: usize = 20;

/// Names of the scenes below `root`.
///
/// # Errors
/// If there is no `v1.0-*` folder, or its table is damaged.
pub fn scenes(root: &Path) -> Result<Vec<String>, RecordingError> {
    Ok(versions(root)?.iter().map(|folder| scenes_of(folder)).collect::<Result<Vec<_>, _>>()?.concat())
}

/// Imports a scene into a new drive. `root` holds `samples`, `sweeps` and a folder `v1.0-*` of tables.
///
/// # Errors
/// Names the file and the row, token or field that is not as the data set's format demands.
pub fn import(
    root: &Path,
    name: &str,
    output: &Path,
    compression: Compression,
) -> Result<ImportSummary, RecordingError> {
    let mut folders = versions(root)?;
    let has = |folder: &PathBuf| scenes_of(folder).is_ok_and(|names| names.iter().any(|other| other == name));
    let place = folders.iter().position(has).unwrap_or(0);
    let folder = folders.swap_remove(place);
    let scene = Scene::read(&folder, name)?;
    let path = scene.poses.iter().map(pose_of_row).collect::<Result<Vec<_>, _>>();
    let mut path = path.map_err(|reason| RecordingError::source(&folder.join("ego_pose.json"), None, reason))?;
    path.sort_by_key(|(stamp, _)| *stamp);
    path.dedup_by_key(|(stamp, _)| *stamp);
    let Some(odom_from_map) = path.first().map(|(_, first)| odom_from_world(first)) else {
        return Err(RecordingError::source(&folder, None, format!("{name}: no pose of the vehicle")));
    };
    path.iter_mut().for_each(|(_, pose)| *pose = odom_from_map * *pose);

    let (calibration, axes) = calibration(&folder, &scene)?;
    let mut intake = Intake::create(output, format!("nuScenes {name}"), compression)?;
    let mut messages: Vec<(Stamp, Later)> = Vec::new();
    for (state, seq) in motion::states(&path).into_iter().zip(0..) {
        messages.push(ready(Message::Ins(InsFix { seq, state })));
    }
    let here = |records: &[Record]| {
        let there = records.iter().filter(|record| root.join(&record.filename).is_file()).cloned();
        there.collect::<Vec<_>>()
    };
    let (sweeps, images) = (here(&scene.lidar), here(&scene.camera));
    for (channel, all, found) in [("LIDAR_TOP", &scene.lidar, &sweeps), ("CAM_FRONT", &scene.camera, &images)] {
        if found.len() < all.len() {
            intake.remark(format!("{channel}: {} of {} files are not there", all.len() - found.len(), all.len()));
        }
    }
    let moments = moments(&folder, &scene, &sweeps, &odom_from_map, &path)?;
    let camera = calibration.camera.as_ref().map(|camera| (camera, &calibration.base_from_lidar));
    messages.extend(truths(&moments, camera).into_iter().map(ready));
    for (record, seq) in images.iter().zip(0..) {
        let (path, stamp) = (root.join(&record.filename), record.stamp);
        messages.push((stamp, Box::new(move || image(&path, seq, stamp))));
    }
    for (record, seq) in sweeps.iter().zip(0..) {
        let (path, stamp) = (root.join(&record.filename), record.stamp);
        messages.push((stamp, Box::new(move || sweep(&path, seq, stamp, axes).map(Message::Lidar))));
    }
    intake.put(&Message::Calibration(calibration))?;
    intake.put_all(messages)?;
    intake.finish()
}

/// The folders of tables: one a version of the data set, which may lie side by side.
fn versions(root: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(RecordingError::io(root, "list"))? {
        let path = entry.map_err(RecordingError::io(root, "list"))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("v1.0")) && path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(RecordingError::source(root, None, "no folder v1.0-* of tables here"));
    }
    Ok(found)
}

fn scenes_of(folder: &Path) -> Result<Vec<String>, RecordingError> {
    let scenes = tables::rows::<tables::Scene>(folder, "scene", |_| true)?;
    Ok(scenes.into_iter().map(|scene| scene.name).collect())
}

fn calibration(folder: &Path, scene: &Scene) -> Result<(Calibration, Axes), RecordingError> {
    let wrong = |reason: String| RecordingError::source(&folder.join("calibrated_sensor.json"), None, reason);
    let place = |sensor: &CalibratedSensor| pose(&sensor.translation, &sensor.rotation).map_err(wrong);
    let Some(lidar) = &scene.lidar_sensor else { return Err(wrong("no sensor LIDAR_TOP in this scene".into())) };
    let base_from_sensor = place(lidar)?;
    let axes = Axes::nearest(&base_from_sensor.rotation);
    let base_from_lidar = axes.turned(&base_from_sensor);
    let camera = match (&scene.camera_sensor, scene.camera.first()) {
        (Some(sensor), Some(image)) => {
            let rows = sensor.camera_intrinsic.concat();
            if rows.len() != 9 {
                return Err(wrong(format!("camera_intrinsic has {} numbers, expected 9", rows.len())));
            }
            let camera_from_lidar = place(sensor)?.inverse() * base_from_lidar;
            let k = Matrix3::from_row_slice(&rows);
            Some(CameraModel { width: image.size[0], height: image.size[1], k, camera_from_lidar })
        }
        _ => None,
    };
    let calibration = Calibration { base_from_lidar, camera };
    match calibration.validate() {
        Ok(()) => Ok((calibration, axes)),
        Err(source) => Err(RecordingError::Calibration { path: folder.join("calibrated_sensor.json"), source }),
    }
}

/// The labelled samples, each at the sweep of its moment.
fn moments(
    folder: &Path,
    scene: &Scene,
    sweeps: &[Record],
    odom_from_map: &Isometry3<f64>,
    path: &[(Stamp, Isometry3<f64>)],
) -> Result<Vec<Moment>, RecordingError> {
    let mut moments = Vec::new();
    for (token, annotations) in &scene.annotations {
        let Some(record) = scene.lidar.iter().find(|record| record.is_key && record.sample == *token) else { continue };
        let stamp = record.stamp;
        let Some((_, odom_from_base)) = path.iter().find(|(at, _)| *at == stamp).copied() else { continue };
        let labelled = |annotation: &Annotation| labelled(annotation, scene, odom_from_map);
        let objects = annotations.iter().map(labelled).collect::<Result<Vec<_>, _>>();
        let objects = objects.map_err(|reason| {
            RecordingError::source(&folder.join("sample_annotation.json"), None, format!("sample {token}: {reason}"))
        })?;
        let seq = sweeps.iter().position(|sweep| sweep.stamp == stamp).unwrap_or(moments.len()) as u64;
        moments.push(Moment { seq, stamp, odom_from_base, objects });
    }
    moments.sort_by_key(|moment| moment.stamp);
    Ok(moments)
}

fn labelled(annotation: &Annotation, scene: &Scene, odom_from_map: &Isometry3<f64>) -> Result<Labelled, String> {
    let [width, length, height] = annotation.size;
    let on_map = pose(&annotation.translation, &annotation.rotation)?;
    let forward = on_map.rotation * Vector3::x();
    let center = on_map.translation.vector.into();
    let bbox = Box3 { center, length, width, height, yaw: forward.y.atan2(forward.x) }.transformed(odom_from_map);
    if !bbox.is_valid() {
        return Err(format!("a box with the size {width} {length} {height}"));
    }
    let category = scene.categories.get(&annotation.instance_token).map_or("", String::as_str);
    // Levels of visibility: the middle of 0-40, 40-60, 60-80 and 80-100 %.
    let visible = match annotation.visibility_token.as_str() {
        "1" => 0.2,
        "2" => 0.5,
        "3" => 0.7,
        "4" => 0.9,
        _ => 1.0,
    };
    let (name, class) = (annotation.instance_token.clone(), class(category));
    Ok(Labelled { name, class, bbox, points: annotation.num_lidar_pts, visible })
}

fn class(category: &str) -> ObjectClass {
    match category {
        "vehicle.car" | "vehicle.emergency.police" => ObjectClass::Car,
        "vehicle.truck" | "vehicle.construction" | "vehicle.trailer" | "vehicle.emergency.ambulance" => {
            ObjectClass::Truck
        }
        "vehicle.bus.bendy" | "vehicle.bus.rigid" => ObjectClass::Bus,
        "vehicle.motorcycle" => ObjectClass::Motorcycle,
        "vehicle.bicycle" => ObjectClass::Cyclist,
        person if person.starts_with("human.pedestrian") => ObjectClass::Pedestrian,
        _ => ObjectClass::Unknown,
    }
}

fn pose_of_row(row: &EgoPose) -> Result<(Stamp, Isometry3<f64>), String> {
    Ok((scene::stamp(row.timestamp), pose(&row.translation, &row.rotation)?))
}

fn pose(translation: &[f64; 3], rotation: &[f64; 4]) -> Result<Isometry3<f64>, String> {
    let [w, x, y, z] = *rotation;
    let quaternion = Quaternion::new(w, x, y, z);
    let norm = quaternion.norm();
    if !(0.99..=1.01).contains(&norm) || !translation.iter().all(|value| value.is_finite()) {
        return Err(format!("no pose: {translation:?}, norm of the rotation {norm}"));
    }
    let place = Translation3::new(translation[0], translation[1], translation[2]);
    Ok(Isometry3::from_parts(place, UnitQuaternion::from_quaternion(quaternion)))
}

fn image(path: &Path, seq: u64, stamp: Stamp) -> Result<Message, RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    Ok(Message::Camera(CameraFrame { seq, stamp, format: ImageFormat::Jpeg, data: data.into() }))
}

fn sweep(path: &Path, seq: u64, stamp: Stamp, axes: Axes) -> Result<LidarSweep, RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    let (rows, rest) = data.as_chunks::<POINT_BYTES>();
    if !rest.is_empty() {
        let reason = format!("{} bytes are not a multiple of {POINT_BYTES}, the size of a point", data.len());
        return Err(RecordingError::source(path, None, reason));
    }
    let point = |row: &[u8; POINT_BYTES]| {
        let number = |at: usize| f32::from_le_bytes(std::array::from_fn(|i| row[at + i]));
        let position = axes.turn([number(0), number(4), number(8)]);
        Point { position, intensity: number(12) / 255.0, ring: number(16) as u16, time_ns: 0 }
    };
    Ok(pack(seq, stamp, Told { ring: true, time: false }, rows.iter().map(point)))
}

#[cfg(test)]
mod tests;
