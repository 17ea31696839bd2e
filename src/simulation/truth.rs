//! Perception that knows: the true state of the ego and all true objects near it, as tracks. For runs that judge the planner
//! and control alone. It sees through walls; what it cannot show is anything about false, late or missing objects.

use crate::runtime::Stage;
use crate::runtime::frame::Frame;
use types::{Stamp, StepError, Track, Tracks, TruthObject, wrap_angle};

/// Objects farther than this from the ego are not told, m.
const REACH_M: f64 = 80.0;
/// Standard deviations of what is told, m and m/s: small, but a planner may not count on zero.
const PLACE_M: f64 = 0.05;
const VELOCITY_MPS: f64 = 0.1;

/// What is remembered of an object: its heading rates come from two headings.
#[derive(Clone, Copy, Debug)]
struct Seen {
    id: u64,
    yaw_rad: f64,
    hits: u32,
}

/// The stage: from the truth among a frame's messages to its ego state and tracks.
#[derive(Debug, Default)]
pub struct Knowledge {
    seen: Vec<Seen>,
    stamp: Option<Stamp>,
}

impl Stage for Knowledge {
    fn name(&self) -> &'static str {
        "truth"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        frame.buffers = None;
        let (Some(truth), Some(ins)) = (frame.sensors.truth(), &frame.sensors.ins) else {
            return Err(StepError::Fatal("the frame has no truth".into()));
        };
        let passed_s = self.stamp.map_or(0.0, |last| truth.stamp.seconds_since(last));
        let ego = truth.odom_from_base.translation.vector;
        let near = |object: &&TruthObject| {
            let [x, y, _] = object.bbox.center;
            (x - ego.x).hypot(y - ego.y) < REACH_M
        };
        let objects: Vec<Track> =
            truth.objects.iter().filter(near).map(|object| self.track(object, passed_s)).collect();
        let seen = objects.iter().map(|track| Seen { id: track.id, yaw_rad: track.bbox.yaw, hits: track.hits });
        (self.seen, self.stamp) = (seen.collect(), Some(truth.stamp));
        let tracks = Tracks { frame: frame.admission.frame, stamp: truth.stamp, objects };
        frame.ego = Some(ins.state);
        frame.tracks = Some(tracks);
        frame.spans.lap("truth");
        Ok(())
    }
}

impl Knowledge {
    fn track(&self, object: &TruthObject, passed_s: f64) -> Track {
        let before = self.seen.binary_search_by_key(&object.id, |seen| seen.id).ok().map(|place| self.seen[place]);
        let turned = before.map_or(0.0, |seen| wrap_angle(object.bbox.yaw - seen.yaw_rad));
        let mut covariance = [[0.0; 4]; 4];
        for (i, row) in covariance.iter_mut().enumerate() {
            row[i] = if i < 2 { PLACE_M * PLACE_M } else { VELOCITY_MPS * VELOCITY_MPS };
        }
        Track {
            id: object.id,
            class: object.class,
            existence: 1.0,
            bbox: object.bbox,
            velocity_mps: object.velocity_mps,
            yaw_rate_radps: if passed_s > 0.0 { turned / passed_s } else { 0.0 },
            covariance,
            heading_covariance: [[0.0; 2]; 2],
            hits: before.map_or(1, |seen| seen.hits.saturating_add(1)),
            misses: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Box3, ObjectClass};

    #[test]
    fn headings_become_rates() {
        let object = |yaw: f64| TruthObject {
            id: 4,
            class: ObjectClass::Car,
            bbox: Box3 { center: [1.0, 2.0, 0.8], length: 4.0, width: 1.8, height: 1.5, yaw },
            velocity_mps: [3.0, 0.0],
            points: 0,
            image: None,
            visible: 0.0,
        };
        let mut knowledge = Knowledge::default();
        let first = knowledge.track(&object(3.1), 0.0);
        assert_eq!((first.yaw_rate_radps, first.hits), (0.0, 1));
        knowledge.seen = vec![Seen { id: 4, yaw_rad: 3.1, hits: 1 }];
        let second = knowledge.track(&object(-3.1), 0.1);
        assert!((second.yaw_rate_radps - (std::f64::consts::TAU - 6.2) / 0.1).abs() < 1e-9 && second.hits == 2);
    }
}
