//! Roads, lane sections and lanes as they are written: `<road>`.

use super::super::MapError;
use super::super::xml::Element;
use super::curve::{Cubic, Curve};
use crate::network::{Border, LaneKind};

/// A cubic from a place on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// Where it begins, m.
    pub s_m: f64,
    pub cubic: Cubic,
}

/// Cubics one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile(pub Vec<Record>);

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub id: i64,
    /// What it is; none for what nobody uses.
    pub kind: Option<LaneKind>,
    /// Its width, m; from the beginning of the section.
    pub width: Profile,
    /// Its outer border instead of a width, m.
    pub border: Profile,
    /// The paint on its outer border.
    pub mark: Border,
    pub predecessor: Option<i64>,
    pub successor: Option<i64>,
    pub speed_mps: Option<f64>,
    /// Whether it is driven against the rule of its side.
    pub reversed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Section {
    pub s_m: f64,
    pub end_m: f64,
    /// Inside out, to the left of the reference line.
    pub left: Vec<Lane>,
    /// Inside out, to the right.
    pub right: Vec<Lane>,
    /// The paint on the middle.
    pub mark: Border,
}

/// Where a road goes on.
#[derive(Clone, Debug)]
pub(super) enum Link {
    /// Another road, at its start or at its end.
    Road { road: String, at_start: bool },
    /// A junction.
    Junction(String),
}

#[derive(Clone, Debug)]
pub(super) struct Road {
    pub id: String,
    pub curve: Curve,
    pub offset: Profile,
    pub sections: Vec<Section>,
    pub predecessor: Option<Link>,
    pub successor: Option<Link>,
    /// Whether lanes to the right lead forwards.
    pub right_hand: bool,
    /// Limits by road type from a place on: posted, or usual.
    pub types: Vec<(f64, Option<f64>, f64)>,
}

impl Profile {
    pub fn read(parent: Element, name: &'static str, start: &str) -> Result<Self, MapError> {
        let mut records = Vec::new();
        for element in parent.children(name) {
            records.push(Record { s_m: element.attribute_number(start)?, cubic: Cubic::read(element, "")? });
        }
        records.sort_by(|a: &Record, b: &Record| a.s_m.total_cmp(&b.s_m));
        Ok(Self(records))
    }

    /// The value at a place; 0 before the first record.
    pub fn at(&self, s_m: f64) -> f64 {
        let after = self.0.partition_point(|record| record.s_m <= s_m);
        after.checked_sub(1).map_or(0.0, |i| self.0[i].cubic.at(s_m - self.0[i].s_m))
    }
}

impl Road {
    pub fn read(element: Element) -> Result<Self, MapError> {
        let id = element.needed_attribute("id")?.to_string();
        let curve = Curve::read(element)?;
        let lanes = element.needed("lanes")?;
        let offset = Profile::read(lanes, "laneOffset", "s")?;
        let mut sections = Vec::new();
        for part in lanes.children("laneSection") {
            let found = section(part)?;
            if !(-1.0..=curve.length_m + 1.0).contains(&found.s_m) {
                return Err(part.error(format!("begins at {} m of a road of {} m", found.s_m, curve.length_m)));
            }
            sections.push(found);
        }
        if sections.is_empty() {
            return Err(lanes.error("has no <laneSection>"));
        }
        sections.sort_by(|a, b| a.s_m.total_cmp(&b.s_m));
        for i in 0..sections.len() {
            sections[i].end_m = sections.get(i + 1).map_or(curve.length_m, |next: &Section| next.s_m);
        }
        let link = |name| element.child("link").and_then(|link| link.child(name)).map(link).transpose();
        let (predecessor, successor) = (link("predecessor")?.flatten(), link("successor")?.flatten());
        let mut types = Vec::new();
        for kind in element.children("type") {
            let posted = kind.child("speed").map(speed).transpose()?.flatten();
            let usual = match kind.attribute("type").unwrap_or_default() {
                "town" | "townArterial" | "townCollector" | "townLocal" => 50.0,
                "lowSpeed" | "townPlayStreet" | "townPrivate" | "pedestrian" | "bicycle" => 20.0,
                "rural" => 100.0,
                _ => 130.0,
            };
            types.push((kind.attribute_number("s")?, posted, usual / 3.6));
        }
        let right_hand = element.attribute("rule") != Some("LHT");
        Ok(Self { id, curve, offset, sections, predecessor, successor, right_hand, types })
    }

    /// Whether a lane is driven towards rising s.
    pub fn forwards(&self, lane: &Lane) -> bool {
        ((lane.id < 0) == self.right_hand) != lane.reversed
    }
}

fn link(element: Element) -> Result<Option<Link>, MapError> {
    let id = element.needed_attribute("elementId")?.to_string();
    Ok(match element.attribute("elementType") {
        Some("junction") => Some(Link::Junction(id)),
        Some("road") => Some(Link::Road { road: id, at_start: element.attribute("contactPoint") != Some("end") }),
        _ => None,
    })
}

fn section(element: Element) -> Result<Section, MapError> {
    let side = |name| -> Result<Vec<Lane>, MapError> {
        let found = element.child(name).into_iter().flat_map(|side| side.children("lane"));
        let mut lanes = found.map(lane).collect::<Result<Vec<_>, _>>()?;
        lanes.sort_by_key(|lane| lane.id.unsigned_abs());
        let sign = if name == "left" { 1 } else { -1 };
        match lanes.iter().enumerate().find(|(i, lane)| lane.id != sign * (*i as i64 + 1)) {
            Some((i, lane)) => {
                Err(element.error(format!("lane {} stands where lane {} belongs", lane.id, sign * (i as i64 + 1))))
            }
            None => Ok(lanes),
        }
    };
    let middle = element.child("center").and_then(|center| center.child("lane"));
    let (left, right) = (side("left")?, side("right")?);
    Ok(Section {
        s_m: element.attribute_number("s")?,
        end_m: 0.0,
        left,
        right,
        mark: middle.map_or(Border::Open, mark),
    })
}

fn lane(element: Element) -> Result<Lane, MapError> {
    let whole = |element: Element| -> Result<i64, MapError> {
        let id = element.needed_attribute("id")?;
        id.trim().parse().map_err(|_| element.error(format!("its id `{id}` is no whole number")))
    };
    let other = |name| element.child("link").and_then(|link| link.child(name)).map(whole).transpose();
    Ok(Lane {
        id: whole(element)?,
        kind: kind(element.attribute("type").unwrap_or_default()),
        width: Profile::read(element, "width", "sOffset")?,
        border: Profile::read(element, "border", "sOffset")?,
        mark: mark(element),
        predecessor: other("predecessor")?,
        successor: other("successor")?,
        speed_mps: element.child("speed").map(speed).transpose()?.flatten(),
        reversed: element.attribute("direction") == Some("reversed"),
    })
}

/// What a lane's type is for; see the specification's table of lane types, versions 1.4 to 1.8.
fn kind(text: &str) -> Option<LaneKind> {
    match text {
        "driving" | "entry" | "exit" | "onRamp" | "offRamp" | "connectingRamp" | "slipLane" | "mwyEntry"
        | "mwyExit" | "bidirectional" | "bus" | "taxi" | "HOV" => Some(LaneKind::Driving),
        "biking" => Some(LaneKind::Bicycle),
        "parking" => Some(LaneKind::Parking),
        "shoulder" | "stop" | "border" => Some(LaneKind::Shoulder),
        "sidewalk" | "walking" => Some(LaneKind::Sidewalk),
        _ => None,
    }
}

/// The paint of a border: its first mark.
fn mark(element: Element) -> Border {
    match element.child("roadMark").and_then(|mark| mark.attribute("type")).unwrap_or_default() {
        "broken" | "broken broken" | "botts dots" => Border::Dashed,
        "solid" | "solid broken" | "broken solid" | "edge" => Border::Solid,
        "solid solid" => Border::Double,
        "curb" => Border::Kerb,
        _ => Border::Open,
    }
}

/// A speed in m/s; none for `no limit` and `undefined`.
pub(super) fn speed(element: Element) -> Result<Option<f64>, MapError> {
    if element.attribute("max").is_none_or(|max| max.parse::<f64>().is_err() && max.starts_with(['n', 'u'])) {
        return Ok(None);
    }
    let mps = element.attribute_number("max")? * unit(element.attribute("unit"), 1.0);
    if mps <= 0.0 {
        return Ok(None);
    }
    if (0.1..=100.0).contains(&mps) {
        Ok(Some(mps))
    } else {
        Err(element.error(format!("is {mps} m/s, outside 0.1 to 100")))
    }
}

/// Metres a second in a unit.
pub(super) fn unit(name: Option<&str>, otherwise: f64) -> f64 {
    match name {
        Some("km/h") => 1.0 / 3.6,
        Some("mph") => 0.447_04,
        Some("m/s") => 1.0,
        _ => otherwise,
    }
}
