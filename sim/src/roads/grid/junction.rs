//! A node of the town: who goes first, the lanes through it, its corners, its signals.

use super::crossing::{self, CROSSING_AT_M, CROSSING_M, LINE_GAP_M};
use super::street::BICYCLE_M;
use super::{Edge, Parts, Side, Town};
use crate::random::Random;
use crate::roads::curve::connect;
use crate::roads::{Builder, Connection, SignalPlan, Strip};
use crate::scenario::Grid;
use maps::{Area, Border, LaneId, LaneKind, LaneStop, Polyline, Signal};
use std::f64::consts::PI;
use types::{Pose2, StopKind, wrap_angle};

/// Lanes within junctions are wider than others by this, m.
const WIDER_M: f64 = 1.2;
/// Nearer to a junction's edge nobody waits inside it, m.
const LEAST_WAIT_M: f64 = 2.0;

/// A road as seen from a node.
#[derive(Clone, Copy)]
pub(super) struct Arm {
    /// Direction away from the node, rad.
    heading: f64,
    pub(super) edge: usize,
    /// Which direction of the road leads here: 0 if the node is the road's second.
    pub(super) incoming: usize,
    /// Half of the signals' cycle; the priority road is 0.
    pub(super) group: usize,
    pub(super) has_crossing: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Control {
    Free,
    Priority { all_stop: bool },
    Signals { green_s: f64, offset_s: f64 },
}

pub(super) fn build(
    grid: &Grid,
    town: &Town,
    node: usize,
    edges: &mut [Edge],
    builder: &mut Builder,
    parts: &mut Parts,
    random: &mut Random,
) -> Result<(), String> {
    let mut arms: Vec<Arm> = edges
        .iter()
        .enumerate()
        .filter_map(|(index, edge)| {
            let incoming = edge.nodes.iter().position(|own| *own == node).map(|place| 1 - place)?;
            // The lane that comes in ends here: its direction reversed leads away.
            let heading = wrap_angle(builder.end_pose(edge.sides[incoming].driving).yaw + PI);
            Some(Arm { heading, edge: index, incoming, group: 0, has_crossing: false })
        })
        .collect();
    arms.sort_by(|a, b| a.heading.total_cmp(&b.heading));
    let control = if arms.len() < 3 {
        Control::Free
    } else if random.unit() < grid.signal_share {
        Control::Signals { green_s: grid.green_s.draw(random), offset_s: random.between(0.0, 60.0) }
    } else {
        Control::Priority { all_stop: random.unit() < grid.stop_share }
    };
    group(&mut arms, random);
    for arm in &mut arms {
        let chance = match control {
            Control::Free => 0.0,
            Control::Signals { .. } => 1.0,
            Control::Priority { .. } => 0.5,
        };
        arm.has_crossing = town.sidewalk_m >= 1.0 && random.unit() < chance;
    }
    let junction = builder.roads.areas.len();
    corners(&arms, town, junction, edges, builder)?;
    let mut signals = Vec::new();
    for (index, arm) in arms.iter().enumerate() {
        signals.push(match control {
            Control::Signals { green_s, offset_s } => {
                let id = (10 * node + index + 1) as u32;
                parts.signals.push(SignalPlan { id, junction, group: arm.group, green_s, offset_s });
                let edge = &edges[arm.edge];
                let lane = &builder.roads.lanes[edge.sides[arm.incoming].driving];
                let mast = lane.center.offset(
                    lane.center.length_m() - CROSSING_AT_M - 0.5 * CROSSING_M - LINE_GAP_M,
                    -(edge.sides[arm.incoming].kerb_m - 0.5 * town.lane_m + 0.6),
                );
                builder.roads.signals.push(Signal { id, pose: mast, pedestrian: false });
                Some(parts.signals.len() - 1)
            }
            _ => None,
        });
    }
    through(&arms, town, junction, control, &signals, edges, builder, parts)?;
    for (arm, signal) in arms.iter().zip(&signals) {
        crossing::stop_line(arm, control, signal.map(|signal| parts.signals[signal].id), edges, builder);
        if arm.has_crossing {
            crossing::before_junction(arm, *signal, edges, builder, parts);
        }
    }
    Ok(())
}

/// The two arms that are nearest to a straight line are the priority road and the first half of the cycle.
fn group(arms: &mut [Arm], random: &mut Random) {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for i in 0..arms.len() {
        for j in i + 1..arms.len() {
            pairs.push(((wrap_angle(arms[i].heading - arms[j].heading).abs() - PI).abs(), i, j));
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    // With four arms there are two straight lines to choose from.
    let choice = if arms.len() == 4 { (random.bits() % 2) as usize } else { 0 };
    let Some(&(_, first, second)) = pairs.get(choice) else { return };
    for (index, arm) in arms.iter_mut().enumerate() {
        arm.group = usize::from(index != first && index != second && pairs.len() > 1);
    }
}

/// The area of a junction, and the sidewalks round its corners.
fn corners(arms: &[Arm], town: &Town, junction: usize, edges: &[Edge], builder: &mut Builder) -> Result<(), String> {
    let mut outline = Vec::new();
    for (index, arm) in arms.iter().enumerate() {
        let next = &arms[(index + 1) % arms.len()];
        let (own, other) = (edges[arm.edge].sides[arm.incoming], edges[next.edge].sides[1 - next.incoming]);
        let (end, start) = (builder.end_pose(own.driving), builder.start_pose(other.driving));
        let beside = |pose: Pose2, side: Side| {
            let [x, y] = pose.transform(0.0, -(side.kerb_m - 0.5 * town.lane_m));
            Pose2 { x, y, yaw: pose.yaw }
        };
        outline.extend(connect(&beside(end, own), &beside(start, other)));
        if let (Some(from), Some(to)) = (own.sidewalk, other.sidewalk) {
            let points = connect(&builder.end_pose(from), &builder.start_pose(to));
            let base = Polyline::new(&points).ok_or("a corner has no length")?;
            let half_m = &|_: f64| 0.5 * town.sidewalk_m;
            let (kind, borders, speed_limit_mps) = (LaneKind::Sidewalk, [Border::Kerb, Border::Open], town.limit_mps);
            let strip =
                Strip { kind, base: &base, middle_m: 0.0, half_m, borders, speed_limit_mps, junction: Some(junction) };
            let lane = builder.add(&strip)?;
            builder.join(from, lane);
            builder.join(lane, to);
        }
    }
    builder.roads.areas.push(Area { outline });
    Ok(())
}

/// The lanes through a junction.
#[allow(clippy::too_many_arguments)] // all of them are needed once
fn through(
    arms: &[Arm],
    town: &Town,
    junction: usize,
    control: Control,
    signals: &[Option<usize>],
    edges: &[Edge],
    builder: &mut Builder,
    parts: &mut Parts,
) -> Result<(), String> {
    for (arm, signal) in arms.iter().zip(signals) {
        for other in arms.iter().filter(|other| other.edge != arm.edge) {
            let (from, to) = (edges[arm.edge].sides[arm.incoming], edges[other.edge].sides[1 - other.incoming]);
            let turn = wrap_angle(other.heading - arm.heading + PI);
            let is_left = turn > 0.6;
            let rank = match control {
                Control::Free => 0,
                Control::Signals { .. } => u8::from(is_left),
                Control::Priority { .. } => u8::from(is_left) + 2 * arm.group as u8,
            };
            let mut add = |from: LaneId, to: LaneId, width: f64| -> Result<(), String> {
                let points = connect(&builder.end_pose(from), &builder.start_pose(to));
                let base = Polyline::new(&points).ok_or("a turn has no length")?;
                let half_m = &|_: f64| 0.5 * width;
                let kind = builder.roads.lanes[from].kind;
                let borders = [Border::Open; 2];
                let speed_limit_mps = town.limit_mps;
                let strip = Strip {
                    kind,
                    base: &base,
                    middle_m: 0.0,
                    half_m,
                    borders,
                    speed_limit_mps,
                    junction: Some(junction),
                };
                let lane = builder.add(&strip)?;
                builder.join(from, lane);
                builder.join(lane, to);
                parts.connections.resize(lane + 1, None);
                let (conflicts, siblings) = (Vec::new(), Vec::new());
                let way = Connection { lane, from, rank, signal: *signal, conflicts, siblings, wait_m: None };
                parts.connections[lane] = Some(way);
                Ok(())
            };
            add(from.driving, to.driving, town.lane_m + WIDER_M)?;
            let bicycle_goes = !is_left || arms.len() == 2;
            if let (Some(from), true) = (from.bicycle, bicycle_goes) {
                // Where the bicycle lane ends riders go on at the edge of the road.
                match to.bicycle {
                    Some(to) => add(from, to, BICYCLE_M)?,
                    None => add(from, to.driving, BICYCLE_M)?,
                }
            }
        }
    }
    Ok(())
}

/// Those who turn left before oncoming traffic wait inside the junction.
pub(super) fn left_turns_wait(connections: &mut [Option<Connection>], builder: &mut Builder) {
    let ranks: Vec<Option<u8>> = connections.iter().map(|way| way.as_ref().map(|way| way.rank)).collect();
    for connection in connections.iter_mut().flatten().filter(|connection| connection.rank == 1) {
        let oncoming = connection.conflicts.iter().filter(|conflict| conflict.oncoming);
        let before: Vec<_> = oncoming.filter(|conflict| ranks[conflict.other] <= Some(1)).collect();
        let first = before.iter().map(|conflict| conflict.own[0]).fold(f64::INFINITY, f64::min);
        let last = before.iter().map(|conflict| conflict.own[1]).fold(0.0, f64::max);
        if first.is_finite() {
            let s_m = (first - 0.5).max(0.0);
            let (lane, kind) = (connection.lane, StopKind::GiveWay);
            let stop = LaneStop { lane, s_m, area_m: last - s_m, kind, painted: false, crossing: None };
            builder.roads.stops.push(stop);
            connection.wait_m = (s_m >= LEAST_WAIT_M).then_some(s_m);
        }
    }
}
