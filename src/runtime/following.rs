//! How well the car follows its plans: where it says it is, beside the plan that its commands followed then.

use super::frame::Frame;
use super::ticker::TURN_S;
use std::collections::VecDeque;
use std::sync::Arc;
use types::Plan;

/// A plan is followed from the turn of the lidar on, and the usual latency, s.
const FOLLOWED_FROM_S: f64 = TURN_S + 0.05;
/// Plans older than this are followed no more, s.
const FOLLOWED_UNTIL_S: f64 = 0.5;
/// Slower cars are not asked for their offset, m/s.
const MOVING_MPS: f64 = 0.3;

/// Sizes of errors, counted in steps; the last counts all beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    counts: Vec<u64>,
    step_micros: u64,
}

impl Sizes {
    /// Errors from 0 to 1000 steps.
    fn new(step_micros: u64) -> Self {
        Self { counts: vec![0; 1001], step_micros }
    }

    fn add(&mut self, error: f64) {
        let step = (1e6 * error.abs() / self.step_micros as f64).ceil();
        let place = if step.is_finite() { (step as usize).min(self.counts.len() - 1) } else { self.counts.len() - 1 };
        self.counts[place] += 1;
    }

    /// Adds those of another run.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
    }

    /// The size that a share of all does not exceed, to one step above. `None` if there is none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.counts.iter().sum();
        let rank = ((share * all as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        (all > 0).then(|| 1e-6 * (place as u64 * self.step_micros) as f64)
    }
}

/// Offsets from the plan's path and differences from its speed, frame by frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Following {
    plans: VecDeque<Arc<Plan>>,
    /// Offset from the path, m, while the car moves.
    pub lateral: Sizes,
    /// Difference from the speed planned for the instant, m/s.
    pub speed: Sizes,
}

impl Default for Following {
    fn default() -> Self {
        Self { plans: VecDeque::new(), lateral: Sizes::new(2_000), speed: Sizes::new(5_000) }
    }
}

impl Following {
    /// Counts a frame's ego state and remembers its plan.
    pub fn count(&mut self, frame: &Frame) {
        if let Some(ego) = &frame.ego {
            // The newest plan that the commands of this instant could know.
            while self.plans.get(1).is_some_and(|next| ego.stamp.seconds_since(next.stamp) >= FOLLOWED_FROM_S - 1e-6) {
                self.plans.pop_front();
            }
            let age = |plan: &Arc<Plan>| ego.stamp.seconds_since(plan.stamp);
            let followed = (FOLLOWED_FROM_S - 1e-6)..FOLLOWED_UNTIL_S;
            if let Some(plan) = self.plans.front().filter(|plan| followed.contains(&age(plan))) {
                let (pose, trajectory) = (ego.pose(), &plan.trajectory);
                if let (Some(near), Some(timed)) = (trajectory.nearest(pose.x, pose.y), trajectory.at(age(plan))) {
                    let (sin, cos) = near.heading_rad.sin_cos();
                    if ego.speed_mps.abs() > MOVING_MPS {
                        self.lateral.add(cos * (pose.y - near.y) - sin * (pose.x - near.x));
                    }
                    self.speed.add(ego.speed_mps - timed.speed_mps);
                }
            }
        }
        if let Some(plan) = &frame.plan {
            self.plans.push_back(Arc::clone(plan));
            while self.plans.len() > 8 {
                self.plans.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::frame::{SensorSet, Spans};
    use nalgebra::Isometry3;
    use std::time::Instant;
    use types::{Admission, EgoState, PoseSource, Stamp, Trajectory, TrajectoryPoint};

    #[test]
    fn a_car_beside_its_plan_is_measured() {
        let mut following = Following::default();
        for i in 0..40u64 {
            let stamp = Stamp::from_nanos(100_000_000 * i as i64);
            let x = 0.5 * i as f64;
            let admission = Admission { frame: i, stamp, ..Admission::default() };
            let mut frame = Frame::admitted(admission, SensorSet::default(), Spans::starting(Instant::now()));
            frame.ego = Some(EgoState {
                stamp,
                odom_from_base: Isometry3::translation(x, 0.1, 0.0),
                speed_mps: 5.2,
                acceleration_mps2: 0.0,
                yaw_rate_radps: 0.0,
                source: PoseSource::Ins,
            });
            let point = |k: u32| TrajectoryPoint {
                time_s: 0.1 * f64::from(k),
                x: x + 0.5 * f64::from(k),
                speed_mps: 5.0,
                ..TrajectoryPoint::default()
            };
            let trajectory = Trajectory { points: (0..30).map(point).collect(), tail_start: 29 };
            frame.plan = Some(Arc::new(Plan { frame: i, stamp, trajectory, ..Plan::default() }));
            following.count(&frame);
        }
        let (lateral, speed) = (following.lateral.quantile(0.95).unwrap(), following.speed.quantile(0.95).unwrap());
        assert!((lateral - 0.1).abs() < 0.0021 && (speed - 0.2).abs() < 0.0051, "{lateral} {speed}");
        assert_eq!(following.lateral.counts.iter().sum::<u64>(), 38);
        assert_eq!(Following::default().speed.quantile(0.95), None);
    }

    #[test]
    fn sizes_of_two_runs_add_up() {
        let (mut a, mut b) = (Sizes::new(2_000), Sizes::new(2_000));
        (0..90).for_each(|_| a.add(0.01));
        (0..10).for_each(|_| b.add(9.0));
        a.merge(&b);
        assert_eq!((a.quantile(0.9), a.quantile(0.95)), (Some(0.01), Some(2.0)));
    }
}
