//! The ground around the vehicle, from the sweep alone.
//!
//! A polar grid around the lidar holds one height per cell. Each sector is walked outwards from the vehicle, which stands
//! on the ground: the next height is expected on the slope so far, and the lowest points within a window around it are the
//! ground. A cell whose points all lie above the window holds an obstacle, and the ground runs on beneath it. This is the
//! sector-wise view of Himmelsbach, von Hundelshausen and Wuensche, "Fast Segmentation of 3D Point Clouds for Ground
//! Vehicles" (IV 2010), with the walk in place of their line fit, so that sparse lidars need no minimum of points.

use super::points::Columns;

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
/// The cell of points that are too near or too far for the grid.
const OUTSIDE: usize = SECTORS * BINS;

/// Heights of the ground in `base_link`.
#[derive(Default)]
pub(super) struct Ground {
    origin: [f32; 2],
    height: Vec<f32>,
    /// First cell of each point's sector, and its distance from the origin, m.
    sector_of_point: Vec<u32>,
    range_of_point: Vec<f32>,
    cell_of_point: Vec<u32>,
    starts: Vec<u32>,
    by_cell: Vec<f32>,
}

impl Ground {
    /// Learns the ground from all points of a sweep, whose lidar stands at `origin` in the plane of `base_link`.
    pub fn fit(&mut self, points: &Columns, origin: [f32; 2]) {
        self.origin = origin;
        self.locate(points);
        self.sort(&points.z);
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

    /// Height above the ground of one point of the last sweep, m.
    pub fn height_of(&self, points: &Columns, index: usize) -> f32 {
        points.z[index] - self.interpolate(self.sector_of_point[index] as usize, self.range_of_point[index])
    }

    /// Heights above the ground of some points of the last sweep, from point `first` on, m.
    pub fn heights_above(&self, points: &Columns, first: usize, out: &mut [f32]) {
        let part = first..first + out.len();
        let places = self.sector_of_point[part.clone()].iter().zip(&self.range_of_point[part.clone()]);
        for ((height, z), (&start, &range)) in out.iter_mut().zip(&points.z[part]).zip(places) {
            *height = z - self.interpolate(start as usize, range);
        }
    }

    /// Height of the ground, m.
    pub fn height_at(&self, x: f32, y: f32) -> f32 {
        let (start, range) = polar(x - self.origin[0], y - self.origin[1]);
        self.interpolate(start as usize, range)
    }

    /// Height of the ground at a range in the sector whose first cell is `start`, m.
    fn interpolate(&self, start: usize, range: f32) -> f32 {
        let place = (range / BIN_M - 0.5).max(0.0).min((BINS - 1) as f32);
        let bin = (place as usize).min(BINS - 2);
        let Some(&[near, far]) = self.height.get(start + bin..start + bin + 2) else { return 0.0 };
        near + (far - near) * (place - bin as f32)
    }

    /// Finds the cell of every point. One pass without a branch.
    fn locate(&mut self, points: &Columns) {
        self.sector_of_point.resize(points.len(), 0);
        self.range_of_point.resize(points.len(), 0.0);
        self.cell_of_point.resize(points.len(), 0);
        let places = self.sector_of_point.iter_mut().zip(&mut self.range_of_point).zip(&mut self.cell_of_point);
        for ((&x, &y), ((sector, out_range), cell)) in points.x.iter().zip(&points.y).zip(places) {
            let (start, range) = polar(x - self.origin[0], y - self.origin[1]);
            let bin = (range / BIN_M) as i32 as u32;
            let is_inside = (range > NEAREST_M) & (range < BINS as f32 * BIN_M);
            (*sector, *out_range) = (start, range);
            *cell = if is_inside { start + bin } else { OUTSIDE as u32 };
        }
    }

    /// Sorts the heights of the points by cell (counting sort, stable).
    fn sort(&mut self, heights: &[f32]) {
        self.starts.clear();
        self.starts.resize(OUTSIDE + 2, 0);
        for &cell in &self.cell_of_point {
            self.starts[cell as usize + 1] += 1;
        }
        for i in 1..self.starts.len() {
            self.starts[i] += self.starts[i - 1];
        }
        self.by_cell.resize(heights.len(), 0.0);
        // Filled from the back, so that every start moves to its own cell and need not be copied.
        let ends = &mut self.starts[1..];
        for (height, &cell) in heights.iter().zip(&self.cell_of_point).rev() {
            let end = &mut ends[cell as usize];
            *end -= 1;
            self.by_cell[*end as usize] = *height;
        }
        ends.rotate_left(1);
        if let Some(last) = self.starts.last_mut() {
            *last = heights.len() as u32;
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
            let Some(ground) =
                lowest(&self.by_cell[self.starts[cell] as usize..self.starts[cell + 1] as usize], &window)
            else {
                continue;
            };
            slope = ((slope + (ground - height)) / (1.0 + gap)).clamp(-STEEPEST, STEEPEST);
            (height, at) = (ground, here);
            *observed = Some(ground);
        }
    }
}

/// First cell of the sector, and range. The sectors divide the circumference of a diamond, which spares the arc tangent.
fn polar(x: f32, y: f32) -> (u32, f32) {
    let share = y.abs() / (x.abs() + y.abs()).max(1e-6);
    let left = if x >= 0.0 { share } else { 2.0 - share };
    let right = if x >= 0.0 { 4.0 - share } else { 2.0 + share };
    let turn = if y >= 0.0 { left } else { right };
    let sector = ((turn * SECTORS_PER_QUADRANT as f32) as i32).min(SECTORS as i32 - 1) as u32;
    (sector * BINS as u32, (x * x + y * y).sqrt())
}

/// Mean of the lowest points within a window: those at most 0.1 m above the lowest. Without a branch in the loops.
fn lowest(heights: &[f32], window: &std::ops::Range<f32>) -> Option<f32> {
    let bottom = heights.iter().fold(f32::INFINITY, |bottom, &height| {
        let candidate = if height >= window.start { height } else { f32::INFINITY };
        if candidate < bottom { candidate } else { bottom }
    });
    let is_inside = bottom < window.end;
    let top = bottom + 0.1;
    let (mut sum, mut count) = (0.0, 0.0);
    for &height in heights {
        let counts = (height >= window.start) & (height < window.end) & (height <= top);
        sum += if counts { height } else { 0.0 };
        count += if counts { 1.0 } else { 0.0 };
    }
    is_inside.then_some(sum / count)
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
    use super::super::points::Point;
    use super::*;
    use proptest::prelude::*;

    fn height_above(ground: &Ground, point: &Point) -> f32 {
        point[2] - ground.height_at(point[0], point[1])
    }

    fn columns(points: &[Point]) -> Columns {
        let column = |axis: usize| points.iter().map(|point| point[axis]).collect();
        Columns { x: column(0), y: column(1), z: column(2) }
    }

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
                ground.fit(&columns(&points), [0.0, 0.0]);
                let worst = points
                    .iter()
                    .filter(|p| p[0].hypot(p[1]) < 40.0)
                    .map(|p| height_above(&ground, p).abs())
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
        ground.fit(&columns(&points), [0.0, 0.0]);
        assert!((height_above(&ground, &[10.0, 0.0, 1.5]) - 1.5).abs() < 0.15);
        assert!((height_above(&ground, &[14.0, 0.0, 1.5]) - 1.5).abs() < 0.3);
    }

    proptest! {
        #[test]
        fn any_points_give_finite_ground(points in proptest::collection::vec(any::<[f32; 3]>(), 0..50)) {
            let mut ground = Ground::default();
            ground.fit(&columns(&points), [1.0, 0.0]);
            for (x, y) in [(0.0, 0.0), (1e30, -1e30), (30.0, 2.0), (f32::NAN, 1.0)] {
                prop_assert!(ground.height_at(x, y).is_finite());
            }
        }
    }
}
