//! Pixels and the few shapes painted on them: filled areas, lines, points.
//!
//! Coordinates are pixels, x right, y down, from the top left corner. Shapes may lie anywhere and hold any
//! number: what is outside is cut off, what is not finite is left out.

use super::clip::{self, Window};
use super::colors::Color;
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, PixmapMut, Stroke, StrokeDash, Transform};
use types::Image;

/// A position on a canvas, px.
pub type Pixel = [f64; 2];

/// How a line is painted.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    /// Color and opacity.
    pub color: Color,
    /// Width, px; at most 200.
    pub width: f64,
    /// Lengths of dash and gap, px.
    pub dash: Option<[f64; 2]>,
}

impl Pen {
    /// A solid pen.
    pub const fn solid(color: Color, width: f64) -> Self {
        Self { color, width, dash: None }
    }

    /// A pen that leaves gaps.
    pub const fn dashed(color: Color, width: f64, dash: f64, gap: f64) -> Self {
        Self { color, width, dash: Some([dash, gap]) }
    }
}

/// An opaque picture in the making.
pub struct Canvas {
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

impl Canvas {
    /// A canvas of one color.
    pub fn new(width: usize, height: usize, Color(r, g, b, _): Color) -> Self {
        Self { width, height, rgba: [r, g, b, 255].repeat(width * height) }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// An empty set of lines, to be filled and then painted with [`Canvas::stroke`].
    pub fn lines(&self) -> Lines {
        Lines { builder: PathBuilder::new(), window: self.window() }
    }

    /// Paints a set of lines with one pen. Where lines of one set cross, a translucent wide pen paints once.
    pub fn stroke(&mut self, lines: Lines, pen: Pen) {
        let Some(path) = lines.builder.finish() else { return };
        let (line_cap, line_join) = (LineCap::Butt, LineJoin::Round);
        let dash = pen.dash.and_then(|[dash, gap]| StrokeDash::new(vec![dash as f32, gap as f32], 0.0));
        let width = pen.width.clamp(0.1, 200.0) as f32;
        let stroke = Stroke { width, line_cap, line_join, dash, ..Stroke::default() };
        let paint = paint(pen.color);
        if let Some(mut pixels) = self.pixels() {
            pixels.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
        }
    }

    /// Paints one line through the points.
    pub fn line(&mut self, points: &[Pixel], pen: Pen) {
        let mut lines = self.lines();
        lines.add(points.iter().copied());
        self.stroke(lines, pen);
    }

    /// Paints the outline of a polygon.
    pub fn outline(&mut self, corners: &[Pixel], pen: Pen) {
        let mut lines = self.lines();
        lines.add_closed(corners);
        self.stroke(lines, pen);
    }

    /// Fills a polygon.
    pub fn fill(&mut self, corners: &[Pixel], color: Color) {
        let inside = clip::polygon(corners, self.window());
        let mut builder = PathBuilder::new();
        for (i, &[x, y]) in inside.iter().enumerate() {
            if i == 0 { builder.move_to(x as f32, y as f32) } else { builder.line_to(x as f32, y as f32) }
        }
        builder.close();
        if let Some(path) = builder.finish() {
            self.fill_path(&path, color);
        }
    }

    /// Fills an upright rectangle: left, top, width, height.
    pub fn rectangle(&mut self, [x, y, width, height]: [f64; 4], color: Color) {
        self.fill(&[[x, y], [x + width, y], [x + width, y + height], [x, y + height]], color);
    }

    /// Fills a finished path that lies near the canvas.
    pub fn fill_path(&mut self, path: &Path, color: Color) {
        let paint = paint(color);
        if let Some(mut pixels) = self.pixels() {
            pixels.fill_path(path, &paint, FillRule::Winding, Transform::identity(), None);
        }
    }

    /// Mixes one color into one pixel.
    pub fn blend(&mut self, column: usize, row: usize, Color(r, g, b, opacity): Color) {
        if column >= self.width || row >= self.height {
            return;
        }
        let start = 4 * (row * self.width + column);
        if let Some(pixel) = self.rgba.get_mut(start..start + 3) {
            for (old, new) in pixel.iter_mut().zip([r, g, b]) {
                let mixed = u32::from(*old) * (255 - u32::from(opacity)) + u32::from(new) * u32::from(opacity);
                *old = ((mixed + 127) / 255) as u8;
            }
        }
    }

    /// Copies another canvas onto this one, its top left corner at the given pixel.
    pub fn place(&mut self, other: &Self, left: usize, top: usize) {
        let width = other.width.min(self.width.saturating_sub(left));
        for row in 0..other.height.min(self.height.saturating_sub(top)) {
            let (from, to) = (4 * row * other.width, 4 * ((top + row) * self.width + left));
            self.rgba[to..to + 4 * width].copy_from_slice(&other.rgba[from..from + 4 * width]);
        }
    }

    /// The finished picture.
    pub fn into_image(self) -> Image {
        let rgb = self.rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Image { width: self.width, height: self.height, rgb }
    }

    /// The canvas and a border wide enough for any pen.
    pub(super) fn window(&self) -> Window {
        Window::around(self.width, self.height)
    }

    fn pixels(&mut self) -> Option<PixmapMut<'_>> {
        PixmapMut::from_bytes(&mut self.rgba, self.width as u32, self.height as u32)
    }
}

fn paint(Color(r, g, b, opacity): Color) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(r, g, b, opacity);
    paint
}

/// Lines that are painted together, cut to the canvas.
pub struct Lines {
    builder: PathBuilder,
    window: Window,
}

impl Lines {
    /// Adds one line through the points.
    pub fn add(&mut self, points: impl IntoIterator<Item = Pixel>) {
        let mut pen_at = None;
        let mut previous: Option<Pixel> = None;
        for point in points {
            if let Some((from, to)) = previous.and_then(|from| clip::segment(from, point, self.window)) {
                if pen_at != Some(from) {
                    self.builder.move_to(from[0] as f32, from[1] as f32);
                }
                self.builder.line_to(to[0] as f32, to[1] as f32);
                pen_at = Some(to);
            }
            previous = Some(point);
        }
    }

    /// Adds the outline of a polygon.
    pub fn add_closed(&mut self, corners: &[Pixel]) {
        if corners.len() < 2 || !corners.iter().all(|&corner| self.window.contains(corner)) {
            return self.add(corners.iter().chain(corners.first()).copied());
        }
        for (i, &[x, y]) in corners.iter().enumerate() {
            if i == 0 { self.builder.move_to(x as f32, y as f32) } else { self.builder.line_to(x as f32, y as f32) }
        }
        self.builder.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Color = Color::hex(0xff_00_00);

    fn pixel(image: &Image, column: usize, row: usize) -> [u8; 3] {
        std::array::from_fn(|i| image.rgb[3 * (row * image.width + column) + i])
    }

    #[test]
    fn a_rectangle_paints_its_own_pixels_only() {
        let mut canvas = Canvas::new(20, 10, Color::hex(0));
        canvas.rectangle([4.0, 2.0, 3.0, 5.0], RED);
        let image = canvas.into_image();
        for row in 0..10 {
            for column in 0..20 {
                let inside = (4..7).contains(&column) && (2..7).contains(&row);
                assert_eq!(pixel(&image, column, row), [if inside { 255 } else { 0 }, 0, 0], "{column} {row}");
            }
        }
    }

    #[test]
    fn lines_points_and_places_land_where_they_should() {
        let mut small = Canvas::new(9, 9, Color::hex(0));
        small.line(&[[0.0, 4.5], [9.0, 4.5]], Pen::solid(RED, 3.0));
        small.blend(0, 0, Color(255, 255, 255, 128));
        small.blend(100, 0, RED);
        let mut canvas = Canvas::new(30, 30, Color::hex(0));
        canvas.place(&small, 25, 1);
        let image = canvas.into_image();
        assert_eq!(pixel(&image, 25, 1), [128, 128, 128]);
        assert_eq!((pixel(&image, 29, 5), pixel(&image, 29, 8)), ([255, 0, 0], [0, 0, 0]));
    }

    #[test]
    fn no_number_breaks_a_shape() {
        let bad = [f64::NAN, f64::INFINITY, -f64::MAX, f64::MAX, 0.0, 3.0];
        let mut canvas = Canvas::new(16, 16, Color::hex(0));
        let points: Vec<Pixel> = bad.iter().flat_map(|&x| bad.map(|y| [x, y])).collect();
        canvas.line(&points, Pen::dashed(RED, f64::MAX, 1.0, 0.0));
        canvas.outline(&points, Pen::solid(RED, 1.0));
        canvas.fill(&points, RED);
        for &number in &bad {
            canvas.rectangle([number; 4], RED);
        }
        let mut nothing = Canvas::new(0, 7, RED);
        nothing.fill(&points, RED);
        assert_eq!(nothing.into_image().rgb.len(), 0);
    }
}
