//! `cargo bench -p control`: the predicting controller beside the simple one, pure pursuit and Stanley.
#![allow(missing_docs)]

mod course;

use course::driver::Who;
use course::{ODDITIES, Result, percentile, road, run};

/// Noises and cars per line: the mean of them is told, and the most of the most.
const SEEDS: std::ops::Range<u64> = 1..6;

fn main() {
    println!(
        "{:<28} {:<37} {:<18} {:>9} {:>9} {:>9} {:>9} {:>11} {:>9} {:>8}",
        "course", "car", "controller", "lat rms", "lat max", "v rms", "v max", "lat jerk", "jerk", "stop"
    );
    let mut times = Vec::new();
    let mut fallbacks = 0;
    let all = ODDITIES.iter().map(|oddity| (road::lane_changes(), oddity));
    let courses = all.chain([(road::hairpin(), &ODDITIES[0]), (road::stop(), &ODDITIES[0])]);
    for (road, oddity) in courses {
        for who in Who::ALL {
            let results: Vec<Result> = SEEDS.map(|seed| run(who, &road, oddity, seed)).collect();
            let mean = |of: fn(&Result) -> f64| results.iter().map(of).sum::<f64>() / results.len() as f64;
            let most = |of: fn(&Result) -> f64| {
                results.iter().map(of).fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a })
            };
            println!(
                "{:<28} {:<37} {:<18} {:>7.3} m {:>7.3} m {:>9.3} {:>9.3} {:>6.2} m/s3 {:>9.2} {:>6.2} m",
                road.name,
                oddity.name,
                who.name(),
                mean(|r| r.lateral_m[0]),
                most(|r| r.lateral_m[1]),
                mean(|r| r.speed_mps[0]),
                most(|r| r.speed_mps[1]),
                mean(|r| r.lateral_jerk_mps3),
                mean(|r| r.jerk_mps3),
                if road.name.starts_with("stop") { most(|r| r.beyond_m) } else { 0.0 },
            );
            if who == Who::Predictive {
                times.extend(results.iter().flat_map(|r| r.times_ms.iter().copied()));
                fallbacks += results.iter().map(|r| r.fallbacks.len()).sum::<usize>();
            }
        }
    }
    // Most ticks follow the solution of a tick before them: those that solve are the slowest.
    let solves: Vec<f64> = times.iter().copied().filter(|ms| *ms > 0.05).collect();
    println!(
        "predictive: {} ticks, {} of them solve; processor time of those {:.3} ms p50, {:.3} ms p99, {:.3} ms max; of all ticks {:.3} ms mean; {fallbacks} fallbacks",
        times.len(),
        solves.len(),
        percentile(&solves, 0.5),
        percentile(&solves, 0.99),
        percentile(&solves, 1.0),
        times.iter().sum::<f64>() / times.len().max(1) as f64,
    );
}
