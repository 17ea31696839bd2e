//! A route made ready for planning: one smooth line with edges, speed limits and stop lines by its arc length.

use maps::{LineError, ReferenceLine};
use thiserror::Error;
use types::{Route, RoutePoint, StopLine};

/// Distance between the stations of the table, m.
const STATION_STEP_M: f64 = 1.0;
/// A foot point is looked for this far around the place where the last one leads to expect it, m.
const REACH_M: f64 = 10.0;
/// Edges farther than this from the line are as good as none, m.
const WIDEST_M: f64 = 50.0;

/// Why a route cannot be driven along.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum WayError {
    /// The points make no line.
    #[error("route: {0}")]
    Line(#[from] LineError),
    /// A number of a point cannot be true.
    #[error("route: point {index} has {field} {value}, needed a finite number of at least 0")]
    Point {
        /// Index of the point.
        index: usize,
        /// The field of [`RoutePoint`].
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// A number of a stop line cannot be true.
    #[error("route: stop line {index} has {field} {value}, needed a finite number of at least 0")]
    Stop {
        /// Index of the stop line.
        index: usize,
        /// The field of [`StopLine`].
        field: &'static str,
        /// Its value.
        value: f64,
    },
}

/// What may be driven at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Station {
    /// From the line to the left edge of what may be driven on, m.
    pub left_m: f64,
    /// From the line to the right edge of what may be driven on, m.
    pub right_m: f64,
    /// Highest allowed speed, m/s.
    pub limit_mps: f64,
}

/// A route: its line and what holds along it.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    line: ReferenceLine,
    stations: Vec<Station>,
    stops: Vec<StopLine>,
}

impl Way {
    /// Makes a route ready. Built once per drive.
    ///
    /// # Errors
    /// If the points make no line, or a width, speed limit or stop line is negative or not finite.
    pub fn new(route: &Route) -> Result<Self, WayError> {
        checked(route)?;
        let points: Vec<[f64; 2]> = route.points.iter().map(|point| [point.pose.x, point.pose.y]).collect();
        let line = ReferenceLine::new(&points)?;
        Ok(Self::with(line, route))
    }

    /// The same along a line that is already smooth and passes near all points of the route.
    ///
    /// # Errors
    /// As [`Way::new`].
    pub fn on(line: ReferenceLine, route: &Route) -> Result<Self, WayError> {
        checked(route)?;
        if route.points.len() < 2 {
            let (points, extent_m, needed_m) = (route.points.len(), 0.0, 0.01);
            return Err(LineError::TooShort { points, extent_m, needed_m }.into());
        }
        Ok(Self::with(line, route))
    }

    fn with(line: ReferenceLine, route: &Route) -> Self {
        let points: Vec<[f64; 2]> = route.points.iter().map(|point| [point.pose.x, point.pose.y]).collect();
        let places = places(&line, &points);
        let mut stops: Vec<StopLine> =
            route.stops.iter().map(|stop| StopLine { s_m: along_line(&places, stop.s_m), ..*stop }).collect();
        stops.sort_by(|a, b| a.s_m.total_cmp(&b.s_m));
        let stations = stations(&line, &places, &route.points);
        Self { line, stations, stops }
    }

    /// A line along which the same holds everywhere, without stop lines.
    #[must_use]
    pub fn along(line: ReferenceLine, station: Station) -> Self {
        Self { line, stations: vec![station], stops: Vec::new() }
    }

    /// The line in the middle of the lane.
    #[must_use]
    pub fn line(&self) -> &ReferenceLine {
        &self.line
    }

    /// The stop lines, in rising arc length of [`Way::line`].
    #[must_use]
    pub fn stops(&self) -> &[StopLine] {
        &self.stops
    }

    /// What may be driven at an arc length: edges linear between stations, the lower limit of both neighbours.
    #[must_use]
    pub fn at(&self, s_m: f64) -> Station {
        let last = self.stations.len() - 1;
        let place = if s_m.is_nan() { 0.0 } else { (s_m / STATION_STEP_M).clamp(0.0, last as f64) };
        let index = (place as usize).min(last);
        let (a, b) = (&self.stations[index], &self.stations[(index + 1).min(last)]);
        let share = place - index as f64;
        let mix = |a: f64, b: f64| a + share * (b - a);
        Station {
            left_m: mix(a.left_m, b.left_m),
            right_m: mix(a.right_m, b.right_m),
            limit_mps: if share > 0.0 { a.limit_mps.min(b.limit_mps) } else { a.limit_mps },
        }
    }
}

fn checked(route: &Route) -> Result<(), WayError> {
    for (index, point) in route.points.iter().enumerate() {
        let fields = [("left_m", point.left_m), ("right_m", point.right_m), ("speed_limit_mps", point.speed_limit_mps)];
        if let Some((field, value)) = fields.into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Err(WayError::Point { index, field, value });
        }
    }
    for (index, stop) in route.stops.iter().enumerate() {
        let fields = [("s_m", stop.s_m), ("area_m", stop.area_m)];
        if let Some((field, value)) = fields.into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Err(WayError::Stop { index, field, value });
        }
    }
    Ok(())
}

/// Arc length along the polyline of the points and along the smooth line, for each point; neither ever falls.
fn places(line: &ReferenceLine, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut places: Vec<[f64; 2]> = Vec::with_capacity(points.len());
    for (index, point) in points.iter().enumerate() {
        let Some(&[travelled, foot]) = places.last() else {
            places.push([0.0, 0.0]);
            continue;
        };
        let before = points[index - 1];
        let step = (point[0] - before[0]).hypot(point[1] - before[1]);
        let (s, _) = line.project_near(*point, foot + step, REACH_M.max(step));
        places.push([travelled + step, s.clamp(foot, line.length())]);
    }
    places
}

/// From an arc length along the polyline to that along the line; beyond the ends both grow alike.
fn along_line(places: &[[f64; 2]], s_m: f64) -> f64 {
    let last = places.len() - 1;
    let after = places.partition_point(|place| place[0] <= s_m).clamp(1, last);
    let ([from, low], [to, high]) = (places[after - 1], places[after]);
    if s_m > to {
        return high + s_m - to;
    }
    let share = if to > from { (s_m - from) / (to - from) } else { 0.0 };
    low + share * (high - low)
}

fn stations(line: &ReferenceLine, places: &[[f64; 2]], points: &[RoutePoint]) -> Vec<Station> {
    let count = (line.length() / STATION_STEP_M).ceil() as usize + 1;
    let mut next = 1;
    let station = |i: usize| {
        let s = i as f64 * STATION_STEP_M;
        while next + 1 < places.len() && places[next][1] < s {
            next += 1;
        }
        let (a, b) = (&points[next - 1], &points[next]);
        let (from, to) = (places[next - 1][1], places[next][1]);
        let share = if to > from { ((s - from) / (to - from)).clamp(0.0, 1.0) } else { 0.0 };
        let mix = |a: f64, b: f64| (a + share * (b - a)).min(WIDEST_M);
        Station {
            left_m: mix(a.left_m, b.left_m),
            right_m: mix(a.right_m, b.right_m),
            limit_mps: if share >= 1.0 { b.speed_limit_mps } else { a.speed_limit_mps },
        }
    };
    (0..count).map(station).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Pose2, StopKind};

    fn bend() -> Route {
        let pose = |i: u32| {
            let a = 0.04 * f64::from(i);
            Pose2 { x: 50.0 * a.sin(), y: 50.0 - 50.0 * a.cos(), yaw: a }
        };
        let point = |i: u32| RoutePoint {
            pose: pose(i),
            left_m: if i < 20 { 1.75 } else { 5.25 },
            right_m: 1.5,
            speed_limit_mps: if i < 30 { 13.9 } else { 8.3 },
        };
        Route {
            points: (0..40).map(point).collect(),
            stops: vec![StopLine { s_m: 60.0, area_m: 4.0, kind: StopKind::Crossing }],
        }
    }

    #[test]
    fn edges_limits_and_stops_lie_where_the_route_has_them() {
        let way = Way::new(&bend()).unwrap();
        assert_eq!(way.at(10.0), Station { left_m: 1.75, right_m: 1.5, limit_mps: 13.9 });
        assert!((way.at(45.0).left_m - 5.25).abs() < 1e-9 && way.at(39.0).left_m < 3.6);
        assert_eq!((way.at(57.0).limit_mps, way.at(61.5).limit_mps, way.at(500.0).limit_mps), (13.9, 8.3, 8.3));
        assert_eq!(way.at(f64::NAN), way.at(0.0));
        let stop = way.stops()[0];
        let place = way.line().at(stop.s_m);
        let angle = 60.0 / 50.0f64;
        assert!((place.x - 50.0 * angle.sin()).hypot(place.y - 50.0 + 50.0 * angle.cos()) < 0.1, "{place:?}");
    }

    #[test]
    fn what_cannot_be_is_named() {
        let mut route = bend();
        route.points[3].left_m = -1.0;
        assert!(matches!(Way::new(&route), Err(WayError::Point { index: 3, field: "left_m", .. })));
        let mut route = bend();
        route.stops[0].s_m = f64::NAN;
        assert!(matches!(Way::new(&route), Err(WayError::Stop { index: 0, field: "s_m", .. })));
        assert!(matches!(Way::new(&Route::default()), Err(WayError::Line(_))));
    }
}
