//! The cheapest free candidate.

use crate::lattice::Lattice;
use types::Verdict;

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
