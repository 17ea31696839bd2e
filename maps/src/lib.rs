//! Roads: reference lines and the coordinates along them.
//!
//! In: points of a route. Out: smooth lines that answer "where on the line is this point" and "what is the line
//! like there", and the two-way conversion of a vehicle state. Never: objects, sensors, a choice of route.

pub mod frenet;
pub mod line;
pub mod spline;

pub use frenet::{CartesianState, FrenetError, FrenetState};
pub use line::{LineError, LinePoint, ReferenceLine};
