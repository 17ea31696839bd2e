//! Rolls out several candidates of one profile side by side, sample by sample: checks them, prices them, and stops when the last one is
//! out.

use crate::blocks::Place;
use crate::bound::{Bounds, Least, PRICED, rests};
use crate::cost::Prices;
use crate::judge::Court;
use crate::lanes::{Lanes, WIDTH};
use crate::lateral::{Lateral, Paths};
use crate::limits::{Bumper, Turn};
use crate::longitudinal::SAMPLE_STEP_S;
use crate::rollout::{side_by_side, state_at};
use crate::table::Row;
use types::Verdict;

/// The price is compared with the budget every so many samples.
const LOOKS: usize = 4;

/// What all candidates of a profile share: the line at its samples up to the horizon.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    /// The line at each sample.
    pub rows: Vec<Row>,
    bumpers: Vec<Bumper>,
    /// For each sample, the squared missing shares of the gaps, see [`crate::gaps::Gaps::squares`].
    gaps: Vec<f64>,
    rests: Vec<Least>,
}

impl Course {
    /// Takes the course up.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Lays the course of a profile, if it is not laid yet.
    pub fn lay(&mut self, court: &Court<'_>, profile: usize) {
        if !self.rows.is_empty() {
            return;
        }
        let lattice = court.lattice;
        let horizon = lattice.profiles[profile].horizon_sample();
        let samples = &lattice.samples_of(profile)[..=horizon];
        self.rows.extend(samples.iter().map(|sample| lattice.row(sample[0])));
        self.bumpers.clear();
        self.bumpers.extend(self.rows.iter().map(|row| court.feasible.bumper(row)));
        self.gaps.clear();
        for (i, sample) in samples[..PRICED].iter().enumerate() {
            self.gaps.extend(court.gaps.squares(sample, i));
        }
        rests(&mut self.rests, court.weights, samples, &self.rows, court.best_mps);
    }
}

/// What became of a candidate by itself: free with its cost if nobody is near it.
pub(crate) type Outcome = (Verdict, f64);

/// Candidates on their way.
struct Sweep<'a> {
    court: &'a Court<'a>,
    course: &'a Course,
    samples: &'a [[f64; 4]],
    laterals: [&'a Lateral; WIDTH],
    paths: Paths<'a>,
    outcomes: [Outcome; WIDTH],
    /// 1 for those that are still in.
    open: Lanes,
    prices: Prices,
    /// Curvature and lateral acceleration at the last sample.
    before: [Lanes; 2],
}

/// Rolls out the candidates at `places` of a profile; each may cost as much as its bound.
pub(crate) fn sweep(
    court: &Court<'_>,
    course: &Course,
    bounds: &Bounds,
    profile: usize,
    places: &[(Place, f64)],
) -> [Outcome; WIDTH] {
    let lattice = court.lattice;
    let of = &lattice.profiles[profile];
    let place = |lane: usize| places.get(lane).unwrap_or(&places[0]);
    let laterals = std::array::from_fn(|lane| &lattice.laterals[place(lane).0.lateral]);
    let extents = std::array::from_fn(|lane| *bounds.extent(place(lane).0.lateral));
    let ends = Lanes(laterals.map(|lateral: &Lateral| lateral.end_m));
    // What the samples may cost, all together.
    let budget = Lanes(std::array::from_fn(|lane| {
        let (place, bound) = place(lane);
        (bound - place.beside) * PRICED as f64
    }));
    let mut sweep = Sweep {
        court,
        course,
        samples: lattice.samples_of(profile),
        laterals,
        paths: Paths::new(laterals),
        outcomes: [(Verdict::Dearer, 0.0); WIDTH],
        open: Lanes(std::array::from_fn(|lane| if lane < places.len() { 1.0 } else { 0.0 })),
        prices: Prices::default(),
        before: [Lanes::default(); 2],
    };
    let leads = court.gaps.count();
    for i in 0..PRICED {
        let (offset, speed, acceleration, lateral_jerk) = sweep.step(i);
        if !sweep.open.any() {
            return sweep.outcomes;
        }
        let row = &course.rows[i];
        sweep.prices.add(
            court.weights,
            row,
            court.best_mps,
            offset,
            [speed, acceleration],
            sweep.samples[i][3],
            lateral_jerk,
        );
        if leads > 0 {
            let gaps = &course.gaps[i * leads..(i + 1) * leads];
            let ends = if of.stops() { offset } else { ends };
            sweep.prices.gap = sweep.prices.gap + court.gaps.worst_of(gaps, offset, ends);
        }
        if i % LOOKS == LOOKS - 1 {
            let rest = Lanes(extents.map(|extent| course.rests[i].within(&extent)));
            sweep.drop_dearer(sweep.prices.sum(court.weights) + rest, budget);
        }
    }
    for i in PRICED..=of.horizon_sample() {
        sweep.step(i);
        if !sweep.open.any() {
            return sweep.outcomes;
        }
    }
    sweep.settle(profile, places);
    sweep.outcomes
}

impl Sweep<'_> {
    /// One sample of all candidates: who is beyond a limit is out. Returns offset, speed, acceleration and lateral jerk.
    #[inline]
    fn step(&mut self, i: usize) -> (Lanes, Lanes, Lanes, Lanes) {
        let (row, bumper, sample) = (&self.course.rows[i], &self.course.bumpers[i], &self.samples[i]);
        let offset = self.paths.at(sample[0]);
        let side = side_by_side(row, offset, sample);
        let lateral_mps2 = side.curvature * side.speed * side.speed;
        let jerk_mps3 = if i == 0 { Lanes::default() } else { (lateral_mps2 - self.before[1]).per(SAMPLE_STEP_S) };
        let before_1pm = self.court.feasible.is_settled(i).then_some(self.before[0]);
        let turn = Turn { before_1pm, lateral_mps2, jerk_mps3 };
        let marks = self.court.feasible.marks(row, bumper, offset, &side, &turn) * self.open;
        if marks.any() {
            self.look_closer(i, marks, &turn);
        }
        self.before = [side.curvature, lateral_mps2];
        (offset[0], side.speed, side.acceleration, jerk_mps3)
    }

    /// Says what is wrong with the marked ones, if something is.
    #[cold]
    fn look_closer(&mut self, i: usize, marks: Lanes, turn: &Turn<Lanes>) {
        let (row, sample) = (&self.course.rows[i], &self.samples[i]);
        for lane in (0..WIDTH).filter(|lane| marks.0[*lane] != 0.0) {
            let offset = self.laterals[lane].at(sample[0]);
            let turn = Turn {
                before_1pm: turn.before_1pm.map(|before| before.0[lane]),
                lateral_mps2: turn.lateral_mps2.0[lane],
                jerk_mps3: turn.jerk_mps3.0[lane],
            };
            let verdict = state_at(row, offset, sample).map_or(Verdict::Curvature, |state| {
                self.court.feasible.verdict(row, &self.course.bumpers[i], &offset, &state, &turn)
            });
            if verdict != Verdict::Free {
                self.outcomes[lane] = (verdict, 0.0);
                self.open.0[lane] = 0.0;
            }
        }
    }

    /// Who costs more than its budget is out.
    fn drop_dearer(&mut self, costs: Lanes, budget: Lanes) {
        for lane in 0..WIDTH {
            if costs.0[lane] > budget.0[lane] {
                self.open.0[lane] = 0.0;
            }
        }
    }

    /// The whole cost of those that are left.
    fn settle(&mut self, profile: usize, places: &[(Place, f64)]) {
        let (court, rows) = (self.court, &self.course.rows);
        let of = &court.lattice.profiles[profile];
        let (horizon, last) = (of.horizon_sample(), &self.samples[self.samples.len() - 1]);
        let total = self.prices.total(self.court.weights);
        for (lane, (_, bound)) in places.iter().enumerate().filter(|(lane, _)| self.open.0[*lane] != 0.0) {
            let path = self.laterals[lane];
            let position = |i: usize| {
                let (row, d) = (&rows[i], path.offset(self.samples[i][0]));
                [row.position[0] - row.direction[1] * d, row.position[1] + row.direction[0] * d]
            };
            let mut cost = total.0[lane] + court.at_rest(of, path, last) + court.lattice.rear_price(profile);
            cost += court.gaps.staying(path, last)
                + (court.last.switching(&court.gaps, of, path) + court.last.distance(position));
            if cost <= *bound && !court.goals.is_empty() {
                let at = |i: usize| {
                    let (sample, offset) = (&self.samples[i], path.at(self.samples[i][0]));
                    let state = state_at(&rows[i], offset, sample).unwrap_or_default();
                    (sample[0], offset[0] + court.vehicle.center_offset_m() * offset[1], state)
                };
                let prices = court.goals.iter().map(|goal| goal.price(horizon, SAMPLE_STEP_S, at));
                cost += prices.fold(f64::INFINITY, f64::min);
            }
            self.outcomes[lane] = if cost > *bound { (Verdict::Dearer, 0.0) } else { (Verdict::Free, cost) };
        }
    }
}
