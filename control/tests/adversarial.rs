//! Whatever comes in, the command is finite, within limits and never jumps.
#![allow(clippy::unwrap_used)] // a test may panic

use control::{Config, ControlInput, Controller, Kind, gate::STEERING_RATE_RADPS};
use nalgebra::{Isometry3, Vector3};
use proptest::prelude::*;
use types::{
    DecisionKind, EgoState, Fallback, Plan, PoseSource, Stamp, StopReason, Trajectory, TrajectoryPoint, Vehicle,
};

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

/// A plan that jumps: a usable one, moved to another place, turned, and sometimes with its time reversed.
fn jumping() -> impl Strategy<Value = Plan> {
    (plan(), -40.0..40.0f64, -3.2..3.2f64, prop::bool::weighted(0.2)).prop_map(|(mut plan, far, turn, reversed)| {
        let points = &mut plan.trajectory.points;
        for point in points.iter_mut() {
            (point.x, point.y) = (point.x + far, point.y - far);
            point.heading_rad += turn;
        }
        if reversed {
            points.reverse();
        }
        plan
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn commands_stay_within_limits(
        kind in prop_oneof![3 => Just(Kind::Predictive), 1 => Just(Kind::Pursuit)],
        ticks in prop::collection::vec(
            (prop::option::of(prop_oneof![plan(), jumping()]), prop::bool::weighted(0.1), prop::option::weighted(0.8, ego()),
             0usize..12, -30i64..150, -500i64..500, -600i64..600), 1..40)
    ) {
        let vehicle = Vehicle::default();
        let limits = vehicle.limits;
        let config = Config { kind, ..Config::default() };
        let (mut controller, mut twin) = (Controller::new(config, vehicle), Controller::new(config, vehicle));
        let mut stamp = Stamp::from_nanos(1_317_000_000_000_000_000);
        let mut last = None::<types::Command>;
        let mut speed = limits.speed_mps;
        for (tick, (plan, emergency, ego, stop, millis, plan_age, ego_age)) in ticks.into_iter().enumerate() {
            stamp = Stamp::from_nanos(stamp.nanos() + millis * 1_000_000);
            let plan = plan.map(|mut plan| {
                plan.stamp = Stamp::from_nanos(stamp.nanos() - plan_age * 1_000_000);
                if emergency { plan.decision.kind = DecisionKind::EmergencyStop; }
                plan
            });
            let ego = ego.map(|ego| EgoState { stamp: Stamp::from_nanos(stamp.nanos() - ego_age * 1_000_000), ..ego });
            let stop = StopReason::ALL.get(stop).copied();
            let input = ControlInput { tick: tick as u64, stamp, plan: plan.as_ref(), ego: ego.as_ref().map(|e| (1, e)), stop, grant: None };
            let command = controller.step(&input);
            prop_assert_eq!(command, twin.step(&input));
            prop_assert!(command.steering_rad.is_finite() && command.acceleration_mps2.is_finite(), "{command:?}");
            prop_assert!(command.steering_rad.abs() <= vehicle.max_steering_rad + 1e-9);
            let (steering, acceleration) = last.map_or((0.0, 0.0), |c| (c.steering_rad, c.acceleration_mps2));
            // Harder than a minimum-risk stop only against a collision, or on the way back from it.
            let hard = emergency && command.plan.is_some() && command.stop.is_none();
            let lowest = if hard { limits.emergency_deceleration_mps2 } else { limits.stop_deceleration_mps2 };
            prop_assert!(command.acceleration_mps2 >= -lowest - 1e-9 || command.acceleration_mps2 >= acceleration - 1e-9);
            prop_assert!(command.acceleration_mps2 <= limits.acceleration_mps2 + 1e-9);
            // A tick counts as at most 0.1 s.
            prop_assert!((command.steering_rad - steering).abs() <= 0.1 * STEERING_RATE_RADPS + 1e-9);
            prop_assert!(command.acceleration_mps2 - acceleration <= 0.1 * limits.jerk_mps3 + 1e-9);
            let fall = if emergency { 30.0 } else { limits.jerk_mps3 };
            prop_assert!(acceleration - command.acceleration_mps2 <= 0.1 * fall + 1e-9);
            // Lateral acceleration and jerk at the measured speed.
            if let (Some(_), Some(ego)) = (command.ego, &ego) { speed = ego.speed_mps.abs().min(150.0); }
            let gain = speed.max(1.0).powi(2) / vehicle.wheelbase_m;
            let (now, before) = (gain * command.steering_rad.tan(), gain * steering.tan());
            prop_assert!(now.abs() <= limits.lateral_acceleration_mps2 + 1e-6 || now.abs() <= before.abs() + 1e-6);
            prop_assert!((now - before).abs() <= 0.1 * limits.lateral_jerk_mps3 + 1e-6 * gain);
            if stop.is_some() { prop_assert_eq!(command.stop, stop); }
            if ego.is_none_or(|e| !e.is_finite()) { prop_assert!(command.stop.is_some()); }
            if command.stop.is_some() { prop_assert!(command.acceleration_mps2 <= acceleration.max(0.0) + 1e-9); }
            // Only the predicting controller needs a fallback, and only where there is something to follow.
            prop_assert!(command.fallback.is_none() || (kind == Kind::Predictive && command.plan.is_some() && command.ego.is_some()));
            last = Some(command);
        }
    }
}

/// Far from its path the predicting controller says that it gave up, and the simple one steers back.
#[test]
fn far_off_the_path_the_simple_controller_helps_and_the_command_says_so() {
    let stamp = Stamp::from_nanos(5_000_000_000);
    let point = |i: u32| TrajectoryPoint {
        time_s: 0.1 * f64::from(i),
        x: 0.8 * f64::from(i),
        speed_mps: 8.0,
        ..TrajectoryPoint::default()
    };
    let trajectory = Trajectory { points: (0..50).map(point).collect(), tail_start: 49 };
    let plan = Plan { stamp, trajectory, ..Plan::default() };
    let step = |y: f64| {
        let ego = EgoState {
            stamp,
            odom_from_base: Isometry3::translation(0.0, y, 0.0),
            speed_mps: 8.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            source: PoseSource::Ins,
        };
        let input = ControlInput { tick: 0, stamp, plan: Some(&plan), ego: Some((0, &ego)), stop: None, grant: None };
        Controller::new(Config::default(), Vehicle::default()).step(&input)
    };
    let (near, far) = (step(1.0), step(4.0));
    assert_eq!((near.fallback, far.fallback), (None, Some(Fallback::OffPath)));
    assert!(near.steering_rad < 0.0 && far.steering_rad < 0.0);
}
