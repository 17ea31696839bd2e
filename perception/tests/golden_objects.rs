//! The objects of one real sweep against those of an independent reference in numpy: same labels, same clustering, same
//! L-shape, extents of the visible points alone.

#![allow(clippy::unwrap_used, reason = "a test")]

use nalgebra::Isometry3;
use perception::detect::{SegmentConfig, SegmentDetector};
use std::path::{Path, PathBuf};
use types::{Calibration, Detection3, ObjectClass, PointCloud};

/// The class of each label of SemanticKITTI, as far as it is an object.
fn class(label: u8) -> Option<ObjectClass> {
    match label {
        1 => Some(ObjectClass::Car),
        2 | 7 => Some(ObjectClass::Cyclist),
        3 | 8 => Some(ObjectClass::Motorcycle),
        4 => Some(ObjectClass::Truck),
        5 => Some(ObjectClass::Bus),
        6 => Some(ObjectClass::Pedestrian),
        _ => None,
    }
}

/// The bytes behind the header of a NumPy file.
fn npy(file: &Path) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap();
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[10 + header..].to_vec()
}

/// IEEE 754 half precision, positive and normal, as confidences are; everything else is zero.
fn half([low, high]: [u8; 2]) -> f32 {
    let bits = u32::from(u16::from_le_bytes([low, high]));
    let (exponent, mantissa) = (bits >> 10 & 31, bits & 1023);
    if bits >> 15 == 1 || exponent == 0 { 0.0 } else { f32::from_bits((exponent + 112) << 23 | mantissa << 13) }
}

/// The value of a key of a flat JSON object.
fn number(object: &str, key: &str) -> f64 {
    let (_, rest) = object.split_once(&format!("\"{key}\":")).unwrap();
    rest.split([',', '}']).next().unwrap().trim().parse().unwrap()
}

#[test]
fn the_objects_of_a_real_sweep_agree_with_the_reference() {
    let golden = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/golden"));
    if !golden.exists() {
        eprintln!("skipped: ../shared/data is absent");
        return;
    }
    let image: Vec<f32> = npy(&golden.join("kitti_0005_000000_range_image.npy"))
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let labels = npy(&golden.join("kitti_0005_000000_labels.npy"));
    let confidence = npy(&golden.join("kitti_0005_000000_confidence_f16.npy"));
    let pixels = 64 * 2048;
    assert_eq!((image.len(), labels.len(), confidence.len()), (5 * pixels, pixels, 2 * pixels));
    let (mut cloud, mut named) = (PointCloud::default(), models::PointLabels::default());
    for pixel in (0..pixels).filter(|&pixel| image[pixel] > 0.0) {
        cloud.x.push(image[pixels + pixel]);
        cloud.y.push(image[2 * pixels + pixel]);
        cloud.z.push(image[3 * pixels + pixel]);
        cloud.intensity.push(image[4 * pixels + pixel]);
        named.class.push(class(labels[pixel]));
        named.confidence.push(half([confidence[2 * pixel], confidence[2 * pixel + 1]]));
    }
    let calibration = Calibration { base_from_lidar: Isometry3::translation(0.76, 0.0, 1.73), camera: None };
    let config = SegmentConfig { complete: false, clearance_m: f32::NEG_INFINITY, ..SegmentConfig::default() };
    let found = SegmentDetector::new(config).step(&cloud, &named, &calibration);

    let text = std::fs::read_to_string(golden.join("kitti_0005_000000_lidar_objects.json")).unwrap();
    let objects: Vec<&str> = text.split('}').filter(|object| object.contains("\"x\"")).collect();
    assert_eq!(objects.len(), 15);
    // The reference has all 120 000 points, here are those that the range image kept: an object at a gate's limit may be
    // lost, and one that hangs together by a single point may part.
    let mut agreeing = 0;
    let mut compared = 0;
    for object in objects.iter().filter(|object| number(object, "points") > 54.0) {
        let [x, y, z] = [number(object, "x") + 0.76, number(object, "y"), number(object, "z") + 1.73];
        let distance = |d: &&Detection3| (d.bbox.center[0] - x).hypot(d.bbox.center[1] - y);
        let nearest = found.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap();
        // The reference calls a rail 9 m long and 1 m high a vehicle; here it is none.
        if number(object, "length") > 6.0 && number(object, "height") < 1.2 {
            assert!(distance(&nearest) > 2.0, "{object}: {nearest:?}");
            continue;
        }
        let sizes = [
            nearest.bbox.length - number(object, "length"),
            nearest.bbox.width - number(object, "width"),
            nearest.bbox.height - number(object, "height"),
            nearest.bbox.center[2] - z,
        ];
        assert_eq!(nearest.class.is_vehicle(), object.contains("vehicle"), "{object}");
        assert!(distance(&nearest) < 0.7, "{object}: {nearest:?}");
        compared += 1;
        agreeing += usize::from(distance(&nearest) < 0.15 && sizes.iter().all(|size| size.abs() < 0.3));
    }
    assert_eq!((compared, agreeing >= 10), (11, true), "{agreeing} of {compared} agree");
}
