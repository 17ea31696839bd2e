#[path = "../tests/world/mod.rs"]
#[allow(dead_code)]
mod world;
use maps::ReferenceLine;
use planning::*;
use std::fmt::Write;
use types::*;
use world::*;
fn shot(name: &str, route: Option<&ReferenceLine>, e: EgoState, actors: &[Actor], at: f64) {
    let d = drive(Config::default(), route, e, actors, at + 0.2);
    let c = d.last();
    let mut s = String::new();
    let p = c.ego.pose();
    writeln!(s, "title {} {}", c.plan.decision.kind.name(), c.plan.decision.reason).unwrap();
    writeln!(s, "ego {} {} {}", p.x, p.y, p.yaw).unwrap();
    for (i, a) in actors.iter().enumerate() {
        let t = a.track(i as u64, c.time_s);
        writeln!(s, "box {} {} {} {} {}", t.bbox.center[0], t.bbox.center[1], t.bbox.yaw, t.bbox.length, t.bbox.width)
            .unwrap();
    }
    for k in &c.plan.candidates {
        write!(s, "cand {}", k.verdict.name().replace(' ', "_")).unwrap();
        for q in k.path {
            write!(s, " {} {}", q[0], q[1]).unwrap();
        }
        writeln!(s).unwrap();
    }
    for k in &c.plan.predictions {
        write!(s, "pred").unwrap();
        for q in &k.poses {
            write!(s, " {} {}", q[0], q[1]).unwrap();
        }
        writeln!(s).unwrap();
    }
    for (i, q) in c.plan.trajectory.points.iter().enumerate() {
        writeln!(
            s,
            "point {} {} {} {} {} {} {} {}",
            q.time_s,
            q.x,
            q.y,
            q.heading_rad,
            q.curvature_1pm,
            q.speed_mps,
            q.acceleration_mps2,
            i >= c.plan.trajectory.tail_start
        )
        .unwrap();
    }
    if let Some(r) = route {
        for i in 0..400 {
            let q = r.at(i as f64 * 0.5);
            writeln!(s, "line {} {}", q.x, q.y).unwrap();
        }
    }
    std::fs::write(format!("/tmp/dump/{name}.shot"), s).unwrap();
}
fn main() {
    let road = ReferenceLine::straight(&Pose2 { x: -20.0, y: 0.0, yaw: 0.0 }, 600.0);
    shot(
        "pass",
        Some(&road),
        ego(0.0, 0.0, 0.0, 10.0),
        &[
            Actor::car(40.0, -2.1, 0.0),
            Actor { place: Pose2 { x: 70.0, y: 3.4, yaw: 3.14159 }, ..Actor::car(0.0, 0.0, 8.0) },
        ],
        0.5,
    );
    shot("stop", Some(&road), ego(0.0, 0.0, 0.0, 10.0), &[Actor::car(40.0, 0.0, 0.0)], 1.0);
    shot("cross", Some(&road), ego(0.0, 0.0, 0.0, 10.0), &[Actor::pedestrian(35.0, -6.0, 1.57, 1.4)], 0.3);
    let mut points = vec![[-20.0, 0.0], [0.0, 0.0], [15.0, 0.0], [30.0, 0.0]];
    points.extend((1..=16).map(|i| 0.1 * f64::from(i)).map(|a| [30.0 + 25.0 * a.sin(), 25.0 - 25.0 * a.cos()]));
    let [x, y] = points[points.len() - 1];
    points.extend((1..=20).map(|i| [x - 0.0292 * 5.0 * f64::from(i), y + 0.99957 * 5.0 * f64::from(i)]));
    let line = ReferenceLine::new(&points).unwrap();
    let q = line.at(62.0);
    let lead = Actor { place: Pose2 { x: q.x, y: q.y, yaw: q.heading_rad }, ..Actor::car(0.0, 0.0, 5.0) };
    shot("curve_follow", Some(&line), ego(5.0, 0.3, 0.02, 9.0), &[lead], 0.5);
    shot(
        "emergency",
        Some(&line),
        ego(20.0, 0.6, 0.1, 9.0),
        &[Actor { place: Pose2 { x: line.at(56.0).x, y: line.at(56.0).y, yaw: 1.2 }, ..Actor::car(0.0, 0.0, 0.0) }],
        0.0,
    );
    shot(
        "redlight",
        None,
        ego(0.0, 0.0, 0.0, 2.5),
        &[
            Actor { stops_at_s: 2.0, ..Actor::car(10.99, 0.1, 1.8) },
            Actor { size: [9.0, 2.5], ..Actor::car(12.0, -3.4, 0.0) },
        ],
        1.0,
    );
}
