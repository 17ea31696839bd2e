//! A histogram in the buckets that Prometheus is told.

use std::time::Duration;

/// Upper edges, s. A frame has 0.1 s.
pub(super) const EDGES_S: [f64; 13] =
    [0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];

/// Counts durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets {
    /// How many lie in each bucket alone; the last one has no upper edge.
    counts: [u64; EDGES_S.len() + 1],
    sum_s: f64,
}

impl Buckets {
    pub(super) fn record(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let place = EDGES_S.iter().position(|edge| seconds <= *edge).unwrap_or(EDGES_S.len());
        self.counts[place] += 1;
        self.sum_s += seconds;
    }

    /// Edges with how many lie at or below each.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let edges = EDGES_S.into_iter().chain([f64::INFINITY]);
        edges.zip(self.counts.iter().scan(0, |all, count| {
            *all += count;
            Some(*all)
        }))
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(super) fn sum_s(&self) -> f64 {
        self.sum_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_its_bucket_and_the_last_holds_all() {
        let mut buckets = Buckets::default();
        for micros in [1, 1000, 1001, 60_000_000] {
            buckets.record(Duration::from_micros(micros));
        }
        let all: Vec<(f64, u64)> = buckets.cumulative().collect();
        assert_eq!((all[2], all[3], all[13]), ((0.001, 2), (0.002, 3), (f64::INFINITY, 4)));
        assert_eq!(buckets.count(), 4);
        assert!((buckets.sum_s() - 60.002_002).abs() < 1e-9);
    }
}
