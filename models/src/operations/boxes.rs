//! YOLOX's anchors become boxes.
//!
//! Z. Ge, S. Liu, F. Wang, Z. Li, J. Sun: "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430; `decode_outputs` of its code.

use types::Box2;

/// A box before suppression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Box in tensor pixels, not clipped.
    pub bbox: Box2,
    /// Best class of the network.
    pub class: usize,
    /// Objectness times the class's score.
    pub score: f32,
    /// Index of the anchor.
    pub anchor: usize,
}

/// Decodes `output` (anchors x (5 + classes): x, y, width, height, objectness, class scores, the last two already in 0..1)
/// of a tensor of `size` (columns, rows) px, with one grid of anchors for each stride, row major. Candidates with a score of at
/// least `threshold` are put into `candidates` in anchor order. The best class is the first of the highest score.
///
/// A box whose numbers overflow is left out. An output that ends early gives the boxes of the anchors it holds.
pub fn decode_yolox(
    output: &[f32],
    size: [usize; 2],
    strides: &[usize],
    classes: usize,
    threshold: f32,
    candidates: &mut Vec<Candidate>,
) {
    candidates.clear();
    let cells = grid_cells(size, strides);
    for (anchor, (row, (cell_x, cell_y, stride))) in output.chunks_exact(5 + classes).zip(cells).enumerate() {
        let objectness = row[4];
        // A class score is at most 1, so this anchor cannot reach the threshold: most anchors end here.
        if objectness < threshold {
            continue;
        }
        let Some((class, best)) = first_best(&row[5..]) else { continue };
        let score = objectness * best;
        if score.is_nan() || score < threshold {
            continue;
        }
        let bbox = anchor_box([row[0], row[1], row[2], row[3]], (cell_x, cell_y, stride));
        candidates.extend(bbox.map(|bbox| Candidate { bbox, class, score, anchor }));
    }
}

/// The box of one anchor, from its first four numbers and its cell; none if a number overflows.
pub(crate) fn anchor_box([x, y, width, height]: [f32; 4], (cell_x, cell_y, stride): (f32, f32, f32)) -> Option<Box2> {
    let (x, y) = ((x + cell_x) * stride, (y + cell_y) * stride);
    let (half_width, half_height) = (0.5 * width.exp() * stride, 0.5 * height.exp() * stride);
    let edges = [x - half_width, y - half_height, x + half_width, y + half_height];
    let [x_min, y_min, x_max, y_max] = edges.map(f64::from);
    edges.iter().all(|edge| edge.is_finite()).then_some(Box2 { x_min, y_min, x_max, y_max })
}

/// Column, row and stride (px) of the cells of one grid for each stride over `columns` x `rows` px, row major; strides of zero have none.
pub(crate) fn grid_cells([columns, rows]: [usize; 2], strides: &[usize]) -> impl Iterator<Item = (f32, f32, f32)> {
    strides.iter().filter(|stride| **stride > 0).flat_map(move |&stride| {
        let (grid_columns, grid_rows) = (columns / stride, rows / stride);
        (0..grid_rows).flat_map(move |y| (0..grid_columns).map(move |x| (x as f32, y as f32, stride as f32)))
    })
}

/// Index and value of the first of the greatest.
pub(super) fn first_best(scores: &[f32]) -> Option<(usize, f32)> {
    let better = |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
    scores.iter().copied().enumerate().reduce(better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_strides_and_classes_are_decoded_in_order() {
        // 16 x 8 px, strides 8 and 16: two cells of 8, none of 16 (8 / 16 = 0 rows).
        let two = 2f32.ln();
        let output = [
            [0.5, 0.5, 0.0, 0.0, 0.2, 1.0, 1.0], // objectness below the threshold
            [0.5, 0.5, two, 0.0, 0.8, 0.5, 0.5], // equal classes: the first
        ];
        let mut found = Vec::new();
        decode_yolox(output.as_flattened(), [16, 8], &[8, 16], 2, 0.3, &mut found);
        let bbox = Box2 { x_min: 4.0, y_min: 0.0, x_max: 20.0, y_max: 8.0 };
        assert_eq!(found, [Candidate { bbox, class: 0, score: 0.4, anchor: 1 }]);
    }

    #[test]
    fn broken_numbers_and_short_outputs_do_no_harm() {
        let mut found = Vec::new();
        let nan = [f32::NAN; 7];
        let huge = [0.0, 0.0, 1e4, 1e4, 1.0, 1.0, 1.0];
        decode_yolox([nan, huge].as_flattened(), [16, 8], &[8], 2, 0.3, &mut found);
        assert_eq!(found, []);
        decode_yolox(&[1.0; 9], [16, 8], &[0, 8], 2, 0.3, &mut found);
        assert_eq!(found.len(), 1);
        decode_yolox(&[1.0; 9], [16, 8], &[8], 0, 0.3, &mut found);
        assert_eq!(found, []);
    }
}
