//! Regulatory elements: lights, right of way, limits; stop lines and crosswalks.

use super::super::draft::{Draft, RawSignal, RawStop};
use super::super::{Finding, MapError};
use super::osm::{Osm, Relation};
use std::collections::{BTreeMap, BTreeSet};
use types::StopKind;

/// The limit of a lanelet's own tag, m/s.
pub(super) fn limit(relation: &Relation) -> Result<Option<f64>, MapError> {
    let text = relation.tag("speed_limit").trim();
    if text.is_empty() {
        return Ok(None);
    }
    speed(text).map(Some).ok_or_else(|| {
        relation.element.error(format!("speed_limit is `{}`, which is no speed from 0.1 to 100 m/s", short(text)))
    })
}

/// A speed in m/s: a number of km/h, or with a unit.
fn speed(text: &str) -> Option<f64> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit.trim() {
        "" | "km/h" | "kmh" | "kph" => 1.0 / 3.6,
        "mph" => 0.447_04,
        "m/s" | "mps" => 1.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|value| value * scale).filter(|mps| (0.1..=100.0).contains(mps))
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// What lanelets are ruled by. `crossings` are crosswalk lanelets and their places in the draft.
pub(super) fn read(osm: &Osm, crossings: &BTreeMap<&str, usize>, draft: &mut Draft) -> Result<(), MapError> {
    let ruled = ruled_lanes(osm, draft);
    let by_name: BTreeMap<String, usize> =
        draft.lanes.iter().enumerate().map(|(index, lane)| (lane.name.clone(), index)).collect();
    let mut lights = BTreeSet::new();
    for id in &osm.order {
        let relation = &osm.relations[id];
        if relation.tag("type") != "regulatory_element" {
            continue;
        }
        let lanes: Vec<usize> = ruled.get(id).cloned().unwrap_or_default();
        match relation.tag("subtype") {
            "traffic_light" => {
                if let Some(signal) = identity(id, &mut lights, draft) {
                    light((id, signal), relation, osm, &lanes, crossings, draft);
                }
            }
            "right_of_way" => {
                let yields = relation.in_role("relation", "yield");
                let lanes: Vec<usize> = yields.filter_map(|name| by_name.get(name).copied()).collect();
                stop(relation, osm, &lanes, StopKind::GiveWay, None, draft);
            }
            "traffic_sign" | "stop_line" | "all_way_stop" => {
                let signs = relation.in_role("way", "refers").filter_map(|way| osm.ways.get(way));
                let is_stop = signs
                    .into_iter()
                    .any(|way| matches!(way.tags.get("subtype").copied(), Some("de206" | "stop_sign" | "usR1-1")));
                if is_stop || relation.tag("subtype") != "traffic_sign" {
                    stop(relation, osm, &lanes, StopKind::Stop, None, draft);
                }
            }
            "crosswalk" => {
                let crossing = relation.in_role("relation", "refers").find_map(|lanelet| crossings.get(lanelet));
                stop(relation, osm, &lanes, StopKind::Crossing, crossing.copied(), draft);
            }
            "speed_limit" => {
                let sign = relation.tag("sign_type");
                if let Some(mps) = speed(sign) {
                    for lane in lanes {
                        draft.lanes[lane].speed_limit_mps.get_or_insert(mps);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The lanes of the draft that name a regulatory element.
fn ruled_lanes<'a>(osm: &Osm<'a>, draft: &Draft) -> BTreeMap<&'a str, Vec<usize>> {
    let mut ruled: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, lane) in draft.lanes.iter().enumerate() {
        if let Some(relation) = osm.relations.get(lane.name.as_str()) {
            for rule in relation.in_role("relation", "regulatory_element") {
                ruled.entry(rule).or_default().push(index);
            }
        }
    }
    ruled
}

/// The identity of a light as `types::Signals` has it. Identities of Autoware reach beyond 32 bits; the lower half counts then.
fn identity(id: &str, lights: &mut BTreeSet<u32>, draft: &mut Draft) -> Option<u32> {
    let number = id.trim_start_matches('-').parse::<u64>().ok();
    let signal = number.map(|number| number as u32).filter(|signal| lights.insert(*signal));
    if signal.is_none() {
        let problem = "its id is no number, or stands twice when it is cut to 32 bits: left out";
        draft.findings.push(Finding::new(format!("traffic light {}", short(id)), problem));
    }
    signal
}

fn light(
    (id, signal): (&str, u32),
    relation: &Relation,
    osm: &Osm,
    lanes: &[usize],
    crossings: &BTreeMap<&str, usize>,
    draft: &mut Draft,
) {
    let place = relation.in_role("way", "refers").find_map(|way| {
        let points = &osm.ways.get(way)?.points;
        let count = points.len().max(1) as f64;
        (!points.is_empty()).then(|| [0, 1].map(|axis| points.iter().map(|p| p[axis]).sum::<f64>() / count))
    });
    let Some(&first) = lanes.first() else {
        // Lights of crosswalk lanelets.
        for (lanelet, crossing) in crossings {
            let own = osm
                .relations
                .get(lanelet)
                .is_some_and(|lanelet| lanelet.in_role("relation", "regulatory_element").any(|rule| rule == id));
            if own && let Some(lane) = draft.lanes.first().map(|lane| lane.name.clone()) {
                draft.signals.push(RawSignal { id: signal, place, lane, pedestrian: true });
                draft.crossings[*crossing].signal = Some(signal);
                return;
            }
        }
        return;
    };
    let lane = draft.lanes[first].name.clone();
    draft.signals.push(RawSignal { id: signal, place, lane, pedestrian: false });
    stop(relation, osm, lanes, StopKind::Signal(signal), None, draft);
}

/// A stop on each lane: at the element's stop line, or at the lane's end.
fn stop(relation: &Relation, osm: &Osm, lanes: &[usize], kind: StopKind, crossing: Option<usize>, draft: &mut Draft) {
    let lines: Vec<[[f64; 2]; 2]> = relation
        .in_role("way", "ref_line")
        .filter_map(|way| {
            let points = &osm.ways.get(way)?.points;
            Some([*points.first()?, *points.last()?])
        })
        .collect();
    for &lane in lanes {
        let own = &draft.lanes[lane];
        let line = lines.iter().copied().find(|line| crosses(own, line));
        let painted = line.is_some();
        draft.stops.push(RawStop { lane: own.name.clone(), line, kind, painted, crossing });
    }
}

/// Whether the middle of a line lies within 5 m of the end of a lane or between its borders' ends.
fn crosses(lane: &super::RawLane, line: &[[f64; 2]; 2]) -> bool {
    let middle = [0.5 * (line[0][0] + line[1][0]), 0.5 * (line[0][1] + line[1][1])];
    let outline: Vec<[f64; 2]> = lane.right.iter().chain(lane.left.iter().rev()).copied().collect();
    let inside = crate::network::index::contains(&outline, middle[0], middle[1]);
    let ends = [lane.left.last(), lane.right.last()];
    let near = ends.into_iter().flatten().any(|end| crate::polyline::distance(*end, middle) < 5.0);
    inside || near
}
