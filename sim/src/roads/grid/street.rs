//! A road between two junctions: lanes, bicycles, parking, sidewalks of both directions, and gates.

use super::{Edge, Parts, Side, Town};
use crate::random::Random;
use crate::roads::{Bay, Builder, Strip};
use maps::{Border, LaneKind, Polyline};
use types::Pose2;

pub(super) const BICYCLE_M: f64 = 1.6;
/// Radius of the posts of a gate, m.
const POST_M: f64 = 0.15;

/// From junction to junction, with a bulge that begins and ends without curvature.
pub(super) fn axis(nodes: &[[f64; 2]], edge: &Edge, junction_m: f64) -> Option<Polyline> {
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

pub(super) fn build(
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
            for across in [-0.5 * (town.lane_m - width) + POST_M, -0.5 * (town.lane_m + width) - POST_M] {
                let pose = base.offset(gate_m, across);
                parts.posts.push(([pose.x, pose.y], POST_M));
            }
        }
        edge.sides[direction] = side;
    }
    builder.opposite(edge.sides[0].driving, edge.sides[1].driving);
    Ok(())
}
