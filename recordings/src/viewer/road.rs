//! The route with the edges of what may be driven on, its stop lines, and what its signals show.

use super::scene::{line_strip, new_entity};
use super::{color, planar_pose, point};
use foxglove::messages::{Color, Point3, SceneUpdate, TextPrimitive, Timestamp};
use types::{Phase, Route, RoutePoint, Signals, StopKind};

/// Above the ground, below plans.
const HEIGHT_M: f64 = 0.02;

pub(super) fn route(route: &Route, timestamp: Option<Timestamp>) -> SceneUpdate {
    let mut entity = new_entity("odom", "route", timestamp);
    let beside = |offset: fn(&RoutePoint) -> f64| {
        let place = |p: &RoutePoint| {
            let [x, y] = p.pose.transform(0.0, offset(p));
            point(x, y, HEIGHT_M)
        };
        route.points.iter().map(place).collect::<Vec<_>>()
    };
    entity.lines.push(line_strip(beside(|_| 0.0), 0.1, color(0.8, 0.85, 0.9, 0.8)));
    for edge in [beside(|p| p.left_m), beside(|p| -p.right_m)] {
        entity.lines.push(line_strip(edge, 0.08, color(0.5, 0.6, 0.7, 0.8)));
    }
    for stop in &route.stops {
        let Some(at) = route.at(stop.s_m) else { continue };
        let (name, tint) = match stop.kind {
            StopKind::Signal(id) => (format!("signal {id}"), color(0.9, 0.9, 0.9, 0.9)),
            StopKind::GiveWay => ("give way".into(), color(1.0, 0.75, 0.2, 0.9)),
            StopKind::Stop => ("stop".into(), color(1.0, 0.3, 0.3, 0.9)),
            StopKind::Crossing => ("crossing".into(), color(0.6, 0.8, 1.0, 0.9)),
            StopKind::Goal => ("goal".into(), color(0.4, 1.0, 0.6, 0.9)),
        };
        entity.lines.push(line_strip(across(&at).to_vec(), 0.3, tint));
        entity.texts.push(TextPrimitive {
            pose: Some(planar_pose(at.pose.x, at.pose.y, 1.0, 0.0)),
            billboard: true,
            font_size: 12.0,
            scale_invariant: true,
            color: Some(color(1.0, 1.0, 1.0, 1.0)),
            text: name,
        });
    }
    SceneUpdate { deletions: Vec::new(), entities: vec![entity] }
}

pub(super) fn signals(signals: &Signals, route: &Route, timestamp: Option<Timestamp>) -> SceneUpdate {
    let mut entity = new_entity("odom", "signals", timestamp);
    for stop in &route.stops {
        let StopKind::Signal(id) = stop.kind else { continue };
        let (Some(phase), Some(at)) = (signals.phase(id), route.at(stop.s_m)) else { continue };
        let line = across(&at).map(|p| Point3 { z: p.z + 0.05, ..p });
        entity.lines.push(line_strip(line.to_vec(), 0.5, phase_color(phase)));
    }
    SceneUpdate { deletions: Vec::new(), entities: vec![entity] }
}

const fn phase_color(phase: Phase) -> Color {
    match phase {
        Phase::Red => color(1.0, 0.15, 0.15, 1.0),
        Phase::Amber => color(1.0, 0.75, 0.1, 1.0),
        Phase::Green => color(0.2, 0.95, 0.3, 1.0),
    }
}

/// From edge to edge.
fn across(at: &RoutePoint) -> [Point3; 2] {
    [at.left_m, -at.right_m].map(|offset| {
        let [x, y] = at.pose.transform(0.0, offset);
        point(x, y, HEIGHT_M)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Pose2;

    #[test]
    fn lines_lie_across_the_road() {
        let route = Route::of_poses([0.0, 2.0, 4.0].map(|x| Pose2 { x, y: 1.0, yaw: 0.0 }));
        let line = across(&route.points[0]);
        assert_eq!((line[0].y, line[1].y), (2.75, -0.75));
    }
}
