//! The picture of one moment of a drive: a bird's-eye view, the camera image and the numbers.
//!
//! In: what the pipeline knew at that moment, in a [`View`]. Out: an RGB image of 1920 x 1080 pixels, the same bytes
//! for the same view. Never: a clock, a file (but for [`save_png`]), a panic, whatever the numbers are.

mod birdseye;
mod camera;
mod canvas;
mod chart;
mod clip;
mod colors;
mod column;
mod ground;
mod labels;
pub mod misalignment;
mod objects;
mod panel;
mod plan;
mod raster;
pub mod roads;
pub mod sheet;
mod text;

use anyhow::{Context, Result, bail};
use canvas::Canvas;
use std::path::Path;
use types::{
    Calibration, Command, Detections, EgoState, Image, Plan, PointCloud, Route, Signals, Stamp, Tracks, Truth, Vehicle,
};

/// Columns of the picture.
pub const WIDTH: usize = 1920;
/// Rows of the picture.
pub const HEIGHT: usize = 1080;
const MARGIN: usize = 12;
const HEADER: usize = 44;
const BIRDSEYE_WIDTH: usize = 812;
/// Rows that the text below the camera image needs.
const PANEL_HEIGHT: usize = 344;

/// What the pipeline knew at one moment. What is `None` is left out of the picture, which says so.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Heading of the picture.
    pub title: &'a str,
    /// Seconds since the start of the drive.
    pub time_s: f64,
    /// The frame shown.
    pub frame: Option<u64>,
    /// The frame's stamp.
    pub stamp: Option<Stamp>,
    /// Where the sensors sit.
    pub calibration: &'a Calibration,
    /// The own vehicle.
    pub vehicle: &'a Vehicle,
    /// The own state at the frame's stamp. Without it nothing in `odom` can be shown.
    pub ego: Option<&'a EgoState>,
    /// The sweep, lidar frame.
    pub points: Option<&'a PointCloud>,
    /// The camera image.
    pub image: Option<&'a Image>,
    /// Objects of this frame, `base_link` and image.
    pub detections: Option<&'a Detections>,
    /// Objects over time, `odom`.
    pub tracks: Option<&'a Tracks>,
    /// The plan, `odom`.
    pub plan: Option<&'a Plan>,
    /// The command in force.
    pub command: Option<&'a Command>,
    /// The route, `odom`; empty if there is none.
    pub route: &'a Route,
    /// What the signals show.
    pub signals: Option<&'a Signals>,
    /// What is really there, `odom`.
    pub truth: Option<&'a Truth>,
}

impl View<'_> {
    /// The own state, if it can be used.
    fn usable_ego(&self) -> Option<&EgoState> {
        self.ego.filter(|ego| ego.is_finite())
    }
}

/// Draws the view.
#[must_use]
pub fn picture(view: &View) -> Image {
    let mut page = Canvas::new(WIDTH, HEIGHT, colors::PAGE);
    header(&mut page, view);

    let birdseye = birdseye::draw(view, BIRDSEYE_WIDTH, HEIGHT - HEADER - MARGIN);
    page.place(&birdseye, MARGIN, HEADER);

    let (left, width) = (BIRDSEYE_WIDTH + 2 * MARGIN, WIDTH - BIRDSEYE_WIDTH - 3 * MARGIN);
    let mut top = HEADER;
    for image in camera::draw(view, width, HEIGHT - HEADER - PANEL_HEIGHT - 2 * MARGIN) {
        page.place(&image, left + (width - image.width().min(width)) / 2, top);
        top += image.height() + MARGIN;
    }
    let panel = panel::draw(view, width, (HEIGHT - MARGIN).saturating_sub(top));
    page.place(&panel, left, top);
    page.into_image()
}

fn header(page: &mut Canvas, view: &View) {
    let baseline = 29.0;
    let mut facts = Vec::new();
    if view.time_s.is_finite() {
        facts.push(format!("t = {:.3} s", view.time_s));
    }
    facts.extend(view.frame.map(|frame| format!("frame {frame}")));
    facts.extend(view.stamp.map(|stamp| {
        format!("stamp {}.{:09}", stamp.nanos().div_euclid(1_000_000_000), stamp.nanos().rem_euclid(1_000_000_000))
    }));
    let facts = facts.join("   ");
    let room = (WIDTH - 3 * MARGIN) as f64 - text::width(text::BODY, &facts);
    let title = text::shortened(view.title, (room / text::HEADING).max(0.0) as usize);
    page.text([MARGIN as f64, baseline], text::HEADING, colors::TEXT, &title);
    page.text_right([(WIDTH - MARGIN) as f64, baseline], text::BODY, colors::MUTED, &facts);
}

/// Writes a picture as a PNG file.
///
/// # Errors
/// The image's bytes do not fit its size, or the file cannot be written.
pub fn save_png(image: &Image, path: &Path) -> Result<()> {
    if !raster::is_whole(image) {
        bail!("an image of {} x {} pixels cannot hold {} bytes", image.width, image.height, image.rgb.len());
    }
    let (width, height) = (u32::try_from(image.width)?, u32::try_from(image.height)?);
    image::save_buffer_with_format(path, &image.rgb, width, height, image::ColorType::Rgb8, image::ImageFormat::Png)
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests;
