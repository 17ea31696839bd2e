//! Labels that keep out of each other's way.

use super::canvas::{Canvas, Pen, Pixel};
use super::colors::{self, Color};
use super::text::{BODY, chip_size};

/// Places labels beside what they name so that they do not cover each other.
#[derive(Default)]
pub struct Labels {
    taken: Vec<[f64; 4]>,
    written: usize,
}

/// Labels beyond this number would only be noise.
const MOST_LABELS: usize = 150;

impl Labels {
    /// Takes an area, left, top, right, bottom, if none of it is taken and there is room for more labels.
    pub fn claim(&mut self, area: [f64; 4]) -> bool {
        let free = !self.is_full() && !self.taken.iter().any(|other| overlap(&area, other));
        if free {
            self.taken.push(area);
            self.written += 1;
        }
        free
    }

    /// Whether no further label finds a place.
    pub fn is_full(&self) -> bool {
        self.written >= MOST_LABELS
    }

    /// Keeps labels off an area: left, top, right, bottom. Areas beyond a sensible number are ignored.
    pub fn block(&mut self, area: [f64; 4]) {
        if self.taken.len() < 2 * MOST_LABELS {
            self.taken.push(area);
        }
    }

    /// Writes a label beside a thing that reaches `half` px across and down from `anchor`. A label that had to go farther gets
    /// a thin leader; a label without any place is left out.
    pub fn write(&mut self, canvas: &mut Canvas, anchor: Pixel, half: Pixel, color: Color, text: &str) {
        let [width, height] = chip_size(BODY, text);
        let (columns, rows) = (canvas.width() as f64, canvas.height() as f64);
        let visible = (0.0..columns).contains(&anchor[0]) && (0.0..rows).contains(&anchor[1]);
        if !visible || self.is_full() {
            return;
        }
        let half = half.map(|reach| if reach.is_finite() { reach.clamp(0.0, 80.0) + 4.0 } else { 4.0 });
        for ring in 0..4 {
            let farther = 22.0 * f64::from(ring);
            for (right, down) in [(1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1)] {
                let shift =
                    |side: i32, half: f64, size: f64| f64::from(side) * (half + farther + 0.5 * size) - 0.5 * size;
                let (left, top) = (anchor[0] + shift(right, half[0], width), anchor[1] + shift(down, half[1], height));
                let area = [left, top, left + width, top + height];
                let inside = left >= 0.0 && top >= 0.0 && area[2] <= columns && area[3] <= rows;
                if !inside || !self.claim(area) {
                    continue;
                }
                if ring > 0 {
                    let end = [anchor[0].clamp(left, area[2]), anchor[1].clamp(top, area[3])];
                    canvas.line(&[anchor, end], Pen::solid(color.faded(0.5), 1.0));
                }
                canvas.chip([left, top], BODY, color, colors::PANEL.faded(0.72), text);
                return;
            }
        }
    }
}

fn overlap(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_overlap() {
        let mut canvas = Canvas::new(300, 200, Color::hex(0));
        let mut labels = Labels::default();
        for _ in 0..100 {
            labels.write(&mut canvas, [150.0, 100.0], [5.0, f64::NAN], Color::hex(0xff_ff_ff), "12 car 8.3");
        }
        assert!(labels.taken.len() > 5);
        for (i, a) in labels.taken.iter().enumerate() {
            assert!(labels.taken[i + 1..].iter().all(|b| !overlap(a, b)));
        }
    }
}
