//! Bilinear resizing of 8 bit RGB images.

/// Resizes `source` (`[width, height]`, RGB) into `target`, which is made as large as needed. Pixel centres are mapped to
/// pixel centres, edges repeat, results are rounded (OpenCV's `INTER_LINEAR` to within one level).
///
/// `source` must hold `3 * width * height` bytes and no size may be zero; otherwise `target` is filled with zeros.
pub fn resize_bilinear(source: &[u8], from: [usize; 2], target: &mut Vec<u8>, to: [usize; 2]) {
    let [width, height] = from;
    target.clear();
    target.resize(3 * to[0] * to[1], 0);
    if source.len() != 3 * width * height || width == 0 || height == 0 || target.is_empty() {
        return;
    }
    let columns: Vec<Tap> = (0..to[0]).map(|x| Tap::new(x, width, to[0])).collect();
    for (y, line) in target.chunks_exact_mut(3 * to[0]).enumerate() {
        let row = Tap::new(y, height, to[1]);
        let upper = &source[3 * width * row.first..][..3 * width];
        let lower = &source[3 * width * row.second..][..3 * width];
        for (pixel, tap) in line.chunks_exact_mut(3).zip(&columns) {
            for (channel, value) in pixel.iter_mut().enumerate() {
                let at = |line: &[u8]| {
                    let (a, b) = (f32::from(line[3 * tap.first + channel]), f32::from(line[3 * tap.second + channel]));
                    a + (b - a) * tap.weight
                };
                let (above, below) = (at(upper), at(lower));
                *value = (above + (below - above) * row.weight + 0.5) as u8;
            }
        }
    }
}

/// The two source pixels of one target pixel and the weight of the second.
struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

impl Tap {
    fn new(target: usize, from: usize, to: usize) -> Self {
        let centre = ((target as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
        let first = centre as usize;
        Self { first, second: (first + 1).min(from - 1), weight: (centre - first as f64) as f32 }
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
    fn halving_averages_and_doubling_interpolates() {
        let mut target = Vec::new();
        resize_bilinear(&grey(&[0, 10, 20, 30]), [4, 1], &mut target, [2, 1]);
        assert_eq!(target, grey(&[5, 25]));
        resize_bilinear(&grey(&[0, 100]), [2, 1], &mut target, [4, 1]);
        assert_eq!(target, grey(&[0, 25, 75, 100]));
        resize_bilinear(&[], [0, 0], &mut target, [1, 1]);
        assert_eq!(target, [0; 3]);
    }

    proptest! {
        #[test]
        fn the_same_size_changes_nothing_and_no_value_leaves_the_range(
            (width, height) in (1usize..9, 1usize..9), to in (1usize..12, 1usize..12), seed in any::<u8>(),
        ) {
            let source: Vec<u8> = (0..3 * width * height).map(|i| (i as u8).wrapping_mul(37).wrapping_add(seed) / 2 + 20).collect();
            let mut target = Vec::new();
            resize_bilinear(&source, [width, height], &mut target, [width, height]);
            prop_assert_eq!(&target, &source);
            resize_bilinear(&source, [width, height], &mut target, [to.0, to.1]);
            let (low, high) = (source.iter().min(), source.iter().max());
            prop_assert!(target.iter().min() >= low && target.iter().max() <= high);
        }
    }
}
