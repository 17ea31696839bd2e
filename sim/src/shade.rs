//! The light that reaches the camera from a point of a facet, of the ground, of the sky.

use crate::facet::View;
use crate::light::Light;
use crate::paint::{self, Finish};
use crate::shadow::Shadow;
use crate::shape::Ray;
use crate::surface::Color;
use nalgebra::Vector3;

/// Distance at which the ground ends, m.
const REACH_M: f64 = 500.0;

/// Everything that the colour of a pixel follows from.
pub struct Shader<'a> {
    /// What is before the camera.
    pub view: &'a View,
    /// The light.
    pub light: &'a Light,
    /// What it does not reach.
    pub shadow: &'a Shadow,
}

impl Shader<'_> {
    /// Colour at a pixel where the given facet (index plus one, 0 for none) has the given inverse depth.
    pub fn color(&self, facet: u32, u: f32, v: f32, inverse_depth: f32) -> Color {
        let direction = self.view.directions * Vector3::new(f64::from(u), f64::from(v), 1.0);
        match (facet as usize).checked_sub(1).map(|index| &self.view.facets[index]) {
            None => self.background(&direction),
            Some(facet) => {
                let frame = &self.view.frames[facet.frame];
                let depth = 1.0 / inverse_depth.max(1e-6);
                let toward: Vector3<f32> = direction.cast();
                let local = frame.eye + frame.turn * toward * depth;
                let local_normal = facet.bend.normal(&local);
                let normal = frame.turn.tr_mul(&local_normal);
                let point = self.view.eye + direction * f64::from(depth);
                let length = toward.norm();
                let finish = paint::finish(facet.surface, &local, &local_normal, frame.braking, depth * length);
                self.lit(&finish, &point, &normal, &(toward / length), depth * length)
            }
        }
    }

    fn background(&self, direction: &Vector3<f64>) -> Color {
        let length = direction.norm();
        let toward: Vector3<f32> = (direction / length).cast();
        let ray = Ray { origin: self.view.eye, direction: *direction };
        match self.view.ground.enter(&ray, REACH_M) {
            None => self.light.sky(&toward),
            Some((depth, normal, surface)) => {
                let (point, normal) = (ray.at(depth), normal.cast());
                let distance = (depth * length) as f32;
                let finish = paint::finish(surface, &point.cast(), &normal, false, distance);
                self.lit(&finish, &point, &normal, &toward, distance)
            }
        }
    }

    /// Lambert's law for sun and sky, a mirrored share, and the air in between.
    fn lit(
        &self,
        finish: &Finish,
        point: &Vector3<f64>,
        normal: &Vector3<f32>,
        toward: &Vector3<f32>,
        distance: f32,
    ) -> Color {
        let light = self.light;
        let to_sun = normal.dot(&light.sun.cast());
        let sun = if to_sun > 0.0 { to_sun * self.shadow.light_at(point, normal) } else { 0.0 };
        let sky = 0.62 + 0.38 * normal.z;
        let mirrored = if finish.mirror > 0.0 {
            let facing = -toward.dot(normal);
            let bounce = toward + normal * (2.0 * facing);
            let grazing = 1.0 - facing.clamp(0.0, 1.0);
            let share = finish.mirror + (1.0 - finish.mirror) * 0.5 * grazing.powi(5);
            // What is mirrored from below the horizon is the street.
            let seen = if bounce.z > 0.0 { light.sky(&bounce) } else { light.sky_color.map(|c| 0.25 * c) };
            seen.map(|c| c * share)
        } else {
            [0.0; 3]
        };
        let own: Color = std::array::from_fn(|i| {
            finish.albedo[i] * (sun * light.sun_color[i] + sky * light.sky_color[i]) + finish.glow[i] + mirrored[i]
        });
        light.through_air(own, distance)
    }
}
