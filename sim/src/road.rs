//! The road before the camera, a row at a time: most of a picture is asphalt and nothing else, and what is the same for all of it
//! is done for many pixels at once.

use crate::grain::{fixed, grain, level};
use crate::light::fast_exp;
use crate::paint::{self, ASPHALT_PER_M, ASPHALT_SEEN, DARKEST, FAR_CRACKS};
use crate::pavement::KERB_M;
use crate::shade::Shader;
use crate::surface::Color;
use nalgebra::Vector3;

/// The greatest change of the stored distance to paint over a metre.
const STEEPEST: f32 = 1.5;

/// Numbers of the pixels of a run, each in a row of its own.
#[derive(Clone, Debug, Default)]
pub struct Road {
    x: Vec<f32>,
    y: Vec<f32>,
    distance: Vec<f32>,
    /// Extent of a pixel on the road, m.
    span: Vec<f32>,
    /// How near paint may touch the pixel, m.
    room: Vec<f32>,
    is_bare: Vec<bool>,
    albedo: Vec<f32>,
    sun: Vec<f32>,
    sky: Vec<f32>,
}

impl Road {
    /// Finds out which pixels of a run see the bare road, and shades them. The run begins where the direction is `start`; each
    /// pixel adds `side`. The answer says which pixels are done.
    pub fn shade(&mut self, shader: &Shader, start: &Vector3<f32>, out: &mut [Color]) -> &[bool] {
        let count = out.len();
        for values in [&mut self.x, &mut self.y, &mut self.distance, &mut self.span] {
            values.resize(count, 0.0);
        }
        for values in [&mut self.room, &mut self.albedo, &mut self.sun, &mut self.sky] {
            values.resize(count, 0.0);
        }
        self.is_bare.resize(count, false);
        let eye = shader.view.eye;
        let height = eye.z as f32;
        if height <= KERB_M as f32 + 0.1 || shader.wear.wet > 0.0 || shader.light.headlight > 0.0 {
            self.is_bare.fill(false);
            return &self.is_bare;
        }
        self.project(shader, start, height);
        shader.view.ground.is_bare(&eye, [&self.x, &self.y], &self.room, &mut self.is_bare);
        self.paint(shader, height);
        self.light(shader, out);
        &self.is_bare
    }

    /// Where each pixel meets the road, seen from the eye.
    fn project(&mut self, shader: &Shader, start: &Vector3<f32>, height: f32) {
        let [side, under] = shader.sides.map(|side| side.cast::<f32>());
        let pixels = self.x.iter_mut().zip(&mut self.y).zip(self.distance.iter_mut().zip(&mut self.span));
        for (index, (((x, y), (distance, span)), room)) in pixels.zip(&mut self.room).enumerate() {
            let u = index as f32;
            let [dx, dy, dz] = [start.x + side.x * u, start.y + side.y * u, start.z + side.z * u];
            // What looks up or too far looks away from all roads.
            let down = if dz < -0.003 { -1.0 / dz } else { 1e9 };
            let depth = height * down;
            (*x, *y) = (dx * depth, dy * depth);
            let across = *x * *x + *y * *y;
            *distance = (across + height * height).sqrt();
            *span = *distance * shader.span * (*distance / height).sqrt();
            let step = |side: &Vector3<f32>| {
                let along = side.z * down;
                (side.x + dx * along).abs() + (side.y + dy * along).abs()
            };
            *room = 0.5 * STEEPEST * depth * (step(&side) + step(&under)) + 0.005;
        }
    }

    /// Brightness of the asphalt, and how much of sun and sky reaches it.
    fn paint(&mut self, shader: &Shader, height: f32) {
        let (grain, wear, eye) = (grain(), shader.wear, shader.view.eye);
        let ([eye_x, eye_y], [wide, middle, narrow]) = ([eye.x as f32, eye.y as f32], ASPHALT_PER_M);
        let to_sun = if shader.light.has_sun { shader.light.toward_sun.z.max(0.0) } else { 0.0 };
        for index in 0..self.is_bare.len() {
            if !self.is_bare[index] {
                continue;
            }
            let (x, y, span) = (self.x[index], self.y[index], self.span[index]);
            let point = Vector3::new(x, y, -height);
            self.sun[index] = if to_sun > 0.0 { to_sun * shader.shadow.light_at(&point, &Vector3::z()) } else { 0.0 };
            self.sky[index] = shader.shadow.open_at(&point);
            let (x, y) = (eye_x + x, eye_y + y);
            let place = |per_m: f32| [fixed(x * per_m), fixed(y * per_m)];
            let [.., large, _, other] = grain.at_fixed(place(wide), level(wide * span));
            let cracks = if middle * span > ASPHALT_SEEN[0] {
                FAR_CRACKS
            } else {
                let [medium, _, crack, _] = grain.at_fixed(place(middle), level(middle * span));
                [medium, crack]
            };
            let fine = if narrow * span > ASPHALT_SEEN[1] {
                0.0
            } else {
                grain.one_fixed(0, place(narrow), level(narrow * span)) - 0.5
            };
            let tone = paint::asphalt_tone(wear, [large, other], cracks, fine);
            self.albedo[index] = (wear.asphalt * tone).max(DARKEST);
        }
    }

    /// Sun, sky and the air in between. Also what is not bare gets a colour here; it is painted over.
    fn light(&mut self, shader: &Shader, out: &mut [Color]) {
        let light = shader.light;
        let (sun_color, sky_color, air) = (light.sun_color, light.sky_color, light.horizon);
        let pixels = self.albedo.iter().zip(&self.distance).zip(self.sun.iter().zip(&self.sky));
        for (((albedo, distance), (sun, sky)), out) in pixels.zip(out) {
            let clear = fast_exp(-distance * light.haze_per_m);
            *out = std::array::from_fn(|i| {
                let color = albedo * (sun * sun_color[i] + sky * sky_color[i]);
                air[i] + (color - air[i]) * clear
            });
        }
    }
}
