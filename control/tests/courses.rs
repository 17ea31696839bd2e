//! What `cargo bench -p control` says of the controllers, held as claims. Protects: the predicting controller earns its place.
#![allow(clippy::unwrap_used)] // a test may panic

#[path = "../benches/course/mod.rs"]
mod course;

use course::driver::Who;
use course::{ODDITIES, Oddity, Result, percentile, road, run};

/// Each contestant on a road in a car, with three noises.
fn all(road: &road::Road, oddity: &Oddity) -> Vec<(Who, Vec<Result>)> {
    Who::ALL.iter().map(|who| (*who, (1..4).map(|seed| run(*who, road, oddity, seed)).collect())).collect()
}

fn mean(results: &[Result], of: fn(&Result) -> f64) -> f64 {
    results.iter().map(of).sum::<f64>() / results.len() as f64
}

fn most(results: &[Result], of: fn(&Result) -> f64) -> f64 {
    results.iter().map(of).fold(0.0, f64::max)
}

/// The predicting controller and the others on a road in a car.
fn split(road: &road::Road, oddity: &Oddity) -> (Vec<Result>, Vec<(Who, Vec<Result>)>) {
    let mut all = all(road, oddity);
    let (who, ours) = all.remove(0);
    assert_eq!(who, Who::Predictive);
    assert!(ours.iter().all(|result| result.fallbacks.is_empty()), "{}: the solver always converges", road.name);
    (ours, all)
}

#[test]
fn in_every_car_it_stays_nearer_to_the_path_of_a_double_lane_change_than_any_other() {
    for oddity in &ODDITIES {
        let (ours, others) = split(&road::lane_changes(), oddity);
        let (rms, worst) = (mean(&ours, |r| r.lateral_m[0]), most(&ours, |r| r.lateral_m[1]));
        assert!(rms < 0.1 && worst < 0.35, "{}: {rms} {worst}", oddity.name);
        for (who, results) in &others {
            let other = (mean(results, |r| r.lateral_m[0]), most(results, |r| r.lateral_m[1]));
            assert!(rms < 0.7 * other.0 && worst < 0.8 * other.1, "{} {}: {other:?}", oddity.name, who.name());
        }
        // Who follows the path feels its jerk; pure pursuit feels less of it since it cuts the curves.
        let jerk = |results: &[Result]| mean(results, |r| r.lateral_jerk_mps3);
        let stanley = others.iter().find(|(who, _)| *who == Who::Stanley).unwrap();
        assert!(jerk(&ours) < jerk(&stanley.1), "{}", oddity.name);
    }
}

#[test]
fn it_takes_a_hairpin_nearer_to_the_path_and_more_gently() {
    let (ours, others) = split(&road::hairpin(), &ODDITIES[0]);
    for (who, results) in &others {
        for of in [|r: &Result| r.lateral_m[0], |r: &Result| r.jerk_mps3] {
            assert!(mean(&ours, of) < 0.9 * mean(results, of), "{}", who.name());
        }
        assert!(most(&ours, |r| r.lateral_m[1]) < 0.9 * most(results, |r| r.lateral_m[1]), "{}", who.name());
    }
}

#[test]
fn it_stops_at_a_line_within_two_tenths_of_a_metre_and_more_gently() {
    let (ours, others) = split(&road::stop(), &ODDITIES[0]);
    assert!(most(&ours, |r| r.beyond_m.abs()) < 0.2);
    for (who, results) in &others {
        assert!(most(&ours, |r| r.beyond_m.abs()) < most(results, |r| r.beyond_m.abs()), "{}", who.name());
        assert!(mean(&ours, |r| r.jerk_mps3) < mean(results, |r| r.jerk_mps3), "{}", who.name());
    }
}

#[test]
fn it_solves_within_two_milliseconds_and_gives_the_same_bits_again() {
    let road = road::lane_changes();
    let (first, again) = (run(Who::Predictive, &road, &ODDITIES[1], 9), run(Who::Predictive, &road, &ODDITIES[1], 9));
    assert_eq!((first.lateral_m, first.speed_mps), (again.lateral_m, again.speed_mps));
    let solves: Vec<f64> = first.times_ms.iter().copied().filter(|ms| *ms > 0.05).collect();
    let p99 = percentile(&solves, 0.99);
    assert!(solves.len() > 500 && p99 < 2.0, "{} solves, {p99} ms", solves.len());
}
