//! What happens before and after a network, on a device.

mod bytes;
mod camera;
mod centers;
mod image;
mod pillars;
mod range;

pub use camera::{CellKind, DeviceCells};
pub use centers::DeviceCenters;
pub use image::DeviceImage;
pub use pillars::DevicePillars;
pub use range::DeviceProjection;
