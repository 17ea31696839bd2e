//! `chauffeur doctor`.

use super::NetworkOptions;
use crate::doctor::{Check, Subject, Verdict, examine, worst};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Whether this computer, and a car, may drive.
///
/// Exit code 0 if nothing fails, 1 if something does.
#[derive(Debug, Args)]
pub struct Options {
    /// The car's configuration: its files are read, its sensors and its bus listened to for a second.
    config: Option<PathBuf>,
    /// Where drives are written.
    #[arg(long, value_name = "FOLDER", default_value = "drives")]
    folder: PathBuf,
    /// Do not listen to sensors and buses, as while a drive has them.
    #[arg(long)]
    no_listen: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    networks: NetworkOptions,
}

/// Prints the checks. 1 if one of them fails.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let subject = Subject {
        config: options.config.clone(),
        changes: Vec::new(),
        networks: options.networks.choice(),
        folder: options.folder.clone(),
        listen: !options.no_listen,
    };
    let checks = examine(&subject);
    let verdict = worst(&checks);
    if options.json {
        println!("{:#}", json!({ "verdict": verdict, "checks": checks }));
    } else {
        print_table(&checks);
        let of = |wanted: Verdict| checks.iter().filter(|check| check.verdict == wanted).count();
        println!(
            "{} checks: {} pass, {} warn, {} fail",
            checks.len(),
            of(Verdict::Pass),
            of(Verdict::Warn),
            of(Verdict::Fail)
        );
    }
    Ok(ExitCode::from(u8::from(verdict == Verdict::Fail)))
}

fn print_table(checks: &[Check]) {
    let width = |of: fn(&Check) -> usize| checks.iter().map(of).max().unwrap_or(0);
    let (items, names) = (width(|check| check.item.name().len()), width(|check| check.name.len()));
    for Check { item, name, verdict, finding, notes } in checks {
        println!("{verdict:<6}{:<items$}  {name:<names$}  {finding}", item.name());
        for note in notes {
            println!("{:6}{:items$}  {:names$}    {note}", "", "", "");
        }
    }
}
