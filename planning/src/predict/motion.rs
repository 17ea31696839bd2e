//! How one object is expected to move: it stands, keeps or changes its lane, turns, or goes straight on.

use maps::ReferenceLine;
use types::wrap_angle;

/// A turn is believed for this long; then the object goes straight on, s.
const TURN_S: f64 = 2.0;
/// Braking is believed for this long, s; who would be slower than this afterwards stops, m/s.
const BRAKES_S: f64 = 2.5;
const SLOW_MPS: f64 = 3.0;
/// Sideways motion slower than this is believed for [`SHORT_S`], faster than [`RESOLVED_MPS`] until the lane is changed.
const RESOLVED_MPS: f64 = 0.8;
const SHORT_S: f64 = 1.2;
const LONG_S: f64 = 4.5;
/// Who leaves our lane is in its own one this far beside the line, m.
const NEXT_LANE_M: f64 = 3.5;

/// A model of motion, evaluated in seconds after the tracks' stamp.
#[derive(Clone, Copy, Debug)]
pub(super) enum Motion {
    /// It stays: centre, heading.
    Stands([f64; 2], f64),
    /// Along the line.
    Lane(LaneMotion),
    /// Constant turn rate, then straight: centre, velocity, heading, turn rate, and when it has come to rest.
    Turns([f64; 2], [f64; 2], f64, f64, f64),
}

/// Motion along the line with an offset that may change.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneMotion {
    /// Arc length now, m, and its speed, m/s.
    pub s_m: f64,
    pub s_dot_mps: f64,
    /// Its deceleration, m/s2, not negative.
    pub deceleration_mps2: f64,
    /// Offset now, m, and its speed, m/s.
    pub d_m: f64,
    pub d_dot_mps: f64,
    /// Heading beside the line's, rad.
    pub heading_off_rad: f64,
}

impl LaneMotion {
    /// Travelled length after `t`, signed, m.
    pub fn travelled(&self, t: f64) -> f64 {
        braked(self.s_dot_mps.abs(), self.deceleration_mps2, t)[0].copysign(self.s_dot_mps)
    }

    /// Offset after `t`, m.
    pub fn offset(&self, t: f64) -> f64 {
        let rate = self.d_dot_mps;
        if rate == 0.0 {
            return self.d_m;
        }
        let resolved = ((rate.abs() - 0.25) / (RESOLVED_MPS - 0.25)).clamp(0.0, 1.0);
        let until = SHORT_S + resolved * (LONG_S - SHORT_S);
        let moved = self.d_m + rate * t.min(until);
        // Towards the line it ends there, away from it in the next lane.
        if self.d_m * rate < 0.0 {
            if moved * self.d_m < 0.0 { 0.0 } else { moved }
        } else {
            let farthest = NEXT_LANE_M.max(self.d_m.abs());
            moved.clamp(-farthest, farthest)
        }
    }
}

impl Motion {
    /// Position and heading after `t`.
    pub fn at(&self, line: &ReferenceLine, t: f64) -> [f64; 3] {
        match self {
            Self::Stands([x, y], heading) => [*x, *y, *heading],
            Self::Lane(lane) => {
                let there = line.at(lane.s_m + lane.travelled(t));
                let (sin, cos) = there.heading_rad.sin_cos();
                let d = lane.offset(t);
                [there.x - sin * d, there.y + cos * d, wrap_angle(there.heading_rad + lane.heading_off_rad)]
            }
            Self::Turns(center, velocity, yaw, rate, until) => turning(*center, *velocity, *yaw, *rate, t.min(*until)),
        }
    }
}

/// Travelled length and speed after `t` of who brakes: for [`BRAKES_S`], then it goes on at the speed that is left; to the end if
/// little is left.
#[must_use]
pub fn braked(speed_mps: f64, deceleration_mps2: f64, t: f64) -> [f64; 2] {
    if deceleration_mps2 <= 1e-3 {
        return [speed_mps * t, speed_mps];
    }
    let to_rest_s = speed_mps / deceleration_mps2;
    let left_mps = speed_mps - BRAKES_S * deceleration_mps2;
    let brakes_s = if left_mps > SLOW_MPS { BRAKES_S } else { to_rest_s };
    let braking_s = t.min(brakes_s);
    let speed = (speed_mps - deceleration_mps2 * braking_s).max(0.0);
    [0.5 * (speed_mps + speed) * braking_s + speed * (t - braking_s), speed]
}

/// Constant turn rate and speed for [`TURN_S`], then straight on; a turn rate of zero is constant velocity.
pub(super) fn turning(center: [f64; 2], velocity: [f64; 2], yaw: f64, yaw_rate: f64, t: f64) -> [f64; 3] {
    let arc_s = t.min(TURN_S);
    let turn = yaw_rate * arc_s;
    let half = 0.5 * turn;
    let sinc = if half.abs() < 1e-9 { 1.0 } else { half.sin() / half };
    let turned = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        [velocity[0] * cos - velocity[1] * sin, velocity[0] * sin + velocity[1] * cos]
    };
    let (chord, end) = (turned(half), turned(turn));
    let (along, rest) = (arc_s * sinc, t - arc_s);
    [center[0] + along * chord[0] + rest * end[0], center[1] + along * chord[1] + rest * end[1], wrap_angle(yaw + turn)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_an_arc_then_straight() {
        let [x, y, heading] = turning([0.0, 0.0], [10.0, 0.0], 0.0, 0.5, 2.0);
        assert!((x - 20.0 * 1.0f64.sin()).abs() < 1e-9 && (y - 20.0 * (1.0 - 1.0f64.cos())).abs() < 1e-9);
        assert!((heading - 1.0).abs() < 1e-9);
        let [later_x, later_y, later_heading] = turning([0.0, 0.0], [10.0, 0.0], 0.0, 0.5, 3.0);
        assert!((later_heading - 1.0).abs() < 1e-9);
        assert!(((later_x - x).hypot(later_y - y) - 10.0).abs() < 1e-9);
        let [straight, _, _] = turning([1.0, 0.0], [10.0, 0.0], 0.0, 0.0, 3.0);
        assert!((straight - 31.0).abs() < 1e-9);
    }

    #[test]
    fn a_lane_change_ends_in_a_lane_and_braking_at_rest() {
        let lane = |d_m, d_dot_mps, deceleration_mps2| LaneMotion {
            s_m: 0.0,
            s_dot_mps: 10.0,
            deceleration_mps2,
            d_m,
            d_dot_mps,
            heading_off_rad: 0.0,
        };
        assert_eq!(lane(3.5, -1.0, 0.0).offset(10.0), 0.0);
        assert_eq!(lane(0.5, 1.0, 0.0).offset(10.0), 3.5);
        assert!((lane(3.5, -0.25, 0.0).offset(10.0) - 3.2).abs() < 1e-9);
        assert!((lane(0.0, 0.0, 4.0).travelled(9.0) - 12.5).abs() < 1e-9);
        assert!((lane(0.0, 0.0, 0.0).travelled(2.0) - 20.0).abs() < 1e-9);
        // 10 m/s, 2 m/s2 for 2.5 s, then 5 m/s.
        assert!((lane(0.0, 0.0, 2.0).travelled(4.5) - (18.75 + 10.0)).abs() < 1e-9);
    }
}
