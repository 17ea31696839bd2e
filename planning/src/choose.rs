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
