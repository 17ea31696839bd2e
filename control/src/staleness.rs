//! Whether plan and ego state can still be trusted, and the braking that follows when they cannot.

use crate::ControlInput;
use crate::config::Config;
use crate::longitudinal::HOLD_MPS2;
use crate::path::Goal;
use types::{EgoState, Plan, Stamp, StopReason, Vehicle};

/// Slower is rest, m/s.
const REST_MPS: f64 = 0.3;

/// The ego state if it is finite, plausible and not too old.
#[must_use]
pub fn usable_ego<'a>(ego: Option<(u64, &'a EgoState)>, stamp: Stamp, config: &Config) -> Option<(u64, &'a EgoState)> {
    ego.filter(|(_, ego)| {
        let position = ego.odom_from_base.translation.vector;
        ego.is_finite()
            && position.norm() < 1e7
            && ego.speed_mps.abs() < 150.0
            && ego.yaw_rate_radps.abs() < 20.0
            && stamp.seconds_since(ego.stamp).abs() <= config.max_ego_age_s
    })
}

/// Whether a plan can be followed at all: points, all finite, in rising time.
#[must_use]
pub fn usable_plan(plan: &Plan) -> bool {
    let points = &plan.trajectory.points;
    let finite = points.iter().all(|p| {
        [p.time_s, p.x, p.y, p.heading_rad, p.curvature_1pm, p.speed_mps, p.acceleration_mps2]
            .into_iter()
            .all(f64::is_finite)
    });
    !points.is_empty() && finite && points.windows(2).all(|pair| pair[0].time_s < pair[1].time_s)
}

/// Why the vehicle has to stop, if it has to: the runtime's reason first, then the ego state, then the plan.
#[must_use]
pub fn stop_reason(
    input: &ControlInput<'_>,
    has_ego: bool,
    plan: Option<&Plan>,
    config: &Config,
) -> Option<StopReason> {
    if input.stop.is_some() {
        return input.stop;
    }
    if !has_ego {
        return Some(StopReason::NoEgoState);
    }
    let Some(plan) = plan else { return Some(StopReason::NoPlan) };
    // A plan from the future is as wrong as an old one.
    let age_s = input.stamp.seconds_since(plan.stamp);
    (age_s > config.max_plan_age_s || age_s < -config.max_plan_age_s).then_some(StopReason::StalePlan)
}

/// The plan's own braking tail, begun now: its deceleration along its path, and harder where the plan itself brakes
/// harder. A pure function of the plan, the place on it and the speed.
#[must_use]
pub fn braking(plan: &Plan, goal: &Goal, speed_mps: f64, vehicle: &Vehicle) -> f64 {
    if speed_mps < REST_MPS {
        return HOLD_MPS2;
    }
    let limits = &vehicle.limits;
    let tail = plan.trajectory.points.get(plan.trajectory.tail_start..).unwrap_or_default();
    let hardest = tail.iter().map(|p| p.acceleration_mps2).fold(0.0, f64::min);
    // A plan that ends at rest before its tail has none of its own.
    let deceleration = if hardest < -0.5 { -hardest } else { limits.deceleration_mps2 };
    -deceleration.max(-goal.nearest.acceleration_mps2).min(limits.stop_deceleration_mps2)
}
