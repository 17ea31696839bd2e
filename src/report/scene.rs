//! One frame as the bird's-eye view draws it, in whole numbers: cm, cm/s, 0.1 mrad. Places are in `odom` from the drive's first place.

use serde::Serialize;
use types::{
    Command, Detections, EgoState, Plan, PredictedPath, Signals, StopReason, Tracks, Trajectory, Truth, Verdict,
};

/// Objects farther from the ego are left out, m.
const REACH_M: f64 = 100.0;
/// Time between drawn points of plans and predictions, s.
const PLAN_STEP_S: f64 = 0.25;
const PREDICTION_STEP_S: f64 = 0.5;

/// A frame.
#[derive(Debug, Default, Serialize)]
pub struct Scene {
    /// Since the start of the drive, s.
    pub time_s: f64,
    /// Its number.
    pub frame: u64,
    /// Place in the store of sweeps.
    pub sweep: Option<usize>,
    /// x, y, yaw.
    pub ego: Option<[i64; 3]>,
    /// id, class, x, y, yaw, length, width, vx, vy, misses of each.
    pub tracks: Option<Vec<[i64; 10]>>,
    /// Track, then x and y at equal steps, each but the first as the difference to the one before.
    pub predictions: Vec<Vec<i64>>,
    /// Steps of a prediction in a second.
    pub predictions_hz: f64,
    /// The plan.
    pub plan: Option<PlanMark>,
    /// class, x, y, yaw, length, width (`base_link`), score in percent of each.
    pub detections: Option<Vec<[i64; 7]>>,
    /// class, left, top, right, bottom (px), score in percent of each.
    pub boxes: Vec<[i64; 6]>,
    /// class, x, y, yaw, length, width of each.
    pub truth: Option<Vec<[i64; 6]>>,
    /// Identity and phase of each.
    pub signals: Vec<[i64; 2]>,
    /// The command in force.
    pub command: Option<CommandMark>,
}

/// A plan.
#[derive(Debug, Serialize)]
pub struct PlanMark {
    /// x, y, speed of each point, each but the first as the difference to the one before.
    pub points: Vec<i64>,
    /// Index of the point where the braking tail begins.
    pub tail_start: usize,
    /// Index into the names of decisions.
    pub decision: usize,
    /// The track it is about.
    pub track: Option<u64>,
    /// Why.
    pub reason: String,
    /// How many candidates ended with each verdict.
    pub verdicts: Vec<usize>,
}

/// A command.
#[derive(Debug, Serialize)]
pub struct CommandMark {
    /// Front wheels, 0.1 mrad.
    pub steering: i64,
    /// cm/s2.
    pub acceleration: i64,
    /// Why it stops.
    pub stop: Option<&'static str>,
    /// Bits of the limits.
    pub limits: u32,
}

/// Whole centimetres. What is not finite becomes zero and has been left out before.
fn cm(value: f64) -> i64 {
    (100.0 * value).round() as i64
}

fn angle(value: f64) -> i64 {
    (1e4 * value).round() as i64
}

fn percent(value: f64) -> i64 {
    (100.0 * value).round() as i64
}

/// Numbers of equal groups, each group but the first as the difference to the one before.
fn differences<const N: usize>(groups: impl Iterator<Item = [i64; N]>) -> Vec<i64> {
    let mut last = [0; N];
    let step = |group: [i64; N]| {
        let difference: [i64; N] = std::array::from_fn(|i| group[i].saturating_sub(last[i]));
        last = group;
        difference
    };
    groups.flat_map(step).collect()
}

/// Where the numbers count from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin {
    /// The drive's first place in `odom`, m.
    pub place: [f64; 2],
}

impl Origin {
    /// A place in `odom`.
    #[must_use]
    pub fn place(&self, [x, y]: [f64; 2]) -> [i64; 2] {
        [cm(x - self.place[0]), cm(y - self.place[1])]
    }

    /// The own state, if its numbers are finite.
    #[must_use]
    pub fn ego(&self, state: &EgoState) -> Option<[i64; 3]> {
        let pose = state.is_finite().then(|| state.pose())?;
        let [x, y] = self.place([pose.x, pose.y]);
        Some([x, y, angle(pose.yaw)])
    }

    /// The tracks.
    #[must_use]
    pub fn tracks(&self, tracks: &Tracks, ego: Option<[i64; 3]>) -> Vec<[i64; 10]> {
        let near = tracks.objects.iter().filter(|track| track.bbox.is_valid() && self.is_near(track.bbox.center, ego));
        near.map(|track| {
            let [x, y] = self.place([track.bbox.center[0], track.bbox.center[1]]);
            let [vx, vy] = track.velocity_mps.map(cm);
            let (length, width) = (cm(track.bbox.length), cm(track.bbox.width));
            let id = i64::try_from(track.id).unwrap_or(-1);
            [id, track.class as i64, x, y, angle(track.bbox.yaw), length, width, vx, vy, i64::from(track.misses)]
        })
        .collect()
    }

    /// What is really there.
    #[must_use]
    pub fn truth(&self, truth: &Truth, ego: Option<[i64; 3]>) -> Vec<[i64; 6]> {
        let near =
            truth.objects.iter().filter(|object| object.bbox.is_valid() && self.is_near(object.bbox.center, ego));
        near.map(|object| {
            let [x, y] = self.place([object.bbox.center[0], object.bbox.center[1]]);
            let (length, width) = (cm(object.bbox.length), cm(object.bbox.width));
            [object.class as i64, x, y, angle(object.bbox.yaw), length, width]
        })
        .collect()
    }

    fn is_near(&self, center: [f64; 3], ego: Option<[i64; 3]>) -> bool {
        let [x, y] = self.place([center[0], center[1]]);
        ego.is_none_or(|ego| ((x - ego[0]) as f64).hypot((y - ego[1]) as f64) <= 100.0 * REACH_M)
    }

    /// The predictions, thinned.
    #[must_use]
    pub fn prediction(&self, path: &PredictedPath) -> Vec<i64> {
        let every = stride(path.step_s, PREDICTION_STEP_S);
        let poses = path.poses.iter().step_by(every).filter(|pose| pose[0].is_finite() && pose[1].is_finite());
        let track = i64::try_from(path.track).unwrap_or(-1);
        std::iter::once(track).chain(differences(poses.map(|&[x, y, _]| self.place([x, y])))).collect()
    }

    /// The plan, thinned.
    #[must_use]
    pub fn plan(&self, plan: &Plan) -> PlanMark {
        let Trajectory { points, tail_start } = &plan.trajectory;
        let mut kept: Vec<usize> = Vec::new();
        for (index, point) in points.iter().enumerate() {
            let due = kept.last().is_none_or(|&last| point.time_s - points[last].time_s >= PLAN_STEP_S - 1e-6);
            let finite = point.x.is_finite() && point.y.is_finite();
            if finite && (due || index == *tail_start || index + 1 == points.len()) {
                kept.push(index);
            }
        }
        let point = |&index: &usize| {
            let [x, y] = self.place([points[index].x, points[index].y]);
            [x, y, cm(points[index].speed_mps)]
        };
        let count = |verdict| plan.candidates.iter().filter(|candidate| candidate.verdict == verdict).count();
        PlanMark {
            points: differences(kept.iter().map(point)),
            tail_start: kept.partition_point(|index| index < tail_start),
            decision: plan.decision.kind as usize,
            track: plan.decision.track,
            reason: plan.decision.reason.clone(),
            verdicts: Verdict::ALL.into_iter().map(count).collect(),
        }
    }
}

/// How many steps to go at once.
fn stride(step_s: f64, wanted_s: f64) -> usize {
    let steps = (wanted_s / step_s).round();
    if (1.0..1000.0).contains(&steps) { steps as usize } else { 1 }
}

/// Seconds between the points of a thinned prediction, turned round.
#[must_use]
pub fn prediction_hz(path: &PredictedPath) -> f64 {
    let step_s = path.step_s * stride(path.step_s, PREDICTION_STEP_S) as f64;
    if step_s.is_finite() && step_s > 0.0 { 1.0 / step_s } else { 0.0 }
}

/// Lidar detections and boxes in the image.
#[must_use]
pub fn detections(found: &Detections) -> (Vec<[i64; 7]>, Vec<[i64; 6]>) {
    let lidar = found.lidar.iter().filter(|detection| detection.bbox.is_valid()).map(|detection| {
        let [x, y, _] = detection.bbox.center;
        let (length, width) = (cm(detection.bbox.length), cm(detection.bbox.width));
        let score = percent(detection.score);
        [detection.class as i64, cm(x), cm(y), angle(detection.bbox.yaw), length, width, score]
    });
    let camera = found.camera.iter().map(|detection| {
        let bbox = detection.bbox;
        let [left, top, right, bottom] = [bbox.x_min, bbox.y_min, bbox.x_max, bbox.y_max].map(|v| v.round() as i64);
        [detection.class as i64, left, top, right, bottom, percent(detection.score)]
    });
    (lidar.collect(), camera.collect())
}

/// What the signals show.
#[must_use]
pub fn signals(signals: &Signals) -> Vec<[i64; 2]> {
    signals.phases.iter().map(|&(id, phase)| [i64::from(id), phase as i64]).collect()
}

/// A command.
#[must_use]
pub fn command(command: &Command) -> CommandMark {
    CommandMark {
        steering: angle(command.steering_rad),
        acceleration: cm(command.acceleration_mps2),
        stop: command.stop.map(StopReason::name),
        limits: command.limits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Track, TrajectoryPoint};

    #[test]
    fn a_plan_keeps_its_ends_and_its_tail() {
        let point = |i: usize| TrajectoryPoint {
            time_s: 0.1 * i as f64,
            x: 5.0 + i as f64,
            speed_mps: 10.0,
            ..Default::default()
        };
        let trajectory = Trajectory { points: (0..=20).map(point).collect(), tail_start: 11 };
        let mark = Origin { place: [5.0, 0.0] }.plan(&Plan { trajectory, ..Plan::default() });
        let mut x = 0;
        let xs: Vec<i64> = mark
            .points
            .chunks(3)
            .map(|difference| {
                x += difference[0];
                x
            })
            .collect();
        assert_eq!(xs, [0, 300, 600, 900, 1100, 1400, 1700, 2000]);
        assert_eq!(mark.tail_start, 4);
        assert!(Origin::default().plan(&Plan::default()).points.is_empty());
    }

    #[test]
    fn what_is_not_finite_or_far_is_left_out() {
        let mut track = Track {
            id: 7,
            class: types::ObjectClass::Car,
            existence: 1.0,
            bbox: types::Box3 { center: [10.0, 2.0, 0.0], length: 4.0, ..Default::default() },
            velocity_mps: [1.0, -1.0],
            yaw_rate_radps: 0.0,
            covariance: [[0.0; 4]; 4],
            heading_covariance: [[0.0; 2]; 2],
            hits: 3,
            misses: 0,
        };
        let origin = Origin { place: [9.0, 0.0] };
        let mark = |track| origin.tracks(&Tracks { objects: vec![track], ..Tracks::default() }, Some([0, 0, 0]));
        assert_eq!(mark(track), [[7, 1, 100, 200, 0, 400, 0, 100, -100, 0]]);
        track.bbox.center[0] = 200.0;
        assert!(mark(track).is_empty());
        track.bbox.center[0] = f64::NAN;
        assert!(mark(track).is_empty());
    }

    #[test]
    fn predictions_are_thinned_to_half_seconds() {
        let poses = (0..=10).map(|i| [f64::from(i), 0.0, 0.0]).collect();
        let path = PredictedPath { track: 3, poses, step_s: 0.1 };
        assert_eq!(Origin::default().prediction(&path), [3, 0, 0, 500, 0, 500, 0]);
        assert_eq!(prediction_hz(&path), 2.0);
        assert_eq!(prediction_hz(&PredictedPath { step_s: 0.0, ..path }), 0.0);
    }
}
