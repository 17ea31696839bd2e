//! The rectangle around a cluster seen from above.
//!
//! A vehicle shows a lidar one or two of its sides, an L. The heading is the one of 45 (2 degrees apart) under which the
//! points lie closest to the edges of their rectangle: Zhang, Xu, Dong and Dolan, "Efficient L-Shape Fitting for Vehicle
//! Detection Using Laser Scanners" (IV 2017), closeness criterion.

use super::points::Point;
use std::f64::consts::{FRAC_PI_2, PI};

const STEPS: usize = 45;
const STEP_RAD: f64 = FRAC_PI_2 / STEPS as f64;
/// Distances to an edge below this count the same: the noise of the sensor, m.
const NEAREST_M: f32 = 0.05;
/// The search looks at no more points than this.
const SEARCHED_POINTS: usize = 320;

/// A rectangle in the plane of `base_link`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rectangle {
    /// Centre, m.
    pub center: [f64; 2],
    /// The longer side, m.
    pub length: f64,
    /// The shorter side, m.
    pub width: f64,
    /// Direction of the longer side, rad, in [0, pi).
    pub yaw: f64,
}

/// Fits the rectangle around `points`; `None` without a point or with a coordinate that is not finite.
///
/// The paper looks at closeness alone, which is `area_weight` 0. Above that, a heading also pays for the area that its
/// rectangle has beyond the smallest one: a van's rounded front has no edge to be close to.
pub(super) fn fit(points: &[Point], area_weight: f32) -> Option<Rectangle> {
    let origin = points.first()?;
    let stride = points.len().div_ceil(SEARCHED_POINTS);
    let thinned: Vec<[f32; 2]> =
        points.iter().step_by(stride).map(|point| [point[0] - origin[0], point[1] - origin[1]]).collect();
    let fits: [Fit; STEPS] = std::array::from_fn(|step| fit_at(&thinned, (step as f64 * STEP_RAD) as f32));
    let closest = fits.iter().map(|fit| fit.closeness).fold(f32::MIN_POSITIVE, f32::max);
    let smallest = fits.iter().map(|fit| fit.area).fold(f32::INFINITY, f32::min);
    let mut best = (f32::NEG_INFINITY, 0);
    for (step, fit) in fits.iter().enumerate() {
        let score = fit.closeness / closest - area_weight * ((fit.area / smallest).sqrt() - 1.0);
        if score > best.0 {
            best = (score, step);
        }
    }
    rectangle_at(points, best.1 as f64 * STEP_RAD)
}

/// The rectangle around `points` with one side along `yaw`.
pub(super) fn rectangle_at(points: &[Point], yaw: f64) -> Option<Rectangle> {
    let (sin, cos) = yaw.sin_cos();
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for point in points {
        let (x, y) = (f64::from(point[0]), f64::from(point[1]));
        for (axis, value) in [cos * x + sin * y, cos * y - sin * x].into_iter().enumerate() {
            low[axis] = low[axis].min(value);
            high[axis] = high[axis].max(value);
        }
    }
    let (along, across) = (high[0] - low[0], high[1] - low[1]);
    if !(along.is_finite() && across.is_finite()) {
        return None;
    }
    let (middle_along, middle_across) = (0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]));
    let center = [cos * middle_along - sin * middle_across, sin * middle_along + cos * middle_across];
    let yaw = if along >= across { yaw } else { yaw + FRAC_PI_2 };
    Some(Rectangle { center, length: along.max(across), width: along.min(across), yaw: yaw.rem_euclid(PI) })
}

/// How well a heading suits the points.
struct Fit {
    /// Sum of the inverse distances of all points to the nearer of two edges, one along and one across the heading.
    closeness: f32,
    /// Area of the rectangle, each side longer by the noise of the sensor, m2.
    area: f32,
}

fn fit_at(points: &[[f32; 2]], yaw: f32) -> Fit {
    let (sin, cos) = yaw.sin_cos();
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    let mut sum = [0.0f32; 2];
    let mut squares = [0.0f32; 2];
    for point in points {
        let turned = [cos * point[0] + sin * point[1], cos * point[1] - sin * point[0]];
        for axis in 0..2 {
            low[axis] = low[axis].min(turned[axis]);
            high[axis] = high[axis].max(turned[axis]);
            sum[axis] += turned[axis];
            squares[axis] += turned[axis] * turned[axis];
        }
    }
    // Of two parallel edges the visible one has the smaller sum of squared distances: sum (e - c)^2 = sum c^2 - 2 e sum c + n e^2.
    let count = points.len() as f32;
    let edge: [f32; 2] = std::array::from_fn(|axis| {
        let cost = |edge: f32| squares[axis] - 2.0 * edge * sum[axis] + count * edge * edge;
        if cost(low[axis]) <= cost(high[axis]) { low[axis] } else { high[axis] }
    });
    let mut closeness = 0.0;
    for point in points {
        let along = (edge[0] - (cos * point[0] + sin * point[1])).abs();
        let across = (edge[1] - (cos * point[1] - sin * point[0])).abs();
        closeness += 1.0 / along.min(across).max(NEAREST_M);
    }
    let side = |axis: usize| high[axis] - low[axis] + 2.0 * NEAREST_M;
    Fit { closeness, area: side(0) * side(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two visible sides of a car whose nearest corner is at `corner`.
    fn l_shape(corner: [f64; 2], yaw: f64, length: f64, width: f64) -> Vec<Point> {
        let at = |along: f64, across: f64| {
            let (sin, cos) = yaw.sin_cos();
            [(corner[0] + cos * along - sin * across) as f32, (corner[1] + sin * along + cos * across) as f32, 0.5]
        };
        let side = (0..60).map(|i| at(length * f64::from(i) / 59.0, 0.0));
        side.chain((0..30).map(|i| at(0.0, width * f64::from(i) / 29.0))).collect()
    }

    proptest! {
        #[test]
        fn a_car_is_recovered(x in -40.0..40.0f64, y in -40.0..40.0f64, yaw in 0.0..PI, length in 3.5..6.0f64, width in 1.5..2.2f64) {
            let found = fit(&l_shape([x, y], yaw, length, width), 0.0).unwrap();
            let turn = (found.yaw - yaw + FRAC_PI_2).rem_euclid(PI) - FRAC_PI_2;
            prop_assert!(turn.abs() < 1.1f64.to_radians(), "yaw {} found {}", yaw, found.yaw);
            prop_assert!((found.length - length).abs() < 0.1 && (found.width - width).abs() < 0.15);
        }

        #[test]
        fn all_points_are_inside(points in proptest::collection::vec([-9.0..9.0f32, -9.0..9.0f32, 0.0..1.0f32], 1..50)) {
            let found = fit(&points, 1.0).unwrap();
            let (sin, cos) = found.yaw.sin_cos();
            prop_assert!(found.length >= found.width && (0.0..PI).contains(&found.yaw));
            for point in &points {
                let (dx, dy) = (f64::from(point[0]) - found.center[0], f64::from(point[1]) - found.center[1]);
                prop_assert!((cos * dx + sin * dy).abs() <= 0.5 * found.length + 1e-4);
                prop_assert!((cos * dy - sin * dx).abs() <= 0.5 * found.width + 1e-4);
            }
        }
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(fit(&[], 1.0), None);
        assert_eq!(fit(&[[f32::NAN, 0.0, 0.0], [f32::INFINITY, 1.0, 0.0]], 1.0).map(|r| r.length.is_finite()), None);
        assert_eq!(fit(&[[1.0, 2.0, 3.0]], 1.0).map(|r| (r.center, r.length)), Some(([1.0, 2.0], 0.0)));
    }
}
