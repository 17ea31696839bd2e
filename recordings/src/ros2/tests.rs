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
                image.data = png.into_inner().into();
            } else if let Message::Lidar(sweep) = &mut message {
                let values = (0..4000).map(|n| if n % 4 == 3 { 0.25 } else { (n % 91) as f32 - 45.5 });
                sweep.data = values.flat_map(f32::to_le_bytes).collect::<Vec<_>>().into();
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
    crate::files::slice(&bag, 0.0, Some(0.15), false, &split.join("split_10.mcap"), Compression::Zstd).unwrap();
    crate::files::slice(&bag, 0.15, None, false, &split.join("split_2.mcap"), Compression::Lz4).unwrap();
    fs::write(split.join("metadata.yaml"), "").unwrap();
    let summary = import(&split, &choice("none"), &back, Compression::Lz4).unwrap();
    assert_eq!((summary.sweeps, summary.images, summary.ins_fixes), (4, 4, 0));
}

/// A bag with a lidar on a mast, its y axis forward, raw images, GPS and an inertial unit; schemas as `encoding` has them.
fn foreign(path: &Path, encoding: &str, message_encoding: &str) {
    use super::messages::*;
    use crate::cdr::{Cdr, Octets, encode};
    use types::Stamp;
    let mut sink = crate::sink::Sink::create(path, crate::writer::options(Compression::None), |_, _| Ok(())).unwrap();
    let mut put = |topic: &str, schema: &str, time_ns: u64, message: &dyn Fn(&mut Vec<u8>)| {
        let schema = sink.writer.add_schema(schema, encoding, b"module m { struct S {}; };").unwrap();
        let channel_id = sink.writer.add_channel(schema, topic, message_encoding, &Default::default()).unwrap();
        let header = mcap::records::MessageHeader { channel_id, sequence: 0, log_time: time_ns, publish_time: time_ns };
        let mut data = Vec::new();
        message(&mut data);
        sink.writer.write_to_known_channel(&header, &data).unwrap();
    };
    fn bytes<M: Cdr>(message: M) -> impl Fn(&mut Vec<u8>) {
        move |out| encode(&message, out)
    }
    let half = 0.5_f64.sqrt();
    let edge = |child: &str, x: f64, z: f64, rotation: Quaternion| TransformStamped {
        header: Header::new(Stamp::default(), "base_link"),
        child_frame_id: child.into(),
        transform: Transform { translation: Vector3 { x, y: 0.0, z }, rotation },
    };
    let level = Quaternion { w: 1.0, ..Quaternion::default() };
    let right = Quaternion { w: half, z: -half, ..Quaternion::default() };
    let optical = Quaternion { x: -0.5, y: 0.5, z: -0.5, w: 0.5 };
    let transforms =
        vec![edge("mast", 1.0, 2.0, right), edge("eye", 1.5, 1.5, optical), edge("gps", 0.0, 2.0, level.clone())];
    put("/tf_static", "tf2_msgs/msg/TFMessage", 1, &bytes(TfMessage { transforms }));
    let k = [500.0, 0.0, 2.0, 0.0, 500.0, 1.0, 0.0, 0.0, 1.0];
    for n in 0..2_u64 {
        let stamp = Stamp::from_nanos(1_000_000_000 + 100_000_000 * n as i64);
        let time = stamp.nanos() as u64 + 5_000_000;
        let field = |name: &str, offset| Field { name: name.into(), offset, datatype: 7, count: 1 };
        let fields = vec![field("x", 0), field("y", 4), field("z", 8), field("intensity", 12)];
        let data = [-3.0_f32, 20.0, -2.0, 100.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let header = Header::new(stamp, "/mast");
        let data = Octets(data);
        let cloud = PointCloud2 {
            header,
            height: 1,
            width: 1,
            fields,
            point_step: 16,
            row_step: 16,
            data,
            ..Default::default()
        };
        put("/points", "sensor_msgs/msg/PointCloud2", time, &bytes(cloud));
        let info = CameraInfo { header: Header::new(stamp, "eye"), height: 2, width: 4, k, ..Default::default() };
        put("/cam/camera_info", "sensor_msgs/msg/CameraInfo", time, &bytes(info));
        let (header, encoding) = (Header::new(stamp, "eye"), "mono8".to_owned());
        let data = Octets(vec![7; 8]);
        let image = Image { header, height: 2, width: 4, encoding, is_bigendian: 0, step: 4, data };
        put("/cam/image_raw", "sensor_msgs/msg/Image", time, &bytes(image));
        let imu = Imu { header: Header::new(stamp, "gps"), orientation: level.clone(), ..Default::default() };
        put("/imu", "sensor_msgs/msg/Imu", time, &bytes(imu));
        let header = Header::new(stamp, "gps");
        let fix = NavSatFix { header, latitude: 49.0, longitude: 8.0 + 1e-5 * n as f64, ..Default::default() };
        put("/fix", "sensor_msgs/msg/NavSatFix", time, &bytes(fix));
    }
    sink.finish().unwrap();
}

#[test]
fn a_foreign_bag_with_raw_images_and_gps() {
    let folder = tempfile::tempdir().unwrap();
    let [bag, drive] = ["bag.mcap", "drive.mcap"].map(|name| folder.path().join(name));
    for encoding in ["ros2idl", "ros2msg"] {
        foreign(&bag, encoding, "cdr");
        let summary = import(&bag, &Choice::default(), &drive, Compression::Lz4).unwrap();
        assert_eq!((summary.sweeps, summary.images, summary.ins_fixes), (2, 2, 2), "{summary:?}");
        for message in DriveReader::open(&drive).unwrap().map(Result::unwrap) {
            match message {
                Message::Lidar(sweep) => {
                    // 20 m forward, 3 m to the left, in the sensor's frame turned to the vehicle's axes.
                    let number = |at: usize| f32::from_le_bytes(std::array::from_fn(|i| sweep.data[at + i]));
                    assert_eq!([0, 4, 8].map(number), [20.0, 3.0, -2.0]);
                    assert!((number(12) - 100.0 / 255.0).abs() < 1e-6);
                    assert_eq!(sweep.stamp.nanos(), 1_000_000_000 + 100_000_000 * sweep.seq as i64);
                }
                Message::Calibration(calibration) => {
                    let off = calibration.base_from_lidar.translation.vector - nalgebra::Vector3::new(1.0, 0.0, 2.0);
                    assert!(off.norm() < 1e-9 && calibration.base_from_lidar.rotation.angle() < 1e-6);
                    // 20 m before the lidar is 19.5 m before the camera, and half a metre above it.
                    let camera = calibration.camera.unwrap();
                    let [u, v, depth] = camera.project(&nalgebra::Point3::new(20.0, 0.0, 0.0)).unwrap();
                    assert!((depth - 19.5).abs() < 1e-6 && (u - 2.0).abs() < 1e-3, "{u} {v} {depth}");
                    assert!((v - 1.0 + 500.0 * 0.5 / 19.5).abs() < 1e-3);
                }
                Message::Camera(frame) => assert_eq!(picture::size(&frame.data), Some([4, 2])),
                Message::Ins(fix) => {
                    // 1e-5 degrees of longitude at 49 degrees north are 0.7316 m.
                    let place = fix.state.odom_from_base.translation;
                    assert!(
                        (place.x - 0.7316 * fix.seq as f64).abs() < 1e-3 && (place.z + 2.0).abs() < 1e-6,
                        "{place}"
                    );
                }
                _ => {}
            }
        }
    }
    foreign(&bag, "ros2msg", "xcdr");
    let said = import(&bag, &Choice::default(), &drive, Compression::Lz4).unwrap_err().to_string();
    let foreign = "/cam/camera_info holds xcdr messages of sensor_msgs/msg/CameraInfo (ros2msg), expected cdr messages of \
                   sensor_msgs/msg/CameraInfo (ros2msg or ros2idl)";
    assert!(said.ends_with(foreign), "{said}");
}
