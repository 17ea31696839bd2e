//! Memory does not grow with the drive. Protects: hours of drive on a small machine, a thousand replays on a big one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)] // a test may panic

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
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

/// The most memory that a command has had, MB, looked at while it runs; `None` where the system does not tell.
fn peak_of(arguments: &[&str]) -> Option<f64> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chauffeur"));
    let mut child = command.args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = None;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM:"));
        let found = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        peak_kb = found.into_iter().chain(peak_kb).reduce(f64::max);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success(), "{arguments:?}");
    Some(peak_kb? * 1.024e-3)
}

#[test]
fn whole_files_are_never_held() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let [bag, out, half, rest] = ["bag.mcap", "out.mcap", "half.mcap", "rest.mcap"].map(file);
    let drive = long_drive(folder.path(), 40);
    let megabytes = std::fs::metadata(&drive).unwrap().len() as f64 * 1e-6;
    let (drive, bag, out, half, rest) = (text(&drive), text(&bag), text(&out), text(&half), text(&rest));
    succeed(&["slice", drive, "--to", "120", "--output", half]);
    succeed(&["slice", drive, "--from", "120", "--output", rest]);
    for arguments in [
        &["slice", drive, "--from", "1", "--output", out][..],
        &["recover", drive, "--output", out],
        &["merge", half, rest, "--output", out],
        &["export", "ros2", drive, "--output", bag],
        &["import", "ros2", bag, "--output", out],
        &["info", drive],
    ] {
        let Some(peak) = peak_of(arguments) else {
            eprintln!("skipped: this system does not tell the peak memory of a process");
            return;
        };
        println!("{}: {peak:.0} MB for a file of {megabytes:.0} MB", arguments[0]);
        assert!(peak < 60.0 && peak < 0.6 * megabytes, "{arguments:?}: {peak:.0} MB for a file of {megabytes:.0} MB");
    }
}
