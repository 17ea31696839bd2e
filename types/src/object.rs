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
    /// Box in `base_link`, m.
    pub bbox: Box3,
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

    #[test]
    fn names_round_trip() {
        for class in ObjectClass::ALL {
            assert_eq!(ObjectClass::from_name(class.name()), Some(class));
        }
        assert_eq!(ObjectClass::from_name("unicorn"), None);
    }
}
