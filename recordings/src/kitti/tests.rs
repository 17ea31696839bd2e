use super::*;
use crate::DriveReader;
use nalgebra::{Matrix3, Matrix3x4, Matrix4, Point3, Vector4};

const CALIBRATION: &str = "P0: 7.215377e+02 0 6.095593e+02 0 0 7.215377e+02 1.728540e+02 0 0 0 1 0\n\
    P2: 7.215377e+02 0 6.095593e+02 4.485728e+01 0 7.215377e+02 1.728540e+02 2.163791e-01 0 0 1 2.745884e-03  \n\
    R0_rect: 9.999239e-01 9.837760e-03 -7.445048e-03 -9.869795e-03 9.999421e-01 -4.278459e-03 7.402527e-03 4.351614e-03 9.999631e-01\n\
    Tr_velo_to_cam: 7.533745e-03 -9.999714e-01 -6.166020e-04 -4.069766e-03 1.480249e-02 7.280733e-04 -9.998902e-01 -7.631618e-02 9.998621e-01 7.523790e-03 1.480755e-02 -2.717806e-01\n\
    Tr_imu_to_velo: 9.999976e-01 7.553071e-04 -2.035826e-03 -8.086759e-01 -7.854027e-04 9.998898e-01 -1.482298e-02 3.195559e-01 2.024406e-03 1.482454e-02 9.998881e-01 -7.997231e-01\n";

struct Folder {
    root: tempfile::TempDir,
}

impl Folder {
    /// Five frames; the vehicle drives 2 m a frame to the north-east, without any tilt.
    fn new() -> Self {
        let folder = Self { root: tempfile::tempdir().unwrap() };
        folder.write("calib/0007.txt", CALIBRATION.as_bytes());
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\xda\0\0\x01\x77".to_vec();
        png.extend([8, 2, 0, 0, 0]);
        let mut oxts = String::new();
        for frame in 0..5 {
            folder.write(&format!("velodyne/0007/{frame:06}.bin"), &[frame; 48]);
            folder.write(&format!("image_02/0007/{frame:06}.png"), &png);
            let way_deg = f64::from(frame) * 2.0 / 2.0_f64.sqrt() / 6_378_137.0 * 180.0 / std::f64::consts::PI;
            let (latitude, longitude) = (49.0 + way_deg, 8.0 + way_deg / 49.0_f64.to_radians().cos());
            let rest = "0 0 0 0 0.25 0 0 0 0 0 0 0 0 0.125 0.5 0.07";
            oxts += &format!("{latitude:.12} {longitude:.12} 112.0 0 0 0.785398163 1 1 20 0 0 {rest} 4 10 4 4 0\n");
        }
        // The columns around those in use.
        let swapped = oxts.lines().map(|line| {
            let mut words = line.split_whitespace().collect::<Vec<_>>();
            (words[11], words[14], words[19], words[22]) = ("9", "0.25", "9", "0.125");
            words.join(" ")
        });
        folder.write("oxts/0007.txt", swapped.collect::<Vec<_>>().join("\n").as_bytes());
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("kitti_tracking/training").join(name)
    }

    fn write(&self, name: &str, data: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), data).unwrap();
    }

    fn import(&self) -> Result<ImportSummary, RecordingError> {
        import(self.root.path(), "0007", &self.root.path().join("drive.mcap"), Compression::Lz4)
    }

    fn refusal(&self) -> String {
        self.import().unwrap_err().to_string()
    }

    fn messages(&self) -> Vec<Message> {
        DriveReader::open(&self.root.path().join("drive.mcap")).unwrap().map(Result::unwrap).collect()
    }
}

#[test]
fn a_sequence_becomes_a_drive() {
    let folder = Folder::new();
    let summary = folder.import().unwrap();
    assert_eq!((summary.sweeps, summary.images, summary.ins_fixes, summary.route_poses), (5, 5, 5, 5));
    assert_eq!(summary.bytes, fs::metadata(folder.root.path().join("drive.mcap")).unwrap().len());
    let (mut images, mut sweeps) = (0, 0);
    for message in folder.messages() {
        match message {
            Message::Camera(frame) => {
                assert_eq!(frame.data, fs::read(folder.path("image_02/0007/000000.png")).unwrap());
                images += 1;
            }
            Message::Lidar(sweep) => {
                assert_eq!((sweep.seq, sweep.data), (sweeps, vec![sweeps as u8; 48].into()));
                assert_eq!(sweep.stamp.nanos(), EPOCH_NS + sweeps as i64 * PERIOD_NS);
                sweeps += 1;
            }
            _ => {}
        }
    }
    assert_eq!((images, sweeps), (5, 5));
    // Every folder from which a person may start gives the same drive.
    let first = fs::read(folder.root.path().join("drive.mcap")).unwrap();
    let output = folder.root.path().join("again.mcap");
    for root in ["kitti_tracking", "kitti_tracking/training"] {
        import(&folder.root.path().join(root), "0007", &output, Compression::Lz4).unwrap();
        assert_eq!(fs::read(&output).unwrap(), first);
    }
}

#[test]
fn the_camera_projects_as_the_benchmark_does() {
    let folder = Folder::new();
    folder.import().unwrap();
    let Some(Message::Calibration(Calibration { camera: Some(camera), base_from_lidar })) =
        folder.messages().into_iter().next()
    else {
        panic!("no camera");
    };
    assert_eq!((camera.width, camera.height, base_from_lidar.translation.z), (1242, 375, 1.73));
    let row = |key: &str| {
        let line = CALIBRATION.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap();
        line.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<f64>>()
    };
    let mut rectify = Matrix4::identity();
    rectify.fixed_view_mut::<3, 3>(0, 0).copy_from(&Matrix3::from_row_slice(&row("R0_rect:")));
    let mut lidar = Matrix4::identity();
    lidar.fixed_view_mut::<3, 4>(0, 0).copy_from(&Matrix3x4::from_row_slice(&row("Tr_velo_to_cam:")));
    for point in [[8.0, 2.0, -1.5], [20.0, -5.0, 0.3], [60.0, 14.0, 1.0]] {
        let [x, y, z] = point;
        let pixel = Matrix3x4::from_row_slice(&row("P2:")) * rectify * lidar * Vector4::new(x, y, z, 1.0);
        let ours = camera.project(&Point3::from(point)).unwrap();
        assert!((ours[0] - pixel.x / pixel.z).abs() < 1e-2, "{ours:?} {pixel:?}");
        assert!((ours[1] - pixel.y / pixel.z).abs() < 1e-2 && (ours[2] - pixel.z).abs() < 1e-4, "{ours:?} {pixel:?}");
    }
}

#[test]
fn the_ins_drives_forward_in_odom() {
    let folder = Folder::new();
    folder.import().unwrap();
    let fixes = folder.messages().into_iter().filter_map(|message| match message {
        Message::Ins(fix) => Some(fix),
        _ => None,
    });
    for (n, fix) in fixes.enumerate() {
        let pose = fix.state.pose();
        // The unit sits a little turned in the vehicle: 0.8 mrad.
        assert!((pose.x - 2.0 * n as f64).abs() < 0.01 && pose.y.abs() < 0.02 && pose.yaw.abs() < 1e-6, "{pose:?}");
        assert!(fix.state.odom_from_base.translation.z.abs() < 0.02 * (1 + n) as f64);
        let state = (fix.seq, fix.state.speed_mps, fix.state.acceleration_mps2, fix.state.yaw_rate_radps);
        assert_eq!(state, (n as u64, 20.0, 0.25, 0.125));
    }
}

#[test]
fn images_and_ins_may_be_absent_as_a_whole() {
    let folder = Folder::new();
    fs::remove_dir_all(folder.path("image_02")).unwrap();
    fs::remove_dir_all(folder.path("oxts")).unwrap();
    let summary = folder.import().unwrap();
    assert_eq!((summary.sweeps, summary.images, summary.ins_fixes, summary.route_poses), (5, 0, 0, 0));
    let Some(Message::Calibration(Calibration { camera: Some(camera), .. })) = folder.messages().into_iter().next()
    else {
        panic!("no camera");
    };
    assert_eq!([camera.width, camera.height], NOMINAL_SIZE);
}

#[test]
fn what_is_wrong_is_named() {
    let folder = Folder::new();
    let edited = |from: &str, to: &str| folder.write("calib/0007.txt", CALIBRATION.replacen(from, to, 1).as_bytes());
    edited("Tr_velo_to_cam", "Tr_velo_to_moon");
    assert!(folder.refusal().ends_with("calib/0007.txt: no line Tr_velo_to_cam"), "{}", folder.refusal());
    edited(" 2.745884e-03", "");
    assert!(folder.refusal().ends_with("calib/0007.txt:2: P2 has 11 numbers, expected 12"), "{}", folder.refusal());
    edited("9.999239e-01", "nan");
    assert!(
        folder.refusal().ends_with("0007.txt:3: R0_rect holds \"nan\", not a finite number"),
        "{}",
        folder.refusal()
    );
    edited("P2: 7.215377e+02", "P2: 0");
    assert!(folder.refusal().contains("P2 is singular: determinant 0e0"), "{}", folder.refusal());
    folder.write("calib/0007.txt", CALIBRATION.as_bytes());

    let oxts = fs::read_to_string(folder.path("oxts/0007.txt")).unwrap();
    let mut rows = oxts.lines().map(str::to_string).collect::<Vec<_>>();
    rows[2] = rows[2].split_whitespace().take(24).collect::<Vec<_>>().join(" ");
    folder.write("oxts/0007.txt", rows.join("\n").as_bytes());
    assert!(folder.refusal().ends_with("oxts/0007.txt:3: 24 numbers, expected at least 25"), "{}", folder.refusal());
    folder.write("oxts/0007.txt", rows[..2].join("\n").as_bytes());
    assert!(folder.refusal().ends_with("2 rows, but there is a sweep of frame 2"), "{}", folder.refusal());
    folder.write("oxts/0007.txt", oxts.as_bytes());

    folder.write("velodyne/0007/000003.bin", &[0; 47]);
    assert!(
        folder.refusal().ends_with("velodyne/0007/000003.bin: 47 bytes are not a multiple of 16, the size of a point")
    );
    fs::remove_file(folder.path("velodyne/0007/000003.bin")).unwrap();
    fs::remove_file(folder.path("image_02/0007/000001.png")).unwrap();
    let reason = "4 sweeps but 4 images: no image for the sweeps 1; no sweep for the images 3";
    assert!(folder.refusal().ends_with(reason), "{}", folder.refusal());
    folder.write("image_02/0007/000001.png", b"");
    folder.write("velodyne/0007/000003.bin", &[0; 48]);
    folder.write("image_02/0007/000000.png", b"JFIF");
    assert!(folder.refusal().ends_with("000000.png: not a PNG image"), "{}", folder.refusal());

    let other = import(folder.root.path(), "0099", Path::new("/dev/null"), Compression::Lz4).unwrap_err().to_string();
    assert!(other.contains("velodyne/0099: cannot list: No such file"), "{other}");
    fs::remove_dir_all(folder.path("velodyne/0007")).unwrap();
    fs::create_dir_all(folder.path("velodyne/0007")).unwrap();
    assert!(folder.refusal().ends_with("velodyne/0007: no frame (a file such as 000000.bin)"), "{}", folder.refusal());
    fs::remove_dir_all(folder.path("velodyne")).unwrap();
    assert!(folder.refusal().contains("no folder velodyne here"), "{}", folder.refusal());
}
