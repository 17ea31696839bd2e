//! Planning: from tracks and a route to one trajectory, with its reason.
//!
//! In: the ego state, tracks, a route (or none). Out: always a [`Plan`]: a trajectory that is finite, never empty and
//! ends at standstill, the decision in one line, all candidates and predictions. Never: sensors, a clock, a failure.
//!
//! Method: a lattice in the Frenet frame (Werling, Ziegler, Kammel and Thrun, "Optimal trajectory generation for
//! dynamic street scenarios in a Frenet frame", ICRA 2010). The lateral polynomial runs over the travelled length at
//! every speed (the paper's low-speed mode), so a car that stops does not slide sideways. Every candidate ends in a
//! braking tail, and is free only if the tail is. While the ego follows its plan within 0.3 m, the next plan starts on
//! that plan's path beside the ego, not at the ego itself: keeping to the path is the controller's work.

pub mod choose;
pub mod collision;
pub mod config;
pub mod cost;
pub mod emergency;
#[cfg(test)]
mod fixture;
pub mod judge;
pub mod lattice;
pub mod longitudinal;
pub mod polynomial;
pub mod predict;
pub mod reason;
pub mod reference;
pub mod rollout;
pub mod start;
pub mod tail;
pub mod targets;
pub mod way;

pub use config::Config;
pub use way::{Way, WayError};

use types::{EgoState, Plan, Signals, Stamp, Tracks, Vehicle};

/// What one planning cycle is made from.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The frame.
    pub frame: u64,
    /// The frame's stamp: the plan starts there.
    pub stamp: Stamp,
    /// The ego state, brought to `stamp` if it is from another instant.
    pub ego: &'a EgoState,
    /// Tracks in `odom`.
    pub tracks: &'a Tracks,
    /// The way to drive, if it is known.
    pub route: Option<&'a Way>,
    /// What the signals last showed, if anybody told.
    pub signals: Option<&'a Signals>,
}

/// Plans cycle by cycle; remembers its last plan and keeps its buffers.
#[derive(Clone, Debug)]
pub struct Planner {
    config: Config,
    vehicle: Vehicle,
    memory: start::Memory,
    lattice: lattice::Lattice,
    obstacles: predict::Obstacles,
}

impl Planner {
    /// A planner that has seen nothing yet. A number in `config` that cannot be true is replaced by its default.
    #[must_use]
    pub fn new(config: Config, vehicle: Vehicle) -> Self {
        let vehicle = if vehicle.implausible().is_some() { Vehicle::default() } else { vehicle };
        Self {
            config: config.repaired(),
            vehicle,
            memory: start::Memory::default(),
            lattice: lattice::Lattice::default(),
            obstacles: predict::Obstacles::default(),
        }
    }

    /// One cycle. Always a plan: without a free candidate it brakes along the path, without an ego state it stands.
    pub fn step(&mut self, input: &PlanInput<'_>) -> Plan {
        let (config, vehicle) = (&self.config, &self.vehicle);
        self.memory.advance(input.stamp);
        let Some(start) = start::start(input, &self.memory, vehicle) else {
            let plan = emergency::without_ego(input, &self.memory);
            return self.memory.remember(plan, None);
        };
        let road = reference::choose(input.route, &start, self.memory.s_m, &vehicle.limits);
        predict::predict(input.tracks, &road, &start, config, vehicle, &mut self.obstacles);
        let targets = targets::targets(&self.obstacles, &road, config, vehicle);
        self.lattice.sample(&road, &targets, &self.memory, config, vehicle);
        judge::judge(&mut self.lattice, &self.obstacles, &road, &targets, &self.memory, config, vehicle);
        let choice = choose::choose(&mut self.lattice);
        let (trajectory, cost) = match choice {
            Some(index) => (tail::complete(&self.lattice, index, &road, vehicle), self.lattice.candidates[index].cost),
            None => (emergency::stop(&road, &start, vehicle), 0.0),
        };
        let decision = reason::decide(choice, &self.lattice, &self.obstacles, &targets, &road, config, vehicle);
        let plan = Plan {
            frame: input.frame,
            stamp: input.stamp,
            trajectory,
            decision,
            cost,
            candidates: self.lattice.report(),
            predictions: self.obstacles.report(),
        };
        let kept = choice.map(|index| self.lattice.keep(index, &road));
        self.memory.s_m = Some(road.s_m);
        self.memory.remember(plan, kept)
    }
}
