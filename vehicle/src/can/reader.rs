//! Frames to the car's state.

use super::bindings::{BindError, Bindings, Protection, Quantity, find_message, find_signal};
use super::database::{Database, Message, Signal};
use super::{Frame, Id};
use std::collections::BTreeMap;
use thiserror::Error;
use types::ReceiveTime;

/// Why a frame is not believed. The state stays as it was, so that it grows old.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// Too few bytes.
    #[error("message {message} has {found} bytes instead of {needed}")]
    Length {
        /// Message.
        message: String,
        /// Bytes found.
        found: usize,
        /// Bytes of the message.
        needed: usize,
    },
    /// A wrong checksum.
    #[error("message {message} has checksum {found:#04x} instead of {needed:#04x}")]
    Checksum {
        /// Message.
        message: String,
        /// Checksum found.
        found: u8,
        /// Checksum of its bytes.
        needed: u8,
    },
    /// The counter stands still: the sender is frozen or a frame is repeated.
    #[error("message {message} has counter {counter} again")]
    Frozen {
        /// Message.
        message: String,
        /// Counter found.
        counter: u64,
    },
}

/// What the car told last, each with the time when it came.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CarState {
    values: [Option<(f64, ReceiveTime)>; Quantity::COUNT],
}

impl CarState {
    /// A quantity and when it came; `None` if the car never told it.
    #[must_use]
    pub fn get(&self, quantity: Quantity) -> Option<(f64, ReceiveTime)> {
        self.values[quantity as usize]
    }
}

/// Signal, quantity, scale and offset.
type Bound = (Signal, Quantity, f64, f64);

/// One message that is read.
#[derive(Clone, Debug)]
struct Watched {
    message: Message,
    bound: Vec<Bound>,
    protection: Protection,
    before: Option<u64>,
}

/// Reads the frames of a bus.
#[derive(Clone, Debug)]
pub struct Reader {
    messages: BTreeMap<Id, Watched>,
    state: CarState,
    lost: u64,
}

impl Reader {
    /// The reader of all bound messages.
    ///
    /// # Errors
    /// Names the message or signal that is not in the DBC file, that is guarded twice, or that cannot be what it is bound to.
    pub fn new(database: &Database, bindings: &Bindings) -> Result<Self, BindError> {
        let mut messages: BTreeMap<Id, Watched> = BTreeMap::new();
        for (quantity, source) in &bindings.read {
            let message = find_message(database, &source.message)?;
            let signal = find_signal(database, message, &source.signal)?;
            if !source.scale.is_finite() || source.scale == 0.0 || !source.offset.is_finite() {
                let reason = format!("scale {} and offset {}", source.scale, source.offset);
                return Err(BindError::Unfit { message: message.name.clone(), signal: signal.name.clone(), reason });
            }
            let watched = messages.entry(message.id).or_insert_with(|| Watched {
                message: message.clone(),
                bound: Vec::new(),
                protection: Protection { counter: None, checksum: None },
                before: None,
            });
            watched.bound.push((signal.clone(), *quantity, source.scale, source.offset));
        }
        let mut guarded = Vec::new();
        for guard in &bindings.guard {
            let message = find_message(database, &guard.message)?;
            if guarded.contains(&message.id) {
                return Err(BindError::Twice { message: message.name.clone() });
            }
            guarded.push(message.id);
            let protection = Protection::new(database, message, guard.counter.as_ref(), guard.checksum.as_ref())?;
            if let Some(watched) = messages.get_mut(&message.id) {
                watched.protection = protection;
            }
        }
        Ok(Self { messages, state: CarState::default(), lost: 0 })
    }

    /// What the car told last.
    #[must_use]
    pub fn state(&self) -> CarState {
        self.state
    }

    /// Frames that did not come, by their counters.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes a frame: how many quantities it told. Frames of other messages tell none.
    ///
    /// # Errors
    /// A frame of a bound message that is too short, has a wrong checksum or a counter that stands still.
    pub fn take(&mut self, frame: &Frame, received: ReceiveTime) -> Result<usize, FrameError> {
        let Some(watched) = self.messages.get_mut(&frame.id) else { return Ok(0) };
        let (data, message) = (frame.data(), || watched.message.name.clone());
        let needed = watched.message.length;
        let Some(data) = data.get(..needed) else {
            return Err(FrameError::Length { message: message(), found: data.len(), needed });
        };
        if let Some((place, needed)) = watched.protection.checksum_of(data, frame.id)
            && data[place] != needed
        {
            return Err(FrameError::Checksum { message: message(), found: data[place], needed });
        }
        if let Some((layout, modulus)) = watched.protection.counter {
            let counter = layout.raw(data);
            match watched.before.replace(counter) {
                Some(before) if before == counter => return Err(FrameError::Frozen { message: message(), counter }),
                Some(before) => self.lost += (counter + modulus - before % modulus - 1) % modulus,
                None => {}
            }
        }
        let mut told = 0;
        for (signal, quantity, scale, offset) in &watched.bound {
            if watched.message.holds(signal, data) {
                let value = signal.layout.value(data) * scale + offset;
                // A float of a frame may hold anything.
                if value.is_finite() {
                    self.state.values[*quantity as usize] = Some((value, received));
                    told += 1;
                }
            }
        }
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::tests::car;
    use super::super::writer::{Request, Writer};
    use super::*;
    use proptest::prelude::*;

    const BINDINGS: &str = r#"
        [read]
        wheel_rear_left_mps = { message = "WHEELS", signal = "WHEEL_RL", scale = 0.2777777777777778 }
        wheel_rear_right_mps = { message = "WHEELS", signal = "WHEEL_RR", scale = 0.2777777777777778 }
        # Steering wheel to front wheels 1 : 15.2, degrees to radians.
        steering_rad = { message = "STEERING", signal = "STEER_ANGLE", scale = 0.0011482405 }
        driver_torque_nm = { message = "STEERING", signal = "STEER_TORQUE" }
        brake = { message = "PEDALS", signal = "BRAKE_PRESSED" }
        gear = { message = "GEARBOX", signal = "GEAR" }

        [[guard]]
        message = "STEERING"
        counter = "STEER_COUNTER"
        checksum = { signal = "STEER_CHECKSUM", rule = { kind = "crc8_j1850" } }

        [[write]]
        message = "STEER_COMMAND"
        period_s = 0.01
        steering_rad = { signal = "STEER_REQUEST", scale = 870.895945 }
        enable = "STEER_ENABLE"
        counter = "STEER_ALIVE"
        checksum = { signal = "STEER_CRC", rule = { kind = "sum", with_id = true } }

        [[write]]
        message = "DRIVE_COMMAND"
        period_s = 0.02
        acceleration_mps2 = { signal = "ACCEL_REQUEST" }
        constants = { DRIVE_MODE = 2 }
        counter = "DRIVE_ALIVE"
        checksum = { signal = "DRIVE_CRC", rule = { kind = "crc8_2f", data_ids = [17, 34, 51, 68, 85, 102, 119, 136, 153, 170, 187, 204, 221, 238, 255] } }
    "#;

    fn bindings() -> Bindings {
        toml::from_str(BINDINGS).unwrap()
    }

    fn at(nanos: i64) -> ReceiveTime {
        ReceiveTime::from_nanos(nanos)
    }

    fn frame(number: u16, data: &[u8]) -> Frame {
        Frame::new(Id::Standard(number), data).unwrap()
    }

    #[test]
    fn the_car_is_read() {
        let mut reader = Reader::new(&car(), &bindings()).unwrap();
        let wheels = frame(288, &[0, 0, 0, 0, 0x10, 0x0E, 0x20, 0x1C]);
        assert_eq!(reader.take(&wheels, at(5)), Ok(2));
        let (speed_mps, when) = reader.state().get(Quantity::WheelRearLeftMps).unwrap();
        assert!((speed_mps - 10.0).abs() < 1e-12 && when == at(5), "36 km/h are 10 m/s");
        let gear = Frame::new(Id::Extended(0x18FF_0010), &[3, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!((reader.take(&gear, at(6)), reader.state().get(Quantity::Gear)), (Ok(1), Some((3.0, at(6)))));
        assert_eq!(reader.take(&frame(0x10, &[3; 8]), at(7)), Ok(0), "another message with the same number");
        assert_eq!(reader.state().get(Quantity::Brake), None);
        let short = FrameError::Length { message: "WHEELS".into(), found: 7, needed: 8 };
        assert_eq!(reader.take(&frame(288, &[0; 7]), at(8)), Err(short));
    }

    #[test]
    fn counters_and_checksums_are_checked() {
        let mut reader = Reader::new(&car(), &bindings()).unwrap();
        let steering = |counter: u8| {
            let mut data = [0xFF, 0x38, 0, 0, 0, counter, 0, 0];
            let rule = super::super::checksum::Checksum::Crc8J1850 { data_id: vec![] };
            data[7] = rule.of(&data, 7, 289, 0);
            frame(289, &data)
        };
        assert_eq!(reader.take(&steering(1), at(1)), Ok(2));
        let (angle, _) = reader.state().get(Quantity::SteeringRad).unwrap();
        assert!((angle + 20.0 * 0.001_148_240_5).abs() < 1e-9, "{angle}");
        assert_eq!(
            reader.take(&steering(1), at(2)),
            Err(FrameError::Frozen { message: "STEERING".into(), counter: 1 })
        );
        let mut wrong = *steering(2).data().first_chunk::<8>().unwrap();
        wrong[0] ^= 1;
        assert!(matches!(reader.take(&frame(289, &wrong), at(3)), Err(FrameError::Checksum { .. })));
        assert_eq!(reader.state().get(Quantity::SteeringRad).unwrap().1, at(1), "the state grows old");
        assert_eq!((reader.take(&steering(5), at(4)), reader.lost()), (Ok(2), 3));
    }

    #[test]
    fn the_car_is_commanded() {
        let car = car();
        let mut writers: Vec<Writer> = bindings().write.iter().map(|write| Writer::new(&car, write).unwrap()).collect();
        let request = Request { steering_rad: -0.1, acceleration_mps2: -3.5, enabled: true, ..Request::default() };
        let steer = writers[0].encode(&request).unwrap();
        // -87.09 degrees are 0xFC99 tenths.
        let sum = [0xFC_u8, 0x99, 1, 0x03].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        assert_eq!((steer.id, steer.data()), (Id::Standard(768), &[0xFC, 0x99, 1, 0, 0, 0, 0, sum][..]));
        assert_eq!(writers[0].encode(&request).unwrap().data()[3], 1);
        // The counter goes to 14 and begins anew.
        let drive = (0..16).map(|_| writers[1].encode(&request).unwrap().data()[1]).collect::<Vec<_>>();
        assert_eq!((drive[0], drive[14], drive[15]), (0x20, 0x2E, 0x20));
        assert_eq!(&writers[1].encode(&request).unwrap().data()[2..4], &(-350_i16 & 0xFFF).to_le_bytes());
    }

    #[test]
    fn what_does_not_fit_is_not_sent() {
        let car = car();
        let mut writer = Writer::new(&car, &bindings().write[1]).unwrap();
        let request = |acceleration_mps2| Request { acceleration_mps2, ..Request::default() };
        let error = writer.encode(&request(5.5)).unwrap_err();
        assert_eq!(error.to_string(), "message DRIVE_COMMAND, signal ACCEL_REQUEST: 5.5 is outside -10 to 5");
        assert!(writer.encode(&request(f64::NAN)).is_err());
        assert_eq!(writer.encode(&request(0.0)).unwrap().data()[1], 0x20, "the counter did not go on");
    }

    #[test]
    fn wrong_bindings_are_told_at_start() {
        let error = |from: &str, to: &str| {
            let bindings: Bindings = toml::from_str(&BINDINGS.replace(from, to)).map_err(|error| error.to_string())?;
            let car = car();
            Reader::new(&car, &bindings).map_err(|error| error.to_string())?;
            bindings
                .write
                .iter()
                .try_for_each(|write| Writer::new(&car, write).map(drop))
                .map_err(|error| error.to_string())
        };
        assert_eq!(error("", ""), Ok(()));
        let told = |from: &str, to: &str, needle: &str| {
            let error = error(from, to).unwrap_err();
            assert!(error.contains(needle), "{to}: {error}");
        };
        told(
            "\"WHEELS\", signal = \"WHEEL_RL\"",
            "\"WHELS\", signal = \"WHEEL_RL\"",
            "no message WHELS; it has WHEELS",
        );
        told("WHEEL_RL", "WHEEL_LR", "WHEELS has no signal WHEEL_LR; it has WHEEL_FL, WHEEL_FR");
        told("driver_torque_nm", "driver_torque", "driver_torque");
        told("period_s = 0.01", "period_s = 10", "period_s is 10");
        told("period_s = 0.01", "period_s = 0.01\nrate = 4", "rate");
        told("{ DRIVE_MODE = 2 }", "{ DRIVE_MODE = 9 }", "9 is outside 0 to 7");
        told("enable = \"STEER_ENABLE\"", "enable = \"STEER_ALIVE\"", "bit 24 is bound to another signal");
        told("\"STEER_CRC\"", "\"STEER_ENABLE\"", "bit 16 is bound");
        told("signal = \"STEER_CHECKSUM\"", "signal = \"STEER_ANGLE\"", "a checksum is a whole byte");
        told("data_ids = [17, 34, ", "data_ids = [", "13 data_ids");
        told("kind = \"sum\"", "kind = \"crc16\"", "crc16");
        told("scale = 870.895945", "scale = 0.0", "scale 0");
    }

    proptest! {
        #[test]
        fn any_frame_is_survived(number in 280..300_u16, data in prop::collection::vec(any::<u8>(), 0..=64)) {
            let mut reader = Reader::new(&car(), &bindings()).unwrap();
            let _ = reader.take(&frame(number, &data), at(0));
            let gear = Frame::new(Id::Extended(0x18FF_0010), &data).unwrap();
            let _ = reader.take(&gear, at(0));
            prop_assert!(reader.state().values.iter().flatten().all(|(value, _)| value.is_finite()));
        }

        #[test]
        fn a_request_comes_back_within_the_resolution(steering_rad in -0.57..0.57_f64, acceleration_mps2 in -10.0..5.0_f64) {
            let car = car();
            let request = Request { steering_rad, acceleration_mps2, enabled: true, ..Request::default() };
            for write in &bindings().write {
                let frame = Writer::new(&car, write).unwrap().encode(&request).unwrap();
                let message = car.by_id(frame.id).unwrap();
                for (target, wanted) in [(&write.steering_rad, steering_rad), (&write.acceleration_mps2, acceleration_mps2)] {
                    let Some(target) = target else { continue };
                    let layout = message.signal(&target.signal).unwrap().layout;
                    let found = (layout.value(frame.data()) - target.offset) / target.scale;
                    prop_assert!((found - wanted).abs() <= 0.5 * (layout.factor / target.scale).abs() + 1e-12);
                }
            }
        }
    }
}
