//! Whoever writes on the bus holds a pen: the messages that command the car, each at its period.

use super::bus::Bus;
use anyhow::Context;
use std::time::{Duration, Instant};
use types::Vehicle;
use vehicle::can::bindings::Bindings;
use vehicle::can::writer::{Request, Writer};
use vehicle::can::{Database, Frame};

/// The writers and the bus.
#[derive(Debug)]
pub struct Pen {
    bus: Bus,
    writers: Vec<(Writer, Instant)>,
    frames: Vec<Frame>,
}

impl Pen {
    /// A pen for the bound messages. Tries the largest commands of the vehicle first: what does not fit a signal is told at start.
    ///
    /// # Errors
    /// A binding that cannot be, a limit that a signal cannot hold, no message that steers or brakes.
    pub fn new(bus: Bus, database: &Database, bindings: &Bindings, vehicle: &Vehicle) -> anyhow::Result<Self> {
        let now = Instant::now();
        let mut writers = Vec::new();
        for write in &bindings.write {
            let mut writer = Writer::new(database, write).context("car.can.bindings.write")?;
            let limits = &vehicle.limits;
            let hardest = limits.emergency_deceleration_mps2.max(limits.stop_deceleration_mps2);
            for acceleration_mps2 in [-hardest, limits.acceleration_mps2] {
                for steering_rad in [-vehicle.max_steering_rad, vehicle.max_steering_rad] {
                    let request = Request { steering_rad, acceleration_mps2, enabled: true, ready: true, mode: 5 };
                    writer
                        .encode(&request)
                        .context("car.can.bindings.write: a command within [vehicle] does not fit")?;
                }
            }
            writers.push((Writer::new(database, write)?, now));
        }
        let has = |what: &str, is_there: bool| {
            anyhow::ensure!(is_there, "car.can.bindings.write: no message has {what}");
            Ok(())
        };
        has("steering_rad", bindings.write.iter().any(|write| write.steering_rad.is_some()))?;
        has("acceleration_mps2", bindings.write.iter().any(|write| write.acceleration_mps2.is_some()))?;
        has("enable", bindings.write.iter().any(|write| write.enable.is_some()))?;
        Ok(Self { bus, writers, frames: Vec::new() })
    }

    /// Sends the messages that are due. A writer that was left for longer than a period goes on from now.
    ///
    /// # Errors
    /// What does not fit a signal, or what the system says.
    pub fn write(&mut self, request: &Request, now: Instant) -> Result<(), String> {
        self.frames.clear();
        let mut refused = None;
        for (writer, due) in &mut self.writers {
            let period = Duration::from_secs_f64(writer.period_s());
            // Ticks jitter: what is due within the next half millisecond is due.
            if now + Duration::from_micros(500) < *due {
                continue;
            }
            *due = (*due + period).max(now);
            match writer.encode(request) {
                Ok(frame) => self.frames.push(frame),
                Err(error) => refused = Some(error.to_string()),
            }
        }
        if !self.frames.is_empty() {
            self.bus.send(&self.frames).map_err(|error| error.to_string())?;
        }
        refused.map_or(Ok(()), Err)
    }

    /// The bus, for who reads it, too.
    pub fn bus(&mut self) -> &mut Bus {
        &mut self.bus
    }
}
