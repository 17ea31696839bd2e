//! In which order packets come: lost, late, twice.

use std::collections::VecDeque;

/// Packets that are remembered to know one that comes twice, and the farthest a late one may be behind.
const REMEMBERED: usize = 64;

/// A packet's place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It follows the newest; so many between them are missing.
    Next {
        /// Packets that are missing.
        missing: u32,
    },
    /// It is older than the newest; whether it was counted as missing.
    Late,
    /// It was there before.
    Duplicate,
    /// The numbers begin anew.
    Restart,
}

/// Keeps the order of one sensor's packets: by their numbers if they have some, else by the sensor's clock.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    newest: Option<(i128, i64)>,
    recent: VecDeque<i128>,
}

impl Arrivals {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.newest = None;
        self.recent.clear();
    }

    /// Takes a packet: its number and how many numbers there are, its clock and how long it lasts, ns.
    pub fn take(&mut self, sequence: Option<(u64, u64)>, clock_ns: i64, span_ns: u32) -> Order {
        let Some((newest, newest_ns)) = self.newest else {
            self.remember(sequence.map_or(i128::from(clock_ns), |(number, _)| i128::from(number)), clock_ns);
            return Order::Next { missing: 0 };
        };
        let (steps, key) = match sequence {
            Some((number, modulus)) => {
                let modulus = i128::from(modulus.max(1));
                let ahead = (i128::from(number) - newest).rem_euclid(modulus);
                let steps = if ahead > modulus / 2 { ahead - modulus } else { ahead };
                (steps, newest + steps)
            }
            None => {
                let passed = i128::from(clock_ns) - i128::from(newest_ns);
                let span = i128::from(span_ns.max(1));
                let steps = (2 * passed + span).div_euclid(2 * span);
                // A clock that moved, if only by a little, tells of another packet.
                (if steps == 0 { passed.signum() } else { steps }, i128::from(clock_ns))
            }
        };
        if self.recent.contains(&key) {
            return Order::Duplicate;
        }
        if steps > 0 {
            self.remember(key, clock_ns);
            return Order::Next { missing: u32::try_from(steps - 1).unwrap_or(u32::MAX) };
        }
        if steps < -(REMEMBERED as i128) {
            self.clear();
            self.remember(key, clock_ns);
            return Order::Restart;
        }
        self.push(key);
        Order::Late
    }

    fn remember(&mut self, key: i128, clock_ns: i64) {
        self.newest = Some((key, clock_ns));
        self.push(key);
    }

    fn push(&mut self, key: i128) {
        self.recent.push_back(key);
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn orders(numbers: &[u64]) -> Vec<Order> {
        let mut arrivals = Arrivals::default();
        numbers.iter().map(|&number| arrivals.take(Some((number, 1000)), 0, 1)).collect()
    }

    #[test]
    fn by_number() {
        let next = |missing| Order::Next { missing };
        assert_eq!(orders(&[998, 999, 0, 1]), [next(0); 4]);
        assert_eq!(
            orders(&[5, 8, 6, 6, 7, 9]),
            [next(0), next(2), Order::Late, Order::Duplicate, Order::Late, next(0)]
        );
        assert_eq!(orders(&[500, 100, 101]), [next(0), Order::Restart, next(0)]);
    }

    #[test]
    fn by_clock() {
        let mut arrivals = Arrivals::default();
        let mut take = |micros: i64| arrivals.take(None, micros * 1000, 1_327_104);
        assert_eq!(take(0), Order::Next { missing: 0 });
        assert_eq!(take(1327), Order::Next { missing: 0 });
        assert_eq!(take(1327), Order::Duplicate);
        assert_eq!(take(5308), Order::Next { missing: 2 });
        assert_eq!(take(2654), Order::Late);
        assert_eq!(take(2654), Order::Duplicate);
        assert_eq!(take(-3_600_000_000), Order::Restart);
    }

    proptest! {
        #[test]
        fn any_stream_is_survived(packets in prop::collection::vec((any::<u64>(), any::<u64>(), any::<i64>(), any::<u32>(), any::<bool>()), 0..100)) {
            let mut arrivals = Arrivals::default();
            for (number, modulus, clock, span, counts) in packets {
                arrivals.take(counts.then_some((number, modulus)), clock, span);
                prop_assert!(arrivals.recent.len() <= REMEMBERED);
            }
        }
    }
}
