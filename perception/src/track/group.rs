//! Classes that move alike and may be taken for one another, and how they move.

use types::ObjectClass;

/// A group of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Unknown,
    Vehicle,
    Rider,
    Pedestrian,
}

/// How the members of a group move, and how far a match may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion {
    /// Standard deviation of the speed at birth along each axis, m/s.
    pub(super) speed_mps: f64,
    /// Standard deviation of the acceleration along each axis, m/s2.
    pub(super) acceleration_mps2: f64,
    /// Standard deviation of a measured heading, rad.
    pub(super) heading_noise_rad: f64,
    /// Whether it rolls, so that it points where it goes and its velocity turns with its heading.
    pub(super) rolls: bool,
    /// Whether it is so large that often only a part of it is seen: then its near side is what a measurement tells.
    pub(super) seen_in_part: bool,
    /// Slowest speed that is told from standing, m/s.
    pub(super) slowest_mps: f64,
    /// Least generalised overlap of a match.
    pub(super) least_overlap: f64,
    /// Largest squared Mahalanobis distance of a match. A vehicle is large and seen in part: there the overlap decides.
    pub(super) gate: f64,
    /// Largest distance between the centres of a match, m; not above [`super::grid::CELL_M`].
    pub(super) reach_m: f64,
}

impl Group {
    pub(super) const fn of(class: ObjectClass) -> Self {
        match class {
            ObjectClass::Car | ObjectClass::Truck | ObjectClass::Bus => Self::Vehicle,
            ObjectClass::Motorcycle | ObjectClass::Cyclist => Self::Rider,
            ObjectClass::Pedestrian => Self::Pedestrian,
            ObjectClass::Unknown | ObjectClass::TrafficLight | ObjectClass::StopSign => Self::Unknown,
        }
    }

    /// What a match between two classes costs beside their distance; `None` if they cannot be the same object.
    pub(super) fn confusion(a: ObjectClass, b: ObjectClass) -> Option<f64> {
        match (Self::of(a), Self::of(b)) {
            _ if a == b => Some(0.0),
            (Self::Unknown, _) | (_, Self::Unknown) => Some(0.3),
            (a, b) if a == b => Some(0.1),
            (Self::Rider, Self::Pedestrian) | (Self::Pedestrian, Self::Rider) => Some(0.8),
            _ => None,
        }
    }

    pub(super) const fn motion(self) -> Motion {
        match self {
            Self::Vehicle => Motion {
                speed_mps: 10.0,
                acceleration_mps2: 3.0,
                heading_noise_rad: 0.1,
                rolls: true,
                seen_in_part: true,
                slowest_mps: 0.6,
                least_overlap: -0.05,
                gate: 100.0,
                reach_m: 5.0,
            },
            Self::Rider => Motion {
                speed_mps: 4.0,
                acceleration_mps2: 3.0,
                heading_noise_rad: 0.12,
                rolls: true,
                seen_in_part: false,
                slowest_mps: 0.5,
                least_overlap: -0.6,
                gate: 18.4,
                reach_m: 2.5,
            },
            Self::Pedestrian => Motion {
                speed_mps: 1.5,
                acceleration_mps2: 1.5,
                heading_noise_rad: 0.4,
                rolls: false,
                seen_in_part: false,
                slowest_mps: 0.4,
                least_overlap: -0.6,
                gate: 18.4,
                reach_m: 1.5,
            },
            Self::Unknown => Motion {
                speed_mps: 3.0,
                acceleration_mps2: 2.0,
                heading_noise_rad: 0.3,
                rolls: false,
                seen_in_part: true,
                slowest_mps: 1.0,
                least_overlap: -0.5,
                gate: 18.4,
                reach_m: 3.0,
            },
        }
    }
}
