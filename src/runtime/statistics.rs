//! Distributions of measured times, in memory that does not grow with the length of a drive.

use super::frame::Spans;
use serde::Serialize;
use std::time::Duration;

/// Buckets per octave; a percentile is exact to 1/64 of its value.
const STEPS: usize = 64;
const OCTAVES: usize = 44;

/// Counts durations in logarithmic buckets; count, sum and maximum are exact.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: Duration,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; STEPS * OCTAVES], count: 0, sum: Duration::ZERO, max: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.buckets[bucket(nanos)] += 1;
        self.count += 1;
        self.sum += duration;
        self.max = self.max.max(duration);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum, exact.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest, exact.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The duration that the share `quantile` (0..1) of all does not exceed, within 1/64 above. Zero if nothing was counted.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        let rank = ((quantile * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (index, &n) in self.buckets.iter().enumerate() {
            seen += n;
            if seen >= rank {
                return Duration::from_nanos(upper_edge(index)).min(self.max);
            }
        }
        Duration::ZERO
    }
}

fn bucket(nanos: u64) -> usize {
    let octave = nanos.ilog2() as usize;
    let within =
        if octave >= 6 { (nanos >> (octave - 6)) as usize & 63 } else { (nanos << (6 - octave)) as usize & 63 };
    (octave * STEPS + within).min(STEPS * OCTAVES - 1)
}

fn upper_edge(index: usize) -> u64 {
    let (octave, within) = (index / STEPS, (index % STEPS) as u64);
    let edge = u128::from(65 + within) << octave;
    u64::try_from(edge >> 6).unwrap_or(u64::MAX)
}

/// Times of every part of every frame, and their exact total.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    parts: Vec<(&'static str, Histogram)>,
    total: Histogram,
    skip_first: u64,
    warm_up: Histogram,
    keep: usize,
    kept: Vec<Spans>,
}

/// One line of the table, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Name of the part.
    pub part: &'static str,
    /// Frames that have this part.
    pub frames: u64,
    /// Median.
    pub p50_ms: f64,
    /// 90th percentile.
    pub p90_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// Maximum.
    pub max_ms: f64,
    /// Sum over all frames, ns. The parts' sums add up to that of `end to end` exactly.
    pub sum_ns: u128,
}

impl Statistics {
    /// Statistics that leave the first `frames` frames out as warm-up.
    #[must_use]
    pub fn skipping(frames: u64) -> Self {
        Self { skip_first: frames, ..Self::default() }
    }

    /// From now on keeps the times of so many frames one by one.
    pub fn keep(&mut self, frames: usize) {
        self.keep = frames;
    }

    /// The frames that were kept, in order.
    #[must_use]
    pub fn kept(&self) -> &[Spans] {
        &self.kept
    }

    /// Counts one frame. A part that occurs more than once in a frame (such as a queue) counts with its sum.
    pub fn record(&mut self, spans: &Spans) {
        if self.warm_up.count() < self.skip_first {
            self.warm_up.record(spans.total());
            return;
        }
        if self.kept.len() < self.keep {
            self.kept.push(spans.clone());
        }
        let mut own: Vec<(&'static str, Duration)> = Vec::with_capacity(spans.laps().len());
        for (name, duration) in spans.laps() {
            match own.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += *duration,
                None => own.push((name, *duration)),
            }
        }
        for (place, (name, duration)) in own.into_iter().enumerate() {
            let index = match self.parts.iter().position(|(known, _)| *known == name) {
                Some(index) => index,
                None => {
                    let at = place.min(self.parts.len());
                    self.parts.insert(at, (name, Histogram::default()));
                    at
                }
            };
            self.parts[index].1.record(duration);
        }
        self.total.record(spans.total());
    }

    /// The parts in the order of the corridor, then `end to end`.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let parts = self.parts.iter().map(|(name, histogram)| row(name, histogram));
        parts.chain([row("end to end", &self.total)]).collect()
    }

    /// Frames counted.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.total.count()
    }

    /// Frames left out as warm-up and the longest of them.
    #[must_use]
    pub fn warm_up(&self) -> (u64, Duration) {
        (self.warm_up.count(), self.warm_up.max())
    }
}

fn row(part: &'static str, histogram: &Histogram) -> Row {
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    Row {
        part,
        frames: histogram.count(),
        p50_ms: ms(histogram.quantile(0.5)),
        p90_ms: ms(histogram.quantile(0.9)),
        p99_ms: ms(histogram.quantile(0.99)),
        max_ms: ms(histogram.max()),
        sum_ns: histogram.sum().as_nanos(),
    }
}

/// The most memory this process has had so far, where the system tells (Linux).
#[must_use]
pub fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1.024e-3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn quantiles_are_within_a_sixty_fourth() {
        let mut histogram = Histogram::default();
        for micros in 1..=10_000u64 {
            histogram.record(Duration::from_micros(micros));
        }
        for (quantile, expected) in [(0.5, 5_000.0), (0.9, 9_000.0), (0.99, 9_900.0)] {
            let got = histogram.quantile(quantile).as_secs_f64() * 1e6;
            assert!(got >= expected && got <= expected * (1.0 + 1.0 / 64.0) + 1.0, "{quantile}: {got}");
        }
        assert_eq!(histogram.max(), Duration::from_micros(10_000));
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn the_table_adds_up_exactly() {
        let mut statistics = Statistics::skipping(2);
        for _ in 0..50 {
            let mut spans = Spans::starting(Instant::now());
            for name in ["sensor wait", "queue", "decode", "queue", "detect"] {
                spans.lap(name);
            }
            statistics.record(&spans);
        }
        let rows = statistics.rows();
        let (total, parts) = rows.split_last().unwrap();
        assert_eq!(parts.iter().map(|r| r.sum_ns).sum::<u128>(), total.sum_ns);
        assert_eq!(parts.iter().map(|r| r.part).collect::<Vec<_>>(), ["sensor wait", "queue", "decode", "detect"]);
        assert_eq!((statistics.frames(), statistics.warm_up().0), (48, 2));
    }
}
