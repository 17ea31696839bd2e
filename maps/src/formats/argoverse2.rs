//! Argoverse 2 map archives: `log_map_archive_*.json`.
//!
//! Source: the format as the public reader of the data set has it (`av2.map.map_api`). Lane segments have borders in the city frame, m;
//! heights are left out. Limits and signals are not in the format.

use super::draft::{Draft, RawLane};
use super::{Map, MapError, TOWN_LIMIT_MPS, text};
use crate::network::{Area, Border, Crossing, LaneKind};
use crate::polyline::{FARTHEST_M, distance};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct File {
    lane_segments: BTreeMap<String, Segment>,
    #[serde(default)]
    pedestrian_crossings: BTreeMap<String, PedestrianCrossing>,
    #[serde(default)]
    drivable_areas: BTreeMap<String, DrivableArea>,
}

#[derive(Clone, Copy, Deserialize)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Deserialize)]
struct Segment {
    id: i64,
    lane_type: String,
    left_lane_boundary: Vec<Point>,
    right_lane_boundary: Vec<Point>,
    #[serde(default)]
    left_lane_mark_type: String,
    #[serde(default)]
    right_lane_mark_type: String,
    #[serde(default)]
    successors: Vec<i64>,
    #[serde(default)]
    predecessors: Vec<i64>,
    left_neighbor_id: Option<i64>,
    right_neighbor_id: Option<i64>,
}

#[derive(Deserialize)]
struct PedestrianCrossing {
    id: i64,
    edge1: Vec<Point>,
    edge2: Vec<Point>,
}

#[derive(Deserialize)]
struct DrivableArea {
    id: i64,
    area_boundary: Vec<Point>,
}

/// Reads a file.
///
/// # Errors
/// See [`MapError`].
pub fn read(file: &str, bytes: &[u8]) -> Result<Map, MapError> {
    let problem = |error: serde_json::Error| MapError::Syntax { file: file.into(), problem: format!("JSON: {error}") };
    let written: File = serde_json::from_str(text(file, bytes)?).map_err(problem)?;
    let mut draft = Draft::default();
    for segment in written.lane_segments.values() {
        draft.lanes.push(lane(file, segment)?);
    }
    face_each_other(&written, &mut draft);
    for crossing in written.pedestrian_crossings.values() {
        let element = || format!("pedestrian_crossing {}", crossing.id);
        let (a, b) = (places(file, &element, &crossing.edge1)?, places(file, &element, &crossing.edge2)?);
        let ([a0, .., a1], [b0, .., b1]) = (a.as_slice(), b.as_slice()) else {
            return Err(wrong(file, element(), "has an edge of fewer than 2 points"));
        };
        // Edges may run against each other.
        let (b0, b1) = if distance(*a0, *b0) + distance(*a1, *b1) <= distance(*a0, *b1) + distance(*a1, *b0) {
            (b0, b1)
        } else {
            (b1, b0)
        };
        let middle = |p: &[f64; 2], q: &[f64; 2]| [0.5 * (p[0] + q[0]), 0.5 * (p[1] + q[1])];
        let width_m = 0.5 * (distance(*a0, *b0) + distance(*a1, *b1));
        draft.crossings.push(Crossing { from: middle(a0, b0), to: middle(a1, b1), width_m, zebra: true, signal: None });
    }
    for area in written.drivable_areas.values() {
        let element = || format!("drivable_area {}", area.id);
        let outline = places(file, &element, &area.area_boundary)?;
        if outline.len() < 3 {
            return Err(wrong(file, element(), &format!("has {} corners, needs 3", outline.len())));
        }
        draft.areas.push(Area { outline });
    }
    draft.build(file)
}

fn lane(file: &str, segment: &Segment) -> Result<RawLane, MapError> {
    let element = || format!("lane_segment {}", segment.id);
    let left = places(file, &element, &segment.left_lane_boundary)?;
    let right = places(file, &element, &segment.right_lane_boundary)?;
    let mut lane = RawLane::new(segment.id.to_string(), left, right);
    lane.kind = match segment.lane_type.as_str() {
        "VEHICLE" | "BUS" => LaneKind::Driving,
        "BIKE" => LaneKind::Bicycle,
        other => {
            return Err(wrong(
                file,
                element(),
                &format!("lane_type is `{}`", other.chars().take(40).collect::<String>()),
            ));
        }
    };
    (lane.left_border, lane.right_border) = (paint(&segment.left_lane_mark_type), paint(&segment.right_lane_mark_type));
    lane.successors = segment.successors.iter().map(ToString::to_string).collect();
    lane.predecessors = segment.predecessors.iter().map(ToString::to_string).collect();
    // Whether they lead the same way is not told; see below.
    lane.left_neighbor = segment.left_neighbor_id.map(|id| (id.to_string(), true));
    lane.right_neighbor = segment.right_neighbor_id.map(|id| (id.to_string(), true));
    lane.usual_limit_mps = TOWN_LIMIT_MPS;
    Ok(lane)
}

/// Finds which neighbours lead the other way: those that name each other on the same side.
fn face_each_other(written: &File, draft: &mut Draft) {
    for (lane, segment) in draft.lanes.iter_mut().zip(written.lane_segments.values()) {
        let heading = |segment: &Segment| {
            let ends = segment.left_lane_boundary.first().zip(segment.left_lane_boundary.last());
            ends.map_or([0.0; 2], |(a, b)| [b.x - a.x, b.y - a.y])
        };
        let own = heading(segment);
        for neighbor in [&mut lane.left_neighbor, &mut lane.right_neighbor] {
            let Some((name, same)) = neighbor else { continue };
            if let Some(other) = written.lane_segments.get(name) {
                let theirs = heading(other);
                *same = own[0] * theirs[0] + own[1] * theirs[1] > 0.0;
            }
        }
    }
}

fn paint(mark: &str) -> Border {
    match mark {
        "DASHED_WHITE" | "DASHED_YELLOW" | "DOUBLE_DASH_YELLOW" | "DOUBLE_DASH_WHITE" => Border::Dashed,
        "DOUBLE_SOLID_YELLOW" | "DOUBLE_SOLID_WHITE" => Border::Double,
        "NONE" | "UNKNOWN" | "" => Border::Open,
        _ => Border::Solid,
    }
}

fn places(file: &str, element: &dyn Fn() -> String, points: &[Point]) -> Result<Vec<[f64; 2]>, MapError> {
    points
        .iter()
        .map(|point| {
            let far = point.x.abs() > FARTHEST_M || point.y.abs() > FARTHEST_M;
            let problem = || format!("a point lies at ({}, {}) m, beyond {FARTHEST_M} m", point.x, point.y);
            if far { Err(wrong(file, element(), &problem())) } else { Ok([point.x, point.y]) }
        })
        .collect()
}

fn wrong(file: &str, element: String, problem: &str) -> MapError {
    MapError::Element { file: file.into(), element, problem: problem.into() }
}
