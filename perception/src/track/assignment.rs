//! The cheapest one-to-one assignment between tracks and measurements, exact and independent of the order of the pairs.

/// A possible pair and its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) track: usize,
    pub(super) measurement: usize,
    pub(super) cost: f64,
}

/// Working memory and the result. Memory that has grown is kept, so that a frame like earlier ones allocates nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Assignment {
    parent: Vec<usize>,
    members: Vec<(usize, Pair)>,
    component: Component,
    /// The measurement of each track.
    pub(super) of_track: Vec<Option<usize>>,
}

impl Assignment {
    /// Finds the set of pairs whose costs, each less `skip`, have the smallest sum: a pair that costs more than `skip` is
    /// better left out. Pairs that share no track and no measurement, even through others, are solved apart.
    pub(super) fn solve(&mut self, tracks: usize, measurements: usize, pairs: &[Pair], skip: f64) {
        self.of_track.clear();
        self.of_track.resize(tracks, None);
        self.parent.clear();
        self.parent.extend(0..tracks + measurements);
        for pair in pairs {
            let (a, b) = (self.root(pair.track), self.root(tracks + pair.measurement));
            self.parent[a.max(b)] = a.min(b);
        }
        self.members.clear();
        for pair in pairs {
            let root = self.root(pair.track);
            self.members.push((root, *pair));
        }
        self.members.sort_unstable_by_key(|(root, pair)| (*root, pair.track, pair.measurement));
        for members in self.members.chunk_by(|(a, _), (b, _)| a == b) {
            if let [(_, pair)] = members {
                self.of_track[pair.track] = (pair.cost < skip).then_some(pair.measurement);
            } else {
                self.component.solve(members, skip, &mut self.of_track);
            }
        }
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }
}

/// Tracks and measurements that are tied to each other by possible pairs.
#[derive(Clone, Debug, Default)]
struct Component {
    rows: Vec<usize>,
    columns: Vec<usize>,
    costs: Vec<f64>,
    hungarian: Hungarian,
}

impl Component {
    /// `members` are sorted by track.
    fn solve(&mut self, members: &[(usize, Pair)], skip: f64, of_track: &mut [Option<usize>]) {
        let Self { rows, columns, costs, hungarian } = self;
        rows.clear();
        rows.extend(members.iter().map(|(_, pair)| pair.track));
        rows.dedup();
        columns.clear();
        columns.extend(members.iter().map(|(_, pair)| pair.measurement));
        columns.sort_unstable();
        columns.dedup();
        // Each row has a column of its own that stands for "no measurement".
        let width = columns.len() + rows.len();
        costs.clear();
        costs.resize(rows.len() * width, f64::INFINITY);
        for (_, pair) in members {
            let row = rows.partition_point(|&track| track < pair.track);
            let column = columns.partition_point(|&measurement| measurement < pair.measurement);
            costs[row * width + column] = pair.cost;
        }
        for row in 0..rows.len() {
            costs[row * width + columns.len() + row] = skip;
        }
        hungarian.solve(costs, rows.len(), width);
        for (&track, &column) in rows.iter().zip(&hungarian.column_of) {
            of_track[track] = columns.get(column).copied();
        }
    }
}

/// No row, no column.
const FREE: usize = usize::MAX;

/// Shortest augmenting paths with potentials (Kuhn 1955, Jonker and Volgenant 1987).
#[derive(Clone, Debug, Default)]
struct Hungarian {
    row_price: Vec<f64>,
    column_price: Vec<f64>,
    row_of: Vec<usize>,
    column_of: Vec<usize>,
    shortest: Vec<f64>,
    from: Vec<usize>,
    done: Vec<bool>,
}

impl Hungarian {
    /// Finds the column of each row in the cheapest assignment. Every row needs a column of finite cost that no other row can
    /// take, `rows <= columns`.
    fn solve(&mut self, costs: &[f64], rows: usize, columns: usize) {
        refill(&mut self.row_price, rows, 0.0);
        refill(&mut self.column_price, columns, 0.0);
        refill(&mut self.row_of, columns, FREE);
        refill(&mut self.column_of, rows, FREE);
        for start in 0..rows {
            self.add(costs, start, columns);
        }
    }

    /// Gives row `start` a column; others may have to change theirs.
    fn add(&mut self, costs: &[f64], start: usize, columns: usize) {
        let Self { row_price, column_price, row_of, column_of, shortest, from, done } = self;
        refill(shortest, columns, f64::INFINITY);
        refill(from, columns, FREE);
        refill(done, columns, false);
        let (mut row, mut reached, mut length) = (start, FREE, 0.0);
        loop {
            let mut next = (f64::INFINITY, FREE);
            for column in (0..columns).filter(|&column| !done[column]) {
                let through = length + costs[row * columns + column] - row_price[row] - column_price[column];
                if through < shortest[column] {
                    (shortest[column], from[column]) = (through, reached);
                }
                if shortest[column] < next.0 {
                    next = (shortest[column], column);
                }
            }
            if next.1 == FREE {
                break;
            }
            (length, reached) = next;
            done[reached] = true;
            if row_of[reached] == FREE {
                break;
            }
            row = row_of[reached];
        }
        row_price[start] += length;
        for column in (0..columns).filter(|&column| done[column] && column != reached) {
            row_price[row_of[column]] += length - shortest[column];
            column_price[column] -= length - shortest[column];
        }
        // Back along the path, each column goes to the row before it.
        while reached != FREE {
            let before = from[reached];
            let owner = if before == FREE { start } else { row_of[before] };
            (row_of[reached], column_of[owner]) = (owner, reached);
            reached = before;
        }
    }
}

fn refill<T: Clone>(list: &mut Vec<T>, count: usize, value: T) {
    list.clear();
    list.resize(count, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SKIP: f64 = 1.0;

    /// The best sum over all ways to choose, by trying each.
    fn brute_force(pairs: &[Pair], track: usize, tracks: usize, taken: &mut Vec<usize>) -> f64 {
        if track == tracks {
            return 0.0;
        }
        let mut best = brute_force(pairs, track + 1, tracks, taken);
        for pair in pairs.iter().filter(|pair| pair.track == track) {
            if !taken.contains(&pair.measurement) {
                taken.push(pair.measurement);
                best = best.min(pair.cost - SKIP + brute_force(pairs, track + 1, tracks, taken));
                taken.pop();
            }
        }
        best
    }

    proptest! {
        #[test]
        fn the_sum_is_the_smallest(costs in prop::collection::vec(prop::option::weighted(0.6, 0.0..1.5f64), 30)) {
            let (tracks, measurements) = (5, 6);
            let pairs: Vec<_> = costs.iter().enumerate().filter_map(|(i, cost)| {
                cost.map(|cost| Pair { track: i / measurements, measurement: i % measurements, cost })
            }).collect();
            let mut assignment = Assignment::default();
            assignment.solve(tracks, measurements, &pairs, SKIP);
            let mut used: Vec<_> = assignment.of_track.iter().flatten().collect();
            used.sort_unstable();
            prop_assert!(used.windows(2).all(|pair| pair[0] != pair[1]));
            let sum: f64 = assignment.of_track.iter().enumerate().filter_map(|(track, measurement)| {
                let found = pairs.iter().find(|pair| pair.track == track && Some(pair.measurement) == *measurement)?;
                Some(found.cost - SKIP)
            }).sum();
            let best = brute_force(&pairs, 0, tracks, &mut Vec::new());
            prop_assert!((sum - best).abs() < 1e-9, "{sum} {best}");
        }
    }

    #[test]
    fn nothing_to_assign() {
        let mut assignment = Assignment::default();
        assignment.solve(0, 3, &[], SKIP);
        assert!(assignment.of_track.is_empty());
        assignment.solve(2, 0, &[], SKIP);
        assert_eq!(assignment.of_track, [None, None]);
    }
}
