//! The lidar detector: a cloud goes in, boxes come out.

use crate::{
    Carries, CentersSpec, Engine, ModelError, NetworkSpec, PillarsSpec, Role,
    engine::{Network, Numbers},
    gpu::{
        Cuda,
        operations::{DeviceCenters, DevicePillars},
    },
    operations::{
        centers::{CenterBox, CenterGrid, Peak, decode_centers, least_heat, peaks},
        count::Counter,
        pillars::Pillars,
        suppress::suppress_ground,
    },
    verify,
};
use nalgebra::Isometry3;
use types::{Box3, Detection3, ObjectClass, PointCloud};

/// A network of pillars and centre heads with what it needs before and after. One sweep goes through `prepare`, `infer`, `boxes`, in
/// this order.
pub struct LidarDetector {
    name: String,
    network: Network,
    pillars_spec: PillarsSpec,
    centers: CentersSpec,
    grid: CenterGrid,
    classes: Vec<Option<ObjectClass>>,
    /// For each class of the network, which classes it may not overlap.
    groups: Vec<usize>,
    stage: Stage,
    pillars: Pillars,
    peaks: Vec<Peak>,
    candidates: Vec<CenterBox>,
    kept: Vec<usize>,
    counter: Counter,
    counts: Vec<u32>,
    device: Option<OnDevice>,
}

/// What stands in the place of the reference on a GPU.
struct OnDevice {
    pillars: DevicePillars<Cuda>,
    centers: DeviceCenters<Cuda>,
}

/// How far the sweep in work has come.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Empty,
    Prepared,
    Started,
    Inferred,
}

impl LidarDetector {
    /// Loads the network and runs it once on zeros.
    ///
    /// # Errors
    /// A network of another role, or one that the engine cannot load or run.
    pub fn load(engine: &Engine, spec: &NetworkSpec) -> Result<Self, ModelError> {
        if spec.role != Role::LidarDetector {
            let (network, expected) = (spec.name.clone(), Role::LidarDetector);
            return Err(ModelError::WrongRole { network, expected, found: spec.role });
        }
        verify::entry(spec)?;
        let (pillars, centers) = verify::detector_sections(spec)?;
        let rows = spec.output(Carries::Heatmap).map_or(1, |tensor| tensor.shape[2]);
        let classes = spec.object_classes();
        let network = Network::load(engine, spec, &[Carries::Heatmap, Carries::Boxes, Carries::Overlap])?;
        let grid = CenterGrid {
            size: [rows, rows],
            cell_m: 2.0 * f64::from(pillars.reach_m) / rows as f64,
            reach_m: f64::from(pillars.reach_m),
            overlap_weight: centers.overlap_weight,
        };
        let device = match network.cuda() {
            None => None,
            Some(cuda) => Some(OnDevice {
                pillars: DevicePillars::new(cuda, pillars)?,
                centers: DeviceCenters::new(cuda, grid, classes.len(), centers.score_threshold)?,
            }),
        };
        Ok(Self {
            name: spec.name.clone(),
            network,
            device,
            grid,
            groups: classes.iter().enumerate().map(|(index, class)| group(index, *class)).collect(),
            pillars_spec: pillars.clone(),
            centers: centers.clone(),
            classes,
            stage: Stage::Empty,
            pillars: Pillars::default(),
            peaks: Vec::new(),
            candidates: Vec::new(),
            kept: Vec::new(),
            counter: Counter::default(),
            counts: Vec::new(),
        })
    }

    /// Writes the cloud, in the lidar's frame, into the network's input as pillars around `base_link`.
    ///
    /// # Errors
    /// A cloud whose columns differ in length.
    pub fn prepare(&mut self, cloud: &PointCloud, base_from_lidar: &Isometry3<f64>) -> Result<(), ModelError> {
        self.stage = Stage::Empty;
        let expected = cloud.x.len();
        for (what, found) in [("y", cloud.y.len()), ("z", cloud.z.len())] {
            if found != expected {
                return Err(ModelError::CloudSize { network: self.name.clone(), what, expected, found });
            }
        }
        if let Some(device) = &mut self.device {
            device.fill(&self.network, [&cloud.x, &cloud.y, &cloud.z], base_from_lidar)?;
            self.stage = Stage::Prepared;
            return Ok(());
        }
        let tensor = &mut self.network.inputs[0].data;
        if !self.pillars.fill([&cloud.x, &cloud.y, &cloud.z], base_from_lidar, &self.pillars_spec, tensor) {
            return Err(self.out_of_order("prepare", "load"));
        }
        self.stage = Stage::Prepared;
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
        if self.stage != Stage::Prepared {
            return Err(self.out_of_order("infer", "prepare"));
        }
        self.stage = Stage::Empty;
        if let Some(device) = &mut self.device {
            self.network.start()?;
            device.pick(&self.network)?;
        }
        self.stage = Stage::Started;
        Ok(())
    }

    /// Waits for the GPU, or runs the network on the processor.
    ///
    /// # Errors
    /// The engine's own; an output that is not finite; a call without `start`.
    pub fn finish(&mut self) -> Result<(), ModelError> {
        if self.stage != Stage::Started {
            return Err(self.out_of_order("finish", "start"));
        }
        self.stage = Stage::Empty;
        match &mut self.device {
            None => self.network.run()?,
            Some(device) => {
                let bad = device.centers.boxes(&mut self.candidates)?;
                for (output, index) in bad.into_iter().enumerate() {
                    if let Some(index) = index {
                        return Err(self.network.not_finite(output, index));
                    }
                }
            }
        }
        self.stage = Stage::Inferred;
        Ok(())
    }

    /// The network itself, to ask where it runs or to run it alone.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The objects in the sweep, in falling score: boxes in `base_link` with the points in them; classes of background left out.
    ///
    /// # Errors
    /// A call without `infer`.
    pub fn boxes(&mut self) -> Result<Vec<Detection3>, ModelError> {
        let outputs = match (self.stage, self.network.outputs.as_slice()) {
            (Stage::Inferred, [heat, regression, overlap]) => (&heat.data, &regression.data, &overlap.data),
            _ => return Err(self.out_of_order("boxes", "infer")),
        };
        let (Numbers::F32(heat), Numbers::F32(regression), Numbers::F32(overlap)) = outputs else {
            return Err(self.out_of_order("boxes", "infer"));
        };
        let CentersSpec { score_threshold, overlap_weight, overlap_threshold } = self.centers;
        if self.device.is_none() {
            peaks(heat, self.grid.size, least_heat(score_threshold, overlap_weight), &mut self.peaks);
            decode_centers(&self.peaks, regression, overlap, &self.grid, score_threshold, &mut self.candidates);
        }
        suppress_ground(&mut self.candidates, &self.groups, overlap_threshold, &mut self.kept);
        let found: Vec<(CenterBox, ObjectClass)> = self
            .kept
            .iter()
            .map(|&index| self.candidates[index])
            .filter_map(|found| Some((found, self.classes.get(found.class).copied().flatten()?)))
            .collect();
        let boxes: Vec<Box3> = found.iter().map(|(found, _)| found.bbox).collect();
        match &mut self.device {
            Some(device) => device.pillars.count(&boxes, &mut self.counts)?,
            None => self.counter.count(&self.pillars, &self.pillars_spec, &boxes, &mut self.counts),
        }
        let detections = found.iter().zip(&self.counts).map(|((found, class), &point_count)| Detection3 {
            bbox: found.bbox,
            class: *class,
            score: f64::from(found.score),
            point_count,
            camera: None,
            seen_after_s: 0.0,
        });
        Ok(detections.collect())
    }

    fn out_of_order(&self, call: &'static str, before: &'static str) -> ModelError {
        ModelError::OutOfOrder { network: self.name.clone(), call, before }
    }
}

impl OnDevice {
    #[allow(unsafe_code)]
    fn fill(
        &mut self,
        network: &Network,
        columns: [&[f32]; 3],
        base_from_lidar: &Isometry3<f64>,
    ) -> Result<(), ModelError> {
        let (tensor, []) = network.addresses(0);
        // SAFETY: the network's input is memory of this device for all channels and cells of the grid.
        unsafe { self.pillars.fill(columns, base_from_lidar, tensor) }
    }

    #[allow(unsafe_code)]
    fn pick(&mut self, network: &Network) -> Result<(), ModelError> {
        let (_, outputs) = network.addresses(0);
        // SAFETY: the network's three outputs are memory of this device of the shapes that the catalogue was checked for.
        unsafe { self.centers.pick(outputs) }
    }
}

/// Vehicles are one group. So are people, on foot or riding: a cell that may be either gives one box for both. Every other class
/// is a group of its own.
fn group(index: usize, class: Option<ObjectClass>) -> usize {
    match class {
        Some(class) if class.is_vehicle() => 0,
        Some(class) if class.is_vulnerable() => 1,
        _ => 2 + index,
    }
}
