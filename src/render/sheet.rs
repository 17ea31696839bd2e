//! A contact sheet: many moments of a drive from above, side by side. It shows at a glance who keeps its identity.

use super::canvas::Canvas;
use super::{HEADER, MARGIN, View, WIDTH, birdseye, colors, text};
use types::Image;

/// Rows for the time above each picture.
const CAPTION: usize = 22;
/// Height of a picture for its width.
const TALL: f64 = 1.15;

/// One moment.
pub struct Cell {
    caption: String,
    picture: Canvas,
}

/// Columns of the sheet.
fn columns(moments: usize) -> usize {
    // A little broader than tall.
    (((moments as f64) * 1.6).sqrt().round() as usize).clamp(1, moments.max(1))
}

/// Width and height of the pictures of so many moments, px.
#[must_use]
pub fn cell_size(moments: usize) -> [usize; 2] {
    let columns = columns(moments);
    let width = (WIDTH - (columns + 1) * MARGIN) / columns;
    [width, (TALL * width as f64) as usize]
}

/// Draws one moment.
#[must_use]
pub fn cell(view: &View, [width, height]: [usize; 2]) -> Cell {
    // Identities are what matters here: the plan and what a single frame showed are left out.
    let view = &View { plan: None, detections: None, ..*view };
    let frame = view.frame.map_or_else(String::new, |frame| format!("   frame {frame}"));
    Cell { caption: format!("{:.1} s{frame}", view.time_s), picture: birdseye::draw(view, width, height) }
}

/// Puts the moments, all of the same size, on one page: in rows, from the left.
#[must_use]
pub fn picture(title: &str, cells: Vec<Cell>) -> Image {
    let columns = columns(cells.len());
    let (width, height) = cells.first().map_or((1, 1), |cell| (cell.picture.width(), cell.picture.height()));
    let step = height + CAPTION + MARGIN;
    let mut page = Canvas::new(WIDTH, HEADER + cells.len().div_ceil(columns) * step, colors::PAGE);
    let title = text::shortened(title, ((WIDTH - 2 * MARGIN) as f64 / text::HEADING) as usize);
    page.text([MARGIN as f64, 29.0], text::HEADING, colors::TEXT, &title);
    for (place, cell) in cells.iter().enumerate() {
        let (left, top) = (MARGIN + place % columns * (width + MARGIN), HEADER + place / columns * step);
        page.text([left as f64, top as f64 + 15.0], text::BODY, colors::MUTED, &cell.caption);
        page.place(&cell.picture, left, top + CAPTION);
    }
    page.into_image()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_moments_fits_the_page() {
        for moments in 1..=48 {
            let size = cell_size(moments);
            let cells: Vec<Cell> = (0..moments)
                .map(|_| Cell { caption: String::new(), picture: Canvas::new(size[0], size[1], colors::PANEL) })
                .collect();
            let columns = columns(moments);
            assert!(columns * (size[0] + MARGIN) + MARGIN <= WIDTH, "{moments}");
            let image = picture("title", cells);
            assert!(image.height >= moments.div_ceil(columns) * size[1] && image.width == WIDTH, "{moments}");
        }
    }
}
