//! `chauffeur bench detection`: what the detectors find in drives, beside the truth where a drive holds it, and as rows for a judge.

mod precision;
mod truth;
mod turn;

use super::rows::{self, Object};
use crate::command_line::render::draw_stamp;
use crate::command_line::{NetworkOptions, replay};
use crate::config::Config;
use crate::replay::{Drive, Replay};
use anyhow::{Context, bail, ensure};
use clap::Args;
use recordings::{DriveReader, Message};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use truth::{Gates, Score};
use turn::Turn;
use types::{Calibration, Detections, EgoState, Stamp, Truth};

/// What to detect in, and with what.
#[derive(Debug, Args)]
pub struct Options {
    /// The drives. Without `--output` they must hold the truth, as `simulate` writes it.
    #[arg(required = true, value_name = "DRIVE.mcap")]
    drives: Vec<PathBuf>,
    /// Write the lidar objects of one drive as KITTI tracking rows; its calibration must have a camera, since the benchmark's boxes
    /// are in the camera's frame.
    #[arg(long, value_name = "RESULTS.txt")]
    output: Option<PathBuf>,
    /// Draw the frames of each drive with the most mistakes of the lidar into this folder.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Objects beyond this distance are neither wanted nor wrong, m.
    #[arg(long, default_value_t = 40.0, value_name = "M")]
    max_range: f64,
    /// Objects of fewer lidar points are neither wanted nor wrong.
    #[arg(long, default_value_t = 10, value_name = "N")]
    min_points: u32,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    networks: NetworkOptions,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    ensure!(options.max_range > 0.0, "--max-range {} is not above 0", options.max_range);
    if let (Some(output), [_, second, ..]) = (&options.output, options.drives.as_slice()) {
        bail!("{}: rows are numbered by frame: one drive, not also {}", output.display(), second.display());
    }
    let mut score = Score::new(Gates { max_range_m: options.max_range, min_points: options.min_points });
    let mut judged = 0;
    for path in &options.drives {
        let Drive { calibration, .. } = Drive::open(path)?;
        let reference = Reference::read(path)?;
        if let Some(output) = &options.output {
            let what = "the calibration has no camera, in whose frame the rows of";
            ensure!(calibration.camera.is_some(), "{}: {what} {} are", path.display(), output.display());
        } else {
            let what = "the drive holds no truth to compare with: give --output for rows that a judge reads";
            ensure!(!reference.truths.is_empty(), "{}: {what}", path.display());
        }
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("detection.mcap");
        let found = detect(path, &log, options)?;
        if let Some(output) = &options.output {
            write_rows(output, &found, &calibration)?;
        }
        if !reference.truths.is_empty() {
            let mistakes = judge(path, &reference, &found, &calibration, &mut score)?;
            judged += mistakes.len();
            if let Some(folder) = &options.pictures {
                draw_worst(mistakes, path, &log, folder, options)?;
            }
        }
    }
    if judged > 0 {
        println!("{judged} frames with truth of {} drives", options.drives.len());
        score.print();
    }
    Ok(ExitCode::SUCCESS)
}

/// What a drive says is there.
struct Reference {
    /// By stamp.
    truths: BTreeMap<i64, Truth>,
    /// The truth is where the sweep shows it, not where it is at the stamp.
    is_shown: bool,
}

impl Reference {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut reader = DriveReader::open(path)?;
        // The truth of scattered scenes is where the sweep shows it.
        let is_shown = reader.run_record().is_some_and(|record| record.source.starts_with("scatter"));
        let mut reference = Self { truths: BTreeMap::new(), is_shown };
        reader.only(&["/truth/objects"]);
        for message in reader {
            if let Message::Truth(truth) = message? {
                reference.truths.insert(truth.stamp.nanos(), truth);
            }
        }
        Ok(reference)
    }
}

/// Runs the drive through the whole stack, writes its log and takes the detections out of it, each with the ego's state.
fn detect(path: &Path, log: &Path, options: &Options) -> anyhow::Result<Vec<(Detections, Option<EgoState>)>> {
    let bench = Replay {
        output: Some(log.to_path_buf()),
        ..Replay::lossless(path.to_path_buf(), Config::read(options.config.as_deref())?, options.networks.choice())
    };
    let prepared = bench.prepare()?;
    println!("{}, {}", path.display(), prepared.detectors);
    let outcome = replay::watched(prepared)?;
    if let Some(error) = outcome.error {
        return Err(error);
    }
    if let Some(fault) = outcome.fault {
        bail!("{}: fault in {}: {}", path.display(), fault.stage, fault.reason);
    }
    let (mut found, mut egos) = (Vec::new(), BTreeMap::new());
    for message in DriveReader::open(log)? {
        match message? {
            Message::Detections(detections) => found.push(detections),
            Message::Ego { state, .. } => drop(egos.insert(state.stamp, state)),
            _ => {}
        }
    }
    let with_ego = |found: Detections| {
        let ego = egos.get(&found.stamp).copied();
        (found, ego)
    };
    Ok(found.into_iter().map(with_ego).collect())
}

fn write_rows(
    output: &Path,
    found: &[(Detections, Option<EgoState>)],
    calibration: &Calibration,
) -> anyhow::Result<()> {
    let camera = calibration.camera.as_ref().context("the calibration has no camera")?;
    let camera_from_base = camera.camera_from_lidar * calibration.base_from_lidar.inverse();
    let mut text = String::new();
    for (detections, _) in found {
        for object in &detections.lidar {
            let bbox = object.bbox;
            let is_before = rows::is_before(&bbox, &camera_from_base);
            let image = if is_before { rows::image_box(&bbox, camera, &camera_from_base) } else { [-1.0; 4] };
            let (frame, class, score) = (detections.frame, object.class, object.score);
            text.push_str(&rows::row(&Object { frame, id: -1, class, bbox, score, image }, &camera_from_base)?);
        }
    }
    std::fs::write(output, &text).with_context(|| format!("{}", output.display()))?;
    println!("{}: {} boxes in {} frames", output.display(), text.lines().count(), found.len());
    Ok(())
}

/// Frames of a drive that are drawn.
const WORST: usize = 8;

/// Draws the frames of most mistakes, the worst first in the names.
fn draw_worst(
    mut mistakes: Vec<(usize, Stamp)>,
    path: &Path,
    log: &Path,
    folder: &Path,
    options: &Options,
) -> anyhow::Result<()> {
    let config = Config::read(options.config.as_deref())?;
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    mistakes.sort_by_key(|&(number, stamp)| (std::cmp::Reverse(number), stamp));
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    for (rank, (number, stamp)) in mistakes.into_iter().filter(|(number, _)| *number > 0).take(WORST).enumerate() {
        let output = folder.join(format!("{name}-{:02}.png", rank + 1));
        let title = format!("{name}: {number} mistakes");
        draw_stamp(Drive::open(log)?, &title, stamp, &config, &output)?;
        println!("{}: {number} mistakes", output.display());
    }
    Ok(())
}

/// Holds every frame against the truth of its stamp; gives the mistakes of each frame with its stamp.
fn judge(
    path: &Path,
    reference: &Reference,
    found: &[(Detections, Option<EgoState>)],
    calibration: &Calibration,
    score: &mut Score,
) -> anyhow::Result<Vec<(usize, Stamp)>> {
    let rows = calibration.camera.as_ref().map(|camera| camera.height as f64);
    let lidar = calibration.base_from_lidar.translation;
    let origin = [lidar.x, lidar.y];
    let mut frames = Vec::new();
    for (detections, ego) in found {
        if let Some(truth) = reference.truths.get(&detections.stamp.nanos()) {
            let turn = match ego {
                Some(ego) if reference.is_shown => Turn::freed(origin, ego),
                _ => Turn::met(origin),
            };
            frames.push((score.add(truth, detections, &turn, rows), detections.stamp));
        }
    }
    ensure!(
        !frames.is_empty(),
        "{}: none of its {} frames has the stamp of one of its {} truths",
        path.display(),
        found.len(),
        reference.truths.len()
    );
    Ok(frames)
}
