//! What the points of a voxel lie on, and in which directions a point beside them is therefore wrong.
//!
//! A point may slide along a plane, and along a pole. That is what keeps the rings that a turning lidar draws on flat ground, and that
//! drive along with it, from holding the estimate in its place. A row of points that is not upright says nothing: most
//! such rows are rings. The three cases are those of generalised ICP (Segal et al., RSS 2009), cut down to what decides.

use nalgebra::{Matrix3, Vector3};

/// Least number of points that make a surface.
const FEWEST: usize = 5;
/// A plane is so much thinner than it is broad, and at least so broad for its length (ratios of variances).
const THIN: f64 = 0.1;
const BROAD: f64 = 0.05;
/// A row is so much thinner than long, and a pole at least so upright.
const ROW: f64 = 0.05;
const UPRIGHT: f64 = 0.9;
/// Weight of a voxel whose points lie on nothing simple: leaves and corners are worth less than walls.
const CLUTTER: f64 = 0.4;
/// Such points are flat if their heights differ by less than this (standard deviation), m: rough ground, which the rings cut as they like. It
/// tells the height and nothing of the place.
const FLAT_M: f64 = 0.1;

/// Where an error counts: `squared = error^T metric error`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Surface {
    /// xx, xy, xz, yy, yz, zz.
    metric: [f32; 6],
}

impl Surface {
    pub(super) fn metric(&self) -> Matrix3<f64> {
        let [xx, xy, xz, yy, yz, zz] = self.metric.map(f64::from);
        Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz)
    }

    /// Whether it says nothing.
    pub(super) fn is_unknown(&self) -> bool {
        self.metric == [0.0; 6]
    }

    fn of(metric: &Matrix3<f64>) -> Self {
        let [xx, xy, xz] = [metric[(0, 0)], metric[(0, 1)], metric[(0, 2)]];
        let [yy, yz, zz] = [metric[(1, 1)], metric[(1, 2)], metric[(2, 2)]];
        Self { metric: [xx, xy, xz, yy, yz, zz].map(|v| v as f32) }
    }
}

/// The surface of points, given as columns.
pub(super) fn fit([x, y, z]: &[Vec<f64>; 3]) -> Surface {
    let count = x.len();
    if count < FEWEST {
        return Surface::default();
    }
    let point = |i: usize| Vector3::new(x[i], y[i], z[i]);
    let mean = (0..count).map(point).sum::<Vector3<f64>>() / count as f64;
    let scatter = (0..count).map(|i| (point(i) - mean) * (point(i) - mean).transpose()).sum::<Matrix3<f64>>();
    let eigen = scatter.symmetric_eigen();
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| eigen.eigenvalues[a].total_cmp(&eigen.eigenvalues[b]));
    let [small, middle, large] = order.map(|i| eigen.eigenvalues[i].max(0.0));
    let direction = |i: usize| eigen.eigenvectors.column(order[i]).into_owned();
    let along = |direction: Vector3<f64>| direction * direction.transpose();
    if !large.is_finite() || large <= 0.0 {
        Surface::default()
    } else if middle < ROW * large {
        let axis = direction(2);
        if axis.z.abs() > UPRIGHT { Surface::of(&(Matrix3::identity() - along(axis))) } else { Surface::default() }
    } else if small < THIN * middle && middle > BROAD * large {
        Surface::of(&along(direction(0)))
    } else if scatter[(2, 2)] < FLAT_M * FLAT_M * count as f64 {
        Surface::of(&(along(Vector3::z()) * CLUTTER))
    } else {
        Surface::of(&(Matrix3::identity() * CLUTTER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points by two parameters in -0.3..0.3.
    fn points(place: impl Fn(f64, f64) -> [f64; 3]) -> Surface {
        let steps = || (0..4).map(|i| 0.2 * f64::from(i) - 0.3);
        let all: Vec<[f64; 3]> = steps().flat_map(|u| steps().map(|v| place(u, v)).collect::<Vec<_>>()).collect();
        let column = |axis: usize| all.iter().map(|p| p[axis]).collect::<Vec<_>>();
        fit(&[column(0), column(1), column(2)])
    }

    #[test]
    fn errors_count_across_and_not_along() {
        let squared = |surface: Surface, error: [f64; 3]| {
            let error = Vector3::from(error);
            (error.transpose() * surface.metric() * error)[0]
        };
        let ground = points(|u, v| [u, v, 0.01 * u * v]);
        assert!(squared(ground, [1.0, 1.0, 0.0]) < 0.01 && squared(ground, [0.0, 0.0, 1.0]) > 0.99);
        let pole = points(|u, v| [0.01 * v, 0.02 * v, 2.0 * u]);
        assert!(squared(pole, [0.0, 0.0, 1.0]) < 0.01 && squared(pole, [1.0, 0.0, 0.0]) > 0.98);
        let ring = points(|u, v| [0.01 * v, u, 0.0]);
        assert!(ring.is_unknown());
        let bush = points(|u, v| [u, v, (37.0 * (u + 3.0 * v)).sin() * 0.3]);
        assert!((squared(bush, [1.0, 0.0, 0.0]) - CLUTTER).abs() < 1e-6);
        // Grass, cut by rings: the height alone.
        let grass = points(|u, v| [u, 0.3 * v, (37.0 * (u + 3.0 * v)).sin() * 0.08]);
        assert!(squared(grass, [1.0, 1.0, 0.0]) < 1e-6 && squared(grass, [0.0, 0.0, 1.0]) > 0.1, "{grass:?}");
        assert!(points(|_, _| [1.0, 2.0, 3.0]).is_unknown() && fit(&Default::default()).is_unknown());
    }
}
