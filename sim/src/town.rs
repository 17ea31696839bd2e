//! Places what does not move: houses, trees, lamps, parked cars.

use crate::bodies;
use crate::ground;
use crate::random::Random;
use crate::scene::{Body, Object};
use crate::street::{CROSSING_END, CROSSING_START, LEFT_KERB, RIGHT_KERB, SIDEWALK_WIDTH, Street};
use crate::surface::Color;
use std::f64::consts::PI;
use types::{ObjectClass, Pose2};

const FIRST: f64 = -70.0;
const LAST: f64 = 330.0;

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

const WALL_COLORS: [Color; 6] = [
    [0.55, 0.42, 0.30],
    [0.62, 0.58, 0.50],
    [0.45, 0.22, 0.16],
    [0.50, 0.50, 0.48],
    [0.66, 0.60, 0.42],
    [0.40, 0.42, 0.46],
];

/// All still objects of a seed.
pub fn build(seed: u64) -> Vec<Object> {
    let mut random = Random::new(seed, 10);
    let mut objects = Vec::new();
    for side in [-1.0, 1.0] {
        houses(side, &mut random, &mut objects);
        greenery(side, &mut random, &mut objects);
    }
    parked_cars(&mut random, &mut objects);
    for (s, d, turn) in [(CROSSING_START - 0.5, RIGHT_KERB - 0.5, 0.0), (CROSSING_END + 0.5, LEFT_KERB + 0.5, PI)] {
        objects.push(standing(None, bodies::sign(), s, d, turn));
    }
    objects
}

/// An object that stands at (s, d), turned against the street's direction.
pub fn standing(class: Option<ObjectClass>, body: Body, s: f64, d: f64, turn: f64) -> Object {
    let pose = Street::pose(s, d);
    Object::new(class, body, Pose2 { yaw: types::wrap_angle(pose.yaw + turn), ..pose }, ground::height(d))
}

/// Lateral position `beyond` metres past the kerb of a side (-1 right, 1 left).
fn past_kerb(side: f64, beyond: f64) -> f64 {
    if side < 0.0 { RIGHT_KERB - beyond } else { LEFT_KERB + beyond }
}

fn houses(side: f64, random: &mut Random, objects: &mut Vec<Object>) {
    let mut s = FIRST;
    while s < LAST {
        let (length, depth) = (random.between(9.0, 17.0), random.between(8.0, 11.0));
        let height = (random.between(2.0, 5.0)).floor() * 3.0 + 1.0;
        let setback = SIDEWALK_WIDTH + random.between(0.6, 2.6);
        let body = bodies::building(random.pick(&WALL_COLORS), length, depth, height);
        objects.push(standing(None, body, s + 0.5 * length, past_kerb(side, setback + 0.5 * depth), 0.0));
        s += length + if random.unit() < 0.3 { random.between(3.0, 8.0) } else { 0.15 };
    }
}

fn greenery(side: f64, random: &mut Random, objects: &mut Vec<Object>) {
    let mut s = FIRST + random.between(0.0, 10.0);
    let mut count = 0;
    while s < LAST {
        let beside_crossing = (CROSSING_START - 6.0..CROSSING_END + 6.0).contains(&s);
        if count % 3 == 2 {
            // The lamp's arm points over the road.
            let turn = if side < 0.0 { 0.0 } else { PI };
            objects.push(standing(None, bodies::lamp(), s, past_kerb(side, 0.45), turn));
        } else if !beside_crossing {
            let green = [random.between(0.05, 0.10) as f32, random.between(0.14, 0.22) as f32, 0.03];
            let body = bodies::tree(green, random.between(5.5, 8.0), random.between(1.3, 1.8));
            objects.push(standing(None, body, s, past_kerb(side, 0.9), random.between(-PI, PI)));
        }
        count += 1;
        s += random.between(9.0, 14.0);
    }
}

fn parked_cars(random: &mut Random, objects: &mut Vec<Object>) {
    let mut s = -40.0;
    while s < 260.0 {
        let (length, width, height) =
            (random.between(4.0, 4.7), random.between(1.74, 1.86), random.between(1.42, 1.62));
        let color = random.pick(&CAR_COLORS);
        let (turn, d) = (random.between(-0.03, 0.03), RIGHT_KERB + 0.25 + 0.5 * width + random.between(0.0, 0.15));
        let near_crossing = (CROSSING_START - 12.0..CROSSING_END + 6.0).contains(&s);
        if !near_crossing && random.unit() < 0.62 {
            objects.push(standing(Some(ObjectClass::Car), bodies::car(color, length, width, height), s, d, turn));
        }
        s += 6.2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stands_in_the_lanes_and_seeds_differ() {
        let objects = build(1);
        assert!(objects.len() > 80);
        for object in &objects {
            let pose = object.pose();
            let (_, d) = Street::locate(pose.x, pose.y);
            let reach = if object.class.is_some() { 0.95 } else { 0.0 };
            assert!(d < -1.75 - reach || d > LEFT_KERB, "{d}");
        }
        let first = |seed| build(seed)[0].body.size;
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
