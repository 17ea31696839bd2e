//! Between control and the car: each period it looks at driver, sensors, supervisor and health, lets the mode machine decide, writes
//! the command on the bus, and sends beats. It never waits.

use super::board::Board;
use super::car::Budgets;
use super::driver::Observer;
use super::link::{self, Heard};
use super::pen::Pen;
use super::status::Status;
use super::supervise::{Names, STAGES};
use crate::runtime::Progress;
use crate::runtime::clock::receive_time;
use crate::runtime::seat::{Moment, Remark, Seat};
use crate::runtime::watchdog::Heartbeat;
use control::safety::mode::Buttons;
use control::safety::supervisor::Cause;
use control::safety::{Beat, Health, HealthItem, Mode, ModeMachine, Reason, Situation, Source};
use recordings::LogLevel;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use types::{Authority, Command, DecisionKind, Grant, Stamp, Vehicle};
use vehicle::can::reader::CarState;
use vehicle::can::writer::Request;

/// The computer's clock may differ from the steady one by so much, s: more, and it was set while driving.
const CLOCK_STEP_S: f64 = 0.05;
/// The path of an old plan can be kept in a stop for so long, s.
const PATH_KEPT_S: f64 = 2.5;
/// After its end was asked for, a car that was stopped is held for at most so long.
const HELD: Duration = Duration::from_secs(60);

/// After control has stood still for longer than the supervisor bears, it hears for so long whether the bus is still its own before it writes:
/// verdicts from before lie in the queue.
const DOUBT: Duration = Duration::from_millis(30);

/// What a car's seat is made of.
pub struct Parts {
    /// Of the car.
    pub vehicle: Vehicle,
    /// What the edges know.
    pub board: Arc<Board>,
    /// Reads the driver.
    pub observer: Observer,
    /// Writes on the bus.
    pub pen: Pen,
    /// To the supervisor.
    pub line: UnixDatagram,
    /// From the supervisor.
    pub verdicts: Arc<Heard>,
    /// Who is watched.
    pub names: Names,
    /// How old a plan may be.
    pub budgets: Budgets,
    /// Whether the log goes on.
    pub progress: Arc<Progress>,
    /// For the status line.
    pub status: Arc<Status>,
}

/// A car's seat.
pub struct CarSeat {
    parts: Parts,
    machine: ModeMachine,
    heartbeats: Vec<Arc<Heartbeat>>,
    remarks: Vec<Remark>,
    car: CarState,
    last: Option<Instant>,
    plan: Option<(u64, Stamp)>,
    health: Health,
    trouble: Option<String>,
    /// The bus is the supervisor's.
    is_relieved: bool,
    leaving_since: Option<Instant>,
    over: bool,
    first_lag_s: Option<f64>,
    due: Instant,
    doubt: Doubt,
}

/// Whether the bus may have become the supervisor's while control stood still.
#[derive(Debug, Default)]
struct Doubt {
    last: Option<Instant>,
    until: Option<Instant>,
}

impl Doubt {
    /// Whether to keep silent now; the last call was a tick ago if control is well. `bears`: the supervisor's patience.
    fn keeps_silent(&mut self, now: Instant, bears: Duration) -> bool {
        let last = self.last.replace(now);
        if last.is_some_and(|last| now.saturating_duration_since(last) > bears) {
            self.until = Some(now + DOUBT);
        }
        self.until.is_some_and(|until| now < until)
    }
}

impl CarSeat {
    /// A seat of which the driver is in charge.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            machine: ModeMachine::new(parts.vehicle),
            parts,
            heartbeats: Vec::new(),
            remarks: Vec::new(),
            car: CarState::default(),
            last: None,
            plan: None,
            health: Health::default(),
            trouble: None,
            is_relieved: false,
            leaving_since: None,
            over: false,
            first_lag_s: None,
            due: Instant::now(),
            doubt: Doubt::default(),
        }
    }

    fn remark(&mut self, level: LogLevel, text: String) {
        self.parts.status.say(&text);
        self.remarks.push((level, "mode".to_string(), text));
    }

    /// What is well now.
    fn health(&mut self, now: &Moment<'_>, car_is_well: bool) -> Health {
        let parts = &self.parts;
        let in_bound = !parts.board.sensors.iter().any(super::board::Line::is_off);
        let lag_s =
            (receive_time().nanos().saturating_sub(now.stamp.nanos())) as f64 * 1e-9 - now.due.elapsed().as_secs_f64();
        let steady = (lag_s - *self.first_lag_s.get_or_insert(lag_s)).abs() <= CLOCK_STEP_S;
        let alive = parts.board.sensors.iter().all(super::board::Line::is_alive);
        Health::all_well()
            .with(HealthItem::Clocks, in_bound && steady)
            .with(HealthItem::Sensors, alive)
            .with(HealthItem::Can, car_is_well && self.trouble.is_none())
            .with(HealthItem::Log, parts.progress.log_ended.get().is_none())
            .with(HealthItem::Pipeline, !now.has_failed)
            .with(HealthItem::Supervisor, parts.verdicts.is_alive())
    }

    /// Buttons of the car, of the terminal, and of the system's signals.
    fn buttons(&self, of_car: Buttons) -> Buttons {
        let wishes = &self.parts.board.wishes;
        let leaves = wishes.leave.load(Ordering::Acquire);
        let drives = matches!(self.machine.mode(), Mode::Engaged | Mode::MinimumRisk | Mode::Stopped);
        Buttons {
            arm: of_car.arm || wishes.arm.swap(false, Ordering::AcqRel),
            disarm: of_car.disarm || wishes.disarm.swap(false, Ordering::AcqRel) || (leaves && !drives),
            engage: of_car.engage || wishes.engage.swap(false, Ordering::AcqRel),
            stop: of_car.stop || wishes.stop.swap(false, Ordering::AcqRel) || (leaves && drives),
        }
    }

    /// Who is meant by a reason, in words.
    fn who(&self, reason: Reason) -> String {
        let name =
            |names: &[String], place: u8| names.get(usize::from(place)).map_or(String::new(), |n| format!(" ({n})"));
        match reason {
            Reason::Supervisor(Cause::Silent(Source::Stage(place))) => name(&self.parts.names.stages, place),
            Reason::Supervisor(Cause::Silent(Source::Sensor(place))) => name(&self.parts.names.sensors, place),
            Reason::Health(HealthItem::Sensors) => {
                let silent = self.parts.board.sensors.iter().find(|line| !line.is_alive());
                silent.map_or(String::new(), |line| format!(" ({} silent)", line.name))
            }
            Reason::Health(HealthItem::Can) => {
                self.trouble.as_ref().map_or(String::new(), |trouble| format!(" ({trouble})"))
            }
            Reason::Health(HealthItem::Clocks) => {
                let wrong = self.parts.board.sensors.iter().find_map(|line| {
                    line.clock().filter(|clock| clock.out_of_bound).map(|clock| format!(" ({}: {clock})", line.name))
                });
                wrong.unwrap_or_else(|| " (the computer's clock was set)".to_string())
            }
            _ => String::new(),
        }
    }

    fn tell(&mut self, step: &control::safety::mode::Step) {
        if let Some(change) = step.change {
            let level = if matches!(change.to, Mode::MinimumRisk) { LogLevel::Error } else { LogLevel::Warning };
            self.remark(level, format!("{change}{}", self.who(change.reason)));
        }
        if let Some(refusal) = step.refusal {
            let (wish, why) = (refusal.wish, refusal.why);
            let because = if wish == why { "not in this mode, or no path".to_string() } else { why.to_string() };
            let text = format!("refused in {}: {wish}: {because}{}", refusal.mode.name(), self.who(why));
            self.remark(LogLevel::Warning, text);
        }
    }

    /// Beats of everybody who is watched. One that has not gone on repeats its last, which counts as none.
    fn beat(&self, command: &Command) {
        let place = |place: usize| u8::try_from(place).unwrap_or(u8::MAX);
        let sensors = self.parts.board.sensors.iter().enumerate();
        let mut beats: Vec<Beat> = sensors.map(|(i, line)| Beat::of(Source::Sensor(place(i)), line.count())).collect();
        for (i, name) in STAGES.iter().enumerate() {
            let steps = self.heartbeats.iter().find(|beat| beat.name() == *name).map_or(0, |beat| beat.steps());
            beats.push(Beat::of(Source::Stage(place(i)), steps));
        }
        if let Some((frame, stamp)) = self.plan {
            let age_s = command.stamp.seconds_since(stamp);
            beats.push(Beat { age_s, ..Beat::of(Source::Plan, frame + 1) });
        }
        // A sequence of zero tells of nothing.
        beats.retain(|beat| beat.sequence > 0);
        let grant = command.grant;
        let speed_mps = grant.and_then(|grant| grant.speed_mps).unwrap_or(self.parts.vehicle.limits.speed_mps);
        beats.push(Beat {
            command: [command.steering_rad, command.acceleration_mps2, speed_mps],
            authority: grant.map_or(Authority::None, |grant| grant.authority),
            ..Beat::of(Source::Command, command.tick + 1)
        });
        link::send_beats(&self.parts.line, &beats);
    }

    /// Whether somebody asked for the end, and it may come.
    fn may_end(&mut self, now: &Moment<'_>) -> bool {
        let asked = self.parts.board.wishes.leave.load(Ordering::Acquire) || now.has_failed;
        let since = match (asked, self.leaving_since) {
            (false, _) => return false,
            (true, since) => *self.leaving_since.insert(since.unwrap_or_else(Instant::now)),
        };
        match self.machine.mode() {
            // The driver drives, or the supervisor.
            Mode::Manual | Mode::Standby | Mode::Overridden => true,
            Mode::Stopped => since.elapsed() > HELD,
            Mode::Engaged | Mode::MinimumRisk => self.is_relieved,
        }
    }
}

impl Seat for CarSeat {
    fn watch(&mut self, heartbeats: &[Arc<Heartbeat>]) {
        self.heartbeats = heartbeats.to_vec();
    }

    fn grant(&mut self, now: &Moment<'_>) -> Grant {
        self.parts.board.read_car(&mut self.car);
        let (car, at) = (self.car, receive_time());
        let observer = self.parts.observer;
        let passed = self.last.replace(Instant::now()).map_or(Duration::ZERO, |last| last.elapsed());
        self.parts.status.ticked(now.due.elapsed(), now.missed);
        self.due = now.due;
        self.plan = now.plan.map(|plan| (plan.frame, plan.stamp));
        let age_s = now.plan.map_or(f64::INFINITY, |plan| now.stamp.seconds_since(plan.stamp));
        let fresh = age_s <= self.parts.budgets.plan_age_s;
        let stopping = matches!(self.machine.mode(), Mode::MinimumRisk | Mode::Stopped);
        self.health = self.health(now, observer.is_well(&car, at));
        let speed_mps = observer.speed_mps(&car, at);
        let situation = Situation {
            seconds: passed.as_secs_f64(),
            act: observer.act(&car, at),
            buttons: self.buttons(observer.buttons(&car, at)),
            health: self.health,
            cause: self.parts.verdicts.cause(),
            speed_mps,
            has_path: fresh || (stopping && age_s <= PATH_KEPT_S),
            collision_is_near: fresh && now.plan.is_some_and(|plan| plan.decision.kind == DecisionKind::EmergencyStop),
        };
        let step = self.machine.step(&situation);
        self.tell(&step);
        if !self.is_relieved && self.parts.verdicts.has_taken_over() {
            self.is_relieved = true;
            self.remark(LogLevel::Error, "the supervisor has taken over the bus".to_string());
        }
        self.over = self.may_end(now) || (self.is_relieved && speed_mps.is_some_and(|speed| speed.abs() < 0.1));
        let authority = if self.is_relieved || self.over { Authority::None } else { step.authority };
        let mode = if self.is_relieved { Mode::MinimumRisk } else { self.machine.mode() };
        self.parts.status.see(mode, speed_mps, age_s, self.health.failing(), situation.cause);
        Grant { authority, steering_rad: observer.steering_rad(&car, at), speed_mps }
    }

    fn obey(&mut self, command: &Command) {
        // Asked again: in between this thread, or the whole process, may have stood still for long.
        let bears = Duration::from_secs_f64(self.parts.budgets.control_s);
        let keeps_silent = self.doubt.keeps_silent(Instant::now(), bears);
        if !keeps_silent && !self.is_relieved && !self.parts.verdicts.has_taken_over() {
            let enabled = command.grant.is_some_and(|grant| grant.authority != Authority::None);
            let mode = self.machine.mode();
            let request = Request {
                steering_rad: command.steering_rad,
                acceleration_mps2: command.acceleration_mps2,
                enabled,
                ready: self.health.failing().is_none() && self.parts.verdicts.cause().is_none(),
                mode: mode as u8,
            };
            let now = if self.over { Instant::now() + Duration::from_secs(1) } else { Instant::now() };
            let trouble = self.parts.pen.write(&request, now).err();
            if let (Some(text), None) = (&trouble, &self.trouble) {
                self.remark(LogLevel::Error, format!("CAN: {text}"));
            }
            self.trouble = trouble;
            self.parts.status.wrote(self.due.elapsed());
        }
        if !self.is_relieved {
            self.beat(command);
        }
    }

    fn remarks(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.remarks)
    }

    fn is_over(&self) -> bool {
        self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stood_still_listens_before_it_writes() {
        let (mut doubt, begin) = (Doubt::default(), Instant::now());
        let mut at = |ms: u64| doubt.keeps_silent(begin + Duration::from_millis(ms), Duration::from_millis(50));
        assert_eq!([0, 10, 20, 65].map(&mut at), [false; 4]);
        assert_eq!([2065, 2075, 2085, 2095, 2105].map(&mut at), [true, true, true, false, false]);
    }
}
