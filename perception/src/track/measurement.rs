//! Detections as the tracker takes them: in `odom`, valid, one for each object, in an order that does not depend on how
//! they came.

use super::grid::Grid;
use super::group::Group;
use std::cmp::Ordering;
use types::{Box3, Detection3, Detections, EgoState, ObjectClass};

/// Boxes with an edge longer than this or farther away are no objects, m.
const LARGEST_M: f64 = 60.0;
const FARTHEST_M: f64 = 1000.0;
/// No sweep takes longer, s.
const LATEST_S: f64 = 1.0;
/// How much the standard deviation of a box's near corner grows with the distance.
const NOISE_PER_M: f64 = 0.001;
/// Two boxes are of one object if they share this part of the smaller one: of two classes, of one class.
const SHARED: [f64; 2] = [0.5, 0.8];
/// Boxes of which one is so many times larger are two objects: a pedestrian before a hedge.
const LARGER: f64 = 4.0;

/// What a detector took an object for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) bbox: Box3,
    pub(super) class: ObjectClass,
    pub(super) score: f64,
}

/// One object seen in one frame, in `odom`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measurement {
    /// The best look.
    pub(super) look: Look,
    /// The best look of another class: a cyclist may be found as a pedestrian, too.
    pub(super) other: Option<Look>,
    /// Where it was seen from, m.
    pub(super) viewer: [f64; 2],
    /// When it was seen, after the frame's stamp, s.
    pub(super) after_s: f64,
    /// Standard deviation of the position, m.
    pub(super) noise_m: f64,
}

impl Measurement {
    /// The look of this class if there is one, else the best.
    pub(super) fn look_as(&self, class: ObjectClass) -> &Look {
        self.other.as_ref().filter(|other| other.class == class).unwrap_or(&self.look)
    }

    pub(super) fn looks(&self) -> impl Iterator<Item = &Look> {
        std::iter::once(&self.look).chain(&self.other)
    }
}

/// The measurements of a frame, and working memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Measurements {
    order: Vec<Detection3>,
    pub(super) all: Vec<Measurement>,
    /// Their centres.
    pub(super) grid: Grid,
}

impl Measurements {
    /// Takes over the valid detections, at most `most` of them, best score first, and joins those of one object. `noise_m` is
    /// how exact a near box is.
    pub(super) fn take(&mut self, detections: &Detections, ego: &EgoState, most: usize, noise_m: f64) {
        self.order.clear();
        self.all.clear();
        if ego.is_finite() {
            self.order.extend(detections.lidar.iter().filter(|detection| is_usable(detection)));
        }
        self.order.sort_unstable_by(compare);
        self.order.truncate(most);
        let ego = if ego.stamp == detections.stamp { *ego } else { ego.extrapolated(detections.stamp) };
        let pose = ego.odom_from_base;
        let viewer = [pose.translation.x, pose.translation.y];
        self.all.extend(self.order.iter().map(|detection| {
            let bbox = detection.bbox.transformed(&pose);
            let distance_m = (bbox.center[0] - viewer[0]).hypot(bbox.center[1] - viewer[1]);
            Measurement {
                look: Look { bbox, class: detection.class, score: detection.score.clamp(0.0, 1.0) },
                other: None,
                viewer,
                after_s: detection.seen_after_s,
                noise_m: noise_m + NOISE_PER_M * distance_m,
            }
        }));
        self.all.retain(|seen| seen.look.bbox.is_valid() && seen.noise_m.is_finite());
        self.join();
    }

    /// Leaves one measurement for each object: the best, which remembers the best look of another class.
    fn join(&mut self) {
        let Self { all, grid, .. } = self;
        grid.fill(all.iter().map(place));
        let mut joined = false;
        for index in 1..all.len() {
            let look = all[index].look;
            let same =
                |&better: &usize| better < index && !is_joined(&all[better]) && are_one(&all[better].look, &look);
            let Some(better) = grid.near(place(&all[index])).filter(same).min() else { continue };
            let better = &mut all[better];
            if better.other.is_none() && better.look.class != look.class {
                better.other = Some(look);
            }
            all[index].noise_m = f64::NAN;
            joined = true;
        }
        if joined {
            all.retain(|seen| !is_joined(seen));
            grid.fill(all.iter().map(place));
        }
    }
}

fn is_joined(seen: &Measurement) -> bool {
    seen.noise_m.is_nan()
}

fn place(seen: &Measurement) -> [f64; 2] {
    [seen.look.bbox.center[0], seen.look.bbox.center[1]]
}

/// Whether two boxes of one frame are of the same object.
fn are_one(a: &Look, b: &Look) -> bool {
    let areas = [a, b].map(|look| look.bbox.length * look.bbox.width);
    let (small, large) = (areas[0].min(areas[1]), areas[0].max(areas[1]));
    if large > LARGER * small || Group::confusion(a.class, b.class).is_none() {
        return false;
    }
    let iou = a.bbox.iou_bev(&b.bbox);
    let shared = iou * (areas[0] + areas[1]) / (1.0 + iou);
    shared > SHARED[usize::from(a.class == b.class)] * small
}

fn is_usable(detection: &Detection3) -> bool {
    let bbox = &detection.bbox;
    let sizes = [bbox.length, bbox.width, bbox.height];
    bbox.is_valid()
        && detection.score.is_finite()
        && (0.0..=LATEST_S).contains(&detection.seen_after_s)
        && sizes.iter().all(|size| *size <= LARGEST_M)
        && bbox.center.iter().all(|v| v.abs() <= FARTHEST_M)
}

/// A total order over the values: falling score, then everything else. Detections that compare equal are the same.
fn compare(a: &Detection3, b: &Detection3) -> Ordering {
    let key = |d: &Detection3| {
        let [x, y, z] = d.bbox.center;
        [-d.score, x, y, z, d.bbox.length, d.bbox.width, d.bbox.height, d.bbox.yaw, d.seen_after_s]
    };
    let by_numbers = key(a).iter().zip(&key(b)).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
    by_numbers.unwrap_or_else(|| (a.class, a.point_count, a.camera).cmp(&(b.class, b.point_count, b.camera)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{PoseSource, Stamp};

    fn taken(boxes: &[(ObjectClass, f64, f64, f64)]) -> Vec<(ObjectClass, Option<ObjectClass>)> {
        let detection = |&(class, x, length, score): &(ObjectClass, f64, f64, f64)| {
            let bbox = Box3 { center: [x, 5.0, 0.8], length, width: 0.6, height: 1.7, yaw: 0.0 };
            Detection3 { bbox, class, score, point_count: 9, camera: None, seen_after_s: 0.0 }
        };
        let lidar = boxes.iter().map(detection).collect();
        let ego = EgoState {
            stamp: Stamp::default(),
            odom_from_base: nalgebra::Isometry3::identity(),
            speed_mps: 0.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            source: PoseSource::Ins,
        };
        let mut measurements = Measurements::default();
        measurements.take(&Detections { lidar, ..Detections::default() }, &ego, 99, 0.1);
        measurements.all.iter().map(|seen| (seen.look.class, seen.other.map(|other| other.class))).collect()
    }

    #[test]
    fn boxes_of_one_object_are_joined() {
        use ObjectClass::{Cyclist, Pedestrian, Truck, Unknown};
        // A cyclist found twice, and a pedestrian beside.
        let found = [(Pedestrian, 10.0, 0.8, 0.6), (Cyclist, 10.1, 1.8, 0.9), (Pedestrian, 12.0, 0.8, 0.7)];
        assert_eq!(taken(&found), [(Cyclist, Some(Pedestrian)), (Pedestrian, None)]);
        // The same box twice is one; two who walk together are two.
        assert_eq!(taken(&[(Pedestrian, 10.0, 0.8, 0.6); 2]), [(Pedestrian, None)]);
        assert_eq!(taken(&[(Pedestrian, 10.0, 0.8, 0.6), (Pedestrian, 10.4, 0.8, 0.5)]).len(), 2);
        // A pedestrian before a hedge or a truck stays.
        assert_eq!(taken(&[(Unknown, 10.0, 8.0, 0.9), (Pedestrian, 11.0, 0.6, 0.5)]).len(), 2);
        assert_eq!(taken(&[(Truck, 10.0, 2.0, 0.9), (Pedestrian, 10.0, 0.6, 0.5)]).len(), 2);
    }
}
