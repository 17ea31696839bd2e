//! What a track has shown of itself: how much its measurements jitter, and the way it has gone.

/// Part of each new deviation that is learnt.
const LEARN: f64 = 0.15;
/// Factor on the standard deviation of an object that is new.
const INITIAL: f64 = 1.2;
/// Largest factor on the standard deviation.
const LARGEST: f64 = 4.0;
/// Deviations are expected to have this squared Mahalanobis distance: one for each axis.
const EXPECTED: f64 = 2.0;

/// How much larger the noise of this object's boxes is than the detector's at its best: a hedge that falls into other pieces
/// in each sweep jitters, the rear of a car does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter(f64);

impl Default for Jitter {
    fn default() -> Self {
        Self(INITIAL * INITIAL)
    }
}

impl Jitter {
    /// The factor on the standard deviation.
    pub(super) fn scale(self) -> f64 {
        self.0.sqrt()
    }

    /// Takes in the squared Mahalanobis distance of one measurement.
    pub(super) fn learn(&mut self, distance_squared: f64) {
        let excess = (distance_squared / EXPECTED).min(LARGEST * LARGEST) - 1.0;
        self.0 = (self.0 * (1.0 + LEARN * excess)).clamp(1.0, LARGEST * LARGEST);
    }
}

const MARKS: usize = 8;

/// The last few positions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trail {
    marks: [[f64; 2]; MARKS],
    ages_s: [f64; MARKS],
    count: usize,
}

impl Trail {
    pub(super) fn pass(&mut self, dt_s: f64) {
        self.ages_s.iter_mut().for_each(|age| *age += dt_s);
    }

    pub(super) fn mark(&mut self, position: [f64; 2]) {
        self.marks.rotate_right(1);
        self.ages_s.rotate_right(1);
        (self.marks[0], self.ages_s[0]) = (position, 0.0);
        self.count = MARKS.min(self.count + 1);
    }

    /// Another point of the same object is meant.
    pub(super) fn shift(&mut self, by: [f64; 2]) {
        self.marks.iter_mut().for_each(|mark| *mark = [mark[0] + by[0], mark[1] + by[1]]);
    }

    /// How far `position` is from the oldest mark, m.
    pub(super) fn distance(&self, position: [f64; 2]) -> f64 {
        let Some(oldest) = self.count.checked_sub(1) else { return 0.0 };
        (position[0] - self.marks[oldest][0]).hypot(position[1] - self.marks[oldest][1])
    }

    /// The velocity from the oldest mark to `position`, zero if there is none.
    pub(super) fn mean_velocity(&self, position: [f64; 2]) -> [f64; 2] {
        let Some(oldest) = self.count.checked_sub(1).filter(|&oldest| self.ages_s[oldest] > 0.0) else {
            return [0.0; 2];
        };
        let [x, y] = self.marks[oldest];
        [(position[0] - x) / self.ages_s[oldest], (position[1] - y) / self.ages_s[oldest]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_grows_with_surprise_and_settles() {
        let mut jitter = Jitter::default();
        (0..50).for_each(|_| jitter.learn(18.0));
        assert!((jitter.scale() - LARGEST).abs() < 1e-9);
        (0..200).for_each(|_| jitter.learn(0.5));
        assert!((jitter.scale() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_trail_tells_the_way_of_the_last_marks() {
        let mut trail = Trail::default();
        assert_eq!(trail.mean_velocity([1.0, 1.0]), [0.0, 0.0]);
        for i in 0..20 {
            trail.pass(0.1);
            trail.mark([0.2 * f64::from(i), 0.0]);
        }
        trail.pass(0.1);
        let [vx, vy] = trail.mean_velocity([4.0, 0.0]);
        assert!((vx - 2.0).abs() < 1e-9 && vy == 0.0);
    }
}
