//! Lidar odometry over a drive in KITTI tracking layout.
//!
//! `CHAUFFEUR_DRIVES=FOLDER cargo run --release -p perception --example localize_kitti -- SEQUENCE > out.txt`, where
//! `FOLDER/kitti_tracking/training/velodyne/SEQUENCE/*.bin` are the sweeps, taken to be 0.1 s apart. Each line of the
//! output: the 3x4 pose of `base_link` in `odom`, speed (m/s), acceleration (m/s2), yaw rate (rad/s), milliseconds.
#![allow(clippy::disallowed_methods, reason = "a measuring tool outside the runtime")]

use perception::localize::{Config, Localizer};
use std::path::{Path, PathBuf};
use std::time::Instant;
use types::{Calibration, PointCloud, Stamp};

fn main() -> std::io::Result<()> {
    let Some(drives) = std::env::var_os("CHAUFFEUR_DRIVES") else {
        eprintln!("skipped: CHAUFFEUR_DRIVES is not set");
        return Ok(());
    };
    let sequence = std::env::args().nth(1).unwrap_or_else(|| "0000".to_owned());
    let folder = PathBuf::from(drives).join("kitti_tracking/training/velodyne").join(sequence);
    let mut files: Vec<_> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let base_from_lidar = nalgebra::Isometry3::translation(0.76, 0.0, 1.73);
    let calibration = Calibration { base_from_lidar, camera: None };
    let mut localizer = Localizer::new(Config::default());
    for (frame, file) in (0u64..).zip(files) {
        let cloud = read(&file)?;
        let stamp = Stamp::from_nanos(100_000_000 * frame as i64);
        let start = Instant::now();
        let state = localizer.step(frame, stamp, None, Some(&cloud), &calibration);
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        match state {
            Err(error) => eprintln!("{error}"),
            Ok(state) => {
                let pose = state.odom_from_base.to_homogeneous();
                let rows: Vec<_> = (0..12).map(|i| format!("{:.6}", pose[(i / 4, i % 4)])).collect();
                let (speed, acceleration) = (state.speed_mps, state.acceleration_mps2);
                let turn = state.yaw_rate_radps;
                println!("{} {speed:.4} {acceleration:.4} {turn:.5} {milliseconds:.2}", rows.join(" "));
            }
        }
    }
    Ok(())
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
