//! Vehicle states along a line and in the plane (Werling, Ziegler, Kammel and Thrun, "Optimal trajectory generation
//! for dynamic street scenarios in a Frenet frame", ICRA 2010, appendix I).

use crate::{LinePoint, ReferenceLine};
use thiserror::Error;
use types::wrap_angle;

/// A vehicle state in the plane, of the point that the kinematic model follows (the rear axle).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CartesianState {
    /// Position, m.
    pub x: f64,
    /// Position, m.
    pub y: f64,
    /// Heading of the motion, rad.
    pub heading_rad: f64,
    /// Curvature of the path, 1/m, positive to the left.
    pub curvature_1pm: f64,
    /// Speed along the heading, m/s.
    pub speed_mps: f64,
    /// Acceleration along the path, m/s2.
    pub acceleration_mps2: f64,
}

/// A vehicle state along a line. Dots are derivatives by time, primes by arc length of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrenetState {
    /// Arc length of the foot point, m.
    pub s_m: f64,
    /// Its speed, m/s.
    pub s_dot_mps: f64,
    /// Its acceleration, m/s2.
    pub s_ddot_mps2: f64,
    /// Lateral offset, m, positive to the left.
    pub d_m: f64,
    /// d' = dd/ds.
    pub d_prime: f64,
    /// d'' = d2d/ds2, 1/m.
    pub d_second_1pm: f64,
}

/// Why a state has no coordinates along a line.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum FrenetError {
    /// The point lies at or beyond the centre of curvature, or a number is not finite.
    #[error("offset {offset_m} m at curvature {curvature_1pm} 1/m lies beyond the line's centre of curvature")]
    BeyondCentre {
        /// Lateral offset.
        offset_m: f64,
        /// Curvature of the line there.
        curvature_1pm: f64,
    },
    /// The motion is at a right angle to the line or against it, or a number is not finite.
    #[error("heading is {angle_rad} rad off the line's direction, needed less than a right angle")]
    AcrossLine {
        /// Angle from the line's direction to the motion.
        angle_rad: f64,
    },
}

impl ReferenceLine {
    /// The state along the line, with the foot point from [`ReferenceLine::project`].
    ///
    /// # Errors
    /// If the point lies beyond the line's centre of curvature or the heading is 90 degrees or more off the line.
    pub fn to_frenet(&self, state: &CartesianState) -> Result<FrenetState, FrenetError> {
        let (s_m, d_m) = self.project([state.x, state.y]);
        to_frenet_at(&self.at(s_m), s_m, d_m, state)
    }

    /// The state in the plane.
    ///
    /// # Errors
    /// If the offset lies beyond the line's centre of curvature.
    pub fn to_cartesian(&self, state: &FrenetState) -> Result<CartesianState, FrenetError> {
        to_cartesian_at(&self.at(state.s_m), state)
    }
}

/// As [`ReferenceLine::to_frenet`], with a foot point that is known.
///
/// # Errors
/// If the point lies beyond the line's centre of curvature or the heading is 90 degrees or more off the line.
pub fn to_frenet_at(line: &LinePoint, s_m: f64, d_m: f64, state: &CartesianState) -> Result<FrenetState, FrenetError> {
    let scale = scale_at(line, d_m)?;
    let angle_rad = wrap_angle(state.heading_rad - line.heading_rad);
    let (cos, tan) = (angle_rad.cos(), angle_rad.tan());
    if cos.is_nan() || cos < 1e-6 {
        return Err(FrenetError::AcrossLine { angle_rad });
    }
    let d_prime = scale * tan;
    // How fast the angle between motion and line changes per metre of the line.
    let angle_prime = state.curvature_1pm * scale / cos - line.curvature_1pm;
    let stretch = line.curvature_rate_1pm2 * d_m + line.curvature_1pm * d_prime;
    let d_second_1pm = -stretch * tan + scale / (cos * cos) * angle_prime;
    let s_dot_mps = state.speed_mps * cos / scale;
    let bend = s_dot_mps * s_dot_mps / cos * (scale * tan * angle_prime - stretch);
    let s_ddot_mps2 = (state.acceleration_mps2 - bend) * cos / scale;
    Ok(FrenetState { s_m, s_dot_mps, s_ddot_mps2, d_m, d_prime, d_second_1pm })
}

/// As [`ReferenceLine::to_cartesian`], with the line's point at the state's arc length.
///
/// # Errors
/// If the offset lies beyond the line's centre of curvature.
pub fn to_cartesian_at(line: &LinePoint, state: &FrenetState) -> Result<CartesianState, FrenetError> {
    let scale = scale_at(line, state.d_m)?;
    let tan = state.d_prime / scale;
    let cos = 1.0 / (1.0 + tan * tan).sqrt();
    let stretch = line.curvature_rate_1pm2 * state.d_m + line.curvature_1pm * state.d_prime;
    let curvature_1pm = ((state.d_second_1pm + stretch * tan) * cos * cos / scale + line.curvature_1pm) * cos / scale;
    let angle_prime = curvature_1pm * scale / cos - line.curvature_1pm;
    let square = state.s_dot_mps * state.s_dot_mps;
    let (sin_line, cos_line) = line.heading_rad.sin_cos();
    Ok(CartesianState {
        x: line.x - sin_line * state.d_m,
        y: line.y + cos_line * state.d_m,
        heading_rad: wrap_angle(line.heading_rad + tan.atan()),
        curvature_1pm,
        speed_mps: state.s_dot_mps * scale / cos,
        acceleration_mps2: state.s_ddot_mps2 * scale / cos + square / cos * (scale * tan * angle_prime - stretch),
    })
}

fn scale_at(line: &LinePoint, offset_m: f64) -> Result<f64, FrenetError> {
    let scale = 1.0 - line.curvature_1pm * offset_m;
    if scale.is_nan() || scale < 1e-6 {
        return Err(FrenetError::BeyondCentre { offset_m, curvature_1pm: line.curvature_1pm });
    }
    Ok(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn curvy(turns: &[f64]) -> ReferenceLine {
        let (mut x, mut y, mut heading) = (3.0, -4.0, 0.3f64);
        let mut points = vec![[x, y]];
        for turn in turns {
            heading += turn;
            x += 4.0 * heading.cos();
            y += 4.0 * heading.sin();
            points.push([x, y]);
        }
        ReferenceLine::new(&points).unwrap()
    }

    fn turns() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-0.15..0.15f64, 12..30)
    }

    proptest! {
        #[test]
        fn round_trip(turns in turns(), share in -0.1..1.1f64, d in -3.0..3.0f64, angle in -0.8..0.8f64,
                      curvature in -0.15..0.15f64, speed in -3.0..30.0f64, acceleration in -5.0..3.0f64) {
            let line = curvy(&turns);
            let s = share * line.length();
            let foot = line.at(s);
            let start = CartesianState {
                x: foot.x - foot.heading_rad.sin() * d,
                y: foot.y + foot.heading_rad.cos() * d,
                heading_rad: wrap_angle(foot.heading_rad + angle),
                curvature_1pm: curvature, speed_mps: speed, acceleration_mps2: acceleration,
            };
            let frenet = line.to_frenet(&start).unwrap();
            let back = line.to_cartesian(&frenet).unwrap();
            prop_assert!((back.x - start.x).abs() < 1e-8 && (back.y - start.y).abs() < 1e-8, "{start:?} {back:?}");
            prop_assert!(wrap_angle(back.heading_rad - start.heading_rad).abs() < 1e-7);
            prop_assert!((back.curvature_1pm - curvature).abs() < 1e-7);
            prop_assert!((back.speed_mps - speed).abs() < 1e-7);
            prop_assert!((back.acceleration_mps2 - acceleration).abs() < 1e-6);
        }

        /// The converted state agrees with differences of positions along a motion s(t), d(s).
        #[test]
        fn derivatives_agree_with_motion(turns in turns(), d in -1.5..1.5f64, d_prime in -0.3..0.3f64,
                                         bend in -0.02..0.02f64, speed in 3.0..20.0f64, acceleration in -3.0..2.0f64) {
            let line = curvy(&turns);
            let h = 1e-4;
            // Between knots: at a knot the curvature's rate jumps, and with it the acceleration beside the line.
            let reach = 2.0 * h * speed;
            let rate = |s: f64| line.at(s).curvature_rate_1pm2;
            let jump = |s: &f64| (rate(s + reach) - rate(s - reach)).abs();
            let places = (0..5).map(|i| 0.4 * line.length() + 0.1 * f64::from(i));
            let start = places.min_by(|a, b| jump(a).total_cmp(&jump(b))).unwrap();
            let state = |t: f64| {
                let travelled = speed * t + 0.5 * acceleration * t * t;
                FrenetState {
                    s_m: start + travelled,
                    s_dot_mps: speed + acceleration * t,
                    s_ddot_mps2: acceleration,
                    d_m: d + travelled * (d_prime + 0.5 * travelled * bend),
                    d_prime: d_prime + bend * travelled,
                    d_second_1pm: bend,
                }
            };
            let at = |t: f64| line.to_cartesian(&state(t)).unwrap();
            let (before, now, after) = (at(-h), at(0.0), at(h));
            let velocity = [(after.x - before.x) / (2.0 * h), (after.y - before.y) / (2.0 * h)];
            prop_assert!((velocity[0].hypot(velocity[1]) - now.speed_mps).abs() < 1e-5);
            prop_assert!(wrap_angle(velocity[1].atan2(velocity[0]) - now.heading_rad).abs() < 1e-6);
            let heading_rate = wrap_angle(after.heading_rad - before.heading_rad) / (2.0 * h);
            prop_assert!((heading_rate - now.curvature_1pm * now.speed_mps).abs() < 1e-3);
            prop_assert!(((after.speed_mps - before.speed_mps) / (2.0 * h) - now.acceleration_mps2).abs() < 1e-2);
        }
    }

    #[test]
    fn impossible_states_are_named() {
        let line = curvy(&[0.0; 12]);
        let across = CartesianState { x: 10.0, heading_rad: 0.3 + 2.0, ..Default::default() };
        assert!(matches!(line.to_frenet(&across), Err(FrenetError::AcrossLine { .. })));
        let nan = CartesianState { x: f64::NAN, ..Default::default() };
        assert!(line.to_frenet(&nan).is_err());
        let circle: Vec<[f64; 2]> =
            (0..40).map(|i| 0.1 * f64::from(i)).map(|a| [10.0 * a.sin(), 10.0 - 10.0 * a.cos()]).collect();
        let bent = ReferenceLine::new(&circle).unwrap();
        let inside = FrenetState { s_m: 20.0, d_m: 12.0, ..Default::default() };
        assert!(matches!(bent.to_cartesian(&inside), Err(FrenetError::BeyondCentre { .. })));
    }
}
