//! The recorded traffic as tracks, as signals, and as a future that is known.

use maps::formats::commonroad::{Future, MovingState, Obstacle, Scenario, Shape};
use planning::Futures;
use std::collections::BTreeMap;
use types::{Box3, ObjectClass, Signals, Stamp, Track, Tracks, wrap_angle};

/// The traffic of a scenario.
pub struct Traffic<'a> {
    scenario: &'a Scenario,
    /// How often each was seen.
    hits: BTreeMap<u64, u32>,
}

/// An obstacle's box at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    center: [f64; 2],
    heading_rad: f64,
    size_m: [f64; 2],
    speed_mps: f64,
}

impl<'a> Traffic<'a> {
    /// Nobody was seen yet.
    #[must_use]
    pub fn new(scenario: &'a Scenario) -> Self {
        Self { scenario, hits: BTreeMap::new() }
    }

    /// Who is there at a step, as a perfect tracker would tell it: with what was seen up to now.
    pub fn tracks(&mut self, step: i64, stamp: Stamp) -> Tracks {
        let mut objects = Vec::new();
        for (index, obstacle) in self.scenario.obstacles.iter().enumerate() {
            let id = index as u64;
            let Some(place) = place(obstacle, step) else {
                self.hits.remove(&id);
                continue;
            };
            let hits = self.hits.entry(id).or_insert(9);
            *hits = hits.saturating_add(1);
            let before = place_before(obstacle, step);
            let dt = self.scenario.time_step_s;
            let turned = before.map_or(0.0, |before| wrap_angle(place.heading_rad - before.heading_rad));
            let (sin, cos) = place.heading_rad.sin_cos();
            let mut covariance = [[0.0; 4]; 4];
            (0..4).for_each(|i| covariance[i][i] = 0.01);
            objects.push(Track {
                id,
                class: class(&obstacle.kind),
                existence: 1.0,
                bbox: Box3 {
                    center: [place.center[0], place.center[1], 0.8],
                    length: place.size_m[0].max(0.1),
                    width: place.size_m[1].max(0.1),
                    height: 1.6,
                    yaw: place.heading_rad,
                },
                velocity_mps: [place.speed_mps * cos, place.speed_mps * sin],
                yaw_rate_radps: turned / dt,
                covariance,
                heading_covariance: [[0.0; 2]; 2],
                hits: *hits,
                misses: 0,
            });
        }
        Tracks { frame: 0, stamp, objects }
    }

    /// Where everybody will be from a step on, for `seconds`.
    #[must_use]
    pub fn futures(&self, step: i64, seconds: f64) -> Futures {
        let steps = (seconds / self.scenario.time_step_s).ceil() as i64;
        let future = |(index, obstacle): (usize, &Obstacle)| {
            let pose = |k: i64| place(obstacle, step + k).map(|p| [p.center[0], p.center[1], p.heading_rad]);
            planning::Future { track: index as u64, poses: (0..=steps).map(pose).collect() }
        };
        Futures {
            step_s: self.scenario.time_step_s,
            tracks: self.scenario.obstacles.iter().enumerate().map(future).collect(),
        }
    }

    /// What the lights show at a step.
    #[must_use]
    pub fn signals(&self, step: i64, stamp: Stamp) -> Signals {
        let mut phases: Vec<_> =
            self.scenario.programs.iter().filter_map(|program| Some((program.id, program.phase(step)?))).collect();
        phases.sort_by_key(|(id, _)| *id);
        Signals { seq: 0, stamp, phases }
    }
}

fn place_before(obstacle: &Obstacle, step: i64) -> Option<Place> {
    place(obstacle, step - 1)
}

/// The box around an obstacle's shapes at a step.
fn place(obstacle: &Obstacle, step: i64) -> Option<Place> {
    if let Some(state) = obstacle.at(step) {
        let origin = MovingState { x: 0.0, y: 0.0, heading_rad: 0.0, ..state };
        let (low, high) = bounds(obstacle.shape.iter().map(|shape| shape.placed(&origin)))?;
        let middle = [0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1])];
        let [x, y] = types::Pose2 { x: state.x, y: state.y, yaw: state.heading_rad }.transform(middle[0], middle[1]);
        let size_m = [high[0] - low[0], high[1] - low[1]];
        return Some(Place { center: [x, y], heading_rad: state.heading_rad, size_m, speed_mps: state.speed_mps });
    }
    let Future::Occupancies(_) = &obstacle.future else { return None };
    let (low, high) = bounds(obstacle.ground(step).into_iter())?;
    let center = [0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1])];
    Some(Place { center, heading_rad: 0.0, size_m: [high[0] - low[0], high[1] - low[1]], speed_mps: 0.0 })
}

fn bounds(shapes: impl Iterator<Item = Shape>) -> Option<([f64; 2], [f64; 2])> {
    shapes.flat_map(|shape| shape.corners()).fold(None, |bounds, corner| {
        let (low, high) = bounds.unwrap_or((corner, corner));
        let pick = |by: fn(f64, f64) -> f64, a: [f64; 2]| [by(a[0], corner[0]), by(a[1], corner[1])];
        Some((pick(f64::min, low), pick(f64::max, high)))
    })
}

/// CommonRoad's words for what an obstacle is.
fn class(kind: &str) -> ObjectClass {
    match kind {
        "car" | "parkedVehicle" | "taxi" | "priorityVehicle" => ObjectClass::Car,
        "truck" => ObjectClass::Truck,
        "bus" | "train" => ObjectClass::Bus,
        "bicycle" => ObjectClass::Cyclist,
        "motorcycle" => ObjectClass::Motorcycle,
        "pedestrian" => ObjectClass::Pedestrian,
        _ => ObjectClass::Unknown,
    }
}
