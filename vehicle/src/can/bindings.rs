//! Bindings in `car.toml`: which signals mean what. Checked against the DBC file at start.

use super::checksum::Checksum;
use super::database::{Database, Message, Signal};
use serde::Deserialize;
use std::collections::BTreeMap;
use thiserror::Error;

/// What the car tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Speed of the front left wheel, m/s.
    WheelFrontLeftMps,
    /// Speed of the front right wheel, m/s.
    WheelFrontRightMps,
    /// Speed of the rear left wheel, m/s.
    WheelRearLeftMps,
    /// Speed of the rear right wheel, m/s.
    WheelRearRightMps,
    /// Speed of the car, m/s.
    SpeedMps,
    /// Angle of the front wheels, rad, positive to the left.
    SteeringRad,
    /// Torque that the driver puts on the steering wheel, Nm.
    DriverTorqueNm,
    /// How far the accelerator pedal is pressed, 0..1.
    Accelerator,
    /// How far the brake pedal is pressed, 0..1, or whether.
    Brake,
    /// Rate of the heading, rad/s, counter-clockwise.
    YawRateRadps,
    /// Acceleration along the vehicle's x axis, m/s2.
    AccelerationMps2,
    /// Selected gear, by the car's own number.
    Gear,
    /// Whether the actuators obey, 0 or 1.
    ActuatorsReady,
    /// Button that arms the computer, 1 while it is down.
    Arm,
    /// Button that disarms it.
    Disarm,
    /// Button that lets the computer drive.
    Engage,
    /// Button that brings the car to rest.
    Stop,
}

impl Quantity {
    /// Number of quantities.
    pub const COUNT: usize = 17;
}

/// A signal that tells a quantity: quantity = value of the signal * scale + offset.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Message.
    pub message: String,
    /// Signal.
    pub signal: String,
    /// Quantity of one unit of the signal.
    #[serde(default = "one")]
    pub scale: f64,
    /// Quantity where the signal is zero.
    #[serde(default)]
    pub offset: f64,
}

/// A signal that is told a quantity: value of the signal = quantity * scale + offset.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Signal.
    pub signal: String,
    /// Units of the signal in one of the quantity.
    #[serde(default = "one")]
    pub scale: f64,
    /// Value where the quantity is zero.
    #[serde(default)]
    pub offset: f64,
}

/// A signal with the checksum of its message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChecksumSignal {
    /// Signal, a whole byte.
    pub signal: String,
    /// How it is made.
    pub rule: Checksum,
}

/// What protects a message that the car sends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Message.
    pub message: String,
    /// Signal that counts its frames.
    pub counter: Option<String>,
    /// Its checksum.
    pub checksum: Option<ChecksumSignal>,
}

/// A message that commands the car.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Message.
    pub message: String,
    /// How often it is sent, s.
    pub period_s: f64,
    /// Angle of the front wheels, rad.
    pub steering_rad: Option<Target>,
    /// Acceleration, m/s2.
    pub acceleration_mps2: Option<Target>,
    /// Signal that is 1 while the computer commands and 0 else.
    pub enable: Option<String>,
    /// Signal that is 1 while the computer is well and may be armed, and 0 else.
    pub ready: Option<String>,
    /// Signal with the number of the mode: 0 manual, 1 standby, 2 engaged, 3 overridden, 4 minimum-risk stop, 5 stopped.
    pub mode: Option<String>,
    /// Signals that always hold the same value.
    #[serde(default)]
    pub constants: BTreeMap<String, f64>,
    /// Signal that counts the frames.
    pub counter: Option<String>,
    /// Its checksum.
    pub checksum: Option<ChecksumSignal>,
}

/// All bindings.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bindings {
    /// Where the quantities come from.
    pub read: BTreeMap<Quantity, Source>,
    /// What protects them.
    pub guard: Vec<Guard>,
    /// What is sent.
    pub write: Vec<Write>,
}

fn one() -> f64 {
    1.0
}

/// Why bindings do not fit the DBC file.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum BindError {
    /// No such message.
    #[error("the DBC file has no message {message}; it has {there}")]
    Message {
        /// Name that was bound.
        message: String,
        /// Names that are there.
        there: String,
    },
    /// No such signal.
    #[error("message {message} has no signal {signal}; it has {there}")]
    Signal {
        /// Name of the message.
        message: String,
        /// Name that was bound.
        signal: String,
        /// Names that are there.
        there: String,
    },
    /// A signal that no frame can hold.
    #[error("line {line} of the DBC file: signal {signal} of {message} cannot be: {reason}")]
    Refused {
        /// Line of the DBC file.
        line: usize,
        /// Name of the message.
        message: String,
        /// Name of the signal.
        signal: String,
        /// What cannot be.
        reason: String,
    },
    /// A signal that cannot do what it is bound to.
    #[error("signal {signal} of {message}: {reason}")]
    Unfit {
        /// Name of the message.
        message: String,
        /// Name of the signal.
        signal: String,
        /// Why.
        reason: String,
    },
    /// A number that cannot be.
    #[error("{message}: {what} is {value}, not {needed}")]
    Value {
        /// Name of the message.
        message: String,
        /// Which number.
        what: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        needed: &'static str,
    },
    /// A message that is bound twice.
    #[error("message {message} is bound twice")]
    Twice {
        /// Name of the message.
        message: String,
    },
}

/// The first names, as much as an error can hold.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = all.take(17).collect();
    if names.len() == 17 {
        names[16] = "and more";
    }
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

pub(super) fn find_message<'a>(database: &'a Database, name: &str) -> Result<&'a Message, BindError> {
    let there = || {
        // Those that look alike first.
        let near = |message: &&Message| message.name.to_lowercase().contains(&name.to_lowercase()[..name.len().min(3)]);
        let alike =
            database.messages.iter().filter(near).chain(database.messages.iter().filter(|message| !near(message)));
        names(alike.map(|message| message.name.as_str()))
    };
    let is_ascii = name.is_ascii();
    database.message(name).ok_or_else(|| BindError::Message {
        message: name.to_owned(),
        there: if is_ascii { there() } else { names(database.messages.iter().map(|message| message.name.as_str())) },
    })
}

pub(super) fn find_signal<'a>(database: &Database, message: &'a Message, name: &str) -> Result<&'a Signal, BindError> {
    if let Some(signal) = message.signal(name) {
        return Ok(signal);
    }
    let (message_name, signal) = (message.name.clone(), name.to_owned());
    let refused = database.refused.iter().find(|refused| refused.message == message.name && refused.signal == name);
    Err(match refused {
        Some(refused) => {
            BindError::Refused { line: refused.line, message: message_name, signal, reason: refused.reason.clone() }
        }
        None => {
            let there = names(message.signals.iter().map(|signal| signal.name.as_str()));
            BindError::Signal { message: message_name, signal, there }
        }
    })
}

/// What a counter and a checksum need of their message.
#[derive(Clone, Debug)]
pub(super) struct Protection {
    pub counter: Option<(super::bits::Layout, u64)>,
    pub checksum: Option<(usize, Checksum)>,
}

impl Protection {
    pub fn new(
        database: &Database,
        message: &Message,
        counter: Option<&String>,
        checksum: Option<&ChecksumSignal>,
    ) -> Result<Self, BindError> {
        let unfit = |signal: &str, reason: String| BindError::Unfit {
            message: message.name.clone(),
            signal: signal.to_owned(),
            reason,
        };
        let counter = match counter {
            None => None,
            Some(name) => {
                let layout = find_signal(database, message, name)?.layout;
                let whole = layout.kind == super::bits::Kind::Unsigned && layout.factor == 1.0 && layout.offset == 0.0;
                let (low, high) = layout.limits();
                if !whole || layout.bits > 32 || low != 0.0 || high < 1.0 {
                    return Err(unfit(name, "a counter is a whole number from 0 in steps of 1".to_owned()));
                }
                Some((layout, high as u64 + 1))
            }
        };
        let checksum = match checksum {
            None => None,
            Some(ChecksumSignal { signal: name, rule }) => {
                let layout = find_signal(database, message, name)?.layout;
                let place = (0..message.length).find(|place| {
                    let mut data = [0; super::LONGEST];
                    data[*place] = 0xA5;
                    layout.bits == 8 && layout.raw(&data) == 0xA5
                });
                let Some(place) = place else {
                    return Err(unfit(name, "a checksum is a whole byte".to_owned()));
                };
                if let Checksum::Crc8H2f { data_ids } = rule
                    && data_ids.len() != 1
                    && counter.is_none_or(|(_, modulus)| modulus != data_ids.len() as u64)
                {
                    let reason =
                        format!("{} data_ids; there must be one, or one for each value of the counter", data_ids.len());
                    return Err(unfit(name, reason));
                }
                Some((place, rule.clone()))
            }
        };
        Ok(Self { counter, checksum })
    }

    /// The checksum that the bytes should have.
    pub fn checksum_of(&self, data: &[u8], id: super::Id) -> Option<(usize, u8)> {
        let counter = self.counter.map_or(0, |(layout, _)| layout.raw(data));
        self.checksum.as_ref().map(|(place, rule)| (*place, rule.of(data, *place, id.number(), counter)))
    }
}
