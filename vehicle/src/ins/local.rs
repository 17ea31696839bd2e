//! Latitude and longitude to metres east, north and up of a place: exact on the WGS-84 ellipsoid.

/// Half the longer axis of the ellipsoid, m.
const AXIS_M: f64 = 6_378_137.0;
/// Flattening.
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Square of the eccentricity.
const ECCENTRICITY_2: f64 = FLATTENING * (2.0 - FLATTENING);

/// A place on or above the ellipsoid.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Geodetic {
    /// North of the equator, degrees.
    pub latitude_deg: f64,
    /// East of Greenwich, degrees.
    pub longitude_deg: f64,
    /// Above the ellipsoid (not the sea), m.
    pub height_m: f64,
}

impl Geodetic {
    /// Earth-centred, earth-fixed coordinates, m.
    #[must_use]
    pub fn to_ecef(self) -> [f64; 3] {
        let (sin_lat, cos_lat) = self.latitude_deg.to_radians().sin_cos();
        let (sin_lon, cos_lon) = self.longitude_deg.to_radians().sin_cos();
        let normal = AXIS_M / (1.0 - ECCENTRICITY_2 * sin_lat * sin_lat).sqrt();
        let across = (normal + self.height_m) * cos_lat;
        [across * cos_lon, across * sin_lon, (normal * (1.0 - ECCENTRICITY_2) + self.height_m) * sin_lat]
    }

    /// The place of earth-centred coordinates, m. Bowring's start, then steps of the latitude until they are below a nanometre.
    #[must_use]
    pub fn from_ecef([x, y, z]: [f64; 3]) -> Self {
        let across = x.hypot(y);
        let polar = AXIS_M * (1.0 - FLATTENING);
        let reduced = (z * AXIS_M).atan2(across * polar);
        let second_2 = ECCENTRICITY_2 / (1.0 - ECCENTRICITY_2);
        let (sin, cos) = reduced.sin_cos();
        let mut latitude = (z + second_2 * polar * sin.powi(3)).atan2(across - ECCENTRICITY_2 * AXIS_M * cos.powi(3));
        for _ in 0..3 {
            let sin = latitude.sin();
            let normal = AXIS_M / (1.0 - ECCENTRICITY_2 * sin * sin).sqrt();
            latitude = (z + ECCENTRICITY_2 * normal * sin).atan2(across);
        }
        let (sin, cos) = latitude.sin_cos();
        let normal = AXIS_M / (1.0 - ECCENTRICITY_2 * sin * sin).sqrt();
        // Along the normal: good at the poles and at the equator alike.
        let height_m = across * cos + z * sin - normal * (1.0 - ECCENTRICITY_2 * sin * sin);
        Self { latitude_deg: latitude.to_degrees(), longitude_deg: y.atan2(x).to_degrees(), height_m }
    }
}

/// A plane frame at a place: x east, y north, z up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalFrame {
    origin: [f64; 3],
    east: [f64; 3],
    north: [f64; 3],
    up: [f64; 3],
}

impl LocalFrame {
    /// The frame whose origin is the place.
    #[must_use]
    pub fn new(origin: Geodetic) -> Self {
        let (sin_lat, cos_lat) = origin.latitude_deg.to_radians().sin_cos();
        let (sin_lon, cos_lon) = origin.longitude_deg.to_radians().sin_cos();
        Self {
            origin: origin.to_ecef(),
            east: [-sin_lon, cos_lon, 0.0],
            north: [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            up: [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        }
    }

    /// East, north and up of the origin, m.
    #[must_use]
    pub fn enu(&self, place: Geodetic) -> [f64; 3] {
        let ecef = place.to_ecef();
        let from = [ecef[0] - self.origin[0], ecef[1] - self.origin[1], ecef[2] - self.origin[2]];
        [self.east, self.north, self.up].map(|axis| axis.iter().zip(from).map(|(a, b)| a * b).sum())
    }

    /// The place of east, north and up, m.
    #[must_use]
    pub fn place(&self, [east, north, up]: [f64; 3]) -> Geodetic {
        let along = |i: usize| self.origin[i] + east * self.east[i] + north * self.north[i] + up * self.up[i];
        Geodetic::from_ecef([along(0), along(1), along(2)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_whose_coordinates_are_known() {
        let at = |latitude_deg, longitude_deg, height_m| Geodetic { latitude_deg, longitude_deg, height_m }.to_ecef();
        let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(near(at(0.0, 0.0, 0.0), [6_378_137.0, 0.0, 0.0]));
        assert!(near(at(90.0, 0.0, 10.0), [0.0, 0.0, 6_356_762.314_2]));
        // From pymap3d 3.2: geodetic2ecef(49.011, 8.416, 115), and geodetic2enu of a place 1 km away.
        assert!(near(at(49.011, 8.416, 115.0), KARLSRUHE), "{:?}", at(49.011, 8.416, 115.0));
        let frame = LocalFrame::new(Geodetic { latitude_deg: 49.011, longitude_deg: 8.416, height_m: 115.0 });
        let enu = frame.enu(Geodetic { latitude_deg: 49.02, longitude_deg: 8.42, height_m: 120.0 });
        assert!(near(enu, ONE_KM_AWAY), "{enu:?}");
    }

    const KARLSRUHE: [f64; 3] = [4146449.94525, 613477.66178, 4791448.02738];
    const ONE_KM_AWAY: [f64; 3] = [292.57546, 1000.91690, 4.91469];

    proptest! {
        #[test]
        fn there_and_back(latitude_deg in -90.0..90.0_f64, longitude_deg in -180.0..180.0_f64, height_m in -400.0..10_000.0_f64, east in -1e5..1e5_f64, north in -1e5..1e5_f64) {
            let place = Geodetic { latitude_deg, longitude_deg, height_m };
            let back = Geodetic::from_ecef(place.to_ecef());
            prop_assert!((back.latitude_deg - latitude_deg).abs() < 1e-11 && (back.height_m - height_m).abs() < 1e-7, "{back:?}");
            let frame = LocalFrame::new(place);
            let enu = frame.enu(frame.place([east, north, 3.0]));
            prop_assert!((enu[0] - east).abs() < 1e-7 && (enu[1] - north).abs() < 1e-7 && (enu[2] - 3.0).abs() < 1e-7, "{enu:?}");
        }
    }
}
