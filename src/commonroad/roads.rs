//! The lines of a planning problem, ready for the planner: edges, limits, stop lines, and the goals on them.

use anyhow::{Context, ensure};
use maps::formats::commonroad::{Goal as Place, GoalPlace, PlanningProblem, Scenario, Shape};
use maps::{Corridor, LaneLine, Stretch};
use planning::{Goal, Line, Way};
use types::{Pose2, Route, StopKind, TrajectoryPoint};

/// Lines begin so far behind the ego and end so far ahead of it, m.
const BEHIND_M: f64 = 60.0;
const AHEAD_M: f64 = 400.0;
/// Goals are looked for on the line with this step, m, and this far to either side of it, m.
const STEP_M: f64 = 0.25;
const ACROSS_M: f64 = 0.1;
const WIDE_M: f64 = 6.0;
/// How much faster than at its start the ego may go where no limit is told.
const GUESS_SHARE: f64 = 1.1;
/// An interval that nobody ever leaves, m/s.
const ANY_MPS: [f64; 2] = [-1.0, 200.0];

/// One line and the goals on it, their times in s since step 0.
pub struct Lane {
    way: Way,
    detour_m: f64,
    leave_by_m: Option<f64>,
    goals: Vec<Goal>,
}

/// All lines that may be chosen, the shortest way first.
pub struct Lanes {
    lanes: Vec<Lane>,
    /// The goals at the present time, line by line.
    now: Vec<Vec<Goal>>,
    until_s: Option<f64>,
    time_s: f64,
}

impl Lanes {
    /// The lines of a problem.
    ///
    /// # Errors
    /// If no lane leads from the start to a goal.
    pub fn new(scenario: &Scenario, problem: &PlanningProblem) -> anyhow::Result<Self> {
        let lanes = Self::from(scenario, problem, &problem.pose())?;
        ensure!(!lanes.lanes.is_empty(), "no lanes lead from the start to a goal");
        Ok(lanes)
    }

    /// The lines from a pose; none if no lanes lead from there to a goal.
    ///
    /// # Errors
    /// If a line cannot be used.
    pub fn from(scenario: &Scenario, problem: &PlanningProblem, middle: &Pose2) -> anyhow::Result<Self> {
        let map = &scenario.map;
        let corridors = map.network.corridors(middle, &problem.stretches(map, AHEAD_M), BEHIND_M, AHEAD_M);
        let best = corridors.iter().map(|corridor| corridor.cost_m).fold(f64::INFINITY, f64::min);
        let lanes = corridors
            .iter()
            .map(|corridor| {
                let way = way(scenario, problem, &corridor.line)?;
                let placed = problem.goals.iter().filter(|goal| !goal.places.is_empty());
                let goals = placed.flat_map(|goal| on_line(goal, scenario, corridor)).collect();
                Ok(Lane { way, detour_m: corridor.cost_m - best, leave_by_m: corridor.leave_by_m, goals })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let now = lanes.iter().map(|lane: &Lane| lane.goals.clone()).collect();
        let until_s = problem.goals.iter().map(|goal| goal.steps.last as f64 * scenario.time_step_s).reduce(f64::max);
        Ok(Self { lanes, now, until_s, time_s: 0.0 })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Curvature of the first line beside a place, 1/m.
    #[must_use]
    pub fn curvature_1pm(&self, place: &TrajectoryPoint) -> f64 {
        self.lanes.first().map_or(0.0, |lane| {
            let line = lane.way.line();
            line.at(line.project([place.x, place.y]).0).curvature_1pm
        })
    }

    /// Moves the goals to a time, s since step 0.
    pub fn at(&mut self, time_s: f64) {
        self.time_s = time_s;
        for (lane, now) in self.lanes.iter().zip(&mut self.now) {
            now.clear();
            now.extend(lane.goals.iter().map(|goal| goal.later(time_s)));
        }
    }

    /// As the planner wants them.
    #[must_use]
    pub fn lines(&self) -> Vec<Line<'_>> {
        self.lanes
            .iter()
            .zip(&self.now)
            .map(|(lane, goals)| Line {
                way: &lane.way,
                detour_m: lane.detour_m,
                leave_by_m: lane.leave_by_m,
                goals,
                until_s: self.until_s.map(|until| until - self.time_s),
            })
            .collect()
    }
}

/// The line with edges, limits and stop lines. A light of which the file tells nothing is no reason to stop.
fn way(scenario: &Scenario, problem: &PlanningProblem, line: &LaneLine) -> anyhow::Result<Way> {
    let mut route: Route = scenario.map.network.route_along(line, 0.0, line.line.length(), false);
    // A limit that is not in the file is a guess, and who starts faster knows better.
    for (place, point) in route.points.iter_mut().enumerate() {
        let lane = line.lanes[line.index(2.0 * place as f64)];
        if !scenario.map.posted[lane] {
            point.speed_limit_mps = point.speed_limit_mps.max(GUESS_SHARE * problem.initial.speed_mps);
        }
    }
    let known = |id: u32| scenario.programs.iter().any(|program| program.id == id);
    route.stops.retain(|stop| !matches!(stop.kind, StopKind::Signal(id) if !known(id)));
    Way::on(line.line.clone(), &route).context("a line of the scenario")
}

/// Where on a corridor's line a goal lies: none if its lanes do not lead there.
fn on_line(goal: &Place, scenario: &Scenario, corridor: &Corridor) -> Vec<Goal> {
    let line = &corridor.line.line;
    let heading_rad =
        goal.heading.map(|interval| [interval.from_rad + 0.5 * interval.span_rad, 0.5 * interval.span_rad]);
    let speed_mps = goal.speed_mps.map_or(ANY_MPS, |interval| [interval.low, interval.high]);
    let time_s = [goal.steps.first, goal.steps.last].map(|step| step as f64 * scenario.time_step_s);
    let on = |along_m: [f64; 2], across_m: [f64; 2]| Goal { along_m, across_m, time_s, speed_mps, heading_rad };
    let mut found = Vec::new();
    for place in &goal.places {
        match place {
            GoalPlace::Lane(lane) => {
                let length = scenario.map.network.lane(*lane).center.length_m();
                if let Some(along) = stretch(scenario, corridor, &Stretch { lane: *lane, from_m: 0.0, to_m: length }) {
                    found.push(on(along, [-1.4, 1.4]));
                }
            }
            GoalPlace::Within(shape) => found.extend(within(shape, line).map(|(along, across)| on(along, across))),
        }
    }
    found
}

fn stretch(scenario: &Scenario, corridor: &Corridor, stretch: &Stretch) -> Option<[f64; 2]> {
    let line = &corridor.line;
    let index = line.lanes.iter().position(|lane| *lane == stretch.lane)?;
    let center = &scenario.map.network.lane(stretch.lane).center;
    let place = |along_m: f64| {
        let pose = center.pose(along_m);
        line.line.project_near([pose.x, pose.y], line.starts_m[index] + along_m, 15.0).0
    };
    Some([place(stretch.from_m), place(stretch.to_m)])
}

/// The longest stretch of a line with the widest strip beside it that lies in a shape.
fn within(shape: &Shape, line: &maps::ReferenceLine) -> Option<([f64; 2], [f64; 2])> {
    let count = (line.length() / STEP_M) as usize;
    let [cx, cy] = shape.center();
    let (s_mid, d_mid) = line.project([cx, cy]);
    if d_mid.abs() > WIDE_M {
        return None;
    }
    let inside = |s: f64, d: f64| {
        let point = line.at(s);
        let (sin, cos) = point.heading_rad.sin_cos();
        shape.contains(point.x - sin * d, point.y + cos * d)
    };
    let side = |sign: f64| {
        (1..)
            .map(|i| sign * ACROSS_M * f64::from(i))
            .take_while(|d| d.abs() < WIDE_M && inside(s_mid, d_mid + d))
            .last()
    };
    let across = [d_mid + side(-1.0).unwrap_or(0.0), d_mid + side(1.0).unwrap_or(0.0)];
    // Along the offset in the strip that is nearest to the line.
    let d = 0.0f64.clamp(across[0], across[1]);
    let at = ((s_mid / STEP_M).round() as usize).min(count);
    if !inside(at as f64 * STEP_M, d) {
        return None;
    }
    let mut from = at;
    while from > 0 && inside((from - 1) as f64 * STEP_M, d) {
        from -= 1;
    }
    let mut to = at;
    while to < count && inside((to + 1) as f64 * STEP_M, d) {
        to += 1;
    }
    Some(([from as f64 * STEP_M, to as f64 * STEP_M], across))
}
