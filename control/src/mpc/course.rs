//! The plan's path by its length, from beside the vehicle on.

use types::{Pose2, Trajectory, TrajectoryPoint, wrap_angle};

/// Points nearer than this to the one before are the same place, m.
const SAME_M: f64 = 1e-3;

/// The path: where the vehicle is beside it, and its curvature ahead.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Length from the first point and curvature there.
    curvatures: Vec<(f64, f64)>,
    /// Times of the same points, s after the plan's stamp.
    times: Vec<f64>,
    /// Length of the path up to beside the vehicle, m.
    beside_m: f64,
    /// Offset of the vehicle from the path, m, positive to the left.
    pub offset_m: f64,
    /// Heading of the vehicle relative to the path, rad.
    pub angle_rad: f64,
}

impl Course {
    /// The course of a plan beside a pose. `None` if the plan has no point.
    #[must_use]
    pub fn new(trajectory: &Trajectory, pose: &Pose2) -> Option<Self> {
        let nearest = trajectory.nearest(pose.x, pose.y)?;
        let mut course = Self::default();
        let mut last: Option<(f64, &TrajectoryPoint)> = None;
        for point in &trajectory.points {
            let length_m = last.map_or(0.0, |(length, before)| length + distance(before, point));
            if last.is_none_or(|(before_m, _)| length_m > before_m + SAME_M) {
                course.curvatures.push((length_m, point.curvature_1pm));
                course.times.push(point.time_s);
                last = Some((length_m, point));
            }
        }
        course.beside_m = course.length_at(trajectory, nearest.time_s);
        let (sin, cos) = nearest.heading_rad.sin_cos();
        course.offset_m = cos * (pose.y - nearest.y) - sin * (pose.x - nearest.x);
        course.angle_rad = wrap_angle(pose.yaw - nearest.heading_rad);
        // Beyond an end the path goes on straight.
        let along = cos * (pose.x - nearest.x) + sin * (pose.y - nearest.y);
        course.beside_m += along;
        Some(course)
    }

    /// Curvature of the path so many metres ahead of the vehicle, 1/m; none beyond its ends.
    #[must_use]
    pub fn curvature_1pm(&self, ahead_m: f64) -> f64 {
        let at_m = self.beside_m + ahead_m;
        let next = self.curvatures.partition_point(|(length, _)| *length <= at_m);
        match (next.checked_sub(1).and_then(|i| self.curvatures.get(i)), self.curvatures.get(next)) {
            (Some((from, a)), Some((to, b))) => a + (b - a) * (at_m - from) / (to - from),
            _ => 0.0,
        }
    }

    /// How far ahead of the vehicle, along the path, the plan is at a time, m.
    #[must_use]
    pub fn ahead_m(&self, trajectory: &Trajectory, time_s: f64) -> f64 {
        self.length_at(trajectory, time_s) - self.beside_m
    }

    /// Length of the path up to a time of the plan, m.
    fn length_at(&self, trajectory: &Trajectory, time_s: f64) -> f64 {
        let before = self.times.partition_point(|time| *time <= time_s).saturating_sub(1);
        let (Some(time), Some((length_m, _))) = (self.times.get(before), self.curvatures.get(before)) else {
            return 0.0;
        };
        let rest = match (trajectory.at(*time), trajectory.at(time_s)) {
            (Some(from), Some(to)) => distance(&from, &to),
            _ => 0.0,
        };
        length_m + rest
    }
}

fn distance(a: &TrajectoryPoint, b: &TrajectoryPoint) -> f64 {
    (b.x - a.x).hypot(b.y - a.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 5 m/s along x for two seconds, then rest; the curvature rises.
    fn plan() -> Trajectory {
        let point = |i: usize| TrajectoryPoint {
            time_s: 0.1 * i as f64,
            x: 0.5 * i.min(20) as f64,
            curvature_1pm: 0.001 * i.min(20) as f64,
            speed_mps: if i < 20 { 5.0 } else { 0.0 },
            ..Default::default()
        };
        Trajectory { points: (0..30).map(point).collect(), tail_start: 10 }
    }

    #[test]
    fn it_is_measured_from_beside_the_vehicle() {
        let course = Course::new(&plan(), &Pose2 { x: 4.2, y: -0.3, yaw: 0.1 }).unwrap();
        assert!((course.offset_m + 0.3).abs() < 1e-12 && (course.angle_rad - 0.1).abs() < 1e-12);
        assert!((course.curvature_1pm(1.0) - 0.001 * 10.4).abs() < 1e-12);
        assert!((course.ahead_m(&plan(), 1.0) - 0.8).abs() < 1e-12);
        assert!((course.ahead_m(&plan(), 9.0) - 5.8).abs() < 1e-12);
        assert_eq!(course.curvature_1pm(6.0), 0.0);
    }

    #[test]
    fn beyond_the_end_the_plan_is_behind() {
        let course = Course::new(&plan(), &Pose2 { x: 10.4, y: 0.0, yaw: 0.0 }).unwrap();
        assert!((course.ahead_m(&plan(), 2.5) + 0.4).abs() < 1e-12);
        assert!(Course::new(&Trajectory::default(), &Pose2::default()).is_none());
    }
}
