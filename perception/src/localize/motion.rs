//! The motion within one step: constant acceleration along an arc.

use nalgebra::{Isometry3, Vector3};

/// How `base_link` moved, and how its new place depends on what drove it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    /// From the new to the old frame.
    pub(super) step: Isometry3<f64>,
    /// Derivatives of the place, in the old frame.
    pub(super) by_speed: Vector3<f64>,
    pub(super) by_acceleration: Vector3<f64>,
    pub(super) by_turn: Vector3<f64>,
    /// By the direction of the motion in the body: aside and up, rad.
    pub(super) by_direction: [Vector3<f64>; 2],
}

impl Motion {
    /// `direction`: how far from its x axis the body moves, aside and up, rad. No sensor is mounted without such an error.
    pub(super) fn of([speed_mps, acceleration_mps2, yaw_rate_radps]: [f64; 3], direction: [f64; 2], dt_s: f64) -> Self {
        let way = speed_mps * dt_s + 0.5 * acceleration_mps2 * dt_s * dt_s;
        let half = 0.5 * yaw_rate_radps * dt_s;
        // Chord of the arc: 1 in the limit of a straight line.
        let sinc = if half.abs() < 1e-9 { 1.0 } else { half.sin() / half };
        let (sin, cos) = half.sin_cos();
        let aside = Vector3::new(-sin, cos, 0.0) * sinc;
        let along = Vector3::new(cos, sin, 0.0) * sinc + aside * direction[0] + Vector3::z() * direction[1];
        Self {
            step: Isometry3::new(along * way, Vector3::z() * (2.0 * half)),
            by_speed: along * dt_s,
            by_acceleration: along * (0.5 * dt_s * dt_s),
            by_turn: Vector3::new(-sin, cos, 0.0) * (0.5 * way * dt_s),
            by_direction: [aside * way, Vector3::z() * way],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_those_of_the_step() {
        let h = 1e-6;
        for (v, a, w) in [(0.0, 0.0, 0.0), (8.0, 1.0, 0.4), (-3.0, 0.5, -0.2)] {
            let at = |moving: [f64; 3], direction| Motion::of(moving, direction, 0.1);
            let (d, own) = ([0.01, -0.02], at([v, a, w], [0.01, -0.02]));
            let change = |other: Motion| (other.step.translation.vector - own.step.translation.vector) / h;
            assert!((change(at([v + h, a, w], d)) - own.by_speed).norm() < 1e-6);
            assert!((change(at([v, a + h, w], d)) - own.by_acceleration).norm() < 1e-6);
            assert!((change(at([v, a, w + h], d)) - own.by_turn).norm() < 1e-3);
            assert!((change(at([v, a, w], [0.01 + h, -0.02])) - own.by_direction[0]).norm() < 1e-6);
            assert!((change(at([v, a, w], [0.01, -0.02 + h])) - own.by_direction[1]).norm() < 1e-6);
        }
    }
}
