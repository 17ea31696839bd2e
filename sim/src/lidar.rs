//! A spinning lidar with 32 beams. Every column has its own instant, so what moves is distorted.

use crate::random::Random;
use crate::scene::{Candidate, Hit, Scene, Target};
use nalgebra::{Isometry3, Vector3};
use std::f64::consts::{PI, TAU};
use types::{LidarSweep, Pose2, SpinningPoint, Stamp};

/// Time of one turn, ns.
pub const SWEEP_NS: i64 = 100_000_000;
/// Columns of one turn.
pub const COLUMNS: usize = 720;
/// Elevations of the beams, degrees, lowest first: dense around the horizon like the Velodyne VLP-32C.
const BEAMS_DEG: [f64; 32] = [
    -25.0, -15.639, -11.31, -8.843, -7.254, -6.148, -5.333, -4.667, -4.0, -3.667, -3.333, -3.0, -2.667, -2.333, -2.0,
    -1.667, -1.333, -1.0, -0.667, -0.333, 0.0, 0.333, 0.667, 1.0, 1.333, 1.667, 2.333, 3.333, 4.667, 7.0, 10.333, 15.0,
];
const REACH_M: f64 = 120.0;
const RANGE_NOISE_M: f64 = 0.012;
/// Range at which a surface of reflectivity 0.1 met at a right angle is on the limit of being seen, m.
const LIMIT_M: f64 = 100.0;
/// Steps of a coordinate per metre: 8 mm, below the noise, and few bits, so that recordings stay small.
const STEPS_PER_M: f64 = 128.0;
/// Steps of the intensity from 0 to 1.
const INTENSITY_STEPS: f64 = 64.0;

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
}

/// The sensor: its mounting and its noise.
#[derive(Clone, Debug)]
pub struct Lidar {
    /// Pose seen from `base_link`.
    pub base_from_lidar: Isometry3<f64>,
    random: Random,
    seq: u64,
    candidates: Vec<Candidate>,
}

impl Lidar {
    /// A lidar on the roof.
    pub fn new(seed: u64) -> Self {
        let base_from_lidar = Isometry3::translation(1.2, 0.0, 1.8);
        Self { base_from_lidar, random: Random::new(seed, 30), seq: 0, candidates: Vec::new() }
    }

    /// One turn, clockwise from the rear. `pose_at(scene, time_ns)` brings the scene to an instant of the turn, in ns after its
    /// start, and gives the pose of `base_link` then.
    pub fn scan(
        &mut self,
        scene: &mut Scene,
        mut pose_at: impl FnMut(&mut Scene, i64) -> Pose2,
        echoes: &mut Vec<Echo>,
    ) {
        echoes.clear();
        for column in 0..COLUMNS {
            let time_ns = column as i64 * SWEEP_NS / COLUMNS as i64;
            let azimuth = PI - (column as f64 + 0.5) * TAU / COLUMNS as f64;
            let base = pose_at(scene, time_ns);
            let [x, y] = base.transform(self.base_from_lidar.translation.x, self.base_from_lidar.translation.y);
            let origin = Vector3::new(x, y, self.base_from_lidar.translation.z);
            let (sin, cos) = (base.yaw + azimuth).sin_cos();
            scene.column(&origin, [cos, sin], REACH_M, &mut self.candidates);
            for (ring, elevation) in BEAMS_DEG.iter().enumerate() {
                let slope = elevation.to_radians().tan();
                let direction = Vector3::new(cos, sin, slope);
                let Some(hit) = scene.cast(&self.candidates, &origin, &direction, REACH_M) else { continue };
                if let Some((range, intensity)) =
                    self.receive(scene, &hit, &(origin + direction * hit.range), &direction)
                {
                    let (sin, cos) = azimuth.sin_cos();
                    let point = [range * cos, range * sin, range * slope];
                    echoes.push(Echo {
                        point: point.map(|v| ((v * STEPS_PER_M).round() / STEPS_PER_M) as f32),
                        intensity: ((intensity * INTENSITY_STEPS).round() / INTENSITY_STEPS) as f32,
                        ring: ring as u16,
                        time_ns: time_ns as u32,
                        object: if let Target::Part { object, .. } = hit.target { Some(object) } else { None },
                    });
                }
            }
        }
    }

    /// Horizontal range with noise and intensity of a hit, or `None` if too little light comes back.
    fn receive(
        &mut self,
        scene: &Scene,
        hit: &Hit,
        point: &Vector3<f64>,
        direction: &Vector3<f64>,
    ) -> Option<(f64, f64)> {
        let echo = match hit.target {
            Target::Ground(surface) => surface.echo(point, &hit.normal),
            Target::Part { object, part, local, local_normal } => {
                scene.objects[object].body.parts[part].surface.echo(&local, &local_normal)
            }
        };
        let stretch = direction.norm();
        let incidence = (-hit.normal.dot(direction) / stretch).clamp(0.0, 1.0);
        let distance = hit.range * stretch;
        let power = echo.reflectivity * incidence / 0.1 * (LIMIT_M / distance).powi(2);
        let seen = 0.997 * echo.solidity * power.min(1.0).sqrt();
        if self.random.unit() >= seen {
            return None;
        }
        let error = RANGE_NOISE_M * self.random.normal() + echo.depth_m * self.random.unit();
        let brightness = echo.reflectivity * incidence.powf(0.3) * (1.0 + 0.06 * self.random.normal());
        Some((hit.range + error / stretch, brightness.clamp(0.0, 1.0)))
    }

    /// Packs echoes as the lidar's message.
    pub fn sweep(&mut self, stamp: Stamp, echoes: &[Echo]) -> LidarSweep {
        let mut data = Vec::with_capacity(echoes.len() * SpinningPoint::STRIDE);
        for &Echo { point: position, intensity, ring, time_ns, .. } in echoes {
            SpinningPoint { position, intensity, ring, time_ns }.pack(&mut data);
        }
        let seq = self.seq;
        self.seq += 1;
        LidarSweep { seq, stamp, stride: SpinningPoint::STRIDE, fields: SpinningPoint::fields(), data }
    }
}
