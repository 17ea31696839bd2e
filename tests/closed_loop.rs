//! The closed loop. Protects: the same seed makes the same bytes on any number of threads, a simulated drive replays like
//! any other, each family can be driven, and what goes wrong has its exit code and one clear line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::Message;
use std::fs;
use std::path::{Path, PathBuf};
use support::{chauffeur, fail, messages, replay, succeed, text};

/// Simulates into `folder/name`.
fn simulate(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let output = folder.join(name);
    succeed(&[&["simulate"], arguments, &["--output", text(&output)]].concat());
    output
}

const SHORT: [&str; 5] = ["urban", "--seed", "3", "--duration", "2"];

#[test]
fn the_same_seed_makes_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["urban", "--seed", "3", "--duration", "1"];
    let first = fs::read(simulate(folder.path(), "first.mcap", &short)).unwrap();
    let variants: [(&str, &[&str]); 5] = [
        ("again", &[]),
        ("serial", &["--serial"]),
        ("1", &["--threads", "1"]),
        ("2", &["--threads", "2"]),
        ("4", &["--threads", "4"]),
    ];
    for (name, more) in variants {
        let other = simulate(folder.path(), name, &[&short[..], more].concat());
        assert!(fs::read(other).unwrap() == first, "{name}");
    }
    let other = simulate(folder.path(), "other.mcap", &["urban", "--seed", "4", "--duration", "1"]);
    assert!(fs::read(other).unwrap() != first);
}

#[test]
fn a_simulated_drive_replays_faithfully() {
    let folder = tempfile::tempdir().unwrap();
    let drive = simulate(folder.path(), "drive.mcap", &SHORT);
    let live = messages(&drive);
    let again = messages(&replay(&drive, folder.path(), "again.mcap", &["--mode", "faithful"]));
    for (a, b) in live.iter().zip(&again) {
        assert!(a == b, "first difference on {} at {:?}:\n{a:?}\n{b:?}", a.topic(), a.stamp());
    }
    assert_eq!(live.len(), again.len());
    let count = |topic: &str| live.iter().filter(|message| message.topic() == topic).count();
    for topic in ["/signals", "/wheel/speed", "/truth/objects", "/tick", "/plan", "/camera/front/image"] {
        assert_eq!(count(topic), 20, "{topic}");
    }
    // Every plan is as old as the turn of the lidar and the latency when it first counts, and none gets stale.
    let ages = live.iter().filter_map(|message| match message {
        Message::Command(command) if command.stop.is_none() => Some((command.plan.unwrap(), command.stamp)),
        _ => None,
    });
    let stamp_of = |frame: u64| {
        let plan = live.iter().find(|message| matches!(message, Message::Plan(plan) if plan.frame == frame));
        plan.unwrap().stamp().unwrap()
    };
    let ages: Vec<f64> = ages.map(|(plan, stamp)| stamp.seconds_since(stamp_of(plan))).collect();
    assert!(ages.len() > 180, "{}", ages.len());
    assert!(ages.iter().all(|age| (0.15 - 1e-9..0.25 - 1e-9).contains(age)), "{ages:?}");
}

#[test]
fn each_family_can_be_driven() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, family) in ["highway", "urban", "yard", "cut-in", "red-light", "stop-and-go"].iter().enumerate() {
        let seed = (seed + 1).to_string();
        let drive = simulate(folder.path(), family, &[family, "--seed", &seed, "--duration", "3", "--no-camera"]);
        let drive = messages(&drive);
        let has = |wanted: fn(&Message) -> bool| drive.iter().any(wanted);
        assert!(has(|m| matches!(m, Message::Route(route) if route.points.len() > 10 && !route.stops.is_empty())));
        assert!(has(|m| matches!(m, Message::Tracks(tracks) if !tracks.objects.is_empty())), "{family}");
        assert!(has(|m| matches!(m, Message::Truth(truth) if truth.objects.iter().any(|o| o.points > 20))), "{family}");
    }
}

#[test]
fn many_runs_give_a_line_each_and_the_failures() {
    let said = succeed(&["simulate", "all", "--seeds", "0..2", "--duration", "1", "--no-camera", "--jobs", "2"]);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("highway") && lines[1].starts_with("urban"), "{said}");
    let table = said.lines().skip_while(|line| !line.starts_with("family")).collect::<Vec<_>>();
    let expected = ["family", "highway", "urban", "all", "2 runs"];
    assert!(table.len() == 5 && table.iter().zip(expected).all(|(line, start)| line.starts_with(start)), "{said}");
}

/// Planning and control alone, to the goal: one run of each family, and what once went wrong.
#[test]
fn given_the_truth_every_family_reaches_its_goal() {
    let said = succeed(&["simulate", "all", "--seeds", "0..6", "--truth", "--jobs", "2"]);
    assert!(said.contains("the planner was given the true objects") && said.contains(": 0 failed"), "{said}");
}

/// Nose to nose with a car that came towards a left turn and had priority: it was taken to follow the turn backwards.
#[test]
fn given_the_truth_nobody_meets_nose_to_nose_at_a_left_turn() {
    for (family, seed) in [("yard", "140"), ("urban", "13")] {
        let said = succeed(&["simulate", family, "--seed", seed, "--truth", "--serial"]);
        assert!(said.contains("goal reached"), "{said}");
    }
}

#[test]
fn a_drive_given_the_truth_holds_tracks_and_no_sensors() {
    let folder = tempfile::tempdir().unwrap();
    let drive = simulate(folder.path(), "truth.mcap", &["yard", "--seed", "2", "--duration", "1", "--truth"]);
    let drive = messages(&drive);
    let count = |topic: &str| drive.iter().filter(|message| message.topic() == topic).count();
    let topics =
        ["/tracks", "/plan", "/truth/objects", "/signals", "/lidar/top/points", "/camera/front/image", "/detections"];
    assert_eq!(topics.map(count), [10, 10, 10, 10, 0, 0, 0]);
    let posts = drive.iter().any(|message| {
        matches!(message, Message::Tracks(tracks) if tracks.objects.iter().any(|t| t.class == types::ObjectClass::Unknown))
    });
    assert!(posts, "the posts of gates are told, too");
}

#[test]
fn without_an_output_nothing_is_written_and_the_script_can_drive() {
    let folder = tempfile::tempdir().unwrap();
    let said = succeed(&["simulate", "highway", "--duration", "0.5", "--open-loop"]);
    assert!(said.contains("5 frames of 0.5 s"), "{said}");
    let drive = simulate(folder.path(), "script.mcap", &["highway", "--duration", "0.5", "--open-loop"]);
    let drive = messages(&drive);
    let count = |topic: &str| drive.iter().filter(|message| message.topic() == topic).count();
    assert_eq!((count("/lidar/top/points"), count("/truth/objects"), count("/plan")), (5, 5, 0));
}

#[test]
fn bad_input_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |arguments: &[&str], expected: &[&str]| {
        let said = fail(&[&["simulate"], arguments].concat(), 2);
        for part in expected {
            assert!(said.contains(part), "{arguments:?}: no \"{part}\" in: {said}");
        }
    };
    wrong(&["moon"], &["moon", "highway", "stop-and-go"]);
    wrong(&["absent.toml"], &["absent.toml"]);
    wrong(&["urban", "--duration", "0"], &["--duration 0 is outside 0.1 to 3600"]);
    wrong(&["urban", "--duration", "nan"], &["--duration NaN"]);
    wrong(&["urban", "--seed", "-1"], &["--seed", "-1"]);
    wrong(&["urban", "--duration", "-5"], &["--duration -5 is outside 0.1 to 3600"]);
    wrong(&["urban", "--seed", "18446744073709551615", "--duration", "1"], &["18446744073709551615"]);
    wrong(&["all"], &["--seeds"]);
    wrong(&["all", "--seeds", "9..3"], &["--seeds 9..3"]);
    wrong(&["urban", "--truth", "--open-loop"], &["--truth", "--open-loop"]);
    wrong(&["scatter"], &["--output"]);
    let unwritable = folder.path().join("file");
    fs::write(&unwritable, "no folder").unwrap();
    wrong(&["urban", "--duration", "1", "--output", text(&unwritable.join("a.mcap"))], &["file"]);
    if Path::new("/dev/full").exists() {
        for more in [&[][..], &["--serial"], &["--open-loop"]] {
            let arguments = [&["urban", "--duration", "1", "--no-camera", "--output", "/dev/full"], more].concat();
            wrong(&arguments, &["/dev/full: cannot write: No space left on device"]);
        }
    }
    let scenario = folder.path().join("odd.toml");
    fs::write(&scenario, "wheels = 4\n").unwrap();
    wrong(&[text(&scenario)], &["odd.toml", "wheels"]);
    let output = chauffeur(&["simulate", "--help"]);
    assert!(output.status.success());
}
