//! Objects from geometry alone: what stands above the ground, in pieces of plausible size.

use super::cluster::Clusterer;
use super::extent;
use super::ground::Ground;
use super::lshape;
use super::points::{self, Columns, Point};
use super::size::{self, Shape, Verdict};
use super::suppress;
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
/// So many points are sorted out at a time.
const BLOCK: usize = 256;

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
    /// Whether boxes are extended to whole objects. Else they hold the visible points and nothing more.
    pub complete: bool,
}

impl Default for GeometricConfig {
    fn default() -> Self {
        Self { nearest_m: 2.5, farthest_m: 50.0, clearance_m: 0.3, overhead_m: 2.2, complete: true }
    }
}

/// Boxes around everything of the size of a road user, and around what stands in the way.
pub struct GeometricDetector {
    config: GeometricConfig,
    clusterer: Clusterer,
    all: Columns,
    ground: Ground,
    standing: Vec<Point>,
    overhead: Vec<Point>,
    overhead_of: Vec<Overhead>,
    members: Vec<Point>,
}

impl GeometricDetector {
    /// A detector with its buffers.
    #[must_use]
    pub fn new(config: GeometricConfig) -> Self {
        Self {
            config,
            clusterer: Clusterer::new(0.2, config.farthest_m + 3.0),
            all: Columns::default(),
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
        self.all.fill(cloud, &calibration.base_from_lidar);
        self.ground.fit(&self.all, sensor);
        self.stand(sensor);
        let clusters = self.clusterer.cluster(&self.standing, LINK_M);
        self.overhead_of.clear();
        self.overhead_of.resize(clusters.len(), Overhead { points: 0, top: f32::NEG_INFINITY });
        for point in &self.overhead {
            if let Some(cluster) = clusters.at(point) {
                let above = &mut self.overhead_of[cluster];
                (above.points, above.top) = (above.points + 1, above.top.max(point[2]));
            }
        }
        let mut found = Vec::new();
        for (cluster, overhead) in clusters.iter().zip(&self.overhead_of) {
            if cluster.len() < FEWEST_POINTS {
                continue;
            }
            self.members.clear();
            self.members.extend(cluster.iter().map(|&at| self.standing[at as usize]));
            let sweep_points = self.all.len();
            let surroundings =
                Surroundings { ground: &self.ground, sensor, sweep_points, complete: self.config.complete };
            found.extend(detection(&self.members, overhead, &surroundings));
        }
        suppress::parts(&mut found, |_| false);
        found
    }

    /// All points of the last sweep, in its order.
    pub(super) fn points(&self) -> &Columns {
        &self.all
    }

    /// The ground of the last sweep.
    pub(super) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Sorts out the points that stand above the ground, and those high above it.
    fn stand(&mut self, sensor: [f32; 2]) {
        let GeometricConfig { nearest_m, farthest_m, clearance_m, overhead_m, .. } = self.config;
        self.standing.clear();
        self.overhead.clear();
        let (ranges, all) = (nearest_m * nearest_m..farthest_m * farthest_m, &self.all);
        let (mut heights, mut standing, mut overhead) = ([0.0; BLOCK], [0; BLOCK], [0; BLOCK]);
        for first in (0..all.len()).step_by(BLOCK) {
            let count = BLOCK.min(all.len() - first);
            self.ground.heights_above(all, first, &mut heights[..count]);
            // Every point is noted and the note kept if it counts: a branch would be guessed wrong for most.
            let [mut stands, mut is_above] = [0; 2];
            for (at, height) in (first..).zip(&heights[..count]) {
                let (dx, dy) = (all.x[at] - sensor[0], all.y[at] - sensor[1]);
                let is_near = ranges.contains(&(dx * dx + dy * dy));
                standing[stands] = at;
                stands += usize::from(is_near & (clearance_m..overhead_m).contains(height));
                overhead[is_above] = at;
                is_above += usize::from(is_near & (overhead_m..HIGHEST_M).contains(height));
            }
            self.standing.extend(standing[..stands].iter().map(|&at| all.at(at)));
            self.overhead.extend(overhead[..is_above].iter().map(|&at| all.at(at)));
        }
    }
}

/// What is above a cluster.
#[derive(Clone, Copy)]
struct Overhead {
    points: usize,
    /// Height of the highest in `base_link`, m.
    top: f32,
}

/// What a cluster is judged against.
struct Surroundings<'a> {
    ground: &'a Ground,
    sensor: [f32; 2],
    sweep_points: usize,
    complete: bool,
}

fn detection(members: &[Point], overhead: &Overhead, around: &Surroundings) -> Option<Detection3> {
    let mut bbox = extent::visible(members, &lshape::fit(members, 1.0)?);
    extent::stand_on(&mut bbox, around.ground);
    let shape = Shape {
        bbox,
        upper_length: extent::upper_length(members, &bbox),
        points: members.len(),
        overhead_share: overhead.points as f64 / members.len() as f64,
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
    if class == ObjectClass::Truck {
        extent::raise_to(&mut bbox, f64::from(overhead.top));
    }
    if around.complete {
        extent::complete(&mut bbox, class, around.sensor);
        extent::point_forward(&mut bbox);
    }
    Some(Detection3 { bbox, class, score, point_count: members.len() as u32, camera: None, seen_after_s: 0.0 })
}

/// The nearest face of a structure that stands in the ego's own corridor, as a box across it.
///
/// A structure has no extent that could be followed: its visible part slides along with the ego. Beside the road it is
/// left out. Straight ahead it must not be hit, and there its nearest face is well defined.
fn in_the_way(members: &[Point], ground: &Ground) -> Option<Box3> {
    let in_corridor =
        |point: &&Point| point[0] > 0.0 && point[0] < CORRIDOR_M && point[1].abs() < CORRIDOR_HALF_WIDTH_M;
    let nearest = members.iter().filter(in_corridor).map(|point| point[0]).min_by(f32::total_cmp)?;
    let face: Vec<Point> = members.iter().filter(in_corridor).filter(|p| p[0] < nearest + 1.0).copied().collect();
    let mut bbox = extent::visible(&face, &lshape::rectangle_at(&face, 0.0)?);
    extent::stand_on(&mut bbox, ground);
    (face.len() >= 2 * FEWEST_POINTS && bbox.height > 0.5).then_some(bbox)
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Lidar, standing};
    use super::*;
    use proptest::prelude::*;

    fn detect(lidar: &Lidar, boxes: &[Box3]) -> Vec<Detection3> {
        GeometricDetector::new(GeometricConfig::default()).step(&lidar.sweep(boxes).0, &lidar.calibration())
    }

    #[test]
    fn the_car_ahead_is_found_by_any_lidar_with_its_rear_in_place() {
        for (beams, height_m) in [(16, 1.73), (32, 2.3), (64, 1.73), (64, 0.9)] {
            let lidar = Lidar { beams, height_m };
            for rear in [7.0, 12.0, 20.0] {
                let car = standing(rear + 2.15, 0.2, [4.3, 1.8, 1.5], 0.0);
                let found = detect(&lidar, &[car]);
                let [object] = found.as_slice() else { panic!("{beams} beams, rear at {rear}: {found:?}") };
                assert_eq!(object.class, ObjectClass::Car);
                let b = object.bbox;
                assert!((b.center[0] - 0.5 * b.length - rear).abs() < 0.15, "rear {rear}: {b:?}");
                assert!((b.center[1] - 0.2).abs() < 0.2 && b.yaw.abs() < 0.1 && b.iou_bev(&car) > 0.75, "{b:?}");
                assert!((b.center[2] - 0.5 * b.height).abs() < 0.3, "stands on the ground: {b:?}");
            }
        }
    }

    #[test]
    fn people_poles_and_trucks_are_told_apart() {
        let lidar = Lidar { beams: 64, height_m: 1.73 };
        let person = standing(10.0, 4.0, [0.5, 0.6, 1.75], 0.0);
        let pole = standing(12.0, -4.0, [0.3, 0.3, 6.0], 0.0);
        let truck = standing(16.0, 9.0, [9.0, 2.5, 3.6], 0.1);
        let found = detect(&lidar, &[person, pole, truck]);
        let class_at = |b: &Box3| found.iter().find(|object| object.bbox.iou_bev(b) > 0.2).map(|object| object.class);
        assert_eq!(class_at(&person), Some(ObjectClass::Pedestrian));
        assert_eq!(class_at(&pole), Some(ObjectClass::Unknown));
        assert_eq!(class_at(&truck), Some(ObjectClass::Truck));
    }

    #[test]
    fn a_wall_counts_only_where_it_is_in_the_way() {
        let lidar = Lidar { beams: 64, height_m: 1.73 };
        let beside = standing(10.0, 8.0, [40.0, 0.4, 3.0], 0.0);
        assert_eq!(detect(&lidar, &[beside]), []);
        let across = standing(20.0, 0.0, [0.4, 40.0, 3.0], 0.0);
        let found = detect(&lidar, &[across]);
        let [object] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(object.class, ObjectClass::Unknown);
        let nearest = object.bbox.corners_bev().iter().map(|corner| corner[0]).fold(f64::INFINITY, f64::min);
        assert!((nearest - 19.8).abs() < 0.1 && object.bbox.length.max(object.bbox.width) > 2.5, "{object:?}");
    }

    #[test]
    fn a_sweep_leaves_nothing_behind() {
        let lidar = Lidar { beams: 32, height_m: 1.73 };
        let sweeps = [8.0, 14.0].map(|x| lidar.sweep(&[standing(x, 1.0, [4.3, 1.8, 1.5], 0.3)]).0);
        let mut used = GeometricDetector::new(GeometricConfig::default());
        used.step(&sweeps[0], &lidar.calibration());
        let again = used.step(&sweeps[1], &lidar.calibration());
        assert_eq!(again, GeometricDetector::new(GeometricConfig::default()).step(&sweeps[1], &lidar.calibration()));
        assert!(!again.is_empty());
    }

    proptest! {
        #[test]
        fn any_points_give_valid_objects(
            points in proptest::collection::vec(prop::array::uniform3(prop_oneof![8 => -12.0..12.0f32, 1 => any::<f32>()]), 0..400),
        ) {
            let column = |axis: usize| points.iter().map(|point| point[axis]).collect::<Vec<f32>>();
            let cloud = PointCloud { x: column(0), y: column(1), z: column(2), ..PointCloud::default() };
            let calibration = Lidar { beams: 2, height_m: 1.7 }.calibration();
            for object in GeometricDetector::new(GeometricConfig::default()).step(&cloud, &calibration) {
                prop_assert!(object.bbox.is_valid() && (0.0..=1.0).contains(&object.score));
            }
        }
    }
}
