use super::lanes::NOBODY;
use super::walker::{Doing, Gate, Stroll, footway};
use super::*;
use crate::roads::{self, Setting};
use crate::scenario::Scenario;
use types::Vehicle;

fn setting(family: &str, seed: u64) -> (Setting, Traffic) {
    let scenario = Scenario::family(family).unwrap();
    let setting = roads::build(&scenario, seed).unwrap();
    let (traffic, _) = Traffic::build(&setting, &scenario, &Vehicle::default(), seed);
    (setting, traffic)
}

/// An ego that waits inside a junction for oncoming traffic let it stand before it for ever: ways through a junction are
/// wider than what drives along them.
#[test]
fn an_ego_that_waits_inside_a_junction_is_not_in_the_way_of_oncoming_traffic() {
    let mut checked = 0;
    for seed in 0..8 {
        let (setting, mut traffic) = setting("red-light", seed);
        let half_m = traffic.agents[EGO].half_m();
        for connection in setting.connections.iter().flatten() {
            let Some(wait_m) = connection.wait_m.filter(|wait_m| *wait_m > half_m) else { continue };
            let pose = setting.network.lane(connection.lane).center.pose(wait_m - half_m);
            let mut lanes = Lanes::new(setting.network.lanes().len());
            occupy_ego(&setting, &mut lanes, &traffic.agents[EGO], &EgoView { pose, speed: 0.0, acceleration: 0.0 });
            assert!(lanes.of(connection.lane).iter().any(|own| own.who == EGO));
            for conflict in connection.conflicts.iter().filter(|conflict| conflict.oncoming) {
                let other = setting.connections[conflict.other].as_ref().unwrap();
                if other.rank == 0 && setting.network.lane(other.lane).kind == LaneKind::Driving {
                    assert_eq!(lanes.of(other.lane), [], "seed {seed}, {} before {}", connection.lane, other.lane);
                    checked += 1;
                }
            }
            // Nor is it given the whole way, since nobody knows whether it will wait.
            let own = &mut traffic.agents[EGO];
            (own.lane, own.s, own.granted, own.inside) = (connection.lane, wait_m - half_m, None, None);
            traffic.release(&setting);
            assert_eq!((traffic.agents[EGO].inside, traffic.agents[EGO].granted), (Some(connection.lane), None));
        }
    }
    assert!(checked > 40, "{checked}");
}

/// A car that stopped for people stood beside them for ever, and they before its side.
#[test]
fn who_waits_beside_a_car_lets_it_go_on() {
    let (setting, mut traffic) = setting("urban", 1);
    traffic.agents[1].shift = agent::Shift::default();
    let car = traffic.agents[1].pose(&setting.network);
    let half_width_m = 0.5 * traffic.agents[1].size[1];
    let walker = traffic.walkers[0].clone();
    for (along_m, from_m, beside) in [(1.0, half_width_m + 0.9, Some(1)), (9.0, half_width_m + 0.9, None)] {
        let place = |across: f64| car.transform(along_m, across);
        let stroll = Stroll {
            line: footway(&[place(from_m), place(-6.0)]).unwrap(),
            along: 0.0,
            gate_m: 0.0,
            gate: Gate::Crossing(0),
            kerb_m: 12.0,
            is_open: true,
            to: setting.links[0].to,
        };
        let doing = Doing::Cross(Box::new(stroll));
        traffic.walkers = vec![Walker { doing, speed: 0.0, ..walker.clone() }];
        traffic.agents.truncate(2);
        traffic.mind_vehicles(&setting, Pose2 { x: 1e4, y: 1e4, yaw: 0.0 });
        assert_eq!((traffic.walkers[0].is_blocked, traffic.walkers[0].waits_beside), (beside.is_some(), beside));
    }
    let mut lanes = Lanes::new(1);
    lanes.add(0, Occupant { beside: Some(1), ..Occupant::whole(9.5, 10.5, 0.0, NOBODY) });
    assert!(lanes.first_ahead(0, 9.0, 1, 0.9).is_none() && lanes.first_ahead(0, 9.0, 2, 0.9).is_some());
}

/// An ego that stood with one corner at the way of a car that turned, and that car before it, stood so for ever.
#[test]
fn who_is_slim_enough_passes_an_ego_that_stands_beside_its_way() {
    let (setting, mut traffic) = setting("urban", 13);
    let connection = setting.connections.iter().flatten().find(|connection| {
        let lane = setting.network.lane(connection.lane);
        lane.kind == LaneKind::Driving && lane.center.length_m() > 12.0
    });
    let lane = connection.unwrap().lane;
    let middle = setting.network.lane(lane).center.pose(6.0);
    let half_width_m = 0.5 * traffic.agents[EGO].size[1];
    // From the lane's middle to the body's side, which is taken as 0.2 m broader.
    for (stands_s, to_side_m, passes) in [(6.0, 1.4, true), (6.0, 1.1, false), (1.0, 1.4, false)] {
        let [x, y] = middle.transform(0.0, half_width_m + to_side_m);
        traffic.agents[EGO].stands_s = stands_s;
        let view = EgoView { pose: Pose2 { x, y, ..middle }, speed: 0.0, acceleration: 0.0 };
        let mut lanes = Lanes::new(setting.network.lanes().len());
        occupy_ego(&setting, &mut lanes, &traffic.agents[EGO], &view);
        assert_eq!(lanes.first_ahead(lane, 0.0, 1, 0.9).is_none(), passes, "{stands_s} {to_side_m}");
        assert!(lanes.first_ahead(lane, 0.0, 1, 1.3).is_some(), "a bus does not");
    }
}
