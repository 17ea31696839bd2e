//! `chauffeur import`.

mod pcap;

use clap::Subcommand;
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
        /// The drive to write.
        #[arg(long, value_name = "DRIVE.mcap")]
        output: PathBuf,
    },
    /// A recording of a lidar's packets: pcap or pcapng.
    Pcap(pcap::Options),
}

pub fn run(source: &Source) -> anyhow::Result<ExitCode> {
    let (root, sequence, output) = match source {
        Source::Kitti { root, sequence, output } => (root, sequence, output),
        Source::Pcap(options) => return pcap::run(options),
    };
    let summary = recordings::kitti::import(root, sequence, output)?;
    println!(
        "{}: {} sweeps, {} images, {} GPS/INS outputs, {} route poses, {:.1} MB",
        output.display(),
        summary.sweeps,
        summary.images,
        summary.ins_fixes,
        summary.route_poses,
        summary.bytes as f64 * 1e-6
    );
    Ok(ExitCode::SUCCESS)
}
