//! Lanelets, the rules that they refer to, and what they are for.

use super::super::draft::{Draft, RawLane};
use super::super::xml::Element;
use super::super::{Map, MapError, TOWN_LIMIT_MPS, USUAL_LIMIT_MPS, middle};
use super::rules::{Rules, reference};
use crate::network::{Border, Crossing, LaneKind};

/// The kinds of lanelets within which 50 km/h is usual.
const TOWN: [&str; 4] = ["urban", "driveWay", "busLane", "busStop"];

/// The network of a scenario.
pub(super) fn read(file: &str, root: Element) -> Result<Map, MapError> {
    let rules = Rules::read(root)?;
    let mut draft = Draft::default();
    for element in root.children("lanelet") {
        let types: Vec<&str> = element.children("laneletType").map(|kind| kind.text()).collect();
        let (lane, stops, signals) = lanelet(element, &types, &rules, &mut draft)?;
        if types.contains(&"crosswalk") {
            draft.crossings.push(crosswalk(&lane));
            continue;
        }
        draft.stops.extend(stops);
        draft.signals.extend(signals);
        draft.lanes.push(lane);
    }
    draft.build(file)
}

type Parts = (RawLane, Vec<super::super::draft::RawStop>, Vec<super::super::draft::RawSignal>);

fn lanelet(element: Element, types: &[&str], rules: &Rules, draft: &mut Draft) -> Result<Parts, MapError> {
    let name = element.needed_attribute("id")?.to_string();
    let (left, left_border) = bound(element.needed("leftBound")?)?;
    let (right, right_border) = bound(element.needed("rightBound")?)?;
    let mut lane = RawLane::new(name, left, right);
    lane.center = middle::of_pairs(&lane.left, &lane.right);
    if lane.center.is_none() {
        let problem = format!("has {} points to the left and {} to the right", lane.left.len(), lane.right.len());
        draft.findings.push(super::super::Finding::new(format!("lane {}", lane.name), problem));
    }
    (lane.left_border, lane.right_border) = (left_border, right_border);
    lane.kind = kind(types);
    let names = |name: &'static str| element.children(name).map(|e| reference(e)).collect::<Result<Vec<_>, _>>();
    lane.successors = names("successor")?;
    lane.predecessors = names("predecessor")?;
    for (side, place) in [("adjacentLeft", &mut lane.left_neighbor), ("adjacentRight", &mut lane.right_neighbor)] {
        if let Some(adjacent) = element.child(side) {
            *place = Some((reference(adjacent)?, adjacent.attribute("drivingDir") != Some("opposite")));
        }
    }
    lane.usual_limit_mps = if types.iter().any(|kind| TOWN.contains(kind)) { TOWN_LIMIT_MPS } else { USUAL_LIMIT_MPS };
    lane.speed_limit_mps = rules.speed_limit(element)?;
    let (stops, signals) = rules.stops(element, &lane, &mut draft.findings)?;
    Ok((lane, stops, signals))
}

/// The points and the paint of a border.
fn bound(element: Element) -> Result<(Vec<[f64; 2]>, Border), MapError> {
    let points = element.children("point").map(|point| point.place()).collect::<Result<Vec<_>, _>>()?;
    let border = match element.child("lineMarking").map_or("", |marking| marking.text()) {
        "dashed" | "broad_dashed" | "dashed_dashed" => Border::Dashed,
        "solid" | "broad_solid" | "solid_dashed" | "dashed_solid" => Border::Solid,
        "solid_solid" => Border::Double,
        "curb" | "lowered_curb" => Border::Kerb,
        _ => Border::Open,
    };
    Ok((points, border))
}

fn kind(types: &[&str]) -> LaneKind {
    let has = |kind: &str| types.contains(&kind);
    if has("sidewalk") {
        LaneKind::Sidewalk
    } else if has("bicycleLane") {
        LaneKind::Bicycle
    } else if has("shoulder") || has("border") {
        LaneKind::Shoulder
    } else if has("parking") {
        LaneKind::Parking
    } else {
        LaneKind::Driving
    }
}

/// People cross along the lanelet.
fn crosswalk(lane: &RawLane) -> Crossing {
    let end = |first: bool| {
        let pick = |line: &[[f64; 2]]| if first { line.first() } else { line.last() }.copied().unwrap_or_default();
        let (a, b) = (pick(&lane.left), pick(&lane.right));
        ([0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])], (a[0] - b[0]).hypot(a[1] - b[1]))
    };
    let ((from, first), (to, last)) = (end(true), end(false));
    Crossing { from, to, width_m: 0.5 * (first + last), zebra: true, signal: None }
}
