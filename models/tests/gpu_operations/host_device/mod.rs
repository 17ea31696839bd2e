//! The kernels as host code: compiled as C++ and run index by index. What it gives shows that the kernels' logic is right, not that a GPU is fast.

use models::{ModelError, gpu::Device};
use std::{cell::UnsafeCell, ffi::c_void, ops::Range, process::Command, rc::Rc};

/// The processor in the place of a GPU.
#[derive(Clone)]
pub struct Host {
    library: Rc<libloading::Library>,
    /// In which order the indices are run.
    order: u32,
}

/// Memory of a device that is none.
pub struct HostMemory(Box<[UnsafeCell<u64>]>);

impl HostMemory {
    fn start(&self) -> *mut u8 {
        self.0.as_ptr().cast_mut().cast()
    }

    fn bytes(&self) -> usize {
        8 * self.0.len()
    }
}

fn failed(call: &str, reason: impl std::fmt::Display) -> ModelError {
    ModelError::Device { call: call.into(), reason: reason.to_string() }
}

impl Host {
    /// Compiles the kernels with the C++ compiler of this machine, or says why not.
    pub fn new(order: u32) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let source = folder.path().join("kernels.cpp");
        std::fs::write(&source, [include_str!("host.h"), models::gpu::SOURCE].concat()).map_err(|e| e.to_string())?;
        let library = folder.path().join("kernels.so");
        let options = ["-std=c++17", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-shared", "-fPIC", "-o"];
        let outcome = Command::new("c++").args(options).arg(&library).arg(&source).output();
        let outcome = outcome.map_err(|error| format!("there is no C++ compiler: {error}"))?;
        assert!(outcome.status.success() && outcome.stderr.is_empty(), "{}", String::from_utf8_lossy(&outcome.stderr));
        // SAFETY: our own kernels, compiled just now; they run nothing when they are loaded.
        let library = unsafe { libloading::Library::new(&library) }.map_err(|error| error.to_string())?;
        Ok(Self { library: Rc::new(library), order })
    }

    /// The same kernels in another order.
    pub fn in_order(&self, order: u32) -> Self {
        Self { order, ..self.clone() }
    }
}

impl Device for Host {
    type Memory = HostMemory;
    type Staging = Vec<u8>;

    fn memory(&self, bytes: usize) -> Result<HostMemory, ModelError> {
        Ok(HostMemory((0..bytes.div_ceil(8)).map(|_| UnsafeCell::new(0)).collect()))
    }

    fn address(memory: &HostMemory) -> u64 {
        memory.start() as u64
    }

    fn staging(&self, bytes: usize) -> Result<Vec<u8>, ModelError> {
        Ok(vec![0; bytes])
    }

    fn upload(&self, from: &Vec<u8>, range: Range<usize>, to: &HostMemory) -> Result<(), ModelError> {
        assert!(range.end <= from.len() && range.end <= to.bytes());
        // SAFETY: both hold the bytes.
        unsafe { to.start().add(range.start).copy_from_nonoverlapping(from[range.clone()].as_ptr(), range.len()) };
        Ok(())
    }

    fn download(&self, from: &HostMemory, at: usize, bytes: usize, to: &mut Vec<u8>) -> Result<(), ModelError> {
        assert!(at + bytes <= from.bytes() && bytes <= to.len());
        // SAFETY: both hold the bytes.
        unsafe { to.as_mut_ptr().copy_from_nonoverlapping(from.start().add(at), bytes) };
        Ok(())
    }

    fn zero(&self, memory: &HostMemory, bytes: usize) -> Result<(), ModelError> {
        assert!(bytes <= memory.bytes());
        // SAFETY: the memory holds the bytes.
        unsafe { memory.start().write_bytes(0, bytes) };
        Ok(())
    }

    unsafe fn launch(&self, kernel: &'static str, arguments: *const c_void, indices: usize) -> Result<(), ModelError> {
        type Run = unsafe extern "C" fn(*const c_void, u32, u32);
        // SAFETY: every kernel is compiled to a function of this type; the caller answers for the arguments.
        unsafe {
            let run = self.library.get::<Run>(kernel.as_bytes()).map_err(|error| failed(kernel, error))?;
            run(arguments, indices as u32, self.order);
        }
        Ok(())
    }

    fn wait(&self) -> Result<(), ModelError> {
        Ok(())
    }
}
