//! Which tracks are believed, and what watching them over time adds: how they brake, and how they move sideways.
//!
//! A track counts once it is likely and was seen more than once, and goes on to count until it is unlikely: an object
//! that flickers neither stops the car nor is overlooked. One that vanishes is kept for a moment at its last velocity.

use types::{Stamp, Track, Tracks};

/// A track is believed from this probability on, if it was seen in at least [`SEEN`] frames ...
const LIKELY: f64 = 0.5;
const SEEN: u32 = 2;
/// ... or from this one on, if it was seen in at least [`SEEN_LONG`]; and until it falls below [`UNLIKELY`].
const POSSIBLE: f64 = 0.3;
const SEEN_LONG: u32 = 6;
const UNLIKELY: f64 = 0.25;
/// A believed track that was seen in at least [`SEEN_LONG`] frames is kept for this long without being told, s.
const KEPT_S: f64 = 0.45;
/// Emergency braking is for tracks at least as likely as this, seen in at least [`SEEN_WELL`] frames.
const SURE: f64 = 0.6;
const SEEN_WELL: u32 = 3;
/// The change of speed is told by two averages of it, over a shorter and a longer time, s; it is believed up to
/// [`HARDEST_MPS2`].
const AVERAGED_S: [f64; 2] = [0.15, 0.6];
const HARDEST_MPS2: f64 = 8.0;
/// The velocity is averaged over this time, s.
const CALM_S: f64 = 0.3;
/// Slower than this an object stands, m/s.
const STANDING_MPS: f64 = 0.5;
/// After a longer gap everything is new, s.
const LONGEST_GAP_S: f64 = 1.0;
/// Most tracks remembered.
const MOST: usize = 1024;

/// A track and what watching it has shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// As last told, moved on if it was not told now.
    pub track: Track,
    /// It counts.
    pub believed: bool,
    /// It is worth an emergency.
    pub sure: bool,
    /// Averaged change of its speed, m/s2.
    pub acceleration_mps2: f64,
    /// For how long it has stood, s; zero if it moves.
    pub stood_s: f64,
    /// It was once seen to move faster than 2 m/s.
    pub has_moved: bool,
    averages_mps: [f64; 2],
    /// Its velocity, averaged over a moment, m/s.
    pub calm_mps: [f64; 2],
    unseen_s: f64,
}

/// All tracks of the last moments, in rising identity.
#[derive(Clone, Debug, Default)]
pub struct Beliefs {
    beliefs: Vec<Belief>,
    stamp: Option<Stamp>,
}

impl Beliefs {
    /// The tracks that are watched; those count which are believed.
    #[must_use]
    pub fn all(&self) -> &[Belief] {
        &self.beliefs
    }

    /// Takes in the tracks of one cycle.
    pub fn update(&mut self, tracks: &Tracks, stamp: Stamp) {
        let gap_s = self.stamp.map_or(f64::INFINITY, |last| stamp.seconds_since(last));
        if !(0.0..=LONGEST_GAP_S).contains(&gap_s) {
            self.beliefs.clear();
        }
        let dt = if gap_s.is_finite() { gap_s.max(0.0) } else { 0.0 };
        self.stamp = Some(stamp);
        for belief in &mut self.beliefs {
            belief.unseen_s += dt;
        }
        for track in tracks.objects.iter().take(MOST) {
            match self.beliefs.binary_search_by_key(&track.id, |belief| belief.track.id) {
                Ok(place) => self.beliefs[place].see(track, dt),
                Err(place) => self.beliefs.insert(place, Belief::new(track)),
            }
        }
        self.beliefs.retain_mut(|belief| belief.unseen_s == 0.0 || belief.coast(dt));
    }
}

impl Belief {
    fn new(track: &Track) -> Self {
        let mut belief = Self {
            track: *track,
            believed: false,
            sure: false,
            acceleration_mps2: 0.0,
            stood_s: 0.0,
            has_moved: false,
            averages_mps: [track.speed_mps(); 2],
            calm_mps: track.velocity_mps,
            unseen_s: 0.0,
        };
        belief.judge();
        belief
    }

    fn see(&mut self, track: &Track, dt: f64) {
        let now = track.speed_mps();
        if now.is_finite() {
            for (average, time_s) in self.averages_mps.iter_mut().zip(AVERAGED_S) {
                let before = if average.is_finite() { *average } else { now };
                *average = before + dt / (time_s + dt) * (now - before);
            }
            let [short, long] = self.averages_mps;
            let change = (short - long) / (AVERAGED_S[1] - AVERAGED_S[0]);
            self.acceleration_mps2 = change.clamp(-HARDEST_MPS2, HARDEST_MPS2);
        }
        for (calm, now) in self.calm_mps.iter_mut().zip(track.velocity_mps) {
            let next = *calm + dt / (CALM_S + dt) * (now - *calm);
            *calm = if next.is_finite() { next } else { now };
        }
        self.stood_s = if now < STANDING_MPS { self.stood_s + dt } else { 0.0 };
        self.has_moved |= now > 2.0 && track.hits > SEEN_LONG;
        self.track = *track;
        self.unseen_s = 0.0;
        self.judge();
    }

    fn judge(&mut self) {
        let track = &self.track;
        let likely = track.existence >= LIKELY && track.hits >= SEEN;
        let long = track.existence >= POSSIBLE && track.hits >= SEEN_LONG;
        self.believed = likely || long || (self.believed && track.existence >= UNLIKELY);
        self.sure = self.believed && track.existence >= SURE && track.hits >= SEEN_WELL;
    }

    /// Moves on a track that was not told; false if it is to be forgotten.
    fn coast(&mut self, dt: f64) -> bool {
        let [vx, vy] = self.track.velocity_mps;
        if vx.is_finite() && vy.is_finite() {
            self.track.bbox.center[0] += vx * dt;
            self.track.bbox.center[1] += vy * dt;
        }
        self.believed && self.track.hits >= SEEN_LONG && self.unseen_s <= KEPT_S
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::track;

    fn told(beliefs: &mut Beliefs, cycle: u32, tracks: &[Track]) {
        let stamp = Stamp::from_nanos(0).offset(0.1 * f64::from(cycle));
        beliefs.update(&Tracks { frame: 0, stamp, objects: tracks.to_vec() }, stamp);
    }

    fn seen(hits: u32, existence: f64, speed: f64) -> Track {
        Track { hits, existence, ..track(1, 20.0, 0.0, [speed, 0.0]) }
    }

    #[test]
    fn a_flicker_is_never_believed_and_a_real_object_stays() {
        let mut beliefs = Beliefs::default();
        for cycle in 0..20 {
            let flicker = Track { id: 100 + u64::from(cycle), ..seen(1, 0.9, 0.0) };
            told(&mut beliefs, cycle, if cycle % 3 == 0 { std::slice::from_ref(&flicker) } else { &[] });
            assert!(beliefs.all().iter().all(|b| !b.believed));
        }
        told(&mut beliefs, 20, &[seen(8, 0.9, 5.0)]);
        told(&mut beliefs, 21, &[seen(8, 0.3, 5.0)]);
        assert!(beliefs.all()[0].believed);
        told(&mut beliefs, 22, &[]);
        assert!(beliefs.all()[0].believed && (beliefs.all()[0].track.bbox.center[0] - 20.5).abs() < 1e-9);
        (23..30).for_each(|cycle| told(&mut beliefs, cycle, &[]));
        assert!(beliefs.all().is_empty());
    }

    #[test]
    fn braking_is_learnt_within_a_second() {
        let mut beliefs = Beliefs::default();
        for cycle in 0..10 {
            told(&mut beliefs, cycle, &[seen(10 + cycle, 0.9, 15.0 - 0.4 * f64::from(cycle))]);
        }
        let found = beliefs.all()[0].acceleration_mps2;
        assert!((-4.5..-2.2).contains(&found), "{found}");
    }
}
