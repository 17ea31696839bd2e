//! Where a camera sits and how it projects.

use crate::random::Random;
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};
use types::CameraModel;

/// A pinhole camera on the car. Pixel centres have whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Lens {
    /// Columns of the picture.
    pub width: usize,
    /// Rows of the picture.
    pub height: usize,
    /// Focal length, px.
    pub focal_px: f64,
    /// Principal point, px.
    pub center_px: [f64; 2],
    /// Pose of the optical frame (z forward, x right, y down) seen from `base_link`.
    pub base_from_camera: Isometry3<f64>,
}

impl Lens {
    /// 960 x 540 pixels, 70 degrees wide, behind the windscreen, straight ahead and level.
    pub fn standard() -> Self {
        Self {
            width: 960,
            height: 540,
            focal_px: 690.0,
            center_px: [479.5, 247.5],
            base_from_camera: mounted([1.4, 0.0, 1.45], [0.0; 3]),
        }
    }

    /// The same view in a picture of so many columns.
    pub fn with_width(self, width: usize) -> Self {
        let scale = width as f64 / self.width as f64;
        Self {
            width,
            height: (self.height as f64 * scale).round() as usize,
            focal_px: self.focal_px * scale,
            // Pixel centres have whole numbers, the picture begins half a pixel before the first.
            center_px: self.center_px.map(|center| (center + 0.5) * scale - 0.5),
            ..self
        }
    }

    /// Some camera of some car: a small hatchback's to a lorry's, 45 to 90 degrees wide, seldom quite level.
    pub fn random(random: &mut Random) -> Self {
        let (width, height) = random.pick(&[
            (960, 540),
            (960, 540),
            (960, 540),
            (1024, 576),
            (960, 600),
            (800, 450),
            (960, 320),
            (1104, 336),
        ]);
        let half_view = random.between(22.0_f64, 45.0).to_radians();
        let position = [random.between(0.4, 2.0), random.between(-0.3, 0.3), random.between(1.2, 2.1)];
        let turn = [0.015 * random.normal(), random.between(-0.05, 0.09), 0.02 * random.normal()];
        Self {
            width,
            height,
            focal_px: 0.5 * width as f64 / half_view.tan(),
            center_px: [
                (0.5 + random.between(-0.03, 0.03)) * width as f64,
                (0.5 + random.between(-0.08, 0.08)) * height as f64,
            ],
            base_from_camera: mounted(position, turn),
        }
    }

    /// How pixels and lidar points belong together.
    pub fn model(&self, base_from_lidar: &Isometry3<f64>) -> CameraModel {
        CameraModel {
            width: self.width,
            height: self.height,
            k: self.matrix(),
            camera_from_lidar: self.base_from_camera.inverse() * base_from_lidar,
        }
    }

    /// The camera matrix, px.
    pub fn matrix(&self) -> Matrix3<f64> {
        let [x, y] = self.center_px;
        Matrix3::new(self.focal_px, 0.0, x, 0.0, self.focal_px, y, 0.0, 0.0, 1.0)
    }

    /// Takes `(u, v, 1)` to the direction in the optical frame that has depth one.
    pub fn directions(&self) -> Matrix3<f64> {
        let ([x, y], per_px) = (self.center_px, 1.0 / self.focal_px);
        Matrix3::new(per_px, 0.0, -x * per_px, 0.0, per_px, -y * per_px, 0.0, 0.0, 1.0)
    }
}

/// Pose of an optical frame at a place of `base_link`, turned about the x, y and z axes of `base_link` (nose down is positive).
fn mounted(position: [f64; 3], turn: [f64; 3]) -> Isometry3<f64> {
    let optical = Rotation3::from_matrix_unchecked(Matrix3::new(0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0));
    let turn = Rotation3::from_euler_angles(turn[0], turn[1], turn[2]);
    Isometry3::from_parts(
        Translation3::from(Vector3::from(position)),
        UnitQuaternion::from_rotation_matrix(&(turn * optical)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_picture_shows_the_same_view() {
        let (whole, small) = (Lens::standard(), Lens::standard().with_width(640));
        assert_eq!((small.width, small.height), (640, 360));
        let corners = |lens: &Lens| {
            let edge = |size: usize| [-0.5, size as f64 - 0.5];
            edge(lens.width).map(|u| edge(lens.height).map(|v| lens.directions() * Vector3::new(u, v, 1.0)))
        };
        for (a, b) in corners(&whole).as_flattened().iter().zip(corners(&small).as_flattened()) {
            assert!((a - b).norm() < 1e-12, "{a} {b}");
        }
    }
}
