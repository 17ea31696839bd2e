//! Boxes, planar poses and the few relations between them that several rooms need.

use nalgebra::{Isometry3, Point3, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};

/// Wraps an angle to (-pi, pi]. A non-finite angle stays as it is.
#[must_use]
pub fn wrap_angle(angle_rad: f64) -> f64 {
    let wrapped = angle_rad - TAU * (angle_rad / TAU).round();
    if wrapped <= -PI { wrapped + TAU } else { wrapped }
}

/// A pose in the plane: metres and radians, heading counter-clockwise from x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pose2 {
    /// Position along x, m.
    pub x: f64,
    /// Position along y, m.
    pub y: f64,
    /// Heading, rad.
    pub yaw: f64,
}

impl Pose2 {
    /// The planar part of a 3D pose: its position and the heading of its x axis.
    #[must_use]
    pub fn from_isometry(pose: &Isometry3<f64>) -> Self {
        let forward = pose.rotation * Vector3::x();
        Self { x: pose.translation.x, y: pose.translation.y, yaw: forward.y.atan2(forward.x) }
    }

    /// Takes a point from this pose's frame to the frame the pose is given in.
    #[must_use]
    pub fn transform(&self, x: f64, y: f64) -> [f64; 2] {
        let (sin, cos) = self.yaw.sin_cos();
        [self.x + cos * x - sin * y, self.y + sin * x + cos * y]
    }

    /// Takes a point from the frame the pose is given in to this pose's frame.
    #[must_use]
    pub fn inverse_transform(&self, x: f64, y: f64) -> [f64; 2] {
        let (sin, cos) = self.yaw.sin_cos();
        let (dx, dy) = (x - self.x, y - self.y);
        [cos * dx + sin * dy, -sin * dx + cos * dy]
    }
}

/// An axis-aligned box in the image, pixels, x right, y down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Box2 {
    /// Left edge, px.
    pub x_min: f64,
    /// Top edge, px.
    pub y_min: f64,
    /// Right edge, px.
    pub x_max: f64,
    /// Bottom edge, px.
    pub y_max: f64,
}

impl Box2 {
    /// Area in square pixels, zero for an empty box.
    #[must_use]
    pub fn area(&self) -> f64 {
        (self.x_max - self.x_min).max(0.0) * (self.y_max - self.y_min).max(0.0)
    }

    /// Intersection over union, zero when the boxes do not touch or are empty.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        let overlap = Self {
            x_min: self.x_min.max(other.x_min),
            y_min: self.y_min.max(other.y_min),
            x_max: self.x_max.min(other.x_max),
            y_max: self.y_max.min(other.y_max),
        }
        .area();
        let union = self.area() + other.area() - overlap;
        if union > 0.0 { overlap / union } else { 0.0 }
    }
}

/// An upright box in space: centre, extents and heading about z.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Box3 {
    /// Centre of the box, m.
    pub center: [f64; 3],
    /// Extent along the heading, m.
    pub length: f64,
    /// Extent across the heading, m.
    pub width: f64,
    /// Extent along z, m.
    pub height: f64,
    /// Heading about z, rad, counter-clockwise from x.
    pub yaw: f64,
}

impl Box3 {
    /// Whether every number is finite and no extent is negative.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let numbers = [self.length, self.width, self.height, self.yaw];
        self.center.iter().chain(&numbers).all(|v| v.is_finite()) && numbers[..3].iter().all(|&v| v >= 0.0)
    }

    /// The footprint's corners, counter-clockwise: front left, rear left, rear right, front right.
    #[must_use]
    pub fn corners_bev(&self) -> [[f64; 2]; 4] {
        let pose = Pose2 { x: self.center[0], y: self.center[1], yaw: self.yaw };
        let (half_length, half_width) = (0.5 * self.length, 0.5 * self.width);
        [
            pose.transform(half_length, half_width),
            pose.transform(-half_length, half_width),
            pose.transform(-half_length, -half_width),
            pose.transform(half_length, -half_width),
        ]
    }

    /// The eight corners: the footprint's four at the bottom, then the same four at the top.
    #[must_use]
    pub fn corners(&self) -> [[f64; 3]; 8] {
        let footprint = self.corners_bev();
        std::array::from_fn(|i| {
            let [x, y] = footprint[i % 4];
            [x, y, self.center[2] + if i < 4 { -0.5 } else { 0.5 } * self.height]
        })
    }

    /// The box seen from another frame. The rotation is reduced to its heading, since boxes stay upright.
    #[must_use]
    pub fn transformed(&self, to_from_own: &Isometry3<f64>) -> Self {
        let center = to_from_own * Point3::from(self.center);
        let forward = to_from_own.rotation * Vector3::new(self.yaw.cos(), self.yaw.sin(), 0.0);
        Self { center: center.coords.into(), yaw: forward.y.atan2(forward.x), ..*self }
    }

    /// The pose of the box's centre.
    #[must_use]
    pub fn pose(&self) -> Isometry3<f64> {
        Isometry3::from_parts(
            Vector3::from(self.center).into(),
            UnitQuaternion::from_axis_angle(&Vector3::z_axis(), self.yaw),
        )
    }

    /// Whether two footprints overlap (separating-axis test; touching counts as overlap).
    #[must_use]
    pub fn overlaps_bev(&self, other: &Self) -> bool {
        let delta = [other.center[0] - self.center[0], other.center[1] - self.center[1]];
        let own = half_axes(self);
        let their = half_axes(other);
        let separated = |axis: [f64; 2]| {
            let reach = |halves: [[f64; 2]; 2]| halves.iter().map(|h| dot(*h, axis).abs()).sum::<f64>();
            dot(delta, axis).abs() > reach(own) + reach(their)
        };
        let directions = [unit(self.yaw), normal(self.yaw), unit(other.yaw), normal(other.yaw)];
        !directions.into_iter().any(separated)
    }

    /// Intersection over union of two footprints.
    #[must_use]
    pub fn iou_bev(&self, other: &Self) -> f64 {
        let overlap = intersection_area(&self.corners_bev(), &other.corners_bev());
        let union = self.length * self.width + other.length * other.width - overlap;
        if union > 0.0 { overlap / union } else { 0.0 }
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

fn unit(yaw: f64) -> [f64; 2] {
    [yaw.cos(), yaw.sin()]
}

fn normal(yaw: f64) -> [f64; 2] {
    [-yaw.sin(), yaw.cos()]
}

fn half_axes(b: &Box3) -> [[f64; 2]; 2] {
    let scale = |v: [f64; 2], by: f64| [v[0] * by, v[1] * by];
    [scale(unit(b.yaw), 0.5 * b.length), scale(normal(b.yaw), 0.5 * b.width)]
}

/// Area shared by two convex counter-clockwise quadrilaterals (Sutherland and Hodgman, 1974).
fn intersection_area(subject: &[[f64; 2]; 4], clip: &[[f64; 2]; 4]) -> f64 {
    let mut polygon = [[0.0; 2]; 8];
    polygon[..4].copy_from_slice(subject);
    let mut count = 4;
    for edge in 0..4 {
        let (from, to) = (clip[edge], clip[(edge + 1) % 4]);
        let side = |p: [f64; 2]| (to[0] - from[0]) * (p[1] - from[1]) - (to[1] - from[1]) * (p[0] - from[0]);
        let mut kept = [[0.0; 2]; 8];
        let mut kept_count = 0;
        for i in 0..count {
            let (a, b) = (polygon[i], polygon[(i + 1) % count]);
            let (side_a, side_b) = (side(a), side(b));
            let mut keep = |p: [f64; 2]| {
                if kept_count < kept.len() {
                    kept[kept_count] = p;
                    kept_count += 1;
                }
            };
            if side_a >= 0.0 {
                keep(a);
            }
            if (side_a > 0.0 && side_b < 0.0) || (side_a < 0.0 && side_b > 0.0) {
                let t = side_a / (side_a - side_b);
                keep([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
            }
        }
        (polygon, count) = (kept, kept_count);
    }
    let twice: f64 = (0..count)
        .map(|i| {
            let (a, b) = (polygon[i], polygon[(i + 1) % count]);
            a[0] * b[1] - a[1] * b[0]
        })
        .sum();
    (0.5 * twice).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn car(x: f64, y: f64, yaw: f64) -> Box3 {
        Box3 { center: [x, y, 0.8], length: 4.5, width: 1.8, height: 1.6, yaw }
    }

    #[test]
    fn known_overlaps() {
        assert!((car(0.0, 0.0, 0.3).iou_bev(&car(0.0, 0.0, 0.3)) - 1.0).abs() < 1e-9);
        let shifted = car(0.0, 0.0, 0.0).iou_bev(&car(2.25, 0.0, 0.0));
        assert!((shifted - 1.0 / 3.0).abs() < 1e-9, "{shifted}");
        let crossed = car(0.0, 0.0, 0.0).iou_bev(&car(0.0, 0.0, 0.5 * PI));
        let expected = 1.8 * 1.8 / (2.0 * 4.5 * 1.8 - 1.8 * 1.8);
        assert!((crossed - expected).abs() < 1e-9, "{crossed}");
        assert!(!car(0.0, 0.0, 0.0).overlaps_bev(&car(4.6, 0.0, 0.0)));
        assert!(car(0.0, 0.0, 0.0).overlaps_bev(&car(4.4, 0.0, 0.0)));
    }

    #[test]
    fn wrapping() {
        assert!((wrap_angle(3.0 * PI) - PI).abs() < 1e-12);
        assert!((wrap_angle(-PI) - PI).abs() < 1e-12);
        assert!((wrap_angle(-0.1 - 4.0 * PI) + 0.1).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn overlap_agrees_with_iou(x in -6.0..6.0f64, y in -6.0..6.0f64, a in -4.0..4.0f64, b in -4.0..4.0f64) {
            let (first, second) = (car(0.0, 0.0, a), car(x, y, b));
            let iou = first.iou_bev(&second);
            prop_assert!((iou - second.iou_bev(&first)).abs() < 1e-9);
            prop_assert!((0.0..=1.0 + 1e-9).contains(&iou));
            if iou > 1e-6 { prop_assert!(first.overlaps_bev(&second)); }
            if !first.overlaps_bev(&second) { prop_assert!(iou < 1e-9); }
        }

        #[test]
        fn pose_transforms_are_inverse(x in -50.0..50.0f64, y in -50.0..50.0f64, yaw in -7.0..7.0f64) {
            let pose = Pose2 { x: 3.0, y: -2.0, yaw };
            let [u, v] = pose.transform(x, y);
            let [p, q] = pose.inverse_transform(u, v);
            prop_assert!((p - x).abs() < 1e-9 && (q - y).abs() < 1e-9);
        }
    }
}
