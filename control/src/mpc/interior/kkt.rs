//! The linear equations of a step: eliminated, solved, and refined until what is left is rounding.
//!
//! Each limit is tied to one or two values of the chain and to no other limit: eliminating all limits first leaves a dense matrix of the chain's size.
//! The second value comes last, since the order of minimum degree (Amestoy, Davis and Duff) that the library finds has it there.

use super::scaled::Scaled;
use super::{Limits, Point, Values, dot, each, flat, sum};
use crate::mpc::qp::STEPS;

/// Added to the diagonal, and so much more of its largest number.
const REGULAR: f64 = 1e-8;
const REGULAR_SHARE: f64 = f64::EPSILON * f64::EPSILON;
/// A pivot of less is put up to this.
const LEAST_PIVOT: f64 = 1e-13;
const PIVOT: f64 = 2e-7;
/// Refinement ends at this error, absolute and as a share of the right-hand side; when a round gains less than this factor; after so many rounds.
const ERROR: f64 = 1e-12;
const ERROR_SHARE: f64 = 1e-13;
const GAIN: f64 = 5.0;
const MOST_ROUNDS: usize = 10;

/// Which value of the chain is eliminated when.
const ORDER: [usize; STEPS] = {
    let mut order = [0; STEPS];
    let mut k = 1;
    while k < STEPS {
        order[k] = if k + 1 < STEPS { k + 1 } else { 1 };
        k += 1;
    }
    order
};

/// When a value is eliminated.
const fn place(value: usize) -> usize {
    match value {
        0 => 0,
        1 => STEPS - 1,
        _ => value - 1,
    }
}

/// The factors of one matrix.
#[derive(Default)]
pub(super) struct Kkt {
    /// The matrix's diagonal of the limits: minus the squares of the widths.
    diagonal: Limits,
    widths: Limits,
    /// Inverse pivots of the limits, and of the values in order.
    per_limit: Limits,
    per_value: Values,
    /// What eliminating a limit takes from its own value and from the one before.
    own: Limits,
    before: [Values; 2],
    /// Column by column in order, below the diagonal.
    lower: [Values; STEPS],
    /// What is left of the dense matrix, row by row; no one's between two factorizations.
    rest: [Values; STEPS],
}

/// The part of all steps from a point that does not change.
#[derive(Default)]
pub(super) struct Fixed {
    of: Unknowns,
    linear: f64,
    priced: f64,
    curved: f64,
}

/// Unknowns or a right-hand side: of the chain, of the limits.
pub(super) type Unknowns = (Values, Limits);

impl Kkt {
    /// Factors the matrix of a point and solves for the fixed part. `None` if it has no finite factors.
    pub fn update(&mut self, problem: &Scaled, widths: &Limits, fixed: &mut Fixed) -> Option<()> {
        self.factor(problem, widths)?;
        let right = (problem.gradient.map(|q| -q), problem.limits);
        self.solve(problem, &right, &mut fixed.of)?;
        let (chain, price) = &fixed.of;
        fixed.linear = dot(&problem.gradient, chain);
        fixed.priced = sum(flat(&problem.limits).zip(flat(price)));
        fixed.curved = problem.square(chain);
        Some(())
    }

    /// The step from a point that leads to what is wanted; `constant` is the part of the slack's step that does not follow the price's.
    pub fn step(
        &self,
        problem: &Scaled,
        point: &Point,
        wanted: &Point,
        fixed: &Fixed,
        constant: &Limits,
        step: &mut Point,
    ) -> Option<()> {
        let right = (wanted.chain, each(constant, &wanted.price, |c, z| c - z));
        let mut solution = Unknowns::default();
        self.solve(problem, &right, &mut solution)?;
        let (chain, price) = &solution;
        let per_tau = 1.0 / point.tau;
        let there: Values = std::array::from_fn(|k| per_tau * point.chain[k] + 0.0 * wanted.chain[k]);
        let above = wanted.tau - wanted.kappa / point.tau
            + dot(&problem.gradient, chain)
            + sum(flat(&problem.limits).zip(flat(price)))
            + 2.0 * problem.form(&there, chain);
        let away: Values = std::array::from_fn(|k| -fixed.of.0[k] + there[k]);
        let below = point.kappa / point.tau - fixed.linear - fixed.priced + (problem.square(&away) - fixed.curved);
        let tau = above / below;
        for k in 0..STEPS {
            step.chain[k] = chain[k] + tau * fixed.of.0[k];
        }
        for block in 0..4 {
            for k in 0..STEPS {
                let (width, price) = (self.widths[block][k], price[block][k] + tau * fixed.of.1[block][k]);
                step.price[block][k] = price;
                step.slack[block][k] = -constant[block][k] - width * (width * price);
            }
        }
        step.tau = tau;
        step.kappa = -(wanted.kappa + point.kappa * tau) / point.tau;
        Some(())
    }

    /// Factors the matrix. `None` if a factor is not finite.
    pub fn factor(&mut self, problem: &Scaled, widths: &Limits) -> Option<()> {
        self.widths.clone_from(widths);
        self.diagonal = widths.map(|block| block.map(|w| -(w * w)));
        let on_chain: Values = std::array::from_fn(|k| problem.hessian[k][k]);
        let most = on_chain.iter().copied().chain(flat(&self.diagonal)).fold(0.0, |most, d| f64::max(most, d.abs()));
        let regular = REGULAR + REGULAR_SHARE * most;
        self.per_limit = self.diagonal.map(|block| block.map(|d| 1.0 / (d - regular)));
        self.own = each(&problem.own, &self.per_limit, |a, d| a * d);
        for block in 0..2 {
            for k in 1..STEPS {
                self.before[block][k] = problem.before[block][k] * self.per_limit[block + 2][k];
            }
        }
        self.eliminate_limits(problem, &on_chain, regular);
        let rest = &mut self.rest;
        // Column by column: what is left of the dense matrix.
        for p in 0..STEPS {
            let mut pivot = rest[p][p];
            if pivot < LEAST_PIVOT {
                pivot = PIVOT;
            }
            let per_pivot = 1.0 / pivot;
            self.per_value[p] = per_pivot;
            for q in p + 1..STEPS {
                self.lower[p][q] = rest[q][p] * per_pivot;
            }
            let column = &self.lower[p];
            for q in p + 1..STEPS {
                let row = &mut rest[q];
                let value = row[p];
                row[p + 1..=q].iter_mut().zip(&column[p + 1..=q]).for_each(|(r, l)| *r -= l * value);
            }
        }
        let is_finite = flat(&self.per_limit).chain(self.per_value).all(f64::is_finite);
        is_finite.then_some(())
    }

    /// The dense matrix that is left when the limits are eliminated, in order; its lower triangle.
    fn eliminate_limits(&mut self, problem: &Scaled, on_chain: &Values, regular: f64) {
        let rest = &mut self.rest;
        for (q, row) in rest.iter_mut().enumerate() {
            for p in 0..q {
                row[p] = problem.hessian[ORDER[q]][ORDER[p]];
            }
        }
        let (own, before) = (&problem.own, &problem.before);
        for v in 0..STEPS {
            let mut pivot = on_chain[v] + regular;
            for block in [1, 0] {
                if v + 1 < STEPS {
                    pivot -= before[block][v + 1] * self.before[block][v + 1];
                }
                pivot -= own[block + 2][v] * self.own[block + 2][v];
            }
            pivot -= own[1][v] * self.own[1][v];
            pivot -= own[0][v] * self.own[0][v];
            rest[place(v)][place(v)] = pivot;
        }
        for k in 1..STEPS {
            // The later of the two values sees what the earlier one left.
            let (mine, other) = (place(k), place(k - 1));
            for block in [1, 0] {
                let (a, b) = (own[block + 2][k], before[block][k]);
                if mine > other {
                    rest[mine][other] -= self.before[block][k] * a;
                } else {
                    rest[other][mine] -= self.own[block + 2][k] * b;
                }
            }
        }
    }

    /// Solves for a right-hand side. `None` if that leads to what is not finite.
    pub fn solve(&self, problem: &Scaled, right: &Unknowns, solution: &mut Unknowns) -> Option<()> {
        self.substitute(right, solution);
        let enough = ERROR + ERROR_SHARE * largest(right);
        let (mut error, mut better) = Default::default();
        self.error(problem, right, solution, &mut error);
        let mut left = largest(&error);
        for _ in 0..MOST_ROUNDS {
            if !left.is_finite() {
                return None;
            }
            if left <= enough {
                break;
            }
            let last = left;
            self.substitute(&error, &mut better);
            for k in 0..STEPS {
                better.0[k] += solution.0[k];
            }
            for block in 0..4 {
                for k in 0..STEPS {
                    better.1[block][k] += solution.1[block][k];
                }
            }
            self.error(problem, right, &better, &mut error);
            left = largest(&error);
            let gain = last / left;
            if gain > 1.0 {
                std::mem::swap(solution, &mut better);
            }
            if gain < GAIN {
                break;
            }
        }
        left.is_finite().then_some(())
    }

    /// One pass through the factors, forth and back.
    fn substitute(&self, right: &Unknowns, solution: &mut Unknowns) {
        let mut chain = right.0;
        self.forth(&mut chain, &right.1);
        let mut x: Values = std::array::from_fn(|p| chain[ORDER[p]]);
        for p in 0..STEPS {
            let value = x[p];
            x[p + 1..].iter_mut().zip(&self.lower[p][p + 1..]).for_each(|(x, l)| *x -= l * value);
        }
        for p in (0..STEPS).rev() {
            let sum = x[p + 1..].iter().zip(&self.lower[p][p + 1..]).fold(0.0, |sum, (x, l)| sum + l * x);
            x[p] = x[p] * self.per_value[p] - sum;
        }
        for (p, value) in x.into_iter().enumerate() {
            solution.0[ORDER[p]] = value;
        }
        self.back(&right.1, solution);
    }

    /// What the limits take from the chain's right-hand side.
    fn forth(&self, chain: &mut Values, limits: &Limits) {
        const LAST: usize = STEPS - 1;
        let [high, low, rise, fall] = limits;
        for v in 0..LAST {
            let mut value = chain[v];
            value -= self.own[3][v] * fall[v];
            value -= self.own[2][v] * rise[v];
            value -= self.own[1][v] * low[v];
            value -= self.own[0][v] * high[v];
            value -= self.before[1][v + 1] * fall[v + 1];
            value -= self.before[0][v + 1] * rise[v + 1];
            chain[v] = value;
        }
        let mut value = chain[LAST];
        value -= self.own[1][LAST] * low[LAST];
        value -= self.own[0][LAST] * high[LAST];
        value -= self.own[3][LAST] * fall[LAST];
        value -= self.own[2][LAST] * rise[LAST];
        chain[LAST] = value;
    }

    /// The limits' unknowns, given the chain's.
    fn back(&self, right: &Limits, (chain, limits): &mut Unknowns) {
        for block in 0..4 {
            let (own, per_limit) = (&self.own[block], &self.per_limit[block]);
            let (right, limits) = (&right[block], &mut limits[block]);
            let Some(before) = block.checked_sub(2).map(|of_step| &self.before[of_step]) else {
                for k in 0..STEPS {
                    limits[k] = right[k] * per_limit[k] - (0.0 + own[k] * chain[k]);
                }
                continue;
            };
            limits[0] = right[0] * per_limit[0] - (0.0 + own[0] * chain[0]);
            for k in 1..STEPS {
                limits[k] = right[k] * per_limit[k] - (0.0 + before[k] * chain[k - 1] + own[k] * chain[k]);
            }
            // Of the third value and the second, the third is eliminated first.
            limits[2] = right[2] * per_limit[2] - (0.0 + own[2] * chain[2] + before[2] * chain[1]);
        }
    }

    /// What a solution leaves of a right-hand side.
    fn error(&self, problem: &Scaled, right: &Unknowns, solution: &Unknowns, error: &mut Unknowns) {
        let mut rest = right.0;
        for (row, value) in problem.hessian.iter().zip(&solution.0) {
            rest.iter_mut().zip(row).for_each(|(rest, h)| *rest -= h * value);
        }
        problem.add_pull(&solution.1, &mut rest);
        error.0 = rest;
        for block in 0..4 {
            let (own, diagonal, chain) = (&problem.own[block], &self.diagonal[block], &solution.0);
            let (right, price, error) = (&right.1[block], &solution.1[block], &mut error.1[block]);
            let Some(before) = block.checked_sub(2).map(|of_step| &problem.before[of_step]) else {
                for k in 0..STEPS {
                    error[k] = right[k] - own[k] * chain[k] - diagonal[k] * price[k];
                }
                continue;
            };
            error[0] = right[0] - own[0] * chain[0] - diagonal[0] * price[0];
            for k in 1..STEPS {
                error[k] = right[k] - before[k] * chain[k - 1] - own[k] * chain[k] - diagonal[k] * price[k];
            }
        }
    }
}

/// The largest size; not a number if one of them is none.
fn largest((chain, limits): &Unknowns) -> f64 {
    let values = || chain.iter().chain(limits.as_flattened());
    let most = values().fold(0.0, |most: f64, value| if value.abs() > most { value.abs() } else { most });
    if values().any(|value| value.is_nan()) { f64::NAN } else { most }
}
