//! Who may command the car, and when it has to stop. Pure state: the caller brings the time, the buttons and the heartbeats.
//!
//! In: what the driver does, what health and heartbeats say, the measured speed. Out: the mode, who has authority, a reason for
//! every change. Never: arming or engaging by itself, an authority beside the driver's.
//!
//! ```text
//! manual --arm--> standby --engage--> engaged --driver acts--> overridden --driver lets go--> standby
//!                                        | health, heartbeat, wish to stop
//!                                        v
//!                               minimum-risk stop --standstill--> stopped       (driver acts in either: manual)
//! ```

pub mod beat;
pub mod health;
pub mod mode;
pub mod stop;
pub mod supervisor;

pub use beat::{Beat, Source};
pub use health::{Health, HealthItem};
pub use mode::{Change, Mode, ModeMachine, Reason, Refusal, Situation};
pub use stop::{Grade, GradedStop};
pub use supervisor::{Cause, Supervisor, Watched};

use crate::gate::Request;
use crate::longitudinal::HOLD_MPS2;
use types::Vehicle;
pub use types::{Authority, Grant};

/// What is asked of the gate, from what control would like. Nothing without authority: no command is sent then.
#[must_use]
pub fn request(authority: Authority, wanted: &Request, vehicle: &Vehicle) -> Option<Request> {
    let limits = &vehicle.limits;
    match authority {
        Authority::None => None,
        Authority::Follow => Some(*wanted),
        Authority::Stop(Grade::Comfortable) => {
            // The plan's own braking if it brakes, else as hard as a minimum-risk stop may.
            let most = -limits.stop_deceleration_mps2;
            let asked = wanted.acceleration_mps2;
            let braking = if wanted.stop && asked.is_finite() { asked.clamp(most, 0.0) } else { most };
            Some(Request { acceleration_mps2: braking, stop: true, emergency: false, ..*wanted })
        }
        Authority::Stop(Grade::Emergency) => Some(Request {
            acceleration_mps2: -limits.emergency_deceleration_mps2,
            stop: false,
            emergency: true,
            ..*wanted
        }),
        Authority::Hold => Some(Request { acceleration_mps2: HOLD_MPS2, stop: true, emergency: false, ..*wanted }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Gate;
    use proptest::prelude::*;
    use types::Stamp;

    fn authority() -> impl Strategy<Value = Authority> {
        prop_oneof![
            Just(Authority::None),
            Just(Authority::Follow),
            Just(Authority::Stop(Grade::Comfortable)),
            Just(Authority::Stop(Grade::Emergency)),
            Just(Authority::Hold),
        ]
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![8 => -9.0..9.0f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(-1e300)]
    }

    proptest! {
        /// Behind the gate: without authority nothing, in a stop never an acceleration, and never harder than its grade.
        #[test]
        fn a_stop_only_brakes_and_within_its_grade(
            ticks in prop::collection::vec((authority(), number(), number(), any::<bool>(), any::<bool>(), 0.0..40.0f64), 1..80)
        ) {
            let vehicle = Vehicle::default();
            let mut gate = Gate::new(vehicle);
            let (mut last, mut stamp) = (0.0, Stamp::from_nanos(0));
            for (authority, steering_rad, acceleration_mps2, stop, emergency, speed) in ticks {
                stamp = stamp.offset(0.01);
                let wanted = Request { steering_rad, acceleration_mps2, stop, emergency };
                let Some(asked) = request(authority, &wanted, &vehicle) else {
                    prop_assert_eq!(authority, Authority::None);
                    continue;
                };
                let passed = gate.pass(&asked, Some(speed), stamp);
                let most = match authority {
                    Authority::Stop(Grade::Comfortable) | Authority::Hold => 4.0,
                    _ => 7.0,
                };
                prop_assert!(passed.acceleration_mps2 >= -most - 1e-9 || passed.acceleration_mps2 >= last - 1e-9);
                if !matches!(authority, Authority::Follow) {
                    prop_assert!(passed.acceleration_mps2 <= 1e-9 || passed.acceleration_mps2 <= last + 1e-9);
                }
                prop_assert!(passed.steering_rad.is_finite() && passed.acceleration_mps2.is_finite());
                last = passed.acceleration_mps2;
            }
        }
    }
}
