//! The cheapest free candidate.

use crate::View;
use crate::effort::Effort;
use crate::judge::judge;
use crate::lattice::Lattice;
use crate::longitudinal::SAMPLE_STEP_S;
use types::Verdict;

/// Fills the lattice with an effort, judges it and returns the cheapest free candidate that costs no more than `bound`.
pub(crate) fn try_all(lattice: &mut Lattice, view: &View<'_>, effort: &Effort, bound: f64) -> Option<usize> {
    lattice.sample(view, effort);
    judge(lattice, view, effort, bound);
    choose(lattice)
}

/// When nothing is free: the candidate that is slowest when it hits, or hits last. `None` if none could be driven.
pub fn least_bad(lattice: &mut Lattice) -> Option<usize> {
    let hits = lattice.candidates.iter().enumerate().filter_map(|(index, candidate)| {
        let (_, time_s) = candidate.hit?;
        let sample = (time_s / SAMPLE_STEP_S).round() as usize;
        let speed = lattice.samples_of(candidate.profile).get(sample)?[1];
        Some((index, speed, time_s))
    });
    let (index, ..) = hits.min_by(|a, b| a.1.total_cmp(&b.1).then(b.2.total_cmp(&a.2)).then(a.0.cmp(&b.0)))?;
    lattice.candidates[index].verdict = Verdict::Chosen;
    Some(index)
}

/// Marks the cheapest free candidate as chosen, the first of equals, and returns its index.
pub fn choose(lattice: &mut Lattice) -> Option<usize> {
    let free = lattice.candidates.iter().enumerate().filter(|(_, c)| c.verdict == Verdict::Free && c.cost.is_finite());
    let (index, _) = free.min_by(|(i, a), (j, b)| a.cost.total_cmp(&b.cost).then(i.cmp(j)))?;
    lattice.candidates[index].verdict = Verdict::Chosen;
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::Combination;

    #[test]
    fn the_first_of_the_cheapest_free_ones() {
        let candidate = |verdict, cost| Combination { profile: 0, lateral: 0, verdict, cost, hit: None };
        let mut lattice = Lattice::default();
        assert_eq!(choose(&mut lattice), None);
        lattice.candidates = vec![
            candidate(Verdict::Collision, 0.0),
            candidate(Verdict::Free, f64::NAN),
            candidate(Verdict::Free, 2.0),
            candidate(Verdict::Free, 1.0),
            candidate(Verdict::Free, 1.0),
        ];
        assert_eq!(choose(&mut lattice), Some(3));
        assert_eq!(lattice.candidates[3].verdict, Verdict::Chosen);
    }
}
