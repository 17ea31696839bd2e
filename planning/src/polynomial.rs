//! The polynomials that join two states with least squared jerk (Takahashi et al., 1989; Werling et al., 2010).

/// A polynomial of degree five or less, in rising powers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Polynomial {
    /// Coefficients.
    pub coefficients: [f64; 6],
}

impl Polynomial {
    /// From (value, first, second derivative) at 0 to the same at `end`, which must be positive.
    #[must_use]
    pub fn quintic(start: [f64; 3], finish: [f64; 3], end: f64) -> Self {
        let [p, v, a] = start;
        let t = end;
        // What is left to reach after the free motion of the start.
        let position = finish[0] - (p + t * (v + 0.5 * t * a));
        let speed = (finish[1] - (v + t * a)) * t;
        let bend = (finish[2] - a) * t * t;
        let cube = t * t * t;
        Self {
            coefficients: [
                p,
                v,
                0.5 * a,
                (10.0 * position - 4.0 * speed + 0.5 * bend) / cube,
                (-15.0 * position + 7.0 * speed - bend) / (cube * t),
                (6.0 * position - 3.0 * speed + 0.5 * bend) / (cube * t * t),
            ],
        }
    }

    /// From (value, first, second derivative) at 0 to (first, second derivative) at `end`, which must be positive.
    #[must_use]
    pub fn quartic(start: [f64; 3], finish: [f64; 2], end: f64) -> Self {
        let [p, v, a] = start;
        let t = end;
        let speed = finish[0] - (v + t * a);
        let bend = (finish[1] - a) * t;
        let third = (speed - bend / 3.0) / (t * t);
        let fourth = (bend - 2.0 * speed) / (4.0 * t * t * t);
        Self { coefficients: [p, v, 0.5 * a, third, fourth, 0.0] }
    }

    /// The value alone.
    #[must_use]
    pub fn value(&self, t: f64) -> f64 {
        let [a, b, c, d, e, f] = self.coefficients;
        a + t * (b + t * (c + t * (d + t * (e + t * f))))
    }

    /// Value and first three derivatives.
    #[must_use]
    pub fn at(&self, t: f64) -> [f64; 4] {
        let [a, b, c, d, e, f] = self.coefficients;
        [
            a + t * (b + t * (c + t * (d + t * (e + t * f)))),
            b + t * (2.0 * c + t * (3.0 * d + t * (4.0 * e + t * 5.0 * f))),
            2.0 * c + t * (6.0 * d + t * (12.0 * e + t * 20.0 * f)),
            6.0 * d + t * (24.0 * e + t * 60.0 * f),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ends_are_met(p in -9.0..9.0f64, v in -9.0..9.0f64, a in -3.0..3.0f64, q in -9.0..9.0f64,
                             w in -9.0..9.0f64, b in -3.0..3.0f64, t in 0.3..9.0f64) {
            let quintic = Polynomial::quintic([p, v, a], [q, w, b], t);
            for (got, wanted) in quintic.at(0.0).into_iter().chain(quintic.at(t)).zip([p, v, a, f64::NAN, q, w, b]) {
                prop_assert!(wanted.is_nan() || (got - wanted).abs() < 1e-6, "{got} {wanted}");
            }
            let quartic = Polynomial::quartic([p, v, a], [w, b], t);
            let (start, end) = (quartic.at(0.0), quartic.at(t));
            prop_assert!((start[0] - p).abs() + (start[1] - v).abs() + (start[2] - a).abs() < 1e-9);
            prop_assert!((end[1] - w).abs() + (end[2] - b).abs() < 1e-6);
        }
    }
}
