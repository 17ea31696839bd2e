//! Directions to pixels: quick for nearly all points, and always the pixel that the formula gives.
//!
//! [`Lens::exact`] is the formula of the paper, with its two angles in double precision by our own steps, so that every machine and every
//! device gives the same bits; they take most of the time of a projection. [`Lens::quick`] replaces them by polynomials without a branch, which the compiler turns into
//! vector instructions, and answers only where its image coordinates lie farther from the edges of their pixel than any
//! error could carry them. The few points that are left take the formula, so the result is that of the formula, bit for bit.
//!
//! Where the bound comes from, in radians of the angle, each rounding at most half a unit in the last place (2^-24, relative):
//! - yaw: polynomial 2e-8 (Abramowitz and Stegun, 4.4.49), nine roundings of numbers below 0.8 that shrink from step to
//!   step 2e-7, the turn to the right quadrant 3e-7, the rounding of the formula's angle 2.4e-7: below 8e-7, or 1.3e-7 of a turn.
//! - pitch: polynomial and its roundings 2.5e-7 relative (S. Moshier, Cephes, `asinf`), the rounding of the formula's angle 1e-7.
//! - from angle to image coordinate: both ways round at most five times, each time 6e-8 of the image's size or, for the pitch,
//!   of the angles over the field of view.
//!
//! [`COLUMN_ERROR`] and [`ROW_ERROR`] hold that sum; a test measures it. The margin is [`SAFETY`] times as wide.

use super::NONE;
use crate::ProjectionSpec;
use std::f32::consts::{FRAC_1_PI, FRAC_PI_2, PI};

/// The quick way cannot tell: the formula decides.
pub(super) const UNDECIDED: u32 = NONE - 1;

/// Bound on the distance of quick and exact column, as a share of all columns.
const COLUMN_ERROR: f32 = 5e-7;
/// Bound on the distance of quick and exact row, as a share of all rows and radian of pitch over the field of view.
const ROW_ERROR: f32 = 1e-6;
/// The margin at a pixel's edge is so many times the bound.
const SAFETY: f32 = 10.0;
/// The quick arc sine holds up to here: 30 degrees.
const STEEPEST_SINE: f32 = 0.5;
/// Added to a small number, it leaves the number's nearest integer in the last bits.
const ROUND: f32 = 12_582_912.0;

/// The map from directions to pixels, with what a sweep needs of it computed once.
pub(crate) struct Lens {
    pub rows: usize,
    pub columns: usize,
    pub down: f32,
    pub fov: f32,
    /// Quick row = `row_at_level - pitch * rows_per_radian`.
    pub row_at_level: f32,
    pub rows_per_radian: f32,
    /// Largest distances from a pixel's centre at which the quick way is sure.
    pub column_reach: f32,
    pub row_reach: f32,
}

impl Lens {
    pub fn new(spec: &ProjectionSpec) -> Self {
        let down = spec.fov_down_deg.to_radians();
        let fov = (spec.fov_up_deg - spec.fov_down_deg).to_radians();
        let (rows, columns) = (spec.rows as f32, spec.columns as f32);
        let row_error = ROW_ERROR * rows * (1.0 + (1.0 + down.abs()) / fov.abs());
        Self {
            rows: spec.rows,
            columns: spec.columns,
            down,
            fov,
            row_at_level: rows * (1.0 + down / fov),
            rows_per_radian: rows / fov,
            column_reach: 0.5 - SAFETY * COLUMN_ERROR * columns,
            row_reach: 0.5 - SAFETY * row_error,
        }
    }

    /// Ranges and pixels of points: [`NONE`] for what is no return, [`UNDECIDED`] where only the formula can tell. All slices
    /// are equally long.
    pub fn quick(&self, [x, y, z]: [&[f32]; 3], ranges: &mut [f32], pixels: &mut [u32]) {
        let points = x.iter().zip(y).zip(z);
        for ((((&x, &y), &z), range), pixel) in points.zip(ranges).zip(pixels) {
            *range = (x * x + y * y + z * z).sqrt();
            let sine = z / *range;
            let (column, is_sure_column) = centred(self.quick_column(x, y), self.columns as f32, self.column_reach);
            let (row, is_sure_row) = centred(self.quick_row(sine), self.rows as f32, self.row_reach);
            let is_sure = is_sure_column & is_sure_row & (sine.abs() <= STEEPEST_SINE);
            let decided = row.wrapping_mul(self.columns as u32).wrapping_add(column);
            let known = if is_sure { decided } else { UNDECIDED };
            *pixel = if (*range > 0.0) & (*range < f32::INFINITY) { known } else { NONE };
        }
    }

    /// The pixel of a point at a range that is above zero and finite, by the formula.
    pub fn exact(&self, [x, y, z]: [f32; 3], range: f32) -> u32 {
        let (u, v) = (self.exact_column(x, y), self.exact_row(z / range));
        // A cast rounds toward zero and stops at zero: the floor of every number that is not below the image.
        let (column, row) =
            ((u as usize).min(self.columns.saturating_sub(1)), (v as usize).min(self.rows.saturating_sub(1)));
        (row * self.columns + column) as u32
    }

    fn exact_column(&self, x: f32, y: f32) -> f32 {
        0.5 * (-(angle(f64::from(y), f64::from(x)) as f32) / PI + 1.0) * self.columns as f32
    }

    fn exact_row(&self, sine: f32) -> f32 {
        let sine = f64::from(sine);
        let pitch = angle(sine, ((1.0 - sine) * (1.0 + sine)).sqrt()) as f32;
        (1.0 - (pitch - self.down) / self.fov) * self.rows as f32
    }

    fn quick_column(&self, x: f32, y: f32) -> f32 {
        let (wide, high) = (x.abs(), y.abs());
        let is_steep = wide < high;
        let (small, large) = if is_steep { (wide, high) } else { (high, wide) };
        let octant = arc_tangent(small / large);
        let quadrant = if is_steep { FRAC_PI_2 - octant } else { octant };
        let half = if x < 0.0 { PI - quadrant } else { quadrant };
        (0.5 - half.copysign(y) * (0.5 * FRAC_1_PI)) * self.columns as f32
    }

    fn quick_row(&self, sine: f32) -> f32 {
        self.row_at_level - arc_sine(sine) * self.rows_per_radian
    }
}

/// The pixel of `count` in a line that holds an image coordinate, and whether the coordinate lies within `reach` of the
/// pixel's centre. Beyond the centres of the first and last pixel nothing can be wrong. Not a number is never sure.
fn centred(coordinate: f32, count: f32, reach: f32) -> (u32, bool) {
    let inside = if coordinate < 0.5 { 0.5 } else { coordinate };
    let inside = if inside > count - 0.5 { count - 0.5 } else { inside };
    let from_first = inside - 0.5;
    let rounded = from_first + ROUND;
    let index = rounded.to_bits().wrapping_sub(ROUND.to_bits());
    (index, (from_first - (rounded - ROUND)).abs() < reach)
}

/// The angle of a direction in -pi..pi, to 1e-15: as `atan2`, but made of steps whose bits are the same on every machine and device. The series
/// is that of FreeBSD's `s_atan.c` (Sun Microsystems, 1993).
fn angle(y: f64, x: f64) -> f64 {
    const SERIES: [f64; 11] = [
        1.628_582_011_536_578_2e-2,
        -3.653_157_274_421_691_6e-2,
        4.976_877_994_615_932_4e-2,
        -5.833_570_133_790_573_5e-2,
        6.661_073_137_387_531e-2,
        -7.691_876_205_044_83e-2,
        9.090_887_133_436_507e-2,
        -1.111_111_040_546_235_6e-1,
        1.428_571_427_250_346_6e-1,
        -1.999_999_999_987_648_3e-1,
        3.333_333_333_333_293e-1,
    ];
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};
    let (wide, high) = (x.abs(), y.abs());
    let is_steep = wide < high;
    let (small, large) = if is_steep { (wide, high) } else { (high, wide) };
    let tangent = if large > 0.0 { small / large } else { large };
    let (start, rest) =
        if tangent > 0.414_213_562_373_095 { (FRAC_PI_4, (tangent - 1.0) / (tangent + 1.0)) } else { (0.0, tangent) };
    let square = rest * rest;
    let sum = SERIES.iter().fold(0.0, |sum, term| sum * square + term);
    let octant = start + (rest - rest * square * sum);
    let quadrant = if is_steep { FRAC_PI_2 - octant } else { octant };
    let half = if x.is_sign_negative() { PI - quadrant } else { quadrant };
    half.copysign(y)
}

/// Arc tangent of 0..1 to 2e-8: Abramowitz and Stegun, "Handbook of Mathematical Functions", 4.4.49.
fn arc_tangent(tangent: f32) -> f32 {
    const SERIES: [f32; 8] =
        [-0.016_165_737, 0.042_909_614, -0.075_289_64, 0.106_562_64, -0.142_089, 0.199_935_51, -0.333_331_45, 1.0];
    let square = tangent * tangent;
    tangent * SERIES.iter().fold(0.002_866_225_7, |sum, term| sum * square + term)
}

/// Arc sine of -0.5..0.5 to 2.5e-7 of its value: S. Moshier, Cephes Mathematical Library, `asinf`.
fn arc_sine(sine: f32) -> f32 {
    const SERIES: [f32; 4] = [0.024_181_312, 0.045_470_026, 0.074_953_004, 0.166_667_52];
    let square = sine * sine;
    sine + sine * square * SERIES.iter().fold(0.042_163_2, |sum, term| sum * square + term)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: ProjectionSpec =
        ProjectionSpec { fov_up_deg: 3.0, fov_down_deg: -25.0, rows: 64, columns: 2048, trust_distance_m: 0.5 };

    /// Equally distributed numbers in -1..1, always the same ones (xorshift, Marsaglia 2003).
    fn noise() -> impl FnMut() -> f32 {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        }
    }

    /// How many of the points the quick way leaves, after a look at the others.
    fn left_over(spec: &ProjectionSpec, points: &[[f32; 3]]) -> usize {
        let lens = Lens::new(spec);
        let column = |axis: usize| points.iter().map(|point| point[axis]).collect::<Vec<f32>>();
        let (mut ranges, mut pixels) = (vec![0.0; points.len()], vec![0; points.len()]);
        lens.quick([&column(0), &column(1), &column(2)], &mut ranges, &mut pixels);
        for ((point, &range), &pixel) in points.iter().zip(&ranges).zip(&pixels) {
            let [x, y, z] = *point;
            assert_eq!(range.to_bits(), (x * x + y * y + z * z).sqrt().to_bits());
            assert_eq!(pixel == NONE, !(range > 0.0 && range.is_finite()), "{point:?}");
            assert!(pixel >= UNDECIDED || pixel == lens.exact(*point, range), "{point:?} of {spec:?}");
        }
        pixels.iter().filter(|&&pixel| pixel == UNDECIDED).count()
    }

    #[test]
    fn the_angle_is_that_of_the_systems_library() {
        let mut noise = noise();
        for _ in 0..1_000_000 {
            let (x, y) = (f64::from(noise()), f64::from(noise()).powi(5));
            assert!((angle(y, x) - y.atan2(x)).abs() <= 1e-15, "{y} {x}");
        }
        for (y, x) in
            [(0.0, 1.0), (0.0, -1.0), (-0.0, -1.0), (0.0, 0.0), (1.0, 0.0), (-1.0, -0.0), (0.0, -0.0), (1.0, 1.0)]
        {
            assert!((angle(y, x) - f64::atan2(y, x)).abs() <= 1e-15, "{y} {x}");
        }
        assert!(angle(f64::NAN, 1.0).is_nan() && angle(1.0, f64::NAN).is_nan());
    }

    #[test]
    fn the_error_stays_within_its_bound() {
        let (lens, mut noise) = (Lens::new(&SPEC), noise());
        let (mut column, mut row) = (0.0f32, 0.0f32);
        for _ in 0..4_000_000 {
            let [x, y, sine] = [noise(), noise(), 0.5 * noise()];
            column = column.max((lens.quick_column(x, y) - lens.exact_column(x, y)).abs());
            row = row.max((lens.quick_row(sine) - lens.exact_row(sine)).abs());
        }
        println!("largest error: {column} columns, {row} rows");
        assert!(column > 0.0 && column < COLUMN_ERROR * 2048.0, "{column}");
        assert!(row > 0.0 && row < ROW_ERROR * 64.0 * (1.0 + (1.0 + lens.down.abs()) / lens.fov), "{row}");
    }

    #[test]
    fn both_ways_agree_on_millions_of_points() {
        let mut noise = noise();
        let cube: Vec<[f32; 3]> = (0..2_000_000).map(|_| [80.0 * noise(), 80.0 * noise(), 20.0 * noise()]).collect();
        assert!(left_over(&SPEC, &cube) < 400_000);
        // As a lidar sees it: within the field of view.
        let seen: Vec<[f32; 3]> =
            cube.iter().map(|[x, y, z]| [*x, *y, x.hypot(*y) * (z / 20.0 - 0.75) * 0.25]).collect();
        assert!(left_over(&SPEC, &seen) < 80_000, "few points may be left to the formula");
        let narrow = ProjectionSpec { fov_up_deg: 0.2, fov_down_deg: -0.1, rows: 128, columns: 100_000, ..SPEC };
        let tall = ProjectionSpec { fov_up_deg: 90.0, fov_down_deg: -90.0, rows: 1, columns: 1, ..SPEC };
        let upside_down = ProjectionSpec { fov_up_deg: -20.0, fov_down_deg: 20.0, rows: 40, columns: 333, ..SPEC };
        for spec in [narrow, tall, upside_down] {
            left_over(&spec, &seen[..300_000]);
        }
    }

    #[test]
    fn both_ways_agree_on_the_edges_of_pixels() {
        let mut points = Vec::new();
        for column in 0..=2048 {
            let yaw = PI - column as f32 * (2.0 * PI / 2048.0);
            for row in 0..=64 {
                let pitch = (3.0 - 28.0 * row as f32 / 64.0).to_radians();
                let (x, y, z) = (yaw.cos() * pitch.cos(), yaw.sin() * pitch.cos(), pitch.sin());
                let nearly = |value: f32, step: u32| f32::from_bits(value.to_bits().wrapping_add(step));
                for step in [0, 1, 7, u32::MAX, 1000, u32::MAX - 1000] {
                    points.push([x, nearly(y, step), z].map(|value| 9.0 * value));
                    points.push([x, y, nearly(z, step)].map(|value| 9.0 * value));
                }
            }
        }
        assert!(left_over(&SPEC, &points) > points.len() / 4, "edges are left to the formula");
    }

    #[test]
    fn both_ways_agree_on_odd_points() {
        const ODD: [f32; 14] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            1e-20,
            -1e-20,
            3e-23,
            -1e-39,
            1e18,
            -1e19,
            1e30,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
        ];
        let at = |index: usize| [ODD[index % 14], ODD[index / 14 % 14], ODD[index / 196]];
        left_over(&SPEC, &(0..14 * 14 * 14).map(at).collect::<Vec<_>>());
    }
}
