//! Every operation of the device against the reference, on every backend that this machine has: the kernels as host code in three orders, and the
//! GPU. One list of cases for all. Runs by itself on a machine with a GPU: the executable needs the driver and NVRTC, nothing of Cargo.

// A test's helpers are tests too, which the lint does not see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, unsafe_code)]

mod host_device;

use host_device::Host;
use models::{
    ChannelOrder, ImageSpec, PillarsSpec, ProjectionSpec,
    gpu::{
        Cuda, Device,
        operations::{CellKind, DeviceCells, DeviceCenters, DeviceImage, DevicePillars, DeviceProjection},
    },
    operations::{
        boxes::decode_yolox,
        centers::{CenterGrid, decode_centers, least_heat, peaks},
        count::Counter,
        distances::decode_distances,
        image::ImageToTensor,
        pillars::Pillars,
        range::Projection,
    },
};
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use std::time::Instant;
use types::{Box3, PointCloud};

/// What holds for one backend is asked of all of them. A backend that is not here says so in one line.
macro_rules! on_every_backend {
    ($check:ident) => {
        match Host::new(0) {
            Ok(host) => (0..3).for_each(|order| $check(&host.in_order(order), &format!("host code, order {order}"))),
            Err(reason) => eprintln!("{}: host code skipped: {reason}", stringify!($check)),
        }
        match Cuda::open(None) {
            Ok(cuda) => $check(&cuda, cuda.describe()),
            Err(reason) => eprintln!("{}: GPU skipped: {reason}", stringify!($check)),
        }
    };
}

/// Numbers on the device.
struct Tensor<D: Device> {
    device: D,
    memory: D::Memory,
    staging: D::Staging,
}

impl<D: Device> Tensor<D> {
    fn new(device: &D, values: &[f32]) -> Self {
        let bytes = 4 * values.len();
        let mut staging = device.staging(bytes).unwrap();
        for (to, from) in staging.chunks_exact_mut(4).zip(values) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        let memory = device.memory(bytes).unwrap();
        device.upload(&staging, 0..bytes, &memory).unwrap();
        device.wait().unwrap();
        Self { device: device.clone(), memory, staging }
    }

    /// Full of nonsense, so that what is not written is seen.
    fn dirty(device: &D, numbers: usize) -> Self {
        Self::new(device, &vec![-77.0; numbers])
    }

    fn address(&self) -> u64 {
        D::address(&self.memory)
    }

    fn read(&mut self) -> Vec<f32> {
        let bytes = self.staging.len();
        self.device.download(&self.memory, 0, bytes, &mut self.staging).unwrap();
        self.device.wait().unwrap();
        self.staging.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }
}

/// Equal bits; zeros of both signs are equal.
fn assert_same(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let same = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan());
    let wrong: Vec<usize> = (0..found.len()).filter(|&i| !same(found[i], expected[i])).collect();
    assert!(
        wrong.is_empty(),
        "{what}: {} of {} numbers differ, the first at {}: found {:?}, expected {:?}",
        wrong.len(),
        found.len(),
        wrong[0],
        found[wrong[0]],
        expected[wrong[0]]
    );
}

/// Equally distributed numbers in 0..1, always the same ones (xorshift, Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / 16_777_216.0
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.next()
    }
}

fn cloud(points: impl IntoIterator<Item = [f32; 3]>) -> PointCloud {
    let mut cloud = PointCloud::default();
    for (index, [x, y, z]) in points.into_iter().enumerate() {
        cloud.x.push(x);
        cloud.y.push(y);
        cloud.z.push(z);
        cloud.intensity.push(index as f32 * 0.125);
    }
    cloud
}

/// Near points are many, far ones few, as a lidar sees them.
fn sweep(points: usize, seed: u64) -> PointCloud {
    let mut noise = Noise(seed);
    cloud((0..points).map(|_| {
        let (range, angle) = (60.0 * noise.next().powi(2) + 1.0, noise.between(-3.2, 3.2));
        [range * angle.cos(), range * angle.sin(), noise.between(-2.6, 1.2)]
    }))
}

/// The sweeps of the list, by name.
fn sweeps() -> Vec<(&'static str, PointCloud)> {
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];
    let broken = bad.iter().flat_map(|&b| [[b, 9.0, 0.5], [9.0, b, 0.5], [9.0, 9.0, b], [b; 3]]);
    let edges = (-210..=210).flat_map(|n| {
        let at = n as f32 * 0.2;
        let next = |step: i32| f32::from_bits((at.to_bits() as i32 + step) as u32);
        [[at, 10.0, -1.5], [10.0, at, -1.5], [next(1), next(-1), -0.3], [next(-1), next(1), 0.0]]
    });
    let heights = (-120..120).map(|n| [12.0, 3.0, n as f32 * 0.025]);
    vec![
        ("empty", PointCloud::default()),
        ("one point", cloud([[10.0, -5.0, -1.0]])),
        ("broken points", cloud(broken)),
        ("edges of cells", cloud(edges)),
        ("edges of slices", cloud(heights)),
        ("all on the vehicle", cloud((0..999).map(|n| [n as f32 * 0.003, 0.2, -0.7]))),
        ("all in one cell", cloud((0..60_000).map(|n| [12.05, 3.05, n as f32 * 5e-5 - 1.6]))),
        ("a small sweep", sweep(999, 3)),
        ("120 000 points", sweep(120_000, 1)),
        ("200 000 points", sweep(200_000, 2)),
    ]
}

fn pillars_spec() -> PillarsSpec {
    PillarsSpec {
        cell_m: 0.2,
        reach_m: 41.6,
        heights_m: vec![-1.0, 0.2, 0.5, 0.9, 1.4, 2.0, 3.4],
        own_x_m: [-1.2, 3.8],
        own_y_m: [-1.0, 1.0],
    }
}

fn mounting() -> Isometry3<f64> {
    Isometry3::from_parts(Translation3::new(0.76, 0.02, 1.73), UnitQuaternion::from_euler_angles(0.011, -0.007, 0.4))
}

/// What the reference makes of a sweep.
fn reference_pillars(cloud: &PointCloud) -> (Pillars, Vec<f32>) {
    let spec = pillars_spec();
    let (mut pillars, mut tensor) = (Pillars::default(), vec![0.0; spec.size() * spec.size() * spec.channels()]);
    assert!(pillars.fill([&cloud.x, &cloud.y, &cloud.z], &mounting(), &spec, &mut tensor));
    (pillars, tensor)
}

fn fill<D: Device>(pillars: &mut DevicePillars<D>, cloud: &PointCloud, tensor: &mut Tensor<D>) -> Vec<f32> {
    // SAFETY: the tensor is memory of this device for all channels and cells.
    unsafe { pillars.fill([&cloud.x, &cloud.y, &cloud.z], &mounting(), tensor.address()) }.unwrap();
    tensor.read()
}

/// Logarithms of great counts are the device's own.
fn assert_same_pillars(what: &str, found: &[f32], expected: &[f32]) {
    let (plane, great) = (pillars_spec().size().pow(2), 4097f32.ln() / 4.0);
    let close = |index: usize| {
        let is_great_count = index / plane == 3 && expected[index] >= great;
        is_great_count && (found[index] - expected[index]).abs() <= 4e-7 * expected[index]
    };
    let patched: Vec<f32> = (0..found.len()).map(|i| if close(i) { expected[i] } else { found[i] }).collect();
    assert_same(what, &patched, expected);
}

fn pillars_are_the_references<D: Device>(device: &D, name: &str) {
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

fn sweeps_leave_nothing_behind<D: Device>(device: &D, name: &str) {
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

fn repeats_are_bit_identical<D: Device>(device: &D, name: &str) {
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

fn boxes(count: usize) -> Vec<Box3> {
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

fn points_in_boxes_are_counted<D: Device>(device: &D, name: &str) {
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

const GRID: CenterGrid = CenterGrid { size: [208, 208], cell_m: 0.4, reach_m: 41.6, overlap_weight: 0.5 };
const CLASSES: usize = 4;

/// Heat, boxes and overlap of a network: few peaks, all cells, flat tops, broken numbers.
fn center_outputs() -> Vec<(&'static str, [Vec<f32>; 3])> {
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

fn centers_are_the_references<D: Device>(device: &D, name: &str) {
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

fn cells_are_the_references<D: Device>(device: &D, name: &str) {
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

fn images_are_the_references<D: Device>(device: &D, name: &str) {
    let plain = ImageSpec { channels: ChannelOrder::Rgb, scale: 1.0 / 255.0, mean: [0.0; 3], std: [1.0; 3], pad: 114 };
    let scaled =
        ImageSpec { channels: ChannelOrder::Bgr, scale: 0.5, mean: [1.0, 2.0, 3.0], std: [1.0, 2.0, 4.0], pad: 10 };
    let mut noise = Noise(4);
    for (spec, [rows, columns]) in [(&plain, [352, 640]), (&scaled, [96, 160])] {
        let mut images = DeviceImage::new(device, spec, rows, columns).unwrap();
        let mut reference = ImageToTensor::new(spec, rows, columns);
        for [width, height] in
            [[1242, 375], [640, 352], [1, 1], [64, 48], [1242, 375], [1920, 1080], [4000, 3], [3, 4000]]
        {
            let rgb: Vec<u8> = (0..3 * width * height).map(|_| (256.0 * noise.next()) as u8).collect();
            let mut tensor = Tensor::dirty(device, 3 * rows * columns);
            let mut expected = vec![0.0; 3 * rows * columns];
            // SAFETY: the tensor is memory of this device for all channels and pixels.
            let ratio = unsafe { images.fill(&rgb, width, height, tensor.address()) }.unwrap();
            assert_eq!(ratio, reference.fill(&rgb, width, height, &mut expected), "{name}: {width} x {height}");
            assert_same(&format!("{name}: {width} x {height}"), &tensor.read(), &expected);
        }
        for (bytes, width, height) in [(5, 2, 1), (0, 0, 1), (6, usize::MAX, 2)] {
            // SAFETY: images that do not match their size are refused before anything is written.
            assert_eq!(unsafe { images.fill(&vec![0; bytes], width, height, 0) }.unwrap(), None);
        }
    }
}

#[test]
fn images() {
    on_every_backend!(images_are_the_references);
}

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

#[test]
fn what_the_device_refuses_is_said_with_numbers() {
    let cuda = match Cuda::open(None) {
        Ok(cuda) => cuda,
        Err(reason) => {
            eprintln!("what_the_device_refuses_is_said_with_numbers skipped: {reason}");
            return;
        }
    };
    let said = cuda.memory(1 << 42).err().unwrap().to_string();
    assert!(
        said.contains("CUDA_ERROR_OUT_OF_MEMORY")
            && said.contains("4398046511104 bytes")
            && said.contains("MiB are free"),
        "{said}"
    );
    let (memory, staging) = (cuda.memory(64).unwrap(), cuda.staging(32).unwrap());
    let said = cuda.upload(&staging, 0..64, &memory).unwrap_err().to_string();
    assert_eq!(said, "upload: 64 bytes do not fit 32");
    // It goes on working.
    cuda.upload(&staging, 0..32, &memory).unwrap();
    cuda.wait().unwrap();
}

#[test]
fn a_broken_cache_of_kernels_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Cuda::open(Some(folder.path()));
    if let Err(reason) = open() {
        eprintln!("a_broken_cache_of_kernels_is_made_again skipped: {reason}");
        return;
    }
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    for broken in [&b"\x7fELF and nothing"[..], &whole[..whole.len() / 2], b""] {
        std::fs::write(&file, broken).unwrap();
        pillars_are_the_references(&open().unwrap(), "after a broken cache");
        assert!(std::fs::read(&file).unwrap() == whole);
    }
}

/// Median of the milliseconds between two marks in the stream, and of the clock from call to end.
fn time(cuda: &Cuda, what: &str, run: &mut dyn FnMut()) -> f64 {
    let (mut device_ms, mut clock_ms) = (Vec::new(), Vec::new());
    for repeat in 0..220 {
        cuda.wait().unwrap();
        let begin = Instant::now();
        let start = cuda.mark().unwrap();
        run();
        let end = cuda.mark().unwrap();
        cuda.wait().unwrap();
        if repeat >= 20 {
            clock_ms.push(begin.elapsed().as_secs_f64() * 1e3);
            device_ms.push(start.elapsed_ms(&end).unwrap());
        }
    }
    device_ms.sort_by(f64::total_cmp);
    clock_ms.sort_by(f64::total_cmp);
    println!(
        "{what:<44} device p50 {:.4} ms, p99 {:.4} ms; clock p50 {:.4} ms, p99 {:.4} ms",
        device_ms[100], device_ms[197], clock_ms[100], clock_ms[197]
    );
    device_ms[100]
}

fn on_the_processor(what: &str, run: &mut dyn FnMut()) -> f64 {
    let mut clock_ms: Vec<f64> = (0..60)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    clock_ms.sort_by(f64::total_cmp);
    println!("{what:<44} reference on one core p50 {:.4} ms", clock_ms[30]);
    clock_ms[30]
}

/// Prints how long each piece of work takes on the device, the median of many.
fn pieces(cuda: &Cuda, what: &str, run: &mut dyn FnMut()) {
    let mut times: Vec<(&'static str, usize, Vec<f64>)> = Vec::new();
    cuda.profile(true).unwrap();
    for _ in 0..100 {
        run();
        for (index, work) in cuda.profiled().unwrap().into_iter().enumerate() {
            if times.len() <= index {
                times.push((work.name, work.bytes, Vec::new()));
            }
            times[index].2.push(work.ms);
        }
    }
    cuda.profile(false).unwrap();
    for (name, bytes, mut times) in times {
        times.sort_by(f64::total_cmp);
        println!("  {what}: {name:<16}{bytes:>9} bytes, p50 {:.4} ms", times[times.len() / 2]);
    }
}

/// How long the operations take. Prints; nothing is asserted about time.
#[test]
fn timing() {
    let cuda = match Cuda::open(None) {
        Ok(cuda) => cuda,
        Err(reason) => {
            eprintln!("timing skipped: {reason}");
            return;
        }
    };
    println!("{}", cuda.describe());
    let (spec, cloud) = (pillars_spec(), sweep(120_000, 1));
    let mut pillars = DevicePillars::new(&cuda, &spec).unwrap();
    let mut host_tensor = vec![0.0; spec.size() * spec.size() * spec.channels()];
    let tensor = Tensor::dirty(&cuda, host_tensor.len());
    let columns = [cloud.x.as_slice(), &cloud.y, &cloud.z];
    time(&cuda, "nothing", &mut || ());
    // SAFETY: the tensors below are memory of this device of the shapes that are declared.
    time(&cuda, "pillars, 120 000 points, with upload", &mut || unsafe {
        pillars.fill(columns, &mounting(), tensor.address()).unwrap();
    });
    pieces(&cuda, "pillars", &mut || {
        // SAFETY: as above.
        unsafe { pillars.fill(columns, &mounting(), tensor.address()).unwrap() };
    });
    let mut reference = Pillars::default();
    on_the_processor("pillars, 120 000 points", &mut || {
        assert!(reference.fill(columns, &mounting(), &spec, &mut host_tensor));
    });
    let (boxes, mut counts, mut counter) = (boxes(40), Vec::new(), Counter::default());
    time(&cuda, "points in 40 boxes, there and back", &mut || pillars.count(&boxes, &mut counts).unwrap());
    on_the_processor("points in 40 boxes", &mut || counter.count(&reference, &spec, &boxes, &mut counts));

    let (_, outputs) = center_outputs().swap_remove(1);
    let tensors = outputs.each_ref().map(|values| Tensor::new(&cuda, values));
    let mut centers = DeviceCenters::new(&cuda, GRID, CLASSES, 0.42).unwrap();
    let mut found = Vec::new();
    time(&cuda, "peaks and boxes, there and back", &mut || {
        // SAFETY: see above.
        unsafe { centers.pick(tensors.each_ref().map(Tensor::address)).unwrap() };
        centers.boxes(&mut found).unwrap();
    });
    pieces(&cuda, "centers", &mut || {
        // SAFETY: see above.
        unsafe { centers.pick(tensors.each_ref().map(Tensor::address)).unwrap() };
        centers.boxes(&mut found).unwrap();
    });
    let mut list = Vec::new();
    on_the_processor("peaks and boxes", &mut || {
        peaks(&outputs[0], GRID.size, least_heat(0.42, 0.5), &mut list);
        decode_centers(&list, &outputs[1], &outputs[2], &GRID, 0.42, &mut found);
    });

    let image = ImageSpec { channels: ChannelOrder::Rgb, scale: 1.0 / 255.0, mean: [0.0; 3], std: [1.0; 3], pad: 114 };
    let rgb = vec![77u8; 3 * 1242 * 375];
    let mut images = DeviceImage::new(&cuda, &image, 352, 640).unwrap();
    time(&cuda, "image 1242 x 375 to 640 x 352, with upload", &mut || {
        // SAFETY: see above.
        unsafe { images.fill(&rgb, 1242, 375, tensor.address()).unwrap() };
    });
    pieces(&cuda, "image", &mut || {
        // SAFETY: see above.
        unsafe { images.fill(&rgb, 1242, 375, tensor.address()).unwrap() };
    });
    let mut to_tensor = ImageToTensor::new(&image, 352, 640);
    let mut host_image = vec![0.0; 3 * 352 * 640];
    on_the_processor("image 1242 x 375 to 640 x 352", &mut || {
        to_tensor.fill(&rgb, 1242, 375, &mut host_image).unwrap();
    });

    let projection =
        ProjectionSpec { fov_up_deg: 3.0, fov_down_deg: -25.0, rows: 64, columns: 2048, trust_distance_m: 0.5 };
    let mut ranges = DeviceProjection::new(&cuda, &projection).unwrap();
    let range_tensor = Tensor::dirty(&cuda, 6 * 64 * 2048);
    let mask = range_tensor.address() + 4 * 5 * 64 * 2048;
    time(&cuda, "range image, 120 000 points, with upload", &mut || {
        // SAFETY: see above.
        unsafe { ranges.fill(&cloud, range_tensor.address(), mask).unwrap() };
    });
    pieces(&cuda, "range image", &mut || {
        // SAFETY: see above.
        unsafe { ranges.fill(&cloud, range_tensor.address(), mask).unwrap() };
    });
    let (mut on_host, mut host_range, mut host_mask) =
        (Projection::default(), vec![0.0; 5 * 131_072], vec![0.0; 131_072]);
    on_the_processor("range image, 120 000 points", &mut || {
        on_host.compute(&cloud, &projection);
        on_host.write(&cloud, &mut host_range, &mut host_mask);
    });
}
