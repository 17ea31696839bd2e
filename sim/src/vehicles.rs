//! What drives: cars, vans, pickups, trucks, buses, forklifts. Heading is x; the ground is z = 0; every part but mirrors lies in the box.

use crate::bodies::wheel;
use crate::random::Random;
use crate::scene::{Body, Part};
use crate::shape::{Face, Shape};
use crate::surface::{CarPaint, Color, Surface};
use nalgebra::Vector3;
use types::ObjectClass;

/// Forms of cars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarForm {
    /// With a boot.
    Saloon,
    /// With a steep rear.
    Hatchback,
    /// With a long roof.
    Estate,
    /// Tall.
    Suv,
    /// Panel van or minibus.
    Van,
    /// With an open bed.
    Pickup,
}

/// Where a form's lines lie: shares of the length (from the middle) and of the height.
struct Lines {
    cowl: f64,
    roof_front: f64,
    roof_rear: f64,
    glass_rear: f64,
    belt: f64,
    nose: f64,
    lean_m: f64,
}

impl CarForm {
    fn lines(self) -> Lines {
        let [cowl, roof_front, roof_rear, glass_rear, belt, nose, lean_m] = match self {
            Self::Saloon => [0.22, 0.04, -0.20, -0.36, 0.63, 0.46, 0.18],
            Self::Hatchback => [0.26, 0.08, -0.36, -0.47, 0.63, 0.47, 0.17],
            Self::Estate => [0.24, 0.06, -0.42, -0.485, 0.62, 0.46, 0.17],
            Self::Suv => [0.24, 0.08, -0.41, -0.48, 0.60, 0.50, 0.14],
            Self::Van => [0.37, 0.25, -0.485, -0.495, 0.52, 0.42, 0.09],
            Self::Pickup => [0.20, 0.06, -0.10, -0.14, 0.58, 0.50, 0.13],
        };
        Lines { cowl, roof_front, roof_rear, glass_rear, belt, nose, lean_m }
    }

    /// Length, width and height of one car of the form, m.
    pub fn size(self, random: &mut Random) -> [f64; 3] {
        let [l, w, h] = match self {
            Self::Saloon => [[4.2, 5.0], [1.68, 1.90], [1.38, 1.52]],
            Self::Hatchback => [[3.4, 4.4], [1.58, 1.82], [1.40, 1.62]],
            Self::Estate => [[4.2, 4.95], [1.68, 1.88], [1.42, 1.58]],
            Self::Suv => [[4.0, 5.1], [1.75, 2.0], [1.58, 1.92]],
            Self::Van => [[4.4, 6.0], [1.78, 2.1], [1.8, 2.7]],
            Self::Pickup => [[4.9, 5.6], [1.8, 2.0], [1.70, 1.90]],
        };
        // Long cars are wide and tall cars are not short: one draw for the size, small ones for each figure.
        let common = random.unit();
        [l, w, h].map(|[low, high]| low + (high - low) * (0.7 * common + 0.3 * random.unit()))
    }
}

fn plane(normal: [f64; 3], through: [f64; 3]) -> Face {
    let normal = Vector3::from(normal).normalize();
    Face { normal, offset: normal.dot(&Vector3::from(through)) }
}

/// An extruded solid whose four corners, seen from above, are cut: at each end by `along` of the length and `across` of the width.
fn rounded(shape: Shape, ends: [f64; 2], half: f64, cuts: &[[f64; 2]]) -> Shape {
    let Shape::Convex(mut faces) = shape else { return shape };
    for (end, sign) in [(ends[0], -1.0), (ends[1], 1.0)] {
        for side in [-1.0, 1.0] {
            for [along, across] in cuts {
                faces.push(plane([sign * across, side * along, 0.0], [end, side * (half - across), 0.0]));
            }
        }
    }
    Shape::Convex(faces)
}

/// A box between two corners.
pub fn block(min: [f64; 3], max: [f64; 3], surface: Surface) -> Part {
    Part { shape: Shape::Block { min: min.into(), max: max.into() }, surface }
}

/// A car of a form: bonnet, screens, pillars of glass, seats, wheels in arches, mirrors.
pub fn car(form: CarForm, color: Color, [length, width, height]: [f64; 3]) -> Body {
    let paint = CarPaint { color, length, width, height };
    let lines = form.lines();
    let (end, half, radius, axle) = (0.5 * length, 0.5 * width, paint.wheel_radius(), paint.axle());
    let (belt, nose, sill) = (lines.belt * height, lines.nose * height, 2.0 * radius + 0.02);
    let (cowl, low) = (lines.cowl * length, 0.2);
    let body = |shape| Part { shape, surface: Surface::CarBody(paint) };
    let corners: &[[f64; 2]] = &[[0.10, 0.35], [0.22, 0.12]];
    let slab = [
        [-end, sill - 0.06],
        [end, sill - 0.06],
        [end - 0.02, nose],
        [end - 0.16, nose + 0.08],
        [cowl, belt],
        [-end + 0.08, belt],
        [-end, belt - 0.14],
    ];
    let sides = |profile: &[[f64; 2]], inset: f64| {
        rounded(
            Shape::extruded(profile, (low, half - inset), (belt, half - inset - 0.03)),
            [-end, end],
            half - inset,
            corners,
        )
    };
    let across = |x0: f64, x1: f64| [[x0, low], [x1, low], [x1, sill], [x0, sill]];
    let mut parts = vec![
        body(sides(&slab, 0.0)),
        body(sides(&across(-axle + radius + 0.05, axle - radius - 0.05), 0.03)),
        body(sides(&across(axle + radius + 0.04, end), 0.01)),
        body(sides(&across(-end, -axle - radius - 0.04), 0.01)),
        // The underbody between the wheels.
        block(
            [-end + 0.2, -half + 0.26, 0.24],
            [end - 0.2, half - 0.26, sill],
            Surface::Wheel { hub_x: 0.0, radius: 0.1 },
        ),
    ];
    let roof = [
        [lines.glass_rear * length, belt - 0.02],
        [cowl + 0.02, belt - 0.02],
        [lines.roof_front * length, height - 0.03],
        [lines.roof_front * length - 0.25, height],
        [lines.roof_rear * length + 0.2, height],
        [lines.roof_rear * length, height - 0.04],
    ];
    parts.push(Part {
        shape: Shape::extruded(&roof, (belt, half - 0.05), (height, half - 0.05 - lines.lean_m)),
        surface: if form == CarForm::Van { Surface::Painted(color) } else { Surface::CarCabin(paint) },
    });
    let seat = Surface::Cloth([0.05; 3]);
    match form {
        CarForm::Van => {
            // Glass lies on the painted box: the screen and the front side windows.
            let (x, top) = (lines.roof_front * length, belt + 0.78 * (height - belt).min(0.9));
            let lean = |z: f64| x + (cowl - x) * (height - z) / (height - belt);
            let screen = [
                [lean(belt), belt + 0.02],
                [lean(belt) + 0.02, belt + 0.02],
                [lean(top) + 0.02, top],
                [lean(top), top],
            ];
            let shape = Shape::extruded(&screen, (belt, half - 0.12), (top, half - 0.2));
            parts.push(Part { shape, surface: Surface::Glass });
        }
        CarForm::Pickup => {
            // The bed is open above its floor: the slab is cut behind the cabin by a lower, hollow one.
            let (rear, front) = (-end, lines.glass_rear * length - 0.05);
            for y in [-half + 0.02, half - 0.1] {
                parts.push(block(
                    [rear + 0.1, y, belt - 0.05],
                    [front, y + 0.08, belt + 0.06],
                    Surface::Painted(color),
                ));
            }
        }
        _ => {
            let rows: &[f64] = if length > 4.0 { &[0.0, -0.2] } else { &[0.02, -0.2] };
            for share in rows {
                for y in [-0.5 * half - 0.2, 0.5 * half - 0.2] {
                    let x = share * length;
                    parts.push(block([x - 0.16, y, belt - 0.05], [x, y + 0.4, belt + 0.6 * (height - belt)], seat));
                }
            }
        }
    }
    for (x, y) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
        parts.push(wheel(x * axle, y * (half - 0.13), radius, 0.11));
    }
    for side in [-1.0, 1.0] {
        let (x, y) = (cowl - 0.22, side * (half + 0.06));
        parts.push(block([x - 0.08, y - 0.1, belt + 0.0], [x + 0.08, y + 0.1, belt + 0.16], Surface::Painted(color)));
    }
    Body { size: [length, width, height], overhang_m: 0.18, parts }
}

/// A pair of wheels of a truck or bus on each side.
fn axle(parts: &mut Vec<Part>, x: f64, half: f64) {
    for side in [-1.0, 1.0] {
        parts.push(wheel(x, side * (half - 0.17), 0.5, 0.16));
    }
}

/// The cab of a truck between two x.
fn cab(parts: &mut Vec<Part>, rear: f64, front: f64, half: f64, height: f64, color: Color) {
    let profile = [
        [rear, 0.95],
        [front - 0.05, 0.45],
        [front, 0.6],
        [front, 1.3],
        [front - 0.22, height - 0.25],
        [front - 0.5, height],
        [rear, height],
    ];
    let shape = Shape::extruded(&profile, (0.4, half), (height, half - 0.05));
    parts.push(Part {
        shape: rounded(shape, [rear - 3.0, front], half, &[[0.12, 0.3]]),
        surface: Surface::Painted(color),
    });
    let screen = [[front - 0.03, 1.35], [front, 1.35], [front - 0.2, height - 0.35], [front - 0.23, height - 0.35]];
    let shape = Shape::extruded(&screen, (1.3, half - 0.1), (height, half - 0.15));
    parts.push(Part { shape, surface: Surface::Glass });
    for side in [-1.0, 1.0] {
        let y = side * (half + 0.14);
        parts.push(block([front - 0.45, y - 0.12, 1.5], [front - 0.3, y + 0.12, 2.3], Surface::Painted([0.03; 3])));
    }
    axle(parts, front - 1.3, half);
}

/// What a truck carries, between two x, on a floor.
fn load(parts: &mut Vec<Part>, [rear, front]: [f64; 2], half: f64, top: f64, random: &mut Random) {
    let floor = random.between(0.9, 1.25);
    let color: Color = std::array::from_fn(|_| random.between(0.05, 0.7) as f32);
    let chassis = Surface::Metal;
    parts.push(block([rear + 0.3, -0.45, 0.6], [front, 0.45, floor], chassis));
    match random.bits() % 8 {
        // Flat bed with side boards and some cargo.
        0 => {
            parts.push(block([rear, -half, floor - 0.15], [front, half, floor], Surface::Wood));
            for y in [-half, half - 0.05] {
                parts.push(block([rear, y, floor], [front, y + 0.05, floor + 0.5], Surface::Painted(color)));
            }
            let mut x = rear + 0.4;
            while x < front - 1.4 {
                let (l, h) = (random.between(0.8, 2.5), random.between(0.3, (top - floor).max(0.4)));
                let w = random.between(0.5, half - 0.1);
                let end = (x + l).min(front - 0.1);
                parts.push(block([x, -w, floor], [end, w, (floor + h).min(top)], Surface::Wood));
                x = end + random.between(0.1, 2.0);
            }
        }
        // Tank.
        1 => {
            let radius = (0.5 * (top - floor)).min(half) - 0.01;
            let axis = [rear + 0.1, 0.0, floor + radius];
            let shape = Shape::limb(axis, [front - 0.1, 0.0, floor + radius], [radius * 0.98; 2], 12);
            parts.push(Part { shape, surface: Surface::Metal });
        }
        // Tipper.
        2 => {
            let profile = [[rear + 0.4, floor], [front, floor], [front, top - 0.4], [rear, top - 0.4]];
            parts.push(Part {
                shape: Shape::extruded(&profile, (floor, half - 0.15), (top, half)),
                surface: Surface::Painted(color),
            });
        }
        _ => parts.push(block([rear, -half, floor], [front, half, top], Surface::Painted(color))),
    }
    // Guards between the axles, and the rear bumper.
    for y in [-half + 0.05, half - 0.1] {
        parts.push(block([rear + 2.6, y, 0.55], [front - 0.6, y + 0.05, 0.9], Surface::Metal));
    }
    parts.push(block([rear + 0.02, -half + 0.1, 0.45], [rear + 0.1, half - 0.1, 0.65], Surface::Metal));
}

/// A truck with a box, a bed, a tank or a tipper; long ones have a trailer.
pub fn truck(size: [f64; 3], random: &mut Random) -> Body {
    let [length, width, height] = size;
    let (end, half) = (0.5 * length, 0.5 * width);
    let color: Color = random.pick(&[[0.6; 3], [0.4, 0.05, 0.04], [0.05, 0.12, 0.35], [0.1; 3], [0.45, 0.35, 0.05]]);
    let mut parts = Vec::new();
    let cab_length = if length < 7.5 { 1.7 } else { 2.2 };
    let cab_height = (height - random.between(0.0, 0.6)).clamp(2.1, 3.7).min(height);
    cab(&mut parts, end - cab_length, end, half - 0.03, cab_height, color);
    let gap = if length > 12.0 { 0.9 } else { 0.15 };
    parts.push(block([end - cab_length - gap - 1.0, -0.45, 0.5], [end - 0.8, 0.45, 0.95], Surface::Metal));
    load(&mut parts, [-end, end - cab_length - gap], half, height, random);
    let rear_axles: &[f64] = match length {
        l if l > 12.0 => &[1.2, 2.5, 3.8],
        l if l > 9.0 => &[1.6, 2.9],
        _ => &[1.5],
    };
    rear_axles.iter().for_each(|x| axle(&mut parts, -end + x, half));
    if length > 12.0 {
        axle(&mut parts, end - cab_length - 2.2, half);
    }
    Body { size, overhang_m: 0.3, parts }
}

/// A trailer on its legs, without a truck.
pub fn trailer(size: [f64; 3], random: &mut Random) -> Body {
    let [length, width, height] = size;
    let (end, half) = (0.5 * length, 0.5 * width);
    let mut parts = Vec::new();
    load(&mut parts, [-end, end], half, height, random);
    [1.2, 2.5, 3.8].iter().for_each(|x| axle(&mut parts, -end + x, half));
    for y in [-0.8, 0.7] {
        parts.push(block([end - 2.6, y, 0.0], [end - 2.48, y + 0.1, 1.2], Surface::Metal));
    }
    Body::new(size, parts)
}

/// A bus or coach: panels, a band of windows, doors of glass.
pub fn bus(size: [f64; 3], random: &mut Random) -> Body {
    let [length, width, height] = size;
    let (end, half) = (0.5 * length, 0.5 * width);
    let color: Color =
        random.pick(&[[0.5, 0.45, 0.08], [0.55; 3], [0.4, 0.05, 0.05], [0.08, 0.2, 0.35], [0.1, 0.3, 0.12]]);
    let paint = Surface::Painted(color);
    let (low, belt, top) = (0.32, random.between(1.0, 1.35), height - random.between(0.35, 0.6));
    let shell = |z0: f64, z1: f64, inset: f64| {
        let profile = [[-end + inset, z0], [end - inset, z0], [end - inset, z1], [-end + inset, z1]];
        let shape = Shape::extruded(&profile, (z0, half - inset), (z1, half - inset));
        rounded(shape, [-end + inset, end - inset], half - inset, &[[0.12, 0.3]])
    };
    let mut parts = vec![
        Part { shape: shell(low, belt, 0.0), surface: paint },
        Part { shape: shell(belt, top, 0.03), surface: Surface::Glass },
        Part { shape: shell(top, height, 0.0), surface: paint },
    ];
    // Pillars and, behind the glass, seats.
    let posts = (length / 1.5).round().max(2.0);
    for i in 0..=posts as usize {
        let x = -end + 0.1 + (length - 0.3) * i as f64 / posts;
        for y in [-half, half - 0.06] {
            parts.push(block([x, y, belt], [x + 0.1, y + 0.06, top], paint));
        }
        for y in [-half + 0.3, 0.35] {
            parts.push(block(
                [x + 0.3, y, belt - 0.1],
                [x + 0.45, y + half - 0.65, belt + 0.45],
                Surface::Cloth([0.1; 3]),
            ));
        }
    }
    axle(&mut parts, end - 0.22 * length, half + 0.01);
    axle(&mut parts, -end + 0.25 * length, half + 0.01);
    Body { size, overhang_m: 0.05, parts }
}

/// A forklift: mast, forks, counterweight, cage and driver.
pub fn forklift(size: [f64; 3]) -> Body {
    let [length, width, height] = size;
    let (end, half) = (0.5 * length, 0.5 * width);
    let (yellow, dark) = (Surface::Painted([0.6, 0.4, 0.05]), Surface::Metal);
    let mast = end - 1.15;
    let mut parts = vec![
        block([-end, -half, 0.3], [-end + 0.7, half, 1.2], yellow),
        block([-end + 0.5, -half + 0.05, 0.2], [mast - 0.1, half - 0.05, 0.75], yellow),
        block([-end + 0.5, -half + 0.1, height - 0.1], [mast - 0.2, half - 0.1, height], dark),
        block([-end + 0.65, -0.25, 0.75], [-end + 1.1, 0.25, 1.55], Surface::Cloth([0.2, 0.15, 0.05])),
        Part {
            shape: crate::bodies::ball([-end + 0.9, 0.0, 1.7], [0.12, 0.1, 0.14]),
            surface: Surface::Head([0.5, 0.35, 0.28]),
        },
    ];
    for side in [-1.0, 1.0] {
        let y = side * (half - 0.15);
        for x in [-end + 0.55, mast - 0.3] {
            parts.push(block([x, y - 0.04, 0.7], [x + 0.08, y + 0.04, height - 0.05], dark));
        }
        parts.push(block([mast - 0.1, y * 0.8 - 0.06, 0.1], [mast + 0.08, y * 0.8 + 0.06, height - 0.02], dark));
        parts.push(block([mast, y * 0.6 - 0.06, 0.06], [end, y * 0.6 + 0.06, 0.13], dark));
        parts.push(wheel(mast - 0.25, side * (half - 0.12), 0.33, 0.12));
        parts.push(wheel(-end + 0.45, side * (half - 0.12), 0.28, 0.1));
    }
    Body::new(size, parts)
}

/// Any car or van, as they are met.
pub fn any_car(random: &mut Random) -> (ObjectClass, Body) {
    use CarForm::{Estate, Hatchback, Pickup, Saloon, Suv, Van};
    let form = random.pick(&[
        Hatchback, Hatchback, Hatchback, Hatchback, Saloon, Saloon, Saloon, Estate, Estate, Estate, Suv, Suv, Suv, Van,
        Van, Pickup,
    ]);
    let color = random.pick(&crate::town::CAR_COLORS);
    let size = form.size(random);
    (ObjectClass::Car, car(form, color, size))
}

/// Any truck or bus, as they are met.
pub fn any_heavy(random: &mut Random) -> (ObjectClass, Body) {
    let width = random.between(2.1, 2.55);
    match random.bits() % 10 {
        0..=3 => (ObjectClass::Truck, truck([random.between(5.5, 8.0), width - 0.1, random.between(2.5, 3.3)], random)),
        4..=5 => (ObjectClass::Truck, truck([random.between(8.0, 11.5), width, random.between(3.0, 3.9)], random)),
        6 => (ObjectClass::Truck, truck([random.between(13.5, 18.0), 2.55, random.between(3.6, 4.0)], random)),
        7 => (ObjectClass::Truck, trailer([random.between(7.0, 13.6), 2.5, random.between(3.2, 4.0)], random)),
        _ => (ObjectClass::Bus, bus([random.between(8.5, 18.0), 2.52, random.between(2.9, 3.4)], random)),
    }
}
