//! Late fusion: the boxes of the camera and those of the lidar confirm or contradict each other.
//!
//! Every lidar box is projected to the image and matched one to one with the camera's boxes by overlap, best first. The
//! lidar knows where an object is, the camera knows what it is: a matched object keeps its box and takes the camera's
//! class. Both are independent witnesses, so that their scores combine by noisy-or. A person whom only the lidar sees,
//! although the camera should see them too, loses half of the score: vegetation and poles are the lidar's weak side.
//! The lidar's vehicles are not questioned, and nothing is ever removed.

use crate::detect::complete_box;
use nalgebra::{Isometry3, Point3};
use types::{Box2, Box3, Calibration, CameraModel, Detection2, Detection3, ObjectClass};

/// Boxes with less overlap are not the same object.
const LEAST_OVERLAP: f64 = 0.3;
/// Nothing nearer to the camera's plane is projected, m.
const NEAREST_M: f64 = 0.3;
/// What a person keeps of the score when the camera should see them and does not.
const CONTRADICTED: f64 = 0.5;
/// A person of fewer rows may well be missed by the camera, px.
const CLEAR_ROWS_PX: f64 = 40.0;
/// A person nearer to the image's edge may be cut, px.
const EDGE_PX: f64 = 4.0;
/// Hidden by a nearer object to this share, a person may well be missed.
const HIDDEN_SHARE: f64 = 0.3;

/// Fuses the camera's boxes (px) into the lidar's (`base_link`, m): class, score and `camera` index of each match.
///
/// Without a camera in the calibration or without any box of it nothing changes: an image that shows nothing and an
/// image that is missing look the same here.
pub fn fuse(calibration: &Calibration, camera: &[Detection2], lidar: &mut [Detection3]) {
    let Some(model) = &calibration.camera else { return };
    if camera.is_empty() {
        return;
    }
    let camera_from_base = model.camera_from_lidar * calibration.base_from_lidar.inverse();
    let seen: Vec<Option<Box2>> = lidar.iter().map(|object| project(model, &camera_from_base, &object.bbox)).collect();
    for (object, box_index) in match_boxes(camera, lidar, &seen) {
        let witness = &camera[box_index];
        let object = &mut lidar[object];
        if object.class != witness.class {
            object.class = witness.class;
            complete_box(object, calibration);
        }
        object.camera = Some(box_index as u32);
        object.score = 1.0 - (1.0 - object.score.clamp(0.0, 1.0)) * (1.0 - witness.score.clamp(0.0, 1.0));
    }
    for index in 0..lidar.len() {
        let object = &lidar[index];
        if object.class.is_vulnerable() && object.camera.is_none() && is_clearly_visible(index, lidar, &seen, model) {
            lidar[index].score *= CONTRADICTED;
        }
    }
}

/// Pairs of lidar and camera index: the greatest overlap first, then the lower indices.
fn match_boxes(camera: &[Detection2], lidar: &[Detection3], seen: &[Option<Box2>]) -> Vec<(usize, usize)> {
    let mut candidates = Vec::new();
    for (object, (detection, bbox)) in lidar.iter().zip(seen).enumerate() {
        let Some(bbox) = bbox else { continue };
        for (index, witness) in camera.iter().enumerate() {
            let overlap = bbox.iou(&witness.bbox);
            if overlap >= LEAST_OVERLAP && can_be(detection.class, witness.class) {
                candidates.push((overlap, object, index));
            }
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut object_taken, mut witness_taken) = (vec![false; lidar.len()], vec![false; camera.len()]);
    let mut pairs = Vec::new();
    for (_, object, index) in candidates {
        if !object_taken[object] && !witness_taken[index] {
            (object_taken[object], witness_taken[index]) = (true, true);
            pairs.push((object, index));
        }
    }
    pairs
}

/// Whether a lidar object can be what the camera says. A vehicle's box is no person's, whatever the overlap.
fn can_be(lidar: ObjectClass, camera: ObjectClass) -> bool {
    match lidar {
        ObjectClass::Unknown => camera.is_vehicle() || camera.is_vulnerable(),
        _ => (lidar.is_vehicle() && camera.is_vehicle()) || (lidar.is_vulnerable() && camera.is_vulnerable()),
    }
}

/// The image rectangle around a box of `base_link`, clipped to the image; `None` if nothing of it is before the camera.
fn project(model: &CameraModel, camera_from_base: &Isometry3<f64>, bbox: &Box3) -> Option<Box2> {
    let corners = bbox.corners().map(|corner| camera_from_base * Point3::from(corner));
    let mut around =
        Box2 { x_min: f64::INFINITY, y_min: f64::INFINITY, x_max: f64::NEG_INFINITY, y_max: f64::NEG_INFINITY };
    let mut add = |point: Point3<f64>| {
        let pixel = model.k * point.coords;
        let (u, v) = (pixel.x / pixel.z, pixel.y / pixel.z);
        around.x_min = around.x_min.min(u);
        around.y_min = around.y_min.min(v);
        around.x_max = around.x_max.max(u);
        around.y_max = around.y_max.max(v);
    };
    for corner in corners.iter().filter(|corner| corner.z >= NEAREST_M) {
        add(*corner);
    }
    for (from, to) in EDGES.map(|(from, to)| (corners[from], corners[to])) {
        if (from.z < NEAREST_M) != (to.z < NEAREST_M) {
            add(from + (to - from) * ((NEAREST_M - from.z) / (to.z - from.z)));
        }
    }
    let clipped = Box2 {
        x_min: around.x_min.max(0.0),
        y_min: around.y_min.max(0.0),
        x_max: around.x_max.min(model.width as f64),
        y_max: around.y_max.min(model.height as f64),
    };
    let numbers = [clipped.x_min, clipped.y_min, clipped.x_max, clipped.y_max];
    (numbers.iter().all(|number| number.is_finite()) && clipped.area() > 0.0).then_some(clipped)
}

/// The twelve edges of a box, by the order of [`Box3::corners`].
const EDGES: [(usize, usize); 12] =
    [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7)];

/// Whether the camera should see an object: well inside the image, large enough, not behind another object.
fn is_clearly_visible(index: usize, lidar: &[Detection3], seen: &[Option<Box2>], model: &CameraModel) -> bool {
    let Some(bbox) = seen[index] else { return false };
    let inside = bbox.x_min > EDGE_PX
        && bbox.y_min > EDGE_PX
        && bbox.x_max < model.width as f64 - EDGE_PX
        && bbox.y_max < model.height as f64 - EDGE_PX;
    let range = |object: &Detection3| object.bbox.center[0].hypot(object.bbox.center[1]);
    let hidden = |other: &Box2| {
        let common = Box2 {
            x_min: bbox.x_min.max(other.x_min),
            y_min: bbox.y_min.max(other.y_min),
            x_max: bbox.x_max.min(other.x_max),
            y_max: bbox.y_max.min(other.y_max),
        };
        common.area() > HIDDEN_SHARE * bbox.area()
    };
    let is_hidden = lidar
        .iter()
        .zip(seen)
        .any(|(object, other)| range(object) < range(&lidar[index]) && other.as_ref().is_some_and(hidden));
    inside && bbox.y_max - bbox.y_min >= CLEAR_ROWS_PX && !is_hidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix3, Rotation3, Translation3, UnitQuaternion};
    use proptest::prelude::*;

    /// A KITTI-like camera at the lidar, looking forward.
    fn calibration() -> Calibration {
        let optical = Rotation3::from_matrix(&Matrix3::new(0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0));
        let camera_from_lidar =
            Isometry3::from_parts(Translation3::identity(), UnitQuaternion::from_rotation_matrix(&optical));
        let k = Matrix3::new(700.0, 0.0, 620.0, 0.0, 700.0, 190.0, 0.0, 0.0, 1.0);
        let camera = CameraModel { width: 1242, height: 375, k, camera_from_lidar };
        Calibration { base_from_lidar: Isometry3::translation(0.76, 0.0, 1.73), camera: Some(camera) }
    }

    fn object(class: ObjectClass, x: f64, y: f64) -> Detection3 {
        let (length, width, height) = if class.is_vehicle() { (4.3, 1.8, 1.5) } else { (0.6, 0.6, 1.7) };
        let bbox = Box3 { center: [x, y, 0.5 * height], length, width, height, yaw: 0.0 };
        Detection3 { bbox, class, score: 0.6, point_count: 100, camera: None, seen_after_s: 0.0 }
    }

    fn witness(of: &Detection3, class: ObjectClass, score: f64) -> Detection2 {
        let calibration = calibration();
        let model = calibration.camera.as_ref().unwrap();
        let camera_from_base = model.camera_from_lidar * calibration.base_from_lidar.inverse();
        Detection2 { bbox: project(model, &camera_from_base, &of.bbox).unwrap(), class, score }
    }

    #[test]
    fn a_box_projects_where_a_pinhole_puts_it() {
        // A face 2 m wide and 1 m high, 10 m before the camera and centred on its axis.
        let bbox = Box3 { center: [11.76, 0.0, 1.73], length: 2.0, width: 2.0, height: 1.0, yaw: 0.0 };
        let found = witness(&Detection3 { bbox, ..object(ObjectClass::Car, 0.0, 0.0) }, ObjectClass::Car, 1.0).bbox;
        let expected = [550.0, 155.0, 690.0, 225.0];
        for (value, expected) in [found.x_min, found.y_min, found.x_max, found.y_max].into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn a_match_takes_class_and_index_and_gains_score() {
        let mut lidar = vec![object(ObjectClass::Car, 15.0, 3.0), object(ObjectClass::Car, 20.0, -4.0)];
        let camera = [witness(&lidar[1], ObjectClass::Truck, 0.5), witness(&lidar[0], ObjectClass::TrafficLight, 0.9)];
        let untouched = lidar[0];
        fuse(&calibration(), &camera, &mut lidar);
        assert_eq!(lidar[0], untouched);
        assert_eq!((lidar[1].class, lidar[1].camera), (ObjectClass::Truck, Some(0)));
        assert!((lidar[1].score - 0.8).abs() < 1e-12);
    }

    #[test]
    fn an_unknown_cluster_becomes_what_the_camera_sees() {
        let mut rear = object(ObjectClass::Unknown, 12.0, 0.0);
        rear.bbox =
            Box3 { center: [12.0, 0.0, 0.75], length: 1.7, width: 0.4, height: 1.5, yaw: std::f64::consts::FRAC_PI_2 };
        let camera = [witness(&rear, ObjectClass::Car, 0.9)];
        let mut lidar = vec![rear];
        fuse(&calibration(), &camera, &mut lidar);
        assert_eq!(lidar[0].class, ObjectClass::Car);
        assert!((lidar[0].bbox.length - 4.3).abs() < 1e-9 && lidar[0].bbox.yaw.abs() < 1e-9);
        assert!((lidar[0].bbox.center[0] - 0.5 * lidar[0].bbox.length - 11.8).abs() < 1e-9);
    }

    #[test]
    fn a_person_the_camera_should_see_loses_score_and_a_hidden_one_does_not() {
        let far_car = object(ObjectClass::Car, 40.0, 10.0);
        let camera = [witness(&far_car, ObjectClass::Car, 0.9)];
        let score = |lidar: &[Detection3]| {
            let mut lidar = lidar.to_vec();
            fuse(&calibration(), &camera, &mut lidar);
            lidar[0].score
        };
        let person = object(ObjectClass::Pedestrian, 15.0, 0.0);
        assert!((score(&[person]) - 0.3).abs() < 1e-12);
        assert!((score(&[person, object(ObjectClass::Car, 8.0, 0.0)]) - 0.6).abs() < 1e-12);
        assert!((score(&[object(ObjectClass::Pedestrian, 15.0, 30.0)]) - 0.6).abs() < 1e-12);
        assert!((score(&[object(ObjectClass::Pedestrian, 45.0, 0.0)]) - 0.6).abs() < 1e-12);
        assert!((score(&[object(ObjectClass::Car, 15.0, 0.0)]) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_vehicle_is_no_person() {
        let mut lidar = vec![object(ObjectClass::Car, 12.0, 0.0)];
        let camera = [witness(&lidar[0], ObjectClass::Pedestrian, 0.9)];
        let before = lidar.clone();
        fuse(&calibration(), &camera, &mut lidar);
        assert_eq!(lidar, before);
    }

    fn any_lidar() -> impl Strategy<Value = Vec<Detection3>> {
        let one = (0..9usize, prop::array::uniform7(prop_oneof![8 => -60.0..60.0f64, 1 => any::<f64>()]), 0.0..1.0f64);
        proptest::collection::vec(one, 0..12).prop_map(|all| {
            let build = |(class, v, score): (usize, [f64; 7], f64)| Detection3 {
                bbox: Box3 {
                    center: [v[0], v[1], v[2]],
                    length: v[3].abs(),
                    width: v[4].abs(),
                    height: v[5].abs(),
                    yaw: v[6],
                },
                class: ObjectClass::ALL[class],
                score,
                point_count: 9,
                camera: None,
                seen_after_s: 0.0,
            };
            all.into_iter().map(build).collect()
        })
    }

    fn any_camera() -> impl Strategy<Value = Vec<Detection2>> {
        let one = (0..9usize, prop::array::uniform4(prop_oneof![8 => 0.0..1300.0f64, 1 => any::<f64>()]), 0.0..1.0f64);
        proptest::collection::vec(one, 0..12).prop_map(|all| {
            let build = |(class, v, score): (usize, [f64; 4], f64)| Detection2 {
                bbox: Box2 { x_min: v[0], y_min: v[1], x_max: v[2], y_max: v[3] },
                class: ObjectClass::ALL[class],
                score,
            };
            all.into_iter().map(build).collect()
        })
    }

    proptest! {
        #[test]
        fn without_a_camera_nothing_changes(mut lidar in any_lidar(), camera in any_camera()) {
            let before = format!("{lidar:?}");
            fuse(&Calibration { camera: None, ..calibration() }, &camera, &mut lidar);
            prop_assert_eq!(&before, &format!("{lidar:?}"));
            fuse(&calibration(), &[], &mut lidar);
            prop_assert_eq!(&before, &format!("{lidar:?}"));
        }

        #[test]
        fn matches_are_one_to_one_and_scores_stay_probabilities(mut lidar in any_lidar(), camera in any_camera()) {
            let count = lidar.len();
            fuse(&calibration(), &camera, &mut lidar);
            prop_assert_eq!(lidar.len(), count);
            let mut used: Vec<u32> = lidar.iter().filter_map(|object| object.camera).collect();
            let matches = used.len();
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), matches);
            for object in &lidar {
                prop_assert!((0.0..=1.0).contains(&object.score));
                if let Some(index) = object.camera {
                    prop_assert_eq!(object.class, camera[index as usize].class);
                    prop_assert!(object.class.is_vehicle() || object.class.is_vulnerable());
                }
            }
        }
    }
}
