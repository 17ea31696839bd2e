//! Lidars whose x axis does not point forward: their axes are swapped at the importing edge, once. No number is computed, so every
//! coordinate stays as it was measured; what is left of the rotation goes into the calibration.

use nalgebra::{Isometry3, Matrix3, Rotation3, UnitQuaternion};

/// A rotation by quarter turns: for each new axis the old axis and its sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axes([(usize, f32); 3]);

impl Axes {
    /// The quarter turns after which the axes of the sensor lie nearest to those of the vehicle.
    pub(crate) fn nearest(base_from_sensor: &UnitQuaternion<f64>) -> Self {
        let matrix = base_from_sensor.to_rotation_matrix().into_inner();
        let agreement = |axes: &Self| axes.matrix().component_mul(&matrix).sum();
        let nearest = Self::all().max_by(|a, b| agreement(a).total_cmp(&agreement(b)));
        nearest.unwrap_or(Self([(0, 1.0), (1, 1.0), (2, 1.0)]))
    }

    /// The 24 rotations of a cube.
    fn all() -> impl Iterator<Item = Self> {
        let orders = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0], [1, 0, 2]];
        let signs = |bits: usize| [0, 1, 2].map(|axis| if bits >> axis & 1 == 1 { -1.0 } else { 1.0 });
        let axes = orders.into_iter().flat_map(move |order| {
            (0..8).map(move |bits| Self(std::array::from_fn(|axis| (order[axis], signs(bits)[axis]))))
        });
        axes.filter(|axes| axes.matrix().determinant() > 0.0)
    }

    /// A point of the sensor's own frame in the turned one.
    pub(crate) fn turn(&self, point: [f32; 3]) -> [f32; 3] {
        self.0.map(|(axis, sign)| sign * point[axis])
    }

    /// The place of the turned frame, from that of the sensor's own.
    pub(crate) fn turned(&self, base_from_sensor: &Isometry3<f64>) -> Isometry3<f64> {
        let turned_from_sensor = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(self.matrix()));
        base_from_sensor * turned_from_sensor.inverse()
    }

    fn matrix(&self) -> Matrix3<f64> {
        let mut matrix = Matrix3::zeros();
        for (row, (column, sign)) in self.0.into_iter().enumerate() {
            matrix[(row, column)] = f64::from(sign);
        }
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Point3, Vector3};
    use proptest::prelude::*;
    use std::f64::consts::FRAC_PI_2;

    #[test]
    fn a_lidar_whose_y_points_forward_is_turned_exactly() {
        let forward_is_y = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), -FRAC_PI_2 + 0.01);
        let axes = Axes::nearest(&forward_is_y);
        assert_eq!(axes.turn([1.0, 20.0, 0.25]), [20.0, -1.0, 0.25]);
        let turned = axes.turned(&Isometry3::from_parts(Vector3::new(0.9, 0.0, 1.8).into(), forward_is_y));
        assert!((turned.rotation.angle() - 0.01).abs() < 1e-12 && turned.translation.z == 1.8);
        let level = Axes::nearest(&UnitQuaternion::identity());
        assert_eq!(level.turn([1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
    }

    proptest! {
        #[test]
        fn every_point_stays_where_it_is(
            angles in prop::array::uniform3(-3.2..3.2_f64), point in prop::array::uniform3(-50.0..50.0_f32),
        ) {
            let [roll, pitch, yaw] = angles;
            let rotation = UnitQuaternion::from_euler_angles(roll, pitch, yaw);
            let base_from_sensor = Isometry3::from_parts(Vector3::new(1.0, 0.2, 1.7).into(), rotation);
            let axes = Axes::nearest(&rotation);
            let turned = axes.turned(&base_from_sensor);
            let place = |pose: &Isometry3<f64>, p: [f32; 3]| pose * Point3::from(p.map(f64::from));
            let off = place(&base_from_sensor, point) - place(&turned, axes.turn(point));
            prop_assert!(off.norm() < 1e-9, "{off}");
            // No quarter turn is farther off than this: the corner of the cube's rotations.
            prop_assert!(turned.rotation.angle() < 1.1, "{}", turned.rotation.angle());
        }
    }
}
