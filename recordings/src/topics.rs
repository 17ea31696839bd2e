//! The topics of a drive, all of them, in the order in which messages of one stamp are delivered.
//!
//! A topic is either read back by a replay, and then it loses nothing, or it is a view: made from
//! the others for people who look at the drive, and never read.

use crate::sink::Shelf;
use foxglove::messages::{
    CameraCalibration, CompressedImage, FrameTransforms, ImageAnnotations, Log, Odometry, PointCloud, PosesInFrame,
    SceneUpdate,
};
use foxglove::{Encode, Schema};
use std::borrow::Cow;

/// Every message's encoding, and every schema's.
pub(crate) const ENCODING: &str = "protobuf";

/// Descriptors of `schemas/chauffeur.proto` and of what it imports.
pub(crate) const OWN_DESCRIPTORS: &[u8] = include_bytes!("../schemas/chauffeur.binpb");

/// A topic of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    Calibration,
    CameraCalibration,
    Transforms,
    RoutePoses,
    Route,
    RouteScene,
    Signals,
    SignalsScene,
    WheelSpeed,
    Truth,
    TruthScene,
    CameraImage,
    LidarPoints,
    InsState,
    Ins,
    Tick,
    EgoState,
    Ego,
    Detections,
    CameraBoxes,
    DetectionsScene,
    Tracks,
    TracksScene,
    Plan,
    PlanScene,
    Command,
    Latency,
    Log,
    Digests,
}

/// What is fixed about a topic.
pub(crate) struct Row {
    pub(crate) topic: Topic,
    pub(crate) name: &'static str,
    pub(crate) schema: &'static str,
    /// Whether a replay reads it.
    pub(crate) read: bool,
    foreign_schema: Option<fn() -> Option<Schema>>,
}

const fn own(topic: Topic, name: &'static str, schema: &'static str) -> Row {
    Row { topic, name, schema, read: true, foreign_schema: None }
}

const fn sensor(topic: Topic, name: &'static str, schema: &'static str, from: fn() -> Option<Schema>) -> Row {
    Row { topic, name, schema, read: true, foreign_schema: Some(from) }
}

const fn view(topic: Topic, name: &'static str, schema: &'static str, from: fn() -> Option<Schema>) -> Row {
    Row { topic, name, schema, read: false, foreign_schema: Some(from) }
}

/// The table. A row's place is the topic's rank among messages of one stamp, its place plus one the channel's id.
#[rustfmt::skip]
pub(crate) const TABLE: [Row; 29] = [
    own(Topic::Calibration, "/calibration", "chauffeur.Calibration"),
    view(Topic::CameraCalibration, "/camera/front/calibration", "foxglove.CameraCalibration", CameraCalibration::get_schema),
    view(Topic::Transforms, "/tf", "foxglove.FrameTransforms", FrameTransforms::get_schema),
    own(Topic::RoutePoses, "/route/poses", "chauffeur.Route"),
    view(Topic::Route, "/route", "foxglove.PosesInFrame", PosesInFrame::get_schema),
    view(Topic::RouteScene, "/route/scene", "foxglove.SceneUpdate", SceneUpdate::get_schema),
    own(Topic::Signals, "/signals", "chauffeur.Signals"),
    view(Topic::SignalsScene, "/signals/scene", "foxglove.SceneUpdate", SceneUpdate::get_schema),
    own(Topic::WheelSpeed, "/wheel/speed", "chauffeur.WheelSpeed"),
    own(Topic::Truth, "/truth/objects", "chauffeur.Truth"),
    view(Topic::TruthScene, "/truth/scene", "foxglove.SceneUpdate", SceneUpdate::get_schema),
    sensor(Topic::CameraImage, "/camera/front/image", "foxglove.CompressedImage", CompressedImage::get_schema),
    sensor(Topic::LidarPoints, "/lidar/top/points", "foxglove.PointCloud", PointCloud::get_schema),
    own(Topic::InsState, "/ins/state", "chauffeur.Ego"),
    view(Topic::Ins, "/ins", "foxglove.Odometry", Odometry::get_schema),
    own(Topic::Tick, "/tick", "chauffeur.Tick"),
    own(Topic::EgoState, "/ego/state", "chauffeur.Ego"),
    view(Topic::Ego, "/ego", "foxglove.Odometry", Odometry::get_schema),
    own(Topic::Detections, "/detections", "chauffeur.Detections"),
    view(Topic::CameraBoxes, "/camera/front/boxes", "foxglove.ImageAnnotations", ImageAnnotations::get_schema),
    view(Topic::DetectionsScene, "/detections/scene", "foxglove.SceneUpdate", SceneUpdate::get_schema),
    own(Topic::Tracks, "/tracks", "chauffeur.Tracks"),
    view(Topic::TracksScene, "/tracks/scene", "foxglove.SceneUpdate", SceneUpdate::get_schema),
    own(Topic::Plan, "/plan", "chauffeur.Plan"),
    view(Topic::PlanScene, "/plan/scene", "foxglove.SceneUpdate", SceneUpdate::get_schema),
    own(Topic::Command, "/command", "chauffeur.Command"),
    own(Topic::Latency, "/latency", "chauffeur.Latency"),
    sensor(Topic::Log, "/log", "foxglove.Log", Log::get_schema),
    own(Topic::Digests, "/digests", "chauffeur.Digests"),
];

impl Topic {
    /// The topic's row.
    pub(crate) const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Whose chunks its messages lie in.
    pub(crate) const fn shelf(self) -> Shelf {
        match self {
            Self::CameraImage | Self::LidarPoints => Shelf::Bulk,
            _ if self.row().read => Shelf::Replay,
            _ => Shelf::Views,
        }
    }

    /// The topic of a name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.topic)
    }

    /// The channel's id in every file we write.
    pub(crate) const fn channel_id(self) -> u16 {
        self as u16 + 1
    }

    /// The schema's id in every file we write: that of the first channel with this schema.
    pub(crate) fn schema_id(self) -> u16 {
        let first = TABLE.iter().find(|row| row.schema == self.row().schema);
        first.map_or(self, |row| row.topic).channel_id()
    }

    /// The schema's descriptors, with all that they import.
    pub(crate) fn descriptors(self) -> Cow<'static, [u8]> {
        let foreign = self.row().foreign_schema.and_then(|schema| schema());
        foreign.map_or(Cow::Borrowed(OWN_DESCRIPTORS), |schema| schema.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_follows_the_topics_and_names_its_schemas() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.topic as usize, index, "{}", row.name);
            assert_eq!(Topic::from_name(row.name), Some(row.topic));
            assert!(row.read || !row.schema.starts_with("chauffeur."));
            if let Some(schema) = row.foreign_schema {
                assert_eq!(schema().unwrap().name, row.schema);
                assert_eq!(schema().unwrap().encoding, ENCODING);
            }
        }
        assert_eq!(Topic::TracksScene.schema_id(), Topic::RouteScene.channel_id());
    }
}
