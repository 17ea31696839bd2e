//! The arrows between the rooms. Protects: each room can be replaced, and each heavy dependency has one door.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Who may depend on whom, of our own.
const ARROWS: [(&str, &[&str]); 10] = [
    ("types", &[]),
    ("maps", &["types"]),
    ("models", &["types"]),
    ("recordings", &["types"]),
    ("vehicle", &["types"]),
    ("control", &["types"]),
    ("sim", &["maps", "types"]),
    ("planning", &["maps", "types"]),
    ("perception", &["models", "types"]),
    ("chauffeur", &["types", "maps", "models", "recordings", "vehicle", "control", "sim", "planning", "perception"]),
];

/// Dependencies with one door each.
const DOORS: [(&str, &str); 14] = [
    ("ort", "models"),
    ("rten", "models"),
    ("cudarc", "models"),
    ("mcap", "recordings"),
    ("foxglove", "recordings"),
    ("clarabel", "control"),
    ("crossbeam-channel", "chauffeur"),
    ("crossbeam-queue", "chauffeur"),
    ("clap", "chauffeur"),
    ("indicatif", "chauffeur"),
    ("anyhow", "chauffeur"),
    ("parquet", "chauffeur"),
    ("tungstenite", "chauffeur"),
    ("libc", "chauffeur"),
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let text = |value: &serde_json::Value| value.as_str().expect("a name").to_string();
    let own = |package: &serde_json::Value| {
        let normal = package["dependencies"].as_array().expect("a list").iter().filter(|d| d["kind"] != "dev");
        normal.map(|d| text(&d["name"])).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), own(package))).collect()
}

#[test]
fn arrows_only_go_down() {
    let found = dependencies();
    let rooms: BTreeSet<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let there: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(there, rooms, "a room was added or removed: say so in ARROWS and in ARCHITECTURE.md");
    for (room, allowed) in ARROWS {
        let ours = found[room].iter().map(String::as_str).filter(|name| rooms.contains(name));
        for dependency in ours {
            assert!(allowed.contains(&dependency), "{room} must not depend on {dependency}");
        }
    }
}

#[test]
fn heavy_dependencies_have_one_door() {
    let found = dependencies();
    for (dependency, door) in DOORS {
        for (room, own) in &found {
            assert!(room == door || !own.contains(dependency), "only {door} may import {dependency}, {room} does too");
        }
        assert!(found[door].contains(dependency), "{door} no longer imports {dependency}: take it out of DOORS");
    }
}

#[test]
fn the_architecture_page_names_every_room() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md")).expect("the page");
    for (room, _) in ARROWS.iter().filter(|(room, _)| *room != "chauffeur") {
        assert!(page.contains(&format!("`{room}/`")), "ARCHITECTURE.md does not name {room}/");
    }
}
