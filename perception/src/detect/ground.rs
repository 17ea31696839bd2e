//! The ground around the vehicle, from the sweep alone.
//!
//! A polar grid around the lidar holds one height per cell. Each sector is walked outwards from the vehicle, which stands
//! on the ground: the next height is expected on the slope so far, and the lowest points within a window around it are the
//! ground. A cell whose points all lie above the window holds an obstacle, and the ground runs on beneath it. This is the
//! sector-wise view of Himmelsbach, von Hundelshausen and Wuensche, "Fast Segmentation of 3D Point Clouds for Ground
//! Vehicles" (IV 2010), with the walk in place of their line fit, so that sparse lidars need no minimum of points.

use super::points::Point;

const SECTORS_PER_QUADRANT: usize = 32;
const SECTORS: usize = 4 * SECTORS_PER_QUADRANT;
const BINS: usize = 64;
const BIN_M: f32 = 1.0;
/// Points nearer than this are the vehicle's own, m.
const NEAREST_M: f32 = 2.0;
/// Steepest slope of a road, tangent.
const STEEPEST: f32 = 0.2;
/// A gap without ground widens the window no further than after this distance, m.
const LONGEST_GAP_M: f32 = 10.0;
const NONE: u32 = u32::MAX;

/// Heights of the ground in `base_link`.
#[derive(Default)]
pub(super) struct Ground {
    origin: [f32; 2],
    height: Vec<f32>,
    cell_of_point: Vec<u32>,
    starts: Vec<usize>,
    by_cell: Vec<f32>,
}

impl Ground {
    /// Learns the ground from all points of a sweep, whose lidar stands at `origin` in the plane of `base_link`.
    pub fn fit(&mut self, points: &[Point], origin: [f32; 2]) {
        self.origin = origin;
        self.sort(points);
        let mut observed = [None; SECTORS * BINS];
        for sector in 0..SECTORS {
            self.walk(sector, &mut observed[sector * BINS..(sector + 1) * BINS]);
        }
        self.height.clear();
        for sector in 0..SECTORS {
            let column = |side: usize| &observed[side * BINS..(side + 1) * BINS];
            let neighbours = [(sector + SECTORS - 1) % SECTORS, sector, (sector + 1) % SECTORS].map(column);
            let smoothed = std::array::from_fn(|bin| middle(neighbours.map(|column| column[bin])));
            self.height.extend(filled(smoothed));
        }
    }

    /// Height of a point above the ground, m.
    pub fn height_above(&self, point: &Point) -> f32 {
        point[2] - self.height_at(point[0], point[1])
    }

    /// Height of the ground, m.
    pub fn height_at(&self, x: f32, y: f32) -> f32 {
        let (sector, range) = self.polar(x, y);
        let place = (range / BIN_M - 0.5).max(0.0).min((BINS - 1) as f32);
        let bin = (place as usize).min(BINS - 2);
        let Some(&[near, far]) = self.height.get(sector * BINS + bin..sector * BINS + bin + 2) else { return 0.0 };
        near + (far - near) * (place - bin as f32)
    }

    /// Sector and range. The sectors divide the circumference of a diamond, which spares the arc tangent.
    fn polar(&self, x: f32, y: f32) -> (usize, f32) {
        let (x, y) = (x - self.origin[0], y - self.origin[1]);
        let share = y.abs() / (x.abs() + y.abs()).max(1e-6);
        let turn = match (x >= 0.0, y >= 0.0) {
            (true, true) => share,
            (false, true) => 2.0 - share,
            (false, false) => 2.0 + share,
            (true, false) => 4.0 - share,
        };
        let sector = ((turn * SECTORS_PER_QUADRANT as f32) as usize).min(SECTORS - 1);
        (sector, (x * x + y * y).sqrt())
    }

    /// Sorts the heights of the points by cell (counting sort).
    fn sort(&mut self, points: &[Point]) {
        self.starts.clear();
        self.starts.resize(SECTORS * BINS + 1, 0);
        self.cell_of_point.clear();
        for point in points {
            let (sector, range) = self.polar(point[0], point[1]);
            let cell = if range > NEAREST_M && range < BINS as f32 * BIN_M {
                let cell = sector * BINS + (range / BIN_M) as usize;
                self.starts[cell + 1] += 1;
                cell as u32
            } else {
                NONE
            };
            self.cell_of_point.push(cell);
        }
        for i in 1..self.starts.len() {
            self.starts[i] += self.starts[i - 1];
        }
        self.by_cell.clear();
        self.by_cell.resize(self.starts[SECTORS * BINS], 0.0);
        // Filled from the back, so that every start moves to its own cell and need not be copied.
        let ends = &mut self.starts[1..];
        for (point, &cell) in points.iter().zip(&self.cell_of_point).rev() {
            if cell != NONE {
                ends[cell as usize] -= 1;
                self.by_cell[ends[cell as usize]] = point[2];
            }
        }
        ends.rotate_left(1);
        if let Some(last) = self.starts.last_mut() {
            *last = self.by_cell.len();
        }
    }

    fn walk(&self, sector: usize, observed: &mut [Option<f32>]) {
        let (mut height, mut slope, mut at) = (0.0f32, 0.0f32, 0.0f32);
        for (bin, observed) in observed.iter_mut().enumerate() {
            let cell = sector * BINS + bin;
            let here = (bin as f32 + 0.5) * BIN_M;
            let gap = here - at;
            let expected = height + slope * gap.min(2.0 * LONGEST_GAP_M);
            let doubt = gap.min(LONGEST_GAP_M);
            let window = expected - 0.25 - 0.1 * doubt..expected + 0.12 + 0.06 * doubt;
            let Some(ground) = lowest(&self.by_cell[self.starts[cell]..self.starts[cell + 1]], &window) else {
                continue;
            };
            slope = ((slope + (ground - height)) / (1.0 + gap)).clamp(-STEEPEST, STEEPEST);
            (height, at) = (ground, here);
            *observed = Some(ground);
        }
    }
}

/// Mean of the lowest points within a window: those at most 0.1 m above the lowest.
fn lowest(heights: &[f32], window: &std::ops::Range<f32>) -> Option<f32> {
    let inside = || heights.iter().copied().filter(|height| window.contains(height));
    let bottom = inside().min_by(f32::total_cmp)?;
    let (sum, count) = inside().filter(|height| *height <= bottom + 0.1).fold((0.0, 0.0), |(s, n), h| (s + h, n + 1.0));
    Some(sum / count)
}

/// The middle of a cell and its two neighbours, if the cell itself saw ground.
fn middle([left, own, right]: [Option<f32>; 3]) -> Option<f32> {
    match (left, own?, right) {
        (Some(a), own, Some(b)) => Some(own.clamp(a.min(b), a.max(b))),
        (_, own, _) => Some(own),
    }
}

/// Closes the gaps of a sector linearly; before the first ground it is that of the vehicle, behind the last it goes on level.
fn filled(observed: [Option<f32>; BINS]) -> [f32; BINS] {
    let mut heights = [0.0; BINS];
    let (mut last_bin, mut last) = (0, 0.0);
    for (bin, height) in observed.iter().enumerate().filter_map(|(bin, height)| Some((bin, (*height)?))) {
        let steps = (bin - last_bin).max(1) as f32;
        for (step, between) in heights[last_bin..=bin].iter_mut().enumerate() {
            *between = last + (height - last) * step as f32 / steps;
        }
        heights[bin] = height;
        (last_bin, last) = (bin, height);
    }
    heights[last_bin..].fill(last);
    heights
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A lidar 1.7 m above a ground given by `height`, with `beams` beams from -25 to 3 degrees; obstacles are ignored.
    fn sweep(beams: usize, height: impl Fn(f32, f32) -> f32) -> Vec<Point> {
        let mut points = Vec::new();
        for beam in 0..beams {
            let pitch = (-25.0 + 28.0 * beam as f32 / (beams - 1) as f32).to_radians();
            for turn in 0..720 {
                let (sin, cos) = (turn as f32 * 0.5f32.to_radians()).sin_cos();
                let hit = (20..600)
                    .map(|step| step as f32 * 0.1)
                    .find(|&r| 1.7 + r * pitch.tan() <= height(r * cos, r * sin));
                if let Some(r) = hit {
                    points.push([r * cos, r * sin, height(r * cos, r * sin)]);
                }
            }
        }
        points
    }

    #[test]
    fn slopes_and_crests_are_followed_with_16_and_64_beams() {
        let shapes: [fn(f32, f32) -> f32; 4] = [
            |_, _| 0.0,
            |x, _| 0.1 * x,
            |x, y| -0.05 * x + 0.03 * y,
            |x, _| if x > 12.0 { 0.08 * (x - 12.0) } else { 0.0 },
        ];
        for (index, shape) in shapes.into_iter().enumerate() {
            for beams in [16, 64] {
                let points = sweep(beams, shape);
                let mut ground = Ground::default();
                ground.fit(&points, [0.0, 0.0]);
                let worst = points
                    .iter()
                    .filter(|p| p[0].hypot(p[1]) < 40.0)
                    .map(|p| ground.height_above(p).abs())
                    .fold(0.0, f32::max);
                assert!(worst < 0.3, "shape {index}, {beams} beams: {worst}");
            }
        }
    }

    #[test]
    fn a_wall_is_not_ground() {
        let mut points = sweep(64, |_, _| 0.0);
        points.retain(|p| p[0] < 10.0 || p[1].abs() > 5.0);
        for step in 0..100 {
            for level in 0..20 {
                points.push([10.0, -5.0 + 0.1 * step as f32, 0.05 + 0.1 * level as f32]);
            }
        }
        let mut ground = Ground::default();
        ground.fit(&points, [0.0, 0.0]);
        assert!((ground.height_above(&[10.0, 0.0, 1.5]) - 1.5).abs() < 0.15);
        assert!((ground.height_above(&[14.0, 0.0, 1.5]) - 1.5).abs() < 0.3);
    }

    proptest! {
        #[test]
        fn any_points_give_finite_ground(points in proptest::collection::vec(any::<[f32; 3]>(), 0..50)) {
            let mut ground = Ground::default();
            ground.fit(&points, [1.0, 0.0]);
            for (x, y) in [(0.0, 0.0), (1e30, -1e30), (30.0, 2.0), (f32::NAN, 1.0)] {
                prop_assert!(ground.height_at(x, y).is_finite());
            }
        }
    }
}
