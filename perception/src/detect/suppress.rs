//! Parts of a vehicle that became objects of their own.
//!
//! A lidar sees through windows and over bonnets, so that a vehicle may fall into several clusters. Once the largest has
//! been extended to the whole vehicle, the others lie inside it.

use types::{Box3, Detection3, ObjectClass, Pose2};

/// An unnamed part may lie this far outside, m: the box of a vehicle is drawn through its outermost points.
const MARGIN_M: f64 = 0.3;

/// Drops every object whose centre lies inside the box of a vehicle with more points, unless its class is `spared`. The
/// order of the rest stays.
pub(super) fn parts(found: &mut Vec<Detection3>, spared: impl Fn(ObjectClass) -> bool) {
    let vehicles: Vec<(usize, Detection3)> =
        found.iter().copied().enumerate().filter(|(_, object)| object.class.is_vehicle()).collect();
    let mut at = 0;
    found.retain(|object| {
        let own = at;
        at += 1;
        let margin_m = if object.class == ObjectClass::Unknown { MARGIN_M } else { 0.0 };
        let is_part = vehicles.iter().any(|(index, vehicle)| {
            let is_larger = (vehicle.point_count, own) > (object.point_count, *index);
            *index != own && is_larger && holds(&vehicle.bbox, &object.bbox, margin_m)
        });
        spared(object.class) || !is_part
    });
}

/// Whether the footprint of `outer`, larger by a margin to all sides, holds the centre of `inner`.
fn holds(outer: &Box3, inner: &Box3, margin_m: f64) -> bool {
    let pose = Pose2 { x: outer.center[0], y: outer.center[1], yaw: outer.yaw };
    let [along, across] = pose.inverse_transform(inner.center[0], inner.center[1]);
    along.abs() <= 0.5 * outer.length + margin_m && across.abs() <= 0.5 * outer.width + margin_m
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_smaller_parts_go() {
        let object = |x, class, point_count| Detection3 {
            bbox: Box3 { center: [x, 0.0, 0.7], length: 4.0, width: 1.8, height: 1.4, yaw: 0.1 },
            class,
            score: 0.5,
            point_count,
            camera: None,
            seen_after_s: 0.0,
        };
        let car = object(10.0, ObjectClass::Car, 100);
        let twin = object(10.5, ObjectClass::Car, 100);
        let part = object(11.0, ObjectClass::Unknown, 20);
        let other = object(15.0, ObjectClass::Unknown, 20);
        let person = object(10.5, ObjectClass::Pedestrian, 300);
        let mut found = vec![part, car, twin, other, person];
        let spared = |class: ObjectClass| class.is_vulnerable();
        let child = object(11.5, ObjectClass::Pedestrian, 20);
        found.push(child);
        parts(&mut found, spared);
        assert_eq!(found, [car, other, person, child]);
        parts(&mut found, |_| false);
        assert_eq!(found, [car, other, person]);
    }
}
