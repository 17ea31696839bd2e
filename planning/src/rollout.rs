//! From samples along the line to states in the plane, for the inner loop: the transformation of Werling et al. (2010)
//! as in `maps::frenet`, with unit vectors instead of angles.

use crate::lanes::Lanes;
use crate::table::Row;

/// The vehicle at one sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// Rear axle, m.
    pub position: [f64; 2],
    /// Cosine and sine of the heading.
    pub direction: [f64; 2],
    /// Curvature of the path, 1/m.
    pub curvature: f64,
    /// Speed along the path, m/s.
    pub speed: f64,
    /// Acceleration along the path, m/s2.
    pub acceleration: f64,
}

/// A state nearer to the centre of curvature than this share of the radius is none.
const NARROWEST: f64 = 0.05;

/// What the checks and the price need of several states side by side.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    /// Marked where there is no state, beyond the centre of curvature.
    pub scale_marks: Lanes,
    /// Curvature of the path, 1/m.
    pub curvature: Lanes,
    /// Speed along the path, m/s.
    pub speed: Lanes,
    /// Acceleration along the path, m/s2.
    pub acceleration: Lanes,
}

/// Several states side by side, at the same travelled length and speed along the line: the bits of [`state_at`].
#[inline]
#[must_use]
pub fn side_by_side(row: &Row, [d, first, second]: [Lanes; 3], sample: &[f64; 4]) -> Side {
    let scale = (d * row.curvature_1pm) * -1.0 + 1.0;
    let narrow = scale.of(1.0);
    let tan = first * narrow;
    let secant = (tan * tan + 1.0).sqrt();
    let cos = secant.of(1.0);
    let stretch = d * row.curvature_rate_1pm2 + first * row.curvature_1pm;
    let curvature = ((second + stretch * tan) * cos * cos * narrow + row.curvature_1pm) * cos * narrow;
    let angle_prime = curvature * scale * secant - row.curvature_1pm;
    Side {
        scale_marks: scale.below(NARROWEST),
        curvature,
        speed: scale * sample[1] * secant,
        acceleration: scale * sample[2] * secant
            + secant * (sample[1] * sample[1]) * (scale * tan * angle_prime - stretch),
    }
}

/// Werling's transformation with the line's direction as a unit vector. `None` beyond the centre of curvature.
#[must_use]
#[inline]
pub fn state_at(row: &Row, [d, first, second]: [f64; 3], sample: &[f64; 4]) -> Option<State> {
    let scale = 1.0 - row.curvature_1pm * d;
    if scale.is_nan() || scale < NARROWEST {
        return None;
    }
    // Two divisions and a root are most of the work.
    let narrow = 1.0 / scale;
    let tan = first * narrow;
    let secant = (1.0 + tan * tan).sqrt();
    let cos = 1.0 / secant;
    let sin = tan * cos;
    let stretch = row.curvature_rate_1pm2 * d + row.curvature_1pm * first;
    let curvature = ((second + stretch * tan) * cos * cos * narrow + row.curvature_1pm) * cos * narrow;
    let angle_prime = curvature * scale * secant - row.curvature_1pm;
    let [line_cos, line_sin] = row.direction;
    Some(State {
        position: [row.position[0] - line_sin * d, row.position[1] + line_cos * d],
        direction: [line_cos * cos - line_sin * sin, line_sin * cos + line_cos * sin],
        curvature,
        speed: sample[1] * scale * secant,
        acceleration: sample[2] * scale * secant
            + sample[1] * sample[1] * secant * (scale * tan * angle_prime - stretch),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn states_side_by_side_are_the_states(d in proptest::array::uniform4(-3.0..3.0f64), first in -0.6..0.6f64, second in -0.2..0.2f64,
                                              curvature in -0.3..0.3f64, rate in -0.05..0.05f64, speed in 0.0..30.0f64) {
            let row = Row { direction: [1.0, 0.0], curvature_1pm: curvature, curvature_rate_1pm2: rate, ..Row::default() };
            let sample = [0.0, speed, -1.3, 0.0];
            let side = side_by_side(&row, [Lanes(d), Lanes::all(first), Lanes::all(second)], &sample);
            for (lane, d) in d.into_iter().enumerate() {
                let single = state_at(&row, [d, first, second], &sample);
                prop_assert_eq!(single.is_none(), side.scale_marks.0[lane] > 0.0);
                if let Some(state) = single {
                    let lanes = (side.curvature.0[lane], side.speed.0[lane], side.acceleration.0[lane]);
                    prop_assert_eq!(lanes, (state.curvature, state.speed, state.acceleration));
                }
            }
        }
    }

    #[test]
    fn the_fast_transformation_is_the_exact_one() {
        let line =
            maps::LinePoint { x: 3.0, y: -1.0, heading_rad: 0.7, curvature_1pm: 0.03, curvature_rate_1pm2: 0.002 };
        let row = Row {
            position: [3.0, -1.0],
            direction: [0.7f64.cos(), 0.7f64.sin()],
            curvature_1pm: 0.03,
            curvature_rate_1pm2: 0.002,
            wanted_mps: 10.0,
            edges_m: [2.0; 2],
            front_edges_m: [2.0; 2],
        };
        let frenet = maps::FrenetState {
            s_m: 0.0,
            s_dot_mps: 9.0,
            s_ddot_mps2: -1.0,
            d_m: 0.8,
            d_prime: 0.1,
            d_second_1pm: 0.01,
        };
        let exact = maps::frenet::to_cartesian_at(&line, &frenet).unwrap();
        let fast = state_at(&row, [0.8, 0.1, 0.01], &[0.0, 9.0, -1.0, 0.0]).unwrap();
        assert!((fast.position[0] - exact.x).abs() < 1e-12 && (fast.position[1] - exact.y).abs() < 1e-12);
        assert!((fast.direction[1].atan2(fast.direction[0]) - exact.heading_rad).abs() < 1e-12);
        assert!((fast.curvature - exact.curvature_1pm).abs() < 1e-12);
        assert!((fast.speed - exact.speed_mps).abs() < 1e-12);
        assert!((fast.acceleration - exact.acceleration_mps2).abs() < 1e-12);
    }
}
