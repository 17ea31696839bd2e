//! Control: from a plan and the ego state to one command within limits.
//!
//! In: the newest plan, the newest ego state, a wish to stop. Out: always a [`Command`] that passed the gate.
//! Never: tracks, sensors, a clock; the age of a plan is told by stamps, so a replay stops where the car stopped.
//!
//! The predicting controller (`mpc`) follows the plan with a model of the car (`model`) that is learned while it drives
//! (`learn`). Where it finds no answer, the simple one (`lateral`, `longitudinal`) makes the command, and the command says why.

pub mod config;
pub mod gate;
pub mod history;
pub mod lateral;
pub mod learn;
pub mod longitudinal;
pub mod model;
pub mod mpc;
pub mod path;
pub mod predict;
pub mod safety;

pub mod staleness;

pub use config::{Config, Kind};

use gate::{Gate, Request};
use longitudinal::Longitudinal;
use mpc::{ModelPredictive, Wanted};
use types::{Command, DecisionKind, EgoState, Fallback, Plan, Stamp, StopReason, Vehicle};

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
    mpc: ModelPredictive,
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
            mpc: ModelPredictive::new(vehicle),
            longitudinal: Longitudinal::default(),
            predictor: predict::Predictor::default(),
            gate: Gate::new(vehicle),
        }
    }

    /// What was learned of the vehicle so far.
    #[must_use]
    pub fn model(&self) -> &model::Model {
        self.mpc.model()
    }

    /// One tick. Always a command within the limits.
    pub fn step(&mut self, input: &ControlInput<'_>) -> Command {
        let ego = staleness::usable_ego(input.ego, input.stamp, &self.config);
        let plan = input.plan.filter(|plan| staleness::usable_plan(plan));
        let stop = staleness::stop_reason(input, ego.is_some(), plan, &self.config);
        let speed_mps = ego.map(|(_, ego)| ego.speed_mps);
        let (request, fallback) = match (ego, plan) {
            (Some((_, ego)), Some(plan)) => self.follow(input.stamp, plan, ego, stop.is_some()),
            _ => (self.blind(speed_mps), None),
        };
        let passed = self.gate.pass(&request, speed_mps, input.stamp);
        self.predictor.add(input.stamp, passed.steering_rad);
        let (steering_rad, acceleration_mps2) = (passed.steering_rad, passed.acceleration_mps2);
        self.mpc.commanded(input.stamp, &Wanted { steering_rad, acceleration_mps2 });
        Command {
            tick: input.tick,
            stamp: input.stamp,
            steering_rad,
            acceleration_mps2,
            plan: plan.map(|plan| plan.frame),
            ego: ego.map(|(frame, _)| frame),
            stop,
            limits: passed.limits,
            fallback,
        }
    }

    /// The predicting controller's wish, or the simple one's and why.
    fn follow(&mut self, stamp: Stamp, plan: &Plan, ego: &EgoState, stop: bool) -> (Request, Option<Fallback>) {
        let vehicle = &self.vehicle;
        let seconds = self.gate.seconds_until(stamp);
        let emergency = plan.decision.kind == DecisionKind::EmergencyStop;
        // The command acts after the delay: where will the vehicle be then, and where should it be?
        let acts = stamp.offset(vehicle.actuator_delay_s);
        let then = self.predictor.predict(ego, acts, vehicle);
        let goal = path::goal(&plan.trajectory, acts.seconds_since(plan.stamp), &then.pose());
        let braking_mps2 = stop.then(|| staleness::braking(plan, &goal, ego.speed_mps, vehicle));
        let rests = longitudinal::rests(&goal.timed, ego);
        let predicted = match self.config.kind {
            Kind::Pursuit => None,
            Kind::Predictive => {
                self.mpc.observe(ego);
                let last =
                    Wanted { steering_rad: self.gate.steering_rad(), acceleration_mps2: self.gate.acceleration_mps2() };
                Some(self.mpc.follow(&mpc::Tick { stamp, seconds, plan, ego, braking_mps2, last }))
            }
        };
        let wanted = match predicted {
            Some(Ok(wanted)) => {
                self.longitudinal.reset();
                let held = if rests { longitudinal::HOLD_MPS2 } else { wanted.acceleration_mps2 };
                Wanted { acceleration_mps2: braking_mps2.unwrap_or(held), ..wanted }
            }
            _ => Wanted {
                steering_rad: lateral::steering(&goal, &then, self.gate.steering_rad(), vehicle),
                acceleration_mps2: if let Some(braking) = braking_mps2 {
                    self.longitudinal.reset();
                    braking
                } else {
                    let planned = path::speed_at(&plan.trajectory, ego.stamp.seconds_since(plan.stamp));
                    self.longitudinal.follow(&goal.timed, ego, planned - ego.speed_mps, seconds, vehicle)
                },
            },
        };
        let Wanted { steering_rad, mut acceleration_mps2 } = wanted;
        if emergency {
            // What is planned against a collision is not smoothed.
            acceleration_mps2 = acceleration_mps2.min(goal.timed.acceleration_mps2.min(0.0));
        }
        (Request { steering_rad, acceleration_mps2, stop, emergency }, predicted.and_then(Result::err))
    }

    /// Without a plan or an ego state: brakes, with the wheels as they are.
    fn blind(&mut self, speed_mps: Option<f64>) -> Request {
        self.longitudinal.reset();
        Request {
            steering_rad: self.gate.steering_rad(),
            acceleration_mps2: longitudinal::blind_stop(speed_mps, &self.vehicle),
            stop: true,
            emergency: false,
        }
    }
}
