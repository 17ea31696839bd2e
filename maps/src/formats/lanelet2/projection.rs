//! From degrees to metres: the transverse Mercator projection around a place (WGS 84).
//!
//! Method: Krueger's series in the third flattening n to the third order (Karney, "Transverse Mercator with an accuracy of a few
//! nanometers", 2011, equations 7 to 11). The scale is 1 on the central meridian, which goes through the place, so that metres on
//! the map are metres on the ground.

use super::super::Origin;

/// Semi-major axis, m, and flattening of WGS 84.
const AXIS_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// A projection around an origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Projection {
    origin: Origin,
    north_m: f64,
}

impl Projection {
    /// Around a place; x is east, y is north.
    pub fn around(origin: Origin) -> Self {
        let [_, north_m] = mercator(origin.latitude_deg, 0.0);
        Self { origin, north_m }
    }

    /// Where a place lies, m.
    pub fn place(&self, latitude_deg: f64, longitude_deg: f64) -> [f64; 2] {
        let [x, y] = mercator(latitude_deg, longitude_deg - self.origin.longitude_deg);
        [x, y - self.north_m]
    }
}

/// East of the central meridian and north of the equator, m.
fn mercator(latitude_deg: f64, from_meridian_deg: f64) -> [f64; 2] {
    let n = FLATTENING / (2.0 - FLATTENING);
    let (n2, n3) = (n * n, n * n * n);
    let radius = AXIS_M / (1.0 + n) * (1.0 + n2 / 4.0 + n2 * n2 / 64.0);
    let alpha = [n / 2.0 - 2.0 / 3.0 * n2 + 5.0 / 16.0 * n3, 13.0 / 48.0 * n2 - 3.0 / 5.0 * n3, 61.0 / 240.0 * n3];
    let (latitude, longitude) = (latitude_deg.to_radians(), from_meridian_deg.to_radians());
    let eccentricity = (FLATTENING * (2.0 - FLATTENING)).sqrt();
    let sin = latitude.sin();
    // Tangent of the conformal latitude.
    let conformal = (sin.atanh() - eccentricity * (eccentricity * sin).atanh()).sinh();
    let xi = conformal.atan2(longitude.cos());
    let eta = (longitude.sin() / conformal.hypot(longitude.cos())).asinh();
    let (mut x, mut y) = (eta, xi);
    for (j, a) in (1..=3).map(f64::from).zip(alpha) {
        x += a * (2.0 * j * xi).cos() * (2.0 * j * eta).sinh();
        y += a * (2.0 * j * xi).sin() * (2.0 * j * eta).cosh();
    }
    [radius * x, radius * y]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length of a degree by the radii of curvature of the ellipsoid.
    #[test]
    fn a_degree_has_its_length() {
        let latitude = 49.0f64.to_radians();
        let square = FLATTENING * (2.0 - FLATTENING);
        let w = (1.0 - square * latitude.sin().powi(2)).sqrt();
        let (meridian, normal) = (AXIS_M * (1.0 - square) / w.powi(3), AXIS_M / w);
        let projection = Projection::around(Origin { latitude_deg: 49.0, longitude_deg: 8.4 });
        let step = 1e-3;
        let [x, y] = projection.place(49.0 + step, 8.4);
        assert!(x.abs() < 1e-9 && (y - meridian * step.to_radians()).abs() < 2e-3, "{x} {y}");
        let [x, _] = projection.place(49.0, 8.4 + step);
        assert!((x - normal * latitude.cos() * step.to_radians()).abs() < 1e-4, "{x}");
    }

    /// From the equator to the pole lies a quarter of a meridian, 10 001 965.729 m on WGS 84.
    #[test]
    fn the_quarter_meridian_is_known() {
        let [_, north] = mercator(90.0 - 1e-9, 0.0);
        assert!((north - 10_001_965.729).abs() < 1e-2, "{north}");
    }
}
