//! Speed over time: keeping a speed, getting behind a target, braking.

use crate::polynomial::Polynomial;
use crate::tail::Braking;
use types::{Limits, Verdict};

/// Every candidate is looked at for at least this long before its braking tail, s.
pub const HORIZON_S: f64 = 6.0;
/// Seconds between samples.
pub const SAMPLE_STEP_S: f64 = 0.1;
/// Samples of a profile with its tail: 10 s.
pub const SAMPLES: usize = 101;

/// Changing the speed before an approach takes this long, s per m/s.
const RAMP_S_PER_MPS: f64 = 1.2;
/// Even braking is at least this strong, m/s2, and found by this many bisections.
const WEAKEST_MPS2: f64 = 0.3;
const BISECTIONS: usize = 20;

/// What a profile aims at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aim {
    /// A speed, m/s.
    Keep(f64),
    /// A place behind the target of this index, at its speed.
    Behind(usize),
    /// Standstill, with this deceleration in m/s2.
    Brake(f64),
    /// A goal.
    Goal,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Motion {
    Polynomial(Polynomial),
    Braking(Braking),
    Approach(Approach),
}

/// To a speed, holding it, and braking evenly to rest.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Approach {
    ramp: Polynomial,
    ramp_s: f64,
    hold_s: f64,
    braking: Braking,
}

impl Approach {
    fn at(&self, time_s: f64) -> [f64; 4] {
        if time_s <= self.ramp_s {
            return self.ramp.at(time_s);
        }
        let [ramped, speed, ..] = self.ramp.at(self.ramp_s);
        let held = time_s - self.ramp_s;
        if held <= self.hold_s {
            return [ramped + speed * held, speed, 0.0, 0.0];
        }
        let [along, speed_now, acceleration, jerk] = self.braking.at(held - self.hold_s);
        [ramped + speed * self.hold_s + along, speed_now, acceleration, jerk]
    }
}

/// A motion along the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// What it aims at.
    pub aim: Aim,
    /// When it gets there, s.
    pub end_s: f64,
    /// Where its tail starts, s.
    pub horizon_s: f64,
    /// Speed at its end, m/s.
    pub end_speed_mps: f64,
    motion: Motion,
    tail: Braking,
}

impl Profile {
    /// To a speed, with a quartic.
    #[must_use]
    pub fn keep(start: [f64; 2], speed_mps: f64, end_s: f64, limits: &Limits) -> Self {
        let polynomial = Polynomial::quartic([0.0, start[0], start[1]], [speed_mps, 0.0], end_s);
        Self::new(Aim::Keep(speed_mps), Motion::Polynomial(polynomial), end_s, speed_mps, limits)
    }

    /// To a place `travel_m` ahead with a speed, with a quintic.
    #[must_use]
    pub fn behind(target: usize, start: [f64; 2], travel_m: f64, speed_mps: f64, end_s: f64, limits: &Limits) -> Self {
        let polynomial = Polynomial::quintic([0.0, start[0], start[1]], [travel_m, speed_mps, 0.0], end_s);
        Self::new(Aim::Behind(target), Motion::Polynomial(polynomial), end_s, speed_mps, limits)
    }

    /// To a goal `travel_m` ahead with a speed, with a quintic.
    #[must_use]
    pub fn goal(start: [f64; 2], travel_m: f64, speed_mps: f64, end_s: f64, limits: &Limits) -> Self {
        let polynomial = Polynomial::quintic([0.0, start[0], start[1]], [travel_m, speed_mps, 0.0], end_s);
        Self::new(Aim::Goal, Motion::Polynomial(polynomial), end_s, speed_mps, limits)
    }

    /// To standstill, wherever that is.
    #[must_use]
    pub fn brake(start: [f64; 2], deceleration_mps2: f64, limits: &Limits) -> Self {
        let braking = Braking::new(start[0], start[1], deceleration_mps2, limits.jerk_mps3);
        Self::new(Aim::Brake(deceleration_mps2), Motion::Braking(braking), braking.duration_s(), 0.0, limits)
    }

    /// To standstill `travel_m` ahead: first to a speed, then as late as this deceleration allows. `None` if the way is
    /// too short for that.
    #[must_use]
    pub fn approach(
        target: usize,
        start: [f64; 2],
        travel_m: f64,
        speed_mps: f64,
        deceleration_mps2: f64,
        limits: &Limits,
    ) -> Option<Self> {
        let ramp_s = (RAMP_S_PER_MPS * (speed_mps - start[0]).abs()).max(1.0 + start[1].abs());
        let ramp = Polynomial::quartic([0.0, start[0], start[1]], [speed_mps, 0.0], ramp_s);
        let braking = Braking::new(speed_mps, 0.0, deceleration_mps2, limits.jerk_mps3);
        let hold_s = (travel_m - ramp.at(ramp_s)[0] - braking.at(f64::INFINITY)[0]) / speed_mps.max(0.1);
        let motion = Motion::Approach(Approach { ramp, ramp_s, hold_s, braking });
        let end_s = ramp_s + hold_s + braking.duration_s();
        (hold_s >= 0.0).then(|| Self::new(Aim::Behind(target), motion, end_s, 0.0, limits))
    }

    /// To standstill `travel_m` ahead by even braking from now on. `None` if no deceleration within the limit does that.
    #[must_use]
    pub fn even(target: usize, start: [f64; 2], travel_m: f64, limits: &Limits) -> Option<Self> {
        let braking = |deceleration: f64| Braking::new(start[0], start[1], deceleration, limits.jerk_mps3);
        let way = |deceleration: f64| braking(deceleration).at(f64::INFINITY)[0];
        let (mut weak, mut strong) = (WEAKEST_MPS2, limits.deceleration_mps2);
        if !(way(strong)..=way(weak)).contains(&travel_m) {
            return None;
        }
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (weak + strong);
            if way(middle) > travel_m { weak = middle } else { strong = middle }
        }
        let motion = braking(strong);
        Some(Self::new(Aim::Behind(target), Motion::Braking(motion), motion.duration_s(), 0.0, limits))
    }

    fn new(aim: Aim, motion: Motion, end_s: f64, end_speed_mps: f64, limits: &Limits) -> Self {
        let longest = SAMPLE_STEP_S * (SAMPLES - 1) as f64;
        let mut profile = Self { aim, end_s, horizon_s: 0.0, end_speed_mps, motion, tail: Braking::default() };
        // A horizon on the grid of samples, so that the tail starts at a sample.
        let seen_s = if end_s > longest { HORIZON_S } else { end_s.max(HORIZON_S) };
        profile.horizon_s = (seen_s / SAMPLE_STEP_S).ceil() * SAMPLE_STEP_S;
        let [_, speed, acceleration, _] = profile.at(profile.horizon_s);
        profile.tail = Braking::new(speed, acceleration, limits.deceleration_mps2, limits.jerk_mps3);
        profile
    }

    /// Travelled length, speed, acceleration and jerk at a time up to the horizon; constant speed after the end.
    #[must_use]
    pub fn at(&self, time_s: f64) -> [f64; 4] {
        let inside = time_s.min(self.end_s);
        let state = match &self.motion {
            Motion::Polynomial(polynomial) => polynomial.at(inside),
            Motion::Braking(braking) => return braking.at(time_s),
            Motion::Approach(approach) => return approach.at(time_s),
        };
        if time_s <= self.end_s {
            return state;
        }
        [state[0] + self.end_speed_mps * (time_s - self.end_s), self.end_speed_mps, 0.0, 0.0]
    }

    /// As [`Profile::at`], braking after the horizon.
    #[must_use]
    pub fn with_tail(&self, time_s: f64) -> [f64; 4] {
        if time_s <= self.horizon_s {
            return self.at(time_s);
        }
        self.tail_at(self.at(self.horizon_s)[0], time_s)
    }

    /// The tail at a time after the horizon, from where it begins.
    fn tail_at(&self, begin_m: f64, time_s: f64) -> [f64; 4] {
        let [along, speed, acceleration, jerk] = self.tail.at(time_s - self.horizon_s);
        [begin_m + along, speed, acceleration, jerk]
    }

    /// The last sample before the tail.
    #[must_use]
    pub fn horizon_sample(&self) -> usize {
        ((self.horizon_s / SAMPLE_STEP_S).round() as usize).min(SAMPLES - 1)
    }

    /// Whether it ends at rest.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.end_speed_mps < 0.3
    }

    /// Fills the samples and says whether speed, acceleration or jerk is out of bounds.
    pub fn sample(&self, samples: &mut [[f64; 4]], limits: &Limits) -> Option<Verdict> {
        let fastest = limits.speed_mps.max(samples.first().map_or(0.0, |_| self.at(0.0)[1])) + 0.1;
        let mut reached = 0.0f64;
        let mut verdict = None;
        let horizon = self.horizon_sample();
        let begin_m = self.at(self.horizon_s)[0];
        for (i, sample) in samples.iter_mut().enumerate() {
            let time_s = i as f64 * SAMPLE_STEP_S;
            let mut now = if time_s <= self.horizon_s { self.at(time_s) } else { self.tail_at(begin_m, time_s) };
            let [_, speed, acceleration, jerk] = now;
            if verdict.is_none() && i <= horizon {
                verdict = if !(-0.05..=fastest).contains(&speed) {
                    Some(Verdict::Speed)
                } else if !(-limits.deceleration_mps2 - 0.05..=limits.acceleration_mps2 + 0.05).contains(&acceleration)
                {
                    Some(Verdict::Acceleration)
                } else if jerk.is_nan() || jerk.abs() > limits.jerk_mps3 + 0.05 {
                    Some(Verdict::Jerk)
                } else {
                    None
                };
            }
            reached = reached.max(now[0]);
            (now[0], now[1]) = (reached, speed.max(0.0));
            *sample = now;
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_end_where_they_aim() {
        let limits = Limits::default();
        let keep = Profile::keep([5.0, 0.5], 9.0, 4.0, &limits);
        assert!((keep.at(4.0)[1] - 9.0).abs() < 1e-9 && (keep.at(6.0)[1] - 9.0).abs() < 1e-9);
        let stop = Profile::behind(0, [8.0, 0.0], 20.0, 0.0, 5.0, &limits);
        assert!((stop.at(5.5)[0] - 20.0).abs() < 1e-9 && stop.stops());
        for stop in [
            Profile::even(0, [8.0, -0.5], 20.0, &limits).unwrap(),
            Profile::approach(0, [8.0, 0.5], 40.0, 7.0, 1.8, &limits).unwrap(),
        ] {
            let way = if matches!(stop.motion, Motion::Braking(_)) { 20.0 } else { 40.0 };
            assert!((stop.with_tail(30.0)[0] - way).abs() < 0.01 && stop.stops(), "{stop:?}");
        }
        let mut samples = [[0.0; 4]; SAMPLES];
        assert_eq!(stop.sample(&mut samples, &limits), None);
        assert_eq!(
            Profile::behind(0, [4.0, 0.0], 7.0, 0.0, 5.0, &limits).sample(&mut samples, &limits),
            Some(Verdict::Speed)
        );
        assert_eq!(
            Profile::keep([0.0, 0.0], 12.0, 3.0, &limits).sample(&mut samples, &limits),
            Some(Verdict::Acceleration)
        );
    }

    #[test]
    fn every_profile_with_a_tail_is_continuous() {
        let limits = Limits::default();
        for profile in [Profile::keep([12.0, 0.0], 10.0, 3.0, &limits), Profile::brake([9.0, 1.0], 2.0, &limits)] {
            for i in 1..1000 {
                let (a, b) = (profile.with_tail(0.01 * f64::from(i - 1)), profile.with_tail(0.01 * f64::from(i)));
                assert!((b[0] - a[0] - 0.01 * 0.5 * (a[1] + b[1])).abs() < 1e-3 && (b[1] - a[1]).abs() < 0.05);
            }
        }
    }
}
