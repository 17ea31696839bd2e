//! What went wrong, or well, for the ego: contacts and whose fault, rules, the goal.

use types::{Box3, ObjectClass, Stamp};

/// Something worth a line in a report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub stamp: Stamp,
    /// What.
    pub kind: EventKind,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EventKind {
    /// The ego touched somebody.
    Collision {
        /// Who, as in the truth.
        other: u64,
        /// What it is.
        class: ObjectClass,
        /// Whose fault it is.
        fault: Fault,
        /// Speed of one seen from the other, m/s.
        impact_mps: f64,
    },
    /// A wheel's width of the ego is beyond what may be driven on.
    OffRoad {
        /// Where, m.
        x: f64,
        /// Where, m.
        y: f64,
    },
    /// The front passed a stop line against a red signal.
    RedLight {
        /// The signal.
        signal: u32,
    },
    /// The front passed a stop sign's line without having stood before it.
    NoStop {
        /// Along the route, m.
        s_m: f64,
    },
    /// Faster than allowed by more than a tenth and 1 m/s, for the first time in a row.
    Speeding {
        /// Speed, m/s.
        speed_mps: f64,
        /// What is allowed, m/s.
        limit_mps: f64,
    },
    /// The ego stands at the end of its route, or has passed it.
    Goal,
}

/// Whose fault a collision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The ego's.
    Ego,
    /// The other's.
    Other,
}

/// A body in a collision.
#[derive(Clone, Copy, Debug)]
pub struct Party {
    /// Its outline.
    pub bbox: Box3,
    /// Velocity, m/s.
    pub velocity_mps: [f64; 2],
}

impl Party {
    /// Moves by one step of the look ahead, in which it turns by an angle.
    fn go_on(&mut self, angle: f64) {
        let [x, y] = self.velocity_mps;
        let (half_sin, half_cos) = (0.5 * angle).sin_cos();
        self.bbox.center[0] += (x * half_cos - y * half_sin) * STEP_S;
        self.bbox.center[1] += (x * half_sin + y * half_cos) * STEP_S;
        self.bbox.yaw = types::wrap_angle(self.bbox.yaw + angle);
        let (sin, cos) = angle.sin_cos();
        self.velocity_mps = [x * cos - y * sin, x * sin + y * cos];
    }

    /// Speed along its own heading, m/s.
    fn forward_mps(&self) -> f64 {
        self.velocity_mps[0] * self.bbox.yaw.cos() + self.velocity_mps[1] * self.bbox.yaw.sin()
    }
}

/// The ego stands if it is slower than this, m/s.
const STANDING_MPS: f64 = 0.3;
/// Braking that a careful driver is expected to use, m/s2 ...
const CAREFUL_MPS2: f64 = 6.0;
/// ... after this reaction time, s (UN R157, annex 4: 0.75 s and 0.774 g).
const REACTION_S: f64 = 0.75;

/// Whose fault a contact is:
///
/// 1. Who stands is not at fault: the ego below 0.3 m/s was hit.
/// 2. Who runs into the rear of somebody is at fault: if the other comes from behind the ego's middle, faster than the ego and
///    in its direction, it is the other.
/// 3. Who left no time is at fault: if the other appeared in the ego's way so late that a careful driver (0.75 s reaction, then
///    6 m/s2, after UN R157) could not have stopped or become as slow, it is the other. `warned` is the time since it was on a
///    course into the ego's way, s, and `gap_m` how far it was then.
/// 4. Else it is the ego.
pub fn fault(ego: &Party, other: &Party, warned: Option<(f64, f64, f64)>) -> Fault {
    let speed = ego.velocity_mps[0].hypot(ego.velocity_mps[1]);
    if speed < STANDING_MPS {
        return Fault::Other;
    }
    let (dx, dy) = (other.bbox.center[0] - ego.bbox.center[0], other.bbox.center[1] - ego.bbox.center[1]);
    let (cos, sin) = (ego.bbox.yaw.cos(), ego.bbox.yaw.sin());
    let (ahead, aside) = (cos * dx + sin * dy, cos * dy - sin * dx);
    let along = cos * other.velocity_mps[0] + sin * other.velocity_mps[1];
    if ahead < -0.3 * ego.bbox.length && along > ego.forward_mps() && aside.abs() < ego.bbox.width {
        return Fault::Other;
    }
    if let Some((gap_m, ego_mps, other_mps)) = warned {
        let closing = (ego_mps - other_mps).max(0.0);
        let needed = closing * REACTION_S + closing * closing / (2.0 * CAREFUL_MPS2);
        if gap_m < needed {
            return Fault::Other;
        }
    }
    Fault::Ego
}

/// Step of the look ahead, s.
const STEP_S: f64 = 0.1;
/// Who turns now goes on turning for so long, s.
const TURNING_S: f64 = 1.5;

/// Time until two outlines touch if both keep their speed, s; looks `horizon_s` ahead. `turning_radps` are the yaw rates of the
/// ego and the other: they last for 1.5 s, since a truck that turns into the oncoming lane is not on its way into the ego's.
pub fn time_to_contact(ego: &Party, other: &Party, turning_radps: [f64; 2], horizon_s: f64) -> Option<f64> {
    let (dx, dy) = (other.bbox.center[0] - ego.bbox.center[0], other.bbox.center[1] - ego.bbox.center[1]);
    let reach = 0.5 * (ego.bbox.length.hypot(ego.bbox.width) + other.bbox.length.hypot(other.bbox.width));
    let (mut ego, mut other) = (*ego, *other);
    let speeds = [&ego, &other].map(|party| party.velocity_mps[0].hypot(party.velocity_mps[1]));
    if dx.hypot(dy) - reach > (speeds[0] + speeds[1]) * horizon_s {
        return None;
    }
    for step in 0..=(horizon_s / STEP_S) as usize {
        let later_s = step as f64 * STEP_S;
        if ego.bbox.overlaps_bev(&other.bbox) {
            return Some(later_s);
        }
        let turns = if later_s < TURNING_S { 1.0 } else { 0.0 };
        ego.go_on(turns * turning_radps[0] * STEP_S);
        other.go_on(turns * turning_radps[1] * STEP_S);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(x: f64, y: f64, yaw: f64, speed: f64) -> Party {
        let bbox = Box3 { center: [x, y, 0.7], length: 4.5, width: 1.8, height: 1.5, yaw };
        Party { bbox, velocity_mps: [speed * yaw.cos(), speed * yaw.sin()] }
    }

    #[test]
    fn whose_fault() {
        let ego = party(0.0, 0.0, 0.0, 10.0);
        let cases = [
            // The ego stands and is hit.
            (party(0.0, 0.0, 0.0, 0.1), party(4.4, 0.0, std::f64::consts::PI, 5.0), None, Fault::Other),
            // Hit from behind.
            (ego, party(-4.4, 0.2, 0.0, 14.0), None, Fault::Other),
            // Runs into one who stands or brakes.
            (ego, party(4.4, 0.0, 0.0, 0.0), None, Fault::Ego),
            (ego, party(4.4, 0.0, 0.0, 6.0), None, Fault::Ego),
            // Cut in 3 m ahead at half the speed: nobody could have helped it; 30 m ahead everybody could.
            (ego, party(4.4, 0.3, -0.1, 4.0), Some((3.0, 12.0, 4.0)), Fault::Other),
            (ego, party(4.4, 0.3, -0.1, 4.0), Some((30.0, 12.0, 4.0)), Fault::Ego),
            // The ego changes lanes into one beside it.
            (ego, party(0.5, 1.7, 0.0, 10.0), None, Fault::Ego),
        ];
        for (i, (ego, other, warned, expected)) in cases.into_iter().enumerate() {
            assert_eq!(fault(&ego, &other, warned), expected, "case {i}");
        }
    }

    #[test]
    fn contact_is_foreseen() {
        let (ego, other) = (party(0.0, 0.0, 0.0, 10.0), party(24.5, 0.0, 0.0, 0.0));
        let straight = |other: &Party| time_to_contact(&ego, other, [0.0; 2], 5.0);
        let time = straight(&other).unwrap();
        assert!((time - 2.0).abs() < 0.11, "{time}");
        assert_eq!(straight(&party(24.5, 4.0, 0.0, 0.0)), None);
        assert_eq!(straight(&party(90.0, 0.0, 0.0, 0.0)), None);
        // One who turns right into the oncoming lane, and one who does not turn.
        let turner = party(14.0, 7.0, -2.2, 5.0);
        assert!(straight(&turner).is_some_and(|time| time < 1.5));
        assert_eq!(time_to_contact(&ego, &turner, [0.0, -0.9], 5.0), None);
    }
}
