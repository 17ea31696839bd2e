//! `chauffeur bench odometry`: the path by lidar alone and the fused one, beside GPS/INS, given poses and the truth.
//!
//! What stands still is the judge where nobody knows the truth: parked labelled objects, put into the world frame by the estimated
//! poses, must stay in their place. Their spread holds the noise of the labels, too.

mod moments;
mod paths;

use crate::command_line::embedded_drive;
use crate::config::Config;
use crate::runtime::clock::Stopwatch;
use crate::runtime::statistics::Histogram;
use anyhow::Context;
use clap::Args;
use moments::{Moment, Source};
use paths::Path as Way;
use perception::localize::{Finding, Localizer, Senses};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use types::PointCloud;

/// What to compare.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive. Default: the small one in the repository.
    #[arg(conflicts_with = "kitti")]
    drive: Option<PathBuf>,
    /// Folder of sequences in the KITTI tracking layout; labels and poses beside them are taken into account.
    #[arg(long, value_name = "DIR")]
    kitti: Option<PathBuf>,
    /// Only this sequence of `--kitti`.
    #[arg(long, value_name = "NAME", requires = "kitti")]
    sequence: Option<String>,
    /// Poses of the lidar, one row a sweep: 12 numbers, 3x4 row major, `first_from_sweep`.
    #[arg(long, value_name = "FILE")]
    poses: Option<PathBuf>,
    /// Folder for the paths: files `RECORDING.PATH.txt`, one row a sweep, poses of `base_link` as 12 numbers.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let config = Config::read(options.config.as_deref())?;
    let Some(root) = &options.kitti else {
        let path = options.drive.clone().unwrap_or_else(embedded_drive);
        compare(Source::drive(&path)?, &config, options)?;
        return Ok(ExitCode::SUCCESS);
    };
    let names = options.sequence.clone().map_or_else(|| recordings::kitti::sequences(root), |name| Ok(vec![name]))?;
    for name in names {
        compare(Source::sequence(root, &name)?, &config, options)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One way to know where the vehicle is.
struct Estimate {
    localizer: Localizer,
    /// Whether GPS/INS and wheels are looked at.
    fuses: bool,
    way: Way,
    times: Histogram,
    /// Frames for which something had to be said, by kind, and what was said first.
    findings: BTreeMap<&'static str, (u64, String)>,
}

impl Estimate {
    fn new(name: &'static str, fuses: bool, config: &Config) -> Self {
        let localizer = Localizer::new(config.localize.clone());
        Self { localizer, fuses, way: Way::new(name), times: Histogram::default(), findings: BTreeMap::new() }
    }

    fn step(&mut self, moment: &Moment, points: &PointCloud, source: &Source) {
        let sweep = &moment.sweep;
        let mut senses = Senses { cloud: Some(points), ..Senses::default() };
        if self.fuses {
            (senses.ins, senses.wheels) = (moment.ins.as_ref(), moment.wheels.as_ref());
        }
        let watch = Stopwatch::start();
        let state = self.localizer.step(sweep.seq, sweep.stamp, &senses, &source.calibration);
        self.times.record(watch.elapsed());
        for odd in self.localizer.findings() {
            self.findings.entry(Finding::kind(odd)).or_insert_with(|| (0, format!("frame {}: {odd}", sweep.seq))).0 +=
                1;
        }
        match state {
            Ok(state) => self.way.push(sweep.seq, state.odom_from_base),
            Err(error) => self.findings.entry("refused").or_insert_with(|| (0, error.to_string())).0 += 1,
        }
    }
}

fn compare(mut source: Source, config: &Config, options: &Options) -> anyhow::Result<()> {
    let mut estimates = vec![Estimate::new("lidar odometry", false, config)];
    if source.has_more {
        estimates.push(Estimate::new("fused", true, config));
    }
    let (mut ins, mut truth) = (Way::new("GPS/INS"), Way::new(paths::TRUTH));
    let mut points = PointCloud::default();
    while let Some(moment) = source.next()? {
        perception::decode::points(&moment.sweep, &mut points)
            .map_err(|error| anyhow::anyhow!("{}: sweep {}: {error}", source.name, moment.sweep.seq))?;
        for estimate in &mut estimates {
            estimate.step(&moment, &points, &source);
        }
        let seq = moment.sweep.seq;
        ins.extend(moment.ins.map(|fix| (seq, fix.state.odom_from_base)));
        truth.extend(moment.truth.map(|pose| (seq, pose)));
    }
    anyhow::ensure!(!points.is_empty(), "{}: no sweep", source.name);
    let mut given = Way::new("given poses");
    if let Some(file) = options.poses.as_deref().or(source.poses.as_deref()) {
        let base_from_lidar = source.calibration.base_from_lidar;
        let all = paths::read_poses(file)?.into_iter().map(|pose| base_from_lidar * pose * base_from_lidar.inverse());
        given.extend((source.first..).zip(all));
    }
    for Estimate { way, times, .. } in &estimates {
        let ms = |quantile| times.quantile(quantile).as_secs_f64() * 1e3;
        let rate = times.count() as f64 / times.sum().as_secs_f64().max(1e-9);
        println!(
            "{}: {}: {} sweeps, {:.1} ms a sweep (p50), {:.1} ms (p99), {rate:.0} sweeps/s",
            source.name,
            way.name,
            times.count(),
            ms(0.5),
            ms(0.99)
        );
    }
    let others = [ins, given, truth].into_iter().filter(|way| !way.is_empty());
    let ways: Vec<Way> = estimates.iter().map(|estimate| estimate.way.clone()).chain(others).collect();
    paths::print(&ways, &source.labels);
    if let Some(folder) = &options.output {
        std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        let stem = Path::new(&source.name).file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        for way in &ways {
            way.write(&folder.join(format!("{stem}.{}.txt", way.name.replace([' ', '/'], "-"))))?;
        }
    }
    for Estimate { way, findings, .. } in &estimates {
        for (kind, (count, first)) in findings {
            println!("{}: {kind} in {count} frames, first: {first}", way.name);
        }
    }
    Ok(())
}
