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
const SIZE: usize = 1024;
/// For each map: how far ahead of the eye its middle lies and half its side, m.
const MAPS: [[f64; 2]; 3] = [[11.0, 14.0], [34.0, 42.0], [120.0, 140.0]];
const NOTHING: f32 = -1e9;

#[derive(Clone, Debug)]
struct Map {
    /// Corner of texel (0, 0), m.
    corner: [f64; 2],
    texels_per_m: f64,
    heights: Vec<f32>,
}

/// All that is in the sun's way.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Metres towards the sun in x and y per metre up.
    lean: [f64; 2],
    maps: Vec<Map>,
}

impl Shadow {
    /// No sun, no shadow.
    pub fn none() -> Self {
        Self { lean: [0.0; 2], maps: Vec::new() }
    }

    /// Draws the shadows of a scene around an eye that looks along `ahead` (horizontal, of length one).
    pub fn survey(&mut self, scene: &Scene, sun: &Vector3<f64>, eye: &Vector3<f64>, ahead: [f64; 2]) {
        self.lean = [sun.x / sun.z, sun.y / sun.z];
        self.maps.resize_with(MAPS.len(), || Map { corner: [0.0; 2], texels_per_m: 1.0, heights: Vec::new() });
        for (map, [distance, half]) in self.maps.iter_mut().zip(MAPS) {
            map.texels_per_m = 0.5 * SIZE as f64 / half;
            // In whole texels, so that shadows do not crawl while the eye moves.
            let snap = |value: f64| (value * map.texels_per_m).round() / map.texels_per_m;
            map.corner = [snap(eye.x + distance * ahead[0] - half), snap(eye.y + distance * ahead[1] - half)];
            map.heights.clear();
            map.heights.resize(SIZE * SIZE, NOTHING);
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
                let (low, high) = (low as f32, high as f32);
                for (index, height) in map.heights[row * SIZE + from..row * SIZE + to].iter_mut().enumerate() {
                    let here = (start + step * index as f32).min(high).max(low);
                    *height = height.max(here);
                }
            }
        }
    }

    /// Share of the sun that reaches a point of a surface, 0..1.
    pub fn light_at(&self, point: &Vector3<f64>, normal: &Vector3<f32>) -> f32 {
        for map in &self.maps {
            let texel = 1.0 / map.texels_per_m;
            let lift = 1.2 * texel;
            let p = point + normal.cast::<f64>() * lift;
            let [x, y] = self.place(&p);
            let (u, v) = ((x - map.corner[0]) * map.texels_per_m, (y - map.corner[1]) * map.texels_per_m);
            let inside = 0.0..(SIZE - 1) as f64;
            if !inside.contains(&u) || !inside.contains(&v) {
                continue;
            }
            let (column, row) = (u as usize, v as usize);
            let (right, down) = ((u - column as f64) as f32, (v - row as f64) as f32);
            let z = (p.z + 0.01) as f32;
            let place = row * SIZE + column;
            let lit = |place: usize| if map.heights[place] > z { 0.0 } else { 1.0 };
            let upper = lit(place) * (1.0 - right) + lit(place + 1) * right;
            let lower = lit(place + SIZE) * (1.0 - right) + lit(place + SIZE + 1) * right;
            return upper * (1.0 - down) + lower * down;
        }
        1.0
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
        shadow.survey(&scene, &Vector3::new(0.0, -1.0, 1.0).normalize(), &Vector3::new(0.0, 0.0, 1.5), [1.0, 0.0]);
        let lit = |x: f64, y: f64, z: f64| shadow.light_at(&Vector3::new(x, y, z), &Vector3::z());
        assert_eq!((lit(10.0, 5.0, 0.0), lit(10.0, 7.8, 0.0), lit(10.0, 5.0, 2.0)), (0.0, 0.0, 0.0));
        assert_eq!((lit(10.0, 8.3, 0.0), lit(10.0, -3.0, 0.0), lit(13.0, 5.0, 0.0)), (1.0, 1.0, 1.0));
        assert_eq!((lit(10.0, 5.0, 4.0), lit(10.0, 0.0, 6.0), lit(200.0, 0.0, 0.0)), (1.0, 1.0, 1.0));
        let wall = |y: f64, normal: Vector3<f32>| shadow.light_at(&Vector3::new(10.0, y, 3.0), &normal);
        assert_eq!(wall(-2.0, -Vector3::y()), 1.0);
    }
}
