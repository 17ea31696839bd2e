//! From a sweep to the few points that the odometry needs: cropped, thinned, straightened.

use super::voxel_index::{VoxelIndex, voxel_key};
use nalgebra::{Vector3, Vector6};
use types::PointCloud;

/// Keeps the first point of each voxel of `size_m` with a range between `low_m` and `high_m`, in the cloud's order, moved
/// by `twist` (translation and rotation a second of the sensor, in its own frame) to where it would be at the
/// cloud's stamp. Clouds without times stay as they are.
pub(super) fn thin_cloud(
    cloud: &PointCloud,
    size_m: f64,
    [low_m, high_m]: [f64; 2],
    twist: &Vector6<f64>,
    index: &mut VoxelIndex,
    out: &mut Vec<Vector3<f64>>,
) {
    index.clear();
    out.clear();
    let timed = cloud.time_ns.len() == cloud.len();
    for (i, ((&x, &y), &z)) in cloud.x.iter().zip(&cloud.y).zip(&cloud.z).enumerate() {
        let point = Vector3::new(f64::from(x), f64::from(y), f64::from(z));
        let range_squared = point.norm_squared();
        let inside = range_squared >= low_m * low_m && range_squared <= high_m * high_m;
        if inside && index.get_or_insert(voxel_key(point.into(), size_m), 0).1 {
            let seconds = if timed { f64::from(cloud.time_ns[i]) * 1e-9 } else { 0.0 };
            out.push(straighten(point, twist, seconds));
        }
    }
}

/// Keeps the first point of each voxel of `size_m`, in order.
pub(super) fn thin(points: &[Vector3<f64>], size_m: f64, index: &mut VoxelIndex, out: &mut Vec<Vector3<f64>>) {
    index.clear();
    out.clear();
    out.extend(points.iter().filter(|p| index.get_or_insert(voxel_key((**p).into(), size_m), 0).1));
}

/// A point seen `seconds` after the stamp, in the sensor's frame at the stamp. The rotation is its series to the second
/// order: less than a millimetre off at 50 m for a turn of half a radian a second.
fn straighten(point: Vector3<f64>, twist: &Vector6<f64>, seconds: f64) -> Vector3<f64> {
    if seconds == 0.0 {
        return point;
    }
    let turn = twist.fixed_rows::<3>(3) * seconds;
    let turned = turn.cross(&point);
    point + turned + 0.5 * turn.cross(&turned) + twist.fixed_rows::<3>(0) * seconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::UnitQuaternion;

    fn cloud(points: &[[f32; 3]]) -> PointCloud {
        let column = |axis: usize| points.iter().map(|p| p[axis]).collect::<Vec<_>>();
        PointCloud { x: column(0), y: column(1), z: column(2), ..PointCloud::default() }
    }

    #[test]
    fn the_first_point_of_each_voxel_within_range_stays() {
        let cloud = cloud(&[[1.0, 0.0, 0.0], [10.1, 0.0, 0.0], [10.2, 0.1, 0.0], [10.6, 0.0, 0.0], [200.0, 0.0, 0.0]]);
        let (mut index, mut out) = (VoxelIndex::new(), Vec::new());
        thin_cloud(&cloud, 0.5, [5.0, 100.0], &Vector6::zeros(), &mut index, &mut out);
        assert_eq!(out.iter().map(|p| p.x as f32).collect::<Vec<_>>(), [10.1, 10.6]);
        let mut fewer = Vec::new();
        thin(&out, 2.0, &mut index, &mut fewer);
        assert_eq!(fewer, out[..1]);
    }

    #[test]
    fn points_of_a_turning_sensor_come_back_to_one_place() {
        let twist = Vector6::new(15.0, 0.0, 0.0, 0.0, 0.0, 0.5);
        let world = Vector3::new(30.0, 40.0, 1.0);
        for seconds in [0.0, 0.03, 0.1] {
            let turn = UnitQuaternion::from_scaled_axis(Vector3::z() * 0.5 * seconds);
            let seen = turn.inverse() * (world - Vector3::new(15.0 * seconds, 0.0, 0.0));
            assert!((straighten(seen, &twist, seconds) - world).norm() < 2e-3);
        }
    }
}
