//! Where the vehicle is: the pose of `base_link` in `odom`, its speed and its turn rate.
//!
//! In: what measures the ego at one stamp: a GPS/INS fix, the speed of the wheels, a lidar sweep, or some of them. Out: one
//! [`EgoState`] a frame, and a [`Finding`] for everything that is odd. Never: a jump of `odom`, a pose that was not measured or
//! extrapolated over a few frames, a number that is not finite, a sensor that is followed although it contradicts the others.
//!
//! A Kalman filter holds pose and motion (`filter`). Lidar odometry (`odometry`) and GPS/INS each tell a pose in a frame of their own that
//! wanders, so the lidar decides over seconds and the satellites over minutes. Where they measure different ways, the
//! wheels are asked, and one of them counts less from then on (`agreement`). A drive without GPS/INS follows its lidar. When the fixes
//! return, or stay where they have jumped to, a transform between their frame and `odom` absorbs the difference. When
//! nothing helps, the last motion goes on for a few frames, and then the frames are refused.
//!
//! A vehicle that stands, to within the noise of the odometry, keeps its pose and has speed zero.

mod agreement;
mod filter;
mod finding;
mod ins;
mod motion;
mod odometry;
mod registration;
mod sampling;
mod standstill;
mod surface;
#[cfg(test)]
mod tests;
mod threshold;
mod voxel_index;
mod voxel_map;

pub use finding::{Disagreement, Finding};
pub use odometry::{OdometryConfig, OdometryError};

use agreement::{Agreement, Verdict};
use filter::EgoFilter;
use ins::InsFrame;
use nalgebra::{Isometry3, Matrix3, Matrix6, Vector3, Vector6};
use odometry::{LidarOdometry, StartMotion};
use registration::weakness;
use serde::Deserialize;
use types::{Calibration, EgoState, InsFix, PointCloud, PoseSource, Stamp, StepError, WheelSpeed};

/// A pose is left out if it lies this far from where it should be, m and rad, and is this unlikely (squared Mahalanobis distance).
const JUMP_M: f64 = 0.5;
const JUMP_RAD: f64 = 0.1;
const UNLIKELY: f64 = 60.0;
/// Sweeps in a row without a pose after which the map is begun anew, if other sensors know where.
const PATIENCE: u32 = 5;
/// Wheel speeds older than this are not used, s. Below the speed, m/s, wheels say nothing but that they hardly turn.
const OLDEST_WHEELS_S: f64 = 0.2;
const CREEPING_MPS: f64 = 0.15;
/// A vehicle that stands by its lidar does not move faster than this by the other sensors, m/s.
const STANDING_MPS: f64 = 0.3;

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

/// What measures the ego at one stamp. What is not there is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Senses<'a> {
    /// A fix, taken if it is at most 0.5 s from the stamp.
    pub ins: Option<&'a InsFix>,
    /// The newest wheel speed at or before the stamp.
    pub wheels: Option<&'a WheelSpeed>,
    /// The sweep, in the lidar's frame.
    pub cloud: Option<&'a PointCloud>,
}

/// Where the vehicle is. See the module's page.
#[derive(Clone, Debug)]
pub struct Localizer {
    config: Config,
    filter: Option<EgoFilter>,
    ins: InsFrame,
    odometry: LidarOdometry,
    /// Stamp of the odometry's last good sweep, and sweeps in a row since then that gave no pose.
    matched: Option<Stamp>,
    unmatched: u32,
    /// How much faster than in a street the lidar's map drifts, in each direction (axes of the map).
    weakness: Matrix3<f64>,
    agreement: Agreement,
    /// The last state that was given out.
    last: Option<EgoState>,
    /// Frames since something measured the pose.
    held: u32,
    findings: Vec<Finding>,
}

/// A pose of `base_link` in the frame of the lidar's map, so long after the stamp, and its covariance by the points.
struct LidarPose {
    map_from_base: Isometry3<f64>,
    after_s: f64,
    covariance: Matrix6<f64>,
    /// How much faster than in a street the map drifts here, in each direction.
    weakness: Matrix3<f64>,
}

impl Localizer {
    /// A localizer at the start of a drive.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            filter: None,
            ins: InsFrame::default(),
            odometry: LidarOdometry::new(config.odometry.clone()),
            config,
            matched: None,
            unmatched: 0,
            weakness: Matrix3::identity(),
            agreement: Agreement::default(),
            last: None,
            held: 0,
            findings: Vec::new(),
        }
    }

    /// What was odd in the last step.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The state at `stamp`.
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
        senses: &Senses<'_>,
        calibration: &Calibration,
    ) -> Result<EgoState, StepError> {
        self.findings.clear();
        self.check_stamp(frame, stamp)?;
        let fix = InsFrame::usable(senses.ins, stamp);
        let lost = self.is_lost();
        let source = match (self.filter.clone(), fix) {
            (None, None) => self.start_by_lidar(frame, stamp, senses.cloud, calibration)?,
            (None, Some(fix)) => self.start_at_fix(&fix, senses.cloud, calibration),
            (Some(_), Some(fix)) if lost && self.ins.is_anchored() => {
                self.start_at_fix(&fix, senses.cloud, calibration)
            }
            (Some(before), fix) => self.go_on(before, frame, stamp, fix.as_ref(), senses, calibration)?,
        };
        let state = self.filter.as_ref().map(|filter| filter.state(source)).filter(EgoState::is_finite);
        let state =
            state.ok_or_else(|| StepError::Skip(format!("localize: frame {frame}: a state that is not finite")))?;
        self.last = Some(state);
        Ok(state)
    }

    /// Whether nothing has measured the pose for too long.
    fn is_lost(&self) -> bool {
        self.held > self.config.held_frames
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

    fn start_at_fix(&mut self, fix: &EgoState, cloud: Option<&PointCloud>, calibration: &Calibration) -> PoseSource {
        let mut filter = EgoFilter::at_fix(&self.ins.in_odom(fix));
        self.ins.anchor(fix, &filter.pose());
        self.agreement.forget();
        self.held = 0;
        if let Some(cloud) = cloud {
            self.start_map(&mut filter, cloud, calibration, true);
        }
        self.filter = Some(filter);
        PoseSource::Ins
    }

    fn start_by_lidar(
        &mut self,
        frame: u64,
        stamp: Stamp,
        cloud: Option<&PointCloud>,
        calibration: &Calibration,
    ) -> Result<PoseSource, StepError> {
        let refused = |reason: &str| StepError::Skip(format!("localize: frame {frame}: {reason}"));
        let cloud = cloud.ok_or_else(|| refused("no fix and no sweep"))?;
        let mut filter = EgoFilter::at_rest(stamp);
        if !self.start_map(&mut filter, cloud, calibration, false) {
            let reason = self.findings.last().map_or_else(String::new, Finding::to_string);
            return Err(refused(&reason));
        }
        self.filter = Some(filter);
        Ok(PoseSource::LidarOdometry)
    }

    /// One step of a drive that has begun: predict, correct by each sensor, judge.
    fn go_on(
        &mut self,
        before: EgoFilter,
        frame: u64,
        stamp: Stamp,
        fix: Option<&EgoState>,
        senses: &Senses<'_>,
        calibration: &Calibration,
    ) -> Result<PoseSource, StepError> {
        let mut filter = before.clone();
        filter.predict(stamp, self.agreement.doubts(), &self.weakness);
        if let Some(fix) = fix {
            filter.take_ins_motion(fix);
        }
        let wheels_mps = self.take_wheels(&mut filter, stamp, senses.wheels);
        let is_known = fix.is_some() || wheels_mps.is_some();
        let lidar = self.match_sweep(&mut filter, stamp, senses.cloud, calibration, is_known);
        if lidar.is_none() && !is_known && self.odometry.is_seeking() {
            // Nothing has told of a motion yet, so there is none that could go on: the drive begins later.
            (self.filter, self.matched) = (None, None);
            self.odometry.stop();
            return Err(StepError::Skip(format!("localize: frame {frame}: {}", self.said())));
        }
        let by_lidar = lidar.as_ref().is_some_and(|lidar| self.take_lidar(&mut filter, lidar, is_known));
        if by_lidar && self.odometry.is_standing() && filter.speed_mps().abs() < STANDING_MPS {
            filter = before;
            filter.stand(stamp);
            self.held = 0;
            self.filter = Some(filter);
            return Ok(if fix.is_some() { PoseSource::Fused } else { PoseSource::LidarOdometry });
        }
        let by_ins = fix.is_some_and(|fix| self.take_fix(&mut filter, fix));
        if let (Some(fix), Some(lidar), true, true) = (fix, &lidar, by_ins, by_lidar) {
            self.judge(stamp, fix, lidar, &filter, wheels_mps);
        }
        if !filter.is_finite() {
            return Err(StepError::Skip(format!("localize: frame {frame}: the estimate is not finite")));
        }
        let source = match (by_ins, by_lidar) {
            (true, true) => PoseSource::Fused,
            (true, false) => PoseSource::Ins,
            (false, true) => PoseSource::LidarOdometry,
            (false, false) => self.hold(frame)?,
        };
        if by_ins || by_lidar {
            self.held = 0;
        }
        self.filter = Some(filter);
        Ok(source)
    }

    /// Nothing measures the pose: the motion goes on for a few frames.
    fn hold(&mut self, frame: u64) -> Result<PoseSource, StepError> {
        self.held = self.held.saturating_add(1);
        let (held, limit) = (self.held, self.config.held_frames);
        if held > limit {
            let why = self.said();
            return Err(StepError::Skip(format!("localize: frame {frame}: {why}; {held} frames held of {limit}")));
        }
        self.findings.push(Finding::Held { frames: held });
        Ok(self.last.map_or(PoseSource::LidarOdometry, |last| last.source))
    }

    /// The findings of this step in one line.
    fn said(&self) -> String {
        let all = self.findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ");
        if all.is_empty() { "no fix and no sweep".to_owned() } else { all }
    }

    /// The speed of the wheels, if it is of use.
    fn take_wheels(&mut self, filter: &mut EgoFilter, stamp: Stamp, wheels: Option<&WheelSpeed>) -> Option<f64> {
        let WheelSpeed { stamp: at, speed_mps, .. } = *wheels?;
        let age_s = stamp.seconds_since(at);
        if !speed_mps.is_finite() || !(-1e-9..=OLDEST_WHEELS_S).contains(&age_s) {
            return None;
        }
        let believed_mps = filter.speed_mps();
        if speed_mps.abs() < CREEPING_MPS && believed_mps.abs() < CREEPING_MPS {
            return Some(speed_mps);
        }
        if filter.take_wheels(speed_mps, age_s) > filter::WHEEL_GATE {
            self.findings.push(Finding::WheelSlip { wheels_mps: speed_mps, speed_mps: believed_mps });
            return None;
        }
        Some(speed_mps)
    }

    /// The pose by the sweep, in the frame of the map. Begins a map where there is none.
    fn match_sweep(
        &mut self,
        filter: &mut EgoFilter,
        stamp: Stamp,
        cloud: Option<&PointCloud>,
        calibration: &Calibration,
        is_known: bool,
    ) -> Option<LidarPose> {
        let cloud = cloud?;
        let Some(matched) = self.matched.filter(|_| self.odometry.is_running()) else {
            if is_known && self.held == 0 {
                self.start_map(filter, cloud, calibration, true);
            }
            return None;
        };
        let base_from_lidar = &calibration.base_from_lidar;
        let expected = at_sensor(&filter.twist(), base_from_lidar);
        match self.odometry.step(cloud, stamp.seconds_since(matched), &expected, is_known) {
            Ok(found) => {
                let weakness = weakness(&found.covariance.fixed_view::<3, 3>(0, 0).into_owned());
                (self.matched, self.unmatched, self.weakness) = (Some(stamp), 0, weakness);
                let map_from_base = found.map_from_lidar * base_from_lidar.inverse();
                Some(LidarPose { map_from_base, after_s: found.at_s, covariance: found.covariance, weakness })
            }
            Err(error) => {
                self.findings.push(Finding::LidarRefused(error.to_string()));
                self.count_unmatched(is_known);
                None
            }
        }
    }

    fn count_unmatched(&mut self, is_known: bool) {
        self.unmatched += 1;
        if is_known && self.unmatched >= PATIENCE {
            self.odometry.stop();
        }
    }

    /// Begins a map at the present pose. Says no if the sweep is too poor.
    fn start_map(
        &mut self,
        filter: &mut EgoFilter,
        cloud: &PointCloud,
        calibration: &Calibration,
        is_known: bool,
    ) -> bool {
        let base_from_lidar = &calibration.base_from_lidar;
        let motion = if is_known {
            StartMotion::Known(at_sensor(&filter.twist(), base_from_lidar))
        } else {
            StartMotion::Along(base_from_lidar.rotation.inverse() * Vector3::x())
        };
        let pose = filter.pose();
        if let Err(error) = self.odometry.start(cloud, pose * base_from_lidar, motion) {
            self.findings.push(Finding::LidarRefused(error.to_string()));
            return false;
        }
        filter.anchor_lidar(&pose);
        if self.matched.is_some() {
            self.findings.push(Finding::LidarRestarted);
        }
        (self.matched, self.unmatched) = (Some(filter.stamp()), 0);
        self.agreement.forget();
        true
    }

    /// Corrects by the lidar's pose, unless other sensors know better.
    fn take_lidar(&mut self, filter: &mut EgoFilter, lidar: &LidarPose, is_known: bool) -> bool {
        let trial = filter.try_lidar(&lidar.map_from_base, lidar.after_s, &lidar.covariance);
        let jumps = trial.off_m > JUMP_M || trial.off_rad > JUMP_RAD;
        if is_known && jumps && trial.distance_squared > UNLIKELY {
            self.findings.push(Finding::LidarJump { off_m: trial.off_m });
            self.count_unmatched(is_known);
            return false;
        }
        *filter = trial.updated;
        true
    }

    /// Corrects by a fix. One that jumps is left out; if it stays there, its frame is moved.
    fn take_fix(&mut self, filter: &mut EgoFilter, fix: &EgoState) -> bool {
        if !self.ins.is_anchored() {
            self.ins.anchor(fix, &filter.pose());
            filter.anchor_ins();
            return true;
        }
        let trial = filter.try_ins(&self.ins.in_odom(fix).odom_from_base);
        let jumps = trial.off_m > JUMP_M || trial.off_rad > JUMP_RAD;
        let fits = !(jumps && trial.distance_squared > UNLIKELY);
        let moves = self.ins.note(fits);
        if fits {
            *filter = trial.updated;
            return true;
        }
        self.findings.push(Finding::InsJump { off_m: trial.off_m, off_rad: trial.off_rad });
        self.agreement.forget();
        if moves {
            let by_m = self.ins.anchor(fix, &filter.pose());
            filter.anchor_ins();
            self.findings.push(Finding::InsMoved { by_m });
        }
        moves
    }

    /// Compares the ways by GPS/INS and lidar. Who is alone counts less from the next frame on.
    fn judge(&mut self, stamp: Stamp, fix: &EgoState, lidar: &LidarPose, filter: &EgoFilter, wheels_mps: Option<f64>) {
        let map_from_base = lidar.map_from_base * filter.motion(lidar.after_s).inverse();
        let wheels_mps = wheels_mps.map(|speed_mps| filter.without_wheel_scale(speed_mps));
        // How much it drifts along the way; across it, who is fixed by little is fixed by guard rails at least.
        let along = map_from_base.rotation * Vector3::x();
        let weakness = along.dot(&(lidar.weakness * along));
        let verdict = self.agreement.compare(stamp, &fix.odom_from_base, &map_from_base, weakness, wheels_mps);
        self.findings.extend(verdict.map(|verdict| match verdict {
            Verdict::Ins(disagreement) => Finding::InsDisagrees(disagreement),
            Verdict::Lidar(disagreement) => Finding::LidarDisagrees(disagreement),
        }));
    }
}

/// The motion of a sensor that rides on `base_link`, in the sensor's frame.
fn at_sensor(twist: &Vector6<f64>, base_from_sensor: &Isometry3<f64>) -> Vector6<f64> {
    let (velocity, turn) = (twist.fixed_rows::<3>(0).into_owned(), twist.fixed_rows::<3>(3).into_owned());
    let to_sensor = base_from_sensor.rotation.inverse();
    let velocity = to_sensor * (velocity + turn.cross(&base_from_sensor.translation.vector));
    Vector6::from_iterator(velocity.iter().chain((to_sensor * turn).iter()).copied())
}
