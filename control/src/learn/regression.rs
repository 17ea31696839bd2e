//! Parameters of a linear relation, learned from one measurement after another within bounds.
//!
//! A Kalman filter whose state is the parameters, as a random walk from a prior (recursive least squares with bounded
//! forgetting: Ljung, "System Identification", 1999, chapter 11).

/// A parameter that nothing is measured of becomes as uncertain as at first in this time, s.
const FORGOTTEN_S: f64 = 300.0;
/// A measurement that is off by more standard deviations than this counts as off by this many.
const MOST_DEVIATIONS: f64 = 3.0;

/// What is believed of a parameter before anything is measured, and within what it stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Expected value.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// Bounds.
    pub range: [f64; 2],
}

/// The parameters and how well they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression<const N: usize> {
    priors: [Prior; N],
    mean: [f64; N],
    covariance: [[f64; N]; N],
}

impl<const N: usize> Regression<N> {
    /// Nothing is measured yet.
    #[must_use]
    pub fn new(priors: [Prior; N]) -> Self {
        let mut covariance = [[0.0; N]; N];
        for (i, prior) in priors.iter().enumerate() {
            covariance[i][i] = prior.deviation * prior.deviation;
        }
        Self { priors, mean: priors.map(|prior| prior.mean), covariance }
    }

    /// The parameters, within their bounds.
    #[must_use]
    pub fn parameters(&self) -> [f64; N] {
        self.mean
    }

    /// Takes up `measured = row * parameters + noise`, `seconds` after the last measurement. Numbers that are not
    /// finite change nothing.
    pub fn observe(&mut self, row: &[f64; N], measured: f64, deviation: f64, seconds: f64) {
        if !(row.iter().all(|v| v.is_finite()) && measured.is_finite() && deviation > 0.0 && seconds >= 0.0) {
            return;
        }
        for (i, prior) in self.priors.iter().enumerate() {
            let most = prior.deviation * prior.deviation;
            self.covariance[i][i] += (most - self.covariance[i][i]).max(0.0) * (seconds / FORGOTTEN_S).min(1.0);
        }
        let spread: [f64; N] = std::array::from_fn(|i| (0..N).map(|j| self.covariance[i][j] * row[j]).sum());
        let variance = deviation * deviation + (0..N).map(|i| row[i] * spread[i]).sum::<f64>();
        let most = MOST_DEVIATIONS * variance.sqrt();
        let error = (measured - (0..N).map(|i| row[i] * self.mean[i]).sum::<f64>()).clamp(-most, most);
        for i in 0..N {
            let [low, high] = self.priors[i].range;
            self.mean[i] = (self.mean[i] + spread[i] / variance * error).clamp(low, high);
            for j in 0..N {
                self.covariance[i][j] -= spread[i] * spread[j] / variance;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn priors() -> [Prior; 2] {
        [
            Prior { mean: 1.0, deviation: 0.2, range: [0.7, 1.4] },
            Prior { mean: 0.0, deviation: 0.01, range: [-0.02, 0.02] },
        ]
    }

    #[test]
    fn a_line_is_found() {
        let mut line = Regression::new(priors());
        for i in 0..300 {
            let x = 0.1 * (f64::from(i) * 0.1).sin();
            line.observe(&[x, 1.0], 1.23 * x + 0.004, 0.002, 0.1);
        }
        let [slope, offset] = line.parameters();
        assert!((slope - 1.23).abs() < 0.01 && (offset - 0.004).abs() < 5e-4, "{slope} {offset}");
    }

    #[test]
    fn nothing_new_leaves_the_prior() {
        let mut line = Regression::new(priors());
        for _ in 0..1000 {
            line.observe(&[0.0, 0.0], 0.3, 0.002, 0.1);
        }
        assert_eq!(line.parameters(), [1.0, 0.0]);
    }

    proptest! {
        #[test]
        fn whatever_is_measured_stays_within_bounds(
            seen in prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64, prop_oneof![Just(f64::NAN), -1e6..1e6f64], 0.0..1e4f64), 1..200)
        ) {
            let mut line = Regression::new(priors());
            for (x, y, measured, seconds) in seen {
                line.observe(&[x, y], measured, 0.002, seconds);
                let [slope, offset] = line.parameters();
                prop_assert!((0.7..=1.4).contains(&slope) && (-0.02..=0.02).contains(&offset));
                for (row, prior) in line.covariance.iter().zip(priors()) {
                    prop_assert!(row.iter().all(|v| v.is_finite() && v.abs() <= 2.0 * 0.2 * prior.deviation.max(0.2)));
                }
            }
        }
    }
}
