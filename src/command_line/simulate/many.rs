//! `chauffeur simulate all --seeds A..B`: many runs, one line each, and the failures at the end.

use super::{Options, scenario};
use crate::runtime::clock::Stopwatch;
use crate::simulation::campaign;
use crate::simulation::{Finished, Simulation};
use anyhow::{Context, ensure};
use sim::Scenario;
use std::process::ExitCode;

/// More runs than this are a slip of the finger.
const MOST_RUNS: u64 = 100_000;

pub fn run(options: &Options, seeds: &str) -> anyhow::Result<ExitCode> {
    let (first, end) = range(seeds)?;
    ensure!((1..=256).contains(&options.jobs), "--jobs {} is outside 1 to 256", options.jobs);
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
        Ok(Simulation { seed, output: None, ..simulation })
    });
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
    let watch = Stopwatch::start();
    let mut total = Total::default();
    campaign::run(&runs, options.jobs, |simulation, finished| {
        let finished = finished.with_context(|| format!("{} {}", simulation.scenario.name, simulation.seed))?;
        total.add(simulation, finished)
    })?;
    total.print(options, watch.elapsed().as_secs_f64())
}

/// Seeds of "A..B".
fn range(text: &str) -> anyhow::Result<(u64, u64)> {
    let numbers = text.split_once("..").and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    let (first, end): (u64, u64) = numbers.with_context(|| format!("--seeds {text} is not of the form 0..200"))?;
    ensure!(first < end && end - first <= MOST_RUNS, "--seeds {text} holds no seeds, or more than {MOST_RUNS}");
    Ok((first, end))
}

/// All runs together.
#[derive(Default)]
struct Total {
    runs: u64,
    goals: u64,
    others_faults: u64,
    driven_s: f64,
    driven_m: f64,
    recall: (u64, u64),
    failed: Vec<(String, u64, String)>,
}

impl Total {
    /// Counts a run and prints its line.
    fn add(&mut self, simulation: &Simulation, finished: Finished) -> anyhow::Result<()> {
        let (name, seed) = (&simulation.scenario.name, simulation.seed);
        let Finished { outcome, report } = finished;
        if let Some(error) = outcome.error {
            return Err(error);
        }
        let fault = outcome.fault.map(|fault| format!("fault in {}: {}", fault.stage, fault.reason));
        let failures: Vec<String> = report.failures().into_iter().chain(fault).collect();
        self.runs += 1;
        self.goals += u64::from(report.goal_s.is_some());
        self.others_faults += u64::from(report.collisions.iter().any(|collision| !collision.own_fault));
        self.driven_s += report.duration_s;
        self.driven_m += report.travelled_m;
        for (asked, found) in outcome.tally.recall.by_class().values() {
            self.recall = (self.recall.0 + asked, self.recall.1 + found);
        }
        let nearest = report.time_to_collision_s.map_or("-".to_string(), |seconds| format!("{seconds:.1} s"));
        let others = report.collisions.iter().filter(|collision| !collision.own_fault);
        let remarks = others.map(|collision| format!("hit by {} at {:.1} s", collision.with, collision.time_s));
        let verdict = if failures.is_empty() { "ok" } else { "FAILED" };
        let said: Vec<String> = failures.iter().cloned().chain(remarks).collect();
        println!(
            "{name:<12}{seed:>6}  {verdict:<6} {:>6.1} s {:>6.0} m of {:>5.0}, TTC {nearest:>6}, {:>4.1} / {:>4.1} m/s2  {}",
            report.duration_s,
            report.travelled_m,
            report.route_m,
            report.acceleration.most,
            report.lateral.most,
            said.join(", ")
        );
        if !failures.is_empty() {
            self.failed.push((name.clone(), seed, failures.join(", ")));
        }
        Ok(())
    }

    fn print(&self, options: &Options, seconds: f64) -> anyhow::Result<ExitCode> {
        println!(
            "{} runs, {:.0} s and {:.1} km driven in {seconds:.0} s ({:.2} x real time{}): {} to the goal, {} failed, {} hit by others, {:.1} % of {} objects detected",
            self.runs,
            self.driven_s,
            1e-3 * self.driven_m,
            self.driven_s / seconds.max(1e-9),
            super::processor(self.driven_s),
            self.goals,
            self.failed.len(),
            self.others_faults,
            100.0 * self.recall.1 as f64 / self.recall.0.max(1) as f64,
            self.recall.0
        );
        for (name, seed, why) in &self.failed {
            println!("failed: {why}\n  chauffeur simulate {name} --seed {seed}{}", options.again());
        }
        Ok(if self.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

impl Options {
    /// The options that make a run what it is, as they are typed.
    fn again(&self) -> String {
        let mut words = String::new();
        if let Some(duration) = self.duration {
            words += &format!(" --duration {duration}");
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
    fn seeds_are_a_half_open_range() {
        assert_eq!(range("0..200").unwrap(), (0, 200));
        for wrong in ["", "5", "5..5", "9..3", "0..", "-1..3", "0..1000001"] {
            let said = range(wrong).unwrap_err().to_string();
            assert!(said.contains(&format!("--seeds {wrong}")), "{said}");
        }
    }
}
