//! Where a plan starts: the ego when the plan takes effect, clamped to what a plan can start from.
//!
//! What happens until then is fixed: the actuators still carry out earlier commands, and control goes on with the last
//! plan until this one is there. So a plan begins with that piece of the last one, and what it may choose comes after it
//! (stitching). Without a plan that the ego follows, the piece is the measured motion, carried on.

use crate::PlanInput;
use crate::config::Config;
use crate::lattice::Kept;
use crate::tail::POINT_STEP_S;
use maps::CartesianState;
use types::{Plan, Pose2, Stamp, Trajectory, TrajectoryPoint, Vehicle, wrap_angle};

/// An ego state older or newer than this is taken as it is, s.
const LONGEST_EXTRAPOLATION_S: f64 = 0.5;
/// Latency and delay of the actuators count up to this sum, s.
const LONGEST_LEAD_S: f64 = 0.7;
/// Points of the fixed piece at most.
const MOST_POINTS: usize = 8;
/// The ego follows its plan if it is at most this far beside it (m), off its heading (rad) and speed (m/s), and from
/// the place of the time (m).
const NEAR_PLAN_M: f64 = 0.7;
const NEAR_PLAN_RAD: f64 = 0.15;
const NEAR_PLAN_MPS: f64 = 1.5;
const NEAR_TIME_M: f64 = 2.0;
/// Smaller differences from the plan are the controller's to correct, m and m/s; what is beyond them moves the plan.
const SLACK_M: f64 = 0.3;
const SLACK_MPS: f64 = 0.4;
/// Below this speed the yaw rate says nothing about the steering, m/s.
const SLOW_MPS: f64 = 1.0;

/// The state that the lattice starts from, and the fixed piece before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Start {
    /// The ego when the plan takes effect, clamped.
    pub state: CartesianState,
    /// When that is, in seconds after the plan's stamp.
    pub lead_s: f64,
    /// The ego at the plan's stamp.
    pub now: Pose2,
    /// It is as the sensors say, not as the last plan says.
    pub is_measured: bool,
    points: [TrajectoryPoint; MOST_POINTS],
    count: usize,
}

impl Start {
    /// Its pose.
    #[must_use]
    pub fn pose(&self) -> Pose2 {
        Pose2 { x: self.state.x, y: self.state.y, yaw: self.state.heading_rad }
    }

    /// A plan that takes effect at once.
    #[must_use]
    pub fn at_once(state: CartesianState) -> Self {
        let now = Pose2 { x: state.x, y: state.y, yaw: state.heading_rad };
        Self { state, now, ..Self::default() }
    }

    /// What is fixed, from the plan's stamp to before the start.
    #[must_use]
    pub fn fixed(&self) -> &[TrajectoryPoint] {
        &self.points[..self.count]
    }

    /// Puts the fixed piece before a trajectory that begins at the start.
    pub fn prepend(&self, trajectory: &mut Trajectory) {
        if self.count == 0 {
            return;
        }
        trajectory.points.iter_mut().for_each(|point| point.time_s += self.lead_s);
        trajectory.points.splice(0..0, self.fixed().iter().copied());
        trajectory.tail_start += self.count;
    }
}

/// What the planner remembers from cycle to cycle.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Stamp of the last plan.
    pub stamp: Stamp,
    /// The last trajectory; empty before the first plan.
    pub trajectory: Trajectory,
    /// The last choice, if it was one of the lattice.
    pub kept: Option<Kept>,
    /// Seconds from the last plan to the present one.
    pub since_s: f64,
    /// Last foot point on the line, m.
    pub s_m: Option<f64>,
    /// Which of the lines that was, if there were several.
    pub line: usize,
    /// For how long it has been that one, s.
    pub same_line_s: f64,
    /// For how long the car has stood without a rule or a queue as a reason, s.
    pub stuck_s: f64,
}

/// A plan older than this is no longer followed, s.
const LONGEST_MEMORY_S: f64 = 1.0;

impl Memory {
    /// Keeps what the next cycle needs and hands the plan on.
    pub fn remember(&mut self, plan: Plan, kept: Option<Kept>) -> Plan {
        self.stamp = plan.stamp;
        self.trajectory.points.clone_from(&plan.trajectory.points);
        self.trajectory.tail_start = plan.trajectory.tail_start;
        self.kept = kept;
        plan
    }

    /// Moves on to a stamp: the last choice then ends that much sooner, and is forgotten when it is old.
    pub fn advance(&mut self, stamp: Stamp) {
        self.since_s = stamp.seconds_since(self.stamp);
        if !(0.0..=LONGEST_MEMORY_S).contains(&self.since_s) {
            self.kept = None;
            self.stuck_s = 0.0;
            self.trajectory.points.clear();
        }
        if let Some(kept) = &mut self.kept {
            kept.end_s -= self.since_s;
        }
    }
}

/// The start, or `None` if the ego state is not finite.
///
/// The place along the path is measured. While the ego is near its last plan, offset, heading, curvature, speed and
/// acceleration go on from that plan, moved only by what the differences exceed the slack left to the controller: noise
/// of the sensors and the actuators' lag are no reason for another plan. Else all is measured and clamped.
#[must_use]
pub fn start(input: &PlanInput<'_>, memory: &Memory, config: &Config, vehicle: &Vehicle) -> Option<Start> {
    let usable = |x: f64| x.abs() < 1e7;
    let near = input.stamp.seconds_since(input.ego.stamp).abs() <= LONGEST_EXTRAPOLATION_S;
    let ego = if near { input.ego.extrapolated(input.stamp) } else { *input.ego };
    let pose = ego.pose();
    if !ego.is_finite() || ![pose.x, pose.y, pose.yaw, ego.speed_mps].into_iter().all(usable) {
        return None;
    }
    // The lattice drives forward: a car that rolls back is first brought to rest.
    let speed_mps = ego.speed_mps.clamp(0.0, 100.0);
    let followed = Followed::new(memory, &pose, speed_mps);
    let measured = Measured::new(&pose, speed_mps, ego.acceleration_mps2, ego.yaw_rate_radps, vehicle);
    let after = |t: f64| followed.as_ref().map_or_else(|| measured.at(t), |followed| followed.at(t));
    let lead_s = (config.latency_s + vehicle.actuator_delay_s).clamp(0.0, LONGEST_LEAD_S);
    let mut start = Start { lead_s, now: pose, is_measured: followed.is_none(), ..Start::default() };
    while start.count < MOST_POINTS && start.count as f64 * POINT_STEP_S < lead_s - 1e-6 {
        start.points[start.count] = after(start.count as f64 * POINT_STEP_S);
        start.count += 1;
    }
    start.state = clamped(&after(lead_s), vehicle);
    Some(start)
}

fn clamped(begin: &TrajectoryPoint, vehicle: &Vehicle) -> CartesianState {
    let (limits, speed_mps) = (&vehicle.limits, begin.speed_mps);
    let steering = vehicle.max_steering_rad.tan() / vehicle.wheelbase_m;
    let sharpest = steering.min(limits.lateral_acceleration_mps2 / (speed_mps * speed_mps).max(0.1));
    // Braking that would pass standstill before the jerk limit can release it cannot go on.
    let hardest = limits.emergency_deceleration_mps2.min(0.9 * (2.0 * limits.jerk_mps3 * speed_mps).sqrt());
    CartesianState {
        x: begin.x,
        y: begin.y,
        heading_rad: begin.heading_rad,
        curvature_1pm: begin.curvature_1pm.clamp(-0.95 * sharpest, 0.95 * sharpest),
        speed_mps,
        acceleration_mps2: begin.acceleration_mps2.clamp(-0.95 * hardest, 0.95 * limits.acceleration_mps2),
    }
}

/// The measured motion, carried on with its acceleration and curvature.
struct Measured {
    pose: Pose2,
    speed_mps: f64,
    acceleration_mps2: f64,
    curvature_1pm: f64,
}

impl Measured {
    fn new(pose: &Pose2, speed_mps: f64, acceleration_mps2: f64, yaw_rate_radps: f64, vehicle: &Vehicle) -> Self {
        let limits = &vehicle.limits;
        let curvature = if speed_mps > SLOW_MPS { yaw_rate_radps / speed_mps } else { 0.0 };
        let steering = vehicle.max_steering_rad.tan() / vehicle.wheelbase_m;
        let sharpest = steering.min(limits.lateral_acceleration_mps2 / (speed_mps * speed_mps).max(0.1));
        Self {
            pose: *pose,
            speed_mps,
            acceleration_mps2: acceleration_mps2.clamp(-limits.deceleration_mps2, limits.acceleration_mps2),
            // Half of it: a turn rate that is measured once may be noise.
            curvature_1pm: 0.5 * curvature.clamp(-sharpest, sharpest),
        }
    }

    fn at(&self, time_s: f64) -> TrajectoryPoint {
        let (v, a) = (self.speed_mps, self.acceleration_mps2);
        let t = if a < 0.0 { time_s.min(v / -a) } else { time_s };
        let way = t * (v + 0.5 * a * t);
        let half = 0.5 * self.curvature_1pm * way;
        let [x, y] = self.pose.transform(way * half.cos(), way * half.sin());
        let speed_mps = (v + a * t).max(0.0);
        TrajectoryPoint {
            time_s,
            x,
            y,
            heading_rad: wrap_angle(self.pose.yaw + 2.0 * half),
            curvature_1pm: self.curvature_1pm,
            speed_mps,
            acceleration_mps2: if speed_mps > 0.0 { a } else { 0.0 },
        }
    }
}

/// The last plan, which the ego follows.
struct Followed<'a> {
    trajectory: &'a Trajectory,
    since_s: f64,
    /// Length of the path from its begin to beside the ego and to the place of the time, m.
    beside_m: f64,
    timed_m: f64,
    faster_mps: f64,
    shift: [f64; 2],
}

impl<'a> Followed<'a> {
    fn new(memory: &'a Memory, pose: &Pose2, speed_mps: f64) -> Option<Self> {
        let trajectory = &memory.trajectory;
        let timed = trajectory.at(memory.since_s)?;
        let beside = trajectory.nearest(pose.x, pose.y)?;
        let follows = (beside.x - pose.x).hypot(beside.y - pose.y) < NEAR_PLAN_M
            && (timed.x - pose.x).hypot(timed.y - pose.y) < NEAR_TIME_M
            && (timed.speed_mps - speed_mps).abs() < NEAR_PLAN_MPS
            && wrap_angle(beside.heading_rad - pose.yaw).abs() < NEAR_PLAN_RAD;
        let beyond = |value: f64, slack: f64| value - value.clamp(-slack, slack);
        let (sin, cos) = beside.heading_rad.sin_cos();
        let offset = beyond(cos * (pose.y - beside.y) - sin * (pose.x - beside.x), SLACK_M);
        follows.then(|| Self {
            trajectory,
            since_s: memory.since_s,
            beside_m: length_until(trajectory, beside.time_s),
            timed_m: length_until(trajectory, memory.since_s),
            faster_mps: beyond(speed_mps - timed.speed_mps, SLACK_MPS),
            shift: [-sin * offset, cos * offset],
        })
    }

    fn at(&self, time_s: f64) -> TrajectoryPoint {
        let then = self.since_s + time_s;
        let timed = self.trajectory.at(then).unwrap_or_default();
        let travelled = length_until(self.trajectory, then) - self.timed_m + self.faster_mps * time_s;
        let place = place_at(self.trajectory, self.beside_m + travelled);
        TrajectoryPoint {
            time_s,
            x: place.x + self.shift[0],
            y: place.y + self.shift[1],
            speed_mps: (timed.speed_mps + self.faster_mps).max(0.0),
            acceleration_mps2: timed.acceleration_mps2,
            ..place
        }
    }
}

fn step_m(pair: &[TrajectoryPoint]) -> f64 {
    (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y)
}

/// Length of the path up to a time, m.
fn length_until(trajectory: &Trajectory, time_s: f64) -> f64 {
    let mut length = 0.0;
    for pair in trajectory.points.windows(2) {
        let share = (time_s - pair[0].time_s) / (pair[1].time_s - pair[0].time_s);
        if share <= 0.0 {
            break;
        }
        length += step_m(pair) * share.min(1.0);
    }
    length
}

/// The point of the path after a length, held at both ends.
fn place_at(trajectory: &Trajectory, length_m: f64) -> TrajectoryPoint {
    let mut left = length_m.max(0.0);
    for pair in trajectory.points.windows(2) {
        let step = step_m(pair);
        if step > 1e-6 && left <= step {
            return trajectory.at(pair[0].time_s + left / step * (pair[1].time_s - pair[0].time_s)).unwrap_or_default();
        }
        left -= step;
    }
    trajectory.points.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Isometry3, Vector3};
    use types::{EgoState, PoseSource, Tracks};

    fn ego(x: f64, y: f64, speed_mps: f64) -> EgoState {
        EgoState {
            stamp: Stamp::from_nanos(1_000_000_000),
            odom_from_base: Isometry3::translation(x, y, 0.0),
            speed_mps,
            acceleration_mps2: -30.0,
            yaw_rate_radps: 3.0,
            source: PoseSource::Ins,
        }
    }

    fn begin(ego: &EgoState, memory: &Memory) -> Option<Start> {
        let stamp = Stamp::from_nanos(1_100_000_000);
        let input = PlanInput { frame: 0, stamp, ego, tracks: &Tracks::default(), route: None, signals: None };
        let config = Config { latency_s: 0.0, ..Config::default() };
        start(&input, memory, &config, &Vehicle { actuator_delay_s: 0.0, ..Vehicle::default() })
    }

    #[test]
    fn a_wild_state_is_clamped_and_a_broken_one_refused() {
        let clamped = begin(&ego(0.0, 0.0, 10.0), &Memory::default()).unwrap().state;
        assert!(clamped.acceleration_mps2 >= -7.0 && clamped.curvature_1pm <= 0.03, "{clamped:?}");
        assert_eq!(begin(&ego(0.0, 0.0, -4.0), &Memory::default()).unwrap().state.speed_mps, 0.0);
        assert!(begin(&ego(0.0, 0.0, f64::NAN), &Memory::default()).is_none());
        let mut far = ego(0.0, 0.0, 1.0);
        far.odom_from_base.translation.vector = Vector3::new(1e300, 0.0, 0.0);
        assert!(begin(&far, &Memory::default()).is_none());
    }

    #[test]
    fn a_followed_plan_goes_on_and_a_left_one_does_not() {
        let point = |i: u32| TrajectoryPoint {
            time_s: 0.1 * f64::from(i),
            x: f64::from(i),
            speed_mps: 10.0,
            acceleration_mps2: 0.5,
            ..Default::default()
        };
        let trajectory = Trajectory { points: (0..30).map(point).collect(), tail_start: 29 };
        let memory = Memory { trajectory, since_s: 0.1, ..Memory::default() };
        let mut near = ego(0.0, 0.1, 10.0);
        near.yaw_rate_radps = 0.0;
        let on = begin(&near, &memory).unwrap().state;
        assert_eq!((on.y, on.acceleration_mps2), (0.0, 0.5));
        assert!((on.x - 1.0).abs() < 1e-6);
        near.odom_from_base.translation.y = 0.5;
        let moved = begin(&near, &memory).unwrap().state;
        assert!((moved.y - 0.2).abs() < 1e-9, "{moved:?}");
        near.odom_from_base.translation.y = 0.9;
        let off = begin(&near, &memory).unwrap().state;
        assert_eq!(off.y, 0.9);
        assert!(off.acceleration_mps2 < -3.0);
    }
}
