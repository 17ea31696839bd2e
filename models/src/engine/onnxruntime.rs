//! ONNX Runtime, loaded from a shared library at run time.

use super::{
    Buffer, Numbers, Provider, copy_output,
    resident::{Resident, StartError},
    tensorrt::Place,
};
use crate::{ModelError, NetworkSpec, TensorSpec, gpu::Cuda};
use ort::{
    AsPointer, LoadDynamicError,
    environment::Environment,
    ep::{self, ExecutionProviderDispatch, cuda::ConvAlgorithmSearch},
    session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue, builder::SessionBuilder},
    value::{TensorElementType, TensorRef, ValueType},
};
use std::{
    error::Error,
    ffi::{CStr, c_char},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// The one ONNX Runtime of this process, and the library it came from (known even if it then failed to start: the loader does
/// not give it back).
static LOADED: Mutex<(Option<PathBuf>, Option<Runtime>)> = Mutex::new((None, None));

/// What a session is to run on.
pub(super) struct Target<'a> {
    pub provider: Provider,
    pub threads: usize,
    /// A stream of its own on the GPU.
    pub cuda: Option<Cuda>,
    /// Where engines are kept.
    pub cache: Option<&'a Path>,
    /// Whether TensorRT may build an engine that is not there.
    pub builds: bool,
}

/// A handle to the process's ONNX Runtime.
#[derive(Clone)]
pub(super) struct Runtime {
    version: String,
    environment: Environment,
}

impl Runtime {
    pub fn open(library: &Path) -> Result<Self, ModelError> {
        let asked = library.canonicalize().map_err(|_| ModelError::LibraryMissing { path: library.into() })?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        match &*loaded {
            (Some(first), _) if *first != asked => {
                return Err(ModelError::LibraryConflict { loaded: first.clone(), asked });
            }
            (_, Some(runtime)) => return Ok(runtime.clone()),
            _ => {}
        }
        let builder = ort::init_from(&asked).map_err(|error| refusal(library, error))?;
        loaded.0 = Some(asked.clone());
        let version = version(&asked)
            .map_err(|error| ModelError::LibraryUnusable { path: library.into(), reason: error.to_string() })?;
        let environment = builder.with_name("chauffeur").with_telemetry(false).build().map_err(start_failed)?;
        Ok(loaded.1.insert(Self { version, environment }).clone())
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn load(
        &self,
        spec: &NetworkSpec,
        fetched: &[&TensorSpec],
        target: Target<'_>,
    ) -> Result<OnnxSession, ModelError> {
        let engine = format!("ONNX Runtime {} on {}", self.version, target.provider);
        let failed = |reason: String| ModelError::Load { network: spec.name.clone(), engine: engine.clone(), reason };
        if let (Provider::TensorRt, Some(cuda), Some(cache), false) =
            (target.provider, &target.cuda, target.cache, target.builds)
        {
            Place::new(cache, cuda, spec).require(&spec.name)?;
        }
        let mut builder = self.options(spec, &target).map_err(failed)?;
        let mut session = builder.commit_from_memory(&spec.bytes).map_err(|error| failed(error.to_string()))?;
        let outputs = fetched.iter().fold(OutputSelector::no_default(), |all, tensor| all.with(&tensor.name));
        let options = RunOptions::new().map_err(|error| failed(error.to_string()))?.with_outputs(outputs);
        let mut resident = target.cuda.map(|cuda| Resident::new(&session, cuda, &spec.inputs, fetched)).transpose()?;
        if let Some(resident) = &mut resident {
            resident.record(&mut session).map_err(|error| refused(error, failed))?;
        }
        let assignment =
            if resident.is_some() { assignment(&session).map_err(|e| failed(e.to_string()))? } else { Vec::new() };
        Ok(OnnxSession { session, options, engine, assignment, resident })
    }

    /// Operators run one after the other, each on a fixed number of threads, with kernels that give the same bits every time.
    fn options(&self, spec: &NetworkSpec, target: &Target<'_>) -> Result<SessionBuilder, String> {
        let text = |error: ort::Error<SessionBuilder>| error.to_string();
        let mut builder = Session::builder(&self.environment).map_err(|error| error.to_string())?;
        builder = builder.with_intra_threads(target.threads).map_err(text)?;
        builder = builder.with_inter_threads(1).map_err(text)?;
        builder = builder.with_parallel_execution(false).map_err(text)?;
        builder = builder.with_deterministic_compute(true).map_err(text)?;
        // A thread that waits for the next frame would keep a core busy that the other stages need.
        builder = builder.with_intra_op_spinning(false).map_err(text)?;
        for (symbol, size) in crate::verify::symbols(spec) {
            builder = builder.with_dimension_override(symbol, size).map_err(text)?;
        }
        if target.cuda.is_some() {
            // So that the session can be asked where each operator runs.
            builder = builder.with_config_entry("session.record_ep_graph_assignment_info", "1").map_err(text)?;
        }
        builder.with_execution_providers(gpu_providers(spec, target)).map_err(text)
    }
}

/// GPU providers that fail aloud: without `error_on_failure` ONNX Runtime goes on with the CPU and says nothing.
#[allow(unsafe_code)]
fn gpu_providers(spec: &NetworkSpec, target: &Target<'_>) -> Vec<ExecutionProviderDispatch> {
    // The default, an exhaustive search, times the algorithms and takes another one from run to run.
    let search = ConvAlgorithmSearch::Heuristic;
    let cuda = || {
        let mut cuda = ep::CUDA::default().with_conv_algorithm_search(search).with_tf32(false);
        if let Some(stream) = &target.cuda {
            // SAFETY: the session keeps a handle of the stream and drops it last.
            cuda = unsafe { cuda.with_compute_stream(stream.raw_stream().cast()) };
        }
        cuda.build().error_on_failure()
    };
    let tensorrt = || {
        let mut tensorrt = ep::TensorRT::default();
        if let Some(stream) = &target.cuda {
            if let Some(place) = target.cache.map(|cache| Place::new(cache, stream, spec)) {
                let (folder, prefix) = (place.folder.display(), place.prefix);
                tensorrt =
                    tensorrt.with_engine_cache(true).with_engine_cache_path(&folder).with_engine_cache_prefix(prefix);
                tensorrt = tensorrt.with_timing_cache(true).with_timing_cache_path(&folder);
            }
            // SAFETY: as above.
            tensorrt = unsafe { tensorrt.with_compute_stream(stream.raw_stream().cast()) };
        }
        tensorrt.build().error_on_failure()
    };
    match target.provider {
        Provider::Cpu => Vec::new(),
        Provider::Cuda => vec![cuda()],
        // What TensorRT has no operator for goes to CUDA, not to the processor.
        Provider::TensorRt => vec![tensorrt(), cuda()],
    }
}

fn start_failed(error: ort::Error) -> ModelError {
    ModelError::EngineStart { engine: "ONNX Runtime".into(), reason: error.to_string() }
}

fn refusal(path: &Path, error: LoadDynamicError) -> ModelError {
    let path = path.to_path_buf();
    match error {
        LoadDynamicError::BadVersion { version_str: version, .. } => {
            let found = version.split('.').nth(1).and_then(|level| level.parse().ok()).unwrap_or(0);
            ModelError::LibraryTooOld { path, version, found, needed: ort::MINOR_VERSION }
        }
        LoadDynamicError::Dlopen { error, .. } => {
            let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
            ModelError::LibraryUnusable { path, reason: format!("{error}{cause}") }
        }
        LoadDynamicError::MissingApi { .. } => {
            ModelError::LibraryUnusable { path, reason: "it does not export OrtGetApiBase".into() }
        }
        other => ModelError::LibraryUnusable { path, reason: other.to_string() },
    }
}

/// The library's full version; ort keeps only its second number.
#[allow(unsafe_code)]
fn version(library: &Path) -> Result<String, libloading::Error> {
    // SAFETY: ort has already loaded this very file, found the symbol and called both functions; loading it again only
    // counts up. The string is a constant of the library, which stays loaded for the life of the process.
    unsafe {
        let library = libloading::Library::new(library)?;
        let base = library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase")?;
        let text: *const c_char = ((*base()).GetVersionString)();
        Ok(CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}

/// One network in ONNX Runtime.
pub(super) struct OnnxSession {
    session: Session,
    options: RunOptions<HasSelectedOutputs>,
    engine: String,
    /// Where the operators run: provider and how many.
    pub assignment: Vec<(String, usize)>,
    /// Tensors on the device, if it runs there. Dropped last: it holds the stream.
    pub resident: Option<Resident>,
}

fn refused(error: StartError, engine: impl FnOnce(String) -> ModelError) -> ModelError {
    match error {
        StartError::Device(error) => error,
        StartError::Engine(error) => engine(error.to_string()),
    }
}

/// Asks the session which provider runs how many operators, in the order of their names.
#[allow(unsafe_code)]
fn assignment(session: &Session) -> ort::Result<Vec<(String, usize)>> {
    let api = ort::api();
    let mut found = std::collections::BTreeMap::<String, usize>::new();
    // SAFETY: the session lives through the calls; the lists and names that it lends belong to it and are copied before we return.
    unsafe {
        let (mut parts, mut count) = (std::ptr::null(), 0);
        ort::Error::result_from_status((api.Session_GetEpGraphAssignmentInfo)(
            session.ptr(),
            &raw mut parts,
            &raw mut count,
        ))?;
        for index in 0..count {
            let part = *parts.add(index);
            let mut name: *const c_char = std::ptr::null();
            ort::Error::result_from_status((api.EpAssignedSubgraph_GetEpName)(part, &raw mut name))?;
            let (mut nodes, mut operators) = (std::ptr::null(), 0);
            ort::Error::result_from_status((api.EpAssignedSubgraph_GetNodes)(
                part,
                &raw mut nodes,
                &raw mut operators,
            ))?;
            *found.entry(CStr::from_ptr(name).to_string_lossy().into_owned()).or_default() += operators;
        }
    }
    Ok(found.into_iter().collect())
}

impl OnnxSession {
    /// Asks the device for a run on what its tensors hold; does not wait.
    pub fn start(&mut self, network: &str) -> Result<(), ModelError> {
        let Self { session, engine, resident: Some(resident), .. } = self else {
            return Err(ModelError::OutOfOrder { network: network.into(), call: "start", before: "load on a GPU" });
        };
        let failed = |reason| ModelError::Run { network: network.into(), engine: engine.clone(), reason };
        resident.start(session).map_err(|error| refused(error, failed))
    }

    /// Inputs are borrowed, not copied; only the wanted outputs are computed into memory of ONNX Runtime's arena.
    pub fn run(
        &mut self,
        network: &str,
        inputs: &[Buffer<Vec<f32>>],
        outputs: &mut [Buffer<Numbers>],
    ) -> Result<(), ModelError> {
        if let Some(resident) = &mut self.resident {
            resident.upload(inputs)?;
            self.start(network)?;
            return self.resident.as_mut().map_or(Ok(()), |resident| resident.download(outputs));
        }
        let engine = &self.engine;
        let failed = |error: ort::Error| {
            let (network, engine, reason) = (network.into(), engine.clone(), error.to_string());
            ModelError::Run { network, engine, reason }
        };
        let mut values: Vec<(&str, SessionInputValue)> = Vec::with_capacity(inputs.len());
        for input in inputs {
            let tensor = TensorRef::from_array_view((input.spec.shape.as_slice(), input.data.as_slice()));
            values.push((&input.spec.name, tensor.map_err(failed)?.into()));
        }
        let results = self.session.run_with_options(values, &self.options).map_err(failed)?;
        for Buffer { spec, data } in outputs {
            let Some(value) = results.get(&spec.name) else {
                let (network, what) = (network.into(), format!("output {}", spec.name));
                return Err(ModelError::Mismatch { network, what, expected: "one".into(), found: "none".into() });
            };
            let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
                let (network, what) = (network.into(), format!("output {}", spec.name));
                return Err(ModelError::Mismatch {
                    network,
                    what,
                    expected: "a tensor".into(),
                    found: value.dtype().to_string(),
                });
            };
            let shape: Vec<usize> = shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
            match (data, ty) {
                (Numbers::F32(target), TensorElementType::Float32) => {
                    let (_, found) = value.try_extract_tensor::<f32>().map_err(failed)?;
                    copy_output(network, spec, &shape, found, target)?;
                }
                (Numbers::U8(target), TensorElementType::Uint8) => {
                    let (_, found) = value.try_extract_tensor::<u8>().map_err(failed)?;
                    copy_output(network, spec, &shape, found, target)?;
                }
                (_, ty) => {
                    let (what, expected) = (format!("element of {}", spec.name), format!("{:?}", spec.element));
                    return Err(ModelError::Mismatch {
                        network: network.into(),
                        what,
                        expected,
                        found: ty.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}
