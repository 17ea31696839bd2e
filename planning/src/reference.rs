//! The line to drive along: the route if the ego is on it, else straight ahead.

use crate::config::Config;
use crate::start::{Memory, Start};
use crate::task::Task;
use crate::way::{Station, Way};
use maps::frenet::to_frenet_at;
use maps::{FrenetState, ReferenceLine};
use std::borrow::Cow;
use types::{Limits, wrap_angle};

/// The ego follows the route if it is at most this far beside it, m.
const NEAR_ROUTE_M: f64 = 5.0;
/// One of several lines may be two lanes away, m.
const NEAR_LINE_M: f64 = 9.0;
/// And its heading at most this far off the route's, rad.
const ALONG_ROUTE_RAD: f64 = std::f64::consts::FRAC_PI_3;
/// A route may cross itself: the search first looks this far around the last foot point, m.
const REACH_M: f64 = 30.0;
/// The curvature of the start may differ from the line's by as much as lateral jerk undoes in this time, s.
const DOUBT_S: f64 = 0.25;
/// Length of the line straight ahead, m; it goes on beyond.
const AHEAD_M: f64 = 50.0;

/// The reference line and the ego on it.
#[derive(Clone, Debug)]
pub struct Road<'a> {
    /// The line.
    pub line: Cow<'a, ReferenceLine>,
    /// Arc length of the ego's foot point, m.
    pub s_m: f64,
    /// The ego along the line.
    pub ego: FrenetState,
    /// The route, if the line is its line.
    pub way: Option<&'a Way>,
    /// Why the line is not the route, if it is not.
    pub no_route: Option<String>,
}

impl Road<'_> {
    /// A start that no candidate could leave within the limits would stop the car; the gate smooths what is clamped.
    fn clamp(&mut self, limits: &Limits) {
        let ego = &mut self.ego;
        let sharpest = DOUBT_S * limits.lateral_jerk_mps3 / (ego.s_dot_mps * ego.s_dot_mps).max(12.0);
        ego.d_second_1pm = ego.d_second_1pm.clamp(-sharpest, sharpest);
        let hardest = limits.emergency_deceleration_mps2.max(limits.deceleration_mps2);
        ego.s_ddot_mps2 = ego.s_ddot_mps2.clamp(-0.95 * hardest, 0.95 * limits.acceleration_mps2);
    }

    /// What may be driven at an arc length: by the route, or a lane around the line.
    #[must_use]
    pub fn station(&self, s_m: f64, config: &Config, limits: &Limits) -> Station {
        let half = 0.5 * config.lane_width_m;
        let lane = Station { left_m: half, right_m: half, limit_mps: config.cruise_speed_mps };
        let station = self.way.map_or(lane, |way| way.at(s_m));
        Station { limit_mps: station.limit_mps.min(limits.speed_mps), ..station }
    }
}

/// The lines that the ego could follow, each with its place in the task; the route or the line straight ahead if the task has none.
#[must_use]
pub fn roads<'a>(
    route: Option<&'a Way>,
    task: &Task<'a>,
    start: &Start,
    memory: &Memory,
    limits: &Limits,
) -> Vec<(usize, Road<'a>)> {
    let mut roads = Vec::with_capacity(task.lines.len().max(1));
    for (index, line) in task.lines.iter().enumerate() {
        let hint_s_m = memory.s_m.filter(|_| memory.line == index);
        if let Ok((s_m, ego)) = on_line(line.way.line(), start, hint_s_m, NEAR_LINE_M) {
            let mut road = Road { line: Cow::Borrowed(line.way.line()), s_m, ego, way: Some(line.way), no_route: None };
            road.clamp(limits);
            roads.push((index, road));
        }
    }
    if roads.is_empty() {
        let first = task.lines.first().map(|line| line.way);
        roads.push((0, choose(route.or(first), start, memory.s_m, limits)));
    }
    roads
}

/// Chooses the line. `hint_s_m` is the last foot point on the route.
#[must_use]
pub fn choose<'a>(route: Option<&'a Way>, start: &Start, hint_s_m: Option<f64>, limits: &Limits) -> Road<'a> {
    let mut road = find(route, start, hint_s_m);
    road.clamp(limits);
    road
}

fn find<'a>(route: Option<&'a Way>, start: &Start, hint_s_m: Option<f64>) -> Road<'a> {
    let no_route = match route {
        None => "no route".to_string(),
        Some(way) => {
            let line = way.line();
            let near = hint_s_m.filter(|s| s.is_finite()).and_then(|s| on_route(line, start, Some(s)).ok());
            match near.map_or_else(|| on_route(line, start, None), Ok) {
                Ok((s_m, ego)) => {
                    return Road { line: Cow::Borrowed(line), s_m, ego, way: Some(way), no_route: None };
                }
                Err(reason) => reason,
            }
        }
    };
    let line = ReferenceLine::straight(&start.pose(), AHEAD_M);
    // On a straight line from its own pose the ego is at the start, without offset.
    let ego = to_frenet_at(&line.at(0.0), 0.0, 0.0, &start.state).unwrap_or_default();
    Road { line: Cow::Owned(line), s_m: 0.0, ego, way: None, no_route: Some(no_route) }
}

fn on_route(line: &ReferenceLine, start: &Start, hint_s_m: Option<f64>) -> Result<(f64, FrenetState), String> {
    on_line(line, start, hint_s_m, NEAR_ROUTE_M)
}

fn on_line(
    line: &ReferenceLine,
    start: &Start,
    hint_s_m: Option<f64>,
    near_m: f64,
) -> Result<(f64, FrenetState), String> {
    let point = [start.state.x, start.state.y];
    let (s_m, d_m) = hint_s_m.map_or_else(|| line.project(point), |hint| line.project_near(point, hint, REACH_M));
    let foot = line.at(s_m);
    let distance_m = (point[0] - foot.x).hypot(point[1] - foot.y);
    let angle_rad = wrap_angle(start.state.heading_rad - foot.heading_rad);
    if distance_m > near_m {
        return Err(format!("the route is {distance_m:.1} m away, limit {near_m:.1} m"));
    }
    if angle_rad.abs() > ALONG_ROUTE_RAD {
        let (angle, limit) = (angle_rad.to_degrees(), ALONG_ROUTE_RAD.to_degrees());
        return Err(format!("the heading is {angle:.0} degrees off the route, limit {limit:.0}"));
    }
    to_frenet_at(&foot, s_m, d_m, &start.state).map(|ego| (s_m, ego)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use maps::CartesianState;

    fn start(x: f64, y: f64, heading_rad: f64) -> Start {
        Start::at_once(CartesianState { x, y, heading_rad, speed_mps: 5.0, ..Default::default() })
    }

    #[test]
    fn far_or_across_is_said() {
        let route = crate::fixture::way(ReferenceLine::new(&[[0.0, 0.0], [100.0, 0.0]]).unwrap());
        let on = choose(Some(&route), &start(20.0, 1.0, 0.1), None, &Limits::default());
        assert!(on.no_route.is_none() && (on.s_m - 20.0).abs() < 1e-9 && (on.ego.d_m - 1.0).abs() < 1e-9);
        let far = choose(Some(&route), &start(20.0, 7.0, 0.0), Some(20.0), &Limits::default());
        assert!(far.no_route.is_some_and(|r| r.contains("7.0 m away")));
        let across = choose(Some(&route), &start(20.0, 0.0, 2.0), None, &Limits::default());
        assert!(across.no_route.is_some_and(|r| r.contains("115 degrees")));
        assert_eq!(choose(None, &start(3.0, 4.0, 1.0), None, &Limits::default()).no_route.as_deref(), Some("no route"));
    }
}
