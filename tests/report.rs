//! The report of a drive in a real browser. Protects: a page that opens from a file without a network, shows what the drive holds, moves
//! with its slider and keys, says nothing on the console, and stays small.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::{Compression, DriveWriter, Message, RunRecord};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use support::browser::Browser;
use support::{chauffeur, fail, messages, replay, street, succeed, text};
use types::{Decision, Plan};

/// Writes the page and gives its path.
fn report(arguments: &[&str], folder: &Path) -> PathBuf {
    let page = folder.join("page.html");
    let mut all = vec!["report"];
    all.extend(arguments);
    all.extend(["--output", text(&page)]);
    succeed(&all);
    page
}

/// A drive made of messages.
fn drive(folder: &Path, name: &str, messages: impl IntoIterator<Item = Message>) -> PathBuf {
    let path = folder.join(name);
    let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::None).unwrap();
    messages.into_iter().for_each(|message| writer.write(&message).unwrap());
    writer.finish().unwrap();
    path
}

/// A drive of the stack through the street, geometric detection.
fn driven(folder: &Path) -> PathBuf {
    replay(&street(), folder, "driven.mcap", &["--models", "none"])
}

/// What a command says, whatever its exit code.
fn told(arguments: &[&str]) -> String {
    String::from_utf8(chauffeur(arguments).stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn a_drive_in_the_browser() {
    let Some(mut browser) = Browser::start("a_drive_in_the_browser") else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = report(&[text(&driven(folder.path()))], folder.path());
    browser.open(&page);
    assert_eq!(browser.evaluate("document.querySelectorAll('.view').length"), 1);
    assert!(number(&browser.evaluate("document.querySelectorAll('.plot').length")) >= 8.0);
    let heading = browser.evaluate("document.querySelector('header').innerText");
    for part in ["driven.mcap", "lossless", "configuration", "dropped at the door"] {
        assert!(heading.as_str().unwrap().contains(part), "no \"{part}\" in {heading}");
    }
    // The slider moves everything: the clock, the ground, the picture, the decision.
    let seen = "[clock.textContent, document.querySelector('.ground').toDataURL().length, document.querySelector('.caption:not(.above)').textContent]";
    let before = browser.evaluate(seen);
    browser.evaluate("slider.value = 40; slider.dispatchEvent(new Event('input'))");
    browser.wait("document.querySelector('.caption:not(.above)').textContent.startsWith('camera at 4.')");
    let after = browser.evaluate(seen);
    for place in 0..3 {
        assert_ne!(before[place], after[place]);
    }
    assert!(after[0].as_str().unwrap().contains("frame 40"), "{after}");
    // Something of every kind is painted: the plan's colour, points, the ego.
    let colors = browser.evaluate(
        "(() => { const c = document.querySelector('.ground'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
          const count = (r, g, b) => { let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i] === r && d[i + 1] === g && d[i + 2] === b; return n; };
          return [count(0x1f, 0xe5, 0xff), count(0x48, 0x74, 0xa6), count(0xf4, 0xf7, 0xfa)]; })()",
    );
    for color in colors.as_array().unwrap() {
        assert!(number(color) > 20.0, "{colors}");
    }
    // Keys.
    browser.press("ArrowRight");
    assert_eq!(browser.evaluate("player.place"), 41);
    browser.press("Home");
    assert_eq!(browser.evaluate("player.place"), 0);
    browser.press(" ");
    browser.wait("player.place > 3");
    browser.press(" ");
    assert_eq!(browser.evaluate("[player.playing, play.textContent]"), serde_json::json!([false, "play"]));
    // A click in a plot goes there.
    browser.evaluate(
        "document.querySelector('.plot .u-over').dispatchEvent(new MouseEvent('click', { bubbles: true, clientX: 0 }))",
    );
    browser.screenshot("report.png");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let bytes = fs::metadata(&page).unwrap().len();
    assert!(bytes < 1_500_000, "{bytes} bytes for six seconds");
}

#[test]
fn what_a_drive_says_is_never_markup() {
    let Some(mut browser) = Browser::start("what_a_drive_says_is_never_markup") else { return };
    let folder = tempfile::tempdir().unwrap();
    let evil = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>\u{2028}";
    let messages = messages(&driven(folder.path())).into_iter().map(|message| match message {
        Message::Plan(plan) => {
            let decision = Decision { reason: evil.to_string(), ..plan.decision };
            Message::Plan(Plan { decision, ..plan })
        }
        other => other,
    });
    let path = drive(folder.path(), "<b onclick='x'>&amp;.mcap", messages);
    browser.open(&report(&[text(&path)], folder.path()));
    assert_eq!(browser.evaluate("document.title"), "<b onclick='x'>&amp;.mcap");
    let shown = browser.evaluate("document.querySelector('.reason').textContent");
    assert_eq!(shown, evil);
    assert_eq!(
        browser.evaluate(
            "[window.broken === undefined, document.images.length, document.querySelectorAll('h1 b, h1 img').length]"
        ),
        serde_json::json!([true, 0, 0])
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn drives_that_lack_something() {
    let Some(mut browser) = Browser::start("drives_that_lack_something") else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = driven(folder.path());
    let without = |name: &str, out: fn(&Message) -> bool| {
        drive(folder.path(), name, messages(&whole).into_iter().filter(|message| !out(message)))
    };
    let cut = folder.path().join("cut.mcap");
    let bytes = fs::read(&whole).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let start = messages(&whole).iter().find_map(Message::stamp).unwrap();
    let gap =
        |message: &Message| message.stamp().is_some_and(|stamp| (2.05..4.05).contains(&stamp.seconds_since(start)));
    let kept = messages(&whole).into_iter().filter(|message| !gap(message));
    let gap = drive(folder.path(), "gap.mcap", kept);
    let cases: [(PathBuf, &str); 8] = [
        (street(), "never run"),
        (without("blind.mcap", |m| matches!(m, Message::Camera(_))), "No camera"),
        (without("dark.mcap", |m| matches!(m, Message::Lidar(_))), "No lidar"),
        (without("only.mcap", |m| !matches!(m, Message::Ins(_) | Message::Calibration(_))), "a position of GPS/INS"),
        (without("bare.mcap", |m| matches!(m, Message::Calibration(_))), "No calibration"),
        (
            without("silent.mcap", |m| matches!(m, Message::Tracks(_) | Message::Plan(_) | Message::Command(_))),
            "silent: no tracks",
        ),
        (gap, "no frames for 2.1 s from 2.0 s on"),
        (cut, "end of the file is missing"),
    ];
    for (path, expected) in &cases {
        browser.open(&report(&[text(path)], folder.path()));
        let heading = browser.evaluate("document.querySelector('header').innerText");
        assert!(heading.as_str().unwrap().contains(expected), "{}: no \"{expected}\" in {heading}", path.display());
        browser.press("End");
        browser.press("Home");
        browser.evaluate("slider.value = slider.max / 2; slider.dispatchEvent(new Event('input'))");
        if path.ends_with("gap.mcap") {
            browser.evaluate("player.seek(3.1)");
            let note = browser.evaluate("document.querySelector('.caption.above').textContent");
            assert_eq!(note, "no frame for 1.0 s");
        }
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn two_drives_side_by_side() {
    let Some(mut browser) = Browser::start("two_drives_side_by_side") else { return };
    let folder = tempfile::tempdir().unwrap();
    let first = driven(folder.path());
    let slow = folder.path().join("slow.toml");
    fs::write(&slow, "[planning]\nheadway_s = 3.0\n").unwrap();
    let second = replay(&first, folder.path(), "slow.mcap", &["--models", "none", "--config", text(&slow)]);
    let alone = fs::metadata(report(&[text(&first)], folder.path())).unwrap().len();
    let page = report(&[text(&first), "--against", text(&second)], folder.path());
    // Both were made from the same sensors: their pictures and sweeps are in the page once.
    let both = fs::metadata(&page).unwrap().len();
    assert!(both < alone + alone / 3, "{alone} bytes alone, {both} together");
    browser.open(&page);
    assert_eq!(browser.evaluate("document.querySelectorAll('.view').length"), 2);
    // The first divergence is the one that `diff` names, and it is marked.
    let said: Value = serde_json::from_str(&told(&["diff", "--json", text(&first), text(&second)])).unwrap();
    let expected = &said["difference"]["first"];
    assert_eq!(expected["stage"], "plan");
    let shown = browser.evaluate("document.getElementById('divergence').innerText");
    for part in [
        format!("frame {} at", expected["frame"]),
        "stage plan".to_string(),
        expected["fields"][0]["field"].as_str().unwrap().to_string(),
    ] {
        assert!(shown.as_str().unwrap().contains(&part), "no \"{part}\" in {shown}");
    }
    assert!(number(&browser.evaluate("document.querySelectorAll('.divergence-mark:not([hidden])').length")) > 5.0);
    browser.press("End");
    browser.press("d");
    let place = browser.evaluate("player.page.drives[0].series.frames[rowAt(player.page.drives[0], player.time())]");
    assert_eq!(place, expected["frame"]);
    browser.evaluate("player.seek(4)");
    browser.screenshot("report-against.png");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // The same twice.
    let again = replay(&first, folder.path(), "again.mcap", &["--models", "none"]);
    browser.open(&report(&[text(&first), "--against", text(&again)], folder.path()));
    let shown = browser.evaluate("document.getElementById('divergence').innerText");
    assert!(shown.as_str().unwrap().contains("No divergence"), "{shown}");
    // A drive that was never run cannot part from one that was.
    browser.open(&report(&[text(&first), "--against", text(&street())], folder.path()));
    let shown = browser.evaluate("document.getElementById('divergence').innerText");
    assert!(shown.as_str().unwrap().contains("never run"), "{shown}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn latencies_of_a_run_by_the_clock() {
    let Some(mut browser) = Browser::start("latencies_of_a_run_by_the_clock") else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = ["--models", "none", "--mode", "realtime", "--rate", "3"];
    let driven = replay(&street(), folder.path(), "clock.mcap", &run);
    browser.open(&report(&[text(&driven)], folder.path()));
    browser.evaluate("player.go(Math.floor(player.times.length / 2))");
    // The parts of the frame's bar follow each other and end where the whole ends.
    let parts = browser.evaluate(
        "[...document.querySelectorAll('.waterfall .bar i')].map((bar) => [parseFloat(bar.style.left), parseFloat(bar.style.width)])",
    );
    let parts = parts.as_array().unwrap();
    assert!(parts.len() > 5, "{parts:?}");
    let mut end = 0.0;
    for part in parts {
        assert!((number(&part[0]) - end).abs() < 0.1, "{parts:?}");
        end = number(&part[0]) + number(&part[1]);
    }
    assert!((end - 100.0).abs() < 0.1, "{parts:?}");
    browser.screenshot("report-latency.png");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn nothing_to_show_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let refused = |drive: &Path, parts: &[&str]| {
        let said = fail(&["report", text(drive), "--output", text(&page)], 2);
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?} in {said}");
        assert_eq!(
            fs::read_dir(folder.path())
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "part" || e == "html"))
                .count(),
            0
        );
    };
    let empty = drive(folder.path(), "empty.mcap", []);
    refused(&empty, &["empty.mcap", "nothing to show"]);
    fs::write(folder.path().join("text.mcap"), "not an MCAP file, but text").unwrap();
    refused(&folder.path().join("text.mcap"), &["text.mcap", "not an MCAP file"]);
    refused(&folder.path().join("absent.mcap"), &["absent.mcap", "No such file"]);
    let said = fail(&["report", text(&street()), "--output", text(&street())], 2);
    assert!(said.contains("overwrite the drive"), "{said}");
    let said = fail(&["report", text(&street()), "--output", "/no/such/folder/page.html"], 2);
    assert!(said.contains("/no/such/folder/page.html"), "{said}");
}

#[test]
fn a_drive_of_minutes_is_small_and_says_what_it_leaves_out() {
    let Some(mut browser) = Browser::start("a_drive_of_minutes_is_small_and_says_what_it_leaves_out") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (scenario, drive) = (folder.path().join("long.toml"), folder.path().join("long.mcap"));
    // The motorway, longer.
    let mut told = include_str!("../sim/scenarios/highway.toml").to_string();
    for (short, long) in [
        ("duration_s = 45.0", "duration_s = 200.0"),
        ("route_m = [500.0, 750.0]", "route_m = [3600.0, 3900.0]"),
        ("length_m = [2400.0, 2800.0]", "length_m = [4300.0, 4500.0]"),
        ("speed_limit_mps = [22.2, 30.6]", "speed_limit_mps = [16.0, 18.0]"),
    ] {
        assert!(told.contains(short), "{short}");
        told = told.replace(short, long);
    }
    fs::write(&scenario, told).unwrap();
    chauffeur(&["simulate", text(&scenario), "--seed", "1", "--truth", "--output", text(&drive)]);
    let page = report(&[text(&drive)], folder.path());
    assert!(fs::metadata(&page).unwrap().len() < 10 << 20);
    browser.open(&page);
    let heading = browser.evaluate("document.querySelector('header').innerText");
    assert!(heading.as_str().unwrap().contains("the bird's-eye view shows one frame in 2"), "{heading}");
    // The last moment can be reached, and is drawn.
    browser.evaluate("slider.value = slider.max; slider.dispatchEvent(new Event('input'))");
    let last = browser.evaluate("[Number(slider.max), clock.textContent]");
    assert!(number(&last[0]) >= 1500.0 && last[1].as_str().unwrap().contains(&format!("frame {}", last[0])), "{last}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
