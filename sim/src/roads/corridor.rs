//! A road between junctions: two directions with several lanes, curves, paved edges, guard rails.

use super::curve::{beside, winding};
use super::{Builder, Setting, Strip};
use crate::random::Random;
use crate::scenario::Corridor;
use maps::{Border, LaneId, LaneKind, LaneNetwork, Polyline};

/// Road behind the ego at the start, m.
const BEHIND_M: f64 = 400.0;

/// Draws the road.
pub fn build(corridor: &Corridor, route_m: f64, random: &mut Random) -> Result<Setting, String> {
    let length = corridor.length_m.draw(random);
    let lanes = corridor.lanes.count(random).max(1);
    let width = corridor.lane_width_m.draw(random);
    let (median, shoulder) = (corridor.median_m.draw(random), corridor.shoulder_m.draw(random));
    let limit_mps = (corridor.speed_limit_mps.draw(random) * 3.6 / 10.0).round() * 10.0 / 3.6;
    let start_lane = (random.bits() % lanes as u64) as usize;

    let mut pieces = vec![(BEHIND_M + random.between(0.0, 150.0), 0.0)];
    let mut turned = 0.0;
    while pieces.iter().map(|(piece, _)| piece).sum::<f64>() < length {
        let piece = random.between(180.0, 420.0);
        // Curves lead back when the road has turned far, so that it never meets itself.
        let side = if turned > 0.5 {
            -1.0
        } else if turned < -0.5 {
            1.0
        } else {
            random.pick(&[-1.0, 1.0])
        };
        let curvature = if random.unit() < 0.3 { 0.0 } else { side / corridor.radius_m.draw(random) };
        turned += piece * curvature;
        pieces.push((piece, curvature));
    }
    let points = winding(&pieces, 90.0);
    // The lane's middle from the axis, outermost lane last.
    let middle = |lane: usize| -(0.5 * median + 0.5 + (lane as f64 + 0.5) * width);
    let axis = Polyline::new(&points).ok_or("the road has no length")?;
    let own = beside(&axis, |_| middle(start_lane)).ok_or("the road has no length")?;
    let start = own.pose(BEHIND_M);
    let moved: Vec<[f64; 2]> = axis.points().iter().map(|p| start.inverse_transform(p[0], p[1])).collect();
    let axis = Polyline::new(&moved).ok_or("the road has no length")?;

    let mut builder = Builder::default();
    let mut innermost = [0; 2];
    let mut way: Option<LaneId> = None;
    for (direction, base) in [axis.clone(), axis.reversed()].iter().enumerate() {
        let mut before: Option<LaneId> = None;
        for lane in 0..=lanes {
            let is_shoulder = lane == lanes;
            let (kind, half) =
                if is_shoulder { (LaneKind::Shoulder, 0.5 * shoulder) } else { (LaneKind::Driving, 0.5 * width) };
            let middle_m = if is_shoulder { middle(lanes - 1) - 0.5 * width - half } else { middle(lane) };
            let left = if lane == 0 || is_shoulder { Border::Solid } else { Border::Dashed };
            let right = match lane {
                _ if is_shoulder => Border::Rail,
                _ if lane + 1 == lanes => Border::Solid,
                _ => Border::Dashed,
            };
            let half_m = &|_: f64| half;
            let strip = Strip {
                kind,
                base,
                middle_m,
                half_m,
                borders: [left, right],
                speed_limit_mps: limit_mps,
                junction: None,
            };
            let id = builder.add(&strip)?;
            match before {
                Some(before) => builder.beside(before, id),
                None => innermost[direction] = id,
            }
            if direction == 0 && lane == start_lane {
                way = Some(id);
            }
            before = Some(id);
        }
        // Half a metre of paving lies between the innermost lane and the guard rail.
        let half_m = &|_: f64| 0.25;
        let middle_m = -(0.5 * median + 0.25);
        let borders = [Border::Rail, Border::Solid];
        let strip = Strip {
            kind: LaneKind::Shoulder,
            base,
            middle_m,
            half_m,
            borders,
            speed_limit_mps: limit_mps,
            junction: None,
        };
        let edge = builder.add(&strip)?;
        builder.beside(edge, innermost[direction]);
    }
    let way = way.ok_or("no lane to start in")?;
    let network = LaneNetwork::new(builder.roads).map_err(|error| error.to_string())?;
    let foot = network.lane(way).center.project(0.0, 0.0);
    let connections = vec![None; network.lanes().len()];
    Ok(Setting {
        connections,
        signals: Vec::new(),
        links: Vec::new(),
        bays: Vec::new(),
        posts: Vec::new(),
        start_m: foot.s_m,
        goal_m: (foot.s_m + route_m).min(network.lane(way).center.length_m() - 50.0),
        way: vec![way],
        limit_mps,
        network,
    })
}
