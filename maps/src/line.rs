//! A smooth line with exact arc length: what a planner follows.
//!
//! Method: the points are thinned to half a metre (a car that stands leaves a knot of points), joined by a centripetal
//! Catmull-Rom curve (Barry and Goldman, 1988; Yuksel et al., 2011: no loops between points), sampled every metre and
//! smoothed by a cubic smoothing spline in x and y, which halves ripples of 10 m wavelength and keeps longer ones.
//! Curvature is continuous everywhere. Beyond both ends the line goes on straight, with no jump in curvature.
//! Arc length is measured on the spline itself (Gauss-Legendre), so `at` and `project` agree to rounding.

use crate::polyline::FARTHEST_M;
use crate::spline::{Cubic, SmoothingSpline};
use thiserror::Error;
use types::Pose2;

mod project;
mod resample;
mod smooth;

pub use smooth::{LARGEST_DEVIATION_M, SHARPEST_1PM};

/// Distance between knots, m. Longer lines than [`MOST_KNOTS`] metres have wider steps.
const KNOT_STEP_M: f64 = 1.0;
const MOST_KNOTS: f64 = 200_000.0;
/// Wavelength whose amplitude the smoothing halves, m.
const HALVED_WAVELENGTH_M: f64 = 10.0;
/// Points nearer than this are one point, m.
const SHORTEST_M: f64 = 0.01;
/// Knots in a block of the projection's search.
const BLOCK: usize = 32;
/// Abscissae (on 0..1) and weights of the 5-point Gauss-Legendre rule.
pub(crate) const GAUSS: [(f64, f64); 5] = [
    (0.046_910_077_030_668_0, 0.118_463_442_528_094_5),
    (0.230_765_344_947_158_45, 0.239_314_335_249_683_2),
    (0.5, 0.284_444_444_444_444_4),
    (0.769_234_655_052_841_5, 0.239_314_335_249_683_2),
    (0.953_089_922_969_332, 0.118_463_442_528_094_5),
];

/// Why points do not make a line.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum LineError {
    /// Fewer than two points that differ.
    #[error("a line needs 2 points at least {needed_m} m apart; got {points} points within {extent_m} m")]
    TooShort {
        /// Points given.
        points: usize,
        /// Largest distance from the first point.
        extent_m: f64,
        /// Distance needed.
        needed_m: f64,
    },
    /// A coordinate is NaN, infinite or too large.
    #[error("point {index} is ({x}, {y}), outside +-{limit_m} m")]
    OutOfRange {
        /// Index of the point.
        index: usize,
        /// Its x.
        x: f64,
        /// Its y.
        y: f64,
        /// Largest magnitude accepted.
        limit_m: f64,
    },
}

/// The line at one arc length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinePoint {
    /// Position, m.
    pub x: f64,
    /// Position, m.
    pub y: f64,
    /// Direction, rad.
    pub heading_rad: f64,
    /// Curvature, 1/m, positive to the left.
    pub curvature_1pm: f64,
    /// Change of curvature per metre, 1/m2.
    pub curvature_rate_1pm2: f64,
}

/// A smooth line with exact arc length, extended straight beyond both ends.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceLine {
    x: SmoothingSpline,
    y: SmoothingSpline,
    /// Parameter distance between knots.
    step: f64,
    /// Arc length of each knot.
    arc: Vec<f64>,
    /// Position of each knot.
    knots: Vec<[f64; 2]>,
    /// Circles around the pieces of each block: centre and radius.
    blocks: Vec<([f64; 2], f64)>,
}

impl ReferenceLine {
    /// A smooth line near `points` (m), in their order.
    ///
    /// # Errors
    /// If fewer than two points differ by 1 cm, or a coordinate is not finite or beyond 1e7 m.
    pub fn new(points: &[[f64; 2]]) -> Result<Self, LineError> {
        let samples = Self::sampled(points, KNOT_STEP_M)?;
        Ok(Self::from_samples(&samples.points, samples.step_m))
    }

    fn sampled(points: &[[f64; 2]], step_m: f64) -> Result<resample::Samples, LineError> {
        let out_of_range = |p: &[f64; 2]| p.iter().any(|v| !v.is_finite() || v.abs() > FARTHEST_M);
        if let Some(index) = points.iter().position(out_of_range) {
            let [x, y] = points[index];
            return Err(LineError::OutOfRange { index, x, y, limit_m: FARTHEST_M });
        }
        resample::resample(points, step_m, MOST_KNOTS).ok_or_else(|| LineError::TooShort {
            points: points.len(),
            extent_m: points.first().map_or(0.0, |a| points.iter().map(|b| distance(*a, *b)).fold(0.0, f64::max)),
            needed_m: SHORTEST_M,
        })
    }

    /// A straight line from a pose, `length_m` long (at least 1 cm; a pose or length that is not finite gives the
    /// x axis of the frame, so that there is always a line).
    #[must_use]
    pub fn straight(pose: &Pose2, length_m: f64) -> Self {
        let usable = [pose.x, pose.y, pose.yaw].iter().all(|v| v.is_finite() && v.abs() <= FARTHEST_M);
        let pose = if usable { *pose } else { Pose2::default() };
        let length = if length_m.is_finite() { length_m.clamp(SHORTEST_M, FARTHEST_M) } else { 1.0 };
        Self::from_samples(&[[pose.x, pose.y], pose.transform(length, 0.0)], length)
    }

    fn from_samples(points: &[[f64; 2]], step: f64) -> Self {
        let stiffness = (HALVED_WAVELENGTH_M / std::f64::consts::TAU).powi(4) / KNOT_STEP_M;
        let axis = |i: usize| {
            let values: Vec<f64> = points.iter().map(|p| p[i]).collect();
            SmoothingSpline::fit(&values, step, stiffness)
        };
        Self::from_splines(axis(0), axis(1), step)
    }

    fn from_splines(x: SmoothingSpline, y: SmoothingSpline, step: f64) -> Self {
        let mut line = Self { x, y, step, arc: vec![0.0], knots: Vec::new(), blocks: Vec::new() };
        let pieces = line.x.pieces();
        for piece in 0..pieces {
            let end = line.arc[piece] + arc_within(&line.piece(piece), step);
            line.arc.push(end);
        }
        line.knots = (0..pieces).map(|piece| line.position(piece, 0.0)).collect();
        line.knots.push(line.position(pieces - 1, step));
        line.blocks = project::bounding_circles(&line.knots, &line.arc, BLOCK);
        line
    }

    /// Arc length from the first to the last point, m.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.arc[self.arc.len() - 1]
    }

    /// The line at an arc length, m; straight before 0 and after [`ReferenceLine::length`].
    #[must_use]
    pub fn at(&self, s_m: f64) -> LinePoint {
        let length = self.length();
        let inside = if s_m.is_nan() { 0.0 } else { s_m.clamp(0.0, length) };
        let (piece, along) = self.locate(inside);
        let [[x, dx, ddx, dddx], [y, dy, ddy, dddy]] = piece.map(|axis| axis.at(along));
        let square = dx * dx + dy * dy;
        let rate = square.sqrt();
        let cross = dx * ddy - dy * ddx;
        let cross_rate = dx * dddy - dy * dddx;
        let beyond = s_m - inside;
        let outside = !(0.0..=length).contains(&s_m);
        LinePoint {
            x: x + beyond * dx / rate,
            y: y + beyond * dy / rate,
            heading_rad: dy.atan2(dx),
            curvature_1pm: if outside { 0.0 } else { cross / (square * rate) },
            curvature_rate_1pm2: if outside {
                0.0
            } else {
                cross_rate / (square * square) - 3.0 * cross * (dx * ddx + dy * ddy) / (square * square * square)
            },
        }
    }

    /// The piece and the parameter within it at an arc length inside the line.
    fn locate(&self, s: f64) -> ([Cubic; 2], f64) {
        let index = self.arc.partition_point(|a| *a <= s).clamp(1, self.x.pieces()) - 1;
        let (start, end, piece) = (self.arc[index], self.arc[index + 1], self.piece(index));
        let wanted = s - start;
        let mut along = self.step * wanted / (end - start);
        // Newton: the rate of arc length is smooth and near its mean within a piece of a metre.
        for _ in 0..8 {
            let correction = (arc_within(&piece, along) - wanted) / rate(&piece, along);
            along = (along - correction).clamp(0.0, self.step);
            if correction.abs() < 1e-11 {
                break;
            }
        }
        (piece, along)
    }

    fn position(&self, piece: usize, along: f64) -> [f64; 2] {
        [self.x.at(piece, along)[0], self.y.at(piece, along)[0]]
    }

    fn piece(&self, index: usize) -> [Cubic; 2] {
        [self.x.piece(index), self.y.piece(index)]
    }
}

/// Metres of arc per unit of parameter.
fn rate([x, y]: &[Cubic; 2], along: f64) -> f64 {
    let (dx, dy) = (x.slope(along), y.slope(along));
    (dx * dx + dy * dy).sqrt()
}

/// Metres of arc from the beginning of a piece.
fn arc_within(piece: &[Cubic; 2], along: f64) -> f64 {
    GAUSS.iter().map(|(place, weight)| weight * rate(piece, place * along)).sum::<f64>() * along
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(radius: f64, angle: f64, count: usize) -> Vec<[f64; 2]> {
        let step = angle / (count - 1) as f64;
        (0..count).map(|i| i as f64 * step).map(|a| [radius * a.sin(), radius - radius * a.cos()]).collect()
    }

    #[test]
    fn a_circle_has_its_radius() {
        let line = ReferenceLine::new(&circle(30.0, 2.5, 26)).unwrap();
        assert!((line.length() - 75.0).abs() < 0.1, "{}", line.length());
        for i in 1..6 {
            let middle = line.at(10.0 * f64::from(i) + 5.0);
            assert!((middle.curvature_1pm - 1.0 / 30.0).abs() < 1e-3, "{middle:?}");
            assert!((middle.x.hypot(middle.y - 30.0) - 30.0).abs() < 0.02, "{middle:?}");
        }
    }

    #[test]
    fn straight_and_its_continuation() {
        let pose = Pose2 { x: 1.0, y: 2.0, yaw: 0.5 };
        let line = ReferenceLine::straight(&pose, 20.0);
        assert!((line.length() - 20.0).abs() < 1e-9);
        for s in [-50.0, 0.0, 7.3, 20.0, 90.0] {
            let [x, y] = pose.transform(s, 0.0);
            let point = line.at(s);
            assert!((point.x - x).abs() < 1e-9 && (point.y - y).abs() < 1e-9);
            assert!((point.heading_rad - 0.5).abs() < 1e-9 && point.curvature_1pm.abs() < 1e-12);
        }
        let anywhere = ReferenceLine::straight(&Pose2 { x: f64::NAN, y: 0.0, yaw: 0.0 }, f64::INFINITY);
        assert!(anywhere.at(3.0).x.is_finite());
    }

    #[test]
    fn a_right_angle_becomes_drivable_and_curvature_never_jumps() {
        let line = ReferenceLine::new(&[[0.0, 0.0], [30.0, 0.0], [30.0, 30.0]]).unwrap();
        let mut last = line.at(-1.0);
        let mut tightest: f64 = 0.0;
        for i in 0..620 {
            let point = line.at(-1.0 + 0.1 * f64::from(i));
            assert!((point.curvature_1pm - last.curvature_1pm).abs() < 0.05, "{point:?}");
            assert!((distance([point.x, point.y], [last.x, last.y]) - 0.1).abs() < 1e-3 || i == 0);
            tightest = tightest.max(point.curvature_1pm.abs());
            last = point;
        }
        assert!(tightest < 0.4, "{tightest}");
    }

    #[test]
    fn noise_and_standing_still_do_not_bend_it() {
        let noise = |i: u32| 0.03 * f64::from((i * 7919) % 13) / 13.0;
        let mut points: Vec<[f64; 2]> = (0..200).map(|i| [0.3 * f64::from(i), noise(i)]).collect();
        points.extend((0..100).map(|i| [60.0 + noise(i), noise(i + 3)]));
        let line = ReferenceLine::new(&points).unwrap();
        assert!((line.length() - 60.0).abs() < 0.5, "{}", line.length());
        for i in 0..600 {
            let point = line.at(0.1 * f64::from(i));
            assert!(point.curvature_1pm.abs() < 0.02 && point.heading_rad.abs() < 0.05, "{point:?}");
        }
    }

    #[test]
    fn errors_carry_numbers() {
        assert!(matches!(ReferenceLine::new(&[]), Err(LineError::TooShort { points: 0, .. })));
        let same = [[1.0, 1.0], [1.0, 1.001]];
        assert!(
            matches!(ReferenceLine::new(&same), Err(LineError::TooShort { points: 2, extent_m, .. }) if extent_m < 0.01)
        );
        let nan = [[0.0, 0.0], [f64::NAN, 1.0]];
        assert!(matches!(ReferenceLine::new(&nan), Err(LineError::OutOfRange { index: 1, .. })));
        assert!(ReferenceLine::new(&[[0.0, 0.0], [1e300, 0.0]]).is_err());
    }
}
