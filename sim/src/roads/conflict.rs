//! Where ways through a junction come too near to each other.

use super::Connection;
use maps::{LaneId, LaneKind, Polyline, Roads};
use types::wrap_angle;

/// Step along the ways, m.
const STEP_M: f64 = 0.5;
/// Ways that begin at more than this angle to each other come from opposite directions, rad.
const ONCOMING_RAD: f64 = 2.0;

/// A stretch of a way that is too near to a stretch of another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conflict {
    /// The other way.
    pub other: LaneId,
    /// Own stretch, m.
    pub own: [f64; 2],
    /// The other's stretch, m.
    pub their: [f64; 2],
    /// The other comes from the opposite direction.
    pub oncoming: bool,
}

/// Half the room that a user of a lane takes, m.
fn half_m(kind: LaneKind) -> f64 {
    if kind == LaneKind::Bicycle { 0.45 } else { 1.35 }
}

/// Fills in the conflicts and siblings of all connections.
pub fn find(connections: &mut [Option<Connection>], roads: &Roads) {
    let ways: Vec<(LaneId, LaneId, usize)> = connections
        .iter()
        .flatten()
        .filter_map(|way| roads.lanes[way.lane].junction.map(|junction| (way.lane, way.from, junction)))
        .collect();
    for &(own, own_from, junction) in &ways {
        for &(other, other_from, _) in ways.iter().filter(|way| way.2 == junction && way.0 != own) {
            let near = half_m(roads.lanes[own].kind) + half_m(roads.lanes[other].kind) + 0.2;
            let (a, b) = (&roads.lanes[own].center, &roads.lanes[other].center);
            let Some(connection) = &mut connections[own] else { continue };
            if own_from == other_from {
                let together = (0..).map(|i| f64::from(i) * STEP_M);
                let apart = together.take_while(|s| *s < a.length_m()).find(|s| far(a, *s, b, near));
                connection.siblings.push((other, apart.unwrap_or(a.length_m())));
            } else if let Some((own, their)) = stretches(a, b, near) {
                let oncoming = wrap_angle(a.pose(0.0).yaw - b.pose(0.0).yaw).abs() > ONCOMING_RAD;
                connection.conflicts.push(Conflict { other, own, their, oncoming });
            }
        }
    }
}

fn far(a: &Polyline, s: f64, b: &Polyline, near: f64) -> bool {
    let pose = a.pose(s);
    b.project(pose.x, pose.y).distance_m > near
}

/// The first and last place on each line at which the other is near.
fn stretches(a: &Polyline, b: &Polyline, near: f64) -> Option<([f64; 2], [f64; 2])> {
    let side = |a: &Polyline, b: &Polyline| {
        let count = (a.length_m() / STEP_M).ceil() as usize;
        let places = (0..=count).map(|i| (i as f64 * STEP_M).min(a.length_m())).filter(|s| !far(a, *s, b, near));
        places.fold(None, |found: Option<[f64; 2]>, s| Some([found.map_or(s, |[first, _]| first), s]))
    };
    side(a, b).zip(side(b, a))
}
