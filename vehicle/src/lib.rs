//! What the car's sensors send, decoded. Here: Velodyne VLP-16 lidar packets and the sweeps they make up.
//!
//! In: the bytes of a datagram and when it came. Out: a [`types::LidarSweep`] for every turn, or an error with the numbers that
//! disagree. Never: a socket, a thread, a clock; whoever owns the sensor's port hands the bytes over.

pub mod sweep;
pub mod velodyne;

pub use sweep::{Config, SweepAssembler};
pub use velodyne::{Packet, PacketError, Return, ReturnMode};
