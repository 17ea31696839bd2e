//! Where a sweep shows an object.
//!
//! A lidar turns while the world moves. The truth of a simulated world holds for the start of the sweep; the beam turns clockwise from the
//! rear and meets an object at azimuth a after (pi - a) / 2 pi of the turn. Until then the object has moved, and so has the ego. A detector
//! sees one sweep and cannot know: it is right if it finds the object where the sweep shows it.

use std::f64::consts::{PI, TAU};
use types::Box3;

/// A turn of the lidar and the ego's motion meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turn {
    /// Length of a turn, s; zero if the truth is where the sweep shows it.
    pub period_s: f64,
    /// Where the lidar stands in `base_link`, m.
    pub origin: [f64; 2],
    /// The ego's speed, m/s.
    pub speed_mps: f64,
    /// The ego's yaw rate, rad/s.
    pub yaw_rate_radps: f64,
}

impl Turn {
    /// A box of `base_link` at the start of the turn, with its velocity over ground along the axes of `base_link`, as the sweep shows it.
    pub fn shown(&self, bbox: &Box3, velocity_mps: [f64; 2]) -> Box3 {
        let [x, y, z] = bbox.center;
        let azimuth = (y - self.origin[1]).atan2(x - self.origin[0]);
        let wait_s = self.period_s * (PI - azimuth) / TAU;
        let dx = velocity_mps[0] - self.speed_mps + self.yaw_rate_radps * y;
        let dy = velocity_mps[1] - self.yaw_rate_radps * x;
        let center = [x + wait_s * dx, y + wait_s * dy, z];
        Box3 { center, yaw: bbox.yaw - wait_s * self.yaw_rate_radps, ..*bbox }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ahead_is_met_after_half_a_turn_and_what_is_left_after_a_quarter() {
        let turn = Turn { period_s: 0.1, origin: [0.0, 0.0], speed_mps: 10.0, yaw_rate_radps: 0.0 };
        let at = |x: f64, y: f64| Box3 { center: [x, y, 0.8], length: 4.0, width: 2.0, height: 1.6, yaw: 0.2 };
        let shown = |x, y, velocity| turn.shown(&at(x, y), velocity).center;
        assert!((shown(20.0, 0.0, [0.0, 0.0])[0] - 19.5).abs() < 1e-9);
        assert!((shown(20.0, 0.0, [10.0, 0.0])[0] - 20.0).abs() < 1e-9);
        assert!(
            (shown(0.0, 8.0, [0.0, -4.0])[1] - 7.9).abs() < 1e-9 && (shown(0.0, 8.0, [0.0; 2])[0] + 0.25).abs() < 1e-9
        );
        let turning = Turn { yaw_rate_radps: 1.0, speed_mps: 0.0, ..turn };
        let b = turning.shown(&at(20.0, 0.0), [0.0; 2]);
        assert!((b.center[1] + 1.0).abs() < 1e-9 && (b.yaw - 0.15).abs() < 1e-9);
        assert_eq!(Turn::default().shown(&at(3.0, 4.0), [5.0; 2]), at(3.0, 4.0));
    }
}
