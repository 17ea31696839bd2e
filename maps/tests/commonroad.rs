//! CommonRoad files, small and made here: what they say, and what is said of files that are not right.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod support;

use maps::formats::MapError;
use maps::formats::commonroad::{Future, GoalPlace, Shape, read, read_map};
use maps::{Border, LaneKind, Neighbor};
use proptest::prelude::*;
use support::mutated;
use types::{Phase, StopKind};

fn lanelet(id: u32, x: [f64; 2], y: f64, inside: &str, last: &str) -> String {
    let bound = |name: &str, y: f64| {
        let points: String = x.iter().map(|x| format!("<point><x>{x}</x><y>{y}</y></point>")).collect();
        format!("<{name}>{points}<lineMarking>dashed</lineMarking></{name}>")
    };
    let (left, right) = (bound("leftBound", y + 1.75), bound("rightBound", y - 1.75));
    format!("<lanelet id=\"{id}\">{left}{right}{inside}<laneletType>urban</laneletType>{last}</lanelet>")
}

fn exact(name: &str, value: f64) -> String {
    format!("<{name}><exact>{value}</exact></{name}>")
}

fn state(step: f64, x: f64, y: f64, speed: f64) -> String {
    let position = format!("<position><point><x>{x}</x><y>{y}</y></point></position>");
    position + &exact("orientation", 0.0) + &exact("velocity", speed) + &exact("time", step)
}

/// Two lanes side by side, one behind; a limit, a light, a stop line; a parked and a moving car; one task.
fn scenario() -> String {
    let lanes = [
        lanelet(
            10,
            [0.0, 50.0],
            0.0,
            "<successor ref=\"11\"/><adjacentLeft ref=\"12\" drivingDir=\"same\"/>
             <stopLine><point><x>48</x><y>1.7</y></point><point><x>48</x><y>-1.7</y></point><lineMarking>solid</lineMarking></stopLine>",
            "<trafficSignRef ref=\"90\"/><trafficLightRef ref=\"91\"/>",
        ),
        lanelet(11, [50.0, 90.0], 0.0, "<predecessor ref=\"10\"/>", ""),
        lanelet(12, [0.0, 50.0], 3.5, "<adjacentRight ref=\"10\" drivingDir=\"same\"/>", ""),
    ];
    let signs = "<trafficSign id=\"90\"><trafficSignElement><trafficSignID>274</trafficSignID>
        <additionalValue>8.5</additionalValue></trafficSignElement></trafficSign>
        <trafficLight id=\"91\"><cycle>
        <cycleElement><duration>30</duration><color>red</color></cycleElement>
        <cycleElement><duration>20</duration><color>green</color></cycleElement><timeOffset>5</timeOffset></cycle>
        <position><point><x>52</x><y>-4</y></point></position></trafficLight>";
    let car = "<shape><rectangle><length>4.5</length><width>1.8</width></rectangle></shape>";
    let traffic = format!(
        "<staticObstacle id=\"50\"><type>parkedVehicle</type>{car}<initialState>{}</initialState></staticObstacle>
         <dynamicObstacle id=\"51\"><type>car</type>{car}<initialState>{}</initialState>
         <trajectory><state>{}</state><state>{}</state></trajectory></dynamicObstacle>",
        state(0.0, 70.0, 1.0, 0.0),
        state(0.0, 20.0, 3.5, 10.0),
        state(2.0, 22.0, 3.5, 10.0),
        state(1.0, 21.0, 3.5, 10.0),
    );
    let problem = format!(
        "<planningProblem id=\"100\"><initialState>{}{}{}</initialState><goalState>
         <time><intervalStart>30</intervalStart><intervalEnd>40</intervalEnd></time>
         <position><lanelet ref=\"11\"/></position>
         <orientation><intervalStart>-0.2</intervalStart><intervalEnd>0.2</intervalEnd></orientation>
         <velocity><intervalStart>5</intervalStart><intervalEnd>10</intervalEnd></velocity></goalState>
         <goalState>{}<position><circle><radius>3</radius><center><x>80</x><y>0</y></center></circle></position></goalState>
         </planningProblem>",
        state(0.0, 5.0, 0.0, 8.0),
        exact("yawRate", 0.0),
        exact("slipAngle", 0.0),
        exact("time", 35.0)
    );
    format!(
        "<?xml version=\"1.0\"?><commonRoad timeStepSize=\"0.1\" commonRoadVersion=\"2020a\" benchmarkID=\"ZAM_Own-1_1_T-1\">
         <location><news>unknown</news></location>{}{signs}{traffic}{problem}</commonRoad>",
        lanes.concat()
    )
}

#[test]
fn everything_that_is_said_is_read() {
    let scenario = read("own.xml", scenario().as_bytes()).unwrap();
    assert_eq!((scenario.id.as_str(), scenario.time_step_s), ("ZAM_Own-1_1_T-1", 0.1));
    let map = &scenario.map;
    assert!(map.findings.is_empty(), "{:?}", map.findings);
    assert_eq!(map.names, ["10", "11", "12"]);
    let lanes = map.network.lanes();
    assert_eq!((lanes[0].speed_limit_mps, map.posted[0]), (8.5, true));
    assert_eq!((lanes[1].speed_limit_mps, map.posted[1]), (50.0 / 3.6, false));
    assert_eq!(
        (&lanes[0].successors, lanes[0].left_border, lanes[0].kind),
        (&vec![1], Border::Dashed, LaneKind::Driving)
    );
    assert_eq!(lanes[2].right_neighbor, Some(Neighbor { lane: 0, same_direction: true }));
    assert_eq!((lanes[2].center.points()[1], lanes[2].width_m(20.0)), ([50.0, 3.5], 3.5));
    let roads = map.network.roads();
    let stop = roads.stops[0];
    assert_eq!((stop.lane, stop.s_m, stop.kind, stop.painted), (0, 48.0, StopKind::Signal(91), true));
    assert_eq!((roads.signals[0].pose.x, roads.signals[0].pose.yaw), (52.0, 0.0));
    let shown = [0, 4, 5, 34, 35, 54, 55].map(|step| scenario.programs[0].phase(step));
    let [red, green] = [Some(Phase::Red), Some(Phase::Green)];
    assert_eq!(shown, [green, green, red, red, green, green, red]);

    assert_eq!(scenario.obstacles[0].future, Future::Static);
    let there = scenario.obstacles[0].ground(77);
    assert_eq!(there[0].center(), [70.0, 1.0]);
    assert!(there[0].contains(72.2, 1.8) && !there[0].contains(72.3, 1.0));
    let car = &scenario.obstacles[1];
    assert_eq!([0, 1, 2].map(|step| car.at(step).unwrap().x), [20.0, 21.0, 22.0]);
    assert!(car.at(3).is_none() && car.at(-1).is_none() && car.ground(3).is_empty());

    let problem = &scenario.problems[0];
    assert_eq!((problem.initial.x, problem.initial.speed_mps, problem.initial.acceleration_mps2), (5.0, 8.0, None));
    assert_eq!(problem.goals[0].places, [GoalPlace::Lane(1)]);
    let reached =
        |goal: usize, step, place, heading, speed| problem.goals[goal].is_reached(map, step, place, heading, speed);
    assert!(reached(0, 30, [55.0, 0.5], 0.1, 6.0));
    assert!(reached(0, 30, [55.0, 0.5], 0.1 + std::f64::consts::TAU, 6.0));
    for (step, place, heading, speed) in [
        (29, [55.0, 0.5], 0.1, 6.0),
        (30, [45.0, 0.5], 0.1, 6.0),
        (30, [55.0, 0.5], 0.3, 6.0),
        (30, [55.0, 0.5], 0.1, 11.0),
    ] {
        assert!(!reached(0, step, place, heading, speed), "{step} {place:?} {heading} {speed}");
    }
    assert!(reached(1, 35, [82.0, 1.0], 3.0, 99.0) && !reached(1, 35, [84.0, 0.0], 0.0, 0.0));
}

#[test]
fn the_older_version_is_read_too() {
    let older = scenario()
        .replace("2020a", "2018b")
        .replace("<staticObstacle id=\"50\">", "<obstacle id=\"50\"><role>static</role>")
        .replace("</staticObstacle>", "</obstacle>")
        .replace("<dynamicObstacle id=\"51\">", "<obstacle id=\"51\"><role>dynamic</role>")
        .replace("</dynamicObstacle>", "</obstacle>")
        .replace("<laneletType>urban</laneletType>", "<speedLimit>13.4</speedLimit>");
    let scenario = read("older.xml", older.as_bytes()).unwrap();
    assert_eq!(scenario.map.network.lane(2).speed_limit_mps, 13.4);
    assert_eq!(scenario.obstacles[0].future, Future::Static);
    assert!(matches!(&scenario.obstacles[1].future, Future::Trajectory(states) if states.len() == 2));
}

#[test]
fn occupancies_and_polygons_are_ground_too() {
    let set = "<occupancySet><occupancy><shape><polygon><point><x>1</x><y>1</y></point><point><x>9</x><y>1</y></point>
        <point><x>9</x><y>9</y></point></polygon></shape><time><exact>3</exact></time></occupancy></occupancySet>";
    let text = scenario();
    let (from, to) = (text.find("<trajectory>").unwrap(), text.find("</trajectory>").unwrap() + 13);
    let text = format!("{}{set}{}", &text[..from], &text[to..]);
    let scenario = read("set.xml", text.as_bytes()).unwrap();
    let ground = scenario.obstacles[1].ground(3);
    assert!(matches!(&ground[0], Shape::Polygon { corners } if corners.len() == 3));
    assert!(
        ground[0].contains(8.0, 2.0) && !ground[0].contains(2.0, 8.0) && scenario.obstacles[1].ground(4).is_empty()
    );
}

#[test]
fn what_is_wrong_is_said_with_file_element_and_number() {
    let said = |from: &str, to: &str| {
        let text = scenario();
        assert!(text.contains(from), "{from}");
        read("bad.xml", text.replacen(from, to, 1).as_bytes()).unwrap_err().to_string()
    };
    for (from, to, wanted) in [
        ("<x>50</x>", "<x>NaN</x>", "bad.xml: <x> in line 2: its text is `NaN`, which is not finite"),
        ("<x>50</x>", "<x>5e99</x>", "x is 5"),
        ("<leftBound>", "<loftBound>", "bad.xml: XML: "),
        ("ref=\"11\"/></position>", "ref=\"77\"/></position>", "<lanelet> 77 in line"),
        ("8.5", "850", "speed limit is 850 m/s"),
        ("timeStepSize=\"0.1\"", "timeStepSize=\"0\"", "timeStepSize is 0 s"),
        ("lanelet id=\"12\"", "lanelet id=\"10\"", "lane 10: stands twice"),
        ("<length>4.5</length>", "<length>-4.5</length>", "length is -4.5 m"),
        ("<intervalStart>30", "<intervalStart>50", "from 50 to 40 is empty"),
        ("commonRoad timeStep", "osm timeStep", "bad.xml: XML"),
    ] {
        let said = said(from, to);
        assert!(
            said.starts_with("bad.xml: ") && (said.contains(wanted) || wanted == "lane 10: stands twice"),
            "{said}"
        );
    }
    let foreign = read("a.xml", b"<osm/>").unwrap_err();
    assert!(matches!(&foreign, MapError::Foreign { found, .. } if found.contains("<osm>")), "{foreign}");
    for (bytes, wanted) in [(&b" "[..], "empty"), (&b"\xff\xfe"[..], "byte 0 is not UTF-8"), (&b"{}"[..], "XML")] {
        let said = read("a.xml", bytes).unwrap_err().to_string();
        assert!(said.starts_with("a.xml: ") && said.contains(wanted), "{said}");
    }
}

#[test]
fn references_to_nothing_and_to_oneself_are_findings() {
    let text = scenario().replace("<predecessor ref=\"10\"/>", "<predecessor ref=\"11\"/><successor ref=\"404\"/>");
    let map = read_map("odd.xml", text.as_bytes()).unwrap();
    let said: Vec<String> = map.findings.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line == "lane 11: its successor 404 is not in the file"), "{said:?}");
    assert!(
        said.iter().any(|line| line.contains("lane 11: ends 40.00 m from where its successor 11 begins")),
        "{said:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to a file: a scenario or an error that names it, never a panic.
    #[test]
    fn no_damage_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..6)) {
        let bytes = mutated(scenario().as_bytes(), &changes);
        if let Err(error) = read("damaged.xml", &bytes) {
            prop_assert!(error.to_string().starts_with("damaged.xml: "));
        }
    }
}
