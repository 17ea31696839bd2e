//! A network whose inputs and outputs stay on the device, on the stream of the kernels around it.

use super::{Buffer, Numbers};
use crate::{
    Element, ModelError, TensorSpec,
    gpu::{Cuda, Device, Event, Graph, Memory, Pinned},
};
use ort::{
    AsPointer,
    memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType},
    session::{IoBinding, RunOptions, Session},
    value::{PrimitiveTensorElementType, Shape, TensorRefMut},
};
use std::ffi::CString;

/// Memory of one input or output.
struct Place {
    spec: TensorSpec,
    memory: Memory,
}

/// The bindings of one session. Fields are dropped in their order: what is bound goes before the memory, and the memory before the stream.
pub(super) struct Resident {
    binding: IoBinding,
    options: RunOptions,
    /// ONNX Runtime's handles of the memory below.
    _handles: Vec<Handle>,
    inputs: Vec<Place>,
    outputs: Vec<Place>,
    staging: Pinned,
    /// Before and after the last run.
    marks: [Event; 2],
    /// The run as recorded work, or why it is not.
    graph: Result<Graph, String>,
    cuda: Cuda,
}

#[allow(dead_code)] // held, not read
enum Handle {
    F32(TensorRefMut<'static, f32>),
    U8(TensorRefMut<'static, u8>),
}

/// Who said no to a run.
pub(super) enum StartError {
    Device(ModelError),
    Engine(ort::Error),
}

impl From<ModelError> for StartError {
    fn from(error: ModelError) -> Self {
        Self::Device(error)
    }
}

impl From<ort::Error> for StartError {
    fn from(error: ort::Error) -> Self {
        Self::Engine(error)
    }
}

fn bytes(spec: &TensorSpec) -> usize {
    let size = match spec.element {
        Element::F32 => size_of::<f32>(),
        Element::U8 => 1,
    };
    spec.shape.iter().product::<usize>() * size
}

impl Resident {
    /// Makes memory for all inputs and for the outputs to fetch, and binds it.
    pub fn new(
        session: &Session,
        cuda: Cuda,
        inputs: &[TensorSpec],
        outputs: &[&TensorSpec],
    ) -> Result<Self, ModelError> {
        let failed = |reason: String| ModelError::Device { call: "binding tensors on the device".into(), reason };
        let place = |spec: &TensorSpec| Ok(Place { memory: cuda.memory(bytes(spec))?, spec: spec.clone() });
        let inputs: Vec<Place> = inputs.iter().map(place).collect::<Result<_, ModelError>>()?;
        let outputs: Vec<Place> = outputs.iter().map(|spec| place(spec)).collect::<Result<_, ModelError>>()?;
        let largest = inputs.iter().chain(&outputs).map(|place| bytes(&place.spec)).max().unwrap_or(0);
        let mut options = RunOptions::new().map_err(|error| failed(error.to_string()))?;
        // The stream is waited for once a frame, by whoever reads the result.
        options.disable_device_sync().map_err(|error| failed(error.to_string()))?;
        let mut resident = Self {
            binding: session.create_binding().map_err(|error| failed(error.to_string()))?,
            options,
            _handles: Vec::new(),
            staging: cuda.staging(largest)?,
            marks: [cuda.mark()?, cuda.mark()?],
            graph: Err("it is not recorded yet".into()),
            inputs,
            outputs,
            cuda,
        };
        resident.bind().map_err(|error| failed(error.to_string()))?;
        Ok(resident)
    }

    #[allow(unsafe_code)]
    fn bind(&mut self) -> ort::Result<()> {
        let inputs = self.inputs.iter().map(|place| (place, true));
        for (place, is_input) in inputs.chain(self.outputs.iter().map(|place| (place, false))) {
            let (handle, value) = match place.spec.element {
                Element::F32 => {
                    let handle = handle::<f32>(place)?;
                    let value = handle.ptr();
                    (Handle::F32(handle), value)
                }
                Element::U8 => {
                    let handle = handle::<u8>(place)?;
                    let value = handle.ptr();
                    (Handle::U8(handle), value)
                }
            };
            let name = CString::new(place.spec.name.as_str()).map_err(|error| ort::Error::new(error.to_string()))?;
            let binding = self.binding.ptr_mut();
            // SAFETY: binding, name and value live through the call, and the value as long as the binding. `bind_input` would copy the tensor
            // and wait for itself; `bind_output` takes owned tensors only.
            unsafe {
                let api = ort::api();
                let status = if is_input {
                    (api.BindInput)(binding, name.as_ptr(), value)
                } else {
                    (api.BindOutput)(binding, name.as_ptr(), value)
                };
                ort::Error::result_from_status(status)?;
            }
            self._handles.push(handle);
        }
        Ok(())
    }

    /// The device and the stream of this network.
    pub fn cuda(&self) -> &Cuda {
        &self.cuda
    }

    /// Where an input begins.
    pub fn input(&self, index: usize) -> u64 {
        self.inputs.get(index).map_or(0, |place| Cuda::address(&place.memory))
    }

    /// Where an output begins.
    pub fn output(&self, index: usize) -> u64 {
        self.outputs.get(index).map_or(0, |place| Cuda::address(&place.memory))
    }

    /// Time of the last run on the device, ms. Waits for it.
    pub fn last_ms(&self) -> Result<f64, ModelError> {
        self.marks[0].elapsed_ms(&self.marks[1])
    }

    /// Asks for a run on what the inputs hold; does not wait.
    pub fn start(&mut self, session: &mut Session) -> Result<(), StartError> {
        self.cuda.mark_again(&self.marks[0])?;
        let cuda = self.cuda.clone();
        cuda.noted("network", 0, || match &self.graph {
            Ok(graph) => graph.launch().map_err(StartError::from),
            Err(_) => self.run(session).map_err(StartError::from),
        })?;
        self.cuda.mark_again(&self.marks[1])?;
        Ok(())
    }

    /// Records a run, so that all kernels of a network take one call. What is recorded must give what a run gives, bit for bit, else it is not used.
    ///
    /// # Errors
    /// A network that does not run.
    pub fn record(&mut self, session: &mut Session) -> Result<(), StartError> {
        self.fill_with_noise()?;
        // ONNX Runtime finds its memory in the first runs; recorded work must not ask for any.
        for _ in 0..3 {
            self.run(session)?;
        }
        let expected = self.all_outputs()?;
        self.graph = match self.recorded(session) {
            Ok(graph) => Ok(graph),
            Err(StartError::Device(error)) => Err(error.to_string()),
            Err(StartError::Engine(error)) => Err(error.to_string()),
        };
        match &self.graph {
            Ok(graph) => {
                for place in &self.outputs {
                    self.cuda.zero(&place.memory, bytes(&place.spec))?;
                }
                graph.launch()?;
                if self.all_outputs()? != expected {
                    self.graph = Err("it does not repeat the network's bits".into());
                }
            }
            // An error that the recording left behind must not be found by the next run.
            Err(_) => drop(self.run(session)),
        }
        Ok(())
    }

    fn recorded(&mut self, session: &mut Session) -> Result<Graph, StartError> {
        let cuda = self.cuda.clone();
        cuda.record(|| self.run(session).map_err(StartError::from))
    }

    /// How runs are made, in words.
    pub fn describe(&self) -> String {
        match &self.graph {
            Ok(_) => "as one CUDA graph".into(),
            Err(reason) => format!("without a CUDA graph ({reason})"),
        }
    }

    fn fill_with_noise(&mut self) -> Result<(), ModelError> {
        for place in &self.inputs {
            let mut state = 1u32;
            for number in self.staging[..bytes(&place.spec)].chunks_exact_mut(4) {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                number.copy_from_slice(&((state >> 8) as f32 / 16_777_216.0).to_ne_bytes());
            }
            self.cuda.upload(&self.staging, 0..bytes(&place.spec), &place.memory)?;
            self.cuda.wait()?;
        }
        Ok(())
    }

    fn all_outputs(&mut self) -> Result<Vec<Vec<u8>>, ModelError> {
        let Self { outputs, cuda, staging, .. } = self;
        let read = |place: &Place| {
            cuda.download(&place.memory, 0, bytes(&place.spec), staging)?;
            cuda.wait()?;
            Ok(staging[..bytes(&place.spec)].to_vec())
        };
        outputs.iter().map(read).collect()
    }

    #[allow(unsafe_code)]
    fn run(&mut self, session: &mut Session) -> ort::Result<()> {
        // SAFETY: session, options and binding live through the call and are borrowed exclusively.
        unsafe {
            let status = (ort::api().RunWithBinding)(session.ptr_mut(), self.options.ptr(), self.binding.ptr());
            ort::Error::result_from_status(status)
        }
    }

    /// Copies host numbers into the inputs. Waits.
    pub fn upload(&mut self, inputs: &[Buffer<Vec<f32>>]) -> Result<(), ModelError> {
        for (buffer, place) in inputs.iter().zip(&self.inputs) {
            for (to, from) in self.staging.chunks_exact_mut(4).zip(&buffer.data) {
                to.copy_from_slice(&from.to_ne_bytes());
            }
            self.cuda.upload(&self.staging, 0..bytes(&place.spec), &place.memory)?;
            self.cuda.wait()?;
        }
        Ok(())
    }

    /// Copies the outputs into host numbers. Waits.
    pub fn download(&mut self, outputs: &mut [Buffer<Numbers>]) -> Result<(), ModelError> {
        for (buffer, place) in outputs.iter_mut().zip(&self.outputs) {
            let size = bytes(&place.spec);
            self.cuda.download(&place.memory, 0, size, &mut self.staging)?;
            self.cuda.wait()?;
            match &mut buffer.data {
                Numbers::U8(values) => values.copy_from_slice(&self.staging[..size]),
                Numbers::F32(values) => {
                    for (value, from) in values.iter_mut().zip(self.staging[..size].chunks_exact(4)) {
                        *value = f32::from_ne_bytes([from[0], from[1], from[2], from[3]]);
                    }
                }
            }
        }
        Ok(())
    }

    /// One number of an output, for a message. Waits.
    pub fn number(&mut self, output: usize, index: usize) -> Result<f32, ModelError> {
        let Some(place) = self.outputs.get(output) else { return Ok(f32::NAN) };
        self.cuda.download(&place.memory, 4 * index, 4, &mut self.staging)?;
        self.cuda.wait()?;
        Ok(f32::from_ne_bytes([self.staging[0], self.staging[1], self.staging[2], self.staging[3]]))
    }
}

#[allow(unsafe_code)]
fn handle<T: PrimitiveTensorElementType + std::fmt::Debug>(place: &Place) -> ort::Result<TensorRefMut<'static, T>> {
    let info = MemoryInfo::new(AllocationDevice::CUDA, 0, AllocatorType::Device, MemoryType::Default)?;
    let shape = Shape::new(place.spec.shape.iter().map(|&size| size as i64));
    let address = Cuda::address(&place.memory) as usize as *mut std::ffi::c_void;
    // SAFETY: the memory is that of device 0, holds the shape, and is kept beside the handle until after the handle is dropped.
    unsafe { TensorRefMut::from_raw(info, address, shape) }
}
