//! The lidar segmenter: a cloud goes in, a class for every point comes out.

use crate::{
    Carries, Engine, ModelError, NetworkSpec, PointLabels, ProjectionSpec, Role,
    engine::{Network, Numbers},
    operations::{labels::labels_to_points, range::Projection},
    verify,
};
use types::{ObjectClass, PointCloud};

/// A range-image network with what it needs before and after. One sweep goes through `project`, `infer`, `label`, in this order.
pub struct LidarSegmenter {
    name: String,
    network: Network,
    /// Index of the range image and of the mask among the inputs.
    inputs: [usize; 2],
    spec: ProjectionSpec,
    classes: Vec<Option<ObjectClass>>,
    projection: Projection,
    stage: Stage,
}

/// How far the sweep in work has come.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Empty,
    Projected,
    Inferred,
}

impl LidarSegmenter {
    /// Loads the network and runs it once on zeros.
    ///
    /// # Errors
    /// A network of another role, or one that the engine cannot load or run.
    pub fn load(engine: &Engine, spec: &NetworkSpec) -> Result<Self, ModelError> {
        if spec.role != Role::LidarSegmenter {
            let (network, expected) = (spec.name.clone(), Role::LidarSegmenter);
            return Err(ModelError::WrongRole { network, expected, found: spec.role });
        }
        verify::entry(spec)?;
        let place = |what| spec.inputs.iter().position(|tensor| tensor.carries == what).unwrap_or(0);
        Ok(Self {
            name: spec.name.clone(),
            network: Network::load(engine, spec, &[Carries::Labels, Carries::Confidence])?,
            inputs: [place(Carries::RangeImage), place(Carries::Mask)],
            spec: verify::segmenter_section(spec)?.clone(),
            classes: spec.object_classes(),
            projection: Projection::default(),
            stage: Stage::Empty,
        })
    }

    /// Writes the cloud into the network's input, as a range image.
    ///
    /// # Errors
    /// A cloud whose columns differ in length, or with more points than 32 bits can number.
    pub fn project(&mut self, cloud: &PointCloud) -> Result<(), ModelError> {
        self.stage = Stage::Empty;
        let expected = cloud.x.len();
        for (what, found) in [("y", cloud.y.len()), ("z", cloud.z.len()), ("intensity", cloud.intensity.len())] {
            if found != expected {
                return Err(ModelError::CloudSize { network: self.name.clone(), what, expected, found });
            }
        }
        let limit = u32::MAX as usize;
        if expected >= limit {
            let (network, what) = (self.name.clone(), "most points");
            return Err(ModelError::CloudSize { network, what, expected: limit - 1, found: expected });
        }
        self.projection.compute(cloud, &self.spec);
        if let Ok([image, mask]) = self.network.inputs.get_disjoint_mut(self.inputs) {
            self.projection.write(cloud, &mut image.data, &mut mask.data);
        }
        self.stage = Stage::Projected;
        Ok(())
    }

    /// Runs the network.
    ///
    /// # Errors
    /// The engine's own; an output that is not finite; a call without `project`.
    pub fn infer(&mut self) -> Result<(), ModelError> {
        if self.stage != Stage::Projected {
            return Err(self.out_of_order("infer", "project"));
        }
        self.stage = Stage::Empty;
        self.network.run()?;
        self.stage = Stage::Inferred;
        Ok(())
    }

    /// Gives every point of `cloud`, the one that was projected, its class.
    ///
    /// # Errors
    /// A call without `infer`, a cloud of another size, a label the catalogue does not have.
    pub fn label(&mut self, cloud: &PointCloud, labels: &mut PointLabels) -> Result<(), ModelError> {
        let (Stage::Inferred, Some((found, confidence))) = (self.stage, self.image_labels()) else {
            return Err(self.out_of_order("label", "infer"));
        };
        let expected = self.projection.pixel_of_point.len();
        if cloud.len() != expected {
            let (network, what) = (self.name.clone(), "the cloud to label");
            return Err(ModelError::CloudSize { network, what, expected, found: cloud.len() });
        }
        if let Some(index) = found.iter().position(|&label| usize::from(label) >= self.classes.len()) {
            let (network, output) = (self.name.clone(), self.network.outputs[0].spec.name.clone());
            let (label, classes) = (found[index], self.classes.len());
            return Err(ModelError::UnknownLabel { network, output, index, label, classes });
        }
        let trust = self.spec.trust_distance_m;
        labels_to_points(&self.projection, found, confidence, &self.classes, trust, labels);
        Ok(())
    }

    /// Labels and confidence of the range image, as the network gave them.
    fn image_labels(&self) -> Option<(&[u8], &[f32])> {
        match self.network.outputs.as_slice() {
            [labels, confidence] => match (&labels.data, &confidence.data) {
                (Numbers::U8(labels), Numbers::F32(confidence)) => Some((labels, confidence)),
                _ => None,
            },
            _ => None,
        }
    }

    fn out_of_order(&self, call: &'static str, before: &'static str) -> ModelError {
        ModelError::OutOfOrder { network: self.name.clone(), call, before }
    }
}
