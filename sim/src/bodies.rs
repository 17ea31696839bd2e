//! What cars, people, trees and houses are built of. Every part lies inside the body's box.

use crate::scene::{Body, Part};
use crate::shape::{Axis, Shape};
use crate::surface::Surface;
#[cfg(test)]
use crate::surface::{CarPaint, Color};
use nalgebra::Vector3;

/// An upright cylinder.
pub fn upright(x: f64, y: f64, radius: f64, z: [f64; 2]) -> Shape {
    let center = Vector3::new(x, y, 0.5 * (z[0] + z[1]));
    Shape::Cylinder { axis: Axis::Z, center, radius, half_length: 0.5 * (z[1] - z[0]) }
}

/// A wheel across the heading.
pub fn wheel(x: f64, y: f64, radius: f64, half_width: f64) -> Part {
    let center = Vector3::new(x, y, radius);
    let shape = Shape::Cylinder { axis: Axis::Y, center, radius, half_length: half_width };
    Part { shape, surface: Surface::Wheel { hub_x: x, radius } }
}

/// An ellipsoid.
pub fn ball(center: [f64; 3], radii: [f64; 3]) -> Shape {
    Shape::Ellipsoid { center: center.into(), radii: radii.into() }
}

/// A car: lower body, cabin with sloped screens, four wheels.
#[cfg(test)]
pub fn car(color: Color, length: f64, width: f64, height: f64) -> Body {
    let paint = CarPaint { color, length, width, height };
    let (end, half, belt) = (0.5 * length, 0.5 * width - 0.02, 0.62 * height);
    let lower = [
        [-end + 0.12, 0.22],
        [end - 0.12, 0.22],
        [end, 0.36],
        [end - 0.02, 0.66],
        [end - 0.22, 0.76],
        [0.22 * length, belt + 0.02],
        [-end + 0.12, belt + 0.02],
        [-end, 0.6 * belt],
        [-end, 0.36],
    ];
    let cabin = [
        [-end + 0.16, belt - 0.03],
        [0.24 * length, belt - 0.03],
        [0.07 * length, height - 0.02],
        [0.02 * length, height],
        [-0.28 * length, height],
        [-0.34 * length, height - 0.04],
    ];
    let mut parts = vec![
        Part { shape: Shape::extruded(&lower, (0.2, half), (belt, half - 0.03)), surface: Surface::CarBody(paint) },
        Part {
            shape: Shape::extruded(&cabin, (belt, half - 0.06), (height, half - 0.22)),
            surface: Surface::CarCabin(paint),
        },
    ];
    for (x, y) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
        parts.push(wheel(x * paint.axle(), y * (0.5 * width - 0.11), paint.wheel_radius(), 0.11));
    }
    Body::new([length, width, height], parts)
}

/// A person on foot, in mid-stride.
#[cfg(test)]
pub fn pedestrian(shirt: Color, trousers: Color, skin: Color, height: f64) -> Body {
    let (hip, neck) = (0.48 * height, 0.83 * height);
    let cloth = |shape, color| Part { shape, surface: Surface::Cloth(color) };
    let leg = |x0: f64, x1: f64, y: f64| {
        let profile = [[x0 - 0.07, 0.0], [x0 + 0.09, 0.0], [x1 + 0.09, hip], [x1 - 0.09, hip]];
        Shape::Convex(match Shape::extruded(&profile, (0.0, 0.075), (hip, 0.09)) {
            Shape::Convex(faces) => faces.into_iter().map(|f| f.shifted([0.0, y, 0.0])).collect(),
            _ => Vec::new(),
        })
    };
    let parts = vec![
        cloth(leg(0.2, 0.03, 0.1), trousers),
        cloth(leg(-0.2, -0.03, -0.1), trousers),
        cloth(ball([0.0, 0.0, 0.5 * (hip + neck)], [0.16, 0.23, 0.5 * (neck - hip) + 0.06]), shirt),
        cloth(upright(-0.06, 0.24, 0.055, [hip - 0.02, neck - 0.06]), shirt),
        cloth(upright(0.06, -0.24, 0.055, [hip - 0.02, neck - 0.06]), shirt),
        Part { shape: ball([0.02, 0.0, height - 0.13], [0.10, 0.085, 0.13]), surface: Surface::Head(skin) },
    ];
    Body::new([0.6, 0.6, height], parts)
}

/// A person on a bicycle.
#[cfg(test)]
pub fn cyclist(shirt: Color, trousers: Color, skin: Color) -> Body {
    let cloth = |shape, color| Part { shape, surface: Surface::Cloth(color) };
    let torso = [[-0.28, 0.92], [-0.02, 0.90], [0.34, 1.36], [0.16, 1.46]];
    let thigh = [[-0.24, 0.88], [0.12, 0.5], [0.24, 0.56], [-0.06, 0.98]];
    let shin = [[0.0, 0.2], [0.1, 0.2], [0.24, 0.56], [0.12, 0.56]];
    let arm = [[0.24, 1.26], [0.42, 0.98], [0.5, 1.02], [0.32, 1.34]];
    let frame = [[-0.5, 0.36], [0.0, 0.28], [0.46, 0.82], [0.36, 0.86], [-0.2, 0.78]];
    let flat = |profile: &[[f64; 2]], half: f64| Shape::extruded(profile, (0.0, half), (1.0, half));
    let parts = vec![
        wheel(-0.53, 0.0, 0.34, 0.02),
        wheel(0.53, 0.0, 0.34, 0.02),
        Part { shape: flat(&frame, 0.02), surface: Surface::Metal },
        cloth(flat(&torso, 0.19), shirt),
        cloth(flat(&thigh, 0.16), trousers),
        cloth(flat(&shin, 0.14), trousers),
        cloth(flat(&arm, 0.22), shirt),
        Part { shape: ball([0.32, 0.0, 1.6], [0.12, 0.09, 0.14]), surface: Surface::Head(skin) },
    ];
    Body::new([1.8, 0.6, 1.75], parts)
}

/// A tree: trunk and a crown of three balls.
#[cfg(test)]
pub fn tree(leaves: Color, height: f64, crown: f64) -> Body {
    let foliage = |center: [f64; 3], radius: f64| Part {
        shape: ball(center, [radius, radius, 0.85 * radius]),
        surface: Surface::Leaves(leaves),
    };
    let parts = vec![
        Part { shape: upright(0.0, 0.0, 0.16, [0.0, height - crown]), surface: Surface::Bark },
        foliage([0.0, 0.0, height - 0.85 * crown], crown),
        foliage([0.45 * crown, 0.2 * crown, height - 1.35 * crown], 0.7 * crown),
        foliage([-0.4 * crown, -0.3 * crown, height - 1.3 * crown], 0.75 * crown),
    ];
    Body::new([2.4 * crown, 2.4 * crown, height], parts)
}

/// A street lamp: a mast and its arm.
pub fn lamp() -> Body {
    let arm = Shape::Block { min: Vector3::new(-0.12, 0.0, 6.85), max: Vector3::new(0.12, 1.4, 7.0) };
    let parts = vec![
        Part { shape: upright(0.0, 0.0, 0.09, [0.0, 7.0]), surface: Surface::Metal },
        Part { shape: arm, surface: Surface::Metal },
    ];
    Body::new([0.3, 3.0, 7.0], parts)
}

/// The sign of a pedestrian crossing, facing backwards along its heading.
#[cfg(test)]
pub fn sign() -> Body {
    let board = Shape::Block { min: Vector3::new(-0.06, -0.35, 2.1), max: Vector3::new(-0.04, 0.35, 2.8) };
    let parts = vec![
        Part { shape: upright(0.0, 0.0, 0.04, [0.0, 2.8]), surface: Surface::Metal },
        Part { shape: board, surface: Surface::Sign },
    ];
    Body::new([0.2, 0.8, 2.8], parts)
}

/// A house.
#[cfg(test)]
pub fn building(color: Color, length: f64, depth: f64, height: f64) -> Body {
    let (x, y) = (0.5 * length, 0.5 * depth);
    let shape = Shape::Block { min: Vector3::new(-x, -y, -0.2), max: Vector3::new(x, y, height) };
    Body::new([length, depth, height], vec![Part { shape, surface: Surface::Facade(color) }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Ray;
    use proptest::prelude::*;

    proptest! {
        /// Whatever a ray hits lies within the body's box: the truth box holds every return.
        #[test]
        fn parts_lie_inside_the_box(angle in 0.0..6.3f64, z in 0.05..2.5f64, aim in prop::array::uniform3(-1.0..1.0f64)) {
            let grey = [0.5; 3];
            let bodies = [car(grey, 4.4, 1.8, 1.5), pedestrian(grey, grey, grey, 1.75), cyclist(grey, grey, grey), sign()];
            for body in bodies.iter().chain(&[tree(grey, 7.0, 1.6), lamp()]) {
                let half = Vector3::new(0.5 * body.size[0], 0.5 * body.size[1], 0.5 * body.size[2]);
                let target = Vector3::new(aim[0] * half.x, aim[1] * half.y, half.z * (1.0 + aim[2]));
                let origin = Vector3::new(15.0 * angle.cos(), 15.0 * angle.sin(), z);
                let ray = Ray { origin, direction: target - origin };
                for part in &body.parts {
                    if let Some(entry) = part.shape.enter(&ray) {
                        let p = ray.at(entry.distance);
                        prop_assert!(p.x.abs() <= half.x + 1e-9 && p.y.abs() <= half.y + 1e-9, "{:?} {:?}", p, part);
                        prop_assert!(p.z >= -1e-9 && p.z <= body.size[2] + 1e-9, "{:?} {:?}", p, part);
                    }
                }
            }
        }
    }
}
