//! Lidar odometry after KISS-ICP (Vizzo et al., "KISS-ICP: In Defense of Point-to-Point ICP", RA-L 2023), with checks
//! that refuse a doubtful pose and a hold that keeps a standing vehicle in its place.

use super::registration::{Registration, Search, register};
use super::sampling::{thin, thin_cloud};
use super::standstill::Standstill;
use super::threshold::AdaptiveThreshold;
use super::voxel_index::VoxelIndex;
use super::voxel_map::{Neighbourhood, VoxelMap};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3, Vector6};
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
/// Most rounds of one registration, and of one that only compares guesses.
const MOST_ROUNDS: usize = 100;
const GUESS_ROUNDS: usize = 10;
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

/// The odometry's state. All poses are of the lidar in `odom`.
#[derive(Clone, Debug)]
pub(super) struct LidarOdometry {
    config: OdometryConfig,
    pose: Isometry3<f64>,
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
            twist: Vector6::zeros(),
            unknown_along: None,
            good_sweeps: 0,
            standstill: Standstill::default(),
            pruned_at: Vector3::zeros(),
            index: VoxelIndex::new(),
            dense: Vec::new(),
            sparse: Vec::new(),
            hoods: Vec::new(),
        }
    }

    /// Whether there is a map to match against.
    pub(super) fn is_running(&self) -> bool {
        !self.map.is_empty()
    }

    /// Whether the last sweeps showed no motion.
    pub(super) fn is_standing(&self) -> bool {
        self.standstill.holds()
    }

    /// Forgets the map.
    pub(super) fn stop(&mut self) {
        self.map.clear();
    }

    /// Starts a map with a sweep whose pose is known.
    ///
    /// # Errors
    /// [`OdometryError::TooFewPoints`]: no map was started.
    pub(super) fn start(
        &mut self,
        cloud: &PointCloud,
        odom_from_lidar: Isometry3<f64>,
        motion: StartMotion,
    ) -> Result<(), OdometryError> {
        *self = Self::new(self.config.clone());
        match motion {
            StartMotion::Known(twist) => self.twist = twist,
            StartMotion::Along(direction) => self.unknown_along = Some(direction),
        }
        self.sample(cloud)?;
        self.pose = odom_from_lidar;
        self.pruned_at = odom_from_lidar.translation.vector;
        self.map.add(&self.dense, &odom_from_lidar);
        Ok(())
    }

    /// The pose of the next sweep, `dt_s` after the last good one.
    ///
    /// # Errors
    /// Why the sweep gave no pose that can be trusted. Pose, motion and map are then as before.
    pub(super) fn step(&mut self, cloud: &PointCloud, dt_s: f64) -> Result<Isometry3<f64>, OdometryError> {
        self.sample(cloud)?;
        let guess = self.predict(dt_s);
        let sigma = self.threshold.sigma_m();
        let search = Search { radius_m: 3.0 * sigma, kernel_m: sigma, rounds: MOST_ROUNDS };
        let found = register(&self.map, &self.sparse, &guess, search, &mut self.hoods);
        self.check(&found, &guess, dt_s)?;
        self.threshold.learn(&guess.inv_mul(&found.odom_from_sensor));
        self.accept(found.odom_from_sensor, dt_s);
        Ok(self.pose)
    }

    /// The pose if the motion goes on as it was. If it is not known, speeds are tried from standing upwards and the one
    /// at which the sweep fits the map best is taken, since the registration sees no farther than the next voxel.
    fn predict(&mut self, dt_s: f64) -> Isometry3<f64> {
        let Some(along) = self.unknown_along else { return moved(&self.pose, &self.twist, dt_s) };
        let voxel = self.config.voxel_m;
        let farthest = FASTEST_START_MPS * dt_s;
        let step = voxel.max(farthest / MOST_GUESSES);
        let search = Search { radius_m: voxel, kernel_m: 0.5 * voxel, rounds: GUESS_ROUNDS };
        let mut best = (f64::INFINITY, self.pose);
        for k in 0..=(farthest / step) as usize {
            let guess = self.pose * Translation3::from(along * (k as f64 * step));
            let found = register(&self.map, &self.sparse, &guess, search, &mut self.hoods);
            let unmatched = (self.sparse.len() - found.matches) as f64;
            let cost = found.residual_m.powi(2) * found.matches as f64 + voxel * voxel * unmatched;
            if cost < best.0 {
                best = (cost, found.odom_from_sensor);
            }
        }
        best.1
    }

    fn sample(&mut self, cloud: &PointCloud) -> Result<(), OdometryError> {
        let size = self.config.voxel_m;
        let range = [self.config.nearest_m, self.config.farthest_m];
        thin_cloud(cloud, 0.5 * size, range, &self.twist, &mut self.index, &mut self.dense);
        thin(&self.dense, 1.5 * size, &mut self.index, &mut self.sparse);
        if self.sparse.len() < FEWEST_POINTS {
            return Err(OdometryError::TooFewPoints { found: self.sparse.len(), needed: FEWEST_POINTS });
        }
        Ok(())
    }

    fn check(&self, found: &Registration, guess: &Isometry3<f64>, dt_s: f64) -> Result<(), OdometryError> {
        let points = self.sparse.len();
        let needed = FEWEST_POINTS.max((LEAST_MATCHED * points as f64) as usize);
        if found.matches < needed {
            return Err(OdometryError::TooFewMatches { found: found.matches, points, needed });
        }
        let limit_m = LARGEST_RESIDUAL * self.config.voxel_m;
        if found.residual_m.is_nan() || found.residual_m > limit_m {
            return Err(OdometryError::Residual { residual_m: found.residual_m, limit_m });
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
        let motion = self.pose.inv_mul(&pose);
        self.twist.fixed_rows_mut::<3>(0).copy_from(&(motion.translation.vector / dt_s));
        self.twist.fixed_rows_mut::<3>(3).copy_from(&(motion.rotation.scaled_axis() / dt_s));
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

fn moved(pose: &Isometry3<f64>, twist: &Vector6<f64>, dt_s: f64) -> Isometry3<f64> {
    let translation = Translation3::from(twist.fixed_rows::<3>(0) * dt_s);
    let rotation = UnitQuaternion::from_scaled_axis(twist.fixed_rows::<3>(3) * dt_s);
    pose * Isometry3::from_parts(translation, rotation)
}
