//! What stands around and is no road user: much of it looks like one to a lidar.

use crate::bodies::{self, ball, upright};
use crate::people;
use crate::random::Random;
use crate::scene::{Body, Part};
use crate::shape::{Axis, Shape};
use crate::surface::{Color, Surface};
use crate::vehicles::block;
use nalgebra::Vector3;

fn any_color(random: &mut Random) -> Color {
    std::array::from_fn(|_| random.between(0.04, 0.6) as f32)
}

fn any_green(random: &mut Random) -> Surface {
    Surface::Leaves([random.between(0.04, 0.12) as f32, random.between(0.12, 0.24) as f32, 0.03])
}

fn limb(start: [f64; 3], end: [f64; 3], widths: [f64; 2], surface: Surface) -> Part {
    Part { shape: Shape::limb(start, end, widths, 7), surface }
}

/// A house; its front, with doors, steps, bays and window sills, looks along -y.
pub fn house(random: &mut Random, length: f64, depth: f64, height: f64) -> Body {
    let color = any_color(random);
    let (x, y) = (0.5 * length, 0.5 * depth);
    let front = -y + 0.35;
    let wall = Surface::Wall(color);
    let mut parts = vec![block([-x, front, -0.8], [x, y, height], Surface::Facade(color))];
    if random.unit() < 0.5 {
        parts.push(block([-x, front - 0.08, -0.8], [x, front, random.between(0.3, 0.9)], wall));
    }
    let period = random.between(1.8, 4.2);
    let style = random.bits() % 5;
    let mut at = -x + 0.4;
    while at + period < x {
        let middle = at + 0.5 * period;
        match (style, random.bits() % 6) {
            // Pilasters make the windows recesses.
            (0, _) => parts.push(block([at - 0.2, front - 0.22, 0.0], [at + 0.2, front, height - 0.3], wall)),
            // A bay.
            (1, 0..=2) => {
                let low = random.pick(&[0.0, 2.6]);
                parts.push(block([at + 0.3, front - 0.34, low], [at + period - 0.3, front, height - 0.5], wall));
            }
            // A door with steps.
            (_, 0) => {
                for step in 0..3 {
                    let (out, z) = (0.34 - 0.1 * f64::from(step), 0.16 * f64::from(step + 1));
                    parts.push(block([middle - 0.7, front - out, -0.5], [middle + 0.7, front, z], wall));
                }
                parts.push(block([middle - 0.8, front - 0.3, 2.4], [middle + 0.8, front, 2.55], wall));
            }
            // A balcony.
            (2, 1..=3) if height > 5.5 => {
                parts.push(block([at + 0.2, front - 0.34, 2.9], [at + period - 0.2, front, 3.05], wall));
                parts.push(block(
                    [at + 0.2, front - 0.34, 3.05],
                    [at + period - 0.2, front - 0.3, 4.0],
                    Surface::Metal,
                ));
            }
            // A pane down to the ground.
            (3, _) => parts.push(block([at + 0.2, front - 0.02, 0.3], [at + period - 0.2, front, 2.5], Surface::Glass)),
            _ => parts.push(block([at + 0.4, front - 0.12, 0.9], [at + period - 0.4, front, 1.0], wall)),
        }
        at += period;
    }
    if random.unit() < 0.5 {
        let (pipe, end) = (x - 0.15, height - 0.1);
        parts.push(limb([pipe, front - 0.08, 0.0], [pipe, front - 0.08, end], [0.05; 2], Surface::Metal));
    }
    if random.unit() < 0.5 {
        let ridge = height + random.between(1.5, 4.0);
        let profile = [[-x, height], [x, height], [x, ridge], [-x, ridge]];
        let shape = Shape::extruded(&profile, (height, y - 0.35), (ridge, 0.05));
        parts.push(Part { shape, surface: Surface::Wall([0.3, 0.12, 0.08]) });
        return Body { size: [length, depth, ridge], overhang_m: 0.1, parts };
    }
    Body { size: [length, depth, height], overhang_m: 0.1, parts }
}

/// A plain wall, a fence of boards, rails or netting, or a hedge, along x.
pub fn barrier(random: &mut Random, length: f64) -> Body {
    let (x, low) = (0.5 * length, -0.5);
    let height = random.between(0.5, 2.2);
    let mut parts = Vec::new();
    let mut width = 0.3;
    let posts = |parts: &mut Vec<Part>, gap: f64, half: f64, surface: Surface| {
        let count = (length / gap).ceil().clamp(1.0, 60.0) as usize;
        for i in 0..=count {
            let at = (-x + length * i as f64 / count as f64).clamp(-x + half, x - half);
            parts.push(block([at - half, -half, low], [at + half, half, height], surface));
        }
    };
    match random.bits() % 7 {
        0 | 1 => {
            width = random.between(0.2, 0.5);
            parts.push(block([-x, -0.5 * width, low], [x, 0.5 * width, height], Surface::Wall(any_color(random))));
        }
        2 => {
            posts(&mut parts, random.between(0.12, 0.3), random.between(0.02, 0.06), Surface::Wood);
            parts.push(block([-x, 0.02, height - 0.3], [x, 0.06, height - 0.2], Surface::Wood));
        }
        3 => {
            posts(&mut parts, random.between(1.5, 3.0), 0.05, Surface::Metal);
            for share in [0.45, 0.95] {
                parts.push(block([-x, -0.02, share * height - 0.05], [x, 0.02, share * height], Surface::Metal));
            }
        }
        4 => {
            posts(&mut parts, 2.5, 0.04, Surface::Metal);
            parts.push(block([-x, -0.01, low], [x, 0.01, height - 0.02], Surface::Netting));
        }
        _ => {
            width = random.between(0.5, 1.4);
            let green = any_green(random);
            let mut at = -x;
            while at < x {
                let end = (at + random.between(0.5, 2.5)).min(x);
                let (w, h) = (0.5 * width * random.between(0.75, 1.0), height * random.between(0.85, 1.0));
                parts.push(block([at, -w, low], [end, w, h], green));
                at = end;
            }
        }
    }
    Body { size: [length, width, height], overhang_m: 0.1, parts }
}

/// A crash barrier along x: steel rail or concrete.
pub fn crash_barrier(random: &mut Random, length: f64) -> Body {
    let x = 0.5 * length;
    if random.unit() < 0.4 {
        let shape = Shape::extruded(&[[-x, -0.3], [x, -0.3], [x, 0.82], [-x, 0.82]], (0.0, 0.3), (0.82, 0.1));
        return Body::new([length, 0.64, 0.82], vec![Part { shape, surface: Surface::Wall([0.4; 3]) }]);
    }
    let mut parts = vec![block([-x, -0.05, 0.42], [x, 0.08, 0.73], Surface::Metal)];
    let mut at = -x + 0.5;
    while at < x {
        parts.push(block([at, 0.05, -0.3], [at + 0.12, 0.17, 0.7], Surface::Metal));
        at += 2.0;
    }
    Body::new([length, 0.4, 0.75], parts)
}

/// A tree: trunk with branches, and a crown of several loose balls; or a conifer.
pub fn tree(random: &mut Random) -> Body {
    let height = random.between(3.0, 13.0);
    let crown = random.between(0.14, 0.28) * height;
    let trunk = random.between(0.05, 0.09) + 0.012 * height;
    let green = any_green(random);
    let lean = [random.between(-0.04, 0.04) * height, random.between(-0.04, 0.04) * height];
    let clear = height * random.between(0.15, 0.45);
    let mut parts =
        vec![limb([0.0, 0.0, -0.3], [lean[0], lean[1], height - 0.5 * crown], [trunk, 0.4 * trunk], Surface::Bark)];
    if random.unit() < 0.2 {
        for i in 0..5 {
            let z = clear + (height - clear) * (f64::from(i) + 0.5) / 5.0;
            let radius = 1.1 * crown * (1.0 - f64::from(i) / 5.2);
            parts.push(Part { shape: ball([0.0, 0.0, z], [radius, radius, 0.13 * (height - clear)]), surface: green });
        }
    } else {
        let top = height - clear;
        for _ in 0..6 {
            let radius = crown * random.between(0.45, 0.8);
            let spread = 0.75 * crown;
            let (dx, dy) = (random.between(-spread, spread), random.between(-spread, spread));
            let z = (clear + radius + random.unit() * (top - 2.0 * radius).max(0.0)).min(height - radius);
            let center = [lean[0] + dx, lean[1] + dy, z];
            parts.push(Part { shape: ball(center, [radius, radius, 0.85 * radius]), surface: green });
            let fork = [0.6 * lean[0], 0.6 * lean[1], clear.max(0.45 * z)];
            parts.push(limb(fork, center, [0.35 * trunk, 0.02], Surface::Bark));
        }
    }
    let reach = 2.0 * (1.6 * crown + lean[0].abs().max(lean[1].abs()));
    Body { size: [reach, reach, height], overhang_m: 0.1, parts }
}

/// A bush of one to four balls.
pub fn bush(random: &mut Random) -> Body {
    let (radius, green) = (random.between(0.25, 1.1), any_green(random));
    let parts = (0..random.between(1.0, 5.0) as usize)
        .map(|i| {
            let shift = if i == 0 { 0.0 } else { 0.8 * radius };
            let r = radius * random.between(0.6, 1.0);
            let center = [random.between(-shift, shift), random.between(-shift, shift), 0.6 * r];
            Part { shape: ball(center, [r, r, r * random.between(0.6, 1.2)]), surface: green }
        })
        .collect();
    Body::new([3.6 * radius, 3.6 * radius, 2.0 * radius], parts)
}

/// Something slender: a post, lamp, mast, sign or traffic light.
pub fn pole(random: &mut Random) -> Body {
    let radius = random.between(0.03, 0.14);
    let height = random.between(2.2, 9.0);
    let mut parts = vec![Part { shape: upright(0.0, 0.0, radius, [-0.5, height]), surface: Surface::Metal }];
    if random.unit() < 0.4 {
        let (r, base) = (radius + random.between(0.02, 0.12), random.between(0.2, 1.0));
        parts.push(Part { shape: upright(0.0, 0.0, r, [-0.5, base]), surface: Surface::Metal });
    }
    match random.bits() % 5 {
        0 => parts.push(limb([0.0, 0.0, height - 0.3], [0.0, 1.8, height], [0.06, 0.1], Surface::Metal)),
        1 | 2 => {
            let (half, z) = (random.between(0.2, 0.6), random.between(1.5, (height - 0.5).max(1.6)));
            parts.push(block([-radius - 0.03, -half, z], [-radius, half, z + 1.6 * half], Surface::Sign));
        }
        3 => {
            let z = 2.3_f64.min(height - 0.9);
            let body = Surface::Painted([0.03; 3]);
            parts.push(block([-radius - 0.25, -0.16, z], [-radius, 0.16, z + 0.9], body));
        }
        _ => {}
    }
    Body { size: [1.2, 3.8, height + 0.5], overhang_m: 0.1, parts }
}

/// Small things on pavements: bins, bollards, hydrants, cabinets, benches, planters, cones, bicycles, piles.
pub fn small(random: &mut Random) -> Body {
    let paint = Surface::Painted(any_color(random));
    let round = |random: &mut Random, radius: [f64; 2], height: [f64; 2], surface: Surface| {
        let (r, h) = (random.between(radius[0], radius[1]), random.between(height[0], height[1]));
        Body::new([2.0 * r, 2.0 * r, h], vec![Part { shape: upright(0.0, 0.0, r, [0.0, h]), surface }])
    };
    let boxed = |random: &mut Random, l: [f64; 2], w: [f64; 2], h: [f64; 2], surface: Surface| {
        let [l, w, h] = [l, w, h].map(|[low, high]| random.between(low, high));
        Body::new([l, w, h], vec![block([-0.5 * l, -0.5 * w, -0.3], [0.5 * l, 0.5 * w, h], surface)])
    };
    match random.bits() % 14 {
        0 => round(random, [0.05, 0.15], [0.5, 1.1], Surface::Metal),
        1 => round(random, [0.2, 0.35], [0.6, 1.2], paint),
        // A wheeled bin.
        2 | 3 => {
            let mut parts = vec![block([-0.3, -0.27, 0.12], [0.3, 0.27, 1.0], paint)];
            parts.push(block([-0.33, -0.29, 0.98], [0.33, 0.29, 1.06], paint));
            parts.push(bodies::wheel(-0.2, 0.2, 0.1, 0.03));
            Body::new([0.7, 0.6, 1.07], parts)
        }
        // A large bin or skip.
        4 => {
            let (l, h) = (random.between(1.2, 4.0), random.between(1.1, 1.7));
            let profile = [[-0.42 * l, 0.1], [0.42 * l, 0.1], [0.5 * l, h], [-0.5 * l, h]];
            let shape = Shape::extruded(&profile, (0.1, 0.55), (h, 0.75));
            Body::new([l, 1.6, h], vec![Part { shape, surface: paint }])
        }
        5 => boxed(random, [0.5, 1.6], [0.3, 0.6], [0.8, 1.7], paint),
        // A bench.
        6 => {
            let l = random.between(1.2, 2.2);
            let parts = vec![
                block([-0.5 * l, -0.25, 0.4], [0.5 * l, 0.2, 0.46], Surface::Wood),
                block([-0.5 * l, 0.2, 0.4], [0.5 * l, 0.26, 0.85], Surface::Wood),
                block([-0.4 * l, -0.2, 0.0], [-0.35 * l, 0.2, 0.4], Surface::Metal),
                block([0.35 * l, -0.2, 0.0], [0.4 * l, 0.2, 0.4], Surface::Metal),
            ];
            Body::new([l, 0.56, 0.86], parts)
        }
        // A planter with a bush.
        7 => {
            let (l, h) = (random.between(0.6, 2.5), random.between(0.4, 0.7));
            let mut parts = vec![block([-0.5 * l, -0.35, 0.0], [0.5 * l, 0.35, h], Surface::Wall([0.3; 3]))];
            parts.push(Part { shape: ball([0.0, 0.0, h], [0.45 * l, 0.34, 0.5]), surface: any_green(random) });
            Body::new([l, 0.7, h + 0.5], parts)
        }
        // A cone.
        8 => {
            let h = random.between(0.4, 0.9);
            let shape = Shape::limb([0.0, 0.0, 0.0], [0.0, 0.0, h], [0.17, 0.03], 8);
            Body::new([0.4, 0.4, h], vec![Part { shape, surface: Surface::Painted([0.6, 0.15, 0.03]) }])
        }
        9 | 10 => people::parked_bicycle(random),
        // A post box or column for bills.
        11 => {
            let surface = Surface::Wall(any_color(random));
            round(random, [0.4, 0.7], [2.0, 3.2], surface)
        }
        // A parasol over a table.
        12 => {
            let canopy = Shape::limb([0.0, 0.0, 2.1], [0.0, 0.0, 2.6], [1.3, 0.05], 8);
            let parts = vec![
                Part { shape: upright(0.0, 0.0, 0.03, [0.0, 2.2]), surface: Surface::Metal },
                Part { shape: canopy, surface: Surface::Cloth(any_color(random)) },
                Part { shape: upright(0.0, 0.0, 0.45, [0.70, 0.75]), surface: Surface::Wood },
                block([-0.95, -0.2, 0.42], [-0.6, 0.2, 0.46], Surface::Wood),
                block([-0.95, -0.2, 0.42], [-0.9, 0.2, 0.9], Surface::Wood),
            ];
            Body { size: [2.6, 2.6, 2.6], overhang_m: 0.1, parts }
        }
        // Earth, sand or rubbish.
        _ => {
            let r = random.between(0.4, 1.6);
            let (narrow, flat) = (random.between(0.5, 1.0), random.between(0.3, 0.7));
            let shape = ball([0.0, 0.0, 0.0], [r, r * narrow, r * flat]);
            Body::new([2.0 * r, 2.0 * r, 0.7 * r], vec![Part { shape, surface: Surface::Gravel }])
        }
    }
}

/// Goods and gear of a yard: crates, pallets, containers, pipes, cabins, racks.
pub fn goods(random: &mut Random) -> Body {
    let paint = Surface::Painted(any_color(random));
    match random.bits() % 6 {
        0 | 1 => {
            let l = random.pick(&[6.06, 6.06, 12.19]);
            let tiers = if random.unit() < 0.3 { 2.0 } else { 1.0 };
            let mut parts = vec![block([-0.5 * l, -1.2, 0.05], [0.5 * l, 1.2, 2.59 * tiers], paint)];
            let mut at = -0.5 * l + 0.2;
            while at < 0.5 * l - 0.2 {
                for y in [-1.22, 1.19] {
                    parts.push(block([at, y, 0.15], [at + 0.1, y + 0.03, 2.5 * tiers], paint));
                }
                at += 0.4;
            }
            Body::new([l, 2.44, 2.59 * tiers], parts)
        }
        2 | 3 => {
            let mut parts = Vec::new();
            let (columns, rows) = (random.between(1.0, 4.0) as usize, random.between(1.0, 3.0) as usize);
            let mut top: f64 = 0.2;
            for i in 0..columns {
                for j in 0..rows {
                    let h = random.between(0.15, 1.9);
                    top = top.max(h);
                    let (x, y) = (1.25 * (i as f64 - 0.5 * columns as f64), 0.9 * (j as f64 - 0.5 * rows as f64));
                    parts.push(block([x, y, 0.0], [x + 1.2, y + 0.8, h], Surface::Wood));
                }
            }
            Body::new([1.25 * columns as f64, 0.9 * rows as f64, top], parts)
        }
        4 => {
            let (l, r) = (random.between(2.0, 6.0), random.between(0.15, 0.5));
            let pipe = |y: f64, z: f64| limb([-0.5 * l, y, z], [0.5 * l, y, z], [0.98 * r; 2], Surface::Metal);
            let parts = vec![pipe(-1.05 * r, r), pipe(1.05 * r, r), pipe(0.0, 2.7 * r)];
            Body::new([l, 4.1 * r, 3.7 * r], parts)
        }
        _ => {
            let (l, h) = (random.between(2.0, 6.0), random.between(2.2, 2.8));
            let mut parts = vec![block([-0.5 * l, -1.2, 0.15], [0.5 * l, 1.2, h], Surface::Wall(any_color(random)))];
            parts.push(Part {
                shape: Shape::Cylinder {
                    axis: Axis::Y,
                    center: Vector3::new(0.0, 0.0, 0.2),
                    radius: 0.2,
                    half_length: 1.0,
                },
                surface: Surface::Wheel { hub_x: 0.0, radius: 0.2 },
            });
            Body::new([l, 2.4, h], parts)
        }
    }
}

/// A shelter of glass with a bench: bus stops.
pub fn shelter(random: &mut Random) -> Body {
    let l = random.between(2.5, 5.0);
    let x = 0.5 * l;
    let mut parts = vec![
        block([-x, 0.6, 0.1], [x, 0.63, 2.2], Surface::Glass),
        block([-x, -0.6, 2.2], [x, 0.7, 2.35], Surface::Metal),
        block([-x, -0.3, 0.1], [-x + 0.04, 0.6, 2.2], Surface::Glass),
        block([-0.6 * x, 0.25, 0.42], [0.6 * x, 0.55, 0.47], Surface::Wood),
    ];
    for at in [-x, 0.0, x - 0.08] {
        parts.push(block([at, 0.58, 0.0], [at + 0.08, 0.66, 2.2], Surface::Metal));
    }
    Body::new([l, 1.4, 2.35], parts)
}
