//! The message definitions that go into an exported bag, as `ros2msg`: each with all that it names.

/// Name and fields. Every type that is no number or text is named with its package.
#[rustfmt::skip]
const DEFINITIONS: [(&str, &str); 28] = [
    ("builtin_interfaces/Time", "int32 sec\nuint32 nanosec\n"),
    ("builtin_interfaces/Duration", "int32 sec\nuint32 nanosec\n"),
    ("std_msgs/Header", "builtin_interfaces/Time stamp\nstring frame_id\n"),
    ("std_msgs/ColorRGBA", "float32 r\nfloat32 g\nfloat32 b\nfloat32 a\n"),
    ("geometry_msgs/Vector3", "float64 x\nfloat64 y\nfloat64 z\n"),
    ("geometry_msgs/Point", "float64 x\nfloat64 y\nfloat64 z\n"),
    ("geometry_msgs/Quaternion", "float64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1\n"),
    ("geometry_msgs/Transform", "geometry_msgs/Vector3 translation\ngeometry_msgs/Quaternion rotation\n"),
    ("geometry_msgs/TransformStamped", "std_msgs/Header header\nstring child_frame_id\ngeometry_msgs/Transform transform\n"),
    ("geometry_msgs/Pose", "geometry_msgs/Point position\ngeometry_msgs/Quaternion orientation\n"),
    ("geometry_msgs/PoseStamped", "std_msgs/Header header\ngeometry_msgs/Pose pose\n"),
    ("geometry_msgs/PoseWithCovariance", "geometry_msgs/Pose pose\nfloat64[36] covariance\n"),
    ("geometry_msgs/Twist", "geometry_msgs/Vector3 linear\ngeometry_msgs/Vector3 angular\n"),
    ("geometry_msgs/TwistWithCovariance", "geometry_msgs/Twist twist\nfloat64[36] covariance\n"),
    ("tf2_msgs/TFMessage", "geometry_msgs/TransformStamped[] transforms\n"),
    ("nav_msgs/Odometry", "std_msgs/Header header\nstring child_frame_id\ngeometry_msgs/PoseWithCovariance pose\ngeometry_msgs/TwistWithCovariance twist\n"),
    ("nav_msgs/Path", "std_msgs/Header header\ngeometry_msgs/PoseStamped[] poses\n"),
    ("sensor_msgs/PointField", "uint8 INT8=1\nuint8 UINT8=2\nuint8 INT16=3\nuint8 UINT16=4\nuint8 INT32=5\nuint8 UINT32=6\nuint8 FLOAT32=7\nuint8 FLOAT64=8\nstring name\nuint32 offset\nuint8 datatype\nuint32 count\n"),
    ("sensor_msgs/PointCloud2", "std_msgs/Header header\nuint32 height\nuint32 width\nsensor_msgs/PointField[] fields\nbool is_bigendian\nuint32 point_step\nuint32 row_step\nuint8[] data\nbool is_dense\n"),
    ("sensor_msgs/CompressedImage", "std_msgs/Header header\nstring format\nuint8[] data\n"),
    ("sensor_msgs/RegionOfInterest", "uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify\n"),
    ("sensor_msgs/CameraInfo", "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\nfloat64[9] k\nfloat64[9] r\nfloat64[12] p\nuint32 binning_x\nuint32 binning_y\nsensor_msgs/RegionOfInterest roi\n"),
    ("visualization_msgs/UVCoordinate", "float32 u\nfloat32 v\n"),
    ("visualization_msgs/MeshFile", "string filename\nuint8[] data\n"),
    ("visualization_msgs/Marker", "int32 CUBE=1\nint32 ADD=0\nstd_msgs/Header header\nstring ns\nint32 id\nint32 type\nint32 action\ngeometry_msgs/Pose pose\ngeometry_msgs/Vector3 scale\nstd_msgs/ColorRGBA color\nbuiltin_interfaces/Duration lifetime\nbool frame_locked\ngeometry_msgs/Point[] points\nstd_msgs/ColorRGBA[] colors\nstring texture_resource\nsensor_msgs/CompressedImage texture\nvisualization_msgs/UVCoordinate[] uv_coordinates\nstring text\nstring mesh_resource\nvisualization_msgs/MeshFile mesh_file\nbool mesh_use_embedded_materials\n"),
    ("visualization_msgs/MarkerArray", "visualization_msgs/Marker[] markers\n"),
    ("ackermann_msgs/AckermannDrive", "float32 steering_angle\nfloat32 steering_angle_velocity\nfloat32 speed\nfloat32 acceleration\nfloat32 jerk\n"),
    ("ackermann_msgs/AckermannDriveStamped", "std_msgs/Header header\nackermann_msgs/AckermannDrive drive\n"),
];

/// The definition of a type such as `nav_msgs/msg/Odometry` with those of all types in it, or nothing if it is unknown.
pub(super) fn definition(schema: &str) -> String {
    let name = schema.replace("/msg/", "/");
    let mut text = fields(&name).to_owned();
    let mut named = Vec::new();
    collect(&name, &mut named);
    for other in named {
        let line = "=".repeat(80);
        text += &format!("{line}\nMSG: {other}\n{}", fields(other));
    }
    text
}

fn fields(name: &str) -> &'static str {
    DEFINITIONS.iter().find(|(other, _)| *other == name).map_or("", |(_, fields)| fields)
}

/// The types within a type, each once, in the order of their first use.
fn collect(name: &str, found: &mut Vec<&'static str>) {
    for line in fields(name).lines() {
        let kind = line.split([' ', '[']).next().unwrap_or("");
        if kind.contains('/') && !found.contains(&kind) {
            found.push(kind);
            collect(kind, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_defined_with_all_that_it_names() {
        for (name, fields) in DEFINITIONS {
            let mut named = Vec::new();
            collect(name, &mut named);
            assert!(!fields.is_empty());
            for other in &named {
                assert!(DEFINITIONS.iter().any(|(defined, _)| defined == other), "{name} names {other}");
            }
        }
        let text = definition("nav_msgs/msg/Path");
        assert!(text.starts_with("std_msgs/Header header\n") && text.matches("MSG: geometry_msgs/Pose\n").count() == 1);
        assert_eq!(definition("nav_msgs/msg/Nothing"), "");
    }
}
