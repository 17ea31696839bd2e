//! From the points of a cluster to an upright box: first what is visible, then the whole vehicle.

use super::lshape::Rectangle;
use super::points::Point;
use std::f64::consts::{FRAC_PI_2, PI};
use types::Box3;

/// The box around the visible points: the rectangle with their lowest and highest z.
pub(super) fn visible(points: &[Point], rectangle: &Rectangle) -> Box3 {
    let bottom = points.iter().map(|point| f64::from(point[2])).fold(f64::INFINITY, f64::min);
    let top = points.iter().map(|point| f64::from(point[2])).fold(f64::NEG_INFINITY, f64::max);
    Box3 {
        center: [rectangle.center[0], rectangle.center[1], 0.5 * (bottom + top)],
        length: rectangle.length,
        width: rectangle.width,
        height: top - bottom,
        yaw: rectangle.yaw,
    }
}

/// Puts the bottom of the box on the ground; its top stays.
pub(super) fn stand_on(bbox: &mut Box3, ground: f64) {
    let top = bbox.center[2] + 0.5 * bbox.height;
    bbox.height = (top - ground).max(0.0);
    bbox.center[2] = top - 0.5 * bbox.height;
}

/// The size an object has at least, m.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeastSize {
    /// Along the heading.
    pub length: f64,
    /// Across the heading.
    pub width: f64,
}

/// Extends a visible box to at least `size`, away from the sensor: the faces that the sensor sees stay where the points are.
pub(super) fn complete(bbox: &mut Box3, size: LeastSize, sensor: [f64; 2]) {
    let (sin, cos) = bbox.yaw.sin_cos();
    let (dx, dy) = (sensor[0] - bbox.center[0], sensor[1] - bbox.center[1]);
    let along = away(cos * dx + sin * dy, 0.5 * bbox.length) * 0.5 * (size.length - bbox.length).max(0.0);
    let across = away(cos * dy - sin * dx, 0.5 * bbox.width) * 0.5 * (size.width - bbox.width).max(0.0);
    bbox.center[0] += cos * along - sin * across;
    bbox.center[1] += sin * along + cos * across;
    bbox.length = bbox.length.max(size.length);
    bbox.width = bbox.width.max(size.width);
}

/// The side to which an extent grows: away from a sensor beyond one end, to both sides from one between the ends.
fn away(sensor: f64, half: f64) -> f64 {
    if sensor > half {
        -1.0
    } else if sensor < -half {
        1.0
    } else {
        0.0
    }
}

/// Turns the box by a quarter, which exchanges length and width.
pub(super) fn quarter_turn(bbox: &mut Box3) {
    (bbox.length, bbox.width) = (bbox.width, bbox.length);
    bbox.yaw += FRAC_PI_2;
}

/// A box has no front yet: of both headings takes the one within a quarter turn of the ego's.
pub(super) fn point_forward(bbox: &mut Box3) {
    bbox.yaw = (bbox.yaw + FRAC_PI_2).rem_euclid(PI) - FRAC_PI_2;
}
