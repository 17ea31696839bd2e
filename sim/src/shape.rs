//! Solids and where a ray enters them.

use nalgebra::Vector3;

/// A half-line. Distances along it count in lengths of `direction`, which need not be one.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    /// Start.
    pub origin: Vector3<f64>,
    /// Direction.
    pub direction: Vector3<f64>,
}

impl Ray {
    /// The point at a distance.
    pub fn at(&self, distance: f64) -> Vector3<f64> {
        self.origin + self.direction * distance
    }
}

/// Where a ray enters a solid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Distance along the ray.
    pub distance: f64,
    /// Where the ray leaves the solid again.
    pub exit: f64,
    /// Outward unit normal.
    pub normal: Vector3<f64>,
}

/// A plane with everything behind it: normal . p <= offset.
#[derive(Clone, Copy, Debug)]
pub struct Face {
    /// Outward unit normal.
    pub normal: Vector3<f64>,
    /// Distance of the plane from the origin.
    pub offset: f64,
}

impl Face {
    /// The plane moved by `by`.
    pub fn shifted(self, by: [f64; 3]) -> Self {
        Self { offset: self.offset + self.normal.dot(&Vector3::from(by)), ..self }
    }
}

/// The axis of a cylinder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Across: a wheel.
    Y,
    /// Upright: a pole.
    Z,
}

/// A convex solid, in its object's frame.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Axis-aligned box between two corners.
    Block {
        /// Smallest corner.
        min: Vector3<f64>,
        /// Largest corner.
        max: Vector3<f64>,
    },
    /// Everything behind all faces.
    Convex(Vec<Face>),
    /// A cylinder with flat ends.
    Cylinder {
        /// Direction of its axis.
        axis: Axis,
        /// Middle of the axis.
        center: Vector3<f64>,
        /// Radius.
        radius: f64,
        /// Half the distance between its ends.
        half_length: f64,
    },
    /// An axis-aligned ellipsoid.
    Ellipsoid {
        /// Middle.
        center: Vector3<f64>,
        /// Half-axes.
        radii: Vector3<f64>,
    },
}

impl Shape {
    /// A convex solid from its side profile (corners in x and z, counter-clockwise seen from the right, which is from -y) and its
    /// half-width at two heights; the sides lean inwards between them.
    pub fn extruded(profile: &[[f64; 2]], bottom: (f64, f64), top: (f64, f64)) -> Self {
        let mut faces: Vec<Face> = (0..profile.len())
            .map(|i| {
                let ([ax, az], [bx, bz]) = (profile[i], profile[(i + 1) % profile.len()]);
                let normal = Vector3::new(bz - az, 0.0, ax - bx).normalize();
                Face { normal, offset: normal.dot(&Vector3::new(ax, 0.0, az)) }
            })
            .collect();
        let ((low_z, low_half), (high_z, high_half)) = (bottom, top);
        for side in [-1.0, 1.0] {
            let normal = Vector3::new(0.0, side * (high_z - low_z), low_half - high_half).normalize();
            faces.push(Face { normal, offset: normal.dot(&Vector3::new(0.0, side * low_half, low_z)) });
        }
        Self::Convex(faces)
    }

    /// The solid moved by `by`.
    pub fn shifted(self, by: [f64; 3]) -> Self {
        let offset = Vector3::from(by);
        match self {
            Self::Block { min, max } => Self::Block { min: min + offset, max: max + offset },
            Self::Convex(faces) => Self::Convex(faces.into_iter().map(|face| face.shifted(by)).collect()),
            Self::Cylinder { axis, center, radius, half_length } => {
                Self::Cylinder { axis, center: center + offset, radius, half_length }
            }
            Self::Ellipsoid { center, radii } => Self::Ellipsoid { center: center + offset, radii },
        }
    }

    /// A limb: a prism of `sides` sides around the line from `start` to `end`, with a half-width at each end.
    pub fn limb(start: [f64; 3], end: [f64; 3], half_widths: [f64; 2], sides: usize) -> Self {
        let (start, end) = (Vector3::from(start), Vector3::from(end));
        let (axis, length) = ((end - start).normalize(), (end - start).norm());
        let side = if axis.z.abs() < 0.9 { axis.cross(&Vector3::z()) } else { axis.cross(&Vector3::x()) }.normalize();
        let up = axis.cross(&side);
        let taper = (half_widths[0] - half_widths[1]) / length;
        let mut faces: Vec<Face> = (0..sides)
            .map(|i| {
                let angle = (i as f64 + 0.5) * std::f64::consts::TAU / sides as f64;
                let outward = side * angle.cos() + up * angle.sin();
                let normal = (outward + axis * taper).normalize();
                Face { normal, offset: normal.dot(&(start + outward * half_widths[0])) }
            })
            .collect();
        faces.push(Face { normal: -axis, offset: -axis.dot(&start) });
        faces.push(Face { normal: axis, offset: axis.dot(&end) });
        Self::Convex(faces)
    }

    /// Where the ray enters, or `None` if it misses, points away, or starts inside.
    pub fn enter(&self, ray: &Ray) -> Option<Entry> {
        match self {
            Self::Block { min, max } => enter_block(min, max, ray),
            Self::Convex(faces) => enter_convex(faces, ray),
            Self::Cylinder { axis, center, radius, half_length } => {
                enter_cylinder(*axis, center, *radius, *half_length, ray)
            }
            Self::Ellipsoid { center, radii } => enter_ellipsoid(center, radii, ray),
        }
    }
}

/// Slab test (Kay and Kajiya, 1986).
fn enter_block(min: &Vector3<f64>, max: &Vector3<f64>, ray: &Ray) -> Option<Entry> {
    let (mut near, mut far, mut normal) = (f64::NEG_INFINITY, f64::INFINITY, Vector3::zeros());
    for axis in 0..3 {
        let (start, speed) = (ray.origin[axis], ray.direction[axis]);
        if speed.abs() < 1e-12 {
            if start < min[axis] || start > max[axis] {
                return None;
            }
            continue;
        }
        let (first, second) = ((min[axis] - start) / speed, (max[axis] - start) / speed);
        if first.min(second) > near {
            near = first.min(second);
            normal = Vector3::zeros();
            normal[axis] = -speed.signum();
        }
        far = far.min(first.max(second));
    }
    (near > 0.0 && near <= far).then_some(Entry { distance: near, exit: far, normal })
}

fn enter_convex(faces: &[Face], ray: &Ray) -> Option<Entry> {
    let (mut near, mut far, mut normal) = (f64::NEG_INFINITY, f64::INFINITY, Vector3::zeros());
    for face in faces {
        let speed = face.normal.dot(&ray.direction);
        let room = face.offset - face.normal.dot(&ray.origin);
        if speed.abs() < 1e-12 {
            if room < 0.0 {
                return None;
            }
        } else if speed < 0.0 {
            if room / speed > near {
                near = room / speed;
                normal = face.normal;
            }
        } else {
            far = far.min(room / speed);
        }
    }
    (near > 0.0 && near <= far).then_some(Entry { distance: near, exit: far, normal })
}

fn enter_cylinder(axis: Axis, center: &Vector3<f64>, radius: f64, half_length: f64, ray: &Ray) -> Option<Entry> {
    let (u, v, w) = match axis {
        Axis::Y => (0, 2, 1),
        Axis::Z => (0, 1, 2),
    };
    let start = ray.origin - center;
    let a = ray.direction[u].powi(2) + ray.direction[v].powi(2);
    let b = start[u] * ray.direction[u] + start[v] * ray.direction[v];
    let c = start[u].powi(2) + start[v].powi(2) - radius * radius;
    let (mut near, mut far) = (f64::NEG_INFINITY, f64::INFINITY);
    if a > 1e-24 {
        let discriminant = b * b - a * c;
        if discriminant < 0.0 {
            return None;
        }
        (near, far) = ((-b - discriminant.sqrt()) / a, (-b + discriminant.sqrt()) / a);
    } else if c > 0.0 {
        return None;
    }
    let mut normal = Vector3::zeros();
    let speed = ray.direction[w];
    let mut through_end = false;
    if speed.abs() < 1e-12 {
        if start[w].abs() > half_length {
            return None;
        }
    } else {
        let (first, second) = ((-half_length - start[w]) / speed, (half_length - start[w]) / speed);
        if first.min(second) > near {
            near = first.min(second);
            normal[w] = -speed.signum();
            through_end = true;
        }
        far = far.min(first.max(second));
    }
    if !(near > 0.0 && near <= far) {
        return None;
    }
    if !through_end {
        let point = start + ray.direction * near;
        normal[u] = point[u] / radius;
        normal[v] = point[v] / radius;
    }
    Some(Entry { distance: near, exit: far, normal })
}

fn enter_ellipsoid(center: &Vector3<f64>, radii: &Vector3<f64>, ray: &Ray) -> Option<Entry> {
    let start = (ray.origin - center).component_div(radii);
    let direction = ray.direction.component_div(radii);
    let a = direction.norm_squared();
    let b = start.dot(&direction);
    let discriminant = b * b - a * (start.norm_squared() - 1.0);
    if !(discriminant >= 0.0 && a > 0.0) {
        return None;
    }
    let distance = (-b - discriminant.sqrt()) / a;
    let normal = (start + direction * distance).component_div(radii).normalize();
    let exit = (-b + discriminant.sqrt()) / a;
    (distance > 0.0).then_some(Entry { distance, exit, normal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ray(origin: [f64; 3], direction: [f64; 3]) -> Ray {
        Ray { origin: origin.into(), direction: direction.into() }
    }

    fn block() -> Shape {
        Shape::Block { min: Vector3::new(-2.0, -1.0, 0.0), max: Vector3::new(2.0, 1.0, 1.5) }
    }

    #[test]
    fn closed_forms() {
        let hit = block().enter(&ray([-10.0, 0.5, 1.0], [1.0, 0.0, 0.0])).unwrap();
        assert_eq!((hit.distance, hit.normal), (8.0, -Vector3::x()));
        let top = block().enter(&ray([0.0, 0.0, 3.0], [0.0, 0.0, -2.0])).unwrap();
        assert_eq!((top.distance, top.normal), (0.75, Vector3::z()));
        assert!(block().enter(&ray([-10.0, 1.5, 1.0], [1.0, 0.0, 0.0])).is_none());
        assert!(block().enter(&ray([0.0, 0.0, 1.0], [1.0, 0.0, 0.0])).is_none());
        // A ray at height 0.6 of a pole with radius 1: the chord's half is 0.8.
        let pole =
            Shape::Cylinder { axis: Axis::Z, center: Vector3::new(5.0, 0.0, 1.0), radius: 1.0, half_length: 1.0 };
        let side = pole.enter(&ray([0.0, 0.6, 1.0], [1.0, 0.0, 0.0])).unwrap();
        assert!((side.distance - 4.2).abs() < 1e-12 && (side.normal - Vector3::new(-0.8, 0.6, 0.0)).norm() < 1e-12);
        let end = pole.enter(&ray([5.0, 0.2, 5.0], [0.0, 0.0, -1.0])).unwrap();
        assert!((end.distance - 3.0).abs() < 1e-12 && end.normal == Vector3::z());
        let ball = Shape::Ellipsoid { center: Vector3::new(4.0, 0.0, 0.0), radii: Vector3::new(2.0, 1.0, 1.0) };
        assert!((ball.enter(&ray([0.0; 3], [1.0, 0.0, 0.0])).unwrap().distance - 2.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn a_block_equals_its_six_faces(o in prop::array::uniform3(-6.0..6.0f64), d in prop::array::uniform3(-1.0..1.0f64)) {
            let profile = [[-2.0, 0.0], [2.0, 0.0], [2.0, 1.5], [-2.0, 1.5]];
            let convex = Shape::extruded(&profile, (0.0, 1.0), (1.5, 1.0));
            match (block().enter(&ray(o, d)), convex.enter(&ray(o, d))) {
                (Some(a), Some(b)) => prop_assert!((a.distance - b.distance).abs() < 1e-9),
                (a, b) => prop_assert_eq!(a.is_some(), b.is_some()),
            }
        }

        #[test]
        fn entries_lie_on_the_cylinder(o in prop::array::uniform3(-6.0..6.0f64), d in prop::array::uniform3(-1.0..1.0f64), y in any::<bool>()) {
            let axis = if y { Axis::Y } else { Axis::Z };
            let shape = Shape::Cylinder { axis, center: Vector3::new(0.5, -0.3, 0.2), radius: 1.2, half_length: 0.7 };
            if let Some(entry) = shape.enter(&ray(o, d)) {
                let p = ray(o, d).at(entry.distance) - Vector3::new(0.5, -0.3, 0.2);
                let (axial, radial) = if y { (p.y, p.x.hypot(p.z)) } else { (p.z, p.x.hypot(p.y)) };
                prop_assert!(axial.abs() < 0.7 + 1e-9 && radial < 1.2 + 1e-9);
                prop_assert!((axial.abs() - 0.7).abs() < 1e-9 || (radial - 1.2).abs() < 1e-9);
                prop_assert!((entry.normal.norm() - 1.0).abs() < 1e-9 && entry.normal.dot(&Vector3::from(d)) <= 1e-12);
            }
        }

        #[test]
        fn entries_lie_on_the_ellipsoid(o in prop::array::uniform3(-6.0..6.0f64), d in prop::array::uniform3(-1.0..1.0f64)) {
            let (center, radii) = (Vector3::new(0.5, -0.3, 0.2), Vector3::new(2.0, 1.0, 0.5));
            if let Some(entry) = (Shape::Ellipsoid { center, radii }).enter(&ray(o, d)) {
                let p = (ray(o, d).at(entry.distance) - center).component_div(&radii);
                prop_assert!((p.norm() - 1.0).abs() < 1e-6 && entry.normal.dot(&Vector3::from(d)) <= 1e-9);
            }
        }
    }
}
