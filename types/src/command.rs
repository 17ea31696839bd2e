//! What goes to the actuators.

use crate::Stamp;

/// Why control stops the vehicle instead of following the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopReason {
    /// There is no plan yet.
    NoPlan,
    /// The newest plan is too old: its braking tail, then standstill.
    StalePlan,
    /// The vehicle's own state is missing or not finite.
    NoEgoState,
    /// A stage failed or hung.
    Fault,
    /// The drive is over.
    Shutdown,
}

impl StopReason {
    /// Every reason, in order.
    pub const ALL: [Self; 5] = [Self::NoPlan, Self::StalePlan, Self::NoEgoState, Self::Fault, Self::Shutdown];

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoPlan => "no plan",
            Self::StalePlan => "stale plan",
            Self::NoEgoState => "no ego state",
            Self::Fault => "fault",
            Self::Shutdown => "shutdown",
        }
    }

    /// The reason of a name written by [`StopReason::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Why the simple controller made a command and not the predicting one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fallback {
    /// The solver found no solution in its iterations.
    NotConverged,
    /// A number of the problem was not finite.
    NotFinite,
    /// The vehicle is too far off the path for a linear model.
    OffPath,
    /// The ego state is too old to predict from.
    OldState,
}

impl Fallback {
    /// Every reason, in order.
    pub const ALL: [Self; 4] = [Self::NotConverged, Self::NotFinite, Self::OffPath, Self::OldState];

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotConverged => "not converged",
            Self::NotFinite => "not finite",
            Self::OffPath => "off path",
            Self::OldState => "old state",
        }
    }

    /// The reason of a name written by [`Fallback::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// How hard a minimum-risk stop brakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// In the lane, 4 m/s2 at most (after UN R157).
    Comfortable,
    /// As hard as the car can.
    Emergency,
}

/// What the computer may do in a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// Nothing: the driver drives.
    None,
    /// Follow the plan.
    Follow,
    /// Brake to standstill.
    Stop(Grade),
    /// Keep the car where it stands.
    Hold,
}

impl Authority {
    /// Every authority, in order.
    pub const ALL: [Self; 5] =
        [Self::None, Self::Follow, Self::Stop(Grade::Comfortable), Self::Stop(Grade::Emergency), Self::Hold];

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Follow => "follow",
            Self::Stop(Grade::Comfortable) => "comfortable stop",
            Self::Stop(Grade::Emergency) => "emergency stop",
            Self::Hold => "hold",
        }
    }

    /// The authority of a name written by [`Authority::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|authority| authority.name() == name)
    }
}

/// What control may do with a real car in a tick, and what the car's own bus told then. With plan and ego state it is all that a
/// command is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grant {
    /// Who drives.
    pub authority: Authority,
    /// Angle of the front wheels as measured, rad; finite.
    pub steering_rad: Option<f64>,
    /// Speed as measured, m/s; finite.
    pub speed_mps: Option<f64>,
}

/// A limit that the command gate applied, as a bit of [`Command::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CommandLimit {
    /// Steering angle beyond what the steering can do.
    SteeringAngle = 1,
    /// Lateral acceleration.
    LateralAcceleration = 2,
    /// Lateral jerk (rate of the steering angle at this speed).
    LateralJerk = 4,
    /// Longitudinal acceleration.
    Acceleration = 8,
    /// Longitudinal jerk.
    Jerk = 16,
    /// A number was not finite and was replaced.
    NotFinite = 32,
}

impl CommandLimit {
    /// Every limit, in the order of the bits.
    pub const ALL: [Self; 6] = [
        Self::SteeringAngle,
        Self::LateralAcceleration,
        Self::LateralJerk,
        Self::Acceleration,
        Self::Jerk,
        Self::NotFinite,
    ];

    /// Name for a person.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SteeringAngle => "steering angle",
            Self::LateralAcceleration => "lateral acceleration",
            Self::LateralJerk => "lateral jerk",
            Self::Acceleration => "acceleration",
            Self::Jerk => "jerk",
            Self::NotFinite => "not finite",
        }
    }
}

/// One command, after the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Command {
    /// Counter of control ticks.
    pub tick: u64,
    /// The tick's stamp.
    pub stamp: Stamp,
    /// Angle of the front wheels, rad, positive to the left.
    pub steering_rad: f64,
    /// Wanted acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Frame of the plan it follows.
    pub plan: Option<u64>,
    /// Frame of the ego state it was made with.
    pub ego: Option<u64>,
    /// Why it stops, if it stops.
    pub stop: Option<StopReason>,
    /// Limits applied by the gate: a set of [`CommandLimit`] bits.
    pub limits: u32,
    /// Why the simple controller made it, if it did.
    pub fallback: Option<Fallback>,
    /// Of a real car: what control was allowed. Without it ([`Authority::None`]) the numbers are what the car does, not a wish.
    pub grant: Option<Grant>,
}
