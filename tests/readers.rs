//! The log opens in somebody else's reader. Protects: complete schemas inside the file, and no need of our own code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::Message;
use std::process::Command;
use support::{messages, replay, street, succeed, text};

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

/// The other way round: a bag that another library wrote becomes a drive in which everything lies where it was put.
#[test]
fn a_bag_of_rosbags_becomes_a_drive() {
    let available = Command::new("python3").args(["-c", "import rosbags"]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 with rosbags is absent");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/write_ros2.py");
    for pose_of in ["odometry", "fix"] {
        let (bag, drive) = (folder.path().join(pose_of), folder.path().join(format!("{pose_of}.mcap")));
        let written = Command::new("python3").arg(script).args([text(&bag), pose_of]).output().unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        succeed(&["import", "ros2", text(&bag), "--output", text(&drive)]);
        let mut base_from_lidar = None;
        let (mut sweeps, mut images, mut places) = (0, 0, Vec::new());
        for message in messages(&drive) {
            match message {
                Message::Calibration(calibration) => {
                    let camera = calibration.camera.expect("a camera");
                    assert_eq!((camera.width, camera.height, camera.k[(0, 0)]), (64, 48, 50.0));
                    // The eye is 0.3 m ahead of the lidar and 0.4 m below it, and looks along the car.
                    let eye = camera.camera_from_lidar * calibration.base_from_lidar.inverse();
                    let ahead = eye * nalgebra::Point3::new(11.5, 0.0, 1.4);
                    assert!((ahead - nalgebra::Point3::new(0.0, 0.0, 10.0)).norm() < 1e-9, "{ahead}");
                    base_from_lidar = Some(calibration.base_from_lidar);
                }
                Message::Lidar(sweep) => {
                    let mut cloud = types::PointCloud::default();
                    perception::decode::points(&sweep, &mut cloud).unwrap();
                    assert_eq!((cloud.len(), cloud.ring[399], cloud.time_ns[399]), (400, 1, 199_000));
                    for i in 0..400 {
                        let point = [cloud.x[i], cloud.y[i], cloud.z[i]].map(f64::from);
                        let at = base_from_lidar.expect("first the calibration") * nalgebra::Point3::from(point);
                        let wanted = [0.8, 1.8][usize::from(cloud.ring[i])];
                        assert!((at.y - 5.0).abs() < 1e-5 && (at.z - wanted).abs() < 1e-5, "{at}");
                    }
                    sweeps += 1;
                }
                Message::Camera(_) => images += 1,
                Message::Ins(fix) => {
                    // A single fix tells no speed.
                    let speed_mps = if pose_of == "fix" && places.is_empty() { 0.0 } else { 10.0 };
                    assert!((fix.state.speed_mps - speed_mps).abs() < 0.05, "{}", fix.state.speed_mps);
                    places.push(fix.state.odom_from_base.translation.x);
                }
                _ => {}
            }
        }
        assert_eq!((sweeps, images, places.len()), (10, 10, 10), "{pose_of}");
        assert!((places[9] - places[0] - 9.0).abs() < 0.05, "{pose_of}: {places:?}");
    }
}
