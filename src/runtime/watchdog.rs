//! Heartbeats of the threads and the watchdog that reads them.

use super::fault::FaultCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Says whether a thread is at work and since when. Waiting for work is not work.
#[derive(Debug)]
pub struct Heartbeat {
    name: &'static str,
    origin: Instant,
    /// Nanoseconds after `origin` at which the present step began, plus one; zero while idle.
    busy_since: AtomicU64,
    /// Steps that are done.
    steps: AtomicU64,
    budget: Duration,
}

impl Heartbeat {
    /// A heartbeat for the thread `name`, whose steps take at most `budget`.
    #[must_use]
    pub fn new(name: &'static str, budget: Duration) -> Arc<Self> {
        Arc::new(Self { name, origin: Instant::now(), busy_since: AtomicU64::new(0), steps: AtomicU64::new(0), budget })
    }

    /// A step begins.
    pub fn begin(&self) {
        let nanos = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX - 1);
        self.busy_since.store(nanos + 1, Ordering::Release);
    }

    /// The step is over.
    pub fn end(&self) {
        self.busy_since.store(0, Ordering::Release);
        self.steps.fetch_add(1, Ordering::Release);
    }

    /// Steps that are done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Acquire)
    }

    /// Whose it is.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How long the present step has been over its budget.
    pub(super) fn overdue(&self) -> Option<Duration> {
        let since = self.busy_since.load(Ordering::Acquire).checked_sub(1)?;
        let busy = self.origin.elapsed().saturating_sub(Duration::from_nanos(since));
        (busy > self.budget).then_some(busy)
    }
}

/// Reports the first heartbeat that is over its budget. Called periodically by the run's main thread.
pub fn check(heartbeats: &[Arc<Heartbeat>], fault: &FaultCell) {
    for heartbeat in heartbeats {
        if let Some(busy) = heartbeat.overdue() {
            let (busy_s, budget_s) = (busy.as_secs_f64(), heartbeat.budget.as_secs_f64());
            fault.report(
                heartbeat.name,
                format!("hung: one step has taken {busy_s:.2} s, its budget is {budget_s:.2} s"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_step_over_budget_is_a_fault() {
        let beat = Heartbeat::new("detect", Duration::from_millis(5));
        let fault = FaultCell::default();
        check(&[Arc::clone(&beat)], &fault);
        assert!(!fault.is_set());
        beat.begin();
        std::thread::sleep(Duration::from_millis(20));
        check(&[Arc::clone(&beat)], &fault);
        assert_eq!(fault.first().map(|f| f.stage), Some("detect".to_string()));
        beat.end();
        let calm = FaultCell::default();
        check(&[beat], &calm);
        assert!(!calm.is_set());
    }
}
