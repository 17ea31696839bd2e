//! Where the vehicle is: the pose of `base_link` in `odom`, its speed and its turn rate.
//!
//! In: a GPS/INS fix, a lidar sweep, or both. Out: one [`EgoState`] a frame. Never: a jump of `odom`, a pose that was
//! not measured or extrapolated over a few frames, a number that is not finite.
//!
//! A drive with GPS/INS follows its fixes. A drive without follows its lidar: odometry after KISS-ICP. When the fixes
//! end, the odometry starts at the last pose; when they return, a transform between their frame and `odom` absorbs the
//! difference. When neither helps, the last motion is extrapolated for a few frames, and then the frames are refused.
//!
//! Speed, acceleration and turn rate of a drive without fixes come from Kalman filters over the poses whose acceleration is a
//! random walk: no lag in steady acceleration, less than a tenth of a second when it changes. A vehicle that stands, to
//! within the noise of the odometry, keeps its pose and has speed zero.

mod ins;
mod motion;
mod odometry;
mod registration;
mod sampling;
mod standstill;
#[cfg(test)]
mod tests;
mod threshold;
mod voxel_index;
mod voxel_map;

pub use odometry::{OdometryConfig, OdometryError};

use ins::InsAnchor;
use motion::RateFilter;
use nalgebra::{Isometry3, Vector3, Vector6};
use odometry::{LidarOdometry, StartMotion};
use serde::Deserialize;
use types::{Calibration, EgoState, InsFix, PointCloud, PoseSource, Stamp, StepError};

/// Knobs of the localizer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Frames in a row that are extrapolated when nothing measures the pose.
    pub held_frames: u32,
    /// The lidar odometry.
    pub odometry: OdometryConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self { held_frames: 5, odometry: OdometryConfig::default() }
    }
}

/// Where the vehicle is. See the module's page.
#[derive(Clone, Debug)]
pub struct Localizer {
    config: Config,
    ins: InsAnchor,
    odometry: LidarOdometry,
    /// Stamp of the odometry's last good sweep, and the pose of `base_link` it gave.
    matched: Option<(Stamp, Isometry3<f64>)>,
    speed: RateFilter,
    turn: RateFilter,
    /// The last state that was given out.
    last: Option<EgoState>,
    /// Frames since something measured the pose.
    held: u32,
}

impl Localizer {
    /// A localizer at the start of a drive.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            ins: InsAnchor::default(),
            odometry: LidarOdometry::new(config.odometry.clone()),
            config,
            matched: None,
            speed: speed_filter(),
            turn: turn_filter(),
            last: None,
            held: 0,
        }
    }

    /// The state at `stamp`. The cloud is in the lidar's frame; a fix is taken if it is at most 0.5 s from `stamp`.
    ///
    /// `odom` is the frame of the fixes if the first frame has one, else `base_link` of the first frame.
    ///
    /// # Errors
    /// [`StepError::Skip`] if `stamp` is not later than the last one, or if nothing has measured the pose for longer than
    /// [`Config::held_frames`]; the message holds the numbers. The drive may go on: later frames can succeed.
    pub fn step(
        &mut self,
        frame: u64,
        stamp: Stamp,
        ins: Option<&InsFix>,
        cloud: Option<&PointCloud>,
        calibration: &Calibration,
    ) -> Result<EgoState, StepError> {
        self.check_stamp(frame, stamp)?;
        let fix = self.ins.usable(ins, stamp);
        let state = match fix {
            Some(fix) if self.ins.follows() || self.last.is_none() => self.follow_ins(&fix),
            Some(fix) => self.return_to_ins(&fix, cloud, calibration),
            None => self.go_without_ins(frame, stamp, cloud, calibration)?,
        };
        self.last = Some(state);
        Ok(state)
    }

    fn check_stamp(&self, frame: u64, stamp: Stamp) -> Result<(), StepError> {
        match self.last {
            Some(last) if stamp <= last.stamp => Err(StepError::Skip(format!(
                "localize: frame {frame} at {} ns is not later than the last frame at {} ns",
                stamp.nanos(),
                last.stamp.nanos()
            ))),
            _ => Ok(()),
        }
    }

    /// The first fix after a gap: `odom` goes on where it is, and the fixes' frame is moved to it. After a gap that was
    /// too long to bridge, the old transform is the better guess.
    fn return_to_ins(&mut self, fix: &EgoState, cloud: Option<&PointCloud>, calibration: &Calibration) -> EgoState {
        let bridged = self.measure(fix.stamp, cloud, calibration).ok().or_else(|| self.extrapolate(fix.stamp));
        let lost = self.held > self.config.held_frames;
        if let Some(known) = bridged.filter(|_| !(lost && self.ins.is_anchored())) {
            self.ins.anchor(fix, &known.odom_from_base);
        }
        self.follow_ins(fix)
    }

    fn follow_ins(&mut self, fix: &EgoState) -> EgoState {
        self.odometry.stop();
        self.matched = None;
        self.held = 0;
        self.speed.set(fix.speed_mps, fix.acceleration_mps2);
        self.turn.set(fix.yaw_rate_radps, 0.0);
        self.ins.follow(fix)
    }

    fn go_without_ins(
        &mut self,
        frame: u64,
        stamp: Stamp,
        cloud: Option<&PointCloud>,
        calibration: &Calibration,
    ) -> Result<EgoState, StepError> {
        self.ins.leave();
        let reason = match self.measure(stamp, cloud, calibration) {
            Ok(state) => {
                self.held = 0;
                return Ok(state);
            }
            Err(reason) => reason,
        };
        self.held = self.held.saturating_add(1);
        let limit = self.config.held_frames;
        let refused =
            || StepError::Skip(format!("localize: frame {frame}: {reason}; {} frames held of {limit}", self.held));
        if self.held > limit {
            return Err(refused());
        }
        self.extrapolate(stamp).ok_or_else(refused)
    }

    fn extrapolate(&self, stamp: Stamp) -> Option<EgoState> {
        self.last.map(|last| last.extrapolated(stamp)).filter(EgoState::is_finite)
    }

    /// The state by lidar odometry, or why there is none.
    fn measure(
        &mut self,
        stamp: Stamp,
        cloud: Option<&PointCloud>,
        calibration: &Calibration,
    ) -> Result<EgoState, String> {
        let cloud = cloud.ok_or("no fix and no sweep")?;
        let base_from_lidar = &calibration.base_from_lidar;
        let Some((matched_at, matched)) = self.matched.filter(|_| self.odometry.is_running()) else {
            return self.start_odometry(stamp, cloud, base_from_lidar);
        };
        let dt_s = stamp.seconds_since(matched_at);
        let odom_from_lidar = self.odometry.step(cloud, dt_s).map_err(|error| error.to_string())?;
        let odom_from_base = odom_from_lidar * base_from_lidar.inverse();
        self.matched = Some((stamp, odom_from_base));
        let motion = matched.inv_mul(&odom_from_base);
        self.speed.step(motion.translation.x, dt_s);
        let forward = motion.rotation * Vector3::x();
        self.turn.step(forward.y.atan2(forward.x), dt_s);
        if self.odometry.is_standing() {
            self.speed.set(0.0, 0.0);
            self.turn.set(0.0, 0.0);
        }
        let state = self.state(stamp, odom_from_base);
        if state.is_finite() { Ok(state) } else { Err("a state that is not finite".to_owned()) }
    }

    /// A new map at the extrapolated pose: the sweep itself measures nothing yet.
    fn start_odometry(
        &mut self,
        stamp: Stamp,
        cloud: &PointCloud,
        base_from_lidar: &Isometry3<f64>,
    ) -> Result<EgoState, String> {
        let lidar_from_base = base_from_lidar.rotation.inverse();
        let (state, motion) = match self.extrapolate(stamp) {
            Some(state) if self.held <= self.config.held_frames => {
                let turn = Vector3::z() * state.yaw_rate_radps;
                let velocity = Vector3::x() * state.speed_mps + turn.cross(&base_from_lidar.translation.vector);
                let (velocity, turn) = (lidar_from_base * velocity, lidar_from_base * turn);
                let twist = Vector6::from_iterator(velocity.iter().chain(turn.iter()).copied());
                (state, StartMotion::Known(twist))
            }
            Some(_) => return Err("the map was lost".to_owned()),
            None => (self.state(stamp, Isometry3::identity()), StartMotion::Along(lidar_from_base * Vector3::x())),
        };
        let odom_from_lidar = state.odom_from_base * base_from_lidar;
        self.odometry.start(cloud, odom_from_lidar, motion).map_err(|error| error.to_string())?;
        self.matched = Some((stamp, state.odom_from_base));
        Ok(EgoState { source: PoseSource::LidarOdometry, ..state })
    }

    fn state(&self, stamp: Stamp, odom_from_base: Isometry3<f64>) -> EgoState {
        EgoState {
            stamp,
            odom_from_base,
            speed_mps: self.speed.rate(),
            acceleration_mps2: self.speed.acceleration(),
            yaw_rate_radps: self.turn.rate(),
            source: PoseSource::LidarOdometry,
        }
    }
}

/// Along the vehicle's x axis, m: registration noise of 20 mm; a driver changes the acceleration by some 3 m/s2 within a second.
fn speed_filter() -> RateFilter {
    RateFilter::new(0.02, 3.0, 15.0, 2.0)
}

/// The heading, rad.
fn turn_filter() -> RateFilter {
    RateFilter::new(0.001, 0.5, 0.5, 0.5)
}
