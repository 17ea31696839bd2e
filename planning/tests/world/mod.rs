//! A small world for the planner's tests: objects that move as told, an ego that follows its plan exactly.

pub mod street;

use nalgebra::{Isometry3, Vector3};
use planning::{Config, PlanInput, Planner, Way};
use types::{
    Box3, DecisionKind, EgoState, ObjectClass, Plan, Pose2, PoseSource, Stamp, Track, Tracks, TrajectoryPoint, Vehicle,
};

/// An object with constant velocity.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    pub class: ObjectClass,
    pub size: [f64; 2],
    pub place: Pose2,
    pub speed_mps: f64,
    /// It brakes with 5 m/s2 from this time on, s.
    pub stops_at_s: f64,
}

impl Actor {
    pub fn car(x: f64, y: f64, speed_mps: f64) -> Self {
        let place = Pose2 { x, y, yaw: 0.0 };
        Self { class: ObjectClass::Car, size: [4.5, 1.8], place, speed_mps, stops_at_s: f64::INFINITY }
    }

    pub fn pedestrian(x: f64, y: f64, yaw: f64, speed_mps: f64) -> Self {
        let place = Pose2 { x, y, yaw };
        Self { class: ObjectClass::Pedestrian, size: [0.6, 0.6], place, speed_mps, stops_at_s: f64::INFINITY }
    }

    pub fn track(&self, id: u64, time_s: f64) -> Track {
        let braked = (time_s - self.stops_at_s).clamp(0.0, self.speed_mps / 5.0);
        let travelled = self.speed_mps * (time_s.min(self.stops_at_s) + braked) - 2.5 * braked * braked;
        let [x, y] = self.place.transform(travelled, 0.0);
        let speed = self.speed_mps - 5.0 * braked;
        let mut covariance = [[0.0; 4]; 4];
        for (i, row) in covariance.iter_mut().enumerate() {
            row[i] = if i < 2 { 0.04 } else { 0.09 };
        }
        Track {
            id,
            class: self.class,
            existence: 0.95,
            bbox: Box3 {
                center: [x, y, 0.8],
                length: self.size[0],
                width: self.size[1],
                height: 1.6,
                yaw: self.place.yaw,
            },
            velocity_mps: [speed * self.place.yaw.cos(), speed * self.place.yaw.sin()],
            yaw_rate_radps: 0.0,
            covariance,
            heading_covariance: [[0.0; 2]; 2],
            hits: 10,
            misses: 0,
        }
    }
}

/// A lane 3.5 m wide along a line.
pub fn way(line: maps::ReferenceLine) -> Way {
    Way::along(line, planning::way::Station { left_m: 1.75, right_m: 1.75, limit_mps: 13.9 })
}

pub fn ego(x: f64, y: f64, yaw: f64, speed_mps: f64) -> EgoState {
    EgoState {
        stamp: Stamp::from_nanos(0),
        odom_from_base: Isometry3::new(Vector3::new(x, y, 0.0), Vector3::z() * yaw),
        speed_mps,
        acceleration_mps2: 0.0,
        yaw_rate_radps: 0.0,
        source: PoseSource::Ins,
    }
}

pub fn tracks(actors: &[Actor], time_s: f64) -> Tracks {
    let objects = actors.iter().enumerate().map(|(i, actor)| actor.track(i as u64 + 1, time_s)).collect();
    Tracks { frame: 0, stamp: Stamp::from_nanos(0).offset(time_s), objects }
}

/// One cycle of a drive.
#[derive(Clone, Debug)]
pub struct Cycle {
    pub time_s: f64,
    pub ego: EgoState,
    pub plan: Plan,
}

pub struct Drive {
    pub cycles: Vec<Cycle>,
    pub hits: usize,
    pub least_gap_m: f64,
}

impl Drive {
    /// The drive in words, for a failing test.
    pub fn story(&self) -> String {
        let line = |c: &Cycle| {
            let (p, d) = (c.ego.pose(), &c.plan.decision);
            format!(
                "{:4.1} s  x {:6.2} y {:5.2} v {:5.2} a {:5.2}  {:?} {}\n",
                c.time_s, p.x, p.y, c.ego.speed_mps, c.ego.acceleration_mps2, d.kind, d.reason
            )
        };
        self.cycles.iter().map(line).collect()
    }

    pub fn last(&self) -> &Cycle {
        &self.cycles[self.cycles.len() - 1]
    }

    /// How often the kind of decision changed.
    pub fn flips(&self) -> usize {
        self.cycles.windows(2).filter(|c| c[0].plan.decision.kind != c[1].plan.decision.kind).count()
    }

    pub fn count(&self, kind: DecisionKind) -> usize {
        self.cycles.iter().filter(|c| c.plan.decision.kind == kind).count()
    }
}

/// Drives for a time at 10 Hz; the ego is where its last plan said.
pub fn drive(config: Config, route: Option<&Way>, state: EgoState, actors: &[Actor], seconds: f64) -> Drive {
    drive_noisy(config, route, state, actors, seconds, 0.0)
}

/// A repeatable number in -1..1.
fn noise(seed: u64) -> f64 {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x1234_5678);
    x ^= x >> 29;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 32;
    (x % 20_001) as f64 / 10_000.0 - 1.0
}

/// As [`drive`], with tracks that are off by up to `level` times 0.3 m and 0.6 m/s.
pub fn drive_noisy(
    config: Config,
    route: Option<&Way>,
    mut state: EgoState,
    actors: &[Actor],
    seconds: f64,
    level: f64,
) -> Drive {
    let vehicle = Vehicle::default();
    let mut planner = Planner::new(config, vehicle);
    let mut out = Drive { cycles: Vec::new(), hits: 0, least_gap_m: f64::INFINITY };
    for i in 0..(seconds * 10.0) as u64 {
        let time_s = i as f64 * 0.1;
        let tracks = tracks(actors, time_s);
        state.stamp = tracks.stamp;
        let mut seen = tracks.clone();
        for (k, track) in seen.objects.iter_mut().enumerate() {
            let n = |j: u64| level * noise(i * 64 + k as u64 * 8 + j);
            track.bbox.center[0] += 0.3 * n(0);
            track.bbox.center[1] += 0.3 * n(1);
            track.bbox.yaw += 0.1 * n(2);
            track.velocity_mps[0] += 0.6 * n(3);
            track.velocity_mps[1] += 0.6 * n(4);
        }
        let plan = planner.step(&PlanInput {
            frame: i,
            stamp: tracks.stamp,
            ego: &state,
            tracks: &seen,
            route,
            signals: None,
        });
        check_plan(&plan, &vehicle);
        let body = vehicle.footprint(&state.pose());
        out.hits += tracks.objects.iter().filter(|t| t.bbox.overlaps_bev(&body)).count();
        for t in &tracks.objects {
            let center = body.center;
            let gap = (t.bbox.center[0] - center[0]).hypot(t.bbox.center[1] - center[1]);
            out.least_gap_m = out.least_gap_m.min(gap - 0.5 * (t.bbox.length + vehicle.length_m));
        }
        let next = plan.trajectory.at(0.1).unwrap();
        out.cycles.push(Cycle { time_s, ego: state, plan });
        state = follow(&next);
    }
    out
}

pub fn follow(point: &TrajectoryPoint) -> EgoState {
    EgoState {
        acceleration_mps2: point.acceleration_mps2,
        yaw_rate_radps: point.curvature_1pm * point.speed_mps,
        ..ego(point.x, point.y, point.heading_rad, point.speed_mps)
    }
}

/// The promises of every plan.
pub fn check_plan(plan: &Plan, vehicle: &Vehicle) {
    let points = &plan.trajectory.points;
    assert!(!points.is_empty(), "a plan is never empty");
    for p in points {
        let numbers = [p.time_s, p.x, p.y, p.heading_rad, p.curvature_1pm, p.speed_mps, p.acceleration_mps2];
        assert!(numbers.iter().all(|v| v.is_finite()), "{p:?}");
        assert!(p.speed_mps >= 0.0, "{p:?}");
    }
    assert_eq!(points[0].time_s, 0.0);
    assert!(points.windows(2).all(|p| p[0].time_s < p[1].time_s), "times rise");
    assert_eq!(points[points.len() - 1].speed_mps, 0.0, "ends at standstill");
    assert!(plan.trajectory.tail_start < points.len());
    let limits = &vehicle.limits;
    let strongest = if plan.decision.kind == DecisionKind::EmergencyStop {
        limits.emergency_deceleration_mps2
    } else {
        limits.deceleration_mps2
    };
    for pair in points[plan.trajectory.tail_start..].windows(2) {
        assert!(pair[1].acceleration_mps2 >= -strongest - 0.21, "{:?}", pair[1]);
        // Motion and speed agree.
        let step = (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y);
        let mean = 0.5 * (pair[0].speed_mps + pair[1].speed_mps) * (pair[1].time_s - pair[0].time_s);
        // Faster than the vehicle can be, and turning as no tyre can hold: the state itself does not agree with any motion.
        if pair[0].speed_mps > limits.speed_mps {
            continue;
        }
        let slack = if pair[0].curvature_1pm.abs().max(pair[1].curvature_1pm.abs()) * mean < 0.1 { 0.05 } else { 0.3 };
        assert!((step - mean).abs() < 0.05 + slack * mean, "{step} {mean} {pair:?}");
    }
    assert!(!plan.decision.reason.is_empty());
    assert!(plan.candidates.iter().all(|c| c.cost.is_finite() && c.path.iter().flatten().all(|v| v.is_finite())));
    assert!(plan.predictions.iter().all(|p| p.poses.iter().flatten().all(|v| v.is_finite())));
}
