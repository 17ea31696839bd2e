//! What the sun does not reach: maps of the ground, seen from the sun (Williams, 1978), finer near the camera.
//!
//! A point belongs to the place where the sun's ray through it meets z = 0. A map keeps for each place the greatest height at which
//! such a ray leaves a solid; what lies below on the same ray is in shadow. Only faces turned away from the sun are drawn, so a
//! lit face never shades itself.

use crate::hull;
use crate::raster::crossing;
use crate::scene::{Object, Scene};
use crate::shape::Shape;
use nalgebra::{Matrix3, Point3, Vector3};
use std::f64::consts::TAU;

/// Texels of a map in each direction.
const SIZE: usize = 768;
/// For each map: how far ahead of the eye its middle lies and half its side, m.
const MAPS: [[f64; 2]; 3] = [[11.0, 13.0], [33.0, 38.0], [110.0, 130.0]];
const NOTHING: f32 = -1e9;
/// Texels of a block in each direction: what is above the highest shadow of its block needs no closer look.
const BLOCK: usize = 8;
const BLOCKS: usize = SIZE / BLOCK;

/// Cells of the map of open sky in each direction, and their size, m.
const OPEN_CELLS: usize = 256;
const OPEN_CELL_M: f64 = 0.25;
/// How far ahead of the eye its middle lies, m.
const OPEN_AHEAD_M: f64 = 24.0;

#[derive(Clone, Debug)]
struct Map {
    /// Corner of texel (0, 0), m.
    corner: [f64; 2],
    /// The same seen from the place of the eye.
    from_eye: [f32; 2],
    texels_per_m: f64,
    heights: Vec<f32>,
    /// First texel of each row that holds a height, and the one after the last.
    drawn: Vec<[usize; 2]>,
    /// The greatest height of each block of texels and of the row and column behind it, or more.
    highest: Vec<f32>,
}

impl Map {
    fn new() -> Self {
        Self {
            corner: [0.0; 2],
            from_eye: [0.0; 2],
            texels_per_m: 1.0,
            heights: vec![NOTHING; SIZE * SIZE],
            drawn: vec![[SIZE, 0]; SIZE],
            highest: vec![NOTHING; BLOCKS * BLOCKS],
        }
    }

    /// Takes away what was drawn.
    fn clear(&mut self) {
        for (row, [from, to]) in self.drawn.iter_mut().enumerate() {
            if *from < *to {
                self.heights[row * SIZE + *from..row * SIZE + *to].fill(NOTHING);
            }
            [*from, *to] = [SIZE, 0];
        }
        self.highest.fill(NOTHING);
    }

    /// Share of the sun at a place in texels and a height.
    #[inline(always)]
    fn light_at(&self, [u, v]: [f32; 2], z: f32) -> f32 {
        let (column, row) = (u as i32, v as i32);
        let (right, down) = (u - column as f32, v - row as f32);
        let (column, row) = (column as usize, row as usize);
        if self.highest[row / BLOCK * BLOCKS + column / BLOCK] <= z {
            return 1.0;
        }
        let place = row * SIZE + column;
        let [a, b, c, d] =
            [0, 1, SIZE, SIZE + 1].map(|step| if self.heights[place + step] > z { 0.0 } else { 1.0_f32 });
        let (upper, lower) = (a + (b - a) * right, c + (d - c) * right);
        upper + (lower - upper) * down
    }

    /// Heights along a part of a row, from `start` on by `step`, within `low` and `high`.
    fn draw(&mut self, row: usize, [from, to]: [usize; 2], start: f32, step: f32, [low, high]: [f32; 2]) {
        for (index, height) in self.heights[row * SIZE + from..row * SIZE + to].iter_mut().enumerate() {
            let here = (start + step * index as f32).min(high).max(low);
            *height = height.max(here);
        }
        let [first, last] = &mut self.drawn[row];
        (*first, *last) = (from.min(*first), to.max(*last));
        let most = start.max(start + step * (to - 1 - from) as f32).min(high).max(low);
        let columns = from.saturating_sub(1) / BLOCK..(to - 1) / BLOCK + 1;
        for block_row in row.saturating_sub(1) / BLOCK..row / BLOCK + 1 {
            for block in &mut self.highest[block_row * BLOCKS..][columns.clone()] {
                *block = block.max(most);
            }
        }
    }
}

/// All that is in the sun's way.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Metres towards the sun in x and y per metre up.
    lean: [f64; 2],
    maps: Vec<Map>,
    eye_z: f32,
    /// Share of the ground near each cell's corner that something stands on.
    covered: Vec<f32>,
    spare: Vec<f32>,
    /// Corner of that map, seen from the eye.
    covered_from_eye: [f32; 2],
}

impl Shadow {
    /// No sun, no shadow.
    pub fn none() -> Self {
        Self {
            lean: [0.0; 2],
            maps: Vec::new(),
            eye_z: 0.0,
            covered: Vec::new(),
            spare: Vec::new(),
            covered_from_eye: [0.0; 2],
        }
    }

    /// Draws the shadows of a scene around an eye that looks along `ahead` (horizontal, of length one).
    pub fn survey(&mut self, scene: &Scene, sun: Option<&Vector3<f64>>, eye: &Vector3<f64>, ahead: [f64; 2]) {
        self.eye_z = eye.z as f32;
        self.cover(scene, eye, ahead);
        if sun.is_none() {
            self.maps.clear();
        }
        if let Some(sun) = sun {
            self.draw(scene, sun, eye, ahead);
        }
    }

    /// Where things stand on the ground, smoothed: next to them and below them the sky is hidden.
    fn cover(&mut self, scene: &Scene, eye: &Vector3<f64>, ahead: [f64; 2]) {
        let half = 0.5 * OPEN_CELLS as f64 * OPEN_CELL_M;
        let corner = [eye.x + OPEN_AHEAD_M * ahead[0] - half, eye.y + OPEN_AHEAD_M * ahead[1] - half];
        self.covered_from_eye = [(corner[0] - eye.x) as f32, (corner[1] - eye.y) as f32];
        self.covered.clear();
        self.covered.resize(OPEN_CELLS * OPEN_CELLS, 0.0);
        for object in &scene.objects {
            let [length, width, _] = object.body.size;
            let pose = object.pose();
            let radius = 0.5 * length.hypot(width);
            let near = |value: f64, corner: f64| value + radius > corner && value - radius < corner + 2.0 * half;
            let stands = object.class.is_some()
                || matches!(object.body.parts.first(), Some(p) if matches!(p.shape, Shape::Block { .. }));
            if !stands || !near(pose.x, corner[0]) || !near(pose.y, corner[1]) {
                continue;
            }
            let outline = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]].map(|[x, y]| {
                let [x, y] = pose.transform(x * length, y * width);
                [(x - corner[0]) / OPEN_CELL_M, (y - corner[1]) / OPEN_CELL_M]
            });
            let rows = outline.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p[1]), b.max(p[1])));
            for row in rows.0.max(0.0) as usize..(rows.1 + 1.0).clamp(0.0, OPEN_CELLS as f64) as usize {
                let Some([from, to]) = crossing(&outline, row as f64) else { continue };
                let (from, to) = (from.ceil().max(0.0) as usize, to.ceil().clamp(0.0, OPEN_CELLS as f64) as usize);
                if from < to {
                    self.covered[row * OPEN_CELLS + from..row * OPEN_CELLS + to].fill(1.0);
                }
            }
        }
        for _ in 0..2 {
            smooth(&mut self.covered, &mut self.spare, 1);
            smooth(&mut self.covered, &mut self.spare, OPEN_CELLS);
        }
    }

    /// Share of the sky that is open over a point of the ground, seen from the eye.
    pub fn open_at(&self, point: &Vector3<f32>) -> f32 {
        let per_cell = 1.0 / OPEN_CELL_M as f32;
        let u = (point.x - self.covered_from_eye[0]) * per_cell;
        let v = (point.y - self.covered_from_eye[1]) * per_cell;
        let most = (OPEN_CELLS - 1) as f32;
        if !(u >= 0.0 && v >= 0.0 && u < most && v < most) || self.covered.is_empty() {
            return 1.0;
        }
        let (column, row) = (u as usize, v as usize);
        let (right, down) = (u - column as f32, v - row as f32);
        let place = row * OPEN_CELLS + column;
        let [a, b, c, d] = [0, 1, OPEN_CELLS, OPEN_CELLS + 1].map(|step| self.covered[place + step]);
        let (upper, lower) = (a + (b - a) * right, c + (d - c) * right);
        1.0 - 0.85 * (upper + (lower - upper) * down)
    }

    fn draw(&mut self, scene: &Scene, sun: &Vector3<f64>, eye: &Vector3<f64>, ahead: [f64; 2]) {
        self.lean = [sun.x / sun.z, sun.y / sun.z];
        self.maps.resize_with(MAPS.len(), Map::new);
        let under_eye = self.place(eye);
        for (map, [distance, half]) in self.maps.iter_mut().zip(MAPS) {
            map.texels_per_m = 0.5 * SIZE as f64 / half;
            // In whole texels, so that shadows do not crawl while the eye moves.
            let snap = |value: f64| (value * map.texels_per_m).round() / map.texels_per_m;
            map.corner = [snap(eye.x + distance * ahead[0] - half), snap(eye.y + distance * ahead[1] - half)];
            map.from_eye = [0, 1].map(|axis| (map.corner[axis] - under_eye[axis]) as f32);
            map.clear();
        }
        let (mut faces, mut spare) = (Vec::new(), Vec::new());
        for object in &scene.objects {
            let maps = self.maps_near(object);
            if maps.contains(&true) {
                self.cast(object, sun, maps, &mut faces, &mut spare);
            }
        }
    }

    fn place(&self, p: &Vector3<f64>) -> [f64; 2] {
        [p.x - p.z * self.lean[0], p.y - p.z * self.lean[1]]
    }

    fn maps_near(&self, object: &Object) -> [bool; MAPS.len()] {
        let [length, width, height] = object.body.size;
        let middle = object.odom_from_object() * Point3::new(0.0, 0.0, 0.5 * height);
        let [x, y] = self.place(&middle.coords);
        let reach = 0.5 * (length.hypot(width) + height * self.lean[0].hypot(self.lean[1])) + 0.5;
        std::array::from_fn(|index| {
            let (map, side) = (&self.maps[index], 2.0 * MAPS[index][1]);
            let meets = |value: f64, corner: f64| value + reach > corner && value - reach < corner + side;
            // In the far map small things are less than a few texels.
            meets(x, map.corner[0]) && meets(y, map.corner[1]) && (index < 2 || length.max(width).max(height) > 1.0)
        })
    }

    fn cast(
        &mut self,
        object: &Object,
        sun: &Vector3<f64>,
        maps: [bool; MAPS.len()],
        corners: &mut Vec<Vector3<f64>>,
        spare: &mut Vec<Vector3<f64>>,
    ) {
        let pose = object.odom_from_object();
        let turn = *pose.rotation.to_rotation_matrix().matrix();
        let local_sun = turn.transpose() * sun;
        let to_odom = |p: &Vector3<f64>| turn * p + pose.translation.vector;
        for part in &object.body.parts {
            match &part.shape {
                Shape::Block { min, max } => {
                    for (index, face) in hull::block_faces(min, max).iter().enumerate() {
                        if face.normal.dot(&local_sun) < 0.0 {
                            let corners = hull::block_corners(min, max, index).map(|p| to_odom(&p));
                            self.fill(maps, &corners, &(turn * face.normal));
                        }
                    }
                }
                Shape::Convex(faces) => {
                    for (index, face) in faces.iter().enumerate() {
                        if face.normal.dot(&local_sun) < 0.0 {
                            hull::polygon(faces, index, corners, spare);
                            corners.iter_mut().for_each(|p| *p = to_odom(p));
                            self.fill(maps, corners, &(turn * face.normal));
                        }
                    }
                }
                Shape::Ellipsoid { center, radii } => {
                    // Its outline seen from the sun; it divides the lit half from the other.
                    let unit = local_sun.component_div(radii).normalize();
                    let first = if unit.z.abs() < 0.9 { Vector3::z() } else { Vector3::x() }.cross(&unit).normalize();
                    let second = unit.cross(&first);
                    let scale = Matrix3::from_diagonal(radii);
                    let outline: [Vector3<f64>; 16] = std::array::from_fn(|index| {
                        let (sin, cos) = (TAU * index as f64 / 16.0).sin_cos();
                        to_odom(&(center + scale * (first * cos + second * sin)))
                    });
                    self.fill(maps, &outline, &(turn * -unit.component_div(radii)));
                }
                Shape::Cylinder { axis, center, radius, half_length } => {
                    let middle = to_odom(center);
                    for face in hull::prism(*axis, center, *radius, *half_length, 10) {
                        let face: Vec<Vector3<f64>> = face.iter().map(to_odom).collect();
                        let mut normal = (face[1] - face[0]).cross(&(face[2] - face[0]));
                        if normal.dot(&(face[0] - middle)) < 0.0 {
                            normal = -normal;
                        }
                        if normal.dot(sun) < 0.0 {
                            self.fill(maps, &face, &normal);
                        }
                    }
                }
            }
        }
    }

    /// Draws a face, given by its corners in `odom`.
    fn fill(&mut self, maps: [bool; MAPS.len()], corners: &[Vector3<f64>], normal: &Vector3<f64>) {
        let Some(on_plane) = corners.first() else { return };
        let steep = normal.x * self.lean[0] + normal.y * self.lean[1] + normal.z;
        if steep >= 0.0 {
            return;
        }
        let (low, high) =
            corners.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p.z), high.max(p.z)));
        let places: Vec<[f64; 2]> = corners.iter().map(|p| self.place(p)).collect();
        let offset = normal.dot(on_plane);
        let mut outline = Vec::with_capacity(places.len());
        for (map, _) in self.maps.iter_mut().zip(maps).filter(|(_, near)| *near) {
            let (scale, [x, y]) = (map.texels_per_m, map.corner);
            outline.clear();
            outline.extend(places.iter().map(|p| [(p[0] - x) * scale, (p[1] - y) * scale]));
            let rows = outline.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p[1]), b.max(p[1])));
            let rows = rows.0.ceil().max(0.0) as usize..(rows.1.floor() + 1.0).clamp(0.0, SIZE as f64) as usize;
            let step = (-normal.x / scale / steep) as f32;
            for row in rows {
                let Some([from, to]) = crossing(&outline, row as f64) else { continue };
                let (from, to) = (from.ceil().max(0.0) as usize, to.ceil().clamp(0.0, SIZE as f64) as usize);
                if from >= to {
                    continue;
                }
                let (at_x, at_y) = (x + from as f64 / scale, y + row as f64 / scale);
                let start = ((offset - normal.x * at_x - normal.y * at_y) / steep) as f32;
                map.draw(row, [from, to], start, step, [low as f32, high as f32]);
            }
        }
    }

    /// Share of the sun that reaches a point of a surface, 0..1. The point is seen from the eye.
    #[inline]
    pub fn light_at(&self, point: &Vector3<f32>, normal: &Vector3<f32>) -> f32 {
        let lean = [self.lean[0] as f32, self.lean[1] as f32];
        let foot = [point.x - point.z * lean[0], point.y - point.z * lean[1]];
        let shift = [normal.x - normal.z * lean[0], normal.y - normal.z * lean[1]];
        for map in &self.maps {
            // A little off the surface, in texels.
            let scale = map.texels_per_m as f32;
            let place = |axis: usize| (foot[axis] - map.from_eye[axis]) * scale + 1.2 * shift[axis];
            let (u, v) = (place(0), place(1));
            let most = (SIZE - 1) as f32;
            if u >= 0.0 && v >= 0.0 && u < most && v < most {
                return map.light_at([u, v], point.z + normal.z * (1.2 / scale) + self.eye_z + 0.01);
            }
        }
        1.0
    }
}

/// Means over five neighbours that lie `step` apart.
fn smooth(values: &mut [f32], before: &mut Vec<f32>, step: usize) {
    before.clear();
    before.extend_from_slice(values);
    let count = values.len() - 4 * step;
    let at = |index: usize| &before[index * step..][..count];
    let neighbours = at(0).iter().zip(at(1)).zip(at(2)).zip(at(3)).zip(at(4));
    for (value, ((((a, b), c), d), e)) in values[2 * step..].iter_mut().zip(neighbours) {
        *value = 0.2 * (a + b + c + d + e);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bodies;
    use types::Pose2;

    #[test]
    fn a_house_shades_what_is_behind_it() {
        let body = bodies::building([0.5; 3], 4.0, 4.0, 6.0);
        let scene = Scene::on_the_street(vec![Object::new(None, body, Pose2 { x: 10.0, y: 0.0, yaw: 0.0 }, 0.0)]);
        let mut shadow = Shadow::none();
        assert_eq!(shadow.light_at(&Vector3::zeros(), &Vector3::z()), 1.0);
        // The sun stands 45 degrees high in the direction of -y: the shadow reaches from y = 2 to y = 8.
        let eye = Vector3::new(0.0, 0.0, 1.5);
        shadow.survey(&scene, Some(&Vector3::new(0.0, -1.0, 1.0).normalize()), &eye, [1.0, 0.0]);
        let lit = |x: f32, y: f32, z: f32| shadow.light_at(&Vector3::new(x, y, z - 1.5), &Vector3::z());
        assert_eq!((lit(10.0, 5.0, 0.0), lit(10.0, 7.8, 0.0), lit(10.0, 5.0, 2.0)), (0.0, 0.0, 0.0));
        assert_eq!((lit(10.0, 8.3, 0.0), lit(10.0, -3.0, 0.0), lit(13.0, 5.0, 0.0)), (1.0, 1.0, 1.0));
        assert_eq!((lit(10.0, 5.0, 4.0), lit(10.0, 0.0, 6.0), lit(200.0, 0.0, 0.0)), (1.0, 1.0, 1.0));
        assert_eq!(shadow.light_at(&Vector3::new(10.0, -2.0, 1.5), &-Vector3::y()), 1.0);
        let open = |x: f32, y: f32| shadow.open_at(&Vector3::new(x, y, -1.5));
        let found = [open(10.0, 0.0), open(10.0, 2.3), open(10.0, 6.0)];
        assert!(found[0] < 0.2 && (0.3..0.95).contains(&found[1]) && found[2] == 1.0, "{found:?}");
    }
}
