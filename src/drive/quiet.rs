//! A car that was switched off: its bus, once heard, has fallen silent for good.

use super::board::Line;
use std::time::Duration;

/// The person is told after so long a silence.
const TOLD_AFTER: Duration = Duration::from_secs(5);

/// What to do about a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing.
    No,
    /// Tell a person, once for each silence.
    Tell(String),
    /// End the drive: so long a silence was to end it.
    End(String),
}

/// Watches the bus of a car that may be switched off.
#[derive(Debug, Default)]
pub struct Watcher {
    ends_after: Option<Duration>,
    told: bool,
    ended: bool,
}

impl Watcher {
    /// `ends_after`: the silence that ends the drive; without it the drive waits for the car for ever.
    #[must_use]
    pub fn new(ends_after: Option<Duration>) -> Self {
        Self { ends_after, told: false, ended: false }
    }

    /// Looks at the bus. A bus of which nothing was heard yet is waited for.
    pub fn look(&mut self, bus: &Line) -> Quiet {
        let silent = bus.silent_for();
        if bus.count() == 0 || silent < TOLD_AFTER.min(self.ends_after.unwrap_or(TOLD_AFTER)) {
            self.told = false;
            return Quiet::No;
        }
        if self.ends_after.is_some_and(|after| silent >= after) && !self.ended {
            self.ended = true;
            return Quiet::End(format!("the bus has been silent for {:.1} s: the drive ends", silent.as_secs_f64()));
        }
        if self.told || self.ended || silent < TOLD_AFTER {
            return Quiet::No;
        }
        self.told = true;
        Quiet::Tell(format!(
            "the bus has been silent for {:.0} s: is the car switched off? The drive waits for it; Ctrl-C ends, --end-when-quiet SECONDS ends it alone",
            silent.as_secs_f64()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_never_heard_is_waited_for_and_one_that_fell_silent_ends_the_drive_once() {
        let bus = Line::new("can", None);
        let mut watcher = Watcher::new(Some(Duration::from_millis(30)));
        std::thread::sleep(Duration::from_millis(40));
        assert_eq!(watcher.look(&bus), Quiet::No);
        bus.heard();
        assert_eq!(watcher.look(&bus), Quiet::No);
        std::thread::sleep(Duration::from_millis(40));
        assert!(matches!(watcher.look(&bus), Quiet::End(_)));
        assert_eq!(watcher.look(&bus), Quiet::No);
    }
}
