//! How many points of a sweep lie in each box.

use super::pillars::Pillars;
use crate::PillarsSpec;
use types::Box3;

/// Counts the points of the pillars in each box of `base_link`; borders count. Points in no pillar (outside the grid, on the vehicle) are in
/// no box.
///
/// Each box is entered into the cells that its footprint may touch, so that a point is held against the few boxes of its cell. The memory
/// is kept from sweep to sweep.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    /// For each cell one more than the index of its first link, or zero.
    first: Vec<u32>,
    /// Box, and one more than the index of the next link of the cell, or zero.
    links: Vec<(u32, u32)>,
    touched: Vec<u32>,
    upright: Vec<Upright>,
}

impl Counter {
    /// The number of points in each of `boxes`, into `counts`.
    pub fn count(&mut self, pillars: &Pillars, spec: &PillarsSpec, boxes: &[Box3], counts: &mut Vec<u32>) {
        counts.clear();
        counts.resize(boxes.len(), 0);
        self.enter(spec, boxes);
        let [x, y, z] = &pillars.position;
        for ((&cell, &x), (&y, &z)) in pillars.cell_of_point.iter().zip(x).zip(y.iter().zip(z)) {
            let mut link = self.first.get(cell as usize).copied().unwrap_or(0);
            while link != 0 {
                let (index, next) = self.links[link as usize - 1];
                if self.upright[index as usize].holds([x, y, z].map(f64::from)) {
                    counts[index as usize] += 1;
                }
                link = next;
            }
        }
    }

    /// Puts each box into every cell of the rectangle around its footprint.
    fn enter(&mut self, spec: &PillarsSpec, boxes: &[Box3]) {
        let size = spec.size();
        self.touched.iter().for_each(|&cell| self.first[cell as usize] = 0);
        self.touched.clear();
        self.links.clear();
        self.upright.clear();
        self.upright.extend(boxes.iter().map(Upright::new));
        self.first.resize(size * size, 0);
        for (index, bbox) in (0u32..).zip(boxes).filter(|(_, bbox)| bbox.is_valid()) {
            let corners = bbox.corners_bev();
            // One cell more on each side: the cells of the points were found in single precision.
            let span = |axis: usize| {
                let place = |value: f64| (value + f64::from(spec.reach_m)) / f64::from(spec.cell_m);
                let (low, high) = corners.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), corner| {
                    (low.min(corner[axis]), high.max(corner[axis]))
                });
                ((place(low) - 1.0).max(0.0) as usize).min(size)..((place(high) + 2.0).max(0.0) as usize).min(size)
            };
            for row in span(0) {
                for column in span(1) {
                    let cell = row * size + column;
                    self.links.push((index, self.first[cell]));
                    self.first[cell] = u32::try_from(self.links.len()).unwrap_or(0);
                    self.touched.push(u32::try_from(cell).unwrap_or(0));
                }
            }
        }
    }
}

/// A box with the sine and cosine of its heading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upright {
    pub center: [f64; 3],
    pub half: [f64; 3],
    pub sin_cos: (f64, f64),
}

impl Upright {
    pub fn new(bbox: &Box3) -> Self {
        let half = [0.5 * bbox.length, 0.5 * bbox.width, 0.5 * bbox.height];
        Self { center: bbox.center, half, sin_cos: bbox.yaw.sin_cos() }
    }

    fn holds(&self, point: [f64; 3]) -> bool {
        let [dx, dy, dz] = [0, 1, 2].map(|axis| point[axis] - self.center[axis]);
        let (sin, cos) = self.sin_cos;
        let [length, width, height] = self.half;
        (cos * dx + sin * dy).abs() <= length && (cos * dy - sin * dx).abs() <= width && dz.abs() <= height
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Isometry3;
    use proptest::prelude::*;

    fn spec() -> PillarsSpec {
        PillarsSpec {
            cell_m: 0.5,
            reach_m: 20.0,
            heights_m: vec![-1.0, 3.0],
            own_x_m: [-1.0, 1.0],
            own_y_m: [-1.0, 1.0],
        }
    }

    fn pillars(points: &[[f32; 3]]) -> Pillars {
        let columns = [0, 1, 2].map(|axis| points.iter().map(|point| point[axis]).collect::<Vec<f32>>());
        let mut pillars = Pillars::default();
        let spec = spec();
        let mut tensor = vec![0.0; spec.channels() * spec.size() * spec.size()];
        pillars.fill([&columns[0], &columns[1], &columns[2]], &Isometry3::identity(), &spec, &mut tensor);
        pillars
    }

    fn any_box() -> impl Strategy<Value = Box3> {
        let place = || prop_oneof![9 => -25.0..25.0f64, 1 => any::<f64>()];
        let extent = || prop_oneof![9 => 0.0..8.0f64, 1 => any::<f64>()];
        (place(), place(), -2.0..4.0f64, (extent(), extent(), extent()), -4.0..4.0f64)
            .prop_map(|(x, y, z, (length, width, height), yaw)| Box3 { center: [x, y, z], length, width, height, yaw })
    }

    proptest! {
        #[test]
        fn the_counts_are_those_of_looking_at_every_point(
            points in prop::collection::vec(prop::array::uniform3(-22.0..22.0f32), 0..300),
            first in prop::collection::vec(any_box(), 0..8), second in prop::collection::vec(any_box(), 0..8),
        ) {
            let points: Vec<_> = points.iter().map(|[x, y, z]| [*x, *y, 0.1 * z]).collect();
            let pillars = pillars(&points);
            let (mut counter, mut counts) = (Counter::default(), Vec::new());
            for boxes in [first, second] {
                counter.count(&pillars, &spec(), &boxes, &mut counts);
                let seen = |bbox: &Box3| {
                    let inside = points.iter().zip(&pillars.cell_of_point)
                        .filter(|(point, cell)| **cell != super::super::pillars::NONE && Upright::new(bbox).holds(point.map(f64::from)));
                    if bbox.is_valid() { inside.count() as u32 } else { 0 }
                };
                prop_assert_eq!(&counts, &boxes.iter().map(seen).collect::<Vec<_>>());
            }
        }
    }
}
