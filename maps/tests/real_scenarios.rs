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

/// The lines to choose from are within their deviation, without a jump in curvature, and as round as the lanes let them be.
#[test]
fn the_lines_along_the_ways_are_smooth() {
    let Some(scenarios) = all("the_lines_along_the_ways_are_smooth") else { return };
    let (mut sharpest, mut farthest, mut count, mut metres) = (Vec::new(), 0.0f64, 0, 0.0);
    for scenario in &scenarios {
        let (problem, network) = (&scenario.problems[0], &scenario.map.network);
        let corridors = problem.corridors(&scenario.map, 50.0, 150.0);
        assert!(!corridors.is_empty(), "{}", scenario.id);
        for corridor in corridors {
            count += 1;
            let line = &corridor.line.line;
            metres += line.length();
            let points: Vec<[f64; 2]> =
                corridor.line.lanes.iter().flat_map(|lane| network.lane(*lane).center.points().to_vec()).collect();
            let given = maps::Polyline::new(&points).unwrap();
            let mut last = line.at(-0.5).curvature_1pm;
            let mut tightest: f64 = 0.0;
            for i in 0..(line.length() / 0.1) as usize {
                let s = 0.1 * i as f64;
                let point = line.at(s);
                farthest = farthest.max(given.project_within(point.x, point.y, s - 15.0, s + 15.0).distance_m);
                tightest = tightest.max(point.curvature_1pm.abs());
                assert!(
                    (point.curvature_1pm - last).abs() < 0.12,
                    "{} at {s}: {last} {}",
                    scenario.id,
                    point.curvature_1pm
                );
                last = point.curvature_1pm;
            }
            sharpest.push((tightest, scenario.id.as_str()));
        }
    }
    sharpest.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (median, nine_tenths, worst) = (sharpest[count / 2], sharpest[count * 9 / 10], sharpest[count - 1]);
    println!(
        "{count} lines, {metres:.0} m; farthest {farthest:.2} m; sharpest {:.3} 1/m median, {:.3} p90, {:.3} in {}",
        median.0, nine_tenths.0, worst.0, worst.1
    );
    assert!(farthest < 1.0, "{farthest}");
    assert!(nine_tenths.0 < 0.19 && worst.0 < 0.5, "{nine_tenths:?} {worst:?}");
}
