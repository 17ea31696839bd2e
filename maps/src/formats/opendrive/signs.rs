//! Signals and crosswalks of roads.
//!
//! Signals are known by the numbers of the German catalogue, which the specification uses where no country is named: 205 yield, 206 stop,
//! 274 speed limit, 294 stop line; 1000001 a light for traffic, 1000002 one for people on foot, 1000003 a crosswalk.

use super::super::draft::{Draft, RawSignal, RawStop};
use super::super::xml::Element;
use super::super::{Finding, MapError};
use super::road::{Road, unit};
use crate::network::{Crossing, LaneKind};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Whether it is for lanes driven towards rising s, and towards falling s.
    forwards: [bool; 2],
}

/// A road with its signs and its lanes in the draft.
struct Site<'a> {
    number: usize,
    road: &'a Road,
    places: &'a Places,
    signs: &'a [Sign<'a>],
}

/// Puts stops, signals, crossings and limits into the draft. `places` says where the draft has a lane.
pub(super) fn read(elements: &[Element], roads: &[Road], places: &Places, draft: &mut Draft) -> Result<(), MapError> {
    let mut lights = BTreeSet::new();
    for (number, (element, road)) in elements.iter().zip(roads).enumerate() {
        let signs = signs(*element)?;
        let site = Site { number, road, places, signs: &signs };
        for sign in &signs {
            match sign.kind {
                "1000003" => draft.crossings.extend(painted(sign, road)?),
                "274" => site.limit(sign, draft),
                "205" => site.stop(sign, StopKind::GiveWay, draft)?,
                "206" => site.stop(sign, StopKind::Stop, draft)?,
                "1000001" | "1000002" => site.light(sign, draft, &mut lights)?,
                _ if sign.element.attribute("dynamic") == Some("yes") => site.light(sign, draft, &mut lights)?,
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

impl Site<'_> {
    /// The driving lanes that a sign is for, at its place: where the draft has them, and whether they are driven forwards.
    fn lanes(&self, sign: &Sign) -> Result<Vec<(usize, bool)>, MapError> {
        let mut valid = Vec::new();
        for part in sign.element.children("validity") {
            valid.push((part.attribute_number("fromLane")?, part.attribute_number("toLane")?));
        }
        let sections = &self.road.sections;
        let section = sections.partition_point(|section| section.s_m <= sign.s_m).max(1) - 1;
        let mut found = Vec::new();
        for lane in sections[section].left.iter().chain(&sections[section].right) {
            let id = lane.id as f64;
            let forwards = self.road.forwards(lane);
            let meant = valid.is_empty() || valid.iter().any(|(a, b)| (a.min(*b)..=a.max(*b)).contains(&id));
            if meant && lane.kind == Some(LaneKind::Driving) && sign.forwards[usize::from(!forwards)] {
                found.extend(self.places.get(&(self.number, section, lane.id)).map(|place| (*place, forwards)));
            }
        }
        Ok(found)
    }

    /// Every lane of the road in the draft.
    fn all(&self) -> impl Iterator<Item = (usize, i64, usize)> {
        let own = (self.number, 0, i64::MIN)..(self.number + 1, 0, i64::MIN);
        self.places.range(own).map(|((_, section, id), place)| (*section, *id, *place))
    }

    fn light(&self, sign: &Sign, draft: &mut Draft, seen: &mut BTreeSet<u32>) -> Result<(), MapError> {
        let id = sign.element.needed_attribute("id")?;
        let Ok(id) = id.trim().parse::<u32>() else {
            let problem = "its id is no whole number below 2^32: left out";
            draft.findings.push(Finding::new(format!("signal {id} of road {}", self.road.id), problem));
            return Ok(());
        };
        let pedestrian = sign.kind == "1000002";
        // A light for people on foot is for no lane; it stands beside the first one.
        let own = self.lanes(sign)?.first().map(|(place, _)| *place);
        let Some(lane) = own.or_else(|| self.all().next().map(|(.., place)| place).filter(|_| pedestrian)) else {
            return Ok(());
        };
        if !seen.insert(id) {
            return Ok(());
        }
        let place = Some(self.road.curve.at(sign.s_m).transform(0.0, sign.t_m));
        draft.signals.push(RawSignal { id, place, lane: draft.lanes[lane].name.clone(), pedestrian });
        if pedestrian { Ok(()) } else { self.stop(sign, StopKind::Signal(id), draft) }
    }

    /// A stop on each lane that a sign is for: at the stop line near it, or at the sign.
    fn stop(&self, sign: &Sign, kind: StopKind, draft: &mut Draft) -> Result<(), MapError> {
        for (place, forwards) in self.lanes(sign)? {
            let lines = self.signs.iter().filter(|line| line.kind == "294" && line.forwards[usize::from(!forwards)]);
            let gap = |s_m: &f64| (s_m - sign.s_m).abs();
            let painted =
                lines.map(|line| line.s_m).filter(|s_m| gap(s_m) <= NEAR_M).min_by(|a, b| gap(a).total_cmp(&gap(b)));
            let lane = &draft.lanes[place];
            let middle = lane.center.as_deref().unwrap_or(&lane.left);
            // Only the place along the lane counts.
            let at = crossed(middle, self.road.curve.at(painted.unwrap_or(sign.s_m)));
            let (lane, line) = (lane.name.clone(), Some([at, at]));
            draft.stops.push(RawStop { lane, line, kind, painted: painted.is_some(), crossing: None });
        }
        Ok(())
    }

    /// A limit holds from its sign to the end of the road, on lanes that have none of their own.
    fn limit(&self, sign: &Sign, draft: &mut Draft) {
        let value = sign.element.attribute("value").and_then(|value| value.trim().parse::<f64>().ok());
        let mps = value.unwrap_or(0.0) * unit(sign.element.attribute("unit"), 1.0 / 3.6);
        if !(0.5..=100.0).contains(&mps) {
            return;
        }
        for (section, id, place) in self.all() {
            let part = &self.road.sections[section];
            let Some(lane) = part.left.iter().chain(&part.right).find(|lane| lane.id == id) else { continue };
            let forwards = self.road.forwards(lane);
            let middle = 0.5 * (part.s_m + part.end_m);
            let behind = if forwards { middle >= sign.s_m } else { middle <= sign.s_m };
            if behind && sign.forwards[usize::from(!forwards)] && lane.speed_mps.is_none() {
                draft.lanes[place].speed_limit_mps = Some(mps);
            }
        }
    }
}

/// Where a line crosses the line across the road at a pose; else the end that is nearer to it.
fn crossed(points: &[[f64; 2]], across: types::Pose2) -> [f64; 2] {
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
