//! Fills a band of samples with the nearest facets.

use crate::facet::{Form, Quadric, SAMPLES, View};
use crate::grain::grain;
use crate::surface::Surface;
use nalgebra::Vector3;

/// Rows of pixels that are filled at a time: few enough to stay in the cache.
pub const BAND_ROWS: usize = 8;

/// What an object covers of a picture, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// First column, first row, last column, last row.
    pub bounds: [i64; 4],
    /// Samples within its outline, hidden ones included.
    pub whole: u64,
    /// Samples in which it is the nearest.
    pub seen: u64,
}

impl Cover {
    /// Of nothing.
    pub const NONE: Self = Self { bounds: [i64::MAX, i64::MAX, i64::MIN, i64::MIN], whole: 0, seen: 0 };

    /// Of two parts of a picture together.
    pub fn with(&self, other: &Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.bounds, other.bounds);
        Self {
            bounds: [a.min(e), b.min(f), c.max(g), d.max(h)],
            whole: self.whole + other.whole,
            seen: self.seen + other.seen,
        }
    }
}

/// A band of samples.
#[derive(Clone, Debug, Default)]
pub struct Band {
    /// Inverse depth, 1/m; 0 where nothing is.
    pub inverse_depth: Vec<f32>,
    /// Index of the facet plus one; 0 where nothing is.
    pub facet: Vec<u32>,
    /// Index of the frame plus one that was last drawn over a sample.
    drawn: Vec<u32>,
    /// Samples of a row.
    pub width: usize,
    first_row: i64,
    rows: usize,
}

impl Band {
    /// Draws the facets that meet the given rows of pixels. What the objects cover is added to `covers` (one for each frame) if
    /// `count` is set.
    pub fn draw(&mut self, view: &View, width: usize, first: usize, rows: usize, count: bool, covers: &mut [Cover]) {
        (self.width, self.first_row, self.rows) = (width * SAMPLES, (first * SAMPLES) as i64, rows * SAMPLES);
        let size = self.width * self.rows;
        self.inverse_depth.clear();
        self.inverse_depth.resize(size, 0.0);
        self.facet.clear();
        self.facet.resize(size, 0);
        self.drawn.clear();
        self.drawn.resize(size, 0);
        let end = self.first_row + self.rows as i64;
        for (index, [top, bottom]) in view.spans.iter().enumerate() {
            let rows = i64::from(*top).max(self.first_row)..i64::from(*bottom).min(end);
            if rows.is_empty() {
                continue;
            }
            let facet = &view.facets[index];
            let counted = count && view.frames[facet.frame].is_actor;
            let mark = (facet.frame as u32 + 1, counted.then_some(&mut covers[facet.frame]));
            let mut pen = Pen { band: self, id: index as u32 + 1, mark };
            match &facet.form {
                Form::Flat { corners, inverse_depth } => {
                    let corners = &view.corners[corners.clone()];
                    let [per_column, per_row, first] = [inverse_depth.x, inverse_depth.y, inverse_depth.z];
                    for row in rows {
                        let Some([from, to]) = crossing(corners, row as f64) else { continue };
                        let (from, to) =
                            (from.ceil().max(0.0) as usize, to.ceil().clamp(0.0, pen.band.width as f64) as usize);
                        if from < to && facet.surface == Surface::Netting {
                            pen.sieve(row, from, to, inverse_depth);
                        } else if from < to {
                            let start = first + per_row * row as f64 + per_column * from as f64;
                            pen.flat(row, from, to, start as f32, per_column as f32);
                        }
                    }
                }
                Form::Ball(quadric) => {
                    let leaves = matches!(facet.surface, Surface::Leaves(_)).then(|| Fringe::around(quadric)).flatten();
                    rows.for_each(|row| pen.ball(row, quadric, leaves.as_ref()));
                }
                Form::Tube { .. } => rows.for_each(|row| pen.tube(row, &facet.form)),
                Form::End => {}
            }
        }
    }

    /// Place of a row of samples, counted from the first of the band.
    pub fn row(&self, row: usize) -> std::ops::Range<usize> {
        row * self.width..(row + 1) * self.width
    }
}

/// The two places where a row crosses the outline of a convex polygon.
pub fn crossing(corners: &[[f64; 2]], row: f64) -> Option<[f64; 2]> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut before = corners.last()?;
    for corner in corners {
        // Both neighbours of an edge go along it in the same direction, so that no sample is lost between them.
        let (upper, lower) = if before[1] <= corner[1] { (before, corner) } else { (corner, before) };
        if upper[1] <= row && row < lower[1] {
            let at = upper[0] + (row - upper[1]) * (lower[0] - upper[0]) / (lower[1] - upper[1]);
            (low, high) = (low.min(at), high.max(at));
        }
        before = corner;
    }
    (low < high).then_some([low, high])
}

struct Pen<'a> {
    band: &'a mut Band,
    id: u32,
    /// Mark of the frame, and where its samples are counted.
    mark: (u32, Option<&'a mut Cover>),
}

impl Pen<'_> {
    fn place(&self, row: i64, from: usize, to: usize) -> std::ops::Range<usize> {
        let start = (row - self.band.first_row) as usize * self.band.width;
        start + from..start + to
    }

    fn flat(&mut self, row: i64, from: usize, to: usize, start: f32, step: f32) {
        let (place, id) = (self.place(row, from, to), self.id);
        let depths = &mut self.band.inverse_depth[place.clone()];
        let facets = &mut self.band.facet[place];
        for (index, (depth, facet)) in depths.iter_mut().zip(facets).enumerate() {
            let here = start + step * index as f32;
            let nearer = here > *depth;
            *depth = if nearer { here } else { *depth };
            *facet = if nearer { id } else { *facet };
        }
        self.count(row, from, to);
    }

    /// Notes the samples of a span that this frame had not drawn over yet.
    fn count(&mut self, row: i64, from: usize, to: usize) {
        let place = self.place(row, from, to);
        let (mark, Some(cover)) = &mut self.mark else { return };
        let mut fresh = 0_u32;
        for drawn in &mut self.band.drawn[place] {
            fresh += u32::from(*drawn != *mark);
            *drawn = *mark;
        }
        if fresh > 0 {
            let span = Cover { bounds: [from as i64, row, to as i64 - 1, row], whole: u64::from(fresh), seen: 0 };
            **cover = cover.with(&span);
        }
    }

    /// A net covers one sample of four.
    fn sieve(&mut self, row: i64, from: usize, to: usize, inverse_depth: &Vector3<f64>) {
        let first = (2 * row as usize) % 4;
        let (per_row, rest) = (inverse_depth.y * row as f64, inverse_depth.z);
        for column in (from..to).filter(|column| (column + first).is_multiple_of(4)) {
            let here = inverse_depth.x * column as f64 + per_row + rest;
            self.flat(row, column, column + 1, here as f32, 0.0);
        }
    }

    fn ball(&mut self, row: i64, quadric: &Quadric, fringe: Option<&Fringe>) {
        let (q, j) = (&quadric.form, row as f64);
        let square = q[(0, 0)];
        let linear = 2.0 * (q[(0, 1)] * j + q[(0, 2)]);
        let rest = q[(1, 1)] * j * j + 2.0 * q[(1, 2)] * j + q[(2, 2)];
        let toward = quadric.toward.y * j + quadric.toward.z;
        let width = self.band.width as f64;
        if square >= 0.0 {
            // So near that its outline is no ellipse: sample by sample.
            for column in 0..self.band.width {
                let i = column as f64;
                let (form, toward) = ((square * i + linear) * i + rest, toward + quadric.toward.x * i);
                if form >= 0.0 && toward < 0.0 {
                    self.flat(row, column, column + 1, ((form.sqrt() - toward) / quadric.room) as f32, 0.0);
                }
            }
            return;
        }
        let middle = -0.5 * linear / square;
        let most = rest + 0.5 * linear * middle;
        if most <= 0.0 {
            return;
        }
        let half = (-most / square).sqrt();
        let from = (middle - half).ceil().clamp(0.0, width) as usize;
        let to = ((middle + half).floor() + 1.0).clamp(0.0, width) as usize;
        if from >= to || toward + quadric.toward.x * middle >= 0.0 {
            return;
        }
        if let Some(fringe) = fringe {
            // What lies surely inside, and the two ends of the row, sample by sample.
            let half = ((most - FRINGE * fringe.most).max(0.0) / -square).sqrt();
            let (inner, outer) = ((middle - half).ceil() as usize, (middle + half).floor().max(0.0) as usize);
            for column in (from..to).filter(|column| !(inner..=outer).contains(column) || half <= 0.0) {
                let i = column as f64;
                let form = (square * i + linear) * i + rest;
                if form > fringe.depth_at(i, j) {
                    let here = (form.max(0.0).sqrt() - toward - quadric.toward.x * i) / quadric.room;
                    self.flat(row, column, column + 1, here as f32, 0.0);
                }
            }
            if half <= 0.0 || inner.max(from) >= (outer + 1).min(to) {
                return;
            }
            self.arc(row, inner.max(from), (outer + 1).min(to), quadric, [middle, most, toward]);
        } else {
            self.arc(row, from, to, quadric, [middle, most, toward]);
        }
    }

    /// A stretch of a row within a ball; `toward` is that of the row's first sample.
    fn arc(&mut self, row: i64, from: usize, to: usize, quadric: &Quadric, [middle, most, toward]: [f64; 3]) {
        let square = quadric.form[(0, 0)];
        let (place, id) = (self.place(row, from, to), self.id);
        let per_room = 1.0 / quadric.room;
        let first = from as f64 - middle;
        let (most, square, first) =
            ((most * per_room * per_room) as f32, (square * per_room * per_room) as f32, first as f32);
        let start = (-(toward + quadric.toward.x * from as f64) * per_room) as f32;
        let step = (-quadric.toward.x * per_room) as f32;
        let depths = &mut self.band.inverse_depth[place.clone()];
        let facets = &mut self.band.facet[place];
        for (index, (depth, facet)) in depths.iter_mut().zip(facets).enumerate() {
            let off = first + index as f32;
            let here = start + step * index as f32 + (most + square * off * off).max(0.0).sqrt();
            let nearer = here > *depth;
            *depth = if nearer { here } else { *depth };
            *facet = if nearer { id } else { *facet };
        }
        self.count(row, from, to);
    }

    fn tube(&mut self, row: i64, form: &Form) {
        let Form::Tube { side, eye, across, eye_along, along, half_length, columns, hole } = form else { return };
        let (id, j) = (self.id, row as f64);
        let at = |direction: &Vector3<f64>, i: f64| direction.x * i + (direction.y * j + direction.z);
        for column in columns[0] as usize..columns[1] as usize {
            let i = column as f64;
            let (d0, d1) = (at(&across[0], i), at(&across[1], i));
            let (toward, square) = (eye[0] * d0 + eye[1] * d1, d0 * d0 + d1 * d1);
            let form = toward * toward - square * side.room;
            if form < 0.0 {
                continue;
            }
            let speed = at(along, i);
            let mut hit = None;
            if side.room > 0.0 && toward < 0.0 {
                let inverse = (form.sqrt() - toward) / side.room;
                if (eye_along + speed / inverse).abs() <= *half_length {
                    hit = Some((inverse, id));
                }
            }
            if hit.is_none() && eye_along.abs() > *half_length {
                let inverse = speed / (half_length * eye_along.signum() - eye_along);
                let (x, y) = (eye[0] + d0 / inverse, eye[1] + d1 / inverse);
                let from_axis = x * x + y * y;
                let is_open = from_axis < hole * hole && !(column + 2 * row as usize).is_multiple_of(8);
                if inverse > 0.0 && from_axis <= 1.0 && !is_open {
                    hit = Some((inverse, id + 1));
                }
            }
            if let Some((inverse, id)) = hit {
                self.id = id;
                self.flat(row, column, column + 1, inverse as f32, 0.0);
            }
        }
        self.id = id;
    }
}

/// Share of a crown's depth over which its edge is ragged.
const FRINGE: f64 = 0.4;

/// The ragged edge of a ball of leaves: a pattern that moves and grows with it.
struct Fringe {
    center: [f64; 2],
    per_sample: f64,
    /// The form of the ball at its centre.
    most: f64,
}

impl Fringe {
    /// `None` for a ball whose outline is no ellipse, or too small for a pattern.
    fn around(quadric: &Quadric) -> Option<Self> {
        let q = &quadric.form;
        let determinant = q[(0, 0)] * q[(1, 1)] - q[(0, 1)] * q[(0, 1)];
        if q[(0, 0)] >= 0.0 || determinant <= 0.0 {
            return None;
        }
        let x = (q[(0, 1)] * q[(1, 2)] - q[(1, 1)] * q[(0, 2)]) / determinant;
        let y = (q[(0, 1)] * q[(0, 2)] - q[(0, 0)] * q[(1, 2)]) / determinant;
        let most = q[(0, 2)] * x + q[(1, 2)] * y + q[(2, 2)];
        let radius = (-most / q[(0, 0)]).sqrt();
        // Also what is not a number has no pattern.
        (radius > 6.0).then_some(Self { center: [x, y], per_sample: 14.0 / radius, most })
    }

    /// How deep the pattern cuts at a sample.
    fn depth_at(&self, i: f64, j: f64) -> f64 {
        let [x, y] = [(i - self.center[0]) * self.per_sample, (j - self.center[1]) * self.per_sample];
        let [white, soft, ..] = grain().at(x as f32 + 100.0, y as f32 + 100.0, self.per_sample as f32);
        FRINGE * self.most * f64::from(0.6 * white + 0.4 * soft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_triangle() {
        let corners = [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]];
        assert_eq!(crossing(&corners, 1.0), Some([0.0, 3.0]));
        assert_eq!((crossing(&corners, 4.0), crossing(&corners, -0.1), crossing(&[], 0.0)), (None, None, None));
    }

    #[test]
    fn covers_add_up() {
        let one = Cover { bounds: [1, 2, 3, 4], whole: 5, seen: 2 };
        assert_eq!(one.with(&Cover::NONE), one);
        assert_eq!(one.with(&Cover { bounds: [0, 3, 2, 9], whole: 1, seen: 1 }).bounds, [0, 2, 3, 9]);
    }
}
