//! What each sensor tells of the errors: Kalman updates of the estimate.

use super::{ACCELERATION, EgoFilter, Errors, INS, LIDAR, PLACE, SCALES, SPEED, YAW_RATE};
use nalgebra::{Isometry3, Matrix6, UnitQuaternion};
use types::EgoState;

/// White noise of the measurements.
const LIDAR_NOISE_M: f64 = 0.015;
const LIDAR_NOISE_RAD: f64 = 0.001;
const INS_NOISE_M: f64 = 0.02;
const INS_NOISE_RAD: f64 = 0.002;
pub(super) const INS_NOISE_MPS: f64 = 0.05;
const INS_NOISE_MPS2: f64 = 0.15;
const INS_NOISE_RADPS: f64 = 0.005;
/// And a part of the rate itself.
const INS_RATE_PART: f64 = 0.05;
const WHEEL_NOISE_MPS: f64 = 0.03;

/// A wheel speed farther off than this is slip.
pub(in crate::localize) const WHEEL_GATE: f64 = 25.0;

/// One number that was measured: how it depends on the errors, how far it is from what was expected, its variance.
struct Row {
    observes: Errors,
    residual: f64,
    variance: f64,
}

impl Row {
    fn new(residual: f64, sigma: f64) -> Self {
        Self { observes: Errors::zeros(), residual, variance: sigma * sigma }
    }

    fn on(mut self, error: usize, by: f64) -> Self {
        self.observes[error] = by;
        self
    }
}

/// What a measured pose would do to the estimate.
#[derive(Clone, Debug)]
pub(in crate::localize) struct Trial {
    /// The estimate with it.
    pub(in crate::localize) updated: EgoFilter,
    /// Squared Mahalanobis distance of the six numbers.
    pub(in crate::localize) distance_squared: f64,
    /// How far it lies from the expected pose.
    pub(in crate::localize) off_m: f64,
    pub(in crate::localize) off_rad: f64,
}

impl EgoFilter {
    /// The motion that GPS/INS measures.
    pub(in crate::localize) fn take_ins_motion(&mut self, fix: &EgoState) {
        let speed = Row::new(fix.speed_mps - (1.0 + self.scales[0]) * self.speed_mps, INS_NOISE_MPS);
        let turn_noise = INS_NOISE_RADPS.hypot(INS_RATE_PART * fix.yaw_rate_radps);
        let rows = [
            speed.on(SPEED, 1.0 + self.scales[0]).on(SCALES, self.speed_mps),
            Row::new(fix.acceleration_mps2 - self.acceleration_mps2, INS_NOISE_MPS2).on(ACCELERATION, 1.0),
            Row::new(fix.yaw_rate_radps - self.yaw_rate_radps, turn_noise).on(YAW_RATE, 1.0),
        ];
        self.take(&rows);
    }

    /// What the wheels measure, `age_s` ago. Squared Mahalanobis distance.
    pub(in crate::localize) fn take_wheels(&mut self, speed_mps: f64, age_s: f64) -> f64 {
        let gain = 1.0 + self.scales[1];
        let expected = self.speed_mps - self.acceleration_mps2 * age_s;
        let row = Row::new(speed_mps - gain * expected, WHEEL_NOISE_MPS);
        let row = row.on(SPEED, gain).on(ACCELERATION, -gain * age_s).on(SCALES + 1, expected);
        let mut updated = self.clone();
        let distance_squared = updated.take(&[row]);
        if distance_squared < WHEEL_GATE {
            *self = updated;
        }
        distance_squared
    }

    /// Tries a pose of GPS/INS, given in `odom`.
    pub(in crate::localize) fn try_ins(&self, odom_from_base: &Isometry3<f64>) -> Trial {
        let offset = &self.ins_offset;
        let place = odom_from_base.translation.vector - self.pose.translation.vector - offset.fixed_rows::<3>(0);
        let expected = self.pose.rotation * UnitQuaternion::from_scaled_axis(offset.fixed_rows::<3>(3).into_owned());
        let turn = (expected.inverse() * odom_from_base.rotation).scaled_axis();
        let rows: [Row; 6] = std::array::from_fn(|i| match i {
            0..3 => Row::new(place[i], INS_NOISE_M).on(PLACE + i, 1.0).on(INS + i, 1.0),
            _ => Row::new(turn[i - 3], INS_NOISE_RAD).on(PLACE + i, 1.0).on(INS + i, 1.0),
        });
        self.trial(&rows, place.norm(), turn.norm())
    }

    /// Tries a pose of lidar odometry, given in its own frame and for `after_s` from now, with what the points say about it:
    /// covariance of place and rotation, axes of that frame.
    pub(in crate::localize) fn try_lidar(
        &self,
        map_from_base: &Isometry3<f64>,
        after_s: f64,
        covariance: &Matrix6<f64>,
    ) -> Trial {
        let motion = self.moving(after_s);
        let then = self.pose * motion.step;
        let odom_from_base = self.map_from_odom.inverse() * map_from_base;
        let place = odom_from_base.translation.vector - then.translation.vector;
        let turn = (then.rotation.inverse() * odom_from_base.rotation).scaled_axis();
        let transition = self.transition(&motion, after_s);
        // In the directions in which the points err independently.
        let axes = self.map_from_odom.rotation.inverse().to_rotation_matrix();
        let seen = axes.matrix() * covariance.fixed_view::<3, 3>(0, 0) * axes.matrix().transpose();
        let eigen = (0.5 * (seen + seen.transpose())).symmetric_eigen();
        let rows: [Row; 6] = std::array::from_fn(|i| {
            let mut row = if i < 3 {
                let direction = eigen.eigenvectors.column(i).into_owned();
                let sigma = (LIDAR_NOISE_M.powi(2) + eigen.eigenvalues[i].max(0.0)).sqrt();
                (0..3).fold(Row::new(direction.dot(&place), sigma), |row, axis| {
                    row.on(PLACE + axis, direction[axis]).on(LIDAR + axis, direction[axis])
                })
            } else {
                let sigma = (LIDAR_NOISE_RAD.powi(2) + covariance[(i, i)].max(0.0)).sqrt();
                Row::new(turn[i - 3], sigma).on(PLACE + i, 1.0).on(LIDAR + i, 1.0)
            };
            row.observes = transition.tr_mul(&row.observes);
            row
        });
        self.trial(&rows, place.norm(), turn.norm())
    }

    fn trial(&self, rows: &[Row], off_m: f64, off_rad: f64) -> Trial {
        let mut updated = self.clone();
        let distance_squared = updated.take(rows);
        Trial { updated, distance_squared, off_m, off_rad }
    }

    /// Takes independent numbers in, one after the other, then moves the estimate. Gives their squared Mahalanobis distance.
    fn take(&mut self, rows: &[Row]) -> f64 {
        let mut errors = Errors::zeros();
        let mut distance_squared = 0.0;
        for Row { observes, residual, variance } in rows {
            let column = self.covariance * observes;
            let spread = observes.dot(&column) + variance;
            let innovation = residual - observes.dot(&errors);
            distance_squared += innovation * innovation / spread;
            let gain = column / spread;
            errors += gain * innovation;
            self.covariance -= gain * column.transpose();
        }
        self.covariance = 0.5 * (self.covariance + self.covariance.transpose());
        self.correct(&errors);
        distance_squared
    }

    /// A speed of the wheels, freed of the scale that they are believed to have.
    pub(in crate::localize) fn without_wheel_scale(&self, speed_mps: f64) -> f64 {
        speed_mps / (1.0 + self.scales[1])
    }
}
