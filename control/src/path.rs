//! The plan as a path and as a function of time.

use types::{Pose2, Trajectory, TrajectoryPoint, wrap_angle};

/// Steering gear and tyres follow the command with about this lag, on top of the actuators' delay, s.
const LAG_S: f64 = 0.1;

/// Where the vehicle should be, and how far it is from that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Goal {
    /// The plan's point of the time: for the speed.
    pub timed: TrajectoryPoint,
    /// The path's nearest point: for the steering.
    pub nearest: TrajectoryPoint,
    /// Curvature of the path the steering's lag after the nearest point, 1/m.
    pub curvature_1pm: f64,
    /// Offset of the vehicle from the path, m, positive to the left.
    pub offset_m: f64,
    /// Heading of the vehicle relative to the path, rad.
    pub angle_rad: f64,
}

/// Looks up the plan at a time and at the place nearest to a pose. The path goes on straight at its ends.
///
/// An empty trajectory gives the pose itself at rest.
#[must_use]
pub fn goal(trajectory: &Trajectory, time_s: f64, pose: &Pose2) -> Goal {
    let rest = TrajectoryPoint { x: pose.x, y: pose.y, heading_rad: pose.yaw, ..Default::default() };
    let Some(timed) = trajectory.at(time_s) else { return Goal { timed: rest, nearest: rest, ..Default::default() } };
    let nearest = trajectory.nearest(pose.x, pose.y).unwrap_or(timed);
    let (sin, cos) = nearest.heading_rad.sin_cos();
    Goal {
        timed,
        nearest,
        curvature_1pm: trajectory.at(nearest.time_s + LAG_S).unwrap_or(nearest).curvature_1pm,
        offset_m: cos * (pose.y - nearest.y) - sin * (pose.x - nearest.x),
        angle_rad: wrap_angle(pose.yaw - nearest.heading_rad),
    }
}

/// The planned speed at a time, m/s; before the first point as if its acceleration had been constant.
#[must_use]
pub fn speed_at(trajectory: &Trajectory, time_s: f64) -> f64 {
    let point = trajectory.at(time_s).unwrap_or_default();
    (point.speed_mps + point.acceleration_mps2 * (time_s - point.time_s).min(0.0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Trajectory {
        let point = |i: usize| TrajectoryPoint {
            time_s: 0.1 * i as f64,
            x: 0.5 * i as f64,
            speed_mps: 5.0,
            acceleration_mps2: if i == 0 { 1.0 } else { 0.0 },
            ..Default::default()
        };
        Trajectory { points: (0..20).map(point).collect(), tail_start: 19 }
    }

    #[test]
    fn errors_have_signs() {
        let goal = goal(&line(), 1.0, &Pose2 { x: 4.2, y: 0.3, yaw: -0.1 });
        assert!((goal.offset_m - 0.3).abs() < 1e-12 && (goal.angle_rad + 0.1).abs() < 1e-12);
        assert!((goal.timed.x - 5.0).abs() < 1e-12 && (goal.nearest.x - 4.2).abs() < 1e-12);
        assert!((speed_at(&line(), -0.5) - 4.5).abs() < 1e-12 && (speed_at(&line(), 1.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn ends_go_on_straight_and_nothing_is_rest() {
        let beyond = goal(&line(), 9.0, &Pose2 { x: 30.0, y: -1.0, yaw: 0.0 });
        assert!((beyond.offset_m + 1.0).abs() < 1e-12);
        let empty = goal(&Trajectory::default(), 0.0, &Pose2 { x: 1.0, y: 2.0, yaw: 0.5 });
        assert_eq!((empty.offset_m, empty.timed.speed_mps, empty.timed.x), (0.0, 0.0, 1.0));
    }
}
