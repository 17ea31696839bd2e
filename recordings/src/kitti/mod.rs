//! Imports drives of the KITTI tracking benchmark (Geiger, Lenz, Urtasun: Are we ready for autonomous driving?, CVPR 2012).
//!
//! Layout: `velodyne/SEQ/FRAME.bin`, `image_02/SEQ/FRAME.png`, `calib/SEQ.txt`, `oxts/SEQ.txt`. Images and GPS/INS may
//! be absent as a whole. The benchmark gives no stamps: frame n is at [`EPOCH_NS`] + n * 100 ms, its nominal clock.

mod calibration;
mod labels;
mod oxts;
mod raw;
mod tracklets;

pub use labels::Label;
pub use raw::import as import_raw;

use crate::intake::Intake;
use crate::{Compression, ImportSummary, Message, RecordingError};
use nalgebra::Isometry3;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use types::{Calibration, CameraFrame, EgoState, ImageFormat, InsFix, LidarSweep, PointField, PointKind, Stamp};

/// 2011-09-26T13:02:25Z, the day of the recordings: the stamp of frame 0.
pub const EPOCH_NS: i64 = 1_317_042_145_000_000_000;
/// Time from one turn of the lidar to the next.
pub const PERIOD_NS: i64 = 100_000_000;
/// Columns and rows of the benchmark's rectified images, for a sequence without images. Some drives differ by a few.
const NOMINAL_SIZE: [usize; 2] = [1242, 375];
/// A point: x, y, z, reflectance as f32.
const POINT_BYTES: usize = 16;

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
        lidar_sweep(frame, stamp(frame), path)
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

/// Imports one sequence into a new drive. `root` is as for [`Sequence::open`]. Image and point bytes stay as
/// they are.
///
/// # Errors
/// Names the file, and the line, key or frame where it is not as the benchmark's format demands.
pub fn import(
    root: &Path,
    sequence: &str,
    output: &Path,
    compression: Compression,
) -> Result<ImportSummary, RecordingError> {
    let Sequence { calibration, fixes, sweeps, images, .. } = Sequence::open(root, sequence)?;
    let mut intake = Intake::create(output, format!("KITTI tracking {sequence}"), compression)?;
    intake.put(&Message::Calibration(calibration))?;
    let mut fixes_left = fixes.iter();
    for (&frame, path) in &sweeps {
        if let Some(fix) = fixes_left.next() {
            intake.put(&Message::Ins(*fix))?;
        }
        if let Some(image) = images.get(&frame) {
            intake.put(&Message::Camera(camera_frame(frame, stamp(frame), image)?))?;
        }
        intake.put(&Message::Lidar(lidar_sweep(frame, stamp(frame), path)?))?;
    }
    intake.finish()
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

fn camera_frame(seq: u64, stamp: Stamp, path: &Path) -> Result<CameraFrame, RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    Ok(CameraFrame { seq, stamp, format: ImageFormat::Png, data: data.into() })
}

fn lidar_sweep(seq: u64, stamp: Stamp, path: &Path) -> Result<LidarSweep, RecordingError> {
    let data = fs::read(path).map_err(RecordingError::io(path, "read"))?;
    if data.len() % POINT_BYTES != 0 {
        let reason = format!("{} bytes are not a multiple of {POINT_BYTES}, the size of a point", data.len());
        return Err(RecordingError::source(path, None, reason));
    }
    let names = ["x", "y", "z", "intensity"].into_iter().enumerate();
    let fields = names.map(|(i, name)| PointField { name: name.into(), offset: 4 * i, kind: PointKind::F32 }).collect();
    Ok(LidarSweep { seq, stamp, stride: POINT_BYTES, fields, data: data.into() })
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
mod tests;
