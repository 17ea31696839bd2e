//! The thread that encodes messages and puts them into the outboxes.

use super::Shared;
use super::outbox::{Item, Outbox};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use recordings::{Message, StreamEncoder};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use types::Stamp;

/// The drive's time is told so often, ns of it.
const TIME_STEP_NS: u64 = 20_000_000;

pub(super) struct Hub {
    messages: Receiver<Message>,
    shared: Arc<Shared>,
    encoder: StreamEncoder,
    /// Calibration and route: who subscribes later gets them, too.
    standing: [Option<Message>; 2],
    time_told: Option<u64>,
}

impl Hub {
    pub(super) fn new(messages: Receiver<Message>, shared: Arc<Shared>) -> Self {
        Self { messages, shared, encoder: StreamEncoder::default(), standing: [None, None], time_told: None }
    }

    /// Runs until the view is closed and the queue is empty.
    pub(super) fn run(mut self) {
        loop {
            match self.messages.recv_timeout(Duration::from_millis(50)) {
                Ok(message) => {
                    self.shared.queued_bytes.fetch_sub(message.bytes(), Ordering::AcqRel);
                    self.take(message);
                }
                Err(RecvTimeoutError::Timeout) if !self.shared.closing() => {}
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, message: Message) {
        let Some(stamp) = message.stamp() else {
            // It is shown at the stamp of the message behind it.
            let place = usize::from(matches!(message, Message::Route(_)));
            self.standing[place] = Some(message);
            self.shared.outboxes().iter().for_each(|outbox| outbox.freshen(u64::MAX));
            return;
        };
        let outboxes = self.shared.outboxes();
        let Ok(log_time) = u64::try_from(stamp.nanos()) else { return };
        if self.time_told.is_none_or(|told| log_time.abs_diff(told) >= TIME_STEP_NS) {
            self.time_told = Some(log_time);
            self.send(&outboxes, Item::Time(log_time));
        }
        for outbox in &outboxes {
            let fresh = outbox.take_fresh();
            if fresh != 0 {
                self.send_standing(outbox, fresh, stamp, log_time);
            }
        }
        let wanted = outboxes.iter().fold(0, |all, outbox| all | outbox.wanted());
        let Self { encoder, shared, .. } = self;
        encoder.encode(
            &message,
            stamp,
            |channel| wanted & bit(channel) != 0,
            |channel, bytes| {
                let bytes = Arc::new(bytes);
                for outbox in outboxes.iter().filter(|outbox| outbox.wanted() & bit(channel) != 0) {
                    let gone = outbox.push(Item::Message(channel, log_time, Arc::clone(&bytes)));
                    shared.lost.fetch_add(gone, Ordering::Relaxed);
                }
            },
        );
    }

    fn send(&self, outboxes: &[Arc<Outbox>], item: Item) {
        for outbox in outboxes {
            let gone = outbox.push(item.clone());
            self.shared.lost.fetch_add(gone, Ordering::Relaxed);
        }
    }

    /// What stands since before the viewer came, on the channels that are new to it.
    fn send_standing(&mut self, outbox: &Outbox, fresh: u64, stamp: Stamp, log_time: u64) {
        let Self { encoder, standing, .. } = self;
        for message in standing.iter().flatten() {
            let put = |channel, bytes| {
                outbox.push(Item::Message(channel, log_time, Arc::new(bytes)));
            };
            encoder.encode(message, stamp, |channel| fresh & outbox.wanted() & bit(channel) != 0, put);
        }
    }
}

/// The bit of a channel.
pub(super) const fn bit(channel: u16) -> u64 {
    1 << (channel & 63)
}
