//! What is really there: known in a simulated world, labelled in a recorded one.

use crate::{Box2, Box3, ObjectClass, Stamp};
use nalgebra::Isometry3;

/// One object as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruthObject {
    /// The same object keeps it.
    pub id: u64,
    /// What it is.
    pub class: ObjectClass,
    /// Box in `odom`, m.
    pub bbox: Box3,
    /// Velocity in `odom`, m/s.
    pub velocity_mps: [f64; 2],
    /// Lidar points on it in the sweep of this instant.
    pub points: u32,
    /// The part of the image it covers, occluded parts included, px.
    pub image: Option<Box2>,
    /// Share of its pixels that nothing else covers, 0..1.
    pub visible: f64,
}

/// All road users but the ego at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Counter, equal to that of the sweep of this instant.
    pub seq: u64,
    /// When.
    pub stamp: Stamp,
    /// Pose of the ego's `base_link` in `odom`.
    pub odom_from_base: Isometry3<f64>,
    /// In rising id.
    pub objects: Vec<TruthObject>,
}
