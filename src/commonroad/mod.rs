//! CommonRoad scenarios in closed loop: the planner alone, an ego that follows its plan exactly, traffic that does as recorded.
//!
//! In: a scenario. Out: the ego's states and what became of the task. Never: a sensor, a controller, a choice that depends on a scenario's
//! name.

pub mod choices;
pub mod drive;
pub mod roads;
pub mod traffic;

pub use drive::{Cycle, Drive, Options, Prediction, drive};

use types::{Limits, Vehicle};

/// CommonRoad's vehicle 2, a BMW 320i: the size of its body, its axles, and limits well inside those of its tyres and engine.
#[must_use]
pub fn vehicle() -> Vehicle {
    let (length_m, rear_axle_to_middle_m, wheelbase_m) = (4.508, 1.4227, 2.5789);
    Vehicle {
        length_m,
        width_m: 1.610,
        height_m: 1.42,
        wheelbase_m,
        rear_overhang_m: 0.5 * length_m - rear_axle_to_middle_m,
        max_steering_rad: 1.0,
        max_steering_rate_radps: 0.4,
        actuator_delay_s: 0.0,
        limits: Limits {
            acceleration_mps2: 3.0,
            deceleration_mps2: 5.0,
            stop_deceleration_mps2: 6.0,
            emergency_deceleration_mps2: 9.0,
            jerk_mps3: 12.0,
            lateral_acceleration_mps2: 4.5,
            lateral_jerk_mps3: 12.0,
            ..Limits::default()
        },
    }
}
