//! The picture of a measured misalignment: rims of objects in the image before and after, and the score over each turn.

use super::canvas::{Canvas, Pen};
use super::colors;
use super::{raster, text};
use crate::calibrate::Calibrated;
use perception::misalignment::{Axis, SPAN_DEG, Turn};
use types::Image;

const MARGIN: f64 = 16.0;
const PLOT: f64 = 220.0;

/// Draws it.
#[must_use]
pub fn picture(calibrated: &Calibrated) -> Image {
    let (image, moment) = &calibrated.example;
    let (width, rows) = (image.width.max(900), image.height.max(1));
    let height = 2 * rows + (3.0 * MARGIN + PLOT) as usize + 40;
    let mut canvas = Canvas::new(width, height, colors::PAGE);
    let turns = [("as calibrated", Turn::default()), ("as measured", calibrated.measured.turn)];
    for (place, (name, turn)) in turns.into_iter().enumerate() {
        let mut part = Canvas::new(width, rows, colors::PANEL);
        if raster::is_whole(image) {
            let mut shown = Canvas::new(image.width, image.height, colors::PANEL);
            raster::paint_image(&mut shown, image, 0.6, true);
            part.place(&shown, 0, 0);
        }
        let rotation = turn.of_points();
        for edge in &moment.edges {
            let point = rotation * edge.point;
            let ray = calibrated.camera.k * point.coords;
            let (x, y) = (ray.x / ray.z, ray.y / ray.z);
            let color = if edge.direction == 0 { colors::PLAN } else { colors::TRUTH };
            part.rectangle([x - 1.0, y - 1.0, 2.5, 2.5], color);
        }
        part.chip([6.0, 6.0], text::BODY, colors::TEXT, colors::PAGE.faded(0.7), name);
        canvas.place(&part, 0, place * (rows + MARGIN as usize));
    }
    let top = (2 * (rows + MARGIN as usize)) as f64;
    let each = (width as f64 - 4.0 * MARGIN) / 3.0;
    for (place, axis) in calibrated.measured.axes.iter().enumerate() {
        curve(&mut canvas, [MARGIN + place as f64 * (each + MARGIN), top, each, PLOT], axis);
    }
    canvas.into_image()
}

fn curve(canvas: &mut Canvas, [left, top, width, height]: [f64; 4], axis: &Axis) {
    canvas.rectangle([left, top, width, height], colors::PANEL);
    let scores = || axis.curve.iter().map(|point| point[1]);
    let [low, high] = scores().fold([f64::MAX, f64::MIN], |[low, high], score| [score.min(low), score.max(high)]);
    let at = |[turn, score]: [f64; 2]| {
        let share = (score - low) / (high - low).max(1e-9);
        [left + (turn + SPAN_DEG) / (2.0 * SPAN_DEG) * width, top + height - 24.0 - share * (height - 56.0)]
    };
    for (turn, color) in [(0.0, colors::MUTED), (axis.turn_deg, colors::PLAN)] {
        let [x, _] = at([turn, low]);
        canvas.line(&[[x, top + 26.0], [x, top + height - 22.0]], Pen::dashed(color, 1.5, 4.0, 4.0));
    }
    let line: Vec<[f64; 2]> = axis.curve.iter().map(|point| at(*point)).collect();
    canvas.line(&line, Pen::solid(colors::EGO, 1.5));
    let name = format!("{}: {:+.2} deg, +-{:.2}", axis.name, axis.turn_deg, axis.error_deg);
    canvas.text([left + 8.0, top + 18.0], text::BODY, colors::TEXT, &name);
    for turn in [-2.0, -1.0, 0.0, 1.0, 2.0] {
        let [x, _] = at([turn, low]);
        canvas.text([x - 10.0, top + height - 8.0], text::SMALL, colors::MUTED, &format!("{turn:+.0}"));
    }
}
