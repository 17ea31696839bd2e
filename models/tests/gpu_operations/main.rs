//! Every operation of the device against the reference, on every backend that this machine has: the kernels as host code in three orders, and the
//! GPU. One list of cases for all. Runs by itself on a machine with a GPU: the executable needs the driver and NVRTC, nothing of Cargo.

// A test's helpers are tests too, which the lint does not see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, unsafe_code)]

/// What holds for one backend is asked of all of them. A backend that is not here says so in one line.
macro_rules! on_every_backend {
    ($check:ident) => {
        match crate::host_device::Host::new(0) {
            Ok(host) => (0..3).for_each(|order| $check(&host.in_order(order), &format!("host code, order {order}"))),
            Err(reason) => eprintln!("{}: host code skipped: {reason}", stringify!($check)),
        }
        match models::gpu::Cuda::open(None) {
            Ok(cuda) => $check(&cuda, cuda.describe()),
            Err(reason) => eprintln!("{}: GPU skipped: {reason}", stringify!($check)),
        }
    };
}

mod host_device;

mod images;
mod outputs;
mod pillars;
mod ranges;
mod refusals;
mod scenes;
mod timing;

use models::gpu::Device;

/// Numbers on the device.
struct Tensor<D: Device> {
    device: D,
    memory: D::Memory,
    staging: D::Staging,
}

impl<D: Device> Tensor<D> {
    fn new(device: &D, values: &[f32]) -> Self {
        let bytes = 4 * values.len();
        let mut staging = device.staging(bytes).unwrap();
        for (to, from) in staging.chunks_exact_mut(4).zip(values) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        let memory = device.memory(bytes).unwrap();
        device.upload(&staging, 0..bytes, &memory).unwrap();
        device.wait().unwrap();
        Self { device: device.clone(), memory, staging }
    }

    /// Full of nonsense, so that what is not written is seen.
    fn dirty(device: &D, numbers: usize) -> Self {
        Self::new(device, &vec![-77.0; numbers])
    }

    fn address(&self) -> u64 {
        D::address(&self.memory)
    }

    fn read(&mut self) -> Vec<f32> {
        let bytes = self.staging.len();
        self.device.download(&self.memory, 0, bytes, &mut self.staging).unwrap();
        self.device.wait().unwrap();
        self.staging.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }
}

/// Equal bits; zeros of both signs are equal.
fn assert_same(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let same = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan());
    let wrong: Vec<usize> = (0..found.len()).filter(|&i| !same(found[i], expected[i])).collect();
    assert!(
        wrong.is_empty(),
        "{what}: {} of {} numbers differ, the first at {}: found {:?}, expected {:?}",
        wrong.len(),
        found.len(),
        wrong[0],
        found[wrong[0]],
        expected[wrong[0]]
    );
}
