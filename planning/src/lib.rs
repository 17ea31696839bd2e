//! Planning: from tracks and a route to one trajectory, with its reason.
//!
//! In: the ego state, tracks, a route (or none). Out: always a [`Plan`]: a trajectory that is finite, never empty and
//! ends at standstill, the decision in one line, all candidates and predictions. Never: sensors, a clock, a failure.
//!
//! Method: a lattice in the Frenet frame (Werling, Ziegler, Kammel and Thrun, "Optimal trajectory generation for
//! dynamic street scenarios in a Frenet frame", ICRA 2010). The lateral polynomial runs over the travelled length at
//! every speed (the paper's low-speed mode), so a car that stops does not slide sideways. Every candidate ends in a
//! braking tail, and is free only if the tail is. Rules (signals, giving way, the goal) give places that the bumper must
//! not pass and stretches to drive slower; they and the objects ahead give the profiles something to aim at. A plan goes
//! on from the last one at the instant at which it can first have an effect. If no candidate is free, a second, smaller
//! lattice brakes as hard as the vehicle can.

mod aims;
pub mod belief;
mod blocks;
mod bound;
pub mod caution;
mod change;
pub mod choose;
mod clearance;
pub mod collision;
pub mod config;
pub mod cost;
pub mod effort;
pub mod emergency;
#[cfg(test)]
mod fixture;
mod gaps;
pub mod goal;
pub mod judge;
pub mod lane_graph;
pub mod lanes;
pub mod lateral;
pub mod lattice;
mod limits;
pub mod longitudinal;
mod near;
pub mod offsets;
pub mod polynomial;
pub mod predict;
pub mod rear;
pub mod reason;
pub mod reference;
pub mod rollout;
pub mod rules;
pub mod start;
#[cfg(test)]
mod steady;
mod sweep;
pub mod table;
pub mod tail;
pub mod targets;
pub mod task;
pub mod way;

pub use config::Config;
pub use lane_graph::LaneGraph;
pub use task::{Future, Futures, Goal, Line, Task};
pub use way::{Way, WayError};

use effort::Effort;
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
    beliefs: belief::Beliefs,
    intentions: predict::intentions::Intentions,
    /// One for each line.
    lines: Vec<Bench>,
    looked_at: usize,
}

/// The work on one line: its rules remember, the rest are buffers.
#[derive(Clone, Debug, Default)]
struct Bench {
    rules: rules::Rules,
    lattice: lattice::Lattice,
    obstacles: predict::Obstacles,
    targets: Vec<targets::Target>,
    goals: Vec<goal::Aimed>,
}

impl Planner {
    /// A planner that has seen nothing yet. A number in `config` that cannot be true is replaced by its default.
    #[must_use]
    pub fn new(config: Config, vehicle: Vehicle) -> Self {
        let vehicle = if vehicle.implausible().is_some() { Vehicle::default() } else { vehicle };
        Self {
            config: config.repaired(),
            vehicle,
            memory: start::Memory { same_line_s: f64::INFINITY, ..start::Memory::default() },
            beliefs: belief::Beliefs::default(),
            intentions: predict::intentions::Intentions::default(),
            lines: Vec::new(),
            looked_at: 0,
        }
    }

    /// The lines of the next task are other ones than those of the last: what is known of a place on them is forgotten.
    pub fn forget_lines(&mut self) {
        (self.memory.s_m, self.memory.line, self.memory.kept) = (None, 0, None);
        self.memory.same_line_s = f64::INFINITY;
    }

    /// Which of the task's lines the last plan follows.
    #[must_use]
    pub fn line(&self) -> usize {
        self.memory.line
    }

    /// How many candidates the last cycle looked at, on all lines.
    #[must_use]
    pub fn looked_at(&self) -> usize {
        self.looked_at
    }

    /// One cycle. Always a plan: without a free candidate it brakes as hard as it must, without an ego state it stands.
    pub fn step(&mut self, input: &PlanInput<'_>) -> Plan {
        self.step_for(input, &Task::default())
    }

    /// The same with a task.
    pub fn step_for(&mut self, input: &PlanInput<'_>, task: &Task<'_>) -> Plan {
        self.memory.advance(input.stamp);
        self.beliefs.update(input.tracks, input.stamp);
        self.looked_at = 0;
        let (config, vehicle) = (&self.config, &self.vehicle);
        let Some(start) = start::start(input, &self.memory, config, vehicle) else {
            let plan = emergency::without_ego(input, &self.memory);
            return self.memory.remember(plan, None);
        };
        let unknown = task.lanes.filter(|_| task.futures.is_none());
        self.intentions.update(unknown, &self.beliefs, [start.now.x, start.now.y], start.lead_s);
        let roads = reference::roads(input.route, task, &start, &self.memory, &vehicle.limits);
        let most = roads.iter().map(|(line, _)| line + 1).max().unwrap_or(1);
        if self.lines.len() < most {
            self.lines.resize_with(most, Bench::default);
        }
        let mut effort = Effort::normal(config.margin_m, self.memory.stuck_s, vehicle);
        let mut best: Option<(usize, usize, f64)> = None;
        for (place, (line, road)) in roads.iter().enumerate() {
            let bench = &mut self.lines[*line];
            bench.prepare(
                input,
                task,
                *line,
                road,
                &start,
                &self.beliefs,
                &self.intentions,
                &self.memory,
                &effort,
                config,
                vehicle,
            );
            let (view, lattice) = bench.view(*line, road, &self.memory, &start, config, vehicle);
            let price = task.lines.get(*line).map_or(0.0, |about| line_price(about, *line, road, &self.memory));
            let bound = best.map_or(f64::INFINITY, |(_, _, known)| (known - price) * WORTH);
            let choice = choose::try_all(lattice, &view, &effort, bound);
            self.looked_at += lattice.candidates.len();
            if let Some(index) = choice {
                let cost = lattice.candidates[index].cost + price;
                if best.is_none_or(|(_, _, known)| cost < known) {
                    best = Some((place, index, cost));
                }
            }
        }
        // Without a free way anywhere: on the line that the car is on.
        let home = roads.iter().position(|(line, _)| *line == self.memory.line).unwrap_or(0);
        let (place, mut choice) = best.map_or((home, None), |(place, index, _)| (place, Some(index)));
        let (line, road) = &roads[place];
        let (view, lattice) = self.lines[*line].view(*line, road, &self.memory, &start, config, vehicle);
        let mut threat = None;
        if choice.is_none() && road.ego.s_dot_mps > emergency::STANDING_MPS {
            let found = emergency::threat(lattice, view.obstacles);
            effort = emergency::effort(&found, vehicle);
            threat = Some(found);
            choice = choose::try_all(lattice, &view, &effort, f64::INFINITY).or_else(|| choose::least_bad(lattice));
            self.looked_at += lattice.candidates.len();
        }
        let (mut trajectory, cost) = match choice {
            Some(index) => (tail::complete(lattice, index, road, &effort.limits), lattice.candidates[index].cost),
            None => (emergency::stop(road, &start, vehicle), 0.0),
        };
        start.prepend(&mut trajectory);
        let decision = reason::decide(choice, threat.as_ref(), lattice, &view);
        let stuck_s = view.stuck_s();
        let plan = Plan {
            frame: input.frame,
            stamp: input.stamp,
            trajectory,
            decision,
            cost,
            candidates: lattice.report(),
            predictions: view.obstacles.report(),
        };
        let kept = choice.filter(|_| threat.is_none()).map(|index| lattice.keep(index, road));
        self.memory.s_m = Some(road.s_m);
        self.memory.same_line_s =
            if self.memory.line == *line { self.memory.same_line_s + self.memory.since_s.clamp(0.0, 1.0) } else { 0.0 };
        self.memory.line = *line;
        self.memory.stuck_s = stuck_s;
        self.memory.remember(plan, kept)
    }
}

/// A candidate that is dearer than the best of another line by this factor is not looked at: rounding must not count.
const WORTH: f64 = 1.0 + 1e-9;

/// A line that is longer costs this for each metre, another than the last one this.
const DETOUR_1PM: f64 = 0.02;
const MOST_DETOUR: f64 = 3.0;
const OTHER_LINE: f64 = 0.6;
/// One who has just changed the line does not change it again: up to this more, falling to nothing over this time, s.
const AGAIN: f64 = 4.0;
const AGAIN_S: f64 = 4.0;
/// One that does not lead to the goal costs this, and up to this more the nearer the place where it must be left, and the
/// time when the goal must be reached.
const ASTRAY: f64 = 1.5;
const LEAVE: f64 = 25.0;
/// A line must be left in good time: this long before, s, and this much more, m; and this long before the goal, s.
const LEAVE_S: f64 = 7.0;
const LEAVE_M: f64 = 15.0;
const CHANGE_S: [f64; 2] = [5.0, 12.0];

/// A line this near is the one that the ego is on, m.
const HOME_M: f64 = 1.5;

/// What it costs to choose a line.
fn line_price(about: &Line<'_>, line: usize, road: &reference::Road<'_>, memory: &start::Memory) -> f64 {
    let other = memory.kept.is_some() && line != memory.line;
    let again = AGAIN * (1.0 - memory.same_line_s / AGAIN_S).max(0.0);
    let price = (DETOUR_1PM * about.detour_m).min(MOST_DETOUR) + if other { OTHER_LINE + again } else { 0.0 };
    let Some(leave_by_m) = about.leave_by_m else { return price };
    let left_m = (leave_by_m - road.s_m).max(0.0);
    let near = (1.0 - left_m / (LEAVE_S * road.ego.s_dot_mps + LEAVE_M)).max(0.0);
    let soon =
        about.until_s.map_or(0.0, |until| (1.0 - (until - CHANGE_S[0]) / (CHANGE_S[1] - CHANGE_S[0])).clamp(0.0, 1.0));
    price + ASTRAY + LEAVE * (near + soon)
}

impl Bench {
    /// Predicts, asks the rules and looks for what to stay behind.
    #[expect(clippy::too_many_arguments, reason = "what a cycle knows")]
    fn prepare(
        &mut self,
        input: &PlanInput<'_>,
        task: &Task<'_>,
        line: usize,
        road: &reference::Road<'_>,
        start: &start::Start,
        beliefs: &belief::Beliefs,
        intentions: &predict::intentions::Intentions,
        memory: &start::Memory,
        effort: &Effort,
        config: &Config,
        vehicle: &Vehicle,
    ) {
        predict::predict(beliefs, task.futures, intentions, road, start, config, vehicle, &mut self.obstacles);
        let (signals, stamp) = (input.signals, input.stamp);
        self.rules.ask(road, &self.obstacles, signals, stamp, memory.since_s, config, vehicle);
        caution::caution(&self.obstacles, road, config, vehicle, &mut self.rules.caps);
        let halt = self.rules.halt.as_ref();
        self.targets = targets::targets(&self.obstacles, road, halt, effort, config, vehicle);
        let goals = task.lines.get(line).map_or(&[][..], |about| about.goals);
        self.goals.clear();
        self.goals.extend(goals.iter().map(|goal| goal::Aimed::new(goal, road, start.lead_s, vehicle)));
    }

    /// What a cycle knows of this line, and the lattice to fill.
    fn view<'a>(
        &'a mut self,
        line: usize,
        road: &'a reference::Road<'a>,
        memory: &'a start::Memory,
        start: &start::Start,
        config: &'a Config,
        vehicle: &'a Vehicle,
    ) -> (View<'a>, &'a mut lattice::Lattice) {
        let view = View {
            obstacles: &self.obstacles,
            targets: &self.targets,
            goals: &self.goals,
            rules: &self.rules,
            road,
            memory,
            kept: memory.kept.as_ref().filter(|_| memory.line == line),
            home: memory.line == line || road.ego.d_m.abs() < HOME_M,
            lead_s: start.lead_s,
            is_measured: start.is_measured,
            config,
            vehicle,
        };
        (view, &mut self.lattice)
    }
}

/// What a cycle knows once the objects are predicted and the rules are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub obstacles: &'a predict::Obstacles,
    pub targets: &'a [targets::Target],
    pub goals: &'a [goal::Aimed],
    pub rules: &'a rules::Rules,
    pub road: &'a reference::Road<'a>,
    pub memory: &'a start::Memory,
    /// The last choice, if it was on this line.
    pub kept: Option<&'a lattice::Kept>,
    /// It is the line that the ego is on.
    pub home: bool,
    pub lead_s: f64,
    /// The plan starts as the sensors say, see [`start::Start::is_measured`].
    pub is_measured: bool,
    pub config: &'a Config,
    pub vehicle: &'a Vehicle,
}

/// A lead that has stood this long is no queue any more, s.
const QUEUE_S: f64 = 20.0;
/// A car that drives again forgets how long it stood, this many times as fast.
const FORGETS: f64 = 2.0;
/// A car that stands so near to the end of its route has arrived, m.
const AT_GOAL_M: f64 = 2.0;
/// Below and above these speeds the car stands and drives, m/s.
const STANDS_MPS: f64 = 0.15;
const DRIVES_MPS: f64 = 1.0;

impl View<'_> {
    /// For how long the car has stood without a good reason: a rule, or traffic that will go on.
    fn stuck_s(&self) -> f64 {
        let elapsed_s = self.memory.since_s.clamp(0.0, 1.0);
        let lead = self.targets.iter().find(|target| !target.crosses).and_then(|target| target.object);
        let queue = lead.is_some_and(|object| {
            let o = &self.obstacles.objects[object];
            o.has_moved && o.stood_s < QUEUE_S
        });
        let speed = self.road.ego.s_dot_mps;
        // The end of the route is a reason to stand there, and none on the way to it.
        let bumper_s_m = self.road.s_m + self.vehicle.front_offset_m();
        let waits = self.rules.halt.as_ref().is_some_and(|halt| !halt.goal || halt.aim_s_m - bumper_s_m < AT_GOAL_M);
        if speed < STANDS_MPS && !waits && !queue {
            self.memory.stuck_s + elapsed_s
        } else if speed > DRIVES_MPS || waits {
            (self.memory.stuck_s - FORGETS * elapsed_s).max(0.0)
        } else {
            self.memory.stuck_s
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A car that stood on its way to the end of its route was never stuck.
    #[test]
    fn who_stands_before_a_line_waits_and_who_stands_far_from_the_goal_is_stuck() {
        let start = start::Start::at_once(maps::CartesianState::default());
        let mut scene = fixture::scene(&start, &fixture::line(), vec![]);
        (scene.memory.stuck_s, scene.memory.since_s) = (5.0, 0.1);
        let mut stuck_s = |halt: Option<(f64, bool)>| {
            scene.rules.halt = halt.map(|(aim_s_m, goal)| rules::Halt {
                limit_s_m: aim_s_m + 0.5,
                aim_s_m,
                goal,
                track: None,
                reason: String::new(),
            });
            scene.view().stuck_s()
        };
        assert_eq!([stuck_s(None), stuck_s(Some((12.0, true)))], [5.1, 5.1]);
        assert_eq!([stuck_s(Some((12.0, false))), stuck_s(Some((4.5, true)))], [4.8, 4.8]);
    }

    #[test]
    fn a_line_just_chosen_is_kept_and_later_may_be_left() {
        let way = fixture::way(fixture::line());
        let about = Line { way: &way, detour_m: 0.0, leave_by_m: None, goals: &[], until_s: None };
        let start = start::Start::at_once(maps::CartesianState { speed_mps: 10.0, ..Default::default() });
        let road = reference::choose(Some(&way), &start, None, &types::Limits::default());
        let mut scene = fixture::scene(&start, &fixture::line(), vec![]);
        let index = choose::choose(&mut scene.lattice).unwrap();
        let kept = Some(scene.lattice.keep(index, &road));
        let price = |line: usize, same_line_s: f64| {
            let memory = start::Memory { kept, same_line_s, line: 0, ..start::Memory::default() };
            line_price(&about, line, &road, &memory)
        };
        assert_eq!((price(0, 0.0), price(0, 9.0)), (0.0, 0.0));
        assert!(price(1, 0.0) > 4.0 && price(1, 2.0) > 2.0 && price(1, 2.0) < price(1, 0.0));
        assert_eq!(price(1, 9.0), OTHER_LINE);
    }
}
