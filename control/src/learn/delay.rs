//! The dead time of an actuator: of many candidates the one whose response fits best what is measured.

/// Dead times that are looked at: 0 to 0.4 s.
const CANDIDATES: usize = 21;
const STEP_S: f64 = 0.02;
/// The longest dead time that can be learned, s.
pub const LONGEST_S: f64 = STEP_S * (CANDIDATES - 1) as f64;
/// What was measured counts for this long, s.
const REMEMBERED_S: f64 = 30.0;
/// A dead time that differs from the expected one by this much, s, is as unlikely as so many measurements that are off by
/// their noise.
const UNUSUAL_S: f64 = 0.05;
const UNUSUAL: f64 = 5.0;
/// A measurement that is off by more than so many times its noise counts as off by this.
const MOST_DEVIATIONS: f64 = 3.0;
/// The estimate changes by at most this, s per s.
const CHANGE_PER_S: f64 = 0.03;

/// What each candidate's response cost so far.
#[derive(Clone, Debug, PartialEq)]
pub struct DelayEstimator {
    expected_s: f64,
    costs: [f64; CANDIDATES],
    estimate_s: f64,
}

impl DelayEstimator {
    /// Nothing is measured yet: the expected dead time.
    #[must_use]
    pub fn new(expected_s: f64) -> Self {
        let expected_s = if expected_s.is_finite() { expected_s.clamp(0.0, LONGEST_S) } else { 0.0 };
        Self { expected_s, costs: [0.0; CANDIDATES], estimate_s: expected_s }
    }

    /// The dead time, s, from 0 to [`LONGEST_S`].
    #[must_use]
    pub fn delay_s(&self) -> f64 {
        self.estimate_s
    }

    /// Compares a measurement with the response that each dead time would have given, `seconds` after the last one.
    pub fn observe(&mut self, measured: f64, noise: f64, seconds: f64, response: impl Fn(f64) -> f64) {
        if !(measured.is_finite() && noise > 0.0 && seconds >= 0.0) {
            return;
        }
        let kept = (-seconds / REMEMBERED_S).exp();
        for (i, cost) in self.costs.iter_mut().enumerate() {
            let off = (measured - response(STEP_S * i as f64)) / noise;
            let off = if off.is_finite() { off.clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS) } else { 0.0 };
            *cost = kept * *cost + off * off;
        }
        let most = CHANGE_PER_S * seconds;
        self.estimate_s =
            (self.estimate_s + (self.best_s() - self.estimate_s).clamp(-most, most)).clamp(0.0, LONGEST_S);
    }

    /// The cheapest candidate, refined by the parabola through its neighbours.
    fn best_s(&self) -> f64 {
        let cost = |i: usize| self.costs[i] + UNUSUAL * ((STEP_S * i as f64 - self.expected_s) / UNUSUAL_S).powi(2);
        let best = (0..CANDIDATES).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0);
        if best == 0 || best + 1 == CANDIDATES {
            return STEP_S * best as f64;
        }
        let (before, at, after) = (cost(best - 1), cost(best), cost(best + 1));
        let bend = before - 2.0 * at + after;
        let shift = if bend > 1e-9 { 0.5 * (before - after) / bend } else { 0.0 };
        STEP_S * (best as f64 + shift.clamp(-0.5, 0.5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_dead_time_of_a_swinging_signal_is_found() {
        for true_s in [0.0, 0.05, 0.13, 0.31, 0.4] {
            let mut delay = DelayEstimator::new(0.1);
            let signal = |t: f64| 0.15 * (1.7 * t).sin() + 0.1 * (0.6 * t).sin();
            for i in 0..400 {
                let t = 0.1 * f64::from(i);
                let noise = 0.003 * f64::from((i * 7919) % 17 - 8) / 8.0;
                delay.observe(signal(t - true_s) + noise, 0.01, 0.1, |d| signal(t - d));
            }
            assert!((delay.delay_s() - true_s).abs() < 0.01, "{true_s} {}", delay.delay_s());
        }
    }

    #[test]
    fn a_straight_road_tells_nothing() {
        let mut delay = DelayEstimator::new(0.12);
        for _ in 0..1000 {
            delay.observe(0.001, 0.01, 0.1, |_| 0.0);
        }
        assert!((delay.delay_s() - 0.12).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn whatever_is_measured_stays_within_bounds_and_moves_slowly(
            seen in prop::collection::vec((prop_oneof![Just(f64::NAN), -1e6..1e6f64], 0.0..2.0f64, -1e3..1e3f64), 1..100)
        ) {
            let mut delay = DelayEstimator::new(0.1);
            for (measured, seconds, slope) in seen {
                let before = delay.delay_s();
                delay.observe(measured, 0.01, seconds, |d| slope * d);
                prop_assert!((0.0..=LONGEST_S).contains(&delay.delay_s()));
                prop_assert!((delay.delay_s() - before).abs() <= CHANGE_PER_S * seconds + 1e-12);
            }
        }
    }
}
