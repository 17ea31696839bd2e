//! The box of a track: its size, which way it points, and which part of it was seen.
//!
//! A lidar sees the near side of an object. As more of it comes into view the measured box grows away from the sensor
//! and its centre moves, though the object may stand still. So a measured box is first completed to the size that the
//! track has learnt, from its near corner or near face outwards, and only then compared.

use std::f64::consts::FRAC_PI_2;
use types::{Box3, Pose2, wrap_angle};

/// Part of each new difference that an edge takes over.
const LEARN: f64 = 0.25;
/// An edge this much longer than the other tells which way the object points.
const ELONGATED: f64 = 1.3;
/// Votes by which another direction must lead before the box turns.
const LEAD: f64 = 2.0;
/// Part of the votes that is kept from frame to frame.
const MEMORY: f64 = 0.9;

/// Length, width and height over time, m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Size {
    pub(super) length: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Size {
    pub(super) fn of(bbox: &Box3) -> Self {
        Self { length: bbox.length, width: bbox.width, height: bbox.height }
    }

    /// Whether the sides are clearly longer than the ends.
    pub(super) fn is_broad(self) -> bool {
        self.width > ELONGATED * self.length
    }

    /// The size after one more measurement.
    pub(super) fn learned(self, seen: &Box3) -> Self {
        let follow = |own: f64, seen: f64| own + LEARN * (seen - own);
        Self {
            length: follow(self.length, seen.length),
            width: follow(self.width, seen.width),
            height: follow(self.height, seen.height),
        }
    }
}

/// The measured box with the heading next to `yaw`, and by how many quarter turns it was turned. Seen in part, a box fits an
/// object in four ways; the edges change places with each quarter. Seen as a whole, front and rear may still be confused.
pub(super) fn oriented(measured: &Box3, yaw: f64, seen_in_part: bool) -> (Box3, usize) {
    let step = if seen_in_part { 1.0 } else { 2.0 };
    let quarters = step * (wrap_angle(measured.yaw - yaw) / (step * FRAC_PI_2)).round();
    let turned = Box3 { yaw: wrap_angle(measured.yaw - quarters * FRAC_PI_2), ..*measured };
    let quarters = quarters.rem_euclid(4.0) as usize;
    if quarters.is_multiple_of(2) {
        return (turned, quarters);
    }
    (Box3 { length: measured.width, width: measured.length, ..turned }, quarters)
}

/// The centre of the measured box completed to `size`: its near corner, or near face, stays where it was seen.
pub(super) fn completed(measured: &Box3, size: Size, viewer: [f64; 2]) -> [f64; 2] {
    let pose = Pose2 { x: measured.center[0], y: measured.center[1], yaw: measured.yaw };
    let [ahead, aside] = pose.inverse_transform(viewer[0], viewer[1]);
    // +0.5 or -0.5 when the viewer sees that end, in between when it stands beside the box.
    let side = |offset: f64, extent: f64| 0.5 * offset / offset.abs().max(0.5 * extent + 1.0);
    let along = side(ahead, measured.length) * (measured.length - size.length);
    let across = side(aside, measured.width) * (measured.width - size.width);
    pose.transform(along, across)
}

/// Counts which way the box should have been turned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeadingVotes([f64; 4]);

impl HeadingVotes {
    /// A measured box says `quarters`; the more so the longer it is.
    pub(super) fn measured(&mut self, quarters: usize, measured: &Box3, score: f64) {
        let (long, short) = (measured.length.max(measured.width), measured.length.min(measured.width));
        let weight = if long > ELONGATED * short { 0.4 * score } else { 0.0 };
        self.vote(quarters, weight);
    }

    /// The motion, or that vehicles are longer than wide, says `quarters`.
    pub(super) fn known(&mut self, quarters: usize) {
        self.vote(quarters, 1.0);
    }

    /// The quarter turns by which the box should be turned now. The votes turn with it.
    pub(super) fn decide(&mut self) -> usize {
        let best = (1..4).max_by(|&a, &b| self.0[a].total_cmp(&self.0[b]).then(b.cmp(&a))).unwrap_or(0);
        if self.0[best] < self.0[0] + LEAD {
            return 0;
        }
        self.0.rotate_left(best);
        best
    }

    fn vote(&mut self, quarters: usize, weight: f64) {
        self.0 = self.0.map(|votes| MEMORY * votes);
        self.0[quarters % 4] += weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::FRAC_PI_4;

    fn near_face(bbox: &Box3, viewer: [f64; 2]) -> f64 {
        let corners = bbox.corners_bev();
        corners.iter().map(|c| (c[0] - viewer[0]).hypot(c[1] - viewer[1])).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn a_growing_view_keeps_its_near_face() {
        let seen = Box3 { center: [20.0, 0.0, 0.8], length: 1.0, width: 1.8, height: 1.5, yaw: 0.0 };
        let size = Size { length: 4.4, width: 1.8, height: 1.5 };
        let [x, y] = completed(&seen, size, [0.0, 0.0]);
        assert!((x - 21.7).abs() < 1e-9 && y.abs() < 1e-9, "{x} {y}");
        let behind = completed(&seen, size, [60.0, 0.0]);
        assert!((behind[0] - 18.3).abs() < 1e-9);
    }

    #[test]
    fn votes_turn_the_box_only_when_they_lead() {
        let long = Box3 { length: 4.0, width: 1.8, ..Box3::default() };
        let mut votes = HeadingVotes::default();
        (0..3).for_each(|_| votes.measured(1, &long, 1.0));
        assert_eq!(votes.decide(), 0);
        (0..9).for_each(|_| votes.measured(1, &long, 1.0));
        assert_eq!((votes.decide(), votes.decide()), (1, 0));
        (0..6).for_each(|_| votes.known(2));
        assert_eq!(votes.decide(), 2);
    }

    proptest! {
        #[test]
        fn orienting_keeps_the_footprint(yaw in -4.0..4.0f64, reference in -4.0..4.0f64) {
            let measured = Box3 { center: [3.0, 4.0, 0.0], length: 4.0, width: 2.0, height: 1.0, yaw };
            let (turned, _) = oriented(&measured, reference, true);
            prop_assert!(wrap_angle(turned.yaw - reference).abs() < FRAC_PI_4 + 1e-9);
            prop_assert!(turned.iou_bev(&measured) > 0.999);
            let (turned, quarters) = oriented(&measured, reference, false);
            prop_assert!(wrap_angle(turned.yaw - reference).abs() < 2.0 * FRAC_PI_4 + 1e-9);
            prop_assert!(quarters % 2 == 0 && turned.length == 4.0 && turned.iou_bev(&measured) > 0.999);
        }

        #[test]
        fn the_near_corner_stays(angle in 0.3..1.2f64, length in 1.0..4.0f64, width in 0.5..1.8f64) {
            let viewer = [20.0 * angle.cos(), 20.0 * angle.sin()];
            let seen = Box3 { center: [0.0; 3], length, width, height: 1.5, yaw: 0.0 };
            let size = Size { length: 4.5, width: 1.9, height: 1.5 };
            let [x, y] = completed(&seen, size, viewer);
            let full = Box3 { center: [x, y, 0.0], length: size.length, width: size.width, ..seen };
            prop_assert!((near_face(&full, viewer) - near_face(&seen, viewer)).abs() < 0.05);
        }
    }
}
