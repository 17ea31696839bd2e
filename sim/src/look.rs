//! How a scene looks: its light, its air, its camera's picture. Drawn from a seed.

use crate::paint::Wear;
use crate::random::Random;
use crate::surface::Color;

/// Everything about a picture that is not geometry.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Direction to the sun in `odom`, rad.
    pub sun_azimuth_rad: f64,
    /// Height of the sun over the horizon, rad.
    pub sun_elevation_rad: f64,
    /// Light of the sun on a surface that faces it.
    pub sun_color: Color,
    /// Light of the sky on a surface that faces up.
    pub sky_color: Color,
    /// Colour of the sky at the horizon.
    pub horizon: Color,
    /// Colour of the sky overhead.
    pub zenith: Color,
    /// Share of the sky that clouds cover, 0..1.
    pub cloud: f32,
    /// Where in the pattern of clouds the sky begins.
    pub drift: [f32; 2],
    /// Light of the own lamps.
    pub headlight: f32,
    /// State of the surfaces.
    pub wear: Wear,
    /// Share of light that a metre of air takes.
    pub haze_per_m: f32,
    /// Factor on all light before the sensor's response.
    pub exposure: f32,
    /// Gain of each channel.
    pub white_balance: Color,
    /// Share of light that the corners lose.
    pub vignette: f32,
    /// Standard deviation of the noise in a mid grey, of 255.
    pub noise: f32,
    /// Share of its light that a pixel gives to each direct neighbour.
    pub blur: f32,
    /// Quality of the JPEG, 1..100.
    pub jpeg_quality: u8,
}

impl Look {
    /// A sunny day. The sun stands behind the ego, a little to the left, about 40 degrees high.
    pub fn sunny(random: &mut Random) -> Self {
        Self {
            sun_azimuth_rad: random.between(2.65, 3.0),
            sun_elevation_rad: random.between(0.8, 1.1).atan(),
            sun_color: [2.6, 2.47, 2.24],
            sky_color: [0.56, 0.65, 0.79],
            horizon: [0.62, 0.72, 0.84],
            zenith: [0.13, 0.30, 0.72],
            cloud: 0.5,
            drift: [random.between(0.0, 256.0) as f32, random.between(0.0, 256.0) as f32],
            headlight: 0.0,
            wear: Wear {
                asphalt: 0.105,
                paint: 0.62,
                worn: 0.25,
                damage: 0.6,
                wet: 0.0,
                green: [1.0; 3],
                dirt: 0.15,
                lamps: false,
            },
            haze_per_m: 1.0 / 380.0,
            exposure: 1.25,
            white_balance: [1.0; 3],
            vignette: 0.15,
            noise: 1.2,
            blur: 0.08,
            jpeg_quality: 80,
        }
    }

    /// Any day: the sun anywhere or behind clouds, from noon to dusk, in clear air and in mist, with any camera.
    #[cfg_attr(not(test), allow(dead_code))] // for training scenes
    pub fn random(random: &mut Random) -> Self {
        let overcast = random.unit() < 0.35;
        let elevation = random.between(8.0_f64, 65.0).to_radians();
        let warm = (1.0 - elevation.sin()).powi(3) as f32;
        // Daylight falls over three stops towards dusk; the exposure follows most of it.
        let day = (2.0_f64.powf(random.between(-2.5, 0.3))) as f32;
        let sun = day * if overcast { 0.0 } else { random.between(1.2, 3.2) as f32 };
        let sky = day * random.between(0.45, 1.0) as f32;
        let tint = random.between(0.75, 1.3) as f32;
        let sky_color = if overcast { [sky, sky, 1.06 * sky] } else { [0.75 * sky, 0.87 * sky, 1.06 * sky * tint] };
        let horizon = [0, 1, 2].map(|c| (0.92 + random.between(0.0, 0.16) as f32) * sky_color[c]);
        let blue = if overcast { 0.8 } else { random.between(0.15, 0.5) as f32 };
        let level = 0.35 * sun + sky;
        let mut between = |low: f64, high: f64| random.between(low, high) as f32;
        let drift = [between(0.0, 256.0), between(0.0, 256.0)];
        let wet = if between(0.0, 1.0) < if overcast { 0.5 } else { 0.1 } { between(0.3, 1.0) } else { 0.0 };
        let dark = day < 0.45;
        let wear = Wear {
            asphalt: between(0.05, 0.16),
            paint: between(0.35, 0.75),
            worn: between(0.0, 0.75),
            damage: between(0.0, 1.4),
            wet,
            green: [between(0.7, 1.9), between(0.7, 1.3), between(0.5, 1.5)],
            dirt: between(0.0, 0.8) * between(0.0, 1.0),
            lamps: dark || between(0.0, 1.0) < 0.3,
        };
        let headlight = if dark && between(0.0, 1.0) < 0.7 { between(0.05, 0.4) } else { 0.0 };
        let mut gain = || 1.0 + 0.05 * random.normal() as f32;
        let white_balance = [gain(), gain(), gain()];
        Self {
            sun_azimuth_rad: random.between(-std::f64::consts::PI, std::f64::consts::PI),
            sun_elevation_rad: elevation,
            sun_color: [sun, sun * (0.95 - 0.25 * warm), sun * (0.87 - 0.55 * warm)],
            sky_color,
            horizon,
            zenith: [blue * horizon[0] * 0.6, blue * horizon[1] * 0.9, (0.5 + 0.5 * blue) * horizon[2]],
            cloud: if overcast { 1.2 } else { random.between(0.2, 0.7) as f32 },
            drift,
            headlight,
            wear,
            haze_per_m: 1.0 / (2.0_f64.powf(random.between(6.6, 11.0))) as f32,
            exposure: 1.6 / level * (2.0_f64.powf(random.between(-0.9, 0.7))) as f32,
            white_balance,
            vignette: random.between(0.0, 0.5) as f32,
            noise: random.between(0.3, 5.0) as f32,
            blur: random.between(0.0, 0.16) as f32,
            jpeg_quality: random.between(55.0, 96.0) as u8,
        }
    }
}
