//! Braking to standstill with limited jerk, and the trajectory that ends with it.

use crate::lattice::Lattice;
use crate::reference::Road;
use maps::frenet::to_cartesian_at;
use maps::{CartesianState, FrenetState};
use types::{Limits, Trajectory, TrajectoryPoint};

/// Seconds between the points of a trajectory.
pub const POINT_STEP_S: f64 = 0.1;
/// Longest step in turning lengths of the path into lengths of the line, m.
const LONGEST_STEP_M: f64 = 0.5;

/// Braking in three parts: to the deceleration, hold, release, so that speed and acceleration reach zero together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Braking {
    /// Duration (s) and jerk (m/s3) of each part.
    parts: [(f64, f64); 3],
    speed_mps: f64,
    acceleration_mps2: f64,
}

impl Braking {
    /// From a speed and acceleration with a deceleration and jerk (both positive). A car that already brakes harder
    /// than it needs to keeps braking to the end with the jerk that this takes.
    #[must_use]
    pub fn new(speed_mps: f64, acceleration_mps2: f64, deceleration_mps2: f64, jerk_mps3: f64) -> Self {
        let (v, jerk) = (speed_mps.max(0.0), jerk_mps3);
        let a = if v > 0.0 { acceleration_mps2 } else { 0.0 };
        let standing = Self { parts: [(0.0, 0.0); 3], speed_mps: v, acceleration_mps2: a };
        if v <= 1e-9 {
            return standing;
        }
        if a < 0.0 && v <= 0.5 * a * a / jerk {
            let duration = -2.0 * v / a;
            return Self { parts: [(0.0, 0.0), (0.0, 0.0), (duration, -a / duration)], ..standing };
        }
        // The deceleration at which ramp down and ramp up alone take the whole speed.
        let peak = deceleration_mps2.min((jerk * v + 0.5 * a * a).sqrt());
        let ramp = if -peak < a { -jerk } else { jerk };
        let down = (-peak - a) / ramp;
        let lost = down * (a + 0.5 * ramp * down);
        let up = peak / jerk;
        let hold = ((v + lost - 0.5 * peak * up) / peak).max(0.0);
        Self { parts: [(down, ramp), (hold, 0.0), (up, jerk)], ..standing }
    }

    /// Seconds until standstill.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.parts.iter().map(|(duration, _)| duration).sum()
    }

    /// Travelled length, speed, acceleration and jerk at a time; standing after the end.
    #[must_use]
    pub fn at(&self, time_s: f64) -> [f64; 4] {
        let (mut p, mut v, mut a, mut left) = (0.0, self.speed_mps, self.acceleration_mps2, time_s.max(0.0));
        for (duration, jerk) in self.parts {
            let t = left.min(duration);
            p += t * (v + t * (0.5 * a + t * jerk / 6.0));
            v += t * (a + 0.5 * t * jerk);
            a += t * jerk;
            left -= t;
            if left <= 0.0 && t < duration {
                return [p, v.max(0.0), a, jerk];
            }
        }
        [p, 0.0, 0.0, 0.0]
    }
}

/// The trajectory of a candidate: its points up to the horizon, then the braking tail.
#[must_use]
pub fn complete(lattice: &Lattice, index: usize, road: &Road<'_>, limits: &Limits) -> Trajectory {
    let candidate = &lattice.candidates[index];
    let (profile, lateral) = (&lattice.profiles[candidate.profile], &lattice.laterals[candidate.lateral]);
    let steps = (profile.horizon_s / POINT_STEP_S).round() as usize;
    let mut trajectory = Trajectory { points: Vec::with_capacity(steps + 80), tail_start: steps };
    let mut reached = 0.0f64;
    for i in 0..=steps {
        let time_s = i as f64 * POINT_STEP_S;
        let [travelled, speed, acceleration, _] = profile.at(time_s);
        reached = reached.max(travelled);
        let mut state = state_at(road, lateral, reached, speed.max(0.0), acceleration);
        if state.speed_mps < 1e-3 {
            (state.speed_mps, state.acceleration_mps2) = (0.0, state.acceleration_mps2.max(0.0));
        }
        trajectory.points.push(point(time_s, &state));
    }
    brake(&mut trajectory, road, lateral, reached, limits.deceleration_mps2, limits.jerk_mps3);
    trajectory
}

/// Adds points of braking along a lateral path from the last point, until the car stands.
pub(crate) fn brake(
    trajectory: &mut Trajectory,
    road: &Road<'_>,
    lateral: &crate::lattice::Lateral,
    mut travelled: f64,
    deceleration_mps2: f64,
    jerk_mps3: f64,
) {
    let Some(last) = trajectory.points.last_mut() else { return };
    if last.speed_mps < 0.01 {
        (last.speed_mps, last.acceleration_mps2) = (0.0, 0.0);
        return;
    }
    let (start_s, begin) = (last.time_s, *last);
    let braking = Braking::new(begin.speed_mps, begin.acceleration_mps2, deceleration_mps2, jerk_mps3);
    let steps = (braking.duration_s() / POINT_STEP_S).ceil() as usize;
    let mut before = 0.0;
    for i in 1..=steps {
        let time_s = i as f64 * POINT_STEP_S;
        let [along, speed, acceleration, _] = braking.at(time_s);
        // The step along the path as steps along the line, each by the stretch at its middle.
        let pieces = ((along - before) / LONGEST_STEP_M).ceil().clamp(1.0, 50.0);
        let step = (along - before) / pieces;
        for _ in 0..pieces as usize {
            let half = 0.5 * step * stretch(road, lateral, travelled);
            travelled += step * stretch(road, lateral, travelled + half);
        }
        before = along;
        let mut state = state_at(road, lateral, travelled, 0.0, 0.0);
        (state.speed_mps, state.acceleration_mps2) = (speed, acceleration);
        if i == steps {
            (state.speed_mps, state.acceleration_mps2) = (0.0, 0.0);
        }
        trajectory.points.push(point(start_s + time_s, &state));
    }
}

/// Metres of the line per metre of the path.
fn stretch(road: &Road<'_>, lateral: &crate::lattice::Lateral, travelled: f64) -> f64 {
    let line = road.line.at(road.s_m + travelled);
    let [d, slope, _] = lateral.at(travelled);
    let scale = (1.0 - line.curvature_1pm * d).max(0.1);
    1.0 / scale.hypot(slope)
}

fn state_at(
    road: &Road<'_>,
    lateral: &crate::lattice::Lateral,
    travelled: f64,
    speed: f64,
    acceleration: f64,
) -> CartesianState {
    let line = road.line.at(road.s_m + travelled);
    let [d_m, d_prime, d_second_1pm] = lateral.at(travelled);
    let frenet = FrenetState {
        s_m: road.s_m + travelled,
        s_dot_mps: speed,
        s_ddot_mps2: acceleration,
        d_m,
        d_prime,
        d_second_1pm,
    };
    to_cartesian_at(&line, &frenet).unwrap_or(CartesianState {
        x: line.x,
        y: line.y,
        heading_rad: line.heading_rad,
        curvature_1pm: line.curvature_1pm,
        speed_mps: speed,
        acceleration_mps2: acceleration,
    })
}

fn point(time_s: f64, state: &CartesianState) -> TrajectoryPoint {
    TrajectoryPoint {
        time_s,
        x: state.x,
        y: state.y,
        heading_rad: state.heading_rad,
        curvature_1pm: state.curvature_1pm,
        speed_mps: state.speed_mps,
        acceleration_mps2: state.acceleration_mps2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn braking_ends_at_rest_within_limits(v in 0.0..80.0f64, a in -3.5..2.0f64) {
            let (deceleration, jerk) = (3.5, 10.0);
            let braking = Braking::new(v, a, deceleration, jerk);
            let end = braking.duration_s();
            prop_assert!(end.is_finite() && end < 60.0);
            let mut last = braking.at(0.0);
            for i in 1..=200 {
                let now = braking.at(end * f64::from(i) / 200.0);
                prop_assert!(now[0] >= last[0] - 1e-9 && now[2] >= -deceleration - 1e-6, "{now:?}");
                last = now;
            }
            let near_end = braking.at(end - 1e-6);
            prop_assert!(near_end[1].abs() < 1e-4, "{near_end:?}");
            if end > 0.0 && !(a < 0.0 && v <= 0.5 * a * a / jerk) { prop_assert!(near_end[2].abs() < 1e-3, "{near_end:?}"); }
            // No jump of the travelled length between the parts.
            let coarse: f64 = (0..2000).map(|i| braking.at(end * (f64::from(i) + 0.5) / 2000.0)[1] * end / 2000.0).sum();
            prop_assert!((coarse - last[0]).abs() < 1e-3 * (1.0 + last[0]));
        }
    }

    #[test]
    fn a_known_stop() {
        // 10 m/s with 2.5 m/s2 and little time for the jerk: near v^2 / 2a.
        let braking = Braking::new(10.0, 0.0, 2.5, 1e4);
        assert!((braking.duration_s() - 4.0).abs() < 0.01);
        assert!((braking.at(100.0)[0] - 20.0).abs() < 0.01);
    }
}
