//! The catalogue: which networks a vehicle uses, and everything that must be known to use each as it was trained.

use crate::{ModelError, onnx_header::OnnxHeader, operations::pillars::PLAIN_CHANNELS, verify};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use types::ObjectClass;

/// What a network is for. A catalogue holds at most one of each.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Finds boxes in an image.
    CameraDetector,
    /// Gives every lidar point a class.
    LidarSegmenter,
    /// Finds boxes in a sweep.
    LidarDetector,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CameraDetector => "camera detector",
            Self::LidarSegmenter => "lidar segmenter",
            Self::LidarDetector => "lidar detector",
        })
    }
}

/// Number type of a tensor.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// 32 bit floating point.
    F32,
    /// Unsigned 8 bit.
    U8,
}

/// What a tensor carries.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Carries {
    /// Input `[1, 3, rows, columns]`: a prepared image.
    Image,
    /// Output `[1, anchors, 5 + classes]`: x, y, width, height, objectness and a score for each class.
    Anchors,
    /// Output `[1, cells, classes]`: a score 0..1 for each class.
    Scores,
    /// Output `[1, cells, 4]`: from the middle of the cell to the left, top, right and bottom edge, px.
    Distances,
    /// Input `[1, 5, rows, columns]`: range, x, y, z (m) and reflectance; zero where no point is.
    RangeImage,
    /// Input `[1, 1, rows, columns]`: one where a point is, zero elsewhere.
    Mask,
    /// Output `[1, classes, rows, columns]`: scores before the softmax. Checked, never fetched.
    Logits,
    /// Output `[1, rows, columns]`: the best class.
    Labels,
    /// Output `[1, rows, columns]`: the best class's probability.
    Confidence,
    /// Input `[1, 4 + slices, size, size]`: what stands in each cell around the vehicle, see [`PillarsSpec`].
    Pillars,
    /// Output `[1, classes, rows, columns]`: 0..1, greatest at the centres of objects.
    Heatmap,
    /// Output `[1, 8, rows, columns]`: box of an object centred in the cell, see [`crate::operations::centers::decode_centers`].
    Boxes,
    /// Output `[1, 1, rows, columns]`: overlap that the network expects of that box with the object, 0..1.
    Overlap,
}

/// One input or output of a network.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// Name in the ONNX file.
    pub name: String,
    /// What it carries.
    pub carries: Carries,
    /// Number type.
    pub element: Element,
    /// Shape it is used with, every dimension fixed.
    pub shape: Vec<usize>,
}

/// Order of the colours in the input tensor.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red first.
    Rgb,
    /// Blue first, as OpenCV reads images.
    Bgr,
}

/// How an image becomes the input tensor: shrunk to fit if need be, put in the top left corner, the rest padded, then
/// `(value * scale - mean) / std` for each channel. An image that fits is never enlarged.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// Order of the colours.
    pub channels: ChannelOrder,
    /// Factor on 0..255.
    pub scale: f32,
    /// Mean of each channel, in the tensor's order.
    pub mean: [f32; 3],
    /// Standard deviation of each channel, in the tensor's order.
    pub std: [f32; 3],
    /// Value of the padding, before scaling.
    pub pad: u8,
}

/// How a camera detector's anchors or cells become boxes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct BoxesSpec {
    /// Cell sizes of the grids, px, in the output's order.
    pub strides: Vec<usize>,
    /// Smallest score of a box, 0..1.
    pub score_threshold: f32,
    /// Two boxes of a class that overlap by more than this (intersection over union) are one object.
    pub overlap_threshold: f64,
}

/// How a sweep becomes a range image and back.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ProjectionSpec {
    /// Upper edge of the field of view, degrees above the horizon.
    pub fov_up_deg: f32,
    /// Lower edge of the field of view, degrees above the horizon (negative: below).
    pub fov_down_deg: f32,
    /// Rows of the range image.
    pub rows: usize,
    /// Columns of the range image, once around.
    pub columns: usize,
    /// A point takes its pixel's label if its range differs from the pixel's by less than this, m.
    pub trust_distance_m: f32,
}

/// How a sweep becomes pillars: a square grid over the ground around `base_link`, rows along x, columns along y, both from minus to plus
/// `reach_m`. See [`crate::operations::pillars::Pillars::fill`] for the features.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PillarsSpec {
    /// Side of a cell, m.
    pub cell_m: f32,
    /// From the vehicle to each edge of the grid, m.
    pub reach_m: f32,
    /// Lower edges of the height slices, rising, and the upper edge of the last, m above the ground at the rear axle.
    pub heights_m: Vec<f32>,
    /// Points between these x and these y are on the vehicle itself, m.
    pub own_x_m: [f32; 2],
    /// See `own_x_m`.
    pub own_y_m: [f32; 2],
}

impl PillarsSpec {
    /// Rows and columns of the grid.
    #[must_use]
    pub fn size(&self) -> usize {
        (2.0 * self.reach_m / self.cell_m).round() as usize
    }

    /// Features of a cell.
    #[must_use]
    pub fn channels(&self) -> usize {
        PLAIN_CHANNELS + self.heights_m.len().saturating_sub(1)
    }
}

/// How a lidar detector's heat map becomes boxes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CentersSpec {
    /// Smallest score of a box, 0..1.
    pub score_threshold: f32,
    /// Part of the expected overlap in the score, 0 to less than 1: score = heat^(1 - a) * overlap^a.
    pub overlap_weight: f32,
    /// Two vehicles, or two objects of another class, whose footprints overlap by more than this (intersection over union) are one.
    pub overlap_threshold: f64,
}

/// One network: its file, its tensors, how it is fed and how it is read. Made by [`Catalogue::read`], which checks it all.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Name in the catalogue.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// File as the catalogue names it.
    pub file: PathBuf,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Version of the ONNX operator set.
    pub opset: u64,
    /// Licence of the weights.
    pub licence: String,
    /// Where the file comes from.
    pub source: String,
    /// The inputs.
    #[serde(rename = "input")]
    pub inputs: Vec<TensorSpec>,
    /// The outputs.
    #[serde(rename = "output")]
    pub outputs: Vec<TensorSpec>,
    /// For each class of the network in its order: its own name, and the [`ObjectClass`] it becomes (empty for background).
    pub classes: Vec<(String, String)>,
    /// Preprocessing of a camera detector.
    pub image: Option<ImageSpec>,
    /// Postprocessing of a camera detector.
    pub boxes: Option<BoxesSpec>,
    /// Projection of a lidar segmenter.
    pub projection: Option<ProjectionSpec>,
    /// Preprocessing of a lidar detector.
    pub pillars: Option<PillarsSpec>,
    /// Postprocessing of a lidar detector.
    pub centers: Option<CentersSpec>,
    /// Where the file was read.
    #[serde(skip)]
    pub path: PathBuf,
    /// The file, read once: these very bytes were checked and are what the engine loads.
    #[serde(skip)]
    pub(crate) bytes: Arc<[u8]>,
    #[serde(skip)]
    pub(crate) header: Arc<OnnxHeader>,
}

impl fmt::Debug for NetworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, role, path, sha256) = (&self.name, self.role, &self.path, &self.sha256);
        write!(f, "NetworkSpec {{ name: {name:?}, role: {role}, path: {path:?}, sha256: {sha256:?}, .. }}")
    }
}

impl NetworkSpec {
    /// The input that carries `what`.
    #[must_use]
    pub fn input(&self, what: Carries) -> Option<&TensorSpec> {
        self.inputs.iter().find(|tensor| tensor.carries == what)
    }

    /// The output that carries `what`.
    #[must_use]
    pub fn output(&self, what: Carries) -> Option<&TensorSpec> {
        self.outputs.iter().find(|tensor| tensor.carries == what)
    }

    /// For each class of the network, what it becomes; `None` for background.
    #[must_use]
    pub fn object_classes(&self) -> Vec<Option<ObjectClass>> {
        self.classes.iter().map(|(_, ours)| ObjectClass::from_name(ours)).collect()
    }

    pub(crate) fn mismatch(
        &self,
        what: impl Into<String>,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> ModelError {
        let (expected, found) = (expected.to_string(), found.to_string());
        ModelError::Mismatch { network: self.name.clone(), what: what.into(), expected, found }
    }

    /// Takes the bytes of the file and checks them against what the catalogue says.
    fn take(&mut self, path: PathBuf, bytes: Vec<u8>) -> Result<(), ModelError> {
        self.path = path;
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if digest != self.sha256 {
            return Err(self.mismatch(format!("sha256 of {}", self.path.display()), &self.sha256, digest));
        }
        let header = OnnxHeader::read(&bytes).map_err(|error| ModelError::NotOnnx {
            network: self.name.clone(),
            path: self.path.clone(),
            offset: error.offset,
            reason: error.reason,
        })?;
        verify::header(self, &header)?;
        self.header = Arc::new(header);
        self.bytes = bytes.into();
        Ok(())
    }
}

/// The networks of one vehicle.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// The networks, in the file's order.
    #[serde(rename = "network", default)]
    pub networks: Vec<NetworkSpec>,
}

impl Catalogue {
    /// Reads a catalogue and every file it names, and checks each file: digest, opset, names, types and shapes of all inputs
    /// and outputs, number of classes. Files are sought in `model_dir`, or beside the catalogue.
    ///
    /// # Errors
    /// The first thing that is missing, unknown or contradictory, with both values.
    pub fn read(toml: &Path, model_dir: Option<&Path>) -> Result<Self, ModelError> {
        let text = String::from_utf8(read(toml)?)
            .map_err(|error| ModelError::Toml { path: toml.into(), reason: error.to_string() })?;
        let folder = model_dir.or_else(|| toml.parent()).unwrap_or(Path::new("."));
        Self::assemble(&text, toml, |file| {
            let path = folder.join(file);
            let bytes = read(&path)?;
            Ok((path, bytes))
        })
    }

    /// Our own networks, which are part of the program (`models/own.toml`): trained in the simulated world of this repository and
    /// licensed like its code.
    ///
    /// # Errors
    /// None, unless the program was built from files that contradict each other.
    pub fn embedded() -> Result<Self, ModelError> {
        Self::assemble(include_str!("../own.toml"), Path::new("own.toml"), |file| {
            let bytes: &[u8] = match file.to_str() {
                Some("networks/pillars.onnx") => include_bytes!("../networks/pillars.onnx"),
                Some("networks/camera.onnx") => include_bytes!("../networks/camera.onnx"),
                _ => {
                    return Err(ModelError::Read { path: file.into(), reason: "it is not part of the program".into() });
                }
            };
            Ok((file.into(), bytes.to_vec()))
        })
    }

    /// Parses and checks a catalogue; `open` gives the path and the bytes of a file that it names.
    fn assemble(
        text: &str,
        toml: &Path,
        open: impl Fn(&Path) -> Result<(PathBuf, Vec<u8>), ModelError>,
    ) -> Result<Self, ModelError> {
        let mut catalogue: Self = ::toml::from_str(text)
            .map_err(|error| ModelError::Toml { path: toml.into(), reason: error.to_string() })?;
        verify::unique(&catalogue.networks)?;
        for network in &mut catalogue.networks {
            verify::entry(network)?;
            let (path, bytes) = open(&network.file)?;
            network.take(path, bytes)?;
        }
        Ok(catalogue)
    }

    /// The network of that role, if there is one.
    #[must_use]
    pub fn of_role(&self, role: Role) -> Option<&NetworkSpec> {
        self.networks.iter().find(|network| network.role == role)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    fs::read(path).map_err(|error| ModelError::Read { path: path.into(), reason: error.to_string() })
}
