//! The way through an NVIDIA GPU: kernels for what happens before and after a network, so that a frame stays on the device from its upload to a
//! short list of candidates.
//!
//! The operations are written once over a [`Device`]. [`Cuda`] is the real one; a test runs the same kernels as host code. What they give is
//! what [`crate::operations`] gives, bit for bit unless the operation says otherwise.

mod compile;
mod cuda;
mod device;
mod kernels;
mod libraries;
pub mod operations;
mod probe;

pub use compile::{compile, nvrtc_version};
pub(crate) use cuda::Graph;
pub use cuda::{Cuda, Event, Memory, Pinned, Work};
pub use device::Device;
pub use kernels::{KERNELS, SOURCE};
pub use libraries::{Library, libraries};
pub(crate) use probe::require;
pub use probe::{Gpu, probe};
