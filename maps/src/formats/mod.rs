//! Files of roads, each made into the one lane network.
//!
//! In: the bytes of a file and its name. Out: a [`Map`]: the network, what its lanes are called in the file, and what did not fit.
//! Never: a file opened, a panic, a network that fails its checks. What cannot be read is an error that names the file, the element
//! and the number; what does not fit together is a [`Finding`].

pub mod argoverse2;
pub mod commonroad;
mod draft;
pub mod error;
pub mod lanelet2;
mod middle;
pub mod opendrive;
mod xml;

pub use error::{Finding, MapError};

use crate::network::{LaneId, LaneNetwork};

/// Larger files are no map of one drive, bytes.
pub const MOST_BYTES: usize = 256 << 20;
/// The limit of a lane whose file tells none and whose kind has none: 130 km/h, m/s.
pub const USUAL_LIMIT_MPS: f64 = 130.0 / 3.6;
/// The usual limit within a town: 50 km/h, m/s.
pub(crate) const TOWN_LIMIT_MPS: f64 = 50.0 / 3.6;

/// What [`read`] reads.
const FORMATS: &str = "CommonRoad XML, Lanelet2 OSM, OpenDRIVE, Argoverse 2 JSON";

/// Roads as a file has them.
#[derive(Clone, Debug)]
pub struct Map {
    /// The lanes and all that refers to them. Planar, metres, the file's own frame or the one of [`Map::origin`].
    pub network: LaneNetwork,
    /// What each lane is called in the file, by [`LaneId`].
    pub names: Vec<String>,
    /// Whether each lane's speed limit is in the file, by [`LaneId`]; else it is the usual one of its kind.
    pub posted: Vec<bool>,
    /// Where the frame's origin is on the earth, if the file is in degrees.
    pub origin: Option<Origin>,
    /// What was left out or mended.
    pub findings: Vec<Finding>,
}

/// The place of a planar frame on the earth (WGS 84); x is east and y is north there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Origin {
    /// Degrees north.
    pub latitude_deg: f64,
    /// Degrees east.
    pub longitude_deg: f64,
}

/// What a file holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// Roads alone.
    Map(Box<Map>),
    /// Roads with a task and traffic.
    Scenario(Box<commonroad::Scenario>),
}

impl Content {
    /// The roads.
    #[must_use]
    pub fn map(&self) -> &Map {
        match self {
            Self::Map(map) => map,
            Self::Scenario(scenario) => &scenario.map,
        }
    }

    /// The task and the traffic, if the file has them.
    #[must_use]
    pub fn scenario(&self) -> Option<&commonroad::Scenario> {
        match self {
            Self::Map(_) => None,
            Self::Scenario(scenario) => Some(scenario),
        }
    }
}

/// Reads a file of any of the formats, by what is in it.
///
/// # Errors
/// See [`MapError`].
pub fn read(file: &str, bytes: &[u8]) -> Result<Content, MapError> {
    let text = text(file, bytes)?;
    let map = |map| Content::Map(Box::new(map));
    if text.trim_start().starts_with('{') {
        return argoverse2::read(file, bytes).map(map);
    }
    let xml = xml::Xml::parse(file, text)?;
    let root = xml.root();
    match root.name() {
        "commonRoad" => commonroad::read_root(file, root).map(|scenario| Content::Scenario(Box::new(scenario))),
        "OpenDRIVE" => opendrive::read_root(file, root).map(map),
        "osm" => lanelet2::read_root(file, root).map(map),
        other => {
            let found = format!("its outermost element is <{}>", other.chars().take(40).collect::<String>());
            Err(MapError::Foreign { file: file.into(), found, expected: FORMATS })
        }
    }
}

impl Map {
    /// The lane of a name in the file.
    #[must_use]
    pub fn lane(&self, name: &str) -> Option<LaneId> {
        self.names.iter().position(|own| own == name)
    }
}

/// The text in the bytes of a file.
pub(crate) fn text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, MapError> {
    if bytes.len() > MOST_BYTES {
        return Err(MapError::TooLarge { file: file.into(), bytes: bytes.len(), limit: MOST_BYTES });
    }
    let problem = |error: std::str::Utf8Error| format!("byte {} is not UTF-8", error.valid_up_to());
    let text = std::str::from_utf8(bytes).map_err(|e| MapError::Syntax { file: file.into(), problem: problem(e) })?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(MapError::Syntax { file: file.into(), problem: "the file is empty".into() });
    }
    Ok(text)
}
