//! What became of a drive.

use crate::evaluate::Summary;
use crate::evaluate::criteria::{Level, Outcome, Verdict};
use crate::evaluate::reference::{Comparison, Maker};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// In rising gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All is as it should be.
    Passed,
    /// The drive differs, is silent, or does not hold a criterion.
    Failed,
    /// The drive, its reference or the set-up cannot be used.
    BadInput,
}

impl Status {
    /// One word for a table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::BadInput => "BAD INPUT",
        }
    }

    /// The exit code of a check with this as its gravest result.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
        }
    }
}

/// The result of one drive: one line of `results.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DriveResult {
    /// Name of the drive.
    pub drive: String,
    /// Its file.
    pub path: PathBuf,
    /// What became of it.
    pub status: Status,
    /// Why, if it did not pass: one line.
    pub error: Option<String>,
    /// The kind of replay.
    pub mode: String,
    /// Wall time of the replay, s.
    pub seconds: f64,
    /// 99th percentile of a frame's time, ms.
    pub latency_p99_ms: Option<f64>,
    /// The most memory, MB.
    pub peak_memory_mb: Option<f64>,
    /// The run beside its reference.
    pub comparison: Option<Comparison>,
    /// What made the run differently from its reference; with `--update` what changed in the reference.
    pub changed: Vec<String>,
    /// The criteria.
    pub criteria: Vec<Outcome>,
    /// The drive in numbers.
    pub summary: Option<Summary>,
    /// What made this run.
    pub made: Option<Maker>,
    /// The log of the run.
    pub log: Option<PathBuf>,
    /// The numbers of each frame as Parquet.
    pub frames: Option<PathBuf>,
}

impl DriveResult {
    /// A drive of which nothing is known yet.
    #[must_use]
    pub fn new(name: &str, path: &Path) -> Self {
        Self {
            drive: name.to_string(),
            path: path.to_path_buf(),
            status: Status::Passed,
            error: None,
            mode: String::new(),
            seconds: 0.0,
            latency_p99_ms: None,
            peak_memory_mb: None,
            comparison: None,
            changed: Vec::new(),
            criteria: Vec::new(),
            summary: None,
            made: None,
            log: None,
            frames: None,
        }
    }

    /// The drive did not pass; the first reason is kept.
    pub fn fail(&mut self, why: String) {
        self.status = self.status.max(Status::Failed);
        self.error.get_or_insert(why);
    }

    /// Criteria that were not held and mean this.
    pub fn broken(&self, level: Level) -> impl Iterator<Item = &Outcome> {
        self.criteria.iter().filter(move |one| one.verdict == Verdict::Failed && one.level == level)
    }

    /// Fails the drive if a criterion does.
    pub fn judge(&mut self) {
        if self.broken(Level::Error).next().is_some() {
            self.status = self.status.max(Status::Failed);
        }
    }

    /// Everything that a person must know of it, one line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.error.clone().into_iter().collect();
        for (level, word) in [(Level::Error, "criterion"), (Level::Warn, "warning")] {
            lines.extend(self.broken(level).map(|one| format!("{word} {}", one.told())));
        }
        lines
    }
}

impl Outcome {
    /// In one line.
    #[must_use]
    pub fn told(&self) -> String {
        let worst = self.worst.as_ref().map_or(String::new(), |worst| format!(", worst {worst}"));
        let frame = self.frame.map_or(String::new(), |frame| format!(" in frame {frame}"));
        format!("\"{}\" ({}): {} of {} fail{worst}{frame}", self.name, self.wanted, self.failed, self.judged)
    }
}
