//! The import of a bag: once through it for where the sensors sit, and once for their messages.

use super::bag::{Bag, Raw, Wrong};
use super::cloud::Lidar;
use super::ego::{self, Ego};
use super::messages::{CameraInfo, CompressedImage, Header, Image, Imu, NavSatFix, Odometry, PointCloud2, TfMessage};
use super::select::{COMPRESSED, Choice, TRANSFORMS, Topics};
use super::transforms::{Transforms, name};
use super::{camera, picture};
use crate::axes::Axes;
use crate::cdr::decode;
use crate::intake::{ImportSummary, Intake};
use crate::{Compression, Message, RecordingError};
use nalgebra::Isometry3;
use std::collections::BTreeSet;
use std::path::Path;
use types::{Calibration, Stamp};

/// A lens that moves the corner of an image by more than this is told.
const TOLD_DISTORTION_PX: f64 = 2.0;

/// Imports a bag (a file, or the folder of `ros2 bag record`) into a new drive.
///
/// # Errors
/// Names the file, the topic and what is wrong: no sensor in it, a foreign encoding, several topics without a choice, a sensor that no
/// transform leads to, a message that does not decode.
pub fn import(
    path: &Path,
    choice: &Choice,
    output: &Path,
    compression: Compression,
) -> Result<ImportSummary, RecordingError> {
    let mut bag = Bag::open(path)?;
    let topics = Topics::of(&bag, choice)?;
    let base = choice.base.as_deref().unwrap_or("base_link");
    let survey = Survey::of(&mut bag, &topics, base)?;
    let rig = survey.rig(&bag, &topics, base)?;
    let title = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut intake = Intake::create(output, format!("ROS 2 bag {title}"), compression)?;
    for finding in rig.findings {
        intake.remark(finding);
    }
    intake.put(&Message::Calibration(rig.calibration))?;
    let mut converter = Converter { topics: &topics, lidar: rig.lidar, ego: rig.ego, intake, counts: [0; 2] };
    bag.each(|raw| converter.take(raw).map(|()| true))?;
    converter.intake.finish()
}

/// What must be known before the first message is converted.
#[derive(Default)]
struct Survey {
    transforms: Transforms,
    info: Option<CameraInfo>,
    /// Frame and first size of each sensor.
    lidar_frame: Option<String>,
    camera_frame: Option<String>,
    image_size: Option<[usize; 2]>,
    child: Option<String>,
    fix_frames: [Option<String>; 2],
    seen: BTreeSet<String>,
}

impl Survey {
    fn of(bag: &mut Bag, topics: &Topics, base: &str) -> Result<Self, RecordingError> {
        let mut survey = Self::default();
        let wanted = [&topics.lidar, &topics.camera, &topics.info, &topics.odometry].into_iter().flatten().count();
        let wanted = wanted + 2 * topics.fix.iter().len();
        bag.each(|raw| {
            survey.look(raw, topics)?;
            // Transforms that come later than all sensors are still needed: the whole bag is looked at if some lead nowhere yet.
            Ok::<bool, Wrong>(survey.seen.len() < wanted || !survey.is_connected(base))
        })?;
        Ok(survey)
    }

    fn is_connected(&self, base: &str) -> bool {
        let frames = [&self.lidar_frame, &self.camera_frame, &self.child].into_iter().flatten().collect::<Vec<_>>();
        let lead = |to: &&String| self.transforms.between(base, to).is_some();
        frames.iter().all(lead)
    }

    fn look(&mut self, raw: &Raw, topics: &Topics) -> Result<(), String> {
        let is = |topic: &Option<String>| topic.as_deref() == Some(raw.topic);
        if raw.schema == TRANSFORMS {
            return self.transforms.take(&decode::<TfMessage>(raw.data)?);
        }
        let is_fix = |n: usize| topics.fix.as_ref().is_some_and(|(fix, imu)| [fix, imu][n] == raw.topic);
        if !(is(&topics.lidar)
            || is(&topics.camera)
            || is(&topics.info)
            || is(&topics.odometry)
            || is_fix(0)
            || is_fix(1))
            || !self.seen.insert(raw.topic.to_owned())
        {
            return Ok(());
        }
        if is(&topics.lidar) {
            self.lidar_frame = Some(frame(&decode::<PointCloud2>(raw.data)?.header));
        } else if is(&topics.camera) && raw.schema == COMPRESSED {
            let image = decode::<CompressedImage>(raw.data)?;
            (self.camera_frame, self.image_size) = (Some(frame(&image.header)), picture::size(&image.data.0));
        } else if is(&topics.camera) {
            let image = decode::<Image>(raw.data)?;
            self.image_size = Some([image.width as usize, image.height as usize]);
            self.camera_frame = Some(frame(&image.header));
        } else if is(&topics.info) {
            self.info = Some(decode(raw.data)?);
        } else if is(&topics.odometry) {
            self.child = Some(ego::child(&decode::<Odometry>(raw.data)?).to_owned()).filter(|child| !child.is_empty());
        } else if is_fix(0) {
            self.fix_frames[0] = Some(frame(&decode::<NavSatFix>(raw.data)?.header));
        } else {
            self.fix_frames[1] = Some(frame(&decode::<Imu>(raw.data)?.header));
        }
        Ok(())
    }

    /// Where everything sits.
    fn rig(&self, bag: &Bag, topics: &Topics, base: &str) -> Result<Rig, RecordingError> {
        let wrong = |reason: String| RecordingError::source(&bag.path, None, reason);
        let place = |frame: &Option<String>, what: &str| match frame.as_deref() {
            None | Some("") => Ok(Isometry3::identity()),
            Some(frame) => self.transforms.between(base, frame).ok_or_else(|| {
                let edges = self.transforms.listed();
                wrong(format!("{what}: no transform leads from {base} to {frame}; transforms: {edges}"))
            }),
        };
        let lidar = place(&self.lidar_frame, "lidar")?;
        let axes = Axes::nearest(&lidar.rotation);
        let base_from_lidar = axes.turned(&lidar);
        let mut findings = Vec::new();
        let camera = match (&topics.camera, &self.info) {
            (Some(topic), Some(info)) => {
                let base_from_camera = place(&self.camera_frame, "camera")?;
                let model = camera::model(info, topic, base_from_camera.inverse() * base_from_lidar);
                if let Some([width, height]) = self.image_size.filter(|size| *size != [model.width, model.height]) {
                    let reason = format!(
                        "{topic}: images of {width} x {height} pixels, but the calibration is for {} x {}",
                        model.width, model.height
                    );
                    return Err(wrong(reason));
                }
                let moved = camera::distortion_px(info, topic);
                if moved > TOLD_DISTORTION_PX {
                    findings.push(format!(
                        "{topic}: not rectified: the lens moves a corner by {moved:.0} px; boxes and points near the edges are off by as much"
                    ));
                }
                Some(model)
            }
            (Some(topic), None) => return Err(wrong(format!("{topic}: no sensor_msgs/msg/CameraInfo belongs to it"))),
            (None, _) => None,
        };
        let calibration = Calibration { base_from_lidar, camera };
        calibration.validate().map_err(|source| RecordingError::Calibration { path: bag.path.clone(), source })?;
        let mut ego = Ego::new(place(&self.child, "odometry")?);
        ego.base_from_antenna = place(&self.fix_frames[0], "GPS")?;
        ego.base_from_imu = place(&self.fix_frames[1], "inertial unit")?;
        Ok(Rig { calibration, lidar: Lidar { axes, full: None }, ego, findings })
    }
}

struct Rig {
    calibration: Calibration,
    lidar: Lidar,
    ego: Ego,
    findings: Vec<String>,
}

/// Turns messages into those of a drive.
struct Converter<'a> {
    topics: &'a Topics,
    lidar: Lidar,
    ego: Ego,
    intake: Intake,
    /// Images and sweeps so far.
    counts: [u64; 2],
}

impl Converter<'_> {
    fn take(&mut self, raw: &Raw) -> Result<(), Wrong> {
        let topics = self.topics;
        let is = |topic: &Option<String>| topic.as_deref() == Some(raw.topic);
        let message = if is(&topics.lidar) {
            let cloud: PointCloud2 = decode(raw.data)?;
            let stamp = self.stamp(raw, &cloud.header);
            let sweep = self.lidar.sweep(&cloud, self.counts[1], stamp)?;
            self.counts[1] += 1;
            Message::Lidar(sweep)
        } else if is(&topics.camera) {
            let frame = if raw.schema == COMPRESSED {
                let image: CompressedImage = decode(raw.data)?;
                let stamp = self.stamp(raw, &image.header);
                picture::compressed(image, self.counts[0], stamp)?
            } else {
                let image: Image = decode(raw.data)?;
                picture::raw(&image, self.counts[0], self.stamp(raw, &image.header))?
            };
            self.counts[0] += 1;
            Message::Camera(frame)
        } else if is(&topics.odometry) {
            let odometry: Odometry = decode(raw.data)?;
            let stamp = self.stamp(raw, &odometry.header);
            Message::Ins(self.ego.odometry(&odometry, stamp)?)
        } else {
            match &topics.fix {
                Some((fix, _)) if fix == raw.topic => {
                    let fix: NavSatFix = decode(raw.data)?;
                    let stamp = self.stamp(raw, &fix.header);
                    let Some(fix) = self.ego.fix(&fix, stamp)? else { return Ok(()) };
                    Message::Ins(fix)
                }
                Some((_, imu)) if imu == raw.topic => {
                    self.ego.imu(decode(raw.data)?);
                    return Ok(());
                }
                _ => return Ok(()),
            }
        };
        Ok(self.intake.put(&message)?)
    }

    /// The header's stamp; the log's where the driver gives none.
    fn stamp(&mut self, raw: &Raw, header: &Header) -> Stamp {
        let logged = Stamp::from_nanos(i64::try_from(raw.log_time_ns).unwrap_or(i64::MAX));
        if header.stamp.is_zero() {
            self.intake.remark(format!("{}: messages without a stamp take the time of the log", raw.topic));
            return logged;
        }
        let stamp = header.stamp.stamp();
        let off = logged.seconds_since(stamp);
        if off.abs() > 60.0 {
            self.intake.remark(format!("{}: stamps of another clock than the log's: {off:.0} s apart", raw.topic));
        }
        stamp
    }
}

fn frame(header: &Header) -> String {
    name(&header.frame_id).to_owned()
}
