//! Where the brightness of an image changes, and how near that is.

use types::Image;

/// The longest side that is looked at, px: larger images are halved until they fit.
const MOST_PX: usize = 1300;
/// A change of brightness so strong counts as 1, of 255 from a pixel to the next but one.
const FULL: f32 = 48.0;
/// What an edge still says at a distance of one pixel of the original image.
const DECAY: f32 = 0.93;
/// Of the score at a pixel so much is the edge itself, the rest what is near.
const OWN: f32 = 1.0 / 3.0;

/// For each pixel, how near it is to strong edges: `[0]` of changes along a row (edges that stand upright), `[1]` along a column.
#[derive(Clone, Debug)]
pub struct EdgeMap {
    width: usize,
    height: usize,
    /// Pixels of the image for each of this map.
    step: usize,
    near: [Vec<f32>; 2],
}

impl EdgeMap {
    /// The map of an image.
    #[must_use]
    pub fn new(image: &Image) -> Self {
        let mut step = 1;
        while image.width.max(image.height) / step > MOST_PX {
            step *= 2;
        }
        let (width, height) = (image.width / step, image.height / step);
        let gray = gray(image, width, height, step);
        let at = |column: usize, row: usize| gray[row * width + column];
        let mut near = [vec![0.0; width * height], vec![0.0; width * height]];
        for row in 1..height.saturating_sub(1) {
            for column in 1..width.saturating_sub(1) {
                let across = (at(column + 1, row) - at(column - 1, row)).abs();
                let along = (at(column, row + 1) - at(column, row - 1)).abs();
                near[0][row * width + column] = (across / FULL).min(1.0);
                near[1][row * width + column] = (along / FULL).min(1.0);
            }
        }
        let mut map = Self { width, height, step, near };
        let decay = DECAY.powi(step as i32);
        for row in 0..height {
            spread(&mut map.near[0], row * width, 1, width, decay);
        }
        for column in 0..width {
            spread(&mut map.near[1], column, width, height, decay);
        }
        map
    }

    /// The score of a pixel of the image, 0..1, bilinear; `None` outside.
    #[must_use]
    pub fn score(&self, [u, v]: [f64; 2], direction: usize) -> Option<f32> {
        // A pixel of the map lies in the middle of those that it was made of.
        let half = 0.5 * (self.step as f64 - 1.0);
        let (x, y) = ((u - half) / self.step as f64, (v - half) / self.step as f64);
        if !(x >= 0.0 && y >= 0.0 && x < self.width as f64 - 1.0 && y < self.height as f64 - 1.0) {
            return None;
        }
        let (column, row) = (x as usize, y as usize);
        let (fx, fy) = ((x - column as f64) as f32, (y - row as f64) as f32);
        let near = &self.near[direction];
        let first = row * self.width + column;
        let (above, below) = (&near[first..first + 2], &near[first + self.width..first + self.width + 2]);
        let top = above[0] + fx * (above[1] - above[0]);
        let bottom = below[0] + fx * (below[1] - below[0]);
        Some(top + fy * (bottom - top))
    }
}

/// Brightness, the mean of `step` x `step` pixels.
fn gray(image: &Image, width: usize, height: usize, step: usize) -> Vec<f32> {
    let mut gray = vec![0.0; width * height];
    let weight = 1.0 / (3 * step * step) as f32;
    for row in 0..height * step {
        let line = &image.rgb[row * image.width * 3..][..width * step * 3];
        let out = &mut gray[row / step * width..][..width];
        for (pixel, out) in line.chunks_exact(3 * step).zip(out) {
            *out += weight * pixel.iter().map(|value| f32::from(*value)).sum::<f32>();
        }
    }
    gray
}

/// Lets each value of a row or column say something at a distance, too: the largest of value times decay to the power of the distance.
fn spread(values: &mut [f32], first: usize, stride: usize, count: usize, decay: f32) {
    let own: Vec<f32> = (0..count).map(|i| values[first + i * stride]).collect();
    let mut carried = 0.0f32;
    for i in 0..count {
        carried = own[i].max(carried * decay);
        values[first + i * stride] = carried;
    }
    carried = 0.0;
    for i in (0..count).rev() {
        carried = own[i].max(carried * decay);
        let value = &mut values[first + i * stride];
        *value = OWN * own[i] + (1.0 - OWN) * value.max(carried);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Black to the left of a column, white from it on.
    fn half(width: usize, height: usize, at: usize) -> Image {
        let line = (0..width).flat_map(|column| [if column < at { 0 } else { 255 }; 3]);
        Image { width, height, rgb: line.collect::<Vec<u8>>().repeat(height) }
    }

    #[test]
    fn the_score_falls_with_the_distance_to_the_edge_on_both_sides() {
        for (width, at) in [(200, 100), (2600, 1300)] {
            let map = EdgeMap::new(&half(width, 80, at));
            let score = |u: f64| map.score([u, 40.0], 0).unwrap();
            let edge = at as f64 - 0.5;
            assert!(score(edge) > 0.9, "{}", score(edge));
            for side in [-1.0, 1.0] {
                let falling: Vec<f32> = [3.0, 6.0, 12.0, 25.0, 50.0].map(|d| score(edge + side * d)).to_vec();
                assert!(falling.windows(2).all(|pair| pair[0] > pair[1]), "{falling:?}");
            }
            assert!((score(edge - 10.0) - score(edge + 10.0)).abs() < 0.02);
            assert_eq!(map.score([edge, 40.0], 1), Some(0.0));
        }
    }

    #[test]
    fn outside_there_is_no_score() {
        let map = EdgeMap::new(&half(64, 64, 20));
        for place in [[-1.0, 5.0], [5.0, -0.1], [63.5, 5.0], [5.0, f64::NAN], [f64::INFINITY, 5.0]] {
            assert_eq!(map.score(place, 0), None);
        }
        assert!(EdgeMap::new(&Image { width: 0, height: 0, rgb: Vec::new() }).score([0.0, 0.0], 0).is_none());
    }
}
