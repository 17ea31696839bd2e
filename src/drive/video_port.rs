//! A camera of V4L2. Images of YUYV become JPEGs, as which the log, the viewers and the networks know images; one that was pulled out is
//! opened again.

use super::board::Board;
use super::camera_port::Stamper;
use super::car;
use super::edges::{PATIENCE, hand, pause};
use crate::runtime::Input;
use crate::runtime::clock::receive_time;
use crate::system::video::{Pixels, Shape, Taken, VideoDevice};
use crossbeam_channel::Sender;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::ReceiveTime;
use vehicle::multipart::Part;

/// Of JPEGs that are made here: what is lost is less than the sensor's noise.
const QUALITY: u8 = 92;
/// A camera that gives no image for so long is opened again.
const SILENT: Duration = Duration::from_secs(2);

/// Reads the camera until the drive is over. `size_px`: of the calibration.
pub fn run(
    camera: &car::Camera,
    device: &Path,
    size_px: [usize; 2],
    board: &Board,
    place: usize,
    door: &Sender<Input>,
) {
    let line = &board.sensors[place];
    let mut stamper = Stamper::new(camera);
    while !board.is_over() {
        let ended = VideoDevice::start(device, size_px).map_err(|error| format!("{error:#}")).and_then(|device_on| {
            stream(device_on, board, |part, received| {
                match part.and_then(|part| stamper.frame(part, received)) {
                    Some(frame) => hand(door, line, Input::Camera(Arc::new(frame))),
                    None => line.refuse_one(),
                }
                line.set_clock(stamper.clock.status());
            })
            .map_err(|error| format!("{}: {error}", device.display()))
        });
        if let Err(trouble) = ended {
            pause(line, trouble);
        }
    }
}

/// Images until the drive is over or the camera fails. `None` is one that is damaged.
fn stream(
    mut device: VideoDevice,
    board: &Board,
    mut take: impl FnMut(Option<Part>, ReceiveTime),
) -> Result<(), String> {
    let (shape, mut heard) = (device.shape(), Instant::now());
    while !board.is_over() {
        let looked = device.take(PATIENCE, |taken| (part(&shape, &taken), taken.age));
        match looked.map_err(|error| error.to_string())? {
            None if heard.elapsed() > SILENT => return Err(format!("silent for {} s", SILENT.as_secs())),
            None => {}
            Some((part, age)) => {
                heard = Instant::now();
                // The kernel had it then; making a JPEG took its time since.
                let now = receive_time();
                let stamp_ns = age.map(|age| now.nanos() - i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
                take(part.map(|part| Part { stamp_ns, ..part }), now);
            }
        }
    }
    Ok(())
}

/// An image as a JPEG; none if it is damaged.
fn part(shape: &Shape, taken: &Taken<'_>) -> Option<Part> {
    if taken.is_damaged {
        return None;
    }
    let image = match shape.pixels {
        Pixels::MotionJpeg => taken.bytes.starts_with(&[0xFF, 0xD8]).then(|| taken.bytes.to_vec())?,
        Pixels::Yuyv => compress(shape, taken.bytes)?,
    };
    Some(Part { image, stamp_ns: None })
}

/// A JPEG of an image in YUYV of BT.601 with its limited range, as USB cameras have it; none if bytes are missing.
fn compress(shape: &Shape, bytes: &[u8]) -> Option<Vec<u8>> {
    let Shape { width, height, stride, .. } = *shape;
    let rows: Vec<&[u8]> = bytes.chunks(stride).take(height).map(|row| row.get(..2 * width)).collect::<Option<_>>()?;
    if rows.len() < height {
        return None;
    }
    // JPEG has the full range (JFIF).
    let stretch =
        |value: u8, middle: f32, share: f32| ((f32::from(value) - middle) * share + 0.5).clamp(0.0, 255.0) as u8;
    let luma: [u8; 256] = std::array::from_fn(|i| stretch(i as u8, 16.0, 255.0 / 219.0));
    let chroma: [u8; 256] = std::array::from_fn(|i| stretch(i as u8, 128.0 - 112.0, 255.0 / 224.0));
    let mut pixels = Vec::with_capacity(3 * width * height);
    for [y0, u, y1, v] in rows.into_iter().flat_map(|row| row.as_chunks::<4>().0) {
        let [u, v] = [u, v].map(|value| chroma[usize::from(*value)]);
        pixels.extend([luma[usize::from(*y0)], u, v, luma[usize::from(*y1)], u, v]);
    }
    let (columns, lines) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
    encoder.encode(&pixels, columns, lines, ColorType::Ycbcr).ok()?;
    Some(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { pixels: Pixels::Yuyv, width: 32, height: 16, stride: 80 };

    /// Left half red, right half grey, in BT.601: rows with bytes behind their end.
    fn image() -> Vec<u8> {
        let row: Vec<u8> =
            (0..16).flat_map(|pair| if pair < 8 { [82, 90, 82, 240] } else { [126, 128, 126, 128] }).collect();
        (0..16).flat_map(|_| [&row[..], &[7; 16]].concat()).collect()
    }

    #[test]
    fn colours_stay_what_they_are() {
        let jpeg = part(&SHAPE, &Taken { bytes: &image(), age: None, is_damaged: false }).unwrap().image;
        let rgb = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        assert_eq!(rgb.dimensions(), (32, 16));
        let near = |x, y, wanted: [u8; 3]| {
            let got = rgb.get_pixel(x, y).0;
            assert!(got.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 6), "{got:?} {wanted:?}");
        };
        near(3, 8, [255, 0, 0]);
        near(28, 8, [128, 128, 128]);
    }

    #[test]
    fn what_is_damaged_or_cut_is_none() {
        let all = image();
        let taken = |bytes, is_damaged| Taken { bytes, age: None, is_damaged };
        assert_eq!(part(&SHAPE, &taken(&all, true)), None);
        assert_eq!(part(&SHAPE, &taken(&all[..all.len() - 40], false)), None);
        assert_eq!(part(&SHAPE, &taken(&all[..15 * 80], false)), None);
        let motion = Shape { pixels: Pixels::MotionJpeg, ..SHAPE };
        assert_eq!(part(&motion, &taken(&all, false)), None, "no JPEG");
        assert_eq!(part(&motion, &taken(&[0xFF, 0xD8, 1], false)).unwrap().image, [0xFF, 0xD8, 1]);
    }
}
