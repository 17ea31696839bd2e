//! Cost of each room's step on the street in the repository: `cargo bench`.
#![allow(clippy::expect_used, missing_docs)] // a bench may panic, and criterion's macros make the entry points

use chauffeur::config::Config;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use models::PillarsSpec;
use models::operations::pillars::Pillars;
use perception::detect::GeometricDetector;
use perception::localize::{Localizer, Senses};
use perception::track::Tracker;
use planning::{PlanInput, Planner, Way};
use recordings::{Compression, DriveReader, DriveWriter, Message, RunRecord};
use std::hint::black_box;
use std::path::Path;
use types::{
    Box3, Calibration, CameraFrame, Detection3, Detections, EgoState, Image, LidarSweep, ObjectClass, PointCloud,
    PoseSource, Stamp, Tracks,
};

/// The middle of the drive, once through perception.
struct Scene {
    messages: Vec<Message>,
    calibration: Calibration,
    route: Way,
    camera: CameraFrame,
    sweeps: Vec<LidarSweep>,
    points: PointCloud,
    ego: EgoState,
    detections: Detections,
    tracks: Tracks,
}

fn scene() -> Scene {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/drives/street.mcap");
    let reader = DriveReader::open(&path).expect("the drive in the repository");
    let calibration = reader.calibration().expect("its calibration").clone();
    let route = reader.route().expect("its route").clone();
    let messages: Vec<Message> = reader.map(|message| message.expect("a message")).collect();
    let config = Config::default();
    let mut detector = GeometricDetector::new(config.geometric);
    let mut tracker = Tracker::new(config.track);
    let (mut cameras, mut sweeps, mut egos) = (Vec::new(), Vec::new(), Vec::new());
    for message in &messages {
        match message {
            Message::Camera(frame) => cameras.push(frame.clone()),
            Message::Lidar(sweep) => sweeps.push(sweep.clone()),
            Message::Ins(fix) => egos.push(fix.state),
            _ => {}
        }
    }
    let (mut points, mut tracks, mut detections) = (PointCloud::default(), Tracks::default(), Detections::default());
    for (frame, (sweep, ego)) in (0..30).zip(sweeps.iter().zip(&egos)) {
        perception::decode::points(sweep, &mut points).expect("a good sweep");
        let lidar = detector.step(&points, &calibration);
        detections = Detections { frame, stamp: sweep.stamp, camera: Vec::new(), lidar };
        tracks = tracker.step(&detections, ego).clone();
    }
    let route = Way::new(&route).expect("a good route");
    let (camera, ego) = (cameras.swap_remove(29), egos[29]);
    Scene { messages, calibration, route, camera, sweeps, points, ego, detections, tracks }
}

/// `count` cars in rows, all at walking pace, and an ego that stands.
fn car_park(count: u64, frame: u64) -> (Detections, EgoState) {
    let stamp = Stamp::from_nanos(100_000_000 * frame as i64);
    let seen = |i: u64| {
        let (column, row) = (i % 25, i / 25);
        let x = 7.0 * column as f64 - 84.0 + 0.1 * (frame % 20) as f64;
        let bbox = Box3 { center: [x, 4.0 * row as f64 - 40.0, 0.8], length: 4.4, width: 1.8, height: 1.6, yaw: 0.0 };
        Detection3 { bbox, class: ObjectClass::Car, score: 0.9, point_count: 100, camera: None, seen_after_s: 0.0 }
    };
    let lidar = (0..count).map(seen).collect();
    let ego = EgoState {
        stamp,
        odom_from_base: nalgebra::Isometry3::identity(),
        speed_mps: 0.0,
        acceleration_mps2: 0.0,
        yaw_rate_radps: 0.0,
        source: PoseSource::Ins,
    };
    (Detections { frame, stamp, camera: Vec::new(), lidar }, ego)
}

fn rooms(criterion: &mut Criterion) {
    let scene = scene();
    let config = Config::default();
    let mut group = criterion.benchmark_group("street");
    group.sample_size(20);

    let mut image = Image::default();
    group.bench_function("decode image 640x360", |b| {
        b.iter(|| perception::decode::image(black_box(&scene.camera), &mut image));
    });
    let mut points = PointCloud::default();
    group.throughput(Throughput::Elements(scene.points.len() as u64));
    group.bench_function("decode points", |b| {
        b.iter(|| perception::decode::points(black_box(&scene.sweeps[29]), &mut points));
    });
    let grid = PillarsSpec {
        cell_m: 0.2,
        reach_m: 41.6,
        heights_m: vec![-1.0, 0.2, 0.5, 0.9, 1.4, 2.0, 3.4],
        own_x_m: [-1.2, 3.8],
        own_y_m: [-1.0, 1.0],
    };
    let mut pillars = Pillars::default();
    let mut tensor = vec![0.0; grid.channels() * grid.size() * grid.size()];
    let PointCloud { x, y, z, .. } = &scene.points;
    let base_from_lidar = scene.calibration.base_from_lidar;
    group.bench_function("fill pillars", |b| {
        b.iter(|| pillars.fill(black_box([x, y, z]), &base_from_lidar, &grid, &mut tensor));
    });
    let mut detector = GeometricDetector::new(config.geometric);
    group.bench_function("detect geometric", |b| {
        b.iter(|| detector.step(black_box(&scene.points), &scene.calibration));
    });
    group.throughput(Throughput::Elements(scene.sweeps.len() as u64));
    group.bench_function("localize by lidar, 60 sweeps with decoding", |b| {
        b.iter(|| {
            let mut localizer = Localizer::new(config.localize.clone());
            for sweep in &scene.sweeps {
                let decoded = perception::decode::points(sweep, &mut points);
                let senses = Senses { cloud: Some(&points), ..Senses::default() };
                let state = localizer.step(sweep.seq, sweep.stamp, &senses, &scene.calibration);
                black_box((decoded.is_ok(), state.is_ok()));
            }
        });
    });
    group.throughput(Throughput::Elements(scene.detections.lidar.len() as u64));
    group.bench_function("track one frame", |b| {
        b.iter_batched_ref(
            || Tracker::new(config.track.clone()),
            |tracker| tracker.step(black_box(&scene.detections), &scene.ego).objects.len(),
            criterion::BatchSize::SmallInput,
        );
    });
    // A car park in which everything moves: the cost of an object does not grow with their number.
    for count in [10, 100, 500] {
        let mut tracker = Tracker::new(config.track.clone());
        let mut frame = 0;
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("track {count} objects"), |b| {
            b.iter(|| {
                let (detections, ego) = car_park(count, frame);
                frame += 1;
                tracker.step(black_box(&detections), &ego).objects.len()
            });
        });
    }
    let mut planner = Planner::new(config.planning, config.vehicle);
    let input = PlanInput {
        frame: 29,
        stamp: scene.tracks.stamp,
        ego: &scene.ego,
        tracks: &scene.tracks,
        route: Some(&scene.route),
        signals: None,
    };
    group.throughput(Throughput::Elements(planner.step(&input).candidates.len() as u64));
    group.bench_function("plan", |b| b.iter(|| planner.step(black_box(&input))));

    let urban = sim::Scenario::family("urban").expect("an embedded scenario");
    let mut world = sim::World::new(&urban, 1).expect("a good scenario");
    world.advance(1.5);
    group.throughput(Throughput::Elements(960 * 540));
    group.bench_function("camera 960x540", |b| b.iter(|| world.camera_frame().expect("a picture")));
    group.throughput(Throughput::Elements(64 * 1024));
    group.bench_function("lidar 64 x 1024", |b| b.iter(|| world.lidar_sweep()));
    // All sensors of a tenth of a second, one after the other; more than 20 others move.
    group.throughput(Throughput::Elements(1));
    group.bench_function("world, lidar and camera, a frame of 0.1 s", |b| {
        b.iter_batched_ref(
            || world.clone(),
            |world| {
                world.advance(0.1);
                (world.lidar_sweep(), world.camera_frame().expect("a picture"))
            },
            criterion::BatchSize::LargeInput,
        );
    });

    // Traffic and the car itself, with more than 20 who move.
    for family in ["urban", "highway"] {
        let scenario = sim::Scenario::family(family).expect("an embedded scenario");
        let world = sim::World::new(&scenario, 1).expect("a good scenario");
        let seconds = 10;
        group.throughput(Throughput::Elements(seconds));
        group.bench_function(format!("world without sensors, {family}, elements are seconds"), |b| {
            b.iter_batched_ref(
                || world.clone(),
                |world| world.advance(seconds as f64),
                criterion::BatchSize::LargeInput,
            );
        });
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("build the world, {family}"), |b| b.iter(|| sim::World::new(&scenario, 1)));
    }

    let folder = tempfile::tempdir().expect("a folder");
    for (name, compression) in [("none", Compression::None), ("lz4", Compression::Lz4), ("zstd", Compression::Zstd)] {
        let bytes: usize = scene.sweeps.iter().map(|sweep| sweep.data.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("write the drive, {name}"), |b| {
            b.iter(|| {
                let path = folder.path().join("drive.mcap");
                let mut writer = DriveWriter::create(&path, &RunRecord::default(), compression).expect("a file");
                scene.messages.iter().for_each(|message| writer.write(message).expect("room on the disk"));
                writer.finish().expect("room on the disk")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, rooms);
criterion_main!(benches);
