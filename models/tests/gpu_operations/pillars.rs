//! Sweeps to pillars, and the points in boxes.

use crate::scenes::{Noise, sweep, sweeps};
use crate::{Tensor, assert_same};
use models::{
    PillarsSpec,
    gpu::{Device, operations::DevicePillars},
    operations::{count::Counter, pillars::Pillars},
};
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use types::{Box3, PointCloud};

pub fn pillars_spec() -> PillarsSpec {
    PillarsSpec {
        cell_m: 0.2,
        reach_m: 41.6,
        heights_m: vec![-1.0, 0.2, 0.5, 0.9, 1.4, 2.0, 3.4],
        own_x_m: [-1.2, 3.8],
        own_y_m: [-1.0, 1.0],
    }
}

pub fn mounting() -> Isometry3<f64> {
    Isometry3::from_parts(Translation3::new(0.76, 0.02, 1.73), UnitQuaternion::from_euler_angles(0.011, -0.007, 0.4))
}

/// What the reference makes of a sweep.
pub fn reference_pillars(cloud: &PointCloud) -> (Pillars, Vec<f32>) {
    let spec = pillars_spec();
    let (mut pillars, mut tensor) = (Pillars::default(), vec![0.0; spec.size() * spec.size() * spec.channels()]);
    assert!(pillars.fill([&cloud.x, &cloud.y, &cloud.z], &mounting(), &spec, &mut tensor));
    (pillars, tensor)
}

pub fn fill<D: Device>(pillars: &mut DevicePillars<D>, cloud: &PointCloud, tensor: &mut Tensor<D>) -> Vec<f32> {
    // SAFETY: the tensor is memory of this device for all channels and cells.
    unsafe { pillars.fill([&cloud.x, &cloud.y, &cloud.z], &mounting(), tensor.address()) }.unwrap();
    tensor.read()
}

/// Logarithms of great counts are the device's own.
pub fn assert_same_pillars(what: &str, found: &[f32], expected: &[f32]) {
    let (plane, great) = (pillars_spec().size().pow(2), 4097f32.ln() / 4.0);
    let close = |index: usize| {
        let is_great_count = index / plane == 3 && expected[index] >= great;
        is_great_count && (found[index] - expected[index]).abs() <= 4e-7 * expected[index]
    };
    let patched: Vec<f32> = (0..found.len()).map(|i| if close(i) { expected[i] } else { found[i] }).collect();
    assert_same(what, &patched, expected);
}

pub fn pillars_are_the_references<D: Device>(device: &D, name: &str) {
    let spec = pillars_spec();
    let mut pillars = DevicePillars::new(device, &spec).unwrap();
    let mut tensor = Tensor::dirty(device, spec.size() * spec.size() * spec.channels());
    for (case, cloud) in sweeps() {
        let found = fill(&mut pillars, &cloud, &mut tensor);
        assert_same_pillars(&format!("{name}: {case}"), &found, &reference_pillars(&cloud).1);
    }
}

#[test]
fn pillars() {
    on_every_backend!(pillars_are_the_references);
}

pub fn sweeps_leave_nothing_behind<D: Device>(device: &D, name: &str) {
    let spec = pillars_spec();
    let mut pillars = DevicePillars::new(device, &spec).unwrap();
    let mut tensor = Tensor::dirty(device, spec.size() * spec.size() * spec.channels());
    let (a, b) = (sweep(120_000, 7), sweep(50_000, 8));
    let alone = fill(&mut pillars, &b, &mut tensor);
    fill(&mut pillars, &a, &mut tensor);
    let after = fill(&mut pillars, &b, &mut tensor);
    assert_same(&format!("{name}: B after A"), &after, &alone);
}

#[test]
fn frame_b_after_a_is_b_alone() {
    on_every_backend!(sweeps_leave_nothing_behind);
}

pub fn repeats_are_bit_identical<D: Device>(device: &D, name: &str) {
    let spec = pillars_spec();
    let mut pillars = DevicePillars::new(device, &spec).unwrap();
    let mut tensor = Tensor::dirty(device, spec.size() * spec.size() * spec.channels());
    let repeats = if name.starts_with("host") { 3 } else { 100 };
    let cloud = sweep(120_000, 9);
    let first: Vec<u32> = fill(&mut pillars, &cloud, &mut tensor).into_iter().map(f32::to_bits).collect();
    for repeat in 1..repeats {
        let again: Vec<u32> = fill(&mut pillars, &cloud, &mut tensor).into_iter().map(f32::to_bits).collect();
        assert!(again == first, "{name}: repeat {repeat} differs");
    }
}

#[test]
fn repeats() {
    on_every_backend!(repeats_are_bit_identical);
}

pub fn boxes(count: usize) -> Vec<Box3> {
    let mut noise = Noise(11);
    let mut boxes: Vec<Box3> = (0..count)
        .map(|_| Box3 {
            center: [noise.between(-45.0, 45.0), noise.between(-45.0, 45.0), noise.between(0.0, 2.0)].map(f64::from),
            length: f64::from(noise.between(0.3, 12.0)),
            width: f64::from(noise.between(0.3, 3.0)),
            height: f64::from(noise.between(0.5, 3.0)),
            yaw: f64::from(noise.between(-3.2, 3.2)),
        })
        .collect();
    if let Some(last) = boxes.last_mut() {
        last.length = f64::NAN;
    }
    boxes
}

pub fn points_in_boxes_are_counted<D: Device>(device: &D, name: &str) {
    let spec = pillars_spec();
    let mut pillars = DevicePillars::new(device, &spec).unwrap();
    let mut tensor = Tensor::dirty(device, spec.size() * spec.size() * spec.channels());
    let (mut counts, mut expected) = (Vec::new(), Vec::new());
    for (case, cloud) in sweeps() {
        fill(&mut pillars, &cloud, &mut tensor);
        for boxes in [boxes(0), boxes(1), boxes(60), boxes(1500)] {
            if boxes.len() > 100 && cloud.x.len() > 1000 {
                continue;
            }
            pillars.count(&boxes, &mut counts).unwrap();
            Counter::default().count(&reference_pillars(&cloud).0, &spec, &boxes, &mut expected);
            assert_eq!(counts, expected, "{name}: {case}, {} boxes", boxes.len());
        }
    }
}

#[test]
fn counts() {
    on_every_backend!(points_in_boxes_are_counted);
}
