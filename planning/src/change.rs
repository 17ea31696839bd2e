//! The price of another plan than the last one.

use crate::View;
use crate::cost::Weights;
use crate::gaps::Gaps;
use crate::lateral::Lateral;
use crate::lattice::Kept;
use crate::longitudinal::{Profile, SAMPLE_STEP_S};
use types::TrajectoryPoint;

/// Samples in which a candidate is compared with the last plan.
pub(crate) const COMPARED: [usize; 3] = [10, 20, 30];
/// Farther off than this costs no more, m2.
const FARTHEST_M2: f64 = 4.0;
/// Smaller offsets are on no side, m.
const SIDE_M: f64 = 0.2;

/// The last plan, and the last choice if it was on this line.
pub(crate) struct LastPlan<'a> {
    weights: &'a Weights,
    is_kept: bool,
    kept: Option<&'a Kept>,
    places: [Option<TrajectoryPoint>; COMPARED.len()],
}

impl<'a> LastPlan<'a> {
    pub fn new(view: &View<'a>) -> Self {
        let &View { memory, kept, lead_s, config, .. } = view;
        let place = |i: usize| memory.trajectory.at(memory.since_s + lead_s + i as f64 * SAMPLE_STEP_S);
        Self {
            weights: &config.weights,
            is_kept: memory.kept.is_some(),
            kept,
            places: COMPARED.map(|i| memory.kept.and(place(i))),
        }
    }

    /// The price of changing one's mind: stopping instead of going, another side, no longer passing who could be passed. Back to the middle
    /// behind it is no change of mind.
    pub fn switching(&self, gaps: &Gaps<'_>, profile: &Profile, lateral: &Lateral) -> f64 {
        let side = |d: f64| if d.abs() < SIDE_M { 0.0 } else { d.signum() };
        let Some(kept) = self.kept.filter(|_| self.is_kept) else { return 0.0 };
        let other_side = side(lateral.end_m) != 0.0 && side(lateral.end_m) != side(kept.end_m);
        let gives_up = gaps.passes(kept.end_m) && !gaps.passes(lateral.end_m);
        let changes = [profile.stops() != kept.stops, other_side || gives_up];
        self.weights.switch * changes.into_iter().filter(|change| *change).count() as f64
    }

    /// The price of being elsewhere, at the places of [`COMPARED`].
    pub fn distance(&self, positions: impl Fn(usize) -> [f64; 2]) -> f64 {
        let squares = COMPARED.iter().zip(&self.places).filter_map(|(i, last)| {
            let last = last.as_ref()?;
            let position = positions(*i);
            Some(((position[0] - last.x).powi(2) + (position[1] - last.y).powi(2)).min(FARTHEST_M2))
        });
        self.weights.change * squares.sum::<f64>() / COMPARED.len() as f64
    }
}
