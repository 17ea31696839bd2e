//! Where one stops in a town: lines before junctions, crossings.

use super::junction::{Arm, Control};
use super::{Edge, Parts};
use crate::roads::{Builder, Link};
use maps::{Crossing, Lane, LaneId, LaneStop, Polyline};
use types::StopKind;

pub(super) const CROSSING_M: f64 = 3.0;
/// From the end of a road to the middle of the crossing before a junction, m.
pub(super) const CROSSING_AT_M: f64 = 3.0;
/// Between a stop line and what it is for, m.
pub(super) const LINE_GAP_M: f64 = 1.2;

/// The line at which those who come in wait for signals and for others.
pub(super) fn stop_line(arm: &Arm, control: Control, signal: Option<u32>, edges: &[Edge], builder: &mut Builder) {
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

/// The crossing of an arm, and the lines before it: those who come in stop before it, those who turn in inside the junction.
pub(super) fn before_junction(
    arm: &Arm,
    signal: Option<usize>,
    edges: &[Edge],
    builder: &mut Builder,
    parts: &mut Parts,
) {
    let edge = &edges[arm.edge];
    let length = edge.axis.as_ref().map_or(0.0, Polyline::length_m);
    let s = if arm.incoming == 0 { length - CROSSING_AT_M } else { CROSSING_AT_M };
    let crossing = add_crossing(edge, s, signal, builder, parts);
    let (kind, leaving, entering) = (StopKind::Crossing, edge.sides[1 - arm.incoming], edge.sides[arm.incoming]);
    for lane in [Some(leaving.driving), leaving.bicycle].into_iter().flatten() {
        let area_m = CROSSING_AT_M + 0.5 * CROSSING_M;
        builder.roads.stops.push(LaneStop { lane, s_m: 0.1, area_m, kind, painted: false, crossing: Some(crossing) });
    }
    for lane in [Some(entering.driving), entering.bicycle].into_iter().flatten() {
        let s_m = builder.roads.lanes[lane].center.length_m() - CROSSING_AT_M - 0.5 * CROSSING_M - LINE_GAP_M;
        let area_m = LINE_GAP_M + CROSSING_M;
        let painted = lane == entering.driving;
        builder.roads.stops.push(LaneStop { lane, s_m, area_m, kind, painted, crossing: Some(crossing) });
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
pub(super) fn between_junctions(edges: &[Edge], builder: &mut Builder, parts: &mut Parts) {
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
