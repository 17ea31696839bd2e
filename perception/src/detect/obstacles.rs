//! What stands in the way and has no name.
//!
//! A network knows the classes that it was trained on and is blind to all else: a wall, a gate, cargo on the road, the forks of a
//! forklift. Geometry needs no name to see that something stands there.

use super::geometric::{GeometricConfig, GeometricDetector};
use super::join;
use types::{Box3, Calibration, Detection3, ObjectClass, PointCloud};

/// Only what reaches into this strip ahead is reported, m: beside it stand the hedges and houses of every street.
const AHEAD_M: f64 = 35.0;
const HALF_WIDTH_M: f64 = 2.5;
/// As sure as geometry is that something stands there, whatever it is.
const SCORE: f64 = 0.5;
/// Of a side that is not seen nothing is known: no box is thinner than this, m.
const THINNEST_M: f64 = 0.3;

/// Finds what geometry sees ahead and no named object explains.
pub struct ObstacleDetector {
    geometry: GeometricDetector,
}

impl ObstacleDetector {
    /// A detector with its buffers.
    #[must_use]
    pub fn new(config: GeometricConfig) -> Self {
        Self { geometry: GeometricDetector::new(GeometricConfig { complete: false, ..config }) }
    }

    /// Adds to the `named` objects of a sweep every shape ahead that shares its place with none of them, as
    /// [`ObjectClass::Unknown`] in the box of its visible points: what the network did not take for a car should not be
    /// extended to one.
    pub fn step(&mut self, cloud: &PointCloud, calibration: &Calibration, named: &mut Vec<Detection3>) {
        let mut shapes = self.geometry.step(cloud, calibration);
        shapes.retain(|shape| is_ahead(&shape.bbox) && !named.iter().any(|object| join::touch(object, shape)));
        let unnamed = shapes.iter().map(|shape| {
            let (length, width) = (shape.bbox.length.max(THINNEST_M), shape.bbox.width.max(THINNEST_M));
            let bbox = Box3 { length, width, ..shape.bbox };
            Detection3 { bbox, class: ObjectClass::Unknown, score: SCORE, ..*shape }
        });
        named.extend(unnamed);
    }
}

/// Whether a box reaches into the strip ahead of the rear axle.
fn is_ahead(bbox: &Box3) -> bool {
    let strip =
        Box3 { center: [0.5 * AHEAD_M, 0.0, 0.0], length: AHEAD_M, width: 2.0 * HALF_WIDTH_M, height: 0.0, yaw: 0.0 };
    strip.overlaps_bev(bbox)
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Lidar, standing};
    use super::*;

    #[test]
    fn what_the_network_names_is_left_alone_and_what_it_does_not_name_ahead_is_added() {
        let lidar = Lidar { beams: 64, height_m: 1.73 };
        let car = standing(12.0, 4.5, [4.3, 1.8, 1.5], 0.0);
        let crate_ = standing(15.0, -0.5, [1.0, 1.2, 0.9], 0.0);
        let far_beside = standing(14.0, -9.0, [1.0, 1.2, 0.9], 0.0);
        let cloud = lidar.sweep(&[car, crate_, far_beside]).0;
        let named = Detection3 {
            bbox: car,
            class: ObjectClass::Car,
            score: 0.8,
            point_count: 300,
            camera: None,
            seen_after_s: 0.0,
        };
        let mut found = vec![named];
        let mut detector = ObstacleDetector::new(GeometricConfig::default());
        detector.step(&cloud, &lidar.calibration(), &mut found);
        assert_eq!(found[0], named);
        let obstacles = found.split_off(1);
        assert!(!obstacles.is_empty());
        for obstacle in &obstacles {
            assert_eq!((obstacle.class, obstacle.score), (ObjectClass::Unknown, 0.5));
            assert!(obstacle.bbox.overlaps_bev(&crate_) && obstacle.bbox.length < 1.5, "{obstacle:?}");
        }
        let mut nothing_named = Vec::new();
        detector.step(&cloud, &lidar.calibration(), &mut nothing_named);
        assert_eq!(nothing_named, obstacles);
    }

    #[test]
    fn a_wall_ahead_is_an_obstacle() {
        let lidar = Lidar { beams: 32, height_m: 2.0 };
        let cloud = lidar.sweep(&[standing(20.0, 0.0, [0.4, 40.0, 3.0], 0.0)]).0;
        let mut found = Vec::new();
        ObstacleDetector::new(GeometricConfig::default()).step(&cloud, &lidar.calibration(), &mut found);
        assert_eq!(found.iter().map(|object| object.class).collect::<Vec<_>>(), [ObjectClass::Unknown]);
    }
}
