//! `chauffeur import`.

mod pcap;

use super::CompressionName;
use clap::{Args, Subcommand};
use recordings::{ImportSummary, argoverse, kitti, nuscenes, ros2};
use std::path::PathBuf;
use std::process::ExitCode;

/// Where a drive comes from.
#[derive(Debug, Subcommand)]
pub enum Source {
    /// The KITTI tracking layout: velodyne, `image_02`, calib, oxts.
    Kitti {
        /// Folder that holds `velodyne`, `image_02`, `calib` and `oxts`, or a parent of it.
        #[arg(long, value_name = "DIR")]
        root: PathBuf,
        /// Name of the sequence, e.g. 0000.
        #[arg(long)]
        sequence: String,
        #[command(flatten)]
        target: Target,
    },
    /// A synchronized drive of the KITTI raw recordings, its folder inside that of the day.
    KittiRaw {
        /// Folder of the drive, e.g. `2011_09_26/2011_09_26_drive_0005_sync`.
        folder: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// A ROS 2 bag: an MCAP file of CDR messages, or the folder that `ros2 bag record` makes.
    Ros2 {
        /// The bag.
        bag: PathBuf,
        /// Topic of the lidar, where there are several; `none` leaves it out.
        #[arg(long, value_name = "TOPIC")]
        lidar: Option<String>,
        /// Topic of the camera (compressed or raw images), as for the lidar.
        #[arg(long, value_name = "TOPIC")]
        camera: Option<String>,
        /// Topic of the odometry that stands for GPS/INS, as for the lidar. Default without any: `NavSatFix` with `Imu`.
        #[arg(long, value_name = "TOPIC")]
        odometry: Option<String>,
        /// The vehicle's frame: rear axle, on the ground.
        #[arg(long, value_name = "FRAME", default_value = "base_link")]
        base: String,
        #[command(flatten)]
        target: Target,
    },
    /// A scene of nuScenes: `LIDAR_TOP`, `CAM_FRONT`, poses and labels.
    Nuscenes {
        /// Folder that holds `samples`, `sweeps` and the tables `v1.0-*`.
        #[arg(long, value_name = "DIR")]
        root: PathBuf,
        /// Name of the scene, e.g. scene-0061.
        #[arg(long)]
        scene: String,
        #[command(flatten)]
        target: Target,
    },
    /// A log of the Argoverse 2 sensor data set: lidar, front camera, poses and labels.
    Av2 {
        /// Folder of the log.
        log: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// A recording of a lidar's packets: pcap or pcapng.
    Pcap(pcap::Options),
}

/// What is made.
#[derive(Debug, Args)]
pub struct Target {
    /// The drive to write.
    #[arg(long, value_name = "DRIVE.mcap")]
    output: PathBuf,
    /// Its compression.
    #[arg(long, value_enum, default_value_t = CompressionName::Lz4)]
    compression: CompressionName,
}

pub fn run(source: &Source) -> anyhow::Result<ExitCode> {
    let (target, summary) = match source {
        Source::Pcap(options) => return pcap::run(options),
        Source::Kitti { root, sequence, target } => {
            (target, kitti::import(root, sequence, &target.output, target.compression.into())?)
        }
        Source::KittiRaw { folder, target } => {
            (target, kitti::import_raw(folder, &target.output, target.compression.into())?)
        }
        Source::Ros2 { bag, lidar, camera, odometry, base, target } => {
            let (lidar, camera, odometry) = (lidar.clone(), camera.clone(), odometry.clone());
            let choice = ros2::Choice { lidar, camera, odometry, base: Some(base.clone()) };
            (target, ros2::import(bag, &choice, &target.output, target.compression.into())?)
        }
        Source::Nuscenes { root, scene, target } => {
            (target, nuscenes::import(root, scene, &target.output, target.compression.into())?)
        }
        Source::Av2 { log, target } => (target, argoverse::import(log, &target.output, target.compression.into())?),
    };
    print(target, &summary);
    Ok(ExitCode::SUCCESS)
}

fn print(target: &Target, summary: &ImportSummary) {
    println!(
        "{}: {} sweeps, {} images, {} GPS/INS outputs, {} labelled moments, {} route poses, {:.1} MB",
        target.output.display(),
        summary.sweeps,
        summary.images,
        summary.ins_fixes,
        summary.truths,
        summary.route_poses,
        summary.bytes as f64 * 1e-6
    );
    for finding in &summary.findings {
        eprintln!("note: {finding}");
    }
}
