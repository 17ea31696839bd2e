//! Random scenes for training: every frame is a new place.
//!
//! In: a seed and an index. Out: a sweep, a picture and the truth of one instant that has nothing to do with that of the next index.

use crate::beams::LidarKind;
use crate::camera::{Camera, Sighting};

use crate::lens::Lens;
use crate::lidar::{Echo, Lidar, SWEEP_NS};
use crate::look::Look;
use crate::random::Random;
use crate::scatter_place::{Filling, Motion};
use crate::scatter_plan::{Place, Plan};
use crate::scene::{Ground, Scene};
use crate::world::SimError;
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use std::sync::Arc;
use types::{
    Box3, Calibration, CameraFrame, EgoState, ImageFormat, InsFix, LidarSweep, Pose2, PoseSource, Stamp, Truth,
    TruthObject,
};

/// Stamp of the frame of index 0: 1 January 2026, 00:00 UTC.
const START_NS: i64 = 1_767_225_600_000_000_000;
/// Time between frames, ns: they are no drive.
const FRAME_NS: i64 = 1_000_000_000;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScatterOptions {
    /// Whether pictures are taken.
    pub camera: bool,
    /// The lidar of all frames; `None` draws one a seed, mostly the HDL-64E.
    pub lidar: Option<LidarKind>,
}

/// One instant of one place.
#[derive(Clone, Debug)]
pub struct ScatterFrame {
    /// The ego as its GPS/INS unit gives it: without error.
    pub ins: InsFix,
    /// The sweep that begins at this instant.
    pub sweep: LidarSweep,
    /// The picture, if asked for.
    pub picture: Option<CameraFrame>,
    /// The road users in the filled part of the place, where the sweep shows them.
    pub truth: Truth,
}

/// A source of scenes.
#[derive(Clone, Debug)]
pub struct Scatter {
    seed: u64,
    options: ScatterOptions,
    kind: LidarKind,
    base_from_lidar: Isometry3<f64>,
}

/// A place with everything in it and how the ego moves through it.
struct Instant {
    scene: Scene,
    motions: Vec<Motion>,
    starts: Vec<Pose2>,
    ego: Motion,
    /// Pose of `base_link` at the start: on the ground, leaning as the body does.
    base: Isometry3<f64>,
}

impl Scatter {
    /// The source of a seed: its car carries one lidar at one place.
    #[must_use]
    pub fn new(seed: u64, options: ScatterOptions) -> Self {
        let mut random = Random::new(seed, 90);
        let drawn = random.pick(&[
            LidarKind::Hdl64,
            LidarKind::Hdl64,
            LidarKind::Hdl64,
            LidarKind::Hdl64,
            LidarKind::Vlp32,
            LidarKind::Os128,
        ]);
        let place = Translation3::new(random.between(0.5, 1.3), random.between(-0.05, 0.05), random.between(1.6, 1.95));
        let angle = 0.004;
        let (roll, pitch) = (angle * random.normal(), angle * random.normal());
        let base_from_lidar = Isometry3::from_parts(place, UnitQuaternion::from_euler_angles(roll, pitch, 0.0));
        Self { seed, options, kind: options.lidar.unwrap_or(drawn), base_from_lidar }
    }

    /// Where the sensors sit.
    #[must_use]
    pub fn calibration(&self) -> Calibration {
        let camera = self.options.camera.then(|| self.lens().model(&self.base_from_lidar));
        Calibration { base_from_lidar: self.base_from_lidar, camera }
    }

    /// The lidar on the car.
    #[must_use]
    pub fn lidar(&self) -> LidarKind {
        self.kind
    }

    fn lens(&self) -> Lens {
        Lens::random(&mut Random::new(self.seed, 92))
    }

    /// The frame of an index: always the same one.
    ///
    /// # Errors
    /// Fails if the picture cannot be compressed.
    pub fn frame(&self, index: u64) -> Result<ScatterFrame, SimError> {
        let frame_seed = Random::new(self.seed, index.wrapping_add(1 << 32)).bits();
        let stamp = Stamp::from_nanos(START_NS.saturating_add_unsigned(index.saturating_mul(FRAME_NS as u64)));
        let mut instant = Instant::draw(&mut Random::new(frame_seed, 91));
        let mut lidar = Lidar::with(self.kind, self.base_from_lidar, frame_seed);
        let mut echoes = Vec::new();
        let (picture, sightings) = if self.options.camera {
            let (picture, sightings) = self.picture(&mut instant, frame_seed, index, stamp)?;
            (Some(picture), Some(sightings))
        } else {
            (None, None)
        };
        instant.scan(&lidar, &mut echoes);
        let mut sweep = lidar.sweep(stamp, &echoes);
        sweep.seq = index;
        let truth = instant.truth(index, stamp, &echoes, sightings.as_deref());
        let state = EgoState {
            stamp,
            odom_from_base: instant.base,
            speed_mps: instant.ego.speed_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps: instant.ego.yaw_rate_radps,
            source: PoseSource::Ins,
        };
        Ok(ScatterFrame { ins: InsFix { seq: index, state }, sweep, picture, truth })
    }

    /// The picture of a frame, on any day, and what it shows.
    fn picture(
        &self,
        instant: &mut Instant,
        seed: u64,
        seq: u64,
        stamp: Stamp,
    ) -> Result<(CameraFrame, Vec<Sighting>), SimError> {
        let base = instant.at(0);
        let look = Look::random(&mut Random::new(seed, 93));
        let mut camera = Camera::with(self.lens(), &look, seed);
        let (image, sightings) = camera.render(&instant.scene, &base);
        let data = camera.compress(&image).map_err(|cause| SimError::Compression { seq, cause: cause.to_string() })?;
        Ok((CameraFrame { seq, stamp, format: ImageFormat::Jpeg, data: data.into() }, sightings))
    }
}

impl Instant {
    fn draw(random: &mut Random) -> Self {
        let plan = Plan::draw(random);
        let ground = plan.relief();
        let top_mps = match plan.place {
            Place::Highway => 36.0,
            Place::Country => 25.0,
            Place::Street | Place::Junction => 15.0,
            Place::Square | Place::CarPark | Place::Yard => 6.0,
        };
        let speed_mps = random.pick(&[0.0, 1.0, 1.0, 1.0]) * random.between(0.3, 1.0) * top_mps;
        let yaw_rate_radps = (0.06 * random.normal()).clamp(-3.0 / speed_mps.max(3.0), 3.0 / speed_mps.max(3.0));
        let ego = Motion { speed_mps, yaw_rate_radps: if speed_mps > 0.0 { yaw_rate_radps } else { 0.0 } };
        let base = stance(&ground, random);
        let filling = Filling::of(&plan, &ground, random);
        let (objects, motions) = (filling.objects, filling.motions);
        let starts = objects.iter().map(crate::scene::Object::pose).collect();
        Self { scene: Scene { objects, ground: Arc::new(ground) }, motions, starts, ego, base }
    }

    /// Brings the scene to an instant of the sweep, in ns, and gives the pose of `base_link` then.
    fn at(&mut self, time_ns: i64) -> Isometry3<f64> {
        bring(&mut self.scene, &self.starts, &self.motions, time_ns);
        base_at(&self.base, self.ego, time_ns)
    }

    fn scan(&mut self, lidar: &Lidar, echoes: &mut Vec<Echo>) {
        let Self { scene, motions, starts, ego, base } = self;
        lidar.scan(
            scene,
            |scene, time_ns| {
                bring(scene, starts, motions, time_ns);
                base_at(base, *ego, time_ns)
            },
            echoes,
        );
    }

    /// The road users where the sweep shows them: each as it was when the beams passed over it, seen from the ego as it was then.
    /// A network that sees the sweep as it was measured learns to find the points, not to guess velocities.
    fn truth(&mut self, seq: u64, stamp: Stamp, echoes: &[Echo], sightings: Option<&[Sighting]>) -> Truth {
        let mut seen = vec![(0_u32, 0_i64); self.scene.objects.len()];
        for echo in echoes {
            if let Some(object) = echo.object {
                seen[object] = (seen[object].0 + 1, seen[object].1 + i64::from(echo.time_ns));
            }
        }
        let odom_from_base = self.at(0);
        let described = self.scene.objects.iter().zip(&self.motions).zip(&self.starts).enumerate();
        let objects = described.filter_map(|(index, ((object, motion), start))| {
            let (points, sum_ns) = seen[index];
            let time_ns = sum_ns.checked_div(points.into()).unwrap_or(SWEEP_NS / 2);
            let pose = along(start, *motion, time_ns);
            let shown = odom_from_base * base_at(&odom_from_base, self.ego, time_ns).inverse();
            let [length, width, height] = object.body.size;
            let center = shown * Point3::new(pose.x, pose.y, object.ground_z + 0.5 * height);
            let ahead = shown * Vector3::new(pose.yaw.cos(), pose.yaw.sin(), 0.0);
            let yaw = ahead.y.atan2(ahead.x);
            let velocity_mps = [motion.speed_mps * yaw.cos(), motion.speed_mps * yaw.sin()];
            let bbox = Box3 { center: center.into(), length, width, height, yaw };
            let class = object.class?;
            let sighting = sightings.and_then(|all| all.iter().find(|sighting| sighting.object == index));
            // Without a picture nobody knows what hides what.
            let visible = sighting.map_or(if sightings.is_some() { 0.0 } else { 1.0 }, |sighting| sighting.visible);
            let image = sighting.map(|sighting| sighting.bounds);
            Some(TruthObject { id: index as u64, class, bbox, velocity_mps, points, image, visible })
        });
        Truth { seq, stamp, odom_from_base, objects: objects.collect() }
    }
}

/// The pose of a car's body on the ground at the origin: it leans with the ground under its wheels, and a little by itself.
fn stance(ground: &dyn Ground, random: &mut Random) -> Isometry3<f64> {
    let (front, rear) = (ground.height_m(2.7, 0.0), ground.height_m(0.0, 0.0));
    let (left, right) = (ground.height_m(1.3, 0.8), ground.height_m(1.3, -0.8));
    let pitch = -(front - rear).atan2(2.7) + 0.006 * random.normal();
    let roll = (left - right).atan2(1.6) + 0.006 * random.normal();
    Isometry3::from_parts(Translation3::new(0.0, 0.0, rear), UnitQuaternion::from_euler_angles(roll, pitch, 0.0))
}

/// Poses along an arc.
fn along(start: &Pose2, motion: Motion, time_ns: i64) -> Pose2 {
    let time = time_ns as f64 * 1e-9;
    let (way, turn) = (motion.speed_mps * time, motion.yaw_rate_radps * time);
    let heading = start.yaw + 0.5 * turn;
    Pose2 {
        x: start.x + way * heading.cos(),
        y: start.y + way * heading.sin(),
        yaw: types::wrap_angle(start.yaw + turn),
    }
}

fn bring(scene: &mut Scene, starts: &[Pose2], motions: &[Motion], time_ns: i64) {
    for ((object, start), motion) in scene.objects.iter_mut().zip(starts).zip(motions) {
        if motion.yaw_rate_radps != 0.0 {
            object.place(along(start, *motion, time_ns));
        } else if motion.speed_mps != 0.0 {
            let ([cos, sin], way) = (object.heading(), motion.speed_mps * time_ns as f64 * 1e-9);
            object.slide(start.x + way * cos, start.y + way * sin);
        }
    }
}

fn base_at(base: &Isometry3<f64>, ego: Motion, time_ns: i64) -> Isometry3<f64> {
    let moved = along(&Pose2::default(), ego, time_ns);
    let way = Isometry3::new(Vector3::new(moved.x, moved.y, 0.0), Vector3::z() * moved.yaw);
    base * way
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(kind: LidarKind) -> Scatter {
        Scatter::new(3, ScatterOptions { camera: false, lidar: Some(kind) })
    }

    #[test]
    fn the_same_index_gives_the_same_frame_and_another_gives_another() {
        let scatter = source(LidarKind::Vlp32);
        let (a, b, c) = (scatter.frame(4).unwrap(), scatter.frame(4).unwrap(), scatter.frame(5).unwrap());
        assert!(a.sweep == b.sweep && a.truth == b.truth && a.ins == b.ins);
        assert!(a.sweep.data != c.sweep.data && a.truth.objects != c.truth.objects);
        assert_eq!(scatter.calibration().validate(), Ok(()));
    }

    /// Undoing the motion of ego and object, each return that is not from two surfaces lies in the box of what it came from.
    #[test]
    fn every_return_comes_from_where_the_truth_says() {
        let scatter = source(LidarKind::Hdl64);
        let mut on_objects = 0;
        for index in 0..6 {
            let frame_seed = Random::new(scatter.seed, index + (1 << 32)).bits();
            let mut instant = Instant::draw(&mut Random::new(frame_seed, 91));
            let lidar = Lidar::with(scatter.kind, scatter.base_from_lidar, frame_seed);
            let mut echoes = Vec::new();
            instant.scan(&lidar, &mut echoes);
            assert!((60_000..128_000).contains(&echoes.len()), "{index}: {}", echoes.len());
            for echo in echoes.iter().filter(|echo| !echo.mixed) {
                let Some(object) = echo.object else { continue };
                let odom_from_lidar =
                    base_at(&instant.base, instant.ego, echo.time_ns.into()) * scatter.base_from_lidar;
                let point = odom_from_lidar * Point3::from(echo.point.map(f64::from));
                let pose = along(&instant.starts[object], instant.motions[object], echo.time_ns.into());
                let [x, y] = pose.inverse_transform(point.x, point.y);
                let object = &instant.scene.objects[object];
                let [length, width, height] = object.body.size;
                let margin = object.body.overhang_m + 0.15;
                let z = point.z - object.ground_z;
                assert!(
                    x.abs() < 0.5 * length + margin
                        && y.abs() < 0.5 * width + margin
                        && z < height + margin
                        && z > -1.1,
                    "{index}: {x} {y} {z} outside {:?} {:?}",
                    object.body.size,
                    object.class
                );
                on_objects += usize::from(object.class.is_some());
            }
        }
        assert!(on_objects > 3000, "{on_objects}");
    }

    /// The sweep as it was measured, not corrected for any motion, fits the boxes.
    #[test]
    fn boxes_lie_where_the_sweep_shows_the_objects() {
        let scatter = source(LidarKind::Hdl64x1024);
        let (mut inside, mut all) = (0, 0);
        for index in 0..10 {
            let frame_seed = Random::new(scatter.seed, index + (1 << 32)).bits();
            let mut instant = Instant::draw(&mut Random::new(frame_seed, 91));
            let lidar = Lidar::with(scatter.kind, scatter.base_from_lidar, frame_seed);
            let mut echoes = Vec::new();
            instant.scan(&lidar, &mut echoes);
            let truth = instant.truth(index, Stamp::default(), &echoes, None);
            let odom_from_lidar = truth.odom_from_base * scatter.base_from_lidar;
            for echo in echoes.iter().filter(|echo| !echo.mixed) {
                let Some(found) = truth.objects.iter().find(|t| Some(t.id as usize) == echo.object) else { continue };
                let point = odom_from_lidar * Point3::from(echo.point.map(f64::from));
                let [x, y] = Pose2::from_isometry(&found.bbox.pose()).inverse_transform(point.x, point.y);
                let fits = x.abs() < 0.5 * found.bbox.length + 0.25 && y.abs() < 0.5 * found.bbox.width + 0.25;
                (inside, all) = (inside + usize::from(fits), all + 1);
            }
        }
        assert!(all > 3000 && inside * 100 >= all * 98, "{inside} of {all}");
    }

    #[test]
    fn a_turn_may_be_cut_anywhere() {
        let scatter = source(LidarKind::Vlp32);
        let mut instant = Instant::draw(&mut Random::new(8, 91));
        let lidar = Lidar::with(scatter.kind, scatter.base_from_lidar, 8);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        instant.scan(&lidar, &mut whole);
        let Instant { scene, motions, starts, ego, base } = &mut instant;
        let mut pose_at = |scene: &mut Scene, time_ns: i64| {
            bring(scene, starts, motions, time_ns);
            base_at(base, *ego, time_ns)
        };
        for columns in [0..700, 700..701, 701..lidar.columns()] {
            lidar.scan_columns(columns, scene, &mut pose_at, &mut parts);
        }
        assert!(whole == parts && whole.len() > 10_000);
    }

    #[test]
    fn nothing_overlaps_at_the_start_and_points_are_counted() {
        let scatter = source(LidarKind::Hdl64x1024);
        let mut counted = 0;
        for index in 0..8 {
            let instant = Instant::draw(&mut Random::new(index, 91));
            let boxes: Vec<Box3> =
                instant.scene.objects.iter().filter(|object| object.class.is_some()).map(box_of).collect();
            let ego = types::Vehicle::default().footprint(&Pose2::default());
            for (i, a) in boxes.iter().enumerate() {
                assert!(!a.overlaps_bev(&ego) && boxes[..i].iter().all(|b| !a.overlaps_bev(b)), "{index}: {a:?}");
            }
            let frame = scatter.frame(index).unwrap();
            counted += frame.truth.objects.iter().filter(|object| object.points > 20).count();
        }
        assert!(counted > 30, "{counted}");
    }

    fn box_of(object: &crate::scene::Object) -> Box3 {
        let ([length, width, height], pose) = (object.body.size, object.pose());
        Box3 { center: [pose.x, pose.y, object.ground_z], length, width, height, yaw: pose.yaw }
    }
}
