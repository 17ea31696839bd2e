//! A vehicle on its way through the lanes.

use super::idm::Driver;
use crate::cast::Kind;
use crate::random::Random;
use crate::scene::Body;
use maps::{LaneId, LaneNetwork};
use types::{Pose2, wrap_angle};

/// A sideways move from one line to another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shift {
    /// From where, m to the left of the lane's middle.
    pub from_m: f64,
    /// To where, m.
    pub to_m: f64,
    /// Time that has passed, s.
    pub passed_s: f64,
    /// Time that it takes, s; zero when there is none.
    pub whole_s: f64,
}

impl Shift {
    /// Place and speed across: a polynomial of fifth order, so that nothing jumps.
    pub fn at(&self, later_s: f64) -> (f64, f64) {
        if self.whole_s <= 0.0 {
            return (self.to_m, 0.0);
        }
        let u = ((self.passed_s + later_s) / self.whole_s).clamp(0.0, 1.0);
        let way = self.to_m - self.from_m;
        let place = u * u * u * (10.0 - 15.0 * u + 6.0 * u * u);
        let rate = 30.0 * u * u * (1.0 - u) * (1.0 - u) / self.whole_s;
        (self.from_m + way * place, way * rate)
    }

    /// Whether it goes on.
    pub fn is_going(&self) -> bool {
        self.passed_s < self.whole_s
    }
}

/// A vehicle, or the ego.
#[derive(Clone, Debug)]
pub struct Agent {
    /// What it is.
    pub kind: Kind,
    /// Length, width, height, m.
    pub size: [f64; 3],
    /// Size of the trailer, if it pulls one.
    pub trailer: Option<[f64; 3]>,
    /// Lane of its middle.
    pub lane: LaneId,
    /// Its middle along the lane, m.
    pub s: f64,
    /// Lanes it came through, the latest last.
    pub behind: Vec<LaneId>,
    /// Lanes that it will take.
    pub ahead: Vec<LaneId>,
    /// Speed along the lane, m/s.
    pub speed: f64,
    /// Acceleration, m/s2.
    pub acceleration: f64,
    /// Where across the lane.
    pub shift: Shift,
    /// How it drives.
    pub driver: Driver,
    /// Wanted speed as a share of the limit.
    pub speed_share: f64,
    /// Its own wish for now, m/s: of a stop-and-go wave or a cut-in.
    pub urge_mps: Option<f64>,
    /// The way through a junction that it was given.
    pub granted: Option<LaneId>,
    /// The way through a junction on which it may go as far as the place where one waits for oncoming traffic.
    pub inside: Option<LaneId>,
    /// Whether it has stood at the line that it must stop at.
    pub has_stood: bool,
    /// Time at standstill, s.
    pub stands_s: f64,
    /// Time until it may think of changing lanes, s.
    pub patience_s: f64,
    /// Has left the world.
    pub is_gone: bool,
    /// Its own choices.
    pub random: Random,
    /// Its body and that of its trailer, until they are put into the scene.
    pub bodies: Vec<Body>,
}

/// Of a trailer's front end from the tractor's rear end, m: they overlap.
const HITCH_M: f64 = 0.7;

impl Agent {
    /// Its middle to its front bumper, m.
    pub fn half_m(&self) -> f64 {
        0.5 * self.size[0]
    }

    /// Its middle to the rear end of all that it pulls, m.
    pub fn tail_m(&self) -> f64 {
        self.half_m() + self.trailer.map_or(0.0, |size| size[0] + HITCH_M)
    }

    /// Keeps at least three lanes ahead known.
    pub fn plan(&mut self, network: &LaneNetwork) {
        while self.ahead.len() < 4 {
            let last = self.ahead.last().copied().unwrap_or(self.lane);
            let next = &network.lane(last).successors;
            if next.is_empty() {
                return;
            }
            let turn = |lane: LaneId| {
                let line = &network.lane(lane).center;
                wrap_angle(line.pose(line.length_m()).yaw - line.pose(0.0).yaw).abs()
            };
            let straightest = next.iter().copied().min_by(|a, b| turn(*a).total_cmp(&turn(*b)));
            let chosen = self.random.pick(next);
            self.ahead.push(if self.kind.is_long() { straightest.unwrap_or(chosen) } else { chosen });
        }
    }

    /// Moves along by `dt`.
    pub fn advance(&mut self, network: &LaneNetwork, dt: f64) {
        let speed = (self.speed + self.acceleration * dt).max(0.0);
        self.s += 0.5 * (self.speed + speed) * dt;
        self.speed = speed;
        self.stands_s = if speed < 0.05 { self.stands_s + dt } else { 0.0 };
        self.shift.passed_s += dt;
        self.patience_s -= dt;
        loop {
            let length = network.lane(self.lane).center.length_m();
            if self.s <= length {
                break;
            }
            if self.ahead.is_empty() {
                self.is_gone = self.s > length - self.half_m();
                break;
            }
            self.s -= length;
            self.behind.push(self.lane);
            if self.behind.len() > 4 {
                self.behind.remove(0);
            }
            self.lane = self.ahead.remove(0);
            self.plan(network);
        }
        let length = network.lane(self.lane).center.length_m();
        if self.ahead.is_empty() && self.s > length - 8.0 - self.half_m() {
            self.is_gone = true;
        }
    }

    /// The place on its path `along` metres from its middle, `d` metres to the left.
    fn point(&self, network: &LaneNetwork, along: f64) -> [f64; 2] {
        let (mut lane, mut s) = (self.lane, self.s + along);
        let mut back = self.behind.iter().rev();
        while s < 0.0 {
            let Some(&before) = back.next() else { break };
            lane = before;
            s += network.lane(lane).center.length_m();
        }
        let mut front = self.ahead.iter();
        loop {
            let length = network.lane(lane).center.length_m();
            let Some(&next) = front.next().filter(|_| along > 0.0 && s > length) else { break };
            lane = next;
            s -= length;
        }
        // What lies behind comes there later.
        let later = if self.speed > 0.5 { along / self.speed.max(2.0) } else { 0.0 };
        let (d, _) = self.shift.at(later);
        let pose = network.lane(lane).center.offset(s, d);
        [pose.x, pose.y]
    }

    /// Pose of a body on two axles on the path.
    fn on_axles(&self, network: &LaneNetwork, front: f64, rear: f64) -> Pose2 {
        let (a, b) = (self.point(network, rear), self.point(network, front));
        Pose2 { x: 0.5 * (a[0] + b[0]), y: 0.5 * (a[1] + b[1]), yaw: (b[1] - a[1]).atan2(b[0] - a[0]) }
    }

    /// Pose of its middle.
    pub fn pose(&self, network: &LaneNetwork) -> Pose2 {
        let base = self.kind.axle_share() * self.size[0];
        self.on_axles(network, base, -base)
    }

    /// Pose of the middle of its trailer.
    pub fn trailer_pose(&self, network: &LaneNetwork) -> Option<Pose2> {
        let size = self.trailer?;
        let middle = -(self.half_m() + HITCH_M + 0.5 * size[0]);
        let base = Kind::Trailer.axle_share() * size[0];
        // The trailer turns about the hitch: its front end lies above the tractor's rear axle.
        let pose = self.on_axles(network, middle + 0.5 * size[0] - 0.3, middle - base);
        let [x, y] = pose.transform(-(0.25 * size[0] - 0.5 * base - 0.15), 0.0);
        Some(Pose2 { x, y, ..pose })
    }
}
