//! How far a plan is from the way that the car then took.

use types::{EgoState, Trajectory};

/// A plan is compared with so much of the recorded way, s.
pub const REACH_S: f64 = 3.0;
/// Where on the clock places are compared, s.
pub const PLACE_S: f64 = 2.0;

/// What is known so far of one plan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deviation {
    /// Largest distance of the recorded positions from the planned path, across it, m.
    pub path_m: Option<f64>,
    /// Distance between the planned and the recorded position two seconds later, m.
    pub place_m: Option<f64>,
    last: Option<(f64, f64)>,
}

impl Deviation {
    /// Looks at the car `time_s` after the plan's stamp.
    pub fn see(&mut self, plan: &Trajectory, ego: &EgoState, time_s: f64) {
        let here = ego.pose();
        if time_s <= 0.0 || time_s > REACH_S {
            return;
        }
        if let (Some(near), Some(end)) = (plan.nearest(here.x, here.y), plan.points.last()) {
            let (dx, dy) = (here.x - near.x, here.y - near.y);
            let (sin, cos) = near.heading_rad.sin_cos();
            // A plan that stops says nothing of the way behind its end.
            let is_beyond = near.time_s >= end.time_s && cos * dx + sin * dy > 0.5;
            if !is_beyond {
                let across = (cos * dy - sin * dx).abs();
                self.path_m = Some(self.path_m.map_or(across, |most: f64| most.max(across)));
            }
        }
        let Some(point) = plan.at(time_s) else { return };
        let apart = (here.x - point.x).hypot(here.y - point.y);
        match self.last {
            Some((before_s, before)) if before_s < PLACE_S && time_s >= PLACE_S => {
                let share = (PLACE_S - before_s) / (time_s - before_s);
                self.place_m = Some(before + share * (apart - before));
            }
            _ => {}
        }
        self.last = Some((time_s, apart));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::tests::{ego, straight_plan};

    #[test]
    fn beside_and_behind_the_plan() {
        let (plan, mut deviation) = (straight_plan(10.0), Deviation::default());
        for step in 1..=30 {
            let time_s = 0.1 * f64::from(step);
            let mut there = ego(8.0 * time_s, 8.0);
            there.odom_from_base.translation.vector.y = 0.25;
            deviation.see(&plan, &there, time_s);
        }
        assert!((deviation.path_m.unwrap() - 0.25).abs() < 1e-9, "{deviation:?}");
        assert!((deviation.place_m.unwrap() - 4.0_f64.hypot(0.25)).abs() < 1e-6, "{deviation:?}");
    }

    #[test]
    fn the_way_behind_the_end_of_a_plan_does_not_count() {
        let mut plan = straight_plan(10.0);
        plan.points.truncate(5);
        let mut deviation = Deviation::default();
        let mut there = ego(25.0, 10.0);
        there.odom_from_base.translation.vector.y = 9.0;
        deviation.see(&plan, &there, 2.5);
        assert_eq!(deviation.path_m, None);
    }
}
