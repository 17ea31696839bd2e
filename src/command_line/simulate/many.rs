//! `chauffeur simulate all --seeds A..B`: many runs, one line each, then a table of the families and the failures.

use super::summary::Summary;
use super::{Options, scenario};
use crate::runtime::clock::Stopwatch;
use crate::simulation::Simulation;
use crate::simulation::campaign;
use anyhow::{Context, ensure};
use models::Provider;
use sim::Scenario;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// More runs than this are a slip of the finger.
const MOST_RUNS: u64 = 100_000;

pub fn run(options: &Options, seeds: &str) -> anyhow::Result<ExitCode> {
    let (first, end) = range(seeds)?;
    ensure!((1..=256).contains(&options.jobs), "--jobs {} is outside 1 to 256", options.jobs);
    // Seen with 16: ONNX Runtime freed memory of a network that had ended where the driver forbids it, and ended the process.
    ensure!(
        options.jobs == 1 || options.networks.choice().provider == Provider::Cpu,
        "--jobs {} with a GPU: its networks do not stand being loaded and freed beside each other in one process; \
         use --jobs 1 in several processes, each with a part of --seeds {seeds}",
        options.jobs
    );
    let families: Vec<Scenario> = match options.scenario.as_str() {
        "all" => Scenario::FAMILIES.iter().map(|(name, _)| Scenario::family(name)).collect::<Result<_, _>>()?,
        name => vec![scenario(name)?],
    };
    let runs = (first..end).map(|seed| {
        let scenario = families[(seed % families.len() as u64) as usize].clone();
        let mut simulation = options.simulation(scenario)?;
        if options.jobs > 1 {
            // Runs beside each other share the cores. The number of threads changes no bit of a run.
            simulation.networks.threads = 1;
            simulation.serial = true;
        }
        let output = options.output.as_ref().map(|folder| drive_file(folder, &simulation.scenario.name, seed));
        Ok(Simulation { seed, output, ..simulation })
    });
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
    let watch = Stopwatch::start();
    let mut summary = Summary::default();
    campaign::run(&runs, options.jobs, |simulation, finished| {
        let finished = finished.with_context(|| format!("{} {}", simulation.scenario.name, simulation.seed))?;
        summary.add(simulation, finished)
    })?;
    if options.truth {
        println!("\nno sensors, no perception: the planner was given the true objects");
    }
    Ok(summary.print(options, watch.elapsed().as_secs_f64()))
}

/// The drive of one run.
fn drive_file(folder: &Path, family: &str, seed: u64) -> PathBuf {
    folder.join(format!("{family}-{seed}.mcap"))
}

/// Seeds of "A..B".
fn range(text: &str) -> anyhow::Result<(u64, u64)> {
    let numbers = text.split_once("..").and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    let (first, end): (u64, u64) = numbers.with_context(|| format!("--seeds {text} is not of the form 0..200"))?;
    ensure!(first < end && end - first <= MOST_RUNS, "--seeds {text} holds no seeds, or more than {MOST_RUNS}");
    Ok((first, end))
}

impl Options {
    /// The options that make a run what it is, as they are typed.
    pub(super) fn again(&self) -> String {
        let mut words = String::new();
        if let Some(duration) = self.duration {
            words += &format!(" --duration {duration}");
        }
        if self.truth {
            words += " --truth";
        }
        if self.no_camera {
            words += " --no-camera";
        }
        if let Some(config) = &self.config {
            words += &format!(" --config {}", config.display());
        }
        words + &self.networks.again()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_beside_each_other_are_refused_on_a_gpu() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            options: Options,
        }
        let words = ["simulate", "all", "--seeds", "0..4", "--jobs", "2", "--provider", "cuda"];
        let options = <Line as clap::Parser>::parse_from(words).options;
        let said = run(&options, "0..4").unwrap_err().to_string();
        assert!(said.starts_with("--jobs 2 with a GPU") && said.contains("0..4"), "{said}");
    }

    #[test]
    fn seeds_are_a_half_open_range() {
        assert_eq!(range("0..200").unwrap(), (0, 200));
        for wrong in ["", "5", "5..5", "9..3", "0..", "-1..3", "0..1000001"] {
            let said = range(wrong).unwrap_err().to_string();
            assert!(said.contains(&format!("--seeds {wrong}")), "{said}");
        }
    }
}
