//! What perception finds: detections of one frame and tracks over time.

use crate::{Box2, Box3, Stamp};

/// What an object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectClass {
    /// Something that stands above the ground and has no better name.
    #[default]
    Unknown,
    /// Car or van.
    Car,
    /// Truck, with or without a trailer.
    Truck,
    /// Bus or tram.
    Bus,
    /// Motorcycle, ridden or not.
    Motorcycle,
    /// Bicycle, ridden or not.
    Cyclist,
    /// Person on foot.
    Pedestrian,
    /// Traffic light (image only).
    TrafficLight,
    /// Stop sign (image only).
    StopSign,
}

impl ObjectClass {
    /// Every class, in order.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Car,
        Self::Truck,
        Self::Bus,
        Self::Motorcycle,
        Self::Cyclist,
        Self::Pedestrian,
        Self::TrafficLight,
        Self::StopSign,
    ];

    /// Name as it stands in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Car => "car",
            Self::Truck => "truck",
            Self::Bus => "bus",
            Self::Motorcycle => "motorcycle",
            Self::Cyclist => "cyclist",
            Self::Pedestrian => "pedestrian",
            Self::TrafficLight => "traffic light",
            Self::StopSign => "stop sign",
        }
    }

    /// The class of a name written by [`ObjectClass::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Cars, trucks and buses: wide vehicles on four or more wheels.
    #[must_use]
    pub const fn is_vehicle(self) -> bool {
        matches!(self, Self::Car | Self::Truck | Self::Bus)
    }

    /// People on foot or on two wheels.
    #[must_use]
    pub const fn is_vulnerable(self) -> bool {
        matches!(self, Self::Pedestrian | Self::Cyclist | Self::Motorcycle)
    }
}

/// An object found in a camera image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection2 {
    /// Box in the image, px.
    pub bbox: Box2,
    /// What it is.
    pub class: ObjectClass,
    /// Confidence 0..1.
    pub score: f64,
}

/// An object found in a lidar sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection3 {
    /// Box in `base_link` at the frame's stamp, m: where the object was when the sweep met it, freed of the ego's motion meanwhile.
    pub bbox: Box3,
    /// When the sweep met it, after the frame's stamp, s: until then it has moved on its own. Zero if the sweep is of one instant.
    pub seen_after_s: f64,
    /// What it is.
    pub class: ObjectClass,
    /// Confidence 0..1.
    pub score: f64,
    /// Lidar points on the object.
    pub point_count: u32,
    /// The camera detection it was fused with: index into [`Detections::camera`].
    pub camera: Option<u32>,
}

/// All objects found in one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detections {
    /// The frame.
    pub frame: u64,
    /// The frame's stamp.
    pub stamp: Stamp,
    /// Found in the image, in falling score.
    pub camera: Vec<Detection2>,
    /// Found in the sweep, after fusion with the camera.
    pub lidar: Vec<Detection3>,
}

/// An object followed over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// Counter of the drive: never used twice.
    pub id: u64,
    /// What it is, smoothed over time.
    pub class: ObjectClass,
    /// Probability that the object exists, 0..1.
    pub existence: f64,
    /// Box in `odom` at the frame's stamp, m.
    pub bbox: Box3,
    /// Velocity in `odom`, m/s.
    pub velocity_mps: [f64; 2],
    /// Rate of the heading, rad/s.
    pub yaw_rate_radps: f64,
    /// Covariance of (x, y, vx, vy) in `odom`: m, m/s.
    pub covariance: [[f64; 4]; 4],
    /// Covariance of (heading, yaw rate): rad, rad/s. Place and motion are estimated apart from it.
    pub heading_covariance: [[f64; 2]; 2],
    /// Frames in which the object was seen.
    pub hits: u32,
    /// Frames since it was last seen; zero if seen in this frame.
    pub misses: u32,
}

impl Track {
    /// Speed over ground, m/s.
    #[must_use]
    pub fn speed_mps(&self) -> f64 {
        self.velocity_mps[0].hypot(self.velocity_mps[1])
    }

    /// Covariance of (x, y, heading, speed, yaw rate) in `odom`, the state of constant turn rate and velocity: m, rad, m/s, rad/s. What the
    /// velocity is off by along itself is that of the speed; its direction is the heading's concern. For what stands, which has no
    /// direction, the speed is along the heading.
    #[must_use]
    pub fn turning_covariance(&self) -> [[f64; 5]; 5] {
        let speed = self.speed_mps();
        let [vx, vy] = self.velocity_mps;
        let [cos, sin] =
            if speed > 0.0 { [vx / speed, vy / speed] } else { [self.bbox.yaw.cos(), self.bbox.yaw.sin()] };
        let (c, turning) = (&self.covariance, &self.heading_covariance);
        let along = |row: usize| c[row][2] * cos + c[row][3] * sin;
        let (x, y, own) = (along(0), along(1), cos * along(2) + sin * along(3));
        [
            [c[0][0], c[0][1], 0.0, x, 0.0],
            [c[1][0], c[1][1], 0.0, y, 0.0],
            [0.0, 0.0, turning[0][0], 0.0, turning[0][1]],
            [x, y, 0.0, own, 0.0],
            [0.0, 0.0, turning[1][0], 0.0, turning[1][1]],
        ]
    }

    /// Standard deviation of the place, m, along the motion and across it, if the object drives on for `t_s` as it does now: constant turn rate and
    /// velocity, to the first order about its straight way.
    #[must_use]
    pub fn spread_after_m(&self, t_s: f64) -> [f64; 2] {
        let c = self.turning_covariance();
        let speed = self.speed_mps();
        let yaw = if speed > 0.0 { self.velocity_mps[1].atan2(self.velocity_mps[0]) } else { self.bbox.yaw };
        let (sin, cos) = yaw.sin_cos();
        // How far along and across one unit of each error takes it.
        let along = [cos, sin, 0.0, t_s, 0.0];
        let across = [-sin, cos, speed * t_s, 0.0, 0.5 * speed * t_s * t_s];
        [along, across].map(|by| {
            let variance: f64 = (0..5).map(|i| (0..5).map(|j| by[i] * c[i][j] * by[j]).sum::<f64>()).sum();
            variance.max(0.0).sqrt()
        })
    }
}

/// All tracks of one frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracks {
    /// The frame.
    pub frame: u64,
    /// The frame's stamp.
    pub stamp: Stamp,
    /// Confirmed tracks in rising id.
    pub objects: Vec<Track>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It drives to the upper left at 10 m/s.
    fn track() -> Track {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let mut covariance = [[0.0; 4]; 4];
        (0..4).for_each(|i| covariance[i][i] = if i < 2 { 0.04 } else { 0.25 });
        (covariance[0][2], covariance[2][0], covariance[1][3], covariance[3][1]) = (0.05, 0.05, 0.05, 0.05);
        Track {
            id: 1,
            class: ObjectClass::Car,
            existence: 1.0,
            bbox: Box3 { center: [0.0; 3], length: 4.0, width: 2.0, height: 1.5, yaw: 0.75 * std::f64::consts::PI },
            velocity_mps: [-10.0 * half, 10.0 * half],
            yaw_rate_radps: 0.0,
            covariance,
            heading_covariance: [[0.0004, 0.0002], [0.0002, 0.0025]],
            hits: 9,
            misses: 0,
        }
    }

    #[test]
    fn the_covariance_of_turning_says_the_same_as_that_of_the_velocity() {
        let c = track().turning_covariance();
        assert!((0..5).all(|i| (0..5).all(|j| (c[i][j] - c[j][i]).abs() < 1e-12)), "{c:?}");
        // Errors that are alike in all directions.
        assert!((c[3][3] - 0.25).abs() < 1e-12 && c[2][2] == 0.0004 && c[4][4] == 0.0025 && c[2][4] == 0.0002);
        assert!((c[0][3] + 0.05 * std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-12, "{c:?}");
        let standing = Track { velocity_mps: [0.0; 2], ..track() };
        let same = standing.turning_covariance();
        assert!((0..5).all(|i| (0..5).all(|j| (c[i][j] - same[i][j]).abs() < 1e-12)), "{same:?}");
    }

    #[test]
    fn doubt_grows_along_with_the_speed_and_across_with_the_turn() {
        let [now, later] = [0.0, 2.0].map(|t| track().spread_after_m(t));
        assert!((now[0] - 0.2).abs() < 1e-12 && (now[1] - 0.2).abs() < 1e-12, "{now:?}");
        // 0.04 + 2 * 2 * 0.05 + 4 * 0.25, and 0.04 + 20^2 * 0.0004 + 2 * 20 * 20 * 0.0002 + 20^2 * 0.0025.
        assert!((later[0] - 1.24_f64.sqrt()).abs() < 1e-9 && (later[1] - 1.36_f64.sqrt()).abs() < 1e-9, "{later:?}");
        let standing = Track { velocity_mps: [0.0; 2], ..track() };
        assert!((standing.spread_after_m(2.0)[1] - 0.2).abs() < 1e-12);
    }

    #[test]
    fn names_round_trip() {
        for class in ObjectClass::ALL {
            assert_eq!(ObjectClass::from_name(class.name()), Some(class));
        }
        assert_eq!(ObjectClass::from_name("unicorn"), None);
    }
}
