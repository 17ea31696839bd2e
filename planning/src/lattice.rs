//! The lattice: every combination of a motion along the line and a path beside it.

use crate::View;
use crate::aims;
use crate::effort::Effort;
use crate::longitudinal::{Aim, HORIZON_S, Profile, SAMPLE_STEP_S, SAMPLES};
use crate::offsets;
use crate::reference::Road;
use crate::table::Table;
use crate::targets::sight_mps;
use types::{Candidate, Verdict};

pub use crate::lateral::Lateral;
pub use crate::table::Row;

/// What the last cycle chose, for the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// The chosen profile.
    pub aim: Aim,
    /// Seconds after the plan's stamp at which it ends.
    pub end_s: f64,
    /// Whether it stops.
    pub stops: bool,
    /// Offset at the end, m.
    pub end_m: f64,
    /// Arc length of the line where the offset is reached, m.
    pub end_s_m: f64,
    /// Arc length where the way back to the line begins, if it does.
    pub back_s_m: Option<f64>,
}

/// One combination of a profile and a lateral path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Combination {
    /// Index of the profile.
    pub profile: usize,
    /// Index of the lateral path.
    pub lateral: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// Its cost, zero if it was rejected.
    pub cost: f64,
    /// The object it hits: index and time in s.
    pub hit: Option<(usize, f64)>,
}

/// All combinations of one cycle, with the buffers of the planner.
#[derive(Clone, Debug, Default)]
pub struct Lattice {
    /// Motions along the line.
    pub profiles: Vec<Profile>,
    /// What is wrong with each, if something is.
    pub flaws: Vec<Option<Verdict>>,
    /// Samples of all profiles, [`SAMPLES`] each.
    pub samples: Vec<[f64; 4]>,
    /// Paths beside the line.
    pub laterals: Vec<Lateral>,
    /// The combinations, profile by profile.
    pub candidates: Vec<Combination>,
    /// What each profile costs for who comes from behind.
    pub(crate) rear_prices: Vec<f64>,
    /// Index of each profile's first combination, and the number of all.
    pub firsts: Vec<usize>,
    /// The line, as far as any profile gets.
    pub table: Table,
    /// The ego's offset at the start, m.
    pub(crate) start_d_m: f64,
    /// Buffers of the judge.
    pub(crate) buffers: crate::judge::Buffers,
}

/// Positions of a candidate that are drawn, at equal times up to the horizon.
const DRAWN: usize = 8;

impl Lattice {
    /// Fills the lattice for what a cycle knows.
    pub(crate) fn sample(&mut self, view: &View<'_>, effort: &Effort) {
        let &View { obstacles, targets, rules, road, kept, config, vehicle, .. } = view;
        self.start_d_m = road.ego.d_m;
        self.table.fill(road, rules, view.goals, sight_mps(targets, road, config, vehicle), config, vehicle);
        aims::sample(&mut self.profiles, &self.table, view, effort);
        let ways = offsets::sample(&mut self.laterals, road, obstacles, view.goals, kept, effort, config, vehicle);
        self.samples.resize(self.profiles.len() * SAMPLES, [0.0; 4]);
        self.flaws.clear();
        for (profile, samples) in self.profiles.iter().zip(self.samples.chunks_mut(SAMPLES)) {
            self.flaws.push(profile.sample(samples, &effort.limits));
        }
        let mut prices = std::mem::take(&mut self.rear_prices);
        crate::rear::prices(self, view, &mut prices);
        self.rear_prices = prices;
        self.candidates.clear();
        self.firsts.clear();
        for (profile, p) in self.profiles.iter().enumerate() {
            // Stopping is tried on the first few paths only: a swerve to stop in is no help, unless in an emergency.
            // And swerves are for the line that the ego is on.
            let every = effort.emergency || (matches!(p.aim, Aim::Keep(_)) && view.home);
            let paths = if every { self.laterals.len() } else { ways };
            self.firsts.push(self.candidates.len());
            self.candidates.extend((0..paths).map(|lateral| Combination {
                profile,
                lateral,
                verdict: Verdict::Free,
                cost: 0.0,
                hit: None,
            }));
        }
        self.firsts.push(self.candidates.len());
    }

    /// The line after a travelled length, see [`Table::row`].
    #[must_use]
    #[inline]
    pub fn row(&self, travelled_m: f64) -> Row {
        self.table.row(travelled_m)
    }

    /// What a profile costs for who comes from behind, see [`crate::rear`].
    pub(crate) fn rear_price(&self, profile: usize) -> f64 {
        self.rear_prices.get(profile).copied().unwrap_or(0.0)
    }

    /// The samples of a profile.
    #[must_use]
    pub fn samples_of(&self, profile: usize) -> &[[f64; 4]] {
        &self.samples[profile * SAMPLES..(profile + 1) * SAMPLES]
    }

    /// What the next cycle needs to know of the choice.
    #[must_use]
    pub fn keep(&self, index: usize, road: &Road<'_>) -> Kept {
        let candidate = &self.candidates[index];
        let (profile, lateral) = (&self.profiles[candidate.profile], &self.laterals[candidate.lateral]);
        Kept {
            aim: profile.aim,
            end_s: profile.end_s,
            stops: profile.stops(),
            end_m: lateral.end_m,
            end_s_m: road.s_m + lateral.length_m,
            back_s_m: lateral.back_m().map(|from_m| road.s_m + from_m),
        }
    }

    /// The combinations for people and files: eight positions at equal times up to the horizon.
    #[must_use]
    pub fn report(&self) -> Vec<Candidate> {
        let last = HORIZON_S / SAMPLE_STEP_S / (DRAWN - 1) as f64;
        let mut all = Vec::with_capacity(self.candidates.len());
        for (profile, range) in self.firsts.windows(2).enumerate() {
            let samples = self.samples_of(profile);
            let rows: [(f64, Row); DRAWN] = std::array::from_fn(|i| {
                let travelled = samples[(i as f64 * last).round() as usize][0];
                (travelled, self.row(travelled))
            });
            all.extend(self.candidates[range[0]..range[1]].iter().map(|c| {
                let lateral = &self.laterals[c.lateral];
                let path = rows.each_ref().map(|(travelled, row)| {
                    let d = lateral.offset(*travelled);
                    [(row.position[0] - row.direction[1] * d) as f32, (row.position[1] + row.direction[0] * d) as f32]
                });
                Candidate { verdict: c.verdict, cost: c.cost, path }
            }));
        }
        all
    }
}
