//! Signals and crosswalks of roads.
//!
//! Signals are known by the numbers of the German catalogue, which the specification uses where no country is named: 205 yield, 206 stop,
//! 274 speed limit, 294 stop line; 1000001 a light for traffic, 1000002 one for people on foot, 1000003 a crosswalk.

use super::super::draft::{Draft, RawSignal, RawStop};
use super::super::xml::Element;
use super::super::{Finding, MapError};
use super::road::{Road, unit};
use crate::network::{Crossing, LaneKind};
use std::collections::BTreeMap;
use types::StopKind;

/// A stop line belongs to a light or sign at most this far away along the road, m.
const NEAR_M: f64 = 25.0;

/// Lanes of the draft by road, section and lane.
type Places = BTreeMap<(usize, usize, i64), usize>;

struct Sign<'a> {
    element: Element<'a>,
    kind: &'a str,
    s_m: f64,
    t_m: f64,
    /// Whether it is for lanes driven towards rising s, towards falling s, or both.
    forwards: [bool; 2],
}

pub(super) fn read(elements: &[Element], roads: &[Road], places: &Places, draft: &mut Draft) -> Result<(), MapError> {
    let mut pedestrian = BTreeMap::new();
    for (number, (element, road)) in elements.iter().zip(roads).enumerate() {
        let signs = signs(*element)?;
        for sign in &signs {
            match sign.kind {
                "1000003" => draft.crossings.extend(painted(sign, road)?),
                "274" => limit(sign, number, road, places, draft)?,
                "205" => stop(sign, &signs, StopKind::GiveWay, number, road, places, draft)?,
                "206" => stop(sign, &signs, StopKind::Stop, number, road, places, draft)?,
                "1000002" | "1000001" => light(sign, &signs, number, road, places, draft, &mut pedestrian)?,
                _ if sign.element.attribute("dynamic") == Some("yes") => {
                    light(sign, &signs, number, road, places, draft, &mut pedestrian)?;
                }
                _ => {}
            }
        }
        let objects = element.child("objects").into_iter().flat_map(|objects| objects.children("object"));
        for object in objects.filter(|object| object.attribute("type") == Some("crosswalk")) {
            draft.crossings.extend(crosswalk(object, road)?);
        }
    }
    Ok(())
}

fn signs(road: Element) -> Result<Vec<Sign>, MapError> {
    let found = road.child("signals").into_iter().flat_map(|signals| signals.children("signal"));
    found
        .map(|element| {
            let forwards = match element.attribute("orientation") {
                Some("+") => [true, false],
                Some("-") => [false, true],
                _ => [true, true],
            };
            Ok(Sign {
                element,
                kind: element.attribute("type").unwrap_or_default(),
                s_m: element.attribute_number("s")?,
                t_m: element.attribute_number("t")?,
                forwards,
            })
        })
        .collect()
}

/// The driving lanes that a sign is for, at its place.
fn lanes<'a>(sign: &Sign, number: usize, road: &'a Road, places: &'a Places) -> Result<Vec<(usize, bool)>, MapError> {
    let mut valid = Vec::new();
    for part in sign.element.children("validity") {
        valid.push((part.attribute_number("fromLane")?, part.attribute_number("toLane")?));
    }
    let section = road.sections.partition_point(|section| section.s_m <= sign.s_m).max(1) - 1;
    let part = &road.sections[section];
    let meant = |lane: &&super::road::Lane| {
        let id = lane.id as f64;
        let by_validity = valid.is_empty() || valid.iter().any(|(a, b)| (a.min(*b)..=a.max(*b)).contains(&id));
        lane.kind == Some(LaneKind::Driving) && by_validity && sign.forwards[usize::from(!road.forwards(lane))]
    };
    let lanes = part.left.iter().chain(&part.right).filter(meant);
    Ok(lanes.filter_map(|lane| Some((*places.get(&(number, section, lane.id))?, road.forwards(lane)))).collect())
}

fn light(
    sign: &Sign,
    signs: &[Sign],
    number: usize,
    road: &Road,
    places: &Places,
    draft: &mut Draft,
    seen: &mut BTreeMap<u32, ()>,
) -> Result<(), MapError> {
    let id = sign.element.needed_attribute("id")?;
    let Ok(id) = id.trim().parse::<u32>() else {
        let problem = "its id is no whole number below 2^32: left out";
        draft.findings.push(Finding::new(format!("signal {id} of road {}", road.id), problem));
        return Ok(());
    };
    let lanes = lanes(sign, number, road, places)?;
    let pose = road.curve.at(sign.s_m).transform(0.0, sign.t_m);
    let on_foot = sign.kind == "1000002";
    let Some((first, _)) = lanes.first().or_else(|| None).copied().or_else(|| {
        // A light for people on foot is for no lane; it stands beside the first one.
        on_foot
            .then(|| places.range((number, 0, i64::MIN)..(number + 1, 0, i64::MIN)).next())
            .flatten()
            .map(|(_, i)| (*i, true))
    }) else {
        return Ok(());
    };
    if seen.insert(id, ()).is_some() {
        return Ok(());
    }
    let lane = draft.lanes[first].name.clone();
    draft.signals.push(RawSignal { id, place: Some(pose), lane, pedestrian: on_foot });
    if on_foot { Ok(()) } else { stop(sign, signs, StopKind::Signal(id), number, road, places, draft) }
}

/// A stop on each lane that a sign is for: at the stop line near it, or at the sign.
fn stop(
    sign: &Sign,
    signs: &[Sign],
    kind: StopKind,
    number: usize,
    road: &Road,
    places: &Places,
    draft: &mut Draft,
) -> Result<(), MapError> {
    let line = |forwards: bool| {
        let lines = signs.iter().filter(|line| line.kind == "294" && line.forwards[usize::from(!forwards)]);
        let near = lines.map(|line| line.s_m).filter(|s| (s - sign.s_m).abs() <= NEAR_M);
        near.min_by(|a, b| (a - sign.s_m).abs().total_cmp(&(b - sign.s_m).abs()))
    };
    for (lane, forwards) in lanes(sign, number, road, places)? {
        let painted = line(forwards);
        let s_m = painted.unwrap_or(sign.s_m);
        // Across all lanes; only the place along the lane counts.
        let middle = draft.lanes[lane].center.as_deref().unwrap_or(&draft.lanes[lane].left);
        let across = road.curve.at(s_m);
        let at = nearest_across(middle, across);
        let name = draft.lanes[lane].name.clone();
        draft.stops.push(RawStop {
            lane: name,
            line: Some([at, at]),
            kind,
            painted: painted.is_some(),
            crossing: None,
        });
    }
    Ok(())
}

/// The point of a line that lies nearest to the line across the road.
fn nearest_across(points: &[[f64; 2]], across: types::Pose2) -> [f64; 2] {
    let ahead = |p: &[f64; 2]| across.inverse_transform(p[0], p[1])[0];
    for pair in points.windows(2) {
        let (a, b) = (ahead(&pair[0]), ahead(&pair[1]));
        let [_, side] = across.inverse_transform(pair[0][0], pair[0][1]);
        if (a <= 0.0) != (b <= 0.0) && side.abs() < 100.0 {
            let share = a / (a - b);
            return [0, 1].map(|axis| pair[0][axis] + share * (pair[1][axis] - pair[0][axis]));
        }
    }
    let end = |point: Option<&[f64; 2]>| point.copied().unwrap_or([across.x, across.y]);
    let (first, last) = (end(points.first()), end(points.last()));
    if ahead(&first).abs() < ahead(&last).abs() { first } else { last }
}

/// A limit holds from its sign to the end of the road, on lanes that have none of their own.
fn limit(sign: &Sign, number: usize, road: &Road, places: &Places, draft: &mut Draft) -> Result<(), MapError> {
    let Some(value) = sign.element.attribute("value").and_then(|value| value.parse::<f64>().ok()) else {
        return Ok(());
    };
    let mps = value * unit(sign.element.attribute("unit"), 1.0 / 3.6);
    if !(0.5..=100.0).contains(&mps) {
        return Ok(());
    }
    for ((_, section, id), lane) in places.range((number, 0, i64::MIN)..(number + 1, 0, i64::MIN)) {
        let part = &road.sections[*section];
        let Some(written) = part.left.iter().chain(&part.right).find(|lane| lane.id == *id) else { continue };
        let forwards = road.forwards(written);
        let middle = 0.5 * (part.s_m + part.end_m);
        let behind = if forwards { middle >= sign.s_m } else { middle <= sign.s_m };
        if behind && sign.forwards[usize::from(!forwards)] && written.speed_mps.is_none() {
            draft.lanes[*lane].speed_limit_mps = Some(mps);
        }
    }
    Ok(())
}

/// A crosswalk that is told as a signal: its `width` lies across the road, its `value` along it.
fn painted(sign: &Sign, road: &Road) -> Result<Option<Crossing>, MapError> {
    let across = sign.element.attribute("width").and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(0.0);
    if !(0.5..=200.0).contains(&across) {
        return Ok(None);
    }
    let width_m = sign.element.attribute_number_or("value", 4.0)?.clamp(1.0, 20.0);
    let pose = road.curve.at(sign.s_m);
    let end = |side: f64| pose.transform(0.0, sign.t_m + side * 0.5 * across);
    Ok(Some(Crossing { from: end(-1.0), to: end(1.0), width_m, zebra: true, signal: None }))
}

/// A crosswalk that is told as an object: the longer side of its outline is the way across.
fn crosswalk(object: Element, road: &Road) -> Result<Option<Crossing>, MapError> {
    let (s_m, t_m) = (object.attribute_number("s")?, object.attribute_number("t")?);
    let on_road = road.curve.at(s_m);
    let [x, y] = on_road.transform(0.0, t_m);
    let pose = types::Pose2 { x, y, yaw: on_road.yaw + object.attribute_number_or("hdg", 0.0)? };
    let outline =
        object.child("outlines").and_then(|outlines| outlines.child("outline")).or_else(|| object.child("outline"));
    let mut corners = Vec::new();
    for corner in outline.into_iter().flat_map(|outline| outline.all()) {
        match corner.name() {
            "cornerRoad" => {
                let (s, t) = (corner.attribute_number("s")?, corner.attribute_number("t")?);
                corners.push(road.curve.at(s).transform(0.0, t));
            }
            "cornerLocal" => {
                corners.push(pose.transform(corner.attribute_number("u")?, corner.attribute_number("v")?));
            }
            _ => {}
        }
    }
    if corners.len() < 4 {
        let half = |name| Ok::<f64, MapError>(0.5 * object.attribute_number_or(name, 0.0)?);
        let (a, b) = (half("length")?, half("width")?);
        corners = vec![pose.transform(a, b), pose.transform(-a, b), pose.transform(-a, -b), pose.transform(a, -b)];
    }
    let (a, b, c, d) = (corners[0], corners[1], corners[2], corners[3]);
    let gap = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let half = |a: [f64; 2], b: [f64; 2]| [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])];
    let (from, to, width_m) =
        if gap(a, b) >= gap(b, c) { (half(a, d), half(b, c), gap(b, c)) } else { (half(a, b), half(c, d), gap(a, b)) };
    let possible = [from, to].iter().flatten().all(|v| v.abs() <= crate::polyline::FARTHEST_M);
    Ok(possible.then_some(Crossing { from, to, width_m, zebra: true, signal: None }))
}
