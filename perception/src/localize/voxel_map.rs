//! The local map: up to twenty points a voxel, found again by their voxel's neighbours, and what surface they lie on.

use super::surface::{Surface, fit};
use super::voxel_index::{VoxelIndex, VoxelKey, voxel_key};
use nalgebra::{Isometry3, Point3, Vector3};

/// Most points that a voxel keeps.
const CAPACITY: usize = 20;
/// A surface is fitted to the points within so many voxel sizes of the middle of a voxel's points.
const REACH: f64 = 1.15;
/// It is fitted anew when the voxels around hold so many times more points than they did.
const GROWN: f64 = 1.4;
/// Coordinate of an unused place, m: farther than any gate.
const FAR: f32 = 1e9;
/// The 27 voxels around a point, nearest kinds first: itself, faces, edges, corners.
const AROUND: [[i32; 3]; 27] = around();

const fn around() -> [[i32; 3]; 27] {
    let mut offsets = [[0; 3]; 27];
    let (mut count, mut distance) = (0, 0);
    while distance <= 3 {
        let mut code = 0;
        while code < 27 {
            let offset = [code % 3 - 1, code / 3 % 3 - 1, code / 9 - 1];
            if offset[0] * offset[0] + offset[1] * offset[1] + offset[2] * offset[2] == distance {
                offsets[count] = offset;
                count += 1;
            }
            code += 1;
        }
        distance += 1;
    }
    offsets
}

/// The points of one voxel, as offsets from its lowest corner, m. Single precision holds to a tenth of a micrometre.
#[derive(Clone, Debug)]
struct Block {
    key: VoxelKey,
    count: usize,
    surface: Surface,
    /// Points in and around the voxel when its surface was fitted, and the map's version then.
    fitted_to: u32,
    fitted_at: u32,
    x: [f32; CAPACITY],
    y: [f32; CAPACITY],
    z: [f32; CAPACITY],
}

/// No block lies there.
const NONE: u32 = u32::MAX;
/// The numbers of the blocks around one, in the order of [`AROUND`].
type Links = [u32; 27];

/// Where in [`AROUND`] the opposite offset is.
const OPPOSITE: [usize; 27] = opposite();

const fn opposite() -> [usize; 27] {
    let mut places = [0; 27];
    let mut place = 0;
    while place < 27 {
        let mut other = 0;
        while other < 27 {
            let (a, b) = (AROUND[place], AROUND[other]);
            if a[0] == -b[0] && a[1] == -b[1] && a[2] == -b[2] {
                places[place] = other;
            }
            other += 1;
        }
        place += 1;
    }
    places
}

/// Which blocks lie around one moving point: kept between searches while the point stays in its voxel.
#[derive(Clone, Debug, Default)]
pub(super) struct Neighbourhood {
    key: Option<VoxelKey>,
    count: usize,
    blocks: [(u32, u8); 27],
}

impl Neighbourhood {
    /// Forgets the place, since the map has changed.
    pub(super) fn forget(&mut self) {
        self.key = None;
    }

    fn take(&mut self, links: &Links) {
        self.count = 0;
        for (code, &number) in links.iter().enumerate() {
            self.blocks[self.count] = (number, code as u8);
            self.count += usize::from(number != NONE);
        }
    }
}

/// A sparse grid of points in `odom`.
#[derive(Clone, Debug)]
pub(super) struct VoxelMap {
    size_m: f64,
    spacing_squared: f32,
    index: VoxelIndex,
    blocks: Vec<Block>,
    /// The blocks around each block, so that nobody has to look them up one by one.
    links: Vec<Links>,
    /// Counts the changes.
    version: u32,
    /// Working memory: points as columns.
    columns: [Vec<f64>; 3],
}

impl VoxelMap {
    pub(super) fn new(size_m: f64) -> Self {
        let spacing_squared = (size_m * size_m / CAPACITY as f64) as f32;
        Self {
            size_m,
            spacing_squared,
            index: VoxelIndex::new(),
            blocks: Vec::new(),
            links: Vec::new(),
            version: 1,
            columns: Default::default(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.blocks.clear();
        self.links.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Adds points of the sensor's frame. A full voxel takes no more, nor one that holds a point close by.
    pub(super) fn add(&mut self, points: &[Vector3<f64>], odom_from_sensor: &Isometry3<f64>) {
        self.version = self.version.wrapping_add(1);
        for point in points {
            let position = odom_from_sensor * Point3::from(*point);
            let key = voxel_key(position.coords.into(), self.size_m);
            let next = self.blocks.len() as u32;
            let (number, new) = self.index.get_or_insert(key, next);
            if new {
                self.blocks.push(Block {
                    key,
                    count: 0,
                    surface: Surface::default(),
                    fitted_to: 0,
                    fitted_at: 0,
                    x: [FAR; CAPACITY],
                    y: [FAR; CAPACITY],
                    z: [FAR; CAPACITY],
                });
                self.link(key, next);
            }
            let [x, y, z] = self.offset(position.coords, key);
            let block = &mut self.blocks[number as usize];
            if block.count == CAPACITY || least(&block.squared(x, y, z)) < self.spacing_squared {
                continue;
            }
            (block.x[block.count], block.y[block.count], block.z[block.count]) = (x, y, z);
            block.count += 1;
        }
    }

    /// Drops the voxels farther than `radius_m` from a place.
    pub(super) fn prune(&mut self, place: Vector3<f64>, radius_m: f64) {
        let size_m = self.size_m;
        let squared = radius_m * radius_m;
        let stays = |block: &Block| (corner(block.key, size_m) - place).norm_squared() <= squared;
        let mut kept = 0;
        let numbers: Vec<u32> = self
            .blocks
            .iter()
            .map(|block| {
                let number = if stays(block) { kept } else { NONE };
                kept += u32::from(number != NONE);
                number
            })
            .collect();
        let mut number = numbers.iter();
        self.links.retain(|_| number.next().is_some_and(|number| *number != NONE));
        let renumbered = |link: &u32| numbers.get(*link as usize).copied().unwrap_or(NONE);
        self.links.iter_mut().flatten().for_each(|link| *link = renumbered(link));
        self.blocks.retain(stays);
        self.index.clear();
        for (number, block) in self.blocks.iter().enumerate() {
            self.index.get_or_insert(block.key, number as u32);
        }
    }

    /// Links a new block, the last, with those around it.
    fn link(&mut self, key: VoxelKey, number: u32) {
        let mut links = [NONE; 27];
        for (place, offset) in AROUND.iter().enumerate() {
            let near = around_key(key, offset);
            let Some(other) = self.index.get(near) else { continue };
            links[place] = other;
            if let Some(back) = self.links.get_mut(other as usize) {
                back[OPPOSITE[place]] = number;
            }
        }
        self.links.push(links);
    }

    /// The vector from `position` to the nearest point of the map within `radius_m` (at most the voxel size is
    /// searched in full) and the number of the block that holds it.
    pub(super) fn nearest(
        &self,
        position: Vector3<f64>,
        radius_m: f64,
        hood: &mut Neighbourhood,
    ) -> Option<(Vector3<f64>, usize)> {
        let key = voxel_key(position.into(), self.size_m);
        if hood.key != Some(key) {
            self.find_around(key, hood);
        }
        let size = self.size_m as f32;
        let place = self.offset(position, key);
        let mut best = ((radius_m * radius_m) as f32, None);
        for (number, code) in &hood.blocks[..hood.count] {
            let offset = AROUND[usize::from(*code)];
            let mut gap_squared = 0.0;
            let mut local = place;
            for axis in 0..3 {
                let gap = match offset[axis] {
                    -1 => place[axis],
                    1 => size - place[axis],
                    _ => 0.0,
                };
                gap_squared += gap * gap;
                local[axis] -= offset[axis] as f32 * size;
            }
            if gap_squared >= best.0 {
                continue;
            }
            let block = &self.blocks[*number as usize];
            let all = block.squared(local[0], local[1], local[2]);
            let squared = least(&all);
            if squared < best.0 {
                let slot = all.iter().position(|value| *value == squared).unwrap_or(0);
                let vector = [block.x[slot] - local[0], block.y[slot] - local[1], block.z[slot] - local[2]];
                best = (squared, Some((vector, *number)));
            }
        }
        let (vector, number) = best.1?;
        Some((Vector3::from(vector).map(f64::from), number as usize))
    }

    /// The surface that the points in and around a block lie on, fitted when it is asked for.
    pub(super) fn surface(&mut self, number: usize) -> Surface {
        if self.blocks[number].fitted_at != self.version {
            self.blocks[number].fitted_at = self.version;
            self.refit(number);
        }
        self.blocks[number].surface
    }

    fn refit(&mut self, number: usize) {
        let mut hood = Neighbourhood::default();
        hood.take(&self.links[number]);
        let around = &hood.blocks[..hood.count];
        let held: usize = around.iter().map(|(near, _)| self.blocks[*near as usize].count).sum();
        if (held as f64) < GROWN * f64::from(self.blocks[number].fitted_to) {
            return;
        }
        let own = &self.blocks[number];
        let mean = |column: &[f32]| column[..own.count].iter().copied().map(f64::from).sum::<f64>() / own.count as f64;
        let middle = [mean(&own.x), mean(&own.y), mean(&own.z)];
        let reach_squared = (REACH * self.size_m).powi(2);
        let mut columns = std::mem::take(&mut self.columns);
        columns.iter_mut().for_each(Vec::clear);
        for (near, code) in around {
            let block = &self.blocks[*near as usize];
            let offset = AROUND[usize::from(*code)].map(|step| f64::from(step) * self.size_m);
            for i in 0..block.count {
                let point = [block.x[i], block.y[i], block.z[i]];
                let local: [f64; 3] = std::array::from_fn(|axis| f64::from(point[axis]) + offset[axis] - middle[axis]);
                if local.iter().map(|v| v * v).sum::<f64>() <= reach_squared {
                    columns.iter_mut().zip(local).for_each(|(column, value)| column.push(value));
                }
            }
        }
        let block = &mut self.blocks[number];
        block.surface = fit(&columns);
        block.fitted_to = held as u32;
        self.columns = columns;
    }

    fn find_around(&self, key: VoxelKey, hood: &mut Neighbourhood) {
        hood.key = Some(key);
        if let Some(own) = self.index.get(key) {
            hood.take(&self.links[own as usize]);
            return;
        }
        let mut links = [NONE; 27];
        for (link, offset) in links.iter_mut().zip(&AROUND).skip(1) {
            *link = self.index.get(around_key(key, offset)).unwrap_or(NONE);
        }
        hood.take(&links);
    }

    fn offset(&self, position: Vector3<f64>, key: VoxelKey) -> [f32; 3] {
        (position - corner(key, self.size_m)).map(|v| v as f32).into()
    }
}

impl Block {
    /// Squared distances to all places, huge where there is no point.
    fn squared(&self, x: f32, y: f32, z: f32) -> [f32; CAPACITY] {
        let mut squared = [0.0; CAPACITY];
        for (i, value) in squared.iter_mut().enumerate() {
            let (dx, dy, dz) = (self.x[i] - x, self.y[i] - y, self.z[i] - z);
            *value = dx * dx + dy * dy + dz * dz;
        }
        squared
    }
}

/// The smallest of the values, in four lanes: the library's minimum minds NaN, one value after the other.
fn least(values: &[f32; CAPACITY]) -> f32 {
    let mut lanes = [f32::INFINITY; 4];
    for four in values.chunks_exact(4) {
        for (lane, &value) in lanes.iter_mut().zip(four) {
            *lane = if value < *lane { value } else { *lane };
        }
    }
    lanes.into_iter().fold(f32::INFINITY, |least, lane| if lane < least { lane } else { least })
}

fn around_key(key: VoxelKey, offset: &[i32; 3]) -> VoxelKey {
    std::array::from_fn(|axis| key[axis].saturating_add(offset[axis]))
}

fn corner(key: VoxelKey, size_m: f64) -> Vector3<f64> {
    Vector3::from(key.map(|v| f64::from(v) * size_m))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_are_all_27_from_near_to_far() {
        assert_eq!(AROUND[0], [0; 3]);
        let mut sorted = AROUND;
        sorted.sort_unstable();
        assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(AROUND[26].map(i32::abs), [1; 3]);
    }

    #[test]
    fn equal_points_are_kept_once_and_pruning_forgets_the_far_ones() {
        let mut map = VoxelMap::new(1.0);
        map.add(&[Vector3::new(0.5, 0.5, 0.5); 100], &Isometry3::identity());
        map.add(&[Vector3::new(50.5, 0.5, 0.5)], &Isometry3::identity());
        assert_eq!((map.blocks.len(), map.blocks[0].count), (2, 1));
        map.prune(Vector3::new(50.0, 0.0, 0.0), 10.0);
        let mut hood = Neighbourhood::default();
        assert!(map.nearest(Vector3::new(0.5, 0.5, 0.5), 1.0, &mut hood).is_none());
        let (vector, _) = map.nearest(Vector3::new(50.0, 0.5, 0.5), 1.0, &mut hood).unwrap();
        assert!((vector - Vector3::new(0.5, 0.0, 0.0)).norm() < 1e-6);
    }

    proptest! {
        #[test]
        fn nearest_agrees_with_a_full_search(
            points in prop::collection::vec([-3.0..3.0f64, -3.0..3.0f64, -3.0..3.0f64], 0..60),
            query in [-3.0..3.0f64, -3.0..3.0f64, -3.0..3.0f64],
        ) {
            let points: Vec<_> = points.into_iter().map(Vector3::from).collect();
            let (query, far) = (Vector3::from(query), Vector3::new(9000.0, -9000.0, 0.0));
            let mut map = VoxelMap::new(1.0);
            map.spacing_squared = 0.0;
            map.add(&points, &Isometry3::translation(far.x, far.y, far.z));
            let found = map.nearest(query + far, 1.0, &mut Neighbourhood::default());
            let full = points.iter().map(|p| (p - query).norm_squared()).min_by(f64::total_cmp);
            match (found, full) {
                (Some((vector, _)), Some(expected)) => prop_assert!((vector.norm_squared() - expected).abs() < 1e-5),
                (None, Some(expected)) => prop_assert!(expected > 0.999),
                (found, None) => prop_assert!(found.is_none()),
            }
        }
    }
}
