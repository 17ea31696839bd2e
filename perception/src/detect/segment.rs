//! Objects from points that a network has named.

use super::cluster::Clusterer;
use super::extent::{self, LeastSize};
use super::ground::Ground;
use super::lshape;
use super::points::{self, Point};
use serde::Deserialize;
use types::{Calibration, Detection3, ObjectClass, PointCloud};

/// What the [`SegmentDetector`] accepts.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SegmentConfig {
    /// A point counts if the network is at least this sure, 0..1.
    pub point_confidence: f32,
    /// Nearest point, m from the lidar.
    pub nearest_m: f32,
    /// Farthest point, m from the lidar.
    pub farthest_m: f32,
    /// Whether boxes are extended to the size their class has at least; else they hold the visible points alone.
    pub complete: bool,
}

impl Default for SegmentConfig {
    fn default() -> Self {
        Self { point_confidence: 0.6, nearest_m: 2.0, farthest_m: 50.0, complete: true }
    }
}

/// The two groups that are clustered on their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Vehicle,
    Vulnerable,
}

/// Boxes around the points that a network has named as vehicles or people.
pub struct SegmentDetector {
    config: SegmentConfig,
    clusterer: Clusterer,
    ground: Ground,
    all: Vec<Point>,
    chosen: Vec<Point>,
    /// Index in the sweep of each chosen point.
    source: Vec<u32>,
    members: Vec<Point>,
}

impl SegmentDetector {
    /// A detector with its buffers.
    #[must_use]
    pub fn new(config: SegmentConfig) -> Self {
        Self {
            config,
            clusterer: Clusterer::new(0.1, config.farthest_m + 3.0),
            ground: Ground::default(),
            all: Vec::new(),
            chosen: Vec::new(),
            source: Vec::new(),
            members: Vec::new(),
        }
    }

    /// Finds vehicles, then vulnerable road users: named points, components of 0.1 m cells, L-shape, gates, class, extent.
    ///
    /// `class` and `confidence` have one entry for each point of `cloud`; points without one are background.
    pub fn step_slices(
        &mut self,
        cloud: &PointCloud,
        class: &[Option<ObjectClass>],
        confidence: &[f32],
        calibration: &Calibration,
    ) -> Vec<Detection3> {
        let sensor = points::sensor(&calibration.base_from_lidar);
        points::to_base(cloud, &calibration.base_from_lidar, &mut self.all);
        self.ground.fit(&self.all, sensor);
        let mut found = Vec::new();
        for (group, link_m) in [(Group::Vehicle, 0.6), (Group::Vulnerable, 0.45)] {
            self.choose(group, class, confidence, sensor);
            for cluster in self.clusterer.cluster(&self.chosen, link_m).iter() {
                self.members.clear();
                self.members.extend(cluster.iter().map(|&at| self.chosen[at as usize]));
                let named = cluster.iter().filter_map(|&at| {
                    let at = self.source[at as usize] as usize;
                    Some((class[at]?, confidence[at]))
                });
                let summary = Summary::of(named);
                found.extend(detection(&self.config, group, &self.members, &summary, &self.ground, sensor));
            }
        }
        found
    }

    fn choose(&mut self, group: Group, class: &[Option<ObjectClass>], confidence: &[f32], sensor: [f32; 2]) {
        self.chosen.clear();
        self.source.clear();
        let near_far = self.config.nearest_m..self.config.farthest_m;
        for (at, ((point, class), confidence)) in self.all.iter().zip(class).zip(confidence).enumerate() {
            let wanted = class.is_some_and(|class| match group {
                Group::Vehicle => class.is_vehicle(),
                Group::Vulnerable => class.is_vulnerable(),
            });
            let range = || (point[0] - sensor[0]).hypot(point[1] - sensor[1]);
            let stands_out = || self.ground.height_above(point) > knob("GC", 0.2) as f32;
            if wanted && *confidence > self.config.point_confidence && near_far.contains(&range()) && stands_out() {
                self.chosen.push(*point);
                self.source.push(at as u32);
            }
        }
    }
}

/// What the network says about the points of a cluster.
struct Summary {
    count: usize,
    confidence: f64,
    per_class: [usize; ObjectClass::ALL.len()],
}

impl Summary {
    fn of(named: impl Iterator<Item = (ObjectClass, f32)>) -> Self {
        let (mut count, mut sum, mut per_class) = (0, 0.0, [0; ObjectClass::ALL.len()]);
        for (class, confidence) in named {
            count += 1;
            sum += f64::from(confidence.min(1.0));
            per_class[class as usize] += 1;
        }
        Self { count, confidence: sum / (count.max(1) as f64), per_class }
    }

    /// The class of most points; of equals the first.
    fn majority(&self) -> ObjectClass {
        let most = self.per_class.iter().copied().max().unwrap_or(0);
        ObjectClass::ALL.into_iter().zip(self.per_class).find(|(_, count)| *count == most).map_or_else(Default::default, |(class, _)| class)
    }
}

fn detection(
    config: &SegmentConfig,
    group: Group,
    members: &[Point],
    summary: &Summary,
    ground: &Ground,
    sensor: [f32; 2],
) -> Option<Detection3> {
    let least_points = if group == Group::Vehicle { 25 } else { 15 };
    if summary.count < least_points || summary.confidence <= 0.65 {
        return None;
    }
    let mut bbox = extent::visible(members, &lshape::fit(members)?);
    let class = summary.majority();
    let ground = f64::from(ground.height_at(bbox.center[0] as f32, bbox.center[1] as f32));
    let bottom = bbox.center[2] - 0.5 * bbox.height - ground;
    let top = bottom + bbox.height;
    let plausible = match group {
        Group::Vehicle => bbox.length > 1.0 && bbox.height > 0.5,
        Group::Vulnerable => (0.8..2.3).contains(&top) && bottom < 1.03,
    };
    if !plausible {
        return None;
    }
    if config.complete {
        extent::stand_on(&mut bbox, ground);
        let sensor = [f64::from(sensor[0]), f64::from(sensor[1])];
        match group {
            Group::Vehicle => {
                if bbox.length < WIDEST_M {
                    extent::quarter_turn(&mut bbox);
                }
                extent::complete(&mut bbox, LeastSize { length: knob("CL", 4.0), width: knob("CW", 1.7) }, sensor);
            }
            Group::Vulnerable => {
                let length = if class == ObjectClass::Pedestrian { knob("PL", 0.7) } else { knob("YL", 1.7) };
                extent::complete(&mut bbox, LeastSize { length, width: knob("PW", 0.6) }, sensor);
            }
        }
    }
    extent::point_forward(&mut bbox);
    let score = summary.confidence * (summary.count as f64 / 200.0).min(1.0);
    Some(Detection3 { bbox, class, score, point_count: summary.count as u32, camera: None })
}

const WIDEST_M: f64 = 2.2;

fn knob(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}
