//! The misalignment of camera and lidar. Protects: a turn that is put into a drive's calibration is measured, and a recorded drive whose
//! calibration is good comes out near zero.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use nalgebra::UnitQuaternion;
use perception::misalignment::Turn;
use recordings::{Compression, DriveWriter, Message, RunRecord};
use serde_json::Value;
use std::path::Path;
use support::{chauffeur, messages, real_drives, succeed, text};

/// A copy of a drive whose calibration has the camera turned: what it then is turned by, beside its calibration, is the opposite.
fn turned(drive: &Path, copy: &Path, turn: Turn) {
    let mut writer = DriveWriter::create(copy, &RunRecord::default(), Compression::None).unwrap();
    for mut message in messages(drive) {
        if let Message::Calibration(calibration) = &mut message {
            let camera = calibration.camera.as_mut().unwrap();
            let rotation = UnitQuaternion::from_rotation_matrix(&turn.of_points());
            camera.camera_from_lidar = rotation.inverse() * camera.camera_from_lidar;
        }
        writer.write(&message).unwrap();
    }
    writer.finish().unwrap();
}

/// Exit code, and roll, pitch, yaw, deg.
fn measure(drive: &Path) -> (Option<i32>, [f64; 3]) {
    let output = chauffeur(&["calibrate", text(drive), "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let turns = std::array::from_fn(|axis| said["axes"][axis]["turn_deg"].as_f64().unwrap());
    println!("{}: {turns:?}, {}", drive.display(), said["verdict"]);
    (output.status.code(), turns)
}

fn check(drive: &Path, folder: &Path, tolerance_deg: f64) {
    let (code, straight) = measure(drive);
    assert!(code == Some(0) && straight.iter().all(|turn| turn.abs() < tolerance_deg), "{straight:?}");
    for turn in [[0.0, 0.0, 0.8], [0.0, -0.7, 0.0], [0.5, 0.0, -0.9]] {
        let copy = folder.join("turned.mcap");
        turned(drive, &copy, Turn::from_array(turn));
        let (code, found) = measure(&copy);
        assert_eq!(code, Some(1), "{turn:?} is beyond the tolerance");
        for axis in 0..3 {
            // What the drive says without the turn is its own.
            let added = found[axis] - straight[axis];
            assert!((added - turn[axis]).abs() < 0.2, "{turn:?}: {found:?} after {straight:?}");
        }
    }
}

#[test]
fn a_turn_in_a_simulated_drive_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let drive = folder.path().join("town.mcap");
    succeed(&["simulate", "urban", "--seed", "12", "--open-loop", "--duration", "8", "--output", text(&drive)]);
    check(&drive, folder.path(), 0.4);
}

#[test]
fn a_turn_in_a_recorded_drive_is_measured() {
    let Some(root) = real_drives("a_turn_in_a_recorded_drive_is_measured") else { return };
    let folder = tempfile::tempdir().unwrap();
    let drive = folder.path().join("redlight.mcap");
    let root = root.join("kitti_tracking");
    succeed(&["import", "kitti", "--root", text(&root), "--sequence", "redlight", "--output", text(&drive)]);
    check(&drive, folder.path(), 0.2);
}
