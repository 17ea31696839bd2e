//! A disk that is full in the middle of a drive. Protects: the drive goes on, the log closes cleanly, the operator is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic
#![cfg(target_os = "linux")]

mod support;

use recordings::{DriveReader, RecordingError};
use std::path::Path;
use std::process::{Command, Output};
use support::{long_drive, succeed, text};

/// Drives in real time, ten times as fast, with the log at `$1` and the drive at `$2`.
const DRIVE: &str = "\"$0\" replay \"$2\" --mode realtime --rate 6 --models none --compression none --output \"$1\"";

fn shell(script: &str, log: &Path, drive: &Path) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_chauffeur"), text(log), text(drive)]).output().unwrap()
}

/// The drive went on to its end although the log did not, and both were told.
fn check_told(output: &Output, reason: &str) {
    let [said, told] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert_eq!(output.status.code(), Some(1), "{said}{told}");
    assert!(told.contains("the log has ended, the drive goes on: ") && told.contains(reason), "{told}");
    assert!(told.contains("the log ended before the drive: "), "{told}");
    let commands = said.split(", ").find_map(|part| part.trim().split_once(" commands")?.0.parse::<u64>().ok());
    // 24 s of a hundred ticks each; six times as fast, a busy machine misses some.
    assert!(commands.unwrap() > 1200, "{said}");
}

#[test]
fn the_log_ends_whole_on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (drive, mount, kept) =
        (long_drive(folder.path(), 4), folder.path().join("disk"), folder.path().join("kept.mcap"));
    std::fs::create_dir(&mount).unwrap();
    // A disk of 24 MB that only this process sees; the drive's log has more. What is on it is copied before it is gone.
    let script = format!(
        "mount -t tmpfs -o size=24m none \"$(dirname \"$1\")\" || exit 77\n{DRIVE}; code=$?; cp \"$1\" '{}'; exit $code",
        text(&kept)
    );
    let log = mount.join("log.mcap");
    let script =
        format!("unshare --mount --map-root-user bash -c '{}' \"$0\" \"$1\" \"$2\"", script.replace('\'', "'\\''"));
    let output = shell(&script, &log, &drive);
    if !kept.is_file() {
        eprintln!("skipped: no file system can be mounted here: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    check_told(&output, "the disk is full: No space left on device");
    let reader = DriveReader::open(&kept).unwrap();
    let stamps = reader.map(|message| message.unwrap().stamp()).collect::<Vec<_>>();
    assert!(stamps.len() > 200, "{} messages", stamps.len());
    assert!(std::fs::metadata(&kept).unwrap().len() > 4_000_000);
}

#[test]
fn a_log_that_breaks_off_is_told_and_can_be_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let (drive, log) = (long_drive(folder.path(), 4), folder.path().join("log.mcap"));
    // A limit on the size of a file is found out by writing alone: nothing was kept free.
    let output = shell(&format!("trap '' XFSZ; ulimit -f 8192; exec {DRIVE}"), &log, &drive);
    check_told(&output, "File too large");
    let cut = DriveReader::open(&log).err().unwrap();
    assert!(matches!(cut, RecordingError::Truncated { .. }), "{cut}");
    let clean = folder.path().join("clean.mcap");
    succeed(&["recover", text(&log), "--output", text(&clean)]);
    let saved = DriveReader::open(&clean).unwrap().map(Result::unwrap).count();
    assert!(saved > 20, "{saved} messages");
}
