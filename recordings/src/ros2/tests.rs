//! A drive that goes out as a bag and comes back is the same drive.

use super::*;
use crate::{Compression, DriveReader, DriveWriter, Message, RunRecord, samples};
use std::fs;
use std::path::Path;

fn drive(path: &Path) {
    let mut writer = DriveWriter::create(path, &RunRecord::default(), Compression::Lz4).unwrap();
    writer.write(&Message::Calibration(samples::calibration())).unwrap();
    for frame in 0..4 {
        for mut message in samples::frame(frame) {
            // The samples' bytes are no image and no points.
            if let Message::Camera(image) = &mut message {
                let mut png = std::io::Cursor::new(Vec::new());
                image::GrayImage::new(1242, 375).write_to(&mut png, image::ImageFormat::Png).unwrap();
                image.data = png.into_inner();
            } else if let Message::Lidar(sweep) = &mut message {
                let values = (0..4000).map(|n| if n % 4 == 3 { 0.25 } else { (n % 91) as f32 - 45.5 });
                sweep.data = values.flat_map(f32::to_le_bytes).collect();
            }
            writer.write(&message).unwrap();
        }
    }
    writer.finish().unwrap();
}

fn choice(odometry: &str) -> Choice {
    Choice { odometry: Some(odometry.into()), ..Choice::default() }
}

#[test]
fn a_drive_survives_the_way_through_a_bag() {
    let folder = tempfile::tempdir().unwrap();
    let [there, bag, back] = ["drive.mcap", "bag.mcap", "back.mcap"].map(|name| folder.path().join(name));
    drive(&there);
    export(&there, &bag, Compression::Zstd).unwrap();
    let summary = import(&bag, &choice("/ins/odometry"), &back, Compression::Lz4).unwrap();
    assert_eq!((summary.sweeps, summary.images, summary.ins_fixes, summary.findings.len()), (4, 4, 4, 0));
    let messages = |path: &Path| DriveReader::open(path).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let (before, after) = (messages(&there), messages(&back));
    let found =
        |wanted: fn(&&Message) -> bool, list: &[Message]| list.iter().filter(wanted).cloned().collect::<Vec<_>>();
    let is_sensor: fn(&&Message) -> bool = |message| matches!(message, Message::Camera(_) | Message::Lidar(_));
    assert!(found(is_sensor, &before) == found(is_sensor, &after));
    let [calibration, again] = [&before, &after].map(|list| {
        list.iter().find_map(|message| match message {
            Message::Calibration(calibration) => Some(calibration.clone()),
            _ => None,
        })
    });
    let (calibration, again) = (calibration.unwrap(), again.unwrap());
    let (camera, same) = (calibration.camera.unwrap(), again.camera.unwrap());
    assert!((calibration.base_from_lidar.inverse() * again.base_from_lidar).translation.vector.norm() < 1e-9);
    assert!((camera.camera_from_lidar.inverse() * same.camera_from_lidar).rotation.angle() < 1e-7);
    assert_eq!((camera.k, camera.width, camera.height), (same.k, same.width, same.height));
    let fixes = |list: &[Message]| {
        let fixes = list.iter().filter_map(|message| match message {
            Message::Ins(fix) => Some((fix.state.stamp, fix.state.speed_mps, fix.state.odom_from_base.translation.x)),
            _ => None,
        });
        fixes.collect::<Vec<_>>()
    };
    assert_eq!(fixes(&before), fixes(&after));
}

#[test]
fn what_is_ambiguous_or_foreign_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let [there, bag, back] = ["drive.mcap", "bag.mcap", "back.mcap"].map(|name| folder.path().join(name));
    drive(&there);
    export(&there, &bag, Compression::None).unwrap();
    let refusal = |bag: &Path, choice: Choice| import(bag, &choice, &back, Compression::Lz4).unwrap_err().to_string();
    let said = refusal(&bag, Choice::default());
    let two = "2 topics of nav_msgs/msg/Odometry: /ego/odometry, /ins/odometry: choose one with --odometry";
    assert!(said.ends_with(two), "{said}");
    let said = refusal(&bag, choice("/nowhere"));
    assert!(said.contains("--odometry /nowhere: no such topic of nav_msgs/msg/Odometry; there: /ego"), "{said}");
    let said = refusal(&bag, Choice { base: Some("rear_axle".into()), ..choice("none") });
    let lost = "lidar: no transform leads from rear_axle to lidar; transforms: odom to base_link, base_link to camera, base_link to lidar";
    assert!(said.ends_with(lost), "{said}");
    let said = refusal(&there, Choice::default());
    assert!(said.contains("nothing to import: neither sensor_msgs/msg/PointCloud2"), "{said}");
    assert!(said.contains("/calibration has protobuf messages of chauffeur.Calibration"), "{said}");
    let database = folder.path().join("bag_0.db3");
    fs::write(&database, b"SQLite format 3").unwrap();
    assert!(
        refusal(&database, Choice::default()).contains("an SQLite bag: make an MCAP of it with `ros2 bag convert`")
    );
}

#[test]
fn a_folder_of_files_is_one_bag() {
    let folder = tempfile::tempdir().unwrap();
    let [there, bag, back] = ["drive.mcap", "bag.mcap", "back.mcap"].map(|name| folder.path().join(name));
    drive(&there);
    export(&there, &bag, Compression::None).unwrap();
    let split = folder.path().join("split");
    fs::create_dir(&split).unwrap();
    crate::files::slice(&bag, 0.0, Some(0.15), &split.join("split_10.mcap"), Compression::Zstd).unwrap();
    crate::files::slice(&bag, 0.15, None, &split.join("split_2.mcap"), Compression::Lz4).unwrap();
    fs::write(split.join("metadata.yaml"), "").unwrap();
    let summary = import(&split, &choice("none"), &back, Compression::Lz4).unwrap();
    assert_eq!((summary.sweeps, summary.images, summary.ins_fixes), (4, 4, 0));
}
