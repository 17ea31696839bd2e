//! People on foot: they walk along sidewalks, wait at crossings and cross; some step onto the road elsewhere.

use super::Traffic;
use crate::random::Random;
use crate::roads::Setting;
use crate::scene::Body;
use maps::{LaneId, LaneKind, LaneNetwork, Polyline};
use types::Pose2;

/// Braking that a person on foot expects of a driver, m/s2.
const EXPECTED_BRAKING_MPS2: f64 = 2.2;
/// A driver needs this long before the car brakes, s.
const REACTION_S: f64 = 0.6;

/// When somebody who waits may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gate {
    /// At a crossing: index of the link.
    Crossing(usize),
    /// When the ego is so near that it can just stop comfortably: reaction time, s, and where along its route the person
    /// crosses, m.
    Ego {
        /// Time to react beyond braking, s.
        reaction_s: f64,
        /// Along the ego's way, m.
        at_m: f64,
    },
}

/// A walk across the road.
#[derive(Clone, Debug)]
pub struct Stroll {
    /// The way.
    pub line: Polyline,
    /// Place along it, m.
    pub along: f64,
    /// Where one waits, m.
    pub gate_m: f64,
    /// What for.
    pub gate: Gate,
    /// Where the road ends again, m.
    pub kerb_m: f64,
    /// Whether the wait is over.
    pub is_open: bool,
    /// Sidewalk behind the road and the place along it.
    pub to: (LaneId, f64),
}

/// What somebody does.
#[derive(Clone, Debug)]
pub enum Doing {
    /// Walks along a sidewalk.
    Walk {
        /// The sidewalk.
        lane: LaneId,
        /// Along it, m.
        s: f64,
    },
    /// Crosses a road.
    Cross(Box<Stroll>),
}

/// Somebody on foot.
#[derive(Clone, Debug)]
pub struct Walker {
    /// Usual speed, m/s.
    pub pace: f64,
    /// Speed now, m/s.
    pub speed: f64,
    /// With (1) or against (-1) the sidewalk's direction.
    pub direction: f64,
    /// Left of the sidewalk's middle, m.
    pub d: f64,
    /// What it does.
    pub doing: Doing,
    /// Whether a vehicle stands in its way.
    pub is_blocked: bool,
    /// The vehicle beside whose body it waits.
    pub waits_beside: Option<usize>,
    /// Its own choices.
    pub random: Random,
    /// Its body, until it is put into the scene.
    pub body: Option<Body>,
}

/// A crossing as those who walk and those who drive need it.
#[derive(Clone, Debug)]
pub struct CrossingLanes {
    /// Lanes that it crosses: the lane, where along the lane, where along the crossing, half the lane's width, m.
    pub lanes: Vec<(LaneId, f64, f64, f64)>,
}

impl CrossingLanes {
    /// Lanes under a straight line.
    pub fn under(network: &LaneNetwork, from: [f64; 2], to: [f64; 2]) -> Self {
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let count = (length / 0.25).ceil().max(1.0) as usize;
        let mut lanes: Vec<(LaneId, f64, f64, f64)> = Vec::new();
        for i in 0..=count {
            let share = i as f64 / count as f64;
            let (x, y) = (from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1]));
            for lane in network.ground(x, y).lanes {
                let is_road = matches!(network.lane(lane).kind, LaneKind::Driving | LaneKind::Bicycle);
                if !is_road || lanes.iter().any(|known| known.0 == lane) {
                    continue;
                }
                let line = &network.lane(lane).center;
                let foot = line.project(x, y);
                // Along the crossing where the lane's middle is.
                let middle = line.pose(foot.s_m);
                let along =
                    ((middle.x - from[0]) * (to[0] - from[0]) + (middle.y - from[1]) * (to[1] - from[1])) / length;
                lanes.push((lane, foot.s_m, along, 0.5 * network.lane(lane).width_m(foot.s_m)));
            }
        }
        Self { lanes }
    }
}

/// A way on foot through some places: its direction changes within a step.
pub fn footway(places: &[[f64; 2]]) -> Option<Polyline> {
    const STEP_M: f64 = 0.3;
    let mut points = Vec::new();
    for pair in places.windows(2) {
        let count = ((pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]) / STEP_M).ceil().clamp(1.0, 1e4);
        let share = |i: usize| i as f64 / count;
        let at = |i: usize| [0, 1].map(|axis| pair[0][axis] + share(i) * (pair[1][axis] - pair[0][axis]));
        points.extend((0..count as usize).map(at));
    }
    points.extend(places.last());
    Polyline::new(&points)
}

impl Walker {
    /// Where it is.
    pub fn pose(&self, network: &LaneNetwork) -> Pose2 {
        match &self.doing {
            Doing::Walk { lane, s } => {
                let pose = network.lane(*lane).center.offset(*s, self.d);
                let turn = if self.direction < 0.0 { std::f64::consts::PI } else { 0.0 };
                Pose2 { yaw: types::wrap_angle(pose.yaw + turn), ..pose }
            }
            Doing::Cross(stroll) => stroll.line.pose(stroll.along),
        }
    }

    /// Whether it is on the road.
    pub fn is_on_road(&self) -> bool {
        match &self.doing {
            Doing::Walk { .. } => false,
            Doing::Cross(stroll) => {
                stroll.is_open && stroll.along > stroll.gate_m - 0.3 && stroll.along < stroll.kerb_m + 0.2
            }
        }
    }

    /// Whether its walk across a road leads through a body.
    pub fn passes(&self, pose: &Pose2, [length, width, _]: [f64; 3]) -> bool {
        const ROOM_M: f64 = 0.5;
        let Doing::Cross(stroll) = &self.doing else { return false };
        stroll.line.points().iter().any(|point| {
            let [x, y] = pose.inverse_transform(point[0], point[1]);
            x.abs() < 0.5 * length + ROOM_M && y.abs() < 0.5 * width + ROOM_M
        })
    }

    /// Moves by `dt`.
    pub fn advance(&mut self, setting: &Setting, dt: f64) {
        let wanted = match &self.doing {
            Doing::Cross(stroll) if !stroll.is_open && stroll.along >= stroll.gate_m => 0.0,
            Doing::Cross(_) if self.is_blocked => 0.0,
            _ => self.pace,
        };
        // People reach their pace within a step or two.
        self.speed += (wanted - self.speed).clamp(-6.0 * dt, 3.0 * dt);
        let before = self.speed * dt;
        match &mut self.doing {
            Doing::Walk { lane, s } => {
                let (old, from) = (*s, *lane);
                *s += self.direction * before;
                let length = setting.network.lane(*lane).center.length_m();
                if *s > length || *s < 0.0 {
                    let own = setting.network.lane(*lane);
                    let next = if *s < 0.0 { own.predecessors.first() } else { own.successors.first() };
                    match next {
                        Some(&next) => {
                            let beyond = if *s < 0.0 { -*s } else { *s - length };
                            *lane = next;
                            let length = setting.network.lane(next).center.length_m();
                            *s = if self.direction < 0.0 { length - beyond } else { beyond };
                        }
                        None => {
                            *s = s.clamp(0.0, length);
                            self.direction = -self.direction;
                        }
                    }
                } else {
                    self.maybe_cross(setting, from, old);
                }
            }
            Doing::Cross(stroll) => {
                let stops = !stroll.is_open && stroll.along <= stroll.gate_m;
                stroll.along = (stroll.along + before).min(if stops { stroll.gate_m } else { f64::INFINITY });
                if stroll.along >= stroll.line.length_m() {
                    let (lane, s) = stroll.to;
                    self.direction = self.random.pick(&[-1.0, 1.0]);
                    self.doing = Doing::Walk { lane, s };
                }
            }
        }
    }

    /// Decides at each crossing that it passes.
    fn maybe_cross(&mut self, setting: &Setting, lane: LaneId, old: f64) {
        let Doing::Walk { s, .. } = self.doing else { return };
        for (index, link) in setting.links.iter().enumerate() {
            for (own, other, reversed) in [(link.from, link.to, false), (link.to, link.from, true)] {
                let passes = own.0 == lane && (own.1 - old) * (own.1 - s) <= 0.0 && old != s;
                if !passes || self.random.unit() > 0.55 {
                    continue;
                }
                let crossing = &setting.network.roads().crossings[link.crossing];
                let (near, far) = if reversed { (crossing.to, crossing.from) } else { (crossing.from, crossing.to) };
                let here = self.pose(&setting.network);
                // They do not all walk on one line.
                let aside = self.random.between(-0.9, 0.9);
                let length = (far[0] - near[0]).hypot(far[1] - near[1]);
                let (nx, ny) = (-(far[1] - near[1]) / length * aside, (far[0] - near[0]) / length * aside);
                let goal = setting.network.lane(other.0).center.offset(other.1, self.d);
                let near = [near[0] + nx, near[1] + ny];
                let far = [far[0] + nx, far[1] + ny];
                let step_back = 0.35 / length;
                let gate = [near[0] - (far[0] - near[0]) * step_back, near[1] - (far[1] - near[1]) * step_back];
                let Some(line) = footway(&[[here.x, here.y], gate, near, far, [goal.x, goal.y]]) else { return };
                let gate_m = (gate[0] - here.x).hypot(gate[1] - here.y);
                let stroll = Stroll {
                    along: 0.0,
                    gate_m,
                    gate: Gate::Crossing(index),
                    kerb_m: gate_m + 0.35 + length,
                    is_open: false,
                    to: (other.0, other.1),
                    line,
                };
                self.doing = Doing::Cross(Box::new(stroll));
                return;
            }
        }
    }
}

impl Traffic {
    /// Nobody walks into the side of a vehicle.
    pub(super) fn mind_vehicles(&mut self, setting: &Setting, ego: Pose2) {
        const LOOK_M: f64 = 0.9;
        let network = &setting.network;
        // Where everybody is, for all who cross.
        let mut bodies: Vec<(usize, Pose2, [f64; 2])> = Vec::new();
        for walker in &mut self.walkers {
            if !matches!(walker.doing, Doing::Cross(_)) {
                continue;
            }
            if bodies.is_empty() {
                bodies.extend(self.agents.iter().enumerate().filter(|(_, agent)| !agent.is_gone).map(
                    |(index, agent)| {
                        let body = if index == super::EGO { ego } else { agent.pose(network) };
                        (index, body, [agent.half_m(), 0.5 * agent.size[1]])
                    },
                ));
            }
            let pose = walker.pose(network);
            let [x, y] = pose.transform(LOOK_M, 0.0);
            let mut near = bodies.iter().filter(|(_, body, _)| (body.x - x).abs() < 15.0 && (body.y - y).abs() < 15.0);
            let blocking = near.find(|(_, body, half)| {
                let inside = |x: f64, y: f64| {
                    let [along, across] = body.inverse_transform(x, y);
                    along.abs() < half[0] + 0.3 && across.abs() < half[1] + 0.3
                };
                inside(x, y) && !inside(pose.x, pose.y)
            });
            walker.is_blocked = blocking.is_some();
            // Who waits beside a vehicle lets it go on; who is before it does not know whether it will stay.
            let beside = blocking.filter(|(_, body, half)| {
                walker.speed < 0.1 && body.inverse_transform(pose.x, pose.y)[1].abs() > half[1]
            });
            walker.waits_beside = beside.map(|(index, ..)| *index);
        }
    }

    /// Opens the way for those who wait and may go.
    pub(super) fn open_gates(&mut self, setting: &Setting, time_s: f64) {
        for index in 0..self.walkers.len() {
            let Doing::Cross(stroll) = &self.walkers[index].doing else { continue };
            if stroll.is_open || stroll.along < stroll.gate_m - 0.2 {
                continue;
            }
            let opens = match stroll.gate {
                Gate::Crossing(link) => self.may_cross(setting, link, stroll.kerb_m - stroll.gate_m, index, time_s),
                Gate::Ego { reaction_s, at_m } => self.ego_comes(reaction_s, at_m) && self.can_all_stop(setting, index),
            };
            if let (true, Doing::Cross(stroll)) = (opens, &mut self.walkers[index].doing) {
                stroll.is_open = true;
            }
        }
    }

    fn may_cross(&self, setting: &Setting, link: usize, length: f64, walker: usize, time_s: f64) -> bool {
        if let Some(signal) = setting.links[link].signal {
            let left = setting.signals[signal].walking_left_s(time_s);
            if left < length / self.walkers[walker].pace + 1.0 {
                return false;
            }
        }
        self.crossings[link].lanes.iter().all(|(lane, s, ..)| self.can_stop_before(setting, *lane, *s - 2.5))
    }

    /// Whether the ego is as near as it may be when somebody steps out.
    fn ego_comes(&self, reaction_s: f64, at_m: f64) -> bool {
        let ego = &self.agents[super::EGO];
        let way = at_m - self.ego_way_m - ego.half_m() - 1.0;
        let needed = ego.speed * reaction_s + ego.speed * ego.speed / 5.0;
        ego.speed > 2.0 && way <= needed && way > 0.75 * needed
    }

    fn can_all_stop(&self, setting: &Setting, walker: usize) -> bool {
        let Doing::Cross(stroll) = &self.walkers[walker].doing else { return false };
        let ends = [stroll.gate_m, stroll.kerb_m].map(|s| stroll.line.pose(s)).map(|pose| [pose.x, pose.y]);
        let crossed = CrossingLanes::under(&setting.network, ends[0], ends[1]);
        crossed.lanes.iter().all(|(lane, s, ..)| self.can_others_stop(setting, *lane, *s - 1.5))
    }

    fn can_stop_before(&self, setting: &Setting, lane: LaneId, s: f64) -> bool {
        (0..self.agents.len()).all(|index| self.can_stop(setting, index, lane, s))
    }

    fn can_others_stop(&self, setting: &Setting, lane: LaneId, s: f64) -> bool {
        (1..self.agents.len()).all(|index| self.can_stop(setting, index, lane, s))
    }

    /// Whether an agent that comes along a lane can comfortably stop before a place, or has passed it.
    fn can_stop(&self, setting: &Setting, index: usize, lane: LaneId, s: f64) -> bool {
        let agent = &self.agents[index];
        if agent.is_gone {
            return true;
        }
        let mut way = -agent.s - agent.half_m();
        let mut at = agent.lane;
        for &next in std::iter::once(&agent.lane).chain(&agent.ahead) {
            if next != agent.lane {
                way += setting.network.lane(at).center.length_m();
                at = next;
            }
            if way > 120.0 {
                return true;
            }
            if next == lane {
                let way = way + s;
                // Its tail has passed.
                if way < -agent.half_m() - agent.tail_m() - 3.5 {
                    return true;
                }
                let needed = agent.speed * REACTION_S + agent.speed * agent.speed / (2.0 * EXPECTED_BRAKING_MPS2);
                return way > needed || (agent.speed < 0.3 && way > -0.7);
            }
        }
        true
    }

    /// Whether somebody on a crossing, or about to step on it, is in the way of a lane.
    pub(super) fn is_crossed(&self, setting: &Setting, crossing: usize, lane: LaneId) -> bool {
        let Some(link) = setting.links.iter().position(|link| link.crossing == crossing) else { return false };
        let place = self.crossings[link].lanes.iter().find(|known| known.0 == lane);
        let length = self.crossing_lengths[link];
        self.walkers.iter().any(|walker| {
            let Doing::Cross(stroll) = &walker.doing else { return false };
            if stroll.gate != Gate::Crossing(link) || stroll.along > stroll.kerb_m {
                return false;
            }
            let has_signal = setting.links[link].signal.is_some();
            if !stroll.is_open {
                // Where there is no signal drivers stop for those who wait.
                return !has_signal && stroll.along > stroll.gate_m - 0.5;
            }
            let Some((_, _, at, half)) = place else { return true };
            // Along the crossing from its own first end.
            let walked = stroll.along - stroll.gate_m - 0.35;
            let from_start = (walker.crossing_start(setting, link) - 0.0).abs() < 0.5;
            let at = if from_start { *at } else { length - at };
            walked < at + half + 0.8
        })
    }
}

impl Walker {
    /// 0 if it crosses from the first end of a link to the second, 1 the other way.
    fn crossing_start(&self, setting: &Setting, link: usize) -> f64 {
        let Doing::Cross(stroll) = &self.doing else { return 0.0 };
        if stroll.to == setting.links[link].to { 0.0 } else { 1.0 }
    }
}
