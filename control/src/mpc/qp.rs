//! One small quadratic programme: a chain of values with bounds on each and on each step from one to the next.
//!
//! Solved by Clarabel (Goulart and Chen, 2024), an interior-point method: 7 to 12 iterations from anywhere, so no start is
//! carried from one tick to the next and no solve depends on the one before. The number of iterations is bounded and
//! there is no time limit: the same numbers in give the same bits out.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use types::Fallback;

/// Values of a chain: two seconds ahead.
pub const STEPS: usize = 20;
/// Time between them, s.
pub const STEP_S: f64 = 0.1;
/// Iterations at most.
const MOST_ITERATIONS: u32 = 30;
/// A solution may pass its bounds by this.
const TOLERANCE: f64 = 1e-6;

/// A linear function of the chain: a constant, then one coefficient for each value.
pub type Row = [f64; STEPS + 1];

/// A row that is one number, whatever the chain.
#[must_use]
pub fn constant(number: f64) -> Row {
    less(Row::default(), -number)
}

/// A row less a number.
#[must_use]
pub fn less(mut row: Row, number: f64) -> Row {
    row[0] -= number;
    row
}

/// Knot `k`: knot 0 is what was before the chain, knot `k` value `k - 1` of the chain.
#[must_use]
pub fn knot(k: usize, before: f64) -> Row {
    let mut row = Row::default();
    row[k] = if k == 0 { before } else { 1.0 };
    row
}

/// The rate at which knot `k` is reached from the one before it, per second.
#[must_use]
pub fn change(k: usize, before: f64) -> Row {
    let (from, to) = (knot(k - 1, before), knot(k, before));
    std::array::from_fn(|i| (to[i] - from[i]) / STEP_S)
}

/// A row's value for a chain.
#[must_use]
pub fn value(row: &Row, chain: &[f64; STEPS]) -> f64 {
    row[0] + (0..STEPS).map(|j| row[j + 1] * chain[j]).sum::<f64>()
}

/// A sum of squares of linear functions of the chain.
#[derive(Clone, Debug)]
pub struct Cost {
    hessian: [[f64; STEPS]; STEPS],
    gradient: [f64; STEPS],
}

impl Default for Cost {
    fn default() -> Self {
        Self { hessian: [[0.0; STEPS]; STEPS], gradient: [0.0; STEPS] }
    }
}

impl Cost {
    /// Adds `(row / tolerance)^2`.
    pub fn add(&mut self, row: &Row, tolerance: f64) {
        let weight = 1.0 / (tolerance * tolerance);
        for j in 0..STEPS {
            let scaled = weight * row[j + 1];
            if scaled == 0.0 {
                continue;
            }
            self.gradient[j] += scaled * row[0];
            for i in 0..=j {
                self.hessian[i][j] += scaled * row[i + 1];
            }
        }
    }
}

/// What each value of a chain may be.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The value before the chain.
    pub before: f64,
    /// Lowest and highest value.
    pub range: [[f64; 2]; STEPS],
    /// Most fall and most rise from one to the next, both positive.
    pub step: [[f64; 2]; STEPS],
}

impl Bounds {
    /// Widens ranges that cannot be reached from the value before: the way back into them is as fast as steps allow.
    fn reachable(&self) -> [[f64; 2]; STEPS] {
        let (mut low, mut high) = (self.before, self.before);
        std::array::from_fn(|k| {
            low = self.range[k][0].min(low + self.step[k][1]);
            high = self.range[k][1].max(high - self.step[k][0]);
            [low.min(high), high.max(low)]
        })
    }
}

/// The cheapest chain within its bounds.
///
/// # Errors
/// Why there is none.
pub fn solve(cost: &Cost, bounds: &Bounds) -> Result<[f64; STEPS], Fallback> {
    let range = bounds.reachable();
    let numbers = cost.hessian.iter().flatten().chain(&cost.gradient).chain(bounds.step.iter().flatten());
    if !numbers.chain(range.iter().flatten()).chain([&bounds.before]).all(|v| v.is_finite()) {
        return Err(Fallback::NotFinite);
    }
    let hessian = hessian(cost);
    let (constraints, limits) = constraints(bounds, &range);
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .max_iter(MOST_ITERATIONS)
        .time_limit(f64::INFINITY)
        .presolve_enable(false)
        .tol_gap_abs(TOLERANCE)
        .tol_gap_rel(TOLERANCE)
        .tol_feas(TOLERANCE)
        .build()
        .map_err(|_| Fallback::NotConverged)?;
    let cones = [SupportedConeT::NonnegativeConeT(limits.len())];
    let mut solver = DefaultSolver::new(&hessian, &cost.gradient, &constraints, &limits, &cones, settings)
        .map_err(|_| Fallback::NotConverged)?;
    solver.solve();
    let solution = &solver.solution;
    if solution.status != SolverStatus::Solved || solution.x.len() != STEPS || !solution.x.iter().all(|v| v.is_finite())
    {
        return Err(Fallback::NotConverged);
    }
    Ok(std::array::from_fn(|k| solution.x[k]))
}

/// The upper triangle, column by column.
fn hessian(cost: &Cost) -> CscMatrix<f64> {
    let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
    for j in 0..STEPS {
        for i in 0..=j {
            rows.push(i);
            values.push(cost.hessian[i][j]);
        }
        starts.push(rows.len());
    }
    CscMatrix::new(STEPS, STEPS, starts, rows, values)
}

/// `constraints * chain <= limits`: highest, lowest, most rise, most fall.
fn constraints(bounds: &Bounds, range: &[[f64; 2]; STEPS]) -> (CscMatrix<f64>, Vec<f64>) {
    let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
    for k in 0..STEPS {
        for (block, sign) in [(0, 1.0), (1, -1.0), (2, 1.0), (3, -1.0)] {
            rows.push(block * STEPS + k);
            values.push(sign);
            if block >= 2 && k + 1 < STEPS {
                rows.push(block * STEPS + k + 1);
                values.push(-sign);
            }
        }
        starts.push(rows.len());
    }
    let first = |k: usize| if k == 0 { bounds.before } else { 0.0 };
    let mut limits = Vec::with_capacity(4 * STEPS);
    limits.extend((0..STEPS).map(|k| range[k][1]));
    limits.extend((0..STEPS).map(|k| -range[k][0]));
    limits.extend((0..STEPS).map(|k| bounds.step[k][1] + first(k)));
    limits.extend((0..STEPS).map(|k| bounds.step[k][0] - first(k)));
    (CscMatrix::new(4 * STEPS, STEPS, starts, rows, values), limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Wants each value to be `wanted`.
    fn towards(wanted: f64) -> Cost {
        let mut cost = Cost::default();
        for k in 0..STEPS {
            let mut row = [0.0; STEPS + 1];
            (row[0], row[k + 1]) = (-wanted, 1.0);
            cost.add(&row, 1.0);
        }
        cost
    }

    fn bounds(before: f64, most: f64, step: f64) -> Bounds {
        Bounds { before, range: [[-most, most]; STEPS], step: [[step, step]; STEPS] }
    }

    #[test]
    fn it_goes_there_as_fast_as_it_may_and_no_farther_than_it_may() {
        let chain = solve(&towards(3.0), &bounds(0.0, 2.0, 0.25)).unwrap();
        for (k, value) in chain.iter().enumerate() {
            assert!((value - (0.25 * (k + 1) as f64).min(2.0)).abs() < 1e-4, "{k} {value}");
        }
    }

    #[test]
    fn from_outside_the_range_it_comes_back() {
        let chain = solve(&towards(0.0), &bounds(5.0, 1.0, 0.5)).unwrap();
        assert!((chain[0] - 4.5).abs() < 1e-4 && chain[STEPS - 1].abs() < 1e-4, "{chain:?}");
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert_eq!(solve(&towards(f64::NAN), &bounds(0.0, 1.0, 1.0)), Err(Fallback::NotFinite));
        assert_eq!(solve(&towards(1.0), &bounds(f64::INFINITY, 1.0, 1.0)), Err(Fallback::NotFinite));
    }

    proptest! {
        #[test]
        fn every_solution_is_within_bounds_and_no_other_is_cheaper(
            rows in prop::collection::vec(prop::collection::vec(-2.0..2.0f64, STEPS + 1), 1..40),
            before in -2.0..2.0f64, most in 0.1..3.0f64, step in 0.01..1.0f64, elsewhere in prop::collection::vec(-1.0..1.0f64, STEPS)
        ) {
            let mut cost = towards(0.0);
            for row in &rows {
                cost.add(&std::array::from_fn(|k| row[k]), 1.0);
            }
            let bounds = bounds(before, most, step);
            let chain = solve(&cost, &bounds).unwrap();
            let range = bounds.reachable();
            let mut last = before;
            for (k, value) in chain.iter().enumerate() {
                prop_assert!((range[k][0] - 1e-4..=range[k][1] + 1e-4).contains(value));
                prop_assert!((value - last).abs() <= step + 1e-4);
                last = *value;
            }
            prop_assert_eq!(chain, solve(&cost, &bounds).unwrap());
            let price = |chain: &[f64; STEPS]| {
                (0..STEPS).map(|j| {
                    let rest: f64 = (0..j).map(|i| chain[i] * cost.hessian[i][j]).sum();
                    chain[j] * (rest + 0.5 * chain[j] * cost.hessian[j][j] + cost.gradient[j])
                }).sum::<f64>()
            };
            // Any other chain within the bounds, and all between it and the solution.
            let mut last = before;
            let other: [f64; STEPS] = std::array::from_fn(|k| {
                let low = range[k][0].max(last - step);
                let high = range[k][1].min(last + step);
                last = low + (0.5 + 0.5 * elsewhere[k]) * (high - low);
                last
            });
            for share in [1.0, 0.1, 0.01] {
                let between: [f64; STEPS] = std::array::from_fn(|k| chain[k] + share * (other[k] - chain[k]));
                let scale = 1.0 + price(&chain).abs();
                prop_assert!(price(&between) >= price(&chain) - 1e-3 * scale, "{} {}", price(&between), price(&chain));
            }
        }
    }
}
