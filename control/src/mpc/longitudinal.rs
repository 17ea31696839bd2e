//! Acceleration: the chain of commands whose predicted motion stays nearest to the plan's, with little jerk.

use super::qp::{self, Bounds, Cost, Row, STEP_S, STEPS, change, constant, knot, less};
use crate::history::ACCELERATION_LAG_S;
use crate::model::Model;
use types::{Fallback, Vehicle};

/// What counts as one unit of each error: place (m), speed (m/s), acceleration beside the plan's (m/s2), jerk (m/s3).
const PLACE_M: f64 = 1.0;
const SPEED_MPS: f64 = 0.3;
const ACCELERATION_MPS2: f64 = 0.8;
const JERK_MPS3: f64 = 2.5;
/// Farther from the place of the time than this the place does not pull, m: the plan is moved instead.
const MOST_PLACE_M: f64 = 1.0;
/// The brakes are taken up this fast against a collision, m/s3.
const EMERGENCY_JERK_MPS3: f64 = 30.0;

/// What is to be followed, from the instant on at which the command acts.
#[derive(Clone, Debug)]
pub struct Task {
    /// How far ahead of the vehicle the plan is at each instant, m, and its speed, m/s, and acceleration, m/s2. The first is now.
    pub plan: [[f64; 3]; STEPS + 1],
    /// Speed and acceleration of the vehicle now.
    pub speed_mps: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// The last command, m/s2.
    pub last_mps2: f64,
    /// Against a collision: brakes as hard as the vehicle can.
    pub emergency: bool,
}

/// Commands at the end of each step, m/s2, and the speeds that they lead to, the first of which is now, m/s.
///
/// # Errors
/// Why there are none.
pub fn solve(task: &Task, model: &Model, vehicle: &Vehicle) -> Result<([f64; STEPS], [f64; STEPS + 1]), Fallback> {
    let limits = &vehicle.limits;
    let mut cost = Cost::default();
    // The plan is moved along its path so that it is no farther away than the place may pull.
    let place = task.plan[0][0];
    let moved = place - place.clamp(-MOST_PLACE_M, MOST_PLACE_M);
    let mut rows = Rows::new(task);
    let mut speeds = [Row::default(); STEPS + 1];
    speeds[0] = rows.speed;
    for k in 0..STEPS {
        rows.step(k, task.last_mps2, model);
        let [ahead_m, speed_mps, acceleration_mps2] = task.plan[k + 1];
        let weight = if k + 1 == STEPS { 0.5 } else { 1.0 };
        cost.add(&less(rows.way, ahead_m - moved), weight * PLACE_M);
        cost.add(&less(rows.speed, speed_mps), weight * SPEED_MPS);
        let wanted = acceleration_mps2 - model.push_mps2;
        cost.add(&less(knot(k + 1, task.last_mps2), wanted), ACCELERATION_MPS2);
        cost.add(&change(k + 1, task.last_mps2), JERK_MPS3);
        speeds[k + 1] = rows.speed;
    }
    let low = if task.emergency { limits.emergency_deceleration_mps2 } else { limits.deceleration_mps2 };
    let fall = if task.emergency { EMERGENCY_JERK_MPS3.max(limits.jerk_mps3) } else { limits.jerk_mps3 };
    let bounds = Bounds {
        before: task.last_mps2,
        range: [[-low.max(limits.deceleration_mps2), limits.acceleration_mps2]; STEPS],
        step: [[fall * STEP_S, limits.jerk_mps3 * STEP_S]; STEPS],
    };
    let chain = qp::solve(&cost, &bounds)?;
    let predicted = speeds.map(|row| qp::value(&row, &chain).max(0.0));
    Ok((chain, predicted))
}

/// Way, speed and acceleration as functions of the chain.
struct Rows {
    way: Row,
    speed: Row,
    acceleration: Row,
}

impl Rows {
    fn new(task: &Task) -> Self {
        Self { way: constant(0.0), speed: constant(task.speed_mps), acceleration: constant(task.acceleration_mps2) }
    }

    /// One step in which the command goes evenly from knot `k` to the next: exact for the lag.
    fn step(&mut self, k: usize, last: f64, model: &Model) {
        let (from, to) = (knot(k, last), knot(k + 1, last));
        let kept = (-STEP_S / ACCELERATION_LAG_S).exp();
        // The response to a ramp from 0 to 1, and its share of the first value.
        let ramp = 1.0 - ACCELERATION_LAG_S / STEP_S * (1.0 - kept);
        for i in 0..=STEPS {
            let before = (self.acceleration[i], self.speed[i]);
            self.acceleration[i] = kept * before.0 + (1.0 - kept - ramp) * from[i] + ramp * to[i];
            let push = if i == 0 { model.push_mps2 } else { 0.0 };
            self.speed[i] += STEP_S * (0.5 * (before.0 + self.acceleration[i]) + push);
            self.way[i] += 0.5 * STEP_S * (before.1 + self.speed[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vehicle at 10 m/s whose plan has this acceleration.
    fn task(plan: impl Fn(f64) -> [f64; 3]) -> Task {
        Task {
            plan: std::array::from_fn(|k| plan(STEP_S * k as f64)),
            speed_mps: 10.0,
            acceleration_mps2: 0.0,
            last_mps2: 0.0,
            emergency: false,
        }
    }

    fn commands(task: &Task) -> ([f64; STEPS], [f64; STEPS + 1]) {
        let vehicle = Vehicle::default();
        solve(task, &Model::new(&vehicle), &vehicle).unwrap()
    }

    #[test]
    fn a_vehicle_on_its_plan_asks_for_nothing() {
        let (chain, speeds) = commands(&task(|t| [10.0 * t, 10.0, 0.0]));
        assert!(chain.iter().all(|a| a.abs() < 1e-4), "{chain:?}");
        assert!(speeds.iter().all(|v| (v - 10.0).abs() < 1e-4), "{speeds:?}");
    }

    #[test]
    fn braking_is_taken_up_before_the_lag_and_a_slope_is_held_against() {
        let braking = |t: f64| {
            let since = (t - 0.5).max(0.0);
            [10.0 * t - since * since, 10.0 - 2.0 * since, if t > 0.5 { -2.0 } else { 0.0 }]
        };
        let (chain, speeds) = commands(&task(braking));
        assert!(chain[4] < -0.4 && (chain[14] + 2.0).abs() < 0.3, "{chain:?}");
        assert!((speeds[STEPS] - 7.0).abs() < 0.1, "{speeds:?}");
        let vehicle = Vehicle::default();
        let uphill = Model { push_mps2: -0.5, ..Model::new(&vehicle) };
        let (chain, _) = solve(&task(|t| [10.0 * t, 10.0, 0.0]), &uphill, &vehicle).unwrap();
        assert!((chain[STEPS - 1] - 0.5).abs() < 0.05, "{chain:?}");
    }

    #[test]
    fn a_plan_far_behind_pulls_no_more_than_one_a_metre_behind() {
        let (near, _) = commands(&task(|t| [10.0 * t - 1.0, 10.0, 0.0]));
        let (far, _) = commands(&task(|t| [10.0 * t - 9.0, 10.0, 0.0]));
        assert!(near[3] < -0.1 && near.iter().zip(&far).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn an_emergency_brakes_harder_than_a_normal_stop() {
        let hard = |emergency| Task { emergency, ..task(|t| [10.0 * t - 3.5 * t * t, 10.0 - 7.0 * t, -7.0]) };
        let lowest = |task: &Task| commands(task).0.iter().copied().fold(0.0, f64::min);
        assert!((lowest(&hard(false)) + 3.5).abs() < 1e-3 && lowest(&hard(true)) < -6.0);
    }
}
