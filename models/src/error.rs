//! Everything that can be wrong with a library, a catalogue, a network or what goes through it.

use crate::{Provider, Role};
use std::path::PathBuf;
use thiserror::Error;

/// Why a network cannot be loaded or run.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ModelError {
    /// The ONNX Runtime library is not there.
    #[error("{}: no such ONNX Runtime library", path.display())]
    LibraryMissing {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file is there, but is not an ONNX Runtime library that this machine can load.
    #[error("{}: not usable as ONNX Runtime: {reason}", path.display())]
    LibraryUnusable {
        /// The path that was given.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// The library is older than the interface this program was built with.
    #[error("{}: ONNX Runtime {version} has API level {found}, needed at least {needed}", path.display())]
    LibraryTooOld {
        /// The path that was given.
        path: PathBuf,
        /// Version of the library.
        version: String,
        /// Its API level, the second number of the version.
        found: u32,
        /// The API level that is needed.
        needed: u32,
    },
    /// A process can hold one ONNX Runtime only.
    #[error("this process runs ONNX Runtime from {}; it cannot also load {}", loaded.display(), asked.display())]
    LibraryConflict {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        asked: PathBuf,
    },
    /// An engine with no thread.
    #[error("an engine needs at least 1 thread, asked for 0")]
    NoThreads,
    /// The built-in engine has no GPU.
    #[error("{provider} needs the ONNX Runtime library; the built-in engine rten runs on the CPU only")]
    ProviderNeedsLibrary {
        /// The provider asked for.
        provider: Provider,
    },
    /// A drive does not wait for TensorRT.
    #[error(
        "network {network}: no TensorRT engine in {} for this GPU, driver and network; \
         `chauffeur models warmup --provider tensorrt` builds it, which takes minutes", folder.display()
    )]
    EngineNotBuilt {
        /// Name of the network.
        network: String,
        /// Where it would be.
        folder: PathBuf,
    },
    /// A GPU was asked for and the driver is missing or says no.
    #[error("{wanted} needs an NVIDIA GPU: {reason}")]
    NoGpu {
        /// What needs the GPU.
        wanted: String,
        /// What is missing.
        reason: String,
    },
    /// The GPU, its driver or its compiler said no.
    #[error("{call}: {reason}")]
    Device {
        /// What was asked for.
        call: String,
        /// The answer.
        reason: String,
    },
    /// The engine itself could not be set up.
    #[error("{engine} cannot start: {reason}")]
    EngineStart {
        /// The engine.
        engine: String,
        /// What it says.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The catalogue is not valid TOML, or holds a key or value that is not known.
    #[error("{}: {reason}", path.display())]
    Toml {
        /// The catalogue.
        path: PathBuf,
        /// The place and the cause.
        reason: String,
    },
    /// The network's file is not ONNX.
    #[error("network {network}: {} is not an ONNX file: byte {offset}: {reason}", path.display())]
    NotOnnx {
        /// Name in the catalogue.
        network: String,
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        offset: usize,
        /// How.
        reason: &'static str,
    },
    /// Two things that must be equal are not.
    #[error("network {network}: {what}: expected {expected}, found {found}")]
    Mismatch {
        /// Name in the catalogue.
        network: String,
        /// What was compared.
        what: String,
        /// What the catalogue or the role demands.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Two networks of one name or role.
    #[error("networks {first} and {second} have the same {what}: {value}")]
    Duplicate {
        /// What must be unique.
        what: &'static str,
        /// The value both have.
        value: String,
        /// Name of the first network.
        first: String,
        /// Name of the second network.
        second: String,
    },
    /// A network was given to the wrong stage.
    #[error("network {network} is a {found}, not a {expected}")]
    WrongRole {
        /// Name in the catalogue.
        network: String,
        /// What the stage needs.
        expected: Role,
        /// What the network is.
        found: Role,
    },
    /// The engine has no implementation of one of the network's operators.
    #[error("network {network}: {engine} cannot run {operator} node {node}: {reason}")]
    Unsupported {
        /// Name in the catalogue.
        network: String,
        /// The engine.
        engine: String,
        /// ONNX operator.
        operator: String,
        /// Name of the node.
        node: String,
        /// What is not supported.
        reason: String,
    },
    /// The engine refuses the network.
    #[error("network {network}: {engine} cannot load it: {reason}")]
    Load {
        /// Name in the catalogue.
        network: String,
        /// The engine.
        engine: String,
        /// What it says.
        reason: String,
    },
    /// The engine failed while it ran the network.
    #[error("network {network}: {engine} failed: {reason}")]
    Run {
        /// Name in the catalogue.
        network: String,
        /// The engine.
        engine: String,
        /// What it says.
        reason: String,
    },
    /// A network produced NaN or an infinity.
    #[error("network {network}: output {output}[{index}] is {value}")]
    NotFinite {
        /// Name in the catalogue.
        network: String,
        /// Name of the output.
        output: String,
        /// Flat index, row major.
        index: usize,
        /// The number found.
        value: f32,
    },
    /// A network produced a class that the catalogue does not have.
    #[error("network {network}: output {output}[{index}] is class {label}, but there are {classes} classes")]
    UnknownLabel {
        /// Name in the catalogue.
        network: String,
        /// Name of the output.
        output: String,
        /// Flat index, row major.
        index: usize,
        /// The class found.
        label: u8,
        /// Number of classes.
        classes: usize,
    },
    /// An image whose bytes do not fit its size.
    #[error("network {network}: an image of {width}x{height} needs {} bytes, found {bytes}", width.saturating_mul(*height).saturating_mul(3))]
    ImageSize {
        /// Name in the catalogue.
        network: String,
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes found.
        bytes: usize,
    },
    /// A cloud whose columns differ in length, or that is not the one that was projected.
    #[error("network {network}: {what}: expected {expected} points, found {found}")]
    CloudSize {
        /// Name in the catalogue.
        network: String,
        /// What was compared.
        what: &'static str,
        /// Points expected.
        expected: usize,
        /// Points found.
        found: usize,
    },
    /// The three calls of a stage came in the wrong order.
    #[error("network {network}: {call} was called before {before}")]
    OutOfOrder {
        /// Name in the catalogue.
        network: String,
        /// The call that came too early.
        call: &'static str,
        /// The call that must come first.
        before: &'static str,
    },
}
