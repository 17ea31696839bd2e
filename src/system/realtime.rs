//! A thread that others do not push aside, and memory that is never fetched from disk. Both need rights that the systemd unit gives
//! (`LimitRTPRIO`, `LimitMEMLOCK`); without them the drive goes on as an ordinary process and says so.

use anyhow::Context;

/// Priority of control among threads of SCHED_FIFO: above the kernel's threaded interrupts (50) only by the supervisor.
pub const CONTROL_PRIORITY: i32 = 60;
/// Priority of the supervisor, which must run when control hangs.
pub const SUPERVISOR_PRIORITY: i32 = 70;

/// Keeps all memory of this process, now and later, in RAM.
///
/// # Errors
/// The limit is too low (`RLIMIT_MEMLOCK`).
pub fn lock_memory() -> anyhow::Result<()> {
    use rustix::mm::{MlockAllFlags, mlockall};
    // Only pages that are touched are kept: an allocator that reserves much and uses little costs nothing.
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    mlockall(flags).context("memory is not locked (RLIMIT_MEMLOCK, CAP_IPC_LOCK)")
}

/// Makes this thread one of SCHED_FIFO with that priority, 1 to 99.
///
/// # Errors
/// The limit is too low (`RLIMIT_RTPRIO`), or the system has no such scheduling.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn make_thread_fifo(priority: i32) -> anyhow::Result<()> {
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: the pointer is to a structure of ours that lives through the call; 0 names the calling thread.
    let code =
        unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const parameters) };
    if code < 0 {
        let error = std::io::Error::last_os_error();
        return Err(error)
            .with_context(|| format!("SCHED_FIFO {priority} is not to be had (RLIMIT_RTPRIO, CAP_SYS_NICE)"));
    }
    Ok(())
}

/// Makes this thread one of SCHED_FIFO.
///
/// # Errors
/// Always: only Linux is supported.
#[cfg(not(target_os = "linux"))]
pub fn make_thread_fifo(priority: i32) -> anyhow::Result<()> {
    anyhow::bail!("SCHED_FIFO {priority}: only on Linux")
}

/// The limit of a resource: the highest real-time priority, or bytes of locked memory. `None` is no limit.
#[must_use]
pub fn limits() -> (Option<u64>, Option<u64>) {
    use rustix::process::{Resource, getrlimit};
    (getrlimit(Resource::Rtprio).current, getrlimit(Resource::Memlock).current)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it may be had it is had, where not one line says why.
    #[test]
    fn rights_are_used_or_their_lack_is_told() {
        let thread = std::thread::Builder::new().spawn(|| make_thread_fifo(1)).unwrap();
        if let Err(error) = thread.join().unwrap() {
            assert!(format!("{error:#}").contains("RLIMIT_RTPRIO"), "{error:#}");
        }
        let impossible = std::thread::Builder::new().spawn(|| make_thread_fifo(1000)).unwrap();
        assert!(impossible.join().unwrap().is_err());
    }
}
