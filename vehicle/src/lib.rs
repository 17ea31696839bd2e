//! What the car's sensors and buses say, decoded, and what the car is told, encoded.
//!
//! In: the bytes of datagrams, frames and lines, and when they came. Out: sweeps, fixes, signals, and the frames that command the car; or
//! errors with the numbers that disagree. Never: a socket, a thread, a clock; whoever owns the port hands the bytes over.

mod calendar;
pub mod can;
pub mod capture;
pub mod clock;
pub mod ins;
pub mod lidar;
pub mod multipart;
pub mod signals;
