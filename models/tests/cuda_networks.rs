//! Our own networks on CUDA against the same networks on the CPU, in one ONNX Runtime. Runs by itself on a machine with a GPU: needs `ORT_DYLIB_PATH`, a
//! library with its CUDA provider beside it.

// A test's helpers are tests too, which the lint does not see.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod street;

use models::{CameraDetector, Catalogue, Engine, LidarDetector, ModelError, Provider, Role};
use nalgebra::Isometry3;
use std::{path::PathBuf, time::Instant};
use street::sweep;
use types::{Detection2, Detection3, Image, PointCloud};

/// Boxes of two providers are the same within this.
const TOLERANCE: f64 = 1e-3;

fn engine(provider: Provider) -> Option<Engine> {
    let Some(library) = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from) else {
        eprintln!("skipped: ORT_DYLIB_PATH is not set");
        return None;
    };
    match Engine::open(Some(&library), provider, 2) {
        Ok(engine) => Some(engine),
        Err(reason @ ModelError::NoGpu { .. }) => {
            eprintln!("skipped: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The engines whose results are compared.
fn engines() -> Option<(Engine, Engine)> {
    let cuda = engine(Provider::Cuda)?;
    println!("{}", cuda.describe());
    engine(Provider::Cpu).map(|cpu| (cpu, cuda))
}

/// Dark boxes with bright windows on a grey road under a bright sky.
fn picture(frame: usize) -> Image {
    let (width, height) = (1242, 375);
    let mut rgb = vec![0; 3 * width * height];
    for (index, pixel) in rgb.chunks_exact_mut(3).enumerate() {
        let (x, y) = (index % width, index / width);
        let car = |left: usize, top: usize, side: usize| {
            (left..left + 2 * side).contains(&x) && (top..top + side).contains(&y)
        };
        let grain = (x * 7 + y * 13 + x * y) % 11;
        let color = if car(300 + 5 * frame, 190, 70) || car(700, 180, 40) {
            [30 + grain, 30, 40]
        } else if y < 150 {
            [150, 180, 210 + grain]
        } else {
            [90 + grain, 90 + grain, 92 + grain]
        };
        pixel.iter_mut().zip(color).for_each(|(to, from)| *to = from as u8);
    }
    Image { width, height, rgb }
}

fn lidar(engine: &Engine) -> LidarDetector {
    let catalogue = Catalogue::embedded().unwrap();
    LidarDetector::load(engine, catalogue.of_role(Role::LidarDetector).unwrap()).unwrap()
}

fn camera(engine: &Engine) -> CameraDetector {
    let catalogue = Catalogue::embedded().unwrap();
    CameraDetector::load(engine, catalogue.of_role(Role::CameraDetector).unwrap()).unwrap()
}

fn in_sweep(network: &mut LidarDetector, cloud: &PointCloud) -> Vec<Detection3> {
    network.prepare(cloud, &Isometry3::translation(0.76, 0.0, 1.73)).unwrap();
    network.infer().unwrap();
    network.boxes().unwrap()
}

fn in_image(network: &mut CameraDetector, image: &Image) -> Vec<Detection2> {
    network.prepare(image).unwrap();
    network.infer().unwrap();
    network.boxes().unwrap()
}

#[test]
fn the_lidar_network_finds_the_same_on_cuda() {
    let Some((cpu, cuda)) = engines() else { return };
    let (mut cpu, mut cuda) = (lidar(&cpu), lidar(&cuda));
    let (mut worst, mut boxes) = (0.0f64, 0);
    for frame in 0..12 {
        let cloud = sweep(frame);
        let (expected, found) = (in_sweep(&mut cpu, &cloud), in_sweep(&mut cuda, &cloud));
        boxes += expected.len();
        assert_eq!(found.len(), expected.len(), "frame {frame}: found {found:#?}, expected {expected:#?}");
        for (a, b) in found.iter().zip(&expected) {
            let numbers = |d: &Detection3| {
                let [x, y, z] = d.bbox.center;
                [x, y, z, d.bbox.length, d.bbox.width, d.bbox.height, d.bbox.yaw, d.score]
            };
            let apart = numbers(a).into_iter().zip(numbers(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            worst = worst.max(apart);
            assert_eq!(a.class, b.class, "frame {frame}");
            assert!(apart < TOLERANCE, "frame {frame}: found {a:?}, expected {b:?}");
            assert!(a.point_count.abs_diff(b.point_count) <= 2, "frame {frame}: found {a:?}, expected {b:?}");
        }
    }
    assert!(boxes >= 12, "{boxes} boxes");
    println!("lidar: {boxes} boxes; CUDA and CPU differ by at most {worst:.2e} in m, rad and score");
}

#[test]
fn the_camera_network_finds_the_same_on_cuda() {
    let Some((cpu, cuda)) = engines() else { return };
    let (mut cpu, mut cuda) = (camera(&cpu), camera(&cuda));
    let (mut worst, mut boxes) = ([0.0f64; 2], 0);
    for frame in 0..12 {
        let image = picture(frame);
        let (expected, found) = (in_image(&mut cpu, &image), in_image(&mut cuda, &image));
        assert_eq!(found.len(), expected.len(), "frame {frame}: found {found:#?}, expected {expected:#?}");
        boxes += found.len();
        for (a, b) in found.iter().zip(&expected) {
            let edges = |d: &Detection2| [d.bbox.x_min, d.bbox.y_min, d.bbox.x_max, d.bbox.y_max];
            let apart = edges(a).into_iter().zip(edges(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            worst = [worst[0].max(apart), worst[1].max((a.score - b.score).abs())];
            assert_eq!(a.class, b.class, "frame {frame}");
            // An edge is up to 1242 px from zero: single precision and its sums leave a few thousandths.
            assert!(apart < 20.0 * TOLERANCE && (a.score - b.score).abs() < TOLERANCE, "frame {frame}: {a:?}, {b:?}");
        }
    }
    println!("camera: {boxes} boxes; CUDA and CPU differ by at most {:.2e} px and {:.2e} of score", worst[0], worst[1]);
}

#[test]
fn cuda_gives_the_same_bits_every_time() {
    let Some(engine) = engine(Provider::Cuda) else { return };
    let (mut lidar, mut camera) = (lidar(&engine), camera(&engine));
    let (a, b, image) = (sweep(0), sweep(5), picture(3));
    let first = (in_sweep(&mut lidar, &b), in_image(&mut camera, &image));
    for repeat in 0..100 {
        in_sweep(&mut lidar, &a);
        in_image(&mut camera, &picture(repeat % 3));
        let again = (in_sweep(&mut lidar, &b), in_image(&mut camera, &image));
        assert!(again == first, "repeat {repeat}: {again:?} is not {first:?}");
    }
}

/// How long a frame takes, by the clock. Prints; nothing is asserted about time.
#[test]
fn timing() {
    let Some((cpu, cuda)) = engines() else { return };
    let (cloud, image) = (sweep(0), picture(0));
    println!("{} points", cloud.x.len());
    for (name, engine, frames) in [("CPU", cpu, 10), ("CUDA", cuda, 200)] {
        let begin = Instant::now();
        let (mut lidar, mut camera) = (lidar(&engine), camera(&engine));
        println!("{name}: both networks loaded in {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);
        println!("{name}: camera {:?}, lidar {:?}", camera.network().placement(), lidar.network().placement());
        let mut times: [Vec<f64>; 6] = Default::default();
        for frame in 0..frames + 10 {
            let mut begin = Instant::now();
            let mut lap = |part: usize| {
                let now = Instant::now();
                if frame >= 10 {
                    times[part].push((now - begin).as_secs_f64() * 1e3);
                }
                begin = now;
            };
            camera.prepare(&image).unwrap();
            lap(0);
            camera.infer().unwrap();
            lap(1);
            camera.boxes().unwrap();
            lap(2);
            lidar.prepare(&cloud, &Isometry3::translation(0.76, 0.0, 1.73)).unwrap();
            lap(3);
            lidar.infer().unwrap();
            lap(4);
            lidar.boxes().unwrap();
            lap(5);
        }
        let parts = ["prepare image", "infer camera", "decode boxes", "fill pillars", "infer lidar", "find boxes"];
        for (part, times) in parts.into_iter().zip(&mut times) {
            times.sort_by(f64::total_cmp);
            let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize];
            println!("{name:<5}{part:<16}p50 {:>8.3} ms, p99 {:>8.3} ms", at(0.5), at(0.99));
        }
        let print = |what: &str, mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize];
            println!("{name:<5}{what:<40}p50 {:>8.3} ms, p99 {:>8.3} ms", at(0.5), at(0.99));
        };
        let mut alone: [Vec<f64>; 4] = Default::default();
        let mut both = Vec::new();
        let mut work: [Vec<models::gpu::Work>; 2] = Default::default();
        for _ in 0..frames {
            for (part, network) in [camera.network(), lidar.network()].into_iter().enumerate() {
                let begin = Instant::now();
                let on_device = network.run_alone().unwrap();
                alone[2 * part].push(begin.elapsed().as_secs_f64() * 1e3);
                alone[2 * part + 1].extend(on_device);
            }
            let begin = Instant::now();
            camera.prepare(&image).unwrap();
            camera.start().unwrap();
            lidar.prepare(&cloud, &Isometry3::translation(0.76, 0.0, 1.73)).unwrap();
            lidar.start().unwrap();
            camera.finish().unwrap();
            camera.boxes().unwrap();
            lidar.finish().unwrap();
            lidar.boxes().unwrap();
            both.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        if let (Some(a), Some(b)) = (camera.network().cuda().cloned(), lidar.network().cuda().cloned()) {
            a.profile(true).unwrap();
            b.profile(true).unwrap();
            for _ in 0..20 {
                in_image(&mut camera, &image);
                in_sweep(&mut lidar, &cloud);
                (work[0], work[1]) = (a.profiled().unwrap(), b.profiled().unwrap());
            }
            a.profile(false).unwrap();
            b.profile(false).unwrap();
        }
        for work in work.iter().flatten() {
            println!(
                "{name:<5}{:<16}{:>9} bytes, starts {:>7.4} ms, takes {:>7.4} ms",
                work.name, work.bytes, work.start_ms, work.ms
            );
        }
        let [camera_clock, camera_device, lidar_clock, lidar_device] = alone;
        print("camera network alone, clock", camera_clock);
        print("lidar network alone, clock", lidar_clock);
        if !camera_device.is_empty() {
            print("camera network alone, device", camera_device);
            print("lidar network alone, device", lidar_device);
            println!(
                "bytes to the device and from it: camera {:?}, lidar {:?}",
                camera.network().cuda().unwrap().traffic(),
                lidar.network().cuda().unwrap().traffic()
            );
        }
        print("both detectors side by side, all of it", both);
    }
}
