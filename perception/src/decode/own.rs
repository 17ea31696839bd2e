//! Returns of the own vehicle: a lidar on the roof sees rails, mirrors and the bonnet, and what they reflect. They travel along, and a
//! detector that was not trained with them takes them for people.

use super::lidar::keep_if;
use nalgebra::Isometry3;
use serde::Deserialize;
use types::{PointCloud, Vehicle};

/// A box in `base_link`, where every return is the vehicle's own.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnBox {
    /// From and to, forward of the rear axle, m.
    pub x_m: [f64; 2],
    /// From and to, left, m.
    pub y_m: [f64; 2],
    /// From and to, above the ground, m.
    pub z_m: [f64; 2],
}

/// What is taken for the vehicle's own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How far around the vehicle's footprint returns between sill and roof are its own, m: mirrors and what hangs on it. A negative
    /// margin of half the width leaves the body out.
    pub own_margin_m: f64,
    /// What else is: parts that stick out, and places where the lidar sees reflections of the vehicle.
    pub own_returns: Vec<OwnBox>,
}

impl Default for Config {
    /// Of the default vehicle, KITTI's: its roof rails give reflections beside the rear axle, 0.97 to 1.73 m from the middle (both real
    /// drives, all frames).
    fn default() -> Self {
        let beside = |y_m| OwnBox { x_m: [-0.65, 0.05], y_m, z_m: [0.85, 1.3] };
        Self { own_margin_m: 0.3, own_returns: vec![beside([0.9, 1.75]), beside([-1.75, -0.9])] }
    }
}

impl Config {
    /// The field that cannot be true and its value, if there is one.
    #[must_use]
    pub fn implausible(&self) -> Option<(&'static str, f64)> {
        if !(-2.0..=1.0).contains(&self.own_margin_m) {
            return Some(("decode.own_margin_m", self.own_margin_m));
        }
        let sides = self.own_returns.iter().flat_map(|own| {
            [
                ("decode.own_returns.x_m", own.x_m),
                ("decode.own_returns.y_m", own.y_m),
                ("decode.own_returns.z_m", own.z_m),
            ]
        });
        // Beyond 10 m nothing is the vehicle's; a box from more to less holds nothing.
        let near = |side: f64| (-10.0..=10.0).contains(&side);
        let bad = |[from, to]: [f64; 2]| {
            if near(from) { (!near(to) || to <= from).then_some(to) } else { Some(from) }
        };
        sides.into_iter().find_map(|(field, side)| bad(side).map(|value| (field, value)))
    }
}

/// Takes the vehicle's own returns out of sweeps of one lidar.
#[derive(Clone, Debug)]
pub struct OwnReturns {
    boxes: Vec<[[f32; 2]; 3]>,
    /// Rows of the lidar's pose in `base_link`.
    base_from_lidar: [[f32; 4]; 3],
    /// Square of the farthest corner's distance from the lidar, m2.
    reach_2: f32,
}

/// Lowest return of the body, m: below it the road may show.
const SILL_M: f64 = 0.3;

impl OwnReturns {
    /// For a vehicle and the place of its lidar.
    #[must_use]
    pub fn new(config: &Config, vehicle: &Vehicle, base_from_lidar: &Isometry3<f64>) -> Self {
        let margin = config.own_margin_m;
        let body = OwnBox {
            x_m: [-vehicle.rear_overhang_m - margin, vehicle.front_offset_m() + margin],
            y_m: [-0.5 * vehicle.width_m - margin, 0.5 * vehicle.width_m + margin],
            z_m: [SILL_M, vehicle.height_m],
        };
        let all = config.own_returns.iter().chain([&body]);
        let filled = all.filter(|own| [own.x_m, own.y_m, own.z_m].iter().all(|[from, to]| from < to));
        let boxes: Vec<[[f32; 2]; 3]> =
            filled.map(|own| [own.x_m, own.y_m, own.z_m].map(|side| side.map(|v| v as f32))).collect();
        let matrix = base_from_lidar.to_homogeneous();
        let sensor = [0, 1, 2].map(|axis| matrix[(axis, 3)] as f32);
        let farthest = |own: &[[f32; 2]; 3]| -> f32 {
            let far = |axis: usize| own[axis].map(|side| (side - sensor[axis]).powi(2));
            (0..3).map(|axis| far(axis)[0].max(far(axis)[1])).sum()
        };
        let reach_2 = boxes.iter().map(farthest).fold(0.0, f32::max);
        let base_from_lidar = [0, 1, 2].map(|row| [0, 1, 2, 3].map(|column| matrix[(row, column)] as f32));
        Self { boxes, base_from_lidar, reach_2: reach_2 + 1e-3 }
    }

    /// Takes them out of a decoded sweep: how many.
    pub fn remove(&self, cloud: &mut PointCloud) -> usize {
        let before = cloud.len();
        keep_if(cloud, |point| !self.holds(point));
        before - cloud.len()
    }

    fn holds(&self, point: [f32; 3]) -> bool {
        let [x, y, z] = point;
        if x * x + y * y + z * z > self.reach_2 {
            return false;
        }
        let base = self.base_from_lidar.map(|[a, b, c, d]| a * x + b * y + c * z + d);
        self.boxes.iter().any(|own| own.iter().zip(base).all(|([from, to], v)| (*from..=*to).contains(&v)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;
    use proptest::prelude::*;

    fn cloud(points: &[[f32; 3]]) -> PointCloud {
        PointCloud {
            x: points.iter().map(|p| p[0]).collect(),
            y: points.iter().map(|p| p[1]).collect(),
            z: points.iter().map(|p| p[2]).collect(),
            intensity: (0..points.len()).map(|i| i as f32).collect(),
            ring: (0..points.len()).map(|i| i as u16).collect(),
            time_ns: Vec::new(),
            rejected: 0,
        }
    }

    fn kitti() -> Isometry3<f64> {
        Isometry3::translation(0.76, 0.0, 1.73)
    }

    #[test]
    fn rails_and_bonnet_go_and_the_world_stays() {
        let own = OwnReturns::new(&Config::default(), &Vehicle::default(), &kitti());
        let base: [[f32; 3]; 7] = [
            [-0.2, 1.2, 1.1],
            [-0.2, -1.5, 1.1],
            [3.2, 0.5, 1.0],
            [-0.2, 1.9, 1.1],
            [-0.2, 1.2, 0.5],
            [3.2, 0.5, 0.05],
            [10.0, 0.0, 1.0],
        ];
        let mut cloud = cloud(&base.map(|[x, y, z]| [x - 0.76, y, z - 1.73]));
        assert_eq!(own.remove(&mut cloud), 4, "{cloud:?}");
        assert_eq!((cloud.ring.as_slice(), cloud.intensity.as_slice()), (&[3, 5, 6][..], &[3.0, 5.0, 6.0][..]));
        assert!(cloud.time_ns.is_empty());
    }

    #[test]
    fn a_lidar_that_looks_back_masks_the_same_places() {
        let pose = Isometry3::new(Vector3::new(-1.0, 0.5, 0.8), Vector3::z() * 3.0);
        let own = OwnReturns::new(&Config::default(), &Vehicle::default(), &pose);
        let inside = pose.inverse() * nalgebra::Point3::new(-0.2, -1.5, 1.1);
        let mut cloud = cloud(&[[inside.x as f32, inside.y as f32, inside.z as f32], [-9.0, 0.0, 0.0]]);
        assert_eq!((own.remove(&mut cloud), cloud.len()), (1, 1));
    }

    #[test]
    fn without_body_and_boxes_all_stays_and_bad_numbers_are_named() {
        let nothing = Config { own_margin_m: -1.0, own_returns: Vec::new() };
        assert_eq!((nothing.implausible(), Config::default().implausible()), (None, None));
        let own = OwnReturns::new(&nothing, &Vehicle::default(), &kitti());
        assert_eq!(own.remove(&mut cloud(&[[0.0, 0.0, 0.0], [-0.2, 1.2, -0.6]])), 0);
        let turned = OwnBox { x_m: [1.0, 0.0], y_m: [0.0, 1.0], z_m: [0.0, 1.0] };
        let bad = Config { own_returns: vec![turned], ..Config::default() };
        assert_eq!(bad.implausible(), Some(("decode.own_returns.x_m", 0.0)));
        let nan = Config { own_margin_m: f64::NAN, ..Config::default() };
        assert!(nan.implausible().is_some());
    }

    proptest! {
        #[test]
        fn what_goes_lies_in_a_box(points in prop::collection::vec((-8.0..8.0_f32, -3.0..3.0_f32, -2.0..1.0_f32), 0..60)) {
            let points: Vec<[f32; 3]> = points.into_iter().map(|(x, y, z)| [x, y, z]).collect();
            let own = OwnReturns::new(&Config::default(), &Vehicle::default(), &kitti());
            let mut left = cloud(&points);
            let gone = own.remove(&mut left);
            prop_assert_eq!(left.len() + gone, points.len());
            let inside = |p: &[f32; 3]| {
                let [x, y, z] = [p[0] + 0.76, p[1], p[2] + 1.73];
                let body = (-1.4..=3.97).contains(&x) && y.abs() <= 1.21 && (0.3..=1.52).contains(&z);
                body || ((-0.65..=0.05).contains(&x) && (0.9..=1.75).contains(&y.abs()) && (0.85..=1.3).contains(&z))
            };
            prop_assert_eq!(points.iter().filter(|p| inside(p)).count(), gone);
        }
    }
}
