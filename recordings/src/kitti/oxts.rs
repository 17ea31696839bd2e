//! `oxts/SEQ.txt`: one output of the GPS/INS unit (OXTS RT3003) a frame, as poses of `base_link` in `odom`.

use super::calibration::{Rig, base_from_lidar};
use super::stamp;
use crate::RecordingError;
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use std::f64::consts::PI;
use std::fs;
use std::path::Path;
use types::{EgoState, InsFix, PoseSource, Stamp};

const EARTH_RADIUS_M: f64 = 6_378_137.0;
/// The columns up to `vel_accuracy`; the rest counts satellites.
const FEWEST_COLUMNS: usize = 25;
// Columns: lat lon alt roll pitch yaw vn ve vf vl vu ax ay az af al au wx wy wz wf wl wu ...
const FORWARD_SPEED: usize = 8;
const FORWARD_ACCELERATION: usize = 14;
const UPWARD_RATE: usize = 22;

/// The outputs of the given frames (row n is frame n). `odom` is `base_link` of the first of them.
pub(super) fn read(path: &Path, rig: &Rig, frames: impl Iterator<Item = u64>) -> Result<Vec<InsFix>, RecordingError> {
    let rows = rows(path)?;
    let chosen = frames.map(|frame| {
        let found = usize::try_from(frame).ok().and_then(|row| rows.get(row));
        let reason = || format!("{} rows, but there is a sweep of frame {frame}", rows.len());
        Ok((frame, stamp(frame), found.ok_or_else(|| RecordingError::source(path, None, reason()))?.clone()))
    });
    Ok(fixes(&chosen.collect::<Result<Vec<_>, _>>()?, rig))
}

/// The outputs of all frames.
pub(super) fn read_all(path: &Path, rig: &Rig) -> Result<Vec<InsFix>, RecordingError> {
    let rows = rows(path)?.into_iter().zip(0..).map(|(row, frame)| (frame, stamp(frame), row)).collect::<Vec<_>>();
    Ok(fixes(&rows, rig))
}

fn rows(path: &Path) -> Result<Vec<Vec<f64>>, RecordingError> {
    let text = fs::read_to_string(path).map_err(RecordingError::io(path, "read"))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
    lines.map(|(index, line)| row(path, index + 1, line)).collect()
}

/// The one row of a file of the raw recordings.
pub(super) fn single(path: &Path) -> Result<Vec<f64>, RecordingError> {
    rows(path)?.into_iter().next().ok_or_else(|| RecordingError::source(path, None, "the file is empty"))
}

/// Rows with their counters and stamps as outputs.
pub(super) fn fixes(rows: &[(u64, Stamp, Vec<f64>)], rig: &Rig) -> Vec<InsFix> {
    let ins_from_base = (base_from_lidar() * rig.lidar_from_ins).inverse();
    let Some((_, _, first)) = rows.first() else { return Vec::new() };
    let scale = (first[0] * PI / 180.0).cos();
    let odom_from_earth = (earth_from_ins(first, scale) * ins_from_base).inverse();
    let fix = |(seq, stamp, row): &(u64, Stamp, Vec<f64>)| InsFix {
        seq: *seq,
        state: EgoState {
            stamp: *stamp,
            odom_from_base: odom_from_earth * earth_from_ins(row, scale) * ins_from_base,
            speed_mps: row[FORWARD_SPEED],
            acceleration_mps2: row[FORWARD_ACCELERATION],
            yaw_rate_radps: row[UPWARD_RATE],
            source: PoseSource::Ins,
        },
    };
    rows.iter().map(fix).collect()
}

fn row(path: &Path, line: usize, text: &str) -> Result<Vec<f64>, RecordingError> {
    let numbers = text.split_whitespace().map(|word| match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(RecordingError::source(path, Some(line), format!("\"{word}\" is not a finite number"))),
    });
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    if numbers.len() < FEWEST_COLUMNS {
        let reason = format!("{} numbers, expected at least {FEWEST_COLUMNS}", numbers.len());
        return Err(RecordingError::source(path, Some(line), reason));
    }
    Ok(numbers)
}

/// Pose of the unit on a Mercator map (x east, y north), as in the benchmark's development kit.
fn earth_from_ins(row: &[f64], scale: f64) -> Isometry3<f64> {
    let (latitude, longitude, altitude) = (row[0], row[1], row[2]);
    let x = scale * EARTH_RADIUS_M * longitude * PI / 180.0;
    let y = scale * EARTH_RADIUS_M * ((90.0 + latitude) * PI / 360.0).tan().ln();
    // Rz(yaw) * Ry(pitch) * Rx(roll).
    let rotation = UnitQuaternion::from_euler_angles(row[3], row[4], row[5]);
    Isometry3::from_parts(Translation3::new(x, y, altitude), rotation)
}
