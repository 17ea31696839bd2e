//! Which topics of a bag make a drive: by their types, and by name where there are several.

use super::bag::Bag;
use crate::RecordingError;
use crate::container::Channel;
use crate::reader::described;

pub(super) const CLOUD: &str = "sensor_msgs/msg/PointCloud2";
pub(super) const COMPRESSED: &str = "sensor_msgs/msg/CompressedImage";
pub(super) const IMAGE: &str = "sensor_msgs/msg/Image";
pub(super) const INFO: &str = "sensor_msgs/msg/CameraInfo";
pub(super) const ODOMETRY: &str = "nav_msgs/msg/Odometry";
pub(super) const IMU: &str = "sensor_msgs/msg/Imu";
pub(super) const FIX: &str = "sensor_msgs/msg/NavSatFix";
pub(super) const TRANSFORMS: &str = "tf2_msgs/msg/TFMessage";

/// What to take where a bag has several topics of a type, and the frame of the vehicle. `none` leaves a sensor out.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Topic of the lidar.
    pub lidar: Option<String>,
    /// Topic of the camera.
    pub camera: Option<String>,
    /// Topic of the odometry that stands for GPS/INS.
    pub odometry: Option<String>,
    /// The vehicle's frame: rear axle, on the ground. Default: `base_link`.
    pub base: Option<String>,
}

/// The topics in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Topics {
    pub(super) lidar: Option<String>,
    pub(super) camera: Option<String>,
    pub(super) info: Option<String>,
    pub(super) odometry: Option<String>,
    /// Position and attitude, if there is no odometry.
    pub(super) fix: Option<(String, String)>,
}

impl Topics {
    pub(super) fn of(bag: &Bag, choice: &Choice) -> Result<Self, RecordingError> {
        let pick = |kinds: &[&str], chosen: &Option<String>, option| pick(bag, kinds, chosen.as_deref(), option);
        let lidar = pick(&[CLOUD], &choice.lidar, "--lidar")?;
        let camera = pick(&[COMPRESSED, IMAGE], &choice.camera, "--camera")?;
        let odometry = pick(&[ODOMETRY], &choice.odometry, "--odometry")?;
        if lidar.is_none() && camera.is_none() {
            let reason =
                format!("nothing to import: neither {CLOUD} nor {COMPRESSED} nor {IMAGE}; channels: {}", bag.listed());
            return Err(RecordingError::source(&bag.path, None, reason));
        }
        let info = camera.as_deref().and_then(|camera| info_of(bag, camera));
        let fix = match (&odometry, first(bag, FIX), first(bag, IMU)) {
            (None, Some(fix), Some(imu)) if choice.odometry.is_none() => Some((fix, imu)),
            _ => None,
        };
        let topics = Self { lidar, camera, info, odometry, fix };
        for channel in bag.channels() {
            if topics.uses(&channel) {
                check_encoding(bag, &channel)?;
            }
        }
        Ok(topics)
    }

    fn uses(&self, channel: &Channel) -> bool {
        let topics = [&self.lidar, &self.camera, &self.info, &self.odometry].into_iter().flatten();
        let fix = self.fix.iter().flat_map(|(fix, imu)| [fix, imu]);
        topics.chain(fix).any(|topic| *topic == channel.topic) || channel.schema == TRANSFORMS
    }
}

fn topics_of(bag: &Bag, kind: &str) -> Vec<String> {
    let of_kind = bag.channels().into_iter().filter(|channel| channel.schema == kind);
    of_kind.map(|channel| channel.topic).filter(|topic| bag.has_messages(topic)).collect()
}

fn first(bag: &Bag, kind: &str) -> Option<String> {
    topics_of(bag, kind).into_iter().next()
}

fn pick(bag: &Bag, kinds: &[&str], chosen: Option<&str>, option: &str) -> Result<Option<String>, RecordingError> {
    let mut found = kinds.iter().flat_map(|kind| topics_of(bag, kind)).collect::<Vec<_>>();
    match chosen {
        Some("none") => return Ok(None),
        Some(topic) if found.iter().any(|other| other == topic) => return Ok(Some(topic.into())),
        Some(topic) => {
            let there = if found.is_empty() { "none".into() } else { found.join(", ") };
            let reason = format!("{option} {topic}: no such topic of {}; there: {there}", kinds.join(" or "));
            return Err(RecordingError::source(&bag.path, None, reason));
        }
        None => {}
    }
    // An image beside its own compressed copy is the same camera.
    let copies = found.clone();
    found.retain(|topic| !copies.contains(&format!("{topic}/compressed")));
    match found.len() {
        0 | 1 => Ok(found.pop()),
        count => {
            let reason =
                format!("{count} topics of {}: {}: choose one with {option}", kinds.join(" or "), found.join(", "));
            Err(RecordingError::source(&bag.path, None, reason))
        }
    }
}

/// The calibration beside a camera's images, as `image_transport` names it, or the only one of the bag.
fn info_of(bag: &Bag, camera: &str) -> Option<String> {
    let mut infos = topics_of(bag, INFO);
    let mut space = camera;
    while let Some((parent, _)) = space.rsplit_once('/') {
        let name = format!("{parent}/camera_info");
        if infos.contains(&name) {
            return Some(name);
        }
        space = parent;
    }
    if infos.len() == 1 { infos.pop() } else { None }
}

fn check_encoding(bag: &Bag, channel: &Channel) -> Result<(), RecordingError> {
    if channel.message_encoding == "cdr" && matches!(channel.schema_encoding.as_str(), "ros2msg" | "ros2idl" | "") {
        return Ok(());
    }
    let (path, topic) = (bag.path.clone(), channel.topic.clone());
    let expected = format!("cdr messages of {} (ros2msg or ros2idl)", channel.schema);
    Err(RecordingError::Schema { path, topic, found: described(channel), expected })
}
