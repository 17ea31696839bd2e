//! Recorded work.

use super::{Cuda, refused};
use crate::ModelError;
use cudarc::driver::{CudaGraph, sys};

impl Cuda {
    /// Records what `work` asks of this stream, which does not run, so that it can be run again in one go.
    ///
    /// # Errors
    /// What `work` says; work that cannot be recorded, such as one that waits.
    pub(crate) fn record<E: From<ModelError>>(&self, work: impl FnOnce() -> Result<(), E>) -> Result<Graph, E> {
        self.bind()?;
        let failed = |error| E::from(refused("graph", error));
        self.stream.begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED).map_err(failed)?;
        let worked = work();
        // The recording ends whatever became of the work.
        let graph = self.stream.end_capture(sys::CUgraphInstantiate_flags(0));
        worked?;
        let graph =
            graph.map_err(failed)?.ok_or_else(|| E::from(crate::gpu::device::failed("CUDA graph", "it is empty")))?;
        graph.upload().map_err(failed)?;
        Ok(Graph(graph))
    }
}

/// Recorded work of a stream.
pub(crate) struct Graph(CudaGraph);

// SAFETY: it is used by one thread at a time, which is all that the driver asks for.
#[allow(unsafe_code)]
unsafe impl Send for Graph {}

impl Graph {
    /// Asks for all of it; does not wait.
    pub fn launch(&self) -> Result<(), ModelError> {
        self.0.launch().map_err(|error| refused("graph", error))
    }
}
