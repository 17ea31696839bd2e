//! Who may watch a run: a live view, a metrics endpoint, both or nobody.
//!
//! In: each message, frame and command, from the log thread. Out: copies for whoever watches. Never: a wait, or a word back to the run.

use crate::live_view::{LiveView, Tap};
use crate::metrics::{Metrics, MetricsServer};
use crate::runtime::Frame;
use crate::runtime::frame::Spans;
use crate::runtime::log::Tally;
use anyhow::bail;
use recordings::Message;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use types::{Calibration, Command, Route};

/// What the log thread tells to those who watch. By default nobody does, and nothing is done.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    tap: Option<Tap>,
    metrics: Option<Arc<Metrics>>,
}

impl Watch {
    /// What stands for the whole run.
    pub fn begin(&self, calibration: &Calibration, route: &Route) {
        if let Some(tap) = &self.tap {
            tap.offer(Message::Calibration(calibration.clone()));
            if !route.points.is_empty() {
                tap.offer(Message::Route(route.clone()));
            }
        }
    }

    /// A message was written.
    pub fn message(&self, message: Message) {
        if let Some(tap) = &self.tap {
            tap.offer(message);
        }
    }

    /// A frame has reached the log.
    pub fn frame(&self, frame: &Frame, tally: &Tally) {
        if let Some(metrics) = &self.metrics {
            metrics.frame(frame, tally);
        }
    }

    /// Where a frame's time went, writing included.
    pub fn times(&self, spans: &Spans) {
        if let Some(metrics) = &self.metrics {
            metrics.times(spans);
        }
    }

    /// A command was made.
    pub fn command(&self, command: &Command) {
        if let Some(metrics) = &self.metrics {
            metrics.command(command);
        }
    }

    /// What the log leaves out.
    pub fn log(&self, lost: (u64, u64), ended: bool) {
        if let Some(metrics) = &self.metrics {
            metrics.log(lost, ended);
            if let Some(tap) = &self.tap {
                let (connected, lost) = tap.counts();
                metrics.viewers(connected, lost);
            }
        }
    }

    /// The metrics, for those who have more to tell: modes, clocks.
    #[must_use]
    pub fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_deref()
    }
}

/// The open sockets of a watched run; they close when it is dropped.
#[derive(Debug, Default)]
pub struct Watchers {
    live: Option<LiveView>,
    metrics: Option<(MetricsServer, Arc<Metrics>)>,
}

impl Watchers {
    /// Opens what was asked for.
    ///
    /// # Errors
    /// An address that is taken or not of this computer.
    pub fn open(live: Option<SocketAddr>, metrics: Option<SocketAddr>) -> anyhow::Result<Self> {
        let live = live.map(LiveView::open).transpose()?;
        let metrics = match metrics {
            None => None,
            Some(address) => {
                let counts = Arc::default();
                Some((MetricsServer::open(address, &counts)?, counts))
            }
        };
        Ok(Self { live, metrics })
    }

    /// For the log thread.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch {
            tap: self.live.as_ref().map(LiveView::tap),
            metrics: self.metrics.as_ref().map(|(_, counts)| Arc::clone(counts)),
        }
    }

    /// Where viewers are awaited, if they are.
    #[must_use]
    pub fn live_address(&self) -> Option<SocketAddr> {
        self.live.as_ref().map(LiveView::address)
    }

    /// Where to look, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let live = self.live.as_ref().map(|live| {
            format!(
                "live view: ws://{} (in Foxglove or Lichtblick: open connection, Foxglove WebSocket)",
                live.address()
            )
        });
        let metrics = self.metrics.as_ref().map(|(server, _)| format!("metrics: http://{}/metrics", server.address()));
        live.into_iter().chain(metrics).collect()
    }
}

/// `PORT`, on the loopback, or `ADDRESS:PORT`.
///
/// # Errors
/// Neither of them.
pub fn address(text: &str) -> anyhow::Result<SocketAddr> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => bail!("{text} is neither PORT nor ADDRESS:PORT, such as 8765 or 0.0.0.0:8765"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_computer_only() {
        assert_eq!(address("8765").unwrap(), "127.0.0.1:8765".parse().unwrap());
        assert_eq!(address("0.0.0.0:1").unwrap(), "0.0.0.0:1".parse().unwrap());
        assert_eq!(address("[::1]:9").unwrap(), "[::1]:9".parse().unwrap());
        for text in ["", "65536", "localhost:1", ":8765", "-1"] {
            assert!(address(text).unwrap_err().to_string().contains("PORT"), "{text}");
        }
    }

    #[test]
    fn a_taken_address_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        for (live, metrics, option) in [(Some(address), None, "--live"), (None, Some(address), "--metrics")] {
            let error = format!("{:#}", Watchers::open(live, metrics).unwrap_err());
            assert!(error.starts_with(&format!("{option} {address}: ")), "{error}");
        }
    }
}
