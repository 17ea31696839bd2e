//! What a car tells, made into frames: the way back of [`Reader`](super::reader::Reader), for a simulated car.

use super::bindings::{BindError, Bindings, Protection, Quantity, find_message, find_signal};
use super::bits::Layout;
use super::database::Database;
use super::{Frame, Id};
use std::collections::BTreeMap;

/// A message that is told, and how often it was.
#[derive(Clone, Debug)]
struct Told {
    length: usize,
    /// Layout, quantity, scale and offset, as they are read.
    bound: Vec<(Layout, Quantity, f64, f64)>,
    protection: Protection,
    count: u64,
}

/// What is wrong with the frames of a broken car.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// Counters stand still.
    pub counter: bool,
    /// Checksums are wrong.
    pub checksum: bool,
}

/// Makes the frames of all messages that bindings read.
#[derive(Clone, Debug)]
pub struct Speaker {
    messages: BTreeMap<Id, Told>,
}

impl Speaker {
    /// The speaker of what these bindings read, protected as they guard it.
    ///
    /// # Errors
    /// Names the message or signal that is not in the DBC file, or that cannot be what it is bound to.
    pub fn new(database: &Database, bindings: &Bindings) -> Result<Self, BindError> {
        let mut messages: BTreeMap<Id, Told> = BTreeMap::new();
        for (quantity, source) in &bindings.read {
            let message = find_message(database, &source.message)?;
            let layout = find_signal(database, message, &source.signal)?.layout;
            let told = messages.entry(message.id).or_insert_with(|| Told {
                length: message.length,
                bound: Vec::new(),
                protection: Protection { counter: None, checksum: None },
                count: 0,
            });
            told.bound.push((layout, *quantity, source.scale, source.offset));
        }
        for guard in &bindings.guard {
            let message = find_message(database, &guard.message)?;
            let protection = Protection::new(database, message, guard.counter.as_ref(), guard.checksum.as_ref())?;
            if let Some(told) = messages.get_mut(&message.id) {
                told.protection = protection;
            }
        }
        Ok(Self { messages })
    }

    /// Adds a frame of each message. A quantity beyond what its signal can tell is told as its limit, as sensors do.
    pub fn tell(&mut self, quantity: impl Fn(Quantity) -> f64, broken: Broken, frames: &mut Vec<Frame>) {
        for (id, told) in &mut self.messages {
            let mut data = [0; super::LONGEST];
            let data = &mut data[..told.length];
            for (layout, what, scale, offset) in &told.bound {
                let (low, high) = layout.limits();
                let value = ((quantity(*what) - offset) / scale).clamp(low, high);
                layout.put_raw(layout.bits_of(value).unwrap_or_default(), data);
            }
            if let Some((layout, modulus)) = told.protection.counter {
                layout.put_raw(told.count % modulus, data);
                told.count += u64::from(!broken.counter);
            }
            if let Some((place, checksum)) = told.protection.checksum_of(data, *id) {
                data[place] = if broken.checksum { !checksum } else { checksum };
            }
            frames.extend(Frame::new(*id, data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::tests::car;
    use super::super::reader::{FrameError, Reader};
    use super::*;
    use proptest::prelude::*;
    use types::ReceiveTime;

    const BINDINGS: &str = r#"
        [read]
        wheel_rear_left_mps = { message = "WHEELS", signal = "WHEEL_RL", scale = 0.2777777777777778 }
        steering_rad = { message = "STEERING", signal = "STEER_ANGLE", scale = 0.0011482405 }
        driver_torque_nm = { message = "STEERING", signal = "STEER_TORQUE" }
        gear = { message = "GEARBOX", signal = "GEAR" }

        [[guard]]
        message = "STEERING"
        counter = "STEER_COUNTER"
        checksum = { signal = "STEER_CHECKSUM", rule = { kind = "crc8_j1850" } }
    "#;

    fn speaker_and_reader() -> (Speaker, Reader) {
        let bindings: Bindings = toml::from_str(BINDINGS).unwrap();
        (Speaker::new(&car(), &bindings).unwrap(), Reader::new(&car(), &bindings).unwrap())
    }

    #[test]
    fn a_broken_car_is_not_believed() {
        let (mut speaker, mut reader) = speaker_and_reader();
        let mut hear = |broken| {
            let mut frames = Vec::new();
            speaker.tell(|_| 1.0, broken, &mut frames);
            let steering = frames.iter().find(|frame| frame.id == Id::Standard(289)).unwrap();
            reader.take(steering, ReceiveTime::default())
        };
        assert_eq!(hear(Broken::default()), Ok(2));
        assert!(matches!(hear(Broken { checksum: true, ..Broken::default() }), Err(FrameError::Checksum { .. })));
        assert_eq!(hear(Broken { counter: true, ..Broken::default() }), Ok(2), "the first still goes on");
        assert!(matches!(hear(Broken { counter: true, ..Broken::default() }), Err(FrameError::Frozen { .. })));
    }

    proptest! {
        #[test]
        fn quantities_come_back(speed in 0.0..90.0_f64, angle in -0.5..0.5_f64, torque in -10.0..10.0_f64, times in 1..20_usize) {
            let (mut speaker, mut reader) = speaker_and_reader();
            let told = |what: Quantity| match what {
                Quantity::WheelRearLeftMps => speed,
                Quantity::SteeringRad => angle,
                Quantity::DriverTorqueNm => torque,
                _ => 3.0,
            };
            for _ in 0..times {
                let mut frames = Vec::new();
                speaker.tell(told, Broken::default(), &mut frames);
                prop_assert_eq!(frames.len(), 3);
                for frame in &frames {
                    prop_assert!(reader.take(frame, ReceiveTime::default()).unwrap() > 0);
                }
            }
            let heard = |what| reader.state().get(what).unwrap().0;
            prop_assert!((heard(Quantity::WheelRearLeftMps) - speed).abs() < 0.02 && heard(Quantity::Gear) == 3.0);
            prop_assert!((heard(Quantity::SteeringRad) - angle).abs() < 1e-4 && (heard(Quantity::DriverTorqueNm) - torque).abs() < 0.1);
            prop_assert_eq!(reader.lost(), 0);
        }
    }
}
