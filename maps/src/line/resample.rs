//! From points at any distance to points at equal distance.

use super::{SHORTEST_M, distance};

/// Points at equal steps of the polyline's length.
pub(super) struct Samples {
    pub points: Vec<[f64; 2]>,
    pub step_m: f64,
}

/// Points of the centripetal Catmull-Rom curve through the thinned points, near `step_m` apart.
/// `None` if fewer than two points differ.
pub(super) fn resample(points: &[[f64; 2]], step_m: f64, most: f64) -> Option<Samples> {
    let kept = thin(points, 0.5 * step_m)?;
    let fine = refine(&kept, 0.1 * step_m, most);
    let mut travelled = vec![0.0];
    for pair in fine.windows(2) {
        travelled.push(travelled[travelled.len() - 1] + distance(pair[0], pair[1]));
    }
    let length = travelled[travelled.len() - 1];
    let count = (length / step_m).round().clamp(1.0, most);
    let step_m = length / count;
    let mut next = 1;
    let sampled = (0..=count as usize).map(|i| {
        let wanted = (i as f64 * step_m).min(length);
        while next + 1 < fine.len() && travelled[next] < wanted {
            next += 1;
        }
        let (a, b) = (fine[next - 1], fine[next]);
        let share = ((wanted - travelled[next - 1]) / (travelled[next] - travelled[next - 1])).clamp(0.0, 1.0);
        [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]
    });
    Some(Samples { points: sampled.collect(), step_m })
}

/// Drops points nearer than `apart` to the last one kept, except that the last point stands for those before it.
fn thin(points: &[[f64; 2]], apart: f64) -> Option<Vec<[f64; 2]>> {
    let (first, last) = (*points.first()?, *points.last()?);
    let mut kept = vec![first];
    for &point in points {
        if distance(kept[kept.len() - 1], point) >= apart {
            kept.push(point);
        }
    }
    if distance(kept[kept.len() - 1], last) >= SHORTEST_M {
        if kept.len() > 2 && distance(kept[kept.len() - 1], last) < apart {
            kept.pop();
        }
        kept.push(last);
    }
    (kept.len() > 1).then_some(kept)
}

/// A polyline of at most `step`-long chords on the Catmull-Rom curve (fewer if there would be over 10 * `most`).
fn refine(points: &[[f64; 2]], step: f64, most: f64) -> Vec<[f64; 2]> {
    let total: f64 = points.windows(2).map(|p| distance(p[0], p[1])).sum();
    let step = step.max(total / (10.0 * most));
    let mirrored = |a: [f64; 2], b: [f64; 2]| [2.0 * a[0] - b[0], 2.0 * a[1] - b[1]];
    let mut fine = vec![points[0]];
    for i in 0..points.len() - 1 {
        let (p1, p2) = (points[i], points[i + 1]);
        let p0 = if i > 0 { points[i - 1] } else { mirrored(p1, p2) };
        let p3 = points.get(i + 2).copied().unwrap_or_else(|| mirrored(p2, p1));
        let pieces = (distance(p1, p2) / step).ceil().max(1.0);
        for k in 1..=pieces as usize {
            fine.push(catmull_rom([p0, p1, p2, p3], k as f64 / pieces));
        }
    }
    fine
}

/// The centripetal Catmull-Rom curve between the middle two points, by Barry and Goldman's pyramid.
fn catmull_rom(p: [[f64; 2]; 4], share: f64) -> [f64; 2] {
    let knot = |a: usize, b: usize| distance(p[a], p[b]).sqrt().max(1e-6);
    let t1 = knot(0, 1);
    let t2 = t1 + knot(1, 2);
    let t3 = t2 + knot(2, 3);
    let t = t1 + share * (t2 - t1);
    let mix = |a: [f64; 2], b: [f64; 2], from: f64, to: f64| {
        let w = (t - from) / (to - from);
        [a[0] + w * (b[0] - a[0]), a[1] + w * (b[1] - a[1])]
    };
    let (a1, a2, a3) = (mix(p[0], p[1], 0.0, t1), mix(p[1], p[2], t1, t2), mix(p[2], p[3], t2, t3));
    let (b1, b2) = (mix(a1, a2, 0.0, t2), mix(a2, a3, t1, t3));
    mix(b1, b2, t1, t2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_equal_and_ends_are_kept() {
        let points = [[0.0, 0.0], [0.1, 0.0], [7.0, 0.0], [9.3, 4.0], [9.3, 4.2]];
        let samples = resample(&points, 1.0, 1e5).unwrap();
        assert_eq!(samples.points[0], [0.0, 0.0]);
        let last = samples.points[samples.points.len() - 1];
        assert!(distance(last, [9.3, 4.2]) < 1e-9);
        for pair in samples.points.windows(2) {
            assert!((distance(pair[0], pair[1]) - samples.step_m).abs() < 0.05, "{pair:?}");
        }
    }

    #[test]
    fn sparse_points_on_a_circle_give_a_circle() {
        let points: Vec<[f64; 2]> =
            (0..12).map(|i| 0.2 * f64::from(i)).map(|a| [40.0 * a.cos(), 40.0 * a.sin()]).collect();
        let samples = resample(&points, 1.0, 1e5).unwrap();
        for p in &samples.points[8..samples.points.len() - 8] {
            assert!((p[0].hypot(p[1]) - 40.0).abs() < 0.03, "{p:?}");
        }
    }
}
