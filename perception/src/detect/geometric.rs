//! Objects from geometry alone: what stands above the ground, in pieces of plausible size.

use super::cluster::Clusterer;
use super::extent;
use super::ground::Ground;
use super::lshape;
use super::points::{self, Point};
use super::suppress;
use super::size::{self, Shape, Verdict};
use serde::Deserialize;
use types::{Box3, Calibration, Detection3, ObjectClass, PointCloud};

/// Cells whose centres are this near belong together, m.
const LINK_M: f32 = 0.4;
/// Points higher above the ground than this say nothing about what stands below them, m.
const HIGHEST_M: f32 = 4.5;
/// Clusters of fewer points are noise.
const FEWEST_POINTS: usize = 8;
/// The strip ahead in which structures are reported: its length and half its width, m.
const CORRIDOR_M: f32 = 35.0;
const CORRIDOR_HALF_WIDTH_M: f32 = 1.5;

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
    all: Vec<Point>,
    ground: Ground,
    standing: Vec<Point>,
    overhead: Vec<Point>,
    overhead_of: Vec<usize>,
    members: Vec<Point>,
}

impl GeometricDetector {
    /// A detector with its buffers.
    #[must_use]
    pub fn new(config: GeometricConfig) -> Self {
        Self {
            config,
            clusterer: Clusterer::new(0.2, config.farthest_m + 3.0),
            all: Vec::new(),
            ground: Ground::default(),
            standing: Vec::new(),
            overhead: Vec::new(),
            overhead_of: Vec::new(),
            members: Vec::new(),
        }
    }

    /// Ground, clusters of what stands on it, what is above them, L-shape, class by size, extent.
    pub fn step(&mut self, cloud: &PointCloud, calibration: &Calibration) -> Vec<Detection3> {
        let sensor = points::sensor(&calibration.base_from_lidar);
        points::to_base(cloud, &calibration.base_from_lidar, &mut self.all);
        self.ground.fit(&self.all, sensor);
        self.stand(sensor);
        let clusters = self.clusterer.cluster(&self.standing, LINK_M);
        self.overhead_of.clear();
        self.overhead_of.resize(clusters.len(), 0);
        for cluster in self.overhead.iter().filter_map(|point| clusters.at(point)) {
            self.overhead_of[cluster] += 1;
        }
        let mut found = Vec::new();
        for (cluster, &overhead) in clusters.iter().zip(&self.overhead_of) {
            self.members.clear();
            self.members.extend(cluster.iter().map(|&at| self.standing[at as usize]));
            let surroundings = Surroundings { ground: &self.ground, sensor, sweep_points: self.all.len() };
            found.extend(detection(&self.members, overhead, &surroundings));
        }
        suppress::parts(&mut found);
        found
    }

    /// All points of the last sweep, in its order.
    pub(super) fn points(&self) -> &[Point] {
        &self.all
    }

    /// The ground of the last sweep.
    pub(super) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Sorts out the points that stand above the ground, and those high above it.
    fn stand(&mut self, sensor: [f32; 2]) {
        let GeometricConfig { nearest_m, farthest_m, clearance_m, overhead_m } = self.config;
        self.standing.clear();
        self.overhead.clear();
        for point in &self.all {
            let (dx, dy) = (point[0] - sensor[0], point[1] - sensor[1]);
            if !(nearest_m * nearest_m..farthest_m * farthest_m).contains(&(dx * dx + dy * dy)) {
                continue;
            }
            let height = self.ground.height_above(point);
            if (clearance_m..overhead_m).contains(&height) {
                self.standing.push(*point);
            } else if (overhead_m..HIGHEST_M).contains(&height) {
                self.overhead.push(*point);
            }
        }
    }
}

/// What a cluster is judged against.
struct Surroundings<'a> {
    ground: &'a Ground,
    sensor: [f32; 2],
    sweep_points: usize,
}

fn detection(members: &[Point], overhead: usize, around: &Surroundings) -> Option<Detection3> {
    if members.len() < FEWEST_POINTS {
        return None;
    }
    let mut bbox = extent::visible(members, &lshape::fit(members, 1.0)?);
    extent::stand_on(&mut bbox, around.ground);
    let shape = Shape {
        bbox,
        upper_length: extent::upper_length(members, &bbox),
        points: members.len(),
        overhead_share: overhead as f64 / members.len() as f64,
        range: (bbox.center[0] - f64::from(around.sensor[0])).hypot(bbox.center[1] - f64::from(around.sensor[1])),
        sweep_points: around.sweep_points,
    };
    let (class, score) = match size::judge(&shape) {
        Verdict::Object(class, score) => (class, score),
        Verdict::Structure => {
            bbox = in_the_way(members, around.ground)?;
            (ObjectClass::Unknown, 0.5)
        }
        Verdict::Nothing => return None,
    };
    extent::complete(&mut bbox, class, around.sensor);
    extent::point_forward(&mut bbox);
    Some(Detection3 { bbox, class, score, point_count: members.len() as u32, camera: None })
}

/// The nearest face of a structure that stands in the ego's own corridor, as a box across it.
///
/// A structure has no extent that could be followed: its visible part slides along with the ego. Beside the road it is
/// left out. Straight ahead it must not be hit, and there its nearest face is well defined.
fn in_the_way(members: &[Point], ground: &Ground) -> Option<Box3> {
    let in_corridor = |point: &&Point| point[0] > 0.0 && point[0] < CORRIDOR_M && point[1].abs() < CORRIDOR_HALF_WIDTH_M;
    let nearest = members.iter().filter(in_corridor).map(|point| point[0]).min_by(f32::total_cmp)?;
    let face: Vec<Point> = members.iter().filter(in_corridor).filter(|p| p[0] < nearest + 1.0).copied().collect();
    let mut bbox = extent::visible(&face, &lshape::rectangle_at(&face, 0.0)?);
    extent::stand_on(&mut bbox, ground);
    (face.len() >= 2 * FEWEST_POINTS && bbox.height > 0.5).then_some(bbox)
}
