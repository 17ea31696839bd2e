//! Sends what the car says when it is due, through the wires and their faults.

use super::fault::{Datagram, Faults, Line, Trouble, Wire};
use super::stream::Streamer;
use anyhow::Context;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is due within this time goes out together, ns.
const TOGETHER_NS: i64 = 100_000;

/// Something to be sent.
#[derive(Clone, Debug)]
pub struct Item {
    /// By whom.
    pub line: Line,
    /// When, ns after the start.
    pub due_ns: i64,
    /// What.
    pub bytes: Vec<u8>,
    /// How long the computer had been engaged when it was made, s.
    pub engaged_s: Option<f64>,
}

/// What was sent of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sent {
    /// Datagrams or images.
    pub count: u64,
    /// Bytes.
    pub bytes: u64,
    /// Datagrams that the system refused.
    pub refused: u64,
    /// The longest after it was due, ms.
    pub latest_ms: f64,
}

/// Sends.
pub struct Post {
    socket: UdpSocket,
    addresses: BTreeMap<Line, SocketAddr>,
    streamer: Option<Arc<Streamer>>,
    faults: Faults,
    wires: BTreeMap<Line, Wire>,
    /// By due time and order.
    waiting: BTreeMap<(i64, u64), (Line, Vec<u8>)>,
    order: u64,
    sent: BTreeMap<Line, Sent>,
}

impl Post {
    /// A post that sends from this socket, which hears the bus, to these addresses.
    ///
    /// # Errors
    /// If the system gives no second handle of the socket.
    pub fn new(
        socket: &UdpSocket,
        addresses: BTreeMap<Line, SocketAddr>,
        streamer: Option<Arc<Streamer>>,
        faults: Faults,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let wires = Line::ALL.iter().map(|line| (*line, Wire::new(seed ^ (*line as u64).rotate_left(40)))).collect();
        Ok(Self {
            socket: socket.try_clone().context("a second handle of the bus")?,
            addresses,
            streamer,
            faults,
            wires,
            waiting: BTreeMap::new(),
            order: 0,
            sent: BTreeMap::new(),
        })
    }

    /// Sends what comes until nobody sends any more.
    pub fn run(mut self, begin: Instant, items: &Receiver<Vec<Item>>) -> BTreeMap<Line, Sent> {
        let since = || i64::try_from(begin.elapsed().as_nanos()).unwrap_or(i64::MAX);
        loop {
            let wait_ns = self.waiting.first_key_value().map_or(50_000_000, |((due, _), _)| *due - since());
            if wait_ns <= TOGETHER_NS {
                self.send_due(since());
                // What is new may be due before what waits.
                while let Ok(batch) = items.try_recv() {
                    self.take(batch);
                }
                continue;
            }
            match items.recv_timeout(Duration::from_nanos(wait_ns.unsigned_abs())) {
                Ok(batch) => self.take(batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.sent,
            }
        }
    }

    fn take(&mut self, batch: Vec<Item>) {
        let mut out: Vec<Datagram> = Vec::new();
        for Item { line, due_ns, bytes, engaged_s } in batch {
            let troubles: Vec<Trouble> = self.faults.of(line, engaged_s).collect();
            if let Some(wire) = self.wires.get_mut(&line) {
                wire.pass((due_ns, bytes), &troubles, &mut out);
            }
            for (due_ns, bytes) in out.drain(..) {
                self.waiting.insert((due_ns, self.order), (line, bytes));
                self.order += 1;
            }
        }
    }

    fn send_due(&mut self, now_ns: i64) {
        while let Some(entry) = self.waiting.first_entry() {
            let due_ns = entry.key().0;
            if due_ns > now_ns + TOGETHER_NS {
                return;
            }
            let (line, bytes) = entry.remove();
            let went = match (line, self.addresses.get(&line)) {
                (Line::Camera, _) => {
                    let length = bytes.len();
                    if let Some(streamer) = &self.streamer {
                        streamer.publish(bytes);
                    }
                    Ok(length)
                }
                (_, Some(address)) => self.socket.send_to(&bytes, address),
                (_, None) => continue,
            };
            let sent = self.sent.entry(line).or_default();
            match went {
                Ok(bytes) => (sent.count, sent.bytes) = (sent.count + 1, sent.bytes + bytes as u64),
                // Nobody listens yet: loopback says so at the next datagram.
                Err(_) => sent.refused += 1,
            }
            sent.latest_ms = sent.latest_ms.max((now_ns - due_ns) as f64 * 1e-6);
        }
    }
}
