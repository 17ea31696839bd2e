//! The determinism contract. Protects: a drive that is replayed tomorrow gives the bits of today, however the threads
//! were scheduled, and a car's own drive, drops included, can be made again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::{Compression, DriveWriter, Message, RunRecord};
use std::fs;
use support::{fail, long_drive, messages, replay, street, text};

/// Long drives run without networks: what is promised here does not depend on the detector.
const GEOMETRY: [&str; 2] = ["--models", "none"];

/// Messages without measured times, which are the only thing that may differ.
fn without_times(messages: Vec<Message>) -> Vec<Message> {
    messages.into_iter().filter(|message| !matches!(message, Message::Latency(_))).collect()
}

fn assert_same(left: &[Message], right: &[Message]) {
    for (a, b) in left.iter().zip(right) {
        assert!(a == b, "first difference on {} at {:?}:\n{a:?}\n{b:?}", a.topic(), a.stamp());
    }
    assert_eq!(left.len(), right.len());
}

#[test]
fn two_runs_write_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let first = replay(&street(), folder.path(), "a.mcap", &[]);
    let second = replay(&street(), folder.path(), "b.mcap", &[]);
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap());
}

#[test]
fn threads_and_one_thread_write_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let threaded = replay(&street(), folder.path(), "a.mcap", &[]);
    let serial = replay(&street(), folder.path(), "b.mcap", &["--serial"]);
    assert!(fs::read(threaded).unwrap() == fs::read(serial).unwrap());
}

/// With threads, localization runs beside detection. A frame that detection gives up must leave no other trace than when both run in turn.
#[test]
fn broken_images_are_given_up_alike_by_threads_and_by_one_thread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.mcap");
    let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::None).unwrap();
    for mut message in messages(&street()) {
        if let Message::Camera(frame) = &mut message
            && matches!(frame.seq, 10..13 | 30)
        {
            frame.data.truncate(100);
        }
        writer.write(&message).unwrap();
    }
    writer.finish().unwrap();
    let threaded = replay(&path, folder.path(), "a.mcap", &[]);
    let serial = replay(&path, folder.path(), "b.mcap", &["--serial"]);
    assert!(fs::read(&threaded).unwrap() == fs::read(serial).unwrap());
    let egos = messages(&threaded).iter().filter(|message| matches!(message, Message::Ego { .. })).count();
    let seen = messages(&threaded).iter().filter(|message| matches!(message, Message::Detections(_))).count();
    assert_eq!((egos, seen), (60, 56), "a broken image takes the detections of its frame and leaves the pose");
}

#[test]
fn a_replay_of_a_replay_is_the_same_drive() {
    let folder = tempfile::tempdir().unwrap();
    let first = replay(&street(), folder.path(), "a.mcap", &GEOMETRY);
    let second = replay(&first, folder.path(), "b.mcap", &GEOMETRY);
    assert_same(&messages(&first), &messages(&second));
}

#[test]
fn a_run_with_drops_is_made_again_faithfully() {
    let folder = tempfile::tempdir().unwrap();
    // So fast that no machine keeps up, and long enough that a busy one gets some frames through.
    let with = |more: &[&'static str]| [&GEOMETRY[..], more].concat();
    let (drive, fast) = (long_drive(folder.path(), 6), with(&["--mode", "realtime", "--rate", "60"]));
    let live = replay(&drive, folder.path(), "live.mcap", &fast);
    let drops = messages(&live).iter().rev().find_map(|message| match message {
        Message::Admission(admission) => Some(admission.dropped),
        _ => None,
    });
    assert!(drops > Some(0), "the run dropped nothing: {drops:?}");
    let again = replay(&live, folder.path(), "again.mcap", &with(&["--mode", "faithful"]));
    assert_same(&without_times(messages(&live)), &messages(&again));
    let serial = replay(&live, folder.path(), "serial.mcap", &with(&["--mode", "faithful", "--serial"]));
    assert!(fs::read(again).unwrap() == fs::read(serial).unwrap());
}

#[test]
fn from_detections_equals_the_full_run_downstream() {
    let folder = tempfile::tempdir().unwrap();
    let drive = long_drive(folder.path(), 3);
    for (name, more) in [("lossless", &["--mode", "lossless"][..]), ("live", &["--mode", "realtime", "--rate", "30"])] {
        let full = replay(&drive, folder.path(), &format!("{name}.mcap"), &[&GEOMETRY[..], more].concat());
        let injected = replay(&full, folder.path(), &format!("{name}.injected.mcap"), &["--mode", "from-detections"]);
        let downstream = |drive| {
            let wanted =
                |message: &Message| matches!(message, Message::Tracks(_) | Message::Plan(_) | Message::Command(_));
            messages(drive).into_iter().filter(wanted).collect::<Vec<_>>()
        };
        let expected = downstream(&full);
        assert!(expected.len() > 100);
        assert_same(&expected, &downstream(&injected));
        // Nor does it need the sensors: a thin copy is enough.
        let thin = folder.path().join(format!("{name}.thin.mcap"));
        recordings::files::slice(&full, 0.0, None, true, &thin, recordings::Compression::Lz4).unwrap();
        assert!(10 * fs::metadata(&thin).unwrap().len() < fs::metadata(&full).unwrap().len());
        let injected = replay(&thin, folder.path(), &format!("{name}.of-thin.mcap"), &["--mode", "from-detections"]);
        assert_same(&expected, &downstream(&injected));
    }
}

#[test]
fn a_silent_drive_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty_road.mcap");
    let street = messages(&street());
    let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::None).unwrap();
    for message in street {
        // A lidar that sees nothing but two points high in the air.
        let message = match message {
            Message::Lidar(sweep) => {
                let mut blind = sweep;
                blind.data.truncate(2 * blind.stride);
                Message::Lidar(blind)
            }
            other => other,
        };
        writer.write(&message).unwrap();
    }
    writer.finish().unwrap();
    let log = folder.path().join("out.mcap");
    let said = fail(&["replay", text(&path), "--output", text(&log), "--models", "none"], 1);
    assert!(said.contains("silent drive: no tracks in"), "{said}");
}
