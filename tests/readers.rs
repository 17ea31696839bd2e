//! The log opens in somebody else's reader. Protects: complete schemas inside the file, and no need of our own code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use std::process::Command;
use support::{replay, street, succeed, text};

#[test]
fn python_reads_every_message() {
    let available = Command::new("python3").args(["-c", "import mcap, mcap_protobuf"]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 with mcap and mcap-protobuf-support is absent");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = replay(&street(), folder.path(), "log.mcap", &[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_mcap.py");
    let topics = [
        "/camera/front/image",
        "/camera/front/calibration",
        "/lidar/top/points",
        "/tf",
        "/ego",
        "/tick",
        "/detections",
        "/detections/scene",
        "/tracks",
        "/tracks/scene",
        "/plan",
        "/plan/scene",
        "/command",
    ];
    let output = Command::new("python3").arg(script).arg(text(&log)).args(topics).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn python_reads_an_exported_bag() {
    let available = Command::new("python3").args(["-c", "import mcap, mcap_ros2"]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 with mcap and mcap-ros2-support is absent");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = replay(&street(), folder.path(), "log.mcap", &["--models", "none"]);
    let bag = folder.path().join("bag.mcap");
    succeed(&["export", "ros2", text(&log), "--output", text(&bag)]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_ros2.py");
    let topics = [
        "/tf_static",
        "/tf",
        "/lidar/top/points",
        "/camera/front/image_rect/compressed",
        "/camera/front/camera_info",
        "/ins/odometry",
        "/ego/odometry",
        "/tracks",
        "/plan",
        "/command",
    ];
    let output = Command::new("python3").arg(script).arg(text(&bag)).args(topics).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("base_link to lidar, base_link to camera") && said.contains("odom to base_link"), "{said}");
}
