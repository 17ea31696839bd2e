//! The turn under which edges of depth lie best on edges of the images, and how sure that is.

use super::{Moment, Turn, pixel};
use nalgebra::Matrix3;

/// Turns are looked for up to this to each side, deg.
pub const SPAN_DEG: f64 = 2.5;
/// Steps of the search, deg: each is made around the best of the one before.
const STEPS_DEG: [f64; 4] = [0.5, 0.2, 0.08, 0.03];
/// Parts of the drive whose spread tells the uncertainty.
const PARTS: usize = 6;
/// Rims that must be seen at least.
const LEAST_EDGES: usize = 500;
/// Steps of a curve, deg.
const CURVE_STEP_DEG: f64 = 0.05;

/// One axis of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Name of the turn.
    pub name: &'static str,
    /// The turn, deg.
    pub turn_deg: f64,
    /// Its standard error, deg: from the spread of parts of the drive.
    pub error_deg: f64,
    /// The score over this turn, the others at their best: deg and score.
    pub curve: Vec<[f64; 2]>,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The best turn.
    pub turn: Turn,
    /// Roll, pitch, yaw.
    pub axes: [Axis; 3],
    /// Edges of depth that were used.
    pub edges: usize,
    /// Score of the best turn and of none, 0..1.
    pub scores: [f64; 2],
    /// Whether the best lies inside of what was searched.
    pub inside: bool,
}

/// Measures the turn. `None` if the moments show too few rims.
#[must_use]
pub fn measure(moments: &[Moment], k: &Matrix3<f64>) -> Option<Measured> {
    let edges = moments.iter().map(|moment| moment.edges.len()).sum();
    if edges < LEAST_EDGES {
        return None;
    }
    let all: Vec<&Moment> = moments.iter().collect();
    let best = search(&all, k);
    let errors = standard_errors(&all, k, best);
    let axis = |place: usize, name| {
        let count = (SPAN_DEG / CURVE_STEP_DEG).round() as i32;
        let curve = (-count..=count).map(|step| {
            let mut turn = best;
            turn[place] = f64::from(step) * CURVE_STEP_DEG;
            [turn[place], score(&all, k, turn)]
        });
        Axis { name, turn_deg: best[place], error_deg: errors[place], curve: curve.collect() }
    };
    Some(Measured {
        turn: Turn::from_array(best),
        axes: [axis(0, "roll"), axis(1, "pitch"), axis(2, "yaw")],
        edges,
        scores: [score(&all, k, best), score(&all, k, [0.0; 3])],
        inside: best.iter().all(|angle| angle.abs() < SPAN_DEG - STEPS_DEG[0]),
    })
}

/// Half the moments' jackknife would hide what neighbours share: parts are whole stretches of the drive, each searched alone around the
/// best of all.
fn standard_errors(all: &[&Moment], k: &Matrix3<f64>, best: [f64; 3]) -> [f64; 3] {
    let size = all.len().div_ceil(PARTS).max(1);
    let parts: Vec<[f64; 3]> = all.chunks(size).map(|part| refine(part, k, best, &STEPS_DEG[1..])).collect();
    let count = parts.len() as f64;
    if parts.len() < 3 {
        return [f64::INFINITY; 3];
    }
    std::array::from_fn(|axis| {
        let mean = parts.iter().map(|part| part[axis]).sum::<f64>() / count;
        let variance = parts.iter().map(|part| (part[axis] - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (variance / count).sqrt()
    })
}

/// The mean score of all rims under a turn, weighted. Rims that leave the image count as nothing, so that turning away pays nothing.
fn score(moments: &[&Moment], k: &Matrix3<f64>, turn: [f64; 3]) -> f64 {
    let rotation = Turn::from_array(turn).of_points();
    let (mut sum, mut weights) = (0.0, 1e-9);
    for moment in moments {
        for edge in &moment.edges {
            let seen = pixel(k, &(rotation * edge.point)).and_then(|place| moment.image.score(place, edge.direction));
            sum += f64::from(edge.weight) * f64::from(seen.unwrap_or(0.0));
            weights += f64::from(edge.weight);
        }
    }
    sum / weights
}

/// A grid over pitch and yaw, on some of the moments, then finer steps of all three.
fn search(all: &[&Moment], k: &Matrix3<f64>) -> [f64; 3] {
    let stride = all.len().div_ceil(12).max(1);
    let some: Vec<&Moment> = all.iter().step_by(stride).copied().collect();
    let count = (SPAN_DEG / STEPS_DEG[0]).round() as i32;
    let grid = || (-count..=count).map(|step| f64::from(step) * STEPS_DEG[0]);
    let turns = grid().flat_map(|pitch| grid().map(move |yaw| [0.0, pitch, yaw]));
    let scored = turns.map(|turn| (score(&some, k, turn), turn));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).map_or([0.0; 3], |(_, turn)| turn);
    refine(all, k, best, &STEPS_DEG)
}

/// Climbs, one axis after the other, with smaller and smaller steps; the last one is a parabola's top.
fn refine(moments: &[&Moment], k: &Matrix3<f64>, from: [f64; 3], steps: &[f64]) -> [f64; 3] {
    let mut best = from;
    let mut height = score(moments, k, best);
    for step in steps {
        // So many rounds at most: each step upwards is a gain, and the span bounds them.
        for _ in 0..12 {
            let before = best;
            for axis in 0..3 {
                for side in [-1.0, 1.0] {
                    let mut turn = best;
                    turn[axis] = (turn[axis] + side * step).clamp(-SPAN_DEG, SPAN_DEG);
                    let other = score(moments, k, turn);
                    if other > height {
                        (best, height) = (turn, other);
                    }
                }
            }
            if best == before {
                break;
            }
        }
    }
    let step = 3.0 * STEPS_DEG[STEPS_DEG.len() - 1];
    for axis in 0..3 {
        let at = |offset: f64| {
            let mut turn = best;
            turn[axis] += offset;
            score(moments, k, turn)
        };
        let (left, middle, right) = (at(-step), height, at(step));
        let bend = left - 2.0 * middle + right;
        if bend < -1e-12 {
            best[axis] += (0.5 * step * (left - right) / bend).clamp(-step, step);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::{DepthEdge, EdgeMap};
    use super::*;
    use nalgebra::Point3;
    use types::Image;

    const SIZE: [usize; 2] = [800, 400];

    fn k() -> Matrix3<f64> {
        Matrix3::new(500.0, 0.0, 400.0, 0.0, 500.0, 200.0, 0.0, 0.0, 1.0)
    }

    /// Posts and blocks of a brightness each, at depths, drawn by a camera that is turned; with their rims as a lidar tells them.
    fn moments(turn: Turn, count: u64) -> Vec<Moment> {
        let mut state = 1u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1u32 << 24)
        };
        let moment = |_| {
            let mut image = Image { width: SIZE[0], height: SIZE[1], rgb: vec![90; SIZE[0] * SIZE[1] * 3] };
            let mut edges = Vec::new();
            for _ in 0..8 {
                let depth = 8.0 + 20.0 * random();
                let left = (random() - 0.5) * depth;
                let (right, top) = (left + 0.5 + 2.0 * random(), -2.0 * random() - 0.3);
                let gray = if random() < 0.5 { 20 } else { 200 };
                fill(&mut image, turn, [left, right, top, 1.5], depth, gray);
                for step in 0..20 {
                    let share = f64::from(step) / 20.0;
                    let upright = top + share * (1.5 - top);
                    let across = left + share * (right - left);
                    let rim = |x, y, direction| DepthEdge { point: Point3::new(x, y, depth), direction, weight: 1.0 };
                    edges.extend([rim(left, upright, 0), rim(right, upright, 0), rim(across, top, 1)]);
                }
            }
            Moment { image: EdgeMap::new(&image), edges }
        };
        (0..count).map(moment).collect()
    }

    fn fill(image: &mut Image, turn: Turn, [left, right, top, bottom]: [f64; 4], depth: f64, gray: u8) {
        let back = turn.of_points().inverse();
        for row in 0..image.height {
            for column in 0..image.width {
                let ray = back * Point3::new((column as f64 - 400.0) / 500.0, (row as f64 - 200.0) / 500.0, 1.0);
                let (x, y) = (ray.x / ray.z * depth, ray.y / ray.z * depth);
                if (left..right).contains(&x) && (top..bottom).contains(&y) {
                    let first = 3 * (row * image.width + column);
                    image.rgb[first..first + 3].fill(gray);
                }
            }
        }
    }

    #[test]
    fn a_turn_is_found_about_each_axis() {
        for turn in [[0.0, 0.0, 0.0], [0.0, 0.0, 0.8], [0.0, -0.7, 0.3], [0.6, 0.4, -1.2]] {
            let measured = measure(&moments(Turn::from_array(turn), 12), &k()).unwrap();
            for (found, wanted) in measured.turn.to_array().iter().zip(turn) {
                assert!((found - wanted).abs() < 0.1, "{turn:?}: {:?}", measured.turn);
            }
            assert!(measured.inside && measured.axes.iter().all(|axis| axis.error_deg < 0.2), "{:?}", measured.axes);
        }
    }

    #[test]
    fn nothing_to_see_is_no_measurement() {
        assert_eq!(measure(&[], &k()), None);
        let mut few = moments(Turn::default(), 1);
        few[0].edges.truncate(LEAST_EDGES - 1);
        assert_eq!(measure(&few, &k()), None);
    }
}
