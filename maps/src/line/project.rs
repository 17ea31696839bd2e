//! The foot point on a line: blocks of knots are skipped by bounding circles, the rest is solved by Newton's method.

use super::{BLOCK, ReferenceLine, arc_within};

impl ReferenceLine {
    /// Arc length of the nearest point of the line (with its straight continuations) and the signed distance from it,
    /// positive to the left, m. Of equally near points the first counts. A point that is not finite gives NaN.
    #[must_use]
    pub fn project(&self, point: [f64; 2]) -> (f64, f64) {
        self.project_between(point, f64::NEG_INFINITY, f64::INFINITY)
    }

    /// As [`ReferenceLine::project`], looking only within `reach_m` of an arc length: for lines that cross or
    /// come near themselves.
    #[must_use]
    pub fn project_near(&self, point: [f64; 2], hint_s_m: f64, reach_m: f64) -> (f64, f64) {
        self.project_between(point, hint_s_m - reach_m, hint_s_m + reach_m)
    }

    fn project_between(&self, point: [f64; 2], low: f64, high: f64) -> (f64, f64) {
        if !point.iter().all(|v| v.is_finite()) {
            return (f64::NAN, f64::NAN);
        }
        let length = self.length();
        // The clamped window keeps at least one point of the line.
        let window = (low.clamp(0.0, length), high.clamp(0.0, length));
        let mut best = (f64::INFINITY, 0.0);
        let mut offer = |s: f64, gap: f64| {
            if gap < best.0 {
                best = (gap, s);
            }
            best.0
        };
        for end in [window.0, window.1] {
            let p = self.at(end);
            offer(end, distance(point, [p.x, p.y]));
        }
        let (start, finish) = (self.at(0.0), self.at(length));
        let along_start = along(&start, point);
        if low < 0.0 && along_start < 0.0 {
            let s = along_start.max(low);
            let p = self.at(s);
            offer(s, distance(point, [p.x, p.y]));
        }
        let along_finish = along(&finish, point);
        if high > length && along_finish > 0.0 {
            let s = (length + along_finish).min(high);
            let p = self.at(s);
            offer(s, distance(point, [p.x, p.y]));
        }
        // First the knots, for a bound on the distance; then every piece that can hold a nearer point.
        let mut bound = f64::INFINITY;
        for (index, (centre, radius)) in self.blocks.iter().enumerate() {
            if distance(point, *centre) - radius > bound {
                continue;
            }
            let knots = index * BLOCK..((index + 1) * BLOCK + 1).min(self.knots.len());
            for k in knots.filter(|k| (window.0..=window.1).contains(&self.arc[*k])) {
                bound = bound.min(offer(self.arc[k], distance(point, self.knots[k])));
            }
        }
        let mut nearest = offer(0.0, f64::INFINITY);
        for (index, (centre, radius)) in self.blocks.iter().enumerate() {
            if distance(point, *centre) - radius > nearest {
                continue;
            }
            for piece in index * BLOCK..((index + 1) * BLOCK).min(self.knots.len() - 1) {
                let (from, to) = (self.arc[piece], self.arc[piece + 1]);
                let ends = distance(point, self.knots[piece]) + distance(point, self.knots[piece + 1]);
                // A curve of length l between two points stays in the ellipse whose foci they are.
                if 0.5 * (ends - (to - from)) > nearest || to < window.0 || from > window.1 {
                    continue;
                }
                if let Some((s, gap)) = self.foot_in(piece, point)
                    && (low..=high).contains(&s)
                {
                    nearest = nearest.min(offer(s, gap));
                }
            }
        }
        let s = best.1;
        let foot = self.at(s);
        let (sin, cos) = foot.heading_rad.sin_cos();
        (s, cos * (point[1] - foot.y) - sin * (point[0] - foot.x))
    }

    /// The point of a piece where the connection to `point` is at a right angle, with its distance, if there is one.
    fn foot_in(&self, piece: usize, point: [f64; 2]) -> Option<(f64, f64)> {
        let axes = self.piece(piece);
        let evaluate = |t: f64| {
            let [[x, dx, ddx, _], [y, dy, ddy, _]] = axes.map(|axis| axis.at(t));
            let (gx, gy) = (x - point[0], y - point[1]);
            (gx * dx + gy * dy, dx * dx + dy * dy + gx * ddx + gy * ddy)
        };
        // The slope of the squared distance changes from falling to rising at a minimum.
        let (mut low, mut high) = (0.0, self.step);
        if evaluate(low).0 > 0.0 || evaluate(high).0 < 0.0 {
            return None;
        }
        let mut t = 0.5 * self.step;
        for _ in 0..60 {
            let (slope, bend) = evaluate(t);
            if slope > 0.0 {
                high = t;
            } else {
                low = t;
            }
            let newton = t - slope / bend;
            let next = if bend > 0.0 && newton > low && newton < high { newton } else { 0.5 * (low + high) };
            if (next - t).abs() < 1e-12 * self.step.max(1.0) {
                t = next;
                break;
            }
            t = next;
        }
        Some((self.arc[piece] + arc_within(&axes, t), distance(point, self.position(piece, t))))
    }
}

/// Good enough to compare: `hypot` would cost several times as much.
fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (x, y) = (a[0] - b[0], a[1] - b[1]);
    (x * x + y * y).sqrt()
}

fn along(from: &super::LinePoint, point: [f64; 2]) -> f64 {
    let (sin, cos) = from.heading_rad.sin_cos();
    cos * (point[0] - from.x) + sin * (point[1] - from.y)
}

/// A circle around each run of `block` pieces.
pub(super) fn bounding_circles(knots: &[[f64; 2]], arc: &[f64], block: usize) -> Vec<([f64; 2], f64)> {
    (0..knots.len() - 1)
        .step_by(block)
        .map(|first| {
            let last = (first + block).min(knots.len() - 1);
            let centre = knots[(first + last) / 2];
            let reach = knots[first..=last].iter().map(|k| distance(centre, *k)).fold(0.0, f64::max);
            // A piece reaches at most half its length beyond its ends.
            let piece = (first..last).map(|i| arc[i + 1] - arc[i]).fold(0.0, f64::max);
            (centre, reach + 0.5 * piece)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wavy(turns: &[f64]) -> ReferenceLine {
        let (mut x, mut y, mut heading) = (0.0, 0.0, 0.0f64);
        let mut points = vec![[x, y]];
        for turn in turns {
            heading += turn;
            x += 3.0 * heading.cos();
            y += 3.0 * heading.sin();
            points.push([x, y]);
        }
        ReferenceLine::new(&points).unwrap()
    }

    proptest! {
        #[test]
        fn nothing_on_the_line_is_nearer(turns in prop::collection::vec(-0.5..0.5f64, 3..60),
                                         x in -60.0..90.0f64, y in -60.0..60.0f64) {
            let line = wavy(&turns);
            let (s, d) = line.project([x, y]);
            let foot = line.at(s);
            let gap = distance([x, y], [foot.x, foot.y]);
            prop_assert!((gap - d.abs()).abs() < 1e-6 * (1.0 + gap), "{gap} {d}");
            let steps = ((line.length() + 200.0) / 0.05) as usize;
            for i in 0..steps {
                let p = line.at(-100.0 + 0.05 * i as f64);
                prop_assert!(distance([x, y], [p.x, p.y]) >= gap - 1e-6);
            }
        }
    }

    #[test]
    fn it_is_signed_and_goes_on_beyond_the_ends() {
        let line = wavy(&[0.0; 10]);
        for (x, y) in [(-20.0, 3.0), (11.1, -2.0), (45.0, 1.0)] {
            let (s, d) = line.project([x, y]);
            assert!((s - x).abs() < 1e-9 && (d - y).abs() < 1e-9, "{s} {d}");
        }
        assert!(line.project([f64::NAN, 0.0]).0.is_nan());
    }

    #[test]
    fn a_hint_keeps_the_branch() {
        // An eight: the line crosses itself near its start and its middle.
        let points: Vec<[f64; 2]> =
            (0..80).map(|i| f64::from(i) * 0.078).map(|a| [30.0 * a.sin(), 20.0 * (2.0 * a).sin()]).collect();
        let line = ReferenceLine::new(&points).unwrap();
        let half = 0.5 * line.length();
        let (near_start, _) = line.project_near([0.0, 0.0], 3.0, 15.0);
        let (near_middle, _) = line.project_near([0.0, 0.0], half, 15.0);
        assert!(near_start < 5.0 && (near_middle - half).abs() < 5.0, "{near_start} {near_middle} {half}");
    }
}
