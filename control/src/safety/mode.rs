//! The mode machine: one step each control period.

use super::health::{Health, HealthItem};
use super::stop::GradedStop;
use super::supervisor::Cause;
use super::{Authority, Grade};
use std::fmt;
use types::Vehicle;

/// Slower is standstill, m/s, if it lasts for this long, s.
const REST_MPS: f64 = 0.1;
const REST_S: f64 = 0.5;
/// The driver has let go after so long without an action, s.
const LET_GO_S: f64 = 0.5;

/// Who drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// The driver; the computer is not armed.
    Manual,
    /// The driver; the computer is armed and waits.
    Standby,
    /// The computer.
    Engaged,
    /// The driver, who took over from the computer and has not let go yet.
    Overridden,
    /// The computer, which brings the car to rest.
    MinimumRisk,
    /// The computer holds the car where it came to rest. Only the driver ends this.
    Stopped,
}

impl Mode {
    /// Every mode, in order.
    pub const ALL: [Self; 6] =
        [Self::Manual, Self::Standby, Self::Engaged, Self::Overridden, Self::MinimumRisk, Self::Stopped];

    /// Name as it stands in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Standby => "standby",
            Self::Engaged => "engaged",
            Self::Overridden => "overridden",
            Self::MinimumRisk => "minimum-risk stop",
            Self::Stopped => "stopped",
        }
    }
}

/// What the driver does with wheel and pedals. Where the car does not report it, CAN is not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Turns the wheel against the computer.
    Steers,
    /// Presses the brake.
    Brakes,
    /// Presses the accelerator.
    Accelerates,
}

/// Buttons, as long as they are down. Only pressing one counts, not holding it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buttons {
    /// Arm the computer.
    pub arm: bool,
    /// Disarm it, or take over by hand.
    pub disarm: bool,
    /// Let it drive.
    pub engage: bool,
    /// Bring the car to rest.
    pub stop: bool,
}

/// What is known in a control period.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Situation {
    /// Since the last period, s.
    pub seconds: f64,
    /// What the driver does, if anything.
    pub act: Option<Act>,
    /// Buttons that are down.
    pub buttons: Buttons,
    /// What is well.
    pub health: Health,
    /// The supervisor's verdict.
    pub cause: Option<Cause>,
    /// Measured speed, m/s.
    pub speed_mps: Option<f64>,
    /// There is a plan whose path can be kept.
    pub has_path: bool,
    /// A collision is near.
    pub collision_is_near: bool,
}

/// Why the mode changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The driver acted.
    Driver(Act),
    /// The driver did nothing for a while.
    LetGo,
    /// The button to arm.
    Arm,
    /// The button to disarm.
    Disarm,
    /// The button to engage.
    Engage,
    /// The button to stop.
    Stop,
    /// Something is not well.
    Health(HealthItem),
    /// The supervisor asks for a stop.
    Supervisor(Cause),
    /// The car rests.
    Standstill,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(Act::Steers) => f.write_str("the driver steers"),
            Self::Driver(Act::Brakes) => f.write_str("the driver brakes"),
            Self::Driver(Act::Accelerates) => f.write_str("the driver accelerates"),
            Self::LetGo => f.write_str("the driver let go"),
            Self::Arm => f.write_str("armed by hand"),
            Self::Disarm => f.write_str("disarmed by hand"),
            Self::Engage => f.write_str("engaged by hand"),
            Self::Stop => f.write_str("stop wanted by hand"),
            Self::Health(item) => write!(f, "not well: {}", item.name()),
            Self::Supervisor(cause) => write!(f, "supervisor: {cause}"),
            Self::Standstill => f.write_str("the car stands"),
        }
    }
}

/// A change of mode, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub from: Mode,
    /// After.
    pub to: Mode,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}: {}", self.from.name(), self.to.name(), self.reason)
    }
}

/// A wish of the driver that was refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The mode in which it was refused.
    pub mode: Mode,
    /// The wish: [`Reason::Arm`] or [`Reason::Engage`].
    pub wish: Reason,
    /// Why; the wish itself where the mode has no room for it.
    pub why: Reason,
}

/// What a step says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What the computer may do now.
    pub authority: Authority,
    /// The mode changed.
    pub change: Option<Change>,
    /// A wish was refused.
    pub refusal: Option<Refusal>,
}

/// The mode and what must be remembered for it.
#[derive(Clone, Debug)]
pub struct ModeMachine {
    vehicle: Vehicle,
    mode: Mode,
    down: Buttons,
    rest_s: f64,
    free_s: f64,
    stop: Option<GradedStop>,
}

impl ModeMachine {
    /// Manual, and no button counts before it was let go.
    #[must_use]
    pub fn new(vehicle: Vehicle) -> Self {
        let down = Buttons { arm: true, disarm: true, engage: true, stop: true };
        Self { vehicle, mode: Mode::Manual, down, rest_s: 0.0, free_s: 0.0, stop: None }
    }

    /// The present mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// One control period.
    pub fn step(&mut self, now: &Situation) -> Step {
        let pressed = self.press(now.buttons);
        let seconds = if now.seconds.is_finite() { now.seconds.max(0.0) } else { 0.0 };
        let rests = now.speed_mps.is_some_and(|speed| speed.abs() < REST_MPS);
        self.rest_s = if rests { self.rest_s + seconds } else { 0.0 };
        self.free_s = if now.act.is_none() { self.free_s + seconds } else { 0.0 };
        let change = self.next(now, pressed).map(|(to, reason)| Change { from: self.mode, to, reason });
        let refusal = self.refusal(now, pressed, change);
        if let Some(change) = change {
            self.mode = change.to;
            (self.rest_s, self.free_s) = (0.0, 0.0);
            let begins = change.to == Mode::MinimumRisk;
            self.stop = begins.then(|| GradedStop::new(now.speed_mps, &self.vehicle));
        }
        Step { authority: self.authority(now, seconds), change, refusal }
    }

    /// Which buttons went down just now.
    fn press(&mut self, buttons: Buttons) -> Buttons {
        let before = std::mem::replace(&mut self.down, buttons);
        Buttons {
            arm: buttons.arm && !before.arm,
            disarm: buttons.disarm && !before.disarm,
            engage: buttons.engage && !before.engage,
            stop: buttons.stop && !before.stop,
        }
    }

    /// The transition table. What comes first wins: the driver, then what must stop the car, then wishes.
    fn next(&self, now: &Situation, pressed: Buttons) -> Option<(Mode, Reason)> {
        let act = now.act.map(Reason::Driver);
        let unsafe_now = unsafe_reason(now);
        let by_hand = |pressed: bool, reason: Reason| pressed.then_some(reason);
        match self.mode {
            Mode::Manual if pressed.arm && !pressed.disarm && unsafe_now.is_none() => {
                Some((Mode::Standby, Reason::Arm))
            }
            Mode::Manual => None,
            Mode::Standby => {
                let off = unsafe_now.or(by_hand(pressed.disarm, Reason::Disarm));
                if let Some(reason) = off {
                    return Some((Mode::Manual, reason));
                }
                let engages =
                    pressed.engage && !pressed.stop && act.is_none() && now.speed_mps.is_some() && now.has_path;
                engages.then_some((Mode::Engaged, Reason::Engage))
            }
            Mode::Engaged => {
                let over = act.map(|reason| (Mode::Overridden, reason));
                let off = by_hand(pressed.disarm, Reason::Disarm).map(|reason| (Mode::Manual, reason));
                let stop = unsafe_now.or(by_hand(pressed.stop, Reason::Stop));
                over.or(off).or(stop.map(|reason| (Mode::MinimumRisk, reason)))
            }
            Mode::Overridden => {
                let off = by_hand(pressed.disarm, Reason::Disarm).or(unsafe_now).map(|reason| (Mode::Manual, reason));
                off.or((self.free_s > LET_GO_S).then_some((Mode::Standby, Reason::LetGo)))
            }
            Mode::MinimumRisk | Mode::Stopped => {
                let taken = act.or(by_hand(pressed.disarm, Reason::Disarm)).map(|reason| (Mode::Manual, reason));
                let rests = self.mode == Mode::MinimumRisk && self.rest_s > REST_S;
                taken.or(rests.then_some((Mode::Stopped, Reason::Standstill)))
            }
        }
    }

    /// A wish that was pressed and did not come true.
    fn refusal(&self, now: &Situation, pressed: Buttons, change: Option<Change>) -> Option<Refusal> {
        let came_true = |wish: Reason| change.is_some_and(|change| change.reason == wish);
        let wish = [(pressed.engage, Reason::Engage), (pressed.arm, Reason::Arm)]
            .into_iter()
            .find_map(|(pressed, wish)| (pressed && !came_true(wish)).then_some(wish))?;
        let why = unsafe_reason(now).or(now.act.map(Reason::Driver)).unwrap_or(wish);
        Some(Refusal { mode: self.mode, wish, why })
    }

    fn authority(&mut self, now: &Situation, seconds: f64) -> Authority {
        match self.mode {
            Mode::Manual | Mode::Standby | Mode::Overridden => Authority::None,
            Mode::Engaged => Authority::Follow,
            Mode::Stopped => Authority::Hold,
            Mode::MinimumRisk => {
                let stop = self.stop.as_mut();
                let grade = stop.map_or(Grade::Emergency, |stop| {
                    stop.step(seconds, now.speed_mps, now.has_path, now.collision_is_near)
                });
                Authority::Stop(grade)
            }
        }
    }
}

/// Why the computer may not drive.
fn unsafe_reason(now: &Situation) -> Option<Reason> {
    now.cause.map(Reason::Supervisor).or(now.health.failing().map(Reason::Health))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn well() -> Situation {
        Situation {
            seconds: 0.01,
            health: Health::all_well(),
            speed_mps: Some(8.0),
            has_path: true,
            ..Situation::default()
        }
    }

    fn press(buttons: Buttons) -> Situation {
        Situation { buttons, ..well() }
    }

    const ARM: Buttons = Buttons { arm: true, disarm: false, engage: false, stop: false };
    const DISARM: Buttons = Buttons { arm: false, disarm: true, engage: false, stop: false };
    const ENGAGE: Buttons = Buttons { arm: false, disarm: false, engage: true, stop: false };
    const STOP: Buttons = Buttons { arm: false, disarm: false, engage: false, stop: true };

    /// A machine in a mode, reached on its usual way.
    fn machine(mode: Mode) -> ModeMachine {
        let mut machine = ModeMachine::new(Vehicle::default());
        machine.step(&well());
        let brakes = Situation { act: Some(Act::Brakes), ..well() };
        let rests = Situation { seconds: 1.0, speed_mps: Some(0.0), ..well() };
        let way: &[Situation] = match mode {
            Mode::Manual => &[],
            Mode::Standby => &[press(ARM)],
            Mode::Engaged => &[press(ARM), press(ENGAGE)],
            Mode::Overridden => &[press(ARM), press(ENGAGE), brakes],
            Mode::MinimumRisk => &[press(ARM), press(ENGAGE), press(STOP)],
            Mode::Stopped => &[press(ARM), press(ENGAGE), press(STOP), rests],
        };
        for now in way {
            machine.step(now);
        }
        assert_eq!(machine.mode(), mode);
        machine
    }

    /// Every mode with every kind of event: the whole table.
    #[test]
    fn the_transition_table() {
        use Mode::{Engaged, Manual, MinimumRisk, Overridden, Standby, Stopped};
        let hang = Cause::Silent(super::super::Source::Stage(1));
        let events: [(&str, Situation, Reason); 9] = [
            ("nothing", well(), Reason::LetGo),
            ("the driver acts", Situation { act: Some(Act::Steers), ..well() }, Reason::Driver(Act::Steers)),
            ("arm", press(ARM), Reason::Arm),
            ("disarm", press(DISARM), Reason::Disarm),
            ("engage", press(ENGAGE), Reason::Engage),
            ("stop", press(STOP), Reason::Stop),
            (
                "health fails",
                Situation { health: Health::all_well().with(HealthItem::Can, false), ..well() },
                Reason::Health(HealthItem::Can),
            ),
            ("the supervisor", Situation { cause: Some(hang), ..well() }, Reason::Supervisor(hang)),
            ("rest", Situation { seconds: 1.0, speed_mps: Some(0.0), ..well() }, Reason::Standstill),
        ];
        // Rows: modes. Columns: events.
        let table = [
            [Manual, Manual, Standby, Manual, Manual, Manual, Manual, Manual, Manual],
            [Standby, Standby, Standby, Manual, Engaged, Standby, Manual, Manual, Standby],
            [Engaged, Overridden, Engaged, Manual, Engaged, MinimumRisk, MinimumRisk, MinimumRisk, Engaged],
            [Overridden, Overridden, Overridden, Manual, Overridden, Overridden, Manual, Manual, Standby],
            [MinimumRisk, Manual, MinimumRisk, Manual, MinimumRisk, MinimumRisk, MinimumRisk, MinimumRisk, Stopped],
            [Stopped, Manual, Stopped, Manual, Stopped, Stopped, Stopped, Stopped, Stopped],
        ];
        for (from, row) in Mode::ALL.into_iter().zip(table) {
            for ((name, now, reason), to) in events.iter().zip(row) {
                let mut machine = machine(from);
                // Buttons are up before they are pressed.
                machine.down = Buttons::default();
                let step = machine.step(now);
                assert_eq!(machine.mode(), to, "{name} in {}", from.name());
                let expected = (from != to).then_some(Change {
                    from,
                    to,
                    reason: if from == Overridden && *name == "rest" { Reason::LetGo } else { *reason },
                });
                assert_eq!(step.change, expected, "{name} in {}", from.name());
            }
        }
    }

    #[test]
    fn arming_is_refused_while_anything_fails_and_the_refusal_says_what() {
        for item in HealthItem::ALL {
            let mut machine = machine(Mode::Manual);
            let step = machine.step(&Situation { health: Health::all_well().with(item, false), ..press(ARM) });
            let refusal = Refusal { mode: Mode::Manual, wish: Reason::Arm, why: Reason::Health(item) };
            assert_eq!((machine.mode(), step.refusal), (Mode::Manual, Some(refusal)));
            // The button is still down when all is well: that is no wish.
            machine.step(&press(ARM));
            assert_eq!(machine.mode(), Mode::Manual);
        }
    }

    #[test]
    fn a_button_held_since_before_the_start_is_no_wish() {
        let mut machine = ModeMachine::new(Vehicle::default());
        let all = Buttons { arm: true, engage: true, ..Buttons::default() };
        for _ in 0..1000 {
            assert_eq!(machine.step(&press(all)).authority, Authority::None);
        }
    }

    #[test]
    fn changes_are_told_in_words() {
        let mut machine = machine(Mode::Engaged);
        let change = machine.step(&Situation { act: Some(Act::Brakes), ..well() }).change.unwrap();
        assert_eq!(change.to_string(), "engaged -> overridden: the driver brakes");
    }

    fn situation() -> impl Strategy<Value = Situation> {
        let act =
            prop::option::weighted(0.1, prop_oneof![Just(Act::Steers), Just(Act::Brakes), Just(Act::Accelerates)]);
        let buttons = (any::<bool>(), prop::bool::weighted(0.1), any::<bool>(), prop::bool::weighted(0.1));
        let item = prop::option::weighted(0.1, 0..HealthItem::ALL.len());
        let speed = prop_oneof![4 => (-1.0..20.0f64).prop_map(Some), 4 => Just(Some(0.0)), 1 => Just(Some(f64::NAN)), 1 => Just(None)];
        let seconds = prop_oneof![8 => Just(0.01), 2 => 0.0..2.0f64, 1 => Just(f64::NAN), 1 => Just(-5.0)];
        let cause = prop::option::weighted(0.05, Just(Cause::OldPlan));
        (act, buttons, item, speed, seconds, cause, any::<bool>(), prop::bool::weighted(0.05)).prop_map(
            |(act, (arm, disarm, engage, stop), item, speed_mps, seconds, cause, has_path, collision_is_near)| {
                let health = Health::all_well();
                Situation {
                    seconds,
                    act,
                    buttons: Buttons { arm, disarm, engage, stop },
                    health: item.map_or(health, |i| health.with(HealthItem::ALL[i], false)),
                    cause,
                    speed_mps,
                    has_path,
                    collision_is_near,
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn whatever_happens_the_driver_wins_and_nothing_arms_itself(days in prop::collection::vec(situation(), 1..200)) {
            let mut machine = ModeMachine::new(Vehicle::default());
            let mut down = Buttons { arm: true, disarm: true, engage: true, stop: true };
            let mut stopped_since_armed = false;
            for now in days {
                let from = machine.mode();
                let step = machine.step(&now);
                let to = machine.mode();
                // The driver wins within this very period.
                if now.act.is_some() {
                    prop_assert_eq!(step.authority, Authority::None);
                }
                // Every change has its reason, and nothing else changes.
                prop_assert_eq!(step.change.map(|c| (c.from, c.to)), (from != to).then_some((from, to)));
                let pressed_arm = now.buttons.arm && !down.arm;
                let pressed_engage = now.buttons.engage && !down.engage;
                let safe = now.health.failing().is_none() && now.cause.is_none();
                if from == Mode::Manual && to != Mode::Manual {
                    prop_assert!(to == Mode::Standby && pressed_arm && safe);
                    stopped_since_armed = false;
                }
                if to == Mode::Engaged && from != Mode::Engaged {
                    prop_assert!(from == Mode::Standby && pressed_engage && safe && now.act.is_none());
                    prop_assert!(!stopped_since_armed, "no engaging after a stop without arming anew");
                }
                if to == Mode::MinimumRisk { stopped_since_armed = true; }
                // What is not safe is not driven.
                if step.authority == Authority::Follow { prop_assert!(safe); }
                // A stop goes on until the car rests or the driver takes over.
                if from == Mode::MinimumRisk && to != from {
                    prop_assert!(to == Mode::Stopped || now.act.is_some() || now.buttons.disarm);
                }
                if (pressed_arm || pressed_engage) && from == to { prop_assert!(step.refusal.is_some()); }
                down = now.buttons;
            }
        }
    }
}
