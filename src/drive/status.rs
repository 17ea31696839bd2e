//! What a person sees while driving: one line, and what changed. Control tells it and must not wait for who reads it: no locks.

use super::board::Board;
use super::link::Verdict;
use control::safety::supervisor::Cause;
use control::safety::{HealthItem, Mode};
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Most lines that wait to be printed.
const LINES: usize = 100;
/// Steps of the counted lateness, and how many; the last counts all beyond.
const STEP: Duration = Duration::from_micros(10);
const STEPS: usize = 5000;

/// What control saw last. Each number is from its last tick or the one before.
#[derive(Debug)]
pub struct Status {
    /// Place in [`Mode::ALL`].
    mode: AtomicU8,
    /// Bits of m/s; NaN is unknown.
    speed_mps: AtomicU64,
    /// Bits of s.
    plan_age_s: AtomicU64,
    /// Place in [`HealthItem::ALL`], or beyond.
    failing: AtomicU8,
    /// As a verdict's bytes.
    cause: AtomicU64,
    ticks: AtomicU64,
    missed: AtomicU64,
    lines: ArrayQueue<String>,
    lateness: Histogram,
    written: Histogram,
}

/// Times, counted in steps.
#[derive(Debug)]
struct Histogram(Vec<AtomicU32>);

impl Default for Status {
    fn default() -> Self {
        Self {
            mode: AtomicU8::new(0),
            speed_mps: AtomicU64::new(f64::NAN.to_bits()),
            plan_age_s: AtomicU64::new(f64::INFINITY.to_bits()),
            failing: AtomicU8::new(u8::MAX),
            cause: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            lines: ArrayQueue::new(LINES),
            lateness: Histogram::default(),
            written: Histogram::default(),
        }
    }
}

impl Status {
    /// A tick came so late.
    pub fn ticked(&self, late: Duration, missed: u64) {
        self.lateness.count(late);
        self.ticks.fetch_add(1, Ordering::Relaxed);
        self.missed.fetch_add(missed, Ordering::Relaxed);
    }

    /// Ticks of control so far.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// A command was written so long after its tick was due.
    pub fn wrote(&self, after: Duration) {
        self.written.count(after);
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
        let place = |place: Option<usize>| place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX);
        let failing = failing.and_then(|item| HealthItem::ALL.iter().position(|other| *other == item));
        let verdict = Verdict { has_taken_over: false, cause };
        self.mode.store(place(Mode::ALL.iter().position(|other| *other == mode)), Ordering::Relaxed);
        self.speed_mps.store(speed_mps.unwrap_or(f64::NAN).to_bits(), Ordering::Relaxed);
        self.plan_age_s.store(plan_age_s.to_bits(), Ordering::Relaxed);
        self.failing.store(place(failing), Ordering::Relaxed);
        self.cause.store(u64::from_le_bytes(verdict.to_bytes()), Ordering::Relaxed);
    }

    /// A line for the person. If very many wait already it is left out; the log has them all.
    pub fn say(&self, line: &str) {
        let _ = self.lines.push(line.to_string());
    }

    /// Lines that were not printed yet.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        std::iter::from_fn(|| self.lines.pop()).collect()
    }

    /// Who drives.
    #[must_use]
    pub fn mode(&self) -> Mode {
        Mode::ALL.get(usize::from(self.mode.load(Ordering::Relaxed))).copied().unwrap_or(Mode::Manual)
    }

    /// Lateness of control's ticks: of half of them, of 99 in 100, of all; and how many were left out.
    #[must_use]
    pub fn jitter(&self) -> ([Duration; 3], u64) {
        ([0.5, 0.99, 1.0].map(|share| self.lateness.quantile(share)), self.missed.load(Ordering::Relaxed))
    }

    /// From when a tick was due to its frames on the bus, in the same way.
    #[must_use]
    pub fn writing(&self) -> [Duration; 3] {
        [0.5, 0.99, 1.0].map(|share| self.written.quantile(share))
    }

    /// The line.
    #[must_use]
    pub fn line(&self, frames_per_s: f64, board: &Board) -> String {
        let read = |bits: &AtomicU64| f64::from_bits(bits.load(Ordering::Relaxed));
        let speed = Some(read(&self.speed_mps)).filter(|speed| !speed.is_nan());
        let (mode, age) = (self.mode(), read(&self.plan_age_s));
        let failing = HealthItem::ALL.get(usize::from(self.failing.load(Ordering::Relaxed)));
        let cause = Verdict::from_bytes(&self.cause.load(Ordering::Relaxed).to_le_bytes());
        let cause = cause.and_then(|verdict| verdict.cause);
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

impl Default for Histogram {
    fn default() -> Self {
        Self((0..STEPS).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Histogram {
    fn count(&self, time: Duration) {
        let step = usize::try_from(time.as_nanos() / STEP.as_nanos()).unwrap_or(usize::MAX).min(STEPS - 1);
        self.0[step].fetch_add(1, Ordering::Relaxed);
    }

    fn quantile(&self, share: f64) -> Duration {
        let counts = || self.0.iter().map(|count| u64::from(count.load(Ordering::Relaxed)));
        let rank = (share * counts().sum::<u64>() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let step = counts().position(|count| {
            seen += count;
            seen >= rank
        });
        step.map_or(Duration::ZERO, |step| STEP * (u32::try_from(step).unwrap_or(u32::MAX).saturating_add(1)))
    }
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
    use super::super::board::Line;
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

    #[test]
    fn what_control_saw_is_told_and_lines_are_told_once() {
        let status = Status::default();
        let board = Board {
            sensors: Vec::new(),
            can: Line::new("can", None),
            car: Default::default(),
            wishes: Default::default(),
            over: Default::default(),
        };
        assert_eq!(status.line(0.0, &board), "manual | ? m/s | 0.0 frames/s | no plan | 0 dropped |  | all well");
        let silent = Some(Cause::Silent(control::safety::Source::Stage(2)));
        status.see(Mode::Stopped, Some(1.25), 0.2, None, silent);
        assert_eq!(
            status.line(9.5, &board),
            "stopped | 1.2 m/s | 9.5 frames/s | plan 200 ms | 0 dropped |  | stage 2 is silent"
        );
        status.see(Mode::Engaged, Some(1.25), 0.2, Some(HealthItem::Supervisor), silent);
        assert!(status.line(9.5, &board).ends_with("not well: supervisor") && status.mode() == Mode::Engaged);
        (0..2 * LINES).for_each(|i| status.say(&i.to_string()));
        assert_eq!((status.lines().len(), status.lines().len()), (LINES, 0));
    }
}
