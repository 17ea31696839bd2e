//! How long the operations take on the device and on the processor.

use crate::Tensor;
use crate::outputs::{CLASSES, GRID, center_outputs};
use crate::pillars::{boxes, mounting, pillars_spec};
use crate::scenes::sweep;
use models::{
    ChannelOrder, ImageSpec, ProjectionSpec,
    gpu::{
        Cuda, Device,
        operations::{DeviceCenters, DeviceImage, DevicePillars, DeviceProjection},
    },
    operations::{
        centers::{decode_centers, least_heat, peaks},
        count::Counter,
        image::ImageToTensor,
        pillars::Pillars,
        range::Projection,
    },
};
use std::time::Instant;

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
