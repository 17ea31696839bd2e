//! The safety driver: hands and feet of a person beside the computer, by a script.
//!
//! ```toml
//! [[act]]
//! when = "ready"        # the computer says so; or manual, standby, engaged, overridden, minimum-risk, stopped: the first time
//! after_s = 0.5         # after that
//! press = "arm"         # or disarm, engage, stop
//!
//! [[act]]
//! at_s = 20.0           # since the start
//! brake = 0.4           # pedal 0..1; or accelerator = 0..1, or steer_nm = torque on the wheel
//! for_s = 1.0
//! ```

use anyhow::{Context, ensure};
use serde::Deserialize;
use std::path::Path;

/// How long a button is held down, s, and how long before it the feet leave the pedals.
const PRESS_S: f64 = 0.3;
const LET_GO_S: f64 = 0.2;

/// What the driver waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum When {
    Ready,
    Manual,
    Standby,
    Engaged,
    Overridden,
    MinimumRisk,
    Stopped,
}

/// A button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Button {
    /// Arm the computer.
    Arm,
    /// Disarm it.
    Disarm,
    /// Let it drive.
    Engage,
    /// Bring the car to rest.
    Stop,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    at_s: Option<f64>,
    when: Option<When>,
    #[serde(default)]
    after_s: f64,
    press: Option<Button>,
    brake: Option<f64>,
    accelerator: Option<f64>,
    steer_nm: Option<f64>,
    for_s: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    act: Vec<Act>,
}

/// What the driver does at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hands {
    /// Buttons that are down: arm, disarm, engage, stop.
    pub buttons: [bool; 4],
    /// Brake pedal, 0..1.
    pub brake: f64,
    /// Accelerator pedal, 0..1.
    pub accelerator: f64,
    /// Torque on the steering wheel, Nm, positive to the left.
    pub torque_nm: f64,
    /// The feet have left the pedals, since a button is about to be pressed.
    pub lets_go: bool,
}

/// What the driver sees of the computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It says that it may be armed.
    pub ready: bool,
    /// Number of its mode.
    pub mode: Option<u8>,
}

/// The driver of a run.
#[derive(Clone, Debug)]
pub struct SafetyDriver {
    /// Acts, each with the time from which on it is done, once that is known.
    acts: Vec<(Act, Option<f64>)>,
    /// Without a script: the button that is to be pressed, from when on; and whether the computer has driven.
    usual: Option<Usual>,
}

/// The driver without a script.
#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    pressing: Option<(Button, f64)>,
    has_driven: bool,
}

/// Before a button is pressed the driver looks for so long; one that did nothing is pressed again after so long, s.
const LOOKS_S: f64 = 0.5;
const AGAIN_S: f64 = 2.0;

impl Usual {
    /// Arms a computer that is ready, engages one that is armed, until it has driven once.
    fn step(&mut self, now_s: f64, seen: Seen) -> Hands {
        self.has_driven |= seen.mode == Some(2);
        let wanted = match seen.mode {
            _ if self.has_driven => None,
            Some(0) if seen.ready => Some(Button::Arm),
            Some(1) => Some(Button::Engage),
            _ => None,
        };
        self.pressing = wanted.map(|button| match self.pressing {
            Some((before, from_s)) if before == button && now_s - from_s < AGAIN_S => (button, from_s),
            _ => (button, now_s + LOOKS_S),
        });
        let mut hands = Hands::default();
        if let Some((button, from_s)) = self.pressing {
            hands.lets_go = (-LET_GO_S..PRESS_S).contains(&(now_s - from_s));
            hands.buttons[button as usize] = (0.0..PRESS_S).contains(&(now_s - from_s));
        }
        hands
    }
}

impl Default for SafetyDriver {
    /// Arms when the computer is ready, engages when it is armed, again if need be, and then watches.
    fn default() -> Self {
        Self { acts: Vec::new(), usual: Some(Usual::default()) }
    }
}

impl Hands {
    /// Whether the driver steers, brakes or accelerates.
    #[must_use]
    pub fn act(&self) -> bool {
        self.brake > 0.0 || self.accelerator > 0.0 || self.torque_nm != 0.0
    }
}

impl SafetyDriver {
    /// Reads a script.
    ///
    /// # Errors
    /// Names the file, the act and the value.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let said = || format!("{}", path.display());
        Self::parse(&std::fs::read_to_string(path).with_context(said)?).with_context(said)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let file: File = toml::from_str(text)?;
        for (place, act) in file.act.iter().enumerate() {
            let what = [act.press.is_some(), act.brake.is_some(), act.accelerator.is_some(), act.steer_nm.is_some()];
            let act_is = |fits: bool, said: &str| {
                ensure!(fits, "act[{place}] {said}");
                Ok(())
            };
            act_is(act.at_s.is_some() != act.when.is_some(), "needs one of at_s and when")?;
            act_is(what.iter().any(|does| *does), "does nothing: press, brake, accelerator or steer_nm")?;
            for (key, value, low, high) in [
                ("at_s", act.at_s, 0.0, 36_000.0),
                ("after_s", Some(act.after_s), 0.0, 36_000.0),
                ("for_s", act.for_s, 0.0, 36_000.0),
                ("brake", act.brake, 0.0, 1.0),
                ("accelerator", act.accelerator, 0.0, 1.0),
                ("steer_nm", act.steer_nm, -20.0, 20.0),
            ] {
                let fits = value.is_none_or(|value| (low..=high).contains(&value));
                act_is(fits, &format!("{key} = {} is outside {low} to {high}", value.unwrap_or_default()))?;
            }
        }
        Ok(Self { acts: file.act.into_iter().map(|act| (act, None)).collect(), usual: None })
    }

    /// One who arms and engages as usual, and besides does what a script says.
    ///
    /// # Errors
    /// Names the act and the value.
    pub fn usual_and(text: &str) -> anyhow::Result<Self> {
        Ok(Self { usual: Some(Usual::default()), ..Self::parse(text)? })
    }

    /// What the driver does `now_s` after the start.
    pub fn step(&mut self, now_s: f64, seen: Seen) -> Hands {
        let mut hands = self.usual.as_mut().map_or_else(Hands::default, |usual| usual.step(now_s, seen));
        for (act, from) in &mut self.acts {
            if from.is_none() {
                let has_come = match (act.at_s, act.when) {
                    (Some(at_s), _) => now_s >= at_s,
                    (None, Some(when)) => when.is(seen),
                    (None, None) => false,
                };
                *from = has_come.then_some(now_s + act.after_s);
            }
            let Some(from_s) = *from else { continue };
            let (since_s, lasts_s) = (now_s - from_s, act.for_s.unwrap_or(PRESS_S));
            if act.press.is_some() && (-LET_GO_S..lasts_s).contains(&since_s) {
                hands.lets_go = true;
            }
            if !(0.0..lasts_s).contains(&since_s) {
                continue;
            }
            if let Some(button) = act.press {
                hands.buttons[button as usize] = true;
            }
            hands.brake = hands.brake.max(act.brake.unwrap_or(0.0));
            hands.accelerator = hands.accelerator.max(act.accelerator.unwrap_or(0.0));
            hands.torque_nm += act.steer_nm.unwrap_or(0.0);
        }
        hands
    }
}

impl When {
    fn is(self, seen: Seen) -> bool {
        let mode = match self {
            Self::Ready => return seen.ready,
            Self::Manual => 0,
            Self::Standby => 1,
            Self::Engaged => 2,
            Self::Overridden => 3,
            Self::MinimumRisk => 4,
            Self::Stopped => 5,
        };
        seen.mode == Some(mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_driver_arms_and_engages() {
        let mut driver = SafetyDriver::default();
        let mut at = |now_s: f64, ready, mode| driver.step(now_s, Seen { ready, mode: Some(mode) });
        assert_eq!(at(1.0, false, 0), Hands::default());
        assert_eq!(at(2.0, true, 0), Hands::default());
        assert!(at(2.35, true, 0).lets_go && at(2.6, true, 0).buttons == [true, false, false, false]);
        // It was not heard: once more.
        assert_eq!((at(4.4, true, 0), at(4.6, true, 0)), (Hands::default(), Hands::default()));
        assert_eq!(at(5.2, true, 0).buttons, [true, false, false, false]);
        assert_eq!(at(5.3, true, 1), Hands::default());
        assert_eq!(at(5.9, true, 1).buttons, [false, false, true, false]);
        assert_eq!((at(6.0, true, 2), at(9.0, true, 0), at(9.6, true, 0)), Default::default(), "once is enough");
    }

    #[test]
    fn a_script_is_done_and_its_mistakes_are_named() {
        let text =
            "[[act]]\nat_s = 2\nbrake = 0.5\nfor_s = 1\n[[act]]\nwhen = \"engaged\"\nafter_s = 1.0\nsteer_nm = -4";
        let mut driver = SafetyDriver::parse(text).unwrap();
        let engaged = Seen { ready: true, mode: Some(2) };
        assert_eq!(driver.step(1.5, engaged), Hands::default());
        assert_eq!(driver.step(2.6, engaged), Hands { brake: 0.5, torque_nm: -4.0, ..Hands::default() });
        assert!(driver.step(2.6, engaged).act() && !driver.step(1.5, engaged).act());
        let mut both = SafetyDriver::usual_and(text).unwrap();
        both.step(0.0, Seen { ready: true, mode: Some(0) });
        assert_eq!(both.step(0.6, Seen { ready: true, mode: Some(0) }).buttons, [true, false, false, false]);
        assert_eq!(both.step(2.5, Seen { ready: true, mode: Some(1) }).brake, 0.5);
        for (from, to, said) in [
            ("at_s = 2\n", "", "act[0] needs one of at_s and when"),
            ("brake = 0.5", "brake = 5", "act[0] brake = 5 is outside 0 to 1"),
            ("steer_nm = -4", "", "act[1] does nothing"),
            ("engaged", "engage", "engage"),
        ] {
            let error = format!("{:#}", SafetyDriver::parse(&text.replace(from, to)).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }
}
