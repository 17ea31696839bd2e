//! Objects followed over time.
//!
//! In: the detections of a frame in `base_link` and the ego's state. Out: tracks in `odom` with smoothed boxes,
//! velocities, classes, and the probability that they exist. Never: an outcome that depends on the order in which the
//! detections of a frame come, an id that is used twice, a number that is not finite.
//!
//! Tracking by detection in the manner of AB3DMOT (Weng et al., "3D Multi-Object Tracking: A Baseline and New Evaluation
//! Metrics", IROS 2020): Kalman filters in a frame that does not move with the ego, generalised overlap, exact assignment.
//! Added: boxes of one object under two classes are joined before, and the class is voted over time; vehicles turn as they
//! go; measured boxes of what is seen in part are completed from the side that was seen; existence is a probability that
//! scores raise and misses lower, but not misses behind another object; tracks live longer unseen than they are told; and
//! what stands has no speed.

mod affinity;
mod assignment;
mod existence;
mod filter;
mod grid;
mod group;
mod horizon;
mod jitter;
mod measurement;
mod object;
mod refine;
pub use refine::Refiner;
mod shape;
#[cfg(test)]
mod tests;

use affinity::{SKIP, possible_pairs};
use assignment::{Assignment, Pair};
use horizon::Horizon;
use measurement::Measurements;
use object::Object;
use serde::Deserialize;
use types::{Detections, EgoState, Stamp, Track, Tracks};

/// Most detections of a frame that are used, best score first, and most objects that are followed.
const MOST: usize = 512;
/// An object must have been seen so often before a miss behind another one is excused.
const HIDEABLE_HITS: u32 = 10;
/// After a longer gap everything is new, s.
const LONGEST_GAP_S: f64 = 5.0;

/// Knobs of the tracker.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Frames that a confirmed track is kept without being seen.
    pub kept_misses: u32,
    /// Frames that it is told without being seen.
    pub told_misses: u32,
    /// Frames that it is told without being seen while another object hides it.
    pub told_hidden: u32,
    /// Hits that confirm a track.
    pub confirming_hits: u32,
    /// Score that confirms a track at once.
    pub sure_score: f64,
    /// Least score of a detection that starts a track.
    pub birth_score: f64,
    /// Least existence probability of a track that is told.
    pub told_existence: f64,
    /// Standard deviation of the seen side of a near box along each axis, m: how exact the detector is.
    pub position_noise_m: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kept_misses: 20,
            told_misses: 2,
            told_hidden: 4,
            confirming_hits: 2,
            sure_score: 0.9,
            birth_score: 0.1,
            told_existence: 0.2,
            position_noise_m: 0.1,
        }
    }
}

/// The objects followed so far. See the module's page.
#[derive(Clone, Debug)]
pub struct Tracker {
    config: Config,
    last: Option<Stamp>,
    next_id: u64,
    objects: Vec<Object>,
    measurements: Measurements,
    pairs: Vec<Pair>,
    assignment: Assignment,
    taken: Vec<bool>,
    horizon: Horizon,
    tracks: Tracks,
}

impl Tracker {
    /// A tracker that knows no object.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            last: None,
            next_id: 1,
            objects: Vec::new(),
            measurements: Measurements::default(),
            pairs: Vec::new(),
            assignment: Assignment::default(),
            taken: Vec::new(),
            horizon: Horizon::default(),
            tracks: Tracks::default(),
        }
    }

    /// The tracks at the detections' stamp. `ego` is the state at that stamp, or near it: then it is extrapolated.
    ///
    /// A frame that is not later than the last one changes nothing. After a gap of more than 5 s, or a step back of the
    /// clock by as much, all objects are forgotten. Detections that are not finite or not of this world are left out, and
    /// all of them if the ego's state is not finite. At most the 512 best are used.
    pub fn step(&mut self, detections: &Detections, ego: &EgoState) -> &Tracks {
        if let Some(dt_s) = self.advance(detections.stamp) {
            self.measurements.take(detections, ego, MOST, self.config.position_noise_m);
            self.predict(dt_s);
            self.associate();
            self.update(ego);
            self.manage_lives();
        }
        self.output(detections)
    }

    /// Everything that is followed, told or not, in rising id.
    pub fn followed(&self) -> impl Iterator<Item = Track> {
        self.objects.iter().map(Object::track)
    }

    /// Seconds since the last frame, `None` if there is nothing to do.
    fn advance(&mut self, stamp: Stamp) -> Option<f64> {
        let dt_s = self.last.map_or(f64::INFINITY, |last| stamp.seconds_since(last));
        let forget = dt_s.abs() > LONGEST_GAP_S;
        if dt_s <= 0.0 && !forget {
            return None;
        }
        self.last = Some(stamp);
        if forget {
            self.objects.clear();
        }
        Some(if forget { 0.0 } else { dt_s })
    }

    fn predict(&mut self, dt_s: f64) {
        self.objects.iter_mut().for_each(|object| object.predict(dt_s));
    }

    fn associate(&mut self) {
        let Measurements { all, grid, .. } = &self.measurements;
        possible_pairs(&self.objects, all, grid, &mut self.pairs);
        self.assignment.solve(self.objects.len(), all.len(), &self.pairs, SKIP);
    }

    /// Updates what was seen, tells what was not whether another object hid it, and starts a track for each measurement
    /// that is left.
    fn update(&mut self, ego: &EgoState) {
        let measurements = &self.measurements.all;
        let first_of_drive = self.objects.is_empty();
        self.taken.clear();
        self.taken.resize(measurements.len(), false);
        self.horizon.clear([ego.odom_from_base.translation.x, ego.odom_from_base.translation.y]);
        for (object, measurement) in self.objects.iter_mut().zip(&self.assignment.of_track) {
            if let Some(measurement) = measurement {
                self.taken[*measurement] = true;
                object.update(&measurements[*measurement]);
                if object.confirmed {
                    self.horizon.cover(&object.bbox());
                }
            }
        }
        for (object, measurement) in self.objects.iter_mut().zip(&self.assignment.of_track) {
            if measurement.is_none() {
                object.miss(object.hits >= HIDEABLE_HITS && self.horizon.hides(&object.bbox()));
            }
        }
        for (seen, _) in measurements.iter().zip(&self.taken).filter(|(_, taken)| !**taken) {
            let score = seen.look.score;
            if score >= self.config.birth_score && self.objects.len() < MOST {
                let mut object = Object::new(self.next_id, seen);
                object.confirmed = score >= self.config.sure_score || (first_of_drive && score >= 0.5);
                self.objects.push(object);
                self.next_id += 1;
            }
        }
    }

    fn manage_lives(&mut self) {
        let config = &self.config;
        for object in &mut self.objects {
            object.confirmed |= object.hits >= config.confirming_hits;
        }
        self.objects.retain(|object| {
            let kept = if object.confirmed && object.hits > 1 { config.kept_misses } else { config.told_misses };
            object.misses <= kept && object.is_finite()
        });
    }

    fn output(&mut self, detections: &Detections) -> &Tracks {
        let config = &self.config;
        let told = |object: &&Object| {
            object.confirmed
                && object.misses <= if object.hidden { config.told_hidden } else { config.told_misses }
                && object.existence.probability() >= config.told_existence
        };
        (self.tracks.frame, self.tracks.stamp) = (detections.frame, detections.stamp);
        self.tracks.objects.clear();
        self.tracks.objects.extend(self.objects.iter().filter(told).map(Object::track));
        &self.tracks
    }
}
