//! The points of a sweep in `base_link`, packed for the detectors.

use nalgebra::Isometry3;
use types::PointCloud;

/// A point in `base_link`: x forward, y left, z up, m.
pub(super) type Point = [f32; 3];

/// Takes all points of a sweep to `base_link`. `out` is overwritten and keeps the order of the sweep.
pub(super) fn to_base(cloud: &PointCloud, base_from_lidar: &Isometry3<f64>, out: &mut Vec<Point>) {
    let rotation = base_from_lidar.rotation.to_rotation_matrix().matrix().cast::<f32>();
    let offset = base_from_lidar.translation.vector.cast::<f32>();
    let row = |i: usize| [rotation[(i, 0)], rotation[(i, 1)], rotation[(i, 2)], offset[i]];
    let [a, b, c] = [row(0), row(1), row(2)];
    out.clear();
    out.extend(cloud.x.iter().zip(&cloud.y).zip(&cloud.z).map(|((&x, &y), &z)| {
        let along = |r: [f32; 4]| r[0] * x + r[1] * y + r[2] * z + r[3];
        [along(a), along(b), along(c)]
    }));
}

/// Where the lidar stands in the plane of `base_link`, m.
pub(super) fn sensor(base_from_lidar: &Isometry3<f64>) -> [f32; 2] {
    [base_from_lidar.translation.x as f32, base_from_lidar.translation.y as f32]
}
