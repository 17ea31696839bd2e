//! The ground of a network of lanes: roads at z = 0, kerbs, sidewalks, verges, and the paint on the roads.
//!
//! Square tiles of small cells hold, for each cell's corner, the distance to the edge of the road and to the edge of the nearest
//! paint, so that both are sharp between the corners (Green, 2007). A tile is drawn when it is first looked at.

use crate::marks::{self, Patch};
use crate::random::smooth_noise;
use crate::scene::{Ground, Spot};
use crate::shape::Ray;
use crate::surface::Surface;
use crate::tile::{CELL_M, CELLS, Drawing, FAR_M, Material, Outline, Sample, TILE_M, Tile};
use maps::LaneNetwork;
use maps::network::{Border, LaneKind};
use nalgebra::Vector3;
use std::sync::OnceLock;

/// Height of kerbs and of all beyond the road, m.
pub const KERB_M: f64 = 0.12;
const KERB_STONE_M: f32 = 0.14;
/// Over which the ground rises beside a road without a kerb, m.
const VERGE_M: f32 = 1.0;
/// Nothing rises nearer than this to a place that is deep in the road, m.
const LEAST_ROOM_M: f32 = 0.05;
/// Tiles along one side, at most.
const MOST_TILES: f64 = 4000.0;

/// What lies in a tile.
#[derive(Clone, Debug, Default)]
struct Content {
    outlines: Vec<u32>,
    patches: Vec<u32>,
}

/// The ground of a network.
#[derive(Debug)]
pub struct Pavement {
    origin: [f64; 2],
    columns: usize,
    rows: usize,
    contents: Vec<Content>,
    tiles: Vec<OnceLock<Option<Box<Tile>>>>,
    outlines: Vec<Outline>,
    patches: Vec<Patch>,
}

impl Pavement {
    /// The ground of a network.
    pub fn new(network: &LaneNetwork) -> Self {
        let [low, high] = network.bounds();
        let origin = [low[0] - 4.0, low[1] - 4.0];
        let count = |axis: usize| ((high[axis] + 4.0 - origin[axis]) / TILE_M).ceil().clamp(1.0, MOST_TILES) as usize;
        let (columns, rows) = (count(0), count(1));
        let mut pavement = Self {
            origin,
            columns,
            rows,
            contents: vec![Content::default(); columns * rows],
            tiles: Vec::new(),
            outlines: outlines(network),
            patches: marks::paint(network),
        };
        pavement.tiles.resize_with(columns * rows, OnceLock::new);
        for index in 0..pavement.outlines.len() {
            let range = pavement.range(&pavement.outlines[index].corners);
            pavement.note(range, |content| content.outlines.push(index as u32));
        }
        for index in 0..pavement.patches.len() {
            let range = pavement.range(&pavement.patches[index]);
            pavement.note(range, |content| content.patches.push(index as u32));
        }
        pavement
    }

    /// First and last column and row of the tiles near some points.
    fn range(&self, points: &[[f64; 2]]) -> [[usize; 2]; 2] {
        let reach = f64::from(FAR_M);
        [0, 1].map(|axis| {
            let most = if axis == 0 { self.columns } else { self.rows } - 1;
            let tile = |value: f64| (((value - self.origin[axis]) / TILE_M).max(0.0) as usize).min(most);
            let values = || points.iter().map(|p| p[axis]);
            [
                tile(values().fold(f64::INFINITY, f64::min) - reach),
                tile(values().fold(f64::NEG_INFINITY, f64::max) + reach),
            ]
        })
    }

    fn note(&mut self, [columns, rows]: [[usize; 2]; 2], mut add: impl FnMut(&mut Content)) {
        for row in rows[0]..=rows[1] {
            for column in columns[0]..=columns[1] {
                add(&mut self.contents[row * self.columns + column]);
            }
        }
    }

    #[inline]
    fn sample(&self, x: f64, y: f64) -> Sample {
        let (u, v) = ((x - self.origin[0]) * (1.0 / CELL_M), (y - self.origin[1]) * (1.0 / CELL_M));
        let most = [(self.columns * CELLS) as f64, (self.rows * CELLS) as f64];
        // Also what is not a number is outside.
        if !(u >= 0.0 && v >= 0.0 && u < most[0] && v < most[1]) {
            return Sample::MEADOW;
        }
        let (column, row) = (u as usize, v as usize);
        let place = row / CELLS * self.columns + column / CELLS;
        let Some(tile) = self.tiles[place].get_or_init(|| self.draw(place)) else { return Sample::MEADOW };
        tile.sample(column % CELLS, row % CELLS, [(u - column as f64) as f32, (v - row as f64) as f32])
    }

    /// How far from all borders and all paint a place is that is asphalt, at least, m; negative if it is not.
    #[inline(always)]
    fn room(&self, x: f64, y: f64) -> [f32; 2] {
        let (u, v) = ((x - self.origin[0]) * (1.0 / CELL_M), (y - self.origin[1]) * (1.0 / CELL_M));
        // Also what is not a number is outside.
        if !(u >= 0.0 && v >= 0.0 && u < (self.columns * CELLS) as f64 && v < (self.rows * CELLS) as f64) {
            return [-1.0; 2];
        }
        let (column, row) = (u as i32 as usize, v as i32 as usize);
        let place = row / CELLS * self.columns + column / CELLS;
        let tile = self.tiles[place].get_or_init(|| self.draw(place)).as_deref();
        tile.map_or([-1.0; 2], |tile| tile.room(column % CELLS, row % CELLS))
    }

    /// Where a ray meets asphalt with no paint on it and nothing higher before it; `None` where a closer look is needed.
    #[inline(always)]
    fn meet_bare(&self, ray: &Ray) -> Option<f64> {
        let (z, down) = (ray.origin.z, ray.direction.z);
        if down > -1e-6 || z <= KERB_M {
            return None;
        }
        let low = z / -down;
        let foot = ray.at(low);
        let [edge, paint] = self.room(foot.x, foot.y);
        if edge < 0.0 || paint < 0.02 {
            return None;
        }
        let back = KERB_M / -down;
        let run = back * (ray.direction.x * ray.direction.x + ray.direction.y * ray.direction.y).sqrt();
        if edge < LEAST_ROOM_M.max(run as f32) {
            let top = ray.at(low - back);
            if self.room(top.x, top.y)[0] < 0.0 {
                return None;
            }
        }
        Some(low)
    }

    /// What the ground is made of at a place.
    #[cfg(test)]
    fn surface(&self, x: f64, y: f64) -> Surface {
        let sample = self.sample(x, y);
        if sample.paint > 0.0 { Surface::Marking } else { surface(&sample, x, y) }
    }

    /// Draws a tile; `None` if nothing but grass lies in it.
    fn draw(&self, place: usize) -> Option<Box<Tile>> {
        let content = &self.contents[place];
        if content.outlines.is_empty() {
            return None;
        }
        let corner = [
            self.origin[0] + (place % self.columns) as f64 * TILE_M,
            self.origin[1] + (place / self.columns) as f64 * TILE_M,
        ];
        let mut tile = Drawing::new(corner);
        for index in &content.outlines {
            tile.add_outline(&self.outlines[*index as usize]);
        }
        for index in &content.patches {
            tile.add_patch(&self.patches[*index as usize]);
        }
        Some(Box::new(tile.finish()))
    }
}

impl Ground for Pavement {
    fn height_m(&self, x: f64, y: f64) -> f64 {
        height(&self.sample(x, y))
    }

    fn is_bare(&self, eye: &Vector3<f64>, [x, y]: [&[f32]; 2], room: &[f32], is_bare: &mut [bool]) {
        // Places count from the corner of the eye's own cell, so that single precision does.
        let cells = [0, 1].map(|axis| (eye[axis] - self.origin[axis]) / CELL_M);
        let (whole, rest) = (cells.map(|c| c.floor() as i32), cells.map(|c| (c - c.floor()) as f32));
        let limit = [self.columns * CELLS, self.rows * CELLS].map(|count| count as i32);
        let (mut last, mut tile) = (usize::MAX, None);
        let mut room_at = |x: f32, y: f32| {
            const MANY: i32 = 1 << 16;
            let cell = |value: f32, axis: usize| {
                (value * (1.0 / CELL_M as f32) + rest[axis] + MANY as f32) as i32 - MANY + whole[axis]
            };
            let (column, row) = (cell(x, 0), cell(y, 1));
            if column < 0 || row < 0 || column >= limit[0] || row >= limit[1] {
                return [-1.0; 2];
            }
            let (column, row) = (column as usize, row as usize);
            let place = row / CELLS * self.columns + column / CELLS;
            if place != last {
                (last, tile) = (place, self.tiles[place].get_or_init(|| self.draw(place)).as_deref());
            }
            tile.map_or([-1.0; 2], |tile| tile.room(column % CELLS, row % CELLS))
        };
        // Where a ray to the place is as high as a kerb.
        let (top, eye_z) = (1.0 - (KERB_M / eye.z) as f32, eye.z as f32);
        for (((x, y), wanted), is_bare) in x.iter().zip(y).zip(room).zip(is_bare) {
            let [edge, paint] = room_at(*x, *y);
            *is_bare = edge >= 0.0 && (paint >= *wanted || paint >= FAR_M - 0.01);
            if *is_bare && edge < LEAST_ROOM_M.max(KERB_M as f32 / eye_z * (x * x + y * y).sqrt()) {
                *is_bare = room_at(x * top, y * top)[0] >= 0.0;
            }
        }
    }

    fn enter(&self, ray: &Ray, reach: f64) -> Option<(f64, Vector3<f64>, Surface)> {
        if let Some(distance) = self.meet_bare(ray) {
            return (distance < reach).then(|| (distance, Vector3::z(), Surface::Asphalt));
        }
        let spot = self.meet(ray, reach, &[Vector3::zeros(); 2])?;
        Some((spot.distance, spot.normal, if spot.paint > 0.5 { Surface::Marking } else { spot.surface }))
    }

    fn meet(&self, ray: &Ray, reach: f64, sides: &[Vector3<f64>; 2]) -> Option<Spot> {
        let (z, down) = (ray.origin.z, ray.direction.z);
        if down > -1e-6 || z <= KERB_M {
            return None;
        }
        let per_metre = -1.0 / down;
        let (low, high) = (z * per_metre, (z - KERB_M) * per_metre);
        if high >= reach {
            return None;
        }
        let foot = ray.at(low);
        let mut sample = self.sample(foot.x, foot.y);
        let (mut distance, mut normal) = (low, Vector3::z());
        // Deep in the road nothing rises before it.
        let inside = (-f64::from(sample.edge)).max(0.0);
        let run = (low - high) * (low - high) * (ray.direction.x * ray.direction.x + ray.direction.y * ray.direction.y);
        if inside * inside < run.max(0.05 * 0.05) {
            let top = ray.at(high);
            let above = self.sample(top.x, top.y);
            if height(&above) >= KERB_M {
                (distance, sample) = (high, above);
            } else if sample.kerb && sample.edge > 0.0 && above.edge <= 0.0 {
                let share = f64::from(-above.edge / (sample.edge - above.edge).max(1e-6)).clamp(0.0, 1.0);
                distance = high + (low - high) * share;
                let [x, y] = sample.edge_slope().map(f64::from);
                let size = (x * x + y * y).sqrt();
                if size > 1e-6 {
                    normal = Vector3::new(-x / size, -y / size, 0.0);
                }
                sample.edge = 0.0;
            } else if height(&sample) > 0.0 {
                // A verge between the levels, by halves.
                let (mut over, mut under) = (high, low);
                for _ in 0..5 {
                    distance = 0.5 * (over + under);
                    let point = ray.at(distance);
                    sample = self.sample(point.x, point.y);
                    if point.z > height(&sample) { over = distance } else { under = distance }
                }
            }
        }
        if distance >= reach {
            return None;
        }
        let paint = if sample.paint <= -FAR_M + 0.02 {
            0.0
        } else {
            // By how much a step to the next pixel moves the place on level ground.
            let step = |side: &Vector3<f64>| {
                let along = side.z / down;
                [side.x - ray.direction.x * along, side.y - ray.direction.y * along]
            };
            let [gx, gy] = sample.paint_slope().map(f64::from);
            let wide: f64 = sides.iter().map(step).map(|[x, y]| (gx * x + gy * y).abs() * distance).sum();
            let wide = (wide as f32).max(0.01);
            // A line thinner than the pixel covers what it covers.
            (0.5 + sample.paint / wide).clamp(0.0, 1.0) * (2.0 * 0.09 / wide).min(1.0)
        };
        let point = ray.at(distance);
        Some(Spot { distance, normal, surface: surface(&sample, point.x, point.y), paint })
    }
}

fn height(sample: &Sample) -> f64 {
    if sample.edge <= 0.0 {
        0.0
    } else if sample.kerb {
        KERB_M
    } else {
        let rise = f64::from((sample.edge / VERGE_M).min(1.0));
        KERB_M * rise * rise * (3.0 - 2.0 * rise)
    }
}

fn surface(sample: &Sample, x: f64, y: f64) -> Surface {
    if sample.edge > 0.0 || (sample.kerb && sample.edge == 0.0) {
        if sample.kerb && sample.edge < KERB_STONE_M {
            return Surface::Kerb;
        }
        return match sample.material {
            Material::Sidewalk => Surface::Sidewalk,
            // Gravel spills from the edge into the grass.
            _ if !sample.kerb && f64::from(sample.edge) < 0.15 + 0.5 * smooth_noise(1.7 * x, 1.7 * y) => {
                Surface::Gravel
            }
            _ => Surface::Grass,
        };
    }
    match sample.material {
        Material::Concrete => Surface::Concrete,
        Material::Bicycle => Surface::BicycleLane,
        _ => Surface::Asphalt,
    }
}

fn outlines(network: &LaneNetwork) -> Vec<Outline> {
    let mut outlines = Vec::new();
    for lane in network.lanes() {
        let material = match lane.kind {
            LaneKind::Sidewalk => Material::Sidewalk,
            LaneKind::Bicycle => Material::Bicycle,
            LaneKind::Driving | LaneKind::Parking | LaneKind::Shoulder => Material::Asphalt,
        };
        // Pieces of about 16 m, so that each lies in few tiles.
        let count = (lane.center.length_m() / 16.0).ceil().clamp(1.0, 1e5) as usize;
        for index in 0..count {
            let part = |line: &maps::Polyline| {
                let share = |k: usize| line.length_m() * k as f64 / count as f64;
                line.part(share(index), share(index + 1))
            };
            let (Some(left), Some(right)) = (part(&lane.left), part(&lane.right)) else { continue };
            let (right, left) = (right.points(), left.points());
            let corners: Vec<[f64; 2]> = right.iter().chain(left.iter().rev()).copied().collect();
            let has_kerb = |border| border == Border::Kerb;
            let mut kerb = vec![has_kerb(lane.right_border); right.len()];
            kerb.extend(vec![has_kerb(lane.left_border); left.len()]);
            // The ends of a piece are no borders.
            kerb[right.len() - 1] = false;
            kerb[corners.len() - 1] = false;
            outlines.push(Outline { corners, kerb, material });
        }
    }
    for (index, area) in network.roads().areas.iter().enumerate() {
        let kerb = vec![false; area.outline.len()];
        // The inside of a junction is asphalt like the lanes that cross it; a yard is concrete.
        let crossed = network.lanes().iter().any(|lane| lane.junction == Some(index));
        let material = if crossed { Material::Asphalt } else { Material::Concrete };
        outlines.push(Outline { corners: area.outline.clone(), kerb, material });
    }
    // Roads are drawn over sidewalks.
    outlines.sort_by_key(|outline| outline.material != Material::Sidewalk);
    outlines
}

#[cfg(test)]
mod tests {
    use super::*;
    use maps::Polyline;
    use maps::network::{Crossing, Lane, LaneStop, Neighbor, Roads};
    use proptest::prelude::*;
    use types::StopKind;

    fn lane(kind: LaneKind, y: f64, width: f64, borders: [Border; 2]) -> Lane {
        let line = |y: f64| Polyline::new(&[[0.0, y], [60.0, y]]).unwrap();
        Lane {
            kind,
            center: line(y),
            left: line(y + 0.5 * width),
            right: line(y - 0.5 * width),
            left_border: borders[0],
            right_border: borders[1],
            successors: Vec::new(),
            predecessors: Vec::new(),
            left_neighbor: None,
            right_neighbor: None,
            speed_limit_mps: 13.9,
            junction: None,
        }
    }

    /// Two lanes along x (y = 0 and 3.5), a sidewalk to the right (y from -4.25 to -1.75), grass to the left, a zebra at x = 30.
    fn street() -> Pavement {
        let mut lanes = vec![
            lane(LaneKind::Driving, 0.0, 3.5, [Border::Dashed, Border::Kerb]),
            lane(LaneKind::Driving, 3.5, 3.5, [Border::Solid, Border::Dashed]),
            lane(LaneKind::Sidewalk, -3.0, 2.5, [Border::Kerb, Border::Open]),
        ];
        lanes[0].left_neighbor = Some(Neighbor { lane: 1, same_direction: true });
        lanes[1].right_neighbor = Some(Neighbor { lane: 0, same_direction: true });
        let crossings =
            vec![Crossing { from: [30.0, -1.75], to: [30.0, 5.25], width_m: 3.0, zebra: true, signal: None }];
        let stops =
            vec![LaneStop { lane: 0, s_m: 27.0, area_m: 5.0, kind: StopKind::Crossing, painted: true, crossing: None }];
        Pavement::new(&LaneNetwork::new(Roads { lanes, crossings, stops, ..Roads::default() }).unwrap())
    }

    #[test]
    fn surfaces_lie_where_the_lanes_say() {
        let ground = street();
        let at = |x: f64, y: f64| (ground.surface(x, y), ground.height_m(x, y));
        assert_eq!(at(10.3, 0.3), (Surface::Asphalt, 0.0));
        assert_eq!(at(10.3, -3.0), (Surface::Sidewalk, KERB_M));
        assert_eq!(at(10.3, -1.88), (Surface::Kerb, KERB_M));
        assert_eq!(at(10.3, 5.25), (Surface::Marking, 0.0));
        assert_eq!(
            (at(10.3, 7.5), at(-500.0, 7.5), at(f64::NAN, 0.0)),
            ((Surface::Grass, KERB_M), (Surface::Grass, KERB_M), (Surface::Grass, KERB_M))
        );
        // The border between the lanes is no edge, and its dashes are not everywhere.
        let middle: Vec<Surface> = (0..240).map(|i| ground.surface(0.25 * f64::from(i), 1.75)).collect();
        let painted = middle.iter().filter(|surface| **surface == Surface::Marking).count();
        assert!(middle.iter().all(|surface| matches!(surface, Surface::Marking | Surface::Asphalt)));
        assert!((50..130).contains(&painted), "{painted}");
        // Stop line and zebra.
        assert_eq!((at(26.8, 0.0).0, at(26.4, 0.0).0), (Surface::Marking, Surface::Asphalt));
        let bars = (0..700).filter(|i| ground.surface(30.0, -1.75 + 0.01 * f64::from(*i)) == Surface::Marking).count();
        assert!((300..400).contains(&bars), "{bars}");
    }

    #[test]
    fn rays_meet_road_kerb_and_sidewalk() {
        let ground = street();
        let down = |target: [f64; 3]| {
            let origin = Vector3::new(10.0, 0.0, 1.8);
            ground.enter(&Ray { origin, direction: Vector3::from(target) - origin }, 100.0).unwrap()
        };
        assert_eq!(down([15.0, 0.2, 0.0]), (1.0, Vector3::z(), Surface::Asphalt));
        assert_eq!(down([12.0, -3.0, KERB_M]), (1.0, Vector3::z(), Surface::Sidewalk));
        let (distance, normal, surface) = down([11.0, -1.75, 0.06]);
        assert!((distance - 1.0).abs() < 0.04 && (normal - Vector3::y()).norm() < 0.01, "{distance} {normal}");
        assert_eq!(surface, Surface::Kerb);
        let up = Ray { origin: Vector3::new(0.0, 0.0, 1.8), direction: Vector3::x() };
        assert!(ground.enter(&up, 100.0).is_none());
        assert!(ground.enter(&Ray { direction: Vector3::new(1.0, 0.0, -0.01), ..up }, 100.0).is_none());
    }

    proptest! {
        /// A ray ends at the height of the ground there.
        #[test]
        fn rays_end_on_the_ground(x in 5.0..55.0f64, y in -8.0..12.0f64, height in 0.5..3.0f64) {
            let ground = street();
            let origin = Vector3::new(20.0, 1.0, height);
            let ray = Ray { origin, direction: Vector3::new(x, y, 0.0) - origin };
            let (distance, normal, surface) = ground.enter(&ray, 100.0).unwrap();
            let point = ray.at(distance);
            if surface != Surface::Kerb {
                prop_assert!((point.z - ground.height_m(point.x, point.y)).abs() < 0.03, "{}", point);
            }
            prop_assert!((normal.norm() - 1.0).abs() < 1e-9 && (-1e-9..=KERB_M + 1e-9).contains(&point.z));
        }

        /// Paint seen through a pixel is the share of it that is painted.
        #[test]
        fn paint_is_a_share(x in 1.0..20.0f64, y in 4.9..5.6f64, size in 0.01..0.06f64) {
            let ground = street();
            let ray = Ray { origin: Vector3::new(x, y, 2.0), direction: -Vector3::z() };
            let seen = ground.meet(&ray, 10.0, &[Vector3::x() * (0.5 * size), Vector3::y() * (0.5 * size)]).unwrap().paint;
            let painted = (0..200).filter(|i| (y + size * (f64::from(*i) / 200.0 - 0.5) - 5.25).abs() < 0.07).count();
            prop_assert!((f64::from(seen) - painted as f64 / 200.0).abs() < 0.35, "{} {}", seen, painted);
        }
    }
}
