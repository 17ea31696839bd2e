//! Steering: the chain of commands whose predicted motion stays nearest to the plan's path, with little lateral jerk.
//!
//! The errors of the single-track model beside a path (Rajamani, "Vehicle Dynamics and Control", 2012, chapter 2), linear
//! and different at each instant, since speed and curvature are known ahead. The command is counted as curvature at zero
//! speed (tangent over wheelbase), in which the limits of lateral acceleration, jerk and steering rate are linear.

use super::qp::{self, Bounds, Cost, Row, STEP_S, STEPS, change, constant, knot, less};
use crate::gate::{SLOWEST_MPS, STEERING_RATE_RADPS};
use crate::history::STEERING_LAG_S;
use crate::model::Model;
use types::{Fallback, Vehicle};

/// What counts as one unit of each error: offset (m), its rate (m/s), lateral acceleration beside the path's (m/s2), lateral
/// jerk (m/s3).
const OFFSET_M: f64 = 0.15;
const RATE_MPS: f64 = 0.5;
const ACCELERATION_MPS2: f64 = 2.0;
const JERK_MPS3: f64 = 2.0;
/// Slower vehicles are steered as if they were this fast, m/s: or they would turn their wheels for nothing.
const SLOW_MPS: f64 = 2.5;
/// The last errors count this much more, for all that comes after them.
const LAST: f64 = 3.0;
/// Share of the gate's rates that is used: what the gate cuts off would come as a surprise.
const SHARE: f64 = 0.95;
/// Steps of the model within a step of the chain.
const SUBSTEPS: usize = 2;

/// What is to be followed, from the instant on at which the command acts.
#[derive(Clone, Debug)]
pub struct Task {
    /// Offset from the path, m, positive to the left.
    pub offset_m: f64,
    /// Heading relative to the path, rad.
    pub angle_rad: f64,
    /// Rate of the heading, rad/s.
    pub yaw_rate_radps: f64,
    /// The last command: tangent of the angle of the front wheels.
    pub last_tangent: f64,
    /// Speeds and curvatures of the path, m/s and 1/m, at each instant. The first is now.
    pub ahead: [[f64; 2]; STEPS + 1],
    /// The speed that the gate counts with now, m/s.
    pub gate_mps: f64,
}

/// Tangents of the commanded angle at the end of each step.
///
/// # Errors
/// Why there are none.
pub fn solve(task: &Task, model: &Model, vehicle: &Vehicle) -> Result<[f64; STEPS], Fallback> {
    let scale = task.gate_mps.abs().max(SLOW_MPS).powi(2);
    // The chain is counted in lateral acceleration at the speed of now, so that all numbers are near one.
    let before = scale * task.last_tangent / model.wheelbase_m;
    let mut cost = Cost::default();
    let mut errors = Errors::new(task);
    for k in 0..STEPS {
        errors.step(k, before, scale, task, model);
        let [speed, curvature] = task.ahead[k + 1];
        let weight = if k + 1 == STEPS { 1.0 / LAST } else { 1.0 };
        cost.add(&errors.offset, weight * OFFSET_M);
        cost.add(&errors.rate(speed, model), weight * RATE_MPS);
        // What matters is felt at the speed of then.
        let felt = speed.max(SLOW_MPS).powi(2) / scale;
        let wanted = scale * model.tangent(curvature, speed) / model.wheelbase_m;
        cost.add(&less(knot(k + 1, before), wanted), ACCELERATION_MPS2 / felt);
        cost.add(&change(k + 1, before), JERK_MPS3 / felt);
    }
    let chain = qp::solve(&cost, &bounds(task, before, scale, vehicle))?;
    Ok(chain.map(|value| value / scale * model.wheelbase_m))
}

/// The gate's limits of angle, lateral acceleration, jerk and steering rate.
fn bounds(task: &Task, before: f64, scale: f64, vehicle: &Vehicle) -> Bounds {
    let (limits, wheelbase_m) = (&vehicle.limits, vehicle.wheelbase_m);
    let sharpest = vehicle.max_steering_rad.tan() / wheelbase_m;
    let square = |k: usize| task.ahead[k][0].max(SLOWEST_MPS).powi(2);
    let most = |k: usize| scale * sharpest.min(limits.lateral_acceleration_mps2 / square(k));
    let slope = STEERING_RATE_RADPS / wheelbase_m;
    let now = task.gate_mps.abs().max(SLOWEST_MPS).powi(2);
    let rate = |k: usize| SHARE * scale * slope.min(limits.lateral_jerk_mps3 / square(k).max(now * f64::from(k == 0)));
    Bounds {
        before,
        range: std::array::from_fn(|k| [-most(k + 1), most(k + 1)]),
        step: std::array::from_fn(|k| [STEP_S * rate(k); 2]),
    }
}

/// Offset, angle and yaw rate as functions of the chain.
struct Errors {
    offset: Row,
    angle: Row,
    yaw_rate: Row,
}

impl Errors {
    fn new(task: &Task) -> Self {
        Self {
            offset: constant(task.offset_m),
            angle: constant(task.angle_rad),
            yaw_rate: constant(task.yaw_rate_radps),
        }
    }

    /// How fast the offset grows, m/s.
    fn rate(&self, speed: f64, model: &Model) -> Row {
        let row = std::array::from_fn(|i| speed * (self.angle[i] - model.slip * speed * self.yaw_rate[i]));
        less(row, -speed * model.askew_rad)
    }

    /// One step in which the command goes evenly from knot `k` to the next.
    fn step(&mut self, k: usize, before: f64, scale: f64, task: &Task, model: &Model) {
        let (from, to) = (knot(k, before), knot(k + 1, before));
        let step_s = STEP_S / SUBSTEPS as f64;
        let kept = (-step_s / STEERING_LAG_S).exp();
        for substep in 0..SUBSTEPS {
            let share = (substep as f64 + 0.5) / SUBSTEPS as f64;
            let [speed, curvature] =
                std::array::from_fn(|i| task.ahead[k][i] + share * (task.ahead[k + 1][i] - task.ahead[k][i]));
            let gain = speed * model.gain_1pm(speed);
            let per_value = gain * model.wheelbase_m / scale;
            let before_rate = self.rate(speed, model);
            for i in 0..=STEPS {
                let command = from[i] + share * (to[i] - from[i]);
                let straight = if i == 0 { gain * model.straight_rad } else { 0.0 };
                let last = self.yaw_rate[i];
                self.yaw_rate[i] = kept * last + (1.0 - kept) * (per_value * command - straight);
                let path = if i == 0 { speed * curvature } else { 0.0 };
                self.angle[i] += step_s * (0.5 * (last + self.yaw_rate[i]) - path);
            }
            let after_rate = self.rate(speed, model);
            for i in 0..=STEPS {
                self.offset[i] += 0.5 * step_s * (before_rate[i] + after_rate[i]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(offset_m: f64, speed_mps: f64, curvature: impl Fn(f64) -> f64) -> Task {
        Task {
            offset_m,
            angle_rad: 0.0,
            yaw_rate_radps: 0.0,
            last_tangent: 0.0,
            ahead: std::array::from_fn(|k| [speed_mps, curvature(speed_mps * STEP_S * k as f64)]),
            gate_mps: speed_mps,
        }
    }

    fn tangents(task: &Task) -> [f64; STEPS] {
        let vehicle = Vehicle::default();
        solve(task, &Model::new(&vehicle), &vehicle).unwrap()
    }

    #[test]
    fn it_steers_back_to_the_path_within_the_gates_rates() {
        for speed_mps in [0.5, 3.0, 8.0, 15.0, 30.0] {
            let right = tangents(&task(0.5, speed_mps, |_| 0.0));
            let left = tangents(&task(-0.5, speed_mps, |_| 0.0));
            assert!(right[1] < 0.0 && right.iter().zip(&left).all(|(a, b)| (a + b).abs() < 1e-4), "{right:?}");
            let vehicle = Vehicle::default();
            let jerk = |pair: &[f64]| (pair[1] - pair[0]) / STEP_S * speed_mps.max(1.0).powi(2) / vehicle.wheelbase_m;
            assert!(right.windows(2).all(|pair| jerk(pair).abs() < vehicle.limits.lateral_jerk_mps3), "{right:?}");
        }
    }

    #[test]
    fn a_curve_ahead_is_entered_before_it_begins() {
        let curve = |s: f64| if s > 8.0 { 0.02 } else { 0.0 };
        let ahead = tangents(&task(0.0, 10.0, curve));
        assert!(ahead[6] > 0.01, "{ahead:?}");
        let held = Model::new(&Vehicle::default()).tangent(0.02, 10.0);
        assert!((ahead[STEPS - 1] - held).abs() < 0.2 * held, "{ahead:?}");
    }

    #[test]
    fn what_is_known_of_the_car_leaves_no_offset() {
        let vehicle = Vehicle::default();
        let model = Model { slip: 0.007, steering: 1.2, straight_rad: 0.01, ..Model::new(&vehicle) };
        let held = model.tangent(0.02, 10.0);
        // In a steady circle, heading into the circle by the angle of slip.
        let steady =
            Task { angle_rad: 0.007 * 2.0, yaw_rate_radps: 0.2, last_tangent: held, ..task(0.0, 10.0, |_| 0.02) };
        let chain = solve(&steady, &model, &vehicle).unwrap();
        assert!(chain.iter().all(|tangent| (tangent - held).abs() < 1e-3 * held), "{chain:?} {held}");
    }
}
