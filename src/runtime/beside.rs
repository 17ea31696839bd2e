//! Localization beside detection: neither needs the other before the end, so a frame waits for the slower one alone.
//!
//! The stages and their answers are those of a run one after the other, bit for bit, also when one of them gives the frame up: detection keeps
//! nothing from frame to frame, and localization sees every frame whose points could be decoded.

use super::detection::Detect;
use super::frame::{Buffers, Frame, Spans};
use super::stage::Stage;
use super::stages::Localize;
use std::panic::resume_unwind;
use std::thread::{self, Builder, ScopedJoinHandle};
use std::time::Instant;
use types::StepError;

/// Stack of a helper, bytes.
const STACK: usize = 1 << 20;

/// Both stages, on three threads for the length of a frame: the pose, the image, and the sweep on the stage's own.
///
/// The times of a frame are what it waited for: "localize" and "decode image" count from where nothing else was left to do.
pub struct Beside {
    /// Where the vehicle is.
    pub localize: Localize,
    /// What is around it.
    pub detect: Detect,
    /// Who gave the last frame up.
    to_blame: &'static str,
}

impl Beside {
    /// Joins two stages.
    #[must_use]
    pub fn new(localize: Localize, detect: Detect) -> Self {
        let to_blame = detect.name();
        Self { localize, detect, to_blame }
    }
}

impl Stage for Beside {
    fn name(&self) -> &'static str {
        "detect"
    }

    fn to_blame(&self) -> &'static str {
        self.to_blame
    }

    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError> {
        self.to_blame = self.detect.name();
        let no_thread = |error: std::io::Error| StepError::Fatal(format!("no thread for a frame: {error}"));
        let Self { localize, detect, .. } = self;
        let Frame { admission, buffers, sensors, spans, .. } = &mut *frame;
        let (admission, sensors) = (*admission, &*sensors);
        let buffers = buffers.as_mut().ok_or_else(|| StepError::Fatal("the frame has no buffers".into()))?;
        let Buffers { image, points, labels } = &mut **buffers;
        let points = &*points;
        let Detect { camera, lidar, calibration } = detect;
        let helper = |name: &str| Builder::new().name(name.to_string()).stack_size(STACK);
        let (ego, boxes, objects) = thread::scope(|scope| {
            let place = || localize.place(admission, sensors, points);
            let place = helper("localize").spawn_scoped(scope, place).map_err(no_thread)?;
            let opening = sensors.camera.as_ref().map(|frame| {
                // The eye comes back with the answer.
                let open = move || (camera.open(frame, image, &mut Spans::starting(Instant::now())), camera);
                helper("image").spawn_scoped(scope, open).map_err(no_thread)
            });
            let opening = opening.transpose()?;
            let mut look = || {
                lidar.open(points, calibration, spans)?;
                lidar.look(points, labels, calibration, spans)
            };
            let objects = sensors.lidar.as_ref().map_or(Ok(Vec::new()), |_| look());
            let opened = opening.map(joined);
            spans.lap("decode image");
            let boxes = match opened {
                Some((Ok(()), eye)) if objects.is_ok() => eye.look(spans),
                Some((opened, _)) => opened.map(|()| Vec::new()),
                None => Ok(Vec::new()),
            };
            let ego = joined(place);
            spans.lap("localize");
            // Errors count in the order of the stages, not of time.
            Ok((ego, boxes, objects))
        })?;
        frame.findings.extend(self.localize.findings());
        if ego.is_err() {
            self.to_blame = self.localize.name();
        }
        frame.ego = Some(ego?);
        let boxes = boxes?;
        self.detect.join(frame, boxes, objects?);
        Ok(())
    }
}

/// What a helper found; its panic goes on here.
fn joined<T>(helper: ScopedJoinHandle<'_, T>) -> T {
    helper.join().unwrap_or_else(|panic| resume_unwind(panic))
}
