//! A straight road, an ego on it and objects, for the unit tests.

use crate::View;
use crate::belief::Beliefs;
use crate::config::Config;
use crate::effort::Effort;
use crate::lattice::Lattice;
use crate::predict::intentions::Intentions;
use crate::predict::{Obstacles, predict};
use crate::reference::{Road, choose};
use crate::rules::Rules;
use crate::start::{Memory, Start};
use crate::targets::{Target, targets};
use crate::way::{Station, Way};
use maps::{CartesianState, ReferenceLine};
use types::{Box3, ObjectClass, Pose2, Stamp, Track, Tracks, Vehicle};

pub fn line() -> ReferenceLine {
    ReferenceLine::straight(&Pose2::default(), 300.0)
}

pub fn way(line: ReferenceLine) -> Way {
    Way::along(line, Station { left_m: 1.75, right_m: 1.75, limit_mps: 13.9 })
}

pub fn start(x: f64, y: f64, speed_mps: f64) -> Start {
    Start::at_once(CartesianState { x, y, speed_mps, ..Default::default() })
}

pub fn track(id: u64, x: f64, y: f64, velocity_mps: [f64; 2]) -> Track {
    Track {
        id,
        class: ObjectClass::Car,
        existence: 1.0,
        bbox: Box3 { center: [x, y, 0.8], length: 4.0, width: 1.8, height: 1.5, yaw: 0.0 },
        velocity_mps,
        yaw_rate_radps: 0.0,
        covariance: [[0.0; 4]; 4],
        heading_covariance: [[0.0; 2]; 2],
        hits: 5,
        misses: 0,
    }
}

/// Everything up to the filled lattice.
pub struct Scene {
    pub road: Road<'static>,
    pub obstacles: Obstacles,
    pub targets: Vec<Target>,
    pub lattice: Lattice,
    pub rules: Rules,
    pub memory: Memory,
    pub effort: Effort,
    pub config: Config,
    pub vehicle: Vehicle,
}

pub fn scene(start: &Start, line: &ReferenceLine, objects: Vec<Track>) -> Scene {
    let (config, vehicle, memory) = (Config::default(), Vehicle::default(), Memory::default());
    let way = way(line.clone());
    let road = choose(Some(&way), start, None, &vehicle.limits);
    let road = Road { line: std::borrow::Cow::Owned(line.clone()), way: None, ..road };
    let mut obstacles = Obstacles::default();
    let mut beliefs = Beliefs::default();
    beliefs.update(&Tracks { frame: 0, stamp: Stamp::default(), objects }, Stamp::default());
    let effort = Effort::normal(config.margin_m, 0.0, &vehicle);
    predict(&beliefs, None, &Intentions::default(), &road, start, &config, &vehicle, &mut obstacles);
    let targets = targets(&obstacles, &road, None, &effort, &config, &vehicle);
    let (lattice, rules) = (Lattice::default(), Rules::default());
    let mut scene = Scene { road, obstacles, targets, lattice, rules, memory, effort, config, vehicle };
    let mut lattice = Lattice::default();
    lattice.sample(&scene.view(), &scene.effort);
    scene.lattice = lattice;
    scene
}

impl Scene {
    pub fn view(&self) -> View<'_> {
        View {
            obstacles: &self.obstacles,
            targets: &self.targets,
            goals: &[],
            rules: &self.rules,
            road: &self.road,
            memory: &self.memory,
            kept: None,
            home: true,
            lead_s: 0.0,
            is_measured: false,
            config: &self.config,
            vehicle: &self.vehicle,
        }
    }
}
