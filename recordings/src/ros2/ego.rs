//! Where the vehicle is: `nav_msgs/Odometry`, or `sensor_msgs/NavSatFix` with `sensor_msgs/Imu`.

use super::messages::{Imu, NavSatFix, Odometry, Transform, Vector3};
use super::transforms::{name, pose, rotation};
use crate::motion::Motion;
use nalgebra::{Isometry3, UnitQuaternion};
use types::{EgoState, InsFix, PoseSource, Stamp};

/// Where the units sit, and what came before.
pub(super) struct Ego {
    pub(super) base_from_unit: Isometry3<f64>,
    /// Of the antenna, and of the inertial unit.
    pub(super) base_from_antenna: Isometry3<f64>,
    pub(super) base_from_imu: Isometry3<f64>,
    motion: Motion,
    attitude: Option<Imu>,
    origin: Option<[f64; 3]>,
    outputs: u64,
}

impl Ego {
    pub(super) fn new(base_from_unit: Isometry3<f64>) -> Self {
        let none = Isometry3::identity();
        Self {
            base_from_unit,
            base_from_antenna: none,
            base_from_imu: none,
            motion: Motion::default(),
            attitude: None,
            origin: None,
            outputs: 0,
        }
    }

    /// An odometry as an output of GPS/INS: its frame is `odom`, its speed that of the child's frame. Odometry tells no acceleration: that
    /// is the change of its speed.
    pub(super) fn odometry(&mut self, message: &Odometry, stamp: Stamp) -> Result<InsFix, String> {
        let given = &message.pose.pose;
        let transform = Transform { translation: given.position.clone(), rotation: given.orientation.clone() };
        let odom_from_unit = pose(&transform)?;
        let turn = vector(&message.twist.twist.angular);
        // The base turns about the unit: v_base = v_unit + w x (base - unit), all in the axes of the base.
        let base_from_unit = &self.base_from_unit;
        let rate = base_from_unit.rotation * turn;
        let velocity = base_from_unit.rotation * vector(&message.twist.twist.linear)
            - rate.cross(&base_from_unit.translation.vector);
        let odom_from_base = odom_from_unit * base_from_unit.inverse();
        let acceleration_mps2 = self.motion.acceleration(stamp, velocity.x);
        self.output(stamp, odom_from_base, [velocity.x, acceleration_mps2, rate.z])
    }

    /// Keeps the newest attitude.
    pub(super) fn imu(&mut self, message: Imu) {
        self.attitude = Some(message);
    }

    /// A position with the newest attitude; `None` before the first. `odom` is at the first position, x to the east.
    pub(super) fn fix(&mut self, message: &NavSatFix, stamp: Stamp) -> Result<Option<InsFix>, String> {
        if message.status.status < 0 {
            return Ok(None);
        }
        let Some(imu) = self.attitude.take() else { return Ok(None) };
        if imu.orientation_covariance[0] < 0.0 {
            return Err("the inertial unit gives no orientation (covariance -1): name an odometry".into());
        }
        let origin = *self.origin.get_or_insert([message.latitude, message.longitude, message.altitude]);
        let antenna = east_north_up([message.latitude, message.longitude, message.altitude], origin);
        let imu_rotation: UnitQuaternion<f64> = self.base_from_imu.rotation;
        let rotation = rotation(&imu.orientation)? * imu_rotation.inverse();
        let odom_from_base =
            Isometry3::from_parts((antenna - rotation * self.base_from_antenna.translation.vector).into(), rotation);
        let rate = imu_rotation * vector(&imu.angular_velocity);
        let acceleration = imu_rotation * vector(&imu.linear_acceleration);
        self.attitude = Some(imu);
        let speed_mps = self.motion.speed(stamp, &odom_from_base);
        self.output(stamp, odom_from_base, [speed_mps, acceleration.x, rate.z]).map(Some)
    }

    fn output(
        &mut self,
        stamp: Stamp,
        odom_from_base: Isometry3<f64>,
        [speed_mps, acceleration_mps2, yaw_rate_radps]: [f64; 3],
    ) -> Result<InsFix, String> {
        let source = PoseSource::Ins;
        let state = EgoState { stamp, odom_from_base, speed_mps, acceleration_mps2, yaw_rate_radps, source };
        if !state.is_finite() {
            return Err(format!(
                "not finite: speed {speed_mps}, acceleration {acceleration_mps2}, rate {yaw_rate_radps}"
            ));
        }
        let seq = self.outputs;
        self.outputs += 1;
        Ok(InsFix { seq, state })
    }
}

/// The frame that an odometry moves: `base_link` where it gives none.
pub(super) fn child(message: &Odometry) -> &str {
    name(&message.child_frame_id)
}

fn vector(of: &Vector3) -> nalgebra::Vector3<f64> {
    nalgebra::Vector3::new(of.x, of.y, of.z)
}

/// Metres east, north and up of the origin (latitude, longitude, altitude) on WGS 84: the tangent plane, by way of the earth's centre.
fn east_north_up(place: [f64; 3], origin: [f64; 3]) -> nalgebra::Vector3<f64> {
    let offset = earth_centred(place) - earth_centred(origin);
    let (latitude, longitude) = (origin[0].to_radians(), origin[1].to_radians());
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) = (latitude.sin_cos(), longitude.sin_cos());
    nalgebra::Vector3::new(
        -sin_lon * offset.x + cos_lon * offset.y,
        -sin_lat * cos_lon * offset.x - sin_lat * sin_lon * offset.y + cos_lat * offset.z,
        cos_lat * cos_lon * offset.x + cos_lat * sin_lon * offset.y + sin_lat * offset.z,
    )
}

fn earth_centred([latitude, longitude, altitude]: [f64; 3]) -> nalgebra::Vector3<f64> {
    let (semi_major_m, flattening) = (6_378_137.0, 1.0 / 298.257_223_563);
    let squared: f64 = flattening * (2.0 - flattening);
    let ((sin_lat, cos_lat), (sin_lon, cos_lon)) = (latitude.to_radians().sin_cos(), longitude.to_radians().sin_cos());
    let normal = semi_major_m / (1.0 - squared * sin_lat * sin_lat).sqrt();
    nalgebra::Vector3::new(
        (normal + altitude) * cos_lat * cos_lon,
        (normal + altitude) * cos_lat * sin_lon,
        (normal * (1.0 - squared) + altitude) * sin_lat,
    )
}

#[cfg(test)]
mod tests {
    use super::super::messages::{Header, NavSatStatus, Quaternion};
    use super::*;

    fn at(seconds: f64) -> Stamp {
        Stamp::from_nanos((seconds * 1e9) as i64)
    }

    #[test]
    fn the_rear_axle_swings_about_an_odometry_in_front() {
        // The unit sits 2 m before the rear axle, drives at 3 m/s and turns at 0.5 rad/s: the unit also moves 1 m/s to the left.
        let mut ego = Ego::new(Isometry3::translation(2.0, 0.0, 0.0));
        let mut message = Odometry { child_frame_id: "/ins".into(), ..Odometry::default() };
        message.pose.pose.orientation = Quaternion { w: 1.0, ..Quaternion::default() };
        message.pose.pose.position.x = 12.0;
        message.twist.twist.linear = Vector3 { x: 3.0, y: 1.0, z: 0.0 };
        message.twist.twist.angular.z = 0.5;
        let first = ego.odometry(&message, at(1.0)).unwrap();
        assert_eq!((child(&message), first.seq), ("ins", 0));
        assert_eq!((first.state.speed_mps, first.state.yaw_rate_radps, first.state.acceleration_mps2), (3.0, 0.5, 0.0));
        assert_eq!(first.state.odom_from_base.translation.x, 10.0);
        message.twist.twist.linear.x = 3.2;
        let second = ego.odometry(&message, at(1.1)).unwrap();
        assert!((second.state.acceleration_mps2 - 2.0).abs() < 1e-6 && second.seq == 1);
    }

    #[test]
    fn a_fix_with_attitude_drives_east() {
        let mut ego = Ego::new(Isometry3::identity());
        ego.base_from_antenna = Isometry3::translation(1.0, 0.0, 2.0);
        let status = NavSatStatus::default();
        let mut fix = NavSatFix { latitude: 49.0, longitude: 8.4, altitude: 100.0, status, ..NavSatFix::default() };
        assert_eq!(ego.fix(&fix, at(0.0)).unwrap(), None);
        let orientation = Quaternion { w: 1.0, ..Quaternion::default() };
        ego.imu(Imu { header: Header::default(), orientation, ..Imu::default() });
        let first = ego.fix(&fix, at(0.0)).unwrap().unwrap();
        assert!((first.state.odom_from_base.translation.x + 1.0).abs() < 1e-9);
        // 10 m to the east on the ellipsoid: the radius of the parallel is 4,190 km.
        fix.longitude += 10.0 / (4_190_888.0_f64) * 180.0 / std::f64::consts::PI;
        let second = ego.fix(&fix, at(1.0)).unwrap().unwrap();
        let place = second.state.odom_from_base.translation;
        assert!((place.x - 9.0).abs() < 0.01 && place.y.abs() < 0.01, "{place}");
        assert!((second.state.speed_mps - 10.0).abs() < 0.01, "{}", second.state.speed_mps);
        ego.imu(Imu { orientation_covariance: [-1.0; 9], ..Imu::default() });
        assert!(ego.fix(&fix, at(2.0)).unwrap_err().contains("gives no orientation"));
    }
}
