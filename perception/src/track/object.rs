//! One followed object: its birth, its prediction, its update, what is told about it.

use super::existence::Existence;
use super::filter::{HeadingFilter, LevelFilter, PlanarFilter};
use super::group::{Group, Motion};
use super::jitter::{Jitter, Trail};
use super::measurement::Measurement;
use super::shape::{HeadingVotes, Size, completed, oriented};
use std::f64::consts::FRAC_PI_2;
use types::{Box3, ObjectClass, Track, wrap_angle};

/// Weight of a vote for [`ObjectClass::Unknown`], so that one better look outweighs several poor ones.
const UNKNOWN_VOTE: f64 = 0.2;
/// Votes fade so that a late but steady better look wins.
const VOTE_MEMORY: f64 = 0.97;
/// A speed counts as motion above this many standard deviations, and as standing again below half of it.
const MOVING: f64 = 3.0;
/// Standard deviations of the position that an object must have gone to count as moving.
const LEAST_WAY: f64 = 3.0;
/// Least part of the speed that the way of the last second must bear out.
const STEADY: f64 = 0.5;
/// An object that has been seen more often than this and does not move comes to rest within this time, s: what is left of its
/// velocity is noise and must not carry it away while it is hidden.
const SETTLED: u32 = 8;
const REST_S: f64 = 0.3;
/// Fastest change of height, m/s: a road of 10 percent at 10 m/s.
const CLIMB_MPS: f64 = 1.0;
/// Angular acceleration of what moves and of what stands, rad/s2.
const TURN_RADPS2: [f64; 2] = [1.5, 0.2];
/// A heading is taken from the motion above this speed, m/s.
const POINTING_MPS: f64 = 2.0;

/// The state of one track.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) id: u64,
    pub(super) hits: u32,
    pub(super) misses: u32,
    pub(super) existence: Existence,
    /// Whether it may be told: once true, it stays so.
    pub(super) confirmed: bool,
    plane: PlanarFilter,
    heading: HeadingFilter,
    level: LevelFilter,
    size: Size,
    class_votes: [f64; ObjectClass::ALL.len()],
    heading_votes: HeadingVotes,
    jitter: Jitter,
    trail: Trail,
    moving: bool,
}

impl Object {
    pub(super) fn new(id: u64, seen: &Measurement) -> Self {
        let motion = seen.group.motion();
        let [x, y, z] = seen.bbox.center;
        let mut object = Self {
            id,
            hits: 1,
            misses: 0,
            existence: Existence::new(seen.score),
            confirmed: false,
            plane: PlanarFilter::new([x, y], seen.noise_m, motion.speed_mps),
            heading: HeadingFilter::new(seen.bbox.yaw, &motion),
            level: LevelFilter::new(z, seen.noise_m),
            size: Size::of(&seen.bbox),
            class_votes: [0.0; ObjectClass::ALL.len()],
            heading_votes: HeadingVotes::default(),
            jitter: Jitter::default(),
            trail: Trail::default(),
            moving: false,
        };
        object.vote(seen);
        object
    }

    /// The class with the most votes; the first one of equals.
    pub(super) fn class(&self) -> ObjectClass {
        let mut best = 0;
        for (i, votes) in self.class_votes.iter().enumerate() {
            if *votes > self.class_votes[best] {
                best = i;
            }
        }
        ObjectClass::ALL[best]
    }

    pub(super) fn motion(&self) -> Motion {
        Group::of(self.class()).motion()
    }

    pub(super) fn bbox(&self) -> Box3 {
        let [x, y] = self.plane.position();
        Box3 {
            center: [x, y, self.level.value()],
            length: self.size.length,
            width: self.size.width,
            height: self.size.height,
            yaw: self.heading.yaw(),
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        self.plane.is_finite() && self.bbox().is_valid() && self.heading.rate().is_finite()
    }

    pub(super) fn predict(&mut self, dt_s: f64) {
        if !self.moving && self.hits > SETTLED {
            self.plane.slow((-dt_s / REST_S).exp());
        }
        self.plane.predict(dt_s, self.motion().acceleration_mps2);
        self.heading.predict(dt_s, TURN_RADPS2[usize::from(!self.moving)]);
        self.level.predict(dt_s, CLIMB_MPS);
        self.trail.pass(dt_s);
    }

    /// The measured box as it would be if it were this object: turned by quarters, completed to its size.
    pub(super) fn as_own(&self, seen: &Measurement) -> Box3 {
        let (measured, _) = oriented(&seen.bbox, self.heading.yaw());
        let [x, y] = completed(&measured, self.size, seen.viewer);
        let (length, width) = (self.size.length, self.size.width);
        Box3 { center: [x, y, measured.center[2]], length, width, ..measured }
    }

    /// Squared Mahalanobis distance of the place of such a box.
    pub(super) fn distance_squared(&self, own: &Box3, seen: &Measurement) -> f64 {
        self.plane.distance_squared([own.center[0], own.center[1]], self.noise_m(seen))
    }

    pub(super) fn update(&mut self, seen: &Measurement) {
        let motion = self.motion();
        self.hits = self.hits.saturating_add(1);
        self.misses = 0;
        self.existence.hit(seen.score);
        self.vote(seen);

        let (measured, quarters) = oriented(&seen.bbox, self.heading.yaw());
        let own = self.bbox();
        self.size = self.size.learned(&measured);
        // What was learnt about the size moves the centre, but the object did not move.
        let center = completed(&own, self.size, seen.viewer);
        self.plane.shift([center[0] - own.center[0], center[1] - own.center[1]]);
        self.trail.shift([center[0] - own.center[0], center[1] - own.center[1]]);
        let center = completed(&measured, self.size, seen.viewer);
        let noise_m = self.noise_m(seen);
        self.jitter.learn(self.plane.distance_squared(center, noise_m));
        self.plane.update(center, noise_m);
        self.heading.update(measured.yaw, motion.heading_noise_rad);
        self.level.update(measured.center[2], seen.noise_m);
        self.heading_votes.measured(quarters, &seen.bbox, seen.score);

        self.follow_motion(&motion, noise_m);
        self.trail.mark(self.plane.position());
    }

    pub(super) fn miss(&mut self) {
        self.misses = self.misses.saturating_add(1);
        self.existence.miss();
    }

    /// What is told about the object. A standing object has no speed.
    pub(super) fn track(&self) -> Track {
        let moving = f64::from(u8::from(self.moving));
        Track {
            id: self.id,
            class: self.class(),
            existence: self.existence.probability(),
            bbox: self.bbox(),
            velocity_mps: self.plane.velocity().map(|v| moving * v),
            yaw_rate_radps: moving * self.heading.rate(),
            covariance: self.plane.covariance(),
            hits: self.hits,
            misses: self.misses,
        }
    }

    /// Standard deviation of the measured position, as far as this object's jitter is known.
    fn noise_m(&self, seen: &Measurement) -> f64 {
        self.jitter.scale() * seen.noise_m
    }

    fn vote(&mut self, seen: &Measurement) {
        self.class_votes = self.class_votes.map(|votes| VOTE_MEMORY * votes);
        let weight = if seen.class == ObjectClass::Unknown { UNKNOWN_VOTE } else { 1.0 };
        if let Some(place) = ObjectClass::ALL.iter().position(|class| *class == seen.class) {
            self.class_votes[place] += weight * seen.score.max(1e-3);
        }
    }

    /// Tells motion from noise, and brings heading and motion together for what rolls.
    fn follow_motion(&mut self, motion: &Motion, noise_m: f64) {
        let [vx, vy] = self.plane.velocity();
        let (speed, spread) = (vx.hypot(vy), self.plane.velocity_spread());
        let needed = motion.slowest_mps.max(MOVING * spread);
        let headway = self.trail.mean_velocity(self.plane.position());
        let gone = self.trail.distance(self.plane.position()) > LEAST_WAY * noise_m;
        let steady = gone && headway[0] * vx + headway[1] * vy > STEADY * speed * speed;
        self.moving = steady && speed > if self.moving { 0.5 * needed } else { needed };
        let certain = self.moving && speed > POINTING_MPS.max(MOVING * spread);
        if certain {
            let off = wrap_angle(vy.atan2(vx) - self.heading.yaw());
            self.heading_votes.known((off / FRAC_PI_2).round().rem_euclid(4.0) as usize);
        } else if motion.rolls && self.size.is_broad() {
            self.heading_votes.known(1);
        }
        let quarters = self.heading_votes.decide();
        if quarters > 0 {
            self.heading.turn(quarters as f64 * FRAC_PI_2);
        }
        if quarters % 2 == 1 {
            (self.size.length, self.size.width) = (self.size.width, self.size.length);
        }
        let off = wrap_angle(vy.atan2(vx) - self.heading.yaw());
        if certain && motion.rolls && off.abs() < 0.5 * FRAC_PI_2 {
            let noise_rad = motion.heading_noise_rad.max(2.0 * spread / speed);
            self.heading.update(self.heading.yaw() + off, noise_rad);
        }
    }
}
