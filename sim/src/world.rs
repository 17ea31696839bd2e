//! The world of one seed and its clock.

use crate::camera::Camera;
use crate::ego::{EgoInput, EgoMotion};
use crate::history::{ActorState, History, Snapshot};
use crate::ins::{Ins, isometry};
use crate::lidar::{Echo, Lidar, SWEEP_NS};
use crate::scene::Scene;
use crate::street::{STOP_LINE, Street};
use crate::town;
use crate::traffic::{LaneUser, Traffic, drive};
use thiserror::Error;
use types::{
    Box3, Calibration, CameraFrame, EgoState, ImageFormat, InsFix, LidarSweep, ObjectClass, Pose2, PoseSource, Stamp,
    Vehicle,
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
    history: History,
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
            scene: Scene::on_the_street(objects),
            traffic,
            ego: EgoMotion { pose: Pose2::default(), speed_mps: 10.0, acceleration_mps2: 0.0, curvature: 0.0 },
            vehicle: Vehicle::default(),
            sensed_ns: 0,
            history: History::default(),
            lidar: Lidar::new(seed),
            camera: Camera::new(seed),
            camera_seq: 0,
            ins: Ins::new(seed),
            echoes: Vec::new(),
        };
        let first = world.snapshot(0);
        world.history.push(first);
        world.run_to(SWEEP_NS);
        world
    }

    /// Lets `dt_s` seconds pass, a minute at most. A step that is negative or not a number passes no time.
    pub fn advance(&mut self, dt_s: f64) {
        // The conversion makes a zero of what is not a number.
        self.sensed_ns += (dt_s.clamp(0.0, 60.0) * 1e9).round() as i64;
        self.run_to(self.sensed_ns + SWEEP_NS);
        self.history.forget_before(self.sensed_ns);
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
        let ego = self.history.ego(self.sensed_ns);
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
        self.history.place(&mut scene, self.sensed_ns);
        let velocities = self.history.velocities(self.sensed_ns);
        let truth = |(index, object): (usize, &crate::scene::Object)| {
            let (pose, [length, width, height]) = (object.pose(), object.body.size);
            let center = [pose.x, pose.y, object.ground_z + 0.5 * height];
            let bbox = Box3 { center, length, width, height, yaw: pose.yaw };
            let velocity_mps = velocities.get(index).copied().unwrap_or_default();
            object.class.map(|class| Truth { id: index as u64, class, bbox, velocity_mps })
        };
        scene.objects.iter().enumerate().filter_map(truth).collect()
    }

    /// The GPS/INS unit's output of this instant.
    pub fn ins_fix(&mut self) -> InsFix {
        let ego = self.history.ego(self.sensed_ns);
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
        self.lidar.scan(&mut self.scene, |scene, time_ns| isometry(&history.place(scene, start + time_ns)), echoes);
    }

    /// The picture of this instant.
    ///
    /// # Errors
    /// Fails if the encoder fails.
    pub fn camera_frame(&mut self) -> Result<CameraFrame, SimError> {
        let base = self.history.place(&mut self.scene, self.sensed_ns);
        let (image, _) = self.camera.render(&self.scene, &isometry(&base));
        let seq = self.camera_seq;
        let compressed = self.camera.compress(&image);
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

    /// Steps are whole, so that the world does not depend on how time is cut.
    fn run_to(&mut self, end_ns: i64) {
        let mut now_ns = self.history.newest_ns();
        let dt = STEP_NS as f64 * 1e-9;
        while now_ns < end_ns {
            let input = self.script();
            self.traffic.step(now_ns as f64 * 1e-9, self.ego_in_lane(), dt);
            self.ego = self.ego.step(input, dt);
            now_ns += STEP_NS;
            let snapshot = self.snapshot(now_ns);
            self.history.push(snapshot);
        }
    }

    fn snapshot(&self, time_ns: i64) -> Snapshot {
        let actors = self
            .traffic
            .actors
            .iter()
            .map(|a| ActorState { pose: a.pose(), velocity_mps: a.velocity(), braking: a.braking() })
            .collect();
        Snapshot { time_ns, ego: self.ego, actors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Isometry3, Point3, Vector3};
    use types::PointKind;

    fn bytes_of(seed: u64) -> (Vec<u8>, Vec<u8>, InsFix) {
        let mut world = World::new(seed);
        world.advance(0.3);
        (world.lidar_sweep().data, world.camera_frame().unwrap().data, world.ins_fix())
    }

    fn inside(bbox: &Box3, point: &Point3<f64>, margin: f64) -> bool {
        let local = bbox.pose().inverse_transform_point(point);
        local.x.abs() <= 0.5 * bbox.length + margin
            && local.y.abs() <= 0.5 * bbox.width + margin
            && local.z.abs() <= 0.5 * bbox.height + margin
    }

    fn truth_at(world: &World, time_ns: i64) -> Vec<Truth> {
        World { sensed_ns: time_ns, ..world.clone() }.truth()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(bytes_of(5), bytes_of(5));
        let (other, same) = (bytes_of(6), bytes_of(5));
        assert!(other.0 != same.0 && other.1 != same.1 && other.2 != same.2);
    }

    #[test]
    fn odom_starts_at_the_ego_and_the_route_passes_through_it() {
        let mut world = World::new(1);
        assert_eq!(world.ego().pose(), Pose2::default());
        assert_eq!(world.calibration().validate(), Ok(()));
        assert!(world.route().iter().any(|pose| pose.x.hypot(pose.y) < 1e-9 && pose.yaw == 0.0));
        let (first, second) = (world.ins_fix(), world.ins_fix());
        assert_eq!((first.seq, second.seq, first.state.stamp), (0, 1, world.stamp()));
        for bad in [0.0, -1.0, f64::NAN] {
            world.advance(bad);
        }
        assert_eq!(world.stamp(), first.state.stamp);
        world.advance(f64::INFINITY);
        assert_eq!(world.stamp().nanos() - first.state.stamp.nanos(), 60_000_000_000);
    }

    /// Undoing the motion of ego and object, each return lies in the box of what it came from, and ground returns on the ground.
    #[test]
    fn every_return_comes_from_where_the_truth_says() {
        for seed in [1, 2] {
            let mut world = World::new(seed);
            world.advance(1.7);
            let mut echoes = Vec::new();
            world.scan(&mut echoes);
            assert!((30_000..57_600).contains(&echoes.len()), "{}", echoes.len());
            let base_from_lidar = world.calibration().base_from_lidar;
            let (mut on_objects, mut time_ns, mut truth, mut odom_from_lidar) = (0, -1, Vec::new(), base_from_lidar);
            for echo in echoes.iter().filter(|echo| !echo.mixed) {
                if i64::from(echo.time_ns) != time_ns {
                    time_ns = i64::from(echo.time_ns);
                    truth = truth_at(&world, world.sensed_ns + time_ns);
                    let ego = world.history.ego(world.sensed_ns + time_ns);
                    odom_from_lidar = isometry(&ego.pose) * base_from_lidar;
                }
                let point = odom_from_lidar * Point3::from(echo.point.map(f64::from));
                match echo.object {
                    None => assert!((-0.08..0.2).contains(&point.z), "{point}"),
                    Some(object) => {
                        if let Some(found) = truth.iter().find(|t| t.id == object as u64) {
                            on_objects += 1;
                            assert!(inside(&found.bbox, &point, 0.08), "{point} {found:?}");
                        }
                    }
                }
            }
            assert!(on_objects > 800, "{on_objects}");
        }
    }

    /// Left as measured, points of the oncoming traffic and of still things are displaced: the distortion is real.
    #[test]
    fn sweeps_are_distorted_by_motion() {
        let mut world = World::new(1);
        let mut echoes = Vec::new();
        world.scan(&mut echoes);
        let odom_from_lidar = isometry(&world.ego().pose()) * world.calibration().base_from_lidar;
        let truth = world.truth();
        let outside = echoes.iter().filter(|echo| {
            let point = odom_from_lidar * Point3::from(echo.point.map(f64::from));
            let found = echo.object.and_then(|object| truth.iter().find(|t| t.id == object as u64));
            found.is_some_and(|found| !inside(&found.bbox, &point, 0.2))
        });
        assert!(outside.count() > 50);
    }

    #[test]
    fn the_ego_never_touches_anyone_and_waits_at_the_line() {
        let vehicle = Vehicle::default();
        for seed in 0..20 {
            let (mut world, mut slowest) = (World::new(seed), f64::INFINITY);
            for _ in 0..200 {
                world.advance(0.1);
                let ego = world.ego();
                let footprint = vehicle.footprint(&ego.pose());
                let hit = world.truth().into_iter().find(|t| t.bbox.overlaps_bev(&footprint));
                assert_eq!(hit, None, "seed {seed} at {:?}", ego.pose());
                slowest = slowest.min(ego.speed_mps);
            }
            assert!(slowest < 0.5, "seed {seed}: the slowest was {slowest}");
            assert!(world.ego().pose().x > 60.0, "seed {seed}: {:?}", world.ego().pose());
        }
    }

    #[test]
    fn stamps_and_times_do_not_depend_on_the_step() {
        let (mut once, mut often) = (World::new(4), World::new(4));
        once.advance(1.0);
        (0..8).for_each(|_| often.advance(0.125));
        assert_eq!(once.ego(), often.ego());
        assert_eq!(once.truth(), often.truth());
    }

    /// A board in front of the camera: its pixels and its lidar points, projected, are the same pixels.
    #[test]
    fn camera_and_lidar_agree() {
        let mut world = World::new(2);
        let calibration = world.calibration();
        let model = calibration.camera.unwrap();
        // A dark red post, 10 m ahead and 2 m to the left, in an empty street.
        let shape = crate::shape::Shape::Block { min: Vector3::new(-0.1, -0.4, 0.0), max: Vector3::new(0.1, 0.4, 3.0) };
        let part = crate::scene::Part { shape, surface: crate::surface::Surface::Cloth([0.9, 0.0, 0.0]) };
        let body = crate::scene::Body::new([0.2, 0.8, 3.0], vec![part]);
        let post =
            crate::scene::Object::new(Some(ObjectClass::Unknown), body, Pose2 { x: 10.0, y: 2.0, yaw: 0.0 }, 0.0);
        let mut scene = Scene::on_the_street(vec![post]);
        let (image, _) = world.camera.render(&scene, &Isometry3::identity());
        let mut echoes = Vec::new();
        world.lidar.scan(&mut scene, |_, _| Isometry3::identity(), &mut echoes);
        let (mut checked, mut red) = (0, 0);
        for echo in echoes.iter().filter(|echo| echo.object == Some(0)) {
            let [u, v, depth] = model.project(&Point3::from(echo.point.map(f64::from))).unwrap();
            assert!((depth - 8.5).abs() < 0.2, "{depth}");
            if (0.0..540.0).contains(&v) {
                let pixel = 3 * (v.round() as usize * image.width + u.round() as usize);
                let [r, g, b] = [0, 1, 2].map(|c| i32::from(image.rgb[pixel + c]));
                (checked, red) = (checked + 1, red + i32::from(r > g + 40 && r > b + 40));
            }
        }
        // Noise may push a point at the rim one pixel out.
        assert!(checked > 50 && red >= checked * 9 / 10, "{red} of {checked}");
    }

    #[test]
    fn the_message_describes_its_bytes() {
        let mut world = World::new(1);
        let sweep = world.lidar_sweep();
        assert_eq!((sweep.seq, sweep.stamp, sweep.data.len() % sweep.stride), (0, world.stamp(), 0));
        let kinds: Vec<_> = sweep.fields.iter().map(|f| (f.name.as_str(), f.offset, f.kind)).collect();
        assert!(kinds.contains(&("z", 8, PointKind::F32)) && kinds.contains(&("ring", 16, PointKind::U16)));
        let last = sweep.data.chunks_exact(sweep.stride).next_back().unwrap();
        let time = u32::from_le_bytes(last[20..24].try_into().unwrap());
        assert!(i64::from(time) < SWEEP_NS && time > 90_000_000);
        world.advance(0.1);
        assert_eq!(world.lidar_sweep().seq, 1);
    }
}
