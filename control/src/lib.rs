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

use gate::{Gate, Passed, Request};
use longitudinal::Longitudinal;
use mpc::{ModelPredictive, Wanted};
use types::{Authority, Command, DecisionKind, EgoState, Fallback, Grant, Plan, Stamp, StopReason, Vehicle};

/// What a car does tells of commands only after they have been in force for this long, s.
const OBEYED_S: f64 = 1.5;

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
    /// Of a real car: who drives, and what the car's bus tells. Without one control drives.
    pub grant: Option<Grant>,
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
    /// Since when a real car does what control commands.
    obeyed_since: Option<Stamp>,
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
            obeyed_since: None,
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
        let speed_mps = ego.map(|(_, ego)| ego.speed_mps).or(input.grant.and_then(|grant| grant.speed_mps));
        let authority = input.grant.map_or(Authority::Follow, |grant| grant.authority);
        let (passed, fallback) = if let (Authority::None, Some(grant)) = (authority, &input.grant) {
            (self.watch(grant, speed_mps), None)
        } else {
            if input.grant.is_some() {
                self.obeyed_since.get_or_insert(input.stamp);
            }
            let stops = stop.is_some() || authority != Authority::Follow;
            let (wanted, fallback) = match (ego, plan) {
                (Some((_, ego)), Some(plan)) => self.follow(input, plan, ego, stops),
                _ => (self.blind(speed_mps), None),
            };
            let request = safety::request(authority, &wanted, &self.vehicle).unwrap_or(wanted);
            (self.gate.pass(&request, speed_mps, input.stamp), fallback)
        };
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
            grant: input.grant,
        }
    }

    /// The driver drives: control goes on from what the car does, so that taking over begins without a jump.
    fn watch(&mut self, grant: &Grant, speed_mps: Option<f64>) -> Passed {
        self.obeyed_since = None;
        self.longitudinal.reset();
        self.mpc.forget_solution();
        let steering_rad = grant.steering_rad.unwrap_or_else(|| self.gate.steering_rad());
        let speed_mps = grant.speed_mps.or(speed_mps).unwrap_or(self.vehicle.limits.speed_mps);
        self.gate = Gate::after(self.vehicle, steering_rad, 0.0, speed_mps);
        Passed { steering_rad: self.gate.steering_rad(), acceleration_mps2: 0.0, limits: 0 }
    }

    /// Whether the car has obeyed for long enough to learn from what it did.
    fn may_learn(&self, stamp: Stamp, is_real: bool) -> bool {
        !is_real || self.obeyed_since.is_some_and(|since| stamp.seconds_since(since) > OBEYED_S)
    }

    /// The predicting controller's wish, or the simple one's and why.
    fn follow(
        &mut self,
        input: &ControlInput<'_>,
        plan: &Plan,
        ego: &EgoState,
        stop: bool,
    ) -> (Request, Option<Fallback>) {
        let stamp = input.stamp;
        let may_learn = self.may_learn(stamp, input.grant.is_some());
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
                if may_learn {
                    self.mpc.observe(ego);
                }
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
