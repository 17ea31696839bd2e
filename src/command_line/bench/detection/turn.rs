//! Where a detection is expected, beside where the truth is.
//!
//! A lidar turns while the world moves: the beam turns clockwise from the rear and meets an object at azimuth a after (pi - a) / 2 pi of the turn.
//! A detection tells where the object was then, from the ego as it was at the start of the turn. The truth of a simulated drive holds for the start,
//! so the object must still move on its own; that of scattered frames is where the sweep shows it, so the ego's motion must still be taken off.

use std::f64::consts::{PI, TAU};
use types::{Box3, EgoState};

/// A turn of the simulated lidar, s.
const TURN_S: f64 = 0.1;

/// What is between the truth and a detection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Where the lidar stands in `base_link`, m.
    origin: [f64; 2],
    /// What the truth must still move by: the objects' own motion, and the ego's speed and yaw rate.
    by: Motion,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Motion {
    Own,
    Ego { speed_mps: f64, yaw_rate_radps: f64 },
}

impl Turn {
    /// The truth holds for the start of the turn.
    pub fn met(origin: [f64; 2]) -> Self {
        Self { origin, by: Motion::Own }
    }

    /// The truth is where the sweep shows it; `ego`: what the detections were freed of.
    pub fn freed(origin: [f64; 2], ego: &EgoState) -> Self {
        Self { origin, by: Motion::Ego { speed_mps: ego.speed_mps, yaw_rate_radps: ego.yaw_rate_radps } }
    }

    /// Where a true box of `base_link`, with its velocity over ground along the axes of `base_link`, should be found.
    pub fn expected(&self, bbox: &Box3, velocity_mps: [f64; 2]) -> Box3 {
        let [x, y, z] = bbox.center;
        let azimuth = (y - self.origin[1]).atan2(x - self.origin[0]);
        let wait_s = TURN_S * (PI - azimuth) / TAU;
        let ([dx, dy], turn) = match self.by {
            Motion::Own => (velocity_mps, 0.0),
            Motion::Ego { speed_mps, yaw_rate_radps } => {
                ([speed_mps - yaw_rate_radps * y, yaw_rate_radps * x], yaw_rate_radps)
            }
        };
        Box3 { center: [x + wait_s * dx, y + wait_s * dy, z], yaw: bbox.yaw + wait_s * turn, ..*bbox }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Isometry3;
    use types::{PoseSource, Stamp};

    #[test]
    fn what_is_ahead_is_met_after_half_a_turn_and_what_is_left_after_a_quarter() {
        let at = |x: f64, y: f64| Box3 { center: [x, y, 0.8], length: 4.0, width: 2.0, height: 1.6, yaw: 0.2 };
        let met = |x, y, velocity| Turn::met([0.0, 0.0]).expected(&at(x, y), velocity).center;
        assert!((met(20.0, 0.0, [10.0, 0.0])[0] - 20.5).abs() < 1e-9);
        assert!((met(0.0, 8.0, [0.0, -4.0])[1] - 7.9).abs() < 1e-9);
        assert_eq!(met(3.0, 4.0, [0.0; 2]), at(3.0, 4.0).center);
        let ego = EgoState {
            stamp: Stamp::default(),
            odom_from_base: Isometry3::identity(),
            speed_mps: 10.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 1.0,
            source: PoseSource::Ins,
        };
        let freed = Turn::freed([0.0, 0.0], &ego).expected(&at(20.0, 0.0), [7.0, 7.0]);
        assert!((freed.center[0] - 20.5).abs() < 1e-9 && (freed.center[1] - 1.0).abs() < 1e-9);
        assert!((freed.yaw - 0.25).abs() < 1e-9);
    }
}
