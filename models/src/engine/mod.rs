//! The two engines that run networks, behind one door.

mod onnxruntime;
mod resident;
mod rten;
mod tensorrt;

use crate::{Carries, Element, ModelError, NetworkSpec, TensorSpec, gpu::Cuda};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA's CUDA and cuDNN.
    Cuda,
    /// NVIDIA's TensorRT.
    TensorRt,
}

impl Provider {
    /// Every provider, in order.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Cuda, Self::TensorRt];

    /// Name as it stands in files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
        }
    }

    /// The provider of a name written by [`Provider::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA",
            Self::TensorRt => "TensorRT",
        })
    }
}

/// An engine that is ready to load networks.
pub struct Engine {
    kind: Kind,
    provider: Provider,
    threads: usize,
    cuda: Option<Cuda>,
    /// Where engines that TensorRT builds are kept.
    cache: Option<PathBuf>,
    /// Whether it may build one that is not there.
    builds: bool,
}

enum Kind {
    OnnxRuntime(onnxruntime::Runtime),
    Rten(rten::Runtime),
}

impl Engine {
    /// Opens ONNX Runtime from its shared library, or, without a library, the built-in engine rten. A process holds one ONNX
    /// Runtime: opening the same library again shares it. Each network runs its operators one after the other, each operator on
    /// `threads` threads.
    ///
    /// # Errors
    /// A library that is missing, is not ONNX Runtime, is too old or is not the one this process already runs; no thread; a GPU
    /// provider without its driver, or on rten.
    pub fn open(library: Option<&Path>, provider: Provider, threads: usize) -> Result<Self, ModelError> {
        Self::open_with_cache(library, provider, threads, None)
    }

    /// The same, with a folder where compiled kernels and engines of a GPU are kept from one start to the next. It is made if need be.
    ///
    /// # Errors
    /// As [`Engine::open`]; a GPU whose kernels cannot be compiled or loaded.
    pub fn open_with_cache(
        library: Option<&Path>,
        provider: Provider,
        threads: usize,
        cache: Option<&Path>,
    ) -> Result<Self, ModelError> {
        if threads == 0 {
            return Err(ModelError::NoThreads);
        }
        let kind = match library {
            Some(path) => {
                if provider != Provider::Cpu {
                    crate::gpu::require(&provider.to_string())?;
                }
                Kind::OnnxRuntime(onnxruntime::Runtime::open(path)?)
            }
            None if provider == Provider::Cpu => Kind::Rten(rten::Runtime::open(threads)),
            None => return Err(ModelError::ProviderNeedsLibrary { provider }),
        };
        let cuda = if provider == Provider::Cpu { None } else { Some(Cuda::open(cache)?) };
        Ok(Self { kind, provider, threads, cuda, cache: cache.map(Path::to_path_buf), builds: true })
    }

    /// Refuses networks whose TensorRT engine is not built yet, which would take minutes.
    #[must_use]
    pub fn without_building(self) -> Self {
        Self { builds: false, ..self }
    }

    /// Free memory of the GPU, bytes; none on the CPU.
    #[must_use]
    pub fn free_memory(&self) -> Option<usize> {
        self.cuda.as_ref().and_then(|cuda| cuda.free_memory().ok()).map(|[free, _]| free)
    }

    /// Engine, version, provider and threads, for reports: "ONNX Runtime 1.31.1, CPU, 2 threads".
    #[must_use]
    pub fn describe(&self) -> String {
        let engine = match &self.kind {
            Kind::OnnxRuntime(runtime) => format!("ONNX Runtime {}", runtime.version()),
            Kind::Rten(_) => format!("rten {}", rten::VERSION),
        };
        let plural = if self.threads == 1 { "" } else { "s" };
        let device = self.cuda.as_ref().map_or_else(String::new, |cuda| format!(" ({})", cuda.describe()));
        format!("{engine}, {}{device}, {} thread{plural}", self.provider, self.threads)
    }
}

/// Numbers of one fetched output.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Numbers {
    F32(Vec<f32>),
    U8(Vec<u8>),
}

/// An input or output with its memory, kept from frame to frame.
pub(crate) struct Buffer<T> {
    pub spec: TensorSpec,
    pub data: T,
}

enum Session {
    OnnxRuntime(Box<onnxruntime::OnnxSession>),
    Rten(Box<rten::RtenSession>),
}

/// A loaded network, as a detector holds it: it fills `inputs`, runs, reads `outputs`. Others may ask where it runs, and run it alone.
pub struct Network {
    name: String,
    session: Session,
    pub(crate) inputs: Vec<Buffer<Vec<f32>>>,
    pub(crate) outputs: Vec<Buffer<Numbers>>,
}

impl Network {
    /// Loads the network and runs it once on zeros, so that whatever the engine refuses it refuses now. `wanted` are the
    /// outputs to fetch, in that order.
    pub(crate) fn load(engine: &Engine, spec: &NetworkSpec, wanted: &[Carries]) -> Result<Self, ModelError> {
        let fetched: Vec<&TensorSpec> = wanted.iter().filter_map(|&what| spec.output(what)).collect();
        let fetched = fetched.as_slice();
        let size = |tensor: &TensorSpec| tensor.shape.iter().product::<usize>();
        let inputs = spec.inputs.iter().map(|t| Buffer { data: vec![0.0; size(t)], spec: t.clone() }).collect();
        let outputs = fetched.iter().map(|t| {
            let data = match t.element {
                Element::F32 => Numbers::F32(vec![0.0; size(t)]),
                Element::U8 => Numbers::U8(vec![0; size(t)]),
            };
            Buffer { data, spec: (*t).clone() }
        });
        let outputs = outputs.collect();
        let session = match &engine.kind {
            Kind::OnnxRuntime(runtime) => {
                let target = onnxruntime::Target {
                    provider: engine.provider,
                    threads: engine.threads,
                    cuda: engine.cuda.as_ref().map(Cuda::beside).transpose()?,
                    cache: engine.cache.as_deref(),
                    builds: engine.builds,
                };
                Session::OnnxRuntime(Box::new(runtime.load(spec, fetched, target)?))
            }
            Kind::Rten(runtime) => Session::Rten(Box::new(runtime.load(spec, fetched)?)),
        };
        let mut network = Self { name: spec.name.clone(), session, inputs, outputs };
        network.run_unchecked()?;
        Ok(network)
    }

    /// Runs the network.
    ///
    /// # Errors
    /// The engine's own, an output whose type or shape is not the declared one, or one that holds NaN or an infinity.
    pub(crate) fn run(&mut self) -> Result<(), ModelError> {
        self.run_unchecked()?;
        for output in &self.outputs {
            if let Numbers::F32(values) = &output.data
                && let Some(index) = first_not_finite(values)
            {
                let (network, output) = (self.name.clone(), output.spec.name.clone());
                return Err(ModelError::NotFinite { network, output, index, value: values[index] });
            }
        }
        Ok(())
    }

    /// The device and the stream that it works on, if its tensors stay there; none on the CPU.
    #[must_use]
    pub fn cuda(&self) -> Option<&Cuda> {
        self.resident().map(resident::Resident::cuda)
    }

    /// Where an input and the outputs to fetch begin on the device; zeros if they are not there.
    pub(crate) fn addresses<const N: usize>(&self, input: usize) -> (u64, [u64; N]) {
        let output = |index| self.resident().map_or(0, |resident| resident.output(index));
        (self.resident().map_or(0, |resident| resident.input(input)), std::array::from_fn(output))
    }

    /// Asks the device for a run on what its tensors hold; does not wait and checks nothing.
    pub(crate) fn start(&mut self) -> Result<(), ModelError> {
        match &mut self.session {
            Session::OnnxRuntime(session) => session.start(&self.name),
            Session::Rten(_) => {
                Err(ModelError::OutOfOrder { network: self.name.clone(), call: "start", before: "load on a GPU" })
            }
        }
    }

    /// Runs the network alone, on what its inputs hold, and waits: what it costs without anything around it. Gives the time on the device, ms, if
    /// it runs there.
    ///
    /// # Errors
    /// The engine's own.
    pub fn run_alone(&mut self) -> Result<Option<f64>, ModelError> {
        if self.resident().is_none() {
            return self.run_unchecked().map(|()| None);
        }
        self.start()?;
        self.last_ms()
    }

    /// Time of the last run on the device, ms; none on the CPU.
    ///
    /// # Errors
    /// The device's own.
    pub fn last_ms(&self) -> Result<Option<f64>, ModelError> {
        self.resident().map(resident::Resident::last_ms).transpose()
    }

    /// The error of an output on the device whose number at `index` is not finite.
    pub(crate) fn not_finite(&mut self, output: usize, index: usize) -> ModelError {
        let value = match &mut self.session {
            Session::OnnxRuntime(session) => session.resident.as_mut().map(|resident| resident.number(output, index)),
            Session::Rten(_) => None,
        };
        let value = value.and_then(Result::ok).unwrap_or(f32::NAN);
        let (network, name) = (self.name.clone(), self.outputs.get(output).map(|o| o.spec.name.clone()));
        ModelError::NotFinite { network, output: name.unwrap_or_default(), index, value }
    }

    /// Where a network on a GPU runs, as the session says: providers with the number of operators, and how it is run. Nothing on the CPU.
    #[must_use]
    pub fn placement(&self) -> Option<String> {
        let Session::OnnxRuntime(session) = &self.session else { return None };
        let resident = session.resident.as_ref()?;
        let operators = session.assignment.iter().map(|(provider, count)| format!("{count} operators on {provider}"));
        Some(format!("{}, {}", operators.collect::<Vec<_>>().join(", "), resident.describe()))
    }

    fn resident(&self) -> Option<&resident::Resident> {
        match &self.session {
            Session::OnnxRuntime(session) => session.resident.as_ref(),
            Session::Rten(_) => None,
        }
    }

    fn run_unchecked(&mut self) -> Result<(), ModelError> {
        match &mut self.session {
            Session::OnnxRuntime(session) => session.run(&self.name, &self.inputs, &mut self.outputs),
            Session::Rten(session) => session.run(&self.name, &self.inputs, &mut self.outputs),
        }
    }
}

/// Copies an engine's output into its buffer if type and shape are the declared ones.
fn copy_output<T: Copy>(
    network: &str,
    spec: &TensorSpec,
    shape: &[usize],
    data: &[T],
    target: &mut [T],
) -> Result<(), ModelError> {
    if shape != spec.shape || data.len() != target.len() {
        let (expected, found) = (format!("{:?}", spec.shape), format!("{shape:?}"));
        let what = format!("shape of {}", spec.name);
        return Err(ModelError::Mismatch { network: network.into(), what, expected, found });
    }
    target.copy_from_slice(data);
    Ok(())
}

/// Looks at a block at a time without leaving it early, which the compiler vectorises.
fn first_not_finite(values: &[f32]) -> Option<usize> {
    let bad = |block: &[f32]| block.iter().fold(false, |bad, v| bad | !v.is_finite());
    let block = values.chunks(1024).position(bad)?;
    values[block * 1024..].iter().position(|v| !v.is_finite()).map(|index| block * 1024 + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for provider in Provider::ALL {
            assert_eq!(Provider::from_name(provider.name()), Some(provider));
        }
    }

    #[test]
    fn the_built_in_engine_describes_itself_and_has_no_gpu() {
        assert_eq!(Engine::open(None, Provider::Cpu, 2).unwrap().describe(), "rten 0.27, CPU, 2 threads");
        assert_eq!(Engine::open(None, Provider::Cpu, 0).err(), Some(ModelError::NoThreads));
        for provider in [Provider::Cuda, Provider::TensorRt] {
            let error = Engine::open(None, provider, 1).err().unwrap();
            assert_eq!(error, ModelError::ProviderNeedsLibrary { provider });
        }
    }

    #[test]
    fn a_missing_library_is_named() {
        let path = Path::new("/nowhere/libonnxruntime.so");
        let error = Engine::open(Some(path), Provider::Cpu, 1).err().unwrap();
        assert_eq!(error.to_string(), "/nowhere/libonnxruntime.so: no such ONNX Runtime library");
    }

    #[test]
    fn the_first_bad_number_is_found() {
        let mut values = vec![0.5; 5000];
        assert_eq!(first_not_finite(&values), None);
        values[4321] = f32::INFINITY;
        assert_eq!(first_not_finite(&values), Some(4321));
        values[17] = f32::NAN;
        assert_eq!(first_not_finite(&values), Some(17));
        assert_eq!(first_not_finite(&[]), None);
    }
}
