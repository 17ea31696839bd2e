//! The programme with rows and columns of about the same size (Ruiz, 2001).

use super::{Limits, Values};
use crate::mpc::qp::STEPS;

/// Rounds of scaling.
const ROUNDS: usize = 10;
/// A row, a column or the cost is scaled by this at most, and by its inverse at least.
const MOST: f64 = 1e4;
const LEAST: f64 = 1e-4;
/// Limits beyond this are none.
const NO_LIMIT: f64 = 1e20;

/// A programme: half the hessian's form plus the gradient, smallest within the limits of the chain and of its steps.
pub(crate) struct Programme {
    /// Both triangles.
    pub hessian: [Values; STEPS],
    pub gradient: Values,
    /// Of the values, of their negatives, of each value less the one before, and of its negative.
    pub limits: Limits,
}

/// The same in other units.
pub(super) struct Scaled {
    pub hessian: [Values; STEPS],
    pub gradient: Values,
    pub limits: Limits,
    /// How a limit counts its own value of the chain.
    pub own: Limits,
    /// How a limit of a step counts the value before; of the other limits and for the first value there is none.
    pub before: [Values; 2],
    /// What columns, rows and cost were multiplied by, and the inverses of the first two.
    pub columns: Values,
    pub rows: Limits,
    pub per_column: Values,
    pub per_row: Limits,
    pub cost: f64,
    /// Before the scaling.
    pub largest_limit: f64,
    pub largest_gradient: f64,
}

impl Scaled {
    pub fn new(programme: &Programme) -> Self {
        let limits = programme.limits.map(|block| block.map(|limit| limit.min(NO_LIMIT)));
        let step = |sign: f64| std::array::from_fn(|k| if k == 0 { 0.0 } else { sign });
        let mut scaled = Self {
            hessian: programme.hessian,
            gradient: programme.gradient,
            own: [[1.0; STEPS], [-1.0; STEPS], [1.0; STEPS], [-1.0; STEPS]],
            before: [step(-1.0), step(1.0)],
            columns: [1.0; STEPS],
            rows: [[1.0; STEPS]; 4],
            per_column: [1.0; STEPS],
            per_row: [[1.0; STEPS]; 4],
            cost: 1.0,
            largest_limit: largest(limits.as_flattened()),
            largest_gradient: largest(&programme.gradient),
            limits,
        };
        for _ in 0..ROUNDS {
            scaled.round();
        }
        scaled.per_column = scaled.columns.map(|d| 1.0 / d);
        scaled.per_row = scaled.rows.map(|block| block.map(|e| 1.0 / e));
        scaled
    }

    /// Divides each row and column by the root of its largest number, then the cost by its largest.
    fn round(&mut self) {
        let factor = |size: f64, already: f64| {
            let size = if size == 0.0 { 1.0 } else { size };
            clip(1.0 / size.sqrt(), already)
        };
        let mut sizes: Values = std::array::from_fn(|k| largest(&self.hessian[k]));
        for (block, own) in self.own.iter().enumerate() {
            for k in 0..STEPS {
                sizes[k] = sizes[k].max(own[k].abs());
                if block >= 2 && k + 1 < STEPS {
                    sizes[k] = sizes[k].max(self.before[block - 2][k + 1].abs());
                }
            }
        }
        let columns: Values = std::array::from_fn(|k| factor(sizes[k], self.columns[k]));
        for (block, own) in self.own.iter_mut().enumerate() {
            for k in 0..STEPS {
                let before = if block >= 2 { self.before[block - 2][k].abs() } else { 0.0 };
                let row = factor(own[k].abs().max(before), self.rows[block][k]);
                own[k] *= row * columns[k];
                if block >= 2 && k > 0 {
                    self.before[block - 2][k] *= row * columns[k - 1];
                }
                self.limits[block][k] *= row;
                self.rows[block][k] *= row;
            }
        }
        for i in 0..STEPS {
            for j in 0..STEPS {
                self.hessian[i][j] *= columns[i] * columns[j];
            }
            self.gradient[i] *= columns[i];
            self.columns[i] *= columns[i];
        }
        let mean = (0..STEPS).fold(0.0, |sum, k| sum + largest(&self.hessian[k][..=k])) / STEPS as f64;
        let gradient = largest(&self.gradient);
        if mean != 0.0 && gradient != 0.0 {
            let factor = clip(1.0 / gradient.max(mean), self.cost);
            self.hessian.as_flattened_mut().iter_mut().for_each(|value| *value *= factor);
            self.gradient.iter_mut().for_each(|value| *value *= factor);
            self.cost *= factor;
        }
    }

    /// Adds the hessian times a chain.
    pub fn add_curvature(&self, chain: &Values, sums: &mut Values) {
        for (row, value) in self.hessian.iter().zip(chain) {
            sums.iter_mut().zip(row).for_each(|(sum, h)| *sum += h * value);
        }
    }

    /// `a` times the hessian times `b`.
    pub fn form(&self, a: &Values, b: &Values) -> f64 {
        let (mut of_a, mut of_b) = (Values::default(), Values::default());
        for j in 0..STEPS {
            let row = &self.hessian[j];
            for k in j + 1..STEPS {
                of_b[k] += row[k] * b[j];
                of_a[k] += row[k] * a[j];
            }
        }
        (0..STEPS).fold(0.0, |sum, k| sum + self.hessian[k][k] * b[k] * a[k] + (of_b[k] * a[k] + of_a[k] * b[k]))
    }

    /// The same of `a` with itself.
    pub fn square(&self, a: &Values) -> f64 {
        let mut of_a = Values::default();
        for j in 0..STEPS {
            let row = &self.hessian[j];
            for k in j + 1..STEPS {
                of_a[k] += row[k] * a[j];
            }
        }
        (0..STEPS).fold(0.0, |sum, k| sum + self.hessian[k][k] * a[k] * a[k] + (of_a[k] * a[k] + of_a[k] * a[k]))
    }

    /// Adds what the limits count of a chain.
    pub fn add_limited(&self, chain: &Values, sums: &mut Limits) {
        for (block, sums) in sums.iter_mut().enumerate() {
            if block >= 2 {
                for k in 1..STEPS {
                    sums[k] += self.before[block - 2][k] * chain[k - 1];
                }
            }
            for k in 0..STEPS {
                sums[k] += self.own[block][k] * chain[k];
            }
        }
    }

    /// How prices of the limits pull at the chain.
    pub fn pull(&self, price: &Limits) -> Values {
        let mut sums = Values::default();
        self.add_pull(price, &mut sums);
        sums
    }

    pub fn add_pull(&self, price: &Limits, sums: &mut Values) {
        for (block, price) in price.iter().enumerate() {
            for k in 0..STEPS {
                sums[k] -= self.own[block][k] * price[k];
            }
            if block >= 2 {
                for k in 1..STEPS {
                    sums[k - 1] -= self.before[block - 2][k] * price[k];
                }
            }
        }
    }

    /// The chain in the programme's own units.
    pub fn unscaled(&self, chain: &Values, tau: f64) -> Values {
        let per_tau = 1.0 / tau;
        std::array::from_fn(|k| chain[k] * self.columns[k] * per_tau)
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| f64::max(most, value.abs()))
}

/// A factor that leaves the product of all within bounds.
fn clip(factor: f64, already: f64) -> f64 {
    let (low, high) = (LEAST / already, MOST / already);
    if factor < low {
        low
    } else if factor > high {
        high
    } else {
        factor
    }
}
