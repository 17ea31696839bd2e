use super::*;
use crate::DriveReader;
use nalgebra::Point3;
use serde_json::{Value, json};

/// A scene of two samples: the vehicle drives 5 m in half a second to the south, a car stands 10 m before it.
fn scene(root: &Path) {
    let table = |name: &str, rows: Value| {
        let path = root.join("v1.0-mini").join(format!("{name}.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, rows.to_string()).unwrap();
    };
    let half = 0.5_f64.sqrt();
    let south = [half, 0.0, 0.0, -half];
    table("scene", json!([{"token": "s", "name": "scene-0001"}, {"token": "other", "name": "scene-0002"}]));
    table(
        "sample",
        json!([
            {"token": "a", "timestamp": 1_000_000, "scene_token": "s"},
            {"token": "b", "timestamp": 1_500_000, "scene_token": "s"},
            {"token": "c", "timestamp": 9_000_000, "scene_token": "other"},
        ]),
    );
    table(
        "sensor",
        json!([{"token": "l", "channel": "LIDAR_TOP"}, {"token": "c", "channel": "CAM_FRONT"}, {"token": "r", "channel": "RADAR_FRONT"}]),
    );
    // The lidar's y axis points forward.
    let intrinsic = json!([[1000.0, 0.0, 800.0], [0.0, 1000.0, 450.0], [0.0, 0.0, 1.0]]);
    table(
        "calibrated_sensor",
        json!([
            {"token": "lidar", "sensor_token": "l", "translation": [0.9, 0.0, 1.8], "rotation": south, "camera_intrinsic": []},
            {"token": "cam", "sensor_token": "c", "translation": [1.7, 0.0, 1.5], "rotation": [0.5, -0.5, 0.5, -0.5], "camera_intrinsic": intrinsic},
            {"token": "radar", "sensor_token": "r", "translation": [3.4, 0.0, 0.5], "rotation": [1.0, 0.0, 0.0, 0.0], "camera_intrinsic": []},
        ]),
    );
    let data = |sample: &str, sensor: &str, micros: i64, filename: &str, key: bool| {
        json!({
            "sample_token": sample, "ego_pose_token": format!("p{micros}"), "calibrated_sensor_token": sensor,
            "timestamp": micros, "filename": filename, "is_key_frame": key, "width": 1600, "height": 900,
        })
    };
    table(
        "sample_data",
        json!([
            data("a", "lidar", 1_000_000, "samples/a.bin", true),
            data("b", "lidar", 1_500_000, "samples/b.bin", true),
            data("b", "lidar", 1_250_000, "sweeps/gone.bin", false),
            data("a", "cam", 1_000_000, "samples/a.jpg", true),
            data("a", "radar", 1_000_000, "samples/a.pcd", true),
            data("c", "lidar", 9_000_000, "samples/c.bin", true),
        ]),
    );
    let pose = |micros: i64| {
        let way = (micros - 1_000_000) as f64 * 1e-5;
        json!({"token": format!("p{micros}"), "timestamp": micros, "translation": [600.0, 1600.0 - way, 0.0], "rotation": south})
    };
    table("ego_pose", json!([pose(1_500_000), pose(1_250_000), pose(1_000_000), pose(9_000_000)]));
    let label = |sample: &str, y: f64| {
        json!({
            "sample_token": sample, "instance_token": "i", "visibility_token": "4", "translation": [599.0, y, 0.8],
            "size": [1.9, 4.5, 1.6], "rotation": south, "num_lidar_pts": 12,
        })
    };
    table("sample_annotation", json!([label("a", 1590.0), label("b", 1589.0), label("c", 0.0)]));
    table("instance", json!([{"token": "i", "category_token": "k"}]));
    table("category", json!([{"token": "k", "name": "vehicle.car"}]));
    fs::create_dir_all(root.join("samples")).unwrap();
    // To the right and forward in the sensor's own axes.
    let point = [1.0_f32, 9.1, -1.8, 51.0, 7.0].iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    fs::write(root.join("samples/a.bin"), &point).unwrap();
    fs::write(root.join("samples/b.bin"), &point).unwrap();
    fs::write(root.join("samples/a.jpg"), [0xff, 0xd8, 0xff]).unwrap();
}

#[test]
fn a_scene_becomes_a_drive() {
    let folder = tempfile::tempdir().unwrap();
    scene(folder.path());
    assert_eq!(scenes(folder.path()).unwrap(), ["scene-0001", "scene-0002"]);
    let output = folder.path().join("drive.mcap");
    let summary = import(folder.path(), "scene-0001", &output, Compression::Lz4).unwrap();
    assert_eq!((summary.sweeps, summary.images, summary.truths, summary.ins_fixes), (2, 1, 2, 3));
    assert_eq!(summary.findings, ["LIDAR_TOP: 1 of 3 files are not there"]);
    let mut calibration = None;
    for message in DriveReader::open(&output).unwrap().map(Result::unwrap) {
        match message {
            Message::Calibration(found) => {
                assert!((found.base_from_lidar.rotation.angle()).abs() < 1e-9);
                calibration = Some(found);
            }
            Message::Ins(fix) => {
                let pose = fix.state.pose();
                assert!((pose.x - 2.5 * fix.seq as f64).abs() < 1e-9 && pose.y.abs() < 1e-9 && pose.yaw.abs() < 1e-9);
                assert!((fix.state.speed_mps - 10.0).abs() < 1e-9);
            }
            Message::Lidar(sweep) => {
                let number = |at: usize| f32::from_le_bytes(std::array::from_fn(|i| sweep.data[at + i]));
                assert_eq!([0, 4, 8, 12].map(number), [9.1, -1.0, -1.8, 0.2]);
                // 10 m before the rear axle, 1 m to the right, on the ground: to the right of and below the middle of the image.
                let camera = calibration.as_ref().unwrap().camera.as_ref().unwrap();
                let [u, v, depth] = camera.project(&Point3::new(9.1, -1.0, -1.8)).unwrap();
                assert!((depth - 8.3).abs() < 1e-6 && (u - 800.0 - 1000.0 / 8.3).abs() < 1e-3);
                assert!((v - 450.0 - 1500.0 / 8.3).abs() < 1e-3);
            }
            Message::Truth(truth) => {
                let object = truth.objects[0];
                let x = 10.0 + truth.seq as f64;
                let off = Vector3::from(object.bbox.center) - Vector3::new(x, -1.0, 0.8);
                assert!(off.norm() < 1e-9 && object.bbox.yaw.abs() < 1e-9, "{object:?}");
                assert_eq!((object.bbox.length, object.bbox.width, object.class), (4.5, 1.9, ObjectClass::Car));
                assert!((object.velocity_mps[0] - 2.0).abs() < 1e-9 && object.visible == 0.9);
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |name| {
        import(folder.path(), name, &folder.path().join("drive.mcap"), Compression::Lz4).unwrap_err().to_string()
    };
    assert!(refusal("scene-0001").ends_with("no folder v1.0-* of tables here"));
    scene(folder.path());
    assert!(refusal("scene-0003").ends_with("scene.json: no scene scene-0003; there: scene-0001, scene-0002"));
    fs::write(folder.path().join("samples/b.bin"), [0; 21]).unwrap();
    assert!(refusal("scene-0001").ends_with("samples/b.bin: 21 bytes are not a multiple of 20, the size of a point"));
    let path = folder.path().join("v1.0-mini/sample_annotation.json");
    fs::write(&path, "[\n{\"sample_token\": \"a\"}\n]").unwrap();
    assert!(
        refusal("scene-0001").contains("sample_annotation.json:2: missing field `instance_token`"),
        "{}",
        refusal("scene-0001")
    );
}
