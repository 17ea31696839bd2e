//! The tree of transforms (tf2): where the sensors sit on the vehicle.

use super::messages::{self, TfMessage};
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};
use std::collections::BTreeMap;

/// The first transform of every child that the bag tells, static or not.
#[derive(Default)]
pub(super) struct Transforms {
    parents: BTreeMap<String, (String, Isometry3<f64>)>,
}

impl Transforms {
    pub(super) fn take(&mut self, message: &TfMessage) -> Result<(), String> {
        for stamped in &message.transforms {
            let (child, parent) = (name(&stamped.child_frame_id), name(&stamped.header.frame_id));
            if !self.parents.contains_key(child) {
                let pose = pose(&stamped.transform).map_err(|reason| format!("{parent} to {child}: {reason}"))?;
                self.parents.insert(child.to_owned(), (parent.to_owned(), pose));
            }
        }
        Ok(())
    }

    /// Pose of a frame seen from another one, if both hang on one tree.
    pub(super) fn between(&self, from: &str, to: &str) -> Option<Isometry3<f64>> {
        let (up, down) = (self.to_root(name(from)), self.to_root(name(to)));
        // From the frame up to the first common ancestor, and down again.
        let (ancestor, root_from) = up.iter().find(|(frame, _)| down.iter().any(|(other, _)| other == frame))?;
        let (_, root_to) = down.iter().find(|(frame, _)| frame == ancestor)?;
        Some(root_from.inverse() * root_to)
    }

    /// The frames of the tree in words, for an error.
    pub(super) fn listed(&self) -> String {
        let edges = self.parents.iter().map(|(child, (parent, _))| format!("{parent} to {child}"));
        let edges = edges.take(20).collect::<Vec<_>>();
        if edges.is_empty() { "none".into() } else { edges.join(", ") }
    }

    /// A frame and its ancestors, each with the frame's pose seen from it.
    fn to_root<'a>(&'a self, frame: &'a str) -> Vec<(&'a str, Isometry3<f64>)> {
        let mut chain = vec![(frame, Isometry3::identity())];
        // A tree of which somebody made a ring ends as well.
        while chain.len() <= self.parents.len()
            && let Some(&(last, pose)) = chain.last()
            && let Some((parent, parent_from_last)) = self.parents.get(last)
        {
            chain.push((parent, parent_from_last * pose));
        }
        chain
    }
}

/// A frame's name without the slash of ROS 1.
pub(super) fn name(frame: &str) -> &str {
    frame.strip_prefix('/').unwrap_or(frame)
}

/// A pose out of the numbers of a message.
pub(super) fn pose(transform: &messages::Transform) -> Result<Isometry3<f64>, String> {
    let messages::Vector3 { x, y, z } = transform.translation;
    let rotation = rotation(&transform.rotation)?;
    if [x, y, z].iter().all(|value| value.is_finite()) {
        Ok(Isometry3::from_parts(Translation3::new(x, y, z), rotation))
    } else {
        Err(format!("the translation {x} {y} {z} is not finite"))
    }
}

/// A rotation out of the numbers of a message.
pub(super) fn rotation(of: &messages::Quaternion) -> Result<UnitQuaternion<f64>, String> {
    let quaternion = Quaternion::new(of.w, of.x, of.y, of.z);
    let norm = quaternion.norm();
    if (0.99..=1.01).contains(&norm) {
        Ok(UnitQuaternion::from_quaternion(quaternion))
    } else {
        Err(format!("a rotation has the norm {norm}, not 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::{Header, Quaternion, Transform, TransformStamped, Vector3};
    use super::*;
    use types::Stamp;

    fn edge(parent: &str, child: &str, x: f64, w: f64) -> TransformStamped {
        let rotation = Quaternion { w, z: (1.0 - w * w).max(0.0).sqrt(), ..Quaternion::default() };
        let transform = Transform { translation: Vector3 { x, ..Vector3::default() }, rotation };
        TransformStamped { header: Header::new(Stamp::default(), parent), child_frame_id: child.into(), transform }
    }

    #[test]
    fn frames_are_found_across_the_tree() {
        let mut tree = Transforms::default();
        let half = 0.5_f64.sqrt();
        let transforms = vec![
            edge("base_link", "mount", 1.0, half),
            edge("mount", "/lidar", 0.5, 1.0),
            edge("base_link", "camera", 2.0, 1.0),
            edge("loop_a", "loop_b", 1.0, 1.0),
            edge("loop_b", "loop_a", 1.0, 1.0),
        ];
        tree.take(&TfMessage { transforms }).unwrap();
        // A quarter turn to the left: half a metre along the mount's x is half a metre to the left.
        let lidar = tree.between("base_link", "lidar").unwrap();
        assert!((lidar.translation.vector - nalgebra::Vector3::new(1.0, 0.5, 0.0)).norm() < 1e-12);
        let camera = tree.between("camera", "base_link").unwrap();
        assert_eq!(camera.translation.x, -2.0);
        assert!(tree.between("camera", "lidar").is_some());
        assert!(tree.between("camera", "loop_a").is_none() && tree.between("loop_a", "nobody").is_none());
        let crooked = TfMessage { transforms: vec![edge("a", "b", 0.0, 3.0)] };
        assert_eq!(tree.take(&crooked).unwrap_err(), "a to b: a rotation has the norm 3, not 1");
    }
}
