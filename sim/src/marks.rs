//! What is painted on a network of lanes, as convex polygons.

use maps::network::{Border, Crossing, Lane, LaneId, LaneKind, LaneStop, Neighbor};
use maps::{LaneNetwork, Polyline};
use types::{Pose2, StopKind};

/// Corners of a painted patch in order around it.
pub type Patch = Vec<[f64; 2]>;

/// Half the width of a line between lanes, m.
const HALF_LINE_M: f64 = 0.07;
const STOP_LINE_M: f64 = 0.4;
const BAR_M: f64 = 0.5;
/// Length of a parking bay, m.
const BAY_M: f64 = 6.0;
/// From which speed on dashes are long, m/s.
const FAST_MPS: f64 = 22.0;

/// All paint of a network.
pub fn paint(network: &LaneNetwork) -> Vec<Patch> {
    let mut patches = Vec::new();
    for (id, lane) in network.lanes().iter().enumerate() {
        paint_lane(id, lane, network, &mut patches);
    }
    for crossing in &network.roads().crossings {
        paint_crossing(crossing, &mut patches);
    }
    for stop in network.roads().stops.iter().filter(|stop| stop.painted) {
        paint_stop(stop, network.lane(stop.lane), &mut patches);
    }
    patches
}

fn paint_lane(id: LaneId, lane: &Lane, network: &LaneNetwork, patches: &mut Vec<Patch>) {
    let borders =
        [(&lane.left, lane.left_border, lane.left_neighbor), (&lane.right, lane.right_border, lane.right_neighbor)];
    for (line, border, neighbor) in borders {
        // The same line belongs to both neighbours: the first one paints it.
        if !matches!(neighbor, Some(Neighbor { lane, .. }) if lane < id) {
            paint_border(line, border, lane.speed_limit_mps, patches);
        }
    }
    if lane.kind == LaneKind::Parking {
        let length = lane.center.length_m();
        for bay in 0..=(length / BAY_M) as usize {
            let s = bay as f64 * BAY_M;
            let (left, right) = lane.reach_m(s);
            patches.push(across(&lane.center.pose(s), -right, left, 0.1));
        }
    }
    let leads_into_junction = lane.junction.is_none() && lane.kind == LaneKind::Driving;
    let ways: Vec<f64> = if leads_into_junction {
        let turn = |next: &LaneId| turn_of(network.lane(*next));
        lane.successors.iter().filter(|next| network.lane(**next).junction.is_some()).map(turn).collect()
    } else {
        Vec::new()
    };
    let beside = |neighbor: Option<Neighbor>| neighbor.is_some_and(|neighbor| neighbor.same_direction);
    // Arrows tell lanes of one direction apart; where there is only one there are none.
    if !ways.is_empty() && (beside(lane.left_neighbor) || beside(lane.right_neighbor)) {
        for back in [8.0, 26.0] {
            if lane.center.length_m() > back + 6.0 {
                arrow(&lane.center.pose(lane.center.length_m() - back), &ways, patches);
            }
        }
    }
}

/// By how much a lane turns, rad, left positive.
fn turn_of(lane: &Lane) -> f64 {
    types::wrap_angle(lane.center.pose(lane.center.length_m()).yaw - lane.center.pose(0.0).yaw)
}

fn paint_border(line: &Polyline, border: Border, speed_limit_mps: f64, patches: &mut Vec<Patch>) {
    let length = line.length_m();
    match border {
        Border::Open | Border::Kerb | Border::Rail => {}
        Border::Solid => stripe(line, 0.0, length, 0.0, patches),
        Border::Double => {
            stripe(line, 0.0, length, 0.12, patches);
            stripe(line, 0.0, length, -0.12, patches);
        }
        Border::Dashed => {
            let (dash, period) = if speed_limit_mps > FAST_MPS { (6.0, 18.0) } else { (3.0, 9.0) };
            let mut s = 0.5 * (length % period - dash).max(0.0);
            while s < length {
                stripe(line, s, (s + dash).min(length), 0.0, patches);
                s += period;
            }
        }
    }
}

/// A stripe along a line, `aside` metres to its left.
fn stripe(line: &Polyline, from: f64, to: f64, aside: f64, patches: &mut Vec<Patch>) {
    let count = ((to - from) / 1.5).ceil().clamp(1.0, 1e5) as usize;
    let step = (to - from) / count as f64;
    for index in 0..count {
        let (a, b) =
            (line.offset(from + step * index as f64, aside), line.offset(from + step * (index + 1) as f64, aside));
        let length = (b.x - a.x).hypot(b.y - a.y);
        if length > 1e-3 {
            // The pieces overlap a little, so that no gap opens in a curve.
            let (x, y) = ((b.x - a.x) / length, (b.y - a.y) / length);
            let before = if index == 0 { 0.0 } else { 0.1 };
            let behind = if index + 1 == count { 0.0 } else { 0.1 };
            let pose = Pose2 { x: a.x - before * x, y: a.y - before * y, yaw: y.atan2(x) };
            patches.push(bar(&pose, length + before + behind, -HALF_LINE_M, HALF_LINE_M));
        }
    }
}

/// A rectangle from a pose ahead, between two lateral positions.
fn bar(pose: &Pose2, length: f64, low: f64, high: f64) -> Patch {
    [[0.0, low], [length, low], [length, high], [0.0, high]].map(|[x, y]| pose.transform(x, y)).to_vec()
}

fn across(pose: &Pose2, low: f64, high: f64, thickness: f64) -> Patch {
    bar(pose, thickness, low, high)
}

fn paint_crossing(crossing: &Crossing, patches: &mut Vec<Patch>) {
    let (dx, dy) = (crossing.to[0] - crossing.from[0], crossing.to[1] - crossing.from[1]);
    let (length, half) = (dx.hypot(dy), 0.5 * crossing.width_m);
    let start = Pose2 { x: crossing.from[0], y: crossing.from[1], yaw: dy.atan2(dx) };
    let at = |s: f64| {
        let [x, y] = start.transform(s, 0.0);
        Pose2 { x, y, yaw: start.yaw }
    };
    if crossing.zebra {
        let count = (length / (2.0 * BAR_M)).floor().clamp(0.0, 1e4) as usize;
        let first = 0.5 * (length - (2.0 * count as f64 - 1.0) * BAR_M);
        patches.extend((0..count).map(|index| bar(&at(first + 2.0 * BAR_M * index as f64), BAR_M, -half, half)));
    } else {
        let count = length.floor().clamp(0.0, 1e4) as usize;
        for index in 0..count {
            for side in [-half, half] {
                patches.push(bar(&at(index as f64 + 0.25), 0.5, side - 0.08, side + 0.08));
            }
        }
    }
}

fn paint_stop(stop: &LaneStop, lane: &Lane, patches: &mut Vec<Patch>) {
    let pose = lane.center.pose((stop.s_m - STOP_LINE_M).max(0.0));
    let (left, right) = lane.reach_m(stop.s_m);
    let (low, high) = (0.1 - right, left - 0.1);
    match stop.kind {
        StopKind::GiveWay => {
            // Triangles that point at those who wait.
            let count = ((high - low) / 0.75).floor().clamp(1.0, 100.0) as usize;
            for index in 0..count {
                let y = low + (high - low) * (index as f64 + 0.5) / count as f64;
                patches
                    .push([[-0.15, y], [0.4, y - 0.22], [0.4, y + 0.22]].map(|[x, y]| pose.transform(x, y)).to_vec());
            }
        }
        StopKind::Goal => {}
        StopKind::Signal(_) | StopKind::Stop | StopKind::Crossing => {
            patches.push(across(&pose, low, high, STOP_LINE_M));
        }
    }
}

/// An arrow of 4 m for the given turns.
fn arrow(pose: &Pose2, turns: &[f64], patches: &mut Vec<Patch>) {
    let mut add = |corners: &[[f64; 2]]| patches.push(corners.iter().map(|[x, y]| pose.transform(*x, *y)).collect());
    add(&[[-2.0, -0.09], [0.6, -0.09], [0.6, 0.09], [-2.0, 0.09]]);
    if turns.iter().any(|turn| turn.abs() < 0.5) {
        add(&[[0.6, -0.09], [1.0, -0.09], [1.0, 0.09], [0.6, 0.09]]);
        add(&[[1.0, -0.32], [2.2, 0.0], [1.0, 0.32]]);
    }
    for side in [-1.0, 1.0] {
        if turns.iter().any(|turn| turn * side >= 0.5) {
            let mut shaft = [[0.3, 0.0], [0.6, 0.0], [0.9, 0.45 * side], [0.6, 0.45 * side]];
            let mut head = [[0.25, 0.45 * side], [1.3, 0.45 * side], [0.85, 1.0 * side]];
            if side < 0.0 {
                shaft.reverse();
                head.reverse();
            }
            add(&shaft);
            add(&head);
        }
    }
}
