//! The route with the edges of what may be driven on, its stop lines, and what its signals show.

use super::lines::Scene;
use super::scene::{line_strip, new_scene};
use super::{color, planar_pose};
use foxglove::messages::{Color, TextPrimitive, Timestamp};
use types::{Phase, Route, RoutePoint, Signals, StopKind};

/// Above the ground, below plans.
const HEIGHT_M: f64 = 0.02;

pub(super) fn route(route: &Route, timestamp: Option<Timestamp>) -> Scene {
    let mut scene = new_scene("odom", "route", timestamp);
    let beside = |offset: fn(&RoutePoint) -> f64| {
        let place = |p: &RoutePoint| {
            let [x, y] = p.pose.transform(0.0, offset(p));
            [x, y, HEIGHT_M]
        };
        route.points.iter().map(place).collect::<Vec<_>>()
    };
    scene.lines.push(line_strip(beside(|_| 0.0), 0.1, color(0.8, 0.85, 0.9, 0.8)));
    for edge in [beside(|p| p.left_m), beside(|p| -p.right_m)] {
        scene.lines.push(line_strip(edge, 0.08, color(0.5, 0.6, 0.7, 0.8)));
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
        scene.lines.push(line_strip(across(&at).to_vec(), 0.3, tint));
        scene.texts.push(TextPrimitive {
            pose: Some(planar_pose(at.pose.x, at.pose.y, 1.0, 0.0)),
            billboard: true,
            font_size: 12.0,
            scale_invariant: true,
            color: Some(color(1.0, 1.0, 1.0, 1.0)),
            text: name,
        });
    }
    scene
}

pub(super) fn signals(signals: &Signals, route: &Route, timestamp: Option<Timestamp>) -> Scene {
    let mut scene = new_scene("odom", "signals", timestamp);
    for stop in &route.stops {
        let StopKind::Signal(id) = stop.kind else { continue };
        let (Some(phase), Some(at)) = (signals.phase(id), route.at(stop.s_m)) else { continue };
        let line = across(&at).map(|[x, y, z]| [x, y, z + 0.05]);
        scene.lines.push(line_strip(line.to_vec(), 0.5, phase_color(phase)));
    }
    scene
}

const fn phase_color(phase: Phase) -> Color {
    match phase {
        Phase::Red => color(1.0, 0.15, 0.15, 1.0),
        Phase::Amber => color(1.0, 0.75, 0.1, 1.0),
        Phase::Green => color(0.2, 0.95, 0.3, 1.0),
    }
}

/// From edge to edge.
fn across(at: &RoutePoint) -> [[f64; 3]; 2] {
    [at.left_m, -at.right_m].map(|offset| {
        let [x, y] = at.pose.transform(0.0, offset);
        [x, y, HEIGHT_M]
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
        assert_eq!((line[0][1], line[1][1]), (2.75, -0.75));
    }
}
