//! Seeded random numbers that are the same on every machine: integer arithmetic and exact scaling only.

/// A stream of random numbers (SplitMix64; Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream `tag` of a seed; streams of different tags are independent.
    pub fn new(seed: u64, tag: u64) -> Self {
        Self(mix(seed ^ mix(tag.wrapping_add(0x9E37_79B9_7F4A_7C15))))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A nearly normal number of mean 0 and variance 1: the sum of 64 coins, smoothed by a uniform number.
    pub fn normal(&mut self) -> f64 {
        let coins = f64::from(self.bits().count_ones()) - 32.0;
        (coins + self.unit() - 0.5) / (16.0_f64 + 1.0 / 12.0).sqrt()
    }

    /// One of the given values. `choices` must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.bits() % choices.len() as u64) as usize]
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A fixed number in [0, 1) for each cell of the plane.
pub fn cell_noise(x: f64, y: f64) -> f64 {
    let key = (x.floor() as i64 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (y.floor() as i64 as u64).rotate_left(32);
    (mix(key) >> 40) as f64 / (1_u64 << 24) as f64
}

/// Smooth noise in [0, 1): cell noise blended between the corners of a cell.
pub fn smooth_noise(x: f64, y: f64) -> f64 {
    let (u, v) = (x - x.floor(), y - y.floor());
    let (u, v) = (u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v));
    let low = cell_noise(x, y) * (1.0 - u) + cell_noise(x + 1.0, y) * u;
    let high = cell_noise(x, y + 1.0) * (1.0 - u) + cell_noise(x + 1.0, y + 1.0) * u;
    low * (1.0 - v) + high * v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_normal_numbers() {
        let mut random = Random::new(1, 2);
        let draws: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn streams_differ_and_repeat() {
        let first = |seed, tag| Random::new(seed, tag).bits();
        assert_eq!(first(7, 1), first(7, 1));
        assert_ne!(first(7, 1), first(7, 2));
        assert_ne!(first(7, 1), first(8, 1));
    }

    #[test]
    fn smooth_noise_is_continuous() {
        for i in 0..1000 {
            let x = f64::from(i) * 0.137 - 60.0;
            assert!((smooth_noise(x, 0.3) - smooth_noise(x + 1e-6, 0.3)).abs() < 1e-5);
            assert!((0.0..1.0).contains(&smooth_noise(x, -x)));
        }
    }
}
