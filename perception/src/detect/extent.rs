//! From the points of a cluster to an upright box: first what is visible, then the whole object.

use super::ground::Ground;
use super::lshape::Rectangle;
use super::points::Point;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, PI};
use types::{Box3, ObjectClass};

/// No car is wider, m.
const WIDEST_CAR_M: f64 = 2.4;

/// A mid-size car: of hidden vehicles more is not assumed.
const CAR: LeastSize = LeastSize { length: 4.3, width: 1.8 };
/// A bicycle, without the handlebar's ends.
const BICYCLE: LeastSize = LeastSize { length: 1.7, width: 0.6 };
/// A person.
const PERSON: LeastSize = LeastSize { length: 0.6, width: 0.6 };

/// The size an object has at least, m.
#[derive(Clone, Copy, Debug)]
struct LeastSize {
    /// Along the heading.
    length: f64,
    /// Across the heading.
    width: f64,
}

/// The box around the visible points: the rectangle with their lowest and highest z.
pub(super) fn visible(points: &[Point], rectangle: &Rectangle) -> Box3 {
    let bottom = points.iter().map(|point| f64::from(point[2])).fold(f64::INFINITY, f64::min);
    let top = points.iter().map(|point| f64::from(point[2])).fold(f64::NEG_INFINITY, f64::max);
    Box3 {
        center: [rectangle.center[0], rectangle.center[1], 0.5 * (bottom + top)],
        length: rectangle.length,
        width: rectangle.width,
        height: top - bottom,
        yaw: rectangle.yaw,
    }
}

/// Puts the bottom of the box on the ground; its top stays.
pub(super) fn stand_on(bbox: &mut Box3, ground: &Ground) {
    let ground = f64::from(ground.height_at(bbox.center[0] as f32, bbox.center[1] as f32));
    let top = bbox.center[2] + 0.5 * bbox.height;
    bbox.height = (top - ground).max(0.0);
    bbox.center[2] = top - 0.5 * bbox.height;
}

/// Puts the top of the box at `top`, if it is lower; its bottom stays.
pub(super) fn raise_to(bbox: &mut Box3, top: f64) {
    let bottom = bbox.center[2] - 0.5 * bbox.height;
    bbox.height = bbox.height.max(top - bottom);
    bbox.center[2] = bottom + 0.5 * bbox.height;
}

/// Extent along the length of the points in the upper third of a box, m.
pub(super) fn upper_length(points: &[Point], bbox: &Box3) -> f64 {
    let (sin, cos) = bbox.yaw.sin_cos();
    let above = bbox.center[2] + bbox.height / 6.0;
    let upper = points.iter().filter(|point| f64::from(point[2]) > above);
    let (low, high) = upper.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
        let along = cos * f64::from(point[0]) + sin * f64::from(point[1]);
        (low.min(along), high.max(along))
    });
    (high - low).max(0.0)
}

/// The whole object behind its visible sides, as large as one of its class is at least. The visible sides stay where
/// the points are.
pub(super) fn complete(bbox: &mut Box3, class: ObjectClass, sensor: [f32; 2]) {
    match class {
        ObjectClass::Car | ObjectClass::Truck | ObjectClass::Bus => {
            if !lies_along(bbox, sensor) {
                (bbox.length, bbox.width) = (bbox.width, bbox.length);
                bbox.yaw += FRAC_PI_2;
            }
            extend(bbox, CAR, sensor);
        }
        ObjectClass::Cyclist | ObjectClass::Motorcycle => extend(bbox, BICYCLE, sensor),
        ObjectClass::Pedestrian => extend(bbox, PERSON, sensor),
        ObjectClass::Unknown | ObjectClass::TrafficLight | ObjectClass::StopSign => {}
    }
}

/// Whether a vehicle lies along the longer side of its visible rectangle.
///
/// A side longer than any car is wide is a flank. A shorter one that faces the sensor is a rear or a front; one that leads
/// away from it is the near part of a flank, since a rear seen at a grazing angle would come with a longer flank.
fn lies_along(visible: &Box3, sensor: [f32; 2]) -> bool {
    let ray = (visible.center[1] - f64::from(sensor[1])).atan2(visible.center[0] - f64::from(sensor[0]));
    let leads_away = (visible.yaw - ray).cos().abs() > FRAC_1_SQRT_2;
    visible.length > WIDEST_CAR_M || (leads_away && visible.width > 0.5)
}

/// Extends a box to at least `size`, away from the sensor.
fn extend(bbox: &mut Box3, size: LeastSize, sensor: [f32; 2]) {
    let (sin, cos) = bbox.yaw.sin_cos();
    let (dx, dy) = (f64::from(sensor[0]) - bbox.center[0], f64::from(sensor[1]) - bbox.center[1]);
    let along = away(cos * dx + sin * dy, 0.5 * bbox.length) * 0.5 * (size.length - bbox.length).max(0.0);
    let across = away(cos * dy - sin * dx, 0.5 * bbox.width) * 0.5 * (size.width - bbox.width).max(0.0);
    bbox.center[0] += cos * along - sin * across;
    bbox.center[1] += sin * along + cos * across;
    bbox.length = bbox.length.max(size.length);
    bbox.width = bbox.width.max(size.width);
}

/// The side to which an extent grows: away from a sensor beyond one end, to both sides from one between the ends.
fn away(sensor: f64, half: f64) -> f64 {
    if sensor > half {
        -1.0
    } else if sensor < -half {
        1.0
    } else {
        0.0
    }
}

/// A box has no front yet: of both headings takes the one within a quarter turn of the ego's.
pub(super) fn point_forward(bbox: &mut Box3) {
    bbox.yaw = (bbox.yaw + FRAC_PI_2).rem_euclid(PI) - FRAC_PI_2;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_rear_becomes_a_car_behind_it() {
        // Rear of a car ahead, 1.7 m wide and 0.4 m deep, its nearest points at x = 8 m.
        let rear = Rectangle { center: [8.2, 0.0], length: 1.7, width: 0.4, yaw: FRAC_PI_2 };
        let mut bbox = visible(&[[8.0, 0.85, 0.4], [8.4, -0.85, 1.4]], &rear);
        stand_on(&mut bbox, &Ground::default());
        complete(&mut bbox, ObjectClass::Car, [0.76, 0.0]);
        point_forward(&mut bbox);
        assert!(bbox.yaw.abs() < 1e-9 && (bbox.length - 4.3).abs() < 1e-9 && (bbox.width - 1.8).abs() < 1e-9);
        assert!((bbox.center[0] - 0.5 * bbox.length - 8.0).abs() < 1e-9 && bbox.center[1].abs() < 1e-9);
        assert!((bbox.height - 1.4).abs() < 1e-6 && (bbox.center[2] - 0.7).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn the_visible_box_stays_inside_and_its_near_corner_in_place(
            x in -40.0..40.0f64, y in -40.0..40.0f64, yaw in 0.0..PI, length in 0.1..9.0f64, share in 0.1..1.0f64,
        ) {
            prop_assume!(x.hypot(y) > 10.0);
            let mut bbox = Box3 { center: [x, y, 0.8], length, width: share * length, height: 1.5, yaw };
            let before = bbox;
            complete(&mut bbox, ObjectClass::Car, [0.0, 0.0]);
            for corner in before.corners_bev() {
                let pose = types::Pose2 { x: bbox.center[0], y: bbox.center[1], yaw: bbox.yaw };
                let [u, v] = pose.inverse_transform(corner[0], corner[1]);
                prop_assert!(u.abs() <= 0.5 * bbox.length + 1e-6 && v.abs() <= 0.5 * bbox.width + 1e-6);
            }
            point_forward(&mut bbox);
            prop_assert!(bbox.is_valid() && bbox.yaw.abs() <= FRAC_PI_2 + 1e-9);
        }
    }
}
