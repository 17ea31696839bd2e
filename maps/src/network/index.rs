//! Finds what lies at a place without looking at every lane.

use super::{Lane, LaneId, LaneKind, Roads};

const CELL_M: f64 = 8.0;
/// Cells along one side, at most; a larger network has larger cells.
const MOST_CELLS: f64 = 400.0;

/// What is on the ground at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// Lanes whose surface holds the place.
    pub lanes: Vec<LaneId>,
    /// Crossings that hold it.
    pub crossings: Vec<usize>,
    /// Areas that hold it.
    pub areas: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Surface {
    kind: SurfaceKind,
    low: [f64; 2],
    high: [f64; 2],
    /// Corners in [`Index::corners`].
    first: usize,
    count: usize,
    drivable: bool,
}

#[derive(Clone, Copy, Debug)]
enum SurfaceKind {
    Lane(usize),
    Crossing(usize),
    Area(usize),
}

/// Surfaces sorted into square cells.
#[derive(Clone, Debug)]
pub(super) struct Index {
    origin: [f64; 2],
    high: [f64; 2],
    cell_m: f64,
    columns: usize,
    rows: usize,
    /// Surfaces of each cell.
    cells: Vec<Vec<u32>>,
    surfaces: Vec<Surface>,
    corners: Vec<[f64; 2]>,
}

impl Index {
    pub fn new(roads: &Roads) -> Self {
        let mut surfaces = Vec::new();
        let mut corners = Vec::new();
        let mut add = |kind, drivable, outline: &[[f64; 2]]| {
            let (low, high) = bounds(outline);
            surfaces.push(Surface { kind, low, high, first: corners.len(), count: outline.len(), drivable });
            corners.extend_from_slice(outline);
        };
        for (i, lane) in roads.lanes.iter().enumerate() {
            for outline in pieces(lane) {
                add(SurfaceKind::Lane(i), lane.kind.is_drivable(), &outline);
            }
        }
        for (i, crossing) in roads.crossings.iter().enumerate() {
            add(SurfaceKind::Crossing(i), false, &crossing.outline());
        }
        for (i, area) in roads.areas.iter().enumerate() {
            add(SurfaceKind::Area(i), true, &area.outline);
        }
        let (origin, high) = bounds(&corners);
        let extent = (high[0] - origin[0]).max(high[1] - origin[1]).max(1.0);
        let cell_m = CELL_M.max(extent / MOST_CELLS);
        let count = |axis: usize| ((high[axis] - origin[axis]).max(0.0) / cell_m) as usize + 1;
        let (columns, rows) = (count(0), count(1));
        let mut index =
            Self { origin, high, cell_m, columns, rows, cells: vec![Vec::new(); columns * rows], surfaces, corners };
        for i in 0..index.surfaces.len() {
            let surface = index.surfaces[i];
            let ([left, low], [right, high]) = (index.cell_of(surface.low), index.cell_of(surface.high));
            for row in low..=high {
                for column in left..=right {
                    index.cells[row * columns + column].push(i as u32);
                }
            }
        }
        index
    }

    pub fn bounds(&self) -> [[f64; 2]; 2] {
        [self.origin, self.high]
    }

    fn cell_of(&self, p: [f64; 2]) -> [usize; 2] {
        let place = |axis: usize, count: usize| {
            (((p[axis] - self.origin[axis]) / self.cell_m).max(0.0) as usize).min(count - 1)
        };
        [place(0, self.columns), place(1, self.rows)]
    }

    /// The surfaces that hold a place, in rising index.
    fn at(&self, x: f64, y: f64) -> impl Iterator<Item = &Surface> {
        let inside = x >= self.origin[0] && y >= self.origin[1] && x <= self.high[0] && y <= self.high[1];
        let [column, row] = self.cell_of([x, y]);
        let cell: &[u32] = if inside { &self.cells[row * self.columns + column] } else { &[] };
        cell.iter().map(|i| &self.surfaces[*i as usize]).filter(move |surface| {
            x >= surface.low[0]
                && y >= surface.low[1]
                && x <= surface.high[0]
                && y <= surface.high[1]
                && contains(&self.corners[surface.first..surface.first + surface.count], x, y)
        })
    }

    pub fn ground(&self, x: f64, y: f64) -> Ground {
        let mut ground = Ground::default();
        for surface in self.at(x, y) {
            let (list, i) = match surface.kind {
                SurfaceKind::Lane(i) => (&mut ground.lanes, i),
                SurfaceKind::Crossing(i) => (&mut ground.crossings, i),
                SurfaceKind::Area(i) => (&mut ground.areas, i),
            };
            if list.last() != Some(&i) {
                list.push(i);
            }
        }
        ground
    }

    pub fn is_drivable(&self, x: f64, y: f64) -> bool {
        self.at(x, y).any(|surface| surface.drivable)
    }
}

/// A long lane as several outlines of about 20 m, so that each lies in few cells.
fn pieces(lane: &Lane) -> Vec<Vec<[f64; 2]>> {
    let count = (lane.center.length_m() / 20.0).ceil().clamp(1.0, 1e6);
    let (left, right) = (lane.left.length_m(), lane.right.length_m());
    let piece = |i: usize| {
        let share = |k: usize, length: f64| length * (k as f64 / count);
        let right = lane.right.part(share(i, right), share(i + 1, right));
        let left = lane.left.part(share(i, left), share(i + 1, left));
        let mut outline: Vec<[f64; 2]> = right.map(|line| line.points().to_vec()).unwrap_or_default();
        outline.extend(left.iter().flat_map(|line| line.points().iter().rev()));
        outline
    };
    (0..count as usize).map(piece).collect()
}

fn bounds(points: &[[f64; 2]]) -> ([f64; 2], [f64; 2]) {
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for p in points {
        for axis in 0..2 {
            low[axis] = low[axis].min(p[axis]);
            high[axis] = high[axis].max(p[axis]);
        }
    }
    if points.is_empty() { ([0.0; 2], [0.0; 2]) } else { (low, high) }
}

/// Whether a polygon holds a point (even-odd rule; Shimrat, 1962).
pub(crate) fn contains(outline: &[[f64; 2]], x: f64, y: f64) -> bool {
    let mut inside = false;
    let mut j = outline.len().wrapping_sub(1);
    for i in 0..outline.len() {
        let (a, b) = (outline[i], outline[j]);
        if (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
        j = i;
    }
    inside
}

impl Roads {
    /// The first lane of a kind in a list of lanes.
    #[must_use]
    pub fn first_of(&self, lanes: &[LaneId], kind: LaneKind) -> Option<LaneId> {
        lanes.iter().copied().find(|lane| self.lanes[*lane].kind == kind)
    }
}
