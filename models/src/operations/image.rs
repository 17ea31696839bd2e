//! An image becomes a network's input tensor.

use super::resize::resize_triangle;
use crate::{ChannelOrder, ImageSpec};

/// Fills input tensors of one shape; keeps its tables and the shrunk image from frame to frame.
#[derive(Clone, Debug)]
pub struct ImageToTensor {
    rows: usize,
    columns: usize,
    /// For each channel of the tensor: where it lies within an RGB pixel.
    pub(crate) offsets: [usize; 3],
    /// For each channel of the tensor: the number for each of the 256 values.
    pub(crate) tables: [[f32; 256]; 3],
    pub(crate) pad: u8,
    shrunk: Vec<u8>,
}

impl ImageToTensor {
    /// For tensors `[1, 3, rows, columns]`.
    #[must_use]
    pub fn new(spec: &ImageSpec, rows: usize, columns: usize) -> Self {
        let offsets = match spec.channels {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        let number = |channel: usize, value: usize| {
            let scaled = value as f32 * spec.scale;
            (scaled - spec.mean[channel]) / spec.std[channel]
        };
        let tables = [0, 1, 2].map(|channel| std::array::from_fn(|value| number(channel, value)));
        Self { rows, columns, offsets, tables, pad: spec.pad, shrunk: Vec::new() }
    }

    /// Writes an RGB image of `width` x `height` (rows from the top, no gaps) into `tensor` (channel, row, column) and returns the
    /// factor from image to tensor pixels: 1 if the image fits, less if it had to be shrunk. The image lies top left, the rest
    /// holds the padding (YOLOX, `preproc`).
    ///
    /// An image whose bytes do not match its size, or a tensor of another size than [`ImageToTensor::new`] was told, gives `None`.
    pub fn fill(&mut self, rgb: &[u8], width: usize, height: usize, tensor: &mut [f32]) -> Option<f64> {
        let (ratio, [small_width, small_height]) = self.fit(rgb.len(), width, height)?;
        if tensor.len() != 3 * self.rows * self.columns {
            return None;
        }
        if ratio >= 1.0 {
            self.write(rgb, width, height, tensor);
            return Some(1.0);
        }
        let mut shrunk = std::mem::take(&mut self.shrunk);
        resize_triangle(rgb, [width, height], &mut shrunk, [small_width, small_height]);
        self.write(&shrunk, small_width, small_height, tensor);
        self.shrunk = shrunk;
        Some(ratio)
    }

    /// The factor from image to tensor pixels, and the columns and rows of the tensor that an image of so many bytes fills. None if its bytes do
    /// not match its size.
    pub(crate) fn fit(&self, bytes: usize, width: usize, height: usize) -> Option<(f64, [usize; 2])> {
        if width == 0 || height == 0 || bytes != width.checked_mul(height)?.checked_mul(3)? {
            return None;
        }
        let ratio = (self.rows as f64 / height as f64).min(self.columns as f64 / width as f64);
        if ratio >= 1.0 {
            return Some((1.0, [width, height]));
        }
        let shrink = |size: usize, limit: usize| ((size as f64 * ratio) as usize).clamp(1, limit);
        Some((ratio, [shrink(width, self.columns), shrink(height, self.rows)]))
    }

    fn write(&self, rgb: &[u8], width: usize, height: usize, tensor: &mut [f32]) {
        let planes = tensor.chunks_exact_mut(self.rows * self.columns);
        for ((plane, table), &offset) in planes.zip(&self.tables).zip(&self.offsets) {
            let pad = table[usize::from(self.pad)];
            for (row, line) in plane.chunks_exact_mut(self.columns).enumerate() {
                if row >= height {
                    line.fill(pad);
                    continue;
                }
                let (inside, outside) = line.split_at_mut(width);
                let pixels = rgb[row * width * 3..][..width * 3].chunks_exact(3);
                for (number, pixel) in inside.iter_mut().zip(pixels) {
                    *number = table[usize::from(pixel[offset])];
                }
                outside.fill(pad);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ImageSpec {
        ImageSpec { channels: ChannelOrder::Bgr, scale: 1.0, mean: [0.0; 3], std: [1.0; 3], pad: 114 }
    }

    #[test]
    fn an_image_that_fits_lies_top_left_in_bgr_and_is_not_enlarged() {
        let mut tensor = vec![0.0; 3 * 2 * 4];
        let rgb = [10, 20, 30, 11, 21, 31];
        assert_eq!(ImageToTensor::new(&spec(), 2, 4).fill(&rgb, 2, 1, &mut tensor), Some(1.0));
        assert_eq!(tensor[..8], [30.0, 31.0, 114.0, 114.0, 114.0, 114.0, 114.0, 114.0]);
        assert_eq!(tensor[8..10], [20.0, 21.0]);
        assert_eq!(tensor[16..18], [10.0, 11.0]);
    }

    #[test]
    fn normalisation_follows_the_tensors_channel_order() {
        let spec = ImageSpec { scale: 0.5, mean: [1.0, 2.0, 3.0], std: [1.0, 2.0, 4.0], pad: 10, ..spec() };
        let mut tensor = vec![0.0; 6];
        ImageToTensor::new(&spec, 1, 2).fill(&[100, 50, 20], 1, 1, &mut tensor).unwrap();
        assert_eq!(tensor, [9.0, 4.0, 11.5, 1.5, 11.75, 0.5]);
    }

    #[test]
    fn a_large_image_is_shrunk_with_its_ratio_kept() {
        let rgb: Vec<u8> = (0..8 * 4).flat_map(|_| [7, 8, 9]).collect();
        let mut tensor = vec![0.0; 3 * 4 * 4];
        assert_eq!(ImageToTensor::new(&spec(), 4, 4).fill(&rgb, 8, 4, &mut tensor), Some(0.5));
        assert_eq!(tensor[..8], [9.0; 8]);
        assert_eq!(tensor[8..16], [114.0; 8]);
    }

    #[test]
    fn sizes_that_do_not_match_are_refused() {
        let mut tensor = vec![0.0; 24];
        let mut fill = ImageToTensor::new(&spec(), 2, 4);
        for (bytes, width, height) in [(5, 2, 1), (0, 0, 1), (0, 0, 0), (6, usize::MAX, 2)] {
            assert_eq!(fill.fill(&vec![0; bytes], width, height, &mut tensor), None);
        }
        assert_eq!(fill.fill(&[0; 6], 2, 1, &mut tensor[1..]), None);
    }

    #[test]
    fn an_extremely_wide_image_keeps_one_row() {
        let mut tensor = vec![0.0; 24];
        let ratio = ImageToTensor::new(&spec(), 2, 4).fill(&vec![50; 3 * 4000], 4000, 1, &mut tensor).unwrap();
        assert!((ratio - 0.001).abs() < 1e-12);
        assert_eq!(tensor[..5], [50.0, 50.0, 50.0, 50.0, 114.0]);
    }
}
