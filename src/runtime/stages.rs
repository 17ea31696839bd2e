//! The rooms as stages: each takes what it needs out of the frame, calls its room's pure step and puts the answer in.

use super::digest;
use super::frame::{Buffers, Frame};
use super::stage::Stage;
use models::{CameraDetector, LidarDetector, LidarSegmenter};
use perception::decode::OwnReturns;
use perception::detect::{GeometricDetector, ObstacleDetector, SegmentDetector, bring_to_stamp};
use perception::localize::{Localizer, Senses};
use perception::track::Tracker;
use planning::{PlanInput, Planner, Way};
use std::sync::Arc;
use types::{Calibration, Detections, StepError};

/// Compressed bytes to pixels and points, without the vehicle's own returns.
#[derive(Debug)]
pub struct Decode {
    /// Of the vehicle and its lidar.
    pub own_returns: OwnReturns,
}

impl Stage for Decode {
    fn name(&self) -> &'static str {
        "decode"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        let buffers = frame.buffers.as_mut().ok_or_else(|| StepError::Fatal("the frame has no buffers".into()))?;
        if let Some(camera) = &frame.sensors.camera {
            let decoded = perception::decode::image(camera, &mut buffers.image);
            frame.spans.lap("decode image");
            decoded.map_err(|e| StepError::Skip(e.to_string()))?;
        }
        if let Some(lidar) = &frame.sensors.lidar {
            let decoded = perception::decode::points(lidar, &mut buffers.points);
            frame.rejected_points = buffers.points.rejected as u64;
            self.own_returns.remove(&mut buffers.points);
            frame.spans.lap("decode points");
            decoded.map_err(|e| StepError::Skip(e.to_string()))?;
        }
        frame.decoded =
            Some(digest::of_buffers(buffers, frame.sensors.camera.is_some(), frame.sensors.lidar.is_some()));
        frame.spans.lap("digest");
        Ok(())
    }
}

/// Where the vehicle is.
pub struct Localize {
    /// The room's step.
    pub localizer: Localizer,
    /// Of the drive.
    pub calibration: Arc<Calibration>,
}

impl Stage for Localize {
    fn name(&self) -> &'static str {
        "localize"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        let sensors = &frame.sensors;
        let cloud = frame.buffers.as_ref().filter(|_| sensors.lidar.is_some()).map(|b| &b.points);
        let senses = Senses { ins: sensors.ins.as_ref(), wheels: sensors.wheel_speed.as_ref(), cloud };
        let admission = frame.admission;
        let ego = self.localizer.step(admission.frame, admission.stamp, &senses, &self.calibration);
        frame.findings.extend(self.localizer.findings().iter().map(|odd| (odd.kind(), odd.to_string())));
        frame.spans.lap("localize");
        frame.ego = Some(ego?);
        Ok(())
    }
}

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

/// Which detectors look at a frame.
pub struct Detect {
    /// Finds boxes in the image, if there is a network for it.
    pub camera: Option<CameraDetector>,
    /// Finds boxes in the sweep.
    pub lidar: LidarDetection,
    /// Of the drive.
    pub calibration: Arc<Calibration>,
}

impl Stage for Detect {
    fn name(&self) -> &'static str {
        "detect"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        let fatal = |e: models::ModelError| StepError::Fatal(e.to_string());
        let buffers = frame.buffers.as_mut().ok_or_else(|| StepError::Fatal("the frame has no buffers".into()))?;
        let Buffers { image, points, labels } = &mut **buffers;
        let spans = &mut frame.spans;
        let mut found =
            Detections { frame: frame.admission.frame, stamp: frame.admission.stamp, ..Detections::default() };
        // On a GPU both networks are asked for before either is waited for, so that they run side by side. On the processor `start` does nothing
        // and `finish` does the work.
        let mut camera = self.camera.as_mut().filter(|_| frame.sensors.camera.is_some());
        if let Some(network) = &mut camera {
            network.prepare(image).map_err(fatal)?;
            spans.lap("prepare image");
            network.start().map_err(fatal)?;
            spans.lap("infer camera");
        }
        if frame.sensors.lidar.is_some()
            && let LidarDetection::Boxes(network, _) = &mut self.lidar
        {
            network.prepare(points, &self.calibration.base_from_lidar).map_err(fatal)?;
            spans.lap("fill pillars");
            network.start().map_err(fatal)?;
            spans.lap("infer lidar");
        }
        if let Some(network) = camera {
            network.finish().map_err(fatal)?;
            spans.lap("infer camera");
            found.camera = network.boxes().map_err(fatal)?;
            spans.lap("decode boxes");
        }
        if frame.sensors.lidar.is_some() {
            found.lidar = match &mut self.lidar {
                LidarDetection::Geometry(geometry) => {
                    let objects = geometry.step(points, &self.calibration);
                    spans.lap("cluster");
                    objects
                }
                LidarDetection::Segments(network, segments) => {
                    network.project(points).map_err(fatal)?;
                    spans.lap("project points");
                    network.infer().map_err(fatal)?;
                    spans.lap("infer lidar");
                    network.label(points, labels).map_err(fatal)?;
                    spans.lap("label points");
                    let objects = segments.step(points, labels, &self.calibration);
                    spans.lap("cluster");
                    objects
                }
                LidarDetection::Boxes(network, obstacles) => {
                    network.finish().map_err(fatal)?;
                    spans.lap("infer lidar");
                    let mut objects = network.boxes().map_err(fatal)?;
                    spans.lap("find boxes");
                    obstacles.step(points, &self.calibration, &mut objects);
                    spans.lap("cluster");
                    objects
                }
            };
        }
        if let Some(ego) = &frame.ego {
            bring_to_stamp(&mut found.lidar, points, &self.calibration.base_from_lidar, ego);
        }
        perception::fuse::fuse(&self.calibration, &found.camera, &mut found.lidar);
        spans.lap("fuse");
        frame.detections = Some(found);
        Ok(())
    }
}

/// Objects over time.
pub struct Track {
    /// The room's step.
    pub tracker: Tracker,
}

impl Stage for Track {
    fn name(&self) -> &'static str {
        "track"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        frame.buffers = None; // nobody behind detection looks at pixels or points
        let (Some(detections), Some(ego)) = (&frame.detections, &frame.ego) else {
            return Err(StepError::Skip("no detections or no ego state".into()));
        };
        frame.tracks = Some(self.tracker.step(detections, ego).clone());
        frame.spans.lap("track");
        Ok(())
    }
}

/// What to do.
pub struct Planning {
    /// The room's step.
    pub planner: Planner,
    /// The road, if the drive has a route.
    pub route: Option<Way>,
}

impl Stage for Planning {
    fn name(&self) -> &'static str {
        "plan"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        let (Some(tracks), Some(ego)) = (&frame.tracks, &frame.ego) else {
            return Err(StepError::Skip("no tracks or no ego state".into()));
        };
        let admission = frame.admission;
        let input = PlanInput {
            frame: admission.frame,
            stamp: admission.stamp,
            ego,
            tracks,
            route: self.route.as_ref(),
            signals: frame.sensors.signals.as_deref(),
        };
        frame.plan = Some(Arc::new(self.planner.step(&input)));
        frame.spans.lap("plan");
        Ok(())
    }
}
