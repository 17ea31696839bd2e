//! Which places are near another: a grid over the ground, held as a sorted list, so that the cost grows with the number of
//! places and not with its square.

/// Edge of a cell, m. Every reach of a match is at most this long.
pub(super) const CELL_M: f64 = 5.0;

/// Row and column of a cell.
type Cell = (i32, i32);

fn cell([x, y]: [f64; 2]) -> Cell {
    let index = |v: f64| (v / CELL_M).floor().clamp(-1e9, 1e9) as i32;
    (index(y), index(x))
}

/// Indices of places by cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid(Vec<(Cell, u32)>);

impl Grid {
    /// Takes over the places, in their order.
    pub(super) fn fill(&mut self, places: impl Iterator<Item = [f64; 2]>) {
        self.0.clear();
        self.0.extend((0..).zip(places).map(|(index, place)| (cell(place), index)));
        self.0.sort_unstable();
    }

    /// The indices of all places within [`CELL_M`] of this one, and of some that are a little farther away.
    pub(super) fn near(&self, place: [f64; 2]) -> impl Iterator<Item = usize> {
        let (row, column) = cell(place);
        (-1..=1).flat_map(move |offset| {
            let row = row + offset;
            let first = self.0.partition_point(|(cell, _)| *cell < (row, column - 1));
            let last = (row, column + 1);
            self.0[first..].iter().take_while(move |(cell, _)| *cell <= last).map(|(_, index)| *index as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_that_is_near_is_found_once(
            places in prop::collection::vec((-20.0..20.0f64, -20.0..20.0f64), 0..60), x in -20.0..20.0f64, y in -20.0..20.0f64,
        ) {
            let mut grid = Grid::default();
            grid.fill(places.iter().map(|&(x, y)| [x, y]));
            let mut found: Vec<_> = grid.near([x, y]).collect();
            found.sort_unstable();
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            for (index, place) in places.iter().enumerate() {
                if (place.0 - x).hypot(place.1 - y) <= CELL_M {
                    prop_assert!(found.contains(&index));
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_world_are_no_trouble() {
        let mut grid = Grid::default();
        grid.fill([[1e300, -1e300], [0.0, 0.0]].into_iter());
        assert_eq!(grid.near([1e300, -1e300]).collect::<Vec<_>>(), [0]);
        assert_eq!(grid.near([1.0, 1.0]).collect::<Vec<_>>(), [1]);
    }
}
