//! The way to drive and the rules along it.

use crate::{Pose2, Stamp};

/// One place of a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoutePoint {
    /// Centre of the lane in `odom`, heading along it.
    pub pose: Pose2,
    /// From the centre to the left edge of what may be driven on, m.
    pub left_m: f64,
    /// From the centre to the right edge of what may be driven on, m.
    pub right_m: f64,
    /// Highest allowed speed, m/s.
    pub speed_limit_mps: f64,
}

/// Why one may have to stop at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopKind {
    /// A signal with this identity must be green.
    Signal(u32),
    /// Cross traffic goes first.
    GiveWay,
    /// Everybody stops, then cross traffic goes first.
    Stop,
    /// People on foot go first.
    Crossing,
    /// The end of the route.
    Goal,
}

/// A line across the route at which the front bumper may have to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StopLine {
    /// Along the route from its first point, m.
    pub s_m: f64,
    /// Length of the area behind the line that must be free or be left again, m.
    pub area_m: f64,
    /// Why.
    pub kind: StopKind,
}

/// A way to drive. With no points there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// Along the way, about 2 m apart.
    pub points: Vec<RoutePoint>,
    /// In rising `s_m`.
    pub stops: Vec<StopLine>,
}

/// What a signal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Stop.
    Red,
    /// Stop unless it is too late for that.
    Amber,
    /// Go.
    Green,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 3] = [Self::Red, Self::Amber, Self::Green];

    /// Name in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Amber => "amber",
            Self::Green => "green",
        }
    }

    /// The phase of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// What the signals show, as the infrastructure sends it (the content of a SPaT message, SAE J2735).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// Counter of these messages.
    pub seq: u64,
    /// When.
    pub stamp: Stamp,
    /// Identity and phase, in rising identity.
    pub phases: Vec<(u32, Phase)>,
}

impl Route {
    /// A way of which only the places are known: a lane 3.5 m wide, 50 km/h, no rules.
    #[must_use]
    pub fn of_poses(poses: impl IntoIterator<Item = Pose2>) -> Self {
        let point = |pose| RoutePoint { pose, left_m: 1.75, right_m: 1.75, speed_limit_mps: 50.0 / 3.6 };
        Self { points: poses.into_iter().map(point).collect(), stops: Vec::new() }
    }

    /// The place so far along the straight pieces between the points; the ends hold beyond them.
    #[must_use]
    pub fn at(&self, s_m: f64) -> Option<RoutePoint> {
        let mut left = s_m.max(0.0);
        for pair in self.points.windows(2) {
            let (a, b) = (pair[0].pose, pair[1].pose);
            let length = (b.x - a.x).hypot(b.y - a.y);
            if left < length {
                let share = left / length;
                let pose = Pose2 { x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y), yaw: a.yaw };
                return Some(RoutePoint { pose, ..pair[0] });
            }
            left -= length;
        }
        self.points.last().copied()
    }
}

impl Signals {
    /// What the signal with this identity shows.
    #[must_use]
    pub fn phase(&self, id: u32) -> Option<Phase> {
        self.phases.iter().find(|(own, _)| *own == id).map(|(_, phase)| *phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_along_a_route() {
        let route = Route::of_poses([0.0, 2.0, 4.0].map(|x| Pose2 { x, y: 1.0, yaw: 0.0 }));
        let x = |s_m| route.at(s_m).unwrap().pose.x;
        assert_eq!([-1.0, 0.0, 3.0, 4.0, 9.0, f64::NAN].map(x), [0.0, 0.0, 3.0, 4.0, 4.0, 0.0]);
        assert_eq!(Route::default().at(1.0), None);
    }

    #[test]
    fn phases_are_found_by_identity_and_names_round_trip() {
        let signals = Signals { phases: vec![(3, Phase::Red), (7, Phase::Green)], ..Signals::default() };
        assert_eq!((signals.phase(7), signals.phase(4)), (Some(Phase::Green), None));
        assert!(Phase::ALL.into_iter().all(|phase| Phase::from_name(phase.name()) == Some(phase)));
    }
}
