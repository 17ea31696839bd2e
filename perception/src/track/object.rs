//! One followed object: its birth, its prediction, its update, what is told about it.

use super::existence::Existence;
use super::filter::{HeadingFilter, LevelFilter, PlanarFilter};
use super::group::{Group, Motion};
use super::jitter::{Jitter, Trail};
use super::measurement::{Look, Measurement};
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
/// Angular acceleration of what stands and of what moves, rad/s2.
const TURN_RADPS2: [f64; 2] = [1.0, 1.5];
/// Part of a score that is left when the detector took the object for something else.
const MISTAKEN: f64 = 0.5;
/// A score that says nothing and one that says all count as these.
const SCORES: [f64; 2] = [1e-3, 0.9999];
/// A heading is taken from the motion above this speed, m/s.
const POINTING_MPS: f64 = 2.0;

/// The state of one track.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) id: u64,
    pub(super) hits: u32,
    pub(super) misses: u32,
    /// Whether another object hid it when it was missed.
    pub(super) hidden: bool,
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
        let Look { bbox, class, score } = seen.look;
        let motion = Group::of(class).motion();
        let [x, y, z] = bbox.center;
        let mut object = Self {
            id,
            hits: 1,
            misses: 0,
            hidden: false,
            existence: Existence::new(score),
            confirmed: false,
            plane: PlanarFilter::new([x, y], seen.after_s, seen.noise_m, motion.speed_mps),
            heading: HeadingFilter::new(bbox.yaw, &motion),
            level: LevelFilter::new(z, seen.noise_m),
            size: Size::of(&bbox),
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
        let motion = self.motion();
        if !self.moving && self.hits > SETTLED {
            self.plane.slow((-dt_s / REST_S).exp());
        }
        let turn_radps = if self.moving && motion.rolls { self.heading.rate() } else { 0.0 };
        self.plane.predict(dt_s, motion.acceleration_mps2, turn_radps);
        self.heading.predict(dt_s, TURN_RADPS2[usize::from(self.moving || !motion.rolls)]);
        self.level.predict(dt_s, CLIMB_MPS);
        self.trail.pass(dt_s);
    }

    /// A box that was seen `after_s` after the frame's stamp, where this object was at the stamp.
    pub(super) fn at_stamp(&self, seen: &Box3, after_s: f64) -> Box3 {
        let ([vx, vy], [x, y, z]) = (self.plane.velocity(), seen.center);
        Box3 { center: [x - after_s * vx, y - after_s * vy, z], ..*seen }
    }

    /// The measured box as it would be if it were this object: turned towards its heading, completed to its size.
    pub(super) fn as_own(&self, look: &Look, viewer: [f64; 2]) -> Box3 {
        let seen_in_part = self.motion().seen_in_part;
        let (measured, _) = oriented(&look.bbox, self.heading.yaw(), seen_in_part);
        if !seen_in_part {
            return measured;
        }
        let [x, y] = completed(&measured, self.size, viewer);
        let (length, width) = (self.size.length, self.size.width);
        Box3 { center: [x, y, measured.center[2]], length, width, ..measured }
    }

    /// Squared Mahalanobis distance of the place of such a box.
    pub(super) fn distance_squared(&self, own: &Box3, seen: &Measurement) -> f64 {
        self.plane.distance_squared([own.center[0], own.center[1]], seen.after_s, self.noise_m(seen))
    }

    pub(super) fn update(&mut self, seen: &Measurement) {
        self.hits = self.hits.saturating_add(1);
        (self.misses, self.hidden) = (0, false);
        self.vote(seen);
        let (class, motion) = (self.class(), self.motion());
        let look = seen.look_as(class);
        self.existence.hit(if look.class == class { look.score } else { MISTAKEN * look.score });

        let (measured, quarters) = oriented(&look.bbox, self.heading.yaw(), motion.seen_in_part);
        let own = self.bbox();
        self.size = self.size.learned(&measured);
        if motion.seen_in_part {
            // What was learnt about the size moves the centre, but the object did not move.
            let [x, y] = completed(&own, self.size, seen.viewer);
            self.plane.shift([x - own.center[0], y - own.center[1]]);
            self.trail.shift([x - own.center[0], y - own.center[1]]);
        }
        let [x, y, z] = self.as_own(look, seen.viewer).center;
        let noise_m = self.noise_m(seen);
        self.jitter.learn(self.plane.distance_squared([x, y], seen.after_s, noise_m));
        self.plane.update([x, y], seen.after_s, noise_m);
        self.heading.update(measured.yaw, motion.heading_noise_rad);
        self.level.update(z, seen.noise_m);
        self.heading_votes.measured(quarters, &look.bbox, look.score);

        self.follow_motion(&motion, noise_m);
        self.trail.mark(self.plane.position());
    }

    /// It was not seen. That speaks against it unless another object hides it.
    pub(super) fn miss(&mut self, hidden: bool) {
        self.misses = self.misses.saturating_add(1);
        self.hidden = hidden;
        if !hidden {
            self.existence.miss();
        }
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
            heading_covariance: self.heading.covariance(),
            hits: self.hits,
            misses: self.misses,
        }
    }

    /// Standard deviation of the measured position, as far as this object's jitter is known.
    fn noise_m(&self, seen: &Measurement) -> f64 {
        self.jitter.scale() * seen.noise_m
    }

    /// Every look votes for its class with its evidence, the logarithm of how unlikely it is to be wrong.
    fn vote(&mut self, seen: &Measurement) {
        self.class_votes = self.class_votes.map(|votes| VOTE_MEMORY * votes);
        for look in seen.looks() {
            let weight = if look.class == ObjectClass::Unknown { UNKNOWN_VOTE } else { 1.0 };
            if let Some(place) = ObjectClass::ALL.iter().position(|class| *class == look.class) {
                self.class_votes[place] -= weight * (1.0 - look.score.clamp(SCORES[0], SCORES[1])).ln();
            }
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
            let step = if motion.seen_in_part { 1.0 } else { 2.0 };
            self.heading_votes.known((step * (off / (step * FRAC_PI_2)).round()).rem_euclid(4.0) as usize);
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
