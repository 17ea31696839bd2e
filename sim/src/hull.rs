//! The corners of solids: what a rasteriser needs to know of what the ray caster holds as planes.

use crate::shape::{Axis, Face, Shape};
use nalgebra::Vector3;
use std::f64::consts::TAU;

/// Half the side of the square that a face is cut from, m: larger than any solid.
const ROOM_M: f64 = 500.0;

/// Corners of the face `index` of a convex solid, in order around it. Empty if the other faces leave nothing of it.
pub fn polygon(faces: &[Face], index: usize, corners: &mut Vec<Vector3<f64>>, spare: &mut Vec<Vector3<f64>>) {
    let Face { normal, offset } = faces[index];
    let first = if normal.z.abs() < 0.9 { Vector3::z() } else { Vector3::x() }.cross(&normal).normalize() * ROOM_M;
    let second = normal.cross(&first);
    let middle = normal * offset;
    corners.clear();
    corners.extend([
        middle - first - second,
        middle + first - second,
        middle + first + second,
        middle - first + second,
    ]);
    for (other, face) in faces.iter().enumerate() {
        if other != index {
            cut(corners, spare, |p| face.offset - face.normal.dot(p));
            std::mem::swap(corners, spare);
        }
    }
}

/// Sutherland and Hodgman, 1974: what of a polygon lies where `room` is not negative. `room` is linear in the point.
pub fn cut(corners: &[Vector3<f64>], kept: &mut Vec<Vector3<f64>>, room: impl Fn(&Vector3<f64>) -> f64) {
    kept.clear();
    let Some(last) = corners.last() else { return };
    let (mut before, mut before_room) = (*last, room(last));
    for corner in corners {
        let here = room(corner);
        if (here >= 0.0) != (before_room >= 0.0) {
            kept.push(before + (corner - before) * (before_room / (before_room - here)));
        }
        if here >= 0.0 {
            kept.push(*corner);
        }
        (before, before_room) = (*corner, here);
    }
}

/// The six faces of a block.
pub fn block_faces(min: &Vector3<f64>, max: &Vector3<f64>) -> [Face; 6] {
    let face = |axis: usize, side: f64| {
        let mut normal = Vector3::zeros();
        normal[axis] = side;
        Face { normal, offset: if side > 0.0 { max[axis] } else { -min[axis] } }
    };
    [face(0, -1.0), face(0, 1.0), face(1, -1.0), face(1, 1.0), face(2, -1.0), face(2, 1.0)]
}

/// Corners of the face of a block that `block_faces` lists at `index`, in order around it.
pub fn block_corners(min: &Vector3<f64>, max: &Vector3<f64>, index: usize) -> [Vector3<f64>; 4] {
    let axis = index / 2;
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    let level = if index % 2 == 1 { max[axis] } else { min[axis] };
    [(false, false), (true, false), (true, true), (false, true)].map(|(far_u, far_v)| {
        let mut corner = Vector3::zeros();
        corner[axis] = level;
        corner[u] = if far_u { max[u] } else { min[u] };
        corner[v] = if far_v { max[v] } else { min[v] };
        corner
    })
}

/// A cylinder as a prism with `sides` faces and the two ends. The prism is inscribed.
pub fn prism(axis: Axis, center: &Vector3<f64>, radius: f64, half_length: f64, sides: usize) -> Vec<Vec<Vector3<f64>>> {
    let at = |index: usize, end: f64| {
        let (sin, cos) = (TAU * index as f64 / sides as f64).sin_cos();
        center
            + match axis {
                Axis::Y => Vector3::new(radius * cos, end * half_length, radius * sin),
                Axis::Z => Vector3::new(radius * cos, radius * sin, end * half_length),
            }
    };
    let side = |i: usize| vec![at(i, -1.0), at(i + 1, -1.0), at(i + 1, 1.0), at(i, 1.0)];
    let end = |end: f64| (0..sides).map(|i| at(i, end)).collect();
    (0..sides).map(side).chain([end(-1.0), end(1.0)]).collect()
}

/// The smallest and the greatest coordinates of a solid, with a millimetre to spare.
pub fn extent(shape: &Shape) -> [Vector3<f64>; 2] {
    let (low, high) = match shape {
        Shape::Block { min, max } => (*min, *max),
        Shape::Ellipsoid { center, radii } => (center - radii, center + radii),
        Shape::Cylinder { axis, center, radius, half_length } => {
            let mut half = Vector3::repeat(*radius);
            half[match axis {
                Axis::Y => 1,
                Axis::Z => 2,
            }] = *half_length;
            (center - half, center + half)
        }
        Shape::Convex(faces) => {
            let (mut low, mut high) = (Vector3::repeat(f64::INFINITY), Vector3::repeat(f64::NEG_INFINITY));
            let (mut corners, mut spare) = (Vec::new(), Vec::new());
            for index in 0..faces.len() {
                polygon(faces, index, &mut corners, &mut spare);
                for corner in &corners {
                    (low, high) = (low.inf(corner), high.sup(corner));
                }
            }
            (low, high)
        }
    };
    [low - Vector3::repeat(1e-3), high + Vector3::repeat(1e-3)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_block_cut_from_planes_has_its_corners() {
        let (min, max) = (Vector3::new(-1.0, -2.0, 0.0), Vector3::new(3.0, 0.5, 1.5));
        let faces = block_faces(&min, &max);
        let (mut corners, mut spare) = (Vec::new(), Vec::new());
        for index in 0..6 {
            polygon(&faces, index, &mut corners, &mut spare);
            let expected = block_corners(&min, &max, index);
            assert_eq!(corners.len(), 4);
            for corner in &corners {
                assert!(expected.iter().any(|e| (e - corner).norm() < 1e-9), "{corner}");
            }
        }
    }

    proptest! {
        /// Every corner lies on its face and outside none.
        #[test]
        fn corners_lie_on_the_solid(top in 0.3..1.5f64, shear in -0.5..0.5f64) {
            let profile = [[-2.0, 0.0], [2.0, 0.2], [1.4 + shear, top], [-1.5 + shear, top]];
            let Shape::Convex(faces) = Shape::extruded(&profile, (0.0, 1.0), (top, 0.6)) else { panic!() };
            let (mut corners, mut spare) = (Vec::new(), Vec::new());
            for index in 0..faces.len() {
                polygon(&faces, index, &mut corners, &mut spare);
                for corner in &corners {
                    prop_assert!((faces[index].normal.dot(corner) - faces[index].offset).abs() < 1e-9);
                    prop_assert!(faces.iter().all(|f| f.normal.dot(corner) <= f.offset + 1e-9));
                }
            }
        }
    }
}
