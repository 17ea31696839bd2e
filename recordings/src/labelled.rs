//! Labelled objects of a data set as the truth of a drive: identities are counted, velocities come from where an object is before
//! and after.

use crate::Message;
use nalgebra::{Isometry3, Point3, Vector3};
use std::collections::BTreeMap;
use types::{Box2, Box3, CameraModel, ObjectClass, Stamp, Truth, TruthObject};

/// Labels farther apart than this tell no velocity.
const LONGEST_STEP_S: f64 = 1.6;

/// One object at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    /// The data set's own identity.
    pub(crate) name: String,
    pub(crate) class: ObjectClass,
    /// In `odom`.
    pub(crate) bbox: Box3,
    pub(crate) points: u32,
    /// Share that is visible, 0..1; one where the data set does not tell.
    pub(crate) visible: f64,
}

/// All objects of one moment.
pub(crate) struct Moment {
    pub(crate) seq: u64,
    pub(crate) stamp: Stamp,
    pub(crate) odom_from_base: Isometry3<f64>,
    pub(crate) objects: Vec<Labelled>,
}

/// The truth of all moments; their stamps rise. `camera`: its model and the lidar's place, for the boxes in the image.
pub(crate) fn truths(moments: &[Moment], camera: Option<(&CameraModel, &Isometry3<f64>)>) -> Vec<Message> {
    let mut ids = BTreeMap::new();
    let mut paths = BTreeMap::<u64, Vec<(Stamp, [f64; 2])>>::new();
    for moment in moments {
        for object in &moment.objects {
            let next = ids.len() as u64 + 1;
            let id = *ids.entry(object.name.as_str()).or_insert(next);
            let [x, y, _] = object.bbox.center;
            paths.entry(id).or_default().push((moment.stamp, [x, y]));
        }
    }
    let truth = |moment: &Moment| {
        let object = |object: &Labelled| {
            let id = ids.get(object.name.as_str()).copied().unwrap_or(0);
            let bbox = object.bbox;
            let image = camera.and_then(|(model, base_from_lidar)| {
                image_box(model, &((moment.odom_from_base * base_from_lidar).inverse()), &bbox)
            });
            let velocity_mps = paths.get(&id).map_or([0.0; 2], |path| velocity(path, moment.stamp));
            let Labelled { class, points, visible, .. } = *object;
            TruthObject { id, class, bbox, velocity_mps, points, image, visible }
        };
        let mut objects = moment.objects.iter().map(object).collect::<Vec<_>>();
        objects.sort_by_key(|object| object.id);
        let Moment { seq, stamp, odom_from_base, .. } = *moment;
        Message::Truth(Truth { seq, stamp, odom_from_base, objects })
    };
    moments.iter().map(truth).collect()
}

/// Between the places before and after, as far as they are near.
fn velocity(path: &[(Stamp, [f64; 2])], stamp: Stamp) -> [f64; 2] {
    let Some(here) = path.iter().position(|(at, _)| *at == stamp) else { return [0.0; 2] };
    let near = |other: &usize| path[*other].0.seconds_since(stamp).abs() <= LONGEST_STEP_S;
    let before = here.checked_sub(1).filter(near).unwrap_or(here);
    let after = Some(here + 1).filter(|&after| after < path.len()).filter(near).unwrap_or(here);
    let seconds = path[after].0.seconds_since(path[before].0);
    if seconds <= 0.0 {
        return [0.0; 2];
    }
    [0, 1].map(|axis| (path[after].1[axis] - path[before].1[axis]) / seconds)
}

/// The part of the image that a box covers; `None` if a corner lies beside or behind the camera, or all outside.
fn image_box(model: &CameraModel, lidar_from_odom: &Isometry3<f64>, bbox: &Box3) -> Option<Box2> {
    let corners = bbox.corners().map(|corner| model.project(&(lidar_from_odom * Point3::from(corner))));
    let mut covered = Box2 { x_min: f64::MAX, y_min: f64::MAX, x_max: f64::MIN, y_max: f64::MIN };
    for corner in corners {
        let [u, v, _] = corner?;
        covered.x_min = covered.x_min.min(u);
        covered.x_max = covered.x_max.max(u);
        covered.y_min = covered.y_min.min(v);
        covered.y_max = covered.y_max.max(v);
    }
    let (width, height) = (model.width as f64, model.height as f64);
    let inside = Box2 {
        x_min: covered.x_min.clamp(0.0, width),
        x_max: covered.x_max.clamp(0.0, width),
        y_min: covered.y_min.clamp(0.0, height),
        y_max: covered.y_max.clamp(0.0, height),
    };
    (inside.area() > 1.0).then_some(inside)
}

/// From the frame of a data set's poses to `odom`: at the first pose, x along its heading, z straight up.
pub(crate) fn odom_from_world(first: &Isometry3<f64>) -> Isometry3<f64> {
    let forward = first.rotation * Vector3::x();
    let level = Isometry3::new(first.translation.vector, Vector3::z() * forward.y.atan2(forward.x));
    level.inverse()
}

/// The pose at a stamp, between its neighbours in a path whose stamps rise; `None` outside of it by more than a tenth of a second.
pub(crate) fn pose_at(path: &[(Stamp, Isometry3<f64>)], stamp: Stamp) -> Option<Isometry3<f64>> {
    let after = path.partition_point(|(at, _)| *at < stamp);
    let near = |place: usize| {
        let (at, pose) = path.get(place)?;
        (at.seconds_since(stamp).abs() <= 0.1).then_some(*pose)
    };
    match (after.checked_sub(1), path.get(after)) {
        (_, Some((at, pose))) if *at == stamp => Some(*pose),
        (Some(before), Some((end, to))) => {
            let (begin, from) = path[before];
            let share = stamp.seconds_since(begin) / end.seconds_since(begin);
            Some(from.lerp_slerp(to, share))
        }
        (Some(before), None) => near(before),
        (None, _) => near(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Stamp {
        Stamp::from_nanos(millis * 1_000_000)
    }

    fn moment(millis: i64, objects: &[(&str, f64)]) -> Moment {
        let labelled = |&(name, x): &(&str, f64)| {
            let bbox = Box3 { center: [x, 1.0, 0.5], length: 4.0, width: 2.0, height: 1.5, yaw: 0.0 };
            Labelled { name: name.into(), class: ObjectClass::Car, bbox, points: 3, visible: 1.0 }
        };
        let objects = objects.iter().map(labelled).collect();
        Moment { seq: 0, stamp: at(millis), odom_from_base: Isometry3::identity(), objects }
    }

    #[test]
    fn identities_are_kept_and_velocities_central() {
        let moments = [
            moment(0, &[("b", 5.0), ("a", 30.0)]),
            moment(100, &[("a", 31.0)]),
            moment(200, &[("a", 33.0), ("b", 5.5)]),
            moment(9000, &[("b", 9.0)]),
        ];
        let found = truths(&moments, None).into_iter().map(|message| match message {
            Message::Truth(truth) => {
                truth.objects.iter().map(|o| (o.id, o.velocity_mps[0].round())).collect::<Vec<_>>()
            }
            _ => panic!("not the truth"),
        });
        let expected = [vec![(1, 3.0), (2, 10.0)], vec![(2, 15.0)], vec![(1, 3.0), (2, 20.0)], vec![(1, 0.0)]];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn poses_lie_between_their_neighbours() {
        let path = [(at(0), Isometry3::translation(0.0, 0.0, 0.0)), (at(100), Isometry3::translation(1.0, 0.0, 0.0))];
        let x = |millis| pose_at(&path, at(millis)).map(|pose| pose.translation.x);
        assert_eq!((x(0), x(25), x(100), x(150), x(300)), (Some(0.0), Some(0.25), Some(1.0), Some(1.0), None));
        let tilted = Isometry3::new(Vector3::new(5.0, 6.0, 7.0), Vector3::new(0.1, 0.0, 0.0));
        let level = odom_from_world(&tilted) * tilted;
        assert!(level.translation.vector.norm() < 1e-12 && (level.rotation.angle() - 0.1).abs() < 1e-9);
    }
}
