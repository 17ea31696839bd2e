//! Where objects will be: standing, along the lane, with constant turn rate, or with constant velocity.

use crate::collision::{Rectangle, separation};
use crate::config::Config;
use crate::reference::Road;
use crate::start::Start;
use types::{ObjectClass, PredictedPath, Track, Tracks, Vehicle, wrap_angle};

/// Seconds between predicted poses.
pub const PREDICTION_STEP_S: f64 = 0.2;
/// Poses of a prediction: 10 s.
pub const PREDICTION_STEPS: usize = 51;
/// Objects that neither stand nor keep their lane are believed for 6 s.
const LOOSE_STEPS: usize = 31;
/// Slower objects stand, m/s.
const STANDING_MPS: f64 = 0.5;
/// Smaller turn rates are noise, rad/s.
const TURNING_RADPS: f64 = 0.03;
/// A turn is believed for this long; then the object goes straight on, s.
const TURN_S: f64 = 2.0;
/// No road user turns with more lateral acceleration than this, m/s2.
const TURN_MPS2: f64 = 4.0;
/// An object keeps its lane if it heads along the line within this angle, rad ...
const ALONG_RAD: f64 = 0.35;
/// ... and moves across it slower than this, m/s.
const ACROSS_MPS: f64 = 0.4;
/// The margin for uncertainty is half a standard deviation, at most this, m.
const MOST_GROWTH_M: f64 = 0.4;
/// Further margin around people on foot or on two wheels, m.
const VULNERABLE_M: f64 = 0.4;
/// Objects farther than this are no concern, m.
const FAR_M: f64 = 200.0;

/// An object that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obstacle {
    /// Its track.
    pub track: u64,
    /// What it is.
    pub class: ObjectClass,
    /// Speed over ground, m/s; zero if it stands.
    pub speed_mps: f64,
    /// Half of the box's length, m.
    pub half_length_m: f64,
    /// Half of the box's width, m.
    pub half_width_m: f64,
    /// Poses that are believed.
    pub steps: usize,
    /// Arc length of its centre on the line at the start, m.
    pub s_m: f64,
    /// Lateral offset of its centre at the start, m.
    pub d_m: f64,
    /// Speed along the line, m/s.
    pub s_dot_mps: f64,
    /// Speed across the line, m/s.
    pub d_dot_mps: f64,
    /// Half of its extent along the line, m.
    pub half_s_m: f64,
    /// Half of its extent across the line, m.
    pub half_d_m: f64,
}

/// A predicted pose and the margin kept around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PredictedPose {
    /// Centre of the box, m.
    pub x: f64,
    /// Centre of the box, m.
    pub y: f64,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Its cosine and sine.
    pub direction: [f64; 2],
    /// Free space wanted around the box, m.
    pub margin_m: f64,
}

/// All objects that count, with their predictions.
#[derive(Clone, Debug, Default)]
pub struct Obstacles {
    /// The objects, in the order of the tracks.
    pub objects: Vec<Obstacle>,
    /// Poses by time, then by object: `poses[step * objects.len() + object]`.
    pub poses: Vec<PredictedPose>,
    paths: Vec<[PredictedPose; PREDICTION_STEPS]>,
}

impl Obstacles {
    /// The objects' poses at a step.
    #[must_use]
    pub fn at(&self, step: usize) -> &[PredictedPose] {
        let count = self.objects.len();
        &self.poses[step * count..(step + 1) * count]
    }

    /// The predictions for people and files: 6 s in steps of 0.6 s.
    #[must_use]
    pub fn report(&self) -> Vec<PredictedPath> {
        let poses = |path: &[PredictedPose; PREDICTION_STEPS]| {
            path[..LOOSE_STEPS].iter().step_by(3).map(|p| [p.x, p.y, p.heading_rad]).collect()
        };
        let step_s = 3.0 * PREDICTION_STEP_S;
        self.objects
            .iter()
            .zip(&self.paths)
            .map(|(object, path)| PredictedPath { track: object.track, poses: poses(path), step_s })
            .collect()
    }
}

/// Predicts every track that counts into `out`. Left out: boxes that are not finite, objects behind the ego that move
/// its way or stand (they see the ego), and boxes over the ego's own rear half (no object can be there).
pub fn predict(
    tracks: &Tracks,
    road: &Road<'_>,
    start: &Start,
    config: &Config,
    vehicle: &Vehicle,
    out: &mut Obstacles,
) {
    out.objects.clear();
    out.paths.clear();
    for track in &tracks.objects {
        if let Some((object, path)) = predict_one(track, road, start, config, vehicle) {
            out.objects.push(object);
            out.paths.push(path);
        }
    }
    out.poses.clear();
    for step in 0..PREDICTION_STEPS {
        out.poses.extend(out.paths.iter().map(|path| path[step]));
    }
}

fn predict_one(
    track: &Track,
    road: &Road<'_>,
    start: &Start,
    config: &Config,
    vehicle: &Vehicle,
) -> Option<(Obstacle, [PredictedPose; PREDICTION_STEPS])> {
    let bbox = &track.bbox;
    let center = [bbox.center[0], bbox.center[1]];
    if !bbox.is_valid() || (center[0] - start.state.x).hypot(center[1] - start.state.y) > FAR_M {
        return None;
    }
    let finite_velocity = track.velocity_mps.iter().all(|v| v.is_finite()) && track.speed_mps() < 100.0;
    let mut velocity = if finite_velocity { track.velocity_mps } else { [0.0; 2] };
    let mut speed_mps = velocity[0].hypot(velocity[1]);
    if speed_mps < STANDING_MPS {
        (velocity, speed_mps) = ([0.0; 2], 0.0);
    }
    let (half_length_m, half_width_m) = (0.5 * bbox.length.clamp(0.3, 30.0), 0.5 * bbox.width.clamp(0.3, 10.0));
    let (sin, cos) = bbox.yaw.sin_cos();
    let body = Rectangle { center, direction: [cos, sin], half_length: half_length_m, half_width: half_width_m };
    let gap = gap_to_ego(&body, velocity, start, vehicle)?;

    let (s_m, d_m) = road.line.project(center);
    let line = road.line.at(s_m);
    let (line_sin, line_cos) = line.heading_rad.sin_cos();
    let (s_dot_mps, d_dot_mps) =
        (velocity[0] * line_cos + velocity[1] * line_sin, velocity[1] * line_cos - velocity[0] * line_sin);
    let (turn_cos, turn_sin) = ((cos * line_cos + sin * line_sin).abs(), (sin * line_cos - cos * line_sin).abs());
    let keeps_lane = s_dot_mps.abs() > STANDING_MPS
        && d_dot_mps.abs() < ACROSS_MPS
        && (d_dot_mps / s_dot_mps).abs().atan() < ALONG_RAD
        && d_m.abs() < 10.0;
    let object = Obstacle {
        track: track.id,
        class: track.class,
        speed_mps,
        half_length_m,
        half_width_m,
        steps: if speed_mps == 0.0 || keeps_lane { PREDICTION_STEPS } else { LOOSE_STEPS },
        s_m,
        d_m,
        s_dot_mps,
        d_dot_mps: if keeps_lane { 0.0 } else { d_dot_mps },
        half_s_m: turn_cos * half_length_m + turn_sin * half_width_m,
        half_d_m: turn_sin * half_length_m + turn_cos * half_width_m,
    };
    let variance = |i: usize| Some(track.covariance[i][i]).filter(|v| v.is_finite() && *v > 0.0).unwrap_or(0.0);
    let place = variance(0).max(variance(1));
    let motion = if speed_mps == 0.0 { 0.0 } else { variance(2).max(variance(3)) };
    let yaw_rate = turn_rate(track, speed_mps);
    // People who walk or ride get more room: a stumble or a swerve must not matter.
    let respect = if track.class.is_vulnerable() { VULNERABLE_M } else { 0.0 };
    let heading_off_line = bbox.yaw - line.heading_rad;
    let path = std::array::from_fn(|step| {
        let t = step as f64 * PREDICTION_STEP_S;
        let [x, y, heading_rad] = if speed_mps == 0.0 {
            [center[0], center[1], bbox.yaw]
        } else if keeps_lane {
            let there = road.line.at(s_m + s_dot_mps * t);
            let (sin, cos) = there.heading_rad.sin_cos();
            [there.x - sin * d_m, there.y + cos * d_m, wrap_angle(there.heading_rad + heading_off_line)]
        } else {
            turning(center, velocity, bbox.yaw, yaw_rate, t)
        };
        // Objects that are already near do not gain a margin that the ego could only lose by driving away.
        let growth = (0.5 * (place + t * t * motion).sqrt()).min(MOST_GROWTH_M);
        let margin_m = (config.margin_m + respect + growth).min((gap - 0.02).max(0.0));
        let direction = [heading_rad.cos(), heading_rad.sin()];
        PredictedPose { x, y, heading_rad, direction, margin_m }
    });
    Some((object, path))
}

/// The gap to the ego now, or `None` if the object does not count.
fn gap_to_ego(body: &Rectangle, velocity: [f64; 2], start: &Start, vehicle: &Vehicle) -> Option<f64> {
    let pose = start.pose();
    let ego = Rectangle {
        center: pose.transform(vehicle.center_offset_m(), 0.0),
        direction: [pose.yaw.cos(), pose.yaw.sin()],
        half_length: 0.5 * vehicle.length_m,
        half_width: 0.5 * vehicle.width_m,
    };
    let gap = separation(&ego, body);
    let [ahead, _] = pose.inverse_transform(body.center[0], body.center[1]);
    let reach = (ego.direction[0] * body.direction[0] + ego.direction[1] * body.direction[1]).abs() * body.half_length
        + (ego.direction[0] * body.direction[1] - ego.direction[1] * body.direction[0]).abs() * body.half_width;
    let forward = velocity[0] * ego.direction[0] + velocity[1] * ego.direction[1];
    let sideways = (velocity[1] * ego.direction[0] - velocity[0] * ego.direction[1]).abs();
    let behind = ahead + reach < -vehicle.rear_overhang_m + 0.2 && sideways <= forward.max(0.0);
    let over_rear_half = gap <= 0.0 && ahead < vehicle.center_offset_m();
    (!behind && !over_rear_half).then_some(gap)
}

/// The turn rate that is believed, rad/s.
fn turn_rate(track: &Track, speed_mps: f64) -> f64 {
    let rate = track.yaw_rate_radps;
    if !rate.is_finite() || rate.abs() < TURNING_RADPS || speed_mps < 1.0 {
        return 0.0;
    }
    let most = TURN_MPS2 / speed_mps;
    rate.clamp(-most, most)
}

/// Constant turn rate and speed for [`TURN_S`], then straight on; a turn rate of zero is constant velocity.
fn turning(center: [f64; 2], velocity: [f64; 2], yaw: f64, yaw_rate: f64, t: f64) -> [f64; 3] {
    let arc_s = t.min(TURN_S);
    let turn = yaw_rate * arc_s;
    let half = 0.5 * turn;
    let sinc = if half.abs() < 1e-9 { 1.0 } else { half.sin() / half };
    let turned = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        [velocity[0] * cos - velocity[1] * sin, velocity[0] * sin + velocity[1] * cos]
    };
    let (chord, end) = (turned(half), turned(turn));
    let (along, rest) = (arc_s * sinc, t - arc_s);
    [center[0] + along * chord[0] + rest * end[0], center[1] + along * chord[1] + rest * end[1], wrap_angle(yaw + turn)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{line, scene, start, track};

    #[test]
    fn a_turn_is_an_arc_then_straight() {
        let [x, y, heading] = turning([0.0, 0.0], [10.0, 0.0], 0.0, 0.5, 2.0);
        assert!((x - 20.0 * 1.0f64.sin()).abs() < 1e-9 && (y - 20.0 * (1.0 - 1.0f64.cos())).abs() < 1e-9);
        assert!((heading - 1.0).abs() < 1e-9);
        let [later_x, later_y, later_heading] = turning([0.0, 0.0], [10.0, 0.0], 0.0, 0.5, 3.0);
        assert!((later_heading - 1.0).abs() < 1e-9);
        assert!(((later_x - x).hypot(later_y - y) - 10.0).abs() < 1e-9);
        let [straight, _, _] = turning([1.0, 0.0], [10.0, 0.0], 0.0, 0.0, 3.0);
        assert!((straight - 31.0).abs() < 1e-9);
    }

    #[test]
    fn objects_along_a_curve_keep_their_lane() {
        let points: Vec<[f64; 2]> =
            (0..40).map(|i| 0.05 * f64::from(i)).map(|a| [60.0 * a.sin(), 60.0 - 60.0 * a.cos()]).collect();
        let line = maps::ReferenceLine::new(&points).unwrap();
        let place = line.at(30.0);
        let (sin, cos) = place.heading_rad.sin_cos();
        let mut object = track(1, place.x, place.y, [8.0 * cos, 8.0 * sin]);
        object.bbox.yaw = place.heading_rad;
        let found = scene(&start(0.0, 0.0, 5.0), &line, vec![object]).obstacles;
        let later = found.at(20)[0];
        let (s, d) = line.project([later.x, later.y]);
        assert!((s - 62.0).abs() < 1e-6 && d.abs() < 1e-6, "{s} {d}");
    }

    #[test]
    fn odd_tracks_stand_or_are_left_out() {
        let mut nan_velocity = track(1, 30.0, 0.0, [f64::NAN, 3.0]);
        nan_velocity.covariance = [[f64::INFINITY; 4]; 4];
        let mut nan_box = track(2, 30.0, 0.0, [0.0, 0.0]);
        nan_box.bbox.center[1] = f64::NAN;
        let behind = track(3, -20.0, 0.0, [30.0, 0.0]);
        let found = scene(&start(0.0, 0.0, 5.0), &line(), vec![nan_velocity, nan_box, behind]).obstacles;
        assert_eq!(found.objects.len(), 1);
        assert_eq!((found.objects[0].track, found.objects[0].speed_mps), (1, 0.0));
        assert!(found.poses.iter().all(|p| p.x.is_finite() && p.margin_m.is_finite()));
    }

    #[test]
    fn margins_grow_with_doubt_and_are_bounded() {
        let mut object = track(1, 30.0, 0.0, [5.0, 1.0]);
        for i in 0..4 {
            object.covariance[i][i] = 0.09;
        }
        let found = scene(&start(0.0, 0.0, 5.0), &line(), vec![object]).obstacles;
        let margins: Vec<f64> = (0..PREDICTION_STEPS).map(|step| found.at(step)[0].margin_m).collect();
        assert!(margins.windows(2).all(|m| m[1] >= m[0]));
        assert!((margins[0] - 0.45).abs() < 1e-9 && (margins[50] - 0.7).abs() < 1e-9, "{margins:?}");
    }
}
