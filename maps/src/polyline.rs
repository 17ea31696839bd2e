//! A line of straight pieces with arc length: the shape of lanes, borders and crossings.

use types::{Pose2, wrap_angle};

/// Coordinates beyond this are no place on a planar map, m.
pub(crate) const FARTHEST_M: f64 = 1e7;

/// Points in order with their arc length and the direction at each of them. Two points at least, no two neighbours at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Polyline {
    points: Vec<[f64; 2]>,
    arc_m: Vec<f64>,
    headings_rad: Vec<f64>,
}

/// Where a point lies along a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Foot {
    /// Arc length of the nearest place of the line, m.
    pub s_m: f64,
    /// Distance to the left of the line, m; negative to the right.
    pub d_m: f64,
    /// Distance from the line, m: more than `d_m` beyond the ends.
    pub distance_m: f64,
}

impl Polyline {
    /// The line through the points. Points that repeat their predecessor (within 1 mm) are left out.
    /// `None` if fewer than two remain, or a coordinate is not finite or beyond 1e7 m.
    #[must_use]
    pub fn new(points: &[[f64; 2]]) -> Option<Self> {
        let mut kept: Vec<[f64; 2]> = Vec::with_capacity(points.len());
        let mut arc_m = Vec::with_capacity(points.len());
        for point in points {
            if !point.iter().all(|v| v.abs() <= FARTHEST_M) {
                return None;
            }
            match kept.last() {
                None => arc_m.push(0.0),
                Some(last) => {
                    let step = distance(*last, *point);
                    if step < 1e-3 {
                        continue;
                    }
                    arc_m.push(arc_m[arc_m.len() - 1] + step);
                }
            }
            kept.push(*point);
        }
        if kept.len() < 2 {
            return None;
        }
        let headings_rad = headings(&kept);
        Some(Self { points: kept, arc_m, headings_rad })
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// Arc length, m.
    #[must_use]
    pub fn length_m(&self) -> f64 {
        self.arc_m[self.arc_m.len() - 1]
    }

    /// The place at an arc length (straight on beyond both ends), with the heading blended between the points.
    #[must_use]
    pub fn pose(&self, s_m: f64) -> Pose2 {
        let i = self.piece(s_m);
        let (a, b) = (self.points[i], self.points[i + 1]);
        let share = (s_m - self.arc_m[i]) / (self.arc_m[i + 1] - self.arc_m[i]);
        let turn = wrap_angle(self.headings_rad[i + 1] - self.headings_rad[i]);
        Pose2 {
            x: a[0] + share * (b[0] - a[0]),
            y: a[1] + share * (b[1] - a[1]),
            yaw: wrap_angle(self.headings_rad[i] + share.clamp(0.0, 1.0) * turn),
        }
    }

    /// The place `d_m` to the left of the line at an arc length.
    #[must_use]
    pub fn offset(&self, s_m: f64, d_m: f64) -> Pose2 {
        let pose = self.pose(s_m);
        let [x, y] = pose.transform(0.0, d_m);
        Pose2 { x, y, yaw: pose.yaw }
    }

    /// Curvature of the piece at an arc length, 1/m, positive to the left.
    #[must_use]
    pub fn curvature_1pm(&self, s_m: f64) -> f64 {
        let i = self.piece(s_m);
        wrap_angle(self.headings_rad[i + 1] - self.headings_rad[i]) / (self.arc_m[i + 1] - self.arc_m[i])
    }

    /// The nearest place of the line, the first of equals.
    #[must_use]
    pub fn project(&self, x: f64, y: f64) -> Foot {
        self.project_within(x, y, 0.0, self.length_m())
    }

    /// The nearest place among the pieces that touch an interval of arc length, the first of equals.
    #[must_use]
    pub fn project_within(&self, x: f64, y: f64, from_m: f64, to_m: f64) -> Foot {
        let (first, last) = (self.piece(from_m), self.piece(to_m));
        let mut best = (f64::INFINITY, 0, 0.0);
        for i in first..=last.max(first) {
            let (a, b) = (self.points[i], self.points[i + 1]);
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let share = (((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
            let gap = (x - a[0] - share * dx).powi(2) + (y - a[1] - share * dy).powi(2);
            if gap < best.0 {
                best = (gap, i, share);
            }
        }
        let (_, i, share) = best;
        let (a, b) = (self.points[i], self.points[i + 1]);
        let length = self.arc_m[i + 1] - self.arc_m[i];
        let d_m = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / length;
        Foot { s_m: self.arc_m[i] + share * length, d_m, distance_m: best.0.sqrt() }
    }

    /// The part of the line between two arc lengths, or `None` if it is shorter than 1 mm.
    #[must_use]
    pub fn part(&self, from_m: f64, to_m: f64) -> Option<Self> {
        let (from_m, to_m) = (from_m.max(0.0), to_m.min(self.length_m()));
        let place = |s| {
            let pose = self.pose(s);
            [pose.x, pose.y]
        };
        let inner = self.points.iter().zip(&self.arc_m).filter(|(_, s)| (from_m..to_m).contains(*s)).map(|(p, _)| *p);
        let points: Vec<[f64; 2]> = [place(from_m)].into_iter().chain(inner).chain([place(to_m)]).collect();
        if to_m > from_m { Self::new(&points) } else { None }
    }

    /// The same line the other way round.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let points: Vec<[f64; 2]> = self.points.iter().rev().copied().collect();
        let length = self.length_m();
        let arc_m = self.arc_m.iter().rev().map(|s| length - s).collect();
        let turned = |h: &f64| wrap_angle(h + std::f64::consts::PI);
        Self { points, arc_m, headings_rad: self.headings_rad.iter().rev().map(turned).collect() }
    }

    /// Index of the piece at an arc length; the first or the last one outside.
    fn piece(&self, s_m: f64) -> usize {
        self.arc_m.partition_point(|arc| *arc <= s_m).clamp(1, self.points.len() - 1) - 1
    }
}

/// At an inner point the mean of the two pieces, at the ends their own direction continued by half the turn of the next point.
fn headings(points: &[[f64; 2]]) -> Vec<f64> {
    let direction = |i: usize| (points[i + 1][1] - points[i][1]).atan2(points[i + 1][0] - points[i][0]);
    let last = points.len() - 1;
    let mut all: Vec<f64> = (0..=last)
        .map(|i| match i {
            0 => direction(0),
            i if i == last => direction(i - 1),
            i => {
                let (before, after) = (direction(i - 1), direction(i));
                wrap_angle(before + 0.5 * wrap_angle(after - before))
            }
        })
        .collect();
    if last >= 2 {
        // A piece of an arc turns as much before its middle as behind it.
        let (first_turn, last_turn) = (wrap_angle(all[1] - all[0]), wrap_angle(all[last] - all[last - 1]));
        let small = |turn: f64| if turn.abs() < 0.2 { turn } else { 0.0 };
        all[0] = wrap_angle(all[0] - small(first_turn));
        all[last] = wrap_angle(all[last] + small(last_turn));
    }
    all
}

pub(crate) fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arc(radius: f64, angle: f64) -> Polyline {
        let steps = 40;
        let at = |i: i32| angle * f64::from(i) / f64::from(steps);
        let points: Vec<[f64; 2]> = (0..=steps).map(|i| [radius * at(i).sin(), radius * (1.0 - at(i).cos())]).collect();
        Polyline::new(&points).unwrap()
    }

    #[test]
    fn an_arc_has_its_length_heading_and_curvature() {
        let line = arc(20.0, 1.5);
        assert!((line.length_m() - 30.0).abs() < 0.01);
        for s in [0.0, 0.3, 7.7, 29.9] {
            assert!((line.pose(s).yaw - s / 20.0).abs() < 2e-3, "{s} {:?}", line.pose(s));
            assert!((line.curvature_1pm(s) - 0.05).abs() < 2e-3);
        }
        let back = line.reversed();
        assert!((back.pose(30.0 - 7.0).x - line.pose(7.0).x).abs() < 0.02);
        assert!((line.part(5.0, 12.0).unwrap().length_m() - 7.0).abs() < 2e-3);
    }

    #[test]
    fn unusable_points_give_none() {
        assert!(Polyline::new(&[]).is_none() && Polyline::new(&[[1.0, 1.0], [1.0, 1.0]]).is_none());
        assert!(Polyline::new(&[[0.0, 0.0], [f64::NAN, 1.0]]).is_none());
    }

    proptest! {
        #[test]
        fn projection_undoes_the_offset(s in 0.5..29.0f64, d in -6.0..6.0f64) {
            let line = arc(20.0, 1.5);
            let pose = line.offset(s, d);
            let foot = line.project(pose.x, pose.y);
            prop_assert!((foot.s_m - s).abs() < 0.15 && (foot.d_m - d).abs() < 0.02, "{foot:?}");
        }
    }
}
