//! What was commanded, and how far actuators with a first-order lag have followed it.

use std::collections::VecDeque;
use types::Stamp;

/// Commands older than this no longer matter, s.
const LONGEST_S: f64 = 2.0;
/// Most commands remembered.
const MOST: usize = 1024;
/// The response of the steering and of the tyres to a command, as one first-order lag behind the dead time, s.
pub const STEERING_LAG_S: f64 = 0.15;
/// The response of drive and brakes, s.
pub const ACCELERATION_LAG_S: f64 = 0.15;

/// A command, or the response to commands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// Tangent of the angle of the front wheels.
    pub tangent: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
}

/// The last two seconds, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    moments: VecDeque<(Stamp, Moment, Moment)>,
}

impl History {
    /// Adds a command, which holds from its stamp on, and forgets old ones. A stamp before the last one starts anew.
    pub fn add(&mut self, stamp: Stamp, command: Moment) {
        if self.moments.back().is_some_and(|(last, ..)| *last > stamp) {
            self.moments.clear();
        }
        let response = match self.moments.back() {
            None => command,
            Some((last, held, response)) => {
                let seconds = stamp.seconds_since(*last);
                let follow = |from: f64, to: f64, lag_s: f64| to + (from - to) * (-seconds / lag_s).exp();
                Moment {
                    tangent: follow(response.tangent, held.tangent, STEERING_LAG_S),
                    acceleration_mps2: follow(response.acceleration_mps2, held.acceleration_mps2, ACCELERATION_LAG_S),
                }
            }
        };
        let is_old = |(first, ..): &(Stamp, Moment, Moment)| stamp.seconds_since(*first) > LONGEST_S;
        while self.moments.front().is_some_and(is_old) || self.moments.len() >= MOST {
            self.moments.pop_front();
        }
        self.moments.push_back((stamp, command, response));
    }

    /// Whether commands are known from this stamp on.
    #[must_use]
    pub fn reaches(&self, stamp: Stamp) -> bool {
        self.moments.front().is_some_and(|(first, ..)| *first <= stamp)
    }

    /// The command that was in force at a stamp; the first one before that, none if there was none.
    #[must_use]
    pub fn command(&self, stamp: Stamp) -> Moment {
        let later = self.moments.partition_point(|(at, ..)| *at <= stamp);
        self.moments.get(later.saturating_sub(1)).map_or_else(Moment::default, |(_, command, _)| *command)
    }

    /// The response at a stamp of actuators without dead time, linear between ticks and held at both ends.
    #[must_use]
    pub fn response(&self, stamp: Stamp) -> Moment {
        let next = self.moments.partition_point(|(at, ..)| *at <= stamp);
        let Some((from, _, before)) = self.moments.get(next.saturating_sub(1)) else { return Moment::default() };
        let Some((to, _, after)) = self.moments.get(next) else { return *before };
        let share = (stamp.seconds_since(*from) / to.seconds_since(*from).max(1e-9)).clamp(0.0, 1.0);
        let mix = |a: f64, b: f64| a + share * (b - a);
        Moment {
            tangent: mix(before.tangent, after.tangent),
            acceleration_mps2: mix(before.acceleration_mps2, after.acceleration_mps2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Stamp {
        Stamp::from_nanos(1_000_000 * millis)
    }

    #[test]
    fn a_step_is_followed_with_the_lag() {
        let mut history = History::default();
        for i in 0..100 {
            let tangent = if i < 50 { 0.0 } else { 0.1 };
            history.add(at(10 * i), Moment { tangent, acceleration_mps2: 0.0 });
        }
        assert_eq!((history.command(at(499)).tangent, history.command(at(500)).tangent), (0.0, 0.1));
        let after = 0.1 * (1.0 - (-0.3f64 / STEERING_LAG_S).exp());
        assert!((history.response(at(800)).tangent - after).abs() < 1e-9);
        assert!(history.reaches(at(0)) && !history.reaches(at(-1)));
    }

    #[test]
    fn memory_is_bounded_and_time_may_jump() {
        let mut history = History::default();
        for i in 0..10_000 {
            history.add(Stamp::from_nanos(i), Moment::default());
        }
        assert!(history.moments.len() <= MOST);
        history.add(at(-5), Moment { tangent: 0.2, acceleration_mps2: 0.0 });
        assert_eq!((history.moments.len(), history.command(at(7)).tangent), (1, 0.2));
    }
}
