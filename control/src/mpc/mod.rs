//! Model-predictive control: two quadratic programmes over the next two seconds, acceleration first, then steering at the
//! speeds that it leads to (as a linear time-varying problem: Falcone et al., IEEE TCST 2007).
//!
//! In: the plan, the newest ego state, the commands that were given. Out: angle and acceleration, or why there are none; the
//! caller then follows the plan without a prediction. Never: a command that has not passed the gate.

pub mod course;
pub mod lateral;
pub mod longitudinal;
pub mod qp;

use crate::history::{History, Moment};
use crate::learn::Learner;
use crate::model::{Model, Motion};
use course::Course;
use qp::{STEP_S, STEPS};
use types::{DecisionKind, EgoState, Fallback, Plan, Stamp, Trajectory, Vehicle};

/// While plan and ego state stay the same, a solution is followed for this long, s.
const FOLLOWED_S: f64 = 0.045;
/// Farther off the path the linear model means nothing, m and rad.
const MOST_OFFSET_M: f64 = 3.0;
const MOST_ANGLE_RAD: f64 = 1.0;
/// Slower, the wheels are not turned, m/s.
const STANDING_MPS: f64 = 0.1;

/// What the controller wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// Angle of the front wheels, rad.
    pub steering_rad: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
}

/// One tick's question.
#[derive(Clone, Copy, Debug)]
pub struct Tick<'a> {
    /// The tick's stamp.
    pub stamp: Stamp,
    /// Since the last tick, s.
    pub seconds: f64,
    /// What is to be followed.
    pub plan: &'a Plan,
    /// The newest ego state.
    pub ego: &'a EgoState,
    /// Braking that somebody else has decided on, m/s2; the plan's speed if there is none.
    pub braking_mps2: Option<f64>,
    /// What the gate let pass last.
    pub last: Wanted,
}

/// Model, memory and the solution that is followed.
#[derive(Clone, Debug)]
pub struct ModelPredictive {
    vehicle: Vehicle,
    history: History,
    learner: Learner,
    solution: Option<Solution>,
}

/// Chains of commands from an instant on.
#[derive(Clone, Debug)]
struct Solution {
    stamp: Stamp,
    plan: (u64, Stamp),
    ego: Stamp,
    braking_mps2: Option<f64>,
    tangents: [f64; STEPS + 1],
    accelerations: [f64; STEPS + 1],
}

impl ModelPredictive {
    /// Control of a vehicle of which nothing but its numbers is known.
    #[must_use]
    pub fn new(vehicle: Vehicle) -> Self {
        Self { vehicle, history: History::default(), learner: Learner::new(&vehicle), solution: None }
    }

    /// What was learned of the vehicle so far.
    #[must_use]
    pub fn model(&self) -> &Model {
        self.learner.model()
    }

    /// Learns from an ego state, if it is a new one.
    pub fn observe(&mut self, ego: &EgoState) {
        self.learner.observe(ego, &self.history);
    }

    /// Remembers the command that the gate let pass.
    pub fn commanded(&mut self, stamp: Stamp, passed: &Wanted) {
        let command = Moment { tangent: passed.steering_rad.tan(), acceleration_mps2: passed.acceleration_mps2 };
        self.history.add(stamp, command);
    }

    /// What was solved no longer holds: somebody else drives.
    pub fn forget_solution(&mut self) {
        self.solution = None;
    }

    /// The next command.
    ///
    /// # Errors
    /// Why there is none.
    pub fn follow(&mut self, tick: &Tick<'_>) -> Result<Wanted, Fallback> {
        let key = ((tick.plan.frame, tick.plan.stamp), tick.ego.stamp, tick.braking_mps2);
        let is_followed = |solution: &Solution| {
            (0.0..FOLLOWED_S).contains(&tick.stamp.seconds_since(solution.stamp))
                && (solution.plan, solution.ego, solution.braking_mps2) == key
        };
        let solution = match self.solution.take().filter(is_followed) {
            Some(solution) => solution,
            None => self.solve(tick)?,
        };
        let wanted = solution.at(tick.stamp.seconds_since(solution.stamp) + tick.seconds);
        self.solution = Some(solution);
        Ok(wanted)
    }

    fn solve(&self, tick: &Tick<'_>) -> Result<Solution, Fallback> {
        let (model, trajectory) = (self.learner.model(), &tick.plan.trajectory);
        let ahead = |until: Stamp| model.predict(tick.ego, until, &self.history).ok_or(Fallback::OldState);
        // Each command acts after its own dead time.
        let pulls = tick.stamp.offset(model.acceleration_delay_s);
        let (accelerations, speeds) = self.accelerate(tick, &ahead(pulls)?, pulls)?;
        let turns = tick.stamp.offset(model.steering_delay_s);
        let motion = ahead(turns)?;
        let later_s = turns.seconds_since(pulls);
        let speed = |t: f64| sample(&speeds, t + later_s);
        let tangents = self.steer(tick, &motion, trajectory, speed)?;
        Ok(Solution {
            stamp: tick.stamp,
            plan: (tick.plan.frame, tick.plan.stamp),
            ego: tick.ego.stamp,
            braking_mps2: tick.braking_mps2,
            tangents,
            accelerations,
        })
    }

    /// Commands and the speeds they lead to, both from now on.
    fn accelerate(
        &self,
        tick: &Tick<'_>,
        motion: &Motion,
        acts: Stamp,
    ) -> Result<([f64; STEPS + 1], [f64; STEPS + 1]), Fallback> {
        if let Some(braking) = tick.braking_mps2 {
            let speed = |k: usize| (motion.speed_mps + braking * STEP_S * k as f64).max(0.0);
            return Ok(([braking; STEPS + 1], std::array::from_fn(speed)));
        }
        let trajectory = &tick.plan.trajectory;
        let course = Course::new(trajectory, &motion.pose).ok_or(Fallback::OffPath)?;
        let from_s = acts.seconds_since(tick.plan.stamp);
        let task = longitudinal::Task {
            plan: std::array::from_fn(|k| {
                let time_s = from_s + STEP_S * k as f64;
                let point = trajectory.at(time_s).unwrap_or_default();
                [course.ahead_m(trajectory, time_s), point.speed_mps, point.acceleration_mps2]
            }),
            speed_mps: motion.speed_mps,
            acceleration_mps2: motion.acceleration_mps2,
            last_mps2: tick.last.acceleration_mps2,
            emergency: tick.plan.decision.kind == DecisionKind::EmergencyStop,
        };
        let (chain, speeds) = longitudinal::solve(&task, self.learner.model(), &self.vehicle)?;
        Ok((after(tick.last.acceleration_mps2, &chain), speeds))
    }

    fn steer(
        &self,
        tick: &Tick<'_>,
        motion: &Motion,
        trajectory: &Trajectory,
        speed: impl Fn(f64) -> f64,
    ) -> Result<[f64; STEPS + 1], Fallback> {
        let last_tangent = tick.last.steering_rad.tan();
        let speeds: [f64; STEPS + 1] = std::array::from_fn(|k| speed(STEP_S * k as f64));
        if speeds.iter().all(|speed| *speed < STANDING_MPS) {
            return Ok([last_tangent; STEPS + 1]);
        }
        let course = Course::new(trajectory, &motion.pose).ok_or(Fallback::OffPath)?;
        if course.offset_m.abs() > MOST_OFFSET_M || course.angle_rad.abs() > MOST_ANGLE_RAD {
            return Err(Fallback::OffPath);
        }
        let mut ahead_m = 0.0;
        let ahead = std::array::from_fn(|k| {
            if k > 0 {
                ahead_m += 0.5 * STEP_S * (speeds[k - 1] + speeds[k]);
            }
            [speeds[k], course.curvature_1pm(ahead_m)]
        });
        let task = lateral::Task {
            offset_m: course.offset_m,
            angle_rad: course.angle_rad,
            yaw_rate_radps: motion.yaw_rate_radps,
            last_tangent,
            ahead,
            gate_mps: tick.ego.speed_mps,
        };
        let chain = lateral::solve(&task, self.learner.model(), &self.vehicle)?;
        Ok(after(last_tangent, &chain))
    }
}

impl Solution {
    fn at(&self, seconds: f64) -> Wanted {
        Wanted {
            steering_rad: sample(&self.tangents, seconds).atan(),
            acceleration_mps2: sample(&self.accelerations, seconds),
        }
    }
}

/// A chain with what was before it.
fn after(before: f64, chain: &[f64; STEPS]) -> [f64; STEPS + 1] {
    std::array::from_fn(|k| if k == 0 { before } else { chain[k - 1] })
}

/// The value of a chain at a time, linear between its knots and held at both ends.
fn sample(chain: &[f64; STEPS + 1], seconds: f64) -> f64 {
    let place = (seconds / STEP_S).clamp(0.0, STEPS as f64);
    let k = (place as usize).min(STEPS - 1);
    chain[k] + (place - k as f64) * (chain[k + 1] - chain[k])
}
