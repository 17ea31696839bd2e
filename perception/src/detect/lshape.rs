//! The rectangle around a cluster seen from above.
//!
//! A vehicle shows a lidar one or two of its sides, an L. The heading is the one of 45 (2 degrees apart) under which the
//! points lie closest to the edges of their rectangle: Zhang, Xu, Dong and Dolan, "Efficient L-Shape Fitting for Vehicle
//! Detection Using Laser Scanners" (IV 2017), closeness criterion.

use super::points::Point;
use std::f64::consts::{FRAC_PI_2, PI};
use std::sync::LazyLock;

const STEPS: usize = 45;
const STEP_RAD: f64 = FRAC_PI_2 / STEPS as f64;
/// Distances to an edge below this count the same: the noise of the sensor, m.
const NEAREST_M: f32 = 0.05;
/// The search looks at no more points than this.
const SEARCHED_POINTS: usize = 320;
/// Headings that are looked at together.
const LANES: usize = 4;

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
    let mut thinned = [[0.0; 2]; SEARCHED_POINTS];
    let mut count = 0;
    for (out, point) in thinned.iter_mut().zip(points.iter().step_by(stride)) {
        *out = [point[0] - origin[0], point[1] - origin[1]];
        count += 1;
    }
    let mut fits = [Fit::default(); STEPS];
    for (fits, headings) in fits.chunks_mut(LANES).zip(HEADINGS.iter()) {
        fits.copy_from_slice(&fit_at(&thinned[..count], headings)[..fits.len()]);
    }
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
#[derive(Clone, Copy, Default)]
struct Fit {
    /// Sum of the inverse distances of all points to the nearer of two edges, one along and one across the heading.
    closeness: f32,
    /// Area of the rectangle, each side longer by the noise of the sensor, m2.
    area: f32,
}

/// One number for each of some headings that are looked at together: the compiler makes vectors of them, and each
/// heading still adds its points up in their order.
type Lanes = [f32; LANES];

/// Sine and cosine of headings.
struct Headings {
    sin: Lanes,
    cos: Lanes,
}

/// All headings of the search, and a few beyond the last that fill the lanes.
static HEADINGS: LazyLock<[Headings; STEPS.div_ceil(LANES)]> = LazyLock::new(|| {
    std::array::from_fn(|first| {
        let turn = |lane: usize| ((first * LANES + lane) as f64 * STEP_RAD) as f32;
        Headings {
            sin: std::array::from_fn(|lane| turn(lane).sin()),
            cos: std::array::from_fn(|lane| turn(lane).cos()),
        }
    })
});

impl Headings {
    /// Coordinates of a point along and across each heading.
    fn turn(&self, [x, y]: [f32; 2]) -> [Lanes; 2] {
        let Self { sin, cos } = self;
        [
            std::array::from_fn(|lane| cos[lane] * x + sin[lane] * y),
            std::array::from_fn(|lane| cos[lane] * y - sin[lane] * x),
        ]
    }
}

/// The values of one axis of the turned points.
#[derive(Clone, Copy)]
struct Spread {
    low: Lanes,
    high: Lanes,
    sum: Lanes,
    squares: Lanes,
}

impl Spread {
    const NONE: Self = Self {
        low: [f32::INFINITY; LANES],
        high: [f32::NEG_INFINITY; LANES],
        sum: [0.0; LANES],
        squares: [0.0; LANES],
    };

    fn add(&mut self, value: Lanes) {
        let Self { low, high, sum, squares } = *self;
        self.low = std::array::from_fn(|lane| lesser(value[lane], low[lane]));
        self.high = std::array::from_fn(|lane| larger(value[lane], high[lane]));
        self.sum = std::array::from_fn(|lane| sum[lane] + value[lane]);
        self.squares = std::array::from_fn(|lane| squares[lane] + value[lane] * value[lane]);
    }

    /// Of two parallel edges the visible one has the smaller sum of squared distances:
    /// sum (e - c)^2 = sum c^2 - 2 e sum c + n e^2.
    fn edge(&self, count: f32) -> Lanes {
        std::array::from_fn(|lane| {
            let cost = |edge: f32| self.squares[lane] - 2.0 * edge * self.sum[lane] + count * edge * edge;
            if cost(self.low[lane]) <= cost(self.high[lane]) { self.low[lane] } else { self.high[lane] }
        })
    }
}

/// The smaller of both, `b` if they cannot be compared: one instruction, unlike the library's.
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The larger of both, `b` if they cannot be compared.
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

fn fit_at(points: &[[f32; 2]], headings: &Headings) -> [Fit; LANES] {
    let [mut along, mut across] = [Spread::NONE; 2];
    for point in points {
        let turned = headings.turn(*point);
        along.add(turned[0]);
        across.add(turned[1]);
    }
    let edges = [along, across].map(|axis| axis.edge(points.len() as f32));
    let mut closeness = [0.0; LANES];
    for point in points {
        let turned = headings.turn(*point);
        for lane in 0..LANES {
            let [along, across] = [0, 1].map(|axis| (edges[axis][lane] - turned[axis][lane]).abs());
            closeness[lane] += 1.0 / larger(lesser(along, across), NEAREST_M);
        }
    }
    let side = |axis: &Spread, lane: usize| axis.high[lane] - axis.low[lane] + 2.0 * NEAREST_M;
    std::array::from_fn(|lane| Fit { closeness: closeness[lane], area: side(&along, lane) * side(&across, lane) })
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
