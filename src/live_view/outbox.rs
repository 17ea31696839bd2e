//! What waits for one viewer: bounded, and the oldest goes first when it is full.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Bytes that wait for a viewer at most: two seconds of camera and lidar.
const MOST_BYTES: usize = 32 << 20;
const MOST_ITEMS: usize = 2048;

/// Something for a viewer.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A message: channel, log time in ns, payload.
    Message(u16, u64, Arc<Vec<u8>>),
    /// The drive's time, ns.
    Time(u64),
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Message(_, _, payload) => payload.len() + 64,
            Self::Time(_) => 64,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
}

/// The queue of one viewer, and the channels that it wants.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    wanted: AtomicU64,
    fresh: AtomicU64,
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

impl Outbox {
    /// Channels that the viewer wants, a bit each.
    pub(super) fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Acquire)
    }

    /// Changes what the viewer wants; what is new gets the standing messages of its channel.
    pub(super) fn want(&self, wanted: u64) {
        let before = self.wanted.swap(wanted, Ordering::AcqRel);
        self.fresh.fetch_or(wanted & !before, Ordering::AcqRel);
    }

    /// The standing messages of these channels have changed.
    pub(super) fn freshen(&self, channels: u64) {
        self.fresh.fetch_or(channels, Ordering::AcqRel);
    }

    /// Channels that were wanted or changed since the last call.
    pub(super) fn take_fresh(&self) -> u64 {
        if self.fresh.load(Ordering::Acquire) == 0 { 0 } else { self.fresh.swap(0, Ordering::AcqRel) }
    }

    /// Puts an item at the end. Returns how many old ones had to go.
    pub(super) fn push(&self, item: Item) -> u64 {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.bytes += item.bytes();
        waiting.items.push_back(item);
        let mut gone = 0;
        while waiting.items.len() > 1 && (waiting.bytes > MOST_BYTES || waiting.items.len() > MOST_ITEMS) {
            let oldest = waiting.items.pop_front();
            waiting.bytes -= oldest.as_ref().map_or(0, Item::bytes);
            gone += u64::from(matches!(oldest, Some(Item::Message(..))));
        }
        self.filled.notify_one();
        gone
    }

    /// The next item; waits for it so long at most.
    pub(super) fn pop(&self, patience: Duration) -> Option<Item> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = |waiting: &mut Waiting| waiting.items.is_empty();
        let (mut waiting, _) =
            self.filled.wait_timeout_while(waiting, patience, empty).unwrap_or_else(PoisonError::into_inner);
        let item = waiting.items.pop_front()?;
        waiting.bytes -= item.bytes();
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_is_counted() {
        let outbox = Outbox::default();
        let message = |n: u64| Item::Message(1, n, Arc::new(vec![0; MOST_BYTES / 4]));
        let gone: u64 = (0..10).map(|n| outbox.push(message(n))).sum();
        assert_eq!(gone, 7);
        let Some(Item::Message(1, 7, _)) = outbox.pop(Duration::ZERO) else { panic!("the eighth is the oldest") };
        let small: u64 = (0..5000).map(|n| outbox.push(Item::Message(2, n, Arc::default()))).sum();
        assert!(small >= 5000 - MOST_ITEMS as u64, "{small}");
        while outbox.pop(Duration::ZERO).is_some() {}
        assert_eq!(outbox.waiting.lock().unwrap().bytes, 0);
    }

    #[test]
    fn what_is_newly_wanted_is_told_once() {
        let outbox = Outbox::default();
        outbox.want(0b11);
        assert_eq!((outbox.take_fresh(), outbox.take_fresh(), outbox.wanted()), (0b11, 0, 0b11));
        outbox.want(0b110);
        assert_eq!(outbox.take_fresh(), 0b100);
    }
}
