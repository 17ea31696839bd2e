//! Results of parts as if one run had made them.
//!
//! In: folders that runs of `check` wrote, one for each part. Out: one folder with their lines, JUnit, page, Parquet and logs. A drive that a part
//! was given but left without a result (its process was killed) is a result, too: it could not be used.

use super::outputs::{Outputs, PLAN, Plan, RESULTS};
use super::result::{DriveResult, Status};
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A part's folder, what it was to do, and what it has done.
struct Part {
    folder: PathBuf,
    plan: Plan,
    results: Vec<DriveResult>,
}

/// Merges the parts in `folders` (or in the folders right inside of them) into `output`.
///
/// # Errors
/// A folder without results, parts of different wholes, a part that is missing or there twice, a drive with two results, a line that cannot be read, what
/// the operating system says.
pub fn merge(folders: &[PathBuf], output: &Path) -> anyhow::Result<Vec<DriveResult>> {
    let parts = folders.iter().map(|folder| found(folder, output)).collect::<anyhow::Result<Vec<_>>>()?.concat();
    let parts = parts.iter().map(|folder| read(folder)).collect::<anyhow::Result<Vec<_>>>()?;
    complete(&parts)?;
    let mut drives: BTreeMap<String, (String, &Path)> = BTreeMap::new();
    let mut results: BTreeMap<String, DriveResult> = BTreeMap::new();
    for Part { folder, plan, results: own } in &parts {
        for (name, path) in &plan.drives {
            if let Some((_, other)) = drives.insert(name.clone(), (path.clone(), folder)) {
                bail!("{} and {}: both were given the drive {name}", other.display(), folder.display());
            }
        }
        for result in own {
            let name = &result.drive;
            ensure!(
                plan.drives.iter().any(|(known, _)| known == name),
                "{}: {name} is not in its {PLAN}",
                folder.display()
            );
            ensure!(
                results.insert(name.clone(), result.clone()).is_none(),
                "{}: two results of the drive {name}",
                folder.join(RESULTS).display()
            );
        }
    }
    let mut merged = Vec::with_capacity(drives.len());
    let plan = drives.iter().map(|(name, (path, _))| (name.clone(), path.clone())).collect();
    let mut outputs = Outputs::begin(output, &Plan { shard: (1, 1), drives: plan })?;
    for (name, (path, folder)) in &drives {
        let mut result = results.remove(name).unwrap_or_else(|| {
            let mut lost = DriveResult::new(name, Path::new(path));
            let why = format!("no result: the run in {} ended before it", folder.display());
            (lost.status, lost.error) = (Status::BadInput, Some(why));
            lost
        });
        bring(&mut result.log, folder, output, "logs")?;
        bring(&mut result.frames, folder, output, "frames")?;
        outputs.add(&result)?;
        merged.push(result);
    }
    outputs.end(&mut merged)?;
    Ok(merged)
}

/// The folder itself if it holds results, else those in it that do, in the order of their names. The output is never a part: it may lie among
/// them, and hold what was merged before.
fn found(folder: &Path, output: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = output.canonicalize().ok();
    let is_part = |path: &Path| path.join(RESULTS).is_file() && path.canonicalize().ok() != output;
    if is_part(folder) {
        return Ok(vec![folder.into()]);
    }
    let context = || format!("{}", folder.display());
    let entries =
        std::fs::read_dir(folder).with_context(context)?.collect::<Result<Vec<_>, _>>().with_context(context)?;
    let mut parts: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(|path| is_part(path)).collect();
    ensure!(!parts.is_empty(), "{}: neither it nor a folder in it holds {RESULTS} of a part", folder.display());
    parts.sort();
    Ok(parts)
}

fn read(folder: &Path) -> anyhow::Result<Part> {
    let text = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))
    };
    let plan = serde_json::from_str(&text(PLAN)?).with_context(|| format!("{}", folder.join(PLAN).display()))?;
    let lines = text(RESULTS)?;
    // Of a run that was killed the last line may be half: that drive has no result.
    let whole = lines.rfind('\n').map_or("", |end| &lines[..end]);
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}: line {}", folder.join(RESULTS).display(), number + 1))
    };
    let results = whole.lines().enumerate().map(line).collect::<anyhow::Result<Vec<DriveResult>>>()?;
    Ok(Part { folder: folder.into(), plan, results })
}

/// Every part of one whole, each once.
fn complete(parts: &[Part]) -> anyhow::Result<()> {
    let mut seen: BTreeMap<usize, &Path> = BTreeMap::new();
    let Some(first) = parts.first() else { bail!("no folder to merge") };
    let count = first.plan.shard.1;
    for part in parts {
        let (shard, of) = part.plan.shard;
        let folder = part.folder.display();
        ensure!(of == count, "{folder}: part {shard} of {of}, but {} is one of {count}", first.folder.display());
        if let Some(other) = seen.insert(shard, &part.folder) {
            bail!("{} and {folder}: both are part {shard} of {of}", other.display());
        }
    }
    let missing: Vec<_> =
        (1..=count).filter(|shard| !seen.contains_key(shard)).map(|shard| shard.to_string()).collect();
    ensure!(missing.is_empty(), "of {count} parts these are missing: {}", missing.join(", "));
    Ok(())
}

/// Puts a file of a part where one run would have put it: by a link, or else a copy.
fn bring(file: &mut Option<PathBuf>, part: &Path, output: &Path, kind: &str) -> anyhow::Result<()> {
    let Some(name) = file.as_ref().and_then(|path| path.file_name()) else { return Ok(()) };
    let (from, to) = (part.join(kind).join(name), output.join(kind).join(name));
    if let (Ok(from), Ok(to)) = (from.canonicalize(), to.canonicalize())
        && from == to
    {
        return Ok(());
    }
    std::fs::create_dir_all(output.join(kind)).with_context(|| format!("{}", output.join(kind).display()))?;
    // What an earlier merge left. If it was not there, or cannot go, the link says so.
    let _ = std::fs::remove_file(&to);
    std::fs::hard_link(&from, &to)
        .or_else(|_| std::fs::copy(&from, &to).map(|_| ()))
        .with_context(|| format!("{} to {}", from.display(), to.display()))?;
    *file = Some(to);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part as `check --shard` leaves it. `done`: how many of its drives have a result.
    fn part(folder: &Path, shard: (usize, usize), names: &[&str], done: usize) {
        let drives = names.iter().map(|name| ((*name).to_string(), format!("in/{name}.mcap"))).collect();
        let mut outputs = Outputs::begin(folder, &Plan { shard, drives }).unwrap();
        let mut results = Vec::new();
        for name in &names[..done] {
            let mut result = DriveResult::new(name, Path::new(&format!("in/{name}.mcap")));
            let frames = folder.join("frames").join(format!("{name}.parquet"));
            std::fs::create_dir_all(folder.join("frames")).unwrap();
            std::fs::write(&frames, name).unwrap();
            result.frames = Some(frames);
            outputs.add(&result).unwrap();
            results.push(result);
        }
        if done == names.len() {
            outputs.end(&mut results).unwrap();
        }
    }

    #[test]
    fn parts_become_what_one_run_would_have_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        part(&at("out"), (1, 1), &["a", "b", "c", "d", "e"], 5);
        let read = |name: &str| std::fs::read_to_string(at("out").join(name)).unwrap();
        let names = [PLAN, RESULTS, "junit.xml", "index.html", "frames/e.parquet"];
        let whole = names.map(read);
        std::fs::remove_dir_all(at("out")).unwrap();
        part(&at("parts/1-of-2"), (1, 2), &["a", "c", "e"], 3);
        part(&at("parts/2-of-2"), (2, 2), &["b", "d"], 2);
        assert_eq!(merge(&[at("parts")], &at("out")).unwrap().len(), 5);
        assert_eq!(names.map(read), whole);
        // A second time is the same.
        merge(&[at("parts/2-of-2"), at("parts/1-of-2")], &at("out")).unwrap();
        assert_eq!(names.map(read), whole);
        // So it is among the parts, or right above them.
        for output in ["parts/all", "parts"] {
            for _ in 0..2 {
                assert_eq!(merge(&[at("parts")], &at(output)).unwrap().len(), 5);
                assert_eq!(std::fs::read_to_string(at(output).join("frames/e.parquet")).unwrap(), "e");
            }
            let _ = std::fs::remove_dir_all(at("parts/all"));
        }
    }

    #[test]
    fn a_killed_part_is_told_and_what_does_not_fit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let refused = |names: &[&str]| {
            let folders: Vec<_> = names.iter().map(|name| at(name)).collect();
            format!("{:#}", merge(&folders, &at("out")).unwrap_err())
        };
        part(&at("one"), (1, 2), &["a", "c"], 1);
        part(&at("two"), (2, 2), &["b"], 1);
        // A half line, as a kill leaves it.
        let lines = std::fs::read_to_string(at("one").join(RESULTS)).unwrap();
        std::fs::write(at("one").join(RESULTS), format!("{lines}{}", &lines[..40])).unwrap();
        let merged = merge(&[at("one"), at("two")], &at("out")).unwrap();
        let states: Vec<_> = merged.iter().map(|result| (result.drive.as_str(), result.status)).collect();
        assert_eq!(states, [("a", Status::Passed), ("b", Status::Passed), ("c", Status::BadInput)]);
        assert!(merged[2].error.as_ref().unwrap().contains("one ended before it"));
        assert!(refused(&["one"]).contains("of 2 parts these are missing: 2"));
        assert!(refused(&["one", "one"]).contains("both are part 1 of 2"));
        part(&at("three"), (3, 3), &["z"], 1);
        assert!(refused(&["one", "three"]).contains("part 3 of 3"));
        part(&at("again"), (2, 2), &["a"], 1);
        assert!(refused(&["one", "again"]).contains("both were given the drive a"));
        std::fs::create_dir(at("empty")).unwrap();
        assert!(refused(&["empty"]).contains("holds results.jsonl"));
        std::fs::write(at("two").join(RESULTS), "{}\n").unwrap();
        assert!(refused(&["one", "two"]).contains("results.jsonl: line 1"));
    }
}
