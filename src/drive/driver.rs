//! What the driver does, as the bus tells it. Pure.

use super::car::{Budgets, Driver};
use control::safety::mode::{Act, Buttons};
use types::ReceiveTime;
use vehicle::can::bindings::{Bindings, Quantity};
use vehicle::can::reader::CarState;

/// Pressed buttons have values above this.
const PRESSED: f64 = 0.5;

/// Reads the car's state with the eyes of who is responsible.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    limits: Driver,
    max_age_s: f64,
    has_ready: bool,
    has_rear_wheels: bool,
}

impl Observer {
    /// For these bindings.
    ///
    /// # Errors
    /// What must be bound and is not: without the driver's hands and feet and the speed nobody may be driven.
    pub fn new(limits: Driver, budgets: &Budgets, bindings: &Bindings) -> anyhow::Result<Self> {
        let has = |quantity| bindings.read.contains_key(&quantity);
        let has_rear_wheels = has(Quantity::WheelRearLeftMps) && has(Quantity::WheelRearRightMps);
        let needed = [
            ("driver_torque_nm", has(Quantity::DriverTorqueNm)),
            ("brake", has(Quantity::Brake)),
            ("accelerator", has(Quantity::Accelerator)),
            ("speed_mps (or both rear wheels)", has(Quantity::SpeedMps) || has_rear_wheels),
        ];
        for (what, is_there) in needed {
            anyhow::ensure!(is_there, "car.can.bindings.read: {what} is missing");
        }
        Ok(Self { limits, max_age_s: budgets.can_s, has_ready: has(Quantity::ActuatorsReady), has_rear_wheels })
    }

    /// A quantity that is not too old. A clock that was set makes all old.
    fn fresh(&self, car: &CarState, quantity: Quantity, now: ReceiveTime) -> Option<f64> {
        let (value, came) = car.get(quantity)?;
        let age_s = now.nanos().saturating_sub(came.nanos()) as f64 * 1e-9;
        (value.is_finite() && (-0.01..=self.max_age_s).contains(&age_s)).then_some(value)
    }

    /// Speed as measured, m/s.
    #[must_use]
    pub fn speed_mps(&self, car: &CarState, now: ReceiveTime) -> Option<f64> {
        let wheels = || {
            let left = self.fresh(car, Quantity::WheelRearLeftMps, now)?;
            let right = self.fresh(car, Quantity::WheelRearRightMps, now)?;
            Some(0.5 * (left + right))
        };
        self.fresh(car, Quantity::SpeedMps, now).or_else(|| if self.has_rear_wheels { wheels() } else { None })
    }

    /// Angle of the front wheels as measured, rad.
    #[must_use]
    pub fn steering_rad(&self, car: &CarState, now: ReceiveTime) -> Option<f64> {
        self.fresh(car, Quantity::SteeringRad, now)
    }

    /// What the driver does with wheel and pedals.
    #[must_use]
    pub fn act(&self, car: &CarState, now: ReceiveTime) -> Option<Act> {
        let beyond = |quantity, limit: f64| self.fresh(car, quantity, now).is_some_and(|value| value.abs() > limit);
        let acts = [
            (beyond(Quantity::Brake, self.limits.brake), Act::Brakes),
            (beyond(Quantity::DriverTorqueNm, self.limits.torque_nm), Act::Steers),
            (beyond(Quantity::Accelerator, self.limits.accelerator), Act::Accelerates),
        ];
        acts.into_iter().find_map(|(does, act)| does.then_some(act))
    }

    /// Buttons that are down.
    #[must_use]
    pub fn buttons(&self, car: &CarState, now: ReceiveTime) -> Buttons {
        let down = |quantity| self.fresh(car, quantity, now).is_some_and(|value| value > PRESSED);
        Buttons {
            arm: down(Quantity::Arm),
            disarm: down(Quantity::Disarm),
            engage: down(Quantity::Engage),
            stop: down(Quantity::Stop),
        }
    }

    /// Whether all that must be known of the car is, and its actuators obey.
    #[must_use]
    pub fn is_well(&self, car: &CarState, now: ReceiveTime) -> bool {
        let known = |quantity| self.fresh(car, quantity, now).is_some();
        let obeys = !self.has_ready || self.fresh(car, Quantity::ActuatorsReady, now).is_some_and(|v| v > PRESSED);
        obeys
            && self.speed_mps(car, now).is_some()
            && [Quantity::DriverTorqueNm, Quantity::Brake, Quantity::Accelerator].into_iter().all(known)
    }
}
