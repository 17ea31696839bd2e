//! What the edges know: read by control, by the link to the supervisor and by the status line. No lock is held for longer than a copy, and
//! control waits for none: whoever holds it may be pushed aside by all the others just then.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};
use vehicle::can::reader::CarState;
use vehicle::clock;

/// One sensor or bus.
#[derive(Debug)]
pub struct Line {
    /// Its name: `lidar top`, `camera`, `ins`, `can`, `signals`.
    pub name: String,
    /// The longest time between two messages; none if it may be silent.
    pub budget: Option<Duration>,
    began: Instant,
    count: AtomicU64,
    /// When the last message came, ns after `began`.
    last_ns: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
    dropped: AtomicU64,
    clock: Mutex<Option<clock::Status>>,
    is_off: AtomicBool,
    trouble: Mutex<Option<String>>,
}

impl Line {
    /// A sensor of which nothing was heard.
    #[must_use]
    pub fn new(name: impl Into<String>, budget: Option<Duration>) -> Self {
        Self {
            name: name.into(),
            budget,
            began: Instant::now(),
            count: AtomicU64::new(0),
            last_ns: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            clock: Mutex::new(None),
            is_off: AtomicBool::new(false),
            trouble: Mutex::new(None),
        }
    }

    /// A whole message came.
    pub fn heard(&self) {
        let nanos = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last_ns.store(nanos, Ordering::Release);
        self.count.fetch_add(1, Ordering::Release);
    }

    /// Messages so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Time since the last message.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_nanos(self.last_ns.load(Ordering::Acquire)))
    }

    /// Whether it was heard of within its budget.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.budget.is_none_or(|budget| self.count() > 0 && self.silent_for() <= budget)
    }

    /// Bytes that are no message.
    pub fn refuse(&self, messages: u64) {
        self.refused.store(messages, Ordering::Relaxed);
    }

    /// One more that is no message.
    pub fn refuse_one(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Messages that did not come.
    pub fn lose(&self, messages: u64) {
        self.lost.store(messages, Ordering::Relaxed);
    }

    /// One for which the door had no room.
    pub fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// What is known of its clock.
    pub fn set_clock(&self, status: clock::Status) {
        self.is_off.store(status.out_of_bound, Ordering::Relaxed);
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
    }

    /// What is known of its clock, if anything.
    #[must_use]
    pub fn clock(&self) -> Option<clock::Status> {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its clock is beyond its bound.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Relaxed)
    }

    /// The last thing that went wrong with the connection.
    pub fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// The last thing that went wrong, if it still does.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refused, lost and dropped messages.
    #[must_use]
    pub fn counts(&self) -> [u64; 3] {
        [&self.refused, &self.lost, &self.dropped].map(|count| count.load(Ordering::Relaxed))
    }
}

/// Buttons that were pressed at the terminal, or by a signal of the system.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Arm.
    pub arm: AtomicBool,
    /// Disarm.
    pub disarm: AtomicBool,
    /// Engage.
    pub engage: AtomicBool,
    /// Bring the car to rest.
    pub stop: AtomicBool,
    /// End the program as soon as the car is not driven by it.
    pub leave: AtomicBool,
}

/// Everything that edges and control share.
#[derive(Debug)]
pub struct Board {
    /// Every sensor, in the order of the supervisor's places; the bus is not among them.
    pub sensors: Vec<Line>,
    /// The CAN bus.
    pub can: Line,
    /// What the car told last.
    pub car: Mutex<CarState>,
    /// What the driver wants by other ways than the bus.
    pub wishes: Wishes,
    /// The edges' threads end.
    pub over: AtomicBool,
}

impl Board {
    /// Takes over what the car told last. If that is being written just now, what was known before stays.
    pub fn read_car(&self, known: &mut CarState) {
        match self.car.try_lock() {
            Ok(car) => *known = *car,
            Err(TryLockError::Poisoned(car)) => *known = *car.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Whether the edges' threads end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_spoke_or_fell_silent_is_not_alive() {
        let line = Line::new("ins", Some(Duration::from_millis(30)));
        assert!(!line.is_alive());
        line.heard();
        assert!(line.is_alive());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!line.is_alive() && line.silent_for() >= Duration::from_millis(60));
        assert!(Line::new("signals", None).is_alive());
    }
}
