//! Detections and tracks beside what is really there, for drives that know it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Box3, Detections, ObjectClass, Track, Truth, TruthObject};

/// Objects with fewer lidar points are not asked for.
const LEAST_POINTS: u32 = 10;
/// Objects farther away are not asked for, m.
const REACH_M: f64 = 50.0;
/// A box this near to an object's centre has found it, as does one that overlaps it, m.
const NEAR_M: f64 = 2.0;

/// What one frame's objects have to say about detections and tracks (CLEAR MOT, Bernardin and Stiefelhagen, 2008).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelCounts {
    /// Objects within 50 m with at least ten lidar points.
    pub asked: u64,
    /// Those of them that were detected.
    pub detected: u64,
    /// Those of them that were tracked.
    pub tracked: u64,
    /// Tracks with a class within 50 m that are no object.
    pub false_tracks: u64,
    /// Objects whose track has another identity than before.
    pub identity_switches: u64,
}

/// Objects that a detector must find.
pub fn asked(truth: &Truth) -> impl Iterator<Item = &TruthObject> {
    truth.objects.iter().filter(|object| object.points >= LEAST_POINTS && is_near(truth, &object.bbox))
}

fn is_near(truth: &Truth, bbox: &Box3) -> bool {
    let ego = truth.odom_from_base.translation.vector;
    (bbox.center[0] - ego.x).hypot(bbox.center[1] - ego.y) <= REACH_M
}

fn apart_m(a: &Box3, b: &Box3) -> f64 {
    (a.center[0] - b.center[0]).hypot(a.center[1] - b.center[1])
}

/// Whether a box in `odom` has found an object.
#[must_use]
pub fn finds(bbox: &Box3, object: &TruthObject) -> bool {
    apart_m(bbox, &object.bbox) < NEAR_M || bbox.overlaps_bev(&object.bbox)
}

/// Remembers which track had which object.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// By object.
    identities: BTreeMap<u64, u64>,
}

impl Labels {
    /// Counts one frame.
    pub fn count(&mut self, truth: &Truth, detections: Option<&Detections>, tracks: &[Track]) -> LabelCounts {
        let mut counts = LabelCounts::default();
        let boxes: Vec<Box3> = detections
            .iter()
            .flat_map(|found| &found.lidar)
            .map(|detection| detection.bbox.transformed(&truth.odom_from_base))
            .collect();
        let pairs = self.pairs(truth, tracks);
        for object in asked(truth) {
            counts.asked += 1;
            counts.detected += u64::from(boxes.iter().any(|bbox| finds(bbox, object)));
            let Some(&track) = pairs.get(&object.id) else { continue };
            counts.tracked += 1;
            let before = self.identities.insert(object.id, track);
            counts.identity_switches += u64::from(before.is_some_and(|before| before != track));
        }
        let named = tracks.iter().filter(|track| track.class != ObjectClass::Unknown && is_near(truth, &track.bbox));
        let is_false = |track: &&Track| !truth.objects.iter().any(|object| finds(&track.bbox, object));
        counts.false_tracks = named.filter(is_false).count() as u64;
        counts
    }

    /// Tracks by object: who was together stays together, then the nearest first.
    fn pairs(&self, truth: &Truth, tracks: &[Track]) -> BTreeMap<u64, u64> {
        let mut candidates = Vec::new();
        for object in &truth.objects {
            for track in tracks.iter().filter(|track| finds(&track.bbox, object)) {
                let is_new = self.identities.get(&object.id) != Some(&track.id);
                candidates.push((is_new, apart_m(&track.bbox, &object.bbox), object.id, track.id));
            }
        }
        candidates.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then((a.2, a.3).cmp(&(b.2, b.3))));
        let (mut pairs, mut taken) = (BTreeMap::new(), std::collections::BTreeSet::new());
        for (_, _, object, track) in candidates {
            if !pairs.contains_key(&object) && taken.insert(track) {
                pairs.insert(object, track);
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::tests::track;
    use nalgebra::Isometry3;
    use types::{Detection3, Stamp};

    fn object(id: u64, x: f64, points: u32) -> TruthObject {
        TruthObject {
            id,
            class: ObjectClass::Car,
            bbox: track(0, x, 0.0).bbox,
            velocity_mps: [0.0; 2],
            points,
            image: None,
            visible: 1.0,
        }
    }

    #[test]
    fn misses_false_tracks_and_switches_are_counted() {
        let objects = vec![object(1, 10.0, 50), object(2, 20.0, 50), object(3, 30.0, 2), object(4, 80.0, 50)];
        let truth = Truth { seq: 0, stamp: Stamp::default(), odom_from_base: Isometry3::identity(), objects };
        let bbox = track(0, 10.5, 0.0).bbox;
        let found =
            Detection3 { bbox, class: ObjectClass::Car, score: 0.9, point_count: 40, camera: None, seen_after_s: 0.0 };
        let detections = Detections { lidar: vec![found], ..Detections::default() };
        let mut labels = Labels::default();
        let tracks = [track(7, 10.2, 0.0), track(8, 20.1, 0.0), track(9, 45.0, 0.0), track(10, 70.0, 0.0)];
        let counts = labels.count(&truth, Some(&detections), &tracks);
        let expected = LabelCounts { asked: 2, detected: 1, tracked: 2, false_tracks: 1, identity_switches: 0 };
        assert_eq!(counts, expected);
        // A second track beside the first changes nothing; another one in its place does.
        let both = [track(7, 10.9, 0.0), track(11, 10.0, 0.0)];
        assert_eq!(labels.count(&truth, None, &both).identity_switches, 0);
        assert_eq!(labels.count(&truth, None, &both[1..]).identity_switches, 1);
    }
}
