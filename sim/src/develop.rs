//! From light to a picture: blur of the lens, vignette, noise, response, JPEG.

use crate::lens::Lens;
use crate::look::Look;
use crate::random::Random;
use crate::surface::Color;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use std::ops::Range;
use types::Image;

/// Steps of the response curve. Light of 1 is one step beyond the last.
const RESPONSE_STEPS: usize = 4095;
const RESPONSE_MASK: i32 = 4095;
/// Numbers in the table of noise; a power of two.
const NOISE_STEPS: usize = 1 << 16;

/// Why a picture was not compressed.
pub use jpeg_encoder::EncodingError as CompressError;

/// What a sensor does with light.
#[derive(Clone, Debug)]
pub struct Film {
    width: usize,
    center: [f32; 2],
    gain: Color,
    vignette: f32,
    blur: f32,
    jpeg_quality: u8,
    seed: u64,
    /// Brightness 0..255 for light 0..1, as the square root of light so that dark steps are fine.
    response: Vec<f32>,
    /// Nearly normal numbers, of the standard deviation of the noise.
    noise: Vec<f32>,
}

impl Film {
    /// The film of a look behind a lens.
    pub fn new(look: &Look, lens: &Lens, seed: u64) -> Self {
        let response = (0..=RESPONSE_STEPS).map(|step| {
            let root = step as f32 / RESPONSE_STEPS as f32;
            // Soft at the bright end, gamma 2.2. Light of 4 is the brightest that is told apart.
            255.0 * (1.0 - (-4.0 * root * root).exp()).powf(1.0 / 2.2) / (1.0 - (-4.0_f32).exp()).powf(1.0 / 2.2)
        });
        let mut random = Random::new(seed, 41);
        let raw: Vec<f32> = (0..=NOISE_STEPS + lens.width).map(|_| random.normal() as f32).collect();
        // Neighbours share some of it, as after the reconstruction of colours.
        let noise = raw.windows(2).map(|pair| look.noise * (0.87 * pair[0] + 0.5 * pair[1]) + 0.5).collect();
        Self {
            width: lens.width,
            center: lens.center_px.map(|c| c as f32),
            gain: look.white_balance.map(|w| w * look.exposure / 4.0),
            vignette: look.vignette,
            blur: look.blur,
            jpeg_quality: look.jpeg_quality,
            seed,
            response: response.collect(),
            noise,
        }
    }

    /// Develops the rows `rows` of a picture from the light of the rows `given`.
    pub fn develop(&self, picture: u64, light: &[Color], given: Range<usize>, rows: Range<usize>, rgb: &mut [u8]) {
        let width = self.width;
        let (side, middle) = (self.blur, 1.0 - 2.0 * self.blur);
        let light = light.as_flattened();
        // One pixel more on each side.
        let mut upright = vec![0.0_f32; 3 * (width + 2)];
        let mut bright = vec![0_i32; 3 * width];
        let right: Vec<f32> = (0..3 * width).map(|i| ((i / 3) as f32 - self.center[0]) / width as f32).collect();
        let gain: Vec<f32> = (0..3 * width).map(|i| self.gain[i % 3]).collect();
        let dim = 4.0 * self.vignette;
        for (row, out) in rows.zip(rgb.chunks_exact_mut(3 * width)) {
            let at =
                |row: usize| &light[(row.clamp(given.start, given.end - 1) - given.start) * 3 * width..][..3 * width];
            let (above, here, below) = (at(row.saturating_sub(1)), at(row), at(row + 1));
            for (((out, a), h), b) in upright[3..3 + 3 * width].iter_mut().zip(above).zip(here).zip(below) {
                *out = middle * h + side * (a + b);
            }
            upright.copy_within(3..6, 0);
            upright.copy_within(3 * width..3 * width + 3, 3 * width + 3);
            let down = (row as f32 - self.center[1]) / width as f32;
            let (left, here, next) = (&upright[..3 * width], &upright[3..3 + 3 * width], &upright[6..]);
            for (i, out) in bright.iter_mut().enumerate() {
                let shade = 1.0 - dim * (right[i] * right[i] + down * down).min(0.25);
                let light = (middle * here[i] + side * (left[i] + next[i])) * gain[i] * shade;
                *out = (light.clamp(0.0, 1.0).sqrt() * RESPONSE_STEPS as f32) as i32;
            }
            let mut random = Random::new(self.seed ^ picture.rotate_left(32) ^ row as u64, 43);
            let start = random.bits() as usize & (NOISE_STEPS - 1);
            let noise = &self.noise[start..start + width];
            for ((out, bright), grain) in out.chunks_exact_mut(3).zip(bright.chunks_exact(3)).zip(noise) {
                for c in 0..3 {
                    let value = self.response[(bright[c] & RESPONSE_MASK) as usize] + grain;
                    out[c] = (value as i32).clamp(0, 255) as u8;
                }
            }
        }
    }

    /// Compresses a picture.
    ///
    /// # Errors
    /// Fails on a picture of no pixels or of more than 65,535 in a direction.
    pub fn compress(&self, image: &Image) -> Result<Vec<u8>, CompressError> {
        let mut bytes = Vec::with_capacity(image.rgb.len() / 8);
        let mut encoder = Encoder::new(&mut bytes, self.jpeg_quality);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
        encoder.encode(&image.rgb, image.width as u16, image.height as u16, ColorType::Rgb)?;
        Ok(bytes)
    }
}
