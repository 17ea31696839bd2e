//! The ROS 2 messages that are read and written, field by field in the order of their definitions.

use crate::cdr::{Cdr, Decoded, Octets, Reader, Writer};
use types::Stamp;

macro_rules! messages {
    ($($(#[$attribute:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$attribute])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name {
            $(pub(crate) $field: $kind,)*
        }

        impl Cdr for $name {
            const FEWEST_BYTES: usize = 0 $(+ <$kind as Cdr>::FEWEST_BYTES)*;

            fn read(reader: &mut Reader) -> Decoded<Self> {
                Ok(Self {
                    $($field: Cdr::read(reader).map_err(|reason| format!("{}: {reason}", stringify!($field)))?,)*
                })
            }

            fn write(&self, writer: &mut Writer) {
                $(self.$field.write(writer);)*
            }
        }
    )*};
}

messages! {
    Time { sec: i32, nanosec: u32 }
    Header { stamp: Time, frame_id: String }
    Field { name: String, offset: u32, datatype: u8, count: u32 }
    PointCloud2 {
        header: Header, height: u32, width: u32, fields: Vec<Field>, is_bigendian: bool, point_step: u32, row_step: u32,
        data: Octets, is_dense: bool,
    }
    CompressedImage { header: Header, format: String, data: Octets }
    Image {
        header: Header, height: u32, width: u32, encoding: String, is_bigendian: u8, step: u32, data: Octets,
    }
    RegionOfInterest { x_offset: u32, y_offset: u32, height: u32, width: u32, do_rectify: bool }
    CameraInfo {
        header: Header, height: u32, width: u32, distortion_model: String, d: Vec<f64>, k: [f64; 9], r: [f64; 9],
        p: [f64; 12], binning_x: u32, binning_y: u32, roi: RegionOfInterest,
    }
    Vector3 { x: f64, y: f64, z: f64 }
    Quaternion { x: f64, y: f64, z: f64, w: f64 }
    Imu {
        header: Header, orientation: Quaternion, orientation_covariance: [f64; 9], angular_velocity: Vector3,
        angular_velocity_covariance: [f64; 9], linear_acceleration: Vector3, linear_acceleration_covariance: [f64; 9],
    }
    NavSatStatus { status: i8, service: u16 }
    NavSatFix {
        header: Header, status: NavSatStatus, latitude: f64, longitude: f64, altitude: f64,
        position_covariance: [f64; 9], position_covariance_type: u8,
    }
    Transform { translation: Vector3, rotation: Quaternion }
    TransformStamped { header: Header, child_frame_id: String, transform: Transform }
    TfMessage { transforms: Vec<TransformStamped> }
    Pose { position: Vector3, orientation: Quaternion }
    PoseStamped { header: Header, pose: Pose }
    Path { header: Header, poses: Vec<PoseStamped> }
    PoseWithCovariance { pose: Pose, covariance: Rows6 }
    Twist { linear: Vector3, angular: Vector3 }
    TwistWithCovariance { twist: Twist, covariance: Rows6 }
    Odometry { header: Header, child_frame_id: String, pose: PoseWithCovariance, twist: TwistWithCovariance }
    Color { r: f32, g: f32, b: f32, a: f32 }
    Duration { sec: i32, nanosec: u32 }
    TextureUv { u: f32, v: f32 }
    MeshFile { filename: String, data: Octets }
    /// An object for the viewer (visualization_msgs).
    Marker {
        header: Header, ns: String, id: i32, kind: i32, action: i32, pose: Pose, scale: Vector3, color: Color,
        lifetime: Duration, frame_locked: bool, points: Vec<Vector3>, colors: Vec<Color>, texture_resource: String,
        texture: CompressedImage, uv_coordinates: Vec<TextureUv>, text: String, mesh_resource: String, mesh_file: MeshFile,
        mesh_use_embedded_materials: bool,
    }
    MarkerArray { markers: Vec<Marker> }
    AckermannDrive { steering_angle: f32, steering_angle_velocity: f32, speed: f32, acceleration: f32, jerk: f32 }
    AckermannDriveStamped { header: Header, drive: AckermannDrive }
}

/// 6 x 6, row major. Arrays of more than 32 numbers have no default of their own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rows6(pub(crate) [f64; 36]);

impl Default for Rows6 {
    fn default() -> Self {
        Self([0.0; 36])
    }
}

impl Cdr for Rows6 {
    const FEWEST_BYTES: usize = 288;

    fn read(reader: &mut Reader) -> Decoded<Self> {
        Cdr::read(reader).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
}

impl Header {
    pub(crate) fn new(stamp: Stamp, frame: &str) -> Self {
        Self { stamp: Time::of(stamp), frame_id: frame.to_owned() }
    }
}

impl Time {
    /// Stamps before 1970 or after 2038 are held at the border: the format has 32 bits of seconds.
    pub(crate) fn of(stamp: Stamp) -> Self {
        let seconds = stamp.nanos().div_euclid(1_000_000_000);
        let nanosec = stamp.nanos().rem_euclid(1_000_000_000) as u32;
        Self { sec: i32::try_from(seconds).unwrap_or(if seconds < 0 { i32::MIN } else { i32::MAX }), nanosec }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::from_nanos(i64::from(self.sec) * 1_000_000_000 + i64::from(self.nanosec))
    }

    pub(crate) fn is_zero(&self) -> bool {
        (self.sec, self.nanosec) == (0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdr::{decode, encode};
    use proptest::prelude::*;

    #[test]
    fn an_image_is_read_as_it_was_written() {
        let header = Header::new(Stamp::from_nanos(1_500_000_001), "camera");
        let image = CompressedImage { header, format: "jpeg".into(), data: Octets(vec![1, 2, 3]) };
        let mut bytes = Vec::new();
        encode(&image, &mut bytes);
        #[rustfmt::skip]
        let expected = [0, 1, 0, 0, 1, 0, 0, 0, 1, 0x65, 0xcd, 0x1d, 7, 0, 0, 0, b'c', b'a', b'm', b'e', b'r', b'a', 0, 0,
            5, 0, 0, 0, b'j', b'p', b'e', b'g', 0, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3];
        assert_eq!(bytes, expected);
        assert_eq!(decode::<CompressedImage>(&bytes).unwrap(), image);
        assert_eq!(image.header.stamp.stamp().nanos(), 1_500_000_001);
        bytes.truncate(30);
        assert_eq!(
            decode::<CompressedImage>(&bytes).unwrap_err(),
            "format: a sequence of 5 at byte 28, with 2 bytes left"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let bytes = [&[0, 1, 0, 0][..], &bytes].concat();
            let _ = decode::<PointCloud2>(&bytes);
            let _ = decode::<CameraInfo>(&bytes);
            let _ = decode::<TfMessage>(&bytes);
            let _ = decode::<Odometry>(&bytes);
            let _ = decode::<Imu>(&bytes);
            let _ = decode::<NavSatFix>(&bytes);
            let _ = decode::<Image>(&bytes);
        }

        #[test]
        fn stamps_are_kept(nanos in 0..i64::from(i32::MAX) * 1_000_000_000) {
            let stamp = Stamp::from_nanos(nanos);
            prop_assert_eq!(Time::of(stamp).stamp(), stamp);
        }
    }
}
