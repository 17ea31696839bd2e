//! The real device: one stream of an NVIDIA GPU.

mod graph;
mod memory;
mod time;

pub(crate) use graph::Graph;
pub use memory::{Memory, Pinned};
pub use time::{Event, Work};

use super::{
    Device, KERNELS, SOURCE, compile,
    compile::word,
    device::{failed, fits},
    probe,
};
use crate::ModelError;
use cudarc::{
    driver::{CudaContext, CudaFunction, CudaModule, CudaStream, DriverError, result},
    nvrtc::Ptx,
};
use std::{
    collections::BTreeMap,
    ffi::c_void,
    ops::Range,
    path::Path,
    sync::{
        Arc,
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
    profile: Arc<time::Profile>,
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

    fn bind(&self) -> Result<(), ModelError> {
        self.context.bind_to_thread().map_err(|error| refused("context", error))
    }

    fn out_of_memory(&self, what: &str, bytes: usize, error: DriverError) -> ModelError {
        let free = self.context.mem_get_info().map_or_else(|_| "unknown".into(), |(free, _)| (free >> 20).to_string());
        failed(what, format!("{} for {bytes} bytes; {free} MiB are free", reason(error)))
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
