//! The points of a sweep in `base_link`, packed for the detectors.

use nalgebra::Isometry3;
use types::PointCloud;

/// A point in `base_link`: x forward, y left, z up, m.
pub(super) type Point = [f32; 3];

/// All points of a sweep in `base_link`, in its order, one column for each coordinate.
#[derive(Default)]
pub(super) struct Columns {
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub z: Vec<f32>,
}

impl Columns {
    /// Takes all points of a sweep to `base_link`. The memory of the last sweep is used again.
    pub fn fill(&mut self, cloud: &PointCloud, base_from_lidar: &Isometry3<f64>) {
        let rotation = base_from_lidar.rotation.to_rotation_matrix().matrix().cast::<f32>();
        let offset = base_from_lidar.translation.vector.cast::<f32>();
        let row = |i: usize| [rotation[(i, 0)], rotation[(i, 1)], rotation[(i, 2)], offset[i]];
        let [a, b, c] = [row(0), row(1), row(2)];
        let count = cloud.x.len().min(cloud.y.len()).min(cloud.z.len());
        for column in [&mut self.x, &mut self.y, &mut self.z] {
            column.resize(count, 0.0);
        }
        let taken = self.x.iter_mut().zip(&mut self.y).zip(&mut self.z);
        for (((&x, &y), &z), ((out_x, out_y), out_z)) in cloud.x.iter().zip(&cloud.y).zip(&cloud.z).zip(taken) {
            let along = |r: [f32; 4]| r[0] * x + r[1] * y + r[2] * z + r[3];
            (*out_x, *out_y, *out_z) = (along(a), along(b), along(c));
        }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// One point; `index` is below [`len`](Self::len).
    pub fn at(&self, index: usize) -> Point {
        [self.x[index], self.y[index], self.z[index]]
    }
}

/// Where the lidar stands in the plane of `base_link`, m.
pub(super) fn sensor(base_from_lidar: &Isometry3<f64>) -> [f32; 2] {
    [base_from_lidar.translation.x as f32, base_from_lidar.translation.y as f32]
}
