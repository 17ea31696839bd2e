//! Images of a bag: compressed ones keep their bytes, raw ones become PNG, which loses nothing.

use super::messages::{CompressedImage, Image};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use std::borrow::Cow;
use types::{CameraFrame, ImageFormat, Stamp};

/// A compressed image. Its bytes tell what it is; the text `format` has too many dialects.
pub(super) fn compressed(message: CompressedImage, seq: u64, stamp: Stamp) -> Result<CameraFrame, String> {
    let data = message.data.0;
    let format = format_of(&data).ok_or_else(|| {
        let begin = &data[..data.len().min(4)];
        format!("format \"{}\", bytes {begin:02x?}: neither JPEG nor PNG", message.format)
    })?;
    Ok(CameraFrame { seq, stamp, format, data: data.into() })
}

/// A raw image.
pub(super) fn raw(message: &Image, seq: u64, stamp: Stamp) -> Result<CameraFrame, String> {
    let (width, height, step) = (message.width as usize, message.height as usize, message.step as usize);
    let encoding = message.encoding.as_str();
    // Where a pixel's red, green and blue lie.
    let (bytes, places): (usize, &[usize]) = match encoding {
        "rgb8" => (3, &[0, 1, 2]),
        "bgr8" | "8UC3" => (3, &[2, 1, 0]),
        "rgba8" => (4, &[0, 1, 2]),
        "bgra8" | "8UC4" => (4, &[2, 1, 0]),
        "mono8" | "8UC1" => (1, &[0]),
        _ => {
            return Err(format!(
                "encoding \"{encoding}\": known are rgb8, bgr8, rgba8, bgra8, mono8 (debayer with image_proc)"
            ));
        }
    };
    let used = width.saturating_mul(bytes);
    let data = &message.data.0;
    if used == 0 || height == 0 || used > step || step.saturating_mul(height) > data.len() {
        let found = data.len();
        return Err(format!(
            "{width} x {height} pixels of {bytes} bytes with rows of {step} do not fit into {found} bytes"
        ));
    }
    let rows = data.chunks_exact(step).take(height).map(|row| &row[..used]);
    let pixels: Cow<[u8]> = if places == [0, 1, 2] && bytes == 3 && step == used {
        Cow::Borrowed(&data[..used * height])
    } else {
        let pixels = rows.flat_map(|row| row.chunks_exact(bytes));
        Cow::Owned(pixels.flat_map(|pixel| places.iter().map(move |&place| pixel[place])).collect())
    };
    let color = if places.len() == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive);
    let written = encoder.write_image(&pixels, message.width, message.height, color);
    written.map_err(|error| error.to_string())?;
    Ok(CameraFrame { seq, stamp, format: ImageFormat::Png, data: png.into() })
}

fn format_of(data: &[u8]) -> Option<ImageFormat> {
    match data {
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        [0x89, b'P', b'N', b'G', ..] => Some(ImageFormat::Png),
        _ => None,
    }
}

/// Columns and rows of a compressed image, from its head.
pub(crate) fn size(data: &[u8]) -> Option<[usize; 2]> {
    let reader = image::ImageReader::new(std::io::Cursor::new(data)).with_guessed_format().ok()?;
    reader.into_dimensions().ok().map(|(width, height)| [width as usize, height as usize])
}

#[cfg(test)]
mod tests {
    use super::super::messages::Header;
    use super::*;
    use crate::cdr::Octets;

    fn image(encoding: &str, step: u32, data: Vec<u8>) -> Image {
        let (header, encoding) = (Header::default(), encoding.to_owned());
        Image { header, height: 2, width: 2, encoding, is_bigendian: 0, step, data: Octets(data) }
    }

    fn pixels(message: &Image) -> Vec<u8> {
        let frame = raw(message, 0, Stamp::default()).unwrap();
        assert_eq!(size(&frame.data), Some([2, 2]));
        image::load_from_memory(&frame.data).unwrap().to_rgb8().into_raw()
    }

    #[test]
    fn every_order_of_colours_gives_the_same_pixels() {
        let expected = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert_eq!(pixels(&image("rgb8", 6, expected.to_vec())), expected);
        let bgr = [3, 2, 1, 6, 5, 4, 99, 9, 8, 7, 12, 11, 10, 99];
        assert_eq!(pixels(&image("bgr8", 7, bgr.to_vec())), expected);
        let bgra = [3, 2, 1, 0, 6, 5, 4, 0, 9, 8, 7, 0, 12, 11, 10, 0];
        assert_eq!(pixels(&image("bgra8", 8, bgra.to_vec())), expected);
        assert_eq!(pixels(&image("mono8", 2, vec![1, 2, 3, 4]))[..6], [1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn what_cannot_be_taken_is_named() {
        let bayer = raw(&image("bayer_rggb8", 2, vec![0; 4]), 0, Stamp::default()).unwrap_err();
        assert!(bayer.starts_with("encoding \"bayer_rggb8\": known are rgb8"), "{bayer}");
        let short = raw(&image("rgb8", 6, vec![0; 11]), 0, Stamp::default()).unwrap_err();
        assert_eq!(short, "2 x 2 pixels of 3 bytes with rows of 6 do not fit into 11 bytes");
        let message =
            CompressedImage { format: "h264".into(), data: Octets(vec![0, 0, 0, 1, 9]), ..Default::default() };
        let video = compressed(message, 0, Stamp::default()).unwrap_err();
        assert_eq!(video, "format \"h264\", bytes [00, 00, 00, 01]: neither JPEG nor PNG");
    }
}
