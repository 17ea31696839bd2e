//! Where the sensors of an Argoverse 2 car sit: `calibration/egovehicle_SE3_sensor` and `calibration/intrinsics`.

use super::{CAMERA, base_from_ego, transforms};
use crate::RecordingError;
use crate::table::Table;
use nalgebra::{Isometry3, Matrix3};
use std::path::Path;
use types::{Calibration, CameraModel};

/// The upper lidar of their cars, for a log without a calibration.
const USUAL_LIDAR: [f64; 3] = [1.35, 0.0, 1.64];

pub(super) struct Rig {
    pub(super) calibration: Calibration,
    pub(super) findings: Vec<String>,
}

/// The calibration of the lidar's frame (at the upper lidar, with the vehicle's axes) and of the front camera, as far as there are
/// sweeps and images.
pub(super) fn read(log: &Path, with_lidar: bool, with_camera: bool) -> Result<Rig, RecordingError> {
    let folder = log.join("calibration");
    let mut findings = Vec::new();
    let place = |name: &str| -> Result<Option<Isometry3<f64>>, RecordingError> {
        let Some(path) = Table::find(&folder, "egovehicle_SE3_sensor") else { return Ok(None) };
        let table = Table::read(&path)?;
        let row = table.texts("sensor_name")?.iter().position(|sensor| sensor == name);
        let row = row.ok_or_else(|| table.wrong(format!("no sensor {name}")))?;
        Ok(transforms(&table)?.get(row).copied())
    };
    let lidar = place("up_lidar")?.map(|pose| pose.translation.vector);
    if lidar.is_none() && with_lidar {
        findings.push("no calibration: the lidar is put where their cars have it, 1.35 m before the rear axle".into());
    }
    let lidar = lidar.unwrap_or_else(|| USUAL_LIDAR.into());
    let base_from_lidar = base_from_ego() * Isometry3::translation(lidar.x, lidar.y, lidar.z);
    let camera = match with_camera.then(|| place(CAMERA)).transpose()?.flatten() {
        Some(ego_from_camera) => {
            let camera_from_lidar = (base_from_ego() * ego_from_camera).inverse() * base_from_lidar;
            let (model, moved_px) = intrinsics(&folder, camera_from_lidar)?;
            if moved_px > 2.0 {
                findings
                    .push(format!("{CAMERA}: images are not rectified: the lens moves a corner by {moved_px:.0} px"));
            }
            Some(model)
        }
        None if with_camera => return Err(RecordingError::source(&folder, None, "no egovehicle_SE3_sensor here")),
        None => None,
    };
    let calibration = Calibration { base_from_lidar, camera };
    match calibration.validate() {
        Ok(()) => Ok(Rig { calibration, findings }),
        Err(source) => Err(RecordingError::Calibration { path: folder, source }),
    }
}

/// The camera, and how far the lens moves a corner of the image.
fn intrinsics(folder: &Path, camera_from_lidar: Isometry3<f64>) -> Result<(CameraModel, f64), RecordingError> {
    let Some(path) = Table::find(folder, "intrinsics") else {
        return Err(RecordingError::source(folder, None, "no intrinsics.feather (or .csv) here"));
    };
    let table = Table::read(&path)?;
    let row = table.texts("sensor_name")?.iter().position(|sensor| sensor == CAMERA);
    let row = row.ok_or_else(|| table.wrong(format!("no sensor {CAMERA}")))?;
    let number = |name: &str| table.floats(name).map(|column| column[row]);
    let [fx, fy, cx, cy] = [number("fx_px")?, number("fy_px")?, number("cx_px")?, number("cy_px")?];
    let k = Matrix3::new(fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0);
    let (width, height) = (number("width_px")?, number("height_px")?);
    let [k1, k2, k3] = [number("k1")?, number("k2")?, number("k3")?];
    let moved = [[0.0, 0.0], [width, height]].map(|[u, v]: [f64; 2]| {
        let (x, y) = ((u - cx) / fx, (v - cy) / fy);
        let r2 = x * x + y * y;
        (fx * x).hypot(fy * y) * (r2 * (k1 + r2 * (k2 + r2 * k3))).abs()
    });
    let model = CameraModel { width: width as usize, height: height as usize, k, camera_from_lidar };
    Ok((model, moved[0].max(moved[1])))
}
