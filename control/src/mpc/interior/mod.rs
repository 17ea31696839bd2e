//! The interior-point method that solves the chains: primal-dual, homogeneous, with a predictor and a corrector.
//!
//! In: a scaled programme. Out: its solution, or nothing. Never: memory from the heap, a look at the clock, anything kept for the next solve.
//!
//! The method and every order of its sums are Clarabel's (Goulart and Chen, 2024), so the bits are; but what that library finds out about
//! any programme (which numbers are zero, what to eliminate first) is known of these chains, which is what makes it three times as fast. The
//! tests hold it against the library bit for bit.

#![allow(clippy::needless_range_loop)] // neighbours in several arrays: with indices the sums read as they are written on paper

mod kkt;
mod scaled;

pub(super) use scaled::Programme;

use super::qp::STEPS;
use kkt::{Fixed, Kkt};
use scaled::Scaled;

/// A value for each value of the chain.
pub(super) type Values = [f64; STEPS];
/// A value for each limit: highest, lowest, most rise, most fall.
pub(super) type Limits = [Values; 4];

/// Iterations at most; 7 to 12 are usual.
const MOST_ITERATIONS: u32 = 30;
/// Residuals and gap of a solution.
const TOLERANCE: f64 = 1e-6;
/// Share of the way to the nearest limit that a step takes.
const SHARE: f64 = 0.99;
/// Shorter steps lead nowhere.
const SHORTEST: f64 = 1e-4;

/// A point between the limits, or a step from one to the next.
#[derive(Clone, Default)]
struct Point {
    chain: Values,
    slack: Limits,
    price: Limits,
    /// What makes the programme homogeneous: at the solution the first is one unit, the second nothing.
    tau: f64,
    kappa: f64,
}

/// How far a point is from a solution.
#[derive(Default)]
struct Residuals {
    chain: Values,
    limits: Limits,
    tau: f64,
    /// The hessian times the chain.
    curved: Values,
    linear: f64,
    priced: f64,
    gap: f64,
    quadratic: f64,
}

/// The same as numbers to be compared with a tolerance.
#[derive(Clone, Copy, Default)]
struct Progress {
    primal: f64,
    dual: f64,
    gap_absolute: f64,
    gap_relative: f64,
    ratio: f64,
}

/// What a point is.
enum Verdict {
    Solved,
    Lost,
    Unfinished,
}

/// The cheapest chain, or `None` if it is not found.
pub(super) fn solve(programme: &Programme) -> Option<Values> {
    let problem = Scaled::new(programme);
    let mut kkt = Kkt::default();
    let mut point = start(&problem, &mut kkt)?;
    let (mut residuals, mut before, mut fixed) = (Residuals::default(), Progress::default(), Fixed::default());
    let (mut wanted, mut step) = (Point::default(), Point::default());
    for iteration in 0..=MOST_ITERATIONS {
        residuals.update(&point, &problem);
        let mean = (residuals.gap + point.tau * point.kappa) / (4 * STEPS + 1) as f64;
        let progress = Progress::of(&residuals, &point, &problem);
        match progress.verdict(&before, iteration) {
            Verdict::Solved => return Some(problem.unscaled(&point.chain, point.tau)),
            Verdict::Lost => return None,
            Verdict::Unfinished if iteration == MOST_ITERATIONS => return None,
            Verdict::Unfinished => {}
        }
        let widths = each(&point.slack, &point.price, |s, z| (s / z).sqrt());
        kkt.update(&problem, &widths, &mut fixed)?;
        // The predictor: straight for the solution.
        wanted.predict(&point, &residuals);
        kkt.step(&problem, &point, &wanted, &fixed, &point.slack, &mut step)?;
        let length = longest(&point, &step);
        let centring = (1.0 - length).powi(3);
        // The corrector: back towards the middle, and against the predictor's error, of which the first one is believed in part.
        let share = if iteration == 0 { length } else { 1.0 };
        wanted.correct(&step, &point, &residuals, &widths, (centring, mean), share);
        let constant = each(&wanted.slack, &point.price, |ds, z| ds / z);
        kkt.step(&problem, &point, &wanted, &fixed, &constant, &mut step)?;
        let length = SHARE * longest(&point, &step);
        if length <= SHORTEST {
            return None;
        }
        before = progress;
        point.add(length, &step);
    }
    None
}

/// A point inside: the solution without limits, moved.
fn start(problem: &Scaled, kkt: &mut Kkt) -> Option<Point> {
    kkt.factor(problem, &[[1.0; STEPS]; 4])?;
    let mut solution = Default::default();
    kkt.solve(problem, &(problem.gradient.map(|q| -q), problem.limits), &mut solution)?;
    let (chain, mut price) = solution;
    let mut slack = price.map(|block| block.map(|z| -z));
    for values in [&mut slack, &mut price] {
        let least = flat(values).fold(f64::INFINITY, f64::min).min(f64::MAX);
        let sum = 0.0 + flat(values).fold(0.0, |sum, value| sum + value.max(0.0));
        let target = f64::max(1.0, (sum * 0.1) / (4 * STEPS) as f64);
        let moves = if least <= 0.0 {
            // One after the other: their sum could round to nothing.
            [-least, target]
        } else {
            [if least < target { target - least } else { 0.0 }, 0.0]
        };
        values.as_flattened_mut().iter_mut().for_each(|value| *value = *value + moves[0] + moves[1]);
    }
    Some(Point { chain, slack, price, tau: 1.0, kappa: 1.0 })
}

/// The longest step that keeps what must be positive so, one at most.
fn longest(point: &Point, step: &Point) -> f64 {
    let until = |value: f64, change: f64| if change < 0.0 { -value / change } else { f64::MAX };
    let mut length = until(point.tau, step.tau).min(until(point.kappa, step.kappa)).min(1.0);
    for (values, changes) in [(&point.price, &step.price), (&point.slack, &step.slack)] {
        for (value, change) in flat(values).zip(flat(changes)) {
            length = length.min(until(value, change));
        }
    }
    length
}

impl Point {
    /// The right-hand side that leads straight for the solution.
    fn predict(&mut self, point: &Self, residuals: &Residuals) {
        self.chain = residuals.chain;
        self.price = residuals.limits;
        for (own, (s, z)) in self.slack.as_flattened_mut().iter_mut().zip(flat(&point.slack).zip(flat(&point.price))) {
            let middle = (s * z).sqrt();
            *own = middle * middle;
        }
        self.tau = residuals.tau;
        self.kappa = point.tau * point.kappa;
    }

    /// Turns that into the corrector's, given the predictor's step and the share of its error that is believed.
    fn correct(
        &mut self,
        step: &Self,
        point: &Self,
        residuals: &Residuals,
        widths: &Limits,
        (centring, mean): (f64, f64),
        share: f64,
    ) {
        let (rest, centre) = (1.0 - centring, centring * mean);
        for (value, residual) in self.chain.iter_mut().zip(&residuals.chain) {
            *value = rest * residual + 0.0 * *value;
        }
        self.tau = rest * residuals.tau;
        self.kappa = -centre + share * step.tau * step.kappa + point.tau * point.kappa;
        for block in 0..4 {
            for k in 0..STEPS {
                let width = widths[block][k];
                let shift = (step.slack[block][k] / width) * (step.price[block][k] * share * width) - centre;
                self.slack[block][k] += shift;
                self.price[block][k] = rest * residuals.limits[block][k] + 0.0 * shift;
            }
        }
    }

    fn add(&mut self, length: f64, step: &Self) {
        let add = |value: &mut f64, change: &f64| *value += length * change;
        self.chain.iter_mut().zip(&step.chain).for_each(|(value, change)| add(value, change));
        for (values, changes) in [(&mut self.slack, &step.slack), (&mut self.price, &step.price)] {
            values.as_flattened_mut().iter_mut().zip(changes.as_flattened()).for_each(|(v, c)| add(v, c));
        }
        self.tau += length * step.tau;
        self.kappa += length * step.kappa;
    }
}

impl Residuals {
    fn update(&mut self, point: &Point, problem: &Scaled) {
        let Point { chain, slack, price, tau, kappa } = point;
        self.linear = dot(&problem.gradient, chain);
        self.priced = sum(flat(&problem.limits).zip(flat(price)));
        self.gap = sum(flat(slack).zip(flat(price)));
        let mut curved = self.curved.map(|value| value * 0.0);
        problem.add_curvature(chain, &mut curved);
        self.curved = curved;
        self.quadratic = dot(chain, &curved);
        let pull = problem.pull(price);
        self.chain = std::array::from_fn(|k| pull[k] + (-curved[k] + -tau * problem.gradient[k]));
        let mut limits = *slack;
        problem.add_limited(chain, &mut limits);
        self.limits = each(&limits, &problem.limits, |value, limit| value + -tau * limit);
        self.tau = self.linear + self.priced + kappa + self.quadratic / tau;
    }
}

impl Progress {
    fn of(residuals: &Residuals, point: &Point, problem: &Scaled) -> Self {
        let (per_tau, per_cost) = (1.0 / point.tau, 1.0 / problem.cost);
        let curved = residuals.quadratic * per_tau * per_tau / 2.0;
        let primal = (residuals.linear * per_tau + curved) * per_cost;
        let dual = (-residuals.priced * per_tau - curved) * per_cost;
        let chain = norm(point.chain.iter().zip(&problem.columns).map(|(x, d)| x * d)) * per_tau;
        let price = norm(flat(&point.price).zip(flat(&problem.rows)).map(|(z, e)| z * e)) * per_cost * per_tau;
        let slack = norm(flat(&point.slack).zip(flat(&problem.per_row)).map(|(s, e)| s * e)) * per_tau;
        let limits = norm(flat(&residuals.limits).zip(flat(&problem.per_row)).map(|(r, e)| r * e));
        let gradient = norm(residuals.chain.iter().zip(&problem.per_column).map(|(r, d)| r * d));
        let gap = (primal - dual).abs();
        Self {
            primal: limits * per_tau / f64::max(1.0, problem.largest_limit + chain + slack),
            dual: gradient * per_tau * per_cost / f64::max(1.0, problem.largest_gradient + chain + price),
            gap_absolute: gap,
            gap_relative: gap / f64::max(1.0, primal.abs().min(dual.abs())),
            ratio: point.kappa * per_tau,
        }
    }

    fn verdict(&self, before: &Self, iteration: u32) -> Verdict {
        let is_closed = self.gap_absolute < TOLERANCE || self.gap_relative < TOLERANCE;
        if self.ratio <= 1.0 && is_closed && self.primal < TOLERANCE && self.dual < TOLERANCE {
            return Verdict::Solved;
        }
        // A chain always has a solution within reachable limits; a programme that seems to have none is not looked at further.
        if self.ratio > 1e9 {
            return Verdict::Lost;
        }
        if iteration > 1 && (self.dual > before.dual || self.primal > before.primal) {
            let was_closed = before.gap_absolute < TOLERANCE || before.gap_relative < TOLERANCE;
            let grew = |now: f64, then: f64| now > 100.0 * TOLERANCE && now > 100.0 * then;
            let diverges = grew(self.dual, before.dual) || grew(self.primal, before.primal);
            if (self.ratio < 100.0 * f64::EPSILON && was_closed) || (self.ratio < 1.0 && diverges) {
                return Verdict::Lost;
            }
        }
        Verdict::Unfinished
    }
}

fn flat(limits: &Limits) -> impl Iterator<Item = f64> {
    limits.as_flattened().iter().copied()
}

fn each(a: &Limits, b: &Limits, f: impl Fn(f64, f64) -> f64) -> Limits {
    std::array::from_fn(|block| std::array::from_fn(|k| f(a[block][k], b[block][k])))
}

fn sum(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    pairs.fold(0.0, |sum, (a, b)| sum + a * b)
}

fn dot(a: &Values, b: &Values) -> f64 {
    sum(a.iter().copied().zip(b.iter().copied()))
}

/// The Euclidean norm without overflow.
fn norm(values: impl Iterator<Item = f64>) -> f64 {
    let (scale, sum) = values.filter(|value| *value != 0.0).fold((0.0, 1.0), |(scale, sum): (f64, f64), value| {
        let size = value.abs();
        if scale < size {
            let share = scale / size;
            (size, 1.0 + sum * share * share)
        } else {
            let share = size / scale;
            (scale, sum + share * share)
        }
    });
    scale * sum.sqrt()
}
