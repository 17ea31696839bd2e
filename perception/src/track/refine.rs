//! Tracks some frames late, for use offline: with what came after a frame it is known which objects were real, what happened
//! in the gaps, and where everything was.
//!
//! In: each frame of a [`Tracker`]. Out: the frame of `lag` steps ago with objects that were confirmed since, from their
//! first sight on, gaps filled between two sights and nothing told after the last one; positions and velocities smoothed
//! backwards (Rauch, Tung and Striebel, 1965), sizes and classes as they are known by now.

use super::Tracker;
use super::group::Group;
use nalgebra::{Matrix4, Vector4};
use std::collections::VecDeque;
use types::{Box3, Stamp, Track, Tracks, wrap_angle};

/// Fewest sights of an object that is told.
const SIGHTS: u32 = 3;

/// One frame as the tracker left it.
#[derive(Clone, Debug)]
struct Past {
    frame: u64,
    stamp: Stamp,
    /// Everything that was followed, in rising id.
    objects: Vec<Track>,
    /// Ids that were told, rising.
    told: Vec<u64>,
}

/// Holds the last frames back.
#[derive(Clone, Debug)]
pub struct Refiner {
    lag: usize,
    past: VecDeque<Past>,
}

impl Refiner {
    /// Refines with the `lag` frames that follow.
    #[must_use]
    pub fn new(lag: usize) -> Self {
        Self { lag, past: VecDeque::new() }
    }

    /// After each step of `tracker`, with what it told: the refined tracks of `lag` frames ago, `None` until there are so many.
    pub fn step(&mut self, tracker: &Tracker, told: &Tracks) -> Option<Tracks> {
        self.past.push_back(Past {
            frame: told.frame,
            stamp: told.stamp,
            objects: tracker.followed().collect(),
            told: told.objects.iter().map(|track| track.id).collect(),
        });
        if self.past.len() > self.lag { self.next() } else { None }
    }

    /// The frames that are still held back, oldest first: at the end of a drive.
    pub fn finish(mut self) -> Vec<Tracks> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn next(&mut self) -> Option<Tracks> {
        let first = self.past.front()?;
        let refined = |object: &Track| self.refined(object.id).filter(|_| self.is_known(object.id));
        let objects = first.objects.iter().filter_map(refined).collect();
        let tracks = Tracks { frame: first.frame, stamp: first.stamp, objects };
        self.past.pop_front();
        Some(tracks)
    }

    /// Whether an object is told in one of the frames.
    fn is_known(&self, id: u64) -> bool {
        self.past.iter().any(|past| past.told.binary_search(&id).is_ok())
    }

    /// An object in the first frame; `None` if it is not seen then or later, or too seldom.
    fn refined(&self, id: u64) -> Option<Track> {
        let find = |past: &Past| past.objects.binary_search_by_key(&id, |track| track.id).ok().map(|i| past.objects[i]);
        let life: Vec<(Stamp, Track)> =
            self.past.iter().map_while(|past| find(past).map(|track| (past.stamp, track))).collect();
        // What is predicted beyond the last sight is no knowledge.
        let seen = life.iter().rposition(|(_, track)| track.misses == 0)? + 1;
        let life = &life[..seen];
        let (first, last) = (life.first()?.1, life.last()?.1);
        if last.hits < SIGHTS {
            return None;
        }
        let state = smoothed(life);
        let next = life.iter().map(|(_, track)| track).find(|track| track.misses == 0)?;
        let way = next.misses.abs_diff(first.misses).max(1);
        let gap = if first.misses == 0 { 0.0 } else { f64::from(first.misses) / f64::from(first.misses + way) };
        let between = |from: f64, to: f64| from + gap * (to - from);
        let bbox = Box3 {
            center: [state[0], state[1], between(first.bbox.center[2], next.bbox.center[2])],
            length: last.bbox.length,
            width: last.bbox.width,
            height: last.bbox.height,
            yaw: wrap_angle(first.bbox.yaw + gap * wrap_angle(next.bbox.yaw - first.bbox.yaw)),
        };
        let stands = first.velocity_mps == [0.0; 2];
        let velocity_mps = if stands { [0.0; 2] } else { [state[2], state[3]] };
        let existence = life.iter().map(|(_, track)| track.existence).fold(0.0, f64::max);
        Some(Track { bbox, velocity_mps, existence, class: last.class, ..first })
    }
}

/// Position and velocity at the start of a life, given all of it.
fn smoothed(life: &[(Stamp, Track)]) -> Vector4<f64> {
    let state = |track: &Track| {
        let ([x, y, _], [vx, vy]) = (track.bbox.center, track.velocity_mps);
        Vector4::new(x, y, vx, vy)
    };
    let Some((_, last)) = life.last() else { return Vector4::zeros() };
    let mut later = state(last);
    for pair in life.windows(2).rev() {
        let [(stamp, track), (next_stamp, _)] = [&pair[0], &pair[1]];
        let dt_s = next_stamp.seconds_since(*stamp);
        let own = state(track);
        let covariance = Matrix4::from_fn(|row, column| track.covariance[row][column]);
        let mut transition = Matrix4::identity();
        (transition[(0, 2)], transition[(1, 3)]) = (dt_s, dt_s);
        let variance = Group::of(track.class).motion().acceleration_mps2.powi(2);
        let mut predicted = transition * covariance * transition.transpose();
        for axis in 0..2 {
            predicted[(axis, axis)] += 0.25 * dt_s.powi(4) * variance;
            predicted[(axis, axis + 2)] += 0.5 * dt_s.powi(3) * variance;
            predicted[(axis + 2, axis)] += 0.5 * dt_s.powi(3) * variance;
            predicted[(axis + 2, axis + 2)] += dt_s * dt_s * variance;
        }
        let gain =
            predicted.try_inverse().map_or(Matrix4::zeros(), |inverse| covariance * transition.transpose() * inverse);
        later = own + gain * (later - transition * own);
    }
    later
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::Config;
    use nalgebra::Isometry3;
    use types::{Detection3, Detections, EgoState, ObjectClass, PoseSource};

    fn frame(frame: u64, cars: &[[f64; 2]]) -> (Detections, EgoState) {
        let stamp = Stamp::from_nanos(100_000_000 * frame as i64);
        let seen = |&[x, y]: &[f64; 2]| {
            let bbox = Box3 { center: [x, y, 0.8], length: 4.4, width: 1.8, height: 1.6, yaw: 0.0 };
            Detection3 { bbox, class: ObjectClass::Car, score: 0.7, point_count: 50, camera: None, seen_after_s: 0.0 }
        };
        let ego = EgoState {
            stamp,
            odom_from_base: Isometry3::identity(),
            speed_mps: 0.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            source: PoseSource::Ins,
        };
        (Detections { frame, stamp, camera: Vec::new(), lidar: cars.iter().map(seen).collect() }, ego)
    }

    #[test]
    fn gaps_are_filled_ghosts_are_dropped_and_births_are_early() {
        let mut tracker = Tracker::new(Config::default());
        let mut refiner = Refiner::new(8);
        let mut told = Vec::new();
        let position = |i: u64| 10.0 + 0.8 * i as f64;
        for i in 0..40 {
            let mut cars = Vec::new();
            // A car from frame 2 to 29, missed for five frames, and a ghost of two frames.
            if (2..30).contains(&i) && !(12..17).contains(&i) {
                let jitter = if i % 2 == 0 { 0.1 } else { -0.1 };
                cars.push([position(i) + jitter, 3.0]);
            }
            if (20..22).contains(&i) {
                cars.push([0.0, -20.0]);
            }
            let (detections, ego) = frame(i, &cars);
            let online = tracker.step(&detections, &ego).clone();
            told.extend(refiner.step(&tracker, &online));
        }
        assert_eq!(told.len(), 32);
        told.extend(refiner.finish());
        assert!(told.iter().zip(0..40).all(|(tracks, frame)| tracks.frame == frame) && told.len() == 40);
        for tracks in &told {
            let count = usize::from((2..30).contains(&tracks.frame));
            assert_eq!(tracks.objects.len(), count, "{}", tracks.frame);
            for track in &tracks.objects {
                let off = track.bbox.center[0] - position(tracks.frame);
                assert!(track.id == 1 && off.abs() < 0.12, "{}: {off} m off", tracks.frame);
            }
        }
    }

    #[test]
    fn no_lag_keeps_the_frame() {
        let (mut tracker, mut refiner) = (Tracker::new(Config::default()), Refiner::new(0));
        for i in 0..5 {
            let (detections, ego) = frame(i, &[[10.0, 0.0]]);
            let online = tracker.step(&detections, &ego).clone();
            let refined = refiner.step(&tracker, &online).expect("no frame is held back");
            assert_eq!((refined.frame, refined.objects.len()), (i, usize::from(i >= 2)));
        }
        assert!(refiner.finish().is_empty());
    }
}
