//! What the contract tests share: running the program, reading drives, finding the real data.
#![allow(dead_code)] // each test uses its own part
#![allow(clippy::expect_used, clippy::panic)] // a test may panic

pub mod browser;

use recordings::{Compression, DriveReader, DriveWriter, Message, RunRecord};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The drive in the repository.
pub fn street() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/drives/street.mcap")
}

/// Runs the program.
pub fn chauffeur(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chauffeur"));
    command.args(arguments).output().expect("the program starts")
}

/// Runs the program, which must succeed, and gives its output.
pub fn succeed(arguments: &[&str]) -> String {
    let output = chauffeur(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{arguments:?}\n{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Runs the program, which must end with this code and no panic, and gives what it said on standard error.
pub fn fail(arguments: &[&str], code: i32) -> String {
    let output = chauffeur(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// Replays a drive into `folder/name`.
pub fn replay(drive: &Path, folder: &Path, name: &str, more: &[&str]) -> PathBuf {
    let output = folder.join(name);
    let mut arguments = vec!["replay", text(drive), "--output", text(&output)];
    arguments.extend(more);
    succeed(&arguments);
    output
}

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Every message of a drive in order.
pub fn messages(drive: &Path) -> Vec<Message> {
    let reader = DriveReader::open(drive).expect("a drive");
    reader.map(|message| message.expect("a message")).collect()
}

/// The real drives in the KITTI layout, or one line and `None`. `.ci/run` unpacks them and says where they are.
#[allow(clippy::disallowed_methods)] // tests may read the environment
pub fn real_drives(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("CHAUFFEUR_DRIVES").map(PathBuf::from).filter(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("{test} skipped: CHAUFFEUR_DRIVES names no folder of real drives");
    }
    found
}

/// The data beside the project, or one line and `None`.
pub fn shared_data(test: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("{test} skipped: ../shared/data is absent");
    None
}

/// Arguments that run the two public networks, or one line and `None` if their files or ONNX Runtime are absent.
#[allow(clippy::disallowed_methods)] // tests may read the environment
pub fn public_networks(test: &str) -> Option<Vec<String>> {
    let folder = shared_data(test)?.join("models");
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("{test} skipped: ORT_DYLIB_PATH names no ONNX Runtime");
        return None;
    }
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/public.toml");
    Some(vec!["--models".into(), text(&catalogue).into(), "--model-dir".into(), text(&folder).into()])
}

/// The street, `times` in a row.
pub fn long_drive(folder: &Path, times: u64) -> PathBuf {
    let path = folder.join(format!("{times}.mcap"));
    let mut writer =
        DriveWriter::create(&path, &RunRecord::default(), Compression::Lz4).expect("a file that can be written");
    let street = messages(&street());
    for lap in 0..times {
        let later = |stamp: &mut types::Stamp| *stamp = stamp.offset(6.0 * lap as f64);
        for mut message in street.clone() {
            match &mut message {
                Message::Calibration(_) | Message::Route(_) if lap > 0 => continue,
                Message::Camera(frame) => {
                    later(&mut frame.stamp);
                    frame.seq += 60 * lap;
                }
                Message::Lidar(sweep) => {
                    later(&mut sweep.stamp);
                    sweep.seq += 60 * lap;
                }
                Message::Ins(fix) => {
                    later(&mut fix.state.stamp);
                    fix.seq += 60 * lap;
                }
                _ => {}
            }
            writer.write(&message).expect("a file that can be written");
        }
    }
    writer.finish().expect("a file that can be written");
    path
}
