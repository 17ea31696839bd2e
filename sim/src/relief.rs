//! Ground that is no plane: heights and surfaces on a raster.

use crate::scene::Ground;
use crate::shape::Ray;
use crate::surface::Surface;
use nalgebra::Vector3;

/// Side of a cell, m.
const CELL_M: f64 = 0.25;
/// Cells of a side.
const SIDE: usize = 800;
/// Slope that a step of the search allows for: what is steeper may be stepped over where it is lower than the step is long.
const TYPICAL_SLOPE: f64 = 0.05;

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

    /// Column or row of a cell's lower corner, and the place in the cell from 0 to 1.
    fn place(value: f64) -> (usize, f64) {
        let cells = (value / CELL_M + 0.5 * SIDE as f64).clamp(0.0, (SIDE - 1) as f64 - 1e-6);
        let cell = cells as usize;
        (cell, cells - cell as f64)
    }

    /// Height of a place and its rise along x and y.
    fn tangent(&self, x: f64, y: f64) -> (f64, [f64; 2]) {
        let ((column, u), (row, v)) = (Self::place(x), Self::place(y));
        let first = row * SIDE + column;
        let corner = |i: usize| f64::from(self.heights[i]);
        let (a, b, c, d) = (corner(first), corner(first + 1), corner(first + SIDE), corner(first + SIDE + 1));
        let (low, high) = (a + u * (b - a), c + u * (d - c));
        let along_x = (b - a) + v * ((d - c) - (b - a));
        (low + v * (high - low), [along_x / CELL_M, (high - low) / CELL_M])
    }
}

impl Ground for Relief {
    fn height_m(&self, x: f64, y: f64) -> f64 {
        self.tangent(x, y).0
    }

    fn enter(&self, ray: &Ray, reach: f64) -> Option<(f64, Vector3<f64>, Surface)> {
        let (slope, level) = (ray.direction.z, ray.direction.xy().norm().max(1e-9));
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
        let (fall, shortest) = (TYPICAL_SLOPE * level - slope.min(0.0), 0.15 / level);
        let (far, below) = loop {
            if near >= reach || (slope > 0.0 && ray.origin.z + slope * near > self.highest) {
                return None;
            }
            let far = near + (gap / fall).max(shortest);
            let next = above(far);
            if next <= 0.0 {
                break (far, next);
            }
            (near, gap) = (far, next);
        };
        let distance = meet(&above, [near, gap], [far, below]);
        let point = ray.at(distance);
        let (_, [along_x, along_y]) = self.tangent(point.x, point.y);
        let ((column, u), (row, v)) = (Self::place(point.x), Self::place(point.y));
        let cell = (row + usize::from(v > 0.5)) * SIDE + column + usize::from(u > 0.5);
        let kind = self.surfaces.get(cell).map_or(0, |kind| usize::from(*kind));
        (distance < reach).then(|| (distance, Vector3::new(-along_x, -along_y, 1.0).normalize(), self.kinds[kind]))
    }
}

/// Where a function changes its sign between two places, each with its value: false position with the Illinois step.
fn meet(function: &impl Fn(f64) -> f64, [mut a, mut above]: [f64; 2], [mut b, mut below]: [f64; 2]) -> f64 {
    let mut last = 0.0;
    for _ in 0..8 {
        let middle = a + (b - a) * above / (above - below);
        let value = function(middle);
        if value.abs() < 1e-3 {
            return middle;
        }
        if value > 0.0 {
            (a, above) = (middle, value);
            below *= if last > 0.0 { 0.5 } else { 1.0 };
        } else {
            (b, below) = (middle, value);
            above *= if last < 0.0 { 0.5 } else { 1.0 };
        }
        last = value;
    }
    0.5 * (a + b)
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
