//! Flat asphalt, for places without roads.

use crate::scene::Ground;
use crate::shape::Ray;
use crate::surface::Surface;
use nalgebra::Vector3;

/// Flat asphalt without an end.
#[derive(Clone, Copy, Debug)]
pub struct Flat;

impl Ground for Flat {
    fn height_m(&self, _: f64, _: f64) -> f64 {
        0.0
    }

    fn enter(&self, ray: &Ray, reach: f64) -> Option<(f64, Vector3<f64>, Surface)> {
        let distance = ray.origin.z / -ray.direction.z;
        let is_met = ray.direction.z < -1e-6 && ray.origin.z > 0.0 && distance < reach;
        is_met.then(|| (distance, Vector3::z(), Surface::Asphalt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rays_from_above_meet_flat_asphalt() {
        let ray = |z: f64| Ray { origin: Vector3::new(0.0, 0.0, 1.8), direction: Vector3::new(1.0, 0.0, z) };
        let (distance, normal, surface) = Flat.enter(&ray(-0.1), 100.0).unwrap();
        assert!((distance - 18.0).abs() < 1e-9 && normal == Vector3::z() && surface == Surface::Asphalt);
        assert!(Flat.enter(&ray(0.1), 100.0).is_none() && Flat.enter(&ray(-0.01), 100.0).is_none());
    }
}
