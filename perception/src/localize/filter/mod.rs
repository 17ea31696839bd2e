//! Where the vehicle is and how it moves, out of everything that measures it: an error-state Kalman filter.
//!
//! The pose is nonlinear, its error is small and is kept apart (Sola, "Quaternion kinematics for the error-state Kalman filter", 2017).
//! Two sensors tell a pose, each in a frame of its own that wanders: lidar odometry drifts with the way, GPS/INS wanders about
//! the truth with time (a Gauss-Markov process). Both offsets are states, and so are the scales of the two speeds. So each
//! sensor is believed for what it is good at: the lidar over seconds, the satellites over minutes.

mod measure;

pub(super) use measure::WHEEL_GATE;

use super::motion::Motion;
use measure::INS_NOISE_MPS;
use nalgebra::{Isometry3, Matrix3, Matrix6, SMatrix, SVector, Translation3, UnitQuaternion, Vector3, Vector6};
use types::{EgoState, PoseSource, Stamp};

/// Errors: place (odom), rotation (body), speed, acceleration, yaw rate, offsets of GPS/INS and lidar (place in odom, rotation in
/// body: the same axes as the pose, so that what the pose and both offsets share stays unknown, as it must), scales of the speeds of GPS/INS and wheels, direction of the motion in the body (aside, up).
const PLACE: usize = 0;
const TURN: usize = 3;
const SPEED: usize = 6;
const ACCELERATION: usize = 7;
const YAW_RATE: usize = 8;
const INS: usize = 9;
const LIDAR: usize = 15;
const SCALES: usize = 21;
const DIRECTION: usize = 23;
const ERRORS: usize = 25;

type Errors = SVector<f64, ERRORS>;
type Covariance = SMatrix<f64, ERRORS, ERRORS>;

/// Largest change of the acceleration and of the yaw rate that is usual, as white noise: m/s3, rad/s2, both per root second.
const JERK: f64 = 3.0;
const SWERVE: f64 = 0.5;
/// What a vehicle does beside driving along its axis: along, aside, up, m; roll, pitch, yaw, rad; all per root second.
const SLIP: [f64; 3] = [0.02, 0.03, 0.05];
const TILT: [f64; 3] = [0.03, 0.03, 0.002];
/// The error of GPS/INS: size in place (the height is worst), m, and rotation, rad; time in which it is forgotten, s.
const INS_WANDER: [f64; 6] = [0.2, 0.2, 0.6, 0.004, 0.004, 0.004];
const INS_TIME_S: f64 = 60.0;
/// Drift of lidar odometry: m and rad per root metre.
const LIDAR_M: f64 = 0.005;
const LIDAR_RAD: f64 = 0.0002;
/// Scales of speeds: size, and wander per root second. Wheels are worn and pumped up; satellites see the speed itself.
const SCALES_OFF: [f64; 2] = [0.007, 0.02];
const SCALE_WANDER: f64 = 1e-4;
/// Direction of the motion, rad: size, and wander per root second.
const DIRECTION_OFF: f64 = 0.03;
const DIRECTION_WANDER: f64 = 5e-4;
/// Before anything was seen.
const FIRST_SPEED_MPS: f64 = 15.0;
const FIRST_ACCELERATION_MPS2: f64 = 2.0;
const FIRST_YAW_RATE_RADPS: f64 = 0.5;

/// The estimate.
#[derive(Clone, Debug)]
pub(super) struct EgoFilter {
    stamp: Stamp,
    pose: Isometry3<f64>,
    speed_mps: f64,
    acceleration_mps2: f64,
    yaw_rate_radps: f64,
    /// The offset of GPS/INS as it is believed to be.
    ins_offset: Vector6<f64>,
    /// The lidar's frame: `map_from_odom`.
    map_from_odom: Isometry3<f64>,
    /// Scales minus one, of GPS/INS and of the wheels.
    scales: [f64; 2],
    /// In which direction the body moves, aside and up, rad.
    direction: [f64; 2],
    covariance: Covariance,
    /// Whether the lidar's frame may drift from `odom`: only if GPS/INS says where `odom` is.
    anchored: bool,
}

impl EgoFilter {
    /// At a pose that is right by definition, with an unknown motion.
    pub(super) fn at_rest(stamp: Stamp) -> Self {
        let mut spread = Errors::zeros();
        spread[SPEED] = FIRST_SPEED_MPS;
        spread[ACCELERATION] = FIRST_ACCELERATION_MPS2;
        spread[YAW_RATE] = FIRST_YAW_RATE_RADPS;
        (0..2).for_each(|i| (spread[SCALES + i], spread[DIRECTION + i]) = (SCALES_OFF[i], DIRECTION_OFF));
        Self {
            stamp,
            pose: Isometry3::identity(),
            speed_mps: 0.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            ins_offset: Vector6::zeros(),
            map_from_odom: Isometry3::identity(),
            scales: [0.0; 2],
            direction: [0.0; 2],
            covariance: Covariance::from_diagonal(&spread.component_mul(&spread)),
            anchored: false,
        }
    }

    /// At a fix of GPS/INS.
    pub(super) fn at_fix(fix: &EgoState) -> Self {
        let mut filter = Self {
            pose: fix.odom_from_base,
            speed_mps: fix.speed_mps,
            acceleration_mps2: fix.acceleration_mps2,
            yaw_rate_radps: fix.yaw_rate_radps,
            ..Self::at_rest(fix.stamp)
        };
        let known =
            [(SPEED, INS_NOISE_MPS + SCALES_OFF[0] * fix.speed_mps.abs()), (ACCELERATION, 0.5), (YAW_RATE, 0.02)];
        for (error, sigma) in known {
            filter.covariance[(error, error)] = sigma * sigma;
        }
        filter.anchor_ins();
        filter
    }

    /// The frame of GPS/INS is such that its last fix stands for the present pose: what it was off by is unknown again.
    pub(super) fn anchor_ins(&mut self) {
        self.anchored = true;
        self.ins_offset = Vector6::zeros();
        for (axis, sigma) in INS_WANDER.into_iter().enumerate() {
            let (own, offset) = (PLACE + axis, INS + axis);
            self.covariance.row_mut(offset).fill(0.0);
            self.covariance.column_mut(offset).fill(0.0);
            // The error of the fix is that of the pose, with the other sign.
            self.covariance[(own, own)] += sigma * sigma;
            self.covariance[(own, offset)] = -sigma * sigma;
            self.covariance[(offset, own)] = -sigma * sigma;
            self.covariance[(offset, offset)] = sigma * sigma;
        }
    }

    /// A new map of the lidar starts here: `map_from_base` stands for the present pose.
    pub(super) fn anchor_lidar(&mut self, map_from_base: &Isometry3<f64>) {
        self.map_from_odom = map_from_base * self.pose.inverse();
        for axis in 0..6 {
            self.covariance.row_mut(LIDAR + axis).fill(0.0);
            self.covariance.column_mut(LIDAR + axis).fill(0.0);
        }
        if self.anchored {
            self.couple_lidar();
        }
    }

    /// The map was put at the present pose, whatever its error: the offset has the pose's error with the other sign.
    fn couple_lidar(&mut self) {
        let mut offset_from_own = SMatrix::<f64, 6, ERRORS>::zeros();
        offset_from_own.fixed_view_mut::<6, 6>(0, PLACE).copy_from(&-Matrix6::identity());
        let cross = offset_from_own * self.covariance;
        let own = cross * offset_from_own.transpose();
        self.covariance.fixed_rows_mut::<6>(LIDAR).copy_from(&cross);
        self.covariance.fixed_columns_mut::<6>(LIDAR).copy_from(&cross.transpose());
        self.covariance.fixed_view_mut::<6, 6>(LIDAR, LIDAR).copy_from(&own);
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    pub(super) fn pose(&self) -> Isometry3<f64> {
        self.pose
    }

    pub(super) fn speed_mps(&self) -> f64 {
        self.speed_mps
    }

    /// How fast `base_link` moves and turns, in its own frame.
    pub(super) fn twist(&self) -> Vector6<f64> {
        let [aside, up] = self.direction.map(|angle| angle * self.speed_mps);
        Vector6::new(self.speed_mps, aside, up, 0.0, 0.0, self.yaw_rate_radps)
    }

    pub(super) fn state(&self, source: PoseSource) -> EgoState {
        EgoState {
            stamp: self.stamp,
            odom_from_base: self.pose,
            speed_mps: self.speed_mps,
            acceleration_mps2: self.acceleration_mps2,
            yaw_rate_radps: self.yaw_rate_radps,
            source,
        }
    }

    /// Moves on to `stamp`. `doubts` scale how far each of the two frames wanders: GPS/INS, lidar. `weakness` scales the drift of the lidar in
    /// each direction, axes of its map.
    pub(super) fn predict(&mut self, stamp: Stamp, doubts: [f64; 2], weakness: &Matrix3<f64>) {
        let dt_s = stamp.seconds_since(self.stamp);
        self.stamp = stamp;
        let motion = self.moving(dt_s);
        let transition = self.transition(&motion, dt_s);
        self.pose *= motion.step;
        self.pose.rotation.renormalize();
        self.speed_mps += self.acceleration_mps2 * dt_s;
        self.covariance = transition * self.covariance * transition.transpose();
        self.wander(&motion, dt_s, doubts, weakness);
    }

    fn transition(&self, motion: &Motion, dt_s: f64) -> Covariance {
        let mut transition = Covariance::identity();
        let rotation = self.pose.rotation.to_rotation_matrix();
        let back = motion.step.rotation.inverse().to_rotation_matrix();
        let lever = -(rotation.matrix() * motion.step.translation.vector.cross_matrix());
        transition.fixed_view_mut::<3, 3>(PLACE, TURN).copy_from(&lever);
        for (error, gain) in [
            (SPEED, motion.by_speed),
            (ACCELERATION, motion.by_acceleration),
            (YAW_RATE, motion.by_turn),
            (DIRECTION, motion.by_direction[0]),
            (DIRECTION + 1, motion.by_direction[1]),
        ] {
            transition.fixed_view_mut::<3, 1>(PLACE, error).copy_from(&(rotation * gain));
        }
        transition.fixed_view_mut::<3, 3>(TURN, TURN).copy_from(back.matrix());
        transition[(TURN + 2, YAW_RATE)] = dt_s;
        transition[(SPEED, ACCELERATION)] = dt_s;
        let kept = (-dt_s / INS_TIME_S).exp();
        (0..6).for_each(|axis| transition[(INS + axis, INS + axis)] = kept);
        // A map that is turned is left behind as the vehicle goes on.
        transition.fixed_view_mut::<3, 3>(LIDAR, LIDAR + 3).copy_from(&lever);
        transition.fixed_view_mut::<3, 3>(LIDAR + 3, LIDAR + 3).copy_from(back.matrix());
        transition
    }

    /// Adds what happens by chance.
    fn wander(&mut self, motion: &Motion, dt_s: f64, [ins_doubt, lidar_doubt]: [f64; 2], weakness: &Matrix3<f64>) {
        let rotation = self.pose.rotation.to_rotation_matrix();
        let slip = Matrix3::from_diagonal(&Vector3::from(SLIP.map(|v| v * v * dt_s)));
        let mut place = self.covariance.fixed_view_mut::<3, 3>(PLACE, PLACE);
        place += rotation.matrix() * slip * rotation.matrix().transpose();
        let mut add = |error: usize, variance: f64| self.covariance[(error, error)] += variance;
        (0..3).for_each(|axis| add(TURN + axis, TILT[axis].powi(2) * dt_s));
        add(ACCELERATION, JERK * JERK * dt_s);
        add(YAW_RATE, SWERVE * SWERVE * dt_s);
        (0..2).for_each(|which| add(SCALES + which, SCALE_WANDER.powi(2) * dt_s));
        (0..2).for_each(|axis| add(DIRECTION + axis, DIRECTION_WANDER.powi(2) * dt_s));
        if self.anchored {
            let kept = (-dt_s / INS_TIME_S).exp();
            let ways = motion.step.translation.vector.norm();
            for (axis, ins) in INS_WANDER.into_iter().enumerate() {
                add(INS + axis, (ins_doubt * ins).powi(2) * (1.0 - kept * kept));
            }
            (3..6).for_each(|axis| add(LIDAR + axis, (lidar_doubt * LIDAR_RAD).powi(2) * ways));
            let axes = self.map_from_odom.rotation.to_rotation_matrix();
            let weakness = axes.transpose() * weakness * axes.matrix();
            let mut drift = self.covariance.fixed_view_mut::<3, 3>(LIDAR, LIDAR);
            drift += weakness * weakness * (lidar_doubt * LIDAR_M).powi(2) * ways;
        }
        self.ins_offset *= (-dt_s / INS_TIME_S).exp();
    }

    /// The vehicle stands: time passes, GPS/INS wanders, and nothing else happens.
    pub(super) fn stand(&mut self, stamp: Stamp) {
        let kept = (-stamp.seconds_since(self.stamp) / INS_TIME_S).exp();
        self.stamp = stamp;
        self.ins_offset *= kept;
        for (axis, sigma) in INS_WANDER.into_iter().enumerate() {
            self.covariance.row_mut(INS + axis).scale_mut(kept);
            self.covariance.column_mut(INS + axis).scale_mut(kept);
            self.covariance[(INS + axis, INS + axis)] += sigma * sigma * (1.0 - kept * kept);
        }
        (self.speed_mps, self.acceleration_mps2, self.yaw_rate_radps) = (0.0, 0.0, 0.0);
        for (error, sigma) in [(SPEED, 0.02), (ACCELERATION, 0.3), (YAW_RATE, 0.01)] {
            self.covariance.row_mut(error).fill(0.0);
            self.covariance.column_mut(error).fill(0.0);
            self.covariance[(error, error)] = sigma * sigma;
        }
    }

    /// From the body `after_s` from now to the body now.
    pub(super) fn motion(&self, after_s: f64) -> Isometry3<f64> {
        self.moving(after_s).step
    }

    fn moving(&self, dt_s: f64) -> Motion {
        Motion::of([self.speed_mps, self.acceleration_mps2, self.yaw_rate_radps], self.direction, dt_s)
    }

    fn correct(&mut self, errors: &Errors) {
        let three = |at: usize| errors.fixed_rows::<3>(at).into_owned();
        self.pose.translation.vector += three(PLACE);
        self.pose.rotation *= UnitQuaternion::from_scaled_axis(three(TURN));
        self.pose.rotation.renormalize();
        self.speed_mps += errors[SPEED];
        self.acceleration_mps2 += errors[ACCELERATION];
        self.yaw_rate_radps += errors[YAW_RATE];
        self.ins_offset += errors.fixed_rows::<6>(INS);
        (0..2).for_each(|which| self.scales[which] += errors[SCALES + which]);
        (0..2).for_each(|axis| self.direction[axis] += errors[DIRECTION + axis]);
        let seen = Isometry3::from_parts(
            Translation3::from(self.pose.translation.vector + three(LIDAR)),
            self.pose.rotation * UnitQuaternion::from_scaled_axis(three(LIDAR + 3)),
        );
        self.map_from_odom = self.map_from_odom * seen * self.pose.inverse();
        self.map_from_odom.rotation.renormalize();
    }

    /// Whether every number is finite.
    pub(super) fn is_finite(&self) -> bool {
        self.state(PoseSource::Ins).is_finite() && self.covariance.iter().all(|v| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD_NS: i64 = 100_000_000;

    /// A drive along a winding road at 5 m/s.
    fn truth(frame: i64) -> EgoState {
        let mut state = EgoState {
            stamp: Stamp::from_nanos(0),
            odom_from_base: Isometry3::identity(),
            speed_mps: 5.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            source: PoseSource::Ins,
        };
        for k in 1..=frame {
            state.yaw_rate_radps = 0.3 * (0.05 * k as f64).sin();
            state = state.extrapolated(Stamp::from_nanos(PERIOD_NS * k));
        }
        state
    }

    /// Drives with fixes as `measured` makes them of the truth, and with an exact lidar. The errors of the pose at the end: place, m, and
    /// rotation, rad.
    fn drive(measured: impl Fn(i64, EgoState) -> EgoState, doubt: f64) -> [f64; 2] {
        let mut filter = EgoFilter::at_fix(&measured(0, truth(0)));
        filter.anchor_lidar(&filter.pose());
        for frame in 1..100 {
            let truth = truth(frame);
            let fix = measured(frame, truth);
            filter.predict(truth.stamp, [doubt, 1.0], &Matrix3::identity());
            filter.take_ins_motion(&fix);
            let later = truth.extrapolated(truth.stamp.offset(0.05));
            let covariance = Matrix6::from_diagonal(&Vector6::new(1e-4, 1e-4, 1e-4, 1e-7, 1e-7, 1e-7));
            filter = filter.try_lidar(&later.odom_from_base, 0.05, &covariance).updated;
            filter = filter.try_ins(&fix.odom_from_base).updated;
            assert!(filter.is_finite());
        }
        let off = truth(99).odom_from_base.inv_mul(&filter.pose());
        [off.translation.vector.norm(), off.rotation.angle()]
    }

    #[test]
    fn what_is_exact_stays_exact() {
        let [off_m, off_rad] = drive(|_, truth| truth, 1.0);
        assert!(off_m < 0.02 && off_rad < 1e-3, "{off_m} m, {off_rad} rad");
    }

    #[test]
    fn where_the_lidar_is_weak_the_fixes_decide() {
        // The lidar measures two percent less of a straight way; what it sees fixes the place across well and along hardly.
        let ends = |weakness: &Matrix3<f64>, along_m: f64| {
            let at = |frame: i64, share: f64| EgoState {
                stamp: Stamp::from_nanos(PERIOD_NS * frame),
                odom_from_base: Isometry3::translation(share * 2.0 * frame as f64, 0.0, 0.0),
                speed_mps: 20.0,
                yaw_rate_radps: 0.0,
                ..truth(0)
            };
            let mut filter = EgoFilter::at_fix(&at(0, 1.0));
            filter.anchor_lidar(&filter.pose());
            for frame in 1..50 {
                let fix = at(frame, 1.0);
                filter.predict(fix.stamp, [1.0, 1.0], weakness);
                filter.take_ins_motion(&fix);
                let spread = Vector6::new(along_m, 0.01, 0.01, 3e-4, 3e-4, 3e-4);
                let covariance = Matrix6::from_diagonal(&spread.component_mul(&spread));
                filter = filter.try_lidar(&at(frame, 0.98).odom_from_base, 0.0, &covariance).updated;
                filter = filter.try_ins(&fix.odom_from_base).updated;
            }
            (filter.pose().translation.vector - at(49, 1.0).odom_from_base.translation.vector).norm()
        };
        let weak = ends(&Matrix3::from_diagonal(&Vector3::new(20.0, 1.0, 1.0)), 0.07);
        let across = ends(&Matrix3::from_diagonal(&Vector3::new(1.0, 20.0, 1.0)), 0.01);
        assert!(weak < 0.06 && across > 3.0 * weak, "{weak} {across}");
    }

    #[test]
    fn the_lidar_decides_over_seconds() {
        // A gyro that is off by a part, a height that wanders.
        let [off_m, off_rad] =
            drive(|_, truth| EgoState { yaw_rate_radps: 0.965 * truth.yaw_rate_radps, ..truth }, 1.0);
        assert!(off_m < 0.1 && off_rad < 2e-3, "{off_m} m, {off_rad} rad");
        let climbing = |frame: i64, truth: EgoState| {
            let up = Isometry3::translation(0.0, 0.0, 0.4 * (0.1 * frame as f64).sin());
            EgoState { odom_from_base: up * truth.odom_from_base, ..truth }
        };
        let [off_m, _] = drive(climbing, 1.0);
        assert!(off_m < 0.1, "{off_m} m");
        // A way that is too short.
        let short = |_: i64, truth: EgoState| {
            let mut pose = truth.odom_from_base;
            pose.translation.vector *= 0.97;
            EgoState { odom_from_base: pose, ..truth }
        };
        let [off_m, _] = drive(short, 8.0);
        assert!(off_m < 0.2, "{off_m} m");
    }
}
