//! Shapes of lanes: turns without jumps of curvature, shifts, and lines beside a line.

use maps::Polyline;
use types::{Pose2, wrap_angle};

/// Distance between points, m.
const STEP_M: f64 = 1.0;
/// Share of a turn's length over which its curvature rises, and again over which it falls.
const RAMP: f64 = 0.3;

/// Points from one pose to another: a turn (clothoid, arc, clothoid) with straights before or behind it if the two directions
/// cross ahead, else a curve of fifth order.
pub fn connect(from: &Pose2, to: &Pose2) -> Vec<[f64; 2]> {
    let turn = wrap_angle(to.yaw - from.yaw);
    let [x, y] = from.inverse_transform(to.x, to.y);
    // Legs from each pose to the corner where the two directions cross.
    let leg_to = y / turn.sin();
    let leg_from = x - y / turn.tan();
    if !(0.3..2.8).contains(&turn.abs()) || leg_from < 1.0 || leg_to < 1.0 {
        return shift(from, to);
    }
    let tangent = leg_from.min(leg_to);
    let mut points = vec![[from.x, from.y]];
    straight(&mut points, from, leg_from - tangent);
    let [start_x, start_y] = from.transform(leg_from - tangent, 0.0);
    let start = Pose2 { x: start_x, y: start_y, yaw: from.yaw };
    points.extend(bend(turn, tangent).into_iter().skip(1).map(|[x, y]| start.transform(x, y)));
    let [end_x, end_y] = to.transform(tangent - leg_to, 0.0);
    straight(&mut points, &Pose2 { x: end_x, y: end_y, yaw: to.yaw }, leg_to - tangent);
    points.pop();
    points.push([to.x, to.y]);
    points
}

/// Appends points of a straight that begins behind the last point. One too short to matter is left to the next piece: points that
/// are close together make sharp corners out of rounding.
fn straight(points: &mut Vec<[f64; 2]>, from: &Pose2, length: f64) {
    if length < 0.3 * STEP_M {
        return;
    }
    let count = (length / STEP_M).ceil() as usize;
    points.extend((1..=count).map(|i| from.transform(length * i as f64 / count as f64, 0.0)));
}

/// A turn from the x axis by an angle whose ends lie `tangent` metres from the corner. The curvature is a trapezium.
fn bend(turn: f64, tangent: f64) -> Vec<[f64; 2]> {
    let unit = integrate(|share| turn * trapezium(share), 400);
    let last = unit[unit.len() - 1];
    let scale = tangent / (last[0] - last[1] / turn.tan());
    let count = (scale / (0.6 * STEP_M)).ceil().clamp(4.0, 400.0) as usize;
    (0..=count)
        .map(|i| {
            let place = 400.0 * i as f64 / count as f64;
            let (k, share) = ((place as usize).min(399), place - (place as usize).min(399) as f64);
            [0, 1].map(|axis| scale * (unit[k][axis] + share * (unit[k + 1][axis] - unit[k][axis])))
        })
        .collect()
}

/// Curvature over a length of one with an integral of one.
fn trapezium(share: f64) -> f64 {
    (share / RAMP).min((1.0 - share) / RAMP).min(1.0) / (1.0 - RAMP)
}

/// The curve of length one with a curvature: midpoint rule.
fn integrate(curvature: impl Fn(f64) -> f64, steps: usize) -> Vec<[f64; 2]> {
    let step = 1.0 / steps as f64;
    let (mut points, mut heading) = (vec![[0.0, 0.0]], 0.0_f64);
    for i in 0..steps {
        let half = 0.5 * step * curvature((i as f64 + 0.5) * step);
        let [x, y] = points[i];
        heading += half;
        points.push([x + step * heading.cos(), y + step * heading.sin()]);
        heading += half;
    }
    points
}

/// A curve of fifth order with no curvature at its ends.
fn shift(from: &Pose2, to: &Pose2) -> Vec<[f64; 2]> {
    let length = (to.x - from.x).hypot(to.y - from.y).max(1e-3);
    let ease = |yaw: f64| [length * yaw.cos(), length * yaw.sin()];
    let (v0, v1) = (ease(from.yaw), ease(to.yaw));
    let count = (length / STEP_M).ceil().max(2.0) as usize;
    (0..=count)
        .map(|i| {
            let u = i as f64 / count as f64;
            let (u3, u4, u5) = (u.powi(3), u.powi(4), u.powi(5));
            let h0 = 1.0 - 10.0 * u3 + 15.0 * u4 - 6.0 * u5;
            let h1 = u - 6.0 * u3 + 8.0 * u4 - 3.0 * u5;
            let h4 = -4.0 * u3 + 7.0 * u4 - 3.0 * u5;
            let axis = |a: f64, va: f64, b: f64, vb: f64| h0 * a + h1 * va + (1.0 - h0) * b + h4 * vb;
            [axis(from.x, v0[0], to.x, v1[0]), axis(from.y, v0[1], to.y, v1[1])]
        })
        .collect()
}

/// The line `d` metres to the left of a line, point by point; `d` may change along the line (its arc length is given).
pub fn beside(line: &Polyline, d: impl Fn(f64) -> f64) -> Option<Polyline> {
    let length = line.length_m();
    let count = (length / STEP_M).ceil().max(2.0) as usize;
    let place = |i: usize| {
        let s = length * i as f64 / count as f64;
        let pose = line.offset(s, d(s));
        [pose.x, pose.y]
    };
    Polyline::new(&(0..=count).map(place).collect::<Vec<_>>())
}

/// A road from the origin along x with curves: each (length, curvature) is driven into and out of along clothoids.
pub fn winding(pieces: &[(f64, f64)], ramp_m: f64) -> Vec<[f64; 2]> {
    let (mut points, mut heading, mut curvature) = (vec![[0.0, 0.0]], 0.0_f64, 0.0_f64);
    for &(length, wanted) in pieces {
        let count = (length / STEP_M).round() as usize;
        let before = curvature;
        for i in 0..count {
            let share = ((i as f64 + 0.5) * STEP_M / ramp_m).min(1.0);
            curvature = before + (wanted - before) * share;
            heading += 0.5 * STEP_M * curvature;
            let [x, y] = points[points.len() - 1];
            points.push([x + STEP_M * heading.cos(), y + STEP_M * heading.sin()]);
            heading += 0.5 * STEP_M * curvature;
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A turn ends where it should, in the right direction, and its curvature is that of its size.
        #[test]
        fn turns_are_smooth(turn in 0.5..2.0f64, left in prop::bool::ANY, a in 10.0..15.0f64, b in 10.0..15.0f64) {
            let turn = if left { turn } else { -turn };
            let corner = Pose2 { x: a, y: 0.0, yaw: turn };
            let [x, y] = corner.transform(b, 0.0);
            let line = Polyline::new(&connect(&Pose2::default(), &Pose2 { x, y, yaw: turn })).unwrap();
            let end = line.pose(line.length_m());
            prop_assert!((end.x - x).hypot(end.y - y) < 1e-6 && wrap_angle(end.yaw - turn).abs() < 0.03, "{end:?}");
            let tightest = (0..100).map(|i| line.curvature_1pm(line.length_m() * f64::from(i) / 100.0).abs());
            let bound = 1.75 * (0.5 * turn.abs()).tan() / a.min(b);
            prop_assert!(tightest.fold(0.0, f64::max) < bound);
        }
    }

    #[test]
    fn nearly_parallel_poses_are_joined_by_a_shift() {
        let to = Pose2 { x: 30.0, y: 2.0, yaw: 0.1 };
        let line = Polyline::new(&connect(&Pose2::default(), &to)).unwrap();
        assert!((line.length_m() - 30.1).abs() < 0.3 && (line.pose(line.length_m()).yaw - 0.1).abs() < 0.02);
    }
}
