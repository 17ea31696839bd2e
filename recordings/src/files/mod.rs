//! Work on whole MCAP files, whoever wrote them: [`recover`], [`slice()`], [`merge`].
//!
//! Messages are copied as they are, byte by byte, with their channels, schemas, metadata and attachments. Memory holds the chunks that
//! overlap in time, never a file.

mod copy;
mod merge;
mod recover;
mod slice;

pub use merge::merge;
pub use recover::{Recovered, recover};
pub use slice::slice;

use crate::RecordingError;
use std::path::Path;

/// Topics of which the newest message holds until the next one: a part of a drive needs the one before it.
const LATCHED: [&str; 8] = [
    "/calibration",
    "/camera/front/calibration",
    "/tf_static",
    "/route",
    "/route/poses",
    "/route/scene",
    "/robot_description",
    "/map",
];

/// An output that is one of the inputs would be empty before it is read.
fn check_output(inputs: &[&Path], output: &Path) -> Result<(), RecordingError> {
    let Ok(there) = output.canonicalize() else { return Ok(()) };
    if inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == there)) {
        return Err(RecordingError::source(output, None, "the output would overwrite an input"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
