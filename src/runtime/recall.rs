//! How many of the objects that are really there were detected.

use super::frame::Frame;
use crate::evaluate::labels::{asked, finds};
use std::collections::BTreeMap;

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
        for object in asked(truth) {
            let hit = found.iter().any(|bbox| finds(bbox, object));
            let row = self.0.entry(object.class.name()).or_default();
            *row = (row.0 + 1, row.1 + u64::from(hit));
        }
    }
}
