//! A camera frame as the page shows it: small, JPEG.

use anyhow::Context;
use image::imageops::FilterType;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use types::{CameraFrame, Image};

/// Width of the pictures, px; narrower ones stay as they are.
const WIDTH: u32 = 480;
const QUALITY: u8 = 50;

/// Pictures are taken so long after each other at least, s.
pub const INTERVAL_S: f64 = 0.2;

/// Decodes, shrinks and compresses a camera frame.
///
/// # Errors
/// The frame cannot be decoded: says why.
pub fn shrink(frame: &CameraFrame, buffer: &mut Image) -> anyhow::Result<Vec<u8>> {
    perception::decode::image(frame, buffer)?;
    let (width, height) = (u32::try_from(buffer.width)?, u32::try_from(buffer.height)?);
    let rgb = std::mem::take(&mut buffer.rgb);
    let whole = image::RgbImage::from_raw(width, height, rgb).context("an image without all of its bytes")?;
    let small = if width > WIDTH {
        let rows = (u64::from(height) * u64::from(WIDTH)).div_ceil(u64::from(width)).max(1);
        image::imageops::resize(&whole, WIDTH, u32::try_from(rows)?, FilterType::Triangle)
    } else {
        whole.clone()
    };
    buffer.rgb = whole.into_raw();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(small.as_raw(), u16::try_from(small.width())?, u16::try_from(small.height())?, ColorType::Rgb)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ImageFormat, Stamp};

    #[test]
    fn large_ones_shrink_and_damaged_ones_are_named() {
        let mut png = Vec::new();
        image::RgbImage::from_fn(960, 541, |x, y| image::Rgb([x as u8, y as u8, 90]))
            .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
            .unwrap();
        let mut frame = CameraFrame { seq: 4, stamp: Stamp::default(), format: ImageFormat::Png, data: png.into() };
        let mut buffer = Image::default();
        let small = image::load_from_memory(&shrink(&frame, &mut buffer).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (480, 271));
        frame.data.truncate(100);
        assert!(shrink(&frame, &mut buffer).is_err());
    }
}
