//! Tiny networks, written here byte by byte, through the whole room: catalogue, checks, engine, before and after. They run
//! on rten, so that these tests need no library and no data.

// A test's helpers are tests too, which the lint does not see.
#![allow(clippy::unwrap_used)]

use models::{
    CameraDetector, Catalogue, Engine, LidarDetector, LidarSegmenter, ModelError, PointLabels, Provider, Role,
};
use sha2::{Digest, Sha256};
use std::{fs, path::Path};
use tempfile::TempDir;
use types::{Box2, Box3, Detection2, Image, ObjectClass, PointCloud};

/// A protobuf field that holds bytes.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A protobuf field that holds a number.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[u64])]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| field(1, name.as_bytes()));
    let attributes = attributes.iter().flat_map(|(name, values)| {
        let (kind, values) = match values {
            [value] if *name != "axes" => (2, number(3, *value)),
            values => (7, values.iter().flat_map(|value| number(8, *value)).collect()),
        };
        field(5, &[field(1, name.as_bytes()), values, number(20, kind)].concat())
    });
    let body: Vec<u8> = inputs.chain(attributes).collect();
    field(1, &[body, field(2, output.as_bytes()), field(3, output.as_bytes()), field(4, operator.as_bytes())].concat())
}

fn initializer(name: &str, kind: u64, shape: &[u64], raw: &[u8]) -> Vec<u8> {
    let shape: Vec<u8> = shape.iter().flat_map(|size| number(1, *size)).collect();
    field(5, &[shape, number(2, kind), field(8, name.as_bytes()), field(9, raw)].concat())
}

/// `place` is 11 for an input, 12 for an output; `kind` is 1 for f32, 2 for u8.
fn value(place: u64, name: &str, kind: u64, shape: &[u64]) -> Vec<u8> {
    let shape: Vec<u8> = shape.iter().flat_map(|size| field(1, &number(1, *size))).collect();
    let tensor = [number(1, kind), field(2, &shape)].concat();
    field(place, &[field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat())
}

fn model(parts: &[Vec<u8>]) -> Vec<u8> {
    let graph = [parts.concat(), field(2, b"graph")].concat();
    [number(1, 7), field(8, &number(2, 13)), field(7, &graph)].concat()
}

/// One anchor: `sqrt(mean of the image * gain) + bias`. A gain below zero gives NaN for every image that is not black.
fn camera_network(gain: f32, bias: [f32; 7]) -> Vec<u8> {
    let bytes = |numbers: &[f32]| numbers.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let ones: Vec<u8> = [1i64; 3].iter().flat_map(|v| v.to_le_bytes()).collect();
    model(&[
        node("ReduceMean", &["image"], "mean", &[("axes", &[1, 2, 3]), ("keepdims", &[1])]),
        node("Reshape", &["mean", "ones"], "scalar", &[]),
        node("Mul", &["scalar", "gain"], "scaled", &[]),
        node("Sqrt", &["scaled"], "root", &[]),
        node("Add", &["root", "bias"], "anchors", &[]),
        initializer("ones", 7, &[3], &ones),
        initializer("gain", 1, &[1, 1, 7], &bytes(&[gain; 7])),
        initializer("bias", 1, &[1, 1, 7], &bytes(&bias)),
        value(11, "image", 1, &[1, 3, 32, 32]),
        value(12, "anchors", 1, &[1, 1, 7]),
    ])
}

/// Each pixel's label is its range in whole metres, its confidence is the mask.
fn lidar_network() -> Vec<u8> {
    model(&[
        node("Gather", &["range", "zero"], "first", &[("axis", &[1])]),
        node("Cast", &["first"], "labels", &[("to", &[2])]),
        node("Gather", &["mask", "zero"], "confidence", &[("axis", &[1])]),
        initializer("zero", 7, &[], &0i64.to_le_bytes()),
        value(11, "range", 1, &[1, 5, 2, 4]),
        value(11, "mask", 1, &[1, 1, 2, 4]),
        value(12, "labels", 2, &[1, 2, 4]),
        value(12, "confidence", 1, &[1, 2, 4]),
    ])
}

/// Heat and overlap are one where a cell has a point of the upper slice; every box is 1 x 0.5 x 2 m, 0.1 m ahead of its cell, turned left.
fn pillar_network() -> Vec<u8> {
    let bytes = |numbers: &[f32]| numbers.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    model(&[
        node("Gather", &["pillars", "five"], "heat", &[("axis", &[1])]),
        node("Identity", &["heat"], "overlap", &[]),
        node("Mul", &["heat", "zero"], "nothing", &[]),
        node("Add", &["nothing", "box"], "boxes", &[]),
        initializer("five", 7, &[1], &5i64.to_le_bytes()),
        initializer("zero", 1, &[1], &bytes(&[0.0])),
        initializer("box", 1, &[1, 8, 1, 1], &bytes(&[0.1, 0.0, 1.0, 0.0, 0.5f32.ln(), 2f32.ln(), 1.0, 0.0])),
        value(11, "pillars", 1, &[1, 6, 8, 8]),
        value(12, "heat", 1, &[1, 1, 8, 8]),
        value(12, "boxes", 1, &[1, 8, 8, 8]),
        value(12, "overlap", 1, &[1, 1, 8, 8]),
    ])
}

/// One cell: the scores are the mean of the image for its two classes, the edges are 4, 5, 6 and 7 px away.
fn distance_network() -> Vec<u8> {
    let bytes = |numbers: &[f32]| numbers.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let ones: Vec<u8> = [1i64; 3].iter().flat_map(|v| v.to_le_bytes()).collect();
    model(&[
        node("ReduceMean", &["image"], "mean", &[("axes", &[1, 2, 3]), ("keepdims", &[1])]),
        node("Reshape", &["mean", "ones"], "scalar", &[]),
        node("Mul", &["scalar", "weight"], "scores", &[]),
        node("Mul", &["scalar", "zero"], "nothing", &[]),
        node("Add", &["nothing", "edges"], "boxes", &[]),
        initializer("ones", 7, &[3], &ones),
        initializer("weight", 1, &[1, 1, 2], &bytes(&[0.5, 1.0])),
        initializer("zero", 1, &[1], &bytes(&[0.0])),
        initializer("edges", 1, &[1, 1, 4], &bytes(&[4.0, 5.0, 6.0, 7.0])),
        value(11, "image", 1, &[1, 3, 32, 32]),
        value(12, "scores", 1, &[1, 1, 2]),
        value(12, "boxes", 1, &[1, 1, 4]),
    ])
}

const PILLARS: &str = r#"
[[network]]
name = "feeler"
role = "lidar_detector"
file = "eye.onnx"
sha256 = "DIGEST"
opset = 13
licence = "none"
source = "this test"
classes = [["wagon", "car"]]
[[network.input]]
name = "pillars"
carries = "pillars"
element = "f32"
shape = [1, 6, 8, 8]
[[network.output]]
name = "overlap"
carries = "overlap"
element = "f32"
shape = [1, 1, 8, 8]
[[network.output]]
name = "boxes"
carries = "boxes"
element = "f32"
shape = [1, 8, 8, 8]
[[network.output]]
name = "heat"
carries = "heatmap"
element = "f32"
shape = [1, 1, 8, 8]
[network.pillars]
cell_m = 1.0
reach_m = 4.0
heights_m = [-1.0, 1.0, 3.0]
own_x_m = [-0.5, 0.5]
own_y_m = [-0.5, 0.5]
[network.centers]
score_threshold = 0.3
overlap_weight = 0.5
overlap_threshold = 0.2
"#;

const CAMERA: &str = r#"
[[network]]
name = "eye"
role = "camera_detector"
file = "eye.onnx"
sha256 = "DIGEST"
opset = 13
licence = "none"
source = "this test"
classes = [["sky", ""], ["wagon", "car"]]
[[network.input]]
name = "image"
carries = "image"
element = "f32"
shape = [1, 3, 32, 32]
[[network.output]]
name = "anchors"
carries = "anchors"
element = "f32"
shape = [1, 1, 7]
[network.image]
channels = "bgr"
scale = 1.0
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
pad = 0
[network.boxes]
strides = [32]
score_threshold = 0.3
overlap_threshold = 0.45
"#;

const LIDAR: &str = r#"
[[network]]
name = "whisker"
role = "lidar_segmenter"
file = "whisker.onnx"
sha256 = "DIGEST"
opset = 13
licence = "none"
source = "this test"
classes = [["nothing", ""], ["wagon", "car"], ["walker", "pedestrian"]]
[[network.input]]
name = "mask"
carries = "mask"
element = "f32"
shape = [1, 1, 2, 4]
[[network.input]]
name = "range"
carries = "range_image"
element = "f32"
shape = [1, 5, 2, 4]
[[network.output]]
name = "confidence"
carries = "confidence"
element = "f32"
shape = [1, 2, 4]
[[network.output]]
name = "labels"
carries = "labels"
element = "u8"
shape = [1, 2, 4]
[network.projection]
fov_up_deg = 30.0
fov_down_deg = -30.0
rows = 2
columns = 4
trust_distance_m = 0.5
"#;

const BOX: [f32; 7] = [0.5, 0.5, 0.0, 0.0, 0.9, 0.2, 1.0];

/// Writes catalogue and files into a fresh folder and reads the catalogue.
fn read(toml: &str, eye: &[u8]) -> (TempDir, Result<Catalogue, ModelError>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("eye.onnx"), eye).unwrap();
    fs::write(folder.path().join("whisker.onnx"), lidar_network()).unwrap();
    let path = folder.path().join("models.toml");
    fs::write(&path, toml).unwrap();
    let catalogue = Catalogue::read(&path, None);
    (folder, catalogue)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn camera(eye: &[u8]) -> CameraDetector {
    let catalogue = read(&CAMERA.replace("DIGEST", &digest(eye)), eye).1.unwrap();
    CameraDetector::load(&Engine::open(None, Provider::Cpu, 1).unwrap(), &catalogue.networks[0]).unwrap()
}

fn grey(width: usize, height: usize, value: u8) -> Image {
    Image { width, height, rgb: vec![value; 3 * width * height] }
}

#[test]
fn an_image_goes_through_and_its_box_comes_back_in_image_pixels() {
    let mut detector = camera(&camera_network(0.0, BOX));
    for (size, edge) in [(32, 32.0), (64, 64.0), (10, 10.0)] {
        detector.prepare(&grey(size, size, 90)).unwrap();
        detector.infer().unwrap();
        let bbox = Box2 { x_min: 0.0, y_min: 0.0, x_max: edge, y_max: edge };
        let expected = Detection2 { bbox, class: ObjectClass::Car, score: f64::from(0.9f32) };
        assert_eq!(detector.boxes().unwrap(), [expected]);
    }
}

#[test]
fn background_is_left_out() {
    let mut detector = camera(&camera_network(0.0, [0.5, 0.5, 0.0, 0.0, 0.9, 1.0, 0.2]));
    detector.prepare(&grey(32, 32, 90)).unwrap();
    detector.infer().unwrap();
    assert_eq!(detector.boxes().unwrap(), []);
}

#[test]
fn a_nan_in_an_output_is_named() {
    let mut detector = camera(&camera_network(-1.0, BOX));
    detector.prepare(&grey(32, 32, 90)).unwrap();
    let error = detector.infer().unwrap_err();
    assert_eq!(error.to_string(), "network eye: output anchors[0] is NaN");
    assert!(matches!(detector.boxes(), Err(ModelError::OutOfOrder { .. })));
    detector.prepare(&grey(32, 32, 0)).unwrap();
    detector.infer().unwrap();
    assert_eq!(detector.boxes().unwrap().len(), 1);
}

#[test]
fn a_cloud_goes_through_and_labels_come_back_to_its_points() {
    let catalogue = read(&LIDAR.replace("DIGEST", &digest(&lidar_network())), b"").1.unwrap();
    let spec = catalogue.of_role(Role::LidarSegmenter).unwrap();
    let mut segmenter = LidarSegmenter::load(&Engine::open(None, Provider::Cpu, 1).unwrap(), spec).unwrap();
    let cloud = |x: &[f32]| PointCloud {
        x: x.to_vec(),
        y: vec![0.0; x.len()],
        z: vec![0.0; x.len()],
        intensity: vec![0.0; x.len()],
        ..PointCloud::default()
    };
    let mut labels = PointLabels::default();
    let mut label = |cloud: &PointCloud| {
        segmenter.project(cloud)?;
        segmenter.infer()?;
        segmenter.label(cloud, &mut labels).map(|()| labels.clone())
    };
    // In front a car at 1.2 m, another point 0.4 m and one 0.6 m behind it; behind the vehicle a walker; one at the origin.
    let found = label(&cloud(&[1.6, 1.2, 1.8, -2.5, 0.0])).unwrap();
    let (car, walker) = (Some(ObjectClass::Car), Some(ObjectClass::Pedestrian));
    assert_eq!(found.class, [car, car, None, walker, None]);
    assert_eq!(found.confidence, [1.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(label(&cloud(&[])).unwrap(), PointLabels::default());
    let error = label(&cloud(&[7.5])).unwrap_err().to_string();
    assert_eq!(error, "network whisker: output labels[6] is class 7, but there are 3 classes");
}

#[test]
fn scores_and_distances_become_boxes() {
    let eye = distance_network();
    let anchors =
        "[[network.output]]\nname = \"anchors\"\ncarries = \"anchors\"\nelement = \"f32\"\nshape = [1, 1, 7]\n";
    let output = |name: &str, carries: &str, width: usize| {
        format!(
            "[[network.output]]\nname = \"{name}\"\ncarries = \"{carries}\"\nelement = \"f32\"\nshape = [1, 1, {width}]\n"
        )
    };
    let good = CAMERA.replace(anchors, &(output("boxes", "distances", 4) + &output("scores", "scores", 2)));
    let good = good.replace("DIGEST", &digest(&eye)).replace("scale = 1.0", "scale = 0.01");
    let catalogue = read(&good, &eye).1.unwrap();
    let mut detector =
        CameraDetector::load(&Engine::open(None, Provider::Cpu, 1).unwrap(), &catalogue.networks[0]).unwrap();
    detector.prepare(&grey(32, 32, 90)).unwrap();
    detector.infer().unwrap();
    let [found] = detector.boxes().unwrap()[..] else { panic!("one box") };
    assert_eq!(found.bbox, Box2 { x_min: 12.0, y_min: 11.0, x_max: 22.0, y_max: 23.0 });
    assert!(found.class == ObjectClass::Car && (found.score - 0.9).abs() < 1e-6, "{found:?}");
    detector.prepare(&grey(32, 32, 20)).unwrap();
    detector.infer().unwrap();
    assert_eq!(detector.boxes().unwrap(), []);
    let both = good.replace("carries = \"scores\"", "carries = \"anchors\"");
    let error = read(&both, &eye).1.unwrap_err().to_string();
    assert!(error.contains("what boxes carries") && error.contains("Anchors"), "{error}");
}

fn feeler(toml: &str) -> Result<LidarDetector, ModelError> {
    let network = pillar_network();
    let catalogue = read(&toml.replace("DIGEST", &digest(&network)), &network).1?;
    LidarDetector::load(&Engine::open(None, Provider::Cpu, 1)?, catalogue.of_role(Role::LidarDetector).unwrap())
}

#[test]
fn a_cloud_goes_through_and_its_boxes_come_back_in_base_link() {
    let mut detector = feeler(PILLARS).unwrap();
    let base_from_lidar = nalgebra::Isometry3::translation(1.0, 0.0, 2.0);
    let cloud = |points: &[[f32; 3]]| PointCloud {
        x: points.iter().map(|p| p[0]).collect(),
        y: points.iter().map(|p| p[1]).collect(),
        z: points.iter().map(|p| p[2]).collect(),
        ..PointCloud::default()
    };
    assert!(matches!(detector.infer(), Err(ModelError::OutOfOrder { call: "infer", before: "prepare", .. })));
    // In base_link: two points of the upper slice in the cell at (2.5, -1.5), one above the box and one low elsewhere.
    let points = [[1.4, -1.5, -0.5], [1.8, -1.3, -0.6], [1.6, -1.5, 0.9], [-2.5, 2.5, -2.5]];
    for (points, counts) in [(&points[..], &[2][..]), (&points[3..], &[]), (&[], &[]), (&points[..2], &[2])] {
        detector.prepare(&cloud(points), &base_from_lidar).unwrap();
        detector.infer().unwrap();
        let found = detector.boxes().unwrap();
        assert_eq!(found.iter().map(|object| object.point_count).collect::<Vec<_>>(), counts);
        for object in found {
            let Box3 { center, length, width, height, yaw } = object.bbox;
            let numbers = [center[0], center[1], center[2], length, width, height, yaw, object.score];
            let expected = [2.6, -1.5, 1.0, 1.0, 0.5, 2.0, std::f64::consts::FRAC_PI_2, 1.0];
            assert!(numbers.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{object:?}");
            assert_eq!(object.class, ObjectClass::Car);
        }
    }
    let uneven = PointCloud { x: vec![1.0], ..PointCloud::default() };
    let error = detector.prepare(&uneven, &base_from_lidar).unwrap_err().to_string();
    assert_eq!(error, "network feeler: y: expected 1 points, found 0");
    assert!(matches!(detector.boxes(), Err(ModelError::OutOfOrder { call: "boxes", .. })));
}

#[test]
fn a_pillar_network_that_contradicts_itself_is_refused() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("cell_m = 1.0", "cell_m = 0.5", &["shape of pillars", "[1, 6, 16, 16]", "[1, 6, 8, 8]"]),
        ("cell_m = 1.0", "cell_m = nan", &["pillars.cell_m", "NaN"]),
        ("[-1.0, 1.0, 3.0]", "[-1.0, 3.0, 1.0]", &["pillars.heights_m", "rising"]),
        ("[-1.0, 1.0, 3.0]", "[-1.0, 1.0]", &["shape of pillars", "[1, 5, 8, 8]"]),
        ("own_x_m = [-0.5, 0.5]", "own_x_m = [0.5, -0.5]", &["pillars.own_x_m", "0.5, -0.5"]),
        ("overlap_weight = 0.5", "overlap_weight = 1.0", &["centers.overlap_weight", "less than 1", "1"]),
        ("score_threshold = 0.3", "score_threshold = 1.3", &["centers.score_threshold", "0 to 1"]),
        ("shape = [1, 8, 8, 8]", "shape = [1, 7, 8, 8]", &["shape of boxes", "[1, 8, 8, 8]", "[1, 7, 8, 8]"]),
        ("shape = [1, 8, 8, 8]", "shape = [1, 8, 4, 4]", &["shape of boxes", "[1, 8, 8, 8]", "[1, 8, 4, 4]"]),
        ("carries = \"overlap\"", "carries = \"boxes\"", &["tensors that carry Boxes", "expected 1", "found 2"]),
        ("[network.centers]", "[network.boxes]", &["strides"]),
        ("[[\"wagon\", \"car\"]]", "[[\"wagon\", \"car\"], [\"man\", \"pedestrian\"]]", &["shape of heat", "[1, 2, "]),
    ];
    for (from, to, texts) in cases {
        assert!(PILLARS.contains(from), "{from}");
        let error = feeler(&PILLARS.replacen(from, to, 1)).err().unwrap().to_string();
        assert!(texts.iter().all(|text| error.contains(text)), "{from} -> {to}: {error}");
    }
    let without = PILLARS.split("[network.centers]").next().unwrap();
    let error = feeler(without).err().unwrap().to_string();
    assert_eq!(error, "network feeler: section centers: expected one for a lidar detector, found none");
    let camera =
        read(&CAMERA.replace("DIGEST", &digest(&camera_network(0.0, BOX))), &camera_network(0.0, BOX)).1.unwrap();
    let error = LidarDetector::load(&Engine::open(None, Provider::Cpu, 1).unwrap(), &camera.networks[0]).err().unwrap();
    assert_eq!(error.to_string(), "network eye is a camera detector, not a lidar detector");
}

#[test]
fn whatever_is_inconsistent_is_refused_with_both_values() {
    let eye = camera_network(0.0, BOX);
    let good = CAMERA.replace("DIGEST", &digest(&eye));
    let both = format!("{good}{}", LIDAR.replace("DIGEST", &digest(&lidar_network())));
    assert_eq!(read(&both, &eye).1.unwrap().networks.len(), 2);
    let twice = format!("{good}{}", good.replace("\"eye\"", "\"second\""));
    let cases: &[(&str, &str, &[&str])] = &[
        ("opset = 13", "opset = 12", &["opset", "12", "13"]),
        ("eye.onnx", "nose.onnx", &["nose.onnx", "No such file"]),
        ("name = \"image\"", "name = \"picture\"", &["inputs", "picture", "image"]),
        ("name = \"anchors\"", "name = \"boxes\"", &["outputs", "boxes", "anchors"]),
        ("[1, 3, 32, 32]", "[1, 3, 32, 64]", &["shape of anchors", "[1, 2, 7]", "[1, 1, 7]"]),
        ("[1, 3, 32, 32]", "[1, 3, 32]", &["shape of image", "[1, 3, any, any]", "[1, 3, 32]"]),
        ("[1, 1, 7]", "[1, 2, 7]", &["shape of anchors", "[1, 1, 7]", "[1, 2, 7]"]),
        (
            "element = \"f32\"\nshape = [1, 1, 7]",
            "element = \"u8\"\nshape = [1, 1, 7]",
            &["element of anchors", "F32", "U8"],
        ),
        ("[\"sky\", \"\"], ", "", &["shape of anchors", "[1, 1, 6]", "[1, 1, 7]"]),
        ("\"car\"", "\"cart\"", &["class wagon", "cart"]),
        ("carries = \"image\"", "carries = \"mask\"", &["what image carries", "Mask"]),
        ("strides = [32]", "strides = [24]", &["strides", "24"]),
        ("score_threshold = 0.3", "score_threshold = nan", &["score_threshold", "NaN"]),
        ("std = [1.0, 1.0, 1.0]", "std = [1.0, 0.0, 1.0]", &["image.std", "0.0"]),
        ("pad = 0", "pad = 0\nblur = 2", &["models.toml", "blur"]),
        ("camera_detector", "radar", &["models.toml", "radar"]),
    ];
    for (from, to, texts) in cases {
        assert!(good.contains(from), "{from}");
        let error = read(&good.replacen(from, to, 1), &eye).1.unwrap_err().to_string();
        assert!(texts.iter().all(|text| error.contains(text)), "{from} -> {to}: {error}");
    }
    let error = read(&CAMERA.replace("DIGEST", &"0".repeat(64)), &eye).1.unwrap_err().to_string();
    assert!(error.contains(&"0".repeat(64)) && error.contains(&digest(&eye)), "{error}");
    let error = read(&twice, &eye).1.unwrap_err().to_string();
    assert_eq!(error, "networks eye and second have the same role: camera detector");
    let error = read(&format!("{good}{good}"), &eye).1.unwrap_err().to_string();
    assert_eq!(error, "networks eye and eye have the same name: eye");
    let junk = b"MZ, not a network";
    let error = read(&CAMERA.replace("DIGEST", &digest(junk)), junk).1.unwrap_err();
    assert!(matches!(error, ModelError::NotOnnx { .. }), "{error}");
    let error = Catalogue::read(Path::new("/nowhere/models.toml"), None).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/models.toml: No such file"), "{error}");
}

/// The file promises another shape than the network then makes.
#[test]
fn a_shape_that_only_shows_when_it_runs_is_refused_at_load() {
    let liar = model(&[
        node("Sqrt", &["image"], "anchors", &[]),
        value(11, "image", 1, &[1, 3, 32, 32]),
        value(12, "anchors", 1, &[1, 1, 7]),
    ]);
    let catalogue = read(&CAMERA.replace("DIGEST", &digest(&liar)), &liar).1.unwrap();
    let engine = Engine::open(None, Provider::Cpu, 1).unwrap();
    let error = CameraDetector::load(&engine, &catalogue.networks[0]).err().unwrap().to_string();
    assert_eq!(error, "network eye: shape of anchors: expected [1, 1, 7], found [1, 3, 32, 32]");
}

#[test]
fn an_operator_that_rten_does_not_have_is_named() {
    let eye = model(&[
        node("Frobnicate", &["image"], "anchors", &[]),
        value(11, "image", 1, &[1, 3, 32, 32]),
        value(12, "anchors", 1, &[1, 1, 7]),
    ]);
    let catalogue = read(&CAMERA.replace("DIGEST", &digest(&eye)), &eye).1.unwrap();
    let engine = Engine::open(None, Provider::Cpu, 1).unwrap();
    let error = CameraDetector::load(&engine, &catalogue.networks[0]).err().unwrap();
    let text = error.to_string();
    assert!(text.starts_with("network eye: rten 0.27 cannot run Frobnicate node anchors: "), "{text}");
}

#[test]
fn what_is_not_onnx_runtime_is_refused_with_the_loaders_words() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), b"not a library at all").unwrap();
    let error = Engine::open(Some(file.path()), Provider::Cpu, 1).err().unwrap();
    assert!(matches!(&error, ModelError::LibraryUnusable { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&file.path().display().to_string()) && text.contains("not usable as ONNX Runtime"), "{text}");
}

#[test]
fn stages_can_move_to_their_threads() {
    fn movable<T: Send>() {}
    movable::<Engine>();
    movable::<Catalogue>();
    movable::<CameraDetector>();
    movable::<LidarSegmenter>();
    movable::<LidarDetector>();
}
