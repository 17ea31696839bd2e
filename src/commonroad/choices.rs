//! What a passenger would call a decision, and how often it changes.
//!
//! A change of decision is one of three things:
//! - another line is driven along (a change of lane is begun or given up),
//! - the same object is passed on the other side, or passed after it was followed, or followed after it was to be passed,
//! - the car is about to stand ([`STAND_S`]) where it was about to drive, or the other way round.
//!
//! Following or driving freely in the same lane, another speed, going back to the line's middle after passing, and new numbers for the
//! same lanes are none. Many changes are right: to stop for who crosses, and to go on behind it. A flip is a change that is taken back within
//! [`FLIP_S`]: the car has not known what it wants.

use super::drive::Cycle;
use std::collections::BTreeMap;
use types::{DecisionKind, Plan};

/// A change that is taken back within this time is a flip, s.
pub const FLIP_S: f64 = 3.0;

/// Who stands this long after a plan by that plan is about to stand, s.
pub const STAND_S: f64 = 4.0;
/// Slower is standing, faster is driving, m/s. What creeps in between does neither: no decision changes by it.
const STANDING_MPS: f64 = 0.2;
const DRIVING_MPS: f64 = 1.0;

/// The decision of one plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Which of the lines; `relaid` if they are other lines than those of the plan before.
    pub line: usize,
    /// The lines were laid anew before this plan.
    pub relaid: bool,
    /// It is about to stand, or to drive; none if it creeps.
    pub stands: Option<bool>,
    /// The object that it is about, and what is done about it.
    pub about: Option<(u64, Manner)>,
}

/// What is done about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It is passed on its left.
    Left,
    /// It is passed on its right.
    Right,
    /// One stays behind it.
    Behind,
}

/// How two choices differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another line.
    Line,
    /// Another side of the same object.
    Side,
    /// Standing instead of driving, or the other way round.
    Stop,
}

impl Choice {
    /// The choice of a plan.
    #[must_use]
    pub fn of(plan: &Plan, line: usize, relaid: bool) -> Self {
        let left = plan.decision.reason.contains(" to the left,");
        let manner = match plan.decision.kind {
            DecisionKind::Pass if left => Some(Manner::Left),
            DecisionKind::Pass => Some(Manner::Right),
            DecisionKind::Follow | DecisionKind::Stop => Some(Manner::Behind),
            DecisionKind::Cruise | DecisionKind::EmergencyStop => None,
        };
        let stands = match plan.trajectory.at(STAND_S).map_or(0.0, |then| then.speed_mps) {
            slow if slow < STANDING_MPS => Some(true),
            fast if fast > DRIVING_MPS => Some(false),
            _ => None,
        };
        Self { line, relaid, stands, about: plan.decision.track.zip(manner) }
    }

    /// What has changed since the choice before.
    #[must_use]
    pub fn change_from(&self, before: &Self) -> Option<Change> {
        let other_manner = |((a, before), (b, now)): ((u64, Manner), (u64, Manner))| a == b && before != now;
        if !self.relaid && self.line != before.line {
            Some(Change::Line)
        } else if before.about.zip(self.about).is_some_and(other_manner) {
            Some(Change::Side)
        } else {
            self.stands.zip(before.stands).is_some_and(|(now, before)| now != before).then_some(Change::Stop)
        }
    }
}

/// How often decisions changed, and how often a change was taken back at once: of the line, the side, standing or driving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All changes.
    pub changes: [usize; 3],
    /// Those that were taken back within [`FLIP_S`].
    pub flips: [usize; 3],
}

/// One thing that is decided: what holds since when, and what held before.
#[derive(Clone, Copy, Debug)]
struct Held<T> {
    now: T,
    since_s: f64,
    before: Option<T>,
}

impl<T: Copy + PartialEq> Held<T> {
    fn new(now: T, since_s: f64) -> Self {
        Self { now, since_s, before: None }
    }

    /// Takes in what is decided now; whether that is a change, and whether it takes one back.
    fn decide(&mut self, next: T, time_s: f64) -> [bool; 2] {
        if self.now == next {
            return [false; 2];
        }
        let flips = self.before == Some(next) && time_s - self.since_s <= FLIP_S;
        *self = Self { now: next, since_s: time_s, before: Some(self.now) };
        [true, flips]
    }
}

impl Counts {
    /// Adds the cycles of one run.
    pub fn add(&mut self, cycles: &[Cycle]) {
        let choices: Vec<(f64, Choice)> = cycles.iter().map(|cycle| (cycle.time_s, cycle.choice)).collect();
        self.add_choices(&choices);
    }

    fn add_choices(&mut self, choices: &[(f64, Choice)]) {
        let Some(&(first_s, first)) = choices.first() else { return };
        let mut line = Held::new(first.line, first_s);
        let mut stands: Option<Held<bool>> = None;
        let mut about: BTreeMap<u64, Held<Manner>> = BTreeMap::new();
        for &(time_s, choice) in choices {
            if choice.relaid {
                line = Held::new(choice.line, time_s);
            }
            self.note(Change::Line, line.decide(choice.line, time_s));
            if let Some(now) = choice.stands {
                let held = stands.get_or_insert(Held::new(now, time_s));
                self.note(Change::Stop, held.decide(now, time_s));
            }
            if let Some((track, manner)) = choice.about {
                let held = about.entry(track).or_insert(Held::new(manner, time_s));
                self.note(Change::Side, held.decide(manner, time_s));
            }
        }
    }

    fn note(&mut self, of: Change, [changes, flips]: [bool; 2]) {
        self.changes[of as usize] += usize::from(changes);
        self.flips[of as usize] += usize::from(flips);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Decision, Trajectory, TrajectoryPoint};

    fn choice(kind: DecisionKind, reason: &str, track: u64, speed_mps: f64) -> Choice {
        let points = vec![TrajectoryPoint { speed_mps, ..TrajectoryPoint::default() }; 2];
        let decision = Decision { kind, track: Some(track), reason: reason.to_string() };
        let plan = Plan { decision, trajectory: Trajectory { points, tail_start: 1 }, ..Plan::default() };
        Choice::of(&plan, 0, false)
    }

    #[test]
    fn only_what_a_passenger_would_notice_is_a_change() {
        let follow = choice(DecisionKind::Follow, "follows", 3, 8.0);
        let cruise = choice(DecisionKind::Cruise, "drives", 3, 9.0);
        let left = choice(DecisionKind::Pass, "passes, 1.00 m to the left, at", 3, 8.0);
        let right = choice(DecisionKind::Pass, "passes, 1.00 m to the right, at", 3, 8.0);
        let stop = choice(DecisionKind::Stop, "stops", 3, 0.0);
        let changes = [
            (follow, cruise, None),
            (cruise, left, None),
            (follow, left, Some(Change::Side)),
            (left, right, Some(Change::Side)),
            (left, choice(DecisionKind::Follow, "follows", 4, 8.0), None),
            (follow, stop, Some(Change::Stop)),
            (stop, stop, None),
            (follow, choice(DecisionKind::Follow, "slows", 3, 0.5), None),
            (cruise, Choice { line: 1, ..cruise }, Some(Change::Line)),
            (cruise, Choice { line: 1, relaid: true, ..cruise }, None),
        ];
        for (before, now, expected) in changes {
            assert_eq!(now.change_from(&before), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn a_flip_is_a_change_that_is_taken_back_at_once() {
        let follow = choice(DecisionKind::Follow, "follows", 3, 8.0);
        let left = choice(DecisionKind::Pass, "passes, 1.00 m to the left, at", 3, 8.0);
        let stop = choice(DecisionKind::Stop, "stops", 4, 0.0);
        let count = |choices: &[(f64, Choice)]| {
            let mut counts = Counts::default();
            counts.add_choices(choices);
            counts
        };
        let stopped = count(&[(0.0, follow), (1.0, stop), (5.0, stop), (9.0, follow)]);
        assert_eq!((stopped.changes, stopped.flips), ([0, 0, 2], [0; 3]));
        let undecided = count(&[(0.0, follow), (1.0, stop), (2.0, follow), (2.3, left), (2.6, follow)]);
        assert_eq!((undecided.changes, undecided.flips), ([0, 2, 2], [0, 1, 1]));
        let relaid = Choice { line: 1, relaid: true, ..follow };
        let lanes = count(&[(0.0, follow), (1.0, relaid), (1.3, Choice { relaid: false, ..relaid }), (1.6, follow)]);
        assert_eq!((lanes.changes, lanes.flips), ([1, 0, 0], [0; 3]));
    }
}
