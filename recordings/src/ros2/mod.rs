//! ROS 2 bags: MCAP files of CDR messages, in and out.
//!
//! In: point clouds, images (compressed or raw), camera calibration, odometry (or GPS with an inertial unit) and transforms. Out: a
//! drive. What is converted, once and here: stamps of the headers become the drive's, the lidar's axes are turned to the vehicle's by
//! quarter turns, intensities come to 0..1 and times of points to ns after the first one. Compressed images keep their
//! bytes. Never: a guess about where a sensor sits; the bag's transforms tell, or the import stops.

mod bag;
mod camera;
mod cloud;
mod definitions;
mod ego;
mod export;
mod import;
mod messages;
pub(crate) mod picture;
mod select;
mod transforms;

pub use export::export;
pub use import::import;
pub use select::Choice;

#[cfg(test)]
mod tests;
