//! What networks give, to peaks and boxes.

use crate::Tensor;
use crate::scenes::Noise;
use models::{
    gpu::{
        Device,
        operations::{CellKind, DeviceCells, DeviceCenters},
    },
    operations::{
        boxes::decode_yolox,
        centers::{CenterGrid, decode_centers, least_heat, peaks},
        distances::decode_distances,
    },
};

pub const GRID: CenterGrid = CenterGrid { size: [208, 208], cell_m: 0.4, reach_m: 41.6, overlap_weight: 0.5 };
pub const CLASSES: usize = 4;

/// Heat, boxes and overlap of a network: few peaks, all cells, flat tops, broken numbers.
pub fn center_outputs() -> Vec<(&'static str, [Vec<f32>; 3])> {
    let plane = 208 * 208;
    let mut noise = Noise(5);
    let mut outputs = |peak: &dyn Fn(f32) -> f32| {
        let heat: Vec<f32> = (0..CLASSES * plane).map(|_| peak(noise.next())).collect();
        let boxes = (0..8 * plane).map(|_| noise.between(-0.5, 1.5)).collect();
        [heat, boxes, (0..plane).map(|_| noise.next()).collect()]
    };
    let mut broken = outputs(&|v| v.powi(8));
    broken[0][3 * plane + 17] = f32::NAN;
    broken[0][plane] = 0.9;
    broken[1][plane + 3] = f32::INFINITY;
    broken[1][7 * plane + 5] = f32::NAN;
    vec![
        ("nothing", outputs(&|_| 0.0)),
        ("few", outputs(&|v| if v > 0.9995 { v - 0.2 } else { 0.1 * v })),
        ("many", outputs(&|v| v)),
        ("flat", outputs(&|_| 0.7)),
        ("broken", broken),
    ]
}

pub fn centers_are_the_references<D: Device>(device: &D, name: &str) {
    let mut centers = DeviceCenters::new(device, GRID, CLASSES, 0.42).unwrap();
    for (case, [heat, boxes, overlap]) in center_outputs() {
        let tensors = [&heat, &boxes, &overlap].map(|values| Tensor::new(device, values));
        let (mut found, mut expected, mut peaks_expected) = (Vec::new(), Vec::new(), Vec::new());
        // SAFETY: the three tensors are memory of this device of the shapes that were declared.
        unsafe { centers.pick(tensors.each_ref().map(Tensor::address)) }.unwrap();
        let bad = centers.boxes(&mut found).unwrap();
        peaks(&heat, GRID.size, least_heat(0.42, GRID.overlap_weight), &mut peaks_expected);
        decode_centers(&peaks_expected, &boxes, &overlap, &GRID, 0.42, &mut expected);
        assert_eq!(found.len(), expected.len(), "{name}: {case}");
        assert!(found == expected, "{name}: {case}");
        let first_bad = [&heat, &boxes, &overlap].map(|values| values.iter().position(|v| !v.is_finite()));
        assert_eq!(bad, first_bad, "{name}: {case}");
    }
}

#[test]
fn centers() {
    on_every_backend!(centers_are_the_references);
}

pub fn cells_are_the_references<D: Device>(device: &D, name: &str) {
    let (size, strides, classes, rows) = ([640, 352], [8, 16, 32], 5, 4620);
    let mut noise = Noise(6);
    for threshold in [0.0, 0.4, 0.999, 2.0] {
        let mut scores: Vec<f32> = (0..rows * classes).map(|_| noise.next()).collect();
        let mut distances: Vec<f32> = (0..rows * 4).map(|_| noise.between(-1.0, 90.0)).collect();
        let mut anchors: Vec<f32> = (0..rows * (5 + classes)).map(|_| noise.next()).collect();
        for (values, bad) in [(&mut scores, 77), (&mut distances, 3), (&mut anchors, 1234)] {
            values[bad] = f32::NAN;
            values[2 * bad + 5] = f32::INFINITY;
        }
        scores[10 * classes..11 * classes].fill(1.0);
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        let what = format!("{name}: threshold {threshold}");

        let mut cells =
            DeviceCells::new(device, CellKind::Distances, size, &strides, rows, classes, threshold).unwrap();
        let tensors = [&scores, &distances].map(|values| Tensor::new(device, values));
        let numbers = [scores.len(), distances.len()];
        // SAFETY: the tensors are memory of this device of these sizes.
        unsafe { cells.pick(tensors.each_ref().map(Tensor::address), numbers) }.unwrap();
        let bad = cells.candidates(numbers, &mut found).unwrap();
        decode_distances(&scores, &distances, size, &strides, classes, threshold, &mut expected);
        assert!(found == expected, "{what}: distances: {} and {}", found.len(), expected.len());
        assert_eq!(bad, [Some(77), Some(3)], "{what}");

        let mut cells = DeviceCells::new(device, CellKind::Anchors, size, &strides, rows, classes, threshold).unwrap();
        let tensor = Tensor::new(device, &anchors);
        // SAFETY: the tensor is memory of this device of this size; the second is not read.
        unsafe { cells.pick([tensor.address(), 0], [anchors.len(), 0]) }.unwrap();
        let bad = cells.candidates([anchors.len(), 0], &mut found).unwrap();
        decode_yolox(&anchors, size, &strides, classes, threshold, &mut expected);
        assert!(found == expected, "{what}: anchors: {} and {}", found.len(), expected.len());
        assert_eq!(bad, [Some(1234), None], "{what}");
    }
}

#[test]
fn cells() {
    on_every_backend!(cells_are_the_references);
}
