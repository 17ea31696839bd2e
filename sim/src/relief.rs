//! Ground that is no plane: heights and surfaces on a raster.

use crate::scene::Ground;
use crate::shape::Ray;
use crate::surface::Surface;
use nalgebra::Vector3;

/// Side of a cell, m.
const CELL_M: f64 = 0.2;
/// Cells of a side.
const SIDE: usize = 1000;
/// Steepest slope that a step of the search allows for.
const STEEPEST: f64 = 0.12;

/// Heights at the corners of square cells around the origin, blended in between. Outside the raster the border goes on.
#[derive(Clone, Debug)]
pub struct Relief {
    heights: Vec<f32>,
    surfaces: Vec<u8>,
    kinds: Vec<Surface>,
    highest: f64,
}

impl Relief {
    /// A raster of what `at` tells of each place: height in m and the index of one of `kinds`.
    pub fn new(kinds: Vec<Surface>, at: impl Fn(f64, f64) -> (f64, u8)) -> Self {
        let coordinate = |i: usize| (i as f64 - 0.5 * SIDE as f64) * CELL_M;
        let (mut heights, mut surfaces) = (Vec::with_capacity(SIDE * SIDE), Vec::with_capacity(SIDE * SIDE));
        for row in 0..SIDE {
            for column in 0..SIDE {
                let (height, kind) = at(coordinate(column), coordinate(row));
                heights.push(height as f32);
                surfaces.push(kind);
            }
        }
        let highest = heights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Self { heights, surfaces, kinds, highest: f64::from(highest) }
    }

    /// Column and row of the cell's lower corner and the place in the cell.
    fn place(value: f64) -> (usize, f64) {
        let cells = (value / CELL_M + 0.5 * SIDE as f64).clamp(0.0, (SIDE - 1) as f64 - 1e-9);
        (cells as usize, cells - cells.floor())
    }
}

impl Ground for Relief {
    fn height_m(&self, x: f64, y: f64) -> f64 {
        let ((column, u), (row, v)) = (Self::place(x), Self::place(y));
        let at = |i: usize| f64::from(self.heights[i]);
        let first = row * SIDE + column;
        let low = at(first) + u * (at(first + 1) - at(first));
        let high = at(first + SIDE) + u * (at(first + SIDE + 1) - at(first + SIDE));
        low + v * (high - low)
    }

    fn enter(&self, ray: &Ray, reach: f64) -> Option<(f64, Vector3<f64>, Surface)> {
        let (slope, level) = (ray.direction.z, ray.direction.x.hypot(ray.direction.y).max(1e-9));
        let above = |distance: f64| {
            let point = ray.at(distance);
            point.z - self.height_m(point.x, point.y)
        };
        let mut near = 0.0;
        if ray.origin.z > self.highest {
            if slope >= 0.0 {
                return None;
            }
            near = (self.highest - ray.origin.z) / slope;
        }
        let mut gap = above(near);
        if gap < 0.0 {
            return None;
        }
        loop {
            if near >= reach || (slope > 0.0 && ray.origin.z + slope * near > self.highest) {
                return None;
            }
            let far = near + (gap / (STEEPEST * level - slope.min(0.0))).max(0.15 / level.max(0.1));
            let next = above(far);
            if next <= 0.0 {
                let (mut low, mut high) = (near, far);
                for _ in 0..7 {
                    let middle = low + (high - low) * 0.5;
                    if above(middle) > 0.0 { low = middle } else { high = middle }
                }
                let distance = 0.5 * (low + high);
                let point = ray.at(distance);
                let rise = |dx: f64, dy: f64| {
                    self.height_m(point.x + dx, point.y + dy) - self.height_m(point.x - dx, point.y - dy)
                };
                let half = 0.5 * CELL_M;
                let normal = Vector3::new(-rise(half, 0.0) / CELL_M, -rise(0.0, half) / CELL_M, 1.0).normalize();
                let ((column, u), (row, v)) = (Self::place(point.x), Self::place(point.y));
                let cell = (row + usize::from(v > 0.5)) * SIDE + column + usize::from(u > 0.5);
                let kind = self.surfaces.get(cell).map_or(0, |kind| usize::from(*kind));
                return (distance < reach).then(|| (distance, normal, self.kinds[kind]));
            }
            (near, gap) = (far, next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wavy() -> Relief {
        Relief::new(vec![Surface::Asphalt, Surface::Grass], |x, y| {
            (0.3 * (0.1 * x).sin() + 0.02 * y, u8::from(y > 0.0))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// A ray ends on the ground, and stays above it until then.
        #[test]
        fn rays_end_on_the_ground(angles in prop::collection::vec((0.0..6.2f64, -0.5..-0.02f64), 50)) {
            let relief = wavy();
            for (azimuth, slope) in angles {
                let ray = Ray { origin: Vector3::new(0.0, 0.0, 1.8), direction: Vector3::new(azimuth.cos(), azimuth.sin(), slope) };
                if let Some((distance, normal, surface)) = relief.enter(&ray, 90.0) {
                    let point = ray.at(distance);
                    prop_assert!((point.z - relief.height_m(point.x, point.y)).abs() < 0.02, "{point}");
                    prop_assert!((normal.norm() - 1.0).abs() < 1e-9 && normal.z > 0.9);
                    if point.y.abs() > 0.2 {
                        prop_assert_eq!(surface == Surface::Grass, point.y > 0.0);
                    }
                    for i in 0..100 {
                        let before = ray.at(distance * f64::from(i) / 101.0);
                        prop_assert!(before.z > relief.height_m(before.x, before.y) - 0.02);
                    }
                }
            }
        }
    }
}
