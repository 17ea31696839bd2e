//! A town: nodes of a bent grid, joined by two-way roads. Nothing ends, so traffic goes round for ever.

mod crossing;
mod junction;
mod street;

use super::conflict;
use super::{Bay, Builder, Connection, Link, Setting, SignalPlan};
use crate::random::Random;
use crate::scenario::Grid;
use maps::{LaneId, LaneNetwork, Polyline};

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
    let line = street::axis(&nodes, &edges[first], junction_m).ok_or("a road has no length")?;
    let line = if direction == 0 { line } else { line.reversed() };
    let start = line.offset(start_share * line.length_m(), -0.5 * lane_m);
    let nodes: Vec<[f64; 2]> = nodes.iter().map(|p| start.inverse_transform(p[0], p[1])).collect();

    let mut builder = Builder::default();
    let mut setting = Parts::default();
    for edge in &mut edges {
        edge.axis = street::axis(&nodes, edge, junction_m);
        street::build(&town, edge, &mut builder, &mut setting, random)?;
    }
    for node in 0..nodes.len() {
        junction::build(grid, &town, node, &mut edges, &mut builder, &mut setting, random)?;
    }
    crossing::between_junctions(&edges, &mut builder, &mut setting);

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
    junction::left_turns_wait(&mut setting.connections, &mut builder);
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
