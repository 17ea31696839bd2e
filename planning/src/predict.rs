//! Where objects will be, from when the plan takes effect on: each with a model of motion and a margin for doubt.

pub mod intentions;
pub(crate) mod motion;

use crate::belief::{Belief, Beliefs};
use crate::collision::{Rectangle, separation};
use crate::config::Config;
use crate::reference::Road;
use crate::start::Start;
use crate::task::{Future, Futures};
use intentions::Intentions;
use motion::{LaneMotion, Motion};
use types::{ObjectClass, PredictedPath, Track, Vehicle};

/// Seconds between predicted poses.
pub const PREDICTION_STEP_S: f64 = 0.2;
/// Poses of a prediction: 10 s.
pub const PREDICTION_STEPS: usize = 51;
/// Objects that neither stand nor keep their lane are believed for 6 s.
const LOOSE_STEPS: usize = 31;
/// Those that are guided by lanes other than the ego's for 8 s.
const GUIDED_STEPS: usize = 41;
/// Slower objects stand, m/s: people and riders, other road users, and what has no name.
const STANDING_MPS: [f64; 3] = [0.35, 0.5, 1.0];
/// What has no name or was seen only a few times, and lies wholly outside the road, stands below this, m/s: walls and
/// hedges seem to creep along when they are seen in pieces.
const OUTSIDE_MPS: f64 = 2.0;
const FEW_HITS: u32 = 10;
/// Smaller turn rates are noise, rad/s.
const TURNING_RADPS: f64 = 0.03;
/// No road user turns with more lateral acceleration than this, m/s2.
const TURN_MPS2: f64 = 4.0;
/// An object keeps its lane, or changes it, if it heads along the line within this angle, rad.
const ALONG_RAD: f64 = 0.35;
/// Sideways motion below this is noise, m/s.
const ACROSS_MPS: f64 = 0.45;
/// Beside the ego it takes more to be believed: who is there sees the ego, m/s.
const BESIDE_MPS: f64 = 0.9;
/// Faster sideways motion than this is no lane change, m/s.
const CHANGE_MPS: f64 = 2.5;
/// Braking weaker than this is noise, m/s2.
const BRAKING_MPS2: f64 = 1.0;
/// Creeping is believed for this long, m/s and s: it is noise, or the end of a stop.
const CREEPING_MPS: f64 = 1.0;
const CREEPING_S: f64 = 2.0;
/// The margin for uncertainty is half a standard deviation, at most this for what moves freely, and for what stands or
/// keeps its lane, m.
const MOST_GROWTH_M: [f64; 2] = [0.4, 0.15];
/// Further margin around people on foot or on two wheels, m.
const VULNERABLE_M: f64 = 0.4;
/// Objects farther than this are no concern, m.
const FAR_M: f64 = 200.0;
/// How far along the line before and behind the ego objects are looked for, m.
const LINE_M: [f64; 2] = [60.0, 220.0];
/// What stands farther than this outside the road is no concern, m.
const BESIDE_M: f64 = 8.0;

/// An object that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obstacle {
    /// The track.
    pub track: u64,
    /// Its class.
    pub class: ObjectClass,
    /// Speed over ground, m/s; zero if it stands.
    pub speed_mps: f64,
    /// Half of the box's length, m.
    pub half_length_m: f64,
    /// Half of the box's width, m.
    pub half_width_m: f64,
    /// Poses that are believed.
    pub steps: usize,
    /// Arc length of its centre on the line when the plan takes effect, m.
    pub s_m: f64,
    /// Lateral offset of its centre then, m.
    pub d_m: f64,
    /// Speed along the line, m/s.
    pub s_dot_mps: f64,
    /// Speed across the line, m/s.
    pub d_dot_mps: f64,
    /// Half of its extent along the line, m.
    pub half_s_m: f64,
    /// Half of its extent across the line, m.
    pub half_d_m: f64,
    /// It moves along the line.
    pub in_lane: bool,
    /// Its deceleration, m/s2, not negative.
    pub deceleration_mps2: f64,
    /// It lies wholly outside what may be driven on, and stays there.
    pub outside: bool,
    /// It comes from behind: it sees the ego, and counts only where the ego leaves its lane.
    pub behind: bool,
    /// It is worth an emergency.
    pub sure: bool,
    /// For how long it has stood, s.
    pub stood_s: f64,
    /// It was seen to move.
    pub has_moved: bool,
    /// Where it is now: centre and heading.
    pub now: [f64; 3],
    /// It comes towards the ego on its line: then it may as well not follow the line's bends (see [`Obstacles::apart`]).
    pub oncoming: bool,
    /// Its way follows from the lanes under it.
    pub guided: bool,
    /// It is a further way that the same track may take: the track itself has come before it.
    pub second: bool,
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
    /// Free space wanted around the box for doubt and respect, m.
    pub margin_m: f64,
    /// Free space that is there in any case: the gap to the ego now, m.
    pub least_m: f64,
}

/// All objects that count, with their predictions.
#[derive(Clone, Debug, Default)]
pub struct Obstacles {
    /// The objects, in the order of the tracks.
    pub objects: Vec<Obstacle>,
    /// Poses by time, then by object: `poses[step * objects.len() + object]`.
    pub poses: Vec<PredictedPose>,
    paths: Vec<[PredictedPose; PREDICTION_STEPS]>,
    apart: Vec<(usize, [PredictedPose; LOOSE_STEPS])>,
    /// The future is known: nobody reacts to the ego.
    pub known: bool,
    lead_s: f64,
}

impl Obstacles {
    /// The objects' poses at a step after the plan takes effect.
    #[must_use]
    pub fn at(&self, step: usize) -> &[PredictedPose] {
        let count = self.objects.len();
        &self.poses[step * count..(step + 1) * count]
    }

    /// The poses of one object from when the plan takes effect on.
    #[must_use]
    pub fn path(&self, object: usize) -> &[PredictedPose] {
        &self.paths[object][..self.objects[object].steps]
    }

    /// The second thought about an oncoming object: it goes on as it turns and drives, whatever the ego's line does. Where the
    /// ego turns at a junction, who comes towards it most likely crosses its way.
    #[must_use]
    pub fn apart(&self, object: usize) -> Option<&[PredictedPose]> {
        let place = self.apart.binary_search_by_key(&object, |(of, _)| *of).ok()?;
        Some(&self.apart[place].1)
    }

    /// The predictions for people and files: 6 s in steps of 0.6 s.
    #[must_use]
    pub fn report(&self) -> Vec<PredictedPath> {
        let step_s = 3.0 * PREDICTION_STEP_S;
        let poses = |object: &Obstacle, path: &[PredictedPose; PREDICTION_STEPS]| {
            let later = (1..=10).map(|i| {
                let place = ((f64::from(i) * step_s - self.lead_s) / PREDICTION_STEP_S).round().max(0.0) as usize;
                let pose = &path[place.min(PREDICTION_STEPS - 1)];
                [pose.x, pose.y, pose.heading_rad]
            });
            std::iter::once(object.now).chain(later).collect()
        };
        self.objects
            .iter()
            .zip(&self.paths)
            .map(|(object, path)| PredictedPath { track: object.track, poses: poses(object, path), step_s })
            .collect()
    }
}

/// Predicts every track that counts into `out`. Left out: tracks that are not believed, boxes that are not finite, what
/// stands behind the ego, boxes over the ego's own rear half (no object can be there), and what stands far beside the road.
#[expect(clippy::too_many_arguments, reason = "what a cycle knows")]
pub fn predict(
    beliefs: &Beliefs,
    futures: Option<&Futures>,
    intentions: &Intentions,
    road: &Road<'_>,
    start: &Start,
    config: &Config,
    vehicle: &Vehicle,
    out: &mut Obstacles,
) {
    out.objects.clear();
    out.paths.clear();
    out.apart.clear();
    (out.lead_s, out.known) = (start.lead_s, futures.is_some());
    for belief in beliefs.all().iter().filter(|belief| belief.believed) {
        let future = futures.and_then(|futures| futures.of(belief.track.id).map(|future| (futures, future)));
        let ways = if future.is_none() { intentions.of(belief.track.id) } else { &[] };
        // At least one prediction, and one for each way.
        for index in 0..ways.len().max(1) {
            let way = ways.get(index).map(|way| &way.poses);
            let known_too = future.is_some();
            let Some((mut object, mut path)) = predict_one(belief, way, known_too, road, start, config, vehicle) else {
                break;
            };
            object.second = index > 0;
            if let Some((futures, future)) = future {
                known(futures, future, start.lead_s, &mut object, &mut path);
            }
            if object.oncoming {
                out.apart.push((out.objects.len(), apart(&belief.track, object.speed_mps, start.lead_s)));
            }
            out.objects.push(object);
            out.paths.push(path);
        }
    }
    out.poses.clear();
    for step in 0..PREDICTION_STEPS {
        out.poses.extend(out.paths.iter().map(|path| path[step]));
    }
}

/// A pose where nobody ever is, m.
const NOWHERE_M: f64 = 1e9;

/// Puts what is known of the future in the place of the prediction. Nothing is in doubt then, and who comes from behind is no
/// better than the others: it may not see the ego.
fn known(
    futures: &Futures,
    future: &Future,
    lead_s: f64,
    object: &mut Obstacle,
    path: &mut [PredictedPose; PREDICTION_STEPS],
) {
    for (step, pose) in path.iter_mut().enumerate() {
        let there = futures.at(future, lead_s + step as f64 * PREDICTION_STEP_S);
        let [x, y, heading_rad] = there.unwrap_or([NOWHERE_M, NOWHERE_M, 0.0]);
        let direction = [heading_rad.cos(), heading_rad.sin()];
        *pose = PredictedPose { x, y, heading_rad, direction, margin_m: 0.0, ..*pose };
    }
    (object.steps, object.behind, object.oncoming, object.outside) = (PREDICTION_STEPS, false, false, false);
}

/// An object that goes on as it turns and drives.
fn apart(track: &Track, speed_mps: f64, lead_s: f64) -> [PredictedPose; LOOSE_STEPS] {
    let (center, rate) = ([track.bbox.center[0], track.bbox.center[1]], turn_rate(track, speed_mps));
    std::array::from_fn(|step| {
        let t = lead_s + step as f64 * PREDICTION_STEP_S;
        let [x, y, heading_rad] = motion::turning(center, track.velocity_mps, track.bbox.yaw, rate, t);
        let direction = [heading_rad.cos(), heading_rad.sin()];
        PredictedPose { x, y, heading_rad, direction, ..PredictedPose::default() }
    })
}

fn predict_one(
    belief: &Belief,
    way: Option<&[[f64; 3]; PREDICTION_STEPS]>,
    known_too: bool,
    road: &Road<'_>,
    start: &Start,
    config: &Config,
    vehicle: &Vehicle,
) -> Option<(Obstacle, [PredictedPose; PREDICTION_STEPS])> {
    let track = &belief.track;
    let bbox = &track.bbox;
    let center = [bbox.center[0], bbox.center[1]];
    if !bbox.is_valid() || (center[0] - start.now.x).hypot(center[1] - start.now.y) > FAR_M {
        return None;
    }
    let (half_length_m, half_width_m) = (0.5 * bbox.length.clamp(0.3, 30.0), 0.5 * bbox.width.clamp(0.3, 10.0));
    let (sin, cos) = bbox.yaw.sin_cos();
    let body = Rectangle { center, direction: [cos, sin], half_length: half_length_m, half_width: half_width_m };

    let (behind_m, ahead_m) = (LINE_M[0], LINE_M[1]);
    let middle = road.s_m + 0.5 * (ahead_m - behind_m);
    let (s_m, d_m) = road.line.project_near(center, middle, 0.5 * (ahead_m + behind_m));
    let line = road.line.at(s_m);
    let (line_sin, line_cos) = line.heading_rad.sin_cos();
    let (turn_cos, turn_sin) = ((cos * line_cos + sin * line_sin).abs(), (sin * line_cos - cos * line_sin).abs());
    let half_s_m = turn_cos * half_length_m + turn_sin * half_width_m;
    let half_d_m = turn_sin * half_length_m + turn_cos * half_width_m;
    let station = road.station(s_m, config, &vehicle.limits);
    let beside_m = (d_m - half_d_m - station.left_m).max(-station.right_m - d_m - half_d_m);
    let (velocity, speed_mps) = believed_velocity(track, beside_m > 0.0);
    if speed_mps == 0.0 && beside_m > BESIDE_M {
        return None;
    }
    let way = way.filter(|_| speed_mps > 0.0);
    let (gap, behind) = gap_to_ego(&body, velocity, start, vehicle)?;
    if behind && speed_mps == 0.0 {
        return None;
    }

    let (s_dot_mps, d_dot_mps) =
        (velocity[0] * line_cos + velocity[1] * line_sin, velocity[1] * line_cos - velocity[0] * line_sin);
    let slow = track.class == ObjectClass::Pedestrian;
    let in_lane = !slow
        && s_dot_mps.abs() > STANDING_MPS[1]
        && d_dot_mps.abs() < CHANGE_MPS
        && (d_dot_mps / s_dot_mps).abs().atan() < ALONG_RAD
        && d_m.abs() < 10.0
        && (s_m - road.s_m).abs() < ahead_m;
    let calm_mps = belief.calm_mps[1] * line_cos - belief.calm_mps[0] * line_sin;
    let across_mps = if calm_mps.abs() < d_dot_mps.abs() { calm_mps } else { d_dot_mps };
    let alongside = s_m - half_s_m < road.s_m + vehicle.front_offset_m() && s_dot_mps > 0.0;
    let noise_mps = if alongside { BESIDE_MPS } else { ACROSS_MPS };
    let across_mps = if across_mps.abs() < noise_mps || calm_mps * d_dot_mps < 0.0 { 0.0 } else { across_mps };
    let deceleration_mps2 = if in_lane && speed_mps < CREEPING_MPS {
        speed_mps / CREEPING_S
    } else if in_lane && belief.acceleration_mps2 < -BRAKING_MPS2 && belief.track.hits > 4 {
        -belief.acceleration_mps2
    } else {
        0.0
    };
    let motion = if speed_mps == 0.0 {
        Motion::Stands(center, bbox.yaw)
    } else if in_lane {
        let heading_off_rad = bbox.yaw - line.heading_rad;
        Motion::Lane(LaneMotion { s_m, s_dot_mps, deceleration_mps2, d_m, d_dot_mps: across_mps, heading_off_rad })
    } else {
        let creeps = speed_mps < CREEPING_MPS && !track.class.is_vulnerable();
        let until_s = if creeps { 0.5 * CREEPING_S } else { f64::INFINITY };
        Motion::Turns(center, velocity, bbox.yaw, turn_rate(track, speed_mps), until_s)
    };
    let lead_s = start.lead_s;
    let (lead_s_m, lead_d_m) = match &motion {
        Motion::Stands(..) => (s_m, d_m),
        Motion::Lane(lane) => (s_m + lane.travelled(lead_s), lane.offset(lead_s)),
        Motion::Turns(..) => (s_m + s_dot_mps * lead_s, d_m + d_dot_mps * lead_s),
    };
    let object = Obstacle {
        track: track.id,
        class: track.class,
        speed_mps,
        half_length_m,
        half_width_m,
        steps: match way {
            _ if speed_mps == 0.0 || in_lane => PREDICTION_STEPS,
            Some(_) => GUIDED_STEPS,
            None => LOOSE_STEPS,
        },
        s_m: lead_s_m,
        d_m: lead_d_m,
        s_dot_mps: if deceleration_mps2 > 0.0 {
            (s_dot_mps.abs() - deceleration_mps2 * lead_s).max(0.0).copysign(s_dot_mps)
        } else {
            s_dot_mps
        },
        d_dot_mps: if in_lane { across_mps } else { d_dot_mps },
        half_s_m,
        half_d_m,
        in_lane,
        deceleration_mps2,
        outside: speed_mps == 0.0 && beside_m > 0.0,
        behind,
        sure: belief.sure,
        stood_s: belief.stood_s,
        has_moved: belief.has_moved,
        now: [center[0], center[1], bbox.yaw],
        oncoming: in_lane && s_dot_mps < 0.0 && way.is_none(),
        guided: way.is_some(),
        second: false,
    };
    let steady = speed_mps == 0.0 || (in_lane && across_mps == 0.0);
    let most_growth = if steady { MOST_GROWTH_M[1] } else { MOST_GROWTH_M[0] };
    // People who walk or ride get more room: a stumble or a swerve must not matter.
    let respect = if track.class.is_vulnerable() { VULNERABLE_M } else { 0.0 };
    let least_m = (gap - 0.02).max(0.0);
    if known_too {
        return Some((object, [PredictedPose { least_m, ..PredictedPose::default() }; PREDICTION_STEPS]));
    }
    let path = std::array::from_fn(|step| {
        let t = lead_s + step as f64 * PREDICTION_STEP_S;
        let [x, y, heading_rad] = way.map_or_else(|| motion.at(&road.line, t), |poses| poses[step]);
        let [along_m, across_m] = track.spread_after_m(if speed_mps == 0.0 { 0.0 } else { t });
        let spread_m = Some(along_m.max(across_m)).filter(|m| m.is_finite()).unwrap_or(0.0);
        let growth = (0.5 * spread_m).min(most_growth);
        let direction = [heading_rad.cos(), heading_rad.sin()];
        PredictedPose { x, y, heading_rad, direction, margin_m: respect + growth, least_m }
    });
    Some((object, path))
}

/// The velocity that is believed, and its size: zero for what stands.
fn believed_velocity(track: &Track, outside: bool) -> ([f64; 2], f64) {
    let speed = track.speed_mps();
    let finite = track.velocity_mps.iter().all(|v| v.is_finite()) && speed < 100.0;
    let least = match track.class {
        class if class.is_vulnerable() => STANDING_MPS[0],
        ObjectClass::Unknown => STANDING_MPS[2],
        _ => STANDING_MPS[1],
    };
    let doubtful = track.class == ObjectClass::Unknown || (track.hits < FEW_HITS && !track.class.is_vulnerable());
    if !finite || speed < least || (outside && doubtful && speed < OUTSIDE_MPS) {
        return ([0.0; 2], 0.0);
    }
    (track.velocity_mps, speed)
}

/// The gap to the ego now and whether the object comes from behind; `None` if it does not count.
fn gap_to_ego(body: &Rectangle, velocity: [f64; 2], start: &Start, vehicle: &Vehicle) -> Option<(f64, bool)> {
    let pose = start.now;
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
    (!over_rear_half).then_some((gap, behind))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{line, scene, start, track};

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
        assert!(found.objects.len() == 2 && found.objects[1].behind);
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
        assert!((margins[0] - 0.15).abs() < 1e-9 && (margins[50] - 0.4).abs() < 1e-9, "{margins:?}");
    }
}
