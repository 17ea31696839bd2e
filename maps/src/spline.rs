//! Cubic smoothing spline over equidistant knots (Reinsch, "Smoothing by spline functions", 1967).
//!
//! The spline g minimises `sum (y_i - g(x_i))^2 + stiffness * integral g''(x)^2 dx`. It is twice continuously
//! differentiable and its second derivative is zero at both ends, so a straight continuation has no jump in curvature.

/// A natural cubic spline over equidistant knots: values and second derivatives at the knots.
#[derive(Clone, Debug, PartialEq)]
pub struct SmoothingSpline {
    step: f64,
    value: Vec<f64>,
    second: Vec<f64>,
}

impl SmoothingSpline {
    /// Fits values at knots that lie `step` apart. `stiffness` zero interpolates.
    ///
    /// Fewer than three values give a straight line, which needs at least one value; `step` must be positive.
    #[must_use]
    pub fn fit(values: &[f64], step: f64, stiffness: f64) -> Self {
        Self::fit_weighted(values, step, stiffness, &vec![1.0; values.len()])
    }

    /// As [`SmoothingSpline::fit`], with a weight for each misfit: `sum w_i (y_i - g(x_i))^2`. Weights must be positive, one a value.
    #[must_use]
    pub fn fit_weighted(values: &[f64], step: f64, stiffness: f64, weights: &[f64]) -> Self {
        let mut second = vec![0.0; values.len()];
        let mut value = values.to_vec();
        let inner = values.len().saturating_sub(2);
        if inner > 0 {
            // (R + stiffness Q' W^-1 Q) gamma = Q'y, a pentadiagonal system of the inner second derivatives.
            let square = stiffness / (step * step);
            let ease: Vec<f64> = weights.iter().map(|weight| 1.0 / weight).collect();
            let bands = Bands {
                diagonal: (0..inner)
                    .map(|i| 2.0 * step / 3.0 + (ease[i] + 4.0 * ease[i + 1] + ease[i + 2]) * square)
                    .collect(),
                near: (0..inner).map(|i| step / 6.0 - 2.0 * (ease[i + 1] + ease[i + 2]) * square).collect(),
                far: (0..inner).map(|i| ease[i + 2] * square).collect(),
            };
            let right: Vec<f64> =
                (0..inner).map(|i| (values[i + 2] - 2.0 * values[i + 1] + values[i]) / step).collect();
            solve_pentadiagonal(&bands, right, &mut second[1..=inner]);
            // g = y - stiffness W^-1 Q gamma.
            for (i, g) in value.iter_mut().enumerate() {
                let at = |j: usize| second.get(j).copied().unwrap_or(0.0);
                let before = if i > 0 { at(i - 1) } else { 0.0 };
                *g -= stiffness / step * (before - 2.0 * at(i) + at(i + 1)) * ease[i];
            }
        }
        Self { step, value, second }
    }

    /// Number of pieces between knots.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.value.len().saturating_sub(1)
    }

    /// One piece, ready to be evaluated.
    #[must_use]
    #[inline]
    pub fn piece(&self, piece: usize) -> Cubic {
        let h = self.step;
        let (y0, y1) = (self.value[piece], self.value[piece + 1]);
        let (m0, m1) = (self.second[piece], self.second[piece + 1]);
        Cubic { value: y0, first: (y1 - y0) / h - h * (2.0 * m0 + m1) / 6.0, second: m0, third: (m1 - m0) / h }
    }

    /// Value and first three derivatives at `along` (0..=step) within a piece.
    #[must_use]
    #[inline]
    pub fn at(&self, piece: usize, along: f64) -> [f64; 4] {
        self.piece(piece).at(along)
    }
}

/// A piece of a spline: value and derivatives at its beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cubic {
    value: f64,
    first: f64,
    second: f64,
    third: f64,
}

impl Cubic {
    /// Value and first three derivatives.
    #[must_use]
    #[inline]
    pub fn at(&self, t: f64) -> [f64; 4] {
        let Self { value, first, second, third } = *self;
        [value + t * (first + t * (0.5 * second + t * third / 6.0)), self.slope(t), second + t * third, third]
    }

    /// The first derivative.
    #[must_use]
    #[inline]
    pub fn slope(&self, t: f64) -> f64 {
        self.first + t * (self.second + 0.5 * t * self.third)
    }
}

/// A symmetric matrix of five bands: row `i` holds `diagonal[i]`, `near[i]` and `far[i]` to the right.
struct Bands {
    diagonal: Vec<f64>,
    near: Vec<f64>,
    far: Vec<f64>,
}

/// Solves a positive definite system by an LDL' factorisation.
fn solve_pentadiagonal(bands: &Bands, mut right: Vec<f64>, solution: &mut [f64]) {
    let n = right.len();
    let (mut pivot, mut lower_near, mut lower_far) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for i in 0..n {
        let mut d = bands.diagonal[i];
        if i >= 1 {
            d -= pivot[i - 1] * lower_near[i - 1] * lower_near[i - 1];
        }
        if i >= 2 {
            d -= pivot[i - 2] * lower_far[i - 2] * lower_far[i - 2];
        }
        let coupling = if i >= 1 { pivot[i - 1] * lower_near[i - 1] * lower_far[i - 1] } else { 0.0 };
        pivot[i] = d;
        lower_near[i] = (bands.near[i] - coupling) / d;
        lower_far[i] = bands.far[i] / d;
    }
    for i in 0..n {
        if i >= 1 {
            right[i] -= lower_near[i - 1] * right[i - 1];
        }
        if i >= 2 {
            right[i] -= lower_far[i - 2] * right[i - 2];
        }
    }
    for i in (0..n).rev() {
        let next = if i + 1 < n { lower_near[i] * solution[i + 1] } else { 0.0 };
        let after = if i + 2 < n { lower_far[i] * solution[i + 2] } else { 0.0 };
        solution[i] = right[i] / pivot[i] - next - after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_stiffness_it_interpolates() {
        let values = [0.0, 1.0, 0.5, 2.0, 2.5, -1.0];
        let spline = SmoothingSpline::fit(&values, 0.7, 0.0);
        for (piece, y) in values[..5].iter().enumerate() {
            assert!((spline.at(piece, 0.0)[0] - y).abs() < 1e-12);
        }
        assert!((spline.at(4, 0.7)[0] + 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_straight_line_stays() {
        let values: Vec<f64> = (0..20).map(|i| 3.0 + 0.2 * f64::from(i)).collect();
        let spline = SmoothingSpline::fit(&values, 1.0, 50.0);
        for piece in 0..19 {
            let [y, slope, bend, _] = spline.at(piece, 0.5);
            assert!((y - 3.1 - 0.2 * piece as f64).abs() < 1e-10);
            assert!((slope - 0.2).abs() < 1e-10 && bend.abs() < 1e-10);
        }
    }

    proptest! {
        #[test]
        fn it_is_twice_continuous(
            places in prop::collection::vec((-5.0..5.0f64, 0.1..1e4f64), 3..40),
            stiffness in 0.0..20.0f64,
        ) {
            let (values, weights): (Vec<f64>, Vec<f64>) = places.into_iter().unzip();
            let spline = SmoothingSpline::fit_weighted(&values, 0.9, stiffness, &weights);
            for piece in 1..spline.pieces() {
                let (left, right) = (spline.at(piece - 1, 0.9), spline.at(piece, 0.0));
                for order in 0..3 {
                    prop_assert!((left[order] - right[order]).abs() < 1e-8, "order {order} at knot {piece}");
                }
            }
        }

        /// The fit is the minimum: moving any knot value does not lower the sum of misfit and bending.
        #[test]
        fn it_minimises(
            places in prop::collection::vec((-5.0..5.0f64, 0.1..10.0f64), 4..12),
            at in 0usize..4,
            by in -0.1..0.1f64,
        ) {
            let (step, stiffness) = (1.0, 2.0);
            let (values, weights): (Vec<f64>, Vec<f64>) = places.into_iter().unzip();
            let energy = |spline: &SmoothingSpline| {
                let misfit: f64 = values.iter().zip(&spline.value).zip(&weights).map(|((y, g), w)| w * (y - g).powi(2)).sum();
                let bending: f64 = spline.second.windows(2).map(|m| (m[0] * m[0] + m[0] * m[1] + m[1] * m[1]) / 3.0).sum();
                misfit + stiffness * step * bending
            };
            let best = SmoothingSpline::fit_weighted(&values, step, stiffness, &weights);
            let mut moved = best.value.clone();
            moved[at] += by;
            let other = SmoothingSpline::fit(&moved, step, 0.0);
            prop_assert!(energy(&other) >= energy(&best) - 1e-9);
        }
    }
}
