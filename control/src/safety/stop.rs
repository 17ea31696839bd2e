//! A stop in two grades: comfortable in the lane, then as hard as the car can.

pub use types::Grade;
use types::Vehicle;

/// Without a path to keep or a speed to judge by, the comfortable grade lasts this long, s.
const BLIND_S: f64 = 1.0;
/// The brakes may take this long before their work is judged, s.
const TAKEN_UP_S: f64 = 1.0;
/// The car has to lose at least this share of the speed that a stop of 2 m/s2 would take from it.
const SHARE: f64 = 0.5;
const EXPECTED_MPS2: f64 = 2.0;

/// A stop that is going on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradedStop {
    begin_mps: f64,
    passed_s: f64,
    blind_s: f64,
    grade: Grade,
}

impl GradedStop {
    /// A stop that begins at a speed; without one the highest of the vehicle counts.
    #[must_use]
    pub fn new(speed_mps: Option<f64>, vehicle: &Vehicle) -> Self {
        let begin_mps = known(speed_mps).unwrap_or(vehicle.limits.speed_mps);
        Self { begin_mps, passed_s: 0.0, blind_s: 0.0, grade: Grade::Comfortable }
    }

    /// The grade after `seconds` more. It only rises: a collision is near, the car has had no path or no speed for a
    /// second, or it does not slow down.
    pub fn step(&mut self, seconds: f64, speed_mps: Option<f64>, has_path: bool, collision_is_near: bool) -> Grade {
        let (seconds, speed) = (if seconds.is_finite() { seconds.max(0.0) } else { 0.0 }, known(speed_mps));
        self.passed_s += seconds;
        self.blind_s = if has_path && speed.is_some() { 0.0 } else { self.blind_s + seconds };
        let braked_s = (self.passed_s - TAKEN_UP_S).max(0.0);
        let slowest_ok = (self.begin_mps - SHARE * EXPECTED_MPS2 * braked_s).max(0.5);
        let fails = braked_s > 0.0 && speed.is_some_and(|speed| speed > slowest_ok);
        if collision_is_near || self.blind_s > BLIND_S || fails {
            self.grade = Grade::Emergency;
        }
        self.grade
    }

    /// The grade that was reached.
    #[must_use]
    pub fn grade(&self) -> Grade {
        self.grade
    }
}

fn known(speed_mps: Option<f64>) -> Option<f64> {
    speed_mps.filter(|speed| speed.is_finite()).map(f64::abs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stop(seconds: f64, deceleration: f64, has_path: bool) -> Grade {
        let mut stop = GradedStop::new(Some(20.0), &Vehicle::default());
        for tick in 0..(seconds * 100.0) as usize {
            let speed = (20.0 - deceleration * 0.01 * tick as f64).max(0.0);
            stop.step(0.01, Some(speed), has_path, false);
        }
        stop.grade()
    }

    #[test]
    fn a_stop_that_works_stays_comfortable() {
        assert_eq!(stop(12.0, 2.0, true), Grade::Comfortable);
    }

    #[test]
    fn a_car_that_does_not_slow_down_or_has_no_path_brakes_harder() {
        assert_eq!(stop(1.0, 0.0, true), Grade::Comfortable);
        assert_eq!(stop(1.5, 0.0, true), Grade::Emergency);
        assert_eq!((stop(0.9, 3.0, false), stop(1.2, 3.0, false)), (Grade::Comfortable, Grade::Emergency));
        let mut near = GradedStop::new(None, &Vehicle::default());
        assert_eq!(near.step(0.0, Some(f64::NAN), true, true), Grade::Emergency);
    }

    proptest! {
        #[test]
        fn the_grade_never_falls(
            ticks in prop::collection::vec((prop_oneof![Just(f64::NAN), -1.0..2.0f64], prop::option::of(-50.0..50.0f64), any::<bool>(), prop::bool::weighted(0.02)), 1..200)
        ) {
            let mut stop = GradedStop::new(Some(10.0), &Vehicle::default());
            let mut last = Grade::Comfortable;
            for (seconds, speed, has_path, near) in ticks {
                let grade = stop.step(seconds, speed, has_path, near);
                prop_assert!(grade >= last && (!near || grade == Grade::Emergency));
                last = grade;
            }
        }
    }
}
