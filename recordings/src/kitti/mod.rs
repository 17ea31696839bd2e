//! Imports drives of the KITTI tracking benchmark (Geiger, Lenz, Urtasun: Are we ready for autonomous driving?, CVPR 2012).
//!
//! Layout: `velodyne/SEQ/FRAME.bin`, `image_02/SEQ/FRAME.png`, `calib/SEQ.txt`, `oxts/SEQ.txt`. Images and GPS/INS may
//! be absent as a whole. The benchmark gives no stamps: frame n is at [`EPOCH_NS`] + n * 100 ms, its nominal clock.

mod calibration;
mod labels;
mod oxts;

pub use labels::Label;

use crate::{Compression, DriveWriter, Message, RecordingError, RunRecord};
use nalgebra::Isometry3;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use types::{Calibration, CameraFrame, EgoState, ImageFormat, InsFix, LidarSweep, PointField, PointKind, Route, Stamp};

/// 2011-09-26T13:02:25Z, the day of the recordings: the stamp of frame 0.
pub const EPOCH_NS: i64 = 1_317_042_145_000_000_000;
/// Time from one turn of the lidar to the next.
pub const PERIOD_NS: i64 = 100_000_000;
/// Columns and rows of the benchmark's rectified images, for a sequence without images. Some drives differ by a few.
const NOMINAL_SIZE: [usize; 2] = [1242, 375];
/// A point: x, y, z, reflectance as f32.
const POINT_BYTES: usize = 16;

/// What an import found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportSummary {
    /// Lidar sweeps.
    pub sweeps: usize,
    /// Camera images; zero if the sequence has none.
    pub images: usize,
    /// GPS/INS outputs; zero if the sequence has none.
    pub ins_fixes: usize,
    /// Poses of the route; zero without GPS/INS or if the vehicle stood still.
    pub route_poses: usize,
    /// Size of the drive's file.
    pub bytes: u64,
}

/// A sequence of the benchmark: what is read at once, and where its frames lie.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Where the sensors sit.
    pub calibration: Calibration,
    /// GPS/INS outputs, one a sweep; empty if the sequence has none.
    pub fixes: Vec<InsFix>,
    /// From `base_link` to the frame that labels are given in.
    base_from_label: Isometry3<f64>,
    labels: PathBuf,
    poses: PathBuf,
    sweeps: BTreeMap<u64, PathBuf>,
    images: BTreeMap<u64, PathBuf>,
}

impl Sequence {
    /// Opens a sequence. `root` is the folder that holds `velodyne`, or one that holds it below `training` or
    /// `kitti_tracking/training`.
    ///
    /// # Errors
    /// Names the file, and the line, key or frame where it is not as the benchmark's format demands.
    pub fn open(root: &Path, name: &str) -> Result<Self, RecordingError> {
        let root = find_root(root)?;
        let file = |folder: &str| root.join(folder).join(format!("{name}.txt"));
        let sweeps = frames(&root.join("velodyne").join(name), "bin")?;
        let image_folder = root.join("image_02").join(name);
        let images = if image_folder.is_dir() { frames(&image_folder, "png")? } else { BTreeMap::new() };
        check_same_frames(&sweeps, &images, &image_folder)?;
        let rig = calibration::Rig::read(&file("calib"))?;
        let size = images.values().next().map_or(Ok(NOMINAL_SIZE), |path| png_size(path))?;
        let calibration = rig.calibration(size)?;
        let oxts = file("oxts");
        let fixes = if oxts.is_file() { oxts::read(&oxts, &rig, sweeps.keys().copied())? } else { Vec::new() };
        let base_from_label = rig.base_from_label();
        Ok(Self { calibration, fixes, base_from_label, labels: file("label_02"), poses: file("poses"), sweeps, images })
    }

    /// Numbers of the frames that have a sweep, rising.
    pub fn frames(&self) -> impl Iterator<Item = u64> {
        self.sweeps.keys().copied()
    }

    /// Reads the sweep of a frame.
    ///
    /// # Errors
    /// If there is none, or its file is damaged.
    pub fn sweep(&self, frame: u64) -> Result<LidarSweep, RecordingError> {
        let path = self.sweeps.get(&frame).ok_or_else(|| {
            let folder = self.sweeps.values().next().and_then(|path| path.parent()).unwrap_or(Path::new(""));
            RecordingError::source(folder, None, format!("no sweep of frame {frame}"))
        })?;
        lidar_sweep(frame, path)
    }

    /// The labelled objects by frame and in the order of the file, boxes in `base_link`; none if the sequence has no labels.
    ///
    /// # Errors
    /// Names the file and the line that is not as the benchmark's format demands.
    pub fn labels(&self) -> Result<Vec<Label>, RecordingError> {
        if self.labels.is_file() { labels::read(&self.labels, &self.base_from_label) } else { Ok(Vec::new()) }
    }

    /// `poses/SEQ.txt`, where somebody has put such a file: poses of the lidar, 3x4 row major, one a sweep. It is no part of the
    /// benchmark's tracking set.
    #[must_use]
    pub fn pose_file(&self) -> Option<&Path> {
        Some(self.poses.as_path()).filter(|path| path.is_file())
    }
}

/// Names of the sequences in a folder (that of [`Sequence::open`]), sorted.
///
/// # Errors
/// If there is no such folder, or no sequence in it.
pub fn sequences(root: &Path) -> Result<Vec<String>, RecordingError> {
    let folder = find_root(root)?.join("velodyne");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(RecordingError::io(&folder, "list"))? {
        let path = entry.map_err(RecordingError::io(&folder, "list"))?.path();
        names.extend(path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_dir()).map(str::to_owned));
    }
    names.sort();
    if names.is_empty() {
        return Err(RecordingError::source(&folder, None, "no sequence (a folder such as 0000)"));
    }
    Ok(names)
}

/// Imports one sequence into a new drive, LZ4 compressed. `root` is as for [`Sequence::open`]. Image and point bytes stay as
/// they are.
///
/// # Errors
/// Names the file, and the line, key or frame where it is not as the benchmark's format demands.
pub fn import(root: &Path, sequence: &str, output: &Path) -> Result<ImportSummary, RecordingError> {
    let Sequence { calibration, fixes, sweeps, images, .. } = Sequence::open(root, sequence)?;
    let route = oxts::route(&fixes);

    let run = RunRecord {
        version: env!("CARGO_PKG_VERSION").into(),
        mode: "import".into(),
        source: format!("KITTI tracking {sequence}"),
        ..RunRecord::default()
    };
    let mut writer = DriveWriter::create(output, &run, Compression::Lz4)?;
    writer.write(&Message::Calibration(calibration))?;
    if route.len() > 1 {
        writer.write(&Message::Route(Route::of_poses(route.iter().copied())))?;
    }
    let mut fixes_left = fixes.iter();
    for (&frame, path) in &sweeps {
        if let Some(fix) = fixes_left.next() {
            writer.write(&Message::Ins(*fix))?;
        }
        if let Some(image) = images.get(&frame) {
            writer.write(&Message::Camera(camera_frame(frame, image)?))?;
        }
        writer.write(&Message::Lidar(lidar_sweep(frame, path)?))?;
    }
    let bytes = writer.finish()?.bytes;
    let route_poses = if route.len() > 1 { route.len() } else { 0 };
    Ok(ImportSummary { sweeps: sweeps.len(), images: images.len(), ins_fixes: fixes.len(), route_poses, bytes })
}

/// How a sequence's car is built and how it moved, from `calib/SEQ.txt` and `oxts/SEQ.txt` alone: one state for each row of the
/// latter.
///
/// # Errors
/// Names the file, and the line or key where it is not as the benchmark's format demands.
pub fn motion(root: &Path, sequence: &str) -> Result<(Calibration, Vec<EgoState>), RecordingError> {
    let rig = calibration::Rig::read(&root.join("calib").join(format!("{sequence}.txt")))?;
    let fixes = oxts::read_all(&root.join("oxts").join(format!("{sequence}.txt")), &rig)?;
    Ok((rig.calibration(NOMINAL_SIZE)?, fixes.into_iter().map(|fix| fix.state).collect()))
}

/// The stamp of a frame.
fn stamp(frame: u64) -> Stamp {
    Stamp::from_nanos(EPOCH_NS.saturating_add(PERIOD_NS.saturating_mul(i64::try_from(frame).unwrap_or(i64::MAX))))
}

fn find_root(root: &Path) -> Result<PathBuf, RecordingError> {
    let places = [root.to_path_buf(), root.join("training"), root.join("kitti_tracking").join("training")];
    let found = places.into_iter().find(|place| place.join("velodyne").is_dir());
    found.ok_or_else(|| {
        RecordingError::source(root, None, "no folder velodyne here, in training or in kitti_tracking/training")
    })
}

/// The files of a folder by frame number.
fn frames(folder: &Path, extension: &str) -> Result<BTreeMap<u64, PathBuf>, RecordingError> {
    let entries = fs::read_dir(folder).map_err(RecordingError::io(folder, "list"))?;
    let mut frames = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(RecordingError::io(folder, "list"))?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|found| found == extension)) {
            frames.insert(number, path);
        }
    }
    if frames.is_empty() {
        return Err(RecordingError::source(folder, None, format!("no frame (a file such as 000000.{extension})")));
    }
    Ok(frames)
}

fn check_same_frames(
    sweeps: &BTreeMap<u64, PathBuf>,
    images: &BTreeMap<u64, PathBuf>,
    image_folder: &Path,
) -> Result<(), RecordingError> {
    if images.is_empty() {
        return Ok(());
    }
    let listed = |from: &BTreeMap<u64, PathBuf>, other: &BTreeMap<u64, PathBuf>| {
        let missing = from.keys().filter(|frame| !other.contains_key(frame)).map(u64::to_string).collect::<Vec<_>>();
        let more = if missing.len() > 10 { format!(" and {} more", missing.len() - 10) } else { String::new() };
        (!missing.is_empty()).then(|| missing[..missing.len().min(10)].join(", ") + &more)
    };
    let without_image = listed(sweeps, images).map(|frames| format!("no image for the sweeps {frames}"));
    let without_sweep = listed(images, sweeps).map(|frames| format!("no sweep for the images {frames}"));
    match without_image.into_iter().chain(without_sweep).collect::<Vec<_>>().join("; ") {
        reason if reason.is_empty() => Ok(()),
        reason => {
            let counts = format!("{} sweeps but {} images: {reason}", sweeps.len(), images.len());
            Err(RecordingError::source(image_folder, None, counts))
        }
    }
}

fn camera_frame(frame: u64, path: &Path) -> Result<CameraFrame, RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    Ok(CameraFrame { seq: frame, stamp: stamp(frame), format: ImageFormat::Png, data })
}

fn lidar_sweep(frame: u64, path: &Path) -> Result<LidarSweep, RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    if data.len() % POINT_BYTES != 0 {
        let reason = format!("{} bytes are not a multiple of {POINT_BYTES}, the size of a point", data.len());
        return Err(RecordingError::source(path, None, reason));
    }
    let names = ["x", "y", "z", "intensity"].into_iter().enumerate();
    let fields = names.map(|(i, name)| PointField { name: name.into(), offset: 4 * i, kind: PointKind::F32 }).collect();
    Ok(LidarSweep { seq: frame, stamp: stamp(frame), stride: POINT_BYTES, fields, data })
}

/// Width and height from a PNG's header.
fn png_size(path: &Path) -> Result<[usize; 2], RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    let number = |at: usize| u32::from_be_bytes(std::array::from_fn(|i| data[at + i])) as usize;
    if data.len() < 24 || !data.starts_with(b"\x89PNG\r\n\x1a\n") || &data[12..16] != b"IHDR" {
        return Err(RecordingError::source(path, None, "not a PNG image"));
    }
    Ok([number(16), number(20)])
}

#[cfg(test)]
mod tests {
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
            import(self.root.path(), "0007", &self.root.path().join("drive.mcap"))
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
                    assert_eq!((sweep.seq, sweep.data), (sweeps, vec![sweeps as u8; 48]));
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
            import(&folder.root.path().join(root), "0007", &output).unwrap();
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
            assert!(
                (ours[1] - pixel.y / pixel.z).abs() < 1e-2 && (ours[2] - pixel.z).abs() < 1e-4,
                "{ours:?} {pixel:?}"
            );
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
        let edited =
            |from: &str, to: &str| folder.write("calib/0007.txt", CALIBRATION.replacen(from, to, 1).as_bytes());
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
        assert!(
            folder.refusal().ends_with("oxts/0007.txt:3: 24 numbers, expected at least 25"),
            "{}",
            folder.refusal()
        );
        folder.write("oxts/0007.txt", rows[..2].join("\n").as_bytes());
        assert!(folder.refusal().ends_with("2 rows, but there is a sweep of frame 2"), "{}", folder.refusal());
        folder.write("oxts/0007.txt", oxts.as_bytes());

        folder.write("velodyne/0007/000003.bin", &[0; 47]);
        assert!(
            folder
                .refusal()
                .ends_with("velodyne/0007/000003.bin: 47 bytes are not a multiple of 16, the size of a point")
        );
        fs::remove_file(folder.path("velodyne/0007/000003.bin")).unwrap();
        fs::remove_file(folder.path("image_02/0007/000001.png")).unwrap();
        let reason = "4 sweeps but 4 images: no image for the sweeps 1; no sweep for the images 3";
        assert!(folder.refusal().ends_with(reason), "{}", folder.refusal());
        folder.write("image_02/0007/000001.png", b"");
        folder.write("velodyne/0007/000003.bin", &[0; 48]);
        folder.write("image_02/0007/000000.png", b"JFIF");
        assert!(folder.refusal().ends_with("000000.png: not a PNG image"), "{}", folder.refusal());

        let other = import(folder.root.path(), "0099", Path::new("/dev/null")).unwrap_err().to_string();
        assert!(other.contains("velodyne/0099: cannot list: No such file"), "{other}");
        fs::remove_dir_all(folder.path("velodyne/0007")).unwrap();
        fs::create_dir_all(folder.path("velodyne/0007")).unwrap();
        assert!(
            folder.refusal().ends_with("velodyne/0007: no frame (a file such as 000000.bin)"),
            "{}",
            folder.refusal()
        );
        fs::remove_dir_all(folder.path("velodyne")).unwrap();
        assert!(folder.refusal().contains("no folder velodyne here"), "{}", folder.refusal());
    }
}
