//! Places what does not move: houses, trees, lamps beside the roads of a network.

use crate::bodies;
use crate::clutter;
use crate::random::Random;
use crate::scene::{Body, Ground, Object};
use crate::surface::Color;
use maps::{Border, Lane, LaneKind, LaneNetwork};
use types::Pose2;

/// Colours of cars.
pub const CAR_COLORS: [Color; 7] = [
    [0.42, 0.43, 0.45],
    [0.03, 0.03, 0.035],
    [0.62, 0.62, 0.60],
    [0.38, 0.04, 0.04],
    [0.05, 0.11, 0.30],
    [0.20, 0.21, 0.22],
    [0.10, 0.20, 0.12],
];

/// All still objects beside the roads.
pub fn build(network: &LaneNetwork, ground: &dyn Ground, seed: u64) -> Vec<Object> {
    let mut random = Random::new(seed, 11);
    let mut town = Town { network, ground, objects: Vec::new() };
    for lane in network.lanes() {
        match lane.kind {
            LaneKind::Sidewalk if lane.junction.is_none() => town.street(lane, &mut random),
            LaneKind::Shoulder if lane.right_border == Border::Rail => town.motorway(lane, &mut random),
            _ => {}
        }
    }
    town.objects
}

struct Town<'a> {
    network: &'a LaneNetwork,
    ground: &'a dyn Ground,
    objects: Vec<Object>,
}

impl Town<'_> {
    /// Puts a body `beyond` metres past the right border of a lane if no lane or area and no other object is there.
    fn put(&mut self, lane: &Lane, s: f64, beyond: f64, turn: f64, body: Body) {
        let pose = lane.right.offset(s * lane.right.length_m() / lane.center.length_m(), -beyond);
        let [length, width, _] = body.size;
        let reach = 0.5 * length.hypot(width);
        let is_road = |x: f64, y: f64| {
            let ground = self.network.ground(x, y);
            !ground.lanes.is_empty() || !ground.areas.is_empty()
        };
        let own = Pose2 { yaw: types::wrap_angle(pose.yaw + turn), ..pose };
        for i in -4..=4 {
            for j in [-0.5, 0.0, 0.5] {
                let [x, y] = own.transform(f64::from(i) / 8.0 * length, j * width);
                if is_road(x, y) {
                    return;
                }
            }
        }
        let apart = |other: &Object| {
            let [length, width, _] = other.body.size;
            (other.pose().x - own.x).hypot(other.pose().y - own.y) > 0.8 * (reach + 0.5 * length.hypot(width))
        };
        if self.objects.iter().all(apart) {
            let ground_z = self.ground.height_m(own.x, own.y);
            self.objects.push(Object::new(None, body, own, ground_z));
        }
    }

    /// Lamps and trees at the kerb's far side, houses behind.
    fn street(&mut self, lane: &Lane, random: &mut Random) {
        let length = lane.center.length_m();
        let mut s = random.between(2.0, 6.0);
        while s < length - 6.0 {
            let (front, depth) = (random.between(9.0, 16.0), random.between(8.0, 11.0));
            let height = random.between(2.0, 5.0).floor() * 3.0 + 1.0;
            if random.unit() < 0.75 {
                let setback = random.between(0.5, 4.0);
                let house = clutter::house(random, front, depth, height);
                self.put(lane, s + 0.5 * front, setback + 0.5 * depth, std::f64::consts::PI, house);
            }
            s += front + random.between(0.5, 6.0);
        }
        let mut s = random.between(4.0, 12.0);
        while s < length - 4.0 {
            let body = if random.unit() < 0.4 { bodies::lamp() } else { clutter::tree(random) };
            self.put(lane, s, random.between(0.4, 0.8) + 0.5 * body.size[1].min(0.4), 0.0, body);
            s += random.between(9.0, 18.0);
        }
    }

    /// Trees and bushes beyond the guard rail.
    fn motorway(&mut self, lane: &Lane, random: &mut Random) {
        let length = lane.center.length_m();
        let mut s = 2.0;
        while s < length - 5.0 {
            let rail = clutter::crash_barrier(random, 8.0);
            self.put(lane, s + 4.0, 0.4, 0.0, rail);
            s += 8.0;
        }
        let mut s = random.between(4.0, 12.0);
        while s < length - 4.0 {
            let body = if random.unit() < 0.3 { clutter::bush(random) } else { clutter::tree(random) };
            self.put(lane, s, random.between(4.0, 14.0), 0.0, body);
            s += random.between(10.0, 40.0);
        }
    }
}
