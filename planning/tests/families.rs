//! Situations of the road, driven in closed loop: no contact, on the road, smooth, and on to the goal.
#![allow(clippy::unwrap_used)] // a test may panic

#[allow(dead_code)] // each test file uses its part
mod world;

use std::f64::consts::FRAC_PI_2;
use types::{DecisionKind, ObjectClass, Phase, Pose2, StopKind};
use world::street::{Street, actor, crossing, lead, parked};

const LANE: [f64; 2] = [1.75, 1.75];
const ROAD: [f64; 2] = [5.25, 1.75];

#[test]
fn red_is_waited_for_and_green_driven() {
    let mut street = Street::new(200.0, LANE, 13.9).stop(90.0, 15.0, StopKind::Signal(1));
    street.phase = |t| if t < 15.0 { Phase::Red } else { Phase::Green };
    let run = street.drive(0.0, 13.0, 40.0);
    run.is_smooth();
    let (front, speed) = run.front_at(14.5);
    assert!((88.0..90.0).contains(&front) && speed < 0.05, "{front} {speed} {}", run.drive.story());
    assert!((198.0..200.05).contains(&run.end()), "{} {}", run.end(), run.drive.story());
    assert!(run.hardest_mps2 > -2.8, "{}", run.hardest_mps2);
    assert!(run.drive.cycles[100].plan.decision.reason.contains("signal 1 at red"));
}

#[test]
fn amber_stops_whoever_can_and_lets_pass_whoever_cannot() {
    for (start, stops) in [(0.0, true), (66.0, false)] {
        let mut street = Street::new(200.0, LANE, 13.9).stop(90.0, 15.0, StopKind::Signal(1));
        street.phase = |t| {
            if t < 1.0 {
                Phase::Green
            } else if t < 4.0 {
                Phase::Amber
            } else {
                Phase::Red
            }
        };
        let run = street.drive(start, 13.6, 20.0);
        run.is_smooth();
        assert_eq!(run.end() < 90.0, stops, "{}", run.drive.story());
    }
}

#[test]
fn an_unknown_signal_is_red() {
    let street = Street::new(200.0, LANE, 13.9).stop(90.0, 15.0, StopKind::Signal(7));
    let run = street.drive(0.0, 13.0, 20.0);
    run.is_smooth();
    assert!((88.0..90.0).contains(&run.end()));
    assert!(run.drive.last().plan.decision.reason.contains("signal 7"), "{:?}", run.drive.last().plan.decision);
}

#[test]
fn cross_traffic_goes_first() {
    let car = |start_s: f64| {
        let from = Pose2 { x: 70.0, y: -60.0, yaw: FRAC_PI_2 };
        crossing(ObjectClass::Car, [4.5, 1.8], from, 9.0, start_s)
    };
    let kinds = [StopKind::GiveWay, StopKind::Stop];
    for kind in kinds {
        for delay in [-2.0, 0.0, 1.5, 3.0] {
            let street = Street::new(140.0, LANE, 13.9).stop(62.0, 14.0, kind).with([car(delay), car(delay + 2.0)]);
            let run = street.drive(0.0, 12.0, 35.0);
            run.is_smooth();
            run.reaches(138.0);
            if kind == StopKind::Stop {
                assert!(run.fronts.iter().any(|(s, v)| (59.0..62.0).contains(s) && *v < 0.1));
            }
        }
    }
}

#[test]
fn people_on_a_crossing_go_first() {
    for (y, delay) in [(-5.0, 0.0), (-5.0, 2.0), (6.0, 3.0)] {
        let from = Pose2 { x: 62.0, y, yaw: -FRAC_PI_2 * f64::signum(y) };
        let walker = crossing(ObjectClass::Pedestrian, [0.6, 0.6], from, 1.3, delay);
        let street = Street::new(140.0, LANE, 13.9).stop(60.0, 4.0, StopKind::Crossing).with([walker]);
        let run = street.drive(0.0, 12.0, 35.0);
        run.is_smooth();
        run.reaches(138.0);
    }
}

#[test]
fn nobody_waits_forever_for_somebody_who_only_stands_there() {
    let from = Pose2 { x: 62.0, y: -3.2, yaw: FRAC_PI_2 };
    let stander = crossing(ObjectClass::Pedestrian, [0.6, 0.6], from, 0.0, 0.0);
    let street = Street::new(140.0, LANE, 13.9).stop(60.0, 4.0, StopKind::Crossing).with([stander]);
    let run = street.drive(0.0, 12.0, 45.0);
    run.is_smooth();
    run.reaches(138.0);
    assert!(run.fronts.iter().any(|(s, v)| (57.0..60.0).contains(s) && *v < 0.1), "it waits a while");
}

#[test]
fn a_jaywalker_is_braked_for() {
    // 24 m ahead at 11 m/s, 1.5 s before it is in the way: a careful driver can stop.
    let from = Pose2 { x: 30.0, y: -3.5, yaw: FRAC_PI_2 };
    let walker = crossing(ObjectClass::Pedestrian, [0.6, 0.6], from, 1.6, 0.3);
    let run = Street::new(140.0, LANE, 13.9).with([walker]).drive(0.0, 11.0, 25.0);
    run.is_safe();
    run.reaches(138.0);
    // From between parked cars, seen late.
    let hidden = actor(ObjectClass::Pedestrian, [0.6, 0.6], |t| {
        (t > 1.4).then(|| (Pose2 { x: 30.0, y: -2.6 + 1.6 * (t - 1.4), yaw: FRAC_PI_2 }, 1.6))
    });
    let row = (0..8).filter(|i| *i != 4).map(|i| parked(6.3 * f64::from(i) + 5.0, -2.9));
    let run = Street::new(140.0, ROAD, 13.9).with(row).with([hidden]).drive(0.0, 8.0, 25.0);
    run.is_safe();
    run.reaches(138.0);
}

#[test]
fn a_car_that_cuts_in_is_let_in() {
    for (ahead, slower) in [(12.0, 2.0), (18.0, 5.0), (30.0, 8.0)] {
        let car = actor(ObjectClass::Car, [4.5, 1.8], move |t| {
            let (share, v) = (((t - 2.0) / 3.0).clamp(0.0, 1.0), 25.0 - slower);
            let y = 3.5 * (1.0 - share * share * (3.0 - 2.0 * share));
            let yaw = if share > 0.0 && share < 1.0 { -3.5 * 2.0 * share * (1.0 - share) / v } else { 0.0 };
            Some((Pose2 { x: 5.0 + ahead + 3.0 * slower + v * t, y, yaw }, v))
        });
        let run = Street::new(900.0, [5.25, 1.75], 27.8).with([car]).drive(0.0, 25.0, 20.0);
        run.is_smooth();
        assert!(run.drive.count(DecisionKind::EmergencyStop) == 0, "{}", run.drive.story());
    }
}

#[test]
fn stop_and_go_traffic_is_followed() {
    // 8 m/s, braking with 4 m/s2 to rest, waiting, and off again, twice.
    let speed = |t: f64| {
        let u = t % 18.0;
        if u < 6.0 {
            8.0
        } else if u < 8.0 {
            8.0 - 4.0 * (u - 6.0)
        } else if u < 12.0 {
            0.0
        } else {
            (1.5 * (u - 12.0)).min(8.0)
        }
    };
    let run = Street::new(600.0, LANE, 13.9).with([lead(24.0, speed)]).drive(0.0, 8.0, 50.0);
    run.is_safe();
    assert!(run.hardest_mps2 > -4.6, "{} {}", run.hardest_mps2, run.drive.story());
    run.reaches(150.0);
}

#[test]
fn a_narrow_gate_is_driven_through() {
    // 2.6 m between the posts for a car of 1.82 m.
    let post = |y: f64| actor(ObjectClass::Unknown, [0.4, 0.4], move |_| Some((Pose2 { x: 40.0, y, yaw: 0.0 }, 0.0)));
    for shift in [0.0, 0.15] {
        let street = Street::new(80.0, [2.2, 2.2], 4.0).with([post(1.5 + shift), post(-1.5 + shift)]);
        let run = street.drive(0.0, 3.0, 45.0);
        run.is_smooth();
        run.reaches(78.0);
    }
}

#[test]
fn a_double_parked_car_is_passed_when_the_road_is_free() {
    let row = || (0..10).map(|i| parked(20.0 + 6.5 * f64::from(i), -3.0)).chain([parked(55.0, -0.9)]);
    let run = Street::new(140.0, ROAD, 13.9).with(row()).drive(0.0, 8.0, 40.0);
    run.is_smooth();
    run.reaches(138.0);
    // Oncoming traffic in the other lane goes first.
    let oncoming =
        crossing(ObjectClass::Car, [4.5, 1.8], Pose2 { x: 130.0, y: 3.5, yaw: std::f64::consts::PI }, 8.0, 0.0);
    let run = Street::new(140.0, ROAD, 13.9).with(row()).with([oncoming]).drive(0.0, 8.0, 60.0);
    run.is_safe();
    run.reaches(138.0);
}

#[test]
fn bends_and_limits_are_driven_as_fast_as_they_should() {
    let mut street = Street::new(200.0, LANE, 13.9);
    let (mut x, mut y, mut yaw) = (0.0f64, 0.0f64, 0.0f64);
    for (i, point) in street.route.points.iter_mut().enumerate() {
        (point.pose.x, point.pose.y, point.pose.yaw) = (x, y, yaw);
        // A bend of 25 m radius after 60 m, and 30 km/h after 130 m.
        yaw += if (30..45).contains(&i) { 2.0 / 25.0 } else { 0.0 };
        (x, y) = (x + 2.0 * yaw.cos(), y + 2.0 * yaw.sin());
        point.speed_limit_mps = if i >= 65 { 8.3 } else { 13.9 };
    }
    let run = street.drive(0.0, 12.0, 40.0);
    run.is_smooth();
    run.reaches(197.5);
    for (front, speed) in &run.fronts {
        let rear = front - 3.67;
        assert!(!(66.0..84.0).contains(&rear) || *speed < 7.8, "{front} {speed}");
        assert!(rear < 131.0 || *speed < 8.4, "{front} {speed}");
    }
}

#[test]
fn it_comes_to_rest_at_the_goal() {
    let run = Street::new(100.0, LANE, 13.9).drive(0.0, 12.0, 20.0);
    run.is_smooth();
    assert!((99.0..100.05).contains(&run.end()) && run.drive.last().ego.speed_mps < 0.01, "{}", run.end());
    let reason = &run.drive.last().plan.decision.reason;
    assert!(reason.contains("end of the route"), "{reason}");
}

#[test]
fn a_ghost_that_flickers_neither_stops_nor_jerks_the_car() {
    let ghost = |x: f64, every: u64| {
        let mut ghost = actor(ObjectClass::Car, [4.0, 1.8], move |t| {
            ((t * 10.0).round() as u64).is_multiple_of(every).then_some((Pose2 { x, y: 0.3, yaw: 0.0 }, 0.0))
        });
        ghost.ghost = true;
        ghost
    };
    let ghosts = [ghost(40.0, 2), ghost(60.0, 3), ghost(90.0, 4), ghost(120.0, 7)];
    let run = Street::new(200.0, LANE, 13.9).with(ghosts).drive(0.0, 12.0, 25.0);
    run.is_smooth();
    run.reaches(198.0);
    assert!(run.drive.count(DecisionKind::EmergencyStop) == 0, "{}", run.drive.story());
}

#[test]
fn dense_traffic_is_driven_in() {
    let cars = (0..30).map(|i| {
        let (lane, x) = (f64::from(i % 3), 30.0 + 11.0 * f64::from(i));
        let (y, yaw, v) = [(3.5, std::f64::consts::PI, 9.0), (-3.5, 0.0, 8.0), (0.0, 0.0, 7.0)][lane as usize];
        crossing(ObjectClass::Car, [4.5, 1.8], Pose2 { x, y, yaw }, v, 0.0)
    });
    let people = (0..30).map(|i| {
        let x = 9.0 * f64::from(i);
        let yaw = if i % 2 == 0 { 0.0 } else { std::f64::consts::PI };
        crossing(ObjectClass::Pedestrian, [0.6, 0.6], Pose2 { x, y: -6.5, yaw }, 1.2, 0.0)
    });
    let run = Street::new(400.0, LANE, 13.9).with(cars).with(people).drive(0.0, 8.0, 30.0);
    run.is_smooth();
    run.reaches(190.0);
}

#[test]
fn the_junction_is_not_blocked() {
    // Traffic stands 5 m behind the area: no room. It drives on after 12 s.
    let car = lead(62.0 + 14.0 + 2.3, |t| if t < 12.0 { 0.0 } else { 8.0 });
    let mut street = Street::new(160.0, LANE, 13.9).stop(62.0, 14.0, StopKind::Signal(1)).with([car]);
    street.phase = |_| Phase::Green;
    let run = street.drive(0.0, 12.0, 40.0);
    run.is_smooth();
    let (front, _) = run.front_at(11.0);
    assert!(front < 62.0, "{front} {}", run.drive.story());
    run.reaches(158.0);
}

#[test]
fn a_car_that_breaks_down_ahead_is_passed_in_the_end() {
    // It drives, stops in the middle of the lane and stays.
    let car = lead(30.0, |t| (8.0 - 2.0 * (t - 4.0).max(0.0)).clamp(0.0, 8.0));
    let run = Street::new(160.0, ROAD, 13.9).with([car]).drive(0.0, 8.0, 60.0);
    run.is_smooth();
    run.reaches(158.0);
}

#[test]
fn who_comes_towards_a_turn_is_taken_to_go_straight_on() {
    // The route turns left out of a side road; a car comes along the main road from where the route goes.
    let car = actor(ObjectClass::Car, [4.5, 1.8], |t| {
        let x = -40.0 + 6.0 * t;
        (x < 60.0).then_some((Pose2 { x, y: -1.75, yaw: 0.0 }, 6.0))
    });
    let corner = |i: usize| {
        let a = 0.1 * i as f64;
        Pose2 { x: -8.0 + 8.0 * a.cos(), y: -6.25 + 8.0 * a.sin(), yaw: a + FRAC_PI_2 }
    };
    let before = (0..20).map(|i| Pose2 { x: 0.0, y: -46.25 + 2.0 * i as f64, yaw: FRAC_PI_2 });
    let after = (0..40).map(|i| Pose2 { x: -9.0 - 2.0 * i as f64, y: 1.75, yaw: std::f64::consts::PI });
    let mut street = Street::new(10.0, [1.75, 1.75], 8.3).with([car]);
    let places: Vec<Pose2> = before.chain((0..=15).map(corner)).chain(after).collect();
    street.route = types::Route::of_poses(places);
    street.route.stops = vec![types::StopLine { s_m: 40.0, area_m: 14.0, kind: StopKind::GiveWay }];
    let run = street.drive(20.0, 6.0, 25.0);
    run.is_safe();
    let waits = run.drive.cycles.iter().filter(|c| c.plan.decision.reason.contains("a line to give way")).count();
    assert!(waits > 10, "{}", run.drive.story());
    // It does not stand in the way of the other: the bumper stays behind the line until the car has passed.
    assert!(run.front_at(9.0).0 < 42.0, "{}", run.drive.story());
    run.reaches(80.0);
}
