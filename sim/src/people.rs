//! People on foot and on two wheels, in many poses, and two-wheelers without people.

use crate::bodies::ball;
use crate::random::Random;
use crate::scene::{Body, Part};
use crate::shape::{Axis, Shape};
use crate::surface::{Color, Surface};
use nalgebra::Vector3;
use std::f64::consts::PI;
use types::ObjectClass;

type Point = [f64; 3];

/// Collects parts and the box around them.
#[derive(Default)]
struct Figure {
    parts: Vec<Part>,
    low: Option<Vector3<f64>>,
    high: Option<Vector3<f64>>,
}

impl Figure {
    fn reach(&mut self, points: &[Point], radius: f64) {
        for point in points.iter().map(|p| Vector3::from(*p)) {
            let (low, high) = (point.add_scalar(-radius), point.add_scalar(radius));
            self.low = Some(self.low.map_or(low, |old| old.inf(&low)));
            self.high = Some(self.high.map_or(high, |old| old.sup(&high)));
        }
    }

    fn limb(&mut self, start: Point, end: Point, widths: [f64; 2], surface: Surface) {
        self.reach(&[start, end], widths[0].max(widths[1]) * 1.1);
        self.parts.push(Part { shape: Shape::limb(start, end, widths, 6), surface });
    }

    fn tube(&mut self, start: Point, end: Point, half_width: f64, surface: Surface) {
        self.reach(&[start, end], half_width);
        self.parts.push(Part { shape: Shape::limb(start, end, [half_width; 2], 4), surface });
    }

    fn ball(&mut self, center: Point, radii: Point, surface: Surface) {
        let v = Vector3::from(center);
        self.reach(&[(v - Vector3::from(radii)).into(), (v + Vector3::from(radii)).into()], 0.0);
        self.parts.push(Part { shape: ball(center, radii), surface });
    }

    fn block(&mut self, min: Point, max: Point, surface: Surface) {
        self.reach(&[min, max], 0.0);
        self.parts.push(Part { shape: Shape::Block { min: min.into(), max: max.into() }, surface });
    }

    fn wheel(&mut self, x: f64, y: f64, radius: f64, half_width: f64, surface: Surface) {
        self.reach(&[[x - radius, y - half_width, 0.0], [x + radius, y + half_width, 2.0 * radius]], 0.0);
        let center = Vector3::new(x, y, radius);
        let shape = Shape::Cylinder { axis: Axis::Y, center, radius, half_length: half_width };
        self.parts.push(Part { shape, surface });
    }

    /// The body: moved so that the middle of its box is above the origin.
    fn finish(self) -> Body {
        let (low, high) = (self.low.unwrap_or_default(), self.high.unwrap_or_default());
        let by = [-0.5 * (low.x + high.x), -0.5 * (low.y + high.y), 0.0];
        let moved = |part: Part| Part { shape: part.shape.shifted(by), surface: part.surface.shifted(by[0]) };
        let parts = self.parts.into_iter().map(moved).collect();
        Body { size: [high.x - low.x, high.y - low.y, high.z], overhang_m: 0.06, parts }
    }
}

/// Clothes of one person.
struct Clothes {
    shirt: Surface,
    trousers: Surface,
    skin: Surface,
}

impl Clothes {
    fn any(random: &mut Random) -> Self {
        let mut cloth = || {
            let color: Color = std::array::from_fn(|_| random.between(0.02, 0.55) as f32);
            Surface::Cloth(color)
        };
        let (shirt, trousers) = (cloth(), cloth());
        let tone = random.between(0.12, 0.6) as f32;
        Self { shirt, trousers, skin: Surface::Head([tone, 0.75 * tone, 0.62 * tone]) }
    }
}

/// A person on foot: height, build, stride and arms are random; some carry a bag or push a pram.
pub fn pedestrian(random: &mut Random, walking: bool) -> Body {
    let child = random.unit() < 0.15;
    let height = if child { random.between(1.0, 1.5) } else { 1.72 + 0.09 * random.normal().clamp(-2.2, 2.2) };
    let (scale, build, clothes) = (height / 1.75, random.between(0.85, 1.25), Clothes::any(random));
    let at = |x: f64, y: f64, z: f64| [x * scale, y * scale, z * scale];
    let mut figure = Figure::default();
    let phase = random.between(-1.0, 1.0);
    let swing = if walking { 0.45 * phase } else { 0.06 * phase };
    let stance = random.between(0.07, 0.13);
    for (side, swing) in [(1.0, swing), (-1.0, -swing)] {
        let (hip, y) = (at(0.0, 0.09 * side, 0.92), side * stance);
        let bend = if swing < 0.0 { 0.6 * swing.abs() } else { 0.15 * swing };
        let knee = at(0.46 * swing.sin() + 0.05 * bend, y, 0.92 - 0.44 * swing.cos());
        let foot = at(0.46 * swing.sin() + 0.42 * (swing - bend).sin(), y, 0.05 + 0.12 * bend);
        figure.limb(hip, knee, [0.085 * build * scale, 0.06 * build * scale], clothes.trousers);
        figure.limb(knee, foot, [0.06 * build * scale, 0.045 * scale], clothes.trousers);
        let toe = [foot[0] + 0.17 * scale, foot[1], foot[2]];
        figure.limb([foot[0] - 0.06, foot[1], foot[2]], toe, [0.045 * scale, 0.04 * scale], Surface::Cloth([0.05; 3]));
        let (reach, lift) = match (walking, side > 0.0) {
            (true, _) => (-0.8 * swing, 0.0),
            (false, true) => (random.between(-0.1, 0.7), random.between(0.0, 0.4)),
            (false, false) => (random.between(-0.1, 0.3), 0.0),
        };
        let shoulder = at(0.0, 0.19 * side * build, 1.42);
        let elbow = at(0.28 * reach, 0.24 * side * build, 1.13);
        let hand = at(0.28 * reach + 0.24 * (reach + 0.25), 0.23 * side * build, 0.90 + lift);
        figure.limb(shoulder, elbow, [0.05 * build, 0.045 * build], clothes.shirt);
        figure.limb(elbow, hand, [0.045 * build, 0.035], clothes.shirt);
    }
    let lean = random.between(-0.02, 0.07);
    figure.limb(
        at(0.0, 0.0, 0.86),
        at(0.5 * lean, 0.0, 1.12),
        [0.15 * build * scale, 0.135 * build * scale],
        clothes.trousers,
    );
    figure.ball(at(0.6 * lean, 0.0, 1.22), at(0.13 * build, 0.20 * build, 0.30), clothes.shirt);
    figure.ball(at(lean + 0.02, 0.0, 1.63), at(0.10, 0.08, 0.125), clothes.skin);
    match random.bits() % 10 {
        // A rucksack.
        0 | 1 => figure.block(at(-0.32, -0.15, 1.0), at(-0.1, 0.15, 1.45), clothes.trousers),
        // A bag in the hand.
        2 => figure.block(at(-0.15, 0.24, 0.35), at(0.15, 0.36, 0.7), Surface::Cloth([0.2; 3])),
        // A pram or a trolley.
        3 => {
            figure.block([0.55, -0.22, 0.4], [1.15, 0.22, 0.85], clothes.shirt);
            figure.tube([0.3, -0.2, 0.95], [0.7, -0.2, 0.6], 0.02, Surface::Metal);
            figure.tube([0.3, 0.2, 0.95], [0.7, 0.2, 0.6], 0.02, Surface::Metal);
            for x in [0.65, 1.05] {
                figure.wheel(x, -0.22, 0.12, 0.02, Surface::Metal);
                figure.wheel(x, 0.22, 0.12, 0.02, Surface::Metal);
            }
        }
        _ => {}
    }
    figure.finish()
}

/// Frame, wheels and bars of a bicycle; `steer` turns the bars.
fn bicycle_frame(figure: &mut Figure, scale: f64, color: Color) {
    let radius = 0.34 * scale;
    let spokes = |hub_x| Surface::Spokes { hub_x, radius };
    let (rear, front) = (-0.52 * scale, 0.52 * scale);
    figure.wheel(rear, 0.0, radius, 0.02, spokes(rear));
    figure.wheel(front, 0.0, radius, 0.02, spokes(front));
    let paint = Surface::Painted(color);
    let at = |x: f64, z: f64| [x * scale, 0.0, z * scale];
    for (start, end) in [
        (at(-0.52, 0.34), at(-0.10, 0.30)),
        (at(-0.10, 0.30), at(-0.24, 0.88)),
        (at(-0.20, 0.76), at(0.34, 0.80)),
        (at(-0.10, 0.30), at(0.36, 0.72)),
        (at(0.34, 0.95), at(0.52, 0.34)),
        (at(-0.52, 0.34), at(-0.20, 0.76)),
    ] {
        figure.tube(start, end, 0.022, paint);
    }
    figure.tube([0.36 * scale, -0.28, 1.0 * scale], [0.36 * scale, 0.28, 1.0 * scale], 0.018, Surface::Metal);
    figure.block([-0.36 * scale, -0.07, 0.88 * scale], [-0.12 * scale, 0.07, 0.95 * scale], Surface::Cloth([0.03; 3]));
}

/// Somebody who sits on a saddle at `seat` with the hands at `grip` and feet near `pedal`.
fn rider(
    figure: &mut Figure,
    seat: [f64; 2],
    grip: [f64; 2],
    pedal: [f64; 2],
    scale: f64,
    crank: f64,
    random: &mut Random,
) {
    let (clothes, build) = (Clothes::any(random), random.between(0.85, 1.2));
    // How upright the rider sits.
    let reach = (grip[0] - seat[0]) * random.between(0.3, 0.62);
    let torso = 0.52 * scale;
    let shoulder_z = seat[1] + (torso * torso - reach * reach).max(0.04).sqrt();
    for side in [1.0, -1.0] {
        let turn = crank + if side > 0.0 { 0.0 } else { PI };
        let foot = [pedal[0] + 0.16 * turn.cos(), 0.12 * side, pedal[1] + 0.16 * turn.sin()];
        let hip = [seat[0], 0.09 * side, seat[1]];
        // The knee lies forward of the line from hip to foot.
        let (mx, mz) = (0.5 * (hip[0] + foot[0]), 0.5 * (hip[2] + foot[2]));
        let span = (hip[0] - foot[0]).hypot(hip[2] - foot[2]);
        let out = ((0.44 * scale).powi(2) - 0.25 * span * span).max(0.003).sqrt();
        let (nx, nz) = ((hip[2] - foot[2]) / span, (foot[0] - hip[0]) / span);
        let knee = [mx + out * nx, 0.13 * side, mz + out * nz];
        figure.limb(hip, knee, [0.085 * build, 0.06 * build], clothes.trousers);
        figure.limb(knee, foot, [0.06 * build, 0.04], clothes.trousers);
        figure.limb(
            [foot[0] - 0.08, foot[1], foot[2]],
            [foot[0] + 0.14, foot[1], foot[2]],
            [0.045, 0.04],
            clothes.trousers,
        );
        let shoulder = [seat[0] + reach, 0.19 * side * build, shoulder_z];
        let hand = [grip[0], 0.25 * side, grip[1]];
        let elbow = [0.5 * (shoulder[0] + hand[0]) - 0.03, 0.27 * side, 0.5 * (shoulder[2] + hand[2]) - 0.05];
        figure.limb(shoulder, elbow, [0.05 * build, 0.045], clothes.shirt);
        figure.limb(elbow, hand, [0.042, 0.035], clothes.shirt);
    }
    let (hip, chest) = ([seat[0] - 0.02, 0.0, seat[1] + 0.02], [seat[0] + 0.9 * reach, 0.0, shoulder_z - 0.05]);
    figure.limb(hip, chest, [0.14 * build, 0.17 * build], clothes.shirt);
    let head = [seat[0] + reach + 0.08, 0.0, shoulder_z + 0.19 * scale];
    figure.ball(head, [0.115, 0.095, 0.135], clothes.skin);
    if random.unit() < 0.2 {
        figure.block(
            [seat[0] - 0.26, -0.15, seat[1] + 0.12],
            [seat[0] + 0.3 * reach - 0.1, 0.15, shoulder_z - 0.05],
            clothes.trousers,
        );
    }
}

/// Somebody on a bicycle.
pub fn cyclist(random: &mut Random) -> Body {
    let mut figure = Figure::default();
    let scale = random.between(0.88, 1.08);
    let color: Color = std::array::from_fn(|_| random.between(0.03, 0.5) as f32);
    bicycle_frame(&mut figure, scale, color);
    let crank = random.between(-PI, PI);
    rider(
        &mut figure,
        [-0.24 * scale, 0.98 * scale],
        [0.36 * scale, 1.04 * scale],
        [-0.08, 0.30 * scale],
        scale,
        crank,
        random,
    );
    if random.unit() < 0.15 {
        figure.block([-0.8 * scale, -0.18, 0.75], [-0.45 * scale, 0.18, 1.0], Surface::Cloth([0.1; 3]));
    }
    figure.finish()
}

/// A motorcycle or scooter, with or without somebody on it.
pub fn motorcycle(random: &mut Random, ridden: bool) -> Body {
    let mut figure = Figure::default();
    let scale = random.between(0.85, 1.1);
    let color: Color = std::array::from_fn(|_| random.between(0.03, 0.5) as f32);
    let (paint, tyre) = (Surface::Painted(color), |hub_x| Surface::Wheel { hub_x, radius: 0.31 });
    let wheelbase = 0.68 * scale;
    figure.wheel(-wheelbase, 0.0, 0.31, 0.07, tyre(-wheelbase));
    figure.wheel(wheelbase, 0.0, 0.31, 0.06, tyre(wheelbase));
    figure.limb([-0.3 * scale, 0.0, 0.48], [0.3 * scale, 0.0, 0.5], [0.17, 0.19], Surface::Metal);
    figure.limb([-0.05, 0.0, 0.82], [0.38 * scale, 0.0, 0.88], [0.13, 0.15], paint);
    figure.limb([-0.75 * scale, 0.0, 0.82], [-0.05, 0.0, 0.76], [0.08, 0.14], Surface::Cloth([0.03; 3]));
    figure.tube([0.42 * scale, 0.0, 1.0], [wheelbase, 0.0, 0.31], 0.05, Surface::Metal);
    figure.tube([0.38 * scale, -0.36, 1.02], [0.38 * scale, 0.36, 1.02], 0.02, Surface::Metal);
    figure.ball([0.5 * scale, 0.0, 0.92], [0.14, 0.16, 0.16], paint);
    if random.unit() < 0.5 {
        figure.ball([0.5 * scale, 0.0, 1.12], [0.1, 0.18, 0.14], Surface::Glass);
    }
    if random.unit() < 0.3 {
        figure.block([-0.95 * scale, -0.2, 0.85], [-0.6 * scale, 0.2, 1.15], paint);
    }
    if ridden {
        rider(&mut figure, [-0.22 * scale, 0.9], [0.38 * scale, 1.04], [0.0, 0.36], 1.0, 1.57, random);
    }
    figure.finish()
}

/// A bicycle that stands by itself.
pub fn parked_bicycle(random: &mut Random) -> Body {
    let mut figure = Figure::default();
    let color: Color = std::array::from_fn(|_| random.between(0.03, 0.5) as f32);
    bicycle_frame(&mut figure, random.between(0.85, 1.08), color);
    figure.finish()
}

/// A ridden two-wheeler and its class.
pub fn any_rider(random: &mut Random) -> (ObjectClass, Body) {
    if random.unit() < 0.8 {
        (ObjectClass::Cyclist, cyclist(random))
    } else {
        (ObjectClass::Motorcycle, motorcycle(random, true))
    }
}
