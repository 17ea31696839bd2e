//! The real device: one stream of an NVIDIA GPU.

use super::{
    Device, KERNELS, SOURCE, compile,
    compile::word,
    device::{failed, fits},
    probe,
};
use crate::ModelError;
use cudarc::{
    driver::{CudaContext, CudaEvent, CudaFunction, CudaGraph, CudaModule, CudaStream, DriverError, result, sys},
    nvrtc::Ptx,
};
use std::{
    collections::BTreeMap,
    ffi::c_void,
    ops::{Deref, DerefMut, Range},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Threads of a block. The kernels are compiled for it.
const BLOCK: u32 = 256;

/// A stream of a GPU with the kernels loaded. Clones are the same stream.
#[derive(Clone)]
pub struct Cuda {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    kernels: Arc<BTreeMap<&'static str, CudaFunction>>,
    traffic: Arc<[AtomicU64; 2]>,
    description: Arc<str>,
    profile: Arc<Profile>,
}

impl Cuda {
    /// Opens the first GPU and loads the kernels, from `cache` if they are there, else compiled and put there.
    ///
    /// # Errors
    /// No driver, no GPU, no NVRTC; a driver that refuses the code.
    #[allow(unsafe_code)]
    pub fn open(cache: Option<&Path>) -> Result<Self, ModelError> {
        let gpu = probe::require("CUDA")?;
        let context = CudaContext::new(0).map_err(|error| refused("context", error))?;
        // SAFETY: all memory here is used on the stream that it was asked for on, in order, and waited for before it is freed. Without this
        // every buffer would carry two events.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(|error| refused("stream", error))?;
        let module = load(&context, gpu.compute_capability, cache)?;
        let function = |name: &'static str| {
            let function = module.load_function(name).map_err(|error| refused(name, error))?;
            Ok((name, function))
        };
        let kernels = KERNELS.into_iter().map(function).collect::<Result<_, ModelError>>()?;
        let (major, minor) = compile::nvrtc_version()?;
        let description = format!("{gpu}, NVRTC {major}.{minor}").into();
        Ok(Self {
            context,
            stream,
            kernels: Arc::new(kernels),
            traffic: Arc::default(),
            description,
            profile: Arc::default(),
        })
    }

    /// Another stream of the same GPU: what runs on it runs beside this one.
    ///
    /// # Errors
    /// The driver's own.
    pub fn beside(&self) -> Result<Self, ModelError> {
        let stream = self.context.new_stream().map_err(|error| refused("stream", error))?;
        Ok(Self { stream, traffic: Arc::default(), profile: Arc::default(), ..self.clone() })
    }

    /// Name, architecture and memory of the GPU.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// The stream's handle, for an engine that is to work on it.
    #[must_use]
    pub fn raw_stream(&self) -> *mut c_void {
        self.stream.cu_stream().cast()
    }

    /// Bytes to the device and from it, so far.
    #[must_use]
    pub fn traffic(&self) -> [u64; 2] {
        [0, 1].map(|way: usize| self.traffic[way].load(Ordering::Relaxed))
    }

    /// Free and all memory of the device, bytes.
    ///
    /// # Errors
    /// The driver's own.
    pub fn free_memory(&self) -> Result<[usize; 2], ModelError> {
        let (free, all) = self.context.mem_get_info().map_err(|error| refused("memory", error))?;
        Ok([free, all])
    }

    /// Marks this place in the stream.
    ///
    /// # Errors
    /// The driver's own.
    pub fn mark(&self) -> Result<Event, ModelError> {
        let timed = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
        self.stream.record_event(timed).map(Event).map_err(|error| refused("event", error))
    }

    /// From now on notes how long every piece of work takes on the device, or no longer. That costs two marks for each.
    ///
    /// # Errors
    /// The driver's own.
    pub fn profile(&self, on: bool) -> Result<(), ModelError> {
        let begin = on.then(|| self.mark()).transpose()?;
        let mut kept = self.profile.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = begin.map(|begin| Kept { begin, work: Vec::new() });
        Ok(())
    }

    /// What was done since the last call, or since profiling began. Waits for it.
    ///
    /// # Errors
    /// The driver's own.
    pub fn profiled(&self) -> Result<Vec<Work>, ModelError> {
        let mut kept = self.profile.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Kept { begin, work }) = &mut *kept else { return Ok(Vec::new()) };
        let measured = work.iter().map(|(name, bytes, [start, end])| {
            Ok(Work { name, bytes: *bytes, start_ms: begin.elapsed_ms(start)?, ms: start.elapsed_ms(end)? })
        });
        let measured = measured.collect::<Result<_, ModelError>>();
        work.clear();
        self.mark_again(begin)?;
        measured
    }

    /// Runs `work`, with marks around it if anybody wants to know.
    pub(crate) fn noted<E: From<ModelError>>(
        &self,
        name: &'static str,
        bytes: usize,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut kept = self.profile.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = &mut *kept else {
            drop(kept);
            return work();
        };
        let start = self.mark()?;
        work()?;
        kept.work.push((name, bytes, [start, self.mark()?]));
        Ok(())
    }

    /// Moves a mark to this place in the stream.
    ///
    /// # Errors
    /// The driver's own.
    pub fn mark_again(&self, event: &Event) -> Result<(), ModelError> {
        event.0.record(&self.stream).map_err(|error| refused("event", error))
    }

    fn bind(&self) -> Result<(), ModelError> {
        self.context.bind_to_thread().map_err(|error| refused("context", error))
    }

    fn out_of_memory(&self, what: &str, bytes: usize, error: DriverError) -> ModelError {
        let free = self.context.mem_get_info().map_or_else(|_| "unknown".into(), |(free, _)| (free >> 20).to_string());
        failed(what, format!("{} for {bytes} bytes; {free} MiB are free", reason(error)))
    }
}

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
            graph.map_err(failed)?.ok_or_else(|| E::from(super::device::failed("CUDA graph", "it is empty")))?;
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

/// A piece of work on the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// The kernel, `upload`, `download`, `zero` or `network`.
    pub name: &'static str,
    /// Bytes of a copy.
    pub bytes: usize,
    /// From the begin of the profile, ms.
    pub start_ms: f64,
    /// How long it took, ms: about 2 microseconds of it are the marks' own.
    pub ms: f64,
}

#[derive(Default)]
struct Profile(Mutex<Option<Kept>>);

struct Kept {
    begin: Event,
    work: Vec<(&'static str, usize, [Event; 2])>,
}

/// A place in a stream.
pub struct Event(CudaEvent);

impl Event {
    /// From this place to a later one of the same stream, ms. Waits for it.
    ///
    /// # Errors
    /// The driver's own.
    pub fn elapsed_ms(&self, end: &Self) -> Result<f64, ModelError> {
        end.0.synchronize().map_err(|error| refused("event", error))?;
        self.0.elapsed_ms(&end.0).map(f64::from).map_err(|error| refused("event", error))
    }
}

/// Loads the kernels. Code from the cache that the driver does not take is made again.
fn load(
    context: &Arc<CudaContext>,
    capability: (i32, i32),
    cache: Option<&Path>,
) -> Result<Arc<CudaModule>, ModelError> {
    let kept = cache.map(|folder| compile::cached(folder, SOURCE, capability)).transpose()?;
    if let Some(code) = kept.as_ref().and_then(|path| compile::kept(path))
        && let Ok(module) = context.load_module(Ptx::from_binary(code))
    {
        return Ok(module);
    }
    let code = compile::compile(SOURCE, capability)?;
    if let Some(path) = &kept {
        compile::keep(path, &code);
    }
    context.load_module(Ptx::from_binary(code)).map_err(|error| refused("kernels", error))
}

fn reason(error: DriverError) -> String {
    let name = error.error_name().ok().map(|name| word(Some(name)));
    let text = word(error.error_string().ok());
    name.map_or_else(|| text.clone(), |name| format!("{name}: {text}"))
}

fn refused(call: &str, error: DriverError) -> ModelError {
    failed(format!("CUDA {call}"), reason(error))
}

/// Memory of the device.
pub struct Memory {
    context: Arc<CudaContext>,
    address: sys::CUdeviceptr,
    bytes: usize,
}

impl Memory {
    /// How much it is.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Memory {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if self.context.bind_to_thread().is_ok() {
            // SAFETY: from `malloc_sync`, freed here only; the driver waits for work that uses it. Nobody is left to tell if it fails.
            let _ = unsafe { result::free_sync(self.address) };
        }
    }
}

/// Memory of the host that stays in its place.
pub struct Pinned {
    context: Arc<CudaContext>,
    start: *mut u8,
    bytes: usize,
}

// SAFETY: it is plain memory, owned by this value alone.
#[allow(unsafe_code)]
unsafe impl Send for Pinned {}

impl Deref for Pinned {
    type Target = [u8];

    #[allow(unsafe_code)]
    fn deref(&self) -> &[u8] {
        // SAFETY: `start` is the beginning of `bytes` bytes that were zeroed when they were made.
        unsafe { std::slice::from_raw_parts(self.start, self.bytes) }
    }
}

impl DerefMut for Pinned {
    #[allow(unsafe_code)]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and it is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.bytes) }
    }
}

impl Drop for Pinned {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if self.context.bind_to_thread().is_ok() && result::ctx::synchronize().is_ok() {
            // SAFETY: from `malloc_host`, freed here only, after every copy has ended.
            let _ = unsafe { result::free_host(self.start.cast()) };
        }
    }
}

impl Device for Cuda {
    type Memory = Memory;
    type Staging = Pinned;

    #[allow(unsafe_code)]
    fn memory(&self, bytes: usize) -> Result<Memory, ModelError> {
        self.bind()?;
        let size = bytes.max(256);
        // SAFETY: the memory belongs to the value made of it and is zeroed before anyone sees it.
        let address = unsafe { result::malloc_sync(size) }
            .map_err(|error| self.out_of_memory("CUDA memory of the device", bytes, error))?;
        let memory = Memory { context: self.context.clone(), address, bytes };
        self.zero(&memory, bytes)?;
        Ok(memory)
    }

    fn address(memory: &Memory) -> u64 {
        memory.address
    }

    #[allow(unsafe_code)]
    fn staging(&self, bytes: usize) -> Result<Pinned, ModelError> {
        self.bind()?;
        let size = bytes.max(256);
        // SAFETY: the memory belongs to the value made of it and is zeroed before anyone sees it.
        let start = unsafe {
            let start = result::malloc_host(size, 0)
                .map_err(|error| self.out_of_memory("CUDA pinned memory of the host", bytes, error))?
                .cast::<u8>();
            start.write_bytes(0, size);
            start
        };
        Ok(Pinned { context: self.context.clone(), start, bytes })
    }

    #[allow(unsafe_code)]
    fn upload(&self, from: &Pinned, range: Range<usize>, to: &Memory) -> Result<(), ModelError> {
        fits("upload", range.end, [from.len(), to.bytes])?;
        self.bind()?;
        self.traffic[0].fetch_add(range.len() as u64, Ordering::Relaxed);
        let place = to.address + range.start as u64;
        self.noted("upload", range.len(), || {
            // SAFETY: both sides hold the bytes; pinned memory is freed only after the device has come to rest.
            unsafe { result::memcpy_htod_async(place, &from[range], self.stream.cu_stream()) }
                .map_err(|error| refused("upload", error))
        })
    }

    #[allow(unsafe_code)]
    fn download(&self, from: &Memory, at: usize, bytes: usize, to: &mut Pinned) -> Result<(), ModelError> {
        fits("download", bytes, [from.bytes.saturating_sub(at), to.len()])?;
        self.bind()?;
        self.traffic[1].fetch_add(bytes as u64, Ordering::Relaxed);
        self.noted("download", bytes, || {
            // SAFETY: as for the upload.
            unsafe { result::memcpy_dtoh_async(&mut to[..bytes], from.address + at as u64, self.stream.cu_stream()) }
                .map_err(|error| refused("download", error))
        })
    }

    #[allow(unsafe_code)]
    fn zero(&self, memory: &Memory, bytes: usize) -> Result<(), ModelError> {
        fits("zero", bytes, [memory.bytes; 2])?;
        self.bind()?;
        self.noted("zero", bytes, || {
            // SAFETY: the memory holds the bytes.
            unsafe { result::memset_d8_async(memory.address, 0, bytes, self.stream.cu_stream()) }
                .map_err(|error| refused("zero", error))
        })
    }

    #[allow(unsafe_code)]
    unsafe fn launch(&self, kernel: &'static str, arguments: *const c_void, indices: usize) -> Result<(), ModelError> {
        let function = self.kernels.get(kernel).ok_or_else(|| failed(kernel, "there is no such kernel"))?;
        let blocks = u32::try_from(indices.div_ceil(BLOCK as usize)).map_err(|_| failed(kernel, "too many indices"))?;
        if blocks == 0 {
            return Ok(());
        }
        self.bind()?;
        let mut list = [arguments.cast_mut()];
        self.noted(kernel, 0, || {
            // SAFETY: the caller answers for the arguments, which the driver copies before it returns.
            unsafe {
                let stream = self.stream.cu_stream();
                result::launch_kernel(function.cu_function(), (blocks, 1, 1), (BLOCK, 1, 1), 0, stream, &mut list)
            }
            .map_err(|error| refused(kernel, error))
        })
    }

    fn wait(&self) -> Result<(), ModelError> {
        self.bind()?;
        self.stream.synchronize().map_err(|error| refused("stream", error))
    }
}
