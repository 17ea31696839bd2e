//! A drive as one page for a browser, or two drives side by side.
//!
//! In: drives. Out: one HTML file that needs nothing else: bird's-eye view and camera on one time, plots, decisions, latencies, log. Never: a
//! network, a word of a drive as markup, a whole drive in memory, a number of its own (those of `evaluate` are shown).
//!
//! [`drive`] reads, [`scene`], [`sweep`] and [`picture`] make small what is drawn, [`facts`] and [`series`] hold the rest, and the files in
//! `page/` draw it all. They are part of the program as they are.

pub mod drive;
pub mod envelope;
pub mod facts;
pub mod judged;
pub mod page;
pub mod picture;
pub mod scene;
pub mod series;
pub mod store;
pub mod sweep;

use anyhow::{Context, ensure};
use drive::Shared;
use facts::Facts;
use page::Page;
use serde::Serialize;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use types::{CommandLimit, DecisionKind, ObjectClass, Phase, Vehicle, Verdict};

/// What the scripts need to know of both drives.
#[derive(Serialize)]
struct Contents<'a> {
    drives: &'a [Facts],
    same_time: bool,
    classes: Vec<&'static str>,
    decisions: Vec<&'static str>,
    phases: Vec<&'static str>,
    verdicts: Vec<&'static str>,
    limits: Vec<&'static str>,
    point_step_m: f64,
    height_step_m: f64,
    lowest_m: f64,
}

/// Writes the page of a drive, or of two; gives its size in bytes.
///
/// # Errors
/// A drive that cannot be shown, a page that cannot be written: names the file. Then there is no page.
pub fn write(drives: &[&Path], vehicle: Vehicle, output: &Path) -> anyhow::Result<u64> {
    if let Ok(existing) = output.canonicalize() {
        let taken = drives.iter().any(|drive| drive.canonicalize().is_ok_and(|drive| drive == existing));
        ensure!(!taken, "{}: the page would overwrite the drive", output.display());
    }
    // A page that is not finished has another name.
    let mut name = output.as_os_str().to_os_string();
    name.push(".part");
    let part = Path::new(&name);
    let file = File::create(part).with_context(|| format!("{}: cannot be written", part.display()))?;
    let outcome = fill(drives, vehicle, BufWriter::new(file)).and_then(|bytes| {
        fs::rename(part, output).with_context(|| format!("{}: cannot be written", output.display()))?;
        Ok(bytes)
    });
    if outcome.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(part);
    }
    outcome
}

fn fill(drives: &[&Path], vehicle: Vehicle, out: BufWriter<File>) -> anyhow::Result<u64> {
    let mut page = Page::begin(out)?;
    let mut shared = Shared::default();
    let mut facts: Vec<Facts> = Vec::new();
    for (place, path) in drives.iter().enumerate() {
        facts.push(drive::read(path, vehicle, place, &mut shared, &mut page)?);
    }
    shared.pictures.flush(&mut page)?;
    shared.sweeps.flush(&mut page)?;
    let mut same_time = true;
    if let [first, second] = facts.as_mut_slice() {
        same_time = second.align_to(first);
    }
    let contents = Contents {
        drives: &facts,
        same_time,
        classes: ObjectClass::ALL.map(ObjectClass::name).to_vec(),
        decisions: DecisionKind::ALL.map(DecisionKind::name).to_vec(),
        phases: Phase::ALL.map(Phase::name).to_vec(),
        verdicts: Verdict::ALL.map(Verdict::name).to_vec(),
        limits: CommandLimit::ALL.map(CommandLimit::name).to_vec(),
        point_step_m: sweep::STEP_M,
        height_step_m: sweep::HEIGHT_STEP_M,
        lowest_m: sweep::LOWEST_M,
    };
    page.block("contents", true, &serde_json::to_vec(&contents)?)?;
    let (_, bytes) = page.finish()?;
    Ok(bytes)
}
