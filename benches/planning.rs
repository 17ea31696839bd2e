//! What a planning cycle costs on one core: by candidates, and by objects around. `cargo bench --bench planning`.
//!
//! Processor time of whole cycles: prediction, rules, lattice, checks, choice and report. Each is the median of many repeats of the same
//! cycle by a planner that has its buffers already.
#![allow(clippy::expect_used)] // a bench may panic

use chauffeur::runtime::clock::CpuWatch;
use maps::ReferenceLine;
use nalgebra::{Isometry3, Vector3};
use planning::way::Station;
use planning::{Config, Line, PlanInput, Planner, Task, Way};
use types::{Box3, EgoState, ObjectClass, PoseSource, Stamp, Track, Tracks, Vehicle};

const REPEATS: usize = 200;
const LANE_M: f64 = 3.5;
const SPEED_MPS: f64 = 12.0;

fn main() {
    println!("candidates, 20 cars around:");
    println!("{:>10} {:>10} {:>10} {:>16}", "lines", "candidates", "ms", "candidates/s");
    for lines in [1, 2, 4, 8, 12] {
        let (candidates, ms) = cycle(lines, &traffic(20, 25.0));
        println!("{lines:>10} {candidates:>10} {ms:>10.3} {:>16.0}", 1e3 * candidates as f64 / ms);
    }
    println!("\ncandidates behind a wall, where none is free and none can be left out:");
    println!("{:>10} {:>10} {:>10} {:>16}", "lines", "candidates", "ms", "candidates/s");
    for lines in [1, 2, 4, 8, 12] {
        let (candidates, ms) = cycle(lines, &wall());
        println!("{lines:>10} {candidates:>10} {ms:>10.3} {:>16.0}", 1e3 * candidates as f64 / ms);
    }
    println!("\nobjects around, all moving:");
    println!("{:>10} {:>10} {:>10} {:>16}", "objects", "candidates", "ms", "us per object");
    let (_, alone) = cycle(1, &traffic(0, 25.0));
    for count in [10, 100, 1000] {
        let (candidates, ms) = cycle(1, &traffic(count, 14.0));
        println!("{count:>10} {candidates:>10} {ms:>10.3} {:>16.2}", 1e3 * (ms - alone) / count as f64);
    }
}

/// How many candidates a cycle looks at, and what it costs, ms.
fn cycle(lines: usize, objects: &[Track]) -> (usize, f64) {
    let ways: Vec<Way> = (0..lines).map(way).collect();
    let lines: Vec<Line<'_>> =
        ways.iter().map(|way| Line { way, detour_m: 0.0, leave_by_m: None, goals: &[], until_s: None }).collect();
    let task = Task { lines: &lines, futures: None, lanes: None };
    let ego = EgoState {
        stamp: Stamp::default(),
        odom_from_base: Isometry3::new(Vector3::new(200.0, 0.0, 0.0), Vector3::zeros()),
        speed_mps: SPEED_MPS,
        acceleration_mps2: 0.0,
        yaw_rate_radps: 0.0,
        source: PoseSource::Ins,
    };
    let tracks = Tracks { frame: 0, stamp: Stamp::default(), objects: objects.to_vec() };
    let input = PlanInput { frame: 0, stamp: tracks.stamp, ego: &ego, tracks: &tracks, route: None, signals: None };
    let mut planner = Planner::new(Config::default(), Vehicle::default());
    planner.step_for(&input, &task);
    let (mut times, mut looked_at) = (Vec::with_capacity(REPEATS), 0);
    for _ in 0..REPEATS {
        let mut again = planner.clone();
        let watch = CpuWatch::start();
        let plan = std::hint::black_box(again.step_for(&input, &task));
        times.push(1e3 * watch.elapsed().as_secs_f64());
        assert!(!plan.trajectory.points.is_empty());
        looked_at = again.looked_at();
    }
    times.sort_by(f64::total_cmp);
    (looked_at, times[REPEATS / 2])
}

/// One of several lines beside each other, each with slow bends.
fn way(index: usize) -> Way {
    let aside = 0.6 * index.div_ceil(2) as f64 * if index.is_multiple_of(2) { 1.0 } else { -1.0 };
    let points: Vec<[f64; 2]> =
        (0..120).map(|i| 5.0 * f64::from(i)).map(|x| [x, aside + 4.0 * (1.0 - (x / 60.0).cos()) - 8.0]).collect();
    let line = ReferenceLine::new(&points).expect("a good line");
    Way::along(line, Station { left_m: 5.0, right_m: 5.0, limit_mps: 15.0 })
}

/// Cars on lanes to both sides, nearest first, `spacing_m` behind each other, as fast as the ego.
fn traffic(count: usize, spacing_m: f64) -> Vec<Track> {
    let car = |index: usize| {
        let (row, column) = (index / 20, index % 20);
        let side = if row % 2 == 0 { 1.0 } else { -1.0 };
        let y = side * LANE_M * (1.3 + (row / 2) as f64);
        track(index as u64, [200.0 + spacing_m * (column as f64 - 7.0), y], SPEED_MPS)
    };
    (0..count).map(car).collect()
}

/// Trucks that stand across the road ahead, nearer than any braking.
fn wall() -> Vec<Track> {
    (0..6).map(|index| track(index as u64, [210.0, 2.4 * (index as f64 - 2.5)], 0.0)).collect()
}

fn track(id: u64, [x, y]: [f64; 2], speed_mps: f64) -> Track {
    let mut covariance = [[0.0; 4]; 4];
    for (i, row) in covariance.iter_mut().enumerate() {
        row[i] = 0.04;
    }
    Track {
        id,
        class: ObjectClass::Car,
        existence: 0.95,
        bbox: Box3 { center: [x, y, 0.8], length: 4.4, width: 1.8, height: 1.5, yaw: 0.0 },
        velocity_mps: [speed_mps, 0.0],
        yaw_rate_radps: 0.0,
        covariance,
        heading_covariance: [[0.0; 2]; 2],
        hits: 10,
        misses: 0,
    }
}
