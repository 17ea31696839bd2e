//! Who is there at the start, and where.

use super::agent::{Agent, Shift};
use super::lanes::Lanes;
use super::walker::{CrossingLanes, Doing, Gate, Stroll, Walker, footway};
use super::{CutIn, EGO, Traffic, curve_speeds};
use crate::cast::Kind;
use crate::random::Random;
use crate::roads::Setting;
use crate::scenario::Scenario;
use crate::scene::Body;
use maps::{LaneId, LaneKind};
use types::{Pose2, Vehicle};

/// A vehicle that stays where it is.
#[derive(Clone, Debug)]
pub struct Parked {
    /// What it is.
    pub kind: Kind,
    /// Its body.
    pub body: Body,
    /// Where it stands.
    pub pose: Pose2,
}

impl Traffic {
    /// Everybody of a seed, and the parked vehicles.
    pub fn build(setting: &Setting, scenario: &Scenario, vehicle: &Vehicle, seed: u64) -> (Self, Vec<Parked>) {
        let mut random = Random::new(seed, 20);
        let lane_count = setting.network.lanes().len();
        let mut stops = vec![Vec::new(); lane_count];
        for (index, stop) in setting.network.roads().stops.iter().enumerate() {
            stops[stop.lane].push(index);
        }
        let crossing = |index: usize| &setting.network.roads().crossings[index];
        let ends = setting.links.iter().map(|link| (crossing(link.crossing).from, crossing(link.crossing).to));
        let mut way_starts = vec![0.0];
        for lane in &setting.way[..setting.way.len() - 1] {
            way_starts.push(way_starts[way_starts.len() - 1] + setting.network.lane(*lane).center.length_m());
        }
        let events = &scenario.events;
        let mut traffic = Self {
            agents: Vec::new(),
            walkers: Vec::new(),
            ego_way_m: setting.start_m + vehicle.center_offset_m(),
            lanes: Lanes::new(lane_count),
            stops,
            crossings: ends.clone().map(|(from, to)| CrossingLanes::under(&setting.network, from, to)).collect(),
            crossing_lengths: ends.map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).collect(),
            curve_mps: curve_speeds(setting),
            way_starts,
            way_index: 0,
            ego_granted_s: f64::NEG_INFINITY,
            cut_ins: Vec::new(),
            has_waves: events.stop_and_go,
        };
        traffic.add_ego(setting, vehicle, &mut random);
        if scenario.corridor.is_some() {
            traffic.fill_corridor(setting, scenario, &mut random);
        } else {
            traffic.fill_grid(setting, scenario, &mut random);
        }
        for _ in 0..events.cut_ins.count(&mut random) {
            let at_s = 4.0 + random.between(0.0, 0.45 * scenario.duration_s);
            let gap_m = events.cut_in_gap_m.draw(&mut random);
            traffic.cut_ins.push(CutIn { at_s, gap_m, agent: None, ends_s: at_s + 30.0 });
        }
        let mut parked = park(setting, scenario, &mut random);
        for _ in 0..scenario.actors.pedestrians.count(&mut random) {
            traffic.add_walker(setting, &mut random);
        }
        for _ in 0..events.jaywalkers.count(&mut random) {
            traffic.add_jaywalker(setting, scenario, &mut random);
        }
        // Nobody walks through a parked car.
        parked.retain(|parked| !traffic.walkers.iter().any(|walker| walker.passes(&parked.pose, parked.body.size)));
        (traffic, parked)
    }

    fn add_ego(&mut self, setting: &Setting, vehicle: &Vehicle, random: &mut Random) {
        let size = [vehicle.length_m, vehicle.width_m, vehicle.height_m];
        let mut ego = agent(Kind::Car, Body::new(size, Vec::new()), setting.way[0], self.ego_way_m, 1.4, random);
        ego.speed_share = 0.92;
        ego.ahead = setting.way[1..].iter().take(4).copied().collect();
        self.agents.push(ego);
    }

    /// Whether a place in a lane is free for a vehicle with a gap of time and distance around it.
    fn is_free(&self, lane: LaneId, s: f64, half: f64, tail: f64, gap: f64) -> bool {
        self.agents
            .iter()
            .filter(|agent| agent.lane == lane)
            .all(|agent| s - tail > agent.s + agent.half_m() + gap || s + half + gap < agent.s - agent.tail_m())
    }

    fn put(&mut self, setting: &Setting, mut new: Agent, gap: f64) -> bool {
        if !self.is_free(new.lane, new.s, new.half_m(), new.tail_m(), gap) {
            return false;
        }
        // What it pulls must not reach back into a junction.
        if new.s - new.tail_m() < 1.0 || new.s + new.half_m() > setting.network.lane(new.lane).center.length_m() - 9.0 {
            return false;
        }
        new.plan(&setting.network);
        self.agents.push(new);
        true
    }

    /// Vehicles in front of, behind and beside the ego, and on the other side.
    fn fill_corridor(&mut self, setting: &Setting, scenario: &Scenario, random: &mut Random) {
        let network = &setting.network;
        let own = setting.way[0];
        let heading = |lane: LaneId| network.lane(lane).center.pose(0.0);
        let is_own = |lane: LaneId| types::wrap_angle(heading(lane).yaw - heading(own).yaw).abs() < 1.5;
        let driving = (0..network.lanes().len()).filter(|lane| network.lane(*lane).kind == LaneKind::Driving);
        let (same, other): (Vec<LaneId>, Vec<LaneId>) = driving.partition(|lane| is_own(*lane));
        let limit = setting.limit_mps;
        let start = setting.start_m;
        let is_queue = scenario.events.stop_and_go;
        let count = scenario.actors.vehicles.count(random);
        let ahead = if is_queue { 200.0 } else { 16.0 * limit };
        for i in 0..count {
            let to_other = i % 10 >= 7;
            let lane = random.pick(if to_other { &other } else { &same });
            for _ in 0..30 {
                let mut new = self.draw_agent(scenario, lane, 0.0, random);
                let length = network.lane(lane).center.length_m();
                new.s = if to_other {
                    length - start - random.between(-100.0, 1700.0)
                } else {
                    start + random.between(-0.35 * ahead, ahead)
                };
                let speed = if is_queue { 6.0 } else { new.speed_share * limit * 0.95 };
                new.speed = speed.min(new.kind.fastest_mps());
                let gap = if is_queue { 5.0 } else { 6.0 + 0.9 * new.speed };
                // The ego needs more room at the start, since nobody has looked yet.
                let near_ego = lane == own && (new.s - start).abs() < 25.0 + 1.2 * new.speed;
                if !near_ego && self.put(setting, new, gap) {
                    break;
                }
            }
        }
        if is_queue {
            for lane in same {
                let in_lane = (1..self.agents.len()).filter(|i| self.agents[*i].lane == lane);
                let head = in_lane.max_by(|a, b| self.agents[*a].s.total_cmp(&self.agents[*b].s));
                if let Some(head) = head {
                    self.agents[head].urge_mps = Some(8.0);
                }
            }
        }
    }

    fn fill_grid(&mut self, setting: &Setting, scenario: &Scenario, random: &mut Random) {
        let network = &setting.network;
        let of_kind = |kind: LaneKind| {
            let fits = |lane: &LaneId| network.lane(*lane).kind == kind && network.lane(*lane).junction.is_none();
            (0..network.lanes().len()).filter(fits).collect::<Vec<LaneId>>()
        };
        let (driving, bicycle) = (of_kind(LaneKind::Driving), of_kind(LaneKind::Bicycle));
        let vehicles = scenario.actors.vehicles.count(random);
        let cyclists = scenario.actors.cyclists.count(random);
        for i in 0..vehicles + cyclists {
            let is_cyclist = i >= vehicles;
            for _ in 0..30 {
                let lane =
                    if is_cyclist && !bicycle.is_empty() { random.pick(&bicycle) } else { random.pick(&driving) };
                let length = network.lane(lane).center.length_m();
                let mut new = self.draw_agent(scenario, lane, random.between(4.0, length - 12.0), random);
                if is_cyclist {
                    new = cyclist(new, network.lane(lane).kind, network.lane(lane).width_m(0.0), random);
                }
                new.speed = (0.6 * setting.limit_mps).min(new.kind.fastest_mps());
                let gap = 5.0 + new.speed;
                let near_ego = lane == setting.way[0] && (new.s - self.agents[EGO].s).abs() < 12.0 + 2.0 * new.speed;
                if !near_ego && self.put(setting, new, gap) {
                    break;
                }
            }
        }
    }

    fn draw_agent(&self, scenario: &Scenario, lane: LaneId, s: f64, random: &mut Random) -> Agent {
        let kind = Kind::motor(&scenario.actors.mix, random);
        let body = kind.body(random);
        let mut new = agent(kind, body, lane, s, scenario.actors.headway_s.draw(random), random);
        new.speed_share = scenario.actors.speed_share.draw(random);
        if kind == Kind::Tractor {
            let trailer = Kind::Trailer.body(random);
            new.trailer = Some(trailer.size);
            new.bodies.push(trailer);
        }
        new
    }

    fn add_walker(&mut self, setting: &Setting, random: &mut Random) {
        let network = &setting.network;
        let sidewalks: Vec<LaneId> =
            (0..network.lanes().len()).filter(|lane| network.lane(*lane).kind == LaneKind::Sidewalk).collect();
        if sidewalks.is_empty() {
            return;
        }
        let lane = random.pick(&sidewalks);
        let (length, width) = (network.lane(lane).center.length_m(), network.lane(lane).width_m(1.0));
        let direction = random.pick(&[-1.0, 1.0]);
        let room = (0.5 * width - 0.5).max(0.0);
        let body = Kind::Pedestrian.body(random);
        let pace = random.between(0.9, 1.6);
        self.walkers.push(Walker {
            pace,
            speed: pace,
            direction,
            d: direction * -random.between(0.2 * room, room),
            doing: Doing::Walk { lane, s: random.between(0.0, length) },
            random: Random::new(random.bits(), 0),
            body: Some(body),
            is_blocked: false,
            waits_beside: None,
        });
    }

    /// Somebody who steps out between parked cars beside the ego's way.
    fn add_jaywalker(&mut self, setting: &Setting, scenario: &Scenario, random: &mut Random) {
        let network = &setting.network;
        let reach = |lane: LaneId, s: f64| {
            let pose = network.lane(lane).center.pose(s);
            let mut outer = lane;
            let mut parking = None;
            while let Some(next) = network.lane(outer).right_neighbor.filter(|next| next.same_direction) {
                outer = next.lane;
                if network.lane(outer).kind == LaneKind::Parking {
                    parking = Some(outer);
                }
            }
            let parking = network.lane(parking?);
            Some((parking.left.project(pose.x, pose.y).distance_m, parking.right.project(pose.x, pose.y).distance_m))
        };
        for _ in 0..20 {
            let turn = (random.bits() % setting.way.len() as u64) as usize;
            let lane = setting.way[turn];
            let length = network.lane(lane).center.length_m();
            if network.lane(lane).junction.is_some() || length < 50.0 {
                continue;
            }
            // Between two bays: they count from 13 m on.
            let bay = setting.bays.first().map_or(6.2, |bay| bay.length_m);
            let s = 13.0 + bay * (1.0 + (random.unit() * ((length - 26.0) / bay - 2.0).max(0.0)).floor());
            let at_m = self.way_starts[turn] + s;
            let goal_m = self.way_starts[setting.way.len() - 1] + setting.goal_m;
            let near_stop = self.stops[lane].iter().any(|stop| (network.roads().stops[*stop].s_m - s).abs() < 12.0);
            let Some((inner, outer)) = reach(lane, s) else { continue };
            if at_m < self.ego_way_m + 45.0 || at_m > goal_m - 10.0 || near_stop || s > length - 18.0 {
                continue;
            }
            let line = &network.lane(lane).center;
            let place = |d: f64| {
                let pose = line.offset(s, d);
                [pose.x, pose.y]
            };
            let Some(opposite) = network.lane(lane).left_neighbor else { continue };
            let foot = network.lane(opposite.lane).center.project(line.pose(s).x, line.pose(s).y);
            let mut far = opposite.lane;
            while let Some(next) = network.lane(far).right_neighbor {
                far = next.lane;
            }
            let sidewalk = &network.lane(far).center;
            let goal = sidewalk.project(place(0.0)[0], place(0.0)[1]);
            let (from, gate) = (place(-outer - 0.8), place(-inner - 0.5));
            let across = goal.distance_m;
            let Some(way) = footway(&[from, gate, place(across)]) else { continue };
            let gate_m = outer + 0.8 - inner - 0.5;
            let reaction_s = scenario.events.reaction_s.draw(random);
            let stroll = Stroll {
                along: 0.0,
                gate_m,
                gate: Gate::Ego { reaction_s, at_m },
                kerb_m: gate_m + inner + 0.5 + foot.distance_m + 0.5 * network.lane(opposite.lane).width_m(foot.s_m),
                is_open: false,
                to: (far, goal.s_m),
                line: way,
            };
            let body = Kind::Pedestrian.body(random);
            self.walkers.push(Walker {
                pace: random.between(1.1, 1.6),
                speed: 1.0,
                direction: 1.0,
                d: 0.0,
                doing: Doing::Cross(Box::new(stroll)),
                random: Random::new(random.bits(), 0),
                body: Some(body),
                is_blocked: false,
                waits_beside: None,
            });
            return;
        }
    }
}

fn agent(kind: Kind, body: Body, lane: LaneId, s: f64, headway_s: f64, random: &mut Random) -> Agent {
    Agent {
        kind,
        size: body.size,
        trailer: None,
        lane,
        s,
        behind: Vec::new(),
        ahead: Vec::new(),
        speed: 0.0,
        acceleration: 0.0,
        shift: Shift::default(),
        driver: kind.driver(headway_s),
        speed_share: 1.0,
        urge_mps: None,
        granted: None,
        inside: None,
        has_stood: false,
        stands_s: 0.0,
        patience_s: random.between(0.0, 1.0),
        is_gone: false,
        random: Random::new(random.bits(), 0),
        bodies: vec![body],
    }
}

/// Makes a rider of a driver: at the right edge where there is no lane for bicycles.
fn cyclist(mut agent: Agent, kind: LaneKind, width: f64, random: &mut Random) -> Agent {
    agent.kind = Kind::Cyclist;
    let body = Kind::Cyclist.body(random);
    agent.size = body.size;
    agent.bodies = vec![body];
    agent.trailer = None;
    agent.driver = Kind::Cyclist.driver(1.0);
    agent.speed_share = 1.0;
    if kind != LaneKind::Bicycle {
        let edge = -(0.5 * width - 0.6);
        agent.shift = Shift { from_m: edge, to_m: edge, passed_s: 0.0, whole_s: 0.0 };
    }
    agent
}

fn park(setting: &Setting, scenario: &Scenario, random: &mut Random) -> Vec<Parked> {
    let share = scenario.actors.parked_share.draw(random);
    let mut parked = Vec::new();
    for bay in &setting.bays {
        if random.unit() >= share {
            continue;
        }
        let is_yard = bay.length_m > 10.0;
        let kind = match random.unit() {
            _ if is_yard => random.pick(&[Kind::Trailer, Kind::Trailer, Kind::Truck]),
            chance if chance < 0.14 => Kind::Van,
            _ => Kind::Car,
        };
        let body = kind.body(random);
        let size = body.size;
        if size[0] > bay.length_m - 0.8 {
            continue;
        }
        let room = bay.width_m - size[1];
        let aside = random.between(-0.1, 0.15).clamp(-0.4 * room.max(0.0), 0.3 * room.max(0.0));
        let slack = 0.5 * (bay.length_m - size[0] - 0.8);
        let [x, y] = bay.pose.transform(random.between(-slack, slack), -aside);
        let turn = if random.unit() < 0.1 { std::f64::consts::PI } else { 0.0 };
        let yaw = types::wrap_angle(bay.pose.yaw + turn + random.between(-0.02, 0.02));
        parked.push(Parked { kind, body, pose: Pose2 { x, y, yaw } });
    }
    parked
}
