//! A path beside the line: an offset that changes with the travelled length.

use crate::lanes::{Lanes, WIDTH};
use crate::polynomial::Polynomial;
use crate::reference::Road;

/// A path beside the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lateral {
    quintic: Polynomial,
    /// Length of the change, m.
    pub length_m: f64,
    /// Offset at its end, m.
    pub end_m: f64,
    /// Where the way back to the line begins, its polynomial and its length, m.
    back: Option<(f64, Polynomial, f64)>,
}

impl Lateral {
    /// From the ego's offset to another one over a length.
    #[must_use]
    pub fn new(road: &Road<'_>, end_m: f64, length_m: f64) -> Self {
        let ego = &road.ego;
        let start = [ego.d_m, ego.d_prime, ego.d_second_1pm];
        Self { quintic: Polynomial::quintic(start, [end_m, 0.0, 0.0], length_m), length_m, end_m, back: None }
    }

    /// The same path that returns to the line after a travelled length, over another length.
    #[must_use]
    pub fn and_back(self, from_m: f64, length_m: f64) -> Self {
        let back = Polynomial::quintic([self.end_m, 0.0, 0.0], [0.0; 3], length_m);
        Self { back: Some((from_m.max(self.length_m), back, length_m)), ..self }
    }

    /// Whether it returns to the line.
    #[must_use]
    pub fn returns(&self) -> bool {
        self.back.is_some()
    }

    /// Where the way back begins, m.
    #[must_use]
    pub fn back_m(&self) -> Option<f64> {
        self.back.map(|(from_m, ..)| from_m)
    }

    /// Offset and its first two derivatives after a travelled length.
    #[must_use]
    pub fn at(&self, travelled_m: f64) -> [f64; 3] {
        if let Some((from_m, back, length_m)) = &self.back
            && travelled_m > *from_m
        {
            if travelled_m >= from_m + length_m {
                return [0.0; 3];
            }
            let [d, first, second, _] = back.at(travelled_m - from_m);
            return [d, first, second];
        }
        if travelled_m >= self.length_m {
            return [self.end_m, 0.0, 0.0];
        }
        let [d, first, second, _] = self.quintic.at(travelled_m);
        [d, first, second]
    }

    /// The offset alone.
    #[must_use]
    pub fn offset(&self, travelled_m: f64) -> f64 {
        let (from_m, polynomial, _) = self.piece(travelled_m);
        polynomial.value(travelled_m - from_m)
    }

    /// No offset and no slope of the path is larger than these: the largest coefficients in Bernstein's form.
    #[must_use]
    pub fn extremes(&self) -> [f64; 2] {
        let [mut offset, mut slope] = extremes(&self.quintic, self.length_m);
        if let Some((_, back, length_m)) = &self.back {
            let [back_offset, back_slope] = extremes(back, *length_m);
            (offset, slope) = (offset.max(back_offset), slope.max(back_slope));
        }
        [offset, slope]
    }

    /// The piece that holds after a travelled length: where it begins, its polynomial, and up to where it holds.
    fn piece(&self, travelled_m: f64) -> (f64, Polynomial, f64) {
        let still = |offset: f64| Polynomial { coefficients: [offset, 0.0, 0.0, 0.0, 0.0, 0.0] };
        if let Some((from_m, back, length_m)) = &self.back
            && travelled_m > *from_m
        {
            let end_m = from_m + length_m;
            return if travelled_m >= end_m { (0.0, still(0.0), f64::INFINITY) } else { (*from_m, *back, end_m) };
        }
        if travelled_m >= self.length_m {
            return (0.0, still(self.end_m), self.back.map_or(f64::INFINITY, |(from_m, ..)| from_m));
        }
        (0.0, self.quintic, self.length_m)
    }
}

/// Largest magnitudes of the Bernstein coefficients of a quintic and of its derivative on `0..=length`.
fn extremes(polynomial: &Polynomial, length: f64) -> [f64; 2] {
    const CHOOSE_4: [f64; 5] = [1.0, 4.0, 6.0, 4.0, 1.0];
    const CHOOSE_5: [f64; 6] = [1.0, 5.0, 10.0, 10.0, 5.0, 1.0];
    let mut power = 1.0;
    let (mut values, mut slopes) = ([0.0; 6], [0.0; 5]);
    for (k, coefficient) in polynomial.coefficients.iter().enumerate() {
        values[k] = coefficient * power / CHOOSE_5[k];
        if let Some(slope) = polynomial.coefficients.get(k + 1).filter(|_| k < 5) {
            slopes[k] = (k + 1) as f64 * slope * power / CHOOSE_4[k];
        }
        power *= length;
    }
    [largest(values), largest(slopes)]
}

/// Turns scaled coefficients into Bernstein's and returns the largest magnitude; NaN if one is.
fn largest<const N: usize>(mut scaled: [f64; N]) -> f64 {
    // b_j = sum over k <= j of choose(j, k) * scaled_k: running sums, as in Pascal's triangle.
    for level in 1..N {
        for j in (level..N).rev() {
            scaled[j] += scaled[j - 1];
        }
    }
    scaled.iter().fold(0.0, |most: f64, value| if value.abs() <= most { most } else { value.abs() })
}

/// Several paths side by side, at a travelled length that never falls.
#[derive(Clone, Copy, Debug)]
pub struct Paths<'a> {
    paths: [&'a Lateral; WIDTH],
    /// Where each piece begins, and its coefficients with the factors of the derivatives.
    from_m: Lanes,
    value: [Lanes; 6],
    first: [Lanes; 4],
    second: [Lanes; 3],
    /// The travelled length at which a lane gets another piece.
    until_m: f64,
}

impl<'a> Paths<'a> {
    /// The paths from their beginning on.
    #[must_use]
    pub fn new(paths: [&'a Lateral; WIDTH]) -> Self {
        let zero = Lanes::default();
        Self { paths, from_m: zero, value: [zero; 6], first: [zero; 4], second: [zero; 3], until_m: f64::NEG_INFINITY }
    }

    /// Offsets and their first two derivatives after a travelled length, bit for bit as [`Lateral::at`].
    #[inline]
    pub fn at(&mut self, travelled_m: f64) -> [Lanes; 3] {
        if travelled_m >= self.until_m || travelled_m.is_nan() {
            self.turn(travelled_m);
        }
        let t = Lanes::all(travelled_m) - self.from_m;
        let [a, b, c, d, e, f] = self.value;
        let [c2, d3, e4, b1] = self.first;
        let [c_2, d6, e12] = self.second;
        [
            a + t * (b + t * (c + t * (d + t * (e + t * f)))),
            b1 + t * (c2 + t * (d3 + t * (e4 + t * 5.0 * f))),
            c_2 + t * (d6 + t * (e12 + t * 20.0 * f)),
        ]
    }

    #[cold]
    fn turn(&mut self, travelled_m: f64) {
        self.until_m = f64::INFINITY;
        for (lane, path) in self.paths.iter().enumerate() {
            let (from_m, Polynomial { coefficients }, until_m) = path.piece(travelled_m);
            let [_, b, c, d, e, _] = coefficients;
            self.from_m.0[lane] = from_m;
            for (of, value) in self.value.iter_mut().zip(coefficients) {
                of.0[lane] = value;
            }
            for (of, value) in self.first.iter_mut().zip([2.0 * c, 3.0 * d, 4.0 * e, b]) {
                of.0[lane] = value;
            }
            for (of, value) in self.second.iter_mut().zip([2.0 * c, 6.0 * d, 12.0 * e]) {
                of.0[lane] = value;
            }
            self.until_m = self.until_m.min(until_m);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{line, scene, start};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn paths_side_by_side_are_the_paths(y in -2.0..2.0f64, ends in proptest::array::uniform4(-4.0..4.0f64),
                                            length in 3.0..60.0f64, back in proptest::option::of(0.0..90.0f64)) {
            let road = scene(&start(0.0, y, 8.0), &line(), vec![]).road;
            let laterals = ends.map(|end| {
                let path = Lateral::new(&road, end, length + end.abs());
                back.filter(|_| end > 0.0).map_or(path, |from| path.and_back(from, length))
            });
            let mut paths = Paths::new(laterals.each_ref());
            for i in 0..400 {
                let travelled = 0.5 * f64::from(i);
                let [d, first, second] = paths.at(travelled);
                for (lane, lateral) in laterals.iter().enumerate() {
                    let single = lateral.at(travelled);
                    prop_assert_eq!([d.0[lane], first.0[lane], second.0[lane]], single);
                    let [offset, slope] = lateral.extremes();
                    prop_assert!(single[0].abs() <= offset + 1e-9 && single[1].abs() <= slope + 1e-9);
                }
            }
        }
    }
}
