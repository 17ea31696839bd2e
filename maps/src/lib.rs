//! Roads: networks of lanes, reference lines and the coordinates along them.
//!
//! In: points of a route, lanes of a network. Out: checked networks that answer "what is here" and give routes; smooth lines that answer "where on the line is this point" and "what is the line
//! like there", and the two-way conversion of a vehicle state. Never: objects, sensors, a choice of route.

pub mod frenet;
pub mod line;
pub mod network;
pub mod polyline;
pub mod spline;

pub use frenet::{CartesianState, FrenetError, FrenetState};
pub use line::{LineError, LinePoint, ReferenceLine};
pub use network::{
    Area, Border, Crossing, Ground, Lane, LaneId, LaneKind, LaneNetwork, LanePlace, LaneStop, Neighbor, NetworkError,
    Roads, Signal,
};
pub use polyline::{Foot, Polyline};
