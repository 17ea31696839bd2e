//! Memory of the device, and memory of the host that it can reach.

use cudarc::driver::{CudaContext, result, sys};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// Memory of the device.
pub struct Memory {
    pub(super) context: Arc<CudaContext>,
    pub(super) address: sys::CUdeviceptr,
    pub(super) bytes: usize,
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
    pub(super) context: Arc<CudaContext>,
    pub(super) start: *mut u8,
    pub(super) bytes: usize,
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
