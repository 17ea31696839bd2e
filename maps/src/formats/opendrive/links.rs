//! Which lanes follow which: links of lanes, of roads and of junctions.

use super::super::MapError;
use super::super::xml::Element;
use super::lanes::name;
use super::road::{Lane, Link, Road};
use std::collections::BTreeMap;

/// A connection of a junction: from which road, to which road and end of it, which lane to which.
#[derive(Clone, Debug)]
struct Connection {
    incoming: String,
    connecting: String,
    at_start: bool,
    lanes: Vec<(i64, i64)>,
}

/// Roads and junctions by identity.
pub(super) struct Links<'a> {
    roads: BTreeMap<&'a str, &'a Road>,
    junctions: BTreeMap<String, Vec<Connection>>,
}

impl<'a> Links<'a> {
    pub fn read(root: Element, roads: &'a [Road]) -> Result<Self, MapError> {
        let mut junctions = BTreeMap::new();
        for element in root.children("junction") {
            let mut connections = Vec::new();
            for part in element.children("connection") {
                // Connections of virtual and direct junctions may have no connecting road.
                let connecting = part.attribute("connectingRoad").or_else(|| part.attribute("linkedRoad"));
                let (Some(incoming), Some(connecting)) = (part.attribute("incomingRoad"), connecting) else { continue };
                let mut lanes = Vec::new();
                for link in part.children("laneLink") {
                    lanes.push((link.attribute_number("from")? as i64, link.attribute_number("to")? as i64));
                }
                connections.push(Connection {
                    incoming: incoming.into(),
                    connecting: connecting.into(),
                    at_start: part.attribute("contactPoint") != Some("end"),
                    lanes,
                });
            }
            junctions.insert(element.needed_attribute("id")?.to_string(), connections);
        }
        let roads = roads.iter().map(|road| (road.id.as_str(), road)).collect();
        Ok(Self { roads, junctions })
    }

    /// Names of the lanes behind and before a lane, in its direction of travel.
    pub fn of(&self, road: &Road, section: usize, lane: &Lane) -> (Vec<String>, Vec<String>) {
        let (end, start) = (self.at(road, section, lane, true), self.at(road, section, lane, false));
        if road.forwards(lane) { (end, start) } else { (start, end) }
    }

    /// The lanes at one end of a lane: where the section ends, or where it starts.
    fn at(&self, road: &Road, section: usize, lane: &Lane, at_end: bool) -> Vec<String> {
        let own = if at_end { lane.successor } else { lane.predecessor };
        let inside = if at_end { section + 1 < road.sections.len() } else { section > 0 };
        if inside {
            let next = if at_end { section + 1 } else { section - 1 };
            return own.map(|id| name(&road.id, next, id)).into_iter().collect();
        }
        // Where one drives in at an end, one comes from a lane that is driven out there.
        let leaves = road.forwards(lane) == at_end;
        match if at_end { &road.successor } else { &road.predecessor } {
            None => Vec::new(),
            Some(Link::Road { road, at_start }) => {
                own.and_then(|id| self.enter(road, *at_start, id, leaves)).into_iter().collect()
            }
            Some(Link::Junction(id)) => {
                let connections = self.junctions.get(id).map_or(&[][..], Vec::as_slice);
                let from_here = connections.iter().filter(|connection| leaves && connection.incoming == road.id);
                let enter = |connection: &Connection| {
                    let to = connection.lanes.iter().filter(|(from, _)| *from == lane.id).map(|(_, to)| *to);
                    to.filter_map(|to| self.enter(&connection.connecting, connection.at_start, to, true))
                        .collect::<Vec<_>>()
                };
                from_here.flat_map(enter).collect()
            }
        }
    }

    /// The lane of another road at one of its ends, if it is driven away from there (or towards it, if one comes from it).
    fn enter(&self, road: &str, at_start: bool, lane: i64, away: bool) -> Option<String> {
        let road = *self.roads.get(road)?;
        let section = if at_start { 0 } else { road.sections.len() - 1 };
        let lanes = &road.sections[section];
        let found = lanes.left.iter().chain(&lanes.right).find(|other| other.id == lane)?;
        let drives_away = road.forwards(found) == at_start;
        (drives_away == away && found.kind.is_some()).then(|| name(&road.id, section, lane))
    }
}
