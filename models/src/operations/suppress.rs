//! Of boxes that overlap, the best stays.

use super::{boxes::Candidate, centers::CenterBox};
use std::cmp::Ordering;

/// More candidates than any scene needs: bounds the time on an output that is all objects.
pub const MAX_CANDIDATES: usize = 1000;

/// Greedy non-maximum suppression. Sorts the candidates, which `order` must do without ties, and puts into `kept` the indices of those that
/// no kept one before them hides. Only the first [`MAX_CANDIDATES`] are looked at.
pub fn suppress<T>(
    candidates: &mut Vec<T>,
    order: impl Fn(&T, &T) -> Ordering,
    hides: impl Fn(&T, &T) -> bool,
    kept: &mut Vec<usize>,
) {
    candidates.sort_unstable_by(order);
    candidates.truncate(MAX_CANDIDATES);
    kept.clear();
    for (index, candidate) in candidates.iter().enumerate() {
        if !kept.iter().any(|&better: &usize| hides(&candidates[better], candidate)) {
            kept.push(index);
        }
    }
}

/// Suppression in the image within each class: in falling score, equal scores in rising anchor, one candidate hides another by more than
/// `overlap_threshold` (intersection over union).
pub fn suppress_image(candidates: &mut Vec<Candidate>, overlap_threshold: f64, kept: &mut Vec<usize>) {
    let order = |a: &Candidate, b: &Candidate| b.score.total_cmp(&a.score).then(a.anchor.cmp(&b.anchor));
    let hides = |a: &Candidate, b: &Candidate| a.class == b.class && a.bbox.iou(&b.bbox) > overlap_threshold;
    suppress(candidates, order, hides, kept);
}

/// Suppression on the ground within each group of classes (`group_of_class`; a class beyond its end is a group of its own): in falling
/// score, then rising class, then rising cell, one box hides another by more than `overlap_threshold` (intersection over union of the
/// turned footprints).
pub fn suppress_ground(
    candidates: &mut Vec<CenterBox>,
    group_of_class: &[usize],
    overlap_threshold: f64,
    kept: &mut Vec<usize>,
) {
    let order =
        |a: &CenterBox, b: &CenterBox| b.score.total_cmp(&a.score).then((a.class, a.cell).cmp(&(b.class, b.cell)));
    let group = |candidate: &CenterBox| group_of_class.get(candidate.class).copied().ok_or(candidate.class);
    let hides = |a: &CenterBox, b: &CenterBox| {
        let apart = (a.bbox.center[0] - b.bbox.center[0]).hypot(a.bbox.center[1] - b.bbox.center[1]);
        let reach = |b: &CenterBox| 0.5 * b.bbox.length.hypot(b.bbox.width);
        group(a) == group(b) && apart < reach(a) + reach(b) && a.bbox.iou_bev(&b.bbox) > overlap_threshold
    };
    suppress(candidates, order, hides, kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::{Box2, Box3};

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
        suppress_image(&mut candidates, 0.45, &mut kept);
        let anchors: Vec<usize> = kept.iter().map(|&index| candidates[index].anchor).collect();
        assert_eq!(anchors, [0, 2, 1]);
    }

    fn center(x: f64, yaw: f64, class: usize, score: f32, cell: usize) -> CenterBox {
        let bbox = Box3 { center: [x, 0.0, 0.8], length: 4.0, width: 2.0, height: 1.6, yaw };
        CenterBox { bbox, class, score, cell }
    }

    #[test]
    fn on_the_ground_the_best_of_each_group_stays() {
        // Cars and trucks are one group; a crossing car overlaps by a third, which is no more than the threshold.
        let mut candidates = vec![
            center(0.5, 0.0, 1, 0.8, 4),
            center(0.0, 0.0, 0, 0.9, 5),
            center(0.0, std::f64::consts::FRAC_PI_2, 0, 0.7, 6),
            center(0.0, 0.0, 2, 0.6, 7),
            center(0.0, 0.0, 9, 0.6, 8),
            center(30.0, 0.0, 0, 0.6, 2),
        ];
        let mut kept = Vec::new();
        suppress_ground(&mut candidates, &[0, 0, 1], 0.34, &mut kept);
        let cells: Vec<usize> = kept.iter().map(|&index| candidates[index].cell).collect();
        assert_eq!(cells, [5, 6, 2, 7, 8]);
    }

    proptest! {
        #[test]
        fn on_the_ground_kept_boxes_do_not_overlap_and_the_order_of_arrival_does_not_matter(
            boxes in prop::collection::vec((0.0..30.0f64, -4.0..4.0f64, 0usize..3, 0u8..5), 0..40), turn in 0usize..40,
        ) {
            let mut candidates: Vec<_> = boxes.iter().enumerate()
                .map(|(cell, &(x, yaw, class, score))| center(x, yaw, class, f32::from(score), cell)).collect();
            let mut turned = candidates.clone();
            if !turned.is_empty() {
                let turn = turn % turned.len();
                turned.rotate_left(turn);
            }
            let (mut kept, mut kept_turned) = (Vec::new(), Vec::new());
            suppress_ground(&mut candidates, &[0, 0, 1], 0.2, &mut kept);
            suppress_ground(&mut turned, &[0, 0, 1], 0.2, &mut kept_turned);
            prop_assert_eq!((&candidates, &kept), (&turned, &kept_turned));
            for (index, &a) in kept.iter().enumerate() {
                for &b in &kept[..index] {
                    let (a, b) = (&candidates[a], &candidates[b]);
                    prop_assert!((a.class == 2) != (b.class == 2) || a.bbox.iou_bev(&b.bbox) <= 0.2);
                }
            }
        }

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
            suppress_image(&mut candidates, 0.45, &mut kept);
            suppress_image(&mut turned, 0.45, &mut kept_turned);
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
