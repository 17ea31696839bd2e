//! How far the camera is turned away from where the calibration has it, measured on a drive: no target, no network.
//!
//! In: images with the sweeps that belong to them, the calibration. Out: the rotation under which the edges of depth in the sweeps lie best
//! on the edges of brightness in the images, with its uncertainty. Never: a change of the calibration; a measurement of its translation,
//! which edges at tens of metres hardly tell.
//!
//! After Levinson and Thrun, "Automatic Online Calibration of Cameras and Lasers", RSS 2013, with three changes. An edge of depth is taken
//! in the middle between the two beams that show it, not at the nearer one, which lies half a beam's distance inside of the object. Edges
//! beside and above an object are held against gradients across and along the image alone. The uncertainty is the spread of parts of
//! the drive.

mod depth_edges;
mod image_edges;
mod search;

pub use depth_edges::{DepthEdge, depth_edges};
pub use image_edges::EdgeMap;
pub use search::{Axis, Measured, SPAN_DEG, measure};

use nalgebra::{Matrix3, Point3, Rotation3, Vector3};

/// A moment: an image's edges, and the edges of the sweep in the camera's frame at that instant.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Edges of the image.
    pub image: EdgeMap,
    /// Edges of depth.
    pub edges: Vec<DepthEdge>,
}

/// The camera's rotation away from its calibration, about its own axes ahead, left and up, deg. Yaw is positive where the camera looks
/// farther to the left than the calibration says, pitch where it looks farther down, roll where its left side is up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turn {
    /// About the axis ahead.
    pub roll_deg: f64,
    /// About the axis to the left.
    pub pitch_deg: f64,
    /// About the axis up.
    pub yaw_deg: f64,
}

impl Turn {
    /// As a list: roll, pitch, yaw.
    #[must_use]
    pub const fn to_array(self) -> [f64; 3] {
        [self.roll_deg, self.pitch_deg, self.yaw_deg]
    }

    /// Of a list: roll, pitch, yaw.
    #[must_use]
    pub const fn from_array([roll_deg, pitch_deg, yaw_deg]: [f64; 3]) -> Self {
        Self { roll_deg, pitch_deg, yaw_deg }
    }

    /// What the turn does to points in the camera's optical frame (z ahead, x right, y down): the opposite of what it does to the camera.
    #[must_use]
    pub fn of_points(self) -> Rotation3<f64> {
        let Self { roll_deg, pitch_deg, yaw_deg } = self;
        Rotation3::new(Vector3::new(pitch_deg.to_radians(), yaw_deg.to_radians(), -roll_deg.to_radians()))
    }
}

/// The pixel of a point in the optical frame.
fn pixel(k: &Matrix3<f64>, point: &Point3<f64>) -> Option<[f64; 2]> {
    if point.z < 0.5 {
        return None;
    }
    let ray = k * point.coords;
    Some([ray.x / ray.z, ray.y / ray.z])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_have_the_signs_that_they_promise() {
        let moved = |turn: Turn, x, y| {
            let point = turn.of_points() * Point3::new(x, y, 10.0);
            [point.x - x, point.y - y]
        };
        let turn = |roll, pitch, yaw| Turn::from_array([roll, pitch, yaw]);
        // A camera that looks farther left sees everything farther right; one that looks down sees it higher (y is down).
        assert!(moved(turn(0.0, 0.0, 1.0), 0.0, 0.0)[0] > 0.1);
        assert!(moved(turn(0.0, 1.0, 0.0), 0.0, 0.0)[1] < -0.1);
        // With its left side up (rolled about the axis ahead), what is on the right goes up... in the picture.
        assert!(moved(turn(1.0, 0.0, 0.0), 5.0, 0.0)[1] < -0.05);
    }
}
