//! `calib/SEQ.txt`: projection P2 of the left colour camera, rectification, and the poses of lidar and INS.

use crate::RecordingError;
use nalgebra::{Isometry3, Matrix3, Matrix3x4, Translation3, UnitQuaternion};
use std::fs;
use std::path::{Path, PathBuf};
use types::{Calibration, CameraModel};

/// How the sensors of the recording car sit.
#[derive(Clone, Debug)]
pub(super) struct Rig {
    path: PathBuf,
    k: Matrix3<f64>,
    camera_from_lidar: Isometry3<f64>,
    /// The frame of the labels: that of the reference camera, rectified.
    label_from_lidar: Isometry3<f64>,
    /// Pose of the INS seen from the lidar.
    pub(super) lidar_from_ins: Isometry3<f64>,
}

/// The lidar sits 0.76 m before the rear axle and 1.73 m above the road (KITTI's set-up drawing).
pub(super) fn base_from_lidar() -> Isometry3<f64> {
    Isometry3::translation(0.76, 0.0, 1.73)
}

impl Rig {
    pub(super) fn read(path: &Path) -> Result<Self, RecordingError> {
        let text = fs::read_to_string(path).map_err(RecordingError::io(path, "read"))?;
        let p2 = Matrix3x4::from_row_slice(&numbers(path, &text, &["P2"], 12)?);
        let rectify = Matrix3::from_row_slice(&numbers(path, &text, &["R0_rect", "R_rect"], 9)?);
        let lidar = pose(&numbers(path, &text, &["Tr_velo_to_cam", "Tr_velo_cam"], 12)?);
        let lidar_from_ins = pose(&numbers(path, &text, &["Tr_imu_to_velo", "Tr_imu_velo"], 12)?);
        Self::of(path, "P2", &p2, &rectify, lidar, lidar_from_ins)
    }

    /// The calibration of a day of raw recordings, and columns and rows of the rectified images.
    pub(super) fn read_raw(day: &Path) -> Result<(Self, [usize; 2]), RecordingError> {
        let file = |name: &str| -> Result<(PathBuf, String), RecordingError> {
            let path = day.join(name);
            let text = fs::read_to_string(&path).map_err(RecordingError::io(&path, "read"))?;
            Ok((path, text))
        };
        let moved = |name: &str| -> Result<Isometry3<f64>, RecordingError> {
            let (path, text) = file(name)?;
            let turn = Matrix3::from_row_slice(&numbers(&path, &text, &["R"], 9)?);
            let place = numbers(&path, &text, &["T"], 3)?;
            Ok(Isometry3::from_parts(Translation3::new(place[0], place[1], place[2]), rotation(&turn)))
        };
        let (path, text) = file("calib_cam_to_cam.txt")?;
        let projection = Matrix3x4::from_row_slice(&numbers(&path, &text, &["P_rect_02"], 12)?);
        let rectify = Matrix3::from_row_slice(&numbers(&path, &text, &["R_rect_00"], 9)?);
        let size = numbers(&path, &text, &["S_rect_02"], 2)?;
        let (lidar, lidar_from_ins) = (moved("calib_velo_to_cam.txt")?, moved("calib_imu_to_velo.txt")?);
        let rig = Self::of(&path, "P_rect_02", &projection, &rectify, lidar, lidar_from_ins)?;
        Ok((rig, [size[0] as usize, size[1] as usize]))
    }

    fn of(
        path: &Path,
        key: &str,
        projection: &Matrix3x4<f64>,
        rectify: &Matrix3<f64>,
        lidar: Isometry3<f64>,
        lidar_from_ins: Isometry3<f64>,
    ) -> Result<Self, RecordingError> {
        let k: Matrix3<f64> = projection.fixed_columns::<3>(0).into();
        // P2 = K [I | t]: t takes the reference camera's frame to that of the left colour camera.
        let inverse = k.try_inverse().filter(|inverse| inverse.iter().all(|v| v.is_finite()));
        let Some(inverse) = inverse else {
            let reason = format!("{key} is singular: determinant {:e} of its left part", k.determinant());
            return Err(RecordingError::source(path, None, reason));
        };
        let offset = inverse * projection.column(3);
        let rectify = rotation(rectify);
        let rotation_only = Isometry3::from_parts(Translation3::identity(), rectify);
        let rectify = Isometry3::from_parts(Translation3::from(offset), rectify);
        let label_from_lidar = rotation_only * lidar;
        Ok(Self { path: path.into(), k, camera_from_lidar: rectify * lidar, label_from_lidar, lidar_from_ins })
    }

    /// From the labels' frame to `base_link`.
    pub(super) fn base_from_label(&self) -> Isometry3<f64> {
        base_from_lidar() * self.label_from_lidar.inverse()
    }

    /// For images of this size, columns and rows. Fails on numbers that no sensor of a car can have.
    pub(super) fn calibration(&self, [width, height]: [usize; 2]) -> Result<Calibration, RecordingError> {
        let camera = CameraModel { width, height, k: self.k, camera_from_lidar: self.camera_from_lidar };
        let calibration = Calibration { base_from_lidar: base_from_lidar(), camera: Some(camera) };
        match calibration.validate() {
            Ok(()) => Ok(calibration),
            Err(source) => Err(RecordingError::Calibration { path: self.path.clone(), source }),
        }
    }
}

/// The numbers of the first line whose key is one of `keys` (the benchmark has two spellings).
fn numbers(path: &Path, text: &str, keys: &[&str], count: usize) -> Result<Vec<f64>, RecordingError> {
    for (index, line) in text.lines().enumerate() {
        let Some((key, rest)) = line.split_once([':', ' ']) else { continue };
        if !keys.contains(&key.trim()) {
            continue;
        }
        let wrong = |reason| RecordingError::source(path, Some(index + 1), reason);
        let parsed = rest.split_whitespace().map(|word| match word.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(wrong(format!("{} holds \"{word}\", not a finite number", keys[0]))),
        });
        let numbers = parsed.collect::<Result<Vec<_>, _>>()?;
        if numbers.len() != count {
            return Err(wrong(format!("{} has {} numbers, expected {count}", keys[0], numbers.len())));
        }
        return Ok(numbers);
    }
    Err(RecordingError::source(path, None, format!("no line {}", keys[0])))
}

fn pose(rows: &[f64]) -> Isometry3<f64> {
    let matrix = Matrix3x4::from_row_slice(rows);
    let translation = matrix.column(3).into_owned();
    Isometry3::from_parts(Translation3::from(translation), rotation(&matrix.fixed_columns::<3>(0).into()))
}

/// The rotation nearest to a matrix with six decimals.
fn rotation(matrix: &Matrix3<f64>) -> UnitQuaternion<f64> {
    let svd = matrix.svd(true, true);
    let nearest = match (svd.u, svd.v_t) {
        (Some(u), Some(v_t)) => u * v_t,
        _ => *matrix,
    };
    UnitQuaternion::from_matrix(&nearest)
}
