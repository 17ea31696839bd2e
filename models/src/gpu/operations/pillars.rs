//! Pillars on the device: [`crate::operations::pillars`] and [`crate::operations::count`].

use super::bytes::{count, put, resident, values_of};
use crate::{
    ModelError, PillarsSpec,
    gpu::{
        Device,
        device::failed,
        kernels::{
            CELL_BYTES, CountPoints, GatherPillars, MAX_EDGES, PlacementArguments, UprightArguments, WritePillars,
            launch,
        },
    },
    operations::{
        count::Upright,
        pillars::{Placement, count_feature, inner_edges},
    },
};
use nalgebra::Isometry3;
use types::Box3;

/// Room for so many points from the start; more than that is made when it comes.
const POINTS: usize = 1 << 17;
/// So many boxes are counted at once.
const BOXES: usize = 1024;
/// The feature of a count below this is looked up in a table that the reference made, so that its bits are the reference's. Above it is computed
/// by the device's logarithm, to two units in the last place.
const KNOWN_COUNTS: u32 = 4096;

/// Makes pillars of sweeps and counts the points in boxes.
pub struct DevicePillars<D: Device> {
    device: D,
    spec: PillarsSpec,
    placement: PlacementArguments,
    points: usize,
    capacity: usize,
    staging: D::Staging,
    /// x, then y, then z, each of `capacity` numbers.
    cloud: D::Memory,
    cells: D::Memory,
    count_features: D::Memory,
    boxes: D::Memory,
    counts: D::Memory,
    box_staging: D::Staging,
}

impl<D: Device> DevicePillars<D> {
    /// For one grid.
    ///
    /// # Errors
    /// More height slices than the kernel takes; the device's own.
    pub fn new(device: &D, spec: &PillarsSpec) -> Result<Self, ModelError> {
        let edges = inner_edges(&spec.heights_m).len();
        if edges >= MAX_EDGES {
            return Err(failed("pillars", format!("{} height slices; the kernel takes {MAX_EDGES}", edges + 1)));
        }
        let known: Vec<f32> = (0..KNOWN_COUNTS).map(count_feature).collect();
        Ok(Self {
            spec: spec.clone(),
            placement: arguments(&Isometry3::identity(), spec),
            points: 0,
            capacity: POINTS,
            staging: device.staging(3 * POINTS * size_of::<f32>())?,
            cloud: device.memory(3 * POINTS * size_of::<f32>())?,
            cells: device.memory(spec.size() * spec.size() * CELL_BYTES)?,
            count_features: resident(device, &known)?,
            boxes: device.memory(BOXES * size_of::<UprightArguments>())?,
            counts: device.memory(BOXES * size_of::<u32>())?,
            box_staging: device.staging(BOXES * size_of::<UprightArguments>())?,
            device: device.clone(),
        })
    }

    /// Asks for the features of a sweep at the address `tensor`, which is memory for channels x rows x columns numbers. Every number is
    /// written. See [`crate::operations::pillars::Pillars::fill`]; the count of a cell of 4096 points or more may differ in its last two bits.
    ///
    /// # Errors
    /// The device's own.
    ///
    /// # Safety
    /// `tensor` must be memory of this device of that size.
    #[allow(unsafe_code)]
    pub unsafe fn fill(
        &mut self,
        [x, y, z]: [&[f32]; 3],
        base_from_lidar: &Isometry3<f64>,
        tensor: u64,
    ) -> Result<(), ModelError> {
        self.points = x.len().min(y.len()).min(z.len());
        self.make_room()?;
        self.placement = arguments(base_from_lidar, &self.spec);
        let points = self.points;
        if points > 0 {
            // A column goes to the device while the next is put beside it.
            let mut start = 0;
            for column in [x, y, z] {
                let end = put(&mut self.staging, start, &column[..points])?;
                self.device.upload(&self.staging, start..end, &self.cloud)?;
                start = end;
            }
        }
        let inner = inner_edges(&self.spec.heights_m);
        let mut edges_m = [f32::INFINITY; MAX_EDGES];
        edges_m[..inner.len()].copy_from_slice(inner);
        let [x, y, z] = self.columns();
        let cells = D::address(&self.cells);
        let gather = GatherPillars {
            placement: self.placement,
            x,
            y,
            z,
            cells,
            points: count(points)?,
            inner_edges: count(inner.len())?,
            edges_m,
        };
        let plane = self.spec.size() * self.spec.size();
        let write = WritePillars {
            cells,
            tensor,
            count_features: D::address(&self.count_features),
            plane: count(plane)?,
            channels: count(self.spec.channels())?,
            known_counts: KNOWN_COUNTS,
        };
        // SAFETY: the cloud holds the points, the cells the grid, and the caller answers for the tensor.
        unsafe {
            launch(&self.device, &gather, points)?;
            launch(&self.device, &write, plane)
        }
    }

    /// The number of points of the last sweep in each of `boxes`, into `counts`: [`crate::operations::count::Counter::count`]. Waits.
    ///
    /// # Errors
    /// The device's own.
    #[allow(unsafe_code)]
    pub fn count(&mut self, boxes: &[Box3], counts: &mut Vec<u32>) -> Result<(), ModelError> {
        counts.clear();
        for part in boxes.chunks(BOXES) {
            let upright: Vec<UprightArguments> = part.iter().map(upright).collect();
            let end = put(&mut self.box_staging, 0, &upright)?;
            self.device.upload(&self.box_staging, 0..end, &self.boxes)?;
            self.device.zero(&self.counts, part.len() * size_of::<u32>())?;
            let [x, y, z] = self.columns();
            let arguments = CountPoints {
                placement: self.placement,
                x,
                y,
                z,
                boxes: D::address(&self.boxes),
                counts: D::address(&self.counts),
                points: count(self.points)?,
                box_count: count(part.len())?,
            };
            // SAFETY: the cloud holds the points, and boxes and counts as many as there are.
            unsafe { launch(&self.device, &arguments, self.points)? };
            self.device.download(&self.counts, 0, part.len() * size_of::<u32>(), &mut self.box_staging)?;
            self.device.wait()?;
            counts.extend(values_of::<u32>(&self.box_staging, 0, part.len()));
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), ModelError> {
        if self.points > self.capacity {
            let capacity = self.points.next_power_of_two();
            self.device.wait()?;
            self.staging = self.device.staging(3 * capacity * size_of::<f32>())?;
            self.cloud = self.device.memory(3 * capacity * size_of::<f32>())?;
            self.capacity = capacity;
        }
        Ok(())
    }

    fn columns(&self) -> [u64; 3] {
        [0, 1, 2].map(|axis: u64| D::address(&self.cloud) + axis * (self.points * size_of::<f32>()) as u64)
    }
}

/// A box that is none holds no point.
fn upright(bbox: &Box3) -> UprightArguments {
    let Upright { center, mut half, sin_cos: (sine, cosine) } = Upright::new(bbox);
    if !bbox.is_valid() {
        half = [f64::NAN; 3];
    }
    UprightArguments { center, half, sin_cos: [sine, cosine] }
}

fn arguments(base_from_lidar: &Isometry3<f64>, spec: &PillarsSpec) -> PlacementArguments {
    let Placement { rows, reach_m, cell_m, size, columns, heights_m, own_x_m, own_y_m } =
        Placement::new(base_from_lidar, spec);
    PlacementArguments { rows, reach_m, cell_m, size, heights_m, own_m: [own_x_m, own_y_m], columns }
}
