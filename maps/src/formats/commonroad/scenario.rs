//! A CommonRoad scenario: the task, the traffic and the lights, as plain data.
//!
//! Positions are in the frame of the map, m; angles in rad; speeds in m/s; times in whole steps of [`Scenario::time_step_s`].
//! An obstacle's position is the centre of its shape's frame. What the initial position of a planning problem means is up to the vehicle
//! model that solves it (the centre for the point-mass model, the rear axle for the kinematic single-track model).

use super::super::Map;
use crate::network::LaneId;
use types::{Phase, wrap_angle};

/// One file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its `benchmarkID`.
    pub id: String,
    /// Length of a time step, s.
    pub time_step_s: f64,
    /// The lanes.
    pub map: Map,
    /// The tasks; most files have one.
    pub problems: Vec<PlanningProblem>,
    /// Who else is there.
    pub obstacles: Vec<Obstacle>,
    /// What the traffic lights show.
    pub programs: Vec<SignalProgram>,
}

/// A closed interval; an exact value has equal ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A closed interval of time steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepInterval {
    /// First step.
    pub first: i64,
    /// Last step.
    pub last: i64,
}

/// A closed interval of directions, counter-clockwise from `from_rad` over `span_rad`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AngleInterval {
    /// Where it begins, rad.
    pub from_rad: f64,
    /// How far it goes counter-clockwise, rad, 0 to a full turn.
    pub span_rad: f64,
}

/// A shape in the plane. Of an obstacle: in its own frame; of a goal: in the map's.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A turned rectangle.
    Rectangle {
        /// Centre, m.
        center: [f64; 2],
        /// Direction of its length, rad.
        heading_rad: f64,
        /// Extent along the direction, m.
        length_m: f64,
        /// Extent across it, m.
        width_m: f64,
    },
    /// A circle.
    Circle {
        /// Centre, m.
        center: [f64; 2],
        /// Radius, m.
        radius_m: f64,
    },
    /// A polygon.
    Polygon {
        /// Its corners in order, m.
        corners: Vec<[f64; 2]>,
    },
}

/// Where the ego starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InitialState {
    /// The step at which it starts.
    pub step: i64,
    /// Position, m.
    pub x: f64,
    /// Position, m.
    pub y: f64,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// Acceleration, m/s2, if it is told.
    pub acceleration_mps2: Option<f64>,
    /// Yaw rate, rad/s.
    pub yaw_rate_radps: f64,
    /// Slip angle, rad.
    pub slip_rad: f64,
}

/// A task: from a state to any of several goals.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanningProblem {
    /// Its identity in the file.
    pub id: String,
    /// The start.
    pub initial: InitialState,
    /// The goals; one is enough.
    pub goals: Vec<Goal>,
}

/// A goal. Everything that is told must hold at the same step.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// When.
    pub steps: StepInterval,
    /// Where: any of them; empty for anywhere.
    pub places: Vec<GoalPlace>,
    /// In which direction.
    pub heading: Option<AngleInterval>,
    /// How fast, m/s.
    pub speed_mps: Option<Interval>,
}

/// Where a goal is.
#[derive(Clone, Debug, PartialEq)]
pub enum GoalPlace {
    /// Anywhere on a lane.
    Lane(LaneId),
    /// Within a shape.
    Within(Shape),
}

/// Who or what is in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// Its identity in the file.
    pub id: String,
    /// What it is, in the file's words: `car`, `truck`, `bus`, `bicycle`, `motorcycle`, `pedestrian`, `parkedVehicle`, ...
    pub kind: String,
    /// Its outline in its own frame: x ahead, y to the left.
    pub shape: Vec<Shape>,
    /// Its state at the first step that it is told for.
    pub initial: MovingState,
    /// What becomes of it.
    pub future: Future,
}

/// What becomes of an obstacle.
#[derive(Clone, Debug, PartialEq)]
pub enum Future {
    /// It stays where it is.
    Static,
    /// Its states after the initial one, in rising steps. Before the first and after the last it is not there.
    Trajectory(Vec<MovingState>),
    /// What it may cover, in rising steps.
    Occupancies(Vec<Occupancy>),
}

/// The state of an obstacle at one step. A value that the file gives as an interval is its middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MovingState {
    /// The step.
    pub step: i64,
    /// Position of the frame of its shape, m.
    pub x: f64,
    /// Position, m.
    pub y: f64,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed along the heading, m/s; 0 if it is not told.
    pub speed_mps: f64,
    /// Acceleration, m/s2, if it is told.
    pub acceleration_mps2: Option<f64>,
}

/// What an obstacle may cover at a step, in the map's frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Occupancy {
    /// The step.
    pub step: i64,
    /// The ground.
    pub shape: Vec<Shape>,
}

/// The program of a traffic light.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalProgram {
    /// The signal, as in the map's network.
    pub id: u32,
    /// Steps before the first round.
    pub offset_steps: i64,
    /// How many steps it shows what, over and over; nothing if it is dark.
    pub phases: Vec<(u32, Option<Phase>)>,
}

impl Interval {
    /// Whether it holds a value.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl StepInterval {
    /// Whether it holds a step.
    #[must_use]
    pub const fn contains(&self, step: i64) -> bool {
        self.first <= step && step <= self.last
    }
}

impl AngleInterval {
    /// Whether it holds a direction.
    #[must_use]
    pub fn contains(&self, angle_rad: f64) -> bool {
        let past = wrap_angle(angle_rad - self.from_rad - 0.5 * self.span_rad);
        past.abs() <= 0.5 * self.span_rad + 1e-9
    }
}

impl Shape {
    /// Whether it holds a place.
    #[must_use]
    pub fn contains(&self, x: f64, y: f64) -> bool {
        match self {
            Self::Rectangle { center, heading_rad, length_m, width_m } => {
                let (dx, dy) = (x - center[0], y - center[1]);
                let (sin, cos) = heading_rad.sin_cos();
                (cos * dx + sin * dy).abs() <= 0.5 * length_m && (cos * dy - sin * dx).abs() <= 0.5 * width_m
            }
            Self::Circle { center, radius_m } => (x - center[0]).hypot(y - center[1]) <= *radius_m,
            Self::Polygon { corners } => crate::network::index::contains(corners, x, y),
        }
    }

    /// Its middle, m: of a polygon the mean of its corners.
    #[must_use]
    pub fn center(&self) -> [f64; 2] {
        match self {
            Self::Rectangle { center, .. } | Self::Circle { center, .. } => *center,
            Self::Polygon { corners } => {
                let count = corners.len().max(1) as f64;
                [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f64>() / count)
            }
        }
    }

    /// Its corners, counter-clockwise; of a circle 24 places on it.
    #[must_use]
    pub fn corners(&self) -> Vec<[f64; 2]> {
        match self {
            Self::Rectangle { center, heading_rad, length_m, width_m } => {
                let pose = types::Pose2 { x: center[0], y: center[1], yaw: *heading_rad };
                let (a, b) = (0.5 * length_m, 0.5 * width_m);
                vec![pose.transform(a, b), pose.transform(-a, b), pose.transform(-a, -b), pose.transform(a, -b)]
            }
            Self::Circle { center, radius_m } => (0..24)
                .map(|i| f64::from(i) * std::f64::consts::TAU / 24.0)
                .map(|a| [center[0] + radius_m * a.cos(), center[1] + radius_m * a.sin()])
                .collect(),
            Self::Polygon { corners } => corners.clone(),
        }
    }
}

impl Goal {
    /// Whether a state reaches it.
    #[must_use]
    pub fn is_reached(&self, map: &Map, step: i64, [x, y]: [f64; 2], heading_rad: f64, speed_mps: f64) -> bool {
        let there = || {
            let ground = map.network.ground(x, y);
            self.places.iter().any(|place| match place {
                GoalPlace::Lane(lane) => ground.lanes.contains(lane),
                GoalPlace::Within(shape) => shape.contains(x, y),
            })
        };
        self.steps.contains(step)
            && self.heading.is_none_or(|heading| heading.contains(heading_rad))
            && self.speed_mps.is_none_or(|speed| speed.contains(speed_mps))
            && (self.places.is_empty() || there())
    }
}

impl Obstacle {
    /// Its state at a step: `None` before the first and after the last, and if only occupancies are told.
    #[must_use]
    pub fn at(&self, step: i64) -> Option<MovingState> {
        match &self.future {
            Future::Static => Some(MovingState { step, ..self.initial }),
            _ if step == self.initial.step => Some(self.initial),
            Future::Trajectory(states) => {
                states.binary_search_by_key(&step, |state| state.step).ok().map(|index| states[index])
            }
            Future::Occupancies(_) => None,
        }
    }

    /// The ground that it covers at a step, in the map's frame; nothing if it is not there.
    #[must_use]
    pub fn ground(&self, step: i64) -> Vec<Shape> {
        if let Some(state) = self.at(step) {
            return self.shape.iter().map(|shape| shape.placed(&state)).collect();
        }
        match &self.future {
            Future::Occupancies(all) => {
                let found = all.binary_search_by_key(&step, |occupancy| occupancy.step).ok();
                found.map(|index| all[index].shape.clone()).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

impl Shape {
    /// The shape of an obstacle, put where the obstacle is.
    #[must_use]
    pub fn placed(&self, state: &MovingState) -> Self {
        let pose = types::Pose2 { x: state.x, y: state.y, yaw: state.heading_rad };
        let put = |[x, y]: [f64; 2]| pose.transform(x, y);
        match self {
            Self::Rectangle { center, heading_rad, length_m, width_m } => Self::Rectangle {
                center: put(*center),
                heading_rad: heading_rad + pose.yaw,
                length_m: *length_m,
                width_m: *width_m,
            },
            Self::Circle { center, radius_m } => Self::Circle { center: put(*center), radius_m: *radius_m },
            Self::Polygon { corners } => Self::Polygon { corners: corners.iter().copied().map(put).collect() },
        }
    }
}

impl SignalProgram {
    /// What it shows at a step; nothing if it is dark.
    #[must_use]
    pub fn phase(&self, step: i64) -> Option<Phase> {
        let round: i64 = self.phases.iter().map(|(steps, _)| i64::from(*steps)).sum();
        let mut along = (step - self.offset_steps).checked_rem_euclid(round)?;
        for (steps, phase) in &self.phases {
            along -= i64::from(*steps);
            if along < 0 {
                return *phase;
            }
        }
        None
    }
}
