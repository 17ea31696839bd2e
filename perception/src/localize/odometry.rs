//! Lidar odometry: sweeps against a local map, in the manner of KISS-ICP (Vizzo et al., "KISS-ICP: In Defense of Point-to-Point ICP",
//! RA-L 2023), but with errors that count across surfaces only. Checks refuse a doubtful pose, and a hold keeps a standing vehicle
//! in its place.

use super::registration::{Registration, Search, register};
use super::sampling::{Timed, middle_s, straighten_all, thin, thin_cloud};
use super::standstill::Standstill;
use super::threshold::AdaptiveThreshold;
use super::voxel_index::VoxelIndex;
use super::voxel_map::{Neighbourhood, VoxelMap};
use nalgebra::{Isometry3, Matrix6, Point3, Translation3, UnitQuaternion, Vector3, Vector6};
use serde::Deserialize;
use thiserror::Error;
use types::PointCloud;

/// Smallest number of thinned points and of partners that make a fix.
const FEWEST_POINTS: usize = 60;
/// Least part of the thinned points that must find a partner.
const LEAST_MATCHED: f64 = 0.4;
/// Largest root mean square distance to the partners, as a part of the voxel size.
const LARGEST_RESIDUAL: f64 = 0.7;
const FASTEST_MPS: f64 = 60.0;
const FASTEST_TURN_RADPS: f64 = 2.0;
/// Largest difference between found and predicted motion once the motion is known: noise, and what brakes or a kerb can do.
const LARGEST_SURPRISE_M: f64 = 1.0;
const LARGEST_SURPRISE_MPS2: f64 = 15.0;
/// A vehicle whose motion is not known yet is sought up to this speed, by this many guesses at most.
const FASTEST_START_MPS: f64 = 45.0;
const MOST_GUESSES: f64 = 12.0;
/// Most rounds of one registration, of one from a guess that is known from other sensors, and of one that only compares guesses.
const MOST_ROUNDS: usize = 100;
const KNOWN_ROUNDS: usize = 30;
const GUESS_ROUNDS: usize = 10;
/// Largest standard deviation of a place, m, if nothing but the lidar tells of the motion.
const LARGEST_OPEN_M: f64 = 0.15;
/// Standard deviations of a predicted pose, m and rad: if the motion merely goes on, and if it is known from other sensors.
const GUESS: [f64; 2] = [0.3, 0.03];
const KNOWN_GUESS: [f64; 2] = [0.05, 0.004];
/// Largest scale of the search where the motion is known, m: what moves along with the vehicle is farther off than that.
const KNOWN_SCALE_M: f64 = 0.4;
/// At the start, another speed must fit so many times worse. In a street it is three times and more; on a bare road anything fits.
const CLEARLY_WORSE: f64 = 2.0;
/// Good sweeps before the prediction is trusted enough to judge by it.
const SETTLED_AFTER: u32 = 5;

/// Why a sweep gave no pose.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum OdometryError {
    /// The sweep is empty or nearly so.
    #[error("{found} thinned points, at least {needed} needed")]
    TooFewPoints {
        /// Points left after thinning.
        found: usize,
        /// Fewest that are accepted.
        needed: usize,
    },
    /// The sweep does not show the surroundings of the map.
    #[error("{found} of {points} points matched the map, at least {needed} needed")]
    TooFewMatches {
        /// Points with a partner in the map.
        found: usize,
        /// Points that were tried.
        points: usize,
        /// Fewest that are accepted.
        needed: usize,
    },
    /// The sweep lies beside the map.
    #[error("residual {residual_m:.3} m, at most {limit_m:.3} m allowed")]
    Residual {
        /// Root mean square distance to the partners, m.
        residual_m: f64,
        /// Largest that is accepted, m.
        limit_m: f64,
    },
    /// The surroundings leave the place open: nothing but flat ground.
    #[error("the surroundings fix the place to {weakest_m:.2} m only, at most {LARGEST_OPEN_M} m allowed")]
    Open {
        /// Standard deviation in the direction that is fixed least, m.
        weakest_m: f64,
    },
    /// The first two sweeps fit each other at more than one speed.
    #[error("the sweeps fit at {speeds_mps:.1?} m/s alike (to {errors_m:.3?} m): the speed at the start is not known")]
    Ambiguous {
        /// Two speeds, m/s.
        speeds_mps: [f64; 2],
        /// What is left of the distances at each, m.
        errors_m: [f64; 2],
    },
    /// No car moves like that.
    #[error(
        "found motion {speed_mps:.1} m/s and {turn_radps:.2} rad/s, {surprise_m:.2} m off the prediction \
         (limits {FASTEST_MPS} m/s, {FASTEST_TURN_RADPS} rad/s, {surprise_limit_m:.2} m)"
    )]
    Motion {
        /// Speed that the found pose means, m/s.
        speed_mps: f64,
        /// Turn rate that it means, rad/s.
        turn_radps: f64,
        /// Distance from the predicted place, m.
        surprise_m: f64,
        /// Largest accepted distance, m.
        surprise_limit_m: f64,
    },
}

/// Knobs that differ between sensors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OdometryConfig {
    /// Edge of the map's voxels, m.
    pub voxel_m: f64,
    /// Nearest range that is used, m.
    pub nearest_m: f64,
    /// Farthest range that is used and remembered, m.
    pub farthest_m: f64,
}

impl Default for OdometryConfig {
    fn default() -> Self {
        Self { voxel_m: 0.7, nearest_m: 5.0, farthest_m: 100.0 }
    }
}

/// What is known of the motion when a map is started.
#[derive(Clone, Copy, Debug)]
pub(super) enum StartMotion {
    /// Translation and rotation vector a second, in the sensor's frame.
    Known(Vector6<f64>),
    /// The vehicle may already drive this way, in the sensor's frame, at any speed.
    Along(Vector3<f64>),
}

/// Where a sweep was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matched {
    /// Pose of the lidar in the frame of the map in the middle of the sweep, and when that was after its stamp. There an
    /// error of the assumed speed matters least; told for the stamp, such an error would come back as one of the next speed.
    pub(super) map_from_lidar: Isometry3<f64>,
    pub(super) at_s: f64,
    /// Covariance of place and rotation by the points alone, axes of the map.
    pub(super) covariance: Matrix6<f64>,
}

/// The odometry's state. All poses are of the lidar in the frame of the map.
#[derive(Clone, Debug)]
pub(super) struct LidarOdometry {
    config: OdometryConfig,
    /// In the middle of the last good sweep, and when that was after its stamp.
    pose: Isometry3<f64>,
    pose_s: f64,
    /// The middle of the present sweep after its stamp.
    middle_s: f64,
    /// Motion a second in the sensor's frame: translation, rotation vector.
    twist: Vector6<f64>,
    /// Which way the vehicle may drive while its motion is not known yet.
    unknown_along: Option<Vector3<f64>>,
    good_sweeps: u32,
    threshold: AdaptiveThreshold,
    standstill: Standstill,
    map: VoxelMap,
    pruned_at: Vector3<f64>,
    index: VoxelIndex,
    /// The last sweep, thinned, as it was measured; the first one, while the motion is not known.
    raw: Vec<Timed>,
    first: Vec<Timed>,
    /// The pose at the stamp of the first sweep.
    start: Isometry3<f64>,
    dense: Vec<Vector3<f64>>,
    sparse: Vec<Vector3<f64>>,
    hoods: Vec<Neighbourhood>,
}

impl LidarOdometry {
    pub(super) fn new(config: OdometryConfig) -> Self {
        Self {
            map: VoxelMap::new(config.voxel_m),
            threshold: AdaptiveThreshold::new(config.farthest_m),
            config,
            pose: Isometry3::identity(),
            pose_s: 0.0,
            middle_s: 0.0,
            twist: Vector6::zeros(),
            unknown_along: None,
            good_sweeps: 0,
            standstill: Standstill::default(),
            pruned_at: Vector3::zeros(),
            index: VoxelIndex::new(),
            raw: Vec::new(),
            first: Vec::new(),
            start: Isometry3::identity(),
            dense: Vec::new(),
            sparse: Vec::new(),
            hoods: Vec::new(),
        }
    }

    /// Whether there is a map to match against.
    pub(super) fn is_running(&self) -> bool {
        !self.map.is_empty()
    }

    /// Whether the motion at the start is still sought.
    pub(super) fn is_seeking(&self) -> bool {
        self.unknown_along.is_some()
    }

    /// Whether the last sweeps showed no motion.
    pub(super) fn is_standing(&self) -> bool {
        self.standstill.holds()
    }

    /// Forgets the map.
    pub(super) fn stop(&mut self) {
        self.map.clear();
    }

    /// Starts a map with a sweep whose pose at its stamp is known.
    ///
    /// # Errors
    /// [`OdometryError::TooFewPoints`]: no map was started.
    pub(super) fn start(
        &mut self,
        cloud: &PointCloud,
        map_from_lidar: Isometry3<f64>,
        motion: StartMotion,
    ) -> Result<(), OdometryError> {
        *self = Self::new(self.config.clone());
        match motion {
            StartMotion::Known(twist) => self.twist = twist,
            StartMotion::Along(direction) => self.unknown_along = Some(direction),
        }
        self.sample(cloud)?;
        self.first.clone_from(&self.raw);
        self.start = map_from_lidar;
        (self.pose, self.pose_s) = (moved(&map_from_lidar, &self.twist, self.middle_s), self.middle_s);
        self.pruned_at = map_from_lidar.translation.vector;
        self.map.add(&self.dense, &self.pose);
        Ok(())
    }

    /// Where the next sweep was taken, whose stamp is `dt_s` after that of the last good one. `expected`: the motion a second in the sensor's frame;
    /// `is_known`: whether other sensors tell it, too.
    ///
    /// # Errors
    /// Why the sweep gave no pose that can be trusted. Pose, motion and map are then as before.
    pub(super) fn step(
        &mut self,
        cloud: &PointCloud,
        dt_s: f64,
        expected: &Vector6<f64>,
        is_known: bool,
    ) -> Result<Matched, OdometryError> {
        self.twist = *expected;
        self.unknown_along = self.unknown_along.filter(|_| !is_known);
        self.sample(cloud)?;
        let dt_s = dt_s + self.middle_s - self.pose_s;
        if let Some(along) = self.unknown_along {
            self.find_speed(along, dt_s)?;
        }
        let guess = moved(&self.pose, &self.twist, dt_s);
        let learnt_m = self.threshold.sigma_m();
        let (sigma, rounds, [guess_m, guess_rad]) = if is_known {
            (learnt_m.min(KNOWN_SCALE_M), KNOWN_ROUNDS, KNOWN_GUESS)
        } else {
            (learnt_m, MOST_ROUNDS, GUESS)
        };
        let kernel_m = (0.3 * sigma).clamp(0.1, 0.5);
        let search = Search { radius_m: 3.0 * sigma, kernel_m, rounds, guess_m, guess_rad };
        let found = register(&mut self.map, &self.sparse, &guess, search, &mut self.hoods);
        self.check(&found, &guess, dt_s, is_known)?;
        self.threshold.learn(&guess.inv_mul(&found.odom_from_sensor));
        self.accept(found.odom_from_sensor, dt_s);
        self.pose_s = self.middle_s;
        Ok(Matched { map_from_lidar: self.pose, at_s: self.middle_s, covariance: found.covariance() })
    }

    /// Speeds are tried from standing upwards, since the registration sees no farther than the next voxel. Both sweeps are
    /// straightened with each, and the one at which they fit best is taken.
    fn find_speed(&mut self, along: Vector3<f64>, dt_s: f64) -> Result<(), OdometryError> {
        let voxel = self.config.voxel_m;
        let step = voxel.max(FASTEST_START_MPS * dt_s / MOST_GUESSES);
        let [guess_m, guess_rad] = GUESS;
        let search = Search { radius_m: voxel, kernel_m: 0.2, rounds: GUESS_ROUNDS, guess_m, guess_rad };
        let mut tried = Vec::new();
        for k in 0..=(FASTEST_START_MPS * dt_s / step) as usize {
            let velocity = along * (k as f64 * step / dt_s);
            self.twist = Vector6::new(velocity.x, velocity.y, velocity.z, 0.0, 0.0, 0.0);
            self.restart_map();
            let guess = moved(&self.pose, &self.twist, dt_s);
            let found = register(&mut self.map, &self.sparse, &guess, search, &mut self.hoods);
            let speed_mps = self.pose.inv_mul(&found.odom_from_sensor).translation.vector.norm() / dt_s;
            let cost = self.misfit(&found.odom_from_sensor, search);
            tried.push((cost, speed_mps, twist_between(&self.pose, &found.odom_from_sensor, dt_s)));
        }
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        let Some(&(cost, speed_mps, twist)) = tried.first() else { return Ok(()) };
        let other = tried.iter().find(|(_, other, _)| (other - speed_mps).abs() * dt_s > voxel);
        if let Some(&(other_cost, other_mps, _)) = other.filter(|other| other.0 < CLEARLY_WORSE * cost) {
            return Err(OdometryError::Ambiguous {
                speeds_mps: [speed_mps, other_mps],
                errors_m: [cost.sqrt(), other_cost.sqrt()],
            });
        }
        self.twist = twist;
        self.restart_map();
        Ok(())
    }

    /// How badly the present sweep fits the map at a pose: the mean robust distance of the points on upright surfaces, m2. Those
    /// without a partner count in full, so that a sweep cannot fit well by fitting nowhere.
    fn misfit(&mut self, map_from_sensor: &Isometry3<f64>, search: Search) -> f64 {
        let mut own = VoxelMap::new(self.config.voxel_m);
        own.add(&self.dense, &Isometry3::identity());
        let scale = search.kernel_m * search.kernel_m;
        let (mut sum, mut weight) = (0.0, 0.0);
        for point in &self.sparse {
            let mut hood = Neighbourhood::default();
            let Some((_, block)) = own.nearest(*point, self.config.voxel_m, &mut hood) else { continue };
            let metric = own.surface(block).metric();
            let upright = metric[(0, 0)] + metric[(1, 1)];
            hood.forget();
            let place = (map_from_sensor * Point3::from(*point)).coords;
            let partner = self.map.nearest(place, search.radius_m, &mut hood);
            let cost = partner.map_or(scale, |(error, _)| {
                let squared = error.dot(&(metric * error));
                scale * squared / (scale + squared)
            });
            sum += upright * cost;
            weight += upright;
        }
        if weight > 0.0 { sum / weight } else { scale }
    }

    /// The map of the first sweep and the present one, both straightened with the present motion.
    fn restart_map(&mut self) {
        let first_s = middle_s(&self.first);
        (self.pose, self.pose_s) = (moved(&self.start, &self.twist, first_s), first_s);
        straighten_all(&self.first, first_s, &self.twist, &mut self.dense);
        self.map.clear();
        self.map.add(&self.dense, &self.pose);
        self.straighten();
    }

    fn sample(&mut self, cloud: &PointCloud) -> Result<(), OdometryError> {
        let range = [self.config.nearest_m, self.config.farthest_m];
        thin_cloud(cloud, 0.5 * self.config.voxel_m, range, &mut self.index, &mut self.raw);
        self.middle_s = middle_s(&self.raw);
        self.straighten();
        if self.sparse.len() < FEWEST_POINTS {
            return Err(OdometryError::TooFewPoints { found: self.sparse.len(), needed: FEWEST_POINTS });
        }
        Ok(())
    }

    fn straighten(&mut self) {
        straighten_all(&self.raw, self.middle_s, &self.twist, &mut self.dense);
        thin(&self.dense, 1.5 * self.config.voxel_m, &mut self.index, &mut self.sparse);
    }

    fn check(
        &self,
        found: &Registration,
        guess: &Isometry3<f64>,
        dt_s: f64,
        is_known: bool,
    ) -> Result<(), OdometryError> {
        let points = self.sparse.len();
        let needed = FEWEST_POINTS.max((LEAST_MATCHED * points as f64) as usize);
        if found.partners < needed || found.matches < FEWEST_POINTS {
            return Err(OdometryError::TooFewMatches { found: found.partners, points, needed });
        }
        let limit_m = LARGEST_RESIDUAL * self.config.voxel_m;
        if found.residual_m.is_nan() || found.residual_m > limit_m {
            return Err(OdometryError::Residual { residual_m: found.residual_m, limit_m });
        }
        let weakest_m = found.weakest_m();
        if !is_known && weakest_m > LARGEST_OPEN_M {
            return Err(OdometryError::Open { weakest_m });
        }
        let motion = self.pose.inv_mul(&found.odom_from_sensor);
        let speed_mps = motion.translation.vector.norm() / dt_s;
        let turn_radps = motion.rotation.angle() / dt_s;
        let surprise_m = guess.inv_mul(&found.odom_from_sensor).translation.vector.norm();
        let settled = self.good_sweeps >= SETTLED_AFTER;
        let surprise_limit_m = LARGEST_SURPRISE_M + LARGEST_SURPRISE_MPS2 * dt_s * dt_s;
        let possible = speed_mps <= FASTEST_MPS && turn_radps <= FASTEST_TURN_RADPS;
        if !possible || (settled && surprise_m > surprise_limit_m) {
            return Err(OdometryError::Motion { speed_mps, turn_radps, surprise_m, surprise_limit_m });
        }
        Ok(())
    }

    fn accept(&mut self, found: Isometry3<f64>, dt_s: f64) {
        let pose = self.standstill.hold(found);
        self.twist = twist_between(&self.pose, &pose, dt_s);
        self.pose = pose;
        self.unknown_along = None;
        self.good_sweeps = self.good_sweeps.saturating_add(1);
        if self.standstill.holds() {
            return;
        }
        self.map.add(&self.dense, &pose);
        let place = pose.translation.vector;
        if (place - self.pruned_at).norm() > 0.05 * self.config.farthest_m {
            self.map.prune(place, self.config.farthest_m);
            self.pruned_at = place;
        }
    }
}

/// The motion a second from one pose to another, in the frame of the first.
fn twist_between(from: &Isometry3<f64>, to: &Isometry3<f64>, dt_s: f64) -> Vector6<f64> {
    let motion = from.inv_mul(to);
    let turn = motion.rotation.scaled_axis();
    Vector6::from_iterator(motion.translation.vector.iter().chain(turn.iter()).map(|v| v / dt_s))
}

fn moved(pose: &Isometry3<f64>, twist: &Vector6<f64>, dt_s: f64) -> Isometry3<f64> {
    let translation = Translation3::from(twist.fixed_rows::<3>(0) * dt_s);
    let rotation = UnitQuaternion::from_scaled_axis(twist.fixed_rows::<3>(3) * dt_s);
    pose * Isometry3::from_parts(translation, rotation)
}
