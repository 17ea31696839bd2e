//! All solids of one instant, and the ray caster that both sensors share.
//!
//! Lidar columns and image columns alike are fans of rays in one upright plane. A column first asks which objects its plane meets
//! and between which distances; then each ray of the fan only looks at those, nearest first.

use crate::ground;
use crate::shape::{Ray, Shape};
use crate::surface::Surface;
use nalgebra::{Isometry3, Vector3};
use types::{ObjectClass, Pose2};

/// A convex solid of one surface, in its object's frame.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its form.
    pub shape: Shape,
    /// What it is made of.
    pub surface: Surface,
}

/// What an object is made of: its parts and the box that holds them. The frame's origin is on the ground under the middle.
#[derive(Clone, Debug)]
pub struct Body {
    /// Length, width, height of the box, m.
    pub size: [f64; 3],
    /// The parts.
    pub parts: Vec<Part>,
}

/// A body at a place.
#[derive(Clone, Debug)]
pub struct Object {
    /// What it counts as in the truth; `None` for scenery.
    pub class: Option<ObjectClass>,
    /// Its body.
    pub body: Body,
    pose: Pose2,
    heading: [f64; 2],
    /// Height of the ground under it, m.
    pub ground_z: f64,
    /// Whether its brake lights are on.
    pub braking: bool,
}

impl Object {
    /// A body that stands at a pose.
    pub fn new(class: Option<ObjectClass>, body: Body, pose: Pose2, ground_z: f64) -> Self {
        let mut object = Self { class, body, pose, heading: [1.0, 0.0], ground_z, braking: false };
        object.place(pose);
        object
    }

    /// Moves it.
    pub fn place(&mut self, pose: Pose2) {
        let (sin, cos) = pose.yaw.sin_cos();
        (self.pose, self.heading) = (pose, [cos, sin]);
    }

    /// Where it stands.
    pub fn pose(&self) -> Pose2 {
        self.pose
    }

    /// Its frame as a transform.
    pub fn odom_from_object(&self) -> Isometry3<f64> {
        let Pose2 { x, y, yaw } = self.pose;
        Isometry3::new(Vector3::new(x, y, self.ground_z), Vector3::z() * yaw)
    }

    fn to_own(&self, x: f64, y: f64) -> [f64; 2] {
        let [cos, sin] = self.heading;
        [cos * x + sin * y, cos * y - sin * x]
    }

    fn to_odom(&self, x: f64, y: f64) -> [f64; 2] {
        let [cos, sin] = self.heading;
        [cos * x - sin * y, sin * x + cos * y]
    }
}

/// An object met by a column's plane.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    object: usize,
    near: f64,
    far: f64,
    origin: Vector3<f64>,
    direction: [f64; 2],
}

/// What a ray hit.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// The ground and what it is made of there.
    Ground(Surface),
    /// A part of an object.
    Part {
        /// Index of the object.
        object: usize,
        /// Index of its part.
        part: usize,
        /// The point in the object's frame.
        local: Vector3<f64>,
        /// The normal in the object's frame.
        local_normal: Vector3<f64>,
    },
}

/// A hit in `odom`.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    /// Horizontal distance from the ray's start, m.
    pub range: f64,
    /// Outward unit normal.
    pub normal: Vector3<f64>,
    /// What was hit.
    pub target: Target,
}

/// All objects of one instant.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// The objects; the ground needs none.
    pub objects: Vec<Object>,
}

impl Scene {
    /// Collects the objects that the upright plane from `origin` towards `direction` (horizontal, of length one) meets within
    /// `reach` metres, nearest first.
    pub fn column(&self, origin: &Vector3<f64>, direction: [f64; 2], reach: f64, candidates: &mut Vec<Candidate>) {
        candidates.clear();
        let met = (0..self.objects.len()).filter_map(|index| self.candidate(index, origin, direction));
        candidates.extend(met.filter(|candidate| candidate.near < reach));
        candidates.sort_by(|a, b| a.near.total_cmp(&b.near).then(a.object.cmp(&b.object)));
    }

    /// The first thing that a ray of the column hits. `direction` is the column's, with metres up per metre ahead as z.
    pub fn cast(
        &self,
        candidates: &[Candidate],
        origin: &Vector3<f64>,
        direction: &Vector3<f64>,
        reach: f64,
    ) -> Option<Hit> {
        let ray = Ray { origin: *origin, direction: *direction };
        let slope = direction.z;
        let mut best = ground::enter(&ray).filter(|(range, ..)| *range < reach).map(|(range, normal, surface)| Hit {
            range,
            normal,
            target: Target::Ground(surface),
        });
        let mut limit = best.as_ref().map_or(reach, |hit| hit.range);
        for candidate in candidates {
            if candidate.near >= limit {
                break;
            }
            let object = &self.objects[candidate.object];
            if let Some((range, part, normal)) = enter_body(&object.body, candidate, slope, limit) {
                let [x, y] = object.to_odom(normal.x, normal.y);
                let local = local_ray(candidate, slope).at(range);
                limit = range;
                best = Some(Hit {
                    range,
                    normal: Vector3::new(x, y, normal.z),
                    target: Target::Part { object: candidate.object, part, local, local_normal: normal },
                });
            }
        }
        best
    }

    fn candidate(&self, index: usize, origin: &Vector3<f64>, direction: [f64; 2]) -> Option<Candidate> {
        let object = &self.objects[index];
        let [length, width, _] = object.body.size;
        let (dx, dy) = (object.pose.x - origin.x, object.pose.y - origin.y);
        let (ahead, aside) = (dx * direction[0] + dy * direction[1], dx * direction[1] - dy * direction[0]);
        let half_diagonal_squared = 0.25 * (length * length + width * width);
        if aside * aside > half_diagonal_squared || (ahead < 0.0 && ahead * ahead > half_diagonal_squared) {
            return None;
        }
        let [x, y] = object.to_own(-dx, -dy);
        let direction = object.to_own(direction[0], direction[1]);
        let (near, far) = crossing([x, y], direction, [0.5 * length, 0.5 * width])?;
        let origin = Vector3::new(x, y, origin.z - object.ground_z);
        Some(Candidate { object: index, near, far, origin, direction })
    }
}

fn local_ray(candidate: &Candidate, slope: f64) -> Ray {
    let [x, y] = candidate.direction;
    Ray { origin: candidate.origin, direction: Vector3::new(x, y, slope) }
}

fn enter_body(body: &Body, candidate: &Candidate, slope: f64, limit: f64) -> Option<(f64, usize, Vector3<f64>)> {
    let (first, last) = (candidate.near.max(0.0), candidate.far);
    let (z_first, z_last) = (candidate.origin.z + slope * first, candidate.origin.z + slope * last);
    if z_first.min(z_last) > body.size[2] || z_first.max(z_last) < 0.0 {
        return None;
    }
    let ray = local_ray(candidate, slope);
    let mut best: Option<(f64, usize, Vector3<f64>)> = None;
    let mut limit = limit;
    for (index, part) in body.parts.iter().enumerate() {
        if let Some(entry) = part.shape.enter(&ray)
            && entry.distance < limit
        {
            limit = entry.distance;
            best = Some((entry.distance, index, entry.normal));
        }
    }
    best
}

/// Distances at which a line in the plane enters and leaves a rectangle around the origin; `None` if it misses or lies behind.
fn crossing(origin: [f64; 2], direction: [f64; 2], half: [f64; 2]) -> Option<(f64, f64)> {
    let (mut near, mut far) = (f64::NEG_INFINITY, f64::INFINITY);
    for axis in 0..2 {
        if direction[axis].abs() < 1e-12 {
            if origin[axis].abs() > half[axis] {
                return None;
            }
            continue;
        }
        let (a, b) = ((-half[axis] - origin[axis]) / direction[axis], (half[axis] - origin[axis]) / direction[axis]);
        near = near.max(a.min(b));
        far = far.min(a.max(b));
    }
    (near <= far && far > 0.0).then_some((near, far))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bodies;
    use proptest::prelude::*;

    fn scene(yaw: f64) -> Scene {
        let body = bodies::car([0.5; 3], 4.4, 1.8, 1.5);
        let pose = Pose2 { x: 12.0, y: 1.0, yaw };
        Scene { objects: vec![Object::new(Some(ObjectClass::Car), body, pose, 0.0)] }
    }

    #[test]
    fn a_level_ray_hits_the_rear_bumper() {
        let (scene, mut candidates) = (scene(0.0), Vec::new());
        let origin = Vector3::new(0.0, 1.0, 0.5);
        scene.column(&origin, [1.0, 0.0], 100.0, &mut candidates);
        let hit = scene.cast(&candidates, &origin, &Vector3::x(), 100.0).unwrap();
        assert!((hit.range - (12.0 - 2.2)).abs() < 0.15, "{hit:?}");
        assert!(matches!(hit.target, Target::Part { object: 0, .. }));
    }

    proptest! {
        /// The column's short list never loses an object that a search over all parts would find.
        #[test]
        fn the_short_list_loses_nothing(yaw in -4.0..4.0f64, azimuth in -0.4..0.5f64, slope in -0.2..0.1f64) {
            let (scene, mut candidates) = (scene(yaw), Vec::new());
            let origin = Vector3::new(0.0, 0.0, 1.8);
            let direction = Vector3::new(azimuth.cos(), azimuth.sin(), slope);
            scene.column(&origin, [direction.x, direction.y], 100.0, &mut candidates);
            let found = match scene.cast(&candidates, &origin, &direction, 100.0) {
                Some(Hit { range, target: Target::Part { .. }, .. }) => Some(range),
                _ => None,
            };
            let object = &scene.objects[0];
            let [x, y] = object.pose.inverse_transform(0.0, 0.0);
            let (sin, cos) = (azimuth - yaw).sin_cos();
            let ray = Ray { origin: Vector3::new(x, y, 1.8), direction: Vector3::new(cos, sin, slope) };
            let all = object.body.parts.iter().filter_map(|part| part.shape.enter(&ray)).map(|entry| entry.distance);
            let expected = all.min_by(f64::total_cmp);
            prop_assert_eq!(found.is_some(), expected.is_some());
            if let (Some(a), Some(b)) = (found, expected) { prop_assert!((a - b).abs() < 1e-9); }
        }
    }
}
