//! The camera image with what was found in it, and below it, if there is room, the sweep and the tracks seen through the same lens.

use super::canvas::{Canvas, Pen, Pixel};
use super::colors::{self, Color};
use super::labels::Labels;
use super::raster::{self, Raster};
use super::{View, text};
use nalgebra::{Isometry3, Point3};
use types::{Box2, Box3, CameraModel, Image, Track};

/// Nothing nearer to the camera is drawn, m.
const NEAR_M: f64 = 0.3;
/// The scale of depth runs from here to there by the logarithm, m.
const DEPTH_M: [f64; 2] = [4.0, 60.0];
/// Height of a strip that only says what is missing, px.
const STRIP: usize = 48;
/// The edges of a box by the order of its corners: bottom, top, pillars.
const EDGES: [[usize; 2]; 12] =
    [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]];

/// Draws one or two canvases that fit a column of this size.
pub fn draw(view: &View, width: usize, height: usize) -> Vec<Canvas> {
    let image = view.image.filter(|image| raster::is_whole(image));
    let model = view.calibration.camera.as_ref();
    let size = image.map(|image| [image.width, image.height]).or(model.map(|model| [model.width, model.height]));
    let Some([columns, rows]) = size.filter(|&[columns, rows]| columns > 0 && rows > 0) else {
        return vec![strip(width, "no camera in this drive")];
    };
    let scale = (width as f64 / columns as f64).min(height as f64 / rows as f64);
    let fitted = |length: usize| ((length as f64 * scale).round() as usize).max(1);
    let (columns, rows) = (fitted(columns), fitted(rows));

    let mut first = Canvas::new(columns, rows, colors::PANEL);
    let lens = model.and_then(|model| Lens::new(view, model, columns, rows));
    let Some(image) = image else {
        if let Some(lens) = &lens {
            lens.points(view, &mut first);
            lens.boxes(view, &mut first);
        }
        let damaged = view.image.is_some();
        caption(&mut first, if damaged { "the image is damaged" } else { "no image at this moment" }, colors::ALARM);
        return vec![first];
    };
    raster::paint_image(&mut first, image, 1.0, false);
    let room_for_two = 2 * rows + super::MARGIN <= height && view.points.is_some();
    let second = lens.as_ref().filter(|_| room_for_two).map(|lens| {
        let mut second = Canvas::new(columns, rows, colors::PANEL);
        raster::paint_image(&mut second, image, 0.42, true);
        lens.points(view, &mut second);
        lens.boxes(view, &mut second);
        caption(&mut second, "lidar points by depth, tracks", colors::TEXT);
        second
    });
    let found = view.detections.is_some_and(|detections| !detections.camera.is_empty());
    // With two images each shows its own: what the camera found, and what lidar and tracking made of it.
    if let Some(lens) = lens.as_ref().filter(|_| second.is_none() || !found) {
        lens.boxes(view, &mut first);
    }
    detections(view, &mut first, image);
    let name = match (found, second.is_some()) {
        (true, true) => "camera, its detections",
        (true, false) => "camera, its detections, tracks",
        (false, _) => "camera, tracks",
    };
    caption(&mut first, name, colors::TEXT);
    std::iter::once(first).chain(second).collect()
}

fn strip(width: usize, note: &str) -> Canvas {
    let mut canvas = Canvas::new(width, STRIP, colors::PANEL);
    let left = 0.5 * (width as f64 - text::width(text::BODY, note));
    canvas.text([left, 0.5 * STRIP as f64 + 5.0], text::BODY, colors::MUTED, note);
    canvas
}

fn caption(canvas: &mut Canvas, note: &str, color: Color) {
    let height = canvas.height() as f64;
    canvas.chip([6.0, height - 22.0], text::SMALL, color, colors::PAGE.faded(0.65), note);
}

/// Boxes of the camera detector with class and confidence, the most confident on top. A name that would cover another moves or is left out.
fn detections(view: &View, canvas: &mut Canvas, image: &Image) {
    let found = view.detections.map_or(&[][..], |detections| &detections.camera);
    let [x_scale, y_scale] = [canvas.width() as f64 / image.width as f64, canvas.height() as f64 / image.height as f64];
    for detection in found.iter().rev() {
        let (left, right) = (detection.bbox.x_min * x_scale, detection.bbox.x_max * x_scale);
        let (top, bottom) = (detection.bbox.y_min * y_scale, detection.bbox.y_max * y_scale);
        let color = colors::class(detection.class);
        canvas.outline(&[[left, top], [right, top], [right, bottom], [left, bottom]], Pen::solid(color, 1.5));
    }
    let mut labels = Labels::default();
    for detection in found {
        let Box2 { x_min, y_min, x_max, y_max } = detection.bbox;
        let name = format!("{} {:.2}", detection.class.name(), detection.score);
        let [width, height] = text::chip_size(text::SMALL, &name);
        let (left, right) = (x_min * x_scale, x_max * x_scale - width);
        let (above, below) = (y_min * y_scale - height, y_max * y_scale);
        let most = [canvas.width() as f64 - width, canvas.height() as f64 - height];
        for (x, y) in [(left, above), (right, above), (left, below), (right, below), (left, above - height)] {
            let corner = [x.clamp(0.0, most[0].max(0.0)), y.clamp(0.0, most[1].max(0.0))];
            if labels.claim([corner[0], corner[1], corner[0] + width, corner[1] + height]) {
                canvas.chip(corner, text::SMALL, colors::PAGE, colors::class(detection.class).faded(0.85), &name);
                break;
            }
        }
    }
}

/// The camera's projection, scaled to a canvas.
struct Lens<'a> {
    model: &'a CameraModel,
    camera_from_base: Isometry3<f64>,
    camera_from_odom: Option<Isometry3<f64>>,
    scale: [f64; 2],
}

impl<'a> Lens<'a> {
    fn new(view: &View, model: &'a CameraModel, columns: usize, rows: usize) -> Option<Self> {
        if model.width == 0 || model.height == 0 {
            return None;
        }
        let camera_from_base = model.camera_from_lidar * view.calibration.base_from_lidar.inverse();
        let camera_from_odom = view.usable_ego().map(|ego| camera_from_base * ego.odom_from_base.inverse());
        let scale = [columns as f64 / model.width as f64, rows as f64 / model.height as f64];
        Some(Self { model, camera_from_base, camera_from_odom, scale })
    }

    /// The pixel of a point in the camera's frame that lies before the camera.
    fn pixel(&self, point: &Point3<f64>) -> Pixel {
        let ray = self.model.k * point.coords;
        [ray.x / ray.z * self.scale[0], ray.y / ray.z * self.scale[1]]
    }

    /// The sweep, colored by depth; where points coincide the nearest shows.
    fn points(&self, view: &View, canvas: &mut Canvas) {
        let Some(points) = view.points else { return };
        let mut raster = Raster::of(canvas);
        for ((&x, &y), &z) in points.x.iter().zip(&points.y).zip(&points.z) {
            let point = self.model.camera_from_lidar * Point3::new(f64::from(x), f64::from(y), f64::from(z));
            if point.z > NEAR_M {
                raster.drop(self.pixel(&point), 2, -point.z as f32);
            }
        }
        let [near, far] = DEPTH_M.map(f64::ln);
        raster.paint(canvas, |minus_depth| colors::depth(((-minus_depth).ln() - near) / (far - near)));
    }

    /// Tracks as wireframes, the nearest on top; without tracks the detections of the sweep.
    fn boxes(&self, view: &View, canvas: &mut Canvas) {
        if let (Some(tracks), Some(camera_from_odom)) = (view.tracks, &self.camera_from_odom) {
            let depth = |track: &Track| (camera_from_odom * Point3::from(track.bbox.center)).z;
            let mut tracks: Vec<&Track> = tracks.objects.iter().filter(|track| track.bbox.is_valid()).collect();
            tracks.sort_by(|a, b| depth(b).total_cmp(&depth(a)).then(a.id.cmp(&b.id)));
            for track in &tracks {
                self.wireframe(canvas, &track.bbox, camera_from_odom, colors::class(track.class));
            }
            let mut labels = Labels::default();
            for track in tracks.iter().rev() {
                self.name(canvas, track, camera_from_odom, &mut labels);
            }
        } else if let Some(detections) = view.detections {
            for detection in detections.lidar.iter().filter(|detection| detection.bbox.is_valid()) {
                self.wireframe(canvas, &detection.bbox, &self.camera_from_base, colors::DETECTION);
            }
        }
    }

    fn wireframe(&self, canvas: &mut Canvas, bbox: &Box3, camera_from: &Isometry3<f64>, color: Color) {
        let corners = bbox.corners().map(|corner| camera_from * Point3::from(corner));
        let mut lines = canvas.lines();
        for [from, to] in EDGES {
            if let Some((from, to)) = before_camera(corners[from], corners[to]) {
                lines.add([self.pixel(&from), self.pixel(&to)]);
            }
        }
        // The face at the front of the object, where its heading points.
        let front = [0, 3, 7, 4].map(|i| corners[i]);
        if front.iter().all(|corner| corner.z > NEAR_M) {
            canvas.fill(&front.map(|corner| self.pixel(&corner)), color.faded(0.25));
        }
        canvas.stroke(lines, Pen::solid(color, 1.5));
    }

    /// Number and class of a track below its box.
    fn name(&self, canvas: &mut Canvas, track: &Track, camera_from_odom: &Isometry3<f64>, labels: &mut Labels) {
        let corners = track.bbox.corners().map(|corner| camera_from_odom * Point3::from(corner));
        if !corners.iter().all(|corner| corner.z > NEAR_M) {
            return;
        }
        let name = format!("{} {}", track.id, track.class.name());
        let feet = corners[..4].iter().map(|corner| self.pixel(corner));
        let [x, y] = feet.fold([0.0, f64::NEG_INFINITY], |[x, y], foot| [x + 0.25 * foot[0], y.max(foot[1])]);
        let ([width, height], rows) = (text::chip_size(text::SMALL, &name), canvas.height() as f64);
        let [left, top] = [x - 0.5 * width, (y + 2.0).min(rows - height)];
        let visible = (0.0..canvas.width() as f64).contains(&x) && (0.0..1.2 * rows).contains(&y);
        if visible && labels.claim([left, top, left + width, top + height]) {
            canvas.chip([left, top], text::SMALL, colors::class(track.class), colors::PAGE.faded(0.8), &name);
        }
    }
}

/// The part of an edge that lies before the camera.
fn before_camera(a: Point3<f64>, b: Point3<f64>) -> Option<(Point3<f64>, Point3<f64>)> {
    let at_plane = || a + (b - a) * ((NEAR_M - a.z) / (b.z - a.z));
    match (a.z >= NEAR_M, b.z >= NEAR_M) {
        (true, true) => Some((a, b)),
        (true, false) => Some((a, at_plane())),
        (false, true) => Some((at_plane(), b)),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_cut_at_the_camera() {
        let (far, behind) = (Point3::new(0.0, 2.0, 5.3), Point3::new(0.0, -3.0, -4.7));
        let (from, to) = before_camera(far, behind).unwrap();
        assert_eq!(from, far);
        assert!((to.z - NEAR_M).abs() < 1e-12 && (to.y + 0.5).abs() < 1e-12);
        let (from, _) = before_camera(behind, far).unwrap();
        assert!((from.z - NEAR_M).abs() < 1e-12);
        assert!(before_camera(behind, behind).is_none());
    }
}
