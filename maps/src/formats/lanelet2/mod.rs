//! Lanelet2 maps in OSM XML, with the tags of Lanelet2 and those that Autoware adds.
//!
//! Source: the Lanelet2 documentation (LaneletPrimitives, LinestringTagging, RegulatoryElementTagging). A lanelet follows another if it
//! begins at the nodes at which the other ends, and is beside another if they share a border. Lanelets driven both ways become two
//! lanes; the second is called after the first with a minus before it. Left out: areas other than parking, heights.

mod osm;
mod projection;
mod rules;

use super::draft::{Draft, RawLane};
use super::xml::{Element, Xml};
use super::{Finding, Map, MapError, TOWN_LIMIT_MPS, text};
use crate::network::{Area, Border, Crossing, LaneKind};
use crate::polyline::distance;
use osm::{Osm, Relation, Way};
use std::collections::BTreeMap;

/// The usual limit out of town: 100 km/h, m/s.
const COUNTRY_LIMIT_MPS: f64 = 100.0 / 3.6;

/// Reads a file.
///
/// # Errors
/// See [`MapError`].
pub fn read(file: &str, bytes: &[u8]) -> Result<Map, MapError> {
    let xml = Xml::parse(file, text(file, bytes)?)?;
    read_root(file, xml.root())
}

/// Where a lanelet begins and ends: nodes of the left and of the right border.
#[derive(Clone, Debug)]
struct Ends<'a> {
    start: [&'a str; 2],
    end: [&'a str; 2],
    /// Ways of the left and of the right border, and whether each is followed backwards.
    borders: [(&'a str, bool); 2],
    /// Whether it is the way back of a lanelet that is driven both ways.
    back: bool,
}

pub(super) fn read_root(file: &str, root: Element) -> Result<Map, MapError> {
    if root.name() != "osm" {
        let found = format!("its outermost element is <{}>", root.name());
        return Err(MapError::Foreign { file: file.into(), found, expected: "<osm>" });
    }
    let osm = Osm::read(root)?;
    let mut draft = Draft::default();
    for (way, node) in &osm.missing {
        draft.findings.push(Finding::new(format!("way {way}"), format!("its node {node} is not in the file")));
    }
    let mut ends = Vec::new();
    let mut crossings = BTreeMap::new();
    for id in &osm.order {
        let relation = &osm.relations[id];
        match relation.tag("type") {
            "lanelet" => lanelet(id, relation, &osm, &mut draft, &mut ends, &mut crossings)?,
            "multipolygon" if relation.tag("subtype") == "parking" => draft.areas.extend(area(relation, &osm)),
            _ => {}
        }
    }
    link(&mut draft, &ends);
    rules::read(&osm, &crossings, &mut draft)?;
    let mut map = draft.build(file)?;
    map.origin = osm.origin;
    Ok(map)
}

fn lanelet<'a>(
    id: &'a str,
    relation: &Relation<'a>,
    osm: &'a Osm<'a>,
    draft: &mut Draft,
    ends: &mut Vec<Ends<'a>>,
    crossings: &mut BTreeMap<&'a str, usize>,
) -> Result<(), MapError> {
    let border = |role: &'static str| {
        let way = relation.in_role("way", role).next()?;
        osm.ways.get(way).filter(|found| found.points.len() > 1).map(|found| (way, found))
    };
    let (Some(left), Some(right)) = (border("left"), border("right")) else {
        draft.findings.push(Finding::new(format!("lanelet {id}"), "a border is not in the file: left out"));
        return Ok(());
    };
    let backwards = aligned(&left.1.points, &right.1.points);
    let points = |way: &Way, backwards: bool| {
        let mut points = way.points.clone();
        if backwards {
            points.reverse();
        }
        points
    };
    let mut lane = RawLane::new(id.to_string(), points(left.1, backwards[0]), points(right.1, backwards[1]));
    (lane.left_border, lane.right_border) = (paint(left.1), paint(right.1));
    lane.usual_limit_mps = if relation.tag("location") == "nonurban" { COUNTRY_LIMIT_MPS } else { TOWN_LIMIT_MPS };
    lane.speed_limit_mps = rules::limit(relation)?;
    lane.kind = match relation.tag("subtype") {
        "crosswalk" => {
            crossings.insert(id, draft.crossings.len());
            draft.crossings.push(crosswalk(&lane));
            return Ok(());
        }
        "walkway" | "stairs" | "pedestrian_lane" => LaneKind::Sidewalk,
        "bicycle_lane" => LaneKind::Bicycle,
        "road_shoulder" | "emergency_lane" => LaneKind::Shoulder,
        "rail" => return Ok(()),
        _ if only_for_people(relation) => LaneKind::Sidewalk,
        _ => LaneKind::Driving,
    };
    let end = |(way, backwards): (&Way<'a>, bool)| {
        let (first, last) = (way.nodes[0], way.nodes[way.nodes.len() - 1]);
        if backwards { (last, first) } else { (first, last) }
    };
    let ((a, b), (c, d)) = (end((left.1, backwards[0])), end((right.1, backwards[1])));
    let own =
        Ends { start: [a, c], end: [b, d], borders: [(left.0, backwards[0]), (right.0, backwards[1])], back: false };
    let one_way = relation.tags.get("one_way").is_none_or(|value| matches!(*value, "yes" | "true" | "1"));
    if !one_way && lane.kind == LaneKind::Driving {
        let mut back = RawLane { name: format!("-{id}"), ..lane.clone() };
        back.turn_round();
        draft.lanes.push(lane);
        ends.push(own.clone());
        draft.lanes.push(back);
        let [left, right] = own.borders;
        let turned = |(way, backwards): (&'a str, bool)| (way, !backwards);
        ends.push(Ends { start: [d, b], end: [c, a], borders: [turned(right), turned(left)], back: true });
    } else {
        draft.lanes.push(lane);
        ends.push(own);
    }
    Ok(())
}

/// Which of two borders must be turned round so that the left one lies to the left: the one by which the ends come nearest to each other,
/// then both if they lie the wrong way round.
fn aligned(left: &[[f64; 2]], right: &[[f64; 2]]) -> [bool; 2] {
    let ends = |line: &[[f64; 2]]| (line[0], line[line.len() - 1]);
    let ((a, b), (c, d)) = (ends(left), ends(right));
    let turn_right = distance(a, c) + distance(b, d) > distance(a, d) + distance(b, c);
    let order = |points: &[[f64; 2]], back: bool| -> Vec<[f64; 2]> {
        if back { points.iter().rev().copied().collect() } else { points.to_vec() }
    };
    // The area between them, counter-clockwise along the right border and back along the left one.
    let outline: Vec<[f64; 2]> = order(right, turn_right).into_iter().chain(order(left, true)).collect();
    let origin = outline[0];
    let mut doubled = 0.0;
    for (p, q) in outline.iter().zip(outline.iter().cycle().skip(1)) {
        doubled += (p[0] - origin[0]) * (q[1] - origin[1]) - (q[0] - origin[0]) * (p[1] - origin[1]);
    }
    if doubled >= 0.0 { [false, turn_right] } else { [true, !turn_right] }
}

/// Whether the tags name people on foot and no vehicle.
fn only_for_people(relation: &Relation) -> bool {
    let says = |key: &str| relation.tags.get(key).is_some_and(|value| *value == "yes");
    says("participant:pedestrian") && !relation.tags.keys().any(|key| key.starts_with("participant:vehicle"))
}

fn paint(way: &Way) -> Border {
    let tag = |key| way.tags.get(key).copied().unwrap_or_default();
    match (tag("type"), tag("subtype")) {
        ("line_thin" | "line_thick" | "bike_marking", "dashed") => Border::Dashed,
        ("line_thin" | "line_thick", "solid_solid") => Border::Double,
        ("line_thin" | "line_thick" | "bike_marking", _) => Border::Solid,
        // A low kerb may be driven over, but is no line to change lanes across.
        ("curbstone" | "road_border", _) => Border::Kerb,
        ("guard_rail" | "wall" | "fence" | "jersey_barrier", _) => Border::Rail,
        _ => Border::Open,
    }
}

/// People cross along the lanelet.
fn crosswalk(lane: &RawLane) -> Crossing {
    let end = |pick: fn(&[[f64; 2]]) -> [f64; 2]| {
        let (a, b) = (pick(&lane.left), pick(&lane.right));
        ([0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])], distance(a, b))
    };
    let ((from, first), (to, last)) = (end(|line| line[0]), end(|line| line[line.len() - 1]));
    Crossing { from, to, width_m: 0.5 * (first + last), zebra: true, signal: None }
}

/// An area with one closed outline.
fn area(relation: &Relation, osm: &Osm) -> Option<Area> {
    let mut ways = relation.in_role("way", "outer");
    let way = osm.ways.get(ways.next()?)?;
    (ways.next().is_none() && way.points.len() > 3 && way.nodes.first() == way.nodes.last())
        .then(|| Area { outline: way.points[1..].to_vec() })
}

/// Successors by shared ends, neighbours by shared borders.
fn link(draft: &mut Draft, ends: &[Ends]) {
    let mut starts: BTreeMap<[&str; 2], Vec<usize>> = BTreeMap::new();
    let mut by_left: BTreeMap<(&str, bool), Vec<usize>> = BTreeMap::new();
    let mut by_right: BTreeMap<(&str, bool), Vec<usize>> = BTreeMap::new();
    for (i, own) in ends.iter().enumerate() {
        starts.entry(own.start).or_default().push(i);
        if own.back {
            continue;
        }
        by_left.entry(own.borders[0]).or_default().push(i);
        by_right.entry(own.borders[1]).or_default().push(i);
    }
    let names: Vec<String> = draft.lanes.iter().map(|lane| lane.name.clone()).collect();
    for (i, own) in ends.iter().enumerate() {
        // To turn round on the spot is no way.
        let twin = |j: usize| ends[j].end == own.start && ends[j].borders[0].0 == own.borders[1].0;
        let next = starts.get(&own.end).into_iter().flatten().filter(|j| **j != i && !twin(**j));
        draft.lanes[i].successors = next.map(|j| names[*j].clone()).collect();
        // The way back lies on its own lanelet; what is beside that is said there.
        if own.back {
            continue;
        }
        let [(left, left_back), (right, right_back)] = own.borders;
        let other = |found: Option<&Vec<usize>>, same: bool| {
            let kind = draft.lanes[i].kind;
            let mut all = found?.iter().filter(|j| **j != i && draft.lanes[**j].kind == kind);
            all.next().filter(|_| all.next().is_none()).map(|j| (names[*j].clone(), same))
        };
        let to_left =
            other(by_right.get(&(left, left_back)), true).or_else(|| other(by_left.get(&(left, !left_back)), false));
        let to_right = other(by_left.get(&(right, right_back)), true)
            .or_else(|| other(by_right.get(&(right, !right_back)), false));
        (draft.lanes[i].left_neighbor, draft.lanes[i].right_neighbor) = (to_left, to_right);
    }
}
