//! Where a plan starts: the ego state, brought to the plan's stamp and clamped to what a plan can start from.

use crate::PlanInput;
use crate::lattice::Kept;
use maps::CartesianState;
use types::{Plan, Pose2, Stamp, Trajectory, TrajectoryPoint, Vehicle, wrap_angle};

/// An ego state older or newer than this is taken as it is, s.
const LONGEST_EXTRAPOLATION_S: f64 = 0.5;
/// The ego follows its plan if it is at most this far beside it (m), off its heading (rad) and speed (m/s), and from
/// the place of the time (m).
const NEAR_PLAN_M: f64 = 0.3;
const NEAR_PLAN_RAD: f64 = 0.1;
const NEAR_PLAN_MPS: f64 = 1.0;
const NEAR_TIME_M: f64 = 1.0;
/// Below this speed the yaw rate says nothing about the steering, m/s.
const SLOW_MPS: f64 = 1.0;

/// The state that the lattice starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// The ego, clamped.
    pub state: CartesianState,
}

impl Start {
    /// Its pose.
    #[must_use]
    pub fn pose(&self) -> Pose2 {
        Pose2 { x: self.state.x, y: self.state.y, yaw: self.state.heading_rad }
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
            self.trajectory.points.clear();
        }
        if let Some(kept) = &mut self.kept {
            kept.end_s -= self.since_s;
        }
    }
}

/// The start state, or `None` if the ego state is not finite.
///
/// The place along the path and the speed are measured. While the ego is near its last plan, the offset, heading and
/// curvature go on from that plan's path, and so does the acceleration: what differs is the controller's to correct,
/// and the actuators' delay and noise would hide what is already commanded. Else all is measured and clamped.
#[must_use]
pub fn start(input: &PlanInput<'_>, memory: &Memory, vehicle: &Vehicle) -> Option<Start> {
    let usable = |x: f64| x.abs() < 1e7;
    let near = input.stamp.seconds_since(input.ego.stamp).abs() <= LONGEST_EXTRAPOLATION_S;
    let ego = if near { input.ego.extrapolated(input.stamp) } else { *input.ego };
    let pose = ego.pose();
    if !ego.is_finite() || ![pose.x, pose.y, pose.yaw, ego.speed_mps].into_iter().all(usable) {
        return None;
    }
    let limits = &vehicle.limits;
    // The lattice drives forward: a car that rolls back is first brought to rest.
    let speed_mps = ego.speed_mps.clamp(0.0, 100.0);
    let measured = TrajectoryPoint {
        x: pose.x,
        y: pose.y,
        heading_rad: pose.yaw,
        curvature_1pm: if speed_mps > SLOW_MPS { ego.yaw_rate_radps / speed_mps } else { 0.0 },
        acceleration_mps2: ego.acceleration_mps2,
        ..Default::default()
    };
    let begin = planned(memory, &pose, speed_mps).unwrap_or(measured);
    let steering = vehicle.max_steering_rad.tan() / vehicle.wheelbase_m;
    let sharpest = steering.min(limits.lateral_acceleration_mps2 / (speed_mps * speed_mps).max(0.1));
    // Braking that would pass standstill before the jerk limit can release it cannot go on.
    let hardest = limits.deceleration_mps2.min(0.9 * (2.0 * limits.jerk_mps3 * speed_mps).sqrt());
    Some(Start {
        state: CartesianState {
            x: begin.x,
            y: begin.y,
            heading_rad: begin.heading_rad,
            curvature_1pm: begin.curvature_1pm.clamp(-0.95 * sharpest, 0.95 * sharpest),
            speed_mps,
            acceleration_mps2: begin.acceleration_mps2.clamp(-0.95 * hardest, 0.95 * limits.acceleration_mps2),
        },
    })
}

/// The last plan's path beside the ego with the acceleration of the time, if the ego is near that plan.
fn planned(memory: &Memory, pose: &Pose2, speed_mps: f64) -> Option<TrajectoryPoint> {
    let timed = memory.trajectory.at(memory.since_s)?;
    let beside = memory.trajectory.nearest(pose.x, pose.y)?;
    let follows = (beside.x - pose.x).hypot(beside.y - pose.y) < NEAR_PLAN_M
        && (timed.x - pose.x).hypot(timed.y - pose.y) < NEAR_TIME_M
        && (timed.speed_mps - speed_mps).abs() < NEAR_PLAN_MPS
        && wrap_angle(beside.heading_rad - pose.yaw).abs() < NEAR_PLAN_RAD;
    follows.then_some(TrajectoryPoint { acceleration_mps2: timed.acceleration_mps2, ..beside })
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
        start(&input, memory, &Vehicle::default())
    }

    #[test]
    fn a_wild_state_is_clamped_and_a_broken_one_refused() {
        let clamped = begin(&ego(0.0, 0.0, 10.0), &Memory::default()).unwrap().state;
        assert!(clamped.acceleration_mps2 >= -3.5 && clamped.curvature_1pm <= 0.03, "{clamped:?}");
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
        let off = begin(&near, &memory).unwrap().state;
        assert_eq!(off.y, 0.5);
        assert!(off.acceleration_mps2 < -3.0);
    }
}
