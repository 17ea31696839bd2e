//! How a stage says that it could not do its step.

use thiserror::Error;

/// What the runtime does about a failed step.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StepError {
    /// The frame is unusable: count it, log it and go on with the next one.
    #[error("{0}")]
    Skip(String),
    /// The stage cannot go on: close the door, stop the car, exit non-zero.
    #[error("{0}")]
    Fatal(String),
}
