//! Sweeps to range images.

use crate::scenes::sweeps;
use crate::{Tensor, assert_same};
use models::{
    ProjectionSpec,
    gpu::{Device, operations::DeviceProjection},
    operations::range::Projection,
};

fn ranges_are_the_references<D: Device>(device: &D, name: &str) {
    let spec = ProjectionSpec { fov_up_deg: 3.0, fov_down_deg: -25.0, rows: 64, columns: 2048, trust_distance_m: 0.5 };
    let pixels = spec.rows * spec.columns;
    let mut ranges = DeviceProjection::new(device, &spec).unwrap();
    let (mut image, mut mask) = (Tensor::dirty(device, 5 * pixels), Tensor::dirty(device, pixels));
    let (mut found, mut expected) = (Projection::default(), Projection::default());
    for (case, cloud) in sweeps() {
        // SAFETY: image and mask are memory of this device for all pixels.
        unsafe { ranges.fill(&cloud, image.address(), mask.address()) }.unwrap();
        ranges.read(&mut found).unwrap();
        expected.compute(&cloud, &spec);
        let what = format!("{name}: {case}");
        let moved = (0..cloud.x.len()).filter(|&i| found.pixel_of_point[i] != expected.pixel_of_point[i]).count();
        assert_eq!(moved, 0, "{what}: points have another pixel");
        assert_same(&what, &found.range_of_point, &expected.range_of_point);
        assert!(found.point_of_pixel == expected.point_of_pixel, "{what}: another point is the nearest");
        let (mut image_expected, mut mask_expected) = (vec![0.0; 5 * pixels], vec![0.0; pixels]);
        expected.write(&cloud, &mut image_expected, &mut mask_expected);
        assert_same(&what, &image.read(), &image_expected);
        assert_same(&what, &mask.read(), &mask_expected);
    }
}

#[test]
fn ranges() {
    on_every_backend!(ranges_are_the_references);
}
