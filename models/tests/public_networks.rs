//! The two public networks against the outputs of a reference in numpy. Needs the data beside the project and, for most, the
//! ONNX Runtime library named by `ORT_DYLIB_PATH`; what is absent is said in one line.

// A test's helpers are tests too, which the lint does not see.
#![allow(clippy::unwrap_used)]

use image::ImageReader;
use models::{
    CameraDetector, Catalogue, Engine, LidarSegmenter, ModelError, PointLabels, Provider, Role,
    operations::range::{NONE, Projection},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};
use types::{Box2, Detection2, Image, ObjectClass, PointCloud};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
const PUBLIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/public.toml");

fn data(path: &str) -> Option<PathBuf> {
    let path = Path::new(DATA).join(path);
    if !path.exists() {
        eprintln!("skipped: ../shared/data is absent");
        return None;
    }
    Some(path)
}

#[allow(clippy::disallowed_methods)]
fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).map(PathBuf::from);
    if value.is_none() {
        eprintln!("skipped: {name} is not set");
    }
    value
}

#[allow(clippy::disallowed_methods)]
fn milliseconds<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = step();
    println!("{what}: {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    result
}

fn catalogue() -> Option<Catalogue> {
    Some(Catalogue::read(Path::new(PUBLIC), Some(&data("models")?)).unwrap())
}

fn onnxruntime(threads: usize) -> Option<Engine> {
    Some(Engine::open(Some(&variable("ORT_DYLIB_PATH")?), Provider::Cpu, threads).unwrap())
}

fn picture(path: &str) -> Option<Image> {
    let decoded = ImageReader::open(data(path)?).unwrap().decode().unwrap().into_rgb8();
    Some(Image { width: decoded.width() as usize, height: decoded.height() as usize, rgb: decoded.into_raw() })
}

/// Class, score and box of every golden object that is one of ours.
fn golden_boxes(path: &str) -> Option<Vec<Detection2>> {
    let text = fs::read_to_string(data(path)?).unwrap();
    let field = |object: &str, key: &str| {
        let rest = object.split_once(&format!("\"{key}\":")).unwrap().1;
        rest.trim_start().trim_start_matches(['[', '"']).to_owned()
    };
    let objects = text.split('{').skip(1).filter_map(|object| {
        let name = field(object, "class");
        let class = match name.split('"').next().unwrap() {
            "person" => ObjectClass::Pedestrian,
            "bicycle" => ObjectClass::Cyclist,
            "train" => ObjectClass::Bus,
            "traffic_light" => ObjectClass::TrafficLight,
            "stop_sign" => ObjectClass::StopSign,
            name => ObjectClass::from_name(name)?,
        };
        let score = field(object, "score").split(',').next().unwrap().trim().parse().unwrap();
        let corners = field(object, "box");
        let corners = corners.split(']').next().unwrap().split(',').map(|number| number.trim().parse().unwrap());
        let [x_min, y_min, x_max, y_max] = corners.collect::<Vec<f64>>().try_into().unwrap();
        Some(Detection2 { bbox: Box2 { x_min, y_min, x_max, y_max }, class, score })
    });
    Some(objects.collect())
}

fn assert_same_boxes(name: &str, found: &[Detection2], golden: &[Detection2]) {
    assert!(golden.len() > 2, "{name}: the golden is empty");
    assert_eq!(found.len(), golden.len(), "{name}: {found:?}");
    for (found, golden) in found.iter().zip(golden) {
        assert_eq!(found.class, golden.class, "{name}");
        assert!(found.bbox.iou(&golden.bbox) >= 0.95, "{name}: {found:?} is not {golden:?}");
        assert!((found.score - golden.score).abs() <= 0.02, "{name}: {found:?} is not {golden:?}");
    }
}

const PICTURES: [(&str, &str); 3] = [
    ("kitti_redlight/camera/000000.png", "golden/redlight_000000_yolox_nano_384x1248.json"),
    ("kitti_object/image_2/000000.png", "golden/object_000000_yolox_nano_384x1248.json"),
    ("kitti_tracking_images/0001/000010.png", "golden/tracking_0001_000010_yolox_nano_384x1248.json"),
];

fn detector_equals_golden(engine: &Engine) -> Option<()> {
    let catalogue = catalogue()?;
    let spec = catalogue.of_role(Role::CameraDetector).unwrap();
    let mut detector = milliseconds("load", || CameraDetector::load(engine, spec)).unwrap();
    println!("{}", engine.describe());
    for (path, golden) in PICTURES {
        let image = picture(path)?;
        milliseconds("prepare", || detector.prepare(&image)).unwrap();
        milliseconds("infer", || detector.infer()).unwrap();
        let found = milliseconds("boxes", || detector.boxes()).unwrap();
        assert_same_boxes(path, &found, &golden_boxes(golden)?);
    }
    Some(())
}

#[test]
fn yolox_on_onnx_runtime_equals_the_golden() {
    onnxruntime(2).and_then(|engine| detector_equals_golden(&engine));
}

#[test]
fn yolox_on_rten_equals_the_golden() {
    detector_equals_golden(&Engine::open(None, Provider::Cpu, 2).unwrap());
}

#[test]
fn a_camera_of_another_size_sees_the_same_objects() {
    let (Some(engine), Some(catalogue)) = (onnxruntime(2), catalogue()) else { return };
    let mut detector = CameraDetector::load(&engine, catalogue.of_role(Role::CameraDetector).unwrap()).unwrap();
    let Some(image) = picture(PICTURES[0].0) else { return };
    let mut doubled = Image { width: 2 * image.width, height: 2 * image.height, rgb: Vec::new() };
    for row in 0..doubled.height {
        for column in 0..doubled.width {
            doubled.rgb.extend_from_slice(&image.rgb[3 * (row / 2 * image.width + column / 2)..][..3]);
        }
    }
    let mut boxes = |image: &Image| {
        detector.prepare(image).unwrap();
        detector.infer().unwrap();
        detector.boxes().unwrap()
    };
    let (single, double) = (boxes(&image), boxes(&doubled));
    let halved = |found: &Detection2| Box2 {
        x_min: found.bbox.x_min / 2.0,
        y_min: found.bbox.y_min / 2.0,
        x_max: found.bbox.x_max / 2.0,
        y_max: found.bbox.y_max / 2.0,
    };
    for clear in single.iter().filter(|found| found.score > 0.7) {
        let same = |other: &&Detection2| other.class == clear.class && halved(other).iou(&clear.bbox) > 0.85;
        assert!(double.iter().any(|other| same(&other)), "{clear:?} is not in {double:?}");
    }
}

#[test]
fn calls_in_the_wrong_order_and_of_the_wrong_role_are_refused() {
    let (Some(engine), Some(catalogue)) = (onnxruntime(2), catalogue()) else { return };
    let (camera, lidar) = (&catalogue.networks[0], &catalogue.networks[1]);
    assert!(matches!(CameraDetector::load(&engine, lidar), Err(ModelError::WrongRole { .. })));
    assert!(matches!(LidarSegmenter::load(&engine, camera), Err(ModelError::WrongRole { .. })));
    let mut detector = CameraDetector::load(&engine, camera).unwrap();
    assert!(matches!(detector.boxes(), Err(ModelError::OutOfOrder { call: "boxes", .. })));
    assert!(matches!(detector.infer(), Err(ModelError::OutOfOrder { call: "infer", .. })));
    let short = Image { width: 10, height: 10, rgb: vec![0; 299] };
    let error = detector.prepare(&short).unwrap_err().to_string();
    assert_eq!(error, "network yolox-nano: an image of 10x10 needs 300 bytes, found 299");
}

/// Shape and raw numbers of an .npy file of format 1.0, little-endian, row major.
fn npy(path: &str) -> Option<(Vec<usize>, Vec<u8>)> {
    let bytes = fs::read(data(path)?).unwrap();
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[10..10 + length]).into_owned();
    assert!(header.contains("'fortran_order': False"), "{header}");
    let shape = header.split_once('(').unwrap().1.split_once(')').unwrap().0;
    let shape = shape.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    Some((shape, bytes[10 + length..].to_vec()))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

fn golden_range_image() -> Option<Vec<f32>> {
    let (shape, bytes) = npy("golden/kitti_0005_000000_range_image.npy")?;
    assert_eq!(shape, [5, 64, 2048]);
    Some(floats(&bytes))
}

/// The golden range image as a cloud: one point for each pixel that is not empty, and the pixel of each point.
fn cloud_of_range_image(image: &[f32]) -> (PointCloud, Vec<usize>) {
    let planes: Vec<&[f32]> = image.chunks(64 * 2048).collect();
    let pixels: Vec<usize> = (0..64 * 2048).filter(|&pixel| planes[0][pixel] > 0.0).collect();
    let column = |plane: usize| pixels.iter().map(|&pixel| planes[plane][pixel]).collect();
    let cloud = PointCloud { x: column(1), y: column(2), z: column(3), intensity: column(4), ..PointCloud::default() };
    (cloud, pixels)
}

fn sweep(name: &str) -> Option<PointCloud> {
    let drives = variable("CHAUFFEUR_DRIVES")?;
    let numbers = floats(&fs::read(drives.join("kitti_tracking/training/velodyne").join(name)).unwrap());
    let column = |axis: usize| numbers.iter().skip(axis).step_by(4).copied().collect();
    Some(PointCloud { x: column(0), y: column(1), z: column(2), intensity: column(3), ..PointCloud::default() })
}

/// The pixel of every point by the plain formula: angles in double precision, all else in single precision.
fn pixels_by_the_formula(cloud: &PointCloud) -> Vec<u32> {
    let (down, fov) = ((-25.0f32).to_radians(), 28.0f32.to_radians());
    let pixel = |((&x, &y), &z): ((&f32, &f32), &f32)| {
        let range = (x * x + y * y + z * z).sqrt();
        let (yaw, pitch) = (f64::from(y).atan2(f64::from(x)) as f32, f64::from(z / range).asin() as f32);
        let column = 0.5 * (-yaw / std::f32::consts::PI + 1.0) * 2048.0;
        let row = (1.0 - (pitch - down) / fov) * 64.0;
        if range > 0.0 { (row as u32).min(63) * 2048 + (column as u32).min(2047) } else { NONE }
    };
    cloud.x.iter().zip(&cloud.y).zip(&cloud.z).map(pixel).collect()
}

#[test]
fn the_projection_of_a_real_sweep_equals_the_golden() {
    let (Some(golden), Some(catalogue)) = (golden_range_image(), catalogue()) else { return };
    let Some(cloud) = sweep("0000/000000.bin") else { return };
    let spec = catalogue.of_role(Role::LidarSegmenter).unwrap().projection.clone().unwrap();
    let mut projection = Projection::default();
    let (mut image, mut mask) = (vec![0.0; golden.len()], vec![0.0; 64 * 2048]);
    for _ in 0..3 {
        milliseconds("compute", || projection.compute(&cloud, &spec));
        milliseconds("write", || projection.write(&cloud, &mut image, &mut mask));
    }
    assert!(pixels_by_the_formula(&cloud) == projection.pixel_of_point, "every point lies where the formula puts it");
    let differs =
        |pixel: &usize| (0..5).any(|plane| image[plane * 64 * 2048 + pixel] != golden[plane * 64 * 2048 + pixel]);
    let differing: Vec<usize> = (0..64 * 2048).filter(differs).collect();
    // The sweep ends with a point at the origin. The reference takes it for the nearest of its pixel; to us it is no return.
    let origin = 6 * 2048 + 1024;
    assert_eq!((golden[origin], mask[origin]), (0.0, 1.0));
    // Elsewhere only a point on a column's edge may differ: the reference's arc tangent has another last bit.
    let near_edge = |pixel: usize| {
        (0..cloud.len()).any(|point| {
            let yaw = -f64::from(cloud.y[point]).atan2(f64::from(cloud.x[point]));
            let u = 0.5 * (yaw / std::f64::consts::PI + 1.0) * 2048.0;
            let row = projection.pixel_of_point[point] as usize / 2048;
            row == pixel / 2048 && (u - (pixel % 2048) as f64).abs() < 1.1 && (u - u.round()).abs() < 2e-4
        })
    };
    println!("{} of {} pixels differ", differing.len(), mask.len());
    assert!(differing.len() <= 5 && differing.contains(&origin), "{differing:?}");
    assert!(differing.iter().all(|&pixel| pixel == origin || near_edge(pixel)), "{differing:?}");
}

#[test]
fn labels_on_onnx_runtime_equal_the_golden() {
    let (Some(engine), Some(catalogue)) = (onnxruntime(2), catalogue()) else { return };
    let (Some(image), Some((_, golden))) = (golden_range_image(), npy("golden/kitti_0005_000000_labels.npy")) else {
        return;
    };
    let spec = catalogue.of_role(Role::LidarSegmenter).unwrap();
    let mut segmenter = milliseconds("load", || LidarSegmenter::load(&engine, spec)).unwrap();
    let (cloud, pixels) = cloud_of_range_image(&image);
    let mut labels = PointLabels::default();
    println!("{}", engine.describe());
    for _ in 0..2 {
        milliseconds("project", || segmenter.project(&cloud)).unwrap();
        milliseconds("infer", || segmenter.infer()).unwrap();
        milliseconds("label", || segmenter.label(&cloud, &mut labels)).unwrap();
    }
    let classes = spec.object_classes();
    let same =
        pixels.iter().zip(&labels.class).filter(|(pixel, class)| classes[usize::from(golden[**pixel])] == **class);
    let (same, points) = (same.count(), pixels.len());
    println!("{same} of {points} points as the golden");
    assert!(points > 50_000 && same * 1000 >= points * 995, "{same} of {points}");
    let cars = labels.class.iter().filter(|class| **class == Some(ObjectClass::Car)).count();
    assert!(cars > 1000, "{cars} points on cars");
}

#[test]
fn a_real_sweep_is_labelled_point_by_point() {
    let (Some(engine), Some(catalogue)) = (onnxruntime(2), catalogue()) else { return };
    let Some(cloud) = sweep("0000/000000.bin") else { return };
    let mut segmenter = LidarSegmenter::load(&engine, catalogue.of_role(Role::LidarSegmenter).unwrap()).unwrap();
    let mut labels = PointLabels::default();
    assert!(matches!(segmenter.infer(), Err(ModelError::OutOfOrder { call: "infer", .. })));
    for _ in 0..3 {
        milliseconds("project", || segmenter.project(&cloud)).unwrap();
        milliseconds("infer", || segmenter.infer()).unwrap();
        milliseconds("label", || segmenter.label(&cloud, &mut labels)).unwrap();
    }
    assert_eq!((labels.class.len(), labels.confidence.len()), (cloud.len(), cloud.len()));
    let trusted = labels.confidence.iter().filter(|&&confidence| confidence > 0.0).count();
    assert!(trusted * 10 > cloud.len() * 8, "{trusted} of {} points are trusted", cloud.len());
    let other = PointCloud::default();
    assert!(matches!(segmenter.label(&other, &mut labels), Err(ModelError::CloudSize { found: 0, .. })));
    let ragged = PointCloud { x: vec![1.0], ..PointCloud::default() };
    assert!(matches!(segmenter.project(&ragged), Err(ModelError::CloudSize { what: "y", .. })));
}

#[test]
fn rten_refuses_the_lidar_network_by_operator_and_node() {
    let Some(catalogue) = catalogue() else { return };
    let engine = Engine::open(None, Provider::Cpu, 2).unwrap();
    let error = LidarSegmenter::load(&engine, catalogue.of_role(Role::LidarSegmenter).unwrap()).err().unwrap();
    println!("{error}");
    assert!(matches!(&error, ModelError::Unsupported { operator, .. } if operator == "MaxPool"), "{error}");
    assert!(error.to_string().contains("dilations [2, 2]"), "{error}");
}

#[test]
fn a_second_library_and_a_gpu_that_is_not_there_are_refused() {
    let Some(engine) = onnxruntime(1) else { return };
    assert!(engine.describe().ends_with("CPU, 1 thread"), "{}", engine.describe());
    let library = variable("ORT_DYLIB_PATH").unwrap();
    let copy = std::env::temp_dir().join("chauffeur_models_second_library.so");
    fs::write(&copy, b"not a library").unwrap();
    let error = Engine::open(Some(&copy), Provider::Cpu, 1).err().unwrap();
    assert!(matches!(&error, ModelError::LibraryConflict { .. }), "{error}");
    assert!(error.to_string().contains("second_library.so"), "{error}");
    fs::remove_file(copy).unwrap();
    if models::probe().is_err() {
        for (provider, name) in [(Provider::Cuda, "CUDA"), (Provider::TensorRt, "TensorRT")] {
            let error = Engine::open(Some(&library), provider, 1).err().unwrap();
            println!("{error}");
            assert!(matches!(&error, ModelError::NoGpu { wanted, .. } if wanted == name), "{error}");
        }
    }
}

/// Prints whether 1, 2 and 4 threads give the same bits, and fails if two runs of the same thread count do not.
fn compare_threads<T: PartialEq>(open: impl Fn(usize) -> Option<Engine>, run: impl Fn(&Engine) -> T) {
    let Some(one) = open(1).map(|engine| run(&engine)) else { return };
    for threads in [1, 2, 4] {
        let engine = open(threads).unwrap();
        let (first, again) = (run(&engine), run(&engine));
        assert!(first == again, "{}: a second run differs", engine.describe());
        let same = if first == one { "the bits of 1 thread" } else { "other bits than 1 thread" };
        println!("{}: {same}", engine.describe());
        assert!(first == one || threads != 1, "two engines of one kind differ");
    }
}

#[test]
fn the_same_threads_give_the_same_boxes() {
    let (Some(catalogue), Some(image)) = (catalogue(), picture(PICTURES[0].0)) else { return };
    let boxes = |engine: &Engine| {
        let mut detector = CameraDetector::load(engine, catalogue.of_role(Role::CameraDetector).unwrap()).unwrap();
        detector.prepare(&image).unwrap();
        detector.infer().unwrap();
        detector.boxes().unwrap()
    };
    compare_threads(|threads| Engine::open(None, Provider::Cpu, threads).ok(), boxes);
    compare_threads(onnxruntime, boxes);
}

#[test]
fn the_same_threads_give_the_same_labels() {
    let (Some(catalogue), Some(image)) = (catalogue(), golden_range_image()) else { return };
    let (cloud, _) = cloud_of_range_image(&image);
    compare_threads(onnxruntime, |engine| {
        let spec = catalogue.of_role(Role::LidarSegmenter).unwrap();
        let (mut segmenter, mut labels) = (LidarSegmenter::load(engine, spec).unwrap(), PointLabels::default());
        segmenter.project(&cloud).unwrap();
        segmenter.infer().unwrap();
        segmenter.label(&cloud, &mut labels).unwrap();
        labels
    });
}
