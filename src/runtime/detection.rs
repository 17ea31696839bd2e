//! The detectors as a stage: an eye for the image and one for the sweep.

use super::digest;
use super::frame::{Buffers, Frame, Spans};
use super::stage::Stage;
use models::{CameraDetector, LidarDetector, LidarSegmenter, ModelError, PointLabels};
use perception::detect::{GeometricDetector, ObstacleDetector, SegmentDetector, bring_to_stamp};
use std::sync::Arc;
use types::{Calibration, CameraFrame, Detection2, Detection3, Detections, Image, PointCloud, StepError};

/// Who looks at a sweep.
#[allow(clippy::large_enum_variant)] // there is one of it in a run
pub enum LidarDetection {
    /// Geometry alone.
    Geometry(GeometricDetector),
    /// A network labels points, geometry makes objects of them.
    Segments(LidarSegmenter, SegmentDetector),
    /// A network finds boxes, geometry adds what it has no name for.
    Boxes(LidarDetector, ObstacleDetector),
}

/// Which detectors look at a frame. They keep nothing from frame to frame.
pub struct Detect {
    /// Looks at the image.
    pub camera: CameraEye,
    /// Looks at the sweep.
    pub lidar: LidarDetection,
    /// Of the drive.
    pub calibration: Arc<Calibration>,
}

/// Decodes the image and finds boxes in it, if there is a network for it.
pub struct CameraEye(pub Option<CameraDetector>);

fn fatal(error: ModelError) -> StepError {
    StepError::Fatal(error.to_string())
}

impl CameraEye {
    /// Bytes to pixels, and on a GPU the network is asked for, but not waited for.
    pub(super) fn open(&mut self, frame: &CameraFrame, image: &mut Image, spans: &mut Spans) -> Result<(), StepError> {
        let decoded = perception::decode::image(frame, image);
        spans.lap("decode image");
        decoded.map_err(|e| StepError::Skip(e.to_string()))?;
        if let Some(network) = &mut self.0 {
            network.prepare(image).map_err(fatal)?;
            spans.lap("prepare image");
            network.start().map_err(fatal)?;
            spans.lap("infer camera");
        }
        Ok(())
    }

    /// The boxes: on the processor this is where the network runs.
    pub(super) fn look(&mut self, spans: &mut Spans) -> Result<Vec<Detection2>, StepError> {
        let Some(network) = &mut self.0 else { return Ok(Vec::new()) };
        network.finish().map_err(fatal)?;
        spans.lap("infer camera");
        let boxes = network.boxes().map_err(fatal)?;
        spans.lap("decode boxes");
        Ok(boxes)
    }
}

impl LidarDetection {
    /// Asks a GPU for the network of boxes, so that it runs beside the camera's.
    pub(super) fn open(
        &mut self,
        points: &PointCloud,
        calibration: &Calibration,
        spans: &mut Spans,
    ) -> Result<(), StepError> {
        if let Self::Boxes(network, _) = self {
            network.prepare(points, &calibration.base_from_lidar).map_err(fatal)?;
            spans.lap("fill pillars");
            network.start().map_err(fatal)?;
            spans.lap("infer lidar");
        }
        Ok(())
    }

    /// The objects in the sweep.
    pub(super) fn look(
        &mut self,
        points: &PointCloud,
        labels: &mut PointLabels,
        calibration: &Calibration,
        spans: &mut Spans,
    ) -> Result<Vec<Detection3>, StepError> {
        Ok(match self {
            Self::Geometry(geometry) => {
                let objects = geometry.step(points, calibration);
                spans.lap("cluster");
                objects
            }
            Self::Segments(network, segments) => {
                network.project(points).map_err(fatal)?;
                spans.lap("project points");
                network.infer().map_err(fatal)?;
                spans.lap("infer lidar");
                network.label(points, labels).map_err(fatal)?;
                spans.lap("label points");
                let objects = segments.step(points, labels, calibration);
                spans.lap("cluster");
                objects
            }
            Self::Boxes(network, obstacles) => {
                network.finish().map_err(fatal)?;
                spans.lap("infer lidar");
                let mut objects = network.boxes().map_err(fatal)?;
                spans.lap("find boxes");
                obstacles.step(points, calibration, &mut objects);
                spans.lap("cluster");
                objects
            }
        })
    }
}

impl Detect {
    /// What both eyes saw becomes one list, once it is known where the vehicle is.
    pub(super) fn join(&self, frame: &mut Frame, camera: Vec<Detection2>, mut lidar: Vec<Detection3>) {
        let admission = frame.admission;
        if let Some(buffers) = &frame.buffers {
            let sensors = &frame.sensors;
            frame.decoded = Some(digest::of_buffers(buffers, sensors.camera.is_some(), sensors.lidar.is_some()));
            frame.spans.lap("digest");
            if let Some(ego) = &frame.ego {
                bring_to_stamp(&mut lidar, &buffers.points, &self.calibration.base_from_lidar, ego);
            }
        }
        perception::fuse::fuse(&self.calibration, &camera, &mut lidar);
        frame.spans.lap("fuse");
        frame.detections = Some(Detections { frame: admission.frame, stamp: admission.stamp, camera, lidar });
    }
}

/// The image alone, as a stage before [`Detect`]: one frame's image is looked at while the sweep of the frame before it is.
pub struct LookAtImage(pub CameraEye);

impl Stage for LookAtImage {
    fn name(&self) -> &'static str {
        "image"
    }

    fn to_blame(&self) -> &'static str {
        "detect"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        let Frame { buffers, sensors, spans, .. } = frame;
        let buffers = buffers.as_mut().ok_or_else(|| StepError::Fatal("the frame has no buffers".into()))?;
        if let Some(camera) = &sensors.camera {
            self.0.open(camera, &mut buffers.image, spans)?;
            frame.boxes = Some(self.0.look(spans)?);
        }
        Ok(())
    }
}

impl Stage for Detect {
    fn name(&self) -> &'static str {
        "detect"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        let Frame { buffers, sensors, spans, .. } = frame;
        let buffers = buffers.as_mut().ok_or_else(|| StepError::Fatal("the frame has no buffers".into()))?;
        let Buffers { image, points, labels } = &mut **buffers;
        let image_to_see = sensors.camera.as_ref().filter(|_| frame.boxes.is_none());
        if let Some(camera) = image_to_see {
            self.camera.open(camera, image, spans)?;
        }
        let mut objects = Vec::new();
        if sensors.lidar.is_some() {
            self.lidar.open(points, &self.calibration, spans)?;
            objects = self.lidar.look(points, labels, &self.calibration, spans)?;
        }
        let boxes = match frame.boxes.take() {
            Some(boxes) => boxes,
            None if sensors.camera.is_some() => self.camera.look(spans)?,
            None => Vec::new(),
        };
        self.join(frame, boxes, objects);
        Ok(())
    }
}
