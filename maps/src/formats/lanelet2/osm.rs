//! Nodes, ways and relations of an OSM file.

use super::super::xml::Element;
use super::super::{MapError, Origin};
use super::projection::Projection;
use crate::polyline::FARTHEST_M;
use std::collections::BTreeMap;

/// Key and value.
pub(super) type Tags<'a> = BTreeMap<&'a str, &'a str>;

/// Places of nodes by identity, m, and where their frame is on the earth.
type Nodes<'a> = (BTreeMap<&'a str, [f64; 2]>, Option<Origin>);

/// A line of nodes.
pub(super) struct Way<'a> {
    pub points: Vec<[f64; 2]>,
    pub nodes: Vec<&'a str>,
    pub tags: Tags<'a>,
}

/// Parts in their roles.
pub(super) struct Relation<'a> {
    pub element: Element<'a>,
    pub members: Vec<Member<'a>>,
    pub tags: Tags<'a>,
}

pub(super) struct Member<'a> {
    pub kind: &'a str,
    pub id: &'a str,
    pub role: &'a str,
}

/// Everything in a file.
pub(super) struct Osm<'a> {
    pub ways: BTreeMap<&'a str, Way<'a>>,
    pub relations: BTreeMap<&'a str, Relation<'a>>,
    /// Relations in the order of the file.
    pub order: Vec<&'a str>,
    pub origin: Option<Origin>,
    /// References of ways to nodes that are not there.
    pub missing: Vec<(String, String)>,
}

impl<'a> Osm<'a> {
    pub fn read(root: Element<'a>) -> Result<Self, MapError> {
        let live = |element: &Element| element.attribute("action") != Some("delete");
        let (nodes, origin) = nodes(root)?;
        let mut missing = Vec::new();
        let mut ways = BTreeMap::new();
        for element in root.children("way").filter(live) {
            let id = element.needed_attribute("id")?;
            let (mut points, mut own) = (Vec::new(), Vec::new());
            for part in element.children("nd") {
                let node = part.needed_attribute("ref")?;
                match nodes.get(node) {
                    Some(point) => {
                        points.push(*point);
                        own.push(node);
                    }
                    None => missing.push((id.to_string(), node.to_string())),
                }
            }
            ways.insert(id, Way { points, nodes: own, tags: tags(element)? });
        }
        let (mut relations, mut order) = (BTreeMap::new(), Vec::new());
        for element in root.children("relation").filter(live) {
            let id = element.needed_attribute("id")?;
            let member = |part: Element<'a>| {
                let role = part.attribute("role").unwrap_or_default();
                Ok(Member { kind: part.needed_attribute("type")?, id: part.needed_attribute("ref")?, role })
            };
            let members = element.children("member").map(member).collect::<Result<Vec<_>, MapError>>()?;
            if relations.insert(id, Relation { element, members, tags: tags(element)? }).is_some() {
                return Err(element.error("stands twice"));
            }
            order.push(id);
        }
        Ok(Self { ways, relations, order, origin, missing })
    }
}

impl<'a> Relation<'a> {
    pub fn tag(&self, key: &str) -> &'a str {
        self.tags.get(key).copied().unwrap_or_default()
    }

    /// Identities of the members of a type in a role.
    pub fn in_role(&self, kind: &'static str, role: &'static str) -> impl Iterator<Item = &'a str> + '_ {
        self.members.iter().filter(move |member| member.kind == kind && member.role == role).map(|member| member.id)
    }
}

fn tags<'a>(element: Element<'a>) -> Result<Tags<'a>, MapError> {
    element.children("tag").map(|tag| Ok((tag.needed_attribute("k")?, tag.needed_attribute("v")?))).collect()
}

/// Places of the nodes, m. A file whose nodes all have `local_x` and `local_y` (as Autoware writes them) has its own frame; else
/// degrees are projected around the middle of the file.
fn nodes(root: Element) -> Result<Nodes, MapError> {
    let mut all = Vec::new();
    for element in root.children("node") {
        if element.attribute("action") == Some("delete") {
            continue;
        }
        let (mut x, mut y) = (None, None);
        for tag in element.children("tag") {
            match tag.attribute("k") {
                Some("local_x") => x = Some(tag.attribute_number("v")?),
                Some("local_y") => y = Some(tag.attribute_number("v")?),
                _ => {}
            }
        }
        all.push((element, element.needed_attribute("id")?, x.zip(y)));
    }
    let mut places = BTreeMap::new();
    if !all.is_empty() && all.iter().all(|(.., local)| local.is_some()) {
        for (element, id, local) in all {
            let (x, y) = local.unwrap_or_default();
            if x.abs() > FARTHEST_M || y.abs() > FARTHEST_M {
                return Err(element.error(format!("lies at ({x}, {y}) m, beyond {FARTHEST_M} m")));
            }
            places.insert(id, [x, y]);
        }
        return Ok((places, None));
    }
    let mut degrees = Vec::with_capacity(all.len());
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for (element, id, _) in all {
        let place = [element.attribute_number("lat")?, element.attribute_number("lon")?];
        if place[0].abs() > 89.0 || place[1].abs() > 360.0 {
            return Err(element.error(format!("lies at {} deg north, {} deg east", place[0], place[1])));
        }
        for axis in 0..2 {
            (low[axis], high[axis]) = (low[axis].min(place[axis]), high[axis].max(place[axis]));
        }
        if high[0] - low[0] > 2.0 || high[1] - low[1] > 3.0 {
            let [north, east] = [high[0] - low[0], high[1] - low[1]];
            return Err(
                element.error(format!("the map reaches over {north:.1} x {east:.1} deg up to here, limit 2 x 3"))
            );
        }
        degrees.push((id, place));
    }
    if degrees.is_empty() {
        return Ok((places, None));
    }
    let middle = [0, 1].map(|axis| 0.5 * (low[axis] + high[axis]));
    // Rounded, so that a node more or less does not move the frame by crumbs.
    let [latitude_deg, longitude_deg] = middle.map(|v: f64| (v * 1e3).round() * 1e-3);
    let origin = Origin { latitude_deg, longitude_deg };
    let projection = Projection::around(origin);
    places.extend(degrees.into_iter().map(|(id, [lat, lon])| (id, projection.place(lat, lon))));
    Ok((places, Some(origin)))
}
