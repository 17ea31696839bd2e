//! What the planner does in the situations that every driver knows.
#![allow(clippy::unwrap_used)] // a test may panic

#[allow(dead_code)] // each test file uses its part
mod world;

use maps::ReferenceLine;
use planning::{Config, Way};
use types::{DecisionKind, Pose2};
use world::{Actor, drive, drive_noisy, ego};

fn road() -> Way {
    world::way(ReferenceLine::straight(&Pose2 { x: -20.0, y: 0.0, yaw: 0.0 }, 600.0))
}

#[test]
fn an_empty_road_is_driven_at_cruise_speed() {
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 5.0), &[], 20.0);
    let last = run.last();
    assert!((last.ego.speed_mps - 13.9).abs() < 0.3, "{}", last.ego.speed_mps);
    assert_eq!(run.count(DecisionKind::Cruise), run.cycles.len());
    assert!(last.ego.pose().y.abs() < 0.05);
}

#[test]
fn it_starts_from_rest_and_returns_to_the_line() {
    let run = drive(Config::default(), Some(&road()), ego(0.0, 1.2, 0.1, 0.0), &[], 15.0);
    let last = run.last();
    assert!(last.ego.speed_mps > 12.0 && last.ego.pose().y.abs() < 0.1, "{:?}", last.ego);
}

#[test]
fn it_stops_behind_a_standing_car() {
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 12.0), &[Actor::car(80.0, 0.0, 0.0)], 25.0);
    let last = run.last();
    let gap = 80.0 - 2.25 - (last.ego.pose().x + 3.67);
    assert!(last.ego.speed_mps < 0.01, "{}", last.ego.speed_mps);
    assert!((1.3..3.7).contains(&gap), "{gap}");
    assert_eq!(last.plan.decision.kind, DecisionKind::Stop, "{:?}", last.plan.decision);
    assert_eq!(last.plan.decision.track, Some(1));
    assert_eq!((run.hits, run.count(DecisionKind::EmergencyStop)), (0, 0));
    assert!(run.cycles.iter().all(|c| c.ego.acceleration_mps2 > -3.0));
    assert!(run.flips() <= 3, "{}", run.flips());
}

#[test]
fn it_follows_a_slower_car() {
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 13.0), &[Actor::car(50.0, 0.0, 7.0)], 30.0);
    let last = run.last();
    let gap = 50.0 + 7.0 * last.time_s - 2.25 - (last.ego.pose().x + 3.67);
    assert!((last.ego.speed_mps - 7.0).abs() < 0.3, "{}", last.ego.speed_mps);
    assert!((9.0..16.0).contains(&gap), "{gap}");
    assert_eq!(last.plan.decision.kind, DecisionKind::Follow, "{:?}", last.plan.decision);
    assert_eq!((run.hits, run.count(DecisionKind::EmergencyStop)), (0, 0));
}

#[test]
fn it_stops_when_the_car_ahead_stops() {
    let lead = Actor { stops_at_s: 8.0, ..Actor::car(25.0, 0.0, 9.0) };
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 9.0), &[lead], 25.0);
    let last = run.last();
    let gap = 25.0 + 72.0 + 8.1 - 2.25 - (last.ego.pose().x + 3.67);
    assert!(last.ego.speed_mps < 0.01 && (1.2..3.8).contains(&gap), "{gap} {}", last.ego.speed_mps);
    assert_eq!(run.hits, 0);
}

#[test]
fn it_stops_at_a_red_light_behind_a_car() {
    // As on a real drive: 2.5 m/s, a car 5.1 m before the bumper at 1.8 m/s that stops.
    let lead = Actor { stops_at_s: 2.0, ..Actor::car(3.67 + 5.07 + 2.25, 0.1, 1.8) };
    let run = drive(Config::default(), None, ego(0.0, 0.0, 0.0, 2.5), &[lead], 12.0);
    let last = run.last();
    let gap = 5.07 + 3.6 + 0.5 * 1.8 * 0.36 - last.ego.pose().x;
    assert!(last.ego.speed_mps < 0.01 && (1.8..3.8).contains(&gap), "{gap}");
    assert_eq!(run.count(DecisionKind::Follow) + run.count(DecisionKind::Stop), run.cycles.len());
    assert_eq!(last.plan.decision.track, Some(1));
}

#[test]
fn it_yields_to_a_crossing_pedestrian() {
    let walker = Actor::pedestrian(45.0, -6.0, std::f64::consts::FRAC_PI_2, 1.4);
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 10.0), &[walker], 20.0);
    assert_eq!((run.hits, run.count(DecisionKind::EmergencyStop)), (0, 0));
    assert!(run.last().ego.speed_mps > 10.0, "it drives on afterwards");
}

#[test]
fn a_wall_too_near_is_an_emergency() {
    // Too near for normal braking, not for the hardest.
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 12.0), &[Actor::car(28.0, 0.0, 0.0)], 6.0);
    let first = &run.cycles[0].plan;
    assert_eq!(first.decision.kind, DecisionKind::EmergencyStop);
    assert_eq!(first.decision.track, Some(1));
    let hardest = first.trajectory.points.iter().map(|p| p.acceleration_mps2).fold(0.0, f64::min);
    assert!((-7.0..-3.6).contains(&hardest), "{hardest}");
    assert!(run.last().ego.speed_mps < 0.01 && run.hits == 0, "{} {}", run.last().ego.speed_mps, run.hits);
    // Too near for any braking: it still brakes as hard as it may.
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 12.0), &[Actor::car(14.0, 0.0, 0.0)], 0.5);
    assert_eq!(run.count(DecisionKind::EmergencyStop), 5);
}

#[test]
fn objects_behind_are_not_obstacles() {
    let behind = [Actor::car(-12.0, 0.0, 20.0), Actor::car(-8.0, 0.3, 0.0)];
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 8.0), &behind[..1], 1.0);
    assert_eq!(run.count(DecisionKind::Cruise), 10, "{:?}", run.cycles[0].plan.decision);
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 8.0), &behind, 0.5);
    assert_eq!(run.count(DecisionKind::Cruise), 5, "{:?}", run.cycles[0].plan.decision);
}

#[test]
fn a_car_half_in_the_lane_is_passed_or_stopped_for() {
    // Its left side reaches 0.55 m into the lane's half of 1.75 m: passing needs an offset.
    let parked = Actor::car(60.0, -2.1, 0.0);
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 10.0), &[parked], 14.0);
    assert_eq!((run.hits, run.count(DecisionKind::EmergencyStop)), (0, 0));
    assert!(run.last().ego.pose().x > 70.0, "it gets by: {:?}", run.last().plan.decision);
    assert!(run.count(DecisionKind::Pass) > 3, "{:?}", run.cycles[20].plan.decision);
    // Half a metre more and there is no room beside it.
    let blocking = Actor::car(60.0, -1.2, 0.0);
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 10.0), &[blocking], 20.0);
    assert_eq!(run.hits, 0);
    assert!(run.last().ego.speed_mps < 0.01 && run.last().plan.decision.kind == DecisionKind::Stop);
}

#[test]
fn neighbours_do_not_disturb() {
    let others = [
        Actor::car(20.0, 3.5, 9.0),
        Actor { place: Pose2 { x: 90.0, y: 3.5, yaw: std::f64::consts::PI }, ..Actor::car(0.0, 0.0, 12.0) },
        Actor::car(5.0, -3.4, 0.0),
    ];
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 10.0), &others, 8.0);
    assert_eq!((run.hits, run.count(DecisionKind::EmergencyStop) + run.count(DecisionKind::Stop)), (0, 0));
    assert!(run.last().ego.speed_mps > 11.0, "{}", run.last().ego.speed_mps);
}

#[test]
fn curves_are_driven_slower() {
    let mut points = vec![[-20.0, 0.0], [0.0, 0.0], [30.0, 0.0], [60.0, 0.0]];
    points.extend((1..=16).map(|i| 0.1 * f64::from(i)).map(|a| [60.0 + 20.0 * a.sin(), 20.0 - 20.0 * a.cos()]));
    let [x, y] = points[points.len() - 1];
    points.extend((1..=20).map(|i| [x - 0.0292 * 5.0 * f64::from(i), y + 0.99957 * 5.0 * f64::from(i)]));
    let line = ReferenceLine::new(&points).unwrap();
    let run = drive(Config::default(), Some(&world::way(line.clone())), ego(0.0, 0.0, 0.0, 12.0), &[], 22.0);
    assert_eq!(run.count(DecisionKind::EmergencyStop), 0);
    let worst = run.cycles.iter().map(|c| (c.ego.speed_mps * c.ego.yaw_rate_radps).abs()).fold(0.0, f64::max);
    assert!(worst < 3.0, "{worst}");
    for c in &run.cycles {
        let p = c.ego.pose();
        assert!(line.project([p.x, p.y]).1.abs() < 0.3, "{} {p:?}", c.time_s);
    }
    assert!(run.last().ego.speed_mps > 10.0);
}

#[test]
fn the_reason_tells_the_line() {
    let run = drive(Config::default(), None, ego(0.0, 0.0, 1.0, 8.0), &[], 0.2);
    assert!(run.last().plan.decision.reason.ends_with("straight ahead: no route"), "{:?}", run.last().plan.decision);
}

/// Noise of a real tracker: no stop and go, no emergency, the same place in the end.
#[test]
fn noise_does_not_make_it_nervous() {
    let (standing, slow) = ([Actor::car(80.0, 0.0, 0.0)], [Actor::car(50.0, 0.0, 7.0)]);
    let run = drive_noisy(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 12.0), &standing, 25.0, 1.0);
    let gap = 80.0 - 2.25 - (run.last().ego.pose().x + 3.67);
    assert!(run.last().ego.speed_mps < 0.01 && (1.2..4.5).contains(&gap), "{gap} {}", run.story());
    assert_eq!((run.hits, run.count(DecisionKind::EmergencyStop)), (0, 0), "{}", run.story());
    assert!(run.flips() <= 8, "{}", run.flips());
    let run = drive_noisy(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 13.0), &slow, 30.0, 1.0);
    assert!((run.last().ego.speed_mps - 7.0).abs() < 1.0 && run.least_gap_m > 7.0, "{}", run.least_gap_m);
    assert_eq!((run.hits, run.count(DecisionKind::EmergencyStop)), (0, 0), "{}", run.story());
    assert!(run.flips() <= 4, "{} {}", run.flips(), run.story());
}

#[test]
fn boxes_over_the_ego_are_judged_by_where_they_are() {
    // Over the rear half: no object can be there. Over the bonnet: it stays.
    let rear = Actor { size: [1.0, 1.0], ..Actor::car(0.2, 0.0, 0.0) };
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 8.0), &[rear], 0.3);
    assert_eq!(run.count(DecisionKind::Cruise), 3, "{:?}", run.last().plan.decision);
    let bonnet = Actor { size: [1.0, 1.0], ..Actor::car(3.3, 0.0, 0.0) };
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 0.0), &[bonnet], 2.0);
    assert!(run.last().ego.pose().x < 0.05, "{:?}", run.last().plan.decision);
}

#[test]
fn a_near_neighbour_in_the_next_lane_does_not_lock_a_standing_car() {
    // 0.15 m beside the ego: closer than the wanted margin, yet no reason never to move again.
    let beside = Actor::car(2.0, 0.91 + 0.9 + 0.15, 0.0);
    let run = drive(Config::default(), Some(&road()), ego(0.0, 0.0, 0.0, 0.0), &[beside], 6.0);
    assert!(run.hits == 0 && run.last().ego.pose().x > 5.0, "{:?}", run.last().plan.decision);
}
