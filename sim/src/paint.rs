//! What surfaces look like in daylight.

use crate::light::fast_exp;
use crate::random::{cell_noise, smooth_noise};
use crate::surface::{CarPaint, Color, Surface};
use nalgebra::Vector3;

/// Look of a point of a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finish {
    /// Share of light that is thrown back in all directions.
    pub albedo: Color,
    /// Own light.
    pub glow: Color,
    /// Share of light that is mirrored.
    pub mirror: f32,
}

fn matte(albedo: Color) -> Finish {
    Finish { albedo, glow: [0.0; 3], mirror: 0.0 }
}

fn grey(value: f64) -> Color {
    [value as f32; 3]
}

fn scaled(color: Color, by: f64) -> Color {
    color.map(|c| c * by as f32)
}

const GLASS: Finish = Finish { albedo: [0.012, 0.015, 0.018], glow: [0.0; 3], mirror: 0.16 };

/// Look at a point of an object's frame (of `odom` for the ground), `range` metres away.
pub fn finish(surface: Surface, point: &Vector3<f32>, normal: &Vector3<f32>, braking: bool, range: f32) -> Finish {
    let (point, normal) = (&point.cast::<f64>(), &normal.cast::<f64>());
    let near = f64::from(fast_exp(-range / 18.0));
    let fine = |size: f64| (cell_noise(point.x / size, point.y / size) - 0.5) * near;
    match surface {
        Surface::Asphalt => {
            let patch = smooth_noise(point.x / 2.7, point.y / 1.9) - 0.5;
            matte(grey(0.105 + 0.025 * patch + 0.028 * fine(0.04)))
        }
        Surface::Marking => matte(grey(0.62 + 0.25 * fine(0.05))),
        Surface::Sidewalk => {
            let joint = point.x.rem_euclid(0.6) < 0.03 || point.y.rem_euclid(0.6) < 0.03;
            matte(grey(0.27 + 0.06 * fine(0.6) - if joint { 0.10 * near } else { 0.0 }))
        }
        Surface::Kerb => matte(grey(0.36)),
        Surface::Gravel => matte(scaled([0.30, 0.27, 0.23], 0.8 + 0.9 * fine(0.05))),
        Surface::Concrete => matte(grey(0.30 + 0.05 * fine(0.05))),
        Surface::BicycleLane => matte(scaled([0.20, 0.075, 0.06], 1.0 + 0.5 * fine(0.04))),
        Surface::Grass => {
            let patch = smooth_noise(point.x / 1.5, point.y / 1.5) + 0.8 * fine(0.06);
            matte(scaled([0.07, 0.15, 0.03], 0.7 + 0.6 * patch))
        }
        Surface::CarBody(paint) => car_body(&paint, point, normal, braking),
        Surface::CarCabin(paint) if paint.is_window(point, normal) => GLASS,
        Surface::CarCabin(paint) => Finish { mirror: 0.06, ..matte(paint.color) },
        Surface::Wheel { hub_x, radius } => {
            let rim = normal.y.abs() > 0.9 && (point.x - hub_x).hypot(point.z - radius) < 0.66 * radius;
            matte(grey(if rim { 0.30 } else { 0.018 }))
        }
        Surface::Facade(color) => facade(color, point, normal),
        Surface::Bark => matte(scaled([0.12, 0.08, 0.05], 0.8 + 0.4 * smooth_noise(point.x * 30.0, point.z * 4.0))),
        Surface::Leaves(color) => {
            let (u, v) = (point.x + 0.7 * point.z, point.y - 0.6 * point.z);
            let clump = smooth_noise(3.0 * u, 3.0 * v + 2.0 * point.z);
            let leaf = cell_noise(14.0 * u, 14.0 * v + 9.0 * point.z) - 0.5;
            matte(scaled(color, 0.3 + 1.3 * clump + 0.7 * leaf * near))
        }
        Surface::Head(color) => {
            let hair = point.z > 1.0 && normal.z > 0.35 || normal.x < -0.2;
            matte(if hair { [0.05, 0.035, 0.025] } else { color })
        }
        Surface::Cloth(color) => matte(color),
        Surface::Metal => Finish { mirror: 0.05, ..matte(grey(0.22)) },
        Surface::Sign => sign(point, normal),
        Surface::Painted(color) => Finish { mirror: 0.04, ..matte(color) },
        Surface::Wall(color) => matte(scaled(color, 0.85 + 0.25 * smooth_noise(point.x + point.y, point.z))),
        Surface::Wood => matte(scaled([0.24, 0.15, 0.08], 0.8 + 0.4 * smooth_noise(point.x * 9.0, point.z * 9.0))),
        Surface::Glass => GLASS,
        Surface::Spokes { hub_x, radius } => {
            let tyre = (point.x - hub_x).hypot(point.z - radius) > 0.88 * radius;
            matte(grey(if tyre { 0.02 } else { 0.2 }))
        }
        Surface::Netting => matte(grey(0.2)),
    }
}

fn car_body(paint: &CarPaint, p: &Vector3<f64>, normal: &Vector3<f64>, braking: bool) -> Finish {
    if normal.x.abs() > 0.7 {
        let rear = normal.x < 0.0;
        if paint.is_light(p) {
            let glow = match (rear, braking) {
                (true, true) => [1.6, 0.05, 0.03],
                (true, false) => [0.10, 0.004, 0.004],
                (false, _) => [0.5, 0.5, 0.48],
            };
            let albedo = if rear { [0.35, 0.02, 0.02] } else { [0.6, 0.6, 0.6] };
            return Finish { albedo, glow, mirror: 0.06 };
        }
        if paint.is_plate(p) {
            return matte(grey(0.75));
        }
        let grille = !rear && p.y.abs() < 0.45 * paint.width && (0.56..0.70).contains(&p.z);
        if grille || p.z < 0.34 {
            return matte(grey(0.02));
        }
    }
    if normal.y.abs() > 0.7 {
        let seam = [-0.27, -0.04, 0.2].iter().any(|share| (p.x - share * paint.length).abs() < 0.012);
        if paint.is_arch(p) || p.z < 0.27 || (seam && p.z > 0.35) {
            return matte(grey(0.02));
        }
    }
    Finish { mirror: 0.07, ..matte(paint.color) }
}

fn facade(color: Color, p: &Vector3<f64>, normal: &Vector3<f64>) -> Finish {
    if normal.z > 0.5 {
        return matte(grey(0.15));
    }
    let along = if normal.x.abs() > 0.5 { p.y } else { p.x } + 50.0;
    let (floor, z) = ((p.z / 3.0).floor(), p.z.rem_euclid(3.0));
    let (period, low, high) = if floor < 1.0 { (3.6, 0.5, 2.55) } else { (2.1, 0.85, 2.35) };
    let u = along.rem_euclid(period);
    let inside = |margin: f64| {
        (0.45 - margin..period - 0.45 + margin).contains(&u) && (low - margin..high + margin).contains(&z)
    };
    if inside(0.0) {
        let bar = (u - 0.5 * period).abs() < 0.035;
        let curtain = cell_noise(along / period, floor + 0.5) < 0.3 && z > low + 0.5;
        return if bar {
            matte(grey(0.6))
        } else if curtain {
            matte(grey(0.35))
        } else {
            GLASS
        };
    }
    if inside(0.09) {
        return matte(grey(0.55));
    }
    let stain = smooth_noise(along * 0.7, p.z * 0.5);
    let plinth = if p.z < 0.45 { 0.6 } else { 1.0 };
    matte(scaled(color, plinth * (0.85 + 0.25 * stain)))
}

fn sign(p: &Vector3<f64>, normal: &Vector3<f64>) -> Finish {
    if normal.x > -0.5 {
        return matte(grey(0.3));
    }
    // A white triangle on blue.
    let up = (p.z - 2.2) / 0.5;
    let triangle = (0.0..1.0).contains(&up) && p.y.abs() < 0.28 * (1.0 - up);
    matte(if triangle { grey(0.85) } else { [0.02, 0.10, 0.45] })
}
