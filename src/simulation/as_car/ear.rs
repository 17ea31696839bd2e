//! What the car hears of the computer on its bus, and whether it believes it.

use super::describe::{COMMANDS, DBC};
use super::driver::Seen;
use anyhow::Context;
use std::collections::BTreeMap;
use types::ReceiveTime;
use vehicle::can::bindings::{Bindings, Quantity};
use vehicle::can::reader::{FrameError, Reader};
use vehicle::can::{Database, Frame};

/// A command holds so long, ns. Then the car's own controller lets go.
const HOLDS_NS: i64 = 100_000_000;
/// Changes that are remembered.
const MOST_CHANGES: usize = 10_000;
/// Width of the classes of times between frames, ms, and their number.
const CLASS_MS: f64 = 0.02;
const CLASSES: usize = 5000;
/// The computer's period, ms.
const PERIOD_MS: f64 = 10.0;

/// What the computer tells, apart from numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Both messages are enabled: the computer commands.
    pub enabled: bool,
    /// It may be armed.
    pub ready: bool,
    /// Number of its mode.
    pub mode: Option<u8>,
}

/// What was heard, at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// When.
    pub now: ReceiveTime,
    /// A valid command that holds: steering angle, rad, and acceleration, m/s2.
    pub command: Option<(f64, f64)>,
    /// Whether the computer told last that it commands.
    pub is_enabled: bool,
    /// What the driver sees.
    pub seen: Seen,
}

/// Times between the frames of one message.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    last: Option<i64>,
    classes: Vec<u32>,
    longest_ms: f64,
}

/// Hears frames.
#[derive(Clone, Debug)]
pub struct Ear {
    database: Database,
    reader: Reader,
    told: Told,
    steer_enabled: bool,
    drive_enabled: bool,
    /// Each change of what is told, and when.
    changes: Vec<(i64, Told)>,
    gaps: Gaps,
    frames: u64,
    refused: BTreeMap<&'static str, u64>,
}

impl Ear {
    /// An ear that has heard nothing.
    ///
    /// # Errors
    /// If the car's own description does not fit together.
    pub fn new() -> anyhow::Result<Self> {
        let database = Database::parse(DBC.as_bytes()).context("car.dbc")?;
        let bindings: Bindings = toml::from_str(COMMANDS).context("commands.toml")?;
        let reader = Reader::new(&database, &bindings)?;
        Ok(Self {
            database,
            reader,
            told: Told::default(),
            steer_enabled: false,
            drive_enabled: false,
            changes: Vec::new(),
            gaps: Gaps::default(),
            frames: 0,
            refused: BTreeMap::new(),
        })
    }

    /// Hears a frame. What is wrong is counted and changes nothing.
    pub fn take(&mut self, frame: &Frame, received: ReceiveTime) {
        let Some(message) = self.database.by_id(frame.id) else {
            *self.refused.entry("of no message").or_default() += 1;
            return;
        };
        match self.reader.take(frame, received) {
            Ok(_) => {}
            Err(error) => {
                let why = match error {
                    FrameError::Length { .. } => "too short",
                    FrameError::Checksum { .. } => "wrong checksum",
                    FrameError::Frozen { .. } => "counter again",
                };
                *self.refused.entry(why).or_default() += 1;
                return;
            }
        }
        self.frames += 1;
        let raw = |signal: &str| message.signal(signal).map(|signal| signal.layout.raw(frame.data()));
        match message.name.as_str() {
            "STEER_COMMAND" => {
                self.steer_enabled = raw("STEER_ENABLE") == Some(1);
                self.gaps.add(received.nanos());
            }
            "DRIVE_COMMAND" => {
                self.drive_enabled = raw("DRIVE_ENABLE") == Some(1);
                self.told.ready = raw("READY") == Some(1);
                self.told.mode = raw("MODE").map(|mode| mode as u8);
            }
            _ => {}
        }
        self.told.enabled = self.steer_enabled && self.drive_enabled;
        if self.changes.last().is_none_or(|(_, last)| *last != self.told) && self.changes.len() < MOST_CHANGES {
            self.changes.push((received.nanos(), self.told));
        }
    }

    /// What holds now.
    #[must_use]
    pub fn hear(&self, now: ReceiveTime) -> Heard {
        Heard { now, command: self.command(now), is_enabled: self.told.enabled, seen: self.seen(now) }
    }

    /// Steering angle, rad, and acceleration, m/s2, that the computer commands; `None` if it does not command, or has been silent.
    #[must_use]
    pub fn command(&self, now: ReceiveTime) -> Option<(f64, f64)> {
        let state = self.reader.state();
        let fresh = |quantity| {
            let (value, came) = state.get(quantity)?;
            (now.nanos() - came.nanos() <= HOLDS_NS).then_some(value)
        };
        let both = fresh(Quantity::SteeringRad).zip(fresh(Quantity::AccelerationMps2));
        both.filter(|_| self.told.enabled)
    }

    /// Whether the computer speaks.
    #[must_use]
    pub fn hears(&self, now: ReceiveTime) -> bool {
        let state = self.reader.state();
        let came = |quantity| state.get(quantity).is_some_and(|(_, came)| now.nanos() - came.nanos() <= HOLDS_NS);
        came(Quantity::SteeringRad) && came(Quantity::AccelerationMps2)
    }

    /// What the driver sees of the computer.
    #[must_use]
    pub fn seen(&self, now: ReceiveTime) -> Seen {
        if self.hears(now) { Seen { ready: self.told.ready, mode: self.told.mode } } else { Seen::default() }
    }

    /// Each change of what is told, and when.
    #[must_use]
    pub fn changes(&self) -> &[(i64, Told)] {
        &self.changes
    }

    /// Frames that were believed; those that were not, by reason; and those that did not come, by their counters.
    #[must_use]
    pub fn counts(&self) -> (u64, &BTreeMap<&'static str, u64>, u64) {
        (self.frames, &self.refused, self.reader.lost())
    }

    /// How far the time between two steering commands is from their period: what 99 of 100 do not exceed, and the most, ms.
    #[must_use]
    pub fn jitter_ms(&self) -> Option<(f64, f64)> {
        self.gaps.jitter_ms()
    }
}

impl Gaps {
    fn add(&mut self, came_ns: i64) {
        if let Some(last) = self.last.replace(came_ns) {
            let apart_ms = ((came_ns - last) as f64 * 1e-6 - PERIOD_MS).abs();
            self.classes.resize(CLASSES, 0);
            self.classes[((apart_ms / CLASS_MS) as usize).min(CLASSES - 1)] += 1;
            self.longest_ms = self.longest_ms.max(apart_ms);
        }
    }

    fn jitter_ms(&self) -> Option<(f64, f64)> {
        let all: u32 = self.classes.iter().sum();
        let mut left = f64::from(all) * 0.99;
        let class = self.classes.iter().position(|count| {
            left -= f64::from(*count);
            left <= 0.0
        })?;
        (all > 0).then_some(((class + 1) as f64 * CLASS_MS, self.longest_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::super::describe::BINDINGS;
    use super::*;
    use vehicle::can::writer::{Request, Writer};

    fn writers() -> Vec<Writer> {
        let table: toml::Table = toml::from_str(BINDINGS).unwrap();
        let bindings: Bindings = table["car"]["can"]["bindings"].clone().try_into().unwrap();
        let database = Database::parse(DBC.as_bytes()).unwrap();
        bindings.write.iter().map(|write| Writer::new(&database, write).unwrap()).collect()
    }

    #[test]
    fn a_command_holds_for_a_tenth_of_a_second() {
        let (mut ear, mut writers) = (Ear::new().unwrap(), writers());
        let at = |ms: i64| ReceiveTime::from_nanos(ms * 1_000_000);
        let request = Request { steering_rad: 0.1, acceleration_mps2: -1.5, enabled: true, ready: true, mode: 2 };
        assert_eq!((ear.command(at(0)), ear.hears(at(0))), (None, false));
        for writer in &mut writers {
            ear.take(&writer.encode(&request).unwrap(), at(10));
        }
        let (steering, acceleration) = ear.command(at(60)).unwrap();
        assert!((steering - 0.1).abs() < 2e-5 && (acceleration + 1.5).abs() < 1e-9);
        assert_eq!(ear.seen(at(60)), Seen { ready: true, mode: Some(2) });
        assert_eq!((ear.command(at(111)), ear.seen(at(111))), (None, Seen::default()));
        // One of the two is not enough.
        ear.take(&writers[0].encode(&request).unwrap(), at(112));
        assert_eq!(ear.command(at(113)), None);
        for writer in &mut writers {
            ear.take(&writer.encode(&Request { enabled: false, mode: 0, ..request }).unwrap(), at(120));
        }
        assert!(ear.command(at(121)).is_none() && ear.hears(at(121)));
        assert_eq!(ear.changes().iter().map(|(_, told)| told.enabled).collect::<Vec<_>>(), [false, true, false, false]);
        assert_eq!(ear.jitter_ms().map(|(_, most)| most), Some(92.0));
    }

    #[test]
    fn what_is_wrong_is_not_believed() {
        let (mut ear, mut writers) = (Ear::new().unwrap(), writers());
        let request = Request { steering_rad: 0.0, acceleration_mps2: 1.0, enabled: true, ready: true, mode: 2 };
        let frame = writers[1].encode(&request).unwrap();
        let mut data = frame.data().to_vec();
        data[0] ^= 1;
        let wrong = Frame::new(frame.id, &data).unwrap();
        for frame in [wrong, frame, frame, Frame::new(vehicle::can::Id::Standard(7), &[]).unwrap()] {
            ear.take(&frame, ReceiveTime::default());
        }
        let (frames, refused, _) = ear.counts();
        assert_eq!((frames, refused.values().sum::<u64>(), refused.len()), (1, 3, 3));
    }
}
