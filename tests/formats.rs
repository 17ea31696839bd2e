//! Real files of other people: ROS 2 bags, nuScenes, Argoverse 2, KITTI raw. Protects: each is imported with the right frames (the
//! labelled boxes hold the points that they say) and drawn, or refused by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use nalgebra::{Isometry3, Matrix3, Matrix4, Point3, Rotation3, UnitQuaternion, Vector3};
use perception::decode;
use recordings::Message;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use support::{fail, messages, real_drives, shared_data, succeed, text};
use types::{Calibration, PointCloud, Truth};

/// Writes a picture of a drive, which must be there afterwards.
fn draw(drive: &Path, at: &str) {
    let picture = drive.with_extension("png");
    succeed(&["render", text(drive), "--at", at, "--output", text(&picture)]);
    assert!(fs::metadata(&picture).unwrap().len() > 10_000);
}

/// Points of the sweep in a box of the truth, with a little more room around.
fn points_inside(truth: &Truth, object: usize, calibration: &Calibration, cloud: &PointCloud) -> usize {
    let bbox = &truth.objects[object].bbox;
    let own = bbox.pose().inverse() * truth.odom_from_base * calibration.base_from_lidar;
    let half = [bbox.length, bbox.width, bbox.height].map(|extent| 0.5 * extent + 0.05);
    let inside = |n: &usize| {
        let point = own * Point3::new(cloud.x[*n], cloud.y[*n], cloud.z[*n]).map(f64::from);
        (0..3).all(|axis| point[axis].abs() <= half[axis])
    };
    (0..cloud.len()).filter(inside).count()
}

/// Holds the points inside the boxes of the first sweep with labels against what the labels say.
fn check_boxes(drive: &Path, fewest_points: u32) {
    let messages = messages(drive);
    let calibration = messages.iter().find_map(|message| match message {
        Message::Calibration(calibration) => Some(calibration.clone()),
        _ => None,
    });
    let calibration = calibration.unwrap();
    let (mut boxes, mut told, mut found) = (0, 0, 0);
    for message in &messages {
        let Message::Lidar(sweep) = message else { continue };
        let truth = messages.iter().find_map(|message| match message {
            Message::Truth(truth) if truth.seq == sweep.seq => Some(truth),
            _ => None,
        });
        let Some(truth) = truth else { continue };
        let mut cloud = PointCloud::default();
        decode::points(sweep, &mut cloud).unwrap();
        for (n, object) in truth.objects.iter().enumerate().filter(|(_, object)| object.points >= fewest_points) {
            boxes += 1;
            told += object.points as usize;
            found += points_inside(truth, n, &calibration, &cloud);
        }
    }
    println!("{}: {boxes} boxes, {told} points told, {found} found", drive.display());
    assert!(boxes >= 5 && told > 100);
    assert!(found * 10 > told * 9 && found * 10 < told * 12, "{boxes} boxes: {told} points told, {found} found");
}

#[test]
fn bags_without_sensors_are_refused_by_name() {
    let Some(data) = shared_data("bags_without_sensors_are_refused_by_name") else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("drive.mcap");
    for (name, holds) in [
        ("cdr_test_0", "/array_topic has cdr messages of test_msgs/msg/Arrays (ros2msg)"),
        ("rewriter_a_0", "a_empty has cdr messages of test_msgs/msg/Empty (ros2msg)"),
        ("talker", "/rosout has cdr messages of rcl_interfaces/msg/Log (ros2msg)"),
        (
            "topics_and_services",
            "/events/write_split has cdr messages of rosbag2_interfaces/msg/WriteSplitEvent (ros2msg)",
        ),
        ("wbag_0", "AAA has cdr messages of std_msgs/msg/String (ros2msg)"),
        ("wrong_rmw_test_0", "/array_topic has wrong_format messages of test_msgs/msg/Arrays (ros2msg)"),
    ] {
        let bag = data.join("ros2_bags").join(format!("{name}.mcap"));
        let said = fail(&["import", "ros2", text(&bag), "--output", text(&output)], 2);
        assert!(said.contains(&format!("{name}.mcap: nothing to import")) && said.contains(holds), "{said}");
        let info = succeed(&["info", text(&bag)]);
        let encoding = if name == "wrong_rmw_test_0" { "wrong_format" } else { "cdr" };
        assert!(info.contains(encoding) && info.contains("profile \"ros2\""), "{info}");
        // Whatever they hold, the tools for whole files handle them.
        let copy = folder.path().join("copy.mcap");
        succeed(&["recover", text(&bag), "--output", text(&copy)]);
        succeed(&["slice", text(&copy), "--output", text(&folder.path().join("slice.mcap")), "--compression", "zstd"]);
    }
}

#[test]
fn argoverse_logs() {
    let Some(data) = shared_data("argoverse_logs") else { return };
    for (name, sweeps, moments) in [("adcf7d18", 1, 156), ("3b3570b4", 0, 157)] {
        let folder = tempfile::tempdir().unwrap();
        let (log, from) = (folder.path().join(name), data.join("av2").join(name));
        fs::create_dir_all(log.join("sensors/lidar")).unwrap();
        for table in ["annotations.csv", "city_SE3_egovehicle.csv"] {
            fs::copy(from.join(table), log.join(table)).unwrap();
        }
        for entry in fs::read_dir(&from).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some(stamp) = file.strip_prefix("lidar_").and_then(|rest| rest.strip_suffix(".bin")) {
                fs::write(log.join(format!("sensors/lidar/{stamp}.csv")), sweep_as_csv(&path)).unwrap();
            }
        }
        let drive = folder.path().join("drive.mcap");
        let said = succeed(&["import", "av2", text(&log), "--output", text(&drive)]);
        assert!(
            said.contains(&format!("{sweeps} sweeps, 0 images")) && said.contains(&format!("{moments} labelled")),
            "{said}"
        );
        draw(&drive, "5.0");
        if sweeps > 0 {
            check_boxes(&drive, 10);
        }
    }
}

/// x, y, z, intensity / 255 as f32, as a table of the data set.
fn sweep_as_csv(path: &Path) -> String {
    let data = fs::read(path).unwrap();
    let mut table = String::from("x,y,z,intensity\n");
    for row in data.as_chunks::<16>().0 {
        let number = |at: usize| f32::from_le_bytes(std::array::from_fn(|i| row[at + i]));
        table += &format!("{},{},{},{}\n", number(0), number(4), number(8), (number(12) * 255.0).round());
    }
    table
}

#[test]
fn a_nuscenes_frame() {
    let Some(data) = shared_data("a_nuscenes_frame") else { return };
    let folder = tempfile::tempdir().unwrap();
    tables_of_frame(&data.join("nuscenes_frame"), folder.path());
    let drive = folder.path().join("drive.mcap");
    let arguments =
        ["import", "nuscenes", "--root", text(folder.path()), "--scene", "scene-0001", "--output", text(&drive)];
    let said = succeed(&arguments);
    assert!(said.contains("1 sweeps, 1 images") && said.contains("1 labelled moments"), "{said}");
    draw(&drive, "0.035491");
    check_boxes(&drive, 10);
}

/// The one frame, which was cut out of the data set by others, as the tables of the data set.
fn tables_of_frame(from: &Path, root: &Path) {
    let frame: Value = serde_json::from_slice(&fs::read(from.join("frame.json")).unwrap()).unwrap();
    let table = |name: &str, rows: Value| {
        fs::create_dir_all(root.join("v1.0-mini")).unwrap();
        fs::write(root.join("v1.0-mini").join(format!("{name}.json")), rows.to_string()).unwrap();
    };
    fs::create_dir_all(root.join("samples")).unwrap();
    for name in ["CAM_FRONT__1532402927612460.jpg", "LIDAR_TOP__1532402927647951.bin"] {
        fs::copy(from.join(name), root.join("samples").join(name)).unwrap();
    }
    let place = |pose: &Isometry3<f64>| {
        let (t, q) = (pose.translation.vector, pose.rotation);
        ([t.x, t.y, t.z], [q.w, q.i, q.j, q.k])
    };
    let (front, lidar) = (&frame["images"]["CAM_FRONT"], pose(&frame["lidar_points"]["lidar2ego"]));
    let map_from_ego = pose(&frame["ego2global"]);
    let sensor = |token: &str, pose: &Isometry3<f64>, intrinsic: Value| {
        let (translation, rotation) = place(pose);
        json!({"token": token, "sensor_token": token, "translation": translation, "rotation": rotation, "camera_intrinsic": intrinsic})
    };
    table("scene", json!([{"token": "s", "name": "scene-0001"}]));
    table("sample", json!([{"token": "a", "timestamp": 1_532_402_927_647_951_i64, "scene_token": "s"}]));
    table("sensor", json!([{"token": "l", "channel": "LIDAR_TOP"}, {"token": "c", "channel": "CAM_FRONT"}]));
    let sensors =
        json!([sensor("l", &lidar, json!([])), sensor("c", &pose(&front["cam2ego"]), front["cam2img"].clone())]);
    table("calibrated_sensor", sensors);
    let file = |sensor: &str, micros: i64, name: &str| {
        json!({
            "sample_token": "a", "ego_pose_token": format!("p{micros}"), "calibrated_sensor_token": sensor, "timestamp": micros,
            "filename": format!("samples/{name}"), "is_key_frame": true, "width": 1600, "height": 900,
        })
    };
    let (image_at, sweep_at) = (1_532_402_927_612_460, 1_532_402_927_647_951);
    let image = file("c", image_at, "CAM_FRONT__1532402927612460.jpg");
    table("sample_data", json!([image, file("l", sweep_at, "LIDAR_TOP__1532402927647951.bin")]));
    let (translation, rotation) = place(&map_from_ego);
    let row = |micros: i64| json!({"token": format!("p{micros}"), "timestamp": micros, "translation": translation, "rotation": rotation});
    table("ego_pose", json!([row(image_at), row(sweep_at)]));
    const NAMES: [&str; 10] = [
        "vehicle.car",
        "vehicle.truck",
        "vehicle.trailer",
        "vehicle.bus.rigid",
        "vehicle.construction",
        "vehicle.bicycle",
        "vehicle.motorcycle",
        "human.pedestrian.adult",
        "movable_object.trafficcone",
        "movable_object.barrier",
    ];
    let (mut annotations, mut instances) = (Vec::new(), Vec::new());
    for (n, object) in frame["instances"].as_array().unwrap().iter().enumerate() {
        let numbers = object["bbox_3d"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
        let own = Isometry3::new(Vector3::new(numbers[0], numbers[1], numbers[2]), Vector3::z() * numbers[6]);
        let (translation, rotation) = place(&(map_from_ego * lidar * own));
        let kind = object["bbox_label_3d"].as_i64().unwrap();
        annotations.push(json!({
            "sample_token": "a", "instance_token": format!("i{n}"), "visibility_token": "4", "translation": translation,
            "size": [numbers[4], numbers[3], numbers[5]], "rotation": rotation, "num_lidar_pts": object["num_lidar_pts"],
        }));
        instances.push(
            json!({"token": format!("i{n}"), "category_token": usize::try_from(kind).map_or("", |kind| NAMES[kind])}),
        );
    }
    table("sample_annotation", Value::Array(annotations));
    table("instance", Value::Array(instances));
    table("category", Value::Array(NAMES.iter().map(|name| json!({"token": name, "name": name})).collect()));
}

fn pose(rows: &Value) -> Isometry3<f64> {
    let rows = rows.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()).map(|v| v.as_f64().unwrap());
    let matrix = Matrix4::from_row_iterator(rows);
    let turn: Matrix3<f64> = matrix.fixed_view::<3, 3>(0, 0).into();
    let turn = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix(&turn));
    Isometry3::from_parts(Vector3::new(matrix[(0, 3)], matrix[(1, 3)], matrix[(2, 3)]).into(), turn)
}

#[test]
fn a_kitti_raw_drive_is_the_tracking_sequence() {
    let Some(root) = real_drives("a_kitti_raw_drive_is_the_tracking_sequence") else { return };
    let training = root.join("kitti_tracking/training");
    let folder = tempfile::tempdir().unwrap();
    let day = folder.path().join("2011_09_26");
    raw_layout(&training, "0000", &day);
    let (raw, tracking) = (folder.path().join("raw.mcap"), folder.path().join("tracking.mcap"));
    let drive = day.join("2011_09_26_drive_0005_sync");
    succeed(&["import", "kitti-raw", text(&drive), "--output", text(&raw)]);
    succeed(&["import", "kitti", "--root", text(&root), "--sequence", "0000", "--output", text(&tracking)]);
    draw(&raw, "0.3");
    let sensors = |drive: &Path| {
        let wanted = |message: &Message| match message {
            Message::Lidar(sweep) => Some((sweep.seq, sweep.data.len(), [0; 3])),
            Message::Ins(fix) => {
                Some((fix.seq, 0, fix.state.odom_from_base.translation.vector.map(|v| (v * 1e4).round() as i64).into()))
            }
            _ => None,
        };
        messages(drive).iter().filter_map(wanted).take(10).collect::<Vec<_>>()
    };
    assert_eq!(sensors(&raw), sensors(&tracking));
}

/// Five frames of a tracking sequence in the layout of the raw recordings.
fn raw_layout(training: &Path, sequence: &str, day: &Path) {
    let calib = fs::read_to_string(training.join(format!("calib/{sequence}.txt"))).unwrap();
    let numbers = |key: &str| {
        let line = calib.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let drive = day.join("2011_09_26_drive_0005_sync");
    for sensor in ["velodyne_points", "oxts"] {
        fs::create_dir_all(drive.join(sensor).join("data")).unwrap();
        let times = (0..5).map(|n| format!("2011-09-26 13:02:25.{}00000000\n", n)).collect::<String>();
        fs::write(drive.join(sensor).join("timestamps.txt"), times).unwrap();
    }
    let moved = |key: &str| {
        let m = numbers(key);
        let turn = [&m[0], &m[1], &m[2], &m[4], &m[5], &m[6], &m[8], &m[9], &m[10]].map(String::as_str).join(" ");
        format!("R: {turn}\nT: {} {} {}\n", m[3], m[7], m[11])
    };
    fs::write(day.join("calib_velo_to_cam.txt"), moved("Tr_velo_to_cam")).unwrap();
    fs::write(day.join("calib_imu_to_velo.txt"), moved("Tr_imu_to_velo")).unwrap();
    let (p2, rectify) = (numbers("P2").join(" "), numbers("R0_rect").join(" "));
    let cameras = format!("S_rect_02: 1242 375\nR_rect_00: {rectify}\nP_rect_02: {p2}\n");
    fs::write(day.join("calib_cam_to_cam.txt"), cameras).unwrap();
    let rows = fs::read_to_string(training.join(format!("oxts/{sequence}.txt"))).unwrap();
    for (frame, row) in rows.lines().take(5).enumerate() {
        fs::write(drive.join(format!("oxts/data/{frame:010}.txt")), row).unwrap();
        let sweep = training.join(format!("velodyne/{sequence}/{frame:06}.bin"));
        fs::copy(sweep, drive.join(format!("velodyne_points/data/{frame:010}.bin"))).unwrap();
    }
}
