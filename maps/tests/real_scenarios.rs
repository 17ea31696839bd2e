//! The real CommonRoad scenarios beside the project: each loads, and its lanes hang together.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod support;

use maps::formats::commonroad::{Scenario, read};

fn all(test: &str) -> Option<Vec<Scenario>> {
    let (_folder, files) = support::scenarios(test)?;
    let load = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        read(&name, &std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{error}"))
    };
    Some(files.iter().map(load).collect())
}

#[test]
fn every_scenario_loads_and_hangs_together() {
    let Some(scenarios) = all("every_scenario_loads_and_hangs_together") else { return };
    assert_eq!(scenarios.len(), 113);
    let (mut lanes, mut links, mut findings) = (0, 0, 0);
    for scenario in &scenarios {
        let network = &scenario.map.network;
        lanes += network.lanes().len();
        findings += scenario.map.findings.len();
        for lane in network.lanes() {
            let end = lane.center.pose(lane.center.length_m());
            for &next in &lane.successors {
                let [x, y] = network.lane(next).center.points()[0];
                assert!((end.x - x).hypot(end.y - y) < 0.5, "{}", scenario.id);
                links += 1;
            }
        }
        assert_eq!((scenario.problems.len(), scenario.time_step_s), (1, 0.1), "{}", scenario.id);
        let initial = scenario.problems[0].initial;
        assert!(network.is_drivable(initial.x, initial.y), "{}: the ego starts beside the road", scenario.id);
    }
    println!("113 scenarios: {lanes} lanes, {links} links, {findings} findings");
    assert_eq!(lanes, 3397);
    assert!(links >= 3560 && findings < 60, "{links} links, {findings} findings");
    let obstacles: usize = scenarios.iter().map(|scenario| scenario.obstacles.len()).sum();
    assert_eq!(obstacles, 2202 + 41 + 3);
}

#[test]
fn ways_lead_to_the_goals() {
    let Some(scenarios) = all("ways_lead_to_the_goals") else { return };
    let mut without = Vec::new();
    let mut changes = 0;
    for scenario in &scenarios {
        match scenario.problems[0].way(&scenario.map, 200.0) {
            Some(way) => changes += usize::from(way.legs.len() > 1),
            None => without.push(scenario.id.as_str()),
        }
    }
    println!(
        "{} of {} have a way, {changes} with a change of lane; without: {without:?}",
        scenarios.len() - without.len(),
        scenarios.len()
    );
    assert!(without.is_empty(), "{without:?}");
}
