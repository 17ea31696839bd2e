//! Imports a synchronized drive of the KITTI raw recordings (Geiger et al., Vision meets Robotics, IJRR 2013).
//!
//! Layout: `DAY/DRIVE/{velodyne_points,image_02,oxts}/data` with `timestamps.txt` beside, `DAY/calib_*.txt`, and `tracklet_labels.xml` if it
//! is labelled. The stamp of a sweep is that of the instant at which the lidar looks forward, when the camera is triggered.

use super::calibration::Rig;
use super::{camera_frame, frames, lidar_sweep, oxts, tracklets};
use crate::intake::{ImportSummary, Intake, Later, ready};
use crate::labelled::{Moment, pose_at, truths};
use crate::{Compression, Message, RecordingError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use types::Stamp;

/// Imports the drive in a folder such as `2011_09_26/2011_09_26_drive_0005_sync` into a new drive. Image and point bytes stay as
/// they are.
///
/// # Errors
/// Names the file, and the line, key or frame where it is not as the recordings' format demands.
pub fn import(folder: &Path, output: &Path, compression: Compression) -> Result<ImportSummary, RecordingError> {
    let day = folder.canonicalize().ok().and_then(|folder| folder.parent().map(Path::to_path_buf));
    let day = day.ok_or_else(|| RecordingError::source(folder, None, "no such folder"))?;
    let (rig, size) = Rig::read_raw(&day)?;
    let calibration = rig.calibration(size)?;
    let sweeps = stamped(&folder.join("velodyne_points"), "bin")?;
    let optional = |name: &str, end| {
        let folder = folder.join(name);
        if folder.is_dir() { stamped(&folder, end) } else { Ok(BTreeMap::new()) }
    };
    let (images, outputs) = (optional("image_02", "png")?, optional("oxts", "txt")?);
    let rows = outputs.iter().map(|(&frame, (stamp, path))| Ok((frame, *stamp, oxts::single(path)?)));
    let fixes = oxts::fixes(&rows.collect::<Result<Vec<_>, RecordingError>>()?, &rig);
    let path = fixes.iter().map(|fix| (fix.state.stamp, fix.state.odom_from_base)).collect::<Vec<_>>();

    let title = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut intake = Intake::create(output, format!("KITTI raw {title}"), compression)?;
    let mut moments = Vec::new();
    let labels = folder.join("tracklet_labels.xml");
    if labels.is_file() && path.is_empty() {
        intake.remark("labels are left out: without oxts nobody knows where the vehicle is".into());
    } else if labels.is_file() {
        for (frame, mut objects) in tracklets::read(&labels)? {
            let Some((stamp, _)) = sweeps.get(&frame) else { continue };
            let Some(odom_from_base) = pose_at(&path, *stamp) else { continue };
            let odom_from_lidar = odom_from_base * calibration.base_from_lidar;
            objects.iter_mut().for_each(|object| object.bbox = object.bbox.transformed(&odom_from_lidar));
            moments.push(Moment { seq: frame, stamp: *stamp, odom_from_base, objects });
        }
    }
    let camera = calibration.camera.as_ref().map(|camera| (camera, &calibration.base_from_lidar));
    let mut messages: Vec<(Stamp, Later)> = truths(&moments, camera).into_iter().map(ready).collect();
    messages.extend(fixes.into_iter().map(|fix| ready(Message::Ins(fix))));
    for (&frame, (stamp, path)) in &images {
        messages.push((*stamp, Box::new(move || camera_frame(frame, *stamp, path).map(Message::Camera))));
    }
    for (&frame, (stamp, path)) in &sweeps {
        messages.push((*stamp, Box::new(move || lidar_sweep(frame, *stamp, path).map(Message::Lidar))));
    }
    intake.put(&Message::Calibration(calibration.clone()))?;
    intake.put_all(messages)?;
    intake.finish()
}

/// The files of a sensor by frame number, each with its stamp.
fn stamped(folder: &Path, end: &str) -> Result<BTreeMap<u64, (Stamp, PathBuf)>, RecordingError> {
    let path = folder.join("timestamps.txt");
    let text = fs::read_to_string(&path).map_err(RecordingError::io(&path, "read"))?;
    let stamp = |(index, line)| {
        let wrong =
            || RecordingError::source(&path, Some(index + 1), format!("\"{line}\" is no time of the recordings"));
        stamp(line).ok_or_else(wrong)
    };
    let stamps = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(stamp);
    let stamps = stamps.collect::<Result<Vec<_>, _>>()?;
    let place = |(frame, file)| match usize::try_from(frame).ok().and_then(|row| stamps.get(row)) {
        Some(stamp) => Ok((frame, (*stamp, file))),
        None => {
            Err(RecordingError::source(&path, None, format!("{} rows, but there is a frame {frame}", stamps.len())))
        }
    };
    frames(&folder.join("data"), end)?.into_iter().map(place).collect()
}

/// `2011-09-26 13:02:25.594360375`, taken as UTC.
fn stamp(line: &str) -> Option<Stamp> {
    let (date, time) = line.trim().split_once(' ')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut clock = time.split(':');
    let (hour, minute) = (clock.next()?.parse::<i64>().ok()?, clock.next()?.parse::<i64>().ok()?);
    let (second, fraction) = clock.next()?.split_once('.')?;
    let nanos = format!("{fraction:0<9}").get(..9)?.parse::<i64>().ok()?;
    if !(1970..2262).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 of the proleptic Gregorian calendar; years begin in March.
    let (shifted, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second.parse::<i64>().ok()?;
    Some(Stamp::from_nanos(seconds * 1_000_000_000 + nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DriveReader;
    use nalgebra::Vector3;

    #[test]
    fn times_are_utc() {
        let nanos = |line| stamp(line).map(Stamp::nanos);
        assert_eq!(nanos("2011-09-26 13:02:25.594360375"), Some(1_317_042_145_594_360_375));
        assert_eq!(nanos("1970-01-01 00:00:00.5"), Some(500_000_000));
        assert_eq!(nanos("2012-02-29 23:59:59.000000001"), Some(1_330_559_999_000_000_001));
        assert_eq!((nanos("2011-13-26 13:02:25.5"), nanos("yesterday"), nanos("")), (None, None, None));
    }

    /// Two frames; the vehicle drives 1.5 m to the east in between; a van is labelled 20 m before the lidar.
    fn drive(day: &Path) -> PathBuf {
        let folder = day.join("2011_09_26_drive_0099_sync");
        let write = |path: PathBuf, data: &[u8]| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, data).unwrap();
        };
        let level = "calib_time: 09-Jan-2012 13:57:47\nR: 1 0 0 0 1 0 0 0 1\n";
        let optical = "calib_time: 15-Mar-2012\nR: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.08 -0.27\n";
        write(day.join("calib_imu_to_velo.txt"), format!("{level}T: -0.76 0 -1.73\n").as_bytes());
        write(day.join("calib_velo_to_cam.txt"), optical.as_bytes());
        let cameras = "S_rect_02: 1.242000e+03 3.750000e+02\nR_rect_00: 1 0 0 0 1 0 0 0 1\nP_rect_02: 721 0 609 0 0 721 172 0 0 0 1 0\n";
        write(day.join("calib_cam_to_cam.txt"), cameras.as_bytes());
        let times = "2011-09-26 13:02:25.900000000\n2011-09-26 13:02:26.000000000\n";
        for sensor in ["velodyne_points", "image_02", "oxts"] {
            write(folder.join(sensor).join("timestamps.txt"), times.as_bytes());
        }
        for frame in 0..2 {
            let longitude =
                1.5 * f64::from(frame) / 6_378_137.0 / 49.0_f64.to_radians().cos() * 180.0 / std::f64::consts::PI;
            let row = format!("49 {:.12} 112 0 0 0 0 10 10 0 0 0 0 0 0.5 0 0 0 0 0 0 0 0.1 4 10\n", 8.0 + longitude);
            write(folder.join(format!("oxts/data/{frame:010}.txt")), row.as_bytes());
            write(folder.join(format!("velodyne_points/data/{frame:010}.bin")), &[frame as u8; 32]);
            write(folder.join(format!("image_02/data/{frame:010}.png")), b"png");
        }
        let pose = "<item><tx>20</tx><ty>2</ty><tz>-1.73</tz><rx>0</rx><ry>0</ry><rz>0.5</rz></item>";
        let xml = format!(
            "<boost_serialization><tracklets><count>1</count><item><objectType>Van</objectType><h>2</h><w>1.8</w><l>5</l>\
             <first_frame>1</first_frame><poses><count>1</count>{pose}</poses></item></tracklets></boost_serialization>"
        );
        write(folder.join("tracklet_labels.xml"), xml.as_bytes());
        folder
    }

    #[test]
    fn a_raw_drive_becomes_a_drive() {
        let day = tempfile::tempdir().unwrap();
        let folder = drive(day.path());
        let output = day.path().join("drive.mcap");
        let summary = import(&folder, &output, Compression::Lz4).unwrap();
        let counts = (summary.sweeps, summary.images, summary.ins_fixes, summary.truths, summary.route_poses);
        assert_eq!((counts, summary.findings), ((2, 2, 2, 1, 2), Vec::new()));
        for message in DriveReader::open(&output).unwrap().map(Result::unwrap) {
            match message {
                Message::Calibration(calibration) => {
                    let camera = calibration.camera.unwrap();
                    assert_eq!((camera.width, camera.height, camera.k[(0, 0)]), (1242, 375, 721.0));
                    let [u, _, depth] = camera.project(&nalgebra::Point3::new(10.27, 0.0, 0.0)).unwrap();
                    assert!((u - 609.0).abs() < 1e-9 && (depth - 10.0).abs() < 1e-9);
                }
                Message::Lidar(sweep) => {
                    assert_eq!(sweep.stamp.nanos(), 1_317_042_145_900_000_000 + 100_000_000 * sweep.seq as i64);
                    assert_eq!(sweep.data, vec![sweep.seq as u8; 32]);
                }
                Message::Ins(fix) => {
                    let pose = fix.state.pose();
                    assert!((pose.x - 1.5 * fix.seq as f64).abs() < 1e-3 && pose.y.abs() < 1e-3, "{pose:?}");
                    assert_eq!((fix.state.speed_mps, fix.state.yaw_rate_radps), (10.0, 0.1));
                }
                Message::Truth(truth) => {
                    // 20 m before the lidar, which sits 0.76 m before the rear axle of a vehicle 1.5 m on its way.
                    let off = Vector3::from(truth.objects[0].bbox.center) - Vector3::new(22.26, 2.0, 1.0);
                    assert!(off.norm() < 1e-3 && (truth.objects[0].bbox.yaw - 0.5).abs() < 1e-6, "{off}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let day = tempfile::tempdir().unwrap();
        let folder = drive(day.path());
        let refusal = || import(&folder, &day.path().join("drive.mcap"), Compression::Lz4).unwrap_err().to_string();
        fs::write(folder.join("image_02/timestamps.txt"), "2011-09-26 13:02:25.9\n").unwrap();
        assert!(refusal().ends_with("image_02/timestamps.txt: 1 rows, but there is a frame 1"), "{}", refusal());
        fs::write(folder.join("image_02/timestamps.txt"), "noon\n").unwrap();
        assert!(refusal().contains("timestamps.txt:1: \"noon\" is no time"), "{}", refusal());
        fs::remove_file(day.path().join("calib_velo_to_cam.txt")).unwrap();
        assert!(refusal().contains("calib_velo_to_cam.txt: cannot read"), "{}", refusal());
    }
}
