//! Euclidean clustering as connected components of occupied cells on a bird's-eye grid.
//!
//! Two cells belong together when their centres lie within the link distance. The cells, not the points, are joined,
//! so the cost grows with the area that is covered and not with the density of the points. Components are numbered by
//! their first point: the result depends on the order of the points alone.

use super::points::Point;

const NONE: u32 = u32::MAX;
/// No link reaches over more cells. The grid is so much wider on every side, so that no neighbour lies outside.
const LONGEST_LINK: i32 = 50;

/// Clusters on a square grid around the origin of `base_link`.
pub(super) struct Clusterer {
    cell_m: f32,
    half_cells: i32,
    /// Cell index per grid square, `NONE` where empty.
    grid: Vec<u32>,
    /// Grid square of each occupied cell.
    cells: Vec<u32>,
    /// Union-find over the cells; a root is its own parent and the smallest of its component.
    parent: Vec<u32>,
    /// Cell of each point, `NONE` if it lies outside the grid.
    cell_of_point: Vec<u32>,
    /// Component of each cell.
    component: Vec<u32>,
    order: Vec<u32>,
    starts: Vec<usize>,
    next: Vec<usize>,
}

impl Clusterer {
    /// A grid of squares of `cell_m` that reaches `reach_m` to all sides.
    pub fn new(cell_m: f32, reach_m: f32) -> Self {
        let cell_m = if cell_m.is_finite() { cell_m.clamp(0.05, 5.0) } else { 0.2 };
        let half_cells = (reach_m / cell_m).ceil().clamp(1.0, 2000.0) as i32;
        let side = 2 * (half_cells + LONGEST_LINK) as usize;
        Self {
            cell_m,
            half_cells,
            grid: vec![NONE; side * side],
            cells: Vec::new(),
            parent: Vec::new(),
            cell_of_point: Vec::new(),
            component: Vec::new(),
            order: Vec::new(),
            starts: Vec::new(),
            next: Vec::new(),
        }
    }

    /// Joins points whose cells are linked and returns the clusters, each as rising indices into `points`.
    pub fn cluster(&mut self, points: &[Point], link_m: f32) -> Clusters<'_> {
        self.clear();
        self.occupy(points);
        self.link(link_m);
        self.gather();
        Clusters { clusterer: self }
    }

    /// Forgets the last call. Only the squares that it used are touched.
    fn clear(&mut self) {
        for &square in &self.cells {
            self.grid[square as usize] = NONE;
        }
        self.cells.clear();
        self.cell_of_point.clear();
    }

    /// Squares from one row of the grid to the next.
    fn side(&self) -> i32 {
        2 * (self.half_cells + LONGEST_LINK)
    }

    /// Grid square of a point; `None` outside the reach.
    fn locate(&self, point: &Point) -> Option<u32> {
        let per_m = 1.0 / self.cell_m;
        let (column, row) = (floor(point[0] * per_m), floor(point[1] * per_m));
        let inside = -self.half_cells..self.half_cells;
        let is_inside = inside.contains(&column) && inside.contains(&row);
        let from_edge = self.half_cells + LONGEST_LINK;
        (point[0].is_finite() && point[1].is_finite() && is_inside)
            .then(|| ((row + from_edge) * self.side() + column + from_edge) as u32)
    }

    /// Finds the cell of every point.
    fn occupy(&mut self, points: &[Point]) {
        for point in points {
            let Some(square) = self.locate(point) else {
                self.cell_of_point.push(NONE);
                continue;
            };
            let mut cell = self.grid[square as usize];
            if cell == NONE {
                cell = self.cells.len() as u32;
                self.grid[square as usize] = cell;
                self.cells.push(square);
            }
            self.cell_of_point.push(cell);
        }
    }

    /// Joins every cell with those of the half neighbourhood behind it.
    fn link(&mut self, link_m: f32) {
        let reach = (link_m / self.cell_m).clamp(1.0, LONGEST_LINK as f32);
        let whole = reach as i32;
        let is_linked = |column: i32, row: i32| ((column * column + row * row) as f32) <= reach * reach + 1e-3;
        // The neighbours are runs of squares: of each row behind as many as the link reaches, of the own row those before.
        let runs: Vec<(i32, usize)> = (-whole..=0)
            .map(|row| {
                let half = (0..=whole).rev().find(|&column| is_linked(column, row)).unwrap_or(0);
                (row * self.side() - half, if row == 0 { half } else { 2 * half + 1 } as usize)
            })
            .collect();
        self.parent.clear();
        self.parent.extend(0..self.cells.len() as u32);
        for (index, &square) in self.cells.iter().enumerate() {
            let mut own = root(&mut self.parent, index as u32);
            for (behind, count) in &runs {
                let first = (square as i32 + behind) as usize;
                for &other in &self.grid[first..first + count] {
                    if other != NONE && self.parent[other as usize] != own {
                        own = join(&mut self.parent, own, other);
                    }
                }
            }
        }
    }

    /// Sorts the points by component (counting sort, stable).
    fn gather(&mut self) {
        self.component.clear();
        let mut count = 0;
        for cell in 0..self.cells.len() {
            // A root is the first cell of its component, so its number is known before it is asked for.
            let root = root(&mut self.parent, cell as u32) as usize;
            let component = if root == cell { count } else { self.component[root] };
            count += u32::from(root == cell);
            self.component.push(component);
        }
        self.starts.clear();
        self.starts.resize(count as usize + 1, 0);
        for &cell in self.cell_of_point.iter().filter(|&&cell| cell != NONE) {
            self.starts[self.component[cell as usize] as usize + 1] += 1;
        }
        for i in 1..self.starts.len() {
            self.starts[i] += self.starts[i - 1];
        }
        self.next.clone_from(&self.starts);
        self.order.clear();
        self.order.resize(self.starts.last().copied().unwrap_or(0), 0);
        for (at, &cell) in self.cell_of_point.iter().enumerate().filter(|(_, cell)| **cell != NONE) {
            let slot = &mut self.next[self.component[cell as usize] as usize];
            self.order[*slot] = at as u32;
            *slot += 1;
        }
    }
}

/// The first cell of a component, from any of its cells. Halves the way for the next call.
fn root(parent: &mut [u32], mut cell: u32) -> u32 {
    while parent[cell as usize] != cell {
        let above = parent[parent[cell as usize] as usize];
        parent[cell as usize] = above;
        cell = above;
    }
    cell
}

/// Joins the components of two cells and returns the first cell of both.
fn join(parent: &mut [u32], a: u32, b: u32) -> u32 {
    let (a, b) = (root(parent, a), root(parent, b));
    let first = a.min(b);
    parent[a.max(b) as usize] = first;
    first
}

/// The largest whole number not above a value; values beyond 32 bits come out far outside any grid. (The library's
/// function is a call, unless the processor is known to have the instruction.)
fn floor(value: f32) -> i32 {
    let truncated = value as i32;
    truncated.wrapping_sub(i32::from(truncated as f32 > value))
}

/// The clusters of one call.
pub(super) struct Clusters<'a> {
    clusterer: &'a Clusterer,
}

impl<'a> Clusters<'a> {
    /// Number of clusters.
    pub fn len(&self) -> usize {
        self.clusterer.starts.len().saturating_sub(1)
    }

    /// Indices of the points of each cluster, clusters in the order of their first point.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u32]> + use<'a> {
        let Clusterer { order, starts, .. } = self.clusterer;
        starts.windows(2).map(move |ends| &order[ends[0]..ends[1]])
    }

    /// The cluster that covers the cell of any point, one of the call or not.
    pub fn at(&self, point: &Point) -> Option<usize> {
        let cell = self.clusterer.grid[self.clusterer.locate(point)? as usize];
        self.clusterer.component.get(cell as usize).map(|&component| component as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clusters(points: &[Point], link_m: f32) -> Vec<Vec<u32>> {
        Clusterer::new(0.1, 20.0).cluster(points, link_m).iter().map(<[u32]>::to_vec).collect()
    }

    #[test]
    fn near_points_join_and_far_ones_do_not() {
        let points = [
            [0.05, 0.05, 0.0],
            [5.0, 5.0, 0.0],
            [0.45, 0.05, 1.0],
            [90.0, 0.0, 0.0],
            [f32::NAN, 0.0, 0.0],
            [0.95, 0.05, 0.0],
        ];
        let found = clusters(&points, 0.5);
        assert_eq!(found[0], [0, 2, 5]);
        assert_eq!(found[1], [1]);
        assert_eq!(clusters(&points[..3], 0.3).len(), 3);
    }

    #[test]
    fn a_second_call_knows_nothing_of_the_first() {
        let (a, b) = ([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], [[0.5, 0.0, 0.0], [9.0, 9.0, 0.0]]);
        let mut used = Clusterer::new(0.1, 20.0);
        assert_eq!(used.cluster(&a, 0.6).iter().count(), 2);
        let again: Vec<Vec<u32>> = used.cluster(&b, 0.6).iter().map(<[u32]>::to_vec).collect();
        assert_eq!(again, clusters(&b, 0.6));
    }

    proptest! {
        #[test]
        fn every_point_inside_is_in_one_cluster_and_gaps_are_real(
            points in proptest::collection::vec([-10.0..10.0f32, -10.0..10.0f32, 0.0..2.0f32], 0..60), link in 0.2..2.0f32,
        ) {
            let found = clusters(&points, link);
            let mut all: Vec<u32> = found.iter().flatten().copied().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..points.len() as u32).collect::<Vec<_>>());
            for (i, first) in found.iter().enumerate() {
                prop_assert!(first.windows(2).all(|pair| pair[0] < pair[1]));
                for second in &found[i + 1..] {
                    prop_assert!(first[0] < second[0]);
                    for (&a, &b) in first.iter().flat_map(|a| second.iter().map(move |b| (a, b))) {
                        let (a, b) = (points[a as usize], points[b as usize]);
                        prop_assert!((a[0] - b[0]).hypot(a[1] - b[1]) > link - 0.25);
                    }
                }
            }
        }
    }
}
