//! A street for closed loops: a route with rules, signals and actors that do as scripted, an ego that follows its plans.

use super::{Cycle, Drive, check_plan, ego, follow};
use nalgebra::Vector3;
use planning::{Config, PlanInput, Planner, Way};
use types::{
    Box3, ObjectClass, Phase, Pose2, Route, RoutePoint, Signals, Stamp, StopKind, StopLine, Track, Tracks, Vehicle,
};

/// Where an actor is at a time: pose of its middle and speed. None while it is not seen.
pub type Script = Box<dyn Fn(f64) -> Option<(Pose2, f64)>>;

/// Somebody on the street.
pub struct Actor {
    pub class: ObjectClass,
    pub size: [f64; 2],
    pub script: Script,
    /// Not there at all: a false detection.
    pub ghost: bool,
}

pub fn actor(class: ObjectClass, size: [f64; 2], script: impl Fn(f64) -> Option<(Pose2, f64)> + 'static) -> Actor {
    Actor { class, size, script: Box::new(script), ghost: false }
}

/// A car that stays.
pub fn parked(x: f64, y: f64) -> Actor {
    actor(ObjectClass::Car, [4.5, 1.8], move |_| Some((Pose2 { x, y, yaw: 0.0 }, 0.0)))
}

/// Somebody who walks or drives straight on from a time.
pub fn crossing(class: ObjectClass, size: [f64; 2], from: Pose2, speed: f64, start_s: f64) -> Actor {
    actor(class, size, move |t| {
        let walked = (t - start_s).max(0.0) * speed;
        let [x, y] = from.transform(walked, 0.0);
        Some((Pose2 { x, y, ..from }, if t >= start_s { speed } else { 0.0 }))
    })
}

/// A car ahead with a speed over time, integrated from the start of the run.
pub fn lead(x: f64, speed: impl Fn(f64) -> f64 + 'static) -> Actor {
    actor(ObjectClass::Car, [4.5, 1.8], move |t| {
        let steps = (t / 0.01).round() as usize;
        let way: f64 = (0..steps).map(|i| 0.01 * speed(0.01 * i as f64)).sum();
        Some((Pose2 { x: x + way, y: 0.0, yaw: 0.0 }, speed(t)))
    })
}

/// A straight street along x.
pub struct Street {
    pub route: Route,
    pub phase: fn(f64) -> Phase,
    pub actors: Vec<Actor>,
}

impl Street {
    /// Of a length, with edges left and right of the line and a speed limit; its end is the goal.
    pub fn new(length_m: f64, edges_m: [f64; 2], limit_mps: f64) -> Self {
        let point = |i: usize| RoutePoint {
            pose: Pose2 { x: 2.0 * i as f64, y: 0.0, yaw: 0.0 },
            left_m: edges_m[0],
            right_m: edges_m[1],
            speed_limit_mps: limit_mps,
        };
        let points = (0..=(length_m / 2.0) as usize).map(point).collect();
        let stops = vec![StopLine { s_m: length_m, area_m: 0.0, kind: StopKind::Goal }];
        Self { route: Route { points, stops }, phase: |_| Phase::Green, actors: Vec::new() }
    }

    pub fn stop(mut self, s_m: f64, area_m: f64, kind: StopKind) -> Self {
        self.route.stops.insert(self.route.stops.len() - 1, StopLine { s_m, area_m, kind });
        self
    }

    pub fn with(mut self, actors: impl IntoIterator<Item = Actor>) -> Self {
        self.actors.extend(actors);
        self
    }

    fn told(&self, time_s: f64, hits: &mut [u32]) -> Vec<(Track, bool)> {
        let mut told = Vec::new();
        for (i, actor) in self.actors.iter().enumerate() {
            let Some((pose, speed)) = (actor.script)(time_s) else {
                hits[i] = 0;
                continue;
            };
            hits[i] += 1;
            let mut covariance = [[0.0; 4]; 4];
            (0..4).for_each(|k| covariance[k][k] = if k < 2 { 0.01 } else { 0.04 });
            let track = Track {
                id: i as u64 + 1,
                class: actor.class,
                existence: 0.9,
                bbox: Box3 {
                    center: [pose.x, pose.y, 0.8],
                    length: actor.size[0],
                    width: actor.size[1],
                    height: 1.6,
                    yaw: pose.yaw,
                },
                velocity_mps: [speed * pose.yaw.cos(), speed * pose.yaw.sin()],
                yaw_rate_radps: 0.0,
                covariance,
                heading_covariance: [[0.0; 2]; 2],
                hits: hits[i],
                misses: 0,
            };
            told.push((track, actor.ghost));
        }
        told
    }

    /// Drives at 10 Hz from a place with a speed.
    pub fn drive(&self, x: f64, speed_mps: f64, seconds: f64) -> Run {
        let vehicle = Vehicle::default();
        let way = Way::new(&self.route).unwrap();
        let mut planner = Planner::new(Config::default(), vehicle);
        let begin = way.line().at(x);
        let mut state = ego(begin.x, begin.y, begin.heading_rad, speed_mps);
        let mut hits = vec![5; self.actors.len()];
        let drive = Drive { cycles: Vec::new(), hits: 0, least_gap_m: f64::INFINITY };
        let mut run =
            Run { drive, off_road_m: f64::NEG_INFINITY, hardest_mps2: 0.0, jerk_mps3: 0.0, fronts: Vec::new() };
        for i in 0..(seconds * 10.0) as u64 {
            let time_s = i as f64 * 0.1;
            let stamp = Stamp::from_nanos(0).offset(time_s);
            state.stamp = stamp;
            let told = self.told(time_s, &mut hits);
            let tracks = Tracks { frame: i, stamp, objects: told.iter().map(|(track, _)| *track).collect() };
            let signals = Signals { seq: i, stamp, phases: vec![(1, (self.phase)(time_s))] };
            let input =
                PlanInput { frame: i, stamp, ego: &state, tracks: &tracks, route: Some(&way), signals: Some(&signals) };
            let plan = planner.step(&input);
            check_plan(&plan, &vehicle);
            run.look(&vehicle, &way, &state, &told);
            let next = plan.trajectory.at(0.1).unwrap();
            let before = state.acceleration_mps2;
            run.drive.cycles.push(Cycle { time_s, ego: state, plan });
            state = follow(&next);
            run.hardest_mps2 = run.hardest_mps2.min(state.acceleration_mps2);
            if state.speed_mps > 0.2 {
                run.jerk_mps3 = run.jerk_mps3.max((state.acceleration_mps2 - before).abs() / 0.1);
            }
        }
        run
    }
}

/// What a drive was like.
pub struct Run {
    pub drive: Drive,
    /// How far the worst corner was over the edge, m.
    pub off_road_m: f64,
    pub hardest_mps2: f64,
    pub jerk_mps3: f64,
    /// Arc length of the bumper and speed in each cycle.
    pub fronts: Vec<(f64, f64)>,
}

impl Run {
    fn look(&mut self, vehicle: &Vehicle, way: &Way, state: &types::EgoState, told: &[(Track, bool)]) {
        let body = vehicle.footprint(&state.pose());
        self.drive.hits += told.iter().filter(|(t, ghost)| !ghost && t.bbox.overlaps_bev(&body)).count();
        for corner in body.corners_bev() {
            let (s, d) = way.line().project(corner);
            let station = way.at(s);
            self.off_road_m = self.off_road_m.max((d - station.left_m).max(-station.right_m - d));
        }
        let front = state.odom_from_base * nalgebra::Point3::from(Vector3::x() * vehicle.front_offset_m());
        self.fronts.push((way.line().project([front.x, front.y]).0, state.speed_mps));
    }

    /// Nothing hit, on the road, and within what a passenger bears.
    pub fn is_safe(&self) {
        assert_eq!(self.drive.hits, 0, "{}", self.drive.story());
        assert!(self.off_road_m < 0.06, "{} {}", self.off_road_m, self.drive.story());
    }

    pub fn is_smooth(&self) {
        self.is_safe();
        assert!(self.hardest_mps2 > -3.6, "{} {}", self.hardest_mps2, self.drive.story());
        assert!(self.jerk_mps3 < 10.5, "{} {}", self.jerk_mps3, self.drive.story());
    }

    /// The bumper's last place.
    pub fn end(&self) -> f64 {
        self.fronts[self.fronts.len() - 1].0
    }

    /// The bumper's place at a time.
    pub fn front_at(&self, time_s: f64) -> (f64, f64) {
        self.fronts[(time_s * 10.0).round() as usize]
    }

    pub fn reaches(&self, s_m: f64) {
        assert!(self.end() > s_m, "{} {s_m} {}", self.end(), self.drive.story());
    }
}
