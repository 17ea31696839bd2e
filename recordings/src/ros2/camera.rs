//! `sensor_msgs/CameraInfo` as a pinhole camera.

use super::messages::CameraInfo;
use nalgebra::{Isometry3, Matrix3};
use types::CameraModel;

/// The camera of these images. Rectified images (`rect` in the topic) are projected by P, raw ones by K.
pub(super) fn model(info: &CameraInfo, topic: &str, camera_from_lidar: Isometry3<f64>) -> CameraModel {
    let p = &info.p;
    let k = if is_rectified(topic) && p[0] > 0.0 {
        Matrix3::new(p[0], p[1], p[2], p[4], p[5], p[6], p[8], p[9], p[10])
    } else {
        Matrix3::from_row_slice(&info.k)
    };
    CameraModel { width: info.width as usize, height: info.height as usize, k, camera_from_lidar }
}

fn is_rectified(topic: &str) -> bool {
    topic.contains("rect")
}

/// How far the lens moves the corners of the image, px, if it is not rectified: the pinhole camera does not know.
pub(super) fn distortion_px(info: &CameraInfo, topic: &str) -> f64 {
    let [fx, _, cx, _, fy, cy, ..] = info.k;
    if is_rectified(topic) || info.d.iter().all(|&value| value == 0.0) || fx <= 0.0 || fy <= 0.0 {
        return 0.0;
    }
    let (width, height) = (f64::from(info.width), f64::from(info.height));
    let corners = [[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]];
    let moved = corners.map(|[u, v]| {
        let (x, y) = ((u - cx) / fx, (v - cy) / fy);
        let [dx, dy] = distorted(&info.distortion_model, &info.d, x, y);
        (fx * (dx - x)).hypot(fy * (dy - y))
    });
    moved.into_iter().fold(0.0, f64::max)
}

/// Where the lens puts a ray: `plumb_bob`, `rational_polynomial` (OpenCV's) and `equidistant` (fisheye).
fn distorted(model: &str, d: &[f64], x: f64, y: f64) -> [f64; 2] {
    let d = |n: usize| d.get(n).copied().unwrap_or(0.0);
    let r2 = x * x + y * y;
    if matches!(model, "equidistant" | "fisheye") {
        let r = r2.sqrt();
        let (t, t2) = (r.atan(), r.atan().powi(2));
        let scale = if r > 0.0 { t * (1.0 + t2 * (d(0) + t2 * (d(1) + t2 * (d(2) + t2 * d(3))))) / r } else { 1.0 };
        return [x * scale, y * scale];
    }
    let radial = (1.0 + r2 * (d(0) + r2 * (d(1) + r2 * d(4)))) / (1.0 + r2 * (d(5) + r2 * (d(6) + r2 * d(7))));
    [
        x * radial + 2.0 * d(2) * x * y + d(3) * (r2 + 2.0 * x * x),
        y * radial + d(2) * (r2 + 2.0 * y * y) + 2.0 * d(3) * x * y,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectified_images_use_the_projection() {
        let mut info = CameraInfo { width: 1000, height: 500, ..CameraInfo::default() };
        info.k = [600.0, 0.0, 500.0, 0.0, 600.0, 250.0, 0.0, 0.0, 1.0];
        info.p = [580.0, 0.0, 490.0, 0.0, 0.0, 580.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        info.distortion_model = "plumb_bob".into();
        info.d = vec![-0.1, 0.0, 0.0, 0.0, 0.0];
        let at = |topic| model(&info, topic, Isometry3::identity()).k[(0, 0)];
        assert_eq!((at("/camera/image_raw"), at("/camera/image_rect_color")), (600.0, 580.0));
        assert_eq!(distortion_px(&info, "/camera/image_rect"), 0.0);
        // A tenth of the radius cubed: r^2 = (5/6)^2 + (2.5/6)^2 = 0.868 at the corner.
        let r = 0.868_f64.sqrt();
        assert!((distortion_px(&info, "/camera/image_raw") - 600.0 * 0.1 * r.powi(3)).abs() < 0.1);
    }
}
