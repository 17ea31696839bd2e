//! What the operations need of a device.

use crate::ModelError;
use std::{
    ffi::c_void,
    ops::{Deref, DerefMut, Range},
};

/// Memory, copies and kernels on one queue: what is asked for is done in the order of asking, and nothing is done for sure before
/// [`Device::wait`] returns.
pub trait Device: Clone {
    /// Memory of the device.
    type Memory;
    /// Memory of the host that the device can copy from and to while the host goes on.
    type Staging: Deref<Target = [u8]> + DerefMut;

    /// So many bytes, all zero.
    ///
    /// # Errors
    /// No memory, with how much was asked for and how much is free.
    fn memory(&self, bytes: usize) -> Result<Self::Memory, ModelError>;

    /// Where the memory begins, as kernels see it.
    fn address(memory: &Self::Memory) -> u64;

    /// So many bytes of host memory, all zero.
    ///
    /// # Errors
    /// No memory.
    fn staging(&self, bytes: usize) -> Result<Self::Staging, ModelError>;

    /// Copies a range of bytes, which must stay as they are until [`Device::wait`], to the same place of `to`.
    ///
    /// # Errors
    /// The device's own; a range beyond either.
    fn upload(&self, from: &Self::Staging, range: Range<usize>, to: &Self::Memory) -> Result<(), ModelError>;

    /// Copies the bytes from `at` on into the first of `to`, which are there after [`Device::wait`].
    ///
    /// # Errors
    /// The device's own; more bytes than either holds.
    fn download(&self, from: &Self::Memory, at: usize, bytes: usize, to: &mut Self::Staging) -> Result<(), ModelError>;

    /// Makes the first bytes zero.
    ///
    /// # Errors
    /// The device's own; more bytes than there are.
    fn zero(&self, memory: &Self::Memory, bytes: usize) -> Result<(), ModelError>;

    /// Runs a kernel for every index below `indices`, and for some beyond.
    ///
    /// # Errors
    /// An unknown kernel; the device's own.
    ///
    /// # Safety
    /// `arguments` must be the structure that this kernel takes, and every address in it must be memory of this device that holds what
    /// the kernel reads and writes.
    #[allow(unsafe_code)]
    unsafe fn launch(&self, kernel: &'static str, arguments: *const c_void, indices: usize) -> Result<(), ModelError>;

    /// Waits until all that was asked for is done.
    ///
    /// # Errors
    /// What went wrong in any of it.
    fn wait(&self) -> Result<(), ModelError>;
}

/// The error of a device.
pub(crate) fn failed(call: impl Into<String>, reason: impl Into<String>) -> ModelError {
    ModelError::Device { call: call.into(), reason: reason.into() }
}

/// Checks that a copy stays within both sides.
pub(crate) fn fits(call: &str, bytes: usize, sides: [usize; 2]) -> Result<(), ModelError> {
    match sides.into_iter().find(|&side| side < bytes) {
        None => Ok(()),
        Some(side) => Err(failed(call, format!("{bytes} bytes do not fit {side}"))),
    }
}
