//! A stage of the corridor and the wrapper that keeps its failures inside.

use super::fault::FaultCell;
use super::frame::{Frame, Skipped};
use std::panic::{AssertUnwindSafe, catch_unwind};
use types::StepError;

/// One stage: a room's pure step behind the runtime's frame.
pub trait Stage: Send {
    /// Name in tables, logs and faults.
    fn name(&self) -> &'static str;

    /// Who gave the last frame up: the stage itself, unless it is made of several.
    fn to_blame(&self) -> &'static str {
        self.name()
    }

    /// Adds its part to the frame and names the parts of its time with `frame.spans.lap`.
    ///
    /// # Errors
    /// `Skip` if the frame is unusable, `Fatal` if the stage is.
    fn step(&mut self, frame: &mut Frame) -> Result<(), StepError>;
}

/// Runs a stage on a frame unless an earlier stage gave it up. A panic counts as fatal.
/// Returns whether the stage can go on.
pub fn guarded_step(stage: &mut dyn Stage, frame: &mut Frame, fault: &FaultCell) -> bool {
    if frame.skipped.is_some() {
        return true;
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| stage.step(frame)));
    let (reason, goes_on) = match outcome {
        Ok(Ok(())) => return true,
        Ok(Err(StepError::Skip(reason))) => (reason, true),
        Ok(Err(StepError::Fatal(reason))) => (reason, false),
        Err(panic) => (format!("panicked: {}", panic_text(panic.as_ref())), false),
    };
    let name = stage.to_blame();
    if !goes_on {
        fault.report(name, format!("frame {}: {reason}", frame.admission.frame));
    }
    frame.spans.lap(name);
    frame.skipped = Some(Skipped { stage: name, reason });
    goes_on
}

/// The text of a panic.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_string())
}
