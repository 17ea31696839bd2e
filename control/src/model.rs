//! The controller's own model of the vehicle: a single-track model in steady state whose yaw rate and acceleration follow
//! the command after a dead time and a lag, and whose rear axle slips in proportion to the lateral acceleration (Rajamani,
//! "Vehicle Dynamics and Control", 2012, chapter 3). It is defined at every speed, standstill included.

use crate::history::{ACCELERATION_LAG_S, History, STEERING_LAG_S};
use types::{EgoState, Pose2, Stamp, Vehicle};

/// Step of the prediction, s.
const STEP_S: f64 = 0.02;
/// A prediction over a longer time than this would be a guess, s.
const LONGEST_S: f64 = 1.5;

/// The parameters. What differs from car to car is learned (`learn`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Rear axle to front axle, m.
    pub wheelbase_m: f64,
    /// Tangent of the commanded angle for each 1/m of curvature, over the wheelbase: 1 where the steering ratio is right.
    pub steering: f64,
    /// More angle for each m/s2 of lateral acceleration, rad s2/m.
    pub understeer: f64,
    /// The commanded angle that drives straight, rad.
    pub straight_rad: f64,
    /// Angle of slip of the rear axle for each m/s2 of lateral acceleration, rad s2/m.
    pub slip: f64,
    /// Direction in which the car moves when it drives straight, relative to its measured heading, rad.
    pub askew_rad: f64,
    /// Acceleration that comes without being asked for (slope, drag), m/s2.
    pub push_mps2: f64,
    /// Dead time of the steering, s.
    pub steering_delay_s: f64,
    /// Dead time of drive and brakes, s.
    pub acceleration_delay_s: f64,
}

impl Model {
    /// What is believed of a vehicle before it is driven. Its delay is the time from a command to two thirds of its effect.
    #[must_use]
    pub fn new(vehicle: &Vehicle) -> Self {
        let dead = |lag_s: f64| (vehicle.actuator_delay_s - 0.7 * lag_s).max(0.0);
        Self {
            wheelbase_m: vehicle.wheelbase_m,
            steering: 1.0,
            understeer: 0.001,
            straight_rad: 0.0,
            slip: 0.003,
            askew_rad: 0.0,
            push_mps2: 0.0,
            steering_delay_s: dead(STEERING_LAG_S),
            acceleration_delay_s: dead(ACCELERATION_LAG_S),
        }
    }

    /// Curvature per tangent of the angle at a speed, 1/m.
    #[must_use]
    pub fn gain_1pm(&self, speed_mps: f64) -> f64 {
        1.0 / (self.steering * self.wheelbase_m + self.understeer * speed_mps * speed_mps)
    }

    /// The tangent of the angle that holds a curvature.
    #[must_use]
    pub fn tangent(&self, curvature_1pm: f64, speed_mps: f64) -> f64 {
        self.straight_rad + curvature_1pm / self.gain_1pm(speed_mps)
    }

    /// The yaw rate that a tangent of the angle leads to, rad/s.
    #[must_use]
    pub fn yaw_rate_radps(&self, tangent: f64, speed_mps: f64) -> f64 {
        speed_mps * self.gain_1pm(speed_mps) * (tangent - self.straight_rad)
    }

    /// Where the car moves relative to its heading, rad.
    #[must_use]
    pub fn drift_rad(&self, speed_mps: f64, yaw_rate_radps: f64) -> f64 {
        self.askew_rad - self.slip * speed_mps * yaw_rate_radps
    }

    /// The motion at `until`, from the measured one and the commands given so far. `None` if that is too long a time.
    #[must_use]
    pub fn predict(&self, ego: &EgoState, until: Stamp, history: &History) -> Option<Motion> {
        let seconds = until.seconds_since(ego.stamp);
        if !(0.0..=LONGEST_S).contains(&seconds) {
            return None;
        }
        let mut motion = Motion::new(ego);
        let steps = (seconds / STEP_S).ceil().max(1.0);
        let step_s = seconds / steps;
        for i in 0..steps as usize {
            let middle = ego.stamp.offset((i as f64 + 0.5) * step_s);
            let steering = history.command(middle.offset(-self.steering_delay_s)).tangent;
            let acceleration = history.command(middle.offset(-self.acceleration_delay_s)).acceleration_mps2;
            motion = self.after(&motion, steering, acceleration, step_s);
        }
        Some(motion)
    }

    fn after(&self, now: &Motion, tangent: f64, acceleration_mps2: f64, step_s: f64) -> Motion {
        let follow = |from: f64, to: f64, lag_s: f64| to + (from - to) * (-step_s / lag_s).exp();
        let acceleration = follow(now.acceleration_mps2, acceleration_mps2, ACCELERATION_LAG_S);
        let pulled = 0.5 * (now.acceleration_mps2 + acceleration) + self.push_mps2;
        let speed_mps = (now.speed_mps + step_s * pulled).max(now.speed_mps.min(0.0));
        let yaw_rate = follow(now.yaw_rate_radps, self.yaw_rate_radps(tangent, speed_mps), STEERING_LAG_S);
        let (speed, turn) = (0.5 * (now.speed_mps + speed_mps), 0.5 * step_s * (now.yaw_rate_radps + yaw_rate));
        let way = self.drift_rad(speed, turn / step_s) + 0.5 * turn;
        let [x, y] = now.pose.transform(step_s * speed * way.cos(), step_s * speed * way.sin());
        Motion {
            pose: Pose2 { x, y, yaw: now.pose.yaw + turn },
            speed_mps,
            acceleration_mps2: acceleration,
            yaw_rate_radps: yaw_rate,
        }
    }
}

/// Pose and motion of the rear axle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Motion {
    /// Pose in `odom`.
    pub pose: Pose2,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// Acceleration along the vehicle, m/s2.
    pub acceleration_mps2: f64,
    /// Rate of the heading, rad/s.
    pub yaw_rate_radps: f64,
}

impl Motion {
    fn new(ego: &EgoState) -> Self {
        Self {
            pose: ego.pose(),
            speed_mps: ego.speed_mps,
            acceleration_mps2: ego.acceleration_mps2.clamp(-10.0, 5.0),
            yaw_rate_radps: ego.yaw_rate_radps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Moment;
    use nalgebra::Isometry3;
    use types::PoseSource;

    fn ego(yaw_rate_radps: f64) -> EgoState {
        EgoState {
            stamp: Stamp::from_nanos(10_000_000_000),
            odom_from_base: Isometry3::identity(),
            speed_mps: 10.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps,
            source: PoseSource::Ins,
        }
    }

    #[test]
    fn a_steady_circle_goes_on_and_slips() {
        let model = Model::new(&Vehicle::default());
        let tangent = model.tangent(0.02, 10.0);
        let mut history = History::default();
        for i in 0..120 {
            history.add(Stamp::from_nanos(9_000_000_000 + i * 10_000_000), Moment { tangent, acceleration_mps2: 0.0 });
        }
        let then = model.predict(&ego(0.2), ego(0.2).stamp.offset(0.5), &history).unwrap();
        assert!((then.pose.yaw - 0.1).abs() < 1e-9 && (then.yaw_rate_radps - 0.2).abs() < 1e-9, "{then:?}");
        // 5 m along an arc that begins 2 m/s2 * 0.003 to the outside.
        let (chord, way) = (5.0 * 0.05f64.sin() / 0.05, 0.05f64 - 0.006);
        assert!((then.pose.y - chord * way.sin()).abs() < 1e-3, "{then:?}");
        assert!(model.predict(&ego(0.2), ego(0.2).stamp.offset(2.0), &history).is_none());
    }

    #[test]
    fn a_command_on_its_way_counts() {
        let model = Model { steering_delay_s: 0.2, acceleration_delay_s: 0.1, ..Model::new(&Vehicle::default()) };
        let mut history = History::default();
        history.add(Stamp::from_nanos(9_000_000_000), Moment::default());
        history.add(ego(0.0).stamp, Moment { tangent: 0.1, acceleration_mps2: -2.0 });
        let then = |seconds: f64| model.predict(&ego(0.0), ego(0.0).stamp.offset(seconds), &history).unwrap();
        assert_eq!((then(0.2).yaw_rate_radps, then(0.1).acceleration_mps2), (0.0, 0.0));
        assert!(then(0.5).yaw_rate_radps > 0.2 && then(0.5).speed_mps < 9.6);
    }
}
