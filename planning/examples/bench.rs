#[path = "../tests/world/mod.rs"]
#[allow(dead_code)]
mod world;
use maps::ReferenceLine;
use planning::*;
use types::*;
use world::*;
fn main() {
    let pts: Vec<[f64; 2]> = (0..300)
        .map(|i| {
            let s = i as f64 * 2.0;
            [s, 15.0 * (s / 60.0).sin()]
        })
        .collect();
    let route = ReferenceLine::new(&pts).unwrap();
    for n in [0usize, 10, 30, 100] {
        let mut actors = Vec::new();
        for i in 0..n {
            let s = 25.0 + 4.0 * i as f64;
            let p = route.at(s);
            let side = if i % 2 == 0 { 3.6 } else { -3.4 };
            let d = if i == 5 { 0.0 } else { side };
            actors.push(Actor {
                place: Pose2 { x: p.x - d * p.heading_rad.sin(), y: p.y + d * p.heading_rad.cos(), yaw: p.heading_rad },
                ..Actor::car(0.0, 0.0, if i % 3 == 0 { 0.0 } else { 6.0 })
            });
        }
        let mut planner = Planner::new(Config::default(), Vehicle::default());
        let p = route.at(5.0);
        let mut state = ego(p.x, p.y, p.heading_rad, 10.0);
        let mut times = Vec::new();
        let mut count = 0;
        let mut free = 0;
        let mut last = String::new();
        for i in 0..60 {
            let t = tracks(&actors, i as f64 * 0.1);
            state.stamp = t.stamp;
            let start = std::time::Instant::now();
            let plan =
                planner.step(&PlanInput { frame: i, stamp: t.stamp, ego: &state, tracks: &t, route: Some(&route) });
            times.push(start.elapsed().as_secs_f64() * 1e3);
            count = plan.candidates.len().max(count);
            free = plan.candidates.iter().filter(|c| matches!(c.verdict, Verdict::Free | Verdict::Chosen)).count();
            last = plan.decision.reason.clone();
            let q = plan.trajectory.at(0.1).unwrap();
            state = EgoState {
                acceleration_mps2: q.acceleration_mps2,
                yaw_rate_radps: q.curvature_1pm * q.speed_mps,
                ..ego(q.x, q.y, q.heading_rad, q.speed_mps)
            };
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{n} objects: {count} candidates ({free} free at the end) p50 {:.2} p90 {:.2} max {:.2} ms; {last}",
            times[30], times[54], times[59]
        );
    }
}
