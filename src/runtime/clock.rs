//! The one place where sensor time meets the wall clock.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use types::{ReceiveTime, Stamp};

/// Plays sensor time on the wall clock, `rate` times as fast.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    begin: Instant,
    origin: Stamp,
    rate: f64,
}

impl WallClock {
    /// A clock that shows `origin` now.
    #[must_use]
    pub fn starting_at(origin: Stamp, rate: f64) -> Self {
        Self { begin: Instant::now(), origin, rate }
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Stamp {
        self.origin.offset(self.begin.elapsed().as_secs_f64() * self.rate)
    }

    /// When the wall clock will show `stamp`; a stamp before the origin is due at once.
    #[must_use]
    pub fn instant_of(&self, stamp: Stamp) -> Instant {
        let seconds = (stamp.seconds_since(self.origin) / self.rate).clamp(0.0, 1e9);
        self.begin + Duration::from_secs_f64(seconds)
    }
}

/// Measures how long a piece of work takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
/// Measures the processor time of this thread.
#[derive(Clone, Copy, Debug)]
pub struct CpuWatch(Duration);

impl CpuWatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(cpu(ClockId::ThreadCPUTime))
    }

    /// Processor time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        cpu(ClockId::ThreadCPUTime).saturating_sub(self.0)
    }
}

/// Measures the processor time of this process, all its threads together.
#[derive(Clone, Copy, Debug)]
pub struct ProcessWatch(Duration);

impl ProcessWatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(cpu(ClockId::ProcessCPUTime))
    }

    /// Processor time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        cpu(ClockId::ProcessCPUTime).saturating_sub(self.0)
    }
}

/// The computer's time of day, when a message has just come. A clock before 1970 or after 2262 shows the epoch.
#[must_use]
pub fn receive_time() -> ReceiveTime {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ReceiveTime::from_nanos(i64::try_from(passed.as_nanos()).unwrap_or_default())
}

/// Processor time so far.
fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
