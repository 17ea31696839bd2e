//! A column of text in the panel: headings, rows of a name and a value, wrapped sentences.

use super::canvas::{Canvas, Pen};
use super::colors::{self, Color};
use super::text::{self, BODY};

/// Where the next row goes.
pub struct Column<'a> {
    /// What is written on.
    pub canvas: &'a mut Canvas,
    /// Left end of the rows, px.
    pub left: f64,
    /// Width of the rows, px.
    pub width: f64,
    /// Top of the next row, px.
    pub top: f64,
}

impl Column<'_> {
    /// Height of a row, px.
    pub const ROW: f64 = 18.0;

    /// Rows that still fit.
    pub fn rows_left(&self) -> usize {
        ((self.canvas.height() as f64 - 8.0 - self.top) / Self::ROW).max(0.0) as usize
    }

    /// A heading with a line below.
    pub fn heading(&mut self, name: &str) {
        if self.rows_left() < 2 {
            return;
        }
        self.top += 6.0;
        self.canvas.text([self.left, self.top + 12.0], BODY, colors::MUTED, name);
        let line = self.top + 18.5;
        self.canvas.line(&[[self.left, line], [self.left + self.width, line]], Pen::solid(colors::GRID, 1.0));
        self.top += 24.0;
    }

    /// A name on the left and a value on the right.
    pub fn row(&mut self, name: &str, color: Color, value: &str) {
        if self.rows_left() == 0 {
            return;
        }
        let columns = (self.width / BODY) as usize;
        let value = text::shortened(value, columns.saturating_sub(name.chars().count() + 1));
        self.canvas.text([self.left, self.top + 13.0], BODY, colors::MUTED, name);
        let end = [self.left + self.width, self.top + 13.0];
        self.canvas.text_right(end, BODY, color, &value);
        self.top += Self::ROW;
    }

    /// A row with a colored mark before its name.
    pub fn marked_row(&mut self, mark: Color, name: &str, color: Color, value: &str) {
        if self.rows_left() > 0 {
            self.canvas.rectangle([self.left, self.top + 3.0, 10.0, 10.0], mark);
        }
        self.row(&format!("  {name}"), color, value);
    }

    /// A sentence over several rows.
    pub fn sentence(&mut self, color: Color, sentence: &str, rows: usize) {
        for line in text::wrap(sentence, (self.width / BODY) as usize, rows.min(self.rows_left())) {
            self.canvas.text([self.left, self.top + 13.0], BODY, color, &line);
            self.top += Self::ROW;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_column_takes_no_more_rows() {
        let mut canvas = Canvas::new(200, 60, colors::PANEL);
        let mut column = Column { canvas: &mut canvas, left: 4.0, width: 190.0, top: 0.0 };
        for _ in 0..50 {
            column.heading("heading");
            column.row("name", colors::TEXT, "a value that is much too long for this column");
            column.sentence(colors::TEXT, "one two three four five six seven eight nine ten", 9);
        }
        assert!(column.top <= 60.0, "{}", column.top);
        assert_eq!(column.rows_left(), 0);
    }
}
