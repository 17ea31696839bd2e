//! The street: a straight, an arc, a straight, in closed form, so that a point finds its place without a search.

use types::Pose2;

/// Width of a lane, m.
pub const LANE_WIDTH: f64 = 3.5;
/// Lateral position of the oncoming lane's centre, m.
pub const ONCOMING_LANE: f64 = LANE_WIDTH;
/// Lateral position of the kerb on the right, beyond the parking strip, m.
pub const RIGHT_KERB: f64 = -4.15;
/// Lateral position of the kerb on the left, m.
pub const LEFT_KERB: f64 = 5.25;
/// Width of each sidewalk, m.
pub const SIDEWALK_WIDTH: f64 = 2.8;
/// Height of the kerb and all beyond it, m.
pub const KERB_HEIGHT: f64 = 0.12;
/// Where the zebra crossing begins, m along the street.
pub const CROSSING_START: f64 = 56.0;
/// Where the zebra crossing ends, m along the street.
pub const CROSSING_END: f64 = 59.0;
/// Where cars of the ego's direction stop, m along the street.
pub const STOP_LINE: f64 = 54.0;
/// Where oncoming cars stop, m along the street.
pub const ONCOMING_STOP_LINE: f64 = 61.0;

const ARC_START: f64 = 38.0;
const ARC_RADIUS: f64 = 190.0;
const ARC_LENGTH: f64 = 70.0;

/// The street's shape. `s` runs along the centre of the ego's lane, `d` to the left of it; (0, 0) is the origin of `odom`.
pub struct Street;

impl Street {
    /// Signed curvature at `s`, 1/m, positive to the left.
    pub fn curvature(s: f64) -> f64 {
        if (ARC_START..ARC_START + ARC_LENGTH).contains(&s) { 1.0 / ARC_RADIUS } else { 0.0 }
    }

    /// The pose at (s, d), heading along the street.
    pub fn pose(s: f64, d: f64) -> Pose2 {
        let base = if s < ARC_START {
            Pose2 { x: s, y: 0.0, yaw: 0.0 }
        } else {
            let turn = (s - ARC_START).min(ARC_LENGTH) / ARC_RADIUS;
            let rest = (s - ARC_START - ARC_LENGTH).max(0.0);
            let (sin, cos) = turn.sin_cos();
            Pose2 { x: ARC_START + ARC_RADIUS * sin + rest * cos, y: ARC_RADIUS * (1.0 - cos) + rest * sin, yaw: turn }
        };
        let [x, y] = base.transform(0.0, d);
        Pose2 { x, y, yaw: base.yaw }
    }

    /// The place (s, d) of a point.
    pub fn locate(x: f64, y: f64) -> (f64, f64) {
        if x < ARC_START {
            return (x, y);
        }
        let (along, inward) = (x - ARC_START, ARC_RADIUS - y);
        let turn = along.atan2(inward);
        if turn * ARC_RADIUS <= ARC_LENGTH {
            return (ARC_START + turn * ARC_RADIUS, ARC_RADIUS - along.hypot(inward));
        }
        let end = Self::pose(ARC_START + ARC_LENGTH, 0.0);
        let [s, d] = end.inverse_transform(x, y);
        (ARC_START + ARC_LENGTH + s, d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn locate_undoes_pose(s in -100.0..400.0f64, d in -30.0..30.0f64) {
            let pose = Street::pose(s, d);
            let (found_s, found_d) = Street::locate(pose.x, pose.y);
            prop_assert!((found_s - s).abs() < 1e-9 && (found_d - d).abs() < 1e-9, "{found_s} {found_d}");
        }

        #[test]
        fn heading_is_the_direction_of_travel(s in -50.0..200.0f64) {
            let (a, b) = (Street::pose(s, 0.0), Street::pose(s + 1e-4, 0.0));
            let heading = (b.y - a.y).atan2(b.x - a.x);
            prop_assert!((heading - a.yaw).abs() < 1e-5);
        }
    }
}
