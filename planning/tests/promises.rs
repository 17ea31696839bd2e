//! Whatever comes in, a plan comes out: finite, never empty, ending at standstill.
#![allow(clippy::unwrap_used)] // a test may panic

#[allow(dead_code)] // each test file uses its part
mod world;

use maps::ReferenceLine;
use nalgebra::{Isometry3, Vector3};
use planning::{Config, Future, Futures, Goal, Line, PlanInput, Planner, Task, Way};
use proptest::prelude::*;
use types::{Box3, EgoState, ObjectClass, PoseSource, Stamp, Track, Tracks, Vehicle};
use world::check_plan;

fn odd(range: std::ops::Range<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![
        12 => range,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(0.0),
        1 => Just(-1e300),
        1 => Just(1e-310),
    ]
}

fn track() -> impl Strategy<Value = Track> {
    let numbers = (odd(-60.0..120.0), odd(-20.0..20.0), odd(-7.0..7.0), odd(-15.0..30.0), odd(-5.0..5.0));
    let shape = (odd(0.0..12.0), odd(0.0..4.0), odd(-2.0..2.0), odd(-1.0..4.0), 0usize..9);
    (numbers, shape).prop_map(|((x, y, yaw, vx, vy), (length, width, yaw_rate_radps, variance, class))| Track {
        id: 0,
        class: ObjectClass::ALL[class],
        existence: 0.9,
        bbox: Box3 { center: [x, y, 0.8], length, width, height: 1.5, yaw },
        velocity_mps: [vx, vy],
        yaw_rate_radps,
        covariance: [[variance; 4]; 4],
        heading_covariance: [[0.0; 2]; 2],
        hits: 3,
        misses: 0,
    })
}

fn ego() -> impl Strategy<Value = EgoState> {
    let numbers = (-5.0..5.0f64, -3.0..3.0f64, -3.2..3.2f64, odd(-10.0..80.0), odd(-40.0..40.0), odd(-3.0..3.0));
    numbers.prop_map(|(x, y, yaw, speed_mps, acceleration_mps2, yaw_rate_radps)| EgoState {
        stamp: Stamp::from_nanos(0),
        odom_from_base: Isometry3::new(Vector3::new(x, y, 0.0), Vector3::z() * yaw),
        speed_mps,
        acceleration_mps2,
        yaw_rate_radps,
        source: PoseSource::Ins,
    })
}

fn route() -> impl Strategy<Value = Option<Way>> {
    prop::option::of(prop::collection::vec(-0.4..0.4f64, 2..30).prop_map(|turns| {
        let (mut x, mut y, mut heading) = (-10.0, 0.0, 0.0f64);
        let mut points = vec![[x, y]];
        for turn in turns {
            heading += turn;
            (x, y) = (x + 5.0 * heading.cos(), y + 5.0 * heading.sin());
            points.push([x, y]);
        }
        world::way(ReferenceLine::new(&points).unwrap())
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn there_is_always_a_plan(
        states in prop::collection::vec((ego(), prop::collection::vec(track(), 0..12), -150i64..400), 1..5),
        route in route(),
    ) {
        let vehicle = Vehicle::default();
        let (mut planner, mut twin) =
            (Planner::new(Config::default(), vehicle), Planner::new(Config::default(), vehicle));
        let mut stamp = Stamp::from_nanos(1_317_000_000_000_000_000);
        for (frame, (mut state, mut objects, millis)) in states.into_iter().enumerate() {
            stamp = Stamp::from_nanos(stamp.nanos() + millis * 1_000_000);
            state.stamp = Stamp::from_nanos(stamp.nanos() - millis * 500_000);
            for (i, object) in objects.iter_mut().enumerate() {
                object.id = i as u64;
            }
            let tracks = Tracks { frame: frame as u64, stamp, objects };
            let input =
                PlanInput { frame: frame as u64, stamp, ego: &state, tracks: &tracks, route: route.as_ref(), signals: None };
            let plan = planner.step(&input);
            check_plan(&plan, &vehicle);
            prop_assert_eq!(&plan, &twin.step(&input));
        }
    }
}

fn goal() -> impl Strategy<Value = Goal> {
    let numbers = (-20.0..150.0f64, 0.0..40.0f64, -3.0..3.0f64, -1.0..12.0f64, 0.0..6.0f64, 0.0..20.0f64);
    numbers.prop_map(|(from, length, across, first, window, speed)| Goal {
        along_m: [from, from + length],
        across_m: [across, across + 1.5],
        time_s: [first, first + window],
        speed_mps: [speed, speed + 3.0],
        heading_rad: (window > 3.0).then_some([0.0, 0.5]),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn with_lines_goals_and_a_known_future_there_is_always_a_plan(
        states in prop::collection::vec((ego(), prop::collection::vec(track(), 0..8)), 1..5),
        ways in prop::collection::vec(route(), 0..4),
        goals in prop::collection::vec(goal(), 0..3),
        leave in prop::option::of(-10.0..200.0f64),
        known in any::<bool>(),
    ) {
        let vehicle = Vehicle::default();
        let mut planner = Planner::new(Config::default(), vehicle);
        let ways: Vec<Way> = ways.into_iter().flatten().collect();
        for (frame, (mut state, mut objects)) in states.into_iter().enumerate() {
            let stamp = Stamp::from_nanos(0).offset(0.1 * frame as f64);
            state.stamp = stamp;
            objects.iter_mut().enumerate().for_each(|(i, object)| object.id = i as u64);
            let future = |track: &Track| {
                let [x, y, _] = track.bbox.center;
                let pose = |k: u32| (k % 7 != 6).then_some([x + 0.1 * f64::from(k), y, track.bbox.yaw]);
                Future { track: track.id, poses: (0..60).map(pose).collect() }
            };
            let futures = Futures { step_s: 0.1, tracks: objects.iter().map(future).collect() };
            let tracks = Tracks { frame: frame as u64, stamp, objects };
            let input = PlanInput {
                frame: frame as u64, stamp, ego: &state, tracks: &tracks, route: None, signals: None,
            };
            let line = |way| Line {
                way, detour_m: 30.0, leave_by_m: leave, goals: if leave.is_some() { &[] } else { &goals }, until_s: Some(5.0),
            };
            let lines: Vec<Line<'_>> = ways.iter().map(line).collect();
            let task = Task { lines: &lines, futures: known.then_some(&futures), lanes: None };
            check_plan(&planner.step_for(&input, &task), &vehicle);
        }
    }
}

#[test]
fn the_lane_is_changed_for_the_goal_in_time() {
    // Two lanes; the goal is on the left one, 120 m ahead, within 9 to 11 s.
    let lane = |y: f64| {
        let station = planning::way::Station { left_m: 1.75 + 3.5 - y, right_m: 1.75 + y, limit_mps: 13.9 };
        Way::along(ReferenceLine::new(&[[-60.0, y], [400.0, y]]).unwrap(), station)
    };
    let (right, left) = (lane(0.0), lane(3.5));
    let (config, vehicle) =
        (Config { latency_s: 0.0, ..Config::default() }, Vehicle { actuator_delay_s: 0.0, ..Vehicle::default() });
    let mut planner = Planner::new(config, vehicle);
    let goal = Goal {
        along_m: [175.0, 190.0],
        across_m: [-1.0, 1.0],
        time_s: [9.0, 11.0],
        speed_mps: [8.0, 14.0],
        heading_rad: None,
    };
    let mut state = world::ego(0.0, 0.0, 0.0, 11.0);
    let mut reached = false;
    for step in 0..110 {
        let time_s = 0.1 * f64::from(step);
        let stamp = Stamp::from_nanos(0).offset(time_s);
        state.stamp = stamp;
        let goals = [goal.later(time_s)];
        let lines = [
            Line { way: &right, detour_m: 30.0, leave_by_m: Some(200.0), goals: &[], until_s: Some(11.0 - time_s) },
            Line { way: &left, detour_m: 0.0, leave_by_m: None, goals: &goals, until_s: Some(11.0 - time_s) },
        ];
        let tracks = Tracks { frame: 0, stamp, objects: Vec::new() };
        let input = PlanInput { frame: 0, stamp, ego: &state, tracks: &tracks, route: None, signals: None };
        let plan = planner.step_for(&input, &Task { lines: &lines, futures: None, lanes: None });
        check_plan(&plan, &vehicle);
        let middle = 60.0 + state.pose().x + vehicle.center_offset_m();
        reached |= (9.0..=11.0).contains(&time_s)
            && (175.0..=190.0).contains(&middle)
            && (state.pose().y - 3.5).abs() < 1.0
            && (8.0..=14.0).contains(&state.speed_mps);
        state = world::follow(&plan.trajectory.at(0.1).unwrap());
    }
    assert!(reached, "{state:?}");
}

#[test]
fn five_hundred_objects_are_no_trouble() {
    let objects = (0..500u32)
        .map(|i| {
            let angle = f64::from(i) * 2.4;
            let radius = 6.0 + f64::from(i) * 0.2;
            world::Actor::car(radius * angle.cos(), radius * angle.sin(), f64::from(i % 20)).track(u64::from(i), 0.0)
        })
        .collect();
    let tracks = Tracks { frame: 0, stamp: Stamp::from_nanos(0), objects };
    let mut planner = Planner::new(Config::default(), Vehicle::default());
    let state = world::ego(0.0, 0.0, 0.0, 10.0);
    let plan = planner.step(&PlanInput {
        frame: 0,
        stamp: tracks.stamp,
        ego: &state,
        tracks: &tracks,
        route: None,
        signals: None,
    });
    check_plan(&plan, &Vehicle::default());
}

/// A car that vibrates is not stopped by it.
#[test]
fn vibration_is_no_reason_to_stop() {
    let route = world::way(ReferenceLine::straight(&types::Pose2::default(), 300.0));
    let mut planner = Planner::new(Config::default(), Vehicle::default());
    for i in 0..40u32 {
        let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
        let mut state = world::ego(f64::from(i), 0.03 * sign, 0.02 * sign, 10.0 + 0.3 * sign);
        state.acceleration_mps2 = 15.0 * sign;
        state.yaw_rate_radps = 0.8 * sign;
        let tracks = world::tracks(&[], 0.1 * f64::from(i));
        state.stamp = tracks.stamp;
        let input = PlanInput {
            frame: 0,
            stamp: tracks.stamp,
            ego: &state,
            tracks: &tracks,
            route: Some(&route),
            signals: None,
        };
        let plan = planner.step(&input);
        assert_eq!(plan.decision.kind, types::DecisionKind::Cruise, "{:?}", plan.decision);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever the sensors say of acceleration and turn rate: in its lane (0.14 m inside it), on a free road, a car drives on.
    #[test]
    fn in_its_lane_on_a_free_road_it_drives(
        d in -0.7..0.7f64, angle in -0.06..0.06f64, speed in 0.0..25.0f64, acceleration in -20.0..20.0f64,
        yaw_rate in -2.0..2.0f64, radius in prop_oneof![Just(1e6), 100.0..500.0f64],
    ) {
        let speed = f64::min(speed, (1.9 * radius).sqrt());
        // Who drives sideways faster than 1 m/s leaves the lane before the limits of a bend let it turn back: then braking hard is right.
        let angle = angle.clamp(-1.0 / speed.max(1.0), 1.0 / speed.max(1.0));
        let points: Vec<[f64; 2]> = (0..80).map(|i| 4.0 * f64::from(i) / radius)
            .map(|a| [radius * a.sin(), radius - radius * a.cos()]).collect();
        let route = world::way(ReferenceLine::new(&points).unwrap());
        let foot = route.line().at(40.0);
        let (x, y) = (foot.x - d * foot.heading_rad.sin(), foot.y + d * foot.heading_rad.cos());
        let mut state = world::ego(x, y, foot.heading_rad + angle, speed);
        (state.acceleration_mps2, state.yaw_rate_radps) = (acceleration, yaw_rate);
        let tracks = world::tracks(&[], 0.0);
        let mut planner = Planner::new(Config::default(), Vehicle::default());
        let input = PlanInput { frame: 0, stamp: tracks.stamp, ego: &state, tracks: &tracks, route: Some(&route), signals: None };
        let plan = planner.step(&input);
        // A car that brakes at walking speed may come to rest first, and one that is too fast for the bend may brake.
        let calm = matches!(plan.decision.kind, types::DecisionKind::Cruise | types::DecisionKind::Stop);
        prop_assert!(calm, "{:?}", plan.decision);
    }
}
