//! The world of one scenario and seed, and its clock.

use crate::bodies;
use crate::camera::{Camera, Sighting};
use crate::event::{Event, Party};
use crate::history::{ActorState, History, Snapshot};
use crate::ins::{Ins, Odometer, isometry};
use crate::judge::{Judge, Other, RouteLine, outline};
use crate::lidar::{Echo, Lidar, SWEEP_NS};
use crate::pavement::Pavement;
use crate::plant::{Plant, Request};
use crate::random::Random;
use crate::roads::{self, Setting};
use crate::scenario::{Scenario, ScenarioError};
use crate::scene::{Body, Ground, Object, Part, Scene};
use crate::steer::Pursuit;
use crate::surface::Surface;
use crate::town;
use crate::traffic::{EgoView, THINK_NS, Traffic};
use maps::LaneNetwork;
use std::sync::Arc;
use thiserror::Error;
use types::{
    Calibration, CameraFrame, Command, EgoState, ImageFormat, InsFix, LidarSweep, ObjectClass, Pose2, PoseSource,
    Route, Signals, Stamp, Truth, TruthObject, Vehicle, WheelSpeed,
};

/// Stamp of the first instant: 1 January 2026, 00:00 UTC.
const START_NS: i64 = 1_767_225_600_000_000_000;
const STEP_NS: i64 = 10_000_000;
/// Route behind the ego at the start, m.
const BEHIND_M: f64 = 20.0;
/// Others farther than this are not looked at for contacts, m.
const NEAR_M: f64 = 80.0;

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

/// Who drives the ego.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Driver {
    /// A scripted driver who knows everything.
    Script,
    /// The angle of the front wheels and the acceleration of a command, until the next one.
    Command(Command),
}

/// Roads with traffic, the ego car among it, and its sensors.
///
/// The sensors of one instant share one stamp. A spinning lidar is read when its turn is over, so the world itself runs one
/// turn (0.1 s) ahead of [`World::stamp`]: nothing that a later input of the ego does can change what was already seen.
#[derive(Clone, Debug)]
pub struct World {
    setting: Arc<Setting>,
    scene: Scene,
    /// Objects that move, that are parked, or that stand in the way: they come first in the scene.
    still: usize,
    traffic: Traffic,
    plant: Plant,
    driver: Driver,
    pursuit: Pursuit,
    route: Arc<RouteLine>,
    judge: Judge,
    vehicle: Vehicle,
    duration_s: f64,
    /// What the scripted driver wants, m/s2.
    script_mps2: f64,
    /// Time of the sensors since the start.
    sensed_ns: i64,
    /// From at or before the sensors' time to the newest step, in rising time, never empty.
    history: History,
    lidar: Lidar,
    camera: Camera,
    camera_seq: u64,
    signals_seq: u64,
    ins: Ins,
    odometer: Odometer,
    echoes: Vec<Echo>,
    /// Lidar points on each object, and the time of their sweep.
    hits: Option<(i64, Vec<u32>)>,
    /// What the picture of a time shows of each object.
    seen: Option<(i64, Vec<Sighting>)>,
}

impl World {
    /// The world of a seed at its first instant.
    ///
    /// # Errors
    /// If the seed is too large or the roads that it draws cannot be built.
    pub fn new(scenario: &Scenario, seed: u64) -> Result<Self, ScenarioError> {
        scenario.check()?;
        if seed > Scenario::LARGEST_SEED {
            return Err(ScenarioError::Seed { seed, largest: Scenario::LARGEST_SEED });
        }
        let mut setting = roads::build(scenario, seed)?;
        let vehicle = Vehicle::default();
        let mut random = Random::new(seed, 25);
        let speed = setting.limit_mps * scenario.start_speed_share.draw(&mut random);
        if scenario.events.red_for_ego {
            setting.turn_red(speed, vehicle.front_offset_m(), &mut random);
        }
        let (mut traffic, parked) = Traffic::build(&setting, scenario, &vehicle, seed);
        let from_m = (setting.start_m - BEHIND_M).max(0.0);
        let route = RouteLine::new(setting.network.route(&setting.way, from_m, setting.goal_m));
        let ground = Arc::new(Pavement::new(&setting.network));
        let mut objects = traffic.take_objects();
        for parked in parked {
            let ground_z = ground.height_m(parked.pose.x, parked.pose.y);
            objects.push(Object::new(Some(parked.kind.class()), parked.body, parked.pose, ground_z));
        }
        objects.extend(setting.posts.iter().map(|(place, radius)| post(*place, *radius)));
        let still = objects.len();
        objects.extend(town::build(&setting.network, ground.as_ref(), seed));
        let mut world = Self {
            scene: Scene { objects, ground },
            still,
            plant: Plant::new(vehicle, speed, seed),
            driver: Driver::Script,
            pursuit: Pursuit::new(&route.route),
            route: Arc::new(route),
            judge: Judge::new(vehicle),
            traffic,
            vehicle,
            duration_s: scenario.duration_s,
            script_mps2: 0.0,
            sensed_ns: 0,
            history: History::default(),
            lidar: Lidar::on_roof(&scenario.sensors, seed),
            camera: Camera::new(seed),
            camera_seq: 0,
            signals_seq: 0,
            ins: Ins::new(seed),
            odometer: Odometer::new(seed),
            echoes: Vec::new(),
            hits: None,
            seen: None,
            setting: Arc::new(setting),
        };
        let first = world.snapshot(0);
        world.history.push(first);
        world.run_to(SWEEP_NS);
        Ok(world)
    }

    /// Who drives the ego from the newest instant on, which is 0.1 s after [`World::stamp`].
    pub fn drive(&mut self, driver: Driver) {
        self.driver = driver;
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

    /// How long a drive of the scenario is, s.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.duration_s
    }

    /// The roads.
    #[must_use]
    pub fn network(&self) -> &LaneNetwork {
        &self.setting.network
    }

    /// Where the sensors sit.
    #[must_use]
    pub fn calibration(&self) -> Calibration {
        let base_from_lidar = self.lidar.base_from_lidar;
        Calibration { base_from_lidar, camera: Some(self.camera.model(&base_from_lidar)) }
    }

    /// The ego's route, from up to 20 m behind its start to its goal.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route.route.clone()
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
            yaw_rate_radps: ego.yaw_rate_radps,
            source: PoseSource::Ins,
        }
    }

    /// Every road user but the ego. Points and image are filled in if the sweep and the picture of this instant were made.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.told(|_, object| object.class)
    }

    /// The same, and the posts of gates: all that a car could run into. Posts are of unknown class.
    #[must_use]
    pub fn truth_with_posts(&self) -> Truth {
        self.told(|index, object| if index < self.still { object.class.or(Some(ObjectClass::Unknown)) } else { None })
    }

    /// The objects to which `class` gives one.
    fn told(&self, class: impl Fn(usize, &Object) -> Option<ObjectClass>) -> Truth {
        let movers = self.history.actors(self.sensed_ns);
        let hits = self.hits.as_ref().filter(|(at, _)| *at == self.sensed_ns).map(|(_, hits)| hits);
        let seen = self.seen.as_ref().filter(|(at, _)| *at == self.sensed_ns).map(|(_, seen)| seen);
        let mut objects = Vec::new();
        for (index, object) in self.scene.objects.iter().enumerate() {
            let Some(class) = class(index, object) else { continue };
            let mover = movers.get(index);
            if mover.is_some_and(|mover| mover.is_gone) {
                continue;
            }
            let pose = mover.map_or(object.pose(), |mover| mover.pose);
            let ground_z =
                mover.map_or(object.ground_z, |mover| self.scene.ground.height_m(mover.pose.x, mover.pose.y));
            let image = seen.and_then(|seen| seen.iter().find(|sighting| sighting.object == index));
            objects.push(TruthObject {
                id: index as u64,
                class,
                bbox: outline(&pose, object.body.size, ground_z),
                velocity_mps: mover.map_or([0.0; 2], |mover| mover.velocity_mps),
                points: hits.and_then(|hits| hits.get(index).copied()).unwrap_or(0),
                image: image.map(|sighting| sighting.bounds),
                visible: image.map_or(0.0, |sighting| sighting.visible),
            });
        }
        let odom_from_base = isometry(&self.history.ego(self.sensed_ns).pose);
        Truth { seq: self.lidar.next_seq().saturating_sub(1), stamp: self.stamp(), odom_from_base, objects }
    }

    /// What the signals show.
    pub fn signals(&mut self) -> Signals {
        let time_s = self.sensed_ns as f64 * 1e-9;
        self.signals_at(time_s, self.stamp())
    }

    fn signals_at(&mut self, time_s: f64, stamp: Stamp) -> Signals {
        let mut phases: Vec<_> = self.setting.signals.iter().map(|plan| (plan.id, plan.phase(time_s))).collect();
        phases.sort_by_key(|(id, _)| *id);
        let seq = self.signals_seq;
        self.signals_seq += 1;
        Signals { seq, stamp, phases }
    }

    /// The GPS/INS unit's output of this instant.
    pub fn ins_fix(&mut self) -> InsFix {
        let ego = self.history.ego(self.sensed_ns);
        self.ins.measure(self.stamp(), &ego)
    }

    /// The speed of the rear wheels at this instant.
    pub fn wheel_speed(&mut self) -> WheelSpeed {
        let ego = self.history.ego(self.sensed_ns);
        self.odometer.measure(self.stamp(), &ego)
    }

    /// What happened to the ego since the last call, up to 0.1 s after [`World::stamp`].
    pub fn events(&mut self) -> Vec<Event> {
        self.judge.take()
    }

    /// Whether the ego has reached the end of its route.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.judge.has_arrived()
    }

    /// Smallest time to contact with somebody in the ego's way so far, s; infinite if there was none.
    #[must_use]
    pub fn min_time_to_contact_s(&self) -> f64 {
        self.judge.min_time_to_contact_s()
    }

    /// How far along its route the ego's rear axle is, and how far to the left of it, m.
    #[must_use]
    pub fn progress(&self) -> (f64, f64) {
        let ego = self.history.ego(self.sensed_ns);
        self.pursuit.clone().place(&ego)
    }

    /// The sweep that begins at this instant. Points carry their time, ns after the stamp, and are not corrected for motion.
    pub fn lidar_sweep(&mut self) -> LidarSweep {
        let mut echoes = std::mem::take(&mut self.echoes);
        self.scan(&mut echoes);
        let sweep = self.lidar.sweep(self.stamp(), &echoes);
        let mut hits = vec![0; self.scene.objects.len()];
        for object in echoes.iter().filter_map(|echo| echo.object) {
            hits[object] += 1;
        }
        (self.hits, self.echoes) = (Some((self.sensed_ns, hits)), echoes);
        sweep
    }

    fn scan(&mut self, echoes: &mut Vec<Echo>) {
        let (history, start, reach_m) = (&self.history, self.sensed_ns, self.lidar.whole_reach_m());
        let place = |scene: &mut Scene, time_ns| isometry(&history.place_within(scene, start + time_ns, reach_m));
        self.lidar.scan(&mut self.scene, place, echoes);
    }

    /// The picture of this instant.
    ///
    /// # Errors
    /// Fails if the encoder fails.
    pub fn camera_frame(&mut self) -> Result<CameraFrame, SimError> {
        let base = self.history.place(&mut self.scene, self.sensed_ns);
        let (image, sightings) = self.camera.render(&self.scene, &isometry(&base));
        self.seen = Some((self.sensed_ns, sightings));
        let seq = self.camera_seq;
        let compressed = self.camera.compress(&image);
        let data = compressed.map_err(|cause| SimError::Compression { seq, cause: cause.to_string() })?;
        self.camera_seq += 1;
        Ok(CameraFrame { seq, stamp: self.stamp(), format: ImageFormat::Jpeg, data: data.into() })
    }

    /// Steps are whole, so that the world does not depend on how time is cut.
    fn run_to(&mut self, end_ns: i64) {
        let mut now_ns = self.history.newest_ns();
        let dt = STEP_NS as f64 * 1e-9;
        while now_ns < end_ns {
            let motion = self.plant.motion();
            if now_ns % THINK_NS == 0 {
                self.think(now_ns);
            }
            let request = match self.driver {
                Driver::Script => Request {
                    steering_rad: self.pursuit.steering_rad(&motion, &self.vehicle),
                    acceleration_mps2: self.script_mps2,
                },
                Driver::Command(command) => {
                    Request { steering_rad: command.steering_rad, acceleration_mps2: command.acceleration_mps2 }
                }
            };
            self.plant.step(request, dt);
            self.traffic.advance(&self.setting, dt);
            now_ns += STEP_NS;
            let snapshot = self.snapshot(now_ns);
            let others = others(&self.scene.objects[..self.still], &snapshot);
            self.judge.touch(Stamp::from_nanos(START_NS + now_ns), &snapshot.ego, others);
            self.history.push(snapshot);
        }
    }

    /// Everybody thinks, and the judge looks.
    fn think(&mut self, now_ns: i64) {
        let motion = self.plant.motion();
        let [x, y] = motion.pose.transform(self.vehicle.center_offset_m(), 0.0);
        let pose = Pose2 { x, y, yaw: motion.pose.yaw };
        let ego = EgoView { pose, speed: motion.speed_mps, acceleration: motion.acceleration_mps2 };
        let (time_s, stamp) = (now_ns as f64 * 1e-9, Stamp::from_nanos(START_NS + now_ns));
        self.traffic.think(&self.setting, time_s, &ego);
        if self.driver == Driver::Script {
            self.script_mps2 = self.traffic.script_acceleration(&self.setting).max(-6.0);
        }
        let (place_m, _) = self.pursuit.place(&motion);
        // The newest snapshot is of this instant.
        let newest = self.history.newest().into_iter();
        let others = newest.flat_map(|newest| others(&self.scene.objects[..self.still], newest));
        self.judge.look(stamp, time_s, &motion, place_m, &self.route, &self.setting, others);
    }

    fn snapshot(&self, time_ns: i64) -> Snapshot {
        let mut actors: Vec<ActorState> = Vec::with_capacity(self.still);
        self.traffic.states(&self.setting, &mut actors);
        Snapshot { time_ns, ego: self.plant.motion(), actors }
    }
}

/// Everybody near the ego in a snapshot, and what stands there.
fn others<'a>(objects: &'a [Object], snapshot: &'a Snapshot) -> impl Iterator<Item = Other> + 'a {
    let ego = snapshot.ego.pose;
    objects.iter().enumerate().filter_map(move |(index, object)| {
        let (pose, velocity_mps) = match snapshot.actors.get(index) {
            Some(actor) => (actor.pose, actor.velocity_mps),
            None => (object.pose(), [0.0; 2]),
        };
        // Whoever has left is not near.
        if (pose.x - ego.x).abs() > NEAR_M || (pose.y - ego.y).abs() > NEAR_M {
            return None;
        }
        let party = Party { bbox: outline(&pose, object.body.size, 0.0), velocity_mps };
        Some(Other { id: index as u64, class: object.class.unwrap_or(ObjectClass::Unknown), party })
    })
}

/// A post of a gate.
fn post([x, y]: [f64; 2], radius: f64) -> Object {
    const HEIGHT_M: f64 = 2.6;
    let shape = bodies::upright(0.0, 0.0, radius, [-0.2, HEIGHT_M]);
    let body = Body::new([2.0 * radius, 2.0 * radius, HEIGHT_M], vec![Part { shape, surface: Surface::Metal }]);
    Object::new(None, body, Pose2 { x, y, yaw: 0.0 }, 0.0)
}

pub mod live;
#[cfg(test)]
mod tests;
