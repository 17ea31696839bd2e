//! `route.toml`: the way to drive, and where on earth it lies.
//!
//! ```toml
//! origin = { latitude_deg = 49.0, longitude_deg = 8.4, height_m = 115.0 }     # of the map: x east, y north, from here
//! points = [                                                                  # centre of the lane, about 2 m apart
//!   { x_m = 0.0, y_m = 0.0, heading_rad = 0.0, left_m = 1.75, right_m = 1.75, speed_limit_mps = 13.9 },
//! ]
//! stops = [                                                                   # in rising s_m
//!   { s_m = 80.0, area_m = 12.0, kind = "signal", signal = 3 },               # or give-way, stop, crossing, goal
//! ]
//! ```

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;
use types::{Pose2, Route, RoutePoint, StopKind, StopLine};
use vehicle::ins::Geodetic;

/// A route and its origin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Way {
    /// In the frame of the map, which is `odom` of the drive.
    pub route: Route,
    /// Where the frame of the map has its origin.
    pub origin: Option<Geodetic>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    origin: Option<Origin>,
    points: Vec<Point>,
    #[serde(default)]
    stops: Vec<Stop>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Origin {
    latitude_deg: f64,
    longitude_deg: f64,
    height_m: f64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Point {
    x_m: f64,
    y_m: f64,
    heading_rad: f64,
    left_m: f64,
    right_m: f64,
    speed_limit_mps: f64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    s_m: f64,
    #[serde(default)]
    area_m: f64,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Signal,
    GiveWay,
    Stop,
    Crossing,
    Goal,
}

/// Reads a route.
///
/// # Errors
/// Names the file, the key and the numbers.
pub fn read(path: &Path) -> anyhow::Result<Way> {
    let said = || format!("{}", path.display());
    parse(&std::fs::read_to_string(path).with_context(said)?).with_context(said)
}

fn parse(text: &str) -> anyhow::Result<Way> {
    let file: File = toml::from_str(text)?;
    ensure!(file.points.len() >= 2, "points: {} of them, a way has at least 2", file.points.len());
    let mut route = Route::default();
    for (i, point) in file.points.iter().enumerate() {
        let Point { x_m, y_m, heading_rad, left_m, right_m, speed_limit_mps } = *point;
        for (key, value, low, high) in [
            ("x_m", x_m, -1e6, 1e6),
            ("y_m", y_m, -1e6, 1e6),
            ("heading_rad", heading_rad, -10.0, 10.0),
            ("left_m", left_m, 0.0, 50.0),
            ("right_m", right_m, 0.0, 50.0),
            ("speed_limit_mps", speed_limit_mps, 0.5, 70.0),
        ] {
            ensure!((low..=high).contains(&value), "points[{i}].{key} = {value} is outside {low} to {high}");
        }
        if let Some(before) = route.points.last() {
            let apart = (x_m - before.pose.x).hypot(y_m - before.pose.y);
            ensure!(
                (0.05..=30.0).contains(&apart),
                "points[{i}] lies {apart:.3} m from the one before, outside 0.05 to 30"
            );
        }
        let pose = Pose2 { x: x_m, y: y_m, yaw: heading_rad };
        route.points.push(RoutePoint { pose, left_m, right_m, speed_limit_mps });
    }
    let mut reached = 0.0;
    for (i, stop) in file.stops.iter().enumerate() {
        ensure!(
            stop.s_m.is_finite() && stop.s_m >= reached,
            "stops[{i}].s_m = {} is less than the {reached} before it",
            stop.s_m
        );
        ensure!((0.0..=200.0).contains(&stop.area_m), "stops[{i}].area_m = {} is outside 0 to 200", stop.area_m);
        reached = stop.s_m;
        let kind = match (stop.kind, stop.signal) {
            (Kind::Signal, Some(signal)) => StopKind::Signal(signal),
            (Kind::Signal, None) => bail!("stops[{i}].signal is missing: which one?"),
            (_, Some(signal)) => bail!("stops[{i}].signal = {signal}: only the kind \"signal\" has one"),
            (Kind::GiveWay, None) => StopKind::GiveWay,
            (Kind::Stop, None) => StopKind::Stop,
            (Kind::Crossing, None) => StopKind::Crossing,
            (Kind::Goal, None) => StopKind::Goal,
        };
        route.stops.push(StopLine { s_m: stop.s_m, area_m: stop.area_m, kind });
    }
    let origin = file.origin.map(|Origin { latitude_deg, longitude_deg, height_m }| {
        ensure!((-90.0..=90.0).contains(&latitude_deg), "origin.latitude_deg = {latitude_deg} is outside -90 to 90");
        ensure!(
            (-180.0..=180.0).contains(&longitude_deg),
            "origin.longitude_deg = {longitude_deg} is outside -180 to 180"
        );
        ensure!((-1000.0..=10_000.0).contains(&height_m), "origin.height_m = {height_m} is outside -1000 to 10000");
        Ok(Geodetic { latitude_deg, longitude_deg, height_m })
    });
    Ok(Way { route, origin: origin.transpose()? })
}

/// A route as text of `route.toml`, exact to the bit.
#[must_use]
pub fn to_text(way: &Way) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{line}"); // a string takes everything
    };
    if let Some(Geodetic { latitude_deg, longitude_deg, height_m }) = way.origin {
        line(format_args!(
            "origin = {{ latitude_deg = {latitude_deg:?}, longitude_deg = {longitude_deg:?}, height_m = {height_m:?} }}"
        ));
    }
    line(format_args!("points = ["));
    for RoutePoint { pose, left_m, right_m, speed_limit_mps } in &way.route.points {
        let Pose2 { x, y, yaw } = pose;
        line(format_args!(
            "  {{ x_m = {x:?}, y_m = {y:?}, heading_rad = {yaw:?}, left_m = {left_m:?}, right_m = {right_m:?}, speed_limit_mps = {speed_limit_mps:?} }},"
        ));
    }
    line(format_args!("]\nstops = ["));
    for StopLine { s_m, area_m, kind } in &way.route.stops {
        let kind = match kind {
            StopKind::Signal(signal) => format!("\"signal\", signal = {signal}"),
            StopKind::GiveWay => "\"give-way\"".to_string(),
            StopKind::Stop => "\"stop\"".to_string(),
            StopKind::Crossing => "\"crossing\"".to_string(),
            StopKind::Goal => "\"goal\"".to_string(),
        };
        line(format_args!("  {{ s_m = {s_m:?}, area_m = {area_m:?}, kind = {kind} }},"));
    }
    line(format_args!("]"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> Way {
        let point = |i: u32| RoutePoint {
            pose: Pose2 { x: 2.0 * f64::from(i), y: 0.1, yaw: 1.0 / 3.0 },
            left_m: 1.75,
            right_m: 5.25,
            speed_limit_mps: 50.0 / 3.6,
        };
        let kinds =
            [StopKind::GiveWay, StopKind::Signal(7), StopKind::Stop, StopKind::Crossing, StopKind::Goal].into_iter();
        let stops = kinds.enumerate().map(|(i, kind)| StopLine { s_m: i as f64, area_m: 0.5, kind }).collect();
        let origin = Some(Geodetic { latitude_deg: 49.011, longitude_deg: 8.416, height_m: 115.0 });
        Way { route: Route { points: (0..5).map(point).collect(), stops }, origin }
    }

    #[test]
    fn a_route_comes_back_bit_for_bit() {
        assert_eq!(parse(&to_text(&way())).unwrap(), way());
    }

    #[test]
    fn what_cannot_be_is_named() {
        let text = to_text(&way());
        for (from, to, named) in [
            ("x_m = 4.0", "x_m = 400.0", "points[2] lies 398.000 m from the one before"),
            ("x_m = 4.0", "x_m = nan", "points[2].x_m = NaN"),
            ("latitude_deg = 49.011", "latitude_deg = 94.0", "origin.latitude_deg = 94"),
            ("\"signal\", signal = 7", "\"signal\"", "stops[1].signal is missing"),
            ("\"stop\"", "\"stop\", signal = 1", "stops[2].signal = 1"),
            ("s_m = 3.0", "s_m = 1.5", "stops[3].s_m = 1.5 is less than the 2"),
            ("\"goal\"", "\"gaol\"", "gaol"),
        ] {
            let said = format!("{:#}", parse(&text.replace(from, to)).unwrap_err());
            assert!(said.contains(named), "{to}: {said}");
        }
        assert!(format!("{:#}", read(Path::new("/nowhere/route.toml")).unwrap_err()).contains("/nowhere/route.toml"));
    }
}
