//! `chauffeur check`: drives as regression tests. Each drive runs in a process of its own, so that none can take another with it.

use super::NetworkOptions;
use crate::check::merge::merge;
use crate::check::outputs::{Outputs, Plan};
use crate::check::spread::spread;
use crate::check::{self, DriveResult, Job, Status};
use crate::config::Config;
use crate::evaluate::criteria::{Criteria, DEFAULT, Level};
use crate::replay::Replay;
use crate::stack::Work;
use anyhow::{Context, bail, ensure};
use clap::Args;
use recordings::Compression;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Which drives, and what they must be like.
#[derive(Debug, Args)]
pub struct Options {
    /// Drives, or folders of drives.
    #[arg(required = true, value_name = "DRIVE")]
    drives: Vec<PathBuf>,
    #[command(flatten)]
    rules: Rules,
    /// Only the I-th of N parts of the drives in the order of their names, from 1 on.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Drives at the same time.
    #[arg(long, default_value_t = 1, value_name = "N")]
    jobs: usize,
}

/// What holds for every drive.
#[derive(Clone, Debug, Args)]
pub struct Rules {
    /// Folder of the references.
    #[arg(long, value_name = "DIR")]
    against: PathBuf,
    /// Write the references anew and say what changes.
    #[arg(long)]
    update: bool,
    /// What a drive must be like (TOML), in place of the built-in criteria.
    #[arg(long, value_name = "FILE")]
    criteria: Option<PathBuf>,
    /// Folder of the results.
    #[arg(long, default_value = "drives/check", value_name = "DIR")]
    output: PathBuf,
    /// The vehicle's configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change one key of the configuration, such as `planning.headway_s=2`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    networks: NetworkOptions,
}

/// One drive: what `check` runs for each, and what an engine for many machines may run itself.
#[derive(Debug, Args)]
pub struct OneOptions {
    /// The drive.
    drive: PathBuf,
    /// Its name among the results.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    rules: Rules,
}

/// Parts of a check, made by `--shard` or by whoever spread its drives.
#[derive(Debug, Args)]
pub struct MergeOptions {
    /// Folders of results, or a folder that holds them.
    #[arg(required = true, value_name = "DIR")]
    parts: Vec<PathBuf>,
    /// Folder of the merged results.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((i, n)) if (1..=n).contains(&i) => Ok((i, n)),
        _ => Err("is not I/N with I from 1 to N".to_string()),
    }
}

/// Checks one drive and prints its result as one line of JSON.
pub fn run_one(options: &OneOptions) -> anyhow::Result<ExitCode> {
    let rules = &options.rules;
    let job = Job {
        replay: Replay {
            compression: Compression::Lz4,
            serial: true,
            work: Work::InTurn,
            without_sensors: true,
            ..Replay::lossless(
                options.drive.clone(),
                Config::read_with(rules.config.as_deref(), &rules.set)?,
                rules.networks.choice(),
            )
        },
        name: options.name.clone(),
        references: rules.against.clone(),
        update: rules.update,
        criteria: criteria(rules)?,
        output: rules.output.clone(),
    };
    let result = check::check(&job);
    println!("{}", serde_json::to_string(&result)?);
    Ok(ExitCode::from(result.status.exit_code()))
}

fn criteria(rules: &Rules) -> anyhow::Result<Criteria> {
    let Some(path) = &rules.criteria else { return Criteria::parse(DEFAULT).map_err(anyhow::Error::msg) };
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    Criteria::parse(&text).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let rules = &options.rules;
    // What is wrong for all drives is said once, before the first of them.
    criteria(rules)?;
    Config::read_with(rules.config.as_deref(), &rules.set)?;
    ensure!(options.jobs > 0, "--jobs 0: at least one is needed");
    ensure!(
        rules.update || rules.against.is_dir(),
        "{}: there is no such folder of references: make it with --update",
        rules.against.display()
    );
    let mut drives = named(&options.drives)?;
    let mut rules = rules.clone();
    if let Some((i, n)) = options.shard {
        let mut place = 0;
        drives.retain(|_| {
            place += 1;
            (place - 1) % n == i - 1
        });
        rules.output.push(format!("{i}-of-{n}"));
    }
    let plan = drives.iter().map(|(name, path)| (name.clone(), path.display().to_string())).collect();
    let plan = Plan { shard: options.shard.unwrap_or((1, 1)), drives: plan };
    let mut outputs = Outputs::begin(&rules.output, &plan)?;
    let mut results = Vec::new();
    spread(
        drives.len(),
        options.jobs,
        |place| in_a_process(&drives[place], &rules),
        |_, result| {
            outputs.add(&result)?;
            print(&result, rules.update);
            results.push(result);
            Ok(())
        },
    )?;
    outputs.end(&mut results)?;
    Ok(sum(&results, &rules.output))
}

/// Merges the results of parts, as one run would have written them.
pub fn run_merge(options: &MergeOptions) -> anyhow::Result<ExitCode> {
    let results = merge(&options.parts, &options.output)?;
    for result in results.iter().filter(|result| result.status != Status::Passed) {
        print(result, false);
    }
    Ok(sum(&results, &options.output))
}

/// Says how many drives passed; the exit code is that of the gravest result.
fn sum(results: &[DriveResult], output: &Path) -> ExitCode {
    let count = |status| results.iter().filter(|result| result.status == status).count();
    println!(
        "{} drives: {} passed, {} failed, {} could not be used; see {}",
        results.len(),
        count(Status::Passed),
        count(Status::Failed),
        count(Status::BadInput),
        output.join("index.html").display()
    );
    let gravest = results.iter().map(|result| result.status).max().unwrap_or(Status::Passed);
    ExitCode::from(gravest.exit_code())
}

/// Drives by name, in the order of the names.
fn named(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut drives: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut add = |path: PathBuf| {
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        match drives.insert(stem.clone(), path.clone()) {
            Some(other) if other != path => {
                bail!("{} and {}: two drives of the name {stem}", other.display(), path.display())
            }
            _ => Ok(()),
        }
    };
    for path in paths {
        if !path.is_dir() {
            // One that is not there is the result of that drive, not the end of all.
            add(path.clone())?;
            continue;
        }
        let context = || format!("{}", path.display());
        let entries =
            std::fs::read_dir(path).with_context(context)?.collect::<Result<Vec<_>, _>>().with_context(context)?;
        let found: Vec<PathBuf> = entries
            .into_iter()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "mcap"))
            .collect();
        ensure!(!found.is_empty(), "{}: the folder holds no *.mcap", path.display());
        found.into_iter().try_for_each(&mut add)?;
    }
    Ok(drives.into_iter().collect())
}

impl Rules {
    /// As arguments of another process.
    fn arguments(&self) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec!["--against".into(), self.against.clone().into()];
        all.extend(["--output".into(), self.output.clone().into()]);
        if self.update {
            all.push("--update".into());
        }
        for (name, path) in [("--criteria", &self.criteria), ("--config", &self.config)] {
            all.extend(path.iter().flat_map(|path| [name.into(), path.clone().into()]));
        }
        all.extend(self.set.iter().flat_map(|change| ["--set".into(), change.into()]));
        all.extend(self.networks.arguments());
        all
    }
}

/// Runs a drive in a process of its own and reads its result; a process that died is a result, too.
fn in_a_process((name, drive): &(String, PathBuf), rules: &Rules) -> DriveResult {
    let lost = |why: String| {
        let mut result = DriveResult::new(name, drive);
        (result.status, result.error) = (Status::BadInput, Some(why));
        result
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return lost(format!("this program cannot be found: {error}")),
    };
    let mut command = Command::new(program);
    command.arg("check-drive").arg("--name").arg(name).args(rules.arguments()).arg("--").arg(drive);
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => return lost(format!("no process can be had: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let result = said.lines().rev().find_map(|line| serde_json::from_str::<DriveResult>(line).ok());
    result.unwrap_or_else(|| {
        let error = String::from_utf8_lossy(&output.stderr);
        let last = error.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("without a word");
        lost(format!("its process ended with {}: {last}", output.status))
    })
}

fn print(result: &DriveResult, update: bool) {
    let frames = result.summary.as_ref().map_or(0, |summary| summary.frames);
    let how = match &result.comparison {
        Some(comparison) => format!("{}, {}", result.mode, comparison.tolerance),
        None => result.mode.clone(),
    };
    println!("{:<10}{:<28}{frames:>6} frames {:>7.1} s  {how}", result.status.word(), result.drive, result.seconds);
    let mut lines = result.lines();
    // What made it matters where it differs, and all of it when the reference is written.
    if update
        || result.comparison.as_ref().is_some_and(|one| !one.passed)
        || result.broken(Level::Error).next().is_some()
    {
        lines.extend(result.changed.iter().cloned());
    }
    for line in lines {
        println!("          {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_from_one_to_n() {
        assert_eq!(shard("2/3"), Ok((2, 3)));
        for wrong in ["0/3", "4/3", "1", "a/b", "1/0"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn drives_have_names_of_their_own_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.mcap", "a.mcap", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names =
            |paths: &[PathBuf]| named(paths).map(|all| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        assert_eq!(names(&[folder.path().into(), Path::new("c.mcap").into()]).unwrap(), ["a", "b", "c"]);
        let said = names(&[folder.path().into(), Path::new("other/a.mcap").into()]).unwrap_err().to_string();
        assert!(said.contains("two drives of the name a"), "{said}");
        let empty = tempfile::tempdir().unwrap();
        assert!(names(&[empty.path().into()]).unwrap_err().to_string().contains("holds no *.mcap"));
    }
}
