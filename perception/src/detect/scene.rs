//! A small world for tests: boxes on a plane, seen by a spinning lidar.

use nalgebra::Isometry3;
use types::{Box3, Calibration, PointCloud};

/// A lidar at a height above the ground, 0.76 m ahead of the rear axle.
pub(super) struct Lidar {
    pub beams: usize,
    pub height_m: f64,
}

impl Lidar {
    pub fn calibration(&self) -> Calibration {
        Calibration { base_from_lidar: Isometry3::translation(0.76, 0.0, self.height_m), camera: None }
    }

    /// One sweep over flat ground and boxes of `base_link`: the index of the box that each point hit, `None` for ground.
    pub fn sweep(&self, boxes: &[Box3]) -> (PointCloud, Vec<Option<usize>>) {
        let (mut cloud, mut hits) = (PointCloud::default(), Vec::new());
        for beam in 0..self.beams {
            let pitch = (-25.0 + 28.0 * beam as f64 / (self.beams - 1) as f64).to_radians();
            for turn in 0..1800 {
                let azimuth = (0.2 * f64::from(turn)).to_radians();
                let ray = [azimuth.cos() * pitch.cos(), azimuth.sin() * pitch.cos(), pitch.sin()];
                let ground = if ray[2] < 0.0 { -self.height_m / ray[2] } else { f64::INFINITY };
                let of_boxes = boxes.iter().enumerate().map(|(index, b)| (self.distance(&ray, b), Some(index)));
                let (distance, hit) =
                    of_boxes.fold((ground, None), |best, next| if next.0 < best.0 { next } else { best });
                if distance < 70.0 {
                    cloud.x.push((ray[0] * distance) as f32);
                    cloud.y.push((ray[1] * distance) as f32);
                    cloud.z.push((ray[2] * distance) as f32);
                    cloud.intensity.push(0.3);
                    hits.push(hit);
                }
            }
        }
        (cloud, hits)
    }

    /// Distance along a ray to a box (slab method).
    fn distance(&self, ray: &[f64; 3], b: &Box3) -> f64 {
        let (sin, cos) = b.yaw.sin_cos();
        let (dx, dy) = (0.76 - b.center[0], -b.center[1]);
        let start = [cos * dx + sin * dy, cos * dy - sin * dx, self.height_m - b.center[2]];
        let along = [cos * ray[0] + sin * ray[1], cos * ray[1] - sin * ray[0], ray[2]];
        let half = [0.5 * b.length, 0.5 * b.width, 0.5 * b.height];
        let (mut enter, mut leave) = (0.0f64, f64::INFINITY);
        for axis in 0..3 {
            let [a, b] = [-half[axis], half[axis]].map(|side| (side - start[axis]) / along[axis]);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        if enter < leave { enter } else { f64::INFINITY }
    }
}

/// A box that stands on the ground.
pub(super) fn standing(x: f64, y: f64, size: [f64; 3], yaw: f64) -> Box3 {
    Box3 { center: [x, y, 0.5 * size[2]], length: size[0], width: size[1], height: size[2], yaw }
}
