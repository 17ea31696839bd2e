//! The lidars that can be carried: where their beams point and how well they see.

use serde::Deserialize;

/// A spinning lidar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum LidarKind {
    /// Velodyne HDL-64E: two blocks of 32 beams, the upper denser.
    #[serde(rename = "hdl-64")]
    Hdl64,
    /// Velodyne VLP-32C: dense around the horizon.
    #[serde(rename = "vlp-32")]
    Vlp32,
    /// Ouster OS1-128: 128 beams over 45 degrees.
    #[serde(rename = "os-128")]
    Os128,
    /// 64 beams of the HDL-64E, 1024 columns.
    #[default]
    #[serde(rename = "hdl-64-1024")]
    Hdl64x1024,
}

/// What the car carries, and the weather it looks through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sensors {
    /// The lidar.
    pub lidar: LidarKind,
    /// Rain, mm/h: 2 is light, 10 heavy, 50 a cloudburst.
    pub rain_mmph: f64,
}

/// What is fixed about a lidar.
#[derive(Clone, Debug, PartialEq)]
pub struct Beams {
    /// Elevations, rad, lowest first.
    pub elevations_rad: Vec<f64>,
    /// Columns of one turn.
    pub columns: usize,
    /// Spread of the range, m.
    pub range_noise_m: f64,
    /// Spread of each beam's own constant error of range, m.
    pub beam_error_m: f64,
    /// Range at which a surface of reflectivity 0.1 met at a right angle is on the limit of being seen, m.
    pub limit_m: f64,
    /// Longest range, m.
    pub reach_m: f64,
    /// Width of a beam over the step between columns.
    pub overlap: f64,
}

/// Elevations of the VLP-32C (user manual 63-9325, table 9-4), degrees, lowest first.
const VLP32_DEG: [f64; 32] = [
    -25.0, -15.639, -11.31, -8.843, -7.254, -6.148, -5.333, -4.667, -4.0, -3.667, -3.333, -3.0, -2.667, -2.333, -2.0,
    -1.667, -1.333, -1.0, -0.667, -0.333, 0.0, 0.333, 0.667, 1.0, 1.333, 1.667, 2.333, 3.333, 4.667, 7.0, 10.333, 15.0,
];

impl LidarKind {
    /// Every kind, in order.
    pub const ALL: [Self; 4] = [Self::Hdl64, Self::Vlp32, Self::Os128, Self::Hdl64x1024];

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hdl64 => "hdl-64",
            Self::Vlp32 => "vlp-32",
            Self::Os128 => "os-128",
            Self::Hdl64x1024 => "hdl-64-1024",
        }
    }

    /// The kind's beams.
    #[must_use]
    pub fn beams(self) -> Beams {
        let evenly = |low: f64, step: f64, count: usize| (0..count).map(move |i| low + step * i as f64);
        let hdl64 = || {
            let degrees = evenly(-24.33, 0.5, 32).chain(evenly(-8.33, 1.0 / 3.0, 32));
            Beams {
                elevations_rad: degrees.map(f64::to_radians).collect(),
                columns: 2000,
                range_noise_m: 0.02,
                beam_error_m: 0.012,
                limit_m: 50.0,
                reach_m: 100.0,
                overlap: 0.5,
            }
        };
        match self {
            Self::Hdl64 => hdl64(),
            Self::Hdl64x1024 => Beams { columns: 1024, overlap: 0.3, ..hdl64() },
            Self::Vlp32 => Beams {
                elevations_rad: VLP32_DEG.map(f64::to_radians).to_vec(),
                columns: 1800,
                range_noise_m: 0.012,
                limit_m: 80.0,
                reach_m: 160.0,
                ..hdl64()
            },
            Self::Os128 => Beams {
                elevations_rad: evenly(-22.5, 45.0 / 127.0, 128).map(f64::to_radians).collect(),
                columns: 1024,
                range_noise_m: 0.015,
                limit_m: 45.0,
                reach_m: 120.0,
                overlap: 0.5,
                ..hdl64()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for kind in LidarKind::ALL {
            let read: Sensors = toml::from_str(&format!("lidar = {:?}\nrain_mmph = 2.0", kind.name())).unwrap();
            assert_eq!((read.lidar, read.rain_mmph), (kind, 2.0));
        }
        let error = toml::from_str::<Sensors>("lidar = \"hdl-32\"").unwrap_err().to_string();
        assert!(error.contains("hdl-32") && error.contains("os-128"), "{error}");
    }

    #[test]
    fn tables_rise_and_hold_the_makers_figures() {
        for (kind, count, low, high) in [
            (LidarKind::Hdl64, 64, -24.33, 2.0),
            (LidarKind::Vlp32, 32, -25.0, 15.0),
            (LidarKind::Os128, 128, -22.5, 22.5),
            (LidarKind::Hdl64x1024, 64, -24.33, 2.0),
        ] {
            let degrees: Vec<f64> = kind.beams().elevations_rad.iter().map(|e| e.to_degrees()).collect();
            assert_eq!(degrees.len(), count, "{}", kind.name());
            assert!((degrees[0] - low).abs() < 0.01 && (degrees[count - 1] - high).abs() < 0.01, "{degrees:?}");
            assert!(degrees.windows(2).all(|pair| pair[1] > pair[0]));
        }
        assert!(LidarKind::ALL.iter().all(|kind| kind.beams().columns >= 1024));
    }
}
