//! A sweep becomes pillars: what stands in each cell of a grid over the ground.
//!
//! The vertical columns of A. H. Lang, S. Vora, H. Caesar, L. Zhou, J. Yang, O. Beijbom: "PointPillars: Fast Encoders for Object
//! Detection from Point Clouds", CVPR 2019, with fixed features in the place of learned ones: nothing is sampled, so that every point
//! counts and the same sweep gives the same bits. All in single precision; heights are summed as integers, so that the order of the points
//! does not matter, and a device that takes all of them at once gives the same bits.

use crate::PillarsSpec;
use nalgebra::Isometry3;

/// The cell of a point that is in none.
pub const NONE: u32 = u32::MAX;

/// Channels before those of the height slices: highest, lowest, mean, count.
pub const PLAIN_CHANNELS: usize = 4;
/// Heights are given in units of this, m.
const HEIGHT_UNIT_M: f32 = 2.0;
/// The logarithm of the count is given in units of this.
const COUNT_UNIT: f32 = 4.0;
/// Heights are summed in units of 1 over this, m: finer than a height in single precision is above 1 m.
const SUMS_PER_M: f32 = 16_777_216.0;
/// So many points are placed before their cells are filled: what they need stays in the nearest cache.
const BLOCK: usize = 1024;

/// What a cell has seen so far.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    count: u32,
    /// In units of 1 m over [`SUMS_PER_M`].
    sum: i64,
    highest: f32,
    lowest: f32,
    /// Bit i: a point lies in height slice i.
    slices: u32,
}

const EMPTY: Cell = Cell { count: 0, sum: 0, highest: f32::NEG_INFINITY, lowest: f32::INFINITY, slices: 0 };

/// The points of a sweep in `base_link` and their cells; the memory is kept from sweep to sweep.
#[derive(Clone, Debug, Default)]
pub struct Pillars {
    /// x, y and z of each point in `base_link`, m.
    pub position: [Vec<f32>; 3],
    /// For each point its cell (row * columns + column), or [`NONE`] if it is in no pillar.
    pub cell_of_point: Vec<u32>,
    cells: Vec<Cell>,
    /// The cells with points, in rising order.
    touched: Vec<u32>,
    /// One bit for each cell.
    bits: Vec<u64>,
}

impl Pillars {
    /// Writes the features of a sweep into `tensor` (channels x rows x columns, see [`PillarsSpec`] for the cells): for a cell with points
    /// the highest, lowest and mean z in units of 2 m, ln(1 + count) / 4, and for each height slice one if a point lies in it, else zero;
    /// all zero for a cell without. `x`, `y` and `z` are in the lidar's frame, m; the shortest counts.
    ///
    /// A point outside the grid or the slices, on the vehicle itself, or with a coordinate that is not finite is in no pillar. `tensor`
    /// must be as the last call left it, or all zero before the first: only the cells that had or have points are written. Returns
    /// `false` and does nothing if its size is not that of the grid.
    pub fn fill(
        &mut self,
        [x, y, z]: [&[f32]; 3],
        base_from_lidar: &Isometry3<f64>,
        spec: &PillarsSpec,
        tensor: &mut [f32],
    ) -> bool {
        let plane = spec.size() * spec.size();
        if tensor.len() != plane * spec.channels() || plane == 0 {
            return false;
        }
        self.clear(plane, tensor);
        let points = x.len().min(y.len()).min(z.len());
        self.position.iter_mut().for_each(|column| column.resize(points, 0.0));
        self.cell_of_point.resize(points, NONE);
        let placement = Placement::new(base_from_lidar, spec);
        for first in (0..points).step_by(BLOCK) {
            let block = first..points.min(first + BLOCK);
            let [to_x, to_y, to_z] = &mut self.position;
            placement.place(
                [&x[block.clone()], &y[block.clone()], &z[block.clone()]],
                [&mut to_x[block.clone()], &mut to_y[block.clone()], &mut to_z[block.clone()]],
                &mut self.cell_of_point[block.clone()],
            );
            self.gather(block, &spec.heights_m);
        }
        self.list_touched();
        self.write(plane, tensor);
        true
    }

    /// Takes back what the last sweep left in the cells and in the tensor.
    fn clear(&mut self, plane: usize, tensor: &mut [f32]) {
        if self.cells.len() != plane {
            self.touched.clear();
            self.cells = vec![EMPTY; plane];
            self.bits = vec![0; plane.div_ceil(64)];
            tensor.fill(0.0);
        }
        for &cell in &self.touched {
            self.cells[cell as usize] = EMPTY;
        }
        for channel in tensor.chunks_exact_mut(plane) {
            for &cell in &self.touched {
                channel[cell as usize] = 0.0;
            }
        }
        self.touched.clear();
    }

    /// Adds the points of a block to their cells, in their order.
    fn gather(&mut self, block: std::ops::Range<usize>, heights_m: &[f32]) {
        let inner_edges = inner_edges(heights_m);
        for (&index, &z) in self.cell_of_point[block.clone()].iter().zip(&self.position[2][block]) {
            let Some(cell) = self.cells.get_mut(index as usize) else { continue };
            let slice = inner_edges.iter().filter(|edge| z >= **edge).count();
            cell.count += 1;
            cell.sum += (z * SUMS_PER_M) as i64;
            cell.highest = cell.highest.max(z);
            cell.lowest = cell.lowest.min(z);
            cell.slices |= 1 << slice;
            self.bits[index as usize / 64] |= 1 << (index % 64);
        }
    }

    /// Turns the bits into a list, in rising order, and clears them.
    fn list_touched(&mut self) {
        for (word, bits) in (0u32..).zip(&mut self.bits) {
            while *bits != 0 {
                self.touched.push(64 * word + bits.trailing_zeros());
                *bits &= *bits - 1;
            }
        }
    }

    fn write(&self, plane: usize, tensor: &mut [f32]) {
        for (index, channel) in tensor.chunks_exact_mut(plane).enumerate() {
            let mut each = |feature: &dyn Fn(&Cell) -> f32| {
                for &at in &self.touched {
                    channel[at as usize] = feature(&self.cells[at as usize]);
                }
            };
            match index {
                0 => each(&|cell| cell.highest / HEIGHT_UNIT_M),
                1 => each(&|cell| cell.lowest / HEIGHT_UNIT_M),
                2 => each(&|cell| cell.sum as f32 * (1.0 / SUMS_PER_M) / cell.count as f32 / HEIGHT_UNIT_M),
                3 => each(&|cell| count_feature(cell.count)),
                _ => each(&|cell| (cell.slices >> (index - PLAIN_CHANNELS) & 1) as f32),
            }
        }
    }
}

/// The heights between the slices.
pub(crate) fn inner_edges(heights_m: &[f32]) -> &[f32] {
    heights_m.get(1..heights_m.len().saturating_sub(1)).unwrap_or_default()
}

/// The feature of a cell with so many points.
pub(crate) fn count_feature(count: u32) -> f32 {
    (1.0 + count as f32).ln() / COUNT_UNIT
}

/// From the lidar's frame to `base_link` and to the cell.
pub(crate) struct Placement {
    pub rows: [[f32; 4]; 3],
    pub reach_m: f32,
    pub cell_m: f32,
    pub size: f32,
    pub columns: u32,
    pub heights_m: [f32; 2],
    pub own_x_m: [f32; 2],
    pub own_y_m: [f32; 2],
}

impl Placement {
    pub fn new(base_from_lidar: &Isometry3<f64>, spec: &PillarsSpec) -> Self {
        let rotation = base_from_lidar.rotation.to_rotation_matrix().matrix().cast::<f32>();
        let offset = base_from_lidar.translation.vector.cast::<f32>();
        let bound = |edge: Option<&f32>| edge.copied().unwrap_or(f32::NAN);
        Self {
            rows: [0, 1, 2].map(|i| [rotation[(i, 0)], rotation[(i, 1)], rotation[(i, 2)], offset[i]]),
            reach_m: spec.reach_m,
            cell_m: spec.cell_m,
            size: spec.size() as f32,
            columns: u32::try_from(spec.size()).unwrap_or(0),
            heights_m: [bound(spec.heights_m.first()), bound(spec.heights_m.last())],
            own_x_m: spec.own_x_m,
            own_y_m: spec.own_y_m,
        }
    }

    /// Takes a block of points to `base_link` and finds their cells. No branch within: the compiler vectorises it.
    fn place(&self, [x, y, z]: [&[f32]; 3], [to_x, to_y, to_z]: [&mut [f32]; 3], cells: &mut [u32]) {
        let [a, b, c] = self.rows;
        let taken = to_x.iter_mut().zip(to_y).zip(to_z).zip(cells);
        for (((&x, &y), &z), (((to_x, to_y), to_z), cell)) in x.iter().zip(y).zip(z).zip(taken) {
            let along = |r: [f32; 4]| r[0] * x + r[1] * y + r[2] * z + r[3];
            let (x, y, z) = (along(a), along(b), along(c));
            (*to_x, *to_y, *to_z) = (x, y, z);
            let (row, column) = ((x + self.reach_m) / self.cell_m, (y + self.reach_m) / self.cell_m);
            let inside = (row >= 0.0)
                & (row < self.size)
                & (column >= 0.0)
                & (column < self.size)
                & (z >= self.heights_m[0])
                & (z <= self.heights_m[1]);
            let own = (x > self.own_x_m[0]) & (x < self.own_x_m[1]) & (y > self.own_y_m[0]) & (y < self.own_y_m[1]);
            // Both are positive here, so that cutting off the fraction is rounding down.
            let index = (row as i32 as u32).wrapping_mul(self.columns).wrapping_add(column as i32 as u32);
            *cell = if inside & !own { index } else { NONE };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Translation3, UnitQuaternion};
    use proptest::prelude::*;

    fn spec() -> PillarsSpec {
        PillarsSpec {
            cell_m: 0.2,
            reach_m: 41.6,
            heights_m: vec![-1.0, 0.2, 0.5, 0.9, 1.4, 2.0, 3.4],
            own_x_m: [-1.2, 3.8],
            own_y_m: [-1.0, 1.0],
        }
    }

    const PLANE: usize = 416 * 416;

    fn columns(points: &[[f32; 3]]) -> [Vec<f32>; 3] {
        [0, 1, 2].map(|axis| points.iter().map(|point| point[axis]).collect())
    }

    fn fill(pillars: &mut Pillars, points: &[[f32; 3]], tensor: &mut [f32]) {
        let [x, y, z] = columns(points);
        assert!(pillars.fill([&x, &y, &z], &Isometry3::identity(), &spec(), tensor));
    }

    fn fresh(points: &[[f32; 3]]) -> Vec<f32> {
        let mut tensor = vec![0.0; 10 * PLANE];
        fill(&mut Pillars::default(), points, &mut tensor);
        tensor
    }

    fn cell(tensor: &[f32], row: usize, column: usize) -> [f32; 10] {
        std::array::from_fn(|channel| tensor[channel * PLANE + row * 416 + column])
    }

    #[test]
    fn the_features_of_a_cell_are_those_of_its_points() {
        let tensor = fresh(&[[10.05, -5.05, 0.3], [10.15, -5.15, 1.5], [10.1, -5.1, 0.4], [30.0, 30.0, 3.0]]);
        let mean = (0.3 + 1.5 + 0.4f32) / 3.0 / 2.0;
        let expected = [0.75, 0.15, mean, 4f32.ln() / 4.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0];
        assert_eq!(cell(&tensor, 258, 182), expected);
        assert_eq!(tensor.iter().filter(|v| **v != 0.0).count(), 6 + 5);
    }

    #[test]
    fn borders_belong_to_the_cell_above_them_and_the_highest_to_the_slice_below() {
        let inside = fresh(&[[-41.6, 41.5, -1.0], [41.5, -41.6, 3.4], [5.1, 0.1, 2.0]]);
        assert_eq!(cell(&inside, 0, 415)[1], -0.5);
        assert_eq!(cell(&inside, 415, 0), [1.7, 1.7, 1.7, 2f32.ln() / 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(cell(&inside, 233, 208)[9], 1.0);
        let outside = [[41.7, 0.0, 0.0], [0.0, -41.7, 0.0], [9.0, 0.0, -1.01], [9.0, 0.0, 3.41], [0.0, 0.5, 0.5]];
        assert!(fresh(&outside).iter().all(|v| *v == 0.0));
    }

    #[test]
    fn points_are_taken_to_the_vehicle() {
        let base_from_lidar = Isometry3::from_parts(
            Translation3::new(0.76, 0.0, 1.73),
            UnitQuaternion::from_euler_angles(0.0, 0.0, std::f64::consts::FRAC_PI_2),
        );
        let mut pillars = Pillars::default();
        assert!(pillars.fill([&[10.0], &[0.0], &[-1.0]], &base_from_lidar, &spec(), &mut vec![0.0; 10 * PLANE]));
        let position = [0, 1, 2].map(|axis: usize| pillars.position[axis][0]);
        assert!(
            (position[0] - 0.76).abs() < 1e-5 && (position[1] - 10.0).abs() < 1e-5 && (position[2] - 0.73).abs() < 1e-5
        );
        assert_eq!(pillars.cell_of_point, [211 * 416 + 258]);
    }

    #[test]
    fn broken_points_and_wrong_sizes_do_no_harm() {
        let [nan, inf, huge] = [f32::NAN, f32::INFINITY, f32::MAX];
        let points: Vec<[f32; 3]> = [nan, inf, -inf, huge, -huge]
            .iter()
            .flat_map(|&bad| [[bad, 9.0, 0.5], [9.0, bad, 0.5], [9.0, 9.0, bad], [bad; 3]])
            .collect();
        assert!(fresh(&points).iter().all(|v| *v == 0.0));
        assert!(fresh(&[]).iter().all(|v| *v == 0.0));
        let identity = Isometry3::identity();
        assert!(!Pillars::default().fill([&[], &[], &[]], &identity, &spec(), &mut [0.0; 10]));
    }

    fn any_points() -> impl Strategy<Value = Vec<[f32; 3]>> {
        let place =
            prop_oneof![8 => -45.0..45.0f32, 4 => (-210..210i32).prop_map(|n| n as f32 * 0.2), 1 => any::<f32>()];
        let height = prop_oneof![8 => -1.5..4.0f32, 1 => any::<f32>()];
        prop::collection::vec((place.clone(), place, height).prop_map(|(x, y, z)| [x, y, z]), 0..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn nothing_stays_from_the_sweep_before(first in any_points(), second in any_points()) {
            let mut pillars = Pillars::default();
            let mut tensor = vec![0.0; 10 * PLANE];
            fill(&mut pillars, &first, &mut tensor);
            fill(&mut pillars, &second, &mut tensor);
            prop_assert!(tensor == fresh(&second));
        }

        #[test]
        fn features_are_finite_and_do_not_know_the_order(points in any_points(), turn in 0usize..200) {
            let straight = fresh(&points);
            prop_assert!(straight.iter().all(|v| v.is_finite()));
            let mut turned = points.clone();
            if !turned.is_empty() {
                let turn = turn % turned.len();
                turned.rotate_left(turn);
            }
            let turned = fresh(&turned);
            prop_assert!(straight == turned);
        }
    }
}
