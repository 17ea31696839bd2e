//! How many of the objects that are really there were detected.

use super::frame::Frame;
use std::collections::BTreeMap;

/// Objects with fewer lidar points are not asked for.
const LEAST_POINTS: u32 = 10;
/// Objects farther away are not asked for, m.
const REACH_M: f64 = 50.0;
/// A detection this near to an object's centre has found it, as does one that overlaps it, m.
const NEAR_M: f64 = 2.0;

/// Objects asked for and objects found, by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recall(BTreeMap<&'static str, (u64, u64)>);

impl Recall {
    /// By class: objects asked for, and those of them that were found.
    #[must_use]
    pub fn by_class(&self) -> &BTreeMap<&'static str, (u64, u64)> {
        &self.0
    }

    /// Counts a frame if its truth is among its messages.
    pub fn count(&mut self, frame: &Frame) {
        let (Some(truth), Some(found)) = (frame.sensors.truth(), &frame.detections) else { return };
        let odom_from_base = &truth.odom_from_base;
        let found: Vec<_> = found.lidar.iter().map(|detection| detection.bbox.transformed(odom_from_base)).collect();
        let base_from_odom = truth.odom_from_base.inverse();
        for object in truth.objects.iter().filter(|object| object.points >= LEAST_POINTS) {
            let here = base_from_odom * nalgebra::Point3::from(object.bbox.center);
            if here.x.hypot(here.y) > REACH_M {
                continue;
            }
            let [x, y, _] = object.bbox.center;
            let hit = found
                .iter()
                .any(|bbox| (bbox.center[0] - x).hypot(bbox.center[1] - y) < NEAR_M || bbox.overlaps_bev(&object.bbox));
            let row = self.0.entry(object.class.name()).or_default();
            *row = (row.0 + 1, row.1 + u64::from(hit));
        }
    }
}
