//! What a candidate costs at least, before it is rolled out.
//!
//! A profile tells jerk and speed along the line; the speed along the path differs from it by a factor between `1 - c d` and
//! `(1 + c d) * secant`, where `c` is the line's curvature, `d` the largest offset and `secant` belongs to the largest slope of the path.

use crate::cost::Weights;
use crate::judge::Court;
use crate::lateral::Lateral;
use crate::longitudinal::{HORIZON_S, Profile, SAMPLE_STEP_S};
use crate::table::Row;

/// Samples that are priced.
pub(crate) const PRICED: usize = (HORIZON_S / SAMPLE_STEP_S) as usize + 1;
/// Bounds are lowered by this share, so that rounding does not make them too high.
const CAUTIOUS: f64 = 1.0 - 1e-9;
/// The path's scale is at least this wherever it can be driven.
const NARROWEST: f64 = 0.05;

/// The least price of samples, and what bends and slopes may take off it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Least {
    price: f64,
    bend: f64,
    slope: f64,
}

impl Least {
    /// Of one sample of a profile.
    #[inline]
    pub fn of(weights: &Weights, sample: &[f64; 4], curvature_1pm: f64, wanted_mps: f64, best_mps: f64) -> Self {
        let [_, speed, _, jerk] = *sample;
        let off = speed - wanted_mps;
        let price = weights.jerk * jerk * jerk
            + weights.fast * off.max(0.0)
            + weights.slow * (best_mps - speed.min(wanted_mps));
        Self { price, bend: weights.fast * speed * curvature_1pm.abs(), slope: weights.slow * speed }
    }

    /// The sum of both.
    #[inline]
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { price: self.price + other.price, bend: self.bend + other.bend, slope: self.slope + other.slope }
    }

    /// On a path that stays within an extent.
    #[inline]
    #[must_use]
    pub fn within(self, extent: &Extent) -> f64 {
        CAUTIOUS * (self.price - extent.offset_m * self.bend - extent.stretch * self.slope).max(0.0)
    }
}

/// How far a path leads aside, and by which share its slope makes it longer at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Extent {
    offset_m: f64,
    stretch: f64,
}

/// The bounds of all profiles and paths of a lattice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    profiles: Vec<Profiled>,
    extents: Vec<Extent>,
    /// Of all paths.
    most: Extent,
}

/// What the candidates of a profile cost at least, and what they will about cost more.
#[derive(Clone, Copy, Debug, Default)]
struct Profiled {
    least: Least,
    goal: f64,
    comfort: f64,
}

impl Bounds {
    /// For the paths and the sound profiles of a lattice.
    pub fn fill(&mut self, court: &Court<'_>) {
        let lattice = court.lattice;
        let sharpest = lattice.table.sharpest_1pm();
        self.extents.clear();
        self.extents.extend(lattice.laterals.iter().map(|lateral| extent(lateral, sharpest)));
        self.most = self.extents.iter().fold(Extent::default(), |most, extent| Extent {
            offset_m: larger(most.offset_m, extent.offset_m),
            stretch: larger(most.stretch, extent.stretch),
        });
        let most = self.most;
        self.profiles.clear();
        self.profiles.extend((0..lattice.profiles.len()).map(|profile| {
            if lattice.flaws[profile].is_some() { Profiled::default() } else { profiled(court, profile, &most) }
        }));
    }

    /// The least cost of a candidate besides its samples: the goal, who comes from behind, staying behind what could be passed, switching, and standing too
    /// near.
    pub fn beside(&self, court: &Court<'_>, profile: usize, lateral: usize) -> f64 {
        let (of, path) = (&court.lattice.profiles[profile], &court.lattice.laterals[lateral]);
        let samples = court.lattice.samples_of(profile);
        let last = &samples[samples.len() - 1];
        let fixed = court.gaps.staying(path, last)
            + court.last.switching(&court.gaps, of, path)
            + court.at_rest(of, path, last)
            + court.lattice.rear_price(profile);
        CAUTIOUS * fixed + self.profiles[profile].goal
    }

    /// The least cost of a candidate whose cost besides is known, and what it will about cost.
    pub fn of(&self, court: &Court<'_>, profile: usize, lateral: usize, beside: f64) -> [f64; 2] {
        let path = &court.lattice.laterals[lateral];
        let Profiled { least, comfort, .. } = self.profiles[profile];
        let count = PRICED as f64;
        let offset = court.weights.offset * path.end_m * path.end_m;
        let samples = &court.lattice.samples_of(profile)[..PRICED];
        let after = |travelled_m: f64| samples.partition_point(|sample| sample[0] < travelled_m);
        let held = path.back_m().map_or(PRICED, after).saturating_sub(after(path.length_m));
        let along = least.within(&self.extents[lateral]) / count;
        let lower = along + CAUTIOUS * offset * held as f64 / count + beside;
        [lower, along + comfort / count + offset + beside]
    }

    /// How far a path leads aside.
    pub fn extent(&self, lateral: usize) -> &Extent {
        &self.extents[lateral]
    }

    /// No path leads farther aside, m.
    pub fn most_aside_m(&self) -> f64 {
        self.most.offset_m
    }
}

/// Of a sound profile, whose paths stay within an extent.
fn profiled(court: &Court<'_>, profile: usize, most: &Extent) -> Profiled {
    let lattice = court.lattice;
    let samples = &lattice.samples_of(profile)[..PRICED];
    let (mut least, mut comfort) = (Least::default(), 0.0);
    for sample in samples {
        let (curvature_1pm, wanted_mps) = lattice.table.bend_and_speed(sample[0]);
        least = least.and(Least::of(court.weights, sample, curvature_1pm, wanted_mps, court.best_mps));
        comfort += court.weights.acceleration * sample[2] * sample[2];
    }
    let horizon = lattice.profiles[profile].horizon_sample();
    let (curvature_1pm, _) = lattice.table.bend_and_speed(lattice.samples_of(profile)[horizon][0]);
    let aside = most.offset_m * curvature_1pm.abs();
    let speeds = [(1.0 - aside).max(0.0), (1.0 + aside) * (1.0 + most.stretch)];
    let samples = &lattice.samples_of(profile)[..=horizon];
    let least_of = |goal: &crate::goal::Aimed| goal.at_least(samples, speeds, SAMPLE_STEP_S);
    let goal = if court.goals.is_empty() {
        0.0
    } else {
        CAUTIOUS * court.goals.iter().map(least_of).fold(f64::INFINITY, f64::min)
    };
    Profiled { least, goal, comfort }
}

/// The rests of a profile: for each priced sample, what the later ones cost at least.
pub(crate) fn rests(rests: &mut Vec<Least>, weights: &Weights, samples: &[[f64; 4]], rows: &[Row], best_mps: f64) {
    rests.clear();
    rests.resize(PRICED, Least::default());
    for i in (1..PRICED).rev() {
        let (sample, row) = (&samples[i], &rows[i]);
        rests[i - 1] = rests[i].and(Least::of(weights, sample, row.curvature_1pm, row.wanted_mps, best_mps));
    }
}

impl Court<'_> {
    /// What a profile that stops costs for where it comes to rest: that counts as much as the way there.
    pub fn at_rest(&self, profile: &Profile, path: &Lateral, last: &[f64; 4]) -> f64 {
        if !profile.stops() {
            return 0.0;
        }
        let squares = self.gaps.squares(last, crate::longitudinal::SAMPLES - 1);
        self.weights.gap * self.gaps.worst(squares, path.end_m, path.end_m)
    }
}

fn extent(lateral: &Lateral, sharpest_1pm: f64) -> Extent {
    let [offset_m, slope] = lateral.extremes();
    let tan = slope / (1.0 - sharpest_1pm * offset_m).max(NARROWEST);
    // (1 + c d) * secant - 1 is at most c d + this, times what c d adds to it: see `Least::of`, whose share of bends is generous.
    Extent { offset_m, stretch: 0.5 * tan * tan * (1.0 + sharpest_1pm * offset_m) }
}

/// The larger; NaN if one is.
fn larger(a: f64, b: f64) -> f64 {
    if a >= b || a.is_nan() { a } else { b }
}
