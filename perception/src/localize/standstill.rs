//! Keeps a standing vehicle in its place: the noise of the registration must not add up to a drift.

use nalgebra::Isometry3;

/// A pose this near to the anchor may be the same place: about three times the registration's noise.
const NEAR_M: f64 = 0.03;
const NEAR_RAD: f64 = 0.002;
/// A pose this far from the anchor is another place.
const AWAY_M: f64 = 0.06;
const AWAY_RAD: f64 = 0.004;
/// Sweeps near the anchor before it holds.
const SWEEPS: u32 = 5;

/// A place and the number of sweeps in a row that were near it.
#[derive(Clone, Debug, Default)]
pub(super) struct Standstill {
    anchor: Isometry3<f64>,
    sweeps: u32,
}

impl Standstill {
    /// Whether the vehicle is held in its place.
    pub(super) fn holds(&self) -> bool {
        self.sweeps >= SWEEPS
    }

    /// The anchor while the vehicle stands, else the pose that was found.
    pub(super) fn hold(&mut self, found: Isometry3<f64>) -> Isometry3<f64> {
        let motion = self.anchor.inv_mul(&found);
        let (distance, angle) = (motion.translation.vector.norm(), motion.rotation.angle());
        let (distance_limit, angle_limit) = if self.holds() { (AWAY_M, AWAY_RAD) } else { (NEAR_M, NEAR_RAD) };
        if distance > distance_limit || angle > angle_limit {
            *self = Self { anchor: found, sweeps: 0 };
            return found;
        }
        self.sweeps = self.sweeps.saturating_add(1);
        if self.holds() { self.anchor } else { found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_held_and_creeping_is_not() {
        let mut standstill = Standstill::default();
        let at = |x: f64| Isometry3::translation(x, 0.0, 0.0);
        for i in 0..200 {
            let pose = standstill.hold(at(100.0 + 0.01 * f64::from(i % 3)));
            assert!(i < 6 || pose == at(100.0));
        }
        assert!(standstill.holds());
        let ends = (0..100).map(|i| standstill.hold(at(100.0 + 0.02 * f64::from(i))).translation.x).last().unwrap();
        assert!((ends - 101.98).abs() < 1e-9 && !standstill.holds());
    }
}
