//! The camera detector: an image goes in, boxes come out.

use crate::{
    BoxesSpec, Carries, Engine, ImageSpec, ModelError, NetworkSpec, Role,
    engine::{Buffer, Network, Numbers},
    gpu::{
        Cuda,
        operations::{CellKind, DeviceCells, DeviceImage},
    },
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
    device: Option<OnDevice>,
}

/// What stands in the place of the reference on a GPU.
struct OnDevice {
    image: DeviceImage<Cuda>,
    cells: DeviceCells<Cuda>,
    /// How many numbers the outputs hold.
    numbers: [usize; 2],
}

/// How far the image in work has come, with its size and its factor to tensor pixels.
#[derive(Clone, Copy)]
enum Stage {
    Empty,
    Prepared { image: [usize; 2], ratio: f64 },
    Started { image: [usize; 2], ratio: f64 },
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
        let network = Network::load(engine, spec, &[Carries::Anchors, Carries::Scores, Carries::Distances])?;
        let classes = spec.object_classes();
        let device = match network.cuda() {
            Some(cuda) => Some(OnDevice::new(cuda, &network, [rows, columns], (image, boxes), classes.len())?),
            None => None,
        };
        Ok(Self {
            name: spec.name.clone(),
            network,
            device,
            to_tensor: ImageToTensor::new(image, rows, columns),
            boxes: boxes.clone(),
            classes,
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
        let (rgb, width, height) = (&image.rgb, image.width, image.height);
        let ratio = match &mut self.device {
            Some(device) => device.fill(&self.network, rgb, width, height)?,
            None => self.to_tensor.fill(rgb, width, height, &mut self.network.inputs[0].data),
        };
        let Some(ratio) = ratio else {
            let (network, bytes) = (self.name.clone(), image.rgb.len());
            return Err(ModelError::ImageSize { network, width: image.width, height: image.height, bytes });
        };
        self.stage = Stage::Prepared { image: [image.width, image.height], ratio };
        Ok(())
    }

    /// Runs the network: [`Self::start`] and [`Self::finish`].
    ///
    /// # Errors
    /// The engine's own; an output that is not finite; a call without `prepare`.
    pub fn infer(&mut self) -> Result<(), ModelError> {
        self.start()?;
        self.finish()
    }

    /// Asks a GPU to run the network, and comes back before it has. On the processor nothing happens yet.
    ///
    /// # Errors
    /// The engine's own; a call without `prepare`.
    pub fn start(&mut self) -> Result<(), ModelError> {
        let Stage::Prepared { image, ratio } = self.stage else {
            return Err(self.out_of_order("infer", "prepare"));
        };
        self.stage = Stage::Empty;
        if let Some(device) = &mut self.device {
            self.network.start()?;
            device.pick(&self.network)?;
        }
        self.stage = Stage::Started { image, ratio };
        Ok(())
    }

    /// Waits for the GPU, or runs the network on the processor.
    ///
    /// # Errors
    /// The engine's own; an output that is not finite; a call without `start`.
    pub fn finish(&mut self) -> Result<(), ModelError> {
        let Stage::Started { image, ratio } = self.stage else {
            return Err(self.out_of_order("finish", "start"));
        };
        self.stage = Stage::Empty;
        match &mut self.device {
            None => self.network.run()?,
            Some(device) => {
                let bad = device.cells.candidates(device.numbers, &mut self.candidates)?;
                for (output, index) in bad.into_iter().enumerate() {
                    if let Some(index) = index {
                        return Err(self.network.not_finite(output, index));
                    }
                }
            }
        }
        self.stage = Stage::Inferred { image, ratio };
        Ok(())
    }

    /// The network itself, to ask where it runs or to run it alone.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
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
            _ if self.device.is_some() => {}
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

impl OnDevice {
    fn new(
        cuda: &Cuda,
        network: &Network,
        [rows, columns]: [usize; 2],
        (image, boxes): (&ImageSpec, &BoxesSpec),
        classes: usize,
    ) -> Result<Self, ModelError> {
        let numbers = |index: usize| network.outputs.get(index).map_or(0, |o| o.spec.shape.iter().product::<usize>());
        let kind = if network.outputs.len() == 1 { CellKind::Anchors } else { CellKind::Distances };
        let cells = network.outputs.first().and_then(|output| output.spec.shape.get(1)).copied().unwrap_or(0);
        let threshold = boxes.score_threshold;
        Ok(Self {
            image: DeviceImage::new(cuda, image, rows, columns)?,
            cells: DeviceCells::new(cuda, kind, [columns, rows], &boxes.strides, cells, classes, threshold)?,
            numbers: [numbers(0), numbers(1)],
        })
    }

    #[allow(unsafe_code)]
    fn fill(&mut self, network: &Network, rgb: &[u8], width: usize, height: usize) -> Result<Option<f64>, ModelError> {
        let (tensor, []) = network.addresses(0);
        // SAFETY: the network's input is memory of this device for three channels of the rows and columns that `new` was told.
        unsafe { self.image.fill(rgb, width, height, tensor) }
    }

    #[allow(unsafe_code)]
    fn pick(&mut self, network: &Network) -> Result<(), ModelError> {
        let (_, outputs) = network.addresses(0);
        // SAFETY: the network's outputs are memory of this device of these sizes.
        unsafe { self.cells.pick(outputs, self.numbers) }
    }
}
