//! `chauffeur bench tracking`: the tracker of the car over recorded detections, for a judge of KITTI tracking results.
//!
//! In: `detection/pointrcnn_CLASS/SEQ.txt` as AB3DMOT gives them, `calib/SEQ.txt`, `oxts/SEQ.txt`. Out: `OUTPUT/SEQ.txt`.

use super::rows::{self, Object};
use crate::config::Config;
use crate::runtime::clock::Stopwatch;
use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use nalgebra::{Isometry3, Point3, Vector3};
use perception::track::{Refiner, Tracker};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use types::{Box3, Calibration, Detection3, Detections, EgoState, ObjectClass, Track, Tracks};

/// What to track.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder that holds `detection`, `calib` and `oxts`.
    #[arg(long, value_name = "DIR")]
    kitti: PathBuf,
    /// Folder for the results, one file a sequence.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Only this class is written. Pedestrians and cyclists are followed together all the same, since detectors confuse them.
    #[arg(long, value_enum)]
    class: Option<Kind>,
    /// Refine with what comes in the next N frames: near-online, for use offline.
    #[arg(long, default_value_t = 0, value_name = "N")]
    lag: usize,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The benchmark's classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Kind {
    Car,
    Pedestrian,
    Cyclist,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Car, Self::Pedestrian, Self::Cyclist];

    fn class(self) -> ObjectClass {
        match self {
            Self::Car => ObjectClass::Car,
            Self::Pedestrian => ObjectClass::Pedestrian,
            Self::Cyclist => ObjectClass::Cyclist,
        }
    }

    /// Whether detections of this kind are needed to follow `wanted`.
    fn concerns(self, wanted: Option<Self>) -> bool {
        wanted.is_none_or(|wanted| (self == Self::Car) == (wanted == Self::Car))
    }

    /// The probability that there is something, from PointRCNN's raw score. Slope and middle are a logistic fit of "is a labelled
    /// object" over all detections of the sequences at hand; either half of them gives nearly the same. The odds are
    /// taken threefold, since much of what has no label is an object all the same.
    fn probability(self, raw: f64) -> f64 {
        let (slope, middle) = match self {
            Self::Car => (0.84, 2.46),
            Self::Pedestrian => (1.39, 2.66),
            Self::Cyclist => (0.87, 3.3),
        };
        1.0 / (1.0 + (-slope * (raw - middle)).exp() / 3.0)
    }
}

/// The shortest of so many passes counts: whatever else the machine does only makes them longer.
const PASSES: usize = 5;
/// Where an image ends, px: an object that was not seen and whose box reaches so far has left the picture.
const EDGE_PX: f64 = 1.0;

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let config = Config::read(options.config.as_deref())?;
    let sequences = sequences(&options.kitti)?;
    fs::create_dir_all(&options.output).with_context(|| format!("{}", options.output.display()))?;
    let mut bench = Bench { time: Duration::ZERO, frames: 0, rows: 0 };
    for name in &sequences {
        let sequence = Sequence::read(&options.kitti, name, options.class)?;
        let tracker = Tracker::new(config.track.clone());
        bench.time += (0..PASSES).map(|_| time(&sequence, tracker.clone())).min().unwrap_or_default();
        let text = bench.track(&sequence, tracker, options)?;
        let path = options.output.join(format!("{name}.txt"));
        fs::write(&path, text).with_context(|| format!("{}", path.display()))?;
    }
    let Bench { time, frames, rows } = bench;
    println!("{}: {} sequences, {frames} frames, {rows} rows", options.output.display(), sequences.len());
    let rate = frames as f64 / time.as_secs_f64().max(1e-9);
    println!(
        "tracker alone, one core, best of {PASSES} passes: {:.1} ms, {rate:.0} frames/s",
        time.as_secs_f64() * 1e3
    );
    Ok(ExitCode::SUCCESS)
}

/// Names of the sequences, by the files in `calib`.
fn sequences(root: &Path) -> anyhow::Result<Vec<String>> {
    let folder = root.join("calib");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("{}: cannot list", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_string));
        }
    }
    names.sort();
    ensure!(!names.is_empty(), "{}: no sequence (a file such as 0000.txt)", folder.display());
    Ok(names)
}

/// How long the tracker takes for a sequence.
fn time(sequence: &Sequence, mut tracker: Tracker) -> Duration {
    let watch = Stopwatch::start();
    for (detections, ego) in sequence.frames.iter().zip(&sequence.egos) {
        tracker.step(detections, ego);
    }
    watch.elapsed()
}

struct Bench {
    time: Duration,
    frames: u64,
    rows: usize,
}

impl Bench {
    fn track(&mut self, sequence: &Sequence, mut tracker: Tracker, options: &Options) -> anyhow::Result<String> {
        let mut refiner = Refiner::new(options.lag);
        let mut rows = Vec::new();
        let mut write = |tracks: &Tracks| sequence.add_rows(tracks, options.class, &mut rows);
        for (detections, ego) in sequence.frames.iter().zip(&sequence.egos) {
            let tracks = tracker.step(detections, ego);
            if options.lag == 0 {
                write(tracks);
                continue;
            }
            let told = tracks.clone();
            if let Some(refined) = refiner.step(&tracker, &told) {
                write(&refined);
            }
        }
        refiner.finish().iter().for_each(&mut write);
        self.frames += sequence.frames.len() as u64;
        self.rows += rows.len();
        average_scores(&mut rows);
        rows.iter().map(|object| rows::row(object, &sequence.camera_from_base)).collect()
    }
}

/// What a sequence holds.
struct Sequence {
    calibration: Calibration,
    camera_from_base: Isometry3<f64>,
    egos: Vec<EgoState>,
    frames: Vec<Detections>,
}

impl Sequence {
    fn read(root: &Path, name: &str, wanted: Option<Kind>) -> anyhow::Result<Self> {
        let (calibration, egos) = recordings::kitti::motion(root, name)?;
        let camera = calibration.camera.as_ref().context("the calibration has no camera")?;
        let camera_from_base = camera.camera_from_lidar * calibration.base_from_lidar.inverse();
        let empty = |(frame, ego): (u64, &EgoState)| Detections { frame, stamp: ego.stamp, ..Detections::default() };
        let frames = (0..).zip(&egos).map(empty).collect();
        let mut sequence = Self { calibration, camera_from_base, egos, frames };
        for kind in Kind::ALL.into_iter().filter(|kind| kind.concerns(wanted)) {
            let path = root.join("detection").join(format!("pointrcnn_{kind:?}")).join(format!("{name}.txt"));
            if path.is_file() || wanted == Some(kind) {
                sequence.add(&path, kind)?;
            }
        }
        Ok(sequence)
    }

    /// Rows of `frame,type,x1,y1,x2,y2,score,h,w,l,x,y,z,ry,alpha`; boxes in the rectified frame of the left camera.
    fn add(&mut self, path: &Path, kind: Kind) -> anyhow::Result<()> {
        let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        for (index, line) in text.lines().enumerate() {
            let place = || format!("{}:{}", path.display(), index + 1);
            let numbers: Vec<f64> = line
                .split(',')
                .map(|word| word.trim().parse().with_context(|| format!("{}: \"{word}\" is no number", place())))
                .collect::<anyhow::Result<_>>()?;
            let [frame, _, _, _, _, _, raw, height, width, length, x, y, z, turn, ..] = numbers[..] else {
                bail!("{}: {} numbers, expected 15", place(), numbers.len());
            };
            let count = self.frames.len();
            let Some(detections) = self.frames.get_mut(frame as usize) else {
                bail!("{}: frame {frame}, but GPS/INS has {count} rows", place());
            };
            // KITTI's boxes are given by the middle of their bottom; y points down.
            let center = self.camera_from_base.inverse() * Point3::new(x, y - 0.5 * height, z);
            let forward = self.camera_from_base.rotation.inverse() * Vector3::new(turn.cos(), 0.0, -turn.sin());
            let yaw = forward.y.atan2(forward.x);
            let bbox = Box3 { center: center.coords.into(), length, width, height, yaw };
            let score = kind.probability(raw);
            detections.lidar.push(Detection3 {
                bbox,
                class: kind.class(),
                score,
                point_count: 0,
                camera: None,
                seen_after_s: 0.0,
            });
        }
        Ok(())
    }

    /// One row for each track in the picture; its score is the log-odds of its existence.
    fn add_rows(&self, tracks: &Tracks, wanted: Option<Kind>, rows: &mut Vec<Object>) {
        let (Some(camera), Some(ego)) = (&self.calibration.camera, self.egos.get(tracks.frame as usize)) else {
            return;
        };
        for track in tracks.objects.iter().filter(|track| wanted.is_none_or(|kind| kind.class() == track.class)) {
            let Track { id, class, existence, misses, .. } = *track;
            let bbox = track.bbox.transformed(&ego.odom_from_base.inverse());
            let image = rows::image_box(&bbox, camera, &self.camera_from_base);
            let [x1, y1, x2, y2] = image;
            let right = camera.width as f64 - 1.0;
            let has_left = misses > 0 && (x1 < EDGE_PX || x2 > right - EDGE_PX);
            let is_behind = (self.camera_from_base * Point3::from(bbox.center)).z < 0.0;
            if !has_left && !is_behind && x1 < x2 && y1 < y2 {
                let score = (existence / (1.0 - existence)).ln();
                rows.push(Object { frame: tracks.frame, id: id as i64, class, bbox, score, image });
            }
        }
    }
}

/// Gives every row the mean score of its track in its class. The judge takes that mean anyway, and compares it with itself: rounded to a
/// binary fraction it is the same number however often it is averaged.
fn average_scores(rows: &mut [Object]) {
    const STEP: f64 = 1.0 / 16.0;
    let mut sums = BTreeMap::<_, (f64, f64)>::new();
    for row in rows.iter() {
        let (sum, count) = sums.entry((row.id, row.class)).or_default();
        (*sum, *count) = (*sum + row.score, *count + 1.0);
    }
    for row in rows {
        let (sum, count) = sums.get(&(row.id, row.class)).copied().unwrap_or((row.score, 1.0));
        row.score = (sum / count / STEP).round() * STEP;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_of_a_track_have_its_mean_score() {
        let row = |id, class, score| Object { frame: 0, id, class, bbox: Box3::default(), score, image: [0.0; 4] };
        let (car, truck) = (ObjectClass::Car, ObjectClass::Truck);
        let mut rows = [row(1, car, 1.0), row(2, car, 7.0), row(1, car, 2.0), row(1, truck, 9.0), row(1, car, 4.0)];
        average_scores(&mut rows);
        assert_eq!(rows.map(|row| row.score), [2.3125, 7.0, 2.3125, 9.0, 2.3125]);
    }

    #[test]
    fn raw_scores_become_probabilities() {
        for kind in Kind::ALL {
            let at = [-1.0, 2.0, 4.0, 8.0].map(|raw| kind.probability(raw));
            assert!(at.windows(2).all(|pair| pair[0] < pair[1]) && at[0] > 0.0 && at[3] < 1.0, "{at:?}");
        }
        assert!((Kind::Car.probability(2.46) - 0.75).abs() < 1e-9);
        assert!(Kind::Cyclist.concerns(Some(Kind::Pedestrian)) && !Kind::Car.concerns(Some(Kind::Pedestrian)));
        assert!(Kind::Car.concerns(None) && !Kind::Cyclist.concerns(Some(Kind::Car)));
    }
}
