//! Registration of a sweep against the local map, with what is known before.

use super::voxel_map::{Neighbourhood, VoxelMap};
use nalgebra::{Isometry3, Matrix3, Matrix6, Translation3, UnitQuaternion, Vector3, Vector6};

/// An update shorter than this (m and rad together) ends the search.
const CONVERGENCE: f64 = 1e-4;
/// Standard deviation of one point across its surface, m, and how many points err together: neighbours on one wall, one map.
const POINT_M: f64 = 0.05;
const TOGETHER: f64 = 20.0;

/// How a sweep is fitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// Partners are sought within this distance, m.
    pub(super) radius_m: f64,
    /// Scale of the robust weights: a partner this far across its surface counts a quarter.
    pub(super) kernel_m: f64,
    /// Most rounds of finding partners and moving.
    pub(super) rounds: usize,
    /// Standard deviations of the guess: translation, m, and rotation, rad.
    pub(super) guess_m: f64,
    pub(super) guess_rad: f64,
}

/// How well a sweep fitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registration {
    /// The refined pose.
    pub(super) odom_from_sensor: Isometry3<f64>,
    /// Source points with a partner in the last round, and how many of the partners lie on a known surface.
    pub(super) partners: usize,
    pub(super) matches: usize,
    /// Root mean square distance across the partners' surfaces, m.
    pub(super) residual_m: f64,
    /// Mean robust cost of the partners that fix the place in the plane, m2.
    pub(super) cost: f64,
    /// What the points alone say about the pose: inverse covariance of translation and rotation, axes of `odom`, about
    /// the sensor's place.
    pub(super) information: Matrix6<f64>,
}

/// Standard deviation of a place in a street, m, and the largest ratio to its square that is told apart.
const STREET_M: f64 = 0.015;
const WEAKEST: f64 = 20.0;

/// How much faster than in a street a map drifts where places have this covariance, in each direction: its eigenvalues are ratios of standard
/// deviations, 1 at least.
pub(super) fn weakness(place: &Matrix3<f64>) -> Matrix3<f64> {
    let eigen = (0.5 * (place + place.transpose())).symmetric_eigen();
    let ratios = eigen.eigenvalues.map(|variance| (variance / (STREET_M * STREET_M)).clamp(1.0, WEAKEST));
    eigen.eigenvectors * Matrix3::from_diagonal(&ratios) * eigen.eigenvectors.transpose()
}

/// Curvature that stands for "not fixed at all" when a covariance is made.
const OPEN: f64 = 1e-2;

impl Registration {
    /// Covariance of place and rotation by the points alone, axes of `odom`.
    pub(super) fn covariance(&self) -> Matrix6<f64> {
        let closed = self.information + Matrix6::identity() * OPEN;
        closed.cholesky().map_or(Matrix6::identity() / OPEN, |factor| factor.inverse())
    }

    /// Standard deviation of the sensor's place in the direction that the points fix least, m.
    pub(super) fn weakest_m(&self) -> f64 {
        // The rotation is marginalised.
        let (place, cross) = (self.information.fixed_view::<3, 3>(0, 0), self.information.fixed_view::<3, 3>(0, 3));
        let turn = self.information.fixed_view::<3, 3>(3, 3).into_owned();
        let Some(inverse) = turn.try_inverse() else { return f64::INFINITY };
        let marginal = place - cross * inverse * cross.transpose();
        let least = marginal.symmetric_eigenvalues().min();
        if least > 0.0 { least.sqrt().recip() } else { f64::INFINITY }
    }
}

/// Refines `guess` by Gauss-Newton with Geman-McClure weights on the distance across the surfaces of the map; the guess holds
/// the pose where the points say nothing.
///
/// `source` is in the sensor's frame; `hoods` is working memory.
pub(super) fn register(
    map: &mut VoxelMap,
    source: &[Vector3<f64>],
    guess: &Isometry3<f64>,
    search: Search,
    hoods: &mut Vec<Neighbourhood>,
) -> Registration {
    hoods.resize_with(source.len(), Neighbourhood::default);
    hoods.iter_mut().for_each(Neighbourhood::forget);
    let mut result = Registration {
        odom_from_sensor: *guess,
        partners: 0,
        matches: 0,
        residual_m: 0.0,
        cost: f64::INFINITY,
        information: Matrix6::zeros(),
    };
    for _ in 0..search.rounds {
        let system = linearise(map, source, &result.odom_from_sensor, search, hoods);
        (result.partners, result.matches) = (system.partners, system.matches);
        result.residual_m = (system.squared_sum / system.matches.max(1) as f64).sqrt();
        result.cost = system.cost / system.cost_weight.max(1.0);
        result.information = system.information();
        let Some(update) = system.solve(&result.odom_from_sensor, guess, search) else { break };
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
    partners: usize,
    matches: usize,
    squared_sum: f64,
    /// Sum of the robust costs and of their weights: how much each surface says about the place in the plane.
    cost: f64,
    cost_weight: f64,
    /// Sum of w M, of w [q] M and of w [q] M [q]^T, where [q] is the cross product with the arm of a point.
    place: Matrix3<f64>,
    cross: Matrix3<f64>,
    turn: Matrix3<f64>,
    /// Sum of w M e and of w q x M e.
    pull: Vector3<f64>,
    twist: Vector3<f64>,
}

fn linearise(
    map: &mut VoxelMap,
    source: &[Vector3<f64>],
    pose: &Isometry3<f64>,
    search: Search,
    hoods: &mut [Neighbourhood],
) -> NormalEquations {
    let mut sum = NormalEquations::default();
    let rotation = pose.rotation.to_rotation_matrix();
    let scale = search.kernel_m * search.kernel_m;
    for (point, hood) in source.iter().zip(hoods) {
        let arm = rotation * point;
        let Some((error, block)) = map.nearest(arm + pose.translation.vector, search.radius_m, hood) else {
            continue;
        };
        sum.partners += 1;
        let surface = map.surface(block);
        if surface.is_unknown() {
            continue;
        }
        let metric = surface.metric();
        let across = metric * error;
        let squared = error.dot(&across);
        let root = scale / (scale + squared);
        let weight = root * root;
        sum.matches += 1;
        sum.squared_sum += squared;
        let upright = metric[(0, 0)] + metric[(1, 1)];
        sum.cost += upright * squared * root;
        sum.cost_weight += upright;
        let arms = arm.cross_matrix();
        let weighted = metric * weight;
        let turned = arms * weighted;
        sum.place += weighted;
        sum.cross += turned;
        sum.turn += turned * arms.transpose();
        sum.pull += weight * across;
        sum.twist += weight * arm.cross(&across);
    }
    sum
}

impl NormalEquations {
    fn information(&self) -> Matrix6<f64> {
        let mut curvature = Matrix6::zeros();
        curvature.fixed_view_mut::<3, 3>(0, 0).copy_from(&self.place);
        curvature.fixed_view_mut::<3, 3>(3, 0).copy_from(&self.cross);
        curvature.fixed_view_mut::<3, 3>(0, 3).copy_from(&self.cross.transpose());
        curvature.fixed_view_mut::<3, 3>(3, 3).copy_from(&self.turn);
        curvature / (POINT_M * POINT_M * TOGETHER)
    }

    /// The step (translation, rotation), `None` if there is nothing to go by.
    fn solve(&self, pose: &Isometry3<f64>, guess: &Isometry3<f64>, search: Search) -> Option<Vector6<f64>> {
        if self.matches == 0 {
            return None;
        }
        let pull = Vector6::from_iterator(self.pull.iter().chain(self.twist.iter()).copied());
        let mut gradient = pull / (POINT_M * POINT_M * TOGETHER);
        let mut curvature = self.information();
        let moved = guess.translation.vector - pose.translation.vector;
        let turned = (guess.rotation * pose.rotation.inverse()).scaled_axis();
        let (place, turn) = (search.guess_m.powi(-2), search.guess_rad.powi(-2));
        for axis in 0..3 {
            curvature[(axis, axis)] += place;
            curvature[(axis + 3, axis + 3)] += turn;
            gradient[axis] += place * moved[axis];
            gradient[axis + 3] += turn * turned[axis];
        }
        let update = curvature.cholesky()?.solve(&gradient);
        update.iter().all(|v| v.is_finite()).then_some(update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: Search = Search { radius_m: 1.0, kernel_m: 0.3, rounds: 100, guess_m: 0.5, guess_rad: 0.1 };

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
        let found = register(&mut map, &source, &Isometry3::identity(), SEARCH, &mut Vec::new());
        let error = truth.inv_mul(&found.odom_from_sensor);
        assert!(error.translation.vector.norm() < 1e-2 && error.rotation.angle() < 1e-3, "{error}");
        assert!(found.matches > source.len() * 9 / 10 && found.residual_m < 0.05, "{found:?}");
    }

    #[test]
    fn degenerate_points_leave_a_finite_pose() {
        let line: Vec<_> = (0..50).map(|i| Vector3::new(f64::from(i) * 0.3, 0.0, 0.0)).collect();
        for source in [&line[..0], &line[..1], &line[..3], &line[..], &[Vector3::zeros(); 40][..]] {
            let mut map = VoxelMap::new(1.0);
            map.add(source, &Isometry3::identity());
            let guess = Isometry3::translation(0.05, 0.02, 0.0);
            let pose = register(&mut map, source, &guess, SEARCH, &mut Vec::new()).odom_from_sensor;
            assert!(pose.translation.vector.norm() < 0.1 && pose.rotation.angle() < 0.5, "{pose}");
        }
    }
}
