//! What moves besides the ego: cars that follow each other, people on foot, a cyclist.

use crate::bodies;
use crate::random::Random;
use crate::scene::{Body, Object};
use crate::street::{LEFT_KERB, ONCOMING_LANE, ONCOMING_STOP_LINE, RIGHT_KERB, STOP_LINE, Street};
use crate::town::{self, CAR_COLORS};
use std::f64::consts::PI;
use types::{ObjectClass, Pose2, wrap_angle};

/// How an actor behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behaviour {
    /// Follows its lane behind the car ahead and stops for the crossing.
    Drive { wanted_mps: f64 },
    /// Keeps its velocity.
    Keep,
    /// Waits at the kerb, then crosses the road and stops beyond the other kerb.
    Cross { start_s: f64, speed_mps: f64 },
}

/// One moving object in street coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// Middle along the street, m.
    s: f64,
    /// Middle across the street, m.
    d: f64,
    /// Velocity along the street, m/s.
    along: f64,
    /// Velocity across the street, m/s.
    across: f64,
    /// Heading against the street's, rad.
    turn: f64,
    /// Bumper to bumper, m.
    length: f64,
    /// Acceleration along the heading, m/s2.
    acceleration: f64,
    behaviour: Behaviour,
}

/// A car in a lane as others see it: rear and front along its own direction, and its speed.
#[derive(Clone, Copy, Debug)]
pub struct LaneUser {
    /// Rear bumper along the direction of travel, m.
    pub rear: f64,
    /// Front bumper along the direction of travel, m.
    pub front: f64,
    /// Speed, m/s.
    pub speed: f64,
}

/// The acceleration of the intelligent driver model (Treiber, Hennecke and Helbing, 2000).
pub fn follow(speed: f64, wanted: f64, gap: f64, leader_speed: f64, standstill_gap: f64) -> f64 {
    const ACCELERATION: f64 = 1.6;
    const DECELERATION: f64 = 2.2;
    const HEADWAY_S: f64 = 1.3;
    let approach = speed * (speed - leader_speed) / (2.0 * (ACCELERATION * DECELERATION).sqrt());
    let wanted_gap = standstill_gap + (speed * HEADWAY_S + approach).max(0.0);
    let free = 1.0 - (speed / wanted).powi(4);
    (ACCELERATION * (free - (wanted_gap / gap.max(0.3)).powi(2))).max(-7.0)
}

/// Acceleration of a car among the users of its lane; `line` is where it must stop, if it must.
pub fn drive(own: LaneUser, wanted: f64, others: &[LaneUser], line: Option<f64>) -> f64 {
    let ahead = others.iter().filter(|other| other.rear > own.front - 1.0);
    let behind_leader = ahead.map(|other| follow(own.speed, wanted, other.rear - own.front, other.speed, 2.5));
    let at_line = line.filter(|line| *line > own.front - 0.5);
    let at_line = at_line.map(|line| follow(own.speed, wanted, line - own.front, 0.0, 0.6));
    let free = follow(own.speed, wanted, f64::INFINITY, wanted, 2.5);
    behind_leader.chain(at_line).fold(free, f64::min)
}

/// All moving objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// The actors.
    pub actors: Vec<Actor>,
}

impl Traffic {
    /// The actors of a seed and the objects they move, in the same order.
    pub fn build(seed: u64) -> (Self, Vec<Object>) {
        let mut random = Random::new(seed, 20);
        let mut traffic = Self::default();
        let mut objects = Vec::new();
        let mut add = |class, body: Body, actor: Actor| {
            let actor = Actor { length: body.size[0], ..actor };
            objects.push(town::standing(Some(class), body, actor.s, actor.d, actor.turn));
            traffic.actors.push(actor);
        };
        let still = Actor {
            s: 0.0,
            d: 0.0,
            along: 0.0,
            across: 0.0,
            turn: 0.0,
            length: 0.0,
            acceleration: 0.0,
            behaviour: Behaviour::Keep,
        };
        let cars = [(24.0, 1.0, 10.0), (-17.0, 1.0, 10.5), (52.0, -1.0, 9.5), (93.0, -1.0, 10.0), (128.0, -1.0, 10.0)];
        for (s, direction, speed) in cars {
            let size = [random.between(4.2, 4.7), random.between(1.76, 1.86), random.between(1.43, 1.55)];
            let body = bodies::car(random.pick(&CAR_COLORS), size[0], size[1], size[2]);
            let (d, turn) = if direction > 0.0 { (0.0, 0.0) } else { (ONCOMING_LANE, PI) };
            let speed = speed + random.between(-0.3, 0.3);
            let behaviour = Behaviour::Drive { wanted_mps: speed + 1.0 };
            let s = s + random.between(-1.0, 1.0);
            add(ObjectClass::Car, body, Actor { s, d, turn, along: direction * speed, behaviour, ..still.clone() });
        }
        let clothes =
            [[0.45, 0.06, 0.05], [0.06, 0.12, 0.40], [0.70, 0.68, 0.60], [0.55, 0.40, 0.05], [0.05, 0.25, 0.20]];
        let trousers = [[0.03, 0.04, 0.08], [0.08, 0.07, 0.06], [0.20, 0.17, 0.12]];
        let skin = [[0.55, 0.36, 0.26], [0.25, 0.14, 0.09], [0.42, 0.26, 0.18]];
        let mut person = |random: &mut Random, s: f64, d: f64, speed: f64| {
            let height = random.between(1.62, 1.88);
            let body = bodies::pedestrian(random.pick(&clothes), random.pick(&trousers), random.pick(&skin), height);
            let turn = if speed > 0.0 { 0.0 } else { PI };
            add(ObjectClass::Pedestrian, body, Actor { s, d, turn, along: speed, ..still.clone() });
        };
        person(&mut random, 17.0, RIGHT_KERB - 1.9, 1.3);
        person(&mut random, 34.0, RIGHT_KERB - 1.6, -1.4);
        person(&mut random, 26.0, LEFT_KERB + 1.9, -1.2);
        let body = bodies::cyclist(random.pick(&clothes), random.pick(&trousers), random.pick(&skin));
        let rider = Actor { s: 33.0, d: LEFT_KERB - 0.55, turn: PI, along: -4.5, ..still.clone() };
        add(ObjectClass::Cyclist, body, rider);
        let body = bodies::pedestrian(random.pick(&clothes), random.pick(&trousers), random.pick(&skin), 1.76);
        let cross = Behaviour::Cross { start_s: 0.4 + random.between(0.0, 0.4), speed_mps: 1.4 };
        let walker = Actor { s: 57.4, d: RIGHT_KERB - 0.5, turn: 0.5 * PI, behaviour: cross, ..still };
        add(ObjectClass::Pedestrian, body, walker);
        (traffic, objects)
    }

    /// Whether somebody is on the zebra crossing or steps on it.
    pub fn crossing_in_use(&self) -> bool {
        self.actors.iter().any(|a| matches!(a.behaviour, Behaviour::Cross { .. }) && a.across > 0.0)
    }

    /// The cars that drive in a direction (1 the ego's, -1 the other), measured along it.
    pub fn lane_users(&self, direction: f64) -> Vec<LaneUser> {
        let drives = |a: &&Actor| matches!(a.behaviour, Behaviour::Drive { .. }) && a.along_sign() == direction;
        self.actors.iter().filter(drives).map(Actor::lane_user).collect()
    }

    /// Moves everyone by `dt` seconds; `ego` is the ego car in its lane.
    pub fn step(&mut self, time_s: f64, ego: LaneUser, dt: f64) {
        let occupied = self.crossing_in_use();
        let mut lanes = [self.lane_users(1.0), self.lane_users(-1.0)];
        lanes[0].push(ego);
        for actor in &mut self.actors {
            let forward = actor.along_sign();
            match actor.behaviour {
                Behaviour::Drive { wanted_mps } => {
                    let (lane, line) =
                        if forward > 0.0 { (&lanes[0], STOP_LINE) } else { (&lanes[1], -ONCOMING_STOP_LINE) };
                    let own = actor.lane_user();
                    // Its own entry is not ahead of itself: its rear lies far behind its front.
                    actor.acceleration = drive(own, wanted_mps, lane, occupied.then_some(line));
                    let speed = (own.speed + actor.acceleration * dt).max(0.0);
                    actor.along = forward * speed;
                }
                Behaviour::Keep => {}
                Behaviour::Cross { start_s, speed_mps } => {
                    let walking = time_s >= start_s && actor.d < LEFT_KERB + 0.8;
                    actor.across = if walking { speed_mps } else { 0.0 };
                }
            }
            // On the inside of a curve the same speed covers more of the centre line.
            actor.s += actor.along * dt / (1.0 - Street::curvature(actor.s) * actor.d);
            actor.d += actor.across * dt;
        }
    }
}

impl Actor {
    /// Direction along the street it faces: 1 or -1.
    fn along_sign(&self) -> f64 {
        if self.turn.cos() < -0.5 { -1.0 } else { 1.0 }
    }

    fn lane_user(&self) -> LaneUser {
        let middle = self.s * self.along_sign();
        LaneUser { rear: middle - 0.5 * self.length, front: middle + 0.5 * self.length, speed: self.along.abs() }
    }

    /// Pose of its middle in `odom`.
    pub fn pose(&self) -> Pose2 {
        let pose = Street::pose(self.s, self.d);
        Pose2 { yaw: wrap_angle(pose.yaw + self.turn), ..pose }
    }

    /// Velocity in `odom`, m/s.
    pub fn velocity(&self) -> [f64; 2] {
        let (sin, cos) = Street::pose(self.s, self.d).yaw.sin_cos();
        [cos * self.along - sin * self.across, sin * self.along + cos * self.across]
    }

    /// Whether its brake lights are on.
    pub fn braking(&self) -> bool {
        self.acceleration < -0.4 || (matches!(self.behaviour, Behaviour::Drive { .. }) && self.along.abs() < 0.3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_keep_their_distance() {
        // In equilibrium behind an equally fast car the acceleration is zero where the model's wanted gap says.
        let (speed, wanted) = (10.0_f64, 14.0_f64);
        let gap = (2.5 + 1.3 * speed) / (1.0 - (speed / wanted).powi(4)).sqrt();
        assert!(follow(speed, wanted, gap, speed, 2.5).abs() < 1e-9);
        assert!(follow(speed, wanted, 0.5 * gap, speed, 2.5) < -1.0);
    }

    #[test]
    fn cars_stop_for_the_crossing_and_go_on() {
        let (mut traffic, _) = Traffic::build(3);
        let ego = LaneUser { rear: -1000.0, front: -995.0, speed: 0.0 };
        let (mut stood, mut in_use) = (false, false);
        for step in 0..2500 {
            traffic.step(f64::from(step) * 0.01, ego, 0.01);
            let lead = traffic.lane_users(1.0)[0];
            if traffic.crossing_in_use() {
                in_use = true;
                assert!(lead.front < STOP_LINE + 0.2, "{lead:?}");
                stood |= lead.speed < 0.3;
            }
        }
        assert!(in_use && stood && !traffic.crossing_in_use());
        assert!(traffic.lane_users(1.0)[0].rear > STOP_LINE + 20.0);
    }
}
