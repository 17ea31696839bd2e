//! From control to the log without a lock. The queue of the log wakes its reader, and for that it has a lock: whoever holds it may be pushed
//! aside by any other thread, and control would wait for all of them. So control puts its items into a box, and a courier carries them.

use super::log::{LogItem, LogSender};
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;
use std::time::Duration;

/// Items that the box holds: two seconds of control.
const ITEMS: usize = 256;
/// The courier looks so often.
const PERIOD: Duration = Duration::from_millis(2);

/// Control's side.
#[derive(Debug)]
pub struct Outbox {
    items: Arc<ArrayQueue<LogItem>>,
    log: LogSender,
}

/// The courier's side.
#[derive(Debug)]
pub struct Courier {
    items: Arc<ArrayQueue<LogItem>>,
    log: LogSender,
}

/// A box and its courier.
#[must_use]
pub fn outbox(log: &LogSender) -> (Outbox, Courier) {
    let items = Arc::new(ArrayQueue::new(ITEMS));
    (Outbox { items: Arc::clone(&items), log: log.clone() }, Courier { items, log: log.clone() })
}

impl Outbox {
    /// Puts an item in. If the courier has not come for long it is left out, and counted.
    pub fn put(&self, item: LogItem) {
        if self.items.push(item).is_err() {
            self.log.leave_out();
        }
    }
}

impl Courier {
    /// Carries until control has ended and the box is empty.
    pub fn carry(self) {
        loop {
            // Asked first: what control put in before it ended is carried below.
            let is_last = Arc::strong_count(&self.items) == 1;
            while let Some(item) = self.items.pop() {
                // A log that has ended is told by the run.
                let _ = self.log.send(item);
            }
            if is_last {
                return;
            }
            std::thread::sleep(PERIOD);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Command;

    #[test]
    fn all_is_carried_in_order_and_what_does_not_fit_is_counted() {
        let (queue, items) = crossbeam_channel::bounded(1000);
        let log = LogSender::new(queue, 1_000_000, false);
        let account = log.account();
        let (outbox, courier) = outbox(&log);
        let command = |tick| LogItem::Commands(vec![Command { tick, ..Command::default() }]);
        (0..300).for_each(|tick| outbox.put(command(tick)));
        let carrying = std::thread::spawn(move || courier.carry());
        while account.lost().1 == 0 || items.len() < ITEMS {
            std::thread::sleep(PERIOD);
        }
        (300..400).for_each(|tick| outbox.put(command(tick)));
        drop((outbox, log));
        carrying.join().unwrap();
        let ticks: Vec<u64> = items
            .iter()
            .map(|item| match item {
                LogItem::Commands(commands) => commands[0].tick,
                other => panic!("{other:?}"),
            })
            .collect();
        let expected: Vec<u64> = (0..ITEMS as u64).chain(300..400).collect();
        assert_eq!((ticks, account.lost()), (expected, (0, 300 - ITEMS as u64)));
    }
}
