//! A spinning lidar. Every column has its own instant, so what moves is distorted.

use crate::beams::{Beams, LidarKind, Sensors};
use crate::random::Random;
use crate::scene::{Column, Hit, Scene, Sectors, Target};
use crate::surface;
use nalgebra::{Isometry3, Vector3};
use std::f64::consts::{PI, TAU};
use std::ops::Range;
use types::{LidarSweep, SpinningPoint, Stamp};

/// Time of one turn, ns.
pub const SWEEP_NS: i64 = 100_000_000;
/// Nearest range, m.
const NEAR_M: f64 = 0.9;
/// Steps of a coordinate per metre: 4 mm, below the noise, and few bits, so that recordings stay small.
const STEPS_PER_M: f64 = 256.0;
/// Steps of the intensity from 0 to 1.
const INTENSITY_STEPS: f64 = 64.0;
/// Depth before the sensor in which drops of rain are seen, m.
const DROPS_M: f64 = 8.0;
/// Share of what drops take there that makes an echo of its own.
const DROP_SHARE: f64 = 0.05;
/// Largest spread of a range in rain, as a share of the range: half of what Goodin et al. give, since ours has other causes too.
const RAIN_NOISE: f64 = 0.01;
/// Surfaces that one pulse may go through.
const MOST_PANES: usize = 5;
/// Two surfaces that are nearer to each other than this make one echo in between, m.
const PULSE_M: f64 = 1.5;

/// One echo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Echo {
    /// Point in the lidar frame at the echo's own instant, m.
    pub point: [f32; 3],
    /// Reflectance 0..1.
    pub intensity: f32,
    /// Beam, 0 is the lowest.
    pub ring: u16,
    /// After the start of the sweep, ns.
    pub time_ns: u32,
    /// Index of the object that was hit; `None` for the ground.
    pub object: Option<usize>,
    /// Whether it lies between two surfaces that the beam touched both.
    pub mixed: bool,
}

/// What comes back of a pulse.
#[derive(Clone, Copy, Debug)]
struct Return {
    distance: f64,
    intensity: f64,
    object: Option<usize>,
}

/// Half the largest road user, its way in a turn, and the sensor's place on the car, m.
const LARGEST_M: f64 = 40.0;

/// The sensor: its mounting and its noise.
#[derive(Clone, Debug)]
pub struct Lidar {
    /// Pose seen from `base_link`.
    pub base_from_lidar: Isometry3<f64>,
    beams: Beams,
    /// Sine and cosine of the elevations.
    sines: Vec<(f64, f64)>,
    /// Constant error of each beam's range, m.
    beam_errors_m: Vec<f64>,
    /// Rain, mm/h.
    pub rain_mmph: f64,
    seed: u64,
    seq: u64,
}

impl Lidar {
    /// A lidar on the roof.
    pub fn on_roof(sensors: &Sensors, seed: u64) -> Self {
        let lidar = Self::with(sensors.lidar, Isometry3::translation(1.2, 0.0, 1.8), seed);
        Self { rain_mmph: sensors.rain_mmph, ..lidar }
    }

    /// A lidar of a kind, somewhere on the car.
    pub fn with(kind: LidarKind, base_from_lidar: Isometry3<f64>, seed: u64) -> Self {
        let (beams, mut random) = (kind.beams(), Random::new(seed, 30));
        let beam_errors_m = beams.elevations_rad.iter().map(|_| beams.beam_error_m * random.normal()).collect();
        let sines = beams.elevations_rad.iter().map(|elevation| elevation.sin_cos()).collect();
        Self { base_from_lidar, beams, sines, beam_errors_m, rain_mmph: 0.0, seed, seq: 0 }
    }

    /// Columns of one turn.
    pub fn columns(&self) -> usize {
        self.beams.columns
    }

    /// From the rear axle to the middle of the farthest object of which a part may be seen, m.
    pub fn whole_reach_m(&self) -> f64 {
        self.beams.reach_m + LARGEST_M
    }

    /// Elevations of the beams, rad, lowest first.
    pub fn elevations_rad(&self) -> &[f64] {
        &self.beams.elevations_rad
    }

    /// One turn, clockwise from the rear. `pose_at(scene, time_ns)` brings the scene to an instant of the turn, in ns after its
    /// start, and gives the pose of `base_link` in `odom` then.
    pub fn scan(
        &self,
        scene: &mut Scene,
        mut pose_at: impl FnMut(&mut Scene, i64) -> Isometry3<f64>,
        echoes: &mut Vec<Echo>,
    ) {
        echoes.clear();
        self.scan_columns(0..self.columns(), scene, &mut pose_at, echoes);
    }

    /// A part of a turn; the parts of a turn, one after the other, are the turn, wherever it is cut.
    pub fn scan_columns(
        &self,
        columns: Range<usize>,
        scene: &mut Scene,
        pose_at: &mut impl FnMut(&mut Scene, i64) -> Isometry3<f64>,
        echoes: &mut Vec<Echo>,
    ) {
        let way = pose_at(scene, SWEEP_NS).translation.vector - pose_at(scene, 0).translation.vector;
        let middle = pose_at(scene, SWEEP_NS / 2) * self.base_from_lidar;
        let sectors = Sectors::around(scene, &middle.translation.vector, 0.5 * way.norm() + 0.5);
        let mut met = Column::default();
        let mut before = vec![None; self.beams.elevations_rad.len()];
        // The column before the first one is only needed for the echoes at edges.
        let warm_up = columns.start.saturating_sub(1)..columns.start;
        for column in warm_up.chain(columns.clone()) {
            let time_ns = column as i64 * SWEEP_NS / self.columns() as i64;
            let odom_from_lidar = pose_at(scene, time_ns) * self.base_from_lidar;
            let azimuth = PI - (column as f64 + 0.5) * TAU / self.columns() as f64;
            let mut random = Random::new(self.seed ^ self.seq.rotate_left(32), 1000 + column as u64);
            let origin = odom_from_lidar.translation.vector;
            let turn = odom_from_lidar.rotation.to_rotation_matrix();
            let ahead = turn * Vector3::new(azimuth.cos(), azimuth.sin(), 0.0);
            let horizontal = ahead.x.hypot(ahead.y);
            let ahead = [ahead.x / horizontal, ahead.y / horizontal];
            let (azimuth_sin, azimuth_cos) = azimuth.sin_cos();
            scene.column(sectors.towards(ahead), &origin, ahead, self.beams.reach_m, &mut met);
            let mut no_ground_m = 0.0;
            for (ring, &(sin, cos)) in self.sines.iter().enumerate() {
                let beam = Vector3::new(cos * azimuth_cos, cos * azimuth_sin, sin);
                let direction = turn * beam;
                let stretch = 1.0 / (direction.x * direction.x + direction.y * direction.y).sqrt();
                let mut found = self.fire(scene, &met, &origin, &(direction * stretch), &mut no_ground_m, &mut random);
                if self.rain_mmph > 0.0
                    && let Some(drop) = self.drop_near(&mut random)
                    && found.is_none_or(|found| drop.distance < found.distance)
                {
                    found = Some(drop);
                }
                let (edge, share) = (random.unit(), random.unit());
                let last = std::mem::replace(&mut before[ring], found);
                if !columns.contains(&column) {
                    continue;
                }
                let Some(mut back) = found else { continue };
                let jump = last.map_or(0.0, |last| last.distance - back.distance);
                let mixed = edge < self.beams.overlap && (0.25..PULSE_M).contains(&jump.abs());
                if mixed {
                    back.distance += share * jump;
                }
                let distance = back.distance + self.beams.range_noise_m * random.normal() + self.beam_errors_m[ring];
                if distance < NEAR_M || distance > self.beams.reach_m {
                    continue;
                }
                let point = beam * distance;
                echoes.push(Echo {
                    point: [point.x, point.y, point.z].map(|v| (nearest(v * STEPS_PER_M) / STEPS_PER_M) as f32),
                    intensity: (nearest(back.intensity * INTENSITY_STEPS) / INTENSITY_STEPS) as f32,
                    ring: ring as u16,
                    time_ns: time_ns as u32,
                    object: back.object,
                    mixed,
                });
            }
        }
    }

    /// Follows a pulse through panes, nets and leaves to where it comes back from. `direction` is of horizontal length one.
    fn fire(
        &self,
        scene: &Scene,
        column: &Column,
        origin: &Vector3<f64>,
        direction: &Vector3<f64>,
        no_ground_m: &mut f64,
        random: &mut Random,
    ) -> Option<Return> {
        let stretch = direction.norm();
        let mut from = 0.0;
        for _ in 0..MOST_PANES {
            let hit = scene.cast(column, origin, direction, from, self.beams.reach_m, no_ground_m)?;
            let echo = echo_of(scene, &hit, &(origin + direction * hit.range));
            if echo.depth_m > 0.0 {
                let depth = -echo.depth_m * (1.0 - random.unit()).ln();
                if depth < (hit.exit - hit.range) * stretch {
                    return self.receive(&hit, &echo, hit.range * stretch + depth, direction, random);
                }
                from = hit.exit + 1e-6;
            } else if random.unit() < echo.solidity {
                let rough = echo.roughness_m * (random.unit() - 0.5) * 2.0;
                return self.receive(&hit, &echo, hit.range * stretch + rough, direction, random);
            } else if random.unit() < echo.clearness {
                from = hit.range + 1e-3;
            } else {
                return None;
            }
        }
        None
    }

    /// Share of a pulse's light that rain takes on one metre (Goodin, Carruth, Doude and Hudson, "Predicting the Influence of Rain
    /// on LIDAR in ADAS", Electronics 8(1), 2019; R in mm/h).
    fn extinction_1pm(&self) -> f64 {
        0.01 * self.rain_mmph.powf(0.6)
    }

    /// The echo of a drop near the sensor, if there is one: few of the drops on the first metres send enough light back.
    fn drop_near(&self, random: &mut Random) -> Option<Return> {
        let chance = DROP_SHARE * self.extinction_1pm() * DROPS_M;
        let (chosen, place) = (random.unit() < chance, random.unit());
        chosen.then_some(Return { distance: NEAR_M + DROPS_M * place * place, intensity: 0.02, object: None })
    }

    /// Whether enough light comes back: it falls with the square of the distance and, on rough surfaces, with the root of the
    /// cosine of the angle of incidence.
    fn receive(
        &self,
        hit: &Hit,
        echo: &surface::Echo,
        distance: f64,
        direction: &Vector3<f64>,
        random: &mut Random,
    ) -> Option<Return> {
        let incidence = (-hit.normal.dot(direction) / direction.norm()).clamp(0.0, 1.0);
        let (mut reflectivity, mut distance) = (echo.reflectivity, distance);
        if self.rain_mmph > 0.0 {
            // A film of water mirrors the pulse away from the road.
            let film = (self.rain_mmph / 5.0).min(1.0);
            reflectivity *= if matches!(hit.target, Target::Ground(_)) { 1.0 - 0.65 * film } else { 1.0 };
            reflectivity *= (-2.0 * self.extinction_1pm() * distance).exp();
            distance += RAIN_NOISE * distance * (1.0 - (-self.rain_mmph).exp()).powi(2) * random.normal();
        }
        let power = reflectivity * incidence.sqrt() / 0.1 * (self.beams.limit_m / distance).powi(2);
        if random.unit() >= 0.995 * power.min(1.0).sqrt() {
            return None;
        }
        let brightness = echo.reflectivity * incidence.powf(0.3) * (1.0 + 0.06 * random.normal());
        let object = if let Target::Part { object, .. } = hit.target { Some(object) } else { None };
        Some(Return { distance, intensity: brightness.clamp(0.0, 1.0), object })
    }

    /// Counter of the next sweep.
    pub fn next_seq(&self) -> u64 {
        self.seq
    }

    /// Counts a turn that was read in parts.
    pub fn end_turn(&mut self) {
        self.seq += 1;
    }

    /// Packs echoes as the lidar's message and counts it.
    pub fn sweep(&mut self, stamp: Stamp, echoes: &[Echo]) -> LidarSweep {
        let mut data = Vec::with_capacity(echoes.len() * SpinningPoint::STRIDE);
        for &Echo { point: position, intensity, ring, time_ns, .. } in echoes {
            SpinningPoint { position, intensity, ring, time_ns }.pack(&mut data);
        }
        let seq = self.seq;
        self.seq += 1;
        LidarSweep { seq, stamp, stride: SpinningPoint::STRIDE, fields: SpinningPoint::fields(), data: data.into() }
    }
}

/// The nearest whole number, of two the even one: without a call where the processor knows no rounding.
fn nearest(value: f64) -> f64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0; // 1.5 x 2^52: what is added to it keeps no fraction
    (value + SHIFT) - SHIFT
}

fn echo_of(scene: &Scene, hit: &Hit, point: &Vector3<f64>) -> surface::Echo {
    match hit.target {
        Target::Ground(surface) => surface.echo(point, &hit.normal),
        Target::Part { object, part, local, local_normal } => {
            scene.objects[object].body.parts[part].surface.echo(&local, &local_normal)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Body, Object, Part};
    use crate::shape::Shape;
    use crate::surface::Surface;
    use types::Pose2;

    /// A wall around the sensor, 30 m away, on flat ground.
    fn sweep(rain_mmph: f64) -> Vec<Echo> {
        let wall = |yaw: f64| {
            let shape = Shape::Block { min: Vector3::new(-0.2, -40.0, 0.0), max: Vector3::new(0.2, 40.0, 6.0) };
            let part = Part { shape, surface: Surface::Metal };
            let pose = Pose2 { x: 30.0 * yaw.cos(), y: 30.0 * yaw.sin(), yaw };
            Object::new(None, Body::new([0.4, 80.0, 6.0], vec![part]), pose, 0.0)
        };
        let objects = [0.0, 0.5 * PI, PI, -0.5 * PI].map(wall).to_vec();
        let mut scene = Scene { objects, ..Scene::default() };
        let lidar = Lidar::on_roof(&Sensors { lidar: LidarKind::Hdl64x1024, rain_mmph }, 3);
        let mut echoes = Vec::new();
        lidar.scan(&mut scene, |_, _| Isometry3::identity(), &mut echoes);
        echoes
    }

    fn distance(echo: &Echo) -> f32 {
        Vector3::from(echo.point).norm()
    }

    #[test]
    fn rain_takes_echoes_and_gives_drops_near_the_sensor() {
        let [dry, light, heavy] = [0.0, 2.0, 30.0].map(sweep);
        let drops = |echoes: &[Echo]| echoes.iter().filter(|echo| distance(echo) < 3.5).count();
        let walls = |echoes: &[Echo]| echoes.iter().filter(|echo| echo.object.is_some()).count();
        assert_eq!(drops(&dry), 0);
        assert!(drops(&light) > 10 && drops(&heavy) > 2 * drops(&light), "{} {}", drops(&light), drops(&heavy));
        assert!(walls(&dry) > 15_000 && walls(&heavy) < walls(&light) && walls(&light) <= walls(&dry));
        assert!(heavy.len() < dry.len());
    }

    #[test]
    fn ranges_scatter_as_the_maker_says() {
        let beams = LidarKind::Hdl64x1024.beams();
        let echoes = sweep(0.0);
        let ahead = |echo: &&Echo| echo.point[1].abs() < 8.0 && echo.point[0] > 20.0 && echo.object == Some(0);
        let errors: Vec<f64> =
            echoes.iter().filter(ahead).map(|echo| f64::from(echo.point[0]) - (30.0 - 0.2 - 1.2)).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let sigma = (errors.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / errors.len() as f64).sqrt();
        let expected = beams.range_noise_m.hypot(beams.beam_error_m);
        assert!(errors.len() > 1000 && mean.abs() < 0.01, "{mean} of {}", errors.len());
        assert!((sigma / expected - 1.0).abs() < 0.3, "{sigma} instead of {expected}");
    }
}
