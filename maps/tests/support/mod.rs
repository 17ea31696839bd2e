//! What the tests of this room share: damage done to files, and where the real ones are.
#![allow(dead_code)] // each test uses its own part
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

use std::path::{Path, PathBuf};

/// One change: where, what kind, and a number for it.
pub type Change = (proptest::sample::Index, u8, u8);

/// A file with parts cut, doubled, overwritten or with numbers that cannot be.
pub fn mutated(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (place, kind, number) in changes {
        if bytes.is_empty() {
            return bytes;
        }
        let at = place.index(bytes.len());
        let end = (at + 1 + usize::from(*number)).min(bytes.len());
        match kind % 8 {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            3 => bytes[at] = *number,
            4 => bytes.rotate_left(at),
            kind => {
                // The next number becomes another one.
                let from = (at..bytes.len()).find(|i| bytes[*i].is_ascii_digit()).unwrap_or(at);
                let to = (from..bytes.len()).find(|i| !b"0123456789.".contains(&bytes[*i])).unwrap_or(bytes.len());
                let numbers = ["NaN", "inf", "-1", "0", "1e308", "-7e7", "4294967296", "", "0.0001"];
                let text = numbers[usize::from(number.wrapping_add(kind)) % numbers.len()];
                bytes.splice(from..to, text.bytes()).for_each(drop);
            }
        }
    }
    bytes
}

/// A folder beside the project, or one line and `None`.
pub fn shared(test: &str, folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(folder);
    if path.exists() {
        return Some(path);
    }
    eprintln!("{test} skipped: ../shared/{folder} is absent");
    None
}

/// The real scenarios unpacked into a folder of their own, in the order of their names; or one line and `None`.
pub fn scenarios(test: &str) -> Option<(tempfile::TempDir, Vec<PathBuf>)> {
    let archive = shared(test, "bench/planning/scenarios.tar.xz")?;
    let folder = tempfile::tempdir().expect("a folder for the scenarios");
    let unpacked = std::process::Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(folder.path()).status();
    if !unpacked.is_ok_and(|status| status.success()) {
        eprintln!("{test} skipped: tar cannot unpack {}", archive.display());
        return None;
    }
    let entries = std::fs::read_dir(folder.path().join("scenarios")).expect("the archive's folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    Some((folder, files))
}
