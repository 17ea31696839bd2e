//! A town: nodes of a bent grid, joined by two-way roads. Nothing ends, so traffic goes round for ever.

use super::conflict;
use super::curve::connect;
use super::{Bay, Builder, Connection, Link, Setting, SignalPlan, Strip};
use crate::random::Random;
use crate::scenario::Grid;
use maps::{Area, Border, Crossing, Lane, LaneId, LaneKind, LaneNetwork, LaneStop, Polyline, Signal};
use std::f64::consts::PI;
use types::{Pose2, StopKind, wrap_angle};

const BICYCLE_M: f64 = 1.6;
/// Lanes within junctions are wider than others by this, m.
const WIDER_M: f64 = 1.2;
const CROSSING_M: f64 = 3.0;
/// From the end of a road to the middle of the crossing before a junction, m.
const CROSSING_AT_M: f64 = 3.0;
/// Between a stop line and what it is for, m.
const LINE_GAP_M: f64 = 1.2;
/// Nearer to a junction's edge nobody waits inside it, m.
const LEAST_WAIT_M: f64 = 2.0;

/// What is drawn for the whole town.
struct Town {
    lane_m: f64,
    sidewalk_m: f64,
    parking_m: f64,
    bay_m: f64,
    limit_mps: f64,
}

/// A road between two nodes.
struct Edge {
    nodes: [usize; 2],
    has_bicycle: bool,
    has_parking: bool,
    bulge_m: f64,
    has_crossing: bool,
    gate: Option<f64>,
    /// Lanes of each direction, filled in as they are built.
    sides: [Side; 2],
    /// Line from the first node to the second.
    axis: Option<Polyline>,
}

#[derive(Clone, Copy, Default)]
struct Side {
    driving: LaneId,
    bicycle: Option<LaneId>,
    sidewalk: Option<LaneId>,
    /// From the axis to the kerb, m.
    kerb_m: f64,
}

/// A road as seen from a node.
#[derive(Clone, Copy)]
struct Arm {
    /// Direction away from the node, rad.
    heading: f64,
    edge: usize,
    /// Which direction of the road leads here: 0 if the node is the road's second.
    incoming: usize,
    /// Half of the signals' cycle; the priority road is 0.
    group: usize,
    has_crossing: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Control {
    Free,
    Priority { all_stop: bool },
    Signals { green_s: f64, offset_s: f64 },
}

/// Draws the town and the ego's way through it.
pub fn build(grid: &Grid, route_m: f64, random: &mut Random) -> Result<Setting, String> {
    let (columns, rows) = (grid.columns.count(random), grid.rows.count(random));
    let lane_m = grid.lane_width_m.draw(random);
    let sidewalk_m = grid.sidewalk_m.draw(random);
    // A yard has wide lanes and long bays for trailers.
    let is_yard = grid.speed_limit_mps.most() < 7.0;
    let town = Town {
        lane_m,
        sidewalk_m,
        parking_m: if is_yard { 3.0 } else { 2.2 },
        bay_m: if is_yard { 15.5 } else { 6.2 },
        limit_mps: (grid.speed_limit_mps.draw(random) * 3.6 / 5.0).round() * 5.0 / 3.6,
    };
    let junction_m = grid.junction_m.draw(random);
    let nodes = place_nodes(grid, columns, rows, random);
    let mut edges = Vec::new();
    for j in 0..rows {
        for i in 0..columns {
            let node = j * columns + i;
            for (other, exists) in [(node + 1, i + 1 < columns), (node + columns, j + 1 < rows)] {
                if exists {
                    edges.push(draw_edge(grid, [node, other], random));
                }
            }
        }
    }
    let route = draw_way(&nodes, &edges, route_m, random)?;
    let start_share = random.between(0.28, 0.42);

    // The same town, seen from where the ego starts.
    let (first, direction) = route[0];
    let line = axis(&nodes, &edges[first], junction_m).ok_or("a road has no length")?;
    let line = if direction == 0 { line } else { line.reversed() };
    let start = line.offset(start_share * line.length_m(), -0.5 * lane_m);
    let nodes: Vec<[f64; 2]> = nodes.iter().map(|p| start.inverse_transform(p[0], p[1])).collect();

    let mut builder = Builder::default();
    let mut setting = Parts::default();
    for edge in &mut edges {
        edge.axis = axis(&nodes, edge, junction_m);
        build_edge(&town, edge, &mut builder, &mut setting, random)?;
    }
    for node in 0..nodes.len() {
        build_node(grid, &town, node, &mut edges, &mut builder, &mut setting, random)?;
    }
    mid_crossings(&edges, &mut builder, &mut setting);

    let mut way = Vec::new();
    for pair in route.windows(2) {
        let (from, to) = (edges[pair[0].0].sides[pair[0].1].driving, edges[pair[1].0].sides[pair[1].1].driving);
        let through = builder.roads.lanes[from].successors.iter().find(|c| builder.roads.lanes[**c].successors == [to]);
        way.extend([from, *through.ok_or("two roads of the way do not meet")?]);
    }
    let (last, direction) = route[route.len() - 1];
    let last = edges[last].sides[direction].driving;
    way.push(last);

    setting.connections.resize(builder.roads.lanes.len(), None);
    conflict::find(&mut setting.connections, &builder.roads);
    left_turns_wait(&mut setting.connections, &mut builder);
    let network = LaneNetwork::new(builder.roads).map_err(|error| error.to_string())?;
    let begun = network.lane(way[0]).center.project(0.0, 0.0).s_m;
    let driven: f64 = way[..way.len() - 1].iter().map(|lane| network.lane(*lane).center.length_m()).sum();
    let last_m = network.lane(last).center.length_m();
    Ok(Setting {
        goal_m: (route_m + begun - driven).clamp(0.35 * last_m, 0.7 * last_m),
        start_m: begun,
        connections: setting.connections,
        signals: setting.signals,
        links: setting.links,
        bays: setting.bays,
        posts: setting.posts,
        way,
        limit_mps: town.limit_mps,
        network,
    })
}

/// What is collected beside the lanes.
#[derive(Default)]
struct Parts {
    connections: Vec<Option<Connection>>,
    signals: Vec<SignalPlan>,
    links: Vec<Link>,
    bays: Vec<Bay>,
    posts: Vec<([f64; 2], f64)>,
}

fn place_nodes(grid: &Grid, columns: usize, rows: usize, random: &mut Random) -> Vec<[f64; 2]> {
    let mut ticks = |count: usize| {
        let mut all = vec![0.0];
        for i in 1..count {
            all.push(all[i - 1] + grid.block_m.draw(random));
        }
        all
    };
    let (xs, ys) = (ticks(columns), ticks(rows));
    let jitter = grid.jitter_m.draw(random);
    let mut moved = |value: &f64| value + random.between(-jitter, jitter);
    ys.iter()
        .flat_map(|y| xs.iter().map(|x| [*x, *y]).collect::<Vec<_>>())
        .map(|[x, y]| [moved(&x), moved(&y)])
        .collect()
}

fn draw_edge(grid: &Grid, nodes: [usize; 2], random: &mut Random) -> Edge {
    Edge {
        nodes,
        has_bicycle: random.unit() < grid.bicycle_share,
        has_parking: random.unit() < grid.parking_share,
        bulge_m: random.pick(&[-1.0, 1.0]) * grid.bend_m.draw(random),
        has_crossing: random.unit() < grid.crossing_share,
        gate: (random.unit() < grid.gate_share).then(|| grid.gate_width_m.draw(random)),
        sides: [Side::default(); 2],
        axis: None,
    }
}

/// The roads that the ego takes: (road, direction).
fn draw_way(
    nodes: &[[f64; 2]],
    edges: &[Edge],
    route_m: f64,
    random: &mut Random,
) -> Result<Vec<(usize, usize)>, String> {
    let length = |edge: &Edge| {
        let [a, b] = edge.nodes.map(|node| nodes[node]);
        (a[0] - b[0]).hypot(a[1] - b[1])
    };
    for _ in 0..200 {
        let first = (random.bits() % edges.len() as u64) as usize;
        let mut way = vec![(first, (random.bits() % 2) as usize)];
        let mut ahead = 0.62 * length(&edges[first]);
        let mut choices = 0;
        while ahead < route_m + 0.3 * length(&edges[way[way.len() - 1].0]) {
            let (edge, direction) = way[way.len() - 1];
            let node = edges[edge].nodes[1 - direction];
            let mut next = Vec::new();
            for (i, other) in edges.iter().enumerate().filter(|(i, _)| *i != edge && way.iter().all(|w| w.0 != *i)) {
                if other.nodes[0] == node {
                    next.push((i, 0));
                } else if other.nodes[1] == node {
                    next.push((i, 1));
                }
            }
            if next.is_empty() {
                break;
            }
            choices += usize::from(next.len() > 1);
            let taken = random.pick(&next);
            ahead += length(&edges[taken.0]);
            way.push(taken);
        }
        if choices >= 1 && ahead >= route_m + 0.3 * length(&edges[way[way.len() - 1].0]) {
            return Ok(way);
        }
    }
    Err(format!("no way of {route_m:.0} m without using a road twice among {} roads", edges.len()))
}

/// From junction to junction, with a bulge that begins and ends without curvature.
fn axis(nodes: &[[f64; 2]], edge: &Edge, junction_m: f64) -> Option<Polyline> {
    let [a, b] = edge.nodes.map(|node| nodes[node]);
    let yaw = (b[1] - a[1]).atan2(b[0] - a[0]);
    let whole = (b[0] - a[0]).hypot(b[1] - a[1]);
    let length = whole - 2.0 * junction_m;
    let pose = Pose2 { x: a[0], y: a[1], yaw };
    let count = length.ceil().max(2.0) as usize;
    let place = |i: usize| {
        let u = i as f64 / count as f64;
        pose.transform(junction_m + u * length, edge.bulge_m * 64.0 * (u * (1.0 - u)).powi(3))
    };
    Polyline::new(&(0..=count).map(place).collect::<Vec<_>>())
}

fn build_edge(
    town: &Town,
    edge: &mut Edge,
    builder: &mut Builder,
    parts: &mut Parts,
    random: &mut Random,
) -> Result<(), String> {
    let axis = edge.axis.clone().ok_or("a road has no length")?;
    let length = axis.length_m();
    // A gate stands in the middle of the road and narrows both lanes.
    let gate_m = length * random.between(0.42, 0.58);
    for direction in 0..2 {
        let base = if direction == 0 { axis.clone() } else { axis.reversed() };
        let gate_m = if direction == 0 { gate_m } else { length - gate_m };
        let gate = edge.gate.filter(|width| *width < town.lane_m);
        let half_lane = |s: f64| match gate {
            // Full width 4 m away from the gate.
            Some(width) => {
                let share = (((s - gate_m).abs() - 0.8) / 4.0).clamp(0.0, 1.0);
                0.5 * (width + share * (town.lane_m - width))
            }
            None => 0.5 * town.lane_m,
        };
        let mut side = Side { kerb_m: town.lane_m, ..Side::default() };
        let strip = |builder: &mut Builder, kind, width: f64, half: &dyn Fn(f64) -> f64, borders, offset: &mut f64| {
            let middle_m = -(*offset + 0.5 * width);
            *offset += width;
            let speed_limit_mps = town.limit_mps;
            builder.add(&Strip { kind, base: &base, middle_m, half_m: half, borders, speed_limit_mps, junction: None })
        };
        let mut offset = 0.0;
        let parking = edge.has_parking && gate.is_none();
        let right = match (edge.has_bicycle, parking) {
            (true, _) => Border::Solid,
            (false, true) => Border::Dashed,
            (false, false) => Border::Kerb,
        };
        let borders = [Border::Solid, right];
        side.driving = strip(builder, LaneKind::Driving, town.lane_m, &half_lane, borders, &mut offset)?;
        let mut outer = side.driving;
        if edge.has_bicycle {
            let borders = [Border::Solid, if parking { Border::Dashed } else { Border::Kerb }];
            let lane = strip(builder, LaneKind::Bicycle, BICYCLE_M, &|_| 0.5 * BICYCLE_M, borders, &mut offset)?;
            builder.beside(outer, lane);
            (side.bicycle, outer) = (Some(lane), lane);
        }
        if parking {
            let (width, borders) = (town.parking_m, [Border::Dashed, Border::Kerb]);
            let lane = strip(builder, LaneKind::Parking, width, &|_| 0.5 * width, borders, &mut offset)?;
            builder.beside(outer, lane);
            outer = lane;
            let line = &builder.roads.lanes[lane].center;
            let from_crossing = |s: f64| if edge.has_crossing { (s - 0.5 * length).abs() } else { f64::INFINITY };
            let count = ((length - 26.0) / town.bay_m).max(0.0) as usize;
            for i in 0..count {
                let s = 13.0 + (i as f64 + 0.5) * town.bay_m;
                if from_crossing(s) > 8.0 + 0.5 * town.bay_m {
                    parts.bays.push(Bay { pose: line.pose(s), length_m: town.bay_m, width_m: width });
                }
            }
        }
        side.kerb_m = offset;
        if town.sidewalk_m >= 1.0 {
            let (width, borders) = (town.sidewalk_m, [Border::Kerb, Border::Open]);
            let lane = strip(builder, LaneKind::Sidewalk, width, &|_| 0.5 * width, borders, &mut offset)?;
            builder.beside(outer, lane);
            side.sidewalk = Some(lane);
        }
        if let Some(width) = gate {
            let radius = 0.15;
            for across in [-0.5 * (town.lane_m - width) + radius, -0.5 * (town.lane_m + width) - radius] {
                let pose = base.offset(gate_m, across);
                parts.posts.push(([pose.x, pose.y], radius));
            }
        }
        edge.sides[direction] = side;
    }
    builder.opposite(edge.sides[0].driving, edge.sides[1].driving);
    Ok(())
}

fn build_node(
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
        stops(arm, control, signal.map(|signal| parts.signals[signal].id), edges, builder);
        if arm.has_crossing {
            let edge = &edges[arm.edge];
            let length = edge.axis.as_ref().map_or(0.0, Polyline::length_m);
            let s = if arm.incoming == 0 { length - CROSSING_AT_M } else { CROSSING_AT_M };
            let leaving = edge.sides[1 - arm.incoming];
            let crossing = add_crossing(edge, s, *signal, builder, parts);
            // Those who turn in stop inside the junction.
            for lane in [Some(leaving.driving), leaving.bicycle].into_iter().flatten() {
                let (kind, area_m) = (StopKind::Crossing, CROSSING_AT_M + 0.5 * CROSSING_M);
                builder.roads.stops.push(LaneStop {
                    lane,
                    s_m: 0.1,
                    area_m,
                    kind,
                    painted: false,
                    crossing: Some(crossing),
                });
            }
            let entering = edge.sides[arm.incoming];
            for lane in [Some(entering.driving), entering.bicycle].into_iter().flatten() {
                let s_m = builder.roads.lanes[lane].center.length_m() - CROSSING_AT_M - 0.5 * CROSSING_M - LINE_GAP_M;
                let (kind, area_m) = (StopKind::Crossing, LINE_GAP_M + CROSSING_M);
                let painted = lane == entering.driving;
                builder.roads.stops.push(LaneStop { lane, s_m, area_m, kind, painted, crossing: Some(crossing) });
            }
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

/// The line at which those who come in wait for signals and for others.
fn stops(arm: &Arm, control: Control, signal: Option<u32>, edges: &[Edge], builder: &mut Builder) {
    let kind = match control {
        Control::Free => return,
        Control::Signals { .. } => match signal {
            Some(id) => StopKind::Signal(id),
            None => return,
        },
        Control::Priority { .. } if arm.group == 0 => return,
        Control::Priority { all_stop } => {
            if all_stop {
                StopKind::Stop
            } else {
                StopKind::GiveWay
            }
        }
    };
    let side = edges[arm.edge].sides[arm.incoming];
    let back_m = if arm.has_crossing { CROSSING_AT_M + 0.5 * CROSSING_M + LINE_GAP_M } else { LINE_GAP_M };
    for lane in [Some(side.driving), side.bicycle].into_iter().flatten() {
        let own: &Lane = &builder.roads.lanes[lane];
        let longest =
            own.successors.iter().map(|next| builder.roads.lanes[*next].center.length_m()).fold(0.0, f64::max);
        let s_m = own.center.length_m() - back_m;
        let painted = lane == side.driving;
        builder.roads.stops.push(LaneStop { lane, s_m, area_m: back_m + longest, kind, painted, crossing: None });
    }
}

fn add_crossing(edge: &Edge, s: f64, signal: Option<usize>, builder: &mut Builder, parts: &mut Parts) -> usize {
    let crossing = builder.roads.crossings.len();
    let Some(axis) = &edge.axis else { return crossing };
    let (right, left) = (axis.offset(s, -edge.sides[0].kerb_m), axis.offset(s, edge.sides[1].kerb_m));
    let (from, to) = ([right.x, right.y], [left.x, left.y]);
    builder.roads.crossings.push(Crossing { from, to, width_m: CROSSING_M, zebra: signal.is_none(), signal: None });
    if let (Some(own), Some(other)) = (edge.sides[0].sidewalk, edge.sides[1].sidewalk) {
        let place = |lane: LaneId, p: [f64; 2]| (lane, builder.roads.lanes[lane].center.project(p[0], p[1]).s_m);
        parts.links.push(Link { crossing, from: place(own, from), to: place(other, to), signal });
    }
    crossing
}

/// Crossings between junctions.
fn mid_crossings(edges: &[Edge], builder: &mut Builder, parts: &mut Parts) {
    for edge in edges.iter().filter(|edge| edge.has_crossing && edge.gate.is_none()) {
        let Some(axis) = &edge.axis else { continue };
        if edge.sides.iter().any(|side| side.sidewalk.is_none()) {
            continue;
        }
        let middle = 0.5 * axis.length_m();
        let crossing = add_crossing(edge, middle, None, builder, parts);
        let [x, y] = [axis.pose(middle).x, axis.pose(middle).y];
        for side in edge.sides {
            for lane in [Some(side.driving), side.bicycle].into_iter().flatten() {
                let s_m = builder.roads.lanes[lane].center.project(x, y).s_m - 0.5 * CROSSING_M - LINE_GAP_M;
                let (kind, area_m) = (StopKind::Crossing, LINE_GAP_M + CROSSING_M);
                let painted = lane == side.driving;
                builder.roads.stops.push(LaneStop { lane, s_m, area_m, kind, painted, crossing: Some(crossing) });
            }
        }
    }
}

/// Those who turn left before oncoming traffic wait inside the junction.
fn left_turns_wait(connections: &mut [Option<Connection>], builder: &mut Builder) {
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
