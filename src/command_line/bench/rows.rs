//! Objects as result rows of the KITTI tracking benchmark.

use nalgebra::{Isometry3, Point3, Vector3};
use std::fmt::Write;
use types::{Box3, CameraModel, ObjectClass, wrap_angle};

/// What is nearer to the camera's plane is not projected, m.
const NEAREST_M: f64 = 0.1;

/// An object of one frame, box in `base_link`.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    pub frame: u64,
    /// -1 without an identity.
    pub id: i64,
    pub class: ObjectClass,
    pub bbox: Box3,
    pub score: f64,
    /// Box in the image, px: left, top, right, bottom.
    pub image: [f64; 4],
}

/// `frame id type truncated occluded alpha x1 y1 x2 y2 h w l x y z ry score`; empty for what the benchmark has no type for.
pub fn row(object: &Object, camera_from_base: &Isometry3<f64>) -> anyhow::Result<String> {
    let kind = match object.class {
        ObjectClass::Car => "Car",
        ObjectClass::Truck => "Truck",
        ObjectClass::Bus => "Tram",
        ObjectClass::Pedestrian => "Pedestrian",
        ObjectClass::Cyclist => "Cyclist",
        _ => return Ok(String::new()),
    };
    let Box3 { center, length, width, height, yaw } = object.bbox;
    let bottom = camera_from_base * Point3::new(center[0], center[1], center[2] - 0.5 * height);
    let forward = camera_from_base.rotation * Vector3::new(yaw.cos(), yaw.sin(), 0.0);
    let rotation_y = (-forward.z).atan2(forward.x);
    let alpha = wrap_angle(rotation_y - bottom.x.atan2(bottom.z));
    let [x1, y1, x2, y2] = object.image;
    let mut row = format!("{} {} {kind} -1 -1 {alpha:.4} {x1:.2} {y1:.2} {x2:.2} {y2:.2} ", object.frame, object.id);
    writeln!(
        row,
        "{height:.4} {width:.4} {length:.4} {:.4} {:.4} {:.4} {rotation_y:.5} {:.5}",
        bottom.x, bottom.y, bottom.z, object.score
    )?;
    Ok(row)
}

/// The box around the projected corners, clipped to the image; corners behind the camera are drawn to just before it.
pub fn image_box(bbox: &Box3, camera: &CameraModel, camera_from_base: &Isometry3<f64>) -> [f64; 4] {
    let mut around = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for corner in bbox.corners() {
        let mut p = camera_from_base * Point3::from(corner);
        p.z = p.z.max(NEAREST_M);
        let pixel = camera.k * p.coords / p.z;
        around = [around[0].min(pixel.x), around[1].min(pixel.y), around[2].max(pixel.x), around[3].max(pixel.y)];
    }
    let (right, bottom) = (camera.width as f64 - 1.0, camera.height as f64 - 1.0);
    let [x1, y1, x2, y2] = around;
    [x1.clamp(0.0, right), y1.clamp(0.0, bottom), x2.clamp(0.0, right), y2.clamp(0.0, bottom)]
}

/// Whether every corner lies before the camera.
pub fn is_before(bbox: &Box3, camera_from_base: &Isometry3<f64>) -> bool {
    bbox.corners().iter().all(|corner| (camera_from_base * Point3::from(*corner)).z >= NEAREST_M)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix3, Rotation3, UnitQuaternion};

    #[test]
    fn a_car_straight_ahead_faces_away_from_the_camera() {
        // Optical axes from vehicle axes: x right = -y, y down = -z, z forward = x.
        let optical = Rotation3::from_matrix_unchecked(Matrix3::new(0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0));
        let camera_from_base = UnitQuaternion::from_rotation_matrix(&optical) * Isometry3::translation(0.0, 0.0, -1.5);
        let k = Matrix3::new(700.0, 0.0, 600.0, 0.0, 700.0, 180.0, 0.0, 0.0, 1.0);
        let camera = CameraModel { width: 1242, height: 375, k, camera_from_lidar: camera_from_base };
        let bbox = Box3 { center: [10.0, 0.0, 0.75], length: 4.0, width: 2.0, height: 1.5, yaw: 0.0 };
        let image = image_box(&bbox, &camera, &camera_from_base);
        let car = Object { frame: 3, id: -1, class: ObjectClass::Car, bbox, score: 0.5, image };
        let row = row(&car, &camera_from_base).unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words.len(), 18);
        assert_eq!(words[..3], ["3", "-1", "Car"]);
        let number = |i: usize| words[i].parse::<f64>().unwrap();
        // Bottom centre 10 m ahead, 1.5 m below the camera, heading along z: rotation_y = -90 degrees.
        assert!(number(13).abs() < 1e-9 && (number(14) - 1.5).abs() < 1e-9 && (number(15) - 10.0).abs() < 1e-9);
        assert!((number(16) + std::f64::consts::FRAC_PI_2).abs() < 1e-4);
        assert!((number(5) + std::f64::consts::FRAC_PI_2).abs() < 1e-3);
        let beside = Box3 { center: [1.0, 0.5, 0.75], ..bbox };
        assert!(is_before(&bbox, &camera_from_base) && !is_before(&beside, &camera_from_base));
        assert_eq!(image_box(&beside, &camera, &camera_from_base)[2..], [1241.0, 374.0]);
        assert!((number(6) - (600.0 - 700.0 / 8.0)).abs() < 0.01);
    }
}
