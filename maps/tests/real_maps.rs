//! The real map files beside the project: each loads, and its lanes hang together.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod support;

use maps::LaneKind;
use maps::formats::{Map, read};

/// File, lanes, links, lanes beside another, stops, crossings, signals: at least.
const WANTED: [(&str, [usize; 6]); 10] = [
    ("maps/autoware_2km_test.osm", [0, 0, 0, 0, 0, 0]),
    ("maps/autoware_test_map.osm", [0, 0, 0, 0, 0, 0]),
    ("maps/lanelet2_karlsruhe_mapping_example.osm", [0, 0, 0, 0, 0, 0]),
    ("maps/e6mini.xodr", [0, 0, 0, 0, 0, 0]),
    ("maps/fabriksgatan.xodr", [0, 0, 0, 0, 0, 0]),
    ("maps/multi_intersections.xodr", [0, 0, 0, 0, 0, 0]),
    ("maps/soderleden.xodr", [0, 0, 0, 0, 0, 0]),
    ("maps/straight_500m.xodr", [0, 0, 0, 0, 0, 0]),
    ("av2/adcf7d18/lane_map.json", [0, 0, 0, 0, 0, 0]),
    ("av2/3b3570b4/lane_map.json", [0, 0, 0, 0, 0, 0]),
];

fn load(file: &str) -> Option<Map> {
    let path = support::shared("real maps", "data")?.join(file);
    let content = read(file, &std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    Some(content.map().clone())
}

#[test]
fn every_file_loads_and_hangs_together() {
    for (file, wanted) in WANTED {
        let Some(map) = load(file) else { return };
        let lanes = map.network.lanes();
        let roads = map.network.roads();
        let links = lanes.iter().map(|lane| lane.successors.len()).sum();
        let beside = lanes.iter().filter(|lane| lane.left_neighbor.or(lane.right_neighbor).is_some()).count();
        let counts = [lanes.len(), links, beside, roads.stops.len(), roads.crossings.len(), roads.signals.len()];
        let [low, high] = map.network.bounds();
        let driving: Vec<_> = lanes.iter().filter(|lane| lane.kind == LaneKind::Driving).collect();
        let alone = driving.iter().filter(|lane| lane.successors.is_empty() && lane.predecessors.is_empty()).count();
        println!(
            "{file}: {counts:?} {} driving, {alone} alone, {} areas, {:.0} x {:.0} m, {} findings",
            driving.len(),
            roads.areas.len(),
            high[0] - low[0],
            high[1] - low[1],
            map.findings.len()
        );
        if std::env::args().any(|a| a == "--show-output") {
            for finding in &map.findings {
                println!("     {finding}");
            }
        }
        for (id, lane) in lanes.iter().enumerate() {
            let end = lane.center.pose(lane.center.length_m());
            for &next in &lane.successors {
                let [x, y] = lanes[next].center.points()[0];
                let gap = (end.x - x).hypot(end.y - y);
                assert!(gap < 0.5, "{file}: lane {} ends {gap:.2} m before {}", map.names[id], map.names[next]);
            }
        }
        assert!(counts.iter().zip(wanted).all(|(count, least)| *count >= least), "{file}: {counts:?}");
    }
}
