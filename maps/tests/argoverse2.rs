//! Argoverse 2 files, small and made here; and files of no format.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod support;

use maps::formats::argoverse2::read;
use maps::formats::{MOST_BYTES, MapError};
use maps::{Border, LaneKind, Neighbor};
use proptest::prelude::*;
use support::mutated;

const POINT: fn(f64, f64) -> String = |x, y| format!("{{\"x\": {x}, \"y\": {y}, \"z\": 1.0}}");

fn segment(id: u32, kind: &str, left: [[f64; 2]; 2], right: [[f64; 2]; 2], links: &str) -> String {
    let line = |points: [[f64; 2]; 2]| points.map(|[x, y]| POINT(x, y)).join(", ");
    format!(
        "\"{id}\": {{\"id\": {id}, \"is_intersection\": false, \"lane_type\": \"{kind}\", \"left_lane_boundary\": [{}],
          \"left_lane_mark_type\": \"DOUBLE_SOLID_YELLOW\", \"right_lane_boundary\": [{}], \"right_lane_mark_type\": \"NONE\", {links}}}",
        line(left),
        line(right)
    )
}

fn file() -> String {
    let links = |successors: &str, left: &str| {
        format!(
            "\"successors\": [{successors}], \"predecessors\": [], \"left_neighbor_id\": {left}, \"right_neighbor_id\": null"
        )
    };
    let segments = [
        segment(1, "VEHICLE", [[0.0, 3.0], [40.0, 3.0]], [[0.0, 0.0], [40.0, 0.0]], &links("2, 99", "3")),
        segment(2, "BIKE", [[40.0, 3.0], [80.0, 3.0]], [[40.0, 0.0], [80.0, 0.0]], &links("", "null")),
        segment(3, "BUS", [[40.0, 3.0], [0.0, 3.0]], [[40.0, 6.0], [0.0, 6.0]], &links("", "1")),
    ]
    .join(",");
    let crossing = format!(
        "\"7\": {{\"id\": 7, \"edge1\": [{}, {}], \"edge2\": [{}, {}]}}",
        POINT(10.0, -1.0),
        POINT(10.0, 7.0),
        POINT(14.0, 7.0),
        POINT(14.0, -1.0)
    );
    let corners = [[-5.0, -5.0], [90.0, -5.0], [90.0, 9.0], [-5.0, 9.0]].map(|[x, y]| POINT(x, y)).join(", ");
    let area = format!("\"8\": {{\"id\": 8, \"area_boundary\": [{corners}]}}");
    format!(
        "{{\"pedestrian_crossings\": {{{crossing}}}, \"lane_segments\": {{{segments}}}, \"drivable_areas\": {{{area}}}, \"news\": 1}}"
    )
}

#[test]
fn everything_that_is_said_is_read() {
    let map = read("own.json", file().as_bytes()).unwrap();
    let lanes = map.network.lanes();
    assert_eq!(map.names, ["1", "2", "3"]);
    assert_eq!((&lanes[0].successors, &lanes[1].predecessors), (&vec![1], &vec![0]));
    assert_eq!(lanes[0].left_neighbor, Some(Neighbor { lane: 2, same_direction: false }));
    assert_eq!(lanes[2].left_neighbor, Some(Neighbor { lane: 0, same_direction: false }));
    assert_eq!([0, 1, 2].map(|i: usize| lanes[i].kind), [LaneKind::Driving, LaneKind::Bicycle, LaneKind::Driving]);
    assert_eq!((lanes[0].left_border, lanes[0].right_border), (Border::Double, Border::Open));
    assert!((lanes[2].center.pose(0.0).y - 4.5).abs() < 1e-9);
    let crossing = &map.network.roads().crossings[0];
    assert_eq!((crossing.from, crossing.to, crossing.width_m), ([12.0, -1.0], [12.0, 7.0], 4.0));
    assert!(map.network.is_drivable(85.0, 8.0) && !map.network.is_drivable(95.0, 8.0));
    let said: Vec<String> = map.findings.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["lane 1: its successor 99 is not in the file"]);
}

#[test]
fn what_is_wrong_is_said() {
    for (from, to, wanted) in [
        ("\"x\": 40", "\"x\": \"a\"", "bad.json: JSON: invalid type"),
        ("\"x\": 40", "\"x\": 1e300", "lane_segment 1: a point lies at (1"),
        ("VEHICLE", "TRAM", "lane_segment 1: lane_type is `TRAM`"),
        ("\"lane_segments\"", "\"lanes\"", "missing field `lane_segments`"),
        ("\"x\": 40", "\"x\": NaN", "JSON: "),
    ] {
        let said = read("bad.json", file().replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(said.starts_with("bad.json: ") && said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn any_format_is_known_by_what_is_in_it_and_others_are_named() {
    let read = maps::formats::read;
    assert!(read("a", file().as_bytes()).is_ok());
    let said = |bytes: &[u8]| read("a.bin", bytes).unwrap_err().to_string();
    assert_eq!(
        said(b"<gpx/>"),
        "a.bin: its outermost element is <gpx>, expected one of: CommonRoad XML, Lanelet2 OSM, OpenDRIVE, Argoverse 2 JSON"
    );
    for bytes in [&b""[..], b"\x00\x01\x02", b"hello", b"[1, 2]", b"{\"a\": 1}", b"<osm", b"<commonRoad/>", b"<osm/>"] {
        assert!(said(bytes).starts_with("a.bin: "), "{bytes:?}");
    }
    let nested = "{\"a\":".repeat(100_000);
    assert!(said(nested.as_bytes()).starts_with("a.bin: JSON: "));
    let large = read("a.bin", &vec![b' '; MOST_BYTES + 1]).unwrap_err();
    assert!(matches!(large, MapError::TooLarge { limit: MOST_BYTES, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..6)) {
        if let Err(error) = read("damaged.json", &mutated(file().as_bytes(), &changes)) {
            prop_assert!(error.to_string().starts_with("damaged.json: "));
        }
    }
}
