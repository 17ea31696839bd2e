//! The parts of a road network.

use crate::polyline::{Foot, Polyline};
use types::{Pose2, StopKind};

/// Place of a lane in [`super::Roads::lanes`].
pub type LaneId = usize;

/// What a lane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneKind {
    /// Motor traffic.
    Driving,
    /// Bicycles.
    Bicycle,
    /// Parked vehicles.
    Parking,
    /// Paved edge or emergency lane: drivable, not driven on.
    Shoulder,
    /// People on foot, one kerb above the road.
    Sidewalk,
}

impl LaneKind {
    /// Whether wheels may be on it without leaving the road.
    #[must_use]
    pub const fn is_drivable(self) -> bool {
        !matches!(self, Self::Sidewalk)
    }
}

/// What lies along a border of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Border {
    /// Nothing to be seen.
    #[default]
    Open,
    /// Broken line: may be crossed.
    Dashed,
    /// Solid line.
    Solid,
    /// Two solid lines.
    Double,
    /// Kerb stone.
    Kerb,
    /// Guard rail or wall.
    Rail,
}

/// The lane beside a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Which.
    pub lane: LaneId,
    /// Whether it leads the same way.
    pub same_direction: bool,
}

/// A lane: a stretch of road for one row of vehicles. It runs in its direction of travel; a sidewalk has either.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// What it is for.
    pub kind: LaneKind,
    /// Middle.
    pub center: Polyline,
    /// Left border, in the lane's direction.
    pub left: Polyline,
    /// Right border, in the lane's direction.
    pub right: Polyline,
    /// What the left border is.
    pub left_border: Border,
    /// What the right border is.
    pub right_border: Border,
    /// Lanes that begin where it ends.
    pub successors: Vec<LaneId>,
    /// Lanes that end where it begins.
    pub predecessors: Vec<LaneId>,
    /// The lane to the left, if any.
    pub left_neighbor: Option<Neighbor>,
    /// The lane to the right, if any.
    pub right_neighbor: Option<Neighbor>,
    /// Highest allowed speed, m/s.
    pub speed_limit_mps: f64,
    /// The area ([`super::Roads::areas`]) whose inside it crosses, for lanes within a junction.
    pub junction: Option<usize>,
}

impl Lane {
    /// From the middle to the left and to the right border at an arc length of the middle, m.
    #[must_use]
    pub fn reach_m(&self, s_m: f64) -> (f64, f64) {
        (self.border_foot(&self.left, s_m).distance_m, self.border_foot(&self.right, s_m).distance_m)
    }

    /// The place of a line beside the lane that is nearest to the middle at an arc length. It is looked for around the same share
    /// of the line's length, so that a long line is not searched as a whole.
    pub(crate) fn border_foot(&self, border: &Polyline, s_m: f64) -> Foot {
        self.border_foot_of(border, s_m, &self.center.pose(s_m))
    }

    /// As [`Lane::border_foot`], of a place beside the middle.
    pub(crate) fn border_foot_of(&self, border: &Polyline, s_m: f64, pose: &Pose2) -> Foot {
        let at = s_m / self.center.length_m() * border.length_m();
        let around = 20.0 + 0.03 * border.length_m();
        border.project_within(pose.x, pose.y, at - around, at + around)
    }

    /// Width at an arc length of the middle, m.
    #[must_use]
    pub fn width_m(&self, s_m: f64) -> f64 {
        let (left, right) = self.reach_m(s_m);
        left + right
    }

    /// Corners of the lane's surface, counter-clockwise: along the right border, back along the left one.
    #[must_use]
    pub fn outline(&self) -> Vec<[f64; 2]> {
        self.right.points().iter().chain(self.left.points().iter().rev()).copied().collect()
    }
}

/// A line across a lane at which one may have to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneStop {
    /// Across which lane.
    pub lane: LaneId,
    /// Along the lane, m.
    pub s_m: f64,
    /// Length of what lies behind the line and must be free or be left again, m.
    pub area_m: f64,
    /// Why.
    pub kind: StopKind,
    /// Whether a line is painted there.
    pub painted: bool,
    /// The crossing that it is for, if any.
    pub crossing: Option<usize>,
}

/// A place where people cross.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// From one kerb to the other, straight.
    pub from: [f64; 2],
    /// The other end.
    pub to: [f64; 2],
    /// Extent along the road, m.
    pub width_m: f64,
    /// Whether it is painted as a zebra; else as two lines.
    pub zebra: bool,
    /// The signal for those who cross, if any.
    pub signal: Option<u32>,
}

impl Crossing {
    /// The four corners, counter-clockwise.
    #[must_use]
    pub fn outline(&self) -> [[f64; 2]; 4] {
        let (dx, dy) = (self.to[0] - self.from[0], self.to[1] - self.from[1]);
        let half = 0.5 * self.width_m / dx.hypot(dy).max(1e-9);
        let (nx, ny) = (-dy * half, dx * half);
        [
            [self.from[0] - nx, self.from[1] - ny],
            [self.to[0] - nx, self.to[1] - ny],
            [self.to[0] + nx, self.to[1] + ny],
            [self.from[0] + nx, self.from[1] + ny],
        ]
    }
}

/// A light for traffic or for people on foot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Identity, as in `types::Signals`.
    pub id: u32,
    /// Foot of its mast; heading of those it is for.
    pub pose: Pose2,
    /// Whether it is for people on foot.
    pub pedestrian: bool,
}

/// A paved area without lanes of its own: the inside of a junction, a yard.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// Corners, counter-clockwise.
    pub outline: Vec<[f64; 2]>,
}
