//! What a car is really like: dead times, steering ratio, understeer and slip, learned from every ego state within bounds.
//!
//! In: ego states and the commands given before. Out: the [`Model`] that fits them. Never: a value outside its bounds, a
//! jump: dead times move by 0.03 s a second at most.

pub mod delay;
pub mod regression;

use crate::history::{ACCELERATION_LAG_S, History};
use crate::model::Model;
use delay::DelayEstimator;
use regression::{Prior, Regression};
use types::{EgoState, Vehicle, wrap_angle};

/// Ego states farther apart than this are not compared, s.
const LONGEST_STEP_S: f64 = 0.5;
/// Slower, steering and slip tell nothing, m/s.
const SLOW_MPS: f64 = 3.0;
/// Slower, the acceleration tells nothing, m/s.
const ROLLING_MPS: f64 = 1.0;
/// Noise of the tangent of the angle as the yaw rate tells it, of the yaw rate (rad/s), of the acceleration (m/s2).
const TANGENT_NOISE: f64 = 0.004;
const YAW_RATE_NOISE_RADPS: f64 = 0.01;
const ACCELERATION_NOISE_MPS2: f64 = 0.1;
/// Noise of a place and of a heading: m and rad.
const PLACE_NOISE_M: f64 = 0.02;
const HEADING_NOISE_RAD: f64 = 0.002;
/// What comes without being asked for is averaged over this time, s, and is at most this, m/s2.
const AVERAGED_S: f64 = 2.0;
const MOST_PUSH_MPS2: f64 = 0.8;

/// The estimators and the last ego state.
#[derive(Clone, Debug)]
pub struct Learner {
    model: Model,
    steering: Regression<3>,
    slip: Regression<2>,
    steering_delay: DelayEstimator,
    acceleration_delay: DelayEstimator,
    last: Option<EgoState>,
}

impl Learner {
    /// Nothing is known but the vehicle's numbers.
    #[must_use]
    pub fn new(vehicle: &Vehicle) -> Self {
        let model = Model::new(vehicle);
        let steering = [
            Prior { mean: model.steering, deviation: 0.1, range: [0.7, 1.45] },
            Prior { mean: model.understeer, deviation: 0.001, range: [0.0, 0.006] },
            Prior { mean: model.straight_rad, deviation: 0.003, range: [-0.02, 0.02] },
        ];
        let slip = [
            Prior { mean: model.slip, deviation: 0.003, range: [0.0, 0.015] },
            Prior { mean: model.askew_rad, deviation: 0.003, range: [-0.02, 0.02] },
        ];
        Self {
            model,
            steering: Regression::new(steering),
            slip: Regression::new(slip),
            steering_delay: DelayEstimator::new(model.steering_delay_s),
            acceleration_delay: DelayEstimator::new(model.acceleration_delay_s),
            last: None,
        }
    }

    /// The model that fits best so far.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Takes up an ego state, once: one that is as old as the last one tells nothing.
    pub fn observe(&mut self, ego: &EgoState, history: &History) {
        let Some(last) = self.last.replace(*ego) else { return };
        let seconds = ego.stamp.seconds_since(last.stamp);
        if seconds == 0.0 {
            return;
        }
        let oldest = ego.stamp.offset(-delay::LONGEST_S - LONGEST_STEP_S);
        if !(0.0..=LONGEST_STEP_S).contains(&seconds) || !history.reaches(oldest) {
            return;
        }
        if ego.speed_mps > SLOW_MPS {
            self.learn_steering(ego, history, seconds);
            self.learn_slip(&last, ego, seconds);
        }
        if ego.speed_mps > ROLLING_MPS && last.speed_mps > ROLLING_MPS {
            self.learn_acceleration(&last, ego, history, seconds);
        }
    }

    fn learn_steering(&mut self, ego: &EgoState, history: &History, seconds: f64) {
        let (model, speed, rate) = (&mut self.model, ego.speed_mps, ego.yaw_rate_radps);
        let response = |delay_s: f64| history.response(ego.stamp.offset(-delay_s)).tangent;
        let yaw_rate = |delay_s: f64| model.yaw_rate_radps(response(delay_s), speed);
        self.steering_delay.observe(rate, YAW_RATE_NOISE_RADPS, seconds, yaw_rate);
        let row = [model.wheelbase_m * rate / speed, speed * rate, 1.0];
        self.steering.observe(&row, response(model.steering_delay_s), TANGENT_NOISE, seconds);
        model.steering_delay_s = self.steering_delay.delay_s();
        [model.steering, model.understeer, model.straight_rad] = self.steering.parameters();
    }

    fn learn_slip(&mut self, last: &EgoState, ego: &EgoState, seconds: f64) {
        let (before, after) = (last.pose(), ego.pose());
        let (dx, dy) = (after.x - before.x, after.y - before.y);
        let heading = before.yaw + 0.5 * wrap_angle(after.yaw - before.yaw);
        let drift = wrap_angle(dy.atan2(dx) - heading);
        let sideways = 0.5 * (last.speed_mps * last.yaw_rate_radps + ego.speed_mps * ego.yaw_rate_radps);
        let noise = HEADING_NOISE_RAD + PLACE_NOISE_M / (ego.speed_mps * seconds);
        self.slip.observe(&[-sideways, 1.0], drift, noise, seconds);
        [self.model.slip, self.model.askew_rad] = self.slip.parameters();
    }

    fn learn_acceleration(&mut self, last: &EgoState, ego: &EgoState, history: &History, seconds: f64) {
        let response = |delay_s: f64| history.response(ego.stamp.offset(-delay_s)).acceleration_mps2;
        self.acceleration_delay.observe(ego.acceleration_mps2, ACCELERATION_NOISE_MPS2, seconds, response);
        self.model.acceleration_delay_s = self.acceleration_delay.delay_s();
        let middle = ego.stamp.offset(-0.5 * seconds - self.model.acceleration_delay_s);
        let asked = history.response(middle).acceleration_mps2;
        let share = (seconds / (AVERAGED_S + ACCELERATION_LAG_S)).min(1.0);
        let push = (ego.speed_mps - last.speed_mps) / seconds - asked;
        let push = self.model.push_mps2 + share * (push.clamp(-3.0, 3.0) - self.model.push_mps2);
        self.model.push_mps2 = push.clamp(-MOST_PUSH_MPS2, MOST_PUSH_MPS2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Moment;
    use nalgebra::{Isometry3, Vector3};
    use proptest::prelude::*;
    use types::{PoseSource, Stamp};

    /// Drives a car that is exactly like `car` with a swinging command and lets a learner watch it ten times a second.
    fn watch(car: &Model, seconds: f64) -> Learner {
        let (mut learner, mut history) = (Learner::new(&Vehicle::default()), History::default());
        let mut ego = EgoState {
            stamp: Stamp::from_nanos(1_000_000_000),
            odom_from_base: Isometry3::identity(),
            speed_mps: 10.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            source: PoseSource::Ins,
        };
        for tick in 0..(seconds * 100.0) as usize {
            let t = 0.01 * tick as f64;
            let command = Moment {
                tangent: 0.05 * (1.1 * t).sin() + 0.03 * (0.37 * t).sin(),
                acceleration_mps2: (0.8 * t).sin() - car.push_mps2,
            };
            history.add(ego.stamp, command);
            if tick % 10 == 0 {
                learner.observe(&ego, &history);
            }
            let next = ego.stamp.offset(0.01);
            let motion = car.predict(&ego, next, &history).unwrap();
            ego = EgoState {
                stamp: next,
                odom_from_base: Isometry3::new(
                    Vector3::new(motion.pose.x, motion.pose.y, 0.0),
                    Vector3::z() * motion.pose.yaw,
                ),
                speed_mps: motion.speed_mps,
                acceleration_mps2: motion.acceleration_mps2,
                yaw_rate_radps: motion.yaw_rate_radps,
                source: PoseSource::Ins,
            };
        }
        learner
    }

    #[test]
    fn another_car_is_learned() {
        let usual = Model::new(&Vehicle::default());
        let car = Model {
            steering: 1.25,
            understeer: 0.0018,
            straight_rad: 0.004,
            slip: 0.007,
            push_mps2: -0.15,
            steering_delay_s: 0.22,
            acceleration_delay_s: 0.04,
            ..usual
        };
        let learned = *watch(&car, 40.0).model();
        let near = |name: &str, got: f64, want: f64, within: f64| {
            assert!((got - want).abs() < within, "{name}: {got}, not {want}");
        };
        near("dead time of the steering", learned.steering_delay_s, 0.22, 0.02);
        near("dead time of the brakes", learned.acceleration_delay_s, 0.04, 0.02);
        near("curvature gain", learned.gain_1pm(10.0), car.gain_1pm(10.0), 0.02 * car.gain_1pm(10.0));
        near("straight", learned.straight_rad, 0.004, 0.001);
        near("slip", learned.slip, 0.007, 0.001);
        near("push", learned.push_mps2, -0.15, 0.05);
    }

    #[test]
    fn a_car_as_expected_stays_as_expected() {
        let usual = Model::new(&Vehicle::default());
        let learned = *watch(&usual, 30.0).model();
        assert!(
            (learned.steering - 1.0).abs() < 0.02 && (learned.steering_delay_s - usual.steering_delay_s).abs() < 0.01
        );
    }

    proptest! {
        #[test]
        fn whatever_is_seen_stays_within_bounds(
            seen in prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64, -200.0..200.0f64, -5.0..5.0f64, -30i64..700, -1.0..1.0f64), 2..60)
        ) {
            let (mut learner, mut history) = (Learner::new(&Vehicle::default()), History::default());
            let mut stamp = Stamp::from_nanos(0);
            for i in 0..300 {
                history.add(stamp.offset(0.01 * f64::from(i) - 3.0), Moment { tangent: 0.3, acceleration_mps2: 2.0 });
            }
            for (x, speed_mps, acceleration_mps2, yaw_rate_radps, millis, tangent) in seen {
                stamp = Stamp::from_nanos(stamp.nanos() + 1_000_000 * millis);
                history.add(stamp, Moment { tangent, acceleration_mps2: tangent });
                let ego = EgoState {
                    stamp, odom_from_base: Isometry3::translation(x, -x, 0.0), speed_mps, acceleration_mps2, yaw_rate_radps,
                    source: PoseSource::Ins,
                };
                learner.observe(&ego, &history);
                let model = learner.model();
                prop_assert!((0.7..=1.45).contains(&model.steering) && (0.0..=0.006).contains(&model.understeer));
                prop_assert!((0.0..=0.015).contains(&model.slip) && model.straight_rad.abs() <= 0.02 && model.askew_rad.abs() <= 0.02);
                prop_assert!((0.0..=delay::LONGEST_S).contains(&model.steering_delay_s) && model.push_mps2.abs() <= MOST_PUSH_MPS2);
                prop_assert!((0.0..=delay::LONGEST_S).contains(&model.acceleration_delay_s));
            }
        }
    }
}
