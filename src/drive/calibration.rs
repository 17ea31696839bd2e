//! `calibration.toml`: where the sensors sit on the car, and the camera's lens.
//!
//! ```toml
//! [[lidar]]
//! name = "top"                               # as in [[car.lidar]]
//! position_m = [1.2, 0.0, 1.9]               # in base_link: the rear axle's middle on the ground, x ahead, y left, z up
//! roll_pitch_yaw_deg = [0.0, 0.5, 0.0]       # of its x ahead, y left, z up: turned about x, then y, then z of the car
//!
//! [camera]
//! size_px = [1280, 720]
//! focal_px = [1000.0, 1000.0]                # of columns and rows
//! centre_px = [640.0, 360.0]
//! position_m = [1.6, 0.0, 1.4]
//! roll_pitch_yaw_deg = [0.0, 0.0, 0.0]       # zero looks ahead, level
//! distortion = { model = "plumb-bob", coefficients = [-0.3, 0.1, 0.0, 0.0, -0.02] }     # k1, k2, p1, p2, k3, as OpenCV has them
//! ```
//! The stack wants rectified images. A lens that moves a pixel by more than [`NEGLIGIBLE_PX`] is refused: let the camera's driver
//! rectify, and give the camera matrix of the rectified image here.

use anyhow::{Context, ensure};
use nalgebra::{Isometry3, Matrix3, Quaternion, Translation3, UnitQuaternion};
use serde::Deserialize;
use std::path::Path;
use types::{Calibration, CameraModel};

/// Lenses that move no corner of the image farther are taken as they are, px.
pub const NEGLIGIBLE_PX: f64 = 2.0;

/// Where everything sits.
#[derive(Clone, Debug)]
pub struct Places {
    /// What the stages know: the first lidar and the camera.
    pub calibration: Calibration,
    /// Pose of each lidar seen from the first, in the order that was asked for.
    pub first_from_lidar: Vec<Isometry3<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    lidar: Vec<Lidar>,
    camera: Option<Camera>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lidar {
    name: String,
    position_m: [f64; 3],
    roll_pitch_yaw_deg: [f64; 3],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Camera {
    size_px: [usize; 2],
    focal_px: [f64; 2],
    centre_px: [f64; 2],
    position_m: [f64; 3],
    roll_pitch_yaw_deg: [f64; 3],
    #[serde(default)]
    distortion: Option<Distortion>,
}

/// How the lens bends.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "model", content = "coefficients", rename_all = "kebab-case")]
pub enum Distortion {
    /// Brown and Conrady: k1, k2, p1, p2, k3.
    PlumbBob([f64; 5]),
    /// Kannala and Brandt, four coefficients of the angle (OpenCV's fisheye).
    Equidistant([f64; 4]),
}

impl Distortion {
    /// Where a point at depth 1 is seen, at depth 1.
    #[must_use]
    pub fn bend(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let r2 = x * x + y * y;
        match *self {
            Self::PlumbBob([k1, k2, p1, p2, k3]) => {
                let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
                [
                    x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
                    y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
                ]
            }
            Self::Equidistant([k1, k2, k3, k4]) => {
                let r = r2.sqrt();
                if r < 1e-9 {
                    return [x, y];
                }
                let angle = r.atan();
                let a2 = angle * angle;
                let bent = angle * (1.0 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))));
                [x * bent / r, y * bent / r]
            }
        }
    }
}

/// Reads the calibration of these lidars, in this order, and of the camera if there is one.
///
/// # Errors
/// Names the file, the field and the numbers; also a sensor without a place.
pub fn read(path: &Path, lidars: &[&str], has_camera: bool) -> anyhow::Result<Places> {
    let said = || format!("{}", path.display());
    parse(&std::fs::read_to_string(path).with_context(said)?, lidars, has_camera).with_context(said)
}

fn parse(text: &str, lidars: &[&str], has_camera: bool) -> anyhow::Result<Places> {
    let file: File = toml::from_str(text)?;
    let mut poses = Vec::new();
    for name in lidars {
        let lidar = file.lidar.iter().find(|lidar| lidar.name == *name);
        let lidar = lidar.with_context(|| {
            let there: Vec<&str> = file.lidar.iter().map(|lidar| lidar.name.as_str()).collect();
            format!("lidar {name} has no [[lidar]]; there are: {}", there.join(", "))
        })?;
        poses.push(pose(&format!("lidar {name}"), &lidar.position_m, &lidar.roll_pitch_yaw_deg)?);
    }
    // A car without a lidar still has a frame that the camera is seen from.
    let base_from_lidar = poses.first().copied().unwrap_or_else(Isometry3::identity);
    let camera = match (&file.camera, has_camera) {
        (Some(camera), true) => Some(model(camera, &base_from_lidar)?),
        (None, true) => anyhow::bail!("the car has a camera, but there is no [camera]"),
        (_, false) => None,
    };
    let calibration = Calibration { base_from_lidar, camera };
    calibration.validate()?;
    let first_from_lidar = poses.iter().map(|base_from| base_from_lidar.inverse() * base_from).collect();
    Ok(Places { calibration, first_from_lidar })
}

/// A calibration as text of this file, the lidar with a name.
#[must_use]
pub fn to_text(calibration: &Calibration, lidar: &str) -> String {
    let place = |pose: &Isometry3<f64>| {
        let (roll, pitch, yaw) = pose.rotation.euler_angles();
        let [x, y, z]: [f64; 3] = pose.translation.vector.into();
        let [roll, pitch, yaw] = [roll, pitch, yaw].map(f64::to_degrees);
        format!("position_m = [{x:?}, {y:?}, {z:?}]\nroll_pitch_yaw_deg = [{roll:?}, {pitch:?}, {yaw:?}]\n")
    };
    let mut text = format!("[[lidar]]\nname = {lidar:?}\n{}", place(&calibration.base_from_lidar));
    if let Some(CameraModel { width, height, k, camera_from_lidar }) = &calibration.camera {
        let base_from_body = calibration.base_from_lidar * camera_from_lidar.inverse() * body_from_optical().inverse();
        text += &format!("\n[camera]\nsize_px = [{width}, {height}]\nfocal_px = [{:?}, {:?}]\n", k[(0, 0)], k[(1, 1)]);
        text += &format!("centre_px = [{:?}, {:?}]\n{}", k[(0, 2)], k[(1, 2)], place(&base_from_body));
    }
    text
}

/// From z ahead, x right, y down to x ahead, y left, z up: whole quarter turns, exact.
fn body_from_optical() -> UnitQuaternion<f64> {
    UnitQuaternion::from_quaternion(Quaternion::new(0.5, -0.5, 0.5, -0.5))
}

/// A pose in `base_link`, plausible for a sensor of a road vehicle.
fn pose(what: &str, position_m: &[f64; 3], roll_pitch_yaw_deg: &[f64; 3]) -> anyhow::Result<Isometry3<f64>> {
    for (i, (low, high)) in [(-15.0, 15.0), (-3.0, 3.0), (0.0, 6.0)].into_iter().enumerate() {
        let value = position_m[i];
        ensure!((low..=high).contains(&value), "{what}: position_m[{i}] = {value} is outside {low} to {high}");
    }
    for (i, value) in roll_pitch_yaw_deg.iter().enumerate() {
        ensure!((-360.0..=360.0).contains(value), "{what}: roll_pitch_yaw_deg[{i}] = {value} is outside -360 to 360");
    }
    let [roll, pitch, yaw] = roll_pitch_yaw_deg.map(f64::to_radians);
    let [x, y, z] = *position_m;
    Ok(Isometry3::from_parts(Translation3::new(x, y, z), UnitQuaternion::from_euler_angles(roll, pitch, yaw)))
}

fn model(camera: &Camera, base_from_lidar: &Isometry3<f64>) -> anyhow::Result<CameraModel> {
    let base_from_body = pose("camera", &camera.position_m, &camera.roll_pitch_yaw_deg)?;
    let base_from_camera = base_from_body * body_from_optical();
    let ([fx, fy], [cx, cy], [width, height]) = (camera.focal_px, camera.centre_px, camera.size_px);
    for (key, value, low, high) in [
        ("focal_px[0]", fx, 10.0, 100_000.0),
        ("focal_px[1]", fy, 10.0, 100_000.0),
        ("focal_px ratio", fx / fy, 0.5, 2.0),
        ("centre_px[0]", cx, 0.2 * width as f64, 0.8 * width as f64),
        ("centre_px[1]", cy, 0.1 * height as f64, 0.9 * height as f64),
    ] {
        ensure!((low..=high).contains(&value), "camera.{key} = {value} is outside {low} to {high}");
    }
    if let Some(distortion) = &camera.distortion {
        let moved = farthest_px(distortion, camera);
        ensure!(
            moved <= NEGLIGIBLE_PX,
            "camera.distortion moves a pixel by {moved:.1} px, more than {NEGLIGIBLE_PX}: let the camera's driver rectify its \
             images and write their camera matrix here"
        );
    }
    let k = Matrix3::new(fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0);
    Ok(CameraModel { width, height, k, camera_from_lidar: base_from_camera.inverse() * base_from_lidar })
}

/// How far the lens moves a pixel of the image's border at most, px.
fn farthest_px(distortion: &Distortion, camera: &Camera) -> f64 {
    let ([fx, fy], [cx, cy]) = (camera.focal_px, camera.centre_px);
    let [width, height] = camera.size_px.map(|n| n as f64);
    let steps = (0..=32).map(|i| f64::from(i) / 32.0);
    let border = steps.flat_map(|t| [[t * width, 0.0], [t * width, height], [0.0, t * height], [width, t * height]]);
    border
        .map(|[u, v]| {
            let (x, y) = ((u - cx) / fx, (v - cy) / fy);
            let [bent_x, bent_y] = distortion.bend([x, y]);
            let moved = (fx * (bent_x - x)).hypot(fy * (bent_y - y));
            if moved.is_finite() { moved } else { f64::INFINITY }
        })
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Point3;

    const TEXT: &str = r#"
        [[lidar]]
        name = "top"
        position_m = [1.0, 0.0, 2.0]
        roll_pitch_yaw_deg = [0.0, 0.0, 0.0]
        [[lidar]]
        name = "left"
        position_m = [1.0, 0.8, 1.0]
        roll_pitch_yaw_deg = [0.0, 0.0, 90.0]
        [camera]
        size_px = [1280, 720]
        focal_px = [1000.0, 1000.0]
        centre_px = [640.0, 360.0]
        position_m = [1.5, 0.0, 1.5]
        roll_pitch_yaw_deg = [0.0, 0.0, 0.0]
        distortion = { model = "plumb-bob", coefficients = [0.0001, 0.0, 0.0, 0.0, 0.0] }
    "#;

    #[test]
    fn what_is_ahead_of_the_camera_is_in_the_middle_of_the_image() {
        let places = parse(TEXT, &["top", "left"], true).unwrap();
        let camera = places.calibration.camera.unwrap();
        // 10 m ahead of the camera, at its height, seen from the lidar on the roof.
        let [u, v, depth] = camera.project(&Point3::new(10.5, 0.0, -0.5)).unwrap();
        assert!((u - 640.0).abs() < 1e-9 && (v - 360.0).abs() < 1e-9 && (depth - 10.0).abs() < 1e-9, "{u} {v} {depth}");
        // Left is left, and up is up.
        let [u, v, _] = camera.project(&Point3::new(10.5, 1.0, 0.5)).unwrap();
        assert!((u - 540.0).abs() < 1e-9 && (v - 260.0).abs() < 1e-9, "{u} {v}");
        // A metre ahead of the left lidar is a metre to the left of it.
        let seen = places.first_from_lidar[1] * Point3::new(1.0, 0.0, 0.0);
        assert!((seen - Point3::new(0.0, 1.8, -1.0)).norm() < 1e-12, "{seen}");
        assert!(parse(TEXT, &["left"], false).unwrap().calibration.camera.is_none());
    }

    #[test]
    fn a_calibration_comes_back() {
        let text = TEXT.replace(
            "2.0]\n        roll_pitch_yaw_deg = [0.0, 0.0, 0.0]",
            "2.0]\n roll_pitch_yaw_deg = [1.0, -2.0, 170.0]",
        );
        let first = parse(&text, &["top"], true).unwrap().calibration;
        let second = parse(&to_text(&first, "top"), &["top"], true).unwrap().calibration;
        let camera = |calibration: &Calibration| calibration.camera.as_ref().unwrap().camera_from_lidar;
        assert!((first.base_from_lidar.to_matrix() - second.base_from_lidar.to_matrix()).norm() < 1e-12);
        assert!((camera(&first).to_matrix() - camera(&second).to_matrix()).norm() < 1e-12);
    }

    #[test]
    fn what_cannot_be_is_named() {
        let told = |from: &str, to: &str, named: &str| {
            let said = format!("{:#}", parse(&TEXT.replace(from, to), &["top", "left"], true).unwrap_err());
            assert!(said.contains(named), "{to}: {said}");
        };
        told("\"left\"", "\"right\"", "lidar left has no [[lidar]]; there are: top, right");
        told("[1.0, 0.0, 2.0]", "[1.0, 0.0, 20.0]", "lidar top: position_m[2] = 20 is outside 0 to 6");
        told("[1.0, 0.0, 2.0]", "[nan, 0.0, 2.0]", "position_m[0] = NaN");
        told("focal_px = [1000.0, 1000.0]", "focal_px = [0.0, 1000.0]", "camera.focal_px[0] = 0");
        told("centre_px = [640.0, 360.0]", "centre_px = [640.0, 1360.0]", "camera.centre_px[1] = 1360");
        told("[0.0001, ", "[-0.3, ", "more than 2: let the camera's driver rectify");
        told("coefficients = [0.0001, 0.0, 0.0, 0.0, 0.0]", "coefficients = [0.0001]", "coefficients");
        told("position_m = [1.5", "position = [1.5", "position");
    }

    #[test]
    fn lenses_bend_as_opencv_says() {
        // cv2.projectPoints and cv2.fisheye.distortPoints of the point (0.3, -0.2) at depth 1.
        let [x, y] = Distortion::PlumbBob([-0.3, 0.1, 0.001, -0.002, -0.02]).bend([0.3, -0.2]);
        let r2: f64 = 0.13;
        let radial = 1.0 - 0.3 * r2 + 0.1 * r2 * r2 - 0.02 * r2 * r2 * r2;
        assert!((x - (0.3 * radial + 2.0 * 0.001 * -0.06 - 0.002 * (r2 + 0.18))).abs() < 1e-12);
        assert!((y - (-0.2 * radial + 0.001 * (r2 + 0.08) - 2.0 * 0.002 * -0.06)).abs() < 1e-12);
        let [x, y] = Distortion::Equidistant([0.0; 4]).bend([1.0, 0.0]);
        assert!((x - std::f64::consts::FRAC_PI_4).abs() < 1e-12 && y == 0.0);
    }
}
