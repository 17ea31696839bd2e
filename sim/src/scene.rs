//! All solids of one instant, and the ray caster that both sensors share.
//!
//! Lidar columns and image columns alike are fans of rays in one upright plane. A column first asks which objects its plane meets
//! and between which distances; then each ray of the fan only looks at those, nearest first.

use crate::ground::Flat;
use crate::hull;
use crate::shape::{Ray, Shape};
use crate::surface::Surface;
use nalgebra::{Isometry3, Vector3};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use types::{ObjectClass, Pose2};

/// A place on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Distance along the ray, in lengths of its direction.
    pub distance: f64,
    /// Unit normal.
    pub normal: Vector3<f64>,
    /// What it is made of, but for paint.
    pub surface: Surface,
    /// Share of the place that is painted, 0..1.
    pub paint: f32,
}

/// The ground of a scene.
pub trait Ground: Debug + Send + Sync {
    /// Height at a place, m.
    fn height_m(&self, x: f64, y: f64) -> f64;

    /// Where a ray meets the ground: distance along it (less than `reach`), normal, and what the ground is made of there.
    fn enter(&self, ray: &Ray, reach: f64) -> Option<(f64, Vector3<f64>, Surface)>;

    /// At which places, seen from `eye`, a ray from there meets nothing but asphalt at z = 0, with no paint within `room` metres of
    /// it. No where it does not know.
    fn is_bare(&self, _eye: &Vector3<f64>, _places: [&[f32]; 2], _room: &[f32], is_bare: &mut [bool]) {
        is_bare.fill(false);
    }

    /// As [`Ground::enter`], for a pixel whose next column and next row are seen along the ray's direction plus one of `sides`
    /// each: paint that covers a part of the pixel is a share.
    fn meet(&self, ray: &Ray, reach: f64, _sides: &[Vector3<f64>; 2]) -> Option<Spot> {
        let (distance, normal, surface) = self.enter(ray, reach)?;
        let paint = if surface == Surface::Marking { 1.0 } else { 0.0 };
        Some(Spot { distance, normal, surface, paint })
    }
}

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
    /// How far parts reach out of the box: mirrors, m.
    pub overhang_m: f64,
    /// The parts.
    pub parts: Vec<Part>,
}

impl Body {
    /// A body whose parts all lie inside its box.
    pub fn new(size: [f64; 3], parts: Vec<Part>) -> Self {
        Self { size, overhang_m: 0.0, parts }
    }
}

/// The upright cylinder around a part, in its object's frame.
#[derive(Clone, Copy, Debug)]
struct Round {
    middle: [f64; 2],
    radius: f64,
    /// Lowest and highest point, m.
    heights: [f64; 2],
}

impl Round {
    fn around(part: &Part) -> Self {
        let [low, high] = hull::extent(&part.shape);
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        Self { middle: [middle.x, middle.y], radius: half.x.hypot(half.y), heights: [low.z, high.z] }
    }
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
    rounds: Arc<[Round]>,
    /// Height of the ground under it, m.
    pub ground_z: f64,
    /// Whether its brake lights are on.
    pub braking: bool,
    /// How far it moves at most while a lidar turns once, m.
    pub travel_m: f64,
}

impl Object {
    /// A body that stands at a pose.
    pub fn new(class: Option<ObjectClass>, body: Body, pose: Pose2, ground_z: f64) -> Self {
        let travel_m = if class.is_some() { 6.0 } else { 0.0 };
        let rounds = body.parts.iter().map(Round::around).collect();
        let mut object = Self { class, body, pose, heading: [1.0, 0.0], rounds, ground_z, braking: false, travel_m };
        object.place(pose);
        object
    }

    /// Moves it.
    pub fn place(&mut self, pose: Pose2) {
        let (sin, cos) = pose.yaw.sin_cos();
        (self.pose, self.heading) = (pose, [cos, sin]);
    }

    /// Moves it without a turn.
    pub fn slide(&mut self, x: f64, y: f64) {
        (self.pose.x, self.pose.y) = (x, y);
    }

    /// Unit vector of its heading.
    pub fn heading(&self) -> [f64; 2] {
        self.heading
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

    /// The parts that rays from `origin` in the object's frame towards a direction of `odom` may meet.
    fn slices(&self, origin: &Vector3<f64>, direction: [f64; 2], slices: &mut Vec<Slice>) {
        let [x, y] = self.to_own(direction[0], direction[1]);
        for (part, round) in self.rounds.iter().enumerate() {
            let (right, up) = (round.middle[0] - origin.x, round.middle[1] - origin.y);
            let (ahead, aside, reach) = (right * x + up * y, up * x - right * y, round.radius + LEAN_M);
            if aside.abs() <= reach && ahead >= -reach {
                let [low, high] = round.heights;
                slices.push(Slice { part, near: ahead - reach, far: ahead + reach, low, high });
            }
        }
    }

    fn to_odom(&self, x: f64, y: f64) -> [f64; 2] {
        let [cos, sin] = self.heading;
        [cos * x - sin * y, sin * x + cos * y]
    }
}

/// An object met by a column's plane.
#[derive(Clone, Debug)]
struct Candidate {
    object: usize,
    near: f64,
    origin: Vector3<f64>,
    /// Its parts, in [`Column::parts`].
    parts: Range<usize>,
}

/// A part met by a column's plane: its index, where its cylinder begins and ends, and its heights.
#[derive(Clone, Copy, Debug)]
struct Slice {
    part: usize,
    near: f64,
    far: f64,
    low: f64,
    high: f64,
}

/// What the upright plane of a column meets, nearest object first.
#[derive(Clone, Debug, Default)]
pub struct Column {
    candidates: Vec<Candidate>,
    parts: Vec<Slice>,
}

/// A ray that leaves the column's plane a little may meet the ground a little earlier than a steeper one.
const GROUND_SHARE: f64 = 0.93;
/// How deep parts may reach into the ground, m.
const LOWEST_M: f64 = -1.0;
/// How far rays of a column may leave its upright plane where they meet anything, m: the sensor leans a little.
const LEAN_M: f64 = 0.35;

/// Sectors of the turn and the objects that stand in each.
#[derive(Clone, Debug)]
pub struct Sectors(Vec<Vec<usize>>);

impl Sectors {
    const COUNT: usize = 256;

    /// The objects around a point that itself moves by `slack_m` at most.
    pub fn around(scene: &Scene, origin: &Vector3<f64>, slack_m: f64) -> Self {
        let mut sectors = vec![Vec::new(); Self::COUNT];
        for (index, object) in scene.objects.iter().enumerate() {
            let [length, width, _] = object.body.size;
            let radius = 0.5 * length.hypot(width) + 1.5 * object.body.overhang_m + object.travel_m + slack_m + LEAN_M;
            let (dx, dy) = (object.pose.x - origin.x, object.pose.y - origin.y);
            let distance = dx.hypot(dy);
            if distance <= radius {
                sectors.iter_mut().for_each(|sector| sector.push(index));
                continue;
            }
            let (middle, half) = (dy.atan2(dx), (radius / distance).asin());
            let (first, last) = (Self::place(middle - half).floor(), Self::place(middle + half).floor());
            for sector in first as i64..=last as i64 {
                sectors[sector.rem_euclid(Self::COUNT as i64) as usize].push(index);
            }
        }
        Self(sectors)
    }

    fn place(angle: f64) -> f64 {
        angle / std::f64::consts::TAU * Self::COUNT as f64
    }

    /// The objects of the sector that a horizontal direction points to.
    pub fn towards(&self, direction: [f64; 2]) -> &[usize] {
        let sector = Self::place(direction[1].atan2(direction[0])).floor() as i64;
        &self.0[sector.rem_euclid(Self::COUNT as i64) as usize]
    }
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
    /// Where the ray leaves the part again, on the same scale; without end for the ground.
    pub exit: f64,
    /// Outward unit normal.
    pub normal: Vector3<f64>,
    /// What was hit.
    pub target: Target,
}

/// All objects of one instant.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The objects; the ground is none.
    pub objects: Vec<Object>,
    /// The ground.
    pub ground: Arc<dyn Ground>,
}

impl Default for Scene {
    fn default() -> Self {
        Self::on_the_street(Vec::new())
    }
}

impl Scene {
    /// Objects on flat asphalt.
    pub fn on_the_street(objects: Vec<Object>) -> Self {
        Self { objects, ground: Arc::new(Flat) }
    }

    /// Collects those of some objects that the upright plane from `origin` towards `direction` (horizontal, of length one) meets
    /// within `reach` metres.
    pub fn column(
        &self,
        objects: &[usize],
        origin: &Vector3<f64>,
        direction: [f64; 2],
        reach: f64,
        column: &mut Column,
    ) {
        let Column { candidates, parts } = column;
        candidates.clear();
        parts.clear();
        for &index in objects {
            if let Some(mut candidate) = self.candidate(index, origin, direction)
                && candidate.near < reach
            {
                let first = parts.len();
                self.objects[index].slices(&candidate.origin, direction, parts);
                candidate.parts = first..parts.len();
                candidates.push(candidate);
            }
        }
        candidates.sort_by(|a, b| a.near.total_cmp(&b.near).then(a.object.cmp(&b.object)));
    }

    /// The first thing that a ray of the column hits beyond `from` metres; solids that begin before are not met. `direction` is
    /// the column's or nearly, with metres up per metre ahead as z. Before `no_ground_m` there is no ground: a steeper ray of
    /// the column met it just beyond, and a flatter one can only meet it later. The ray's own ground makes it larger.
    pub fn cast(
        &self,
        column: &Column,
        origin: &Vector3<f64>,
        direction: &Vector3<f64>,
        from: f64,
        reach: f64,
        no_ground_m: &mut f64,
    ) -> Option<Hit> {
        let free = from.max(*no_ground_m);
        let ray = Ray { origin: origin + direction * free, direction: *direction };
        let on_ground = self.ground.enter(&ray, reach - free);
        *no_ground_m = on_ground.map_or(*no_ground_m, |(range, ..)| GROUND_SHARE * (range + free));
        let mut best = on_ground.map(|(range, normal, surface)| Hit {
            range: range + free,
            exit: f64::INFINITY,
            normal,
            target: Target::Ground(surface),
        });
        let mut limit = best.as_ref().map_or(reach, |hit| hit.range);
        for candidate in &column.candidates {
            if candidate.near >= limit {
                break;
            }
            let object = &self.objects[candidate.object];
            let [x, y] = object.to_own(direction.x, direction.y);
            let ray = Ray { origin: candidate.origin, direction: Vector3::new(x, y, direction.z) };
            let slices = &column.parts[candidate.parts.clone()];
            if let Some((range, exit, part, normal)) = enter_body(&object.body, slices, &ray, from, limit) {
                let [x, y] = object.to_odom(normal.x, normal.y);
                let local = ray.at(range);
                limit = range;
                best = Some(Hit {
                    range,
                    exit,
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
        let (length, width) =
            (length + 2.0 * (LEAN_M + object.body.overhang_m), width + 2.0 * (LEAN_M + object.body.overhang_m));
        let half_diagonal_squared = 0.25 * (length * length + width * width);
        if aside * aside > half_diagonal_squared || (ahead < 0.0 && ahead * ahead > half_diagonal_squared) {
            return None;
        }
        let [x, y] = object.to_own(-dx, -dy);
        let (near, _) = crossing([x, y], object.to_own(direction[0], direction[1]), [0.5 * length, 0.5 * width])?;
        let origin = Vector3::new(x, y, origin.z - object.ground_z);
        Some(Candidate { object: index, near, origin, parts: 0..0 })
    }
}

/// The first part of a body that a ray of its own frame enters between two distances: entry, exit, part, normal.
fn enter_body(
    body: &Body,
    slices: &[Slice],
    ray: &Ray,
    from: f64,
    limit: f64,
) -> Option<(f64, f64, usize, Vector3<f64>)> {
    let half = [0.5 * body.size[0] + body.overhang_m, 0.5 * body.size[1] + body.overhang_m];
    let (near, far) = crossing([ray.origin.x, ray.origin.y], [ray.direction.x, ray.direction.y], half)?;
    let (near, far) = (near.max(from), far.min(limit));
    let (z_near, z_far) = (ray.origin.z + ray.direction.z * near, ray.origin.z + ray.direction.z * far);
    if near > far || z_near.min(z_far) > body.size[2] + body.overhang_m || z_near.max(z_far) < LOWEST_M {
        return None;
    }
    let moved = Ray { origin: ray.at(from), direction: ray.direction };
    let (mut best, mut limit) = (None, limit - from);
    for slice in slices {
        let [first, last] = [slice.near, slice.far].map(|at| ray.origin.z + ray.direction.z * at);
        let passes = first.max(last) < slice.low || first.min(last) > slice.high;
        if passes || slice.near >= limit + from || slice.far < from {
            continue;
        }
        if let Some(entry) = body.parts[slice.part].shape.enter(&moved)
            && entry.distance < limit
        {
            limit = entry.distance;
            best = Some((entry.distance + from, entry.exit + from, slice.part, entry.normal));
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
        Scene::on_the_street(vec![Object::new(Some(ObjectClass::Car), body, pose, 0.0)])
    }

    #[test]
    fn a_level_ray_hits_the_rear_bumper() {
        let (scene, mut column) = (scene(0.0), Column::default());
        let origin = Vector3::new(0.0, 1.0, 0.5);
        scene.column(&[0], &origin, [1.0, 0.0], 100.0, &mut column);
        let hit = scene.cast(&column, &origin, &Vector3::x(), 0.0, 100.0, &mut 0.0).unwrap();
        assert!((hit.range - (12.0 - 2.2)).abs() < 0.15, "{hit:?}");
        assert!(matches!(hit.target, Target::Part { object: 0, .. }));
    }

    proptest! {
        /// The column's short list never loses an object that a search over all parts would find.
        #[test]
        fn the_short_list_loses_nothing(yaw in -4.0..4.0f64, azimuth in -0.4..0.5f64, slope in -0.2..0.1f64) {
            let (scene, mut column) = (scene(yaw), Column::default());
            let origin = Vector3::new(0.0, 0.0, 1.8);
            let direction = Vector3::new(azimuth.cos(), azimuth.sin(), slope);
            scene.column(&[0], &origin, [direction.x, direction.y], 100.0, &mut column);
            let found = match scene.cast(&column, &origin, &direction, 0.0, 100.0, &mut 0.0) {
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
