//! A network of lanes with the rules along them: what drawings, traffic and routes are made from.
//!
//! The terms are those that CommonRoad lanelets, Lanelet2 and OpenDRIVE share, so that each can be imported: a lane has a middle
//! and two borders, lanes before and behind it and beside it; stops, crossings and signals refer to lanes.

pub mod check;
pub mod corridor;
#[cfg(test)]
mod fixture;
pub mod index;
pub mod lane;
pub mod routing;
pub mod way;

pub use check::NetworkError;
pub use corridor::{Corridor, LaneLine};
pub use index::Ground;
pub use lane::{Area, Border, Crossing, Lane, LaneId, LaneKind, LaneStop, Neighbor, Signal};
pub use routing::{LaneWay, Leg, Stretch};
pub use way::LanePlace;

use index::Index;

/// The parts of a network as they are read or made, not yet checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roads {
    /// Lanes; their places are their identities.
    pub lanes: Vec<Lane>,
    /// Stop lines.
    pub stops: Vec<LaneStop>,
    /// Crossings for people on foot.
    pub crossings: Vec<Crossing>,
    /// Signals.
    pub signals: Vec<Signal>,
    /// Paved areas.
    pub areas: Vec<Area>,
}

/// A checked network that answers questions about places.
#[derive(Clone, Debug)]
pub struct LaneNetwork {
    roads: Roads,
    index: Index,
}

impl LaneNetwork {
    /// Checks the parts and sorts them by place.
    ///
    /// # Errors
    /// Names the first part that cannot be: a lane that crosses itself or is not wide, a lane that continues in one that begins
    /// elsewhere, a stop beyond its lane, an area without an inside.
    pub fn new(roads: Roads) -> Result<Self, NetworkError> {
        check::check(&roads)?;
        let index = Index::new(&roads);
        Ok(Self { roads, index })
    }

    /// As [`LaneNetwork::new`] for a network that was surveyed, not made: lanes whose shape is doubtful (too narrow, too wide, folded, up
    /// to 0.5 m between one and the next) are kept, since the ground is there, and told.
    ///
    /// # Errors
    /// As [`LaneNetwork::new`], but for the shapes of lanes.
    pub fn surveyed(roads: Roads) -> Result<(Self, Vec<NetworkError>), NetworkError> {
        let doubts = check::survey(&roads)?;
        let index = Index::new(&roads);
        Ok((Self { roads, index }, doubts))
    }

    /// Everything in it.
    #[must_use]
    pub fn roads(&self) -> &Roads {
        &self.roads
    }

    /// The lanes.
    #[must_use]
    pub fn lanes(&self) -> &[Lane] {
        &self.roads.lanes
    }

    /// A lane.
    ///
    /// # Panics
    /// If there is no such lane.
    #[must_use]
    pub fn lane(&self, id: LaneId) -> &Lane {
        &self.roads.lanes[id]
    }

    /// What is on the ground at a place: the lanes, crossings and areas that hold it, each in rising index.
    #[must_use]
    pub fn ground(&self, x: f64, y: f64) -> Ground {
        self.index.ground(x, y)
    }

    /// Whether wheels may be at a place: on a drivable lane or in a paved area.
    #[must_use]
    pub fn is_drivable(&self, x: f64, y: f64) -> bool {
        self.index.is_drivable(x, y)
    }

    /// Smallest and largest corner of the box around all lanes and areas, m.
    #[must_use]
    pub fn bounds(&self) -> [[f64; 2]; 2] {
        self.index.bounds()
    }
}
