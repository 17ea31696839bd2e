//! The light of a scene: sun, sky, and the air in between.

use crate::grain::grain;
use crate::look::Look;
use crate::surface::Color;
use nalgebra::Vector3;

/// Light of the whole scene.
#[derive(Clone, Debug)]
pub struct Light {
    /// Unit vector to the sun.
    pub sun: Vector3<f64>,
    /// The same.
    pub toward_sun: Vector3<f32>,
    /// Whether the sun shines.
    pub has_sun: bool,
    /// Light of the sun on a surface that faces it.
    pub sun_color: Color,
    /// Light of the sky on a surface that faces up.
    pub sky_color: Color,
    /// Colour of the air far away.
    pub horizon: Color,
    /// Light of the own lamps on a surface that faces them, nearby.
    pub headlight: f32,
    zenith: Color,
    cloud: f32,
    drift: [f32; 2],
    /// Share of light that a metre of air takes.
    pub haze_per_m: f32,
}

impl Light {
    /// The light of a look.
    pub fn new(look: &Look) -> Self {
        let (sin, cos) = look.sun_azimuth_rad.sin_cos();
        let (up, across) = look.sun_elevation_rad.sin_cos();
        let sun = Vector3::new(cos * across, sin * across, up);
        Self {
            sun,
            toward_sun: sun.cast(),
            has_sun: look.sun_color.iter().any(|c| *c > 0.0),
            sun_color: look.sun_color,
            sky_color: look.sky_color,
            horizon: look.horizon,
            headlight: look.headlight,
            zenith: look.zenith,
            cloud: look.cloud,
            drift: look.drift,
            haze_per_m: look.haze_per_m,
        }
    }

    /// Colour of the sky in a direction of length one, linear.
    pub fn sky(&self, direction: &Vector3<f32>) -> Color {
        let up = direction.z.clamp(0.0, 1.0);
        let rest = 1.0 - up;
        let mut clear = mix(self.horizon, self.zenith, 1.0 - rest * rest * rest);
        if self.has_sun {
            let near = direction.dot(&self.toward_sun).max(0.0);
            let halo = 0.22 * near.powi(12) + 3.0 * near.powi(900);
            clear = std::array::from_fn(|i| clear[i] + halo * self.sun_color[i]);
        }
        if direction.z < 0.015 {
            return clear;
        }
        let scale = 34.0 / (direction.z + 0.05);
        let (x, y) = (direction.x * scale + self.drift[0], direction.y * scale + self.drift[1]);
        let span = 0.06 * scale / 34.0;
        let thick = 0.72 * grain().one(1, x, y, span) + 0.28 * grain().one(1, 3.1 * x, 3.1 * y, 3.1 * span);
        let cover = ((thick - 1.0 + self.cloud) * 3.2).clamp(0.0, 1.0) * (up * 7.0).min(1.0);
        let bright = 0.55 + 0.75 * thick;
        let white: Color = std::array::from_fn(|i| bright * (0.75 * self.horizon[i] + 0.22 * self.sun_color[i]));
        mix(clear, white, 0.9 * cover)
    }

    /// What a smooth surface mirrors from a direction: the sky, a row of houses and trees, the street.
    pub fn around(&self, direction: &Vector3<f32>) -> Color {
        if direction.z < 0.0 {
            let near = (-direction.z * 3.0).min(1.0);
            return self.sky_color.map(|c| c * (0.30 - 0.12 * near));
        }
        let across = direction.x.abs() + direction.y.abs() + 1e-6;
        let skyline = 0.34 * grain().one(1, 90.0 * direction.x / across, 90.0 * direction.y / across, 2.0);
        let row = self.sky_color.map(|c| 0.30 * c);
        let over = ((direction.z - skyline) * 9.0 + 0.5).clamp(0.0, 1.0);
        // Mirrors are not so smooth that clouds would show.
        let rest = 1.0 - direction.z.min(1.0);
        mix(row, mix(self.horizon, self.zenith, 1.0 - rest * rest * rest), over)
    }

    /// A colour seen through the air.
    pub fn through_air(&self, color: Color, distance_m: f32) -> Color {
        mix(color, self.horizon, 1.0 - fast_exp(-distance_m * self.haze_per_m))
    }
}

/// `exp(x)` for x <= 0 by repeated squaring of (1 + x / 64): within 1 % of 1, the same on every machine.
#[inline(always)]
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
