//! Compressed images to RGB.

use super::complete::jpeg_is_complete;
use super::{DecodeError, MAX_SIDE_PX};
use image::{ColorType, ImageDecoder, codecs::jpeg::JpegDecoder, codecs::png::PngDecoder};
use std::io::Cursor;
use types::{CameraFrame, Image, ImageFormat};

/// Decoded bytes that one compressed byte can stand for at most: DEFLATE reaches 1032, a JPEG of one colour 1024.
const MAX_EXPANSION: usize = 2048;

/// Decodes one camera frame into `out`, 8 bit RGB; gray is expanded, alpha dropped. The buffer of `out` is reused.
///
/// # Errors
/// Wrong magic, a cut or damaged file, a side beyond [`MAX_SIDE_PX`], more than 8 bits a channel. `out` is then empty.
pub fn image(frame: &CameraFrame, out: &mut Image) -> Result<(), DecodeError> {
    (out.width, out.height) = (0, 0);
    let result = decode(frame, &mut out.rgb);
    match result {
        Ok((width, height)) => (out.width, out.height) = (width, height),
        Err(_) => out.rgb.clear(),
    }
    result.map(|_| ())
}

fn decode(frame: &CameraFrame, rgb: &mut Vec<u8>) -> Result<(usize, usize), DecodeError> {
    let (seq, len) = (frame.seq, frame.data.len());
    let (format, magic): (_, &[u8]) = match frame.format {
        ImageFormat::Jpeg => ("JPEG", &[0xFF, 0xD8, 0xFF]),
        ImageFormat::Png => ("PNG", b"\x89PNG\r\n\x1a\n"),
    };
    if !frame.data.starts_with(magic) {
        return Err(DecodeError::Magic { seq, len, format });
    }
    let damaged = |error: image::ImageError| DecodeError::Damaged { seq, len, format, reason: error.to_string() };
    let bytes = Cursor::new(&frame.data[..]);
    match frame.format {
        ImageFormat::Jpeg if !jpeg_is_complete(&frame.data) => Err(DecodeError::Cut { seq, len, format }),
        ImageFormat::Jpeg => read(JpegDecoder::new(bytes).map_err(damaged)?, seq, len, rgb, damaged),
        ImageFormat::Png => read(PngDecoder::new(bytes).map_err(damaged)?, seq, len, rgb, damaged),
    }
}

fn read(
    decoder: impl ImageDecoder,
    seq: u64,
    len: usize,
    rgb: &mut Vec<u8>,
    damaged: impl Fn(image::ImageError) -> DecodeError,
) -> Result<(usize, usize), DecodeError> {
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    if width.min(height) == 0 || width.max(height) > MAX_SIDE_PX {
        return Err(DecodeError::Dimensions { seq, width, height, maximum: MAX_SIDE_PX });
    }
    let channels = match decoder.color_type() {
        ColorType::L8 => 1,
        ColorType::La8 => 2,
        ColorType::Rgb8 => 3,
        ColorType::Rgba8 => 4,
        other => return Err(DecodeError::Color { seq, color: format!("{other:?}") }),
    };
    let pixels = width * height;
    if pixels * channels > len.saturating_mul(MAX_EXPANSION) {
        return Err(DecodeError::TooFewBytes { seq, width, height, len });
    }
    rgb.resize(pixels * channels.max(3), 0);
    decoder.read_image(&mut rgb[..pixels * channels]).map_err(damaged)?;
    match channels {
        1 | 2 => expand_gray(rgb, pixels, channels),
        4 => drop_alpha(rgb, pixels),
        _ => {}
    }
    Ok((width, height))
}

/// Spreads gray values, in place and from the back, over three channels.
fn expand_gray(rgb: &mut [u8], pixels: usize, channels: usize) {
    for pixel in (0..pixels).rev() {
        let gray = rgb[pixel * channels];
        rgb[pixel * 3..pixel * 3 + 3].fill(gray);
    }
}

fn drop_alpha(rgb: &mut Vec<u8>, pixels: usize) {
    for pixel in 1..pixels {
        rgb.copy_within(pixel * 4..pixel * 4 + 3, pixel * 3);
    }
    rgb.truncate(pixels * 3);
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
    use proptest::prelude::*;
    use types::Stamp;

    fn frame(format: ImageFormat, data: Vec<u8>) -> CameraFrame {
        CameraFrame { seq: 7, stamp: Stamp::default(), format, data: data.into() }
    }

    fn encoded(picture: &DynamicImage, format: image::ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn picture() -> RgbImage {
        RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, 90]))
    }

    #[test]
    fn png_is_exact_and_the_buffer_is_reused() {
        let mut out = Image { width: 1, height: 1, rgb: vec![9; 10_000] };
        let memory = out.rgb.as_ptr();
        let bytes = encoded(&picture().into(), image::ImageFormat::Png);
        image(&frame(ImageFormat::Png, bytes), &mut out).unwrap();
        assert_eq!((out.width, out.height), (40, 30));
        assert_eq!(out.rgb, picture().into_raw());
        assert_eq!(out.rgb.as_ptr(), memory);
    }

    #[test]
    fn gray_and_alpha_become_rgb() {
        let gray = GrayImage::from_fn(5, 4, |x, y| image::Luma([(10 * x + y) as u8]));
        let expected: Vec<u8> = gray.as_raw().iter().flat_map(|&g| [g; 3]).collect();
        let with_alpha = GrayAlphaImage::from_fn(5, 4, |x, y| image::LumaA([(10 * x + y) as u8, 77]));
        for image_with_gray in [DynamicImage::from(gray), DynamicImage::from(with_alpha)] {
            let mut out = Image::default();
            image(&frame(ImageFormat::Png, encoded(&image_with_gray, image::ImageFormat::Png)), &mut out).unwrap();
            assert_eq!(out.rgb, expected);
        }
        let rgba = RgbaImage::from_fn(5, 4, |x, y| image::Rgba([x as u8, y as u8, 3, 200]));
        let mut out = Image::default();
        image(&frame(ImageFormat::Png, encoded(&rgba.clone().into(), image::ImageFormat::Png)), &mut out).unwrap();
        assert_eq!(out.rgb, DynamicImage::from(rgba).to_rgb8().into_raw());
    }

    #[test]
    fn jpeg_is_close_and_a_cut_one_is_an_error() {
        let bytes = encoded(&picture().into(), image::ImageFormat::Jpeg);
        let mut out = Image::default();
        image(&frame(ImageFormat::Jpeg, bytes.clone()), &mut out).unwrap();
        let worst = out.rgb.iter().zip(picture().as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst < Some(30), "{worst:?}");
        for keep in [4, bytes.len() / 2, bytes.len() - 1] {
            let cut = image(&frame(ImageFormat::Jpeg, bytes[..keep].to_vec()), &mut out);
            assert_eq!(cut, Err(DecodeError::Cut { seq: 7, len: keep, format: "JPEG" }));
            assert_eq!((out.width, out.height, out.rgb.len()), (0, 0, 0));
        }
    }

    #[test]
    fn wrong_magic_depth_and_size_are_named() {
        let png = encoded(&picture().into(), image::ImageFormat::Png);
        let mut out = Image::default();
        let wrong = image(&frame(ImageFormat::Jpeg, png.clone()), &mut out);
        assert_eq!(wrong, Err(DecodeError::Magic { seq: 7, len: png.len(), format: "JPEG" }));
        let deep = DynamicImage::from(picture()).into_rgb16();
        let deep = image(&frame(ImageFormat::Png, encoded(&deep.into(), image::ImageFormat::Png)), &mut out);
        assert!(matches!(deep, Err(DecodeError::Color { seq: 7, .. })), "{deep:?}");
        let long = encoded(&GrayImage::new(20_000, 1).into(), image::ImageFormat::Png);
        let long = image(&frame(ImageFormat::Png, long), &mut out);
        assert_eq!(long, Err(DecodeError::Dimensions { seq: 7, width: 20_000, height: 1, maximum: MAX_SIDE_PX }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn damaged_bytes_never_panic(
            jpeg in any::<bool>(),
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
            keep in any::<prop::sample::Index>(), cut in any::<bool>(),
        ) {
            let (own, theirs) = if jpeg { (ImageFormat::Jpeg, image::ImageFormat::Jpeg) } else { (ImageFormat::Png, image::ImageFormat::Png) };
            let mut bytes = encoded(&picture().into(), theirs);
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if cut { bytes.truncate(keep.index(bytes.len())); }
            let mut out = Image::default();
            match image(&frame(own, bytes), &mut out) {
                Ok(()) => prop_assert_eq!(out.rgb.len(), out.width * out.height * 3),
                Err(_) => prop_assert!(out.rgb.is_empty() && out.width == 0 && out.height == 0),
            }
        }
    }
}
