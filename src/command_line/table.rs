//! Tables for a person.

use crate::runtime::Outcome;
use crate::runtime::following::{Following, Sizes};
use crate::runtime::log::Tally;
use crate::runtime::statistics::{Row, peak_memory_mb};
use crate::simulation::judge::Report;

/// The latency table: parts in the order of the corridor, each with its share of the whole.
pub fn print_latency(rows: &[Row]) {
    let Some(total) = rows.last().filter(|row| row.frames > 0) else { return };
    println!(
        "{:<16}{:>8}{:>10}{:>10}{:>10}{:>10}{:>12}{:>8}",
        "part", "frames", "p50 ms", "p90 ms", "p99 ms", "max ms", "sum ms", "share"
    );
    for row in rows {
        let share = 100.0 * row.sum_ns as f64 / total.sum_ns.max(1) as f64;
        let sum = row.sum_ns as f64 * 1e-6;
        println!(
            "{:<16}{:>8}{:>10.3}{:>10.3}{:>10.3}{:>10.3}{:>12.3}{:>7.1}%",
            row.part, row.frames, row.p50_ms, row.p90_ms, row.p99_ms, row.max_ms, sum, share
        );
    }
}

/// A table of times with four quantiles each.
pub fn print_times(rows: impl Iterator<Item = (String, [f64; 4])>) {
    println!("{:<40}{:>10}{:>10}{:>10}{:>10}", "", "p50 ms", "p90 ms", "p99 ms", "max ms");
    for (name, [p50, p90, p99, max]) in rows {
        println!("{name:<40}{p50:>10.4}{p90:>10.4}{p99:>10.4}{max:>10.4}");
    }
}

/// What a run did: frames, objects, drops, speed.
pub fn print_outcome(outcome: &Outcome) {
    let tally = &outcome.tally;
    let seconds = outcome.elapsed.as_secs_f64().max(1e-9);
    let drive_s = tally.span.map_or(0.0, |(first, last)| last.seconds_since(first));
    println!(
        "{} frames of {drive_s:.1} s in {seconds:.2} s: {:.1} frames/s, {:.2} x real time",
        tally.frames,
        tally.frames as f64 / seconds,
        drive_s / seconds
    );
    println!(
        "{} detections, {} track states of {} objects, {} plans, {} commands",
        tally.detections,
        tally.tracks,
        tally.identities.len(),
        tally.plans,
        tally.commands
    );
    let (late, alone) = outcome.late_and_alone;
    let skipped: u64 = tally.skipped.values().map(|(count, _)| count).sum();
    println!(
        "dropped at the door {}, skipped {skipped}, late messages {late}, without partner {alone}, points not finite {}, left out of the log {} + {}",
        tally.dropped, tally.rejected_points, tally.lost.0, tally.lost.1
    );
    if let Some(megabytes) = peak_memory_mb() {
        println!("peak memory {megabytes:.0} MB");
    }
    for (kind, (count, first)) in &tally.findings {
        println!("  {kind} ({count} frames), first: {first}");
    }
    for (stage, (count, reason)) in &tally.skipped {
        println!("  {stage} skipped {count}: {reason}");
    }
}

fn row(name: &str, value: impl std::fmt::Display) {
    println!("{name:<20}{value}");
}

/// What an observer saw of a simulated car.
pub fn print_judgement(report: &Report) {
    let times = |times: &[f64]| match times {
        [] => "never".to_string(),
        [first, ..] => format!("{} times, first at {first:.1} s", times.len()),
    };
    row("way", {
        let goal = report.goal_s.map_or("goal not reached".to_string(), |at| format!("goal reached at {at:.1} s"));
        let (way, whole) = (report.travelled_m, report.route_m);
        format!("{way:.0} m of a route of {whole:.0} m in {:.1} s, {goal}", report.duration_s)
    });
    row("collisions", {
        let one = |collision: &crate::simulation::judge::Collision| {
            let whose = if collision.own_fault { "own fault" } else { "not at fault" };
            format!("with {} at {:.1} s ({whose})", collision.with, collision.time_s)
        };
        let all: Vec<String> = report.collisions.iter().map(one).collect();
        if all.is_empty() { "none".to_string() } else { all.join(", ") }
    });
    row("time to collision", {
        report
            .time_to_collision_s
            .map_or("nobody met within 6 s".to_string(), |seconds| format!("{seconds:.2} s at least"))
    });
    row("off the road", times(&report.off_road_s));
    row("red lights run", times(&report.red_lights_s));
    row("stops missed", times(&report.stops_missed_s));
    row(
        "speeding",
        match report.speeding.as_slice() {
            [] => "never".to_string(),
            [(at, speed, limit), ..] => {
                format!("{} times, first at {at:.1} s: {speed:.1} of {limit:.1} m/s", report.speeding.len())
            }
        },
    );
    for (name, unit, extent) in [
        ("acceleration", "m/s2", &report.acceleration),
        ("lateral", "m/s2", &report.lateral),
        ("jerk", "m/s3", &report.jerk),
        ("lateral jerk", "m/s3", &report.lateral_jerk),
    ] {
        row(name, format!("{:.2} {unit} at most, {:.2} rms", extent.most, extent.rms()));
    }
}

/// What became of a simulated car, and how its stack saw it.
pub fn print_report(report: &Report, tally: &Tally) {
    print_judgement(report);
    let recall = &tally.recall;
    row("beside the plan", {
        let error = |sizes: &Sizes, unit: &str| {
            let p95 = sizes.quantile(0.95);
            p95.map_or("-".to_string(), |p95| format!("{p95:.3} {unit}"))
        };
        let Following { lateral, speed, .. } = &tally.following;
        format!("95 % within {}, and within {} of its speed", error(lateral, "m"), error(speed, "m/s"))
    });
    if !tally.fallbacks.is_empty() {
        let of: Vec<String> = tally.fallbacks.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        row("simple controller", format!("made commands: {}", of.join(", ")));
    }
    let classes: Vec<String> = recall
        .by_class()
        .iter()
        .map(|(class, (asked, found))| format!("{class} {:.1} % of {asked}", 100.0 * *found as f64 / *asked as f64))
        .collect();
    row("detected", if classes.is_empty() { "-".to_string() } else { classes.join(", ") });
}

/// Processor time of all threads of this process so far, s, where the system tells (Linux, in hundredths).
pub fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    Some(0.01 * (ticks.next()?.ok()? + ticks.next()?.ok()?))
}
