//! `chauffeur bench planning`. Protects: a scenario is driven to its goal and told in the judge's rows, twice the same; what cannot be
//! read is one clear line; on real scenarios, where they are, the goals are reached.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use std::fs;
use std::path::Path;
use support::{fail, succeed, text};

fn exact(name: &str, value: f64) -> String {
    format!("<{name}><exact>{value}</exact></{name}>")
}

fn state(step: f64, x: f64, y: f64, speed: f64) -> String {
    let position = format!("<position><point><x>{x}</x><y>{y}</y></point></position>");
    position + &exact("orientation", 0.0) + &exact("velocity", speed) + &exact("time", step)
}

/// Two lanes; a slow car ahead on the right one; the goal is on the right one beyond it.
fn scenario() -> String {
    let lane = |id: u32, y: f64, beside: &str| {
        let bound = |name: &str, y: f64| {
            let points: String = (0..31).map(|i| format!("<point><x>{}</x><y>{y}</y></point>", 10 * i)).collect();
            format!("<{name}>{points}<lineMarking>dashed</lineMarking></{name}>")
        };
        let (left, right) = (bound("leftBound", y + 1.75), bound("rightBound", y - 1.75));
        format!("<lanelet id=\"{id}\">{left}{right}{beside}<laneletType>urban</laneletType></lanelet>")
    };
    let lanes = lane(1, 0.0, "<adjacentLeft ref=\"2\" drivingDir=\"same\"/>")
        + &lane(2, 3.5, "<adjacentRight ref=\"1\" drivingDir=\"same\"/>");
    let states: String =
        (1..=120).map(f64::from).map(|k| format!("<state>{}</state>", state(k, 40.0 + 0.3 * k, 0.0, 3.0))).collect();
    let car = format!(
        "<dynamicObstacle id=\"50\"><type>car</type><shape><rectangle><length>4.5</length><width>1.8</width></rectangle></shape>
         <initialState>{}</initialState><trajectory>{states}</trajectory></dynamicObstacle>",
        state(0.0, 40.0, 0.0, 3.0)
    );
    let goal = "<goalState><position><rectangle><length>20</length><width>3</width><orientation>0</orientation>
        <center><x>110</x><y>0</y></center></rectangle></position>
        <time><intervalStart>90</intervalStart><intervalEnd>110</intervalEnd></time></goalState>";
    let start = state(0.0, 5.0, 0.0, 10.0) + &exact("yawRate", 0.0) + &exact("slipAngle", 0.0);
    let problem = format!("<planningProblem id=\"9\"><initialState>{start}</initialState>{goal}</planningProblem>");
    format!(
        "<?xml version=\"1.0\"?><commonRoad benchmarkID=\"ZAM_Made-1_1_T-1\" commonRoadVersion=\"2020a\"
         timeStepSize=\"0.1\">{lanes}{car}{problem}</commonRoad>"
    )
}

fn bench(scenarios: &Path, output: &Path, more: &[&str]) -> String {
    let fixed = ["bench", "planning", "--commonroad", text(scenarios), "--output", text(output)];
    succeed(&[&fixed, more].concat())
}

#[test]
fn a_slow_car_is_overtaken_and_the_goal_reached() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made.xml");
    fs::write(&file, scenario()).unwrap();
    for prediction in ["truth", "own"] {
        let out = folder.path().join(prediction);
        let said = bench(&file, &out, &["--prediction", prediction]);
        assert!(said.contains("1 of 1 reach their goal") && said.contains("ms p99"), "{said}");
        let rows = fs::read_to_string(out.join("ZAM_Made-1_1_T-1.csv")).unwrap();
        let numbers: Vec<Vec<f64>> =
            rows.lines().skip(1).map(|row| row.split(',').map(|n| n.parse().unwrap()).collect()).collect();
        assert!(rows.starts_with("t,x,y,heading,v,a,kappa\n") && numbers.len() > 90, "{rows}");
        // The problem tells the middle, the rows the rear axle; and nobody is touched.
        assert!((numbers[0][1] - (5.0 - 1.4227)).abs() < 1e-6 && numbers[0][4] == 10.0);
        for row in &numbers {
            let (ahead, beside) = (row[1] + 1.4227 - 40.0 - 3.0 * row[0], row[2].abs());
            assert!(ahead.abs() > 4.5 || beside > 1.7, "{row:?}");
        }
        let again = folder.path().join("again");
        bench(&file, &again, &["--prediction", prediction]);
        assert_eq!(fs::read_to_string(again.join("ZAM_Made-1_1_T-1.csv")).unwrap(), rows);
    }
}

#[test]
fn bad_input_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let wrong = |path: &Path, more: &[&str], expected: &str| {
        let fixed = ["bench", "planning", "--commonroad", text(path), "--output", text(&out)];
        let said = fail(&[&fixed, more].concat(), 2);
        assert!(said.contains(expected), "no \"{expected}\" in: {said}");
    };
    wrong(folder.path(), &[], "no scenario");
    wrong(&folder.path().join("absent"), &[], "absent");
    let file = folder.path().join("made.xml");
    let whole = scenario();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    wrong(&file, &[], "made.xml");
    fs::write(&file, "<osm/>").unwrap();
    wrong(&file, &[], "<osm>");
    fs::write(&file, whole.replace("planningProblem", "somethingElse")).unwrap();
    wrong(&file, &[], "no planning problem");
    fs::write(&file, &whole).unwrap();
    wrong(&file, &["--interval", "9"], "--interval 9 is outside 0.05 to 2");
}

/// Some of the scenarios beside the project; the judge itself is not part of it.
#[test]
fn real_scenarios_reach_their_goals() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/planning/scenarios.tar.xz");
    let folder = tempfile::tempdir().unwrap();
    let unpacked = archive.exists()
        && std::process::Command::new("tar")
            .args(["-xJf", text(&archive), "-C", text(folder.path())])
            .status()
            .is_ok_and(|status| status.success());
    if !unpacked {
        eprintln!("real_scenarios_reach_their_goals skipped: ../shared/bench/planning is absent or cannot be unpacked");
        return;
    }
    let chosen = folder.path().join("chosen");
    fs::create_dir(&chosen).unwrap();
    for name in ["DEU_Flensburg-55_1_T-1", "DEU_Lohmar-59_1_T-1", "USA_US101-12_1_T-1", "ZAM_Tjunction-1_2_T-1"] {
        let file = format!("{name}.xml");
        fs::copy(folder.path().join("scenarios").join(&file), chosen.join(&file)).unwrap();
    }
    let said = bench(&chosen, &folder.path().join("out"), &[]);
    assert!(said.contains("4 of 4 reach their goal"), "{said}");
}
