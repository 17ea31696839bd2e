//! Roads: networks of lanes, reference lines and the coordinates along them.
//!
//! In: points of a route, lanes of a network, the bytes of map files. Out: checked networks that answer "what is here" and "which way leads
//! there" and give routes; smooth lines that answer "where on the line is this point" and "what is the line like there", and the
//! two-way conversion of a vehicle state. Never: sensors, traffic (but for what a CommonRoad file says of it), a file opened.

pub mod formats;
pub mod frenet;
pub mod line;
pub mod network;
pub mod polyline;
pub mod spline;

pub use frenet::{CartesianState, FrenetError, FrenetState};
pub use line::{LineError, LinePoint, ReferenceLine};
pub use network::{
    Area, Border, Corridor, Crossing, Ground, Lane, LaneId, LaneKind, LaneLine, LaneNetwork, LanePlace, LaneStop,
    LaneWay, Leg, Neighbor, NetworkError, Roads, Signal, Stretch,
};
pub use polyline::{Foot, Polyline};
