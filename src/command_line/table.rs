//! Tables for a person.

use crate::runtime::Outcome;
use crate::runtime::statistics::Row;

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
    for (stage, (count, reason)) in &tally.skipped {
        println!("  {stage} skipped {count}: {reason}");
    }
}

/// The most memory this process has had so far, where the system tells (Linux).
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1.024e-3)
}
