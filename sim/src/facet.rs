//! A scene as a camera sees it: every face that is turned towards the eye, projected.
//!
//! Samples are the points where the raster is filled: two rows and two columns of them in every pixel. On a plane the inverse of
//! the depth is linear in the sample, so a face is three numbers; a ball or a cylinder is a quadratic form.

use crate::ground::Flat;
use crate::hull;
use crate::lens::Lens;
use crate::scene::{Ground, Object, Scene};
use crate::shape::{Axis, Shape};
use crate::surface::Surface;
use nalgebra::{Isometry3, Matrix3, Point3, Vector3};
use std::ops::Range;
use std::sync::Arc;

/// Samples of a pixel in each direction.
pub const SAMPLES: usize = 2;
/// Nearest depth that is drawn, m.
const NEAR_M: f64 = 0.1;
/// Farthest object that is drawn, m, unless a camera is said to draw less.
pub const REACH_M: f64 = 500.0;
/// What a picture can hold; more facets are left out.
const MOST_FACETS: usize = 1 << 20;

/// An object in the picture.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Index of the object in the scene.
    pub object: usize,
    /// Whether the truth counts it.
    pub is_actor: bool,
    /// Whether its brake lights are on.
    pub braking: bool,
    /// Turns directions of `odom` into the object's frame.
    pub turn: Matrix3<f32>,
    /// The eye in the object's frame, m.
    pub eye: Vector3<f32>,
}

/// Where the normal of a facet points, in the object's frame.
#[derive(Clone, Copy, Debug)]
pub enum Bend {
    /// The same everywhere.
    Flat(Vector3<f32>),
    /// Outwards from the middle.
    Ball {
        /// Middle.
        center: Vector3<f32>,
        /// Half-axes.
        radii: Vector3<f32>,
    },
    /// Outwards from an axis.
    Side {
        /// The axis.
        axis: Axis,
        /// A point of it.
        center: Vector3<f32>,
    },
}

impl Bend {
    /// The normal at a point of the facet.
    pub fn normal(&self, point: &Vector3<f32>) -> Vector3<f32> {
        match self {
            Self::Flat(normal) => *normal,
            Self::Ball { center, radii } => (point - center).component_div(radii).component_div(radii).normalize(),
            Self::Side { axis: Axis::Y, center } => {
                Vector3::new(point.x - center.x, 0.0, point.z - center.z).normalize()
            }
            Self::Side { axis: Axis::Z, center } => {
                Vector3::new(point.x - center.x, point.y - center.y, 0.0).normalize()
            }
        }
    }
}

/// How a facet fills the raster.
#[derive(Clone, Debug)]
pub enum Form {
    /// A convex polygon: its corners in [`View::corners`] and the inverse depth at a sample `(i, j, 1)`.
    Flat {
        /// Corners.
        corners: Range<usize>,
        /// Inverse depth, 1/m.
        inverse_depth: Vector3<f64>,
    },
    /// A ball: see [`Quadric`].
    Ball(Quadric),
    /// A cylinder: its side, and the facet of the next index as its ends.
    Tube {
        /// The endless cylinder.
        side: Quadric,
        /// The eye across the axis, in radii.
        eye: [f64; 2],
        /// Directions of samples across the axis, in radii.
        across: [Vector3<f64>; 2],
        /// The eye along the axis, m.
        eye_along: f64,
        /// Directions of samples along the axis.
        along: Vector3<f64>,
        /// Half the length, m.
        half_length: f64,
        /// Columns of samples that it can touch.
        columns: [i64; 2],
        /// Share of the radius within which the ends are open but for spokes.
        hole: f64,
    },
    /// Drawn with the facet before it.
    End,
}

/// A quadric around which the ray of sample `r = (i, j, 1)` passes when `r Q r >= 0`, entering at inverse depth
/// `(sqrt(r Q r) - toward r) / room`.
#[derive(Clone, Debug)]
pub struct Quadric {
    /// The form Q.
    pub form: Matrix3<f64>,
    /// Scaled eye times scaled direction: negative where the ray approaches.
    pub toward: Vector3<f64>,
    /// Square of the scaled eye less one.
    pub room: f64,
}

impl Quadric {
    fn new(eye: &[f64], directions: &[Vector3<f64>]) -> Self {
        let room = eye.iter().map(|e| e * e).sum::<f64>() - 1.0;
        let toward = eye.iter().zip(directions).fold(Vector3::zeros(), |sum, (e, d)| sum + d * *e);
        let squares = directions.iter().fold(Matrix3::zeros(), |sum, d| sum + d * d.transpose());
        Self { form: toward * toward.transpose() - squares * room, toward, room }
    }
}

/// One face of one part.
#[derive(Clone, Debug)]
pub struct Facet {
    /// Index in [`View::frames`].
    pub frame: usize,
    /// What it is made of.
    pub surface: Surface,
    /// Its normal.
    pub bend: Bend,
    /// Its outline.
    pub form: Form,
    /// First row of samples and the one after the last.
    pub rows: [i64; 2],
}

/// What a camera has before it.
#[derive(Clone, Debug)]
pub struct View {
    /// The eye in `odom`, m.
    pub eye: Vector3<f64>,
    /// Takes a pixel `(u, v, 1)` to its direction in `odom`, one metre deep.
    pub directions: Matrix3<f64>,
    /// The objects.
    pub frames: Vec<Frame>,
    /// The ground.
    pub ground: Arc<dyn Ground>,
    /// Their facets, object by object.
    pub facets: Vec<Facet>,
    /// The rows of each facet, close together.
    pub spans: Vec<[i32; 2]>,
    /// Corners of the polygons in samples.
    pub corners: Vec<[f64; 2]>,
    /// Takes a sample to its direction.
    samples: Matrix3<f64>,
    /// Takes a direction of `odom` to samples times depth.
    project: Matrix3<f64>,
    /// Columns and rows of samples.
    size: [i64; 2],
    /// Farthest object that is drawn, m.
    reach_m: f64,
    spare: [Vec<Vector3<f64>>; 2],
}

impl View {
    /// Nothing before no camera, which will draw objects within `reach_m`.
    pub fn empty(reach_m: f64) -> Self {
        Self {
            eye: Vector3::zeros(),
            directions: Matrix3::identity(),
            frames: Vec::new(),
            ground: Arc::new(Flat),
            facets: Vec::new(),
            spans: Vec::new(),
            corners: Vec::new(),
            samples: Matrix3::identity(),
            project: Matrix3::identity(),
            size: [0, 0],
            reach_m,
            spare: [Vec::new(), Vec::new()],
        }
    }

    /// Collects what a camera sees of a scene.
    pub fn survey(&mut self, scene: &Scene, lens: &Lens, odom_from_camera: &Isometry3<f64>) {
        let turn = odom_from_camera.rotation.to_rotation_matrix();
        let per_sample = 1.0 / SAMPLES as f64;
        let shift = 0.5 * per_sample - 0.5;
        let pixel_from_sample = Matrix3::new(per_sample, 0.0, shift, 0.0, per_sample, shift, 0.0, 0.0, 1.0);
        let scale = SAMPLES as f64;
        let sample_from_pixel = Matrix3::new(scale, 0.0, -shift * scale, 0.0, scale, -shift * scale, 0.0, 0.0, 1.0);
        self.eye = odom_from_camera.translation.vector;
        self.directions = turn.matrix() * lens.directions();
        self.samples = self.directions * pixel_from_sample;
        self.project = sample_from_pixel * lens.matrix() * turn.matrix().transpose();
        self.size = [(lens.width * SAMPLES) as i64, (lens.height * SAMPLES) as i64];
        self.ground = Arc::clone(&scene.ground);
        self.frames.clear();
        self.facets.clear();
        self.corners.clear();
        for (index, object) in scene.objects.iter().enumerate() {
            self.add(index, object);
        }
        self.spans.clear();
        self.spans.extend(self.facets.iter().map(|facet| facet.rows.map(|row| row as i32)));
    }

    /// Rows and columns of samples that a box can touch; `None` if it is out of sight.
    fn bounds(&self, corners: impl Iterator<Item = Vector3<f64>>) -> Option<[[i64; 2]; 2]> {
        let (mut low, mut high, mut behind, mut before) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2], false, false);
        for corner in corners {
            let p = self.project * corner;
            if p.z < NEAR_M {
                behind = true;
                continue;
            }
            before = true;
            for (axis, value) in [p.x / p.z, p.y / p.z].into_iter().enumerate() {
                (low[axis], high[axis]) = (low[axis].min(value), high[axis].max(value));
            }
        }
        if !before {
            return None;
        }
        let range = |axis: usize| {
            let size = self.size[axis];
            if behind {
                [0, size]
            } else {
                [(low[axis].ceil() as i64).max(0), (high[axis].floor() as i64 + 1).min(size)]
            }
        };
        let [columns, rows] = [range(0), range(1)];
        (columns[0] < columns[1] && rows[0] < rows[1]).then_some([columns, rows])
    }

    fn add(&mut self, index: usize, object: &Object) {
        let [length, width, height] = object.body.size;
        let pose = object.odom_from_object();
        let (middle, radius) = (pose * Point3::new(0.0, 0.0, 0.5 * height), 0.5 * length.hypot(width).hypot(height));
        let seen = middle.coords - self.eye;
        let projected = self.project * seen;
        if !(projected.z > -radius && seen.norm() < self.reach_m + radius) {
            return;
        }
        let [half_length, half_width] = [0.5 * length, 0.5 * width];
        // Parts of houses reach a little into the ground.
        let box_corners = (0..8).map(|bits| {
            let pick = |bit: usize, low: f64, high: f64| if bits & bit == 0 { low } else { high };
            let corner = Point3::new(
                pick(1, -half_length, half_length),
                pick(2, -half_width, half_width),
                pick(4, -0.3, height),
            );
            (pose * corner).coords - self.eye
        });
        if self.bounds(box_corners).is_none() {
            return;
        }
        let turn = pose.rotation.to_rotation_matrix();
        let eye = pose.inverse_transform_point(&Point3::from(self.eye)).coords;
        let frame = self.frames.len();
        self.frames.push(Frame {
            object: index,
            is_actor: object.class.is_some(),
            braking: object.braking,
            turn: turn.matrix().transpose().cast(),
            eye: eye.cast(),
        });
        for part in &object.body.parts {
            if self.facets.len() < MOST_FACETS {
                self.add_part(frame, &part.shape, part.surface, turn.matrix(), &eye);
            }
        }
    }

    fn add_part(&mut self, frame: usize, shape: &Shape, surface: Surface, turn: &Matrix3<f64>, eye: &Vector3<f64>) {
        match shape {
            Shape::Block { min, max } => {
                for (index, face) in hull::block_faces(min, max).iter().enumerate() {
                    if face.normal.dot(eye) > face.offset {
                        let corners = hull::block_corners(min, max, index);
                        self.add_flat(frame, surface, turn, eye, &face.normal, &corners);
                    }
                }
            }
            Shape::Convex(faces) => {
                let [mut corners, mut spare] = std::mem::take(&mut self.spare);
                for (index, face) in faces.iter().enumerate() {
                    if face.normal.dot(eye) > face.offset {
                        hull::polygon(faces, index, &mut corners, &mut spare);
                        self.add_flat(frame, surface, turn, eye, &face.normal, &corners);
                    }
                }
                self.spare = [corners, spare];
            }
            Shape::Ellipsoid { center, radii } => {
                let into_unit = Matrix3::from_diagonal(&radii.map(|r| 1.0 / r)) * turn.transpose();
                let scaled = (eye - center).component_div(radii);
                let rows = into_unit * self.samples;
                let quadric = Quadric::new(scaled.as_slice(), &[0, 1, 2].map(|row| rows.row(row).transpose()));
                let corners = box_around(center, radii).map(|corner| turn * (corner - eye));
                if quadric.room > 0.0
                    && let Some([_, rows]) = self.bounds(corners.into_iter())
                {
                    let bend = Bend::Ball { center: center.cast(), radii: radii.cast() };
                    self.facets.push(Facet { frame, surface, bend, form: Form::Ball(quadric), rows });
                }
            }
            Shape::Cylinder { axis, center, radius, half_length } => {
                let (u, v, w) = match axis {
                    Axis::Y => (0, 2, 1),
                    Axis::Z => (0, 1, 2),
                };
                let mut half = Vector3::repeat(*radius);
                half[w] = *half_length;
                let corners = box_around(center, &half).map(|corner| turn * (corner - eye));
                let Some([columns, rows]) = self.bounds(corners.into_iter()) else { return };
                let directions = turn.transpose() * self.samples;
                let seen = eye - center;
                let across = [u, v].map(|axis| directions.row(axis).transpose() / *radius);
                let eye_across = [seen[u] / radius, seen[v] / radius];
                let side = Quadric::new(&eye_across, &across);
                let form = Form::Tube {
                    side,
                    eye: eye_across,
                    across,
                    eye_along: seen[w],
                    along: directions.row(w).transpose(),
                    half_length: *half_length,
                    columns,
                    hole: if matches!(surface, Surface::Spokes { .. }) { 0.84 } else { 0.0 },
                };
                let mut end = Vector3::zeros();
                end[w] = seen[w].signum() as f32;
                let bend = Bend::Side { axis: *axis, center: center.cast() };
                self.facets.push(Facet { frame, surface, bend, form, rows });
                self.facets.push(Facet { frame, surface, bend: Bend::Flat(end), form: Form::End, rows: [0, 0] });
            }
        }
    }

    fn add_flat(
        &mut self,
        frame: usize,
        surface: Surface,
        turn: &Matrix3<f64>,
        eye: &Vector3<f64>,
        normal: &Vector3<f64>,
        corners: &[Vector3<f64>],
    ) {
        let Some(on_plane) = corners.first() else { return };
        let first = self.corners.len();
        let projected: Vec<Vector3<f64>> =
            corners.iter().map(|corner| self.project * (turn * (corner - eye))).collect();
        if projected.iter().all(|p| p.z >= NEAR_M) {
            self.corners.extend(projected.iter().map(|p| [p.x / p.z, p.y / p.z]));
        } else {
            let mut kept = Vec::new();
            hull::cut(&projected, &mut kept, |p| p.z - NEAR_M);
            self.corners.extend(kept.iter().map(|p| [p.x / p.z, p.y / p.z]));
        }
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for corner in &self.corners[first..] {
            for axis in 0..2 {
                (low[axis], high[axis]) = (low[axis].min(corner[axis]), high[axis].max(corner[axis]));
            }
        }
        let rows = [(low[1].ceil() as i64).max(0), (high[1].floor() as i64 + 1).min(self.size[1])];
        if rows[0] >= rows[1] || high[0] < 0.0 || low[0] >= self.size[0] as f64 {
            self.corners.truncate(first);
            return;
        }
        let distance = normal.dot(&(on_plane - eye));
        let inverse_depth = self.samples.transpose() * (turn * normal) / distance;
        let form = Form::Flat { corners: first..self.corners.len(), inverse_depth };
        self.facets.push(Facet { frame, surface, bend: Bend::Flat(normal.cast()), form, rows });
    }
}

fn box_around(center: &Vector3<f64>, half: &Vector3<f64>) -> [Vector3<f64>; 8] {
    std::array::from_fn(|bits| {
        let side = |bit: usize| if bits & bit == 0 { -1.0 } else { 1.0 };
        center + Vector3::new(side(1) * half.x, side(2) * half.y, side(4) * half.z)
    })
}
