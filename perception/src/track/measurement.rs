//! Detections as the tracker takes them: in `odom`, valid, in an order that does not depend on how they came.

use super::group::Group;
use std::cmp::Ordering;
use types::{Box3, Detection3, Detections, EgoState, ObjectClass};

/// Boxes with an edge longer than this or farther away are no objects, m.
const LARGEST_M: f64 = 60.0;
const FARTHEST_M: f64 = 1000.0;
/// How much the standard deviation of a box's near corner grows with the distance.
const NOISE_PER_M: f64 = 0.001;

/// One detection in `odom`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measurement {
    pub(super) bbox: Box3,
    pub(super) class: ObjectClass,
    pub(super) group: Group,
    pub(super) score: f64,
    /// Where it was seen from, m.
    pub(super) viewer: [f64; 2],
    /// Standard deviation of the position, m.
    pub(super) noise_m: f64,
}

/// Takes over the valid detections, at most `most` of them, best score first. `noise_m` is how exact a near box is.
pub(super) fn measure(
    detections: &Detections,
    ego: &EgoState,
    most: usize,
    noise_m: f64,
    order: &mut Vec<Detection3>,
    out: &mut Vec<Measurement>,
) {
    order.clear();
    out.clear();
    if !ego.is_finite() {
        return;
    }
    order.extend(detections.lidar.iter().filter(|detection| is_usable(detection)));
    order.sort_unstable_by(compare);
    order.truncate(most);
    let ego = if ego.stamp == detections.stamp { *ego } else { ego.extrapolated(detections.stamp) };
    let pose = ego.odom_from_base;
    let viewer = [pose.translation.x, pose.translation.y];
    out.extend(order.iter().map(|detection| {
        let bbox = detection.bbox.transformed(&pose);
        let distance = (bbox.center[0] - viewer[0]).hypot(bbox.center[1] - viewer[1]);
        Measurement {
            bbox,
            class: detection.class,
            group: Group::of(detection.class),
            score: detection.score.clamp(0.0, 1.0),
            viewer,
            noise_m: noise_m + NOISE_PER_M * distance,
        }
    }));
    out.retain(|measurement| measurement.bbox.is_valid() && measurement.noise_m.is_finite());
}

fn is_usable(detection: &Detection3) -> bool {
    let bbox = &detection.bbox;
    let sizes = [bbox.length, bbox.width, bbox.height];
    bbox.is_valid()
        && detection.score.is_finite()
        && sizes.iter().all(|size| *size <= LARGEST_M)
        && bbox.center.iter().all(|v| v.abs() <= FARTHEST_M)
}

/// A total order over the values: falling score, then everything else. Detections that compare equal are the same.
fn compare(a: &Detection3, b: &Detection3) -> Ordering {
    let key = |d: &Detection3| {
        let [x, y, z] = d.bbox.center;
        [-d.score, x, y, z, d.bbox.length, d.bbox.width, d.bbox.height, d.bbox.yaw]
    };
    let by_numbers = key(a).iter().zip(&key(b)).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
    by_numbers.unwrap_or_else(|| (a.class, a.point_count, a.camera).cmp(&(b.class, b.point_count, b.camera)))
}
