//! The supervisor at work: hears the pipeline's beats, says what is wrong, and when control itself falls silent while it drives, or
//! does not stop although it was told to, brakes the car on the same bus. In a thread, or in a process that outlives the pipeline.

use super::bus::Bus;
use super::driver::Observer;
use super::link::{self, Verdict};
use super::pen::Pen;
use super::{Car, read_database};
use crate::runtime::clock::receive_time;
use anyhow::Context;
use control::safety::supervisor::BlindStop;
use control::safety::{Mode, Source, Supervisor, Watched};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};
use types::{Authority, Vehicle};
use vehicle::can::Frame;
use vehicle::can::reader::Reader;
use vehicle::can::writer::Request;

/// How often it judges.
const PERIOD: Duration = Duration::from_millis(5);
/// The most time that passes from one judgement to the next, whatever the clock says.
const LONGEST_STEP: Duration = Duration::from_millis(20);
/// Control has so long to begin a stop that it was told to make.
const OBEYS_WITHIN: Duration = Duration::from_millis(60);
/// A car that was stopped is held for at least this long after the pipeline has gone, unless the driver takes over.
const HELD: Duration = Duration::from_secs(60);

/// Names of who is watched, by place.
#[derive(Clone, Debug)]
pub struct Names {
    /// Sensors.
    pub sensors: Vec<String>,
    /// Stages.
    pub stages: Vec<String>,
}

/// The stages of the corridor, in order; localization is beside detection.
pub const STAGES: [&str; 4] = ["decode", "detect", "track", "plan"];

/// Who is watched in this car: sensors first, since a stage without them is silent, too.
#[must_use]
pub fn watched(car: &Car) -> Vec<Watched> {
    let seconds = Duration::from_secs_f64;
    let budgets = &car.budgets;
    let place = |place: usize| u8::try_from(place).unwrap_or(u8::MAX);
    let sensors = super::sensor_budgets(car).into_iter().enumerate();
    let sensors = sensors.filter_map(|(i, (_, budget))| budget.map(|b| Watched::new(Source::Sensor(place(i)), b)));
    let stages = (0..STAGES.len()).map(|i| Watched::new(Source::Stage(place(i)), seconds(budgets.stage_s)));
    let plan = Watched { max_age_s: budgets.plan_age_s, ..Watched::new(Source::Plan, seconds(budgets.stage_s)) };
    sensors.chain(stages).chain([plan, Watched::new(Source::Command, seconds(budgets.control_s))]).collect()
}

/// What it does.
enum Duty {
    Watches,
    /// Brakes the car.
    Drives(Box<BlindStop>),
    /// The driver has taken over from it.
    Rests,
}

/// Everything the supervisor needs of the car.
pub struct Post {
    supervisor: Supervisor,
    vehicle: Vehicle,
    observer: Observer,
    pen: Pen,
    reader: Reader,
    duty: Duty,
    /// Since when there is something wrong.
    told: Option<Duration>,
    frames: Vec<Frame>,
}

/// The time for which the supervisor has watched. It stands still with the supervisor: when the whole computer stood still for a moment,
/// nobody was seen to be silent.
struct Attention {
    last: Instant,
    watched: Duration,
}

impl Attention {
    fn until(&mut self, now: Instant) -> Duration {
        self.watched += now.saturating_duration_since(self.last).min(LONGEST_STEP);
        self.last = now;
        self.watched
    }
}

impl Post {
    /// A supervisor for a car whose bus is open.
    ///
    /// # Errors
    /// What is wrong with bindings or the DBC file.
    pub fn new(car: &Car, vehicle: &Vehicle, bus: Bus) -> anyhow::Result<Self> {
        let database = read_database(car)?;
        let bindings = &car.can.bindings;
        Ok(Self {
            supervisor: Supervisor::new(&watched(car)),
            vehicle: *vehicle,
            observer: Observer::new(car.driver, &car.budgets, bindings)?,
            pen: Pen::new(bus, &database, bindings, vehicle)?,
            reader: Reader::new(&database, bindings).context("car.can.bindings.read")?,
            duty: Duty::Watches,
            told: None,
            frames: Vec::new(),
        })
    }

    /// Watches until the pipeline has gone and the car needs nobody. `is_over` ends it before, where it is a thread of the pipeline.
    pub fn run(mut self, line: &UnixDatagram, is_over: impl Fn() -> bool) {
        let mut attention = Attention { last: Instant::now(), watched: Duration::ZERO };
        let (mut beats, mut gone): (Vec<_>, Option<Instant>) = (Vec::new(), None);
        // A sender that never waits, and a reader that wakes up for each judgement.
        if line.set_read_timeout(Some(PERIOD)).is_err() {
            // Without verdicts the pipeline never arms.
            return;
        }
        loop {
            beats.clear();
            if link::receive_beats(line, &mut beats).is_err() || gone.is_some() {
                std::thread::sleep(PERIOD);
            }
            let now = attention.until(Instant::now());
            beats.iter().for_each(|beat| self.supervisor.hear(beat, now));
            let cause = self.supervisor.judge(now);
            let has_taken_over = self.act(cause.is_some(), now);
            let verdict = Verdict { has_taken_over, cause };
            let sent = link::send_now(line, &verdict.to_bytes());
            let lost = sent.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock);
            if lost && gone.is_none() {
                gone = Some(Instant::now());
            }
            let held = gone.is_some_and(|since| since.elapsed() > HELD);
            match self.duty {
                Duty::Watches | Duty::Rests if gone.is_some() && cause.is_some() => return,
                Duty::Drives(_) if held && self.stands() => return,
                _ if is_over() && !matches!(self.duty, Duty::Drives(_)) => return,
                _ => {}
            }
        }
    }

    /// Takes over if it must, and drives if it has. Says whether the bus is its own.
    fn act(&mut self, is_wrong: bool, now: Duration) -> bool {
        self.told = if is_wrong { self.told.or(Some(now)) } else { None };
        let authority = self.supervisor.authority();
        let silent = self.supervisor.is_silent(Source::Command, now);
        let ignored =
            authority == Authority::Follow && self.told.is_some_and(|since| now.saturating_sub(since) > OBEYS_WITHIN);
        if matches!(self.duty, Duty::Watches) && authority != Authority::None && (silent || ignored) {
            self.duty = Duty::Drives(Box::new(BlindStop::new(&self.supervisor, self.vehicle)));
        }
        let Duty::Drives(stop) = &mut self.duty else { return matches!(self.duty, Duty::Rests) };
        // The bus is this side's now: the pipeline no longer reads it.
        self.frames.clear();
        let (at, deadline) = (receive_time(), Instant::now() + Duration::from_millis(2));
        while Instant::now() < deadline && self.pen.bus().receive_now(&mut self.frames) {}
        for frame in &self.frames {
            let _ = self.reader.take(frame, at);
        }
        let car = &self.reader.state();
        let speed_mps = self.observer.speed_mps(car, at);
        if self.observer.act(car, at).is_some() {
            self.duty = Duty::Rests;
            let off = Request::default();
            let _ = self.pen.write(&off, Instant::now() + Duration::from_secs(1));
            return true;
        }
        let (passed, _) = stop.step(now, speed_mps);
        let request = Request {
            steering_rad: passed.steering_rad,
            acceleration_mps2: passed.acceleration_mps2,
            enabled: true,
            ready: false,
            mode: Mode::MinimumRisk as u8,
        };
        let _ = self.pen.write(&request, Instant::now());
        true
    }

    fn stands(&self) -> bool {
        self.observer.speed_mps(&self.reader.state(), receive_time()).is_none_or(|speed| speed.abs() < 0.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A computer that stood still for 60 ms made a supervisor take over from control that was well.
    #[test]
    fn a_supervisor_that_stood_still_saw_nobody_be_silent() {
        let begin = Instant::now();
        let mut attention = Attention { last: begin, watched: Duration::ZERO };
        let mut at = |ms: u64| attention.until(begin + Duration::from_millis(ms)).as_millis();
        assert_eq!([5, 10, 15, 75, 80, 80].map(&mut at), [5, 10, 15, 35, 40, 40]);
    }
}
