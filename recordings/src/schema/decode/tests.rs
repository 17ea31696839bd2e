use super::*;
use crate::samples;
use crate::schema::{Calibration, CompressedImage, Plan, PointCloud, Route, StopLine, encode};
use foxglove::messages::packed_element_field::NumericType;
use proptest::prelude::*;
use prost::Message as _;
use types::{Candidate, Pose2, Verdict};

fn round_trip(message: &Message) -> Message {
    let stamp = message.stamp().unwrap_or_default();
    let mut data = Vec::new();
    encode::message(message, stamp, &mut data);
    super::message(message.place(), stamp, message.sequence(), &data.into()).unwrap()
}

/// `{:?}` tells -0.0 from 0.0 and prints every finite number so that no two look the same.
fn assert_same(message: &Message) {
    assert_eq!(format!("{:?}", round_trip(message)), format!("{message:?}"));
}

#[test]
fn every_kind_comes_back_exactly() {
    samples::every_message().iter().for_each(assert_same);
    assert_same(&Message::Route(types::Route::default()));
    assert_same(&Message::Plan(types::Plan::default()));
    assert_same(&Message::Calibration(types::Calibration { camera: None, ..samples::calibration() }));
}

proptest! {
    /// Any bits, NaN and its payload included.
    #[test]
    fn every_bit_of_every_number_comes_back(bits in proptest::array::uniform16(any::<u64>()), id: u64, hits: u32) {
        let n = bits.map(f64::from_bits);
        let track = types::Track {
            id,
            class: ObjectClass::ALL[(id % 9) as usize],
            existence: n[0],
            bbox: types::Box3 { center: [n[1], n[2], n[3]], length: n[4], width: n[5], height: n[6], yaw: n[7] },
            velocity_mps: [n[8], n[9]],
            yaw_rate_radps: n[10],
            covariance: [[n[0], n[1], n[2], n[3]], [n[4], n[5], n[6], n[7]], [n[8], n[9], n[10], n[11]], [n[12], n[13], n[14], n[15]]],
            heading_covariance: [[n[11], n[10]], [n[9], n[8]]],
            hits,
            misses: !hits,
        };
        let Message::Tracks(back) = round_trip(&Message::Tracks(types::Tracks { frame: id, stamp: Stamp::default(), objects: vec![track] })) else {
            panic!("another kind");
        };
        let numbers = |t: &types::Track| {
            let mut all = t.covariance.as_flattened().to_vec();
                all.extend(t.heading_covariance.as_flattened());
            all.extend([t.existence, t.bbox.length, t.bbox.width, t.bbox.height, t.bbox.yaw, t.yaw_rate_radps]);
            all.extend(t.bbox.center.iter().chain(&t.velocity_mps));
            all.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        };
        prop_assert_eq!(numbers(&back.objects[0]), numbers(&track));
        prop_assert_eq!((back.objects[0].id, back.objects[0].hits, back.objects[0].misses), (id, hits, !hits));
    }

    #[test]
    fn candidates_come_back_exactly(rows in proptest::collection::vec((0usize..9, any::<u64>(), proptest::array::uniform16(any::<u32>())), 0..20)) {
        let candidates = rows.iter().map(|(verdict, cost, path)| Candidate {
            verdict: Verdict::ALL[*verdict],
            cost: f64::from_bits(*cost),
            path: std::array::from_fn(|i| [f32::from_bits(path[2 * i]), f32::from_bits(path[2 * i + 1])]),
        });
        let plan = types::Plan { candidates: candidates.collect(), ..types::Plan::default() };
        let Message::Plan(back) = round_trip(&Message::Plan(plan)) else { panic!("another kind") };
        let found = back.candidates.iter().map(|c| (c.verdict as usize, c.cost.to_bits(), c.path.as_flattened().iter().map(|v| v.to_bits()).collect::<Vec<_>>()));
        let expected = rows.iter().map(|(verdict, cost, path)| (*verdict, *cost, path.to_vec()));
        prop_assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_cause_a_panic(data in proptest::collection::vec(any::<u8>(), 0..200), topic in 0usize..28) {
        let _ = super::message(crate::topics::TABLE[topic].topic, Stamp::default(), 0, &data.into());
    }
}

fn refused(topic: Topic, message: &impl prost::Message) -> String {
    super::message(topic, Stamp::default(), 0, &message.encode_to_vec().into()).unwrap_err()
}

#[test]
fn bad_sensor_messages_are_named() {
    let image = CompressedImage { format: "webp".into(), ..CompressedImage::default() };
    assert!(refused(Topic::CameraImage, &image).contains("\"webp\""));
    let odd = PointCloud { point_stride: 16, data: vec![0; 20].into(), ..PointCloud::default() };
    assert!(refused(Topic::LidarPoints, &odd).contains("20 bytes of points are not a multiple of the stride of 16"));
    let no_stride = PointCloud { data: vec![0; 20].into(), ..PointCloud::default() };
    assert!(refused(Topic::LidarPoints, &no_stride).contains("stride of 0"));
    let field = |offset, kind: NumericType| PointCloud {
        point_stride: 16,
        fields: vec![foxglove::messages::PackedElementField { name: "ring".into(), offset, r#type: kind.into() }],
        ..PointCloud::default()
    };
    assert!(refused(Topic::LidarPoints, &field(14, NumericType::Float32)).contains("\"ring\" ends at byte 18"));
    assert!(refused(Topic::LidarPoints, &field(0, NumericType::Unknown)).contains("unknown type 0"));
    assert!(
        super::message(
            Topic::LidarPoints,
            Stamp::default(),
            0,
            &field(12, NumericType::Float32).encode_to_vec().into()
        )
        .is_ok()
    );
}

#[test]
fn a_route_of_an_older_drive_has_places_only() {
    let old = Route { x: vec![1.0, 3.0], y: vec![0.0, 0.5], yaw: vec![0.0, 0.1], ..Route::default() };
    let data = old.encode_to_vec();
    let Message::Route(route) = super::message(Topic::RoutePoses, Stamp::default(), 0, &data.into()).unwrap() else {
        panic!("another kind");
    };
    let poses = [Pose2 { x: 1.0, y: 0.0, yaw: 0.0 }, Pose2 { x: 3.0, y: 0.5, yaw: 0.1 }];
    assert_eq!(route, types::Route::of_poses(poses));
}

#[test]
fn missing_and_unknown_parts_are_named() {
    assert!(refused(Topic::Calibration, &Calibration::default()).contains("base_from_lidar is missing"));
    let route = Route { x: vec![1.0], ..Route::default() };
    assert!(refused(Topic::RoutePoses, &route).contains("y has 0 numbers, expected 1"));
    let route = Route { x: vec![1.0], y: vec![1.0], yaw: vec![1.0], right_m: vec![1.0; 2], ..Route::default() };
    assert!(refused(Topic::RoutePoses, &route).contains("right_m has 2 numbers, expected 1"));
    let stop =
        |kind: &str| Route { stops: vec![StopLine { kind: kind.into(), ..StopLine::default() }], ..Route::default() };
    assert!(refused(Topic::RoutePoses, &stop("toll")).contains("kind is \"toll\""));
    assert!(refused(Topic::RoutePoses, &stop("signal")).contains("signal is missing"));
    let signals = Signals { signals: vec![super::super::Signal { id: 3, phase: "blue".into() }], ..Signals::default() };
    assert!(refused(Topic::Signals, &signals).contains("phase is \"blue\""));
    assert!(refused(Topic::Truth, &Truth::default()).contains("odom_from_base is missing"));
    let command = Command { stop: "tea break".into(), ..Command::default() };
    assert!(refused(Topic::Command, &command).contains("\"tea break\""));
    let plan =
        Plan { decision: "cruise".into(), candidate_verdict: vec![77], candidate_cost: vec![0.0], ..Plan::default() };
    assert!(refused(Topic::Plan, &plan).contains("candidate_path has 0 numbers, expected 16"));
    let plan = Plan { candidate_path: vec![0.0; 16], ..plan };
    assert!(refused(Topic::Plan, &plan).contains("candidate_verdict is 77"));
}
