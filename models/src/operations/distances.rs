//! Distances to four edges become boxes in the image.
//!
//! Z. Tian, C. Shen, H. Chen, T. He: "FCOS: Fully Convolutional One-Stage Object Detection", ICCV 2019, section 3.1.

use super::boxes::{Candidate, first_best, grid_cells};
use types::Box2;

/// Decodes `scores` (cells x classes, 0..1) and `distances` (cells x 4: from the middle of the cell to the left, top, right and bottom edge,
/// px) of a tensor of `size` (columns, rows) px, with one grid of cells for each stride, row major. Candidates with a score of at least
/// `threshold` are put into `candidates` in the order of the cells. The best class is the first of the highest score.
///
/// A box without area or with a number that is not finite is left out. Outputs that end early give the boxes of the cells they hold.
pub fn decode_distances(
    scores: &[f32],
    distances: &[f32],
    size: [usize; 2],
    strides: &[usize],
    classes: usize,
    threshold: f32,
    candidates: &mut Vec<Candidate>,
) {
    candidates.clear();
    if classes == 0 {
        return;
    }
    let rows = scores.chunks_exact(classes).zip(distances.chunks_exact(4));
    for (anchor, ((scores, edges), (x, y, stride))) in rows.zip(grid_cells(size, strides)).enumerate() {
        let Some((class, score)) = first_best(scores).filter(|(_, score)| *score >= threshold) else { continue };
        let bbox = distance_box([edges[0], edges[1], edges[2], edges[3]], (x, y, stride));
        candidates.extend(bbox.map(|bbox| Candidate { bbox, class, score, anchor }));
    }
}

/// The box of one cell, from its four distances; none without area or with a number that is not finite.
pub(crate) fn distance_box(edges: [f32; 4], (x, y, stride): (f32, f32, f32)) -> Option<Box2> {
    let (x, y) = ((x + 0.5) * stride, (y + 0.5) * stride);
    let [x_min, y_min, x_max, y_max] = [x - edges[0], y - edges[1], x + edges[2], y + edges[3]].map(f64::from);
    let bbox = Box2 { x_min, y_min, x_max, y_max };
    let is_finite = [x_min, y_min, x_max, y_max].iter().all(|edge| edge.is_finite());
    (is_finite && bbox.area() > 0.0).then_some(bbox)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_strides_and_classes_are_decoded_in_order() {
        // 16 x 8 px, strides 8 and 4: two cells of 8 px, then eight of 4 px.
        let mut scores = [[0.1, 0.2]; 10];
        (scores[1], scores[9]) = ([0.4, 0.4], [0.0, 0.9]);
        let mut distances = [[1.0; 4]; 10];
        distances[1] = [8.0, 2.0, 4.0, 3.0];
        let mut found = Vec::new();
        decode_distances(scores.as_flattened(), distances.as_flattened(), [16, 8], &[8, 4], 2, 0.3, &mut found);
        let first = Box2 { x_min: 4.0, y_min: 2.0, x_max: 16.0, y_max: 7.0 };
        let second = Box2 { x_min: 13.0, y_min: 5.0, x_max: 15.0, y_max: 7.0 };
        let candidate = |bbox, class, score, anchor| Candidate { bbox, class, score, anchor };
        assert_eq!(found, [candidate(first, 0, 0.4, 1), candidate(second, 1, 0.9, 9)]);
    }

    #[test]
    fn broken_numbers_and_short_outputs_do_no_harm() {
        let mut found = Vec::new();
        decode_distances(&[0.9; 5], &[1.0; 9], [16, 8], &[8], 1, 0.3, &mut found);
        assert_eq!(found.len(), 2);
        for edges in [[f32::NAN, 1.0, 1.0, 1.0], [1.0, f32::INFINITY, 1.0, 1.0], [-2.0, 1.0, 1.0, 1.0]] {
            decode_distances(&[0.9], &edges, [8, 8], &[8], 1, 0.3, &mut found);
            assert_eq!(found, []);
        }
        decode_distances(&[f32::NAN, 0.2], &[1.0; 4], [8, 8], &[8], 2, 0.3, &mut found);
        decode_distances(&[0.9], &[1.0; 4], [8, 8], &[8, 0], 0, 0.3, &mut found);
        assert_eq!(found, []);
    }

    proptest! {
        #[test]
        fn the_middle_of_its_cell_lies_in_every_box(numbers in prop::collection::vec(0.0..50.0f32, 4 * 10)) {
            let mut found = Vec::new();
            decode_distances(&[0.9; 10], &numbers, [16, 8], &[8, 4], 1, 0.3, &mut found);
            let middles: Vec<_> = grid_cells([16, 8], &[8, 4]).map(|(x, y, s)| ((x + 0.5) * s, (y + 0.5) * s)).collect();
            for Candidate { bbox, anchor, .. } in found {
                let (x, y) = middles[anchor];
                prop_assert!((bbox.x_min..=bbox.x_max).contains(&f64::from(x)));
                prop_assert!((bbox.y_min..=bbox.y_max).contains(&f64::from(y)));
            }
        }
    }
}
