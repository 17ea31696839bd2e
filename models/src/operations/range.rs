//! A sweep becomes a range image.
//!
//! Spherical projection as in A. Milioto, I. Vizzo, J. Behley, C. Stachniss: "RangeNet++: Fast and Accurate LiDAR Semantic
//! Segmentation", IROS 2019, section III-A. All in single precision, as the networks were trained.

pub(crate) mod pixels;

use crate::ProjectionSpec;
use pixels::{Lens, UNDECIDED};
use types::PointCloud;

/// Where no point is, or a point has no pixel.
pub const NONE: u32 = u32::MAX;

/// So many points are projected before their pixels are filled: what they need stays in the nearest cache.
const BLOCK: usize = 1024;

/// Pixels of the points and points of the pixels; the memory is kept from sweep to sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    /// For each point its pixel (row * columns + column), or [`NONE`] if it has no range.
    pub pixel_of_point: Vec<u32>,
    /// For each point its range, m.
    pub range_of_point: Vec<f32>,
    /// For each pixel the nearest of its points, or [`NONE`].
    pub point_of_pixel: Vec<u32>,
}

impl Projection {
    /// Projects a cloud. Of the points of one pixel the nearest stays, of equal ranges the later point (as if all were written in
    /// falling range). A point above or below the field of view falls into the first or last row. A point at the
    /// sensor itself, or with a coordinate that is not finite, is no return and has no pixel.
    ///
    /// The columns of the cloud must be equally long; the shortest counts.
    pub fn compute(&mut self, cloud: &PointCloud, spec: &ProjectionSpec) {
        let points = cloud.x.len().min(cloud.y.len()).min(cloud.z.len());
        let [x, y, z] = [&cloud.x[..points], &cloud.y[..points], &cloud.z[..points]];
        let Self { pixel_of_point, range_of_point, point_of_pixel } = self;
        pixel_of_point.resize(points, NONE);
        range_of_point.resize(points, 0.0);
        point_of_pixel.clear();
        point_of_pixel.resize(spec.rows * spec.columns, NONE);
        let lens = Lens::new(spec);
        for first in (0..points).step_by(BLOCK) {
            let block = first..points.min(first + BLOCK);
            let part = [&x[block.clone()], &y[block.clone()], &z[block.clone()]];
            lens.quick(part, &mut range_of_point[block.clone()], &mut pixel_of_point[block.clone()]);
            for index in block {
                let range = range_of_point[index];
                let mut pixel = pixel_of_point[index];
                if pixel == UNDECIDED {
                    pixel = lens.exact([x[index], y[index], z[index]], range);
                    pixel_of_point[index] = pixel;
                }
                // No return has the pixel NONE, which no image reaches.
                let Some(nearest) = point_of_pixel.get_mut(pixel as usize) else { continue };
                if *nearest == NONE || range <= range_of_point[*nearest as usize] {
                    *nearest = index as u32;
                }
            }
        }
    }

    /// Writes the range image (range, x, y, z, reflectance; each `rows * columns`) and the mask; empty pixels are zero.
    pub fn write(&self, cloud: &PointCloud, image: &mut [f32], mask: &mut [f32]) {
        let pixels = self.point_of_pixel.len();
        if pixels == 0 {
            return;
        }
        let sources = [&self.range_of_point, &cloud.x, &cloud.y, &cloud.z, &cloud.intensity];
        let points = sources.iter().map(|source| source.len()).min().unwrap_or(0);
        let [range, x, y, z, intensity] = sources.map(|source| &source[..points]);
        let mut planes = image.chunks_exact_mut(pixels);
        let (Some(ranges), Some(xs), Some(ys), Some(zs), Some(intensities)) =
            (planes.next(), planes.next(), planes.next(), planes.next(), planes.next())
        else {
            return;
        };
        let planes = ranges.iter_mut().zip(xs).zip(ys).zip(zs).zip(intensities).zip(mask);
        for (&point, (((((out_range, out_x), out_y), out_z), out_intensity), covered)) in
            self.point_of_pixel.iter().zip(planes)
        {
            let at = point as usize;
            let values = if at < points { [range[at], x[at], y[at], z[at], intensity[at], 1.0] } else { [0.0; 6] };
            [*out_range, *out_x, *out_y, *out_z, *out_intensity, *covered] = values;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spec() -> ProjectionSpec {
        ProjectionSpec { fov_up_deg: 3.0, fov_down_deg: -25.0, rows: 64, columns: 2048, trust_distance_m: 0.5 }
    }

    fn cloud(points: &[[f32; 3]]) -> PointCloud {
        let column = |axis: usize| points.iter().map(|p| p[axis]).collect();
        let intensity = (0..points.len()).map(|i| i as f32 * 0.125).collect();
        PointCloud { x: column(0), y: column(1), z: column(2), intensity, ..PointCloud::default() }
    }

    fn pixels(points: &[[f32; 3]]) -> Vec<Option<(u32, u32)>> {
        let mut projection = Projection::default();
        projection.compute(&cloud(points), &spec());
        let place = |&pixel: &u32| (pixel != NONE).then_some((pixel / 2048, pixel % 2048));
        projection.pixel_of_point.iter().map(place).collect()
    }

    #[test]
    fn directions_fall_into_the_columns_and_rows_of_the_paper() {
        let forward =
            pixels(&[[10.0, 0.0, 0.0], [0.0, 10.0, 0.0], [0.0, -10.0, 0.0], [-10.0, -1e-3, 0.0], [-10.0, 1e-3, 0.0]]);
        assert_eq!(forward, [Some((6, 1024)), Some((6, 512)), Some((6, 1536)), Some((6, 2047)), Some((6, 0))]);
        let tilted =
            pixels(&[[1.0, 0.0, 5.0], [1.0, 0.0, -5.0], [0.0, 0.0, 0.0], [f32::NAN, 1.0, 1.0], [1e30, 0.0, 0.0]]);
        assert_eq!(tilted, [Some((0, 1024)), Some((63, 1024)), None, None, None]);
    }

    #[test]
    fn the_nearest_point_wins_and_of_equals_the_later() {
        let mut projection = Projection::default();
        let cloud = cloud(&[[10.0, 0.0, 0.0], [5.0, 0.0, 0.0], [5.0, 0.0, 0.0], [7.0, 0.0, 0.0]]);
        projection.compute(&cloud, &spec());
        let mut image = vec![9.0; 5 * 64 * 2048];
        let mut mask = vec![9.0; 64 * 2048];
        projection.write(&cloud, &mut image, &mut mask);
        let at = 6 * 2048 + 1024;
        let values: Vec<f32> = image.chunks(64 * 2048).map(|plane| plane[at]).collect();
        assert_eq!(values, [5.0, 5.0, 0.0, 0.0, 0.25]);
        assert_eq!((mask[at], mask[at + 1], image[at + 1]), (1.0, 0.0, 0.0));
        assert_eq!(mask.iter().sum::<f32>(), 1.0);
    }

    proptest! {
        #[test]
        fn every_return_has_a_pixel_that_holds_nothing_farther(
            points in prop::collection::vec(prop::array::uniform3(-50.0f32..50.0), 0..200),
        ) {
            let mut projection = Projection::default();
            projection.compute(&cloud(&points), &spec());
            for (point, &pixel) in projection.pixel_of_point.iter().enumerate() {
                let range = projection.range_of_point[point];
                prop_assert_eq!(pixel == NONE, range == 0.0);
                if pixel != NONE {
                    let nearest = projection.point_of_pixel[pixel as usize];
                    prop_assert!(projection.range_of_point[nearest as usize] <= range);
                }
            }
        }
    }
}
