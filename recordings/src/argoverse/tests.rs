use super::*;
use crate::DriveReader;
use nalgebra::Vector3;

/// A log of a car that drives 1 m a tenth of a second to the north, with a sweep, an image and a parked car 10 m ahead.
fn log(folder: &Path) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let half = 0.5_f64.sqrt();
    let stamp = |n: i64| 315_973_157_000_000_000 + 100_000_000 * n;
    let pose = |n: i64| format!("{},{half},0,0,{half},500,{},20\n", stamp(n), 100 + n);
    let head = "timestamp_ns,qw,qx,qy,qz,tx_m,ty_m,tz_m\n";
    write("city_SE3_egovehicle.csv", &(head.to_owned() + &(0..11).map(pose).collect::<String>()));
    let head =
        "timestamp_ns,track_uuid,category,length_m,width_m,height_m,qw,qx,qy,qz,tx_m,ty_m,tz_m,num_interior_pts\n";
    let label = |n: i64| {
        let car = format!("{},a1,REGULAR_VEHICLE,4.5,1.9,1.6,1,0,0,0,{},2,0.47,33\n", stamp(n), 15 - n);
        car + &format!("{},me,EGO_VEHICLE,4.5,1.9,1.6,1,0,0,0,0,0,0,0\n", stamp(n))
    };
    write("annotations.csv", &(head.to_owned() + &(0..11).map(label).collect::<String>()));
    write(&format!("sensors/lidar/{}.csv", stamp(5)), "x,y,z,intensity,laser_number,offset_ns\n10,2,-0.33,51,7,1000\n");
    write(&format!("sensors/cameras/{CAMERA}/{}.jpg", stamp(5)), "\u{fffd}");
    // The camera looks ahead from above the lidar.
    let optical = "0.5,-0.5,0.5,-0.5";
    let sensors = format!("up_lidar,1,0,0,0,1.3,0,1.6\n{CAMERA},{optical},1.6,0,1.4\n");
    write("calibration/egovehicle_SE3_sensor.csv", &("sensor_name,qw,qx,qy,qz,tx_m,ty_m,tz_m\n".to_owned() + &sensors));
    let head = "sensor_name,fx_px,fy_px,cx_px,cy_px,k1,k2,k3,height_px,width_px\n";
    write("calibration/intrinsics.csv", &format!("{head}{CAMERA},1000,1000,800,1000,0,0,0,2048,1600\n"));
}

#[test]
fn a_log_becomes_a_drive() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path());
    let output = folder.path().join("drive.mcap");
    let summary = import(folder.path(), &output, Compression::Lz4).unwrap();
    let counts = (summary.sweeps, summary.images, summary.truths, summary.ins_fixes, summary.route_poses);
    assert_eq!((counts, summary.findings), ((1, 1, 11, 11, 11), Vec::new()));
    let mut moment = 0;
    for message in DriveReader::open(&output).unwrap().map(Result::unwrap) {
        match message {
            Message::Calibration(calibration) => {
                let up = calibration.base_from_lidar.translation.vector - Vector3::new(1.3, 0.0, 1.93);
                assert!(up.norm() < 1e-9, "{up}");
                // 8.7 m before the lidar and as high as the camera: in the middle of the image.
                let camera = calibration.camera.unwrap();
                let [u, v, depth] = camera.project(&nalgebra::Point3::new(8.7, 0.0, -0.2)).unwrap();
                assert!((u - 800.0).abs() < 1e-6 && (v - 1000.0).abs() < 1e-6 && (depth - 8.4).abs() < 1e-6);
            }
            Message::Ins(fix) => {
                let pose = fix.state.pose();
                assert!((pose.x - fix.seq as f64).abs() < 1e-6 && pose.y.abs() < 1e-6 && pose.yaw.abs() < 1e-6);
                assert!((fix.state.speed_mps - 10.0).abs() < 1e-6 && fix.state.yaw_rate_radps.abs() < 1e-9);
            }
            Message::Truth(truth) => {
                let object = truth.objects[0];
                // The car stands, its bottom on the ground: 0.47 m above the axle is the middle of its height.
                let off = Vector3::from(object.bbox.center) - Vector3::new(15.0, 2.0, 0.8);
                assert!(off.norm() < 1e-6 && object.velocity_mps[0].abs() < 1e-6, "{object:?}");
                assert_eq!((truth.seq, truth.objects.len(), object.id, object.points), (moment, 1, 1, 33));
                assert!(object.image.is_some());
                moment += 1;
            }
            Message::Lidar(sweep) => {
                let number = |at: usize| f32::from_le_bytes(std::array::from_fn(|i| sweep.data[at + i]));
                let found = [0, 4, 8, 12].map(number);
                for (value, expected) in found.into_iter().zip([8.7, 2.0, -1.93, 0.2]) {
                    assert!((value - expected).abs() < 1e-6, "{found:?}");
                }
                assert_eq!((sweep.seq, sweep.fields.last().unwrap().name.as_str(), sweep.data[16]), (5, "ring", 7));
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refusal =
        || import(folder.path(), &folder.path().join("drive.mcap"), Compression::Lz4).unwrap_err().to_string();
    assert!(refusal().ends_with("no city_SE3_egovehicle.feather (or .csv) here"), "{}", refusal());
    log(folder.path());
    let annotations = folder.path().join("annotations.csv");
    let text = fs::read_to_string(&annotations).unwrap();
    fs::write(&annotations, text.replacen("track_uuid", "track", 1)).unwrap();
    assert!(refusal().contains("annotations.csv: no column track_uuid; there: category,"), "{}", refusal());
    fs::write(&annotations, text.replacen("315973157000000000", "315973150000000000", 2)).unwrap();
    assert!(refusal().contains("annotations at 315973150000000000 ns: no pose near"), "{}", refusal());
    fs::write(&annotations, text.replacen(",4.5,", ",-4.5,", 1)).unwrap();
    assert!(refusal().contains("row 1: a box with an impossible number"), "{}", refusal());
}
