//! The camera detector: an image goes in, boxes come out.

use crate::{
    BoxesSpec, Carries, Engine, ModelError, NetworkSpec, Role,
    engine::{Buffer, Network, Numbers},
    operations::{
        boxes::{Candidate, decode_yolox},
        distances::decode_distances,
        image::ImageToTensor,
        suppress::suppress_image,
    },
    verify,
};
use types::{Box2, Detection2, Image, ObjectClass};

/// A network that finds boxes, YOLOX's anchors or FCOS's distances, with what it needs before and after. One image goes through `prepare`, `infer`, `boxes`, in this order.
pub struct CameraDetector {
    name: String,
    network: Network,
    to_tensor: ImageToTensor,
    boxes: BoxesSpec,
    classes: Vec<Option<ObjectClass>>,
    /// Columns and rows of the tensor.
    size: [usize; 2],
    stage: Stage,
    candidates: Vec<Candidate>,
    kept: Vec<usize>,
}

/// How far the image in work has come, with its size and its factor to tensor pixels.
#[derive(Clone, Copy)]
enum Stage {
    Empty,
    Prepared { image: [usize; 2], ratio: f64 },
    Inferred { image: [usize; 2], ratio: f64 },
}

impl CameraDetector {
    /// Loads the network and runs it once on zeros.
    ///
    /// # Errors
    /// A network of another role, or one that the engine cannot load or run.
    pub fn load(engine: &Engine, spec: &NetworkSpec) -> Result<Self, ModelError> {
        if spec.role != Role::CameraDetector {
            let (network, expected) = (spec.name.clone(), Role::CameraDetector);
            return Err(ModelError::WrongRole { network, expected, found: spec.role });
        }
        verify::entry(spec)?;
        let (image, boxes) = verify::camera_sections(spec)?;
        let [rows, columns] = [spec.inputs[0].shape[2], spec.inputs[0].shape[3]];
        Ok(Self {
            name: spec.name.clone(),
            network: Network::load(engine, spec, &[Carries::Anchors, Carries::Scores, Carries::Distances])?,
            to_tensor: ImageToTensor::new(image, rows, columns),
            boxes: boxes.clone(),
            classes: spec.object_classes(),
            size: [columns, rows],
            stage: Stage::Empty,
            candidates: Vec::new(),
            kept: Vec::new(),
        })
    }

    /// Writes the image into the network's input.
    ///
    /// # Errors
    /// An image whose bytes do not fit its size.
    pub fn prepare(&mut self, image: &Image) -> Result<(), ModelError> {
        self.stage = Stage::Empty;
        let tensor = &mut self.network.inputs[0].data;
        let Some(ratio) = self.to_tensor.fill(&image.rgb, image.width, image.height, tensor) else {
            let (network, bytes) = (self.name.clone(), image.rgb.len());
            return Err(ModelError::ImageSize { network, width: image.width, height: image.height, bytes });
        };
        self.stage = Stage::Prepared { image: [image.width, image.height], ratio };
        Ok(())
    }

    /// Runs the network.
    ///
    /// # Errors
    /// The engine's own; an output that is not finite; a call without `prepare`.
    pub fn infer(&mut self) -> Result<(), ModelError> {
        let Stage::Prepared { image, ratio } = self.stage else {
            return Err(self.out_of_order("infer", "prepare"));
        };
        self.stage = Stage::Empty;
        self.network.run()?;
        self.stage = Stage::Inferred { image, ratio };
        Ok(())
    }

    /// The objects in the image, in falling score: boxes in image pixels, clipped to the image; classes of background left out.
    ///
    /// # Errors
    /// A call without `infer`.
    pub fn boxes(&mut self) -> Result<Vec<Detection2>, ModelError> {
        let Stage::Inferred { image, ratio } = self.stage else {
            return Err(self.out_of_order("boxes", "infer"));
        };
        let BoxesSpec { strides, score_threshold: threshold, overlap_threshold } = &self.boxes;
        let (size, classes, candidates) = (self.size, self.classes.len(), &mut self.candidates);
        match self.network.outputs.as_slice() {
            [Buffer { data: Numbers::F32(anchors), .. }] => {
                decode_yolox(anchors, size, strides, classes, *threshold, candidates);
            }
            [Buffer { data: Numbers::F32(scores), .. }, Buffer { data: Numbers::F32(distances), .. }] => {
                decode_distances(scores, distances, size, strides, classes, *threshold, candidates);
            }
            _ => return Err(self.out_of_order("boxes", "infer")),
        }
        suppress_image(&mut self.candidates, *overlap_threshold, &mut self.kept);
        let [width, height] = image.map(|size| size as f64);
        let detection = |&index: &usize| {
            let candidate = &self.candidates[index];
            let (class, bbox) = (self.classes.get(candidate.class).copied().flatten()?, candidate.bbox);
            let bbox = Box2 {
                x_min: (bbox.x_min / ratio).clamp(0.0, width),
                y_min: (bbox.y_min / ratio).clamp(0.0, height),
                x_max: (bbox.x_max / ratio).clamp(0.0, width),
                y_max: (bbox.y_max / ratio).clamp(0.0, height),
            };
            (bbox.area() > 0.0).then_some(Detection2 { bbox, class, score: f64::from(candidate.score) })
        };
        Ok(self.kept.iter().filter_map(detection).collect())
    }

    fn out_of_order(&self, call: &'static str, before: &'static str) -> ModelError {
        ModelError::OutOfOrder { network: self.name.clone(), call, before }
    }
}
