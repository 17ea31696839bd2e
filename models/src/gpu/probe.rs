//! Which NVIDIA GPUs this machine has.

use crate::ModelError;
use cudarc::driver::{result, sys};

/// One GPU, as its driver describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Product name.
    pub name: String,
    /// Memory, bytes.
    pub memory_bytes: usize,
    /// Version of the driver: its own where the system tells, else the CUDA version that it supports.
    pub driver: String,
    /// Compute capability, major and minor: (9, 0) is sm_90.
    pub compute_capability: (i32, i32),
}

/// Lists the GPUs. Needs the driver only, not the CUDA toolkit, and creates no context.
///
/// # Errors
/// [`ModelError::NoGpu`] if the driver is not installed, does not answer or finds no GPU.
pub fn probe() -> Result<Vec<Gpu>, ModelError> {
    let refuse = |reason: String| ModelError::NoGpu { wanted: "CUDA".into(), reason };
    if !driver_is_present() {
        return Err(refuse("the driver is not installed (libcuda.so.1 was not found)".into()));
    }
    let failed = |error: result::DriverError| refuse(format!("the driver answers {error}"));
    result::init().map_err(failed)?;
    let count = result::device::get_count().map_err(failed)?;
    if count == 0 {
        return Err(refuse("the driver finds no GPU".into()));
    }
    (0..count).map(|ordinal| describe(ordinal).map_err(failed)).collect()
}

/// The first GPU, or the reason why `wanted` cannot have one.
pub(crate) fn require(wanted: &str) -> Result<Gpu, ModelError> {
    let gpus = probe().map_err(|error| match error {
        ModelError::NoGpu { reason, .. } => ModelError::NoGpu { wanted: wanted.into(), reason },
        other => other,
    })?;
    gpus.into_iter()
        .next()
        .ok_or_else(|| ModelError::NoGpu { wanted: wanted.into(), reason: "the driver finds no GPU".into() })
}

impl std::fmt::Display for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (major, minor) = self.compute_capability;
        write!(f, "{}, sm_{major}{minor}, {} MiB, driver {}", self.name, self.memory_bytes >> 20, self.driver)
    }
}

#[allow(unsafe_code)]
fn driver_is_present() -> bool {
    // SAFETY: this loads libcuda.so.1, the system's own driver library, and runs nothing but its initialisers. Every other
    // call of cudarc panics if the library is missing, so this one comes first.
    unsafe { sys::is_culib_present() }
}

#[allow(unsafe_code)]
fn describe(ordinal: i32) -> Result<Gpu, result::DriverError> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let device = result::device::get(ordinal)?;
    let name = result::device::get_name(device)?;
    // SAFETY: `device` is a handle that the driver has just given out for an ordinal below its own count.
    let (memory_bytes, major, minor) = unsafe {
        (
            result::device::total_mem(device)?,
            result::device::get_attribute(device, MAJOR)?,
            result::device::get_attribute(device, MINOR)?,
        )
    };
    Ok(Gpu { name, memory_bytes, driver: driver_version(), compute_capability: (major, minor) })
}

/// `580.159.04` of `/proc/driver/nvidia/version`, or `for CUDA 13.0`.
#[allow(unsafe_code)]
fn driver_version() -> String {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
    let is_version = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    if let Some(version) = text.lines().next().and_then(|line| line.split_whitespace().find(is_version)) {
        return version.to_string();
    }
    let mut version = 0;
    // SAFETY: the pointer is of an integer that lives through the call, and the driver is there: it has just described a GPU.
    match unsafe { sys::cuDriverGetVersion(&raw mut version) }.result() {
        Ok(()) => format!("for CUDA {}.{}", version / 1000, version % 1000 / 10),
        Err(_) => "of unknown version".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_gives_gpus_or_says_what_is_missing() {
        match probe() {
            Ok(gpus) => assert!(gpus.iter().all(|gpu| gpu.memory_bytes > 0 && gpu.compute_capability.0 > 0)),
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with("CUDA needs an NVIDIA GPU: the driver"), "{text}");
            }
        }
    }
}
