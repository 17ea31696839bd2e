//! The scripted driver of the ego: steers along its route.

use crate::plant::EgoMotion;
use types::{Route, Vehicle, wrap_angle};

/// The middle of the route and where on it the ego was last.
#[derive(Clone, Debug)]
pub struct Pursuit {
    line: Option<maps::Polyline>,
    near_m: f64,
}

impl Pursuit {
    /// Follows a route from its beginning.
    pub fn new(route: &Route) -> Self {
        let points: Vec<[f64; 2]> = route.points.iter().map(|point| [point.pose.x, point.pose.y]).collect();
        let mut pursuit = Self { line: maps::Polyline::new(&points), near_m: 0.0 };
        if let Some(line) = &pursuit.line {
            pursuit.near_m = line.project(0.0, 0.0).s_m;
        }
        pursuit
    }

    /// Where along the route the rear axle is and how far to the left of it, m.
    pub fn place(&mut self, motion: &EgoMotion) -> (f64, f64) {
        let Some(line) = &self.line else { return (0.0, 0.0) };
        let foot = line.project_within(motion.pose.x, motion.pose.y, self.near_m - 5.0, self.near_m + 10.0);
        self.near_m = foot.s_m;
        (foot.s_m, foot.d_m)
    }

    /// The steering angle: the route's own curvature where the command will act, and feedback of offset and angle.
    pub fn steering_rad(&mut self, motion: &EgoMotion, vehicle: &Vehicle) -> f64 {
        let (s, d) = self.place(motion);
        let Some(line) = &self.line else { return 0.0 };
        // What is asked now acts a little later.
        let ahead = s + 0.18 * motion.speed_mps;
        let curvature = mean_curvature(line, ahead, 1.0 + 0.15 * motion.speed_mps);
        let offset_later = d + 0.18 * motion.speed_mps * wrap_angle(motion.pose.yaw - line.pose(s).yaw).sin();
        let angle = wrap_angle(motion.pose.yaw + 0.18 * motion.yaw_rate_radps - line.pose(ahead).yaw);
        let length = 3.0 + 0.75 * motion.speed_mps;
        let wanted = curvature - offset_later / (length * length) - 2.0 / length * angle;
        // The slip of the tyres takes more steering at speed.
        let slip = 1.0 + 0.0018 * motion.speed_mps * motion.speed_mps;
        (wanted * slip * vehicle.wheelbase_m).atan()
    }
}

/// Mean curvature of a line around a place: points lie 2 m apart.
fn mean_curvature(line: &maps::Polyline, s: f64, half: f64) -> f64 {
    let half = half.max(1.0);
    wrap_angle(line.pose(s + half).yaw - line.pose(s - half).yaw) / (2.0 * half)
}
