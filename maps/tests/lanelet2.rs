//! Lanelet2 files, small and made here.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod support;

use maps::formats::lanelet2::read;
use maps::{Border, LaneKind, Neighbor};
use proptest::prelude::*;
use support::mutated;
use types::StopKind;

fn node(id: u32, x: f64, y: f64) -> String {
    format!("<node id=\"{id}\" lat=\"0\" lon=\"0\"><tag k=\"local_x\" v=\"{x}\"/><tag k=\"local_y\" v=\"{y}\"/></node>")
}

fn way(id: u32, nodes: &[u32], kind: &str, subtype: &str) -> String {
    let nodes: String = nodes.iter().map(|node| format!("<nd ref=\"{node}\"/>")).collect();
    format!("<way id=\"{id}\">{nodes}<tag k=\"type\" v=\"{kind}\"/><tag k=\"subtype\" v=\"{subtype}\"/></way>")
}

fn lanelet(id: u32, left: u32, right: u32, tags: &str, rules: &str) -> String {
    format!(
        "<relation id=\"{id}\"><member type=\"way\" role=\"left\" ref=\"{left}\"/><member type=\"way\" role=\"right\" ref=\"{right}\"/>{rules}
         <tag k=\"type\" v=\"lanelet\"/>{tags}</relation>"
    )
}

/// Lanelets 100 (with a light), 101 behind it, 102 to its left, 103 oncoming beyond that, 104 a crosswalk, 105 driven both ways.
fn map() -> String {
    let mut nodes = String::new();
    for (row, y) in [0.0, 3.0, 6.0, 9.0].into_iter().enumerate() {
        for (column, x) in [0.0, 50.0, 80.0].into_iter().enumerate() {
            nodes += &node(10 * row as u32 + column as u32, x, y);
        }
    }
    for (id, x, y) in
        [(70, 60.0, -2.0), (71, 60.0, 11.0), (72, 64.0, -2.0), (73, 64.0, 11.0), (74, 48.0, 0.0), (75, 48.0, 3.0)]
    {
        nodes += &node(id, x, y);
    }
    let ways = [
        way(1, &[0, 1], "curbstone", "high"),
        way(2, &[10, 11], "line_thin", "dashed"),
        way(3, &[20, 21], "line_thin", "solid"),
        // Against the others.
        way(4, &[31, 30], "road_border", ""),
        way(5, &[1, 2], "curbstone", "high"),
        way(6, &[11, 12], "virtual", ""),
        way(7, &[70, 71], "pedestrian_marking", ""),
        way(8, &[72, 73], "pedestrian_marking", ""),
        way(9, &[74, 75], "stop_line", "solid"),
        way(90, &[21, 22], "virtual", ""),
        way(91, &[72, 70], "traffic_light", "red_yellow_green"),
    ]
    .concat();
    let road = |more: &str| {
        format!("<tag k=\"subtype\" v=\"road\"/><tag k=\"location\" v=\"urban\"/><tag k=\"one_way\" v=\"yes\"/>{more}")
    };
    let lanelets = [
        lanelet(
            100,
            2,
            1,
            &road("<tag k=\"speed_limit\" v=\"30 km/h\"/>"),
            "<member type=\"relation\" role=\"regulatory_element\" ref=\"200\"/>",
        ),
        lanelet(101, 6, 5, &road(""), ""),
        lanelet(102, 3, 2, &road(""), ""),
        lanelet(103, 3, 4, &road(""), ""),
        lanelet(104, 7, 8, "<tag k=\"subtype\" v=\"crosswalk\"/>", ""),
        lanelet(105, 90, 6, &road("").replace("\"yes\"", "\"no\""), ""),
    ]
    .concat();
    let rule = "<relation id=\"200\"><member type=\"way\" role=\"refers\" ref=\"91\"/><member type=\"way\" role=\"ref_line\" ref=\"9\"/>
        <tag k=\"type\" v=\"regulatory_element\"/><tag k=\"subtype\" v=\"traffic_light\"/></relation>";
    format!("<?xml version='1.0'?><osm version='0.6'><MetaInfo/>{nodes}{ways}{lanelets}{rule}</osm>")
}

#[test]
fn everything_that_is_said_is_read() {
    let map = read("own.osm", map().as_bytes()).unwrap();
    assert!(map.findings.is_empty(), "{:?}", map.findings);
    assert_eq!(map.names, ["100", "101", "102", "103", "105", "-105"]);
    let lanes = map.network.lanes();
    let id = |name: &str| map.lane(name).unwrap();
    assert_eq!(lanes[id("100")].successors, [id("101")]);
    assert_eq!(lanes[id("100")].left_neighbor, Some(Neighbor { lane: id("102"), same_direction: true }));
    assert_eq!(lanes[id("102")].left_neighbor, Some(Neighbor { lane: id("103"), same_direction: false }));
    assert_eq!((lanes[id("100")].left_border, lanes[id("100")].right_border), (Border::Dashed, Border::Kerb));
    // The oncoming lanelet's left border is the one that it shares, so it runs against it.
    let oncoming = lanes[id("103")].center.pose(0.0);
    assert!((oncoming.x - 50.0).abs() < 1e-9 && (oncoming.y - 7.5).abs() < 1e-9, "{oncoming:?}");
    assert_eq!(lanes[id("102")].successors, [id("105")]);
    let back = lanes[id("-105")].center.pose(0.0);
    assert!((back.x - 80.0).abs() < 1e-9 && lanes[id("-105")].kind == LaneKind::Driving);
    assert!((lanes[id("100")].speed_limit_mps - 30.0 / 3.6).abs() < 1e-12 && !map.posted[id("101")]);
    let roads = map.network.roads();
    let stop = roads.stops[0];
    assert_eq!((stop.lane, stop.s_m, stop.kind), (id("100"), 48.0, StopKind::Signal(200)));
    assert_eq!((roads.signals[0].pose.x, roads.signals[0].pose.y), (62.0, -2.0));
    let crossing = &roads.crossings[0];
    assert!((crossing.width_m - 4.0).abs() < 1e-9 && (crossing.to[1] - crossing.from[1]).abs() == 13.0);
    assert_eq!(map.origin, None);
}

#[test]
fn degrees_become_metres_around_the_middle() {
    let degrees = |text: String| {
        // A metre is about a hundred-thousandth of a degree: 1e-5 deg per metre here.
        let mut out = String::new();
        for part in text.split_inclusive("</node>") {
            let number = |key: &str| {
                let at = part.find(key).unwrap() + key.len();
                part[at..].split('"').next().unwrap().parse::<f64>().unwrap()
            };
            if part.contains("local_x") {
                let (x, y) = (number("local_x\" v=\""), number("local_y\" v=\""));
                let place = format!("lat=\"{}\" lon=\"{}\"", 49.0 + 1e-5 * y, 8.4 + 1e-5 * x);
                out += &part.replace("lat=\"0\" lon=\"0\"", &place).replace("local_", "other_");
            } else {
                out += part;
            }
        }
        out
    };
    let map = read("deg.osm", degrees(map()).as_bytes()).unwrap();
    assert_eq!(map.origin.map(|origin| (origin.latitude_deg, origin.longitude_deg)), Some((49.0, 8.4)));
    // 1e-5 deg at 49 deg north: 1.112 m along the meridian, 0.732 m along the parallel.
    let lane = map.network.lane(map.lane("100").unwrap());
    assert!((lane.center.length_m() - 50.0 * 0.7317).abs() < 0.01, "{}", lane.center.length_m());
    assert!((lane.width_m(10.0) - 3.0 * 1.1121).abs() < 0.001, "{}", lane.width_m(10.0));
}

#[test]
fn what_is_wrong_is_said() {
    for (from, to, wanted) in [
        ("v=\"50\"", "v=\"nan\"", "v is `nan`, which is not finite"),
        ("30 km/h", "fast", "speed_limit is `fast`"),
        ("<relation id=\"101\">", "<relation id=\"100\">", "stands twice"),
        ("<nd ref=\"0\"/>", "<nd/>", "has no attribute `ref`"),
    ] {
        let text = map();
        assert!(text.contains(from), "{from}");
        let said = read("bad.osm", text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(said.starts_with("bad.osm: ") && said.contains(wanted), "{wanted}: {said}");
    }
    let map = read("odd.osm", map().replace("<nd ref=\"1\"/>", "<nd ref=\"404\"/>").as_bytes()).unwrap();
    let said: Vec<String> = map.findings.iter().map(ToString::to_string).collect();
    assert!(said.contains(&"way 1: its node 404 is not in the file".to_string()), "{said:?}");
    assert!(said.contains(&"lanelet 100: a border is not in the file: left out".to_string()), "{said:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..6)) {
        if let Err(error) = read("damaged.osm", &mutated(map().as_bytes(), &changes)) {
            prop_assert!(error.to_string().starts_with("damaged.osm: "));
        }
    }
}
