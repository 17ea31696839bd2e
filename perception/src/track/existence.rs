//! How sure it is that a track is an object: log-odds that hits raise, misses lower and time forgets.

/// Part of the log-odds that is kept from frame to frame.
const MEMORY: f64 = 0.85;
/// What a detection adds whatever its score, and what a miss takes.
const HIT: f64 = 0.8;
const MISS: f64 = 1.0;
/// Misses lower the log-odds no further, so that what comes back is believed soon.
const DOUBT: f64 = -2.5;
/// Largest weight of one score.
const LARGEST: f64 = 6.0;
/// Nothing is more certain, in log-odds: so that a probability is never 0 or 1.
const CERTAIN: f64 = 30.0;

/// Log-odds of existence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Existence(f64);

impl Existence {
    pub(super) fn new(score: f64) -> Self {
        Self(log_odds(score))
    }

    pub(super) fn hit(&mut self, score: f64) {
        self.0 = MEMORY * self.0 + HIT + log_odds(score);
    }

    pub(super) fn miss(&mut self) {
        self.0 = (MEMORY * self.0 - MISS).max(self.0.min(DOUBT));
    }

    pub(super) fn probability(self) -> f64 {
        1.0 / (1.0 + (-self.0.clamp(-CERTAIN, CERTAIN)).exp())
    }
}

fn log_odds(score: f64) -> f64 {
    let score = score.clamp(1e-9, 1.0 - 1e-9);
    (score / (1.0 - score)).ln().clamp(-LARGEST, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_hits_convince_and_misses_disprove() {
        let mut existence = Existence::new(0.6);
        assert!((existence.probability() - 0.6).abs() < 1e-9);
        (0..5).for_each(|_| existence.hit(0.8));
        assert!(existence.probability() > 0.95);
        (0..10).for_each(|_| existence.miss());
        assert!(existence.probability() < 0.1);
        let mut poor = Existence::new(0.1);
        (0..50).for_each(|_| poor.hit(0.1));
        assert!(poor.probability() < 0.1);
        (0..50).for_each(|_| existence.hit(1.0));
        assert!(existence.probability() < 1.0);
        assert!(Existence::new(0.0).probability() > 0.0 && Existence::new(1.0).probability() < 1.0);
    }
}
