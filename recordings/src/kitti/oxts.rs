//! `oxts/SEQ.txt`: one output of the GPS/INS unit (OXTS RT3003) a frame, as poses of `base_link` in `odom`.

use super::calibration::{Rig, base_from_lidar};
use super::stamp;
use crate::RecordingError;
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use std::f64::consts::PI;
use std::fs;
use std::path::Path;
use types::{EgoState, InsFix, Pose2, PoseSource};

const EARTH_RADIUS_M: f64 = 6_378_137.0;
/// Poses of the route are at least so far apart.
const ROUTE_STEP_M: f64 = 1.0;
/// The columns up to `vel_accuracy`; the rest counts satellites.
const FEWEST_COLUMNS: usize = 25;
// Columns: lat lon alt roll pitch yaw vn ve vf vl vu ax ay az af al au wx wy wz wf wl wu ...
const FORWARD_SPEED: usize = 8;
const FORWARD_ACCELERATION: usize = 14;
const UPWARD_RATE: usize = 22;

/// The outputs of the given frames (row n is frame n). `odom` is `base_link` of the first of them.
pub(super) fn read(path: &Path, rig: &Rig, frames: impl Iterator<Item = u64>) -> Result<Vec<InsFix>, RecordingError> {
    fixes(path, &rows(path)?, rig, frames)
}

/// The outputs of all frames.
pub(super) fn read_all(path: &Path, rig: &Rig) -> Result<Vec<InsFix>, RecordingError> {
    let rows = rows(path)?;
    fixes(path, &rows, rig, 0..rows.len() as u64)
}

fn rows(path: &Path) -> Result<Vec<Vec<f64>>, RecordingError> {
    let text = fs::read_to_string(path).map_err(RecordingError::io(path, "read"))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
    lines.map(|(index, line)| row(path, index + 1, line)).collect()
}

fn fixes(
    path: &Path,
    rows: &[Vec<f64>],
    rig: &Rig,
    frames: impl Iterator<Item = u64>,
) -> Result<Vec<InsFix>, RecordingError> {
    let ins_from_base = (base_from_lidar() * rig.lidar_from_ins).inverse();
    let mut fixes = Vec::new();
    let mut start = None;
    for frame in frames {
        let found = usize::try_from(frame).ok().and_then(|row| rows.get(row));
        let Some(row) = found else {
            let reason = format!("{} rows, but there is a sweep of frame {frame}", rows.len());
            return Err(RecordingError::source(path, None, reason));
        };
        let (scale, odom_from_earth) = match start {
            Some(start) => start,
            None => {
                let scale = (row[0] * PI / 180.0).cos();
                *start.insert((scale, (earth_from_ins(row, scale) * ins_from_base).inverse()))
            }
        };
        fixes.push(InsFix {
            seq: frame,
            state: EgoState {
                stamp: stamp(frame),
                odom_from_base: odom_from_earth * earth_from_ins(row, scale) * ins_from_base,
                speed_mps: row[FORWARD_SPEED],
                acceleration_mps2: row[FORWARD_ACCELERATION],
                yaw_rate_radps: row[UPWARD_RATE],
                source: PoseSource::Ins,
            },
        });
    }
    Ok(fixes)
}

/// The way that was driven, one pose a metre.
pub(super) fn route(fixes: &[InsFix]) -> Vec<Pose2> {
    let mut route: Vec<Pose2> = Vec::new();
    for pose in fixes.iter().map(|fix| fix.state.pose()) {
        if route.last().is_none_or(|last| (pose.x - last.x).hypot(pose.y - last.y) >= ROUTE_STEP_M) {
            route.push(pose);
        }
    }
    route
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
