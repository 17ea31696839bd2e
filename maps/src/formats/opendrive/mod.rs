//! OpenDRIVE (ASAM, versions 1.4 to 1.8): roads with a reference line and lanes beside it.
//!
//! Read: `planView` with all shapes, `laneOffset`, lane sections, widths and borders, road marks, speeds, links of lanes, roads and
//! junctions, signals (lights, stop lines, stop and yield signs, limits), crosswalks. Left out: heights, superelevation, road shapes, objects
//! other than crosswalks. The frame is the file's own. Lanes are called `road.section.lane`.

mod curve;
mod lanes;
mod links;
mod road;
mod signs;

use super::draft::Draft;
use super::xml::{Element, Xml};
use super::{Map, MapError, text};
use road::Road;
use std::collections::BTreeMap;

/// More points than this are no map, but a mistake in a number.
const MOST_POINTS: usize = 20_000_000;

/// Reads a file.
///
/// # Errors
/// See [`MapError`].
pub fn read(file: &str, bytes: &[u8]) -> Result<Map, MapError> {
    let xml = Xml::parse(file, text(file, bytes)?)?;
    read_root(file, xml.root())
}

pub(super) fn read_root(file: &str, root: Element) -> Result<Map, MapError> {
    if root.name() != "OpenDRIVE" {
        let found = format!("its outermost element is <{}>", root.name());
        return Err(MapError::Foreign { file: file.into(), found, expected: "<OpenDRIVE>" });
    }
    let elements: Vec<Element> = root.children("road").collect();
    let roads = elements.iter().map(|element| Road::read(*element)).collect::<Result<Vec<_>, _>>()?;
    let links = links::Links::read(root, &roads)?;
    let mut draft = Draft::default();
    let mut points = 0;
    let mut places = BTreeMap::new();
    for (number, road) in roads.iter().enumerate() {
        for index in 0..road.sections.len() {
            let section = &road.sections[index];
            for (id, mut raw) in lanes::of_section(road, index) {
                points += 3 * raw.left.len();
                let written = section.left.iter().chain(&section.right).find(|lane| lane.id == id);
                if let Some(lane) = written {
                    (raw.successors, raw.predecessors) = links.of(road, index, lane);
                }
                places.insert((number, index, id), draft.lanes.len());
                draft.lanes.push(raw);
            }
        }
        if points > MOST_POINTS {
            return Err(
                elements[number].error(format!("the lanes up to here have {points} points, limit {MOST_POINTS}"))
            );
        }
    }
    signs::read(&elements, &roads, &places, &mut draft)?;
    draft.drop_links_to_nothing();
    draft.build(file)
}
