//! A line through the middle of a lane of a real map: as smooth as a stated deviation allows.
//!
//! Real middles have kinks, doubled points and wobbles. Method: a smoothing spline that halves ripples of 20 m wavelength, fitted again
//! and again: where it leaves the given line by more than it may, the weight of the points there is raised, until it
//! lies within everywhere. Where the result is still tighter than a car can drive and the lane has room, it may leave the line
//! farther, up to that room.

use super::{LineError, ReferenceLine, resample::Samples};
use crate::polyline::Polyline;
use crate::spline::SmoothingSpline;

/// How far a smoothed line leaves the given one, m; farther only where the lane has room and the curve is tight.
pub const LARGEST_DEVIATION_M: f64 = 0.3;
/// Tighter curves use the room that the lane has, 1/m: about the smallest circle of a car.
pub const SHARPEST_1PM: f64 = 0.18;
/// The farthest from the given line, whatever the room, m.
const MOST_ROOM_M: f64 = 1.5;
/// Wavelength whose amplitude the smoothing halves where the deviation allows it, m.
const HALVED_WAVELENGTH_M: f64 = 20.0;
/// Distance between knots, m.
const KNOT_STEP_M: f64 = 0.5;
/// Fits until the line lies within; each raises weights, so few are needed.
const MOST_FITS: usize = 60;
/// Rounds of giving tight curves more room.
const MOST_ROUNDS: usize = 6;
/// A foot point is looked for this far around where it is expected, m.
const AROUND_M: f64 = 6.0;

impl ReferenceLine {
    /// A smooth line within [`LARGEST_DEVIATION_M`] of the straight pieces between `points` (m, in their order). `room_m` says how
    /// far the line may leave them at most where the curve is tighter than [`SHARPEST_1PM`], by arc length along the pieces, m.
    ///
    /// # Errors
    /// As [`ReferenceLine::new`].
    pub fn smoothed(points: &[[f64; 2]], room_m: &dyn Fn(f64) -> f64) -> Result<Self, LineError> {
        let mut samples = Self::sampled(points, KNOT_STEP_M)?;
        let Some(given) = Polyline::new(points) else {
            return Ok(Self::from_samples(&samples.points, samples.step_m));
        };
        // The curve through sparse points bulges; half of the deviation is left for smoothing.
        let places = pull(&mut samples, &given);
        let room: Vec<f64> = places
            .iter()
            .map(|s| room_m(*s))
            .map(
                |room| {
                    if room.is_finite() { room.clamp(LARGEST_DEVIATION_M, MOST_ROOM_M) } else { LARGEST_DEVIATION_M }
                },
            )
            .collect();
        let mut bounds = vec![LARGEST_DEVIATION_M; places.len()];
        let mut line = fit(&samples, &given, &places, &bounds);
        for _ in 0..MOST_ROUNDS {
            if !widen(&line, &room, &mut bounds) {
                break;
            }
            line = fit(&samples, &given, &places, &bounds);
        }
        Ok(line)
    }
}

/// Brings the samples to half of the deviation from the given line; gives the arc lengths of their feet.
fn pull(samples: &mut Samples, given: &Polyline) -> Vec<f64> {
    let mut at = 0.0;
    let mut places = Vec::with_capacity(samples.points.len());
    let last = samples.points.len() - 1;
    for (i, point) in samples.points.iter_mut().enumerate() {
        let foot = given.project_within(point[0], point[1], at - AROUND_M, at + samples.step_m + AROUND_M);
        let base = given.pose(foot.s_m);
        if foot.distance_m > 0.5 * LARGEST_DEVIATION_M && i != 0 && i != last {
            let share = 0.5 * LARGEST_DEVIATION_M / foot.distance_m;
            *point = [base.x + share * (point[0] - base.x), base.y + share * (point[1] - base.y)];
        }
        at = foot.s_m.max(at);
        places.push(at);
    }
    places
}

/// The smoothest line that lies within the bounds.
fn fit(samples: &Samples, given: &Polyline, places: &[f64], bounds: &[f64]) -> ReferenceLine {
    let stiffness = (HALVED_WAVELENGTH_M / std::f64::consts::TAU).powi(4) / samples.step_m;
    let axis = |i: usize| -> Vec<f64> { samples.points.iter().map(|p| p[i]).collect() };
    let (xs, ys) = (axis(0), axis(1));
    let mut weights = vec![1.0f64; xs.len()];
    let mut splines = None;
    for _ in 0..MOST_FITS {
        let x = SmoothingSpline::fit_weighted(&xs, samples.step_m, stiffness, &weights);
        let y = SmoothingSpline::fit_weighted(&ys, samples.step_m, stiffness, &weights);
        let mut within = true;
        for piece in 0..x.pieces() {
            for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
                let along = share * samples.step_m;
                let (px, py) = (x.at(piece, along)[0], y.at(piece, along)[0]);
                let at = places[piece];
                let gap = given.project_within(px, py, at - AROUND_M, at + AROUND_M).distance_m;
                let bound = bounds[piece].min(bounds[piece + 1]);
                if gap > bound {
                    within = false;
                    let more = (gap / bound).powf(1.5).clamp(1.1, 8.0);
                    if share < 1.0 {
                        weights[piece] = (weights[piece] * more).min(1e6);
                    }
                    if share > 0.0 {
                        weights[piece + 1] = (weights[piece + 1] * more).min(1e6);
                    }
                }
            }
        }
        splines = Some((x, y));
        if within {
            break;
        }
    }
    match splines {
        Some((x, y)) => ReferenceLine::from_splines(x, y, samples.step_m),
        None => ReferenceLine::from_samples(&samples.points, samples.step_m),
    }
}

/// Gives curves that are too tight more of their room; whether any got more.
fn widen(line: &ReferenceLine, room: &[f64], bounds: &mut [f64]) -> bool {
    let reach = (5.0 / line.step).ceil() as usize;
    let mut any = false;
    let tight: Vec<usize> =
        (0..bounds.len()).filter(|i| line.at(line.arc[*i]).curvature_1pm.abs() > SHARPEST_1PM).collect();
    let mut next = bounds.to_vec();
    for i in tight {
        for k in i.saturating_sub(reach)..(i + reach + 1).min(bounds.len()) {
            let wanted = (bounds[k] * 1.4).min(room[k]);
            if wanted > next[k] + 1e-9 {
                next[k] = wanted;
                any = true;
            }
        }
    }
    bounds.copy_from_slice(&next);
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn farthest(line: &ReferenceLine, points: &[[f64; 2]]) -> f64 {
        let given = Polyline::new(points).unwrap();
        let count = (line.length() / 0.1) as usize;
        let gap = |i: usize| {
            let point = line.at(line.length() * i as f64 / count as f64);
            given.project(point.x, point.y).distance_m
        };
        (0..=count).map(gap).fold(0.0, f64::max)
    }

    fn sharpest(line: &ReferenceLine) -> f64 {
        let count = (line.length() / 0.1) as usize;
        (0..=count).map(|i| line.at(0.1 * i as f64).curvature_1pm.abs()).fold(0.0, f64::max)
    }

    #[test]
    fn a_right_angle_keeps_the_deviation_and_uses_room_if_there_is_some() {
        let points = [[0.0, 0.0], [30.0, 0.0], [30.0, 30.0]];
        let narrow = ReferenceLine::smoothed(&points, &|_| 0.0).unwrap();
        assert!(farthest(&narrow, &points) < 0.32, "{}", farthest(&narrow, &points));
        let wide = ReferenceLine::smoothed(&points, &|_| 1.4).unwrap();
        assert!(farthest(&wide, &points) < 1.42, "{}", farthest(&wide, &points));
        // The widest arc that cuts the corner by 1.4 m has a radius of 1.4 / (sqrt(2) - 1) = 3.4 m.
        assert!(sharpest(&wide) < 0.4 && sharpest(&wide) < 0.5 * sharpest(&narrow), "{}", sharpest(&wide));
    }

    #[test]
    fn a_wobble_becomes_straight_and_a_curve_keeps_its_radius() {
        let wobble: Vec<[f64; 2]> =
            (0..60).map(|i| [2.0 * f64::from(i), if i % 2 == 0 { 0.1 } else { -0.1 }]).collect();
        let line = ReferenceLine::smoothed(&wobble, &|_| 0.0).unwrap();
        assert!(sharpest(&line) < 2e-3, "{}", sharpest(&line));
        let circle: Vec<[f64; 2]> =
            (0..40).map(|i| 0.06 * f64::from(i)).map(|a| [15.0 * a.sin(), 15.0 - 15.0 * a.cos()]).collect();
        let line = ReferenceLine::smoothed(&circle, &|_| 0.0).unwrap();
        assert!((line.at(0.5 * line.length()).curvature_1pm - 1.0 / 15.0).abs() < 2e-3);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any road whose pieces turn by less than a right angle: near its points, and curvature never jumps.
        #[test]
        fn it_stays_near_and_curvature_is_continuous(
            pieces in prop::collection::vec((2.0..20.0f64, -1.2..1.2f64), 2..20),
            repeat in 0usize..3,
        ) {
            let (mut heading, mut points) = (0.0f64, vec![[0.0, 0.0]]);
            for (length, turn) in pieces {
                let [x, y] = points[points.len() - 1];
                heading += turn;
                points.push([x + length * heading.cos(), y + length * heading.sin()]);
                for _ in 0..repeat {
                    points.push(points[points.len() - 1]);
                }
            }
            let line = ReferenceLine::smoothed(&points, &|_| 0.0).unwrap();
            prop_assert!(farthest(&line, &points) <= LARGEST_DEVIATION_M + 0.05, "{}", farthest(&line, &points));
            for knot in 1..line.arc.len() - 1 {
                let [before, after] = [-1e-6, 1e-6].map(|d| line.at(line.arc[knot] + d).curvature_1pm);
                prop_assert!((before - after).abs() < 1e-3, "{before} {after}");
            }
            prop_assert_eq!(line, ReferenceLine::smoothed(&points, &|_| 0.0).unwrap());
        }
    }
}
