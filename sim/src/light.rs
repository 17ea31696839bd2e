//! The sun, the sky, and what the sun does not reach.

use crate::random::{Random, smooth_noise};
use crate::scene::Scene;
use crate::surface::Color;
use nalgebra::Vector3;

const STRIP_M: f64 = 1.0;
const STRIPS: usize = 512;

/// The stretch of a strip that an object can shade, as distances along the sun's direction, m.
#[derive(Clone, Copy, Debug)]
struct Shade {
    object: usize,
    first: f64,
    last: f64,
}

/// Light of the whole scene.
#[derive(Clone, Debug)]
pub struct Light {
    /// Horizontal direction to the sun, of length one.
    toward_sun: [f64; 2],
    /// Metres up per metre towards the sun.
    slope: f64,
    /// Unit vector to the sun.
    pub sun: Vector3<f64>,
    /// Objects that can shade a strip of the ground along the sun's direction.
    strips: Vec<Vec<Shade>>,
    first_strip_m: f64,
}

impl Light {
    /// The sun stands behind the ego, a little to the left, about 40 degrees high.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 40);
        let (azimuth, slope) = (random.between(2.65, 3.0), random.between(0.8, 1.1));
        let toward_sun = [f64::cos(azimuth), f64::sin(azimuth)];
        let sun = Vector3::new(toward_sun[0], toward_sun[1], slope).normalize();
        Self { toward_sun, slope, sun, strips: vec![Vec::new(); STRIPS], first_strip_m: 0.0 }
    }

    /// Sorts the objects around a point into strips along the sun's direction.
    pub fn survey(&mut self, scene: &Scene, x: f64, y: f64) {
        self.strips.iter_mut().for_each(Vec::clear);
        self.first_strip_m = self.aside(x, y) - 0.5 * STRIP_M * STRIPS as f64;
        for (index, object) in scene.objects.iter().enumerate() {
            let pose = object.pose();
            let half = 0.5 * object.body.size[0].hypot(object.body.size[1]);
            let middle = (self.aside(pose.x, pose.y) - self.first_strip_m) / STRIP_M;
            let (low, high) = ((middle - half / STRIP_M).floor(), (middle + half / STRIP_M).floor());
            if high >= 0.0 && low < STRIPS as f64 {
                let along = self.along(pose.x, pose.y);
                let first = along - half - (object.ground_z + object.body.size[2]) / self.slope;
                let shade = Shade { object: index, first, last: along + half };
                for strip in &mut self.strips[low.max(0.0) as usize..=(high as usize).min(STRIPS - 1)] {
                    strip.push(shade);
                }
            }
        }
    }

    fn aside(&self, x: f64, y: f64) -> f64 {
        x * self.toward_sun[1] - y * self.toward_sun[0]
    }

    fn along(&self, x: f64, y: f64) -> f64 {
        x * self.toward_sun[0] + y * self.toward_sun[1]
    }

    /// Whether the sun reaches a point just off a surface.
    pub fn reaches(&self, scene: &Scene, point: &Vector3<f64>) -> bool {
        let strip = ((self.aside(point.x, point.y) - self.first_strip_m) / STRIP_M).floor();
        if !(0.0..STRIPS as f64).contains(&strip) {
            return true;
        }
        let along = self.along(point.x, point.y);
        let mut near = self.strips[strip as usize].iter().filter(|shade| (shade.first..shade.last).contains(&along));
        !near.any(|shade| scene.blocks(shade.object, point, self.toward_sun, self.slope))
    }

    /// Colour of the sky in a direction, linear.
    pub fn sky(&self, direction: &Vector3<f64>) -> Color {
        let up = (direction.z / direction.norm()).clamp(0.0, 1.0) as f32;
        let blend = 1.0 - (1.0 - up).powi(3);
        let clear = mix(HORIZON, [0.13, 0.30, 0.72], blend);
        if direction.z < 0.02 {
            return clear;
        }
        let (u, v) = (2.0 * direction.x / direction.z, 2.0 * direction.y / direction.z);
        let cloud =
            0.5 * smooth_noise(u, v) + 0.3 * smooth_noise(2.1 * u, 2.1 * v) + 0.2 * smooth_noise(4.3 * u, 4.3 * v);
        let cover = ((cloud - 0.5) * 3.0).clamp(0.0, 1.0) as f32 * (up * 6.0).min(1.0);
        mix(clear, [0.95, 0.95, 0.96], 0.8 * cover)
    }
}

/// Colour of the air far away.
pub const HORIZON: Color = [0.62, 0.72, 0.84];

/// Blends from `a` (at 0) to `b` (at 1).
pub fn mix(a: Color, b: Color, weight: f32) -> Color {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * weight)
}
