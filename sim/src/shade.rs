//! The light that reaches the camera from a point of a facet, of the ground, of the sky.

use crate::facet::View;
use crate::light::Light;
use crate::paint::{self, Context, Finish, Wear};
use crate::shadow::Shadow;
use crate::shape::Ray;
use crate::surface::{Color, Surface};
use nalgebra::{Matrix3, Vector3};

/// Distance at which the ground ends, m.
const REACH_M: f64 = 600.0;

/// Everything that the colour of a pixel follows from.
pub struct Shader<'a> {
    /// What is before the camera.
    pub view: &'a View,
    /// The light.
    pub light: &'a Light,
    /// What it does not reach.
    pub shadow: &'a Shadow,
    /// The state of surfaces.
    pub wear: &'a Wear,
    /// Takes a pixel to its direction in `odom`, one metre deep.
    pub directions: Matrix3<f32>,
    /// What a step to the next column and to the next row adds to the direction.
    pub sides: [Vector3<f64>; 2],
    /// Extent of a pixel one metre away, m.
    pub span: f32,
}

/// A point of a surface as the camera sees it.
struct Place {
    /// Seen from the eye, m.
    point: Vector3<f32>,
    normal: Vector3<f32>,
    /// Direction from the eye, of length one.
    toward: Vector3<f32>,
    distance: f32,
    /// Share of the sky that is open.
    open: f32,
}

impl<'a> Shader<'a> {
    /// For a view through a lens with a focal length in pixels.
    pub fn new(view: &'a View, light: &'a Light, shadow: &'a Shadow, wear: &'a Wear, focal_px: f64) -> Self {
        let sides = [0, 1].map(|axis| view.directions.column(axis).into_owned());
        Self { view, light, shadow, wear, directions: view.directions.cast(), sides, span: 1.0 / focal_px as f32 }
    }

    /// The direction of the first pixel of a row.
    pub fn row(&self, row: usize) -> Vector3<f64> {
        self.view.directions * Vector3::new(0.0, row as f64, 1.0)
    }

    /// Colour at a pixel where the given facet (index plus one) has the given inverse depth.
    pub fn facet(&self, facet: u32, u: f32, v: f32, inverse_depth: f32) -> Color {
        let direction = self.directions * Vector3::new(u, v, 1.0);
        let (facet, depth) = (&self.view.facets[facet as usize - 1], 1.0 / inverse_depth.max(1e-6));
        let frame = &self.view.frames[facet.frame];
        let point = direction * depth;
        let distance = point.norm();
        let toward = point / distance;
        let local = frame.eye + frame.turn * point;
        let local_normal = facet.bend.normal(&local);
        let normal = frame.turn.tr_mul(&local_normal);
        let facing = (-toward.dot(&normal)).max(0.02);
        let context = Context {
            wear: self.wear,
            span: distance * self.span / facing.sqrt(),
            variant: frame.object as u32,
            braking: frame.braking,
        };
        let finish = paint::finish(facet.surface, &local, &local_normal, &context);
        let normal = match facet.surface {
            // Sheet metal is round where the solid is flat.
            Surface::CarBody(paint) | Surface::CarCabin(paint) => {
                let bulge = Vector3::new(
                    0.30 * local.x / paint.length as f32,
                    0.55 * local.y / paint.width as f32,
                    0.5 * (local.z / paint.height as f32 - 0.55),
                );
                frame.turn.tr_mul(&(local_normal + bulge)).normalize()
            }
            _ => normal,
        };
        // What is low between other things sees less of the sky.
        let open = 1.0 - 0.55 * (1.0 - local.z / 0.8).clamp(0.0, 1.0) * if frame.is_actor { 1.0 } else { 0.4 };
        self.lit(&finish, &Place { point, normal, toward, distance, open })
    }

    /// Colour of the ground at a column of a row that begins with the direction `start`; `None` where it is sky.
    #[inline(always)]
    pub fn ground(&self, start: &Vector3<f64>, u: f32) -> Option<Color> {
        let direction = start + self.sides[0] * f64::from(u);
        if direction.z >= 0.0 {
            return None;
        }
        let ray = Ray { origin: self.view.eye, direction };
        let spot = self.view.ground.meet(&ray, REACH_M, &self.sides)?;
        let point = (direction * spot.distance).cast::<f32>();
        let distance = point.norm();
        let (toward, normal) = (point / distance, spot.normal.cast());
        let facing = (-toward.dot(&normal)).max(0.01);
        let context =
            Context { wear: self.wear, span: distance * self.span / facing.sqrt(), variant: 0, braking: false };
        let finish = paint::ground(spot.surface, spot.paint, &ray.at(spot.distance).cast(), &normal, &context);
        let open = self.shadow.open_at(&point);
        Some(self.lit(&finish, &Place { point, normal, toward, distance, open }))
    }

    /// Lambert's law for sun and sky, a mirrored share, and the air in between.
    #[inline(always)]
    fn lit(&self, finish: &Finish, place: &Place) -> Color {
        let light = self.light;
        let Place { point, normal, toward, distance, open } = place;
        let to_sun = normal.dot(&light.toward_sun);
        let reached = if to_sun > 0.0 && light.has_sun { self.shadow.light_at(point, normal) } else { 0.0 };
        let sun = to_sun.max(0.0) * reached;
        let sky = (0.60 + 0.40 * normal.z) * open;
        let mut color: Color = std::array::from_fn(|i| {
            finish.albedo[i] * (sun * light.sun_color[i] + sky * light.sky_color[i]) + finish.glow[i]
        });
        let facing = -toward.dot(normal);
        if light.headlight > 0.0 {
            // A cone before the car, below the horizon.
            let beam = light.headlight * facing.max(0.0) * (1.0 - 6.0 * (toward.z + 0.02).max(0.0)).max(0.0);
            let beam = beam * 60.0 / (60.0 + distance * distance);
            color = std::array::from_fn(|i| color[i] + finish.albedo[i] * beam * [1.0, 0.93, 0.8][i]);
        }
        if finish.mirror > 0.0 {
            let bounce = toward + normal * (2.0 * facing);
            let grazing = 1.0 - facing.clamp(0.0, 1.0);
            let square = grazing * grazing;
            let share = finish.mirror + (1.0 - finish.mirror) * 0.6 * square * square * grazing;
            let seen = light.around(&bounce);
            let glint = if sun > 0.0 { bounce.dot(&light.toward_sun).max(0.0).powi(80) * 2.5 * reached } else { 0.0 };
            color = std::array::from_fn(|i| {
                color[i] + share * (seen[i] * (0.35 + 0.65 * open) + glint * light.sun_color[i])
            });
        }
        light.through_air(color, *distance)
    }
}
