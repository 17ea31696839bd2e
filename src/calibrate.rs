//! The lidar-to-camera misalignment of a recorded drive: reads images and sweeps that belong together, and hands their edges to
//! [`perception::misalignment`].

use crate::replay::Drive;
use anyhow::{Context, ensure};
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion};
use perception::decode;
use perception::misalignment::{EdgeMap, Measured, Moment, depth_edges, measure};
use recordings::Message;
use std::path::Path;
use types::{CameraFrame, CameraModel, EgoState, Image, LidarSweep, PointCloud, Stamp};

/// Image and sweep belong together within this, s.
const TOGETHER_S: f64 = 0.06;
/// Faster turns are left out: what the clocks disagree by would look like a yaw.
const MOST_YAW_RATE_RADPS: f64 = 0.15;

/// A measured drive.
#[derive(Debug)]
pub struct Calibrated {
    /// What was found.
    pub measured: Measured,
    /// The camera as the drive has it.
    pub camera: CameraModel,
    /// Moments that were used.
    pub moments: usize,
    /// One of them, for a picture: its image and its edges.
    pub example: (Image, Moment),
}

/// Measures a drive on at most so many moments, spread over it.
///
/// # Errors
/// Not a drive, without camera or lidar, too little to see: names the file and the numbers.
pub fn calibrate(path: &Path, most_moments: u64) -> anyhow::Result<Calibrated> {
    let drive = Drive::open(path)?;
    let said = path.display();
    let model = drive.calibration.camera.clone().with_context(|| format!("{said}: the drive has no camera"))?;
    ensure!(drive.sensors.camera && drive.sensors.lidar, "{said}: the drive holds not both images and sweeps");
    let base_from_lidar = drive.calibration.base_from_lidar;
    let images =
        drive.info.channels.iter().find(|channel| channel.topic == "/camera/front/image").map_or(0, |c| c.messages);
    let stride = images.div_ceil(most_moments.max(1)).max(1);
    let (mut ego, mut image, mut sweep): (Option<EgoState>, Option<CameraFrame>, Option<LidarSweep>) =
        (None, None, None);
    let (mut pairs, mut moments, mut example) = (0u64, Vec::new(), None);
    for message in drive.reader {
        match message? {
            Message::Ins(fix) => ego = Some(fix.state),
            Message::Camera(frame) => image = Some(frame),
            Message::Lidar(frame) => sweep = Some(frame),
            _ => continue,
        }
        let (Some(frame), Some(points)) = (&image, &sweep) else { continue };
        if frame.stamp.seconds_since(points.stamp).abs() > TOGETHER_S {
            continue;
        }
        let (Some(frame), Some(points)) = (image.take(), sweep.take()) else { continue };
        pairs += 1;
        let turns = ego.as_ref().is_some_and(|ego| ego.yaw_rate_radps.abs() > MOST_YAW_RATE_RADPS);
        if (pairs - 1) % stride != 0 || turns {
            continue;
        }
        let mut pixels = Image::default();
        decode::image(&frame, &mut pixels)?;
        let moment = moment(&pixels, frame.stamp, &points, ego.as_ref(), &model, &base_from_lidar)?;
        if example.is_none() && moments.len() as u64 * 2 + 2 >= most_moments.min(images) {
            example = Some((pixels, moment.clone()));
        }
        moments.push(moment);
    }
    let rims: usize = moments.iter().map(|moment| moment.edges.len()).sum();
    let measured = measure(&moments, &model.k);
    let measured = measured.with_context(|| {
        format!("{said}: {} moments with image and sweep show {rims} rims of objects: too few", moments.len())
    })?;
    let example = example.or_else(|| Some((Image::default(), moments.first()?.clone())));
    let example = example.with_context(|| format!("{said}: no moment"))?;
    Ok(Calibrated { measured, camera: model, moments: moments.len(), example })
}

/// The edges of one moment; each point is moved with the car to the instant of the image.
fn moment(
    pixels: &Image,
    taken: Stamp,
    sweep: &LidarSweep,
    ego: Option<&EgoState>,
    model: &CameraModel,
    base_from_lidar: &Isometry3<f64>,
) -> anyhow::Result<Moment> {
    let mut cloud = PointCloud::default();
    decode::points(sweep, &mut cloud)?;
    let lidar_from_base = base_from_lidar.inverse();
    let (speed, rate) = ego.map_or((0.0, 0.0), |ego| (ego.speed_mps, ego.yaw_rate_radps));
    let late_s = taken.seconds_since(sweep.stamp);
    let moved = |index: usize, point: Point3<f64>| {
        // A sweep whose points tell no time refers to one instant.
        let seen_s = cloud.time_ns.get(index).map_or(0.0, |nanos| f64::from(*nanos) * 1e-9);
        let passed_s = late_s - seen_s;
        let (ahead, turned) = (speed * passed_s, rate * passed_s);
        let then_from_now = Isometry3::from_parts(
            Translation3::new(ahead, 0.5 * ahead * turned, 0.0),
            UnitQuaternion::from_euler_angles(0.0, 0.0, turned),
        );
        lidar_from_base * then_from_now.inverse() * base_from_lidar * point
    };
    let edges = depth_edges(&cloud, &model.camera_from_lidar, moved);
    Ok(Moment { image: EdgeMap::new(pixels), edges })
}
