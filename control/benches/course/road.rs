//! Roads that a plan follows: each is a curvature over the way and an acceleration over the time.

use types::{Plan, Stamp, Trajectory, TrajectoryPoint, wrap_angle};

/// A road and how it is driven.
pub struct Road {
    /// What it is called.
    pub name: &'static str,
    /// The planned motion, a point every 0.1 s.
    pub whole: Trajectory,
    /// How long it is driven, s.
    pub seconds: f64,
}

/// Three double lane changes of 3.5 m, at 15 m/s. Each change takes 54 m: 1.6 m/s2 and 4.5 m/s3 at most.
pub fn lane_changes() -> Road {
    let curvature = |s: f64| {
        let (places, length, width) = ([40.0, 120.0, 240.0, 320.0, 440.0, 520.0], 54.0, 3.5);
        let change = |(i, start): (usize, &f64)| {
            let u = ((s - start) / length).clamp(0.0, 1.0);
            let bend = 60.0 * u - 180.0 * u * u + 120.0 * u.powi(3);
            if i % 2 == 0 { bend } else { -bend }
        };
        width / (length * length) * places.iter().enumerate().map(change).sum::<f64>()
    };
    Road { name: "double lane change, 15 m/s", whole: drive(15.0, curvature, |_| 0.0, 50.0), seconds: 42.0 }
}

/// A turn by half a circle of 8 m at 4.5 m/s, with braking before and acceleration after it.
pub fn hairpin() -> Road {
    let arc = (std::f64::consts::PI - 1.0) * 8.0;
    let curvature = move |s: f64| ramp(s, 32.0, 16.0 + arc, 8.0) / 8.0;
    let acceleration = |t: f64| 1.2 * pulse(t, 13.2, 3.42) - 1.5 * pulse(t, 1.0, 2.83);
    Road { name: "hairpin, 8 m", whole: drive(8.0, curvature, acceleration, 26.0), seconds: 19.0 }
}

/// From 12 m/s to rest at a line.
pub fn stop() -> Road {
    let acceleration = |t: f64| -2.5 * pulse(t, 2.0, 5.3);
    Road { name: "stop at a line", whole: drive(12.0, |_| 0.0, acceleration, 20.0), seconds: 12.0 }
}

/// 1 from a begin on for a length, with ramps of half a unit inside.
fn pulse(t: f64, begin: f64, length: f64) -> f64 {
    ramp(t, begin, length, 0.5)
}

fn ramp(x: f64, begin: f64, length: f64, edge: f64) -> f64 {
    let end = begin + length;
    ((x - begin) / edge).clamp(0.0, 1.0).min(((end - x) / edge).clamp(0.0, 1.0))
}

/// The motion with this curvature over the way and this acceleration over the time.
fn drive(speed: f64, curvature: impl Fn(f64) -> f64, acceleration: impl Fn(f64) -> f64, seconds: f64) -> Trajectory {
    let (mut x, mut y, mut yaw, mut v, mut s) = (0.0f64, 0.0f64, 0.0f64, speed, 0.0);
    let mut points = Vec::new();
    for i in 0..=(seconds * 1000.0) as usize {
        let t = i as f64 * 0.001;
        if i % 100 == 0 {
            points.push(TrajectoryPoint {
                time_s: t,
                x,
                y,
                heading_rad: wrap_angle(yaw),
                curvature_1pm: curvature(s),
                speed_mps: v,
                acceleration_mps2: if v > 0.0 { acceleration(t) } else { 0.0 },
            });
        }
        v = (v + acceleration(t + 0.0005) * 0.001).max(0.0);
        let middle = yaw + 0.5 * v * curvature(s) * 0.001;
        (x, y) = (x + v * middle.cos() * 0.001, y + v * middle.sin() * 0.001);
        yaw += v * curvature(s) * 0.001;
        s += v * 0.001;
    }
    Trajectory { tail_start: points.len() - 1, points }
}

/// The next six seconds as a plan that is made at a time.
pub fn plan_at(whole: &Trajectory, frame: u64, time_s: f64, stamp: Stamp) -> Plan {
    let wanted = |p: &&TrajectoryPoint| (time_s - 1e-9..time_s + 6.0).contains(&p.time_s);
    let mut points: Vec<TrajectoryPoint> = whole.points.iter().filter(wanted).copied().collect();
    points.iter_mut().for_each(|point| point.time_s -= time_s);
    Plan {
        frame,
        stamp,
        trajectory: Trajectory { tail_start: points.len().saturating_sub(1), points },
        ..Plan::default()
    }
}
