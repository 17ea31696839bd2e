//! Whole images: points gathered per pixel, and a photograph scaled to its place.

use super::canvas::Canvas;
use super::colors::Color;
use types::Image;

/// One number per pixel of a canvas: the greatest that fell on it.
pub struct Raster {
    width: usize,
    greatest: Vec<f32>,
}

impl Raster {
    /// An empty raster as large as the canvas.
    pub fn of(canvas: &Canvas) -> Self {
        Self { width: canvas.width(), greatest: vec![f32::NEG_INFINITY; canvas.width() * canvas.height()] }
    }

    /// Drops a number on a square of `size` pixels around a position; what is outside or not finite is left out.
    pub fn drop(&mut self, [x, y]: [f64; 2], size: usize, value: f32) {
        let (left, top) = ((x - 0.5 * (size as f64 - 1.0)).floor(), (y - 0.5 * (size as f64 - 1.0)).floor());
        if !(left >= 0.0 && top >= 0.0 && left < self.width as f64 && top < 1e6) {
            return;
        }
        let (left, top) = (left as usize, top as usize);
        for row in top..top + size {
            let start = row * self.width;
            let (from, to) = (start + left, start + (left + size).min(self.width));
            for pixel in self.greatest.get_mut(from..to).into_iter().flatten() {
                *pixel = pixel.max(value);
            }
        }
    }

    /// Paints every pixel that holds a number.
    pub fn paint(&self, canvas: &mut Canvas, color: impl Fn(f64) -> Color) {
        for (index, &value) in self.greatest.iter().enumerate() {
            if value > f32::NEG_INFINITY {
                canvas.blend(index % self.width, index / self.width, color(f64::from(value)));
            }
        }
    }
}

/// Whether an image holds as many bytes as its size says, and at least one pixel.
pub fn is_whole(image: &Image) -> bool {
    let bytes = image.width.checked_mul(image.height).and_then(|pixels| pixels.checked_mul(3));
    !image.rgb.is_empty() && bytes == Some(image.rgb.len())
}

/// Paints a whole image over a whole canvas, `brightness` 0..1, first made grey if `grey`.
/// Each pixel is the triangle-weighted mean of the source pixels below it.
pub fn paint_image(canvas: &mut Canvas, image: &Image, brightness: f64, grey: bool) {
    if !is_whole(image) {
        return;
    }
    let columns = weights(image.width, canvas.width());
    let rows = weights(image.height, canvas.height());
    let mut blurred = vec![0.0f32; image.width * 3];
    for (row, (first_row, row_weights)) in rows.iter().enumerate() {
        blurred.fill(0.0);
        for (line, weight) in image.rgb.chunks_exact(3 * image.width).skip(*first_row).zip(row_weights) {
            for (sum, &byte) in blurred.iter_mut().zip(line) {
                *sum += weight * f32::from(byte);
            }
        }
        for (column, (first_column, column_weights)) in columns.iter().enumerate() {
            let mut sums = [0.0f32; 3];
            for (pixel, weight) in blurred.chunks_exact(3).skip(*first_column).zip(column_weights) {
                for (sum, part) in sums.iter_mut().zip(pixel) {
                    *sum += weight * part;
                }
            }
            if grey {
                sums = [0.299 * sums[0] + 0.587 * sums[1] + 0.114 * sums[2]; 3];
            }
            let [r, g, b] = sums.map(|sum| (sum * brightness as f32).round().clamp(0.0, 255.0) as u8);
            canvas.blend(column, row, Color(r, g, b, 255));
        }
    }
}

/// For each of `target` pixels the first of the `source` pixels that it is made of, and their weights, which sum to one.
fn weights(source: usize, target: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = source as f64 / target.max(1) as f64;
    let support = scale.max(1.0);
    (0..target)
        .map(|index| {
            let center = (index as f64 + 0.5) * scale;
            let first = (center - support).floor().max(0.0) as usize;
            let last = ((center + support).ceil() as usize).clamp(first + 1, source.max(first + 1));
            let raw: Vec<f64> =
                (first..last).map(|i| (1.0 - ((i as f64 + 0.5 - center) / support).abs()).max(0.0)).collect();
            let sum: f64 = raw.iter().sum();
            (first, raw.iter().map(|weight| (weight / sum.max(1e-9)) as f32).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves(width: usize, height: usize) -> Image {
        let rgb =
            (0..height).flat_map(|_| (0..width).flat_map(|c| if c < width / 2 { [200, 0, 0] } else { [0, 0, 90] }));
        Image { width, height, rgb: rgb.collect() }
    }

    #[test]
    fn scaling_keeps_sides_and_colors() {
        for (width, height) in [(8, 4), (400, 100), (31, 7)] {
            let mut canvas = Canvas::new(width, height, Color::hex(0));
            paint_image(&mut canvas, &halves(60, 20), 1.0, false);
            let image = canvas.into_image();
            assert_eq!(image.rgb[..3], [200, 0, 0]);
            assert_eq!(image.rgb[image.rgb.len() - 3..], [0, 0, 90]);
        }
    }

    #[test]
    fn a_damaged_image_is_not_painted() {
        let mut damaged = halves(60, 20);
        damaged.rgb.pop();
        let mut canvas = Canvas::new(5, 5, Color::hex(0x01_02_03));
        paint_image(&mut canvas, &damaged, 1.0, true);
        paint_image(&mut canvas, &Image::default(), 1.0, true);
        assert!(!is_whole(&damaged) && !is_whole(&Image { width: usize::MAX, height: 3, rgb: vec![0] }));
        assert_eq!(canvas.into_image().rgb[..3], [1, 2, 3]);
    }

    #[test]
    fn the_greatest_number_wins_and_the_border_holds() {
        let mut canvas = Canvas::new(6, 6, Color::hex(0));
        let mut raster = Raster::of(&canvas);
        raster.drop([3.2, 3.2], 1, 2.0);
        raster.drop([3.9, 3.1], 1, 1.0);
        for bad in [f64::NAN, f64::INFINITY, -7.0, 1e300] {
            raster.drop([bad, 2.0], 2, 9.0);
            raster.drop([2.0, bad], 2, 9.0);
        }
        raster.drop([5.9, 5.9], 2, 9.0);
        raster.paint(&mut canvas, |value| Color(value as u8, 0, 0, 255));
        let image = canvas.into_image();
        assert_eq!(image.rgb[3 * (3 * 6 + 3)], 2);
        assert_eq!(image.rgb.iter().map(|&byte| u32::from(byte)).sum::<u32>(), 2 + 9);
    }
}
