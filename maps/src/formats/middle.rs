//! The middle between two borders.

use crate::polyline::Polyline;

/// Longest piece of a middle that is made here, m.
const STEP_M: f64 = 2.0;
/// No middle has more pieces than this.
const MOST_PIECES: f64 = 20_000.0;

/// The middle of borders whose points come in pairs, as CommonRoad has them; `None` if the numbers of points differ.
pub(crate) fn of_pairs(left: &[[f64; 2]], right: &[[f64; 2]]) -> Option<Vec<[f64; 2]>> {
    (left.len() == right.len()).then(|| left.iter().zip(right).map(|(a, b)| between(*a, *b)).collect())
}

/// The middle of borders whose points lie anywhere. It begins half-way between their first points and ends half-way between
/// their last ones. Between, equal shares of the borders' lengths are moved twice to where they are equally far from both.
pub(crate) fn of_borders(left: &Polyline, right: &Polyline) -> Vec<[f64; 2]> {
    let longest = left.length_m().max(right.length_m());
    let count = (longest / STEP_M).ceil().clamp(2.0, MOST_PIECES) as usize;
    let place = |line: &Polyline, share: f64| {
        let pose = line.pose(share * line.length_m());
        [pose.x, pose.y]
    };
    let first = between(place(left, 0.0), place(right, 0.0));
    let last = between(place(left, 1.0), place(right, 1.0));
    let mut points = vec![first];
    for i in 1..count {
        let share = i as f64 / count as f64;
        let mut point = between(place(left, share), place(right, share));
        for _ in 0..2 {
            point = between(nearest(left, share, point), nearest(right, share, point));
        }
        points.push(point);
    }
    points.push(last);
    forwards(&points)
}

/// The nearest place of a border, looked for around the same share of its length.
fn nearest(line: &Polyline, share: f64, [x, y]: [f64; 2]) -> [f64; 2] {
    let at = share * line.length_m();
    let around = 5.0 + 0.1 * line.length_m();
    let foot = line.project_within(x, y, at - around, at + around);
    let pose = line.pose(foot.s_m);
    [pose.x, pose.y]
}

/// Without the points that do not lie ahead of the one before, seen along the way that is left.
fn forwards(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let last = points.len() - 1;
    let mut kept = vec![points[0]];
    for i in 1..last {
        let (from, here, to) = (kept[kept.len() - 1], points[i], points[i + 1]);
        let ahead = |a: [f64; 2], b: [f64; 2]| {
            let (step, way) = ([b[0] - a[0], b[1] - a[1]], [to[0] - from[0], to[1] - from[1]]);
            step[0] * way[0] + step[1] * way[1]
        };
        if ahead(from, here) > 0.0 && ahead(here, to) > 0.0 {
            kept.push(here);
        }
    }
    kept.push(points[last]);
    kept
}

fn between(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_its_middle_however_the_points_lie() {
        let arc = |radius: f64, count: usize, bend: f64| {
            let at = |i: usize| 1.5 * (i as f64 / count as f64).powf(bend);
            let points: Vec<[f64; 2]> = (0..=count).map(|i| [radius * at(i).sin(), -radius * at(i).cos()]).collect();
            Polyline::new(&points).unwrap()
        };
        let (left, right) = (arc(10.0, 60, 1.0), arc(13.5, 90, 1.6));
        for point in of_borders(&left, &right) {
            assert!((point[0].hypot(point[1]) - 11.75).abs() < 0.02, "{point:?}");
        }
        assert_eq!(of_pairs(&[[0.0, 2.0]], &[[0.0, 0.0]]), Some(vec![[0.0, 1.0]]));
        assert_eq!(of_pairs(&[], &[[0.0, 0.0]]), None);
    }
}
