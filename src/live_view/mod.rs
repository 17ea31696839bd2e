//! The live view: Foxglove or Lichtblick shows a drive as it happens, over a WebSocket.
//!
//! In: the messages that go to the log. Out: the same topics, schemas and bytes as in the file, to whoever subscribes. Never: a wait on
//! the side of the pipeline. Its only part in the log thread is to hand a finished message over ([`Tap::offer`]); when the queue is full
//! the message is left out and counted. Messages are encoded once, in a thread of their own, and only what somebody has subscribed to.
//!
//! ```text
//! log thread -- tap: bounded queue --> hub: encodes --> outbox of each viewer: bounded, the oldest goes --> its thread, its socket
//! ```
//! The protocol is `foxglove.sdk.v1`, which is also `foxglove.websocket.v1` for what is used of it
//! (<https://github.com/foxglove/ws-protocol/blob/main/docs/spec.md>).
#![allow(clippy::disallowed_methods)] // this is the edge to the network: it has threads and waits

mod hub;
mod outbox;
mod protocol;
mod server;
mod viewer;

use anyhow::Context;
use crossbeam_channel::{Sender, bounded};
use hub::Hub;
use outbox::Outbox;
use recordings::Message;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Connections at a time; more are closed at once.
pub const MOST_VIEWERS: usize = 16;
/// Messages that wait to be encoded at most, and their bytes.
const QUEUE_MESSAGES: usize = 4096;
const QUEUE_BYTES: usize = 64 << 20;

/// What the threads of a live view share.
#[derive(Debug, Default)]
struct Shared {
    closing: AtomicBool,
    /// Channels that somebody wants, a bit each.
    wanted: AtomicU64,
    /// Bytes in front of the hub.
    queued_bytes: AtomicUsize,
    /// Messages that the hub's queue or an outbox had no room for.
    lost: AtomicU64,
    /// Connections, those in their handshake included.
    connections: AtomicUsize,
    outboxes: Mutex<Vec<Arc<Outbox>>>,
}

impl Shared {
    fn closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn outboxes(&self) -> Vec<Arc<Outbox>> {
        self.outboxes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds or removes outboxes, and finds anew what is wanted.
    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Outbox>>)) {
        let mut outboxes = self.outboxes.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut outboxes);
        let wanted = outboxes.iter().fold(0, |all, outbox| all | outbox.wanted());
        self.wanted.store(wanted, Ordering::Release);
    }
}

/// The end of the live view that the log thread holds.
#[derive(Clone, Debug)]
pub struct Tap {
    queue: Sender<Message>,
    shared: Arc<Shared>,
}

impl Tap {
    /// Hands a message over. Never waits: without room it is left out and counted, without a viewer it is dropped.
    pub fn offer(&self, message: Message) {
        let shared = &*self.shared;
        let latched = matches!(message, Message::Calibration(_) | Message::Route(_));
        if !latched && shared.wanted.load(Ordering::Acquire) == 0 {
            return;
        }
        let bytes = message.bytes();
        let waiting = shared.queued_bytes.fetch_add(bytes, Ordering::AcqRel).saturating_add(bytes);
        if waiting > QUEUE_BYTES || self.queue.try_send(message).is_err() {
            shared.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
            shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Viewers that are connected, and messages that did not reach one of them.
    #[must_use]
    pub fn counts(&self) -> (usize, u64) {
        (self.shared.outboxes().len(), self.shared.lost.load(Ordering::Relaxed))
    }
}

/// A live view, open until it is dropped.
#[derive(Debug)]
pub struct LiveView {
    tap: Tap,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

impl LiveView {
    /// Listens for viewers. Port 0 takes any that is free.
    ///
    /// # Errors
    /// The address is taken or not of this computer; no thread can be had.
    pub fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| format!("--live {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (queue, messages) = bounded(QUEUE_MESSAGES);
        let shared = Arc::new(Shared::default());
        let hub = Hub::new(messages, Arc::clone(&shared));
        let server = Arc::clone(&shared);
        let threads = vec![
            std::thread::Builder::new().name("live hub".into()).spawn(move || hub.run())?,
            std::thread::Builder::new().name("live server".into()).spawn(move || server::run(&listener, &server))?,
        ];
        Ok(Self { tap: Tap { queue, shared }, address, threads })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A tap for a log.
    #[must_use]
    pub fn tap(&self) -> Tap {
        self.tap.clone()
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        self.tap.shared.closing.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
