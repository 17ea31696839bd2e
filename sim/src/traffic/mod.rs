//! All that moves besides the ego: vehicles, cyclists, people on foot. Everybody reacts to the ego.
//!
//! Twenty times a second everybody thinks: who is where, who may pass which junction, how hard to brake. In between all move on
//! smoothly.

mod agent;
mod change;
mod idm;
mod junction;
mod lanes;
mod occupancy;
mod populate;
mod walker;

pub use agent::Agent;

use crate::cast::Kind;
use crate::history::ActorState;
use crate::roads::Setting;
use crate::scene::Object;
use lanes::{Lanes, Occupant};
use maps::{LaneId, LaneKind};
use occupancy::{occupy_ego, occupy_path, occupy_walker};
use types::{Pose2, StopKind};
use walker::{CrossingLanes, Walker};

/// The ego's place among the agents.
pub const EGO: usize = 0;
/// Time between thoughts, ns.
pub const THINK_NS: i64 = 50_000_000;

/// The ego as the traffic sees it.
#[derive(Clone, Copy, Debug)]
pub struct EgoView {
    /// Middle of its body.
    pub pose: Pose2,
    /// Speed along its heading, m/s.
    pub speed: f64,
    /// Acceleration, m/s2.
    pub acceleration: f64,
}

/// Vehicles that will change into the ego's lane.
#[derive(Clone, Copy, Debug)]
struct CutIn {
    at_s: f64,
    gap_m: f64,
    agent: Option<usize>,
    ends_s: f64,
}

/// Everybody.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Vehicles; the first is the ego.
    pub agents: Vec<Agent>,
    /// People on foot.
    pub walkers: Vec<Walker>,
    /// Where the ego's middle is along its way, m.
    pub ego_way_m: f64,
    lanes: Lanes,
    /// Stops of each lane.
    stops: Vec<Vec<usize>>,
    /// What each link crosses.
    crossings: Vec<CrossingLanes>,
    crossing_lengths: Vec<f64>,
    /// Speed at which a lane's curve is taken, m/s.
    curve_mps: Vec<f64>,
    /// Arc length of the ego's way where each of its lanes begins, m.
    way_starts: Vec<f64>,
    way_index: usize,
    /// When the ego was given its latest way through a junction, s.
    ego_granted_s: f64,
    cut_ins: Vec<CutIn>,
    has_waves: bool,
}

/// Lateral acceleration in curves, m/s2.
const CURVE_MPS2: f64 = 2.0;
/// Braking before curves, m/s2.
const EASY_BRAKING_MPS2: f64 = 1.5;

impl Traffic {
    /// Lets everybody think; `ego` is where the ego is.
    pub fn think(&mut self, setting: &Setting, time_s: f64, ego: &EgoView) {
        self.follow_ego(setting, ego);
        self.occupy(setting, ego);
        self.open_gates(setting, time_s);
        self.mind_vehicles(setting, ego.pose);
        self.note_standing(setting);
        self.grant(setting, time_s);
        self.ride_waves(time_s);
        for index in 0..self.agents.len() {
            if !self.agents[index].is_gone {
                self.agents[index].acceleration = self.accelerate(setting, index);
            }
        }
        self.agents[EGO].acceleration = ego.acceleration;
        self.change_lanes(setting, time_s);
    }

    /// Moves everybody but the ego.
    pub fn advance(&mut self, setting: &Setting, dt: f64) {
        for agent in self.agents.iter_mut().skip(1).filter(|agent| !agent.is_gone) {
            agent.advance(&setting.network, dt);
        }
        for walker in &mut self.walkers {
            walker.advance(setting, dt);
        }
    }

    /// What the scripted driver of the ego wishes: the same as everybody, and the goal.
    pub fn script_acceleration(&self, setting: &Setting) -> f64 {
        let own = &self.agents[EGO];
        let goal = self.way_starts[self.way_starts.len() - 1] + setting.goal_m - self.ego_way_m - own.half_m();
        self.accelerate(setting, EGO).min(own.driver.halt(own.speed, goal - 0.5))
    }

    /// Finds the ego on its way.
    fn follow_ego(&mut self, setting: &Setting, ego: &EgoView) {
        let lane = |index: usize| &setting.network.lane(setting.way[index]).center;
        let (x, y) = (ego.pose.x, ego.pose.y);
        let near = self.ego_way_m - self.way_starts[self.way_index];
        let mut foot = lane(self.way_index).project_within(x, y, near - 10.0, near + 10.0);
        while self.way_index + 1 < setting.way.len() && foot.s_m > lane(self.way_index).length_m() - 1e-6 {
            self.way_index += 1;
            foot = lane(self.way_index).project_within(x, y, 0.0, 10.0);
        }
        self.ego_way_m = self.way_starts[self.way_index] + foot.s_m;
        let own = &mut self.agents[EGO];
        (own.lane, own.s) = (setting.way[self.way_index], foot.s_m);
        own.behind = setting.way[self.way_index.saturating_sub(4)..self.way_index].to_vec();
        own.ahead = setting.way[self.way_index + 1..].iter().take(4).copied().collect();
        own.speed = ego.speed.max(0.0);
        own.stands_s = if own.speed < 0.1 { own.stands_s + THINK_NS as f64 * 1e-9 } else { 0.0 };
        own.acceleration = ego.acceleration;
    }

    /// Puts everybody into the lanes.
    fn occupy(&mut self, setting: &Setting, ego: &EgoView) {
        let mut lanes = std::mem::take(&mut self.lanes);
        lanes.clear();
        for (who, agent) in self.agents.iter().enumerate().skip(1).filter(|(_, agent)| !agent.is_gone) {
            occupy_path(setting, &mut lanes, who, agent);
            // One who changes lanes is in both.
            if let Some((lane, s)) = self.lane_left(setting, agent) {
                let (rear, front) = (s - agent.tail_m(), s + agent.half_m());
                lanes.add(lane, Occupant::whole(rear, front, agent.speed, who));
            }
        }
        occupy_ego(setting, &mut lanes, &self.agents[EGO], ego);
        for walker in self.walkers.iter().filter(|walker| walker.is_on_road()) {
            occupy_walker(setting, &mut lanes, walker);
        }
        self.lanes = lanes;
    }

    /// Acceleration of an agent: the smallest that any reason asks for.
    fn accelerate(&self, setting: &Setting, index: usize) -> f64 {
        let agent = &self.agents[index];
        let (network, driver) = (&setting.network, &agent.driver);
        let (front, half_width) = (agent.s + agent.half_m(), 0.5 * agent.size[1]);
        let horizon = 25.0 + 5.0 * agent.speed;
        let limit = network.lane(agent.lane).speed_limit_mps;
        let mut wanted =
            (limit * agent.speed_share).min(agent.kind.fastest_mps()).min(agent.urge_mps.unwrap_or(f64::INFINITY));
        let mut leader: Option<(f64, f64)> = None;
        let mut least = f64::INFINITY;
        let mut start = 0.0;
        for (step, &lane) in std::iter::once(&agent.lane).chain(&agent.ahead).enumerate() {
            if start - front > horizon {
                break;
            }
            let before = if step == 0 { agent.s } else { f64::NEG_INFINITY };
            let mut note = |found: Option<Occupant>| {
                if let Some(found) = found {
                    let gap = start + found.rear - front;
                    if leader.is_none_or(|(known, _)| gap < known) {
                        leader = Some((gap, found.speed));
                    }
                }
            };
            note(self.lanes.first_ahead(lane, before, index, half_width));
            if let Some(connection) = &setting.connections[lane] {
                for &(sibling, together) in &connection.siblings {
                    note(
                        self.lanes
                            .first_ahead(sibling, before, index, half_width)
                            .filter(|found| found.rear < together),
                    );
                }
            }
            for stop in self.stops[lane].iter().map(|stop| &setting.network.roads().stops[*stop]) {
                let way = start + stop.s_m - front;
                let StopKind::Crossing = stop.kind else { continue };
                let Some(crossing) = stop.crossing else { continue };
                let too_late = agent.speed * agent.speed > 2.0 * 5.5 * way.max(0.05) && way < 12.0;
                if way > -0.6
                    && !too_late
                    && self.is_crossed(setting, crossing, self.crossed_lane(setting, crossing, lane))
                {
                    least = least.min(driver.halt(agent.speed, way - 0.2));
                }
            }
            let way = (start - agent.s).max(0.0);
            let curve = self.curve_mps[lane];
            wanted = wanted.min((curve * curve + 2.0 * EASY_BRAKING_MPS2 * way).sqrt());
            start += network.lane(lane).center.length_m();
            if leader.is_some_and(|(gap, _)| gap < start - front - 40.0) {
                break;
            }
        }
        if let Some((lane, s)) = self.lane_left(setting, agent)
            && let Some(found) = self.lanes.first_ahead(lane, s, index, half_width)
        {
            let gap = found.rear - s - agent.half_m();
            if leader.is_none_or(|(known, _)| gap < known) {
                leader = Some((gap, found.speed));
            }
        }
        let (gap, leader_speed) = leader.unwrap_or((f64::INFINITY, wanted));
        let free = driver.follow(agent.speed, wanted, gap, leader_speed, driver.gap_m);
        least = least.min(free);
        if let Some(way) = self.barrier_m(setting, index).filter(|way| *way > -1.5) {
            least = least.min(driver.halt(agent.speed, way - 0.3));
        }
        least
    }

    /// The lane that one who changes lanes is still partly in, and the place along it.
    fn lane_left(&self, setting: &Setting, agent: &Agent) -> Option<(LaneId, f64)> {
        let (d, _) = agent.shift.at(0.0);
        let own = setting.network.lane(agent.lane);
        if !agent.shift.is_going() || d.abs() + 0.5 * agent.size[1] < 1.5 {
            return None;
        }
        let (_, neighbor) = own.side(d > 0.0);
        let neighbor =
            neighbor.filter(|n| n.same_direction && setting.network.lane(n.lane).kind == LaneKind::Driving)?;
        let pose = own.center.pose(agent.s);
        let line = &setting.network.lane(neighbor.lane).center;
        Some((neighbor.lane, line.project_within(pose.x, pose.y, agent.s - 20.0, agent.s + 20.0).s_m))
    }

    /// The lane under a crossing for one who stops on `lane` for it: the lane itself or the one behind it.
    fn crossed_lane(&self, setting: &Setting, crossing: usize, lane: LaneId) -> LaneId {
        let link = setting.links.iter().position(|link| link.crossing == crossing);
        let under =
            |lane: LaneId| link.is_some_and(|link| self.crossings[link].lanes.iter().any(|known| known.0 == lane));
        let next = setting.network.lane(lane).successors.iter().copied().find(|next| under(*next));
        if under(lane) { lane } else { next.unwrap_or(lane) }
    }

    /// The queue ahead of the ego stops and goes: its heads have a rhythm.
    fn ride_waves(&mut self, time_s: f64) {
        if !self.has_waves {
            return;
        }
        for agent in self.agents.iter_mut().skip(1).filter(|agent| agent.urge_mps.is_some()) {
            let phase = (time_s + 10.0 * f64::from(agent.size[0].to_bits() as u32 % 7) / 7.0).rem_euclid(22.0);
            agent.urge_mps = Some(if phase < 9.0 {
                8.0
            } else if phase < 15.0 {
                0.3
            } else {
                4.0
            });
        }
    }

    /// The objects of all that moves: vehicles, each before its trailer, then people on foot.
    pub fn take_objects(&mut self) -> Vec<Object> {
        let object = |class, body| Object::new(Some(class), body, Pose2::default(), 0.0);
        let mut objects = Vec::new();
        for agent in self.agents.iter_mut().skip(1) {
            let class = agent.kind.class();
            objects.extend(std::mem::take(&mut agent.bodies).into_iter().map(|body| object(class, body)));
        }
        for walker in &mut self.walkers {
            objects.extend(walker.body.take().map(|body| object(Kind::Pedestrian.class(), body)));
        }
        objects
    }

    /// Where all that moves is, in the order of the objects.
    pub fn states(&self, setting: &Setting, states: &mut Vec<ActorState>) {
        for (index, agent) in self.agents.iter().enumerate().skip(1) {
            let braking = agent.acceleration < -0.4 || agent.speed < 0.3;
            let pose = agent.pose(&setting.network);
            let trailer = agent.trailer_pose(&setting.network);
            for (turn, pose) in std::iter::once(pose).chain(trailer).enumerate() {
                let velocity_mps = [agent.speed * pose.yaw.cos(), agent.speed * pose.yaw.sin()];
                // Whoever has left is far away, each at a place of its own.
                let away = Pose2 { x: 1e5 + 100.0 * index as f64, y: 1e5 + 50.0 * turn as f64, yaw: 0.0 };
                let pose = if agent.is_gone { away } else { pose };
                states.push(ActorState { pose, velocity_mps, braking, is_gone: agent.is_gone });
            }
        }
        for walker in &self.walkers {
            let pose = walker.pose(&setting.network);
            let velocity_mps = [walker.speed * pose.yaw.cos(), walker.speed * pose.yaw.sin()];
            states.push(ActorState { pose, velocity_mps, braking: false, is_gone: false });
        }
    }
}

/// Speeds at which the lanes' curves are taken, m/s.
fn curve_speeds(setting: &Setting) -> Vec<f64> {
    let tightest = |lane: &maps::Lane| {
        let length = lane.center.length_m();
        let count = (length / 2.0).ceil() as usize;
        (1..count).map(|i| lane.center.curvature_1pm(length * i as f64 / count as f64).abs()).fold(1e-6, f64::max)
    };
    setting.network.lanes().iter().map(|lane| (CURVE_MPS2 / tightest(lane)).sqrt()).collect()
}

impl Kind {
    /// How it is driven.
    fn driver(self, headway_s: f64) -> idm::Driver {
        let gap_m = if self == Self::Cyclist { 1.5 } else { 2.5 };
        idm::Driver { acceleration_mps2: self.acceleration_mps2(), braking_mps2: 2.2, headway_s, gap_m }
    }
}

#[cfg(test)]
mod tests;
