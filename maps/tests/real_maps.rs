//! The real map files beside the project: each loads, and its lanes hang together.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod support;

use maps::LaneKind;
use maps::formats::{Map, read};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// File, lanes, links, lanes beside another, stops, crossings, signals: at least.
const WANTED: [(&str, [usize; 6]); 10] = [
    ("maps/autoware_2km_test.osm", [160, 158, 160, 0, 0, 0]),
    ("maps/autoware_test_map.osm", [44, 45, 37, 18, 4, 11]),
    ("maps/lanelet2_karlsruhe_mapping_example.osm", [421, 386, 184, 10, 8, 6]),
    ("maps/e6mini.xodr", [14, 0, 14, 0, 0, 0]),
    ("maps/fabriksgatan.xodr", [44, 40, 36, 0, 0, 0]),
    ("maps/multi_intersections.xodr", [204, 224, 179, 36, 17, 68]),
    ("maps/soderleden.xodr", [33, 20, 33, 0, 0, 0]),
    ("maps/straight_500m.xodr", [6, 0, 6, 0, 0, 0]),
    ("av2/adcf7d18/lane_map.json", [199, 199, 161, 0, 11, 0]),
    ("av2/3b3570b4/lane_map.json", [150, 161, 139, 0, 6, 0]),
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
        let driving: Vec<_> = lanes.iter().filter(|lane| lane.kind == LaneKind::Driving).collect();
        let alone = driving.iter().filter(|lane| lane.successors.is_empty() && lane.predecessors.is_empty()).count();
        println!("{file}: {counts:?}, {} driving, {alone} alone, {} findings", driving.len(), map.findings.len());
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

/// Any file with any damage: a map or an error that names it, never a panic.
#[test]
fn no_damage_to_a_real_file_panics() {
    let Some(folder) = support::shared("no_damage_to_a_real_file_panics", "data") else { return };
    let mut runner = TestRunner::deterministic();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..5);
    let files =
        ["maps/autoware_test_map.osm", "maps/e6mini.xodr", "maps/soderleden.xodr", "av2/3b3570b4/lane_map.json"];
    for file in files {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        for _ in 0..60 {
            let damage = changes.new_tree(&mut runner).unwrap().current();
            if let Err(error) = read(file, &support::mutated(&bytes, &damage)) {
                assert!(error.to_string().starts_with(file), "{error}");
            }
        }
    }
}
