//! Who drives: our controllers, and two of the literature with the same prediction, speed control and gate.

use control::gate::{Gate, Request};
use control::longitudinal::Longitudinal;
use control::predict::Predictor;
use control::{Config, ControlInput, Controller, Kind, path};
use types::{EgoState, Fallback, Plan, Pose2, Stamp, Vehicle, wrap_angle};

/// Look-ahead of pure pursuit: seconds of the present speed, and m at least. Of 0.6, 0.8, 1.0 and 1.3 s it is the shortest that
/// stays stable in every car of the table; longer ones cut more of each curve.
const LOOK_AHEAD_S: f64 = 0.8;
const LOOK_AHEAD_M: f64 = 3.5;
/// Gain of Stanley, 1/s, and the speed that softens it, m/s. Of 0.8, 1.1, 1.5 and 2.5 the last two swing up in a car whose
/// steering is late.
const STANLEY_PER_S: f64 = 0.8;
const STANLEY_MPS: f64 = 1.0;

/// The contestants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Model-predictive control.
    Predictive,
    /// Our simple controller, which is the fallback.
    Simple,
    /// Pure pursuit (Coulter, 1992).
    PurePursuit,
    /// Stanley (Hoffmann et al., 2007).
    Stanley,
}

impl Who {
    pub const ALL: [Self; 4] = [Self::Predictive, Self::Simple, Self::PurePursuit, Self::Stanley];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Predictive => "predictive (MPC)",
            Self::Simple => "simple (fallback)",
            Self::PurePursuit => "pure pursuit",
            Self::Stanley => "Stanley",
        }
    }
}

/// A contestant at the wheel.
pub enum Driver {
    Ours(Box<Controller>),
    Theirs(Box<Rival>),
}

impl Driver {
    pub fn new(who: Who, vehicle: Vehicle) -> Self {
        let ours = |kind| Self::Ours(Box::new(Controller::new(Config { kind, ..Config::default() }, vehicle)));
        match who {
            Who::Predictive => ours(Kind::Predictive),
            Who::Simple => ours(Kind::Pursuit),
            Who::PurePursuit | Who::Stanley => Self::Theirs(Box::new(Rival {
                who,
                vehicle,
                predictor: Predictor::default(),
                longitudinal: Longitudinal::default(),
                gate: Gate::new(vehicle),
            })),
        }
    }

    /// Steering angle, acceleration, and why the simple controller gave them.
    pub fn step(&mut self, tick: u64, stamp: Stamp, plan: &Plan, ego: &EgoState) -> (f64, f64, Option<Fallback>) {
        match self {
            Self::Ours(controller) => {
                let input =
                    ControlInput { tick, stamp, plan: Some(plan), ego: Some((tick, ego)), stop: None, grant: None };
                let command = controller.step(&input);
                (command.steering_rad, command.acceleration_mps2, command.fallback)
            }
            Self::Theirs(rival) => rival.step(stamp, plan, ego),
        }
    }
}

/// A steering law of the literature in place of ours.
pub struct Rival {
    who: Who,
    vehicle: Vehicle,
    predictor: Predictor,
    longitudinal: Longitudinal,
    gate: Gate,
}

impl Rival {
    fn step(&mut self, stamp: Stamp, plan: &Plan, ego: &EgoState) -> (f64, f64, Option<Fallback>) {
        let (vehicle, trajectory) = (&self.vehicle, &plan.trajectory);
        let seconds = self.gate.seconds_until(stamp);
        let acts = stamp.offset(vehicle.actuator_delay_s);
        let then = self.predictor.predict(ego, acts, vehicle);
        let goal = path::goal(trajectory, acts.seconds_since(plan.stamp), &then.pose());
        let planned = path::speed_at(trajectory, ego.stamp.seconds_since(plan.stamp));
        let acceleration_mps2 = self.longitudinal.follow(&goal.timed, ego, planned - ego.speed_mps, seconds, vehicle);
        let steering_rad = if then.speed_mps < 0.1 {
            self.gate.steering_rad()
        } else if self.who == Who::PurePursuit {
            self.pure_pursuit(plan, &then)
        } else {
            self.stanley(plan, &then)
        };
        let request = Request { steering_rad, acceleration_mps2, stop: false, emergency: false };
        let passed = self.gate.pass(&request, Some(ego.speed_mps), stamp);
        self.predictor.add(stamp, passed.steering_rad);
        (passed.steering_rad, passed.acceleration_mps2, None)
    }

    /// The circle through the point of the path at the look-ahead distance.
    fn pure_pursuit(&self, plan: &Plan, then: &EgoState) -> f64 {
        let (pose, points) = (then.pose(), &plan.trajectory.points);
        let length_m = (LOOK_AHEAD_S * then.speed_mps).max(LOOK_AHEAD_M);
        let nearest_s = plan.trajectory.nearest(pose.x, pose.y).map_or(0.0, |p| p.time_s);
        let ahead = points.iter().find(|p| p.time_s > nearest_s && (p.x - pose.x).hypot(p.y - pose.y) > length_m);
        let target = match ahead {
            // Between this point and the one before it.
            Some(after) => {
                let share = |t: f64| plan.trajectory.at(t).map_or(0.0, |p| (p.x - pose.x).hypot(p.y - pose.y));
                let (mut low, mut high) = ((after.time_s - 0.1).max(nearest_s), after.time_s);
                for _ in 0..20 {
                    let middle = 0.5 * (low + high);
                    if share(middle) < length_m { low = middle } else { high = middle }
                }
                plan.trajectory.at(high).map(|p| [p.x, p.y])
            }
            None => points.last().map(|p| {
                let (sin, cos) = p.heading_rad.sin_cos();
                [p.x + length_m * cos, p.y + length_m * sin]
            }),
        };
        let Some([x, y]) = target else { return self.gate.steering_rad() };
        let (dx, dy) = (x - pose.x, y - pose.y);
        let angle = wrap_angle(dy.atan2(dx) - pose.yaw);
        (2.0 * self.vehicle.wheelbase_m * angle.sin() / dx.hypot(dy)).atan()
    }

    /// The angle to the path's direction at the front axle, and the offset of that axle.
    fn stanley(&self, plan: &Plan, then: &EgoState) -> f64 {
        let pose = then.pose();
        let [x, y] = pose.transform(self.vehicle.wheelbase_m, 0.0);
        let goal = path::goal(&plan.trajectory, 0.0, &Pose2 { x, y, yaw: pose.yaw });
        -goal.angle_rad - (STANLEY_PER_S * goal.offset_m / (STANLEY_MPS + then.speed_mps)).atan()
    }
}
