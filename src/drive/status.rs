//! What a person sees while driving: one line, and what changed.

use super::board::Board;
use control::safety::supervisor::Cause;
use control::safety::{HealthItem, Mode};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most lines that wait to be printed.
const LINES: usize = 100;
/// Steps of the counted lateness, and how many; the last counts all beyond.
const STEP: Duration = Duration::from_micros(10);
const STEPS: usize = 5000;

#[derive(Debug)]
struct Seen {
    mode: Mode,
    speed_mps: Option<f64>,
    plan_age_s: f64,
    failing: Option<HealthItem>,
    cause: Option<Cause>,
    missed: u64,
    lines: VecDeque<String>,
    lateness: Vec<u32>,
    written: Vec<u32>,
}

/// What control saw last.
#[derive(Debug)]
pub struct Status(Mutex<Seen>);

impl Default for Status {
    fn default() -> Self {
        Self(Mutex::new(Seen {
            mode: Mode::Manual,
            speed_mps: None,
            plan_age_s: f64::INFINITY,
            failing: None,
            cause: None,
            missed: 0,
            lines: VecDeque::new(),
            lateness: vec![0; STEPS],
            written: vec![0; STEPS],
        }))
    }
}

impl Status {
    fn with<T>(&self, use_it: impl FnOnce(&mut Seen) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A tick came so late.
    pub fn ticked(&self, late: Duration, missed: u64) {
        self.with(|seen| {
            count(&mut seen.lateness, late);
            seen.missed += missed;
        });
    }

    /// A command was written so long after its tick was due.
    pub fn wrote(&self, after: Duration) {
        self.with(|seen| count(&mut seen.written, after));
    }

    /// What control knows.
    pub fn see(
        &self,
        mode: Mode,
        speed_mps: Option<f64>,
        plan_age_s: f64,
        failing: Option<HealthItem>,
        cause: Option<Cause>,
    ) {
        self.with(|seen| {
            (seen.mode, seen.speed_mps, seen.plan_age_s) = (mode, speed_mps, plan_age_s);
            (seen.failing, seen.cause) = (failing, cause);
        });
    }

    /// A line for the person.
    pub fn say(&self, line: &str) {
        self.with(|seen| {
            if seen.lines.len() < LINES {
                seen.lines.push_back(line.to_string());
            }
        });
    }

    /// Lines that were not printed yet.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.with(|seen| seen.lines.drain(..).collect())
    }

    /// Who drives.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.with(|seen| seen.mode)
    }

    /// Lateness of control's ticks: of half of them, of 99 in 100, of all; and how many were left out.
    #[must_use]
    pub fn jitter(&self) -> ([Duration; 3], u64) {
        self.with(|seen| ([0.5, 0.99, 1.0].map(|share| quantile(&seen.lateness, share)), seen.missed))
    }

    /// From when a tick was due to its frames on the bus, in the same way.
    #[must_use]
    pub fn writing(&self) -> [Duration; 3] {
        self.with(|seen| [0.5, 0.99, 1.0].map(|share| quantile(&seen.written, share)))
    }

    /// The line.
    #[must_use]
    pub fn line(&self, frames_per_s: f64, board: &Board) -> String {
        let (mode, speed, age, failing, cause) =
            self.with(|seen| (seen.mode, seen.speed_mps, seen.plan_age_s, seen.failing, seen.cause));
        let number = |value: Option<f64>, unit: &str| value.map_or(format!("? {unit}"), |v| format!("{v:.1} {unit}"));
        let well = match (failing, cause) {
            (Some(item), _) => format!("not well: {}", item.name()),
            (None, Some(cause)) => cause.to_string(),
            (None, None) => "all well".to_string(),
        };
        let age = age.is_finite().then_some(1e3 * age).map_or("no plan".to_string(), |ms| format!("plan {ms:.0} ms"));
        let dropped: u64 = board.sensors.iter().map(|line| line.counts()[2]).sum();
        let clocks = board
            .sensors
            .iter()
            .filter_map(|line| line.clock().map(|clock| format!("{} {:+.1} ms", line.name, 1e3 * clock.offset_s)));
        let clocks: Vec<String> = clocks.collect();
        format!(
            "{} | {} | {frames_per_s:.1} frames/s | {age} | {dropped} dropped | {} | {well}",
            mode.name(),
            number(speed, "m/s"),
            clocks.join(", ")
        )
    }
}

fn count(counts: &mut [u32], time: Duration) {
    let step = usize::try_from(time.as_nanos() / STEP.as_nanos()).unwrap_or(usize::MAX).min(counts.len() - 1);
    counts[step] = counts[step].saturating_add(1);
}

fn quantile(counts: &[u32], share: f64) -> Duration {
    let all: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let rank = (share * all as f64).ceil().max(1.0) as u64;
    let mut seen = 0;
    let step = counts.iter().position(|count| {
        seen += u64::from(*count);
        seen >= rank
    });
    step.map_or(Duration::ZERO, |step| STEP * (u32::try_from(step).unwrap_or(u32::MAX).saturating_add(1)))
}

/// Frames a second since it was asked last.
#[derive(Debug)]
pub struct Rate(Instant, u64);

impl Default for Rate {
    fn default() -> Self {
        Self(Instant::now(), 0)
    }
}

impl Rate {
    /// Frames a second.
    pub fn of(&mut self, frames: u64) -> f64 {
        let passed = self.0.elapsed().as_secs_f64().max(1e-3);
        let rate = frames.saturating_sub(self.1) as f64 / passed;
        *self = Self(Instant::now(), frames);
        rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_counted() {
        let status = Status::default();
        assert_eq!(status.jitter().0[2], Duration::ZERO);
        (0..100).for_each(|i| status.ticked(Duration::from_micros(if i == 7 { 3000 } else { 95 }), 0));
        let ([half, most, all], _) = status.jitter();
        assert_eq!(
            (half, most, all),
            (Duration::from_micros(100), Duration::from_micros(100), Duration::from_micros(3010))
        );
    }
}
