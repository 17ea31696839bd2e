//! A few numbers side by side: plain arrays whose loops the compiler turns into vector instructions on every machine. Each lane gets
//! the bits that a single number would get.

use std::ops::{Add, Mul, Sub};

/// Candidates that are rolled out side by side.
pub const WIDTH: usize = 4;

/// [`WIDTH`] numbers, one of each candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lanes(pub [f64; WIDTH]);

impl Lanes {
    /// The same number in all lanes.
    #[inline]
    #[must_use]
    pub fn all(value: f64) -> Self {
        Self([value; WIDTH])
    }

    #[inline]
    fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane])))
    }

    #[inline]
    fn with(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }

    /// Square roots.
    #[inline]
    #[must_use]
    pub fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }

    /// Magnitudes.
    #[inline]
    #[must_use]
    pub fn abs(self) -> Self {
        self.map(f64::abs)
    }

    /// What each is of a number: `number / self`.
    #[inline]
    #[must_use]
    pub fn of(self, number: f64) -> Self {
        self.map(|value| number / value)
    }

    /// Each divided by a number.
    #[inline]
    #[must_use]
    pub fn per(self, number: f64) -> Self {
        self.map(|value| value / number)
    }

    /// The larger of each and a number; the number for NaN.
    #[inline]
    #[must_use]
    pub fn at_least(self, number: f64) -> Self {
        self.map(|value| if value > number { value } else { number })
    }

    /// The smaller of each and a number; the number for NaN.
    #[inline]
    #[must_use]
    pub fn at_most(self, number: f64) -> Self {
        self.map(|value| if value < number { value } else { number })
    }

    /// 1 where a lane is above the number or NaN, else 0: sums of such marks say how many checks failed.
    #[inline]
    #[must_use]
    pub fn above(self, number: f64) -> Self {
        self.map(|value| if value <= number { 0.0 } else { 1.0 })
    }

    /// 1 where a lane is below the number or NaN, else 0.
    #[inline]
    #[must_use]
    pub fn below(self, number: f64) -> Self {
        self.map(|value| if value >= number { 0.0 } else { 1.0 })
    }

    /// 1 where a lane is above its bound or NaN, else 0.
    #[inline]
    #[must_use]
    pub fn above_lanes(self, bound: Self) -> Self {
        self.with(bound, |value, bound| if value <= bound { 0.0 } else { 1.0 })
    }

    /// The larger of each and a number, only where no mark is.
    #[inline]
    #[must_use]
    pub fn or_if_zero(self, marks: Self, number: f64) -> Self {
        self.with(marks, |value, mark| if mark == 0.0 && number > value { number } else { value })
    }

    /// Whether any lane is marked.
    #[inline]
    #[must_use]
    pub fn any(self) -> bool {
        self.0.iter().sum::<f64>() != 0.0
    }
}

impl Add for Lanes {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl Sub for Lanes {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
}

impl Mul for Lanes {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
}

impl Add<f64> for Lanes {
    type Output = Self;
    #[inline]
    fn add(self, number: f64) -> Self {
        self.map(|value| value + number)
    }
}

impl Sub<f64> for Lanes {
    type Output = Self;
    #[inline]
    fn sub(self, number: f64) -> Self {
        self.map(|value| value - number)
    }
}

impl Mul<f64> for Lanes {
    type Output = Self;
    #[inline]
    fn mul(self, number: f64) -> Self {
        self.map(|value| value * number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_count_what_is_above_and_what_is_no_number() {
        let lanes = Lanes([1.0, 2.0, 3.0, f64::NAN]);
        assert_eq!(lanes.above(2.0).0, [0.0, 0.0, 1.0, 1.0]);
        assert!(lanes.above(5.0).any() && !Lanes::all(1.0).above(1.0).any());
        assert_eq!(lanes.at_least(2.0).0, [2.0, 2.0, 3.0, 2.0]);
        assert_eq!(lanes.of(6.0).0[..3], [6.0, 3.0, 2.0]);
    }
}
