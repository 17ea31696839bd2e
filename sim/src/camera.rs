//! A forward camera: a software renderer of the solids that the lidar sees.
//!
//! [`Camera::survey`] brings a scene before the camera: facets, shadows. [`Camera::expose`] then makes any range of rows, each
//! row the same whatever the range, so that a picture may be made in parts. [`Camera::render`] does all of it.

use crate::develop::Film;
use crate::facet::{REACH_M, SAMPLES, View};
use crate::lens::Lens;
use crate::light::Light;
use crate::look::Look;
use crate::paint::Wear;
use crate::random::Random;
use crate::raster::{BAND_ROWS, Band, Cover};
use crate::road::Road;
use crate::scene::Scene;
use crate::shade::Shader;
use crate::shadow::Shadow;
use crate::sky::Sky;
use crate::surface::Color;
use nalgebra::{Isometry3, Vector3};
use std::ops::Range;
use types::{Box2, CameraModel, Image};

/// What the truth knows of an object in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// Index of the object in the scene.
    pub object: usize,
    /// Box around its outline within the picture, hidden parts included, px.
    pub bounds: Box2,
    /// Share of the outline that nothing else hides, 0..1.
    pub visible: f64,
}

/// Room to work in while rows are exposed. One for each thread.
#[derive(Clone, Debug, Default)]
pub struct Bench {
    band: Band,
    light: Vec<Color>,
    covers: Vec<Cover>,
    sky: Sky,
    road: Road,
}

/// The sensor: its lens, its picture, and what is before it.
#[derive(Clone, Debug)]
pub struct Camera {
    lens: Lens,
    light: Light,
    wear: Wear,
    film: Film,
    view: View,
    shadow: Shadow,
    bench: Bench,
    picture: u64,
}

impl Camera {
    /// The camera of the car: 960 x 540, on a sunny day.
    pub fn new(seed: u64) -> Self {
        Self::with(Lens::standard(), &Look::sunny(&mut Random::new(seed, 40)), seed)
    }

    /// The usual camera with fewer columns, which draws objects no farther than `reach_m`.
    pub fn small(seed: u64, width: usize, reach_m: f64) -> Self {
        let camera = Self::with(Lens::standard().with_width(width), &Look::sunny(&mut Random::new(seed, 40)), seed);
        Self { view: View::empty(reach_m), ..camera }
    }

    /// Any camera on any car on any day: for training.
    #[cfg_attr(not(test), allow(dead_code))] // for training scenes
    pub fn random(seed: u64) -> Self {
        let mut random = Random::new(seed, 42);
        let lens = Lens::random(&mut random);
        Self::with(lens, &Look::random(&mut random), seed)
    }

    /// A camera with a lens and a look.
    pub fn with(lens: Lens, look: &Look, seed: u64) -> Self {
        Self {
            light: Light::new(look),
            wear: look.wear,
            film: Film::new(look, &lens, seed),
            view: View::empty(REACH_M),
            shadow: Shadow::none(),
            bench: Bench::default(),
            picture: 0,
            lens,
        }
    }

    /// How pixels and lidar points belong together.
    pub fn model(&self, base_from_lidar: &Isometry3<f64>) -> CameraModel {
        self.lens.model(base_from_lidar)
    }

    /// Columns and rows of the picture.
    pub fn size(&self) -> [usize; 2] {
        [self.lens.width, self.lens.height]
    }

    /// The picture that the camera takes when `base_link` is at a pose, and what it shows.
    pub fn render(&mut self, scene: &Scene, odom_from_base: &Isometry3<f64>) -> (Image, Vec<Sighting>) {
        let [width, height] = self.size();
        self.survey(scene, odom_from_base);
        let mut rgb = vec![0; 3 * width * height];
        let mut bench = std::mem::take(&mut self.bench);
        let covers = self.expose(0..height, &mut bench, &mut rgb);
        self.bench = bench;
        let sightings = self.sightings(&[covers]);
        (Image { width, height, rgb }, sightings)
    }

    /// Brings the next picture before the camera.
    pub fn survey(&mut self, scene: &Scene, odom_from_base: &Isometry3<f64>) {
        let odom_from_camera = odom_from_base * self.lens.base_from_camera;
        self.view.survey(scene, &self.lens, &odom_from_camera);
        self.picture += 1;
        let ahead = odom_from_camera.rotation * Vector3::z();
        let across = ahead.x.hypot(ahead.y).max(1e-9);
        let ahead = [ahead.x / across, ahead.y / across];
        let sun = self.light.has_sun.then_some(&self.light.sun);
        self.shadow.survey(scene, sun, &self.view.eye, ahead);
    }

    /// Makes the given rows: `rgb` holds 3 bytes for each of their pixels. Returns what each frame of the view covers of them.
    pub fn expose(&self, rows: Range<usize>, bench: &mut Bench, rgb: &mut [u8]) -> Vec<Cover> {
        let (width, height) = (self.lens.width, self.lens.height);
        // The blur of the lens needs one row more on each side.
        let needed = rows.start.saturating_sub(1)..(rows.end + 1).min(height);
        bench.light.clear();
        bench.light.resize(needed.len() * width, [0.0; 3]);
        bench.covers.clear();
        bench.covers.resize(self.view.frames.len(), Cover::NONE);
        bench.sky.begin();
        let shader = Shader::new(&self.view, &self.light, &self.shadow, &self.wear, self.lens.focal_px);
        let mut first = needed.start;
        while first < needed.end {
            // Bands begin at rows of their own or at the edge of the part, so that each row is counted once.
            let counted = rows.contains(&first);
            let last = if counted { (first + BAND_ROWS).min(rows.end) } else { first + 1 };
            bench.band.draw(&self.view, width, first, last - first, counted, &mut bench.covers);
            for row in first..last {
                let out = &mut bench.light[(row - needed.start) * width..][..width];
                let covers = counted.then_some(bench.covers.as_mut_slice());
                bench.sky.row(row, width);
                shade_row(&shader, &bench.band, (&mut bench.sky, &mut bench.road), [row, row - first], out, covers);
            }
            first = last;
        }
        self.film.develop(self.picture, &bench.light, needed, rows, rgb);
        bench.covers.clone()
    }

    /// What a picture shows, from what its parts returned.
    pub fn sightings(&self, parts: &[Vec<Cover>]) -> Vec<Sighting> {
        let sighting = |(index, frame): (usize, &crate::facet::Frame)| {
            let cover = parts.iter().filter_map(|part| part.get(index)).fold(Cover::NONE, |sum, part| sum.with(part));
            if cover.whole == 0 {
                return None;
            }
            let edge = |sample: i64| sample as f64 / SAMPLES as f64 - 0.5;
            let [left, top, right, bottom] = cover.bounds;
            let bounds = Box2 { x_min: edge(left), y_min: edge(top), x_max: edge(right + 1), y_max: edge(bottom + 1) };
            Some(Sighting { object: frame.object, bounds, visible: cover.seen as f64 / cover.whole as f64 })
        };
        self.view.frames.iter().enumerate().filter_map(sighting).collect()
    }

    /// Compresses a picture as the camera does.
    ///
    /// # Errors
    /// What the encoder reports.
    pub fn compress(&self, image: &Image) -> Result<Vec<u8>, crate::develop::CompressError> {
        self.film.compress(image)
    }
}

/// Shades one row: once where all samples of a pixel see the same facet, else once for each facet.
fn shade_row(
    shader: &Shader,
    band: &Band,
    (sky, road): (&mut Sky, &mut Road),
    [row, row_in_band]: [usize; 2],
    out: &mut [Color],
    mut covers: Option<&mut [Cover]>,
) {
    const { assert!(SAMPLES == 2) };
    let (upper, lower) = (band.row(row_in_band * SAMPLES), band.row(row_in_band * SAMPLES + 1));
    let (upper_facets, lower_facets) = (&band.facet[upper.clone()], &band.facet[lower.clone()]);
    let (upper_depths, lower_depths) = (&band.inverse_depth[upper], &band.inverse_depth[lower]);
    let v = row as f32;
    let start = shader.row(row);
    let is_background = |column: usize| {
        let i = SAMPLES * column;
        (upper_facets[i] | upper_facets[i + 1] | lower_facets[i] | lower_facets[i + 1]) == 0
    };
    let mut background = |column: usize| match shader.ground(&start, column as f32) {
        Some(color) => color,
        None => sky.color(shader.light, &shader.directions, column),
    };
    let (mut column, width) = (0, out.len());
    while column < width {
        if is_background(column) {
            let end = (column..width).find(|c| !is_background(*c)).unwrap_or(width);
            let first = (start + shader.sides[0] * column as f64).cast();
            let done = road.shade(shader, &first, &mut out[column..end]);
            for (index, _) in done.iter().enumerate().filter(|(_, done)| !**done) {
                out[column + index] = background(column + index);
            }
            column = end;
            continue;
        }
        let (u, i) = (column as f32, SAMPLES * column);
        let facets = [upper_facets[i], upper_facets[i + 1], lower_facets[i], lower_facets[i + 1]];
        let depths = [upper_depths[i], upper_depths[i + 1], lower_depths[i], lower_depths[i + 1]];
        if facets == [facets[0]; 4] {
            out[column] = shader.facet(facets[0], u, v, 0.25 * (depths[0] + depths[1] + depths[2] + depths[3]));
            count(shader.view, facets[0], 4, &mut covers);
            column += 1;
            continue;
        }
        let (mut sum, mut done) = ([0.0_f32; 3], [false; 4]);
        for sample in 0..4 {
            if done[sample] {
                continue;
            }
            let facet = facets[sample];
            let (mut samples, mut depth, mut x, mut y) = (0.0_f32, 0.0, 0.0, 0.0);
            for other in sample..4 {
                if facets[other] == facet {
                    done[other] = true;
                    samples += 1.0;
                    depth += depths[other];
                    x += if other % 2 == 0 { -0.25 } else { 0.25 };
                    y += if other < 2 { -0.25 } else { 0.25 };
                }
            }
            let color = match facet {
                0 => background(column),
                _ => shader.facet(facet, u + x / samples, v + y / samples, depth / samples),
            };
            count(shader.view, facet, samples as u64, &mut covers);
            sum = std::array::from_fn(|c| sum[c] + 0.25 * samples * color[c]);
        }
        out[column] = sum;
        column += 1;
    }
}

fn count(view: &View, facet: u32, samples: u64, covers: &mut Option<&mut [Cover]>) {
    if facet > 0
        && let Some(covers) = covers
    {
        covers[view.facets[facet as usize - 1].frame].seen += samples;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bodies;
    use crate::scene::{Body, Object, Part};
    use crate::shape::Shape;
    use crate::surface::Surface;
    use types::{ObjectClass, Pose2};

    fn car(x: f64, y: f64, yaw: f64) -> Object {
        Object::new(Some(ObjectClass::Car), bodies::car([0.3, 0.1, 0.1], 4.4, 1.8, 1.5), Pose2 { x, y, yaw }, 0.0)
    }

    fn scene() -> Scene {
        let walker = bodies::pedestrian([0.5; 3], [0.1; 3], [0.4; 3], 1.8);
        let walker = Object::new(Some(ObjectClass::Pedestrian), walker, Pose2 { x: 9.0, y: 1.5, yaw: 1.0 }, 0.12);
        let tree =
            Object::new(None, bodies::tree([0.1, 0.2, 0.0], 6.0, 1.5), Pose2 { x: 14.0, y: -5.0, yaw: 0.3 }, 0.0);
        // One close by and cut by the edge of the picture, one ahead, one behind it, one behind the camera.
        let cars = [car(4.6, -2.2, 0.1), car(12.0, 0.0, 0.0), car(20.0, 1.6, 0.2), car(-10.0, 0.0, 0.0)];
        Scene::on_the_street(cars.into_iter().chain([walker, tree]).collect())
    }

    #[test]
    fn parts_of_a_picture_equal_the_whole() {
        let scene = scene();
        let mut camera = Camera::new(3);
        let (whole, sightings) = camera.render(&scene, &Isometry3::identity());
        let mut other = Camera::new(3);
        other.survey(&scene, &Isometry3::identity());
        let (mut rgb, mut covers, mut bench) = (Vec::new(), Vec::new(), Bench::default());
        for rows in [0..3, 3..271, 271..540] {
            let mut part = vec![0; rows.len() * whole.width * 3];
            covers.push(other.expose(rows, &mut bench, &mut part));
            rgb.extend(part);
        }
        assert!(rgb == whole.rgb && other.sightings(&covers) == sightings);
        // The next picture has other noise.
        assert!(camera.render(&scene, &Isometry3::identity()).0.rgb != whole.rgb);
    }

    #[test]
    fn a_picture_of_nothing_is_road_and_sky() {
        let mut camera = Camera::new(1);
        let (image, sightings) = camera.render(&Scene::default(), &Isometry3::identity());
        assert_eq!((image.rgb.len(), sightings.len()), (960 * 540 * 3, 0));
        let pixel = |u: usize, v: usize| [0, 1, 2].map(|c| image.rgb[3 * (v * 960 + u) + c]);
        let ([r, _, b], [road, ..]) = (pixel(480, 10), pixel(480, 400));
        assert!(b > r && b > road, "{:?} {:?}", pixel(480, 10), pixel(480, 400));
        assert!(camera.compress(&image).unwrap().len() > 10_000);
        assert!(camera.compress(&Image::default()).is_err());
    }

    /// The truth of a car alone equals what its colours show.
    #[test]
    fn boxes_equal_the_pixels() {
        let mut camera = Camera::new(1);
        let bright = Part {
            shape: Shape::Block { min: Vector3::new(-1.0, -1.0, 0.5), max: Vector3::new(1.0, 1.0, 2.0) },
            surface: Surface::Cloth([9.0, 0.0, 0.0]),
        };
        let body = Body::new([2.0, 2.0, 2.0], vec![bright]);
        let object = Object::new(Some(ObjectClass::Car), body, Pose2 { x: 15.0, y: 2.0, yaw: 0.4 }, 0.0);
        let (image, sightings) = camera.render(&Scene::on_the_street(vec![object]), &Isometry3::identity());
        let [Sighting { object: 0, bounds, visible }] = sightings[..] else { panic!("{sightings:?}") };
        assert_eq!(visible, 1.0);
        let red = (0..960 * 540).filter(|i| image.rgb[3 * i] > 200 && image.rgb[3 * i + 2] < 110);
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for i in red {
            for (axis, value) in [i % 960, i / 960].into_iter().enumerate() {
                (low[axis], high[axis]) = (low[axis].min(value as f64), high[axis].max(value as f64));
            }
        }
        let found = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max];
        for (found, seen) in found.into_iter().zip([low[0], low[1], high[0], high[1]]) {
            assert!((found - seen).abs() <= 1.5, "{found} {seen}");
        }
    }

    #[test]
    fn what_stands_behind_is_hidden() {
        let (_, sightings) = Camera::new(1).render(&scene(), &Isometry3::identity());
        let of = |object: usize| sightings.iter().find(|s| s.object == object).copied();
        let (edge, near, far, walker) = (of(0).unwrap(), of(1).unwrap(), of(2).unwrap(), of(4).unwrap());
        assert_eq!((edge.visible, walker.visible, of(3), of(5)), (1.0, 1.0, None, None));
        assert_eq!(edge.bounds.x_max, 959.5);
        assert!((0.05..0.6).contains(&far.visible) && near.visible == 1.0, "{near:?} {far:?}");
        // The outline of the far car does not depend on what hides it.
        let (_, alone) =
            Camera::new(1).render(&Scene::on_the_street(vec![car(20.0, 1.6, 0.2)]), &Isometry3::identity());
        assert_eq!((alone[0].bounds, alone[0].visible), (far.bounds, 1.0));
    }

    /// Whatever is drawn for it, no camera and no light makes a picture without contrast.
    #[test]
    fn random_pictures_show_something() {
        let (mut means, scene) = (Vec::new(), scene());
        for seed in 0..12 {
            let (image, sightings) = Camera::random(seed).render(&scene, &Isometry3::identity());
            let values = || image.rgb.iter().map(|v| f64::from(*v));
            let mean = values().sum::<f64>() / image.rgb.len() as f64;
            let spread = (values().map(|v| (v - mean).powi(2)).sum::<f64>() / image.rgb.len() as f64).sqrt();
            assert!((25.0..230.0).contains(&mean) && spread > 12.0, "seed {seed}: {mean} {spread}");
            assert!(sightings.len() >= 3, "seed {seed}: {sightings:?}");
            means.push(mean);
        }
        means.sort_by(f64::total_cmp);
        assert!(means[11] - means[0] > 20.0, "{means:?}");
    }
}
