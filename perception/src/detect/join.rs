//! What the network named and what geometry found, as one list.

use super::extent;
use types::{Detection3, ObjectClass};

/// Shapes that the network did not name keep this share of their score.
const UNNAMED: f64 = 0.4;
/// Boxes of the same object share this part of the smaller footprint.
const SHARED: f64 = 0.3;
/// A shape must hold this share of a named vehicle's points to lend it its box.
const SAME: f64 = 0.8;
/// One of several shapes of a named vehicle must hold this share of its points.
const PART: f64 = 0.2;

/// Joins both lists: named objects first, then what only geometry found.
///
/// An object that both found takes its box from geometry, which uses every point on it, while the network leaves out
/// those it is not sure of; two witnesses make it surer (noisy-or). Where geometry sees two vehicles and the network's
/// points run together, there are two. What the network did not name still stands there and must not be hit: it is kept
/// with a lower score.
pub(super) fn join(named: &[Detection3], shapes: &[Detection3]) -> Vec<Detection3> {
    let mut taken = vec![false; shapes.len()];
    let mut joined = Vec::with_capacity(named.len() + shapes.len());
    for object in named {
        let touching: Vec<usize> = (0..shapes.len()).filter(|&index| touch(object, &shapes[index])).collect();
        let alike: Vec<&Detection3> = touching
            .iter()
            .filter(|&&index| !taken[index])
            .map(|&index| &shapes[index])
            .filter(|s| suits(object, s))
            .collect();
        let is_same = alike.iter().any(|shape| shape.point_count >= share_of(object, SAME));
        if is_same || (alike.len() > 1 && object.class.is_vehicle()) {
            joined.extend(alike.iter().map(|shape| confirmed(object, shape)));
        } else {
            joined.push(*object);
        }
        touching.into_iter().for_each(|index| taken[index] = true);
    }
    let unnamed = shapes.iter().zip(taken).filter(|(_, taken)| !taken);
    joined.extend(unnamed.map(|(shape, _)| Detection3 { score: UNNAMED * shape.score, ..*shape }));
    joined
}

fn share_of(object: &Detection3, share: f64) -> u32 {
    (share * f64::from(object.point_count)) as u32
}

/// Whether a shape can be the named object or a good part of it.
fn suits(named: &Detection3, shape: &Detection3) -> bool {
    let vehicles = named.class.is_vehicle() && shape.class.is_vehicle();
    let people = named.class.is_vulnerable() && shape.class.is_vulnerable();
    (vehicles || people) && shape.point_count >= share_of(named, PART)
}

/// The named object in the box of its shape. The box is as high as the higher of both, since geometry leaves out what may
/// hang above. Someone named a pedestrian who is as long as a bicycle rides one.
fn confirmed(named: &Detection3, shape: &Detection3) -> Detection3 {
    let mut bbox = shape.bbox;
    extent::raise_to(&mut bbox, named.bbox.center[2] + 0.5 * named.bbox.height);
    let rides = named.class == ObjectClass::Pedestrian && shape.class == ObjectClass::Cyclist;
    let class = if rides { ObjectClass::Cyclist } else { named.class };
    let score = 1.0 - (1.0 - named.score) * (1.0 - shape.score);
    Detection3 { bbox, class, score, ..*shape }
}

/// Whether two boxes are about the same object: they share a part of the smaller one's footprint.
pub(super) fn touch(a: &Detection3, b: &Detection3) -> bool {
    let area = |object: &Detection3| object.bbox.length * object.bbox.width;
    let iou = a.bbox.iou_bev(&b.bbox);
    let common = iou / (1.0 + iou) * (area(a) + area(b));
    common > SHARED * area(a).min(area(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Box3;

    fn object(class: ObjectClass, y: f64, width: f64, point_count: u32, score: f64) -> Detection3 {
        let bbox = Box3 { center: [10.0, y, 0.7], length: 4.3, width, height: 1.5, yaw: 0.0 };
        Detection3 { bbox, class, score, point_count, camera: None, seen_after_s: 0.0 }
    }

    #[test]
    fn a_vehicle_takes_the_box_of_its_shape() {
        let named = object(ObjectClass::Truck, 0.3, 1.2, 100, 0.9);
        let shape = object(ObjectClass::Car, 0.0, 1.8, 130, 0.7);
        let joined = join(&[named], &[shape]);
        assert_eq!((joined.len(), joined[0].bbox, joined[0].class), (1, shape.bbox, ObjectClass::Truck));
        assert!((joined[0].score - 0.97).abs() < 1e-12);
        let fragment = object(ObjectClass::Car, 0.0, 1.8, 50, 0.7);
        assert_eq!(join(&[named], &[fragment]), [named]);
    }

    #[test]
    fn two_that_ran_together_are_parted() {
        let named = object(ObjectClass::Car, 0.0, 5.0, 200, 0.9);
        let shapes = [-1.5, 1.5].map(|y| object(ObjectClass::Car, y, 1.8, 100, 0.7));
        let joined = join(&[named], &shapes);
        assert_eq!(joined.iter().map(|object| object.bbox).collect::<Vec<_>>(), shapes.map(|shape| shape.bbox));
    }

    #[test]
    fn a_person_is_no_car_and_the_unnamed_stays() {
        let person = object(ObjectClass::Pedestrian, 0.0, 0.6, 50, 0.8);
        let shapes = [object(ObjectClass::Car, 0.1, 1.8, 90, 0.5), object(ObjectClass::Unknown, 6.0, 1.0, 20, 0.25)];
        let unnamed = Detection3 { score: 0.1, ..shapes[1] };
        assert_eq!(join(&[person], &shapes), [person, unnamed]);
    }

    #[test]
    fn a_long_pedestrian_rides() {
        let person = object(ObjectClass::Pedestrian, 0.0, 0.6, 50, 0.8);
        let rider = object(ObjectClass::Cyclist, 0.1, 0.6, 60, 0.4);
        assert_eq!(join(&[person], &[rider])[0].class, ObjectClass::Cyclist);
    }
}
