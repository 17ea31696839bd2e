//! `chauffeur drive` as a process of its own, for benches that are the car.
#![allow(clippy::disallowed_methods)] // a process is waited for

use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A process that was asked to end gets so long, s.
const ENDS_S: u64 = 40;

/// Starts `chauffeur drive` for the car described in a folder. Its words go to `drive.out` and `drive.err` there.
///
/// # Errors
/// What the system says.
pub fn start(folder: &Path, log: &Path, options: &[impl AsRef<OsStr>]) -> anyhow::Result<Child> {
    if log.exists() {
        // Of the try before.
        std::fs::remove_file(log)?;
    }
    // A file that may not grow is an error to the one who writes, as a full disk is, and no signal.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe()?)
        .arg("drive")
        .arg(folder.join("car.toml"))
        .arg("--output")
        .arg(log)
        .args(options)
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(folder.join("drive.out"))?)
        .stderr(std::fs::File::create(folder.join("drive.err"))?)
        .spawn()?;
    Ok(child)
}

/// Asks the process to end, and ends it if it does not; how it ended by itself.
///
/// # Errors
/// What the system says.
pub fn end(child: &mut Child) -> anyhow::Result<Option<ExitStatus>> {
    if child.try_wait()?.is_none() {
        // It may just have ended.
        let _ = kill_process(Pid::from_child(child), Signal::TERM);
        let _ = kill_process(Pid::from_child(child), Signal::CONT);
    }
    for _ in 0..20 * ENDS_S {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// How it ended, in words.
#[must_use]
pub fn how(ended: Option<ExitStatus>) -> String {
    match ended {
        Some(status) => status.code().map_or("by a signal".to_string(), |code| format!("exit code {code}")),
        None => "HUNG".to_string(),
    }
}
