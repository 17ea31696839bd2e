//! The light of a scene: sun, sky, and the air in between.

use crate::look::Look;
use crate::random::smooth_noise;
use crate::surface::Color;
use nalgebra::Vector3;

/// Light of the whole scene.
#[derive(Clone, Debug)]
pub struct Light {
    /// Unit vector to the sun.
    pub sun: Vector3<f64>,
    /// Light of the sun on a surface that faces it.
    pub sun_color: Color,
    /// Light of the sky on a surface that faces up.
    pub sky_color: Color,
    /// Colour of the air far away.
    pub horizon: Color,
    zenith: Color,
    cloud: f32,
    haze_per_m: f32,
}

impl Light {
    /// The light of a look.
    pub fn new(look: &Look) -> Self {
        let (sin, cos) = look.sun_azimuth_rad.sin_cos();
        let (up, across) = look.sun_elevation_rad.sin_cos();
        Self {
            sun: Vector3::new(cos * across, sin * across, up),
            sun_color: look.sun_color,
            sky_color: look.sky_color,
            horizon: look.horizon,
            zenith: look.zenith,
            cloud: look.cloud,
            haze_per_m: look.haze_per_m,
        }
    }

    /// Colour of the sky in a direction of length one, linear.
    pub fn sky(&self, direction: &Vector3<f32>) -> Color {
        let up = direction.z.clamp(0.0, 1.0);
        let rest = 1.0 - up;
        let clear = mix(self.horizon, self.zenith, 1.0 - rest * rest * rest);
        if direction.z < 0.02 {
            return clear;
        }
        let (u, v) = (f64::from(2.0 * direction.x / direction.z), f64::from(2.0 * direction.y / direction.z));
        let cloud =
            0.5 * smooth_noise(u, v) + 0.3 * smooth_noise(2.1 * u, 2.1 * v) + 0.2 * smooth_noise(4.3 * u, 4.3 * v);
        let cover = ((cloud as f32 - 1.0 + self.cloud) * 3.0).clamp(0.0, 1.0) * (up * 6.0).min(1.0);
        mix(clear, self.horizon.map(|c| 0.25 + 0.95 * c), 0.8 * cover)
    }

    /// A colour seen through the air.
    pub fn through_air(&self, color: Color, distance_m: f32) -> Color {
        mix(color, self.horizon, 1.0 - fast_exp(-distance_m * self.haze_per_m))
    }
}

/// `exp(x)` for x <= 0 by repeated squaring of (1 + x / 64): within 1 % of 1, the same on every machine.
pub fn fast_exp(x: f32) -> f32 {
    let mut power = (1.0 + x / 64.0).max(0.0);
    for _ in 0..6 {
        power *= power;
    }
    power
}

/// Blends from `a` (at 0) to `b` (at 1).
pub fn mix(a: Color, b: Color, weight: f32) -> Color {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * weight)
}
