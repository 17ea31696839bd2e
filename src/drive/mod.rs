//! In the car: the edges to sensors and buses, who may drive, and the stop when anything goes quiet.
//!
//! In: `[car]` of the configuration, sockets, devices. Out: sensor messages to the door, frames on the CAN bus, the drive's
//! log. Never: an algorithm; decoding is the room `vehicle`'s, who may drive is decided by `control::safety`.

pub mod address;
pub mod calibration;
pub mod car;
pub mod route;

pub use car::Car;
