//! `chauffeur diff`.

use crate::evaluate::difference::{self, Difference};
use crate::evaluate::frames::{Frames, STAGES, TOPICS};
use crate::evaluate::tolerance::Tolerance;
use anyhow::ensure;
use clap::Args;
use recordings::{DriveReader, RunRecord};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Two runs to compare.
#[derive(Debug, Args)]
pub struct Options {
    /// The log of one run.
    a: PathBuf,
    /// The log of the other.
    b: PathBuf,
    /// As JSON, for a program.
    #[arg(long)]
    json: bool,
    /// How far apart they may be: `networks` for runs whose networks ran on other devices or in other libraries.
    #[arg(long, value_enum, default_value_t = ToleranceName::Exact)]
    tolerance: ToleranceName,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ToleranceName {
    Exact,
    Networks,
}

impl From<ToleranceName> for Tolerance {
    fn from(name: ToleranceName) -> Self {
        match name {
            ToleranceName::Exact => Self::Exact,
            ToleranceName::Networks => Self::Networks,
        }
    }
}

/// What a run made, and what made the run.
pub fn open(path: &Path) -> anyhow::Result<(DriveReader, RunRecord)> {
    let mut reader = DriveReader::open(path)?;
    let ticks = reader.info()?.channels.iter().filter(|c| c.topic == "/tick").map(|c| c.messages).sum::<u64>();
    ensure!(ticks > 0, "{}: the drive holds no frames: it was never run", path.display());
    reader.only(&TOPICS);
    let record = reader.run_record().cloned().unwrap_or_default();
    Ok((reader, record))
}

/// Compares two logs.
pub fn compare(a: &Path, b: &Path, tolerance: Tolerance) -> anyhow::Result<(Difference, [RunRecord; 2])> {
    let ((a, made_a), (b, made_b)) = (open(a)?, open(b)?);
    Ok((difference::compare(Frames::new(a), Frames::new(b), tolerance)?, [made_a, made_b]))
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let tolerance = options.tolerance.into();
    let (difference, made) = compare(&options.a, &options.b, tolerance)?;
    if options.json {
        let made = made_differently(&made);
        let report = serde_json::json!({
            "a": options.a, "b": options.b, "tolerance": tolerance.name(), "equal": difference.is_equal(),
            "made_differently": made, "difference": difference,
        });
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&difference, &made, tolerance);
    }
    Ok(if difference.is_equal() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What made the two runs, where it is not the same: name, first, second.
fn made_differently(made: &[RunRecord; 2]) -> Vec<(String, String, String)> {
    let rows = |record: &RunRecord| {
        let models = record.models.iter().map(|(name, digest)| format!("{name} {digest}")).collect::<Vec<_>>();
        [
            ("version", record.version.clone()),
            ("mode", record.mode.clone()),
            ("configuration", record.config_sha256.clone()),
            ("networks", models.join(", ")),
            ("engine", record.engine.clone()),
        ]
    };
    let pairs = rows(&made[0]).into_iter().zip(rows(&made[1]));
    pairs.filter(|(a, b)| a != b).map(|((name, a), (_, b))| (name.to_string(), a, b)).collect()
}

fn print(difference: &Difference, made: &[RunRecord; 2], tolerance: Tolerance) {
    for (name, a, b) in made_differently(made) {
        let or_none = |text: String| if text.is_empty() { "none".to_string() } else { text };
        println!("{name:<16}{}\n{:<16}{}", or_none(a), "", or_none(b));
    }
    let Some(first) = &difference.first else {
        println!("the same in {} frames ({})", difference.frames, tolerance.describe());
        return;
    };
    println!("first difference: frame {}, {:.3} s, stage {}", first.frame, first.time_s, first.stage);
    for pair in &first.fields {
        println!("  {:<28}{}\n  {:<28}{}", pair.field, pair.a, "", pair.b);
    }
    if first.field_count > first.fields.len() as u64 {
        println!("  and {} more fields", first.field_count - first.fields.len() as u64);
    }
    let [only_a, only_b] = difference.alone;
    println!("\n{} frames in both, {only_a} only in the first, {only_b} only in the second", difference.frames);
    println!("{:<12}{:>10}{:>10}", "stage", "frames", "differ");
    for stage in STAGES {
        if let Some(row) = difference.stages.get(stage).filter(|row| row.compared > 0) {
            println!("{stage:<12}{:>10}{:>10}", row.compared, row.differ);
        }
    }
    println!("\n{:<12}{:<28}{:>8}{:>10}{:>14}  first", "stage", "field", "frames", "values", "largest");
    for ((stage, name), row) in &difference.fields {
        let largest = row.largest.map_or_else(|| "-".to_string(), |largest| format!("{largest:.3e}"));
        println!(
            "{:<12}{name:<28}{:>8}{:>10}{largest:>14}  frame {}",
            STAGES[*stage], row.frames, row.values, row.first_frame
        );
    }
}
