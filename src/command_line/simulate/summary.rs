//! What became of many runs: one line for each family, and each failure with the command that repeats it.

use super::Options;
use crate::runtime::following::{Following, Sizes};
use crate::simulation::judge::Extent;
use crate::simulation::{Finished, Simulation};
use std::process::ExitCode;

/// The runs of one family, or all of them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sums {
    runs: u64,
    ok: u64,
    collisions: u64,
    off_road: u64,
    red_lights: u64,
    timeouts: u64,
    faults: u64,
    hit_by_others: u64,
    driven_s: f64,
    driven_m: f64,
    time_to_collision_s: Option<f64>,
    detected: (u64, u64),
    following: Following,
    jerk: Extent,
    lateral_jerk: Extent,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.ok += other.ok;
        self.collisions += other.collisions;
        self.off_road += other.off_road;
        self.red_lights += other.red_lights;
        self.timeouts += other.timeouts;
        self.faults += other.faults;
        self.hit_by_others += other.hit_by_others;
        self.driven_s += other.driven_s;
        self.driven_m += other.driven_m;
        let times = [self.time_to_collision_s, other.time_to_collision_s];
        self.time_to_collision_s = times.into_iter().flatten().min_by(f64::total_cmp);
        self.following.lateral.merge(&other.following.lateral);
        self.following.speed.merge(&other.following.speed);
        self.jerk.merge(&other.jerk);
        self.lateral_jerk.merge(&other.lateral_jerk);
        self.detected = (self.detected.0 + other.detected.0, self.detected.1 + other.detected.1);
    }

    fn line(&self, name: &str) -> String {
        let nearest = self.time_to_collision_s.map_or("-".to_string(), |seconds| format!("{seconds:.1}"));
        let counts = [self.collisions, self.off_road, self.red_lights, self.timeouts, self.faults, self.hit_by_others];
        let counts = counts.map(|count| format!("{count:>11}")).concat();
        let (km, each_s) = (1e-3 * self.driven_m, self.driven_s / self.runs.max(1) as f64);
        let share = 100.0 * self.detected.1 as f64 / self.detected.0.max(1) as f64;
        let found = if self.detected.0 == 0 { "-".to_string() } else { format!("{share:.1}") };
        let error = |sizes: &Sizes| sizes.quantile(0.95).map_or("-".to_string(), |error| format!("{error:.2}"));
        let (lateral, speed) = (error(&self.following.lateral), error(&self.following.speed));
        format!(
            "{name:<12}{:>6}{:>6}{counts}{km:>8.1}{each_s:>8.1}{nearest:>8}{found:>9}{lateral:>9}{speed:>11}{:>10.2}{:>9.2}",
            self.runs,
            self.ok,
            self.jerk.rms(),
            self.lateral_jerk.rms()
        )
    }
}

/// The names of the columns.
fn head() -> String {
    let counts = ["collisions", "off road", "red lights", "timeouts", "faults", "hit by"];
    let counts = counts.map(|name| format!("{name:>11}")).concat();
    let rest = format!(
        "{:>8}{:>8}{:>8}{:>9}{:>9}{:>11}{:>10}{:>9}",
        "km", "s/run", "TTC s", "found %", "beside m", "speed m/s", "jerk m/s3", "lateral"
    );
    format!("{:<12}{:>6}{:>6}{counts}{rest}", "family", "runs", "ok")
}

/// All runs together.
#[derive(Default)]
pub struct Summary {
    /// In the order in which they came first.
    families: Vec<(String, Sums)>,
    failed: Vec<(String, u64, String)>,
}

impl Summary {
    /// Counts a run and prints its line.
    pub fn add(&mut self, simulation: &Simulation, finished: Finished) -> anyhow::Result<()> {
        let (name, seed) = (&simulation.scenario.name, simulation.seed);
        let Finished { outcome, report } = finished;
        if let Some(error) = outcome.error {
            return Err(error);
        }
        let fault = outcome.fault.map(|fault| format!("fault in {}: {}", fault.stage, fault.reason));
        let faults = u64::from(fault.is_some());
        let failures: Vec<String> = report.failures().into_iter().chain(fault).collect();
        let detected =
            outcome.tally.recall.by_class().values().fold((0, 0), |sum, (asked, found)| (sum.0 + asked, sum.1 + found));
        self.count(
            name,
            &Sums {
                runs: 1,
                ok: u64::from(failures.is_empty()),
                collisions: u64::from(report.collisions.iter().any(|collision| collision.own_fault)),
                off_road: u64::from(!report.off_road_s.is_empty()),
                red_lights: u64::from(!report.red_lights_s.is_empty()),
                timeouts: u64::from(report.timeout.is_some()),
                faults,
                hit_by_others: u64::from(report.collisions.iter().any(|collision| !collision.own_fault)),
                driven_s: report.duration_s,
                driven_m: report.travelled_m,
                time_to_collision_s: report.time_to_collision_s,
                detected,
                following: outcome.tally.following,
                jerk: report.jerk,
                lateral_jerk: report.lateral_jerk,
            },
        );
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

    fn count(&mut self, name: &str, run: &Sums) {
        match self.families.iter_mut().find(|(known, _)| known == name) {
            Some((_, sums)) => sums.add(run),
            None => self.families.push((name.to_string(), run.clone())),
        }
    }

    /// Prints the table and the failures; 1 if there are any.
    pub fn print(&self, options: &Options, seconds: f64) -> ExitCode {
        let mut all = Sums::default();
        println!("\n{}", head());
        for (name, sums) in &self.families {
            println!("{}", sums.line(name));
            all.add(sums);
        }
        if self.families.len() > 1 {
            println!("{}", all.line("all"));
        }
        println!(
            "{} runs, {:.0} s and {:.1} km driven in {seconds:.0} s ({:.2} x real time{}): {} failed",
            all.runs,
            all.driven_s,
            1e-3 * all.driven_m,
            all.driven_s / seconds.max(1e-9),
            super::processor(all.driven_s),
            self.failed.len()
        );
        for (name, seed, why) in &self.failed {
            println!("failed: {why}\n  chauffeur simulate {name} --seed {seed}{}", options.again());
        }
        if self.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_summed_in_the_order_in_which_they_come() {
        let run =
            |ok, time_to_collision_s| Sums { runs: 1, ok, driven_m: 500.0, time_to_collision_s, ..Sums::default() };
        let mut summary = Summary::default();
        for (name, run) in [("yard", run(1, None)), ("urban", run(0, Some(2.0))), ("yard", run(1, Some(3.0)))] {
            summary.count(name, &run);
        }
        let yard = Sums { runs: 2, ok: 2, driven_m: 1000.0, time_to_collision_s: Some(3.0), ..Sums::default() };
        assert_eq!(summary.families[0], ("yard".to_string(), yard));
        assert_eq!(summary.families[1].1.time_to_collision_s, Some(2.0));
        assert_eq!(summary.families[0].1.line("yard").len(), head().len());
    }
}
