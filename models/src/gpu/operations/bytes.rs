//! Numbers to bytes and back, as they lie in the device's memory.

use crate::{ModelError, gpu::Device, gpu::device::fits};

/// Plain numbers and structures of them without gaps.
///
/// # Safety
/// Every pattern of bits must be a value, and there must be no padding.
#[allow(unsafe_code)]
pub(super) unsafe trait Plain: Copy {}

#[allow(unsafe_code)]
mod plain {
    use super::Plain;
    use crate::gpu::kernels::{CellFound, CenterFound, Header, SpanArguments, UprightArguments};
    // SAFETY: numbers, and `repr(C)` structures of numbers of one size.
    unsafe impl Plain for u8 {}
    // SAFETY: as above.
    unsafe impl Plain for u32 {}
    // SAFETY: as above.
    unsafe impl Plain for f32 {}
    // SAFETY: as above.
    unsafe impl Plain for Header {}
    // SAFETY: as above.
    unsafe impl Plain for CenterFound {}
    // SAFETY: as above.
    unsafe impl Plain for CellFound {}
    // SAFETY: as above.
    unsafe impl Plain for SpanArguments {}
    // SAFETY: as above.
    unsafe impl Plain for UprightArguments {}
}

/// The bytes of numbers.
#[allow(unsafe_code)]
pub(super) fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: the type has no padding, so every byte is there; bytes need no alignment.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), std::mem::size_of_val(values)) }
}

/// The first of the numbers whose bytes begin at `at`; at most so many as there are.
#[allow(unsafe_code)]
pub(super) fn values_of<T: Plain>(bytes: &[u8], at: usize, count: usize) -> impl Iterator<Item = T> {
    let bytes = bytes.get(at..).unwrap_or_default().chunks_exact(size_of::<T>());
    // SAFETY: the chunk holds as many bytes as the type has, every pattern is a value, and the read does not ask for alignment.
    bytes.take(count).map(|chunk| unsafe { chunk.as_ptr().cast::<T>().read_unaligned() })
}

/// New memory of the device that holds these numbers.
pub(super) fn resident<D: Device, T: Plain>(device: &D, values: &[T]) -> Result<D::Memory, ModelError> {
    let bytes = bytes_of(values);
    let (memory, mut staging) = (device.memory(bytes.len())?, device.staging(bytes.len())?);
    staging[..bytes.len()].copy_from_slice(bytes);
    device.upload(&staging, 0..bytes.len(), &memory)?;
    device.wait()?;
    Ok(memory)
}

/// Puts numbers into host memory, from `at` on, and says where they end.
pub(super) fn put<T: Plain>(staging: &mut [u8], at: usize, values: &[T]) -> Result<usize, ModelError> {
    let bytes = bytes_of(values);
    let end = at + bytes.len();
    fits("staging", end, [staging.len(); 2])?;
    staging[at..end].copy_from_slice(bytes);
    Ok(end)
}

/// A number of things as kernels count them.
pub(super) fn count(value: usize) -> Result<u32, ModelError> {
    u32::try_from(value).map_err(|_| crate::gpu::device::failed("kernel", format!("{value} are too many")))
}
