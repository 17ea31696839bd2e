//! Of boxes that overlap, the best stays.

use super::boxes::Candidate;

/// More candidates than any scene needs: bounds the time on an output that is all objects.
pub const MAX_CANDIDATES: usize = 1000;

/// Greedy non-maximum suppression within each class. What stays is put into `kept` as indices into `candidates`, in falling
/// score, equal scores in rising anchor. A candidate goes if it overlaps a kept one of its class by more than
/// `overlap_threshold` (intersection over union). Only the best [`MAX_CANDIDATES`] are looked at.
pub fn suppress(candidates: &mut Vec<Candidate>, overlap_threshold: f64, kept: &mut Vec<usize>) {
    candidates.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.anchor.cmp(&b.anchor)));
    candidates.truncate(MAX_CANDIDATES);
    kept.clear();
    for (index, candidate) in candidates.iter().enumerate() {
        let hides = |&better: &usize| {
            let better = &candidates[better];
            better.class == candidate.class && better.bbox.iou(&candidate.bbox) > overlap_threshold
        };
        if !kept.iter().any(hides) {
            kept.push(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::Box2;

    fn candidate(x: f64, class: usize, score: f32, anchor: usize) -> Candidate {
        Candidate { bbox: Box2 { x_min: x, y_min: 0.0, x_max: x + 10.0, y_max: 10.0 }, class, score, anchor }
    }

    #[test]
    fn the_best_of_each_class_stays_and_ties_go_to_the_first_anchor() {
        let mut candidates = vec![
            candidate(1.0, 0, 0.5, 3),
            candidate(0.0, 0, 0.5, 2),
            candidate(0.0, 1, 0.4, 1),
            candidate(50.0, 0, 0.9, 0),
        ];
        let mut kept = Vec::new();
        suppress(&mut candidates, 0.45, &mut kept);
        let anchors: Vec<usize> = kept.iter().map(|&index| candidates[index].anchor).collect();
        assert_eq!(anchors, [0, 2, 1]);
    }

    proptest! {
        #[test]
        fn kept_boxes_do_not_overlap_and_the_order_of_arrival_does_not_matter(
            boxes in prop::collection::vec((0.0..60.0f64, 0usize..3, 0u8..5), 0..40), turn in 0usize..40,
        ) {
            let mut candidates: Vec<_> = boxes.iter().enumerate()
                .map(|(anchor, &(x, class, score))| candidate(x, class, f32::from(score), anchor)).collect();
            let mut turned = candidates.clone();
            if !turned.is_empty() {
                let turn = turn % turned.len();
                turned.rotate_left(turn);
            }
            let (mut kept, mut kept_turned) = (Vec::new(), Vec::new());
            suppress(&mut candidates, 0.45, &mut kept);
            suppress(&mut turned, 0.45, &mut kept_turned);
            prop_assert_eq!((&candidates, &kept), (&turned, &kept_turned));
            for (index, &a) in kept.iter().enumerate() {
                for &b in &kept[..index] {
                    let (a, b) = (&candidates[a], &candidates[b]);
                    prop_assert!(a.class != b.class || a.bbox.iou(&b.bbox) <= 0.45);
                    prop_assert!(a.score <= b.score);
                }
            }
        }
    }
}
