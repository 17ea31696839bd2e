//! Point-to-point registration of a sweep against the local map.

use super::voxel_map::{Neighbourhood, VoxelMap};
use nalgebra::{Isometry3, Matrix3, Matrix6, Translation3, UnitQuaternion, Vector3, Vector6};

/// An update shorter than this (m and rad together) ends the search.
const CONVERGENCE: f64 = 1e-4;
/// Part of the mean curvature that is added to each direction, so that one that the points do not fix stays put.
const DAMPING: f64 = 1e-6;

/// How a sweep is fitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// Partners are sought within this distance, m.
    pub(super) radius_m: f64,
    /// Scale of the robust weights: a partner this far away (squared, m2) counts a quarter.
    pub(super) kernel_m: f64,
    /// Most rounds of finding partners and moving.
    pub(super) rounds: usize,
}

/// How well a sweep fitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registration {
    /// The refined pose.
    pub(super) odom_from_sensor: Isometry3<f64>,
    /// Source points with a partner in the last round.
    pub(super) matches: usize,
    /// Root mean square distance to the partners, m.
    pub(super) residual_m: f64,
}

/// Refines `guess` by Gauss-Newton with Geman-McClure weights, as KISS-ICP does (Vizzo et al., RA-L 2023).
///
/// `source` is in the sensor's frame; `hoods` is working memory.
pub(super) fn register(
    map: &VoxelMap,
    source: &[Vector3<f64>],
    guess: &Isometry3<f64>,
    search: Search,
    hoods: &mut Vec<Neighbourhood>,
) -> Registration {
    hoods.resize_with(source.len(), Neighbourhood::default);
    hoods.iter_mut().for_each(Neighbourhood::forget);
    let mut result = Registration { odom_from_sensor: *guess, matches: 0, residual_m: 0.0 };
    for _ in 0..search.rounds {
        let system = linearise(map, source, &result.odom_from_sensor, search, hoods);
        result.matches = system.matches;
        result.residual_m = (system.squared_sum / system.matches.max(1) as f64).sqrt();
        let Some(update) = system.solve() else { break };
        let pose = &result.odom_from_sensor;
        let rotation = UnitQuaternion::from_scaled_axis(update.fixed_rows::<3>(3).into_owned()) * pose.rotation;
        let translation = pose.translation.vector + update.fixed_rows::<3>(0);
        result.odom_from_sensor = Isometry3::from_parts(Translation3::from(translation), rotation);
        if update.norm() < CONVERGENCE {
            break;
        }
    }
    result.odom_from_sensor.rotation.renormalize();
    result
}

/// Normal equations of one round, about the sensor's place: (translation, rotation).
#[derive(Default)]
struct NormalEquations {
    matches: usize,
    squared_sum: f64,
    weight: f64,
    /// Sum of w q.
    first: Vector3<f64>,
    /// Sum of w q q^T.
    second: Matrix3<f64>,
    /// Sum of w e.
    pull: Vector3<f64>,
    /// Sum of w q x e.
    twist: Vector3<f64>,
}

fn linearise(
    map: &VoxelMap,
    source: &[Vector3<f64>],
    pose: &Isometry3<f64>,
    search: Search,
    hoods: &mut [Neighbourhood],
) -> NormalEquations {
    let mut sum = NormalEquations::default();
    let rotation = pose.rotation.to_rotation_matrix();
    for (point, hood) in source.iter().zip(hoods) {
        let arm = rotation * point;
        let Some((error, squared)) = map.nearest(arm + pose.translation.vector, search.radius_m, hood) else {
            continue;
        };
        let weight = (search.kernel_m / (search.kernel_m + squared)).powi(2);
        sum.matches += 1;
        sum.squared_sum += squared;
        sum.weight += weight;
        sum.first += weight * arm;
        sum.second += weight * arm * arm.transpose();
        sum.pull += weight * error;
        sum.twist += weight * arm.cross(&error);
    }
    sum
}

impl NormalEquations {
    /// The step (translation, rotation), `None` if there is nothing to go by.
    fn solve(&self) -> Option<Vector6<f64>> {
        if self.matches == 0 || self.weight <= 0.0 {
            return None;
        }
        let mut curvature = Matrix6::zeros();
        let cross = self.first.cross_matrix();
        curvature.fixed_view_mut::<3, 3>(0, 0).copy_from(&(Matrix3::identity() * self.weight));
        curvature.fixed_view_mut::<3, 3>(0, 3).copy_from(&-cross);
        curvature.fixed_view_mut::<3, 3>(3, 0).copy_from(&cross);
        let inertia = Matrix3::identity() * self.second.trace() - self.second;
        curvature.fixed_view_mut::<3, 3>(3, 3).copy_from(&inertia);
        let damping = DAMPING * (self.weight + inertia.trace() / 3.0);
        curvature += Matrix6::identity() * damping;
        let gradient = Vector6::from_iterator(self.pull.iter().chain(self.twist.iter()).copied());
        let update = curvature.cholesky()?.solve(&gradient);
        update.iter().all(|v| v.is_finite()).then_some(update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: Search = Search { radius_m: 1.0, kernel_m: 0.5, rounds: 100 };

    /// Points on the floor and two walls of a room, from a fixed pattern.
    fn room() -> Vec<Vector3<f64>> {
        let steps = || (0..40).map(|i| f64::from(i) * 0.5 - 10.0);
        let floor = steps().flat_map(|x| steps().map(move |y| Vector3::new(x, y, -1.5)));
        let walls = steps().flat_map(|u| {
            (0..8).flat_map(move |k| {
                let z = f64::from(k) * 0.5 - 1.5;
                [Vector3::new(u, 9.7, z), Vector3::new(9.6, u, z)]
            })
        });
        floor.chain(walls).collect()
    }

    #[test]
    fn finds_a_known_motion() {
        let mut map = VoxelMap::new(1.0);
        map.add(&room(), &Isometry3::identity());
        let truth = Isometry3::new(Vector3::new(0.11, -0.07, 0.02), Vector3::new(0.002, -0.003, 0.012));
        let source: Vec<_> = room().iter().map(|p| truth.inverse_transform_point(&(*p).into()).coords).collect();
        let found = register(&map, &source, &Isometry3::identity(), SEARCH, &mut Vec::new());
        let error = truth.inv_mul(&found.odom_from_sensor);
        assert!(error.translation.vector.norm() < 6e-3 && error.rotation.angle() < 1e-3, "{error}");
        assert!(found.matches > source.len() * 9 / 10 && found.residual_m < 0.05, "{found:?}");
    }

    #[test]
    fn degenerate_points_leave_a_finite_pose() {
        let line: Vec<_> = (0..50).map(|i| Vector3::new(f64::from(i) * 0.3, 0.0, 0.0)).collect();
        for source in [&line[..0], &line[..1], &line[..3], &line[..], &[Vector3::zeros(); 40][..]] {
            let mut map = VoxelMap::new(1.0);
            map.add(source, &Isometry3::identity());
            let guess = Isometry3::translation(0.05, 0.02, 0.0);
            let pose = register(&map, source, &guess, SEARCH, &mut Vec::new()).odom_from_sensor;
            assert!(pose.translation.vector.norm() < 0.1 && pose.rotation.angle() < 0.5, "{pose}");
        }
    }
}
