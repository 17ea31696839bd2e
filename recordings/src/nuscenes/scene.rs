//! The rows of the tables that belong to one scene.

use super::tables::{
    self, Annotation, CalibratedSensor, Category, EgoPose, Instance, Sample, SampleData, Sensor, rows,
};
use crate::RecordingError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use types::Stamp;

/// A file of a sensor.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) stamp: Stamp,
    pub(super) filename: String,
    pub(super) sample: String,
    pub(super) is_key: bool,
    pub(super) size: [usize; 2],
}

/// All of one scene.
pub(super) struct Scene {
    /// By rising stamp.
    pub(super) lidar: Vec<Record>,
    pub(super) camera: Vec<Record>,
    pub(super) lidar_sensor: Option<CalibratedSensor>,
    pub(super) camera_sensor: Option<CalibratedSensor>,
    pub(super) poses: Vec<EgoPose>,
    /// By sample.
    pub(super) annotations: BTreeMap<String, Vec<Annotation>>,
    /// Names of the categories by instance.
    pub(super) categories: BTreeMap<String, String>,
}

/// Their stamps are microseconds.
pub(super) fn stamp(micros: i64) -> Stamp {
    Stamp::from_nanos(micros.saturating_mul(1_000))
}

impl Scene {
    pub(super) fn read(folder: &Path, name: &str) -> Result<Self, RecordingError> {
        let scenes = rows::<tables::Scene>(folder, "scene", |_| true)?;
        let Some(scene) = scenes.iter().find(|scene| scene.name == name) else {
            let names = scenes.iter().take(20).map(|scene| scene.name.as_str()).collect::<Vec<_>>().join(", ");
            let reason = format!("no scene {name}; there: {names}");
            return Err(RecordingError::source(&folder.join("scene.json"), None, reason));
        };
        let samples = rows::<Sample>(folder, "sample", |sample| sample.scene_token == scene.token)?;
        let samples = samples.into_iter().map(|sample| sample.token).collect::<BTreeSet<_>>();

        let sensors =
            rows::<Sensor>(folder, "sensor", |sensor| matches!(sensor.channel.as_str(), "LIDAR_TOP" | "CAM_FRONT"))?;
        let channel =
            |token: &str| sensors.iter().find(|sensor| sensor.token == token).map(|sensor| sensor.channel.as_str());
        let mounted =
            rows::<CalibratedSensor>(folder, "calibrated_sensor", |sensor| channel(&sensor.sensor_token).is_some())?;
        let channels = mounted.iter().map(|sensor| (sensor.token.as_str(), channel(&sensor.sensor_token)));
        let channels = channels.collect::<BTreeMap<_, _>>();
        let data = rows::<SampleData>(folder, "sample_data", |data| {
            samples.contains(&data.sample_token) && channels.contains_key(data.calibrated_sensor_token.as_str())
        })?;
        let of = |wanted: &str| {
            let is = |data: &&SampleData| channels.get(data.calibrated_sensor_token.as_str()) == Some(&Some(wanted));
            let mut found = data.iter().filter(is).collect::<Vec<_>>();
            found.sort_by_key(|data| data.timestamp);
            let sensor = found.first().map(|data| data.calibrated_sensor_token.clone());
            (found.into_iter().map(record).collect::<Vec<_>>(), sensor)
        };
        let ((lidar, lidar_token), (camera, camera_token)) = (of("LIDAR_TOP"), of("CAM_FRONT"));
        let tokens = data.iter().map(|data| data.ego_pose_token.as_str()).collect::<BTreeSet<_>>();
        let poses = rows::<EgoPose>(folder, "ego_pose", |pose| tokens.contains(pose.token.as_str()))?;

        let mut annotations = BTreeMap::<_, Vec<_>>::new();
        for annotation in rows::<Annotation>(folder, "sample_annotation", |row| samples.contains(&row.sample_token))? {
            annotations.entry(annotation.sample_token.clone()).or_default().push(annotation);
        }
        let instances = annotations.values().flatten().map(|row| row.instance_token.as_str()).collect::<BTreeSet<_>>();
        let instances = rows::<Instance>(folder, "instance", |row| instances.contains(row.token.as_str()))?;
        let names = rows::<Category>(folder, "category", |_| true)?.into_iter().map(|row| (row.token, row.name));
        let names = names.collect::<BTreeMap<_, _>>();
        let category = |row: Instance| Some((row.token, names.get(&row.category_token)?.clone()));
        let categories = instances.into_iter().filter_map(category).collect();

        let sensor =
            |token: Option<String>| mounted.iter().find(|sensor| Some(&sensor.token) == token.as_ref()).cloned();
        let (lidar_sensor, camera_sensor) = (sensor(lidar_token), sensor(camera_token));
        Ok(Self { lidar, camera, lidar_sensor, camera_sensor, poses, annotations, categories })
    }
}

fn record(data: &SampleData) -> Record {
    Record {
        stamp: stamp(data.timestamp),
        filename: data.filename.clone(),
        sample: data.sample_token.clone(),
        is_key: data.is_key_frame,
        size: [data.width, data.height],
    }
}
