//! Detection: a sweep becomes upright boxes in `base_link`.
//!
//! In: a decoded sweep in the lidar frame, the calibration and, for the [`SegmentDetector`], a class for every point.
//! Out: [`Detection3`] in `base_link`, in a fixed order. Never: memory of earlier frames; the same sweep
//! gives the same boxes whatever came before.
//!
//! Three detectors share their parts: the ground model, clustering on a bird's-eye grid and the L-shape fit.
//! The [`GeometricDetector`] needs no network and takes any lidar at any height. The [`SegmentDetector`] trusts a network that
//! names points. The [`ObstacleDetector`] adds to the boxes of a network what stands in the way and has no name.

mod cluster;
mod extent;
mod geometric;
mod ground;
mod instant;
mod join;
mod lshape;
mod obstacles;
mod points;
#[cfg(test)]
mod scene;
mod segment;
mod size;
mod suppress;

pub use geometric::{GeometricConfig, GeometricDetector};
pub use instant::bring_to_stamp;
pub use obstacles::ObstacleDetector;
pub use segment::{SegmentConfig, SegmentDetector};

use types::{Calibration, Detection3};

/// Extends the box of an object that has just got its class to the size that this class has at least. The visible sides
/// stay where they are.
pub(crate) fn complete_box(object: &mut Detection3, calibration: &Calibration) {
    extent::complete(&mut object.bbox, object.class, points::sensor(&calibration.base_from_lidar));
    extent::point_forward(&mut object.bbox);
}
