//! The tables of nuScenes: JSON lists, read row by row, of which only the rows in use are kept.

use crate::RecordingError;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::marker::PhantomData;
use std::path::Path;

/// A drive of twenty seconds.
#[derive(Debug, Deserialize)]
pub(super) struct Scene {
    pub(super) token: String,
    pub(super) name: String,
}

/// A moment that was labelled.
#[derive(Debug, Deserialize)]
pub(super) struct Sample {
    pub(super) token: String,
    pub(super) scene_token: String,
}

/// A sweep or an image.
#[derive(Debug, Deserialize)]
pub(super) struct SampleData {
    pub(super) sample_token: String,
    pub(super) ego_pose_token: String,
    pub(super) calibrated_sensor_token: String,
    pub(super) timestamp: i64,
    pub(super) filename: String,
    pub(super) is_key_frame: bool,
    #[serde(default)]
    pub(super) width: usize,
    #[serde(default)]
    pub(super) height: usize,
}

/// A pose of the vehicle on the map.
#[derive(Debug, Deserialize)]
pub(super) struct EgoPose {
    pub(super) token: String,
    pub(super) timestamp: i64,
    pub(super) translation: [f64; 3],
    /// w, x, y, z.
    pub(super) rotation: [f64; 4],
}

/// Where a sensor sits on the vehicle.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CalibratedSensor {
    pub(super) token: String,
    pub(super) sensor_token: String,
    pub(super) translation: [f64; 3],
    pub(super) rotation: [f64; 4],
    pub(super) camera_intrinsic: Vec<Vec<f64>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sensor {
    pub(super) token: String,
    pub(super) channel: String,
}

/// A labelled box at one sample, on the map.
#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    pub(super) sample_token: String,
    pub(super) instance_token: String,
    pub(super) visibility_token: String,
    pub(super) translation: [f64; 3],
    /// Width, length, height.
    pub(super) size: [f64; 3],
    pub(super) rotation: [f64; 4],
    pub(super) num_lidar_pts: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Instance {
    pub(super) token: String,
    pub(super) category_token: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Category {
    pub(super) token: String,
    pub(super) name: String,
}

/// The rows of `folder/NAME.json` that are wanted.
pub(super) fn rows<T: DeserializeOwned>(
    folder: &Path,
    name: &str,
    wanted: impl Fn(&T) -> bool,
) -> Result<Vec<T>, RecordingError> {
    let path = folder.join(format!("{name}.json"));
    let file = File::open(&path).map_err(RecordingError::io(&path, "open"))?;
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(file));
    let kept = reader.deserialize_seq(Kept { wanted, kind: PhantomData });
    kept.map_err(|error| RecordingError::source(&path, Some(error.line()), error.to_string()))
}

/// Keeps what is wanted of a list.
struct Kept<T, F> {
    wanted: F,
    kind: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: Fn(&T) -> bool> Visitor<'de> for Kept<T, F> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut kept = Vec::new();
        while let Some(row) = list.next_element()? {
            if (self.wanted)(&row) {
                kept.push(row);
            }
        }
        Ok(kept)
    }
}
