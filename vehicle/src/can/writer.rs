//! Commands to frames.

use super::bindings::{BindError, Protection, Target, Write, find_message, find_signal};
use super::bits::{Layout, OutOfRange};
use super::database::Database;
use super::{Frame, Id};
use std::collections::BTreeSet;
use thiserror::Error;

/// What the car shall do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Request {
    /// Angle of the front wheels, rad, positive to the left.
    pub steering_rad: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Whether the computer commands.
    pub enabled: bool,
    /// Whether the computer is well and may be armed.
    pub ready: bool,
    /// Number of the mode.
    pub mode: u8,
}

/// Why a request is not sent. No frame is made and the counter stays: a car that hears nothing stops by itself.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("message {message}, signal {signal}: {error}")]
pub struct EncodeError {
    /// Message.
    pub message: String,
    /// Signal.
    pub signal: String,
    /// What does not fit.
    pub error: OutOfRange,
}

/// A signal and how a quantity becomes its value.
#[derive(Clone, Debug)]
struct Bound {
    name: String,
    layout: Layout,
    scale: f64,
    offset: f64,
}

/// Makes the frames of one message.
#[derive(Clone, Debug)]
pub struct Writer {
    id: Id,
    message: String,
    period_s: f64,
    /// The bytes with all constants.
    template: Vec<u8>,
    steering: Option<Bound>,
    acceleration: Option<Bound>,
    enable: Option<Bound>,
    ready: Option<Bound>,
    mode: Option<Bound>,
    protection: Protection,
    count: u64,
}

impl Writer {
    /// The writer of a message.
    ///
    /// # Errors
    /// Names the message or signal that is not in the DBC file, that two bindings share bits of, that is not there with these
    /// constants, or that cannot be what it is bound to.
    pub fn new(database: &Database, write: &Write) -> Result<Self, BindError> {
        let message = find_message(database, &write.message)?;
        let unfit = |signal: &str, reason: String| BindError::Unfit {
            message: message.name.clone(),
            signal: signal.to_owned(),
            reason,
        };
        if !(0.001..=1.0).contains(&write.period_s) {
            let (what, needed) = ("period_s", "0.001 to 1");
            return Err(BindError::Value { message: message.name.clone(), what, value: write.period_s, needed });
        }
        let mut template = vec![0; message.length];
        let mut names: Vec<&str> = Vec::new();
        for (name, value) in &write.constants {
            let layout = find_signal(database, message, name)?.layout;
            layout.put_raw(layout.bits_of(*value).map_err(|error| unfit(name, error.to_string()))?, &mut template);
            names.push(name);
        }
        let bind = |target: &Target| -> Result<Bound, BindError> {
            let Target { signal, scale, offset } = target;
            if !scale.is_finite() || *scale == 0.0 || !offset.is_finite() {
                return Err(unfit(signal, format!("scale {scale} and offset {offset}")));
            }
            let layout = find_signal(database, message, signal)?.layout;
            Ok(Bound { name: signal.clone(), layout, scale: *scale, offset: *offset })
        };
        let steering = write.steering_rad.as_ref().map(bind).transpose()?;
        let acceleration = write.acceleration_mps2.as_ref().map(bind).transpose()?;
        let plain = |signal: &Option<String>| {
            signal.as_ref().map(|signal| bind(&Target { signal: signal.clone(), scale: 1.0, offset: 0.0 })).transpose()
        };
        let (enable, ready, mode) = (plain(&write.enable)?, plain(&write.ready)?, plain(&write.mode)?);
        let targets = [&write.steering_rad, &write.acceleration_mps2];
        names.extend(targets.into_iter().flatten().map(|target| target.signal.as_str()));
        names.extend([&write.enable, &write.ready, &write.mode].into_iter().filter_map(Option::as_deref));
        names.extend(write.counter.as_deref());
        names.extend(write.checksum.as_ref().map(|checksum| checksum.signal.as_str()));
        let mut taken = BTreeSet::new();
        for name in names {
            let signal = find_signal(database, message, name)?;
            let mut bits = vec![0; message.length];
            signal.layout.put_raw(u64::MAX, &mut bits);
            for place in (0..8 * message.length).filter(|place| bits[place / 8] >> (place % 8) & 1 == 1) {
                if !taken.insert(place) {
                    return Err(unfit(name, format!("bit {place} is bound to another signal, too")));
                }
            }
            if !message.holds(signal, &template) {
                return Err(unfit(
                    name,
                    "it is not there with these constants: set the signal that switches it".to_owned(),
                ));
            }
        }
        let protection = Protection::new(database, message, write.counter.as_ref(), write.checksum.as_ref())?;
        Ok(Self {
            id: message.id,
            message: message.name.clone(),
            period_s: write.period_s,
            template,
            steering,
            acceleration,
            enable,
            ready,
            mode,
            protection,
            count: 0,
        })
    }

    /// How often it must be sent, s.
    #[must_use]
    pub fn period_s(&self) -> f64 {
        self.period_s
    }

    /// The next frame.
    ///
    /// # Errors
    /// A number that is not finite or does not fit its signal: nothing is clipped here, limits are the gate's.
    pub fn encode(&mut self, request: &Request) -> Result<Frame, EncodeError> {
        let mut data = self.template.clone();
        let values = [
            (&self.steering, request.steering_rad),
            (&self.acceleration, request.acceleration_mps2),
            (&self.enable, f64::from(u8::from(request.enabled))),
            (&self.ready, f64::from(u8::from(request.ready))),
            (&self.mode, f64::from(request.mode)),
        ];
        for (bound, quantity) in values {
            let Some(Bound { name, layout, scale, offset }) = bound else { continue };
            let bits = layout.bits_of(quantity * scale + offset).map_err(|error| EncodeError {
                message: self.message.clone(),
                signal: name.clone(),
                error,
            })?;
            layout.put_raw(bits, &mut data);
        }
        if let Some((layout, modulus)) = self.protection.counter {
            layout.put_raw(self.count, &mut data);
            self.count = (self.count + 1) % modulus;
        }
        if let Some((place, checksum)) = self.protection.checksum_of(&data, self.id) {
            data[place] = checksum;
        }
        let mut frame = Frame { id: self.id, length: data.len() as u8, data: [0; super::LONGEST] };
        frame.data[..data.len()].copy_from_slice(&data);
        Ok(frame)
    }
}
