//! The rooms as stages: each takes what it needs out of the frame, calls its room's pure step and puts the answer in.

use super::frame::{Frame, SensorSet};
use super::stage::Stage;
use perception::decode::OwnReturns;
use perception::localize::{Localizer, Senses};
use perception::track::Tracker;
use planning::{PlanInput, Planner, Way};
use std::sync::Arc;
use types::{Admission, Calibration, EgoState, PointCloud, StepError};

/// Compressed bytes to points, without the vehicle's own returns. Pixels are the detector's to decode: nobody else looks at them.
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
        let buffers = frame.buffers.as_mut().ok_or_else(no_buffers)?;
        if let Some(lidar) = &frame.sensors.lidar {
            let decoded = perception::decode::points(lidar, &mut buffers.points);
            frame.rejected_points = buffers.points.rejected as u64;
            self.own_returns.remove(&mut buffers.points);
            frame.spans.lap("decode points");
            decoded.map_err(|e| StepError::Skip(e.to_string()))?;
        }
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

impl Localize {
    /// Where the vehicle is at the frame's stamp.
    pub(super) fn place(
        &mut self,
        admission: Admission,
        sensors: &SensorSet,
        cloud: &PointCloud,
    ) -> Result<EgoState, StepError> {
        let cloud = sensors.lidar.as_ref().map(|_| cloud);
        let senses = Senses { ins: sensors.ins.as_ref(), wheels: sensors.wheel_speed.as_ref(), cloud };
        self.localizer.step(admission.frame, admission.stamp, &senses, &self.calibration)
    }

    /// What the last frame showed that is odd.
    pub(super) fn findings(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        self.localizer.findings().iter().map(|odd| (odd.kind(), odd.to_string()))
    }
}

impl Stage for Localize {
    fn name(&self) -> &'static str {
        "localize"
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        let buffers = frame.buffers.as_ref().ok_or_else(no_buffers)?;
        let ego = self.place(frame.admission, &frame.sensors, &buffers.points);
        frame.findings.extend(self.findings());
        frame.spans.lap("localize");
        frame.ego = Some(ego?);
        Ok(())
    }
}

fn no_buffers() -> StepError {
    StepError::Fatal("the frame has no buffers".into())
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
