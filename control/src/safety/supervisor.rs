//! The supervisor: it hears the pipeline's heartbeats and stops the car when they stop. Its state is its own; it can run in
//! another process, with nothing but [`Beat`]s from a pipe and a clock of its own.
//!
//! Times are durations since its own start, told by the caller. They are of the clock that never jumps, not stamps of
//! sensors, and no heartbeat brings a time of its own: a pipeline whose clock is wrong cannot look alive.

use super::beat::{Beat, Source};
use super::stop::GradedStop;
use super::{Authority, Grade};
use crate::gate::{Gate, Passed, Request};
use std::fmt;
use std::time::Duration;
use types::{Stamp, Vehicle};

/// A stop that was asked for is asked for until all has been well for this long.
const WELL_FOR: Duration = Duration::from_secs(1);

/// Who has to give signs of life.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// Who.
    pub source: Source,
    /// The longest time between two beats.
    pub budget: Duration,
    /// The oldest plan that is driven, s; for others infinite.
    pub max_age_s: f64,
}

impl Watched {
    /// A stage, a sensor or control, with the longest time between two of its beats.
    #[must_use]
    pub fn new(source: Source, budget: Duration) -> Self {
        Self { source, budget, max_age_s: f64::INFINITY }
    }
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// No sign of life within the budget, or none ever.
    Silent(Source),
    /// The plan that is driven is too old.
    OldPlan,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(Source::Stage(place)) => write!(f, "stage {place} is silent"),
            Self::Silent(Source::Sensor(place)) => write!(f, "sensor {place} is silent"),
            Self::Silent(Source::Plan) => f.write_str("planning is silent"),
            Self::Silent(Source::Command) => f.write_str("control is silent"),
            Self::OldPlan => f.write_str("the plan is too old"),
        }
    }
}

/// What was heard of one that is watched.
#[derive(Clone, Copy, Debug)]
struct Heard {
    watched: Watched,
    last: Option<(Duration, u64)>,
    age_s: f64,
}

/// Who is watched and what was heard.
#[derive(Clone, Debug)]
pub struct Supervisor {
    heard: Vec<Heard>,
    now: Duration,
    cause: Option<Cause>,
    well_since: Option<Duration>,
    command: Option<(Duration, [f64; 3])>,
    authority: Authority,
}

impl Supervisor {
    /// Nothing was heard yet, so nobody is well.
    #[must_use]
    pub fn new(watched: &[Watched]) -> Self {
        let heard = watched.iter().map(|watched| Heard { watched: *watched, last: None, age_s: f64::INFINITY });
        Self {
            heard: heard.collect(),
            now: Duration::ZERO,
            cause: None,
            well_since: None,
            command: None,
            authority: Authority::None,
        }
    }

    /// Takes up a heartbeat that came now. One that does not go on from the last, or of nobody who is watched, is none.
    pub fn hear(&mut self, beat: &Beat, now: Duration) {
        self.now = self.now.max(now);
        let Some(heard) = self.heard.iter_mut().find(|heard| heard.watched.source == beat.source) else { return };
        if heard.last.is_some_and(|(_, sequence)| beat.sequence <= sequence) {
            return;
        }
        heard.last = Some((self.now, beat.sequence));
        if beat.source == Source::Plan {
            heard.age_s = if beat.age_s.is_finite() { beat.age_s.max(0.0) } else { f64::INFINITY };
        }
        if beat.source == Source::Command {
            self.authority = beat.authority;
            if beat.command.iter().all(|v| v.is_finite()) {
                self.command = Some((self.now, beat.command));
            }
        }
    }

    /// What is wrong now, if anything. A cause is told until all has been well for a second: a pipeline that stutters is
    /// not well between two beats.
    pub fn judge(&mut self, now: Duration) -> Option<Cause> {
        self.now = self.now.max(now);
        match self.heard.iter().find_map(|heard| heard.cause(self.now)) {
            Some(cause) => {
                self.cause = Some(cause);
                self.well_since = None;
            }
            None => {
                let since = *self.well_since.get_or_insert(self.now);
                if self.now.saturating_sub(since) >= WELL_FOR {
                    self.cause = None;
                } else if self.cause.is_none() {
                    // Nothing was ever wrong, but nothing was well for long: only at the start.
                    self.cause = self.heard.first().map(|heard| Cause::Silent(heard.watched.source));
                }
            }
        }
        self.cause
    }

    /// Whether somebody has given no sign of life within the budget, or never.
    #[must_use]
    pub fn is_silent(&self, source: Source, now: Duration) -> bool {
        let heard = self.heard.iter().find(|heard| heard.watched.source == source);
        heard.is_none_or(|heard| heard.last.is_none_or(|(at, _)| now.saturating_sub(at) > heard.watched.budget))
    }

    /// What control was allowed when it was last heard of.
    #[must_use]
    pub fn authority(&self) -> Authority {
        self.authority
    }

    /// The last command that was heard of: angle, acceleration, speed.
    #[must_use]
    pub fn last_command(&self) -> Option<[f64; 3]> {
        self.command.map(|(_, command)| command)
    }
}

impl Heard {
    fn cause(&self, now: Duration) -> Option<Cause> {
        let Watched { source, budget, max_age_s } = self.watched;
        let Some((at, _)) = self.last else { return Some(Cause::Silent(source)) };
        let passed = now.saturating_sub(at);
        if passed > budget {
            return Some(Cause::Silent(source));
        }
        // A plan grows older while nothing is heard of it.
        (source == Source::Plan && self.age_s + passed.as_secs_f64() > max_age_s).then_some(Cause::OldPlan)
    }
}

/// A stop without the pipeline: the wheels as they were, the brakes in two grades, and the gate last.
#[derive(Clone, Debug)]
pub struct BlindStop {
    vehicle: Vehicle,
    gate: Gate,
    stop: GradedStop,
    last: Option<Duration>,
}

impl BlindStop {
    /// Goes on from the last command that was heard of; without one from straight wheels and the highest speed.
    #[must_use]
    pub fn new(supervisor: &Supervisor, vehicle: Vehicle) -> Self {
        let command = supervisor.last_command();
        let speed_mps = command.map(|[_, _, speed]| speed);
        let gate = command.map_or_else(
            || Gate::new(vehicle),
            |[steering, acceleration, speed]| Gate::after(vehicle, steering, acceleration, speed),
        );
        Self { vehicle, gate, stop: GradedStop::new(speed_mps, &vehicle), last: None }
    }

    /// The command at a time, with the speed if the car still reports it.
    pub fn step(&mut self, now: Duration, speed_mps: Option<f64>) -> (Passed, Grade) {
        let since = self.last.map_or(Duration::ZERO, |last| now.saturating_sub(last));
        self.last = Some(self.last.map_or(now, |last| last.max(now)));
        let grade = self.stop.step(since.as_secs_f64(), speed_mps, false, false);
        let stands = speed_mps.is_some_and(|speed| speed.abs() < 0.1);
        let authority = if stands { Authority::Hold } else { Authority::Stop(grade) };
        let wanted = Request {
            steering_rad: self.gate.steering_rad(),
            acceleration_mps2: -self.vehicle.limits.stop_deceleration_mps2,
            stop: true,
            emergency: false,
        };
        let request = super::request(authority, &wanted, &self.vehicle).unwrap_or(wanted);
        let nanos = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        (self.gate.pass(&request, speed_mps, Stamp::from_nanos(nanos)), grade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAGE: Source = Source::Stage(2);

    fn watched() -> [Watched; 3] {
        [
            Watched::new(STAGE, Duration::from_millis(150)),
            Watched { max_age_s: 0.3, ..Watched::new(Source::Plan, Duration::from_millis(180)) },
            Watched::new(Source::Command, Duration::from_millis(50)),
        ]
    }

    fn beats(sequence: u64) -> [Beat; 3] {
        let command = Beat { command: [0.02, 0.5, 8.0], ..Beat::of(Source::Command, sequence) };
        [Beat::of(STAGE, sequence), Beat { age_s: 0.1, ..Beat::of(Source::Plan, sequence) }, command]
    }

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A supervisor that has heard all until 2 s, and the sequence that comes next.
    fn well() -> (Supervisor, u64) {
        let mut supervisor = Supervisor::new(&watched());
        assert_eq!(supervisor.judge(Duration::ZERO), Some(Cause::Silent(STAGE)));
        for i in 0..=200 {
            beats(i).iter().for_each(|beat| supervisor.hear(beat, millis(10 * i)));
            supervisor.judge(millis(10 * i));
        }
        assert_eq!(supervisor.judge(millis(2000)), None);
        (supervisor, 201)
    }

    #[test]
    fn each_that_falls_silent_is_found_within_its_budget() {
        for (quiet, watched) in watched().into_iter().enumerate() {
            let (mut supervisor, first) = well();
            let silent = (1..100).find(|i| {
                let sequence = first + i - 1;
                for beat in beats(sequence).iter().enumerate().filter(|(i, _)| *i != quiet).map(|(_, beat)| beat) {
                    supervisor.hear(beat, millis(2000 + 10 * i));
                }
                supervisor.judge(millis(2000 + 10 * i)).is_some()
            });
            let after = millis(10 * silent.unwrap());
            assert!(after > watched.budget && after <= watched.budget + millis(10), "{after:?} {:?}", watched.source);
            assert!(after <= millis(200));
        }
    }

    #[test]
    fn a_stage_that_repeats_itself_is_silent_and_an_old_plan_is_found() {
        let (mut supervisor, _) = well();
        for i in 1..30 {
            beats(200).iter().for_each(|beat| supervisor.hear(beat, millis(2000 + 10 * i)));
        }
        assert_eq!(supervisor.judge(millis(2160)), Some(Cause::Silent(STAGE)));
        let (mut supervisor, next) = well();
        supervisor.hear(&Beat { age_s: 0.4, ..Beat::of(Source::Plan, next) }, millis(2001));
        assert_eq!(supervisor.judge(millis(2001)), Some(Cause::OldPlan));
    }

    #[test]
    fn a_blind_stop_goes_on_from_the_last_command_and_brakes_harder_after_a_second() {
        let (supervisor, _) = well();
        let vehicle = Vehicle::default();
        let mut stop = BlindStop::new(&supervisor, vehicle);
        let (mut speed, mut last, mut grades) = (8.0f64, 0.5, Vec::new());
        for i in 0..400 {
            let (passed, grade) = stop.step(millis(2100 + 10 * i), Some(speed));
            assert!((passed.acceleration_mps2 - last).abs() <= 0.31 && (passed.steering_rad - 0.02).abs() < 1e-9);
            last = passed.acceleration_mps2;
            speed = (speed + 0.01 * last).max(0.0);
            grades.push(grade);
        }
        assert!(speed == 0.0 && last == crate::longitudinal::HOLD_MPS2, "{speed} {last}");
        assert!(grades[90] == Grade::Comfortable && grades[120] == Grade::Emergency);
    }

    fn beat() -> impl Strategy<Value = Beat> {
        let source = prop_oneof![Just(STAGE), Just(Source::Plan), Just(Source::Command), Just(Source::Sensor(9))];
        let number = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), -1.0..1.0f64];
        (source, 0..400u64, number.clone(), [number.clone(), number.clone(), number])
            .prop_map(|(source, sequence, age_s, command)| Beat { age_s, command, ..Beat::of(source, sequence) })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        /// Whatever else it hears: without a new sign of life from each within its budget there is a cause.
        #[test]
        fn silence_is_never_missed(events in prop::collection::vec((beat(), 0..4000u64), 0..300)) {
            let mut supervisor = Supervisor::new(&watched());
            let (mut fresh, mut highest, mut now) = ([None::<Duration>; 3], [None::<u64>; 3], Duration::ZERO);
            for (beat, at) in events {
                // Times come in any order, too.
                now = now.max(millis(at));
                supervisor.hear(&beat, millis(at));
                if let Some(i) = watched().iter().position(|w| w.source == beat.source)
                    && highest[i].is_none_or(|last| beat.sequence > last)
                {
                    (fresh[i], highest[i]) = (Some(now), Some(beat.sequence));
                }
                let cause = supervisor.judge(millis(at));
                for (watched, last) in watched().iter().zip(fresh) {
                    let alive = last.is_some_and(|last| now - last <= watched.budget);
                    prop_assert!(alive || cause.is_some(), "{watched:?} {last:?} {now:?}");
                }
                prop_assert!(supervisor.last_command().is_none_or(|c| c.iter().all(|v| v.is_finite())));
            }
        }

        /// Beats within their budgets, however they jitter, are never a cause once the start is over.
        #[test]
        fn the_living_are_not_disturbed(gaps in prop::collection::vec(1..=50u64, 50..300)) {
            let mut supervisor = Supervisor::new(&watched());
            let mut at = 0;
            for (i, gap) in gaps.into_iter().enumerate() {
                at += gap;
                // Between two beats it is judged, too.
                let early = supervisor.judge(millis(at));
                beats(i as u64).iter().for_each(|beat| supervisor.hear(beat, millis(at)));
                let cause = supervisor.judge(millis(at));
                prop_assert!(at < 1060 || (cause.is_none() && early.is_none()), "{at} {cause:?}");
            }
        }
    }
}
