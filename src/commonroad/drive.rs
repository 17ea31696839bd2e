//! One scenario, from its start to its goal or its last step.

use super::choices::Choice;
use super::roads::Lanes;
use super::traffic::Traffic;
use super::vehicle;
use crate::runtime::clock::CpuWatch;
use anyhow::Context;
use maps::formats::commonroad::{PlanningProblem, Scenario};
use nalgebra::{Isometry3, Vector3};
use planning::{Config, LaneGraph, PlanInput, Planner, Task};
use types::{Decision, EgoState, Plan, Pose2, PoseSource, Stamp, TrajectoryPoint};

/// What the planner is told of the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// What is recorded.
    Truth,
    /// Nothing: it predicts by itself.
    Own,
}

/// How to drive.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Steps from one plan to the next.
    pub every: i64,
    /// What is known of the future.
    pub prediction: Prediction,
}

/// What became of a scenario.
pub struct Drive {
    /// The ego's states, one a step from the first on: rear axle.
    pub states: Vec<TrajectoryPoint>,
    /// Since step 0, s, of the first state.
    pub first_s: f64,
    /// The step at which the goal was reached.
    pub goal_step: Option<i64>,
    /// Why not, in words.
    pub why: String,
    /// Every cycle.
    pub cycles: Vec<Cycle>,
}

/// One plan, and what it took.
pub struct Cycle {
    /// Since step 0, s.
    pub time_s: f64,
    /// Processor time, ms.
    pub took_ms: f64,
    /// How many candidates it looked at.
    pub looked_at: usize,
    /// What was decided.
    pub choice: Choice,
    /// The place, heading and speed it was made at.
    pub ego: TrajectoryPoint,
    /// Why.
    pub decision: Decision,
}

/// The future is known for this long, s: longer than any candidate.
const KNOWN_S: f64 = 10.5;

/// Drives the first problem of a scenario.
///
/// # Errors
/// If it has none, or no lanes lead to its goal.
pub fn drive(scenario: &Scenario, options: Options) -> anyhow::Result<Drive> {
    let problem = scenario.problems.first().context("the file has no planning problem")?;
    let mut lanes = Lanes::new(scenario, problem)?;
    let mut traffic = Traffic::new(scenario);
    let (dt, vehicle) = (scenario.time_step_s, vehicle());
    let config = Config { latency_s: 0.0, sight_m: 300.0, margin_m: 0.2, ..Config::default() };
    let mut planner = Planner::new(config, vehicle);
    let graph = LaneGraph::new(&scenario.map.network);
    let first = problem.initial.step;
    let last = problem.goals.iter().map(|goal| goal.steps.last).max().unwrap_or(first).max(first + 1);
    let mut ego = start(problem, vehicle.center_offset_m());
    if ego.curvature_1pm == 0.0 {
        // A turn rate of exactly nothing is told where nothing is known: then the car turns with its lane.
        ego.curvature_1pm = lanes.curvature_1pm(&ego);
    }
    let mut drive = Drive {
        states: vec![ego],
        first_s: first as f64 * dt,
        goal_step: None,
        why: String::new(),
        cycles: Vec::new(),
    };
    let mut plan: Option<(i64, Plan)> = None;
    let mut ground = scenario.map.network.ground(problem.initial.x, problem.initial.y).lanes;
    let mut relaid = false;
    for step in first..=last {
        let reached = |goal: &maps::formats::commonroad::Goal| {
            let pose = Pose2 { x: ego.x, y: ego.y, yaw: ego.heading_rad };
            let middle = pose.transform(vehicle.center_offset_m(), 0.0);
            goal.is_reached(&scenario.map, step, middle, ego.heading_rad, ego.speed_mps)
        };
        if problem.goals.iter().any(reached) {
            drive.goal_step = Some(step);
            return Ok(drive);
        }
        if step == last {
            break;
        }
        if (step - first) % options.every == 0 {
            let stamp = Stamp::from_nanos(0).offset(step as f64 * dt);
            let tracks = traffic.tracks(step, stamp);
            let futures = (options.prediction == Prediction::Truth).then(|| traffic.futures(step, KNOWN_S));
            let signals = traffic.signals(step, stamp);
            let middle = middle(&ego, vehicle.center_offset_m());
            let here = scenario.map.network.ground(middle.x, middle.y).lanes;
            if here != ground && !here.is_empty() {
                let other = Lanes::from(scenario, problem, &middle)?;
                if !other.is_empty() {
                    lanes = other;
                    planner.forget_lines();
                    relaid = true;
                }
                ground = here;
            }
            lanes.at(step as f64 * dt);
            let lines = lanes.lines();
            let state = state(&ego, stamp);
            let input = PlanInput {
                frame: step.unsigned_abs(),
                stamp,
                ego: &state,
                tracks: &tracks,
                route: None,
                signals: Some(&signals),
            };
            let watch = CpuWatch::start();
            let made =
                planner.step_for(&input, &Task { lines: &lines, futures: futures.as_ref(), lanes: Some(&graph) });
            drive.cycles.push(Cycle {
                time_s: step as f64 * dt,
                took_ms: watch.elapsed().as_secs_f64() * 1e3,
                looked_at: planner.looked_at(),
                choice: Choice::of(&made, planner.line(), relaid),
                ego,
                decision: made.decision.clone(),
            });
            relaid = false;
            plan = Some((step, made));
        }
        let Some((since, plan)) = &plan else { break };
        let next = plan.trajectory.at((step + 1 - since) as f64 * dt).context("the plan is empty")?;
        ego = next;
        drive.states.push(ego);
    }
    drive.why = plan.map(|(_, plan)| plan.decision.reason).unwrap_or_default();
    Ok(drive)
}

fn middle(ego: &TrajectoryPoint, center_offset_m: f64) -> Pose2 {
    let rear = Pose2 { x: ego.x, y: ego.y, yaw: ego.heading_rad };
    let [x, y] = rear.transform(center_offset_m, 0.0);
    Pose2 { x, y, yaw: ego.heading_rad }
}

/// The start: a problem tells the vehicle's middle, the planner's point is the rear axle.
fn start(problem: &PlanningProblem, center_offset_m: f64) -> TrajectoryPoint {
    let initial = &problem.initial;
    let [x, y] = problem.pose().transform(-center_offset_m, 0.0);
    let turning = initial.speed_mps.abs() > 1.0;
    TrajectoryPoint {
        time_s: 0.0,
        x,
        y,
        heading_rad: initial.heading_rad,
        curvature_1pm: if turning { initial.yaw_rate_radps / initial.speed_mps } else { 0.0 },
        speed_mps: initial.speed_mps,
        acceleration_mps2: initial.acceleration_mps2.unwrap_or(0.0),
    }
}

fn state(ego: &TrajectoryPoint, stamp: Stamp) -> EgoState {
    EgoState {
        stamp,
        odom_from_base: Isometry3::new(Vector3::new(ego.x, ego.y, 0.0), Vector3::z() * ego.heading_rad),
        speed_mps: ego.speed_mps,
        acceleration_mps2: ego.acceleration_mps2,
        yaw_rate_radps: ego.curvature_1pm * ego.speed_mps,
        source: PoseSource::Ins,
    }
}
