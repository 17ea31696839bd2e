//! A range image on the device: [`crate::operations::range`].

use super::bytes::{count, put, values_of};
use crate::{
    ModelError, ProjectionSpec,
    gpu::{
        Device,
        kernels::{LensArguments, ProjectPoints, WriteRanges, launch},
    },
    operations::range::{Projection, pixels::Lens},
};
use types::PointCloud;

/// Room for so many points from the start; more than that is made when it comes.
const POINTS: usize = 1 << 17;

/// Makes range images of sweeps. They are the reference's, bit for bit.
pub struct DeviceProjection<D: Device> {
    device: D,
    lens: LensArguments,
    pixels: usize,
    points: usize,
    capacity: usize,
    staging: D::Staging,
    /// x, y, z and intensity.
    cloud: D::Memory,
    /// For each point its pixel, then for each point its range.
    of_points: [D::Memory; 2],
    nearest: D::Memory,
    point_of_pixel: D::Memory,
    back: D::Staging,
}

impl<D: Device> DeviceProjection<D> {
    /// For one projection.
    ///
    /// # Errors
    /// The device's own.
    pub fn new(device: &D, spec: &ProjectionSpec) -> Result<Self, ModelError> {
        let lens = Lens::new(spec);
        let pixels = spec.rows * spec.columns;
        Ok(Self {
            lens: LensArguments {
                size: [count(spec.rows)?, count(spec.columns)?],
                down: lens.down,
                fov: lens.fov,
                row_at_level: lens.row_at_level,
                rows_per_radian: lens.rows_per_radian,
                column_reach: lens.column_reach,
                row_reach: lens.row_reach,
            },
            pixels,
            points: 0,
            capacity: POINTS,
            staging: device.staging(4 * POINTS * size_of::<f32>())?,
            cloud: device.memory(4 * POINTS * size_of::<f32>())?,
            of_points: [device.memory(POINTS * size_of::<u32>())?, device.memory(POINTS * size_of::<f32>())?],
            nearest: device.memory(pixels * size_of::<u64>())?,
            point_of_pixel: device.memory(pixels * size_of::<u32>())?,
            back: device.staging((pixels + 2 * POINTS) * size_of::<u32>())?,
            device: device.clone(),
        })
    }

    /// Asks for the range image (5 x rows x columns) and the mask (rows x columns) of a sweep at two addresses. Every number is written.
    ///
    /// # Errors
    /// The device's own.
    ///
    /// # Safety
    /// Both must be memory of this device of that size.
    #[allow(unsafe_code)]
    pub unsafe fn fill(&mut self, cloud: &PointCloud, image: u64, mask: u64) -> Result<(), ModelError> {
        let columns = [&cloud.x, &cloud.y, &cloud.z, &cloud.intensity];
        self.points = columns.iter().map(|column| column.len()).min().unwrap_or(0);
        self.make_room()?;
        let points = self.points;
        if points > 0 {
            let mut start = 0;
            for column in columns {
                let end = put(&mut self.staging, start, &column[..points])?;
                self.device.upload(&self.staging, start..end, &self.cloud)?;
                start = end;
            }
        }
        let column = |index: u64| D::address(&self.cloud) + index * (points * size_of::<f32>()) as u64;
        let [pixel_of_point, range_of_point] = [0, 1].map(|index: usize| D::address(&self.of_points[index]));
        let nearest = D::address(&self.nearest);
        let project = ProjectPoints {
            lens: self.lens,
            x: column(0),
            y: column(1),
            z: column(2),
            pixel_of_point,
            range_of_point,
            nearest,
            points: count(points)?,
        };
        let write = WriteRanges {
            nearest,
            x: column(0),
            y: column(1),
            z: column(2),
            intensity: column(3),
            range_of_point,
            point_of_pixel: D::address(&self.point_of_pixel),
            image,
            mask,
            pixels: count(self.pixels)?,
        };
        // SAFETY: cloud, pixels and ranges hold as many as there are points, and the caller answers for the tensors.
        unsafe {
            launch(&self.device, &project, points)?;
            launch(&self.device, &write, self.pixels)
        }
    }

    /// Brings pixels and ranges of the points and points of the pixels back. Waits.
    ///
    /// # Errors
    /// The device's own.
    pub fn read(&mut self, projection: &mut Projection) -> Result<(), ModelError> {
        let (device, points, number) = (&self.device, self.points, size_of::<u32>());
        let mut part = |memory: &D::Memory, numbers: usize| {
            device.download(memory, 0, numbers * number, &mut self.back)?;
            device.wait()?;
            Ok::<_, ModelError>(values_of::<u32>(&self.back, 0, numbers).collect::<Vec<u32>>())
        };
        projection.pixel_of_point = part(&self.of_points[0], points)?;
        projection.range_of_point = part(&self.of_points[1], points)?.into_iter().map(f32::from_bits).collect();
        projection.point_of_pixel = part(&self.point_of_pixel, self.pixels)?;
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), ModelError> {
        if self.points > self.capacity {
            let capacity = self.points.next_power_of_two();
            self.device.wait()?;
            self.staging = self.device.staging(4 * capacity * size_of::<f32>())?;
            self.cloud = self.device.memory(4 * capacity * size_of::<f32>())?;
            self.of_points =
                [self.device.memory(capacity * size_of::<u32>())?, self.device.memory(capacity * size_of::<f32>())?];
            self.back = self.device.staging((self.pixels + 2 * capacity) * size_of::<u32>())?;
            self.capacity = capacity;
        }
        Ok(())
    }
}
