//! Drives as regression tests. Protects: a change of behaviour is caught and found at its first frame and stage, whatever else is wrong
//! with other drives, and nothing else is called a change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::Message;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{chauffeur, fail, messages, replay, street, succeed, text};

/// What is promised here does not depend on the detector.
const GEOMETRY: [&str; 2] = ["--models", "none"];
/// Nearness costs more.
const CHANGE: [&str; 2] = ["--set", "planning.weights.clearance=40"];

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, &GEOMETRY[..], more].concat()
}

fn results(folder: &Path) -> Vec<serde_json::Value> {
    let lines = fs::read_to_string(folder.join("results.jsonl")).unwrap();
    let mut all: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    all.sort_by_key(|result| result["drive"].to_string());
    all
}

fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_slice(&chauffeur(arguments).stdout).unwrap()
}

/// The first frame whose plans differ, found without the code under test.
fn first_other_plan(a: &Path, b: &Path) -> u64 {
    let plans = |path: &Path| messages(path).into_iter().filter(|message| matches!(message, Message::Plan(_)));
    let differing = plans(a).zip(plans(b)).find(|(a, b)| a != b);
    differing.expect("the change changes nothing").0.sequence()
}

#[test]
fn a_changed_cost_is_located_by_diff_and_caught_by_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let before = replay(&street(), folder.path(), "before.mcap", &GEOMETRY);
    let after = replay(&before, folder.path(), "after.mcap", &["--from", "plan", CHANGE[0], CHANGE[1]]);
    let expected = first_other_plan(&before, &after);
    succeed(&["diff", text(&before), text(&before)]);
    fail(&["diff", text(&before), text(&after)], 1);
    let report = json(&["diff", text(&before), text(&after), "--json"]);
    let first = &report["difference"]["first"];
    assert_eq!((first["frame"].as_u64(), first["stage"].as_str()), (Some(expected), Some("plan")), "{report}");
    assert_eq!(report["difference"]["stages"]["track"]["differ"], 0);
    assert!(first["fields"].as_array().unwrap().iter().all(|pair| pair["a"] != pair["b"]));

    let (references, output) = (path("references"), path("results"));
    let drive = street();
    let base = ["check", text(&drive), "--against", text(&references), "--output", text(&output)];
    assert!(fail(&with(&base, &[]), 2).contains("references: there is no such folder"));
    assert!(succeed(&with(&base, &["--update"])).contains("lossless: new, 60 frames"));
    assert!(succeed(&with(&base, &["--update"])).contains("lossless: unchanged"));
    assert!(succeed(&with(&base, &[])).contains("lossless, exact"));
    let caught = chauffeur(&with(&base, &CHANGE));
    let said = String::from_utf8_lossy(&caught.stdout).into_owned();
    assert_eq!(caught.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("first in frame {expected} at")) && said.contains("stage plan"), "{said}");
    assert!(said.contains("configuration"), "{said}");
    let first = &results(&output)[0]["comparison"]["first"];
    assert_eq!((first["frame"].as_u64(), first["stage"].as_str()), (Some(expected), Some("plan")));
    for name in ["junit.xml", "index.html", "frames/street.parquet", "logs/street.mcap"] {
        assert!(fs::metadata(output.join(name)).unwrap().len() > 100, "{name}");
    }
    assert!(
        fs::read_to_string(output.join("junit.xml")).unwrap().contains("<failure message=\"differs from its reference")
    );
    // The log is there to be looked at, and says the same.
    let report = json(&["diff", text(&before), text(&output.join("logs/street.mcap")), "--json"]);
    assert_eq!(report["difference"]["first"]["frame"].as_u64(), Some(expected), "{report}");
}

#[test]
fn one_broken_drive_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (drives, references) = (folder.path().join("drives"), folder.path().join("references"));
    fs::create_dir(&drives).unwrap();
    fs::copy(street(), drives.join("a.mcap")).unwrap();
    fs::copy(street(), drives.join("c.mcap")).unwrap();
    // Without what is measured: two runs of it are not the same.
    let criteria = folder.path().join("criteria.toml");
    fs::write(&criteria, "version = 1\n[[criterion]]\nname = \"speed\"\nmeasure = \"speed_mps\"\nat_most = 20.0\n")
        .unwrap();
    let output = |name: &str| folder.path().join(name);
    let arguments = |output: &Path, more: &[&str]| -> Vec<String> {
        let base = [
            "check",
            text(&drives),
            "--against",
            text(&references),
            "--output",
            text(output),
            "--criteria",
            text(&criteria),
        ];
        with(&base, more).into_iter().map(str::to_string).collect()
    };
    let run = |arguments: Vec<String>| chauffeur(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run(arguments(&output("first"), &["--update", "--jobs", "2"])).status.code(), Some(0));
    let whole = fs::read(street()).unwrap();
    fs::write(drives.join("b.mcap"), &whole[..whole.len() / 2]).unwrap();
    let broken = run(arguments(&output("second"), &[]));
    assert_eq!(broken.status.code(), Some(2), "{}", String::from_utf8_lossy(&broken.stdout));
    let found = results(&output("second"));
    let states: Vec<_> = found.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["passed", "bad_input", "passed"]);
    assert!(found[1]["error"].as_str().unwrap().contains("b.mcap"), "{}", found[1]["error"]);
    // Parts of the work are always the same ones, and all of it together.
    let mut names = Vec::new();
    for shard in ["1/2", "2/2"] {
        run(arguments(&output("parts"), &["--shard", shard]));
        let part = output("parts").join(shard.replace('/', "-of-"));
        names.extend(results(&part).iter().map(|result| result["drive"].as_str().unwrap().to_string()));
    }
    assert_eq!(names, ["a", "c", "b"]);
    // Merged, they are what one run wrote, byte for byte, but for what is measured and where it lies.
    let parts = output("parts");
    let (merged, whole) = (output("merged"), output("second"));
    let end = chauffeur(&["check-merge", text(&parts), "--output", text(&merged)]);
    assert_eq!(end.status.code(), Some(2), "{}", String::from_utf8_lossy(&end.stderr));
    for name in ["drives.json", "frames/a.parquet", "frames/c.parquet", "logs/a.mcap"] {
        assert!(fs::read(merged.join(name)).unwrap() == fs::read(whole.join(name)).unwrap(), "{name}");
    }
    for name in ["results.jsonl", "junit.xml", "index.html"] {
        let bare = |folder: &Path| without_measures(&fs::read_to_string(folder.join(name)).unwrap(), folder);
        assert_eq!(bare(&merged), bare(&whole), "{name}");
    }
}

/// A text without the folder's name and without numbers with a fraction in the places of times and memory.
fn without_measures(text: &str, folder: &Path) -> String {
    let mut text = text.replace(folder.to_str().unwrap(), "FOLDER");
    for (begin, end) in [
        ("\"seconds\":", ","),
        ("\"latency_p99_ms\":", ","),
        ("\"peak_memory_mb\":", ","),
        ("time=\"", "\""),
        ("<td class=\"n measured\">", "<td"),
    ] {
        let mut bare = String::new();
        let mut parts = text.split(begin);
        bare.push_str(parts.next().unwrap_or_default());
        for part in parts {
            bare.push_str(begin);
            bare.push_str(&part[part.find(end).unwrap_or(part.len())..]);
        }
        text = bare;
    }
    text
}

#[test]
fn a_drive_that_was_given_its_tracks_is_held_behind_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (drive, references, output) = (path("town.mcap"), path("references"), path("results"));
    succeed(&["simulate", "urban", "--seed", "1", "--truth", "--duration", "3", "--output", text(&drive)]);
    let base = ["check", text(&drive), "--against", text(&references), "--output", text(&output)];
    assert!(succeed(&with(&base, &["--update"])).contains("from-plan: new"));
    assert!(succeed(&with(&base, &[])).contains("from-plan, exact"));
    let changed = chauffeur(&with(&base, &["--set", "planning.weights.slow=0.2"]));
    let said = String::from_utf8_lossy(&changed.stdout).into_owned();
    assert!(changed.status.code() == Some(1) && said.contains("stage plan"), "{said}");
}

#[test]
fn other_hardware_is_held_to_every_bit_behind_the_networks() {
    let folder = tempfile::tempdir().unwrap();
    let (references, output) = (folder.path().join("references"), folder.path().join("results"));
    let log = replay(&street(), folder.path(), "log.mcap", &GEOMETRY);
    let sensors = street();
    let base = ["check", text(&log), text(&sensors), "--against", text(&references), "--output", text(&output)];
    succeed(&with(&base, &["--update"]));
    // As if the references came from a machine with a GPU.
    for name in ["log.lossless.jsonl", "street.lossless.jsonl"] {
        let path = references.join(name);
        let text = fs::read_to_string(&path).unwrap().replacen("\"engine\":\"\"", "\"engine\":\"a GPU\"", 1);
        fs::write(&path, text).unwrap();
    }
    succeed(&with(&base, &[]));
    let found = results(&output);
    let how = |place: usize| (found[place]["mode"].as_str(), found[place]["comparison"]["tolerance"].as_str());
    assert_eq!(how(0), (Some("from-detections"), Some("exact")));
    assert_eq!(how(1), (Some("lossless"), Some("networks")));
    // A decision is no last digit.
    assert_eq!(chauffeur(&with(&base, &["--set", "planning.headway_s=4.0"])).status.code(), Some(1));
}

#[test]
fn criteria_fail_a_drive_that_equals_its_reference() {
    let folder = tempfile::tempdir().unwrap();
    let (references, output) = (folder.path().join("references"), folder.path().join("results"));
    let criteria = folder.path().join("criteria.toml");
    let drive = street();
    let base = ["check", text(&drive), "--against", text(&references), "--output", text(&output)];
    let base = [&base[..], &["--criteria", text(&criteria)]].concat();
    let rule = |level: &str| {
        format!(
            "version = 1\n[[criterion]]\nname = \"crawl\"\nmeasure = \"speed_mps\"\nat_most = 1.0\nlevel = \"{level}\"\n"
        )
    };
    fs::write(&criteria, rule("warn")).unwrap();
    assert!(succeed(&with(&base, &["--update"])).contains("warning \"crawl\" (speed_mps at most 1)"));
    fs::write(&criteria, rule("error")).unwrap();
    let failed = chauffeur(&with(&base, &[]));
    assert_eq!(failed.status.code(), Some(1));
    assert!(results(&output)[0]["comparison"]["passed"].as_bool().unwrap());
    fs::write(&criteria, "version = 1\nspeed = 3\n").unwrap();
    let said = fail(&with(&base, &[]), 2);
    assert!(said.contains("criteria.toml: line 2: unknown field `speed`"), "{said}");
}

#[test]
fn what_if_runs_only_what_lies_behind() {
    let folder = tempfile::tempdir().unwrap();
    let log = replay(&street(), folder.path(), "log.mcap", &GEOMETRY);
    for stage in ["decode", "localize", "detect", "track", "plan", "control"] {
        let networks: &[&str] = if matches!(stage, "decode" | "localize" | "detect") { &GEOMETRY } else { &[] };
        let again = replay(&log, folder.path(), stage, &[&["--from", stage, "--compare"][..], networks].concat());
        let said = succeed(&["diff", text(&log), text(&again)]);
        assert!(said.contains("the same in 60 frames"), "{stage}: {said}");
    }
    let output = folder.path().join("no.mcap");
    let refused = |more: &[&str]| fail(&[&["replay", text(&log), "--output", text(&output)][..], more].concat(), 2);
    let said = refused(&["--from", "plan", "--set", "track.x=1"]);
    assert!(said.contains("--set track.x=1: track does not run again"), "{said}");
    let said = refused(&["--set", "planning.beauty=1"]);
    assert!(said.contains("--set planning.beauty=1: unknown field `beauty`"), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    let drive = street();
    let said = fail(&["replay", text(&drive), "--output", text(&output), "--from", "plan"], 2);
    assert!(said.contains("street.mcap: the drive holds no ego states"), "{said}");
    let said = fail(&["diff", text(&drive), text(&log)], 2);
    assert!(said.contains("street.mcap: the drive holds no frames"), "{said}");
    let changed =
        [&["replay", text(&log), "--output", text(&output), "--compare", "--from", "plan"][..], &CHANGE[..]].concat();
    let compared = chauffeur(&changed);
    assert_eq!(compared.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&compared.stdout).contains("stage plan"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chauffeur"))
        .args(["info", text(&street())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    // Done before the reader left, or ended as a program ends whose reader is gone.
    assert!(matches!(output.status.code(), Some(0 | 141)), "{:?}", output.status);
}

#[test]
#[allow(clippy::disallowed_methods)] // tests may read the environment
fn both_engines_agree_within_the_tolerance_of_networks() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("both_engines_agree_within_the_tolerance_of_networks skipped: ORT_DYLIB_PATH names no ONNX Runtime");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = replay(&street(), folder.path(), "ort.mcap", &[]);
    let output = folder.path().join("rten.mcap");
    let said = succeed(&["replay", text(&log), "--output", text(&output), "--onnxruntime", "off", "--compare"]);
    assert!(said.contains("tolerance \"networks\""), "{said}");
    fail(&["diff", text(&log), text(&output)], 1);
    let said = succeed(&["diff", text(&log), text(&output), "--tolerance", "networks"]);
    assert!(said.contains("the same in 60 frames"), "{said}");
}
