//! `chauffeur bench odometry`: the path by lidar alone, beside GPS/INS and beside poses of another program.

use crate::command_line::embedded_drive;
use crate::config::Config;
use crate::replay::Drive;
use crate::runtime::clock::Stopwatch;
use crate::runtime::statistics::Histogram;
use anyhow::{Context, bail, ensure};
use clap::Args;
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion};
use perception::localize::Localizer;
use recordings::Message;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use types::PointCloud;

/// What to compare.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive. Default: the small one in the repository.
    drive: Option<PathBuf>,
    /// Poses of the lidar, one row a sweep: 12 numbers, 3x4 row major, `first_from_sweep`.
    #[arg(long, value_name = "FILE")]
    poses: Option<PathBuf>,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let path = options.drive.clone().unwrap_or_else(embedded_drive);
    let config = Config::read(options.config.as_deref())?;
    let Drive { reader, calibration, .. } = Drive::open(&path)?;
    let mut localizer = Localizer::new(config.localize);
    let mut points = PointCloud::default();
    let (mut odometry, mut ins) = (Vec::new(), Vec::new());
    let mut times = Histogram::default();
    for message in reader {
        match message? {
            Message::Lidar(sweep) => {
                perception::decode::points(&sweep, &mut points).with_context(|| format!("sweep {}", sweep.seq))?;
                let watch = Stopwatch::start();
                let state = localizer.step(sweep.seq, sweep.stamp, None, Some(&points), &calibration)?;
                times.record(watch.elapsed());
                odometry.push(state.odom_from_base);
            }
            Message::Ins(fix) => ins.push(fix.state.odom_from_base),
            _ => {}
        }
    }
    ensure!(!odometry.is_empty(), "{}: the drive holds no sweep", path.display());
    let ms = |quantile| times.quantile(quantile).as_secs_f64() * 1e3;
    println!(
        "{}: {} sweeps, {:.1} ms a sweep (p50), {:.1} ms (p99)",
        path.display(),
        odometry.len(),
        ms(0.5),
        ms(0.99)
    );
    println!(
        "{:<18}{:>8}{:>11}{:>24}{:>13}{:>12}",
        "path", "poses", "length m", "end x, y, yaw", "RMS to ours", "max to ours"
    );
    print_path("lidar odometry", &odometry, &odometry);
    if ins.is_empty() {
        println!("{:<18}no GPS/INS in this drive", "GPS/INS");
    } else {
        print_path("GPS/INS", &ins, &odometry);
    }
    if let Some(file) = &options.poses {
        let base_from_lidar = calibration.base_from_lidar;
        let given = read_poses(file)?.into_iter().map(|pose| base_from_lidar * pose * base_from_lidar.inverse());
        print_path("given poses", &given.collect::<Vec<_>>(), &odometry);
    }
    Ok(ExitCode::SUCCESS)
}

/// One line: a path of `base_link` from its own first pose, and its distance from ours at the same index.
fn print_path(name: &str, path: &[Isometry3<f64>], ours: &[Isometry3<f64>]) {
    let (Some(first), Some(last), Some(our_first)) = (path.first(), path.last(), ours.first()) else { return };
    let from_first = |pose: &Isometry3<f64>| first.inverse() * pose;
    let step = |pair: &[Isometry3<f64>]| (pair[1].translation.vector - pair[0].translation.vector).norm();
    let length: f64 = path.windows(2).map(step).sum();
    let apart = |(pose, our): (&Isometry3<f64>, &Isometry3<f64>)| {
        (from_first(pose).translation.vector - (our_first.inverse() * our).translation.vector).norm()
    };
    let distances: Vec<f64> = path.iter().zip(ours).map(apart).collect();
    let rms = (distances.iter().map(|d| d * d).sum::<f64>() / distances.len() as f64).sqrt();
    let most = distances.iter().copied().fold(0.0, f64::max);
    let end = types::Pose2::from_isometry(&from_first(last));
    let end = format!("{:.2}, {:.2}, {:.2} deg", end.x, end.y, end.yaw.to_degrees());
    println!("{name:<18}{:>8}{length:>11.2}{end:>24}{rms:>13.3}{most:>12.3}", path.len());
}

fn read_poses(path: &Path) -> anyhow::Result<Vec<Isometry3<f64>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let row = |(index, line): (usize, &str)| {
        let numbers: Result<Vec<f64>, _> = line.split_whitespace().map(str::parse).collect();
        let place = || format!("{}:{}", path.display(), index + 1);
        let n = numbers.with_context(place)?;
        if n.len() != 12 || n.iter().any(|v| !v.is_finite()) {
            bail!("{}: {} numbers, expected 12 finite ones", place(), n.len());
        }
        let rotation = Matrix3::new(n[0], n[1], n[2], n[4], n[5], n[6], n[8], n[9], n[10]);
        let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix(&rotation));
        Ok(Isometry3::from_parts(Translation3::new(n[3], n[7], n[11]), rotation))
    };
    text.lines().enumerate().map(row).collect()
}
