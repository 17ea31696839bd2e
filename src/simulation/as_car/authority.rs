//! Who moves the car: the computer while its commands are good, else a person.

use super::driver::Hands;

/// Who sits still while nobody commands: so long after the computer fell silent the driver notices, s.
const NOTICES_S: f64 = 1.5;
/// What the car does when commands stop: it rolls, s braked a little, m/s2.
const ROLLING_MPS2: f64 = -0.5;
/// How the driver holds a car that stands, m/s2.
const HOLD_MPS2: f64 = -3.0;
/// What a pedal that is fully pressed gives, m/s2.
const BRAKE_MPS2: f64 = 8.0;
const ACCELERATOR_MPS2: f64 = 3.0;
/// Angle of the front wheels for a torque on the steering wheel, rad/Nm.
const STEERS_RAD_PER_NM: f64 = 0.01;

/// Who moves the car.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Who {
    /// The driver, who waits with the foot on the brake for the computer to be ready.
    Waiting,
    /// The computer.
    Computer,
    /// Nobody: the commands stopped without a word. The car rolls.
    Nobody {
        /// Since when, s after the start.
        since_s: f64,
    },
    /// The driver.
    Driver,
}

/// What the car is asked for; `None`: what the driver thinks right.
pub type Asked = Option<(f64, f64)>;

/// Decides who moves the car.
#[derive(Clone, Copy, Debug)]
pub struct Authority {
    who: Who,
    steering_rad: f64,
}

impl Default for Authority {
    fn default() -> Self {
        Self { who: Who::Waiting, steering_rad: 0.0 }
    }
}

impl Authority {
    /// Who moves the car.
    #[must_use]
    pub fn who(&self) -> Who {
        self.who
    }

    /// Steering angle, rad, and acceleration, m/s2, that the car is asked for. `command`: a valid one of the computer; `is_enabled`: it told
    /// last that it commands.
    pub fn step(&mut self, now_s: f64, command: Option<(f64, f64)>, is_enabled: bool, hands: &Hands) -> Asked {
        self.who = match (self.who, command) {
            (_, Some(_)) => Who::Computer,
            (Who::Waiting, None) if hands.accelerator == 0.0 => Who::Waiting,
            (Who::Computer, None) if is_enabled => Who::Nobody { since_s: now_s },
            (Who::Nobody { since_s }, None) if now_s - since_s < NOTICES_S => Who::Nobody { since_s },
            _ => Who::Driver,
        };
        let (steering_rad, acceleration_mps2) = match (self.who, command) {
            (Who::Computer, Some(command)) => {
                self.steering_rad = command.0;
                command
            }
            (Who::Nobody { .. }, _) => (self.steering_rad, ROLLING_MPS2),
            (Who::Waiting, _) => (0.0, HOLD_MPS2),
            _ if hands.brake > 0.0 => (self.steering_rad, 0.0),
            _ => return None,
        };
        let steering_rad = steering_rad + STEERS_RAD_PER_NM * hands.torque_nm;
        let pressed = if hands.brake > 0.0 {
            acceleration_mps2.min(-BRAKE_MPS2 * hands.brake)
        } else if hands.accelerator > 0.0 {
            acceleration_mps2.max(ACCELERATOR_MPS2 * hands.accelerator)
        } else {
            acceleration_mps2
        };
        Some((steering_rad, pressed))
    }

    /// How far accelerator and brake are pressed, 0..1, in a car that accelerates so, m/s2.
    #[must_use]
    pub fn pedals(&self, acceleration_mps2: f64, hands: &Hands) -> (f64, f64) {
        let (accelerator, brake) = match self.who {
            _ if hands.lets_go => (0.0, 0.0),
            Who::Waiting => (0.0, 0.3),
            Who::Driver => (acceleration_mps2 / ACCELERATOR_MPS2, -acceleration_mps2 / BRAKE_MPS2),
            Who::Computer | Who::Nobody { .. } => (0.0, 0.0),
        };
        (accelerator.clamp(0.0, 1.0).max(hands.accelerator), brake.clamp(0.0, 1.0).max(hands.brake))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_parking_brake_to_the_computer_and_back() {
        let (mut authority, rest) = (Authority::default(), Hands::default());
        assert_eq!(authority.step(0.0, None, false, &rest), Some((0.0, HOLD_MPS2)));
        assert_eq!(authority.pedals(0.0, &rest), (0.0, 0.3));
        assert_eq!(authority.pedals(0.0, &Hands { lets_go: true, ..rest }), (0.0, 0.0));
        assert_eq!(authority.step(1.0, Some((0.1, 1.0)), true, &rest), Some((0.1, 1.0)));
        let brakes = Hands { brake: 0.5, torque_nm: 2.0, ..rest };
        let (steering, acceleration) = authority.step(1.1, Some((0.1, 1.0)), true, &brakes).unwrap();
        assert!((steering - 0.12).abs() < 1e-12 && acceleration == -4.0);
        // The computer hands over: the driver drives at once, and goes on braking.
        assert_eq!(authority.step(1.2, None, false, &brakes), Some((0.1 + 0.02, -4.0)));
        assert_eq!((authority.step(1.3, None, false, &rest), authority.who()), (None, Who::Driver));
    }

    #[test]
    fn a_computer_that_falls_silent_lets_the_car_roll() {
        let (mut authority, rest) = (Authority::default(), Hands::default());
        authority.step(1.0, Some((0.1, 1.0)), true, &rest);
        assert_eq!(authority.step(1.1, None, true, &rest), Some((0.1, ROLLING_MPS2)));
        assert_eq!(authority.step(2.5, None, true, &rest), Some((0.1, ROLLING_MPS2)));
        assert_eq!((authority.step(2.7, None, true, &rest), authority.who()), (None, Who::Driver));
        assert_eq!(
            (authority.step(2.8, Some((0.0, 0.0)), true, &rest), authority.who()),
            (Some((0.0, 0.0)), Who::Computer)
        );
    }
}
