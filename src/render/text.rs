//! Text in one fixed-width font (Hack), painted as outlines.

use super::canvas::{Canvas, Pixel};
use super::colors::Color;
use tiny_skia::PathBuilder;
use ttf_parser::{Face, OutlineBuilder};

/// Width of a character of the smallest text, px.
pub const SMALL: f64 = 7.0;
/// Width of a character of ordinary text, px.
pub const BODY: f64 = 8.0;
/// Width of a character of a heading, px.
pub const HEADING: f64 = 10.0;
/// More characters than the picture is wide.
const LONGEST: usize = 400;

/// Width of a text, px: every character is `cell` px wide.
pub fn width(cell: f64, text: &str) -> f64 {
    cell * text.chars().count() as f64
}

/// The first `columns` characters of a text; if some are left out, the last one is an ellipsis.
pub fn shortened(text: &str, columns: usize) -> String {
    if text.chars().nth(columns).is_none() {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(1)).chain(['…']).take(columns).collect()
}

/// Breaks a text into lines of at most `columns` characters, at most `rows` of them; what is left out shows as an ellipsis.
pub fn wrap(text: &str, columns: usize, rows: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().take(LONGEST).collect();
        if !line.is_empty() && line.chars().count() + 1 + rest.len() > columns {
            lines.push(std::mem::take(&mut line));
        }
        while rest.len() > columns {
            lines.push(rest.drain(..columns).collect());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(rest);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > rows {
        lines.truncate(rows);
        if let Some(last) = lines.last_mut() {
            *last = shortened(&format!("{last} …"), columns);
        }
    }
    lines
}

impl Canvas {
    /// Writes one line of text; `[x, y]` is the left end of its baseline. Control characters become spaces.
    pub fn text(&mut self, [x, y]: Pixel, cell: f64, color: Color, text: &str) {
        let Some(path) = outlines(self.window().contains([x, y]), [x.round(), y.round()], cell, text) else { return };
        self.fill_path(&path, color);
    }

    /// Writes one line of text that ends at `x`.
    pub fn text_right(&mut self, [x, y]: Pixel, cell: f64, color: Color, text: &str) {
        self.text([x - width(cell, text), y], cell, color, text);
    }

    /// Writes text on a chip of its own; `[x, y]` is the chip's top left corner.
    pub fn chip(&mut self, [x, y]: Pixel, cell: f64, color: Color, background: Color, text: &str) {
        let [width, height] = chip_size(cell, text);
        self.rectangle([x.round(), y.round(), width, height], background);
        self.text([x.round() + 3.0, y.round() + height - (0.65 * cell).round()], cell, color, text);
    }
}

/// Width and height of a chip, px.
pub fn chip_size(cell: f64, text: &str) -> [f64; 2] {
    [width(cell, text) + 6.0, (2.05 * cell).round()]
}

fn outlines(visible: bool, [x, y]: Pixel, cell: f64, text: &str) -> Option<tiny_skia::Path> {
    if !visible {
        return None;
    }
    let face = Face::parse(epaint_default_fonts::HACK_REGULAR, 0).ok()?;
    let advance = face.glyph_index('0').and_then(|glyph| face.glyph_hor_advance(glyph))?;
    let scale = cell / f64::from(advance.max(1));
    let mut glyphs = GlyphPen { path: PathBuilder::new(), x, y, scale };
    for character in text.chars().take(LONGEST) {
        let known = face.glyph_index(if character.is_control() { ' ' } else { character });
        if let Some(glyph) = known.or_else(|| face.glyph_index('?')) {
            face.outline_glyph(glyph, &mut glyphs);
        }
        glyphs.x += cell;
    }
    glyphs.path.finish()
}

/// Moves outlines of the font (y up, font units) to their place on the canvas.
struct GlyphPen {
    path: PathBuilder,
    x: f64,
    y: f64,
    scale: f64,
}

impl GlyphPen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        ((self.x + self.scale * f64::from(x)) as f32, (self.y - self.scale * f64::from(y)) as f32)
    }
}

impl OutlineBuilder for GlyphPen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_words_and_breaks_what_is_too_long() {
        assert_eq!(wrap("stop behind track 12, 8.4 m", 12, 9), ["stop behind", "track 12,", "8.4 m"]);
        assert_eq!(wrap("abcdefgh", 3, 9), ["abc", "def", "gh"]);
        assert_eq!(wrap("a b c d", 2, 2), ["a", "b…"]);
        assert_eq!(wrap("one two three", 7, 1), ["one tw…"]);
        assert_eq!([shortened("abc", 3), shortened("abc", 2), shortened("abc", 0)], ["abc", "a…", ""]);
        assert!(wrap(" \n ", 5, 5).is_empty());
    }

    #[test]
    fn text_paints_within_its_cells_and_unknown_characters_do_not_hurt() {
        let mut canvas = Canvas::new(60, 30, Color::hex(0));
        canvas.text([10.0, 20.0], 10.0, Color::hex(0xff_ff_ff), "H\u{7}\u{10ffff}°²");
        canvas.text([f64::NAN, 1e300], 10.0, Color::hex(0xff_ff_ff), "never");
        let image = canvas.into_image();
        let lit = |columns: std::ops::Range<usize>| {
            columns
                .flat_map(|c| (0..30).map(move |r| (c, r)))
                .filter(|&(c, r)| image.rgb[3 * (r * 60 + c)] > 128)
                .count()
        };
        assert_eq!((lit(0..10), lit(20..30)), (0, 0));
        assert!(lit(10..20) > 30 && lit(30..40) > 5 && lit(40..60) > 5);
    }
}
