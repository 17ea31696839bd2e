//! Patterns that repeat: white noise, clouds, cracks. Each is kept at every coarseness, so that what is far does not flicker
//! (Williams, 1983). They are the same for all seeds; a seed only chooses where in them to begin.

use crate::random::cell_noise;
use std::sync::OnceLock;

/// Texels of a pattern in each direction.
const SIZE: usize = 256;

/// What a place of the pattern holds: white noise 0..1, soft patches 0..1, cracks (0, and 1 along thin broken lines), other patches.
pub type Texel = [f32; 4];

/// Four square patterns.
#[derive(Clone, Debug)]
pub struct Grain {
    /// All levels one after the other, from the finest to one texel. A texel is four numbers of 8 bits, each in 16 bits of its
    /// own: all four are blended at once.
    texels: Vec<u64>,
    /// The first two numbers of the texels, each alone: small enough to stay in the cache.
    planes: [Vec<u8>; 2],
}

/// Levels from the finest to one texel.
const LEVELS: usize = SIZE.ilog2() as usize + 1;
/// Where each level begins.
const STARTS: [usize; LEVELS] = starts();

const fn starts() -> [usize; LEVELS] {
    let (mut starts, mut level) = ([0; LEVELS], 1);
    while level < LEVELS {
        starts[level] = starts[level - 1] + (SIZE >> (level - 1)) * (SIZE >> (level - 1));
        level += 1;
    }
    starts
}

/// Four neighbours in a pattern, upper left first, and the place between them in 256 steps.
struct Corner {
    places: [usize; 4],
    right: u32,
    down: u32,
}

impl Corner {
    #[inline(always)]
    fn new(x: f32, y: f32, span: f32) -> Self {
        Self::fixed([fixed(x), fixed(y)], level(span))
    }

    /// At a place in 256 steps of a texel of the finest level.
    #[inline(always)]
    fn fixed(place: [i32; 2], level: u32) -> Self {
        let [x, y] = place.map(|v| v >> level);
        let (size, start) = (SIZE >> level, STARTS[level as usize]);
        let mask = size - 1;
        let (left, top) = ((x >> 8) as usize & mask, start + ((y >> 8) as usize & mask) * size);
        let (right, bottom) = ((left + 1) & mask, start + (((y >> 8) + 1) as usize & mask) * size);
        let places = [top + left, top + right, bottom + left, bottom + right];
        Self { places, right: x as u32 & 0xFF, down: y as u32 & 0xFF }
    }
}

/// A place in texels as 256 steps of one.
#[inline(always)]
pub fn fixed(texels: f32) -> i32 {
    (texels * 256.0) as i32
}

/// The level at which a pixel of an extent in texels holds one or two.
#[inline(always)]
pub fn level(span: f32) -> u32 {
    // The exponent of the number is the whole part of its logarithm.
    ((span.max(1.0).to_bits() >> 23) - 127).min(LEVELS as u32 - 1)
}

impl Grain {
    fn new(value: impl Fn(usize, usize) -> Texel) -> Self {
        let mut finer = (0..SIZE * SIZE).map(|i| value(i % SIZE, i / SIZE)).collect::<Vec<Texel>>();
        let (mut texels, mut size) = (packed(&finer), SIZE);
        while size > 1 {
            let at = |x: usize, y: usize| finer[y * size + x];
            let half = size / 2;
            let coarser = (0..half * half).map(|i| {
                let (x, y) = (2 * (i % half), 2 * (i / half));
                let [a, b, c, d] = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)];
                std::array::from_fn(|lane| 0.25 * (a[lane] + b[lane] + c[lane] + d[lane]))
            });
            finer = coarser.collect();
            texels.extend(packed(&finer));
            size = half;
        }
        let plane = |lane: usize| texels.iter().map(|texel| (texel >> (16 * lane)) as u8).collect();
        Self { planes: [plane(0), plane(1)], texels }
    }

    /// The patterns at a place, both in texels; `span` is the extent of a pixel there, in texels.
    #[inline(always)]
    pub fn at(&self, x: f32, y: f32, span: f32) -> Texel {
        self.all(Corner::new(x, y, span))
    }

    /// The same at a place of [`fixed`] numbers and a [`level`].
    #[inline(always)]
    pub fn at_fixed(&self, place: [i32; 2], level: u32) -> Texel {
        self.all(Corner::fixed(place, level))
    }

    /// One of the first two patterns alone, as [`Grain::at`] gives it.
    #[inline(always)]
    pub fn one(&self, plane: usize, x: f32, y: f32, span: f32) -> f32 {
        self.single(plane, Corner::new(x, y, span))
    }

    /// The same at a place of [`fixed`] numbers and a [`level`].
    #[inline(always)]
    pub fn one_fixed(&self, plane: usize, place: [i32; 2], level: u32) -> f32 {
        self.single(plane, Corner::fixed(place, level))
    }

    #[inline(always)]
    fn all(&self, corner: Corner) -> Texel {
        let Corner { places: [a, b, c, d], right, down } = corner;
        let blend = |a: u64, b: u64, weight: u32| a * u64::from(256 - weight) + b * u64::from(weight);
        let upper = (blend(self.texels[a], self.texels[b], right) >> 8) & LANES;
        let lower = (blend(self.texels[c], self.texels[d], right) >> 8) & LANES;
        let sum = blend(upper, lower, down);
        const STEP: f32 = 1.0 / (255.0 * 256.0);
        let lane = |index: u32| f32::from((sum >> (16 * index)) as u16) * STEP;
        [lane(0), lane(1), lane(2), lane(3)]
    }

    #[inline(always)]
    fn single(&self, plane: usize, corner: Corner) -> f32 {
        let Corner { places, right, down } = corner;
        let values = &self.planes[plane];
        let [a, b, c, d] = places.map(|place| u32::from(values[place]));
        let (upper, lower) = (a * (256 - right) + b * right, c * (256 - right) + d * right);
        (upper * (256 - down) + lower * down) as i32 as f32 * (1.0 / (255.0 * 65536.0))
    }
}

/// The lower 8 of each 16 bits.
const LANES: u64 = 0x00FF_00FF_00FF_00FF;

fn packed(texels: &[Texel]) -> Vec<u64> {
    let pack = |texel: &Texel| {
        let lane = |(index, value): (usize, &f32)| ((value.clamp(0.0, 1.0) * 255.0).round() as u64) << (16 * index);
        texel.iter().enumerate().map(lane).sum()
    };
    texels.iter().map(pack).collect()
}

/// The greatest whole number that is not greater.
pub fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(whole as f32 > x)
}

/// What is left of a number beyond whole multiples of a period.
pub fn beyond(x: f32, period: f32) -> f32 {
    let share = x / period;
    (share - floor(share) as f32) * period
}

/// A fixed number in [0, 1) for each cell of the plane, of a few multiplications.
pub fn cell(x: i32, y: i32) -> f32 {
    let mut z = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    z = (z ^ (z >> 15)).wrapping_mul(0x2C1B_3C6D);
    z = (z ^ (z >> 12)).wrapping_mul(0x297A_2D39);
    ((z ^ (z >> 15)) >> 8) as f32 / (1 << 24) as f32
}

/// The patterns; made once.
pub fn grain() -> &'static Grain {
    static GRAIN: OnceLock<Grain> = OnceLock::new();
    GRAIN.get_or_init(|| {
        Grain::new(|x, y| {
            let white = cell_noise(x as f64, y as f64);
            [white, cloud(x, y, 0.0), crack(x as f64, y as f64), cloud(x, y, 5e4)].map(|v| v as f32)
        })
    })
}

/// Five octaves of smooth noise that repeat after the pattern's size.
fn cloud(x: usize, y: usize, shift: f64) -> f64 {
    let (mut sum, mut weight, mut cells) = (0.0, 0.5, 4.0);
    for octave in 0..5 {
        let scale = cells / SIZE as f64;
        sum += weight * repeating(x as f64 * scale, y as f64 * scale, cells, shift + f64::from(octave) * 1000.0);
        (weight, cells) = (0.5 * weight, 2.0 * cells);
    }
    (0.5 + 1.25 * (sum - 0.484)).clamp(0.0, 1.0)
}

fn repeating(x: f64, y: f64, cells: f64, shift: f64) -> f64 {
    let (u, v) = (x - x.floor(), y - y.floor());
    let (u, v) = (u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v));
    let at = |dx: f64, dy: f64| {
        cell_noise((x.floor() + dx).rem_euclid(cells) + shift, (y.floor() + dy).rem_euclid(cells) + 0.5)
    };
    (at(0.0, 0.0) * (1.0 - u) + at(1.0, 0.0) * u) * (1.0 - v) + (at(0.0, 1.0) * (1.0 - u) + at(1.0, 1.0) * u) * v
}

/// Borders between cells around scattered points (Worley, 1996), where a second noise lets them show.
fn crack(x: f64, y: f64) -> f64 {
    const CELLS: f64 = 6.0;
    let size = SIZE as f64;
    let bend = |shift: f64| repeating(x * 16.0 / size, y * 16.0 / size, 16.0, shift) - 0.5;
    let (u, v) = ((x + 14.0 * bend(77.0)) * CELLS / size, (y + 14.0 * bend(177.0)) * CELLS / size);
    let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
    for dy in -1..=1 {
        for dx in -1..=1 {
            let (cx, cy) = (u.floor() + f64::from(dx), v.floor() + f64::from(dy));
            let (kx, ky) = (cx.rem_euclid(CELLS), cy.rem_euclid(CELLS));
            let (px, py) = (cx + cell_noise(kx + 300.0, ky), cy + cell_noise(kx, ky + 300.0));
            let distance = (px - u).hypot(py - v);
            (first, second) = if distance < first { (distance, first) } else { (first, second.min(distance)) };
        }
    }
    let line = (1.0 - (second - first) * size / CELLS / 1.6).clamp(0.0, 1.0);
    let shows = repeating(x * 8.0 / size, y * 8.0 / size, 8.0, 500.0);
    line * ((shows - 0.45) * 6.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_repeat_and_keep_their_mean() {
        let (here, there) = (grain().at(3.3, 7.1, 1.0), grain().at(3.3 + 256.0, 7.1 - 256.0, 1.0));
        let mean = grain().at(0.0, 0.0, 1e9);
        for lane in 0..4 {
            assert!((here[lane] - there[lane]).abs() < 0.01);
        }
        assert!((mean[0] - 0.5).abs() < 0.01 && (mean[1] - 0.5).abs() < 0.1 && mean[2] < 0.1, "{mean:?}");
        assert_eq!(grain().texels.len(), STARTS[8] + 1);
    }

    proptest! {
        #[test]
        fn patterns_are_continuous(x in -500.0..500.0f32, y in -500.0..500.0f32) {
            let grain = grain();
            prop_assert!((grain.at(x, y, 1.0)[0] - grain.at(x + 1e-3, y, 1.0)[0]).abs() < 0.02);
            for span in [0.3, 1.7, 40.0, 1e6] {
                let [first, second, ..] = grain.at(x, y, span);
                prop_assert!((grain.one(0, x, y, span) - first).abs() < 0.005);
                prop_assert!((grain.one(1, x, y, span) - second).abs() < 0.005);
            }
            prop_assert_eq!(floor(x), x.floor() as i32);
            prop_assert!((0.0..=0.7).contains(&beyond(x, 0.7)));
        }
    }
}
