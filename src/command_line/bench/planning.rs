//! `chauffeur bench planning`: the planner in closed loop on CommonRoad scenarios, for a judge.
//!
//! In: a folder of CommonRoad XML files. Out: `OUTPUT/<scenario id>.csv`, one row a step: the rear axle of the vehicle.

use crate::commonroad::choices::{Counts, FLIP_S};
use crate::commonroad::{Cycle, Drive, Options as How, Prediction, drive};
use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use maps::formats::commonroad;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to drive.
#[derive(Debug, Args)]
pub struct Options {
    /// Folder of scenarios, or one file.
    #[arg(long, value_name = "DIR")]
    commonroad: PathBuf,
    /// Folder for the results, one file a scenario.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// From one plan to the next, s.
    #[arg(long, default_value_t = 0.3, value_name = "SECONDS")]
    interval: f64,
    /// What the planner knows of the future: what the file tells, or nothing.
    #[arg(long, value_enum, default_value_t = Told::Truth)]
    prediction: Told,
    /// Folder for the reasons of all plans, one file a scenario.
    #[arg(long, value_name = "DIR")]
    reasons: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Told {
    Truth,
    Own,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    ensure!((0.05..=2.0).contains(&options.interval), "--interval {} is outside 0.05 to 2", options.interval);
    let files = files(&options.commonroad)?;
    fs::create_dir_all(&options.output).with_context(|| format!("{}", options.output.display()))?;
    let prediction = match options.prediction {
        Told::Truth => Prediction::Truth,
        Told::Own => Prediction::Own,
    };
    let (mut cycles, mut reached, mut undone) = (Vec::new(), 0, Vec::new());
    let (mut driven_s, mut counts) = (0.0, Counts::default());
    for path in &files {
        let bytes = fs::read(path).with_context(|| format!("{}", path.display()))?;
        let scenario = commonroad::read(&path.display().to_string(), &bytes)?;
        let every = (options.interval / scenario.time_step_s).round().max(1.0) as i64;
        let run = drive(&scenario, How { every, prediction });
        let run = run.with_context(|| format!("{}", path.display()))?;
        let out = options.output.join(format!("{}.csv", scenario.id));
        fs::write(&out, rows(&run, scenario.time_step_s)).with_context(|| format!("{}", out.display()))?;
        driven_s += (run.states.len() - 1) as f64 * scenario.time_step_s;
        if let Some(folder) = &options.reasons {
            let file = folder.join(format!("{}.txt", scenario.id));
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&file, reasons(&run.cycles)))
                .with_context(|| format!("{}", file.display()))?;
        }
        match run.goal_step {
            Some(_) => reached += 1,
            None => undone.push((scenario.id.clone(), run.why.clone())),
        }
        counts.add(&run.cycles);
        cycles.extend(run.cycles);
    }
    print_cycles(&cycles);
    println!("{reached} of {} reach their goal, {driven_s:.0} s driven", files.len());
    let told = |[line, side, stands]: [usize; 3]| {
        let rate = 60.0 * (line + side + stands) as f64 / driven_s.max(1e-9);
        format!("{rate:.1} a minute ({line} of the line, {side} of the side, {stands} of driving or standing)")
    };
    println!("changes of decision: {}", told(counts.changes));
    println!("taken back within {FLIP_S:.0} s: {}", told(counts.flips));
    for (id, why) in &undone {
        println!("not reached: {id}: {why}");
    }
    Ok(ExitCode::SUCCESS)
}

fn print_cycles(cycles: &[Cycle]) {
    let mut times: Vec<f64> = cycles.iter().map(|cycle| cycle.took_ms).collect();
    let mut counts: Vec<usize> = cycles.iter().map(|cycle| cycle.looked_at).collect();
    times.sort_by(f64::total_cmp);
    counts.sort_unstable();
    let Some(last) = times.len().checked_sub(1) else { return };
    let at = |share: f64| (share * last as f64).round() as usize;
    println!(
        "{} cycles on one core: {:.3} ms p50, {:.3} ms p99, {:.3} ms max of processor time; {} candidates p50, {} max",
        times.len(),
        times[at(0.5)],
        times[at(0.99)],
        times[last],
        counts[at(0.5)],
        counts[last]
    );
    let (seconds, looked_at) = (1e-3 * times.iter().sum::<f64>(), counts.iter().sum::<usize>());
    println!("{:.0} candidates a second", looked_at as f64 / seconds.max(1e-9));
}

/// One line a plan: when, where, how fast, on which line, whether the decision changed, and why; then how many changes and flips there
/// were, of the line, the side, and driving or standing.
fn reasons(cycles: &[Cycle]) -> String {
    let mut text = String::new();
    for (index, cycle) in cycles.iter().enumerate() {
        let change = index.checked_sub(1).and_then(|before| cycle.choice.change_from(&cycles[before].choice));
        let change = change.map_or_else(|| "-".to_string(), |change| format!("{change:?}"));
        let Cycle { time_s, ego, decision, choice, .. } = cycle;
        let kind = decision.kind.name();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{time_s:5.1} s ({:.1}, {:.1}) {:.2} m/s {:.2} m/s2 line {} {change:<4} {kind}: {}",
            ego.x, ego.y, ego.speed_mps, ego.acceleration_mps2, choice.line, decision.reason
        );
    }
    let mut counts = Counts::default();
    counts.add(cycles);
    let row = |numbers: [usize; 3]| numbers.map(|n| n.to_string()).join(" ");
    let _ = writeln!(text, "# changes {} / flips {}", row(counts.changes), row(counts.flips));
    text
}

/// Rows for the judge.
fn rows(run: &Drive, step_s: f64) -> String {
    let mut text = "t,x,y,heading,v,a,kappa\n".to_string();
    for (index, state) in run.states.iter().enumerate() {
        let time_s = run.first_s + index as f64 * step_s;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{time_s:.4},{:.6},{:.6},{:.8},{:.6},{:.6},{:.8}",
            state.x, state.y, state.heading_rad, state.speed_mps, state.acceleration_mps2, state.curvature_1pm
        );
    }
    text
}

/// The scenarios in a folder, by name.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(|| format!("{}: cannot list", path.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "xml") {
            files.push(path);
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "{}: no scenario (a file such as DEU_Lohmar-9_1_T-1.xml)", path.display());
    Ok(files)
}
