//! Fills a random place with road users and clutter, none in another's way.

use crate::clutter;
use crate::people;
use crate::random::Random;
use crate::scatter_plan::{Place, Plan, Road};
use crate::scene::{Body, Ground, Object};
use crate::vehicles;
use std::f64::consts::{FRAC_PI_2, PI};
use types::{Box3, ObjectClass, Pose2, Vehicle, wrap_angle};

/// Half the side of the square that is filled, m.
const REACH_M: f64 = 85.0;

/// How an object moves: speed along its heading and rate of the heading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Motion {
    /// m/s.
    pub speed_mps: f64,
    /// rad/s.
    pub yaw_rate_radps: f64,
}

/// The filling of a place.
#[derive(Debug)]
pub struct Filling<'a> {
    plan: &'a Plan,
    ground: &'a dyn Ground,
    random: &'a mut Random,
    /// What is taken, the ego first.
    taken: Vec<Box3>,
    /// What stands there.
    pub objects: Vec<Object>,
    /// How each object moves.
    pub motions: Vec<Motion>,
}

impl<'a> Filling<'a> {
    /// Fills a place.
    pub fn of(plan: &'a Plan, ground: &'a dyn Ground, random: &'a mut Random) -> Self {
        let mut ego = Vehicle::default().footprint(&Pose2::default());
        (ego.length, ego.width) = (ego.length + 1.0, ego.width + 0.6);
        let mut filling = Self { plan, ground, random, taken: vec![ego], objects: Vec::new(), motions: Vec::new() };
        match plan.place {
            Place::Highway => filling.highway(),
            Place::Square => filling.square(),
            Place::CarPark => filling.car_park(),
            Place::Yard => filling.yard(),
            Place::Street | Place::Junction | Place::Country => filling.streets(),
        }
        filling
    }

    /// Puts a body somewhere if nothing is there yet. `room` is left free all around.
    fn put(&mut self, class: Option<ObjectClass>, body: Body, pose: Pose2, motion: Motion, room: f64) -> bool {
        let [length, width, height] = body.size;
        let ground_z = self.ground.height_m(pose.x, pose.y);
        let center = [pose.x, pose.y, ground_z + 0.5 * height];
        let bbox = Box3 { center, length: length + 2.0 * room, width: width + 2.0 * room, height, yaw: pose.yaw };
        if pose.x.abs() > REACH_M || pose.y.abs() > REACH_M {
            return false;
        }
        let radius = 0.5 * bbox.length.hypot(bbox.width);
        let near = |other: &&Box3| {
            let way = (other.center[0] - pose.x).hypot(other.center[1] - pose.y);
            way < radius + 0.5 * other.length.hypot(other.width)
        };
        if self.taken.iter().filter(near).any(|other| other.overlaps_bev(&bbox)) {
            return false;
        }
        self.taken.push(Box3 { length, width, ..bbox });
        let mut object = Object::new(class, body, pose, ground_z);
        object.travel_m = 0.1 * motion.speed_mps.abs() + 0.2;
        object.braking = class.is_some() && self.random.unit() < 0.2;
        self.objects.push(object);
        self.motions.push(motion);
        true
    }

    fn stand(&mut self, body: Body, pose: Pose2) -> bool {
        self.put(None, body, pose, Motion::default(), 0.02)
    }

    fn turned(&mut self, pose: Pose2, by: f64, noise: f64) -> Pose2 {
        Pose2 { yaw: wrap_angle(pose.yaw + by + noise * self.random.normal()), ..pose }
    }

    fn on_road(&self, pose: &Pose2) -> bool {
        self.plan.beside(pose.x, pose.y).0 < 0.0
    }

    fn streets(&mut self) {
        let plan = self.plan;
        let (busy, full) = (self.random.unit(), self.random.between(0.0, 1.0));
        for road in &plan.roads {
            let speed = self.random.between(4.0, 16.0);
            self.traffic(road, busy, speed);
        }
        for road in &plan.roads {
            for side in [-1.0, 1.0] {
                if road.parking_m > 0.0 {
                    self.parked(road, side, full);
                }
                self.roadside(road, side);
            }
        }
        self.crossing_people();
        let yards = self.random.between(0.0, 14.0) as usize;
        for _ in 0..yards {
            // Cars on drives and in front of garages.
            let pose = self.anywhere();
            let (away, pavement) = plan.beside(pose.x, pose.y);
            if away > pavement + 1.5 && away < pavement + 14.0 {
                let (class, body) = vehicles::any_car(self.random);
                self.put(Some(class), body, pose, Motion::default(), 0.3);
            }
        }
    }

    fn anywhere(&mut self) -> Pose2 {
        let reach = self.random.between(8.0, 60.0);
        let mut axis = || self.random.between(-reach, reach);
        let (x, y) = (axis(), axis());
        Pose2 { x, y, yaw: self.random.between(-PI, PI) }
    }

    /// Vehicles and riders in the lanes.
    fn traffic(&mut self, road: &Road, busy: f64, speed: f64) {
        let standing = self.random.unit() < 0.25;
        for &(d, along) in &road.lanes {
            let mut s = -75.0 + self.random.between(0.0, 30.0);
            while s < 75.0 {
                let pose = road.line.pose(s, d + 0.2 * self.random.normal());
                let pose = self.turned(pose, if along { 0.0 } else { PI }, 0.02);
                let speed_mps = if standing { 0.0 } else { (speed * self.random.between(0.3, 1.4)).max(0.0) };
                let turn = if along { road.line.curvature } else { -road.line.curvature };
                let motion = Motion { speed_mps, yaw_rate_radps: speed_mps * turn };
                let kind = self.random.unit();
                let (class, body) = match kind {
                    k if k < 0.72 => vehicles::any_car(self.random),
                    k if k < 0.86 => vehicles::any_heavy(self.random),
                    _ => people::any_rider(self.random),
                };
                let length = body.size[0];
                let slow = !class.is_vehicle();
                let motion = if slow { Motion { speed_mps: motion.speed_mps.min(9.0), ..motion } } else { motion };
                self.put(Some(class), body, pose, motion, 0.3);
                let gap = if standing { self.random.between(1.0, 4.0) } else { self.random.between(4.0, 40.0) };
                s += length + gap / (0.3 + busy);
            }
            // Riders near the edge of the lane, past the cars.
            for _ in 0..self.random.between(0.0, 2.2) as usize {
                let (s, side) = (self.random.between(-50.0, 55.0), if along { -1.3 } else { 1.3 });
                let pose = road.line.pose(s, d + side);
                let pose = self.turned(pose, if along { 0.0 } else { PI }, 0.08);
                let (class, body) = people::any_rider(self.random);
                let speed_mps = self.random.pick(&[0.0, 1.0, 1.0]) * self.random.between(2.0, 8.0);
                self.put(Some(class), body, pose, Motion { speed_mps, yaw_rate_radps: 0.0 }, 0.15);
            }
        }
    }

    /// A row of parked vehicles: along the kerb, or at an angle where the strip is wide.
    fn parked(&mut self, road: &Road, side: f64, full: f64) {
        let wide = road.parking_m > 4.0;
        let angle = if wide { self.random.pick(&[FRAC_PI_2, FRAC_PI_2, 1.0, 0.8]) } else { 0.0 };
        let mut s = -70.0 + self.random.between(0.0, 5.0);
        while s < 70.0 {
            let (class, body) = match self.random.unit() {
                u if u < 0.94 || wide => vehicles::any_car(self.random),
                u if u < 0.97 => (ObjectClass::Motorcycle, people::motorcycle(self.random, false)),
                _ => vehicles::any_heavy(self.random),
            };
            // Two-wheelers without a rider are clutter.
            let class = (class != ObjectClass::Motorcycle).then_some(class);
            let [length, width, _] = body.size;
            let taken = if wide { width / angle.sin() } else { length };
            s += 0.5 * taken;
            if self.random.unit() < full {
                let from_kerb =
                    if wide { 0.5 * length * angle.sin() + 0.5 } else { 0.5 * width + self.random.between(-0.3, 0.35) };
                let pose = road.line.pose(s, side * (road.half_m - from_kerb.max(0.0)));
                let turn = if side < 0.0 { 0.0 } else { PI } + self.random.pick(&[0.0, 0.0, 0.0, PI]);
                let turn = if wide { turn + angle } else { turn };
                let pose = self.turned(pose, turn, 0.025);
                self.put(class, body, pose, Motion::default(), 0.02);
            }
            s += 0.5 * taken + self.random.between(0.35, if wide { 0.9 } else { 1.6 });
        }
    }

    /// Pavement, greenery and houses along one side of a road.
    fn roadside(&mut self, road: &Road, side: f64) {
        let pavement = road.pavement_m;
        let edge = road.half_m;
        let country = self.plan.place == Place::Country;
        // People on the pavement, alone and in groups.
        let crowd = self.random.unit().powi(2) * if country { 3.0 } else { 14.0 };
        for _ in 0..crowd as usize {
            let (s, d) = (self.random.between(-55.0, 60.0), edge + self.random.between(0.3, pavement.max(1.5)));
            let along = self.random.pick(&[0.0, PI]);
            let group = if self.random.unit() < 0.35 { 1 + (self.random.bits() % 3) as usize } else { 0 };
            let speed = self.random.pick(&[0.0, 1.0, 1.0]) * self.random.between(0.6, 1.8);
            for member in 0..=group {
                let (ds, dd) = (self.random.between(-0.8, 0.8), 0.65 * member as f64);
                let pose = road.line.pose(s + ds, side * (d + dd));
                let pose = self.turned(pose, along, if speed > 0.0 { 0.15 } else { 1.2 });
                if !self.on_road(&pose) {
                    let body = people::pedestrian(self.random, speed > 0.0);
                    self.put(
                        Some(ObjectClass::Pedestrian),
                        body,
                        pose,
                        Motion { speed_mps: speed, yaw_rate_radps: 0.0 },
                        0.0,
                    );
                }
            }
        }
        if self.random.unit() < 0.5 {
            for _ in 0..self.random.between(0.0, 4.0) as usize {
                let pose = road.line.pose(
                    self.random.between(-45.0, 50.0),
                    side * (edge + self.random.between(0.4, pavement.max(1.0))),
                );
                let turn = self.random.pick(&[0.0, PI]);
                let pose = self.turned(pose, turn, 0.15);
                if !self.on_road(&pose) {
                    let (class, body) = people::any_rider(self.random);
                    let speed_mps = self.random.pick(&[0.0, 3.5]);
                    self.put(Some(class), body, pose, Motion { speed_mps, yaw_rate_radps: 0.0 }, 0.1);
                }
            }
        }
        // Things at the kerb and on the pavement.
        let dense = self.random.between(0.3, 1.0);
        let mut s = -75.0;
        while s < 75.0 {
            s += self.random.between(1.0, 9.0) / dense;
            let kind = self.random.unit();
            let at_kerb = self.random.unit() < 0.5;
            let d = if at_kerb { self.random.between(0.3, 0.7) } else { pavement + self.random.between(-0.4, 1.0) };
            let pose = road.line.pose(s, side * (edge + d.max(0.3)));
            if self.on_road(&pose) {
                continue;
            }
            let turn = self.random.pick(&[0.0, FRAC_PI_2, PI, -FRAC_PI_2]);
            let pose = self.turned(pose, turn, 0.1);
            let body = match kind {
                k if k < 0.22 => clutter::tree(self.random),
                k if k < 0.50 => clutter::pole(self.random),
                k if k < 0.88 => clutter::small(self.random),
                k if k < 0.96 => clutter::bush(self.random),
                _ => clutter::shelter(self.random),
            };
            self.stand_slender(body, pose);
        }
        // What closes the view: hedges, fences, houses.
        let (front, line) = (pavement + self.random.between(0.0, 5.0), self.random.between(0.2, 1.0));
        let mut s = -85.0;
        while s < 85.0 {
            let length = self.random.between(3.0, 16.0);
            if self.random.unit() < line {
                let pose =
                    road.line.pose(s + 0.5 * length, side * (edge + pavement + 0.6 + self.random.between(0.0, 0.3)));
                if !self.on_road(&pose) {
                    let body = clutter::barrier(self.random, length);
                    let pose = self.turned(pose, 0.0, 0.02);
                    self.stand_clear(body, pose);
                }
            }
            s += length + self.random.pick(&[0.0, 0.0, 1.0]) * self.random.between(1.0, 8.0);
        }
        let built = if country { self.random.between(0.0, 0.5) } else { self.random.between(0.3, 1.0) };
        let mut s = -90.0;
        while s < 90.0 {
            let (length, depth) = (self.random.between(6.0, 26.0), self.random.between(6.0, 14.0));
            let height = self.random.between(2.4, 14.0);
            let setback = front + self.random.pick(&[0.0, 0.0, 1.0]) * self.random.between(0.0, 6.0);
            if self.random.unit() < built {
                let pose = road.line.pose(s + 0.5 * length, side * (edge + setback + 0.5 * depth + 0.4));
                // The front looks at the road.
                let pose = self.turned(pose, if side > 0.0 { 0.0 } else { PI }, 0.01);
                let body = clutter::house(self.random, length, depth, height);
                self.stand_clear(body, pose);
            }
            s += length + self.random.pick(&[0.0, 1.0, 1.0]) * self.random.between(0.5, 9.0);
        }
        for _ in 0..self.random.between(2.0, 22.0) as usize {
            let d = edge + pavement + self.random.between(1.0, 30.0);
            let pose = road.line.pose(self.random.between(-75.0, 75.0), side * d);
            if !self.on_road(&pose) {
                let body = match self.random.bits() % 4 {
                    0 | 1 => clutter::tree(self.random),
                    2 => clutter::bush(self.random),
                    _ => clutter::small(self.random),
                };
                self.stand_slender(body, pose);
            }
        }
    }

    /// Trees and poles overhang: only what stands on the ground takes room.
    fn stand_slender(&mut self, body: Body, pose: Pose2) -> bool {
        if body.size[2] < 2.2 {
            return self.stand(body, pose);
        }
        let size = body.size;
        let foot = Body { size: [0.8, 0.8, size[2]], ..body };
        if self.stand(foot, pose)
            && let Some(object) = self.objects.last_mut()
        {
            object.body.size = size;
            return true;
        }
        false
    }

    /// A long thing stands only where none of it is on a road.
    fn stand_clear(&mut self, body: Body, pose: Pose2) -> bool {
        let (x, y) = (0.5 * body.size[0], 0.5 * body.size[1]);
        let mut corners = [[x, y], [x, -y], [-x, y], [-x, -y], [0.0, y], [0.0, -y]].into_iter();
        let touches = corners.any(|[x, y]| {
            let [x, y] = pose.transform(x, y);
            self.plan.beside(x, y).0 < 0.1
        });
        !touches && self.stand(body, pose)
    }

    /// People and riders who cross the roadway.
    fn crossing_people(&mut self) {
        let count = (self.random.unit().powi(2) * 8.0) as usize;
        for _ in 0..count {
            let pose = Pose2 { x: self.random.between(-25.0, 45.0), y: self.random.between(-12.0, 12.0), yaw: 0.0 };
            let side = self.random.pick(&[FRAC_PI_2, -FRAC_PI_2]);
            let pose = self.turned(pose, side, 0.4);
            if self.random.unit() < 0.8 {
                let body = people::pedestrian(self.random, true);
                let speed_mps = self.random.between(0.0, 2.2);
                self.put(Some(ObjectClass::Pedestrian), body, pose, Motion { speed_mps, yaw_rate_radps: 0.0 }, 0.1);
            } else {
                let (class, body) = people::any_rider(self.random);
                let speed_mps = self.random.between(0.0, 6.0);
                self.put(Some(class), body, pose, Motion { speed_mps, yaw_rate_radps: 0.0 }, 0.2);
            }
        }
    }

    fn highway(&mut self) {
        let plan = self.plan;
        for road in &plan.roads {
            let busy = self.random.unit();
            self.traffic(road, busy, 27.0);
            for d in [-road.half_m - 0.6, 0.0, road.half_m + 0.6] {
                if self.random.unit() < 0.75 {
                    let mut s = -80.0;
                    while s < 80.0 {
                        let pose = road.line.pose(s + 4.0, d);
                        let body = clutter::crash_barrier(self.random, 8.0);
                        self.stand(body, pose);
                        s += 8.0;
                    }
                }
            }
            for side in [-1.0, 1.0] {
                for _ in 0..self.random.between(0.0, 30.0) as usize {
                    let d = road.half_m + self.random.between(1.2, 30.0);
                    let pose = road.line.pose(self.random.between(-80.0, 80.0), side * d);
                    let body = match self.random.bits() % 5 {
                        0 | 1 => clutter::tree(self.random),
                        2 => clutter::bush(self.random),
                        3 => clutter::pole(self.random),
                        _ => clutter::small(self.random),
                    };
                    self.stand_slender(body, pose);
                }
            }
        }
    }

    /// Houses on a rough rectangle around an open place.
    fn walls_around(&mut self) {
        let (yaw, far) = (self.random.between(-PI, PI), self.random.between(22.0, 55.0));
        for turn in [0.0, FRAC_PI_2, PI, -FRAC_PI_2] {
            let frame = Pose2 { x: 0.0, y: 0.0, yaw: wrap_angle(yaw + turn) };
            let out = far * self.random.between(0.5, 1.3);
            let mut at = -60.0;
            while at < 60.0 {
                let (length, depth, height) =
                    (self.random.between(8.0, 30.0), self.random.between(6.0, 14.0), self.random.between(2.5, 12.0));
                if self.random.unit() < 0.75 {
                    let [x, y] = frame.transform(at + 0.5 * length, out + 0.5 * depth);
                    let body = clutter::house(self.random, length, depth, height);
                    self.stand(body, Pose2 { x, y, yaw: frame.yaw });
                }
                at += length + self.random.pick(&[0.0, 6.0]);
            }
        }
    }

    fn scattered(&mut self, count: f64, make: impl Fn(&mut Random) -> Body) {
        for _ in 0..self.random.between(0.0, count) as usize {
            let pose = self.anywhere();
            let body = make(self.random);
            self.stand_slender(body, pose);
        }
    }

    fn moving(&mut self, count: f64, top_mps: f64, make: impl Fn(&mut Random, bool) -> (ObjectClass, Body)) {
        for _ in 0..self.random.between(0.0, count) as usize {
            let pose = self.anywhere();
            let moves = self.random.unit() < 0.6;
            let speed_mps = if moves { self.random.between(0.2, top_mps) } else { 0.0 };
            let yaw_rate_radps = if moves { 0.15 * self.random.normal() } else { 0.0 };
            let (class, body) = make(self.random, moves);
            self.put(Some(class), body, pose, Motion { speed_mps, yaw_rate_radps }, 0.2);
        }
    }

    fn people(&mut self, count: f64) {
        self.moving(count, 1.8, |random, moves| (ObjectClass::Pedestrian, people::pedestrian(random, moves)));
    }

    fn square(&mut self) {
        self.people(45.0);
        self.moving(12.0, 5.0, |random, _| people::any_rider(random));
        self.moving(10.0, 6.0, |random, _| vehicles::any_car(random));
        self.moving(2.0, 6.0, |random, _| vehicles::any_heavy(random));
        self.walls_around();
        self.scattered(50.0, clutter::small);
        self.scattered(16.0, clutter::tree);
        self.scattered(16.0, clutter::pole);
        self.scattered(8.0, clutter::bush);
        self.scattered(4.0, clutter::shelter);
    }

    fn car_park(&mut self) {
        let yaw = self.random.between(-PI, PI);
        let (full, shift) = (self.random.between(0.2, 1.0), self.random.between(-8.0, 8.0));
        let slant = self.random.pick(&[FRAC_PI_2, FRAC_PI_2, 1.05]);
        for row in -4..=4 {
            let aisle = 16.5 * f64::from(row) + shift;
            for (offset, turn) in [(3.0 + 2.5, slant), (-3.0 - 2.5, -slant)] {
                let mut at = -60.0;
                while at < 60.0 {
                    let step = 2.55 / slant.sin();
                    if self.random.unit() < full {
                        let frame = Pose2 { x: 0.0, y: 0.0, yaw };
                        let [x, y] = frame.transform(at, aisle + offset + self.random.between(-0.3, 0.3));
                        let flip = self.random.pick(&[0.0, 0.0, PI]);
                        let pose = self.turned(Pose2 { x, y, yaw }, turn + flip, 0.03);
                        let (class, body) = vehicles::any_car(self.random);
                        self.put(Some(class), body, pose, Motion::default(), 0.02);
                    }
                    at += step;
                }
            }
        }
        self.moving(4.0, 5.0, |random, _| vehicles::any_car(random));
        self.people(14.0);
        self.moving(4.0, 4.0, |random, _| people::any_rider(random));
        self.walls_around();
        self.scattered(14.0, clutter::tree);
        self.scattered(14.0, clutter::pole);
        self.scattered(22.0, clutter::small);
        self.scattered(10.0, clutter::bush);
    }

    fn yard(&mut self) {
        self.walls_around();
        let yaw = self.random.between(-PI, PI);
        let full = self.random.unit();
        for line in [-30.0, -12.0, 14.0, 34.0] {
            let mut at = -50.0;
            while at < 50.0 {
                let [x, y] = Pose2 { x: 0.0, y: 0.0, yaw }.transform(at, line);
                let pose = self.turned(Pose2 { x, y, yaw }, FRAC_PI_2, 0.02);
                match self.random.unit() {
                    u if u < 0.45 * full => {
                        let (class, body) = vehicles::any_heavy(self.random);
                        self.put(Some(class), body, pose, Motion::default(), 0.2);
                    }
                    u if u < 0.75 * full => {
                        let body = clutter::goods(self.random);
                        self.stand(body, pose);
                    }
                    _ => {}
                }
                at += self.random.between(3.2, 6.0);
            }
        }
        self.moving(6.0, 6.0, |random, _| vehicles::any_heavy(random));
        self.moving(8.0, 4.0, |random, _| {
            let size = [random.between(2.6, 3.8), random.between(1.1, 1.5), random.between(2.0, 2.4)];
            (ObjectClass::Truck, vehicles::forklift(size))
        });
        self.moving(8.0, 6.0, |random, _| vehicles::any_car(random));
        self.people(20.0);
        self.moving(3.0, 4.0, |random, _| people::any_rider(random));
        self.scattered(30.0, clutter::goods);
        self.scattered(24.0, clutter::small);
        self.scattered(10.0, clutter::pole);
    }
}
