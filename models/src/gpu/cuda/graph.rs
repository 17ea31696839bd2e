//! Recorded work.

use super::{Cuda, refused};
use crate::ModelError;
use cudarc::driver::{CudaGraph, DriverError, sys};

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
        // A library's callback is made for one run: it may free what it is given. Recorded, it would be called at every launch.
        let callbacks = host_calls(&graph).map_err(failed)?;
        if callbacks > 0 {
            let reason = format!("it holds {callbacks} calls of the host, which must not be repeated");
            return Err(E::from(crate::gpu::device::failed("CUDA graph", reason)));
        }
        graph.upload().map_err(failed)?;
        Ok(Graph(graph))
    }
}

/// How many pieces of the recorded work are functions on the host.
#[allow(unsafe_code)]
fn host_calls(graph: &CudaGraph) -> Result<usize, DriverError> {
    let mut count = 0;
    // SAFETY: a null list asks for the count alone; then the list has room for all, and the graph lives through the calls.
    unsafe {
        sys::cuGraphGetNodes(graph.cu_graph(), std::ptr::null_mut(), &raw mut count).result()?;
        let mut nodes = vec![std::ptr::null_mut(); count];
        sys::cuGraphGetNodes(graph.cu_graph(), nodes.as_mut_ptr(), &raw mut count).result()?;
        let mut calls = 0;
        for &node in nodes.iter().take(count) {
            let mut kind = sys::CUgraphNodeType::CU_GRAPH_NODE_TYPE_EMPTY;
            sys::cuGraphNodeGetType(node, &raw mut kind).result()?;
            calls += usize::from(kind == sys::CUgraphNodeType::CU_GRAPH_NODE_TYPE_HOST);
        }
        Ok(calls)
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
