//! The networks: which there are, whether the file is the right one, and running them.
//!
//! In: a catalogue (TOML) with the ONNX files it names, images, point clouds. Out: boxes in the image, boxes in
//! `base_link`, a class for every lidar point. Never: the environment, the clock, a thread of its own, a network other than the one declared, and never
//! a fallback in silence: what cannot run as asked is an error that says why.
//!
//! Two engines run the same files: ONNX Runtime, loaded from a library at run time (CPU, CUDA, TensorRT), and rten, which is
//! part of the program (CPU). Results are exact on one engine, one library, one device and one thread count; between engines
//! they agree to a tolerance that the contract tests name.

mod camera;
mod catalogue;
mod engine;
mod error;
pub mod gpu;
mod lidar_detector;
mod lidar_segmenter;
mod onnx_header;
pub mod operations;
mod protobuf;
mod verify;

pub use camera::CameraDetector;
pub use catalogue::{
    BoxesSpec, Carries, Catalogue, CentersSpec, ChannelOrder, Element, ImageSpec, NetworkSpec, PillarsSpec,
    ProjectionSpec, Role, TensorSpec,
};
pub use engine::{Engine, Network, Provider};
pub use error::ModelError;
pub use gpu::{Gpu, probe};
pub use lidar_detector::LidarDetector;
pub use lidar_segmenter::LidarSegmenter;
pub use operations::labels::PointLabels;
