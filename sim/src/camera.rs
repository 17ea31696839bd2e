//! A forward camera, rendered by casting rays: one per pixel, four more where neighbours differ.

use crate::light::{HORIZON, Light, mix};
use crate::paint;
use crate::random::Random;
use crate::scene::{Candidate, Hit, Scene, Target};
use crate::surface::Color;
use image::codecs::jpeg::JpegEncoder;
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};
use types::{CameraModel, Image, Pose2};

const WIDTH: usize = 640;
const HEIGHT: usize = 360;
const FOCAL_PX: f64 = 460.0;
const CENTER_X_PX: f64 = 320.0;
const CENTER_Y_PX: f64 = 165.0;
const REACH_M: f64 = 500.0;
const JPEG_QUALITY: u8 = 80;
/// Difference of brightness between neighbours from which a pixel is cast again with four rays.
const EDGE: f32 = 0.05;

/// The sensor: its mounting, its light, its noise.
#[derive(Clone, Debug)]
pub struct Camera {
    base_from_camera: Translation3<f64>,
    light: Light,
    random: Random,
    colors: Vec<Color>,
    candidates: [Vec<Candidate>; 2],
}

impl Camera {
    /// A camera behind the windscreen that looks straight ahead and level.
    pub fn new(seed: u64) -> Self {
        Self {
            base_from_camera: Translation3::new(1.4, 0.0, 1.45),
            light: Light::new(seed),
            random: Random::new(seed, 41),
            colors: vec![[0.0; 3]; WIDTH * HEIGHT],
            candidates: [Vec::new(), Vec::new()],
        }
    }

    /// How pixels and lidar points belong together.
    pub fn model(&self, base_from_lidar: &Isometry3<f64>) -> CameraModel {
        let optical = Rotation3::from_matrix_unchecked(Matrix3::new(0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0));
        let camera_from_base = UnitQuaternion::from_rotation_matrix(&optical) * self.base_from_camera.inverse();
        CameraModel {
            width: WIDTH,
            height: HEIGHT,
            k: Matrix3::new(FOCAL_PX, 0.0, CENTER_X_PX, 0.0, FOCAL_PX, CENTER_Y_PX, 0.0, 0.0, 1.0),
            camera_from_lidar: camera_from_base * base_from_lidar,
        }
    }

    /// The picture that the camera takes when `base_link` is at a pose.
    pub fn render(&mut self, scene: &Scene, base: &Pose2) -> Image {
        let mount = &self.base_from_camera;
        let [x, y] = base.transform(mount.x, mount.y);
        let origin = Vector3::new(x, y, mount.z);
        self.light.survey(scene, x, y);
        self.cast_every_pixel(scene, &origin, base.yaw);
        let edges = self.edges();
        self.cast_edges_again(scene, &origin, base.yaw, &edges);
        self.develop()
    }

    fn cast_every_pixel(&mut self, scene: &Scene, origin: &Vector3<f64>, yaw: f64) {
        for u in 0..WIDTH {
            let column = Column::new(u as f64, yaw);
            scene.column(origin, column.direction, REACH_M, &mut self.candidates[0]);
            for v in 0..HEIGHT {
                self.colors[v * WIDTH + u] = self.cast(scene, &self.candidates[0], origin, &column, v as f64);
            }
        }
    }

    fn edges(&self) -> Vec<bool> {
        let brightness: Vec<f32> = self.colors.iter().map(|[r, g, b]| exposed(0.3 * r + 0.6 * g + 0.1 * b)).collect();
        let mut edges = vec![false; WIDTH * HEIGHT];
        for i in 0..WIDTH * (HEIGHT - 1) - 1 {
            for neighbour in [i + 1, i + WIDTH] {
                if (brightness[i] - brightness[neighbour]).abs() > EDGE {
                    (edges[i], edges[neighbour]) = (true, true);
                }
            }
        }
        edges
    }

    fn cast_edges_again(&mut self, scene: &Scene, origin: &Vector3<f64>, yaw: f64, edges: &[bool]) {
        for u in 0..WIDTH {
            if !(0..HEIGHT).any(|v| edges[v * WIDTH + u]) {
                continue;
            }
            let columns = [-0.25, 0.25].map(|shift| Column::new(u as f64 + shift, yaw));
            for (column, candidates) in columns.iter().zip(&mut self.candidates) {
                scene.column(origin, column.direction, REACH_M, candidates);
            }
            for v in (0..HEIGHT).filter(|v| edges[v * WIDTH + u]) {
                let mut sum = [0.0; 3];
                for (column, candidates) in columns.iter().zip(&self.candidates) {
                    for shift in [-0.25, 0.25] {
                        let color = self.cast(scene, candidates, origin, column, v as f64 + shift);
                        sum = std::array::from_fn(|i| sum[i] + 0.25 * color[i]);
                    }
                }
                self.colors[v * WIDTH + u] = sum;
            }
        }
    }

    fn cast(&self, scene: &Scene, candidates: &[Candidate], origin: &Vector3<f64>, column: &Column, v: f64) -> Color {
        let slope = (CENTER_Y_PX - v) / FOCAL_PX / column.stretch;
        let direction = Vector3::new(column.direction[0], column.direction[1], slope);
        match scene.cast(candidates, origin, &direction, REACH_M) {
            Some(hit) => self.shade(scene, &hit, origin, &direction),
            None => self.light.sky(&direction),
        }
    }

    /// Lambert's law for sun and sky, a mirrored share, and the air in between.
    fn shade(&self, scene: &Scene, hit: &Hit, origin: &Vector3<f64>, direction: &Vector3<f64>) -> Color {
        let point = origin + direction * hit.range;
        let look = match hit.target {
            Target::Ground(surface) => paint::look(surface, &point, &hit.normal, false, hit.range),
            Target::Part { object, part, local, local_normal } => {
                let object = &scene.objects[object];
                paint::look(object.body.parts[part].surface, &local, &local_normal, object.braking, hit.range)
            }
        };
        let toward_sun = hit.normal.dot(&self.light.sun);
        let lit = toward_sun > 0.0 && self.light.reaches(scene, &(point + hit.normal * 2e-3));
        let sun = if lit { 2.6 * toward_sun as f32 } else { 0.0 };
        let sky = 0.55 + 0.35 * hit.normal.z as f32;
        let mirrored = if look.mirror > 0.0 {
            let bounce = direction - hit.normal * (2.0 * direction.dot(&hit.normal));
            let facing = (-direction.dot(&hit.normal) / direction.norm()).clamp(0.0, 1.0) as f32;
            let share = look.mirror + (1.0 - look.mirror) * 0.5 * (1.0 - facing).powi(5);
            // What is mirrored from below the horizon is the street.
            let seen = if bounce.z > 0.0 { self.light.sky(&bounce) } else { [0.14; 3] };
            seen.map(|c| c * share)
        } else {
            [0.0; 3]
        };
        let light = [sun + 0.62 * sky, 0.95 * sun + 0.72 * sky, 0.86 * sun + 0.88 * sky];
        let own: Color = std::array::from_fn(|i| look.albedo[i] * light[i] + look.glow[i] + mirrored[i]);
        mix(own, HORIZON, 1.0 - (-hit.range as f32 / 380.0).exp())
    }

    /// Exposure, sensor noise, gamma.
    fn develop(&mut self) -> Image {
        let mut rgb = Vec::with_capacity(3 * self.colors.len());
        for color in &self.colors {
            let noise = 0.004 * self.random.normal() as f32;
            for channel in color {
                rgb.push(((exposed(*channel) + noise) * 255.0).round().clamp(0.0, 255.0) as u8);
            }
        }
        Image { width: WIDTH, height: HEIGHT, rgb }
    }
}

/// Response of film and display: soft at the bright end, gamma 2.2.
fn exposed(linear: f32) -> f32 {
    (1.0 - (-1.25 * linear).exp()).max(0.0).powf(1.0 / 2.2)
}

/// An image column: the horizontal direction of its rays, and how much longer they are than the optical axis.
struct Column {
    direction: [f64; 2],
    stretch: f64,
}

impl Column {
    fn new(u: f64, yaw: f64) -> Self {
        let right = (u - CENTER_X_PX) / FOCAL_PX;
        let azimuth = yaw - right.atan();
        Self { direction: [azimuth.cos(), azimuth.sin()], stretch: right.hypot(1.0) }
    }
}

/// Compresses a picture as the camera does.
///
/// # Errors
/// What the encoder reports.
pub fn compress(image: &Image) -> Result<Vec<u8>, image::ImageError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode(
        &image.rgb,
        image.width as u32,
        image.height as u32,
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}
