//! Memory does not grow with the drive. Protects: hours of drive on a small machine, a thousand replays on a big one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use std::path::Path;
use support::{long_drive, succeed, text};

fn peak_mb(drive: &Path, folder: &Path) -> Option<f64> {
    let said = succeed(&["replay", text(drive), "--output", text(&folder.join("log.mcap")), "--models", "none"]);
    let line = said.lines().find(|line| line.starts_with("peak memory"))?;
    line.split_whitespace().nth(2)?.parse().ok()
}

#[test]
fn peak_memory_is_bounded_and_independent_of_length() {
    let folder = tempfile::tempdir().unwrap();
    let Some(short) = peak_mb(&long_drive(folder.path(), 2), folder.path()) else {
        eprintln!("skipped: this system does not tell the peak memory of a process");
        return;
    };
    let long = peak_mb(&long_drive(folder.path(), 10), folder.path()).unwrap();
    assert!(short < 500.0 && long < 500.0, "{short} MB and {long} MB");
    assert!(long < short + 30.0, "five times the length: {short} MB became {long} MB");
}
