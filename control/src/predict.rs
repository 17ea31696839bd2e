//! Where the vehicle will be when a command acts: the measured motion, changed by the commands already on their way.

use nalgebra::{Isometry3, Vector3};
use std::collections::VecDeque;
use types::{EgoState, Pose2, Stamp, Vehicle};

/// Commands older than this no longer matter, s.
const LONGEST_S: f64 = 3.0;
/// Most commands remembered.
const MOST: usize = 1024;
/// The difference between measured and modelled turn rate is averaged over this time, s.
const AVERAGED_S: f64 = 1.5;
/// Step of the prediction, s.
const STEP_S: f64 = 0.02;

/// What was commanded, oldest first, and how the vehicle's turn rate differs from it.
#[derive(Clone, Debug, Default)]
pub struct Predictor {
    angles: VecDeque<(Stamp, f64)>,
    bias_radps: f64,
    seen: Option<Stamp>,
}

impl Predictor {
    /// Adds a command and forgets old ones.
    pub fn add(&mut self, stamp: Stamp, steering_rad: f64) {
        let old = |first: &(Stamp, f64)| stamp.seconds_since(first.0) > LONGEST_S || first.0 > stamp;
        while self.angles.front().is_some_and(old) || self.angles.len() >= MOST {
            self.angles.pop_front();
        }
        self.angles.push_back((stamp, steering_rad));
    }

    /// The angle that was commanded at a stamp; the first one before that, zero if there was none.
    fn at(&self, stamp: Stamp) -> f64 {
        let later = self.angles.partition_point(|(at, _)| *at <= stamp);
        self.angles.get(later.saturating_sub(1)).map_or(0.0, |(_, angle)| *angle)
    }

    /// The state at `acts`, with constant speed. The turn rate is that of the commands by the kinematic single-track
    /// model, plus the slowly averaged difference between measured and modelled rates (tyres, an offset of the
    /// steering). The measured rate itself is not held: it lags, and holding it would feed its ripples back.
    #[must_use]
    pub fn predict(&mut self, ego: &EgoState, acts: Stamp, vehicle: &Vehicle) -> EgoState {
        let seconds = acts.seconds_since(ego.stamp);
        if !(0.0..=LONGEST_S).contains(&seconds) {
            return ego.extrapolated(acts);
        }
        self.learn(ego, vehicle);
        let turn_rate = |t: f64| self.bias_radps + self.modelled(ego, ego.stamp.offset(t), vehicle);
        let steps = (seconds / STEP_S).ceil().max(1.0);
        let step = seconds / steps;
        let mut pose = Pose2::default();
        for i in 0..steps as usize {
            let turn = step * turn_rate((i as f64 + 0.5) * step);
            let chord = ego.speed_mps * step;
            let [x, y] = pose.transform(chord * (0.5 * turn).cos(), chord * (0.5 * turn).sin());
            pose = Pose2 { x, y, yaw: pose.yaw + turn };
        }
        let motion = Isometry3::new(Vector3::new(pose.x, pose.y, 0.0), Vector3::z() * pose.yaw);
        EgoState {
            stamp: acts,
            odom_from_base: ego.odom_from_base * motion,
            yaw_rate_radps: turn_rate(seconds),
            ..*ego
        }
    }

    /// Averages the difference between the measured turn rate and the model, once for every ego state.
    fn learn(&mut self, ego: &EgoState, vehicle: &Vehicle) {
        let difference = ego.yaw_rate_radps - self.modelled(ego, ego.stamp, vehicle);
        let share = match self.seen {
            None => 1.0,
            Some(last) => (ego.stamp.seconds_since(last) / AVERAGED_S).clamp(0.0, 1.0),
        };
        self.bias_radps += share * (difference - self.bias_radps);
        self.seen = Some(ego.stamp);
    }

    /// The turn rate at a stamp by the command that acts then, rad/s.
    fn modelled(&self, ego: &EgoState, stamp: Stamp, vehicle: &Vehicle) -> f64 {
        ego.speed_mps * self.at(stamp.offset(-vehicle.actuator_delay_s)).tan() / vehicle.wheelbase_m
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::PoseSource;

    fn ego() -> EgoState {
        EgoState {
            stamp: Stamp::from_nanos(10_000_000_000),
            odom_from_base: Isometry3::identity(),
            speed_mps: 10.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.1,
            source: PoseSource::Ins,
        }
    }

    #[test]
    fn steady_steering_is_a_constant_turn_rate() {
        let mut predictor = Predictor::default();
        for i in 0..100 {
            predictor.add(Stamp::from_nanos(9_000_000_000 + i * 10_000_000), 0.05);
        }
        let acts = ego().stamp.offset(0.4);
        let (ours, plain) =
            (predictor.predict(&ego(), acts, &Vehicle::default()).pose(), ego().extrapolated(acts).pose());
        assert!((ours.x - plain.x).hypot(ours.y - plain.y) < 1e-4 && (ours.yaw - plain.yaw).abs() < 1e-9);
    }

    #[test]
    fn a_command_on_its_way_counts() {
        let (mut predictor, vehicle) = (Predictor::default(), Vehicle::default());
        predictor.add(Stamp::from_nanos(9_000_000_000), 0.0);
        predictor.add(ego().stamp, 0.1);
        let then = predictor.predict(&ego(), ego().stamp.offset(0.4), &vehicle);
        // It acts after 0.2 s, for the other 0.2 s.
        let expected = 0.1 * 0.4 + 10.0 * 0.1f64.tan() / vehicle.wheelbase_m * 0.2;
        assert!((then.pose().yaw - expected).abs() < 1e-9, "{} {expected}", then.pose().yaw);
    }

    #[test]
    fn memory_is_bounded_and_time_may_jump() {
        let mut predictor = Predictor::default();
        for i in 0..10_000 {
            predictor.add(Stamp::from_nanos(i * 1000), 0.0);
        }
        assert!(predictor.angles.len() <= MOST);
        predictor.add(Stamp::from_nanos(-5), 0.2);
        assert_eq!((predictor.angles.len(), predictor.at(Stamp::from_nanos(7))), (1, 0.2));
    }
}
