//! Average precision: findings are matched with labels, ranked by score, and precision is averaged over recall.
//!
//! Matching and the 40 recall positions (R40) are those of KITTI's object benchmark as revised by A. Simonelli et al.:
//! "Disentangling Monocular 3D Object Detection", ICCV 2019, section 6.

/// Recall positions: 1/40, 2/40 ... 1.
const POSITIONS: usize = 40;
/// A finding that no label takes is neither right nor wrong if it overlaps an unwanted label by this, or by the gate if that is less.
const NEUTRAL_OVERLAP: f64 = 0.25;

/// Findings of all frames so far, and how many labels there were to find.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    /// Score, and whether it is a hit.
    rows: Vec<(f64, bool)>,
    labels: usize,
}

/// What a ranking is worth. Precision, recall and score are those of the threshold with the best F1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    pub labels: usize,
    /// Percent.
    pub average_precision: f64,
    pub precision: f64,
    pub recall: f64,
    pub score: f64,
}

impl Ranking {
    /// Adds a frame: the scores of its findings, for each label whether it is wanted (the others are neither wanted nor wrong), the
    /// overlap of a finding with a label, and which findings are not counted when they hit nothing.
    ///
    /// In falling score each finding takes the wanted label, not yet taken, that it overlaps most, if by at least `gate`. Gives the pairs of
    /// finding and label.
    pub fn add_frame(
        &mut self,
        scores: &[f64],
        wanted: &[bool],
        overlap: impl Fn(usize, usize) -> f64,
        is_neutral: impl Fn(usize) -> bool,
        gate: f64,
    ) -> Vec<(usize, usize)> {
        self.labels += wanted.iter().filter(|wanted| **wanted).count();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let (mut taken, mut pairs) = (vec![false; wanted.len()], Vec::new());
        for finding in order {
            let overlaps: Vec<f64> = (0..wanted.len()).map(|label| overlap(finding, label)).collect();
            let free = (0..wanted.len()).filter(|&label| wanted[label] && !taken[label]);
            let first_best = |best: usize, next: usize| if overlaps[next] > overlaps[best] { next } else { best };
            if let Some(best) = free.reduce(first_best).filter(|&best| overlaps[best] >= gate) {
                taken[best] = true;
                pairs.push((finding, best));
                self.rows.push((scores[finding], true));
                continue;
            }
            let on_unwanted =
                (0..wanted.len()).any(|label| !wanted[label] && overlaps[label] >= gate.min(NEUTRAL_OVERLAP));
            if !on_unwanted && !is_neutral(finding) {
                self.rows.push((scores[finding], false));
            }
        }
        pairs
    }

    /// How many findings hit nothing so far.
    pub fn wrong(&self) -> usize {
        self.rows.iter().filter(|(_, hit)| !hit).count()
    }

    /// The mean over the recall positions of the best precision at that recall or beyond; zero beyond the highest recall.
    pub fn summary(&self) -> Summary {
        let mut rows = self.rows.clone();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut hits = 0;
        let curve: Vec<[f64; 3]> = (1..)
            .zip(&rows)
            .map(|(rank, &(score, hit))| {
                hits += usize::from(hit);
                [hits as f64 / f64::from(rank), hits as f64 / self.labels.max(1) as f64, score]
            })
            .collect();
        let best_at = |position: usize| {
            let least = position as f64 / POSITIONS as f64 - 1e-9;
            curve.iter().filter(|[_, recall, _]| *recall >= least).map(|row| row[0]).fold(0.0, f64::max)
        };
        let mean = (1..=POSITIONS).map(best_at).sum::<f64>() / POSITIONS as f64;
        let f1 = |[precision, recall, _]: [f64; 3]| 2.0 * precision * recall / (precision + recall).max(1e-9);
        let better = |best: [f64; 3], next: [f64; 3]| if f1(next) > f1(best) { next } else { best };
        let [precision, recall, score] = curve.iter().copied().reduce(better).unwrap_or_default();
        Summary { labels: self.labels, average_precision: 100.0 * mean, precision, recall, score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Findings and labels on a line; two overlap by one minus their distance.
    fn add(ranking: &mut Ranking, found: &[(f64, f64)], labels: &[(f64, bool)]) -> Vec<(usize, usize)> {
        let scores: Vec<f64> = found.iter().map(|(_, score)| *score).collect();
        let wanted: Vec<bool> = labels.iter().map(|(_, wanted)| *wanted).collect();
        let overlap = |f: usize, l: usize| (1.0 - (found[f].0 - labels[l].0).abs()).max(0.0);
        ranking.add_frame(&scores, &wanted, overlap, |f| found[f].0 < 0.0, 0.5)
    }

    #[test]
    fn a_hand_computed_curve() {
        // Four labels; hits at ranks 1, 3 and 4. Precision 1, 1/2, 2/3, 3/4, 3/5 at recall 1/4, 1/4, 1/2, 3/4, 3/4.
        let mut ranking = Ranking::default();
        let found = [(1.0, 0.9), (9.0, 0.8), (2.0, 0.7), (3.1, 0.6), (12.0, 0.5)];
        let labels = [(1.0, true), (2.0, true), (3.0, true), (4.0, true)];
        assert_eq!(add(&mut ranking, &found, &labels), [(0, 0), (2, 1), (3, 2)]);
        let summary = ranking.summary();
        // Positions up to 10/40 have precision 1, up to 30/40 3/4, beyond none.
        assert!((summary.average_precision - 100.0 * (10.0 + 20.0 * 0.75) / 40.0).abs() < 1e-9, "{summary:?}");
        assert_eq!((summary.labels, summary.precision, summary.recall, summary.score), (4, 0.75, 0.75, 0.6));
    }

    /// The same rows through numpy: `mean([precision[recall >= k / 40 - 1e-9].max(initial=0) for k in range(1, 41)])`.
    #[test]
    fn a_long_curve_as_numpy_computes_it() {
        let row = |i: u32| (f64::from(i * 37 % 101) / 101.0, i * i % 7 == 1 || i.is_multiple_of(5));
        let ranking = Ranking { rows: (0..40).map(row).collect(), labels: 30 };
        let summary = ranking.summary();
        assert!((summary.average_precision - 29.362_522_281_639_926).abs() < 1e-9, "{summary:?}");
        assert!((summary.precision - 0.425).abs() < 1e-9 && (summary.recall - 17.0 / 30.0).abs() < 1e-9, "{summary:?}");
    }

    #[test]
    fn each_label_is_found_once_and_the_best_overlap_wins() {
        let mut ranking = Ranking::default();
        let found = [(1.2, 0.6), (1.0, 0.9), (1.4, 0.5)];
        assert_eq!(add(&mut ranking, &found, &[(1.0, true), (1.5, true)]), [(1, 0), (0, 1)]);
        assert_eq!(ranking.rows, [(0.9, true), (0.6, true), (0.5, false)]);
    }

    #[test]
    fn neutral_labels_and_findings_count_for_nothing() {
        let mut ranking = Ranking::default();
        add(&mut ranking, &[(5.0, 0.9), (5.7, 0.8), (-3.0, 0.7), (8.0, 0.6)], &[(5.0, false), (8.0, true)]);
        assert_eq!(ranking.rows, [(0.6, true)]);
        assert_eq!(ranking.summary().average_precision, 100.0);
        assert_eq!(Ranking::default().summary(), Summary::default());
        let mut silent = Ranking::default();
        add(&mut silent, &[], &[(1.0, true)]);
        assert_eq!((silent.summary().labels, silent.summary().average_precision), (1, 0.0));
    }

    proptest! {
        #[test]
        fn precision_is_a_share_and_frames_may_come_in_any_order(
            frames in prop::collection::vec(
                (prop::collection::vec((0.0..20.0f64, 0.0..1.0f64), 0..8), prop::collection::vec((0.0..20.0f64, any::<bool>()), 0..8)),
                0..6,
            ),
        ) {
            let (mut forward, mut backward) = (Ranking::default(), Ranking::default());
            frames.iter().for_each(|(found, labels)| { add(&mut forward, found, labels); });
            frames.iter().rev().for_each(|(found, labels)| { add(&mut backward, found, labels); });
            let summary = forward.summary();
            prop_assert!((0.0..=100.0 + 1e-9).contains(&summary.average_precision));
            prop_assert!((0.0..=1.0).contains(&summary.precision) && (0.0..=1.0).contains(&summary.recall));
            prop_assert_eq!(summary, backward.summary());
        }

        #[test]
        fn finding_every_label_and_nothing_else_is_all_there_is(places in prop::collection::btree_set(0u8..200, 1..20)) {
            let labels: Vec<(f64, bool)> = places.iter().map(|&place| (2.0 * f64::from(place), true)).collect();
            let found: Vec<(f64, f64)> = labels.iter().map(|(place, _)| (*place, 0.5)).collect();
            let mut ranking = Ranking::default();
            add(&mut ranking, &found, &labels);
            prop_assert!((ranking.summary().average_precision - 100.0).abs() < 1e-9);
        }
    }
}
