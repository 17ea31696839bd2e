//! The world of one seed and its clock.

use crate::camera::{self, Camera};
use crate::ego::{EgoInput, EgoMotion};
use crate::ins::{Ins, isometry};
use crate::lidar::{Echo, Lidar, SWEEP_NS};
use crate::scene::Scene;
use crate::street::{STOP_LINE, Street};
use crate::town;
use crate::traffic::{LaneUser, Traffic, drive};
use std::collections::VecDeque;
use thiserror::Error;
use types::{
    Box3, Calibration, CameraFrame, EgoState, ImageFormat, InsFix, LidarSweep, ObjectClass, Pose2, PoseSource, Stamp,
    Vehicle, wrap_angle,
};

/// Stamp of the first instant: 1 January 2026, 00:00 UTC.
const START_NS: i64 = 1_767_225_600_000_000_000;
const STEP_NS: i64 = 10_000_000;
const WANTED_SPEED_MPS: f64 = 11.0;

/// Why a sensor gave nothing.
#[derive(Debug, Error)]
pub enum SimError {
    /// The picture could not be compressed.
    #[error("camera frame {seq} could not be compressed: {cause}")]
    Compression {
        /// Its counter.
        seq: u64,
        /// What the encoder said.
        cause: String,
    },
}

/// What is really there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Counter of the world: the same object keeps it.
    pub id: u64,
    /// What it is.
    pub class: ObjectClass,
    /// Box in `odom`, m.
    pub bbox: Box3,
    /// Velocity in `odom`, m/s.
    pub velocity_mps: [f64; 2],
}

/// All that moves, at one instant.
#[derive(Clone, Debug)]
struct Snapshot {
    time_ns: i64,
    ego: EgoMotion,
    actors: Vec<(Pose2, [f64; 2], bool)>,
}

/// A street with traffic, the ego car in it, and its sensors.
///
/// The sensors of one instant share one stamp. A spinning lidar is read when its turn is over, so the world itself runs one
/// turn (0.1 s) ahead of [`World::stamp`]: nothing that a later input of the ego does can change what was already seen.
#[derive(Clone, Debug)]
pub struct World {
    scene: Scene,
    traffic: Traffic,
    ego: EgoMotion,
    vehicle: Vehicle,
    /// Time of the sensors since the start.
    sensed_ns: i64,
    /// From at or before the sensors' time to the newest step, in rising time, never empty.
    history: VecDeque<Snapshot>,
    lidar: Lidar,
    camera: Camera,
    camera_seq: u64,
    ins: Ins,
    echoes: Vec<Echo>,
}

impl World {
    /// The world of a seed at its first instant.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let (traffic, mut objects) = Traffic::build(seed);
        objects.extend(town::build(seed));
        let mut world = Self {
            scene: Scene { objects },
            traffic,
            ego: EgoMotion { pose: Pose2::default(), speed_mps: 10.0, acceleration_mps2: 0.0, curvature: 0.0 },
            vehicle: Vehicle::default(),
            sensed_ns: 0,
            history: VecDeque::new(),
            lidar: Lidar::new(seed),
            camera: Camera::new(seed),
            camera_seq: 0,
            ins: Ins::new(seed),
            echoes: Vec::new(),
        };
        let first = world.snapshot(0);
        world.history.push_back(first);
        world.run_to(SWEEP_NS);
        world
    }

    /// Lets `dt_s` seconds pass. Steps that are not positive or not finite pass no time, and one step passes a minute at most.
    pub fn advance(&mut self, dt_s: f64) {
        if !(dt_s > 0.0) {
            return;
        }
        self.sensed_ns += (dt_s.min(60.0) * 1e9).round() as i64;
        self.run_to(self.sensed_ns + SWEEP_NS);
        while self.history.len() > 1 && self.history[1].time_ns <= self.sensed_ns {
            self.history.pop_front();
        }
    }

    /// The instant that all sensors and the truth refer to.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp::from_nanos(START_NS + self.sensed_ns)
    }

    /// Where the sensors sit.
    #[must_use]
    pub fn calibration(&self) -> Calibration {
        let base_from_lidar = self.lidar.base_from_lidar;
        Calibration { base_from_lidar, camera: Some(self.camera.model(&base_from_lidar)) }
    }

    /// Centre of the ego's lane in `odom`, a pose every 2 m from 20 m behind the start to 300 m ahead.
    #[must_use]
    pub fn route(&self) -> Vec<Pose2> {
        (-10..=150).map(|i| Street::pose(2.0 * f64::from(i), 0.0)).collect()
    }

    /// The true state of the ego.
    #[must_use]
    pub fn ego(&self) -> EgoState {
        let ego = at(&self.history, self.sensed_ns).0;
        EgoState {
            stamp: self.stamp(),
            odom_from_base: isometry(&ego.pose),
            speed_mps: ego.speed_mps,
            acceleration_mps2: ego.acceleration_mps2,
            yaw_rate_radps: ego.yaw_rate_radps(),
            source: PoseSource::Ins,
        }
    }

    /// Every road user but the ego, in rising id.
    #[must_use]
    pub fn truth(&self) -> Vec<Truth> {
        let mut scene = self.scene.clone();
        place(&mut scene, &self.history, self.sensed_ns);
        let velocities = at(&self.history, self.sensed_ns).1;
        let truth = |(index, object): (usize, &crate::scene::Object)| {
            let (pose, [length, width, height]) = (object.pose(), object.body.size);
            let center = [pose.x, pose.y, object.ground_z + 0.5 * height];
            let bbox = Box3 { center, length, width, height, yaw: pose.yaw };
            let velocity_mps = velocities.get(index).map_or([0.0; 2], |actor| actor.1);
            object.class.map(|class| Truth { id: index as u64, class, bbox, velocity_mps })
        };
        scene.objects.iter().enumerate().filter_map(truth).collect()
    }

    /// The GPS/INS unit's output of this instant.
    pub fn ins_fix(&mut self) -> InsFix {
        let ego = at(&self.history, self.sensed_ns).0;
        self.ins.measure(self.stamp(), &ego)
    }

    /// The sweep that begins at this instant. Points carry their time, ns after the stamp, and are not corrected for motion.
    pub fn lidar_sweep(&mut self) -> LidarSweep {
        let mut echoes = std::mem::take(&mut self.echoes);
        self.scan(&mut echoes);
        let sweep = self.lidar.sweep(self.stamp(), &echoes);
        self.echoes = echoes;
        sweep
    }

    fn scan(&mut self, echoes: &mut Vec<Echo>) {
        let (history, start) = (&self.history, self.sensed_ns);
        self.lidar.scan(&mut self.scene, |scene, time_ns| place(scene, history, start + time_ns), echoes);
    }

    /// The picture of this instant.
    ///
    /// # Errors
    /// Fails if the encoder fails.
    pub fn camera_frame(&mut self) -> Result<CameraFrame, SimError> {
        let base = place(&mut self.scene, &self.history, self.sensed_ns);
        let image = self.camera.render(&self.scene, &base);
        let seq = self.camera_seq;
        let compressed = camera::compress(&image);
        let data = compressed.map_err(|cause| SimError::Compression { seq, cause: cause.to_string() })?;
        self.camera_seq += 1;
        Ok(CameraFrame { seq, stamp: self.stamp(), format: ImageFormat::Jpeg, data })
    }

    /// The scripted driver: follows the lane, keeps its distance, stops for the crossing.
    fn script(&self) -> EgoInput {
        let line = self.traffic.crossing_in_use().then_some(STOP_LINE);
        let acceleration_mps2 = drive(self.ego_in_lane(), WANTED_SPEED_MPS, &self.traffic.lane_users(1.0), line);
        EgoInput { acceleration_mps2, curvature: self.ego.curvature_to_lane() }
    }

    fn ego_in_lane(&self) -> LaneUser {
        let (s, _) = Street::locate(self.ego.pose.x, self.ego.pose.y);
        let (rear, front) = (s - self.vehicle.rear_overhang_m, s + self.vehicle.front_offset_m());
        LaneUser { rear, front, speed: self.ego.speed_mps }
    }

    fn run_to(&mut self, end_ns: i64) {
        let mut now_ns = self.history.back().map_or(0, |last| last.time_ns);
        while now_ns < end_ns {
            let step_ns = STEP_NS.min(end_ns - now_ns);
            let dt = step_ns as f64 * 1e-9;
            let input = self.script();
            self.traffic.step(now_ns as f64 * 1e-9, self.ego_in_lane(), dt);
            self.ego = self.ego.step(input, dt);
            now_ns += step_ns;
            let snapshot = self.snapshot(now_ns);
            self.history.push_back(snapshot);
        }
    }

    fn snapshot(&self, time_ns: i64) -> Snapshot {
        let actors = self.traffic.actors.iter().map(|a| (a.pose(), a.velocity(), a.braking())).collect();
        Snapshot { time_ns, ego: self.ego, actors }
    }
}

/// Puts the moving objects where they are at a time and gives the pose of `base_link`.
fn place(scene: &mut Scene, history: &VecDeque<Snapshot>, time_ns: i64) -> Pose2 {
    let (before, after, share) = bracket(history, time_ns);
    for (index, object) in scene.objects.iter_mut().take(before.actors.len()).enumerate() {
        object.place(between(&before.actors[index].0, &after.actors[index].0, share));
        object.braking = before.actors[index].2;
        let pose = object.pose();
        object.ground_z = crate::ground::height(Street::locate(pose.x, pose.y).1);
    }
    between(&before.ego.pose, &after.ego.pose, share)
}

/// The ego and the actors at a time.
fn at(history: &VecDeque<Snapshot>, time_ns: i64) -> (EgoMotion, &[(Pose2, [f64; 2], bool)]) {
    let (before, after, share) = bracket(history, time_ns);
    let blend = |a: f64, b: f64| a + (b - a) * share;
    let ego = EgoMotion {
        pose: between(&before.ego.pose, &after.ego.pose, share),
        speed_mps: blend(before.ego.speed_mps, after.ego.speed_mps),
        acceleration_mps2: blend(before.ego.acceleration_mps2, after.ego.acceleration_mps2),
        curvature: blend(before.ego.curvature, after.ego.curvature),
    };
    (ego, &before.actors)
}

/// The snapshots around a time and how far it lies between them, 0..1.
fn bracket(history: &VecDeque<Snapshot>, time_ns: i64) -> (&Snapshot, &Snapshot, f64) {
    let next = history.partition_point(|snapshot| snapshot.time_ns <= time_ns).clamp(1, history.len() - 1);
    let (before, after) = (&history[next - 1], &history[next]);
    let share = (time_ns - before.time_ns) as f64 / (after.time_ns - before.time_ns) as f64;
    (before, after, share.clamp(0.0, 1.0))
}

fn between(a: &Pose2, b: &Pose2, share: f64) -> Pose2 {
    Pose2 {
        x: a.x + (b.x - a.x) * share,
        y: a.y + (b.y - a.y) * share,
        yaw: wrap_angle(a.yaw + wrap_angle(b.yaw - a.yaw) * share),
    }
}
