//! The last thing before the actuators: it knows the limits and the last command, nothing else.
//!
//! Steering is limited as curvature, since lateral acceleration and jerk are linear in it: `a = v^2 * tan(angle) /
//! wheelbase`. Rates are kept always; a value outside its range (the speed has risen, a stop has ended) returns at
//! the allowed rate. The speed is the measured one.

use types::{CommandLimit, Stamp, Vehicle};

/// Fastest turn of the front wheels, rad/s.
pub const STEERING_RATE_RADPS: f64 = 0.6;
/// The brakes are taken up this fast against a collision, m/s3.
const EMERGENCY_JERK_MPS3: f64 = 30.0;
/// Lower speeds count as this in the lateral limits, m/s.
pub const SLOWEST_MPS: f64 = 1.0;
/// Ticks count as at most this long, s.
const LONGEST_TICK_S: f64 = 0.1;
/// The first tick counts as this long, s.
const FIRST_TICK_S: f64 = 0.01;

/// What the controller asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// Angle of the front wheels, rad.
    pub steering_rad: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// A minimum-risk stop: brakes harder, never accelerates.
    pub stop: bool,
    /// Against a collision: brakes as hard as the vehicle can.
    pub emergency: bool,
}

/// What the actuators get.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passed {
    /// Angle of the front wheels, rad.
    pub steering_rad: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Applied limits: a set of [`CommandLimit`] bits.
    pub limits: u32,
}

/// The gate and its last command.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    vehicle: Vehicle,
    stamp: Option<Stamp>,
    steering_rad: f64,
    acceleration_mps2: f64,
    speed_mps: f64,
}

impl Gate {
    /// A gate that has let nothing pass: wheels straight, no acceleration, and the highest speed assumed.
    #[must_use]
    pub fn new(vehicle: Vehicle) -> Self {
        let speed_mps = vehicle.limits.speed_mps;
        Self { vehicle, stamp: None, steering_rad: 0.0, acceleration_mps2: 0.0, speed_mps }
    }

    /// A gate that goes on from a command that another gate let pass. Numbers that are not finite count as none.
    #[must_use]
    pub fn after(vehicle: Vehicle, steering_rad: f64, acceleration_mps2: f64, speed_mps: f64) -> Self {
        let finite = |value: f64, other: f64| if value.is_finite() { value } else { other };
        let (angle, limits) = (vehicle.max_steering_rad, &vehicle.limits);
        let hardest = limits.emergency_deceleration_mps2.max(limits.deceleration_mps2);
        Self {
            steering_rad: finite(steering_rad, 0.0).clamp(-angle, angle),
            acceleration_mps2: finite(acceleration_mps2, 0.0).clamp(-hardest, limits.acceleration_mps2),
            speed_mps: finite(speed_mps, limits.speed_mps).abs().min(150.0),
            ..Self::new(vehicle)
        }
    }

    /// The last steering angle, rad.
    #[must_use]
    pub fn steering_rad(&self) -> f64 {
        self.steering_rad
    }

    /// The last acceleration, m/s2.
    #[must_use]
    pub fn acceleration_mps2(&self) -> f64 {
        self.acceleration_mps2
    }

    /// How long the tick at `stamp` counts, s.
    #[must_use]
    pub fn seconds_until(&self, stamp: Stamp) -> f64 {
        self.stamp.map_or(FIRST_TICK_S, |last| stamp.seconds_since(last).clamp(0.0, LONGEST_TICK_S))
    }

    /// Limits a request. `speed_mps` is the measured speed; without one the last counts.
    pub fn pass(&mut self, request: &Request, speed_mps: Option<f64>, stamp: Stamp) -> Passed {
        let mut applied = Applied(0);
        let seconds = self.seconds_until(stamp);
        if let Some(speed) = speed_mps.filter(|v| v.is_finite()) {
            self.speed_mps = speed.abs().min(150.0);
        }
        self.steering_rad = self.limit_steering(request.steering_rad, seconds, &mut applied);
        self.acceleration_mps2 = self.limit_acceleration(request, seconds, &mut applied);
        self.stamp = Some(self.stamp.map_or(stamp, |last| last.max(stamp)));
        Passed { steering_rad: self.steering_rad, acceleration_mps2: self.acceleration_mps2, limits: applied.0 }
    }

    fn limit_steering(&self, wanted_rad: f64, seconds: f64, applied: &mut Applied) -> f64 {
        let (vehicle, limits) = (&self.vehicle, &self.vehicle.limits);
        let mut wanted = wanted_rad;
        if !wanted.is_finite() {
            wanted = self.steering_rad;
            applied.add(CommandLimit::NotFinite);
        }
        let mechanical = vehicle.max_steering_rad;
        wanted = applied.clamp(wanted, -mechanical, mechanical, CommandLimit::SteeringAngle);
        let per_acceleration = vehicle.wheelbase_m / self.speed_mps.max(SLOWEST_MPS).powi(2);
        let tight = (limits.lateral_acceleration_mps2 * per_acceleration).atan();
        wanted = applied.clamp(wanted, -tight, tight, CommandLimit::LateralAcceleration);
        // The rates come last: they hold even when the range has shrunk below the last angle.
        let last = self.steering_rad;
        let step = limits.lateral_jerk_mps3 * per_acceleration * seconds;
        let (low, high) = ((last.tan() - step).atan(), (last.tan() + step).atan());
        let turn = STEERING_RATE_RADPS * seconds;
        applied.clamp(wanted, low.max(last - turn), high.min(last + turn), CommandLimit::LateralJerk)
    }

    fn limit_acceleration(&self, request: &Request, seconds: f64, applied: &mut Applied) -> f64 {
        let limits = &self.vehicle.limits;
        let (mut wanted, mut stop) = (request.acceleration_mps2, request.stop);
        if !wanted.is_finite() {
            (wanted, stop) = (-limits.deceleration_mps2, true);
            applied.add(CommandLimit::NotFinite);
        }
        let (low, high) = if request.emergency && !stop {
            (-limits.emergency_deceleration_mps2.max(limits.deceleration_mps2), limits.acceleration_mps2)
        } else if stop {
            (-limits.stop_deceleration_mps2, 0.0)
        } else {
            (-limits.deceleration_mps2, limits.acceleration_mps2)
        };
        wanted = applied.clamp(wanted, low, high, CommandLimit::Acceleration);
        let step = limits.jerk_mps3 * seconds;
        let down = if request.emergency { EMERGENCY_JERK_MPS3.max(limits.jerk_mps3) * seconds } else { step };
        applied.clamp(wanted, self.acceleration_mps2 - down, self.acceleration_mps2 + step, CommandLimit::Jerk)
    }
}

/// The limits that were applied.
struct Applied(u32);

impl Applied {
    fn add(&mut self, limit: CommandLimit) {
        self.0 |= limit as u32;
    }

    fn clamp(&mut self, value: f64, low: f64, high: f64, limit: CommandLimit) -> f64 {
        let clamped = value.max(low).min(high);
        if clamped != value {
            self.add(limit);
        }
        clamped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn anything() -> impl Strategy<Value = f64> {
        prop_oneof![
            -100.0..100.0f64,
            -1.0..1.0f64,
            Just(f64::NAN),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MAX),
            Just(1e-310)
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_asked_stays_within_limits(
            asked in prop::collection::vec((anything(), anything(), any::<(bool, bool)>(), prop::option::of(anything()), -20_000_000i64..200_000_000), 1..80)
        ) {
            let vehicle = Vehicle::default();
            let limits = vehicle.limits;
            let mut gate = Gate::new(vehicle);
            let (mut stamp, mut last, mut speed) = (Stamp::from_nanos(0), None::<Passed>, limits.speed_mps);
            for (steering_rad, acceleration_mps2, (stop, emergency), measured, nanos) in asked {
                stamp = Stamp::from_nanos(stamp.nanos() + nanos);
                let seconds = gate.seconds_until(stamp);
                speed = measured.filter(|v| v.is_finite()).map_or(speed, |v| v.abs().min(150.0));
                let passed = gate.pass(&Request { steering_rad, acceleration_mps2, stop, emergency }, measured, stamp);
                prop_assert!(passed.steering_rad.is_finite() && passed.acceleration_mps2.is_finite());
                prop_assert!(passed.steering_rad.abs() <= vehicle.max_steering_rad + 1e-9);
                prop_assert!((-7.0 - 1e-9..=2.0 + 1e-9).contains(&passed.acceleration_mps2));
                let before = last.map_or((0.0, 0.0), |p| (p.steering_rad, p.acceleration_mps2));
                prop_assert!((passed.steering_rad - before.0).abs() <= STEERING_RATE_RADPS * seconds + 1e-9);
                let down = if emergency { EMERGENCY_JERK_MPS3 } else { limits.jerk_mps3 };
                prop_assert!(passed.acceleration_mps2 - before.1 <= limits.jerk_mps3 * seconds + 1e-9);
                prop_assert!(before.1 - passed.acceleration_mps2 <= down * seconds + 1e-9);
                let gain = speed.max(SLOWEST_MPS).powi(2) / vehicle.wheelbase_m;
                let (now, then) = (gain * passed.steering_rad.tan(), gain * before.0.tan());
                prop_assert!((now - then).abs() <= limits.lateral_jerk_mps3 * seconds + 1e-6 * gain);
                // Within the range, or on the way back into it.
                prop_assert!(now.abs() <= limits.lateral_acceleration_mps2 + 1e-6 || now.abs() <= then.abs() + 1e-6);
                let lowest = if stop || !acceleration_mps2.is_finite() { -4.0 } else if emergency { -7.0 } else { -3.5 };
                prop_assert!(passed.acceleration_mps2 >= lowest - 1e-9 || passed.acceleration_mps2 >= before.1 - 1e-9);
                prop_assert!(!stop || passed.acceleration_mps2 <= 1e-9 || passed.acceleration_mps2 <= before.1 + 1e-9);
                prop_assert_eq!(passed.limits & CommandLimit::NotFinite as u32 != 0,
                    !steering_rad.is_finite() || !acceleration_mps2.is_finite());
                last = Some(passed);
            }
        }
    }

    #[test]
    fn limits_are_named() {
        let mut gate = Gate::new(Vehicle::default());
        let request = Request { steering_rad: 1.0, acceleration_mps2: 9.0, stop: false, emergency: false };
        let passed = gate.pass(&request, Some(10.0), Stamp::from_nanos(0));
        let all = [
            CommandLimit::SteeringAngle,
            CommandLimit::LateralAcceleration,
            CommandLimit::LateralJerk,
            CommandLimit::Acceleration,
            CommandLimit::Jerk,
        ];
        assert_eq!(passed.limits, all.iter().map(|l| *l as u32).sum::<u32>());
        let still = gate.pass(
            &Request { steering_rad: 0.0, acceleration_mps2: 0.1, stop: false, emergency: false },
            Some(10.0),
            Stamp::from_nanos(1_000_000_000),
        );
        assert_eq!(still.limits, 0);
    }
}
