//! Decoding: the sensors' own bytes become an image and a structure of arrays.
//!
//! In: one [`CameraFrame`](types::CameraFrame) or [`LidarSweep`](types::LidarSweep). Out: an RGB [`Image`](types::Image)
//! or a [`PointCloud`](types::PointCloud), written over the caller's buffers. Bytes are never trusted: whatever they
//! hold, the answer is a decoded frame or an error, and after an error the output is empty. [`OwnReturns`] takes out of a sweep what the
//! lidar sees of its own vehicle.

mod camera;
mod complete;
mod lidar;
mod own;

pub use camera::image;
pub use lidar::points;
pub use own::{Config, OwnBox, OwnReturns};

use thiserror::Error;

/// Longest side of an image that is accepted, px.
pub const MAX_SIDE_PX: usize = 16_384;

/// Why a sensor frame cannot be decoded. Every error names the frame by its `seq`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The image does not begin as its format does.
    #[error("image {seq}: {len} bytes do not begin as a {format} does")]
    Magic {
        /// The frame.
        seq: u64,
        /// Bytes of the frame.
        len: usize,
        /// The format it should have.
        format: &'static str,
    },
    /// The image ends before its end marker.
    #[error("image {seq}: the {format} of {len} bytes is cut off before its end marker")]
    Cut {
        /// The frame.
        seq: u64,
        /// Bytes of the frame.
        len: usize,
        /// The format.
        format: &'static str,
    },
    /// The image is larger than any camera's.
    #[error("image {seq}: {width} x {height} px, a side may have 1 to {maximum}")]
    Dimensions {
        /// The frame.
        seq: u64,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Largest side.
        maximum: usize,
    },
    /// The image claims more pixels than its bytes can hold.
    #[error("image {seq}: {width} x {height} px cannot come from {len} bytes")]
    TooFewBytes {
        /// The frame.
        seq: u64,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes of the frame.
        len: usize,
    },
    /// The image does not have 8 bits a channel.
    #[error("image {seq}: colour type {color} is not supported, only 8 bit gray or RGB with or without alpha")]
    Color {
        /// The frame.
        seq: u64,
        /// The colour type found.
        color: String,
    },
    /// The image is damaged.
    #[error("image {seq}: {len} bytes of {format}: {reason}")]
    Damaged {
        /// The frame.
        seq: u64,
        /// Bytes of the frame.
        len: usize,
        /// The format.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The sweep does not hold whole points.
    #[error("sweep {seq}: {len} bytes are not a multiple of the stride {stride}")]
    Stride {
        /// The frame.
        seq: u64,
        /// Bytes of the sweep.
        len: usize,
        /// Bytes from point to point.
        stride: usize,
    },
    /// A field lies outside its point.
    #[error("sweep {seq}: field {field} at {offset} with {size} bytes lies outside the stride {stride}")]
    FieldOutside {
        /// The frame.
        seq: u64,
        /// Name of the field.
        field: String,
        /// Its offset.
        offset: usize,
        /// Its size in bytes.
        size: usize,
        /// Bytes from point to point.
        stride: usize,
    },
    /// A coordinate is missing.
    #[error("sweep {seq}: field {field} is missing")]
    FieldMissing {
        /// The frame.
        seq: u64,
        /// Name of the field.
        field: &'static str,
    },
    /// A coordinate is not a floating-point number.
    #[error("sweep {seq}: field {field} has kind {kind}, a coordinate is F32 or F64")]
    FieldKind {
        /// The frame.
        seq: u64,
        /// Name of the field.
        field: &'static str,
        /// The kind found.
        kind: String,
    },
    /// The sweep has no point with finite coordinates.
    #[error("sweep {seq}: no usable point, {rejected} with coordinates that are not finite")]
    Empty {
        /// The frame.
        seq: u64,
        /// Points that were rejected.
        rejected: usize,
    },
}
