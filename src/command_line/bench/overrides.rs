//! The driver takes over, in each mode in which somebody else commands the car.

use crate::simulation::as_car::outcome::{Outcome, commanded_at, freed_ms};

/// From hand or foot until nobody else commands the car, ms: a step of the simulated car until it tells, a period of control until it is heard,
/// a step until the car hears.
const LONGEST_MS: f64 = 50.0;
/// The driver acts so long after the mode has come, s.
const AFTER_S: f64 = 0.5;

/// One way to take over.
#[derive(Clone, Copy, Debug)]
pub struct Override {
    /// Of the row.
    pub name: &'static str,
    /// The mode in which the driver acts.
    mode: &'static str,
    /// What the driver does.
    act: &'static str,
    /// How that mode comes.
    pub comes: Comes,
}

/// How a mode comes after the computer was engaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comes {
    /// It is there.
    Itself,
    /// The driver presses the button to stop.
    Button,
    /// The pipeline is killed, and its supervisor stops the car.
    Supervisor,
}

const fn row(name: &'static str, mode: &'static str, act: &'static str, comes: Comes) -> Override {
    Override { name, mode, act, comes }
}

impl Override {
    /// All.
    pub const ALL: [Self; 7] = [
        row("override-steers", "engaged", "steer_nm = 5.0", Comes::Itself),
        row("override-brakes", "engaged", "brake = 0.4", Comes::Itself),
        row("override-accelerates", "engaged", "accelerator = 0.3", Comes::Itself),
        row("override-stopping", "minimum-risk", "steer_nm = 5.0", Comes::Button),
        row("override-stopped", "stopped", "brake = 0.4", Comes::Button),
        row("override-killed", "minimum-risk", "steer_nm = 5.0", Comes::Supervisor),
        row("override-held", "stopped", "accelerator = 0.3", Comes::Supervisor),
    ];

    /// What the driver does in a run in which the mode shall come `after_s` after engaging.
    #[must_use]
    pub fn script(&self, after_s: f64) -> String {
        let Self { mode, act, comes, .. } = self;
        let press = match comes {
            Comes::Button => format!("[[act]]\nwhen = \"engaged\"\nafter_s = {after_s:?}\npress = \"stop\"\n"),
            Comes::Itself | Comes::Supervisor => String::new(),
        };
        // The supervisor tells of its stop alone, whether the car rolls or stands.
        let (mode, wait_s) = match (comes, *mode) {
            (Comes::Itself, mode) => (mode, after_s),
            (Comes::Supervisor, "stopped") => ("minimum-risk", 3.0),
            (_, mode) => (mode, AFTER_S),
        };
        format!("{press}[[act]]\nwhen = \"{mode}\"\nafter_s = {wait_s:?}\n{act}\nfor_s = 1.5\n")
    }

    /// What became of it: ms until nobody else commanded, and whether that is as it must be.
    #[must_use]
    pub fn verdict(outcome: &Outcome) -> (Option<f64>, &'static str) {
        let Some(acted) = outcome.acted_unix_ns else { return (None, "the driver never acted") };
        let changes = outcome.ear.changes();
        if !commanded_at(changes, acted) {
            return (None, "nobody commanded the car");
        }
        match freed_ms(changes, acted) {
            None => (None, "NOT FREED"),
            Some(ms) if ms > LONGEST_MS => (Some(ms), "LATE"),
            Some(ms) => (Some(ms), "good"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::as_car::driver::{SafetyDriver, Seen};

    #[test]
    fn every_script_acts_in_its_mode() {
        for way in Override::ALL {
            let mut driver = SafetyDriver::usual_and(&way.script(5.0)).unwrap();
            let number = ["engaged", "", "minimum-risk", "stopped"].iter().position(|name| *name == way.mode).unwrap();
            let mode = if way.comes == Comes::Supervisor { 4 } else { 2 + number as u8 };
            let mut acted = false;
            for i in 0..200 {
                let now_s = 0.05 * f64::from(i);
                let seen = Seen { ready: true, mode: Some(if now_s < 1.0 { 2 } else { mode }) };
                let hands = driver.step(now_s, seen);
                assert!(!hands.act() || now_s >= 1.0 + AFTER_S, "{} at {now_s}", way.name);
                acted |= hands.act();
            }
            assert!(acted, "{}", way.name);
        }
    }
}
