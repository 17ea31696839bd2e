//! Control: from a plan and the ego state to one command within limits.
//!
//! In: the newest plan, the newest ego state, a wish to stop. Out: always a [`Command`] that passed the gate.
//! Never: tracks, sensors, a clock; the age of a plan is told by stamps, so a replay stops where the car stopped.

pub mod config;
pub mod gate;
pub mod lateral;
pub mod longitudinal;
pub mod path;
pub mod predict;
pub mod staleness;

pub use config::Config;

use gate::{Gate, Request};
use longitudinal::Longitudinal;
use types::{Command, DecisionKind, EgoState, Plan, Stamp, StopReason, Vehicle};

/// What one control tick is made from.
#[derive(Clone, Copy, Debug)]
pub struct ControlInput<'a> {
    /// Counter of control ticks.
    pub tick: u64,
    /// The tick's stamp.
    pub stamp: Stamp,
    /// The newest plan.
    pub plan: Option<&'a Plan>,
    /// The newest ego state and its frame.
    pub ego: Option<(u64, &'a EgoState)>,
    /// A stop wanted by the runtime.
    pub stop: Option<StopReason>,
}

/// Follows plans tick by tick.
#[derive(Clone, Debug)]
pub struct Controller {
    config: Config,
    vehicle: Vehicle,
    longitudinal: Longitudinal,
    predictor: predict::Predictor,
    gate: Gate,
}

impl Controller {
    /// A controller that has commanded nothing yet. Numbers that cannot be true are replaced by defaults.
    #[must_use]
    pub fn new(config: Config, vehicle: Vehicle) -> Self {
        let vehicle = if vehicle.implausible().is_some() { Vehicle::default() } else { vehicle };
        Self {
            config: config.repaired(),
            vehicle,
            longitudinal: Longitudinal::default(),
            predictor: predict::Predictor::default(),
            gate: Gate::new(vehicle),
        }
    }

    /// One tick. Always a command within the limits.
    pub fn step(&mut self, input: &ControlInput<'_>) -> Command {
        let (config, vehicle) = (&self.config, &self.vehicle);
        let ego = staleness::usable_ego(input.ego, input.stamp, config);
        let plan = input.plan.filter(|plan| staleness::usable_plan(plan));
        let stop = staleness::stop_reason(input, ego.is_some(), plan, config);
        let speed_mps = ego.map(|(_, ego)| ego.speed_mps);
        let seconds = self.gate.seconds_until(input.stamp);
        let request = match (ego, plan) {
            (Some((_, ego)), Some(plan)) => {
                // The command acts after the delay: where will the vehicle be then, and where should it be?
                let acts = input.stamp.offset(vehicle.actuator_delay_s);
                let then = self.predictor.predict(ego, acts, vehicle);
                let goal = path::goal(&plan.trajectory, acts.seconds_since(plan.stamp), &then.pose());
                let steering = lateral::steering(&goal, &then, self.gate.steering_rad(), vehicle);
                let acceleration = if stop.is_some() {
                    self.longitudinal.reset();
                    staleness::braking(plan, &goal, ego.speed_mps, vehicle)
                } else {
                    let planned = path::speed_at(&plan.trajectory, ego.stamp.seconds_since(plan.stamp));
                    self.longitudinal.follow(&goal.timed, ego, planned - ego.speed_mps, seconds, vehicle)
                };
                let emergency = plan.decision.kind == DecisionKind::EmergencyStop;
                Request { steering_rad: steering, acceleration_mps2: acceleration, stop: stop.is_some(), emergency }
            }
            _ => {
                self.longitudinal.reset();
                Request {
                    steering_rad: self.gate.steering_rad(),
                    acceleration_mps2: longitudinal::blind_stop(speed_mps, vehicle),
                    stop: true,
                    emergency: false,
                }
            }
        };
        let passed = self.gate.pass(&request, speed_mps, input.stamp);
        self.predictor.add(input.stamp, passed.steering_rad);
        Command {
            tick: input.tick,
            stamp: input.stamp,
            steering_rad: passed.steering_rad,
            acceleration_mps2: passed.acceleration_mps2,
            plan: plan.map(|plan| plan.frame),
            ego: ego.map(|(frame, _)| frame),
            stop,
            limits: passed.limits,
        }
    }
}
