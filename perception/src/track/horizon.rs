//! Who hides whom: the nearest object in every direction around the sensor. A miss behind another object says nothing about
//! whether the missed one is still there.

use std::f64::consts::{PI, TAU};
use types::{Box3, wrap_angle};

/// Directions: one for each half degree.
const DIRECTIONS: usize = 720;
/// An object hides only what is at least so much farther away, m.
const BEHIND_M: f64 = 0.3;
/// Part of the directions to an object that must be covered.
const COVERED: f64 = 0.5;

/// Distance of the nearest object in each direction, m.
#[derive(Clone, Debug)]
pub(super) struct Horizon {
    viewer: [f64; 2],
    nearest_m: [f64; DIRECTIONS],
}

/// Directions to a box as seen by the viewer, and the distance of its centre.
struct Span {
    first: usize,
    count: usize,
    distance_m: f64,
}

impl Default for Horizon {
    fn default() -> Self {
        Self { viewer: [0.0; 2], nearest_m: [f64::INFINITY; DIRECTIONS] }
    }
}

impl Horizon {
    /// Nothing is in view of a sensor at this place.
    pub(super) fn clear(&mut self, viewer: [f64; 2]) {
        (self.viewer, self.nearest_m) = (viewer, [f64::INFINITY; DIRECTIONS]);
    }

    /// A box is seen.
    pub(super) fn cover(&mut self, bbox: &Box3) {
        let span = self.span(bbox);
        for direction in span.first..span.first + span.count {
            let nearest = &mut self.nearest_m[direction % DIRECTIONS];
            *nearest = nearest.min(span.distance_m);
        }
    }

    /// Whether most of this box lies behind what is seen.
    pub(super) fn hides(&self, bbox: &Box3) -> bool {
        let span = self.span(bbox);
        let is_covered = |direction: &usize| self.nearest_m[direction % DIRECTIONS] + BEHIND_M < span.distance_m;
        let covered = (span.first..span.first + span.count).filter(is_covered).count();
        covered as f64 > COVERED * span.count as f64
    }

    fn span(&self, bbox: &Box3) -> Span {
        let direction = |x: f64, y: f64| (y - self.viewer[1]).atan2(x - self.viewer[0]);
        let [x, y, _] = bbox.center;
        let middle = direction(x, y);
        let (mut low, mut high) = (0.0f64, 0.0f64);
        for [x, y] in bbox.corners_bev() {
            let aside = wrap_angle(direction(x, y) - middle);
            (low, high) = (low.min(aside), high.max(aside));
        }
        let index = |angle: f64| ((angle + PI) / TAU * DIRECTIONS as f64).floor();
        let (first, last) = (index(middle + low), index(middle + high));
        Span {
            first: first.rem_euclid(DIRECTIONS as f64) as usize % DIRECTIONS,
            count: ((last - first) as usize).min(DIRECTIONS - 1) + 1,
            distance_m: (x - self.viewer[0]).hypot(y - self.viewer[1]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> Box3 {
        Box3 { center: [x, y, 0.8], length: 4.0, width: 2.0, height: 1.5, yaw: 0.0 }
    }

    #[test]
    fn what_stands_behind_is_hidden_and_what_stands_beside_or_before_is_not() {
        // Also behind the sensor, where directions wrap.
        for side in [1.0, -1.0] {
            let mut horizon = Horizon::default();
            horizon.clear([100.0, 50.0]);
            horizon.cover(&at(100.0 + 10.0 * side, 50.0));
            assert!(horizon.hides(&at(100.0 + 20.0 * side, 50.3)));
            assert!(!horizon.hides(&at(100.0 + 20.0 * side, 54.0)));
            assert!(!horizon.hides(&at(100.0 + 5.0 * side, 50.0)) && !horizon.hides(&at(100.0 + 10.0 * side, 50.0)));
            assert!(!horizon.hides(&at(100.0 - 20.0 * side, 50.0)));
        }
    }

    #[test]
    fn a_box_around_the_sensor_and_a_wild_one_are_no_trouble() {
        let mut horizon = Horizon::default();
        for wild in [at(0.0, 0.0), at(1e300, 0.0), at(f64::NAN, 0.0)] {
            horizon.cover(&wild);
            horizon.hides(&wild);
        }
    }
}
