//! Lidar odometry, the geometric detector and the tracker over a drive in KITTI tracking layout.
//!
//! `CHAUFFEUR_DRIVES=FOLDER cargo run --release -p perception --example drive_kitti -- SEQUENCE OUTPUT`, where
//! `FOLDER/kitti_tracking/training/velodyne/SEQUENCE/*.bin` are the sweeps, taken to be 0.1 s apart.
//! `OUTPUT/SEQUENCE_ego.txt`: the 3x4 pose of `base_link` in `odom`, speed (m/s), acceleration (m/s2), yaw rate (rad/s),
//! milliseconds. `OUTPUT/SEQUENCE_tracks.txt`: frame, id, class, existence, hits, misses, x y z, length width height, yaw in
//! `odom`, velocity x y. `OUTPUT/SEQUENCE_detections.txt`: frame, class, score, x y z, length width height, yaw in `base_link`.
#![allow(clippy::disallowed_methods, reason = "a measuring tool outside the runtime")]

use perception::detect::{GeometricConfig, GeometricDetector};
use perception::localize::{self, Localizer};
use perception::track::{self, Tracker};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use types::{Box3, Calibration, Detections, PointCloud, Stamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(drives) = std::env::var_os("CHAUFFEUR_DRIVES") else {
        eprintln!("skipped: CHAUFFEUR_DRIVES is not set");
        return Ok(());
    };
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [sequence, output] = arguments.as_slice() else { return Err("usage: drive_kitti SEQUENCE OUTPUT".into()) };
    let folder = PathBuf::from(drives).join("kitti_tracking/training/velodyne").join(sequence);
    let mut files: Vec<_> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let base_from_lidar = nalgebra::Isometry3::translation(0.76, 0.0, 1.73);
    let calibration = Calibration { base_from_lidar, camera: None };
    let mut localizer = Localizer::new(localize::Config::default());
    let mut detector = GeometricDetector::new(GeometricConfig::default());
    let mut tracker = Tracker::new(track::Config::default());
    let (mut egos, mut followed, mut found) = (String::new(), String::new(), String::new());
    for (frame, file) in (0u64..).zip(files) {
        let cloud = read(&file)?;
        let stamp = Stamp::from_nanos(100_000_000 * frame as i64);
        let start = Instant::now();
        let state = localizer.step(frame, stamp, None, Some(&cloud), &calibration);
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let state = match state {
            Ok(state) => state,
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        let pose = state.odom_from_base.to_homogeneous();
        let rows: Vec<_> = (0..12).map(|i| format!("{:.6}", pose[(i / 4, i % 4)])).collect();
        let (speed, acceleration, turn) = (state.speed_mps, state.acceleration_mps2, state.yaw_rate_radps);
        writeln!(egos, "{} {speed:.4} {acceleration:.4} {turn:.5} {milliseconds:.2}", rows.join(" "))?;

        let lidar = detector.step(&cloud, &calibration);
        for detection in &lidar {
            let (class, b) = (detection.class.name(), &detection.bbox);
            writeln!(found, "{frame} {class} {:.3} {}", detection.score, numbers(b))?;
        }
        let tracks = tracker.step(&Detections { frame, stamp, camera: Vec::new(), lidar }, &state);
        for track in &tracks.objects {
            let (id, class, [vx, vy]) = (track.id, track.class.name(), track.velocity_mps);
            let life = format!("{:.3} {} {}", track.existence, track.hits, track.misses);
            writeln!(followed, "{frame} {id} {class} {life} {} {vx:.3} {vy:.3}", numbers(&track.bbox))?;
        }
    }
    let folder = Path::new(output);
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{sequence}_ego.txt")), egos)?;
    std::fs::write(folder.join(format!("{sequence}_tracks.txt")), followed)?;
    std::fs::write(folder.join(format!("{sequence}_detections.txt")), found)?;
    Ok(())
}

fn numbers(b: &Box3) -> String {
    let [x, y, z] = b.center;
    format!("{x:.3} {y:.3} {z:.3} {:.3} {:.3} {:.3} {:.4}", b.length, b.width, b.height, b.yaw)
}

fn read(file: &Path) -> std::io::Result<PointCloud> {
    let bytes = std::fs::read(file)?;
    let mut cloud = PointCloud::default();
    for point in bytes.chunks_exact(16) {
        let number = |i: usize| f32::from_le_bytes([point[i], point[i + 1], point[i + 2], point[i + 3]]);
        cloud.x.push(number(0));
        cloud.y.push(number(4));
        cloud.z.push(number(8));
        cloud.intensity.push(number(12));
    }
    Ok(cloud)
}
