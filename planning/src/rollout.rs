//! From samples along the line to states in the plane, for the inner loop: the transformation of Werling et al. (2010)
//! as in `maps::frenet`, with unit vectors instead of angles.

use crate::lattice::Row;

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

/// Werling's transformation with the line's direction as a unit vector. `None` beyond the centre of curvature.
#[must_use]
#[inline]
pub fn state_at(row: &Row, [d, first, second]: [f64; 3], sample: &[f64; 4]) -> Option<State> {
    let scale = 1.0 - row.curvature_1pm * d;
    if scale.is_nan() || scale < 0.05 {
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
