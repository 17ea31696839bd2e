//! The price of another plan than the last one.

use crate::View;
use crate::cost::weight;
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
    is_kept: bool,
    kept: Option<&'a Kept>,
    places: [Option<TrajectoryPoint>; COMPARED.len()],
}

impl<'a> LastPlan<'a> {
    pub fn new(view: &View<'a>) -> Self {
        let &View { memory, kept, lead_s, .. } = view;
        let place = |i: usize| memory.trajectory.at(memory.since_s + lead_s + i as f64 * SAMPLE_STEP_S);
        Self { is_kept: memory.kept.is_some(), kept, places: COMPARED.map(|i| memory.kept.and(place(i))) }
    }

    /// The price of changing one's mind: stopping instead of going, another side. Back to the middle is no change of mind.
    pub fn switching(&self, profile: &Profile, lateral: &Lateral) -> f64 {
        let side = |d: f64| if d.abs() < SIDE_M { 0.0 } else { d.signum() };
        let Some(kept) = self.kept.filter(|_| self.is_kept) else { return 0.0 };
        let other_side = side(lateral.end_m) != 0.0 && side(lateral.end_m) != side(kept.end_m);
        weight::SWITCH * (usize::from(profile.stops() != kept.stops) + usize::from(other_side)) as f64
    }

    /// The price of being elsewhere, at the places of [`COMPARED`].
    pub fn distance(&self, positions: impl Fn(usize) -> [f64; 2]) -> f64 {
        let squares = COMPARED.iter().zip(&self.places).filter_map(|(i, last)| {
            let last = last.as_ref()?;
            let position = positions(*i);
            Some(((position[0] - last.x).powi(2) + (position[1] - last.y).powi(2)).min(FARTHEST_M2))
        });
        weight::CHANGE * squares.sum::<f64>() / COMPARED.len() as f64
    }
}
