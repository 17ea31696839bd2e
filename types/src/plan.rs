//! What planning says: one trajectory, why it was chosen, and what else was looked at.

use crate::Stamp;

/// The vehicle at one instant of a trajectory: rear axle, `odom`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrajectoryPoint {
    /// Seconds after the plan's stamp.
    pub time_s: f64,
    /// Position, m.
    pub x: f64,
    /// Position, m.
    pub y: f64,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Curvature of the path, 1/m, positive to the left.
    pub curvature_1pm: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// Acceleration along the path, m/s2.
    pub acceleration_mps2: f64,
}

/// A trajectory in rising time that ends at standstill.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trajectory {
    /// The points; the first is at the plan's stamp.
    pub points: Vec<TrajectoryPoint>,
    /// Index of the first point of the braking tail: from here the vehicle only brakes, to standstill.
    pub tail_start: usize,
}

impl Trajectory {
    /// The vehicle `time_s` seconds after the plan's stamp, linear between points and held at both ends.
    /// `None` if there is no point.
    #[must_use]
    pub fn at(&self, time_s: f64) -> Option<TrajectoryPoint> {
        let next = self.points.partition_point(|p| p.time_s <= time_s);
        let (Some(last), Some(first)) = (self.points.last(), self.points.first()) else { return None };
        if next == 0 {
            return Some(*first);
        }
        let Some(after) = self.points.get(next) else { return Some(*last) };
        let before = &self.points[next - 1];
        let share = (time_s - before.time_s) / (after.time_s - before.time_s);
        let mix = |a: f64, b: f64| a + share * (b - a);
        Some(TrajectoryPoint {
            time_s,
            x: mix(before.x, after.x),
            y: mix(before.y, after.y),
            heading_rad: before.heading_rad + share * crate::wrap_angle(after.heading_rad - before.heading_rad),
            curvature_1pm: mix(before.curvature_1pm, after.curvature_1pm),
            speed_mps: mix(before.speed_mps, after.speed_mps),
            acceleration_mps2: mix(before.acceleration_mps2, after.acceleration_mps2),
        })
    }

    /// The point of the path nearest to a place, linear between points, the first of equals.
    /// `None` if there is no point.
    #[must_use]
    pub fn nearest(&self, x: f64, y: f64) -> Option<TrajectoryPoint> {
        let mut best = (f64::INFINITY, *self.points.first()?);
        for pair in self.points.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            let (dx, dy) = (b.x - a.x, b.y - a.y);
            let square = dx * dx + dy * dy;
            // A car that stands leaves points at one place: only the first of them has a direction to it.
            if square < 1e-8 {
                continue;
            }
            let share = (((x - a.x) * dx + (y - a.y) * dy) / square).clamp(0.0, 1.0);
            let mix = |a: f64, b: f64| a + share * (b - a);
            let (near_x, near_y) = (mix(a.x, b.x), mix(a.y, b.y));
            let gap = (x - near_x).powi(2) + (y - near_y).powi(2);
            if gap < best.0 {
                let point = TrajectoryPoint {
                    time_s: mix(a.time_s, b.time_s),
                    x: near_x,
                    y: near_y,
                    heading_rad: a.heading_rad + share * crate::wrap_angle(b.heading_rad - a.heading_rad),
                    curvature_1pm: mix(a.curvature_1pm, b.curvature_1pm),
                    speed_mps: mix(a.speed_mps, b.speed_mps),
                    acceleration_mps2: mix(a.acceleration_mps2, b.acceleration_mps2),
                };
                best = (gap, point);
            }
        }
        Some(best.1)
    }
}

/// What the vehicle is going to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecisionKind {
    /// Keep the wanted speed in the lane.
    #[default]
    Cruise,
    /// Keep a distance to a slower object ahead.
    Follow,
    /// Stop behind an object or at a point.
    Stop,
    /// Pass an object beside it, inside the road.
    Pass,
    /// No candidate was feasible and free: brake along the path.
    EmergencyStop,
}

impl DecisionKind {
    /// Every kind, in order.
    pub const ALL: [Self; 5] = [Self::Cruise, Self::Follow, Self::Stop, Self::Pass, Self::EmergencyStop];

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cruise => "cruise",
            Self::Follow => "follow",
            Self::Stop => "stop",
            Self::Pass => "pass",
            Self::EmergencyStop => "emergency stop",
        }
    }

    /// The kind of a name written by [`DecisionKind::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The choice and its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What.
    pub kind: DecisionKind,
    /// The track it is about.
    pub track: Option<u64>,
    /// Why, in one line for a person, with the numbers.
    pub reason: String,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The choice.
    Chosen,
    /// Feasible and free, but not the cheapest.
    Free,
    /// Speed negative or above the limit.
    Speed,
    /// Acceleration beyond the limits.
    Acceleration,
    /// Jerk beyond the limit.
    Jerk,
    /// Curvature beyond the steering, or changing faster than the wheels turn.
    Curvature,
    /// Lateral acceleration beyond the limit.
    LateralAcceleration,
    /// Leaves the road.
    OffRoad,
    /// Hits a predicted object.
    Collision,
    /// Dearer than the choice, whatever else may be wrong with it: not looked at further.
    Dearer,
}

impl Verdict {
    /// Every verdict, in order.
    pub const ALL: [Self; 10] = [
        Self::Chosen,
        Self::Free,
        Self::Speed,
        Self::Acceleration,
        Self::Jerk,
        Self::Curvature,
        Self::LateralAcceleration,
        Self::OffRoad,
        Self::Collision,
        Self::Dearer,
    ];

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Free => "free",
            Self::Speed => "speed",
            Self::Acceleration => "acceleration",
            Self::Jerk => "jerk",
            Self::Curvature => "curvature",
            Self::LateralAcceleration => "lateral acceleration",
            Self::OffRoad => "off road",
            Self::Collision => "collision",
            Self::Dearer => "dearer",
        }
    }
}

/// One trajectory the lattice looked at, thinned for drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// What became of it.
    pub verdict: Verdict,
    /// Its cost; zero if it was rejected.
    pub cost: f64,
    /// Eight positions in `odom` at equal times from start to horizon, m.
    pub path: [[f32; 2]; 8],
}

/// Where an object is expected to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedPath {
    /// The track.
    pub track: u64,
    /// (x, y, heading) in `odom` at equal steps from the plan's stamp, m and rad.
    pub poses: Vec<[f64; 3]>,
    /// Seconds between poses.
    pub step_s: f64,
}

/// The outcome of one planning cycle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The frame it was made from.
    pub frame: u64,
    /// The frame's stamp.
    pub stamp: Stamp,
    /// Where to go. Never empty.
    pub trajectory: Trajectory,
    /// Why.
    pub decision: Decision,
    /// Cost of the choice.
    pub cost: f64,
    /// All that was looked at.
    pub candidates: Vec<Candidate>,
    /// What the objects were expected to do.
    pub predictions: Vec<PredictedPath>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolation_holds_both_ends_and_wraps_heading() {
        let point = |time_s, x, heading_rad| TrajectoryPoint { time_s, x, heading_rad, ..Default::default() };
        let trajectory = Trajectory { points: vec![point(0.0, 0.0, 3.1), point(1.0, 10.0, -3.1)], tail_start: 1 };
        assert_eq!(trajectory.at(-1.0).unwrap().x, 0.0);
        assert_eq!(trajectory.at(9.0).unwrap().x, 10.0);
        let middle = trajectory.at(0.5).unwrap();
        assert!((middle.x - 5.0).abs() < 1e-12);
        assert!((middle.heading_rad - std::f64::consts::PI).abs() < 1e-9);
        assert!(Trajectory::default().at(0.0).is_none());
    }

    #[test]
    fn the_nearest_point_is_between_points() {
        let point = |time_s, x, y| TrajectoryPoint { time_s, x, y, ..Default::default() };
        let points = vec![point(0.0, 0.0, 0.0), point(1.0, 4.0, 0.0), point(2.0, 4.0, 0.0), point(3.0, 4.0, 2.0)];
        let trajectory = Trajectory { points, tail_start: 3 };
        let near = trajectory.nearest(3.0, -1.0).unwrap();
        assert_eq!((near.x, near.y, near.time_s), (3.0, 0.0, 0.75));
        let end = trajectory.nearest(9.0, 9.0).unwrap();
        assert_eq!((end.x, end.y, end.time_s), (4.0, 2.0, 3.0));
        assert!(Trajectory::default().nearest(0.0, 0.0).is_none());
    }

    #[test]
    fn names_round_trip() {
        for kind in DecisionKind::ALL {
            assert_eq!(DecisionKind::from_name(kind.name()), Some(kind));
        }
    }
}
