//! Where the sensors sit and how the camera projects.

use nalgebra::{Isometry3, Matrix3, Point3};
use thiserror::Error;

/// Why a calibration cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CalibrationError {
    /// A number is NaN or infinite.
    #[error("{field} holds a number that is not finite: {value}")]
    NotFinite {
        /// Name of the field.
        field: &'static str,
        /// The number found.
        value: f64,
    },
    /// The camera matrix cannot be inverted.
    #[error("{field} is singular: determinant {determinant:e}, needed at least {minimum:e}")]
    Singular {
        /// Name of the field.
        field: &'static str,
        /// Its determinant.
        determinant: f64,
        /// The smallest that is accepted.
        minimum: f64,
    },
    /// A number is outside what any sensor of a car can have.
    #[error("{field} is {value}, outside {low} to {high}")]
    OutOfRange {
        /// Name of the field.
        field: &'static str,
        /// The number found.
        value: f64,
        /// Smallest plausible value.
        low: f64,
        /// Largest plausible value.
        high: f64,
    },
}

/// A pinhole camera of rectified images: pixel = K * point / depth, optical frame (z forward, x right, y down).
#[derive(Clone, Debug, PartialEq)]
pub struct CameraModel {
    /// Columns of the image.
    pub width: usize,
    /// Rows of the image.
    pub height: usize,
    /// Camera matrix, px.
    pub k: Matrix3<f64>,
    /// Pose of the lidar seen from the camera.
    pub camera_from_lidar: Isometry3<f64>,
}

impl CameraModel {
    /// Projects a point of the lidar frame: `[u, v, depth]` in px, px, m. `None` if it lies less than 0.1 m before the camera.
    #[must_use]
    pub fn project(&self, point_lidar: &Point3<f64>) -> Option<[f64; 3]> {
        let p = self.camera_from_lidar * point_lidar;
        if p.z < 0.1 {
            return None;
        }
        let pixel = self.k * p.coords;
        Some([pixel.x / pixel.z, pixel.y / pixel.z, p.z])
    }
}

/// Everything a drive knows about its sensors' places.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Pose of the lidar seen from `base_link`.
    pub base_from_lidar: Isometry3<f64>,
    /// The camera, if the drive has one.
    pub camera: Option<CameraModel>,
}

impl Calibration {
    /// Checks that every transform can be used and is plausible for a road vehicle.
    ///
    /// # Errors
    /// Names the first field that is not finite, singular or out of range, with its number.
    pub fn validate(&self) -> Result<(), CalibrationError> {
        check_pose("base_from_lidar", &self.base_from_lidar)?;
        let Some(camera) = &self.camera else { return Ok(()) };
        check_pose("camera_from_lidar", &camera.camera_from_lidar)?;
        if let Some(&value) = camera.k.iter().find(|v| !v.is_finite()) {
            return Err(CalibrationError::NotFinite { field: "camera.k", value });
        }
        let (determinant, minimum) = (camera.k.determinant(), 1.0);
        if determinant.abs() < minimum {
            return Err(CalibrationError::Singular { field: "camera.k", determinant, minimum });
        }
        let in_range = |field, value: f64, low, high| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(CalibrationError::OutOfRange { field, value, low, high })
            }
        };
        in_range("camera.width", camera.width as f64, 1.0, 16_384.0)?;
        in_range("camera.height", camera.height as f64, 1.0, 16_384.0)?;
        in_range("camera.k[0][0]", camera.k[(0, 0)], 10.0, 100_000.0)?;
        in_range("camera.k[1][1]", camera.k[(1, 1)], 10.0, 100_000.0)
    }
}

fn check_pose(field: &'static str, pose: &Isometry3<f64>) -> Result<(), CalibrationError> {
    let numbers = pose.translation.vector.iter().chain(pose.rotation.coords.iter());
    if let Some(&value) = numbers.clone().find(|v| !v.is_finite()) {
        return Err(CalibrationError::NotFinite { field, value });
    }
    let (norm, reach) = (pose.rotation.coords.norm(), pose.translation.vector.norm());
    if !(0.999..=1.001).contains(&norm) {
        return Err(CalibrationError::OutOfRange { field, value: norm, low: 0.999, high: 1.001 });
    }
    if reach > 30.0 {
        return Err(CalibrationError::OutOfRange { field, value: reach, low: 0.0, high: 30.0 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        let k = Matrix3::new(721.5, 0.0, 609.6, 0.0, 721.5, 172.9, 0.0, 0.0, 1.0);
        let camera = CameraModel { width: 1242, height: 375, k, camera_from_lidar: Isometry3::identity() };
        Calibration { base_from_lidar: Isometry3::translation(0.76, 0.0, 1.73), camera: Some(camera) }
    }

    #[test]
    fn a_good_calibration_passes_and_projects() {
        let good = calibration();
        assert_eq!(good.validate(), Ok(()));
        let pixel = good.camera.unwrap().project(&Point3::new(1.0, 0.5, 10.0)).unwrap();
        assert!((pixel[0] - 681.75).abs() < 1e-9 && (pixel[1] - 208.975).abs() < 1e-9);
    }

    #[test]
    fn bad_numbers_are_named() {
        let mut singular = calibration();
        singular.camera.as_mut().unwrap().k = Matrix3::zeros();
        assert!(matches!(singular.validate(), Err(CalibrationError::Singular { field: "camera.k", .. })));
        let mut nan = calibration();
        nan.base_from_lidar.translation.x = f64::NAN;
        assert!(matches!(nan.validate(), Err(CalibrationError::NotFinite { field: "base_from_lidar", .. })));
        let mut far = calibration();
        far.base_from_lidar.translation.x = 300.0;
        assert!(matches!(far.validate(), Err(CalibrationError::OutOfRange { value, .. }) if value > 299.0));
    }
}
