//! Resizing of 8 bit RGB images with a triangle filter.

/// Resizes `source` (`[width, height]`, RGB) into `target`, which is made as large as needed. Pixel centres are mapped to pixel centres,
/// results are rounded. Enlarging is bilinear; shrinking weighs all pixels under a triangle as wide as two target pixels, so that thin
/// things do not fall between the samples (Pillow's `BILINEAR` to within one level, which the training uses).
///
/// `source` must hold `3 * width * height` bytes and no size may be zero; otherwise `target` is filled with zeros.
pub fn resize_triangle(source: &[u8], from: [usize; 2], target: &mut Vec<u8>, to: [usize; 2]) {
    let [width, height] = from;
    target.clear();
    target.resize(3 * to[0] * to[1], 0);
    if source.len() != 3 * width * height || width == 0 || height == 0 || target.is_empty() {
        return;
    }
    let columns = Taps::new(width, to[0]);
    let rows = Taps::new(height, to[1]);
    // Down first, whole lines at a time: that is the larger part of the work and the part that the compiler vectorises.
    let mut line = vec![0.0f32; 3 * width];
    for (y, out) in target.chunks_exact_mut(3 * to[0]).enumerate() {
        line.fill(0.0);
        let (first, weights) = rows.of(y);
        for (row, &weight) in (first..).zip(weights) {
            for (sum, &value) in line.iter_mut().zip(&source[3 * width * row..][..3 * width]) {
                *sum += weight * f32::from(value);
            }
        }
        for (x, pixel) in out.chunks_exact_mut(3).enumerate() {
            let (first, weights) = columns.of(x);
            let mut sums = [0.5f32; 3];
            for (&weight, colors) in weights.iter().zip(line[3 * first..].chunks_exact(3)) {
                for (sum, &value) in sums.iter_mut().zip(colors) {
                    *sum += weight * value;
                }
            }
            pixel.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum as u8);
        }
    }
}

/// For each target pixel its source pixels: the first, and the weights from there on.
pub(crate) struct Taps {
    /// First source pixel, and the range of its weights.
    pub spans: Vec<(usize, std::ops::Range<usize>)>,
    pub weights: Vec<f32>,
}

impl Taps {
    pub fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let reach = scale.max(1.0);
        let mut taps = Self { spans: Vec::with_capacity(to), weights: Vec::new() };
        for x in 0..to {
            let center = (x as f64 + 0.5) * scale;
            let first = ((center - reach + 0.5).max(0.0) as usize).min(from - 1);
            let end = ((center + reach + 0.5) as usize).clamp(first + 1, from);
            let weight = |at: usize| (1.0 - ((at as f64 + 0.5 - center) / reach).abs()).max(0.0);
            let sum: f64 = (first..end).map(weight).sum();
            let start = taps.weights.len();
            taps.weights.extend((first..end).map(|at| (weight(at) / sum) as f32));
            taps.spans.push((first, start..taps.weights.len()));
        }
        taps
    }

    fn of(&self, target: usize) -> (usize, &[f32]) {
        let (first, range) = &self.spans[target];
        (*first, &self.weights[range.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grey(values: &[u8]) -> Vec<u8> {
        values.iter().flat_map(|&v| [v; 3]).collect()
    }

    #[test]
    fn shrinking_weighs_and_enlarging_interpolates() {
        let mut target = Vec::new();
        // Under the triangle around 1.0: 0, 10 and 20 with weights 3/4, 3/4, 1/4.
        resize_triangle(&grey(&[0, 10, 20, 30]), [4, 1], &mut target, [2, 1]);
        assert_eq!(target, grey(&[7, 23]));
        resize_triangle(&grey(&[0, 100]), [2, 1], &mut target, [4, 1]);
        assert_eq!(target, grey(&[0, 25, 75, 100]));
        resize_triangle(&[], [0, 0], &mut target, [1, 1]);
        assert_eq!(target, [0; 3]);
    }

    /// `Image.fromarray(np.arange(105).reshape(7, 5, 3) * 37 % 251).resize((3, 2), Image.Resampling.BILINEAR)`.
    #[test]
    fn shrinking_gives_what_pillow_gives() {
        let source: Vec<u8> = (0..105u32).map(|i| (i * 37 % 251) as u8).collect();
        let mut target = Vec::new();
        resize_triangle(&source, [5, 7], &mut target, [3, 2]);
        let pillow: [u8; 18] =
            [106, 116, 143, 123, 107, 120, 151, 127, 107, 109, 138, 116, 137, 119, 105, 124, 143, 129];
        assert!(target.iter().zip(pillow).all(|(&a, b)| a.abs_diff(b) <= 1), "{target:?}");
    }

    proptest! {
        #[test]
        fn the_same_size_changes_nothing_and_no_value_leaves_the_range(
            (width, height) in (1usize..9, 1usize..9), to in (1usize..12, 1usize..12), seed in any::<u8>(),
        ) {
            let source: Vec<u8> = (0..3 * width * height).map(|i| (i as u8).wrapping_mul(37).wrapping_add(seed) / 2 + 20).collect();
            let mut target = Vec::new();
            resize_triangle(&source, [width, height], &mut target, [width, height]);
            prop_assert_eq!(&target, &source);
            resize_triangle(&source, [width, height], &mut target, [to.0, to.1]);
            let (low, high) = (source.iter().min(), source.iter().max());
            prop_assert!(target.iter().min() >= low && target.iter().max() <= high);
        }
    }
}
