//! Roads drawn from a scenario: the network, who goes first where, the ego's way, and where people walk.

mod conflict;
mod corridor;
mod curve;
mod grid;

pub use conflict::Conflict;

use crate::random::Random;
use crate::scenario::{Scenario, ScenarioError};
use curve::beside;
use maps::{Border, Lane, LaneId, LaneKind, LaneNetwork, Polyline, Roads};
use types::{Phase, Pose2, StopKind};

/// A way through a junction.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its lane.
    pub lane: LaneId,
    /// The lane it comes from.
    pub from: LaneId,
    /// Who goes first: the smaller number.
    pub rank: u8,
    /// The signal it obeys.
    pub signal: Option<usize>,
    /// Other connections of the junction that come too near.
    pub conflicts: Vec<Conflict>,
    /// Connections from the same lane and how far they run together, m.
    pub siblings: Vec<(LaneId, f64)>,
    /// Where the front of one who turns left stands while it waits for oncoming traffic inside the junction, m along the lane.
    pub wait_m: Option<f64>,
}

/// A signal's timing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalPlan {
    /// Identity.
    pub id: u32,
    /// The junction's area.
    pub junction: usize,
    /// Half of the cycle in which it is green: 0 or 1.
    pub group: usize,
    /// Time of green, s.
    pub green_s: f64,
    /// Shift of the cycle, s.
    pub offset_s: f64,
}

/// Time of amber, s.
pub const AMBER_S: f64 = 3.0;
/// Time in which all are red, s.
pub const CLEARANCE_S: f64 = 2.5;

impl SignalPlan {
    /// Length of one half of the cycle, s.
    pub fn half_s(&self) -> f64 {
        self.green_s + AMBER_S + CLEARANCE_S
    }

    /// Time since the beginning of its own green, s.
    pub fn since_green_s(&self, time_s: f64) -> f64 {
        (time_s + self.offset_s - self.group as f64 * self.half_s()).rem_euclid(2.0 * self.half_s())
    }

    /// What it shows.
    pub fn phase(&self, time_s: f64) -> Phase {
        let since = self.since_green_s(time_s);
        if since < self.green_s {
            Phase::Green
        } else if since < self.green_s + AMBER_S {
            Phase::Amber
        } else {
            Phase::Red
        }
    }

    /// Time for which people may still begin to walk across its lanes, s; zero or less if they may not.
    pub fn walking_left_s(&self, time_s: f64) -> f64 {
        let since_other = self.since_green_s(time_s) - self.half_s();
        if since_other < 1.0 { 0.0 } else { self.green_s - since_other }
    }
}

/// Time that an unhindered driver has from the amber of a signal that turns red for the ego to its line, s.
const SURPRISE_S: [f64; 2] = [1.5, 5.0];

/// A crossing between two sidewalks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The crossing.
    pub crossing: usize,
    /// The sidewalk at its first end and the place along it, m.
    pub from: (LaneId, f64),
    /// The same at the other end.
    pub to: (LaneId, f64),
    /// The signal of the lanes it crosses.
    pub signal: Option<usize>,
}

/// A place at which a vehicle may be parked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bay {
    /// Middle, heading along the lane.
    pub pose: Pose2,
    /// Room along the lane, m.
    pub length_m: f64,
    /// Room across, m.
    pub width_m: f64,
}

/// All that is fixed before anybody moves. The ego starts at the origin.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The lanes.
    pub network: LaneNetwork,
    /// Ways through junctions, by lane; `None` for lanes that are none.
    pub connections: Vec<Option<Connection>>,
    /// Signals, in rising identity.
    pub signals: Vec<SignalPlan>,
    /// Crossings.
    pub links: Vec<Link>,
    /// Parking places.
    pub bays: Vec<Bay>,
    /// Posts of gates: middle and radius.
    pub posts: Vec<([f64; 2], f64)>,
    /// Lanes of the ego's route.
    pub way: Vec<LaneId>,
    /// Where the ego starts on the first of them, m.
    pub start_m: f64,
    /// Where its route ends on the last of them, m.
    pub goal_m: f64,
    /// Speed limit where it starts, m/s.
    pub limit_mps: f64,
}

impl Setting {
    /// Times the junction of the first signal on the ego's way so that its amber begins shortly before the ego comes. The ego is
    /// taken to drive as people do and unhindered from the start; `front_m` is its front before its rear axle. Gives the
    /// signal's place in the list and the time, s; nothing if there is no signal on the way.
    pub fn turn_red(&mut self, speed: f64, front_m: f64, random: &mut Random) -> Option<(usize, f64)> {
        let mut way_m = -self.start_m;
        let (line_m, id) = self.way.iter().find_map(|&lane| {
            let stops = self.network.roads().stops.iter().filter(|stop| stop.lane == lane);
            let signals = stops.filter_map(|stop| match stop.kind {
                StopKind::Signal(id) => Some((way_m + stop.s_m, id)),
                _ => None,
            });
            let first = signals.min_by(|a, b| a.0.total_cmp(&b.0));
            way_m += self.network.lane(lane).center.length_m();
            first
        })?;
        let amber_s = arrival_s(line_m - front_m, speed, self.limit_mps) - random.between(SURPRISE_S[0], SURPRISE_S[1]);
        let amber_s = amber_s.max(0.5);
        let index = self.signals.iter().position(|plan| plan.id == id)?;
        let SignalPlan { junction, .. } = self.signals[index];
        let later_s = self.signals[index].green_s - self.signals[index].since_green_s(amber_s);
        for plan in self.signals.iter_mut().filter(|plan| plan.junction == junction) {
            plan.offset_s += later_s;
        }
        Some((index, amber_s))
    }
}

/// Time for a way, m, from a speed up to nine tenths of a limit with 1.5 m/s2, s.
fn arrival_s(way_m: f64, speed: f64, limit_mps: f64) -> f64 {
    let (speed, wanted, way_m) = (speed.max(0.0), (0.9 * limit_mps).max(speed).max(1.0), way_m.max(0.0));
    let gaining_m = (wanted * wanted - speed * speed) / 3.0;
    if way_m < gaining_m {
        ((speed * speed + 3.0 * way_m).sqrt() - speed) / 1.5
    } else {
        (wanted - speed) / 1.5 + (way_m - gaining_m) / wanted
    }
}

/// Draws the roads of a seed.
///
/// # Errors
/// If the numbers drawn cannot be built.
pub fn build(scenario: &Scenario, seed: u64) -> Result<Setting, ScenarioError> {
    let mut random = Random::new(seed, 10);
    let built = match (&scenario.grid, &scenario.corridor) {
        (Some(grid), _) => grid::build(grid, scenario.route_m.draw(&mut random), &mut random),
        (None, Some(corridor)) => corridor::build(corridor, scenario.route_m.draw(&mut random), &mut random),
        (None, None) => return Err(ScenarioError::Roads { name: scenario.name.clone(), count: 0 }),
    };
    built.map_err(|cause| ScenarioError::Geometry { name: scenario.name.clone(), seed, cause })
}

/// Collects lanes.
#[derive(Default)]
struct Builder {
    roads: Roads,
}

/// How a lane is made from a line beside which it lies.
struct Strip<'a> {
    kind: LaneKind,
    /// Line along the lane's direction.
    base: &'a Polyline,
    /// Middle of the lane left of the line, m.
    middle_m: f64,
    /// Half its width along the line, m.
    half_m: &'a dyn Fn(f64) -> f64,
    borders: [Border; 2],
    speed_limit_mps: f64,
    junction: Option<usize>,
}

impl Builder {
    fn add(&mut self, strip: &Strip) -> Result<LaneId, String> {
        let line = |side: f64| {
            let line = beside(strip.base, |s| strip.middle_m + side * (strip.half_m)(s));
            line.ok_or_else(|| format!("lane {} has no length", self.roads.lanes.len()))
        };
        let lane = Lane {
            kind: strip.kind,
            center: line(0.0)?,
            left: line(1.0)?,
            right: line(-1.0)?,
            left_border: strip.borders[0],
            right_border: strip.borders[1],
            successors: Vec::new(),
            predecessors: Vec::new(),
            left_neighbor: None,
            right_neighbor: None,
            speed_limit_mps: strip.speed_limit_mps,
            junction: strip.junction,
        };
        self.roads.lanes.push(lane);
        Ok(self.roads.lanes.len() - 1)
    }

    fn join(&mut self, from: LaneId, to: LaneId) {
        self.roads.lanes[from].successors.push(to);
        self.roads.lanes[to].predecessors.push(from);
    }

    /// Makes two lanes neighbours: `right` lies to the right of `left`, both lead the same way.
    fn beside(&mut self, left: LaneId, right: LaneId) {
        self.roads.lanes[left].right_neighbor = Some(maps::Neighbor { lane: right, same_direction: true });
        self.roads.lanes[right].left_neighbor = Some(maps::Neighbor { lane: left, same_direction: true });
    }

    /// Makes two lanes that come towards each other neighbours, each to the left of the other.
    fn opposite(&mut self, a: LaneId, b: LaneId) {
        self.roads.lanes[a].left_neighbor = Some(maps::Neighbor { lane: b, same_direction: false });
        self.roads.lanes[b].left_neighbor = Some(maps::Neighbor { lane: a, same_direction: false });
    }

    fn end_pose(&self, lane: LaneId) -> Pose2 {
        let line = &self.roads.lanes[lane].center;
        line.pose(line.length_m())
    }

    fn start_pose(&self, lane: LaneId) -> Pose2 {
        self.roads.lanes[lane].center.pose(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_builds_and_the_way_is_a_chain_through_the_origin() {
        for (name, _) in Scenario::FAMILIES {
            let scenario = Scenario::family(name).unwrap();
            for seed in 0..12 {
                let setting = build(&scenario, seed).unwrap_or_else(|error| panic!("{error}"));
                let lanes = setting.network.lanes();
                assert!(setting.way.windows(2).all(|pair| lanes[pair[0]].successors.contains(&pair[1])));
                let start = lanes[setting.way[0]].center.pose(setting.start_m);
                assert!(start.x.hypot(start.y) < 0.02 && start.yaw.abs() < 0.01, "{name} {seed} {start:?}");
                let route = setting.network.route(&setting.way, setting.start_m - 20.0, setting.goal_m);
                let length = route.stops.last().unwrap().s_m - 20.0;
                assert!((0.75 * scenario.route_m.0[0]..=scenario.route_m.0[1] + 130.0).contains(&length), "{length}");
                for pair in route.points.windows(2) {
                    let (a, b) = (&pair[0].pose, &pair[1].pose);
                    let step = (b.x - a.x).hypot(b.y - a.y);
                    let turn = types::wrap_angle(b.yaw - a.yaw).abs();
                    assert!((1.0..2.05).contains(&step) && turn / step < 1.0 / 6.5, "{name} {seed}: {a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn a_signal_turns_red_for_the_ego() {
        let scenario = Scenario::family("red-light").unwrap();
        for seed in 0..12 {
            let mut setting = build(&scenario, seed).unwrap();
            let (index, at_s) = setting.turn_red(8.0, 3.8, &mut Random::new(seed, 1)).unwrap();
            let plan = setting.signals[index];
            assert_eq!([at_s - 0.01, at_s + 0.01].map(|t| plan.phase(t)), [Phase::Green, Phase::Amber], "{seed}");
            // It is on the way, and the others of its junction still keep out of its time.
            let route = setting.network.route(&setting.way, setting.start_m, setting.goal_m);
            let first = route.stops.iter().find_map(|stop| match stop.kind {
                StopKind::Signal(id) => Some((id, stop.s_m)),
                _ => None,
            });
            let (id, s_m) = first.unwrap();
            assert!(id == plan.id && at_s < s_m / 8.0, "{seed}: {at_s} {s_m}");
            let others = setting.signals.iter().filter(|other| other.junction == plan.junction);
            for other in others.filter(|other| other.group != plan.group) {
                for i in 0..1200 {
                    let t = 0.1 * f64::from(i);
                    assert!(plan.phase(t) == Phase::Red || other.phase(t) == Phase::Red, "{seed} {t}");
                }
            }
        }
        assert!((arrival_s(30.0, 10.0, 10.0) - 3.0).abs() < 1e-9);
        assert!((arrival_s(12.0, 0.0, 10.0) - 4.0).abs() < 1e-9 && (arrival_s(37.0, 0.0, 10.0) - 7.1111).abs() < 1e-3);
    }

    #[test]
    fn signals_have_their_times() {
        let plan = |group| SignalPlan { id: 1, junction: 0, group, green_s: 10.0, offset_s: 0.0 };
        let (a, b) = (plan(0), plan(1));
        assert_eq!([0.0, 9.9, 10.1, 13.1, 15.6, 31.1].map(|t| a.phase(t)), {
            use Phase::{Amber, Green, Red};
            [Green, Green, Amber, Red, Red, Green]
        });
        for i in 0..310 {
            let t = f64::from(i) * 0.1;
            assert!(a.phase(t) == Phase::Red || b.phase(t) == Phase::Red, "{t}");
            assert!(a.walking_left_s(t) <= 0.0 || a.phase(t) == Phase::Red);
        }
        assert!((a.walking_left_s(17.0) - 8.5).abs() < 1e-9);
    }
}
