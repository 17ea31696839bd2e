//! The thread that takes connections, so many and no more.

use super::{MOST_VIEWERS, Shared, viewer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Between two looks at whether the view is to close.
const STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Takes connections until the view is closed, then waits for the viewers' threads.
pub(super) fn run(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    while !shared.closing() {
        let mut wait = [PollFd::new(listener, PollFlags::IN)];
        let _ = poll(&mut wait, Some(&STEP));
        // One a turn: whoever connects in a loop is slowed down, and costs no thread beyond the limit.
        let Ok((stream, _)) = listener.accept() else { continue };
        threads.retain(|thread: &std::thread::JoinHandle<()>| !thread.is_finished());
        if shared.connections.load(Ordering::Acquire) >= MOST_VIEWERS {
            drop(stream);
            continue;
        }
        shared.connections.fetch_add(1, Ordering::AcqRel);
        let body = {
            let shared = Arc::clone(shared);
            move || {
                let _end = End(&shared);
                viewer::serve(stream, &shared);
            }
        };
        match std::thread::Builder::new().name("viewer".into()).spawn(body) {
            Ok(thread) => threads.push(thread),
            Err(_) => {
                shared.connections.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Gives the place free, also when the thread panics.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}
