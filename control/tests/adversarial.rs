//! Whatever comes in, the command is finite, within limits and never jumps.
#![allow(clippy::unwrap_used)] // a test may panic

use control::{Config, ControlInput, Controller, gate::STEERING_RATE_RADPS};
use nalgebra::{Isometry3, Vector3};
use proptest::prelude::*;
use types::{EgoState, Plan, PoseSource, Stamp, StopReason, Trajectory, TrajectoryPoint, Vehicle};

fn odd(range: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![10 => range, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(-1e300), 1 => Just(0.0)]
}

fn plan() -> impl Strategy<Value = Plan> {
    let point =
        (odd(0.0..0.3), odd(-3.0..3.0), odd(-3.0..3.0), odd(-4.0..4.0), odd(-0.5..0.5), odd(0.0..20.0), odd(-6.0..4.0));
    (prop::collection::vec(point, 0..12), 0usize..14, any::<bool>()).prop_map(|(steps, tail_start, tame)| {
        let mut time_s = 0.0;
        let points = steps
            .into_iter()
            .enumerate()
            .map(|(i, (dt, x, y, heading_rad, curvature_1pm, speed_mps, acceleration_mps2))| {
                let number = |v: f64, other: f64| if tame && !(v.is_finite() && v.abs() < 1e3) { other } else { v };
                time_s += number(dt, 0.1).max(if tame { 0.01 } else { -1.0 });
                TrajectoryPoint {
                    time_s,
                    x: number(x, 0.0) + i as f64,
                    y: number(y, 0.0),
                    heading_rad: number(heading_rad, 0.0),
                    curvature_1pm: number(curvature_1pm, 0.0),
                    speed_mps: number(speed_mps, 5.0),
                    acceleration_mps2: number(acceleration_mps2, 0.0),
                }
            })
            .collect();
        Plan { trajectory: Trajectory { points, tail_start }, ..Plan::default() }
    })
}

fn ego() -> impl Strategy<Value = EgoState> {
    (odd(-5.0..15.0), odd(-5.0..5.0), -3.0..3.0f64, odd(-5.0..40.0), odd(-2.0..2.0)).prop_map(
        |(x, y, yaw, speed_mps, yaw_rate_radps)| EgoState {
            stamp: Stamp::default(),
            odom_from_base: Isometry3::new(Vector3::new(x, y, 0.0), Vector3::z() * yaw),
            speed_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps,
            source: PoseSource::Ins,
        },
    )
}

proptest! {
    #[test]
    fn commands_stay_within_limits(
        ticks in prop::collection::vec(
            (prop::option::of(plan()), prop::option::of(ego()), 0usize..12, -30i64..150, -500i64..500, -600i64..600), 1..40)
    ) {
        let vehicle = Vehicle::default();
        let limits = vehicle.limits;
        let (mut controller, mut twin) =
            (Controller::new(Config::default(), vehicle), Controller::new(Config::default(), vehicle));
        let mut stamp = Stamp::from_nanos(1_317_000_000_000_000_000);
        let mut last = None::<types::Command>;
        for (tick, (plan, ego, stop, millis, plan_age, ego_age)) in ticks.into_iter().enumerate() {
            stamp = Stamp::from_nanos(stamp.nanos() + millis * 1_000_000);
            let plan = plan.map(|plan| Plan { stamp: Stamp::from_nanos(stamp.nanos() - plan_age * 1_000_000), ..plan });
            let ego = ego.map(|ego| EgoState { stamp: Stamp::from_nanos(stamp.nanos() - ego_age * 1_000_000), ..ego });
            let stop = StopReason::ALL.get(stop).copied();
            let input = ControlInput { tick: tick as u64, stamp, plan: plan.as_ref(), ego: ego.as_ref().map(|e| (1, e)), stop };
            let command = controller.step(&input);
            prop_assert_eq!(command, twin.step(&input));
            prop_assert!(command.steering_rad.is_finite() && command.acceleration_mps2.is_finite(), "{command:?}");
            prop_assert!(command.steering_rad.abs() <= vehicle.max_steering_rad + 1e-9);
            prop_assert!((-limits.stop_deceleration_mps2 - 1e-9..=limits.acceleration_mps2 + 1e-9).contains(&command.acceleration_mps2));
            let (steering, acceleration) = last.map_or((0.0, 0.0), |c| (c.steering_rad, c.acceleration_mps2));
            // A tick counts as at most 0.1 s.
            prop_assert!((command.steering_rad - steering).abs() <= 0.1 * STEERING_RATE_RADPS + 1e-9);
            prop_assert!((command.acceleration_mps2 - acceleration).abs() <= 0.1 * limits.jerk_mps3 + 1e-9);
            if stop.is_some() { prop_assert_eq!(command.stop, stop); }
            if ego.is_none_or(|e| !e.is_finite()) { prop_assert!(command.stop.is_some()); }
            if command.stop.is_some() { prop_assert!(command.acceleration_mps2 <= acceleration.max(0.0) + 1e-9); }
            last = Some(command);
        }
    }
}
