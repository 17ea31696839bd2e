//! A drive that is killed without any warning. Protects: at most a second is lost, and the file opens.
//!
//! Five kills at seeded random moments; `CHAUFFEUR_KILLS` makes it more (`just kills`: fifty).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)] // a test may panic, wait and look at the clock

mod support;

use recordings::{DriveReader, RecordingError};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{long_drive, messages, succeed, text};

/// What may be lost, s.
const LOSS_S: f64 = 1.0;

#[test]
fn a_killed_drive_loses_at_most_a_second() {
    let kills = std::env::var("CHAUFFEUR_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let folder = tempfile::tempdir().unwrap();
    let drive = long_drive(folder.path(), 3);
    let first = messages(&drive).iter().find_map(recordings::Message::stamp).unwrap();
    let (mut state, mut worst) = (7_u64, 0.0_f64);
    for kill in 0..kills {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = Duration::from_millis(300 + (state >> 33) % 5_000);
        let log = folder.path().join(format!("{kill}.mcap"));
        let compression = ["none", "lz4", "zstd"][kill % 3];
        let mut child = Command::new(env!("CARGO_BIN_EXE_chauffeur"))
            .args(["replay", text(&drive), "--mode", "realtime", "--models", "none", "--output", text(&log)])
            .args(["--compression", compression])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The first line is said right before the clock of the drive starts.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let start = Instant::now();
        std::thread::sleep(wait);
        let lived_s = start.elapsed().as_secs_f64();
        child.kill().unwrap();
        child.wait().unwrap();

        let items = DriveReader::open_cut(&log).unwrap().collect::<Vec<_>>();
        assert!(items.iter().all(|item| matches!(item, Ok(_) | Err(RecordingError::Truncated { .. }))), "kill {kill}");
        let last = items.iter().filter_map(|item| item.as_ref().ok()?.stamp()).max();
        let lost_s = lived_s - last.map_or(0.0, |last| last.seconds_since(first));
        worst = worst.max(lost_s);
        assert!(lost_s <= LOSS_S, "kill {kill} after {lived_s:.2} s: {lost_s:.2} s are lost ({compression})");
        // And recover makes a drive of it that opens like any other, with nothing less in it.
        let clean = folder.path().join("clean.mcap");
        succeed(&["recover", text(&log), "--output", text(&clean)]);
        assert!(messages(&clean).len() >= items.iter().filter(|item| item.is_ok()).count());
    }
    println!("{kills} kills: at most {worst:.2} s lost");
}
