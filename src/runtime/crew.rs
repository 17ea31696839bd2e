//! Threads with names, and the one way they all end.

use super::fault::FaultCell;
use super::stage::panic_text;
use super::watchdog::{self, Heartbeat};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Starts named threads and waits for them with a time limit, naming whoever did not come.
pub struct Crew {
    done_sender: Sender<&'static str>,
    done: Receiver<&'static str>,
    out: Vec<&'static str>,
    fault: Arc<FaultCell>,
}

/// Says that its thread is done, also when it panics.
struct Done(&'static str, Sender<&'static str>);

impl Drop for Done {
    fn drop(&mut self) {
        let _ = self.1.try_send(self.0);
    }
}

impl Crew {
    /// A crew that reports its faults there.
    #[must_use]
    pub fn new(fault: &Arc<FaultCell>) -> Self {
        let (done_sender, done) = bounded(64);
        Self { done_sender, done, out: Vec::new(), fault: Arc::clone(fault) }
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(&mut self, name: &'static str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        let (sender, fault) = (self.done_sender.clone(), Arc::clone(&self.fault));
        let body = move || {
            let _done = Done(name, sender);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                fault.report(name, format!("panicked: {}", panic_text(panic.as_ref())));
            }
        };
        std::thread::Builder::new().name(name.to_string()).spawn(body)?;
        self.out.push(name);
        Ok(())
    }

    /// Threads that have not ended.
    #[must_use]
    pub fn out(&self) -> &[&'static str] {
        &self.out
    }

    /// Waits for one thread, watching heartbeats, unless it hangs itself.
    pub fn wait_for(&mut self, name: &'static str, own: &Heartbeat, heartbeats: &[Arc<Heartbeat>]) {
        while self.out.contains(&name) {
            if let Ok(done) = self.done.recv_timeout(Duration::from_millis(20)) {
                self.out.retain(|out| *out != done);
            }
            watchdog::check(heartbeats, &self.fault);
            if own.overdue().is_some() {
                self.fault.report(name, "hung");
                return;
            }
        }
    }

    /// Waits for all threads, watching heartbeats. After a fault they have `limit` to come home.
    pub fn wait(&mut self, heartbeats: &[Arc<Heartbeat>], limit: Duration) {
        let mut deadline: Option<Instant> = None;
        while !self.out.is_empty() {
            if let Ok(name) = self.done.recv_timeout(Duration::from_millis(20)) {
                self.out.retain(|out| *out != name);
            }
            watchdog::check(heartbeats, &self.fault);
            if self.fault.is_set() {
                let end = *deadline.get_or_insert_with(|| Instant::now() + limit);
                if Instant::now() >= end {
                    return;
                }
            }
        }
    }
}

/// Calls `action` again and again until the guard is dropped.
pub fn periodically(period: Duration, mut action: impl FnMut() + Send + 'static) -> impl Drop {
    struct Guard(Option<Sender<()>>, Option<std::thread::JoinHandle<()>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.take();
            if let Some(thread) = self.1.take() {
                let _ = thread.join();
            }
        }
    }
    let (guard, end) = bounded::<()>(0);
    let body = move || {
        while let Err(crossbeam_channel::RecvTimeoutError::Timeout) = end.recv_timeout(period) {
            action();
        }
    };
    Guard(Some(guard), std::thread::Builder::new().name("progress".to_string()).spawn(body).ok())
}
