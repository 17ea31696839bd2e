//! How far the constant-velocity prediction has been off: the scale of the search (KISS-ICP, section III-C).

use nalgebra::Isometry3;

/// Deviation assumed before anything was learnt, m.
const INITIAL_M: f64 = 2.0;
/// Smaller deviations are noise and teach nothing, m.
const SMALLEST_M: f64 = 0.1;

/// Root mean square of the deviations so far.
#[derive(Clone, Debug)]
pub(super) struct AdaptiveThreshold {
    range_m: f64,
    squared_sum: f64,
    samples: f64,
}

impl AdaptiveThreshold {
    /// `range_m`: the distance at which a rotation's error is measured.
    pub(super) fn new(range_m: f64) -> Self {
        Self { range_m, squared_sum: INITIAL_M * INITIAL_M, samples: 1.0 }
    }

    /// The scale, m.
    pub(super) fn sigma_m(&self) -> f64 {
        (self.squared_sum / self.samples).sqrt()
    }

    /// Takes in how far the found pose was from the predicted one.
    pub(super) fn learn(&mut self, deviation: &Isometry3<f64>) {
        let turned = 2.0 * self.range_m * (0.5 * deviation.rotation.angle()).sin();
        let error = turned + deviation.translation.vector.norm();
        if error > SMALLEST_M {
            self.squared_sum += error * error;
            self.samples += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settles_on_the_deviations_it_sees() {
        let mut threshold = AdaptiveThreshold::new(100.0);
        assert_eq!(threshold.sigma_m(), INITIAL_M);
        (0..2000).for_each(|_| threshold.learn(&Isometry3::translation(0.0, 0.3, 0.0)));
        assert!((threshold.sigma_m() - 0.3).abs() < 0.01);
        (0..2000).for_each(|_| threshold.learn(&Isometry3::identity()));
        assert!(threshold.sigma_m() > 0.29);
    }
}
