//! What a check leaves in its folder: `drives.json` before the first drive, a line of `results.jsonl` as each is done, and the pages at the end.

use super::result::DriveResult;
use super::{junit, page};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// The drives that a run was given, so that whoever merges its results knows what is missing.
pub const PLAN: &str = "drives.json";
/// A line a drive.
pub const RESULTS: &str = "results.jsonl";

/// What a run is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which part of how many; `[1, 1]` is the whole.
    pub shard: (usize, usize),
    /// The drives: name and file, in the order of the names.
    pub drives: Vec<(String, String)>,
}

/// The folder of a run in work.
pub struct Outputs<'a> {
    folder: &'a Path,
    lines: File,
}

impl<'a> Outputs<'a> {
    /// Makes the folder and writes the plan. What an earlier run left under the same names is replaced.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn begin(folder: &'a Path, plan: &Plan) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        write(&folder.join(PLAN), &format!("{}\n", serde_json::to_string(plan)?))?;
        let path = folder.join(RESULTS);
        let lines = File::create(&path).with_context(|| format!("{}", path.display()))?;
        Ok(Self { folder, lines })
    }

    /// Writes the line of a drive: what is done stays done if this process is killed.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn add(&mut self, result: &DriveResult) -> anyhow::Result<()> {
        let line = format!("{}\n", serde_json::to_string(result)?);
        self.lines.write_all(line.as_bytes()).with_context(|| format!("{}", self.folder.join(RESULTS).display()))
    }

    /// Writes JUnit and the page of all results, which are brought into the order of the names.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn end(self, results: &mut [DriveResult]) -> anyhow::Result<()> {
        results.sort_by(|a, b| a.drive.cmp(&b.drive));
        write(&self.folder.join("junit.xml"), &junit::junit(results))?;
        write(&self.folder.join("index.html"), &page::page(results, self.folder))
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{}", path.display()))
}
