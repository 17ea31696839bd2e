//! Objects from points that a network has named.

use super::cluster::Clusterer;
use super::extent;
use super::geometric::{GeometricConfig, GeometricDetector};
use super::ground::Ground;
use super::points::{self, Point};
use super::{join, lshape, suppress};
use models::PointLabels;
use serde::Deserialize;
use types::{Box3, Calibration, Detection3, ObjectClass, PointCloud};

/// What the [`SegmentDetector`] accepts.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentConfig {
    /// A point counts if the network is surer than this, 0..1.
    pub point_confidence: f32,
    /// Nearest point, m from the lidar.
    pub nearest_m: f32,
    /// Farthest point, m from the lidar.
    pub farthest_m: f32,
    /// Points lower than this above the ground do not count, m: labels smear from an object onto the ground behind it.
    pub clearance_m: f32,
    /// Whether boxes are extended to whole objects and joined with what geometry finds. Else they hold the named, visible
    /// points and nothing more.
    pub complete: bool,
}

impl Default for SegmentConfig {
    fn default() -> Self {
        Self { point_confidence: 0.6, nearest_m: 2.0, farthest_m: 50.0, clearance_m: 0.2, complete: true }
    }
}

/// The two groups that are clustered on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Vehicle,
    Vulnerable,
}

impl Group {
    const ALL: [Self; 2] = [Self::Vehicle, Self::Vulnerable];

    fn of(class: ObjectClass) -> Option<Self> {
        let vulnerable = class.is_vulnerable().then_some(Self::Vulnerable);
        if class.is_vehicle() { Some(Self::Vehicle) } else { vulnerable }
    }

    /// An object has at least so many points.
    const fn fewest_points(self) -> usize {
        match self {
            Self::Vehicle => 25,
            Self::Vulnerable => 15,
        }
    }

    /// Cells whose centres are this near belong together, m.
    const fn link_m(self) -> f32 {
        match self {
            Self::Vehicle => 0.6,
            Self::Vulnerable => 0.45,
        }
    }
}

/// Boxes around the points that a network has named as vehicles or people, and around what it has not named.
pub struct SegmentDetector {
    config: SegmentConfig,
    geometry: GeometricDetector,
    clusterer: Clusterer,
    /// The points of each group.
    chosen: [Chosen; 2],
    members: Vec<Point>,
}

/// Points of a group, and the index in the sweep of each.
#[derive(Default)]
struct Chosen {
    points: Vec<Point>,
    source: Vec<u32>,
}

impl SegmentDetector {
    /// A detector with its buffers.
    #[must_use]
    pub fn new(config: SegmentConfig) -> Self {
        let geometry = GeometricConfig { farthest_m: config.farthest_m, ..GeometricConfig::default() };
        Self {
            config,
            geometry: GeometricDetector::new(geometry),
            clusterer: Clusterer::new(0.1, config.farthest_m + 3.0),
            chosen: Default::default(),
            members: Vec::new(),
        }
    }

    /// Geometry of the whole sweep; then for vehicles and for people: named points, clusters, box, gates, class, extent;
    /// then both lists as one. Points of `cloud` beyond the end of `labels` are background.
    pub fn step(&mut self, cloud: &PointCloud, labels: &PointLabels, calibration: &Calibration) -> Vec<Detection3> {
        let sensor = points::sensor(&calibration.base_from_lidar);
        let shapes = self.geometry.step(cloud, calibration);
        let mut found = Vec::new();
        self.choose(labels, sensor);
        for (group, chosen) in Group::ALL.into_iter().zip(&self.chosen) {
            for cluster in self.clusterer.cluster(&chosen.points, group.link_m()).iter() {
                if cluster.len() < group.fewest_points() {
                    continue;
                }
                self.members.clear();
                self.members.extend(cluster.iter().map(|&at| chosen.points[at as usize]));
                let summary = Summary::of(cluster.iter().map(|&at| chosen.source[at as usize] as usize), labels);
                found.extend(detection(&self.config, group, &self.members, &summary, self.geometry.ground(), sensor));
            }
        }
        if self.config.complete {
            found = join::join(&found, &shapes);
            suppress::parts(&mut found, ObjectClass::is_vulnerable);
        }
        found
    }

    /// Collects the points of both groups.
    fn choose(&mut self, labels: &PointLabels, sensor: [f32; 2]) {
        for chosen in &mut self.chosen {
            chosen.points.clear();
            chosen.source.clear();
        }
        let config = &self.config;
        let (ground, all) = (self.geometry.ground(), self.geometry.points());
        let named = labels.class.iter().zip(&labels.confidence);
        for (at, (class, confidence)) in named.enumerate().take(all.len()) {
            let Some(group) = class.and_then(Group::of) else { continue };
            if *confidence <= config.point_confidence {
                continue;
            }
            let point = all.at(at);
            let range = (point[0] - sensor[0]).hypot(point[1] - sensor[1]);
            let is_near = (config.nearest_m..config.farthest_m).contains(&range);
            if is_near && ground.height_of(all, at) > config.clearance_m {
                let chosen = &mut self.chosen[group as usize];
                chosen.points.push(point);
                chosen.source.push(at as u32);
            }
        }
    }
}

/// The object of a cluster, if it is plausible.
fn detection(
    config: &SegmentConfig,
    group: Group,
    members: &[Point],
    summary: &Summary,
    ground: &Ground,
    sensor: [f32; 2],
) -> Option<Detection3> {
    if summary.confidence <= 0.65 {
        return None;
    }
    let mut bbox = extent::visible(members, &lshape::fit(members, if config.complete { 1.0 } else { 0.0 })?);
    if !is_plausible(group, &bbox, ground) {
        return None;
    }
    let class = summary.class(bbox.length);
    if config.complete {
        extent::stand_on(&mut bbox, ground);
        extent::complete(&mut bbox, class, sensor);
    }
    extent::point_forward(&mut bbox);
    let score = summary.confidence * (summary.count as f64 / 200.0).min(1.0);
    Some(Detection3 { bbox, class, score, point_count: summary.count as u32, camera: None, seen_after_s: 0.0 })
}

/// Whether a visible box can be one of its group.
fn is_plausible(group: Group, visible: &Box3, ground: &Ground) -> bool {
    let floor = f64::from(ground.height_at(visible.center[0] as f32, visible.center[1] as f32));
    let bottom = visible.center[2] - 0.5 * visible.height - floor;
    let top = bottom + visible.height;
    match group {
        Group::Vehicle => visible.length > 1.0 && visible.height > 0.5 && (visible.length < 6.0 || top > 1.6),
        Group::Vulnerable => (0.8..2.3).contains(&top) && bottom < 1.0,
    }
}

/// What the network says about the points of a cluster.
struct Summary {
    count: usize,
    confidence: f64,
    per_class: [usize; ObjectClass::ALL.len()],
}

impl Summary {
    fn of(members: impl Iterator<Item = usize>, labels: &PointLabels) -> Self {
        let (mut count, mut sum, mut per_class) = (0, 0.0, [0; ObjectClass::ALL.len()]);
        for at in members {
            if let (Some(Some(class)), Some(confidence)) = (labels.class.get(at), labels.confidence.get(at)) {
                count += 1;
                sum += f64::from(confidence.min(1.0));
                per_class[*class as usize] += 1;
            }
        }
        Self { count, confidence: sum / (count.max(1) as f64), per_class }
    }

    /// The class of most points, of equals the first, with one exception: a network names most of a rider a person. Whom it
    /// names a cyclist or a motorcyclist in part, or who is longer than a person, is no pedestrian.
    fn class(&self, visible_length: f64) -> ObjectClass {
        let most = |classes: &[ObjectClass]| {
            classes.iter().rev().copied().max_by_key(|&class| self.per_class[class as usize]).unwrap_or_default()
        };
        let class = most(&ObjectClass::ALL);
        let ridden = most(&[ObjectClass::Cyclist, ObjectClass::Motorcycle]);
        let ridden_share = self.per_class[ridden as usize] as f64 / self.count.max(1) as f64;
        let is_rider = ridden_share > 0.25 || visible_length > 1.05;
        if class == ObjectClass::Pedestrian && is_rider { ridden } else { class }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Lidar, standing};
    use super::*;
    use proptest::prelude::*;

    const LIDAR: Lidar = Lidar { beams: 64, height_m: 1.73 };

    /// What the detector finds among boxes that the network has named without fault.
    fn detect(config: SegmentConfig, world: &[(Box3, Option<ObjectClass>)]) -> Vec<Detection3> {
        let boxes: Vec<Box3> = world.iter().map(|(bbox, _)| *bbox).collect();
        let (cloud, hits) = LIDAR.sweep(&boxes);
        let class: Vec<_> = hits.iter().map(|hit| hit.and_then(|index| world[index].1)).collect();
        let labels = PointLabels { confidence: vec![0.9; class.len()], class };
        SegmentDetector::new(config).step(&cloud, &labels, &LIDAR.calibration())
    }

    #[test]
    fn a_named_car_is_whole_and_a_visible_one_is_not() {
        let car = standing(14.0, 1.0, [4.3, 1.8, 1.5], 0.0);
        let whole = detect(SegmentConfig::default(), &[(car, Some(ObjectClass::Car))]);
        let [object] = whole.as_slice() else { panic!("{whole:?}") };
        assert_eq!(object.class, ObjectClass::Car);
        assert!(object.bbox.iou_bev(&car) > 0.85 && object.score > 0.8, "{object:?}");
        let seen =
            detect(SegmentConfig { complete: false, ..SegmentConfig::default() }, &[(car, Some(ObjectClass::Car))]);
        let [object] = seen.as_slice() else { panic!("{seen:?}") };
        assert!(
            object.bbox.height < 1.4 && object.bbox.length < 4.4,
            "without the part below the clearance: {object:?}"
        );
    }

    #[test]
    fn what_is_not_named_is_kept_with_a_lower_score() {
        let car = (standing(14.0, 1.0, [4.3, 1.8, 1.5], 0.0), None);
        let found = detect(SegmentConfig::default(), &[car]);
        let [object] = found.as_slice() else { panic!("{found:?}") };
        assert!(object.score < 0.4 && object.bbox.iou_bev(&car.0) > 0.8, "{object:?}");
    }

    #[test]
    fn a_long_person_rides() {
        let class = |length: f64| {
            let person = standing(9.0, -2.0, [length, 0.5, 1.7], 1.2);
            detect(SegmentConfig::default(), &[(person, Some(ObjectClass::Pedestrian))])[0].class
        };
        assert_eq!(class(0.6), ObjectClass::Pedestrian);
        assert_eq!(class(1.6), ObjectClass::Cyclist);
        let summary = |per_class: [usize; 9]| Summary { count: per_class.iter().sum(), confidence: 0.9, per_class };
        assert_eq!(summary([0, 0, 0, 0, 0, 30, 70, 0, 0]).class(0.7), ObjectClass::Cyclist);
        assert_eq!(summary([0, 0, 0, 0, 40, 10, 50, 0, 0]).class(0.7), ObjectClass::Motorcycle);
        assert_eq!(summary([0, 40, 60, 0, 0, 0, 0, 0, 0]).class(5.0), ObjectClass::Truck);
    }

    proptest! {
        #[test]
        fn any_points_and_labels_give_valid_objects(
            points in proptest::collection::vec(
                (prop::array::uniform3(prop_oneof![8 => -6.0..6.0f32, 1 => any::<f32>()]), 0..9usize, prop_oneof![3 => 0.5..1.0f32, 1 => any::<f32>()]),
                0..500,
            ),
            fewer in 0..600usize,
        ) {
            let column = |axis: usize| points.iter().map(|(point, _, _)| point[axis]).collect::<Vec<f32>>();
            let cloud = PointCloud { x: column(0), y: column(1), z: column(2), ..PointCloud::default() };
            let class = points.iter().map(|(_, class, _)| Some(ObjectClass::ALL[*class])).take(fewer).collect();
            let labels = PointLabels { class, confidence: points.iter().map(|(_, _, confidence)| *confidence).collect() };
            for object in SegmentDetector::new(SegmentConfig::default()).step(&cloud, &labels, &LIDAR.calibration()) {
                prop_assert!(object.bbox.is_valid() && (0.0..=1.0).contains(&object.score));
            }
        }
    }
}
