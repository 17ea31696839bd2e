//! How well a measurement fits a track, and which pairs are possible at all.

use super::assignment::Pair;
use super::grid::Grid;
use super::group::Group;
use super::measurement::Measurement;
use super::object::Object;
use types::{Box3, Pose2};

/// A pair is left out when it costs more.
pub(super) const SKIP: f64 = 10.0;

/// All possible pairs. The cost is one less the generalised overlap, and more if the classes differ. `grid` holds the
/// centres of the measurements.
pub(super) fn possible_pairs(objects: &[Object], measurements: &[Measurement], grid: &Grid, out: &mut Vec<Pair>) {
    out.clear();
    for (track, object) in objects.iter().enumerate() {
        let (bbox, class, motion) = (object.bbox(), object.class(), object.motion());
        for measurement in grid.near([bbox.center[0], bbox.center[1]]) {
            let seen = &measurements[measurement];
            let [x, y, _] = object.at_stamp(&seen.look.bbox, seen.after_s).center;
            let (dx, dy) = (x - bbox.center[0], y - bbox.center[1]);
            let reach_m = motion.reach_m.max(Group::of(seen.look.class).motion().reach_m);
            if dx * dx + dy * dy > reach_m * reach_m {
                continue;
            }
            let look = seen.look_as(class);
            let Some(confusion) = Group::confusion(class, look.class) else { continue };
            let own = object.as_own(look, seen.viewer);
            let overlap = generalised_overlap(&bbox, &object.at_stamp(&look.bbox, seen.after_s));
            if overlap > motion.least_overlap && object.distance_squared(&own, seen) < motion.gate {
                out.push(Pair { track, measurement, cost: 1.0 - overlap + confusion });
            }
        }
    }
}

/// Generalised intersection over union of two footprints (Rezatofighi et al., CVPR 2019), -1 to 1: below zero it tells how
/// far apart they are. The hull is the rectangle around both along the first box.
fn generalised_overlap(a: &Box3, b: &Box3) -> f64 {
    let iou = a.iou_bev(b);
    let areas = a.length * a.width + b.length * b.width;
    let union = areas / (1.0 + iou);
    let pose = Pose2 { x: a.center[0], y: a.center[1], yaw: a.yaw };
    let (mut low, mut high) = ([-0.5 * a.length, -0.5 * a.width], [0.5 * a.length, 0.5 * a.width]);
    for [x, y] in b.corners_bev() {
        let local = pose.inverse_transform(x, y);
        for axis in 0..2 {
            low[axis] = low[axis].min(local[axis]);
            high[axis] = high[axis].max(local[axis]);
        }
    }
    let hull = (high[0] - low[0]) * (high[1] - low[1]);
    if hull > 0.0 { iou - (hull - union).max(0.0) / hull } else { iou }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_falls_from_one_to_minus_one() {
        let at = |x: f64| Box3 { center: [x, 0.0, 0.0], length: 4.0, width: 2.0, height: 1.5, yaw: 0.0 };
        let overlaps = [0.0, 1.0, 3.0, 4.0, 8.0, 1000.0].map(|x| generalised_overlap(&at(0.0), &at(x)));
        assert!((overlaps[0] - 1.0).abs() < 1e-9 && overlaps[3].abs() < 1e-9 && overlaps[5] < -0.98);
        assert!(overlaps.windows(2).all(|pair| pair[0] > pair[1]), "{overlaps:?}");
        let flat = Box3 { length: 0.0, width: 0.0, ..at(0.0) };
        assert!(generalised_overlap(&flat, &flat).is_finite());
    }
}
